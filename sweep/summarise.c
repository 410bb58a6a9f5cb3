/* summarise.c - a study's runs in cells, with intervals.
 * 1. device metrics   2. accuracy and bias   3. the target   4. all
 */
#include "summarise.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

/* The first of the cell's runs. */
static const struct rebias_bias_run *runs_of(const struct rebias_bias_options *o,
                                             const struct rebias_bias_result *result, size_t c)
{
    return result->runs + result->target_runs + c * o->replicates;
}

/* -- 1. device metrics -- */

static void add_metrics(struct rebias_device_metrics *sum,
                        const struct rebias_device_metrics *x, double weight)
{
    for (int p = 0; p < 2; p++) {
        sum->rmse_mean[p] += weight * x->rmse_mean[p];
        sum->rmse_sd[p] += weight * x->rmse_sd[p];
        sum->mean_error[p] += weight * x->mean_error[p];
        sum->sd_error[p] += weight * x->sd_error[p];
        sum->wrong_sign[p] += weight * x->wrong_sign[p];
        sum->wasserstein1[p] += weight * x->wasserstein1[p];
        sum->kolmogorov_smirnov[p] += weight * x->kolmogorov_smirnov[p];
        sum->hellinger[p] += weight * x->hellinger[p];
        sum->wasserstein2[p] += weight * x->wasserstein2[p];
        sum->kullback_leibler[p] += weight * x->kullback_leibler[p];
        sum->jensen_shannon[p] += weight * x->jensen_shannon[p];
        sum->energy[p] += weight * x->energy[p];
    }
    sum->push_pull += weight * x->push_pull;
    sum->wrong_sign_all += weight * x->wrong_sign_all;
}

struct summary {
    const struct rebias_bias_options *options;
    struct rebias_bias_result *result;
};

/* Mean and interval of one metric of one cell; item = cell x metrics + metric. The bootstrap's
 * stream is that of the cell's bias, with the metric's number + 1 as replicate. */
static int average_metric(void *context, size_t item, struct rebias_error *err)
{
    const struct summary *summary = context;
    const struct rebias_bias_options *o = summary->options;
    const size_t c = item / REBIAS_BIAS_METRICS;
    const size_t m = item % REBIAS_BIAS_METRICS;
    const struct rebias_bias_run *runs = runs_of(o, summary->result, c);
    struct rebias_bias_metric_mean *out = &summary->result->cells[c].metric[m];
    double *x = NULL;
    double sd = 0.0;
    size_t n = 0;
    *out = (struct rebias_bias_metric_mean){0, NAN, NAN, NAN};
    int status = rebias_alloc(&x, o->replicates, sizeof *x, err);
    for (size_t r = 0; r < o->replicates && status == REBIAS_OK; r++) {
        double value = rebias_bias_metric(&runs[r].device, m);
        if (runs[r].status == REBIAS_OK && isfinite(value)) {
            x[n++] = value;
        }
    }
    if (n > 0) {
        out->runs = n;
        rebias_mean_sd(n, x, &out->mean, &sd);
    }
    if (n > 1 && o->metric_intervals) {
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_BOOTSTRAP, (uint32_t)m + 1,
                                             (uint32_t)c + 1, 0};
        status = rebias_bootstrap_mean(n, x, o->level, o->resamples, &stream, &out->low,
                                       &out->high, err);
    }
    free(x);
    return status;
}

/* -- 2. accuracy and bias -- */

static enum rebias_verdict verdict_of(double low, double high)
{
    return low > 0.0    ? REBIAS_OVER_PROMISING
           : high < 0.0 ? REBIAS_UNDER_PROMISING
                        : REBIAS_NOT_DISTINGUISHABLE;
}

/* Accuracies and paired differences of the cell's runs that have a network; returns their
 * number. */
static size_t gather(const struct rebias_bias_options *o,
                     const struct rebias_bias_result *result, size_t c, double *accuracy,
                     double *difference)
{
    const struct rebias_bias_run *runs = runs_of(o, result, c);
    size_t n = 0;
    for (size_t r = 0; r < result->target_runs; r++) {
        if (runs[r].status == REBIAS_OK) {
            accuracy[n] = runs[r].accuracy;
            difference[n] = runs[r].accuracy - result->runs[r].accuracy;
            n++;
        }
    }
    return n;
}

static int summarise_bias(const struct rebias_bias_options *o,
                          struct rebias_bias_result *result, size_t c, double *accuracy,
                          double *difference, struct rebias_error *err)
{
    struct rebias_bias_cell *cell = &result->cells[c];
    size_t n = gather(o, result, c, accuracy, difference);
    cell->verdict = REBIAS_NO_INTERVAL;
    cell->accuracy_mean = cell->accuracy_sd = cell->bias = cell->bias_sd = NAN;
    cell->bias_low = cell->bias_high = NAN;
    if (n == 0) {
        return REBIAS_OK;
    }
    rebias_mean_sd(n, accuracy, &cell->accuracy_mean, &cell->accuracy_sd);
    rebias_mean_sd(n, difference, &cell->bias, &cell->bias_sd);
    for (size_t k = 0; k < n; k++) {
        cell->over += difference[k] > result->target_sd;
        cell->under += difference[k] < -result->target_sd;
    }
    if (n < 2) {
        return REBIAS_OK;
    }
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_BOOTSTRAP, 0, (uint32_t)c + 1, 0};
    int status = rebias_bootstrap_mean(n, difference, o->level, o->resamples, &stream,
                                       &cell->bias_low, &cell->bias_high, err);
    if (status == REBIAS_OK) {
        cell->verdict = verdict_of(cell->bias_low, cell->bias_high);
    }
    return status;
}

static int summarise_cell(const struct rebias_bias_options *o,
                          struct rebias_bias_result *result, size_t c, double *accuracy,
                          double *difference, struct rebias_error *err)
{
    struct rebias_bias_cell *cell = &result->cells[c];
    const struct rebias_bias_run *runs = runs_of(o, result, c);
    for (size_t r = 0; r < o->replicates; r++) {
        cell->runs += runs[r].status == REBIAS_OK;
    }
    cell->failed = o->replicates - cell->runs;
    for (size_t r = 0; r < o->replicates; r++) {
        if (runs[r].status == REBIAS_OK) {
            add_metrics(&cell->device, &runs[r].device, 1.0 / (double)cell->runs);
        }
    }
    return summarise_bias(o, result, c, accuracy, difference, err);
}

/* -- 3. the target -- */

static int summarise_target(const struct rebias_bias_options *o,
                            struct rebias_bias_result *result, double *accuracy,
                            struct rebias_error *err)
{
    const size_t n = result->target_runs;
    result->target_mean = result->target_sd = NAN;
    result->target_low = result->target_high = NAN;
    if (n == 0) {
        return REBIAS_OK;
    }
    for (size_t r = 0; r < n; r++) {
        accuracy[r] = result->runs[r].accuracy;
    }
    rebias_mean_sd(n, accuracy, &result->target_mean, &result->target_sd);
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_BOOTSTRAP, 0, 0, 0};
    return n < 2 ? REBIAS_OK
                 : rebias_bootstrap_mean(n, accuracy, o->level, o->resamples, &stream,
                                         &result->target_low, &result->target_high, err);
}

/* -- 4. all -- */

int rebias_bias_summarise(const struct rebias_bias_options *options,
                          struct rebias_bias_result *result, struct rebias_error *err)
{
    const struct rebias_bias_options *o = options;
    double *accuracy = NULL;
    double *difference = NULL;
    int status = rebias_alloc(&accuracy, o->replicates, sizeof *accuracy, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&difference, o->replicates, sizeof *difference, err);
    }
    if (status == REBIAS_OK) {
        status = summarise_target(o, result, accuracy, err);
    }
    for (size_t c = 0; c < result->cell_count && status == REBIAS_OK; c++) {
        status = summarise_cell(o, result, c, accuracy, difference, err);
    }
    if (status == REBIAS_OK) {
        struct summary summary = {o, result};
        status = rebias_parallel_for(result->cell_count * REBIAS_BIAS_METRICS, o->threads,
                                     average_metric, &summary, NULL, NULL, err);
    }
    free(accuracy);
    free(difference);
    return status;
}
