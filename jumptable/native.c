/* native.c - jump tables in one HDF5 file, *.jt.h5.
 * 1. names   2. saving   3. loading
 *
 * Datasets G (nG), dG (nD), cdf (nG x nD) and, where known, count (nG) in the groups /set and
 * /reset, each with the attribute unit; root attributes format, format_version, estimator,
 * options, provenance. A file may also be written by hand (h5py): only format and
 * format_version are required of the attributes.
 */
#include "base/hdf5_file.h"
#include "rebias/base.h"
#include "rebias/table.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. names -- */

static const char format_name[] = "rebias jump table";
static const double format_version = 1.0;

struct names {
    const char *group;
    const char *G;
    const char *dG;
    const char *cdf;
    const char *count;
};

static const struct names names[2] = {
    {"/set", "/set/G", "/set/dG", "/set/cdf", "/set/count"},
    {"/reset", "/reset/G", "/reset/dG", "/reset/cdf", "/reset/count"},
};

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

static int save_side(struct rebias_hdf5 *file, const struct names *name,
                     const struct rebias_table_side *side, struct rebias_error *err)
{
    const struct rebias_hdf5_array G = array_of(side->G, side->G_count, 0);
    const struct rebias_hdf5_array dG = array_of(side->dG, side->dG_count, 0);
    const struct rebias_hdf5_array cdf = array_of(side->cdf, side->G_count, side->dG_count);
    const struct rebias_hdf5_array count = array_of(side->count, side->G_count, 0);
    int status = rebias_hdf5_group(file, name->group, err);
    if (status == REBIAS_OK) {
        status = save_array(file, name->G, "S", &G, err);
    }
    if (status == REBIAS_OK) {
        status = save_array(file, name->dG, "S", &dG, err);
    }
    if (status == REBIAS_OK) {
        status = save_array(file, name->cdf, "1", &cdf, err);
    }
    if (status == REBIAS_OK && side->count != NULL) {
        status = save_array(file, name->count, "1", &count, err);
    }
    return status;
}

static int save_texts(struct rebias_hdf5 *file, const struct rebias_table *table,
                      struct rebias_error *err)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"format", format_name},
        {"estimator", table->estimator},
        {"options", table->options},
        {"provenance", table->provenance},
    };
    int status = rebias_hdf5_write_number(file, "/", "format_version", format_version, err);
    for (size_t i = 0; status == REBIAS_OK && i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i].text != NULL ? texts[i].text : "";
        status = rebias_hdf5_write_text(file, "/", texts[i].name, text, err);
    }
    return status;
}

int rebias_table_save_native(const struct rebias_table *table, const char *path,
                             struct rebias_error *err)
{
    struct rebias_hdf5 *file = NULL;
    int status = rebias_table_validate(table, path, err);
    if (status == REBIAS_OK &&
        (table->side[0].count == NULL) != (table->side[1].count == NULL)) {
        const struct rebias_place place = {path, 0, 0, NULL};
        status =
            rebias_fail_at(err, REBIAS_E_DATA, &place, "counts for both polarities or for none",
                           "table has counts for one polarity only");
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_create(&file, path, err);
    }
    if (status == REBIAS_OK) {
        status = save_texts(file, table, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = save_side(file, &names[p], &table->side[p], err);
    }
    if (status == REBIAS_OK) {
        return rebias_hdf5_close(file, err);
    }
    rebias_hdf5_discard(file);
    return status;
}

/* -- 3. loading -- */

static int check_format(const struct rebias_hdf5 *file, const char *path,
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

static int load_text(const struct rebias_hdf5 *file, const char *name, char **out,
                     struct rebias_error *err)
{
    return rebias_hdf5_has_attribute(file, "/", name)
               ? rebias_hdf5_read_text(file, "/", name, out, err)
               : rebias_copy_text(out, "", err);
}

/* The shapes of both sides, before memory is taken for them. */
static int load_shapes(const struct rebias_hdf5 *file, const char *path, size_t G_count[2],
                       size_t dG_count[2], bool *counted, struct rebias_error *err)
{
    for (int p = 0; p < 2; p++) {
        size_t shape[2] = {0, 0};
        int status = rebias_hdf5_shape(file, names[p].cdf, 2, shape, err);
        if (status != REBIAS_OK) {
            return status;
        }
        G_count[p] = shape[0];
        dG_count[p] = shape[1];
    }
    *counted = rebias_hdf5_exists(file, names[0].count);
    if (*counted != rebias_hdf5_exists(file, names[1].count)) {
        const struct rebias_place place = {path, 0, 0, names[*counted ? 1 : 0].count};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                              "counts for both polarities or for none", "dataset is missing");
    }
    return REBIAS_OK;
}

static int load_side(const struct rebias_hdf5 *file, const struct names *name,
                     const struct rebias_table_side *side, struct rebias_error *err)
{
    const struct rebias_hdf5_array G = array_of(side->G, side->G_count, 0);
    const struct rebias_hdf5_array dG = array_of(side->dG, side->dG_count, 0);
    const struct rebias_hdf5_array cdf = array_of(side->cdf, side->G_count, side->dG_count);
    const struct rebias_hdf5_array count = array_of(side->count, side->G_count, 0);
    int status = rebias_hdf5_read(file, name->G, &G, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_read(file, name->dG, &dG, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_read(file, name->cdf, &cdf, err);
    }
    if (status == REBIAS_OK && side->count != NULL) {
        status = rebias_hdf5_read(file, name->count, &count, err);
    }
    return status;
}

static int load_open_file(struct rebias_table **out, const struct rebias_hdf5 *file,
                          const char *path, struct rebias_error *err)
{
    size_t G_count[2] = {0, 0};
    size_t dG_count[2] = {0, 0};
    bool counted = false;
    struct rebias_table *table = NULL;
    int status = load_shapes(file, path, G_count, dG_count, &counted, err);
    if (status == REBIAS_OK) {
        status = rebias_table_new(&table, G_count, dG_count, counted, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = load_side(file, &names[p], &table->side[p], err);
    }
    if (status == REBIAS_OK) {
        status = load_text(file, "estimator", &table->estimator, err);
    }
    if (status == REBIAS_OK) {
        status = load_text(file, "options", &table->options, err);
    }
    if (status == REBIAS_OK) {
        status = load_text(file, "provenance", &table->provenance, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_validate(table, path, err);
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
        status = check_format(file, path, err);
    }
    if (status == REBIAS_OK) {
        status = load_open_file(out, file, path, err);
    }
    rebias_hdf5_discard(file);
    return status;
}
