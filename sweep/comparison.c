/* comparison.c - device-level metrics between any two of device and pulse data: names, options,
 * averages, and the comparison of two devices.
 * 1. metrics   2. options   3. averages   4. weights between devices   5. bootstrap tables
 * 6. two devices   7. any two
 */
#include "comparison.h"
#include "rebias/bias.h"
#include "rebias/table.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. metrics -- */

enum kind { SIGNED, DISTANCE, FRACTION, SCORE };

static const struct metric {
    const char *name;
    const char *unit;
    enum kind kind;
    double bound;  /* largest value of a distance or fraction */
    bool inverted; /* data give an interval that covers (tests/stat/coverage_compare.c) */
} metrics[REBIAS_METRIC_COUNT] = {
    {"rmse_mean", "S", DISTANCE, INFINITY, true},
    {"rmse_sd", "S", DISTANCE, INFINITY, true},
    {"mean_error", "S", SIGNED, INFINITY, false},
    {"sd_error", "S", SIGNED, INFINITY, false},
    {"push_pull", "S", SIGNED, INFINITY, false},
    {"wrong_sign", "1", FRACTION, 1.0, false},
    {"wasserstein1", "S", DISTANCE, INFINITY, true},
    {"wasserstein2", "S", DISTANCE, INFINITY, true},
    {"kolmogorov_smirnov", "1", DISTANCE, 1.0, false},
    {"hellinger", "1", DISTANCE, 1.0, false},
    {"kullback_leibler", "nat", DISTANCE, INFINITY, false},
    {"jensen_shannon", "nat", DISTANCE, M_LN2, false},
    {"energy", "S", DISTANCE, INFINITY, true},
    {"crps", "S", SCORE, INFINITY, false},
    {"log_score", "nat", SCORE, INFINITY, false},
    {"ks_test", "1", SCORE, INFINITY, false},
    {"mmd", "1", SCORE, INFINITY, false},
};

const char *rebias_comparison_metric_name(enum rebias_comparison_metric metric)
{
    return metrics[metric].name;
}

const char *rebias_comparison_metric_unit(enum rebias_comparison_metric metric)
{
    return metrics[metric].unit;
}

bool rebias_metric_is_distance(enum rebias_comparison_metric metric, bool *inverted)
{
    *inverted = metrics[metric].inverted;
    return metrics[metric].kind == DISTANCE;
}

/* -- 2. options -- */

struct rebias_comparison_options rebias_comparison_options_defaults(void)
{
    return (struct rebias_comparison_options){.slices = 100,
                                              .grid = 2001,
                                              .data_slices = 10,
                                              .weights = REBIAS_SLICES_UNIFORM,
                                              .level = 0.95,
                                              .resamples = 500,
                                              .permutations = 200,
                                              .blocks = REBIAS_BLOCKS_AUTO,
                                              .seed = 1,
                                              .threads = 1};
}

static int check_options(const struct rebias_comparison_options *o, struct rebias_error *err)
{
    const size_t least = 10;
    const size_t most = 1000000;
    if (!(o->level > 0.0 && o->level < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "confidence level %g is outside (0, 1)",
                           o->level);
    }
    if (o->data_slices < 1 || o->data_slices > 1000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu slices of data are outside [1, 1000]",
                           o->data_slices);
    }
    if (o->resamples < least || o->resamples > most || o->permutations < least ||
        o->permutations > most) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu resamples, %zu permutations: both must be in [%zu, %zu]",
                           o->resamples, o->permutations, least, most);
    }
    if (o->weights == REBIAS_SLICES_BY_VISITS && o->visits == NULL) {
        return rebias_fail(err, REBIAS_E_RANGE, "weights by visits need the visits");
    }
    return REBIAS_OK;
}

/* -- 3. averages -- */

static void average(const struct rebias_slice_metrics *slices, const double *weights, size_t n,
                    int p, struct rebias_device_metrics *m)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += weights[i];
    }
    for (size_t i = 0; i < n; i++) {
        const struct rebias_slice_metrics *s = &slices[i];
        if (!(weights[i] > 0.0)) {
            continue;
        }
        double w = weights[i] / total;
        double mean_error = s->model_mean - s->target_mean;
        double sd_error = s->model_sd - s->target_sd;
        m->rmse_mean[p] += w * mean_error * mean_error;
        m->rmse_sd[p] += w * sd_error * sd_error;
        m->mean_error[p] += w * mean_error;
        m->sd_error[p] += w * sd_error;
        m->wrong_sign[p] += (s->model_mean < 0.0 && s->target_mean > 0.0) ||
                                    (s->model_mean > 0.0 && s->target_mean < 0.0)
                                ? w
                                : 0.0;
        m->wasserstein1[p] += w * s->wasserstein1;
        m->wasserstein2[p] += w * s->wasserstein2;
        m->kolmogorov_smirnov[p] += w * s->kolmogorov_smirnov;
        m->hellinger[p] += w * s->hellinger;
        m->kullback_leibler[p] += w * s->kullback_leibler;
        m->jensen_shannon[p] += w * s->jensen_shannon;
        m->energy[p] += w * s->energy;
    }
    m->rmse_mean[p] = sqrt(m->rmse_mean[p]);
    m->rmse_sd[p] = sqrt(m->rmse_sd[p]);
}

struct rebias_device_metrics rebias_slices_average(const struct rebias_slice_metrics *slices,
                                                   const double *weights, size_t n)
{
    struct rebias_device_metrics m = {0};
    for (int p = 0; p < 2; p++) {
        average(slices + (size_t)p * n, weights + (size_t)p * n, n, p, &m);
    }
    m.push_pull = m.mean_error[0] - m.mean_error[1];
    m.wrong_sign_all = 0.5 * (m.wrong_sign[0] + m.wrong_sign[1]);
    return m;
}

struct rebias_metric_values rebias_metric_values_of(const struct rebias_device_metrics *m)
{
    const double *const pairs[REBIAS_DEVICE_METRICS] = {m->rmse_mean,
                                                        m->rmse_sd,
                                                        m->mean_error,
                                                        m->sd_error,
                                                        NULL,
                                                        m->wrong_sign,
                                                        m->wasserstein1,
                                                        m->wasserstein2,
                                                        m->kolmogorov_smirnov,
                                                        m->hellinger,
                                                        m->kullback_leibler,
                                                        m->jensen_shannon,
                                                        m->energy};
    struct rebias_metric_values v;
    for (int k = 0; k < REBIAS_METRIC_COUNT; k++) {
        const double *pair = k < REBIAS_DEVICE_METRICS ? pairs[k] : NULL;
        for (int p = 0; p < 2; p++) {
            v.at[k][p] = pair != NULL ? pair[p] : NAN;
        }
        v.at[k][REBIAS_BOTH] = 0.5 * (v.at[k][0] + v.at[k][1]);
    }
    for (int k = REBIAS_METRIC_RMSE_MEAN; k <= REBIAS_METRIC_RMSE_SD; k++) {
        v.at[k][REBIAS_BOTH] = hypot(v.at[k][0], v.at[k][1]) * M_SQRT1_2;
    }
    v.at[REBIAS_METRIC_PUSH_PULL][REBIAS_BOTH] = m->push_pull;
    return v;
}

double rebias_sorted_quantile(size_t n, const double *x, double p)
{
    double position = fmax(p * (double)(n + 1) - 1.0, 0.0);
    size_t below = (size_t)position;
    if (below + 1 >= n) {
        return x[n - 1];
    }
    double part = position - (double)below;
    if (part == 0.0) { /* exact: infinite neighbours do not count */
        return x[below];
    }
    return x[below] + part * (x[below + 1] - x[below]);
}

/* -- 4. weights between devices -- */

/* Counts behind the levels of a table, linear in G, nothing outside. */
static double count_at(const struct rebias_table_side *side, double G)
{
    for (size_t i = 0; i + 1 < side->G_count; i++) {
        if (G >= side->G[i] && G <= side->G[i + 1]) {
            double part = (G - side->G[i]) / (side->G[i + 1] - side->G[i]);
            return side->count[i] + part * (side->count[i + 1] - side->count[i]);
        }
    }
    return 0.0;
}

static const struct rebias_table *counted_table(const struct rebias_operand *model,
                                                const struct rebias_operand *target)
{
    const struct rebias_table *const asked[] = {model->table, target->table};
    for (size_t k = 0; k < 2; k++) {
        const struct rebias_table *table = asked[k];
        if (table != NULL && table->side[0].count != NULL && table->side[1].count != NULL) {
            return table;
        }
    }
    return NULL;
}

/* *weights = 2 x slices numbers, or NULL: uniform. */
static int weigh_devices(double **weights, const struct rebias_compare_options *range,
                         const struct rebias_operand *model,
                         const struct rebias_operand *target,
                         const struct rebias_comparison_options *o, struct rebias_error *err)
{
    *weights = NULL;
    if (o->weights == REBIAS_SLICES_UNIFORM) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(weights, 2 * o->slices, sizeof **weights, err);
    if (status != REBIAS_OK) {
        return status;
    }
    double *sides[2] = {*weights, *weights + o->slices};
    if (o->weights == REBIAS_SLICES_BY_VISITS) {
        return rebias_visits_weights(o->visits, range->Gmin, range->Gmax, o->slices, sides,
                                     err);
    }
    const struct rebias_table *table = counted_table(model, target);
    if (table == NULL) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "weights by data: neither %s nor %s knows how many points it had",
                           model->name, target->name);
    }
    for (int p = 0; p < 2; p++) {
        for (size_t i = 0; i < o->slices; i++) {
            double part = (double)i / (double)(o->slices - 1);
            sides[p][i] =
                count_at(&table->side[p], (1.0 - part) * range->Gmin + part * range->Gmax);
        }
    }
    return REBIAS_OK;
}

/* -- 5. bootstrap tables -- */

struct members {
    const struct rebias_family *family;
    const struct rebias_device *target;
    const struct rebias_compare_options *options;
    struct rebias_metric_values *values; /* [count] */
};

static int compare_member(void *context, size_t item, struct rebias_error *err)
{
    struct members *m = context;
    struct rebias_device *device = NULL;
    struct rebias_device_metrics found;
    int status = rebias_table_device_new(&device, m->family->table[item], "bootstrap table",
                                         REBIAS_RULE_LINEAR, 1.0, 0.0, err);
    if (status == REBIAS_OK) {
        status = rebias_compare_devices(device, m->target, m->options, &found, NULL, err);
    }
    if (status == REBIAS_OK) {
        m->values[item] = rebias_metric_values_of(&found);
    }
    rebias_device_free(device);
    return status;
}

/* The basic interval of one metric; found[n] = its values with the tables, sorted here. */
static void basic_interval(enum rebias_comparison_metric metric, double level, size_t n,
                           double *found, struct rebias_interval *interval)
{
    double tail = 0.5 * (1.0 - level);
    double least = metrics[metric].kind == SIGNED ? -INFINITY : 0.0;
    gsl_sort(found, 1, n);
    double upper = rebias_sorted_quantile(n, found, 1.0 - tail);
    double lower = rebias_sorted_quantile(n, found, tail);
    if (isfinite(interval->value) && isfinite(upper) && isfinite(lower)) {
        interval->low = fmax(2.0 * interval->value - upper, least);
        interval->high =
            fmin(fmax(2.0 * interval->value - lower, least), metrics[metric].bound);
    }
}

static int add_intervals(struct rebias_comparison *result, struct members *m,
                         const struct rebias_comparison_options *o, rebias_progress *progress,
                         void *progress_context, struct rebias_error *err)
{
    double *found = NULL;
    const size_t n = m->family->count;
    int status = rebias_alloc(&m->values, n, sizeof *m->values, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&found, n, sizeof *found, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(n, o->threads, compare_member, m, progress,
                                     progress_context, err);
    }
    for (int k = 0; k < REBIAS_DEVICE_METRICS && status == REBIAS_OK; k++) {
        for (int p = 0; p < 3; p++) {
            for (size_t i = 0; i < n; i++) {
                found[i] = m->values[i].at[k][p];
            }
            basic_interval((enum rebias_comparison_metric)k, o->level, n, found,
                           &result->row[k][p]);
        }
    }
    free(found);
    free(m->values);
    return status;
}

/* -- 6. two devices -- */

static int compare_two_devices(struct rebias_comparison *result,
                               const struct rebias_operand *model,
                               const struct rebias_operand *target,
                               const struct rebias_comparison_options *o,
                               rebias_progress *progress, void *progress_context,
                               struct rebias_error *err)
{
    struct rebias_compare_options options = rebias_compare_options_defaults();
    struct rebias_device_metrics found;
    double *weights = NULL;
    options.slices = o->slices;
    options.grid = o->grid;
    options.Gmin = fmax(model->device->Gmin, target->device->Gmin);
    options.Gmax = fmin(model->device->Gmax, target->device->Gmax);
    result->slice_count = o->slices;
    int status = rebias_alloc(&result->slices, 2 * o->slices, sizeof *result->slices, err);
    if (status == REBIAS_OK && options.Gmin < options.Gmax && o->slices >= 2) {
        status = weigh_devices(&weights, &options, model, target, o, err);
    }
    if (status == REBIAS_OK) {
        options.weights[0] = weights;
        options.weights[1] = weights != NULL ? weights + o->slices : NULL;
        status = rebias_compare_devices(model->device, target->device, &options, &found,
                                        result->slices, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_metric_values values = rebias_metric_values_of(&found);
        for (int k = 0; k < REBIAS_DEVICE_METRICS; k++) {
            for (int p = 0; p < 3; p++) {
                result->row[k][p].value = values.at[k][p];
            }
        }
    }
    if (status == REBIAS_OK && model->family != NULL && model->family->count >= 2) {
        struct members members = {model->family, target->device, &options, NULL};
        status = add_intervals(result, &members, o, progress, progress_context, err);
    }
    free(weights);
    return status;
}

/* -- 7. any two -- */

void rebias_comparison_free(struct rebias_comparison *comparison)
{
    if (comparison != NULL) {
        free(comparison->slices);
        free(comparison->points);
        free(comparison);
    }
}

int rebias_comparison_new(struct rebias_comparison **out, const struct rebias_operand *model,
                          const struct rebias_operand *target,
                          const struct rebias_comparison_options *options,
                          rebias_progress *progress, void *progress_context,
                          struct rebias_error *err)
{
    struct rebias_comparison *result = NULL;
    *out = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result, 1, sizeof *result, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    for (int k = 0; k < REBIAS_METRIC_COUNT; k++) {
        for (int p = 0; p < 3; p++) {
            result->row[k][p] = (struct rebias_interval){NAN, NAN, NAN, NAN};
        }
    }
    if (model->device != NULL && target->device != NULL) {
        status = compare_two_devices(result, model, target, options, progress, progress_context,
                                     err);
    } else {
        status = rebias_compare_data(result, model, target, options, progress, progress_context,
                                     err);
    }
    if (status == REBIAS_OK) {
        *out = result;
    } else {
        rebias_comparison_free(result);
    }
    return status;
}
