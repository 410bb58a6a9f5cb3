/* test_bootstrap.c - mean and sd, the bootstrap interval of a mean.
 * 1. mean and sd   2. the bootstrap interval
 *
 * Random inputs come from streams at fixed addresses, so a chance failure cannot come and go.
 */
#include "support.h"
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

static struct rebias_stream stream_of(uint32_t entity)
{
    return (struct rebias_stream){
        .seed = 20240517, .purpose = REBIAS_FOR_TEST, .entity = entity};
}

/* u[n] in (0, 1) for round `step` of the test `entity`. */
static void draw(uint32_t entity, uint32_t step, size_t n, double *u)
{
    struct rebias_stream stream = stream_of(entity);
    stream.step = step;
    rebias_random_uniform(&stream, 0, n, u);
}

/* -- 1. mean and sd -- */

static void test_mean_sd(void **state)
{
    (void)state;
    double mean = 0.0;
    double sd = 0.0;
    const double by_hand[] = {2.0, 4.0, 4.0, 4.0,
                              5.0, 5.0, 7.0, 9.0}; /* sum 40, squares about 5: 32 */
    rebias_mean_sd(8, by_hand, &mean, &sd);
    support_close(mean, 5.0, 1e-15, 0.0);
    support_close(sd, sqrt(32.0 / 7.0), 1e-15, 0.0);
    rebias_mean_sd(1, by_hand, &mean, &sd);
    assert_true(mean == 2.0 && sd == 0.0);
}

/* Data far from 0: the two-pass formula in long double on the same numbers, and the sd of the
 * unshifted ones. The shift is 2^30 and the numbers multiples of 2^-20, so that shifting is
 * exact. */
static void test_mean_sd_shifted(void **state)
{
    (void)state;
    enum { N = 1000 };
    double u[N];
    double shifted[N];
    draw(5, 0, N, u);
    long double sum = 0.0L;
    for (size_t i = 0; i < N; i++) {
        u[i] = floor(u[i] * 0x1p20) * 0x1p-20;
        shifted[i] = 0x1p30 + u[i];
        sum += shifted[i];
    }
    long double exact_mean = sum / N;
    long double squares = 0.0L;
    for (size_t i = 0; i < N; i++) {
        squares += (shifted[i] - exact_mean) * (shifted[i] - exact_mean);
    }
    double mean = 0.0;
    double sd = 0.0;
    double plain_mean = 0.0;
    double plain_sd = 0.0;
    rebias_mean_sd(N, shifted, &mean, &sd);
    rebias_mean_sd(N, u, &plain_mean, &plain_sd);
    support_close(mean, (double)exact_mean, 2e-16, 0.0);
    support_close(sd, (double)sqrtl(squares / (N - 1)), 1e-14, 0.0);
    support_close(sd, plain_sd, 1e-13, 0.0);
}

/* -- 2. the bootstrap interval -- */

struct interval {
    double low, high;
};

static struct interval interval_of(size_t n, const double *x, double level, size_t resamples,
                                   const struct rebias_stream *stream)
{
    struct interval i = {0.0, 0.0};
    struct rebias_error err = {0};
    support_expect(rebias_bootstrap_mean(n, x, level, resamples, stream, &i.low, &i.high, &err),
                   REBIAS_OK, &err, NULL);
    return i;
}

/* Deterministic; contains the mean; wider at a higher level; moves and stretches with the data.
 */
static void test_bootstrap_properties(void **state)
{
    (void)state;
    enum { N = 12 };
    for (uint32_t round = 0; round < 50; round++) {
        double x[N];
        double moved[N];
        double flipped[N];
        draw(6, round, N, x);
        for (size_t i = 0; i < N; i++) {
            moved[i] = 1000.0 + 4.0 * x[i];
            flipped[i] = -x[i];
        }
        struct rebias_stream stream = stream_of(7);
        stream.replicate = round;
        struct interval a = interval_of(N, x, 0.95, 999, &stream);
        struct interval b = interval_of(N, x, 0.95, 999, &stream);
        assert_memory_equal(&a, &b, sizeof a);
        double mean = 0.0;
        double sd = 0.0;
        rebias_mean_sd(N, x, &mean, &sd);
        assert_true(a.low < mean && mean < a.high);
        struct interval wide = interval_of(N, x, 0.99, 999, &stream);
        struct interval narrow = interval_of(N, x, 0.5, 999, &stream);
        assert_true(wide.low < a.low && a.high < wide.high && a.low < narrow.low &&
                    narrow.high < a.high);
        struct interval m = interval_of(N, moved, 0.95, 999, &stream);
        support_close(m.low, 1000.0 + 4.0 * a.low, 1e-14, 0.0);
        support_close(m.high, 1000.0 + 4.0 * a.high, 1e-14, 0.0);
        struct interval f =
            interval_of(N, flipped, 0.95, 999, &stream); /* the same resamples, mirrored */
        support_close(f.low, -a.high, 1e-13, 0.0);
        support_close(f.high, -a.low, 1e-13, 0.0);
        stream.seed++;
        struct interval other = interval_of(N, x, 0.95, 999, &stream);
        assert_true(other.low != a.low || other.high != a.high);
    }
}

/* Equal values give an interval of width 0. A single resample is one normal kernel of width s/n
 * around a resampled mean: by hand, {0.75, 0.25} has s/n = 0.25/sqrt 2, and t_1 at level 1/2
 * is 1. */
static void test_bootstrap_few(void **state)
{
    (void)state;
    struct rebias_stream stream = stream_of(8);
    const double same[] = {0.9, 0.9, 0.9};
    struct interval i = interval_of(3, same, 0.95, 999, &stream);
    support_close(i.low, 0.9, 1e-15, 0.0);
    support_close(i.high, 0.9, 1e-15, 0.0);
    const double two[] = {0.75, 0.25};
    i = interval_of(2, two, 0.5, 1, &stream);
    double centre = 0.5 * (i.low + i.high);
    support_close(i.high - i.low, 2.0 * 0.25 / M_SQRT2, 1e-9, 0.0);
    support_close(fmin(fabs(centre - 0.25), fmin(fabs(centre - 0.5), fabs(centre - 0.75))), 0.0,
                  0.0, 1e-9);
}

/* By hand, {0, 1}: the resampled means are 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4, each
 * under a kernel of width s/n = 1/(2 sqrt 2). At the lower end this mixture must reach
 * Phi(-t_1), t_1 = tan(pi level/2). 9999 resamples: the weight of the lowest mean has a
 * relative standard error of 1.7 %; 6 of these (false-alarm rate 2e-9). */
static void test_bootstrap_by_hand(void **state)
{
    (void)state;
    const double x[] = {0.0, 1.0};
    const double h = 0.5 / M_SQRT2;
    const double levels[] = {0.5, 0.8, 0.95};
    struct rebias_stream stream = stream_of(11);
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        struct interval i = interval_of(2, x, levels[k], 9999, &stream);
        double below = 0.25 * gsl_cdf_ugaussian_P(i.low / h) +
                       0.5 * gsl_cdf_ugaussian_P((i.low - 0.5) / h) +
                       0.25 * gsl_cdf_ugaussian_P((i.low - 1.0) / h);
        double above = 0.25 * gsl_cdf_ugaussian_Q(i.high / h) +
                       0.5 * gsl_cdf_ugaussian_Q((i.high - 0.5) / h) +
                       0.25 * gsl_cdf_ugaussian_Q((i.high - 1.0) / h);
        double wanted = gsl_cdf_ugaussian_P(-tan(0.5 * M_PI * levels[k]));
        support_close(below, wanted, 0.104, 0.0);
        support_close(above, wanted, 0.104, 0.0);
    }
}

/* Many values: the interval becomes mean -+ z sd/sqrt(n) (central limit theorem). n = 3000 >
 * one piece of words. Tolerance: a quantile at 2.5 % of 3999 means has a standard error of
 * 0.042 sd/sqrt(n); 6 of these. */
static void test_bootstrap_many(void **state)
{
    (void)state;
    enum { N = 3000 };
    double x[N];
    draw(9, 0, N, x);
    double mean = 0.0;
    double sd = 0.0;
    rebias_mean_sd(N, x, &mean, &sd);
    struct rebias_stream stream = stream_of(9);
    struct interval i = interval_of(N, x, 0.95, 3999, &stream);
    double half = gsl_cdf_ugaussian_Pinv(0.975) * sd / sqrt((double)N);
    double error = 6.0 * 0.042 * sd / sqrt((double)N);
    support_close(i.low, mean - half, 0.0, error);
    support_close(i.high, mean + half, 0.0, error);
}

static void test_bootstrap_errors(void **state)
{
    (void)state;
    const double x[] = {1.0, 2.0, 3.0};
    const double nan_data[] = {1.0, NAN, 3.0};
    const double inf_data[] = {1.0, 2.0, -INFINITY};
    struct rebias_stream stream = stream_of(10);
    double low = 42.0;
    double high = 43.0;
    struct rebias_error err = {0};
    support_expect(rebias_bootstrap_mean(1, x, 0.95, 99, &stream, &low, &high, &err),
                   REBIAS_E_DATA, &err, "there are 1");
    support_expect(rebias_bootstrap_mean(0, x, 0.95, 99, &stream, &low, &high, &err),
                   REBIAS_E_DATA, &err, "there are 0");
    const double levels[] = {0.0, 1.0, -0.5, 95.0, NAN};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        support_expect(rebias_bootstrap_mean(3, x, levels[i], 99, &stream, &low, &high, &err),
                       REBIAS_E_RANGE, &err, "outside (0, 1)");
    }
    support_expect(rebias_bootstrap_mean(3, x, 0.95, 0, &stream, &low, &high, &err),
                   REBIAS_E_RANGE, &err, "resamples");
    support_expect(rebias_bootstrap_mean(3, nan_data, 0.95, 99, &stream, &low, &high, &err),
                   REBIAS_E_RANGE, &err, "value 2 of 3 is nan");
    support_expect(rebias_bootstrap_mean(3, inf_data, 0.95, 99, &stream, &low, &high, NULL),
                   REBIAS_E_RANGE, &err, NULL);
    assert_true(low == 42.0 && high == 43.0);
}

/* How many of `sets` normal data sets (mean 0) have 0 in their 95 % interval. */
static unsigned count_covered(size_t n, uint32_t sets)
{
    unsigned covered = 0;
    for (uint32_t k = 0; k < sets; k++) {
        double x[20];
        draw(11 + (uint32_t)n, k, n, x);
        for (size_t i = 0; i < n; i++) {
            x[i] = gsl_cdf_ugaussian_Pinv(x[i]);
        }
        const struct rebias_stream stream = {
            .seed = 7, .purpose = REBIAS_FOR_BOOTSTRAP, .replicate = k, .entity = (uint32_t)n};
        struct interval i = interval_of(n, x, 0.95, 299, &stream);
        covered += i.low <= 0.0 && 0.0 <= i.high ? 1u : 0u;
    }
    return covered;
}

/* Coverage of the 95 % interval. Expected: 0.9359 (n = 2), 0.9405 (n = 5) and 0.9470 (n = 20),
 * each +- 0.0005, from a separate program with GSL's mt19937 and 200,000 normal data sets. The
 * band of 5 binomial standard deviations has a false-alarm rate of 6e-7 for each n. */
static void test_bootstrap_coverage(void **state)
{
    (void)state;
    const struct {
        size_t n;
        double expected;
    } cases[] = {{2, 0.9359}, {5, 0.9405}, {20, 0.9470}};
    const uint32_t sets = 2000;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double covered = count_covered(cases[i].n, sets);
        double p = cases[i].expected;
        print_message("# n = %zu: coverage %.4f, 95 %% binomial interval [%.4f, %.4f]\n",
                      cases[i].n, covered / sets,
                      gsl_cdf_beta_Pinv(0.025, covered, sets - covered + 1.0),
                      gsl_cdf_beta_Pinv(0.975, covered + 1.0, sets - covered));
        support_close(covered / sets, p, 0.0, 5.0 * sqrt(p * (1.0 - p) / sets));
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_sd),
        cmocka_unit_test(test_mean_sd_shifted),
        cmocka_unit_test(test_bootstrap_properties),
        cmocka_unit_test(test_bootstrap_few),
        cmocka_unit_test(test_bootstrap_by_hand),
        cmocka_unit_test(test_bootstrap_many),
        cmocka_unit_test(test_bootstrap_errors),
        cmocka_unit_test(test_bootstrap_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
