/* ramps.c - pulse data from ramps: one column a ramp of identical pulses, one read after every
 * pulse.
 * 1. one file of ramps   2. points between successive reads   3. loading
 */
#include "csv_reader.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>

/* The cells of one file, in S. */
struct ramps {
    const struct rebias_ramps_options *options;
    const char *path;
    size_t columns;
    double *row;                /* scratch: one row */
    struct rebias_buffer cells; /* double, rows x columns; NAN = empty */
    struct rebias_buffer
        numbers; /* size_t, row numbers: they have gaps where bad rows were left out */
    size_t skipped;
};

/* -- 1. one file of ramps -- */

static int take_header(void *context, const struct rebias_csv_row *header,
                       struct rebias_error *err)
{
    struct ramps *ramps = context;
    double value = 0.0;
    if (rebias_parse_double(header->fields[0], &value)) {
        return rebias_csv_refuse(header, 0, REBIAS_E_FORMAT,
                                 "a header row with one name a ramp",
                                 "first row holds a number", err);
    }
    ramps->columns = header->count;
    return rebias_alloc(&ramps->row, header->count, sizeof *ramps->row, err);
}

static int read_cell(const struct ramps *ramps, const struct rebias_csv_row *row, size_t field,
                     double *G, struct rebias_error *err)
{
    double x = 0.0;
    *G = (double)NAN;
    if (row->fields[field][0] == '\0') {
        return REBIAS_OK;
    }
    int status = rebias_csv_number(row, field, &x, err);
    if (status != REBIAS_OK) {
        return status;
    }
    double voltage = ramps->options->read_voltage;
    x *= ramps->options->scale;
    *G = voltage != 0.0 ? x / voltage : x; /* exactly 0 = no voltage was given */
    if (!isfinite(*G)) {
        return rebias_csv_refuse(row, field, REBIAS_E_RANGE,
                                 "a conductance within double precision",
                                 "conductance is not finite", err);
    }
    if (*G < 0.0) {
        return rebias_csv_refuse(row, field, REBIAS_E_RANGE,
                                 "current and read voltage of one sign", "negative conductance",
                                 err);
    }
    return REBIAS_OK;
}

/* Keeps a row only when all its cells are good. */
static int take_row(void *context, const struct rebias_csv_row *row, struct rebias_error *err)
{
    struct ramps *ramps = context;
    int status = REBIAS_OK;
    for (size_t k = 0; k < ramps->columns && status == REBIAS_OK; k++) {
        status = read_cell(ramps, row, k, &ramps->row[k], err);
    }
    for (size_t k = 0; k < ramps->columns && status == REBIAS_OK; k++) {
        status = rebias_buffer_append(&ramps->cells, sizeof *ramps->row, &ramps->row[k], err);
    }
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&ramps->numbers, sizeof row->number, &row->number, err);
    }
    return status;
}

static int read_ramps(struct ramps *ramps, struct rebias_error *err)
{
    if (ramps->path == NULL) {
        return REBIAS_OK;
    }
    const struct rebias_csv_handler handler = {take_header, take_row, ramps,
                                               ramps->options->skip_bad};
    struct rebias_csv_counts counts = {0, 0};
    int status = rebias_csv_read(ramps->path, &handler, &counts, err);
    ramps->skipped = counts.skipped;
    return status;
}

static void clear_ramps(struct ramps *ramps)
{
    free(ramps->row);
    free(ramps->cells.data);
    free(ramps->numbers.data);
}

/* -- 2. points between successive reads -- */

/* Appends the points of one file to pulses from index `next` on, ramp by ramp; returns the
 * index behind them. pulses NULL only counts. */
static size_t append_points(const struct ramps *ramps, uint8_t polarity,
                            struct rebias_pulses *pulses, size_t next)
{
    const double *cells = ramps->cells.data;
    const size_t *numbers = ramps->numbers.data;
    for (size_t k = 0; k < ramps->columns; k++) {
        for (size_t i = 0; i + 1 < ramps->numbers.count; i++) {
            double before = cells[i * ramps->columns + k];
            double after = cells[(i + 1) * ramps->columns + k];
            if (isnan(before) || isnan(after) || numbers[i + 1] != numbers[i] + 1) {
                continue;
            }
            if (pulses != NULL) {
                pulses->polarity[next] = polarity;
                pulses->G[next] = before;
                pulses->dG[next] = after - before;
                pulses->cycle[next] = (int32_t)(k + 1);
                pulses->pulse[next] = (int32_t)numbers[i];
            }
            next++;
        }
    }
    return next;
}

static int check_points(const struct ramps *ramps, size_t n, struct rebias_error *err)
{
    if (ramps->path == NULL || n > 0) {
        return REBIAS_OK;
    }
    const struct rebias_place place = {rebias_csv_name(ramps->path), 0, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_DATA, &place, "two successive reads in one column",
                          "no points in these ramps (bad rows skipped: %zu)", ramps->skipped);
}

static int build_pulses(struct rebias_pulses **out, const struct ramps ramps[2],
                        struct rebias_error *err)
{
    struct rebias_pulses *pulses = NULL;
    size_t count[2];
    int status = REBIAS_OK;
    for (uint8_t p = 0; p < 2 && status == REBIAS_OK; p++) {
        count[p] = append_points(&ramps[p], p, NULL, 0);
        status = check_points(&ramps[p], count[p], err);
    }
    if (status == REBIAS_OK) {
        status = rebias_pulses_new(&pulses, count[0] + count[1], true, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    free(pulses->device); /* the files do not name devices */
    pulses->device = NULL;
    pulses->skipped = ramps[0].skipped + ramps[1].skipped;
    size_t next = append_points(&ramps[REBIAS_SET], REBIAS_SET, pulses, 0);
    append_points(&ramps[REBIAS_RESET], REBIAS_RESET, pulses, next);
    *out = pulses;
    return REBIAS_OK;
}

/* -- 3. loading -- */

struct rebias_ramps_options rebias_ramps_options_defaults(void)
{
    return (struct rebias_ramps_options){.read_voltage = 0.0, .scale = 1.0, .skip_bad = false};
}

static int check_options(const char *set_path, const char *reset_path,
                         const struct rebias_ramps_options *options, struct rebias_error *err)
{
    if (set_path == NULL && reset_path == NULL) {
        return rebias_fail(err, REBIAS_E_DATA, "no file of ramps is given");
    }
    if (!isfinite(options->read_voltage)) {
        return rebias_fail(err, REBIAS_E_RANGE, "read voltage is %g V: it must be finite",
                           options->read_voltage);
    }
    if (!(isfinite(options->scale) && options->scale > 0.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "scale is %g: it must be finite and positive",
                           options->scale);
    }
    return REBIAS_OK;
}

int rebias_pulses_load_ramps(struct rebias_pulses **out, const char *set_path,
                             const char *reset_path, const struct rebias_ramps_options *options,
                             struct rebias_error *err)
{
    *out = NULL;
    struct ramps ramps[2] = {{.options = options, .path = set_path},
                             {.options = options, .path = reset_path}};
    int status = check_options(set_path, reset_path, options, err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = read_ramps(&ramps[p], err);
    }
    if (status == REBIAS_OK) {
        status = build_pulses(out, ramps, err);
    }
    clear_ramps(&ramps[0]);
    clear_ramps(&ramps[1]);
    return status;
}
