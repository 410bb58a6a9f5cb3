/* fit.c - pulse data -> jump table, whatever the estimator.
 * 1. options   2. rows of the table   3. one side   4. the fit
 */
#include "rebias/base.h"
#include "rebias/estimate.h"
#include "rebias/pulses.h"
#include "sample.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_fit_options rebias_fit_options_defaults(void)
{
    return (struct rebias_fit_options){.G_levels = 100, .dG_levels = 201, .seed = 1};
}

int rebias_fit_check_options(const struct rebias_fit_options *o, struct rebias_error *err)
{
    if (o->G_levels < 2 || o->G_levels > 100000 || o->dG_levels < 2 || o->dG_levels > 50000) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "a table of %zu x %zu levels is not possible (2 to 100000 x 2 to 50000)",
            o->G_levels, o->dG_levels);
    }
    bool automatic = o->Gmin == 0.0 && o->Gmax == 0.0; /* as the defaults set them */
    if (o->Gmin > 0.0 && o->Gmax == 0.0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the table's range has a Gmin, %g S, but no Gmax", o->Gmin);
    }
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

int rebias_fit_check_method(const struct rebias_method *method,
                            const struct rebias_fit_options *o, struct rebias_error *err)
{
    const struct rebias_estimator *e = method->estimator;
    if (o->truth != NULL && !e->uses_truth) {
        return rebias_fail(err, REBIAS_E_RANGE, "a truth has no meaning with %s", e->name);
    }
    for (size_t p = 0; p < e->param_count; p++) {
        const struct rebias_estimator_param *row = &e->params[p];
        if (!(method->values[p] >= row->min && method->values[p] <= row->max)) {
            return rebias_fail(err, REBIAS_E_RANGE, "option %s of %s is %g, not in %g to %g",
                               row->name, e->name, method->values[p], row->min, row->max);
        }
    }
    return REBIAS_OK;
}

/* -- 2. rows of the table -- */

static void set_axis(double *x, size_t n, double low, double high)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = low + (high - low) * (double)i / (double)(n - 1);
    }
    x[n - 1] = high;
}

static void fill_gaussian_rows(struct rebias_table_side *side, const struct rebias_fitted *f)
{
    const double reach = 6.0; /* sd on either side: 2e-9 of the mass is cut */
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < f->levels; i++) {
        low = fmin(low, f->mean[i] - reach * f->sd[i]);
        high = fmax(high, f->mean[i] + reach * f->sd[i]);
    }
    set_axis(side->dG, side->dG_count, low, high);
    for (size_t i = 0; i < f->levels; i++) {
        for (size_t j = 0; j < side->dG_count; j++) {
            side->cdf[i * side->dG_count + j] =
                gsl_cdf_ugaussian_P((side->dG[j] - f->mean[i]) / f->sd[i]);
        }
    }
}

/* The estimator's own rows; each is repaired to rise from 0 to 1 (running maximum). */
static void fill_own_rows(struct rebias_table_side *side, const struct rebias_fitted *f)
{
    double slack = (f->high - f->low) / (double)(side->dG_count - 1);
    if (!(slack > 0.0)) { /* all jumps equal */
        slack = fmax(fabs(f->high), 1e-12) * 1e-3;
    }
    set_axis(side->dG, side->dG_count, f->low - slack, f->high + slack);
    for (size_t i = 0; i < f->levels; i++) {
        double reached = 0.0;
        for (size_t j = 0; j < side->dG_count; j++) {
            double F = f->cdf(f->context, i, side->dG[j]);
            reached = fmin(fmax(reached, F), 1.0);
            side->cdf[i * side->dG_count + j] = reached;
        }
    }
}

/* An estimator that leaves anything but finite numbers has a fault; tables must not carry it
 * on. */
static int check_fitted(const struct rebias_fitted *f, const struct rebias_estimator *estimator,
                        struct rebias_error *err)
{
    bool good = f->cdf == NULL || (isfinite(f->low) && isfinite(f->high) && f->low <= f->high);
    for (size_t i = 0; i < f->levels; i++) {
        good = good && isfinite(f->mean[i]) && isfinite(f->sd[i]) && f->sd[i] > 0.0 &&
               isfinite(f->count[i]);
    }
    return good ? REBIAS_OK
                : rebias_fail(err, REBIAS_E_NUMERIC,
                              "estimator %s left a mean or sd that is not finite",
                              estimator->name);
}

/* -- 3. one side -- */

static int check_points(const struct rebias_sample *sample,
                        const struct rebias_estimator *estimator, double sd_floor,
                        struct rebias_error *err)
{
    if (sample->n == 0 || sample->n < estimator->min_points) {
        return rebias_fail(
            err, REBIAS_E_DATA, "%s needs %zu %s points, there are %zu in %g to %g S",
            estimator->name, estimator->min_points > 0 ? estimator->min_points : 1,
            rebias_points_name(sample), sample->n, sample->Gmin, sample->Gmax);
    }
    return rebias_points_check_spread(sample, sd_floor, err);
}

static int check_bins(const struct rebias_fitted *f, const struct rebias_sample *sample,
                      const struct rebias_estimator *estimator, struct rebias_error *err)
{
    return f->bins <= sample->n
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_DATA,
                             "%s has more bins (%zu) than there are %s points (%zu in %g to %g "
                             "S): fewer bins or more points are needed",
                             estimator->name, f->bins, rebias_points_name(sample), sample->n,
                             sample->Gmin, sample->Gmax);
}

static void report_side(const struct rebias_fitted *f, size_t points,
                        struct rebias_fit_report *report, int polarity)
{
    report->points[polarity] = points;
    report->bins[polarity] = f->bins;
    report->empty_bins[polarity] = f->empty_bins;
    report->extrapolated[polarity] = f->extrapolated;
    memcpy(report->note[polarity], f->note, sizeof report->note[polarity]);
}

static void fill_rows(struct rebias_table_side *side, const struct rebias_fitted *fitted)
{
    if (fitted->cdf == NULL) {
        fill_gaussian_rows(side, fitted);
    } else {
        fill_own_rows(side, fitted);
    }
}

static int fit_side(struct rebias_table_side *side, const struct rebias_sample *sample,
                    const struct rebias_method *method, double sd_floor,
                    struct rebias_fit_report *report, struct rebias_error *err)
{
    struct rebias_fitted fitted = {.levels = side->G_count, .G = side->G, .count = side->count};
    double *profile = NULL;
    set_axis(side->G, side->G_count, sample->Gmin, sample->Gmax);
    int status = check_points(sample, method->estimator, sd_floor, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&profile, 2 * side->G_count, sizeof *profile, err);
    }
    if (status == REBIAS_OK) {
        fitted.mean = profile;
        fitted.sd = profile + side->G_count;
        status = method->estimator->fit(sample, method->values, &fitted, err);
    }
    if (status == REBIAS_OK) {
        status = check_bins(&fitted, sample, method->estimator, err);
    }
    if (status == REBIAS_OK) {
        status = check_fitted(&fitted, method->estimator, err);
    }
    if (status == REBIAS_OK) {
        report_side(&fitted, sample->n, report, sample->polarity);
        fill_rows(side, &fitted);
    }
    if (fitted.release != NULL) {
        fitted.release(fitted.context);
    }
    free(profile);
    return status;
}

/* -- 4. the fit -- */

/* "bins=20,kind=width,rows=gaussian" */
static int describe(struct rebias_table *table, const struct rebias_method *method,
                    struct rebias_error *err)
{
    char text[512] = "";
    size_t used = 0;
    const struct rebias_estimator *e = method->estimator;
    for (size_t p = 0; p < e->param_count && used < sizeof text; p++) {
        const char *separator = p > 0 ? "," : "";
        int n = 0;
        if (e->params[p].choices != NULL) {
            const char *word = e->params[p].choices;
            for (int skip = (int)method->values[p]; skip > 0; skip--) {
                word = strchr(word, '|') + 1;
            }
            n = snprintf(text + used, sizeof text - used, "%s%s=%.*s", separator,
                         e->params[p].name, (int)strcspn(word, "|"), word);
        } else {
            n = snprintf(text + used, sizeof text - used, "%s%s=%.15g", separator,
                         e->params[p].name, method->values[p]);
        }
        used += n > 0 ? (size_t)n : 0;
    }
    int status = rebias_copy_text(&table->estimator, e->name, err);
    return status == REBIAS_OK ? rebias_copy_text(&table->options, text, err) : status;
}

static int fit_sides(struct rebias_table *table, const struct rebias_pulses *pulses,
                     const struct rebias_method *method, const struct rebias_fit_options *o,
                     struct rebias_fit_report *report, struct rebias_error *err)
{
    uint32_t *block = NULL;
    int status = rebias_points_blocks(&block, pulses, o->blocks, err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        struct rebias_points points;
        status = rebias_points_collect(&points, pulses, p, o, block, err);
        report->outside[p] = points.outside;
        if (status == REBIAS_OK) {
            status =
                fit_side(&table->side[p], &points.sample, method, o->sd_floor, report, err);
        }
        rebias_points_free(&points);
    }
    free(block);
    return status;
}

int rebias_fit(struct rebias_table **out, const struct rebias_pulses *pulses,
               const struct rebias_method *method, const struct rebias_fit_options *options,
               struct rebias_fit_report *report, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_table *table = NULL;
    struct rebias_fit_report seen = {0};
    struct rebias_fit_options o = *options;
    const size_t G_count[2] = {o.G_levels, o.G_levels};
    const size_t dG_count[2] = {o.dG_levels, o.dG_levels};
    int status = rebias_fit_check_options(&o, err);
    if (status == REBIAS_OK) {
        status = rebias_fit_check_method(method, &o, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_points_check(pulses, err);
    }
    if (status == REBIAS_OK && o.Gmax == 0.0) {
        status = rebias_points_range(pulses, &o.Gmin, &o.Gmax, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_new(&table, G_count, dG_count, true, err);
    }
    if (status == REBIAS_OK) {
        status = fit_sides(table, pulses, method, &o, &seen, err);
    }
    if (status == REBIAS_OK) {
        status = describe(table, method, err);
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
