/* law.c - a distribution of dG on a grid, and its distances from a sample.
 * 1. laws   2. quantiles   3. a sample and a law on one grid   4. distances
 */
#include "law.h"
#include "rebias/base.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* -- 1. laws -- */

static int law_allocate(struct rebias_law *law, size_t n, struct rebias_error *err)
{
    *law = (struct rebias_law){.n = n};
    int status = rebias_alloc(&law->x, n, sizeof *law->x, err);
    return status == REBIAS_OK ? rebias_alloc(&law->F, n, sizeof *law->F, err) : status;
}

void rebias_law_release(struct rebias_law *law)
{
    free(law->x);
    free(law->F);
    *law = (struct rebias_law){0};
}

/* Moments of the mixture by the law of total variance. */
static int mix_moments(struct rebias_law *law, const struct rebias_jumps *jumps, int polarity,
                       size_t n, const double *G, struct rebias_error *err)
{
    double mean = 0.0;
    double within = 0.0;
    double between = 0.0;
    for (size_t i = 0; i < n; i++) {
        double m = 0.0;
        double s = 0.0;
        jumps->moments(jumps->context, polarity, G[i], &m, &s);
        if (!isfinite(m) || !isfinite(s)) {
            return rebias_fail(err, REBIAS_E_NUMERIC,
                               "mean %g S and sd %g S of the device at G = %g S", m, s, G[i]);
        }
        double step = m - mean;
        mean += step / (double)(i + 1);
        between += step * (m - mean);
        within += s * s;
    }
    law->mean = mean;
    law->sd = sqrt((within + between) / (double)n);
    return REBIAS_OK;
}

/* Evenly over the mean -+ 8 sd; the last few points reach out to 200 sd in cubic steps, for
 * point masses at a table's ends. */
static void spread_grid(struct rebias_law *law, double range)
{
    enum { TAIL = REBIAS_LAW_GRID / 16 };
    const double sds = 8.0;
    const double reach = 25.0;
    const double least = 1e-9; /* of the conductance range: half width of a point mass */
    double width = fmax(law->sd > 0.0 ? sds * law->sd : least * range,
                        4.0 * DBL_EPSILON * (double)law->n * fabs(law->mean));
    for (size_t k = 0; k < law->n; k++) {
        double part = 0.0; /* of the width, from the mean */
        if (k < TAIL) {
            double t = (double)(TAIL - k) / TAIL;
            part = -1.0 - reach * t * t * t;
        } else if (k >= law->n - TAIL) {
            double t = (double)(k - (law->n - TAIL) + 1) / TAIL;
            part = 1.0 + reach * t * t * t;
        } else {
            part = 2.0 * (double)(k - TAIL) / (double)(law->n - 2 * TAIL - 1) - 1.0;
        }
        law->x[k] = law->mean + part * width;
    }
}

int rebias_law_of_device(struct rebias_law *law, const struct rebias_jumps *jumps, int polarity,
                         size_t n, const double *G, double range, struct rebias_error *err)
{
    int status = law_allocate(law, REBIAS_LAW_GRID, err);
    if (status == REBIAS_OK) {
        status = mix_moments(law, jumps, polarity, n, G, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    spread_grid(law, range);
    for (size_t k = 0; k < law->n; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++) {
            sum += jumps->cdf(jumps->context, polarity, G[i], law->x[k]);
        }
        if (!isfinite(sum)) {
            return rebias_fail(err, REBIAS_E_NUMERIC, "cdf %g of the device at dG = %g S", sum,
                               law->x[k]);
        }
        double before = k > 0 ? law->F[k - 1] : 0.0;
        law->F[k] = fmin(fmax(sum / (double)n, before), 1.0);
    }
    return REBIAS_OK;
}

/* The sd is unbiased for normal noise within 0.3 %. */
static void estimate_moments(size_t n, const double *x, double *mean, double *sd)
{
    rebias_mean_sd(n, x, mean, sd);
    *sd *= (4.0 * (double)n - 3.0) / (4.0 * (double)n - 4.0);
}

int rebias_law_of_sample(struct rebias_law *law, size_t n, const double *x,
                         struct rebias_error *err)
{
    int status = law_allocate(law, n, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        law->x[i] = x[i];
        law->F[i] = ((double)i + 0.5) / (double)n;
    }
    estimate_moments(n, x, &law->mean, &law->sd);
    return REBIAS_OK;
}

/* -- 2. quantiles -- */

double rebias_law_quantile(const struct rebias_law *law, double u)
{
    size_t low = 0;
    size_t high = law->n - 1;
    if (u <= law->F[low]) {
        return law->x[low];
    }
    if (u > law->F[high]) {
        return law->x[high];
    }
    while (high - low > 1) { /* F[low] < u <= F[high] */
        size_t middle = low + (high - low) / 2;
        if (law->F[middle] < u) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double part = (u - law->F[low]) / (law->F[high] - law->F[low]);
    return law->x[low] + part * (law->x[high] - law->x[low]);
}

/* -- 3. a sample and a law on one grid -- */

int rebias_law_work_new(struct rebias_law_work *work, size_t grid, size_t n,
                        struct rebias_error *err)
{
    *work = (struct rebias_law_work){.capacity = 2 * n + grid + 2};
    int status = rebias_alloc(&work->x, work->capacity, sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&work->F, work->capacity, sizeof(double), err);
    }
    return status == REBIAS_OK ? rebias_alloc(&work->H, work->capacity, sizeof(double), err)
                               : status;
}

void rebias_law_work_release(struct rebias_law_work *work)
{
    free(work->x);
    free(work->F);
    free(work->H);
}

struct joining {
    struct rebias_law_work *work;
    size_t count;
};

/* A point of the joint grid. One that does not lie above the last replaces it, but the first of
 * a jump is kept: a step stays a step within one unit in the last place. */
static void join(struct joining *j, double x, double F, double H)
{
    size_t at = j->count;
    if (at > 0 && x <= j->work->x[at - 1]) {
        at--;
        x = j->work->x[at];
    }
    j->work->x[at] = x;
    j->work->F[at] = F;
    j->work->H[at] = H;
    j->count = at + 1;
}

/* H at x inside [x[k - 1], x[k]]. */
static double law_between(const struct rebias_law *law, size_t k, double x)
{
    if (k == 0) {
        return 0.0;
    }
    if (k == law->n) {
        return 1.0;
    }
    double width = law->x[k] - law->x[k - 1];
    double part = width > 0.0 ? (x - law->x[k - 1]) / width : 1.0;
    return law->F[k - 1] + part * (law->F[k] - law->F[k - 1]);
}

/* The sample's steps and the law's grid points in one strictly ascending grid; a step is a pair
 * of neighbouring doubles. Returns its size. */
static size_t join_grids(const struct rebias_law *law, size_t n, const double *sample,
                         struct rebias_law_work *work)
{
    struct joining j = {work, 0};
    size_t k = 0;
    size_t i = 0;
    while (i < n || k < law->n) {
        if (k < law->n && (i == n || law->x[k] <= sample[i])) {
            if (k == 0 && law->F[0] > 0.0) {
                join(&j, nextafter(law->x[0], -INFINITY), (double)i / (double)n, 0.0);
            }
            join(&j, law->x[k], (double)i / (double)n, law->F[k]);
            k++;
            if (k == law->n && law->F[k - 1] < 1.0) {
                join(&j, nextafter(law->x[k - 1], INFINITY), (double)i / (double)n, 1.0);
            }
            continue;
        }
        double H = law_between(law, k, sample[i]);
        double x = sample[i];
        double before = nextafter(x, -INFINITY);
        if (j.count == 0 || before > work->x[j.count - 1]) {
            join(&j, before, (double)i / (double)n, H);
        }
        while (i < n && sample[i] <= x) {
            i++;
        }
        join(&j, x, (double)i / (double)n, H);
    }
    return j.count;
}

/* -- 4. distances -- */

/* share[k] = fraction of the sample in or below cell k of equal probability, the last left out.
 * half: every cell holds half a point more. */
static void count_cells(const struct rebias_law *law, size_t n, const double *x, double half,
                        double *share)
{
    size_t i = 0;
    for (size_t k = 0; k + 1 < REBIAS_LAW_CELLS; k++) {
        double u = (double)(k + 1) / REBIAS_LAW_CELLS;
        double end = rebias_law_quantile(law, u);
        while (i < n && x[i] <= end) {
            i++;
        }
        share[k] = ((double)i + half * (double)(k + 1)) / ((double)n + half * REBIAS_LAW_CELLS);
    }
}

static void measure_cells(const struct rebias_law *law, size_t n, const double *x,
                          bool sample_is_model, struct rebias_slice_metrics *slice)
{
    enum { EDGES = REBIAS_LAW_CELLS - 1 };
    double equal[EDGES];
    double share[EDGES];
    for (size_t k = 0; k < EDGES; k++) {
        equal[k] = (double)(k + 1) / REBIAS_LAW_CELLS;
    }
    count_cells(law, n, x, 0.0, share);
    slice->hellinger = rebias_hellinger(EDGES, share, equal);
    slice->jensen_shannon = rebias_jensen_shannon(EDGES, share, equal);
    if (sample_is_model) {
        count_cells(law, n, x, 0.5, share);
        slice->kullback_leibler = rebias_kullback_leibler(EDGES, equal, share);
    } else {
        slice->kullback_leibler = rebias_kullback_leibler(EDGES, share, equal);
    }
}

void rebias_law_measure(const struct rebias_law *law, size_t n, const double *x,
                        bool sample_is_model, struct rebias_law_work *work,
                        struct rebias_slice_metrics *slice)
{
    double mean = 0.0;
    double sd = 0.0;
    estimate_moments(n, x, &mean, &sd);
    slice->model_mean = sample_is_model ? mean : law->mean;
    slice->model_sd = sample_is_model ? sd : law->sd;
    slice->target_mean = sample_is_model ? law->mean : mean;
    slice->target_sd = sample_is_model ? law->sd : sd;
    size_t m = join_grids(law, n, x, work);
    slice->wasserstein1 = rebias_wasserstein1(m, work->x, work->F, work->H);
    slice->wasserstein2 = rebias_wasserstein2(m, work->x, work->F, work->H);
    slice->energy = rebias_energy(m, work->x, work->F, work->H);
    slice->kolmogorov_smirnov = rebias_kolmogorov_smirnov(m, work->F, work->H);
    measure_cells(law, n, x, sample_is_model, slice);
}
