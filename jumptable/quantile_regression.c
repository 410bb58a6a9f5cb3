/* quantile_regression.c - conditional quantiles as B-splines in G.
 *
 *  1. splines and points
 *  2. one quantile: smoothed check loss
 *  3. all quantiles
 *
 * Each quantile minimises the check loss convolved with an Epanechnikov kernel (M. Fernandes,
 * E. Guerre, E. Horta, J. Bus. Econ. Stat. 39, 338 (2021)): smooth and convex, so that Newton
 * steps find it. It is then the quantile of e + h U, U of variance 1/5.
 */
#include "quantile_regression.h"
#include "rebias/base.h"
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. splines and points -- */

/* Knots lie at quantiles of G, so that each spline has points. */
static int set_knots(struct rebias_splines *s, const struct rebias_sample *sample,
                     struct rebias_error *err)
{
    size_t order = s->d < 4 ? s->d : 4;
    size_t breaks = s->d - order + 2;
    double place[REBIAS_MAX_SPLINES] = {0};
    size_t distinct = 1;
    for (size_t i = 1; i < sample->n && distinct < s->d; i++) {
        distinct += sample->G[i] > sample->G[i - 1];
    }
    bool ascending = distinct >= s->d;
    for (size_t k = 0; k < breaks; k++) {
        double G = sample->G[k * (sample->n - 1) / (breaks - 1)];
        place[k] = (G - s->low) / (s->high - s->low);
        ascending = ascending && (k == 0 || place[k] > place[k - 1]);
    }
    if (!ascending) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "%zu points are at too few different G for %zu B-splines in G",
                           sample->n, s->d);
    }
    s->workspace = gsl_bspline_alloc(order, breaks);
    if (s->workspace == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "no memory for %zu B-splines", s->d);
    }
    gsl_vector_const_view knots = gsl_vector_const_view_array(place, breaks);
    if (gsl_bspline_knots(&knots.vector, s->workspace) != 0) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "no B-splines on these knots");
    }
    return REBIAS_OK;
}

void rebias_splines_at(const struct rebias_splines *s, double G, double *b)
{
    double x = fmax(0.0, fmin(1.0, (G - s->low) / (s->high - s->low)));
    gsl_vector_view values = gsl_vector_view_array(b, s->d);
    gsl_bspline_eval(x, &values.vector, s->workspace); /* cannot fail: x is between the knots */
}

/* Width of the kernel by the rate of the check loss (X. He et al., J. Econometrics 232, 367
 * (2023)), within bounds that keep the bias of its variance h^2/5 small. */
static double kernel_width(size_t n, size_t d)
{
    double h = pow(((double)d + log((double)n)) / (double)n, 0.4);
    return fmax(0.1, fmin(h, 0.4));
}

void rebias_splines_free(struct rebias_splines *s)
{
    if (s->workspace != NULL) {
        gsl_bspline_free(s->workspace);
    }
    free(s->X);
    free(s->e);
    free(s->sorted);
    *s = (struct rebias_splines){.X = NULL};
}

/* Values of the splines at the points, and X'X. */
static void set_points(struct rebias_splines *s, const struct rebias_sample *sample,
                       const double *e)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t from = i * sample->n / s->n;
        double *x = s->X + i * s->d;
        s->e[i] = s->sorted[i] = e[from];
        rebias_splines_at(s, sample->G[from], x);
        for (size_t k = 0; k < s->d * s->d; k++) {
            s->gram[k] += x[k / s->d] * x[k % s->d];
        }
    }
    gsl_sort(s->sorted, 1, s->n);
}

int rebias_splines_new(struct rebias_splines *s, const struct rebias_sample *sample,
                       const double *e, const size_t size[2], struct rebias_error *err)
{
    *s = (struct rebias_splines){.n = size[0],
                                 .d = size[1],
                                 .low = sample->G[0],
                                 .high = sample->G[sample->n - 1],
                                 .h = kernel_width(size[0], size[1])};
    int status = set_knots(s, sample, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->X, s->n, s->d * sizeof *s->X, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->e, s->n, sizeof *s->e, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->sorted, s->n, sizeof *s->sorted, err);
    }
    if (status != REBIAS_OK) {
        rebias_splines_free(s);
        return status;
    }
    set_points(s, sample, e);
    return REBIAS_OK;
}

/* -- 2. one quantile: smoothed check loss -- */

bool rebias_solve_small(size_t d, double *A, double *b)
{
    gsl_matrix_view matrix = gsl_matrix_view_array(A, d, d);
    gsl_vector_view vector = gsl_vector_view_array(b, d);
    return gsl_linalg_cholesky_decomp1(&matrix.matrix) == 0 &&
           gsl_linalg_cholesky_svx(&matrix.matrix, &vector.vector) == 0;
}

double rebias_splines_value(const struct rebias_splines *s, const double *theta, size_t i)
{
    double sum = 0.0;
    for (size_t k = 0; k < s->d; k++) {
        sum += s->X[i * s->d + k] * theta[k];
    }
    return sum;
}

/* Sum of rho_h(r) = (p - 1/2) r + h L(r/h), L(u) = 3/16 + 3/8 u^2 - u^4/16, |u|/2 outside. */
static double smooth_loss(const struct rebias_splines *s, double p, const double *theta)
{
    double sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        double r = s->e[i] - rebias_splines_value(s, theta, i);
        double u = fabs(r / s->h);
        double L = u < 1.0 ? 0.1875 + u * u * (0.375 - 0.0625 * u * u) : 0.5 * u;
        sum += (p - 0.5) * r + s->h * L;
    }
    return sum;
}

/* step[d] = Newton step at theta; false when the matrix is singular. */
static bool newton_step(const struct rebias_splines *s, double p, const double *theta,
                        double *step)
{
    /* A share of X'X keeps the matrix regular where hardly any point lies within h. */
    const double share = 0.002;
    double H[REBIAS_MAX_SPLINES * REBIAS_MAX_SPLINES];
    for (size_t k = 0; k < s->d * s->d; k++) {
        H[k] = share / s->h * s->gram[k];
    }
    memset(step, 0, s->d * sizeof *step);
    for (size_t i = 0; i < s->n; i++) {
        const double *x = s->X + i * s->d;
        double u = (s->e[i] - rebias_splines_value(s, theta, i)) / s->h;
        bool inside = fabs(u) < 1.0;
        double slope = inside ? 0.75 * u - 0.25 * u * u * u : copysign(0.5, u);
        double curve = inside ? 0.75 * (1.0 - u * u) / s->h : 0.0;
        for (size_t k = 0; k < s->d; k++) {
            step[k] += (p - 0.5 + slope) * x[k];
        }
        for (size_t k = 0; k < s->d && inside; k++) {
            for (size_t l = 0; l < s->d; l++) {
                H[k * s->d + l] += curve * x[k] * x[l];
            }
        }
    }
    return rebias_solve_small(s->d, H, step);
}

/* theta[d], given as a start, to the minimum; the loss is convex, so halved steps get there. */
static int fit_quantile(const struct rebias_splines *s, double p, double *theta,
                        struct rebias_error *err)
{
    const int rounds = 100;
    const double enough = 1e-5; /* of an sd */
    double loss = smooth_loss(s, p, theta);
    for (int round = 0; round < rounds; round++) {
        double step[REBIAS_MAX_SPLINES];
        double trial[REBIAS_MAX_SPLINES];
        if (!newton_step(s, p, theta, step)) {
            return rebias_fail(err, REBIAS_E_NUMERIC,
                               "the points do not determine %zu B-splines of the quantile %g",
                               s->d, p);
        }
        double largest = 0.0;
        double next = loss;
        for (double t = 1.0; t > 1e-6; t *= 0.5) {
            largest = 0.0;
            for (size_t k = 0; k < s->d; k++) {
                trial[k] = theta[k] + t * step[k];
                largest = fmax(largest, fabs(t * step[k]));
            }
            next = smooth_loss(s, p, trial);
            if (next < loss) {
                break;
            }
        }
        if (!(next < loss)) {
            return REBIAS_OK; /* no step goes down: the minimum up to rounding */
        }
        memcpy(theta, trial, s->d * sizeof *theta);
        loss = next;
        if (largest < enough) {
            return REBIAS_OK;
        }
    }
    return REBIAS_OK; /* every step went down; what is left is far below the noise */
}

/* -- 3. all quantiles -- */

int rebias_splines_fit(const struct rebias_splines *s, size_t count, const double *p,
                       double *theta, struct rebias_error *err)
{
    for (size_t j = 0; j < count; j++) {
        double start = s->sorted[(size_t)(p[j] * (double)(s->n - 1))];
        for (size_t k = 0; k < s->d; k++) {
            theta[j * s->d + k] = start;
        }
        int status = fit_quantile(s, p[j], theta + j * s->d, err);
        if (status != REBIAS_OK) {
            return status;
        }
    }
    return REBIAS_OK;
}
