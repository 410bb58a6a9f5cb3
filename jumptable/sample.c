/* sample.c - the points of one polarity as estimators see them, from pulse data.
 * 1. checks   2. range   3. blocks   4. sorted points
 */
#include "sample.h"
#include "rebias/base.h"
#include "rebias/metrics.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

static const char *const names[2] = {"SET", "RESET"};

const char *rebias_points_name(const struct rebias_sample *sample)
{
    return names[sample->polarity];
}

/* -- 1. checks -- */

int rebias_points_check(const struct rebias_pulses *pulses, struct rebias_error *err)
{
    size_t count[2] = {0, 0};
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] > 1) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "polarity of point %zu is %d, neither 0 (SET) nor 1 (RESET)",
                               i + 1, pulses->polarity[i]);
        }
        if (!(pulses->G[i] >= 0.0 && isfinite(pulses->G[i]))) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "G of point %zu is %g S, negative or not finite", i + 1,
                               pulses->G[i]);
        }
        if (!isfinite(pulses->dG[i])) {
            return rebias_fail(err, REBIAS_E_RANGE, "dG of point %zu is %g S, not finite",
                               i + 1, pulses->dG[i]);
        }
        count[pulses->polarity[i]]++;
    }
    for (int p = 0; p < 2; p++) {
        if (count[p] == 0) {
            return rebias_fail(err, REBIAS_E_DATA,
                               "there are no %s points: a table needs both polarities",
                               names[p]);
        }
    }
    return REBIAS_OK;
}

/* Jumps that are all the same number come from no instrument, but an sd floor may state their
 * noise. Over noise that is seen, a floor above it would hide the data. */
static int check_noise(const struct rebias_sample *sample, double sd_floor,
                       struct rebias_error *err)
{
    const double rounding = FLT_EPSILON * sample->G[sample->n - 1]; /* of conductances, S */
    double mean = 0.0;
    double sd = 0.0;
    bool constant = sample->n > 2; /* two may agree by chance, as instruments round */
    for (size_t i = 1; i < sample->n; i++) {
        constant = constant && sample->dG[i] == sample->dG[0]; /* exact: the same number */
    }
    if (constant && !(sd_floor > 0.0)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "every %s jump is %g S: there is no noise to estimate (an sd floor "
                           "would state it)",
                           rebias_points_name(sample), sample->dG[0]);
    }
    rebias_mean_sd(sample->n, sample->dG, &mean, &sd);
    if (sd > rounding && sd_floor > sd) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the sd floor %g S is above the sd of all %s jumps, %g S", sd_floor,
                           rebias_points_name(sample), sd);
    }
    return REBIAS_OK;
}

int rebias_points_check_spread(const struct rebias_sample *sample, double sd_floor,
                               struct rebias_error *err)
{
    if (sample->n < 2) {
        return REBIAS_OK;
    }
    if (sample->G[0] == sample->G[sample->n - 1]) { /* exact: the same number */
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu %s points lie at G = %g S: a table needs several G",
                           sample->n, rebias_points_name(sample), sample->G[0]);
    }
    return check_noise(sample, sd_floor, err);
}

/* -- 2. range -- */

int rebias_points_range(const struct rebias_pulses *pulses, double *Gmin, double *Gmax,
                        struct rebias_error *err)
{
    double low[2] = {INFINITY, INFINITY};
    double high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < pulses->n; i++) {
        int p = pulses->polarity[i];
        low[p] = fmin(low[p], pulses->G[i]);
        high[p] = fmax(high[p], pulses->G[i]);
    }
    for (int p = 0; p < 2; p++) {
        if (!(low[p] < high[p])) {
            return rebias_fail(err, REBIAS_E_DATA,
                               "all %zu %s points lie at G = %g S: a table needs several G",
                               rebias_pulses_count(pulses, p), names[p], low[p]);
        }
    }
    *Gmin = fmax(low[0], low[1]);
    *Gmax = fmin(high[0], high[1]);
    return *Gmin < *Gmax ? REBIAS_OK
                         : rebias_fail(err, REBIAS_E_DATA,
                                       "SET and RESET points have no common range of G");
}

/* -- 3. blocks -- */

int rebias_points_blocks(uint32_t **block, const struct rebias_pulses *pulses,
                         enum rebias_blocks kind, struct rebias_error *err)
{
    enum rebias_blocks used = REBIAS_BLOCKS_POINTS;
    size_t count = 0;
    uint32_t *found = NULL;
    *block = NULL;
    int status = rebias_alloc(&found, pulses->n, sizeof *found, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_blocks(pulses, kind, found, &count, &used, err);
    }
    if (status == REBIAS_OK && used != REBIAS_BLOCKS_POINTS) {
        *block = found;
        found = NULL;
    }
    free(found);
    return status;
}

/* -- 4. sorted points -- */

struct point {
    double G;
    double dG;
    uint32_t block;
};

/* The block decides last, so that the order is the same whatever qsort does with equals. */
static int by_G(const void *a, const void *b)
{
    const struct point *p = a;
    const struct point *q = b;
    if (p->G != q->G) {
        return p->G < q->G ? -1 : 1;
    }
    if (p->dG != q->dG) {
        return p->dG < q->dG ? -1 : 1;
    }
    return (p->block > q->block) - (p->block < q->block);
}

static size_t take_points(struct point *taken, const struct rebias_pulses *pulses, int polarity,
                          const struct rebias_fit_options *o, const uint32_t *block,
                          size_t *outside)
{
    size_t n = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == polarity) {
            bool inside = pulses->G[i] >= o->Gmin && pulses->G[i] <= o->Gmax;
            taken[n] = (struct point){pulses->G[i], pulses->dG[i], block ? block[i] : 0};
            n += inside;
            *outside += !inside;
        }
    }
    qsort(taken, n, sizeof *taken, by_G);
    return n;
}

static void set_sample(struct rebias_points *points, const struct point *taken, size_t n,
                       int polarity, const struct rebias_fit_options *o)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        points->values[i] = taken[i].G;
        points->values[n + i] = taken[i].dG;
        largest = fmax(largest, fabs(taken[i].dG));
        if (points->block != NULL) {
            points->block[i] = taken[i].block;
        }
    }
    double floor = largest > 0.0 ? 1e-4 * largest : 1e-15;
    points->sample = (struct rebias_sample){.n = n,
                                            .G = points->values,
                                            .dG = points->values + n,
                                            .Gmin = o->Gmin,
                                            .Gmax = o->Gmax,
                                            .polarity = polarity,
                                            .censored = o->censored,
                                            .sd_floor = o->sd_floor > 0.0 ? o->sd_floor : floor,
                                            .seed = o->seed,
                                            .block = points->block,
                                            .truth = o->truth};
}

static bool equal_points(const struct point *p, const struct point *q)
{
    return p->G == q->G && p->dG == q->dG; /* exact: copies, or readings of few digits */
}

/* Copies of a point, as a bootstrap resample has them, must not stand on both sides of a fold:
 * they become blocks. Without copies nothing is done. */
static int join_copies(struct rebias_points *points, struct point *taken, size_t n,
                       struct rebias_error *err)
{
    bool copies = false;
    uint32_t number = 0;
    for (size_t i = 1; i < n; i++) {
        bool same = equal_points(&taken[i], &taken[i - 1]);
        copies = copies || same;
        number += same ? 0 : 1;
        taken[i].block = number;
    }
    return copies ? rebias_alloc(&points->block, n, sizeof *points->block, err) : REBIAS_OK;
}

int rebias_points_collect(struct rebias_points *points, const struct rebias_pulses *pulses,
                          int polarity, const struct rebias_fit_options *options,
                          const uint32_t *block, struct rebias_error *err)
{
    struct point *taken = NULL;
    *points = (struct rebias_points){.outside = 0};
    int status = rebias_alloc(&taken, pulses->n, sizeof *taken, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&points->values, 2 * pulses->n, sizeof(double), err);
    }
    if (status == REBIAS_OK && block != NULL) {
        status = rebias_alloc(&points->block, pulses->n, sizeof *points->block, err);
    }
    if (status == REBIAS_OK) {
        size_t n = take_points(taken, pulses, polarity, options, block, &points->outside);
        status = block == NULL ? join_copies(points, taken, n, err) : REBIAS_OK;
        if (status == REBIAS_OK) {
            set_sample(points, taken, n, polarity, options);
        }
    }
    free(taken);
    return status;
}

void rebias_points_free(struct rebias_points *points)
{
    free(points->values);
    free(points->block);
    *points = (struct rebias_points){.outside = 0};
}
