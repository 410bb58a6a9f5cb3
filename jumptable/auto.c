/* auto.c - estimator: the one of the others that predicts held-out points best.
 * 1. options   2. points that are ranked on   3. the ranking as text   4. the fit
 */
#include "estimators.h"
#include "holdout.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { SCORE, FOLDS, POINTS };

static const struct rebias_estimator_param params[] = {
    [SCORE] = {"score", REBIAS_SCORE_LOG, 0, 1, true, "crps|logscore", "held-out score"},
    [FOLDS] = {"folds", 10, 2, 20, true, NULL, "folds of the held-out score"},
    [POINTS] =
        {"points", 5000, 50, 1e6, true, NULL,
         "most points used for the ranking (a random choice); the best is fitted to all"},
};

/* -- 2. points that are ranked on -- */

/* *thin = one random point of every run of successive points, so that at most `most` are left.
 * *memory holds them. */
static int thin_out(struct rebias_sample *thin, double **memory,
                    const struct rebias_sample *sample, size_t most, struct rebias_error *err)
{
    const size_t run = (sample->n + most - 1) / most;
    uint32_t *place = NULL;
    *thin = *sample;
    if (run < 2) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(&place, sample->n, sizeof *place, err);
    if (status == REBIAS_OK) {
        status = rebias_holdout_folds(place, sample, run, REBIAS_HOLDOUT_ROUND_THIN, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(memory, 2 * sample->n, sizeof **memory, err);
    }
    if (status == REBIAS_OK) {
        thin->n = 0;
        for (size_t i = 0; i < sample->n; i++) {
            if (place[i] == 0) {
                (*memory)[thin->n] = sample->G[i];
                (*memory)[sample->n + thin->n++] = sample->dG[i];
            }
        }
        thin->G = *memory;
        thin->dG = *memory + sample->n;
    }
    free(place);
    return status;
}

/* -- 3. the ranking as text -- */

/* "polynomial (log score -19.61), kriging -19.6, binning -19.52, kde unusable"; what does
 * not fit is left out whole. */
static void write_note(char *note, size_t size, const struct rebias_ranked *ranking,
                       size_t count, enum rebias_score score)
{
    const char *name = score == REBIAS_SCORE_LOG ? "log score" : "CRPS";
    const char *unit = score == REBIAS_SCORE_LOG ? "" : " S";
    size_t used = 0;
    for (size_t k = 0; k < count; k++) {
        const char *estimator = ranking[k].estimator->name;
        char entry[96];
        if (!isfinite(ranking[k].score)) {
            snprintf(entry, sizeof entry, ", %s unusable", estimator);
        } else if (k == 0) {
            snprintf(entry, sizeof entry, "%s (%s %.4g%s)", estimator, name, ranking[k].score,
                     unit);
        } else {
            snprintf(entry, sizeof entry, ", %s %.4g", estimator, ranking[k].score);
        }
        const size_t length = strlen(entry);
        if (used + length >= size) {
            break;
        }
        memcpy(note + used, entry, length + 1);
        used += length;
    }
}

/* -- 4. the fit -- */

/* Fits the best that can be fitted to all points; those above it in the ranking that cannot are
 * taken out. */
static int fit_best(const struct rebias_sample *sample, struct rebias_ranked *ranking,
                    size_t count, struct rebias_fitted *fitted, struct rebias_error *err)
{
    const struct rebias_fitted blank = *fitted;
    int status =
        rebias_fail(err, REBIAS_E_DATA, "no estimator can be scored on %zu points", sample->n);
    for (size_t k = 0; k < count && isfinite(ranking[0].score); k++) {
        const struct rebias_estimator *estimator = ranking[0].estimator;
        double values[REBIAS_MAX_ESTIMATOR_PARAMS] = {0};
        for (size_t p = 0; p < estimator->param_count; p++) {
            values[p] = estimator->params[p].value;
        }
        *fitted = blank;
        status = estimator->fit(sample, values, fitted, err);
        if (status != REBIAS_E_DATA && status != REBIAS_E_NUMERIC) {
            break;
        }
        memmove(ranking, ranking + 1, (count - 1) * sizeof *ranking);
        ranking[count - 1] = (struct rebias_ranked){estimator, INFINITY};
    }
    return status;
}

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    const struct rebias_estimator **candidates = NULL;
    struct rebias_ranked *ranking = NULL;
    struct rebias_sample thin = {0};
    double *memory = NULL;
    size_t count = 0;
    options.folds = (size_t)values[FOLDS];
    options.score = (enum rebias_score)values[SCORE];
    int status = rebias_alloc(&candidates, rebias_estimator_count, sizeof *candidates, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&ranking, rebias_estimator_count, sizeof *ranking, err);
    }
    if (status == REBIAS_OK) {
        status = thin_out(&thin, &memory, sample, (size_t)values[POINTS], err);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < rebias_estimator_count; i++) {
            if (rebias_estimators[i] != &rebias_auto_estimator) {
                candidates[count++] = rebias_estimators[i];
            }
        }
        status = rebias_holdout_rank(ranking, &thin, candidates, count, &options, err);
    }
    if (status == REBIAS_OK) {
        status = fit_best(sample, ranking, count, fitted, err);
    }
    if (status == REBIAS_OK) {
        write_note(fitted->note, sizeof fitted->note, ranking, count, options.score);
    }
    free(memory);
    free(ranking);
    free(candidates);
    return status;
}

const struct rebias_estimator rebias_auto_estimator = {
    .name = "auto",
    .doc = "the estimator with the best held-out score, refitted on everything",
    .assumes = "What the chosen estimator assumes; the points are independent, so that points "
               "left out judge a fit fairly.",
    .params = params,
    .param_count = sizeof params / sizeof *params,
    .min_points = 10,
    .fit = fit,
};
