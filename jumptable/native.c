/* native.c - jump tables in one HDF5 file, *.jt.h5.
 * 1. names   2. saving   3. loading
 *
 * Datasets G (nG), dG (nD), cdf (nG x nD) and, where known, count (nG) in the groups /set and
 * /reset, each with the attribute unit; root attributes format, format_version, estimator,
 * options, provenance. A file may also be written by hand (h5py): only format and
 * format_version are required of the attributes. Further tables (family_file.c) have the same
 * content in groups of their own.
 */
#include "native.h"
#include "rebias/base.h"
#include "rebias/family.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. names -- */

static const char format_name[] = "rebias jump table";
static const double format_version = 1.0;

enum { NAME_LENGTH = 96 };

enum part { PART_GROUP, PART_G, PART_DG, PART_CDF, PART_COUNT };

/* Name of a part of one polarity of the table in a group; group is "" for the root's. */
static const char *name_of(char name[NAME_LENGTH], const char *group, int polarity,
                           enum part part)
{
    static const char *const parts[] = {"", "/G", "/dG", "/cdf", "/count"};
    snprintf(name, NAME_LENGTH, "%s/%s%s", group, polarity == REBIAS_SET ? "set" : "reset",
             parts[part]);
    return name;
}

/* Name of the object that holds a group's attributes. */
static const char *holder(const char *group)
{
    return group[0] == '\0' ? "/" : group;
}

static struct rebias_hdf5_array array_of(double *data, size_t rows, size_t columns)
{
    return (struct rebias_hdf5_array){
        REBIAS_HDF5_DOUBLE, columns > 0 ? 2 : 1, {rows, columns}, data};
}

/* -- 2. saving -- */

static int save_array(struct rebias_hdf5 *file, const char *name, const char *unit,
                      const struct rebias_hdf5_array *array, struct rebias_error *err)
{
    int status = rebias_hdf5_write(file, name, array, err);
    return status != REBIAS_OK ? status : rebias_hdf5_write_text(file, name, "unit", unit, err);
}

static int save_side(struct rebias_hdf5 *file, const char *group, int polarity,
                     const struct rebias_table_side *side, struct rebias_error *err)
{
    const struct {
        enum part part;
        const char *unit;
        struct rebias_hdf5_array array;
    } arrays[] = {
        {PART_G, "S", array_of(side->G, side->G_count, 0)},
        {PART_DG, "S", array_of(side->dG, side->dG_count, 0)},
        {PART_CDF, "1", array_of(side->cdf, side->G_count, side->dG_count)},
        {PART_COUNT, "1", array_of(side->count, side->G_count, 0)},
    };
    char name[NAME_LENGTH];
    int status = rebias_hdf5_group(file, name_of(name, group, polarity, PART_GROUP), err);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        if (arrays[i].array.data != NULL) { /* counts may be unknown */
            status = save_array(file, name_of(name, group, polarity, arrays[i].part),
                                arrays[i].unit, &arrays[i].array, err);
        }
    }
    return status;
}

static int save_texts(struct rebias_hdf5 *file, const char *group,
                      const struct rebias_table *table, struct rebias_error *err)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"estimator", table->estimator},
        {"options", table->options},
        {"provenance", table->provenance},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; status == REBIAS_OK && i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i].text != NULL ? texts[i].text : "";
        status = rebias_hdf5_write_text(file, holder(group), texts[i].name, text, err);
    }
    return status;
}

int rebias_native_write_format(struct rebias_hdf5 *file, struct rebias_error *err)
{
    int status = rebias_hdf5_write_number(file, "/", "format_version", format_version, err);
    return status == REBIAS_OK ? rebias_hdf5_write_text(file, "/", "format", format_name, err)
                               : status;
}

int rebias_native_check(const struct rebias_table *table, const char *path,
                        struct rebias_error *err)
{
    int status = rebias_table_validate(table, path, err);
    if (status == REBIAS_OK &&
        (table->side[0].count == NULL) != (table->side[1].count == NULL)) {
        const struct rebias_place place = {path, 0, 0, NULL};
        status =
            rebias_fail_at(err, REBIAS_E_DATA, &place, "counts for both polarities or for none",
                           "table has counts for one polarity only");
    }
    return status;
}

int rebias_native_write(struct rebias_hdf5 *file, const char *group,
                        const struct rebias_table *table, struct rebias_error *err)
{
    int status = save_texts(file, group, table, err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = save_side(file, group, p, &table->side[p], err);
    }
    return status;
}

int rebias_table_save_native(const struct rebias_table *table, const char *path,
                             struct rebias_error *err)
{
    return rebias_family_save(table, NULL, path, err);
}

/* -- 3. loading -- */

int rebias_native_check_format(const struct rebias_hdf5 *file, const char *path,
                               struct rebias_error *err)
{
    char *text = NULL;
    double version = 0.0;
    const struct rebias_place place = {path, 0, 0, NULL};
    int status = REBIAS_OK;
    if (!rebias_hdf5_has_attribute(file, "/", "format")) {
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                "the attribute format = \"rebias jump table\"",
                                "HDF5 file is not a jump table");
        goto done;
    }
    status = rebias_hdf5_read_text(file, "/", "format", &text, err);
    if (status == REBIAS_OK && strcmp(text, format_name) != 0) {
        const struct rebias_place at = {path, 0, 0, text};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &at, format_name,
                                "HDF5 file is not a jump table");
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_read_number(file, "/", "format_version", &version, err);
    }
    if (status == REBIAS_OK && version != format_version) { /* exact: both are small integers */
        status = rebias_fail_at(err, REBIAS_E_UNSUPPORTED, &place, "version 1",
                                "jump table of format version %g", version);
    }
done:
    free(text);
    return status;
}

static int load_text(const struct rebias_hdf5 *file, const char *group, const char *name,
                     char **out, struct rebias_error *err)
{
    return rebias_hdf5_has_attribute(file, holder(group), name)
               ? rebias_hdf5_read_text(file, holder(group), name, out, err)
               : rebias_copy_text(out, "", err);
}

static int load_texts(const struct rebias_hdf5 *file, const char *group,
                      struct rebias_table *table, struct rebias_error *err)
{
    int status = load_text(file, group, "estimator", &table->estimator, err);
    if (status == REBIAS_OK) {
        status = load_text(file, group, "options", &table->options, err);
    }
    return status == REBIAS_OK ? load_text(file, group, "provenance", &table->provenance, err)
                               : status;
}

/* The shapes of both sides, before memory is taken for them. */
static int load_shapes(const struct rebias_hdf5 *file, const char *group, const char *path,
                       size_t G_count[2], size_t dG_count[2], bool *counted,
                       struct rebias_error *err)
{
    char name[2][NAME_LENGTH];
    for (int p = 0; p < 2; p++) {
        size_t shape[2] = {0, 0};
        int status =
            rebias_hdf5_shape(file, name_of(name[p], group, p, PART_CDF), 2, shape, err);
        if (status != REBIAS_OK) {
            return status;
        }
        G_count[p] = shape[0];
        dG_count[p] = shape[1];
    }
    *counted = rebias_hdf5_exists(file, name_of(name[0], group, 0, PART_COUNT));
    if (*counted != rebias_hdf5_exists(file, name_of(name[1], group, 1, PART_COUNT))) {
        const struct rebias_place place = {path, 0, 0, name[*counted ? 1 : 0]};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                              "counts for both polarities or for none", "dataset is missing");
    }
    return REBIAS_OK;
}

static int load_side(const struct rebias_hdf5 *file, const char *group, int polarity,
                     const struct rebias_table_side *side, struct rebias_error *err)
{
    const struct {
        enum part part;
        struct rebias_hdf5_array array;
    } arrays[] = {
        {PART_G, array_of(side->G, side->G_count, 0)},
        {PART_DG, array_of(side->dG, side->dG_count, 0)},
        {PART_CDF, array_of(side->cdf, side->G_count, side->dG_count)},
        {PART_COUNT, array_of(side->count, side->G_count, 0)},
    };
    char name[NAME_LENGTH];
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        if (arrays[i].array.data != NULL) {
            status = rebias_hdf5_read(file, name_of(name, group, polarity, arrays[i].part),
                                      &arrays[i].array, err);
        }
    }
    return status;
}

/* The name that errors in the table itself give: the file, and the group if it is not the root.
 */
static void full_name(char *text, size_t size, const char *path, const char *group)
{
    snprintf(text, size, "%s%s%s", path, group[0] != '\0' ? ":" : "", group);
}

int rebias_native_read(struct rebias_table **out, const struct rebias_hdf5 *file,
                       const char *group, const char *path, struct rebias_error *err)
{
    *out = NULL;
    size_t G_count[2] = {0, 0};
    size_t dG_count[2] = {0, 0};
    bool counted = false;
    struct rebias_table *table = NULL;
    int status = load_shapes(file, group, path, G_count, dG_count, &counted, err);
    if (status == REBIAS_OK) {
        status = rebias_table_new(&table, G_count, dG_count, counted, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = load_side(file, group, p, &table->side[p], err);
    }
    if (status == REBIAS_OK) {
        status = load_texts(file, group, table, err);
    }
    if (status == REBIAS_OK) {
        char name[256];
        full_name(name, sizeof name, path, group);
        status = rebias_table_validate(table, name, err);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    *out = table;
    return REBIAS_OK;
}

int rebias_table_load_native(struct rebias_table **out, const char *path,
                             struct rebias_error *err)
{
    *out = NULL;
    struct rebias_hdf5 *file = NULL;
    int status = rebias_hdf5_open(&file, path, err);
    if (status == REBIAS_OK) {
        status = rebias_native_check_format(file, path, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_native_read(out, file, "", path, err);
    }
    rebias_hdf5_discard(file);
    return status;
}
