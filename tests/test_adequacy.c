/* test_adequacy.c - are there enough points? Slices by hand, the predicted error against the
 * truth.
 * 1. slices   2. the error   3. wrong input
 */
#include "support.h"

#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>

static struct rebias_adequacy_options options_of(const char *method)
{
    struct rebias_adequacy_options options = rebias_adequacy_options_defaults();
    struct rebias_error err = {0};
    support_expect(rebias_method_parse(&options.method, method, &err), REBIAS_OK, &err, NULL);
    return options;
}

static struct rebias_pulses *draw(const struct rebias_device *device, size_t points,
                                  uint32_t replicate)
{
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err = {0};
    synth.points = points;
    synth.replicate = replicate;
    support_expect(rebias_pulses_synthesize(&pulses, device, &synth, &err), REBIAS_OK, &err,
                   NULL);
    return pulses;
}

static struct rebias_adequacy *measure(const struct rebias_pulses *pulses,
                                       const struct rebias_adequacy_options *options)
{
    struct rebias_adequacy *adequacy = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_adequacy_measure(&adequacy, pulses, options, &err), REBIAS_OK, &err,
                   NULL);
    return adequacy;
}

/* -- 1. slices -- */

/* SET at G = 1, 1.5, 2, 3, 5 with dG = 2, 4, 9, 7, 8 in two slices of [1, 5]: {2, 4, 9} below 3
 * with mean 5 and squares 26, {7, 8} from 3 on (Gmax belongs to the last slice) with mean 7.5
 * and squares 1/2. Four copies of each point, so that quarters of the data suffice for a fit:
 * squares times 4, divisor 4 n - 1. */
static void test_slices_by_hand(void **state)
{
    (void)state;
    const double G[] = {1, 1.5, 2, 3, 5};
    const double dG[] = {2, 4, 9, 7, 8};
    struct rebias_pulses *pulses = NULL;
    assert_int_equal(rebias_pulses_new(&pulses, 40, false, NULL), REBIAS_OK);
    for (size_t i = 0; i < 40; i++) {
        pulses->polarity[i] = i < 20 ? REBIAS_SET : REBIAS_RESET;
        pulses->G[i] = G[i % 5];
        pulses->dG[i] = i < 20 ? dG[i % 5] : -dG[i % 5];
    }
    struct rebias_adequacy_options options = options_of("binning:1");
    options.slices = 2;
    struct rebias_adequacy *adequacy = measure(pulses, &options);
    const struct rebias_adequacy_slice *s = adequacy->slices;
    assert_int_equal(adequacy->slice_count, 2);
    assert_true(s[0].G_low == 1.0 && s[0].G_high == 3.0 && s[1].G_high == 5.0);
    assert_true(s[0].points == 12 && s[1].points == 8 && s[2].points == 12 && s[3].points == 8);
    support_close(s[0].mean, 5.0, 1e-15, 0.0);
    support_close(s[3].mean, -7.5, 1e-15, 0.0);
    support_close(s[0].sd, sqrt(4.0 * 26.0 / 11.0), 1e-15, 0.0);
    support_close(s[1].sd, sqrt(8.0 * 0.25 / 7.0), 1e-15, 0.0);
    support_close(s[1].se_mean, s[1].sd / sqrt(8.0), 1e-15, 0.0);
    rebias_adequacy_free(adequacy);
    rebias_pulses_free(pulses);
}

/* -- 2. the error -- */

/* Mean W1 over G and polarities of the fit to the truth, over the mean sd 1.2 nS of
 * synthetic-lc. */
static double true_error(const struct rebias_device *device, const struct rebias_pulses *pulses,
                         const struct rebias_method *method)
{
    struct rebias_fit_options fit = rebias_fit_options_defaults();
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    fit.Gmin = device->Gmin;
    fit.Gmax = device->Gmax;
    support_expect(rebias_fit(&table, pulses, method, &fit, NULL, &err), REBIAS_OK, &err, NULL);
    double sum = 0.0;
    for (int p = 0; p < 2; p++) {
        for (size_t i = 0; i < table->side[p].G_count; i++) {
            double m1 = 0.0, s1 = 0.0, m2 = 0.0, s2 = 0.0;
            const double G = table->side[p].G[i];
            rebias_table_moments(&table->side[p], REBIAS_RULE_LINEAR, G, &m1, &s1);
            device->model->moments(device, (enum rebias_polarity)p, G, &m2, &s2);
            sum += rebias_wasserstein1_normal(m1, s1, m2, s2) /
                   (2.0 * (double)table->side[p].G_count);
        }
    }
    rebias_table_free(table);
    return sum / 1.2e-9;
}

/* Predicted from the data alone against the truth, averaged over 20 data sets. Both means have
 * a relative standard error of about 3 % (one data set: 10 to 13 %), so 15 % is beyond 4
 * standard errors of the ratio. */
static void test_error_against_truth(void **state)
{
    (void)state;
    enum { SETS = 20, POINTS = 1000 };
    struct rebias_device *device = support_device("synthetic-lc");
    struct rebias_adequacy_options options = options_of("binning:10");
    options.Gmin = device->Gmin;
    options.Gmax = device->Gmax;
    double predicted = 0.0;
    double real = 0.0;
    for (uint32_t r = 0; r < SETS; r++) {
        struct rebias_pulses *pulses = draw(device, POINTS, r);
        struct rebias_adequacy *adequacy = measure(pulses, &options);
        predicted += 0.5 * (adequacy->side[0].error + adequacy->side[1].error);
        real += true_error(device, pulses, &options.method);
        rebias_adequacy_free(adequacy);
        rebias_pulses_free(pulses);
    }
    print_message("# predicted %.4f, real %.4f\n", predicted / SETS, real / SETS);
    support_close(predicted / real, 1.0, 0.15, 0.0);
    rebias_device_free(device);
}

static void test_points_needed(void **state)
{
    (void)state;
    const struct rebias_adequacy_side side = {.coefficient = 2.0};
    assert_true(rebias_adequacy_points(&side, 0.1) == 400.0); /* (2/0.1)^2 */
    assert_true(rebias_adequacy_points(&side, 0.3) == 45.0);  /* 44.4 */
}

static void test_same_bytes(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("tiox-1.5V");
    struct rebias_pulses *pulses = draw(device, 200, 0);
    struct rebias_adequacy_options options = options_of("binning:5");
    struct rebias_adequacy *a = measure(pulses, &options);
    struct rebias_adequacy *b = measure(pulses, &options);
    assert_memory_equal(a->side, b->side, sizeof a->side);
    options.seed = 2;
    struct rebias_adequacy *c = measure(pulses, &options);
    assert_true(a->side[0].coefficient != c->side[0].coefficient);
    support_close(c->side[0].error, c->side[0].coefficient / sqrt(200.0), 1e-15, 0.0);
    rebias_adequacy_free(a);
    rebias_adequacy_free(b);
    rebias_adequacy_free(c);
    rebias_adequacy_free(NULL);
    rebias_pulses_free(pulses);
    rebias_device_free(device);
}

/* -- 3. wrong input -- */

static void test_errors(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("tiox-1.5V");
    struct rebias_pulses *pulses = draw(device, 50, 0);
    struct rebias_adequacy_options options = options_of("binning:5");
    struct rebias_adequacy *adequacy = NULL;
    struct rebias_error err = {0};
    options.slices = 0;
    support_expect(rebias_adequacy_measure(&adequacy, pulses, &options, &err), REBIAS_E_RANGE,
                   &err, "0 slices are not possible (1 to 1000)");
    options.slices = 5;
    options.draws = 1;
    support_expect(rebias_adequacy_measure(&adequacy, pulses, &options, &err), REBIAS_E_RANGE,
                   &err, "1 subsamples are not possible (2 to 10000)");
    rebias_pulses_free(pulses);
    pulses = draw(device, 5, 0);
    options = options_of("binning:1"); /* a quarter of 5 points is 1: not enough for a bin */
    support_expect(rebias_adequacy_measure(&adequacy, pulses, &options, &err), REBIAS_E_DATA,
                   &err, "no bin holds 2 or more of the 1 SET points");
    assert_null(adequacy);
    rebias_pulses_free(pulses);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_by_hand), cmocka_unit_test(test_error_against_truth),
        cmocka_unit_test(test_points_needed),  cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
