/* hdf5_internal.h - what the three parts of the HDF5 wrapper (hdf5_file.c, hdf5_array.c,
 * hdf5_attribute.c) share. */
#ifndef REBIAS_BASE_HDF5_INTERNAL_H
#define REBIAS_BASE_HDF5_INTERNAL_H

#include "base/hdf5_file.h"
#include <hdf5.h>

struct rebias_hdf5 {
    hid_t id;
    char *path;
    bool writing;
};

/* HDF5 prints its error stack by default. That is the application's setting, so it is switched
 * off for each call of ours and put back after it. */
struct rebias_hdf5_quiet {
    H5E_auto2_t print;
    void *data;
};

struct rebias_hdf5_quiet rebias_hdf5_quiet_begin(void);
void rebias_hdf5_quiet_end(const struct rebias_hdf5_quiet *saved);

/* True when each part of the absolute name is a hard link; soft and external ones could point
 * anywhere. */
bool rebias_hdf5_is_hard_path(const struct rebias_hdf5 *file, const char *name);

/* A failure at an object of the file (NULL = the file itself). */
int rebias_hdf5_fail(const struct rebias_hdf5 *file, const char *name, int status,
                     const char *expected, const char *message, struct rebias_error *err);

/* True for integers, and floating-point numbers unless integers_only, of at most 16 bytes. */
bool rebias_hdf5_is_number_type(hid_t type, bool integers_only);

#endif
