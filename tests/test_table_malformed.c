/* test_table_malformed.c - jump tables that are refused, with their messages; writes that fail;
 * specifications.
 * 1. helpers   2. XBTorch   3. CrossSim   4. native   5. whole or not at all   6.
 * specifications
 */
#include "base/hdf5_file.h"
#include "rebias/table.h"
#include "support.h"
#include <glob.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- 1. helpers -- */

/* "FORMAT:" and the path of a scratch name. */
static void spec_of(char spec[1100], const char *format, const char *name)
{
    char path[1024];
    support_scratch(path, name);
    snprintf(spec, 1100, "%s%s", format, path);
}

static void expect_refused(const char *spec, int status, const char *text)
{
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    support_expect(rebias_table_load(&table, spec, &err), status, &err, text);
    assert_null(table);
}

/* Files whose names begin with the scratch name. */
static size_t count_files(const char *name)
{
    char pattern[1100];
    glob_t found;
    spec_of(pattern, "", name);
    strcat(pattern, "*");
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

enum { XBTORCH_FILES = 6 };

static const char *const xbtorch_suffixes[XBTORCH_FILES] = {
    "_set_axis_level_G.txt",   "_set_axis_level_dG.txt",   "_set_cdf.txt",
    "_reset_axis_level_G.txt", "_reset_axis_level_dG.txt", "_reset_cdf.txt",
};

/* 2 G levels, 3 dG levels, in the spellings of the published files. */
static const char *const xbtorch_texts[XBTORCH_FILES] = {
    "0.\n5.e-6\n",   "-1e-6\n0\n1e-6\n", "0.1 0.5 1.\n1e-203\t.2  1.",
    "1e-6\n4.e-6\n", "-1e-6\n1e-6",      "0 1\n0.5 0.5\n",
};

/* The six files; `text` takes the place of file number `changed` (NULL: that file is missing).
 */
static void write_xbtorch(const char *name, size_t changed, const char *text)
{
    for (size_t i = 0; i < XBTORCH_FILES; i++) {
        char path[1024];
        char file[128];
        const char *content = i == changed ? text : xbtorch_texts[i];
        snprintf(file, sizeof file, "%s%s", name, xbtorch_suffixes[i]);
        support_scratch(path, file);
        unlink(path);
        if (content != NULL) {
            support_write(path, file, content, strlen(content));
        }
    }
}

static struct rebias_table *good_table(void)
{
    char spec[1100];
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    write_xbtorch("good", XBTORCH_FILES, NULL);
    spec_of(spec, "xbtorch:", "good");
    support_expect(rebias_table_load(&table, spec, &err), REBIAS_OK, &err, NULL);
    return table;
}

/* -- 2. XBTorch -- */

static void test_xbtorch_messages(void **state)
{
    (void)state;
    static const struct {
        size_t file;
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {0, NULL, REBIAS_E_IO,
         "bad_set_axis_level_G.txt: cannot open: No such file or directory"},
        {0, "", REBIAS_E_FORMAT,
         "bad_set_axis_level_G.txt: file is empty (expected rows of numbers)"},
        {1, " \n\r\n", REBIAS_E_FORMAT, "bad_set_axis_level_dG.txt: file is empty"},
        {0, "0.\n5,e-6\n", REBIAS_E_FORMAT,
         "bad_set_axis_level_G.txt:2:1: not a number: '5,e-6' (expected a finite decimal "
         "number)"},
        {0, "0. 1\n5.e-6\n", REBIAS_E_FORMAT,
         "bad_set_axis_level_G.txt:1: 2 numbers in the row (expected 1, an axis has one on a "
         "line)"},
        {2, "0.1 0.5 1.\n0 nan 1.\n", REBIAS_E_FORMAT,
         "bad_set_cdf.txt:2:2: not a number: 'nan'"},
        {2, "0.1 0.5 1.\n\n0 0.5 1e999\n", REBIAS_E_FORMAT,
         "bad_set_cdf.txt:3:3: not a number: '1e999'"},
        {2, "0.1 0.5 1.\n0 1.\n", REBIAS_E_FORMAT,
         "bad_set_cdf.txt:2: 2 numbers in the row (expected 3, one for each dG level)"},
        {2, "0.1 0.5 1. 1.\n0 0 1.\n", REBIAS_E_FORMAT,
         "bad_set_cdf.txt:1: 4 numbers in the row (expected 3"},
        {2, "0.1 0.5 1.\n", REBIAS_E_FORMAT,
         "bad_set_cdf.txt: 1 rows (expected 2, one for each G level)"},
        {5, "0 1\n0 1\n0 1\n", REBIAS_E_FORMAT, "bad_reset_cdf.txt: 3 rows (expected 2"},
        {5, "0 1\n0.5 0.25\n", REBIAS_E_FORMAT, "RESET CDF, row 2, column 2: '0.25'"},
        {2, "0.1 0.5 1.5\n0 0 1.\n", REBIAS_E_FORMAT, "SET CDF, row 1, column 3: '1.5'"},
        {4, "1e-6\n1e-6\n", REBIAS_E_FORMAT, "RESET dG axis, entry 2"},
        {3, "-1e-6\n4e-6\n", REBIAS_E_FORMAT, "RESET G axis, entry 1"},
        {3, "6e-6\n7e-6\n", REBIAS_E_FORMAT, "do not overlap"},
    };
    char spec[1100];
    spec_of(spec, "xbtorch:", "bad");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_xbtorch("bad", cases[i].file, cases[i].text);
        expect_refused(spec, cases[i].status, cases[i].message);
    }
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    char spec[1100];
    char path[1024];
    write_xbtorch("binary", XBTORCH_FILES, NULL);
    support_write(path, "binary_set_cdf.txt", "0 0 1\n0 \0 1\n", 12);
    spec_of(spec, "xbtorch:", "binary");
    expect_refused(spec, REBIAS_E_FORMAT,
                   "binary_set_cdf.txt: file has NUL bytes (expected a text file)");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    expect_refused(spec, REBIAS_E_IO, "binary_set_cdf.txt: cannot read: Is a directory");
}

/* -- 3. CrossSim -- */

static void test_crosssim_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "bad_dG_decreasing.txt: file is empty"},
        {"header\n", "0 G levels and 0 cumulative probabilities (expected a header line, at "
                     "least 2 G levels"},
        {"header\n1,2\n", "2 G levels and 0 cumulative probabilities"},
        {"header\n1e-6,2e-6\n0,0.5,0.5\n",
         ":3:3: bad cumulative probability: '0.5' (expected ascending"},
        {"header\n1e-6,2e-6\n-0.5,1\n", ":3:1: bad cumulative probability: '-0.5'"},
        {"header\n1e-6,2e-6\n0,1.5\n", ":3:2: bad cumulative probability: '1.5'"},
        {"header\n1e-6,2e-6\n0,1\n\n1,2\n1,,\n",
         ":6:2: not a number (expected a finite decimal number)"},
        {"header\n1e-6,2e-6\n0,1\n\n1,2\n1,inf\n", ":6:2: not a number: 'inf'"},
        {"header\n1e-6,2e-6\n0,1\n1 2\n1,2\n", ":4:1: not a number: '1 2'"},
        {"header\n1e-6,2e-6\n0,1\n\n1,2\n1\n",
         ":6: 1 numbers in the row (expected 2, one for each G level)"},
        {"header\n1e-6,2e-6\n0,1\n\n1,2\n",
         "1 rows of dG (expected 2, one for each cumulative probability)"},
        {"header\n1e-6,2e-6\n0,1\n\n1,2\n1,2\n3,4\n", "3 rows of dG (expected 2"},
        {"header\n2e-6,1e-6\n0,1\n\n1,2\n1,2\n", "RESET G axis, entry 2"},
        {"header\n1e-6,2e-6\n0,1\n\n-1e308,2\n1,1e308\n",
         "jumps from -1e+308 to 1e+308 S (expected a finite range)"},
    };
    static const char good[] = "header\n1e-6,2e-6\n0,1\n-1e-6,-1e-6\n1e-6,1e-6\n";
    char spec[1100];
    char path[1024];
    spec_of(spec, "crosssim:", "bad");
    support_write(path, "bad_dG_increasing.txt", good, strlen(good));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        support_write(path, "bad_dG_decreasing.txt", cases[i].text, strlen(cases[i].text));
        struct rebias_error err = {0};
        struct rebias_table *table = NULL;
        int status = rebias_table_load(&table, spec, &err);
        assert_true(status == REBIAS_E_FORMAT || status == REBIAS_E_RANGE);
        support_expect(status, err.status, &err, cases[i].message);
        assert_null(table);
    }
}

/* All jumps alike: a point mass, so that F is 1 on the whole axis. */
static void test_crosssim_single_jump(void **state)
{
    (void)state;
    static const char text[] = "header\n1e-6,2e-6\n0.25,0.75\n3e-6,3e-6\n3e-6,3e-6\n";
    char spec[1100];
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    double mean = 0.0;
    double sd = 1.0;
    support_write(path, "alike_dG_increasing.txt", text, strlen(text));
    support_write(path, "alike_dG_decreasing.txt", text, strlen(text));
    spec_of(spec, "crosssim:", "alike");
    support_expect(rebias_table_load(&table, spec, &err), REBIAS_OK, &err, NULL);
    rebias_table_moments(&table->side[REBIAS_SET], REBIAS_RULE_LINEAR, 1e-6, &mean, &sd);
    support_close(mean, 3e-6, 1e-14, 0.0);
    support_close(sd, 0.0, 0.0, 0.0);
    rebias_table_free(table);
}

/* -- 4. native -- */

/* Every cut of a valid file is refused; the bytes beyond the last object may be padding, so
 * cuts go up to half. */
static void test_truncated_native(void **state)
{
    (void)state;
    char spec[1100];
    char path[1024];
    char *data = NULL;
    size_t size = 0;
    struct rebias_table *table = good_table();
    spec_of(spec, "", "whole.jt.h5");
    assert_int_equal(rebias_table_save(table, spec, NULL), REBIAS_OK);
    rebias_table_free(table);
    assert_int_equal(rebias_read_file(spec, 1 << 20, &data, &size, NULL), REBIAS_OK);
    static const char *const messages[] = {"not an HDF5 file", "not an HDF5 file",
                                           "the HDF5 file is damaged"};
    const size_t cuts[] = {0, 4, 8, 60, 500, size / 2, size - 1000, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        support_write(path, "cut.jt.h5", data, cuts[i]);
        expect_refused(path, REBIAS_E_FORMAT, messages[i < 2 ? i : 2]);
    }
    data[1] = 'X';
    support_write(path, "cut.jt.h5", data, size);
    expect_refused(path, REBIAS_E_FORMAT,
                   "cut.jt.h5: not an HDF5 file (expected an HDF5 file)");
    free(data);
}

/* What a hand-written file gets wrong. */
enum flaw {
    FLAW_NONE,
    FLAW_FORMAT,
    FLAW_VERSION,
    FLAW_NO_FORMAT,
    FLAW_NO_CDF,
    FLAW_RANK,
    FLAW_TYPE,
    FLAW_LENGTH,
    FLAW_NAN,
    FLAW_FALLING,
    FLAW_ONE_COUNT
};

static void hand_text(hid_t file, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, &text) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

/* A gzip-compressed, shuffled float32 dataset, as h5py's create_dataset(compression="gzip")
 * makes it. */
static void hand_dataset(hid_t file, const char *name, int rank, const hsize_t *shape,
                         const double *values)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, rank, shape);
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 4);
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t dataset =
        H5Dcreate2(file, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >=
                0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(creation);
}

static void hand_text_dataset(hid_t file, const char *name)
{
    const hsize_t three = 3;
    hid_t space = H5Screate_simple(1, &three, NULL);
    H5Dclose(H5Dcreate2(file, name, H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
}

static void hand_side(hid_t file, const char *group, enum flaw flaw)
{
    const double axis[4] = {0.0, 0.5, 1.0, 2.0}; /* exact in float32 */
    double cdf[6] = {0.0, 0.25, 1.0, 0.5, 0.5, 0.75};
    const hsize_t shape[2] = {2, 3};
    const hsize_t six = 6;
    const hsize_t dG_count = flaw == FLAW_LENGTH ? 4 : 3;
    char name[64];
    cdf[4] = flaw == FLAW_NAN ? NAN : flaw == FLAW_FALLING ? 0.25 : 0.5;
    H5Gclose(H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    snprintf(name, sizeof name, "%s/G", group);
    if (flaw == FLAW_TYPE) {
        hand_text_dataset(file, name);
    } else {
        hand_dataset(file, name, 1, shape, axis);
    }
    snprintf(name, sizeof name, "%s/dG", group);
    hand_dataset(file, name, 1, &dG_count, axis);
    snprintf(name, sizeof name, "%s/cdf", group);
    if (flaw != FLAW_NO_CDF) {
        hand_dataset(file, name, flaw == FLAW_RANK ? 1 : 2, flaw == FLAW_RANK ? &six : shape,
                     cdf);
    }
    snprintf(name, sizeof name, "%s/count", group);
    if (flaw == FLAW_ONE_COUNT) {
        hand_dataset(file, name, 1, shape, axis);
    }
}

/* As three lines of h5py would write it: texts of variable length, an integer version, float32;
 * no estimator. */
static void hand_file(char path[1024], enum flaw flaw)
{
    support_scratch(path, "hand.jt.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const int64_t version = flaw == FLAW_VERSION ? 2 : 1;
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate2(file, "format_version", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT64, &version) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    if (flaw != FLAW_NO_FORMAT) {
        hand_text(file, "format", flaw == FLAW_FORMAT ? "rebias network" : "rebias jump table");
    }
    hand_text(file, "options", "");
    hand_text(file, "provenance", "a notebook");
    hand_side(file, "/set", FLAW_NONE);
    hand_side(file, "/reset", flaw);
    H5Fclose(file);
}

static void test_hand_written_native(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    hand_file(path, FLAW_NONE);
    support_expect(rebias_table_load(&table, path, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(table->estimator, "");
    assert_string_equal(table->options, "");
    assert_string_equal(table->provenance, "a notebook");
    assert_null(table->side[REBIAS_SET].count);
    support_close(table->side[REBIAS_RESET].cdf[5], 0.75, 0.0, 0.0);
    rebias_table_free(table);
}

static void test_native_messages(void **state)
{
    (void)state;
    static const struct {
        enum flaw flaw;
        int status;
        const char *message;
    } cases[] = {
        {FLAW_NO_FORMAT, REBIAS_E_FORMAT,
         "hand.jt.h5: HDF5 file is not a jump table (expected the attribute format"},
        {FLAW_FORMAT, REBIAS_E_FORMAT, "HDF5 file is not a jump table: 'rebias network'"},
        {FLAW_VERSION, REBIAS_E_UNSUPPORTED,
         "jump table of format version 2 (expected version 1)"},
        {FLAW_NO_CDF, REBIAS_E_FORMAT, "hand.jt.h5: dataset is missing: '/reset/cdf'"},
        {FLAW_RANK, REBIAS_E_FORMAT,
         "dataset has the wrong rank: '/reset/cdf' (expected an array of rank 2)"},
        {FLAW_TYPE, REBIAS_E_FORMAT,
         "dataset has the wrong type: '/reset/G' (expected integers or floating"},
        {FLAW_LENGTH, REBIAS_E_FORMAT,
         "dataset /reset/dG has the wrong shape: '4 x 1' (expected 3 x 1)"},
        {FLAW_NAN, REBIAS_E_RANGE,
         "hand.jt.h5:2:2: value of /reset/cdf (row:column) is out of range: 'nan'"},
        {FLAW_FALLING, REBIAS_E_FORMAT, "hand.jt.h5: RESET CDF, row 2, column 2: '0.25'"},
        {FLAW_ONE_COUNT, REBIAS_E_FORMAT,
         "dataset is missing: '/set/count' (expected counts for both"},
    };
    char path[1024];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hand_file(path, cases[i].flaw);
        expect_refused(path, cases[i].status, cases[i].message);
    }
}

/* -- 5. whole or not at all -- */

static void expect_unsaved(const struct rebias_table *table, const char *spec, int status,
                           const char *text)
{
    struct rebias_error err = {0};
    support_expect(rebias_table_save(table, spec, &err), status, &err, text);
}

static void test_unwritable_places(void **state)
{
    (void)state;
    char spec[1100];
    struct rebias_table *table = good_table();
    static const char *const formats[] = {"", "xbtorch:", "crosssim:"};
    for (size_t i = 0; i < 3; i++) {
        spec_of(spec, formats[i], "no/such/folder.jt.h5");
        expect_unsaved(table, spec, REBIAS_E_IO, "cannot write: No such file or directory");
    }
    expect_unsaved(table, "/dev/full", REBIAS_E_IO,
                   "/dev/full: cannot write: No space left on device");
    rebias_table_free(table);
}

/* The last file of a set leads to a full device, or its name is taken by a folder: then none is
 * left. */
static void test_sets_of_files_are_whole(void **state)
{
    (void)state;
    static const char *const cases[2][2] = {{"xbtorch:", "set_reset_cdf.txt"},
                                            {"crosssim:", "set_dG_decreasing.txt"}};
    char spec[1100];
    char path[1024];
    struct rebias_table *table = good_table();
    for (size_t i = 0; i < 2; i++) {
        spec_of(spec, cases[i][0], "set");
        support_scratch(path, cases[i][1]);
        assert_int_equal(symlink("/dev/full", path), 0);
        expect_unsaved(table, spec, REBIAS_E_IO, "cannot write: No space left on device");
        assert_int_equal(count_files("set"), 1);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0777), 0);
        expect_unsaved(table, spec, REBIAS_E_IO, "cannot write: Is a directory");
        assert_int_equal(count_files("set"), 1);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rebias_table_save(table, spec, NULL), REBIAS_OK);
        expect_unsaved(table, spec, REBIAS_OK, NULL);
        assert_int_equal(count_files("set"), i == 0 ? 6 : 2);
        for (size_t k = 0; k < XBTORCH_FILES && i == 0; k++) {
            spec_of(spec, "", "set");
            strcat(spec, xbtorch_suffixes[k]);
            assert_int_equal(unlink(spec), 0);
        }
    }
    rebias_table_free(table);
}

/* A table that could not be loaded again is not saved. */
static void test_bad_tables_are_not_saved(void **state)
{
    (void)state;
    static const char *const formats[] = {"", "xbtorch:", "crosssim:"};
    char spec[1100];
    struct rebias_table *table = good_table();
    table->side[REBIAS_SET].cdf[1] = NAN;
    for (size_t i = 0; i < 3; i++) {
        spec_of(spec, formats[i], "unsaved");
        expect_unsaved(table, spec, REBIAS_E_FORMAT, "SET CDF, row 1, column 2: 'nan'");
    }
    table->side[REBIAS_SET].cdf[1] = 0.5;
    assert_int_equal(rebias_alloc(&table->side[REBIAS_SET].count, 2, sizeof(double), NULL),
                     REBIAS_OK);
    spec_of(spec, "", "unsaved");
    expect_unsaved(table, spec, REBIAS_E_DATA, "table has counts for one polarity only");
    assert_int_equal(count_files("unsaved"), 0);
    rebias_table_free(table);
}

/* -- 6. specifications -- */

static void test_specifications(void **state)
{
    (void)state;
    const char *prefix = NULL;
    assert_int_equal(rebias_table_format_of("xbtorch:a/b", &prefix), REBIAS_TABLE_XBTORCH);
    assert_string_equal(prefix, "a/b");
    assert_int_equal(rebias_table_format_of("crosssim:c.gz", &prefix), REBIAS_TABLE_CROSSSIM);
    assert_string_equal(prefix, "c.gz");
    assert_int_equal(rebias_table_format_of("xbtorch/a.jt.h5", &prefix), REBIAS_TABLE_NATIVE);
    assert_string_equal(prefix, "xbtorch/a.jt.h5");
    expect_refused("/nowhere/tiox_1.8V", REBIAS_E_IO,
                   "/nowhere/tiox_1.8V: no such jump table (expected FILE.jt.h5, "
                   "xbtorch:PREFIX or crosssim:PREFIX)");
    expect_refused("/nowhere/a.jt.h5", REBIAS_E_IO,
                   "/nowhere/a.jt.h5: cannot open: No such file or directory");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xbtorch_messages),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_crosssim_messages),
        cmocka_unit_test(test_crosssim_single_jump),
        cmocka_unit_test(test_truncated_native),
        cmocka_unit_test(test_hand_written_native),
        cmocka_unit_test(test_native_messages),
        cmocka_unit_test(test_unwritable_places),
        cmocka_unit_test(test_sets_of_files_are_whole),
        cmocka_unit_test(test_bad_tables_are_not_saved),
        cmocka_unit_test(test_specifications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
