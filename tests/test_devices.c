/* test_devices.c - arrays of devices: clamping, pulses one after another, forms of pulsing,
 * device-to-device spread.
 * 1. helpers   2. pulses   3. the three forms   4. spread   5. errors
 */
#include "draws.h"
#include "rebias/metrics.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <string.h>

/* -- 1. helpers -- */

static const double five = 5.0; /* standard errors: a right program fails a check with
                                   probability 6e-7, once for all as the streams are fixed */

static struct rebias_stream stream_of(uint32_t purpose, uint32_t entity)
{
    return (struct rebias_stream){7, purpose, 0, entity, 0};
}

/* An array of n devices and the device behind it. */
struct array {
    struct rebias_device *device;
    struct rebias_devices *devices;
    float *G;
    size_t n;
};

static struct array array_of(const char *spec, size_t n, uint32_t entity)
{
    struct array a = {NULL, NULL, NULL, n};
    struct rebias_error err = {0};
    const struct rebias_stream stream = stream_of(REBIAS_FOR_SPREAD, entity);
    support_expect(rebias_device_new(&a.device, spec, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_devices_new(&a.devices, a.device, n, &stream, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_alloc(&a.G, n, sizeof *a.G, &err), REBIAS_OK, &err, NULL);
    return a;
}

static void array_free(struct array *a)
{
    rebias_devices_free(a->devices);
    rebias_device_free(a->device);
    free(a->G);
}

static void set_all(struct array *a, float G)
{
    for (size_t i = 0; i < a->n; i++) {
        a->G[i] = G;
    }
}

static void mean_sd(const struct array *a, double *mean, double *sd)
{
    double *x = malloc(a->n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < a->n; i++) {
        x[i] = (double)a->G[i];
    }
    rebias_mean_sd(a->n, x, mean, sd);
    free(x);
}

/* -- 2. pulses -- */

/* The clamped fraction is the distribution function at the rail, and nothing leaves the range.
 */
static void test_clamping(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct array a = array_of("synthetic-lc", N, 0);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 0);
    const float low = (float)a.device->Gmin;
    set_all(&a, 4e-9f);
    rebias_devices_pulse_all(a.devices, REBIAS_RESET, a.G, &stream);
    size_t on_rail = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(a.G[i] >= low);
        on_rail += a.G[i] == low;
    }
    const double p = a.device->model->cdf(a.device, REBIAS_RESET, 4e-9, -1e-9);
    support_close((double)on_rail / N, p, 0.0, five * sqrt(p * (1.0 - p) / N));
    set_all(&a, 38e-9f);
    rebias_devices_pulse_all(a.devices, REBIAS_SET, a.G, &stream);
    for (size_t i = 0; i < N; i++) {
        assert_true(a.G[i] <= (float)a.device->Gmax);
    }
    array_free(&a);
}

/* With a spread of the ends every device has its own rails. */
static void test_clamping_to_own_range(void **state)
{
    (void)state;
    enum { N = 3001 };
    struct array a = array_of("synthetic-lc:Gmin_d2d=0.5e-9,Gmax_d2d=2e-9", N, 0);
    int16_t count[N];
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 1);
    for (int direction = -1; direction <= 1; direction += 2) {
        size_t on_rail = 0;
        set_all(&a, 20e-9f);
        for (size_t i = 0; i < N; i++) {
            count[i] = (int16_t)(direction * 900);
        }
        rebias_devices_pulse(a.devices, a.G, count, &stream);
        for (size_t i = 0; i < N; i++) {
            float low = 0.0f;
            float high = 0.0f;
            rebias_devices_range(a.devices, i, &low, &high);
            assert_true(a.G[i] >= low && a.G[i] <= high);
            on_rail += a.G[i] == low || a.G[i] == high;
        }
        assert_true(on_rail > 10); /* the check above has met the rails */
    }
    array_free(&a);
}

/* n pulses are n fresh draws: with a constant mean m and sd s far from the rails, mean n m and
 * variance n s^2 (s^2 n^2, if all drew the same; s^2, if only the last counted). */
static void test_variance_adds(void **state)
{
    (void)state;
    enum { N = 200000, PULSES = 16 };
    struct array a =
        array_of("gaussian:Gmin=0,Gmax=1e-3,set_mean0=2e-7,set_sd0=1e-6,reset_mean0=-3e-7,"
                 "reset_sd0=2e-6",
                 N, 0);
    int16_t *count = malloc(N * sizeof *count);
    assert_non_null(count);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 2);
    const double m[2] = {2e-7, -3e-7};
    const double s[2] = {1e-6, 2e-6};
    for (int p = 0; p < 2; p++) {
        double mean = 0.0;
        double sd = 0.0;
        set_all(&a, 5e-4f);
        for (size_t i = 0; i < N; i++) {
            count[i] = p == REBIAS_SET ? PULSES : -PULSES;
        }
        rebias_devices_pulse(a.devices, a.G, count, &stream);
        mean_sd(&a, &mean, &sd);
        support_close(mean - (double)5e-4f, PULSES * m[p], 0.0,
                      five * s[p] * sqrt((double)PULSES / N) + 1e-10);
        support_close(sd, s[p] * sqrt(PULSES), five / sqrt(2.0 * N), 0.0);
    }
    free(count);
    array_free(&a);
}

/* The r-th pulse of device d takes word r N + d, N = array size rounded up to 4: by single
 * steps with those words. */
static void test_word_addresses(void **state)
{
    (void)state;
    enum { N = 7, ROUNDS = 5, PADDED = 8 };
    struct array a = array_of("tiox-1.8V", N, 0);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 3);
    int16_t count[N];
    uint32_t word[ROUNDS * PADDED];
    float expected[N];
    rebias_random_words(&stream, 0, ROUNDS * PADDED, word);
    for (int d = 0; d < N; d++) {
        count[d] = (int16_t)(d % 2 == 0 ? ROUNDS - d / 2 : -(ROUNDS - d / 2));
        a.G[d] = 15e-6f;
        expected[d] = 15e-6f;
        for (int r = 0; r < abs(count[d]); r++) {
            draws_step(a.device, count[d] > 0 ? REBIAS_SET : REBIAS_RESET, 1,
                       &word[r * PADDED + d], &expected[d]);
            expected[d] = fminf(fmaxf(expected[d], 5e-6f), 30e-6f);
        }
    }
    rebias_devices_pulse(a.devices, a.G, count, &stream);
    for (int d = 0; d < N; d++) {
        assert_true(a.G[d] == expected[d]); /* the same operations, so the same bits */
    }
    array_free(&a);
}

/* -- 3. the three forms -- */

/* counts of -3 .. 3, about 3 in 7 of them 0 where sparse. */
static void random_counts(size_t n, bool sparse, int16_t *count)
{
    uint32_t *word = malloc(n * sizeof *word);
    assert_non_null(word);
    draws_words(11, n, word);
    for (size_t i = 0; i < n; i++) {
        int c = (int)(word[i] % 7) - 3;
        count[i] = (int16_t)(sparse && word[i] >> 16 > 40000 ? 0 : c);
    }
    free(word);
}

/* pulse_some on the nonzero counts, cut into calls of `piece` devices. */
static void pulse_in_pieces(const struct array *a, const int16_t *count, size_t piece, float *G,
                            const struct rebias_stream *stream)
{
    uint32_t *index = malloc(a->n * sizeof *index);
    int16_t *some = malloc(a->n * sizeof *some);
    assert_true(index != NULL && some != NULL);
    size_t m = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (count[i] != 0) {
            index[m] = (uint32_t)i;
            some[m++] = count[i];
        }
    }
    for (size_t first = 0; first < m; first += piece) {
        const size_t n = m - first < piece ? m - first : piece;
        rebias_devices_pulse_some(a->devices, n, index + first, some + first, G, stream);
    }
    free(index);
    free(some);
}

static const char *const forms[] = {
    "ag-asi",
    "synthetic-lc",
    "tiox-1.8V",
    "ideal",
    "ag-asi:nl_set_d2d=0.2,c2c_d2d=0.01",
    "tiox-1.5V:Gmin_d2d=1e-6,set_mean0_d2d=1e-6,reset_sd0_d2d=1e-7"};

static void test_some_equals_dense(void **state)
{
    (void)state;
    enum { N = 4999 };
    static const size_t pieces[] = {1, 3, 1000, 1024, N};
    int16_t *count = malloc(N * sizeof *count);
    float *G = malloc(N * sizeof *G);
    assert_true(count != NULL && G != NULL);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 4);
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        struct array a = array_of(forms[f], N, 0);
        random_counts(N, f % 2 == 0, count);
        set_all(&a, (float)(0.6 * a.device->Gmax));
        rebias_devices_pulse(a.devices, a.G, count, &stream);
        for (size_t i = 0; i < N; i++) {
            assert_true(count[i] != 0 || a.G[i] == (float)(0.6 * a.device->Gmax));
        }
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            for (size_t i = 0; i < N; i++) {
                G[i] = (float)(0.6 * a.device->Gmax);
            }
            pulse_in_pieces(&a, count, pieces[k], G, &stream);
            assert_memory_equal(G, a.G, N * sizeof *G);
        }
        array_free(&a);
    }
    free(count);
    free(G);
}

static void test_all_equals_counts_of_one(void **state)
{
    (void)state;
    enum { N = 2051 };
    int16_t count[N];
    float G[N];
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 5);
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        struct array a = array_of(forms[f], N, 0);
        for (int p = 0; p < 2; p++) {
            set_all(&a, (float)(0.5 * a.device->Gmax));
            memcpy(G, a.G, sizeof G);
            for (size_t i = 0; i < N; i++) {
                count[i] = p == REBIAS_SET ? 1 : -1;
            }
            rebias_devices_pulse_all(a.devices, (enum rebias_polarity)p, a.G, &stream);
            rebias_devices_pulse(a.devices, G, count, &stream);
            assert_memory_equal(G, a.G, sizeof G);
            assert_true(G[0] != (float)(0.5 * a.device->Gmax));
        }
        array_free(&a);
    }
}

/* No pulses: nothing moves. */
static void test_zero_counts(void **state)
{
    (void)state;
    struct array a = array_of("tiox-1.8V", 100, 0);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 6);
    const int16_t count[100] = {0};
    set_all(&a, 1.25e-5f);
    rebias_devices_pulse(a.devices, a.G, count, &stream);
    rebias_devices_pulse_some(a.devices, 0, NULL, NULL, a.G, &stream);
    for (size_t i = 0; i < a.n; i++) {
        assert_true(a.G[i] == 1.25e-5f);
    }
    array_free(&a);
}

/* -- 4. spread -- */

enum { ARRAY = 40000 };

/* Jump of one SET pulse from 0 S: the parameter set_mean0 of each device as a float. */
static const char mean_spread[] = "gaussian:Gmin=0,Gmax=1e-6,set_mean0=1e-7,set_mean0_d2d=1e-8";

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Number of different values; sorts x. */
static size_t distinct(size_t n, double *x)
{
    qsort(x, n, sizeof *x, ascending);
    size_t count = 1;
    for (size_t i = 1; i < n; i++) {
        count += x[i] != x[i - 1];
    }
    return count;
}

/* x[ARRAY] = conductance of each device after one pulse from G. */
static void after_one(const char *spec, uint32_t entity, enum rebias_polarity polarity, float G,
                      double *x)
{
    struct array a = array_of(spec, ARRAY, entity);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 7);
    set_all(&a, G);
    rebias_devices_pulse_all(a.devices, polarity, a.G, &stream);
    for (size_t i = 0; i < ARRAY; i++) {
        x[i] = (double)a.G[i];
    }
    array_free(&a);
}

static double normal_F(const void *context, double x)
{
    const double *m = context; /* mean, sd */
    return gsl_cdf_ugaussian_P((x - m[0]) / m[1]);
}

/* 40,000 devices get 40,000 draws (NeuroSim's d2d gave all the same one), normal with the
 * stated sd. The floats near 1e-7 S are 2^-47 S apart, 1.4e6 of them in one sd: n^2/2 *
 * 0.28/1.4e6 = 160 of the draws meet another by rounding.
 */
static void test_spread_is_normal(void **state)
{
    (void)state;
    double *x = malloc(ARRAY * sizeof *x);
    assert_non_null(x);
    after_one(mean_spread, 0, REBIAS_SET, 0.0f, x);
    double mean = 0.0;
    double sd = 0.0;
    rebias_mean_sd(ARRAY, x, &mean, &sd);
    support_close(mean, 1e-7, 0.0, five * 1e-8 / sqrt(ARRAY));
    support_close(sd, 1e-8, five / sqrt(2.0 * ARRAY), 0.0);
    const double normal[2] = {1e-7, 1e-8};
    double at[61];
    for (int k = 0; k < 61; k++) {
        at[k] = 1e-7 + 1e-9 * (k - 30);
    }
    assert_true(draws_ks(ARRAY, x, 61, at, normal_F, normal) < draws_ks_bound(ARRAY, 1e-7));
    assert_true(distinct(ARRAY, x) > ARRAY - 260);
    free(x);
}

/* Jump of a SET pulse from Gmin for a nonlinearity label. */
static double first_jump(double label)
{
    char spec[128];
    struct rebias_device *device = NULL;
    double mean = 0.0;
    double sd = 0.0;
    snprintf(spec, sizeof spec, "analytical:Gmin=0,Gmax=1e-6,nl_set=%.17g,c2c=0", label);
    assert_int_equal(rebias_device_new(&device, spec, NULL), REBIAS_OK);
    device->model->moments(device, REBIAS_SET, 0.0, &mean, &sd);
    rebias_device_free(device);
    return mean;
}

struct truncated {
    double label; /* mean */
    double sd;
    const double *at; /* jumps of the labels below */
    const double *labels;
    size_t n;
};

/* Distribution of the first jump at one of the points at[]: that of the label, cut to [-9, 9].
 */
static double label_F(const void *context, double x)
{
    const struct truncated *t = context;
    size_t k = 0;
    while (k + 1 < t->n && t->at[k] < x) {
        k++;
    }
    const double low = gsl_cdf_ugaussian_P((-9.0 - t->label) / t->sd);
    const double high = gsl_cdf_ugaussian_P((9.0 - t->label) / t->sd);
    return (gsl_cdf_ugaussian_P((t->labels[k] - t->label) / t->sd) - low) / (high - low);
}

/* NeuroSim's own case, a spread of the nonlinearity; near the end of its range the normal
 * distribution is truncated (cut and renormalised), not clamped. */
static void test_spread_is_truncated(void **state)
{
    (void)state;
    enum { POINTS = 40 };
    static const double label[2] = {2.4, 8.8};
    double *x = malloc(ARRAY * sizeof *x);
    assert_non_null(x);
    for (int c = 0; c < 2; c++) {
        char spec[128];
        double labels[POINTS];
        double at[POINTS];
        snprintf(spec, sizeof spec,
                 "analytical:Gmin=0,Gmax=1e-6,nl_set=%g,nl_set_d2d=0.4,c2c=0", label[c]);
        after_one(spec, 0, REBIAS_SET, 0.0f, x);
        for (int k = 0; k < POINTS; k++) {
            labels[k] = fmin(label[c] + 1.2, 9.0) - 0.05 * (POINTS - k) - 0.001;
            at[k] = first_jump(labels[k]);
        }
        const struct truncated t = {label[c], 0.4, at, labels, POINTS};
        assert_true(draws_ks(ARRAY, x, POINTS, at, label_F, &t) < draws_ks_bound(ARRAY, 1e-7));
        assert_true(distinct(ARRAY, x) > ARRAY - 600);
        assert_true(x[ARRAY - 1] <= first_jump(fmin(label[c] + 3.0, 9.0)) * (1.0 + 1e-6));
        assert_true(x[ARRAY - 2] < x[ARRAY - 1]); /* no heap at the end */
    }
    free(x);
}

static double correlation(size_t n, const double *x, const double *y)
{
    double mx = 0.0;
    double my = 0.0;
    double sx = 0.0;
    double sy = 0.0;
    double sum = 0.0;
    rebias_mean_sd(n, x, &mx, &sx);
    rebias_mean_sd(n, y, &my, &sy);
    for (size_t i = 0; i < n; i++) {
        sum += (x[i] - mx) * (y[i] - my);
    }
    return sum / ((double)(n - 1) * sx * sy);
}

/* Entities (arrays) and parameters draw independently; the same address gives the same bytes.
 */
static void test_spread_addresses(void **state)
{
    (void)state;
    static const char both[] =
        "gaussian:Gmin=0,Gmax=1e-6,set_mean0=1e-7,set_mean0_d2d=1e-8,reset_mean0=-1e-7,"
        "reset_mean0_d2d=1e-8";
    double *x = malloc(3 * ARRAY * sizeof *x);
    assert_non_null(x);
    after_one(mean_spread, 0, REBIAS_SET, 0.0f, x);
    after_one(mean_spread, 1, REBIAS_SET, 0.0f, x + ARRAY);
    support_close(correlation(ARRAY, x, x + ARRAY), 0.0, 0.0, five / sqrt(ARRAY));
    after_one(both, 0, REBIAS_SET, 0.0f, x + ARRAY);
    assert_memory_equal(x, x + ARRAY,
                        ARRAY * sizeof *x); /* another parameter's spread changes nothing */
    after_one(both, 0, REBIAS_RESET, 5e-7f, x + 2 * ARRAY);
    support_close(correlation(ARRAY, x, x + 2 * ARRAY), 0.0, 0.0, five / sqrt(ARRAY));
    free(x);
    struct array few = array_of(both, 100, 0);
    struct array many = array_of(both, ARRAY, 0);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 8);
    rebias_devices_pulse_all(few.devices, REBIAS_SET, few.G, &stream);
    rebias_devices_pulse_all(many.devices, REBIAS_SET, many.G, &stream);
    assert_memory_equal(few.G, many.G,
                        100 * sizeof(float)); /* a device does not depend on the array's size */
    array_free(&few);
    array_free(&many);
}

/* Only the parameter with a spread varies. */
static void test_spread_of_one_parameter(void **state)
{
    (void)state;
    struct array a = array_of("ideal:Gmin=1e-8,Gmax=3e-8,levels=100,Gmax_d2d=1e-9", 1000, 0);
    const struct rebias_stream stream = stream_of(REBIAS_FOR_TEST, 9);
    set_all(&a, 1.5e-8f);
    rebias_devices_pulse_all(a.devices, REBIAS_SET, a.G, &stream);
    float first = 0.0f;
    size_t other = 0;
    for (size_t i = 0; i < a.n; i++) {
        float low = 0.0f;
        float high = 0.0f;
        rebias_devices_range(a.devices, i, &low, &high);
        first = i == 0 ? high : first;
        other += high != first;
        assert_true(low == 1e-8f);
        support_close((double)a.G[i] - (double)1.5e-8f, ((double)high - (double)low) / 100,
                      1e-4, 0.0);
    }
    assert_true(other > 990);
    array_free(&a);
    struct array alike = array_of("ideal:Gmin=1e-8,Gmax=3e-8,levels_d2d=0", 10, 0);
    float low = 0.0f;
    float high = 0.0f;
    rebias_devices_range(alike.devices, 9, &low, &high);
    assert_true(low == 1e-8f && high == 3e-8f);
    array_free(&alike);
}

/* -- 5. errors -- */

static void test_array_errors(void **state)
{
    (void)state;
    struct rebias_device *device = NULL;
    struct rebias_devices *devices = NULL;
    struct rebias_error err = {0};
    const struct rebias_stream stream = stream_of(REBIAS_FOR_SPREAD, 0);
    assert_int_equal(
        rebias_device_new(&device, "ideal:Gmin=1e-9,Gmax=2e-9,Gmin_d2d=1e-9", NULL), REBIAS_OK);
    support_expect(rebias_devices_new(&devices, device, 0, &stream, &err), REBIAS_E_RANGE, &err,
                   "an array of 0 devices is not possible (1 to 4294967292)");
    assert_null(devices);
    support_expect(rebias_devices_new(&devices, device, (size_t)UINT32_MAX, &stream, &err),
                   REBIAS_E_RANGE, &err, "an array of 4294967295 devices is not possible");
    assert_null(devices);
    support_expect(rebias_devices_new(&devices, device, 1000, &stream, &err), REBIAS_E_RANGE,
                   &err, "device-to-device spread leaves device ");
    support_expect(err.status, REBIAS_E_RANGE, &err,
                   " of ideal:Gmin=1e-9,Gmax=2e-9,Gmin_d2d=1e-9 without a range (Gmin ");
    assert_null(devices);
    rebias_devices_free(NULL);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clamping),
        cmocka_unit_test(test_clamping_to_own_range),
        cmocka_unit_test(test_variance_adds),
        cmocka_unit_test(test_word_addresses),
        cmocka_unit_test(test_some_equals_dense),
        cmocka_unit_test(test_all_equals_counts_of_one),
        cmocka_unit_test(test_zero_counts),
        cmocka_unit_test(test_spread_is_normal),
        cmocka_unit_test(test_spread_is_truncated),
        cmocka_unit_test(test_spread_addresses),
        cmocka_unit_test(test_spread_of_one_parameter),
        cmocka_unit_test(test_array_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
