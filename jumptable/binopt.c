/* binopt.c - estimator: optimised binning.
 * 1. options   2. judge: training sums and points left out, per fold   3. score of a candidate
 * 4. exact search over bin number and kind   5. edges by NLopt   6. the fit
 *
 * Bin number and kind, then the inner edges, are those with the best held-out score on the data
 * alone. Sums over the sorted points give every bin of every fold in constant time, so that a
 * candidate costs some tens of nanoseconds a point. The best of many noisy scores is a lucky
 * one, the more so the freer the candidates: hence a price for bins and for moved edges.
 *
 * References: NLopt (Johnson); DIRECT-L: Gablonsky and Kelley, J. Glob. Optim. 21, 27 (2001);
 * CRS2: Kaelo and Ali, J. Optim. Theory Appl. 130, 253 (2006); SBPLX: after Rowan (1990);
 * COBYLA: Powell (1994).
 */
#include "binopt_truth.h"
#include "bins.h"
#include "estimators.h"
#include "holdout.h"
#include "rebias/base.h"
#include <math.h>
#include <nlopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { EVALUATIONS, FOLDS, SCORE, GLOBAL, LOCAL, BINS, OBJECTIVE };
enum { OBJECTIVE_HELDOUT, OBJECTIVE_TRUTH };
enum { GLOBAL_DIRECT, GLOBAL_CRS, GLOBAL_NONE };
enum { LOCAL_SBPLX, LOCAL_COBYLA, LOCAL_NONE };
enum { KIND_WIDTH, KIND_COUNT };

/* Prices in nats, summed over all points: of a bin, as in Akaike's criterion, and of an edge
 * whose neighbouring gap was scaled by e. Of 0 to 1.5 and 0.5 to 5 these gave the lowest W1 to
 * 36 normal truths at 300 and 1000 points (5 to 10 % above the best bin number of each truth;
 * 18 to 25 % with neither). */
static const double bin_price = 1.0;
static const double edge_price = 5.0;

static const struct rebias_estimator_param params[] = {
    [EVALUATIONS] =
        {"evaluations", 2000, 1, 1e7, true, NULL,
         "most candidates that are scored; fewer where evaluations x points pass 2e7"},
    [FOLDS] = {"folds", 5, 2, 20, true, NULL, "folds of the held-out score"},
    [SCORE] = {"score", REBIAS_SCORE_LOG, 0, 1, true, "crps|logscore", "held-out score"},
    [GLOBAL] = {"global", GLOBAL_DIRECT, 0, 2, true, "direct|crs|none",
                "global search of the edges: DIRECT-L or controlled random search"},
    [LOCAL] = {"local", LOCAL_SBPLX, 0, 2, true, "sbplx|cobyla|none",
               "local search of the edges, from the best so far"},
    [BINS] = {"bins", 60, 1, 1000, true, NULL, "most bins tried; never above points / 4"},
    [OBJECTIVE] = {"objective", OBJECTIVE_HELDOUT, 0, 1, true, "heldout|truth",
                   "the score on points left out, or (benchmarks) W1 to a truth that is given"},
};

/* -- 2. judge: training sums and points left out, per fold -- */

/* Sums over the points before one place that are in the training part of a fold. */
struct sums {
    double n;
    double G;  /* above Gmin, S */
    double dG; /* less the overall mean, S */
    double squares;
};

struct judge {
    const struct rebias_sample *sample;
    enum rebias_score score;
    size_t folds; /* of one round */
    size_t parts; /* folds of all rounds */
    size_t most_bins;
    size_t left;            /* evaluations */
    double nat;             /* what a nat of the log score is worth in units of the score */
    double shift;           /* mean of all dG, S */
    struct sums *sums;      /* [parts][n + 1] */
    size_t *first;          /* [parts + 1]: points left out, by part, ascending in G */
    double *G, *dG;         /* [rounds * n] those points */
    double *mean, *sd;      /* [rounds * n] their prediction */
    struct rebias_bin *bin; /* [most_bins] */
    struct rebias_binopt_truth *truth; /* what bins are held against; NULL: points left out */
};

static void free_judge(struct judge *j)
{
    free(j->sums);
    free(j->first);
    free(j->G);
    free(j->bin);
    rebias_binopt_truth_free(j->truth);
}

static void fill_part(struct judge *j, const uint32_t *fold, size_t part)
{
    const struct rebias_sample *s = j->sample;
    struct sums *at = j->sums + part * (s->n + 1);
    size_t out = j->first[part];
    for (size_t i = 0; i < s->n; i++) {
        at[i + 1] = at[i];
        if (fold[i] == part % j->folds) {
            j->G[out] = s->G[i];
            j->dG[out++] = s->dG[i];
            continue;
        }
        double r = s->dG[i] - j->shift;
        at[i + 1].n += 1.0;
        at[i + 1].G += s->G[i] - s->Gmin;
        at[i + 1].dG += r;
        at[i + 1].squares += r * r;
    }
    j->first[part + 1] = out;
}

static int allocate_judge(struct judge *j, size_t points, struct rebias_error *err)
{
    const size_t n = j->sample->n;
    double sum = 0.0;
    int status = rebias_alloc(&j->bin, j->most_bins, sizeof *j->bin, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&j->sums, j->parts * (n + 1), sizeof *j->sums, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&j->first, j->parts + 1, sizeof *j->first, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&j->G, 4 * points, sizeof *j->G, err);
    }
    if (status == REBIAS_OK) {
        j->dG = j->G + points;
        j->mean = j->dG + points;
        j->sd = j->mean + points;
        for (size_t i = 0; i < n; i++) {
            sum += j->sample->dG[i];
        }
        j->shift = sum / (double)n;
    }
    return status;
}

/* Slices of the truth take the place of the points left out, and no point is. */
static int make_judge_of_truth(struct judge *j, struct rebias_error *err)
{
    const struct rebias_sample *s = j->sample;
    const uint32_t none = UINT32_MAX;
    uint32_t *fold = NULL;
    j->folds = 1;
    j->parts = 1;
    int status = rebias_binopt_truth_new(&j->truth, s, err);
    if (status == REBIAS_OK) {
        status = allocate_judge(j, REBIAS_BINOPT_SLICES, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&fold, s->n, sizeof *fold, err);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < s->n; i++) {
            fold[i] = none;
        }
        fill_part(j, fold, 0);
        rebias_binopt_truth_slices(s, j->G);
        j->first[1] = REBIAS_BINOPT_SLICES;
    }
    free(fold);
    return status;
}

static int make_judge(struct judge *j, struct rebias_error *err)
{
    const size_t few = 20000; /* up to which a second round of folds is worth its time */
    const size_t n = j->sample->n;
    const size_t rounds = n <= few ? 2 : 1;
    uint32_t *fold = NULL;
    int status = rebias_holdout_usable(&j->folds, j->sample, j->folds, err);
    j->parts = rounds * j->folds;
    if (status == REBIAS_OK) {
        status = rebias_alloc(&fold, n, sizeof *fold, err);
    }
    if (status == REBIAS_OK) {
        status = allocate_judge(j, rounds * n, err);
    }
    for (size_t part = 0; part < j->parts && status == REBIAS_OK; part++) {
        if (part % j->folds == 0) {
            const uint32_t round = REBIAS_HOLDOUT_ROUND_FIT + (uint32_t)(part / j->folds);
            status = rebias_holdout_folds(fold, j->sample, j->folds, round, err);
        }
        if (status == REBIAS_OK) {
            fill_part(j, fold, part);
        }
    }
    free(fold);
    return status;
}

/* -- 3. score of a candidate -- */

static struct rebias_bin bin_of_sums(const struct judge *j, const struct sums *a,
                                     const struct sums *b)
{
    const double n = b->n - a->n;
    const double mean = (b->dG - a->dG) / n;
    const double squares = b->squares - a->squares - n * mean * mean;
    const double sd = sqrt(fmax(squares, 0.0) / (n - 1.0));
    return (struct rebias_bin){.centre = j->sample->Gmin + (b->G - a->G) / n,
                               .mean = j->shift + mean,
                               .sd = fmax(j->sample->sd_floor, sd),
                               .n = (size_t)n};
}

/* The bins of one fold as rebias_bins_measure would make them, but from sums; here centres may
 * differ by rounding where all G are equal, hence the tolerance. */
static size_t fold_bins(const struct judge *j, size_t f, size_t bins, const size_t *start)
{
    const struct sums *at = j->sums + f * (j->sample->n + 1);
    const double same = 1e-12 * (j->sample->Gmax - j->sample->Gmin);
    size_t valid = 0;
    for (size_t b = 0; b < bins; b++) {
        const struct sums *end = at + start[b + 1];
        size_t from = start[b];
        if (end->n - at[from].n < 1.5) { /* counts are whole: fewer than 2 */
            continue;
        }
        struct rebias_bin next = bin_of_sums(j, at + from, end);
        if (valid > 0 && !(next.centre > j->bin[valid - 1].centre + same)) {
            from = j->bin[--valid].first;
            next = bin_of_sums(j, at + from, end);
        }
        next.first = from;
        j->bin[valid++] = next;
    }
    return valid;
}

/* Prediction of the points left out in fold f; they ascend, so the bins are walked once. */
static void predict_fold(const struct judge *j, size_t f, size_t valid)
{
    const struct rebias_bin *bin = j->bin;
    size_t b = 0; /* number of centres at or below G */
    for (size_t i = j->first[f]; i < j->first[f + 1]; i++) {
        while (b < valid && bin[b].centre <= j->G[i]) {
            b++;
        }
        const struct rebias_bin *low = bin + (b == 0 ? 0 : b - 1);
        const struct rebias_bin *high = bin + (b == valid ? valid - 1 : b);
        double w = high > low ? (j->G[i] - low->centre) / (high->centre - low->centre) : 0.0;
        j->mean[i] = (1.0 - w) * low->mean + w * high->mean;
        j->sd[i] = (1.0 - w) * low->sd + w * high->sd;
    }
}

static double score_part(const struct judge *j, size_t part)
{
    const size_t i = j->first[part];
    const size_t n = j->first[part + 1] - i;
    return j->truth != NULL
               ? rebias_binopt_truth_distance(j->truth, j->mean + i, j->sd + i)
               : rebias_score_normal(j->score, n, j->dG + i, j->mean + i, j->sd + i);
}

/* Mean score of all points, each predicted by the other folds (or mean distance to the truth);
 * infinite when a fold has no bin with 2 points. Uses up one evaluation. */
static double judge_bins(struct judge *j, size_t bins, const size_t *start)
{
    double sum = 0.0;
    j->left -= j->left > 0;
    for (size_t f = 0; f < j->parts; f++) {
        const size_t valid = fold_bins(j, f, bins, start);
        if (valid == 0) {
            return INFINITY;
        }
        predict_fold(j, f, valid);
        sum += (double)(j->first[f + 1] - j->first[f]) * score_part(j, f);
    }
    return sum / (double)j->first[j->parts];
}

/* -- 4. exact search over bin number and kind -- */

struct choice {
    size_t bins;
    int kind;
    bool moved;    /* edges are no longer those of the kind */
    double score;  /* held-out */
    double total;  /* with the prices; what is minimised */
    size_t *start; /* [most_bins + 1] */
};

/* For a normal prediction with a slightly wrong sd the relative loss in CRPS is a quarter of
 * the loss in log score (both by Taylor expansion in ln sd). */
static double worth_of_nat(struct judge *j, size_t *start)
{
    rebias_bins_by_width(j->sample, 1, start);
    return j->score == REBIAS_SCORE_LOG ? 1.0 : 0.25 * judge_bins(j, 1, start);
}

/* Price of bins and of squared moves of their gaps; none where the truth judges, which no luck
 * deceives. */
static double price_of(const struct judge *j, size_t bins, double moved)
{
    const double nats = bin_price * (double)bins + edge_price * moved;
    return j->truth != NULL ? 0.0 : nats * j->nat / (double)j->sample->n;
}

static void search_numbers(struct judge *j, struct choice *best, size_t *start)
{
    best->score = INFINITY;
    best->total = INFINITY;
    for (size_t bins = 1; bins <= j->most_bins; bins++) {
        const double price = price_of(j, bins, 0.0);
        for (int kind = KIND_WIDTH; kind <= KIND_COUNT && j->left > 0; kind++) {
            if (kind == KIND_WIDTH) {
                rebias_bins_by_width(j->sample, bins, start);
            } else {
                rebias_bins_by_count(j->sample, bins, start);
            }
            const double score = judge_bins(j, bins, start);
            if (score + price < best->total) {
                best->score = score;
                best->total = score + price;
                best->bins = bins;
                best->kind = kind;
                memcpy(best->start, start, (bins + 1) * sizeof *start);
            }
        }
    }
}

/* -- 5. edges by NLopt -- */

/* Gaps between edges are base[b] exp(theta[b]), scaled to fill the range: order is kept, and
 * theta = 0 is the best of the exact search. */
struct edges {
    struct judge *judge;
    struct choice *best;
    double origin; /* total of the exact search: what NLopt sees as 0 */
    double *base;  /* [bins] */
    double *theta; /* [bins], of the best */
    double *inner; /* [bins] */
    size_t *start; /* [bins + 1] */
};

static void place_edges(const struct edges *e, const double *theta)
{
    const struct rebias_sample *s = e->judge->sample;
    const size_t bins = e->best->bins;
    double total = 0.0;
    for (size_t b = 0; b < bins; b++) {
        total += e->base[b] * exp(theta[b]);
    }
    double upto = 0.0;
    for (size_t b = 0; b + 1 < bins; b++) {
        upto += e->base[b] * exp(theta[b]);
        e->inner[b] = s->Gmin + (s->Gmax - s->Gmin) * (upto / total);
    }
    rebias_bins_by_edges(s, bins, e->inner, e->start);
}

static double objective(unsigned count, const double *theta, double *gradient, void *context)
{
    (void)gradient; /* none of the methods uses one */
    struct edges *e = context;
    struct judge *j = e->judge;
    double moved = 0.0;
    for (unsigned b = 0; b < count; b++) {
        moved += theta[b] * theta[b];
    }
    place_edges(e, theta);
    const double score = judge_bins(j, count, e->start);
    const double price = price_of(j, count, moved);
    if (score + price < e->best->total) {
        e->best->score = score;
        e->best->total = score + price;
        e->best->moved = true;
        memcpy(e->theta, theta, count * sizeof *theta);
        memcpy(e->best->start, e->start, (count + 1) * sizeof *e->start);
    }
    /* NLopt wants a number: worse than anything that happens */
    return isfinite(score) ? (score + price - e->origin) / j->nat : 1e6;
}

/* Runs one method from the best edges so far. */
static int run_method(struct edges *e, nlopt_algorithm algorithm, size_t evaluations,
                      struct rebias_error *err)
{
    const double reach = 2.0; /* a gap grows or shrinks by at most e^2 = 7.4 */
    const size_t bins = e->best->bins;
    double lowest = 0.0;
    double *theta = NULL;
    nlopt_opt opt = NULL;
    int status = rebias_alloc(&theta, bins, sizeof *theta, err);
    if (status == REBIAS_OK && evaluations > 0) {
        memcpy(theta, e->theta, bins * sizeof *theta);
        opt = nlopt_create(algorithm, (unsigned)bins);
        bool ready =
            opt != NULL && nlopt_set_min_objective(opt, objective, e) > 0 &&
            nlopt_set_lower_bounds1(opt, -reach) > 0 &&
            nlopt_set_upper_bounds1(opt, reach) > 0 && nlopt_set_initial_step1(opt, 0.25) > 0 &&
            nlopt_set_xtol_abs1(opt, 1e-3) > 0 && nlopt_set_maxeval(opt, (int)evaluations) > 0;
        nlopt_result result = ready ? nlopt_optimize(opt, theta, &lowest) : NLOPT_OUT_OF_MEMORY;
        if (result == NLOPT_OUT_OF_MEMORY) {
            status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for %zu bin edges", bins);
        } else if (result < 0 && result != NLOPT_ROUNDOFF_LIMITED) {
            status =
                rebias_fail(err, REBIAS_E_NUMERIC, "the search of %zu bin edges failed (%s)",
                            bins, nlopt_algorithm_name(algorithm));
        }
    }
    nlopt_destroy(opt);
    free(theta);
    return status;
}

/* Gaps of the best of the exact search; an edge by count lies between its two points. */
static void base_gaps(const struct edges *e)
{
    const struct rebias_sample *s = e->judge->sample;
    const size_t bins = e->best->bins;
    double before = s->Gmin;
    for (size_t b = 0; b < bins; b++) {
        double after = s->Gmin + (s->Gmax - s->Gmin) * (double)(b + 1) / (double)bins;
        if (e->best->kind == KIND_COUNT && b + 1 < bins) {
            const size_t k = e->best->start[b + 1];
            after = 0.5 * (s->G[k - 1] + s->G[k]);
        }
        e->base[b] = after - before;
        before = after;
    }
}

static int search_edges(struct judge *j, struct choice *best, const double *values,
                        size_t *start, struct rebias_error *err)
{
    struct edges e = {.judge = j, .best = best, .start = start, .origin = best->total};
    if (best->bins < 2 || !isfinite(best->score)) {
        return REBIAS_OK; /* no edges to move */
    }
    int status = rebias_alloc(&e.base, 3 * best->bins, sizeof *e.base, err);
    if (status != REBIAS_OK) {
        return status;
    }
    e.theta = e.base + best->bins;
    e.inner = e.theta + best->bins;
    base_gaps(&e);
    if (values[GLOBAL] != GLOBAL_NONE) {
        const bool random = values[GLOBAL] == GLOBAL_CRS;
        const size_t share = values[LOCAL] == LOCAL_NONE ? j->left : j->left / 2;
        if (random) {
            nlopt_srand((unsigned long)(j->sample->seed & 0xffffffffU)); /* of this thread */
        }
        status = run_method(&e, random ? NLOPT_GN_CRS2_LM : NLOPT_GN_DIRECT_L, share, err);
    }
    if (status == REBIAS_OK && values[LOCAL] != LOCAL_NONE) {
        const bool linear = values[LOCAL] == LOCAL_COBYLA;
        status = run_method(&e, linear ? NLOPT_LN_COBYLA : NLOPT_LN_SBPLX, j->left, err);
    }
    free(e.base);
    return status;
}

/* -- 6. the fit -- */

static void write_note(const struct judge *j, const struct choice *best,
                       struct rebias_fitted *fitted)
{
    const char *kind = best->kind == KIND_WIDTH ? "equal width" : "equal count";
    char judged[64];
    if (j->truth != NULL) {
        snprintf(judged, sizeof judged, "W1 to the truth %.4g S", best->score);
    } else {
        snprintf(judged, sizeof judged, "%s %.4g%s on %zu folds",
                 j->score == REBIAS_SCORE_LOG ? "log score" : "CRPS", best->score,
                 j->score == REBIAS_SCORE_LOG ? "" : " S", j->folds);
    }
    snprintf(fitted->note, sizeof fitted->note, "%zu bin%s of %s (%s)", best->bins,
             best->bins == 1 ? "" : "s", best->moved ? "optimised width" : kind, judged);
}

static int finish(const struct judge *j, const struct choice *best,
                  struct rebias_fitted *fitted, struct rebias_error *err)
{
    const struct rebias_sample *s = j->sample;
    const size_t valid = rebias_bins_measure(s, best->bins, best->start, NULL, j->bin);
    if (!isfinite(best->score) || valid == 0) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "no bins of the %zu points could be scored on %zu folds", s->n,
                           j->folds);
    }
    rebias_bins_profile(j->bin, valid, fitted);
    fitted->bins = best->bins;
    fitted->empty_bins = best->bins - valid;
    write_note(j, best, fitted);
    return REBIAS_OK;
}

static int check_objective(const struct rebias_sample *sample, const double *values,
                           struct rebias_error *err)
{
    const bool wanted = values[OBJECTIVE] == OBJECTIVE_TRUTH;
    if (wanted && sample->truth == NULL) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "objective=truth of binopt needs a truth, and none is given");
    }
    if (!wanted && sample->truth != NULL) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a truth has no meaning with binopt but for objective=truth");
    }
    return REBIAS_OK;
}

static int search(struct judge *j, struct choice *best, const double *values, size_t *start,
                  struct rebias_error *err)
{
    const double most_work = 2e7; /* points scored: about a second */
    const size_t n = j->truth != NULL ? j->first[1] : j->sample->n;
    j->nat = worth_of_nat(j, start);
    j->left = (size_t)fmin(values[EVALUATIONS], fmax(1.0, most_work / (double)n));
    search_numbers(j, best, start);
    return search_edges(j, best, values, start, err);
}

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    const bool truth = values[OBJECTIVE] == OBJECTIVE_TRUTH;
    struct judge judge = {.sample = sample,
                          .score = truth ? REBIAS_SCORE_CRPS : (enum rebias_score)values[SCORE],
                          .folds = (size_t)values[FOLDS],
                          .most_bins = (size_t)values[BINS]};
    judge.most_bins = judge.most_bins < sample->n / 4 ? judge.most_bins : sample->n / 4;
    struct choice best = {0};
    size_t *start = NULL;
    int status = check_objective(sample, values, err);
    if (status == REBIAS_OK) {
        status = truth ? make_judge_of_truth(&judge, err) : make_judge(&judge, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&start, 2 * (judge.most_bins + 1), sizeof *start, err);
    }
    if (status == REBIAS_OK) {
        best.start = start + judge.most_bins + 1;
        status = search(&judge, &best, values, start, err);
    }
    if (status == REBIAS_OK) {
        status = finish(&judge, &best, fitted, err);
    }
    free(start);
    free_judge(&judge);
    return status;
}

const struct rebias_estimator rebias_binopt_estimator = {
    .name = "binopt",
    .doc = "bin number, kind and edges with the best held-out score on the data alone",
    .assumes =
        "The jumps of a bin are normal; their mean and sd vary little within a bin and "
        "linearly between bin centres. Points cut off at the rails are taken as they are.",
    .params = params,
    .param_count = sizeof params / sizeof *params,
    .min_points = 8,
    .fit = fit,
    .uses_truth = true,
};
