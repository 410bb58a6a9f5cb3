/* correlate.c - which device metric predicts the network's bias?
 * 1. metrics by number   2. correlation over the runs
 */
#include "correlate.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. metrics by number -- */

const char *rebias_bias_metric_name(size_t metric)
{
    static const char *const names[REBIAS_BIAS_METRICS] = {
        "rmse_mean",          "rmse_sd",    "push_pull",    "wrong_sign",     "wasserstein1",
        "kolmogorov_smirnov", "hellinger",  "wasserstein2", "jensen_shannon", "energy",
        "kullback_leibler",   "mean_error", "sd_error"};
    return names[metric];
}

static double mean_of(const double pair[2])
{
    return 0.5 * (pair[0] + pair[1]);
}

double rebias_bias_metric(const struct rebias_device_metrics *device, size_t metric)
{
    const struct rebias_device_metrics *d = device;
    const double values[REBIAS_BIAS_METRICS] = {
        mean_of(d->rmse_mean), mean_of(d->rmse_sd),          d->push_pull,
        d->wrong_sign_all,     mean_of(d->wasserstein1),     mean_of(d->kolmogorov_smirnov),
        mean_of(d->hellinger), mean_of(d->wasserstein2),     mean_of(d->jensen_shannon),
        mean_of(d->energy),    mean_of(d->kullback_leibler), mean_of(d->mean_error),
        mean_of(d->sd_error)};
    return values[metric];
}

/* -- 2. correlation over the runs -- */

/* Metric and bias of every run with this number of points that has a network and a finite
 * metric: an infinite Kullback-Leibler divergence has no rank. Returns their number. */
static size_t gather(const struct rebias_bias_result *result, size_t points, size_t metric,
                     double *x, double *bias)
{
    size_t n = 0;
    for (size_t i = result->target_runs; i < result->run_count; i++) {
        const struct rebias_bias_run *run = &result->runs[i];
        double value = rebias_bias_metric(&run->device, metric);
        if (run->points == points && run->status == REBIAS_OK && isfinite(value)) {
            x[n] = value;
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
    if (result->target_runs == 0) {
        return REBIAS_OK; /* without networks there is no bias to predict */
    }
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
        c->runs = gather(result, c->points, c->metric, x, bias);
        status = rebias_spearman(c->runs, x, bias, o->level, &c->rho, &c->low, &c->high, err);
    }
    free(x);
    free(bias);
    return status;
}
