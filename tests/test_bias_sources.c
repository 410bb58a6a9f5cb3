/* test_bias_sources.c - a bias study without networks, with weights, from resampled pulses, and
 * from stored tables.
 * 1. no networks   2. a method that fits to the truth   3. weights   4. resampled pulses
 * 5. stored tables   6. wrong options
 */
#include "bias_helpers.h"

#include "rebias/family.h"
#include "rebias/pulses.h"
#include "rebias/visits.h"
#include "sweep/slice_weights.h"
#include <stdlib.h>

/* -- 1. no networks -- */

/* The device metrics are those of the study with networks, in half the runs or fewer. */
static void test_without_networks(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *with = run_study(&o);
    o.set = NULL;
    o.threads = 3;
    struct rebias_bias_result *without = run_study(&o);
    assert_int_equal(with->target_runs, REPLICATES);
    assert_int_equal(without->target_runs, 0);
    assert_int_equal(without->run_count, CELLS * REPLICATES);
    assert_int_equal(without->correlation_count, 0);
    assert_true(isnan(without->target_mean) && isnan(without->target_low));
    for (size_t i = 0; i < without->run_count; i++) {
        const struct rebias_bias_run *a = &without->runs[i];
        const struct rebias_bias_run *b = &with->runs[REPLICATES + i];
        assert_int_equal(a->method, b->method);
        assert_int_equal(a->points, b->points);
        assert_int_equal(a->replicate, b->replicate);
        assert_int_equal(a->status, b->status);
        assert_true(isnan(a->accuracy));
        assert_memory_equal(&a->device, &b->device, sizeof a->device);
    }
    for (size_t c = 0; c < CELLS; c++) {
        const struct rebias_bias_cell *a = &without->cells[c];
        assert_int_equal(a->runs, with->cells[c].runs);
        assert_int_equal(a->failed, with->cells[c].failed);
        assert_memory_equal(&a->device, &with->cells[c].device, sizeof a->device);
        assert_true(isnan(a->bias) && isnan(a->accuracy_mean) && isnan(a->bias_low));
        assert_int_equal(a->verdict, REBIAS_NO_INTERVAL);
    }
    rebias_bias_result_free(with);
    rebias_bias_result_free(without);
    rebias_device_free(target);
}

/* -- 2. a method that fits to the truth -- */

/* Bins that are held against the target itself must come nearer to it than bins that are held
 * against points left out: on average, at a fixed seed. The other method gets no truth, which
 * it would refuse. */
static void test_truth_is_given_where_wanted(void **state)
{
    (void)state;
    static const char *const names[METHODS] = {"binopt:100:objective=truth", "binopt:100"};
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.set = NULL;
    o.point_counts = 1;
    o.points[0] = 200;
    for (size_t m = 0; m < METHODS; m++) {
        struct rebias_error err = {0};
        support_expect(rebias_method_parse(&o.method[m].method, names[m], &err), REBIAS_OK,
                       &err, NULL);
    }
    struct rebias_bias_result *result = run_study(&o);
    const struct rebias_bias_metric_mean *W1[METHODS];
    for (size_t m = 0; m < METHODS; m++) {
        W1[m] = &result->cells[m].metric[REBIAS_BIAS_WASSERSTEIN1];
        assert_int_equal(W1[m]->runs, REPLICATES);
    }
    assert_true(W1[0]->mean < 0.95 * W1[1]->mean);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* -- 3. weights -- */

/* Three slices at 0, 1 and 2: points at 0.4 and 0 belong to the first, 0.6 and 1.4 to the
 * second, 1.6 to the third; 2.5 is outside. */
static void test_weights_of_data_by_hand(void **state)
{
    (void)state;
    static const double G[] = {0.4, 0.0, 0.6, 1.4, 2.5, 2.0, 1.6, 0.1, 0.9};
    static const uint8_t polarity[] = {0, 0, 0, 0, 0, 1, 1, 1, 1};
    static const double expected[2][3] = {{0.5, 0.5, 0.0}, {0.25, 0.25, 0.5}};
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    double w[2][3];
    double *weights[2] = {w[0], w[1]};
    assert_int_equal(rebias_pulses_new(&pulses, 9, false, &err), REBIAS_OK);
    memcpy(pulses->G, G, sizeof G);
    memcpy(pulses->polarity, polarity, sizeof polarity);
    support_expect(rebias_bias_data_weights(pulses, 0.0, 2.0, 3, weights, &err), REBIAS_OK,
                   &err, NULL);
    for (int p = 0; p < 2; p++) {
        for (int s = 0; s < 3; s++) {
            assert_true(weights[p][s] == expected[p][s]);
        }
    }
    support_expect(rebias_bias_data_weights(pulses, 2.2, 3.0, 3, weights, &err), REBIAS_E_DATA,
                   &err, "there is no RESET point in 2.2 to 3 S");
    rebias_pulses_free(pulses);
}

/* The points and the model of a run, by the documented steps. */
static struct rebias_device *model_by_hand(const struct rebias_bias_options *o,
                                           const struct rebias_pulses *pulses, size_t method)
{
    struct rebias_error err = {0};
    struct rebias_fit_options fit = o->fit;
    struct rebias_table *table = NULL;
    struct rebias_device *model = NULL;
    fit.Gmin = o->target->Gmin;
    fit.Gmax = o->target->Gmax;
    support_expect(rebias_fit(&table, pulses, &o->method[method].method, &fit, NULL, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(
        rebias_table_device_new(&model, table, "by hand", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_OK, &err, NULL);
    rebias_table_free(table);
    return model;
}

static struct rebias_pulses *points_by_hand(const struct rebias_bias_options *o,
                                            const struct rebias_bias_run *run)
{
    struct rebias_error err = {0};
    struct rebias_synth_options synth = o->synth;
    struct rebias_pulses *pulses = NULL;
    synth.points = run->points;
    synth.seed = o->seed;
    synth.replicate = run->replicate;
    support_expect(rebias_pulses_synthesize(&pulses, o->target, &synth, &err), REBIAS_OK, &err,
                   NULL);
    return pulses;
}

/* W1 of each polarity: sum of weight x the slice's W1, from an unweighted comparison. */
static void expect_weighted_W1(const struct rebias_device *model,
                               const struct rebias_device *target, double *const weights[2],
                               const struct rebias_device_metrics *found)
{
    enum { SLICES = 100 };
    struct rebias_device_metrics plain;
    struct rebias_slice_metrics slices[2 * SLICES];
    assert_int_equal(rebias_compare_devices(model, target, NULL, &plain, slices, NULL),
                     REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        double sum = 0.0;
        for (size_t s = 0; s < SLICES; s++) {
            sum += weights[p][s] * slices[(size_t)p * SLICES + s].wasserstein1;
        }
        support_close(found->wasserstein1[p], sum, 1e-9, 0.0);
        assert_true(fabs(found->wasserstein1[p] - plain.wasserstein1[p]) > 1e-6 * sum);
    }
}

static void test_weights_of_the_data(void **state)
{
    (void)state;
    enum { SLICES = 100 };
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.set = NULL;
    o.weights = REBIAS_WEIGHTS_DATA;
    struct rebias_bias_result *result = run_study(&o);
    const struct rebias_bias_run *run = &result->runs[3 * REPLICATES + 1]; /* 300 points */
    struct rebias_pulses *pulses = points_by_hand(&o, run);
    struct rebias_device *model = model_by_hand(&o, pulses, 1);
    double w[2][SLICES] = {{0.0}};
    for (size_t i = 0; i < pulses->n; i++) { /* nearest slice by its distance to all */
        size_t nearest = 0;
        for (size_t s = 1; s < SLICES; s++) {
            double step = (target->Gmax - target->Gmin) / (SLICES - 1);
            double G = pulses->G[i] - target->Gmin;
            nearest =
                fabs(G - step * (double)s) < fabs(G - step * (double)nearest) ? s : nearest;
        }
        w[pulses->polarity[i]][nearest] += 1.0 / 300.0;
    }
    double *weights[2] = {w[0], w[1]};
    assert_int_equal(run->points, 300);
    expect_weighted_W1(model, target, weights, &run->device);
    rebias_device_free(model);
    rebias_pulses_free(pulses);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* Where the target's network of a replicate was pulsed. */
static struct rebias_visits *visits_by_hand(const struct rebias_bias_options *o,
                                            uint32_t replicate)
{
    struct rebias_error err = {0};
    struct rebias_visits *visits = NULL;
    const struct rebias_device *target = o->target;
    support_expect(rebias_visits_new(&visits, 1000, target->Gmin, target->Gmax, &err),
                   REBIAS_OK, &err, NULL);
    train_and_count(o, target, target, replicate, visits);
    return visits;
}

static void test_weights_of_visits(void **state)
{
    (void)state;
    enum { SLICES = 100 };
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_bias_result *uniform = run_study(&o);
    o.weights = REBIAS_WEIGHTS_VISITED;
    struct rebias_bias_result *result = run_study(&o);
    o.threads = 3;
    struct rebias_bias_result *three = run_study(&o);
    const struct rebias_bias_run *run = &result->runs[CELLS * REPLICATES + 2];
    struct rebias_pulses *pulses = points_by_hand(&o, run);
    struct rebias_device *model = model_by_hand(&o, pulses, 1);
    struct rebias_visits *visits = visits_by_hand(&o, run->replicate);
    double w[2][SLICES];
    double *weights[2] = {w[0], w[1]};
    assert_int_equal(
        rebias_visits_weights(visits, target->Gmin, target->Gmax, SLICES, weights, NULL),
        REBIAS_OK);
    assert_int_equal(run->replicate, 2);
    expect_weighted_W1(model, target, weights, &run->device);
    for (size_t i = 0; i < result->run_count; i++) { /* training knows nothing of weights */
        assert_true(is_same(result->runs[i].accuracy, uniform->runs[i].accuracy));
        assert_memory_equal(&result->runs[i].device, &three->runs[i].device,
                            sizeof three->runs[i].device);
    }
    rebias_visits_free(visits);
    rebias_device_free(model);
    rebias_pulses_free(pulses);
    rebias_bias_result_free(uniform);
    rebias_bias_result_free(result);
    rebias_bias_result_free(three);
    rebias_device_free(target);
}

/* Targets go first when their visits are needed; progress still counts up to all networks. */
static int expect_next(void *context, size_t done, size_t total)
{
    size_t *calls = context;
    (*calls)++;
    assert_int_equal(done, *calls);
    assert_int_equal(total, (CELLS + 1) * REPLICATES);
    return 0;
}

static void test_progress_with_visits(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    size_t calls = 0;
    o.weights = REBIAS_WEIGHTS_VISITED;
    support_expect(rebias_bias_study(&result, &o, expect_next, &calls, &err), REBIAS_OK, &err,
                   NULL);
    assert_int_equal(calls, (CELLS + 1) * REPLICATES);
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* -- 4. resampled pulses -- */

/* 200 points per polarity of synthetic-lc. */
static struct rebias_pulses *measured(void)
{
    struct rebias_error err = {0};
    struct rebias_device *device = support_device("synthetic-lc");
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    synth.points = 200;
    synth.seed = 11;
    support_expect(rebias_pulses_synthesize(&pulses, device, &synth, &err), REBIAS_OK, &err,
                   NULL);
    rebias_device_free(device);
    return pulses;
}

static void test_resampled_pulses_by_hand(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = measured();
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    struct rebias_error err = {0};
    o.source = REBIAS_BIAS_RESAMPLES;
    o.pulses = pulses;
    o.point_counts = 1;
    o.points[0] = 200;
    struct rebias_bias_result *result = run_study(&o);
    assert_int_equal(result->run_count, (METHODS + 1) * REPLICATES);
    for (uint32_t r = 0; r < REPLICATES; r++) {
        const struct rebias_bias_run *run = &result->runs[2 * REPLICATES + r]; /* 6 bins */
        struct rebias_device_metrics metrics;
        struct rebias_pulses *drawn = NULL;
        support_expect(
            rebias_pulses_resample(&drawn, pulses, REBIAS_BLOCKS_AUTO, o.seed, r, &err),
            REBIAS_OK, &err, NULL);
        struct rebias_device *model = model_by_hand(&o, drawn, 1);
        assert_int_equal(rebias_compare_devices(model, target, NULL, &metrics, NULL, NULL),
                         REBIAS_OK);
        assert_memory_equal(&metrics, &run->device, sizeof metrics);
        assert_true(run->accuracy == train_by_hand(&o, model, target, r));
        assert_int_equal(run->points, 200);
        rebias_device_free(model);
        rebias_pulses_free(drawn);
    }
    rebias_bias_result_free(result);
    rebias_device_free(target);
    rebias_pulses_free(pulses);
}

/* -- 5. stored tables -- */

/* Tables that binning:1 and binning:6 fit to the same points. */
static struct rebias_family family_of(struct rebias_table *table[2], int32_t label[2])
{
    struct rebias_pulses *pulses = measured();
    struct rebias_device *target = support_device("synthetic-lc");
    const struct rebias_bias_options o = options_of(target);
    for (int k = 0; k < 2; k++) {
        struct rebias_error err = {0};
        struct rebias_fit_options fit = o.fit;
        fit.Gmin = target->Gmin;
        fit.Gmax = target->Gmax;
        support_expect(rebias_fit(&table[k], pulses, &o.method[k].method, &fit, NULL, &err),
                       REBIAS_OK, &err, NULL);
        label[k] = k;
    }
    rebias_device_free(target);
    rebias_pulses_free(pulses);
    return (struct rebias_family){
        .kind = REBIAS_FAMILY_BOOTSTRAP, .count = 2, .table = table, .label = label};
}

/* Member 0 is the target itself: its replicates differ from the target's network in nothing.
 * Member 1 is another table. */
static void test_stored_tables(void **state)
{
    (void)state;
    struct rebias_table *table[2] = {NULL, NULL};
    int32_t label[2];
    const struct rebias_family family = family_of(table, label);
    struct rebias_error err = {0};
    struct rebias_device *target = NULL;
    support_expect(rebias_table_device_new(&target, table[0], "member 0", REBIAS_RULE_LINEAR,
                                           1.0, 0.0, &err),
                   REBIAS_OK, &err, NULL);
    struct rebias_bias_options o = options_of(target);
    o.source = REBIAS_BIAS_FAMILY;
    o.family = &family;
    o.methods = o.point_counts = 1;
    struct rebias_bias_result *result = run_study(&o);
    const struct rebias_bias_run *runs = result->runs + REPLICATES;
    for (size_t r = 0; r < REPLICATES; r++) {
        bool same = r % 2 == 0;
        assert_int_equal(runs[r].status, REBIAS_OK);
        assert_true((runs[r].accuracy == result->runs[r].accuracy) || !same);
        assert_true((runs[r].device.wasserstein1[0] == 0.0) == same);
    }
    assert_memory_equal(&runs[1].device, &runs[3].device, sizeof runs[1].device);
    assert_int_equal(result->cells[0].runs, REPLICATES);
    rebias_bias_result_free(result);
    rebias_device_free(target);
    rebias_table_free(table[0]);
    rebias_table_free(table[1]);
}

/* -- 6. wrong options -- */

static void expect_refused(const struct rebias_bias_options *o, int status, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_study(&result, o, NULL, NULL, &err), status, &err, message);
    assert_null(result);
}

static void test_wrong_resamples(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = measured();
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.source = REBIAS_BIAS_RESAMPLES;
    o.point_counts = 1;
    expect_refused(&o, REBIAS_E_RANGE, "there are no pulses to resample");
    o.pulses = pulses;
    o.point_counts = 2;
    expect_refused(&o, REBIAS_E_RANGE,
                   "2 numbers of points are not possible with given pulses (1)");
    o.point_counts = 1;
    o.fit.blocks = REBIAS_BLOCKS_CYCLE; /* not recorded */
    expect_refused(&o, REBIAS_E_DATA, NULL);
    rebias_device_free(target);
    rebias_pulses_free(pulses);
}

static void test_wrong_tables(void **state)
{
    (void)state;
    struct rebias_table *table[2] = {NULL, NULL};
    int32_t label[2];
    struct rebias_family family = family_of(table, label);
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.source = REBIAS_BIAS_FAMILY;
    expect_refused(&o, REBIAS_E_RANGE, "there are no bootstrap tables");
    o.family = &family;
    expect_refused(&o, REBIAS_E_RANGE,
                   "2 methods and 2 numbers of points are not possible with given tables");
    o.methods = o.point_counts = 1;
    o.weights = REBIAS_WEIGHTS_DATA;
    expect_refused(&o, REBIAS_E_RANGE, "the points of the tables are not known");
    o.weights = REBIAS_WEIGHTS_UNIFORM;
    family.kind = REBIAS_FAMILY_DEVICES;
    expect_refused(&o, REBIAS_E_RANGE, "there are no bootstrap tables");
    rebias_device_free(target);
    rebias_table_free(table[0]);
    rebias_table_free(table[1]);
}

static void test_visits_need_networks(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.set = NULL;
    o.weights = REBIAS_WEIGHTS_VISITED;
    expect_refused(&o, REBIAS_E_RANGE,
                   "weights of visited conductances are not possible without networks");
    rebias_device_free(target);
}

int main(void)
{
    support_start();
    images = blob_set(&memory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_networks),
        cmocka_unit_test(test_truth_is_given_where_wanted),
        cmocka_unit_test(test_weights_of_data_by_hand),
        cmocka_unit_test(test_weights_of_the_data),
        cmocka_unit_test(test_weights_of_visits),
        cmocka_unit_test(test_progress_with_visits),
        cmocka_unit_test(test_resampled_pulses_by_hand),
        cmocka_unit_test(test_stored_tables),
        cmocka_unit_test(test_wrong_resamples),
        cmocka_unit_test(test_wrong_tables),
        cmocka_unit_test(test_visits_need_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
