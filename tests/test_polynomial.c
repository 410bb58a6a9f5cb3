/* test_polynomial.c - the estimator `polynomial`.
 * 1. helpers   2. closed forms   3. known truths   4. degrees   5. rails   6. support
 * 7. errors
 */
#include "support.h"
#include "jumptable/estimators.h"
#include "jumptable/trend.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { MAX_POINTS = 20000, LEVELS = 101 };
enum { O_MAX_MEAN, O_MAX_SD, O_MEAN, O_SD, O_LINK, O_DEGREES, O_COUNT };

static const struct rebias_estimator *const polynomial = &rebias_polynomial_estimator;

struct point {
    double G, dG;
};

/* Points, and what was fitted to them on LEVELS levels over [0, 1] S. */
static struct point points[MAX_POINTS];
static double G[MAX_POINTS], dG[MAX_POINTS];
static double level[LEVELS], mean[LEVELS], sd[LEVELS], count[LEVELS];
static struct rebias_sample sample;
static struct rebias_fitted fitted;
static double values[O_COUNT];

static int by_G(const void *a, const void *b)
{
    const struct point *p = a;
    const struct point *q = b;
    return p->G != q->G ? (p->G > q->G) - (p->G < q->G) : (p->dG > q->dG) - (p->dG < q->dG);
}

/* Sorts points[n] into a sample over [low, high], and sets the options' defaults. */
static void prepare(size_t n, double low, double high)
{
    qsort(points, n, sizeof *points, by_G);
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        G[i] = points[i].G;
        dG[i] = points[i].dG;
        largest = fmax(largest, fabs(dG[i]));
    }
    for (int i = 0; i < LEVELS; i++) {
        level[i] = low + (high - low) * i / (LEVELS - 1);
    }
    sample = (struct rebias_sample){
        .n = n, .G = G, .dG = dG, .Gmin = low, .Gmax = high, .sd_floor = 1e-4 * largest};
    fitted = (struct rebias_fitted){
        .levels = LEVELS, .G = level, .mean = mean, .sd = sd, .count = count};
    assert_int_equal(polynomial->param_count, O_COUNT);
    for (size_t p = 0; p < O_COUNT; p++) {
        values[p] = polynomial->params[p].value;
    }
}

static void fit_it(void)
{
    struct rebias_error err = {0};
    support_expect(polynomial->fit(&sample, values, &fitted, &err), REBIAS_OK, &err, NULL);
    for (int i = 0; i < LEVELS; i++) {
        assert_true(isfinite(mean[i]) && sd[i] >= sample.sd_floor && isfinite(sd[i]));
        assert_true(count[i] >= 0.0 && count[i] <= (double)sample.n);
    }
    assert_null(fitted.cdf);
}

/* n points with G uniform in [low, high] and dG = mean(G) + sd(G) Z. */
static void draw(uint32_t step, size_t n, double low, double high, double (*mean_at)(double),
                 double (*sd_at)(double))
{
    static double u[MAX_POINTS];
    static float z[MAX_POINTS];
    const struct rebias_stream at = {3, REBIAS_FOR_TEST, 0, 0, step};
    const struct rebias_stream noise = {3, REBIAS_FOR_TEST, 0, 1, step};
    rebias_random_uniform(&at, 0, n, u);
    rebias_random_normal(&noise, 0, n, z);
    for (size_t i = 0; i < n; i++) {
        points[i].G = low + (high - low) * u[i];
        points[i].dG = mean_at(points[i].G) + sd_at(points[i].G) * (double)z[i];
    }
}

static double line(double x)
{
    return 0.3 - 0.2 * x;
}

static double parabola(double x)
{
    return 0.1 + 0.7 * x - 0.9 * x * x;
}

static double constant_sd(double x)
{
    (void)x;
    return 0.15;
}

static double line_sd(double x)
{
    return 0.1 + 0.2 * x;
}

static double exponential_sd(double x)
{
    return 0.1 * exp(1.2 * x);
}

static double no_sd(double x)
{
    (void)x;
    return 0.0;
}

static void fix_degrees(double mean_degree, double sd_degree)
{
    values[O_MEAN] = mean_degree;
    values[O_SD] = sd_degree;
}

/* -- 2. closed forms -- */

/* Degrees 0 and 0: the sample's mean, and its sd with n - 1; every level rests on all points.
 */
static void test_constants(void **state)
{
    (void)state;
    draw(1, 50, 0.0, 1.0, line, constant_sd);
    prepare(50, 0.0, 1.0);
    fix_degrees(0.0, 0.0);
    fit_it();
    double sample_mean = 0.0;
    double sample_sd = 0.0;
    rebias_mean_sd(50, dG, &sample_mean, &sample_sd);
    for (int i = 0; i < LEVELS; i++) {
        support_close(mean[i], sample_mean, 1e-6, 0.0);
        support_close(sd[i], sample_sd, 1e-6, 0.0);
        support_close(count[i], 50.0, 1e-6, 0.0);
    }
}

/* Degrees 1 and 0: the least-squares line and sqrt(RSS/(n - 2)), for either link. */
static void test_least_squares_line(void **state)
{
    (void)state;
    enum { N = 60 };
    for (int link = 0; link < 2; link++) {
        draw(2, N, 0.0, 1.0, line, constant_sd);
        prepare(N, 0.0, 1.0);
        fix_degrees(1.0, 0.0);
        values[O_LINK] = link;
        fit_it();
        double x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, rss = 0.0;
        for (int i = 0; i < N; i++) {
            x += G[i] / N;
            y += dG[i] / N;
        }
        for (int i = 0; i < N; i++) {
            xx += (G[i] - x) * (G[i] - x);
            xy += (G[i] - x) * (dG[i] - y);
        }
        for (int i = 0; i < N; i++) {
            const double r = dG[i] - y - xy / xx * (G[i] - x);
            rss += r * r;
        }
        for (int i = 10; i <= 90; i += 10) {
            support_close(mean[i], y + xy / xx * (level[i] - x), 0.0, 1e-6);
            support_close(sd[i], sqrt(rss / (N - 2)), 1e-5, 0.0);
            /* variance of a fitted line at x0: s^2 (1/n + (x0 - mean x)^2 / Sxx) */
            support_close(count[i], 1.0 / (1.0 / N + (level[i] - x) * (level[i] - x) / xx),
                          1e-6, 0.0);
        }
    }
}

/* Jumps without noise on a parabola: the parabola, and the sd floor. */
static void test_no_noise(void **state)
{
    (void)state;
    draw(3, 200, 0.0, 1.0, parabola, no_sd);
    prepare(200, 0.0, 1.0);
    fit_it();
    for (int i = 2; i < LEVELS - 2; i++) {
        support_close(mean[i], parabola(level[i]), 0.0, 1e-6);
        assert_true(sd[i] < 1.1 * sample.sd_floor);
    }
}

/* All jumps alike: that jump, the sd floor. */
static void test_constant_jump(void **state)
{
    (void)state;
    for (size_t i = 0; i < 30; i++) {
        points[i] = (struct point){(double)i / 29.0, 0.25};
    }
    prepare(30, 0.0, 1.0);
    fit_it();
    for (int i = 0; i < LEVELS; i++) {
        support_close(mean[i], 0.25, 1e-6, 0.0);
        assert_true(sd[i] < 1.1 * sample.sd_floor);
    }
}

/* The trend of `kde` and `quantile` is the same maximum: with degrees fixed, mean and sd agree
 * with those of the estimator, whose variance has n/(n - terms of the mean) on top. */
static void test_trend(void **state)
{
    (void)state;
    for (int degree = 0; degree <= 3; degree++) {
        struct rebias_trend trend;
        draw(20, 500, 0.0, 1.0, parabola, exponential_sd);
        prepare(500, 0.0, 1.0);
        fix_degrees(degree, degree);
        fit_it();
        assert_int_equal(rebias_trend_fit(&trend, &sample, degree, NULL), REBIAS_OK);
        assert_int_equal(trend.mean_degree, degree);
        assert_int_equal(trend.log_sd_degree, degree);
        for (int i = 0; i < LEVELS; i += 10) {
            double m = 0.0;
            double s = 0.0;
            rebias_trend_at(&trend, level[i], &m, &s);
            support_close(m, mean[i], 0.0, 1e-3 * s / sqrt(500.0)); /* both stop short of it */
            support_close(s, sd[i] * sqrt((499.0 - degree) / 500.0), 1e-4, 0.0);
        }
    }
}

/* In units of 2^-30 (exact in binary) the same polynomials. */
static void test_units(void **state)
{
    (void)state;
    double first_mean[LEVELS];
    double first_sd[LEVELS];
    draw(4, 300, 0.0, 1.0, parabola, line_sd);
    prepare(300, 0.0, 1.0);
    fit_it();
    memcpy(first_mean, mean, sizeof mean);
    memcpy(first_sd, sd, sizeof sd);
    const double unit = ldexp(1.0, -30);
    for (size_t i = 0; i < 300; i++) {
        points[i].G *= unit;
        points[i].dG *= unit;
    }
    prepare(300, 0.0, unit);
    fit_it();
    for (int i = 0; i < LEVELS; i++) {
        support_close(mean[i], unit * first_mean[i], 1e-12, 0.0);
        support_close(sd[i], unit * first_sd[i], 1e-12, 0.0);
    }
}

/* -- 3. known truths -- */

/* Within 5 standard errors of the truth at 20000 points (seeds fixed). Error of a mean of
 * degree p: at most sd (p + 1)/sqrt(n) for the Legendre basis and uniform G (sum of 2k + 1 at
 * the ends = (p + 1)^2); of ln sd the same over sqrt(2). The factor 1.5 covers sds that differ
 * between the points. */
static void expect_truth(double (*mean_at)(double), double (*sd_at)(double), double mean_terms,
                         double sd_terms)
{
    const double root = sqrt((double)sample.n);
    for (int i = 0; i < LEVELS; i++) {
        const double s = sd_at(level[i]);
        support_close(mean[i], mean_at(level[i]), 0.0, 5.0 * 1.5 * s * mean_terms / root);
        support_close(log(sd[i]), log(s), 0.0, 5.0 * 1.5 * sd_terms / sqrt(2.0) / root);
    }
}

static void test_truths(void **state)
{
    (void)state;
    draw(5, MAX_POINTS, 0.0, 1.0, parabola, exponential_sd);
    prepare(MAX_POINTS, 0.0, 1.0);
    fit_it();
    expect_truth(parabola, exponential_sd, 3.0, 2.0);
    draw(6, MAX_POINTS, 0.0, 1.0, line, line_sd);
    prepare(MAX_POINTS, 0.0, 1.0);
    values[O_LINK] = 1.0;
    fit_it();
    expect_truth(line, line_sd, 2.0, 2.0);
    assert_non_null(strstr(fitted.note, "mean 1, sd 1 "));
}

/* Mean Wasserstein distance of the fits of one device at n points, in units of its scale. */
static double mean_distance(const struct rebias_device *device, size_t n, uint32_t replicate)
{
    struct rebias_synth_options options = rebias_synth_options_defaults();
    options.points = n;
    options.replicate = replicate;
    struct rebias_pulses *pulses = NULL;
    assert_int_equal(rebias_pulses_synthesize(&pulses, device, &options, NULL), REBIAS_OK);
    double sum = 0.0;
    for (size_t polarity = 0; polarity < 2; polarity++) {
        for (size_t i = 0; i < n; i++) {
            points[i].G = pulses->G[polarity * n + i];
            points[i].dG = pulses->dG[polarity * n + i];
        }
        prepare(n, device->Gmin, device->Gmax);
        fit_it();
        for (int i = 0; i < LEVELS; i++) {
            double m = 0.0;
            double s = 0.0;
            device->model->moments(device, (enum rebias_polarity)polarity, level[i], &m, &s);
            sum += rebias_wasserstein1_normal(mean[i], sd[i], m, s) / (2 * LEVELS * 1e-6);
        }
    }
    rebias_pulses_free(pulses);
    return sum;
}

/* 36 normal truths, 300 points per polarity, 3 draws: the mean W1 stays under 0.047 of the unit
 * jump (0.041 with 20 draws; 20 bins have 0.080, the best number of bins for each device
 * 0.051). */
static void test_synthetic_devices(void **state)
{
    (void)state;
    double sum = 0.0;
    size_t devices = 0;
    for (size_t i = 0; i < rebias_preset_count; i++) {
        const char *name = rebias_presets[i].name;
        if (strncmp(name, "synth:", 6) == 0 && strchr(name, '-') != NULL) {
            struct rebias_device *device = support_device(name);
            for (uint32_t replicate = 0; replicate < 3; replicate++) {
                sum += mean_distance(device, 300, replicate) / 3.0;
            }
            devices++;
            rebias_device_free(device);
        }
    }
    assert_int_equal(devices, 36);
    printf("# mean W1 %.4f\n", sum / 36.0);
    assert_true(sum / 36.0 < 0.047);
}

/* -- 4. degrees -- */

/* BIC finds the degrees of the truth, and the note says so; the best degrees alone are the fit
 * with these degrees fixed. */
static void test_degrees(void **state)
{
    (void)state;
    double best_mean[LEVELS];
    double best_sd[LEVELS];
    draw(7, 5000, 0.0, 1.0, parabola, exponential_sd);
    prepare(5000, 0.0, 1.0);
    values[O_DEGREES] = 1.0;
    fit_it();
    assert_non_null(strstr(fitted.note, "best degrees: mean 2, log sd 1 (BIC"));
    assert_null(strstr(fitted.note, "averaged"));
    memcpy(best_mean, mean, sizeof mean);
    memcpy(best_sd, sd, sizeof sd);
    fix_degrees(2.0, 1.0);
    fit_it();
    for (int i = 0; i < LEVELS; i++) {
        support_close(mean[i], best_mean[i], 0.0, 1e-5);
        support_close(sd[i], best_sd[i], 1e-4, 0.0);
    }
    draw(8, 1000, 0.0, 1.0, line, constant_sd);
    prepare(1000, 0.0, 1.0);
    fit_it();
    assert_non_null(strstr(fitted.note, "best degrees: mean 1, log sd 0 (BIC"));
    assert_non_null(strstr(fitted.note, "averaged"));
    values[O_MAX_MEAN] = 0.0; /* the limit holds */
    values[O_MAX_SD] = 0.0;
    fit_it();
    assert_non_null(strstr(fitted.note, "mean 0, log sd 0 "));
    assert_non_null(strstr(fitted.note, "weight 1.00"));
}

/* Few points: the degrees are limited, and the fit stays sober in every one of 400 draws
 * (without the limit of 20 points a term of the sd, about 1 in 100 has an sd of nearly 0
 * somewhere at 30 points). */
static void test_few_points(void **state)
{
    (void)state;
    for (uint32_t draws = 0; draws < 400; draws++) {
        const size_t n = draws % 2 == 0 ? 30 : 5 + draws % 40;
        draw(100 + draws, n, 0.0, 1.0, line, constant_sd);
        prepare(n, 0.0, 1.0);
        fit_it();
        for (int i = 0; i < LEVELS; i++) {
            assert_true(fabs(mean[i] - line(level[i])) < 5.0 * 0.15);
            assert_true(sd[i] > 0.15 / 10.0 && sd[i] < 0.15 * 10.0);
        }
    }
}

/* -- 5. rails -- */

/* Cuts the jumps of points[n] off at the rails 0 and 1; returns how many. */
static size_t cut_jumps(size_t n)
{
    size_t cut = 0;
    for (size_t i = 0; i < n; i++) {
        const double end = points[i].G + points[i].dG;
        if (end < 0.0 || end > 1.0) {
            points[i].dG = end < 0.0 ? -points[i].G : 1.0 - points[i].G;
            cut++;
        }
    }
    return cut;
}

/* Root mean square error of the mean. */
static double mean_error(void)
{
    double sum = 0.0;
    for (int i = 0; i < LEVELS; i++) {
        sum += (mean[i] - line(level[i])) * (mean[i] - line(level[i])) / LEVELS;
    }
    return sqrt(sum);
}

/* More than an eighth of the jumps cut off, at both rails: told so, the fit finds the truth as
 * from whole jumps (its errors: less than twice those); not told, it is far off. */
static void test_rails(void **state)
{
    (void)state;
    draw(10, MAX_POINTS, 0.0, 1.0, line, exponential_sd);
    assert_true(cut_jumps(MAX_POINTS) > MAX_POINTS / 8);
    prepare(MAX_POINTS, 0.0, 1.0);
    sample.censored = true;
    fit_it();
    for (int i = 0; i < LEVELS; i++) {
        const double s = exponential_sd(level[i]);
        support_close(mean[i], line(level[i]), 0.0, 10.0 * 1.5 * s * 2.0 / sqrt(MAX_POINTS));
        support_close(log(sd[i]), log(s), 0.0, 10.0 * 1.5 * 2.0 / sqrt(2.0 * MAX_POINTS));
    }
    const double told = mean_error();
    sample.censored = false;
    fit_it();
    assert_true(mean_error() > 5.0 * told);
}

/* Log-likelihood of a normal distribution with cut-off jumps, by its definition. */
static double log_likelihood(double m, double s)
{
    double sum = 0.0;
    for (size_t i = 0; i < sample.n; i++) {
        const double z = (dG[i] - m) / s;
        if (G[i] + dG[i] >= 1.0 - 1e-9) {
            sum += log(gsl_cdf_ugaussian_Q(z));
        } else if (G[i] + dG[i] <= 1e-9) {
            sum += log(gsl_cdf_ugaussian_P(z));
        } else {
            sum += -log(s) - 0.5 * z * z - 0.5 * log(2.0 * M_PI);
        }
    }
    return sum;
}

/* Degrees 0 and 0: mean and sd (its n/(n - 1) taken back) maximise the likelihood. */
static void test_rails_likelihood(void **state)
{
    (void)state;
    draw(11, 100, 0.0, 1.0, line, line_sd);
    assert_true(cut_jumps(100) > 10);
    prepare(100, 0.0, 1.0);
    sample.censored = true;
    fix_degrees(0.0, 0.0);
    fit_it();
    const double m = mean[0];
    const double s = sd[0] * sqrt(99.0 / 100.0);
    const double top = log_likelihood(m, s);
    for (int direction = 0; direction < 8; direction++) {
        const double dm = 0.01 * s * cos(direction * M_PI / 4.0);
        const double ds = 0.01 * s * sin(direction * M_PI / 4.0);
        assert_true(log_likelihood(m + dm, s + ds) < top);
        assert_true(top - log_likelihood(m + dm, s + ds) < 0.03); /* about 100/2 0.01^2 2 */
    }
}

/* -- 6. support -- */

/* Points between 0.3 and 0.7 only: levels outside are held constant and counted. 0.3 and 0.7
 * lie on the levels 30 and 70, the outermost points a little inside. */
static void test_support(void **state)
{
    (void)state;
    draw(12, 400, 0.3, 0.7, parabola, exponential_sd);
    prepare(400, 0.0, 1.0);
    assert_true(G[0] < level[31] && G[399] > level[69]);
    fit_it();
    assert_int_equal(fitted.extrapolated, LEVELS - 39);
    for (int i = 0; i <= 30; i++) {
        support_close(mean[i], mean[0], 1e-12, 0.0);
        support_close(sd[i], sd[0], 1e-12, 0.0);
        support_close(mean[100 - i], mean[100], 1e-12, 0.0);
        support_close(sd[100 - i], sd[100], 1e-12, 0.0);
    }
    support_close(mean[50], parabola(0.5), 0.0, 5.0 * 3.0 * exponential_sd(0.5) / 20.0);
}

/* -- 7. errors -- */

static void expect_refused(const char *text)
{
    struct rebias_error err = {0};
    support_expect(polynomial->fit(&sample, values, &fitted, &err), REBIAS_E_DATA, &err, text);
    assert_null(fitted.context);
}

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        points[i] = (struct point){0.5, 0.01 * (double)i};
    }
    prepare(10, 0.0, 1.0);
    expect_refused("all 10 SET points lie at G = 0.5 S");
    points[9].G = 0.6; /* two G: no line with an error of its own */
    prepare(10, 0.0, 1.0);
    fix_degrees(2.0, 0.0);
    expect_refused("10 points at 2 different G do not suffice for a mean of degree 2 and an sd "
                   "of degree 0");
    draw(13, 10, 0.0, 1.0, line, constant_sd);
    prepare(10, 0.0, 1.0);
    fix_degrees(4.0, 3.0);
    expect_refused("10 points at 10 different G do not suffice for a mean of degree 4 and an "
                   "sd of degree 3");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants), cmocka_unit_test(test_least_squares_line),
        cmocka_unit_test(test_no_noise),  cmocka_unit_test(test_constant_jump),
        cmocka_unit_test(test_trend),     cmocka_unit_test(test_units),
        cmocka_unit_test(test_truths),    cmocka_unit_test(test_synthetic_devices),
        cmocka_unit_test(test_degrees),   cmocka_unit_test(test_few_points),
        cmocka_unit_test(test_rails),     cmocka_unit_test(test_rails_likelihood),
        cmocka_unit_test(test_support),   cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
