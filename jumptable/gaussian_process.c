/* gaussian_process.c - regression in one dimension by a Gaussian process with a trend.
 * 1. life   2. covariance   3. conditioning   4. likelihood and gradient   5. optimisation
 * 6. prediction
 *
 * Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), sections 2.7 and 5.4.
 */
#include "jumptable/gaussian_process.h"
#include "rebias/base.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

/* Added to the correlation of a point with itself: keeps the covariance of nearly noiseless
 * points positive definite (condition below 1e13 for 2,000 points). */
static const double jitter = 1e-10;

/* -- 1. life -- */

int rebias_gp_new(struct rebias_gp **out, size_t n, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_gp *gp = NULL;
    int status = rebias_alloc(&gp, 1, sizeof *gp, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    gp->n = n;
    gp->trend = REBIAS_GP_MAX_TREND;
    double **vectors[] = {&gp->x, &gp->y, &gp->noise, &gp->Py, &gp->row};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(vectors[i], n, sizeof(double), err);
    }
    double **matrices[] = {&gp->inverse, &gp->correlation, &gp->slope};
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(matrices[i], n, n * sizeof(double), err);
    }
    double **columns[] = {&gp->columns, &gp->solved};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(columns[i], n, REBIAS_GP_MAX_TREND * sizeof(double), err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    *out = gp;
    gp = NULL;
done:
    rebias_gp_free(gp);
    return status;
}

void rebias_gp_free(struct rebias_gp *gp)
{
    if (gp == NULL) {
        return;
    }
    free(gp->x);
    free(gp->y);
    free(gp->noise);
    free(gp->Py);
    free(gp->row);
    free(gp->inverse);
    free(gp->correlation);
    free(gp->slope);
    free(gp->columns);
    free(gp->solved);
    free(gp);
}

/* -- 2. covariance -- */

/* Correlation at distance d, and its derivative by log l. */
static double correlate(enum rebias_gp_kernel kernel, double d, double length, double *slope)
{
    if (kernel == REBIAS_GP_SQUARED) {
        const double q = d * d / (length * length);
        const double k = exp(-0.5 * q);
        *slope = q * k;
        return k;
    }
    const double a = sqrt(5.0) * d / length;
    const double e = exp(-a);
    *slope = a * a * (1.0 + a) / 3.0 * e;
    return (1.0 + a + a * a / 3.0) * e;
}

/* Correlations and covariance K (into inverse); both triangles. */
static void fill_covariance(struct rebias_gp *gp)
{
    const size_t n = gp->n;
    const double length = exp(gp->theta[0]);
    const double variance = exp(gp->theta[1]);
    const double scale = exp(gp->theta[2]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double slope = 0.0;
            double k = correlate(gp->kernel, fabs(gp->x[i] - gp->x[j]), length, &slope);
            k += i == j ? jitter : 0.0;
            gp->correlation[i * n + j] = k;
            gp->correlation[j * n + i] = k;
            gp->slope[i * n + j] = slope;
            gp->slope[j * n + i] = slope;
            gp->inverse[i * n + j] = variance * k;
            gp->inverse[j * n + i] = variance * k;
        }
        gp->inverse[i * n + i] += scale * gp->noise[i];
        gp->columns[i] = 1.0;
        gp->columns[n + i] = gp->x[i] - 0.5;
    }
}

/* -- 3. conditioning -- */

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* K into K^-1 in place, and log|K|. */
static int invert(struct rebias_gp *gp, double *log_determinant, struct rebias_error *err)
{
    gsl_matrix_view K = gsl_matrix_view_array(gp->inverse, gp->n, gp->n);
    if (gsl_linalg_cholesky_decomp1(&K.matrix) != GSL_SUCCESS) {
        return rebias_fail(err, REBIAS_E_NUMERIC,
                           "the covariance of %zu points is not positive definite", gp->n);
    }
    double sum = 0.0;
    for (size_t i = 0; i < gp->n; i++) {
        sum += 2.0 * log(gp->inverse[i * gp->n + i]);
    }
    *log_determinant = sum;
    if (gsl_linalg_cholesky_invert(&K.matrix) != GSL_SUCCESS) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "the covariance of %zu points has no inverse",
                           gp->n);
    }
    return REBIAS_OK;
}

/* (X' K^-1 X)^-1 into small, |X' K^-1 X| as the result. */
static double invert_trend(struct rebias_gp *gp)
{
    const size_t n = gp->n;
    const double a = dot(n, gp->columns, gp->solved);
    if (gp->trend == 1) {
        gp->small[0] = 1.0 / a;
        return a;
    }
    const double b = dot(n, gp->columns, gp->solved + n);
    const double d = dot(n, gp->columns + n, gp->solved + n);
    const double determinant = a * d - b * b;
    gp->small[0] = d / determinant;
    gp->small[1] = -b / determinant;
    gp->small[2] = -b / determinant;
    gp->small[3] = a / determinant;
    return determinant;
}

/* Conditions on theta; *log_determinants = log|K| + log|X' K^-1 X|. */
static int condition(struct rebias_gp *gp, const double theta[REBIAS_GP_THETA],
                     double *log_determinants, struct rebias_error *err)
{
    const size_t n = gp->n;
    memcpy(gp->theta, theta, sizeof gp->theta);
    fill_covariance(gp);
    int status = invert(gp, log_determinants, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        gp->Py[i] = dot(n, gp->inverse + i * n, gp->y);
        for (size_t t = 0; t < gp->trend; t++) {
            gp->solved[t * n + i] = dot(n, gp->inverse + i * n, gp->columns + t * n);
        }
    }
    const double determinant = invert_trend(gp);
    if (!(determinant > 0.0)) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "the trend is not determined by %zu points",
                           n);
    }
    *log_determinants += log(determinant);
    for (size_t t = 0; t < gp->trend; t++) {
        gp->b[t] = 0.0;
        for (size_t u = 0; u < gp->trend; u++) {
            gp->b[t] += gp->small[t * gp->trend + u] * dot(n, gp->solved + u * n, gp->y);
        }
    }
    for (size_t t = 0; t < gp->trend; t++) {
        for (size_t i = 0; i < n; i++) {
            gp->Py[i] -= gp->b[t] * gp->solved[t * n + i];
        }
    }
    return REBIAS_OK;
}

int rebias_gp_condition(struct rebias_gp *gp, const double theta[REBIAS_GP_THETA],
                        struct rebias_error *err)
{
    double unused = 0.0;
    return condition(gp, theta, &unused, err);
}

/* -- 4. likelihood and gradient -- */

/* Row i of P = K^-1 - K^-1 X (X' K^-1 X)^-1 X' K^-1 at column j. */
static double projected(const struct rebias_gp *gp, size_t i, size_t j)
{
    const size_t n = gp->n;
    const double *B = gp->solved;
    const double *C = gp->small;
    double P = gp->inverse[i * n + j];
    if (gp->trend == 1) {
        return P - B[i] * C[0] * B[j];
    }
    P -= (B[i] * C[0] + B[n + i] * C[2]) * B[j];
    return P - (B[i] * C[1] + B[n + i] * C[3]) * B[n + j];
}

int rebias_gp_likelihood(struct rebias_gp *gp, const double theta[REBIAS_GP_THETA],
                         double *value, double gradient[REBIAS_GP_THETA],
                         struct rebias_error *err)
{
    const size_t n = gp->n;
    double determinants = 0.0;
    const int status = condition(gp, theta, &determinants, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const double variance = exp(theta[1]);
    const double scale = exp(theta[2]);
    const double within = gp->within_sum / scale;
    *value =
        0.5 * (determinants + dot(n, gp->y, gp->Py) + gp->within_count * theta[2] + within);
    double by_length = 0.0;
    double by_variance = 0.0;
    double by_scale = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) { /* symmetric: each pair counts twice */
            const double W = 2.0 * (projected(gp, i, j) - gp->Py[i] * gp->Py[j]);
            by_length += W * gp->slope[i * n + j];
            by_variance += W * gp->correlation[i * n + j];
        }
        const double W = projected(gp, i, i) - gp->Py[i] * gp->Py[i];
        by_variance += W * gp->correlation[i * n + i];
        by_scale += W * gp->noise[i];
    }
    gradient[0] = 0.5 * variance * by_length;
    gradient[1] = 0.5 * variance * by_variance;
    gradient[2] = 0.5 * (scale * by_scale + gp->within_count - within);
    return REBIAS_OK;
}

/* -- 5. optimisation -- */

struct objective {
    struct rebias_gp *gp;
    const struct rebias_gp_search *search;
    nlopt_opt method;
    double best; /* smallest value seen in any start */
    double best_theta[REBIAS_GP_THETA];
};

static double evaluate(unsigned count, const double *free_theta, double *gradient, void *data)
{
    struct objective *o = data;
    double theta[REBIAS_GP_THETA] = {0.0, 0.0, o->search->start[0][2]};
    double slope[REBIAS_GP_THETA] = {0.0};
    double value = HUGE_VAL;
    memcpy(theta, free_theta, count * sizeof *theta);
    if (rebias_gp_likelihood(o->gp, theta, &value, slope, NULL) != REBIAS_OK ||
        !isfinite(value)) {
        nlopt_force_stop(o->method); /* this start ends here; the best so far stays */
        return HUGE_VAL;
    }
    if (o->search->length_sd > 0.0) {
        const double z = (theta[0] - o->search->length_log) / o->search->length_sd;
        value += 0.5 * z * z;
        slope[0] += z / o->search->length_sd;
    }
    if (value < o->best) {
        o->best = value;
        memcpy(o->best_theta, theta, sizeof theta);
    }
    if (gradient != NULL) {
        memcpy(gradient, slope, count * sizeof *slope);
    }
    return value;
}

static bool set_up(nlopt_opt method, struct objective *o)
{
    return nlopt_set_min_objective(method, evaluate, o) > 0 &&
           nlopt_set_lower_bounds(method, o->search->low) > 0 &&
           nlopt_set_upper_bounds(method, o->search->high) > 0 &&
           nlopt_set_ftol_abs(method, 1e-5) > 0 && /* of a log likelihood */
           nlopt_set_maxeval(method, 60) > 0;
}

int rebias_gp_optimize(struct rebias_gp *gp, const struct rebias_gp_search *search,
                       struct rebias_error *err)
{
    int status = REBIAS_OK;
    struct objective o = {.gp = gp, .search = search, .best = HUGE_VAL};
    o.method = nlopt_create(NLOPT_LD_LBFGS, search->noise_known ? 2 : 3);
    if (o.method == NULL || !set_up(o.method, &o)) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "no room for the optimiser");
        goto done;
    }
    for (size_t s = 0; s < search->starts; s++) {
        double theta[REBIAS_GP_THETA];
        double value = 0.0;
        memcpy(theta, search->start[s], sizeof theta);
        for (size_t i = 0; i < REBIAS_GP_THETA; i++) {
            theta[i] = fmin(fmax(theta[i], search->low[i]), search->high[i]);
        }
        /* its verdict does not matter: also a search that stalls has left its best point */
        (void)nlopt_optimize(o.method, theta, &value);
    }
    if (!isfinite(o.best)) {
        status = rebias_fail(err, REBIAS_E_NUMERIC,
                             "the likelihood of %zu points is finite at no start", gp->n);
        goto done;
    }
    status = rebias_gp_condition(gp, o.best_theta, err);
done:
    nlopt_destroy(o.method);
    return status;
}

/* -- 6. prediction -- */

/* Variance of the mean at x; gp->row holds the covariances of f(x) with f(x[i]). */
static double variance_at(const struct rebias_gp *gp, double x)
{
    const size_t n = gp->n;
    double trend[REBIAS_GP_MAX_TREND] = {1.0, x - 0.5};
    double variance = exp(gp->theta[1]);
    for (size_t i = 0; i < n; i++) {
        variance -= gp->row[i] * dot(n, gp->inverse + i * n, gp->row);
    }
    variance = fmax(0.0, variance);
    for (size_t t = 0; t < gp->trend; t++) {
        trend[t] -= dot(n, gp->row, gp->solved + t * n);
    }
    for (size_t t = 0; t < gp->trend; t++) {
        variance += trend[t] * dot(gp->trend, gp->small + t * gp->trend, trend);
    }
    return variance;
}

void rebias_gp_predict(struct rebias_gp *gp, double x, double *mean, double *variance)
{
    const double length = exp(gp->theta[0]);
    const double v = exp(gp->theta[1]);
    const double trend[REBIAS_GP_MAX_TREND] = {1.0, x - 0.5};
    double slope = 0.0;
    for (size_t i = 0; i < gp->n; i++) {
        gp->row[i] = v * correlate(gp->kernel, fabs(x - gp->x[i]), length, &slope);
    }
    *mean = dot(gp->n, gp->row, gp->Py) + dot(gp->trend, trend, gp->b);
    if (variance != NULL) {
        *variance = variance_at(gp, x);
    }
}

double rebias_gp_leverage(const struct rebias_gp *gp, size_t k)
{
    return fmin(1.0, fmax(0.0, 1.0 - exp(gp->theta[2]) * gp->noise[k] * projected(gp, k, k)));
}
