/* test_spread.c - errors of writing and reading conductances, and drift.
 * 1. by name   2. distributions   3. addresses   4. drift
 */
#include "support.h"

#include "draws.h"
#include "rebias/chip.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. by name -- */

static void test_names(void **state)
{
    (void)state;
    struct rebias_spread spread;
    struct rebias_error err = {0};
    double *samples = NULL;
    char path[1024], text[1100];
    assert_int_equal(rebias_spread_parse(&spread, &samples, "none", &err), REBIAS_OK);
    assert_true(spread.kind == REBIAS_SPREAD_NONE && samples == NULL);
    assert_int_equal(rebias_spread_parse(&spread, &samples, "gaussian:16.66e-6", &err),
                     REBIAS_OK);
    assert_true(spread.kind == REBIAS_SPREAD_GAUSSIAN && spread.width == 16.66e-6);
    assert_int_equal(rebias_spread_parse(&spread, &samples, "uniform:1e-5", &err), REBIAS_OK);
    assert_true(spread.kind == REBIAS_SPREAD_UNIFORM && spread.width == 1e-5);
    support_write(path, "residuals.txt", "# S\n1e-6\n\n -2e-6\r\n0", 19);
    snprintf(text, sizeof text, "samples:%s", path);
    assert_int_equal(rebias_spread_parse(&spread, &samples, text, &err), REBIAS_OK);
    assert_true(spread.kind == REBIAS_SPREAD_SAMPLES && spread.count == 3);
    assert_true(spread.samples == samples && samples[0] == 1e-6 && samples[1] == -2e-6);
    free(samples);
}

static void refuse(const char *text, int status, const char *message)
{
    struct rebias_spread spread;
    struct rebias_error err = {0};
    double *samples = NULL;
    support_expect(rebias_spread_parse(&spread, &samples, text, &err), status, &err, message);
    assert_true(samples == NULL && spread.kind == REBIAS_SPREAD_NONE);
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "gaussian",   "gaussian:",    "gaussian:-1", "uniform:nan",
        "gaussian 1", "gaussian:1uS", "samples:",    ""};
    char path[1024], text[1100];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuse(bad[i], REBIAS_E_NAME, "unknown spread of conductances");
    }
    refuse(
        "normal:1", REBIAS_E_NAME,
        "'normal:1' (expected none, gaussian:SD, uniform:WIDTH (S, from 0) or samples:FILE)");
    refuse("samples:/nonexistent", REBIAS_E_IO, "/nonexistent: cannot open");
    support_write(path, "bad.txt", "1e-6\nx\n", 7);
    snprintf(text, sizeof text, "samples:%s", path);
    refuse(text, REBIAS_E_FORMAT,
           "2: not a conductance: 'x' (expected one number a line, in S)");
    support_write(path, "bad.txt", "# none\n", 7);
    refuse(text, REBIAS_E_DATA, "the file holds no numbers");
    support_write(path, "bad.txt", "1\0\n2\n", 5);
    refuse(text, REBIAS_E_FORMAT, "this is no text");
}

/* -- 2. distributions -- */

enum { DRAWS = 20000, PLACES = 101 };

static double normal(const void *context, double x)
{
    return gsl_cdf_gaussian_P(x, *(const double *)context);
}

static double flat(const void *context, double x)
{
    const double width = *(const double *)context;
    return fmin(fmax(0.5 * (x / width + 1.0), 0.0), 1.0);
}

/* Errors of devices at 0 S against the distribution function: a true one fails with probability
 * 1e-6 each (fixed seed). */
static void test_distributions(void **state)
{
    (void)state;
    static const struct {
        enum rebias_spread_kind kind;
        double (*F)(const void *context, double x);
    } cases[] = {{REBIAS_SPREAD_GAUSSIAN, normal}, {REBIAS_SPREAD_UNIFORM, flat}};
    static float G[DRAWS];
    static double x[DRAWS];
    const double width = 1e-5;
    double at[PLACES];
    for (size_t i = 0; i < PLACES; i++) {
        at[i] = width * (-3.0 + 6.0 * (double)i / (PLACES - 1));
    }
    for (size_t c = 0; c < 2; c++) {
        const struct rebias_spread spread = {cases[c].kind, width, 0, NULL};
        memset(G, 0, sizeof G);
        rebias_spread_add(&spread, 7, REBIAS_FOR_TEST, 0, 0, 0, DRAWS, G);
        for (size_t i = 0; i < DRAWS; i++) {
            x[i] = (double)G[i];
        }
        assert_true(draws_ks(DRAWS, x, PLACES, at, cases[c].F, &width) <
                    draws_ks_bound(DRAWS, 1e-6));
    }
}

/* Each of three residuals 20000/3 times, within 5 sd of the binomial (false alarm 6e-7 each).
 */
static void test_samples(void **state)
{
    (void)state;
    static const double residual[] = {1.0, 2.0, 4.0};
    const struct rebias_spread spread = {REBIAS_SPREAD_SAMPLES, 0.0, 3, residual};
    static float G[DRAWS];
    size_t count[5] = {0};
    memset(G, 0, sizeof G);
    rebias_spread_add(&spread, 7, REBIAS_FOR_TEST, 0, 0, 0, DRAWS, G);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_true(G[i] == 1.0f || G[i] == 2.0f || G[i] == 4.0f);
        count[(int)G[i]]++;
    }
    for (int r = 1; r <= 4; r *= 2) {
        support_close((double)count[r], DRAWS / 3.0, 0.0, 5.0 * sqrt(DRAWS * 2.0 / 9.0));
    }
}

/* -- 3. addresses -- */

/* Word i of the stream makes the error of entry i, whatever the array's length; errors add to
 * what is there; "none" changes nothing. */
static void test_addresses(void **state)
{
    (void)state;
    enum { LONG = 2500, SHORT = 1100 };
    static float one[LONG], two[LONG], z[LONG];
    const struct rebias_spread spread = {REBIAS_SPREAD_GAUSSIAN, 2.0, 0, NULL};
    const struct rebias_spread none = {REBIAS_SPREAD_NONE, 2.0, 0, NULL};
    const struct rebias_stream stream = {5, REBIAS_FOR_TEST, 3, 4, 6};
    for (size_t i = 0; i < LONG; i++) {
        one[i] = two[i] = 10.0f;
    }
    rebias_spread_add(&spread, 5, REBIAS_FOR_TEST, 3, 4, 6, LONG, one);
    rebias_spread_add(&spread, 5, REBIAS_FOR_TEST, 3, 4, 6, SHORT, two);
    assert_memory_equal(one, two, SHORT * sizeof(float));
    rebias_random_normal(&stream, 0, LONG, z);
    for (size_t i = 0; i < LONG; i++) {
        assert_true(one[i] == 10.0f + 2.0f * z[i]);
    }
    rebias_spread_add(&none, 5, REBIAS_FOR_TEST, 3, 4, 6, LONG, z);
    rebias_random_normal(&stream, 0, LONG, two);
    assert_memory_equal(z, two, sizeof z);
}

/* -- 4. drift -- */

static void test_drift(void **state)
{
    (void)state;
    static float G[DRAWS], before[DRAWS];
    const struct rebias_stream stream = {5, REBIAS_FOR_TEST, 0, 0, 0};
    struct rebias_drift drift = {0.1, 0.0, 1000.0};
    for (size_t i = 0; i < DRAWS; i++) {
        G[i] = before[i] = 1e-6f * (float)(i + 1);
    }
    rebias_drift_apply(&drift, &stream, 0, DRAWS, G);
    for (size_t i = 0; i < DRAWS; i++) { /* 1000^-0.1 = 10^-0.3 */
        support_close((double)G[i], 0.50118723362727 * (double)before[i], 2e-7, 0.0);
    }
    drift.time = 1.0;
    memcpy(before, G, sizeof G);
    rebias_drift_apply(&drift, &stream, 0, DRAWS, G);
    assert_memory_equal(G, before, sizeof G);
}

/* log G has mean -nu log t and sd nu_sd log t: 5 standard errors (false alarm 6e-7 each); a
 * device keeps its exponent at all times. */
static void test_drift_spread(void **state)
{
    (void)state;
    static float early[DRAWS], late[DRAWS];
    const struct rebias_stream stream = {5, REBIAS_FOR_TEST, 0, 0, 0};
    const struct rebias_drift drift[2] = {{0.05, 0.02, 10.0}, {0.05, 0.02, 100.0}};
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        early[i] = late[i] = 1.0f;
    }
    rebias_drift_apply(&drift[0], &stream, 0, DRAWS, early);
    rebias_drift_apply(&drift[1], &stream, 0, DRAWS, late);
    for (size_t i = 0; i < DRAWS; i++) {
        const double x = log10((double)early[i]);
        support_close(log10((double)late[i]), 2.0 * x, 0.0, 3e-7);
        sum += x;
        squares += (x + 0.05) * (x + 0.05);
    }
    float part[3] = {1.0f, 1.0f, 1.0f}; /* devices 7 to 9 alone */
    rebias_drift_apply(&drift[0], &stream, 7, 3, part);
    assert_memory_equal(part, early + 7, sizeof part);
    support_close(sum / DRAWS, -0.05, 0.0, 5.0 * 0.02 / sqrt(DRAWS));
    support_close(sqrt(squares / DRAWS), 0.02, 5.0 / sqrt(2.0 * DRAWS), 0.0);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_addresses),     cmocka_unit_test(test_drift),
        cmocka_unit_test(test_drift_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
