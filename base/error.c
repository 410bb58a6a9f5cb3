/* error.c - status codes and the caller-owned error record.
 * 1. status texts   2. filling the record   3. the record as one line
 */
#include "rebias/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* -- 1. status texts -- */

static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {REBIAS_OK, "success"},
    {REBIAS_E_MEMORY, "out of memory"},
    {REBIAS_E_IO, "a file could not be read or written"},
    {REBIAS_E_FORMAT, "a file breaks its format"},
    {REBIAS_E_RANGE, "a value is outside its valid range"},
    {REBIAS_E_NAME, "a name is unknown"},
    {REBIAS_E_DATA, "the data do not suffice"},
    {REBIAS_E_NUMERIC, "an iteration did not converge"},
    {REBIAS_E_INTERRUPTED, "interrupted"},
    {REBIAS_E_UNSUPPORTED, "the object cannot do this"},
};

const char *rebias_status_text(int status)
{
    for (size_t i = 0; i < sizeof status_texts / sizeof status_texts[0]; i++) {
        if (status_texts[i].status == status) {
            return status_texts[i].text;
        }
    }
    return "unknown status";
}

/* -- 2. filling the record -- */

static void copy_part(char *to, size_t size, const char *from)
{
    size_t length = from == NULL ? 0 : strlen(from);
    if (length >= size) {
        length = size - 1;
    }
    if (length > 0) {
        memcpy(to, from, length);
    }
    to[length] = '\0';
}

static int fill(struct rebias_error *err, int status, const struct rebias_place *place,
                const char *expected, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

static int fill(struct rebias_error *err, int status, const struct rebias_place *place,
                const char *expected, const char *format, va_list args)
{
    if (err != NULL) {
        const struct rebias_place nowhere = {NULL, 0, 0, NULL};
        const struct rebias_place *p = place != NULL ? place : &nowhere;
        err->status = status;
        err->line = p->line;
        err->column = p->column;
        copy_part(err->file, sizeof err->file, p->file);
        copy_part(err->value, sizeof err->value, p->value);
        copy_part(err->expected, sizeof err->expected, expected);
        vsnprintf(err->message, sizeof err->message, format, args);
    }
    return status;
}

int rebias_fail(struct rebias_error *err, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, NULL, NULL, format, args);
    va_end(args);
    return status;
}

int rebias_fail_at(struct rebias_error *err, int status, const struct rebias_place *place,
                   const char *expected, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, status, place, expected, format, args);
    va_end(args);
    return status;
}

/* -- 3. the record as one line -- */

/* Appends at text + *used, never beyond size; *used stays below size. */
static void append(char *text, size_t size, size_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void append(char *text, size_t size, size_t *used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text + *used, size - *used, format, args);
    va_end(args);
    if (written > 0) {
        *used += (size_t)written;
        if (*used >= size) {
            *used = size - 1;
        }
    }
}

void rebias_error_text(const struct rebias_error *err, char *text, size_t size)
{
    if (size == 0) {
        return;
    }
    size_t used = 0;
    text[0] = '\0';
    if (err->file[0] != '\0') {
        append(text, size, &used, "%s:", err->file);
        if (err->line > 0) {
            append(text, size, &used, "%zu:", err->line);
        }
        if (err->column > 0) {
            append(text, size, &used, "%zu:", err->column);
        }
        append(text, size, &used, " ");
    }
    append(text, size, &used, "%s",
           err->message[0] != '\0' ? err->message : rebias_status_text(err->status));
    if (err->value[0] != '\0') {
        append(text, size, &used, ": '%s'", err->value);
    }
    if (err->expected[0] != '\0') {
        append(text, size, &used, " (expected %s)", err->expected);
    }
}
