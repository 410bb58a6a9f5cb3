/* csv_reader.h - rows of a delimited text file: libcsv wrapped once, with line numbers and a
 * rule for bad rows. Internal: visits (netsim) are read with it too.
 */
#ifndef REBIAS_DATASETS_CSV_READER_H
#define REBIAS_DATASETS_CSV_READER_H

#include "rebias/base.h"

/* One row; borrowed, valid during the callback. Blanks around unquoted fields are gone. */
struct rebias_csv_row {
    const char *file; /* name for errors */
    size_t line;      /* 1-based line on which the row starts */
    size_t number;    /* 1-based among the data rows, bad ones included; 0 = the header */
    size_t count;     /* fields; in data rows as many as the header has */
    const char *const *fields;
};

/* Both callbacks return a status and fill err. */
struct rebias_csv_handler {
    int (*header)(void *context, const struct rebias_csv_row *row, struct rebias_error *err);
    int (*row)(void *context, const struct rebias_csv_row *row, struct rebias_error *err);
    void *context;
    bool skip_bad; /* leave out and count the data rows that break the format or that `row`
                      refuses */
};

struct rebias_csv_counts {
    size_t rows;    /* data rows, bad ones included */
    size_t skipped; /* bad ones */
};

/* Reads a file ("-" = stdin; plain or gzip), delimited by comma, semicolon or tab, whichever
 * the header line holds most of; a byte-order mark, CRLF and CR line ends are accepted; blank
 * lines and, before the header, lines that start with '#' are skipped. In a file of one column
 * a blank line is a row with an empty field. Errors: REBIAS_E_FORMAT for a NUL byte, quotes
 * that are misplaced or not closed, too few or too many fields, no header; REBIAS_E_DATA for no
 * data rows or none left. */
int rebias_csv_read(const char *path, const struct rebias_csv_handler *handler,
                    struct rebias_csv_counts *counts, struct rebias_error *err);

/* The name that errors use for a path: itself, or "(standard input)" for "-". */
const char *rebias_csv_name(const char *path);

/* Fills err for field `field` (0-based) of a row; returns status. */
int rebias_csv_refuse(const struct rebias_csv_row *row, size_t field, int status,
                      const char *expected, const char *message, struct rebias_error *err);

/* *value = the finite decimal number in a field. Decimal commas are refused by name. */
int rebias_csv_number(const struct rebias_csv_row *row, size_t field, double *value,
                      struct rebias_error *err);

#endif
