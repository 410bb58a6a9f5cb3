/* compare_tests.c - scores of data under a device, and tests whether they can be told apart.
 * 1. one point under a device   2. all points   3. mean scores   4. Kolmogorov-Smirnov   5. MMD
 * 6. the rows
 */
#include "comparison.h"
#include "rebias/score.h"
#include "rebias/two_sample.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* -- 1. one point under a device -- */

static int ask(const struct rebias_data_comparison *c, size_t i, double *mean, double *sd,
               double *u, struct rebias_error *err)
{
    const int polarity = c->sample->polarity[i];
    const double G = c->sample->G[i];
    c->jumps.moments(c->jumps.context, polarity, G, mean, sd);
    *u = c->jumps.cdf(c->jumps.context, polarity, G, c->sample->dG[i]);
    if (!isfinite(*mean) || !isfinite(*sd) || !(*u >= 0.0 && *u <= 1.0)) {
        return rebias_fail(err, REBIAS_E_NUMERIC,
                           "at G = %g S the device gives mean %g S, sd %g S, cdf %g", G, *mean,
                           *sd, *u);
    }
    return REBIAS_OK;
}

/* On 257 points over the mean -+ 8 sd. */
static void score_numerically(struct rebias_data_comparison *c, size_t i, double mean,
                              double sd)
{
    enum { GRID = 257 };
    double x[GRID];
    double F[GRID];
    double before = 0.0;
    for (size_t k = 0; k < GRID; k++) {
        x[k] = mean + sd * (16.0 * (double)k / (GRID - 1) - 8.0);
        before = fmax(before, c->jumps.cdf(c->jumps.context, c->sample->polarity[i],
                                           c->sample->G[i], x[k]));
        F[k] = fmin(before, 1.0);
    }
    c->crps[i] = rebias_crps_rows(1, &c->sample->dG[i], GRID, x, F);
    c->log_score[i] = rebias_log_score_rows(1, &c->sample->dG[i], GRID, x, F);
}

static int score_point(struct rebias_data_comparison *c, size_t i, struct rebias_error *err)
{
    const double least = 1e-12; /* of the range: below, a law is a point mass */
    double mean = 0.0;
    double sd = 0.0;
    int status = ask(c, i, &mean, &sd, &c->u[i], err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (!(sd > least * (c->Gmax - c->Gmin))) {
        c->crps[i] = fabs(c->sample->dG[i] - mean);
        c->log_score[i] = NAN; /* no density */
    } else if (c->jumps.gaussian) {
        c->crps[i] = rebias_crps_normal(1, &c->sample->dG[i], &mean, &sd);
        c->log_score[i] = rebias_log_score_normal(1, &c->sample->dG[i], &mean, &sd);
    } else {
        score_numerically(c, i, mean, sd);
    }
    return REBIAS_OK;
}

/* -- 2. all points -- */

enum { PIECE = 256 };

static int score_piece(void *context, size_t item, struct rebias_error *err)
{
    struct rebias_data_comparison *c = context;
    const size_t end = (item + 1) * PIECE < c->sample->n ? (item + 1) * PIECE : c->sample->n;
    int status = REBIAS_OK;
    for (size_t i = item * PIECE; i < end && status == REBIAS_OK; i++) {
        if (c->cut.slot[i] != REBIAS_NO_SLOT) {
            status = score_point(c, i, err);
        } else {
            c->crps[i] = c->log_score[i] = c->u[i] = NAN;
        }
    }
    return status;
}

int rebias_comparison_score(struct rebias_data_comparison *c, struct rebias_error *err)
{
    const size_t n = c->sample->n;
    int status = rebias_alloc(&c->crps, n, sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->log_score, n, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->u, n, sizeof(double), err);
    }
    return status == REBIAS_OK
               ? rebias_parallel_for((n + PIECE - 1) / PIECE, c->options->threads, score_piece,
                                     c, NULL, NULL, err)
               : status;
}

/* -- 3. mean scores -- */

void rebias_comparison_mean_scores(const struct rebias_data_comparison *c, size_t n,
                                   const int32_t *index, struct rebias_metric_values *values)
{
    double sum[2][2] = {{0.0, 0.0}, {0.0, 0.0}};
    size_t count[2] = {0, 0};
    if (c->crps == NULL) {
        return;
    }
    for (size_t k = 0; k < n; k++) {
        size_t i = index != NULL ? (size_t)index[k] : k;
        if (c->cut.slot[i] != REBIAS_NO_SLOT) {
            const int p = c->sample->polarity[i];
            sum[0][p] += c->crps[i];
            sum[1][p] += c->log_score[i];
            count[p]++;
        }
    }
    for (int k = 0; k < 2; k++) {
        double *row = values->at[k == 0 ? REBIAS_METRIC_CRPS : REBIAS_METRIC_LOG_SCORE];
        for (int p = 0; p < 2; p++) {
            row[p] = count[p] > 0 ? sum[k][p] / (double)count[p] : NAN;
        }
        row[REBIAS_BOTH] = 0.5 * (row[0] + row[1]);
    }
}

/* -- 4. Kolmogorov-Smirnov -- */

/* Fisher: -2 sum ln p is chi-squared with two degrees of freedom for every test. */
static double join_p_values(double log_sum, size_t tests)
{
    return gsl_cdf_chisq_Q(-2.0 * log_sum, 2.0 * (double)tests);
}

static int test_uniform(const struct rebias_data_comparison *c, int polarity,
                        struct rebias_interval *row, struct rebias_error *err)
{
    double *u = NULL;
    size_t n = 0;
    int status = rebias_alloc(&u, c->sample->n, sizeof *u, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < c->sample->n; i++) {
        if (c->sample->polarity[i] == polarity && c->cut.slot[i] != REBIAS_NO_SLOT) {
            u[n++] = c->u[i];
        }
    }
    status = rebias_ks_one_sample(n, u, &row->value, &row->p_value, err);
    free(u);
    return status;
}

/* dG of a slot's points, ascending. */
static size_t take_slot(const struct rebias_pulses *pulses, const struct rebias_cut *cut,
                        size_t slot, double *dG)
{
    const size_t n = rebias_cut_count(cut, slot);
    for (size_t k = 0; k < n; k++) {
        dG[k] = pulses->dG[cut->order[cut->start[slot] + k]];
    }
    return n;
}

static int test_slots(const struct rebias_data_comparison *c, int polarity,
                      struct rebias_interval *row, struct rebias_error *err)
{
    const size_t slices = c->slots / 2;
    double *x = NULL;
    double log_sum = 0.0;
    double largest = 0.0;
    size_t tests = 0;
    int status = rebias_alloc(&x, c->sample->n + c->reference_data->n, sizeof *x, err);
    for (size_t s = 0; s < slices && status == REBIAS_OK; s++) {
        const size_t slot = (size_t)polarity * slices + s;
        if (c->law[slot].n == 0) {
            continue;
        }
        double statistic = 0.0;
        double p = 1.0;
        size_t n = take_slot(c->sample, &c->cut, slot, x);
        size_t m = take_slot(c->reference_data, &c->reference_cut, slot, x + n);
        status = rebias_ks_two_sample(n, x, m, x + n, &statistic, &p, err);
        log_sum += log(fmax(p, 1e-300)); /* an underflow is not a certainty */
        largest = fmax(largest, statistic);
        tests++;
    }
    free(x);
    if (status == REBIAS_OK) {
        row->value = largest;
        row->p_value = join_p_values(log_sum, tests);
    }
    return status;
}

/* -- 5. MMD -- */

/* The device's jump at G with probability u, by bisection. */
static double draw_jump(const struct rebias_data_comparison *c, int polarity, double G,
                        double u)
{
    enum { HALVINGS = 60 };
    double mean = 0.0;
    double sd = 0.0;
    c->jumps.moments(c->jumps.context, polarity, G, &mean, &sd);
    double low = mean - sd;
    double high = mean + sd;
    for (int k = 0; k < HALVINGS && c->jumps.cdf(c->jumps.context, polarity, G, low) > u; k++) {
        low = mean - 2.0 * (mean - low);
    }
    for (int k = 0; k < HALVINGS && c->jumps.cdf(c->jumps.context, polarity, G, high) < u;
         k++) {
        high = mean + 2.0 * (high - mean);
    }
    for (int k = 0; k < HALVINGS; k++) {
        double middle = 0.5 * (low + high);
        if (c->jumps.cdf(c->jumps.context, polarity, G, middle) < u) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

struct point_set {
    size_t n;
    double *values;
    uint32_t *stratum;
};

static void release_set(struct point_set *set)
{
    free(set->values);
    free(set->stratum);
}

/* The points of a polarity inside the range; strata: by_point their order, else their slots. */
static int gather(struct point_set *set, const struct rebias_pulses *pulses,
                  const struct rebias_cut *cut, int polarity, bool by_point,
                  struct rebias_error *err)
{
    int status = rebias_alloc(&set->values, 2 * pulses->n, sizeof *set->values, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&set->stratum, pulses->n, sizeof *set->stratum, err);
    }
    for (size_t i = 0; i < pulses->n && status == REBIAS_OK; i++) {
        if (pulses->polarity[i] == polarity && cut->slot[i] != REBIAS_NO_SLOT) {
            set->values[2 * set->n] = pulses->G[i];
            set->values[2 * set->n + 1] = pulses->dG[i];
            set->stratum[set->n] = by_point ? (uint32_t)set->n : cut->slot[i];
            set->n++;
        }
    }
    return status;
}

/* Replaces the jumps by the device's. */
static int draw_jumps(const struct rebias_data_comparison *c, int polarity,
                      struct point_set *set, struct rebias_error *err)
{
    double *u = NULL;
    int status = rebias_alloc(&u, set->n, sizeof *u, err);
    if (status == REBIAS_OK) {
        const struct rebias_stream stream = {.seed = c->options->seed,
                                             .purpose = REBIAS_FOR_SUBSET,
                                             .entity = 1 + (uint32_t)polarity};
        rebias_random_uniform(&stream, 0, set->n, u);
        for (size_t k = 0; k < set->n; k++) {
            set->values[2 * k + 1] = draw_jump(c, polarity, set->values[2 * k], u[k]);
        }
    }
    free(u);
    return status;
}

static int test_points(const struct rebias_data_comparison *c, int polarity,
                       struct rebias_interval *row, struct rebias_error *err)
{
    const bool paired = c->reference_data == NULL;
    struct point_set x = {0};
    struct point_set y = {0};
    struct rebias_permutation_result found = {0};
    int status = gather(&x, c->sample, &c->cut, polarity, paired, err);
    if (status == REBIAS_OK) {
        status = paired
                     ? gather(&y, c->sample, &c->cut, polarity, true, err)
                     : gather(&y, c->reference_data, &c->reference_cut, polarity, false, err);
    }
    if (status == REBIAS_OK && paired) {
        status = draw_jumps(c, polarity, &y, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_point_set a = {x.n, 2, x.values, x.stratum};
        const struct rebias_point_set b = {y.n, 2, y.values, y.stratum};
        struct rebias_permutation_options options = rebias_permutation_options_defaults();
        options.permutations = c->options->permutations;
        options.seed = c->options->seed;
        options.entity = 3 + (uint32_t)polarity; /* behind those of the draws */
        options.threads = c->options->threads;
        status = rebias_mmd(&a, &b, &options, &found, err);
    }
    if (status == REBIAS_OK) {
        row->value = found.statistic;
        row->p_value = found.p;
    }
    release_set(&x);
    release_set(&y);
    return status;
}

/* -- 6. the rows -- */

/* Both polarities together: the larger statistic, Fisher's p-value. */
static void join_polarities(struct rebias_interval row[3])
{
    row[REBIAS_BOTH].value = fmax(row[0].value, row[1].value);
    row[REBIAS_BOTH].p_value =
        join_p_values(log(fmax(row[0].p_value, 1e-300)) + log(fmax(row[1].p_value, 1e-300)), 2);
}

int rebias_comparison_test(const struct rebias_data_comparison *c,
                           struct rebias_comparison *result, struct rebias_error *err)
{
    struct rebias_interval *ks = result->row[REBIAS_METRIC_KS_TEST];
    struct rebias_interval *mmd = result->row[REBIAS_METRIC_MMD];
    int status = REBIAS_OK;
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = c->reference_data == NULL ? test_uniform(c, p, &ks[p], err)
                                           : test_slots(c, p, &ks[p], err);
        if (status == REBIAS_OK) {
            status = test_points(c, p, &mmd[p], err);
        }
    }
    if (status == REBIAS_OK) {
        join_polarities(ks);
        join_polarities(mmd);
    }
    return status;
}
