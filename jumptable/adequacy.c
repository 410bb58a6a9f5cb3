/* adequacy.c - are there enough points? The expected error of a fit, from the data themselves.
 * 1. options   2. slices   3. subsamples   4. distance between two tables   5. the coefficient
 * 6. the report
 */
#include "rebias/base.h"
#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_adequacy_options rebias_adequacy_options_defaults(void)
{
    return (struct rebias_adequacy_options){.slices = 10, .draws = 20, .seed = 1};
}

static int check_options(const struct rebias_adequacy_options *o, struct rebias_error *err)
{
    if (o->slices < 1 || o->slices > 1000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu slices are not possible (1 to 1000)",
                           o->slices);
    }
    if (o->draws < 2 || o->draws > 10000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu subsamples are not possible (2 to 10000)",
                           o->draws);
    }
    return REBIAS_OK;
}

/* -- 2. slices -- */

static void measure_slice(const struct rebias_pulses *pulses, int polarity, bool last,
                          struct rebias_adequacy_slice *slice)
{
    double sum = 0.0;
    double squares = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        slice->points = 0;
        for (size_t i = 0; i < pulses->n; i++) {
            double G = pulses->G[i];
            bool inside =
                G >= slice->G_low && (G < slice->G_high || (last && G == slice->G_high));
            if (pulses->polarity[i] == polarity && inside) {
                double r = pulses->dG[i] - slice->mean;
                slice->points++;
                sum += pass == 0 ? pulses->dG[i] : 0.0;
                squares += pass == 1 ? r * r : 0.0;
            }
        }
        slice->mean = sum / (double)slice->points; /* NaN for none */
    }
    slice->sd = slice->points > 1 ? sqrt(squares / (double)(slice->points - 1)) : NAN;
    slice->se_mean = slice->sd / sqrt((double)slice->points);
}

static void measure_slices(const struct rebias_pulses *pulses, double Gmin, double Gmax,
                           struct rebias_adequacy *adequacy)
{
    const size_t n = adequacy->slice_count;
    for (size_t k = 0; k < 2 * n; k++) {
        struct rebias_adequacy_slice *slice = &adequacy->slices[k];
        size_t s = k % n;
        slice->G_low = Gmin + (Gmax - Gmin) * (double)s / (double)n;
        slice->G_high = s + 1 == n ? Gmax : Gmin + (Gmax - Gmin) * (double)(s + 1) / (double)n;
        measure_slice(pulses, (int)(k / n), s + 1 == n, slice);
    }
}

/* -- 3. subsamples -- */

/* Appends a random subset of 1/part of the points of one polarity. */
static size_t append_subset(const struct rebias_pulses *pulses, int polarity, size_t part,
                            const struct rebias_stream *stream, uint32_t *member,
                            uint32_t *order, struct rebias_pulses *subset)
{
    size_t n = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == polarity) {
            member[n++] = (uint32_t)i;
        }
    }
    rebias_random_permutation(stream, n, order);
    const size_t m = n / part;
    for (size_t k = 0; k < m; k++) {
        size_t from = member[order[k]];
        subset->polarity[subset->n] = (uint8_t)polarity;
        subset->G[subset->n] = pulses->G[from];
        subset->dG[subset->n] = pulses->dG[from];
        subset->n++;
    }
    return m;
}

/* -- 4. distance between two tables -- */

static void table_moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    const struct rebias_table *table = context;
    rebias_table_moments(&table->side[polarity], REBIAS_RULE_LINEAR, G, mean, sd);
}

static double table_cdf(const void *context, int polarity, double G, double dG)
{
    const struct rebias_table *table = context;
    return rebias_table_cdf(&table->side[polarity], REBIAS_RULE_LINEAR, G, dG);
}

static int distances(const struct rebias_table *a, const struct rebias_table *b, double W1[2],
                     struct rebias_error *err)
{
    const struct rebias_jumps x = {a, table_moments, table_cdf, false};
    const struct rebias_jumps y = {b, table_moments, table_cdf, false};
    struct rebias_compare_options options = {.slices = 51, .grid = 401};
    struct rebias_device_metrics metrics;
    rebias_table_range(b, &options.Gmin, &options.Gmax);
    int status = rebias_compare_jumps(&x, &y, &options, &metrics, NULL, err);
    if (status == REBIAS_OK) {
        memcpy(W1, metrics.wasserstein1, sizeof metrics.wasserstein1);
    }
    return status;
}

/* -- 5. the coefficient -- */

struct study {
    const struct rebias_pulses *pulses;
    const struct rebias_adequacy_options *options;
    struct rebias_fit_options fit;
    struct rebias_table *full;
    struct rebias_pulses *subset;
    uint32_t *member;
    uint32_t *order;
};

/* Adds |distance|/sqrt(1/m - 1/n) of one subsample to sum[2]. */
static int one_draw(struct study *s, size_t part, size_t draw, double sum[2],
                    struct rebias_error *err)
{
    struct rebias_table *table = NULL;
    double W1[2] = {0.0, 0.0};
    size_t m[2] = {0, 0};
    s->subset->n = 0;
    for (int p = 0; p < 2; p++) {
        const struct rebias_stream stream = {s->options->seed, REBIAS_FOR_FOLDS, (uint32_t)draw,
                                             (uint32_t)(2 * part) + (uint32_t)p, 1};
        m[p] = append_subset(s->pulses, p, part, &stream, s->member, s->order, s->subset);
    }
    int status = rebias_fit(&table, s->subset, &s->options->method, &s->fit, NULL, err);
    if (status == REBIAS_OK) {
        status = distances(table, s->full, W1, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        double n = (double)rebias_pulses_count(s->pulses, p);
        sum[p] += W1[p] / sqrt(1.0 / (double)m[p] - 1.0 / n);
    }
    rebias_table_free(table);
    return status;
}

static double mean_sd_of(const struct rebias_table_side *side)
{
    double sum = 0.0;
    for (size_t i = 0; i < side->G_count; i++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &mean, &sd);
        sum += sd;
    }
    return sum / (double)side->G_count;
}

static int measure_sides(struct study *s, struct rebias_adequacy *adequacy,
                         struct rebias_error *err)
{
    static const size_t parts[] = {2, 4};
    enum { PARTS = sizeof parts / sizeof parts[0] };
    double sum[2] = {0.0, 0.0};
    int status = REBIAS_OK;
    for (size_t k = 0; k < PARTS; k++) {
        for (size_t draw = 0; draw < s->options->draws && status == REBIAS_OK; draw++) {
            status = one_draw(s, parts[k], draw, sum, err);
        }
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        struct rebias_adequacy_side *side = &adequacy->side[p];
        side->points = rebias_pulses_count(s->pulses, p);
        side->mean_sd = mean_sd_of(&s->full->side[p]);
        side->coefficient = sum[p] / (double)(PARTS * s->options->draws) / side->mean_sd;
        side->error = side->coefficient / sqrt((double)side->points);
    }
    return status;
}

double rebias_adequacy_points(const struct rebias_adequacy_side *side, double tolerance)
{
    return ceil(side->coefficient * side->coefficient / (tolerance * tolerance));
}

/* -- 6. the report -- */

void rebias_adequacy_free(struct rebias_adequacy *adequacy)
{
    if (adequacy != NULL) {
        free(adequacy->slices);
        free(adequacy);
    }
}

static int prepare(struct study *s, struct rebias_error *err)
{
    int status = rebias_fit(&s->full, s->pulses, &s->options->method, &s->fit, NULL, err);
    if (status == REBIAS_OK) { /* subsamples are fitted over the same range */
        rebias_table_range(s->full, &s->fit.Gmin, &s->fit.Gmax);
        status = rebias_pulses_new(&s->subset, s->pulses->n, false, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->member, s->pulses->n, sizeof *s->member, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->order, s->pulses->n, sizeof *s->order, err);
    }
    return status;
}

int rebias_adequacy_measure(struct rebias_adequacy **out, const struct rebias_pulses *pulses,
                            const struct rebias_adequacy_options *options,
                            struct rebias_error *err)
{
    *out = NULL;
    struct rebias_adequacy *adequacy = NULL;
    struct study study = {
        .pulses = pulses, .options = options, .fit = rebias_fit_options_defaults()};
    study.fit.Gmin = options->Gmin;
    study.fit.Gmax = options->Gmax;
    study.fit.seed = options->seed;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = prepare(&study, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&adequacy, 1, sizeof *adequacy, err);
    }
    if (status == REBIAS_OK) {
        adequacy->slice_count = options->slices;
        status =
            rebias_alloc(&adequacy->slices, 2 * options->slices, sizeof *adequacy->slices, err);
    }
    if (status == REBIAS_OK) {
        measure_slices(pulses, study.fit.Gmin, study.fit.Gmax, adequacy);
        status = measure_sides(&study, adequacy, err);
    }
    rebias_table_free(study.full);
    rebias_pulses_free(study.subset);
    free(study.member);
    free(study.order);
    if (status != REBIAS_OK) {
        rebias_adequacy_free(adequacy);
        return status;
    }
    *out = adequacy;
    return REBIAS_OK;
}
