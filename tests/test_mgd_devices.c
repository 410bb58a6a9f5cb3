/* test_mgd_devices.c - multiplexed gradient descent on device crossbars.
 * 1. helpers   2. updates by pulses   3. offsets   4. training
 */
#include "mgd_support.h"

#include <stdio.h>

enum { MOST_PARAMETERS = 400 };

/* -- 1. helpers -- */

static struct rebias_mgd_options device_options(const struct rebias_device *device)
{
    struct rebias_mgd_options o = mgd_options();
    o.device = device;
    o.crossbar.weight_range = 2.0;
    return o;
}

static void open_parameters(struct mgd_parameters *p, const struct mgd_setting *s,
                            const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    support_expect(rebias_mgd_parameters_new(p, &s->a, o, &err), REBIAS_OK, &err, NULL);
}

/* -- 2. updates by pulses -- */

/* A wanted change of k nominal steps on every weight gives |k| pulses on each, counted; on
 * ideal devices in the middle of their range the weights move by k steps. Biases are digital.
 */
static void test_whole_steps(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_parameters p;
    float change[MOST_PARAMETERS];
    float start[MOST_PARAMETERS];
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    const struct rebias_mgd_options o = device_options(device);
    open_parameters(&p, &s, &o);
    const double step = rebias_crossbar_weight_step(p.crossbar[0]);
    for (size_t i = 0; i < 220; i++) {
        change[i] = (float)(step * (i % 2 == 0 ? 2.0 : -3.0));
        start[i] = p.theta[i];
    }
    const uint64_t pulses = rebias_mgd_parameters_apply(&p, change, 0);
    assert_in_range(pulses, 530 - 2, 530 + 2); /* 212 weights, 2 or 3; rounding of k ~ 1e-6 */
    for (size_t i = 0; i < 220; i++) {
        const bool bias = (i >= 196 && i < 200) || i >= 216;
        const double moved = (double)p.theta[i] - (double)start[i];
        support_close(moved, -(double)change[i], 0.0, bias ? 1e-6 : 1e-3 * step);
    }
    rebias_mgd_parameters_clear(&p);
    rebias_device_free(device);
    mgd_close(&s);
}

/* Biases on devices are pulsed too: 220 numbers. */
static void test_biases_on_devices(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_parameters p;
    float change[MOST_PARAMETERS];
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = device_options(device);
    o.biases = REBIAS_BIASES_DEVICES;
    open_parameters(&p, &s, &o);
    assert_int_equal(rebias_crossbar_size(p.crossbar[0]), 200);
    assert_int_equal(rebias_crossbar_size(p.crossbar[1]), 20);
    for (size_t i = 0; i < 220; i++) {
        change[i] = (float)rebias_crossbar_weight_step(p.crossbar[0]);
    }
    assert_in_range(rebias_mgd_parameters_apply(&p, change, 0), 219, 221);
    rebias_mgd_parameters_clear(&p);
    rebias_device_free(device);
    mgd_close(&s);
}

/* Changes of 0.3 steps: accumulated, the first pulse comes with the fourth update and 0.2 steps
 * stay; rounded stochastically, 0.3 pulses a weight and update in the mean (binomial, 212 x 40
 * draws, 4.5 standard deviations: false alarm 7e-6). */
static void test_accumulated_and_stochastic(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_parameters p;
    float change[MOST_PARAMETERS];
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = device_options(device);
    o.write = REBIAS_WRITE_ACCUMULATE;
    open_parameters(&p, &s, &o);
    const double step = rebias_crossbar_weight_step(p.crossbar[0]);
    for (size_t i = 0; i < 220; i++) {
        change[i] = (float)(0.3 * step);
    }
    for (uint32_t update = 0; update < 3; update++) {
        assert_int_equal(rebias_mgd_parameters_apply(&p, change, update), 0);
    }
    assert_int_equal(rebias_mgd_parameters_apply(&p, change, 3), 212);
    support_close(p.held[0] / step, 0.2, 1e-5, 0.0);
    rebias_mgd_parameters_clear(&p);
    o.write = REBIAS_WRITE_STOCHASTIC;
    open_parameters(&p, &s, &o);
    double pulses = 0.0;
    for (uint32_t update = 0; update < 40; update++) {
        pulses += (double)rebias_mgd_parameters_apply(&p, change, update);
    }
    support_close(pulses, 0.3 * 212 * 40, 0.0, 4.5 * sqrt(0.3 * 0.7 * 212 * 40));
    rebias_mgd_parameters_clear(&p);
    rebias_device_free(device);
    mgd_close(&s);
}

/* More than the cap in one update: the cap is given, the rest waits and follows. */
static void test_cap_keeps_the_rest(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_parameters p;
    float change[MOST_PARAMETERS] = {0.0f};
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = device_options(device);
    o.write = REBIAS_WRITE_ACCUMULATE;
    o.crossbar.pulse_cap = 2;
    open_parameters(&p, &s, &o);
    change[0] = (float)(5.2 * rebias_crossbar_weight_step(p.crossbar[0]));
    assert_int_equal(rebias_mgd_parameters_apply(&p, change, 0), 2);
    change[0] = 0.0f;
    assert_int_equal(rebias_mgd_parameters_apply(&p, change, 1), 2);
    assert_int_equal(rebias_mgd_parameters_apply(&p, change, 2), 1);
    assert_int_equal(rebias_mgd_parameters_apply(&p, change, 3), 0);
    rebias_mgd_parameters_clear(&p);
    rebias_device_free(device);
    mgd_close(&s);
}

/* -- 3. offsets -- */

/* A pair's weight w = W (G+ - G-)/(Gmax - Gmin): an offset d of the conductances is half on
 * each, cut at the rails, so that |w + d| stays below W and offsets are exact inside. */
static void test_conductance_offsets_are_cut_at_the_rails(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_parameters p;
    float pattern[MOST_PARAMETERS];
    float shifted[MOST_PARAMETERS];
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = device_options(device);
    o.offset = REBIAS_OFFSET_CONDUCTANCE;
    open_parameters(&p, &s, &o);
    for (size_t i = 0; i < 220; i++) {
        pattern[i] = i % 3 == 0 ? 0.01f : 9.0f;
    }
    for (int side = 0; side < 2; side++) {
        const double sign = side == 0 ? 1.0 : -1.0;
        rebias_mgd_parameters_offset(&p, 0, 220, pattern, (float)sign, shifted);
        for (size_t i = 0; i < 220; i++) {
            const bool bias = (i >= 196 && i < 200) || i >= 216;
            const double plain = (double)p.theta[i] + sign * (double)pattern[i];
            const double cut = fmin(fmax(plain, -2.0), 2.0);
            support_close((double)shifted[i], bias ? plain : cut, 0.0, 2e-6);
        }
    }
    rebias_mgd_parameters_clear(&p);
    rebias_device_free(device);
    mgd_close(&s);
}

/* Where no rail is near, both kinds of offset give the same estimate. */
static void test_offsets_agree_inside(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[2][MOST_PARAMETERS];
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = device_options(device);
    mgd_estimate(&s, &o, 50, MGD_GENERAL_WAY, estimate[0], &sums);
    o.offset = REBIAS_OFFSET_CONDUCTANCE;
    mgd_estimate(&s, &o, 50, MGD_ANY_WAY, estimate[1], &sums);
    for (size_t i = 0; i < 220; i++) {
        support_close((double)estimate[1][i], (double)estimate[0][i], 0.0, 2e-4);
    }
    rebias_device_free(device);
    mgd_close(&s);
}

/* -- 4. training -- */

/* Mean cost of the last look, and pulses counted alike in looks and result. */
static double final_cost(const struct mgd_setting *s, const struct rebias_mgd_options *o)
{
    float theta[MOST_PARAMETERS];
    struct rebias_mgd_result *result = mgd_train(s, o, theta);
    const struct rebias_mgd_look *last = &result->looks[result->look_count - 1];
    const double cost = last->cost;
    assert_int_equal(last->pulses, result->pulses);
    assert_true(result->pulses > 0);
    printf("# cost %.4f, %llu pulses\n", cost, (unsigned long long)result->pulses);
    rebias_mgd_result_free(result);
    return cost;
}

/* NIST7x7 on ideal devices: the cost falls below chance (0.1875); single devices, pairs,
 * both rules of writing. The seed is fixed. */
static void test_training_lowers_the_cost(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_device *device = support_device("ideal");
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int k = 0; k < 4; k++) {
        struct rebias_mgd_options o = device_options(device);
        o.crossbar.encoding = k % 2 == 0 ? REBIAS_PAIR : REBIAS_SINGLE;
        o.write = k / 2 == 0 ? REBIAS_WRITE_STOCHASTIC : REBIAS_WRITE_ACCUMULATE;
        o.amplitude = 0.05;
        o.eta = 3.0;
        o.tau_theta = 100.0;
        o.steps = 40000;
        o.test_samples = 2000;
        assert_true(final_cost(&s, &o) < 0.15);
    }
    rebias_device_free(device);
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_steps),
        cmocka_unit_test(test_biases_on_devices),
        cmocka_unit_test(test_accumulated_and_stochastic),
        cmocka_unit_test(test_cap_keeps_the_rest),
        cmocka_unit_test(test_conductance_offsets_are_cut_at_the_rails),
        cmocka_unit_test(test_offsets_agree_inside),
        cmocka_unit_test(test_training_lowers_the_cost)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
