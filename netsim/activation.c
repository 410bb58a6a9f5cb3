/* activation.c - the nonlinear functions of layers.
 * 1. exponential   2. activations   3. their derivatives   4. softmax
 */
#include "activation.h"
#include "base/simd.h"
#include <math.h>
#include <string.h>

/* -- 1. exponential -- */

/* exp(x) in single precision for vector loops, relative error below 2e-7; arguments are limited
 * to [-87, 88], where results are normal numbers. x = k ln 2 + r, |r| <= ln(2)/2; polynomial of
 * Cephes' expf (Moshier). */
static inline float exp_limited(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    float k = (x * 1.44269504f + round) - round;
    k = k > -126.0f
            ? k
            : -126.0f; /* for NaN alone, which r keeps: the conversion below stays defined */
    float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits = ((int32_t)k + 127) * 0x800000;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* -- 2. activations -- */

REBIAS_SIMD static void apply_sigmoid(size_t n, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = 1.0f / (1.0f + exp_limited(-z[i]));
    }
}

/* tanh z = 1 - 2/(1 + exp 2z); near 0 this loses relative, not absolute, precision. */
REBIAS_SIMD static void apply_tanh(size_t n, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = 1.0f - 2.0f / (1.0f + exp_limited(2.0f * z[i]));
    }
}

/* NaN stays NaN: a diverged network must not look like silent neurons. */
REBIAS_SIMD static void apply_relu(size_t n, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = z[i] < 0.0f ? 0.0f : z[i];
    }
}

void rebias_activation_apply(enum rebias_activation f, size_t n, float *z)
{
    if (f == REBIAS_SIGMOID) {
        apply_sigmoid(n, z);
    } else if (f == REBIAS_TANH) {
        apply_tanh(n, z);
    } else {
        apply_relu(n, z);
    }
}

/* -- 3. their derivatives -- */

REBIAS_SIMD static void chain(enum rebias_activation f, size_t n, const float *a, float *delta)
{
    if (f == REBIAS_SIGMOID) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            delta[i] *= a[i] * (1.0f - a[i]);
        }
    } else if (f == REBIAS_TANH) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            delta[i] *= 1.0f - a[i] * a[i];
        }
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            delta[i] = a[i] > 0.0f ? delta[i] : 0.0f;
        }
    }
}

void rebias_activation_chain(enum rebias_activation f, size_t n, const float *a, float *delta)
{
    chain(f, n, a, delta);
}

/* -- 4. softmax -- */

REBIAS_SIMD static void exp_shifted(size_t n, float shift, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = exp_limited(z[i] - shift);
    }
}

void rebias_softmax_apply(size_t n, size_t outputs, float *z)
{
    for (size_t row = 0; row < n; row++) {
        float *x = z + row * outputs;
        float largest = x[0];
        for (size_t c = 1; c < outputs; c++) {
            largest = x[c] > largest ? x[c] : largest;
        }
        exp_shifted(outputs, largest, x); /* the largest becomes 1: no overflow, sum >= 1 */
        float sum = 0.0f;
        for (size_t c = 0; c < outputs; c++) {
            sum += x[c];
        }
        float scale = 1.0f / sum;
        for (size_t c = 0; c < outputs; c++) {
            x[c] *= scale;
        }
    }
}
