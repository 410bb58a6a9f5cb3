/* ideal.c - linear, noiseless device: every pulse moves G by the same amount.
 * 1. parameters   2. coefficients   3. step   4. distribution   5. descriptor
 *
 * dG = +-(Gmax - Gmin)/levels.
 */
#include "models.h"
#include "base/simd.h"

/* -- 1. parameters -- */

enum { P_GMIN, P_GMAX, P_LEVELS, P_COUNT };
enum { C_STEP = 2, C_COUNT };

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 3e-9, 0.0, 1.0, true, "lowest conductance"},
    {"Gmax", "S", 38e-9, 0.0, 1.0, true, "highest conductance"},
    {"levels", "1", 500.0, 1.0, 1e9, true, "pulses for the full range"},
};

/* -- 2. coefficients -- */

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    (void)err;
    coef[P_GMIN] = values[P_GMIN];
    coef[P_GMAX] = values[P_GMAX];
    coef[C_STEP] = (values[P_GMAX] - values[P_GMIN]) / values[P_LEVELS];
    return REBIAS_OK;
}

/* -- 3. step -- */

REBIAS_SIMD static void step(const struct rebias_device *device,
                             const struct rebias_lanes *lanes, float *G)
{
    (void)device;
    const float sign = lanes->polarity == REBIAS_SET ? 1.0f : -1.0f;
    const float *jump = lanes->coef[C_STEP];
    const size_t stride = lanes->stride;
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        G[i] += sign * jump[i * stride];
    }
}

/* -- 4. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    (void)G;
    *mean = polarity == REBIAS_SET ? device->coefs[C_STEP] : -device->coefs[C_STEP];
    *sd = 0.0;
}

/* -- 5. descriptor -- */

const struct rebias_device_model rebias_ideal_model = {
    .name = "ideal",
    .doc = "linear and noiseless: every pulse moves G by (Gmax - Gmin)/levels",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = C_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = rebias_devmodel_normal_cdf,
    .gaussian = true,
};
