/* test_ramps.c - pulse data from ramps.
 * 1. helpers   2. points   3. malformed files and options   4. measured ramps
 */
#include "support.h"

#include "rebias/devmodel.h"
#include "rebias/pulses.h"
#include <math.h>
#include <string.h>

/* -- 1. helpers -- */

static struct rebias_pulses *load_text(const char *text,
                                       const struct rebias_ramps_options *options)
{
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    support_write(path, "ramps.csv", text, strlen(text));
    support_expect(rebias_pulses_load_ramps(&pulses, path, NULL, options, &err), REBIAS_OK,
                   &err, NULL);
    assert_non_null(pulses);
    assert_null(pulses->device);
    return pulses;
}

static void expect_point(const struct rebias_pulses *p, size_t i, int cycle, int pulse,
                         double G, double dG)
{
    assert_true(i < p->n);
    assert_int_equal(p->cycle[i], cycle);
    assert_int_equal(p->pulse[i], pulse);
    assert_true(p->G[i] == G);
    assert_true(p->dG[i] == dG);
}

/* -- 2. points -- */

static void test_ragged_columns(void **state)
{
    (void)state;
    const struct rebias_ramps_options options = rebias_ramps_options_defaults();
    assert_true(options.read_voltage == 0.0 && options.scale == 1.0 && !options.skip_bad);
    struct rebias_pulses *p = load_text("a,b\n1,10\n3,20\n6,\n", &options);
    assert_int_equal(p->n, 3);
    assert_int_equal(rebias_pulses_count(p, REBIAS_SET), 3);
    expect_point(p, 0, 1, 1, 1.0, 2.0);
    expect_point(p, 1, 1, 2, 3.0, 3.0);
    expect_point(p, 2, 2, 1, 10.0, 10.0);
    rebias_pulses_free(p);
}

static void test_gap_breaks_the_chain(void **state)
{
    (void)state;
    const struct rebias_ramps_options options = rebias_ramps_options_defaults();
    struct rebias_pulses *p = load_text("a;b\r\n1;\r\n;5\r\n4;6\r\n5;8", &options);
    assert_int_equal(p->n, 3);
    expect_point(p, 0, 1, 3, 4.0, 1.0);
    expect_point(p, 1, 2, 2, 5.0, 1.0);
    expect_point(p, 2, 2, 3, 6.0, 2.0);
    rebias_pulses_free(p);
    /* In a single column an empty cell is a blank line. */
    p = load_text("a\n1\n2\n\n4\n7\n\n", &options);
    assert_int_equal(p->n, 2);
    expect_point(p, 0, 1, 1, 1.0, 1.0);
    expect_point(p, 1, 1, 4, 4.0, 3.0);
    rebias_pulses_free(p);
    /* In more columns a blank line is no row. */
    p = load_text("a,b\n1,2\n\n4,7\n\n", &options);
    assert_int_equal(p->n, 2);
    rebias_pulses_free(p);
}

/* G = scale I / V: 2 uA at 0.5 V are 4 uS. */
static void test_currents(void **state)
{
    (void)state;
    const struct rebias_ramps_options options = {.read_voltage = 0.5, .scale = 1e-6};
    struct rebias_pulses *p = load_text("a\n2\n3\n", &options);
    expect_point(p, 0, 1, 1, 2.0 * 1e-6 / 0.5, 3.0 * 1e-6 / 0.5 - 2.0 * 1e-6 / 0.5);
    rebias_pulses_free(p);
    const struct rebias_ramps_options negative = {.read_voltage = -0.5, .scale = 1.0};
    p = load_text("a\n-2\n-3\n", &negative);
    expect_point(p, 0, 1, 1, 4.0, 2.0);
    rebias_pulses_free(p);
}

static void test_two_files(void **state)
{
    (void)state;
    char set_path[1024];
    char reset_path[1024];
    struct rebias_pulses *p = NULL;
    const struct rebias_ramps_options options = rebias_ramps_options_defaults();
    support_write(set_path, "set.csv", "a\n1\n2\n", 6);
    support_write(reset_path, "reset.csv", "a,b\n5,9\n4,8\n", 12);
    assert_int_equal(rebias_pulses_load_ramps(&p, set_path, reset_path, &options, NULL),
                     REBIAS_OK);
    assert_int_equal(p->n, 3);
    assert_true(p->polarity[0] == REBIAS_SET && p->polarity[1] == REBIAS_RESET &&
                p->polarity[2] == REBIAS_RESET);
    expect_point(p, 0, 1, 1, 1.0, 1.0);
    expect_point(p, 1, 1, 1, 5.0, -1.0);
    expect_point(p, 2, 2, 1, 9.0, -1.0);
    rebias_pulses_free(p);
    assert_int_equal(rebias_pulses_load_ramps(&p, NULL, reset_path, &options, NULL), REBIAS_OK);
    assert_int_equal(p->n, 2);
    assert_int_equal(rebias_pulses_count(p, REBIAS_RESET), 2);
    rebias_pulses_free(p);
}

/* -- 3. malformed files and options -- */

static void refuse_text(const char *text, const struct rebias_ramps_options *options,
                        int expected, const char *message)
{
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_pulses one = {0};
    struct rebias_pulses *pulses = &one;
    support_write(path, "bad.csv", text, strlen(text));
    support_expect(rebias_pulses_load_ramps(&pulses, NULL, path, options, &err), expected, &err,
                   message);
    support_expect(expected, expected, &err, path);
    assert_null(pulses);
    assert_int_equal(rebias_pulses_load_ramps(&pulses, path, NULL, options, NULL), expected);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {"", REBIAS_E_FORMAT, ": file is empty (expected a header row)"},
        {"a,b\n", REBIAS_E_DATA, ": file has no data rows"},
        {"1,2\n3,4\n", REBIAS_E_FORMAT,
         ":1:1: first row holds a number: '1' (expected a header row with one name a ramp)"},
        {"a,b\n1,2\n1,x\n", REBIAS_E_FORMAT, ":3:2: not a number: 'x'"},
        {"a,b\n1,nan\n", REBIAS_E_RANGE, ":2:2: number is not finite: 'nan'"},
        {"a,b\n1,inf\n", REBIAS_E_RANGE, ":2:2: number is not finite: 'inf'"},
        {"a;b\n1;2,5\n", REBIAS_E_FORMAT,
         ":2:2: decimal comma: '2,5' (expected a decimal point)"},
        {"a,b\n1,-2\n", REBIAS_E_RANGE,
         ":2:2: negative conductance: '-2' (expected current and read voltage of one sign)"},
        {"a,b\n1\n", REBIAS_E_FORMAT, ":2: row has 1 field (expected 2 as in the header)"},
        {"a,b\n1,2,3\n", REBIAS_E_FORMAT, ":2: row has 3 fields (expected 2 as in the header"},
        {"a,b\n1,\"2\n", REBIAS_E_FORMAT, ":2:2: quote is not closed"},
        {"a,b\n1,2\n", REBIAS_E_DATA,
         ": no points in these ramps (bad rows skipped: 0) (expected two successive reads in "
         "one column)"},
        {"a,b\n1,\n,2\n3,\n", REBIAS_E_DATA, ": no points in these ramps"},
    };
    const struct rebias_ramps_options options = rebias_ramps_options_defaults();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuse_text(cases[i].text, &options, cases[i].status, cases[i].message);
    }
    const struct rebias_ramps_options tiny = {.read_voltage = 1e-300, .scale = 1.0};
    refuse_text("a\n1e10\n", &tiny, REBIAS_E_RANGE,
                ":2:1: conductance is not finite: '1e10' (expected a conductance within double "
                "precision)");
}

static void test_skip_bad(void **state)
{
    (void)state;
    /* The row left out breaks every ramp, and the rows behind it keep their numbers. */
    const struct rebias_ramps_options options = {.scale = 1.0, .skip_bad = true};
    struct rebias_pulses *p = load_text("a,b\n1,1\n2,2\n3,x\n5,5\n7,8\n9\n10,\"\n", &options);
    assert_int_equal(p->skipped, 3);
    assert_int_equal(p->n, 4);
    expect_point(p, 0, 1, 1, 1.0, 1.0);
    expect_point(p, 1, 1, 4, 5.0, 2.0);
    expect_point(p, 2, 2, 1, 1.0, 1.0);
    expect_point(p, 3, 2, 4, 5.0, 3.0);
    rebias_pulses_free(p);
    refuse_text("a\nx\ny\n", &options, REBIAS_E_DATA,
                ":2:1: no data rows left, 2 skipped as bad; the first one: not a number: 'x'");
    refuse_text("a\n1\ny\n2\n", &options, REBIAS_E_DATA,
                ": no points in these ramps (bad rows skipped: 1)");
}

static void test_bad_options(void **state)
{
    (void)state;
    struct rebias_ramps_options options = rebias_ramps_options_defaults();
    struct rebias_error err = {0};
    struct rebias_pulses *p = NULL;
    support_expect(rebias_pulses_load_ramps(&p, NULL, NULL, &options, &err), REBIAS_E_DATA,
                   &err, "no file of ramps is given");
    options.read_voltage = (double)NAN;
    support_expect(rebias_pulses_load_ramps(&p, "unread", NULL, &options, &err), REBIAS_E_RANGE,
                   &err, "V: it must be finite");
    options.read_voltage = 0.1;
    static const double scales[] = {0.0, -1.0, HUGE_VAL};
    for (size_t i = 0; i < 3; i++) {
        options.scale = scales[i];
        support_expect(rebias_pulses_load_ramps(&p, "unread", NULL, &options, &err),
                       REBIAS_E_RANGE, &err, ": it must be finite and positive");
    }
    options.scale = 1.0;
    char path[1024];
    support_scratch(path, "missing.csv");
    support_expect(rebias_pulses_load_ramps(&p, path, NULL, &options, &err), REBIAS_E_IO, &err,
                   "cannot open");
    assert_null(p);
}

/* -- 4. measured ramps -- */

/* Expected numbers: awk over the two files, read before this reader was written. set.csv: 192
 * rows of 39 cells, 126 empty, reset.csv: 153 rows of 40 cells, 65 empty, all of them at the
 * ends of columns; so each column gives one point less than it has reads: 7488 - 126 - 39 =
 * 7323 and 6120 - 65 - 40 = 6015. Mean and sd of the steps of the current, divided by 0.1 V. */
static void test_measured(void **state)
{
    (void)state;
    char set_path[1024];
    char reset_path[1024];
    if (!support_shared(set_path, "measured_ramps/set.csv") ||
        !support_shared(reset_path, "measured_ramps/reset.csv")) {
        return;
    }
    struct rebias_ramps_options options = rebias_ramps_options_defaults();
    options.read_voltage = 0.1;
    struct rebias_error err = {0};
    struct rebias_pulses *p = NULL;
    support_expect(rebias_pulses_load_ramps(&p, set_path, reset_path, &options, &err),
                   REBIAS_OK, &err, NULL);
    struct rebias_pulses_summary set;
    struct rebias_pulses_summary reset;
    rebias_pulses_describe(p, REBIAS_SET, &set);
    rebias_pulses_describe(p, REBIAS_RESET, &reset);
    assert_int_equal(set.n, 7323);
    assert_int_equal(reset.n, 6015);
    assert_int_equal(set.cycles, 39);
    assert_int_equal(reset.cycles, 40);
    support_close(set.dG_mean, 4.43346e-6, 1e-5, 0.0);
    support_close(reset.dG_mean, -5.52288e-6, 1e-5, 0.0);
    support_close(set.dG_sd, 1.73204e-6, 1e-5, 0.0);
    support_close(reset.dG_sd, 8.15148e-7, 1e-5, 0.0);
    /* The first cell of set.csv is 0.000160588 A. */
    support_close(p->G[0], 1.60588e-3, 1e-15, 0.0);
    assert_int_equal(p->skipped, 0);
    rebias_pulses_free(p);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ragged_columns), cmocka_unit_test(test_gap_breaks_the_chain),
        cmocka_unit_test(test_currents),       cmocka_unit_test(test_two_files),
        cmocka_unit_test(test_malformed),      cmocka_unit_test(test_skip_bad),
        cmocka_unit_test(test_bad_options),    cmocka_unit_test(test_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
