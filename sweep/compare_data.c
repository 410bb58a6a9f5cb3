/* compare_data.c - pulse data against a device or other pulse data, slice by slice.
 * 1. slots   2. common range   3. the reference's laws   4. weights   5. raw distances
 * 6. the comparison
 */
#include "comparison.h"
#include "rebias/bias.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

/* -- 1. slots -- */

void rebias_cut_release(struct rebias_cut *cut)
{
    free(cut->slot);
    free(cut->start);
    free(cut->order);
    free(cut->rank);
}

size_t rebias_cut_count(const struct rebias_cut *cut, size_t slot)
{
    return cut->start[slot + 1] - cut->start[slot];
}

static uint32_t slot_of(double G, int polarity, double Gmin, double Gmax, size_t slices)
{
    if (!(G >= Gmin && G <= Gmax)) {
        return REBIAS_NO_SLOT;
    }
    size_t slice = (size_t)((G - Gmin) / (Gmax - Gmin) * (double)slices);
    slice = slice < slices ? slice : slices - 1; /* G = Gmax */
    return (uint32_t)((size_t)polarity * slices + slice);
}

/* Points by slot in the order of their dG: sorted by dG first, then dealt out. */
static void deal_points(struct rebias_cut *cut, size_t n, size_t slots, const size_t *by_dG)
{
    for (size_t i = 0; i < n; i++) {
        if (cut->slot[i] != REBIAS_NO_SLOT) {
            cut->start[cut->slot[i] + 1]++;
        }
    }
    for (size_t s = 0; s < slots; s++) {
        cut->start[s + 1] += cut->start[s];
    }
    for (size_t k = 0; k < n; k++) {
        uint32_t slot = cut->slot[by_dG[k]];
        if (slot != REBIAS_NO_SLOT) {
            cut->order[cut->start[slot]++] = (uint32_t)by_dG[k];
        }
    }
    for (size_t s = slots; s > 0; s--) { /* dealing has moved each start to its end */
        cut->start[s] = cut->start[s - 1];
    }
    cut->start[0] = 0;
    for (size_t s = 0; s < slots; s++) {
        for (size_t k = cut->start[s]; k < cut->start[s + 1]; k++) {
            cut->rank[cut->order[k]] = (uint32_t)(k - cut->start[s]);
        }
    }
}

int rebias_cut_new(struct rebias_cut *cut, const struct rebias_pulses *pulses, double Gmin,
                   double Gmax, size_t slices, struct rebias_error *err)
{
    const size_t n = pulses->n;
    size_t *by_dG = NULL;
    int status = rebias_alloc(&cut->slot, n, sizeof *cut->slot, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cut->start, 2 * slices + 1, sizeof *cut->start, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cut->order, n, sizeof *cut->order, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cut->rank, n, sizeof *cut->rank, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&by_dG, n, sizeof *by_dG, err);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < n; i++) {
            cut->slot[i] = slot_of(pulses->G[i], pulses->polarity[i], Gmin, Gmax, slices);
        }
        gsl_sort_index(by_dG, pulses->dG, 1, n);
        deal_points(cut, n, 2 * slices, by_dG);
    }
    free(by_dG);
    return status;
}

/* -- 2. common range -- */

static void range_of(const struct rebias_operand *operand, double *Gmin, double *Gmax)
{
    if (operand->device != NULL) {
        *Gmin = operand->device->Gmin;
        *Gmax = operand->device->Gmax;
        return;
    }
    struct rebias_pulses_summary set;
    struct rebias_pulses_summary reset;
    rebias_pulses_describe(operand->pulses, REBIAS_SET, &set);
    rebias_pulses_describe(operand->pulses, REBIAS_RESET, &reset);
    *Gmin = fmax(set.G_min, reset.G_min);
    *Gmax = fmin(set.G_max, reset.G_max);
}

static int find_range(struct rebias_data_comparison *c, const struct rebias_operand *model,
                      const struct rebias_operand *target, struct rebias_error *err)
{
    double low[2];
    double high[2];
    range_of(target, &low[0], &high[0]);
    range_of(model, &low[1], &high[1]);
    c->Gmin = fmax(low[0], low[1]);
    c->Gmax = fmin(high[0], high[1]);
    if (!(c->Gmin < c->Gmax)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%s (%g to %g S) and %s (%g to %g S) have no common range",
                           model->name, low[1], high[1], target->name, low[0], high[0]);
    }
    return REBIAS_OK;
}

/* -- 3. the reference's laws -- */

enum { MIXED = 256 }; /* distributions of a device in a slot's mixture, at most */

static int law_of_device(struct rebias_data_comparison *c, size_t slot,
                         struct rebias_error *err)
{
    const size_t n = rebias_cut_count(&c->cut, slot);
    const uint32_t *point = c->cut.order + c->cut.start[slot];
    const size_t m = n < MIXED ? n : MIXED;
    double *G = NULL;
    int status = rebias_alloc(&G, n, sizeof *G, err);
    if (status == REBIAS_OK) {
        for (size_t k = 0; k < n; k++) {
            G[k] = c->sample->G[point[k]];
        }
        gsl_sort(G, 1, n);
        for (size_t k = 0; k < m; k++) { /* evenly over the ranks, in place: never ahead of k */
            G[k] = G[k * n / m + (n / m) / 2];
        }
        status = rebias_law_of_device(&c->law[slot], &c->jumps, slot >= c->slots / 2 ? 1 : 0, m,
                                      G, c->Gmax - c->Gmin, err);
    }
    free(G);
    return status;
}

static int law_of_data(struct rebias_data_comparison *c, size_t slot, struct rebias_error *err)
{
    const size_t n = rebias_cut_count(&c->reference_cut, slot);
    const uint32_t *point = c->reference_cut.order + c->reference_cut.start[slot];
    double *dG = NULL;
    int status = rebias_alloc(&dG, n, sizeof *dG, err);
    if (status == REBIAS_OK) {
        for (size_t k = 0; k < n; k++) {
            dG[k] = c->reference_data->dG[point[k]];
        }
        status = rebias_law_of_sample(&c->law[slot], n, dG, err);
    }
    free(dG);
    return status;
}

static int make_law(void *context, size_t slot, struct rebias_error *err)
{
    struct rebias_data_comparison *c = context;
    if (rebias_cut_count(&c->cut, slot) < 2 ||
        (c->reference_data != NULL && rebias_cut_count(&c->reference_cut, slot) < 2)) {
        return REBIAS_OK;
    }
    return c->reference_data != NULL ? law_of_data(c, slot, err) : law_of_device(c, slot, err);
}

/* -- 4. weights -- */

static int weigh_visits(struct rebias_data_comparison *c, struct rebias_error *err)
{
    const size_t slices = c->slots / 2;
    double *sides[2] = {c->weights, c->weights + slices};
    double half = 0.5 * (c->Gmax - c->Gmin) / (double)slices;
    if (slices == 1) { /* nothing to weigh */
        c->weights[0] = c->weights[1] = 1.0;
        return REBIAS_OK;
    }
    return rebias_visits_weights(c->options->visits, c->Gmin + half, c->Gmax - half, slices,
                                 sides, err);
}

static int weigh_slots(struct rebias_data_comparison *c, struct rebias_error *err)
{
    int status = REBIAS_OK;
    double sum[2] = {0.0, 0.0};
    if (c->options->weights == REBIAS_SLICES_BY_VISITS) {
        status = weigh_visits(c, err);
    }
    for (size_t s = 0; s < c->slots && status == REBIAS_OK; s++) {
        if (c->options->weights == REBIAS_SLICES_BY_DATA) {
            c->weights[s] = (double)rebias_cut_count(&c->cut, s);
            c->weights[s] += c->reference_data != NULL
                                 ? (double)rebias_cut_count(&c->reference_cut, s)
                                 : 0.0;
        } else if (c->options->weights == REBIAS_SLICES_UNIFORM) {
            c->weights[s] = 1.0;
        }
        c->weights[s] = c->law[s].n > 0 ? c->weights[s] : 0.0;
        sum[s >= c->slots / 2] += c->weights[s];
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        if (!(sum[p] > 0.0)) {
            status = rebias_fail(
                err, REBIAS_E_DATA,
                "no slice of G holds 2 %s points%s (%zu slices from %g to "
                "%g S)",
                p == 0 ? "SET" : "RESET",
                c->options->weights == REBIAS_SLICES_BY_VISITS ? " and has been visited" : "",
                c->slots / 2, c->Gmin, c->Gmax);
        }
    }
    return status;
}

/* -- 5. raw distances -- */

static void measure_slot(const struct rebias_data_comparison *c, size_t slot, double *dG,
                         struct rebias_law_work *work, struct rebias_slice_metrics *slice)
{
    const size_t n = rebias_cut_count(&c->cut, slot);
    for (size_t k = 0; k < n; k++) {
        dG[k] = c->sample->dG[c->cut.order[c->cut.start[slot] + k]];
    }
    rebias_law_measure(&c->law[slot], n, dG, c->sample_is_model, work, slice);
}

static const struct rebias_slice_metrics no_slice = {NAN, NAN, NAN, NAN, NAN, NAN,
                                                     NAN, NAN, NAN, NAN, NAN, NAN};

/* Fills result's slices and points, and *raw. */
static int measure_data(const struct rebias_data_comparison *c,
                        struct rebias_comparison *result, struct rebias_metric_values *raw,
                        struct rebias_error *err)
{
    const size_t slices = c->slots / 2;
    size_t grid = REBIAS_LAW_GRID;
    double *dG = NULL;
    struct rebias_law_work work = {0};
    for (size_t s = 0; s < c->slots; s++) {
        grid = c->law[s].n > grid ? c->law[s].n : grid;
    }
    result->slice_count = slices;
    int status = rebias_alloc(&result->slices, c->slots, sizeof *result->slices, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result->points, c->slots, sizeof *result->points, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&dG, c->sample->n, sizeof *dG, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_law_work_new(&work, grid, c->sample->n, err);
    }
    for (size_t s = 0; s < c->slots && status == REBIAS_OK; s++) {
        double part = ((double)(s % slices) + 0.5) / (double)slices;
        result->points[s] = rebias_cut_count(&c->cut, s);
        result->slices[s] = no_slice;
        if (c->law[s].n > 0) {
            measure_slot(c, s, dG, &work, &result->slices[s]);
        }
        result->slices[s].G = (1.0 - part) * c->Gmin + part * c->Gmax;
    }
    if (status == REBIAS_OK) {
        const struct rebias_device_metrics means =
            rebias_slices_average(result->slices, c->weights, slices);
        *raw = rebias_metric_values_of(&means);
        rebias_comparison_mean_scores(c, c->sample->n, NULL, raw);
    }
    free(dG);
    rebias_law_work_release(&work);
    return status;
}

/* -- 6. the comparison -- */

static void release(struct rebias_data_comparison *c)
{
    for (size_t s = 0; s < c->slots && c->law != NULL; s++) {
        rebias_law_release(&c->law[s]);
    }
    free(c->law);
    free(c->weights);
    free(c->crps);
    free(c->log_score);
    free(c->u);
    rebias_cut_release(&c->cut);
    rebias_cut_release(&c->reference_cut);
}

static int prepare(struct rebias_data_comparison *c, struct rebias_error *err)
{
    const size_t slices = c->slots / 2;
    int status = rebias_cut_new(&c->cut, c->sample, c->Gmin, c->Gmax, slices, err);
    if (status == REBIAS_OK && c->reference_data != NULL) {
        status =
            rebias_cut_new(&c->reference_cut, c->reference_data, c->Gmin, c->Gmax, slices, err);
    }
    if (status == REBIAS_OK && c->reference_device != NULL) {
        status = rebias_device_jumps(&c->jumps, c->reference_device, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->law, c->slots, sizeof *c->law, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->weights, c->slots, sizeof *c->weights, err);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_parallel_for(c->slots, c->options->threads, make_law, c, NULL, NULL, err);
    }
    if (status == REBIAS_OK) {
        status = weigh_slots(c, err);
    }
    if (status == REBIAS_OK && c->reference_device != NULL) {
        status = rebias_comparison_score(c, err);
    }
    return status;
}

int rebias_compare_data(struct rebias_comparison *result, const struct rebias_operand *model,
                        const struct rebias_operand *target,
                        const struct rebias_comparison_options *options,
                        rebias_progress *progress, void *progress_context,
                        struct rebias_error *err)
{
    const bool sample_is_model = target->pulses == NULL;
    const struct rebias_operand *reference = sample_is_model ? target : model;
    struct rebias_data_comparison c = {.options = options,
                                       .sample_is_model = sample_is_model,
                                       .sample =
                                           sample_is_model ? model->pulses : target->pulses,
                                       .reference_data = reference->pulses,
                                       .reference_device = reference->device,
                                       .slots = 2 * options->data_slices};
    struct rebias_metric_values raw;
    int status = find_range(&c, model, target, err);
    if (status == REBIAS_OK) {
        status = prepare(&c, err);
    }
    if (status == REBIAS_OK) {
        status = measure_data(&c, result, &raw, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_comparison_resample(&c, &raw, result, progress, progress_context, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_comparison_test(&c, result, err);
    }
    release(&c);
    return status;
}
