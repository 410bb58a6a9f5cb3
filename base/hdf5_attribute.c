/* hdf5_attribute.c - a small wrapper over the HDF5 C library: attributes.
 * 1. common parts   2. text   3. numbers
 */
#include "base/hdf5_internal.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 24 /* bytes of a text attribute */ };

/* -- 1. common parts -- */

static int fail_attribute(const struct rebias_hdf5 *file, const char *object, const char *name,
                          const char *expected, struct rebias_error *err)
{
    const struct rebias_place place = {file->path, 0, 0, name};
    return rebias_fail_at(err, file->writing ? REBIAS_E_IO : REBIAS_E_FORMAT, &place, expected,
                          "cannot %s the attribute of %s", file->writing ? "write" : "read",
                          object);
}

/* Writes one scalar of the file type from the memory type. */
static int write_scalar(struct rebias_hdf5 *file, const char *object, const char *name,
                        const hid_t types[2], const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate_by_name(file->id, object, name, types[0], space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    int status = REBIAS_OK;
    if (attribute < 0 || H5Awrite(attribute, types[1], value) < 0) {
        status = REBIAS_E_IO;
    }
    if (attribute >= 0) {
        H5Aclose(attribute);
    }
    H5Sclose(space);
    return status;
}

/* Opens an attribute that holds exactly one element; *type is its type in the file. */
static hid_t open_scalar(const struct rebias_hdf5 *file, const char *object, const char *name,
                         hid_t *type)
{
    *type = H5I_INVALID_HID;
    if (!rebias_hdf5_is_hard_path(file, object)) {
        return H5I_INVALID_HID;
    }
    hid_t attribute = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) {
        return H5I_INVALID_HID;
    }
    hid_t space = H5Aget_space(attribute);
    if (space >= 0 && H5Sget_simple_extent_npoints(space) == 1) {
        *type = H5Aget_type(attribute);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (*type < 0) {
        H5Aclose(attribute);
        return H5I_INVALID_HID;
    }
    return attribute;
}

bool rebias_hdf5_has_attribute(const struct rebias_hdf5 *file, const char *object,
                               const char *name)
{
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    bool found = rebias_hdf5_is_hard_path(file, object) &&
                 H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0;
    rebias_hdf5_quiet_end(&quiet);
    return found;
}

/* -- 2. text -- */

int rebias_hdf5_write_text(struct rebias_hdf5 *file, const char *object, const char *name,
                           const char *text, struct rebias_error *err)
{
    int status = REBIAS_E_IO;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t type = H5Tcopy(H5T_C_S1);
    const hid_t types[2] = {type, type};
    if (H5Tset_size(type, strlen(text) + 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) {
        status = write_scalar(file, object, name, types, text);
    }
    H5Tclose(type);
    if (status != REBIAS_OK) {
        status =
            fail_attribute(file, object, name, "a new attribute of an existing object", err);
    }
    rebias_hdf5_quiet_end(&quiet);
    return status;
}

static int read_fixed(hid_t attribute, hid_t type, char **out, struct rebias_error *err)
{
    *out = NULL;
    char *text = NULL;
    size_t size = H5Tget_size(type);
    if (size == 0 || size > MAX_TEXT) {
        return REBIAS_E_FORMAT;
    }
    int status = rebias_alloc(&text, size + 1, 1, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (H5Aread(attribute, type, text) < 0) {
        free(text);
        return REBIAS_E_FORMAT;
    }
    if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) {
        size_t length = size;
        while (length > 0 && text[length - 1] == ' ') {
            text[--length] = '\0';
        }
    }
    *out = text;
    return REBIAS_OK;
}

static int read_variable(hid_t attribute, hid_t type, char **out, struct rebias_error *err)
{
    *out = NULL;
    char *text = NULL;
    int status = REBIAS_E_FORMAT;
    hid_t memory = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(memory, H5T_VARIABLE) >= 0 && H5Tset_cset(memory, H5Tget_cset(type)) >= 0 &&
        H5Aread(attribute, memory, &text) >= 0) {
        /* HDF5 gives a null pointer for an empty string. */
        status = text != NULL && strlen(text) > MAX_TEXT
                     ? REBIAS_E_FORMAT
                     : rebias_copy_text(out, text != NULL ? text : "", err);
    }
    if (text != NULL) {
        H5free_memory(text);
    }
    H5Tclose(memory);
    return status;
}

int rebias_hdf5_read_text(const struct rebias_hdf5 *file, const char *object, const char *name,
                          char **out, struct rebias_error *err)
{
    *out = NULL;
    int status = REBIAS_E_FORMAT;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t type = H5I_INVALID_HID;
    hid_t attribute = open_scalar(file, object, name, &type);
    if (attribute >= 0) {
        if (H5Tget_class(type) == H5T_STRING) {
            status = H5Tis_variable_str(type) > 0 ? read_variable(attribute, type, out, err)
                                                  : read_fixed(attribute, type, out, err);
        }
        H5Tclose(type);
        H5Aclose(attribute);
    }
    rebias_hdf5_quiet_end(&quiet);
    return status == REBIAS_E_FORMAT
               ? fail_attribute(file, object, name, "one string of at most 16 MiB", err)
               : status;
}

/* -- 3. numbers -- */

int rebias_hdf5_write_number(struct rebias_hdf5 *file, const char *object, const char *name,
                             double value, struct rebias_error *err)
{
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    const hid_t types[2] = {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
    int status = write_scalar(file, object, name, types, &value);
    if (status != REBIAS_OK) {
        status =
            fail_attribute(file, object, name, "a new attribute of an existing object", err);
    }
    rebias_hdf5_quiet_end(&quiet);
    return status;
}

int rebias_hdf5_read_number(const struct rebias_hdf5 *file, const char *object,
                            const char *name, double *value, struct rebias_error *err)
{
    *value = 0.0;
    double read = NAN;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t type = H5I_INVALID_HID;
    hid_t attribute = open_scalar(file, object, name, &type);
    if (attribute >= 0) {
        if (!rebias_hdf5_is_number_type(type, false) ||
            H5Aread(attribute, H5T_NATIVE_DOUBLE, &read) < 0) {
            read = NAN;
        }
        H5Tclose(type);
        H5Aclose(attribute);
    }
    rebias_hdf5_quiet_end(&quiet);
    if (!isfinite(read)) {
        return fail_attribute(file, object, name, "one finite number", err);
    }
    *value = read;
    return REBIAS_OK;
}
