/* number_text.c - rows of numbers in text files.
 * 1. opening and lines   2. rows   3. writing   4. sets of files
 */
#include "jumptable/number_text.h"
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 29 };

/* -- 1. opening and lines -- */

int rebias_number_text_open(struct rebias_number_text *text, const char *path, char separator,
                            struct rebias_error *err)
{
    size_t size = 0;
    const struct rebias_place place = {path, 0, 0, NULL};
    *text = (struct rebias_number_text){path, separator, NULL, NULL, 0};
    int status = rebias_read_file(path, MAX_BYTES, &text->data, &size, err);
    if (status == REBIAS_OK && strspn(text->data, " \t\r\n") == size) {
        status =
            rebias_fail_at(err, REBIAS_E_FORMAT, &place, "rows of numbers", "file is empty");
    }
    if (status == REBIAS_OK && strlen(text->data) != size) {
        status =
            rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a text file", "file has NUL bytes");
    }
    if (status != REBIAS_OK) {
        rebias_number_text_close(text);
        return status;
    }
    text->next = text->data;
    return REBIAS_OK;
}

void rebias_number_text_close(struct rebias_number_text *text)
{
    free(text->data);
    *text = (struct rebias_number_text){NULL, ' ', NULL, NULL, 0};
}

/* The next line, cut off at its end; NULL after the last. */
static char *next_line(struct rebias_number_text *text)
{
    char *line = text->next;
    if (line == NULL || *line == '\0') {
        return NULL;
    }
    char *end = strchr(line, '\n');
    if (end != NULL) {
        *end = '\0';
    }
    text->next = end != NULL ? end + 1 : NULL;
    text->line++;
    return line;
}

void rebias_number_text_skip_line(struct rebias_number_text *text)
{
    next_line(text);
}

/* -- 2. rows -- */

/* Cuts the next field off *rest; NULL when there is none. A separator "," also ends empty
 * fields; blanks never do. */
static char *next_field(char **rest, char separator)
{
    static const char blanks[] = " \t\r";
    if (*rest == NULL) {
        return NULL;
    }
    char *field = *rest;
    if (separator == ' ') {
        field += strspn(field, blanks);
        if (*field == '\0') {
            return NULL;
        }
    }
    const char commas[2] = {separator, '\0'};
    char *end = field + strcspn(field, separator == ' ' ? blanks : commas);
    *rest = *end == '\0' ? NULL : end + 1;
    *end = '\0';
    return field;
}

int rebias_number_text_row(struct rebias_number_text *text, struct rebias_buffer *numbers,
                           size_t *count, struct rebias_error *err)
{
    char *rest = NULL;
    char *field = NULL;
    *count = 0;
    do {
        rest = next_line(text);
    } while (rest != NULL && rest[strspn(rest, " \t\r")] == '\0');
    while ((field = next_field(&rest, text->separator)) != NULL) {
        double value = 0.0;
        if (!rebias_parse_double(field, &value)) {
            const struct rebias_place place = {text->path, text->line, *count + 1, field};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a finite decimal number",
                                  "not a number");
        }
        int status = rebias_buffer_append(numbers, sizeof value, &value, err);
        if (status != REBIAS_OK) {
            return status;
        }
        (*count)++;
    }
    return REBIAS_OK;
}

int rebias_number_text_expect(const char *path, size_t line, size_t found, size_t expected,
                              const char *unit, const char *what, struct rebias_error *err)
{
    if (found == expected) {
        return REBIAS_OK;
    }
    char text[96];
    snprintf(text, sizeof text, "%zu, %s", expected, what);
    const struct rebias_place place = {path, line, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, text, "%zu %s", found, unit);
}

int rebias_number_text_rows(struct rebias_number_text *text, size_t columns, const char *what,
                            struct rebias_buffer *numbers, size_t *rows,
                            struct rebias_error *err)
{
    *rows = 0;
    for (;;) {
        size_t count = 0;
        int status = rebias_number_text_row(text, numbers, &count, err);
        if (status != REBIAS_OK || count == 0) {
            return status;
        }
        status = rebias_number_text_expect(text->path, text->line, count, columns,
                                           "numbers in the row", what, err);
        if (status != REBIAS_OK) {
            return status;
        }
        (*rows)++;
    }
}

/* -- 3. writing -- */

int rebias_number_text_write(FILE *stream, const double *numbers, size_t count, size_t step,
                             const char *separator, struct rebias_error *err)
{
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the \"C\" locale");
    }
    locale_t before = uselocale(c);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "%s%.17g", i > 0 ? separator : "", numbers[i * step]);
    }
    fputc('\n', stream);
    uselocale(before);
    freelocale(c);
    return REBIAS_OK;
}

/* -- 4. sets of files -- */

int rebias_number_text_flush(struct rebias_output *file, struct rebias_error *err)
{
    if (fflush(file->stream) == 0 && !ferror(file->stream)) {
        return REBIAS_OK;
    }
    const struct rebias_place place = {file->path, 0, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_IO, &place, NULL, "cannot write: %s",
                          strerror(errno != 0 ? errno : EIO));
}

int rebias_number_text_publish(struct rebias_output *files, size_t count,
                               struct rebias_error *err)
{
    char **names = NULL; /* of the files to take away again; NULL for devices, which were
                            written directly */
    size_t published = 0;
    int status = rebias_alloc(&names, count, sizeof *names, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status =
            rebias_copy_text(&names[i], files[i].temporary != NULL ? files[i].path : NULL, err);
    }
    while (published < count && status == REBIAS_OK) {
        status = rebias_output_close(&files[published], err);
        published += status == REBIAS_OK ? 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        rebias_output_discard(&files[i]);
        if (status != REBIAS_OK && i < published && names[i] != NULL) {
            unlink(names[i]);
        }
        if (names != NULL) {
            free(names[i]);
        }
    }
    free(names);
    return status;
}
