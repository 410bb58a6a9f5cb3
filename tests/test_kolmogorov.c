/* test_kolmogorov.c - the Kolmogorov-Smirnov tests of one and of two samples.
 * 1. one sample   2. two samples   3. errors
 *
 * Random inputs come from streams at fixed addresses, so a chance failure cannot come and go.
 */
#include "support.h"
#include "rebias/random.h"
#include "rebias/two_sample.h"
#include <math.h>
#include <stdlib.h>

enum { REPETITIONS = 300, MOST = 2048 };

struct result {
    double statistic, p;
};

/* u[n] in (0, 1) for round `step` of the test `entity`. */
static void draw(uint32_t entity, uint32_t step, size_t n, double *u)
{
    const struct rebias_stream stream = {
        .seed = 20240707, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = step};
    rebias_random_uniform(&stream, 0, n, u);
}

static struct result one_sample(size_t n, const double *u)
{
    struct result r = {NAN, NAN};
    struct rebias_error err = {0};
    support_expect(rebias_ks_one_sample(n, u, &r.statistic, &r.p, &err), REBIAS_OK, &err, NULL);
    return r;
}

static struct result two_sample(size_t n, const double *x, size_t m, const double *y)
{
    struct result r = {NAN, NAN};
    struct rebias_error err = {0};
    support_expect(rebias_ks_two_sample(n, x, m, y, &r.statistic, &r.p, &err), REBIAS_OK, &err,
                   NULL);
    return r;
}

/* -- 1. one sample -- */

/* p of n points whose statistic is d >= 1/(2 n): points at i/n + d, as far as they fit. */
static double p_at(size_t n, double d)
{
    static double u[MOST];
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        u[i] = fmin((double)i / (double)n + d, 1.0);
    }
    struct result r = one_sample(n, u);
    support_close(r.statistic, d, 1e-12, 0.0);
    return r.p;
}

/* 0.7, 0.1, 0.4: the steps 1/3, 2/3, 1 exceed them by 0.3 at most, at 0.7. */
static void test_one_by_hand(void **state)
{
    (void)state;
    const double u[] = {0.7, 0.1, 0.4};
    support_close(one_sample(3, u).statistic, 0.3, 1e-14, 0.0);
    const double high[] = {0.9, 0.95, 0.5};
    support_close(one_sample(3, high).statistic, 0.9 - 1.0 / 3.0, 1e-14, 0.0);
}

/* One point: D = max(u, 1 - u), P(D >= d) = 2 - 2 d. Two points: D < d <= 1/2 where both lie
 * within d of their steps, probability 2 (2 d - 1/2)^2; for d >= 1/2, P(D >= d) = 2 (1 - d)^2.
 */
static void test_one_closed_forms(void **state)
{
    (void)state;
    for (int i = 1; i < 20; i++) {
        double d = 0.5 + 0.025 * i;
        support_close(p_at(1, d), 2.0 - 2.0 * d, 1e-13, 0.0);
        support_close(p_at(2, d), 2.0 * (1.0 - d) * (1.0 - d), 1e-13, 0.0);
        double e = 0.25 + 0.0125 * i;
        support_close(p_at(2, e), 1.0 - 2.0 * (2.0 * e - 0.5) * (2.0 * e - 0.5), 1e-13, 0.0);
    }
    support_close(p_at(1, 0.5), 1.0, 0.0, 0.0);
    const double end = 0.0;
    assert_true(one_sample(1, &end).statistic == 1.0 && one_sample(1, &end).p == 0.0);
}

/* Percentage points of Miller, J. Am. Stat. Assoc. 51, 111 (1956), table 1, given to 5 digits,
 * and the worked example of Marsaglia, Tsang and Wang (2003), P(D_10 < 0.274). */
static void test_one_tables(void **state)
{
    (void)state;
    const struct {
        size_t n;
        double d, p;
    } points[] = {
        {5, 0.56328, 0.05},   {10, 0.40925, 0.05},  {20, 0.29408, 0.05}, {50, 0.18841, 0.05},
        {100, 0.13403, 0.05}, {5, 0.66853, 0.01},   {10, 0.48893, 0.01}, {20, 0.35241, 0.01},
        {50, 0.22604, 0.01},  {100, 0.16081, 0.01}, {5, 0.44698, 0.2},   {10, 0.3226, 0.2},
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        support_close(p_at(points[i].n, points[i].d), points[i].p, 1e-3, 5e-5);
    }
    support_close(p_at(10, 0.274), 1.0 - 0.6284796154565, 0.0, 1e-12);
}

/* Determinant by elimination with pivots. */
static double determinant(size_t n, double a[8][8])
{
    double product = 1.0;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++) {
            pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        }
        if (a[pivot][k] == 0.0) {
            return 0.0;
        }
        product *= pivot == k ? a[k][k] : -a[pivot][k];
        for (size_t j = 0; j < n; j++) {
            double swap = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        for (size_t i = k + 1; i < n; i++) {
            double factor = a[i][k] / a[k][k];
            for (size_t j = k; j < n; j++) {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    return product;
}

/* Steck (Ann. Math. Stat. 42, 1 (1971)): the probability that the i-th of n ordered uniform
 * numbers lies in (low_i, high_i) is n! det((high_i - low_j)_+^(j-i+1)/(j-i+1)!). */
static double steck(size_t n, double d)
{
    double a[8][8];
    double factorial = 1.0;
    for (size_t i = 0; i < n; i++) {
        factorial *= (double)(i + 1);
        double high = fmin((double)i / (double)n + d, 1.0);
        for (size_t j = 0; j < n; j++) {
            double low = fmax((double)(j + 1) / (double)n - d, 0.0);
            int power = (int)j - (int)i + 1;
            double gap = fmax(high - low, 0.0);
            a[i][j] = power < 0 ? 0.0 : pow(gap, power) / tgamma(power + 1.0);
            a[i][j] = power == 0 ? 1.0 : a[i][j];
        }
    }
    return factorial * determinant(n, a);
}

static void test_one_against_determinant(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 8; n++) {
        for (int i = 1; i < 40; i++) {
            double d = 0.5 / (double)n + 0.025 * i;
            if (d < 0.999) {
                support_close(p_at(n, d), 1.0 - steck(n, d), 0.0, 1e-11);
            }
        }
    }
}

/* p falls with D across the change of the formula, and from the exact 200 points to the limit's
 * 201 it moves by less than the documented 1e-4. */
static void test_one_branches(void **state)
{
    (void)state;
    const size_t counts[] = {5, 30, 200, 201};
    for (size_t k = 0; k < 4; k++) {
        double before = 1.0;
        for (int i = 1; i <= 60; i++) {
            double n = (double)counts[k];
            double p = p_at(counts[k], fmin(0.04 * i / sqrt(n) + 0.5 / n, 1.0));
            assert_true(p < before || (p == before && (p == 1.0 || p == 0.0)));
            before = p;
        }
    }
    for (int i = 1; i <= 24; i++) {
        double x = 0.3 + 0.1 * i;
        support_close(p_at(201, x / sqrt(201.0)), p_at(200, x / sqrt(200.0)), 0.0, 1.3e-4);
    }
    /* far out: Smirnov's 2 exp(-2 n D^2 - 2 D/3), and the next term of the rate, the least
     * relative entropy of a Bernoulli t + D from t: 2 D^2 + 4 D^4/9 */
    const double d = 0.3;
    double rate = 2.0 * d * d + 4.0 / 9.0 * pow(d, 4.0);
    support_close(p_at(200, d), 2.0 * exp(-200.0 * rate - 2.0 * d / 3.0), 0.03, 0.0);
}

/* Many points: Kolmogorov's distribution, K(1.36) = 0.9505 and K(1.63) = 0.9902 (Smirnov, Ann.
 * Math. Stat. 19, 279 (1948)). */
static void test_one_limit(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    double *u = malloc(MANY * sizeof *u);
    assert_non_null(u);
    const double points[][2] = {{1.36, 0.9505}, {1.63, 0.9902}, {0.8276, 0.5}, {0.5, 0.0361}};
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < MANY; i++) {
            u[i] = fmin((double)i / MANY + points[k][0] / 1000.0, 1.0);
        }
        support_close(1.0 - one_sample(MANY, u).p, points[k][1], 0.0, 4e-4);
    }
    free(u);
}

/* sup |F_n - u| of p-values that should be uniform; false alarm 1e-6 by the
 * Dvoretzky-Kiefer-Wolfowitz-Massart inequality. They lie on a lattice in two-sample tests,
 * where P(p <= t) <= t: only the excess counts. */
static void expect_uniform(size_t n, double *p, bool is_lattice)
{
    struct result r = one_sample(n, p);
    double bound = sqrt(log(2e6) / (2.0 * (double)n));
    double excess = 0.0;
    for (size_t i = 0; i < n; i++) {
        size_t upto = 0;
        for (size_t j = 0; j < n; j++) {
            upto += p[j] <= p[i] ? 1 : 0;
        }
        excess = fmax(excess, (double)upto / (double)n - p[i]);
    }
    print_message("# p-values: D %.3f, excess %.3f, bound %.3f\n", r.statistic, excess, bound);
    assert_true((is_lattice ? excess : r.statistic) < bound);
}

/* Uniform points give uniform p-values; squared ones (P(u^2 < 1/4) = 1/2: D about 1/4) are
 * found out. */
static void test_one_null_and_power(void **state)
{
    (void)state;
    enum { POINTS = 60 };
    double p[REPETITIONS];
    size_t found = 0;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        double u[POINTS];
        draw(1, r, POINTS, u);
        p[r] = one_sample(POINTS, u).p;
        for (size_t i = 0; i < POINTS; i++) {
            u[i] *= u[i];
        }
        found += one_sample(POINTS, u).p < 0.05 ? 1 : 0;
    }
    expect_uniform(REPETITIONS, p, false);
    assert_true(found > REPETITIONS * 8 / 10);
}

/* -- 2. two samples -- */

/* Separate samples of 3: D = 1, and 2 of the 20 orders are separate. Equal samples: D = 0.
 * Above 2 lie a third of 1 2 4 and all of 5 3. */
static void test_two_by_hand(void **state)
{
    (void)state;
    const double low[] = {3.0, 1.0, 2.0};
    const double high[] = {5.0, 4.0, 6.0};
    struct result r = two_sample(3, low, 3, high);
    support_close(r.statistic, 1.0, 0.0, 0.0);
    support_close(r.p, 0.1, 1e-14, 0.0);
    r = two_sample(3, low, 3, low);
    assert_true(r.statistic == 0.0 && r.p == 1.0);
    const double one[] = {1.0, 2.0, 4.0};
    const double other[] = {5.0, 3.0};
    support_close(two_sample(3, one, 2, other).statistic, 2.0 / 3.0, 1e-15, 0.0);
}

/* D of the labeling (bit i set: pooled value i belongs to x) of n + m values, times n m;
 * plainly: at every value. */
static int plain_distance(unsigned labels, int n, int m, const double *pooled)
{
    int largest = 0;
    for (int k = 0; k < n + m; k++) {
        int below[2] = {0, 0};
        for (int i = 0; i < n + m; i++) {
            if (pooled[i] <= pooled[k]) {
                below[(labels >> i) & 1u]++;
            }
        }
        int gap = abs(below[1] * m - below[0] * n);
        largest = gap > largest ? gap : largest;
    }
    return largest;
}

/* p by enumeration of all labelings with n bits set. */
static double plain_p(unsigned labels, int n, int m, const double *pooled)
{
    int found = plain_distance(labels, n, m, pooled);
    int all = 0;
    int as_large = 0;
    for (unsigned l = 0; l < 1u << (n + m); l++) {
        if (__builtin_popcount(l) == n) {
            all++;
            as_large += plain_distance(l, n, m, pooled) >= found ? 1 : 0;
        }
    }
    return (double)as_large / all;
}

/* Sizes up to 7 + 5; every second round has values in steps of 1/4, hence ties. */
static void test_two_by_enumeration(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 40; round++) {
        int n = 1 + (int)(round % 7);
        int m = 1 + (int)(round % 5);
        double pooled[12];
        double x[12];
        draw(2, round, 12, pooled);
        for (int i = 0; i < n + m; i++) {
            pooled[i] = round % 2 == 0 ? pooled[i] : floor(4.0 * pooled[i]);
            x[i] = pooled[i];
        }
        unsigned labels = (1u << n) - 1u;
        struct result r = two_sample((size_t)n, x, (size_t)m, x + n);
        support_close(r.statistic, plain_distance(labels, n, m, pooled) / (double)(n * m),
                      1e-14, 0.0);
        support_close(r.p, plain_p(labels, n, m, pooled), 1e-12, 0.0);
    }
}

/* Samples i/n + shift and j/m: p and D. */
static struct result shifted(size_t n, size_t m, double shift)
{
    static double x[8 * MOST];
    static double y[8 * MOST];
    assert_true(n <= 8 * MOST && m <= 8 * MOST);
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)i / (double)n + shift;
    }
    for (size_t j = 0; j < m; j++) {
        y[j] = ((double)j + 0.5) / (double)m;
    }
    return two_sample(n, x, m, y);
}

/* Equal sizes have a closed form (Gnedenko and Korolyuk 1951): P(D >= k/n) = 2 sum over i of
 * (-1)^(i-1) C(2n, n - i k)/C(2n, n). 1000 points are counted, 1200 use the limit. */
static void test_two_equal_sizes(void **state)
{
    (void)state;
    for (size_t n = 1000; n <= 1200; n += 200) {
        for (int i = 1; i <= 12; i++) {
            struct result r = shifted(n, n, 0.01 * i - 1e-6);
            double count = (double)n;
            double k = round(r.statistic * count);
            double sum = 0.0;
            for (double j = floor(count / k); j >= 1.0; j -= 1.0) {
                sum = exp(2.0 * lgamma(count + 1.0) - lgamma(count - j * k + 1.0) -
                          lgamma(count + j * k + 1.0)) -
                      sum;
            }
            support_close(r.p, fmin(2.0 * sum, 1.0), n == 1000 ? 1e-9 : 0.0,
                          n == 1000 ? 1e-12 : 2e-4);
        }
    }
}

/* Against 15999 points 40 or 70 are tested almost as against their distribution. */
static void test_two_against_one(void **state)
{
    (void)state;
    for (size_t n = 40; n <= 70; n += 30) { /* counted; the limit */
        for (int i = 1; i <= 12; i++) {
            struct result r = shifted(n, 15999, 0.02 * i);
            double en = (double)n * 15999.0 / ((double)n + 15999.0);
            double same = r.statistic * sqrt(en / (double)n);
            support_close(r.p, p_at(n, same), 0.0, 1.5e-3);
        }
    }
}

/* Exact p-values of 8 against 11 normal-like points: P(p <= t) <= t. A shift by one sd is found
 * with 60 points each. */
static void test_two_null_and_power(void **state)
{
    (void)state;
    double p[REPETITIONS];
    size_t found = 0;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        double u[120];
        draw(3, r, 120, u);
        p[r] = two_sample(8, u, 11, u + 8).p;
        for (size_t i = 0; i < 60; i++) {
            u[i] += sqrt(1.0 / 12.0);
        }
        found += two_sample(60, u, 60, u + 60).p < 0.05 ? 1 : 0;
    }
    expect_uniform(REPETITIONS, p, true);
    assert_true(found > REPETITIONS * 9 / 10);
}

/* Swapping the samples, or any rising map of the values, changes nothing. */
static void test_two_invariance(void **state)
{
    (void)state;
    double u[100];
    double v[100];
    draw(4, 0, 100, u);
    for (size_t i = 0; i < 100; i++) {
        v[i] = exp(5.0 * u[i]) - 1e6;
    }
    struct result r = two_sample(30, u, 70, u + 30);
    struct result swapped = two_sample(70, u + 30, 30, u);
    struct result mapped = two_sample(30, v, 70, v + 30);
    assert_true(r.statistic == swapped.statistic && r.statistic == mapped.statistic);
    support_close(swapped.p, r.p, 1e-12, 0.0);
    assert_true(mapped.p == r.p);
}

/* -- 3. errors -- */

static void test_errors(void **state)
{
    (void)state;
    const double u[] = {0.5, 1.5, NAN, -0.1};
    double statistic = 42.0;
    double p = 42.0;
    struct rebias_error err = {0};
    support_expect(rebias_ks_one_sample(0, u, &statistic, &p, &err), REBIAS_E_DATA, &err,
                   "no points");
    support_expect(rebias_ks_one_sample(2, u, &statistic, &p, &err), REBIAS_E_RANGE, &err,
                   "value 2 of 2 is 1.5; a probability was expected");
    support_expect(rebias_ks_one_sample(1, u + 2, &statistic, &p, &err), REBIAS_E_RANGE, &err,
                   "is nan");
    support_expect(rebias_ks_one_sample(1, u + 3, &statistic, &p, &err), REBIAS_E_RANGE, &err,
                   "is -0.1");
    support_expect(rebias_ks_two_sample(0, u, 1, u, &statistic, &p, &err), REBIAS_E_DATA, &err,
                   "the first sample has no points");
    support_expect(rebias_ks_two_sample(1, u, 0, u, &statistic, &p, &err), REBIAS_E_DATA, &err,
                   "the second sample has no points");
    support_expect(rebias_ks_two_sample(2, u, 3, u, &statistic, &p, &err), REBIAS_E_RANGE, &err,
                   "value 3 of 3 of the second sample is nan");
    support_expect(rebias_ks_two_sample((size_t)1 << 31, u, 3, u, &statistic, &p, &err),
                   REBIAS_E_RANGE, &err, "the first sample has 2147483648 points");
    assert_true(statistic == 42.0 && p == 42.0);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_hand),
        cmocka_unit_test(test_one_closed_forms),
        cmocka_unit_test(test_one_tables),
        cmocka_unit_test(test_one_against_determinant),
        cmocka_unit_test(test_one_branches),
        cmocka_unit_test(test_one_limit),
        cmocka_unit_test(test_one_null_and_power),
        cmocka_unit_test(test_two_by_hand),
        cmocka_unit_test(test_two_by_enumeration),
        cmocka_unit_test(test_two_equal_sizes),
        cmocka_unit_test(test_two_against_one),
        cmocka_unit_test(test_two_null_and_power),
        cmocka_unit_test(test_two_invariance),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
