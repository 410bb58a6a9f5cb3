/* test_comparison.c - comparisons: weights of the slices, bootstrap tables, refusals.
 * 1. weights   2. bootstrap tables   3. refusals
 */
#include "compare_support.h"

#include "rebias/bias.h"
#include <math.h>

/* -- 1. weights -- */

/* Six and two points of each polarity in two slices; an ideal device jumps by +-0.25 S, the
 * data by 0.25 S more below and by 1.25 S more above: errors of -0.25 S and -1.25 S. */
static struct rebias_pulses *two_slices(void)
{
    static const double G[8] = {0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.8, 1.0};
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_pulses_new(&pulses, 16, false, &err), REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < 16; i++) {
        bool is_reset = i >= 8;
        pulses->polarity[i] = is_reset;
        pulses->G[i] = G[i % 8];
        pulses->dG[i] = (is_reset ? -0.25 : 0.25) + (G[i % 8] > 0.5 ? 1.25 : 0.25);
    }
    return pulses;
}

static void test_weights(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_device *device = support_device("ideal:Gmin=0,Gmax=1,levels=4");
    struct rebias_pulses *pulses = two_slices();
    struct rebias_comparison_options options = few();
    struct rebias_visits *visits = NULL;
    const struct rebias_operand a = {.pulses = pulses, .name = "data"};
    const struct rebias_operand b = {.device = device, .name = "device"};
    const double expected[3] = {-(0.25 + 1.25) / 2.0, -(6.0 * 0.25 + 2.0 * 1.25) / 8.0, -1.25};
    support_expect(rebias_visits_new(&visits, 2, 0.0, 1.0, &err), REBIAS_OK, &err, NULL);
    visits->count[0][1] = 5;
    visits->count[1][1] = 7;
    options.data_slices = 2;
    options.visits = visits;
    for (int k = REBIAS_SLICES_UNIFORM; k <= REBIAS_SLICES_BY_VISITS; k++) {
        options.weights = (enum rebias_slice_weights)k;
        struct rebias_comparison *found = compare(&b, &a, &options);
        for (int p = 0; p < 3; p++) {
            support_close(found->row[REBIAS_METRIC_MEAN_ERROR][p].value, expected[k], 1e-6,
                          0.0);
        }
        rebias_comparison_free(found);
    }
    rebias_visits_free(visits);
    rebias_pulses_free(pulses);
    rebias_device_free(device);
}

/* Counts of 3 at the lower and 1 at the upper of two G levels: weights 3/4, 2/4, 1/4 of the sum
 * at three slices; synthetic-lc's mean is linear in G and the table's rows are all equal, so
 * the error is the difference at the centre of weight, a third of the range. */
static void test_weights_by_counts(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    const size_t G_count[2] = {2, 2};
    const size_t dG_count[2] = {2, 2};
    struct rebias_table *table = NULL;
    struct rebias_device *model = NULL;
    struct rebias_device *target = support_device("synthetic-lc");
    support_expect(rebias_table_new(&table, G_count, dG_count, true, &err), REBIAS_OK, &err,
                   NULL);
    for (int p = 0; p < 2; p++) {
        struct rebias_table_side *side = &table->side[p];
        side->G[0] = 3e-9;
        side->G[1] = 38e-9;
        side->dG[0] = -1e-9;
        side->dG[1] = 1e-9;
        side->cdf[1] = side->cdf[3] = 1.0;
        side->count[0] = 3.0;
        side->count[1] = 1.0;
    }
    support_expect(
        rebias_table_device_new(&model, table, "flat", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_OK, &err, NULL);
    struct rebias_comparison_options options = few();
    const struct rebias_operand a = {.device = model, .table = table, .name = "flat"};
    const struct rebias_operand b = {.device = target, .name = "target"};
    options.slices = 3;
    options.weights = REBIAS_SLICES_BY_DATA;
    struct rebias_comparison *found = compare(&a, &b, &options);
    const double centre = 3e-9 + 35e-9 / 3.0; /* (3 * 0 + 2 * 1/2 + 1 * 1)/6 = 1/3 */
    for (int p = 0; p < 2; p++) {
        double mean = 0.0;
        double sd = 0.0;
        target->model->moments(target, (enum rebias_polarity)p, centre, &mean, &sd);
        support_close(found->row[REBIAS_METRIC_MEAN_ERROR][p].value, -mean, 1e-6, 0.0);
    }
    rebias_comparison_free(found);
    rebias_table_free(table);
    rebias_device_free(model);
    rebias_device_free(target);
}

/* -- 2. bootstrap tables -- */

/* The basic interval by the definition, from comparisons one by one: with 39 tables the
 * quantiles at 0.025 and 0.975 are the smallest and the largest (i/(n + 1)). */
static void test_bootstrap_tables(void **state)
{
    (void)state;
    enum { TABLES = 39 };
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = draw("synthetic-lc", 100, 10);
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_device *model = NULL;
    struct rebias_table *table = NULL;
    struct rebias_family *family = NULL;
    struct rebias_method method;
    const struct rebias_fit_options fit = rebias_fit_options_defaults();
    support_expect(rebias_method_parse(&method, "binning:5", &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_fit(&table, pulses, &method, &fit, NULL, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(
        rebias_fit_bootstrap(&family, pulses, &method, &fit, TABLES, 2, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    support_expect(
        rebias_table_device_new(&model, table, "fit", REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
        REBIAS_OK, &err, NULL);
    struct rebias_comparison_options options = few();
    const struct rebias_operand a = {.device = model, .family = family, .name = "fit"};
    const struct rebias_operand b = {.device = target, .name = "target"};
    options.slices = 10;
    options.grid = 101;
    struct rebias_comparison *found = compare(&a, &b, &options);
    struct rebias_compare_options plain = rebias_compare_options_defaults();
    plain.slices = 10;
    plain.grid = 101;
    double least[2] = {INFINITY, INFINITY};
    double most[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < TABLES; i++) {
        struct rebias_device *member = NULL;
        struct rebias_device_metrics m;
        support_expect(rebias_table_device_new(&member, family->table[i], "member",
                                               REBIAS_RULE_LINEAR, 1.0, 0.0, &err),
                       REBIAS_OK, &err, NULL);
        support_expect(rebias_compare_devices(member, target, &plain, &m, NULL, &err),
                       REBIAS_OK, &err, NULL);
        const double pair[2] = {m.push_pull, m.wasserstein1[0]};
        for (int k = 0; k < 2; k++) {
            least[k] = fmin(least[k], pair[k]);
            most[k] = fmax(most[k], pair[k]);
        }
        rebias_device_free(member);
    }
    const struct rebias_interval *push = &found->row[REBIAS_METRIC_PUSH_PULL][REBIAS_BOTH];
    const struct rebias_interval *distance = &found->row[REBIAS_METRIC_WASSERSTEIN1][0];
    support_close(push->low, 2.0 * push->value - most[0], 1e-9, 0.0);
    support_close(push->high, 2.0 * push->value - least[0], 1e-9, 0.0);
    support_close(distance->low, fmax(2.0 * distance->value - most[1], 0.0), 1e-9, 0.0);
    support_close(distance->high, fmax(2.0 * distance->value - least[1], 0.0), 1e-9, 0.0);
    rebias_comparison_free(found);
    rebias_family_free(family);
    rebias_table_free(table);
    rebias_device_free(model);
    rebias_device_free(target);
    rebias_pulses_free(pulses);
}

/* -- 3. refusals -- */

static void refuse(const struct rebias_operand *model, const struct rebias_operand *target,
                   const struct rebias_comparison_options *options, int status,
                   const char *text)
{
    struct rebias_error err = {0};
    struct rebias_comparison *found = NULL;
    support_expect(rebias_comparison_new(&found, model, target, options, NULL, NULL, &err),
                   status, &err, text);
    assert_null(found);
}

static void test_refusals(void **state)
{
    (void)state;
    struct rebias_device *nano = support_device("synthetic-lc");
    struct rebias_device *micro = support_device("tiox-1.5V");
    struct rebias_pulses *pulses = draw("synthetic-lc", 20, 11);
    const struct rebias_operand data = {.pulses = pulses, .name = "p.csv"};
    const struct rebias_operand a = {.device = nano, .name = "nano"};
    const struct rebias_operand b = {.device = micro, .name = "micro"};
    struct rebias_comparison_options o = few();
    refuse(&b, &data, &o, REBIAS_E_RANGE, "have no common range");
    o.blocks = REBIAS_BLOCKS_CYCLE;
    refuse(&a, &data, &o, REBIAS_E_DATA, "the pulse data record no cycle");
    o = few();
    o.data_slices = 1000;
    refuse(&a, &data, &o, REBIAS_E_DATA, "no slice of G holds 2 RESET points (1000 slices");
    o.data_slices = 0;
    refuse(&a, &data, &o, REBIAS_E_RANGE, "0 slices of data are outside [1, 1000]");
    o = few();
    o.level = 1.0;
    refuse(&a, &data, &o, REBIAS_E_RANGE, "confidence level 1 is outside (0, 1)");
    o = few();
    o.resamples = 9;
    refuse(&a, &data, &o, REBIAS_E_RANGE, "9 resamples, 20 permutations: both must be in");
    o = few();
    o.weights = REBIAS_SLICES_BY_DATA;
    refuse(&a, &a, &o, REBIAS_E_DATA,
           "weights by data: neither nano nor nano knows how many points it had");
    o.weights = REBIAS_SLICES_BY_VISITS;
    refuse(&a, &data, &o, REBIAS_E_RANGE, "weights by visits need the visits");
    o = few();
    struct rebias_device_model silent = *nano->model;
    struct rebias_device unknown = *nano;
    silent.cdf = NULL;
    unknown.model = &silent;
    const struct rebias_operand c = {.device = &unknown, .name = "unknown"};
    refuse(&c, &data, &o, REBIAS_E_UNSUPPORTED,
           "model gaussian does not give the distribution of its jumps");
    rebias_pulses_free(pulses);
    rebias_device_free(nano);
    rebias_device_free(micro);
}

static int stop(void *context, size_t done, size_t total)
{
    (void)context;
    (void)total;
    return done >= 3;
}

static void test_interruption(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_comparison *found = NULL;
    struct rebias_pulses *pulses = draw("synthetic-lc", 50, 12);
    const struct rebias_comparison_options options = few();
    const struct rebias_operand a = {.pulses = pulses, .name = "data"};
    support_expect(rebias_comparison_new(&found, &a, &a, &options, stop, NULL, &err),
                   REBIAS_E_INTERRUPTED, &err, "interrupted after 3 of 50 items");
    assert_null(found);
    rebias_pulses_free(pulses);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(rebias_comparison_metric_name(REBIAS_METRIC_RMSE_MEAN), "rmse_mean");
    assert_string_equal(rebias_comparison_metric_name(REBIAS_METRIC_ENERGY), "energy");
    assert_string_equal(rebias_comparison_metric_name(REBIAS_METRIC_MMD), "mmd");
    assert_string_equal(rebias_comparison_metric_unit(REBIAS_METRIC_WASSERSTEIN2), "S");
    assert_string_equal(rebias_comparison_metric_unit(REBIAS_METRIC_HELLINGER), "1");
    assert_string_equal(rebias_comparison_metric_unit(REBIAS_METRIC_JENSEN_SHANNON), "nat");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),          cmocka_unit_test(test_weights_by_counts),
        cmocka_unit_test(test_bootstrap_tables), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_interruption),     cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
