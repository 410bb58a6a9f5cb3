/* holdout.c - K-fold held-out score of an estimator.
 * 1. work space   2. prediction of the points left out   3. one fold   4. the score
 * 5. ranking
 */
#include "holdout.h"
#include "rails.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

struct rebias_holdout_options rebias_holdout_options_defaults(void)
{
    return (struct rebias_holdout_options){
        .folds = 5, .levels = 101, .grid = 201, .score = REBIAS_SCORE_CRPS};
}

/* -- 1. work space -- */

struct work {
    const struct rebias_sample *sample;
    const struct rebias_holdout_options *options;
    const struct rebias_estimator *estimator;
    const double *values;
    double *const *point;       /* the scores asked for */
    size_t folds;               /* made */
    uint32_t *fold;             /* [n] */
    uint32_t *train_block;      /* [n] blocks of the points that are fitted */
    double *numbers;            /* all arrays below */
    double *train_G, *train_dG; /* [n] points that are fitted */
    double *level;              /* [levels] S */
    double *mean, *sd, *count;  /* [levels] as fitted */
    double *rows;               /* [levels * grid] cdf */
    double *axis, *row;         /* [grid] */
};

static void release_work(struct work *w)
{
    free(w->fold);
    free(w->numbers);
}

static int prepare_work(struct work *w, struct rebias_error *err)
{
    const size_t n = w->sample->n;
    const size_t levels = w->options->levels;
    const size_t grid = w->options->grid;
    int status = rebias_alloc(&w->fold, n, 2 * sizeof *w->fold, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&w->numbers, 2 * n + 4 * levels + (levels + 2) * grid,
                              sizeof(double), err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    w->train_block = w->fold + n;
    w->train_G = w->numbers;
    w->train_dG = w->numbers + n;
    double *next = w->numbers + 2 * n;
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

/* -- 2. prediction of the points left out -- */

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

static struct rebias_rails rails_from(const struct rebias_sample *sample, double G)
{
    return (struct rebias_rails){.low = sample->Gmin - G,
                                 .high = sample->Gmax - G,
                                 .tolerance = 1e-9 * (sample->Gmax - sample->Gmin)};
}

/* Score of point i between normal rows. */
static double score_between_normals(const struct work *w, enum rebias_score score, size_t i)
{
    const struct rebias_sample *s = w->sample;
    double t = 0.0;
    const size_t k = level_below(w, s->G[i], &t);
    const double mean = (1.0 - t) * w->mean[k] + t * w->mean[k + 1];
    const double sd = (1.0 - t) * w->sd[k] + t * w->sd[k + 1];
    if (s->censored) {
        const struct rebias_rails rails = rails_from(s, s->G[i]);
        return rebias_rails_score_normal(score, &rails, s->dG[i], mean, sd);
    }
    return rebias_score_normal(score, 1, &s->dG[i], &mean, &sd);
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

/* Score of point i between the tabulated rows. */
static double score_between_rows(const struct work *w, enum rebias_score score, size_t i)
{
    const struct rebias_sample *s = w->sample;
    const size_t grid = w->options->grid;
    double t = 0.0;
    const double *F = w->rows + level_below(w, s->G[i], &t) * grid;
    for (size_t j = 0; j < grid; j++) {
        w->row[j] = (1.0 - t) * F[j] + t * F[grid + j];
    }
    if (s->censored) {
        const struct rebias_rails rails = rails_from(s, s->G[i]);
        return rebias_rails_score_row(score, &rails, s->dG[i], grid, w->axis, w->row);
    }
    return rebias_score_rows(score, 1, &s->dG[i], grid, w->axis, w->row);
}

/* -- 3. one fold -- */

/* The sample without a fold. */
static struct rebias_sample leave_out(struct work *w, uint32_t fold)
{
    const struct rebias_sample *s = w->sample;
    struct rebias_sample train = *s;
    train.n = 0;
    train.G = w->train_G;
    train.dG = w->train_dG;
    train.block = s->block != NULL ? w->train_block : NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (w->fold[i] != fold) {
            w->train_block[train.n] = s->block != NULL ? s->block[i] : 0;
            w->train_G[train.n] = s->G[i];
            w->train_dG[train.n++] = s->dG[i];
        }
    }
    return train;
}

/* Scores of the fold's points; false when one is no number. */
static bool score_points(const struct work *w, uint32_t fold, bool rows)
{
    bool good = true;
    for (size_t i = 0; i < w->sample->n; i++) {
        for (int k = 0; k < 2 && w->fold[i] == fold; k++) {
            const enum rebias_score score = (enum rebias_score)k;
            if (w->point[k] != NULL) {
                w->point[k][i] =
                    rows ? score_between_rows(w, score, i) : score_between_normals(w, score, i);
                good = good && !isnan(w->point[k][i]);
            }
        }
    }
    return good;
}

/* Fits without the fold and scores its points; any failure is the estimator's. */
static int score_fold(struct work *w, uint32_t fold, struct rebias_error *err)
{
    const struct rebias_sample train = leave_out(w, fold);
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
    if (fitted.cdf != NULL) {
        tabulate_rows(w, &fitted);
    }
    if (!score_points(w, fold, fitted.cdf != NULL)) {
        status = rebias_fail(err, REBIAS_E_NUMERIC, "%s predicts what is not a number",
                             w->estimator->name);
    }
    if (fitted.release != NULL) {
        fitted.release(fitted.context);
    }
    return status;
}

/* -- 4. the score -- */

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

int rebias_holdout_points(double *const point[2], bool *refused,
                          const struct rebias_sample *sample,
                          const struct rebias_estimator *estimator, const double *values,
                          const struct rebias_holdout_options *options,
                          struct rebias_error *err)
{
    struct work w = {.sample = sample,
                     .options = options,
                     .estimator = estimator,
                     .values = values,
                     .point = point};
    *refused = false;
    int status = check_holdout(options, sample, err);
    if (status == REBIAS_OK) {
        status = prepare_work(&w, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_holdout_usable(&w.folds, sample, options->folds, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_holdout_folds(w.fold, sample, w.folds, REBIAS_HOLDOUT_ROUND_SCORE, err);
    }
    for (size_t f = 0; f < w.folds && status == REBIAS_OK; f++) {
        status = score_fold(&w, (uint32_t)f, err);
        *refused = status == REBIAS_E_DATA || status == REBIAS_E_NUMERIC;
    }
    release_work(&w);
    return status;
}

int rebias_holdout_score(double *score, const struct rebias_sample *sample,
                         const struct rebias_estimator *estimator, const double *values,
                         const struct rebias_holdout_options *options, struct rebias_error *err)
{
    struct rebias_error refusal = {0};
    double *point[2] = {NULL, NULL};
    bool refused = false;
    double total = 0.0;
    int status = rebias_alloc(&point[options->score], sample->n, sizeof(double), &refusal);
    if (status == REBIAS_OK) {
        status = rebias_holdout_points(point, &refused, sample, estimator, values, options,
                                       &refusal);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < sample->n; i++) {
            total += point[options->score][i];
        }
        *score = total / (double)sample->n;
    } else if (refused) {
        *score = INFINITY;
        status = REBIAS_OK;
    } else if (err != NULL) {
        *err = refusal;
    }
    free(point[options->score]);
    return status;
}

/* -- 5. ranking -- */

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
