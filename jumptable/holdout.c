/* holdout.c - K-fold held-out score of an estimator.
 * 1. folds   2. work space   3. prediction of the points left out   4. one fold   5. the score
 * 6. ranking
 */
#include "holdout.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>

struct rebias_holdout_options rebias_holdout_options_defaults(void)
{
    return (struct rebias_holdout_options){
        .folds = 5, .levels = 101, .grid = 201, .score = REBIAS_SCORE_CRPS};
}

/* -- 1. folds -- */

int rebias_holdout_folds(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                         uint32_t round, struct rebias_error *err)
{
    if (folds < 2 || folds > sample->n) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu points cannot be split into %zu folds",
                           sample->n, folds);
    }
    uint32_t *order = NULL;
    int status = rebias_alloc(&order, folds, sizeof *order, err);
    struct rebias_stream stream = {.seed = sample->seed,
                                   .purpose = REBIAS_FOR_FOLDS,
                                   .replicate = round,
                                   .entity = (uint32_t)sample->polarity};
    for (size_t i = 0; i < sample->n && status == REBIAS_OK; i++) {
        if (i % folds == 0) {
            stream.step = (uint32_t)(i / folds);
            rebias_random_permutation(&stream, folds, order);
        }
        fold[i] = order[i % folds];
    }
    free(order);
    return status;
}

/* -- 2. work space -- */

struct work {
    const struct rebias_sample *sample;
    const struct rebias_holdout_options *options;
    const struct rebias_estimator *estimator;
    const double *values;
    uint32_t *fold;
    double *block;               /* all arrays below */
    double *train_G, *train_dG;  /* [n] points that are fitted */
    double *test_G, *test_dG;    /* [n] points left out */
    double *test_mean, *test_sd; /* [n] their prediction */
    double *level;               /* [levels] S */
    double *mean, *sd, *count;   /* [levels] as fitted */
    double *rows;                /* [levels * grid] cdf */
    double *axis, *row;          /* [grid] */
};

static void release_work(struct work *w)
{
    free(w->fold);
    free(w->block);
}

static int prepare_work(struct work *w, struct rebias_error *err)
{
    const size_t n = w->sample->n;
    const size_t levels = w->options->levels;
    const size_t grid = w->options->grid;
    int status = rebias_alloc(&w->fold, n, sizeof *w->fold, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&w->block, 6 * n + 4 * levels + (levels + 2) * grid,
                              sizeof(double), err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    double *next = w->block;
    double **const per_point[] = {&w->train_G, &w->train_dG,  &w->test_G,
                                  &w->test_dG, &w->test_mean, &w->test_sd};
    for (size_t k = 0; k < sizeof per_point / sizeof *per_point; k++, next += n) {
        *per_point[k] = next;
    }
    double **const per_level[] = {&w->level, &w->mean, &w->sd, &w->count};
    for (size_t k = 0; k < sizeof per_level / sizeof *per_level; k++, next += levels) {
        *per_level[k] = next;
    }
    w->axis = next;
    w->row = next + grid;
    w->rows = next + 2 * grid;
    const double width = w->sample->Gmax - w->sample->Gmin;
    for (size_t i = 0; i < levels; i++) {
        w->level[i] = w->sample->Gmin + width * (double)i / (double)(levels - 1);
    }
    w->level[levels - 1] = w->sample->Gmax;
    return REBIAS_OK;
}

/* -- 3. prediction of the points left out -- */

/* Level below G and the weight of the one above. */
static size_t level_below(const struct work *w, double G, double *weight)
{
    const size_t last = w->options->levels - 1;
    const double width = w->sample->Gmax - w->sample->Gmin;
    double position = (G - w->sample->Gmin) / width * (double)last;
    position = fmin(fmax(position, 0.0), (double)last);
    size_t i = (size_t)position;
    i = i == last ? last - 1 : i;
    *weight = position - (double)i;
    return i;
}

static double score_normal_rows(struct work *w, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double t = 0.0;
        size_t i = level_below(w, w->test_G[k], &t);
        w->test_mean[k] = (1.0 - t) * w->mean[i] + t * w->mean[i + 1];
        w->test_sd[k] = (1.0 - t) * w->sd[i] + t * w->sd[i + 1];
    }
    return rebias_score_normal(w->options->score, n, w->test_dG, w->test_mean, w->test_sd);
}

/* The fitted rows on the axis; falls and excursions by rounding are levelled, as in a table. */
static void tabulate_rows(struct work *w, const struct rebias_fitted *fitted)
{
    const size_t grid = w->options->grid;
    double slack = (fitted->high - fitted->low) / (double)(grid - 1);
    if (!(slack > 0.0)) { /* all jumps equal */
        slack = fmax(fabs(fitted->high), 1e-12) * 1e-3;
    }
    for (size_t j = 0; j < grid; j++) {
        double t = (double)j / (double)(grid - 1);
        w->axis[j] = (1.0 - t) * (fitted->low - slack) + t * (fitted->high + slack);
    }
    for (size_t i = 0; i < w->options->levels; i++) {
        double before = 0.0;
        for (size_t j = 0; j < grid; j++) {
            double F = fitted->cdf(fitted->context, i, w->axis[j]);
            before = fmin(fmax(F, before), 1.0);
            w->rows[i * grid + j] = before;
        }
    }
}

static double score_cdf_rows(struct work *w, size_t n)
{
    const size_t grid = w->options->grid;
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        double t = 0.0;
        const double *F = w->rows + level_below(w, w->test_G[k], &t) * grid;
        for (size_t j = 0; j < grid; j++) {
            w->row[j] = (1.0 - t) * F[j] + t * F[grid + j];
        }
        sum += rebias_score_rows(w->options->score, 1, &w->test_dG[k], grid, w->axis, w->row);
    }
    return sum / (double)n;
}

/* -- 4. one fold -- */

static size_t split(struct work *w, uint32_t fold)
{
    size_t train = 0;
    size_t test = 0;
    for (size_t i = 0; i < w->sample->n; i++) {
        if (w->fold[i] == fold) {
            w->test_G[test] = w->sample->G[i];
            w->test_dG[test++] = w->sample->dG[i];
        } else {
            w->train_G[train] = w->sample->G[i];
            w->train_dG[train++] = w->sample->dG[i];
        }
    }
    return train;
}

/* *sum = summed score of the fold's points. */
static int score_fold(struct work *w, uint32_t fold, double *sum, struct rebias_error *err)
{
    struct rebias_sample train = *w->sample;
    train.n = split(w, fold);
    train.G = w->train_G;
    train.dG = w->train_dG;
    const size_t test = w->sample->n - train.n;
    if (train.n < w->estimator->min_points) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu points are too few for %s", train.n,
                           w->estimator->name);
    }
    struct rebias_fitted fitted = {.levels = w->options->levels,
                                   .G = w->level,
                                   .mean = w->mean,
                                   .sd = w->sd,
                                   .count = w->count};
    int status = w->estimator->fit(&train, w->values, &fitted, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (fitted.cdf == NULL) {
        *sum = (double)test * score_normal_rows(w, test);
    } else {
        tabulate_rows(w, &fitted);
        *sum = (double)test * score_cdf_rows(w, test);
    }
    if (fitted.release != NULL) {
        fitted.release(fitted.context);
    }
    return REBIAS_OK;
}

/* -- 5. the score -- */

static int check_holdout(const struct rebias_holdout_options *o, const struct rebias_sample *s,
                         struct rebias_error *err)
{
    if (o->levels < 2 || o->grid < 2) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu levels and %zu grid points are not possible (at least 2 each)",
                           o->levels, o->grid);
    }
    if (!(s->Gmin < s->Gmax)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the range %g to %g S is empty", s->Gmin,
                           s->Gmax);
    }
    return REBIAS_OK;
}

int rebias_holdout_score(double *score, const struct rebias_sample *sample,
                         const struct rebias_estimator *estimator, const double *values,
                         const struct rebias_holdout_options *options, struct rebias_error *err)
{
    struct work w = {
        .sample = sample, .options = options, .estimator = estimator, .values = values};
    struct rebias_error refusal = {0};
    double total = 0.0;
    int status = check_holdout(options, sample, err);
    if (status == REBIAS_OK) {
        status = prepare_work(&w, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_holdout_folds(w.fold, sample, options->folds,
                                      REBIAS_HOLDOUT_ROUND_SCORE, err);
    }
    for (size_t f = 0; f < options->folds && status == REBIAS_OK && isfinite(total); f++) {
        double sum = 0.0;
        int fitted = score_fold(&w, (uint32_t)f, &sum, &refusal);
        if (fitted == REBIAS_E_DATA || fitted == REBIAS_E_NUMERIC) {
            sum = INFINITY;
        } else if (fitted != REBIAS_OK) {
            status = fitted;
            if (err != NULL) {
                *err = refusal;
            }
        }
        total += isnan(sum) ? INFINITY : sum; /* a fit that predicts no number is unusable */
    }
    if (status == REBIAS_OK) {
        *score = total / (double)sample->n;
    }
    release_work(&w);
    return status;
}

/* -- 6. ranking -- */

int rebias_holdout_rank(struct rebias_ranked *ranking, const struct rebias_sample *sample,
                        const struct rebias_estimator *const *estimators, size_t count,
                        const struct rebias_holdout_options *options, struct rebias_error *err)
{
    for (size_t k = 0; k < count; k++) {
        const struct rebias_estimator *estimator = estimators[k];
        double values[REBIAS_MAX_ESTIMATOR_PARAMS] = {0};
        double score = INFINITY;
        for (size_t p = 0; p < estimator->param_count; p++) {
            values[p] = estimator->params[p].value;
        }
        int status = rebias_holdout_score(&score, sample, estimator, values, options, err);
        if (status != REBIAS_OK) {
            return status;
        }
        size_t place = k; /* insertion keeps the order of equal scores */
        while (place > 0 && score < ranking[place - 1].score) {
            ranking[place] = ranking[place - 1];
            place--;
        }
        ranking[place] = (struct rebias_ranked){estimator, score};
    }
    return REBIAS_OK;
}
