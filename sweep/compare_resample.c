/* compare_resample.c - values and intervals of a comparison with data, by resampling laws
 * between the reference and the data.
 * 1. the laws   2. one resample, dealt out   3. its distances   4. relabeled data
 * 5. one resample of every law   6. exact distances of the laws   7. inversion
 * 8. all resamples
 */
#include "comparison.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. the laws -- */

/* Displacements of the points, as parts of the way from the reference (0) to the data (1). */
static const double parts[] = {0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0};
enum { PARTS = sizeof parts / sizeof parts[0], OWN_PART = 5 }; /* parts[OWN_PART] = 1 */

struct study {
    const struct rebias_data_comparison *c;
    struct rebias_pulses sample; /* the data with the number of each point as its pulse */
    struct rebias_pulses reference;
    struct rebias_metric_values *found; /* [PARTS x resamples] */
    double tail;                        /* probability outside either end of an interval */
};

static int number_points(struct rebias_pulses *numbered, const struct rebias_pulses *pulses,
                         struct rebias_error *err)
{
    *numbered = *pulses;
    numbered->pulse = NULL;
    if (pulses->n > INT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu points are too many to be resampled (%d)",
                           pulses->n, INT32_MAX);
    }
    int status = rebias_alloc(&numbered->pulse, pulses->n, sizeof *numbered->pulse, err);
    for (size_t i = 0; i < pulses->n && status == REBIAS_OK; i++) {
        numbered->pulse[i] = (int32_t)i;
    }
    return status;
}

/* -- 2. one resample, dealt out -- */

struct resample {
    struct rebias_pulses *drawn;
    size_t *start;                       /* [slots + 1] */
    int32_t *point;                      /* [n] numbers of the points, by slot */
    double *jitter;                      /* [n] */
    double *from;                        /* [n] the reference's quantile of the point's rank */
    double *to;                          /* [n] the point's dG */
    double *dG;                          /* [n] */
    size_t longest;                      /* points in the fullest slot */
    double *weights;                     /* [slots] 0 where fewer than 2 points are left */
    struct rebias_law *law;              /* [slots] of the reference's own resample, or NULL */
    struct rebias_slice_metrics *slices; /* [slots] */
    struct rebias_law_work work;
};

static void release(struct resample *r, size_t slots)
{
    for (size_t s = 0; s < slots && r->law != NULL; s++) {
        rebias_law_release(&r->law[s]);
    }
    rebias_pulses_free(r->drawn);
    free(r->start);
    free(r->point);
    free(r->jitter);
    free(r->law);
    free(r->weights);
    free(r->slices);
    rebias_law_work_release(&r->work);
}

/* Draws and deals the points of pulses (cut as in cut) to their slots. */
static int deal(struct resample *r, const struct rebias_pulses *pulses,
                const struct rebias_cut *cut, const struct rebias_data_comparison *c,
                uint32_t number, struct rebias_error *err)
{
    int status = rebias_pulses_resample(&r->drawn, pulses, c->options->blocks, c->options->seed,
                                        number, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&r->start, c->slots + 2, sizeof *r->start, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&r->point, r->drawn->n, sizeof *r->point, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    size_t *next = r->start + 1; /* ends of the slots once dealt, hence starts one place on */
    for (size_t i = 0; i < r->drawn->n; i++) {
        uint32_t slot = cut->slot[r->drawn->pulse[i]];
        if (slot != REBIAS_NO_SLOT) {
            next[slot + 1]++;
        }
    }
    for (size_t s = 0; s < c->slots; s++) {
        r->longest = next[s + 1] > r->longest ? next[s + 1] : r->longest;
        next[s + 1] += next[s];
    }
    for (size_t i = 0; i < r->drawn->n; i++) {
        uint32_t slot = cut->slot[r->drawn->pulse[i]];
        if (slot != REBIAS_NO_SLOT) {
            r->point[next[slot]++] = r->drawn->pulse[i];
        }
    }
    return REBIAS_OK;
}

/* Laws of the other data's resample. */
static int draw_reference(struct resample *r, const struct study *s, uint32_t number,
                          struct rebias_error *err)
{
    const struct rebias_data_comparison *c = s->c;
    struct resample other = {0};
    double *dG = NULL;
    int status = rebias_alloc(&r->law, c->slots, sizeof *r->law, err);
    if (status == REBIAS_OK) {
        status = deal(&other, &s->reference, &c->reference_cut, c, number, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&dG, other.longest, sizeof *dG, err);
    }
    for (size_t slot = 0; slot < c->slots && status == REBIAS_OK; slot++) {
        const size_t n = other.start[slot + 1] - other.start[slot];
        for (size_t k = 0; k < n; k++) {
            dG[k] = s->reference.dG[other.point[other.start[slot] + k]];
        }
        gsl_sort(dG, 1, n);
        if (n >= 2) {
            status = rebias_law_of_sample(&r->law[slot], n, dG, err);
        }
    }
    free(dG);
    release(&other, c->slots);
    return status;
}

/* -- 3. its distances -- */

static const struct rebias_law *law_of(const struct resample *r,
                                       const struct rebias_data_comparison *c, size_t slot)
{
    return r->law != NULL ? &r->law[slot] : &c->law[slot];
}

/* The reference's value at probability u: of data one of the points, for a law that is linear
 * between them would have less spread than they have. */
static double reference_at(const struct rebias_data_comparison *c, size_t slot, double u)
{
    const struct rebias_law *law = &c->law[slot];
    return c->reference_data != NULL ? law->x[(size_t)(u * (double)law->n)]
                                     : rebias_law_quantile(law, u);
}

/* The ends of each point's way, and the slots' weights. */
static void place_points(struct resample *r, const struct rebias_data_comparison *c)
{
    for (size_t s = 0; s < c->slots; s++) {
        const size_t n = r->start[s + 1] - r->start[s];
        bool used = n >= 2 && law_of(r, c, s)->n >= 2;
        r->weights[s] = used ? c->weights[s] : 0.0;
        for (size_t k = r->start[s]; k < r->start[s + 1] && r->weights[s] > 0.0; k++) {
            double rank = (double)c->cut.rank[r->point[k]] + r->jitter[k];
            r->from[k] = reference_at(c, s, rank / (double)rebias_cut_count(&c->cut, s));
            r->to[k] = c->sample->dG[r->point[k]];
        }
    }
}

/* False when a polarity has lost all its slots. */
static bool is_usable(const double *weights, size_t slots)
{
    double sum[2] = {0.0, 0.0};
    for (size_t s = 0; s < slots; s++) {
        sum[s >= slots / 2] += weights[s];
    }
    return sum[0] > 0.0 && sum[1] > 0.0;
}

static void measure_part(struct resample *r, const struct rebias_data_comparison *c,
                         double part, struct rebias_metric_values *values)
{
    for (size_t s = 0; s < c->slots; s++) {
        if (!(r->weights[s] > 0.0)) {
            continue;
        }
        const size_t n = r->start[s + 1] - r->start[s];
        for (size_t k = 0; k < n; k++) {
            size_t at = r->start[s] + k;
            r->dG[k] = (1.0 - part) * r->from[at] + part * r->to[at];
        }
        gsl_sort(r->dG, 1, n);
        rebias_law_measure(law_of(r, c, s), n, r->dG, c->sample_is_model, &r->work,
                           &r->slices[s]);
    }
    const struct rebias_device_metrics means =
        rebias_slices_average(r->slices, r->weights, c->slots / 2);
    *values = rebias_metric_values_of(&means);
}

static int allocate(struct resample *r, const struct rebias_data_comparison *c,
                    struct rebias_error *err)
{
    const size_t n = r->drawn->n;
    size_t grid = REBIAS_LAW_GRID;
    for (size_t s = 0; s < c->slots; s++) {
        const size_t points = law_of(r, c, s)->n;
        grid = points > grid ? points : grid;
    }
    int status = rebias_alloc(&r->jitter, 4 * n, sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&r->weights, c->slots, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&r->slices, c->slots, sizeof *r->slices, err);
    }
    if (status == REBIAS_OK) {
        r->from = r->jitter + n;
        r->to = r->from + n;
        r->dG = r->to + n;
        status = rebias_law_work_new(&r->work, grid, r->longest, err);
    }
    return status;
}

/* -- 4. relabeled data -- */

/* Splits the points of a slot into two sets at random and compares them. */
static int permute_slot(const struct rebias_data_comparison *c, size_t slot, uint32_t number,
                        struct rebias_law_work *work, struct rebias_slice_metrics *slice,
                        struct rebias_error *err)
{
    const size_t n = rebias_cut_count(&c->cut, slot);
    const size_t m = rebias_cut_count(&c->reference_cut, slot);
    const struct rebias_stream stream = {.seed = c->options->seed,
                                         .purpose = REBIAS_FOR_PERMUTATION,
                                         .replicate = 1, /* 0 are the tests */
                                         .entity = (uint32_t)slot,
                                         .step = number};
    uint32_t *order = NULL;
    double *dG = NULL;
    struct rebias_law law = {0};
    int status = rebias_alloc(&order, n + m, sizeof *order, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&dG, n + m, sizeof *dG, err);
    }
    if (status == REBIAS_OK) {
        rebias_random_permutation(&stream, n + m, order);
        for (size_t k = 0; k < n + m; k++) {
            size_t from = order[k];
            dG[k] = from < n ? c->sample->dG[c->cut.order[c->cut.start[slot] + from]]
                             : c->law[slot].x[from - n];
        }
        gsl_sort(dG, 1, n);
        gsl_sort(dG + n, 1, m);
        status = rebias_law_of_sample(&law, m, dG + n, err);
    }
    if (status == REBIAS_OK) {
        rebias_law_measure(&law, n, dG, c->sample_is_model, work, slice);
    }
    rebias_law_release(&law);
    free(order);
    free(dG);
    return status;
}

/* Distances of two sets of data whose points belong to either by chance: an exact test, while
 * resampled points have less spread than the points, which an average over slots would show. */
static int permute(const struct rebias_data_comparison *c, uint32_t number,
                   struct rebias_metric_values *values, struct rebias_error *err)
{
    struct rebias_slice_metrics *slices = NULL;
    struct rebias_law_work work = {0};
    int status = rebias_alloc(&slices, c->slots, sizeof *slices, err);
    if (status == REBIAS_OK) {
        status = rebias_law_work_new(&work, c->reference_data->n, c->sample->n, err);
    }
    for (size_t s = 0; s < c->slots && status == REBIAS_OK; s++) {
        if (c->weights[s] > 0.0) {
            status = permute_slot(c, s, number, &work, &slices[s], err);
        }
    }
    if (status == REBIAS_OK) {
        const struct rebias_device_metrics means =
            rebias_slices_average(slices, c->weights, c->slots / 2);
        *values = rebias_metric_values_of(&means);
    }
    free(slices);
    rebias_law_work_release(&work);
    return status;
}

/* -- 5. one resample of every law -- */

static const double not_found = NAN;

/* Resample number `item` of every law. */
static int run_resample(void *context, size_t item, struct rebias_error *err)
{
    struct study *s = context;
    const struct rebias_data_comparison *c = s->c;
    const size_t resamples = c->options->resamples;
    struct resample r = {0};
    int status = deal(&r, &s->sample, &c->cut, c, (uint32_t)item, err);
    if (status == REBIAS_OK && c->reference_data != NULL) {
        status = draw_reference(&r, s, (uint32_t)(resamples + item), err);
    }
    if (status == REBIAS_OK) {
        status = allocate(&r, c, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_stream stream = {
            .seed = c->options->seed, .purpose = REBIAS_FOR_SUBSET, .step = (uint32_t)item};
        rebias_random_uniform(&stream, 0, r.drawn->n, r.jitter);
        place_points(&r, c);
        for (size_t k = 0; k < PARTS; k++) {
            struct rebias_metric_values *values = &s->found[k * resamples + item];
            if (is_usable(r.weights, c->slots)) {
                measure_part(&r, c, parts[k], values);
            } else {
                values->at[0][0] = not_found;
            }
        }
        if (c->reference_data != NULL) {
            status = permute(c, (uint32_t)item, &s->found[item], err); /* law 0 */
        }
        rebias_comparison_mean_scores(c, r.drawn->n, r.drawn->pulse,
                                      &s->found[OWN_PART * resamples + item]);
    }
    release(&r, c->slots);
    return status;
}

/* -- 6. exact distances of the laws -- */

/* Each point stands for `copies` evenly spread ranks around its own. */
static size_t copies_of(size_t n)
{
    const size_t enough = 4000;
    const size_t most = 16;
    size_t copies = enough / n;
    return copies < 1 ? 1 : copies > most ? most : copies;
}

static void measure_law(const struct rebias_data_comparison *c, size_t slot, double part,
                        double *dG, struct rebias_law_work *work,
                        struct rebias_slice_metrics *slice)
{
    const size_t n = rebias_cut_count(&c->cut, slot);
    const size_t copies = copies_of(n);
    for (size_t k = 0; k < n; k++) {
        double to = c->sample->dG[c->cut.order[c->cut.start[slot] + k]];
        for (size_t j = 0; j < copies; j++) {
            double rank = (double)k + ((double)j + 0.5) / (double)copies;
            double from = reference_at(c, slot, rank / (double)n);
            dG[k * copies + j] = (1.0 - part) * from + part * to;
        }
    }
    gsl_sort(dG, 1, n * copies);
    rebias_law_measure(&c->law[slot], n * copies, dG, c->sample_is_model, work, slice);
}

/* distance[k] = the metrics of law k itself, without noise. */
static int measure_laws(const struct rebias_data_comparison *c,
                        struct rebias_metric_values *distance, struct rebias_error *err)
{
    size_t most = 0;
    size_t grid = 0;
    double *dG = NULL;
    struct rebias_slice_metrics *slices = NULL;
    struct rebias_law_work work = {0};
    for (size_t s = 0; s < c->slots; s++) {
        const size_t n = rebias_cut_count(&c->cut, s);
        most = n > 0 && n * copies_of(n) > most ? n * copies_of(n) : most;
        grid = c->law[s].n > grid ? c->law[s].n : grid;
    }
    int status = rebias_alloc(&dG, most, sizeof *dG, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&slices, c->slots, sizeof *slices, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_law_work_new(&work, grid, most, err);
    }
    for (size_t k = 0; k < PARTS && status == REBIAS_OK; k++) {
        for (size_t s = 0; s < c->slots; s++) {
            if (c->law[s].n > 0) {
                measure_law(c, s, parts[k], dG, &work, &slices[s]);
            }
        }
        const struct rebias_device_metrics means =
            rebias_slices_average(slices, c->weights, c->slots / 2);
        distance[k] = rebias_metric_values_of(&means);
    }
    free(dG);
    free(slices);
    rebias_law_work_release(&work);
    return status;
}

/* -- 7. inversion -- */

/* The distance of the law whose quantile (ascending with the law) is raw; 0 below the first. */
static double invert(const double quantile[PARTS], const double distance[PARTS], double raw)
{
    if (!(raw > quantile[0])) {
        return 0.0;
    }
    for (size_t k = 1; k < PARTS; k++) {
        if (quantile[k] >= raw) {
            double part = (raw - quantile[k - 1]) / (quantile[k] - quantile[k - 1]);
            return distance[k - 1] + part * (distance[k] - distance[k - 1]);
        }
    }
    return distance[PARTS - 1];
}

struct numbers {
    size_t n;
    double *x;
};

/* The finite values of one metric in one law, sorted. */
static void collect(const struct study *s, size_t k, int metric, int p, struct numbers *numbers)
{
    const size_t resamples = s->c->options->resamples;
    numbers->n = 0;
    for (size_t b = 0; b < resamples; b++) {
        const struct rebias_metric_values *v = &s->found[k * resamples + b];
        if (!isnan(v->at[0][0]) && isfinite(v->at[metric][p])) {
            numbers->x[numbers->n++] = v->at[metric][p];
        }
    }
    gsl_sort(numbers->x, 1, numbers->n);
}

/* Mean number of points in a slot, or of blocks that reach it at most. */
static int count_points(const struct rebias_data_comparison *c, double *n,
                        struct rebias_error *err)
{
    uint32_t *block = NULL;
    size_t blocks = 0;
    size_t points = 0;
    size_t slots = 0;
    enum rebias_blocks used = REBIAS_BLOCKS_POINTS;
    int status = rebias_alloc(&block, c->sample->n, sizeof *block, err);
    if (status == REBIAS_OK) {
        status =
            rebias_pulses_blocks(c->sample, c->options->blocks, block, &blocks, &used, err);
    }
    free(block);
    for (size_t slot = 0; slot < c->slots; slot++) {
        if (c->weights[slot] > 0.0) {
            points += rebias_cut_count(&c->cut, slot);
            slots++;
        }
    }
    blocks = used == REBIAS_BLOCKS_CYCLE ? blocks / 2 : blocks; /* of one polarity */
    *n = (double)points / (double)slots;                        /* at least 2 */
    *n = used == REBIAS_BLOCKS_POINTS ? *n : fmax(fmin(*n, (double)blocks), 2.0);
    return status;
}

/* Probability of a tail, smaller than nominal: Phi(-t sqrt(n/(n - 1))) with Student's t.
 * Resampling n points gives (n - 1)/n of the variance. */
static int expand_tail(const struct rebias_data_comparison *c, double *tail,
                       struct rebias_error *err)
{
    double n = 0.0;
    int status = count_points(c, &n, err);
    if (status == REBIAS_OK) {
        double t = gsl_cdf_tdist_Qinv(0.5 * (1.0 - c->options->level), n - 1.0);
        *tail = gsl_cdf_ugaussian_P(-t * sqrt(n / (n - 1.0)));
    }
    return status;
}

static void invert_distance(const struct study *s, int metric, int p,
                            const struct rebias_metric_values *exact, bool inverted,
                            struct numbers *numbers, struct rebias_interval *row)
{
    const double tail = s->tail;
    double low[PARTS];
    double middle[PARTS];
    double high[PARTS];
    double distance[PARTS];
    double raw = row->value;
    for (size_t k = 0; k < PARTS; k++) {
        collect(s, k, metric, p, numbers);
        if (numbers->n == 0) {
            return;
        }
        low[k] = rebias_sorted_quantile(numbers->n, numbers->x, tail);
        middle[k] = rebias_sorted_quantile(numbers->n, numbers->x, 0.5);
        high[k] = rebias_sorted_quantile(numbers->n, numbers->x, 1.0 - tail);
        distance[k] = k > 0 ? exact[k].at[metric][p] : 0.0;
        if (k == 0) {
            size_t below = 0;
            while (below < numbers->n && numbers->x[below] < raw) {
                below++;
            }
            row->p_value = (double)(numbers->n - below + 1) / (double)(numbers->n + 1);
        }
    }
    row->value = invert(middle, distance, raw);
    if (inverted) {
        row->low = invert(high, distance, raw);
        /* a sample that happens to lie nearer than chance would put it knows no more */
        row->high = invert(low, distance, fmax(raw, middle[0]));
    }
}

/* The basic interval, but around the value: a resampled sd is smaller than the sample's by more
 * than that is too small itself, so the median is taken out and not corrected for. */
static void reflect(const struct study *s, int metric, int p, struct numbers *numbers,
                    struct rebias_interval *row)
{
    const double tail = s->tail;
    collect(s, OWN_PART, metric, p, numbers);
    if (numbers->n > 0 && !isnan(row->value)) {
        double middle = rebias_sorted_quantile(numbers->n, numbers->x, 0.5);
        row->low =
            row->value + middle - rebias_sorted_quantile(numbers->n, numbers->x, 1.0 - tail);
        row->high = row->value + middle - rebias_sorted_quantile(numbers->n, numbers->x, tail);
    }
}

static void fill_rows(const struct study *s, const struct rebias_metric_values *raw,
                      const struct rebias_metric_values *exact, struct numbers *numbers,
                      struct rebias_comparison *result)
{
    for (int metric = 0; metric <= REBIAS_METRIC_LOG_SCORE; metric++) {
        for (int p = 0; p < 3; p++) {
            struct rebias_interval *row = &result->row[metric][p];
            bool inverted = false;
            row->value = raw->at[metric][p];
            if (rebias_metric_is_distance((enum rebias_comparison_metric)metric, &inverted)) {
                invert_distance(s, metric, p, exact, inverted, numbers, row);
            } else if (metric != REBIAS_METRIC_WRONG_SIGN) { /* counts signs: too coarse */
                reflect(s, metric, p, numbers, row);
            }
        }
    }
}

/* -- 8. all resamples -- */

int rebias_comparison_resample(const struct rebias_data_comparison *c,
                               const struct rebias_metric_values *raw,
                               struct rebias_comparison *result, rebias_progress *progress,
                               void *progress_context, struct rebias_error *err)
{
    const size_t resamples = c->options->resamples;
    struct study study = {.c = c};
    struct rebias_metric_values *exact = NULL;
    struct numbers numbers = {0, NULL};
    int status = number_points(&study.sample, c->sample, err);
    if (status == REBIAS_OK && c->reference_data != NULL) {
        status = number_points(&study.reference, c->reference_data, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&study.found, PARTS * resamples, sizeof *study.found, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&exact, PARTS, sizeof *exact, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&numbers.x, resamples, sizeof *numbers.x, err);
    }
    if (status == REBIAS_OK) {
        status = expand_tail(c, &study.tail, err);
    }
    if (status == REBIAS_OK) {
        status = measure_laws(c, exact, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(resamples, c->options->threads, run_resample, &study,
                                     progress, progress_context, err);
    }
    if (status == REBIAS_OK) {
        fill_rows(&study, raw, exact, &numbers, result);
    }
    free(study.sample.pulse);
    free(study.reference.pulse);
    free(study.found);
    free(exact);
    free(numbers.x);
    return status;
}
