/* test_bias_cells.c - runs worked out alone, kept in a store and put together again are the
 * study.
 * 1. helpers   2. alone = study   3. there and back   4. refusals
 */
#include "bias_helpers.h"
#include "rebias/bias_cells.h"
#include <math.h>

/* -- 1. helpers -- */

static void expect_same_run(const struct rebias_bias_run *a, const struct rebias_bias_run *b)
{
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->points, b->points);
    assert_int_equal(a->replicate, b->replicate);
    assert_int_equal(a->status, b->status);
    assert_true(is_same(a->accuracy, b->accuracy));
    assert_memory_equal(&a->device, &b->device, sizeof a->device); /* doubles only */
}

static void expect_same_cell(const struct rebias_bias_cell *a, const struct rebias_bias_cell *b)
{
    assert_int_equal(a->runs, b->runs);
    assert_int_equal(a->verdict, b->verdict);
    assert_true(is_same(a->bias, b->bias));
    assert_true(is_same(a->bias_low, b->bias_low));
    assert_true(is_same(a->bias_high, b->bias_high));
    for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
        assert_true(is_same(a->metric[m].mean, b->metric[m].mean));
    }
}

static void expect_same_result(const struct rebias_bias_result *a,
                               const struct rebias_bias_result *b)
{
    assert_int_equal(a->run_count, b->run_count);
    assert_int_equal(a->correlation_count, b->correlation_count);
    assert_true(is_same(a->target_low, b->target_low));
    assert_true(a->pulse_size == b->pulse_size); /* computed in the same way */
    for (size_t i = 0; i < a->run_count; i++) {
        expect_same_run(&a->runs[i], &b->runs[i]);
    }
    for (size_t c = 0; c < a->cell_count; c++) {
        expect_same_cell(&a->cells[c], &b->cells[c]);
    }
    for (size_t c = 0; c < a->correlation_count; c++) {
        assert_true(is_same(a->correlations[c].rho, b->correlations[c].rho));
    }
}

/* Every run of the study alone, each with one method and number of points, last ones first. */
static void run_all_alone(const struct rebias_bias_options *o,
                          const struct rebias_bias_result *study, struct rebias_bias_run *runs)
{
    struct rebias_error err = {0};
    for (size_t i = 0; i < study->run_count; i++) {
        const struct rebias_bias_run *wanted = &study->runs[study->run_count - 1 - i];
        struct rebias_bias_options single = *o;
        single.methods = single.point_counts = 1;
        single.replicates = 1;
        if (wanted->method >= 0) {
            single.method[0] = o->method[wanted->method];
        }
        runs[i] = (struct rebias_bias_run){.method = wanted->method < 0 ? -1 : 0,
                                           .points = wanted->points,
                                           .replicate = wanted->replicate};
        support_expect(rebias_bias_run_one(&runs[i], &single, NULL, NULL, &err), REBIAS_OK,
                       &err, NULL);
        runs[i].method = wanted->method;
    }
}

static struct rebias_bias_result *assembled(const struct rebias_bias_options *o,
                                            const struct rebias_bias_run *runs, size_t count)
{
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_assemble(&result, o, runs, count, &err), REBIAS_OK, &err, NULL);
    return result;
}

/* -- 2. alone = study -- */

static void check_alone(enum rebias_bias_weights weights)
{
    struct rebias_device *target = support_device("tiox-1.5V");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_run runs[(CELLS + 1) * REPLICATES];
    o.weights = weights;
    struct rebias_bias_result *study = run_study(&o);
    run_all_alone(&o, study, runs);
    struct rebias_bias_result *result = assembled(&o, runs, study->run_count);
    expect_same_result(result, study);
    rebias_bias_result_free(result);
    rebias_bias_result_free(study);
    rebias_device_free(target);
}

static void test_runs_alone_are_the_study(void **state)
{
    (void)state;
    check_alone(REBIAS_WEIGHTS_UNIFORM);
}

/* The weights are those of the target's network, which is trained again. */
static void test_visited_runs_alone_are_the_study(void **state)
{
    (void)state;
    check_alone(REBIAS_WEIGHTS_VISITED);
}

/* -- 3. there and back -- */

static int read_back(void *context, const struct rebias_store_record *record,
                     struct rebias_error *err)
{
    struct rebias_bias_run *run = context;
    return rebias_bias_run_read(run, record, err);
}

static void test_runs_survive_a_store(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_device *target = support_device("tiox-1.5V");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *study = run_study(&o);
    support_scratch(path, "runs.db");
    for (size_t i = 0; i < study->run_count; i++) {
        struct rebias_store_value values[REBIAS_BIAS_VALUES];
        struct rebias_store *store = NULL;
        char job[32];
        snprintf(job, sizeof job, "job%zu", i);
        const struct rebias_store_record record = {
            .cell = {job, "", study->runs[i].replicate},
            .version = "",
            .inputs = "",
            .values = values,
            .value_count = rebias_bias_run_values(&study->runs[i], values)};
        struct rebias_bias_run run = {.method = study->runs[i].method,
                                      .points = study->runs[i].points};
        assert_true(record.value_count <= REBIAS_BIAS_VALUES);
        assert_int_equal(rebias_store_open(&store, path, REBIAS_STORE_WRITE, &err), REBIAS_OK);
        assert_int_equal(rebias_store_put(store, &record, &err), REBIAS_OK);
        assert_int_equal(rebias_store_each(store, job, read_back, &run, &err), REBIAS_OK);
        expect_same_run(&run, &study->runs[i]);
        rebias_store_free(store);
    }
    rebias_bias_result_free(study);
    rebias_device_free(target);
}

static void test_failed_fit(void **state)
{
    (void)state;
    struct rebias_store_value values[REBIAS_BIAS_VALUES];
    const struct rebias_bias_run failed = {
        .method = 0, .points = 1, .status = REBIAS_E_DATA, .accuracy = (double)NAN};
    const struct rebias_store_record record = {
        .values = values, .value_count = rebias_bias_run_values(&failed, values)};
    struct rebias_bias_run run = {.method = 0, .points = 1};
    assert_int_equal(record.value_count, 2);
    assert_int_equal(rebias_bias_run_read(&run, &record, NULL), REBIAS_OK);
    expect_same_run(&run, &failed);
}

/* Numbers that grew without bound: no network, no metrics, not a run that counts. */
static void test_failed_cell(void **state)
{
    (void)state;
    const struct rebias_store_value value = {.name = "failed", .value = 1.0};
    const struct rebias_store_record record = {
        .cell = {.replicate = 3}, .values = &value, .value_count = 1};
    struct rebias_bias_run run = {.method = 0, .points = 1};
    assert_int_equal(rebias_bias_run_read(&run, &record, NULL), REBIAS_OK);
    assert_int_equal(run.status, REBIAS_E_NUMERIC);
    assert_int_equal(run.replicate, 3);
    assert_true(isnan(run.accuracy));
}

/* -- 4. refusals -- */

static void test_missing_run(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_device *target = support_device("tiox-1.5V");
    const struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *study = run_study(&o);
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_assemble(&result, &o, study->runs, study->run_count - 1, &err),
                   REBIAS_E_DATA, &err,
                   "the run of binning:6 with 300 points, replicate 3, is missing");
    assert_null(result);
    rebias_bias_result_free(study);
    rebias_device_free(target);
}

static void test_wrong_runs(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_device *target = support_device("tiox-1.5V");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_run run = {.method = METHODS, .points = 2};
    support_expect(rebias_bias_run_one(&run, &o, NULL, NULL, &err), REBIAS_E_RANGE, &err,
                   "there is no method 2, only 0 to 1");
    o.set = NULL;
    run.method = -1;
    support_expect(rebias_bias_run_one(&run, &o, NULL, NULL, &err), REBIAS_E_RANGE, &err,
                   "without networks the target has no run of its own");
    const struct rebias_store_value value = {.name = "fit_failed"};
    const struct rebias_store_record record = {.values = &value, .value_count = 1};
    support_expect(rebias_bias_run_read(&run, &record, &err), REBIAS_E_DATA, &err,
                   "has no accuracy at 0");
    rebias_device_free(target);
}

int main(void)
{
    support_start();
    images = blob_set(&memory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_alone_are_the_study),
        cmocka_unit_test(test_visited_runs_alone_are_the_study),
        cmocka_unit_test(test_runs_survive_a_store),
        cmocka_unit_test(test_failed_fit),
        cmocka_unit_test(test_failed_cell),
        cmocka_unit_test(test_missing_run),
        cmocka_unit_test(test_wrong_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
