/* family_file.c - a table with its family in one HDF5 file, *.jt.h5.
 * 1. names   2. saving   3. loading
 *
 * The root holds the pooled table (native.c). The group /bootstrap or /devices, if there is
 * one, holds `label` (int32) and the groups 0, 1, ... with one table each.
 */
#include "family_internal.h"
#include "native.h"
#include "rebias/base.h"
#include <stdio.h>
#include <stdlib.h>

/* -- 1. names -- */

enum { NAME_LENGTH = 64 };

static const char *const kind_groups[2] = {"/bootstrap", "/devices"};

static const char *label_name(char name[NAME_LENGTH], enum rebias_family_kind kind)
{
    snprintf(name, NAME_LENGTH, "%s/label", kind_groups[kind]);
    return name;
}

static const char *member_name(char name[NAME_LENGTH], enum rebias_family_kind kind,
                               size_t member)
{
    snprintf(name, NAME_LENGTH, "%s/%zu", kind_groups[kind], member);
    return name;
}

/* -- 2. saving -- */

/* Everything that can be wrong with a family, before a file is begun. */
static int check_family(const struct rebias_table *table, const struct rebias_family *family,
                        const char *path, struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    int status = rebias_family_check_size(family->count, 0, 0, err);
    for (size_t i = 0; i < family->count && status == REBIAS_OK; i++) {
        status = rebias_native_check(family->table[i], path, err);
        if (status == REBIAS_OK && !rebias_family_same_axes(table, family->table[i])) {
            status = rebias_fail_at(err, REBIAS_E_DATA, &place, "those of the pooled table",
                                    "G axes of member %zu", i);
        }
    }
    return status;
}

static int save_family(struct rebias_hdf5 *file, const struct rebias_family *family,
                       struct rebias_error *err)
{
    char name[NAME_LENGTH];
    const struct rebias_hdf5_array label = {
        REBIAS_HDF5_INT32, 1, {family->count, 1}, family->label};
    int status = rebias_hdf5_group(file, kind_groups[family->kind], err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_write(file, label_name(name, family->kind), &label, err);
    }
    for (size_t i = 0; i < family->count && status == REBIAS_OK; i++) {
        status = rebias_hdf5_group(file, member_name(name, family->kind, i), err);
        if (status == REBIAS_OK) {
            status = rebias_native_write(file, name, family->table[i], err);
        }
    }
    return status;
}

int rebias_family_save(const struct rebias_table *table, const struct rebias_family *family,
                       const char *path, struct rebias_error *err)
{
    struct rebias_hdf5 *file = NULL;
    int status = rebias_native_check(table, path, err);
    if (status == REBIAS_OK && family != NULL) {
        status = check_family(table, family, path, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_create(&file, path, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_native_write_format(file, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_native_write(file, "", table, err);
    }
    if (status == REBIAS_OK && family != NULL) {
        status = save_family(file, family, err);
    }
    if (status == REBIAS_OK) {
        return rebias_hdf5_close(file, err);
    }
    rebias_hdf5_discard(file);
    return status;
}

/* -- 3. loading -- */

/* Which kind of family the file has; *found false for none. */
static int find_kind(const struct rebias_hdf5 *file, const char *path,
                     enum rebias_family_kind *kind, bool *found, struct rebias_error *err)
{
    const bool has[2] = {rebias_hdf5_exists(file, kind_groups[0]),
                         rebias_hdf5_exists(file, kind_groups[1])};
    *found = has[0] || has[1];
    *kind = has[1] ? REBIAS_FAMILY_DEVICES : REBIAS_FAMILY_BOOTSTRAP;
    if (has[0] && has[1]) {
        const struct rebias_place place = {path, 0, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "one of them",
                              "file has the groups /bootstrap and /devices");
    }
    return REBIAS_OK;
}

/* Room for as many members as there are labels. */
static int load_labels(struct rebias_family **out, const struct rebias_hdf5 *file,
                       const char *path, enum rebias_family_kind kind, struct rebias_error *err)
{
    char name[NAME_LENGTH];
    size_t shape[2] = {0, 0};
    int status = rebias_hdf5_shape(file, label_name(name, kind), 1, shape, err);
    if (status == REBIAS_OK && shape[0] > REBIAS_FAMILY_MAX_TABLES) {
        const struct rebias_place place = {path, 0, 0, name};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "at most 100000",
                                "family of %zu tables", shape[0]);
    }
    if (status == REBIAS_OK) {
        status = rebias_family_new(out, kind, shape[0], false, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_hdf5_array label = {
            REBIAS_HDF5_INT32, 1, {shape[0], 1}, (*out)->label};
        status = rebias_hdf5_read(file, name, &label, err);
    }
    return status;
}

/* entries counts the CDF entries so far. */
static int load_member(struct rebias_family *family, size_t member,
                       const struct rebias_hdf5 *file, const char *path,
                       const struct rebias_table *pooled, size_t *entries,
                       struct rebias_error *err)
{
    char name[NAME_LENGTH];
    member_name(name, family->kind, member);
    const struct rebias_place place = {path, 0, 0, name};
    if (!rebias_hdf5_exists(file, name)) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a group for each label",
                              "table is missing");
    }
    int status = rebias_native_read(&family->table[member], file, name, path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct rebias_table_side *side = family->table[member]->side;
    *entries += side[0].G_count * side[0].dG_count + side[1].G_count * side[1].dG_count;
    if (!rebias_family_same_axes(pooled, family->table[member])) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                              "the G axes of the file's own table", "table has other G axes");
    }
    if (*entries > REBIAS_FAMILY_MAX_ENTRIES) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "at most 2^28 CDF entries",
                              "the tables up to here have %zu", *entries);
    }
    return REBIAS_OK;
}

static int load_family(struct rebias_family **out, const struct rebias_hdf5 *file,
                       const char *path, enum rebias_family_kind kind, struct rebias_error *err)
{
    struct rebias_table *pooled = NULL;
    struct rebias_family *family = NULL;
    size_t entries = 0;
    int status = rebias_native_read(&pooled, file, "", path, err);
    if (status == REBIAS_OK) {
        status = load_labels(&family, file, path, kind, err);
    }
    for (size_t i = 0; status == REBIAS_OK && i < family->count; i++) {
        status = load_member(family, i, file, path, pooled, &entries, err);
    }
    rebias_table_free(pooled);
    if (status != REBIAS_OK) {
        rebias_family_free(family);
        return status;
    }
    *out = family;
    return REBIAS_OK;
}

/* The family in a file if it is of one of the wanted kinds. */
static int load_wanted(struct rebias_family **out, const char *path, const bool wanted[2],
                       struct rebias_error *err)
{
    *out = NULL;
    struct rebias_hdf5 *file = NULL;
    enum rebias_family_kind kind = REBIAS_FAMILY_BOOTSTRAP;
    bool found = false;
    int status = rebias_hdf5_open(&file, path, err);
    if (status == REBIAS_OK) {
        status = rebias_native_check_format(file, path, err);
    }
    if (status == REBIAS_OK) {
        status = find_kind(file, path, &kind, &found, err);
    }
    if (status == REBIAS_OK && found && wanted[kind]) {
        status = load_family(out, file, path, kind, err);
    }
    rebias_hdf5_discard(file);
    return status;
}

int rebias_family_load(struct rebias_family **out, const char *path, struct rebias_error *err)
{
    return load_wanted(out, path, (const bool[2]){true, true}, err);
}

int rebias_family_load_devices(struct rebias_family **out, const char *path,
                               struct rebias_error *err)
{
    return load_wanted(out, path, (const bool[2]){[REBIAS_FAMILY_DEVICES] = true}, err);
}
