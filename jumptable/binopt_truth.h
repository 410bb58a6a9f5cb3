/* binopt_truth.h - distance of a normal profile to a known truth (estimator `binopt`). */
#ifndef REBIAS_JUMPTABLE_BINOPT_TRUTH_H
#define REBIAS_JUMPTABLE_BINOPT_TRUTH_H

#include "rebias/estimate.h"

/* G slices, equidistant from Gmin to Gmax. */
enum { REBIAS_BINOPT_SLICES = 51 };

struct rebias_binopt_truth;

/* *out = the truth of the sample at the slices. Errors: REBIAS_E_UNSUPPORTED for a truth
 * without moments or, unless it is normal, without a cdf; REBIAS_E_NUMERIC for one that is not
 * finite. Owner: the caller. */
int rebias_binopt_truth_new(struct rebias_binopt_truth **out,
                            const struct rebias_sample *sample, struct rebias_error *err);
void rebias_binopt_truth_free(struct rebias_binopt_truth *truth);

/* G[REBIAS_BINOPT_SLICES] = the slices. */
void rebias_binopt_truth_slices(const struct rebias_sample *sample, double *G);

/* Wasserstein-1 distance of N(mean[s], sd[s]^2) to the truth, averaged over the slices, S. */
double rebias_binopt_truth_distance(const struct rebias_binopt_truth *truth, const double *mean,
                                    const double *sd);

#endif
