/* test_hdf5_file.c - the HDF5 wrapper: arrays of each type, texts, wrong requests, whole or not
 * at all.
 * 1. arrays   2. attributes   3. refusals   4. files
 */
#include "base/hdf5_file.h"
#include "support.h"
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rebias_hdf5 *created(char path[1024], const char *name)
{
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    support_scratch(path, name);
    support_expect(rebias_hdf5_create(&file, path, &err), REBIAS_OK, &err, NULL);
    return file;
}

/* Publishes the file and opens it for reading. */
static struct rebias_hdf5 *reopened(struct rebias_hdf5 *file, const char *path)
{
    struct rebias_error err = {0};
    support_expect(rebias_hdf5_close(file, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_hdf5_open(&file, path, &err), REBIAS_OK, &err, NULL);
    return file;
}

static void write_doubles(struct rebias_hdf5 *file, const char *name, double *data, size_t rows,
                          size_t columns)
{
    struct rebias_error err = {0};
    const struct rebias_hdf5_array array = {
        REBIAS_HDF5_DOUBLE, columns > 0 ? 2 : 1, {rows, columns}, data};
    support_expect(rebias_hdf5_write(file, name, &array, &err), REBIAS_OK, &err, NULL);
}

/* -- 1. arrays -- */

static void test_arrays_survive(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    struct rebias_hdf5 *file = created(path, "arrays.h5");
    float floats[6] = {1.5F, -2.0F, 3.25F, 1e-38F, 5.0F, 0.1F};
    int32_t integers[3] = {INT32_MIN, 0, INT32_MAX};
    const struct rebias_hdf5_array as_float = {REBIAS_HDF5_FLOAT, 2, {2, 3}, floats};
    const struct rebias_hdf5_array as_int = {REBIAS_HDF5_INT32, 1, {3, 0}, integers};
    assert_int_equal(rebias_hdf5_group(file, "/layers", &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write(file, "/layers/0.weight", &as_float, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write(file, "/counts", &as_int, &err), REBIAS_OK);
    file = reopened(file, path);
    float read_floats[6] = {0};
    double read_doubles[6] = {0};
    int32_t read_integers[3] = {1, 1, 1};
    const struct rebias_hdf5_array into_float = {REBIAS_HDF5_FLOAT, 2, {2, 3}, read_floats};
    const struct rebias_hdf5_array into_double = {REBIAS_HDF5_DOUBLE, 2, {2, 3}, read_doubles};
    const struct rebias_hdf5_array into_int = {REBIAS_HDF5_INT32, 1, {3, 0}, read_integers};
    assert_true(rebias_hdf5_exists(file, "/layers/0.weight"));
    assert_false(rebias_hdf5_exists(file, "/layers/1.weight"));
    size_t shape[2] = {0, 0};
    assert_int_equal(rebias_hdf5_shape(file, "/layers/0.weight", 2, shape, &err), REBIAS_OK);
    assert_int_equal(shape[0], 2);
    assert_int_equal(shape[1], 3);
    assert_int_equal(rebias_hdf5_read(file, "/layers/0.weight", &into_float, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_read(file, "/layers/0.weight", &into_double, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_read(file, "/counts", &into_int, &err), REBIAS_OK);
    assert_memory_equal(read_floats, floats, sizeof floats);
    assert_memory_equal(read_integers, integers, sizeof integers);
    for (size_t i = 0; i < 6; i++) {
        support_close(read_doubles[i], (double)floats[i], 0.0, 0.0);
    }
    rebias_hdf5_discard(file);
}

/* -- 2. attributes -- */

static void test_attributes_survive(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    enum { LONG = 100000 }; /* beyond the 64 kB that fit into an object header */
    char path[1024];
    char *text = NULL;
    double number = 0.0;
    assert_int_equal(rebias_alloc(&text, LONG + 1, 1, &err), REBIAS_OK);
    memset(text, 'x', LONG);
    struct rebias_hdf5 *file = created(path, "attributes.h5");
    assert_int_equal(rebias_hdf5_write_text(file, "/", "provenance", text, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_text(file, "/", "empty", "", &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_number(file, "/", "seed", 0.1, &err), REBIAS_OK);
    file = reopened(file, path);
    char *read = NULL;
    assert_int_equal(rebias_hdf5_read_text(file, "/", "provenance", &read, &err), REBIAS_OK);
    assert_string_equal(read, text);
    free(read);
    assert_int_equal(rebias_hdf5_read_text(file, "/", "empty", &read, &err), REBIAS_OK);
    assert_string_equal(read, "");
    free(read);
    assert_int_equal(rebias_hdf5_read_number(file, "/", "seed", &number, &err), REBIAS_OK);
    support_close(number, 0.1, 0.0, 0.0);
    assert_true(rebias_hdf5_has_attribute(file, "/", "seed"));
    assert_false(rebias_hdf5_has_attribute(file, "/", "other"));
    support_expect(rebias_hdf5_read_text(file, "/", "seed", &read, &err), REBIAS_E_FORMAT, &err,
                   "cannot read the attribute of /: 'seed' (expected one string");
    assert_null(read);
    support_expect(rebias_hdf5_read_number(file, "/", "empty", &number, &err), REBIAS_E_FORMAT,
                   &err, "'empty' (expected one finite number)");
    rebias_hdf5_discard(file);
    free(text);
}

/* -- 3. refusals -- */

static void test_wrong_requests_are_named(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    double values[6] = {0.0, 1.0, 2.0, 3.0, NAN, 5e9};
    double large[2] = {1.0, 5e9};
    int32_t integers[2] = {7, 7};
    struct rebias_hdf5 *file = created(path, "wrong.h5");
    write_doubles(file, "/x", values, 2, 3);
    write_doubles(file, "/large", large, 2, 0);
    const struct rebias_hdf5_array again = {REBIAS_HDF5_DOUBLE, 2, {2, 3}, values};
    support_expect(
        rebias_hdf5_write(file, "/x", &again, &err), REBIAS_E_IO, &err,
        "cannot write the dataset: '/x' (expected a new name below an existing group)");
    support_expect(rebias_hdf5_group(file, "/no/such", &err), REBIAS_E_IO, &err,
                   "cannot make the group: '/no/such'");
    file = reopened(file, path);
    const struct rebias_hdf5_array turned = {REBIAS_HDF5_DOUBLE, 2, {3, 2}, values};
    const struct rebias_hdf5_array flat = {REBIAS_HDF5_DOUBLE, 1, {6, 0}, values};
    const struct rebias_hdf5_array whole = {REBIAS_HDF5_INT32, 1, {2, 0}, integers};
    size_t shape[2] = {0, 0};
    support_expect(rebias_hdf5_read(file, "/x", &turned, &err), REBIAS_E_FORMAT, &err,
                   "dataset /x has the wrong shape: '2 x 3' (expected 3 x 2)");
    support_expect(rebias_hdf5_read(file, "/x", &flat, &err), REBIAS_E_FORMAT, &err,
                   "dataset has the wrong rank: '/x' (expected an array of rank 1)");
    support_expect(rebias_hdf5_read(file, "/x", &again, &err), REBIAS_E_RANGE, &err,
                   "wrong.h5:2:2: value of /x (row:column) is out of range: 'nan' (expected a "
                   "finite number)");
    support_expect(rebias_hdf5_read(file, "/large", &whole, &err), REBIAS_E_FORMAT, &err,
                   "dataset has the wrong type: '/large' (expected integers)");
    support_expect(rebias_hdf5_shape(file, "/y", 1, shape, &err), REBIAS_E_FORMAT, &err,
                   "dataset is missing: '/y'");
    support_expect(rebias_hdf5_shape(file, "/", 1, shape, &err), REBIAS_E_FORMAT, &err,
                   "cannot open the object as a dataset: '/' (expected a dataset)");
    rebias_hdf5_discard(file);
}

/* A dataset of the given creation list, without data unless values are given. */
static void raw_dataset(hid_t file, const char *name, hid_t type, hsize_t count, hid_t creation,
                        const void *values)
{
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (values != NULL) {
        assert_true(
            H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    }
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(creation);
}

/* Each dataset is one trick of a hostile file; the library alone would read all of them. */
static void test_tricks_are_refused(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    const int64_t wide[2] = {1, INT64_C(1) << 40};
    const hsize_t chunk = 2;
    support_scratch(path, "tricks.h5");
    hid_t raw = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t external = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, "/etc/passwd", 0, H5F_UNLIMITED);
    hid_t filtered = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(filtered, 1, &chunk);
    H5Pset_scaleoffset(filtered, H5Z_SO_INT, 0);
    raw_dataset(raw, "external", H5T_STD_I64LE, 2, external, NULL);
    raw_dataset(raw, "filtered", H5T_STD_I64LE, 2, filtered, wide);
    raw_dataset(raw, "huge", H5T_STD_I64LE, 100000001, H5Pcreate(H5P_DATASET_CREATE), NULL);
    raw_dataset(raw, "unwritten", H5T_STD_I64LE, 50000000, H5Pcreate(H5P_DATASET_CREATE), NULL);
    raw_dataset(raw, "wide", H5T_STD_I64LE, 2, H5Pcreate(H5P_DATASET_CREATE), wide);
    raw_dataset(raw, "bits", H5T_STD_B8LE, 2, H5Pcreate(H5P_DATASET_CREATE), NULL);
    H5Lcreate_soft("/wide", raw, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(raw);
    static const char *const cases[][2] = {
        {"/external", "dataset refers to other files: '/external'"},
        {"/filtered", "dataset has an unsupported filter: '/filtered'"},
        {"/huge", "dataset is empty or too large: '/huge' (expected 1 to 100000000 elements)"},
        {"/unwritten", "dataset is incomplete: '/unwritten'"},
        {"/bits",
         "dataset has the wrong type: '/bits' (expected integers or floating-point numbers)"},
        {"/soft", "dataset is missing: '/soft'"},
    };
    struct rebias_hdf5 *file = NULL;
    assert_int_equal(rebias_hdf5_open(&file, path, &err), REBIAS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t shape[2] = {0, 0};
        support_expect(rebias_hdf5_shape(file, cases[i][0], 1, shape, &err), REBIAS_E_FORMAT,
                       &err, cases[i][1]);
    }
    int32_t narrow[2] = {0, 0};
    const struct rebias_hdf5_array into = {REBIAS_HDF5_INT32, 1, {2, 0}, narrow};
    support_expect(
        rebias_hdf5_read(file, "/wide", &into, &err), REBIAS_E_RANGE, &err,
        "tricks.h5:2:1: value of /wide (row:column) is out of range: '1099511627776'");
    rebias_hdf5_discard(file);
}

/* -- 4. files -- */

static void test_whole_or_not_at_all(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    struct rebias_hdf5 *file = created(path, "discarded.h5");
    rebias_hdf5_discard(file);
    assert_false(support_exists(path));
    support_scratch(path, "no/such/folder.h5");
    assert_int_equal(rebias_hdf5_create(&file, path, &err), REBIAS_OK);
    support_expect(rebias_hdf5_close(file, &err), REBIAS_E_IO, &err,
                   "cannot write: No such file or directory");
    assert_int_equal(rebias_hdf5_create(&file, "/dev/full", &err), REBIAS_OK);
    support_expect(rebias_hdf5_close(file, &err), REBIAS_E_IO, &err,
                   "/dev/full: cannot write: No space left");
    assert_int_equal(rebias_hdf5_close(NULL, &err), REBIAS_OK);
    support_expect(rebias_hdf5_open(&file, path, &err), REBIAS_E_IO, &err,
                   "cannot open: No such file");
    assert_null(file);
    support_write(path, "text.h5", "not HDF5", 8);
    support_expect(rebias_hdf5_open(&file, path, &err), REBIAS_E_FORMAT, &err,
                   "not an HDF5 file (expected an HDF5 file)");
    assert_null(file);
}

/* The application's own setting of HDF5's error printing stays. */
static herr_t keep_quiet(hid_t stack, void *data)
{
    (void)stack;
    ++*(int *)data;
    return 0;
}

static void test_error_printing_is_put_back(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    H5E_auto2_t print = NULL;
    void *data = NULL;
    int called = 0;
    H5Eset_auto2(H5E_DEFAULT, keep_quiet, &called);
    support_expect(rebias_hdf5_open(&file, "/nowhere.h5", &err), REBIAS_E_IO, &err,
                   "/nowhere.h5");
    assert_int_equal(called, 0);
    H5Eget_auto2(H5E_DEFAULT, &print, &data);
    assert_true(print == keep_quiet && data == &called);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_survive),
        cmocka_unit_test(test_attributes_survive),
        cmocka_unit_test(test_wrong_requests_are_named),
        cmocka_unit_test(test_tricks_are_refused),
        cmocka_unit_test(test_whole_or_not_at_all),
        cmocka_unit_test(test_error_printing_is_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
