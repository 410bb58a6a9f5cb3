/* bins.h - bins of sorted points: edges, moments, and the profile between bin centres. */
#ifndef REBIAS_JUMPTABLE_BINS_H
#define REBIAS_JUMPTABLE_BINS_H

#include "rebias/estimate.h"

/* A bin with at least 2 points. */
struct rebias_bin {
    double centre; /* S */
    double mean;   /* S */
    double sd;     /* S; n - 1, at least the sample's floor */
    size_t first;  /* its points in the sample */
    size_t n;
};

/* start[bins + 1]: bin b holds the points start[b] .. start[b + 1] - 1. Equal width over [Gmin,
 * Gmax]; equal count; and inner[bins - 1] ascending edges, a point on an edge being above it.
 */
void rebias_bins_by_width(const struct rebias_sample *sample, size_t bins, size_t *start);
void rebias_bins_by_count(const struct rebias_sample *sample, size_t bins, size_t *start);
void rebias_bins_by_edges(const struct rebias_sample *sample, size_t bins, const double *inner,
                          size_t *start);

/* bin[] = the bins with at least 2 points, ascending; returns their number. centre[bins] may be
 * NULL: the mean G of a bin's points. Bins whose centres do not ascend (points of one and the
 * same G, from a quantised instrument) are joined. */
size_t rebias_bins_measure(const struct rebias_sample *sample, size_t bins, const size_t *start,
                           const double *centre, struct rebias_bin *bin);

/* The two bins around G and the weight of the upper; outside, the outermost bin twice. */
void rebias_bins_around(const struct rebias_bin *bin, size_t n, double G, size_t *lower,
                        size_t *upper, double *weight);

/* Fills mean, sd, count and extrapolated: linear between the centres of the n >= 1 bins,
 * constant beyond the outermost; count is that of the nearer bin. */
void rebias_bins_profile(const struct rebias_bin *bin, size_t n, struct rebias_fitted *fitted);

#endif
