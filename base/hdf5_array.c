/* hdf5_array.c - a small wrapper over the HDF5 C library: datasets.
 * 1. writing arrays   2. checks before reading   3. reading arrays
 */
#include "base/hdf5_internal.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

enum {
    MAX_ELEMENTS = 100000000, /* of a dataset or one of its chunks */
    MAX_TYPE_SIZE = 16,       /* bytes of a number: up to binary128 */
    MAX_COMPRESSION = 1100    /* deflate cannot exceed 1032 : 1 */
};

/* -- 1. writing arrays -- */

static hid_t memory_type(enum rebias_hdf5_type type)
{
    switch (type) {
    case REBIAS_HDF5_FLOAT:
        return H5T_NATIVE_FLOAT;
    case REBIAS_HDF5_INT32:
        return H5T_NATIVE_INT32;
    case REBIAS_HDF5_DOUBLE:
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

static hid_t file_type(enum rebias_hdf5_type type)
{
    switch (type) {
    case REBIAS_HDF5_FLOAT:
        return H5T_IEEE_F32LE;
    case REBIAS_HDF5_INT32:
        return H5T_STD_I32LE;
    case REBIAS_HDF5_DOUBLE:
    default:
        return H5T_IEEE_F64LE;
    }
}

int rebias_hdf5_write(struct rebias_hdf5 *file, const char *name,
                      const struct rebias_hdf5_array *array, struct rebias_error *err)
{
    int status = REBIAS_OK;
    const hsize_t shape[2] = {array->shape[0], array->shape[1]};
    hid_t dataset = H5I_INVALID_HID;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t space = H5Screate_simple((int)array->rank, shape, NULL);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (space >= 0 && H5Pset_obj_track_times(creation, false) >= 0) {
        dataset = H5Dcreate2(file->id, name, file_type(array->type), space, H5P_DEFAULT,
                             creation, H5P_DEFAULT);
    }
    if (dataset < 0 || H5Dwrite(dataset, memory_type(array->type), H5S_ALL, H5S_ALL,
                                H5P_DEFAULT, array->data) < 0) {
        status = rebias_hdf5_fail(file, name, REBIAS_E_IO, "a new name below an existing group",
                                  "cannot write the dataset", err);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    H5Pclose(creation);
    if (space >= 0) {
        H5Sclose(space);
    }
    rebias_hdf5_quiet_end(&quiet);
    return status;
}

/* -- 2. checks before reading -- */

/* An open dataset with what is to be known before memory is taken. */
struct dataset {
    hid_t id;
    hid_t type;
    hid_t space;
    hid_t creation;
    size_t elements;
};

static void close_dataset(struct dataset *set)
{
    if (set->creation >= 0) {
        H5Pclose(set->creation);
    }
    if (set->space >= 0) {
        H5Sclose(set->space);
    }
    if (set->type >= 0) {
        H5Tclose(set->type);
    }
    if (set->id >= 0) {
        H5Dclose(set->id);
    }
}

bool rebias_hdf5_is_number_type(hid_t type, bool integers_only)
{
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    return size >= 1 && size <= MAX_TYPE_SIZE &&
           (class == H5T_INTEGER || (class == H5T_FLOAT && !integers_only));
}

static int check_shape(const struct rebias_hdf5 *file, const char *name, struct dataset *set,
                       size_t rank, size_t shape[2], struct rebias_error *err)
{
    hsize_t extent[2] = {1, 1};
    if (H5Sget_simple_extent_type(set->space) != H5S_SIMPLE ||
        H5Sget_simple_extent_ndims(set->space) != (int)rank ||
        H5Sget_simple_extent_dims(set->space, extent, NULL) != (int)rank) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT,
                                rank == 1 ? "an array of rank 1" : "an array of rank 2",
                                "dataset has the wrong rank", err);
    }
    if (extent[0] == 0 || extent[1] == 0 || extent[0] > MAX_ELEMENTS ||
        extent[1] > MAX_ELEMENTS || extent[0] * extent[1] > MAX_ELEMENTS) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "1 to 100000000 elements",
                                "dataset is empty or too large", err);
    }
    shape[0] = (size_t)extent[0];
    shape[1] = (size_t)extent[1];
    set->elements = shape[0] * shape[1];
    return REBIAS_OK;
}

/* Only filters that HDF5 always has; so no plugin is ever loaded for a file's sake. */
static bool has_known_filters(const struct dataset *set, int *count)
{
    *count = H5Pget_nfilters(set->creation);
    for (int i = 0; i < *count; i++) {
        unsigned flags = 0;
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(set->creation, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32) {
            return false;
        }
    }
    return *count >= 0;
}

static bool has_sane_chunks(const struct dataset *set)
{
    if (H5Pget_layout(set->creation) != H5D_CHUNKED) {
        return true;
    }
    hsize_t chunk[2] = {1, 1};
    int rank = H5Pget_chunk(set->creation, 2, chunk);
    return rank >= 1 && rank <= 2 && chunk[0] <= MAX_ELEMENTS && chunk[1] <= MAX_ELEMENTS &&
           chunk[0] * chunk[1] <= MAX_ELEMENTS;
}

/* The bytes must lie in this file and be about as many as the shape promises: a few bytes must
 * not make us allocate much, and elements that were never written are no data. */
static int check_storage(const struct rebias_hdf5 *file, const char *name,
                         const struct dataset *set, struct rebias_error *err)
{
    int filters = 0;
    H5D_layout_t layout = H5Pget_layout(set->creation);
    if (layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR ||
        H5Pget_external_count(set->creation) != 0) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "data stored in the file itself",
                                "dataset refers to other files", err);
    }
    if (!has_known_filters(set, &filters)) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT,
                                "no filter, or gzip, shuffle, fletcher32",
                                "dataset has an unsupported filter", err);
    }
    hsize_t file_size = 0;
    hsize_t stored = H5Dget_storage_size(set->id);
    hsize_t needed = set->elements * H5Tget_size(set->type);
    hsize_t ratio = filters > 0 ? MAX_COMPRESSION : 1;
    if (!has_sane_chunks(set) || H5Fget_filesize(file->id, &file_size) < 0 ||
        stored > file_size || needed > stored * ratio) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT,
                                "as many bytes in the file as its shape needs",
                                "dataset is incomplete", err);
    }
    return REBIAS_OK;
}

static int open_dataset(const struct rebias_hdf5 *file, const char *name, size_t rank,
                        size_t shape[2], struct dataset *set, struct rebias_error *err)
{
    *set =
        (struct dataset){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, 0};
    H5O_info_t info;
    if (!rebias_hdf5_is_hard_path(file, name)) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, NULL, "dataset is missing", err);
    }
    if (H5Oget_info_by_name(file->id, name, &info, H5P_DEFAULT) >= 0 &&
        info.type == H5O_TYPE_DATASET) {
        set->id = H5Dopen2(file->id, name, H5P_DEFAULT);
    }
    if (set->id >= 0) {
        set->type = H5Dget_type(set->id);
        set->space = H5Dget_space(set->id);
        set->creation = H5Dget_create_plist(set->id);
    }
    if (set->type < 0 || set->space < 0 || set->creation < 0) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "a dataset",
                                "cannot open the object as a dataset", err);
    }
    if (!rebias_hdf5_is_number_type(set->type, false)) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT,
                                "integers or floating-point numbers",
                                "dataset has the wrong type", err);
    }
    int status = check_shape(file, name, set, rank, shape, err);
    return status != REBIAS_OK ? status : check_storage(file, name, set, err);
}

int rebias_hdf5_shape(const struct rebias_hdf5 *file, const char *name, size_t rank,
                      size_t shape[2], struct rebias_error *err)
{
    struct dataset set;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    int status = open_dataset(file, name, rank, shape, &set, err);
    close_dataset(&set);
    rebias_hdf5_quiet_end(&quiet);
    return status;
}

/* -- 3. reading arrays -- */

static int fail_element(struct rebias_error *err, const struct rebias_hdf5 *file,
                        const char *name, const struct rebias_hdf5_array *array, size_t i,
                        double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", value);
    size_t columns = array->rank == 2 ? array->shape[1] : 1;
    const struct rebias_place place = {file->path, i / columns + 1, i % columns + 1, text};
    return rebias_fail_at(err, REBIAS_E_RANGE, &place,
                          array->type == REBIAS_HDF5_INT32 ? "a 32-bit integer"
                                                           : "a finite number",
                          "value of %s (row:column) is out of range", name);
}

static int check_finite(const struct rebias_hdf5 *file, const char *name,
                        const struct rebias_hdf5_array *array, size_t elements,
                        struct rebias_error *err)
{
    const double *doubles = array->data;
    const float *floats = array->data;
    for (size_t i = 0; i < elements; i++) {
        double value = array->type == REBIAS_HDF5_DOUBLE ? doubles[i] : (double)floats[i];
        if (!isfinite(value)) {
            return fail_element(err, file, name, array, i, value);
        }
    }
    return REBIAS_OK;
}

/* Through 64 bits, because HDF5 clips silently what does not fit. */
static int read_int32(const struct rebias_hdf5 *file, const char *name,
                      const struct dataset *set, const struct rebias_hdf5_array *array,
                      struct rebias_error *err)
{
    int64_t *wide = NULL;
    if (!rebias_hdf5_is_number_type(set->type, true)) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "integers",
                                "dataset has the wrong type", err);
    }
    int status = rebias_alloc(&wide, set->elements, sizeof *wide, err);
    if (status == REBIAS_OK &&
        H5Dread(set->id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, wide) < 0) {
        status = rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "an undamaged file",
                                  "cannot read the dataset", err);
    }
    int32_t *values = array->data;
    for (size_t i = 0; status == REBIAS_OK && i < set->elements; i++) {
        if (wide[i] < INT32_MIN || wide[i] > INT32_MAX) {
            status = fail_element(err, file, name, array, i, (double)wide[i]);
        } else {
            values[i] = (int32_t)wide[i];
        }
    }
    free(wide);
    return status;
}

static int read_dataset(const struct rebias_hdf5 *file, const char *name,
                        const struct dataset *set, const struct rebias_hdf5_array *array,
                        struct rebias_error *err)
{
    if (array->type == REBIAS_HDF5_INT32) {
        return read_int32(file, name, set, array, err);
    }
    if (H5Dread(set->id, memory_type(array->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data) <
        0) {
        return rebias_hdf5_fail(file, name, REBIAS_E_FORMAT, "an undamaged file",
                                "cannot read the dataset", err);
    }
    return check_finite(file, name, array, set->elements, err);
}

int rebias_hdf5_read(const struct rebias_hdf5 *file, const char *name,
                     const struct rebias_hdf5_array *array, struct rebias_error *err)
{
    struct dataset set;
    size_t shape[2] = {0, 0};
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    int status = open_dataset(file, name, array->rank, shape, &set, err);
    size_t columns = array->rank == 2 ? array->shape[1] : 1;
    if (status == REBIAS_OK && (shape[0] != array->shape[0] || shape[1] != columns)) {
        char expected[64];
        char found[64];
        snprintf(expected, sizeof expected, "%zu x %zu", array->shape[0], columns);
        snprintf(found, sizeof found, "%zu x %zu", shape[0], shape[1]);
        const struct rebias_place place = {file->path, 0, 0, found};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected,
                                "dataset %s has the wrong shape", name);
    }
    if (status == REBIAS_OK) {
        status = read_dataset(file, name, &set, array, err);
    }
    close_dataset(&set);
    rebias_hdf5_quiet_end(&quiet);
    return status;
}
