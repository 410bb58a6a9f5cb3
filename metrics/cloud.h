/* cloud.h - the pooled points of a permutation test: thinned, scaled, sorted by stratum. */
#ifndef REBIAS_METRICS_CLOUD_H
#define REBIAS_METRICS_CLOUD_H

#include "rebias/two_sample.h"

struct rebias_cloud {
    size_t count[2]; /* points of x and of y */
    size_t n;        /* their sum */
    size_t dimension;
    double *values; /* [n x dimension], each coordinate divided by its pooled sd */
    double *label;  /* [n], 1 for a point of x, 0 for one of y */
    size_t strata;
    size_t *start; /* [strata + 1]: points start[s] .. start[s + 1] - 1 are stratum s */
};

/* *out = the points that the options leave of both sets; errors as rebias_mmd. Owner: the
 * caller. */
int rebias_cloud_new(struct rebias_cloud **out, const struct rebias_point_set *x,
                     const struct rebias_point_set *y,
                     const struct rebias_permutation_options *options,
                     struct rebias_error *err);
void rebias_cloud_free(struct rebias_cloud *cloud);

#endif
