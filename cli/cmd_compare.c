/* cmd_compare.c - `rebias compare`: device-level metrics between any two of device and data.
 * 1. options   2. operands   3. tables   4. the command
 */
#include "commands.h"
#include "rebias/compare.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"slices", 0, OPTION_INTEGER, "N", "100", 2, 100000,
     "G levels at which two devices are compared"},
    {"grid", 0, OPTION_INTEGER, "N", "2001", 16, 1000000,
     "dG points where distances between two devices are integrated numerically"},
    {"data-slices", 0, OPTION_INTEGER, "N", "10", 1, 1000, "G slices into which data are cut"},
    {"weights", 0, OPTION_CHOICE, "uniform|data|visited", "uniform", 0, 0,
     "weights of the slices: equal, by the number of data points, by a training run's pulses"},
    {"visits", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "where that run was (CSV G_low_S,G_high_S,set,reset), for --weights visited"},
    {"level", 0, OPTION_NUMBER, "X", "0.95", 0.01, 0.9999, "confidence of the intervals"},
    {"resamples", 0, OPTION_INTEGER, "N", "500", 10, 1000000, "of the data, for the intervals"},
    {"permutations", 0, OPTION_INTEGER, "N", "200", 10, 1000000, "for the p-value of mmd"},
    {"blocks", 0, OPTION_CHOICE, "auto|points|cycle|device", "auto", 0, 0,
     "points that are resampled together"},
    {"per-slice", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "one row a G level or slice, raw values, instead of averages"},
};

static int read_options(const struct arguments *a, struct rebias_comparison_options *o,
                        struct rebias_error *err)
{
    *o = rebias_comparison_options_defaults();
    o->slices = (size_t)argument_integer(a, "slices");
    o->grid = (size_t)argument_integer(a, "grid");
    o->data_slices = (size_t)argument_integer(a, "data-slices");
    o->weights = (enum rebias_slice_weights)argument_choice(a, "weights"); /* in its order */
    o->level = argument_number(a, "level");
    o->resamples = (size_t)argument_integer(a, "resamples");
    o->permutations = (size_t)argument_integer(a, "permutations");
    o->blocks = (enum rebias_blocks)argument_choice(a, "blocks"); /* in the enum's order */
    o->seed = (uint64_t)argument_integer(a, "seed");
    o->threads = thread_count(a);
    bool visited = o->weights == REBIAS_SLICES_BY_VISITS;
    if (visited != argument_given(a, "visits")) {
        return rebias_fail(err, REBIAS_E_NAME,
                           visited ? "--weights visited needs --visits FILE"
                                   : "--visits is for --weights visited");
    }
    return REBIAS_OK;
}

/* -- 2. operands -- */

/* What an operand owns. */
struct opened {
    struct rebias_device *device;
    struct rebias_pulses *pulses;
    struct rebias_table *table; /* of a native file that is named without options */
    struct rebias_family *family;
    struct rebias_operand operand;
};

static void close_operand(struct opened *opened)
{
    rebias_device_free(opened->device);
    rebias_pulses_free(opened->pulses);
    rebias_table_free(opened->table);
    rebias_family_free(opened->family);
}

/* An existing file that is no table. */
static bool is_data(const char *spec)
{
    const char *prefix = NULL;
    size_t length = strlen(spec);
    return rebias_table_format_of(spec, &prefix) == REBIAS_TABLE_NATIVE &&
           access(spec, F_OK) == 0 && !(length > 3 && strcmp(spec + length - 3, ".h5") == 0);
}

/* What a native file holds besides the device. */
static int load_table(struct opened *opened, const char *spec, struct rebias_error *err)
{
    const char *prefix = NULL;
    if (rebias_device_table(opened->device) == NULL || access(spec, F_OK) != 0 ||
        rebias_table_format_of(spec, &prefix) != REBIAS_TABLE_NATIVE) {
        return REBIAS_OK;
    }
    int status = rebias_table_load(&opened->table, spec, err);
    if (status == REBIAS_OK) {
        status = rebias_family_load(&opened->family, spec, err);
    }
    opened->operand.table = opened->table;
    if (status == REBIAS_OK && opened->family != NULL &&
        opened->family->kind == REBIAS_FAMILY_BOOTSTRAP) {
        opened->operand.family = opened->family;
    }
    return status;
}

static int open_operand(struct opened *opened, const char *spec, struct rebias_error *err)
{
    int status = REBIAS_OK;
    if (is_data(spec)) {
        const struct rebias_pulses_options options = rebias_pulses_options_defaults();
        status = rebias_pulses_load(&opened->pulses, spec, &options, err);
    } else {
        status = rebias_device_open(&opened->device, spec, err);
        if (status == REBIAS_OK) {
            status = load_table(opened, spec, err);
        }
    }
    opened->operand.device = opened->device;
    opened->operand.pulses = opened->pulses;
    opened->operand.name = spec;
    return status;
}

/* A table that names the data's checksum was fitted to them. */
static int remark_in_sample(const struct arguments *a, const struct opened *device,
                            const struct opened *data, struct rebias_error *err)
{
    const struct rebias_table *table = device->table;
    char sum[20];
    if (table == NULL || table->provenance == NULL || data->pulses == NULL) {
        return REBIAS_OK;
    }
    int status = rebias_file_checksum(data->operand.name, sum, err);
    if (status == REBIAS_OK && strstr(table->provenance, sum) != NULL) {
        remark(a,
               "%s was fitted to %s: distances, scores and tests are in-sample and flatter "
               "the model",
               device->operand.name, data->operand.name);
    }
    return status;
}

/* -- 3. tables -- */

static int put_numbers(struct table *table, const double *numbers, size_t n,
                       struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int put_row(struct table *table, enum rebias_comparison_metric metric, int polarity,
                   const struct rebias_interval *row, struct rebias_error *err)
{
    const double numbers[] = {row->value, row->low, row->high, row->p_value};
    int status = table_text(table, rebias_comparison_metric_name(metric), err);
    if (status == REBIAS_OK) {
        status = table_text(table, rebias_comparison_metric_unit(metric), err);
    }
    if (status == REBIAS_OK) {
        status = table_text(table, polarity < 2 ? polarity_words[polarity] : "both", err);
    }
    return status == REBIAS_OK
               ? put_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err)
               : status;
}

static int averages(struct table *table, const struct rebias_comparison *comparison,
                    bool with_data, struct rebias_error *err)
{
    static const char *const names[] = {"metric", "unit", "polarity", "value",
                                        "low",    "high", "p_value"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    int end = with_data ? REBIAS_METRIC_COUNT : REBIAS_METRIC_CRPS;
    for (int k = 0; k < end && status == REBIAS_OK; k++) {
        for (int p = k == REBIAS_METRIC_PUSH_PULL ? REBIAS_BOTH : 0;
             p < 3 && status == REBIAS_OK; p++) {
            status = put_row(table, (enum rebias_comparison_metric)k, p, &comparison->row[k][p],
                             err);
        }
    }
    return status;
}

static int per_slice(struct table *table, const struct rebias_comparison *comparison,
                     struct rebias_error *err)
{
    static const char *const names[] = {"polarity",
                                        "G_S",
                                        "points",
                                        "target_mean_S",
                                        "target_sd_S",
                                        "model_mean_S",
                                        "model_sd_S",
                                        "wasserstein1_S",
                                        "wasserstein2_S",
                                        "kolmogorov_smirnov",
                                        "hellinger",
                                        "kullback_leibler_nat",
                                        "jensen_shannon_nat",
                                        "energy_S"};
    table_start(table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (size_t i = 0; i < 2 * comparison->slice_count && status == REBIAS_OK; i++) {
        const struct rebias_slice_metrics *s = &comparison->slices[i];
        const double numbers[] = {s->G,
                                  comparison->points != NULL ? (double)comparison->points[i]
                                                             : NAN,
                                  s->target_mean,
                                  s->target_sd,
                                  s->model_mean,
                                  s->model_sd,
                                  s->wasserstein1,
                                  s->wasserstein2,
                                  s->kolmogorov_smirnov,
                                  s->hellinger,
                                  s->kullback_leibler,
                                  s->jensen_shannon,
                                  s->energy};
        status = table_text(table, polarity_words[i / comparison->slice_count], err);
        status = status == REBIAS_OK
                     ? put_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err)
                     : status;
    }
    return status;
}

/* -- 4. the command -- */

static int print_comparison(const struct arguments *a,
                            const struct rebias_comparison *comparison,
                            struct rebias_error *err)
{
    struct table table = {0};
    const char *inputs[3] = {spec_input(a->word[0]), spec_input(a->word[1]),
                             argument_text(a, "visits")};
    int status = argument_flag(a, "per-slice")
                     ? per_slice(&table, comparison, err)
                     : averages(&table, comparison, comparison->points != NULL, err);
    if (status == REBIAS_OK) {
        status = table_finish(&table, a, inputs, sizeof inputs / sizeof inputs[0], err);
    }
    table_free(&table);
    return status;
}

static int compare(const struct arguments *a, const struct opened *target,
                   const struct opened *model, struct rebias_comparison_options *options,
                   struct rebias_error *err)
{
    struct rebias_visits *visits = NULL;
    struct rebias_comparison *comparison = NULL;
    struct progress progress = {.arguments = a, .what = "resamples"};
    int status = options->weights == REBIAS_SLICES_BY_VISITS
                     ? rebias_visits_load(&visits, argument_text(a, "visits"), err)
                     : REBIAS_OK;
    if (status == REBIAS_OK) {
        options->visits = visits;
        if (target->pulses != NULL || model->pulses != NULL || model->family != NULL) {
            progress_catch_signals();
        }
        status = rebias_comparison_new(&comparison, &model->operand, &target->operand, options,
                                       progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = print_comparison(a, comparison, err);
    }
    rebias_comparison_free(comparison);
    rebias_visits_free(visits);
    return status;
}

static int run_compare(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_comparison_options options;
    struct opened target = {0};
    struct opened model = {0};
    int status = read_options(a, &options, err);
    if (status == REBIAS_OK) {
        status = open_operand(&target, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        status = open_operand(&model, a->word[1], err);
    }
    if (status == REBIAS_OK) {
        status = remark_in_sample(a, &model, &target, err);
    }
    if (status == REBIAS_OK) {
        status = remark_in_sample(a, &target, &model, err);
    }
    if (status == REBIAS_OK) {
        status = compare(a, &target, &model, &options, err);
    }
    close_operand(&model);
    close_operand(&target);
    return status;
}

const struct command compare_commands[] = {
    {"compare", "TARGET MODEL", "device-level metrics of a model against a target",
     "Either is a device (preset, model:param=value,..., table file) or pulse data (a CSV "
     "file). "
     "Errors are MODEL minus\n"
     "TARGET, averaged over slices of G in the common range: equidistant levels between "
     "devices, "
     "cells with data.\n"
     "push_pull: error of the SET mean minus error of the RESET mean; above 0 the model pushes "
     "harder in both directions.\n"
     "wrong_sign: fraction of slices where the mean jumps the other way. Structure finer than "
     "a "
     "cell of data averages out:\n"
     "with many points ask for more --data-slices.\n"
     "low, high: between devices only when MODEL's file holds bootstrap tables (`fit "
     "--bootstrap`): where the value would lie\n"
     "had the table been fitted to unlimited data. With data: where the value would lie with "
     "unlimited data; distances are\n"
     "corrected for the noise of the sample, p_value: chance of a distance as large if the "
     "data "
     "came from the other operand.\n"
     "hellinger, kullback_leibler, jensen_shannon of data are over 8 cells of equal "
     "probability, "
     "lower bounds.\n"
     "crps, log_score: of the data under the device, held-out when the table was not fitted to "
     "them. ks_test, mmd: can the\n"
     "two be told apart? Pulse data in other units or columns: `rebias data import` first.",
     2, 2, rows, sizeof rows / sizeof rows[0], run_compare, NULL},
};
const size_t compare_command_count = 1;
