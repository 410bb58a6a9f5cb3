/* trend.c - polynomial trend of the mean and of the log-sd of dG in G.
 *
 *  1. small systems
 *  2. one pair of degrees
 *  3. degrees by BIC
 *  4. using a trend
 *  5. jumps cut off at the rails
 *
 * Multiplicative heteroscedasticity: A. C. Harvey, Econometrica 44, 461 (1976). Weighted least
 * squares for the mean and Fisher scoring for the log-sd in turn reach the joint maximum of the
 * normal likelihood, because its information matrix has no mixed block.
 */
#include "trend.h"
#include "rebias/base.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. small systems -- */

bool rebias_solve_small(size_t d, double *A, double *b)
{
    gsl_matrix_view matrix = gsl_matrix_view_array(A, d, d);
    gsl_vector_view vector = gsl_vector_view_array(b, d);
    return gsl_linalg_cholesky_decomp1(&matrix.matrix) == 0 &&
           gsl_linalg_cholesky_svx(&matrix.matrix, &vector.vector) == 0;
}

/* -- 2. one pair of degrees -- */

struct work {
    size_t n;
    double *g;      /* in [-1, 1] */
    double *y;      /* (dG - shift)/scale */
    double *weight; /* 1/sd^2 */
};

static double polynomial(const double *c, size_t degree, double g)
{
    double sum = c[degree];
    for (size_t k = degree; k-- > 0;) {
        sum = sum * g + c[k];
    }
    return sum;
}

static double log_sd_at(const struct rebias_trend *t, double g)
{
    return fmax(polynomial(t->log_sd, t->log_sd_degree, g), t->least_log_sd);
}

/* c = argmin sum weight (target - sum c_k g^k)^2 from the power sums; weight NULL is 1. */
static bool least_squares(size_t n, const double *g, const double *target, const double *weight,
                          size_t degree, double *c)
{
    double power[2 * REBIAS_TREND_TERMS - 1] = {0};
    double A[REBIAS_TREND_TERMS * REBIAS_TREND_TERMS];
    size_t d = degree + 1;
    for (size_t k = 0; k < d; k++) {
        c[k] = 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        double term = weight != NULL ? weight[i] : 1.0;
        for (size_t k = 0; k < 2 * d - 1; k++) {
            power[k] += term;
            if (k < d) {
                c[k] += term * target[i];
            }
            term *= g[i];
        }
    }
    for (size_t k = 0; k < d * d; k++) {
        A[k] = power[k / d + k % d];
    }
    return rebias_solve_small(d, A, c);
}

/* One step of Fisher scoring; scratch[n]. Returns the largest change, or -1 when singular. */
static double score_log_sd(struct rebias_trend *t, const struct work *w, double *scratch)
{
    double step[REBIAS_TREND_TERMS];
    for (size_t i = 0; i < w->n; i++) {
        double r = w->y[i] - polynomial(t->mean, t->mean_degree, w->g[i]);
        scratch[i] = 0.5 * (r * r * w->weight[i] - 1.0);
    }
    if (!least_squares(w->n, w->g, scratch, NULL, t->log_sd_degree, step)) {
        return -1.0;
    }
    double largest = 0.0;
    for (size_t k = 0; k <= t->log_sd_degree; k++) {
        largest = fmax(largest, fabs(step[k]));
    }
    for (size_t k = 0; k <= t->log_sd_degree; k++) {
        t->log_sd[k] += step[k] / fmax(1.0, largest); /* far away a full step overshoots */
    }
    return largest;
}

static double log_likelihood(const struct rebias_trend *t, const struct work *w)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->n; i++) {
        double r = w->y[i] - polynomial(t->mean, t->mean_degree, w->g[i]);
        double l = log_sd_at(t, w->g[i]);
        sum -= l + 0.5 * r * r * exp(-2.0 * l);
    }
    return sum;
}

/* Fits the coefficients for the degrees in t; false when the points do not determine them. */
static bool fit_pair(struct rebias_trend *t, struct work *w, double *scratch)
{
    const int rounds = 40; /* about 8 are needed */
    double change = 1.0;
    for (size_t k = 0; k < REBIAS_TREND_TERMS; k++) {
        t->log_sd[k] = 0.0;
    }
    for (int round = 0; round < rounds && change > 1e-8; round++) {
        for (size_t i = 0; i < w->n; i++) {
            w->weight[i] = exp(-2.0 * log_sd_at(t, w->g[i]));
        }
        if (!least_squares(w->n, w->g, w->y, w->weight, t->mean_degree, t->mean)) {
            return false;
        }
        change = score_log_sd(t, w, scratch);
        if (change < 0.0) {
            return false;
        }
    }
    return true;
}

/* -- 3. degrees by BIC -- */

static size_t count_distinct(const struct rebias_sample *sample, size_t enough)
{
    size_t distinct = sample->n > 0;
    for (size_t i = 1; i < sample->n && distinct < enough; i++) {
        distinct += sample->G[i] > sample->G[i - 1];
    }
    return distinct;
}

/* Sets shift and scale (mean and sd of dG) and the scale of G. */
static int standardise(struct rebias_trend *t, const struct rebias_sample *s,
                       struct rebias_error *err)
{
    if (s->n < 2 || !(s->G[s->n - 1] > s->G[0])) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu points have the same G: no dependence on G can be fitted",
                           s->n);
    }
    double low = s->dG[0];
    double high = s->dG[0];
    double sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        low = fmin(low, s->dG[i]);
        high = fmax(high, s->dG[i]);
        sum += s->dG[i] - s->dG[0];
    }
    if (!(high > low)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu points have the same dG = %g S: there is no spread to fit",
                           s->n, low);
    }
    t->shift = s->dG[0] + sum / (double)s->n;
    double square = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        double u = (s->dG[i] - t->shift) / (high - low); /* squares of pS would be 1e-24 */
        square += u * u;
    }
    t->scale = (high - low) * sqrt(square / (double)s->n);
    t->least_log_sd = log(s->sd_floor / t->scale);
    t->centre = 0.5 * (s->G[0] + s->G[s->n - 1]);
    t->half = 0.5 * (s->G[s->n - 1] - s->G[0]);
    return REBIAS_OK;
}

/* Tries all allowed pairs of degrees and keeps the one with the least BIC. */
static bool choose(struct rebias_trend *trend, struct work *w, double *scratch, size_t lowest,
                   size_t highest)
{
    const size_t points_per_term = 4; /* fewer would only fit the noise */
    double best = INFINITY;
    struct rebias_trend t = *trend;
    for (size_t p = lowest; p <= highest; p++) {
        for (size_t q = lowest; q <= highest; q++) {
            t.mean_degree = p;
            t.log_sd_degree = q;
            if (p + q > 0 && points_per_term * (p + q + 2) > w->n) {
                continue;
            }
            if (!fit_pair(&t, w, scratch)) {
                continue;
            }
            double bic = -2.0 * log_likelihood(&t, w) + (double)(p + q + 2) * log((double)w->n);
            if (bic < best) {
                best = bic;
                *trend = t;
            }
        }
    }
    return best < INFINITY;
}

int rebias_trend_fit(struct rebias_trend *trend, const struct rebias_sample *sample, int degree,
                     struct rebias_error *err)
{
    struct rebias_trend t = {0};
    double *memory = NULL;
    size_t n = sample->n;
    size_t distinct = count_distinct(sample, REBIAS_TREND_TERMS);
    int status = standardise(&t, sample, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = rebias_alloc(&memory, n, 4 * sizeof *memory, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    struct work w = {.n = n, .g = memory, .y = memory + n, .weight = memory + 2 * n};
    for (size_t i = 0; i < n; i++) {
        w.g[i] = (sample->G[i] - t.centre) / t.half;
        w.y[i] = (sample->dG[i] - t.shift) / t.scale;
    }
    size_t lowest = degree < 0 ? 0 : (size_t)degree;
    size_t highest = degree < 0 ? distinct - 1 : lowest;
    if (lowest >= distinct || !choose(&t, &w, memory + 3 * n, lowest, highest)) {
        status =
            rebias_fail(err, REBIAS_E_DATA,
                        "%zu points at %zu%s different G are too few for a trend of degree %zu",
                        n, distinct, distinct == REBIAS_TREND_TERMS ? " or more" : "", lowest);
        goto done;
    }
    *trend = t;
done:
    free(memory);
    return status;
}

/* -- 4. using a trend -- */

void rebias_trend_at(const struct rebias_trend *trend, double G, double *mean, double *sd)
{
    double g = fmax(-1.0, fmin(1.0, (G - trend->centre) / trend->half));
    *mean = trend->shift + trend->scale * polynomial(trend->mean, trend->mean_degree, g);
    *sd = trend->scale * exp(log_sd_at(trend, g));
}

void rebias_trend_residuals(const struct rebias_trend *trend,
                            const struct rebias_sample *sample, double *e)
{
    for (size_t i = 0; i < sample->n; i++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_trend_at(trend, sample->G[i], &mean, &sd);
        e[i] = (sample->dG[i] - mean) / sd;
    }
}

size_t rebias_trend_extrapolated(const struct rebias_sample *sample, size_t levels,
                                 const double *G)
{
    size_t outside = 0;
    for (size_t i = 0; i < levels; i++) {
        outside += G[i] < sample->G[0] || G[i] > sample->G[sample->n - 1];
    }
    return outside;
}

/* -- 5. jumps cut off at the rails -- */

/* 1 cut off at Gmax, -1 at Gmin, 0 whole. */
static double rail_side(const struct rebias_sample *s, size_t i)
{
    double slack = 1e-9 * (s->Gmax - s->Gmin);
    double after = s->G[i] + s->dG[i];
    if (after >= s->Gmax - slack) {
        return 1.0;
    }
    return after <= s->Gmin + slack ? -1.0 : 0.0;
}

/* The k-th cut-off jump, from z sd outwards: quantiles of the tail in the order of the golden
 * ratio, which fills (0, 1) evenly however many there are. */
static double beyond(double z, size_t k)
{
    const double golden = 0.61803398874989485;
    const double far = 30.0; /* Q(30) is 1e-197; beyond, the tail is a point */
    double u = fmod(0.5 + (double)k * golden, 1.0);
    if (z > far || !(u > 0.0)) {
        return z;
    }
    return gsl_cdf_ugaussian_Qinv(u * gsl_cdf_ugaussian_Q(z));
}

static void complete_once(const struct rebias_trend *trend, const struct rebias_sample *sample,
                          double *dG)
{
    size_t k = 0;
    for (size_t i = 0; i < sample->n; i++) {
        double side = rail_side(sample, i);
        double mean = 0.0;
        double sd = 0.0;
        if (side > 0.0 || side < 0.0) {
            rebias_trend_at(trend, sample->G[i], &mean, &sd);
            double z = side * (sample->dG[i] - mean) / sd;
            dG[i] = mean + side * sd * beyond(z, k++);
        }
    }
}

int rebias_trend_start(struct rebias_trend *trend, struct rebias_sample *sample, int degree,
                       double **dG, struct rebias_error *err)
{
    /* Each round leaves of the error the share of jumps that are cut off: at most about half
     * at the rails, far less over the range. */
    const int rounds = sample->censored ? 15 : 0;
    const struct rebias_sample given = *sample;
    *dG = NULL;
    int status = rebias_trend_fit(trend, &given, degree, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(dG, given.n, sizeof **dG, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    memcpy(*dG, given.dG, given.n * sizeof **dG);
    sample->dG = *dG;
    for (int round = 0; round < rounds && status == REBIAS_OK; round++) {
        complete_once(trend, &given, *dG);
        status = rebias_trend_fit(trend, sample, degree, err);
    }
    return status;
}
