/* holdout.h - K-fold held-out score of an estimator on the points of one polarity.
 *
 * Points that belong together (a sample's blocks: ramps, devices) are held out together: they
 * are alike, so that a fit which has seen a part of a block would know the rest too well.
 *
 * In a censored sample jumps that end on a rail, or beyond it, were cut off there and are
 * scored by the predicted mass: the log score is -ln P(dG >= Gmax - G) or -ln P(dG <= Gmin -
 * G), the CRPS that of the prediction cut off at the rails as well (rails.h).
 */
#ifndef REBIAS_JUMPTABLE_HOLDOUT_H
#define REBIAS_JUMPTABLE_HOLDOUT_H

#include "rebias/estimate.h"
#include "rebias/score.h"

struct rebias_holdout_options {
    size_t folds; /* K, 2 .. n; fewer when there are fewer blocks */
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

/* *folds = the folds that can be made where `wanted` are wanted: as many without blocks, no
 * more than there are blocks with them. REBIAS_E_DATA when all points are of one block. */
int rebias_holdout_usable(size_t *folds, const struct rebias_sample *sample, size_t wanted,
                          struct rebias_error *err);

/* fold[i] in 0 .. folds - 1 for each of the n points. Without blocks every run of `folds`
 * successive points (ascending G) has one of each fold, in random order, so that all folds
 * cover the range alike. Blocks go whole to the fold with the fewest points so far, the largest
 * block first, equal ones in random order. Addressed by the sample's seed, its polarity and
 * `round`: the same for all estimators. REBIAS_E_DATA for more folds than points or blocks. */
int rebias_holdout_folds(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                         uint32_t round, struct rebias_error *err);

/* keep[i] = whether point i is one of about `most` that are left. Without blocks one random
 * point of every run of successive points is; else whole blocks in random order, as many as
 * `most` points hold, but at least 2. Returns by *kept their number. */
int rebias_holdout_thin(uint8_t *keep, size_t *kept, const struct rebias_sample *sample,
                        size_t most, struct rebias_error *err);

/* Scores of every point under the fit to the other folds (round 0) into point[score][n], by
 * enum rebias_score; either may be NULL. *refused: the failure is the estimator's
 * (REBIAS_E_DATA, REBIAS_E_NUMERIC, fewer than min_points, or a prediction that is no number),
 * not that of the options or of memory. options->score is not used. */
int rebias_holdout_points(double *const point[2], bool *refused,
                          const struct rebias_sample *sample,
                          const struct rebias_estimator *estimator, const double *values,
                          const struct rebias_holdout_options *options,
                          struct rebias_error *err);

/* *score = mean of those scores; infinite when the estimator refuses a fold. */
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
