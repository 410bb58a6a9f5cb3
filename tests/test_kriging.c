/* test_kriging.c - two-tier Kriging against known truth.
 * 1. samples and truths   2. error against truth   3. the switching noise   4. rails
 * 5. symmetries   6. hard data and errors
 *
 * Random numbers have fixed seeds, so a bound that holds holds always.
 */
#include "jumptable/estimators.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. samples and truths -- */

enum { LEVELS = 101, MOST = 3000 };
static const double nS = 1e-9;
static const double Gmin = 3e-9;
static const double Gmax = 38e-9;

struct profile {
    double mean[LEVELS];
    double sd[LEVELS];
    double count[LEVELS];
    size_t extrapolated;
    char note[160];
};

struct points {
    size_t n;
    double G[MOST];
    double dG[MOST];
};

static int by_G(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

static void sort_points(struct points *p)
{
    static double pair[MOST][2];
    for (size_t i = 0; i < p->n; i++) {
        pair[i][0] = p->G[i];
        pair[i][1] = p->dG[i];
    }
    qsort(pair, p->n, sizeof pair[0], by_G);
    for (size_t i = 0; i < p->n; i++) {
        p->G[i] = pair[i][0];
        p->dG[i] = pair[i][1];
    }
}

static double level_at(size_t i)
{
    return Gmin + (Gmax - Gmin) * (double)i / (LEVELS - 1);
}

static struct rebias_sample sample_of(const struct points *p, bool censored)
{
    return (struct rebias_sample){.n = p->n,
                                  .G = p->G,
                                  .dG = p->dG,
                                  .Gmin = Gmin,
                                  .Gmax = Gmax,
                                  .censored = censored,
                                  .sd_floor = 1e-14,
                                  .seed = 1};
}

static int fit_with(const struct rebias_sample *sample, const double *values,
                    struct profile *profile, struct rebias_error *err)
{
    double G[LEVELS];
    memset(profile, 0, sizeof *profile);
    for (size_t i = 0; i < LEVELS; i++) {
        G[i] = sample->Gmin + (sample->Gmax - sample->Gmin) * (double)i / (LEVELS - 1);
    }
    struct rebias_fitted fitted = {.levels = LEVELS,
                                   .G = G,
                                   .mean = profile->mean,
                                   .sd = profile->sd,
                                   .count = profile->count};
    const int status = rebias_kriging_estimator.fit(sample, values, &fitted, err);
    profile->extrapolated = fitted.extrapolated;
    memcpy(profile->note, fitted.note, sizeof profile->note);
    assert_null(fitted.context);
    return status;
}

static void default_values(double *values)
{
    for (size_t i = 0; i < rebias_kriging_estimator.param_count; i++) {
        values[i] = rebias_kriging_estimator.params[i].value;
    }
}

static void fit(const struct rebias_sample *sample, struct profile *profile)
{
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_error err = {0};
    default_values(values);
    support_expect(fit_with(sample, values, profile, &err), REBIAS_OK, &err, NULL);
}

/* Profiles of u in [0, 1], nS. */
static double flat(double u)
{
    (void)u;
    return 1.2;
}
static double line(double u)
{
    return 0.4 - 1.1 * u;
}
static double parabola(double u)
{
    return 2.0 * u * u - 0.5;
}
static double sigmoid(double u)
{
    return 2.0 / (1.0 + exp(-12.0 * (u - 0.5)));
}
static double rising(double u)
{
    return 0.5 + 1.4 * u;
}

struct truth {
    double (*mean)(double u);
    double (*sd)(double u);
};

static void draw(struct points *p, const struct truth *truth, size_t n, uint32_t replicate)
{
    static double u[MOST];
    static float z[MOST];
    const struct rebias_stream place = {5963, REBIAS_FOR_TEST, replicate, 0, 0};
    const struct rebias_stream jump = {5963, REBIAS_FOR_TEST, replicate, 0, 1};
    rebias_random_uniform(&place, 0, n, u);
    rebias_random_normal(&jump, 0, n, z);
    p->n = n;
    for (size_t i = 0; i < n; i++) {
        p->G[i] = Gmin + (Gmax - Gmin) * u[i];
        p->dG[i] = nS * (truth->mean(u[i]) + truth->sd(u[i]) * (double)z[i]);
    }
    sort_points(p);
}

/* Root mean square over the levels of value - truth, nS. */
static double rmse(const double *value, double (*truth)(double u))
{
    double sum = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        const double d = value[i] / nS - truth((double)i / (LEVELS - 1));
        sum += d * d;
    }
    return sqrt(sum / LEVELS);
}

/* -- 2. error against truth -- */

/* Mean of equal-width bin b of 20 (points are sorted). */
static double bin_mean(const struct points *p, size_t b)
{
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const double u = (p->G[i] - Gmin) / (Gmax - Gmin);
        if (u >= (double)b / 20.0 && u < (double)(b + 1) / 20.0) {
            sum += p->dG[i];
            n++;
        }
    }
    assert_true(n >= 2);
    return sum / (double)n;
}

/* Plain binning with interpolation between the centres of 20 bins. */
static void bins_profile(const struct points *p, double mean[LEVELS])
{
    double bin[20];
    for (size_t b = 0; b < 20; b++) {
        bin[b] = bin_mean(p, b);
    }
    for (size_t i = 0; i < LEVELS; i++) {
        const double at = fmin(19.0, fmax(0.0, 20.0 * (double)i / (LEVELS - 1) - 0.5));
        const size_t b = at < 19.0 ? (size_t)at : 18;
        mean[i] = bin[b] + (at - (double)b) * (bin[b + 1] - bin[b]);
    }
}

/* Weighted least squares that knows the form of the truth (a line, a parabola, a logistic curve
 * of free height, place and slope; for the sd a constant or a line) leaves a root mean square
 * error of c / sqrt(N) nS over the levels: c from the inverse information matrix, 101 levels
 * (flat noise and a line: 1.2 sqrt(2.02)). Kriging is not told the form: it is held to 1.5
 * times that for a line and 1.75 times for the curves, 1.75 times in the sd; averages of 10
 * draws. */
static void test_recovers(void **state)
{
    (void)state;
    static const struct {
        struct truth truth;
        double mean_c; /* nS */
        double sd_c;
        double factor;
    } cases[] = {
        {{line, flat}, 1.706, 0.849, 1.5},        {{parabola, flat}, 2.099, 0.849, 1.75},
        {{sigmoid, flat}, 2.402, 0.849, 1.75},    {{line, rising}, 1.676, 1.185, 1.5},
        {{parabola, rising}, 2.143, 1.185, 1.75}, {{sigmoid, rising}, 2.459, 1.185, 1.75}};
    static struct points p;
    static struct profile profile;
    const size_t n = 1000;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        double mean = 0.0;
        double sd = 0.0;
        double bins = 0.0;
        for (uint32_t r = 0; r < 10; r++) {
            double binned[LEVELS];
            draw(&p, &cases[c].truth, n, r);
            const struct rebias_sample sample = sample_of(&p, false);
            fit(&sample, &profile);
            bins_profile(&p, binned);
            mean += rmse(profile.mean, cases[c].truth.mean) / 10.0;
            sd += rmse(profile.sd, cases[c].truth.sd) / 10.0;
            bins += rmse(binned, cases[c].truth.mean) / 10.0;
        }
        assert_true(mean < cases[c].factor * cases[c].mean_c / sqrt((double)n));
        assert_true(sd < 1.75 * cases[c].sd_c / sqrt((double)n));
        assert_true(mean < 0.75 * bins);
    }
}

/* -- 3. the switching noise -- */

static void take(struct points *p, const struct rebias_pulses *pulses, int polarity)
{
    p->n = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == polarity) {
            p->G[p->n] = pulses->G[i];
            p->dG[p->n++] = pulses->dG[i];
        }
    }
    sort_points(p);
}

static struct rebias_pulses *synthesize(bool censored)
{
    struct rebias_device *device = support_device("synthetic-lc");
    struct rebias_synth_options options = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    options.points = 3000;
    options.censored = censored;
    assert_int_equal(rebias_pulses_synthesize(&pulses, device, &options, NULL), REBIAS_OK);
    rebias_device_free(device);
    return pulses;
}

/* The sd of every row of the target is 1.2 nS. It is not the uncertainty of the mean, which is
 * sd / sqrt(count), here under a tenth of it. */
static void test_noise_is_the_switching_noise(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    struct rebias_pulses *pulses = synthesize(false);
    for (int polarity = 0; polarity < 2; polarity++) {
        take(&p, pulses, polarity);
        const struct rebias_sample sample = sample_of(&p, false);
        fit(&sample, &profile);
        for (size_t i = 0; i < LEVELS; i++) {
            support_close(profile.sd[i], 1.2 * nS, 0.1, 0.0);
            assert_true(profile.count[i] > 100.0 && profile.count[i] <= 3000.0);
        }
        assert_non_null(strstr(profile.note, "length scales"));
    }
    rebias_pulses_free(pulses);
}

/* -- 4. rails -- */

/* SET of the target, mean 0.173202952 - 0.003979018 G nS, sd 1.2 nS (the published table), with
 * the jumps cut at the rails: half of them at G = Gmin itself. Declared, the mean comes back
 * within 3 standard errors, sd / sqrt(count), and the sd within 10 %; taken at face value the
 * sd at the rail is more than 15 % low. */
static void test_rails(void **state)
{
    (void)state;
    static struct points p;
    static struct profile told;
    static struct profile untold;
    struct rebias_pulses *pulses = synthesize(true);
    take(&p, pulses, REBIAS_SET);
    struct rebias_sample sample = sample_of(&p, true);
    fit(&sample, &told);
    sample.censored = false;
    fit(&sample, &untold);
    for (size_t i = 0; i < LEVELS; i++) {
        const double truth = 0.173202952 * nS - 0.003979018 * level_at(i);
        support_close(told.mean[i], truth, 0.0, 3.0 * 1.2 * nS / sqrt(told.count[i]));
        support_close(told.sd[i], 1.2 * nS, 0.1, 0.0);
    }
    assert_true(untold.sd[0] < 0.85 * 1.2 * nS);
    rebias_pulses_free(pulses);
}

/* -- 5. symmetries -- */

static const struct truth ordinary = {parabola, rising};

/* Powers of two change no digit: 1024 times the jumps, exactly 1024 times the profile. */
static void test_scale(void **state)
{
    (void)state;
    static struct points p;
    static struct profile one;
    static struct profile two;
    draw(&p, &ordinary, 400, 3);
    struct rebias_sample sample = sample_of(&p, false);
    fit(&sample, &one);
    for (size_t i = 0; i < p.n; i++) {
        p.dG[i] *= 1024.0;
    }
    sample.sd_floor *= 1024.0;
    fit(&sample, &two);
    for (size_t i = 0; i < LEVELS; i++) {
        assert_true(two.mean[i] == 1024.0 * one.mean[i]);
        assert_true(two.sd[i] == 1024.0 * one.sd[i]);
        assert_true(two.count[i] == one.count[i]);
    }
    for (size_t i = 0; i < p.n; i++) {
        p.dG[i] *= 1000.0 / 1024.0; /* rounds: the search may end a little elsewhere */
    }
    sample.sd_floor *= 1000.0 / 1024.0;
    fit(&sample, &two);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(two.mean[i], 1000.0 * one.mean[i], 0.0, 0.01 * 1000.0 * one.sd[i]);
        support_close(two.sd[i], 1000.0 * one.sd[i], 0.01, 0.0);
    }
}

/* A constant added to every jump is added to the mean; mirrored jumps mirror the mean. */
static void test_shift_and_mirror(void **state)
{
    (void)state;
    static struct points p;
    static struct profile one;
    static struct profile two;
    static struct profile three;
    draw(&p, &ordinary, 400, 4);
    const struct rebias_sample sample = sample_of(&p, false);
    fit(&sample, &one);
    for (size_t i = 0; i < p.n; i++) {
        p.dG[i] += 5.0 * nS;
    }
    fit(&sample, &two);
    for (size_t i = 0; i < p.n; i++) {
        p.dG[i] = -p.dG[i];
    }
    fit(&sample, &three);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(two.mean[i], one.mean[i] + 5.0 * nS, 0.0, 0.01 * one.sd[i]);
        support_close(two.sd[i], one.sd[i], 0.01, 0.0);
        support_close(three.mean[i], -two.mean[i], 0.0, 1e-9 * one.sd[i]);
        support_close(three.sd[i], two.sd[i], 1e-9, 0.0);
    }
}

static void test_equal_bytes(void **state)
{
    (void)state;
    static struct points p;
    static struct profile one;
    static struct profile two;
    draw(&p, &ordinary, 700, 5);
    const struct rebias_sample sample = sample_of(&p, true);
    fit(&sample, &one);
    fit(&sample, &two);
    assert_memory_equal(&one, &two, sizeof one);
}

/* With every kernel and trend, and with more pseudo-points, one draw stays within 2.5 times the
 * bounds of test_recovers. */
static void test_options(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    static const double values[5][3] = {
        {100, 0, 0}, {100, 0, 1}, {100, 1, 0}, {100, 1, 1}, {200, 0, 1}};
    draw(&p, &ordinary, 1000, 6);
    const struct rebias_sample sample = sample_of(&p, false);
    for (size_t v = 0; v < 5; v++) {
        struct rebias_error err = {0};
        support_expect(fit_with(&sample, values[v], &profile, &err), REBIAS_OK, &err, NULL);
        assert_true(rmse(profile.mean, parabola) < 2.5 * 2.143 / sqrt(1000.0));
        assert_true(rmse(profile.sd, rising) < 2.5 * 1.185 / sqrt(1000.0));
    }
}

/* -- 6. hard data and errors -- */

/* Jumps without noise: the line itself, and the floor as sd. */
static void test_noiseless(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    p.n = 300;
    for (size_t i = 0; i < p.n; i++) {
        p.G[i] = Gmin + (Gmax - Gmin) * (double)i / 299.0;
        p.dG[i] = 0.5 * nS - 0.01 * p.G[i];
    }
    struct rebias_sample sample = sample_of(&p, false);
    sample.sd_floor = 1e-3 * nS;
    fit(&sample, &profile);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(profile.mean[i], 0.5 * nS - 0.01 * level_at(i), 0.0, 1e-4 * nS);
        support_close(profile.sd[i], 1e-3 * nS, 1e-9, 0.0);
    }
}

/* An instrument with 8 levels of G: points of one G stay together. Mean and sd at those levels
 * are those of 125 points, 1.2 / sqrt(125) = 0.107 and 0.076 nS or better (4 standard errors).
 */
static void test_few_levels(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    const struct truth truth = {line, flat};
    draw(&p, &truth, 1000, 7);
    for (size_t i = 0; i < p.n; i++) {
        const double u = (p.G[i] - Gmin) / (Gmax - Gmin);
        const double near = floor(8.0 * u) / 7.0;
        p.dG[i] += nS * (line(near) - line(u));
        p.G[i] = Gmin + (Gmax - Gmin) * near;
    }
    sort_points(&p);
    const struct rebias_sample sample = sample_of(&p, false);
    fit(&sample, &profile);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(profile.mean[i], nS * line((double)i / (LEVELS - 1)), 0.0, 0.43 * nS);
        support_close(profile.sd[i], 1.2 * nS, 0.0, 0.30 * nS);
    }
}

/* Points in the middle fifth only: levels outside are counted, mean and noise are held there
 * and the mean is said to be known less and less. */
static void test_extrapolated(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    const struct truth truth = {line, rising};
    draw(&p, &truth, 500, 8);
    for (size_t i = 0; i < p.n; i++) {
        p.G[i] = Gmin + (Gmax - Gmin) * (0.4 + 0.2 * (p.G[i] - Gmin) / (Gmax - Gmin));
    }
    p.G[0] = Gmin + 0.4 * (Gmax - Gmin);
    p.G[499] = Gmin + 0.6 * (Gmax - Gmin);
    const struct rebias_sample sample = sample_of(&p, false);
    fit(&sample, &profile);
    assert_in_range(profile.extrapolated, 80, 82); /* 0 to 39 and 61 to 100, and the two ends */
    assert_true(profile.sd[0] == profile.sd[39] && profile.sd[100] == profile.sd[61]);
    assert_true(profile.mean[0] == profile.mean[39]);
    assert_true(profile.count[0] < 0.1 * profile.count[50]);
    assert_true(profile.count[100] < 0.1 * profile.count[50]);
}

/* Five points, two of them alone at their G, and a sample whose last point stands alone. */
static void test_few_points(void **state)
{
    (void)state;
    static struct points p = {
        .n = 5, .G = {5e-9, 5e-9, 5e-9, 5e-9, 9e-9}, .dG = {1e-9, 2e-9, 3e-9, 4e-9, 9e-9}};
    static struct profile profile;
    assert_int_equal(rebias_kriging_estimator.min_points, 5);
    struct rebias_sample sample = sample_of(&p, false);
    fit(&sample, &profile);
    p = (struct points){.n = 6,
                        .G = {5e-9, 9e-9, 9e-9, 9e-9, 9e-9, 9e-9},
                        .dG = {1e-9, 1e-9, 2e-9, 3e-9, 4e-9, 5e-9}};
    sample = sample_of(&p, true);
    fit(&sample, &profile);
    for (size_t i = 0; i < LEVELS; i++) {
        assert_true(isfinite(profile.mean[i]) && profile.sd[i] >= sample.sd_floor);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static struct points p;
    static struct profile profile;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_error err = {0};
    default_values(values);
    draw(&p, &ordinary, 50, 9);
    struct rebias_sample sample = sample_of(&p, false);
    for (size_t i = 0; i < 50; i++) {
        p.dG[i] = 0.3 * nS;
    }
    support_expect(fit_with(&sample, values, &profile, &err), REBIAS_E_DATA, &err,
                   "all 50 SET points have the same dG 3e-10 S");
    draw(&p, &ordinary, 50, 9);
    for (size_t i = 0; i < 50; i++) {
        p.G[i] = 20.0 * nS;
    }
    sample.polarity = REBIAS_RESET;
    support_expect(fit_with(&sample, values, &profile, &err), REBIAS_E_DATA, &err,
                   "all 50 RESET points have the same G 2e-08 S");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovers),
        cmocka_unit_test(test_noise_is_the_switching_noise),
        cmocka_unit_test(test_rails),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_shift_and_mirror),
        cmocka_unit_test(test_equal_bytes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_noiseless),
        cmocka_unit_test(test_few_levels),
        cmocka_unit_test(test_extrapolated),
        cmocka_unit_test(test_few_points),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
