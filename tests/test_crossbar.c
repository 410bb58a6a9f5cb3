/* test_crossbar.c - weights held by devices.
 * 1. helpers   2. weights and conductances   3. programming   4. updates   5. wrong options
 *
 * All addresses of random numbers are fixed. A statistical check has its limit at 5 standard
 * errors, which a perfect implementation exceeds at one address in 1.7 million.
 */
#include "support.h"

#include "rebias/crossbar.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 5.0; /* standard errors */

/* -- 1. helpers -- */

static void *new_memory(size_t count, size_t size)
{
    void *memory = NULL;
    assert_int_equal(rebias_alloc(&memory, count, size, NULL), REBIAS_OK);
    return memory;
}

/* A crossbar with what belongs to it. */
struct bench {
    struct rebias_device *device;
    struct rebias_crossbar *crossbar;
    struct rebias_crossbar_options options;
    size_t size;
    float *weights;
};

static struct bench bench_new(const char *spec, const struct rebias_crossbar_options *options)
{
    struct rebias_error err = {0};
    struct bench b = {.device = support_device(spec),
                      .options = *options,
                      .size = options->rows * options->columns};
    b.weights = new_memory(b.size, sizeof(float));
    support_expect(rebias_crossbar_new(&b.crossbar, b.device, options, b.weights, &err),
                   REBIAS_OK, &err, NULL);
    return b;
}

static void bench_free(struct bench *b)
{
    rebias_crossbar_free(b->crossbar);
    rebias_device_free(b->device);
    free(b->weights);
}

static struct rebias_crossbar_options options_of(size_t rows, size_t columns,
                                                 enum rebias_encoding encoding)
{
    struct rebias_crossbar_options o = rebias_crossbar_options_defaults();
    o.rows = rows;
    o.columns = columns;
    o.encoding = encoding;
    return o;
}

/* x[n] = normal numbers times sd. */
static void fill_normal(uint32_t entity, double sd, size_t n, float *x)
{
    const struct rebias_stream stream = {
        .seed = 7, .purpose = REBIAS_FOR_TEST, .entity = entity};
    rebias_random_normal(&stream, 0, n, x);
    for (size_t i = 0; i < n; i++) {
        x[i] *= (float)sd;
    }
}

static void fill(float value, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = value;
    }
}

static double mean_of(size_t n, const float *x)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
    }
    return sum / (double)n;
}

/* -- 2. weights and conductances -- */

/* The formulas of crossbar.h in double; float32 G and weights leave an error of a few 1e-7 W
 * Gmax/(Gmax - Gmin). */
static void expect_mirror(const struct bench *b)
{
    const double W = b->options.weight_range;
    const double Gmin = b->device->Gmin;
    const double Gmax = b->device->Gmax;
    const float *plus = rebias_crossbar_conductances(b->crossbar, 0);
    const float *minus = rebias_crossbar_conductances(b->crossbar, 1);
    assert_true((minus == NULL) == (b->options.encoding == REBIAS_SINGLE));
    for (size_t i = 0; i < b->size; i++) {
        double w = minus == NULL
                       ? 2.0 * W * ((double)plus[i] - 0.5 * (Gmin + Gmax)) / (Gmax - Gmin)
                       : W * ((double)plus[i] - (double)minus[i]) / (Gmax - Gmin);
        support_close((double)b->weights[i], w, 1e-6, 1e-6 * W * Gmax / (Gmax - Gmin));
    }
}

static void test_weights_mirror_conductances(void **state)
{
    (void)state;
    static const char *const specs[] = {"ideal", "synthetic-lc", "tiox-1.5V",
                                        "ideal:Gmax_d2d=2e-9,levels=50"};
    enum { ROWS = 30, COLUMNS = 7, SIZE = ROWS * COLUMNS };
    float request[SIZE];
    float target[SIZE];
    fill_normal(200, 2.0, SIZE, request);
    fill_normal(201, 0.4, SIZE, target);
    for (size_t k = 0; k < 2 * sizeof specs / sizeof specs[0]; k++) {
        struct rebias_crossbar_options o =
            options_of(ROWS, COLUMNS, k % 2 == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        o.weight_range = 0.7;
        struct bench b = bench_new(specs[k / 2], &o);
        expect_mirror(&b);
        rebias_crossbar_program(b.crossbar, target);
        expect_mirror(&b);
        for (uint32_t step = 0; step < 5; step++) {
            rebias_crossbar_update(b.crossbar, request, 1.0f, NULL, step);
            expect_mirror(&b);
        }
        bench_free(&b);
    }
}

static void test_weight_step(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct rebias_crossbar_options o =
            options_of(1, 1, k == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        o.weight_range = 0.5;
        struct bench b = bench_new("ideal:levels=200", &o); /* a pulse is 1/200 of the range */
        support_close(rebias_crossbar_weight_step(b.crossbar), (k == 0 ? 2.0 : 1.0) * 0.5 / 200,
                      1e-6, 0.0);
        bench_free(&b);
        o.pulse_size = 3.5e-9; /* a tenth of the range */
        b = bench_new("ideal:levels=200", &o);
        support_close(rebias_crossbar_weight_step(b.crossbar), (k == 0 ? 2.0 : 1.0) * 0.5 / 10,
                      1e-6, 0.0);
        bench_free(&b);
    }
}

/* -- 3. programming -- */

/* Conductance that crossbar.h asks of device `which` for weight w. */
static double wanted_conductance(const struct bench *b, int which, float w)
{
    double Gmin = b->device->Gmin;
    double Gmax = b->device->Gmax;
    double part = fmin(fmax((double)w / b->options.weight_range, -1.0), 1.0);
    return 0.5 * (Gmin + Gmax) + (which == 0 ? 0.5 : -0.5) * part * (Gmax - Gmin);
}

/* Every device ends within half a pulse; so weights within half a step (single) or two halves
 * (pair). */
static void test_program_ideal(void **state)
{
    (void)state;
    enum { ROWS = 40, COLUMNS = 9, SIZE = ROWS * COLUMNS };
    float target[SIZE];
    fill_normal(300, 0.5, SIZE, target); /* some beyond +-1: clipped */
    for (int k = 0; k < 2; k++) {
        const struct rebias_crossbar_options o =
            options_of(ROWS, COLUMNS, k == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        struct bench b = bench_new("ideal:levels=300", &o);
        uint64_t pulses = rebias_crossbar_program(b.crossbar, target);
        double pulse = (b.device->Gmax - b.device->Gmin) / 300;
        double given = 0.0; /* a noiseless device needs every pulse once */
        for (int a = 0; a <= k; a++) {
            const float *G = rebias_crossbar_conductances(b.crossbar, a);
            for (size_t i = 0; i < SIZE; i++) {
                support_close((double)G[i], wanted_conductance(&b, a, target[i]), 0.0,
                              0.501 * pulse);
                given += ((double)G[i] - b.device->Gmin) / pulse;
            }
        }
        assert_int_equal(pulses, (uint64_t)nearbyint(given));
        bench_free(&b);
    }
}

/* Verified devices stop within half a pulse's noise (1.2 nS, ten pulses' worth of movement) of
 * their targets. */
static void test_program_noisy(void **state)
{
    (void)state;
    enum { ROWS = 100, COLUMNS = 10, SIZE = ROWS * COLUMNS };
    float *target = new_memory(SIZE, sizeof *target);
    fill_normal(301, 0.5, SIZE, target);
    for (int k = 0; k < 2; k++) {
        struct rebias_crossbar_options o =
            options_of(ROWS, COLUMNS, k == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        struct bench b = bench_new("synthetic-lc", &o);
        assert_true(rebias_crossbar_program(b.crossbar, target) > 0);
        for (int a = 0; a <= k; a++) {
            const float *G = rebias_crossbar_conductances(b.crossbar, a);
            for (size_t i = 0; i < SIZE; i++) {
                support_close((double)G[i], wanted_conductance(&b, a, target[i]), 0.0,
                              0.601e-9);
            }
        }
        bench_free(&b);
        o.pulse_noise = 3e-9; /* a controller that expects more noise stops earlier, and steps
                                 more carefully */
        o.program_rounds = 1000;
        b = bench_new("synthetic-lc", &o);
        rebias_crossbar_program(b.crossbar, target);
        double error = 0.0;
        for (size_t i = 0; i < SIZE; i++) {
            double G = (double)rebias_crossbar_conductances(b.crossbar, 0)[i];
            error = fmax(error, fabs(G - wanted_conductance(&b, 0, target[i])));
        }
        assert_true(error > 0.61e-9 && error < 1.501e-9);
        bench_free(&b);
    }
    free(target);
}

static void test_program_zero_rounds(void **state)
{
    (void)state;
    struct rebias_crossbar_options o = options_of(4, 4, REBIAS_SINGLE);
    o.program_rounds = 0;
    struct bench b = bench_new("ideal", &o);
    float target[16];
    fill(0.5f, 16, target);
    assert_int_equal(rebias_crossbar_program(b.crossbar, target), 0);
    for (size_t i = 0; i < 16; i++) {
        support_close((double)b.weights[i], -1.0, 1e-6, 0.0); /* still at Gmin */
    }
    bench_free(&b);
}

/* -- 4. updates -- */

/* Whole requests leave nothing to chance: the weight moves by exactly k steps, up to the
 * rounding of float32 conductances (2^-24 Gmax a pulse). */
static void test_update_moves_by_whole_steps(void **state)
{
    (void)state;
    enum { SIZE = 64 };
    const float target[SIZE] = {0.0f};
    float request[SIZE];
    float before[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        request[i] = (float)((int)(i % 21) - 10);
    }
    for (int k = 0; k < 2; k++) {
        const struct rebias_crossbar_options o =
            options_of(8, 8, k == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        struct bench b = bench_new("ideal:levels=400", &o);
        rebias_crossbar_program(b.crossbar, target);
        memcpy(before, b.weights, sizeof before);
        double step = rebias_crossbar_weight_step(b.crossbar);
        uint64_t pulses = rebias_crossbar_update(b.crossbar, request, -2.0f, NULL, 1);
        uint64_t expected = 0;
        for (size_t i = 0; i < SIZE; i++) {
            double moved = (double)b.weights[i] - (double)before[i];
            support_close(moved, -2.0 * (double)request[i] * step, 0.0, 1e-2 * step);
            expected += (uint64_t)fabsf(2.0f * request[i]);
        }
        assert_int_equal(pulses, expected);
        bench_free(&b);
    }
}

/* Mean change over 10^4 weights and 20 updates; one change has the variance f (1 - f) of its
 * rounding. */
static void test_update_is_unbiased(void **state)
{
    (void)state;
    enum { SIZE = 10000, UPDATES = 20 };
    static const float requests[] = {0.37f, -2.6f, 1.5f, -0.02f};
    float *request = new_memory(SIZE, sizeof *request);
    float *zero = new_memory(SIZE, sizeof *zero);
    for (size_t k = 0; k < 2 * sizeof requests / sizeof requests[0]; k++) {
        const struct rebias_crossbar_options o =
            options_of(100, 100, k % 2 == 0 ? REBIAS_SINGLE : REBIAS_PAIR);
        struct bench b = bench_new("ideal:levels=2000", &o);
        double wanted = (double)requests[k / 2];
        double fraction = fabs(wanted) - floor(fabs(wanted));
        rebias_crossbar_program(b.crossbar, zero);
        double before = mean_of(SIZE, b.weights);
        fill(requests[k / 2], SIZE, request);
        for (uint32_t step = 0; step < UPDATES; step++) {
            rebias_crossbar_update(b.crossbar, request, 1.0f, NULL, step);
        }
        double moved = (mean_of(SIZE, b.weights) - before) /
                       rebias_crossbar_weight_step(b.crossbar) / UPDATES;
        double rounding =
            1e-4 *
            fabs(wanted); /* float32: 2^-24 Gmax of a pulse of 17.5 pS is 1.3e-4, random */
        support_close(moved, wanted, 0.0,
                      LIMIT * sqrt(fraction * (1.0 - fraction) / SIZE / UPDATES) + rounding);
        bench_free(&b);
    }
    free(request);
    free(zero);
}

/* k pulses on a pair: k/2 SET on G+, k/2 RESET on G-, the odd one by a fair coin. */
static void check_split(int k)
{
    enum { SIZE = 10000 };
    const struct rebias_crossbar_options o = options_of(100, 100, REBIAS_PAIR);
    struct bench b = bench_new("ideal:levels=400", &o);
    float *request = new_memory(SIZE, sizeof *request);
    rebias_crossbar_program(b.crossbar, request); /* zeros */
    const float *plus = rebias_crossbar_conductances(b.crossbar, 0);
    const float *minus = rebias_crossbar_conductances(b.crossbar, 1);
    double start_plus = (double)plus[0];
    double start_minus = (double)minus[0];
    double pulse = (b.device->Gmax - b.device->Gmin) / 400;
    fill((float)k, SIZE, request);
    assert_int_equal(rebias_crossbar_update(b.crossbar, request, 1.0f, NULL, 3),
                     (uint64_t)abs(k) * SIZE);
    double odd_on_plus = 0.0;
    for (size_t i = 0; i < SIZE; i++) {
        double up = ((double)plus[i] - start_plus) / pulse;
        double down = (start_minus - (double)minus[i]) / pulse;
        support_close(up + down, k, 0.0, 0.01);
        support_close(up, k / 2.0, 0.0, k % 2 == 0 ? 0.01 : 0.51);
        odd_on_plus += fabs(up) > fabs(down);
    }
    if (k % 2 != 0) {
        support_close(odd_on_plus / SIZE, 0.5, 0.0, LIMIT * sqrt(0.25 / SIZE));
    }
    free(request);
    bench_free(&b);
}

/* The two devices of a pair have random numbers of their own: one pulse each, normal noise; the
 * correlation of n independent pairs has the standard error 1/sqrt(n). */
static void test_pair_noise_is_independent(void **state)
{
    (void)state;
    enum { SIZE = 10000 };
    struct rebias_crossbar_options o = options_of(100, 100, REBIAS_PAIR);
    o.program_rounds = 0;
    struct bench b = bench_new(
        "gaussian:Gmin=0,Gmax=1e-4,set_mean0=5e-5,reset_mean0=5e-5,set_sd0=1e-6,reset_sd0=1e-6",
        &o);
    float *request = new_memory(SIZE, sizeof *request);
    const float *plus = rebias_crossbar_conductances(b.crossbar, 0);
    const float *minus = rebias_crossbar_conductances(b.crossbar, 1);
    fill(2.0f, SIZE, request);
    assert_int_equal(rebias_crossbar_update(b.crossbar, request, 1.0f, NULL, 3), 2 * SIZE);
    double sum = 0.0;
    for (size_t i = 0; i < SIZE; i++) {
        sum += ((double)plus[i] - 5e-5) / 1e-6 * (((double)minus[i] - 5e-5) / 1e-6);
    }
    support_close(sum / SIZE, 0.0, 0.0, LIMIT / sqrt(SIZE));
    free(request);
    bench_free(&b);
}

static void test_pair_splitting(void **state)
{
    (void)state;
    static const int counts[] = {1, -1, 2, -2, 7, -7, 10};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_split(counts[i]);
    }
}

static void test_cap(void **state)
{
    (void)state;
    enum { SIZE = 50 };
    struct rebias_crossbar_options o = options_of(5, 10, REBIAS_SINGLE);
    o.pulse_cap = 13;
    struct bench b = bench_new("ideal:levels=400", &o);
    const float zero[SIZE] = {0.0f};
    float request[SIZE];
    rebias_crossbar_program(b.crossbar, zero);
    float before = b.weights[0];
    fill(1e6f, SIZE, request);
    assert_int_equal(rebias_crossbar_update(b.crossbar, request, -1.0f, NULL, 0), 13 * SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        support_close((double)(b.weights[i] - before),
                      -13 * rebias_crossbar_weight_step(b.crossbar), 1e-4, 0.0);
    }
    bench_free(&b);
}

/* Rows named as inactive give the same bytes as rows of zeros, whatever stands in the request
 * there. */
static void check_inactive(enum rebias_encoding encoding)
{
    enum { ROWS = 61, COLUMNS = 37, SIZE = ROWS * COLUMNS };
    const struct rebias_crossbar_options o = options_of(ROWS, COLUMNS, encoding);
    struct bench a = bench_new("synthetic-lc", &o);
    struct bench b = bench_new("synthetic-lc", &o);
    float zeros[SIZE];
    float junk[SIZE];
    uint8_t active[ROWS];
    for (uint32_t step = 0; step < 10; step++) {
        fill_normal(400 + step, 2.0, SIZE, zeros);
        for (size_t r = 0; r < ROWS; r++) {
            active[r] = (r * 7 + step) % 5 < step % 3 + (r > 40);
            for (size_t c = 0; c < COLUMNS; c++) {
                junk[r * COLUMNS + c] = active[r] ? zeros[r * COLUMNS + c] : 50.0f;
                zeros[r * COLUMNS + c] *= active[r] ? 1.0f : 0.0f;
            }
        }
        uint64_t all = rebias_crossbar_update(a.crossbar, zeros, 1.0f, NULL, step);
        uint64_t some = rebias_crossbar_update(b.crossbar, junk, 1.0f, active, step);
        assert_int_equal(all, some);
        assert_memory_equal(a.weights, b.weights, sizeof zeros);
        for (int k = 0; k <= (encoding == REBIAS_PAIR); k++) {
            assert_memory_equal(rebias_crossbar_conductances(a.crossbar, k),
                                rebias_crossbar_conductances(b.crossbar, k), sizeof zeros);
        }
    }
    bench_free(&a);
    bench_free(&b);
}

static void test_inactive_rows(void **state)
{
    (void)state;
    check_inactive(REBIAS_SINGLE);
    check_inactive(REBIAS_PAIR);
}

/* The same update again gives other random numbers only when seed, replicate, entity or step
 * differ. */
static void test_update_is_addressed(void **state)
{
    (void)state;
    enum { SIZE = 200, CASES = 5 };
    float request[SIZE];
    float result[CASES][SIZE];
    fill_normal(500, 2.0, SIZE, request);
    for (size_t k = 0; k < CASES; k++) {
        struct rebias_crossbar_options o = options_of(20, 10, REBIAS_PAIR);
        o.seed += k == 1;
        o.replicate += k == 2;
        o.entity += k == 3;
        for (int repeat = 0; repeat < 2; repeat++) {
            struct bench b = bench_new("synthetic-lc", &o);
            rebias_crossbar_update(b.crossbar, request, 1.0f, NULL, k == 4 ? 1 : 0);
            if (repeat == 1) {
                assert_memory_equal(result[k], b.weights, sizeof result[k]);
            }
            memcpy(result[k], b.weights, sizeof result[k]);
            bench_free(&b);
        }
        for (size_t other = 0; other < k; other++) {
            assert_memory_not_equal(result[k], result[other], sizeof result[k]);
        }
    }
}

/* -- 5. wrong options -- */

static void expect_refused(const char *spec, const struct rebias_crossbar_options *o,
                           const char *message)
{
    struct rebias_error err = {0};
    struct rebias_device *device = support_device(spec);
    struct rebias_crossbar *crossbar = NULL;
    float weights[4] = {0.0f};
    support_expect(rebias_crossbar_new(&crossbar, device, o, weights, &err), REBIAS_E_RANGE,
                   &err, message);
    assert_null(crossbar);
    rebias_device_free(device);
}

static void test_wrong_options(void **state)
{
    (void)state;
    const struct rebias_crossbar_options good = options_of(2, 2, REBIAS_PAIR);
    struct rebias_crossbar_options o = good;
    o.weight_range = 0.0;
    expect_refused("ideal", &o, "the weight range 0 is not above 0");
    o.weight_range = NAN;
    expect_refused("ideal", &o, "the weight range nan is not above 0");
    o = good;
    o.pulse_size = -1e-9;
    expect_refused("ideal", &o, "the pulse size -1e-09 S is negative or not finite");
    o.pulse_size = INFINITY;
    expect_refused("ideal", &o, "the pulse size inf S is negative or not finite");
    o = good;
    o.pulse_noise = -1e-9;
    expect_refused("ideal", &o, "the pulse noise -1e-09 S is negative or not finite");
    o.pulse_noise = NAN;
    expect_refused("ideal", &o, "the pulse noise nan S is negative or not finite");
    o = good;
    o.pulse_cap = 0;
    expect_refused("ideal", &o, "the pulse cap 0 is not in 1 to 30000");
    o.pulse_cap = 30001;
    expect_refused("ideal", &o, "the pulse cap 30001 is not in 1 to 30000");
    o = good;
    o.program_rounds = 1001;
    expect_refused("ideal", &o, "1001 programming rounds are not possible (0 to 1000)");
    o = good;
    o.rows = 0;
    expect_refused("ideal", &o, "an array of 0 devices is not possible");
    expect_refused("gaussian", &good,
                   "pulses do not move gaussian on average: give a pulse size");
}

static void test_too_large(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_device *device = support_device("ideal");
    struct rebias_crossbar *crossbar = NULL;
    const struct rebias_crossbar_options o = options_of(SIZE_MAX / 2, 3, REBIAS_SINGLE);
    float weight = 0.0f;
    support_expect(rebias_crossbar_new(&crossbar, device, &o, &weight, &err), REBIAS_E_MEMORY,
                   &err, "does not fit into memory");
    assert_null(crossbar);
    rebias_crossbar_free(NULL);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_mirror_conductances),
        cmocka_unit_test(test_weight_step),
        cmocka_unit_test(test_program_ideal),
        cmocka_unit_test(test_program_noisy),
        cmocka_unit_test(test_program_zero_rounds),
        cmocka_unit_test(test_update_moves_by_whole_steps),
        cmocka_unit_test(test_update_is_unbiased),
        cmocka_unit_test(test_pair_noise_is_independent),
        cmocka_unit_test(test_pair_splitting),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_inactive_rows),
        cmocka_unit_test(test_update_is_addressed),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
