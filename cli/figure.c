/* figure.c - figures through gnuplot.
 * 1. checks   2. running gnuplot   3. scripts   4. what figures share   5. the bias figure
 * 6. the figures of MGD
 *
 * The templates of plots/ are compiled in (plots/templates.h). A script is the common style
 * (plots/style.gp), the data as here-documents and variables, and a template; gnuplot writes a
 * temporary file, which is then renamed.
 */
#include "figure.h"
#include "chart.h"
#include "plots/templates.h"
#include "svg.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- 1. checks -- */

/* Kinds of figures, and how gnuplot calls them; sizes are given in pixels of a PNG. */
static const struct kind {
    const char *ending;
    const char *terminal;
    double scale; /* from pixels to `unit` */
    const char *unit;
    const char *options;
} kinds[] = {
    {".png", "pngcairo", 1.0, "", "font 'sans,13'"},
    {".svg", "svg", 1.0, "", "font 'sans,16'"},
    {".pdf", "pdfcairo", 1.0 / 120.0, "in", "font 'sans,12' fontscale 0.75"},
};

static const struct kind *kind_of(const char *path)
{
    const size_t n = strlen(path);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const size_t width = strlen(kinds[k].ending);
        if (n > width && strcmp(path + n - width, kinds[k].ending) == 0) {
            return &kinds[k];
        }
    }
    return NULL;
}

int check_writable(const char *path, struct rebias_error *err)
{
    if (path == NULL || strcmp(path, "-") == 0) {
        return REBIAS_OK;
    }
    const struct rebias_place place = {path, 0, 0, NULL};
    struct stat info;
    int number = 0;
    if (stat(path, &info) == 0) {
        number = S_ISDIR(info.st_mode) ? EISDIR : access(path, W_OK) != 0 ? errno : 0;
    } else {
        const char *slash = strrchr(path, '/');
        char folder[4096] = ".";
        if (slash != NULL) {
            snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
        }
        number = access(folder, W_OK) != 0 ? errno : 0;
    }
    return number == 0 ? REBIAS_OK
                       : rebias_fail_at(err, REBIAS_E_IO, &place, NULL, "cannot write: %s",
                                        strerror(number));
}

int figure_check(const char *option, const char *path, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, path};
    if (kind_of(path) == NULL) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place,
                              "a name that ends in .png, .svg or .pdf", "bad value of --%s",
                              option);
    }
    return check_writable(path, err);
}

/* -- 2. running gnuplot -- */

/* Runs gnuplot on a script that makes the file `temporary`; NULL, or why there is none. */
static const char *run_gnuplot(const char *script, size_t size, const char *temporary)
{
    if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
        return "gnuplot was not found (Debian: gnuplot-nox)";
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore,
              &before); /* a gnuplot that dies early is a remark, not our death */
    FILE *pipe = popen("LC_ALL=C.UTF-8 gnuplot >/dev/null", "w");
    bool good = pipe != NULL && fwrite(script, 1, size, pipe) == size;
    int code = pipe != NULL ? pclose(pipe) : -1;
    sigaction(SIGPIPE, &before, NULL);
    if (!good || code != 0 || access(temporary, F_OK) != 0) {
        unlink(temporary);
        return "gnuplot failed";
    }
    return NULL;
}

/* -- 3. scripts -- */

/* What one figure is made of. */
struct drawing {
    const char *path;
    const struct kind *kind;
    double width, height; /* pixels of a PNG */
    figure_data *write;
    const void *context;
    const char *template;
};

/* *script = the script that draws into the file `target`; free() it. */
static int make_script(const struct drawing *drawing, const char *target, char **script,
                       size_t *size, struct rebias_error *err)
{
    const struct kind *kind = drawing->kind;
    FILE *out = open_memstream(script, size);
    if (out == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the figure");
    }
    fprintf(out, "set terminal %s size %.6g%s,%.6g%s %s\n", kind->terminal,
            kind->scale * drawing->width, kind->unit, kind->scale * drawing->height, kind->unit,
            kind->options);
    figure_quoted(out, "outfile", target);
    fputs("set output outfile\n", out);
    fputs(plot_style, out);
    drawing->write(out, drawing->context);
    fputs(drawing->template, out);
    return fclose(out) == 0 ? REBIAS_OK
                            : rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the figure");
}

/* *name = NAME.csv or .gp beside NAME.png; free() it. */
static int name_beside(const struct drawing *drawing, const char *ending, char **name,
                       struct rebias_error *err)
{
    const size_t stem = strlen(drawing->path) - strlen(drawing->kind->ending);
    const size_t size = stem + strlen(ending) + 1;
    int status = rebias_alloc(name, size, 1, err);
    if (status == REBIAS_OK) {
        snprintf(*name, size, "%.*s%s", (int)stem, drawing->path, ending);
    }
    return status;
}

/* NAME.gp beside NAME.png: draws the figure where it lies. */
static int write_beside(const struct drawing *drawing, const char *name,
                        struct rebias_error *err)
{
    const char *slash = strrchr(drawing->path, '/');
    struct rebias_output out = {NULL, NULL, NULL};
    char *script = NULL;
    size_t size = 0;
    int status =
        make_script(drawing, slash != NULL ? slash + 1 : drawing->path, &script, &size, err);
    if (status == REBIAS_OK) {
        status = rebias_output_open(&out, name, err);
    }
    if (status == REBIAS_OK) {
        fwrite(script, 1, size, out.stream); /* closing finds what went wrong */
        status = rebias_output_close(&out, err);
    }
    free(script);
    return status;
}

static int draw(const struct drawing *drawing, struct rebias_error *err)
{
    char *temporary = NULL;
    char *script = NULL;
    char *beside = NULL;
    size_t size = 0;
    int status = name_beside(drawing, ".gp", &beside, err);
    if (status == REBIAS_OK) {
        status = write_beside(drawing, beside, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_temporary_name(&temporary, drawing->path, err);
    }
    if (status == REBIAS_OK) {
        status = make_script(drawing, temporary, &script, &size, err);
    }
    if (status == REBIAS_OK) {
        const char *reason = run_gnuplot(script, size, temporary);
        if (reason == NULL) {
            status = rebias_publish_file(temporary, drawing->path, err);
        } else {
            fprintf(stderr, "rebias: %s was not drawn: %s; its script is %s\n", drawing->path,
                    reason, beside);
        }
    }
    free(script);
    free(temporary);
    free(beside);
    return status;
}

int figure_render(const char *path, figure_data *write, const void *context,
                  const char *template, struct rebias_error *err)
{
    const struct drawing drawing = {path,  kind_of(path), 1400.0,  600.0,
                                    write, context,       template};
    return draw(&drawing, err);
}

static void write_chart(FILE *out, const void *context)
{
    chart_write_gnuplot(out, context);
}

typedef void write_whole(FILE *out, const struct chart *chart);

/* A file by our own hand: the SVG, or NAME.csv beside it. */
static int write_file(const char *path, write_whole *write, const struct chart *chart,
                      struct rebias_error *err)
{
    struct rebias_output out = {NULL, NULL, NULL};
    int status = rebias_output_open(&out, path, err);
    if (status == REBIAS_OK) {
        write(out.stream, chart); /* closing finds what went wrong */
        status = rebias_output_close(&out, err);
    }
    return status;
}

int figure_chart(const char *path, const struct chart *chart, struct rebias_error *err)
{
    const double width = 620.0; /* of a panel */
    const double height = 480.0;
    const size_t across = chart_columns(chart);
    const size_t down = (chart->panels.count + across - 1) / across;
    const struct drawing drawing = {
        path, kind_of(path), width * (double)across, height * (double)down, write_chart, chart,
        ""};
    char *data = NULL;
    int status = name_beside(&drawing, ".csv", &data, err);
    if (status == REBIAS_OK) {
        status = write_file(data, chart_write_csv, chart, err);
    }
    if (status == REBIAS_OK) {
        status = strcmp(drawing.kind->ending, ".svg") == 0
                     ? write_file(path, svg_figure, chart, err)
                     : draw(&drawing, err);
    }
    free(data);
    return status;
}

/* -- 4. what figures share -- */

const char *figure_unit(double Gmax, double *factor)
{
    static const struct {
        double below;
        double factor;
        const char *name;
    } units[] = {{1e-9, 1e12, "pS"}, {1e-6, 1e9, "nS"}, {1e-3, 1e6, "µS"}, {1.0, 1e3, "mS"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (Gmax < units[i].below) {
            *factor = units[i].factor;
            return units[i].name;
        }
    }
    *factor = 1.0;
    return "S";
}

void figure_quoted(FILE *out, const char *name, const char *text)
{
    fprintf(out, "%s = '", name);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            fputc('\'', out);
        }
        if ((unsigned char)*c >= ' ') {
            fputc(*c, out);
        }
    }
    fprintf(out, "'\n");
}

/* -- 5. the bias figure -- */

/* One block a method: points, mean, sd, low, high of accuracy (%), push-pull mean. */
static void write_cells(FILE *out, const struct rebias_bias_options *o,
                        const struct rebias_bias_result *r, double factor)
{
    for (size_t m = 0; m < o->methods; m++) {
        fprintf(out, "$cells%zu << EOD\n", m + 1);
        for (size_t c = 0; c < r->cell_count; c++) {
            const struct rebias_bias_cell *cell = &r->cells[c];
            if (cell->method == m && cell->runs > 0) {
                fprintf(out, "%zu %.6g %.6g %.6g\n", cell->points, 100.0 * cell->accuracy_mean,
                        100.0 * cell->accuracy_sd, factor * cell->device.push_pull);
            }
        }
        fprintf(out, "EOD\n$runs%zu << EOD\n", m + 1);
        for (size_t i = 0; i < r->run_count; i++) {
            const struct rebias_bias_run *run = &r->runs[i];
            if (run->method == (int)m && run->status == REBIAS_OK) {
                fprintf(out, "%zu %.6g %.6g\n", run->points, 100.0 * run->accuracy,
                        factor * run->device.push_pull);
            }
        }
        fprintf(out, "EOD\n");
    }
}

struct bias_figure {
    const struct rebias_bias_options *options;
    const struct rebias_bias_result *result;
};

static void write_bias(FILE *out, const void *context)
{
    const struct bias_figure *figure = context;
    const struct rebias_bias_options *o = figure->options;
    const struct rebias_bias_result *r = figure->result;
    double factor = 1.0;
    figure_quoted(out, "unit", figure_unit(o->target->Gmax, &factor));
    figure_quoted(out, "target", o->target->name);
    fprintf(out, "target_mean = %.6g\ntarget_sd = %.6g\nmethods = %zu\nreplicates = %zu\n",
            100.0 * r->target_mean, 100.0 * r->target_sd, o->methods, o->replicates);
    fprintf(out, "lowest = %zu\nhighest = %zu\narray names[%zu]\n", o->points[0],
            o->points[o->point_counts - 1], o->methods);
    for (size_t i = 0; i < o->point_counts; i++) {
        fprintf(out, "%s%zu%s", i == 0 ? "set xtics (" : ", ", o->points[i],
                i + 1 == o->point_counts ? ")\n" : "");
    }
    for (size_t m = 0; m < o->methods; m++) {
        char variable[32];
        snprintf(variable, sizeof variable, "names[%zu]", m + 1);
        figure_quoted(out, variable, o->method[m].name);
    }
    write_cells(out, o, r, factor);
}

int figure_bias(const char *path, const struct rebias_bias_options *options,
                const struct rebias_bias_result *result, struct rebias_error *err)
{
    const struct bias_figure figure = {options, result};
    return figure_render(path, write_bias, &figure, plot_bias, err);
}

/* -- 6. the figures of MGD -- */

/* Steps, cost, accuracy (%). */
static void write_mgd(FILE *out, const void *context)
{
    const struct mgd_figure *figure = context;
    const struct rebias_mgd_result *r = figure->result;
    const double time =
        rebias_hardware_time(figure->hardware, 1.0, (double)r->evaluations / (double)r->steps,
                             figure->batch, figure->update_steps);
    figure_quoted(out, "name", figure->name);
    figure_quoted(out, "hardware", figure->hardware->name);
    fprintf(out, "seconds_a_step = %.6g\nlogarithmic = %d\n$looks << EOD\n", time,
            figure->logarithmic);
    for (size_t i = 0; i < r->look_count; i++) {
        const struct rebias_mgd_look *look = &r->looks[i];
        fprintf(out, "%.15g %.6g %.6g\n", (double)look->step, look->cost,
                100.0 * look->accuracy);
    }
    fprintf(out, "EOD\n");
}

int figure_mgd(const char *path, const struct mgd_figure *figure, struct rebias_error *err)
{
    return figure_render(path, write_mgd, figure, plot_mgd, err);
}

/* T, cosine, its sd, angle (degrees), law. */
static void write_angle(FILE *out, const void *context)
{
    const struct angle_figure *figure = context;
    const struct rebias_mgd_angles *angles = figure->angles;
    figure_quoted(out, "name", figure->name);
    fprintf(out, "$angles << EOD\n");
    for (size_t i = 0; i < angles->count; i++) {
        fprintf(out, "%.15g %.6g %.6g %.6g %.6g\n", (double)angles->T[i], angles->cosine[i],
                angles->cosine_sd[i], angles->angle[i], figure->law[i]);
    }
    fprintf(out, "EOD\n");
}

int figure_angle(const char *path, const struct angle_figure *figure, struct rebias_error *err)
{
    return figure_render(path, write_angle, figure, plot_angle, err);
}
