/* cmd_fit.c - `rebias fit`: pulse data -> jump table. */
#include "commands.h"
#include "rebias/estimate.h"
#include "rebias/pulses.h"
#include <string.h>

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
    return argument_text(a, "output") != NULL
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_NAME, "no output: give -o FILE.jt.h5");
}

static int print_report(const struct arguments *a, const struct rebias_fit_report *report,
                        struct rebias_error *err)
{
    static const char *const names[] = {"polarity", "points",     "outside_range",
                                        "bins",     "empty_bins", "extrapolated_levels",
                                        "chosen"};
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = REBIAS_OK;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const size_t counts[] = {report->points[p], report->outside[p], report->bins[p],
                                 report->empty_bins[p], report->extrapolated[p]};
        status = table_text(&table, polarity_words[p], err);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0] && status == REBIAS_OK; i++) {
            status = table_integer(&table, (int64_t)counts[i], err);
        }
        status = status == REBIAS_OK ? table_text(&table, report->note[p], err) : status;
    }
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    return status;
}

static int run_fit(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_fit_options options;
    struct rebias_method method;
    struct rebias_pulses_options columns = rebias_pulses_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_table *table = NULL;
    struct rebias_fit_report report = {0};
    struct provenance provenance = {NULL};
    columns.skip_bad = argument_flag(a, "skip-bad");
    int status = read_options(a, &options, err);
    status = status == REBIAS_OK ? read_method(a, &method, err) : status;
    if (status == REBIAS_OK) {
        status = rebias_pulses_load(&pulses, a->word[0], &columns, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_fit(&table, pulses, &method, &options, &report, err);
    }
    if (status == REBIAS_OK) {
        status = provenance_make(&provenance, a, a->word, 1, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&table->provenance, provenance.text, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_save(table, argument_text(a, "output"), err);
    }
    if (status == REBIAS_OK) {
        status = print_report(a, &report, err);
    }
    provenance_free(&provenance);
    rebias_table_free(table);
    rebias_pulses_free(pulses);
    return status;
}

const struct command fit_commands[] = {
    {"fit", "PULSES", "pulse data -> jump table",
     "The report says how many points were used, how many bins had fewer than 2 and were "
     "bridged, how many G levels of\n"
     "the table lie beyond the support of the points, and what the estimator chose.",
     1, 1, rows, sizeof rows / sizeof rows[0], run_fit, print_estimators},
};
const size_t fit_command_count = 1;
