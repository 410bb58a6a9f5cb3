/* test_sampler.c - the jump table as a device: the fast sampler against the plain look-ups,
 * scale, opening.
 * 1. tables   2. at grid points, draw by draw   3. anywhere, in distribution   4. uneven
 * axes   5. scale   6. opening Many pulses in a row: test_sweeps.c.
 */
#include "draws.h"
#include "rebias/metrics.h"
#include "rebias/table.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <string.h>

/* -- 1. tables -- */

/* Rows of normal distributions whose mean and sd go linearly from the first row to the last; dG
 * from -reach to reach.
 */
struct shape {
    const char *what;
    size_t rows, levels;
    double Gmin, Gmax, reach;
    double mean[2], sd[2];
};

static const struct shape shapes[] = {
    {"like the synthetic target",
     100,
     100,
     3e-9,
     38e-9,
     8e-9,
     {0.16e-9, 0.02e-9},
     {1.2e-9, 1.2e-9}},
    {"like TiOx at 1.8 V: mass beyond the upper end",
     100,
     100,
     5e-6,
     30e-6,
     30e-6,
     {14e-6, -3e-6},
     {7.8e-6, 1.7e-6}},
    {"narrow rows: steps from 0 to 1",
     31,
     100,
     0.0,
     12e-6,
     2e-6,
     {0.013e-6, -0.73e-6},
     {1e-9, 1e-9}},
    {"many levels, most of them in one cell of the guide",
     20,
     2001,
     1e-6,
     9e-6,
     1e-5,
     {1e-7, 2e-6},
     {2e-8, 3e-7}},
    {"very wide rows: point masses near 1/2 at both ends",
     10,
     50,
     1e-6,
     2e-6,
     1e-6,
     {0.0, 0.0},
     {5e-5, 2e-5}},
    {"2 x 2", 2, 2, 1e-6, 2e-6, 1e-6, {0.0, 3e-7}, {1e-6, 5e-7}},
    {"2 levels of sharp rows", 50, 2, 1e-6, 2e-6, 1e-6, {-1e-6, 1e-6}, {1e-7, 1e-7}},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* SET as the shape says, RESET its mirror image. */
static struct rebias_table *table_of(const struct shape *shape)
{
    const size_t G_count[2] = {shape->rows, shape->rows};
    const size_t dG_count[2] = {shape->levels, shape->levels};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, G_count, dG_count, false, NULL), REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        struct rebias_table_side *side = &table->side[p];
        const double sign = p == REBIAS_SET ? 1.0 : -1.0;
        for (size_t j = 0; j < shape->levels; j++) {
            side->dG[j] = shape->reach * (2.0 * (double)j / (double)(shape->levels - 1) - 1.0);
        }
        for (size_t i = 0; i < shape->rows; i++) {
            const double t = (double)i / (double)(shape->rows - 1);
            const double mean = sign * ((1.0 - t) * shape->mean[0] + t * shape->mean[1]);
            const double sd = (1.0 - t) * shape->sd[0] + t * shape->sd[1];
            side->G[i] = shape->Gmin + t * (shape->Gmax - shape->Gmin);
            for (size_t j = 0; j < shape->levels; j++) {
                side->cdf[i * shape->levels + j] =
                    gsl_cdf_ugaussian_P((side->dG[j] - mean) / sd);
            }
        }
    }
    return table;
}

static struct rebias_device *device_of(const struct rebias_table *table, enum rebias_rule rule,
                                       double scale, double spread)
{
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_table_device_new(&device, table, "test", rule, scale, spread, &err),
                   REBIAS_OK, &err, NULL);
    return device;
}

/* -- 2. at grid points, draw by draw -- */

enum { ENDS = 8 };

/* Words at the ends and where the float of u loses its last bit. */
static const uint32_t end_words[ENDS] = {0u,          255u,        256u,        0x7FFFFFFFu,
                                         0x80000000u, 0x80000100u, 0xFFFFFF00u, 0xFFFFFFFFu};

/* The fast path sees u = the word's upper 24 bits and entries as floats: both within 2^-25 of
 * what they stand for. So its jump lies between the plain quantiles at u -+ 2^-24, up to float
 * arithmetic on the result. Returns how many jumps, without the first ENDS, are not the plain
 * quantile at u itself. */
static size_t check_row(const struct rebias_device *device, int polarity, enum rebias_rule rule,
                        size_t row, size_t n, const uint32_t *word)
{
    const struct rebias_table_side *side = &rebias_device_table(device)->side[polarity];
    const double G = side->G[row];
    const double width = 1.01 * 0x1p-24;
    const double reach = side->dG[side->dG_count - 1];
    const double tolerance = 8e-7 * reach + 1.2e-7 * (G + reach);
    size_t differ = 0;
    for (size_t i = 0; i < n; i++) {
        float end = (float)G;
        draws_step(device, (enum rebias_polarity)polarity, 1, &word[i], &end);
        const double jump = (double)end - (double)(float)G;
        const double u = ((double)(word[i] >> 8) + 0.5) * 0x1p-24;
        const double low =
            rebias_table_quantile(side, rule, G, fmax(u - width, 0.0), NULL, NULL);
        const double high =
            rebias_table_quantile(side, rule, G, fmin(u + width, 1.0), NULL, NULL);
        if (!(jump >= low - tolerance && jump <= high + tolerance)) {
            fail_msg("row %zu, word %08x: jump %.9g is not in %.9g to %.9g", row, word[i], jump,
                     low, high);
        }
        differ += i >= ENDS &&
                  fabs(jump - rebias_table_quantile(side, rule, G, u, NULL, NULL)) > tolerance;
    }
    return differ;
}

/* Rule NEAREST: at most 1e-4 of the draws may fall where the rounding of a CDF entry decides
 * between two levels; 100 levels, each 2^-24 to either side, give 1e-5. (Rule LINEAR is
 * continuous: the bracket says all.) */
static void test_draw_by_draw(void **state)
{
    (void)state;
    enum { N = 2000 };
    uint32_t word[N];
    for (size_t s = 0; s < SHAPES; s++) {
        struct rebias_table *table = table_of(&shapes[s]);
        for (int rule = 0; rule < 2; rule++) {
            struct rebias_device *device = device_of(table, (enum rebias_rule)rule, 1.0, 0.0);
            size_t differ = 0;
            size_t draws = 0;
            for (size_t row = 0; row < shapes[s].rows;
                 row += row + 8 < shapes[s].rows ? 7 : 1) {
                draws_words((uint32_t)row, N, word);
                memcpy(word, end_words, sizeof end_words);
                differ +=
                    check_row(device, (int)(row % 2), (enum rebias_rule)rule, row, N, word);
                draws += N;
            }
            assert_true(rule == REBIAS_RULE_LINEAR || differ <= draws / 10000);
            rebias_device_free(device);
        }
        rebias_table_free(table);
    }
}

/* -- 3. anywhere, in distribution -- */

struct place {
    const struct rebias_device *device;
    enum rebias_polarity polarity;
    double G;
};

static double place_F(const void *context, double dG)
{
    const struct place *p = context;
    return p->device->model->cdf(p->device, p->polarity, p->G, dG);
}

/* Largest difference of the two rows around G: the rule LINEAR rounds their weights to 1/256,
 * by 1/512 at most. */
static double row_distance(const struct rebias_table_side *side, double G)
{
    size_t i = 0;
    while (i + 2 < side->G_count && side->G[i + 1] <= G) {
        i++;
    }
    return rebias_kolmogorov_smirnov(side->dG_count, side->cdf + i * side->dG_count,
                                     side->cdf + (i + 1) * side->dG_count);
}

/* 1e6 draws between grid points against rebias_table_cdf; a right sampler fails one of the 56
 * checks with probability 1e-7 each (and, the words being fixed, once for all). */
static void test_distribution(void **state)
{
    (void)state;
    enum { N = 1000000, AT = 301 };
    static const double where[] = {0.0371, 0.7183};
    double at[AT];
    double *jump = malloc(N * sizeof *jump);
    assert_non_null(jump);
    for (size_t s = 0; s < SHAPES; s++) {
        struct rebias_table *table = table_of(&shapes[s]);
        for (int k = 0; k < AT;
             k++) { /* the odd numbers keep clear of the levels, where floats would decide */
            at[k] = shapes[s].reach * 1.00713 * (2.0 * k / (AT - 1) - 1.00017);
        }
        for (int c = 0; c < 8; c++) {
            const enum rebias_rule rule = (enum rebias_rule)(c % 2);
            const enum rebias_polarity polarity = (enum rebias_polarity)(c / 2 % 2);
            const float G =
                (float)(shapes[s].Gmin + where[c / 4] * (shapes[s].Gmax - shapes[s].Gmin));
            struct rebias_device *device = device_of(table, rule, 1.0, 0.0);
            const struct place place = {device, polarity, (double)G};
            draws_jumps(device, polarity, G, (uint32_t)(50 + c), N, jump);
            const double rounding = rule == REBIAS_RULE_LINEAR
                                        ? row_distance(&table->side[polarity], (double)G) / 512
                                        : 0.0;
            const double distance = draws_ks(N, jump, AT, at, place_F, &place);
            if (!(distance < draws_ks_bound(N, 1e-7) + rounding + 1e-6)) {
                fail_msg("%s, case %d: KS %g", shapes[s].what, c, distance);
            }
            rebias_device_free(device);
        }
        rebias_table_free(table);
    }
    free(jump);
}

/* Drawn mean and sd against the exact sums of rebias_table_moments, both rules, 5 standard
 * errors. */
static void test_moments(void **state)
{
    (void)state;
    enum { N = 1000000 };
    double *jump = malloc(N * sizeof *jump);
    assert_non_null(jump);
    for (size_t s = 0; s < 2; s++) {
        struct rebias_table *table = table_of(&shapes[s]);
        for (int rule = 0; rule < 2; rule++) {
            struct rebias_device *device = device_of(table, (enum rebias_rule)rule, 1.0, 0.0);
            const float G = (float)(0.5 * (shapes[s].Gmin + shapes[s].Gmax));
            double mean = 0.0;
            double sd = 0.0;
            double exact_mean = 0.0;
            double exact_sd = 0.0;
            draws_jumps(device, REBIAS_SET, G, (uint32_t)(60 + rule), N, jump);
            rebias_mean_sd(N, jump, &mean, &sd);
            device->model->moments(device, REBIAS_SET, (double)G, &exact_mean, &exact_sd);
            support_close(mean, exact_mean, 0.0, 5.0 * exact_sd / sqrt(N));
            support_close(sd, exact_sd, 5.0 / sqrt(2.0 * N), 0.0);
            rebias_device_free(device);
        }
        rebias_table_free(table);
    }
    free(jump);
}

/* -- 4. uneven axes -- */

/* Not equidistant: every draw is the plain quantile of the whole 32-bit word, at any G, with
 * its scale. */
static void test_uneven_axes(void **state)
{
    (void)state;
    enum { N = 3000 };
    uint32_t word[N];
    float end[N];
    draws_words(70, N, word);
    for (int axis = 0; axis < 2; axis++) {
        struct rebias_table *table = table_of(&shapes[0]);
        for (int p = 0; p < 2; p++) {
            struct rebias_table_side *side = &table->side[p];
            if (axis == 0) {
                side->G[50] += 0.3 * (side->G[51] - side->G[50]);
            } else {
                side->dG[50] += 0.3 * (side->dG[51] - side->dG[50]);
            }
        }
        for (int c = 0; c < 4; c++) {
            const enum rebias_rule rule = (enum rebias_rule)(c % 2);
            struct rebias_device *device = device_of(table, rule, 1.5, 0.0);
            for (size_t i = 0; i < N; i++) {
                end[i] = (float)(3e-9 + 35e-9 * (double)i / N);
            }
            draws_step(device, (enum rebias_polarity)(c / 2), N, word, end);
            for (size_t i = 0; i < N; i++) {
                const float G = (float)(3e-9 + 35e-9 * (double)i / N);
                const double u = ((double)word[i] + 0.5) * 0x1p-32;
                const double jump =
                    rebias_table_quantile(&table->side[c / 2], rule, (double)G, u, NULL, NULL);
                support_close((double)end[i], (double)G + 1.5 * jump, 0.0, 1e-7 * 50e-9);
            }
            rebias_device_free(device);
        }
        rebias_table_free(table);
    }
}

/* -- 5. scale -- */

static void test_scale(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t word[N];
    draws_words(80, N, word);
    struct rebias_table *table = table_of(&shapes[1]);
    for (int rule = 0; rule < 2; rule++) {
        struct rebias_device *one = device_of(table, (enum rebias_rule)rule, 1.0, 0.0);
        struct rebias_device *half = device_of(table, (enum rebias_rule)rule, 0.5, 0.0);
        assert_false(rebias_device_has_spread(half));
        for (size_t i = 0; i < N; i++) {
            float a = 17e-6f;
            float b = 17e-6f;
            draws_step(one, REBIAS_SET, 1, &word[i], &a);
            draws_step(half, REBIAS_SET, 1, &word[i], &b);
            support_close(2.0 * ((double)b - (double)17e-6f), (double)a - (double)17e-6f, 0.0,
                          1e-11);
        }
        double mean[2];
        double sd[2];
        one->model->moments(one, REBIAS_RESET, 17e-6, &mean[0], &sd[0]);
        half->model->moments(half, REBIAS_RESET, 17e-6, &mean[1], &sd[1]);
        support_close(2.0 * mean[1], mean[0], 1e-14, 0.0);
        support_close(2.0 * sd[1], sd[0], 1e-14, 0.0);
        support_close(half->model->cdf(half, REBIAS_RESET, 17e-6, -3.17e-6),
                      one->model->cdf(one, REBIAS_RESET, 17e-6, -6.34e-6), 1e-14, 0.0);
        support_close(2.0 * rebias_device_pulse_size(half), rebias_device_pulse_size(one),
                      1e-12, 0.0);
        rebias_device_free(one);
        rebias_device_free(half);
    }
    rebias_table_free(table);
}

/* Every lane takes its own factor: jumps of lane i are factor[i] times those of scale 1, on all
 * paths of the sampler (one comparison, bisection where many levels share a cell of the guide,
 * both rules). */
static void test_scale_of_lanes(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t word[N];
    float storage[3][N];
    float one[N];
    float own[N];
    const float *coef[3] = {storage[0], storage[1], storage[2]};
    draws_words(81, N, word);
    for (int c = 0; c < 4; c++) {
        const struct shape *shape = &shapes[c / 2 == 0 ? 1 : 3];
        struct rebias_table *table = table_of(shape);
        struct rebias_device *device = device_of(table, (enum rebias_rule)(c % 2), 1.0, 0.0);
        assert_int_equal(device->model->coef_count, 3);
        const float G = (float)(0.6 * shape->Gmax);
        for (size_t i = 0; i < N; i++) {
            storage[0][i] = (float)shape->Gmin;
            storage[1][i] = (float)shape->Gmax;
            storage[2][i] = 0.5f + (float)i / N;
            one[i] = G;
            own[i] = G;
        }
        draws_step(device, REBIAS_SET, N, word, one);
        const struct rebias_lanes lanes = {N, REBIAS_SET, word, coef, 1};
        device->model->step(device, &lanes, own);
        for (size_t i = 0; i < N; i++) {
            const double factor = (double)storage[2][i];
            support_close((double)own[i] - (double)G, factor * ((double)one[i] - (double)G),
                          0.0, 2.5e-7 * (shape->Gmax + shape->reach));
        }
        rebias_device_free(device);
        rebias_table_free(table);
    }
}

static double factor_F(const void *context, double x)
{
    (void)context;
    return gsl_cdf_ugaussian_P((x - 1.0) / 0.1);
}

/* scale_d2d: the factors of 40,000 devices are N(1, 0.1), seen with a table whose every pulse
 * is dG_0 = 0.25 uS (rows of ones are one run, whose first level is dG_0; false alarm 1e-7), on
 * equidistant and on uneven axes. */
static void test_scale_spread(void **state)
{
    (void)state;
    enum { N = 40000, AT = 61 };
    static float G[N];
    static double factor[N];
    const size_t counts[2] = {3, 3};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, counts, counts, false, NULL), REBIAS_OK);
    double at[AT];
    for (int k = 0; k < AT; k++) {
        at[k] = 1.0 + 0.01 * (k - AT / 2);
    }
    for (int uneven = 0; uneven < 2; uneven++) {
        for (int p = 0; p < 2; p++) {
            for (int i = 0; i < 3; i++) {
                table->side[p].G[i] = (i + (uneven == 1 && i == 1 ? 0.5 : 0.0)) * 1e-6;
                table->side[p].dG[i] = (0.25 + i) * 1e-6;
            }
            for (int k = 0; k < 9; k++) {
                table->side[p].cdf[k] = 1.0;
            }
        }
        struct rebias_device *device = device_of(table, REBIAS_RULE_NEAREST, 1.0, 0.1);
        struct rebias_devices *devices = NULL;
        const struct rebias_stream stream = {3, REBIAS_FOR_SPREAD, 0, 0, 0};
        assert_true(rebias_device_has_spread(device));
        assert_int_equal(rebias_devices_new(&devices, device, N, &stream, NULL), REBIAS_OK);
        memset(G, 0, sizeof G);
        rebias_devices_pulse_all(devices, REBIAS_SET, G, &stream);
        for (size_t i = 0; i < N; i++) {
            factor[i] = (double)G[i] / 0.25e-6;
        }
        assert_true(draws_ks(N, factor, AT, at, factor_F, NULL) < draws_ks_bound(N, 1e-7));
        rebias_devices_free(devices);
        rebias_device_free(device);
    }
    rebias_table_free(table);
}

/* -- 6. opening -- */

/* Same jumps of 500 words from one G. */
static bool same_jumps(const struct rebias_device *a, const struct rebias_device *b)
{
    enum { N = 500 };
    uint32_t word[N];
    float x[N];
    float y[N];
    draws_words(90, N, word);
    for (size_t i = 0; i < N; i++) {
        x[i] = 11e-9f;
        y[i] = 11e-9f;
    }
    draws_step(a, REBIAS_SET, N, word, x);
    draws_step(b, REBIAS_SET, N, word, y);
    return memcmp(x, y, sizeof x) == 0;
}

static void expect_opened(const char *spec, const struct rebias_table *table,
                          enum rebias_rule rule, double scale, double spread)
{
    struct rebias_device *opened = NULL;
    struct rebias_error err = {0};
    struct rebias_device *expected = device_of(table, rule, scale, spread);
    support_expect(rebias_device_open(&opened, spec, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(opened->name, spec);
    assert_non_null(rebias_device_table(opened));
    assert_true(opened->model == &rebias_table_model);
    assert_true(same_jumps(opened, expected));
    assert_true(rebias_device_has_spread(opened) == (spread > 0.0));
    assert_memory_equal(opened->spreads, expected->spreads,
                        opened->model->param_count * sizeof(double));
    rebias_device_free(opened);
    rebias_device_free(expected);
}

static void test_open(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum rebias_rule rule;
        double scale, spread;
    } rows[] = {
        {"", REBIAS_RULE_LINEAR, 1.0, 0.0},
        {",rule=linear", REBIAS_RULE_LINEAR, 1.0, 0.0},
        {",rule=nearest", REBIAS_RULE_NEAREST, 1.0, 0.0},
        {",scale_d2d=0.1", REBIAS_RULE_LINEAR, 1.0, 0.1},
        {",scale=2.5,rule=nearest,scale_d2d=.2", REBIAS_RULE_NEAREST, 2.5, 0.2},
    };
    char file[1024];
    char prefix[1024];
    char spec[2300];
    struct rebias_table *table = table_of(&shapes[0]);
    support_scratch(file, "one,two.jt.h5"); /* a comma in the name is no option */
    support_scratch(prefix, "xb");
    snprintf(spec, sizeof spec, "xbtorch:%s", prefix);
    assert_int_equal(rebias_table_save(table, file, NULL), REBIAS_OK);
    assert_int_equal(rebias_table_save(table, spec, NULL), REBIAS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(spec, sizeof spec, "%s%s", file, rows[i].options);
        expect_opened(spec, table, rows[i].rule, rows[i].scale, rows[i].spread);
        snprintf(spec, sizeof spec, "xbtorch:%s%s", prefix, rows[i].options);
        expect_opened(spec, table, rows[i].rule, rows[i].scale, rows[i].spread);
    }
    rebias_table_free(table);
    static const char *const others[] = {"synthetic-lc", "ideal:levels=100",
                                         "tiox-1.8V:set_sd0=0"};
    for (size_t i = 0; i < 3; i++) {
        struct rebias_device *opened = NULL;
        assert_int_equal(rebias_device_open(&opened, others[i], NULL), REBIAS_OK);
        assert_null(rebias_device_table(opened));
        assert_string_equal(opened->name, others[i]);
        rebias_device_free(opened);
    }
}

static void test_open_errors(void **state)
{
    (void)state;
    static const char choices[] =
        "(expected rule=linear, rule=nearest, scale=X, scale_d2d=X or pooled=1)";
    static const struct {
        const char *spec;
        int status;
        const char *text;
    } rows[] = {
        {"xbtorch:nowhere,rule=best", REBIAS_E_NAME,
         "bad option behind a table file: 'rule=best' "},
        {"xbtorch:nowhere,rule=linear,colour=red", REBIAS_E_NAME,
         "bad option behind a table file: 'colour=red' "},
        {"xbtorch:nowhere,scale=0", REBIAS_E_NAME,
         "bad option behind a table file: 'scale=0' "},
        {"xbtorch:nowhere,scale=much", REBIAS_E_NAME,
         "bad option behind a table file: 'scale=much' "},
        {"xbtorch:nowhere,scale_d2d=-0.1", REBIAS_E_NAME,
         "bad option behind a table file: 'scale_d2d=-0.1' "},
        {"xbtorch:/nowhere/at,rule=linear", REBIAS_E_IO, "/nowhere/at_set_axis_level_G.txt"},
        {"/nowhere/at.jt.h5", REBIAS_E_IO, "/nowhere/at.jt.h5"},
        {"/nowhere/at", REBIAS_E_IO,
         "/nowhere/at: no such jump table (expected FILE.jt.h5, xbtorch:PREFIX or "
         "crosssim:PREFIX)"},
        {"memristor", REBIAS_E_NAME, "unknown device: 'memristor'"},
        {"ideal:levels=0", REBIAS_E_RANGE, "parameter levels is outside its range: '0'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_device *device = NULL;
        struct rebias_error err = {0};
        support_expect(rebias_device_open(&device, rows[i].spec, &err), rows[i].status, &err,
                       rows[i].text);
        if (i < 5) {
            support_expect(err.status, rows[i].status, &err, choices);
        }
        assert_null(device);
    }
}

static void test_device_errors(void **state)
{
    (void)state;
    struct rebias_table *table = table_of(&shapes[0]);
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    support_expect(
        rebias_table_device_new(&device, table, "t", REBIAS_RULE_LINEAR, NAN, 0.0, &err),
        REBIAS_E_RANGE, &err,
        "parameter scale is outside its range: 'nan' (expected 1e-06 to 1e+06)");
    assert_null(device);
    support_expect(
        rebias_table_device_new(&device, table, "t", REBIAS_RULE_LINEAR, 1.0, NAN, &err),
        REBIAS_E_RANGE, &err,
        "scale_d2d is outside its range: 'nan' (expected a standard deviation, 0 or more)");
    assert_null(device);
    support_expect(
        rebias_table_device_new(&device, table, "t", REBIAS_RULE_LINEAR, 1.0, -0.1, &err),
        REBIAS_E_RANGE, &err, "scale_d2d is outside its range: '-0.1'");
    assert_null(device);
    table->side[REBIAS_SET].cdf[3] = 2.0;
    support_expect(
        rebias_table_device_new(&device, table, "t", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_E_FORMAT, &err, "t: SET CDF, row 1, column 4: '2'");
    assert_null(device);
    rebias_table_free(table);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw_by_draw), cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_moments),      cmocka_unit_test(test_uneven_axes),
        cmocka_unit_test(test_scale),        cmocka_unit_test(test_scale_of_lanes),
        cmocka_unit_test(test_scale_spread), cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_errors),  cmocka_unit_test(test_device_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
