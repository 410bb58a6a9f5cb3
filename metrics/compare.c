/* compare.c - device-level metrics: two devices slice by slice, and the averages over the
 * slices.
 * 1. options   2. asking a device   3. the dG grid of a slice   4. one slice   5. averages
 * 6. the comparison
 */
#include "rebias/base.h"
#include "rebias/metrics.h"
#include <float.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One device at one slice: whom an error names, and its moments there. */
struct asked {
    const struct rebias_jumps *jumps;
    const char *name;
    int polarity;
    double G;
    double mean, sd;
};

/* The two devices, and arrays of options->grid numbers for the numerical distances. */
struct comparison {
    struct asked model;
    struct asked target;
    const struct rebias_compare_options *options;
    double *x;
    double *model_cdf;
    double *target_cdf;
};

/* -- 1. options -- */

struct rebias_compare_options rebias_compare_options_defaults(void)
{
    return (struct rebias_compare_options){
        .Gmin = 0.0, .Gmax = 0.0, .slices = 100, .grid = 2001};
}

static const char *polarity_name(int polarity)
{
    return polarity == 0 ? "SET" : "RESET";
}

static int check_options(const struct rebias_compare_options *o, struct rebias_error *err)
{
    if (!isfinite(o->Gmin) || !isfinite(o->Gmax) || !(o->Gmin < o->Gmax)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "compared range [%g, %g] S: finite limits, Gmin < Gmax, are needed",
                           o->Gmin, o->Gmax);
    }
    if (o->slices < 2) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu slices: at least 2 are needed", o->slices);
    }
    if (o->grid < 16) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu grid points: at least 16 are needed",
                           o->grid);
    }
    return REBIAS_OK;
}

static int check_weights(const struct rebias_compare_options *o, int polarity,
                         struct rebias_error *err)
{
    const double *weight = o->weights[polarity];
    double sum = weight == NULL ? 1.0 : 0.0;
    for (size_t i = 0; weight != NULL && i < o->slices; i++) {
        if (!isfinite(weight[i]) || weight[i] < 0.0) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "the weight of %s slice %zu of %zu is %g; a finite number >= 0 "
                               "was expected",
                               polarity_name(polarity), i + 1, o->slices, weight[i]);
        }
        sum += weight[i];
    }
    if (!(sum > 0.0) || !isfinite(sum)) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "the weights of the %zu %s slices sum to %g; a finite number > 0 was "
            "expected",
            o->slices, polarity_name(polarity), sum);
    }
    return REBIAS_OK;
}

static int check_devices(const struct rebias_jumps *model, const struct rebias_jumps *target,
                         struct rebias_error *err)
{
    bool closed = model->gaussian && target->gaussian;
    if (model->moments == NULL || (!closed && model->cdf == NULL)) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "the model's moments or distribution are not known");
    }
    if (target->moments == NULL || (!closed && target->cdf == NULL)) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "the target's moments or distribution are not known");
    }
    return REBIAS_OK;
}

/* -- 2. asking a device -- */

static int ask_moments(struct asked *a, struct rebias_error *err)
{
    a->jumps->moments(a->jumps->context, a->polarity, a->G, &a->mean, &a->sd);
    if (!isfinite(a->mean) || !isfinite(a->sd) || a->sd < 0.0) {
        return rebias_fail(err, REBIAS_E_NUMERIC,
                           "the %s's %s jump at G = %.9g S has mean %g S and sd %g S; finite "
                           "numbers, sd >= 0, "
                           "were expected",
                           a->name, polarity_name(a->polarity), a->G, a->mean, a->sd);
    }
    return REBIAS_OK;
}

/* cdf[n] at x[n]; a rounding error outside [0, 1] is cut off. */
static int ask_cdf(const struct asked *a, size_t n, const double *x, double *cdf,
                   struct rebias_error *err)
{
    const double rounding = 1e-9;
    for (size_t i = 0; i < n; i++) {
        double p = a->jumps->cdf(a->jumps->context, a->polarity, a->G, x[i]);
        if (!(p >= -rounding && p <= 1.0 + rounding)) {
            return rebias_fail(
                err, REBIAS_E_NUMERIC,
                "the %s's %s distribution at G = %.9g S, dG = %.9g S is %g; a probability was "
                "expected",
                a->name, polarity_name(a->polarity), a->G, x[i], p);
        }
        cdf[i] = fmin(fmax(p, 0.0), 1.0);
    }
    return REBIAS_OK;
}

/* -- 3. the dG grid of a slice --
 *
 * Of `grid` points nearly half lie evenly on the model's mean -+ 8 sd and as many on the
 * target's, so that a narrow distribution is resolved beside a wide one; model's and target's
 * points interleave. A point mass gets a very narrow interval, hence its step keeps its place.
 * The other points, grid/16 on either side, reach out 25 times as far with growing distances: a
 * table's end can carry a point mass p up to sqrt(1/p) sd from the mean, which 8 sd hold only
 * for p > 1/65, and this reach down to 1e-5.
 */

static double half_width(const struct asked *a, double range, size_t grid)
{
    const double sds = 8.0;
    const double least = 1e-9; /* of the conductance range */
    /* points a few units in the last place apart are still distinct */
    double distinct = 4.0 * DBL_EPSILON * (double)grid * fabs(a->mean);
    double width = a->sd > 0.0 ? sds * a->sd : least * range;
    return fmax(width, distinct);
}

/* x[i] = centre -+ width, evenly; shift = 0 includes both ends, 1/2 lies half a cell inside. */
static void fill_interval(double centre, double width, double shift, size_t n, double *x)
{
    double cells = (double)n - 1.0 + 2.0 * shift;
    for (size_t i = 0; i < n; i++) {
        x[i] = centre + width * (2.0 * ((double)i + shift) / cells - 1.0);
    }
}

/* Points outside [low, high], at cubically growing distances; x[2 n]. */
static void fill_tails(double low, double high, size_t n, double *x)
{
    const double reach = 25.0; /* spans */
    for (size_t k = 0; k < n; k++) {
        double part = (double)(k + 1) / (double)n;
        double away = reach * (high - low) * part * part * part;
        x[2 * k] = low - away;
        x[2 * k + 1] = high + away;
    }
}

/* Leaves one of equal neighbours; returns how many are left. */
static size_t remove_repeated(size_t n, double *x)
{
    size_t kept = 1;
    for (size_t i = 1; i < n; i++) {
        if (x[i] > x[kept - 1]) {
            x[kept++] = x[i];
        }
    }
    return kept;
}

/* Writes the slice's grid into c->x; returns the number of its points. */
static size_t build_grid(const struct comparison *c)
{
    size_t grid = c->options->grid;
    double range = c->options->Gmax - c->options->Gmin;
    size_t tail = grid / 16;
    size_t first = (grid - 2 * tail) / 2;
    size_t second = grid - 2 * tail - first;
    double mean1 = c->model.mean;
    double mean2 = c->target.mean;
    double width1 = half_width(&c->model, range, grid);
    double width2 = half_width(&c->target, range, grid);
    fill_interval(mean1, width1, 0.0, first, c->x);
    fill_interval(mean2, width2, 0.5, second,
                  c->x + first); /* no point twice when the moments agree */
    fill_tails(fmin(mean1 - width1, mean2 - width2), fmax(mean1 + width1, mean2 + width2), tail,
               c->x + first + second);
    gsl_sort(c->x, 1, grid);
    return remove_repeated(grid, c->x);
}

/* -- 4. one slice -- */

static void measure_on_grid(size_t n, const struct comparison *c,
                            struct rebias_slice_metrics *s)
{
    const double *model = c->model_cdf;
    const double *target = c->target_cdf;
    s->wasserstein1 = rebias_wasserstein1(n, c->x, model, target);
    s->kolmogorov_smirnov = rebias_kolmogorov_smirnov(n, model, target);
    s->hellinger = rebias_hellinger(n, model, target);
    s->wasserstein2 = rebias_wasserstein2(n, c->x, model, target);
    s->kullback_leibler = rebias_kullback_leibler(n, target, model);
    s->jensen_shannon = rebias_jensen_shannon(n, model, target);
    s->energy = rebias_energy(n, c->x, model, target);
}

static int measure_numerically(struct comparison *c, struct rebias_slice_metrics *slice,
                               struct rebias_error *err)
{
    size_t n = build_grid(c);
    int status = ask_cdf(&c->model, n, c->x, c->model_cdf, err);
    if (status == REBIAS_OK) {
        status = ask_cdf(&c->target, n, c->x, c->target_cdf, err);
    }
    if (status == REBIAS_OK) {
        measure_on_grid(n, c, slice);
    }
    return status;
}

static void measure_normal(struct rebias_slice_metrics *s)
{
    double m1 = s->model_mean;
    double s1 = s->model_sd;
    double m2 = s->target_mean;
    double s2 = s->target_sd;
    s->wasserstein1 = rebias_wasserstein1_normal(m1, s1, m2, s2);
    s->kolmogorov_smirnov = rebias_kolmogorov_smirnov_normal(m1, s1, m2, s2);
    s->hellinger = rebias_hellinger_normal(m1, s1, m2, s2);
    s->wasserstein2 = rebias_wasserstein2_normal(m1, s1, m2, s2);
    s->kullback_leibler = rebias_kullback_leibler_normal(m2, s2, m1, s1);
    s->jensen_shannon = rebias_jensen_shannon_normal(m1, s1, m2, s2);
    s->energy = rebias_energy_normal(m1, s1, m2, s2);
}

/* slice->G is set. */
static int measure_slice(struct comparison *c, struct rebias_slice_metrics *slice,
                         struct rebias_error *err)
{
    c->model.G = slice->G;
    c->target.G = slice->G;
    int status = ask_moments(&c->model, err);
    if (status == REBIAS_OK) {
        status = ask_moments(&c->target, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    slice->model_mean = c->model.mean;
    slice->model_sd = c->model.sd;
    slice->target_mean = c->target.mean;
    slice->target_sd = c->target.sd;
    if (c->model.jumps->gaussian && c->target.jumps->gaussian) {
        measure_normal(slice);
        return REBIAS_OK;
    }
    return measure_numerically(c, slice, err);
}

/* -- 5. averages -- */

/* A mean that is exactly 0 agrees with both signs. */
static bool is_opposite(double a, double b)
{
    return (a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0);
}

/* Adds a slice to the averages; the root mean squares as mean squares. */
static void add_slice(const struct rebias_slice_metrics *s, double weight, double total,
                      int polarity, struct rebias_device_metrics *m)
{
    double mean_error = s->model_mean - s->target_mean;
    double sd_error = s->model_sd - s->target_sd;
    m->rmse_mean[polarity] += weight * (mean_error * mean_error);
    m->rmse_sd[polarity] += weight * (sd_error * sd_error);
    m->mean_error[polarity] += weight * mean_error / total;
    m->sd_error[polarity] += weight * sd_error / total;
    m->wrong_sign[polarity] += is_opposite(s->model_mean, s->target_mean) ? weight : 0.0;
    m->wasserstein1[polarity] += weight * s->wasserstein1 / total;
    m->kolmogorov_smirnov[polarity] += weight * s->kolmogorov_smirnov / total;
    m->hellinger[polarity] += weight * s->hellinger / total;
    m->wasserstein2[polarity] += weight * s->wasserstein2 / total;
    m->kullback_leibler[polarity] += weight * s->kullback_leibler / total;
    m->jensen_shannon[polarity] += weight * s->jensen_shannon / total;
    m->energy[polarity] += weight * s->energy / total;
}

/* weight: NULL = 1 each. */
static void average(const struct rebias_slice_metrics *slices, size_t n, const double *weight,
                    int polarity, struct rebias_device_metrics *m)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += weight != NULL ? weight[i] : 1.0;
    }
    for (size_t i = 0; i < n; i++) {
        double w = weight != NULL ? weight[i] : 1.0;
        if (w > 0.0) { /* 0 times an infinite divergence is to be 0 */
            add_slice(&slices[i], w, total, polarity, m);
        }
    }
    m->rmse_mean[polarity] = sqrt(m->rmse_mean[polarity] / total);
    m->rmse_sd[polarity] = sqrt(m->rmse_sd[polarity] / total);
    m->wrong_sign[polarity] /= total;
}

/* slices: 2 x n, SET first. */
static struct rebias_device_metrics average_all(const struct rebias_slice_metrics *slices,
                                                const struct rebias_compare_options *options)
{
    struct rebias_device_metrics m = {0};
    size_t n = options->slices;
    average(slices, n, options->weights[0], 0, &m);
    average(slices + n, n, options->weights[1], 1, &m);
    m.push_pull = m.mean_error[0] - m.mean_error[1];
    m.wrong_sign_all = 0.5 * (m.wrong_sign[0] + m.wrong_sign[1]);
    return m;
}

/* -- 6. the comparison -- */

static int allocate_arrays(struct comparison *c, struct rebias_error *err)
{
    size_t n = c->options->grid;
    int status = rebias_alloc(&c->x, n, sizeof *c->x, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->model_cdf, n, sizeof *c->model_cdf, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->target_cdf, n, sizeof *c->target_cdf, err);
    }
    return status;
}

static int measure_polarity(struct comparison *c, int polarity,
                            struct rebias_slice_metrics *slices, struct rebias_error *err)
{
    c->model.polarity = polarity;
    c->target.polarity = polarity;
    int status = REBIAS_OK;
    size_t last = c->options->slices - 1;
    for (size_t i = 0; i <= last && status == REBIAS_OK; i++) {
        double part = (double)i / (double)last;
        slices[i].G =
            (1.0 - part) * c->options->Gmin + part * c->options->Gmax; /* exact at both ends */
        status = measure_slice(c, &slices[i], err);
    }
    return status;
}

int rebias_compare_jumps(const struct rebias_jumps *model, const struct rebias_jumps *target,
                         const struct rebias_compare_options *options,
                         struct rebias_device_metrics *metrics,
                         struct rebias_slice_metrics *slices, struct rebias_error *err)
{
    struct comparison c = {.model = {.jumps = model, .name = "model"},
                           .target = {.jumps = target, .name = "target"},
                           .options = options};
    struct rebias_slice_metrics *found = NULL;
    int status = check_options(options, err);
    for (int polarity = 0; polarity < 2 && status == REBIAS_OK; polarity++) {
        status = check_weights(options, polarity, err);
    }
    if (status == REBIAS_OK) {
        status = check_devices(model, target, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&found, options->slices, 2 * sizeof *found, err);
    }
    if (status == REBIAS_OK) {
        status = allocate_arrays(&c, err);
    }
    for (int polarity = 0; polarity < 2 && status == REBIAS_OK; polarity++) {
        status =
            measure_polarity(&c, polarity, found + (polarity == 0 ? 0 : options->slices), err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    *metrics = average_all(found, options);
    if (slices != NULL) {
        memcpy(slices, found, 2 * options->slices * sizeof *found);
    }
done:
    free(found);
    free(c.x);
    free(c.model_cdf);
    free(c.target_cdf);
    return status;
}
