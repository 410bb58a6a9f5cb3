/* test_mgd_rules.c - multiplexed gradient descent: optimisers, noise, imperfections, the fast
 * way against the general one, threads, and options that contradict each other.
 * 1. optimisers   2. noise of costs   3. noise of updates, norms   4. fast and general way   5.
 * threads   6. wrong options
 */
#include "mgd_support.h"

#include <stdio.h>

enum { MOST_PARAMETERS = 400 };

/* -- 1. optimisers -- */

/* Runs the optimiser on estimates g_k = sin(k + i) and compares with rule (hand-made recursion
 * in double) for 40 steps. */
struct recursion {
    double v, first, second;
};

static void compare_steps(const struct rebias_mgd_options *o,
                          double (*rule)(struct recursion *r, double eta, double g))
{
    enum { N = 5 };
    struct rebias_error err = {0};
    struct mgd_optimizer optimizer;
    const struct mgd_times times = {1, 1, 8};
    const struct mgd_blocks blocks = {1, {{.n = N, .theta_n = N}}};
    struct recursion recursion[N] = {{0.0, 0.0, 0.0}};
    float theta[N];
    support_expect(rebias_mgd_optimizer_new(&optimizer, N, &blocks, o, &err), REBIAS_OK, &err,
                   NULL);
    for (size_t i = 0; i < N; i++) {
        theta[i] = 0.1f * (float)i;
    }
    for (int k = 0; k < 40; k++) {
        float estimate[N];
        float change[N];
        const double passes = 0.25 * k;
        for (size_t i = 0; i < N; i++) {
            estimate[i] = sinf((float)k + (float)i);
        }
        rebias_mgd_optimizer_step(&optimizer, &times, estimate, theta, passes, change);
        const double eta = o->eta / (1.0 + o->eta_decay * floor(passes));
        for (size_t i = 0; i < N; i++) {
            const double g = (double)estimate[i] / sqrt(1.0 + (N - 1.0) / 8.0);
            const double wanted = rule(&recursion[i], eta, g);
            support_close((double)change[i], wanted + eta * o->weight_decay * (double)theta[i],
                          2e-5, 1e-7);
        }
    }
    rebias_mgd_optimizer_clear(&optimizer);
}

static double plain_rule(struct recursion *r, double eta, double g)
{
    (void)r;
    return eta * g;
}

static double momentum_rule(struct recursion *r, double eta, double g)
{
    r->v = 0.8 * r->v + eta * g;
    return r->v;
}

/* (0.9, 0.999, 1e-8) without bias correction (Oripov et al. 2025). */
static double adam_rule(struct recursion *r, double eta, double g)
{
    r->first = 0.9 * r->first + 0.1 * g;
    r->second = 0.999 * r->second + 0.001 * g * g;
    return eta * r->first / (sqrt(r->second) + 1e-8);
}

static void test_optimizers(void **state)
{
    (void)state;
    struct rebias_mgd_options o = mgd_options();
    o.eta = 0.2;
    compare_steps(&o, plain_rule);
    o.weight_decay = 0.3;
    o.eta_decay = 0.5;
    compare_steps(&o, plain_rule);
    o.optimizer = REBIAS_OPTIMIZER_MOMENTUM;
    o.momentum = 0.8;
    compare_steps(&o, momentum_rule);
    o.optimizer = REBIAS_OPTIMIZER_ADAM;
    compare_steps(&o, adam_rule);
}

/* -- 2. noise of costs -- */

/* Ct of equal costs is noise of mean 0 and known sd; 20,000 segments, both bounds at 4.5
 * standard errors: false alarm below 3e-5 in all. */
static void check_noise(const struct rebias_mgd_options *o, uint32_t repeats, size_t sample,
                        double sd)
{
    const size_t n = 20000;
    double sum = 0.0;
    double square = 0.0;
    for (size_t k = 0; k < n; k++) {
        const struct mgd_segment segment = {k, k, k * repeats, k * repeats, repeats};
        const double Ct = rebias_mgd_difference(o, &segment, 1, sample, 0.25, 0.25);
        sum += Ct;
        square += Ct * Ct;
    }
    const double mean = sum / (double)n;
    support_close(mean, 0.0, 0.0, 4.5 * sd / sqrt((double)n));
    support_close(square / (double)n, sd * sd, 4.5 * sqrt(2.0 / (double)n), 0.0);
}

static void test_cost_noise(void **state)
{
    (void)state;
    struct rebias_mgd_options o = mgd_options();
    o.cost_noise = 0.01;
    check_noise(&o, 1, 0, 0.01);
    check_noise(&o, 4, 0, 0.005); /* the mean of four steps */
    check_noise(&o, 1, 3, 0.01);
    o.noisy_baseline = true;
    check_noise(&o, 1, 0, 0.01 * sqrt(2.0));
    o.two_sided = true;
    check_noise(&o, 1, 0, 0.01 / sqrt(2.0));
}

/* Noise differs between samples, blocks and steps, and is the same when asked again. */
static void test_cost_noise_is_addressed(void **state)
{
    (void)state;
    struct rebias_mgd_options o = mgd_options();
    const struct mgd_segment first = {0, 0, 7, 7, 1};
    const struct mgd_segment later = {0, 0, 8, 8, 1};
    o.cost_noise = 1.0;
    const double a = rebias_mgd_difference(&o, &first, 0, 0, 0.0, 0.0);
    assert_true(a == rebias_mgd_difference(&o, &first, 0, 0, 0.0, 0.0)); /* same bits */
    assert_true(fabs(a - rebias_mgd_difference(&o, &later, 0, 0, 0.0, 0.0)) > 1e-6);
    assert_true(fabs(a - rebias_mgd_difference(&o, &first, 1, 0, 0.0, 0.0)) > 1e-6);
    assert_true(fabs(a - rebias_mgd_difference(&o, &first, 0, 1, 0.0, 0.0)) > 1e-6);
}

static void test_clip(void **state)
{
    (void)state;
    struct rebias_mgd_options o = mgd_options();
    const struct mgd_segment segment = {0, 0, 0, 0, 1};
    o.clip = 0.01;
    support_close(rebias_mgd_difference(&o, &segment, 0, 0, 0.5, 0.495), 0.005, 1e-12, 0.0);
    support_close(rebias_mgd_difference(&o, &segment, 0, 0, 0.5, 0.4), 0.01, 0.0, 0.0);
    support_close(rebias_mgd_difference(&o, &segment, 0, 0, 0.4, 0.5), -0.01, 0.0, 0.0);
    assert_true(isnan(rebias_mgd_difference(&o, &segment, 0, 0, (double)NAN, 0.5)));
    o.two_sided = true;
    support_close(rebias_mgd_difference(&o, &segment, 0, 0, 0.5, 0.492), 0.004, 1e-12, 0.0);
}

/* -- 3. noise of updates, norms -- */

static void apply_nothing(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                          uint32_t update, double *moved)
{
    struct rebias_error err = {0};
    struct mgd_parameters parameters;
    const float change[MOST_PARAMETERS] = {0.0f};
    float start[MOST_PARAMETERS];
    support_expect(rebias_mgd_parameters_new(&parameters, &s->a, o, &err), REBIAS_OK, &err,
                   NULL);
    memcpy(start, parameters.theta, s->a.parameters * sizeof *start);
    assert_int_equal(rebias_mgd_parameters_apply(&parameters, change, update), 0);
    for (size_t i = 0; i < s->a.parameters; i++) {
        moved[i] = (double)parameters.theta[i] - (double)start[i];
    }
    rebias_mgd_parameters_clear(&parameters);
}

/* Variance over 220 parameters and 100 updates within 4.5 sqrt(2/22000), false alarm 1e-5; the
 * shared form moves all alike. */
static void test_update_noise(void **state)
{
    (void)state;
    struct mgd_setting s;
    double moved[MOST_PARAMETERS];
    double square = 0.0;
    double shared = 0.0;
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "nist7x7", "49,4,4");
    o.update_noise = 0.01;
    for (uint32_t update = 0; update < 100; update++) {
        apply_nothing(&s, &o, update, moved);
        for (size_t i = 0; i < 220; i++) {
            square += moved[i] * moved[i] / 22000.0;
        }
    }
    support_close(square, 1e-4, 4.5 * sqrt(2.0 / 22000.0), 0.0);
    o.shared_update_noise = true;
    for (uint32_t update = 0; update < 100; update++) {
        apply_nothing(&s, &o, update, moved);
        for (size_t i = 0; i < 220; i++) {
            support_close(moved[i], moved[0], 0.0, 1e-7);
        }
        shared += moved[0] * moved[0] / 100.0;
    }
    support_close(shared, 1e-4, 4.5 * sqrt(2.0 / 100.0), 0.0);
    mgd_close(&s);
}

/* After an update no neuron's weights have a norm above max_norm; smaller ones stay. */
static void test_largest_norm(void **state)
{
    (void)state;
    struct mgd_setting s;
    float theta[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    size_t cut = 0;
    mgd_open(&s, "xor", "2,2,1");
    o.max_norm = 0.2;
    o.steps = 3;
    rebias_mgd_result_free(mgd_train(&s, &o, theta));
    for (size_t l = 0; l < s.a.layers; l++) {
        const struct rebias_layer *layer = &s.a.layer[l];
        for (size_t j = 0; j < layer->biases; j++) {
            const float *w = theta + layer->first + 2 * j;
            const double norm = hypot((double)w[0], (double)w[1]);
            assert_true(norm < 0.2 + 1e-6);
            cut += norm > 0.199999;
        }
    }
    assert_true(cut > 0);
    mgd_close(&s);
}

/* Activation defects of sd 0 are none; others change costs. Read noise and few ADC bits too. */
static void test_imperfections_enter_the_cost(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums[4];
    float estimate[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "nist7x7", "49,4,4");
    mgd_estimate(&s, &o, 50, MGD_GENERAL_WAY, estimate, &sums[0]);
    o.defects = 0.3;
    mgd_estimate(&s, &o, 50, MGD_ANY_WAY, estimate, &sums[1]);
    o.defects = 0.0;
    o.read_noise = 0.1;
    mgd_estimate(&s, &o, 50, MGD_ANY_WAY, estimate, &sums[2]);
    o.read_noise = 0.0;
    o.adc_bits = 2;
    mgd_estimate(&s, &o, 50, MGD_ANY_WAY, estimate, &sums[3]);
    for (int k = 1; k < 4; k++) {
        assert_true(fabs(sums[k].cost - sums[0].cost) / 50.0 > 1e-4);
        assert_int_equal(sums[k].evaluations, sums[0].evaluations);
    }
    mgd_close(&s);
}

/* -- 4. fast and general way -- */

/* The same patterns and samples by other sums: costs differ by float rounding (2e-7), Ct/a by
 * that over the pattern's size, their mean over 100 steps by less: 1e-4 of the largest entry
 * plus 2e-7/a. */
static void compare_ways(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                         uint64_t steps)
{
    static float fast[MOST_PARAMETERS];
    static float general[MOST_PARAMETERS];
    struct mgd_sums sums[2];
    const size_t P = s->a.parameters;
    double largest = 0.0;
    mgd_estimate(s, o, steps, MGD_ANY_WAY, fast, &sums[0]);
    mgd_estimate(s, o, steps, MGD_GENERAL_WAY, general, &sums[1]);
    assert_int_equal(sums[0].evaluations, sums[1].evaluations);
    support_close(sums[0].weight, sums[1].weight, 0.0, 0.0);
    support_close(sums[0].cost, sums[1].cost, 1e-6, 0.0);
    for (size_t i = 0; i < P; i++) {
        largest = fmax(largest, fabs((double)general[i]));
    }
    assert_true(largest > 0.0 || steps <= 2);
    for (size_t i = 0; i < P; i++) {
        support_close((double)fast[i], (double)general[i], 0.0,
                      1e-4 * largest + 2e-7 * sqrt((double)P) / o->amplitude);
    }
}

static void test_ways_agree(void **state)
{
    (void)state;
    const double taus[][3] = {{1, 1, 1},  {1, 64, 64}, {1, 1, 64},   {1, 5, 50},
                              {4, 1, 64}, {2, 8, 64},  {1, 200, 100}};
    const char *const networks[][2] = {
        {"xor", "2,2,1"}, {"nist7x7", "49,4,4"}, {"parity:4", "4,5:tanh,3:relu,1:none"}};
    for (size_t n = 0; n < 3; n++) {
        struct mgd_setting s;
        mgd_open(&s, networks[n][0], networks[n][1]);
        for (size_t k = 0; k < 7 * 5 * 2; k++) {
            struct rebias_mgd_options o = mgd_options();
            o.perturbation = (enum rebias_perturbation)(k / 7 % 5);
            o.two_sided = k / 35 == 1;
            o.tau_p = taus[k % 7][0];
            o.tau_x = taus[k % 7][1];
            o.tau_theta = taus[k % 7][2];
            o.replicate = (uint32_t)k;
            o.sparsity = k % 7 == 3 ? 2.0 : 1.0;
            compare_ways(&s, &o, k % 7 == 0 ? 2 : 100);
        }
        mgd_close(&s);
    }
}

/* Cost noise and clip are applied alike; cross-entropy too. */
static void test_ways_agree_with_noise(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "nist7x7", "49,4,4");
    support_expect(rebias_architecture_parse(&s.a, "49,6,4", REBIAS_TRANSFER_TANH,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.1, &err),
                   REBIAS_OK, &err, NULL);
    for (int k = 0; k < 4; k++) {
        o.tau_theta = 64.0;
        o.tau_x = k % 2 == 0 ? 64.0 : 1.0;
        o.cost_noise = 0.003;
        o.clip = k / 2 == 0 ? 0.0 : 0.002;
        compare_ways(&s, &o, 100);
    }
    mgd_close(&s);
}

/* -- 5. threads -- */

static void check_threads(const struct mgd_setting *s, struct rebias_mgd_options o)
{
    static float theta[3][MOST_PARAMETERS];
    struct rebias_mgd_result *result[3];
    for (int t = 0; t < 3; t++) {
        o.threads = t + 1;
        result[t] = mgd_train(s, &o, theta[t]);
    }
    for (int t = 1; t < 3; t++) {
        assert_memory_equal(theta[t], theta[0], s->a.parameters * sizeof(float));
        assert_int_equal(result[t]->look_count, result[0]->look_count);
        assert_memory_equal(result[t]->looks, result[0]->looks,
                            result[0]->look_count * sizeof result[0]->looks[0]);
        assert_int_equal(result[t]->evaluations, result[0]->evaluations);
    }
    for (int t = 0; t < 3; t++) {
        rebias_mgd_result_free(result[t]);
    }
}

static void test_same_bytes_for_any_threads(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = mgd_options();
    o.steps = 8192;
    o.test_samples = 500;
    o.tau_theta = 2048.0;
    o.tau_x = 2.0;
    check_threads(&s, o); /* fast way, windows of two chunks */
    o.batch = 5;
    o.steps = 300;
    o.tau_theta = 10.0;
    check_threads(&s, o); /* general way, base costs shared between pieces */
    o.scope = REBIAS_MGD_LAYERS;
    o.tau_x = 10.0;
    o.read_noise = 0.01;
    o.cost_noise = 0.001;
    check_threads(&s, o);
    o.method = REBIAS_MGD_NODE;
    check_threads(&s, o);
    mgd_close(&s);
}

/* -- 6. wrong options -- */

static void refuse(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                   const char *text)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    support_expect(
        rebias_mgd_train(&result, &s->a, &s->data, &s->data, o, NULL, NULL, NULL, &err),
        REBIAS_E_RANGE, &err, text);
    assert_null(result);
}

static void test_wrong_options(void **state)
{
    (void)state;
    struct mgd_setting s;
    const struct rebias_mgd_options good = mgd_options();
    struct rebias_mgd_options o = good;
    mgd_open(&s, "xor", "2,2,1");
    o.amplitude = 0.0;
    refuse(&s, &o, "amplitude of the perturbation 0 is not above 0");
    o = good;
    o.eta = (double)NAN;
    refuse(&s, &o, "eta nan is not above 0");
    o = good;
    o.steps = 0;
    refuse(&s, &o, "number of steps 0 is not at least 1");
    o = good;
    o.tau_x = 1.5;
    refuse(&s, &o, "tau_x = 1.5 is not a whole number of time steps of 1");
    o = good;
    o.tau_p = 2.0;
    o.tau_theta = 3.0;
    refuse(&s, &o,
           "tau_theta = 3 is not a multiple of tau_p = 2: an update would cut a pattern");
    o = good;
    o.tau_theta = 4.0;
    o.tau_x = 6.0;
    refuse(&s, &o, "tau_theta = 4 and tau_x = 6: one must be a multiple of the other");
    o = good;
    o.batch = 5;
    refuse(&s, &o, "a batch of 5 from 4 samples");
    o = good;
    o.growth = 0.5;
    refuse(&s, &o, "growth 0.5 between looks is not above 1");
    mgd_close(&s);
}

static void test_combinations_refused(void **state)
{
    (void)state;
    struct mgd_setting s;
    const struct rebias_mgd_options good = mgd_options();
    struct rebias_mgd_options o = good;
    mgd_open(&s, "xor", "2,2,1");
    o.analog = true;
    refuse(&s, &o, "the analog form is one-sided weight perturbation");
    o = good;
    o.offset = REBIAS_OFFSET_CONDUCTANCE;
    refuse(&s, &o, "an offset of conductances needs a device");
    o.method = REBIAS_MGD_NODE;
    refuse(&s, &o, "node perturbation offsets no conductances");
    struct rebias_device *device = support_device("ideal");
    o = good;
    o.device = device;
    o.max_norm = 1.0;
    refuse(&s, &o, "weights on devices cannot be scaled to a largest norm");
    o.max_norm = 0.0;
    o.update_noise = 1.0;
    refuse(&s, &o, "update noise is for ideal parameters");
    rebias_device_free(device);
    mgd_close(&s);
}

static void test_data_that_do_not_fit(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_setting other;
    const struct rebias_mgd_options o = mgd_options();
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    mgd_open(&s, "xor", "3,2,1");
    refuse(&s, &o, "the network has 3 inputs, the data have 2");
    mgd_close(&s);
    mgd_open(&s, "xor", "2,2,2");
    refuse(&s, &o, "the network has 2 outputs, the data need 1");
    mgd_close(&s);
    mgd_open(&s, "xor", "2,2,1");
    mgd_open(&other, "parity:3", "3,2,1");
    support_expect(
        rebias_mgd_train(&result, &s.a, &s.data, &other.data, &o, NULL, NULL, NULL, &err),
        REBIAS_E_RANGE, &err, "the network has 2 inputs, the data have 3");
    s.data.target = NULL;
    refuse(&s, &o, "the cost needs targets, the data have none");
    s.data.n = 0;
    refuse(&s, &o, "the data have no samples");
    mgd_close(&other);
    mgd_close(&s);
}

/* A decay far too large makes linear outputs grow ninefold an update: an error, not NaN. */
static void test_divergence_is_an_error(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,3:none,1:none");
    o.eta = 10.0;
    o.weight_decay = 1.0;
    o.clip = 1e9;
    support_expect(
        rebias_mgd_train(&result, &s.a, &s.data, &s.data, &o, NULL, NULL, NULL, &err),
        REBIAS_E_NUMERIC, &err, "the cost is no longer finite at step");
    assert_null(result);
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_optimizers),
                                       cmocka_unit_test(test_cost_noise),
                                       cmocka_unit_test(test_cost_noise_is_addressed),
                                       cmocka_unit_test(test_clip),
                                       cmocka_unit_test(test_update_noise),
                                       cmocka_unit_test(test_largest_norm),
                                       cmocka_unit_test(test_imperfections_enter_the_cost),
                                       cmocka_unit_test(test_ways_agree),
                                       cmocka_unit_test(test_ways_agree_with_noise),
                                       cmocka_unit_test(test_same_bytes_for_any_threads),
                                       cmocka_unit_test(test_wrong_options),
                                       cmocka_unit_test(test_combinations_refused),
                                       cmocka_unit_test(test_data_that_do_not_fit),
                                       cmocka_unit_test(test_divergence_is_an_error)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
