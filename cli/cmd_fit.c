/* cmd_fit.c - `rebias fit`: pulse data -> jump table. */
#include "commands.h"
#include "rebias/pulses.h"
#include <string.h>

static const struct option_row rows[] = {
    {"method", 0, OPTION_TEXT, "METHOD", "binning", 0, 0,
     "estimator: binning, binning:BINS, binning:BINS:width|count"},
    {"bins", 0, OPTION_INTEGER, "N", "20", 1, 10000, "number of bins"},
    {"kind", 0, OPTION_CHOICE, "width|count", "width", 0, 0,
     "bins of equal width or of equal count"},
    {"rows", 0, OPTION_CHOICE, "gaussian|empirical", "gaussian", 0, 0,
     "a bin's distribution: normal, or its own points'"},
    {"Gmin", 0, OPTION_NUMBER, "S", "0", 0, 1,
     "lowest G of the table (with --Gmax; default: range of the data)"},
    {"Gmax", 0, OPTION_NUMBER, "S", "0", 0, 1, "highest G of the table"},
    {"G-levels", 0, OPTION_INTEGER, "N", "100", 2, 100000, "levels of the G axis"},
    {"dG-levels", 0, OPTION_INTEGER, "N", "201", 2, 50000, "levels of the dG axis"},
    {"sd-floor", 0, OPTION_NUMBER, "S", "0", 0, 1,
     "smallest sd of a row (0: 1e-4 of the largest |dG|)"},
    {"skip-bad", 0, OPTION_FLAG, NULL, NULL, 0, 0, "leave bad rows out and count them"},
    {"output", 'o', OPTION_TEXT, "TABLE", NULL, 0, 0,
     "FILE.jt.h5, xbtorch:PREFIX or crosssim:PREFIX (required)"},
};

static int read_options(const struct arguments *a, struct rebias_binning_options *o,
                        struct rebias_error *err)
{
    *o = rebias_binning_options_defaults();
    o->bins = (size_t)argument_integer(a, "bins");
    o->kind = (enum rebias_bin_kind)argument_choice(a, "kind");
    o->rows = (enum rebias_bin_rows)argument_choice(a, "rows");
    o->Gmin = argument_number(a, "Gmin");
    o->Gmax = argument_number(a, "Gmax");
    o->G_levels = (size_t)argument_integer(a, "G-levels");
    o->dG_levels = (size_t)argument_integer(a, "dG-levels");
    o->sd_floor = argument_number(a, "sd-floor");
    if (argument_text(a, "output") == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no output: give -o FILE.jt.h5");
    }
    return parse_method(argument_text(a, "method"), o, err);
}

static int print_report(const struct arguments *a, const struct rebias_fit_report *report,
                        struct rebias_error *err)
{
    static const char *const names[] = {"polarity", "points",     "outside_range",
                                        "bins",     "empty_bins", "extrapolated_levels"};
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
    }
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    return status;
}

static int run_fit(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_binning_options options;
    struct rebias_pulses_options columns = rebias_pulses_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_table *table = NULL;
    struct rebias_fit_report report = {0};
    struct provenance provenance = {NULL};
    columns.skip_bad = argument_flag(a, "skip-bad");
    int status = read_options(a, &options, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_load(&pulses, a->word[0], &columns, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_fit_binning(&table, pulses, &options, &report, err);
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
     "binning: per bin of G a mean and an sd (n - 1); between bin centres linear, beyond the "
     "outermost constant.\n"
     "Bins with fewer than 2 points are empty and bridged. The report says how many, and how "
     "many G levels of the\n"
     "table lie beyond the outermost valid bin centre.",
     1, 1, rows, sizeof rows / sizeof rows[0], run_fit},
};
const size_t fit_command_count = 1;
