/* mgd_learning.c - learning curves of multiplexed gradient descent on generated tasks, against
 * published and independent numbers. Slow: run by make check-stat.
 * 1. helpers   2. XOR and parity   3. NIST7x7   4. activation defects   5. streaming samples
 *
 * Seeds are fixed. Bounds are wide enough that another set of seeds passes too with a
 * probability of about 0.99 each.
 */
#include "../mgd_support.h"

#include <stdio.h>

/* -- 1. helpers -- */

enum { MOST_SEEDS = 100 };

struct outcome {
    size_t reached;
    double median; /* steps of the seeds that got there */
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(size_t n, double *value)
{
    qsort(value, n, sizeof *value, ascending);
    return n > 0 ? 0.5 * (value[(n - 1) / 2] + value[n / 2]) : (double)NAN;
}

static struct rebias_mgd_result *run(const struct mgd_setting *s,
                                     const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    support_expect(
        rebias_mgd_train(&result, &s->a, &s->data, &s->data, o, NULL, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    return result;
}

/* Seeds that reach options' target, and when. */
static struct outcome run_seeds(const struct mgd_setting *s, struct rebias_mgd_options o,
                                uint32_t seeds)
{
    double steps[MOST_SEEDS];
    struct outcome outcome = {0, 0.0};
    for (uint32_t k = 0; k < seeds; k++) {
        o.replicate = k;
        struct rebias_mgd_result *result = run(s, &o);
        if (result->reached) {
            steps[outcome.reached++] = (double)result->steps;
        }
        rebias_mgd_result_free(result);
    }
    outcome.median = median_of(outcome.reached, steps);
    printf("# %zu of %u seeds, median of those %.4g steps\n", outcome.reached, (unsigned)seeds,
           outcome.median);
    return outcome;
}

/* First step of a look with an accuracy of at least `level`; INFINITY when there is none. */
static double first_at(const struct rebias_mgd_result *result, double level)
{
    for (size_t i = 0; i < result->look_count; i++) {
        if (result->looks[i].accuracy >= level) {
            return (double)result->looks[i].step;
        }
    }
    return INFINITY;
}

/* -- 2. XOR and parity -- */

static struct rebias_mgd_options small_task(double eta, uint64_t steps)
{
    struct rebias_mgd_options o = mgd_options();
    o.amplitude = 0.05;
    o.eta = eta;
    o.eta_form = REBIAS_ETA_VECTOR;
    o.steps = steps;
    o.target_cost = 0.04;
    o.growth = 1.02;
    return o;
}

/* 2-2-1, eta 1: 86 of 100 seeds within 1e6 steps, median 1.0e4, in an independent program. */
static void test_xor(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "xor", "2,2,1");
    const struct outcome one = run_seeds(&s, small_task(1.0, 1000000), 100);
    assert_in_range(one.reached, 76, 95);
    assert_true(one.median > 0.7e4 && one.median < 1.4e4);
    /* eta 3: two independent programs gave 89 seeds and 3.2e3, 83 seeds and 4.2e3 */
    const struct outcome three = run_seeds(&s, small_task(3.0, 1000000), 100);
    assert_in_range(three.reached, 76, 97);
    assert_true(three.median > 2.5e3 && three.median < 5.5e3);
    mgd_close(&s);
}

/* 3-6-1: 50 of 50 seeds, median 1.0e4; 4-8-1: 18 of 20 within 5e6, in an independent program.
 */
static void test_parity(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "parity:3", "3,6,1");
    const struct outcome three = run_seeds(&s, small_task(3.0, 1000000), 50);
    assert_true(three.reached >= 46);
    assert_true(three.median > 0.7e4 && three.median < 1.4e4);
    mgd_close(&s);
    mgd_open(&s, "parity:4", "4,8,1");
    const struct outcome four = run_seeds(&s, small_task(3.0, 5000000), 20);
    assert_true(four.reached >= 14);
    mgd_close(&s);
}

/* -- 3. NIST7x7 -- */

static struct rebias_mgd_options nist_options(void)
{
    struct rebias_mgd_options o = mgd_options();
    o.amplitude = 0.01;
    o.eta = 1.0;
    o.eta_form = REBIAS_ETA_VECTOR;
    o.steps = 3000000;
    o.growth = 1.15;
    return o;
}

/* 49-4-4, all taus 1, ten seeds: 80 % first at a median of 3.1e5 steps, 90 % at 3.6e5 to 8.2e5
 * (one seed in ten never), after 3e6 steps a median of 95.3 % (an independent program). */
static void test_nist(void **state)
{
    (void)state;
    enum { SEEDS = 10 };
    struct mgd_setting s;
    struct rebias_mgd_options o = nist_options();
    double at80[SEEDS];
    double at90[SEEDS];
    double last[SEEDS];
    size_t passed = 0;
    mgd_open(&s, "nist7x7", "49,4,4");
    for (uint32_t k = 0; k < SEEDS; k++) {
        o.replicate = k;
        struct rebias_mgd_result *result = run(&s, &o);
        at80[k] = first_at(result, 0.8);
        at90[k] = first_at(result, 0.9);
        last[k] = result->looks[result->look_count - 1].accuracy;
        passed += isfinite(at90[k]) != 0;
        printf("# seed %u: 80 %% at %.3g, 90 %% at %.3g, last %.4f\n", (unsigned)k, at80[k],
               at90[k], last[k]);
        rebias_mgd_result_free(result);
    }
    const double median80 = median_of(SEEDS, at80);
    const double median90 = median_of(SEEDS, at90);
    const double accuracy = median_of(SEEDS, last);
    printf("# medians: 80 %% at %.3g, 90 %% at %.3g, last %.4f\n", median80, median90,
           accuracy);
    assert_true(median80 > 2.0e5 && median80 < 4.1e5);
    assert_true(median90 > 3.6e5 && median90 < 8.2e5);
    assert_true(passed >= 7);
    assert_true(accuracy > 0.92 && accuracy < 0.975);
    mgd_close(&s);
}

/* -- 4. activation defects -- */

/* sd 0.25: three of four seeds still learn, slower; 0.5: at least three of four stay below 80 %
 * (McCaughan et al. 2023: twice as long at 0.25, no convergence above). */
static void test_activation_defects(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_mgd_options o = nist_options();
    size_t passed[2] = {0, 0};
    mgd_open(&s, "nist7x7", "49,4,4");
    for (uint32_t k = 0; k < 8; k++) {
        o.replicate = k % 4;
        o.defects = k < 4 ? 0.25 : 0.5;
        o.test_samples = 0;
        struct rebias_mgd_result *result = run(&s, &o);
        const double last = result->looks[result->look_count - 1].accuracy;
        passed[k / 4] += last >= 0.8;
        printf("# defects %g, seed %u: last %.4f, 80 %% at %.3g\n", o.defects,
               (unsigned)(k % 4), last, first_at(result, 0.8));
        rebias_mgd_result_free(result);
    }
    assert_true(passed[0] >= 2);
    assert_true(passed[1] <= 1);
    mgd_close(&s);
}

/* -- 5. streaming samples -- */

/* A new sample every step, 49-4-4, 20 trials: cos(1000) = 0.724 and cos(10000) = 0.956 in an
 * independent program; 1/sqrt(1 + (P r - 1)/T) gives 0.729 and 0.958. */
static void test_streaming(void **state)
{
    (void)state;
    const double expected[2] = {0.7265, 0.957};
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct rebias_mgd_angles *angles = NULL;
    struct rebias_mgd_options o = nist_options();
    mgd_open(&s, "nist7x7", "49,4,4");
    o.tau_theta = 100000.0;
    o.threads = 2;
    for (int k = 0; k < 2; k++) {
        const struct rebias_mgd_angle_options options = {k == 0 ? 1000 : 10000, 20, 2, 0.0};
        support_expect(
            rebias_mgd_measure_angles(&angles, &s.a, &s.data, &o, &options, NULL, NULL, &err),
            REBIAS_OK, &err, NULL);
        const double cosine = angles->cosine[angles->count - 1];
        printf("# cosine %.4f\n", cosine);
        support_close(cosine, expected[k], 0.0, 0.022);
        rebias_mgd_angles_free(angles);
    }
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streaming),
        cmocka_unit_test(test_xor),
        cmocka_unit_test(test_parity),
        cmocka_unit_test(test_nist),
        cmocka_unit_test(test_activation_defects),
    };
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
