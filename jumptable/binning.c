/* binning.c - estimator: fixed binning.
 * 1. options   2. points of one polarity   3. bins   4. profiles between bin centres   5.
 * Gaussian rows
 * 6. empirical rows   7. the fit
 *
 * G is cut into bins of equal width or equal count. Every bin with at least 2 points has a mean
 * and an sd (n - 1); between the centres of such bins both are interpolated linearly, beyond
 * the outermost they are constant.
 */
#include "rebias/base.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include "rebias/table.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_binning_options rebias_binning_options_defaults(void)
{
    return (struct rebias_binning_options){.bins = 20,
                                           .kind = REBIAS_BINS_WIDTH,
                                           .rows = REBIAS_ROWS_GAUSSIAN,
                                           .G_levels = 100,
                                           .dG_levels = 201};
}

static int check_options(const struct rebias_binning_options *o, struct rebias_error *err)
{
    if (o->bins < 1 || o->bins > 10000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu bins are not possible (1 to 10000)",
                           o->bins);
    }
    if (o->G_levels < 2 || o->G_levels > 100000 || o->dG_levels < 2 || o->dG_levels > 50000) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "a table of %zu x %zu levels is not possible (2 to 100000 x 2 to 50000)",
            o->G_levels, o->dG_levels);
    }
    bool automatic = o->Gmin == 0.0 && o->Gmax == 0.0; /* as the defaults set them */
    if (!automatic && !(o->Gmin >= 0.0 && o->Gmin < o->Gmax && isfinite(o->Gmax))) {
        return rebias_fail(err, REBIAS_E_RANGE, "the table's range %g to %g S is empty",
                           o->Gmin, o->Gmax);
    }
    if (!(o->sd_floor >= 0.0 && isfinite(o->sd_floor))) {
        return rebias_fail(err, REBIAS_E_RANGE, "the sd floor %g S is negative or not finite",
                           o->sd_floor);
    }
    return REBIAS_OK;
}

/* -- 2. points of one polarity -- */

struct point {
    double G;
    double dG;
};

static int by_G(const void *a, const void *b)
{
    const struct point *p = a;
    const struct point *q = b;
    if (p->G != q->G) {
        return p->G < q->G ? -1 : 1;
    }
    return (p->dG > q->dG) - (p->dG < q->dG);
}

static int by_dG(const void *a, const void *b)
{
    const double x = ((const struct point *)a)->dG;
    const double y = ((const struct point *)b)->dG;
    return (x > y) - (x < y);
}

/* Range common to both polarities. */
static void data_range(const struct rebias_pulses *pulses, double *Gmin, double *Gmax)
{
    double low[2] = {INFINITY, INFINITY};
    double high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < pulses->n; i++) {
        int p = pulses->polarity[i];
        low[p] = fmin(low[p], pulses->G[i]);
        high[p] = fmax(high[p], pulses->G[i]);
    }
    *Gmin = fmax(low[0], low[1]);
    *Gmax = fmin(high[0], high[1]);
}

/* Points inside [Gmin, Gmax], sorted by G. */
static int collect(const struct rebias_pulses *pulses, int polarity, double Gmin, double Gmax,
                   struct point **points, size_t *n, size_t *outside, struct rebias_error *err)
{
    int status = rebias_alloc(points, pulses->n, sizeof **points, err);
    if (status != REBIAS_OK) {
        return status;
    }
    *n = 0;
    *outside = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] != polarity) {
            continue;
        }
        if (pulses->G[i] < Gmin || pulses->G[i] > Gmax) {
            (*outside)++;
        } else {
            (*points)[(*n)++] = (struct point){pulses->G[i], pulses->dG[i]};
        }
    }
    qsort(*points, *n, sizeof **points, by_G);
    return REBIAS_OK;
}

/* -- 3. bins -- */

/* A bin with enough points. */
struct bin {
    double centre; /* S */
    double mean;
    double sd;
    size_t first; /* its points in the sorted array */
    size_t n;
};

static void measure_bin(struct bin *bin, const struct point *points, double floor)
{
    double sum = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        sum += points[bin->first + k].dG;
    }
    bin->mean = sum / (double)bin->n;
    double squares = 0.0;
    for (size_t k = 0; k < bin->n; k++) {
        double r = points[bin->first + k].dG - bin->mean;
        squares += r * r;
    }
    bin->sd = fmax(floor, sqrt(squares / (double)(bin->n - 1)));
}

/* Summed from the first G on, so that points of one G have exactly that mean. */
static double mean_G(const struct point *points, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        sum += points[k].G - points[0].G;
    }
    return points[0].G + sum / (double)n;
}

/* First point of bin b. Equal width: first point at or above the edge (the last bin keeps
 * Gmax). */
static size_t bin_start(const struct rebias_binning_options *o, const struct point *points,
                        size_t n, size_t b)
{
    if (b == o->bins) {
        return n;
    }
    if (o->kind == REBIAS_BINS_COUNT) {
        return b * n / o->bins;
    }
    double edge = o->Gmin + (o->Gmax - o->Gmin) * (double)b / (double)o->bins;
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (points[middle].G < edge) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The valid bins in ascending order; counts[b] = points of every bin. Two equal-count bins at
 * one and the same G (a quantised instrument) are joined, so that centres ascend strictly. */
static size_t make_bins(const struct rebias_binning_options *o, const struct point *points,
                        size_t n, double floor, struct bin *bins)
{
    size_t valid = 0;
    for (size_t b = 0; b < o->bins; b++) {
        size_t first = bin_start(o, points, n, b);
        struct bin bin = {.first = first, .n = bin_start(o, points, n, b + 1) - first};
        if (bin.n < 2) {
            continue;
        }
        bin.centre = o->kind == REBIAS_BINS_COUNT
                         ? mean_G(points + first, bin.n)
                         : o->Gmin + (o->Gmax - o->Gmin) * ((double)b + 0.5) / (double)o->bins;
        if (valid > 0 && !(bin.centre > bins[valid - 1].centre)) {
            valid--;
            bin.n += bin.first - bins[valid].first;
            bin.first = bins[valid].first;
        }
        measure_bin(&bin, points, floor);
        bins[valid++] = bin;
    }
    return valid;
}

/* -- 4. profiles between bin centres -- */

/* The two valid bins around G and the weight of the upper; outside, the outermost bin twice. */
static void around(const struct bin *bins, size_t n, double G, size_t *lower, size_t *upper,
                   double *weight)
{
    size_t i = 0;
    while (i < n && bins[i].centre <= G) {
        i++;
    }
    *lower = i == 0 ? 0 : i - 1;
    *upper = i == n ? n - 1 : i;
    *weight = *upper > *lower
                  ? (G - bins[*lower].centre) / (bins[*upper].centre - bins[*lower].centre)
                  : 0.0;
}

static void profile(const struct bin *bins, size_t n, double G, double *mean, double *sd)
{
    size_t a = 0;
    size_t b = 0;
    double w = 0.0;
    around(bins, n, G, &a, &b, &w);
    *mean = (1.0 - w) * bins[a].mean + w * bins[b].mean;
    *sd = (1.0 - w) * bins[a].sd + w * bins[b].sd;
}

static void set_axis(double *x, size_t n, double low, double high)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = low + (high - low) * (double)i / (double)(n - 1);
    }
    x[n - 1] = high;
}

/* -- 5. Gaussian rows -- */

static void gaussian_rows(struct rebias_table_side *side, const struct bin *bins, size_t n)
{
    const double reach = 6.0; /* sd on either side: 2e-9 of the mass is cut */
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < side->G_count; i++) {
        double mean = 0.0;
        double sd = 0.0;
        profile(bins, n, side->G[i], &mean, &sd);
        low = fmin(low, mean - reach * sd);
        high = fmax(high, mean + reach * sd);
    }
    set_axis(side->dG, side->dG_count, low, high);
    for (size_t i = 0; i < side->G_count; i++) {
        double mean = 0.0;
        double sd = 0.0;
        profile(bins, n, side->G[i], &mean, &sd);
        for (size_t j = 0; j < side->dG_count; j++) {
            side->cdf[i * side->dG_count + j] = gsl_cdf_ugaussian_P((side->dG[j] - mean) / sd);
        }
    }
}

/* -- 6. empirical rows -- */

/* Empirical CDF of sorted values at plotting positions (k + 1/2)/n, linear between them, 0 and
 * 1 outside. */
static double empirical_cdf(const struct point *sorted, size_t n, double x)
{
    if (x < sorted[0].dG) {
        return 0.0;
    }
    if (x >= sorted[n - 1].dG) {
        return x > sorted[n - 1].dG ? 1.0 : ((double)n - 0.5) / (double)n;
    }
    size_t low = 0; /* sorted[low] <= x < sorted[high] */
    size_t high = n - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle].dG <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double t = (x - sorted[low].dG) / (sorted[high].dG - sorted[low].dG);
    return ((double)low + 0.5 + t * (double)(high - low)) / (double)n;
}

static void empirical_rows(struct rebias_table_side *side, struct point *points,
                           const struct bin *bins, size_t n)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t b = 0; b < n; b++) {
        qsort(points + bins[b].first, bins[b].n, sizeof *points, by_dG);
        low = fmin(low, points[bins[b].first].dG);
        high = fmax(high, points[bins[b].first + bins[b].n - 1].dG);
    }
    double slack = high > low ? (high - low) / (double)(side->dG_count - 1)
                              : fmax(fabs(high), 1e-12) * 1e-3;
    set_axis(side->dG, side->dG_count, low - slack, high + slack);
    for (size_t i = 0; i < side->G_count; i++) {
        size_t a = 0;
        size_t b = 0;
        double w = 0.0;
        around(bins, n, side->G[i], &a, &b, &w);
        for (size_t j = 0; j < side->dG_count; j++) {
            double x = side->dG[j];
            double F = empirical_cdf(points + bins[a].first, bins[a].n, x);
            double H = empirical_cdf(points + bins[b].first, bins[b].n, x);
            side->cdf[i * side->dG_count + j] = (1.0 - w) * F + w * H;
        }
    }
}

/* -- 7. the fit -- */

static double default_floor(const struct point *points, size_t n)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(points[i].dG));
    }
    return largest > 0.0 ? 1e-4 * largest : 1e-15;
}

/* Points of the bin (or, between bins, of the nearer bin) behind each G level. */
static void set_counts(struct rebias_table_side *side, const struct bin *bins, size_t n,
                       struct rebias_fit_report *report, int polarity)
{
    for (size_t i = 0; i < side->G_count; i++) {
        size_t a = 0;
        size_t b = 0;
        double w = 0.0;
        around(bins, n, side->G[i], &a, &b, &w);
        side->count[i] = (double)bins[w < 0.5 ? a : b].n;
        report->extrapolated[polarity] +=
            side->G[i] < bins[0].centre || side->G[i] > bins[n - 1].centre;
    }
}

static int fit_side(struct rebias_table_side *side, const struct rebias_pulses *pulses,
                    int polarity, const struct rebias_binning_options *o,
                    struct rebias_fit_report *report, struct rebias_error *err)
{
    struct point *points = NULL;
    struct bin *bins = NULL;
    size_t n = 0;
    int status = collect(pulses, polarity, o->Gmin, o->Gmax, &points, &n,
                         &report->outside[polarity], err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&bins, o->bins, sizeof *bins, err);
    }
    if (status == REBIAS_OK) {
        double floor = o->sd_floor > 0.0 ? o->sd_floor : default_floor(points, n);
        size_t valid = make_bins(o, points, n, floor, bins);
        report->points[polarity] = n;
        report->bins[polarity] = o->bins;
        report->empty_bins[polarity] = o->bins - valid;
        if (valid == 0) {
            status = rebias_fail(err, REBIAS_E_DATA,
                                 "no bin holds 2 or more of the %zu %s points in %g to %g S: "
                                 "fewer bins or more points "
                                 "are needed",
                                 n, polarity == REBIAS_SET ? "SET" : "RESET", o->Gmin, o->Gmax);
        } else {
            set_axis(side->G, side->G_count, o->Gmin, o->Gmax);
            set_counts(side, bins, valid, report, polarity);
            if (o->rows == REBIAS_ROWS_GAUSSIAN) {
                gaussian_rows(side, bins, valid);
            } else {
                empirical_rows(side, points, bins, valid);
            }
        }
    }
    free(points);
    free(bins);
    return status;
}

static int describe(struct rebias_table *table, const struct rebias_binning_options *o,
                    struct rebias_error *err)
{
    char text[128];
    snprintf(text, sizeof text, "bins=%zu,kind=%s,rows=%s", o->bins,
             o->kind == REBIAS_BINS_WIDTH ? "width" : "count",
             o->rows == REBIAS_ROWS_GAUSSIAN ? "gaussian" : "empirical");
    int status = rebias_copy_text(&table->estimator, "binning", err);
    return status == REBIAS_OK ? rebias_copy_text(&table->options, text, err) : status;
}

int rebias_fit_binning(struct rebias_table **out, const struct rebias_pulses *pulses,
                       const struct rebias_binning_options *options,
                       struct rebias_fit_report *report, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_table *table = NULL;
    struct rebias_fit_report seen = {0};
    struct rebias_binning_options o = *options;
    const size_t G_count[2] = {o.G_levels, o.G_levels};
    const size_t dG_count[2] = {o.dG_levels, o.dG_levels};
    int status = check_options(&o, err);
    if (status == REBIAS_OK && o.Gmax == 0.0) {
        data_range(pulses, &o.Gmin, &o.Gmax);
        if (!(o.Gmin < o.Gmax)) {
            status = rebias_fail(err, REBIAS_E_DATA,
                                 "SET and RESET points have no common range of G");
        }
    }
    if (status == REBIAS_OK) {
        status = rebias_table_new(&table, G_count, dG_count, true, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = fit_side(&table->side[p], pulses, p, &o, &seen, err);
    }
    if (status == REBIAS_OK) {
        status = describe(table, &o, err);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    if (report != NULL) {
        *report = seen;
    }
    *out = table;
    return REBIAS_OK;
}
