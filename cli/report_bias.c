/* report_bias.c - the bias studies in a store.
 * 1. which settings belong together   2. methods and points   3. runs   4. complete replicates
 * 5. one study   6. all studies
 */
#include "report_bias.h"
#include "rebias/bias_cells.h"
#include "rebias/images.h"
#include "rebias/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const roles[] = {"method", "points", "target", NULL}; /* not in labels */

/* -- 1. which settings belong together -- */

static bool is_target(const struct report_setting *setting)
{
    return strcmp(report_key(setting, "method"), "target") == 0;
}

/* Keys that do not tell studies apart. With measured pulses each method has a target of its
 * own, so the method does. */
static bool is_free(const struct report_setting *setting, const char *name)
{
    const bool pulses = report_key(setting, "pulses")[0] != '\0';
    return strcmp(name, "points") == 0 ||
           (strcmp(name, "method") == 0 && (is_target(setting) || !pulses));
}

/* All keys of a that tell studies apart have their value in b as well. */
static bool agrees(const struct report_setting *a, const struct report_setting *b)
{
    for (size_t k = 0; k < a->key_count; k++) {
        const char *name = a->keys[k].name;
        const char *there = strcmp(name, "target-method") == 0 ? "method" : name;
        if (!is_free(a, name) && strcmp(a->keys[k].value, report_key(b, there)) != 0) {
            return false;
        }
    }
    return true;
}

/* A model's setting begins a study unless an earlier one has the same. */
static bool begins_study(const struct report *report, size_t first, size_t s)
{
    const struct report_setting *setting = report_setting(report, s);
    if (is_target(setting)) {
        return false;
    }
    for (size_t earlier = first; earlier < s; earlier++) {
        const struct report_setting *other = report_setting(report, earlier);
        if (!is_target(other) && agrees(other, setting) && agrees(setting, other)) {
            return false;
        }
    }
    return true;
}

/* Models have all keys of the study's first one; its target's network may lack those that are
 * for models alone. */
static bool belongs(const struct report_study *study, const struct report_setting *setting)
{
    return agrees(setting, study->setting) &&
           (is_target(setting) || agrees(study->setting, setting));
}

/* -- 2. methods and points -- */

static int method_number(const struct rebias_bias_options *o, const char *name)
{
    for (size_t m = 0; m < o->methods; m++) {
        if (strcmp(o->method[m].name, name) == 0) {
            return (int)m;
        }
    }
    return -1;
}

static size_t points_of(const struct report_setting *setting)
{
    int64_t points = 0;
    return rebias_parse_integer(report_key(setting, "points"), 0, INT64_MAX, &points)
               ? (size_t)points
               : 0;
}

static int add_method(struct rebias_bias_options *o, const char *name, struct rebias_error *err)
{
    if (method_number(o, name) >= 0) {
        return REBIAS_OK;
    }
    if (o->methods == REBIAS_BIAS_MAX_METHODS || strlen(name) >= sizeof o->method[0].name) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a study with more than %d methods, or a name too long: '%s'",
                           REBIAS_BIAS_MAX_METHODS, name);
    }
    struct rebias_bias_method *method = &o->method[o->methods];
    memcpy(method->name, name, strlen(name) + 1); /* all that assembling wants to know */
    o->methods++;
    return REBIAS_OK;
}

static int add_points(struct rebias_bias_options *o, size_t points, struct rebias_error *err)
{
    size_t place = 0;
    while (place < o->point_counts && o->points[place] < points) {
        place++;
    }
    if (place < o->point_counts && o->points[place] == points) {
        return REBIAS_OK;
    }
    if (o->point_counts == REBIAS_BIAS_MAX_POINTS) {
        return rebias_fail(err, REBIAS_E_RANGE, "a study with more than %d numbers of points",
                           REBIAS_BIAS_MAX_POINTS);
    }
    memmove(o->points + place + 1, o->points + place,
            (o->point_counts - place) * sizeof o->points[0]);
    o->points[place] = points;
    o->point_counts++;
    return REBIAS_OK;
}

static int collect_axes(struct report_study *study, const struct report *report, size_t first,
                        size_t count, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t s = first; s < first + count && status == REBIAS_OK; s++) {
        const struct report_setting *setting = report_setting(report, s);
        if (!is_target(setting) && belongs(study, setting)) {
            status = add_method(&study->options, report_key(setting, "method"), err);
            if (status == REBIAS_OK) {
                status = add_points(&study->options, points_of(setting), err);
            }
        }
    }
    return status;
}

/* -- 3. runs -- */

static int append_runs(struct rebias_buffer *runs, const struct report *report,
                       const struct report_setting *setting,
                       const struct rebias_bias_options *o, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t c = 0; c < setting->count && status == REBIAS_OK; c++) {
        const struct report_cell *cell = report_cell(report, setting->first + c);
        const struct rebias_store_record record = {.cell = {.replicate = cell->replicate},
                                                   .values = cell->values,
                                                   .value_count = cell->value_count};
        struct rebias_bias_run run = {
            .method = is_target(setting) ? -1 : method_number(o, report_key(setting, "method")),
            .points = is_target(setting) ? 0 : points_of(setting)};
        status = rebias_bias_run_read(&run, &record, err);
        if (status == REBIAS_OK) {
            status = rebias_buffer_append(runs, sizeof run, &run, err);
        }
    }
    return status;
}

static int collect_runs(struct rebias_buffer *runs, const struct report *report, size_t first,
                        size_t count, const struct report_study *study,
                        struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t s = first; s < first + count && status == REBIAS_OK; s++) {
        const struct report_setting *setting = report_setting(report, s);
        if (belongs(study, setting)) {
            status = append_runs(runs, report, setting, &study->options, err);
        }
    }
    return status;
}

/* -- 4. complete replicates -- */

/* Networks were trained: some run has an accuracy. */
static bool has_networks(const struct rebias_buffer *runs)
{
    const struct rebias_bias_run *run = runs->data;
    for (size_t i = 0; i < runs->count; i++) {
        if (isfinite(run[i].accuracy)) {
            return true;
        }
    }
    return false;
}

/* Runs of this replicate; of a complete one there are as many as of each other's. */
static size_t runs_of(const struct rebias_buffer *runs, uint32_t replicate)
{
    const struct rebias_bias_run *run = runs->data;
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++) {
        count += run[i].replicate == replicate;
    }
    return count;
}

/* Keeps the replicates that have `wanted` runs, numbered from 0 in their order; returns how
 * many there are, *lowest = the lowest number that one had before. */
static size_t keep_complete(struct rebias_buffer *runs, size_t wanted, uint32_t *lowest)
{
    struct rebias_bias_run *run = runs->data;
    uint32_t highest = 0;
    uint32_t kept = 0;
    size_t used = 0;
    for (size_t i = 0; i < runs->count; i++) {
        highest = run[i].replicate > highest ? run[i].replicate : highest;
    }
    for (uint64_t r = 0; r <= highest && runs->count > 0; r++) {
        if (runs_of(runs, (uint32_t)r) != wanted) {
            continue;
        }
        for (size_t i = used; i < runs->count; i++) {
            if (run[i].replicate == r) {
                const struct rebias_bias_run taken = run[i];
                run[i] = run[used];
                run[used] = taken;
                run[used++].replicate = kept;
            }
        }
        *lowest = kept == 0 ? (uint32_t)r : *lowest;
        kept++;
    }
    runs->count = used;
    return kept;
}

/* -- 5. one study -- */

static double number_of(const struct report_setting *setting, const char *name, double fallback)
{
    double value = fallback;
    return rebias_parse_double(report_key(setting, name), &value) ? value : fallback;
}

static void open_target(struct report_study *study)
{
    struct rebias_error err = {0};
    const char *target = report_key(study->setting, "target");
    if (target[0] == '\0') {
        chart_text(study->missing, sizeof study->missing,
                   "the target is a table fitted to measured pulses");
    } else if (rebias_device_open(&study->device, target, &err) != REBIAS_OK) {
        rebias_error_text(&err, study->missing, sizeof study->missing);
    }
}

/* The result from the complete replicates among runs. */
static int assemble(struct report_study *study, struct rebias_buffer *runs,
                    struct rebias_error *err)
{
    static const struct rebias_image_set some_images = {.source = ""};
    struct rebias_bias_options *o = &study->options;
    struct rebias_device *stand_in = NULL;
    const bool networks = has_networks(runs);
    study->runs = runs->count;
    o->replicates = keep_complete(runs, o->methods * o->point_counts + (networks ? 1 : 0),
                                  &o->synth.replicate);
    study->left_out = study->runs - runs->count;
    if (o->replicates == 0) {
        return REBIAS_OK;
    }
    o->set = networks ? &some_images : NULL; /* tells that there are networks, no more */
    o->target = study->device;
    int status = REBIAS_OK;
    if (study->device == NULL) { /* gives the pulse size, which the report does not show */
        status = rebias_device_open(&stand_in, "ideal", err);
        o->target = stand_in;
    }
    if (status == REBIAS_OK) {
        status = rebias_bias_assemble(&study->result, o, runs->data, runs->count, err);
    }
    o->target = study->device;
    o->set = NULL;
    rebias_device_free(stand_in);
    return status;
}

static int fill_study(struct report_study *study, const struct report *report, size_t first,
                      size_t count, struct rebias_error *err)
{
    const double resamples = 2000.0; /* as `rebias bias` */
    struct rebias_buffer runs = {NULL, 0, 0};
    struct rebias_bias_options *o = &study->options;
    *o = rebias_bias_options_defaults();
    o->level = number_of(study->setting, "level", o->level);
    o->resamples = (size_t)number_of(study->setting, "resamples", resamples);
    o->seed = report_cell(report, study->setting->first)->seed;
    o->synth.filter = number_of(study->setting, "filter", 0.0);
    o->synth.censored = strcmp(report_key(study->setting, "censored"), "yes") == 0;
    const char *target = report_key(study->setting, "target");
    chart_text(study->target, sizeof study->target, "%s",
               target[0] != '\0' ? target : report_key(study->setting, "pulses"));
    report_label(report, first, count, study->setting, roles, study->label,
                 sizeof study->label);
    open_target(study);
    int status = collect_axes(study, report, first, count, err);
    if (status == REBIAS_OK) {
        status = collect_runs(&runs, report, first, count, study, err);
    }
    if (status == REBIAS_OK) {
        status = assemble(study, &runs, err);
    }
    free(runs.data);
    return status;
}

/* -- 6. all studies -- */

int report_studies_new(struct report_study **studies, size_t *count,
                       const struct report *report, struct rebias_error *err)
{
    size_t first = 0;
    const size_t settings = report_job(report, "bias", &first);
    *studies = NULL;
    *count = 0;
    int status = rebias_alloc(studies, settings, sizeof **studies, err);
    for (size_t s = first; s < first + settings && status == REBIAS_OK; s++) {
        if (begins_study(report, first, s)) {
            struct report_study *study = &(*studies)[(*count)++];
            study->setting = report_setting(report, s);
            status = fill_study(study, report, first, settings, err);
        }
    }
    return status;
}

void report_studies_free(struct report_study *studies, size_t count)
{
    for (size_t s = 0; s < count; s++) {
        rebias_bias_result_free(studies[s].result);
        rebias_device_free(studies[s].device);
    }
    free(studies);
}

void report_bias_text(char *text, size_t size, const struct rebias_bias_cell *cell)
{
    if (isnan(cell->bias)) {
        chart_text(text, size, "no pair of networks");
    } else if (isnan(cell->bias_low)) {
        chart_text(text, size, "%+.2f percentage points, no interval from 1 replicate",
                   100.0 * cell->bias);
    } else {
        chart_text(text, size, "%+.2f percentage points [%+.2f, %+.2f]", 100.0 * cell->bias,
                   100.0 * cell->bias_low, 100.0 * cell->bias_high);
    }
}
