/* synth.c - synthetic ground truths: 36 normal devices with known mean and sd profiles.
 * 1. parameters   2. coefficients   3. position   4. profiles   5. step   6. distribution
 * 7. descriptor
 *
 * With x = (G - Gmin)/(Gmax - Gmin) and one of the profiles b, all within [0, 1] (below),
 *     SET    dG =  scale (b_mean(x)     + (0.2 + 0.4 b_sd(x))     Z),  Z standard normal,
 *     RESET  dG = -scale (b_mean(1 - x) + (0.2 + 0.4 b_sd(1 - x)) Z):  SET's mirror image.
 *
 *     0 constant     b = 1/2
 *     1 linear       b = 1 - x
 *     2 quadratic    b = (1 - x)^2
 *     3 exponential  b = exp(-3 x)                      (saturating)
 *     4 sigmoidal    b = 1/(1 + exp(10 (x - 1/2)))
 *     5 nonmonotone  b = sin(pi x)
 *
 * Hossen et al., Sci. Rep. 12, 5963 (2022) judge models on 36 Gaussian data sets of 6 x 6
 * profiles without printing the profiles: these are ours.
 */
#include "models.h"
#include "base/simd.h"
#include "synth.h"
#include <math.h>
#include <stdio.h>

/* -- 1. parameters -- */

enum { P_GMIN, P_GMAX, P_SCALE, P_MEAN, P_SD, P_COUNT };
enum { CONSTANT, LINEAR, QUADRATIC, EXPONENTIAL, SIGMOIDAL, NONMONOTONE };

#define SD_LEAST 0.2 /* of the scale */
#define SD_SPAN 0.4

#define PROFILE_HELP                                                                           \
    " profile: 0 constant, 1 linear, 2 quadratic, 3 exponential, 4 sigmoidal, 5 nonmonotone"

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 2e-6, 0.0, 1.0, true, "lowest conductance"},
    {"Gmax", "S", 102e-6, 0.0, 1.0, true, "highest conductance"},
    {"scale", "S", 1e-6, 0.0, 1.0, true, "unit of the jump: profiles are fractions of it"},
    {"mean", "1", LINEAR, CONSTANT, NONMONOTONE, false, "mean" PROFILE_HELP},
    {"sd", "1", CONSTANT, CONSTANT, NONMONOTONE, false, "sd" PROFILE_HELP},
};

/* -- 2. coefficients: the parameters themselves -- */

int rebias_synth_check_choice(const char *name, double value, struct rebias_error *err)
{
    if (value == floor(value)) {
        return REBIAS_OK;
    }
    char text[32];
    snprintf(text, sizeof text, "%g", value);
    const struct rebias_place place = {NULL, 0, 0, text};
    return rebias_fail_at(err, REBIAS_E_RANGE, &place, "a whole number",
                          "parameter %s is the number of a choice", name);
}

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    for (size_t p = 0; p < P_COUNT; p++) {
        coef[p] = values[p];
    }
    int status = rebias_synth_check_choice(params[P_MEAN].name, values[P_MEAN], err);
    if (status == REBIAS_OK) {
        status = rebias_synth_check_choice(params[P_SD].name, values[P_SD], err);
    }
    return status;
}

/* -- 3. position -- */

double rebias_synth_position(const struct rebias_device *device, enum rebias_polarity polarity,
                             double G)
{
    double x = (G - device->Gmin) / (device->Gmax - device->Gmin);
    x = fmin(fmax(x, 0.0), 1.0);
    return polarity == REBIAS_SET ? x : 1.0 - x;
}

REBIAS_SIMD static void synth_positions_loop(const struct rebias_lanes *lanes, const float *G,
                                             float *x)
{
    const float *low = lanes->coef[0];
    const float *high = lanes->coef[1];
    const size_t stride = lanes->stride;
    const bool mirrored = lanes->polarity == REBIAS_RESET;
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        size_t at = i * stride;
        float y = (G[i] - low[at]) / (high[at] - low[at]);
        y = y < 0.0f ? 0.0f : y;
        y = y > 1.0f ? 1.0f : y;
        x[i] = mirrored ? 1.0f - y : y;
    }
}

void rebias_synth_positions(const struct rebias_lanes *lanes, const float *G, float *x)
{
    synth_positions_loop(lanes, G, x);
}

/* -- 4. profiles, in the single precision of the loops -- */

/* b(x) of a profile into b[n]; one loop a profile, so that each is vectorised. */
REBIAS_SIMD static void synth_profile(int profile, size_t n, const float *x, float *b)
{
    switch (profile) {
    case LINEAR:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = 1.0f - x[i];
        }
        break;
    case QUADRATIC:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = (1.0f - x[i]) * (1.0f - x[i]);
        }
        break;
    case EXPONENTIAL:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = rebias_synth_exp(-3.0f * x[i]);
        }
        break;
    case SIGMOIDAL:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = 1.0f / (1.0f + rebias_synth_exp(10.0f * (x[i] - 0.5f)));
        }
        break;
    case NONMONOTONE:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = rebias_synth_sine(x[i]);
        }
        break;
    default:
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            b[i] = 0.5f;
        }
    }
}

/* The same in double precision, by the formulas above. */
static double profile_at(int profile, double x)
{
    switch (profile) {
    case LINEAR:
        return 1.0 - x;
    case QUADRATIC:
        return (1.0 - x) * (1.0 - x);
    case EXPONENTIAL:
        return exp(-3.0 * x);
    case SIGMOIDAL:
        return 1.0 / (1.0 + exp(10.0 * (x - 0.5)));
    case NONMONOTONE:
        return sin(3.14159265358979323846 * x);
    default:
        return 0.5;
    }
}

/* -- 5. step -- */

REBIAS_SIMD static void synth_jump(const struct rebias_lanes *lanes, const float *mean,
                                   const float *sd, const float *z, float *G)
{
    const float *scale = lanes->coef[P_SCALE];
    const size_t stride = lanes->stride;
    const float sign = lanes->polarity == REBIAS_SET ? 1.0f : -1.0f;
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        float jump = mean[i] + ((float)SD_LEAST + (float)SD_SPAN * sd[i]) * z[i];
        G[i] += sign * scale[i * stride] * jump;
    }
}

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    float x[REBIAS_LANES_MAX];
    float z[REBIAS_LANES_MAX];
    float mean[REBIAS_LANES_MAX];
    float sd[REBIAS_LANES_MAX];
    rebias_synth_positions(lanes, G, x);
    synth_profile((int)device->values[P_MEAN], lanes->n, x, mean);
    synth_profile((int)device->values[P_SD], lanes->n, x, sd);
    rebias_normal_quantiles(lanes->n, lanes->word, z);
    synth_jump(lanes, mean, sd, z, G);
}

/* -- 6. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const double x = rebias_synth_position(device, polarity, G);
    const double scale = device->coefs[P_SCALE];
    const double sign = polarity == REBIAS_SET ? 1.0 : -1.0;
    *mean = sign * scale * profile_at((int)device->values[P_MEAN], x);
    *sd = scale * (SD_LEAST + SD_SPAN * profile_at((int)device->values[P_SD], x));
}

/* -- 7. descriptor -- */

const struct rebias_device_model rebias_synth_model = {
    .name = "synth",
    .doc = "synthetic normal jumps: mean and sd are each one of six profiles of G",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = P_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = rebias_devmodel_normal_cdf,
    .gaussian = true,
};
