/* test_base.c - errors, memory, numbers, threads. (Files: test_file.c; random numbers:
 * test_random.c.)
 * 1. errors   2. memory   3. numbers   4. threads
 */
#include "support.h"
#include <locale.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. errors -- */

static void expect_text(const struct rebias_error *err, const char *expected)
{
    char line[1024];
    rebias_error_text(err, line, sizeof line);
    assert_string_equal(line, expected);
}

/* Every combination of known and unknown parts, as the docstring of rebias_error_text lays them
 * out. */
static void test_error_forms(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    assert_int_equal(rebias_fail(&err, REBIAS_E_DATA, "only %d of %s", 3, "five"),
                     REBIAS_E_DATA);
    assert_int_equal(err.status, REBIAS_E_DATA);
    expect_text(&err, "only 3 of five");
    const struct rebias_place whole = {"a.csv", 7, 2, "abc"};
    assert_int_equal(
        rebias_fail_at(&err, REBIAS_E_FORMAT, &whole, "a number", "bad %s", "field"),
        REBIAS_E_FORMAT);
    expect_text(&err, "a.csv:7:2: bad field: 'abc' (expected a number)");
    const struct rebias_place line_only = {"a.csv", 7, 0, NULL};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &line_only, NULL, "bad");
    expect_text(&err, "a.csv:7: bad");
    const struct rebias_place file_only = {"a.csv", 0, 0, NULL};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &file_only, "a file", "bad");
    expect_text(&err, "a.csv: bad (expected a file)");
    const struct rebias_place value_only = {NULL, 0, 0, "x"};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &value_only, NULL, "bad");
    expect_text(&err, "bad: 'x'");
    rebias_fail_at(&err, REBIAS_E_NAME, NULL, "one of a, b", "unknown model");
    expect_text(&err, "unknown model (expected one of a, b)");
    const struct rebias_error empty = {.status = REBIAS_E_MEMORY};
    expect_text(&empty, rebias_status_text(REBIAS_E_MEMORY));
    assert_int_equal(rebias_fail(NULL, REBIAS_E_IO, "no record"), REBIAS_E_IO);
    assert_int_equal(rebias_fail_at(NULL, REBIAS_E_IO, &whole, NULL, "no record"), REBIAS_E_IO);
}

/* A failure after another leaves nothing of the first behind. */
static void test_error_overwritten(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    const struct rebias_place whole = {"a.csv", 7, 2, "abc"};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &whole, "a number", "bad field");
    rebias_fail(&err, REBIAS_E_DATA, "few");
    expect_text(&err, "few");
    assert_int_equal(err.line, 0);
}

static void test_error_truncation(void **state)
{
    (void)state;
    char text[2001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct rebias_error err = {0};
    const struct rebias_place place = {text, 1, 1, text};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &place, text, "%s", text);
    assert_int_equal(strlen(err.file), sizeof err.file - 1);
    assert_int_equal(strlen(err.value), sizeof err.value - 1);
    assert_int_equal(strlen(err.expected), sizeof err.expected - 1);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    /* a short text at every size: a terminated beginning of the whole, nothing written beyond
     */
    const struct rebias_place small = {"f", 12, 3, "v"};
    rebias_fail_at(&err, REBIAS_E_FORMAT, &small, "e", "m");
    const char *whole = "f:12:3: m: 'v' (expected e)";
    for (size_t size = 0; size <= strlen(whole) + 2; size++) {
        char line[64];
        memset(line, '#', sizeof line);
        rebias_error_text(&err, line, size);
        size_t length = size == 0 ? 0 : (size - 1 < strlen(whole) ? size - 1 : strlen(whole));
        if (size > 0) {
            assert_int_equal(strlen(line), length);
            assert_memory_equal(line, whole, length);
        }
        assert_int_equal(line[size], '#');
    }
}

/* All codes of error.h have a text of their own. */
static void test_status_texts(void **state)
{
    (void)state;
    for (int a = REBIAS_E_UNSUPPORTED; a <= REBIAS_OK; a++) {
        assert_true(strlen(rebias_status_text(a)) > 0);
        assert_string_not_equal(rebias_status_text(a), "unknown status");
        for (int b = REBIAS_E_UNSUPPORTED; b < a; b++) {
            assert_string_not_equal(rebias_status_text(a), rebias_status_text(b));
        }
    }
    assert_string_equal(rebias_status_text(1), "unknown status");
    assert_string_equal(rebias_status_text(REBIAS_E_UNSUPPORTED - 1), "unknown status");
}

/* -- 2. memory -- */

static void test_alloc(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 7, 64, 1000};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        double *x = NULL;
        assert_int_equal(rebias_alloc(&x, counts[k], sizeof *x, NULL), REBIAS_OK);
        assert_non_null(x);
        assert_int_equal((uintptr_t)x % 64, 0);
        for (size_t i = 0; i < counts[k]; i++) {
            assert_true(x[i] == 0.0);
        }
        free(x);
    }
    char *byte = NULL;
    assert_int_equal(rebias_alloc(&byte, 0, 0, NULL), REBIAS_OK);
    byte[0] = 'x'; /* the promised byte is there */
    free(byte);
}

static void test_alloc_overflow(void **state)
{
    (void)state;
    const size_t half = (size_t)1 << (sizeof(size_t) * 4);
    const struct {
        size_t count, size;
    } cases[] = {{half, half},  {SIZE_MAX, 2},      {2, SIZE_MAX},
                 {SIZE_MAX, 1}, {SIZE_MAX - 32, 1}, {SIZE_MAX / 8 + 1, 8}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int something = 0;
        void *x = &something;
        struct rebias_error err = {0};
        support_expect(rebias_alloc(&x, cases[k].count, cases[k].size, &err), REBIAS_E_MEMORY,
                       &err, "memory");
        assert_null(x);
    }
}

static void test_copy_text(void **state)
{
    (void)state;
    char *copy = NULL;
    assert_int_equal(rebias_copy_text(&copy, "ReRAM", NULL), REBIAS_OK);
    assert_string_equal(copy, "ReRAM");
    free(copy);
    assert_int_equal(rebias_copy_text(&copy, "", NULL), REBIAS_OK);
    assert_string_equal(copy, "");
    free(copy);
    assert_int_equal(rebias_copy_text(&copy, NULL, NULL), REBIAS_OK);
    assert_null(copy);
}

static void test_buffer(void **state)
{
    (void)state;
    struct rebias_buffer buffer = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t element = i * i;
        assert_int_equal(rebias_buffer_append(&buffer, sizeof element, &element, NULL),
                         REBIAS_OK);
    }
    assert_int_equal(buffer.count, 1000);
    assert_true(buffer.capacity >= buffer.count);
    const uint64_t *data = buffer.data;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(data[i], i * i);
    }
    free(buffer.data);
}

/* Blocks of elements, mixed with single ones; a block larger than twice the buffer; none. */
static void test_buffer_many(void **state)
{
    (void)state;
    struct rebias_buffer buffer = {0};
    static uint32_t block[1000];
    uint32_t next = 0;
    const size_t counts[] = {0, 3, 1, 64, 1000, 0, 1};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        for (size_t i = 0; i < counts[k]; i++) {
            block[i] = next++;
        }
        assert_int_equal(rebias_buffer_append_many(&buffer, sizeof block[0],
                                                   counts[k] > 0 ? block : NULL, counts[k],
                                                   NULL),
                         REBIAS_OK);
    }
    assert_int_equal(rebias_buffer_append(&buffer, sizeof next, &next, NULL), REBIAS_OK);
    assert_int_equal(buffer.count, 1070);
    const uint32_t *data = buffer.data;
    for (uint32_t i = 0; i < 1070; i++) {
        assert_int_equal(data[i], i);
    }
    struct rebias_error err = {0};
    support_expect(rebias_buffer_append_many(&buffer, 4, block, SIZE_MAX, &err),
                   REBIAS_E_MEMORY, &err, "do not fit into memory");
    support_expect(rebias_buffer_append_many(&buffer, 4, block, SIZE_MAX / 2, &err),
                   REBIAS_E_MEMORY, &err, "out of memory");
    assert_int_equal(buffer.count, 1070);
    free(buffer.data);
}

/* -- 3. numbers -- */

static const struct {
    const char *text;
    double value; /* C's own constant for the same spelling */
} accepted[] = {
    {"0", 0.0},
    {"-0", 0.0},
    {"1", 1.0},
    {"+1", 1.0},
    {"-3", -3.0},
    {"1.", 1.0},
    {".5", 0.5},
    {"-.5", -0.5},
    {"5.e-6", 5e-6},
    {"1e-203", 1e-203},
    {"1E5", 1e5},
    {"1e+5", 1e5},
    {"007", 7.0},
    {"0.1", 0.1},
    {" 2.5", 2.5},
    {"2.5 ", 2.5},
    {"\t2.5\r\n", 2.5},
    {"1e-400", 0.0},
    {"-1e-999999", 0.0},
    {"1e-310", 1e-310},
    {"1.7976931348623157e308", 1.7976931348623157e308},
    {"0.30000000000000004", 0.30000000000000004},
    {"123456789012345678901234567890", 123456789012345678901234567890.0},
};

static const char *const refused[] = {
    "",
    " ",
    ".",
    "-",
    "+",
    "e5",
    ".e5",
    "1e",
    "1e+",
    "1e5.",
    "1e1e1",
    "1.2.3",
    "1,5",
    "1 2",
    "--1",
    "+-1",
    "- 1",
    "nan",
    "NaN",
    "-nan",
    "nan(1)",
    "inf",
    "-inf",
    "infinity",
    "0x10",
    "0x1p3",
    "1e400",
    "-1e400",
    "1e99999999999",
    "12abc",
    "abc",
    "1_000",
    "1f",
    "1d5",
    "\v1",
    "1\f",
    "\302\2401",
    "'1'",
};

static void check_spellings(void)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        double value = 42.0;
        if (!rebias_parse_double(accepted[i].text, &value) || !(value == accepted[i].value)) {
            fail_msg("'%s' gave %.17g instead of %.17g", accepted[i].text, value,
                     accepted[i].value);
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        double value = 42.0;
        if (rebias_parse_double(refused[i], &value) || value != 42.0) {
            fail_msg("'%s' was accepted as %.17g", refused[i], value);
        }
    }
}

static void test_parse_double(void **state)
{
    (void)state;
    check_spellings();
}

/* Under a locale that writes 1,5 the same spellings hold, and the locale is left as it was. */
static void test_parse_double_comma_locale(void **state)
{
    (void)state;
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",       "fr_FR.UTF-8",
                                 "fr_FR.utf8",  "es_ES.UTF-8", "it_IT.UTF-8", "pl_PL.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; i++) {
        found = setlocale(LC_NUMERIC, names[i]) != NULL &&
                strcmp(localeconv()->decimal_point, ",") == 0;
    }
    if (!found) {
        print_message(
            "# no locale with a decimal comma is installed: checked under the C locale only\n");
    }
    check_spellings();
    assert_string_equal(localeconv()->decimal_point, found ? "," : ".");
    assert_non_null(setlocale(LC_NUMERIC, "C"));
}

/* What 17 digits print is read back to the same bits: any magnitude, fixed sequence. */
static void test_parse_double_round_trip(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 10000; i++) {
        bits = bits * 6364136223846793005u +
               1442695040888963407u; /* Knuth's linear congruential generator */
        double x = 0.0;
        memcpy(&x, &bits, sizeof x);
        char text[40];
        snprintf(text, sizeof text, "%.17g", x);
        double back = 42.0;
        assert_int_equal(rebias_parse_double(text, &back), isfinite(x));
        assert_true(isfinite(x) ? memcmp(&x, &back, sizeof x) == 0 : back == 42.0);
    }
}

static void test_parse_integer(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t min, max;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, true, 0},
        {"10", 0, 10, true, 10},
        {"11", 0, 10, false, 0},
        {"-1", 0, 10, false, 0},
        {"+7", 0, 10, true, 7},
        {"-5", -5, 5, true, -5},
        {"-6", -5, 5, false, 0},
        {"007", 0, 10, true, 7},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999", 0, INT64_MAX, false, 0},
        {"", 0, 10, false, 0},
        {"+", 0, 10, false, 0},
        {"-", 0, 10, false, 0},
        {"1.0", 0, 10, false, 0},
        {"1e1", 0, 10, false, 0},
        {"0x5", 0, 10, false, 0},
        {"5 ", 0, 10, false, 0},
        {" 5", 0, 10, false, 0},
        {"five", 0, 10, false, 0},
        {"+-5", -9, 9, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 42;
        bool ok = rebias_parse_integer(cases[i].text, cases[i].min, cases[i].max, &value);
        if (ok != cases[i].ok || value != (ok ? cases[i].value : 42)) {
            fail_msg("'%s' in [%lld, %lld]: %d, %lld", cases[i].text, (long long)cases[i].min,
                     (long long)cases[i].max, ok, (long long)value);
        }
    }
}

/* -- 4. threads -- */

enum { ITEMS = 500 };

/* What the items and the progress callback do and see. */
struct job {
    atomic_int runs[ITEMS];
    size_t failing[2]; /* items that fail; ITEMS = none */
    size_t stop_at;    /* the progress callback interrupts there; 0 = never */
    size_t calls;      /* of the progress callback, which is never called twice at once */
    size_t last_done;
    bool is_orderly;
};

static int run_item(void *context, size_t item, struct rebias_error *err)
{
    struct job *job = context;
    atomic_fetch_add(&job->runs[item], 1);
    for (int i = 0; i < 2; i++) {
        if (item == job->failing[i]) {
            return rebias_fail(err, i == 0 ? REBIAS_E_NUMERIC : REBIAS_E_DATA,
                               "item %zu failed", item);
        }
    }
    return REBIAS_OK;
}

static int watch(void *context, size_t done, size_t total)
{
    struct job *job = context;
    job->calls++;
    job->is_orderly = job->is_orderly && done == job->last_done + 1 && total == ITEMS;
    job->last_done = done;
    return job->stop_at != 0 && done >= job->stop_at;
}

static void prepare(struct job *job)
{
    memset(job, 0, sizeof *job);
    for (size_t i = 0; i < ITEMS; i++) {
        atomic_init(&job->runs[i], 0);
    }
    job->failing[0] = ITEMS;
    job->failing[1] = ITEMS;
    job->is_orderly = true;
}

static const int thread_counts[] = {1, 4, 0}; /* below 1 counts as 1 */

static void test_parallel_all_once(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof thread_counts / sizeof thread_counts[0]; t++) {
        static struct job job;
        struct rebias_error err = {0};
        prepare(&job);
        support_expect(
            rebias_parallel_for(ITEMS, thread_counts[t], run_item, &job, watch, &job, &err),
            REBIAS_OK, &err, NULL);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(atomic_load(&job.runs[i]), 1);
        }
        assert_true(job.is_orderly);
        assert_int_equal(job.calls, ITEMS);
        assert_int_equal(
            rebias_parallel_for(ITEMS, thread_counts[t], run_item, &job, NULL, NULL, NULL),
            REBIAS_OK);
        assert_int_equal(atomic_load(&job.runs[ITEMS - 1]), 2);
    }
    assert_int_equal(rebias_parallel_for(0, 4, run_item, NULL, NULL, NULL, NULL), REBIAS_OK);
}

/* More threads than items: still every item once. */
static void test_parallel_few_items(void **state)
{
    (void)state;
    static struct job job;
    for (size_t n = 1; n <= 3; n++) {
        prepare(&job);
        assert_int_equal(rebias_parallel_for(n, 8, run_item, &job, NULL, NULL, NULL),
                         REBIAS_OK);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(atomic_load(&job.runs[i]), i < n);
        }
    }
}

/* Two failing items: the lower one's status and record, whichever fails first; no more items
 * than needed. */
static void test_parallel_lowest_failure(void **state)
{
    (void)state;
    const size_t pairs[][2] = {{40, 41}, {41, 40}, {0, 499}, {499, 0}, {7, 8}};
    for (int round = 0; round < 100; round++) {
        for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
            static struct job job;
            struct rebias_error err = {0};
            prepare(&job);
            job.failing[0] = pairs[k][0];
            job.failing[1] = pairs[k][1];
            bool is_first = pairs[k][0] < pairs[k][1];
            size_t lower = is_first ? pairs[k][0] : pairs[k][1];
            char text[40];
            snprintf(text, sizeof text, "item %zu failed", lower);
            int status = rebias_parallel_for(ITEMS, round % 2 == 0 ? 1 : 4, run_item, &job,
                                             watch, &job, &err);
            support_expect(status, is_first ? REBIAS_E_NUMERIC : REBIAS_E_DATA, &err, text);
            for (size_t i = 0; i <= lower;
                 i++) { /* handed out in order: all before it were run */
                assert_int_equal(atomic_load(&job.runs[i]), 1);
            }
            if (round % 2 == 0) { /* one thread stops at once */
                assert_int_equal(atomic_load(&job.runs[lower + 1]), 0);
            }
        }
    }
}

static void test_parallel_interrupt(void **state)
{
    (void)state;
    const size_t stops[] = {1, 100, ITEMS};
    for (size_t k = 0; k < 3; k++) {
        for (size_t t = 0; t < 2; t++) {
            static struct job job;
            struct rebias_error err = {0};
            prepare(&job);
            job.stop_at = stops[k];
            support_expect(
                rebias_parallel_for(ITEMS, thread_counts[t], run_item, &job, watch, &job, &err),
                REBIAS_E_INTERRUPTED, &err, "interrupted");
            assert_int_equal(job.calls, stops[k]); /* not asked again */
            size_t runs = 0;
            for (size_t i = 0; i < ITEMS; i++) {
                runs += (size_t)atomic_load(&job.runs[i]);
            }
            assert_true(runs >= stops[k] && runs < stops[k] + (size_t)thread_counts[t]);
        }
    }
}

/* MAJOR.MINOR.PATCH. */
static void test_version_and_processors(void **state)
{
    (void)state;
    unsigned part[3] = {0, 0, 0};
    char rest = '\0';
    assert_int_equal(
        sscanf(rebias_version(), "%u.%u.%u%c", &part[0], &part[1], &part[2], &rest), 3);
    assert_true(rebias_processor_count() >= 1);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_forms),
        cmocka_unit_test(test_error_overwritten),
        cmocka_unit_test(test_error_truncation),
        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_alloc_overflow),
        cmocka_unit_test(test_copy_text),
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_buffer_many),
        cmocka_unit_test(test_parse_double),
        cmocka_unit_test(test_parse_double_comma_locale),
        cmocka_unit_test(test_parse_double_round_trip),
        cmocka_unit_test(test_parse_integer),
        cmocka_unit_test(test_parallel_all_once),
        cmocka_unit_test(test_parallel_few_items),
        cmocka_unit_test(test_parallel_lowest_failure),
        cmocka_unit_test(test_parallel_interrupt),
        cmocka_unit_test(test_version_and_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
