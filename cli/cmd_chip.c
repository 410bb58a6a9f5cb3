/* cmd_chip.c - `rebias chip`: import measured maps, synthesise, describe and draw chips.
 * 1. what the commands share   2. import   3. info   4. synth   5. show
 */
#include "chip_figure.h"
#include "commands.h"
#include "figure.h"
#include "rebias/chip.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. what the commands share -- */

#define OUTPUT_ROW                                                                             \
    {                                                                                          \
        "output", 'o', OPTION_TEXT, "FILE.h5", NULL, 0, 0, "the chip (required)"               \
    }

static int need_output(const struct arguments *a, struct rebias_error *err)
{
    if (argument_text(a, "output") == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no file for the chip: give -o FILE.h5");
    }
    return check_writable(argument_text(a, "output"), err);
}

static void remark_chip(const struct arguments *a, const struct rebias_chip *chip)
{
    struct rebias_kernel_info info;
    const double devices = (double)(chip->count * chip->columns * chip->rows);
    rebias_chip_describe(chip, &info);
    remark(a,
           "%zu kernels of %zu columns x %zu rows: %zu devices stuck high (%.2f %%), %zu stuck "
           "low (%.2f %%)",
           chip->count, chip->columns, chip->rows, info.high,
           100.0 * (double)info.high / devices, info.low, 100.0 * (double)info.low / devices);
}

/* Saves the chip with its provenance. */
static int publish(struct rebias_chip *chip, const struct arguments *a,
                   const char *const *inputs, size_t count, struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    int status = provenance_make(&provenance, a, inputs, count, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&chip->provenance, provenance.text, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_chip_save(chip, argument_text(a, "output"), err);
    }
    if (status == REBIAS_OK) {
        remark_chip(a, chip);
    }
    provenance_free(&provenance);
    return status;
}

/* -- 2. import -- */

static const struct option_row import_rows[] = {
    {"high", 0, OPTION_NUMBER, "S", "300e-6", -1, 1, "devices above it are stuck high"},
    {"low", 0, OPTION_NUMBER, "S", "60e-6", -1, 1, "devices below it are stuck low"},
    {"scale", 0, OPTION_NUMBER, "F", "1", 1e-30, 1e30,
     "factor that makes S of the files' numbers"},
    OUTPUT_ROW,
};

static int run_import(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_chip *chip = NULL;
    int status = need_output(a, err);
    if (status == REBIAS_OK) {
        status = rebias_chip_import(&chip, a->words, a->word, argument_number(a, "scale"),
                                    argument_number(a, "high"), argument_number(a, "low"), err);
    }
    if (status == REBIAS_OK) {
        status = publish(chip, a, a->word, a->words, err);
    }
    rebias_chip_free(chip);
    return status;
}

/* -- 3. info -- */

/* Numbers of the dead rows of one kernel, separated by blanks. */
static int dead_rows(struct table *table, const struct rebias_chip *chip, size_t k,
                     struct rebias_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the list of dead rows");
    }
    const char *before = "";
    for (size_t row = 0; row < chip->rows; row++) {
        if (rebias_kernel_row_dead(chip, k, row)) {
            fprintf(out, "%s%zu", before, row);
            before = " ";
        }
    }
    int status = fclose(out) == 0
                     ? table_text(table, text, err)
                     : rebias_fail(err, REBIAS_E_MEMORY, "out of memory for dead rows");
    free(text);
    return status;
}

/* Columns behind the list of dead rows. */
static int info_numbers(struct table *table, const struct rebias_kernel_info *info,
                        struct rebias_error *err)
{
    const double numbers[] = {info->high_mean, info->high_sd, info->low_mean};
    int status = table_integer(table, (int64_t)info->dead_columns, err);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int info_counts(struct table *table, size_t devices,
                       const struct rebias_kernel_info *info, struct rebias_error *err)
{
    const size_t numbers[] = {devices, info->high, info->low, info->dead_rows};
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_integer(table, (int64_t)numbers[i], err);
    }
    return status;
}

static int info_kernel(struct table *table, const struct rebias_chip *chip, size_t k,
                       struct rebias_error *err)
{
    struct rebias_kernel_info info;
    rebias_kernel_describe(chip, k, &info);
    int status = table_integer(table, chip->kernel[k].number, err);
    if (status == REBIAS_OK) {
        status = info_counts(table, chip->columns * chip->rows, &info, err);
    }
    if (status == REBIAS_OK) {
        status = dead_rows(table, chip, k, err);
    }
    return status == REBIAS_OK ? info_numbers(table, &info, err) : status;
}

static int info_total(struct table *table, const struct rebias_chip *chip,
                      struct rebias_error *err)
{
    struct rebias_kernel_info info;
    rebias_chip_describe(chip, &info);
    int status = table_text(table, "all", err);
    if (status == REBIAS_OK) {
        status = info_counts(table, chip->count * chip->columns * chip->rows, &info, err);
    }
    status = status == REBIAS_OK ? table_text(table, "", err) : status;
    return status == REBIAS_OK ? info_numbers(table, &info, err) : status;
}

static void remark_thresholds(const struct arguments *a, const struct rebias_chip *chip)
{
    if (chip->high == 0.0 && chip->low == 0.0) {
        remark(a, "%s: not measured, stuck devices were chosen", a->word[0]);
    } else {
        remark(a, "%s: stuck high above %g S, stuck low below %g S", a->word[0], chip->high,
               chip->low);
    }
}

static int run_info(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {
        "kernel",           "devices",      "stuck_high",  "stuck_low", "dead_rows",
        "dead_row_numbers", "dead_columns", "high_mean_S", "high_sd_S", "low_mean_S"};
    struct rebias_chip *chip = NULL;
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = rebias_chip_load(&chip, a->word[0], err);
    for (size_t k = 0; status == REBIAS_OK && k < chip->count; k++) {
        status = info_kernel(&table, chip, k, err);
    }
    if (status == REBIAS_OK) {
        status = info_total(&table, chip, err);
    }
    if (status == REBIAS_OK) {
        remark_thresholds(a, chip);
        status = table_finish(&table, a, &a->word[0], 1, err);
    }
    table_free(&table);
    rebias_chip_free(chip);
    return status;
}

/* -- 4. synth -- */

static const struct option_row synth_rows[] = {
    {"kernels", 0, OPTION_INTEGER, "N", "32", 1, 1e6, "kernels of the chip"},
    {"columns", 0, OPTION_INTEGER, "N", "25", 1, 1e6, "columns of a kernel"},
    {"rows", 0, OPTION_INTEGER, "N", "25", 1, 1e6, "rows of a kernel"},
    {"stuck-high", 0, OPTION_NUMBER, "P", "0.025", 0, 1, "fraction of devices stuck high"},
    {"stuck-low", 0, OPTION_NUMBER, "P", "0", 0, 1, "fraction of devices stuck low"},
    {"stuck-high-value", 0, OPTION_TEXT, "LIST", "950e-6,320e-6,300e-6,1700e-6", 0, 0,
     "MEAN,SD,MIN,MAX (S) of devices stuck high, normal and cut; MEAN alone: all alike"},
    {"stuck-low-value", 0, OPTION_TEXT, "LIST", "0,8e-6,-30e-6,60e-6", 0, 0,
     "the same of devices stuck low"},
    {"working", 0, OPTION_NUMBER, "S", "133.33e-6", 0, 1, "what working devices read"},
    {"dead-rows", 0, OPTION_TEXT, "LIST", NULL, 0, 0,
     "GROUP:ROW,...: rows that are stuck low in all kernels of a group, from 0"},
    {"group-size", 0, OPTION_INTEGER, "N", "8", 1, 1e6, "kernel k is of group k modulo N"},
    OUTPUT_ROW,
};

enum { MAX_DEAD_ROWS = 256 };

/* "MEAN,SD,MIN,MAX" or "MEAN". */
static int parse_values(const struct arguments *a, const char *option,
                        struct rebias_stuck_values *values, struct rebias_error *err)
{
    double number[4] = {0.0, 0.0, 0.0, 0.0};
    size_t count = 0;
    const char *text = argument_text(a, option);
    int status = parse_number_list(option, text, -1.0, 1.0, false, number, 4, &count, err);
    if (status == REBIAS_OK && count != 1 && count != 4) {
        const struct rebias_place place = {NULL, 0, 0, text};
        status = rebias_fail_at(err, REBIAS_E_NAME, &place, "MEAN,SD,MIN,MAX or MEAN",
                                "bad value of --%s", option);
    }
    *values = count == 1
                  ? (struct rebias_stuck_values){number[0], 0.0, number[0], number[0]}
                  : (struct rebias_stuck_values){number[0], number[1], number[2], number[3]};
    return status;
}

/* "GROUP:ROW,..." into row[] and group[]; NULL gives none. */
static int parse_dead_rows(const char *text, uint32_t *group, uint32_t *row, size_t *count,
                           struct rebias_error *err)
{
    *count = 0;
    while (text != NULL) {
        int64_t value[2] = {0, 0};
        char item[32];
        const size_t width = strcspn(text, ",");
        snprintf(item, sizeof item, "%.*s", (int)(width < sizeof item ? width : 31), text);
        char *colon = strchr(item, ':');
        bool good = colon != NULL && width < sizeof item && *count < MAX_DEAD_ROWS;
        if (good) {
            *colon = '\0';
            good = rebias_parse_integer(item, 0, 1000000, &value[0]) &&
                   rebias_parse_integer(colon + 1, 0, 1000000, &value[1]);
            *colon = ':';
        }
        if (!good) {
            const struct rebias_place place = {NULL, 0, 0, shown_value(item)};
            return rebias_fail_at(err, REBIAS_E_NAME, &place,
                                  "GROUP:ROW,... in whole numbers from 0, at most 256",
                                  "bad value of --dead-rows");
        }
        group[*count] = (uint32_t)value[0];
        row[(*count)++] = (uint32_t)value[1];
        text = text[width] == ',' ? text + width + 1 : NULL;
    }
    return REBIAS_OK;
}

static struct rebias_chip_options synth_options(const struct arguments *a)
{
    struct rebias_chip_options options = rebias_chip_options_defaults();
    options.count = (size_t)argument_integer(a, "kernels");
    options.columns = (size_t)argument_integer(a, "columns");
    options.rows = (size_t)argument_integer(a, "rows");
    options.stuck_high = argument_number(a, "stuck-high");
    options.stuck_low = argument_number(a, "stuck-low");
    options.working = argument_number(a, "working");
    options.group_size = (size_t)argument_integer(a, "group-size");
    options.seed = (uint64_t)argument_integer(a, "seed");
    return options;
}

static int run_synth(const struct arguments *a, struct rebias_error *err)
{
    uint32_t group[MAX_DEAD_ROWS];
    uint32_t row[MAX_DEAD_ROWS];
    struct rebias_chip_options options = synth_options(a);
    struct rebias_chip *chip = NULL;
    options.dead_group = group;
    options.dead_row = row;
    int status = need_output(a, err);
    if (status == REBIAS_OK) {
        status = parse_values(a, "stuck-high-value", &options.high, err);
    }
    if (status == REBIAS_OK) {
        status = parse_values(a, "stuck-low-value", &options.low, err);
    }
    if (status == REBIAS_OK) {
        status = parse_dead_rows(argument_text(a, "dead-rows"), group, row, &options.dead_count,
                                 err);
    }
    if (status == REBIAS_OK) {
        status = rebias_chip_synthesize(&chip, &options, err);
    }
    if (status == REBIAS_OK) {
        status = publish(chip, a, NULL, 0, err);
    }
    rebias_chip_free(chip);
    return status;
}

/* -- 5. show -- */

static const struct option_row show_rows[] = {
    {"figure", 0, OPTION_TEXT, "FILE.png", NULL, 0, 0,
     "the figure, .png, .svg or .pdf (required; needs gnuplot)"},
};

static int run_show(const struct arguments *a, struct rebias_error *err)
{
    const char *path = argument_text(a, "figure");
    struct rebias_chip *chip = NULL;
    if (path == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no figure: give --figure FILE.png");
    }
    int status = figure_check("figure", path, err);
    if (status == REBIAS_OK) {
        status = rebias_chip_load(&chip, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        remark_chip(a, chip);
        status = figure_chip(path, chip, a->word[0], err);
    }
    rebias_chip_free(chip);
    return status;
}

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

const struct command chip_commands[] = {
    {"chip import", "MAP...", "measured conductance maps -> a chip",
     "A map is a text file, one a kernel: a line a column, a number a row, in S times --scale. "
     "The digits at the end of its name\n"
     "before the first dot are the kernel's number (k17.txt: 17), else its place among the "
     "files.",
     1, MAX_WORDS, ROWS(import_rows), run_import, NULL},
    {"chip info", "CHIP.h5", "stuck devices and dead rows, kernel by kernel",
     "A dead row or column: all of its devices are stuck low. Rows are numbered from 0.", 1, 1,
     NULL, 0, run_info, NULL},
    {"chip synth", "", "a chip whose defects are drawn from statistics", NULL, 0, 0,
     ROWS(synth_rows), run_synth, NULL},
    {"chip show", "CHIP.h5",
     "figure of a chip: conductances of its kernels, stuck devices marked", NULL, 1, 1,
     ROWS(show_rows), run_show, NULL},
};
const size_t chip_command_count = sizeof chip_commands / sizeof chip_commands[0];
