/* learn_step.c - the loops over parameters of software learning.
 * 1. optimisers   2. elastic weight consolidation   3. ternary weights
 *
 * Adam: Kingma and Ba, arXiv:1412.6980, with PyTorch's order of operations.
 */
#include "learn_step.h"
#include "base/simd.h"
#include <math.h>

/* -- 1. optimisers -- */

/* Single-precision numbers of one step. */
struct adam_factors {
    float keep_m, new_m, keep_v, new_v;
    float size;  /* rate/(1 - 0.9^t) */
    float scale; /* 1/sqrt(1 - 0.999^t) */
    float floor;
};

REBIAS_SIMD static void move_adam(struct adam_factors f, size_t n, const float *gradient,
                                  float *m, float *v, float *theta)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float g = gradient[i];
        m[i] = f.keep_m * m[i] + f.new_m * g;
        v[i] = f.keep_v * v[i] + f.new_v * g * g;
        theta[i] -= f.size * (m[i] / (sqrtf(v[i]) * f.scale + f.floor));
    }
}

void rebias_adam_step(struct rebias_adam adam, size_t n, const float *gradient, float *m,
                      float *v, float *theta)
{
    static const double beta1 = 0.9;
    static const double beta2 = 0.999;
    static const double epsilon = 1e-8;
    const double t = (double)adam.t;
    const struct adam_factors factors = {
        .keep_m = (float)beta1,
        .new_m = (float)(1.0 - beta1),
        .keep_v = (float)beta2,
        .new_v = (float)(1.0 - beta2),
        .size = (float)(adam.rate / (1.0 - pow(beta1, t))),
        .scale = (float)(1.0 / sqrt(1.0 - pow(beta2, t))),
        .floor = (float)epsilon,
    };
    move_adam(factors, n, gradient, m, v, theta);
}

REBIAS_SIMD static void move_momentum(float rate, float momentum, size_t n,
                                      const float *gradient, float *v, float *theta)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + gradient[i];
        theta[i] -= rate * v[i];
    }
}

void rebias_momentum_step(double rate, double momentum, size_t n, const float *gradient,
                          float *v, float *theta)
{
    move_momentum((float)rate, (float)momentum, n, gradient, v, theta);
}

/* -- 2. elastic weight consolidation -- */

REBIAS_SIMD static void pull_back(double lambda, size_t n, const double *stiffness,
                                  const double *pull, const float *theta, float *gradient)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        gradient[i] += (float)(lambda * (stiffness[i] * (double)theta[i] - pull[i]));
    }
}

void rebias_ewc_gradient(double lambda, size_t n, const double *stiffness, const double *pull,
                         const float *theta, float *gradient)
{
    pull_back(lambda, n, stiffness, pull, theta, gradient);
}

/* -- 3. ternary weights -- */

enum { LANES = 16 };

/* Sum and number of the |w| above delta. */
struct kept {
    double sum, count;
};

/* In LANES partial sums, so that every version gives the same bits; the rest goes to the first
 * lanes. */
REBIAS_SIMD static void sum_kept(double delta, size_t n, const float *w, struct kept *kept)
{
    double sum[LANES] = {0.0};
    double count[LANES] = {0.0};
    for (size_t first = 0; first < n; first += LANES) {
        const size_t lanes = n - first < LANES ? n - first : LANES;
#pragma omp simd
        for (size_t j = 0; j < lanes; j++) {
            const double size = fabs((double)w[first + j]);
            sum[j] += size > delta ? size : 0.0;
            count[j] += size > delta ? 1.0 : 0.0;
        }
    }
    *kept = (struct kept){0.0, 0.0};
    for (size_t j = 0; j < LANES; j++) {
        kept->sum += sum[j];
        kept->count += count[j];
    }
}

REBIAS_SIMD static void cut_ternary(double delta, float gamma, size_t n, const float *w,
                                    float *q)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float signed_gamma = w[i] < 0.0f ? -gamma : gamma;
        q[i] = fabs((double)w[i]) > delta ? signed_gamma : 0.0f;
    }
}

double rebias_ternarise(double threshold, size_t n, const float *w, float *q)
{
    struct kept kept;
    sum_kept(0.0, n, w, &kept); /* exact zeros add nothing */
    const double delta = threshold * kept.sum / (double)n;
    sum_kept(delta, n, w, &kept);
    const float gamma = kept.count > 0.0 ? (float)(kept.sum / kept.count) : 0.0f;
    cut_ternary(delta, gamma, n, w, q);
    return (double)gamma;
}
