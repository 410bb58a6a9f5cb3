/* report_page.h - the report: figures and page. */
#ifndef REBIAS_CLI_REPORT_PAGE_H
#define REBIAS_CLI_REPORT_PAGE_H

#include "output.h"
#include "report_bias.h"

/* One figure and the section that it stands in. */
struct report_figure {
    struct chart chart;
    const char *job;
    size_t study; /* of "bias" */
};

struct report_content {
    struct report data;
    struct report_study *studies;
    size_t study_count;
    struct rebias_buffer figures; /* struct report_figure */
};

/* Reads a store, assembles its studies and makes the figures. What is there after a failure is
 * the caller's as well: report_content_free. */
int report_content_new(struct report_content *content, const char *path,
                       struct rebias_error *err);
void report_content_free(struct report_content *content);

/* The whole page; provenance: lines of text of the command that makes it. */
void report_page(FILE *out, const struct report_content *content, const char *provenance);

/* -- parts in files of their own -- */

/* Sections of the page: the bias studies; any other job; how all of it was made. */
void report_bias_section(FILE *out, const struct report_content *content);
void report_job_section(FILE *out, const struct report_content *content, const char *job);
void report_making_section(FILE *out, const struct report_content *content);

/* The summary's items about the studies; about a job. */
void report_bias_summary(FILE *out, const struct report_content *content);
void report_job_summary(FILE *out, const struct report_content *content, const char *job);

/* The figures of a section. */
void report_write_figures(FILE *out, const struct report_content *content, const char *job,
                          size_t study);

/* Appends the panels of a job's figure (not bias) to an empty chart, none without cells. */
int report_job_chart(struct chart *chart, const struct report *report, const char *job,
                     struct rebias_error *err);

/* printf whose text is written with svg_escaped. */
void report_text(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
