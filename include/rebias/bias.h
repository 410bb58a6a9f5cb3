/* bias.h - the main job: how far a network accuracy that was simulated with a fitted device
 * model can be trusted.
 *
 * For every number of points N and every method, each replicate draws N points per polarity
 * from the target, fits a table, trains a network on it, and compares with the same replicate's
 * network on the target itself: same initial weights drawn, same order of images, same random
 * words for rounding and pulses (common random numbers). Modeling bias = accuracy(model) -
 * accuracy(target); positive = over-promising (Yousuf et al., IEEE JETCAS 13, 382 (2023)).
 *
 * From measured data alone the same study tells how uncertain the accuracy is: the target is
 * the table fitted to all pulses, the models are tables of bootstrap resamples.
 */
#ifndef REBIAS_BIAS_H
#define REBIAS_BIAS_H

#include "base.h"
#include "estimate.h"
#include "metrics.h"
#include "mgd.h"
#include "network.h"
#include "table.h"
#include "train.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_family;
struct rebias_image_set;
struct rebias_pulses;

enum { REBIAS_BIAS_MAX_METHODS = 32, REBIAS_BIAS_MAX_POINTS = 32 };

/* An estimator with its options; range and seed are set by the study. */
struct rebias_bias_method {
    char name[64]; /* as shown: "binning:20" */
    struct rebias_method method;
};

/* Where a replicate's model comes from. */
enum rebias_bias_source {
    REBIAS_BIAS_SYNTHETIC = 0, /* a fit to points drawn from the target */
    REBIAS_BIAS_RESAMPLES = 1, /* a fit to bootstrap resample number `replicate` of `pulses` */
    REBIAS_BIAS_FAMILY = 2     /* member `replicate` modulo count of `family` */
};

/* Weights of the G slices in the runs' device metrics. */
enum rebias_bias_weights {
    REBIAS_WEIGHTS_UNIFORM = 0,
    REBIAS_WEIGHTS_VISITED = 1, /* pulses that the same replicate's network on the target gave
                                   around the slice; needs networks */
    REBIAS_WEIGHTS_DATA = 2     /* points around the slice that the model was fitted to; not
                                   for FAMILY */
};

/* Training by multiplexed gradient descent instead of mapped training; borrowed. The options'
 * device, pulse size and noise, seed, replicate and threads are set by the study. */
struct rebias_bias_mgd {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_data *train;
    const struct rebias_mgd_data *test;
    const struct rebias_mgd_options *options;
};

struct rebias_bias_options {
    const struct rebias_device *target; /* borrowed, like set, mgd, pulses and family */
    const struct rebias_image_set *set; /* mapped training; set and mgd NULL: device metrics
                                           only, no networks */
    const struct rebias_bias_mgd
        *mgd; /* not NULL: networks are trained by MGD, set is unused */
    enum rebias_bias_source source;
    const struct rebias_pulses *pulses; /* RESAMPLES only; drawn in blocks of fit.blocks */
    const struct rebias_family *family; /* FAMILY only, of kind REBIAS_FAMILY_BOOTSTRAP */
    enum rebias_bias_weights weights;
    struct rebias_bias_method method[REBIAS_BIAS_MAX_METHODS];
    size_t methods; /* 1 .. REBIAS_BIAS_MAX_METHODS; 1 for FAMILY, of which only the name counts
                     */
    size_t points[REBIAS_BIAS_MAX_POINTS]; /* per polarity, ascending */
    size_t point_counts; /* 1 .. REBIAS_BIAS_MAX_POINTS; 1 unless SYNTHETIC: points[0] is then
                            only shown */
    size_t replicates;   /* 1 .. 1000000 */
    struct rebias_fit_options fit; /* levels, sd floor (0: a fit's default, also for a target
                                      without noise) and blocks; the rest is set here, the
                                      truth for SYNTHETIC only */
    struct rebias_synth_options
        synth; /* filter and censoring; points, seed, replicate are set here */
    struct rebias_network_options
        network; /* device, seed, replicate are set here; a pulse size or noise of 0
                    becomes the target's, for target and models alike */
    struct rebias_train_options train; /* seed and replicate are set here */
    double level;                      /* confidence of the intervals, in (0, 1) */
    size_t resamples;                  /* of the bootstrap */
    bool metric_intervals;             /* the cells' device metrics get intervals as well */
    uint64_t seed;
    int threads; /* over replicates and cells */
};

/* No target, set, method or points; SYNTHETIC, uniform weights, 5 replicates, level 0.95, 10000
 * resamples, no intervals of metrics, seed 1, 1 thread. */
struct rebias_bias_options rebias_bias_options_defaults(void);

/* One network, or one model without: a model's (method >= 0) or the target's (method = -1,
 * points = 0). */
struct rebias_bias_run {
    int method;
    size_t points;
    uint32_t replicate;
    int status; /* REBIAS_OK, or REBIAS_E_DATA when the points did not suffice for a fit: no
                   network then */
    double accuracy; /* after the last epoch; fraction of the test images; NaN without network
                      */
    struct rebias_device_metrics device; /* model against target; all 0 for the target */
};

enum rebias_verdict {
    REBIAS_NOT_DISTINGUISHABLE = 0,
    REBIAS_OVER_PROMISING = 1,
    REBIAS_UNDER_PROMISING = 2,
    REBIAS_NO_INTERVAL = 3
};

enum { REBIAS_BIAS_METRICS = 13, REBIAS_BIAS_WASSERSTEIN1 = 4 /* its number */ };

/* "rmse_mean", "rmse_sd", "push_pull", "wrong_sign", "wasserstein1", "kolmogorov_smirnov",
 * "hellinger", "wasserstein2", "jensen_shannon", "energy", "kullback_leibler", "mean_error",
 * "sd_error": means over SET and RESET. Static storage. */
const char *rebias_bias_metric_name(size_t metric);
double rebias_bias_metric(const struct rebias_device_metrics *device, size_t metric);

/* Mean of one device metric over the runs where it is finite (kullback_leibler need not be),
 * with its bootstrap interval over replicates; NaN: mean for 0 runs, interval for fewer than 2
 * or when it is not asked for. */
struct rebias_bias_metric_mean {
    size_t runs;
    double mean, low, high;
};

/* One (N, method) over the replicates that were fitted. */
struct rebias_bias_cell {
    size_t method;
    size_t points;
    size_t runs;                       /* replicates with a model */
    size_t failed;                     /* replicates whose fit failed for lack of points */
    double accuracy_mean, accuracy_sd; /* NaN without networks, like bias */
    double bias, bias_low,
        bias_high;  /* mean paired difference and its bootstrap interval; NaN when runs < 2 */
    double bias_sd; /* sd of the paired differences: how unpredictable one model is */
    size_t over,
        under; /* replicates more than the target's own sd above, below their target network */
    enum rebias_verdict verdict;
    struct rebias_device_metrics device; /* averages over the runs */
    struct rebias_bias_metric_mean metric[REBIAS_BIAS_METRICS];
};

/* How well one device metric of a model predicts its network's bias: Spearman's correlation
 * over all runs at one number of points (all methods and replicates) where the metric is
 * finite. */
struct rebias_bias_correlation {
    size_t points;
    size_t metric; /* below REBIAS_BIAS_METRICS */
    size_t runs;
    double rho, low, high; /* NaN where not available (metrics.h) */
};

struct rebias_bias_result {
    struct rebias_bias_run *runs; /* targets first, then cell by cell (replicates each) */
    size_t run_count;
    size_t target_runs;             /* replicates, or 0 without networks */
    struct rebias_bias_cell *cells; /* by points, then method */
    size_t cell_count;
    struct rebias_bias_correlation *correlations; /* by points, then metric */
    size_t correlation_count;                     /* 0 without networks */
    double target_mean,
        target_sd; /* accuracy on the target over the replicates; NaN without networks
                    */
    double target_low, target_high; /* bootstrap interval of target_mean; NaN for 1 replicate */
    double pulse_size;              /* S, as used; the target's unless given */
    double pulse_noise;             /* S, as used when programming; the target's unless given */
};

/* Runs the study. progress counts networks, or models without. *out is NULL on failure or
 * interruption. Owner: the caller. */
int rebias_bias_study(struct rebias_bias_result **out,
                      const struct rebias_bias_options *options, rebias_progress *progress,
                      void *progress_context, struct rebias_error *err);
/* Works out one run alone: run->method (a number below options->methods, or -1 for the target's
 * network), points and replicate are given, the rest is filled. Each run depends on these, its
 * method and the options alone, so it is the study's to the byte; options->points, replicates,
 * level and resamples do not matter. With REBIAS_WEIGHTS_VISITED a model's run trains the
 * target's network as well. progress (may be NULL) counts parts of the training of its network.
 * Runs may be worked out from several threads at once. */
int rebias_bias_run_one(struct rebias_bias_run *run, const struct rebias_bias_options *options,
                        rebias_progress *progress, void *progress_context,
                        struct rebias_error *err);

/* *out = the study's result from runs that were worked out before, in any order: cells,
 * intervals and correlations are those of rebias_bias_study. Without training, set or mgd only
 * tell that there are networks. REBIAS_E_DATA names a run that is missing; runs that the
 * options do not ask for are left out. *out is NULL on failure. Owner: the caller. */
int rebias_bias_assemble(struct rebias_bias_result **out,
                         const struct rebias_bias_options *options,
                         const struct rebias_bias_run *runs, size_t count,
                         struct rebias_error *err);
void rebias_bias_result_free(struct rebias_bias_result *result);

/* "over-promising", "under-promising", "not distinguishable", "no interval". Static storage. */
const char *rebias_verdict_text(enum rebias_verdict verdict);

/* The device seen as distributions for rebias_compare_jumps; the device must outlive the
 * result. REBIAS_E_UNSUPPORTED for a model without moments or cdf. */
int rebias_device_jumps(struct rebias_jumps *jumps, const struct rebias_device *device,
                        struct rebias_error *err);

/* Compares two devices over their common range (REBIAS_E_RANGE when there is none) with the
 * default slices; options may be NULL. slices as in rebias_compare_jumps. */
int rebias_compare_devices(const struct rebias_device *model,
                           const struct rebias_device *target,
                           const struct rebias_compare_options *options,
                           struct rebias_device_metrics *metrics,
                           struct rebias_slice_metrics *slices, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
