/* compare.h - device-level metrics between any two of: device model, jump table, pulse data;
 * every estimate with its interval where one can be had.
 */
#ifndef REBIAS_COMPARE_H
#define REBIAS_COMPARE_H

#include "base.h"
#include "devmodel.h"
#include "family.h"
#include "metrics.h"
#include "pulses.h"
#include "table.h"
#include "visits.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is compared: a device or pulse data: exactly one of the two is not NULL. Beside a device
 * made from a file its table, which may know counts, and its family. All borrowed. */
struct rebias_operand {
    const struct rebias_device *device;
    const struct rebias_table *table;   /* NULL, or for the weights BY_DATA */
    const struct rebias_family *family; /* NULL, or kind BOOTSTRAP; used for a model that is
                                           compared with a device */
    const struct rebias_pulses *pulses;
    const char *name; /* in errors */
};

/* Weights of the G slices in the averages. UNIFORM: equal. BY_DATA: by the number of data
 * points (of both, when both are data), between two devices by the counts that the model's
 * table, else the target's, keeps. BY_VISITS: by the pulses that a training run gave. */
enum rebias_slice_weights {
    REBIAS_SLICES_UNIFORM = 0,
    REBIAS_SLICES_BY_DATA,
    REBIAS_SLICES_BY_VISITS
};

struct rebias_comparison_options {
    size_t slices;      /* G levels between two devices, >= 2 */
    size_t grid;        /* dG points of numerical distances between two devices, >= 16 */
    size_t data_slices; /* equal G slices into which data are cut, 1 .. 1000 */
    enum rebias_slice_weights weights;
    const struct rebias_visits *visits; /* for BY_VISITS; borrowed */
    double level;                       /* confidence of the intervals, in (0, 1) */
    size_t resamples;                   /* of the data, 10 .. 1000000 */
    size_t permutations;                /* of the test of mmd, 10 .. 1000000 */
    enum rebias_blocks blocks;          /* points that are resampled together */
    uint64_t seed;
    int threads;
};

/* 100 slices, 2001 points, 10 slices of data, uniform, level 0.95, 500 resamples, 200
 * permutations, blocks AUTO, seed 1, 1 thread. */
struct rebias_comparison_options rebias_comparison_options_defaults(void);

enum rebias_comparison_metric {
    REBIAS_METRIC_RMSE_MEAN = 0, /* the fields of struct rebias_device_metrics ... */
    REBIAS_METRIC_RMSE_SD,
    REBIAS_METRIC_MEAN_ERROR,
    REBIAS_METRIC_SD_ERROR,
    REBIAS_METRIC_PUSH_PULL,
    REBIAS_METRIC_WRONG_SIGN,
    REBIAS_METRIC_WASSERSTEIN1,
    REBIAS_METRIC_WASSERSTEIN2,
    REBIAS_METRIC_KOLMOGOROV_SMIRNOV,
    REBIAS_METRIC_HELLINGER,
    REBIAS_METRIC_KULLBACK_LEIBLER,
    REBIAS_METRIC_JENSEN_SHANNON,
    REBIAS_METRIC_ENERGY,
    REBIAS_METRIC_CRPS,      /* ... and with data: scores of the data under the device */
    REBIAS_METRIC_LOG_SCORE, /* nats, relative to 1/S */
    REBIAS_METRIC_KS_TEST,   /* are data and model distinguishable? statistics with p-values */
    REBIAS_METRIC_MMD,
    REBIAS_METRIC_COUNT
};

/* "rmse_mean", ...; its unit: "S", "1" or "nat". Static storage. */
const char *rebias_comparison_metric_name(enum rebias_comparison_metric metric);
const char *rebias_comparison_metric_unit(enum rebias_comparison_metric metric);

/* NaN where not available. */
struct rebias_interval {
    double value, low, high, p_value;
};

enum { REBIAS_BOTH = 2 }; /* behind REBIAS_SET and REBIAS_RESET */

struct rebias_comparison {
    /* [metric][SET, RESET, both]; both = mean of the two (rmse: root of the mean square,
     * push_pull: only both, ks_test: the larger statistic with Fisher's joint p-value, mmd: the
     * larger one, p-value likewise) */
    struct rebias_interval row[REBIAS_METRIC_COUNT][3];
    size_t slice_count;
    struct rebias_slice_metrics *slices; /* 2 x slice_count, SET first; NaN in empty slices */
    size_t *points; /* 2 x slice_count: data points in the slice; NULL between two devices */
};

/* *out = model compared with target; errors are model minus target.
 *
 * Two devices: rebias_compare_devices. With a family of bootstrap tables of the model the
 * interval of every metric is the basic bootstrap one, [2 value - upper quantile, 2 value -
 * lower quantile] over the tables, cut at the metric's bounds: where the value would lie if the
 * table had been fitted to unlimited data. Values are not corrected.
 *
 * Data against a device: in every slice of G (equal widths over the common range; slices with
 * fewer than 2 points are left out) the points' dG are compared with the mixture of the
 * device's distributions at the G of these very points (at 256 of them when there are more);
 * structure finer than a slice averages out.
 * The divergences (hellinger, kullback_leibler, jensen_shannon) are those over 8 cells of equal
 * probability under the device: lower bounds. A distance of a sample is biased upwards by its
 * noise. Value, interval and p-value therefore come from a family of laws between the device
 * (0), the data (1) and beyond: every point is displaced by lambda times its distance to the
 * device's quantile of the same rank. Resampled data of each law give the distribution of the
 * raw distance; the value is the distance of the law whose median is the raw one, the interval
 * holds the laws that do not refuse it (its upper end those that do not refuse the median of
 * law 0 either), and p_value is that of lambda = 0. kolmogorov_smirnov and the divergences get
 * no interval: it would not cover (tests/stat/coverage_compare.c). mean_error, sd_error,
 * push_pull and scores are the plain values with bootstrap intervals. All tails are expanded
 * for the few points or blocks of a slice (Hesterberg, Am. Stat. 69, 371 (2015), section 5.3).
 * ks_test: is F(dG | G) uniform? mmd: the points (G, dG) against points drawn from the device
 * at the same G.
 *
 * Data against data: the same, the device being the other data, which are resampled as well.
 * Law 0 and so the p-values are those of randomly relabeled points in each slice (points, also
 * where blocks are resampled). No scores; ks_test is the two-sample test in every slice, joined
 * by Fisher's method; value = the largest statistic.
 *
 * slices hold raw values; the sd of n points is multiplied by (4 n - 3)/(4 n - 4),
 * which makes it unbiased for normal noise. Resampling has purpose REBIAS_FOR_RESAMPLE, draws
 * from a model REBIAS_FOR_SUBSET, permutations REBIAS_FOR_PERMUTATION. Errors: REBIAS_E_RANGE
 * for options or no common range, REBIAS_E_DATA when a polarity has no slice with 2 points or
 * the weights are not known, REBIAS_E_UNSUPPORTED for a device without a distribution. Owner:
 * the caller. */
int rebias_comparison_new(struct rebias_comparison **out, const struct rebias_operand *model,
                          const struct rebias_operand *target,
                          const struct rebias_comparison_options *options,
                          rebias_progress *progress, void *progress_context,
                          struct rebias_error *err);
void rebias_comparison_free(struct rebias_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
