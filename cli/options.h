/* options.h - command-line options as rows of a table: parsing, range checks and help come from
 * the same rows. */
#ifndef REBIAS_CLI_OPTIONS_H
#define REBIAS_CLI_OPTIONS_H

#include "rebias/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OPTION_TEXTS may be given several times. OPTION_HEADING is no option: its help is the heading
 * of the rows behind it. */
enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_TEXTS,
    OPTION_INTEGER,
    OPTION_NUMBER,
    OPTION_CHOICE,
    OPTION_HEADING
};

struct option_row {
    const char *name; /* without dashes */
    char letter;      /* short form, or 0 */
    enum option_kind kind;
    const char *metavar;  /* "N", "FILE"; for OPTION_CHOICE the choices: "a|b|c" */
    const char *fallback; /* default as text, NULL = none */
    double min;           /* valid range of numbers */
    double max;
    const char *help;
};

struct arguments;

struct command {
    const char *name;            /* "fit", or "table show" for a subcommand's row */
    const char *usage;           /* positional arguments, as shown in help */
    const char *summary;         /* one line */
    const char *details;         /* further lines of help, or NULL */
    size_t min_words, max_words; /* number of positional arguments */
    const struct option_row *rows;
    size_t row_count;
    int (*run)(const struct arguments *arguments, struct rebias_error *err);
    void (*more_help)(void); /* printed behind the options, or NULL */
};

/* Parsed command line of one command. */
enum { MAX_OPTION_ROWS = 128, MAX_WORDS = 64, MAX_TEXTS = 256 };
struct arguments {
    const struct command *command;
    const char *value[MAX_OPTION_ROWS]; /* text of each row (fallback when not given), NULL =
                                           not given */
    bool given[MAX_OPTION_ROWS];
    const char *word[MAX_WORDS];
    size_t words;
    const char *text[MAX_TEXTS]; /* of the OPTION_TEXTS, in the order given ... */
    size_t text_row[MAX_TEXTS];  /* ... and their rows */
    size_t texts;
    int argc; /* the whole command line, for the provenance */
    char **argv;
};

/* Options that every command has; appended to its own. */
extern const struct option_row common_rows[];
extern const size_t common_row_count;

/* Parses argv[first ...]. Returns REBIAS_OK, or REBIAS_E_NAME / REBIAS_E_RANGE with a message
 * for the user; *help is set (and nothing else checked) when --help is among the options. */
int arguments_parse(struct arguments *arguments, const struct command *command, int argc,
                    char **argv, int first, bool *help, struct rebias_error *err);

/* Values by option name; the kind must match the row's (a bug otherwise). */
const char *argument_text(const struct arguments *arguments,
                          const char *name); /* NULL = not given, no default */
bool argument_flag(const struct arguments *arguments, const char *name);
bool argument_given(const struct arguments *arguments, const char *name);
int64_t argument_integer(const struct arguments *arguments, const char *name);
double argument_number(const struct arguments *arguments, const char *name);
int argument_choice(const struct arguments *arguments,
                    const char *name); /* index into the choices */

/* texts[returned number] = the values of an OPTION_TEXTS in the order given; at most MAX_TEXTS.
 */
size_t argument_texts(const struct arguments *arguments, const char *name, const char **texts);

/* One value of an option as the command line would check it: REBIAS_E_NAME for an option that
 * the command does not have, REBIAS_E_RANGE for a bad value. Flags take no value: text NULL. */
int option_check(const struct command *command, const char *name, const char *text,
                 struct rebias_error *err);

/* Row number i of the command, its own ones first, then those that all have; NULL behind the
 * last. */
const struct option_row *option_row_at(const struct command *command, size_t i);

/* The value as an error shows it: itself, or "(nothing)" when it is empty. */
const char *shown_value(const char *text);

/* *to = the options of `from` as another command knows them: each of its rows takes the value
 * of the row of the same name (or, where renamed[i][0] is its name, of renamed[i][1]), or its
 * own default. The values are borrowed from `from`. */
void arguments_translate(struct arguments *to, const struct command *command,
                         const struct arguments *from, const char *const (*renamed)[2],
                         size_t count);

/* A comma-separated list of numbers in [min, max], all whole when `whole`; at most `capacity`.
 */
int parse_number_list(const char *option, const char *text, double min, double max, bool whole,
                      double *values, size_t capacity, size_t *count, struct rebias_error *err);

/* Help of one command on stdout. */
void print_command_help(const struct command *command);

#endif
