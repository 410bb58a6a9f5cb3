/* test_family_file.c - tables with their family in one file.
 * 1. saving and loading   2. files that are refused
 */
#include "family_tables.h"
#include <hdf5.h>
#include <math.h>

/* -- 1. saving and loading -- */

struct both {
    struct rebias_table *table;
    struct rebias_family *family;
};

enum { LEVELS = 21, MEMBERS = 3 };

static struct both family_of(enum rebias_family_kind kind)
{
    const double mean[MEMBERS] = {1e-7, 2e-7, 1.5e-7};
    const double sd[MEMBERS] = {2e-8, 1e-8, 3e-8};
    const size_t levels[MEMBERS] = {LEVELS, LEVELS, LEVELS};
    return (struct both){family_table(1.5e-7, 3e-8, LEVELS),
                         family_new(kind, MEMBERS, mean, sd, levels)};
}

static void free_both(struct both *both)
{
    rebias_table_free(both->table);
    rebias_family_free(both->family);
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[1024];
    char other[1024];
    support_scratch(path, "family.jt.h5");
    support_scratch(other, "again.jt.h5");
    for (int kind = 0; kind < 2; kind++) {
        struct both both = family_of((enum rebias_family_kind)kind);
        struct rebias_error err = {0};
        struct rebias_family *loaded = NULL;
        struct rebias_table *table = NULL;
        char sum[2][20];
        support_expect(rebias_family_save(both.table, both.family, path, &err), REBIAS_OK, &err,
                       NULL);
        support_expect(rebias_family_load(&loaded, path, &err), REBIAS_OK, &err, NULL);
        support_expect(rebias_table_load(&table, path, &err), REBIAS_OK, &err, NULL);
        family_same(loaded, both.family);
        family_same_table(table, both.table);
        assert_null(loaded->report);
        assert_int_equal(rebias_family_save(table, loaded, other, NULL), REBIAS_OK);
        assert_int_equal(rebias_file_checksum(path, sum[0], NULL), REBIAS_OK);
        assert_int_equal(rebias_file_checksum(other, sum[1], NULL), REBIAS_OK);
        assert_string_equal(sum[0], sum[1]);
        rebias_family_free(loaded);
        rebias_table_free(table);
        free_both(&both);
    }
}

/* A file of one table has no family, and the two ways to save it give the same bytes. */
static void test_table_alone(void **state)
{
    (void)state;
    char path[2][1024];
    char sum[2][20];
    struct both both = family_of(REBIAS_FAMILY_BOOTSTRAP);
    struct rebias_family *loaded = both.family;
    support_scratch(path[0], "one.jt.h5");
    support_scratch(path[1], "two.jt.h5");
    assert_int_equal(rebias_family_save(both.table, NULL, path[0], NULL), REBIAS_OK);
    assert_int_equal(rebias_table_save_native(both.table, path[1], NULL), REBIAS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rebias_file_checksum(path[i], sum[i], NULL), REBIAS_OK);
    }
    assert_string_equal(sum[0], sum[1]);
    assert_int_equal(rebias_family_load(&loaded, path[0], NULL), REBIAS_OK);
    assert_null(loaded);
    free_both(&both);
}

static void test_families_that_cannot_be_saved(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    struct both both = family_of(REBIAS_FAMILY_DEVICES);
    support_scratch(path, "unsaved.jt.h5");
    both.family->table[2]->side[1].G[3] *= 1.001;
    support_expect(rebias_family_save(both.table, both.family, path, &err), REBIAS_E_DATA, &err,
                   "G axes of member 2 (expected those of the pooled table)");
    both.family->table[1]->side[0].cdf[5] = 2.0;
    support_expect(rebias_family_save(both.table, both.family, path, &err), REBIAS_E_FORMAT,
                   &err, "SET CDF, row 1, column 6: '2'");
    assert_false(support_exists(path));
    support_scratch(path, "nowhere/unsaved.jt.h5");
    both.family->table[1]->side[0].cdf[5] = both.family->table[1]->side[0].cdf[4];
    both.family->table[2]->side[1].G[3] = both.table->side[1].G[3];
    support_expect(rebias_family_save(both.table, both.family, path, &err), REBIAS_E_IO, &err,
                   "cannot write: No such file or directory");
    free_both(&both);
}

/* -- 2. files that are refused -- */

/* What is done to a good file of devices' tables; it is open for writing. */
static void delete_member(hid_t file)
{
    assert_true(H5Ldelete(file, "/devices/1", H5P_DEFAULT) >= 0);
}

static void link_softly(hid_t file)
{
    delete_member(file);
    assert_true(H5Lcreate_soft("/devices/0", file, "/devices/1", H5P_DEFAULT, H5P_DEFAULT) >=
                0);
}

static void delete_side(hid_t file)
{
    assert_true(H5Ldelete(file, "/devices/2/reset", H5P_DEFAULT) >= 0);
}

static void delete_labels(hid_t file)
{
    assert_true(H5Ldelete(file, "/devices/label", H5P_DEFAULT) >= 0);
}

/* label = data of this type, n of them. */
static void replace_labels(hid_t file, hid_t type, hsize_t n, const void *data)
{
    delete_labels(file);
    hid_t space = H5Screate_simple(1, &n, NULL);
    hid_t set =
        H5Dcreate2(file, "/devices/label", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void label_fractions(hid_t file)
{
    const double label[3] = {1.0, 2.0, 2.5};
    replace_labels(file, H5T_NATIVE_DOUBLE, 3, label);
}

static void label_too_many(hid_t file)
{
    const int32_t label[4] = {1, 2, 3, 4};
    replace_labels(file, H5T_NATIVE_INT32, 4, label);
}

static void label_hundred_thousand_and_one(hid_t file)
{
    int32_t *label = calloc(100001, sizeof *label);
    assert_non_null(label);
    replace_labels(file, H5T_NATIVE_INT32, 100001, label);
    free(label);
}

static void add_second_family(hid_t file)
{
    H5Gclose(H5Gcreate2(file, "/bootstrap", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

/* Element `at` of a dataset = value. */
static void change(hid_t file, const char *name, hsize_t at, hsize_t size, double value)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    double *data = malloc(size * sizeof *data);
    assert_true(set >= 0 && data != NULL);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    data[at] = value;
    assert_true(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    free(data);
    H5Dclose(set);
}

static void spoil_cdf(hid_t file)
{
    change(file, "/devices/1/set/cdf", 30, FAMILY_ROWS * LEVELS, 1.5);
}

static void spoil_axis(hid_t file)
{
    change(file, "/devices/2/reset/G", 0, FAMILY_ROWS, 1e-12);
}

static void put_infinity(hid_t file)
{
    change(file, "/devices/0/set/dG", 20, LEVELS, INFINITY);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(hid_t file);
        const char *text;
        int status;
    } cases[] = {
        {delete_member,
         "bad.jt.h5: table is missing: '/devices/1' (expected a group for each label)",
         REBIAS_E_FORMAT},
        {link_softly, "bad.jt.h5: table is missing: '/devices/1'", REBIAS_E_FORMAT},
        {delete_side, "bad.jt.h5: dataset is missing: '/devices/2/reset/cdf'", REBIAS_E_FORMAT},
        {delete_labels, "bad.jt.h5: dataset is missing: '/devices/label'", REBIAS_E_FORMAT},
        {label_fractions, "dataset has the wrong type: '/devices/label' (expected integers)",
         REBIAS_E_FORMAT},
        {label_too_many, "bad.jt.h5: table is missing: '/devices/3'", REBIAS_E_FORMAT},
        {label_hundred_thousand_and_one,
         "bad.jt.h5: family of 100001 tables: '/devices/label' (expected at most 100000)",
         REBIAS_E_FORMAT},
        {add_second_family, "bad.jt.h5: file has the groups /bootstrap and /devices",
         REBIAS_E_FORMAT},
        {spoil_cdf, "bad.jt.h5:/devices/1: SET CDF, row 2, column 10: '1.5'", REBIAS_E_FORMAT},
        {spoil_axis,
         "bad.jt.h5: table has other G axes: '/devices/2' (expected the G axes of "
         "the file's own table)",
         REBIAS_E_FORMAT},
        {put_infinity, "value of /devices/0/set/dG (row:column) is out of range: 'inf'",
         REBIAS_E_RANGE},
    };
    char path[1024];
    struct both both = family_of(REBIAS_FAMILY_DEVICES);
    support_scratch(path, "bad.jt.h5");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rebias_error err = {0};
        struct rebias_family *family = both.family;
        struct rebias_device *device = NULL;
        assert_int_equal(rebias_family_save(both.table, both.family, path, NULL), REBIAS_OK);
        hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        assert_true(file >= 0);
        cases[i].spoil(file);
        assert_true(H5Fclose(file) >= 0);
        support_expect(rebias_family_load(&family, path, &err), cases[i].status, &err,
                       cases[i].text);
        assert_null(family);
        support_expect(rebias_device_open(&device, path, &err), cases[i].status, &err,
                       cases[i].text);
        assert_null(device);
    }
    free_both(&both);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_table_alone),
        cmocka_unit_test(test_families_that_cannot_be_saved),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
