/* test_two_sample.c - permutation tests of two sets of points: MMD and energy distance.
 * 1. statistics   2. p-values   3. strata   4. thinning   5. options and errors
 *
 * Random inputs come from streams at fixed addresses, so a chance failure cannot come and go.
 */
#include "support.h"
#include "rebias/random.h"
#include "rebias/two_sample.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <string.h>

enum { POINTS = 40, REPETITIONS = 300 };

typedef int permutation_test(const struct rebias_point_set *x, const struct rebias_point_set *y,
                             const struct rebias_permutation_options *options,
                             struct rebias_permutation_result *result,
                             struct rebias_error *err);

/* v[n] standard normal for round `step` of the test `entity`. */
static void draw(uint32_t entity, uint32_t step, size_t n, double *v)
{
    const struct rebias_stream stream = {
        .seed = 20240718, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = step};
    for (size_t i = 0; i < n; i++) {
        float z = 0.0f;
        rebias_random_normal(&stream, i, 1, &z);
        v[i] = (double)z;
    }
}

static struct rebias_permutation_options few(size_t permutations)
{
    struct rebias_permutation_options o = rebias_permutation_options_defaults();
    o.permutations = permutations;
    return o;
}

static struct rebias_permutation_result run(permutation_test *test,
                                            const struct rebias_point_set *x,
                                            const struct rebias_point_set *y,
                                            const struct rebias_permutation_options *options)
{
    struct rebias_permutation_result r = {0};
    struct rebias_error err = {0};
    support_expect(test(x, y, options, &r, &err), REBIAS_OK, &err, NULL);
    return r;
}

/* -- 1. statistics -- */

/* Coordinates divided by their pooled sds, x's points in front. */
static void plain_scale(size_t n, size_t dimension, double *v)
{
    for (size_t k = 0; k < dimension; k++) {
        double sum = 0.0;
        double squares = 0.0;
        for (size_t i = 0; i < n; i++) {
            sum += v[i * dimension + k];
        }
        for (size_t i = 0; i < n; i++) {
            double d = v[i * dimension + k] - sum / (double)n;
            squares += d * d;
        }
        for (size_t i = 0; i < n; i++) {
            v[i * dimension + k] /= sqrt(squares / (double)(n - 1));
        }
    }
}

static double plain_distance(size_t dimension, const double *a, const double *b)
{
    double squares = 0.0;
    for (size_t k = 0; k < dimension; k++) {
        squares += (a[k] - b[k]) * (a[k] - b[k]);
    }
    return sqrt(squares);
}

/* Unbiased MMD^2 as in the definition, h = 0: minus the energy of distances instead. v is
 * scaled. */
static double plain_mmd(size_t n, size_t m, size_t dimension, const double *v, double h)
{
    double sum[3] = {0.0}; /* x x, y y, x y */
    for (size_t i = 0; i < n + m; i++) {
        for (size_t j = 0; j < n + m; j++) {
            double d = plain_distance(dimension, v + i * dimension, v + j * dimension);
            size_t kind = i < n && j < n ? 0 : (i >= n && j >= n ? 1 : 2);
            if (i != j) {
                sum[kind] += h > 0.0 ? exp(-d * d / (2.0 * h * h)) : -d;
            }
        }
    }
    double a = (double)n;
    double b = (double)m;
    return h > 0.0 ? sum[0] / (a * (a - 1.0)) + sum[1] / (b * (b - 1.0)) - sum[2] / (a * b)
                   : sum[0] / (a * a) + sum[1] / (b * b) - sum[2] / (a * b);
}

static double plain_median_distance(size_t n, size_t dimension, const double *v)
{
    double distance[2 * POINTS * 2 * POINTS];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            distance[count++] = plain_distance(dimension, v + i * dimension, v + j * dimension);
        }
    }
    gsl_sort(distance, 1, count);
    return 0.5 * (distance[(count - 1) / 2] + distance[count / 2]);
}

/* Both statistics against their definitions, in one and two dimensions of very different units,
 * with unequal counts. */
static void test_statistics(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        size_t dimension = 1 + round % 2;
        size_t n = 5 + round;
        size_t m = POINTS - round;
        double v[2 * POINTS * 2];
        draw(1, round, (n + m) * dimension, v);
        for (size_t i = 0; i < (n + m) * dimension; i++) {
            v[i] = i % dimension == 0 ? 1e-5 + 1e-6 * v[i] : 1e-9 * v[i];
        }
        const struct rebias_point_set x = {n, dimension, v, NULL};
        const struct rebias_point_set y = {m, dimension, v + n * dimension, NULL};
        struct rebias_permutation_options o = few(1);
        struct rebias_permutation_result median = run(rebias_mmd, &x, &y, &o);
        struct rebias_permutation_result energy = run(rebias_energy_two_sample, &x, &y, &o);
        o.bandwidth = 0.7;
        struct rebias_permutation_result given = run(rebias_mmd, &x, &y, &o);
        plain_scale(n + m, dimension, v);
        support_close(median.bandwidth, plain_median_distance(n + m, dimension, v), 1e-9, 0.0);
        support_close(median.statistic, plain_mmd(n, m, dimension, v, median.bandwidth), 1e-8,
                      1e-11);
        support_close(given.statistic, plain_mmd(n, m, dimension, v, 0.7), 1e-8, 1e-11);
        support_close(energy.statistic, plain_mmd(n, m, dimension, v, 0.0), 1e-8, 1e-11);
        assert_true(given.bandwidth == 0.7 && energy.bandwidth == 0.0 &&
                    energy.statistic > 0.0);
        assert_true(given.count[0] == n && given.count[1] == m);
    }
}

/* 0, 1 against 2, 4, pooled sd s = sqrt(35/12): mean distance over x, y (2 + 4 + 1 + 3)/4 =
 * 5/2, over x, x 1/2, over y, y 1, so the energy is (5 - 1/2 - 1)/s. It is 2 integral (F - H)^2
 * = 2 (1/4 + 1 + 2/4)/s. */
static void test_energy_by_hand(void **state)
{
    (void)state;
    const double a[] = {0.0, 1.0};
    const double b[] = {4.0, 2.0};
    const struct rebias_point_set x = {2, 1, a, NULL};
    const struct rebias_point_set y = {2, 1, b, NULL};
    struct rebias_permutation_options o = few(99);
    support_close(run(rebias_energy_two_sample, &x, &y, &o).statistic, 3.5 / sqrt(35.0 / 12.0),
                  1e-14, 0.0);
}

/* -- 2. p-values -- */

/* 3 against 3 points: the exact p from all 20 labelings; 9999 relabelings lie within 5 binomial
 * standard deviations of it (false alarm 6e-7 a comparison, 20 comparisons). Several labelings
 * have equal statistics, up to rounding. */
static void test_p_by_enumeration(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 10; round++) {
        double v[6];
        draw(2, round, 6, v);
        const struct rebias_point_set x = {3, 1, v, NULL};
        const struct rebias_point_set y = {3, 1, v + 3, NULL};
        struct rebias_permutation_options o = few(9999);
        o.bandwidth = 1.0;
        o.entity = round;
        const double p[] = {run(rebias_mmd, &x, &y, &o).p,
                            run(rebias_energy_two_sample, &x, &y, &o).p};
        plain_scale(6, 1, v);
        for (size_t k = 0; k < 2; k++) {
            double h = k == 0 ? 1.0 : 0.0;
            double found = plain_mmd(3, 3, 1, v, h);
            double as_large = 0.0;
            for (unsigned l = 0; l < 64; l++) {
                double w[6];
                size_t at[2] = {0, 3};
                for (size_t i = 0; i < 6 && __builtin_popcount(l) == 3; i++) {
                    w[at[(l >> i) & 1u]++] = v[i];
                }
                as_large +=
                    __builtin_popcount(l) == 3 && plain_mmd(3, 3, 1, w, h) >= found - 1e-9
                        ? 1.0
                        : 0.0;
            }
            double exact = as_large / 20.0;
            support_close(p[k], exact, 0.0,
                          5.0 * sqrt(exact * (1.0 - exact) / 9999.0) + 1.01e-4);
        }
    }
}

/* Excess of the empirical distribution of p[n] over the uniform one; P(p <= t) <= t for
 * permutation tests, hence false alarm 1e-6 by the Dvoretzky-Kiefer-Wolfowitz-Massart
 * inequality (one-sided). */
static void expect_valid(size_t n, const double *p)
{
    double excess = 0.0;
    for (size_t i = 0; i < n; i++) {
        double upto = 0.0;
        for (size_t j = 0; j < n; j++) {
            upto += p[j] <= p[i] ? 1.0 : 0.0;
        }
        excess = fmax(excess, upto / (double)n - p[i]);
    }
    double bound = sqrt(log(1e6) / (2.0 * (double)n));
    print_message("# largest excess of P(p <= t) over t: %.3f, bound %.3f\n", excess, bound);
    assert_true(excess < bound);
}

/* Shares of p-values up to 0.05 where x is moved by `shift` in the last coordinate. */
static double found_at(permutation_test *test, uint32_t entity, size_t dimension, double shift,
                       double *p)
{
    size_t found = 0;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        double v[2 * POINTS * 2];
        draw(entity, r, 2 * POINTS * dimension, v);
        for (size_t i = 0; i < POINTS; i++) {
            v[i * dimension + dimension - 1] += shift;
        }
        const struct rebias_point_set x = {POINTS, dimension, v, NULL};
        const struct rebias_point_set y = {POINTS, dimension, v + POINTS * dimension, NULL};
        struct rebias_permutation_options o = few(199);
        o.replicate = r;
        p[r] = run(test, &x, &y, &o).p;
        found += p[r] <= 0.05 ? 1 : 0;
    }
    return (double)found / REPETITIONS;
}

/* Equal distributions: valid, and not useless (the share of p <= 0.05 is within 5 binomial sds
 * of 0.05, false alarm 6e-7). A shift by 1 sd is found in most of the repetitions: the t test
 * of 40 against 40 points has power 0.99. */
static void test_null_and_power(void **state)
{
    (void)state;
    double p[REPETITIONS];
    permutation_test *const tests[] = {rebias_mmd, rebias_energy_two_sample};
    for (uint32_t k = 0; k < 2; k++) {
        for (uint32_t dimension = 1; dimension <= 2; dimension++) {
            double level = found_at(tests[k], 10 * k + dimension, dimension, 0.0, p);
            expect_valid(REPETITIONS, p);
            support_close(level, 0.05, 0.0, 5.0 * sqrt(0.05 * 0.95 / REPETITIONS));
            double power = found_at(tests[k], 10 * k + dimension, dimension, 1.0, p);
            print_message("# level %.3f, power %.3f\n", level, power);
            assert_true(power > 0.8);
        }
    }
}

/* The same bytes for any number of threads, and other numbers for another seed, replicate or
 * entity. */
static void test_addresses(void **state)
{
    (void)state;
    double v[4 * POINTS];
    draw(40, 0, 4 * POINTS, v);
    const struct rebias_point_set x = {POINTS, 2, v, NULL};
    const struct rebias_point_set y = {POINTS, 2, v + 2 * POINTS, NULL};
    struct rebias_permutation_options o = few(500);
    struct rebias_permutation_result first = run(rebias_mmd, &x, &y, &o);
    for (int threads = 0; threads < 6; threads++) {
        o.threads = threads;
        struct rebias_permutation_result same = run(rebias_mmd, &x, &y, &o);
        assert_memory_equal(&first, &same, sizeof same);
    }
    struct rebias_permutation_options other[3] = {o, o, o};
    other[0].seed = 2;
    other[1].replicate = 1;
    other[2].entity = 1;
    for (size_t k = 0; k < 3; k++) {
        struct rebias_permutation_result r = run(rebias_mmd, &x, &y, &other[k]);
        assert_true(r.statistic == first.statistic && r.p != first.p);
    }
}

/* Points that all agree: statistic 0, p = 1. Three of four points at one place: the median
 * distance is 0, the mean takes over. */
static void test_equal_points(void **state)
{
    (void)state;
    const double same[] = {0.1, 0.1, 0.1};
    const struct rebias_point_set x = {3, 1, same, NULL};
    struct rebias_permutation_options o = few(50);
    struct rebias_permutation_result r = run(rebias_mmd, &x, &x, &o);
    support_close(r.statistic, 0.0, 0.0, 1e-15);
    assert_true(r.p == 1.0 && run(rebias_energy_two_sample, &x, &x, &o).p == 1.0);
    const double most[] = {0.0, 0.0, 0.0, 0.0, 0.0, 1.0};
    const struct rebias_point_set a = {3, 1, most, NULL};
    const struct rebias_point_set b = {3, 1, most + 3, NULL};
    /* 5 of the 15 pairs are one apart; pooled sd sqrt(1/6) */
    support_close(run(rebias_mmd, &a, &b, &o).bandwidth, sqrt(6.0) / 3.0, 1e-12, 0.0);
}

/* -- 3. strata -- */

/* Points (G, dG) in two strata, G = 0 and 1, with dG of mean 3 G; `share` of x's points in the
 * first and of y's in the second. */
static void draw_strata(uint32_t entity, uint32_t step, size_t share, double *v,
                        uint32_t *stratum)
{
    double z[2 * POINTS];
    draw(entity, step, 2 * POINTS, z);
    for (size_t i = 0; i < 2 * POINTS; i++) {
        bool first = i < POINTS ? i < share : i >= POINTS + share;
        stratum[i] = first ? 7 : 4000000000u;
        v[2 * i] = first ? 0.0 : 1.0;
        v[2 * i + 1] = 3.0 * v[2 * i] + z[i];
    }
}

/* x has 30 points in the first stratum and 10 in the second, y the other way round. The joint
 * distributions differ, dG given G does not: the test within strata holds its level, the other
 * one rejects. */
static void test_strata_null(void **state)
{
    (void)state;
    double p[REPETITIONS];
    size_t unrestricted = 0;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        double v[2 * POINTS * 2];
        uint32_t stratum[2 * POINTS];
        draw_strata(50, r, 30, v, stratum);
        struct rebias_point_set x = {POINTS, 2, v, stratum};
        struct rebias_point_set y = {POINTS, 2, v + 2 * POINTS, stratum + POINTS};
        struct rebias_permutation_options o = few(199);
        o.replicate = r;
        p[r] = run(rebias_mmd, &x, &y, &o).p;
        x.stratum = y.stratum = NULL;
        unrestricted += run(rebias_mmd, &x, &y, &o).p <= 0.05 ? 1 : 0;
    }
    expect_valid(REPETITIONS, p);
    assert_true(unrestricted > REPETITIONS * 9 / 10);
}

/* Equal shares; x's dG is moved by 1 up in one stratum and down in the other, so that the means
 * of dG agree. */
static void test_strata_power(void **state)
{
    (void)state;
    size_t found = 0;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        double v[2 * POINTS * 2];
        uint32_t stratum[2 * POINTS];
        draw_strata(52, r, POINTS / 2, v, stratum);
        for (size_t i = 0; i < POINTS; i++) {
            v[2 * i + 1] += stratum[i] == 7 ? 1.0 : -1.0;
        }
        const struct rebias_point_set x = {POINTS, 2, v, stratum};
        const struct rebias_point_set y = {POINTS, 2, v + 2 * POINTS, stratum + POINTS};
        struct rebias_permutation_options o = few(199);
        o.replicate = r;
        found += run(rebias_mmd, &x, &y, &o).p <= 0.05 ? 1 : 0;
    }
    print_message("# power within strata %.3f\n", (double)found / REPETITIONS);
    assert_true(found > REPETITIONS * 8 / 10);
}

/* Pairs at 40 different G, each a stratum: a shift of dG by 2 sd is found within the pairs,
 * while the spread of dG over G hides it from the unrestricted test. Points that agree within
 * every pair: all relabelings are equal. */
static void test_pairs(void **state)
{
    (void)state;
    double z[2 * POINTS];
    double v[2 * POINTS * 2];
    uint32_t stratum[POINTS];
    draw(51, 0, 2 * POINTS, z);
    for (size_t i = 0; i < 2 * POINTS; i++) {
        stratum[i % POINTS] = (uint32_t)(i % POINTS);
        v[2 * i] = (double)(i % POINTS);
        v[2 * i + 1] = 20.0 * sin((double)(i % POINTS)) + z[i] + (i < POINTS ? 2.0 : 0.0);
    }
    const struct rebias_point_set x = {POINTS, 2, v, stratum};
    const struct rebias_point_set y = {POINTS, 2, v + 2 * POINTS, stratum};
    const struct rebias_point_set x_alone = {POINTS, 2, v, NULL};
    const struct rebias_point_set y_alone = {POINTS, 2, v + 2 * POINTS, NULL};
    struct rebias_permutation_options o = few(999);
    double paired = run(rebias_mmd, &x, &y, &o).p;
    double alone = run(rebias_mmd, &x_alone, &y_alone, &o).p;
    print_message("# p of pairs %.3f, without strata %.3f\n", paired, alone);
    assert_true(paired <= 0.002 && alone > 0.2);
    assert_true(run(rebias_energy_two_sample, &x, &x, &o).p == 1.0);
}

/* -- 4. thinning -- */

/* 400 points against themselves, thinned to 50: with a stratum for each pair the same pairs are
 * left of both, hence energy 0; without strata the subsets differ. */
static void test_thinning_keeps_pairs(void **state)
{
    (void)state;
    enum { MANY = 400 };
    double v[MANY];
    uint32_t stratum[MANY];
    for (size_t i = 0; i < MANY; i++) {
        v[i] = (double)(i * i);
        stratum[i] = (uint32_t)(i % 199 == 0 ? i : MANY + i);
    }
    const struct rebias_point_set x = {MANY, 1, v, stratum};
    const struct rebias_point_set alone = {MANY, 1, v, NULL};
    struct rebias_permutation_options o = few(19);
    o.most = 50;
    struct rebias_permutation_result r = run(rebias_energy_two_sample, &x, &x, &o);
    assert_true(r.count[0] == 50 && r.count[1] == 50);
    support_close(r.statistic, 0.0, 0.0, 1e-13);
    assert_true(run(rebias_energy_two_sample, &alone, &alone, &o).statistic > 1e-4);
}

/* 10 strata of 40 points, which lie at the stratum's number: of 20 points left two are of each
 * stratum, as in every[20], hence energy 0. Of 25 the last five are of random strata, which are
 * the same in both sets. */
static void test_thinning_is_even(void **state)
{
    (void)state;
    enum { MANY = 400 };
    double v[MANY];
    uint32_t stratum[MANY];
    double every[20];
    uint32_t every_stratum[20];
    for (size_t i = 0; i < MANY; i++) {
        stratum[i] = (uint32_t)(i / 40);
        v[i] = (double)stratum[i];
    }
    for (size_t i = 0; i < 20; i++) {
        every_stratum[i] = (uint32_t)(i / 2);
        every[i] = (double)every_stratum[i];
    }
    const struct rebias_point_set x = {MANY, 1, v, stratum};
    const struct rebias_point_set y = {20, 1, every, every_stratum};
    struct rebias_permutation_options o = few(19);
    o.most = 20;
    support_close(run(rebias_energy_two_sample, &x, &y, &o).statistic, 0.0, 0.0, 1e-13);
    o.most = 25;
    support_close(run(rebias_energy_two_sample, &x, &x, &o).statistic, 0.0, 0.0, 1e-13);
    assert_true(run(rebias_energy_two_sample, &x, &y, &o).statistic > 1e-4);
}

/* A small set is used whole beside a thinned one, and the subset depends on the seed. */
static void test_thinning_of_one_set(void **state)
{
    (void)state;
    double v[3 * POINTS];
    draw(60, 0, 3 * POINTS, v);
    const struct rebias_point_set x = {2 * POINTS, 1, v, NULL};
    const struct rebias_point_set y = {POINTS, 1, v + 2 * POINTS, NULL};
    struct rebias_permutation_options o = few(19);
    o.most = POINTS + 5;
    struct rebias_permutation_result r = run(rebias_mmd, &x, &y, &o);
    assert_true(r.count[0] == POINTS + 5 && r.count[1] == POINTS);
    o.seed = 2;
    assert_true(run(rebias_mmd, &x, &y, &o).statistic != r.statistic);
}

/* -- 5. options and errors -- */

static void test_options(void **state)
{
    (void)state;
    const struct rebias_permutation_options d = rebias_permutation_options_defaults();
    assert_true(d.permutations == 999 && d.most == 1000 && d.bandwidth == 0.0 && d.seed == 1);
    const double v[] = {1.0, 2.0, 3.0, 5.0};
    const struct rebias_point_set x = {2, 1, v, NULL};
    struct rebias_permutation_options wrong[7] = {d, d, d, d, d, d, d};
    wrong[0].permutations = 0;
    wrong[1].permutations = 1000001;
    wrong[2].most = 1;
    wrong[3].most = 10001;
    wrong[4].bandwidth = -0.5;
    wrong[5].bandwidth = NAN;
    wrong[6].replicate = 1u << 24;
    const char *const text[] = {"0 permutations",
                                "1000001 permutations",
                                "at most 1 points",
                                "10001 points",
                                "bandwidth -0.5",
                                "bandwidth nan",
                                "replicate 16777216 is not below 2^24"};
    for (size_t k = 0; k < 7; k++) {
        struct rebias_permutation_result r = {.p = 42.0};
        struct rebias_error err = {0};
        support_expect(rebias_mmd(&x, &x, &wrong[k], &r, &err), REBIAS_E_RANGE, &err, text[k]);
        support_expect(rebias_energy_two_sample(&x, &x, &wrong[k], &r, NULL), REBIAS_E_RANGE,
                       &err, NULL);
        assert_true(r.p == 42.0);
    }
}

static void test_errors(void **state)
{
    (void)state;
    const struct rebias_permutation_options o = few(9);
    const double v[] = {1.0, 2.0, 3.0, INFINITY};
    const uint32_t odd[] = {1, 3};
    const uint32_t even[] = {0, 2};
    const struct rebias_point_set good = {2, 1, v, NULL};
    const struct {
        struct rebias_point_set x, y;
        int status;
        const char *text;
    } cases[] = {
        {good, {1, 1, v, NULL}, REBIAS_E_DATA, "the second set has 1 points; at least 2"},
        {{0, 1, v, NULL}, good, REBIAS_E_DATA, "the first set has 0 points"},
        {{2, 3, v, NULL}, good, REBIAS_E_RANGE, "3 dimensions in the first set; 1 or 2"},
        {{2, 0, v, NULL}, good, REBIAS_E_RANGE, "0 dimensions"},
        {good,
         {2, 2, v, NULL},
         REBIAS_E_RANGE,
         "coordinate 2 of point 2 of the second set is inf"},
        {{2, 1, v, NULL}, {1u << 31, 1, v, NULL}, REBIAS_E_RANGE, "has 2147483648 points"},
        {good, {2, 1, v, odd}, REBIAS_E_DATA, "only the second set has strata"},
        {{2, 1, v, odd}, good, REBIAS_E_DATA, "only the first set has strata"},
        {{2, 1, v, odd},
         {2, 1, v, even},
         REBIAS_E_DATA,
         "no stratum of 4 holds points of both"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct rebias_permutation_result r = {.p = 42.0};
        struct rebias_error err = {0};
        support_expect(rebias_mmd(&cases[k].x, &cases[k].y, &o, &r, &err), cases[k].status,
                       &err, cases[k].text);
        assert_true(r.p == 42.0);
    }
    const double w[] = {1.0, 2.0, 3.0, 4.0};
    const struct rebias_point_set two = {2, 2, w, NULL};
    struct rebias_permutation_result r = {.p = 42.0};
    struct rebias_error err = {0};
    support_expect(rebias_energy_two_sample(&good, &two, &o, &r, &err), REBIAS_E_RANGE, &err,
                   "points of 1 and of 2 dimensions");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_energy_by_hand),
        cmocka_unit_test(test_p_by_enumeration),
        cmocka_unit_test(test_null_and_power),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_equal_points),
        cmocka_unit_test(test_strata_null),
        cmocka_unit_test(test_strata_power),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_thinning_keeps_pairs),
        cmocka_unit_test(test_thinning_is_even),
        cmocka_unit_test(test_thinning_of_one_set),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
