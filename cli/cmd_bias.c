/* cmd_bias.c - `rebias bias`: the main job.
 * 1. options   2. tidy CSV, one row a network   3. summary, one row a (points, method)   4. the
 * command
 */
#include "commands.h"
#include "figure.h"
#include "network_options.h"
#include "rebias/bias.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"target", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "ground truth: preset, model:param=value,... or table file (required)"},
    {"method", 0, OPTION_TEXT, "LIST", "binning:20", 0, 0,
     "estimators, e.g. binning:10,binning:20:count:empirical"},
    {"points", 0, OPTION_TEXT, "LIST", "100,300,1000,3000", 0, 0,
     "points per polarity that a model is fitted to"},
    {"replicates", 0, OPTION_INTEGER, "N", "5", 1, 1e6,
     "repetitions: fresh data, fit, initial weights and order"},
    {"filter", 0, OPTION_NUMBER, "F", "0", 0, 0.999, "keep only points with |dG/G| > F"},
    {"censored", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "points are clamped at Gmin and Gmax, as an instrument would see them"},
    {"level", 0, OPTION_NUMBER, "P", "0.95", 0.01, 0.9999, "confidence of the intervals"},
    {"resamples", 0, OPTION_INTEGER, "N", "2000", 1, 1e6, "of the bootstrap"},
    NETWORK_ROWS,
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0, "tidy CSV, one row a trained network"},
    {"correlation", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "CSV of Spearman's correlation between each device metric and the bias, per points"},
    {"figure", 0, OPTION_TEXT, "FILE.png", NULL, 0, 0,
     "accuracy and device metric against points (needs gnuplot)"},
};

static int read_methods(const struct arguments *a, struct rebias_bias_options *o,
                        struct rebias_error *err)
{
    const char *text = argument_text(a, "method");
    for (const char *c = text;;) {
        const char *end = strchr(c, ',');
        size_t width = end != NULL ? (size_t)(end - c) : strlen(c);
        struct rebias_bias_method *method = &o->method[o->methods];
        if (o->methods == REBIAS_BIAS_MAX_METHODS || width >= sizeof method->name) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "--method: too many methods (at most %d) or a name too long",
                               REBIAS_BIAS_MAX_METHODS);
        }
        memcpy(method->name, c, width);
        method->name[width] = '\0';
        int status = rebias_method_parse(&method->method, method->name, err);
        if (status != REBIAS_OK) {
            return status;
        }
        o->methods++;
        if (end == NULL) {
            return REBIAS_OK;
        }
        c = end + 1;
    }
}

static int read_options(const struct arguments *a, struct rebias_bias_options *o,
                        struct rebias_error *err)
{
    *o = rebias_bias_options_defaults();
    o->replicates = (size_t)argument_integer(a, "replicates");
    o->synth.filter = argument_number(a, "filter");
    o->synth.censored = argument_flag(a, "censored");
    o->level = argument_number(a, "level");
    o->resamples = (size_t)argument_integer(a, "resamples");
    o->seed = (uint64_t)argument_integer(a, "seed");
    o->threads = thread_count(a);
    if (argument_text(a, "target") == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no ground truth: give --target DEVICE");
    }
    double points[REBIAS_BIAS_MAX_POINTS];
    int status = parse_number_list("points", argument_text(a, "points"), 1, 1e8, true, points,
                                   REBIAS_BIAS_MAX_POINTS, &o->point_counts, err);
    for (size_t i = 0; i < o->point_counts && status == REBIAS_OK; i++) {
        o->points[i] = (size_t)points[i];
    }
    status = status == REBIAS_OK ? read_methods(a, o, err) : status;
    return status == REBIAS_OK ? read_network_options(a, "0.05", &o->network, &o->train, err)
                               : status;
}

/* -- 2. tidy CSV, one row a network -- */

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
                                        "hellinger_reset"};

static int run_numbers(struct table *table, const struct rebias_bias_run *run, double target,
                       struct rebias_error *err)
{
    const struct rebias_device_metrics *m = &run->device;
    const bool good = run->status == REBIAS_OK;
    const bool model = good && run->method >= 0;
    const double numbers[] = {good ? run->accuracy : NAN,
                              target,
                              model ? run->accuracy - target : NAN,
                              m->rmse_mean[0],
                              m->rmse_mean[1],
                              m->rmse_sd[0],
                              m->rmse_sd[1],
                              m->mean_error[0],
                              m->mean_error[1],
                              m->push_pull,
                              m->wrong_sign_all,
                              m->wasserstein1[0],
                              m->wasserstein1[1],
                              m->kolmogorov_smirnov[0],
                              m->kolmogorov_smirnov[1],
                              m->hellinger[0],
                              m->hellinger[1]};
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, i < 3 || model ? numbers[i] : NAN, err);
    }
    return status;
}

static int fill_runs(struct table *table, const struct rebias_bias_options *o,
                     const struct rebias_bias_result *result, struct rebias_error *err)
{
    table_start(table, sizeof run_names / sizeof run_names[0], run_names);
    int status = REBIAS_OK;
    for (size_t i = 0; i < result->run_count && status == REBIAS_OK; i++) {
        const struct rebias_bias_run *run = &result->runs[i];
        status = table_text(table, o->target->name, err);
        status = status == REBIAS_OK
                     ? table_text(table,
                                  run->method < 0 ? "target" : o->method[run->method].name, err)
                     : status;
        status = status == REBIAS_OK ? table_integer(table, (int64_t)run->points, err) : status;
        status = status == REBIAS_OK ? table_integer(table, run->replicate, err) : status;
        status =
            status == REBIAS_OK
                ? table_text(table, run->status == REBIAS_OK ? "ok" : "too few points", err)
                : status;
        status = status == REBIAS_OK
                     ? run_numbers(table, run, result->runs[run->replicate].accuracy, err)
                     : status;
    }
    return status;
}

/* -- 3. summary, one row a (points, method) -- */

static const char *const cell_names[] = {
    "points",     "method", "rmse_mean_S", "rmse_sd_S", "push_pull_S",
    "wrong_sign", "W1_S",   "KS",          "hellinger", "accuracy",
    "sd",         "bias",   "bias_low",    "bias_high", "bias_sd",
    "over",       "under",  "failed",      "verdict"};

static int put(struct table *table, const double *numbers, size_t n, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int cell_row(struct table *table, const struct rebias_bias_options *o,
                    const struct rebias_bias_cell *c, struct rebias_error *err)
{
    const struct rebias_device_metrics *m = &c->device;
    const bool any = c->runs > 0;
    const double numbers[] = {any ? 0.5 * (m->rmse_mean[0] + m->rmse_mean[1]) : NAN,
                              any ? 0.5 * (m->rmse_sd[0] + m->rmse_sd[1]) : NAN,
                              any ? m->push_pull : NAN,
                              any ? m->wrong_sign_all : NAN,
                              any ? 0.5 * (m->wasserstein1[0] + m->wasserstein1[1]) : NAN,
                              any ? 0.5 * (m->kolmogorov_smirnov[0] + m->kolmogorov_smirnov[1])
                                  : NAN,
                              any ? 0.5 * (m->hellinger[0] + m->hellinger[1]) : NAN,
                              c->accuracy_mean,
                              c->accuracy_sd,
                              c->bias,
                              c->bias_low,
                              c->bias_high,
                              c->bias_sd};
    int status = table_integer(table, (int64_t)c->points, err);
    status = status == REBIAS_OK ? table_text(table, o->method[c->method].name, err) : status;
    status = status == REBIAS_OK ? put(table, numbers, sizeof numbers / sizeof numbers[0], err)
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
    const double none[7] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const double accuracy[2] = {r->target_mean, r->target_sd};
    const double rest[4] = {NAN, NAN, NAN, NAN};
    int status = table_text(table, "", err);
    status = status == REBIAS_OK ? table_text(table, "target", err) : status;
    status = status == REBIAS_OK ? put(table, none, 7, err) : status;
    status = status == REBIAS_OK ? put(table, accuracy, 2, err) : status;
    status = status == REBIAS_OK ? put(table, rest, 4, err) : status;
    for (int i = 0; i < 4 && status == REBIAS_OK; i++) {
        status = table_text(table, "", err);
    }
    return status;
}

static int fill_cells(struct table *table, const struct rebias_bias_options *o,
                      const struct rebias_bias_result *result, struct rebias_error *err)
{
    table_start(table, sizeof cell_names / sizeof cell_names[0], cell_names);
    int status = target_row(table, result, err);
    for (size_t c = 0; c < result->cell_count && status == REBIAS_OK; c++) {
        status = cell_row(table, o, &result->cells[c], err);
    }
    return status;
}

/* -- 4. which metric predicts the bias -- */

static int fill_correlations(struct table *table, const struct rebias_bias_result *result,
                             struct rebias_error *err)
{
    static const char *const names[] = {"points", "metric", "runs", "spearman", "low", "high"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (size_t i = 0; i < result->correlation_count && status == REBIAS_OK; i++) {
        const struct rebias_bias_correlation *c = &result->correlations[i];
        const double numbers[] = {c->rho, c->low, c->high};
        status = table_integer(table, (int64_t)c->points, err);
        status = status == REBIAS_OK
                     ? table_text(table, rebias_bias_metric_name(c->metric), err)
                     : status;
        status = status == REBIAS_OK ? table_integer(table, (int64_t)c->runs, err) : status;
        status = status == REBIAS_OK ? put(table, numbers, 3, err) : status;
    }
    return status;
}

/* One remark a number of points: the metric with the largest correlation, if its interval
 * leaves out 0. */
static void remark_correlations(const struct arguments *a,
                                const struct rebias_bias_result *result)
{
    for (size_t first = 0; first < result->correlation_count; first += REBIAS_BIAS_METRICS) {
        const struct rebias_bias_correlation *best = NULL;
        for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
            const struct rebias_bias_correlation *c = &result->correlations[first + m];
            bool clear = c->low > 0.0 || c->high < 0.0;
            if (clear && (best == NULL || fabs(c->rho) > fabs(best->rho))) {
                best = c;
            }
        }
        if (best != NULL) {
            remark(a, "%zu points: %s predicts the bias best, Spearman %+.2f [%+.2f, %+.2f]",
                   best->points, rebias_bias_metric_name(best->metric), best->rho, best->low,
                   best->high);
        } else {
            remark(a, "%zu points: no device metric predicts the bias clearly",
                   result->correlations[first].points);
        }
    }
}

/* -- 5. the command -- */

static void remark_target(const struct arguments *a, const char *name,
                          const struct rebias_bias_result *r)
{
    char interval[80] = "no interval from 1 replicate";
    if (!isnan(r->target_low)) {
        snprintf(interval, sizeof interval, "interval of the mean %.2f to %.2f %%",
                 100.0 * r->target_low, 100.0 * r->target_high);
    }
    remark(a, "target %s: accuracy %.2f %% (%s), pulse size %.3g S", name,
           100.0 * r->target_mean, interval, r->pulse_size);
}

/* One row a network, to -o. */
static int publish_runs(const char *path, const struct rebias_bias_options *o,
                        const struct rebias_bias_result *result,
                        const struct provenance *provenance, struct rebias_error *err)
{
    struct table table = {0};
    int status = fill_runs(&table, o, result, err);
    status = status == REBIAS_OK ? table_print(&table, provenance, true, path, err) : status;
    table_free(&table);
    return status;
}

static int publish_correlations(const char *path, const struct rebias_bias_result *result,
                                const struct provenance *provenance, struct rebias_error *err)
{
    struct table table = {0};
    int status = fill_correlations(&table, result, err);
    status = status == REBIAS_OK ? table_print(&table, provenance, true, path, err) : status;
    table_free(&table);
    return status;
}

/* The summary, on stdout. */
static int publish_cells(const struct arguments *a, const struct rebias_bias_options *o,
                         const struct rebias_bias_result *result,
                         const struct provenance *provenance, struct rebias_error *err)
{
    struct table table = {0};
    remark_target(a, o->target->name, result);
    remark_correlations(a, result);
    int status = fill_cells(&table, o, result, err);
    status = status == REBIAS_OK
                 ? table_print(&table, provenance, argument_choice(a, "format") == 1, NULL, err)
                 : status;
    table_free(&table);
    return status;
}

static int publish(const struct arguments *a, const struct rebias_bias_options *o,
                   const struct rebias_bias_result *result, struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    const char *input = spec_input(argument_text(a, "target"));
    const char *path = argument_text(a, "output");
    const char *correlation = argument_text(a, "correlation");
    const char *figure = argument_text(a, "figure");
    int status = provenance_make(&provenance, a, &input, 1, err);
    status = status == REBIAS_OK ? provenance_add_images(&provenance, o->set, err) : status;
    if (status == REBIAS_OK && path != NULL) {
        status = publish_runs(path, o, result, &provenance, err);
    }
    if (status == REBIAS_OK && correlation != NULL) {
        status = publish_correlations(correlation, result, &provenance, err);
    }
    if (status == REBIAS_OK && figure != NULL) {
        status = figure_bias(figure, o, result, err);
    }
    if (status == REBIAS_OK) {
        status = publish_cells(a, o, result, &provenance, err);
    }
    provenance_free(&provenance);
    return status;
}

static int run_bias(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_bias_options options;
    struct rebias_device *target = NULL;
    struct rebias_image_set *set = NULL;
    struct rebias_bias_result *result = NULL;
    struct progress progress = {.arguments = a, .what = "networks"};
    int status = read_options(a, &options, err);
    if (status == REBIAS_OK && argument_text(a, "figure") != NULL) {
        status = figure_check("figure", argument_text(a, "figure"),
                              err); /* before the work, not after it */
    }
    if (status == REBIAS_OK) {
        status = check_writable(argument_text(a, "output"), err);
    }
    if (status == REBIAS_OK) {
        status = check_writable(argument_text(a, "correlation"), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_device_open(&target, argument_text(a, "target"), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_image_set_load(&set, argument_text(a, "images"),
                                       argument_text(a, "data"), err);
    }
    if (status == REBIAS_OK) {
        options.target = target;
        options.set = set;
        complete_layers(&options.network, set);
        progress_catch_signals();
        status = rebias_bias_study(&result, &options, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = publish(a, &options, result, err);
    }
    rebias_bias_result_free(result);
    rebias_image_set_free(set);
    rebias_device_free(target);
    return status;
}

const struct command bias_commands[] = {
    {"bias", "", "how far can a network accuracy simulated with a fitted model be trusted?",
     "For every number of points and every method, each replicate draws fresh points from the "
     "target, fits a table, trains\n"
     "a network on it, and compares with the same replicate's network on the target (same "
     "weights, order and random\n"
     "numbers). bias = accuracy(model) - accuracy(target); its interval is a bootstrap over "
     "replicates. over, under:\n"
     "replicates more than the target's own sd above or below. Device metrics are means over "
     "SET and RESET.",
     0, 0, rows, sizeof rows / sizeof rows[0], run_bias, print_estimators},
};
const size_t bias_command_count = 1;
