/* report_page.c - the report as one HTML page.
 * 1. text   2. figures   3. summary   4. the page   5. its content
 */
#include "report_page.h"
#include "plots/page.h"
#include "svg.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const jobs[] = {"train", "deploy", "continual"};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

/* -- 1. text -- */

void report_text(FILE *out, const char *format, ...)
{
    char *text = NULL;
    va_list list;
    va_start(list, format);
    const int length = vasprintf(&text, format, list);
    va_end(list);
    if (length >= 0) {
        svg_escaped(out, text);
        free(text);
    }
}

/* -- 2. figures -- */

static void write_label(void *context, const char *label, int colour, enum chart_mark mark)
{
    FILE *out = context;
    fputs("<li>", out);
    svg_key(out, colour, mark);
    report_text(out, " %s", label);
    fputs("</li>\n", out);
}

static void write_figure(FILE *out, const struct chart *chart)
{
    fprintf(out, "<figure id=\"%s\">\n<figcaption><strong>", chart->name);
    report_text(out, "%s.", chart->title);
    fputs("</strong> ", out);
    report_text(out, "%s", chart->caption);
    fputs("</figcaption>\n", out);
    if (chart_has_legend(chart)) {
        fputs("<ul class=\"legend\">\n", out);
        chart_each_label(chart, write_label, out);
        fputs("</ul>\n", out);
    }
    fputs("<div class=\"panels\">\n", out);
    for (size_t p = 0; p < chart->panels.count; p++) {
        char id[96];
        snprintf(id, sizeof id, "%s-%zu", chart->name, p + 1);
        fputs("<div class=\"panel\">\n<p class=\"panel-title\">", out);
        report_text(out, "%s", chart_panel(chart, p)->title);
        fputs("</p>\n", out);
        svg_panel(out, chart_panel(chart, p), id);
        fputs("</div>\n", out);
    }
    fputs("</div>\n</figure>\n", out);
}

void report_write_figures(FILE *out, const struct report_content *content, const char *job,
                          size_t study)
{
    const struct report_figure *figures = content->figures.data;
    for (size_t f = 0; f < content->figures.count; f++) {
        if (strcmp(figures[f].job, job) == 0 && figures[f].study == study) {
            write_figure(out, &figures[f].chart);
        }
    }
}

/* -- 3. summary -- */

static void write_lead(FILE *out, const struct report_content *content)
{
    double seconds = 0.0;
    for (size_t c = 0; c < content->data.cells.count; c++) {
        seconds += report_cell(&content->data, c)->seconds;
    }
    const bool hours = seconds >= 7200.0;
    const bool brief = seconds < 120.0;
    fputs("<p class=\"lead\">", out);
    report_text(out, "%zu finished cells of %zu configurations in %s: %.3g %s of computing.",
                content->data.cells.count, content->data.settings.count, content->data.path,
                seconds / (brief   ? 1.0
                           : hours ? 3600.0
                                   : 60.0),
                brief   ? "seconds"
                : hours ? "hours"
                        : "minutes");
    fputs("</p>\n", out);
}

static void write_summary(FILE *out, const struct report_content *content)
{
    fputs("<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">In short</h2>\n", out);
    if (content->data.cells.count == 0) {
        fputs("<p>The store has no finished cell: there is nothing to report yet.</p>\n", out);
    } else {
        fputs("<ul class=\"findings\">\n", out);
        report_bias_summary(out, content);
        for (size_t j = 0; j < JOBS; j++) {
            report_job_summary(out, content, jobs[j]);
        }
        fputs("</ul>\n", out);
    }
    fputs("</section>\n", out);
}

/* -- 4. the page -- */

static void write_head(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    svg_escaped(out, title);
    fprintf(out, "</title>\n<style>\n%s%s%s</style>\n</head>\n", page_figure, page_page,
            page_parts);
}

void report_page(FILE *out, const struct report_content *content, const char *provenance)
{
    size_t first = 0;
    const bool bias = report_job(&content->data, "bias", &first) > 0;
    const char *title =
        bias ? "How far can these simulated accuracies be trusted?" : "Results of a sweep";
    write_head(out, title);
    fputs("<body>\n<main>\n<header>\n<h1>", out);
    svg_escaped(out, title);
    fputs("</h1>\n", out);
    write_lead(out, content);
    fputs("</header>\n", out);
    write_summary(out, content);
    if (bias) {
        report_bias_section(out, content);
    }
    for (size_t j = 0; j < JOBS; j++) {
        if (report_job(&content->data, jobs[j], &first) > 0) {
            report_job_section(out, content, jobs[j]);
        }
    }
    if (content->data.cells.count > 0) {
        report_making_section(out, content);
    }
    fputs("</main>\n<footer>\n<pre>", out);
    for (const char *line = provenance; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        report_text(out, "%.*s", (int)length, line);
        fputc('\n', out);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    fputs("</pre>\n</footer>\n</body>\n</html>\n", out);
}

/* -- 5. its content -- */

static struct chart *add_figure(struct report_content *content, const char *job, size_t study,
                                struct rebias_error *err)
{
    const struct report_figure empty = {.job = job, .study = study};
    return rebias_buffer_append(&content->figures, sizeof empty, &empty, err) == REBIAS_OK
               ? &((struct report_figure *)content->figures.data)[content->figures.count - 1]
                      .chart
               : NULL;
}

/* Takes the last figure back when it has no panel, else gives it a name of its own. */
static int settle_figure(struct report_content *content, struct rebias_error *err)
{
    struct report_figure *figure =
        (struct report_figure *)content->figures.data + content->figures.count - 1;
    struct chart *chart = &figure->chart;
    const int status = chart->status;
    if (status != REBIAS_OK) {
        *err = chart->err;
    } else if (chart->panels.count == 0) {
        content->figures.count--;
    } else {
        char name[sizeof chart->name];
        memcpy(name, chart->name, sizeof name);
        chart_text(chart->name, sizeof chart->name, "%s-%zu-%.40s", figure->job,
                   figure->study + 1, name);
    }
    return status;
}

enum { KINDS = 3 }; /* of figures of a bias study */

static int fill_bias_chart(struct chart *chart, size_t kind, const struct report_study *study,
                           struct rebias_error *err)
{
    if (kind == 0) {
        report_chart_accuracy(chart, study);
    } else if (kind == 1) {
        report_chart_metric(chart, study);
    }
    return kind == 2 ? report_chart_jumps(chart, study, err) : REBIAS_OK;
}

static int make_figures(struct report_content *content, struct rebias_error *err)
{
    const size_t bias = content->study_count * KINDS;
    int status = REBIAS_OK;
    for (size_t k = 0; k < bias + JOBS && status == REBIAS_OK; k++) {
        struct chart *chart = add_figure(content, k < bias ? "bias" : jobs[k - bias],
                                         k < bias ? k / KINDS : 0, err);
        if (chart == NULL) {
            return REBIAS_E_MEMORY;
        }
        status = k < bias ? fill_bias_chart(chart, k % KINDS, &content->studies[k / KINDS], err)
                          : report_job_chart(chart, &content->data, jobs[k - bias], err);
        status = status == REBIAS_OK ? settle_figure(content, err) : status;
    }
    return status;
}

int report_content_new(struct report_content *content, const char *path,
                       struct rebias_error *err)
{
    *content = (struct report_content){.study_count = 0};
    int status = report_load(&content->data, path, err);
    if (status == REBIAS_OK) {
        status =
            report_studies_new(&content->studies, &content->study_count, &content->data, err);
    }
    return status == REBIAS_OK ? make_figures(content, err) : status;
}

void report_content_free(struct report_content *content)
{
    struct report_figure *figures = content->figures.data;
    for (size_t f = 0; f < content->figures.count; f++) {
        chart_clear(&figures[f].chart);
    }
    free(figures);
    report_studies_free(content->studies, content->study_count);
    report_free(&content->data);
}
