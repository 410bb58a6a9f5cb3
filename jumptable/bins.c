/* bins.c - bins of sorted points.
 * 1. edges   2. moments   3. profile between bin centres
 */
#include "bins.h"
#include <math.h>

/* -- 1. edges -- */

/* First point at or above G. */
static size_t first_from(const struct rebias_sample *sample, double G)
{
    size_t low = 0;
    size_t high = sample->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sample->G[middle] < G) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void rebias_bins_by_width(const struct rebias_sample *sample, size_t bins, size_t *start)
{
    const double width = sample->Gmax - sample->Gmin;
    start[0] = 0;
    start[bins] = sample->n; /* the last bin keeps Gmax */
    for (size_t b = 1; b < bins; b++) {
        start[b] = first_from(sample, sample->Gmin + width * (double)b / (double)bins);
    }
}

void rebias_bins_by_count(const struct rebias_sample *sample, size_t bins, size_t *start)
{
    for (size_t b = 0; b <= bins; b++) {
        start[b] = b * sample->n / bins;
    }
}

void rebias_bins_by_edges(const struct rebias_sample *sample, size_t bins, const double *inner,
                          size_t *start)
{
    start[0] = 0;
    start[bins] = sample->n;
    for (size_t b = 1; b < bins; b++) {
        start[b] = first_from(sample, inner[b - 1]);
    }
}

/* -- 2. moments -- */

static void measure_bin(struct rebias_bin *bin, const struct rebias_sample *sample)
{
    const double *dG = sample->dG + bin->first;
    double sum = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        sum += dG[k];
    }
    bin->mean = sum / (double)bin->n;
    double squares = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        double r = dG[k] - bin->mean;
        squares += r * r;
    }
    bin->sd = fmax(sample->sd_floor, sqrt(squares / (double)(bin->n - 1)));
}

/* Summed from the first G on, so that points of one G have exactly that mean. */
static double mean_G(const double *G, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        sum += G[k] - G[0];
    }
    return G[0] + sum / (double)n;
}

size_t rebias_bins_measure(const struct rebias_sample *sample, size_t bins, const size_t *start,
                           const double *centre, struct rebias_bin *bin)
{
    size_t valid = 0;
    for (size_t b = 0; b < bins; b++) {
        struct rebias_bin next = {.first = start[b], .n = start[b + 1] - start[b]};
        if (next.n < 2) {
            continue;
        }
        next.centre = centre != NULL ? centre[b] : mean_G(sample->G + next.first, next.n);
        if (valid > 0 && !(next.centre > bin[valid - 1].centre)) {
            valid--;
            next.n += next.first - bin[valid].first;
            next.first = bin[valid].first;
        }
        measure_bin(&next, sample);
        bin[valid++] = next;
    }
    return valid;
}

/* -- 3. profile between bin centres -- */

void rebias_bins_around(const struct rebias_bin *bin, size_t n, double G, size_t *lower,
                        size_t *upper, double *weight)
{
    size_t i = 0;
    while (i < n && bin[i].centre <= G) {
        i++;
    }
    *lower = i == 0 ? 0 : i - 1;
    *upper = i == n ? n - 1 : i;
    *weight = *upper > *lower
                  ? (G - bin[*lower].centre) / (bin[*upper].centre - bin[*lower].centre)
                  : 0.0;
}

void rebias_bins_profile(const struct rebias_bin *bin, size_t n, struct rebias_fitted *fitted)
{
    fitted->extrapolated = 0;
    for (size_t i = 0; i < fitted->levels; i++) {
        const double G = fitted->G[i];
        size_t a = 0;
        size_t b = 0;
        double w = 0.0;
        rebias_bins_around(bin, n, G, &a, &b, &w);
        fitted->mean[i] = (1.0 - w) * bin[a].mean + w * bin[b].mean;
        fitted->sd[i] = (1.0 - w) * bin[a].sd + w * bin[b].sd;
        fitted->count[i] = (double)bin[w < 0.5 ? a : b].n;
        fitted->extrapolated += G < bin[0].centre || G > bin[n - 1].centre;
    }
}
