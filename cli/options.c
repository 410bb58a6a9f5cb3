/* options.c - command-line options as rows of a table.
 * 1. rows of a command   2. checking a value   3. parsing   4. values   5. lists   6. help
 */
#include "options.h"
#include "rebias/base.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* -- 1. rows of a command -- */

const struct option_row common_rows[] = {
    {"seed", 0, OPTION_INTEGER, "N", "1", 0, 9e15, "seed of every random number"},
    {"threads", 0, OPTION_INTEGER, "N", NULL, 1, 1024,
     "threads (default: all processors; results do not depend on it)"},
    {"format", 0, OPTION_CHOICE, "table|csv", "table", 0, 0, "how tables are printed"},
    {"quiet", 'q', OPTION_FLAG, NULL, NULL, 0, 0, "no progress and no remarks on stderr"},
    {"help", 'h', OPTION_FLAG, NULL, NULL, 0, 0, "show this help"},
};
const size_t common_row_count = sizeof common_rows / sizeof common_rows[0];

static size_t row_total(const struct command *command)
{
    return command->row_count + common_row_count;
}

static const struct option_row *row_at(const struct command *command, size_t i)
{
    return i < command->row_count ? &command->rows[i] : &common_rows[i - command->row_count];
}

const struct option_row *option_row_at(const struct command *command, size_t i)
{
    return i < row_total(command) ? row_at(command, i) : NULL;
}

/* Row of a long name of given length, or of a letter (length 0). */
static bool find_row(const struct command *command, const char *name, size_t length,
                     char letter, size_t *row)
{
    for (size_t i = 0; i < row_total(command); i++) {
        const struct option_row *r = row_at(command, i);
        bool same = length > 0
                        ? strlen(r->name) == length && strncmp(r->name, name, length) == 0
                        : r->letter != 0 && r->letter == letter;
        if (same) {
            *row = i;
            return true;
        }
    }
    return false;
}

/* -- 2. checking a value -- */

const char *shown_value(const char *text)
{
    return text[0] != '\0' ? text : "(nothing)";
}

/* Index of text among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int index = 0;
    for (const char *c = choices; *c != '\0'; index++) {
        const char *end = strchr(c, '|');
        size_t width = end != NULL ? (size_t)(end - c) : strlen(c);
        if (width == length && strncmp(c, text, length) == 0) {
            return index;
        }
        c += width + (end != NULL ? 1 : 0);
    }
    return -1;
}

static int check_value(const struct option_row *row, const char *text, struct rebias_error *err)
{
    char expected[160];
    double number = 0.0;
    int64_t whole = 0;
    bool good = true;
    if (row->kind == OPTION_INTEGER) {
        good = rebias_parse_integer(text, (int64_t)row->min, (int64_t)row->max, &whole);
        snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", row->min,
                 row->max);
    } else if (row->kind == OPTION_NUMBER) {
        good = rebias_parse_double(text, &number) && number >= row->min && number <= row->max;
        snprintf(expected, sizeof expected, "a number from %g to %g", row->min, row->max);
    } else if (row->kind == OPTION_CHOICE) {
        good = choice_index(row->metavar, text) >= 0;
        snprintf(expected, sizeof expected, "%s", row->metavar);
    } else if (row->kind == OPTION_TEXT || row->kind == OPTION_TEXTS) {
        good = text[0] != '\0';
        snprintf(expected, sizeof expected, "%s", row->metavar);
    }
    if (!good) {
        const struct rebias_place place = {NULL, 0, 0, shown_value(text)};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, expected, "bad value of --%s",
                              row->name);
    }
    return REBIAS_OK;
}

int option_check(const struct command *command, const char *name, const char *text,
                 struct rebias_error *err)
{
    size_t row = 0;
    if (!find_row(command, name, strlen(name), 0, &row)) {
        const struct rebias_place place = {NULL, 0, 0, name};
        char expected[160];
        snprintf(expected, sizeof expected, "one that `rebias help %s` lists", command->name);
        return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "unknown option");
    }
    return text != NULL ? check_value(row_at(command, row), text, err) : REBIAS_OK;
}

/* -- 3. parsing -- */

/* Keeps a value of an option that may be given several times. */
static int keep_text(struct arguments *a, size_t row, const char *text,
                     struct rebias_error *err)
{
    if (a->texts == MAX_TEXTS) {
        return rebias_fail(err, REBIAS_E_NAME, "more than %d options --%s", MAX_TEXTS,
                           row_at(a->command, row)->name);
    }
    a->text[a->texts] = text;
    a->text_row[a->texts++] = row;
    return REBIAS_OK;
}

static int take_option(struct arguments *a, int *position, struct rebias_error *err)
{
    const char *word = a->argv[*position];
    const bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = is_long ? (equals != NULL ? (size_t)(equals - name) : strlen(name)) : 0;
    size_t row = 0;
    bool known = is_long ? length > 0 && find_row(a->command, name, length, 0, &row)
                         : find_row(a->command, name, 0, name[0], &row);
    if (!known) {
        const struct rebias_place place = {NULL, 0, 0, word};
        char expected[160];
        snprintf(expected, sizeof expected, "one that `rebias help %s` lists",
                 a->command->name);
        return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "unknown option");
    }
    const struct option_row *r = row_at(a->command, row);
    const char *text =
        is_long ? (equals != NULL ? equals + 1 : NULL) : (name[1] != '\0' ? name + 1 : NULL);
    if (a->given[row] && r->kind != OPTION_TEXTS) {
        return rebias_fail(err, REBIAS_E_NAME, "option --%s is given twice", r->name);
    }
    a->given[row] = true;
    if (r->kind == OPTION_FLAG) {
        return text == NULL
                   ? REBIAS_OK
                   : rebias_fail(err, REBIAS_E_RANGE, "option --%s takes no value", r->name);
    }
    if (text == NULL) {
        if (*position + 1 >= a->argc) {
            return rebias_fail(err, REBIAS_E_RANGE, "option --%s needs a value: %s", r->name,
                               r->metavar);
        }
        text = a->argv[++*position];
    }
    a->value[row] = text;
    int status = check_value(r, text, err);
    return status == REBIAS_OK && r->kind == OPTION_TEXTS ? keep_text(a, row, text, err)
                                                          : status;
}

static int take_word(struct arguments *a, const char *word, struct rebias_error *err)
{
    if (a->words == a->command->max_words || a->words == MAX_WORDS) {
        const struct rebias_place place = {NULL, 0, 0, word};
        char expected[160];
        snprintf(expected, sizeof expected, "rebias %s%s%s", a->command->name,
                 a->command->usage[0] != '\0' ? " " : "", a->command->usage);
        return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "one argument too many");
    }
    a->word[a->words++] = word;
    return REBIAS_OK;
}

/* An option word: "-x" or "--name"; "-" alone and negative numbers are not. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9') &&
           word[1] != '.';
}

int arguments_parse(struct arguments *arguments, const struct command *command, int argc,
                    char **argv, int first, bool *help, struct rebias_error *err)
{
    *arguments = (struct arguments){.command = command, .argc = argc, .argv = argv};
    assert(row_total(command) <= MAX_OPTION_ROWS);
    *help = false;
    for (size_t i = 0; i < row_total(command); i++) {
        arguments->value[i] = row_at(command, i)->fallback;
    }
    for (int i = first; i < argc; i++) {
        *help = *help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    if (*help) {
        return REBIAS_OK;
    }
    bool only_words = false;
    for (int i = first; i < argc; i++) {
        int status = REBIAS_OK;
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && is_option(argv[i])) {
            status = take_option(arguments, &i, err);
        } else {
            status = take_word(arguments, argv[i], err);
        }
        if (status != REBIAS_OK) {
            return status;
        }
    }
    if (arguments->words < command->min_words) {
        return rebias_fail(err, REBIAS_E_NAME, "an argument is missing: rebias %s %s",
                           command->name, command->usage);
    }
    return REBIAS_OK;
}

/* -- 4. values -- */

static size_t row_number(const struct arguments *arguments, const char *name)
{
    size_t row = 0;
    bool found = find_row(arguments->command, name, strlen(name), 0, &row);
    assert(found);
    (void)found;
    return row;
}

const char *argument_text(const struct arguments *arguments, const char *name)
{
    return arguments->value[row_number(arguments, name)];
}

size_t argument_texts(const struct arguments *arguments, const char *name, const char **texts)
{
    const size_t row = row_number(arguments, name);
    size_t count = 0;
    for (size_t i = 0; i < arguments->texts; i++) {
        if (arguments->text_row[i] == row) {
            texts[count++] = arguments->text[i];
        }
    }
    return count;
}

bool argument_given(const struct arguments *arguments, const char *name)
{
    return arguments->given[row_number(arguments, name)];
}

bool argument_flag(const struct arguments *arguments, const char *name)
{
    return argument_given(arguments, name);
}

int64_t argument_integer(const struct arguments *arguments, const char *name)
{
    const char *text = argument_text(arguments, name);
    int64_t value = 0;
    bool good = text != NULL && rebias_parse_integer(text, INT64_MIN, INT64_MAX, &value);
    assert(good);
    (void)good;
    return value;
}

double argument_number(const struct arguments *arguments, const char *name)
{
    const char *text = argument_text(arguments, name);
    double value = 0.0;
    bool good = text != NULL && rebias_parse_double(text, &value);
    assert(good);
    (void)good;
    return value;
}

int argument_choice(const struct arguments *arguments, const char *name)
{
    size_t row = row_number(arguments, name);
    return choice_index(row_at(arguments->command, row)->metavar, arguments->value[row]);
}

void arguments_translate(struct arguments *to, const struct command *command,
                         const struct arguments *from, const char *const (*renamed)[2],
                         size_t count)
{
    *to = (struct arguments){.command = command, .argc = from->argc, .argv = from->argv};
    assert(row_total(command) <= MAX_OPTION_ROWS);
    for (size_t i = 0; i < row_total(command); i++) {
        const char *name = row_at(command, i)->name;
        size_t row = 0;
        for (size_t r = 0; r < count; r++) {
            name = strcmp(renamed[r][0], row_at(command, i)->name) == 0 ? renamed[r][1] : name;
        }
        bool given = name[0] != '\0' && find_row(from->command, name, strlen(name), 0, &row) &&
                     from->given[row];
        to->given[i] = given;
        to->value[i] = given ? from->value[row] : row_at(command, i)->fallback;
    }
}

/* -- 5. lists -- */

int parse_number_list(const char *option, const char *text, double min, double max, bool whole,
                      double *values, size_t capacity, size_t *count, struct rebias_error *err)
{
    char expected[160];
    snprintf(expected, sizeof expected, "%s from %g to %g, separated by commas, at most %zu",
             whole ? "whole numbers" : "numbers", min, max, capacity);
    *count = 0;
    for (const char *c = text;;) {
        char item[64];
        const char *end = strchr(c, ',');
        size_t width = end != NULL ? (size_t)(end - c) : strlen(c);
        snprintf(item, sizeof item, "%.*s",
                 (int)(width < sizeof item ? width : sizeof item - 1), c);
        double value = 0.0;
        bool good = rebias_parse_double(item, &value) && value >= min && value <= max &&
                    (!whole || value == (double)(int64_t)value);
        if (!good || *count == capacity) {
            const struct rebias_place place = {NULL, 0, 0, good ? text : shown_value(item)};
            return rebias_fail_at(err, REBIAS_E_RANGE, &place, expected, "bad value of --%s",
                                  option);
        }
        values[(*count)++] = value;
        if (end == NULL) {
            return REBIAS_OK;
        }
        c = end + 1;
    }
}

/* -- 6. help -- */

static void print_row(const struct option_row *row)
{
    char left[80];
    char letter[8] = "    ";
    if (row->kind == OPTION_HEADING) {
        printf("\n%s:\n", row->help);
        return;
    }
    if (row->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    }
    snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name,
             row->kind == OPTION_FLAG ? "" : " ",
             row->kind == OPTION_FLAG     ? ""
             : row->kind == OPTION_CHOICE ? "WORD"
                                          : row->metavar);
    printf("  %-28s %s", left, row->help);
    if (row->kind == OPTION_CHOICE) {
        printf(": %s", row->metavar);
    } else if (row->kind == OPTION_INTEGER || row->kind == OPTION_NUMBER) {
        printf(" [%.15g to %.15g]", row->min, row->max);
    }
    if (row->kind == OPTION_TEXTS) {
        printf(" (may be repeated)");
    }
    if (row->fallback != NULL) {
        printf(" (default %s)", row->fallback);
    }
    printf("\n");
}

void print_command_help(const struct command *command)
{
    printf("usage: rebias %s %s%s[OPTIONS]\n\n%s\n", command->name, command->usage,
           command->usage[0] != '\0' ? " " : "", command->summary);
    if (command->details != NULL) {
        printf("\n%s\n", command->details);
    }
    if (command->row_count > 0) {
        printf("\noptions:\n");
        for (size_t i = 0; i < command->row_count; i++) {
            print_row(&command->rows[i]);
        }
    }
    if (command->more_help != NULL) {
        command->more_help();
    }
    printf("\ncommon options:\n");
    for (size_t i = 0; i < common_row_count; i++) {
        print_row(&common_rows[i]);
    }
}
