/* test_synthesize.c - pulse data drawn from a device.
 * 1. helpers   2. the points   3. filter and censoring   4. addresses   5. errors
 */
#include "draws.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include "support.h"
#include <string.h>

/* -- 1. helpers -- */

static const double nS = 1e-9;

static struct rebias_pulses *points_of(const char *spec,
                                       const struct rebias_synth_options *options)
{
    struct rebias_device *device = support_device(spec);
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_pulses_synthesize(&pulses, device, options, &err), REBIAS_OK, &err,
                   NULL);
    rebias_device_free(device);
    return pulses;
}

/* -- 2. the points -- */

static double uniform_F(const void *context, double G)
{
    (void)context;
    return (G / nS - 3.0) / 35.0;
}

/* Points of each polarity, SET first; G uniform over 3 to 38 nS (false alarm 1e-7). */
static void test_points(void **state)
{
    (void)state;
    enum { N = 50000, AT = 99 };
    struct rebias_synth_options options = rebias_synth_options_defaults();
    assert_true(options.points == 1000 && options.filter == 0.0 && !options.censored &&
                options.seed == 1);
    options.points = N;
    struct rebias_pulses *pulses = points_of("synthetic-lc", &options);
    assert_int_equal(pulses->n, 2 * N);
    assert_int_equal(rebias_pulses_count(pulses, REBIAS_SET), N);
    assert_int_equal(rebias_pulses_count(pulses, REBIAS_RESET), N);
    double at[AT];
    for (int k = 0; k < AT; k++) {
        at[k] = (3.0 + 0.35 * (k + 1)) * nS;
    }
    for (size_t p = 0; p < 2; p++) {
        assert_int_equal(pulses->polarity[p * N], p);
        assert_int_equal(pulses->polarity[p * N + N - 1], p);
        for (size_t i = p * N; i < (p + 1) * N; i++) {
            assert_true(pulses->G[i] >= (double)3e-9f && pulses->G[i] <= (double)38e-9f);
        }
        assert_true(draws_ks(N, pulses->G + p * N, AT, at, uniform_F, NULL) <
                    draws_ks_bound(N, 1e-7));
    }
    rebias_pulses_free(pulses);
}

/* Standardised jumps (dG - mean(G))/sd(G) have mean 0 and sd 1 and do not follow G; uncensored,
 * so also at the rails. 5 standard errors, false alarm 6e-7 each. */
static void test_jumps(void **state)
{
    (void)state;
    enum { N = 200000 };
    static const char *const specs[] = {"synthetic-lc", "tiox-1.8V", "ag-asi"};
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = N;
    double *z = malloc(N * sizeof *z);
    assert_non_null(z);
    for (size_t s = 0; s < 3; s++) {
        struct rebias_device *device = support_device(specs[s]);
        struct rebias_pulses *pulses = points_of(specs[s], &options);
        for (int p = 0; p < 2; p++) {
            double slope = 0.0;
            for (size_t i = 0; i < N; i++) {
                const size_t k = (size_t)p * N + i;
                double mean = 0.0;
                double sd = 0.0;
                device->model->moments(device, (enum rebias_polarity)p, pulses->G[k], &mean,
                                       &sd);
                z[i] = (pulses->dG[k] - mean) / sd;
                slope += z[i] *
                         ((pulses->G[k] - device->Gmin) / (device->Gmax - device->Gmin) - 0.5) *
                         sqrt(12.0);
            }
            double mean = 0.0;
            double sd = 0.0;
            rebias_mean_sd(N, z, &mean, &sd);
            support_close(mean, 0.0, 0.0, 5.0 / sqrt(N));
            support_close(sd, 1.0, 5.0 / sqrt(2.0 * N), 0.0);
            support_close(slope / N, 0.0, 0.0, 5.0 / sqrt(N));
        }
        rebias_pulses_free(pulses);
        rebias_device_free(device);
    }
    free(z);
}

/* -- 3. filter and censoring -- */

/* What one of 20 equal bins of the SET points looks like. */
struct bin {
    double mean, sd; /* nS */
    double on_rail;  /* fraction whose end is Gmin or Gmax */
    size_t n;
};

static struct bin bin_of(const struct rebias_pulses *pulses, int number)
{
    struct bin bin = {0};
    double *x = malloc(pulses->n * sizeof *x);
    assert_non_null(x);
    size_t on_rail = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == REBIAS_SET &&
            (int)((pulses->G[i] / nS - 3.0) / 1.75) == number) {
            const double end = (pulses->G[i] + pulses->dG[i]) / nS;
            on_rail += end < 3.0 + 1e-6 || end > 38.0 - 1e-5;
            x[bin.n++] = pulses->dG[i] / nS;
        }
    }
    rebias_mean_sd(bin.n, x, &bin.mean, &bin.sd);
    bin.on_rail = (double)on_rail / (double)bin.n;
    free(x);
    return bin;
}

/* The published generator clamps first and so censors the bins at the rails. Figures of a
 * reference calculation of the synthetic target with |dG/G| > 1e-3: lowest bin mean 0.317 nS,
 * sd 1.00, 21 % on the rail; highest -0.188, 0.98, 25 %. About 50,000 points a bin: standard
 * error of a mean 0.005 nS, of an sd 0.004, of a fraction 0.002. */
static void test_censored(void **state)
{
    (void)state;
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = 1000000;
    options.filter = 1e-3;
    options.censored = true;
    struct rebias_pulses *pulses = points_of("synthetic-lc", &options);
    const struct bin lowest = bin_of(pulses, 0);
    const struct bin middle = bin_of(pulses, 10);
    const struct bin highest = bin_of(pulses, 19);
    assert_in_range(lowest.n, 48000, 52000);
    support_close(lowest.mean, 0.317, 0.0, 0.025);
    support_close(lowest.sd, 1.00, 0.0, 0.02);
    support_close(lowest.on_rail, 0.21, 0.0, 0.01);
    support_close(middle.mean, 0.173202952 - 0.003979018 * 21.375, 0.0, 0.025);
    support_close(middle.sd, 1.21, 0.0, 0.02); /* the filter takes the smallest jumps away */
    assert_true(middle.on_rail == 0.0);
    support_close(highest.mean, -0.188, 0.0, 0.025);
    support_close(highest.sd, 0.98, 0.0, 0.02);
    support_close(highest.on_rail, 0.25, 0.0, 0.01);
    rebias_pulses_free(pulses);
}

/* Uncensored: the same bins have the device's own mean, 0.158 and 0.026 nS at their centres,
 * and sd 1.20. */
static void test_uncensored(void **state)
{
    (void)state;
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = 1000000;
    struct rebias_pulses *pulses = points_of("synthetic-lc", &options);
    const struct bin lowest = bin_of(pulses, 0);
    const struct bin highest = bin_of(pulses, 19);
    support_close(lowest.mean, 0.158, 0.0, 0.027);
    support_close(lowest.sd, 1.20, 0.0, 0.02);
    support_close(highest.mean, 0.026, 0.0, 0.027);
    support_close(highest.sd, 1.20, 0.0, 0.02);
    rebias_pulses_free(pulses);
}

/* Every kept point passes the filter, and what the filter takes away is what it should: for G
 * uniform over 5 to 30 uS and jumps N(0, 1 uS), P(|dG| <= f G) = mean over G of erf(f G/sqrt
 * 2), f = 0.05. */
static void test_filter(void **state)
{
    (void)state;
    enum { N = 100000 };
    const double f = 0.05;
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = N;
    struct rebias_pulses *all =
        points_of("gaussian:Gmin=5e-6,Gmax=30e-6,set_sd0=1e-6,reset_sd0=1e-6", &options);
    options.filter = f;
    struct rebias_pulses *kept =
        points_of("gaussian:Gmin=5e-6,Gmax=30e-6,set_sd0=1e-6,reset_sd0=1e-6", &options);
    size_t same = 0;
    for (size_t i = 0; i < 2 * N; i++) {
        assert_true(fabs(kept->dG[i]) > f * kept->G[i]);
        const bool passes = fabs(all->dG[i]) > f * all->G[i];
        assert_true(passes == (all->G[i] == kept->G[i] &&
                               all->dG[i] == kept->dG[i])); /* rejected ones only are redrawn */
        same += passes;
    }
    double rejected = 0.0;
    for (int k = 0; k < 1000; k++) {
        rejected += erf(f * (5.0 + 25.0 * (k + 0.5) / 1000) / M_SQRT2) / 1000;
    }
    support_close((double)same / (2 * N), 1.0 - rejected, 0.0,
                  5.0 * sqrt(rejected * (1.0 - rejected) / (2 * N)));
    rebias_pulses_free(all);
    rebias_pulses_free(kept);
}

/* -- 4. addresses -- */

static bool same_point(const struct rebias_pulses *a, size_t i, const struct rebias_pulses *b,
                       size_t k)
{
    return a->G[i] == b->G[k] && a->dG[i] == b->dG[k] && a->polarity[i] == b->polarity[k];
}

/* Data of 300 points begin with those of 100, with a filter that rejects often and with a
 * spread; also across the runs of 1024 in which points are drawn. */
static void test_nested(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{100, 300}, {1000, 2500}};
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.filter = 0.05;
    for (size_t c = 0; c < 2; c++) {
        options.points = sizes[c][0];
        struct rebias_pulses *few = points_of("synthetic-lc:set_mean0_d2d=1e-10", &options);
        options.points = sizes[c][1];
        struct rebias_pulses *many = points_of("synthetic-lc:set_mean0_d2d=1e-10", &options);
        for (size_t p = 0; p < 2; p++) {
            for (size_t i = 0; i < sizes[c][0]; i++) {
                assert_true(same_point(few, p * sizes[c][0] + i, many, p * sizes[c][1] + i));
            }
        }
        rebias_pulses_free(few);
        rebias_pulses_free(many);
    }
}

/* Seed, replicate and polarity each give other points; the same give the same. */
static void test_seeds(void **state)
{
    (void)state;
    struct rebias_synth_options options = rebias_synth_options_defaults();
    struct rebias_pulses *first = points_of("synthetic-lc", &options);
    struct rebias_pulses *again = points_of("synthetic-lc", &options);
    options.replicate = 1;
    struct rebias_pulses *replicate = points_of("synthetic-lc", &options);
    options.replicate = 0;
    options.seed = 2;
    struct rebias_pulses *seed = points_of("synthetic-lc", &options);
    for (size_t i = 0; i < first->n; i++) {
        assert_true(same_point(first, i, again, i));
        assert_false(same_point(first, i, replicate, i));
        assert_false(same_point(first, i, seed, i));
        assert_false(same_point(replicate, i, seed, i));
    }
    for (size_t i = 0; i < options.points;
         i++) { /* SET and RESET points start from different G */
        assert_true(first->G[i] != first->G[options.points + i]);
    }
    rebias_pulses_free(first);
    rebias_pulses_free(again);
    rebias_pulses_free(replicate);
    rebias_pulses_free(seed);
}

/* -- 5. errors -- */

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        size_t points;
        double filter;
        int status;
        const char *text;
    } rows[] = {
        {0, 0.0, REBIAS_E_RANGE, "0 synthetic points per polarity are not possible (1 to 1e8)"},
        {100000001, 0.0, REBIAS_E_RANGE,
         "100000001 synthetic points per polarity are not possible"},
        {10, -0.1, REBIAS_E_RANGE, "the |dG/G| filter -0.1 is not in [0, 1)"},
        {10, 1.0, REBIAS_E_RANGE, "the |dG/G| filter 1 is not in [0, 1)"},
        {10, NAN, REBIAS_E_RANGE, "filter nan is not in [0, 1)"},
        {10, 0.9, REBIAS_E_DATA, "the |dG/G| > 0.9 filter rejects nearly every pulse"},
    };
    struct rebias_device *device =
        support_device("ideal"); /* jumps of 0.07 nS from 3 nS or more */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_synth_options options = rebias_synth_options_defaults();
        struct rebias_pulses *pulses = NULL;
        struct rebias_error err = {0};
        options.points = rows[i].points;
        options.filter = rows[i].filter;
        support_expect(rebias_pulses_synthesize(&pulses, device, &options, &err),
                       rows[i].status, &err, rows[i].text);
        assert_null(pulses);
    }
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),   cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_censored), cmocka_unit_test(test_uncensored),
        cmocka_unit_test(test_filter),   cmocka_unit_test(test_nested),
        cmocka_unit_test(test_seeds),    cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
