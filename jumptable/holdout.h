/* holdout.h - K-fold held-out score of an estimator on the points of one polarity. */
#ifndef REBIAS_JUMPTABLE_HOLDOUT_H
#define REBIAS_JUMPTABLE_HOLDOUT_H

#include "rebias/estimate.h"
#include "rebias/score.h"

struct rebias_holdout_options {
    size_t folds; /* K, 2 .. n */
    size_t
        levels;  /* G levels of the fits, >= 2; between them mean and sd, or cdf, are linear */
    size_t grid; /* dG points of rows that are not normal, >= 2 */
    enum rebias_score score;
};

/* Rounds of folds, so that no two uses share one: 0 is the score below, 1 and more are the
 * estimators' own, and the last thins points out. */
enum {
    REBIAS_HOLDOUT_ROUND_SCORE = 0,
    REBIAS_HOLDOUT_ROUND_FIT = 1,
    REBIAS_HOLDOUT_ROUND_THIN = 1000
};

/* 5 folds, 101 levels, 201 points, CRPS. */
struct rebias_holdout_options rebias_holdout_options_defaults(void);

/* fold[i] in 0 .. folds - 1 for each of the n points: every run of `folds` successive points
 * (ascending G) has one of each fold, in random order, so that all folds cover the range alike.
 * Addressed by the sample's seed, its polarity and `round`: the same for all estimators.
 * REBIAS_E_DATA when folds > n. */
int rebias_holdout_folds(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                         uint32_t round, struct rebias_error *err);

/* *score = mean score of every point under the fit to the other folds (round 0). Infinite when
 * the estimator refuses a fold (REBIAS_E_DATA, REBIAS_E_NUMERIC, fewer than min_points). Jumps
 * cut off at the rails are judged as they are, also when the sample is censored. */
int rebias_holdout_score(double *score, const struct rebias_sample *sample,
                         const struct rebias_estimator *estimator, const double *values,
                         const struct rebias_holdout_options *options,
                         struct rebias_error *err);

struct rebias_ranked {
    const struct rebias_estimator *estimator;
    double score; /* infinite = unusable */
};

/* ranking[count] = the estimators with their default options, best first; equal scores keep
 * their order. */
int rebias_holdout_rank(struct rebias_ranked *ranking, const struct rebias_sample *sample,
                        const struct rebias_estimator *const *estimators, size_t count,
                        const struct rebias_holdout_options *options, struct rebias_error *err);

#endif
