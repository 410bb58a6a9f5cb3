/* binopt_truth.c - distance of a normal profile to a known truth (estimator `binopt`).
 * 1. the truth at the slices   2. distance
 */
#include "binopt_truth.h"
#include "rebias/base.h"
#include "rebias/metrics.h"
#include <math.h>
#include <stdlib.h>

enum { SLICES = REBIAS_BINOPT_SLICES, GRID = 241 };

struct rebias_binopt_truth {
    bool normal;
    double mean[SLICES], sd[SLICES]; /* S */
    double x[SLICES][GRID];          /* S; unless normal: mean -+ 8 sd */
    double F[SLICES][GRID];          /* cdf there */
};

/* -- 1. the truth at the slices -- */

void rebias_binopt_truth_slices(const struct rebias_sample *sample, double *G)
{
    for (size_t s = 0; s < SLICES; s++) {
        G[s] = sample->Gmin + (sample->Gmax - sample->Gmin) * (double)s / (SLICES - 1);
    }
    G[SLICES - 1] = sample->Gmax;
}

static bool take_slice(struct rebias_binopt_truth *t, const struct rebias_sample *sample,
                       size_t s, double G)
{
    const double reach = 8.0;
    const struct rebias_jumps *jumps = sample->truth;
    jumps->moments(jumps->context, sample->polarity, G, &t->mean[s], &t->sd[s]);
    bool good = isfinite(t->mean[s]) && isfinite(t->sd[s]) && t->sd[s] >= 0.0;
    const double half = reach * fmax(t->sd[s], sample->sd_floor);
    for (size_t k = 0; k < GRID && good && !t->normal; k++) {
        t->x[s][k] = t->mean[s] + half * (2.0 * (double)k / (GRID - 1) - 1.0);
        t->F[s][k] = jumps->cdf(jumps->context, sample->polarity, G, t->x[s][k]);
        good = isfinite(t->F[s][k]);
    }
    return good;
}

int rebias_binopt_truth_new(struct rebias_binopt_truth **out,
                            const struct rebias_sample *sample, struct rebias_error *err)
{
    const struct rebias_jumps *jumps = sample->truth;
    double G[SLICES];
    *out = NULL;
    if (jumps->moments == NULL || (!jumps->gaussian && jumps->cdf == NULL)) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "the truth gives no %s to compare bins with",
                           jumps->moments == NULL ? "moments" : "distribution");
    }
    struct rebias_binopt_truth *truth = NULL;
    int status = rebias_alloc(&truth, 1, sizeof *truth, err);
    if (status != REBIAS_OK) {
        return status;
    }
    truth->normal = jumps->gaussian;
    rebias_binopt_truth_slices(sample, G);
    for (size_t s = 0; s < SLICES; s++) {
        if (!take_slice(truth, sample, s, G[s])) {
            free(truth);
            return rebias_fail(err, REBIAS_E_NUMERIC, "the truth is not finite at G = %g S",
                               G[s]);
        }
    }
    *out = truth;
    return REBIAS_OK;
}

void rebias_binopt_truth_free(struct rebias_binopt_truth *truth)
{
    free(truth);
}

/* -- 2. distance -- */

/* On the grid of the truth; beyond it by the tails of the normal alone, whose integral from u
 * sd on is sd (phi(u) - u Phi(-u)). */
static double slice_distance(const struct rebias_binopt_truth *t, size_t s, double mean,
                             double sd)
{
    const double root_2pi_inverse = 0.5 * M_2_SQRTPI * M_SQRT1_2;
    double H[GRID];
    for (size_t k = 0; k < GRID; k++) {
        H[k] = 0.5 * erfc((mean - t->x[s][k]) / sd * M_SQRT1_2);
    }
    double sum = rebias_wasserstein1(GRID, t->x[s], t->F[s], H);
    for (int side = 0; side < 2; side++) {
        const double u = side == 0 ? (mean - t->x[s][0]) / sd : (t->x[s][GRID - 1] - mean) / sd;
        sum += sd * (root_2pi_inverse * exp(-0.5 * u * u) - u * 0.5 * erfc(u * M_SQRT1_2));
    }
    return sum;
}

double rebias_binopt_truth_distance(const struct rebias_binopt_truth *truth, const double *mean,
                                    const double *sd)
{
    double sum = 0.0;
    for (size_t s = 0; s < SLICES; s++) {
        sum += truth->normal
                   ? rebias_wasserstein1_normal(mean[s], sd[s], truth->mean[s], truth->sd[s])
                   : slice_distance(truth, s, mean[s], sd[s]);
    }
    return sum / SLICES;
}
