/* binning.c - estimator: fixed binning.
 * 1. options   2. bins   3. empirical rows   4. descriptor
 *
 * G is cut into bins of equal width or equal count. Every bin with at least 2 points has a mean
 * and an sd (n - 1); between the centres of such bins both are interpolated linearly (for
 * empirical rows the cdfs are), beyond the outermost they are constant.
 */
#include "bins.h"
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

/* The valid bins among `bins`: centres are midpoints for equal width, mean G for equal count.
 * *out to be given to free(); *count = their number. */
static int make_bins(const struct rebias_sample *sample, size_t bins, int kind,
                     struct rebias_bin **out, size_t *count, struct rebias_error *err)
{
    const double range = sample->Gmax - sample->Gmin;
    size_t *start = NULL;
    double *centre = NULL;
    int status = rebias_alloc(out, bins, sizeof **out, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&start, bins + 1, sizeof *start, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&centre, bins, sizeof *centre, err);
    }
    if (status == REBIAS_OK) {
        for (size_t b = 0; b < bins; b++) {
            centre[b] = sample->Gmin + range * ((double)b + 0.5) / (double)bins;
        }
        if (kind == KIND_COUNT) {
            rebias_bins_by_count(sample, bins, start);
        } else {
            rebias_bins_by_width(sample, bins, start);
        }
        *count =
            rebias_bins_measure(sample, bins, start, kind == KIND_COUNT ? NULL : centre, *out);
    }
    free(start);
    free(centre);
    return status;
}

/* -- 3. empirical rows -- */

/* The bins' own points, sorted by dG inside each bin. */
struct empirical {
    size_t n;
    struct rebias_bin *bins;
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
    size_t lower = 0;
    size_t upper = 0;
    double weight = 0.0;
    rebias_bins_around(e->bins, e->n, e->G[level], &lower, &upper, &weight);
    const struct rebias_bin *a = &e->bins[lower];
    const struct rebias_bin *b = &e->bins[upper];
    return (1.0 - weight) * empirical_cdf(e->dG + a->first, a->n, dG) +
           weight * empirical_cdf(e->dG + b->first, b->n, dG);
}

/* Takes bins over on success. */
static int keep_points(const struct rebias_sample *sample, struct rebias_bin *bins, size_t n,
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

/* -- 4. descriptor -- */

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    const size_t wanted = (size_t)values[P_BINS];
    struct rebias_bin *bins = NULL;
    size_t n = 0;
    int status = make_bins(sample, wanted, (int)values[P_KIND], &bins, &n, err);
    if (status != REBIAS_OK) {
        free(bins);
        return status;
    }
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
    rebias_bins_profile(bins, n, fitted);
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
