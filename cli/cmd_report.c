/* cmd_report.c - `rebias report`: a page, and figures, from a result store.
 * 1. options   2. the page   3. figures   4. the command
 */
#include "commands.h"
#include "figure.h"
#include "report_page.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"output", 'o', OPTION_TEXT, "FILE.html", NULL, 0, 0,
     "the page (- or nothing: to standard output, unless --figures is given)"},
    {"figures", 0, OPTION_TEXT, "DIR", NULL, 0, 0,
     "write each figure and its data, NAME.csv, into this folder (made when missing)"},
    {"figure-format", 0, OPTION_CHOICE, "svg|png|pdf", "svg", 0, 0,
     "of --figures; png and pdf need gnuplot, and NAME.gp is the script"},
};

/* -- 2. the page -- */

static int write_page(const struct arguments *a, const struct report_content *content,
                      struct rebias_error *err)
{
    const char *path = argument_text(a, "output");
    struct provenance provenance = {NULL};
    struct rebias_output out = {NULL, NULL, NULL};
    if (path == NULL && argument_given(a, "figures")) {
        return REBIAS_OK;
    }
    int status = provenance_make(&provenance, a, NULL, 0, err);
    if (status == REBIAS_OK) {
        status = rebias_output_open(&out, path, err);
    }
    if (status == REBIAS_OK) {
        report_page(out.stream, content, provenance.text); /* closing finds what went wrong */
        status = rebias_output_close(&out, err);
    }
    provenance_free(&provenance);
    return status;
}

/* -- 3. figures -- */

static int make_folder(const char *path, struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    struct stat info;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))) {
        return REBIAS_OK;
    }
    return rebias_fail_at(err, REBIAS_E_IO, &place, "a folder", "cannot make it: %s",
                          strerror(errno));
}

static int write_figures(const struct arguments *a, const struct report_content *content,
                         struct rebias_error *err)
{
    const char *folder = argument_text(a, "figures");
    const struct report_figure *figures = content->figures.data;
    if (folder == NULL) {
        return REBIAS_OK;
    }
    int status = make_folder(folder, err);
    for (size_t f = 0; f < content->figures.count && status == REBIAS_OK; f++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s.%s", folder, figures[f].chart.name,
                     argument_text(a, "figure-format")) < 0) {
            return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the figures");
        }
        status = figure_chart(path, &figures[f].chart, err);
        free(path);
    }
    return status;
}

/* -- 4. the command -- */

static int run_report(const struct arguments *a, struct rebias_error *err)
{
    struct report_content content = {.study_count = 0};
    int status = check_writable(argument_text(a, "output"), err);
    if (status == REBIAS_OK) {
        status = report_content_new(&content, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        status = write_figures(a, &content, err);
    }
    if (status == REBIAS_OK) {
        status = write_page(a, &content, err);
    }
    report_content_free(&content);
    return status;
}

const struct command report_commands[] = {
    {"report", "STORE", "an HTML page with figures from the store of a sweep",
     "One self-contained page: what was found in words, the bias with intervals and verdicts, "
     "figures, and how it was\nmade. It needs no network and no script; light or dark as the "
     "reader's system is. A store may be read while a\nsweep writes it: what is not complete "
     "is left out, and the page says so.",
     1, 1, rows, sizeof rows / sizeof rows[0], run_report, NULL},
};
const size_t report_command_count = 1;
