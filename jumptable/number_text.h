/* number_text.h - rows of numbers in text files, for the foreign table formats. Internal: not
 * installed. */
#ifndef REBIAS_JUMPTABLE_NUMBER_TEXT_H
#define REBIAS_JUMPTABLE_NUMBER_TEXT_H

#include "rebias/base.h"

/* A text file being read line by line. */
struct rebias_number_text {
    const char *path; /* borrowed, for messages */
    char separator;   /* ',' or ' ' (any run of blanks) */
    char *data;
    char *next;  /* start of the next line, NULL at the end */
    size_t line; /* number of the line read last, from 1 */
};

/* Reads the whole file (plain or gzip, at most 512 MiB); path must outlive the text. Refuses an
 * empty file and one with NUL bytes. Owner: the caller (rebias_number_text_close). */
int rebias_number_text_open(struct rebias_number_text *text, const char *path, char separator,
                            struct rebias_error *err);

/* Frees; does nothing on a struct of zeros. */
void rebias_number_text_close(struct rebias_number_text *text);

/* Passes over one line. */
void rebias_number_text_skip_line(struct rebias_number_text *text);

/* Appends the numbers of the next line that is not blank to a buffer of double; *count = how
 * many, 0 at the end of the file. A bad number is an error with its line and its number in the
 * line. */
int rebias_number_text_row(struct rebias_number_text *text, struct rebias_buffer *numbers,
                           size_t *count, struct rebias_error *err);

/* The same for all remaining lines, each of which must hold `columns` numbers; *rows = how many
 * lines there were. `what` says where the expected number comes from: "one for each dG level".
 */
int rebias_number_text_rows(struct rebias_number_text *text, size_t columns, const char *what,
                            struct rebias_buffer *numbers, size_t *rows,
                            struct rebias_error *err);

/* Fails with REBIAS_E_FORMAT unless found == expected; unit is "rows" or "numbers". line 0 =
 * the whole file. */
int rebias_number_text_expect(const char *path, size_t line, size_t found, size_t expected,
                              const char *unit, const char *what, struct rebias_error *err);

/* Writes numbers with 17 digits and a decimal point, whatever the thread's locale; step =
 * distance from one number to the next. Write errors surface when the stream is closed. */
int rebias_number_text_write(FILE *stream, const double *numbers, size_t count, size_t step,
                             const char *separator, struct rebias_error *err);

/* Flushes a file that is being written, so that a full disk is noticed before any file of a set
 * gets its name. The message comes from errno, which is to be 0 when the writing begins. */
int rebias_number_text_flush(struct rebias_output *file, struct rebias_error *err);

/* Closes `count` files, which gives them their names. When one cannot have its name, those
 * before it are taken away again and those behind it thrown away: a mixture of new and old
 * files would be a wrong table that looks right. */
int rebias_number_text_publish(struct rebias_output *files, size_t count,
                               struct rebias_error *err);

#endif
