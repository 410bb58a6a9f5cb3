/* test_table.c - the jump table's distribution at any G, its invariants, and the published
 * tables.
 * 1. a table by hand   2. moments   3. quantiles   4. distribution functions   5. published
 * tables   6. invariants The table as a device: test_sampler.c.
 */
#include "draws.h"
#include "rebias/table.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <string.h>

/* -- 1. a table by hand -- */

static const double uS = 1e-6;

enum { ROWS = 3, COLUMNS = 4 };

/* Units of uS; both axes uneven, Gmin = 0, point masses at both ends of row 1, flat runs in
 * rows 1 and 2. */
static const double hand_G[ROWS] = {0.0, 1.0, 3.0};
static const double hand_dG[COLUMNS] = {-2.0, -1.0, 1.0, 3.0};
static const double hand_cdf[ROWS * COLUMNS] = {
    0.0, 0.25, 0.75, 1.0, /* */
    0.1, 0.1,  0.6,  0.9, /* */
    0.0, 0.5,  0.5,  1.0,
};

/* Both polarities alike. */
static struct rebias_table *hand_table(void)
{
    const size_t G_count[2] = {ROWS, ROWS};
    const size_t dG_count[2] = {COLUMNS, COLUMNS};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, G_count, dG_count, true, NULL), REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        for (int i = 0; i < ROWS; i++) {
            table->side[p].G[i] = hand_G[i] * uS;
        }
        for (int j = 0; j < COLUMNS; j++) {
            table->side[p].dG[j] = hand_dG[j] * uS;
        }
        memcpy(table->side[p].cdf, hand_cdf, sizeof hand_cdf);
    }
    return table;
}

/* A shared table, or NULL where the folder is not there. */
static struct rebias_table *published(const char *name)
{
    char path[1024];
    char probe[256];
    char spec[1100];
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    snprintf(probe, sizeof probe, "%s_set_cdf.txt", name);
    if (!support_shared(path, probe)) {
        return NULL;
    }
    path[strlen(path) - strlen("_set_cdf.txt")] = '\0';
    snprintf(spec, sizeof spec, "xbtorch:%s", path);
    support_expect(rebias_table_load(&table, spec, &err), REBIAS_OK, &err, NULL);
    return table;
}

/* -- 2. moments -- */

/* By hand, uS. NEAREST: masses half way between distinct entries: row 0 {1, 3, 3, 1}/8 on {-2,
 * -1, 1, 3}; row 1 (entries .1, .6, .9) .35 on -2, .4 on 1, .25 on 3; row 2 (0, .5, 1) 1/4 on
 * -2, 1/2 on -1, 1/4 on 3. LINEAR: cells with uniform density, masses .25, .5, .25; row 1: .1
 * at -2, 0, .5, .3, .1 at 3; E x^2 of a cell (a^2 + ab + b^2)/3.
 */
static void test_moments_by_hand(void **state)
{
    (void)state;
    static const struct {
        enum rebias_rule rule;
        double G, mean, variance;
    } rows[] = {
        {REBIAS_RULE_NEAREST, 0.0, 0.125, 2.375 - 0.015625},
        {REBIAS_RULE_NEAREST, 0.5, 0.125, 2.375 - 0.015625}, /* half way: the lower row */
        {REBIAS_RULE_NEAREST, 0.6, 0.45, 4.05 - 0.2025},
        {REBIAS_RULE_NEAREST, 1.0, 0.45, 4.05 - 0.2025},
        {REBIAS_RULE_NEAREST, 1.9, 0.45, 4.05 - 0.2025},
        {REBIAS_RULE_NEAREST, 2.1, -0.25, 3.75 - 0.0625},
        {REBIAS_RULE_NEAREST, 9.0, -0.25, 3.75 - 0.0625}, /* beyond the axis: its last row */
        {REBIAS_RULE_LINEAR, 0.0, 0.125, 5.5 / 3 - 0.015625},
        {REBIAS_RULE_LINEAR, 1.0, 0.7, 8.3 / 3 - 0.49},
        {REBIAS_RULE_LINEAR, 0.5, 0.4125,
         2.3 - 0.4125 * 0.4125}, /* mixture of rows 0 and 1, E x^2 = (5.5 + 8.3)/6 */
        /* row 2: half uniform on [-2, -1], half on [1, 3]: mean -0.75 + 1 = 0.25, E x^2 = 7/6 +
           13/6 = 10/3 */
        {REBIAS_RULE_LINEAR, 3.0, 0.25, 10.0 / 3 - 0.0625},
        {REBIAS_RULE_LINEAR, 9.0, 0.25, 10.0 / 3 - 0.0625},
        /* three quarters of row 1 and a quarter of row 2 */
        {REBIAS_RULE_LINEAR, 1.5, 0.5875, 0.75 * 8.3 / 3 + 0.25 * 10.0 / 3 - 0.5875 * 0.5875},
    };
    struct rebias_table *table = hand_table();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_table_moments(&table->side[REBIAS_RESET], rows[i].rule, rows[i].G * uS, &mean,
                             &sd);
        support_close(mean / uS, rows[i].mean, 1e-12, 0.0);
        support_close(sd / uS, sqrt(rows[i].variance), 1e-12, 0.0);
    }
    rebias_table_free(table);
}

/* Rows of a normal distribution (sd sigma) on a grid with step h: nearest sigma^2 + h^2/3,
 * linear sigma^2 + h^2/6, means untouched. The sum over a grid with sigma/h > 1.6 is exact to
 * exp(-2 (pi sigma/h)^2) < 1e-20; the axis holds 8 sd. */
static void test_variance_inflation(void **state)
{
    (void)state;
    enum { LEVELS = 301 };
    static const double cases[][3] = {
        {0.1, 1.2, 0.161616}, {-0.7, 1.0, 0.606061}, {0.033, 1.0, 0.1}}; /* m, sigma, h */
    const size_t G_count[2] = {2, 2};
    const size_t dG_count[2] = {LEVELS, LEVELS};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, G_count, dG_count, false, NULL), REBIAS_OK);
    struct rebias_table_side *side = &table->side[REBIAS_SET];
    side->G[1] = 1.0;
    for (size_t c = 0; c < 3; c++) {
        const double h = cases[c][2];
        double mean = 0.0;
        double sd = 0.0;
        for (int j = 0; j < LEVELS; j++) {
            side->dG[j] = h * (j - LEVELS / 2);
            side->cdf[j] = gsl_cdf_ugaussian_P((side->dG[j] - cases[c][0]) / cases[c][1]);
            side->cdf[LEVELS + j] = side->cdf[j];
        }
        rebias_table_moments(side, REBIAS_RULE_NEAREST, 0.0, &mean, &sd);
        support_close(mean, cases[c][0], 1e-3, 0.0);
        support_close(sd * sd, cases[c][1] * cases[c][1] + h * h / 3, 1e-3, 0.0);
        rebias_table_moments(side, REBIAS_RULE_LINEAR, 0.4, &mean, &sd);
        support_close(mean, cases[c][0], 1e-3, 0.0);
        support_close(sd * sd, cases[c][1] * cases[c][1] + h * h / 6, 1e-3, 0.0);
    }
    rebias_table_free(table);
}

/* -- 3. quantiles -- */

static void test_quantiles_nearest(void **state)
{
    (void)state;
    static const struct {
        double G, u;
        size_t row, level;
    } rows[] = {
        {0.0, 0.0, 0, 0},  {0.0, 0.12, 0, 0}, {0.0, 0.125, 0, 0}, {0.0, 0.13, 0, 1},
        {0.0, 0.5, 0, 1},  {0.0, 0.51, 0, 2}, {0.0, 0.87, 0, 2},  {0.0, 0.88, 0, 3},
        {0.0, 1.0, 0, 3},  {0.5, 0.3, 0, 1},  {0.51, 0.3, 1, 0}, /* run .1 .1 */
        {1.0, 0.0, 1, 0},  {1.0, 0.34, 1, 0}, {1.0, 0.36, 1, 2},  {1.0, 0.74, 1, 2},
        {1.0, 0.76, 1, 3}, {1.0, 1.0, 1, 3},  {2.0, 0.2, 1, 0},   {2.01, 0.2, 2, 0},
        {3.0, 0.25, 2, 0}, {3.0, 0.26, 2, 1}, {3.0, 0.5, 2, 1},   {3.0, 0.74, 2, 1},
        {3.0, 0.76, 2, 3}, {77.0, 1.0, 2, 3},
    };
    struct rebias_table *table = hand_table();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t row = 99;
        size_t level = 99;
        const double x = rebias_table_quantile(&table->side[REBIAS_SET], REBIAS_RULE_NEAREST,
                                               rows[i].G * uS, rows[i].u, &row, &level);
        assert_int_equal(row, rows[i].row);
        assert_int_equal(level, rows[i].level);
        assert_true(x == hand_dG[rows[i].level] * uS);
    }
    /* a row of zeros, or of ones, is one run */
    memset(table->side[REBIAS_SET].cdf, 0, COLUMNS * sizeof(double));
    assert_true(rebias_table_quantile(&table->side[REBIAS_SET], REBIAS_RULE_NEAREST, 0.0, 1.0,
                                      NULL, NULL) == -2.0 * uS);
    rebias_table_free(table);
}

static void test_quantiles_linear(void **state)
{
    (void)state;
    static const struct {
        double G, u, dG;
    } rows[] = {
        {0.0, 0.0, -2.0},
        {0.0, 0.125, -1.5},
        {0.0, 0.25, -1.0},
        {0.0, 0.5, 0.0},
        {0.0, 0.875, 2.0},
        {0.0, 1.0, 3.0},
        {1.0, 0.0, -2.0},
        {1.0, 0.1, -2.0},
        {1.0, 0.35, 0.0},
        {1.0, 0.6, 1.0},
        {1.0, 0.75, 2.0},
        {1.0, 0.9, 3.0},
        {1.0, 0.95, 3.0},
        {1.0, 1.0, 3.0},
        {3.0, 0.5, -1.0},
        {3.0, 0.75, 2.0},
        {40.0, 0.25, -1.5},
        /* half way between rows 0 and 1 the entries are .05, .175, .675, .95 */
        {0.5, 0.05, -2.0},
        {0.5, 0.1125, -1.5},
        {0.5, 0.425, 0.0},
        {0.5, 0.8125, 2.0},
        {0.5, 0.97, 3.0},
    };
    struct rebias_table *table = hand_table();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double x = rebias_table_quantile(&table->side[REBIAS_SET], REBIAS_RULE_LINEAR,
                                               rows[i].G * uS, rows[i].u, NULL, NULL);
        support_close(x / uS, rows[i].dG, 0.0, 1e-12);
    }
    /* just above a flat run the quantile is its far end */
    const double above = rebias_table_quantile(&table->side[REBIAS_SET], REBIAS_RULE_LINEAR,
                                               3.0 * uS, 0.5 + 1e-12, NULL, NULL);
    support_close(above / uS, 1.0, 0.0, 1e-10);
    rebias_table_free(table);
}

/* -- 4. distribution functions -- */

static void test_cdf_by_hand(void **state)
{
    (void)state;
    static const struct {
        enum rebias_rule rule;
        double G, dG, F;
    } rows[] = {
        {REBIAS_RULE_NEAREST, 0.0, -2.1, 0.0},   {REBIAS_RULE_NEAREST, 0.0, -2.0, 0.125},
        {REBIAS_RULE_NEAREST, 0.0, -1.1, 0.125}, {REBIAS_RULE_NEAREST, 0.0, -1.0, 0.5},
        {REBIAS_RULE_NEAREST, 0.0, 1.0, 0.875},  {REBIAS_RULE_NEAREST, 0.0, 3.0, 1.0},
        {REBIAS_RULE_NEAREST, 1.0, -2.0, 0.35},  {REBIAS_RULE_NEAREST, 1.0, -1.0, 0.35},
        {REBIAS_RULE_NEAREST, 1.0, 1.5, 0.75},   {REBIAS_RULE_NEAREST, 3.0, -1.0, 0.75},
        {REBIAS_RULE_NEAREST, 3.0, 2.9, 0.75},   {REBIAS_RULE_NEAREST, 3.0, 4.0, 1.0},
        {REBIAS_RULE_LINEAR, 0.0, -2.1, 0.0},    {REBIAS_RULE_LINEAR, 0.0, -2.0, 0.0},
        {REBIAS_RULE_LINEAR, 0.0, 0.0, 0.5},     {REBIAS_RULE_LINEAR, 0.0, 2.0, 0.875},
        {REBIAS_RULE_LINEAR, 1.0, -2.0, 0.1},    {REBIAS_RULE_LINEAR, 1.0, -1.5, 0.1},
        {REBIAS_RULE_LINEAR, 1.0, 2.9, 0.885},   {REBIAS_RULE_LINEAR, 1.0, 3.0, 1.0},
        {REBIAS_RULE_LINEAR, 0.5, 0.0, 0.425},   {REBIAS_RULE_LINEAR, 9.0, 0.0, 0.5},
        {REBIAS_RULE_LINEAR, 9.0, 9.0, 1.0},
    };
    struct rebias_table *table = hand_table();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double F = rebias_table_cdf(&table->side[REBIAS_SET], rows[i].rule,
                                          rows[i].G * uS, rows[i].dG * uS);
        support_close(F, rows[i].F, 0.0, 1e-12);
    }
    rebias_table_free(table);
}

/* Each other's inverse: Q(u) = inf {x: F(x) >= u}, that is F(Q(u)) >= u and F(x) < u for x
 * below Q(u). */
static void test_inverse(void **state)
{
    (void)state;
    struct rebias_table *table = hand_table();
    const struct rebias_table_side *side = &table->side[REBIAS_SET];
    for (int rule = 0; rule < 2; rule++) {
        for (int g = 0; g <= 40; g++) {
            const double G = 0.1 * g * uS;
            double before = -INFINITY;
            for (int k = 1; k <= 997; k++) {
                const double u = k / 997.0;
                const double x =
                    rebias_table_quantile(side, (enum rebias_rule)rule, G, u, NULL, NULL);
                assert_true(x >= before);
                assert_true(rebias_table_cdf(side, (enum rebias_rule)rule, G, x) >= u - 1e-12);
                assert_true(rebias_table_cdf(side, (enum rebias_rule)rule, G, x - 1e-9 * uS) <
                            u + 1e-12);
                before = x;
            }
        }
    }
    rebias_table_free(table);
}

/* -- 5. published tables -- */

static const char *const names[] = {"tiox_jump_tables/tiox_1.35V", "tiox_jump_tables/tiox_1.5V",
                                    "tiox_jump_tables/tiox_1.8V",
                                    "synthetic_jump_table/target_lc_ns_sd1.2_10000"};
static const char *const presets[] = {"tiox-1.35V", "tiox-1.5V", "tiox-1.8V", "synthetic-lc"};
enum { PUBLISHED = 4, SYNTHETIC = 3 };

/* Straight line through (dG_j, probit of CDF_j) where the entry says something: 1/slope = sd.
 */
static void probit_fit(const double *dG, const double *cdf, size_t n, double *mean, double *sd)
{
    double count = 0.0;
    double x = 0.0;
    double z = 0.0;
    double xx = 0.0;
    double xz = 0.0;
    for (size_t j = 0; j < n; j++) {
        if (cdf[j] > 1e-4 && cdf[j] < 1.0 - 1e-4) {
            const double probit = gsl_cdf_ugaussian_Pinv(cdf[j]);
            count += 1.0;
            x += dG[j];
            z += probit;
            xx += dG[j] * dG[j];
            xz += dG[j] * probit;
        }
    }
    const double slope = (xz - x * z / count) / (xx - x * x / count);
    *sd = 1.0 / slope;
    *mean = x / count - z / count / slope;
}

/* All rows of all tables are normal with the presets' polynomials: to 1e-4 uS (sd of 1.8 V SET,
 * rounded to two digits by its makers, 0.005 uS) and 1e-6 nS. The published fourth table, 1.65
 * V, is not among the shared files. */
static void test_published_profiles(void **state)
{
    (void)state;
    for (size_t t = 0; t < PUBLISHED; t++) {
        struct rebias_table *table = published(names[t]);
        struct rebias_device *device = NULL;
        assert_int_equal(rebias_device_new(&device, presets[t], NULL), REBIAS_OK);
        for (int p = 0; table != NULL && p < 2; p++) {
            const struct rebias_table_side *side = &table->side[p];
            assert_int_equal(side->G_count, 100);
            assert_int_equal(side->dG_count, 100);
            const double tolerance = t == SYNTHETIC ? 1e-15 : 1e-10;
            for (size_t i = 0; i < side->G_count; i++) {
                double mean = 0.0;
                double sd = 0.0;
                double preset_mean = 0.0;
                double preset_sd = 0.0;
                probit_fit(side->dG, side->cdf + i * side->dG_count, side->dG_count, &mean,
                           &sd);
                device->model->moments(device, (enum rebias_polarity)p, side->G[i],
                                       &preset_mean, &preset_sd);
                support_close(preset_mean, mean, 0.0, tolerance);
                support_close(preset_sd, sd, 0.0,
                              t == 2 && p == REBIAS_SET ? 0.005 * uS + 1e-11 : tolerance);
            }
        }
        rebias_table_free(table);
        rebias_device_free(device);
    }
}

/* Look-ups of the published sampling rule: row and level by hand from the files. */
static void test_published_lookups(void **state)
{
    (void)state;
    static const struct {
        size_t table;
        enum rebias_polarity polarity;
        double G, u;
        size_t row, level;
        double dG;
    } rows[] = {
        {SYNTHETIC, REBIAS_SET, 20e-9, 0.1, 48, 41, -1.37374e-9},
        {SYNTHETIC, REBIAS_SET, 20e-9, 0.5, 48, 50, 0.0808081e-9},
        {SYNTHETIC, REBIAS_SET, 20e-9, 0.9, 48, 60, 1.69697e-9},
        {SYNTHETIC, REBIAS_RESET, 20e-9, 0.1, 48, 40, -1.72727e-9},
        {SYNTHETIC, REBIAS_RESET, 20e-9, 0.5, 48, 49, -0.0909091e-9},
        {SYNTHETIC, REBIAS_RESET, 20e-9, 0.9, 48, 57, 1.36364e-9},
        {2, REBIAS_SET, 5e-6, 0.1, 0, 56, 3.93939e-6},
        {2, REBIAS_SET, 5e-6, 0.5, 0, 73, 14.2424e-6},
        {2, REBIAS_SET, 5e-6, 0.9, 0, 89, 23.9394e-6},
        {2, REBIAS_SET, 5e-6, 0.999, 0, 99, 30.0e-6},
        {1, REBIAS_RESET, 20e-6, 0.5, 59, 47, -1.51515e-6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_table *table = published(names[rows[i].table]);
        if (table != NULL) {
            size_t row = 999;
            size_t level = 999;
            const double dG =
                rebias_table_quantile(&table->side[rows[i].polarity], REBIAS_RULE_NEAREST,
                                      rows[i].G, rows[i].u, &row, &level);
            assert_int_equal(row, rows[i].row);
            assert_int_equal(level, rows[i].level);
            support_close(dG, rows[i].dG, 3e-6, 0.0); /* six digits are quoted */
            support_close(table->side[rows[i].polarity].dG[level], dG, 0.0, 0.0);
        }
        if (table != NULL && rows[i].table == 2) {
            support_close(table->side[REBIAS_SET].cdf[99], 0.9791887953, 0.0, 6e-11);
        }
        rebias_table_free(table);
    }
}

/* Mean and sd of the conductance after one pulse, rule NEAREST, with clamping: exact sum over
 * the row, quoted to four digits (nS) or three (uS). */
static void test_published_single_pulse(void **state)
{
    (void)state;
    static const struct {
        size_t table;
        enum rebias_polarity polarity;
        double G, unit, mean, sd, half_digit;
    } rows[] = {
        {SYNTHETIC, REBIAS_SET, 3e-9, 1e-9, 3.5655, 0.7569, 6e-5},
        {SYNTHETIC, REBIAS_SET, 20e-9, 1e-9, 20.0937, 1.2036, 6e-5},
        {SYNTHETIC, REBIAS_RESET, 38e-9, 1e-9, 37.3260, 0.8178, 6e-5},
        {2, REBIAS_SET, 5e-6, 1e-6, 18.948, 7.000, 6e-4},
        {2, REBIAS_RESET, 30e-6, 1e-6, 16.267, 6.086, 6e-4},
        {0, REBIAS_SET, 5e-6, 1e-6, 5.6205, 0.8979, 6e-5},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct rebias_table *table = published(names[rows[r].table]);
        if (table == NULL) {
            continue;
        }
        const struct rebias_table_side *side = &table->side[rows[r].polarity];
        double Gmin = 0.0;
        double Gmax = 0.0;
        double first = 0.0;
        double second = 0.0;
        double before = 0.0;
        rebias_table_range(table, &Gmin, &Gmax);
        for (size_t j = 0; j < side->dG_count; j++) {
            const double upto =
                rebias_table_cdf(side, REBIAS_RULE_NEAREST, rows[r].G, side->dG[j]);
            const double end = fmin(fmax(rows[r].G + side->dG[j], Gmin), Gmax) / rows[r].unit;
            first += (upto - before) * end;
            second += (upto - before) * end * end;
            before = upto;
        }
        support_close(first, rows[r].mean, 0.0, rows[r].half_digit);
        support_close(sqrt(second - first * first), rows[r].sd, 0.0, rows[r].half_digit);
        rebias_table_free(table);
    }
}

/* -- 6. invariants -- */

static void test_range(void **state)
{
    (void)state;
    struct rebias_table *table = hand_table();
    double Gmin = 1.0;
    double Gmax = 1.0;
    rebias_table_range(table, &Gmin, &Gmax);
    assert_true(Gmin == 0.0 && Gmax == 3.0 * uS);
    table->side[REBIAS_RESET].G[0] = 0.5 * uS;
    table->side[REBIAS_SET].G[2] = 2.0 * uS;
    rebias_table_range(table, &Gmin, &Gmax);
    assert_true(Gmin == 0.5 * uS && Gmax == 2.0 * uS);
    assert_int_equal(rebias_table_validate(table, NULL, NULL), REBIAS_OK);
    rebias_table_free(table);
    rebias_table_free(NULL);
}

enum part { PART_G, PART_dG, PART_CDF, PART_COUNT };

static void test_broken_invariants(void **state)
{
    (void)state;
    static const struct {
        int polarity;
        enum part part;
        size_t index;
        double value;
        const char *text;
    } rows[] = {
        {0, PART_G, 0, -1e-9,
         "bad.h5: SET G axis, entry 1: '-1.0000000000000001e-09' (expected a conductance, 0 or "
         "more)"},
        {0, PART_G, 1, 0.0,
         "bad.h5: SET G axis, entry 2: '0' (expected strictly ascending levels)"},
        {1, PART_G, 2, NAN, "bad.h5: RESET G axis, entry 3: 'nan' (expected a finite number)"},
        {1, PART_dG, 1, -3e-6,
         "bad.h5: RESET dG axis, entry 2: '-3.0000000000000001e-06' (expected strictly "
         "ascending levels)"},
        {0, PART_dG, 3, INFINITY,
         "bad.h5: SET dG axis, entry 4: 'inf' (expected a finite number)"},
        {0, PART_CDF, 6, 1.5,
         "bad.h5: SET CDF, row 2, column 3: '1.5' (expected a probability in [0, 1])"},
        {1, PART_CDF, 0, -0.25,
         "bad.h5: RESET CDF, row 1, column 1: '-0.25' (expected a probability in [0, 1])"},
        {1, PART_CDF, 11, NAN,
         "bad.h5: RESET CDF, row 3, column 4: 'nan' (expected a probability in [0, 1])"},
        {0, PART_CDF, 2, 0.125,
         "bad.h5: SET CDF, row 1, column 3: '0.125' (expected a CDF that does not fall along a "
         "row)"},
        {1, PART_COUNT, 1, -2.0,
         "bad.h5: RESET counts, entry 2: '-2' (expected a count, 0 or more)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_table *table = hand_table();
        struct rebias_error err = {0};
        struct rebias_table_side *side = &table->side[rows[i].polarity];
        double *const parts[] = {side->G, side->dG, side->cdf, side->count};
        support_expect(rebias_table_validate(table, "bad.h5", &err), REBIAS_OK, &err, NULL);
        parts[rows[i].part][rows[i].index] = rows[i].value;
        support_expect(rebias_table_validate(table, "bad.h5", &err), REBIAS_E_FORMAT, &err,
                       rows[i].text);
        rebias_table_free(table);
    }
}

static void test_broken_shapes(void **state)
{
    (void)state;
    struct rebias_table *table = hand_table();
    struct rebias_error err = {0};
    table->side[REBIAS_SET].dG_count = 1;
    support_expect(rebias_table_validate(table, "bad.h5", &err), REBIAS_E_FORMAT, &err,
                   "bad.h5: SET dG axis has 1 levels (expected at least 2)");
    table->side[REBIAS_SET].dG_count = COLUMNS;
    for (int i = 0; i < ROWS; i++) {
        table->side[REBIAS_RESET].G[i] += 3e-6;
    }
    support_expect(rebias_table_validate(table, "bad.h5", &err), REBIAS_E_FORMAT, &err,
                   "bad.h5: the SET and RESET G axes do not overlap (common range 3e-06 to "
                   "3e-06 S) (expected overlapping G "
                   "axes)");
    rebias_table_free(table);
    const size_t huge[2] = {SIZE_MAX / 4, 2};
    const size_t more[2] = {SIZE_MAX / 4, 2};
    support_expect(rebias_table_new(&table, huge, more, false, &err), REBIAS_E_MEMORY, &err,
                   "does not fit into memory");
    assert_null(table);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments_by_hand),
        cmocka_unit_test(test_variance_inflation),
        cmocka_unit_test(test_quantiles_nearest),
        cmocka_unit_test(test_quantiles_linear),
        cmocka_unit_test(test_cdf_by_hand),
        cmocka_unit_test(test_inverse),
        cmocka_unit_test(test_published_profiles),
        cmocka_unit_test(test_published_lookups),
        cmocka_unit_test(test_published_single_pulse),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_broken_invariants),
        cmocka_unit_test(test_broken_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
