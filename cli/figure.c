/* figure.c - figures through gnuplot.
 * 1. checks   2. running gnuplot   3. what figures share   4. the bias figure   5. the table
 * figure   6. the figures of MGD
 *
 * The templates of plots/ are compiled in (plots/templates.h). A template is fed to gnuplot
 * behind its data, as here-documents and variables; gnuplot writes a temporary file, which is
 * then renamed.
 */
#include "figure.h"
#include "plots/templates.h"
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

static const char *terminal_of(const char *path)
{
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".png") == 0) {
        return "pngcairo size 1400,600 font 'sans,13'";
    }
    return n > 4 && strcmp(path + n - 4, ".svg") == 0 ? "svg size 1400,600 font 'sans,16'"
                                                      : NULL;
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
    if (terminal_of(path) == NULL) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "a name that ends in .png or .svg",
                              "bad value of --%s", option);
    }
    if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
        return rebias_fail(err, REBIAS_E_IO,
                           "--%s needs gnuplot, which was not found (Debian: gnuplot-nox)",
                           option);
    }
    return check_writable(path, err);
}

/* -- 2. running gnuplot -- */

/* Runs gnuplot on a script; it must leave the file `temporary`. */
static int run_gnuplot(const char *script, size_t size, const char *temporary,
                       struct rebias_error *err)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore,
              &before); /* a gnuplot that dies early is an error, not our death */
    FILE *pipe = popen("gnuplot >/dev/null", "w");
    bool good = pipe != NULL && fwrite(script, 1, size, pipe) == size;
    int code = pipe != NULL ? pclose(pipe) : -1;
    sigaction(SIGPIPE, &before, NULL);
    if (!good || code != 0 || access(temporary, F_OK) != 0) {
        unlink(temporary);
        return rebias_fail(err, REBIAS_E_IO,
                           "gnuplot could not draw the figure (exit status %d)",
                           WIFEXITED(code) ? WEXITSTATUS(code) : code);
    }
    return REBIAS_OK;
}

/* -- 3. what figures share -- */

/* "S" multiplier for people: unit and factor that bring the target's conductances to handy
 * numbers. */
static const char *unit_for(double Gmax, double *factor)
{
    static const struct {
        double below;
        double factor;
        const char *name;
    } units[] = {{1e-9, 1e12, "pS"}, {1e-6, 1e9, "nS"}, {1e-3, 1e6, "uS"}, {1.0, 1e3, "mS"}};
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

int figure_render(const char *path, figure_data *write, const void *context,
                  const char *template, struct rebias_error *err)
{
    char *temporary = NULL;
    char *script = NULL;
    size_t size = 0;
    int status = rebias_temporary_name(&temporary, path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    FILE *out = open_memstream(&script, &size);
    if (out == NULL) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the figure");
        goto done;
    }
    fprintf(out, "set terminal %s\n", terminal_of(path));
    figure_quoted(out, "outfile", temporary);
    fprintf(out, "set output outfile\n");
    write(out, context);
    fputs(template, out);
    if (fclose(out) != 0) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the figure");
        goto done;
    }
    status = run_gnuplot(script, size, temporary, err);
    if (status == REBIAS_OK) {
        status = rebias_publish_file(temporary, path, err);
    }
done:
    free(script);
    free(temporary);
    return status;
}

/* -- 4. the bias figure -- */

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
    figure_quoted(out, "unit", unit_for(o->target->Gmax, &factor));
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

/* -- 5. the table figure -- */

struct table_figure {
    const struct rebias_table *table;
    const char *name;
};

/* G, five quantiles and the mean at up to 200 levels of one polarity. */
static void write_side(FILE *out, const char *block, const struct rebias_table_side *side,
                       double G_factor, double dG_factor)
{
    enum { POINTS = 200 };
    static const double probabilities[] = {0.05, 0.25, 0.5, 0.75, 0.95};
    const double low = side->G[0];
    const double high = side->G[side->G_count - 1];
    fprintf(out, "%s << EOD\n", block);
    for (int i = 0; i < POINTS; i++) {
        double G = low + (high - low) * i / (POINTS - 1);
        double mean = 0.0;
        double sd = 0.0;
        fprintf(out, "%.6g", G_factor * G);
        for (size_t q = 0; q < sizeof probabilities / sizeof probabilities[0]; q++) {
            double dG = rebias_table_quantile(side, REBIAS_RULE_LINEAR, G, probabilities[q],
                                              NULL, NULL);
            fprintf(out, " %.6g", dG_factor * dG);
        }
        rebias_table_moments(side, REBIAS_RULE_LINEAR, G, &mean, &sd);
        fprintf(out, " %.6g\n", dG_factor * mean);
    }
    fprintf(out, "EOD\n");
}

static void write_table(FILE *out, const void *context)
{
    const struct table_figure *figure = context;
    const struct rebias_table *table = figure->table;
    double Gmin = 0.0;
    double Gmax = 0.0;
    double G_factor = 1.0;
    double dG_factor = 1.0;
    double largest = 0.0;
    for (int p = 0; p < 2; p++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_table_moments(&table->side[p], REBIAS_RULE_LINEAR, table->side[p].G[0], &mean,
                             &sd);
        largest = fmax(largest, fabs(mean) + sd);
    }
    rebias_table_range(table, &Gmin, &Gmax);
    figure_quoted(out, "unit", unit_for(Gmax, &G_factor));
    figure_quoted(out, "dunit", unit_for(largest, &dG_factor));
    figure_quoted(out, "name", figure->name);
    fprintf(out, "low = %.6g\nhigh = %.6g\n", G_factor * Gmin, G_factor * Gmax);
    write_side(out, "$set", &table->side[REBIAS_SET], G_factor, dG_factor);
    write_side(out, "$reset", &table->side[REBIAS_RESET], G_factor, dG_factor);
}

int figure_table(const char *path, const struct rebias_table *table, const char *name,
                 struct rebias_error *err)
{
    const struct table_figure figure = {table, name};
    return figure_render(path, write_table, &figure, plot_table, err);
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
