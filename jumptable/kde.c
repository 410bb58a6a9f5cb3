/* kde.c - estimator `kde`: conditional kernel density of the jumps.
 *
 *  1. options
 *  2. bandwidths by cross-validation
 *  3. what a fit leaves behind
 *  4. the fit and its descriptor
 *
 * A polynomial trend of mean and log-sd is taken away, its residuals e are smoothed by Gaussian
 * kernels in G (h_G) and e (h_e; kde_cells.c). Smoothing in e adds h_e^2 to the variance of a
 * row, so rows are drawn together about their mean by c = sqrt(V/(V + h_e^2)), V being the
 * variance of the residuals (the shrunk bootstrap kernel: B. W. Silverman and G. A. Young,
 * Biometrika 74, 469 (1987)). h_e -> inf is then a normal row, and with h_G -> inf the
 * polynomial normal model.
 */
#include "estimators.h"
#include "holdout.h"
#include "kde_cells.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include "trend.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { OPTION_H_G, OPTION_H_E, OPTION_DEGREE, OPTION_FOLDS, OPTION_COUNT };

static const struct rebias_estimator_param params[OPTION_COUNT] = {
    [OPTION_H_G] = {"width_G", 0.0, 0.0, 100.0, false, NULL,
                    "kernel width in G as a fraction of the data's range (0 = by "
                    "cross-validation)"},
    [OPTION_H_E] = {"width_dG", 0.0, 0.0, 100.0, false, NULL,
                    "kernel width in dG in local sds (0 = by cross-validation)"},
    [OPTION_DEGREE] = {"degree", -1.0, -1.0, 3.0, true, NULL,
                       "degree of the trend of mean and log-sd (-1 = each by BIC)"},
    [OPTION_FOLDS] = {"folds", 10.0, 2.0, 50.0, true, NULL, "folds of the cross-validation"},
};

/* -- 2. bandwidths by cross-validation -- */

enum { MAX_WIDTHS = 12, MAX_SCORED = 2000 };

/* The last of each is the normal model, which the others have to beat. */
static const double widths_G[] = {0.05, 0.075, 0.11, 0.17, 0.25, 0.4, 0.7, INFINITY};
static const double widths_e[] = {0.06, 0.09, 0.13, 0.18, 0.25,    0.35,
                                  0.5,  0.7,  1.0,  1.6,  INFINITY};

struct search {
    const struct rebias_sample *sample;
    const double *e;
    const uint32_t *fold; /* of each point */
    size_t folds;
    struct rebias_kde_cells cells;
    struct rebias_kde_histogram *all;
    struct rebias_kde_histogram *others; /* [folds]: all points but the fold's */
    double width_G[MAX_WIDTHS];
    double width_e[MAX_WIDTHS];
    size_t G_count, e_count;
    size_t scored; /* every (n/scored)-th point is scored */
    double *score; /* [G_count][e_count][scored] */
};

/* A single value when the option fixes it, else the grid. */
static size_t set_widths(double *widths, double fixed, const double *grid, size_t n)
{
    if (fixed > 0.0) {
        widths[0] = fixed;
        return 1;
    }
    memcpy(widths, grid, n * sizeof *widths);
    return n;
}

/* Without blocks: fold[i] from a random permutation. */
static int draw_folds(const struct rebias_sample *s, size_t folds, uint32_t *fold,
                      struct rebias_error *err)
{
    struct rebias_stream stream = {
        .seed = s->seed, .purpose = REBIAS_FOR_FOLDS, .entity = (uint32_t)s->polarity};
    uint32_t *order = NULL;
    int status = rebias_alloc(&order, s->n, sizeof *order, err);
    if (status != REBIAS_OK) {
        return status;
    }
    rebias_random_permutation(&stream, s->n, order);
    for (size_t i = 0; i < s->n; i++) {
        fold[order[i]] = (uint32_t)(i % folds);
    }
    free(order);
    return REBIAS_OK;
}

/* Points are held out fold by fold, those of a block together. */
static int set_folds(struct search *search, uint32_t *fold, struct rebias_error *err)
{
    const struct rebias_sample *s = search->sample;
    int status = s->block == NULL ? draw_folds(s, search->folds, fold, err)
                                  : rebias_holdout_folds(fold, s, search->folds,
                                                         REBIAS_HOLDOUT_ROUND_FIT, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < s->n; i++) {
        rebias_kde_add(search->all, &search->cells, s->G[i], search->e[i]);
        rebias_kde_add(&search->others[fold[i]], &search->cells, s->G[i], search->e[i]);
    }
    for (size_t f = 0; f < search->folds; f++) {
        rebias_kde_leave_out(&search->others[f], search->all);
    }
    return REBIAS_OK;
}

/* Log score of the held-out point e under every width in e. */
static void score_point(const struct search *search, const struct rebias_kde_row *row, size_t a,
                        size_t item, double e)
{
    /* Beyond 4 sd a density of kernels falls to nothing; the score of one such point must not
     * choose the width. */
    const double floor = 1e-4;
    for (size_t b = 0; b < search->e_count; b++) {
        double density = rebias_kde_density(row, &search->cells, search->width_e[b], e);
        search->score[(a * search->e_count + b) * search->scored + item] =
            log(isfinite(density) ? density + floor : floor);
    }
}

/* Scores of width a in G for the points of one fold; rows are made once a cell. */
static void score_fold(const struct search *search, size_t a, size_t fold)
{
    const struct rebias_sample *s = search->sample;
    const struct rebias_kde_cells *cells = &search->cells;
    struct rebias_kde_row row = {.effective = 0.0};
    size_t made = REBIAS_KDE_CELLS;
    bool valid = false;
    for (size_t item = 0; item < search->scored; item++) {
        size_t i = item * s->n / search->scored;
        if (search->fold[i] != fold) {
            continue;
        }
        size_t cell = rebias_kde_cell(cells, s->G[i]);
        if (cell != made) { /* points ascend in G: each cell comes once */
            double weight[REBIAS_KDE_CELLS];
            double G = cells->first_G + ((double)cell + 0.5) * cells->width_G;
            rebias_kde_weights(cells, search->all, G, search->width_G[a], weight);
            valid = rebias_kde_smooth(&row, cells, &search->others[fold], weight);
            made = cell;
        }
        if (!valid) {
            row.variance = INFINITY; /* nothing known here: the worst score */
        }
        score_point(search, &row, a, item, search->e[i]);
    }
}

/* Mean of score a minus score b over the points, and its standard error. */
static double gain(const struct search *search, size_t a, size_t b, double *error)
{
    const double *x = search->score + a * search->scored;
    const double *y = search->score + b * search->scored;
    double n = (double)search->scored;
    double sum = 0.0;
    double square = 0.0;
    for (size_t i = 0; i < search->scored; i++) {
        sum += x[i] - y[i];
        square += (x[i] - y[i]) * (x[i] - y[i]);
    }
    *error = sqrt(fmax(0.0, square / n - (sum / n) * (sum / n)) / n);
    return sum / n;
}

/* The best pair; but the smoothest (last) unless it is beaten by one standard error, since
 * scores of few points differ by chance. */
static size_t best_pair(const struct search *search)
{
    size_t last = search->G_count * search->e_count - 1;
    size_t best = last;
    double most = 0.0;
    double error = 0.0;
    for (size_t a = 0; a < last; a++) {
        double more = gain(search, a, last, &error);
        if (more > most) {
            most = more;
            best = a;
        }
    }
    most = gain(search, best, last, &error);
    return most > error ? best : last;
}

static int choose_widths(struct search *search, double *h_G, double *h_e,
                         struct rebias_error *err)
{
    size_t pairs = search->G_count * search->e_count;
    size_t best = 0;
    if (pairs > 1) {
        int status = rebias_alloc(&search->score, pairs, search->scored * sizeof(double), err);
        if (status != REBIAS_OK) {
            return status;
        }
        for (size_t a = 0; a < search->G_count; a++) {
            for (size_t fold = 0; fold < search->folds; fold++) {
                score_fold(search, a, fold);
            }
        }
        best = best_pair(search);
        free(search->score);
        search->score = NULL;
    }
    *h_G = search->width_G[best / search->e_count];
    *h_e = search->width_e[best % search->e_count];
    return REBIAS_OK;
}

/* -- 3. what a fit leaves behind -- */

/* The row of one level in units of dG. */
struct level {
    double mean, sd; /* S */
    double kernel;   /* S, sd of the kernels */
    size_t first, n; /* its atoms */
    bool normal;
};

struct rows {
    size_t levels;
    struct level *level;
    double *x;      /* S, atoms, ascending within a level */
    double *weight; /* sum 1 within a level */
};

static double rows_cdf(const void *context, size_t level, double dG)
{
    const struct rows *rows = context;
    const struct level *l = &rows->level[level];
    const double far = 9.0; /* 1 - Phi(9) < 1e-18 */
    if (l->normal) {
        return gsl_cdf_ugaussian_P((dG - l->mean) / l->sd);
    }
    double sum = 0.0;
    for (size_t j = l->first; j < l->first + l->n; j++) {
        double u = (dG - rows->x[j]) / l->kernel;
        if (u < -far) {
            break;
        }
        sum += u > far ? rows->weight[j] : rows->weight[j] * gsl_cdf_ugaussian_P(u);
    }
    return fmin(1.0, sum);
}

static void rows_free(void *context)
{
    struct rows *rows = context;
    if (rows != NULL) {
        free(rows->level);
        free(rows->x);
        free(rows->weight);
        free(rows);
    }
}

static int rows_new(struct rows **out, size_t levels, struct rebias_error *err)
{
    struct rows *rows = NULL;
    *out = NULL;
    int status = rebias_alloc(&rows, 1, sizeof *rows, err);
    if (status != REBIAS_OK) {
        return status;
    }
    rows->levels = levels;
    status = rebias_alloc(&rows->level, levels, sizeof *rows->level, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&rows->x, levels, REBIAS_KDE_ATOMS * sizeof *rows->x, err);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_alloc(&rows->weight, levels, REBIAS_KDE_ATOMS * sizeof *rows->weight, err);
    }
    if (status != REBIAS_OK) {
        rows_free(rows);
        return status;
    }
    *out = rows;
    return REBIAS_OK;
}

/* Writes the row of level i: trend (mean, sd) times the row of residuals. */
static void set_level(struct rows *rows, size_t i, const struct rebias_kde_row *row,
                      const struct rebias_kde_cells *cells, double h_e, const double trend[2])
{
    struct level *l = &rows->level[i];
    double c = isinf(h_e) ? 0.0 : trend[1] * rebias_kde_shrinkage(row, h_e);
    l->mean = trend[0] + trend[1] * row->mean;
    l->sd = trend[1] * sqrt(row->variance);
    l->kernel = isinf(h_e) ? 0.0 : c * h_e;
    l->first = i * REBIAS_KDE_ATOMS;
    l->normal = !(c > 0.0);
    for (size_t j = 0; j < REBIAS_KDE_ATOMS && !l->normal; j++) {
        if (row->weight[j] > 0.0) {
            double e = cells->first_e + (double)j * cells->step_e;
            rows->x[l->first + l->n] = l->mean + c * (e - row->mean);
            rows->weight[l->first + l->n] = row->weight[j];
            l->n++;
        }
    }
}

/* Widens a row about its mean to the smallest sd allowed. */
static void apply_floor(struct rows *rows, size_t i, double floor)
{
    struct level *l = &rows->level[i];
    if (l->sd >= floor) {
        return;
    }
    if (!(l->sd > 1e-6 * floor)) {
        l->normal = true; /* no shape is left to widen */
    }
    for (size_t j = l->first; j < l->first + l->n && !l->normal; j++) {
        rows->x[j] = l->mean + (rows->x[j] - l->mean) * floor / l->sd;
    }
    l->kernel *= l->normal ? 0.0 : floor / l->sd;
    l->sd = floor;
}

/* dG beyond which less than 1e-9 of the row lies (a normal row's 6 sd); side -1 low, 1 high. */
static double row_end(const struct rows *rows, size_t i, double side)
{
    const double rest = 1e-9;
    const struct level *l = &rows->level[i];
    double inside = l->mean;
    double outside = l->mean + side * 6.0 * l->sd;
    if (l->normal) {
        return outside;
    }
    double end = side < 0.0 ? rows->x[l->first] : rows->x[l->first + l->n - 1];
    outside = end + side * 6.5 * l->kernel; /* 1 - Phi(6.5) < 1e-10 */
    for (int step = 0; step < 40; step++) {
        double middle = 0.5 * (inside + outside);
        double p = rows_cdf(rows, i, middle);
        if ((side < 0.0 ? p : 1.0 - p) < rest) {
            outside = middle;
        } else {
            inside = middle;
        }
    }
    return outside;
}

/* -- 4. the fit and its descriptor -- */

static void fill_levels(struct rows *rows, const struct search *search,
                        const struct rebias_trend *trend, const double h[2],
                        struct rebias_fitted *fitted)
{
    fitted->low = INFINITY;
    fitted->high = -INFINITY;
    for (size_t i = 0; i < fitted->levels; i++) {
        double weight[REBIAS_KDE_CELLS];
        double at[2];
        struct rebias_kde_row row;
        rebias_kde_weights(&search->cells, search->all, fitted->G[i], h[0], weight);
        rebias_kde_smooth(&row, &search->cells, search->all, weight); /* some weight is 1 */
        rebias_trend_at(trend, fitted->G[i], &at[0], &at[1]);
        set_level(rows, i, &row, &search->cells, h[1], at);
        apply_floor(rows, i, search->sample->sd_floor);
        fitted->mean[i] = rows->level[i].mean;
        fitted->sd[i] = rows->level[i].sd;
        fitted->count[i] = row.effective;
        fitted->low = fmin(fitted->low, row_end(rows, i, -1.0));
        fitted->high = fmax(fitted->high, row_end(rows, i, 1.0));
    }
}

static void describe(struct rebias_fitted *fitted, const struct rebias_trend *trend,
                     const double h[2])
{
    char width_G[32] = "all G alike";
    char width_e[32] = "normal rows";
    if (isfinite(h[0])) {
        snprintf(width_G, sizeof width_G, "width_G %.3g", h[0]);
    }
    if (isfinite(h[1])) {
        snprintf(width_e, sizeof width_e, "width_dG %.3g", h[1]);
    }
    snprintf(fitted->note, sizeof fitted->note,
             "trend degrees %zu (mean) and %zu (log-sd), %s, %s", trend->mean_degree,
             trend->log_sd_degree, width_G, width_e);
}

static int prepare(struct search *search, const struct rebias_sample *sample,
                   const double *values, uint32_t **fold, struct rebias_error *err)
{
    search->folds = (size_t)values[OPTION_FOLDS];
    search->scored = sample->n < MAX_SCORED ? sample->n : MAX_SCORED;
    search->G_count = set_widths(search->width_G, values[OPTION_H_G], widths_G,
                                 sizeof widths_G / sizeof *widths_G);
    search->e_count = set_widths(search->width_e, values[OPTION_H_E], widths_e,
                                 sizeof widths_e / sizeof *widths_e);
    int status = rebias_holdout_usable(&search->folds, sample, search->folds, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(fold, sample->n, sizeof **fold, err);
    }
    search->fold = *fold;
    if (status == REBIAS_OK) {
        status = rebias_alloc(&search->all, 1, sizeof *search->all, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&search->others, search->folds, sizeof *search->others, err);
    }
    return status == REBIAS_OK ? set_folds(search, *fold, err) : status;
}

static int fit_kde(const struct rebias_sample *given, const double *values,
                   struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct rebias_sample completed = *given;
    const struct rebias_sample *sample = &completed;
    struct search search = {.sample = sample};
    struct rebias_trend trend;
    struct rows *rows = NULL;
    double *dG = NULL;
    double *e = NULL;
    uint32_t *fold = NULL;
    double h[2] = {0.0, 0.0};
    int status = rebias_trend_start(&trend, &completed, (int)values[OPTION_DEGREE], &dG, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = rebias_alloc(&e, sample->n, sizeof *e, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    rebias_trend_residuals(&trend, sample, e);
    search.e = e;
    rebias_kde_cells_set(&search.cells, sample, e, &trend);
    status = prepare(&search, sample, values, &fold, err);
    if (status == REBIAS_OK) {
        status = choose_widths(&search, &h[0], &h[1], err);
    }
    if (status == REBIAS_OK) {
        status = rows_new(&rows, fitted->levels, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    fill_levels(rows, &search, &trend, h, fitted);
    describe(fitted, &trend, h);
    fitted->extrapolated = rebias_trend_extrapolated(sample, fitted->levels, fitted->G);
    fitted->cdf = rows_cdf;
    fitted->context = rows;
    fitted->release = rows_free;
done:
    free(dG);
    free(e);
    free(fold);
    free(search.all);
    free(search.others);
    return status;
}

const struct rebias_estimator rebias_kde_estimator = {
    .name = "kde",
    .doc = "conditional kernel density about a polynomial trend",
    .assumes =
        "The distribution of dG changes smoothly with G. Jumps cut off at the rails are, "
        "when told, continued as a normal tail.",
    .params = params,
    .param_count = OPTION_COUNT,
    .min_points = 10,
    .fit = fit_kde,
};
