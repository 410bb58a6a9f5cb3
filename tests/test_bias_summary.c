/* test_bias_summary.c - a bias study's cells: means, intervals, correlations, verdicts.
 * 1. metrics by number   2. cells   3. correlations   4. intervals of device metrics   5.
 * verdicts
 *
 * Coverage of the interval is checked in test_bootstrap.c.
 */
#include "bias_helpers.h"

#include <gsl/gsl_cdf.h>

/* -- 1. metrics by number -- */

/* Every metric is told apart from the others: pair number k is (k, 3 k + 1), whose mean is 2 k
 * + 1/2. */
static void test_metrics_by_number(void **state)
{
    (void)state;
    const struct rebias_device_metrics d = {.rmse_mean = {1, 4},
                                            .rmse_sd = {2, 7},
                                            .mean_error = {3, 10},
                                            .sd_error = {4, 13},
                                            .push_pull = 5,
                                            .wrong_sign_all = 6,
                                            .wasserstein1 = {7, 22},
                                            .kolmogorov_smirnov = {8, 25},
                                            .hellinger = {9, 28},
                                            .wasserstein2 = {10, 31},
                                            .energy = {11, 34},
                                            .jensen_shannon = {12, 37},
                                            .kullback_leibler = {13, 40}};
    static const struct {
        const char *name;
        double value;
    } expected[REBIAS_BIAS_METRICS] = {
        {"rmse_mean", 2.5},  {"rmse_sd", 4.5},           {"push_pull", 5.0},
        {"wrong_sign", 6.0}, {"wasserstein1", 14.5},     {"kolmogorov_smirnov", 16.5},
        {"hellinger", 18.5}, {"wasserstein2", 20.5},     {"jensen_shannon", 24.5},
        {"energy", 22.5},    {"kullback_leibler", 26.5}, {"mean_error", 6.5},
        {"sd_error", 8.5}};
    for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
        assert_string_equal(rebias_bias_metric_name(m), expected[m].name);
        assert_true(rebias_bias_metric(&d, m) == expected[m].value);
    }
    assert_string_equal(rebias_bias_metric_name(REBIAS_BIAS_WASSERSTEIN1), "wasserstein1");
}

/* -- 2. cells -- */

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

/* -- 3. correlations -- */

/* Each correlation is rebias_spearman (test_rank.c) of the metric and the bias over the runs of
 * its number of points where the metric is finite. */
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
            double value = rebias_bias_metric(&run->device, c->metric);
            if (run->points == c->points && isfinite(value)) {
                metric[n] = value;
                bias[n++] = run->accuracy - result->runs[run->replicate].accuracy;
            }
        }
        assert_int_equal(c->runs, n);
        assert_int_equal(rebias_spearman(n, metric, bias, o.level, &rho, &low, &high, NULL), 0);
        assert_true(is_same(c->rho, rho) && is_same(c->low, low) && is_same(c->high, high));
    }
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* -- 4. intervals of device metrics -- */

/* Mean and sd of a metric over the cell's runs where it is finite; returns their number. */
static size_t metric_moments(const struct rebias_bias_result *result, size_t c, size_t m,
                             size_t replicates, double *mean, double *sd)
{
    enum { MOST = 40 };
    double x[MOST];
    size_t n = 0;
    for (size_t r = 0; r < replicates; r++) {
        const struct rebias_bias_run *run =
            &result->runs[result->target_runs + c * replicates + r];
        double value = rebias_bias_metric(&run->device, m);
        if (run->status == REBIAS_OK && isfinite(value)) {
            x[n++] = value;
        }
    }
    mean_sd(n, x, mean, sd);
    return n;
}

/* Student's interval is the yardstick: at n = 20 the bootstrap's ends of these not too skewed
 * metrics lie within a quarter of its half width (fixed seed). wrong_sign is mostly 0 and left
 * out. */
static void test_metric_intervals(void **state)
{
    (void)state;
    enum { MANY = 20 };
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.set = NULL;
    o.replicates = MANY;
    o.metric_intervals = true;
    o.resamples = 2000;
    o.point_counts = 1;
    o.points[0] = 60;
    struct rebias_bias_result *result = run_study(&o);
    for (size_t c = 0; c < METHODS; c++) {
        for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
            const struct rebias_bias_metric_mean *x = &result->cells[c].metric[m];
            double mean = 0.0;
            double sd = 0.0;
            size_t n = metric_moments(result, c, m, MANY, &mean, &sd);
            assert_int_equal(x->runs, n);
            assert_true(n > 1 || isnan(x->low));
            assert_true(n > 0 || isnan(x->mean));
            if (n == MANY && strcmp(rebias_bias_metric_name(m), "wrong_sign") != 0) {
                double half = gsl_cdf_tdist_Pinv(0.975, MANY - 1) * sd / sqrt(MANY);
                support_close(x->mean, mean, 1e-12, 1e-24);
                support_close(x->low, mean - half, 0.0, 0.25 * half);
                support_close(x->high, mean + half, 0.0, 0.25 * half);
            }
        }
        assert_int_equal(result->cells[c].metric[REBIAS_BIAS_WASSERSTEIN1].runs,
                         result->cells[c].runs);
    }
    rebias_bias_result_free(result);
    rebias_device_free(target);
}

/* Without being asked for, or with one replicate, there are means only. */
static void test_metric_means_only(void **state)
{
    (void)state;
    struct rebias_device *target = support_device("synthetic-lc");
    struct rebias_bias_options o = options_of(target);
    o.set = NULL;
    for (int k = 0; k < 2; k++) {
        o.metric_intervals = k == 1;
        o.replicates = k == 1 ? 1 : REPLICATES;
        struct rebias_bias_result *result = run_study(&o);
        const struct rebias_bias_cell *cell = &result->cells[CELLS - 1];
        const struct rebias_bias_metric_mean *W1 = &cell->metric[REBIAS_BIAS_WASSERSTEIN1];
        assert_true(W1->mean > 0.0 && isnan(W1->low) && isnan(W1->high));
        support_close(W1->mean, rebias_bias_metric(&cell->device, REBIAS_BIAS_WASSERSTEIN1),
                      1e-12, 0.0);
        rebias_bias_result_free(result);
    }
    rebias_device_free(target);
}

/* -- 5. verdicts -- */

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

int main(void)
{
    support_start();
    images = blob_set(&memory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_by_number),
        cmocka_unit_test(test_cells_summarise_their_runs),
        cmocka_unit_test(test_failed_fits_are_recorded),
        cmocka_unit_test(test_correlations),
        cmocka_unit_test(test_metric_intervals),
        cmocka_unit_test(test_metric_means_only),
        cmocka_unit_test(test_clear_verdicts),
        cmocka_unit_test(test_one_replicate_has_no_interval),
        cmocka_unit_test(test_verdict_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
