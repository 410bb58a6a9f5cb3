/* hdf5_file.c - a small wrapper over the HDF5 C library: files and groups.
 * 1. quiet calls and failures   2. files   3. names and groups
 */
#include "base/hdf5_internal.h"
#include "rebias/base.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256, CORE_INCREMENT = 1 << 16 };

/* -- 1. quiet calls and failures -- */

struct rebias_hdf5_quiet rebias_hdf5_quiet_begin(void)
{
    struct rebias_hdf5_quiet saved = {NULL, NULL};
    H5Eget_auto2(H5E_DEFAULT, &saved.print, &saved.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return saved;
}

void rebias_hdf5_quiet_end(const struct rebias_hdf5_quiet *saved)
{
    H5Eset_auto2(H5E_DEFAULT, saved->print, saved->data);
}

int rebias_hdf5_fail(const struct rebias_hdf5 *file, const char *name, int status,
                     const char *expected, const char *message, struct rebias_error *err)
{
    const struct rebias_place place = {file->path, 0, 0, name};
    return rebias_fail_at(err, status, &place, expected, "%s", message);
}

/* -- 2. files -- */

static void free_file(struct rebias_hdf5 *file)
{
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    if (file->id >= 0) {
        H5Fclose(file->id);
    }
    rebias_hdf5_quiet_end(&quiet);
    free(file->path);
    free(file);
}

static int new_file(struct rebias_hdf5 **out, const char *path, bool writing,
                    struct rebias_error *err)
{
    *out = NULL;
    struct rebias_hdf5 *file = NULL;
    int status = rebias_alloc(&file, 1, sizeof *file, err);
    if (status != REBIAS_OK) {
        return status;
    }
    file->id = H5I_INVALID_HID;
    file->writing = writing;
    status = rebias_copy_text(&file->path, path, err);
    if (status != REBIAS_OK) {
        free_file(file);
        return status;
    }
    *out = file;
    return REBIAS_OK;
}

/* The file lives in memory until it is closed: a failing write to disk inside HDF5 would leave
 * identifiers that cannot be closed. The oldest format, because H5Fget_file_image of HDF5 1.10
 * spoils the superblock's checksum in newer ones; with attributes in order of creation, because
 * only then may they exceed 64 kB. */
static hid_t create_in_memory(const char *name)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    hid_t id = H5I_INVALID_HID;
    if (H5Pset_fapl_core(access, CORE_INCREMENT, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED) >= 0) {
        id = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    }
    H5Pclose(creation);
    H5Pclose(access);
    return id;
}

int rebias_hdf5_create(struct rebias_hdf5 **out, const char *path, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_hdf5 *file = NULL;
    char *name = NULL;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    int status = new_file(&file, path, true, err);
    if (status == REBIAS_OK) {
        status = rebias_temporary_name(&name, path, err);
    }
    if (status == REBIAS_OK) {
        file->id = create_in_memory(name);
        if (file->id < 0) {
            status = rebias_hdf5_fail(file, NULL, REBIAS_E_IO, NULL,
                                      "cannot start an HDF5 file", err);
        }
    }
    rebias_hdf5_quiet_end(&quiet);
    free(name);
    if (status != REBIAS_OK) {
        rebias_hdf5_discard(file);
        return status;
    }
    *out = file;
    return REBIAS_OK;
}

/* Tells a file that cannot be read from one that is something else; rebias_file_checksum gives
 * the words. */
static int explain_unopened(const struct rebias_hdf5 *file, struct rebias_error *err)
{
    char checksum[20];
    int status = rebias_file_checksum(file->path, checksum, err);
    if (status != REBIAS_OK) {
        return status;
    }
    bool signed_hdf5 = H5Fis_hdf5(file->path) > 0;
    return rebias_hdf5_fail(
        file, NULL, REBIAS_E_FORMAT, "an HDF5 file",
        signed_hdf5 ? "the HDF5 file is damaged or cut short" : "not an HDF5 file", err);
}

int rebias_hdf5_open(struct rebias_hdf5 **out, const char *path, struct rebias_error *err)
{
    struct rebias_hdf5 *file = NULL;
    int status = new_file(&file, path, false, err);
    *out = NULL;
    if (status != REBIAS_OK) {
        return status;
    }
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    /* Readers need no lock, and some network file systems have none. */
    if (H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_file_locking(access, false, true) >= 0) {
        file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    }
    H5Pclose(access);
    if (file->id < 0) {
        status = explain_unopened(file, err);
    }
    rebias_hdf5_quiet_end(&quiet);
    if (status != REBIAS_OK) {
        rebias_hdf5_discard(file);
        return status;
    }
    *out = file;
    return REBIAS_OK;
}

/* *image = the bytes of the finished file. */
static int take_image(const struct rebias_hdf5 *file, char **image, size_t *size,
                      struct rebias_error *err)
{
    *image = NULL;
    ssize_t bytes = -1;
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) >= 0) {
        bytes = H5Fget_file_image(file->id, NULL, 0);
    }
    if (bytes <= 0) {
        return rebias_hdf5_fail(file, NULL, REBIAS_E_IO, NULL, "cannot finish the HDF5 file",
                                err);
    }
    *size = (size_t)bytes;
    int status = rebias_alloc(image, *size, 1, err);
    if (status == REBIAS_OK && H5Fget_file_image(file->id, *image, *size) != bytes) {
        status =
            rebias_hdf5_fail(file, NULL, REBIAS_E_IO, NULL, "cannot finish the HDF5 file", err);
    }
    return status;
}

static int write_image(const struct rebias_output *output, const char *image, size_t size,
                       struct rebias_error *err)
{
    errno = 0;
    if (fwrite(image, 1, size, output->stream) == size) {
        return REBIAS_OK;
    }
    const struct rebias_place place = {output->path, 0, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_IO, &place, NULL, "cannot write: %s",
                          strerror(errno != 0 ? errno : EIO));
}

int rebias_hdf5_close(struct rebias_hdf5 *file, struct rebias_error *err)
{
    int status = REBIAS_OK;
    char *image = NULL;
    size_t size = 0;
    struct rebias_output output = {NULL, NULL, NULL};
    if (file == NULL || !file->writing) {
        goto done;
    }
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    status = take_image(file, &image, &size, err);
    rebias_hdf5_quiet_end(&quiet);
    if (status == REBIAS_OK) {
        status = rebias_output_open(&output, file->path, err);
    }
    if (status == REBIAS_OK) {
        status = write_image(&output, image, size, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_output_close(&output, err);
    }
done:
    rebias_output_discard(&output);
    free(image);
    rebias_hdf5_discard(file);
    return status;
}

void rebias_hdf5_discard(struct rebias_hdf5 *file)
{
    if (file != NULL) {
        free_file(file);
    }
}

/* -- 3. names and groups -- */

bool rebias_hdf5_is_hard_path(const struct rebias_hdf5 *file, const char *name)
{
    char part[MAX_NAME];
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof part || name[0] != '/') {
        return false;
    }
    if (length == 1) {
        return true;
    }
    for (size_t end = 1; end <= length; end++) {
        if (name[end] == '/' || name[end] == '\0') {
            memcpy(part, name, end);
            part[end] = '\0';
            H5L_info_t info;
            if (H5Lget_info(file->id, part, &info, H5P_DEFAULT) < 0 ||
                info.type != H5L_TYPE_HARD) {
                return false;
            }
        }
    }
    return true;
}

bool rebias_hdf5_exists(const struct rebias_hdf5 *file, const char *name)
{
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    bool found = rebias_hdf5_is_hard_path(file, name);
    rebias_hdf5_quiet_end(&quiet);
    return found;
}

int rebias_hdf5_group(struct rebias_hdf5 *file, const char *name, struct rebias_error *err)
{
    int status = REBIAS_OK;
    struct rebias_hdf5_quiet quiet = rebias_hdf5_quiet_begin();
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = H5I_INVALID_HID;
    if (H5Pset_obj_track_times(creation, false) >= 0) {
        group = H5Gcreate2(file->id, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    }
    if (group < 0) {
        status = rebias_hdf5_fail(file, name, REBIAS_E_IO, "a new name below an existing group",
                                  "cannot make the group", err);
    } else {
        H5Gclose(group);
    }
    H5Pclose(creation);
    rebias_hdf5_quiet_end(&quiet);
    return status;
}
