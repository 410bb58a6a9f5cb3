/* hdf5_file.h - a small wrapper over the HDF5 C library for all rooms: numeric arrays of rank 1
 * and 2, groups, text and number attributes. Internal: not installed.
 *
 * Names of objects are absolute paths ("/set/cdf", "/" for the root). Every failure names the
 * file, the object and what was expected. Files written here hold no time stamps: the same
 * content gives the same bytes. HDF5 itself is not thread-safe in most builds: call these
 * functions from one thread at a time.
 *
 * Reading takes files from strangers: only hard links, numeric datasets with the gzip, shuffle
 * and fletcher32 filters, stored in the file itself, of at most 1e8 elements, whose bytes are
 * really there.
 */
#ifndef REBIAS_BASE_HDF5_FILE_H
#define REBIAS_BASE_HDF5_FILE_H

#include "rebias/error.h"
#include <stdbool.h>
#include <stddef.h>

struct rebias_hdf5;

enum rebias_hdf5_type {
    REBIAS_HDF5_DOUBLE, /* double in memory; 64-bit little-endian in files we write */
    REBIAS_HDF5_FLOAT,  /* float; 32-bit */
    REBIAS_HDF5_INT32   /* int32_t; 32-bit */
};

/* An array in the caller's memory, row-major. */
struct rebias_hdf5_array {
    enum rebias_hdf5_type type;
    size_t rank;     /* 1 or 2 */
    size_t shape[2]; /* shape[1] is ignored for rank 1; each >= 1 */
    void *data;      /* borrowed */
};

/* -- files -- */

/* *out = a new, empty file. It is built in memory and appears under its name (or on stdout for
 * "-") whole or not at all in rebias_hdf5_close, which the caller must reach, or
 * rebias_hdf5_discard. */
int rebias_hdf5_create(struct rebias_hdf5 **out, const char *path, struct rebias_error *err);

/* *out = an existing file, for reading. REBIAS_E_IO when it cannot be opened, REBIAS_E_FORMAT
 * when it is not an HDF5 file or is damaged. */
int rebias_hdf5_open(struct rebias_hdf5 **out, const char *path, struct rebias_error *err);

/* Closes, publishes a file that was being written, and frees; NULL does nothing. */
int rebias_hdf5_close(struct rebias_hdf5 *file, struct rebias_error *err);

/* Closes without publishing, and frees; NULL does nothing. For the failure path, and for
 * readers. */
void rebias_hdf5_discard(struct rebias_hdf5 *file);

/* -- objects -- */

/* True when the file holds an object of this name, reached by hard links. */
bool rebias_hdf5_exists(const struct rebias_hdf5 *file, const char *name);

/* Makes a group; its parent must be there. */
int rebias_hdf5_group(struct rebias_hdf5 *file, const char *name, struct rebias_error *err);

/* Writes array->data as a new dataset. */
int rebias_hdf5_write(struct rebias_hdf5 *file, const char *name,
                      const struct rebias_hdf5_array *array, struct rebias_error *err);

/* shape[2] of a dataset of the given rank (shape[1] = 1 for rank 1), after the checks above; so
 * memory for it may be allocated. Any integer or floating-point type will do. */
int rebias_hdf5_shape(const struct rebias_hdf5 *file, const char *name, size_t rank,
                      size_t shape[2], struct rebias_error *err);

/* Reads a dataset that must have exactly array's rank and shape into array->data.
 * Floating-point arrays are read from any integer or floating-point type and must be finite;
 * int32 arrays from any integer type whose values fit. A bad element is named by row (line of
 * the error) and column, both from 1. */
int rebias_hdf5_read(const struct rebias_hdf5 *file, const char *name,
                     const struct rebias_hdf5_array *array, struct rebias_error *err);

/* -- attributes of an existing object -- */

bool rebias_hdf5_has_attribute(const struct rebias_hdf5 *file, const char *object,
                               const char *name);

/* Writes a UTF-8 string of fixed length. */
int rebias_hdf5_write_text(struct rebias_hdf5 *file, const char *object, const char *name,
                           const char *text, struct rebias_error *err);

/* *out = a string of fixed or variable length, to be given to free(); at most 16 MiB. */
int rebias_hdf5_read_text(const struct rebias_hdf5 *file, const char *object, const char *name,
                          char **out, struct rebias_error *err);

int rebias_hdf5_write_number(struct rebias_hdf5 *file, const char *object, const char *name,
                             double value, struct rebias_error *err);

/* *value = a finite scalar of any integer or floating-point type. */
int rebias_hdf5_read_number(const struct rebias_hdf5 *file, const char *object,
                            const char *name, double *value, struct rebias_error *err);

#endif
