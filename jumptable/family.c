/* family.c - jump tables that belong together: bootstrap tables, one table a device.
 * 1. life cycle   2. what the fits share   3. bootstrap   4. one table a device
 */
#include "family_internal.h"
#include "rebias/base.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

void rebias_family_free(struct rebias_family *family)
{
    if (family == NULL) {
        return;
    }
    for (size_t i = 0; family->table != NULL && i < family->count; i++) {
        rebias_table_free(family->table[i]);
    }
    free(family->table);
    free(family->label);
    free(family->report);
    free(family);
}

int rebias_family_new(struct rebias_family **out, enum rebias_family_kind kind, size_t count,
                      bool reported, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_family *family = NULL;
    int status = rebias_alloc(&family, 1, sizeof *family, err);
    if (status != REBIAS_OK) {
        return status;
    }
    family->kind = kind;
    family->count = count;
    status = rebias_alloc(&family->table, count, sizeof(struct rebias_table *), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&family->label, count, sizeof *family->label, err);
    }
    if (status == REBIAS_OK && reported) {
        status = rebias_alloc(&family->report, count, sizeof *family->report, err);
    }
    if (status != REBIAS_OK) {
        rebias_family_free(family);
        return status;
    }
    *out = family;
    return REBIAS_OK;
}

int rebias_family_check_size(size_t count, size_t G_levels, size_t dG_levels,
                             struct rebias_error *err)
{
    if (count < 1 || count > REBIAS_FAMILY_MAX_TABLES) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a family of %zu tables is not possible (1 to %d)", count,
                           REBIAS_FAMILY_MAX_TABLES);
    }
    const double entries = 2.0 * (double)count * (double)G_levels * (double)dG_levels;
    if (entries > REBIAS_FAMILY_MAX_ENTRIES) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu tables of %zu x %zu levels are too large for one family "
                           "(%.3g entries, at most %d): take fewer levels or tables",
                           count, G_levels, dG_levels, entries, REBIAS_FAMILY_MAX_ENTRIES);
    }
    return REBIAS_OK;
}

bool rebias_family_same_axes(const struct rebias_table *a, const struct rebias_table *b)
{
    const double tolerance = 1e-9; /* files written with ten digits still count as the same */
    bool same = true;
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *x = &a->side[p];
        const struct rebias_table_side *y = &b->side[p];
        const size_t n = x->G_count;
        same = same && y->G_count == n;
        for (size_t i = 0; i < n && same; i++) {
            same = fabs(x->G[i] - y->G[i]) <= tolerance * (x->G[n - 1] - x->G[0]);
        }
    }
    return same;
}

/* -- 2. what the fits share -- */

struct work {
    const struct rebias_pulses *pulses;
    const struct rebias_method *method;
    struct rebias_fit_options options; /* with the family's range */
    struct rebias_family *family;
    uint32_t *block; /* DEVICES: [n] number of each point's device */
};

/* Puts "what number: " in front of the message. */
static int name_failure(int status, const char *what, int32_t number, struct rebias_error *err)
{
    if (status != REBIAS_OK && status != REBIAS_E_MEMORY && err != NULL) {
        char text[sizeof err->message];
        snprintf(text, sizeof text, "%s %d: %.200s", what, (int)number, err->message);
        memcpy(err->message, text, sizeof text);
    }
    return status;
}

/* True when the range is left to the data, as the defaults do. */
static bool is_automatic(const struct rebias_fit_options *o)
{
    return o->Gmin == 0.0 && o->Gmax == 0.0;
}

static int run(struct rebias_family **out, struct work *work, int threads,
               int (*fit)(void *context, size_t item, struct rebias_error *err),
               rebias_progress *progress, void *progress_context, struct rebias_error *err)
{
    int status = rebias_parallel_for(work->family->count, threads, fit, work, progress,
                                     progress_context, err);
    if (status == REBIAS_OK) {
        *out = work->family;
        work->family = NULL;
    }
    return status;
}

/* -- 3. bootstrap -- */

static int fit_resample(void *context, size_t item, struct rebias_error *err)
{
    const struct work *w = context;
    struct rebias_pulses *drawn = NULL;
    int status = rebias_pulses_resample(&drawn, w->pulses, w->options.blocks, w->options.seed,
                                        (uint32_t)item, err);
    if (status == REBIAS_OK) {
        w->family->label[item] = (int32_t)item;
        status = rebias_fit(&w->family->table[item], drawn, w->method, &w->options,
                            &w->family->report[item], err);
    }
    rebias_pulses_free(drawn);
    return name_failure(status, "resample", (int32_t)item, err);
}

/* The range common to both polarities, as rebias_fit finds it. */
static int range_of_all(struct rebias_fit_options *o, const struct rebias_pulses *pulses,
                        struct rebias_error *err)
{
    struct rebias_pulses_summary set;
    struct rebias_pulses_summary reset;
    rebias_pulses_describe(pulses, REBIAS_SET, &set);
    rebias_pulses_describe(pulses, REBIAS_RESET, &reset);
    o->Gmin = fmax(set.G_min, reset.G_min);
    o->Gmax = fmin(set.G_max, reset.G_max);
    if (set.n == 0 || reset.n == 0 || !(o->Gmin < o->Gmax)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "SET and RESET points have no common range of G");
    }
    return REBIAS_OK;
}

/* Resamples of resamples would not resolve AUTO alike: they hold fewer different blocks. */
static int resolve_blocks(struct rebias_fit_options *o, const struct rebias_pulses *pulses,
                          struct rebias_error *err)
{
    uint32_t *block = NULL;
    size_t count = 0;
    int status = rebias_alloc(&block, pulses->n, sizeof *block, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_blocks(pulses, o->blocks, block, &count, &o->blocks, err);
    }
    free(block);
    return status;
}

int rebias_fit_bootstrap(struct rebias_family **out, const struct rebias_pulses *pulses,
                         const struct rebias_method *method,
                         const struct rebias_fit_options *options, size_t resamples,
                         int threads, rebias_progress *progress, void *progress_context,
                         struct rebias_error *err)
{
    *out = NULL;
    struct work work = {.pulses = pulses, .method = method, .options = *options};
    int status =
        rebias_family_check_size(resamples, options->G_levels, options->dG_levels, err);
    if (status == REBIAS_OK && is_automatic(options)) {
        status = range_of_all(&work.options, pulses, err);
    }
    if (status == REBIAS_OK) {
        status = resolve_blocks(&work.options, pulses, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_family_new(&work.family, REBIAS_FAMILY_BOOTSTRAP, resamples, true, err);
    }
    if (status == REBIAS_OK) {
        status = run(out, &work, threads, fit_resample, progress, progress_context, err);
    }
    rebias_family_free(work.family);
    return status;
}

/* -- 4. one table a device -- */

static int fit_device(void *context, size_t item, struct rebias_error *err)
{
    const struct work *w = context;
    uint8_t *keep = NULL;
    struct rebias_pulses *own = NULL;
    int status = rebias_alloc(&keep, w->pulses->n, 1, err);
    for (size_t i = 0; i < w->pulses->n && status == REBIAS_OK; i++) {
        keep[i] = w->block[i] == item;
    }
    if (status == REBIAS_OK) {
        status = rebias_pulses_select(&own, w->pulses, keep, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_fit(&w->family->table[item], own, w->method, &w->options,
                            &w->family->report[item], err);
    }
    rebias_pulses_free(own);
    free(keep);
    return name_failure(status, "device", w->family->label[item], err);
}

/* Range of one device's points of one polarity. */
struct extent {
    double low, high;
};

/* The range common to all devices and both polarities. */
static int range_of_devices(struct work *w, struct rebias_error *err)
{
    const size_t devices = w->family->count;
    struct extent *extent = NULL;
    int status = rebias_alloc(&extent, 2 * devices, sizeof *extent, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t k = 0; k < 2 * devices; k++) {
        extent[k] = (struct extent){INFINITY, -INFINITY};
    }
    for (size_t i = 0; i < w->pulses->n; i++) {
        struct extent *e = &extent[2 * w->block[i] + w->pulses->polarity[i]];
        e->low = fmin(e->low, w->pulses->G[i]);
        e->high = fmax(e->high, w->pulses->G[i]);
    }
    w->options.Gmin = 0.0;
    w->options.Gmax = INFINITY;
    for (size_t k = 0; k < 2 * devices && status == REBIAS_OK; k++) {
        w->options.Gmin = fmax(w->options.Gmin, extent[k].low);
        w->options.Gmax = fmin(w->options.Gmax, extent[k].high);
        if (!(extent[k].low <= extent[k].high)) {
            status = rebias_fail(err, REBIAS_E_DATA, "device %d has no %s points",
                                 (int)w->family->label[k / 2], k % 2 == 0 ? "SET" : "RESET");
        }
    }
    if (status == REBIAS_OK && !(w->options.Gmin < w->options.Gmax)) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "the %zu devices have no common range of G: give Gmin and Gmax",
                             devices);
    }
    free(extent);
    return status;
}

/* Numbers the devices and makes room for their tables. */
static int number_devices(struct work *w, struct rebias_error *err)
{
    size_t devices = 0;
    int status = rebias_alloc(&w->block, w->pulses->n, sizeof *w->block, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_blocks(w->pulses, REBIAS_BLOCKS_DEVICE, w->block, &devices, NULL,
                                      err);
    }
    if (status == REBIAS_OK && devices < 2) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "one table a device: the data hold %zu device (2 or more needed)",
                             devices);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_family_check_size(devices, w->options.G_levels, w->options.dG_levels, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_family_new(&w->family, REBIAS_FAMILY_DEVICES, devices, true, err);
    }
    for (size_t i = 0; i < w->pulses->n && status == REBIAS_OK; i++) {
        w->family->label[w->block[i]] = w->pulses->device[i];
    }
    return status;
}

int rebias_fit_devices(struct rebias_family **out, const struct rebias_pulses *pulses,
                       const struct rebias_method *method,
                       const struct rebias_fit_options *options, int threads,
                       rebias_progress *progress, void *progress_context,
                       struct rebias_error *err)
{
    *out = NULL;
    struct work work = {.pulses = pulses, .method = method, .options = *options};
    int status = REBIAS_OK;
    if (options->blocks == REBIAS_BLOCKS_DEVICE) {
        status = rebias_fail(err, REBIAS_E_RANGE,
                             "one table a device: each fit has only one block of kind device");
    }
    if (status == REBIAS_OK) {
        status = number_devices(&work, err);
    }
    if (status == REBIAS_OK && is_automatic(options)) {
        status = range_of_devices(&work, err);
    }
    if (status == REBIAS_OK) {
        status = run(out, &work, threads, fit_device, progress, progress_context, err);
    }
    rebias_family_free(work.family);
    free(work.block);
    return status;
}
