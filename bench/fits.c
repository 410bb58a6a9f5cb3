/* fits.c - the timed fits of rebias-bench, and how good they are.
 * 1. a fit   2. distance on fresh points   3. the table of kernels
 *
 * A kernel's name says what is fitted: METHOD@POINTS, to POINTS points a polarity of
 * `synthetic-lc` (a linear mean and an sd of 1.2 nS); one call fits both polarities and fills
 * the table.
 */
#include "bench.h"
#include "rebias/devmodel.h"
#include "rebias/estimate.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include "rebias/table.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. a fit -- */

struct bench_fit {
    struct rebias_device *device;
    struct rebias_pulses *pulses;
    struct rebias_table *table; /* of the last fit */
    struct rebias_method method;
};

void bench_fit_free(struct bench_fit *fit)
{
    if (fit != NULL) {
        rebias_table_free(fit->table);
        rebias_pulses_free(fit->pulses);
        rebias_device_free(fit->device);
        free(fit);
    }
}

static int parse_name(const char *name, struct rebias_method *method, size_t *points,
                      struct rebias_error *err)
{
    char text[64] = "";
    const char *at = strchr(name, '@');
    int64_t number = 0;
    if (at == NULL || (size_t)(at - name) >= sizeof text ||
        !rebias_parse_integer(at + 1, 1, 10000000, &number)) {
        return rebias_fail(err, REBIAS_E_NAME, "'%s': METHOD@POINTS is needed", name);
    }
    memcpy(text, name, (size_t)(at - name));
    *points = (size_t)number;
    return rebias_method_parse(method, text, err);
}

static int prepare_fit(struct bench_setting *setting, const char *name,
                       struct rebias_error *err)
{
    struct bench_fit *fit = NULL;
    struct rebias_synth_options options = rebias_synth_options_defaults();
    int status = rebias_alloc(&fit, 1, sizeof *fit, err);
    if (status == REBIAS_OK) {
        status = parse_name(name, &fit->method, &options.points, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_device_new(&fit->device, "synthetic-lc", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_pulses_synthesize(&fit->pulses, fit->device, &options, err);
    }
    if (status != REBIAS_OK) {
        bench_fit_free(fit);
        return status;
    }
    bench_setting_take_fit(setting, fit);
    return REBIAS_OK;
}

/* Sum of the fitted means and sds at the table's levels, S; NaN when a fit fails. */
static double run_fit(struct bench_setting *setting, size_t calls)
{
    struct bench_fit *fit = bench_setting_fit(setting);
    struct rebias_fit_options options = rebias_fit_options_defaults();
    double sum = 0.0;
    options.Gmin = fit->device->Gmin;
    options.Gmax = fit->device->Gmax;
    for (size_t k = 0; k < calls; k++) {
        rebias_table_free(fit->table);
        if (rebias_fit(&fit->table, fit->pulses, &fit->method, &options, NULL, NULL) !=
            REBIAS_OK) {
            return NAN;
        }
    }
    for (size_t i = 0; i < options.G_levels; i++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_table_moments(&fit->table->side[0], REBIAS_RULE_LINEAR, fit->table->side[0].G[i],
                             &mean, &sd);
        sum += mean + sd;
    }
    return sum;
}

/* -- 2. distance on fresh points -- */

enum { FRESH_POINTS = 1000, FRESH_SETS = 20, SLICES = 10 };

/* The jump at probability u of the table, or of the device itself (NULL), which is normal. */
static double jump_at(const struct bench_fit *fit, const struct rebias_table *table,
                      int polarity, double G, double u)
{
    double mean = 0.0;
    double sd = 0.0;
    if (table != NULL) {
        return rebias_table_quantile(&table->side[polarity], REBIAS_RULE_LINEAR, G, u, NULL,
                                     NULL);
    }
    fit->device->model->moments(fit->device, (enum rebias_polarity)polarity, G, &mean, &sd);
    return mean + sd * gsl_cdf_ugaussian_Pinv(u);
}

/* Sum over the slices of W1 between the fresh jumps of one polarity and as many jumps drawn
 * from the table (or device) at the same conductances. */
static double distance_of_side(const struct bench_fit *fit, const struct rebias_table *table,
                               const struct rebias_pulses *fresh, int polarity, uint32_t set)
{
    double u[FRESH_POINTS];
    double sum = 0.0;
    const struct rebias_stream stream = {
        .seed = 1, .purpose = REBIAS_FOR_TEST, .replicate = set, .entity = (uint32_t)polarity};
    const double width = (fit->device->Gmax - fit->device->Gmin) / SLICES;
    rebias_random_uniform(&stream, 0, FRESH_POINTS, u);
    for (size_t slice = 0; slice < SLICES; slice++) {
        double seen[FRESH_POINTS];
        double drawn[FRESH_POINTS];
        double distance = 0.0;
        size_t n = 0;
        for (size_t i = 0; i < FRESH_POINTS; i++) {
            const size_t at = (size_t)polarity * FRESH_POINTS + i;
            const double place = (fresh->G[at] - fit->device->Gmin) / width;
            if ((size_t)fmin(fmax(place, 0.0), SLICES - 1.0) == slice) {
                seen[n] = fresh->dG[at];
                drawn[n++] = jump_at(fit, table, polarity, fresh->G[at], u[i]);
            }
        }
        gsl_sort(seen, 1, n);
        gsl_sort(drawn, 1, n);
        for (size_t i = 0; i < n; i++) {
            distance += fabs(seen[i] - drawn[i]);
        }
        sum += n > 0 ? distance / (double)n : 0.0;
    }
    return sum;
}

static double mean_distance(const struct bench_fit *fit, const struct rebias_table *table)
{
    double sum = 0.0;
    for (uint32_t set = 1; set <= FRESH_SETS; set++) {
        struct rebias_synth_options options = rebias_synth_options_defaults();
        struct rebias_pulses *fresh = NULL;
        options.points = FRESH_POINTS;
        options.replicate = set;
        if (rebias_pulses_synthesize(&fresh, fit->device, &options, NULL) != REBIAS_OK) {
            return NAN;
        }
        for (int polarity = 0; polarity < 2; polarity++) {
            sum += distance_of_side(fit, table, fresh, polarity, set);
        }
        rebias_pulses_free(fresh);
    }
    return sum / (2 * SLICES * FRESH_SETS);
}

double bench_fresh_distance(const struct bench_setting *setting)
{
    const struct bench_fit *fit = bench_setting_fit(setting);
    return fit != NULL && fit->table != NULL ? mean_distance(fit, fit->table) : NAN;
}

double bench_fresh_floor(const struct bench_setting *setting)
{
    const struct bench_fit *fit = bench_setting_fit(setting);
    return fit != NULL ? mean_distance(fit, NULL) : NAN;
}

/* -- 3. the table of kernels -- */

const struct bench_kernel bench_fits[] = {
    {"binning:20@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"binopt@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"binopt:bins=20@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"polynomial@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"kriging@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"kriging@10000", prepare_fit, run_fit, 1, 2e4, "point"},
    {"kriging@100000", prepare_fit, run_fit, 1, 2e5, "point"},
    {"kde@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"quantile@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"auto@300", prepare_fit, run_fit, 1, 6e2, "point"},
    {"auto@1000", prepare_fit, run_fit, 1, 2e3, "point"},
    {"auto@3000", prepare_fit, run_fit, 1, 6e3, "point"},
};
const size_t bench_fit_count = sizeof bench_fits / sizeof bench_fits[0];
