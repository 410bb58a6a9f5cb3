/* cmd_compare.c - `rebias compare`: device-level metrics between two devices. */
#include "commands.h"
#include "rebias/bias.h"
#include <math.h>
#include <stdlib.h>

static const struct option_row rows[] = {
    {"slices", 0, OPTION_INTEGER, "N", "100", 2, 100000,
     "G levels at which the distributions are compared"},
    {"grid", 0, OPTION_INTEGER, "N", "2001", 16, 1000000,
     "dG points where distances are integrated numerically"},
    {"per-slice", 0, OPTION_FLAG, NULL, NULL, 0, 0, "one row a G level instead of averages"},
};

static int put_numbers(struct table *table, const char *first, const double *numbers, size_t n,
                       struct rebias_error *err)
{
    int status = table_text(table, first, err);
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int averages(struct table *table, const struct rebias_device_metrics *m,
                    struct rebias_error *err)
{
    static const char *const names[] = {
        "polarity",    "rmse_mean_S", "rmse_sd_S",      "mean_error_S",       "sd_error_S",
        "push_pull_S", "wrong_sign",  "wasserstein1_S", "kolmogorov_smirnov", "hellinger"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const double numbers[] = {
            m->rmse_mean[p],  m->rmse_sd[p],      m->mean_error[p],         m->sd_error[p], NAN,
            m->wrong_sign[p], m->wasserstein1[p], m->kolmogorov_smirnov[p], m->hellinger[p]};
        status = put_numbers(table, polarity_words[p], numbers,
                             sizeof numbers / sizeof numbers[0], err);
    }
    const double both[] = {
        sqrt(0.5 * (m->rmse_mean[0] * m->rmse_mean[0] + m->rmse_mean[1] * m->rmse_mean[1])),
        sqrt(0.5 * (m->rmse_sd[0] * m->rmse_sd[0] + m->rmse_sd[1] * m->rmse_sd[1])),
        0.5 * (m->mean_error[0] + m->mean_error[1]),
        0.5 * (m->sd_error[0] + m->sd_error[1]),
        m->push_pull,
        m->wrong_sign_all,
        0.5 * (m->wasserstein1[0] + m->wasserstein1[1]),
        0.5 * (m->kolmogorov_smirnov[0] + m->kolmogorov_smirnov[1]),
        0.5 * (m->hellinger[0] + m->hellinger[1])};
    return status == REBIAS_OK
               ? put_numbers(table, "both", both, sizeof both / sizeof both[0], err)
               : status;
}

static int per_slice(struct table *table, const struct rebias_slice_metrics *slices, size_t n,
                     struct rebias_error *err)
{
    static const char *const names[] = {
        "polarity",     "G_S",        "target_mean_S",  "target_sd_S",
        "model_mean_S", "model_sd_S", "wasserstein1_S", "kolmogorov_smirnov",
        "hellinger"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (size_t i = 0; i < 2 * n && status == REBIAS_OK; i++) {
        const struct rebias_slice_metrics *s = &slices[i];
        const double numbers[] = {
            s->G,        s->target_mean,  s->target_sd,          s->model_mean,
            s->model_sd, s->wasserstein1, s->kolmogorov_smirnov, s->hellinger};
        status = put_numbers(table, polarity_words[i / n], numbers,
                             sizeof numbers / sizeof numbers[0], err);
    }
    return status;
}

static int run_compare(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_compare_options options = rebias_compare_options_defaults();
    options.slices = (size_t)argument_integer(a, "slices");
    options.grid = (size_t)argument_integer(a, "grid");
    struct rebias_device *target = NULL;
    struct rebias_device *model = NULL;
    struct rebias_slice_metrics *slices = NULL;
    struct rebias_device_metrics metrics;
    struct table table = {0};
    int status = rebias_device_open(&target, a->word[0], err);
    if (status == REBIAS_OK) {
        status = rebias_device_open(&model, a->word[1], err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&slices, 2 * options.slices, sizeof *slices, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_compare_devices(model, target, &options, &metrics, slices, err);
    }
    if (status == REBIAS_OK) {
        status = argument_flag(a, "per-slice") ? per_slice(&table, slices, options.slices, err)
                                               : averages(&table, &metrics, err);
    }
    if (status == REBIAS_OK) {
        const char *inputs[2] = {spec_input(a->word[0]), spec_input(a->word[1])};
        status = table_finish(&table, a, inputs, 2, err);
    }
    table_free(&table);
    free(slices);
    rebias_device_free(model);
    rebias_device_free(target);
    return status;
}

const struct command compare_commands[] = {
    {"compare", "TARGET MODEL", "device-level metrics of a model against a target",
     "Both are devices: presets, model:param=value,..., or table files. Errors are MODEL minus "
     "TARGET, averaged over\n"
     "equidistant G levels of the common range. push_pull: error of the SET mean minus error "
     "of the RESET mean; above 0\n"
     "the model pushes harder in both directions. wrong_sign: fraction of levels where the "
     "mean jumps the other way.",
     2, 2, rows, sizeof rows / sizeof rows[0], run_compare, NULL},
};
const size_t compare_command_count = 1;
