/* coverage_study.c - how often does the interval of a mean over replicates cover the expected
 * device metric? Slow: run by make check-stat.
 * 1. metrics   2. replicates   3. coverage
 *
 * A replicate draws 300 points a polarity from a device, fits it with `polynomial` and compares
 * fit and truth. A study has 20 replicates and, by rebias_bootstrap_mean, a 95 % interval for
 * every metric's mean; its truth is the mean over 20000 other replicates. 300 studies are made.
 */
#include "../support.h"

#include "rebias/bias.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUDIES = 300, REPLICATES = 20, OTHERS = 20000, POINTS = 300, LEVELS = 26 };
enum { ALL = STUDIES * REPLICATES + OTHERS };

/* -- 1. metrics -- */

static const struct {
    const char *name;
    size_t offset; /* in rebias_device_metrics, of one value a polarity */
} metrics[] = {
    {"mean error", offsetof(struct rebias_device_metrics, mean_error)},
    {"sd error", offsetof(struct rebias_device_metrics, sd_error)},
    {"RMSE of the mean", offsetof(struct rebias_device_metrics, rmse_mean)},
    {"RMSE of the sd", offsetof(struct rebias_device_metrics, rmse_sd)},
    {"Wasserstein-1", offsetof(struct rebias_device_metrics, wasserstein1)},
    {"Wasserstein-2", offsetof(struct rebias_device_metrics, wasserstein2)},
    {"Kolmogorov-Smirnov", offsetof(struct rebias_device_metrics, kolmogorov_smirnov)},
    {"Hellinger", offsetof(struct rebias_device_metrics, hellinger)},
    {"Kullback-Leibler", offsetof(struct rebias_device_metrics, kullback_leibler)},
    {"Jensen-Shannon", offsetof(struct rebias_device_metrics, jensen_shannon)},
    {"energy", offsetof(struct rebias_device_metrics, energy)},
};
enum { METRICS = sizeof metrics / sizeof *metrics, VALUES = 2 * METRICS + 1 };

/* The metrics of SET, those of RESET, push-pull. */
static void collect(const struct rebias_device_metrics *from, double value[VALUES])
{
    for (size_t k = 0; k < METRICS; k++) {
        double pair[2];
        memcpy(pair, (const char *)from + metrics[k].offset, sizeof pair);
        value[k] = pair[0];
        value[METRICS + k] = pair[1];
    }
    value[2 * METRICS] = from->push_pull;
}

static const char *name_of(size_t k)
{
    return k < 2 * METRICS ? metrics[k % METRICS].name : "push-pull";
}

/* -- 2. replicates -- */

struct study {
    const struct rebias_device *device;
    struct rebias_jumps truth;
    struct rebias_method method;
    double *value; /* [VALUES][ALL] */
};

/* The fitted rows are normal, up to the grid of the table. */
static void table_moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    const struct rebias_table *table = context;
    rebias_table_moments(&table->side[polarity], REBIAS_RULE_LINEAR, G, mean, sd);
}

static int compare(const struct study *study, const struct rebias_table *table, size_t item,
                   struct rebias_error *err)
{
    const struct rebias_jumps model = {table, table_moments, study->truth.cdf, true};
    struct rebias_compare_options options = rebias_compare_options_defaults();
    struct rebias_device_metrics result;
    double value[VALUES];
    options.Gmin = study->device->Gmin;
    options.Gmax = study->device->Gmax;
    options.slices = LEVELS;
    int status = rebias_compare_jumps(&model, &study->truth, &options, &result, NULL, err);
    if (status == REBIAS_OK) {
        collect(&result, value);
        for (size_t k = 0; k < VALUES; k++) {
            study->value[k * ALL + item] = value[k];
        }
    }
    return status;
}

static int replicate(void *context, size_t item, struct rebias_error *err)
{
    const struct study *study = context;
    struct rebias_synth_options draw = rebias_synth_options_defaults();
    struct rebias_fit_options fit = rebias_fit_options_defaults();
    struct rebias_pulses *pulses = NULL;
    struct rebias_table *table = NULL;
    draw.points = POINTS;
    draw.seed = 95;
    draw.replicate = (uint32_t)item;
    fit.Gmin = study->device->Gmin;
    fit.Gmax = study->device->Gmax;
    fit.G_levels = LEVELS;
    fit.dG_levels = 101;
    int status = rebias_pulses_synthesize(&pulses, study->device, &draw, err);
    if (status == REBIAS_OK) {
        status = rebias_fit(&table, pulses, &study->method, &fit, NULL, err);
    }
    if (status == REBIAS_OK) {
        status = compare(study, table, item, err);
    }
    rebias_table_free(table);
    rebias_pulses_free(pulses);
    return status;
}

/* -- 3. coverage -- */

struct tally {
    size_t covered, below, above;
};

static struct tally cover(size_t metric, const double *value, double truth)
{
    struct tally t = {0, 0, 0};
    for (size_t s = 0; s < STUDIES; s++) {
        const struct rebias_stream stream = {.seed = 95,
                                             .purpose = REBIAS_FOR_BOOTSTRAP,
                                             .replicate = (uint32_t)s,
                                             .entity = (uint32_t)metric};
        double low = 0.0;
        double high = 0.0;
        assert_int_equal(rebias_bootstrap_mean(REPLICATES, value + s * REPLICATES, 0.95, 2000,
                                               &stream, &low, &high, NULL),
                         REBIAS_OK);
        t.covered += low <= truth && truth <= high;
        t.below += high < truth;
        t.above += low > truth;
    }
    return t;
}

/* Coverage of 90 to 98 % in each metric. Of 300 intervals that cover with probability 0.95, a
 * share outside these bounds has probability 0.002 (binomial); with 0.93, as skewed metrics
 * have, 0.02. The seed is fixed. */
static void test_coverage(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("synth:linear-constant");
    struct study study = {.device = device};
    struct rebias_error err = {0};
    size_t outside = 0;
    assert_int_equal(rebias_device_jumps(&study.truth, device, NULL), REBIAS_OK);
    assert_int_equal(rebias_method_parse(&study.method, "polynomial", NULL), REBIAS_OK);
    assert_int_equal(rebias_alloc(&study.value, VALUES, ALL * sizeof *study.value, NULL),
                     REBIAS_OK);
    support_expect(
        rebias_parallel_for(ALL, rebias_processor_count(), replicate, &study, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    for (size_t k = 0; k < VALUES; k++) {
        const double *value = study.value + k * ALL;
        double truth = 0.0;
        double sd = 0.0;
        rebias_mean_sd(OTHERS, value + STUDIES * REPLICATES, &truth, &sd);
        const struct tally t = cover(k, value, truth);
        const double share = (double)t.covered / STUDIES;
        print_message("# %-18s %-5s truth %11.4e, sd %.4e: covered %.3f, below %.3f, above "
                      "%.3f\n",
                      name_of(k),
                      k == 2 * METRICS ? "both"
                      : k < METRICS    ? "SET"
                                       : "RESET",
                      truth, sd, share, (double)t.below / STUDIES, (double)t.above / STUDIES);
        outside += share < 0.90 || share > 0.98;
    }
    assert_int_equal(outside, 0);
    free(study.value);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
