/* deploy_output.c - the tables of `rebias deploy`.
 * 1. summaries   2. table of cells   3. table of deployments   4. both
 */
#include "commands.h"
#include "deploy_plan.h"
#include "rebias/metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FURTHER = 7, MOST_COLUMNS = 12 + MOST_FURTHER };

/* -- 1. summaries -- */

/* A number of a run, by its offset. */
static double run_value(const struct deploy_run *run, size_t offset)
{
    return *(const double *)((const void *)((const char *)run + offset));
}

/* value[replicates] of one cell. */
static void collect(const struct deploy_plan *plan, size_t cell, size_t offset, double *value)
{
    for (size_t r = 0; r < plan->replicates; r++) {
        value[r] = run_value(&plan->runs[cell * plan->replicates + r], offset);
    }
}

int deploy_summarise(const struct deploy_plan *plan, size_t cell,
                     struct deploy_summary *summary, struct rebias_error *err)
{
    enum { RESAMPLES = 2000 };
    const double level = 0.95;
    const struct rebias_stream stream = {plan->base.seed, REBIAS_FOR_BOOTSTRAP, 0,
                                         (uint32_t)cell, 0};
    double *value = NULL;
    int status = rebias_alloc(&value, plan->replicates, sizeof *value, err);
    if (status != REBIAS_OK) {
        return status;
    }
    collect(plan, cell, offsetof(struct deploy_run, mean_accuracy), value);
    rebias_mean_sd(plan->replicates, value, &summary->mean, &summary->sd);
    summary->low = summary->high = NAN;
    if (plan->replicates >= 2) {
        status = rebias_bootstrap_mean(plan->replicates, value, level, RESAMPLES, &stream,
                                       &summary->low, &summary->high, err);
    }
    free(value);
    return status;
}

/* Mean and sd of another number of a cell's runs. */
static int moments(const struct deploy_plan *plan, size_t cell, size_t offset, double *mean,
                   double *sd, struct rebias_error *err)
{
    double *value = NULL;
    int status = rebias_alloc(&value, plan->replicates, sizeof *value, err);
    if (status == REBIAS_OK) {
        collect(plan, cell, offset, value);
        rebias_mean_sd(plan->replicates, value, mean, sd);
    }
    free(value);
    return status;
}

/* Columns behind the fixed ones, where there are tasks, programming by pulses, tuning: their
 * names and the offsets of their numbers in a run. Returns how many. */
static size_t further_columns(const struct deploy_plan *plan, const char *name[MOST_FURTHER],
                              size_t offset[MOST_FURTHER])
{
    const struct {
        const char *name;
        size_t offset;
        bool used;
    } all[] = {
        {"task_1", offsetof(struct deploy_run, accuracy), plan->tasks > 1},
        {"task_2", offsetof(struct deploy_run, accuracy) + sizeof(double), plan->tasks > 1},
        {"verify_success", offsetof(struct deploy_run, verify_success), plan->device != NULL},
        {"verify_pulses", offsetof(struct deploy_run, verify_pulses), plan->device != NULL},
        {"accuracy_before", offsetof(struct deploy_run, accuracy_before), plan->tuning.used},
        {"mapping_error_before", offsetof(struct deploy_run, mapping_error_before),
         plan->tuning.used},
        {"tune_pulses", offsetof(struct deploy_run, pulses), plan->tuning.used},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].used) {
            name[count] = all[i].name;
            offset[count++] = all[i].offset;
        }
    }
    return count;
}

/* names[] = the fixed ones and the further ones; returns their number. */
static size_t name_columns(const struct deploy_plan *plan, const char *const *fixed,
                           size_t count, const char *names[MOST_COLUMNS])
{
    size_t unused[MOST_FURTHER];
    memcpy(names, fixed, count * sizeof *names);
    return count + further_columns(plan, names + count, unused);
}

/* -- 2. table of cells -- */

static int cell_head(struct table *table, const struct deploy_cell *cell,
                     struct rebias_error *err)
{
    int status = table_text(table, cell->way->word, err);
    if (status == REBIAS_OK) {
        status = table_integer(table, (int64_t)cell->alpha, err);
    }
    if (status == REBIAS_OK) {
        status = table_number(table, cell->beta > 0 ? (double)cell->beta : NAN, err);
    }
    return status == REBIAS_OK ? table_number(table, cell->stuck, err) : status;
}

static int table_numbers(struct table *table, const double *numbers, size_t count,
                         struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

/* Means over the runs of the further columns. */
static int cell_further(struct table *table, const struct deploy_plan *plan, size_t cell,
                        struct rebias_error *err)
{
    size_t offset[MOST_FURTHER];
    const char *unused_names[MOST_FURTHER];
    const size_t count = further_columns(plan, unused_names, offset);
    int status = REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        double mean = 0.0;
        double unused = 0.0;
        status = moments(plan, cell, offset[i], &mean, &unused, err);
        if (status == REBIAS_OK) {
            status = table_number(table, mean, err);
        }
    }
    return status;
}

static int cell_row(struct table *table, const struct deploy_plan *plan, size_t cell,
                    struct rebias_error *err)
{
    struct deploy_summary s;
    double mapping = 0.0;
    double mapping_sd = 0.0;
    int status = deploy_summarise(plan, cell, &s, err);
    if (status == REBIAS_OK) {
        status = moments(plan, cell, offsetof(struct deploy_run, mapping_error), &mapping,
                         &mapping_sd, err);
    }
    const double numbers[] = {
        s.mean, s.sd, s.low, s.high, mapping, mapping_sd, plan->software[cell]};
    if (status == REBIAS_OK) {
        status = cell_head(table, &plan->cells[cell], err);
    }
    if (status == REBIAS_OK) {
        const size_t devices = plan->runs[cell * plan->replicates].devices;
        status = table_integer(table, (int64_t)devices, err);
    }
    if (status == REBIAS_OK) {
        status = table_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err);
    }
    return status == REBIAS_OK ? cell_further(table, plan, cell, err) : status;
}

static int print_cells(const struct deploy_plan *plan, const struct provenance *provenance,
                       struct rebias_error *err)
{
    static const char *const fixed[] = {
        "method", "alpha", "beta", "stuck",         "devices",          "accuracy",
        "sd",     "low",   "high", "mapping_error", "mapping_error_sd", "software_accuracy"};
    const char *names[MOST_COLUMNS];
    struct table table;
    int status = REBIAS_OK;
    table_start(&table, name_columns(plan, fixed, sizeof fixed / sizeof fixed[0], names),
                names);
    for (size_t c = 0; c < plan->cell_count && status == REBIAS_OK; c++) {
        status = cell_row(&table, plan, c, err);
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance,
                             argument_choice(plan->arguments, "format") == 1, NULL, err);
    }
    table_free(&table);
    return status;
}

/* -- 3. table of deployments -- */

static int run_row(struct table *table, const struct deploy_plan *plan, size_t cell,
                   size_t replicate, struct rebias_error *err)
{
    const struct deploy_run *run = &plan->runs[cell * plan->replicates + replicate];
    const double numbers[] = {run->mean_accuracy, run->mapping_error};
    int status = cell_head(table, &plan->cells[cell], err);
    if (status == REBIAS_OK) {
        status = table_integer(table, (int64_t)replicate, err);
    }
    if (status == REBIAS_OK) {
        status = table_integer(table, (int64_t)run->devices, err);
    }
    if (status == REBIAS_OK) {
        status = table_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err);
    }
    size_t offset[MOST_FURTHER];
    const char *unused[MOST_FURTHER];
    const size_t count = further_columns(plan, unused, offset);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = table_number(table, run_value(run, offset[i]), err);
    }
    return status;
}

static int print_runs(const struct deploy_plan *plan, const struct provenance *provenance,
                      struct rebias_error *err)
{
    static const char *const fixed[] = {"method",    "alpha",   "beta",     "stuck",
                                        "replicate", "devices", "accuracy", "mapping_error"};
    const char *names[MOST_COLUMNS];
    struct table table;
    int status = REBIAS_OK;
    table_start(&table, name_columns(plan, fixed, sizeof fixed / sizeof fixed[0], names),
                names);
    for (size_t i = 0; i < plan->cell_count * plan->replicates && status == REBIAS_OK; i++) {
        status = run_row(&table, plan, i / plan->replicates, i % plan->replicates, err);
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance, true, argument_text(plan->arguments, "output"),
                             err);
    }
    table_free(&table);
    return status;
}

/* -- 4. both -- */

/* The file behind "samples:" or "given:" in an option's value, or NULL. */
static const char *named_file(const struct arguments *a, const char *option, const char *before)
{
    const char *text = argument_text(a, option);
    const size_t n = strlen(before);
    return text != NULL && strncmp(text, before, n) == 0 ? spec_input(text + n) : NULL;
}

int deploy_publish(const struct deploy_plan *plan, struct rebias_error *err)
{
    const struct arguments *a = plan->arguments;
    struct provenance provenance = {NULL};
    const char *const inputs[] = {a->word[0],
                                  argument_text(a, "chip"),
                                  spec_input(argument_text(a, "write-verify")),
                                  named_file(a, "placement", "given:"),
                                  named_file(a, "write-error", "samples:"),
                                  named_file(a, "write-fixed", "samples:"),
                                  named_file(a, "read-noise", "samples:"),
                                  spec_input(argument_text(a, "tune-device"))};
    int status = provenance_make(&provenance, a, inputs, sizeof inputs / sizeof inputs[0], err);
    if (status == REBIAS_OK && plan->images != NULL) {
        status = provenance_add_images(&provenance, plan->images, err);
    }
    if (status == REBIAS_OK && argument_given(a, "output")) {
        status = print_runs(plan, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = print_cells(plan, &provenance, err);
    }
    provenance_free(&provenance);
    return status;
}
