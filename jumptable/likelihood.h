/* likelihood.h - maximum normal likelihood of polynomial mean and polynomial sd of dG in G
 * (internal to jumptable; used by `polynomial` and by the trend of `kde` and `quantile`).
 *
 * mean(G) = sum a_k P_k(t), ln sd(G) = sum b_k P_k(t) (or sd itself), with t = G scaled to
 * [-1, 1] over the points, constant beyond them, and P_k the Legendre polynomials.
 */
#ifndef REBIAS_JUMPTABLE_LIKELIHOOD_H
#define REBIAS_JUMPTABLE_LIKELIHOOD_H

#include "rebias/estimate.h"

enum { REBIAS_LIKELIHOOD_MAX_DEGREE = 10, REBIAS_LIKELIHOOD_MAX_TERMS = 11 };

/* What the polynomials are functions of. */
struct rebias_likelihood_scale {
    double low, high; /* S: the points' support, high > low */
    double unit;      /* S: unit of jumps, means and sds */
    double floor;     /* smallest sd, units */
    bool log_link;    /* the sd's polynomial is that of ln sd */
};

/* The points. */
struct rebias_likelihood {
    struct rebias_likelihood_scale scale;
    size_t n;
    size_t width;     /* basis functions of a point */
    double *basis;    /* [n][width]: P_k(t) */
    double *jump;     /* [n], units */
    signed char *cut; /* [n]: 0 whole, +1 the jump was at least this, -1 at most */
    size_t distinct;  /* different G */
};

/* One choice of degrees and its coefficients. */
struct rebias_likelihood_model {
    size_t mean_terms, sd_terms; /* degree + 1 */
    double mean[REBIAS_LIKELIHOOD_MAX_TERMS];
    double sd[REBIAS_LIKELIHOOD_MAX_TERMS]; /* of ln sd, or of sd */
    double log_likelihood;
};

/* *points = those of the sample; unit: the root mean square of dG. rebias_likelihood_free it
 * always. Errors: REBIAS_E_DATA when all G are equal. */
int rebias_likelihood_new(struct rebias_likelihood *points, const struct rebias_sample *sample,
                          size_t width, bool log_link, struct rebias_error *err);
void rebias_likelihood_free(struct rebias_likelihood *points);

/* basis[width] = P_0 .. P_{width-1} at G, S. */
void rebias_likelihood_basis(const struct rebias_likelihood_scale *scale, size_t width,
                             double G, double *basis);

/* Mean and sd (>= floor) of the model for a basis, in units. */
void rebias_likelihood_at(const struct rebias_likelihood_scale *scale,
                          const struct rebias_likelihood_model *model, const double *basis,
                          double *mean, double *sd);

/* Schwarz criterion of a maximised model. */
double rebias_likelihood_bic(const struct rebias_likelihood *points,
                             const struct rebias_likelihood_model *model);

/* Terms to fit, and how. */
struct rebias_likelihood_degrees {
    size_t mean_first, mean_last; /* terms: degree + 1 */
    size_t sd_first, sd_last;
    double least_rise; /* steps that gain less log-likelihood than this end an ascent */
    /* Whether the points suffice for so many terms; once false, false for more. */
    bool (*allowed)(const void *context, size_t mean_terms, size_t sd_terms);
    /* Takes a fit with terms inside the ranges in. */
    void (*take)(void *context, const struct rebias_likelihood_model *model);
    void *context;
};

/* Maximises the likelihood for all degrees, each from the next lower one of the mean, the first
 * of these from the next lower one of the sd. */
void rebias_likelihood_fit(const struct rebias_likelihood *points,
                           const struct rebias_likelihood_degrees *degrees);

/* variance[levels] of the model's mean at G[levels] in units^2, from the information matrix.
 * Errors: REBIAS_E_NUMERIC when it is singular. */
int rebias_likelihood_variance(const struct rebias_likelihood *points,
                               const struct rebias_likelihood_model *model, size_t levels,
                               const double *G, double *variance, struct rebias_error *err);

/* 1 when jump i of the sample ends at Gmax (within 1e-9 of the range), -1 at Gmin, else 0. */
signed char rebias_rail_of(const struct rebias_sample *sample, size_t i);

#endif
