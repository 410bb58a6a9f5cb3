/* binning.c - estimator: fixed binning.
 * 1. options   2. bins   3. profiles between bin centres   4. empirical rows   5. descriptor
 *
 * G is cut into bins of equal width or equal count. Every bin with at least 2 points has a mean
 * and an sd (n - 1); between the centres of such bins both are interpolated linearly (for
 * empirical rows the cdfs are), beyond the outermost they are constant.
 */
#include "estimators.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { P_BINS, P_KIND, P_ROWS, P_COUNT };
enum { KIND_WIDTH, KIND_COUNT };
enum { ROWS_GAUSSIAN, ROWS_EMPIRICAL };

static const struct rebias_estimator_param params[P_COUNT] = {
    {"bins", 20.0, 1.0, 10000.0, true, NULL, "number of bins"},
    {"kind", 0.0, 0.0, 1.0, true, "width|count", "bins of equal width or of equal count"},
    {"rows", 0.0, 0.0, 1.0, true, "gaussian|empirical",
     "a bin's distribution: normal, or its own points'"},
};

/* -- 2. bins -- */

/* A bin with enough points. */
struct bin {
    double centre; /* S */
    double mean;
    double sd;
    size_t first; /* its points in the sample */
    size_t n;
};

static void measure_bin(struct bin *bin, const struct rebias_sample *sample)
{
    const double *dG = sample->dG + bin->first;
    double sum = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        sum += dG[k];
    }
    bin->mean = sum / (double)bin->n;
    double squares = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        squares += (dG[k] - bin->mean) * (dG[k] - bin->mean);
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

/* First point of bin b of `bins`. Equal width: the first point at or above the edge (the last
 * bin keeps Gmax). */
static size_t bin_start(const struct rebias_sample *sample, size_t bins, int kind, size_t b)
{
    if (b == bins) {
        return sample->n;
    }
    if (kind == KIND_COUNT) {
        return b * sample->n / bins;
    }
    double edge = sample->Gmin + (sample->Gmax - sample->Gmin) * (double)b / (double)bins;
    size_t low = 0;
    size_t high = sample->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sample->G[middle] < edge) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The valid bins in ascending order. Two equal-count bins at one and the same G (a quantised
 * instrument) are joined, so that centres ascend strictly. */
static size_t make_bins(const struct rebias_sample *sample, size_t bins, int kind,
                        struct bin *made)
{
    const double range = sample->Gmax - sample->Gmin;
    size_t valid = 0;
    for (size_t b = 0; b < bins; b++) {
        size_t first = bin_start(sample, bins, kind, b);
        struct bin bin = {.first = first, .n = bin_start(sample, bins, kind, b + 1) - first};
        if (bin.n < 2) {
            continue;
        }
        bin.centre = kind == KIND_COUNT
                         ? mean_G(sample->G + first, bin.n)
                         : sample->Gmin + range * ((double)b + 0.5) / (double)bins;
        if (valid > 0 && !(bin.centre > made[valid - 1].centre)) {
            valid--;
            bin.n += bin.first - made[valid].first;
            bin.first = made[valid].first;
        }
        measure_bin(&bin, sample);
        made[valid++] = bin;
    }
    return valid;
}

/* -- 3. profiles between bin centres -- */

/* The two valid bins around a G and the weight of the upper; outside, the outermost bin twice.
 */
struct neighbours {
    size_t lower;
    size_t upper;
    double weight;
};

static struct neighbours around(const struct bin *bins, size_t n, double G)
{
    size_t i = 0;
    while (i < n && bins[i].centre <= G) {
        i++;
    }
    struct neighbours at = {i == 0 ? 0 : i - 1, i == n ? n - 1 : i, 0.0};
    if (at.upper > at.lower) {
        double low = bins[at.lower].centre;
        at.weight = (G - low) / (bins[at.upper].centre - low);
    }
    return at;
}

static void fill_profile(const struct bin *bins, size_t n, struct rebias_fitted *fitted)
{
    for (size_t i = 0; i < fitted->levels; i++) {
        const double G = fitted->G[i];
        const struct neighbours at = around(bins, n, G);
        const struct bin *a = &bins[at.lower];
        const struct bin *b = &bins[at.upper];
        fitted->mean[i] = (1.0 - at.weight) * a->mean + at.weight * b->mean;
        fitted->sd[i] = (1.0 - at.weight) * a->sd + at.weight * b->sd;
        fitted->count[i] = (double)(at.weight < 0.5 ? a : b)->n;
        fitted->extrapolated += G < bins[0].centre || G > bins[n - 1].centre;
    }
}

/* -- 4. empirical rows -- */

/* The bins' own points, sorted by dG inside each bin. */
struct empirical {
    size_t n;
    struct bin *bins;
    double *dG;
    const double *G; /* the levels; they outlive the fit */
};

static void release(void *context)
{
    struct empirical *e = context;
    if (e != NULL) {
        free(e->bins);
        free(e->dG);
        free(e);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Empirical cdf of sorted values at plotting positions (k + 1/2)/n, linear between them, 0 and
 * 1 outside. */
static double empirical_cdf(const double *sorted, size_t n, double x)
{
    if (x < sorted[0]) {
        return 0.0;
    }
    if (x >= sorted[n - 1]) {
        return x > sorted[n - 1] ? 1.0 : ((double)n - 0.5) / (double)n;
    }
    size_t low = 0; /* sorted[low] <= x < sorted[high] */
    size_t high = n - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double t = (x - sorted[low]) / (sorted[high] - sorted[low]);
    return ((double)low + 0.5 + t * (double)(high - low)) / (double)n;
}

static double row_cdf(const void *context, size_t level, double dG)
{
    const struct empirical *e = context;
    const struct neighbours at = around(e->bins, e->n, e->G[level]);
    const struct bin *a = &e->bins[at.lower];
    const struct bin *b = &e->bins[at.upper];
    return (1.0 - at.weight) * empirical_cdf(e->dG + a->first, a->n, dG) +
           at.weight * empirical_cdf(e->dG + b->first, b->n, dG);
}

/* Takes bins over on success. */
static int keep_points(const struct rebias_sample *sample, struct bin *bins, size_t n,
                       struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct empirical *e = NULL;
    int status = rebias_alloc(&e, 1, sizeof *e, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&e->dG, sample->n, sizeof *e->dG, err);
    }
    if (status != REBIAS_OK) {
        free(e);
        return status;
    }
    e->n = n;
    e->bins = bins;
    e->G = fitted->G;
    memcpy(e->dG, sample->dG, sample->n * sizeof *e->dG);
    fitted->low = INFINITY;
    fitted->high = -INFINITY;
    for (size_t b = 0; b < n; b++) {
        qsort(e->dG + bins[b].first, bins[b].n, sizeof *e->dG, ascending);
        fitted->low = fmin(fitted->low, e->dG[bins[b].first]);
        fitted->high = fmax(fitted->high, e->dG[bins[b].first + bins[b].n - 1]);
    }
    fitted->context = e;
    fitted->cdf = row_cdf;
    fitted->release = release;
    return REBIAS_OK;
}

/* -- 5. descriptor -- */

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    const size_t wanted = (size_t)values[P_BINS];
    struct bin *bins = NULL;
    int status = rebias_alloc(&bins, wanted, sizeof *bins, err);
    if (status != REBIAS_OK) {
        return status;
    }
    size_t n = make_bins(sample, wanted, (int)values[P_KIND], bins);
    fitted->bins = wanted;
    fitted->empty_bins = wanted - n;
    if (n == 0) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "no bin holds 2 or more of the %zu %s points in %g to %g S: fewer "
                             "bins or more points are needed",
                             sample->n, sample->polarity == REBIAS_SET ? "SET" : "RESET",
                             sample->Gmin, sample->Gmax);
        free(bins);
        return status;
    }
    fill_profile(bins, n, fitted);
    if (values[P_ROWS] == ROWS_EMPIRICAL) {
        status = keep_points(sample, bins, n, fitted, err);
    }
    if (fitted->context == NULL) {
        free(bins);
    }
    return status;
}

const struct rebias_estimator rebias_binning_estimator = {
    .name = "binning",
    .doc = "mean and sd (or the points themselves) per bin of G",
    .assumes = "jumps are alike within a bin; points on the rails are taken at face value",
    .params = params,
    .param_count = P_COUNT,
    .min_points = 0,
    .fit = fit,
};
