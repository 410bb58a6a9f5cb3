/* test_rank.c - rank correlation: by hand, ties, invariance, coverage of its interval. */
#include "support.h"

#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

struct result {
    double rho, low, high;
};

static struct result spearman(size_t n, const double *x, const double *y)
{
    struct result r = {0};
    struct rebias_error err = {0};
    support_expect(rebias_spearman(n, x, y, 0.95, &r.rho, &r.low, &r.high, &err), REBIAS_OK,
                   &err, NULL);
    return r;
}

/* Ranks of y are 1 3 2 5 4: sum d^2 = 4, rho = 1 - 6 * 4/(5 * 24) = 0.8. The interval is that
 * of Bonett and Wright: atanh 0.8 -+ 1.959964 sqrt(1.32/2). */
static void test_by_hand(void **state)
{
    (void)state;
    const double x[] = {1.0, 2.0, 3.0, 4.0, 5.0};
    const double y[] = {-10.0, 7.0, 0.5, 1e6, 8.0};
    struct result r = spearman(5, x, y);
    support_close(r.rho, 0.8, 1e-14, 0.0);
    support_close(r.low, tanh(atanh(0.8) - 1.9599639845400545 * sqrt(0.66)), 1e-12, 0.0);
    support_close(r.high, tanh(atanh(0.8) + 1.9599639845400545 * sqrt(0.66)), 1e-12, 0.0);
}

/* Mid-ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5, so rho =
 * sqrt(0.9). */
static void test_ties(void **state)
{
    (void)state;
    const double x[] = {1.0, 2.0, 2.0, 3.0};
    const double y[] = {1.0, 2.0, 3.0, 4.0};
    support_close(spearman(4, x, y).rho, sqrt(0.9), 1e-14, 0.0);
}

static void test_perfect_and_reversed(void **state)
{
    (void)state;
    double x[10];
    double up[10];
    double down[10];
    for (int i = 0; i < 10; i++) {
        x[i] = i;
        up[i] = exp(i);
        down[i] = -i * i;
    }
    struct result r = spearman(10, x, up);
    support_close(r.rho, 1.0, 1e-14, 0.0);
    assert_true(r.low > 0.99 && r.high <= 1.0);
    r = spearman(10, x, down);
    support_close(r.rho, -1.0, 1e-14, 0.0);
    assert_true(r.high < -0.99 && r.low >= -1.0);
}

static void test_not_available(void **state)
{
    (void)state;
    const double x[] = {1.0, 2.0, 3.0, 4.0};
    const double same[] = {2.0, 2.0, 2.0, 2.0};
    assert_true(isnan(spearman(2, x, x).rho));
    assert_true(isnan(spearman(4, x, same).rho) && isnan(spearman(4, same, x).low));
    struct result r = spearman(3, x, x);
    support_close(r.rho, 1.0, 1e-14, 0.0);
    assert_true(isnan(r.low) && isnan(r.high));
}

static void test_errors(void **state)
{
    (void)state;
    const double x[] = {1.0, NAN, 3.0};
    const double y[] = {1.0, 2.0, 3.0};
    struct result r;
    struct rebias_error err = {0};
    support_expect(rebias_spearman(3, x, y, 0.95, &r.rho, &r.low, &r.high, &err),
                   REBIAS_E_RANGE, &err, "pair 2 of 3 is (nan, 2), not finite");
    support_expect(rebias_spearman(3, y, y, 1.0, &r.rho, &r.low, &r.high, &err), REBIAS_E_RANGE,
                   &err, "confidence level 1 is outside (0, 1)");
}

/* 2000 sets of 20 bivariate normal pairs with correlation 0.6, whose Spearman correlation is
 * 6/pi asin(0.3). Nominal 95 %; the band of 5 binomial standard deviations around 0.95 is 0.024
 * wide on either side (false-alarm rate 6e-7 if the interval is exact; it is an approximation,
 * measured 0.9595 here). */
static void test_coverage(void **state)
{
    (void)state;
    enum { N = 20, SETS = 2000 };
    const double truth = 6.0 / M_PI * asin(0.3);
    unsigned covered = 0;
    for (uint32_t set = 0; set < SETS; set++) {
        const struct rebias_stream stream = {
            .seed = 3, .purpose = REBIAS_FOR_TEST, .step = set};
        float z[2 * N];
        double x[N];
        double y[N];
        rebias_random_normal(&stream, 0, 2 * N, z);
        for (size_t i = 0; i < N; i++) {
            x[i] = (double)z[i];
            y[i] = 0.6 * (double)z[i] + 0.8 * (double)z[N + i];
        }
        struct result r = spearman(N, x, y);
        covered += r.low <= truth && truth <= r.high ? 1u : 0u;
    }
    print_message("# coverage %.4f\n", (double)covered / SETS);
    support_close((double)covered / SETS, 0.95, 0.0, 0.024);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_perfect_and_reversed),
        cmocka_unit_test(test_not_available),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
