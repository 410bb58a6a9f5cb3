/* synth.h - what the synthetic models share: the position in the range, its mirror image, and
 * elementary functions that vectorise and give the same bits everywhere (internal to devmodel).
 */
#ifndef REBIAS_DEVMODEL_SYNTH_H
#define REBIAS_DEVMODEL_SYNTH_H

#include "rebias/devmodel.h"

/* x = (G - Gmin)/(Gmax - Gmin), cut to [0, 1]; 1 - x for RESET, whose jumps are the mirror
 * image of SET's. */
double rebias_synth_position(const struct rebias_device *device, enum rebias_polarity polarity,
                             double G);

/* The same for lanes, from coefficients 0 and 1, into x[n]. */
void rebias_synth_positions(const struct rebias_lanes *lanes, const float *G, float *x);

/* REBIAS_E_RANGE unless value is whole: parameters that are the number of a choice. */
int rebias_synth_check_choice(const char *name, double value, struct rebias_error *err);

/* e^x for |x| < 80, relative error below 3e-7 + 1e-7 |x|: 2^k with k = round(x / ln 2) through
 * the exponent bits, the Taylor polynomial of degree 7 for the rest (|f ln 2| < 0.347). Only
 * operations that IEEE 754 defines exactly. */
static inline float rebias_synth_exp(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    float t = x * 1.44269504f;
    float whole = (t + shift) - shift;
    float r = (t - whole) * 0.693147181f;
    float p = 1.0f / 720.0f + r * (1.0f / 5040.0f);
    p = 1.0f / 120.0f + r * p;
    p = 1.0f / 24.0f + r * p;
    p = 1.0f / 6.0f + r * p;
    p = 0.5f + r * p;
    p = 1.0f + r * p;
    p = 1.0f + r * p;
    union {
        uint32_t bits;
        float value;
    } power = {.bits = (uint32_t)((int32_t)whole + 127) << 23};
    return p * power.value;
}

/* sin(pi x) for x in [0, 1], absolute error below 1e-6: the Taylor series of cos(pi (x - 1/2))
 * up to the 12th power, whose remainder is below 7e-9. */
static inline float rebias_synth_sine(float x)
{
    float v = 3.14159265f * (x - 0.5f);
    float q = v * v;
    float p = -1.0f / 3628800.0f + q * (1.0f / 479001600.0f);
    p = 1.0f / 40320.0f + q * p;
    p = -1.0f / 720.0f + q * p;
    p = 1.0f / 24.0f + q * p;
    p = -0.5f + q * p;
    return 1.0f + q * p;
}

#endif
