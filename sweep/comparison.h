/* comparison.h - the parts of a comparison with data (internal to sweep).
 */
#ifndef REBIAS_SWEEP_COMPARISON_H
#define REBIAS_SWEEP_COMPARISON_H

#include "law.h"
#include "rebias/compare.h"

/* Metrics that struct rebias_device_metrics holds; they come first. */
enum { REBIAS_DEVICE_METRICS = REBIAS_METRIC_ENERGY + 1 };

/* One number for each metric and polarity, both included. */
struct rebias_metric_values {
    double at[REBIAS_METRIC_COUNT][3];
};

/* The device metrics' numbers from the averages; the rest NaN. */
struct rebias_metric_values rebias_metric_values_of(
    const struct rebias_device_metrics *metrics);

/* Averages over the slices (2 x n, SET first) with weights[2 n], >= 0; slices of weight 0 are
 * not looked at. */
struct rebias_device_metrics rebias_slices_average(const struct rebias_slice_metrics *slices,
                                                   const double *weights, size_t n);

/* True for distances and rmse, which are never negative. inverted: their interval from data
 * covers. */
bool rebias_metric_is_distance(enum rebias_comparison_metric metric, bool *inverted);

/* x[n] is sorted. Linear between the order statistics, of which number i (from 1) is
 * the quantile at i/(n + 1). */
double rebias_sorted_quantile(size_t n, const double *x, double p);

/* Where the points of one operand lie: slot[i] = polarity * slices + slice, or NO_SLOT. */
enum { REBIAS_NO_SLOT = 0x7fffffff };
struct rebias_cut {
    uint32_t *slot;  /* [n] */
    size_t *start;   /* [2 x slices + 1]: points of slot s are start[s] .. start[s + 1] - 1: */
    uint32_t *order; /* [n] their numbers in the data, ascending in dG */
    uint32_t *rank;  /* [n] of each point in its slot, from 0 */
};

int rebias_cut_new(struct rebias_cut *cut, const struct rebias_pulses *pulses, double Gmin,
                   double Gmax, size_t slices, struct rebias_error *err);
void rebias_cut_release(struct rebias_cut *cut);
size_t rebias_cut_count(const struct rebias_cut *cut, size_t slot);

/* Everything a comparison with data works on. */
struct rebias_data_comparison {
    const struct rebias_comparison_options *options;
    bool sample_is_model;               /* the sample's side; the other is the reference */
    const struct rebias_pulses *sample; /* the data, the target's when both are */
    const struct rebias_pulses *reference_data; /* or NULL: */
    const struct rebias_device *reference_device;
    struct rebias_jumps jumps; /* of the device */
    double Gmin, Gmax;         /* common range */
    size_t slots;              /* 2 x data slices, SET first */
    struct rebias_cut cut;     /* of the sample */
    struct rebias_cut reference_cut;
    struct rebias_law *law; /* [slots] of the reference; n = 0 in slots that are left out */
    double *weights;        /* [slots], 0 in those */
    double *crps, *log_score,
        *u; /* [sample->n], NULL without a device; NaN outside the range */
};

/* crps, log score and u = F(dG | G) of every point. */
int rebias_comparison_score(struct rebias_data_comparison *c, struct rebias_error *err);

/* Rows ks_test and mmd. */
int rebias_comparison_test(const struct rebias_data_comparison *c,
                           struct rebias_comparison *result, struct rebias_error *err);

/* Values and intervals of the other rows, from resampled data; raw = those of the data. */
int rebias_comparison_resample(const struct rebias_data_comparison *c,
                               const struct rebias_metric_values *raw,
                               struct rebias_comparison *result, rebias_progress *progress,
                               void *progress_context, struct rebias_error *err);

/* Means of the points' scores over index[n] (NULL: 0 .. n - 1) into the score rows. */
void rebias_comparison_mean_scores(const struct rebias_data_comparison *c, size_t n,
                                   const int32_t *index, struct rebias_metric_values *values);

/* The comparison in which at least one operand is data. */
int rebias_compare_data(struct rebias_comparison *result, const struct rebias_operand *model,
                        const struct rebias_operand *target,
                        const struct rebias_comparison_options *options,
                        rebias_progress *progress, void *progress_context,
                        struct rebias_error *err);

#endif
