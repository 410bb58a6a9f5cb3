/* test_metrics.c - distances between distributions, device-level metrics.
 * 1. distances on a grid   2. closed forms   3. devices
 *
 * Random inputs come from streams at fixed addresses, so a chance failure cannot come and go.
 */
#include "support.h"
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* u[n] in (0, 1) for round `step` of the test `entity`. */
static void draw(uint32_t entity, uint32_t step, size_t n, double *u)
{
    const struct rebias_stream stream = {
        .seed = 20240517, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = step};
    rebias_random_uniform(&stream, 0, n, u);
}

/* 10^(a + (b - a) u): all magnitudes alike. */
static double magnitude(double u, double a, double b)
{
    return pow(10.0, a + (b - a) * u);
}

/* -- 1. distances on a grid -- */

enum { FINE = 20001, ROUNDS = 200 };

/* x[i] from low to high, F the cdf of N(m, s^2) there. */
static void fill_normal(size_t n, double low, double high, double m, double s, double *x,
                        double *F)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = low + (high - low) * (double)i / (double)(n - 1);
        F[i] = gsl_cdf_ugaussian_P((x[i] - m) / s);
    }
}

/* By hand: F uniform on [0, 2], H uniform on [1, 3] at x = 0, 1, 2, 3: |F - H| = 0, 1/2, 1/2,
 * 0, area 1; the cells (masses F: 1/2 1/2 0, H: 0 1/2 1/2) share one of 1/2, so Hellinger^2 = 1
 * - 1/2. */
static void test_grid_by_hand(void **state)
{
    (void)state;
    const double x[] = {0.0, 1.0, 2.0, 3.0};
    const double F[] = {0.0, 0.5, 1.0, 1.0};
    const double H[] = {0.0, 0.0, 0.5, 1.0};
    support_close(rebias_wasserstein1(4, x, F, H), 1.0, 1e-15, 0.0);
    support_close(rebias_kolmogorov_smirnov(4, F, H), 0.5, 1e-15, 0.0);
    support_close(rebias_hellinger(4, F, H), sqrt(0.5), 1e-15, 0.0);
}

/* By hand: F - H runs from -1/2 to 1/4 over a cell of width 3: zero at 2, triangles 2 (1/2)/2 +
 * 1 (1/4)/2. */
static void test_grid_sign_change(void **state)
{
    (void)state;
    const double x[] = {0.0, 3.0};
    const double F[] = {0.0, 0.75};
    const double H[] = {0.5, 0.5};
    support_close(rebias_wasserstein1(2, x, F, H), 0.625, 1e-15, 0.0);
    support_close(rebias_kolmogorov_smirnov(2, F, H), 0.5, 1e-15, 0.0);
}

/* By hand: masses in the outer cells. F has 1/4 below x_0 and 3/4 above x_last, H the other way
 * round: Hellinger^2 = 1 - 2 sqrt(3/16). One grid point suffices. Disjoint masses are at
 * distance 1. */
static void test_grid_outer_cells(void **state)
{
    (void)state;
    const double F = 0.25;
    const double H = 0.75;
    support_close(rebias_hellinger(1, &F, &H), sqrt(1.0 - sqrt(3.0) / 2.0), 1e-15, 0.0);
    const double low = 1.0;
    const double high = 0.0;
    support_close(rebias_hellinger(1, &low, &high), 1.0, 0.0, 0.0);
    assert_true(rebias_hellinger(1, &F, &F) == 0.0);
}

/* W1(X, X + c) = |c|, on a grid that holds the kinks of the uniform cdf, for shifts of any size
 * and sign. */
static void test_grid_shift(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[2];
        draw(1, round, 2, u);
        double c = (u[1] < 0.5 ? -1.0 : 1.0) * magnitude(u[0], -6.0, 1.0);
        double x[4] = {fmin(0.0, c), fmin(fmax(0.0, c), 1.0 + fmin(0.0, c)), 0.0,
                       fmax(1.0, 1.0 + c)};
        x[2] = fmax(fmax(0.0, c), 1.0 + fmin(0.0, c));
        double F[4];
        double H[4];
        for (size_t i = 0; i < 4; i++) {
            F[i] = fmin(fmax(x[i], 0.0), 1.0);
            H[i] = fmin(fmax(x[i] - c, 0.0), 1.0);
        }
        support_close(rebias_wasserstein1(4, x, F, H), fabs(c), 1e-9, 0.0);
    }
}

/* Swapping the two, mirroring the axis, or adding points on the straight pieces changes nothing
 * (W1, KS). */
static void test_grid_symmetry_and_refinement(void **state)
{
    (void)state;
    enum { N = 9 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[3 * N];
        draw(2, round, 3 * N, u);
        double x[N], F[N], H[N];                            /* as drawn */
        double mx[N], mF[N], mH[N];                         /* mirrored */
        double fx[2 * N - 1], fF[2 * N - 1], fH[2 * N - 1]; /* refined */
        for (size_t i = 0; i < N; i++) {
            x[i] = (i > 0 ? x[i - 1] : -3.0) + u[3 * i];
            F[i] = fmin((i > 0 ? F[i - 1] : 0.0) + 0.2 * u[3 * i + 1], 1.0);
            H[i] = fmin((i > 0 ? H[i - 1] : 0.0) + 0.2 * u[3 * i + 2], 1.0);
        }
        for (size_t i = 0; i < N; i++) {
            mx[i] = -x[N - 1 - i];
            mF[i] = 1.0 - F[N - 1 - i];
            mH[i] = 1.0 - H[N - 1 - i];
        }
        for (size_t i = 0; i < 2 * N - 1; i++) {
            fx[i] = 0.5 * (x[i / 2] + x[(i + 1) / 2]);
            fF[i] = 0.5 * (F[i / 2] + F[(i + 1) / 2]);
            fH[i] = 0.5 * (H[i / 2] + H[(i + 1) / 2]);
        }
        double w = rebias_wasserstein1(N, x, F, H);
        double k = rebias_kolmogorov_smirnov(N, F, H);
        double h = rebias_hellinger(N, F, H);
        assert_true(rebias_wasserstein1(N, x, H, F) == w);
        assert_true(rebias_kolmogorov_smirnov(N, H, F) == k);
        assert_true(rebias_hellinger(N, H, F) == h);
        support_close(rebias_wasserstein1(N, mx, mF, mH), w, 1e-12, 0.0);
        support_close(rebias_kolmogorov_smirnov(N, mF, mH), k, 1e-12, 0.0);
        support_close(rebias_hellinger(N, mF, mH), h, 1e-10, 0.0);
        support_close(rebias_wasserstein1(2 * N - 1, fx, fF, fH), w, 1e-12, 0.0);
        support_close(rebias_kolmogorov_smirnov(2 * N - 1, fF, fH), k, 1e-12, 0.0);
        support_close(rebias_hellinger(2 * N - 1, fF, fH), h, 1e-10,
                      0.0); /* halving equal pairs of masses */
    }
}

/* The numerical distance approaches the closed form from below as the grid is refined. */
static void test_hellinger_converges(void **state)
{
    (void)state;
    static double x[FINE], F[FINE], H[FINE];
    double exact = rebias_hellinger_normal(0.0, 1.0, 0.7, 1.6);
    double before = -1.0;
    for (size_t n = 11; n <= 10241; n = 2 * n - 1) {
        fill_normal(n, -14.0, 14.0, 0.0, 1.0, x, F);
        fill_normal(n, -14.0, 14.0, 0.7, 1.6, x, H);
        double found = rebias_hellinger(n, F, H);
        assert_true(found > before && found < exact + 1e-12);
        before = found;
    }
    support_close(before, exact, 1e-6, 0.0);
}

/* -- 2. closed forms -- */

static void test_normal_by_hand(void **state)
{
    (void)state;
    /* E|2 Z| = 2 sqrt(2/pi); a pure shift; KS of N(0,1) and N(1,1) = 2 Phi(1/2) - 1 */
    support_close(rebias_wasserstein1_normal(0.0, 1.0, 0.0, 3.0), 2.0 * sqrt(M_2_PI), 1e-14,
                  0.0);
    support_close(rebias_wasserstein1_normal(1e-9, 2e-9, 4e-9, 2e-9), 3e-9, 1e-14, 0.0);
    support_close(rebias_kolmogorov_smirnov_normal(0.0, 1.0, 1.0, 1.0),
                  2.0 * gsl_cdf_ugaussian_P(0.5) - 1.0, 1e-14, 0.0);
    /* equal spreads: Hellinger^2 = 1 - exp(-d^2/8); equal means, s2 = 2 s1: 1 - sqrt(4/5) */
    support_close(rebias_hellinger_normal(0.0, 1.0, 1.0, 1.0), sqrt(1.0 - exp(-0.125)), 1e-14,
                  0.0);
    support_close(rebias_hellinger_normal(5.0, 1.0, 5.0, 2.0), sqrt(1.0 - sqrt(0.8)), 1e-14,
                  0.0);
    /* equal means: the densities cross at z^2 = 2 ln r/(1 - 1/r^2), r = 2 */
    double z = sqrt(2.0 * log(2.0) / 0.75);
    support_close(rebias_kolmogorov_smirnov_normal(5.0, 1.0, 5.0, 2.0),
                  gsl_cdf_ugaussian_P(z) - gsl_cdf_ugaussian_P(0.5 * z), 1e-14, 0.0);
}

static void test_normal_point_masses(void **state)
{
    (void)state;
    assert_true(rebias_hellinger_normal(1.0, 0.0, 1.0, 0.0) == 0.0);
    assert_true(rebias_hellinger_normal(1.0, 0.0, 2.0, 0.0) == 1.0);
    assert_true(rebias_hellinger_normal(1.0, 0.0, 1.0, 1.0) == 1.0);
    assert_true(rebias_kolmogorov_smirnov_normal(1.0, 0.0, 1.0, 0.0) == 0.0);
    assert_true(rebias_kolmogorov_smirnov_normal(1.0, 0.0, 2.0, 0.0) == 1.0);
    assert_true(rebias_wasserstein1_normal(1.0, 0.0, 3.5, 0.0) == 2.5);
    /* a point at the mean halves the normal one; at mean + s it leaves Phi(1) below; E|Z| =
     * sqrt(2/pi) */
    support_close(rebias_kolmogorov_smirnov_normal(1.0, 0.0, 1.0, 3.0), 0.5, 1e-15, 0.0);
    support_close(rebias_kolmogorov_smirnov_normal(1.0, 3.0, 4.0, 0.0),
                  gsl_cdf_ugaussian_P(1.0), 1e-15, 0.0);
    support_close(rebias_wasserstein1_normal(1.0, 0.0, 1.0, 3.0), 3.0 * sqrt(M_2_PI), 1e-14,
                  0.0);
}

/* No loss or overflow for far, near, huge and tiny pairs. */
static void test_normal_extremes(void **state)
{
    (void)state;
    support_close(rebias_hellinger_normal(0.0, 1.0, 1e-8, 1.0), 1e-8 / sqrt(8.0), 1e-12, 0.0);
    support_close(rebias_hellinger_normal(0.0, 1e-200, 1e-200, 1e-200), sqrt(1.0 - exp(-0.125)),
                  1e-14, 0.0);
    support_close(rebias_kolmogorov_smirnov_normal(0.0, 1.0, 0.0, 1.0 + 1e-9),
                  1e-9 * exp(-0.5) / sqrt(2.0 * M_PI), 1e-6,
                  0.0); /* first order: the gap dr z phi(z) is largest at z = 1 */
    assert_true(rebias_kolmogorov_smirnov_normal(0.0, 1e-300, 1.0, 2e-300) == 1.0);
    support_close(rebias_kolmogorov_smirnov_normal(0.0, 1e-300, 0.0, 1e200), 0.5, 1e-12, 0.0);
    support_close(rebias_wasserstein1_normal(0.0, 1.0, 1e6, 2.0), 1e6, 1e-14, 0.0);
}

static double largest_gap_on_grid(double m1, double s1, double m2, double s2)
{
    static double x[FINE], F[FINE], H[FINE];
    double m = s1 < s2 ? m1 : m2; /* the crossings lie where the narrow one still has mass, or
                                     halfway between */
    double s = fmin(s1, s2);
    fill_normal(FINE, fmin(m - 9.0 * s, fmin(m1, m2)), fmax(m + 9.0 * s, fmax(m1, m2)), m1, s1,
                x, F);
    fill_normal(FINE, x[0], x[FINE - 1], m2, s2, x, H);
    return rebias_kolmogorov_smirnov(FINE, F, H);
}

/* Random pairs: symmetric, inside their ranges, KS equal to the maximum on a fine grid, W1 to
 * the integral. */
static void test_normal_against_grid(void **state)
{
    (void)state;
    static double x[FINE], F[FINE], H[FINE];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[4];
        draw(3, round, 4, u);
        double m = (u[0] < 0.5 ? -1.0 : 1.0) * magnitude(u[1], -3.0, 0.7);
        double s = u[3] < 0.2 ? 1.0 : magnitude(u[2], -1.0, 1.0);
        double k = rebias_kolmogorov_smirnov_normal(0.0, 1.0, m, s);
        support_close(largest_gap_on_grid(0.0, 1.0, m, s), k, 1e-6, 1e-15);
        support_close(rebias_kolmogorov_smirnov_normal(m, s, 0.0, 1.0), k, 1e-12, 0.0);
        double far = 9.0 * fmax(1.0, s) + fabs(m);
        fill_normal(FINE, -far, far, 0.0, 1.0, x, F);
        fill_normal(FINE, -far, far, m, s, x, H);
        double w = rebias_wasserstein1_normal(0.0, 1.0, m, s);
        support_close(rebias_wasserstein1(FINE, x, F, H), w, 2e-5, 0.0);
        support_close(rebias_wasserstein1_normal(m, s, 0.0, 1.0), w, 1e-14, 0.0);
        double h = rebias_hellinger_normal(0.0, 1.0, m, s);
        support_close(rebias_hellinger(FINE, F, H), h, 2e-5, 1e-8);
        support_close(rebias_hellinger_normal(m, s, 0.0, 1.0), h, 1e-14, 0.0);
        assert_true(h >= 0.0 && h <= 1.0 && k >= 0.0 && k <= 1.0 && h * h <= k * 2.0 &&
                    w >= fabs(m));
    }
}

/* -- 3. devices -- */

/* dG given G is normal: mean = offset + slope G, sd as given, per polarity. Broken where G is
 * above `broken`. */
struct line {
    double offset[2], slope[2], sd[2];
    double broken, broken_mean, broken_sd, broken_cdf;
};

static void line_moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    const struct line *l = context;
    bool is_broken = l->broken > 0.0 && G > l->broken && polarity == 1;
    *mean = is_broken ? l->broken_mean : l->offset[polarity] + l->slope[polarity] * G;
    *sd = is_broken ? l->broken_sd : l->sd[polarity];
}

static double line_cdf(const void *context, int polarity, double G, double dG)
{
    const struct line *l = context;
    if (l->broken > 0.0 && G > l->broken && polarity == 1) {
        return l->broken_cdf;
    }
    double d = dG - l->offset[polarity] - l->slope[polarity] * G;
    return l->sd[polarity] > 0.0 ? gsl_cdf_ugaussian_P(d / l->sd[polarity])
                                 : (d >= 0.0 ? 1.0 : 0.0);
}

static struct rebias_jumps jumps_of(const struct line *line, bool gaussian)
{
    return (struct rebias_jumps){line, line_moments, line_cdf, gaussian};
}

static const struct line one_up = {.offset = {1e-9, -1e-9}, .sd = {2e-9, 3e-9}};

static struct rebias_compare_options options_of(double Gmin, double Gmax, size_t slices)
{
    struct rebias_compare_options o = rebias_compare_options_defaults();
    o.Gmin = Gmin;
    o.Gmax = Gmax;
    o.slices = slices;
    return o;
}

static struct rebias_device_metrics compare(const struct rebias_jumps *model,
                                            const struct rebias_jumps *target,
                                            const struct rebias_compare_options *options)
{
    struct rebias_device_metrics m;
    struct rebias_error err = {0};
    support_expect(rebias_compare_jumps(model, target, options, &m, NULL, &err), REBIAS_OK,
                   &err, NULL);
    return m;
}

/* By hand: the model's mean is 1 nS too far in both directions (push-pull 2 nS), its sd 0.5 nS
 * too small / large. */
static void test_compare_by_hand(void **state)
{
    (void)state;
    const struct line stronger = {.offset = {2e-9, -2e-9}, .sd = {1.5e-9, 3.5e-9}};
    struct rebias_jumps model = jumps_of(&stronger, true);
    struct rebias_jumps target = jumps_of(&one_up, true);
    struct rebias_compare_options o = options_of(1e-6, 2e-6, 7);
    struct rebias_device_metrics m = compare(&model, &target, &o);
    support_close(m.mean_error[0], 1e-9, 1e-12, 0.0);
    support_close(m.mean_error[1], -1e-9, 1e-12, 0.0);
    support_close(m.push_pull, 2e-9, 1e-12, 0.0);
    support_close(m.sd_error[0], -0.5e-9, 1e-12, 0.0);
    support_close(m.sd_error[1], 0.5e-9, 1e-12, 0.0);
    for (int p = 0; p < 2; p++) {
        support_close(m.rmse_mean[p], 1e-9, 1e-12, 0.0);
        support_close(m.rmse_sd[p], 0.5e-9, 1e-12, 0.0);
        support_close(m.wasserstein1[p], rebias_wasserstein1_normal(0.0, 0.5e-9, 1e-9, 0.0),
                      1e-12, 0.0);
    }
    support_close(m.hellinger[1], rebias_hellinger_normal(2.0, 3.5, 1.0, 3.0), 1e-12, 0.0);
    support_close(m.kolmogorov_smirnov[0], rebias_kolmogorov_smirnov_normal(2.0, 1.5, 1.0, 2.0),
                  1e-12, 0.0);
    struct rebias_device_metrics weaker = compare(&target, &model, &o);
    support_close(weaker.push_pull, -2e-9, 1e-12, 0.0);
    support_close(m.wrong_sign_all, 0.0, 0.0, 0.0);
}

/* By hand: target mean G - 4 on G = 0, 1, ..., 10, model mean 1: four slices disagree, G = 4
 * has mean 0 and agrees. Mean error 5 - G averages to 0, its square to (25 + 16 + 9 + 4 + 1)
 * 2/11 = 10. */
static void test_compare_wrong_sign_and_slices(void **state)
{
    (void)state;
    const struct line rising = {.offset = {-4.0, -1.0}, .slope = {1.0, 0.0}, .sd = {1.0, 1.0}};
    const struct line flat = {.offset = {1.0, -1.0}, .sd = {1.0, 1.0}};
    struct rebias_jumps model = jumps_of(&flat, true);
    struct rebias_jumps target = jumps_of(&rising, true);
    struct rebias_compare_options o = options_of(0.0, 10.0, 11);
    struct rebias_device_metrics m;
    struct rebias_slice_metrics slices[22];
    struct rebias_error err = {0};
    support_expect(rebias_compare_jumps(&model, &target, &o, &m, slices, &err), REBIAS_OK, &err,
                   NULL);
    support_close(m.wrong_sign[0], 4.0 / 11.0, 1e-14, 0.0);
    support_close(m.wrong_sign[1], 0.0, 0.0, 0.0);
    support_close(m.wrong_sign_all, 2.0 / 11.0, 1e-14, 0.0);
    support_close(m.mean_error[0], 0.0, 0.0, 1e-14);
    support_close(m.rmse_mean[0], sqrt(10.0), 1e-14, 0.0);
    support_close(m.wasserstein1[0], 30.0 / 11.0, 1e-14, 0.0);
    struct rebias_device_metrics swapped = compare(&target, &model, &o);
    support_close(swapped.wrong_sign[0], 4.0 / 11.0, 1e-14, 0.0);
    for (size_t i = 0; i < 11; i++) {
        support_close(slices[i].G, (double)i, 1e-15, 0.0);
        support_close(slices[11 + i].G, (double)i, 1e-15, 0.0);
        support_close(slices[i].target_mean, (double)i - 4.0, 0.0, 1e-14);
        support_close(slices[i].wasserstein1, fabs((double)i - 5.0), 0.0, 1e-14);
        assert_true(slices[11 + i].wasserstein1 == 0.0 && slices[i].model_mean == 1.0 &&
                    slices[i].model_sd == 1.0);
    }
    assert_true(slices[0].G == 0.0 && slices[10].G == 10.0);
}

/* A device against itself: every number exactly 0, in closed form and on the grid. */
static void test_compare_self(void **state)
{
    (void)state;
    const struct line sloped = {
        .offset = {3e-9, -1e-9}, .slope = {-1e-3, -2e-3}, .sd = {2e-9, 0.0}};
    for (int gaussian = 0; gaussian < 2; gaussian++) {
        struct rebias_jumps device = jumps_of(&sloped, gaussian == 1);
        struct rebias_compare_options o = options_of(0.0, 1e-5, 100);
        struct rebias_device_metrics m = compare(&device, &device, &o);
        assert_true(m.push_pull == 0.0 && m.wrong_sign_all == 0.0);
        for (int p = 0; p < 2; p++) {
            assert_true(m.rmse_mean[p] == 0.0 && m.rmse_sd[p] == 0.0 && m.mean_error[p] == 0.0);
            assert_true(m.wasserstein1[p] == 0.0 && m.kolmogorov_smirnov[p] == 0.0 &&
                        m.hellinger[p] == 0.0);
        }
    }
}

/* Gaussian pairs measured on the default grid agree with the closed forms to 1e-4: shifts of
 * 0.001 to 10 sd, sd ratios of 1/10 to 10, and either or both as point masses. */
static void test_compare_numerical(void **state)
{
    (void)state;
    double worst = 0.0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double u[4];
        draw(4, round, 4, u);
        double shift = (u[0] < 0.5 ? -1e-9 : 1e-9) * magnitude(u[1], -3.0, 1.0);
        double sd = 1e-9 * (u[3] < 0.2 ? 1.0 : magnitude(u[2], -1.0, 1.0));
        const struct line a = {.offset = {5e-9, -5e-9},
                               .sd = {1e-9, round % 4 == 1 ? 0.0 : 1e-9}};
        const struct line b = {.offset = {5e-9 + shift, -5e-9 + shift},
                               .sd = {sd, round % 4 < 2 ? 0.0 : sd}};
        struct rebias_jumps numerical =
            jumps_of(&a, round % 2 == 0); /* one that is not known normal suffices */
        struct rebias_jumps other = jumps_of(&b, round % 2 == 1);
        struct rebias_jumps closed_a = jumps_of(&a, true);
        struct rebias_jumps closed_b = jumps_of(&b, true);
        struct rebias_compare_options o = options_of(1e-6, 1e-5, 2);
        struct rebias_device_metrics found = compare(&numerical, &other, &o);
        struct rebias_device_metrics exact = compare(&closed_a, &closed_b, &o);
        for (int p = 0; p < 2; p++) {
            support_close(found.wasserstein1[p], exact.wasserstein1[p], 1e-4, 0.0);
            support_close(found.kolmogorov_smirnov[p], exact.kolmogorov_smirnov[p], 1e-4, 0.0);
            worst = fmax(worst, fabs(found.wasserstein1[p] / exact.wasserstein1[p] - 1.0));
            worst = fmax(worst,
                         fabs(found.kolmogorov_smirnov[p] / exact.kolmogorov_smirnov[p] - 1.0));
            if (a.sd[p] > 0.0 && b.sd[p] > 0.0) {
                support_close(found.hellinger[p], exact.hellinger[p], 1e-4, 0.0);
                worst = fmax(worst, fabs(found.hellinger[p] / exact.hellinger[p] - 1.0));
            }
        }
    }
    print_message("# largest relative error on the default grid: %.2g\n", worst);
}

/* A table's end: jump 0 but with probability p a point mass at dG = 1; mean p, sd sqrt(p(1 -
 * p)). */
static void end_moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    (void)polarity;
    (void)G;
    double p = *(const double *)context;
    *mean = p;
    *sd = sqrt(p * (1.0 - p));
}

static double end_cdf(const void *context, int polarity, double G, double dG)
{
    (void)polarity;
    (void)G;
    double p = *(const double *)context;
    return dG < 0.0 ? 0.0 : (dG < 1.0 ? 1.0 - p : 1.0);
}

/* By hand: W1 between ends of probability p and q is |p - q|, KS the same; also when the ends
 * lie at 300 sd. */
static void test_compare_point_masses_far_out(void **state)
{
    (void)state;
    const double far[] = {0.3, 1e-2, 1e-3, 1e-4, 1e-5};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        double p = far[i];
        double q = 0.5 * p;
        struct rebias_jumps model = {&p, end_moments, end_cdf, false};
        struct rebias_jumps target = {&q, end_moments, end_cdf, false};
        struct rebias_compare_options o = options_of(1.0, 2.0, 2);
        struct rebias_device_metrics m = compare(&model, &target, &o);
        support_close(m.wasserstein1[0], p - q, 0.04, 0.0);
        support_close(m.kolmogorov_smirnov[0], p - q, 1e-9, 0.0);
    }
}

static void test_compare_options(void **state)
{
    (void)state;
    struct rebias_compare_options d = rebias_compare_options_defaults();
    assert_int_equal(d.slices, 100);
    assert_int_equal(d.grid, 2001);
    struct rebias_jumps device = jumps_of(&one_up, true);
    struct rebias_device_metrics m;
    const double limits[][2] = {
        {0.0, 0.0}, {1.0, 1.0}, {2.0, 1.0}, {0.0, INFINITY}, {NAN, 1.0}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rebias_error err = {0};
        struct rebias_compare_options wrong = options_of(limits[i][0], limits[i][1], 10);
        support_expect(rebias_compare_jumps(&device, &device, &wrong, &m, NULL, &err),
                       REBIAS_E_RANGE, &err, "Gmin < Gmax");
    }
    struct rebias_error err = {0};
    const struct rebias_compare_options few_slices = {.Gmax = 1.0, .slices = 1, .grid = 16};
    support_expect(rebias_compare_jumps(&device, &device, &few_slices, &m, NULL, &err),
                   REBIAS_E_RANGE, &err, "1 slices");
    const struct rebias_compare_options few_points = {.Gmax = 1.0, .slices = 2, .grid = 15};
    support_expect(rebias_compare_jumps(&device, &device, &few_points, &m, NULL, &err),
                   REBIAS_E_RANGE, &err, "15 grid");
    const struct rebias_compare_options too_many = {
        .Gmax = 1.0, .slices = SIZE_MAX / 2, .grid = 16};
    support_expect(rebias_compare_jumps(&device, &device, &too_many, &m, NULL, &err),
                   REBIAS_E_MEMORY, &err, NULL);
    const struct rebias_compare_options smallest = {.Gmax = 1.0, .slices = 2, .grid = 16};
    struct rebias_jumps numerical = jumps_of(&one_up, false);
    compare(&numerical, &device, &smallest);
    numerical.cdf = NULL;
    support_expect(rebias_compare_jumps(&numerical, &device, &smallest, &m, NULL, &err),
                   REBIAS_E_UNSUPPORTED, &err, "model");
    device.moments = NULL;
    support_expect(rebias_compare_jumps(&device, &device, &smallest, &m, NULL, &err),
                   REBIAS_E_UNSUPPORTED, &err, NULL);
}

/* A callback that gives nonsense in the RESET slices above 1.5: the error names G, polarity and
 * which of the two; the outputs stay untouched. */
static void test_compare_broken_callbacks(void **state)
{
    (void)state;
    const struct {
        double mean, sd, cdf;
        const char *text;
    } cases[] = {
        {NAN, 1.0, 0.5, "mean nan"},
        {INFINITY, 1.0, 0.5, "mean inf"},
        {0.0, -1.0, 0.5, "sd -1 S"},
        {0.0, INFINITY, 0.5, "sd inf"},
        {0.0, NAN, 0.5, "sd nan"},
        {0.0, 1.0, NAN, "is nan"},
        {0.0, 1.0, 1.5, "is 1.5; a probability was expected"},
        {0.0, 1.0, -0.5, "is -0.5"},
        {0.0, 1.0, INFINITY, "is inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line broken = one_up;
        broken.broken = 1.5;
        broken.broken_mean = cases[i].mean;
        broken.broken_sd = cases[i].sd;
        broken.broken_cdf = cases[i].cdf;
        struct rebias_jumps bad = jumps_of(&broken, false);
        struct rebias_jumps good = jumps_of(&one_up, false);
        struct rebias_compare_options o = options_of(1.0, 2.0, 5);
        struct rebias_device_metrics m = {.push_pull = 42.0};
        struct rebias_slice_metrics slices[10] = {{.G = 42.0}};
        struct rebias_error err = {0};
        support_expect(rebias_compare_jumps(&bad, &good, &o, &m, slices, &err),
                       REBIAS_E_NUMERIC, &err, cases[i].text);
        support_expect(err.status, REBIAS_E_NUMERIC, &err, "the model's RESET");
        support_expect(err.status, REBIAS_E_NUMERIC, &err, "G = 1.75 S");
        support_expect(rebias_compare_jumps(&good, &bad, &o, &m, slices, NULL),
                       REBIAS_E_NUMERIC, &err, NULL);
        assert_true(m.push_pull == 42.0 && slices[0].G == 42.0);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_by_hand),
        cmocka_unit_test(test_grid_sign_change),
        cmocka_unit_test(test_grid_outer_cells),
        cmocka_unit_test(test_grid_shift),
        cmocka_unit_test(test_grid_symmetry_and_refinement),
        cmocka_unit_test(test_hellinger_converges),
        cmocka_unit_test(test_normal_by_hand),
        cmocka_unit_test(test_normal_point_masses),
        cmocka_unit_test(test_normal_extremes),
        cmocka_unit_test(test_normal_against_grid),
        cmocka_unit_test(test_compare_by_hand),
        cmocka_unit_test(test_compare_wrong_sign_and_slices),
        cmocka_unit_test(test_compare_self),
        cmocka_unit_test(test_compare_numerical),
        cmocka_unit_test(test_compare_point_masses_far_out),
        cmocka_unit_test(test_compare_options),
        cmocka_unit_test(test_compare_broken_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
