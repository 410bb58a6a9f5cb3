/* cmd_table.c - `rebias table`: show, check, convert, sample and plot jump tables. */
#include "commands.h"
#include "figure.h"
#include "jump_chart.h"
#include "rebias/family.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_HELP                                                                             \
    "TABLE: FILE.jt.h5, xbtorch:PREFIX (six text files) or crosssim:PREFIX (two, also .gz)."

/* -- show -- */

static const struct option_row show_rows[] = {
    {"levels", 0, OPTION_INTEGER, "N", "11", 1, 100000,
     "G levels that are shown, spread over the axis"},
    {"rule", 0, OPTION_CHOICE, "linear|nearest", "linear", 0, 0,
     "how the table is read (moments differ slightly)"},
};

static int show_level(struct table *out, const struct rebias_table_side *side, int polarity,
                      size_t i, enum rebias_rule rule, struct rebias_error *err)
{
    double mean = 0.0;
    double sd = 0.0;
    rebias_table_moments(side, rule, side->G[i], &mean, &sd);
    const double *row = side->cdf + i * side->dG_count;
    const double numbers[] = {side->G[i],
                              mean,
                              sd,
                              row[0],
                              1.0 - row[side->dG_count - 1],
                              side->count != NULL ? side->count[i] : NAN};
    int status = table_text(out, polarity_words[polarity], err);
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; k++) {
        status = table_number(out, numbers[k], err);
    }
    return status;
}

static void remark_shape(const struct arguments *a, const struct rebias_table *table)
{
    remark(a, "estimator: %s%s%s", table->estimator != NULL ? table->estimator : "unknown",
           table->options != NULL && table->options[0] != '\0' ? ", " : "",
           table->options != NULL ? table->options : "");
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *s = &table->side[p];
        remark(a, "%s: %zu G levels %g to %g S, %zu dG levels %g to %g S", polarity_words[p],
               s->G_count, s->G[0], s->G[s->G_count - 1], s->dG_count, s->dG[0],
               s->dG[s->dG_count - 1]);
    }
}

/* *family = the tables that stand beside that of a specification, NULL for none. */
static int load_family(struct rebias_family **family, const char *spec,
                       struct rebias_error *err)
{
    const char *path = NULL;
    *family = NULL;
    return rebias_table_format_of(spec, &path) == REBIAS_TABLE_NATIVE
               ? rebias_family_load(family, path, err)
               : REBIAS_OK;
}

/* Names the tables that stand beside that of the first file; what: what becomes of them. */
static int remark_family(const struct arguments *a, const char *what, struct rebias_error *err)
{
    struct rebias_family *family = NULL;
    int status = load_family(&family, a->word[0], err);
    if (family != NULL) {
        remark(a, "%s %zu %s tables", what, family->count,
               family->kind == REBIAS_FAMILY_BOOTSTRAP ? "bootstrap" : "devices'");
    }
    rebias_family_free(family);
    return status;
}

static int run_show(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {
        "polarity", "G_S", "mean_S", "sd_S", "mass_at_lowest", "mass_at_highest", "points"};
    const size_t wanted = (size_t)argument_integer(a, "levels");
    const enum rebias_rule rule = (enum rebias_rule)argument_choice(a, "rule");
    struct rebias_table *table = NULL;
    struct table out;
    table_start(&out, sizeof names / sizeof names[0], names);
    int status = rebias_table_load(&table, a->word[0], err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const size_t levels = table->side[p].G_count;
        const size_t n = wanted < levels ? wanted : levels;
        for (size_t k = 0; k < n && status == REBIAS_OK; k++) {
            size_t i = n > 1 ? (k * (levels - 1) + (n - 1) / 2) / (n - 1) : levels / 2;
            status = show_level(&out, &table->side[p], p, i, rule, err);
        }
    }
    if (status == REBIAS_OK) {
        remark_shape(a, table);
        status = remark_family(a, "with", err);
    }
    if (status == REBIAS_OK) {
        const char *input = spec_input(a->word[0]);
        status = table_finish(&out, a, &input, 1, err);
    }
    table_free(&out);
    rebias_table_free(table);
    return status;
}

/* -- check -- */

static int run_check(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"table", "verdict", "problem"};
    struct rebias_table *table = NULL;
    struct rebias_error found = {0};
    struct rebias_family *family = NULL;
    int loaded = rebias_table_load(&table, a->word[0], &found);
    if (loaded == REBIAS_OK) {
        loaded = load_family(&family, a->word[0], &found);
    }
    rebias_family_free(family);
    rebias_table_free(table);
    if (loaded == REBIAS_E_IO || loaded == REBIAS_E_MEMORY) {
        *err = found;
        return loaded; /* there is nothing to check */
    }
    char problem[1024] = "";
    if (loaded != REBIAS_OK) {
        rebias_error_text(&found, problem, sizeof problem);
    }
    struct table out;
    table_start(&out, 3, names);
    int status = table_text(&out, a->word[0], err);
    status = status == REBIAS_OK ? table_text(&out, loaded == REBIAS_OK ? "good" : "bad", err)
                                 : status;
    status = status == REBIAS_OK ? table_text(&out, problem, err) : status;
    const char *input = spec_input(a->word[0]);
    status = status == REBIAS_OK ? table_finish(&out, a, &input, 1, err) : status;
    table_free(&out);
    return status == REBIAS_OK && loaded != REBIAS_OK ? CHECK_FAILED : status;
}

/* -- convert -- */

/* Largest change of mean and sd, relative to the mean sd, over G levels of the original. */
static void remark_loss(const struct arguments *a, const struct rebias_table *from,
                        const struct rebias_table *to)
{
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *s = &from->side[p];
        double sum = 0.0;
        double worst[2] = {0.0, 0.0};
        for (size_t i = 0; i < s->G_count; i++) {
            double m1 = 0.0, s1 = 0.0, m2 = 0.0, s2 = 0.0;
            rebias_table_moments(s, REBIAS_RULE_LINEAR, s->G[i], &m1, &s1);
            rebias_table_moments(&to->side[p], REBIAS_RULE_LINEAR, s->G[i], &m2, &s2);
            worst[0] = fmax(worst[0], fabs(m2 - m1));
            worst[1] = fmax(worst[1], fabs(s2 - s1));
            sum += s1;
        }
        double scale = sum / (double)s->G_count;
        remark(a, "%s: mean changed by at most %.3g of the mean sd, sd by at most %.3g of it",
               polarity_words[p], worst[0] / scale, worst[1] / scale);
    }
}

static int run_convert(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_table *table = NULL;
    struct rebias_table *back = NULL;
    struct provenance provenance = {NULL};
    const char *input = spec_input(a->word[0]);
    int status = rebias_table_load(&table, a->word[0], err);
    if (status == REBIAS_OK) {
        status = remark_family(a, "left out:", err);
    }
    if (status == REBIAS_OK) {
        status = provenance_make(&provenance, a, &input, 1, err);
    }
    if (status == REBIAS_OK && table->provenance == NULL) {
        status = rebias_copy_text(&table->provenance, provenance.text, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_save(table, a->word[1], err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_load(&back, a->word[1],
                                   err); /* what was written is what is compared */
    }
    if (status == REBIAS_OK) {
        remark_shape(a, back);
        remark_loss(a, table, back);
    }
    provenance_free(&provenance);
    rebias_table_free(table);
    rebias_table_free(back);
    return status;
}

/* -- sample -- */

static const struct option_row sample_rows[] = {
    {"polarity", 0, OPTION_CHOICE, "set|reset", "set", 0, 0, "polarity of the pulse"},
    {"G", 0, OPTION_NUMBER, "S", NULL, 0, 1, "conductance before the pulse (required)"},
    {"u", 0, OPTION_NUMBER, "P", NULL, 0, 1,
     "probability at which the jump is looked up; without it jumps are drawn"},
    {"draws", 0, OPTION_INTEGER, "N", "1", 1, 1e6, "number of draws"},
    {"rule", 0, OPTION_CHOICE, "linear|nearest", "linear", 0, 0,
     "how the table is read between its grid points"},
};

static int sample_row(struct table *out, const struct arguments *a,
                      const struct rebias_table_side *side, double u, struct rebias_error *err)
{
    const enum rebias_rule rule = (enum rebias_rule)argument_choice(a, "rule");
    const double G = argument_number(a, "G");
    size_t row = 0;
    size_t level = 0;
    double dG = rebias_table_quantile(side, rule, G, u, &row, &level);
    int status = table_text(out, polarity_words[argument_choice(a, "polarity")], err);
    status = status == REBIAS_OK ? table_number(out, G, err) : status;
    status = status == REBIAS_OK ? table_number(out, u, err) : status;
    status = status == REBIAS_OK ? table_text(out, argument_text(a, "rule"), err) : status;
    if (rule == REBIAS_RULE_NEAREST) {
        status = status == REBIAS_OK ? table_integer(out, (int64_t)row, err) : status;
        status = status == REBIAS_OK ? table_integer(out, (int64_t)level, err) : status;
    } else {
        status = status == REBIAS_OK ? table_text(out, "", err) : status;
        status = status == REBIAS_OK ? table_text(out, "", err) : status;
    }
    return status == REBIAS_OK ? table_number(out, dG, err) : status;
}

static int sample_rows_of(struct table *out, const struct arguments *a,
                          const struct rebias_table *table, struct rebias_error *err)
{
    const struct rebias_table_side *side = &table->side[argument_choice(a, "polarity")];
    const double G = argument_number(a, "G");
    double Gmin = 0.0;
    double Gmax = 0.0;
    rebias_table_range(table, &Gmin, &Gmax);
    if (G < Gmin * (1.0 - 1e-9) || G > Gmax * (1.0 + 1e-9)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "--G %g S is outside the table's range %g to %g S", G, Gmin, Gmax);
    }
    if (argument_given(a, "u")) {
        return sample_row(out, a, side, argument_number(a, "u"), err);
    }
    const struct rebias_stream stream = {(uint64_t)argument_integer(a, "seed"),
                                         REBIAS_FOR_SAMPLE, 0, 0, 0};
    int status = REBIAS_OK;
    for (int64_t i = 0; i < argument_integer(a, "draws") && status == REBIAS_OK; i++) {
        double u = 0.0;
        rebias_random_uniform(&stream, (uint64_t)i, 1, &u);
        status = sample_row(out, a, side, u, err);
    }
    return status;
}

static int run_sample(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"polarity", "G_S", "u", "rule", "row", "level", "dG_S"};
    if (!argument_given(a, "G")) {
        return rebias_fail(err, REBIAS_E_NAME, "no conductance: give --G S");
    }
    struct rebias_table *table = NULL;
    struct table out;
    table_start(&out, sizeof names / sizeof names[0], names);
    int status = rebias_table_load(&table, a->word[0], err);
    if (status == REBIAS_OK) {
        status = sample_rows_of(&out, a, table, err);
    }
    if (status == REBIAS_OK) {
        const char *input = spec_input(a->word[0]);
        status = table_finish(&out, a, &input, 1, err);
    }
    table_free(&out);
    rebias_table_free(table);
    return status;
}

/* -- plot -- */

static const struct option_row plot_rows[] = {
    {"output", 'o', OPTION_TEXT, "FILE.png", NULL, 0, 0,
     "the figure, .png, .svg or .pdf (required; .png and .pdf need gnuplot)"},
};

static int run_plot(const struct arguments *a, struct rebias_error *err)
{
    const char *path = argument_text(a, "output");
    if (path == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no figure: give -o FILE.png");
    }
    struct rebias_device *device = NULL;
    int status = figure_check("output", path, err);
    if (status == REBIAS_OK) {
        status = rebias_device_open(&device, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        status = jump_chart_file(path, a->word[0], device, err);
    }
    rebias_device_free(device);
    return status;
}

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

const struct command table_commands[] = {
    {"table show", "TABLE", "moments and support of a jump table",
     TABLE_HELP
     "\nmass_at_lowest, mass_at_highest: probability cut off at the ends of the dG axis.",
     1, 1, ROWS(show_rows), run_show, NULL},
    {"table check", "TABLE", "is a table file sound? (exit code 3 if not)", TABLE_HELP, 1, 1,
     NULL, 0, run_check, NULL},
    {"table convert", "FROM TO", "one table format into another",
     TABLE_HELP
     "\nWhat the conversion changed is measured on the written table and said on stderr.",
     2, 2, NULL, 0, run_convert, NULL},
    {"table sample", "TABLE", "look up or draw jumps",
     TABLE_HELP "\nRow and level (from 0) are those that rule nearest chooses.", 1, 1,
     ROWS(sample_rows), run_sample, NULL},
    {"table plot", "TABLE", "figure of a jump table or device: dG against G",
     TABLE_HELP "\nOr a device as in `rebias device list`. Colour: probability of dG given G, "
                "over that of the most likely dG.\nThe numbers are in FILE.csv beside it.",
     1, 1, ROWS(plot_rows), run_plot, NULL},
};
const size_t table_command_count = sizeof table_commands / sizeof table_commands[0];
