/* test_devmodel.c - device models: their equations, presets, loops, and specifications.
 * 1. helpers   2. analytical   3. presets   4. loops against moments and equations   5.
 * specifications Arrays of devices: test_devices.c; synthetic pulse data: test_synthesize.c.
 */
#include "draws.h"
#include "rebias/metrics.h"
#include "support.h"
#include <string.h>

/* -- 1. helpers -- */

static const double nS = 1e-9;
static const double uS = 1e-6;
static const char ag_asi[] =
    "analytical:Gmin=3e-9,Gmax=38e-9,levels_set=500,levels_reset=500,nl_set=2.4,"
    "nl_reset=-4.88,c2c=0";

static double mean_at(const struct rebias_device *device, enum rebias_polarity polarity,
                      double G)
{
    double mean = 0.0;
    double sd = 0.0;
    device->model->moments(device, polarity, G, &mean, &sd);
    return mean;
}

/* d(dG)/dG of a straight mean profile. */
static double slope_of(const struct rebias_device *device, enum rebias_polarity polarity)
{
    return (mean_at(device, polarity, device->Gmax) - mean_at(device, polarity, device->Gmin)) /
           (device->Gmax - device->Gmin);
}

/* -- 2. analytical -- */

/* Ag:a-Si with 500 levels: A = 249.5905 and -100.1515 pulses, B = 40.45737 and -0.2392428 nS.
 * From MLP+NeuroSim's equations: the slope is -(1 - exp(-+1/A)), the jump from Gmin is B times
 * its modulus. */
static void test_analytical_coefficients(void **state)
{
    (void)state;
    struct rebias_device *device = support_device(ag_asi);
    const double A[2] = {249.5905, -100.1515};
    const double B[2] = {40.45737 * nS, -0.2392428 * nS};
    for (int p = 0; p < 2; p++) {
        const double direction = p == REBIAS_SET ? 1.0 : -1.0;
        const double slope = slope_of(device, (enum rebias_polarity)p);
        const double first = mean_at(device, (enum rebias_polarity)p, device->Gmin);
        /* the published A come from a table of six digits whose own error is 2.1e-5 */
        support_close(-direction / log1p(slope), A[p], 2.5e-5, 0.0);
        support_close(first / -slope, B[p], 6e-5, 0.0);
        support_close(B[p] * -expm1(-direction / A[p]), first, 1e-4, 0.0);
    }
    rebias_device_free(device);
}

/* Jumps of one pulse in nS: the same equations with A and B as above; last digits follow A's
 * 2e-5. */
static void test_analytical_single_pulse(void **state)
{
    (void)state;
    static const double G[3] = {3.0, 20.5, 38.0};
    static const double dG[2][3] = {{0.161771, 0.091796, 0.021822},
                                    {-0.002377, -0.176243, -0.350109}};
    struct rebias_device *device = support_device(ag_asi);
    for (int p = 0; p < 2; p++) {
        for (int i = 0; i < 3; i++) {
            support_close(mean_at(device, (enum rebias_polarity)p, G[i] * nS) / nS, dG[p][i],
                          2.5e-5, 6e-7);
        }
    }
    rebias_device_free(device);
}

/* Normalised A at the five labels that NeuroSim's table is quoted for; 100 levels, so that A =
 * 100 times it and 1 - exp(-1/A) keeps its digits also at label 9. */
static void test_analytical_labels(void **state)
{
    (void)state;
    static const struct {
        double label;
        double A;
    } rows[] = {{0.01, 126.268958},
                {1.00, 1.251653},
                {2.40, 0.499181},
                {4.88, 0.200303},
                {9.00, 0.02281}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char spec[128];
        snprintf(spec, sizeof spec,
                 "analytical:levels_set=100,levels_reset=100,nl_set=%g,nl_reset=%g",
                 rows[i].label, -rows[i].label);
        struct rebias_device *device = support_device(spec);
        /* 2.1e-5 relative and half of the sixth decimal: the table's rounding */
        support_close(-0.01 / log1p(slope_of(device, REBIAS_SET)), rows[i].A, 2.1e-5, 5e-7);
        support_close(-0.01 / log1p(slope_of(device, REBIAS_RESET)), rows[i].A, 2.1e-5, 5e-7);
        rebias_device_free(device);
    }
}

/* Property that defines the label: the curve's largest distance from the diagonal, on a fine
 * grid of the closed form, is 0.07 |NL| (perpendicular). */
static void test_analytical_label_definition(void **state)
{
    (void)state;
    static const double labels[] = {0.002, 0.3, 1.7, 5.5, 8.9};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "analytical:levels_set=1000,nl_set=%g", labels[i]);
        struct rebias_device *device = support_device(spec);
        const double A = -1e-3 / log1p(slope_of(device, REBIAS_SET));
        double largest = 0.0;
        for (int k = 0; k <= 100000; k++) {
            double x = k / 1e5;
            largest = fmax(largest, (expm1(-x / A) / expm1(-1.0 / A) - x) / M_SQRT2);
        }
        support_close(largest, 0.07 * labels[i], 1e-5, 0.0);
        rebias_device_free(device);
    }
}

/* From exponential to straight: label 0 is exactly range/levels, tiny labels tend to it, and
 * the series used below 0.07 sqrt(2) NL = 1e-4 (NL = 0.00101015) joins the root finder: A times
 * the label varies by its next term only, of relative order 1/A^2 = 6e-7. */
static void test_analytical_straight(void **state)
{
    (void)state;
    struct rebias_device *device =
        support_device("analytical:Gmin=0,Gmax=1e-6,levels_set=50,nl_set=0,nl_reset=0");
    for (int i = 0; i <= 10; i++) {
        support_close(mean_at(device, REBIAS_SET, i * 1e-7), 1e-6 / 50, 1e-15, 0.0);
        support_close(mean_at(device, REBIAS_RESET, i * 1e-7), -1e-6 / 100, 1e-15, 0.0);
    }
    rebias_device_free(device);
    static const double labels[] = {1e-6, 5e-4, 0.0010101, 0.0010102, 0.002};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        char spec[128];
        snprintf(spec, sizeof spec, "analytical:Gmin=0,Gmax=1e-6,levels_set=1,nl_set=%.8g",
                 labels[i]);
        device = support_device(spec);
        support_close(-1.0 / log1p(slope_of(device, REBIAS_SET)) * labels[i],
                      1.0 / (8 * 0.07 * M_SQRT2), 2e-6, 0.0);
        support_close(mean_at(device, REBIAS_SET, 0.0), 1e-6, 1e-9, 0.0);
        rebias_device_free(device);
    }
}

/* Any device of the model needs `levels` noiseless pulses for its range, by the definition of
 * B. */
static void test_analytical_levels(void **state)
{
    (void)state;
    struct rebias_device *device =
        support_device("analytical:levels_set=97,levels_reset=100,c2c=0");
    double G = device->Gmin;
    for (int i = 0; i < 97; i++) {
        G += mean_at(device, REBIAS_SET, G);
    }
    support_close(G, device->Gmax, 1e-12, 0.0);
    for (int i = 0; i < 100; i++) {
        G += mean_at(device, REBIAS_RESET, G);
    }
    support_close(G, device->Gmin, 1e-12, 0.0);
    rebias_device_free(device);
}

/* -- 3. presets -- */

/* mean/sd (uS) at 5, 10, ... 30 uS as printed for the measured tables; two digits. */
static void test_tiox_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        enum rebias_polarity polarity;
        double mean[6];
        double sd[6];
    } rows[] = {
        {"tiox-1.35V",
         REBIAS_SET,
         {0.00, -0.05, -0.10, -0.16, -0.21, -0.27},
         {1.50, 1.38, 1.27, 1.15, 1.03, 1.00}},
        {"tiox-1.35V",
         REBIAS_RESET,
         {-0.01, -0.01, -0.09, -0.27, -0.53, -0.87},
         {1.00, 1.00, 1.35, 1.71, 1.90, 1.92}},
        {"tiox-1.5V",
         REBIAS_SET,
         {3.11, 2.34, 1.58, 0.81, 0.05, -0.72},
         {4.96, 4.01, 3.05, 2.09, 1.13, 1.00}},
        {"tiox-1.5V",
         REBIAS_RESET,
         {0.35, 0.03, -0.57, -1.47, -2.66, -4.14},
         {1.00, 1.00, 1.85, 2.73, 3.58, 4.41}},
        {"tiox-1.8V",
         REBIAS_SET,
         {14.13, 10.68, 7.23, 3.78, 0.33, -3.12},
         {7.79, 6.58, 5.37, 4.16, 2.95, 1.73}},
        {"tiox-1.8V",
         REBIAS_RESET,
         {0.38, -1.05, -3.18, -6.02, -9.56, -13.80},
         {1.00, 2.04, 3.25, 4.38, 5.43, 6.39}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct rebias_device *device = support_device(rows[r].preset);
        assert_true(device->Gmin == 5e-6 && device->Gmax == 30e-6);
        for (int i = 0; i < 6; i++) {
            double mean = 0.0;
            double sd = 0.0;
            device->model->moments(device, rows[r].polarity, 5.0 * (i + 1) * uS, &mean, &sd);
            support_close(mean / uS, rows[r].mean[i], 0.0, 0.005 + 1e-6);
            support_close(sd / uS, rows[r].sd[i], 0.0, 0.005 + 1e-6);
        }
        rebias_device_free(device);
    }
}

/* Synthetic target: mu_SET = 0.173202952 - 0.003979018 G, mu_RESET = 0.027108915 - 0.009830111
 * G, sd 1.2 (nS). */
static void test_synthetic_profile(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("synthetic-lc");
    for (int i = 0; i <= 35; i++) {
        const double G = 3.0 + i;
        double mean = 0.0;
        double sd = 0.0;
        device->model->moments(device, REBIAS_SET, G * nS, &mean, &sd);
        support_close(mean / nS, 0.173202952 - 0.003979018 * G, 0.0, 1e-12);
        support_close(sd / nS, 1.2, 1e-15, 0.0);
        device->model->moments(device, REBIAS_RESET, G * nS, &mean, &sd);
        support_close(mean / nS, 0.027108915 - 0.009830111 * G, 0.0, 1e-12);
        support_close(sd / nS, 1.2, 1e-15, 0.0);
    }
    rebias_device_free(device);
}

/* Every preset opens, is Gaussian and documented; typical pulse of the ideal device =
 * range/levels. */
static void test_presets_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < rebias_preset_count; i++) {
        struct rebias_device *device = support_device(rebias_presets[i].name);
        assert_true(device->model->gaussian || strcmp(device->model->name, "synth-noise") == 0);
        assert_string_equal(device->name, rebias_presets[i].name);
        assert_false(rebias_device_has_spread(device));
        assert_true(strlen(rebias_presets[i].doc) > 10);
        rebias_device_free(device);
    }
    struct rebias_device *ideal = support_device("ideal");
    support_close(rebias_device_pulse_size(ideal), 35e-9 / 500, 1e-12, 0.0);
    support_close(mean_at(ideal, REBIAS_SET, 1e-8), 35e-9 / 500, 1e-12, 0.0);
    support_close(mean_at(ideal, REBIAS_RESET, 1e-8), -35e-9 / 500, 1e-12, 0.0);
    rebias_device_free(ideal);
    /* |mu| of the synthetic target averages to the middle of the straight SET line (always >
     * 0), and for RESET, which is positive below 2.7577 nS only, outside the range, to minus
     * the middle of its line: at G = 20.5 nS. */
    struct rebias_device *lc = support_device("synthetic-lc");
    support_close(rebias_device_pulse_size(lc) / nS,
                  0.5 * (0.173202952 - 0.003979018 * 20.5 - 0.027108915 + 0.009830111 * 20.5),
                  1e-9, 0.0);
    rebias_device_free(lc);
}

/* The published recursion on the noiseless synthetic target: 500 SET pulses take 3.00 to 38.01
 * nS, 500 RESET pulses 38 to 3.01 nS; closed form of the linear recursion: G* + (G0 - G*)(1 +
 * slope)^500. */
static void test_published_recursion(void **state)
{
    (void)state;
    struct rebias_device *device =
        support_device("synthetic-lc:set_sd0=0,reset_sd0=0,Gmax=40e-9");
    const struct rebias_stream stream = {1, REBIAS_FOR_TEST, 0, 0, 0};
    struct rebias_devices *devices = NULL;
    assert_int_equal(rebias_devices_new(&devices, device, 2, &stream, NULL), REBIAS_OK);
    float G[2] = {3e-9f, 38e-9f};
    const int16_t count[2] = {500, -500};
    rebias_devices_pulse(devices, G, count, &stream);
    support_close((double)G[0] / nS, 38.01, 0.0, 0.005);
    support_close((double)G[1] / nS, 3.01, 0.0, 0.005);
    const double top = 0.173202952 / 0.003979018;
    const double bottom = 0.027108915 / 0.009830111;
    support_close((double)G[0] / nS, top + (3.0 - top) * pow(1.0 - 0.003979018, 500), 2e-5,
                  0.0);
    support_close((double)G[1] / nS, bottom + (38.0 - bottom) * pow(1.0 - 0.009830111, 500),
                  2e-5, 0.0);
    rebias_devices_free(devices);
    rebias_device_free(device);
}

/* -- 4. loops against moments and equations -- */

/* One of each model and shape of profile, with a G inside its range. */
static const struct {
    const char *spec;
    double G;
} samples[] = {
    {"ag-asi", 3e-9},
    {"ag-asi", 31e-9},
    {"synthetic-lc", 20e-9},
    {"tiox-1.35V", 29e-6},
    {"tiox-1.5V", 12e-6},
    {"tiox-1.8V", 5e-6},
    {"tiox-1.8V", 28e-6},
    {"ideal", 20e-9},
    {"ideal:Gmin=0,Gmax=1e-6,levels=32", 4e-7},
    {"analytical:nl_set=-3,nl_reset=2,c2c=0.01", 10e-9},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* Mean and sd of 1e6 jumps within 5 standard errors; one of the 32 two-sided checks of right
 * loops alarms with probability 2e-5. The words are fixed, so the outcome is too. Float
 * differences add at most 1e-7 G. */
static void test_loops_against_moments(void **state)
{
    (void)state;
    enum { N = 1000000 };
    double *jump = malloc(N * sizeof *jump);
    assert_non_null(jump);
    for (size_t s = 0; s < SAMPLES; s++) {
        struct rebias_device *device = support_device(samples[s].spec);
        for (int p = 0; p < 2; p++) {
            const float G = (float)samples[s].G;
            double mean = 0.0;
            double sd = 0.0;
            double drawn_mean = 0.0;
            double drawn_sd = 0.0;
            device->model->moments(device, (enum rebias_polarity)p, (double)G, &mean, &sd);
            draws_jumps(device, (enum rebias_polarity)p, G, (uint32_t)(2 * s) + (uint32_t)p, N,
                        jump);
            rebias_mean_sd(N, jump, &drawn_mean, &drawn_sd);
            support_close(drawn_mean, mean, 0.0, 5.0 * sd / sqrt(N) + 1e-7 * samples[s].G);
            support_close(drawn_sd, sd, 5.0 / sqrt(2.0 * N), 1e-7 * samples[s].G);
        }
        rebias_device_free(device);
    }
    free(jump);
}

/* Coefficients of n devices; all parameters of device i are 1 + (i mod 17)/1000 times the given
 * device's. */
static void vary(const struct rebias_device *device, size_t n, float *storage)
{
    double values[REBIAS_MAX_COEFS];
    double coef[REBIAS_MAX_COEFS];
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < device->model->param_count; p++) {
            values[p] = device->values[p] * (1.0 + 1e-3 * (double)(i % 17));
        }
        assert_int_equal(device->model->derive(values, coef, NULL), REBIAS_OK);
        for (size_t k = 0; k < device->model->coef_count; k++) {
            storage[k * n + i] = (float)coef[k];
        }
    }
}

/* G + mean + sd z for a device with all parameters `factor` times the given one's. */
static double expected_end(const struct rebias_device *device, double factor,
                           enum rebias_polarity polarity, double G, double z)
{
    struct rebias_device *own = NULL;
    double values[REBIAS_MAX_COEFS];
    double mean = 0.0;
    double sd = 0.0;
    for (size_t p = 0; p < device->model->param_count; p++) {
        values[p] = device->values[p] * factor;
    }
    assert_int_equal(rebias_device_build(&own, device->model, "own", values, NULL, NULL, NULL),
                     REBIAS_OK);
    own->model->moments(own, polarity, G, &mean, &sd);
    rebias_device_free(own);
    return G + mean + sd * z;
}

/* Each lane = G + mean(G) + sd(G) z with z from rebias_normal_quantiles, to float accuracy of
 * the terms. */
static void check_equation(const struct rebias_device *device, enum rebias_polarity polarity,
                           size_t stride)
{
    enum { N = 257 };
    static float storage[REBIAS_MAX_COEFS * N];
    const float *coef[REBIAS_MAX_COEFS];
    uint32_t word[N];
    float z[N];
    float G[N];
    float start[N];
    vary(device, N, storage);
    draws_words(100, N, word);
    rebias_normal_quantiles(N, word, z);
    for (size_t k = 0; k < device->model->coef_count; k++) {
        coef[k] = storage + k * N;
    }
    for (size_t i = 0; i < N; i++) {
        start[i] = (float)(device->Gmin + (device->Gmax - device->Gmin) * (double)i / (N - 1));
        G[i] = start[i];
    }
    const struct rebias_lanes lanes = {N, polarity, word, coef, stride};
    device->model->step(device, &lanes, G);
    for (size_t i = 0; i < N; i++) {
        const double factor = 1.0 + 1e-3 * (double)(i * stride % 17);
        const double end =
            expected_end(device, factor, polarity, (double)start[i], (double)z[i]);
        support_close((double)G[i], end, 0.0, 5e-7 * device->Gmax);
    }
}

static void test_loops_against_equations(void **state)
{
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct rebias_device *device = support_device(samples[s].spec);
        for (int p = 0; p < 2; p++) {
            check_equation(device, (enum rebias_polarity)p, 0);
            check_equation(device, (enum rebias_polarity)p, 1);
        }
        rebias_device_free(device);
    }
}

/* cdf = normal distribution function with the moments: 0.5 erfc(-x/sqrt 2); a step for sd = 0.
 */
static void test_distribution_functions(void **state)
{
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct rebias_device *device = support_device(samples[s].spec);
        double mean = 0.0;
        double sd = 0.0;
        device->model->moments(device, REBIAS_RESET, samples[s].G, &mean, &sd);
        for (int k = -4; k <= 4 && sd > 0.0; k++) {
            const double F =
                device->model->cdf(device, REBIAS_RESET, samples[s].G, mean + 0.7 * k * sd);
            support_close(F, 0.5 * erfc(-0.7 * k / M_SQRT2), 1e-9, 1e-12);
        }
        if (!(sd > 0.0)) {
            assert_true(device->model->cdf(device, REBIAS_RESET, samples[s].G, mean - 1e-12) ==
                        0.0);
            assert_true(device->model->cdf(device, REBIAS_RESET, samples[s].G, mean) == 1.0);
        }
        rebias_device_free(device);
    }
}

/* -- 5. specifications -- */

static void test_specification_values(void **state)
{
    (void)state;
    struct rebias_device *device =
        support_device("synthetic-lc:set_sd0=0.3e-9,Gmax=5.e-8,reset_mean0_d2d=1e-10");
    double mean = 0.0;
    double sd = 0.0;
    device->model->moments(device, REBIAS_SET, 1e-8, &mean, &sd);
    support_close(sd, 0.3e-9, 1e-15, 0.0);
    support_close(mean / nS, 0.173202952 - 0.03979018, 1e-9, 0.0);
    assert_true(device->Gmax == 5e-8 && device->Gmin == 3e-9);
    assert_true(rebias_device_has_spread(device));
    rebias_device_free(device);
    device = support_device("ideal:"); /* defaults, as the model's rows state them */
    assert_true(device->Gmin == 3e-9 && device->Gmax == 38e-9);
    rebias_device_free(device);
    rebias_device_free(NULL);
    assert_null(rebias_device_model_find("table"));
    assert_string_equal(rebias_device_model_find("gaussian")->name, "gaussian");
}

static void test_specification_errors(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int status;
        const char *text;
    } rows[] = {
        {"", REBIAS_E_NAME,
         "unknown device (expected a name that `rebias device list` shows, or a table file)"},
        {"memristor", REBIAS_E_NAME, "unknown device: 'memristor' (expected a name"},
        {"tiox-1.65V:Gmin=1e-6", REBIAS_E_NAME, "unknown device: 'tiox-1.65V'"},
        {"ideal:step=1e-9", REBIAS_E_NAME,
         "model ideal has no such parameter: 'step' (expected one of those that `rebias device "
         "show ideal` lists)"},
        {"synthetic-lc:nl_set=1", REBIAS_E_NAME,
         "model gaussian has no such parameter: 'nl_set'"},
        {"ideal:step_d2d=1", REBIAS_E_NAME, "model ideal has no such parameter: 'step_d2d'"},
        {"ideal:_d2d=1", REBIAS_E_NAME, "model ideal has no such parameter: '_d2d'"},
        {"ideal:levels=0.5", REBIAS_E_RANGE,
         "parameter levels is outside its range: '0.5' (expected 1 to 1e+09)"},
        {"ideal:Gmax=-1e-9", REBIAS_E_RANGE,
         "parameter Gmax is outside its range: '-1e-09' (expected 0 to 1 S)"},
        {"analytical:nl_set=9.1", REBIAS_E_RANGE,
         "parameter nl_set is outside its range: '9.1' (expected -9 to 9)"},
        {"ideal:levels=many", REBIAS_E_RANGE,
         "parameter levels has no number: 'many' (expected a number)"},
        {"ideal:levels=", REBIAS_E_RANGE, "parameter levels has no number (expected a number)"},
        {"ideal:levels=nan", REBIAS_E_RANGE,
         "parameter levels has no number: 'nan' (expected a number)"},
        {"ideal:levels=1e999", REBIAS_E_RANGE, "parameter levels has no number: '1e999'"},
        {"ideal:levels", REBIAS_E_NAME,
         "device parameter without a value: 'levels' (expected param=value)"},
        {"ideal:levels=9,Gmin", REBIAS_E_NAME,
         "device parameter without a value: 'Gmin' (expected param=value)"},
        {"analytical:levels_set_d2d=3", REBIAS_E_NAME,
         "parameter levels_set of model analytical has no device-to-device spread: "
         "'levels_set_d2d'"},
        {"ideal:Gmax_d2d=-1e-9", REBIAS_E_RANGE,
         "Gmax_d2d is outside its range: '-1e-09' (expected a standard deviation, 0 or more)"},
        {"ideal:Gmin=2e-8,Gmax=1e-8", REBIAS_E_RANGE,
         "ideal:Gmin=2e-8,Gmax=1e-8: the range Gmin = 2e-08 S to Gmax = 1e-08 S is empty"},
        {"gaussian:Gmin=1e-8,Gmax=1e-8", REBIAS_E_RANGE,
         "the range Gmin = 1e-08 S to Gmax = 1e-08 S is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_device *device = (struct rebias_device *)&state;
        struct rebias_error err = {0};
        support_expect(rebias_device_new(&device, rows[i].spec, &err), rows[i].status, &err,
                       rows[i].text);
        assert_null(device);
    }
}

static void test_long_specifications(void **state)
{
    (void)state;
    char spec[4096];
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    memset(spec, 'x', sizeof spec - 1);
    spec[sizeof spec - 1] = '\0';
    support_expect(rebias_device_new(&device, spec, &err), REBIAS_E_NAME, &err,
                   "unknown device: 'xxxx");
    assert_null(device);
    memcpy(spec, "ideal:levels=1", 14);
    memset(spec + 14, '0', sizeof spec - 15);
    support_expect(rebias_device_new(&device, spec, &err), REBIAS_E_NAME, &err,
                   "device specification is longer than 2047 characters");
    assert_null(device);
}

/* What a caller may hand to rebias_device_build directly. */
static void test_build_errors(void **state)
{
    (void)state;
    const struct rebias_device_model *model = rebias_device_model_find("analytical");
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    double values[7] = {3e-9, 38e-9, 500, 500, 2.4, -4.88, 0.035};
    double spreads[7] = {0};
    static const struct {
        size_t row;
        double spread;
        const char *text;
    } rows[] = {
        {0, -1e-9,
         "Gmin_d2d is outside its range: '-1e-09' (expected a standard deviation, 0 or more)"},
        {5, NAN, "nl_reset_d2d is outside its range: 'nan'"},
        {5, INFINITY, "nl_reset_d2d is outside its range: 'inf'"},
        {2, 1.0, "parameter levels_set of model analytical has no device-to-device spread"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spreads[rows[i].row] = rows[i].spread;
        const int status =
            rebias_device_build(&device, model, "x", values, spreads, NULL, &err);
        support_expect(status, i == 3 ? REBIAS_E_NAME : REBIAS_E_RANGE, &err, rows[i].text);
        assert_null(device);
        spreads[rows[i].row] = 0.0;
    }
    values[6] = NAN;
    support_expect(rebias_device_build(&device, model, "x", values, spreads, NULL, &err),
                   REBIAS_E_RANGE, &err,
                   "parameter c2c is outside its range: 'nan' (expected 0 to 1)");
    assert_null(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_analytical_coefficients),
        cmocka_unit_test(test_analytical_single_pulse),
        cmocka_unit_test(test_analytical_labels),
        cmocka_unit_test(test_analytical_label_definition),
        cmocka_unit_test(test_analytical_straight),
        cmocka_unit_test(test_analytical_levels),
        cmocka_unit_test(test_tiox_profiles),
        cmocka_unit_test(test_synthetic_profile),
        cmocka_unit_test(test_presets_open),
        cmocka_unit_test(test_published_recursion),
        cmocka_unit_test(test_loops_against_moments),
        cmocka_unit_test(test_loops_against_equations),
        cmocka_unit_test(test_distribution_functions),
        cmocka_unit_test(test_specification_values),
        cmocka_unit_test(test_specification_errors),
        cmocka_unit_test(test_long_specifications),
        cmocka_unit_test(test_build_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
