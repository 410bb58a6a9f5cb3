/* correlate.c - which device metric predicts the network's bias?
 * 1. metrics by number   2. correlation over the runs
 */
#include "correlate.h"
#include "rebias/base.h"
#include <stdlib.h>

/* -- 1. metrics by number -- */

const char *rebias_bias_metric_name(size_t metric)
{
    static const char *const names[REBIAS_BIAS_METRICS] = {
        "rmse_mean",          "rmse_sd",  "push_pull", "wrong_sign", "wasserstein1",
        "kolmogorov_smirnov", "hellinger"};
    return names[metric];
}

double rebias_bias_metric(const struct rebias_device_metrics *device, size_t metric)
{
    const struct rebias_device_metrics *d = device;
    const double values[REBIAS_BIAS_METRICS] = {
        0.5 * (d->rmse_mean[0] + d->rmse_mean[1]),
        0.5 * (d->rmse_sd[0] + d->rmse_sd[1]),
        d->push_pull,
        d->wrong_sign_all,
        0.5 * (d->wasserstein1[0] + d->wasserstein1[1]),
        0.5 * (d->kolmogorov_smirnov[0] + d->kolmogorov_smirnov[1]),
        0.5 * (d->hellinger[0] + d->hellinger[1])};
    return values[metric];
}

/* -- 2. correlation over the runs -- */

/* Metric and bias of every run with this number of points that has a network; returns their
 * number. */
static size_t gather(const struct rebias_bias_options *o,
                     const struct rebias_bias_result *result, size_t points, size_t metric,
                     double *x, double *bias)
{
    size_t n = 0;
    for (size_t i = o->replicates; i < result->run_count; i++) {
        const struct rebias_bias_run *run = &result->runs[i];
        if (run->points == points && run->status == REBIAS_OK) {
            x[n] = rebias_bias_metric(&run->device, metric);
            bias[n] = run->accuracy - result->runs[run->replicate].accuracy;
            n++;
        }
    }
    return n;
}

int rebias_bias_correlate(const struct rebias_bias_options *options,
                          struct rebias_bias_result *result, struct rebias_error *err)
{
    const struct rebias_bias_options *o = options;
    double *x = NULL;
    double *bias = NULL;
    result->correlation_count = o->point_counts * REBIAS_BIAS_METRICS;
    int status = rebias_alloc(&result->correlations, result->correlation_count,
                              sizeof *result->correlations, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x, result->run_count, sizeof *x, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&bias, result->run_count, sizeof *bias, err);
    }
    for (size_t k = 0; k < result->correlation_count && status == REBIAS_OK; k++) {
        struct rebias_bias_correlation *c = &result->correlations[k];
        c->points = o->points[k / REBIAS_BIAS_METRICS];
        c->metric = k % REBIAS_BIAS_METRICS;
        c->runs = gather(o, result, c->points, c->metric, x, bias);
        status = rebias_spearman(c->runs, x, bias, o->level, &c->rho, &c->low, &c->high, err);
    }
    free(x);
    free(bias);
    return status;
}
