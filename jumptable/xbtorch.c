/* xbtorch.c - jump tables in XBTorch's text files: per polarity a G axis, a dG axis and the
 * CDF.
 * 1. names   2. loading   3. saving
 *
 * PREFIX_{set,reset}_axis_level_G.txt and _axis_level_dG.txt hold one number a line,
 * PREFIX_{set,reset}_cdf.txt one line for each G level. Format of XBTorch (arXiv 2601.07086),
 * as in its libdata/tabular.
 */
#include "jumptable/number_text.h"
#include "rebias/base.h"
#include "rebias/table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. names -- */

enum { PART_G = 0, PART_dG = 1, PART_CDF = 2, PARTS = 3, FILES = 2 * PARTS };

static const char *const suffixes[FILES] = {
    "_set_axis_level_G.txt",   "_set_axis_level_dG.txt",   "_set_cdf.txt",
    "_reset_axis_level_G.txt", "_reset_axis_level_dG.txt", "_reset_cdf.txt",
};

static void free_paths(char *paths[FILES])
{
    for (size_t i = 0; i < FILES; i++) {
        free(paths[i]);
        paths[i] = NULL;
    }
}

/* paths[] = the six names, to be given to free_paths (also after a failure). */
static int make_paths(char *paths[FILES], const char *prefix, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < FILES && status == REBIAS_OK; i++) {
        size_t size = strlen(prefix) + strlen(suffixes[i]) + 1;
        status = rebias_alloc(&paths[i], size, 1, err);
        if (status == REBIAS_OK) {
            snprintf(paths[i], size, "%s%s", prefix, suffixes[i]);
        }
    }
    return status;
}

/* -- 2. loading -- */

static int load_axis(const char *path, struct rebias_buffer *axis, struct rebias_error *err)
{
    size_t rows = 0;
    struct rebias_number_text text;
    int status = rebias_number_text_open(&text, path, ' ', err);
    if (status == REBIAS_OK) {
        status =
            rebias_number_text_rows(&text, 1, "an axis has one on a line", axis, &rows, err);
        rebias_number_text_close(&text);
    }
    return status;
}

static int load_cdf(const char *path, size_t G_count, size_t dG_count,
                    struct rebias_buffer *cdf, struct rebias_error *err)
{
    size_t rows = 0;
    struct rebias_number_text text;
    int status = rebias_number_text_open(&text, path, ' ', err);
    if (status == REBIAS_OK) {
        status =
            rebias_number_text_rows(&text, dG_count, "one for each dG level", cdf, &rows, err);
        rebias_number_text_close(&text);
    }
    if (status == REBIAS_OK) {
        status = rebias_number_text_expect(path, 0, rows, G_count, "rows",
                                           "one for each G level", err);
    }
    return status;
}

static int load_parts(struct rebias_buffer parts[FILES], char *const paths[FILES],
                      struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t first = 0; first < FILES && status == REBIAS_OK; first += PARTS) {
        status = load_axis(paths[first + PART_G], &parts[first + PART_G], err);
        if (status == REBIAS_OK) {
            status = load_axis(paths[first + PART_dG], &parts[first + PART_dG], err);
        }
        if (status == REBIAS_OK) {
            status = load_cdf(paths[first + PART_CDF], parts[first + PART_G].count,
                              parts[first + PART_dG].count, &parts[first + PART_CDF], err);
        }
    }
    return status;
}

static int build_table(struct rebias_table **out, const struct rebias_buffer parts[FILES],
                       const char *prefix, struct rebias_error *err)
{
    struct rebias_table *table = NULL;
    const size_t G_count[2] = {parts[PART_G].count, parts[PARTS + PART_G].count};
    const size_t dG_count[2] = {parts[PART_dG].count, parts[PARTS + PART_dG].count};
    int status = rebias_table_new(&table, G_count, dG_count, false, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t p = 0; p < 2; p++) {
        const struct rebias_buffer *part = parts + p * PARTS;
        struct rebias_table_side *side = &table->side[p];
        memcpy(side->G, part[PART_G].data, part[PART_G].count * sizeof(double));
        memcpy(side->dG, part[PART_dG].data, part[PART_dG].count * sizeof(double));
        memcpy(side->cdf, part[PART_CDF].data, part[PART_CDF].count * sizeof(double));
    }
    status = rebias_copy_text(&table->estimator, "xbtorch", err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&table->options, "", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&table->provenance, "", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_validate(table, prefix, err);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    *out = table;
    return REBIAS_OK;
}

int rebias_table_load_xbtorch(struct rebias_table **out, const char *prefix,
                              struct rebias_error *err)
{
    *out = NULL;
    char *paths[FILES] = {NULL};
    struct rebias_buffer parts[FILES];
    memset(parts, 0, sizeof parts);
    int status = make_paths(paths, prefix, err);
    if (status == REBIAS_OK) {
        status = load_parts(parts, paths, err);
    }
    if (status == REBIAS_OK) {
        status = build_table(out, parts, prefix, err);
    }
    for (size_t i = 0; i < FILES; i++) {
        free(parts[i].data);
    }
    free_paths(paths);
    return status;
}

/* -- 3. saving -- */

static int write_part(FILE *stream, const struct rebias_table_side *side, size_t part,
                      struct rebias_error *err)
{
    const double *axis = part == PART_G ? side->G : side->dG;
    size_t levels = part == PART_G ? side->G_count : side->dG_count;
    int status = REBIAS_OK;
    if (part != PART_CDF) {
        return rebias_number_text_write(stream, axis, levels, 1, "\n", err);
    }
    for (size_t i = 0; i < side->G_count && status == REBIAS_OK; i++) {
        const double *row = side->cdf + i * side->dG_count;
        status = rebias_number_text_write(stream, row, side->dG_count, 1, " ", err);
    }
    return status;
}

/* Writes all six before any gets its name, so that a full disk is noticed in time. */
static int write_parts(struct rebias_output files[FILES], char *const paths[FILES],
                       const struct rebias_table *table, struct rebias_error *err)
{
    for (size_t i = 0; i < FILES; i++) {
        int status = rebias_output_open(&files[i], paths[i], err);
        errno = 0;
        if (status == REBIAS_OK) {
            status = write_part(files[i].stream, &table->side[i / PARTS], i % PARTS, err);
        }
        if (status == REBIAS_OK) {
            status = rebias_number_text_flush(&files[i], err);
        }
        if (status != REBIAS_OK) {
            return status;
        }
    }
    return REBIAS_OK;
}

int rebias_table_save_xbtorch(const struct rebias_table *table, const char *prefix,
                              struct rebias_error *err)
{
    char *paths[FILES] = {NULL};
    struct rebias_output files[FILES];
    memset(files, 0, sizeof files);
    int status = rebias_table_validate(table, prefix, err);
    if (status == REBIAS_OK) {
        status = make_paths(paths, prefix, err);
    }
    if (status == REBIAS_OK) {
        status = write_parts(files, paths, table, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_number_text_publish(files, FILES, err);
    }
    for (size_t i = 0; i < FILES; i++) {
        rebias_output_discard(&files[i]);
    }
    free_paths(paths);
    return status;
}
