/* trend.c - polynomial trend of the mean and of the log-sd of dG in G.
 *
 *  1. degrees by BIC
 *  2. using a trend
 *  3. jumps cut off at the rails
 */
#include "trend.h"
#include "rebias/base.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. degrees by BIC -- */

enum { TERMS = 4 }; /* degrees 0 to 3 */

/* The best fit so far. */
struct choice {
    const struct rebias_likelihood *points;
    struct rebias_likelihood_model best;
    double least; /* its BIC */
};

static bool enough_points(const void *context, size_t mean_terms, size_t sd_terms)
{
    const size_t points_per_term = 4; /* fewer would only fit the noise */
    const size_t terms = mean_terms + sd_terms;
    const struct choice *c = context;
    const struct rebias_likelihood *p = c->points;
    return mean_terms <= p->distinct && sd_terms <= p->distinct &&
           (terms == 2 || points_per_term * terms <= p->n);
}

static void take(void *context, const struct rebias_likelihood_model *model)
{
    struct choice *c = context;
    const double value = rebias_likelihood_bic(c->points, model);
    if (value < c->least) {
        c->least = value;
        c->best = *model;
    }
}

static int check_spread(const struct rebias_sample *s, struct rebias_error *err)
{
    if (s->n < 2 || !(s->G[s->n - 1] > s->G[0])) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu points have the same G: no dependence on G can be fitted",
                           s->n);
    }
    double low = s->dG[0];
    double high = s->dG[0];
    for (size_t i = 1; i < s->n; i++) {
        low = fmin(low, s->dG[i]);
        high = fmax(high, s->dG[i]);
    }
    if (!(high > low)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu points have the same dG = %g S: there is no spread to fit",
                           s->n, low);
    }
    return REBIAS_OK;
}

static int refuse(const struct rebias_likelihood *p, size_t degree, struct rebias_error *err)
{
    const size_t distinct = p->distinct < TERMS ? p->distinct : TERMS;
    return rebias_fail(err, REBIAS_E_DATA,
                       "%zu points at %zu%s different G are too few for a trend of degree %zu",
                       p->n, distinct, distinct == TERMS ? " or more" : "", degree);
}

int rebias_trend_fit(struct rebias_trend *trend, const struct rebias_sample *sample, int degree,
                     struct rebias_error *err)
{
    /* Residuals must not show where the ascent stopped: coefficients to about 1e-7. */
    const double least_rise = 1e-14 * (double)sample->n;
    const size_t first = degree < 0 ? 1 : (size_t)degree + 1;
    const size_t last = degree < 0 ? TERMS : first;
    struct rebias_likelihood points = {.n = 0};
    struct choice c = {.points = &points, .least = INFINITY};
    struct rebias_sample whole = *sample;
    whole.censored = false;
    int status = check_spread(sample, err);
    if (status == REBIAS_OK) {
        status = rebias_likelihood_new(&points, &whole, last, true, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_likelihood_degrees degrees = {.mean_first = first,
                                                          .mean_last = last,
                                                          .sd_first = first,
                                                          .sd_last = last,
                                                          .least_rise = least_rise,
                                                          .allowed = enough_points,
                                                          .take = take,
                                                          .context = &c};
        rebias_likelihood_fit(&points, &degrees);
        status = c.least < INFINITY ? REBIAS_OK : refuse(&points, first - 1, err);
    }
    if (status == REBIAS_OK) {
        *trend = (struct rebias_trend){.scale = points.scale,
                                       .model = c.best,
                                       .mean_degree = c.best.mean_terms - 1,
                                       .log_sd_degree = c.best.sd_terms - 1};
    }
    rebias_likelihood_free(&points);
    return status;
}

/* -- 2. using a trend -- */

void rebias_trend_at(const struct rebias_trend *trend, double G, double *mean, double *sd)
{
    double basis[TERMS];
    rebias_likelihood_basis(&trend->scale, TERMS, G, basis);
    rebias_likelihood_at(&trend->scale, &trend->model, basis, mean, sd);
    *mean *= trend->scale.unit;
    *sd *= trend->scale.unit;
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

/* -- 3. jumps cut off at the rails -- */

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

/* Returns how far the farthest jump has moved, in sds. */
static double complete_once(const struct rebias_trend *trend,
                            const struct rebias_sample *sample, double *dG)
{
    size_t k = 0;
    double farthest = 0.0;
    for (size_t i = 0; i < sample->n; i++) {
        const double side = rebias_rail_of(sample, i);
        if (side != 0.0) {
            double mean = 0.0;
            double sd = 0.0;
            rebias_trend_at(trend, sample->G[i], &mean, &sd);
            const double z = side * (sample->dG[i] - mean) / sd;
            const double whole = mean + side * sd * beyond(z, k++);
            farthest = fmax(farthest, fabs(whole - dG[i]) / sd);
            dG[i] = whole;
        }
    }
    return farthest;
}

int rebias_trend_start(struct rebias_trend *trend, struct rebias_sample *sample, int degree,
                       double **dG, struct rebias_error *err)
{
    /* Each round leaves of the error the share of jumps that are cut off: at most about half
     * at the rails, far less over the range. */
    const int rounds = sample->censored ? 15 : 0;
    const double still = 1e-8; /* sd */
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
        if (complete_once(trend, &given, *dG) < still) {
            break;
        }
        status = rebias_trend_fit(trend, sample, degree, err);
    }
    return status;
}
