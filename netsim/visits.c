/* visits.c - histograms of where a training run really was.
 * 1. life cycle   2. weights of slices   3. writing   4. loading
 */
#include "rebias/visits.h"
#include "datasets/csv_reader.h"
#include "rebias/base.h"
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

static int check_range(double Gmin, double Gmax, struct rebias_error *err)
{
    if (!(isfinite(Gmin) && isfinite(Gmax - Gmin) && Gmin < Gmax)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the range from %g S to %g S holds no visits",
                           Gmin, Gmax);
    }
    return REBIAS_OK;
}

int rebias_visits_new(struct rebias_visits **out, size_t levels, double Gmin, double Gmax,
                      struct rebias_error *err)
{
    *out = NULL;
    struct rebias_visits *visits = NULL;
    if (levels == 0) {
        return rebias_fail(err, REBIAS_E_RANGE, "visits need at least one level");
    }
    int status = check_range(Gmin, Gmax, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&visits, 1, sizeof *visits, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    visits->levels = levels;
    visits->Gmin = Gmin;
    visits->Gmax = Gmax;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = rebias_alloc(&visits->count[p], levels, sizeof *visits->count[p], err);
    }
    if (status != REBIAS_OK) {
        rebias_visits_free(visits);
        return status;
    }
    *out = visits;
    return REBIAS_OK;
}

void rebias_visits_free(struct rebias_visits *visits)
{
    if (visits == NULL) {
        return;
    }
    for (int p = 0; p < 2; p++) {
        free(visits->count[p]);
    }
    free(visits);
}

/* Lower edge of a cell; of cell `levels` the upper end. */
static double edge(const struct rebias_visits *visits, size_t cell)
{
    const double t = (double)cell / (double)visits->levels;
    return (1.0 - t) * visits->Gmin + t * visits->Gmax; /* exact at both ends */
}

/* -- 2. weights of slices -- */

/* Slice k reaches from k to k + 1 in units of the distance between levels. */
struct grid {
    double start; /* S: where slice 0 begins */
    double step;  /* S */
    size_t slices;
};

/* Adds a cell's pulses to the slices that it touches (weights = NULL: to none); returns the
 * pulses that fall on slices. */
static double share(const struct grid *grid, double low, double high, double pulses,
                    double *weights)
{
    const double touch = 1e-9; /* less of a cell than this is rounding of its edges */
    const double width = (high - low) / grid->step;
    const double begin = (low - grid->start) / grid->step;
    const double from = fmax(begin, 0.0);
    const double to = fmin(begin + width, (double)grid->slices);
    const double density = pulses / width;
    if (!(to - from > touch * width)) {
        return 0.0;
    }
    for (size_t k = (size_t)from; weights != NULL && (double)k < to; k++) {
        weights[k] += density * (fmin(to, (double)(k + 1)) - fmax(from, (double)k));
    }
    return density * (to - from);
}

static double share_all(const struct rebias_visits *visits, int polarity,
                        const struct grid *grid, double *weights)
{
    double pulses = 0.0;
    for (size_t i = 0; i < visits->levels; i++) {
        if (visits->count[polarity][i] > 0) {
            pulses += share(grid, edge(visits, i), edge(visits, i + 1),
                            (double)visits->count[polarity][i], weights);
        }
    }
    return pulses;
}

int rebias_visits_weights(const struct rebias_visits *visits, double Gmin, double Gmax,
                          size_t slices, double *weights[2], struct rebias_error *err)
{
    int status = check_range(Gmin, Gmax, err);
    if (status == REBIAS_OK && slices < 2) {
        status = rebias_fail(err, REBIAS_E_RANGE, "%zu slices have no distance (at least 2)",
                             slices);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    const double step = (Gmax - Gmin) / (double)(slices - 1);
    const struct grid grid = {Gmin - 0.5 * step, step, slices};
    for (int p = 0; p < 2; p++) {
        if (!(share_all(visits, p, &grid, NULL) > 0.0)) {
            return rebias_fail(err, REBIAS_E_DATA, "no %s pulse was given from %g S to %g S",
                               p == REBIAS_SET ? "SET" : "RESET", Gmin, Gmax);
        }
    }
    for (int p = 0; p < 2; p++) {
        memset(weights[p], 0, slices * sizeof *weights[p]);
        const double pulses = share_all(visits, p, &grid, weights[p]);
        for (size_t k = 0; k < slices; k++) {
            weights[p][k] /= pulses;
        }
    }
    return REBIAS_OK;
}

/* -- 3. writing -- */

static const char *const column_names[] = {"G_low_S", "G_high_S", "set", "reset"};

enum { LOW, HIGH, SET_COUNT, RESET_COUNT, COLUMNS };

static void write_lines(const char *text, FILE *stream)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\r\n");
        fprintf(stream, "# %.*s\n", (int)length, text);
        text += length;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : *text != '\0';
    }
}

int rebias_visits_write(const struct rebias_visits *visits, FILE *stream,
                        const char *provenance, struct rebias_error *err)
{
    /* printf follows the locale's decimal point; this thread alone is switched, and back. */
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the number format");
    }
    locale_t before = uselocale(c);
    if (provenance != NULL) {
        write_lines(provenance, stream);
    }
    for (int k = 0; k < COLUMNS; k++) {
        fprintf(stream, "%s%c", column_names[k], k + 1 < COLUMNS ? ',' : '\n');
    }
    for (size_t i = 0; i < visits->levels; i++) {
        fprintf(stream, "%.17g,%.17g,%" PRIu64 ",%" PRIu64 "\n", edge(visits, i),
                edge(visits, i + 1), visits->count[REBIAS_SET][i],
                visits->count[REBIAS_RESET][i]);
    }
    uselocale(before);
    freelocale(c);
    return REBIAS_OK;
}

/* -- 4. loading -- */

struct cell {
    double low, high;
    uint64_t count[2];
};

static int take_header(void *context, const struct rebias_csv_row *row,
                       struct rebias_error *err)
{
    (void)context;
    for (size_t k = 0; k < row->count && k < COLUMNS; k++) {
        if (strcmp(row->fields[k], column_names[k]) != 0) {
            return rebias_csv_refuse(row, k, REBIAS_E_FORMAT, column_names[k], "unknown column",
                                     err);
        }
    }
    if (row->count != COLUMNS) {
        const struct rebias_place place = {row->file, row->line, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "G_low_S,G_high_S,set,reset",
                              "header has %zu columns", row->count);
    }
    return REBIAS_OK;
}

/* A cell begins where the one before it ends, and is as wide as the first. */
static int check_cell(const struct rebias_buffer *cells, const struct cell *cell,
                      const struct rebias_csv_row *row, struct rebias_error *err)
{
    const double tolerance = 1e-3; /* of a cell: edges may have been written with few digits */
    const struct cell *first = cells->data;
    const double width = cell->high - cell->low;
    char expected[80];
    if (!(width > 0.0 && isfinite(width))) {
        snprintf(expected, sizeof expected, "above %g", cell->low);
        return rebias_csv_refuse(row, HIGH, REBIAS_E_FORMAT, expected, "cell is empty", err);
    }
    if (cells->count == 0) {
        return REBIAS_OK;
    }
    const double wanted = first->high - first->low;
    const double end = first[cells->count - 1].high;
    if (!(fabs(cell->low - end) <= tolerance * wanted)) {
        snprintf(expected, sizeof expected, "%.17g", end);
        return rebias_csv_refuse(row, LOW, REBIAS_E_FORMAT, expected,
                                 "cells do not follow each other", err);
    }
    if (!(fabs(width - wanted) <= tolerance * wanted)) {
        snprintf(expected, sizeof expected, "%.17g", cell->low + wanted);
        return rebias_csv_refuse(row, HIGH, REBIAS_E_FORMAT, expected, "cells differ in width",
                                 err);
    }
    return REBIAS_OK;
}

static int take_row(void *context, const struct rebias_csv_row *row, struct rebias_error *err)
{
    struct rebias_buffer *cells = context;
    struct cell cell = {0};
    int status = rebias_csv_number(row, LOW, &cell.low, err);
    if (status == REBIAS_OK) {
        status = rebias_csv_number(row, HIGH, &cell.high, err);
    }
    if (status == REBIAS_OK) {
        status = check_cell(cells, &cell, row, err);
    }
    for (size_t p = 0; p < 2 && status == REBIAS_OK; p++) {
        int64_t count = 0;
        if (!rebias_parse_integer(row->fields[SET_COUNT + p], 0, INT64_MAX, &count)) {
            status = rebias_csv_refuse(row, SET_COUNT + p, REBIAS_E_FORMAT,
                                       "a whole number from 0", "not a number of pulses", err);
        }
        cell.count[p] = (uint64_t)count;
    }
    return status == REBIAS_OK ? rebias_buffer_append(cells, sizeof cell, &cell, err) : status;
}

static int build(struct rebias_visits **out, const struct rebias_buffer *cells,
                 const char *path, struct rebias_error *err)
{
    const struct cell *cell = cells->data;
    struct rebias_visits *visits = NULL;
    bool any = false;
    int status =
        rebias_visits_new(&visits, cells->count, cell[0].low, cell[cells->count - 1].high, err);
    for (size_t i = 0; i < cells->count && status == REBIAS_OK; i++) {
        for (int p = 0; p < 2; p++) {
            visits->count[p][i] = cell[i].count[p];
            any = any || cell[i].count[p] > 0;
        }
    }
    if (status == REBIAS_OK && !any) {
        const struct rebias_place place = {rebias_csv_name(path), 0, 0, NULL};
        status = rebias_fail_at(err, REBIAS_E_DATA, &place, "pulses in at least one cell",
                                "file has no visit at all");
    }
    if (status != REBIAS_OK) {
        rebias_visits_free(visits);
        return status;
    }
    *out = visits;
    return REBIAS_OK;
}

int rebias_visits_load(struct rebias_visits **out, const char *path, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_buffer cells = {0};
    const struct rebias_csv_handler handler = {take_header, take_row, &cells, false};
    struct rebias_csv_counts counts = {0, 0};
    int status = rebias_csv_read(path, &handler, &counts, err);
    if (status == REBIAS_OK) {
        status = build(out, &cells, path, err);
    }
    free(cells.data);
    return status;
}
