/* gaussian.c - device with normal jumps whose mean and sd are polynomials of G.
 * 1. parameters   2. coefficients   3. step   4. distribution   5. descriptor
 *
 * mean(G) = m0 + m1 G + m2 G^2 and sd(G) = max(sd_floor, s0 + s1 G + s2 G^2), per polarity: the
 * form that the published TiOx tables have (Yousuf et al., IEEE JETCAS 13, 382 (2023)).
 */
#include "models.h"
#include "base/simd.h"
#include <math.h>

/* -- 1. parameters -- */

enum { P_GMIN, P_GMAX, P_FLOOR, P_SET, P_RESET = P_SET + 6, P_COUNT = P_RESET + 6 };
enum { C_MEAN0, C_MEAN1, C_MEAN2, C_SD0, C_SD1, C_SD2 };

#define MEAN_ROWS(name, text)                                                                    \
    {name "_mean0",                                                                              \
     "S",                                                                                        \
     0.0,                                                                                        \
     -1.0,                                                                                       \
     1.0,                                                                                        \
     true,                                                                                       \
     "constant term of the mean jump of a " text " pulse"},                                      \
        {name "_mean1", "1", 0.0, -1e3, 1e3, true, "linear term: mean gains mean1 * G"},         \
        {name "_mean2",                                                                          \
         "1/S",                                                                                  \
         0.0,                                                                                    \
         -1e15,                                                                                  \
         1e15,                                                                                   \
         true,                                                                                   \
         "quadratic term: mean gains mean2 * G^2"},                                              \
        {name "_sd0", "S", 0.0, -1.0, 1.0, true, "constant term of the sd of a " text " pulse"}, \
        {name "_sd1", "1", 0.0, -1e3, 1e3, true, "linear term of the sd"},                       \
    {                                                                                            \
        name "_sd2", "1/S", 0.0, -1e15, 1e15, true, "quadratic term of the sd"                   \
    }

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 1e-6, 0.0, 1.0, true, "lowest conductance"},
    {"Gmax", "S", 1e-4, 0.0, 1.0, true, "highest conductance"},
    {"sd_floor", "S", 0.0, 0.0, 1.0, true, "smallest sd of a jump"},
    MEAN_ROWS("set", "SET"),
    MEAN_ROWS("reset", "RESET"),
};

/* -- 2. coefficients: the parameters themselves -- */

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    (void)err;
    for (size_t p = 0; p < P_COUNT; p++) {
        coef[p] = values[p];
    }
    return REBIAS_OK;
}

/* -- 3. step -- */

static inline float polynomial(const float *const *c, size_t at, float G)
{
    return c[0][at] + G * (c[1][at] + G * c[2][at]);
}

static inline void step_body(const struct rebias_lanes *lanes, size_t stride, const float *z,
                             float *G)
{
    const float *const *c = lanes->coef + (lanes->polarity == REBIAS_SET ? P_SET : P_RESET);
    const float *floor = lanes->coef[P_FLOOR];
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        size_t at = i * stride;
        float sd = polynomial(c + C_SD0, at, G[i]);
        sd = sd < floor[at] ? floor[at] : sd;
        G[i] += polynomial(c, at, G[i]) + sd * z[i];
    }
}

REBIAS_SIMD static void gaussian_alike(const struct rebias_lanes *lanes, const float *z,
                                       float *G)
{
    step_body(lanes, 0, z, G);
}

REBIAS_SIMD static void gaussian_spread(const struct rebias_lanes *lanes, const float *z,
                                        float *G)
{
    step_body(lanes, 1, z, G);
}

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    (void)device;
    float z[REBIAS_LANES_MAX];
    rebias_normal_quantiles(lanes->n, lanes->word, z);
    if (lanes->stride == 0) {
        gaussian_alike(lanes, z, G);
    } else {
        gaussian_spread(lanes, z, G);
    }
}

/* -- 4. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const double *c = device->coefs + (polarity == REBIAS_SET ? P_SET : P_RESET);
    *mean = c[C_MEAN0] + G * (c[C_MEAN1] + G * c[C_MEAN2]);
    *sd = fmax(device->coefs[P_FLOOR], c[C_SD0] + G * (c[C_SD1] + G * c[C_SD2]));
}

/* -- 5. descriptor -- */

const struct rebias_device_model rebias_gaussian_model = {
    .name = "gaussian",
    .doc = "normal jumps: mean and sd are polynomials of G per polarity, sd has a floor",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = P_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = rebias_devmodel_normal_cdf,
    .gaussian = true,
};
