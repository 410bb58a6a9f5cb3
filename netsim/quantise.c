/* quantise.c - nearest few-level weights.
 * 1. ternary   2. more levels   3. layers
 */
#include "rebias/quantise.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. ternary -- */

static int by_size_downwards(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x < y) - (x > y);
}

/* gamma of the least squares for levels -gamma, 0, gamma: with the k largest |w| kept the best
 * gamma is their mean, and the squared change falls by (their sum)^2/k; sorted[n] is |w|, the
 * largest first. */
static double best_ternary(size_t n, const double *sorted)
{
    double sum = 0.0;
    double best = -1.0;
    double gamma = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += sorted[i];
        const double gain = sum * sum / (double)(i + 1);
        if (gain > best) {
            best = gain;
            gamma = sum / (double)(i + 1);
        }
    }
    return gamma;
}

/* -- 2. more levels -- */

enum { STARTS = 64, ROUNDS = 100 };

static double level_of(double size, double gamma, double steps)
{
    const double level = rint(size / gamma * steps);
    return level < steps ? level : steps;
}

/* Sum of squared changes for |w| in sizes[n]. */
static double change_of(size_t n, const double *sizes, double gamma, double steps)
{
    double change = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double off = sizes[i] - level_of(sizes[i], gamma, steps) * gamma / steps;
        change += off * off;
    }
    return change;
}

/* Alternates nearest levels and the best gamma for them, until gamma stays. */
static double refine_gamma(size_t n, const double *sizes, double gamma, double steps)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        double product = 0.0;
        double square = 0.0;
        for (size_t i = 0; i < n; i++) {
            const double level = level_of(sizes[i], gamma, steps) / steps;
            product += sizes[i] * level;
            square += level * level;
        }
        const double next = square > 0.0 ? product / square : gamma;
        const bool same = fabs(next - gamma) <= 1e-12 * gamma;
        gamma = next;
        if (same) {
            break;
        }
    }
    return gamma;
}

static double best_levels(size_t n, const double *sorted, double steps)
{
    double best = INFINITY;
    double gamma = 0.0;
    for (size_t start = 1; start <= STARTS; start++) {
        const double tried = refine_gamma(n, sorted, sorted[0] * (double)start / STARTS, steps);
        const double change = change_of(n, sorted, tried, steps);
        if (change < best) {
            best = change;
            gamma = tried;
        }
    }
    return gamma;
}

/* -- 3. layers -- */

static int quantise_layer(struct rebias_weights_layer *layer, size_t number, size_t steps,
                          struct rebias_error *err)
{
    const size_t n = layer->inputs * layer->outputs;
    double *sorted = NULL;
    int status = rebias_alloc(&sorted, n, sizeof *sorted, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = fabs((double)layer->weight[i]);
    }
    qsort(sorted, n, sizeof *sorted, by_size_downwards);
    if (!(sorted[0] > 0.0)) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "layer %zu cannot be quantised: all of its weights are 0", number);
        goto done;
    }
    layer->gamma = steps == 1 ? best_ternary(n, sorted) : best_levels(n, sorted, (double)steps);
    layer->steps = steps;
    for (size_t i = 0; i < n; i++) {
        const double weight = (double)layer->weight[i];
        const double level = level_of(fabs(weight), layer->gamma, (double)steps);
        layer->weight[i] = (float)(copysign(level, weight) * layer->gamma / (double)steps);
    }
done:
    free(sorted);
    return status;
}

int rebias_quantise_nearest(struct rebias_weights *weights, size_t steps,
                            struct rebias_error *err)
{
    if (steps < 1 || steps > REBIAS_MOST_STEPS) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu steps are not possible (1 to %d)", steps,
                           REBIAS_MOST_STEPS);
    }
    int status = REBIAS_OK;
    for (size_t l = 0; l < weights->layers && status == REBIAS_OK; l++) {
        status = quantise_layer(&weights->layer[l], l, steps, err);
    }
    return status;
}
