/* test_method.c - estimators by name, and methods from text. */
#include "support.h"

#include "rebias/estimate.h"
#include <string.h>

/* What a method's text means, and what is refused. */
static void test_texts(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double values[3];
    } good[] = {{"binning", {20, 0, 0}},
                {"binning:7", {7, 0, 0}},
                {"binning:7:count:empirical", {7, 1, 1}},
                {"binning:empirical:bins=30:kind=count", {30, 1, 1}}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct rebias_method method;
        struct rebias_error err = {0};
        support_expect(rebias_method_parse(&method, good[i].text, &err), REBIAS_OK, &err, NULL);
        assert_memory_equal(method.values, good[i].values, sizeof good[i].values);
    }
    const struct {
        const char *text;
        int status;
        const char *message;
    } bad[] = {
        {"", REBIAS_E_NAME, "unknown estimator"},
        {"bins", REBIAS_E_NAME, "unknown estimator: 'bins' (expected binning"},
        {"binning:0", REBIAS_E_RANGE,
         "bad value of option bins of binning: '0' (expected a whole number from 1"},
        {"binning:2.5", REBIAS_E_RANGE, "expected a whole number from 1 to 10000"},
        {"binning:many", REBIAS_E_NAME,
         "has no such option: 'many' (expected bins=, kind=, rows=)"},
        {"binning:width=3", REBIAS_E_NAME, "has no such option: 'width'"},
        {"binning:kind=middle", REBIAS_E_RANGE,
         "option kind of binning: 'middle' (expected width|count)"},
        {"binning:", REBIAS_E_NAME, "has no such option"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rebias_method method;
        struct rebias_error err = {0};
        support_expect(rebias_method_parse(&method, bad[i].text, &err), bad[i].status, &err,
                       bad[i].message);
    }
}

/* Every estimator says what it is and assumes, has options within their ranges, and is found by
 * its name. */
static void test_registry(void **state)
{
    (void)state;
    assert_true(rebias_estimator_count >= 4);
    for (size_t i = 0; i < rebias_estimator_count; i++) {
        const struct rebias_estimator *e = rebias_estimators[i];
        assert_ptr_equal(rebias_estimator_find(e->name), e);
        assert_true(strlen(e->doc) > 10 && strlen(e->assumes) > 10);
        assert_true(e->param_count <= REBIAS_MAX_ESTIMATOR_PARAMS);
        for (size_t p = 0; p < e->param_count; p++) {
            const struct rebias_estimator_param *row = &e->params[p];
            assert_true(row->min <= row->value && row->value <= row->max);
            assert_true(strlen(row->help) > 5);
        }
    }
    assert_null(rebias_estimator_find("spline"));
}

static void test_set(void **state)
{
    (void)state;
    struct rebias_method method;
    struct rebias_error err = {0};
    support_expect(rebias_method_parse(&method, "binning", &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_method_set(&method, "bins", "33", &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_method_set(&method, "rows", "empirical", &err), REBIAS_OK, &err,
                   NULL);
    assert_true(method.values[0] == 33.0 && method.values[1] == 0.0 && method.values[2] == 1.0);
    support_expect(rebias_method_set(&method, "bins", "0", &err), REBIAS_E_RANGE, &err,
                   "expected a whole number from 1 to 10000");
    support_expect(rebias_method_set(&method, "edges", "1", &err), REBIAS_E_NAME, &err,
                   "estimator binning has no such option: 'edges'");
    assert_true(method.values[0] == 33.0);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
