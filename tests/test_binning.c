/* test_binning.c - fixed binning: by hand, edges, errors, and its error on known data.
 * 1. points and profiles   2. equal width by hand   3. equal count by hand   4. empirical rows
 * 5. errors
 * 6. error of the fit on the synthetic target
 */
#include "rebias/devmodel.h"
#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include "rebias/table.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. points and profiles -- */

static const double uS = 1e-6;
static const double nS = 1e-9;

struct pair {
    double G;
    double dG;
};

/* The points (in uS) as SET, and with dG mirrored as RESET. */
static struct rebias_pulses *points_of(size_t n, const struct pair *pair)
{
    struct rebias_pulses *pulses = NULL;
    assert_int_equal(rebias_pulses_new(&pulses, 2 * n, false, NULL), REBIAS_OK);
    for (size_t i = 0; i < 2 * n; i++) {
        pulses->polarity[i] = i < n ? REBIAS_SET : REBIAS_RESET;
        pulses->G[i] = pair[i % n].G * uS;
        pulses->dG[i] = (i < n ? 1.0 : -1.0) * pair[i % n].dG * uS;
    }
    return pulses;
}

/* The estimator's options and those of every fit, as one. */
struct setting {
    size_t bins;
    int kind;
    int rows;
    double Gmin, Gmax;
    size_t G_levels, dG_levels;
    double sd_floor;
};

enum { WIDTH = 0, COUNT = 1, GAUSSIAN = 0, EMPIRICAL = 1 };

static struct rebias_method binning(void)
{
    struct rebias_method method;
    struct rebias_error err = {0};
    support_expect(rebias_method_parse(&method, "binning", &err), REBIAS_OK, &err, NULL);
    return method;
}

static struct setting setting_defaults(void)
{
    const struct rebias_method method = binning();
    const struct rebias_fit_options fit = rebias_fit_options_defaults();
    return (struct setting){(size_t)method.values[0],
                            (int)method.values[1],
                            (int)method.values[2],
                            fit.Gmin,
                            fit.Gmax,
                            fit.G_levels,
                            fit.dG_levels,
                            fit.sd_floor};
}

static int fit_setting(struct rebias_table **out, const struct rebias_pulses *pulses,
                       const struct setting *setting, struct rebias_fit_report *report,
                       struct rebias_error *err)
{
    struct rebias_method method = binning();
    struct rebias_fit_options fit = rebias_fit_options_defaults();
    method.values[0] = (double)setting->bins;
    method.values[1] = setting->kind;
    method.values[2] = setting->rows;
    fit.Gmin = setting->Gmin;
    fit.Gmax = setting->Gmax;
    fit.G_levels = setting->G_levels;
    fit.dG_levels = setting->dG_levels;
    fit.sd_floor = setting->sd_floor;
    return rebias_fit(out, pulses, &method, &fit, report, err);
}

/* Range in uS, fine dG axis. */
static struct setting options_of(size_t bins, double Gmin, double Gmax, size_t G_levels)
{
    struct setting options = setting_defaults();
    options.bins = bins;
    options.Gmin = Gmin * uS;
    options.Gmax = Gmax * uS;
    options.G_levels = G_levels;
    options.dG_levels = 2001;
    return options;
}

static struct rebias_table *fit(struct rebias_pulses *pulses, const struct setting *options,
                                struct rebias_fit_report *report)
{
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    support_expect(fit_setting(&table, pulses, options, report, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_table_validate(table, "fit", &err), REBIAS_OK, &err, NULL);
    rebias_pulses_free(pulses);
    return table;
}

/* Row i has this mean and sd (uS). The linear rule adds h^2/6 to the variance, which is taken
 * off; the cut at 6 sd and the steps of the axis leave 1e-6. */
static void expect_row(const struct rebias_table *table, int polarity, size_t i, double mean,
                       double sd)
{
    const struct rebias_table_side *side = &table->side[polarity];
    const double h = (side->dG[1] - side->dG[0]) / uS;
    double row_mean = 0.0;
    double row_sd = 0.0;
    rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &row_mean, &row_sd);
    support_close(row_mean / uS, polarity == REBIAS_SET ? mean : -mean, 1e-6, 1e-6);
    support_close(sqrt(row_sd * row_sd / (uS * uS) - h * h / 6.0), sd, 1e-6, 0.0);
}

/* -- 2. equal width by hand -- */

/* Three bins over 0 to 3: {1, 3} mean 2, sd sqrt 2; {0, 0, 3} mean 1, sd sqrt 3; {-1, 1} mean
 * 0, sd sqrt 2. The point on the edge 1 belongs above, that on Gmax to the last bin. */
static const struct pair three[] = {{1.5, 0.0}, {0.2, 1.0}, {3.0, 1.0}, {1.0, 0.0},
                                    {0.8, 3.0}, {1.9, 3.0}, {2.2, -1.0}};

static void test_width_by_hand(void **state)
{
    (void)state;
    const double a = sqrt(2.0);
    const double b = sqrt(3.0);
    const double mean[7] = {2.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0};
    const double sd[7] = {a, a, 0.5 * (a + b), b, 0.5 * (a + b), a, a};
    const double count[7] = {2.0, 2.0, 2.0, 3.0, 2.0, 2.0, 2.0};
    const struct setting options = options_of(3, 0.0, 3.0, 7);
    struct rebias_fit_report report;
    struct rebias_table *table = fit(points_of(7, three), &options, &report);
    for (int p = 0; p < 2; p++) {
        for (size_t i = 0; i < 7; i++) {
            support_close(table->side[p].G[i], 0.5 * (double)i * uS, 1e-15, 0.0);
            expect_row(table, p, i, mean[i], sd[i]);
            if (i != 2 && i != 4) { /* half way between centres either bin may be the nearer */
                assert_true(table->side[p].count[i] == count[i]);
            }
        }
        assert_int_equal(report.points[p], 7);
        assert_int_equal(report.outside[p], 0);
        assert_int_equal(report.bins[p], 3);
        assert_int_equal(report.empty_bins[p], 0);
        assert_int_equal(report.extrapolated[p],
                         2); /* G = 0 and 3 lie beyond the outermost centres */
    }
    assert_string_equal(table->estimator, "binning");
    assert_string_equal(table->options, "bins=3,kind=width,rows=gaussian");
    rebias_table_free(table);
}

/* Bin 2 is empty and bin 3 has one point: both are bridged from bin 1 (centre 1.5, mean 1) to
 * bin 4 (4.5, mean 4, sd twice as large). */
static void test_empty_bins(void **state)
{
    (void)state;
    static const struct pair points[] = {{0.1, 0.0},  {0.2, 2.0}, {1.2, 0.0}, {1.7, 2.0},
                                         {3.5, 99.0}, {4.1, 2.0}, {4.2, 6.0}};
    const struct setting options = options_of(5, 0.0, 5.0, 11);
    struct rebias_fit_report report;
    struct rebias_table *table = fit(points_of(7, points), &options, &report);
    for (int p = 0; p < 2; p++) {
        assert_int_equal(report.empty_bins[p], 2);
        assert_int_equal(report.extrapolated[p], 2);
        expect_row(table, p, 3, 1.0, sqrt(2.0));
        expect_row(table, p, 5, 2.0, sqrt(2.0) * 4.0 / 3.0);
        expect_row(table, p, 6, 2.5, sqrt(2.0) * 1.5);
        expect_row(table, p, 9, 4.0, sqrt(8.0));
        expect_row(table, p, 10, 4.0, sqrt(8.0));
    }
    rebias_table_free(table);
}

/* Points outside the table's range are counted and not used: of `three` those at 0.2, 0.8
 * and 3. */
static void test_outside(void **state)
{
    (void)state;
    const struct setting options = options_of(1, 0.9, 2.5, 2);
    struct rebias_fit_report report;
    struct rebias_table *table = fit(points_of(7, three), &options, &report);
    for (int p = 0; p < 2; p++) {
        assert_int_equal(report.points[p], 4);
        assert_int_equal(report.outside[p], 3);
        expect_row(table, p, 0, 0.5, sqrt((0.25 + 0.25 + 6.25 + 2.25) / 3.0)); /* 0, 0, 3, -1 */
        expect_row(table, p, 1, 0.5, sqrt(3.0));
        assert_true(table->side[p].count[1] == 4.0);
    }
    rebias_table_free(table);
}

/* The automatic range is what SET and RESET have in common: here 0.2 to 3 and 1.2 to 4 give 1.2
 * to 3. */
static void test_automatic_range(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = points_of(7, three);
    for (size_t i = 7; i < 14; i++) {
        pulses->G[i] += 1.0 * uS;
    }
    struct setting options = setting_defaults();
    options.bins = 1;
    struct rebias_fit_report report;
    struct rebias_table *table = fit(pulses, &options, &report);
    double Gmin = 0.0;
    double Gmax = 0.0;
    rebias_table_range(table, &Gmin, &Gmax);
    support_close(Gmin, 1.2 * uS, 1e-14, 0.0);
    support_close(Gmax, 3.0 * uS, 1e-14, 0.0);
    assert_int_equal(table->side[0].G_count, 100);
    assert_int_equal(table->side[0].dG_count, 201);
    assert_int_equal(report.points[REBIAS_SET], 4);
    assert_int_equal(report.points[REBIAS_RESET], 5);
    rebias_table_free(table);
}

/* No row is narrower than the floor: given, or 1e-4 of the largest |dG|. */
static void test_floor(void **state)
{
    (void)state;
    static const struct pair same[] = {{0.5, -2.0}, {0.5, -2.0}, {1.5, -2.0}, {1.6, -2.0}};
    struct setting options = options_of(2, 0.0, 2.0, 3);
    options.sd_floor = 0.5 * uS;
    struct rebias_table *table = fit(points_of(4, same), &options, NULL);
    expect_row(table, REBIAS_RESET, 1, -2.0, 0.5);
    rebias_table_free(table);
    static const struct pair still[] = {{0.5, 0.0}, {0.5, 0.0}, {1.5, 0.0}, {1.6, 0.0}};
    table =
        fit(points_of(4, still), &options, NULL); /* fit() checks that its axes still ascend */
    rebias_table_free(table);
    static const struct pair alike[] = {
        {0.5, -2.0}, {0.6, -2.0}, {1.5, -1.9999}, {1.6, -1.9999}};
    options.sd_floor = 0.0; /* 1e-4 of the largest jump */
    table = fit(points_of(4, alike), &options, NULL);
    expect_row(table, REBIAS_SET, 0, -2.0, 2e-4);
    rebias_table_free(table);
}

/* -- 3. equal count by hand -- */

/* Ten points in three bins: 3, 3 and 4 in the order of G; centres are the mean G 1, 3 and 7. */
static void test_count_by_hand(void **state)
{
    (void)state;
    static const struct pair points[] = {{8.0, 1.0},  {0.5, 0.0}, {3.0, 4.0}, {1.0, 3.0},
                                         {6.0, -1.0}, {7.0, 1.0}, {1.5, 3.0}, {2.0, 4.0},
                                         {4.0, 7.0},  {7.0, -1.0}};
    struct setting options = options_of(3, 0.0, 8.0, 9);
    options.kind = COUNT;
    struct rebias_fit_report report;
    struct rebias_table *table = fit(points_of(10, points), &options, &report);
    for (int p = 0; p < 2; p++) {
        const double a = sqrt(3.0);       /* 0, 3, 3 about 2; and 4, 4, 7 about 5 */
        const double b = sqrt(4.0 / 3.0); /* -1, 1, -1, 1 about 0 */
        expect_row(table, p, 0, 2.0, a);
        expect_row(table, p, 1, 2.0, a);
        expect_row(table, p, 2, 3.5, a);
        expect_row(table, p, 3, 5.0, a);
        expect_row(table, p, 5, 2.5, 0.5 * (a + b));
        expect_row(table, p, 7, 0.0, b);
        expect_row(table, p, 8, 0.0, b);
        assert_int_equal(report.empty_bins[p], 0);
        assert_int_equal(report.extrapolated[p], 2);
        assert_true(table->side[p].count[4] == 3.0 && table->side[p].count[6] == 4.0);
    }
    assert_string_equal(table->options, "bins=3,kind=count,rows=gaussian");
    rebias_table_free(table);
}

/* Many points at one G (a quantised instrument): bins of 2 and 3 of them are joined into one.
 * (0.1 + 0.1 + 0.1)/3 is not 0.1 in double arithmetic, which must not matter.) Values in S. */
static void test_ties(void **state)
{
    (void)state;
    static const double G[10] = {0.3, 0.1, 0.3, 0.1, 0.1, 0.3, 0.3, 0.1, 0.3, 0.1};
    static const double dG[10] = {7e-6, 1e-6, 8e-6, 2e-6, 3e-6, 9e-6, 10e-6, 4e-6, 11e-6, 5e-6};
    struct rebias_pulses *pulses = NULL;
    assert_int_equal(rebias_pulses_new(&pulses, 20, false, NULL), REBIAS_OK);
    for (size_t i = 0; i < 20; i++) {
        pulses->polarity[i] = (uint8_t)(i / 10);
        pulses->G[i] = G[i % 10];
        pulses->dG[i] = (i < 10 ? 1.0 : -1.0) * dG[i % 10];
    }
    struct setting options = options_of(4, 0.0, 0.4e6, 5);
    options.kind = COUNT;
    struct rebias_fit_report report;
    struct rebias_table *table = fit(pulses, &options, &report);
    for (int p = 0; p < 2; p++) {
        expect_row(table, p, 0, 3.0, sqrt(2.5)); /* 1 .. 5 */
        expect_row(table, p, 2, 6.0, sqrt(2.5)); /* half way */
        expect_row(table, p, 4, 9.0, sqrt(2.5)); /* 7 .. 11 */
        assert_int_equal(report.empty_bins[p], 2);
        assert_true(table->side[p].count[0] == 5.0 && table->side[p].count[4] == 5.0);
    }
    rebias_table_free(table);
}

/* -- 4. empirical rows -- */

/* dG 1, 2, 4, 4 stand at the plotting positions 1/8, 3/8, 5/8, 7/8, straight lines between; the
 * axis reaches one step (3/6) beyond: 1/2 + k 2/3. At 2.5, e.g., 3/8 + 1/4 * (2.5 - 2)/(4 - 2).
 */
static void test_empirical_by_hand(void **state)
{
    (void)state;
    static const struct pair points[] = {{1.5, 4.0}, {0.5, 2.0}, {1.0, 4.0}, {0.2, 1.0}};
    static const double F[7] = {0.0, 1.0 / 6, 1.0 / 3, 0.4375, 25.0 / 48, 29.0 / 48, 1.0};
    struct setting options = options_of(1, 0.0, 2.0, 2);
    options.rows = EMPIRICAL;
    options.dG_levels = 7;
    struct rebias_table *table = fit(points_of(4, points), &options, NULL);
    for (size_t j = 0; j < 7; j++) {
        for (size_t i = 0; i < 2; i++) {
            support_close(table->side[REBIAS_SET].cdf[7 * i + j], F[j], 0.0, 1e-12);
            support_close(table->side[REBIAS_RESET].cdf[7 * i + 6 - j], 1.0 - F[j], 0.0,
                          1e-12); /* mirrored */
        }
        support_close(table->side[REBIAS_SET].dG[j], (0.5 + (double)j * 2.0 / 3.0) * uS, 1e-12,
                      0.0);
    }
    assert_string_equal(table->options, "bins=1,kind=width,rows=empirical");
    rebias_table_free(table);
}

/* Between two bins the distribution is the mixture of theirs, beyond their centres it is
 * theirs. */
static void test_empirical_blend(void **state)
{
    (void)state;
    struct setting options = options_of(3, 0.0, 3.0, 13);
    options.rows = EMPIRICAL;
    options.dG_levels = 50;
    struct rebias_table *table = fit(points_of(7, three), &options, NULL);
    for (int p = 0; p < 2; p++) {
        const double *cdf = table->side[p].cdf;
        for (size_t j = 0; j < 50; j++) { /* centres at rows 2, 6 and 10 */
            support_close(cdf[50 * 4 + j], 0.5 * (cdf[50 * 2 + j] + cdf[50 * 6 + j]), 0.0,
                          1e-12);
            support_close(cdf[50 * 9 + j], 0.25 * cdf[50 * 6 + j] + 0.75 * cdf[50 * 10 + j],
                          0.0, 1e-12);
            assert_true(cdf[j] == cdf[50 * 2 + j]);
            assert_true(cdf[50 * 12 + j] == cdf[50 * 10 + j]);
        }
        assert_true(cdf[50 * 2] == 0.0 && cdf[50 * 2 + 49] == 1.0);
    }
    rebias_table_free(table);
}

/* -- 5. errors -- */

static void test_too_few_points(void **state)
{
    (void)state;
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = points_of(7, three);
    struct setting options = options_of(20, 0.0, 3.0, 5);
    support_expect(fit_setting(&table, pulses, &options, NULL, &err), REBIAS_E_DATA, &err,
                   "no bin holds 2 or more of the 7 SET points in 0 to 3e-06 S: fewer bins or "
                   "more points are needed");
    assert_null(table);
    options = options_of(1, 0.0, 3.0, 5);
    for (size_t i = 8; i < 14; i++) {
        pulses->G[i] = 4.0 * uS;
    }
    support_expect(fit_setting(&table, pulses, &options, NULL, &err), REBIAS_E_DATA, &err,
                   "no bin holds 2 or more of the 1 RESET points in 0 to 3e-06 S");
    assert_null(table);
    options = setting_defaults();
    pulses->G[7] = 4.0 * uS;
    support_expect(fit_setting(&table, pulses, &options, NULL, &err), REBIAS_E_DATA, &err,
                   "all 7 RESET points lie at G = 4e-06 S: a table needs several G");
    assert_null(table);
    for (size_t i = 7; i < 14; i++) {
        pulses->polarity[i] = REBIAS_SET;
    }
    support_expect(fit_setting(&table, pulses, &options, NULL, &err), REBIAS_E_DATA, &err,
                   "there are no RESET points: a table needs both polarities");
    assert_null(table);
    rebias_pulses_free(pulses);
}

static void test_option_errors(void **state)
{
    (void)state;
    const struct setting d = setting_defaults();
    struct setting o[10] = {d, d, d, d, d, d, d, d, d, d};
    assert_true(d.bins == 20 && d.kind == WIDTH && d.rows == GAUSSIAN && d.G_levels == 100 &&
                d.dG_levels == 201 && d.Gmin == 0.0 && d.Gmax == 0.0 && d.sd_floor == 0.0);
    o[0].bins = 0;
    o[1].bins = 10001;
    o[2].G_levels = 1;
    o[3].dG_levels = 1;
    o[4].dG_levels = 50001;
    o[5].Gmin = 3e-6;
    o[5].Gmax = 2e-6;
    o[6].Gmin = -1e-6;
    o[6].Gmax = 2e-6;
    o[7].Gmax = NAN;
    o[8].sd_floor = -1e-9;
    o[9].sd_floor = INFINITY;
    static const char *const texts[10] = {
        "option bins of binning is 0, not in 1 to 10000",
        "option bins of binning is 10001, not in 1 to 10000",
        "a table of 1 x 201 levels is not possible (2 to 100000 x 2 to 50000)",
        "a table of 100 x 1 levels is not possible",
        "a table of 100 x 50001 levels is not possible",
        "the table's range 3e-06 to 2e-06 S is empty",
        "the table's range -1e-06 to 2e-06 S is empty",
        "the table's range 0 to nan S is empty",
        "the sd floor -1e-09 S is negative or not finite",
        "the sd floor inf S is negative or not finite",
    };
    struct rebias_pulses *pulses = points_of(7, three);
    for (size_t i = 0; i < 10; i++) {
        struct rebias_table *table = NULL;
        struct rebias_error err = {0};
        support_expect(fit_setting(&table, pulses, &o[i], NULL, &err), REBIAS_E_RANGE, &err,
                       texts[i]);
        assert_null(table);
    }
    rebias_pulses_free(pulses);
}

/* -- 6. error of the fit on the synthetic target -- */

/* SET errors of one fit, averaged over the 100 G levels: RMSE of mean and sd, Hellinger
 * distance, W2 (nS, nS, 1, nS).
 */
static void errors_of(const struct rebias_table *table, const struct rebias_device *target,
                      double errors[4])
{
    const struct rebias_table_side *side = &table->side[REBIAS_SET];
    double sums[4] = {0.0};
    for (size_t i = 0; i < side->G_count; i++) {
        double mean = 0.0;
        double sd = 0.0;
        double target_mean = 0.0;
        double target_sd = 0.0;
        rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &mean, &sd);
        target->model->moments(target, REBIAS_SET, side->G[i], &target_mean, &target_sd);
        const double m = (mean - target_mean) / nS;
        const double s = (sd - target_sd) / nS;
        sums[0] += m * m;
        sums[1] += s * s;
        sums[2] += rebias_hellinger_normal(mean, sd, target_mean, target_sd);
        sums[3] += hypot(m, s);
    }
    const double n = (double)side->G_count;
    errors[0] = sqrt(sums[0] / n);
    errors[1] = sqrt(sums[1] / n);
    errors[2] = sums[2] / n;
    errors[3] = sums[3] / n;
}

/* The table fitted to replicate r's N uncensored points. */
static struct rebias_table *replicate_fit(const struct rebias_device *target, size_t points,
                                          size_t bins, size_t G_levels, uint32_t replicate)
{
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct setting options = setting_defaults();
    synth.points = points;
    synth.replicate = replicate;
    options.bins = bins;
    options.Gmin = target->Gmin;
    options.Gmax = target->Gmax;
    options.G_levels = G_levels;
    assert_int_equal(rebias_pulses_synthesize(&pulses, target, &synth, NULL), REBIAS_OK);
    return fit(pulses, &options, NULL);
}

/* Averages over 200 draws from a reference calculation (uncensored SET points of the synthetic
 * target, equal width, 100 G levels). N = 1000, B = 20 is stated as 0.1405 +- 0.002, 0.0976 +-
 * 0.002, 0.0517 +- 0.001, and asked of 200 draws here (4000 draws give 0.1401, 0.0999, 0.0524).
 * The other rows have three digits. One draw's RMSE scatters by about sqrt(0.6/B), so 200 have
 * a relative standard error of 1.8 % (B = 10), 1.2 % (20), 0.8 % (50); `relative` is four times
 * the reference's and ours combined. The linear rule's h^2/6 (h = 0.1 nS at 201 levels) lifts
 * an sd by 0.0007 nS: in square 0.0005 of the smallest sd error. */
static const struct {
    size_t points, bins;
    uint32_t replicates;
    double expected[4]; /* RMSE of mean, RMSE of sd, Hellinger, W2 */
    double relative, absolute[4];
} published[] = {
    {1000, 20, 200, {0.1405, 0.0976, 0.0517, 0.151}, 0.0, {0.002, 0.002, 0.001, 0.003}},
    {100, 10, 600, {0.330, 0.251, 0.131, 0.369}, 0.08, {0.0005, 0.0005, 0.0005, 0.0005}},
    {100, 20, 600, {0.468, 0.376, 0.195, 0.528}, 0.055, {0.0005, 0.0005, 0.0005, 0.0005}},
    {300, 20, 600, {0.258, 0.191, 0.099, 0.283}, 0.055, {0.0005, 0.0005, 0.0005, 0.0005}},
    {1000, 10, 400, {0.096, 0.071, 0.037, 0.107}, 0.09, {0.0005, 0.0005, 0.0005, 0.0005}},
    {1000, 50, 200, {0.226, 0.161, 0.085, 0.243}, 0.045, {0.0005, 0.0005, 0.0005, 0.0005}},
    {10000, 20, 200, {0.044, 0.031, 0.016, 0.048}, 0.07, {0.0005, 0.0005, 0.0005, 0.0005}},
    {10000, 50, 200, {0.069, 0.050, 0.026, 0.075}, 0.045, {0.0005, 0.0005, 0.0005, 0.0005}},
};

static void test_published_errors(void **state)
{
    (void)state;
    struct rebias_device *target = NULL;
    assert_int_equal(rebias_device_new(&target, "synthetic-lc", NULL), REBIAS_OK);
    for (size_t r = 0; r < sizeof published / sizeof published[0]; r++) {
        double sums[4] = {0.0};
        for (uint32_t replicate = 0; replicate < published[r].replicates; replicate++) {
            double errors[4];
            struct rebias_table *table =
                replicate_fit(target, published[r].points, published[r].bins, 100, replicate);
            errors_of(table, target, errors);
            for (int k = 0; k < 4; k++) {
                sums[k] += errors[k] / published[r].replicates;
            }
            rebias_table_free(table);
        }
        for (int k = 0; k < 4; k++) {
            support_close(sums[k], published[r].expected[k], published[r].relative,
                          published[r].absolute[k]);
        }
    }
    rebias_device_free(target);
}

/* Theory: at a bin's centre the mean of n points errs by 1.2/sqrt n, so z = error sqrt(n)/1.2
 * has mean 0 and mean square 1 (4000 bins: 5 standard errors, 5/sqrt 4000 and 5 sqrt(2/4000));
 * the profile's own slope inside a bin adds 1e-6. */
static void test_standard_error(void **state)
{
    (void)state;
    enum { BINS = 20, REPLICATES = 200, LEVELS = 2 * BINS + 1 };
    struct rebias_device *target = NULL;
    double sum = 0.0;
    double squares = 0.0;
    assert_int_equal(rebias_device_new(&target, "synthetic-lc", NULL), REBIAS_OK);
    for (uint32_t replicate = 0; replicate < REPLICATES; replicate++) {
        struct rebias_table *table = replicate_fit(target, 1000, BINS, LEVELS, replicate);
        const struct rebias_table_side *side = &table->side[REBIAS_SET];
        for (size_t i = 1; i < LEVELS; i += 2) { /* every other level is a centre */
            double mean = 0.0;
            double sd = 0.0;
            double target_mean = 0.0;
            rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &mean, &sd);
            target->model->moments(target, REBIAS_SET, side->G[i], &target_mean, &sd);
            const double z = (mean - target_mean) * sqrt(side->count[i]) / sd;
            sum += z;
            squares += z * z;
        }
        rebias_table_free(table);
    }
    support_close(sum / (BINS * REPLICATES), 0.0, 0.0, 5.0 / sqrt(BINS * REPLICATES));
    support_close(squares / (BINS * REPLICATES), 1.0, 5.0 * sqrt(2.0 / (BINS * REPLICATES)),
                  0.0);
    rebias_device_free(target);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width_by_hand),
        cmocka_unit_test(test_empty_bins),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_automatic_range),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_count_by_hand),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_empirical_by_hand),
        cmocka_unit_test(test_empirical_blend),
        cmocka_unit_test(test_too_few_points),
        cmocka_unit_test(test_option_errors),
        cmocka_unit_test(test_published_errors),
        cmocka_unit_test(test_standard_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
