/* polynomial.c - estimator: mean and sd of dG are low-order polynomials of G.
 * 1. options   2. degrees   3. profiles   4. descriptor
 *
 * The polynomials have the largest joint likelihood (likelihood.c). Degrees are judged by BIC
 * (Schwarz, Ann. Statist. 6, 461 (1978)): the polynomials of all degrees are averaged with the
 * weights exp(-BIC/2), which approximate their posterior probabilities (Hoeting et al.,
 * Statist. Sci. 14, 382 (1999)), or the best are taken. The published TiOx tables have this
 * form (Yousuf et al., IEEE JETCAS 13, 382 (2023)).
 */
#include "estimators.h"
#include "likelihood.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* -- 1. options -- */

enum { O_MAX_MEAN, O_MAX_SD, O_MEAN, O_SD, O_LINK, O_DEGREES, O_COUNT };
enum { LINK_LOG, LINK_IDENTITY };
enum { DEGREES_AVERAGE, DEGREES_BEST };
enum { MAX_DEGREE = REBIAS_LIKELIHOOD_MAX_DEGREE, MIN_POINTS = 4 };

static const struct rebias_estimator_param params[O_COUNT] = {
    {"max_mean", 4.0, 0.0, MAX_DEGREE, true, NULL, "highest degree of the mean to try"},
    {"max_sd", 3.0, 0.0, MAX_DEGREE, true, NULL, "highest degree of the sd to try"},
    {"mean", -1.0, -1.0, MAX_DEGREE, true, NULL, "degree of the mean; -1 = by BIC"},
    {"sd", -1.0, -1.0, MAX_DEGREE, true, NULL, "degree of the sd; -1 = by BIC"},
    {"link", LINK_LOG, LINK_LOG, LINK_IDENTITY, true, "log|identity",
     "polynomial in the log of the sd, or in the sd itself"},
    {"degrees", DEGREES_AVERAGE, DEGREES_AVERAGE, DEGREES_BEST, true, "average|best",
     "average over degrees with weights exp(-BIC/2), or those of the least BIC alone"},
};

/* -- 2. degrees -- */

/* What the fits of all degrees leave. */
struct choice {
    const struct rebias_likelihood *points;
    bool fixed; /* one pair of degrees only */
    struct rebias_likelihood_model best;
    double least;                           /* its BIC */
    struct rebias_likelihood_model average; /* sums over the fits of weight times coefficient */
    double weights;                         /* their sum; the best has weight 1 */
};

/* Enough points for so many terms: more different G than terms of either polynomial, 4 points
 * a term of the mean and 20 a further term of the sd (3 and 3 when the user fixed the degrees).
 * With fewer the likelihood has no useful maximum: the mean passes through the points at one
 * end, where the sd falls to its floor. A hundred points suffice for the default degrees. */
static bool enough_points(const void *context, size_t mean_terms, size_t sd_terms)
{
    const struct choice *c = context;
    const struct rebias_likelihood *p = c->points;
    const size_t needed =
        (c->fixed ? 3 : 4) * mean_terms + (c->fixed ? 3 : 20) * (sd_terms - 1);
    return p->distinct > mean_terms && p->distinct > sd_terms && p->n >= needed;
}

/* Frees the sd of the bias that its fitted mean gives it: n/(n - terms of the mean), in the
 * variance. */
static void correct_sd(const struct rebias_likelihood *p, struct rebias_likelihood_model *m)
{
    const double correction = 0.5 * log((double)p->n / (double)(p->n - m->mean_terms));
    if (p->scale.log_link) {
        m->sd[0] += correction;
        return;
    }
    for (size_t k = 0; k < m->sd_terms; k++) {
        m->sd[k] *= exp(correction);
    }
}

/* Takes a fit in. */
static void take(void *context, const struct rebias_likelihood_model *model)
{
    struct choice *c = context;
    struct rebias_likelihood_model m = *model;
    const double value = rebias_likelihood_bic(c->points, &m);
    correct_sd(c->points, &m);
    const double old = value < c->least ? exp(0.5 * (value - c->least)) : 1.0;
    const double weight = value < c->least ? 1.0 : exp(0.5 * (c->least - value));
    if (value < c->least) {
        c->best = m;
        c->least = value;
    }
    c->weights = old * c->weights + weight;
    for (size_t k = 0; k < c->points->width; k++) {
        c->average.mean[k] = old * c->average.mean[k] + weight * m.mean[k];
        c->average.sd[k] = old * c->average.sd[k] + weight * m.sd[k];
    }
}

/* The terms to try: of a fixed degree, or of 0 .. max; notes in c when there is no choice.
 * Degrees are compared in steps of BIC of about 1: 1e-7 is nothing beside them. */
static struct rebias_likelihood_degrees degrees_to_try(const double *values, struct choice *c)
{
    const double mean = values[O_MEAN];
    const double sd = values[O_SD];
    struct rebias_likelihood_degrees d = {.mean_last =
                                              (size_t)(mean < 0.0 ? values[O_MAX_MEAN] : mean),
                                          .sd_last = (size_t)(sd < 0.0 ? values[O_MAX_SD] : sd),
                                          .least_rise = 1e-7,
                                          .allowed = enough_points,
                                          .take = take,
                                          .context = c};
    d.mean_last++;
    d.sd_last++;
    d.mean_first = mean < 0.0 ? 1 : d.mean_last;
    d.sd_first = sd < 0.0 ? 1 : d.sd_last;
    c->fixed = d.mean_first == d.mean_last && d.sd_first == d.sd_last;
    return d;
}

static int fit_degrees(const struct rebias_likelihood_degrees *degrees, struct choice *c,
                       struct rebias_error *err)
{
    const struct rebias_likelihood *p = c->points;
    rebias_likelihood_fit(p, degrees);
    if (c->least == INFINITY) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "%zu points at %zu different G do not suffice for a mean of degree "
                           "%zu and an sd of degree %zu",
                           p->n, p->distinct, degrees->mean_first - 1, degrees->sd_first - 1);
    }
    for (size_t k = 0; k < p->width; k++) {
        c->average.mean[k] /= c->weights;
        c->average.sd[k] /= c->weights;
    }
    c->average.mean_terms = degrees->mean_last;
    c->average.sd_terms = degrees->sd_last;
    return REBIAS_OK;
}

/* -- 3. profiles -- */

/* Fills the levels from the polynomials m. The effective number of points of a level is sd^2
 * over the variance of its fitted mean, both of the best degrees. */
static int fill_levels(const struct choice *c, const struct rebias_likelihood_model *m,
                       double sd_floor, struct rebias_fitted *fitted, struct rebias_error *err)
{
    const struct rebias_likelihood_scale *scale = &c->points->scale;
    double *variance = fitted->count; /* one is made from the other in place */
    int status = rebias_likelihood_variance(c->points, &c->best, fitted->levels, fitted->G,
                                            variance, err);
    if (status != REBIAS_OK) {
        return status;
    }
    fitted->extrapolated = 0;
    for (size_t i = 0; i < fitted->levels; i++) {
        const double n = (double)c->points->n;
        double basis[REBIAS_LIKELIHOOD_MAX_TERMS];
        double mean = 0.0;
        double sd = 0.0;
        double best_mean = 0.0;
        double best_sd = 0.0;
        rebias_likelihood_basis(scale, c->points->width, fitted->G[i], basis);
        rebias_likelihood_at(scale, m, basis, &mean, &sd);
        rebias_likelihood_at(scale, &c->best, basis, &best_mean, &best_sd);
        fitted->mean[i] = scale->unit * mean;
        fitted->sd[i] = fmax(scale->unit * sd, sd_floor);
        fitted->count[i] = variance[i] > 0.0 ? fmin(best_sd * best_sd / variance[i], n) : 0.0;
        fitted->extrapolated += fitted->G[i] < scale->low || fitted->G[i] > scale->high;
    }
    return REBIAS_OK;
}

static void describe(const struct choice *c, bool averaged, struct rebias_fitted *fitted)
{
    fitted->bins = 0;
    fitted->empty_bins = 0;
    snprintf(fitted->note, sizeof fitted->note,
             "best degrees: mean %zu, %ssd %zu (BIC %.1f, weight %.2f)%s",
             c->best.mean_terms - 1, c->points->scale.log_link ? "log " : "",
             c->best.sd_terms - 1, c->least, 1.0 / c->weights, averaged ? "; averaged" : "");
}

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    const bool averaged = values[O_DEGREES] == DEGREES_AVERAGE;
    struct rebias_likelihood points;
    struct choice c = {.points = &points, .least = INFINITY};
    const struct rebias_likelihood_degrees d = degrees_to_try(values, &c);
    const size_t width = d.mean_last > d.sd_last ? d.mean_last : d.sd_last;
    int status = rebias_likelihood_new(&points, sample, width, values[O_LINK] == LINK_LOG, err);
    if (status == REBIAS_OK) {
        status = fit_degrees(&d, &c, err);
    }
    if (status == REBIAS_OK) {
        status =
            fill_levels(&c, averaged ? &c.average : &c.best, sample->sd_floor, fitted, err);
    }
    if (status == REBIAS_OK) {
        describe(&c, averaged, fitted);
    }
    rebias_likelihood_free(&points);
    return status;
}

/* -- 4. descriptor -- */

const struct rebias_estimator rebias_polynomial_estimator = {
    .name = "polynomial",
    .doc =
        "mean and sd as polynomials of G, joint likelihood, degrees weighted or chosen by BIC",
    .assumes = "Jumps are normal, and mean and log sd (or sd) are smooth in G: low-order "
               "polynomials. Cut-off jumps at the rails are used as such when told to.",
    .params = params,
    .param_count = O_COUNT,
    .min_points = MIN_POINTS,
    .fit = fit,
};
