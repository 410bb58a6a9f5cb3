/* error.h - status codes and the caller-owned error record.
 *
 * Every fallible function of rebias returns an int: 0 (REBIAS_OK) or one of the negative codes
 * below, and fills the caller's struct rebias_error (may be NULL) at the place where the
 * problem is found. A callee's code travels up unchanged. The library never prints and never
 * exits.
 */
#ifndef REBIAS_ERROR_H
#define REBIAS_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_status {
    REBIAS_OK = 0,
    REBIAS_E_MEMORY = -1,  /* an allocation failed, or a size overflows size_t */
    REBIAS_E_IO = -2,      /* a file cannot be opened, read, written or renamed */
    REBIAS_E_FORMAT = -3,  /* a file's content breaks its format */
    REBIAS_E_RANGE = -4,   /* a value lies outside its valid range, or is NaN or infinite */
    REBIAS_E_NAME = -5,    /* a name (model, preset, parameter, column, data set) is unknown */
    REBIAS_E_DATA = -6,    /* the data do not suffice for what was asked (e.g. no points) */
    REBIAS_E_NUMERIC = -7, /* an iteration did not converge */
    REBIAS_E_INTERRUPTED = -8, /* the progress callback asked to stop */
    REBIAS_E_UNSUPPORTED =
        -9 /* the object cannot do this (e.g. a model without a closed cdf) */
};

/* Where and what went wrong. Strings are truncated to fit; unknown parts are empty or 0. */
struct rebias_error {
    int status;         /* enum rebias_status */
    char file[256];     /* file name, or "" */
    size_t line;        /* 1-based, 0 = unknown */
    size_t column;      /* 1-based field (CSV) or number (text table), 0 = unknown */
    char value[64];     /* the offending text, or "" */
    char expected[160]; /* what was expected, or "" */
    char message[256];  /* what is wrong, one clause, no full stop */
};

/* A place in a file, for rebias_fail_at. Borrowed pointers; NULL or 0 = unknown. */
struct rebias_place {
    const char *file;
    size_t line;
    size_t column;
    const char *value;
};

/* Fills err (may be NULL) with status and a printf-style message; returns status, so that a
 * function can end in `return rebias_fail(err, REBIAS_E_RANGE, "...")`. */
int rebias_fail(struct rebias_error *err, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a place (may be NULL) and the statement of what was expected (may be NULL). */
int rebias_fail_at(struct rebias_error *err, int status, const struct rebias_place *place,
                   const char *expected, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Writes "file:line:column: message: 'value' (expected ...)" into text[size], leaving unknown
 * parts out. Always terminates the string when size > 0. */
void rebias_error_text(const struct rebias_error *err, char *text, size_t size);

/* One sentence for a status code; for an unknown code "unknown status". Static storage. */
const char *rebias_status_text(int status);

#ifdef __cplusplus
}
#endif
#endif
