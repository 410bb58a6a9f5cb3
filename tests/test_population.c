/* test_population.c - a population of jump tables as a device.
 * 1. populations   2. distribution of the mixture   3. who has which table   4. pulses
 * 5. opening   6. wrong families
 */
#include "draws.h"
#include "family_tables.h"
#include "rebias/metrics.h"
#include <stdio.h>

/* -- 1. populations -- */

/* Three unlike tables, on dG axes of different ends and lengths. */
static const double means[3] = {1e-7, 4e-7, 2.5e-7};
static const double sds[3] = {2e-8, 1e-8, 8e-8};
static const size_t levels[3] = {201, 101, 301};

static struct rebias_device *device_of(const struct rebias_family *family,
                                       enum rebias_rule rule, double scale, double spread)
{
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    support_expect(
        rebias_population_device_new(&device, family, "test", rule, scale, spread, &err),
        REBIAS_OK, &err, NULL);
    return device;
}

static struct rebias_devices *array_of(const struct rebias_device *device, size_t n,
                                       uint32_t entity)
{
    const struct rebias_stream stream = {7, REBIAS_FOR_SPREAD, 0, entity, 0};
    struct rebias_devices *devices = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_devices_new(&devices, device, n, &stream, &err), REBIAS_OK, &err,
                   NULL);
    return devices;
}

/* The member that device i must have: word i of (7, MEMBER, 0, entity, 0), in `count` equal
 * parts. */
static size_t member_of(uint32_t entity, size_t i, size_t count)
{
    const struct rebias_stream stream = {7, REBIAS_FOR_MEMBER, 0, entity, 0};
    uint32_t word = 0;
    rebias_random_words(&stream, i, 1, &word);
    return (size_t)((double)word / 4294967296.0 * (double)count);
}

/* -- 2. distribution of the mixture -- */

/* mean = average of the m_k; variance = average of s_k^2 + m_k^2 minus mean^2; F = average of
 * the F_k: from the tables' own moments and cdfs. */
static void test_mixture(void **state)
{
    (void)state;
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    for (int c = 0; c < 8; c++) {
        const enum rebias_rule rule = (enum rebias_rule)(c % 2);
        const int p = c / 2 % 2;
        const double scale = c / 4 == 0 ? 1.0 : 2.5;
        struct rebias_device *device = device_of(family, rule, scale, 0.0);
        const double G = 3.3e-6;
        double sum[3] = {0.0, 0.0, 0.0};
        for (size_t k = 0; k < 3; k++) {
            const struct rebias_table_side *side = &family->table[k]->side[p];
            double mean = 0.0;
            double sd = 0.0;
            rebias_table_moments(side, rule, G, &mean, &sd);
            sum[0] += scale * mean / 3.0;
            sum[1] += scale * scale * (sd * sd + mean * mean) / 3.0;
            sum[2] += rebias_table_cdf(side, rule, G, 3e-7 / scale) / 3.0;
        }
        double mean = 0.0;
        double sd = 0.0;
        device->model->moments(device, (enum rebias_polarity)p, G, &mean, &sd);
        support_close(mean, sum[0], 1e-13, 0.0);
        support_close(sd, sqrt(sum[1] - sum[0] * sum[0]), 1e-12, 0.0);
        support_close(device->model->cdf(device, (enum rebias_polarity)p, G, 3e-7), sum[2],
                      1e-13, 0.0);
        support_close(device->Gmin, 1e-6, 1e-12, 0.0);
        support_close(device->Gmax, 11e-6, 1e-12, 0.0);
        assert_false(device->model->gaussian);
        rebias_device_free(device);
    }
    rebias_family_free(family);
}

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

/* One pulse on each of 200,000 devices at a grid point follows the mixture's cdf; a right
 * sampler fails each of the four checks with probability 1e-7 (Dvoretzky-Kiefer-Wolfowitz; the
 * words being fixed, once for all). The odd points keep clear of the levels. */
static void test_draws_follow_the_mixture(void **state)
{
    (void)state;
    enum { N = 200000, AT = 401 };
    static float G[N];
    static double jump[N];
    double at[AT];
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    for (int c = 0; c < 4; c++) {
        const enum rebias_polarity polarity = (enum rebias_polarity)(c / 2);
        struct rebias_device *device = device_of(family, (enum rebias_rule)(c % 2), 1.0, 0.0);
        struct rebias_devices *devices = array_of(device, N, 0);
        const struct rebias_stream stream = {9, REBIAS_FOR_TEST, 0, 0, (uint32_t)c};
        const struct place place = {device, polarity, 6e-6};
        for (int k = 0; k < AT; k++) {
            at[k] = 8.00713e-7 * (2.0 * k / (AT - 1) - 1.00017);
        }
        for (size_t i = 0; i < N; i++) {
            G[i] = 6e-6f;
        }
        rebias_devices_pulse_all(devices, polarity, G, &stream);
        for (size_t i = 0; i < N; i++) {
            jump[i] = (double)G[i] - (double)6e-6f;
        }
        /* 1e-5: jumps are rounded as floats of 6e-6 (4.5e-13 S) and rows weighted to 1/256 */
        assert_true(draws_ks(N, jump, AT, at, place_F, &place) <
                    draws_ks_bound(N, 1e-7) + 1e-5);
        rebias_devices_free(devices);
        rebias_device_free(device);
    }
    rebias_family_free(family);
}

/* -- 3. who has which table -- */

/* Two tables whose jumps cannot be confused: every device jumps by its own table's mean in each
 * of 50 pulses, and it is the table that its word of REBIAS_FOR_MEMBER names. Half of 20,000
 * devices have either (5 standard errors of a binomial; false alarm 6e-7). Mean and sd over
 * each half's first pulses are the table's (5 standard errors). */
static void test_two_unlike_halves(void **state)
{
    (void)state;
    enum { N = 20000, PULSES = 50 };
    static const double mean[2] = {1e-8, 3e-8};
    static const double sd[2] = {4e-10, 8e-10};
    static const size_t level[2] = {201, 201};
    static float G[N];
    static float before[N];
    static double first[2][N];
    size_t count[2] = {0, 0};
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 2, mean, sd, level);
    struct rebias_device *device = device_of(family, REBIAS_RULE_LINEAR, 1.0, 0.0);
    struct rebias_devices *devices = array_of(device, N, 3);
    assert_true(rebias_device_has_spread(device));
    for (size_t i = 0; i < N; i++) {
        G[i] = 1e-6f;
    }
    for (uint32_t pulse = 0; pulse < PULSES; pulse++) {
        const struct rebias_stream stream = {7, REBIAS_FOR_PULSE, 0, 3, pulse};
        memcpy(before, G, sizeof G);
        rebias_devices_pulse_all(devices, REBIAS_SET, G, &stream);
        for (size_t i = 0; i < N; i++) {
            const double jump = (double)G[i] - (double)before[i];
            const size_t k = member_of(3, i, 2);
            assert_true((jump > 2e-8) == (k == 1));
            if (pulse == 0) {
                first[k][count[k]++] = jump;
            }
        }
    }
    support_close((double)count[0], N / 2.0, 0.0, 5.0 * sqrt(N * 0.25));
    for (size_t k = 0; k < 2; k++) {
        double m = 0.0;
        double s = 0.0;
        rebias_mean_sd(count[k], first[k], &m, &s);
        support_close(m, mean[k], 0.0, 5.0 * sd[k] / sqrt((double)count[k]));
        support_close(s, sd[k], 5.0 / sqrt(2.0 * (double)count[k]), 0.0);
    }
    rebias_devices_free(devices);
    rebias_device_free(device);
    rebias_family_free(family);
}

/* Members do not depend on the array's length; other arrays (entities) draw others; the factors
 * of scale_d2d are drawn besides. */
static void test_members_of_arrays(void **state)
{
    (void)state;
    enum { N = 5000 };
    static float G[4][N];
    static const double mean[2] = {1e-8, 3e-8};
    static const double sd[2] = {4e-11, 8e-11};
    static const size_t level[2] = {201, 201};
    const struct rebias_stream stream = {7, REBIAS_FOR_PULSE, 0, 0, 0};
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 2, mean, sd, level);
    struct rebias_device *device[2] = {device_of(family, REBIAS_RULE_NEAREST, 1.0, 0.0),
                                       device_of(family, REBIAS_RULE_NEAREST, 2.0, 0.05)};
    struct rebias_devices *devices[4] = {array_of(device[0], N, 0),
                                         array_of(device[0], 1030, 0),
                                         array_of(device[0], N, 1), array_of(device[1], N, 0)};
    size_t same = 0;
    double factor[2] = {0.0, 0.0};
    for (int a = 0; a < 4; a++) {
        for (size_t i = 0; i < N; i++) {
            G[a][i] = 1e-6f;
        }
        rebias_devices_pulse_all(devices[a], REBIAS_SET, G[a], &stream);
    }
    for (size_t i = 0; i < N; i++) {
        same += (G[0][i] > 1.02e-6f) == (G[2][i] > 1.02e-6f);
        factor[0] += ((double)G[3][i] - 1e-6) / ((double)G[0][i] - 1e-6) / N;
    }
    assert_memory_equal(G[0], G[1], 1030 * sizeof(float));
    support_close((double)same, N / 2.0, 0.0, 5.0 * sqrt(N * 0.25));
    for (size_t i = 0; i < N; i++) {
        const double f = ((double)G[3][i] - 1e-6) / ((double)G[0][i] - 1e-6) - factor[0];
        factor[1] += f * f / N;
    }
    support_close(factor[0], 2.0, 0.0, 5.0 * 0.05 / sqrt(N));
    support_close(sqrt(factor[1]), 0.05, 5.0 / sqrt(2.0 * N), 2e-4);
    for (int a = 0; a < 4; a++) {
        rebias_devices_free(devices[a]);
    }
    rebias_device_free(device[0]);
    rebias_device_free(device[1]);
    rebias_family_free(family);
}

/* -- 4. pulses -- */

enum { LANES = 1000 };

static float start_of(size_t i)
{
    return (float)(0.9e-6 + 10.2e-6 * (double)i / LANES);
}

/* One pulse on every lane; lane i has member i % 3. */
static void step_mixed(const struct rebias_family *family, enum rebias_rule rule,
                       enum rebias_polarity polarity, const uint32_t *word, float *G)
{
    static float coef[4][LANES];
    const float *const pointers[4] = {coef[0], coef[1], coef[2], coef[3]};
    const struct rebias_lanes lanes = {LANES, polarity, word, pointers, 1};
    struct rebias_device *device = device_of(family, rule, 1.0, 0.0);
    for (size_t i = 0; i < LANES; i++) {
        G[i] = start_of(i);
        coef[2][i] = 1.5f;
        coef[3][i] = (float)(i % 3);
    }
    device->model->step(device, &lanes, G);
    rebias_device_free(device);
}

/* Equidistant axes: lane by lane the very floats that a device of the member's table alone
 * gives. */
static void test_lanes_are_the_members(void **state)
{
    (void)state;
    static uint32_t word[LANES];
    float mixed[LANES];
    float alone[LANES];
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    draws_words(5, LANES, word);
    for (int c = 0; c < 4; c++) {
        const enum rebias_rule rule = (enum rebias_rule)(c % 2);
        const enum rebias_polarity polarity = (enum rebias_polarity)(c / 2);
        step_mixed(family, rule, polarity, word, mixed);
        for (size_t k = 0; k < 3; k++) {
            struct rebias_device *one = NULL;
            assert_int_equal(
                rebias_table_device_new(&one, family->table[k], "one", rule, 1.5, 0.0, NULL),
                REBIAS_OK);
            for (size_t i = 0; i < LANES; i++) {
                alone[i] = start_of(i);
            }
            draws_step(one, polarity, LANES, word, alone);
            for (size_t i = k; i < LANES; i += 3) {
                assert_true(mixed[i] == alone[i]);
            }
            rebias_device_free(one);
        }
    }
    rebias_family_free(family);
}

/* Uneven axes (G of all, or dG of one member): every jump is the plain quantile of the member's
 * table at the whole 32-bit word. */
static void test_uneven_members(void **state)
{
    (void)state;
    static uint32_t word[LANES];
    float mixed[LANES];
    draws_words(6, LANES, word);
    for (int c = 0; c < 8; c++) {
        const enum rebias_rule rule = (enum rebias_rule)(c % 2);
        const enum rebias_polarity polarity = (enum rebias_polarity)(c / 2 % 2);
        struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
        for (size_t k = 0; k < 3 && c / 4 == 0; k++) {
            family->table[k]->side[polarity].G[4] += 2e-7;
        }
        if (c / 4 == 1) {
            double *dG = family->table[1]->side[polarity].dG;
            dG[50] += 0.3 * (dG[51] - dG[50]);
        }
        step_mixed(family, rule, polarity, word, mixed);
        for (size_t i = 0; i < LANES; i++) {
            const double u = ((double)word[i] + 0.5) * 0x1p-32;
            const double jump = rebias_table_quantile(&family->table[i % 3]->side[polarity],
                                                      rule, (double)start_of(i), u, NULL, NULL);
            support_close((double)mixed[i], (double)start_of(i) + 1.5 * jump, 2e-7, 0.0);
        }
        rebias_family_free(family);
    }
}

/* Dense, counted and scattered calls give the same bytes, as for any model. */
static void test_calls_agree(void **state)
{
    (void)state;
    enum { N = 3000 };
    static float G[3][N];
    static int16_t count[N];
    static uint32_t index[N];
    const struct rebias_stream stream = {7, REBIAS_FOR_PULSE, 0, 0, 8};
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    struct rebias_device *device = device_of(family, REBIAS_RULE_LINEAR, 1.0, 0.1);
    struct rebias_devices *devices = array_of(device, N, 0);
    for (uint32_t i = 0; i < N; i++) {
        G[0][i] = G[1][i] = G[2][i] = 5e-6f;
        count[i] = 1;
        index[i] = i;
    }
    rebias_devices_pulse_all(devices, REBIAS_SET, G[0], &stream);
    rebias_devices_pulse(devices, G[1], count, &stream);
    rebias_devices_pulse_some(devices, 1111, index, count, G[2], &stream);
    rebias_devices_pulse_some(devices, N - 1111, index + 1111, count + 1111, G[2], &stream);
    assert_memory_equal(G[0], G[1], sizeof G[0]);
    assert_memory_equal(G[0], G[2], sizeof G[0]);
    rebias_devices_free(devices);
    rebias_device_free(device);
    rebias_family_free(family);
}

/* -- 5. opening -- */

static void expect_model(const char *path, const char *options,
                         const struct rebias_device_model *model, double scale)
{
    char spec[1100];
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    double mean = 0.0;
    double sd = 0.0;
    snprintf(spec, sizeof spec, "%s%s", path, options);
    support_expect(rebias_device_open(&device, spec, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(device->name, spec);
    assert_true(device->model == model);
    assert_int_equal(rebias_device_table(device) != NULL, model == &rebias_table_model);
    device->model->moments(device, REBIAS_SET, 1e-6, &mean, &sd);
    /* at the first row: the pooled table's mean, or that of the three */
    support_close(mean, scale * (model == &rebias_table_model ? 9e-7 : 2.5e-7), 1e-6, 0.0);
    assert_true(device->values[2] == (strstr(options, "nearest") != NULL ? 1.0 : 0.0));
    rebias_device_free(device);
}

static void test_open(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_table *pooled = family_table(9e-7, 1e-8, 101);
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    support_scratch(path, "population.jt.h5");
    assert_int_equal(rebias_family_save(pooled, family, path, NULL), REBIAS_OK);
    expect_model(path, "", &rebias_population_model, 1.0);
    expect_model(path, ",rule=nearest", &rebias_population_model, 1.0);
    expect_model(path, ",scale=2,scale_d2d=0.1", &rebias_population_model, 2.0);
    expect_model(path, ",pooled=0", &rebias_population_model, 1.0);
    expect_model(path, ",pooled=1", &rebias_table_model, 1.0);
    expect_model(path, ",rule=nearest,pooled=1", &rebias_table_model, 1.0);
    family->kind = REBIAS_FAMILY_BOOTSTRAP; /* how far the table is known: no population */
    assert_int_equal(rebias_family_save(pooled, family, path, NULL), REBIAS_OK);
    expect_model(path, "", &rebias_table_model, 1.0);
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_device_open(&device, "x.jt.h5,pooled=yes", &err), REBIAS_E_NAME, &err,
                   "bad option behind a table file: 'pooled=yes'");
    assert_null(device);
    rebias_table_free(pooled);
    rebias_family_free(family);
}

/* -- 6. wrong families -- */

static void test_errors(void **state)
{
    (void)state;
    struct rebias_family *family = family_new(REBIAS_FAMILY_DEVICES, 3, means, sds, levels);
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    support_expect(
        rebias_population_device_new(&device, family, "p", REBIAS_RULE_LINEAR, 0.0, 0.0, &err),
        REBIAS_E_RANGE, &err, "parameter scale is outside its range: '0'");
    assert_null(device);
    family->table[2]->side[REBIAS_RESET].G[10] *= 1.01;
    support_expect(
        rebias_population_device_new(&device, family, "p", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_E_DATA, &err, "table 2 of the population p has other G axes than table 0");
    assert_null(device);
    family->table[1]->side[REBIAS_SET].cdf[7] = -1.0;
    support_expect(
        rebias_population_device_new(&device, family, "p", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_E_FORMAT, &err, "p: SET CDF, row 1, column 8: '-1'");
    assert_null(device);
    rebias_family_free(family);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_draws_follow_the_mixture),
        cmocka_unit_test(test_two_unlike_halves),
        cmocka_unit_test(test_members_of_arrays),
        cmocka_unit_test(test_lanes_are_the_members),
        cmocka_unit_test(test_uneven_members),
        cmocka_unit_test(test_calls_agree),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
