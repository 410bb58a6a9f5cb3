/* holdout.h - how well estimators predict points that their fits have not seen. */
#ifndef REBIAS_HOLDOUT_H
#define REBIAS_HOLDOUT_H

#include "base.h"
#include "error.h"
#include "estimate.h"
#include "pulses.h"
#include "score.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_scores_options {
    struct rebias_fit_options fit; /* range, sd floor, rails, seed and blocks of the fits */
    size_t folds;                  /* 2 .. 1000; fewer where there are fewer blocks */
    double level;                  /* confidence of the intervals, in (0, 1) */
    size_t resamples;              /* of the bootstrap, >= 1 */
    int threads;
};

/* Fits as by default, 10 folds, level 0.95, 1000 resamples, 1 thread. */
struct rebias_scores_options rebias_scores_options_defaults(void);

/* A mean and its interval; NaN where not available. */
struct rebias_estimate {
    double value;
    double low, high;
};

/* One method on the points of one polarity. */
struct rebias_method_score {
    size_t points, blocks;            /* blocks = points when every point is its own */
    struct rebias_estimate score[2];  /* by enum rebias_score, lower is better: CRPS in S, log
                                         score in nats relative to 1/S */
    struct rebias_estimate behind[2]; /* score minus that of the best method, paired */
    char refusal[256];                /* why the method cannot be scored, or "" */
};

/* scores[2][count] = mean held-out scores of each method, SET first: every point is scored
 * under the fit to the other folds, which are the same for all methods and keep blocks whole.
 *
 * With options->fit.censored jumps that end on a rail are scored by the predicted mass beyond
 * it: -ln P(dG >= Gmax - G), or -ln P(dG <= Gmin - G), and the CRPS is that of the prediction
 * cut off at the rails, integral from Gmin - G to Gmax - G of (F(t) - 1{t >= dG})^2 dt.
 *
 * A mean over points is the ratio R = sum s_b/sum n_b of sums over blocks b; its interval is
 * rebias_bootstrap_mean of R + (s_b - R n_b)/mean(n_b), the values whose mean has the ratio's
 * variance to first order (for points, the points' scores themselves). Purpose
 * REBIAS_FOR_BOOTSTRAP, entity = polarity, so that methods share resamples. The same bytes for
 * any number of threads.
 *
 * A method that cannot be fitted to a fold has NaN and a refusal. Errors: as of rebias_fit for
 * the pulses and options; REBIAS_E_DATA when a polarity has fewer points than folds or a single
 * block. */
int rebias_scores_measure(struct rebias_method_score *scores,
                          const struct rebias_pulses *pulses,
                          const struct rebias_method *methods, size_t count,
                          const struct rebias_scores_options *options,
                          rebias_progress *progress, void *progress_context,
                          struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
