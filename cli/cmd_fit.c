/* cmd_fit.c - `rebias fit`: pulse data -> jump table, and the tables that go with it.
 * 1. options   2. report   3. fits   4. the command
 */
#include "commands.h"
#include "figure.h"
#include "rebias/bias.h"
#include "rebias/estimate.h"
#include "rebias/family.h"
#include "rebias/pulses.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"method", 0, OPTION_TEXT, "METHOD", "binning", 0, 0,
     "estimator with its options, see below"},
    {"bins", 0, OPTION_INTEGER, "N", NULL, 1, 10000, "option bins of the estimator"},
    {"kind", 0, OPTION_CHOICE, "width|count", NULL, 0, 0, "option kind of the estimator"},
    {"rows", 0, OPTION_CHOICE, "gaussian|empirical", NULL, 0, 0,
     "option rows of the estimator"},
    {"Gmin", 0, OPTION_NUMBER, "S", "0", 0, 1,
     "lowest G of the table (with --Gmax; default: range of the data)"},
    {"Gmax", 0, OPTION_NUMBER, "S", "0", 0, 1, "highest G of the table"},
    {"G-levels", 0, OPTION_INTEGER, "N", "100", 2, 100000, "levels of the G axis"},
    {"dG-levels", 0, OPTION_INTEGER, "N", "201", 2, 50000, "levels of the dG axis"},
    {"sd-floor", 0, OPTION_NUMBER, "S", "0", 0, 1,
     "smallest sd of a row (0: 1e-4 of the largest |dG|)"},
    {"censored", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "points on Gmin or Gmax are jumps cut off there (see what the estimator assumes)"},
    {"blocks", 0, OPTION_CHOICE, "auto|points|cycle|device", "auto", 0, 0,
     "points that are held out or resampled together"},
    {"bootstrap", 0, OPTION_INTEGER, "B", "0", 0, 10000,
     "tables fitted to resampled points or blocks, into the same file"},
    {"per-device", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "also a table for every device of the data, into the same file: a population"},
    {"truth", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "the device that the points come from, for options such as objective=truth"},
    {"skip-bad", 0, OPTION_FLAG, NULL, NULL, 0, 0, "leave bad rows out and count them"},
    {"output", 'o', OPTION_TEXT, "TABLE", NULL, 0, 0,
     "FILE.jt.h5, xbtorch:PREFIX or crosssim:PREFIX (required)"},
};

/* The estimator of --method, with --bins, --kind and --rows as far as given. */
static int read_method(const struct arguments *a, struct rebias_method *method,
                       struct rebias_error *err)
{
    static const char *const options[] = {"bins", "kind", "rows"};
    int status = rebias_method_parse(method, argument_text(a, "method"), err);
    for (size_t i = 0; i < sizeof options / sizeof options[0] && status == REBIAS_OK; i++) {
        if (argument_given(a, options[i])) {
            status = rebias_method_set(method, options[i], argument_text(a, options[i]), err);
        }
    }
    return status;
}

/* Families go into native files only. */
static int check_family(const struct arguments *a, struct rebias_error *err)
{
    const char *output = argument_text(a, "output");
    const char *path = NULL;
    const bool bootstrap = argument_integer(a, "bootstrap") > 0;
    const bool devices = argument_flag(a, "per-device");
    if (bootstrap && devices) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--bootstrap and --per-device contradict each other: a file holds "
                           "one family of tables");
    }
    if (devices && strcmp(argument_text(a, "blocks"), "device") == 0) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--per-device and --blocks device contradict each other: a device's "
                           "own data are one block");
    }
    if (!bootstrap && !devices) {
        return REBIAS_OK;
    }
    if (rebias_table_format_of(output, &path) != REBIAS_TABLE_NATIVE) {
        const struct rebias_place place = {NULL, 0, 0, output};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "-o FILE.jt.h5",
                              "--%s writes several tables, which this format cannot hold",
                              bootstrap ? "bootstrap" : "per-device");
    }
    return check_writable(output, err); /* the fits may take long */
}

static int read_options(const struct arguments *a, struct rebias_fit_options *o,
                        struct rebias_error *err)
{
    *o = rebias_fit_options_defaults();
    o->Gmin = argument_number(a, "Gmin");
    o->Gmax = argument_number(a, "Gmax");
    o->G_levels = (size_t)argument_integer(a, "G-levels");
    o->dG_levels = (size_t)argument_integer(a, "dG-levels");
    o->sd_floor = argument_number(a, "sd-floor");
    o->censored = argument_flag(a, "censored");
    o->seed = (uint64_t)argument_integer(a, "seed");
    o->blocks = (enum rebias_blocks)argument_choice(a, "blocks"); /* in the enum's order */
    if (argument_text(a, "output") == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no output: give -o FILE.jt.h5");
    }
    return check_family(a, err);
}

/* -- 2. report -- */

/* One row a polarity; the column `device` is there when device is not NULL. */
static int report_rows(struct table *table, const char *device,
                       const struct rebias_fit_report *report, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const size_t counts[] = {report->points[p], report->outside[p], report->bins[p],
                                 report->empty_bins[p], report->extrapolated[p]};
        if (device != NULL) {
            status = table_text(table, device, err);
        }
        status = status == REBIAS_OK ? table_text(table, polarity_words[p], err) : status;
        for (size_t i = 0; i < sizeof counts / sizeof counts[0] && status == REBIAS_OK; i++) {
            status = table_integer(table, (int64_t)counts[i], err);
        }
        status = status == REBIAS_OK ? table_text(table, report->note[p], err) : status;
    }
    return status;
}

/* devices: the family of --per-device, else NULL. */
static int print_report(const struct arguments *a, const struct rebias_fit_report *pooled,
                        const struct rebias_family *devices, struct rebias_error *err)
{
    static const char *const names[] = {"device",
                                        "polarity",
                                        "points",
                                        "outside_range",
                                        "bins",
                                        "empty_bins",
                                        "extrapolated_levels",
                                        "chosen"};
    const char *const inputs[] = {a->word[0], spec_input(argument_text(a, "truth"))};
    const size_t without = devices != NULL ? 0 : 1;
    struct table table;
    table_start(&table, sizeof names / sizeof names[0] - without, names + without);
    int status = report_rows(&table, devices != NULL ? "pooled" : NULL, pooled, err);
    for (size_t i = 0; devices != NULL && i < devices->count && status == REBIAS_OK; i++) {
        char label[16];
        snprintf(label, sizeof label, "%d", (int)devices->label[i]);
        status = report_rows(&table, label, &devices->report[i], err);
    }
    status = status == REBIAS_OK ? table_finish(&table, a, inputs, 2, err) : status;
    table_free(&table);
    return status;
}

/* What AUTO has become, for people. */
static int remark_blocks(const struct arguments *a, const struct rebias_pulses *pulses,
                         enum rebias_blocks kind, struct rebias_error *err)
{
    static const char *const words[] = {"auto", "points", "cycles", "devices"};
    enum rebias_blocks used = kind;
    uint32_t *block = NULL;
    size_t count = 0;
    int status = rebias_alloc(&block, pulses->n, sizeof *block, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_blocks(pulses, kind, block, &count, &used, err);
    }
    if (status == REBIAS_OK) {
        remark(a, "bootstrap: %" PRId64 " tables, resampled from %zu %s",
               argument_integer(a, "bootstrap"), count, words[used]);
    }
    free(block);
    return status;
}

/* -- 3. fits -- */

struct job {
    struct rebias_fit_options options;
    struct rebias_method method;
    struct rebias_pulses *pulses;
    struct rebias_table *table;
    struct rebias_family *family;
    struct rebias_fit_report report;
    struct rebias_device *truth;
    struct rebias_jumps jumps; /* of the truth */
};

static void free_job(struct job *job)
{
    rebias_family_free(job->family);
    rebias_table_free(job->table);
    rebias_pulses_free(job->pulses);
    rebias_device_free(job->truth);
}

static int open_truth(const struct arguments *a, struct job *job, struct rebias_error *err)
{
    const char *spec = argument_text(a, "truth");
    if (spec == NULL) {
        return REBIAS_OK;
    }
    int status = rebias_device_open(&job->truth, spec, err);
    if (status == REBIAS_OK) {
        status = rebias_device_jumps(&job->jumps, job->truth, err);
    }
    if (status == REBIAS_OK) {
        job->options.truth = &job->jumps;
    }
    return status;
}

/* The pooled table stands beside the devices' tables on their G axes. */
static int fit_devices(const struct arguments *a, struct job *job, struct rebias_error *err)
{
    struct progress progress = {.arguments = a, .what = "devices"};
    progress_catch_signals();
    int status = rebias_fit_devices(&job->family, job->pulses, &job->method, &job->options,
                                    thread_count(a), progress_step, &progress, err);
    progress_end(&progress);
    if (status == REBIAS_OK) {
        rebias_table_range(job->family->table[0], &job->options.Gmin, &job->options.Gmax);
        status = rebias_fit(&job->table, job->pulses, &job->method, &job->options, &job->report,
                            err);
    }
    return status;
}

static int fit_bootstrap(const struct arguments *a, struct job *job, struct rebias_error *err)
{
    const size_t resamples = (size_t)argument_integer(a, "bootstrap");
    struct progress progress = {.arguments = a, .what = "resamples"};
    int status =
        rebias_family_check_size(resamples, job->options.G_levels, job->options.dG_levels, err);
    if (status == REBIAS_OK) {
        status = rebias_fit(&job->table, job->pulses, &job->method, &job->options, &job->report,
                            err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status =
            rebias_fit_bootstrap(&job->family, job->pulses, &job->method, &job->options,
                                 resamples, thread_count(a), progress_step, &progress, err);
        progress_end(&progress);
    }
    return status == REBIAS_OK ? remark_blocks(a, job->pulses, job->options.blocks, err)
                               : status;
}

static int fit(const struct arguments *a, struct job *job, struct rebias_error *err)
{
    if (argument_flag(a, "per-device")) {
        return fit_devices(a, job, err);
    }
    if (argument_integer(a, "bootstrap") > 0) {
        return fit_bootstrap(a, job, err);
    }
    return rebias_fit(&job->table, job->pulses, &job->method, &job->options, &job->report, err);
}

/* -- 4. the command -- */

static int prepare(const struct arguments *a, struct job *job, struct rebias_error *err)
{
    struct rebias_pulses_options columns = rebias_pulses_options_defaults();
    columns.skip_bad = argument_flag(a, "skip-bad");
    int status = read_options(a, &job->options, err);
    if (status == REBIAS_OK) {
        status = read_method(a, &job->method, err);
    }
    if (status == REBIAS_OK) {
        status = open_truth(a, job, err);
    }
    return status == REBIAS_OK ? rebias_pulses_load(&job->pulses, a->word[0], &columns, err)
                               : status;
}

static int save(const struct arguments *a, const struct job *job, struct rebias_error *err)
{
    const char *const inputs[] = {a->word[0], spec_input(argument_text(a, "truth"))};
    struct provenance provenance = {NULL};
    int status = provenance_make(&provenance, a, inputs, 2, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&job->table->provenance, provenance.text, err);
    }
    if (status == REBIAS_OK && job->family != NULL) {
        status = rebias_family_save(job->table, job->family, argument_text(a, "output"), err);
    } else if (status == REBIAS_OK) {
        status = rebias_table_save(job->table, argument_text(a, "output"), err);
    }
    provenance_free(&provenance);
    return status;
}

static int run_fit(const struct arguments *a, struct rebias_error *err)
{
    struct job job = {.table = NULL};
    int status = prepare(a, &job, err);
    if (status == REBIAS_OK) {
        status = fit(a, &job, err);
    }
    if (status == REBIAS_OK) {
        status = save(a, &job, err);
    }
    if (status == REBIAS_OK) {
        const bool each = argument_flag(a, "per-device");
        status = print_report(a, &job.report, each ? job.family : NULL, err);
    }
    free_job(&job);
    return status;
}

const struct command fit_commands[] = {
    {"fit", "PULSES", "pulse data -> jump table",
     "The report says how many points were used, how many bins had fewer than 2 and were "
     "bridged, how many G levels of\n"
     "the table lie beyond the support of the points, and what the estimator chose.\n"
     "Blocks: cycle = a ramp (one device, cycle and polarity), device = all points of a "
     "device; "
     "auto = devices when there\n"
     "are at least 10, else cycles when there are 10 of each polarity, else points.\n"
     "A file of --per-device is, as a device, the population: each device of a crossbar has "
     "one "
     "of the tables; with\n"
     ",pooled=1 behind its name it is the table fitted to all points.",
     1, 1, rows, sizeof rows / sizeof rows[0], run_fit, print_estimators},
};
const size_t fit_command_count = 1;
