/* quantile_regression.h - conditional quantiles as B-splines in G (internal to jumptable).
 *
 * Quantile p of e at G is sum_k b_k(G) theta_k, b the B-splines of degree min(3, d - 1).
 */
#ifndef REBIAS_JUMPTABLE_QUANTILE_REGRESSION_H
#define REBIAS_JUMPTABLE_QUANTILE_REGRESSION_H

#include "rebias/estimate.h"
#include <gsl/gsl_bspline.h>

enum { REBIAS_MAX_SPLINES = 12 };

/* Splines, and the points that quantiles are fitted to. */
struct rebias_splines {
    size_t n, d;
    double low, high; /* S, first and last G */
    double h;         /* half-width of the kernel that smooths the check loss, in units of e */
    gsl_bspline_workspace *workspace;
    double *X;                                            /* [n][d], values of the splines */
    double *e;                                            /* [n] */
    double *sorted;                                       /* [n], e ascending */
    double gram[REBIAS_MAX_SPLINES * REBIAS_MAX_SPLINES]; /* X'X */
};

/* *s = size[1] splines on size[0] of the points, evenly picked; e[sample->n] are the values.
 * rebias_splines_free it. Errors: REBIAS_E_DATA when G takes too few values. */
int rebias_splines_new(struct rebias_splines *s, const struct rebias_sample *sample,
                       const double *e, const size_t size[2], struct rebias_error *err);
void rebias_splines_free(struct rebias_splines *s);

/* b[d] = values of the splines at G, held inside the points; their sum is 1. */
void rebias_splines_at(const struct rebias_splines *s, double G, double *b);

/* Value at point i for the coefficients theta[d]. */
double rebias_splines_value(const struct rebias_splines *s, const double *theta, size_t i);

/* theta[count][d] of the quantiles p[count], 0 < p < 1. Errors: REBIAS_E_NUMERIC. */
int rebias_splines_fit(const struct rebias_splines *s, size_t count, const double *p,
                       double *theta, struct rebias_error *err);

/* b = A^-1 b for a symmetric positive definite A[d][d], which is destroyed. */
bool rebias_solve_small(size_t d, double *A, double *b);

#endif
