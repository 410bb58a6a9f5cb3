/* test_bias.c - the study of modeling bias.
 * 1. helpers   2. the study   3. statistics   4. interruption and wrong options
 *
 * Coverage of the interval is checked in test_bootstrap.c. Here a model equal to its target has
 * the same random numbers and hence the same accuracy, so its bias is exactly 0 and there is
 * nothing to cover.
 */
#include "support.h"

#include "blobs.h"
#include "rebias/bias.h"
#include "rebias/pulses.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { REPLICATES = 4, METHODS = 2, POINTS = 2, CELLS = METHODS * POINTS };

static struct blob_memory memory;
static struct rebias_image_set images; /* set by main */

/* Two points always fill one bin; 300 fill six. Training stops early: accuracies between chance
 * and 1 tell runs apart. */
static struct rebias_bias_options options_of(const struct rebias_device *target)
{
    static const size_t sizes[3] = {BLOB_PIXELS, 8, BLOB_CLASSES};
    struct rebias_bias_options o = rebias_bias_options_defaults();
    o.target = target;
    o.set = &images;
    o.methods = METHODS;
    for (size_t m = 0; m < METHODS; m++) {
        snprintf(o.method[m].name, sizeof o.method[m].name, "binning:%d", m == 0 ? 1 : 6);
        struct rebias_error err = {0};
        support_expect(rebias_method_parse(&o.method[m].method, o.method[m].name, &err),
                       REBIAS_OK, &err, NULL);
    }
    o.fit.G_levels = 20;
    o.fit.dG_levels = 61;
    o.point_counts = POINTS;
    o.points[0] = 2;
    o.points[1] = 300;
    o.replicates = REPLICATES;
    memcpy(o.network.sizes, sizes, sizeof sizes);
    o.network.activation = REBIAS_TANH;
    o.network.batch = 16;
    o.train.batch = 16;
    o.train.epochs = 1;
    o.train.rate[0] = o.train.rate[1] = 0.03;
    o.seed = 5;
    return o;
}

static struct rebias_bias_result *run_study(const struct rebias_bias_options *options)
{
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_study(&result, options, NULL, NULL, &err), REBIAS_OK, &err,
                   NULL);
    return result;
}

/* Equal, or both NaN. */
static bool is_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* -- 2. the study -- */

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

/* Accuracy of the study's network on a device, trained by hand. */
static double train_by_hand(const struct rebias_bias_options *o,
                            const struct rebias_device *device,
                            const struct rebias_device *target, uint32_t replicate)
{
    struct rebias_error err = {0};
    struct rebias_epoch epoch;
    struct rebias_network_options n = o->network;
    struct rebias_train_options t = o->train;
    n.device = device;
    n.crossbar.pulse_size = rebias_device_pulse_size(target);
    n.crossbar.pulse_noise = rebias_device_pulse_noise(target);
    n.seed = t.seed = o->seed;
    n.replicate = t.replicate = replicate;
    struct rebias_network *network = NULL;
    support_expect(rebias_network_new(&network, &n, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_train(network, o->set, &t, &epoch, NULL, NULL, &err), REBIAS_OK, &err,
                   NULL);
    rebias_network_free(network);
    return epoch.test_accuracy;
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

/* -- 3. statistics -- */

/* Mean and sd (n - 1) by the textbook formulas. */
static void mean_sd(size_t n, const double *x, double *mean, double *sd)
{
    double squares = 0.0;
    *mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        *mean += x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - *mean) * (x[i] - *mean);
    }
    *sd = n > 1 ? sqrt(squares / (double)(n - 1)) : 0.0;
}

static void check_interval(const struct rebias_bias_cell *cell)
{
    if (cell->runs < 2) {
        assert_true(isnan(cell->bias_low) && isnan(cell->bias_high));
        assert_int_equal(cell->verdict, REBIAS_NO_INTERVAL);
        return;
    }
    assert_true(cell->bias_low <= cell->bias && cell->bias <= cell->bias_high);
    enum rebias_verdict expected = cell->bias_low > 0.0    ? REBIAS_OVER_PROMISING
                                   : cell->bias_high < 0.0 ? REBIAS_UNDER_PROMISING
                                                           : REBIAS_NOT_DISTINGUISHABLE;
    assert_int_equal(cell->verdict, expected);
}

static void check_cell(const struct rebias_bias_result *result, size_t c, size_t replicates)
{
    const struct rebias_bias_cell *cell = &result->cells[c];
    const struct rebias_bias_run *runs = result->runs + (c + 1) * replicates;
    double accuracy[REPLICATES];
    double difference[REPLICATES];
    double mean = NAN;
    double sd = NAN;
    double wasserstein = 0.0;
    size_t n = 0;
    size_t over = 0;
    size_t under = 0;
    for (size_t r = 0; r < replicates; r++) {
        assert_int_equal(runs[r].replicate, r);
        if (runs[r].status == REBIAS_OK) {
            accuracy[n] = runs[r].accuracy;
            difference[n] = runs[r].accuracy - result->runs[r].accuracy;
            over += difference[n] > result->target_sd;
            under += difference[n] < -result->target_sd;
            wasserstein += runs[r].device.wasserstein1[1];
            n++;
        }
    }
    assert_int_equal(cell->runs, n);
    assert_int_equal(cell->failed, replicates - n);
    assert_int_equal(cell->over, over);
    assert_int_equal(cell->under, under);
    check_interval(cell);
    if (n > 0) {
        mean_sd(n, accuracy, &mean, &sd);
        support_close(cell->accuracy_mean, mean, 1e-12, 0.0);
        support_close(cell->accuracy_sd, sd, 1e-9, 1e-12);
        mean_sd(n, difference, &mean, &sd);
        support_close(cell->bias, mean, 1e-12, 1e-15);
        support_close(cell->bias_sd, sd, 1e-9, 1e-12);
        support_close(cell->device.wasserstein1[1], wasserstein / (double)n, 1e-12, 0.0);
    } else {
        assert_true(isnan(cell->bias) && isnan(cell->accuracy_mean));
    }
}

static void test_cells_summarise_their_runs(void **state)
{
    (void)state;
    static const char *const specs[] = {"synthetic-lc", "tiox-1.8V", "ideal:levels=100"};
    for (size_t k = 0; k < sizeof specs / sizeof specs[0]; k++) {
        struct rebias_device *target = support_device(specs[k]);
        const struct rebias_bias_options o = options_of(target);
        struct rebias_bias_result *result = run_study(&o);
        double accuracy[REPLICATES];
        double mean = 0.0;
        double sd = 0.0;
        for (size_t r = 0; r < REPLICATES; r++) {
            accuracy[r] = result->runs[r].accuracy;
        }
        mean_sd(REPLICATES, accuracy, &mean, &sd);
        support_close(result->target_mean, mean, 1e-12, 0.0);
        support_close(result->target_sd, sd, 1e-9, 1e-12);
        assert_true(result->target_low <= mean && mean <= result->target_high);
        for (size_t c = 0; c < CELLS; c++) {
            assert_int_equal(result->cells[c].method, c % METHODS);
            assert_int_equal(result->cells[c].points, o.points[c / METHODS]);
            check_cell(result, c, REPLICATES);
        }
        rebias_bias_result_free(result);
        rebias_device_free(target);
    }
}

/* One point has no sd: no bin is valid and every fit fails, which is a result. Two points in
 * one of 6 bins fail in most replicates. */
/* Each correlation is rebias_spearman (test_rank.c) of the metric and the bias over the runs of
 * its number of points. */
static void test_correlations(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.points[0] = 40;
    struct rebias_bias_result *result = run_study(&o);
    assert_int_equal(result->correlation_count, POINTS * REBIAS_BIAS_METRICS);
    for (size_t k = 0; k < result->correlation_count; k++) {
        const struct rebias_bias_correlation *c = &result->correlations[k];
        double metric[METHODS * REPLICATES];
        double bias[METHODS * REPLICATES];
        size_t n = 0;
        double rho = 0.0;
        double low = 0.0;
        double high = 0.0;
        assert_int_equal(c->points, o.points[k / REBIAS_BIAS_METRICS]);
        assert_int_equal(c->metric, k % REBIAS_BIAS_METRICS);
        for (size_t i = REPLICATES; i < result->run_count; i++) {
            const struct rebias_bias_run *run = &result->runs[i];
            if (run->points == c->points) {
                metric[n] = rebias_bias_metric(&run->device, c->metric);
                bias[n++] = run->accuracy - result->runs[run->replicate].accuracy;
            }
        }
        assert_int_equal(c->runs, n);
        assert_int_equal(rebias_spearman(n, metric, bias, o.level, &rho, &low, &high, NULL), 0);
        assert_true(is_same(c->rho, rho) && is_same(c->low, low) && is_same(c->high, high));
    }
    const struct rebias_device_metrics *d = &result->runs[REPLICATES].device;
    assert_true(rebias_bias_metric(d, 2) == d->push_pull);
    assert_string_equal(rebias_bias_metric_name(2), "push_pull");
    assert_true(rebias_bias_metric(d, 0) == 0.5 * (d->rmse_mean[0] + d->rmse_mean[1]));
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

static void test_failed_fits_are_recorded(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.points[0] = 1;
    o.points[1] = 2;
    struct rebias_bias_result *result = run_study(&o);
    for (size_t c = 0; c < METHODS; c++) {
        assert_int_equal(result->cells[c].failed, REPLICATES);
        assert_int_equal(result->cells[c].verdict, REBIAS_NO_INTERVAL);
        for (size_t r = 0; r < REPLICATES; r++) {
            assert_int_equal(result->runs[(c + 1) * REPLICATES + r].status, REBIAS_E_DATA);
        }
    }
    assert_int_equal(result->cells[2].failed, 0);
    assert_true(result->cells[3].failed > 0);
    for (size_t c = 0; c < CELLS; c++) {
        check_cell(result, c, REPLICATES);
    }
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* A noiseless target and a model whose noise is set to half the range per pulse: far apart in
 * every replicate. */
static void test_clear_verdicts(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("ideal:levels=100");
    struct rebias_bias_options o = options_of(target);
    o.methods = o.point_counts = 1;
    o.points[0] = 300;
    o.train.rate[0] = o.train.rate[1] = 0.3;
    o.fit.sd_floor = 20e-9;
    struct rebias_bias_result *result = run_study(&o);
    assert_int_equal(result->cells[0].verdict, REBIAS_UNDER_PROMISING);
    assert_int_equal(result->cells[0].under, REPLICATES);
    assert_true(result->cells[0].bias_high < 0.0);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

static void test_one_replicate_has_no_interval(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.replicates = 1;
    struct rebias_bias_result *result = run_study(&o);
    assert_true(isnan(result->target_low) && isnan(result->target_high));
    for (size_t c = 0; c < CELLS; c++) {
        check_cell(result, c, 1);
    }
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

static void test_verdict_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"not distinguishable", "over-promising",
                                        "under-promising", "no interval"};
    for (int verdict = REBIAS_NOT_DISTINGUISHABLE; verdict <= REBIAS_NO_INTERVAL; verdict++) {
        assert_string_equal(rebias_verdict_text((enum rebias_verdict)verdict), texts[verdict]);
    }
}

/* -- 4. interruption and wrong options -- */

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
        cmocka_unit_test(test_cells_summarise_their_runs),
        cmocka_unit_test(test_correlations),
        cmocka_unit_test(test_failed_fits_are_recorded),
        cmocka_unit_test(test_clear_verdicts),
        cmocka_unit_test(test_one_replicate_has_no_interval),
        cmocka_unit_test(test_verdict_texts),
        cmocka_unit_test(test_progress_and_interrupt),
        cmocka_unit_test(test_interrupt_within_a_network),
        cmocka_unit_test(test_wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
