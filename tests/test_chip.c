/* test_chip.c - chips: import of measured maps, counts, clean positions, synthetic defects.
 * 1. helpers   2. the measured chip   3. counts by hand   4. malformed maps   5. synthetic
 * chips
 */
#include "support.h"

#include "rebias/chip.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

static struct rebias_chip *import(size_t count, const char *const *paths)
{
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    support_expect(rebias_chip_import(&chip, count, paths, 1.0, 300e-6, 60e-6, &err), REBIAS_OK,
                   &err, NULL);
    return chip;
}

enum { PUBLISHED = 14 };

/* The 14 published kernels, greedy_simple and k08 of random_rme; NULL without shared data. */
static struct rebias_chip *published(void)
{
    static const int numbers[PUBLISHED] = {27, 0, 2, 3, 9, 10, 11, 16, 17, 18, 19, 24, 25, 8};
    static char path[PUBLISHED][1024];
    const char *paths[PUBLISHED];
    for (size_t k = 0; k < PUBLISHED; k++) {
        char relative[64];
        snprintf(relative, sizeof relative, "daffodil/maps_a4b4/%s/k%02d.txt",
                 numbers[k] == 8 ? "random_rme" : "greedy_simple", numbers[k]);
        if (!support_shared(path[k], relative)) {
            return NULL;
        }
        paths[k] = path[k];
    }
    return import(PUBLISHED, paths);
}

/* -- 2. the measured chip -- */

/* Table of the defects of the published kernels, counted from the same files by another program
 * (Python's statistics): kernel, stuck high, stuck low, dead rows. */
static void test_published_defects(void **state)
{
    (void)state;
    static const struct {
        int number;
        size_t high, low;
        int dead[2];
    } table[PUBLISHED] = {
        {0, 36, 50, {4, 24}},   {2, 37, 50, {20, 21}},  {3, 12, 25, {22, -1}},
        {8, 11, 50, {4, 24}},   {9, 24, 0, {-1, -1}},   {10, 19, 50, {20, 21}},
        {11, 11, 25, {22, -1}}, {16, 6, 51, {4, 24}},   {17, 9, 0, {-1, -1}},
        {18, 14, 50, {20, 21}}, {19, 12, 25, {22, -1}}, {24, 9, 52, {4, 24}},
        {25, 10, 0, {-1, -1}},  {27, 7, 25, {22, -1}}};
    struct rebias_chip *chip = published();
    if (chip == NULL) {
        return;
    }
    assert_true(chip->count == PUBLISHED && chip->columns == 25 && chip->rows == 25);
    for (size_t k = 0; k < PUBLISHED; k++) {
        struct rebias_kernel_info info;
        rebias_kernel_describe(chip, k, &info);
        assert_int_equal(chip->kernel[k].number, table[k].number);
        assert_int_equal(info.high, table[k].high);
        assert_int_equal(info.low, table[k].low);
        assert_int_equal(info.dead_columns, 0);
        size_t dead = 0;
        for (size_t i = 0; i < 2 && table[k].dead[i] >= 0; i++) {
            assert_true(rebias_kernel_row_dead(chip, k, (size_t)table[k].dead[i]));
            dead++;
        }
        assert_int_equal(info.dead_rows, dead);
    }
    struct rebias_kernel_info all;
    rebias_chip_describe(chip, &all);
    assert_int_equal(all.high, 217);
    assert_int_equal(all.low, 453);
    support_close(all.high_mean, 953.90e-6, 0.0, 0.01e-6);
    support_close(all.high_sd, 323.70e-6, 0.0, 0.01e-6);
    rebias_chip_free(chip);
}

/* Counted from the same files by another program. */
static void test_published_positions(void **state)
{
    (void)state;
    struct rebias_chip *chip = published();
    if (chip == NULL) {
        return;
    }
    assert_int_equal(rebias_chip_clean_positions(chip, 4, 12), 1265);
    assert_int_equal(rebias_chip_clean_positions(chip, 12, 6), 893);
    assert_int_equal(rebias_chip_clean_positions(chip, 6, 3), 3915);
    rebias_chip_mark(chip, 1.0, -1.0);
    assert_int_equal(rebias_chip_clean_positions(chip, 4, 12), 4312); /* 14 * 22 * 14 */
    assert_int_equal(rebias_chip_clean_positions(chip, 26, 1), 0);
    assert_int_equal(rebias_chip_clean_positions(chip, 0, 1), 0);
    rebias_chip_free(chip);
}

/* Numbers of a shared text file, or NULL. */
static double *load_numbers(const char *relative, size_t count)
{
    char path[1024];
    if (!support_shared(path, relative)) {
        return NULL;
    }
    FILE *file = fopen(path, "r");
    double *values = calloc(count, sizeof *values);
    assert_true(file != NULL && values != NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fscanf(file, "%lf", &values[i]), 1);
    }
    fclose(file);
    return values;
}

/* The board's theory currents (uA) of 100 vectors are G V of the map: sum over rows of
 * G[column] [row] V[row]. The map is written in pS; the fitted line to the measured currents is
 * that of numpy.polyfit on the same files. */
static void test_published_currents(void **state)
{
    (void)state;
    char path[1024];
    double *volts = load_numbers("daffodil/derived/mac_k17_input_volts.txt", 2500);
    double *theory = load_numbers("daffodil/mac_k17/i_theory.txt", 2500);
    double *measured = load_numbers("daffodil/mac_k17/i_measured.txt", 2500);
    double *map = load_numbers("daffodil/multibit_k17/map.txt", 625);
    struct rebias_chip *chip = NULL;
    if (volts == NULL || theory == NULL || measured == NULL || map == NULL) {
        goto done;
    }
    assert_true(support_shared(path, "daffodil/multibit_k17/map.txt"));
    const char *const paths[] = {path};
    struct rebias_error err = {0};
    support_expect(rebias_chip_import(&chip, 1, paths, 1e-12, 300e-6, 60e-6, &err), REBIAS_OK,
                   &err, NULL);
    struct rebias_kernel_info info;
    rebias_kernel_describe(chip, 0, &info);
    assert_true(info.high == 27 && chip->kernel[0].number == 0);
    double t = 0.0, m = 0.0, tt = 0.0, tm = 0.0, mm = 0.0;
    for (size_t n = 0; n < 100; n++) {
        for (size_t c = 0; c < 25; c++) {
            const double given = theory[25 * n + c];
            const double seen = measured[25 * n + c];
            double exact = 0.0;
            double single = 0.0; /* with the chip's float32 conductances */
            for (size_t r = 0; r < 25; r++) {
                exact += map[25 * c + r] * 1e-6 * volts[25 * n + r];
                single += (double)chip->kernel[0].G[25 * c + r] * 1e6 * volts[25 * n + r];
            }
            support_close(exact, given, 0.0, 1e-6);
            support_close(single, given, 0.0, 1e-4);
            t += given, m += seen, tt += given * given, tm += given * seen, mm += seen * seen;
        }
    }
    const double slope = (tm - t * m / 2500.0) / (tt - t * t / 2500.0);
    const double square = slope * (tm - t * m / 2500.0) / (mm - m * m / 2500.0);
    support_close(slope, 0.954, 0.0, 0.001);
    support_close(square, 0.993, 0.0, 0.001);
done:
    rebias_chip_free(chip);
    free(volts);
    free(theory);
    free(measured);
    free(map);
}

/* -- 3. counts by hand -- */

static const char small_map[] = "# two columns of three rows, uS\n"
                                "  500e-6 100e-6   -1e-6\n"
                                "\n"
                                "700e-6\t90e-6 2e-6\r\n";

static const char flat_map[] = "1 1 1\n1e-4 1e-4 1e-4";

static void test_small_chip(void **state)
{
    (void)state;
    char first[1024], second[1024];
    support_write(first, "chip9_k7.map.txt", small_map, strlen(small_map));
    support_write(second, "k3.txt", flat_map, strlen(flat_map));
    const char *const paths[] = {first, second};
    struct rebias_chip *chip = import(2, paths);
    assert_true(chip->columns == 2 && chip->rows == 3 && chip->high == 300e-6);
    assert_true(chip->kernel[0].number == 3 && chip->kernel[1].number == 7);
    const uint8_t fault[] = {1, 0, 2, 1, 0, 2};
    assert_memory_equal(chip->kernel[1].fault, fault, sizeof fault);
    assert_true(chip->kernel[1].G[5] == 2e-6f && chip->kernel[1].G[2] == -1e-6f);
    struct rebias_kernel_info info;
    rebias_kernel_describe(chip, 1, &info);
    assert_true(info.high == 2 && info.low == 2 && info.dead_rows == 1);
    support_close(info.high_mean, 600e-6, 1e-6, 0.0);
    support_close(info.high_sd, 100e-6 * sqrt(2.0), 1e-6, 0.0);
    support_close(info.low_mean, 0.5e-6, 1e-6, 0.0);
    rebias_kernel_describe(chip, 0, &info);
    assert_true(info.high == 3 && info.low == 0 && isnan(info.low_mean));
    assert_int_equal(rebias_chip_clean_positions(chip, 1, 1), 5);
    assert_int_equal(rebias_chip_clean_positions(chip, 1, 2), 2);
    assert_int_equal(rebias_chip_clean_positions(chip, 2, 1), 1);
    rebias_chip_free(chip);
    const char *const two[] = {first, first};
    struct rebias_error err = {0};
    support_expect(rebias_chip_import(&chip, 2, two, 1.0, 3e-4, 6e-5, &err), REBIAS_E_DATA,
                   &err, "two of the maps are of kernel 7");
    assert_null(chip);
}

/* -- 4. malformed maps -- */

static void test_malformed_maps(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"1 2\n3 x\n", "2:2: not a conductance: 'x' (expected a finite number)"},
        {"1 nan\n", "1:2: not a conductance: 'nan'"},
        {"inf 1\n", "1:1: not a conductance: 'inf'"},
        {"1 1e300\n", "1:2: not a conductance: '1e300'"},
        {"1 2\n3 4 5\n", "2: the line holds 3 numbers (expected 2, as in the lines before)"},
        {"1 2\n3\n", "2: the line holds 1 numbers (expected 2, as in the lines before)"},
        {"# nothing\n\n", "the file holds no map (expected lines of numbers"},
        {"1 2 3\n", "the map has 1 lines of 3 numbers (expected 2 lines of 3, as in the first"},
    };
    char good[1024], path[1024];
    support_write(good, "k1.txt", small_map, strlen(small_map));
    struct rebias_chip *chip = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rebias_error err = {0};
        support_write(path, "k2.txt", cases[i].text, strlen(cases[i].text));
        const char *const paths[] = {good, path};
        const int status = rebias_chip_import(&chip, 2, paths, 1.0, 3e-4, 6e-5, &err);
        support_expect(status, REBIAS_E_FORMAT, &err, cases[i].message);
        assert_null(chip);
    }
    struct rebias_error err = {0};
    const char *const paths[] = {good};
    support_write(path, "k99999999999.txt", small_map, strlen(small_map));
    const char *const far[] = {path};
    support_expect(rebias_chip_import(&chip, 1, far, 1.0, 3e-4, 6e-5, &err), REBIAS_E_NAME,
                   &err, "the file's name holds no number of a kernel: 'k99999999999.txt'");
    support_write(path, "k4.txt", "1 2\0 3\n", 7);
    const char *const nul[] = {path};
    support_expect(rebias_chip_import(&chip, 1, nul, 1.0, 3e-4, 6e-5, &err), REBIAS_E_FORMAT,
                   &err, "this is no text");
    support_expect(rebias_chip_import(&chip, 1, paths, 0.0, 3e-4, 6e-5, &err), REBIAS_E_RANGE,
                   &err, "maps cannot be scaled by 0 (above 0)");
    support_expect(rebias_chip_import(&chip, 1, paths, 1.0, 6e-5, 3e-4, &err), REBIAS_E_RANGE,
                   &err, "thresholds 6e-05 S (high) and 0.0003 S (low) contradict each other");
    support_expect(rebias_chip_import(&chip, 1, paths, 1.0, (double)NAN, 0.0, &err),
                   REBIAS_E_RANGE, &err, "contradict");
    support_expect(rebias_chip_import(&chip, 0, paths, 1.0, 3e-4, 6e-5, &err), REBIAS_E_DATA,
                   &err, "a chip needs at least one map");
    support_expect(rebias_chip_new(&chip, 1000, 1000, 1000, &err), REBIAS_E_RANGE, &err,
                   "a chip of 1000 kernels of 1000 columns x 1000 rows is not possible");
    assert_null(chip);
}

/* -- 5. synthetic chips -- */

/* Counts within 5 sd of the binomial (two-sided false alarm 6e-7 each), values of the cut
 * normal distribution against its mean (5 standard errors); fixed seed. */
static void test_synthetic_statistics(void **state)
{
    (void)state;
    struct rebias_chip_options options = rebias_chip_options_defaults();
    struct rebias_chip *chip = NULL;
    options.count = 20;
    options.columns = 100;
    options.rows = 101;
    options.stuck_low = 0.05;
    const double n = 20.0 * 100.0 * 101.0;
    assert_int_equal(rebias_chip_synthesize(&chip, &options, NULL), REBIAS_OK);
    struct rebias_kernel_info info;
    rebias_chip_describe(chip, &info);
    support_close((double)info.high, 0.025 * n, 0.0, 5.0 * sqrt(n * 0.025 * 0.975));
    support_close((double)info.low, 0.05 * n, 0.0, 5.0 * sqrt(n * 0.05 * 0.95));
    /* N(950, 320) cut at 300 and 1700: alpha = -2.03125, beta = 2.34375; mean 950 + 320
     * (phi(alpha) - phi(beta))/(Phi(beta) - Phi(alpha)) = 958.29 uS, sd 291.75 uS. */
    support_close(info.high_mean, 958.29e-6, 0.0, 5.0 * 291.75e-6 / sqrt(0.025 * n));
    support_close(info.high_sd, 291.75e-6, 0.05, 0.0);
    for (size_t k = 0; k < chip->count; k++) {
        for (size_t i = 0; i < 100 * 101; i++) {
            const double G = (double)chip->kernel[k].G[i];
            const uint8_t fault = chip->kernel[k].fault[i];
            assert_true(fault == REBIAS_WORKING      ? G == (double)(float)133.33e-6
                        : fault == REBIAS_STUCK_HIGH ? G > 299.99e-6 && G < 1700.01e-6
                                                     : G > -30.01e-6 && G < 60.01e-6);
        }
    }
    rebias_chip_free(chip);
}

static void test_dead_rows_and_constants(void **state)
{
    (void)state;
    static const uint32_t row[] = {4, 0};
    static const uint32_t group[] = {1, 0};
    struct rebias_chip_options options = rebias_chip_options_defaults();
    struct rebias_chip *chip = NULL;
    struct rebias_chip *again = NULL;
    options.count = 4;
    options.columns = 3;
    options.rows = 5;
    options.stuck_high = 0.0;
    options.low = (struct rebias_stuck_values){10e-6, 0.0, 10e-6, 10e-6};
    options.dead_count = 2;
    options.dead_row = row;
    options.dead_group = group;
    options.group_size = 2;
    assert_int_equal(rebias_chip_synthesize(&chip, &options, NULL), REBIAS_OK);
    for (size_t k = 0; k < 4; k++) {
        struct rebias_kernel_info info;
        rebias_kernel_describe(chip, k, &info);
        assert_true(info.low == 3 && info.dead_rows == 1 && info.high == 0);
        assert_true(rebias_kernel_row_dead(chip, k, k % 2 == 1 ? 4 : 0));
        support_close(info.low_mean, 10e-6, 1e-6, 0.0);
    }
    options.stuck_high = 1.0;
    assert_int_equal(rebias_chip_synthesize(&again, &options, NULL), REBIAS_OK);
    struct rebias_kernel_info info;
    rebias_chip_describe(again, &info);
    assert_true(info.high == 48 && info.low == 12);
    rebias_chip_free(again);
    rebias_chip_free(chip);
}

/* A kernel is the same in chips of any number of kernels, and differs by replicate. */
static void test_synthetic_addresses(void **state)
{
    (void)state;
    struct rebias_chip_options options = rebias_chip_options_defaults();
    struct rebias_chip *chip[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < 3; i++) {
        options.count = i == 0 ? 32 : 5;
        options.replicate = i == 2;
        options.stuck_low = 0.05;
        assert_int_equal(rebias_chip_synthesize(&chip[i], &options, NULL), REBIAS_OK);
    }
    assert_memory_equal(chip[0]->kernel[4].G, chip[1]->kernel[4].G, 625 * sizeof(float));
    assert_memory_not_equal(chip[2]->kernel[4].G, chip[1]->kernel[4].G, 625 * sizeof(float));
    assert_memory_not_equal(chip[1]->kernel[3].G, chip[1]->kernel[4].G, 625 * sizeof(float));
    for (size_t i = 0; i < 3; i++) {
        rebias_chip_free(chip[i]);
    }
}

static void refuse_options(const struct rebias_chip_options *options, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    support_expect(rebias_chip_synthesize(&chip, options, &err), REBIAS_E_RANGE, &err, message);
    assert_null(chip);
}

static void test_bad_options(void **state)
{
    (void)state;
    static const uint32_t twenty_five[] = {25};
    static const uint32_t zero[] = {0};
    struct rebias_chip_options options = rebias_chip_options_defaults();
    options.stuck_high = 0.6;
    options.stuck_low = 0.5;
    refuse_options(&options, "stuck fractions 0.6 (high) and 0.5 (low) are not possible");
    options.stuck_high = (double)NAN;
    refuse_options(&options, "stuck fractions nan");
    options = rebias_chip_options_defaults();
    options.high.sd = -1.0;
    refuse_options(&options, "values of devices stuck high, N(0.00095, -1) S cut at 0.0003");
    options = rebias_chip_options_defaults();
    options.low = (struct rebias_stuck_values){1.0, 0.0, 2.0, 3.0};
    refuse_options(&options, "values of devices stuck low, N(1, 0) S cut at 2 and 3 S");
    options = rebias_chip_options_defaults();
    options.working = (double)INFINITY;
    refuse_options(&options, "working devices cannot read inf S");
    options = rebias_chip_options_defaults();
    options.count = 0;
    refuse_options(&options, "a chip of 0 kernels of 25 columns x 25 rows is not possible");
    options = rebias_chip_options_defaults();
    options.replicate = 1u << 24;
    refuse_options(&options, "replicate 16777216 is not below 2^24");
    options = rebias_chip_options_defaults();
    options.dead_count = 1;
    options.dead_row = twenty_five;
    options.dead_group = zero;
    refuse_options(&options, "dead row 25 of group 0 is outside 25 rows of 1 groups");
    options.group_size = 0;
    refuse_options(&options, "dead rows need groups of at least one kernel");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_defects),
        cmocka_unit_test(test_published_positions),
        cmocka_unit_test(test_published_currents),
        cmocka_unit_test(test_small_chip),
        cmocka_unit_test(test_malformed_maps),
        cmocka_unit_test(test_synthetic_statistics),
        cmocka_unit_test(test_dead_rows_and_constants),
        cmocka_unit_test(test_synthetic_addresses),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
