/* figure.c - figures through gnuplot.
 * 1. checks   2. running gnuplot   3. the bias figure
 *
 * The templates of plots/ are compiled in (plots/templates.h). A template is fed to gnuplot behind its data, as
 * here-documents and variables; gnuplot writes a temporary file, which is then renamed.
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
    return n > 4 && strcmp(path + n - 4, ".svg") == 0 ? "svg size 1400,600 font 'sans,16'" : NULL;
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
                       : rebias_fail_at(err, REBIAS_E_IO, &place, NULL, "cannot write: %s", strerror(number));
}

int figure_check(const char *path, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, path};
    if (terminal_of(path) == NULL) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "a name that ends in .png or .svg", "bad value of --figure");
    }
    if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
        return rebias_fail(err, REBIAS_E_IO, "--figure needs gnuplot, which was not found (Debian: gnuplot-nox)");
    }
    return check_writable(path, err);
}

/* -- 2. running gnuplot -- */

/* Runs gnuplot on a script; it must leave the file `temporary`. */
static int run_gnuplot(const char *script, size_t size, const char *temporary, struct rebias_error *err)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before); /* a gnuplot that dies early is an error, not our death */
    FILE *pipe = popen("gnuplot >/dev/null", "w");
    bool good = pipe != NULL && fwrite(script, 1, size, pipe) == size;
    int code = pipe != NULL ? pclose(pipe) : -1;
    sigaction(SIGPIPE, &before, NULL);
    if (!good || code != 0 || access(temporary, F_OK) != 0) {
        unlink(temporary);
        return rebias_fail(err, REBIAS_E_IO, "gnuplot could not draw the figure (exit status %d)",
                           WIFEXITED(code) ? WEXITSTATUS(code) : code);
    }
    return REBIAS_OK;
}

/* -- 3. the bias figure -- */

/* "S" multiplier for people: unit and factor that bring the target's conductances to handy numbers. */
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

/* One block a method: points, mean, sd, low, high of accuracy (%), push-pull mean. */
static void write_cells(FILE *out, const struct rebias_bias_options *o, const struct rebias_bias_result *r, double factor)
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
                fprintf(out, "%zu %.6g %.6g\n", run->points, 100.0 * run->accuracy, factor * run->device.push_pull);
            }
        }
        fprintf(out, "EOD\n");
    }
}

/* Single quotes end a gnuplot string: they are doubled, control characters dropped. */
static void write_quoted(FILE *out, const char *name, const char *text)
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

static void write_script(FILE *out, const char *path, const char *temporary, const struct rebias_bias_options *o,
                         const struct rebias_bias_result *r)
{
    double factor = 1.0;
    const char *unit = unit_for(o->target->Gmax, &factor);
    fprintf(out, "set terminal %s\n", terminal_of(path));
    write_quoted(out, "outfile", temporary);
    fprintf(out, "set output outfile\n");
    write_quoted(out, "target", o->target->name);
    write_quoted(out, "unit", unit);
    fprintf(out, "target_mean = %.6g\ntarget_sd = %.6g\nmethods = %zu\nreplicates = %zu\n", 100.0 * r->target_mean,
            100.0 * r->target_sd, o->methods, o->replicates);
    fprintf(out, "lowest = %zu\nhighest = %zu\narray names[%zu]\n", o->points[0], o->points[o->point_counts - 1],
            o->methods);
    for (size_t m = 0; m < o->methods; m++) {
        char variable[32];
        snprintf(variable, sizeof variable, "names[%zu]", m + 1);
        write_quoted(out, variable, o->method[m].name);
    }
    write_cells(out, o, r, factor);
    fputs(plot_bias, out);
}

int figure_bias(const char *path, const struct rebias_bias_options *options, const struct rebias_bias_result *result,
                struct rebias_error *err)
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
    write_script(out, path, temporary, options, result);
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
