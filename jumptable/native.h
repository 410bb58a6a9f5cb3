/* native.h - the parts of the native HDF5 format that the files of one table and of a family
 * share (internal to jumptable). group is the absolute name of the group that holds a table, ""
 * for the root; path is the file's name for errors. */
#ifndef REBIAS_JUMPTABLE_NATIVE_H
#define REBIAS_JUMPTABLE_NATIVE_H

#include "base/hdf5_file.h"
#include "rebias/table.h"

/* Format and version, at the root. */
int rebias_native_write_format(struct rebias_hdf5 *file, struct rebias_error *err);
int rebias_native_check_format(const struct rebias_hdf5 *file, const char *path,
                               struct rebias_error *err);

/* Whether a table can be saved: valid, with counts for both polarities or for none. */
int rebias_native_check(const struct rebias_table *table, const char *path,
                        struct rebias_error *err);

/* Writes a table into a group that is there. */
int rebias_native_write(struct rebias_hdf5 *file, const char *group,
                        const struct rebias_table *table, struct rebias_error *err);

/* *out = the table in a group; validated. */
int rebias_native_read(struct rebias_table **out, const struct rebias_hdf5 *file,
                       const char *group, const char *path, struct rebias_error *err);

#endif
