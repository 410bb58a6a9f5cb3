/* bias_tables.c - what `rebias bias` writes.
 * 1. rows   2. one row a run   3. summary with networks   4. summary of device metrics
 * 5. means over targets   6. correlations and metrics
 */
#include "bias_tables.h"
#include <math.h>
#include <string.h>

/* -- 1. rows -- */

/* Starts a table whose first column, the target, is left out for a single study. */
static void start_by_target(struct table *table, const struct bias_studies *studies,
                            size_t columns, const char *const *names)
{
    const size_t left_out = studies->count > 1 ? 0 : 1;
    table_start(table, columns - left_out, names + left_out);
}

/* What such a row begins with. */
static int put_target(struct table *table, const struct bias_studies *studies, const char *name,
                      struct rebias_error *err)
{
    return studies->count > 1 ? table_text(table, name, err) : REBIAS_OK;
}

static int put(struct table *table, const double *numbers, size_t n, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int put_empty(struct table *table, size_t n, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_text(table, "", err);
    }
    return status;
}

/* -- 2. one row a run -- */

static const char *const run_names[] = {"target",
                                        "method",
                                        "points",
                                        "replicate",
                                        "status",
                                        "accuracy",
                                        "target_accuracy",
                                        "bias",
                                        "rmse_mean_set_S",
                                        "rmse_mean_reset_S",
                                        "rmse_sd_set_S",
                                        "rmse_sd_reset_S",
                                        "mean_error_set_S",
                                        "mean_error_reset_S",
                                        "push_pull_S",
                                        "wrong_sign",
                                        "wasserstein1_set_S",
                                        "wasserstein1_reset_S",
                                        "ks_set",
                                        "ks_reset",
                                        "hellinger_set",
                                        "hellinger_reset",
                                        "sd_error_set_S",
                                        "sd_error_reset_S",
                                        "wasserstein2_set_S",
                                        "wasserstein2_reset_S",
                                        "jensen_shannon_set",
                                        "jensen_shannon_reset",
                                        "energy_set_S",
                                        "energy_reset_S",
                                        "kullback_leibler_set",
                                        "kullback_leibler_reset"};

/* clang-format off: a pair of polarities a line */
static int run_metrics(struct table *table, const struct rebias_device_metrics *m,
                       struct rebias_error *err)
{
    const double numbers[] = {
        m->rmse_mean[0],      m->rmse_mean[1],          m->rmse_sd[0],
        m->rmse_sd[1],        m->mean_error[0],         m->mean_error[1],
        m->push_pull,         m->wrong_sign_all,        m->wasserstein1[0],
        m->wasserstein1[1],   m->kolmogorov_smirnov[0], m->kolmogorov_smirnov[1],
        m->hellinger[0],      m->hellinger[1],          m->sd_error[0],
        m->sd_error[1],       m->wasserstein2[0],       m->wasserstein2[1],
        m->jensen_shannon[0], m->jensen_shannon[1],     m->energy[0],
        m->energy[1],         m->kullback_leibler[0],   m->kullback_leibler[1]};
    return put(table, numbers, sizeof numbers / sizeof numbers[0], err);
}
/* clang-format on */

static int run_row(struct table *table, const struct bias_study *study,
                   const struct rebias_bias_run *run, struct rebias_error *err)
{
    enum { METRICS = sizeof run_names / sizeof run_names[0] - 8 };
    const bool good = run->status == REBIAS_OK;
    const bool model = good && run->method >= 0;
    const double target = study->result->target_runs > 0
                              ? study->result->runs[run->replicate].accuracy
                              : (double)NAN;
    const double accuracy[] = {good ? run->accuracy : (double)NAN, target,
                               model ? run->accuracy - target : (double)NAN};
    const char *method = run->method < 0 ? "target" : study->options.method[run->method].name;
    int status = table_text(table, study->target->name, err);
    status = status == REBIAS_OK ? table_text(table, method, err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)run->points, err) : status;
    status = status == REBIAS_OK ? table_integer(table, run->replicate, err) : status;
    status =
        status == REBIAS_OK ? table_text(table, good ? "ok" : "too few points", err) : status;
    status = status == REBIAS_OK ? put(table, accuracy, 3, err) : status;
    if (status == REBIAS_OK) {
        status = model ? run_metrics(table, &run->device, err) : put_empty(table, METRICS, err);
    }
    return status;
}

int fill_runs(struct table *table, const struct bias_studies *studies, struct rebias_error *err)
{
    table_start(table, sizeof run_names / sizeof run_names[0], run_names);
    int status = REBIAS_OK;
    for (size_t s = 0; s < studies->count; s++) {
        const struct rebias_bias_result *result = studies->study[s].result;
        for (size_t i = 0; i < result->run_count && status == REBIAS_OK; i++) {
            status = run_row(table, &studies->study[s], &result->runs[i], err);
        }
    }
    return status;
}

/* -- 3. summary with networks -- */

static const char *const cell_names[] = {
    "target",      "points",     "method", "rmse_mean_S", "rmse_sd_S",
    "push_pull_S", "wrong_sign", "W1_S",   "KS",          "hellinger",
    "accuracy",    "sd",         "bias",   "bias_low",    "bias_high",
    "bias_sd",     "over",       "under",  "failed",      "verdict"};

static int cell_row(struct table *table, const struct rebias_bias_options *o,
                    const struct rebias_bias_cell *c, struct rebias_error *err)
{
    enum { METRICS = 7 }; /* the first seven */
    const double accuracy[] = {c->accuracy_mean, c->accuracy_sd, c->bias,
                               c->bias_low,      c->bias_high,   c->bias_sd};
    int status = table_integer(table, (int64_t)c->points, err);
    status = status == REBIAS_OK ? table_text(table, o->method[c->method].name, err) : status;
    for (size_t m = 0; m < METRICS && status == REBIAS_OK; m++) {
        status = table_number(
            table, c->runs > 0 ? rebias_bias_metric(&c->device, m) : (double)NAN, err);
    }
    status = status == REBIAS_OK
                 ? put(table, accuracy, sizeof accuracy / sizeof accuracy[0], err)
                 : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)c->over, err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)c->under, err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)c->failed, err) : status;
    return status == REBIAS_OK ? table_text(table, rebias_verdict_text(c->verdict), err)
                               : status;
}

/* The target's own row: accuracy, sd and interval of its mean. */
static int target_row(struct table *table, const struct rebias_bias_result *r,
                      struct rebias_error *err)
{
    const double accuracy[2] = {r->target_mean, r->target_sd};
    int status = table_text(table, "", err);
    status = status == REBIAS_OK ? table_text(table, "target", err) : status;
    status = status == REBIAS_OK ? put_empty(table, 7, err) : status;
    status = status == REBIAS_OK ? put(table, accuracy, 2, err) : status;
    return status == REBIAS_OK ? put_empty(table, 8, err) : status;
}

static int fill_accuracies(struct table *table, const struct bias_studies *studies,
                           struct rebias_error *err)
{
    start_by_target(table, studies, sizeof cell_names / sizeof cell_names[0], cell_names);
    int status = REBIAS_OK;
    for (size_t s = 0; s < studies->count && status == REBIAS_OK; s++) {
        const struct bias_study *study = &studies->study[s];
        const struct rebias_bias_result *result = study->result;
        status = put_target(table, studies, study->target->name, err);
        status = status == REBIAS_OK ? target_row(table, result, err) : status;
        for (size_t c = 0; c < result->cell_count && status == REBIAS_OK; c++) {
            status = put_target(table, studies, study->target->name, err);
            status = status == REBIAS_OK
                         ? cell_row(table, &study->options, &result->cells[c], err)
                         : status;
        }
    }
    return status;
}

/* -- 4. summary of device metrics -- */

/* In the order of rebias_bias_metric. */
static const char *const device_names[] = {
    "target",     "points", "method",       "rmse_mean_S", "rmse_sd_S", "push_pull_S",
    "wrong_sign", "W1_S",   "KS",           "hellinger",   "W2_S",      "JS",
    "energy_S",   "KL",     "mean_error_S", "sd_error_S",  "failed"};

static int device_row(struct table *table, size_t points, const char *method,
                      const double *metrics, struct rebias_error *err)
{
    int status = table_integer(table, (int64_t)points, err);
    status = status == REBIAS_OK ? table_text(table, method, err) : status;
    return status == REBIAS_OK ? put(table, metrics, REBIAS_BIAS_METRICS, err) : status;
}

static int fill_device_study(struct table *table, const struct bias_studies *studies,
                             const struct bias_study *study, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t c = 0; c < study->result->cell_count && status == REBIAS_OK; c++) {
        const struct rebias_bias_cell *cell = &study->result->cells[c];
        double metrics[REBIAS_BIAS_METRICS];
        for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
            metrics[m] = cell->metric[m].mean;
        }
        status = put_target(table, studies, study->target->name, err);
        status = status == REBIAS_OK
                     ? device_row(table, cell->points, study->options.method[cell->method].name,
                                  metrics, err)
                     : status;
        status =
            status == REBIAS_OK ? table_integer(table, (int64_t)cell->failed, err) : status;
    }
    return status;
}

/* -- 5. means over targets -- */

/* Adds the means of a cell, one of `targets`; a cell without any leaves the sum NaN. */
static void add_cell(double *metrics, const struct rebias_bias_cell *cell, size_t targets)
{
    for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
        metrics[m] += cell->metric[m].mean / (double)targets;
    }
}

/* Row of one (points, method) over all targets. */
static int mean_row(struct table *table, const struct bias_studies *studies, size_t c,
                    struct rebias_error *err)
{
    const struct bias_study *first = &studies->study[0];
    const struct rebias_bias_cell *cell = &first->result->cells[c];
    double metrics[REBIAS_BIAS_METRICS] = {0.0};
    size_t failed = 0;
    for (size_t s = 0; s < studies->count; s++) {
        add_cell(metrics, &studies->study[s].result->cells[c], studies->count);
        failed += studies->study[s].result->cells[c].failed;
    }
    int status = table_text(table, "all", err);
    status = status == REBIAS_OK
                 ? device_row(table, cell->points, first->options.method[cell->method].name,
                              metrics, err)
                 : status;
    return status == REBIAS_OK ? table_integer(table, (int64_t)failed, err) : status;
}

static bool is_binning(const struct rebias_bias_method *method)
{
    return method->method.estimator != NULL &&
           strcmp(method->method.estimator->name, "binning") == 0;
}

/* The study's cell, among those of `first` and the methods behind it, of the binning with the
 * smallest mean W1; NULL when none has one. */
static const struct rebias_bias_cell *best_binning(const struct bias_study *study, size_t first)
{
    const struct rebias_bias_cell *best = NULL;
    for (size_t m = 0; m < study->options.methods; m++) {
        const struct rebias_bias_cell *cell = &study->result->cells[first + m];
        double W1 = cell->metric[REBIAS_BIAS_WASSERSTEIN1].mean;
        if (is_binning(&study->options.method[m]) && !isnan(W1) &&
            (best == NULL || W1 < best->metric[REBIAS_BIAS_WASSERSTEIN1].mean)) {
            best = cell;
        }
    }
    return best;
}

/* Row of the oracle: every target with its best binning; W1 is NaN when one has none. */
static int oracle_row(struct table *table, const struct bias_studies *studies, size_t first,
                      struct rebias_error *err)
{
    double metrics[REBIAS_BIAS_METRICS] = {0.0};
    for (size_t s = 0; s < studies->count; s++) {
        const struct bias_study *study = &studies->study[s];
        const struct rebias_bias_cell *best = best_binning(study, first);
        if (best != NULL) {
            add_cell(metrics, best, studies->count);
        } else {
            metrics[REBIAS_BIAS_WASSERSTEIN1] = NAN;
        }
    }
    int status = table_text(table, "all", err);
    status = status == REBIAS_OK
                 ? device_row(table, studies->study[0].result->cells[first].points,
                              "oracle(binning)", metrics, err)
                 : status;
    return status == REBIAS_OK ? table_text(table, "", err) : status;
}

static int fill_means(struct table *table, const struct bias_studies *studies,
                      struct rebias_error *err)
{
    const struct rebias_bias_options *o = &studies->study[0].options;
    size_t binnings = 0;
    int status = REBIAS_OK;
    for (size_t m = 0; m < o->methods; m++) {
        binnings += is_binning(&o->method[m]);
    }
    for (size_t p = 0; p < o->point_counts; p++) {
        const size_t first = p * o->methods;
        for (size_t m = 0; m < o->methods && status == REBIAS_OK; m++) {
            status = mean_row(table, studies, first + m, err);
        }
        if (binnings > 1 && status == REBIAS_OK) {
            status = oracle_row(table, studies, first, err);
        }
    }
    return status;
}

static int fill_devices(struct table *table, const struct bias_studies *studies,
                        struct rebias_error *err)
{
    start_by_target(table, studies, sizeof device_names / sizeof device_names[0], device_names);
    int status = REBIAS_OK;
    for (size_t s = 0; s < studies->count && status == REBIAS_OK; s++) {
        status = fill_device_study(table, studies, &studies->study[s], err);
    }
    bool alike = studies->study[0].options.source == REBIAS_BIAS_SYNTHETIC;
    return status == REBIAS_OK && studies->count > 1 && alike ? fill_means(table, studies, err)
                                                              : status;
}

int fill_summary(struct table *table, const struct bias_studies *studies,
                 struct rebias_error *err)
{
    return studies->study[0].result->target_runs > 0 ? fill_accuracies(table, studies, err)
                                                     : fill_devices(table, studies, err);
}

/* -- 6. correlations and metrics -- */

int fill_correlations(struct table *table, const struct bias_studies *studies,
                      struct rebias_error *err)
{
    static const char *const names[] = {"target",   "points", "metric", "runs",
                                        "spearman", "low",    "high"};
    start_by_target(table, studies, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (size_t s = 0; s < studies->count; s++) {
        const struct rebias_bias_result *result = studies->study[s].result;
        for (size_t i = 0; i < result->correlation_count && status == REBIAS_OK; i++) {
            const struct rebias_bias_correlation *c = &result->correlations[i];
            const double numbers[] = {c->rho, c->low, c->high};
            status = put_target(table, studies, studies->study[s].target->name, err);
            status =
                status == REBIAS_OK ? table_integer(table, (int64_t)c->points, err) : status;
            status = status == REBIAS_OK
                         ? table_text(table, rebias_bias_metric_name(c->metric), err)
                         : status;
            status = status == REBIAS_OK ? table_integer(table, (int64_t)c->runs, err) : status;
            status = status == REBIAS_OK ? put(table, numbers, 3, err) : status;
        }
    }
    return status;
}

static int metric_rows(struct table *table, const struct bias_study *study,
                       const struct rebias_bias_cell *cell, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t m = 0; m < REBIAS_BIAS_METRICS && status == REBIAS_OK; m++) {
        const struct rebias_bias_metric_mean *mean = &cell->metric[m];
        const double numbers[] = {mean->mean, mean->low, mean->high};
        status = table_text(table, study->target->name, err);
        status =
            status == REBIAS_OK ? table_integer(table, (int64_t)cell->points, err) : status;
        status = status == REBIAS_OK
                     ? table_text(table, study->options.method[cell->method].name, err)
                     : status;
        status =
            status == REBIAS_OK ? table_text(table, rebias_bias_metric_name(m), err) : status;
        status = status == REBIAS_OK ? table_integer(table, (int64_t)mean->runs, err) : status;
        status = status == REBIAS_OK ? put(table, numbers, 3, err) : status;
    }
    return status;
}

int fill_metrics(struct table *table, const struct bias_studies *studies,
                 struct rebias_error *err)
{
    static const char *const names[] = {"target", "points", "method", "metric",
                                        "runs",   "mean",   "low",    "high"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (size_t s = 0; s < studies->count; s++) {
        const struct rebias_bias_result *result = studies->study[s].result;
        for (size_t c = 0; c < result->cell_count && status == REBIAS_OK; c++) {
            status = metric_rows(table, &studies->study[s], &result->cells[c], err);
        }
    }
    return status;
}
