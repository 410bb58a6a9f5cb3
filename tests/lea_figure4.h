/* lea_figure4.h - the simulated mapping errors of Fig. 4b of Yousuf et al., Nat. Commun. 16,
 * 1250 (2025), and the same simulation here.
 *
 * Random ternary 784-150-10 with 17.6 % zeros; 233 and 133 uS, write error N(0, 16.66 uS),
 * every read +- 10 uS uniform, devices stuck at 10 or 500 uS. The paper places blocks blindly
 * on an array of 2500 x 2500; here each device draws its own state, as a blind place on so
 * large an array does.
 */
#ifndef REBIAS_TESTS_LEA_FIGURE4_H
#define REBIAS_TESTS_LEA_FIGURE4_H

#include "deploy_support.h"

enum { FIGURE4_STUCK = 6, FIGURE4_ALPHA = 6, FIGURE4_METHODS = 3 };
static const double figure4_stuck[FIGURE4_STUCK] = {0.0, 0.05, 0.1, 0.2, 0.4, 0.5};
static const char *const figure4_names[FIGURE4_METHODS] = {"LEA1", "CM", "MAO"};

static inline struct rebias_deploy_options figure4_options(enum rebias_deploy_method method,
                                                           size_t alpha, double stuck,
                                                           uint32_t cycle)
{
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.method = method;
    o.placement = REBIAS_PLACE_BLIND;
    o.alpha = o.beta = alpha;
    o.G_on = 233e-6;
    o.G_off = 133e-6;
    o.stuck.probability = stuck;
    o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 16.66e-6, 0, NULL};
    o.read_noise = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 10e-6, 0, NULL};
    o.batch = 100;
    o.seed = 4;
    o.replicate = cycle;
    return o;
}

/* Mean over layers and cycles, %. */
static inline double figure4_error(const struct rebias_weights_set *networks,
                                   enum rebias_deploy_method method, size_t alpha, double stuck,
                                   uint32_t cycles)
{
    double sum = 0.0;
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        const struct rebias_deploy_options o = figure4_options(method, alpha, stuck, cycle);
        struct rebias_deployment *d = NULL;
        struct rebias_error err = {0};
        support_expect(rebias_deploy(&d, networks, NULL, &o, &err), REBIAS_OK, &err, NULL);
        sum += rebias_deployment_mapping_error(d, 0) + rebias_deployment_mapping_error(d, 1);
        rebias_deployment_free(d);
    }
    return sum / (2.0 * (double)cycles);
}

/* Fact sheet's closed form for LEA with beta = alpha (CM: alpha 1): e^2 = (A - p^2)/alpha +
 * p^2, A = {2 [(1 - p) s2 + p (E + 100/3)] - 2 p^2 B}/[(1 - f0) 10^4], s2 = 16.66^2 + 100/3
 * uS^2, E = E[(stuck - target)^2] over both targets and stuck values, B = mean product of the
 * two deviations of a pair; the p^2 is the shrinkage of every weight by 1 - p. */
static inline double figure4_closed_form(double p, double alpha)
{
    const double f0 = 0.176;
    const double on = 0.5 * (1.0 - f0);
    const double read = 100.0 / 3.0;
    const double s2 = 16.66 * 16.66 + read;
    const double far_off =
        0.5 * ((10.0 - 133.0) * (10.0 - 133.0) + (500.0 - 133.0) * (500.0 - 133.0));
    const double far_on =
        0.5 * ((10.0 - 233.0) * (10.0 - 233.0) + (500.0 - 233.0) * (500.0 - 233.0));
    const double E = (1.0 - on) * far_off + on * far_on;
    const double B = f0 * 122.0 * 122.0 + (1.0 - f0) * 122.0 * 22.0;
    const double A =
        (2.0 * ((1.0 - p) * s2 + p * (E + read)) - 2.0 * p * p * B) / ((1.0 - f0) * 1e4);
    return 100.0 * sqrt((A - p * p) / alpha + p * p);
}

#endif
