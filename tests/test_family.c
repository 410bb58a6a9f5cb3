/* test_family.c - fits of bootstrap tables, and of one table a device.
 * 1. data   2. bootstrap   3. one table a device
 */
#include "family_tables.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. data -- */

enum { G_LEVELS = 11, DG_LEVELS = 21 };

static struct rebias_fit_options small_options(void)
{
    struct rebias_fit_options options = rebias_fit_options_defaults();
    options.G_levels = G_LEVELS;
    options.dG_levels = DG_LEVELS;
    return options;
}

static struct rebias_method method_of(const char *text)
{
    struct rebias_method method;
    struct rebias_error err = {0};
    support_expect(rebias_method_parse(&method, text, &err), REBIAS_OK, &err, NULL);
    return method;
}

/* Synthetic points; device and cycle labels deal the points round to `devices` devices. */
static struct rebias_pulses *data_of(size_t points, int devices)
{
    struct rebias_device *device = support_device("synth:linear-constant");
    struct rebias_synth_options options = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err = {0};
    options.points = points;
    support_expect(rebias_pulses_synthesize(&pulses, device, &options, &err), REBIAS_OK, &err,
                   NULL);
    rebias_device_free(device);
    if (devices > 0 && pulses->device == NULL) {
        assert_int_equal(rebias_alloc(&pulses->device, pulses->n, sizeof(int32_t), NULL),
                         REBIAS_OK);
    }
    for (size_t i = 0; devices > 0 && i < pulses->n; i++) {
        pulses->device[i] = 40 - (int)(i % (size_t)devices);
    }
    return pulses;
}

static struct rebias_family *bootstrap(const struct rebias_pulses *pulses, const char *method,
                                       const struct rebias_fit_options *options, size_t B,
                                       int threads)
{
    const struct rebias_method m = method_of(method);
    struct rebias_family *family = NULL;
    struct rebias_error err = {0};
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &m, options, B, threads, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    return family;
}

static struct rebias_table *fit(const struct rebias_pulses *pulses, const char *method,
                                const struct rebias_fit_options *options)
{
    const struct rebias_method m = method_of(method);
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_fit(&table, pulses, &m, options, NULL, &err), REBIAS_OK, &err, NULL);
    return table;
}

/* -- 2. bootstrap -- */

/* Member i is the fit to resample i over the range of the fit to all points; the same bytes for
 * 1 and 2 threads; blocks AUTO are those of all points (12 devices), though a resample holds
 * fewer different devices. */
static void test_bootstrap_members(void **state)
{
    (void)state;
    enum { B = 4 };
    static const char method[] = "binopt:evaluations=60"; /* holds blocks out */
    struct rebias_pulses *pulses = data_of(120, 12);
    struct rebias_fit_options options = small_options();
    options.seed = 17;
    struct rebias_table *pooled = fit(pulses, method, &options);
    struct rebias_family *family = bootstrap(pulses, method, &options, B, 1);
    struct rebias_family *again = bootstrap(pulses, method, &options, B, 2);
    family_same(family, again);
    assert_int_equal(family->kind, REBIAS_FAMILY_BOOTSTRAP);
    assert_int_equal(family->count, B);
    rebias_table_range(pooled, &options.Gmin, &options.Gmax);
    options.blocks = REBIAS_BLOCKS_DEVICE;
    for (uint32_t i = 0; i < B; i++) {
        struct rebias_pulses *drawn = NULL;
        assert_int_equal(
            rebias_pulses_resample(&drawn, pulses, REBIAS_BLOCKS_DEVICE, 17, i, NULL),
            REBIAS_OK);
        struct rebias_table *own = fit(drawn, method, &options);
        assert_int_equal(family->label[i], i);
        family_same_table(family->table[i], own);
        assert_int_equal(family->report[i].points[0] + family->report[i].outside[0],
                         rebias_pulses_count(drawn, 0));
        for (int p = 0; p < 2; p++) {
            assert_memory_equal(own->side[p].G, pooled->side[p].G, G_LEVELS * sizeof(double));
        }
        rebias_table_free(own);
        rebias_pulses_free(drawn);
    }
    rebias_family_free(family);
    rebias_family_free(again);
    rebias_table_free(pooled);
    rebias_pulses_free(pulses);
}

/* sqrt(x'(X'X)^-1 x) of the straight line at G0, with (1, G - mean G) as columns: 1/n + (G0 -
 * mean)^2 / sum of squares. */
static double line_error(const struct rebias_pulses *pulses, int polarity, double Gmin,
                         double Gmax, double G0)
{
    double n = 0.0;
    double sum = 0.0;
    double squares = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < pulses->n; i++) {
            const double G = pulses->G[i];
            if (pulses->polarity[i] == polarity && G >= Gmin && G <= Gmax) {
                n += pass == 0 ? 1.0 : 0.0;
                sum += pass == 0 ? G : 0.0;
                squares += pass == 1 ? (G - sum / n) * (G - sum / n) : 0.0;
            }
        }
    }
    return sqrt(1.0 / n + (G0 - sum / n) * (G0 - sum / n) / squares);
}

/* The spread of the fitted mean over 200 bootstrap tables is its standard error: straight line,
 * constant sd sigma (known), 300 points a polarity, at the middle and near an end of the range.
 * The sd of 200 values has a relative standard error of 1/sqrt(398) = 5 %, the spread of the
 * drawn errors about sigma one of 1/sqrt(600) = 4 %, and points of high leverage add some: 25 %
 * is 4 standard errors (false alarm below 1e-3 for the four checks together; the seeds are
 * fixed, so once for all). */
static void test_bootstrap_is_valid(void **state)
{
    (void)state;
    enum { B = 200 };
    static const size_t where[2] = {G_LEVELS / 2, 1};
    struct rebias_pulses *pulses = data_of(300, 0);
    struct rebias_device *device = support_device("synth:linear-constant");
    struct rebias_fit_options options = small_options();
    options.blocks = REBIAS_BLOCKS_POINTS;
    struct rebias_family *family = bootstrap(pulses, "polynomial:mean=1:sd=0", &options, B, 2);
    double Gmin = 0.0;
    double Gmax = 0.0;
    rebias_table_range(family->table[0], &Gmin, &Gmax);
    for (int c = 0; c < 4; c++) {
        double mean[B];
        double centre = 0.0;
        double spread = 0.0;
        double true_mean = 0.0;
        double sigma = 0.0;
        const int p = c / 2;
        const double G = family->table[0]->side[p].G[where[c % 2]];
        for (size_t i = 0; i < B; i++) {
            double sd = 0.0;
            rebias_table_moments(&family->table[i]->side[p], REBIAS_RULE_LINEAR, G, &mean[i],
                                 &sd);
        }
        rebias_mean_sd(B, mean, &centre, &spread);
        device->model->moments(device, (enum rebias_polarity)p, G, &true_mean, &sigma);
        support_close(spread, sigma * line_error(pulses, p, Gmin, Gmax, G), 0.25, 0.0);
        support_close(centre, true_mean, 0.0, 4.0 * spread);
    }
    rebias_family_free(family);
    rebias_device_free(device);
    rebias_pulses_free(pulses);
}

static int stop_at_two(void *context, size_t done, size_t total)
{
    size_t *calls = context;
    assert_int_equal(total, 5);
    *calls = done;
    return done == 2;
}

static void test_bootstrap_errors(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = data_of(20, 0);
    const struct rebias_method method = method_of("binning:5");
    struct rebias_fit_options options = small_options();
    struct rebias_error err = {0};
    struct rebias_family *family = NULL;
    size_t calls = 0;
    options.blocks = REBIAS_BLOCKS_POINTS;
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &options, 0, 1, NULL, NULL, &err),
        REBIAS_E_RANGE, &err, "a family of 0 tables is not possible (1 to 100000)");
    support_expect(rebias_fit_bootstrap(&family, pulses, &method, &options, 5, 1, stop_at_two,
                                        &calls, &err),
                   REBIAS_E_INTERRUPTED, &err, "interrupted after 2 of 5 items");
    assert_int_equal(calls, 2);
    options.G_levels = 100000;
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &options, 1000, 1, NULL, NULL, &err),
        REBIAS_E_RANGE, &err, "1000 tables of 100000 x 21 levels are too large for one family");
    options = small_options();
    options.blocks = REBIAS_BLOCKS_CYCLE;
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &options, 5, 1, NULL, NULL, &err),
        REBIAS_E_DATA, &err, "record no cycle");
    options.blocks = REBIAS_BLOCKS_POINTS;
    options.Gmin = 2.0; /* no point there */
    options.Gmax = 3.0;
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &options, 5, 2, NULL, NULL, &err),
        REBIAS_E_DATA, &err, "resample 0: ");
    for (size_t i = 0; i < pulses->n; i++) {
        pulses->polarity[i] = 0;
    }
    options = small_options();
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &options, 5, 1, NULL, NULL, &err),
        REBIAS_E_DATA, &err, "SET and RESET points have no common range of G");
    assert_null(family);
    rebias_pulses_free(pulses);
}

/* -- 3. one table a device -- */

static struct rebias_family *fit_devices(const struct rebias_pulses *pulses,
                                         const struct rebias_fit_options *options, int threads)
{
    const struct rebias_method method = method_of("binning:4");
    struct rebias_family *family = NULL;
    struct rebias_error err = {0};
    support_expect(
        rebias_fit_devices(&family, pulses, &method, options, threads, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    return family;
}

/* Devices 40, 39, 38 in order of appearance; each table is the fit to that device's points over
 * the range common to all, which is found here by plain loops. */
static void test_devices_members(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = data_of(90, 3);
    struct rebias_fit_options options = small_options();
    struct rebias_family *family = fit_devices(pulses, &options, 1);
    struct rebias_family *again = fit_devices(pulses, &options, 2);
    family_same(family, again);
    assert_int_equal(family->kind, REBIAS_FAMILY_DEVICES);
    assert_int_equal(family->count, 3);
    options.Gmin = 0.0;
    options.Gmax = 1.0;
    for (int d = 38; d <= 40; d++) {
        for (int p = 0; p < 2; p++) {
            double low = 1.0;
            double high = 0.0;
            for (size_t i = 0; i < pulses->n; i++) {
                if (pulses->device[i] == d && pulses->polarity[i] == p) {
                    low = fmin(low, pulses->G[i]);
                    high = fmax(high, pulses->G[i]);
                }
            }
            options.Gmin = fmax(options.Gmin, low);
            options.Gmax = fmin(options.Gmax, high);
        }
    }
    for (int d = 0; d < 3; d++) {
        struct rebias_pulses *own = NULL;
        uint8_t *keep = malloc(pulses->n);
        assert_non_null(keep);
        for (size_t i = 0; i < pulses->n; i++) {
            keep[i] = pulses->device[i] == 40 - d;
        }
        assert_int_equal(rebias_pulses_select(&own, pulses, keep, NULL), REBIAS_OK);
        assert_int_equal(own->n, 60);
        struct rebias_table *table = fit(own, "binning:4", &options);
        assert_int_equal(family->label[d], 40 - d);
        family_same_table(family->table[d], table);
        assert_int_equal(family->report[d].points[1] + family->report[d].outside[1], 30);
        rebias_table_free(table);
        rebias_pulses_free(own);
        free(keep);
    }
    rebias_family_free(family);
    rebias_family_free(again);
    rebias_pulses_free(pulses);
}

static void expect_devices_refused(const struct rebias_pulses *pulses,
                                   const struct rebias_fit_options *options, int status,
                                   const char *text)
{
    const struct rebias_method method = method_of("binning:4");
    struct rebias_family *family = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_fit_devices(&family, pulses, &method, options, 2, NULL, NULL, &err),
                   status, &err, text);
    assert_null(family);
}

static void test_devices_errors(void **state)
{
    (void)state;
    struct rebias_fit_options options = small_options();
    struct rebias_pulses *pulses = data_of(30, 3);
    options.blocks = REBIAS_BLOCKS_DEVICE;
    expect_devices_refused(pulses, &options, REBIAS_E_RANGE,
                           "one table a device: each fit has only one block of kind device");
    options = small_options();
    for (size_t i = 0; i < pulses->n; i++) {
        pulses->polarity[i] = pulses->device[i] == 39 ? 1 : pulses->polarity[i];
    }
    expect_devices_refused(pulses, &options, REBIAS_E_DATA, "device 39 has no SET points");
    for (size_t i = 0; i < pulses->n; i++) { /* device 39 has one SET point, in the middle */
        pulses->polarity[i] = pulses->device[i] == 39 && i > 1 ? 1 : (uint8_t)(i % 2);
    }
    options.Gmin = 1e-9; /* so that the range is given */
    options.Gmax = 1.0;
    pulses->polarity[1] = 0;
    expect_devices_refused(pulses, &options, REBIAS_E_DATA, "device 39: ");
    options = small_options();
    expect_devices_refused(pulses, &options, REBIAS_E_DATA,
                           "the 3 devices have no common range of G: give Gmin and Gmax");
    for (size_t i = 0; i < pulses->n; i++) {
        pulses->device[i] = 5;
    }
    expect_devices_refused(pulses, &options, REBIAS_E_DATA,
                           "the data hold 1 device (2 or more needed)");
    free(pulses->device);
    pulses->device = NULL;
    expect_devices_refused(pulses, &options, REBIAS_E_DATA, "the pulse data record no device");
    rebias_pulses_free(pulses);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bootstrap_members), cmocka_unit_test(test_bootstrap_is_valid),
        cmocka_unit_test(test_bootstrap_errors),  cmocka_unit_test(test_devices_members),
        cmocka_unit_test(test_devices_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
