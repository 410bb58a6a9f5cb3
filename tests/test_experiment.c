/* test_experiment.c - experiments as text: what a file means, and every way to get it wrong.
 * 1. helpers   2. meaning   3. overrides   4. wrong lines   5. wrong overrides
 */
#include "rebias/experiment.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

static int load(struct rebias_experiment **out, const char *text, const char *const *overrides,
                size_t count, struct rebias_error *err)
{
    char path[1024];
    support_write(path, "experiment.ini", text, strlen(text));
    return rebias_experiment_load(out, path, overrides, count, err);
}

static struct rebias_experiment *loaded(const char *text, const char *const *overrides,
                                        size_t count)
{
    struct rebias_error err = {0};
    struct rebias_experiment *e = NULL;
    support_expect(load(&e, text, overrides, count, &err), REBIAS_OK, &err, NULL);
    assert_non_null(e);
    return e;
}

/* All configurations, "key=value key=value;" each. */
static void expect_configurations(const struct rebias_experiment *e, const char *expected)
{
    char text[2048] = "";
    size_t used = 0;
    for (size_t c = 0; c < e->configurations; c++) {
        const char *value[16];
        assert_true(e->key_count <= 16);
        rebias_experiment_configuration(e, c, value);
        for (size_t k = 0; k < e->key_count; k++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%s",
                                     k > 0 ? " " : "", e->keys[k].name, value[k]);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, ";");
    }
    assert_string_equal(text, expected);
}

static const char good[] = "# a remark\n"
                           "job = bias\n"
                           "title = how many points?\n"
                           "replicates = 10\n"
                           "\n"
                           "[options]\n"
                           "images = mnist-small ; small and quick\n"
                           "[grid]\n"
                           "points = 100, 300\n"
                           "method = binning:20, kriging\n";

/* -- 2. meaning -- */

static void test_good_file(void **state)
{
    (void)state;
    struct rebias_experiment *e = loaded(good, NULL, 0);
    assert_string_equal(e->job, "bias");
    assert_string_equal(e->title, "how many points?");
    assert_int_equal(e->replicates, 10);
    assert_int_equal(e->first_replicate, 0);
    assert_int_equal(e->configurations, 4);
    assert_int_equal(e->key_count, 3);
    assert_string_equal(e->keys[0].name, "images");
    assert_int_equal(e->keys[0].line, 7);
    assert_false(e->keys[0].grid);
    assert_string_equal(e->keys[1].name, "method");
    assert_int_equal(e->keys[1].line, 10);
    assert_true(e->keys[1].grid);
    /* keys ascend; the last one varies fastest */
    expect_configurations(e, "images=mnist-small method=binning:20 points=100;"
                             "images=mnist-small method=binning:20 points=300;"
                             "images=mnist-small method=kriging points=100;"
                             "images=mnist-small method=kriging points=300;");
    rebias_experiment_free(e);
}

static void test_smallest_file(void **state)
{
    (void)state;
    struct rebias_experiment *e = loaded("job=train", NULL, 0);
    assert_string_equal(e->job, "train");
    assert_string_equal(e->title, "");
    assert_int_equal(e->replicates, 1);
    assert_int_equal(e->key_count, 0);
    expect_configurations(e, ";");
    rebias_experiment_free(e);
    rebias_experiment_free(NULL);
}

/* A comma without a blank belongs to the value. */
static void test_commas(void **state)
{
    (void)state;
    struct rebias_experiment *e =
        loaded("job = train\n[options]\nrate = 0.1,0.2\n[grid]\n"
               "device = gaussian:mean=1e-9,sd=1e-10, tiox-1.5V\nlayers=784,10 ,\t784,50,10\n",
               NULL, 0);
    expect_configurations(e, "device=gaussian:mean=1e-9,sd=1e-10 layers=784,10 rate=0.1,0.2;"
                             "device=gaussian:mean=1e-9,sd=1e-10 layers=784,50,10 rate=0.1,0.2;"
                             "device=tiox-1.5V layers=784,10 rate=0.1,0.2;"
                             "device=tiox-1.5V layers=784,50,10 rate=0.1,0.2;");
    rebias_experiment_free(e);
}

/* A list goes on behind a comma; other indentation, remarks and carriage returns mean nothing.
 */
static void test_lines(void **state)
{
    (void)state;
    struct rebias_experiment *e =
        loaded("\xef\xbb\xbf  job = train\r\n\r\n[grid]\r\n"
               "  a = 1,\r\n    # two of them\r\n    2, ; or three\r\n"
               "\t3\r\n  b = x\r\n",
               NULL, 0);
    expect_configurations(e, "a=1 b=x;a=2 b=x;a=3 b=x;");
    assert_int_equal(e->keys[0].line, 4);
    assert_int_equal(e->keys[1].line, 8);
    rebias_experiment_free(e);
}

/* A list that is much longer than inih's buffer. */
static void test_long_list(void **state)
{
    (void)state;
    enum { VALUES = 500 };
    char text[16384] = "job = train\n[grid]\na = 0";
    size_t used = strlen(text);
    for (int i = 1; i < VALUES; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, ",\n    value-number-%d", i);
    }
    struct rebias_experiment *e = loaded(text, NULL, 0);
    assert_int_equal(e->configurations, VALUES);
    assert_string_equal(e->keys[0].value[499], "value-number-499");
    rebias_experiment_free(e);
}

/* -- 3. overrides -- */

static void test_overrides(void **state)
{
    (void)state;
    const char *overrides[] = {
        "points=1000, 3000, 10000", "images=mnist",  "epochs=2", "replicates=3",
        "first-replicate=7",        "method=kriging"};
    struct rebias_experiment *e = loaded(good, overrides, 6);
    assert_int_equal(e->replicates, 3);
    assert_int_equal(e->first_replicate, 7);
    expect_configurations(e, "epochs=2 images=mnist method=kriging points=1000;"
                             "epochs=2 images=mnist method=kriging points=3000;"
                             "epochs=2 images=mnist method=kriging points=10000;");
    assert_int_equal(e->keys[0].line, 0);
    rebias_experiment_free(e);
}

/* -- 4. wrong lines -- */

static void test_wrong_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *message;
    } rows[] = {
        {"", 0, "the experiment has no job"},
        {"[grid]\na = 1\n", 0, "the experiment has no job"},
        {"job = bias\njob = train\n", 2, "a key is given twice: 'job'"},
        {"job =\n", 1, "the value is empty: 'job'"},
        {"job = bias\nseed = 1\n", 2, "unknown key before the first section: 'seed'"},
        {"job = bias\nreplicates = 0\n", 2,
         "bad value of a key: '0' (expected a whole number from 1 to 1000000)"},
        {"job = bias\nreplicates = many\n", 2, "bad value of a key: 'many'"},
        {"job = bias\nfirst-replicate = -1\n", 2,
         "bad value of a key: '-1' (expected a whole number from 0 to 1000000)"},
        {"job = bias\nnonsense\n", 2, "this line is none of an experiment"},
        {"job = bias\n[grid\n", 2, "this line is none of an experiment"},
        {"job = bias\n[girds]\na = 1\n", 3, "unknown section: 'girds'"},
        {"job = bias\n[grid]\na = 1\n[options]\na = 2\n", 5, "a key is given twice: 'a'"},
        {"job = bias\n[grid]\na = 1, 2\n\na = 3\n", 5, "a key is given twice: 'a'"},
        {"job = bias\n[grid]\na =\n", 3, "the value is empty"},
        {"job = bias\n[grid]\na = 1,, 2\n", 3, NULL},
        {"job = bias\n[grid]\na = 1, , 2\n", 3, "a value of the list is empty"},
        {"job = bias\n[grid]\na = 1,\nb = 2\n", 3, "a value of the list is empty"},
        {"job = bias\n[grid]\na = 1, 2, 1\n", 3, "a value is given twice: '1'"},
        {"job = bias\n[options]\na = 1, 2\n", 3, "a list stands below [grid]: 'a'"},
        {"job = bias\n[options]\nreplicates = 2\n", 3,
         "this key stands before the first section: 'replicates'"},
        {"job = bias\ntitle = \x01\n", 2, "a control character (byte 1)"},
        {"job = bias\rtitle = x\n", 1, "a control character (byte 13)"},
        /* 8 lists of 10 values: 10^8 configurations */
        {"job = bias\n[grid]\na = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\nb = 0, 1, 2, 3, 4, 5, 6, 7, 8, "
         "9\nc = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\nd = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\ne = 0, 1, 2, "
         "3, 4, 5, 6, 7, 8, 9\nf = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\ng = 0, 1, 2, 3, 4, 5, 6, 7, "
         "8, 9\nh = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n",
         0, "the grid has more than 10000000 configurations"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_error err = {0};
        struct rebias_experiment *e = NULL;
        int status = load(&e, rows[i].text, NULL, 0, &err);
        if (rows[i].message == NULL) { /* a comma in a value */
            assert_int_equal(status, REBIAS_OK);
            rebias_experiment_free(e);
            continue;
        }
        support_expect(status, REBIAS_E_FORMAT, &err, rows[i].message);
        assert_non_null(strstr(err.file, "experiment.ini"));
        assert_int_equal(err.line, rows[i].line);
        assert_null(e);
    }
}

static void test_long_line(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_experiment *e = NULL;
    char text[300] = "job = bias\n# ";
    memset(text + 13, 'x', 250); /* remarks may be long */
    snprintf(text + 263, sizeof text - 263, "\n");
    support_expect(load(&e, text, NULL, 0, &err), REBIAS_OK, &err, NULL);
    rebias_experiment_free(e);
    text[11] = 't';
    text[12] = '=';
    support_expect(load(&e, text, NULL, 0, &err), REBIAS_E_FORMAT, &err,
                   "the line is too long (expected at most 198 bytes");
    assert_int_equal(err.line, 2);
    text[11 + 198] = '\0'; /* the longest line that is taken: a key, though an unknown one */
    support_expect(load(&e, text, NULL, 0, &err), REBIAS_E_FORMAT, &err, "unknown key");
}

static void test_missing_file(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_experiment *e = NULL;
    support_expect(rebias_experiment_load(&e, "/nonexistent/x.ini", NULL, 0, &err), REBIAS_E_IO,
                   &err, "/nonexistent/x.ini");
    assert_null(e);
}

/* -- 5. wrong overrides -- */

static void test_wrong_overrides(void **state)
{
    (void)state;
    static const struct {
        const char *overrides[2];
        const char *message;
    } rows[] = {
        {{"points", NULL}, "--set: no key and value: 'points' (expected KEY=VALUE)"},
        {{"=3", NULL}, "--set: no key and value: '=3'"},
        {{"points=", NULL}, "--set: the value is empty: 'points='"},
        {{"points=1, , 2", NULL}, "--set: a value of the list is empty"},
        {{"points=1, 1", NULL}, "--set: a value is given twice"},
        {{"images=a, b", NULL}, "--set: a list stands below [grid]: 'images=a, b'"},
        {{"replicates=0", NULL},
         "--set: bad value: 'replicates=0' (expected a whole number from 1 to 1000000)"},
        {{"points=1", "points=2"}, "--set: the key is given twice: 'points=2'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rebias_error err = {0};
        struct rebias_experiment *e = NULL;
        const size_t count = rows[i].overrides[1] != NULL ? 2 : 1;
        support_expect(load(&e, good, rows[i].overrides, count, &err), REBIAS_E_RANGE, &err,
                       rows[i].message);
        assert_string_equal(err.file, "");
        assert_null(e);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file),    cmocka_unit_test(test_smallest_file),
        cmocka_unit_test(test_commas),       cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_list),    cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_wrong_lines),  cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_missing_file), cmocka_unit_test(test_wrong_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
