/* output.h - what commands print: tables (aligned or CSV), provenance, progress. */
#ifndef REBIAS_CLI_OUTPUT_H
#define REBIAS_CLI_OUTPUT_H

#include "options.h"
#include "rebias/base.h"

enum { MAX_INPUTS = 16 };

/* Provenance: version, command line (without --threads, --quiet, which change nothing), seed,
 * checksums of inputs. */
struct provenance {
    char *text; /* lines, each ending in '\n'; free with provenance_free */
};

/* inputs[count]: files whose checksum is written, NULL entries left out. */
int provenance_make(struct provenance *provenance, const struct arguments *arguments,
                    const char *const *inputs, size_t count, struct rebias_error *err);
struct rebias_image_set;
/* Appends the checksums of an image set's files. */
int provenance_add_images(struct provenance *provenance, const struct rebias_image_set *set,
                          struct rebias_error *err);
void provenance_free(struct provenance *provenance);

/* A table that is filled row by row and printed at the end. */
struct table {
    size_t columns;
    const char *const *names;   /* borrowed */
    struct rebias_buffer cells; /* char *, row-major */
};

void table_start(struct table *table, size_t columns, const char *const *names);
int table_text(struct table *table, const char *text, struct rebias_error *err);
int table_integer(struct table *table, int64_t value, struct rebias_error *err);
/* 17 significant digits in CSV, `digits` in tables; NaN is an empty cell: not available. */
int table_number(struct table *table, double value, struct rebias_error *err);
void table_free(struct table *table);

/* A cell as CSV: in quotes where it must be. */
void print_csv_cell(FILE *out, const char *text);

/* The shortest text that reads back as the same number; "" for NaN. */
void number_text(double value, char text[40]);

/* Prints provenance (each line behind "# ") and table; csv: names and cells separated by
 * commas. */
int table_print(const struct table *table, const struct provenance *provenance, bool csv,
                const char *path, struct rebias_error *err);

/* Prints the table where --format and -o (when the command has it) say. */
int table_finish(struct table *table, const struct arguments *arguments,
                 const char *const *inputs, size_t input_count, struct rebias_error *err);

/* A remark for people, on stderr, unless --quiet. */
void remark(const struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What made a command fail, on stderr. An error without a message has been told already. */
void tell_error(const struct command *command, const struct rebias_error *err);

/* Progress on stderr: a bar on a terminal, nothing otherwise; interrupts when SIGINT or SIGTERM
 * has come. Give progress_step as callback with a struct progress as context. */
struct progress {
    const struct arguments *arguments;
    const char *what;
    bool shown;
    size_t step; /* drawn last, in 300ths */
};

int progress_step(void *context, size_t done, size_t total);
void progress_end(struct progress *progress);

/* Draws nothing, interrupts alike: for what goes on within a step. Any thread may call it. */
int progress_poll(void *context, size_t done, size_t total);

/* Installs the handler that progress_step looks at. Commands that have no progress die of the
 * signal, as programs do. */
void progress_catch_signals(void);

/* True as soon as SIGINT or SIGTERM has come. */
bool progress_interrupted(void);

/* While a large file is written: a signal takes its temporary file away and ends the program.
 * NULL: no longer. */
void remove_on_signal(const char *path);

/* --threads, or all processors. */
int thread_count(const struct arguments *arguments);

#endif
