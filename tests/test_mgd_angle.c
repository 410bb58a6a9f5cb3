/* test_mgd_angle.c - the angle between estimate and gradient: laws of the codes.
 * 1. helpers   2. independent codes   3. orthogonal codes   4. streaming   5. layers and
 * nodes   6. thresholds and wrong options   7. progress
 *
 * 49-4-4 on NIST7x7, P = 220. Seeds are fixed. Where a bound is statistical, it is given in
 * standard errors of the mean over the trials (cosine_sd/sqrt(trials)) plus 0.003 for the
 * formula's own approximation; 4 standard errors: false alarm 6e-5 each.
 */
#include "mgd_support.h"

#include <stdio.h>

static const double P = 220.0;

/* -- 1. helpers -- */

static struct rebias_mgd_options held_sample(enum rebias_perturbation kind)
{
    struct rebias_mgd_options o = mgd_options();
    o.perturbation = kind;
    o.amplitude = 0.01;
    o.tau_x = 1e9; /* one sample all the time */
    o.tau_theta = 1e9;
    o.threads = 2;
    return o;
}

/* The last of the times is `steps`. */
static struct rebias_mgd_angles *measure(const struct mgd_setting *s,
                                         const struct rebias_mgd_options *o, uint64_t steps,
                                         size_t trials)
{
    struct rebias_error err = {0};
    struct rebias_mgd_angles *angles = NULL;
    const struct rebias_mgd_angle_options options = {steps, trials, 2, 0.0};
    support_expect(
        rebias_mgd_measure_angles(&angles, &s->a, &s->data, o, &options, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    assert_int_equal(angles->T[angles->count - 1], steps);
    return angles;
}

static double last_angle(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                         uint64_t steps, size_t trials)
{
    struct rebias_mgd_angles *angles = measure(s, o, steps, trials);
    const double angle = angles->angle[angles->count - 1];
    rebias_mgd_angles_free(angles);
    return angle;
}

static void expect_cosine(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                          uint64_t steps, size_t trials, double law)
{
    struct rebias_mgd_angles *angles = measure(s, o, steps, trials);
    const double cosine = angles->cosine[angles->count - 1];
    const double error = angles->cosine_sd[angles->count - 1] / sqrt((double)trials);
    printf("# T = %llu: cosine %.4f, law %.4f\n", (unsigned long long)steps, cosine, law);
    support_close(cosine, law, 0.0, 4.0 * error + 0.003);
    rebias_mgd_angles_free(angles);
}

/* -- 2. independent codes -- */

/* cos = 1/sqrt(1 + (P - 1)/T); accepted at 40 trials: 0.708 +- 0.015, 0.954 +- 0.006, 0.989 +-
 * 0.003. */
static void test_random_code_law(void **state)
{
    (void)state;
    const struct {
        uint64_t T;
        double law, accepted;
    } rows[] = {{220, 0.708, 0.015}, {2200, 0.954, 0.006}, {10000, 0.989, 0.003}};
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    const struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    for (size_t k = 0; k < 3; k++) {
        struct rebias_mgd_angles *angles = measure(&s, &o, rows[k].T, 40);
        const double cosine = angles->cosine[angles->count - 1];
        printf("# T = %llu: cosine %.4f\n", (unsigned long long)rows[k].T, cosine);
        support_close(cosine, rows[k].law, 0.0, rows[k].accepted);
        support_close(rows[k].law, 1.0 / sqrt(1.0 + (P - 1.0) / (double)rows[k].T), 0.0, 1e-3);
        rebias_mgd_angles_free(angles);
    }
    mgd_close(&s);
}

/* Normal numbers: <Ct p_i> has one more term, g_i^2 <p^4>: P + 1 in the place of P - 1. Sparse
 * signs of 1/s: P + s - 2. */
static void test_other_independent_codes(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_GAUSSIAN);
    expect_cosine(&s, &o, 500, 40, 1.0 / sqrt(1.0 + (P + 1.0) / 500.0));
    o.perturbation = REBIAS_PERTURB_RANDOM;
    o.sparsity = 4.0;
    expect_cosine(&s, &o, 500, 40, 1.0 / sqrt(1.0 + (P + 2.0) / 500.0));
    mgd_close(&s);
}

/* Noise of the measured cost multiplies the time to an angle by 1 + (sigma/rms Ct)^2: E Ct^2 =
 * a^2 |g|^2 differs between trials, so the law is averaged over them. */
static void test_cost_noise_law(void **state)
{
    (void)state;
    enum { TRIALS = 40 };
    struct mgd_setting s;
    double gradient[256];
    double law = 0.0;
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    mgd_open(&s, "nist7x7", "49,4,4");
    o.cost_noise = 1e-4;
    for (uint32_t t = 0; t < TRIALS; t++) {
        double square = 0.0;
        o.replicate = t;
        mgd_gradient(&s, &o, 1, gradient);
        for (size_t i = 0; i < 220; i++) {
            square += gradient[i] * gradient[i] * o.amplitude * o.amplitude / P;
        }
        const double noise = o.cost_noise * o.cost_noise / square;
        law += 1.0 / sqrt(1.0 + (P - 1.0 + P * noise) / 1000.0) / TRIALS;
    }
    o.replicate = 0;
    expect_cosine(&s, &o, 1000, TRIALS, law);
    mgd_close(&s);
}

/* -- 3. orthogonal codes -- */

/* Exact after a period: below 0.3 degrees (sequential P, Walsh 256, sines 2 P steps). */
static void test_orthogonal_codes_are_exact(void **state)
{
    (void)state;
    const struct {
        enum rebias_perturbation kind;
        uint64_t T;
    } rows[] = {{REBIAS_PERTURB_SEQUENTIAL, 220},
                {REBIAS_PERTURB_WALSH, 256},
                {REBIAS_PERTURB_SINE, 440}};
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    for (size_t k = 0; k < 3; k++) {
        const struct rebias_mgd_options o = held_sample(rows[k].kind);
        const double angle = last_angle(&s, &o, rows[k].T, 10);
        printf("# kind %d: %.3f degrees\n", (int)rows[k].kind, angle);
        assert_true(angle < 0.3);
    }
    mgd_close(&s);
}

/* Amplitude 0.3: curvature turns the Walsh estimate by about 1.5 degrees after one period; the
 * negated second period takes the even orders out. */
static void test_walsh_with_large_amplitude(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_WALSH);
    o.amplitude = 0.3;
    const double one = last_angle(&s, &o, 256, 20);
    const double two = last_angle(&s, &o, 512, 20);
    printf("# %.3f and %.3f degrees\n", one, two);
    assert_true(one > 0.8 && one < 2.2);
    assert_true(two < 0.1);
    mgd_close(&s);
}

/* Fewer steps than a period: cos = sqrt(T/P) for sequential codes (rms over parameters of equal
 * size in the mean; accepted 0.05 around), sqrt(T/H) for Walsh. */
static void test_parts_of_a_period(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    const struct rebias_mgd_options sequential = held_sample(REBIAS_PERTURB_SEQUENTIAL);
    struct rebias_mgd_angles *angles = measure(&s, &sequential, 110, 40);
    support_close(angles->cosine[angles->count - 1], sqrt(0.5), 0.0, 0.05);
    rebias_mgd_angles_free(angles);
    const struct rebias_mgd_options walsh = held_sample(REBIAS_PERTURB_WALSH);
    angles = measure(&s, &walsh, 110, 40);
    support_close(angles->cosine[angles->count - 1], sqrt(110.0 / 256.0), 0.0, 0.05);
    rebias_mgd_angles_free(angles);
    mgd_close(&s);
}

/* -- 4. streaming -- */

/* A new sample every step: 1/cos^2 = 1 + (P r - 1)/T, r = E|g_x|^2/|E g_x|^2; here on XOR,
 * where the plain loop gives r at once, with P = 9. */
static void test_streaming_law(void **state)
{
    (void)state;
    enum { TRIALS = 40 };
    const double T = 1000.0;
    struct mgd_setting s;
    double all[16];
    double one[16];
    double law = 0.0;
    mgd_open(&s, "xor", "2,2,1");
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    for (uint32_t t = 0; t < TRIALS; t++) {
        double squares = 0.0;
        double square = 0.0;
        double sum[16] = {0.0};
        o.replicate = t;
        mgd_gradient(&s, &o, 4, all);
        for (uint64_t b = 1; b <= 4; b++) { /* sums over the first b batches */
            mgd_gradient(&s, &o, b, one);
            for (size_t i = 0; i < 9; i++) {
                const double g = one[i] * (double)b - sum[i];
                squares += g * g / 4.0;
                sum[i] += g;
            }
        }
        for (size_t i = 0; i < 9; i++) {
            square += all[i] * all[i];
        }
        law += 1.0 / sqrt(1.0 + (9.0 * squares / square - 1.0) / T) / TRIALS;
    }
    o.tau_x = 1.0;
    o.replicate = 0;
    struct rebias_mgd_angles *angles = measure(&s, &o, (uint64_t)T, TRIALS);
    const double cosine = angles->cosine[angles->count - 1];
    printf("# cosine %.4f, law %.4f\n", cosine, law);
    /* samples come in shuffled passes, which is a little better than independent draws */
    support_close(cosine, law, 0.0, 0.03);
    rebias_mgd_angles_free(angles);
    mgd_close(&s);
}

/* -- 5. layers and nodes -- */

/* Each layer with its own pattern: P -> sum_l |g_l|^2 P_l/sum_l |g_l|^2 (within 1: the -1 is
 * each layer's). */
static void test_layers_law(void **state)
{
    (void)state;
    enum { TRIALS = 40 };
    struct mgd_setting s;
    double gradient[256];
    double law = 0.0;
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    mgd_open(&s, "nist7x7", "49,4,4");
    o.scope = REBIAS_MGD_LAYERS;
    for (uint32_t t = 0; t < TRIALS; t++) {
        double square[2] = {0.0, 0.0};
        o.replicate = t;
        mgd_gradient(&s, &o, 1, gradient);
        for (size_t i = 0; i < 220; i++) {
            square[i >= 200] += gradient[i] * gradient[i];
        }
        const double effective =
            (square[0] * 199.0 + square[1] * 19.0) / (square[0] + square[1]);
        law += 1.0 / sqrt(1.0 + effective / 100.0) / TRIALS;
    }
    o.replicate = 0;
    expect_cosine(&s, &o, 100, TRIALS, law);
    mgd_close(&s);
}

/* Node perturbation of dense layers, one sample: N = 8 in the place of P, up to the inputs'
 * weights: 1/cos^2 - 1 is below that of weight perturbation by far. */
static void test_nodes_need_less_time(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    mgd_open(&s, "nist7x7", "49,4,4");
    o.method = REBIAS_MGD_NODE;
    struct rebias_mgd_angles *angles = measure(&s, &o, 100, 20);
    const double cosine = angles->cosine[angles->count - 1];
    printf("# cosine %.4f\n", cosine);
    assert_true(cosine > 0.85); /* weight perturbation: 1/sqrt(1 + 219/100) = 0.56 */
    rebias_mgd_angles_free(angles);
    mgd_close(&s);
}

/* -- 6. thresholds and wrong options -- */

/* Sequential codes reach the gradient at the end of their period, not before. */
static void test_first_time_of_a_cosine(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct rebias_mgd_angles *angles = NULL;
    const struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_SEQUENTIAL);
    struct rebias_mgd_angle_options options = {9, 5, 9, 0.9999};
    mgd_open(&s, "parity:2", "2,2,1");
    support_expect(
        rebias_mgd_measure_angles(&angles, &s.a, &s.data, &o, &options, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    assert_true(angles->reached_mean <= 9.0 && angles->reached_mean > 1.0);
    assert_true(angles->cosine[0] < angles->cosine[angles->count - 1]);
    rebias_mgd_angles_free(angles);
    options.steps = 2;
    support_expect(
        rebias_mgd_measure_angles(&angles, &s.a, &s.data, &o, &options, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    assert_true(isnan(angles->reached_mean)); /* not all trials get there */
    rebias_mgd_angles_free(angles);
    mgd_close(&s);
}

static void test_wrong_angle_options(void **state)
{
    (void)state;
    const struct {
        struct rebias_mgd_angle_options options;
        const char *text;
    } rows[] = {{{0, 5, 9, 0.0}, "0 steps are not possible (1 to 4294967295)"},
                {{9, 0, 9, 0.0}, "0 trials are not possible"},
                {{9, 5, 1, 0.0}, "1 integration times are not possible"},
                {{9, 5, 9, 1.0}, "the cosine 1 to be reached is not in [0, 1)"}};
    struct mgd_setting s;
    const struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct rebias_error err = {0};
        struct rebias_mgd_angles *angles = NULL;
        support_expect(rebias_mgd_measure_angles(&angles, &s.a, &s.data, &o, &rows[k].options,
                                                 NULL, NULL, &err),
                       REBIAS_E_RANGE, &err, rows[k].text);
        assert_null(angles);
    }
    mgd_close(&s);
}

/* -- 7. progress -- */

struct watcher {
    size_t calls, done, total;
    size_t stop_at; /* steps, 0 = never */
};

static int watch(void *context, size_t done, size_t total)
{
    struct watcher *w = context;
    w->calls++;
    assert_true(done >= w->done && done <= total);
    w->done = done;
    w->total = total;
    return w->stop_at > 0 && done >= w->stop_at;
}

static int measure_watched(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                           size_t trials, struct watcher *w, struct rebias_mgd_angles **angles,
                           struct rebias_error *err)
{
    const struct rebias_mgd_angle_options options = {200000, trials, 5, 0.0};
    return rebias_mgd_measure_angles(angles, &s->a, &s->data, o, &options, watch, w, err);
}

/* 200,000 steps of 220 parameters are 44 million multiplications and asked about four times at
 * least; asking changes nothing. */
static void test_progress_inside_a_trial(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct watcher w = {0};
    struct rebias_mgd_angles *watched = NULL;
    const struct rebias_mgd_angle_options options = {200000, 3, 5, 0.0};
    const struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    struct rebias_mgd_angles *angles = NULL;
    mgd_open(&s, "nist7x7", "49,4,4");
    support_expect(measure_watched(&s, &o, 3, &w, &watched, &err), REBIAS_OK, &err, NULL);
    assert_true(w.calls >= 3 * 4);
    assert_int_equal(w.done, 600000);
    assert_int_equal(w.total, 600000);
    support_expect(
        rebias_mgd_measure_angles(&angles, &s.a, &s.data, &o, &options, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    assert_memory_equal(watched->cosine, angles->cosine, 5 * sizeof(double));
    assert_memory_equal(watched->cosine_sd, angles->cosine_sd, 5 * sizeof(double));
    rebias_mgd_angles_free(watched);
    rebias_mgd_angles_free(angles);
    mgd_close(&s);
}

/* The first trials (one a thread) are left before their middle. */
static void test_interrupted_inside_a_trial(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_mgd_options o = held_sample(REBIAS_PERTURB_RANDOM);
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int threads = 1; threads <= 2; threads++) {
        struct rebias_error err = {0};
        struct watcher w = {.stop_at = 1};
        struct rebias_mgd_angles *angles = NULL;
        o.threads = threads;
        support_expect(measure_watched(&s, &o, 4, &w, &angles, &err), REBIAS_E_INTERRUPTED,
                       &err, "of 800000 steps");
        assert_null(angles);
        assert_true(w.done < 100000 * (size_t)threads);
        assert_int_equal(w.calls, 1); /* who said no is not asked again */
    }
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_code_law),
                                       cmocka_unit_test(test_other_independent_codes),
                                       cmocka_unit_test(test_cost_noise_law),
                                       cmocka_unit_test(test_orthogonal_codes_are_exact),
                                       cmocka_unit_test(test_walsh_with_large_amplitude),
                                       cmocka_unit_test(test_parts_of_a_period),
                                       cmocka_unit_test(test_streaming_law),
                                       cmocka_unit_test(test_layers_law),
                                       cmocka_unit_test(test_nodes_need_less_time),
                                       cmocka_unit_test(test_first_time_of_a_cosine),
                                       cmocka_unit_test(test_wrong_angle_options),
                                       cmocka_unit_test(test_progress_inside_a_trial),
                                       cmocka_unit_test(test_interrupted_inside_a_trial)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
