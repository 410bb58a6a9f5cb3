/* test_synth.c - synthetic ground truths: formulas, samples, names.
 * 1. helpers   2. formulas   3. samples   4. names
 */
#include "support.h"
#include "draws.h"
#include "rebias/base.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- 1. helpers -- */

static const char *const profiles[6] = {"constant",    "linear",    "quadratic",
                                        "exponential", "sigmoidal", "nonmonotone"};
static const char *const noises[4] = {"skewed", "bimodal", "heavy", "stuck"};
static const double Gmin = 2e-6, Gmax = 102e-6, scale = 1e-6;

/* The profiles as the model's source documents them. */
static double profile(size_t p, double x)
{
    const double b[6] = {0.5,
                         1.0 - x,
                         pow(1.0 - x, 2),
                         exp(-3.0 * x),
                         1.0 / (1.0 + exp(10.0 * (x - 0.5))),
                         sin(M_PI * x)};
    return b[p];
}

static struct rebias_device *gaussian_device(size_t mean, size_t sd)
{
    char name[64];
    snprintf(name, sizeof name, "synth:%s-%s", profiles[mean], profiles[sd]);
    return support_device(name);
}

static struct rebias_device *noise_device(size_t noise)
{
    char name[64];
    snprintf(name, sizeof name, "synth:%s", noises[noise]);
    return support_device(name);
}

/* -- 2. formulas -- */

static void test_gaussian_moments(void **state)
{
    (void)state;
    for (size_t k = 0; k < 36; k++) {
        struct rebias_device *device = gaussian_device(k / 6, k % 6);
        assert_true(device->model->gaussian);
        support_close(device->Gmin, Gmin, 1e-15, 0.0);
        support_close(device->Gmax, Gmax, 1e-15, 0.0);
        for (int i = 0; i <= 10; i++) {
            const double x = i / 10.0;
            const double G = Gmin + x * (Gmax - Gmin);
            double mean = 0.0;
            double sd = 0.0;
            device->model->moments(device, REBIAS_SET, G, &mean, &sd);
            support_close(mean / scale, profile(k / 6, x), 1e-12, 1e-12);
            support_close(sd / scale, 0.2 + 0.4 * profile(k % 6, x), 1e-12, 0.0);
            support_close(device->model->cdf(device, REBIAS_SET, G, mean + sd),
                          gsl_cdf_ugaussian_P(1.0), 1e-12, 0.0);
            device->model->moments(device, REBIAS_RESET, G, &mean, &sd);
            support_close(mean / scale, -profile(k / 6, 1.0 - x), 1e-12, 1e-12);
            support_close(sd / scale, 0.2 + 0.4 * profile(k % 6, 1.0 - x), 1e-12, 0.0);
        }
        rebias_device_free(device);
    }
}

/* What is integrated over dG: P(jump > dG), P(jump <= -dG), and dG times both. */
struct tail {
    const struct rebias_device *device;
    enum rebias_polarity polarity;
    double G;
    int moment; /* 1 or 2 */
};

/* E J = int_0^inf (1 - F(t) - F(-t)) dt, E J^2 = int_0^inf 2 t (1 - F(t) + F(-t)) dt, t and J
 * in units of the scale. */
static double tail_integrand(double t, void *context)
{
    const struct tail *tail = context;
    const struct rebias_device *d = tail->device;
    const double above = 1.0 - d->model->cdf(d, tail->polarity, tail->G, t * scale);
    const double below = d->model->cdf(d, tail->polarity, tail->G, -t * scale);
    return tail->moment == 1 ? above - below : 2.0 * t * (above + below);
}

/* The moments belong to the cdf: integrals of the cdf, to 1e-6. */
static void test_noise_moments(void **state)
{
    (void)state;
    gsl_integration_workspace *space = gsl_integration_workspace_alloc(1000);
    assert_non_null(space);
    for (size_t k = 0; k < 8; k++) {
        struct rebias_device *device = noise_device(k / 2);
        assert_false(device->model->gaussian);
        for (int i = 0; i <= 4; i++) {
            struct tail tail = {device, (enum rebias_polarity)(k % 2),
                                Gmin + 0.25 * i * (Gmax - Gmin), 1};
            gsl_function f = {tail_integrand, &tail};
            double first = 0.0;
            double second = 0.0;
            double error = 0.0;
            double mean = 0.0;
            double sd = 0.0;
            assert_int_equal(
                gsl_integration_qag(&f, 0.0, 40.0, 1e-9, 0.0, 1000, 6, space, &first, &error),
                0);
            tail.moment = 2;
            assert_int_equal(
                gsl_integration_qag(&f, 0.0, 40.0, 1e-9, 0.0, 1000, 6, space, &second, &error),
                0);
            device->model->moments(device, tail.polarity, tail.G, &mean, &sd);
            support_close(mean / scale, first, 0.0, 1e-6);
            support_close(sd * sd / scale / scale, second - first * first, 0.0, 1e-6);
        }
        rebias_device_free(device);
    }
    gsl_integration_workspace_free(space);
}

/* By hand at x = 0.25: m = 0.75 for SET, 0.25 for RESET; every fifth pulse does nothing. */
static void test_noise_by_hand(void **state)
{
    (void)state;
    const double G = Gmin + 0.25 * (Gmax - Gmin);
    double mean = 0.0;
    double sd = 0.0;
    struct rebias_device *device = noise_device(3);
    device->model->moments(device, REBIAS_SET, G, &mean, &sd);
    support_close(mean / scale, 0.6, 1e-12, 0.0);
    support_close(sd / scale, sqrt(0.8 * 0.16 + 0.16 * 0.5625), 1e-12, 0.0);
    const double jump = device->model->cdf(device, REBIAS_RESET, G, 0.0) -
                        device->model->cdf(device, REBIAS_RESET, G, -1e-20);
    support_close(jump, 0.2, 1e-9, 0.0);
    rebias_device_free(device);
    device = noise_device(0);
    device->model->moments(device, REBIAS_RESET, G, &mean, &sd);
    support_close(mean / scale, -0.25, 1e-12, 0.0);
    support_close(sd / scale, 0.4, 1e-12, 0.0);
    /* the median of a lognormal is its scale: e^0 = 1 */
    const double median = 0.25 + 0.4 * (1.0 - exp(0.125)) / sqrt(exp(0.5) - exp(0.25));
    support_close(device->model->cdf(device, REBIAS_RESET, G, -median * scale), 0.5, 1e-9, 0.0);
    rebias_device_free(device);
    device = noise_device(1); /* symmetric about the mean, with a valley there */
    support_close(device->model->cdf(device, REBIAS_SET, G, 0.75 * scale), 0.5, 1e-9, 0.0);
    support_close(device->model->cdf(device, REBIAS_SET, G, (0.75 + 0.4 * 0.9) * scale),
                  0.5 * 0.5 + 0.5 * gsl_cdf_ugaussian_P(1.8 / sqrt(0.19)), 1e-9, 0.0);
    rebias_device_free(device);
    device = noise_device(2); /* P(Z/2 > 5/2) = Q(5), P(5 Z/2 > 5/2) = Q(1) */
    support_close(1.0 - device->model->cdf(device, REBIAS_SET, G, (0.75 + 0.4 * 2.5) * scale),
                  0.875 * gsl_cdf_ugaussian_Q(5.0) + 0.125 * gsl_cdf_ugaussian_Q(1.0), 1e-9,
                  0.0);
    rebias_device_free(device);
}

/* -- 3. samples -- */

enum { DRAWS = 20000 };

static double uniform_cdf(const void *context, double u)
{
    (void)context;
    return fmin(fmax(u, 0.0), 1.0);
}

/* F(jump | G) is uniform when jumps follow F; at an atom F is drawn between its two sides.
 * False alarm: 1e-7 for each of the 80 distributions, 8e-6 for all (and the seed is fixed). */
static void check_samples(const struct rebias_device *device, enum rebias_polarity polarity,
                          uint32_t step)
{
    static float start[DRAWS], end[DRAWS];
    static double at[DRAWS], probability[DRAWS], uniform[DRAWS];
    static uint32_t word[DRAWS];
    const struct rebias_stream where = {5, REBIAS_FOR_TEST, 0, 1, step};
    const struct rebias_stream side = {5, REBIAS_FOR_TEST, 0, 2, step};
    rebias_random_uniform(&where, 0, DRAWS, at);
    rebias_random_uniform(&side, 0, DRAWS, uniform);
    draws_words(step, DRAWS, word);
    for (size_t i = 0; i < DRAWS; i++) {
        start[i] = (float)(Gmin + at[i] * (Gmax - Gmin));
        end[i] = start[i];
    }
    draws_step(device, polarity, DRAWS, word, end);
    for (size_t i = 0; i < DRAWS; i++) {
        const double G = (double)start[i];
        const double jump = (double)end[i] - G;
        const double upper = device->model->cdf(device, polarity, G, jump);
        const double lower = device->model->cdf(device, polarity, G, jump - 1e-20);
        probability[i] = lower + uniform[i] * (upper - lower);
        at[i] = (double)(i + 1) / DRAWS;
    }
    const double distance = draws_ks(DRAWS, probability, DRAWS, at, uniform_cdf, NULL);
    if (!(distance < draws_ks_bound(DRAWS, 1e-7))) {
        fail_msg("%s, polarity %d: KS %g", device->name, (int)polarity, distance);
    }
}

static void test_samples(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 40; k++) {
        struct rebias_device *device =
            k < 36 ? gaussian_device(k / 6, k % 6) : noise_device(k - 36);
        check_samples(device, REBIAS_SET, 2 * k);
        check_samples(device, REBIAS_RESET, 2 * k + 1);
        rebias_device_free(device);
    }
}

/* Devices with a scale each (stride 1), the same word and G: jumps are proportional to the
 * scales. */
static void test_spread(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct rebias_device *device =
            support_device(k == 0 ? "synth:sigmoidal-exponential" : "synth:skewed");
        float scales[3] = {1e-6f, 2e-6f, 4e-6f};
        float low[3] = {0.0f, 0.0f, 0.0f};
        float high[3] = {1e-4f, 1e-4f, 1e-4f};
        const float shape[3] = {4.0f, 4.0f, 4.0f};
        const float *coef[5] = {low, high, scales, shape, shape};
        const uint32_t word[3] = {3123456789u, 3123456789u, 3123456789u};
        const struct rebias_lanes lanes = {3, REBIAS_RESET, word, coef, 1};
        float G[3] = {5e-5f, 5e-5f, 5e-5f};
        device->model->step(device, &lanes, G);
        const double jump = (double)G[0] - (double)5e-5f;
        assert_true(fabs(jump) > 1e-8);
        support_close((double)G[1] - (double)5e-5f, 2.0 * jump, 0.0, 1e-11); /* rounding of G */
        support_close((double)G[2] - (double)5e-5f, 4.0 * jump, 0.0, 2e-11);
        rebias_device_free(device);
    }
}

/* -- 4. names -- */

/* All 40 are presets with a line of documentation, and a name may be followed by parameters. */
static void test_names(void **state)
{
    (void)state;
    size_t found = 0;
    for (size_t i = 0; i < rebias_preset_count; i++) {
        if (strncmp(rebias_presets[i].name, "synth:", 6) == 0) {
            found++;
            assert_non_null(strstr(rebias_presets[i].doc, "synthetic ground truth"));
        }
    }
    assert_int_equal(found, 40);
    struct rebias_device *device = support_device("synth:linear-constant:Gmin=1e-6,scale=3e-6");
    support_close(device->Gmin, 1e-6, 1e-15, 0.0);
    double mean = 0.0;
    double sd = 0.0;
    device->model->moments(device, REBIAS_SET, 1e-6, &mean, &sd);
    support_close(mean, 3e-6, 1e-12, 0.0);
    support_close(sd, 3e-6 * 0.4, 1e-12, 0.0);
    assert_string_equal(device->name, "synth:linear-constant:Gmin=1e-6,scale=3e-6");
    rebias_device_free(device);
    device = support_device("synth:mean=5,sd=3,Gmax_d2d=1e-6"); /* by the model's parameters */
    device->model->moments(device, REBIAS_SET, 52e-6, &mean, &sd);
    support_close(mean / scale, 1.0, 1e-12, 0.0);
    support_close(sd / scale, 0.2 + 0.4 * exp(-1.5), 1e-12, 0.0);
    assert_true(rebias_device_has_spread(device));
    rebias_device_free(device);
    device = support_device("synth:stuck:Gmax=2e-4");
    support_close(device->Gmax, 2e-4, 1e-15, 0.0);
    rebias_device_free(device);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int status;
        const char *text;
    } rows[] = {
        {"synth:linear-cubic", REBIAS_E_NAME,
         "unknown device: 'synth:linear-cubic' (expected a name that `rebias device list`"},
        {"synth:linear", REBIAS_E_NAME, "unknown device: 'synth:linear'"},
        {"synth:linear-cubic:Gmin=1e-6", REBIAS_E_NAME,
         "unknown device: 'synth:linear-cubic:Gmin=1e-6'"},
        {"synth:linear-constantx", REBIAS_E_NAME, "unknown device: 'synth:linear-constantx'"},
        {"nosuch:linear", REBIAS_E_NAME, "unknown device: 'nosuch'"},
        {"tiox-1.5V:word", REBIAS_E_NAME, "device parameter without a value: 'word'"},
        {"synth:mean=1.5", REBIAS_E_RANGE,
         "parameter mean is the number of a choice: '1.5' (expected a whole number)"},
        {"synth:sd=0.5", REBIAS_E_RANGE, "parameter sd is the number of a choice: '0.5'"},
        {"synth-noise:noise=0.5", REBIAS_E_RANGE, "parameter noise is the number of a choice"},
        {"synth:mean=6", REBIAS_E_RANGE, "parameter mean is outside its range: '6'"},
        {"synth:linear-constant:mean_d2d=1", REBIAS_E_NAME,
         "parameter mean of model synth has no device-to-device spread"},
        {"synth:linear-constant:Gmin=1", REBIAS_E_RANGE, "is empty"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct rebias_error err = {0};
        struct rebias_device *device = NULL;
        support_expect(rebias_device_new(&device, rows[r].spec, &err), rows[r].status, &err,
                       rows[r].text);
        assert_null(device);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian_moments), cmocka_unit_test(test_noise_moments),
        cmocka_unit_test(test_noise_by_hand),    cmocka_unit_test(test_samples),
        cmocka_unit_test(test_spread),           cmocka_unit_test(test_names),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
