/* test_chip_file.c - chips as HDF5 files.
 * 1. round trip   2. malformed files
 */
#include "support.h"

#include "base/hdf5_file.h"
#include "rebias/chip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. round trip -- */

static void test_round_trip(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_chip_options options = rebias_chip_options_defaults();
    struct rebias_chip *chip = NULL;
    struct rebias_chip *back = NULL;
    char path[1024];
    options.count = 3;
    options.columns = 4;
    options.rows = 7;
    options.stuck_low = 0.3;
    support_expect(rebias_chip_synthesize(&chip, &options, &err), REBIAS_OK, &err, NULL);
    chip->kernel[0].number = 17;
    chip->kernel[1].number = 4;
    rebias_chip_mark(chip, 290e-6, 70e-6);
    assert_int_equal(rebias_copy_text(&chip->provenance, "made by hand\n", &err), REBIAS_OK);
    support_scratch(path, "chip.h5");
    support_expect(rebias_chip_save(chip, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_chip_load(&back, path, &err), REBIAS_OK, &err, NULL);
    assert_true(back->count == 3 && back->columns == 4 && back->rows == 7);
    assert_true(back->high == 290e-6 && back->low == 70e-6);
    assert_string_equal(back->provenance, "made by hand\n");
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(back->kernel[k].number, chip->kernel[k].number);
        assert_memory_equal(back->kernel[k].fault, chip->kernel[k].fault, 28);
        assert_memory_equal(back->kernel[k].G, chip->kernel[k].G, 28 * sizeof(float));
    }
    rebias_chip_free(back);
    free(chip->provenance);
    chip->provenance = NULL;
    support_expect(rebias_chip_save(chip, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_chip_load(&back, path, &err), REBIAS_OK, &err, NULL);
    assert_null(back->provenance);
    rebias_chip_free(back);
    rebias_chip_free(chip);
}

/* -- 2. malformed files -- */

/* What a file of 2 kernels of 2 x 2 holds; one thing at a time is spoiled. */
struct content {
    double columns, rows;
    size_t devices;
    int32_t fault[8], number[2];
    bool with_G, with_high;
};

static const struct content good = {2.0, 2.0, 4, {0, 1, 2, 0, 0, 0, 2, 1}, {5, 6}, true, true};

static void write_content(char path[1024], const struct content *content)
{
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    float G[8] = {1e-4f, 2e-4f, 3e-4f, 4e-4f, 5e-4f, 6e-4f, 7e-4f, 8e-4f};
    int32_t fault[8];
    int32_t number[2];
    memcpy(fault, content->fault, sizeof fault);
    memcpy(number, content->number, sizeof number);
    const struct rebias_hdf5_array faults = {
        REBIAS_HDF5_INT32, 2, {2, content->devices}, fault};
    const struct rebias_hdf5_array conductances = {REBIAS_HDF5_FLOAT, 2, {2, 4}, G};
    const struct rebias_hdf5_array numbers = {REBIAS_HDF5_INT32, 1, {2, 1}, number};
    support_scratch(path, "chip.h5");
    assert_int_equal(rebias_hdf5_create(&file, path, &err), REBIAS_OK);
    rebias_hdf5_write(file, "/fault", &faults, &err);
    if (content->with_G) {
        rebias_hdf5_write(file, "/G", &conductances, &err);
    }
    rebias_hdf5_write(file, "/number", &numbers, &err);
    rebias_hdf5_write_number(file, "/", "columns", content->columns, &err);
    rebias_hdf5_write_number(file, "/", "rows", content->rows, &err);
    rebias_hdf5_write_number(file, "/", "low", 0.0, &err);
    if (content->with_high) {
        rebias_hdf5_write_number(file, "/", "high", 0.0, &err);
    }
    assert_int_equal(rebias_hdf5_close(file, &err), REBIAS_OK);
}

static void refuse(const struct content *content, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    char path[1024];
    write_content(path, content);
    support_expect(rebias_chip_load(&chip, path, &err), REBIAS_E_FORMAT, &err, message);
    assert_null(chip);
}

static void test_malformed_files(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    struct content bad = good;
    char path[1024];
    write_content(path, &good);
    support_expect(rebias_chip_load(&chip, path, &err), REBIAS_OK, &err, NULL);
    assert_true(chip->kernel[1].number == 6 && chip->kernel[1].fault[3] == 1);
    rebias_chip_free(chip);
    bad.fault[6] = 3;
    refuse(&bad, "2:3: bad state of a device: 3: '/fault' (expected 0 (works), 1 (stuck high)");
    bad = good;
    bad.number[1] = 5;
    refuse(&bad, "bad number of a kernel: 5: '/number' (expected numbers from 0, each of one");
    bad.number[1] = -1;
    refuse(&bad, "bad number of a kernel: -1");
    bad = good;
    bad.rows = 3.0;
    refuse(&bad, "kernels have 4 devices: '/fault' (expected 2 columns x 3 rows in each)");
    bad.rows = 0.5;
    refuse(&bad,
           "bad attribute of a chip: 0.5: 'rows' (expected a whole number from 1 to 1e8)");
    bad = good;
    bad.columns = 1e9;
    refuse(&bad, "bad attribute of a chip: 1e+09: 'columns'");
    bad = good;
    bad.devices = 2;
    bad.rows = 1.0;
    refuse(&bad, "/G");
    bad = good;
    bad.with_G = false;
    refuse(&bad, "/G");
    bad = good;
    bad.with_high = false;
    refuse(&bad, "high");
    support_write(path, "words.h5", "no HDF5", 7);
    support_expect(rebias_chip_load(&chip, path, &err), REBIAS_E_FORMAT, &err, "words.h5");
    support_scratch(path, "missing.h5");
    support_expect(rebias_chip_load(&chip, path, &err), REBIAS_E_IO, &err, "missing.h5");
    assert_null(chip);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
