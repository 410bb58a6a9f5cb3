/* test_bias.c - the study of modeling bias.
 * 1. the study   2. interruption and wrong options
 *
 * Its summaries: test_bias_summary.c. Other sources of models, weights, no networks:
 * test_bias_sources.c. Here a model equal to its target has the same random numbers and hence
 * the same accuracy, so its bias is exactly 0.
 */
#include "bias_helpers.h"

#include "rebias/pulses.h"

/* -- 1. the study -- */

static void expect_same_runs(const struct rebias_bias_run *a, const struct rebias_bias_run *b)
{
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->points, b->points);
    assert_int_equal(a->replicate, b->replicate);
    assert_int_equal(a->status, b->status);
    assert_memory_equal(&a->accuracy, &b->accuracy, sizeof a->accuracy);
    assert_memory_equal(&a->device, &b->device, sizeof a->device);
}

static void expect_same_cells(const struct rebias_bias_cell *a,
                              const struct rebias_bias_cell *b)
{
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->points, b->points);
    assert_int_equal(a->runs, b->runs);
    assert_int_equal(a->failed, b->failed);
    assert_true(is_same(a->accuracy_mean, b->accuracy_mean) &&
                is_same(a->accuracy_sd, b->accuracy_sd));
    assert_true(is_same(a->bias, b->bias) && is_same(a->bias_sd, b->bias_sd));
    assert_true(is_same(a->bias_low, b->bias_low) && is_same(a->bias_high, b->bias_high));
    assert_int_equal(a->over, b->over);
    assert_int_equal(a->under, b->under);
    assert_int_equal(a->verdict, b->verdict);
    assert_memory_equal(&a->device, &b->device, sizeof a->device);
}

/* The same bytes for any number of threads (numbers one by one: the structs have unused bytes
 * between them). */
static void test_threads_do_not_matter(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *one = run_study(&o);
    o.threads = 3;
    struct rebias_bias_result *three = run_study(&o);
    assert_int_equal(one->run_count, (CELLS + 1) * REPLICATES);
    assert_int_equal(one->cell_count, CELLS);
    for (size_t r = 0; r < one->run_count; r++) {
        expect_same_runs(&one->runs[r], &three->runs[r]);
    }
    for (size_t c = 0; c < CELLS; c++) {
        expect_same_cells(&one->cells[c], &three->cells[c]);
    }
    assert_true(one->target_mean == three->target_mean && one->target_sd == three->target_sd);
    assert_true(one->target_low == three->target_low && one->target_high == three->target_high);
    rebias_bias_result_free(one);
    rebias_bias_result_free(three);
    rebias_device_free(target);
}

/* The target in the place of a model: every random number is shared, the difference is exactly
 * 0. */
static void test_target_as_model_has_no_bias(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_device *same = support_device("synthetic-lc");
    const struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *result = run_study(&o);
    for (uint32_t r = 0; r < REPLICATES; r++) {
        assert_int_equal(result->runs[r].method, -1);
        assert_int_equal(result->runs[r].replicate, r);
        assert_true(result->runs[r].accuracy - train_by_hand(&o, same, target, r) == 0.0);
    }
    rebias_bias_result_free(result);
    rebias_device_free(same);
    rebias_device_free(target);
}

/* The fitted model of a run, made by hand from the documented steps. */
static struct rebias_device *fit_by_hand(const struct rebias_bias_options *o,
                                         const struct rebias_bias_run *run)
{
    struct rebias_error err = {0};
    struct rebias_synth_options synth = o->synth;
    struct rebias_fit_options fit = o->fit;
    struct rebias_pulses *pulses = NULL;
    struct rebias_table *table = NULL;
    struct rebias_device *model = NULL;
    synth.points = run->points;
    synth.seed = o->seed;
    synth.replicate = run->replicate;
    fit.Gmin = o->target->Gmin;
    fit.Gmax = o->target->Gmax;
    support_expect(rebias_pulses_synthesize(&pulses, o->target, &synth, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_fit(&table, pulses, &o->method[run->method].method, &fit, NULL, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(
        rebias_table_device_new(&model, table, "by hand", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_OK, &err, NULL);
    rebias_table_free(table);
    rebias_pulses_free(pulses);
    return model;
}

static void test_run_by_hand(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    const struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *result = run_study(&o);
    const struct rebias_bias_run *run =
        &result->runs[CELLS * REPLICATES + 2]; /* 300 points, 6 bins */
    assert_int_equal(run->method, 1);
    assert_int_equal(run->points, 300);
    assert_int_equal(run->replicate, 2);
    struct rebias_device *model = fit_by_hand(&o, run);
    struct rebias_device_metrics metrics;
    assert_int_equal(rebias_compare_devices(model, target, NULL, &metrics, NULL, NULL),
                     REBIAS_OK);
    assert_memory_equal(&metrics, &run->device, sizeof metrics);
    assert_true(metrics.wasserstein1[0] > 0.0);
    assert_true(run->accuracy > 0.3 && run->accuracy < 0.99);
    assert_true(run->accuracy ==
                train_by_hand(&o, model, target, run->replicate)); /* the same computation */
    rebias_device_free(model);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

static void test_pulse_size_and_noise(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.methods = o.point_counts = 1;
    struct rebias_bias_result *result = run_study(&o);
    assert_true(result->pulse_size == rebias_device_pulse_size(target)); /* handed through */
    support_close(result->pulse_noise, 1.2e-9, 1e-9, 0.0);               /* the preset's sd */
    rebias_bias_result_free(result);
    o.network.crossbar.pulse_size = 1e-9;
    o.network.crossbar.pulse_noise = 2e-9;
    result = run_study(&o);
    assert_true(result->pulse_size == 1e-9 && result->pulse_noise == 2e-9);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* -- 2. interruption and wrong options -- */

struct watch {
    size_t calls, total, stop_at;
};

static int watch_progress(void *context, size_t done, size_t total)
{
    struct watch *watch = context;
    watch->calls++;
    watch->total = total;
    return done >= watch->stop_at;
}

static void test_progress_and_interrupt(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    struct watch all = {.stop_at = SIZE_MAX};
    support_expect(rebias_bias_study(&result, &o, watch_progress, &all, &err), REBIAS_OK, &err,
                   NULL);
    assert_int_equal(all.calls, (CELLS + 1) * REPLICATES);
    assert_int_equal(all.total, (CELLS + 1) * REPLICATES);
    rebias_bias_result_free(result);
    for (o.threads = 1; o.threads <= 2; o.threads++) {
        struct watch some = {.stop_at = 3};
        support_expect(rebias_bias_study(&result, &o, watch_progress, &some, &err),
                       REBIAS_E_INTERRUPTED, &err, "interrupted after 3 of 20 items");
        assert_null(result);
        assert_int_equal(some.calls, 3);
    }
    rebias_device_free(target);
}

static int stop_at_once(void *context, size_t done, size_t total)
{
    size_t *calls = context;
    (*calls)++;
    assert_int_equal(done, 0);
    assert_int_equal(total, (CELLS + 1) * REPLICATES);
    return 1;
}

/* A wish to stop is heard while the first network is still training. */
static void test_interrupt_within_a_network(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    size_t calls = 0;
    o.train.epochs = 100000;
    support_expect(rebias_bias_study(&result, &o, stop_at_once, &calls, &err),
                   REBIAS_E_INTERRUPTED, &err, "interrupted after 0 of 20 networks");
    assert_null(result);
    assert_int_equal(calls, 1);
    rebias_device_free(target);
}

static void expect_refused(const struct rebias_bias_options *o, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_study(&result, o, NULL, NULL, &err), REBIAS_E_RANGE, &err,
                   message);
    assert_null(result);
}

static void test_wrong_options(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    const struct rebias_bias_options good = options_of(target);
    struct rebias_bias_options o = good;
    o.methods = 0;
    expect_refused(&o, "0 methods are not possible (1 to 32)");
    o.methods = 33;
    expect_refused(&o, "33 methods are not possible (1 to 32)");
    o = good;
    o.point_counts = 0;
    expect_refused(&o, "0 numbers of points are not possible (1 to 32)");
    o = good;
    o.points[0] = 0;
    expect_refused(&o, "0 synthetic points per polarity are not possible");
    o = good;
    o.points[1] = o.points[0];
    expect_refused(&o, "numbers of points must ascend");
    o = good;
    o.replicates = 1000001;
    expect_refused(&o, "1000001 replicates are not possible (1 to 1000000)");
    o = good;
    o.level = NAN;
    expect_refused(&o, "the confidence level nan is not in (0, 1)");
    o = good;
    o.resamples = 0;
    expect_refused(&o, "0 bootstrap resamples are not possible");
    o = good;
    o.train.epochs = 0;
    expect_refused(&o, "0 epochs are not possible");
    o = good;
    o.network.sizes[0] = 10;
    expect_refused(&o, "the network has 10 inputs, the images have 64 pixels");
    rebias_bias_result_free(NULL);
    rebias_device_free(target);
}

int main(void)
{
    support_start();
    images = blob_set(&memory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_target_as_model_has_no_bias),
        cmocka_unit_test(test_run_by_hand),
        cmocka_unit_test(test_pulse_size_and_noise),
        cmocka_unit_test(test_progress_and_interrupt),
        cmocka_unit_test(test_interrupt_within_a_network),
        cmocka_unit_test(test_wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
