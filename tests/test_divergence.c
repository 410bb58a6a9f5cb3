/* test_divergence.c - W2, Kullback-Leibler, Jensen-Shannon, energy distance; weighted averages.
 * 1. on a grid   2. normal distributions   3. devices: numerical against closed   4. weights
 *
 * Random inputs come from streams at fixed addresses, so a chance failure cannot come and go.
 */
#include "support.h"
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

/* u[n] in (0, 1) for round `step` of the test `entity`. */
static void draw(uint32_t entity, uint32_t step, size_t n, double *u)
{
    const struct rebias_stream stream = {
        .seed = 20240611, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = step};
    rebias_random_uniform(&stream, 0, n, u);
}

/* 10^(a + (b - a) u): all magnitudes alike. */
static double magnitude(double u, double a, double b)
{
    return pow(10.0, a + (b - a) * u);
}

enum { ROUNDS = 100, N = 12, FINE = 20001 };

/* -- 1. on a grid -- */

/* F uniform on [0, 2], H uniform on [1, 3] at x = 0, 1, 2, 3: W2 = 1 (a shift); F - H = 0, 1/2,
 * 1/2, 0: energy 2 (1/12 + 1/4 + 1/12); the masses 1/2 1/2 0 and 0 1/2 1/2 share half, so JS =
 * ln 2/2, and neither excludes the other's end without an infinite KL. */
static void test_grid_by_hand(void **state)
{
    (void)state;
    const double x[] = {0.0, 1.0, 2.0, 3.0};
    const double F[] = {0.0, 0.5, 1.0, 1.0};
    const double H[] = {0.0, 0.0, 0.5, 1.0};
    support_close(rebias_wasserstein2(4, x, F, H), 1.0, 1e-15, 0.0);
    support_close(rebias_energy(4, x, F, H), 5.0 / 6.0, 1e-15, 0.0);
    support_close(rebias_jensen_shannon(4, F, H), 0.5 * M_LN2, 1e-15, 0.0);
    assert_true(isinf(rebias_kullback_leibler(4, F, H)));
    assert_true(isinf(rebias_kullback_leibler(4, H, F)));
    /* masses 1/2 1/2 against 1/4 3/4 */
    const double even = 0.5;
    const double odd = 0.25;
    support_close(rebias_kullback_leibler(1, &even, &odd), 0.5 * M_LN2 + 0.5 * log(0.5 / 0.75),
                  1e-14, 0.0);
    support_close(rebias_kullback_leibler(1, &odd, &even), 0.25 * log(0.5) + 0.75 * log(1.5),
                  1e-14, 0.0);
}

/* Point masses at both ends of the grid, and cells without mass. */
static void test_wasserstein2_point_masses(void **state)
{
    (void)state;
    const double x[] = {0.0, 3.0};
    const double quarter[] = {0.25, 0.25};
    const double most[] = {0.75, 0.75};
    support_close(rebias_wasserstein2(2, x, quarter, most), sqrt(4.5), 1e-15, 0.0);
    assert_true(rebias_wasserstein2(1, x, quarter, most) == 0.0);
    /* uniform on [0, 3] against all mass at 0: integral of (3u)^2 */
    const double uniform[] = {0.0, 1.0};
    const double zero[] = {1.0, 1.0};
    support_close(rebias_wasserstein2(2, x, uniform, zero), sqrt(3.0), 1e-15, 0.0);
    const double end[] = {0.0, 0.0};
    support_close(rebias_wasserstein2(2, x, end, zero), 3.0, 1e-15, 0.0);
}

/* Mass of 1e-6 that H lacks is left out, more is not; masses that H has and F lacks cost
 * nothing: KL = ln 2 for the half that is shared. */
static void test_excluded_mass(void **state)
{
    (void)state;
    const double upto = 1.0 - 0.9e-6;
    const double above = 1.0 - 1.1e-6;
    const double all = 1.0;
    const double half = 0.5;
    support_close(rebias_kullback_leibler(1, &upto, &all), 0.0, 0.0, 1e-6);
    assert_true(isinf(rebias_kullback_leibler(1, &above, &all)));
    support_close(rebias_kullback_leibler(1, &all, &half), M_LN2, 1e-15, 0.0);
    const double none = 0.0;
    assert_true(rebias_jensen_shannon(1, &all, &none) == M_LN2);
}

/* A random pair of distributions on a random grid: cells without mass, point masses at the
 * ends. */
static void draw_pair(uint32_t round, double *x, double *F, double *H)
{
    double u[3 * N];
    draw(1, round, 3 * N, u);
    for (size_t i = 0; i < N; i++) {
        x[i] = (i > 0 ? x[i - 1] : -3.0) + u[3 * i];
        F[i] = (i > 0 ? F[i - 1] : 0.0) + fmax(u[3 * i + 1] - 0.4, 0.0);
        H[i] = (i > 0 ? H[i - 1] : 0.0) + fmax(u[3 * i + 2] - 0.4, 0.0);
    }
    double F_all = F[N - 1] + fmax(u[0] - 0.5, 0.0);
    double H_all = H[N - 1] + fmax(u[3] - 0.5, 0.0);
    for (size_t i = 0; i < N; i++) {
        F[i] /= F_all;
        H[i] /= H_all;
    }
}

/* Smallest x with F(x) >= u, plainly. */
static double plain_quantile(const double *x, const double *F, double u)
{
    if (u <= F[0]) {
        return x[0];
    }
    for (size_t i = 1; i < N; i++) {
        if (u <= F[i]) {
            return x[i - 1] + (x[i] - x[i - 1]) * (u - F[i - 1]) / (F[i] - F[i - 1]);
        }
    }
    return x[N - 1];
}

/* W2 and the energy distance (as expectations over pairs) from 1000 equidistant quantiles of
 * each. */
static void test_grid_against_quantiles(void **state)
{
    (void)state;
    enum { QUANTILES = 1000 };
    static double a[QUANTILES], b[QUANTILES];
    for (uint32_t round = 0; round < ROUNDS / 5; round++) {
        double x[N], F[N], H[N];
        draw_pair(round, x, F, H);
        double squares = 0.0;
        for (size_t k = 0; k < QUANTILES; k++) {
            double u = ((double)k + 0.5) / QUANTILES;
            a[k] = plain_quantile(x, F, u);
            b[k] = plain_quantile(x, H, u);
            squares += (a[k] - b[k]) * (a[k] - b[k]);
        }
        support_close(rebias_wasserstein2(N, x, F, H), sqrt(squares / QUANTILES), 3e-3, 0.0);
        double energy = 0.0;
        for (size_t k = 0; k < QUANTILES; k++) {
            for (size_t l = 0; l < QUANTILES; l++) {
                energy += 2.0 * fabs(a[k] - b[l]) - fabs(a[k] - a[l]) - fabs(b[k] - b[l]);
            }
        }
        /* 2 (F - H)^2 dx is over (x_0, x_last), where point masses at the ends end */
        support_close(rebias_energy(N, x, F, H), energy / QUANTILES / QUANTILES, 5e-3, 0.0);
    }
}

/* Symmetry; W1 <= W2; JS from two KL against the mixture; KL >= -2 ln(1 - Hellinger^2)
 * (Jensen), JS <= ln 2 times the total variation; a distribution against itself. */
static void test_grid_relations(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double x[N], F[N], H[N], mixture[N];
        draw_pair(round, x, F, H);
        double variation = 0.0;
        for (size_t i = 0; i <= N; i++) {
            double p = (i < N ? F[i] : 1.0) - (i > 0 ? F[i - 1] : 0.0);
            double q = (i < N ? H[i] : 1.0) - (i > 0 ? H[i - 1] : 0.0);
            variation += 0.5 * fabs(p - q);
        }
        for (size_t i = 0; i < N; i++) {
            mixture[i] = 0.5 * (F[i] + H[i]);
        }
        double js = rebias_jensen_shannon(N, F, H);
        double h = rebias_hellinger(N, F, H);
        double w2 = rebias_wasserstein2(N, x, F, H);
        support_close(0.5 * rebias_kullback_leibler(N, F, mixture) +
                          0.5 * rebias_kullback_leibler(N, H, mixture),
                      js, 1e-12, 0.0);
        assert_true(js > 0.0 && js <= M_LN2 * variation + 1e-12);
        assert_true(rebias_kullback_leibler(N, F, mixture) >=
                    -2.0 * log1p(-pow(rebias_hellinger(N, F, mixture), 2.0)) - 1e-12);
        assert_true(js >= 0.5 * h * h - 1e-12); /* Lin 1991 with (sqrt p - sqrt q)^2 */
        assert_true(w2 >= rebias_wasserstein1(N, x, F, H) - 1e-12);
        support_close(rebias_wasserstein2(N, x, H, F), w2, 1e-15, 0.0);
        support_close(rebias_jensen_shannon(N, H, F), js, 1e-14, 0.0);
        assert_true(rebias_energy(N, x, H, F) == rebias_energy(N, x, F, H));
        assert_true(rebias_wasserstein2(N, x, F, F) == 0.0 && rebias_energy(N, x, F, F) == 0.0);
        assert_true(rebias_jensen_shannon(N, F, F) == 0.0 &&
                    rebias_kullback_leibler(N, F, F) == 0.0);
    }
}

/* -- 2. normal distributions -- */

static void test_normal_by_hand(void **state)
{
    (void)state;
    support_close(rebias_wasserstein2_normal(1.0, 5.0, 4.0, 1.0), 5.0, 1e-15, 0.0);
    support_close(rebias_kullback_leibler_normal(0.0, 1.0, 1.0, 1.0), 0.5, 1e-15, 0.0);
    support_close(rebias_kullback_leibler_normal(3.0, 1.0, 3.0, 2.0), M_LN2 + 0.125 - 0.5,
                  1e-14, 0.0);
    support_close(rebias_kullback_leibler_normal(3.0, 2.0, 3.0, 1.0), -M_LN2 + 2.0 - 0.5, 1e-14,
                  0.0);
    /* E|Z| sd's: 2 sqrt(2/pi) r - 2 (s1 + s2)/sqrt(pi), r^2 = 25 */
    support_close(rebias_energy_normal(0.0, 3.0, 0.0, 4.0),
                  10.0 * sqrt(M_2_PI) - 14.0 / sqrt(M_PI), 1e-13, 0.0);
    /* a shift by 1 of spread 1: E|N(1, 2)| = sqrt(4/pi) e^(-1/4) + erf(1/2) */
    support_close(rebias_energy_normal(0.0, 1.0, 1.0, 1.0),
                  2.0 * (2.0 / sqrt(M_PI) * exp(-0.25) + erf(0.5)) - 4.0 / sqrt(M_PI), 1e-14,
                  0.0);
    support_close(rebias_energy_normal(0.0, 0.0, 0.0, 1.0),
                  2.0 * sqrt(M_2_PI) - 2.0 / sqrt(M_PI), 1e-14, 0.0);
}

static void test_normal_point_masses(void **state)
{
    (void)state;
    assert_true(rebias_kullback_leibler_normal(1.0, 0.0, 1.0, 0.0) == 0.0);
    assert_true(isinf(rebias_kullback_leibler_normal(1.0, 0.0, 2.0, 0.0)));
    assert_true(isinf(rebias_kullback_leibler_normal(1.0, 0.0, 1.0, 1.0)));
    assert_true(isinf(rebias_kullback_leibler_normal(1.0, 1.0, 1.0, 0.0)));
    assert_true(rebias_jensen_shannon_normal(1.0, 0.0, 1.0, 0.0) == 0.0);
    assert_true(rebias_jensen_shannon_normal(1.0, 0.0, 2.0, 0.0) == M_LN2);
    assert_true(rebias_jensen_shannon_normal(1.0, 1.0, 1.0, 0.0) == M_LN2);
    assert_true(rebias_energy_normal(1.0, 0.0, 3.0, 0.0) == 4.0);
    assert_true(rebias_energy_normal(1.0, 0.0, 1.0, 0.0) == 0.0);
    assert_true(rebias_wasserstein2_normal(1.0, 0.0, 3.0, 0.0) == 2.0);
}

/* First orders of small differences, in S: KL = d^2/2 + a^2 (in units of the
 * sd), the energy distance by the second derivatives of E|N(d, r^2)|, JS = d^2/8; far and huge
 * pairs do not overflow. */
static void test_normal_extremes(void **state)
{
    (void)state;
    const double s = 1e-9;
    support_close(rebias_kullback_leibler_normal(0.0, s, 1e-8 * s, s), 0.5e-16, 1e-12, 0.0);
    support_close(rebias_kullback_leibler_normal(0.0, s * (1.0 + 0x1p-30), 0.0, s), 0x1p-60,
                  1e-6, 0.0);
    /* d^2 E|X - Y|/dd^2 = 2 phi(0)/r with r = s sqrt 2 */
    support_close(rebias_energy_normal(0.0, s, 1e-6 * s, s), 1e-12 * s / sqrt(M_PI), 1e-9, 0.0);
    /* (s1 - s2)^2/(2 r + ...) with r sqrt 2 = s1 + s2 = 2 s to first order: 2/sqrt(pi) d^2/4 */
    support_close(rebias_energy_normal(0.0, s * (1.0 + 0x1p-20), 0.0, s),
                  s * 0x1p-40 / (2.0 * sqrt(M_PI)), 1e-5, 0.0);
    support_close(rebias_jensen_shannon_normal(0.0, s, 1e-3 * s, s), 1e-6 / 8.0, 1e-5, 0.0);
    support_close(rebias_jensen_shannon_normal(0.0, 1e-300, 1.0, 2e-300), M_LN2, 1e-12, 0.0);
    support_close(rebias_jensen_shannon_normal(0.0, 1e-300, 0.0, 1e200), M_LN2, 1e-12, 0.0);
    support_close(rebias_energy_normal(0.0, 1.0, 1e9, 2.0), 2e9, 1e-8, 0.0);
    assert_true(rebias_kullback_leibler_normal(2.5, s, 2.5, s) == 0.0);
    assert_true(rebias_energy_normal(2.5, s, 2.5, s) == 0.0);
}

/* Density of N(m, s^2). */
static double density(double x, double m, double s)
{
    double z = (x - m) / s;
    return exp(-0.5 * z * z) / (s * sqrt(2.0 * M_PI));
}

/* (p ln(2p/(p + q)) + q ln(2q/(p + q)))/2 summed with a step of a hundredth of the narrower
 * one's sd, over 9 sd of both. */
static double plain_jensen_shannon(double m1, double s1, double m2, double s2)
{
    double low = fmin(m1 - 9.0 * s1, m2 - 9.0 * s2);
    double high = fmax(m1 + 9.0 * s1, m2 + 9.0 * s2);
    double step = 0.01 * fmin(s1, s2);
    double sum = 0.0;
    for (double x = low; x <= high; x += step) {
        double p = density(x, m1, s1);
        double q = density(x, m2, s2);
        sum += (p > 0.0 ? p * log(2.0 * p / (p + q)) : 0.0) +
               (q > 0.0 ? q * log(2.0 * q / (p + q)) : 0.0);
    }
    return 0.5 * step * sum;
}

/* Random pairs, sd ratios of 1/30 to 30 and shifts of 0.001 to 30 sd: the documented 1e-9, and
 * symmetry. */
static void test_normal_jensen_shannon(void **state)
{
    (void)state;
    double worst = 0.0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[4];
        draw(2, round, 4, u);
        double m = (u[0] < 0.5 ? -1.0 : 1.0) * magnitude(u[1], -3.0, 1.5);
        double s = u[3] < 0.1 ? 1.0 : magnitude(u[2], -1.5, 1.5);
        double found = rebias_jensen_shannon_normal(0.0, 1.0, m, s);
        double plain = plain_jensen_shannon(0.0, 1.0, m, s);
        support_close(found, plain, 0.0, 1e-9);
        support_close(rebias_jensen_shannon_normal(m, s, 0.0, 1.0), found, 0.0, 1e-15);
        worst = fmax(worst, fabs(found - plain));
    }
    print_message("# largest error of the Jensen-Shannon quadrature: %.2g\n", worst);
}

/* The closed forms against the grid functions, whose grid spans both; KL of the narrower from
 * the wider and shifts of up to 2 sd, because a cdf does not show upper tails below 1e-16. */
static void test_normal_against_grid(void **state)
{
    (void)state;
    static double x[FINE], F[FINE], H[FINE];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[3];
        draw(3, round, 3, u);
        double m = (u[0] < 0.5 ? -1.0 : 1.0) * magnitude(u[1], -2.0, 0.3);
        double s = magnitude(u[2], 0.05, 1.0);
        double far = 9.0 * s + fabs(m);
        for (size_t i = 0; i < FINE; i++) {
            x[i] = far * (2.0 * (double)i / (FINE - 1) - 1.0);
            F[i] = gsl_cdf_ugaussian_P(x[i]);
            H[i] = gsl_cdf_ugaussian_P((x[i] - m) / s);
        }
        support_close(rebias_wasserstein2(FINE, x, F, H),
                      rebias_wasserstein2_normal(0.0, 1.0, m, s), 1e-4, 0.0);
        support_close(rebias_energy(FINE, x, F, H), rebias_energy_normal(0.0, 1.0, m, s), 1e-4,
                      0.0);
        support_close(rebias_jensen_shannon(FINE, F, H),
                      rebias_jensen_shannon_normal(0.0, 1.0, m, s), 1e-4, 1e-8);
        support_close(rebias_kullback_leibler(FINE, F, H),
                      rebias_kullback_leibler_normal(0.0, 1.0, m, s), 1e-4, 1e-8);
    }
}

/* -- 3. devices: numerical against closed -- */

/* dG given G is normal with mean `mean` and sd rising from sd[0] at G = 0 to sd[1] at G = 1. */
struct bell {
    double mean[2];
    double sd[2];
};

static void bell_moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    const struct bell *b = context;
    *mean = b->mean[polarity];
    *sd = b->sd[0] + (b->sd[1] - b->sd[0]) * G;
}

static double bell_cdf(const void *context, int polarity, double G, double dG)
{
    double mean = 0.0;
    double sd = 0.0;
    bell_moments(context, polarity, G, &mean, &sd);
    return sd > 0.0 ? gsl_cdf_ugaussian_P((dG - mean) / sd) : (dG >= mean ? 1.0 : 0.0);
}

static struct rebias_jumps jumps_of(const struct bell *bell, bool gaussian)
{
    return (struct rebias_jumps){bell, bell_moments, bell_cdf, gaussian};
}

static struct rebias_compare_options three_slices(void)
{
    struct rebias_compare_options o = rebias_compare_options_defaults();
    o.Gmax = 1.0;
    o.slices = 3;
    return o;
}

static struct rebias_device_metrics compare(const struct rebias_jumps *model,
                                            const struct rebias_jumps *target,
                                            const struct rebias_compare_options *options,
                                            struct rebias_slice_metrics *slices)
{
    struct rebias_device_metrics m;
    struct rebias_error err = {0};
    support_expect(rebias_compare_jumps(model, target, options, &m, slices, &err), REBIAS_OK,
                   &err, NULL);
    return m;
}

/* On the default grid, with the target narrower than the model as above: 1e-3 for W2 and
 * energy, 1e-2 for the divergences, which converge from below. */
static void test_compare_numerical(void **state)
{
    (void)state;
    double worst[4] = {0.0};
    for (uint32_t round = 0; round < ROUNDS / 2; round++) {
        double u[3];
        draw(4, round, 3, u);
        double shift = (u[0] < 0.5 ? -1e-9 : 1e-9) * magnitude(u[1], -2.0, 0.3);
        double sd = 1e-9 * magnitude(u[2], 0.05, 1.0);
        const struct bell a = {{shift, -shift}, {sd, 1.1 * sd}};
        const struct bell b = {{0.0, 0.0}, {1e-9, 1e-9}};
        struct rebias_jumps model = jumps_of(&a, false);
        struct rebias_jumps target = jumps_of(&b, true);
        struct rebias_jumps closed = jumps_of(&a, true);
        struct rebias_compare_options o = three_slices();
        struct rebias_device_metrics found = compare(&model, &target, &o, NULL);
        struct rebias_device_metrics exact = compare(&closed, &target, &o, NULL);
        for (int p = 0; p < 2; p++) {
            const double pairs[4][2] = {{found.wasserstein2[p], exact.wasserstein2[p]},
                                        {found.energy[p], exact.energy[p]},
                                        {found.kullback_leibler[p], exact.kullback_leibler[p]},
                                        {found.jensen_shannon[p], exact.jensen_shannon[p]}};
            for (size_t k = 0; k < 4; k++) {
                support_close(pairs[k][0], pairs[k][1], k < 2 ? 1e-3 : 1e-2, 0.0);
                worst[k] = fmax(worst[k], fabs(pairs[k][0] / pairs[k][1] - 1.0));
            }
        }
    }
    print_message("# largest relative errors on the default grid: W2 %.2g, energy %.2g, KL "
                  "%.2g, JS %.2g\n",
                  worst[0], worst[1], worst[2], worst[3]);
}

/* Kullback-Leibler is that of the target from the model: a model of half the target's spread
 * has -ln 2 + 4/2 - 1/2, the other way round ln 2 + 1/8 - 1/2. */
static void test_compare_direction(void **state)
{
    (void)state;
    const struct bell narrow = {{0.0, 0.0}, {1.0, 1.0}};
    const struct bell wide = {{0.0, 0.0}, {2.0, 2.0}};
    struct rebias_jumps a = jumps_of(&narrow, true);
    struct rebias_jumps b = jumps_of(&wide, true);
    struct rebias_compare_options o = three_slices();
    support_close(compare(&a, &b, &o, NULL).kullback_leibler[0], 1.5 - M_LN2, 1e-14, 0.0);
    support_close(compare(&b, &a, &o, NULL).kullback_leibler[1], M_LN2 - 0.375, 1e-14, 0.0);
    a.gaussian = false;
    support_close(compare(&b, &a, &o, NULL).kullback_leibler[1], M_LN2 - 0.375, 1e-3, 0.0);
}

/* -- 4. weights -- */

/* The model's sd is 1, 2, 3 at the three slices, the target's 1; weights 1 0 3 for SET, so that
 * sd errors 0, 1, 2 average to 1.5 and their squares to 3; RESET is uniform: 1 and 5/3. The
 * means -+ 1 differ by 2 and disagree in sign. */
static void test_weights_by_hand(void **state)
{
    (void)state;
    const struct bell a = {{1.0, -1.0}, {1.0, 3.0}};
    const struct bell b = {{-1.0, -1.0}, {1.0, 1.0}};
    struct rebias_jumps model = jumps_of(&a, true);
    struct rebias_jumps target = jumps_of(&b, true);
    struct rebias_compare_options o = three_slices();
    const double weight[] = {1.0, 0.0, 3.0};
    o.weights[0] = weight;
    struct rebias_slice_metrics s[6];
    struct rebias_device_metrics m = compare(&model, &target, &o, s);
    support_close(m.sd_error[0], 1.5, 1e-15, 0.0);
    support_close(m.rmse_sd[0], sqrt(3.0), 1e-15, 0.0);
    support_close(m.sd_error[1], 1.0, 1e-15, 0.0);
    support_close(m.rmse_sd[1], sqrt(5.0 / 3.0), 1e-15, 0.0);
    support_close(m.rmse_mean[0], 2.0, 1e-15, 0.0);
    support_close(m.wrong_sign[0], 1.0, 1e-15, 0.0);
    support_close(m.wasserstein1[0], 0.25 * s[0].wasserstein1 + 0.75 * s[2].wasserstein1, 1e-15,
                  0.0);
    support_close(m.wasserstein2[0], 0.25 * 2.0 + 0.75 * hypot(2.0, 2.0), 1e-15, 0.0);
    support_close(m.kolmogorov_smirnov[0],
                  0.25 * s[0].kolmogorov_smirnov + 0.75 * s[2].kolmogorov_smirnov, 1e-15, 0.0);
    support_close(m.hellinger[0], 0.25 * s[0].hellinger + 0.75 * s[2].hellinger, 1e-15, 0.0);
    support_close(m.kullback_leibler[0],
                  0.25 * s[0].kullback_leibler + 0.75 * s[2].kullback_leibler, 1e-15, 0.0);
    support_close(m.jensen_shannon[0], 0.25 * s[0].jensen_shannon + 0.75 * s[2].jensen_shannon,
                  1e-15, 0.0);
    support_close(m.energy[0], 0.25 * s[0].energy + 0.75 * s[2].energy, 1e-15, 0.0);
    support_close(m.energy[1], (s[3].energy + s[4].energy + s[5].energy) / 3.0, 1e-15, 0.0);
}

/* Weights of 1 are the same bytes as none; the sum of the weights does not matter (a power of
 * 2 exactly). */
static void test_weights_uniform(void **state)
{
    (void)state;
    const struct bell a = {{1.0, -1.0}, {1.0, 3.0}};
    const struct bell b = {{-1.0, -1.3}, {1.0, 1.7}};
    struct rebias_jumps model = jumps_of(&a, true);
    struct rebias_jumps target = jumps_of(&b, true);
    struct rebias_compare_options o = three_slices();
    struct rebias_device_metrics none = compare(&model, &target, &o, NULL);
    const double ones[] = {1.0, 1.0, 1.0};
    const double small[] = {0x1p-40, 0x1p-40, 0x1p-40};
    o.weights[0] = ones;
    o.weights[1] = small;
    struct rebias_device_metrics same = compare(&model, &target, &o, NULL);
    assert_memory_equal(&none, &same, sizeof none);
}

/* The target is a point mass at G = 0, where a model of spread diverges; without that slice the
 * average is finite. */
static void test_weights_infinite(void **state)
{
    (void)state;
    const struct bell a = {{1.0, -1.0}, {1.0, 1.0}};
    const struct bell b = {{1.0, -1.0}, {0.0, 1.0}};
    struct rebias_jumps model = jumps_of(&a, true);
    struct rebias_jumps target = jumps_of(&b, true);
    struct rebias_compare_options o = three_slices();
    struct rebias_device_metrics m = compare(&model, &target, &o, NULL);
    assert_true(isinf(m.kullback_leibler[0]) && isinf(m.kullback_leibler[1]));
    const double weight[] = {0.0, 0.0, 1.0};
    o.weights[0] = o.weights[1] = weight;
    m = compare(&model, &target, &o, NULL);
    assert_true(m.kullback_leibler[0] == 0.0 && m.kullback_leibler[1] == 0.0);
}

static void test_weights_refused(void **state)
{
    (void)state;
    const struct {
        double weight[3];
        const char *text;
    } cases[] = {
        {{1.0, -0.5, 1.0}, "the weight of RESET slice 2 of 3 is -0.5"},
        {{1.0, 1.0, NAN}, "the weight of RESET slice 3 of 3 is nan"},
        {{INFINITY, 1.0, 1.0}, "the weight of RESET slice 1 of 3 is inf"},
        {{0.0, 0.0, 0.0}, "the weights of the 3 RESET slices sum to 0"},
        {{1e308, 1e308, 0.0}, "the weights of the 3 RESET slices sum to inf"},
    };
    const struct bell bell = {{1.0, -1.0}, {1.0, 1.0}};
    struct rebias_jumps device = jumps_of(&bell, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rebias_compare_options o = three_slices();
        o.weights[1] = cases[i].weight;
        struct rebias_device_metrics m = {.push_pull = 42.0};
        struct rebias_error err = {0};
        support_expect(rebias_compare_jumps(&device, &device, &o, &m, NULL, &err),
                       REBIAS_E_RANGE, &err, cases[i].text);
        assert_true(m.push_pull == 42.0);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_by_hand),
        cmocka_unit_test(test_wasserstein2_point_masses),
        cmocka_unit_test(test_excluded_mass),
        cmocka_unit_test(test_grid_against_quantiles),
        cmocka_unit_test(test_grid_relations),
        cmocka_unit_test(test_normal_by_hand),
        cmocka_unit_test(test_normal_point_masses),
        cmocka_unit_test(test_normal_extremes),
        cmocka_unit_test(test_normal_jensen_shannon),
        cmocka_unit_test(test_normal_against_grid),
        cmocka_unit_test(test_compare_numerical),
        cmocka_unit_test(test_compare_direction),
        cmocka_unit_test(test_weights_by_hand),
        cmocka_unit_test(test_weights_uniform),
        cmocka_unit_test(test_weights_infinite),
        cmocka_unit_test(test_weights_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
