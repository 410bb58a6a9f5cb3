/* cmd_data.c - `rebias data`: import, check, describe, synthesise and judge pulse data. */
#include "commands.h"
#include "rebias/devmodel.h"
#include "rebias/estimate.h"
#include "rebias/holdout.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_ROW                                                                             \
    {                                                                                          \
        "output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0, "write here instead of stdout"         \
    }
#define SKIP_ROW                                                                               \
    {                                                                                          \
        "skip-bad", 0, OPTION_FLAG, NULL, NULL, 0, 0, "leave bad rows out and count them"      \
    }

/* Writes pulse data with provenance to -o. */
static int write_pulses(const struct rebias_pulses *pulses, const struct arguments *arguments,
                        const char *const *inputs, size_t input_count, struct rebias_error *err)
{
    struct provenance provenance;
    struct rebias_output out;
    int status = provenance_make(&provenance, arguments, inputs, input_count, err);
    if (status == REBIAS_OK) {
        status = rebias_output_open(&out, argument_text(arguments, "output"), err);
    }
    if (status == REBIAS_OK) {
        remove_on_signal(out.temporary);
        status = rebias_pulses_write(pulses, out.stream, provenance.text, err);
        if (status == REBIAS_OK) {
            status = rebias_output_close(&out, err);
        } else {
            rebias_output_discard(&out);
        }
        remove_on_signal(NULL);
    }
    provenance_free(&provenance);
    if (status == REBIAS_OK) {
        remark(arguments, "%zu SET and %zu RESET points, %zu bad rows left out",
               rebias_pulses_count(pulses, 0), rebias_pulses_count(pulses, 1), pulses->skipped);
    }
    return status;
}

/* -- ramps -- */

static const struct option_row ramps_rows[] = {
    {"set", 0, OPTION_TEXT, "FILE", NULL, 0, 0, "CSV of SET ramps, one column a ramp"},
    {"reset", 0, OPTION_TEXT, "FILE", NULL, 0, 0, "CSV of RESET ramps"},
    {"read-voltage", 0, OPTION_NUMBER, "V", "0", -1e3, 1e3,
     "cells are currents at this voltage; 0: they are conductances"},
    {"scale", 0, OPTION_NUMBER, "X", "1", 1e-15, 1e15,
     "factor that turns the cells into A (or S)"},
    SKIP_ROW,
    OUTPUT_ROW,
};

static int run_ramps(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_ramps_options options = rebias_ramps_options_defaults();
    const char *inputs[2] = {argument_text(a, "set"), argument_text(a, "reset")};
    options.read_voltage = argument_number(a, "read-voltage");
    options.scale = argument_number(a, "scale");
    options.skip_bad = argument_flag(a, "skip-bad");
    if (inputs[0] == NULL && inputs[1] == NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "no ramps: give --set FILE, --reset FILE or both");
    }
    struct rebias_pulses *pulses = NULL;
    int status = rebias_pulses_load_ramps(&pulses, inputs[0], inputs[1], &options, err);
    if (status == REBIAS_OK) {
        status = write_pulses(pulses, a, inputs, 2, err);
    }
    rebias_pulses_free(pulses);
    return status;
}

/* -- import -- */

#define COLUMN_ROWS                                                                              \
    {"polarity", 0, OPTION_TEXT, "COLUMN",                                                       \
     NULL,       0, 0,           "column of the polarity (default: polarity)"},                  \
        {"G",  0, OPTION_TEXT, "COLUMN",                                                         \
         NULL, 0, 0,           "column of the conductance before the pulse (default: G_S)"},     \
        {"dG", 0, OPTION_TEXT, "COLUMN", NULL, 0, 0, "column of its change (default: dG_S)"},    \
        {"after", 0, OPTION_TEXT, "COLUMN",                                                      \
         NULL,    0, 0,           "column of the conductance after the pulse, instead of --dG"}, \
        {"device", 0, OPTION_TEXT, "COLUMN", NULL, 0, 0, "column of the device's number"},       \
        {"cycle", 0, OPTION_TEXT, "COLUMN", NULL, 0, 0, "column of the cycle's number"},         \
        {"pulse", 0, OPTION_TEXT, "COLUMN", NULL, 0, 0, "column of the pulse's number"},         \
    {                                                                                            \
        "unit", 0, OPTION_TEXT, "UNIT", NULL, 0, 0,                                              \
            "unit of columns whose names carry none: S, mS, uS, nS, ohm, ..."                    \
    }

static const struct option_row import_rows[] = {COLUMN_ROWS, SKIP_ROW, OUTPUT_ROW};
static const struct option_row check_rows[] = {COLUMN_ROWS};

static struct rebias_pulses_options column_options(const struct arguments *a)
{
    struct rebias_pulses_options options = rebias_pulses_options_defaults();
    options.polarity = argument_text(a, "polarity");
    options.G = argument_text(a, "G");
    options.dG = argument_text(a, "dG");
    options.after = argument_text(a, "after");
    options.device = argument_text(a, "device");
    options.cycle = argument_text(a, "cycle");
    options.pulse = argument_text(a, "pulse");
    options.unit = argument_text(a, "unit");
    return options;
}

static int run_import(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_pulses_options options = column_options(a);
    options.skip_bad = argument_flag(a, "skip-bad");
    struct rebias_pulses *pulses = NULL;
    int status = rebias_pulses_load(&pulses, a->word[0], &options, err);
    if (status == REBIAS_OK) {
        status = write_pulses(pulses, a, a->word, 1, err);
    }
    rebias_pulses_free(pulses);
    return status;
}

/* -- check -- */

static int run_check(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"file", "good_rows", "bad_rows", "first_problem"};
    struct rebias_pulses_options options = column_options(a);
    struct rebias_pulses *pulses = NULL;
    struct rebias_error first = {0};
    char problem[1024] = "";
    if (strcmp(a->word[0], "-") == 0) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "a check may read its file twice: give a file, not standard input");
    }
    int strict = rebias_pulses_load(&pulses, a->word[0], &options, &first);
    if (strict != REBIAS_OK) {
        rebias_error_text(&first, problem, sizeof problem);
        options.skip_bad = true;
        int status = rebias_pulses_load(&pulses, a->word[0], &options, err);
        if (status != REBIAS_OK) {
            return status; /* nothing usable at all: that error is the answer */
        }
    }
    struct table table;
    table_start(&table, 4, names);
    int status = table_text(&table, a->word[0], err);
    status = status == REBIAS_OK ? table_integer(&table, (int64_t)pulses->n, err) : status;
    status =
        status == REBIAS_OK ? table_integer(&table, (int64_t)pulses->skipped, err) : status;
    status = status == REBIAS_OK ? table_text(&table, problem, err) : status;
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    rebias_pulses_free(pulses);
    return status == REBIAS_OK && strict != REBIAS_OK ? CHECK_FAILED : status;
}

/* -- info -- */

static int info_row(struct table *table, int polarity, const struct rebias_pulses *pulses,
                    struct rebias_error *err)
{
    struct rebias_pulses_summary s;
    rebias_pulses_describe(pulses, polarity, &s);
    const double numbers[] = {s.G_min,  s.G_max,  s.dG_mean,   s.dG_sd,
                              s.dG_min, s.dG_max, s.wrong_sign};
    int status = table_text(table, polarity_words[polarity], err);
    status = status == REBIAS_OK ? table_integer(table, (int64_t)s.n, err) : status;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, s.n > 0 ? numbers[i] : NAN, err);
    }
    status = status == REBIAS_OK ? table_integer(table, (int64_t)s.devices, err) : status;
    return status == REBIAS_OK ? table_integer(table, (int64_t)s.cycles, err) : status;
}

static int run_info(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"polarity",   "points",  "G_min_S",  "G_max_S",
                                        "dG_mean_S",  "dG_sd_S", "dG_min_S", "dG_max_S",
                                        "wrong_sign", "devices", "cycles"};
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    struct rebias_pulses *pulses = NULL;
    int status = rebias_pulses_load(&pulses, a->word[0], &options, err);
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = info_row(&table, p, pulses, err);
    }
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    rebias_pulses_free(pulses);
    return status;
}

/* -- synth -- */

static const struct option_row synth_rows[] = {
    {"device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "preset, model:param=value,... or table file"},
    {"points", 0, OPTION_INTEGER, "N", "1000", 1, 1e8, "points per polarity"},
    {"filter", 0, OPTION_NUMBER, "F", "0", 0, 0.999,
     "keep only |dG/G| > F (published generator: 1e-3)"},
    {"censored", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "clamp at Gmin and Gmax, as an instrument would see it"},
    OUTPUT_ROW,
};

static int run_synth(const struct arguments *a, struct rebias_error *err)
{
    const char *spec = argument_text(a, "device");
    if (spec == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no device: give --device DEVICE");
    }
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = (size_t)argument_integer(a, "points");
    options.filter = argument_number(a, "filter");
    options.censored = argument_flag(a, "censored");
    options.seed = (uint64_t)argument_integer(a, "seed");
    struct rebias_device *device = NULL;
    struct rebias_pulses *pulses = NULL;
    int status = rebias_device_open(&device, spec, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_synthesize(&pulses, device, &options, err);
    }
    if (status == REBIAS_OK) {
        const char *input = spec_input(spec);
        status = write_pulses(pulses, a, &input, 1, err);
    }
    rebias_pulses_free(pulses);
    rebias_device_free(device);
    return status;
}

/* -- adequacy -- */

static const struct option_row adequacy_rows[] = {
    {"method", 0, OPTION_TEXT, "METHOD", "binning:10", 0, 0,
     "estimator whose error is asked for, see below"},
    {"tolerance", 0, OPTION_NUMBER, "F", "0.05", 1e-6, 10,
     "wanted error, as a fraction of the noise"},
    {"slices", 0, OPTION_INTEGER, "N", "10", 1, 1000, "G slices that are reported"},
    {"draws", 0, OPTION_INTEGER, "N", "20", 2, 10000, "subsamples of each size"},
};

static int adequacy_slice_row(struct table *table, const char *polarity,
                              const struct rebias_adequacy_slice *slice,
                              struct rebias_error *err)
{
    const double numbers[] = {slice->G_low, slice->G_high, slice->mean, slice->sd,
                              slice->se_mean};
    int status = table_text(table, polarity, err);
    status = status == REBIAS_OK ? table_text(table, "slice", err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)slice->points, err) : status;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    status = status == REBIAS_OK ? table_text(table, "", err) : status;
    return status == REBIAS_OK
               ? table_text(table, slice->points < 2 ? "extrapolated" : "known", err)
               : status;
}

/* The expected error at some number of points; verdict whether it is within the tolerance. */
static int adequacy_error_row(struct table *table, const char *polarity, const char *kind,
                              double points, double error, double tolerance,
                              struct rebias_error *err)
{
    int status = table_text(table, polarity, err);
    status = status == REBIAS_OK ? table_text(table, kind, err) : status;
    status = status == REBIAS_OK ? table_number(table, points, err) : status;
    for (int i = 0; i < 5 && status == REBIAS_OK; i++) {
        status = table_text(table, "", err);
    }
    status = status == REBIAS_OK ? table_number(table, error, err) : status;
    return status == REBIAS_OK
               ? table_text(table, error <= tolerance * (1.0 + 1e-12) ? "enough" : "too few",
                            err)
               : status;
}

static int adequacy_rows_of(struct table *table, const struct rebias_adequacy *adequacy, int p,
                            double tolerance, struct rebias_error *err)
{
    static const char *const kinds[] = {"error at n", "error at 2n", "error at 4n"};
    const struct rebias_adequacy_side *side = &adequacy->side[p];
    int status = REBIAS_OK;
    for (size_t s = 0; s < adequacy->slice_count && status == REBIAS_OK; s++) {
        status =
            adequacy_slice_row(table, polarity_words[p],
                               &adequacy->slices[(size_t)p * adequacy->slice_count + s], err);
    }
    for (int k = 0; k < 3 && status == REBIAS_OK; k++) {
        double points = (double)side->points * (double)(1 << k);
        status = adequacy_error_row(table, polarity_words[p], kinds[k], points,
                                    side->coefficient / sqrt(points), tolerance, err);
    }
    double wanted = rebias_adequacy_points(side, tolerance);
    return status == REBIAS_OK
               ? adequacy_error_row(table, polarity_words[p], "needed", wanted,
                                    side->coefficient / sqrt(wanted), tolerance, err)
               : status;
}

static int run_adequacy(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"polarity", "row",  "points",    "G_low_S", "G_high_S",
                                        "mean_S",   "sd_S", "se_mean_S", "error",   "verdict"};
    const struct rebias_pulses_options columns = rebias_pulses_options_defaults();
    struct rebias_adequacy_options options = rebias_adequacy_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_adequacy *adequacy = NULL;
    struct table table;
    options.slices = (size_t)argument_integer(a, "slices");
    options.draws = (size_t)argument_integer(a, "draws");
    options.seed = (uint64_t)argument_integer(a, "seed");
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = rebias_method_parse(&options.method, argument_text(a, "method"), err);
    status =
        status == REBIAS_OK ? rebias_pulses_load(&pulses, a->word[0], &columns, err) : status;
    status = status == REBIAS_OK ? rebias_adequacy_measure(&adequacy, pulses, &options, err)
                                 : status;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = adequacy_rows_of(&table, adequacy, p, argument_number(a, "tolerance"), err);
    }
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    rebias_adequacy_free(adequacy);
    rebias_pulses_free(pulses);
    return status;
}

/* -- score -- */

static const struct option_row score_rows[] = {
    {"method", 0, OPTION_TEXT, "LIST", "all", 0, 0,
     "estimators that are scored, separated by commas, see below"},
    {"folds", 0, OPTION_INTEGER, "N", "10", 2, 1000,
     "parts that are held out in turn (fewer where there are fewer blocks)"},
    {"blocks", 0, OPTION_CHOICE, "auto|points|cycle|device", "auto", 0, 0,
     "what is held out together; auto: devices if 10 or more, else cycles, else points"},
    {"Gmin", 0, OPTION_NUMBER, "S", "0", 0, 1,
     "lowest G (with --Gmax; default: range of the data)"},
    {"Gmax", 0, OPTION_NUMBER, "S", "0", 0, 1, "highest G"},
    {"censored", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "points on Gmin or Gmax are jumps cut off there"},
    {"level", 0, OPTION_NUMBER, "P", "0.95", 0.01, 0.9999, "confidence of the intervals"},
    {"resamples", 0, OPTION_INTEGER, "N", "1000", 1, 1e6, "of the bootstrap"},
};

enum { MAX_METHODS = 64, METHOD_SIZE = 128 };

struct scored {
    struct rebias_method method[MAX_METHODS];
    char name[MAX_METHODS][METHOD_SIZE];
    struct rebias_method_score score[2 * MAX_METHODS];
    size_t count;
};

static int add_method(struct scored *scored, const char *text, size_t width,
                      struct rebias_error *err)
{
    if (scored->count == MAX_METHODS || width >= METHOD_SIZE) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "--method: too many methods (at most %d) or a name too long",
                           MAX_METHODS);
    }
    char *name = scored->name[scored->count];
    memcpy(name, text, width);
    name[width] = '\0';
    return rebias_method_parse(&scored->method[scored->count++], name, err);
}

static int read_methods(struct scored *scored, const char *list, struct rebias_error *err)
{
    int status = REBIAS_OK;
    if (strcmp(list, "all") == 0) {
        for (size_t i = 0; i < rebias_estimator_count && status == REBIAS_OK; i++) {
            const char *name = rebias_estimators[i]->name;
            status = add_method(scored, name, strlen(name), err);
        }
        return status;
    }
    for (const char *c = list; c != NULL && status == REBIAS_OK;) {
        const char *comma = strchr(c, ',');
        status = add_method(scored, c, comma != NULL ? (size_t)(comma - c) : strlen(c), err);
        c = comma != NULL ? comma + 1 : NULL;
    }
    return status;
}

static int score_row(struct table *table, const char *polarity, const char *method,
                     const struct rebias_method_score *score, struct rebias_error *err)
{
    int status = table_text(table, polarity, err);
    status = status == REBIAS_OK ? table_text(table, method, err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)score->points, err) : status;
    status = status == REBIAS_OK ? table_integer(table, (int64_t)score->blocks, err) : status;
    for (int s = 0; s < 2; s++) {
        const struct rebias_estimate *parts[] = {&score->score[s], &score->behind[s]};
        for (int k = 0; k < 2; k++) {
            const double numbers[] = {parts[k]->value, parts[k]->low, parts[k]->high};
            for (int i = 0; i < 3 && status == REBIAS_OK; i++) {
                status = table_number(table, numbers[i], err);
            }
        }
    }
    return status == REBIAS_OK ? table_text(table, score->refusal, err) : status;
}

static int print_scores(const struct arguments *a, const struct scored *scored,
                        struct rebias_error *err)
{
    static const char *const names[] = {"polarity",
                                        "method",
                                        "points",
                                        "blocks",
                                        "crps_S",
                                        "crps_low_S",
                                        "crps_high_S",
                                        "crps_behind_S",
                                        "crps_behind_low_S",
                                        "crps_behind_high_S",
                                        "log_score",
                                        "log_score_low",
                                        "log_score_high",
                                        "log_score_behind",
                                        "log_score_behind_low",
                                        "log_score_behind_high",
                                        "refusal"};
    struct table table;
    int status = REBIAS_OK;
    table_start(&table, sizeof names / sizeof names[0], names);
    for (size_t k = 0; k < 2 * scored->count && status == REBIAS_OK; k++) {
        status = score_row(&table, polarity_words[k / scored->count],
                           scored->name[k % scored->count], &scored->score[k], err);
    }
    status = status == REBIAS_OK ? table_finish(&table, a, a->word, 1, err) : status;
    table_free(&table);
    return status;
}

static enum rebias_blocks blocks_of(const char *word)
{
    static const struct {
        const char *word;
        enum rebias_blocks kind;
    } kinds[] = {{"points", REBIAS_BLOCKS_POINTS},
                 {"cycle", REBIAS_BLOCKS_CYCLE},
                 {"device", REBIAS_BLOCKS_DEVICE}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i].word) == 0) {
            return kinds[i].kind;
        }
    }
    return REBIAS_BLOCKS_AUTO;
}

static struct rebias_scores_options score_options(const struct arguments *a)
{
    struct rebias_scores_options o = rebias_scores_options_defaults();
    o.folds = (size_t)argument_integer(a, "folds");
    o.level = argument_number(a, "level");
    o.resamples = (size_t)argument_integer(a, "resamples");
    o.threads = thread_count(a);
    o.fit.blocks = blocks_of(argument_text(a, "blocks"));
    o.fit.Gmin = argument_number(a, "Gmin");
    o.fit.Gmax = argument_number(a, "Gmax");
    o.fit.censored = argument_flag(a, "censored");
    o.fit.seed = (uint64_t)argument_integer(a, "seed");
    return o;
}

static int run_score(const struct arguments *a, struct rebias_error *err)
{
    const struct rebias_pulses_options columns = rebias_pulses_options_defaults();
    const struct rebias_scores_options options = score_options(a);
    struct progress progress = {.arguments = a, .what = "methods"};
    struct rebias_pulses *pulses = NULL;
    struct scored *scored = NULL;
    int status = rebias_alloc(&scored, 1, sizeof *scored, err);
    if (status == REBIAS_OK) {
        status = read_methods(scored, argument_text(a, "method"), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_pulses_load(&pulses, a->word[0], &columns, err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_scores_measure(scored->score, pulses, scored->method, scored->count,
                                       &options, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = print_scores(a, scored, err);
    }
    rebias_pulses_free(pulses);
    free(scored);
    return status;
}

/* -- table of commands -- */

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

const struct command data_commands[] = {
    {"data ramps", "", "measured ramps (one column a ramp of identical pulses) -> pulse data",
     "Successive reads of a column give one point each. Empty cells end a ramp.", 0, 0,
     ROWS(ramps_rows), run_ramps, NULL},
    {"data import", "FILE", "a CSV with columns of your choice -> pulse data",
     "Units come from the column names (G_uS, R_kohm, ...) or from --unit. FILE - is stdin.", 1,
     1, ROWS(import_rows), run_import, NULL},
    {"data synth", "", "pulse data drawn from a device model", NULL, 0, 0, ROWS(synth_rows),
     run_synth, NULL},
    {"data info", "FILE", "what is in pulse data, per polarity",
     "wrong_sign: fraction of SET points that lower G, of RESET points that raise it.", 1, 1,
     NULL, 0, run_info, NULL},
    {"data adequacy", "FILE", "are there enough points?",
     "Slices: points, mean, sd and standard error of the mean; a slice with fewer than 2 "
     "points is extrapolated. Errors: the\n"
     "expected Wasserstein-1 distance of a fit from the truth, averaged over G, as a fraction "
     "of the noise, from fits to random\n"
     "halves and quarters of the data (variance only; a bias that all fits share is not seen). "
     "Points are drawn one by one:\n"
     "where those of a ramp or a device are alike, the error is larger than it looks here.",
     1, 1, ROWS(adequacy_rows), run_adequacy, print_estimators},
    {"data score", "FILE", "which estimator predicts points best that it has not seen?",
     "Every point is scored under a fit to the other folds. CRPS and log score: lower is "
     "better; behind: score less that of the\n"
     "polarity's best method, on the same points. Intervals are bootstrapped over the blocks. "
     "With --censored a jump that ends on a\n"
     "rail is scored by the predicted probability of going there or beyond.",
     1, 1, ROWS(score_rows), run_score, print_estimators},
    {"data check", "FILE", "are all rows of a CSV good? (exit code 3 if not)", NULL, 1, 1,
     ROWS(check_rows), run_check, NULL},
};
const size_t data_command_count = sizeof data_commands / sizeof data_commands[0];
