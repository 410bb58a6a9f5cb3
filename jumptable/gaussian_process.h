/* gaussian_process.h - regression in one dimension by a Gaussian process with a trend.
 *
 * y_k = b0 + b1 (x_k - 1/2) + f(x_k) + e_k, f of covariance v k(|x - x'| / l), e_k of variance
 * s noise_k. The trend has a flat prior and is integrated out (restricted likelihood), so that
 * v -> 0 is an ordinary weighted straight line. Hyper-parameters theta = (log l, log v, log s).
 */
#ifndef REBIAS_GAUSSIAN_PROCESS_H
#define REBIAS_GAUSSIAN_PROCESS_H

#include "rebias/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Correlations at distance d: MATERN52 (1 + a + a^2/3) exp(-a), a = sqrt(5) d/l; SQUARED
 * exp(-d^2 / (2 l^2)). */
enum rebias_gp_kernel { REBIAS_GP_MATERN52 = 0, REBIAS_GP_SQUARED = 1 };

enum { REBIAS_GP_THETA = 3, REBIAS_GP_MAX_TREND = 2 };

struct rebias_gp {
    size_t n;
    enum rebias_gp_kernel kernel;
    size_t trend;  /* 1 constant, 2 linear; n > trend */
    double *x;     /* [n], 0 to 1 over the range of interest, ascending */
    double *y;     /* [n] */
    double *noise; /* [n], > 0: variance of y[k] in units of s */
    /* Further squares that tell of s alone: the sum of within_count terms of s chi^2_1. */
    double within_count;
    double within_sum;
    double theta[REBIAS_GP_THETA]; /* of the last rebias_gp_condition */
    /* Scratch and state of the last call: K^-1 (n x n), correlations, their derivative by log
     * l, the trend's columns, K^-1 X, (X' K^-1 X)^-1, b, and P y = K^-1 (y - X b). */
    double *inverse;
    double *correlation;
    double *slope;
    double *columns; /* [trend x n] */
    double *solved;  /* [trend x n] */
    double small[REBIAS_GP_MAX_TREND * REBIAS_GP_MAX_TREND];
    double b[REBIAS_GP_MAX_TREND];
    double *Py;
    double *row; /* [n], scratch of rebias_gp_predict */
};

/* *out = a process for n points; x, y, noise are to be filled by the caller. */
int rebias_gp_new(struct rebias_gp **out, size_t n, struct rebias_error *err);
void rebias_gp_free(struct rebias_gp *gp);

/* Makes theta the state that the functions below use. REBIAS_E_NUMERIC when the covariance is
 * not positive definite. */
int rebias_gp_condition(struct rebias_gp *gp, const double theta[REBIAS_GP_THETA],
                        struct rebias_error *err);

/* Minus the logarithm of the restricted marginal likelihood of y and the within squares, up to
 * a constant: (log|K| + log|X' K^-1 X| + y' P y + within_count log s + within_sum / s) / 2, and
 * its gradient by theta: (tr(P dK) - y' P dK P y) / 2. Conditions on theta. */
int rebias_gp_likelihood(struct rebias_gp *gp, const double theta[REBIAS_GP_THETA],
                         double *value, double gradient[REBIAS_GP_THETA],
                         struct rebias_error *err);

/* Where to look for the hyper-parameters. */
struct rebias_gp_search {
    size_t starts;
    double start[3][REBIAS_GP_THETA];
    double low[REBIAS_GP_THETA];
    double high[REBIAS_GP_THETA];
    bool noise_known;  /* s stays at start[0][2] */
    double length_log; /* centre and sd of a normal prior on log l; sd 0 = none */
    double length_sd;
};

/* Minimises the likelihood above (with the prior) from every start by a limited-memory
 * quasi-Newton method and conditions on the best end. REBIAS_E_NUMERIC when no start leads
 * anywhere. */
int rebias_gp_optimize(struct rebias_gp *gp, const struct rebias_gp_search *search,
                       struct rebias_error *err);

/* Mean of b0 + b1 (x - 1/2) + f(x) given y; variance (may be NULL) of that mean. */
void rebias_gp_predict(struct rebias_gp *gp, double x, double *mean, double *variance);

/* Derivative of the fitted value at x[k] by y[k], in [0, 1): the degrees of freedom it costs.
 */
double rebias_gp_leverage(const struct rebias_gp *gp, size_t k);

#endif
