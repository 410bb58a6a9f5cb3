/* test_compare_devices.c - device-level metrics between two devices. */
#include "support.h"

#include "rebias/bias.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rebias_device_metrics compare(const char *model_spec, const char *target_spec)
{
    struct rebias_error err = {0};
    struct rebias_device_metrics metrics;
    struct rebias_device *model = support_device(model_spec);
    struct rebias_device *target = support_device(target_spec);
    support_expect(rebias_compare_devices(model, target, NULL, &metrics, NULL, &err), REBIAS_OK,
                   &err, NULL);
    rebias_device_free(model);
    rebias_device_free(target);
    return metrics;
}

static void test_device_against_itself(void **state)
{
    (void)state;
    static const char *const specs[] = {"synthetic-lc", "ag-asi", "ideal", "tiox-1.5V"};
    const struct rebias_device_metrics zero = {0};
    for (size_t k = 0; k < sizeof specs / sizeof specs[0]; k++) {
        struct rebias_device_metrics m = compare(specs[k], specs[k]);
        assert_memory_equal(&m, &zero, sizeof m);
    }
}

/* Noiseless devices of 500 and 250 levels over 35 nS: the jumps are +-70 and +-140 pS. */
static void test_ideal_devices(void **state)
{
    (void)state;
    struct rebias_device_metrics m = compare("ideal:levels=500", "ideal:levels=250");
    for (int p = 0; p < 2; p++) {
        support_close(m.mean_error[p], p == 0 ? -70e-12 : 70e-12, 1e-9, 0.0);
        support_close(m.rmse_mean[p], 70e-12, 1e-9, 0.0);
        support_close(m.wasserstein1[p], 70e-12, 1e-9, 0.0);
        support_close(m.kolmogorov_smirnov[p], 1.0, 1e-12, 0.0);
        support_close(m.hellinger[p], 1.0, 1e-12, 0.0);
        support_close(m.sd_error[p], 0.0, 0.0, 1e-30);
    }
    support_close(m.push_pull, -140e-12, 1e-9, 0.0);
}

/* synthetic-lc: sd 1.2 nS, mean linear in G with the preset's coefficients; an ideal device
 * with the same range. */
static void test_closed_forms(void **state)
{
    (void)state;
    struct rebias_device_metrics m = compare("synthetic-lc", "ideal:levels=500");
    const double at_centre[2] = {0.173202952e-9 - 0.003979018 * 20.5e-9,
                                 0.027108915e-9 - 0.009830111 * 20.5e-9};
    for (int p = 0; p < 2; p++) {
        support_close(m.mean_error[p], at_centre[p] - (p == 0 ? 70e-12 : -70e-12), 1e-7, 0.0);
        support_close(m.sd_error[p], 1.2e-9, 1e-12, 0.0);
        support_close(m.rmse_sd[p], 1.2e-9, 1e-12, 0.0);
        support_close(m.hellinger[p], 1.0, 1e-12, 0.0); /* a point mass against a density */
    }
    support_close(m.push_pull, m.mean_error[0] - m.mean_error[1], 1e-12, 0.0);
    assert_true(m.wrong_sign_all == 0.0);
}

/* Both linear in G: the averages are the values at mid range. ag-asi's noise is 3.5 % of 35 nS.
 */
static void test_preset_against_preset(void **state)
{
    (void)state;
    struct rebias_device *asi = support_device("ag-asi");
    struct rebias_device *lc = support_device("synthetic-lc");
    struct rebias_device_metrics m = compare("ag-asi", "synthetic-lc");
    struct rebias_slice_metrics slices[2 * 100];
    assert_int_equal(rebias_compare_devices(asi, lc, NULL, &m, slices, NULL), REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        double mean[2];
        double sd[2];
        double hellinger = 0.0;
        asi->model->moments(asi, (enum rebias_polarity)p, 20.5e-9, &mean[0], &sd[0]);
        lc->model->moments(lc, (enum rebias_polarity)p, 20.5e-9, &mean[1], &sd[1]);
        support_close(m.mean_error[p], mean[0] - mean[1], 1e-9, 0.0);
        support_close(m.sd_error[p], 0.035 * 35e-9 - 1.2e-9, 1e-9, 0.0);
        for (size_t i = 0; i < 100; i++) {
            const struct rebias_slice_metrics *s = &slices[100 * p + (int)i];
            hellinger += rebias_hellinger_normal(s->model_mean, s->model_sd, s->target_mean,
                                                 s->target_sd) /
                         100;
        }
        support_close(m.hellinger[p], hellinger, 1e-12, 0.0);
        assert_true(m.hellinger[p] > 0.0 && m.hellinger[p] < 0.1);
    }
    rebias_device_free(asi);
    rebias_device_free(lc);
}

static void test_devices_that_cannot_be_compared(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_device_metrics m;
    struct rebias_device *nano = support_device("synthetic-lc");
    struct rebias_device *micro = support_device("tiox-1.5V");
    support_expect(rebias_compare_devices(nano, micro, NULL, &m, NULL, &err), REBIAS_E_RANGE,
                   &err,
                   "synthetic-lc (3e-09 to 3.8e-08 S) and tiox-1.5V (5e-06 to 3e-05 S) have no "
                   "common range");
    struct rebias_device_model silent = *nano->model;
    struct rebias_device unknown = *nano;
    silent.moments = NULL;
    unknown.model = &silent;
    support_expect(rebias_compare_devices(&unknown, nano, NULL, &m, NULL, &err),
                   REBIAS_E_UNSUPPORTED, &err,
                   "model gaussian does not give the distribution of its jumps");
    rebias_device_free(nano);
    rebias_device_free(micro);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_against_itself),
        cmocka_unit_test(test_ideal_devices),
        cmocka_unit_test(test_closed_forms),
        cmocka_unit_test(test_preset_against_preset),
        cmocka_unit_test(test_devices_that_cannot_be_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
