/* synth_noise.c - synthetic ground truths whose jumps are not normal.
 * 1. parameters   2. coefficients   3. step   4. distribution   5. descriptor
 *
 * With x = (G - Gmin)/(Gmax - Gmin), m = 1 - x and s = 0.4,
 *     SET dG = scale J(x), RESET dG = -scale J(1 - x) (the mirror image), where J is, with Z
 *     standard normal,
 *
 *     0 skewed   m + s (exp(a Z) - exp(a^2/2))/sqrt(exp(2 a^2) - exp(a^2)), a = 1/2: a shifted
 *                lognormal, skewness 1.75
 *     1 bimodal  m + s (+-d + sqrt(1 - d^2) Z), d = 0.9, both signs with probability 1/2
 *     2 heavy    m + s Z/2 with probability 7/8, m + s 5 Z/2 with 1/8: kurtosis 14.8
 *     3 stuck    0 with probability 1/5, m + s Z with 4/5
 *
 * Mean m and sd s in the first three; mean 4 m/5 and variance 4 s^2/5 + 4 m^2/25 in the last.
 * One word a pulse: its first bits (bimodal 1, heavy 3), or its place below or above 2^32/5,
 * choose the component, the rest gives Z.
 */
#include "models.h"
#include "base/simd.h"
#include "synth.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* -- 1. parameters -- */

enum { P_GMIN, P_GMAX, P_SCALE, P_NOISE, P_COUNT };
enum { SKEWED, BIMODAL, HEAVY, STUCK };

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 2e-6, 0.0, 1.0, true, "lowest conductance"},
    {"Gmax", "S", 102e-6, 0.0, 1.0, true, "highest conductance"},
    {"scale", "S", 1e-6, 0.0, 1.0, true, "unit of the jump: the largest mean"},
    {"noise", "1", SKEWED, SKEWED, STUCK, false,
     "kind of distribution: 0 skewed, 1 bimodal, 2 heavy, 3 stuck"},
};

#define SD 0.4
#define LOG_SD 0.5                    /* a */
#define LOG_MEAN 1.1331484530668263   /* exp(a^2/2) */
#define LOG_SPREAD 0.6039005332108811 /* sqrt(exp(2 a^2) - exp(a^2)) */
#define MODE 0.9                      /* d */
#define MODE_SD 0.43588989435406736   /* sqrt(1 - d^2) */
#define NARROW 0.5                    /* sqrt((1 - 2.5^2/8)/(7/8)) = 1/2 */
#define WIDE 2.5
#define STUCK_BELOW 858993459u /* 2^32/5 */

/* -- 2. coefficients: the parameters themselves -- */

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    for (size_t p = 0; p < P_COUNT; p++) {
        coef[p] = values[p];
    }
    return rebias_synth_check_choice(params[P_NOISE].name, values[P_NOISE], err);
}

/* -- 3. step -- */

/* The words from which Z is made: what choosing the component leaves of each, stretched to 32
 * bits. */
REBIAS_SIMD static void synth_rest_of_words(int noise, size_t n, const uint32_t *word,
                                            uint32_t *rest)
{
    const uint32_t bits = noise == BIMODAL ? 1 : noise == HEAVY ? 3 : 0;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t above = word[i] - STUCK_BELOW; /* times 5/4 fills 0 .. 2^32 - 1 */
        rest[i] = noise == STUCK ? above + (above >> 2) : word[i] << bits;
    }
}

/* The standardised noise from z, in place. */
REBIAS_SIMD static void synth_shape_noise(int noise, size_t n, const uint32_t *word, float *z)
{
    if (noise == SKEWED) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            z[i] = (rebias_synth_exp((float)LOG_SD * z[i]) - (float)LOG_MEAN) *
                   (float)(1.0 / LOG_SPREAD);
        }
    } else if (noise == BIMODAL) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            z[i] = ((word[i] >> 31) != 0 ? (float)MODE : -(float)MODE) + (float)MODE_SD * z[i];
        }
    } else if (noise == HEAVY) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            z[i] *= (word[i] >> 29) == 0 ? (float)WIDE : (float)NARROW;
        }
    }
}

REBIAS_SIMD static void synth_noise_jump(const struct rebias_lanes *lanes, uint32_t stuck_below,
                                         const float *x, const float *z, float *G)
{
    const float *scale = lanes->coef[P_SCALE];
    const size_t stride = lanes->stride;
    const float sign = lanes->polarity == REBIAS_SET ? 1.0f : -1.0f;
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        float jump = sign * scale[i * stride] * (1.0f - x[i] + (float)SD * z[i]);
        G[i] += lanes->word[i] < stuck_below ? 0.0f : jump;
    }
}

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    const int noise = (int)device->values[P_NOISE];
    float x[REBIAS_LANES_MAX];
    float z[REBIAS_LANES_MAX];
    uint32_t rest[REBIAS_LANES_MAX];
    rebias_synth_positions(lanes, G, x);
    synth_rest_of_words(noise, lanes->n, lanes->word, rest);
    rebias_normal_quantiles(lanes->n, rest, z);
    synth_shape_noise(noise, lanes->n, lanes->word, z);
    synth_noise_jump(lanes, noise == STUCK ? STUCK_BELOW : 0, x, z, G);
}

/* -- 4. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const double m = 1.0 - rebias_synth_position(device, polarity, G);
    const double scale = device->coefs[P_SCALE];
    const double signed_scale = polarity == REBIAS_SET ? scale : -scale;
    if ((int)device->values[P_NOISE] == STUCK) {
        *mean = signed_scale * 0.8 * m;
        *sd = scale * sqrt(0.8 * SD * SD + 0.16 * m * m);
    } else {
        *mean = signed_scale * m;
        *sd = scale * SD;
    }
}

/* P(E <= e) of the standardised noise (stuck: of its normal part). */
static double noise_cdf(int noise, double e)
{
    switch (noise) {
    case SKEWED: {
        const double y = LOG_MEAN + LOG_SPREAD * e;
        return y > 0.0 ? gsl_cdf_ugaussian_P(log(y) / LOG_SD) : 0.0;
    }
    case BIMODAL:
        return 0.5 * gsl_cdf_ugaussian_P((e - MODE) / MODE_SD) +
               0.5 * gsl_cdf_ugaussian_P((e + MODE) / MODE_SD);
    case HEAVY:
        return 0.875 * gsl_cdf_ugaussian_P(e / NARROW) + 0.125 * gsl_cdf_ugaussian_P(e / WIDE);
    default:
        return gsl_cdf_ugaussian_P(e);
    }
}

static double cdf(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                  double dG)
{
    const int noise = (int)device->values[P_NOISE];
    const double m = 1.0 - rebias_synth_position(device, polarity, G);
    const double scale = device->coefs[P_SCALE];
    const bool set = polarity == REBIAS_SET;
    const double below = dG < 0.0 ? 0.0 : 1.0; /* of the point mass */
    double moving = below;
    if (scale > 0.0) {
        const double F = noise_cdf(noise, ((set ? dG : -dG) / scale - m) / SD);
        moving = set ? F : 1.0 - F;
    }
    return noise == STUCK ? 0.2 * below + 0.8 * moving : moving;
}

/* -- 5. descriptor -- */

const struct rebias_device_model rebias_synth_noise_model = {
    .name = "synth-noise",
    .doc = "synthetic jumps that are not normal: skewed, bimodal, heavy-tailed or often stuck",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = P_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = cdf,
    .gaussian = false,
};
