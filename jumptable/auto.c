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
    [FOLDS] = {"folds", 5, 2, 20, true, NULL, "folds of the held-out score"},
    [POINTS] =
        {"points", 5000, 50, 1e6, true, NULL,
         "most points used for the ranking (a random choice); the best is fitted to all"},
};

/* -- 2. points that are ranked on -- */

/* A part of the sample, and its memory. */
struct thinned {
    struct rebias_sample sample;
    double *values;
    uint32_t *block;
    uint8_t *keep;
};

static void release_thinned(struct thinned *thin)
{
    free(thin->values);
    free(thin->block);
    free(thin->keep);
}

static void copy_kept(struct thinned *thin, const struct rebias_sample *from)
{
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++) {
        if (thin->keep[i] != 0) {
            thin->values[n] = from->G[i];
            thin->values[from->n + n] = from->dG[i];
            thin->block[n++] = from->block != NULL ? from->block[i] : 0;
        }
    }
    thin->sample.G = thin->values;
    thin->sample.dG = thin->values + from->n;
    thin->sample.block = from->block != NULL ? thin->block : NULL;
}

/* The sample itself where it has no more than `most` points, else about so many of them. */
static int thin_out(struct thinned *thin, const struct rebias_sample *sample, size_t most,
                    struct rebias_error *err)
{
    thin->sample = *sample;
    if (sample->n <= most) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(&thin->keep, sample->n, sizeof *thin->keep, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&thin->values, 2 * sample->n, sizeof *thin->values, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&thin->block, sample->n, sizeof *thin->block, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_holdout_thin(thin->keep, &thin->sample.n, sample, most, err);
    }
    if (status == REBIAS_OK) {
        copy_kept(thin, sample);
    }
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
    struct thinned thin = {.values = NULL};
    size_t count = 0;
    options.folds = (size_t)values[FOLDS];
    options.score = (enum rebias_score)values[SCORE];
    int status = rebias_alloc(&candidates, rebias_estimator_count, sizeof *candidates, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&ranking, rebias_estimator_count, sizeof *ranking, err);
    }
    if (status == REBIAS_OK) {
        status = thin_out(&thin, sample, (size_t)values[POINTS], err);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < rebias_estimator_count; i++) {
            if (rebias_estimators[i] != &rebias_auto_estimator) {
                candidates[count++] = rebias_estimators[i];
            }
        }
        status = rebias_holdout_rank(ranking, &thin.sample, candidates, count, &options, err);
    }
    if (status == REBIAS_OK) {
        status = fit_best(sample, ranking, count, fitted, err);
    }
    if (status == REBIAS_OK) {
        write_note(fitted->note, sizeof fitted->note, ranking, count, options.score);
    }
    release_thinned(&thin);
    free(ranking);
    free(candidates);
    return status;
}

const struct rebias_estimator rebias_auto_estimator = {
    .name = "auto",
    .doc = "the estimator with the best held-out score, refitted on everything",
    .assumes = "What the chosen estimator assumes; the points (or blocks of points) are "
               "independent, so "
               "that those left out judge a fit fairly.",
    .params = params,
    .param_count = sizeof params / sizeof *params,
    .min_points = 10,
    .fit = fit,
};
