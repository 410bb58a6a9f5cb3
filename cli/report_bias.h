/* report_bias.h - the bias studies in a store. */
#ifndef REBIAS_CLI_REPORT_BIAS_H
#define REBIAS_CLI_REPORT_BIAS_H

#include "chart.h"
#include "rebias/bias.h"
#include "report_data.h"

/* One target with all its methods and numbers of points; cells, intervals and verdicts are
 * those of `rebias bias`: rebias_bias_assemble. */
struct report_study {
    char target[256];
    char label[256]; /* what else tells it from other studies; "" nothing */
    const struct report_setting *setting; /* one of its models' */
    struct rebias_bias_options options;
    struct rebias_device *device; /* the target, NULL when it is not here: then `missing` */
    char missing[512];
    struct rebias_bias_result *result; /* NULL when no replicate is complete */
    size_t runs, left_out; /* finished, and not shown for want of the rest of their replicate */
};

/* Finds the studies of a store; each is assembled from the replicates that have a run of the
 * target and of each method and number of points. Owner of *studies[*count]: the caller. */
int report_studies_new(struct report_study **studies, size_t *count,
                       const struct report *report, struct rebias_error *err);
void report_studies_free(struct report_study *studies, size_t count);

/* Its figures: accuracy and bias against points; device metric against bias; jumps with the
 * points of one replicate. Each function appends panels to an empty chart, or none where the
 * store has nothing to show. */
void report_chart_accuracy(struct chart *chart, const struct report_study *study);
void report_chart_metric(struct chart *chart, const struct report_study *study);
int report_chart_jumps(struct chart *chart, const struct report_study *study,
                       struct rebias_error *err);

/* "+3.1 percentage points [1.2, 5.0]". */
void report_bias_text(char *text, size_t size, const struct rebias_bias_cell *cell);

#endif
