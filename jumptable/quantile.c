/* quantile.c - estimator `quantile`: smooth monotone conditional quantiles of the jumps.
 *
 *  1. options
 *  2. number of B-splines
 *  3. rows from quantiles
 *  4. the fit and its descriptor
 *
 * After a polynomial trend of mean and log-sd, quantiles of the residuals are B-splines in G (1
 * = the same distribution everywhere; quantile_regression.c). The number of splines has the
 * least Schwarz criterion (R. Koenker, P. Ng, S. Portnoy, Biometrika 81, 673 (1994)). At each
 * level the quantiles are rearranged to ascend (V. Chernozhukov et al., Econometrica 78, 1093
 * (2010)).
 */
#include "estimators.h"
#include "rebias/base.h"
#include "quantile_regression.h"
#include "trend.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { OPTION_PROBABILITIES, OPTION_SPLINES, OPTION_TAIL, OPTION_DEGREE, OPTION_COUNT };
enum { TAIL_NORMAL, TAIL_EXPONENTIAL };
enum { MAX_SPLINES = REBIAS_MAX_SPLINES, MAX_PROBABILITIES = 99 };

static const struct rebias_estimator_param params[OPTION_COUNT] = {
    [OPTION_PROBABILITIES] = {"probabilities", 25.0, 5.0, MAX_PROBABILITIES, true, NULL,
                              "number of quantiles, from 0.02 to 0.98"},
    [OPTION_SPLINES] = {"splines", 0.0, 0.0, MAX_SPLINES, true, NULL,
                        "B-splines in G of each quantile (0 = by the Schwarz criterion)"},
    [OPTION_TAIL] = {"tail", TAIL_NORMAL, 0.0, 1.0, true, "normal|exponential",
                     "shape beyond the outermost quantiles"},
    [OPTION_DEGREE] = {"degree", -1.0, -1.0, 3.0, true, NULL,
                       "degree of the trend of mean and log-sd (-1 = each by BIC)"},
};

/* -- 2. number of B-splines -- */

/* Schwarz criterion, mean over some probabilities of log(check loss), + d log n/(2n). */
static int criterion(const struct rebias_sample *sample, const double *e, const size_t size[2],
                     double *value, struct rebias_error *err)
{
    static const double p[] = {0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95};
    enum { COUNT = sizeof p / sizeof *p };
    double theta[COUNT * MAX_SPLINES];
    struct rebias_splines s;
    int status = rebias_splines_new(&s, sample, e, size, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_splines_fit(&s, COUNT, p, theta, err);
    double sum = 0.0;
    for (size_t j = 0; j < COUNT && status == REBIAS_OK; j++) {
        double loss = 0.0;
        for (size_t i = 0; i < s.n; i++) {
            double r = s.e[i] - rebias_splines_value(&s, theta + j * s.d, i);
            loss += r * (p[j] - (r < 0.0));
        }
        sum += log(fmax(loss / (double)s.n, 1e-12)); /* exact fits of few values: not -inf */
    }
    *value = sum / COUNT + (double)s.d * log((double)s.n) / (2.0 * (double)s.n);
    rebias_splines_free(&s);
    return status;
}

/* *d = number of splines with the least criterion among those that the points allow. */
static int choose_splines(const struct rebias_sample *sample, const double *e, size_t *d,
                          struct rebias_error *err)
{
    static const size_t candidates[] = {1, 2, 3, 4, 5, 6, 8, 10};
    const size_t most_points = 10000; /* enough to choose by */
    const size_t points_per_spline = 15;
    double least = INFINITY;
    *d = 1;
    for (size_t k = 0; k < sizeof candidates / sizeof *candidates; k++) {
        size_t size[2] = {sample->n < most_points ? sample->n : most_points, candidates[k]};
        double value = 0.0;
        if (size[1] > 1 && size[1] * points_per_spline > sample->n) {
            break;
        }
        struct rebias_error problem = {0};
        int status = criterion(sample, e, size, &value, &problem);
        if (status == REBIAS_E_DATA || status == REBIAS_E_NUMERIC) {
            break; /* more splines would not be determined either */
        }
        if (status != REBIAS_OK) {
            return rebias_fail(err, status, "%s", problem.message);
        }
        if (value < least) {
            least = value;
            *d = candidates[k];
        }
    }
    return REBIAS_OK;
}

/* -- 3. rows from quantiles -- */

/* Quantiles x of a level at z = Phi^-1(p), joined by straight lines in z. */
struct rows {
    size_t count; /* probabilities */
    int tail;
    double floor;  /* S, smallest sd of a row */
    double *p;     /* [count] */
    double *z;     /* [count] */
    double *x;     /* [levels][count], S, strictly ascending */
    double *slope; /* [levels][2], S: dx/dz at the outermost quantiles */
};

static double normal_density(double u)
{
    return 0.39894228040143268 * exp(-0.5 * u * u);
}

/* Mean distance beyond an outer quantile of an exponential tail that joins with the same
 * density: p/(dp/dx). */
static double tail_length(const struct rows *rows, double slope)
{
    return rows->p[0] * slope / normal_density(rows->z[0]);
}

static double rows_cdf(const void *context, size_t level, double dG)
{
    const struct rows *rows = context;
    size_t last = rows->count - 1;
    const double *x = rows->x + level * rows->count;
    const double *slope = rows->slope + level * 2;
    if (dG < x[0] || dG > x[last]) {
        size_t side = dG > x[last];
        double beyond = dG - x[side * last];
        if (rows->tail == TAIL_NORMAL) {
            return gsl_cdf_ugaussian_P(rows->z[side * last] + beyond / slope[side]);
        }
        double rest = rows->p[0] * exp(-fabs(beyond) / tail_length(rows, slope[side]));
        return side == 0 ? rest : 1.0 - rest;
    }
    size_t low = 0;
    size_t high = last;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x[middle] <= dG) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double t = (dG - x[low]) / (x[high] - x[low]);
    return gsl_cdf_ugaussian_P(rows->z[low] + t * (rows->z[high] - rows->z[low]));
}

static void rows_free(void *context)
{
    struct rows *rows = context;
    if (rows != NULL) {
        free(rows->p);
        free(rows->z);
        free(rows->x);
        free(rows->slope);
        free(rows);
    }
}

static int rows_new(struct rows **out, size_t levels, const double *values,
                    struct rebias_error *err)
{
    const double least = 0.02;
    struct rows *rows = NULL;
    size_t count = (size_t)values[OPTION_PROBABILITIES];
    *out = NULL;
    int status = rebias_alloc(&rows, 1, sizeof *rows, err);
    if (status != REBIAS_OK) {
        return status;
    }
    rows->count = count;
    rows->tail = (int)values[OPTION_TAIL];
    double **arrays[] = {&rows->p, &rows->z, &rows->x, &rows->slope};
    const size_t sizes[] = {1, 1, levels, levels};
    for (size_t k = 0; k < 4 && status == REBIAS_OK; k++) {
        status = rebias_alloc(arrays[k], sizes[k], count * sizeof(double), err);
    }
    if (status != REBIAS_OK) {
        rows_free(rows);
        return status;
    }
    for (size_t j = 0; j < count; j++) {
        rows->p[j] = least + (1.0 - 2.0 * least) * (double)j / (double)(count - 1);
        rows->z[j] = gsl_cdf_ugaussian_Pinv(rows->p[j]);
    }
    *out = rows;
    return REBIAS_OK;
}

/* Adds the share of the values a + b z, z in [low, high] under the normal density, to the
 * first two moments. */
static void add_segment(const double line[2], double low, double high, double moment[2])
{
    double a = line[0];
    double b = line[1];
    double f = isinf(low) ? 0.0 : normal_density(low);
    double g = isinf(high) ? 0.0 : normal_density(high);
    double m0 = gsl_cdf_ugaussian_P(high) - gsl_cdf_ugaussian_P(low);
    double m1 = f - g;
    double m2 = m0 + (isinf(low) ? 0.0 : low * f) - (isinf(high) ? 0.0 : high * g);
    moment[0] += a * m0 + b * m1;
    moment[1] += a * a * m0 + 2.0 * a * b * m1 + b * b * m2;
}

/* Mean and sd of the row's cdf in closed form. */
static void row_moments(const struct rows *rows, size_t level, double *mean, double *sd)
{
    size_t last = rows->count - 1;
    const double *x = rows->x + level * rows->count;
    const double *z = rows->z;
    const double *slope = rows->slope + level * 2;
    double middle = x[last / 2]; /* moments about it: less cancellation */
    double moment[2] = {0.0, 0.0};
    for (size_t j = 0; j < last; j++) {
        double b = (x[j + 1] - x[j]) / (z[j + 1] - z[j]);
        double line[2] = {x[j] - middle - b * z[j], b};
        add_segment(line, z[j], z[j + 1], moment);
    }
    for (size_t side = 0; side < 2; side++) {
        double edge = x[side * last] - middle;
        if (rows->tail == TAIL_NORMAL) {
            double line[2] = {edge - slope[side] * z[side * last], slope[side]};
            add_segment(line, side == 0 ? -INFINITY : z[last], side == 0 ? z[0] : INFINITY,
                        moment);
        } else {
            double length = tail_length(rows, slope[side]);
            double centre = edge + (side == 0 ? -length : length);
            moment[0] += rows->p[0] * centre;
            moment[1] += rows->p[0] * (centre * centre + length * length);
        }
    }
    *mean = middle + moment[0];
    *sd = sqrt(fmax(0.0, moment[1] - moment[0] * moment[0]));
}

/* dx/dz of the tails: mean slope over the outermost quantiles up to about z -+ 0.6. One segment
 * alone is too noisy. */
static void set_slopes(struct rows *rows, size_t level)
{
    size_t last = rows->count - 1;
    const double *x = rows->x + level * rows->count;
    size_t in = 1;
    while (in < last / 2 && rows->z[in] - rows->z[0] < 0.6) {
        in++;
    }
    rows->slope[level * 2] = (x[in] - x[0]) / (rows->z[in] - rows->z[0]);
    rows->slope[level * 2 + 1] =
        (x[last] - x[last - in]) / (rows->z[last] - rows->z[last - in]);
}

/* Scales the row about its mean. */
static void scale_row(struct rows *rows, size_t level, double mean, double factor)
{
    double *x = rows->x + level * rows->count;
    for (size_t j = 0; j < rows->count; j++) {
        x[j] = mean + factor * (x[j] - mean);
    }
    rows->slope[level * 2] *= factor;
    rows->slope[level * 2 + 1] *= factor;
}

/* Makes x[] of a level ascend, takes the kernel's variance out of it and keeps its sd at the
 * floor or above; kernel in S. */
static void finish_row(struct rows *rows, size_t level, double kernel)
{
    double *x = rows->x + level * rows->count;
    double mean = 0.0;
    double sd = 0.0;
    gsl_sort(x, 1, rows->count);
    for (size_t j = 1; j < rows->count; j++) {
        /* ties (repeated values of dG) would be steps of the cdf: a slope of the floor's 1 % */
        x[j] = fmax(x[j], x[j - 1] + 0.01 * rows->floor * (rows->z[j] - rows->z[j - 1]));
    }
    set_slopes(rows, level);
    row_moments(rows, level, &mean, &sd);
    double inflation = kernel * kernel / 5.0; /* variance of an Epanechnikov kernel */
    double wanted = fmax(rows->floor, sqrt(fmax(0.25 * sd * sd, sd * sd - inflation)));
    scale_row(rows, level, mean, wanted / sd);
}

/* -- 4. the fit and its descriptor -- */

/* Points behind the quantiles at a level: (sum w)^2/sum w^2 of the weights w_i = b'(X'X)^-1 x_i
 * of least squares, whose sum is 1. */
static double effective_points(const struct rebias_splines *s, const double *b)
{
    double A[MAX_SPLINES * MAX_SPLINES];
    double solved[MAX_SPLINES];
    size_t d = s->d;
    memcpy(A, s->gram, d * d * sizeof *A);
    memcpy(solved, b, d * sizeof *solved);
    double squares = 0.0;
    if (rebias_solve_small(d, A, solved)) {
        for (size_t k = 0; k < d; k++) {
            squares += b[k] * solved[k];
        }
    }
    return squares > 0.0 ? 1.0 / squares : 0.0;
}

static double row_end(const struct rows *rows, size_t level, size_t side)
{
    const double far = 6.0; /* 1e-9 of the mass lies beyond */
    const double rest = 1e-9;
    size_t last = rows->count - 1;
    double edge = rows->x[level * rows->count + side * last];
    double slope = rows->slope[level * 2 + side];
    double beyond = rows->tail == TAIL_NORMAL
                        ? slope * (far - rows->z[last])
                        : tail_length(rows, slope) * log(rows->p[0] / rest);
    return side == 0 ? edge - beyond : edge + beyond;
}

static void fill_levels(struct rows *rows, const struct rebias_splines *s, const double *theta,
                        const struct rebias_trend *trend, struct rebias_fitted *fitted)
{
    size_t d = s->d;
    fitted->low = INFINITY;
    fitted->high = -INFINITY;
    for (size_t i = 0; i < fitted->levels; i++) {
        double b[MAX_SPLINES];
        double mean = 0.0;
        double sd = 0.0;
        rebias_splines_at(s, fitted->G[i], b);
        rebias_trend_at(trend, fitted->G[i], &mean, &sd);
        for (size_t j = 0; j < rows->count; j++) {
            double e = 0.0;
            for (size_t k = 0; k < d; k++) {
                e += b[k] * theta[j * d + k];
            }
            rows->x[i * rows->count + j] = mean + sd * e;
        }
        finish_row(rows, i, sd * s->h);
        row_moments(rows, i, &fitted->mean[i], &fitted->sd[i]);
        fitted->sd[i] = fmax(rows->floor, fitted->sd[i]); /* equal up to rounding */
        fitted->count[i] = effective_points(s, b);
        fitted->low = fmin(fitted->low, row_end(rows, i, 0));
        fitted->high = fmax(fitted->high, row_end(rows, i, 1));
    }
}

/* Rows of all levels for d splines. */
static int make_rows(const struct rebias_sample *sample, const double *e,
                     const struct rebias_trend *trend, size_t d, struct rows *rows,
                     struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct rebias_splines s;
    double *theta = NULL;
    const size_t size[2] = {sample->n, d};
    int status = rebias_splines_new(&s, sample, e, size, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_alloc(&theta, rows->count, d * sizeof *theta, err);
    if (status == REBIAS_OK) {
        status = rebias_splines_fit(&s, rows->count, rows->p, theta, err);
    }
    if (status == REBIAS_OK) {
        rows->floor = sample->sd_floor;
        fill_levels(rows, &s, theta, trend, fitted);
    }
    free(theta);
    rebias_splines_free(&s);
    return status;
}

static int fit_quantiles(const struct rebias_sample *given, const double *values,
                         struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct rebias_sample completed = *given;
    const struct rebias_sample *sample = &completed;
    struct rebias_trend trend;
    struct rows *rows = NULL;
    double *dG = NULL;
    double *e = NULL;
    size_t d = (size_t)values[OPTION_SPLINES];
    int status = rebias_trend_start(&trend, &completed, (int)values[OPTION_DEGREE], &dG, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&e, sample->n, sizeof *e, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    rebias_trend_residuals(&trend, sample, e);
    if (d == 0) {
        status = choose_splines(sample, e, &d, err);
    }
    if (status == REBIAS_OK) {
        status = rows_new(&rows, fitted->levels, values, err);
    }
    if (status == REBIAS_OK) {
        status = make_rows(sample, e, &trend, d, rows, fitted, err);
    }
    if (status != REBIAS_OK) {
        rows_free(rows);
        goto done;
    }
    snprintf(fitted->note, sizeof fitted->note,
             "trend degrees %zu (mean) and %zu (log-sd); %zu B-splines a quantile",
             trend.mean_degree, trend.log_sd_degree, d);
    fitted->extrapolated = rebias_trend_extrapolated(sample, fitted->levels, fitted->G);
    fitted->cdf = rows_cdf;
    fitted->context = rows;
    fitted->release = rows_free;
done:
    free(dG);
    free(e);
    return status;
}

const struct rebias_estimator rebias_quantile_estimator = {
    .name = "quantile",
    .doc = "smooth quantiles of dG as functions of G",
    .assumes =
        "Quantiles of dG change smoothly with G; the tails beyond 2 and 98 % have the shape "
        "asked for. Jumps cut off at the rails are, when told, continued as a normal tail.",
    .params = params,
    .param_count = OPTION_COUNT,
    .min_points = 20,
    .fit = fit_quantiles,
};
