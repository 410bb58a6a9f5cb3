/* scores.c - how well estimators predict points that their fits have not seen.
 * 1. options   2. blocks of points   3. scores of the points   4. means and intervals
 * 5. the study
 */
#include "holdout.h"
#include "rebias/base.h"
#include "rebias/holdout.h"
#include "rebias/metrics.h"
#include "sample.h"
#include <math.h>
#include <stdlib.h>

enum { SCORES = 2 };

/* -- 1. options -- */

struct rebias_scores_options rebias_scores_options_defaults(void)
{
    return (struct rebias_scores_options){.fit = rebias_fit_options_defaults(),
                                          .folds = 10,
                                          .level = 0.95,
                                          .resamples = 1000,
                                          .threads = 1};
}

static int check_options(const struct rebias_scores_options *o, struct rebias_error *err)
{
    if (o->folds < 2 || o->folds > 1000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu folds are not possible (2 to 1000)",
                           o->folds);
    }
    if (!(o->level > 0.0 && o->level < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "confidence level %g is outside (0, 1)",
                           o->level);
    }
    if (o->resamples < 1 || o->resamples > UINT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu resamples are not possible", o->resamples);
    }
    return rebias_fit_check_options(&o->fit, err);
}

/* -- 2. blocks of points -- */

/* The points of one polarity. */
struct side {
    struct rebias_points points;
    uint32_t *place; /* [n] block of each point, numbered through */
    size_t blocks;
    double *size; /* [blocks] points */
};

static int number_blocks(struct side *side, struct rebias_error *err)
{
    const struct rebias_sample *s = &side->points.sample;
    uint32_t *number = NULL; /* of each block that has been met, plus 1 */
    size_t most = s->n;
    for (size_t i = 0; i < s->n && s->block != NULL; i++) {
        most = s->block[i] >= most ? (size_t)s->block[i] + 1 : most;
    }
    int status = rebias_alloc(&side->place, s->n, sizeof *side->place, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&side->size, s->n, sizeof *side->size, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&number, most, sizeof *number, err);
    }
    for (size_t i = 0; i < s->n && status == REBIAS_OK; i++) {
        uint32_t *known = &number[s->block != NULL ? s->block[i] : i];
        if (*known == 0) {
            *known = (uint32_t)++side->blocks;
        }
        side->place[i] = *known - 1;
        side->size[side->place[i]] += 1.0;
    }
    free(number);
    return status;
}

static int make_side(struct side *side, const struct rebias_pulses *pulses, int polarity,
                     const struct rebias_fit_options *fit, const uint32_t *block,
                     struct rebias_error *err)
{
    const struct rebias_sample *s = &side->points.sample;
    int status = rebias_points_collect(&side->points, pulses, polarity, fit, block, err);
    if (status == REBIAS_OK && s->n == 0) {
        status = rebias_fail(err, REBIAS_E_DATA, "there are no %s points in %g to %g S",
                             rebias_points_name(s), fit->Gmin, fit->Gmax);
    }
    if (status == REBIAS_OK) {
        status = rebias_points_check_spread(s, fit->sd_floor, err);
    }
    return status == REBIAS_OK ? number_blocks(side, err) : status;
}

static void free_side(struct side *side)
{
    rebias_points_free(&side->points);
    free(side->place);
    free(side->size);
}

/* -- 3. scores of the points -- */

/* One method on one polarity. */
struct item {
    double *point[SCORES]; /* [n] */
    struct rebias_method_score *out;
};

struct study {
    const struct rebias_scores_options *options;
    const struct rebias_method *methods;
    size_t count;
    struct side side[2];
    struct item *items; /* [2 * count] */
};

static int score_item(void *context, size_t k, struct rebias_error *err)
{
    const struct study *study = context;
    const struct side *side = &study->side[k / study->count];
    const struct rebias_method *method = &study->methods[k % study->count];
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    struct rebias_error refusal = {0};
    struct item *item = &study->items[k];
    bool refused = false;
    options.folds = study->options->folds;
    int status = REBIAS_OK;
    for (int s = 0; s < SCORES && status == REBIAS_OK; s++) {
        status = rebias_alloc(&item->point[s], side->points.sample.n, sizeof(double), &refusal);
    }
    if (status == REBIAS_OK) {
        status = rebias_holdout_points(item->point, &refused, &side->points.sample,
                                       method->estimator, method->values, &options, &refusal);
    }
    if (refused) {
        rebias_error_text(&refusal, item->out->refusal, sizeof item->out->refusal);
        return REBIAS_OK;
    }
    if (status != REBIAS_OK && err != NULL) {
        *err = refusal;
    }
    return status;
}

/* -- 4. means and intervals -- */

/* Mean over points of score less that of the best (may be NULL), blocks kept whole. */
static int estimate(struct rebias_estimate *out, const struct side *side, const double *score,
                    const double *best, const struct rebias_scores_options *o,
                    struct rebias_error *err)
{
    const size_t n = side->points.sample.n;
    const double mean_size = (double)n / (double)side->blocks;
    const struct rebias_stream stream = {.seed = o->fit.seed,
                                         .purpose = REBIAS_FOR_BOOTSTRAP,
                                         .entity = (uint32_t)side->points.sample.polarity};
    double *block = NULL;
    double sum = 0.0;
    int status = rebias_alloc(&block, side->blocks, sizeof *block, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        const double s = score[i] - (best != NULL ? best[i] : 0.0);
        block[side->place[i]] += s;
        sum += s;
    }
    out->value = sum / (double)n;
    for (size_t b = 0; b < side->blocks; b++) {
        block[b] = out->value + (block[b] - out->value * side->size[b]) / mean_size;
    }
    status = rebias_bootstrap_mean(side->blocks, block, o->level, o->resamples, &stream,
                                   &out->low, &out->high, err);
    free(block);
    return status;
}

/* The method of the polarity with the lowest mean score; NULL when none has one. */
static const double *best_points(const struct study *study, size_t polarity, int score)
{
    const size_t n = study->side[polarity].points.sample.n;
    const double *best = NULL;
    double least = INFINITY;
    for (size_t m = 0; m < study->count; m++) {
        const struct item *item = &study->items[polarity * study->count + m];
        double sum = 0.0;
        for (size_t i = 0; i < n && item->out->refusal[0] == '\0'; i++) {
            sum += item->point[score][i];
        }
        if (item->out->refusal[0] == '\0' && sum < least) {
            least = sum;
            best = item->point[score];
        }
    }
    return best;
}

static int estimate_item(void *context, size_t k, struct rebias_error *err)
{
    const struct study *study = context;
    const size_t polarity = k / study->count;
    const struct side *side = &study->side[polarity];
    const struct item *item = &study->items[k];
    const struct rebias_estimate none = {NAN, NAN, NAN};
    int status = REBIAS_OK;
    item->out->points = side->points.sample.n;
    item->out->blocks = side->blocks;
    for (int s = 0; s < SCORES && status == REBIAS_OK; s++) {
        const double *best = best_points(study, polarity, s);
        item->out->score[s] = none;
        item->out->behind[s] = none;
        if (item->out->refusal[0] != '\0') {
            continue;
        }
        status =
            estimate(&item->out->score[s], side, item->point[s], NULL, study->options, err);
        if (status == REBIAS_OK) {
            status = estimate(&item->out->behind[s], side, item->point[s], best, study->options,
                              err);
        }
    }
    return status;
}

/* -- 5. the study -- */

static int make_sides(struct study *study, const struct rebias_pulses *pulses,
                      struct rebias_error *err)
{
    struct rebias_fit_options fit = study->options->fit;
    uint32_t *block = NULL;
    int status = rebias_points_check(pulses, err);
    if (status == REBIAS_OK && fit.Gmax == 0.0) {
        status = rebias_points_range(pulses, &fit.Gmin, &fit.Gmax, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_points_blocks(&block, pulses, fit.blocks, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = make_side(&study->side[p], pulses, p, &fit, block, err);
    }
    free(block);
    return status;
}

int rebias_scores_measure(struct rebias_method_score *scores,
                          const struct rebias_pulses *pulses,
                          const struct rebias_method *methods, size_t count,
                          const struct rebias_scores_options *options,
                          rebias_progress *progress, void *progress_context,
                          struct rebias_error *err)
{
    struct study study = {.options = options, .methods = methods, .count = count};
    int status = check_options(options, err);
    for (size_t m = 0; m < count && status == REBIAS_OK; m++) {
        status = rebias_fit_check_method(&methods[m], &options->fit, err);
    }
    if (status == REBIAS_OK) {
        status = make_sides(&study, pulses, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&study.items, 2 * count, sizeof *study.items, err);
    }
    for (size_t k = 0; k < 2 * count && status == REBIAS_OK; k++) {
        scores[k] = (struct rebias_method_score){.points = 0};
        study.items[k].out = &scores[k];
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(2 * count, options->threads, score_item, &study, progress,
                                     progress_context, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(2 * count, options->threads, estimate_item, &study, NULL,
                                     NULL, err);
    }
    for (size_t k = 0; k < 2 * count && study.items != NULL; k++) {
        free(study.items[k].point[REBIAS_SCORE_CRPS]);
        free(study.items[k].point[REBIAS_SCORE_LOG]);
    }
    free(study.items);
    free_side(&study.side[0]);
    free_side(&study.side[1]);
    return status;
}
