/* coverage_compare.c - how often do the intervals of `rebias compare DATA DEVICE` cover the
 * true metric? Slow: run by make check-stat.
 *
 * 300 data sets of N points a polarity from a synthetic device against another device; the
 * truth is the comparison of the two devices at 200 levels. A right 95 % interval covers in 90
 * to 98 % of 300 repetitions with probability 0.998 (binomial). Where data and reference have
 * the same law, tests at 5 % must refuse in 1.5 to 9 % (probability 0.997).
 */
#include "../support.h"

#include "rebias/bias.h"
#include "rebias/compare.h"
#include <math.h>
#include <stdio.h>

enum { REPETITIONS = 300 };

struct tally {
    size_t covered, below, above, intervals, refused;
    double value, width;
};

struct pair {
    const char *target;
    const char *model;
};

static void count(struct tally *t, const struct rebias_interval *row, double truth)
{
    t->value += row->value / REPETITIONS;
    t->refused += row->p_value < 0.05;
    if (!isnan(row->low)) {
        t->intervals++;
        t->covered += row->low <= truth && truth <= row->high;
        t->below += row->high < truth;
        t->above += row->low > truth;
        t->width += (row->high - row->low) / REPETITIONS;
    }
}

static void truth_of(struct rebias_comparison **out, const struct rebias_device *model,
                     const struct rebias_device *target)
{
    struct rebias_error err = {0};
    struct rebias_comparison_options options = rebias_comparison_options_defaults();
    const struct rebias_operand a = {.device = model, .name = "model"};
    const struct rebias_operand b = {.device = target, .name = "target"};
    options.slices = 200;
    support_expect(rebias_comparison_new(out, &a, &b, &options, NULL, NULL, &err), REBIAS_OK,
                   &err, NULL);
}

static void repeat(const struct rebias_device *model, const struct rebias_device *target,
                   size_t points, const struct rebias_comparison *truth,
                   struct tally tally[REBIAS_METRIC_COUNT][3])
{
    struct rebias_error err = {0};
    struct rebias_comparison_options options = rebias_comparison_options_defaults();
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    options.threads = rebias_processor_count();
    options.resamples = 200;
    options.permutations = 10; /* mmd has no interval */
    synth.points = points;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        struct rebias_pulses *pulses = NULL;
        struct rebias_comparison *found = NULL;
        synth.replicate = r;
        options.seed = 1000 + r;
        support_expect(rebias_pulses_synthesize(&pulses, target, &synth, &err), REBIAS_OK, &err,
                       NULL);
        const struct rebias_operand a = {.device = model, .name = "model"};
        const struct rebias_operand b = {.pulses = pulses, .name = "data"};
        support_expect(rebias_comparison_new(&found, &a, &b, &options, NULL, NULL, &err),
                       REBIAS_OK, &err, NULL);
        for (int k = 0; k < REBIAS_METRIC_COUNT; k++) {
            for (int p = 0; p < 3; p++) {
                count(&tally[k][p], &found->row[k][p], truth->row[k][p].value);
            }
        }
        rebias_comparison_free(found);
        rebias_pulses_free(pulses);
    }
}

/* Prints a line for each metric; returns how many intervals cover too seldom or too often. */
static size_t report(const struct pair *pair, size_t points,
                     const struct rebias_comparison *truth,
                     struct tally tally[REBIAS_METRIC_COUNT][3])
{
    static const char *const words[3] = {"SET", "RESET", "both"};
    size_t wrong = 0;
    print_message("# %s against %s, %zu points a polarity\n", pair->model, pair->target,
                  points);
    for (int k = 0; k <= REBIAS_METRIC_ENERGY; k++) {
        for (int p = 0; p < 3; p++) {
            const struct tally *t = &tally[k][p];
            double part = (double)t->covered / REPETITIONS;
            if (t->intervals == 0) {
                continue;
            }
            bool is_edge = k != REBIAS_METRIC_MEAN_ERROR && k != REBIAS_METRIC_SD_ERROR &&
                           k != REBIAS_METRIC_PUSH_PULL && !(truth->row[k][p].value > 0.0);
            double above = is_edge ? 1.0 : 0.98; /* one-sided */
            bool bad = t->intervals < REPETITIONS || part < 0.90 || part > above;
            wrong += bad ? 1 : 0;
            print_message(
                "# %-18s %-5s covers %5.1f %% (below %4.1f, above %4.1f), truth %.3e, "
                "value %.3e, width %.1e, refused %5.1f %%%s\n",
                rebias_comparison_metric_name((enum rebias_comparison_metric)k), words[p],
                100.0 * part, 100.0 * (double)t->below / REPETITIONS,
                100.0 * (double)t->above / REPETITIONS, truth->row[k][p].value, t->value,
                t->width, 100.0 * (double)t->refused / REPETITIONS, bad ? " <<<" : "");
        }
    }
    return wrong;
}

static void run_pair(const struct pair *pair)
{
    static const size_t points[] = {300, 1000};
    struct rebias_device *model = support_device(pair->model);
    struct rebias_device *target = support_device(pair->target);
    struct rebias_comparison *truth = NULL;
    size_t wrong = 0;
    truth_of(&truth, model, target);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct tally tally[REBIAS_METRIC_COUNT][3] = {0};
        repeat(model, target, points[i], truth, tally);
        wrong += report(pair, points[i], truth, tally);
    }
    rebias_comparison_free(truth);
    rebias_device_free(model);
    rebias_device_free(target);
    assert_int_equal(wrong, 0);
}

static void test_other_profile(void **state)
{
    (void)state;
    run_pair(&(const struct pair){"synth:linear-constant", "synth:sigmoidal-linear"});
}

static void test_other_noise(void **state)
{
    (void)state;
    run_pair(&(const struct pair){"synth:linear-constant", "synth:linear-nonmonotone"});
}

/* Data of a device against that device, or against other data of it. */
static void run_equal(const char *name, bool with_data)
{
    struct rebias_error err = {0};
    struct rebias_device *device = support_device(name);
    struct rebias_comparison_options options = rebias_comparison_options_defaults();
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    size_t refused[REBIAS_METRIC_COUNT] = {0};
    size_t wrong = 0;
    options.threads = rebias_processor_count();
    options.resamples = 200;
    synth.points = 300;
    for (uint32_t r = 0; r < REPETITIONS; r++) {
        struct rebias_pulses *pulses[2] = {NULL, NULL};
        struct rebias_comparison *found = NULL;
        for (uint32_t k = 0; k < 2; k++) {
            synth.replicate = 2 * r + k;
            support_expect(rebias_pulses_synthesize(&pulses[k], device, &synth, &err),
                           REBIAS_OK, &err, NULL);
        }
        options.seed = 5000 + r;
        const struct rebias_operand a = {.device = with_data ? NULL : device,
                                         .pulses = with_data ? pulses[1] : NULL,
                                         .name = "model"};
        const struct rebias_operand b = {.pulses = pulses[0], .name = "data"};
        support_expect(rebias_comparison_new(&found, &a, &b, &options, NULL, NULL, &err),
                       REBIAS_OK, &err, NULL);
        for (int k = 0; k < REBIAS_METRIC_COUNT; k++) {
            refused[k] += found->row[k][REBIAS_BOTH].p_value < 0.05;
        }
        rebias_comparison_free(found);
        rebias_pulses_free(pulses[0]);
        rebias_pulses_free(pulses[1]);
    }
    for (int k = 0; k < REBIAS_METRIC_COUNT; k++) {
        bool tested = k != REBIAS_METRIC_MEAN_ERROR && k != REBIAS_METRIC_SD_ERROR &&
                      k != REBIAS_METRIC_PUSH_PULL && k != REBIAS_METRIC_WRONG_SIGN &&
                      k != REBIAS_METRIC_CRPS && k != REBIAS_METRIC_LOG_SCORE;
        double part = (double)refused[k] / REPETITIONS;
        bool bad = tested && (part < 0.015 || part > 0.09);
        wrong += bad ? 1 : 0;
        if (tested) {
            print_message("# %s against %s: %-18s refused in %4.1f %%%s\n", name,
                          with_data ? "its data" : "itself",
                          rebias_comparison_metric_name((enum rebias_comparison_metric)k),
                          100.0 * part, bad ? " <<<" : "");
        }
    }
    rebias_device_free(device);
    assert_int_equal(wrong, 0);
}

static void test_same_law(void **state)
{
    (void)state;
    run_equal("synth:linear-linear", false);
}

static void test_same_law_data(void **state)
{
    (void)state;
    run_equal("synth:linear-linear", true);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_law),
        cmocka_unit_test(test_same_law_data),
        cmocka_unit_test(test_other_profile),
        cmocka_unit_test(test_other_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
