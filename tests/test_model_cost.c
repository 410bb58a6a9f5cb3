/* test_model_cost.c - costs and accuracies of models.
 * 1. costs   2. accuracy   3. wrong input
 */
#include "support.h"

#include "plain_model.h"

/* -- 1. costs -- */

/* Outputs ln 3 and 0: softmax 3/4, 1/4. Smoothing 0.2 over 2 classes: targets 0.9 and 0.1. */
static void test_smoothing(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_architecture a = {0};
    assert_int_equal(rebias_architecture_parse(&a, "1,2", REBIAS_TRANSFER_RELU,
                                               REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                               0.2, &err),
                     REBIAS_OK);
    struct rebias_model *model = NULL;
    assert_int_equal(rebias_model_new(&model, &a, 3, &err), REBIAS_OK);
    static const float x[2] = {0.0f, 0.0f};
    static const uint8_t label[2] = {0, 1};
    rebias_model_set_samples(model, &(struct rebias_samples){2, x, NULL, label});
    const float ln3 = (float)log(3.0);
    const float outputs[4] = {ln3, ln3, 0.0f, 0.0f}; /* [output][sample] */
    double cost[2];
    const double mean = rebias_model_costs(model, outputs, cost);
    support_close(cost[0], -0.9 * log(0.75) - 0.1 * log(0.25), 1e-7, 0.0);
    support_close(cost[1], -0.1 * log(0.75) - 0.9 * log(0.25), 1e-7, 0.0);
    support_close(mean, (cost[0] + cost[1]) / 2.0, 1e-15, 0.0);
    assert_true(rebias_model_costs(model, outputs, NULL) == mean);
    rebias_model_free(model);
}

/* One model "1,2" without smoothing and one sample with label 0, its outputs a and b. */
static double entropy_of(float a, float b)
{
    struct rebias_error err = {0};
    struct rebias_architecture architecture = {0};
    assert_int_equal(rebias_architecture_parse(&architecture, "1,2", REBIAS_TRANSFER_RELU,
                                               REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                               0.0, &err),
                     REBIAS_OK);
    struct rebias_model *model = NULL;
    assert_int_equal(rebias_model_new(&model, &architecture, 1, &err), REBIAS_OK);
    const float x = 0.0f;
    const uint8_t label = 0;
    rebias_model_set_samples(model, &(struct rebias_samples){1, &x, NULL, &label});
    const float outputs[2] = {a, b};
    const double cost = rebias_model_costs(model, outputs, NULL);
    rebias_model_free(model);
    return cost;
}

/* -ln softmax = ln(1 + exp(b - a)), exact to double over all scales; large outputs neither
 * overflow nor lose the cost; NaN stays. */
static void test_extreme_outputs(void **state)
{
    (void)state;
    for (float d = -30.0f; d <= 30.0f; d += 0.37f) {
        const float a = 2.0f;
        const float b = a + d;
        support_close(entropy_of(a, b), log1p(exp((double)b - (double)a)), 4e-15, 3e-16);
    }
    support_close(entropy_of(-1e4f, 1e4f), 2e4, 1e-15, 0.0);
    assert_true(entropy_of(1e4f, -1e4f) == 0.0);
    assert_true(entropy_of(3e38f, -3e38f) == 0.0);
    assert_true(isnan(entropy_of(NAN, 0.0f)));
    assert_true(isnan(entropy_of(0.0f, NAN)));
    assert_true(isnan(entropy_of(INFINITY, 0.0f)));
}

/* Costs of single samples against the reference, both kinds. */
static void test_costs(void **state)
{
    (void)state;
    static struct plain_setting s;
    for (size_t i = 0; i < 2; i++) {
        plain_set_up(&s, plain_networks[1],
                     i == 0 ? REBIAS_COST_SQUARED : REBIAS_COST_CROSS_ENTROPY, PLAIN_BATCH);
        struct plain_model *r = plain_new(&s);
        double cost[PLAIN_BATCH];
        const double mean =
            rebias_model_costs(s.model, rebias_model_forward(s.model, s.theta), cost);
        double sum = 0.0;
        for (size_t b = 0; b < PLAIN_BATCH; b++) {
            support_close(cost[b], plain_cost(r, &s, b), 1e-5, 0.0);
            sum += cost[b] / PLAIN_BATCH;
        }
        support_close(mean, sum, 1e-14, 0.0);
        free(r);
        rebias_model_free(s.model);
    }
}

/* A diverged network shows: one NaN parameter makes the cost NaN. */
static void test_diverged(void **state)
{
    (void)state;
    static struct plain_setting s;
    for (size_t i = 0; i < PLAIN_NETWORKS; i++) {
        plain_set_up(&s, plain_networks[i], plain_natural_cost(plain_networks[i]), 3);
        s.theta[0] = NAN;
        const float *outputs = rebias_model_forward(s.model, s.theta);
        assert_true(isnan(rebias_model_costs(s.model, outputs, NULL)));
        rebias_model_free(s.model);
    }
}

/* -- 2. accuracy -- */

/* Identity network of 2 classes: x is the output. 10 samples in pieces of 7: labels by hand,
 * ties go to class 0. */
static void test_accuracy(void **state)
{
    (void)state;
    static struct plain_setting s;
    static const float x[20] = {1, 0, 0, 1, 2, 1, 3, 3, 0, 0, 1, 2, 5, 1, 1, 5, 4, 4, 2, 0};
    static const uint8_t label[10] = {0, 1, 1, 0, 1, 1, 0, 0, 0, 1}; /* right: 6 of 10 */
    static const float identity[6] = {1, 0, 0, 1, 0, 0};
    plain_set_up(&s, "2,2", REBIAS_COST_CROSS_ENTROPY, 1);
    const struct rebias_samples all = {10, x, NULL, label};
    double cost = 0.0;
    support_close(rebias_model_accuracy(s.model, identity, &all, &cost), 0.6, 1e-15, 0.0);
    double sum = 0.0;
    for (size_t b = 0; b < 10; b++) {
        const double d = (double)x[2 * b + 1] - (double)x[2 * b];
        const double p = 1.0 / (1.0 + exp(d)); /* softmax of class 0 */
        sum -=
            (label[b] == 0 ? 0.95 : 0.05) * log(p) + (label[b] == 0 ? 0.05 : 0.95) * log1p(-p);
    }
    support_close(cost, sum / 10.0, 1e-12, 0.0);
    assert_true(rebias_model_accuracy(s.model, identity, &all, NULL) == 6.0 / 10.0);
    rebias_model_free(s.model);
}

/* Squared costs: one output is cut at 0.5, more outputs are compared by their largest. */
static void test_accuracy_of_targets(void **state)
{
    (void)state;
    static struct plain_setting s;
    static const float bit[4] = {0.4f, 0.6f, 0.5f, 1.5f};
    static const float bits[4] = {0, 1, 1, 0};
    static const float one[2] = {1, 0};
    plain_set_up(&s, "1,1", REBIAS_COST_SQUARED, 1);
    const struct rebias_samples single = {4, bit, bits, NULL};
    assert_true(rebias_model_accuracy(s.model, one, &single, NULL) == 0.5);
    rebias_model_free(s.model);

    static const float x[6] = {0.2f, 0.1f, 0.1f, 0.2f, 0.3f, 0.9f};
    static const float target[6] = {1, 0, 1, 0, 0, 1};
    static const float identity[6] = {1, 0, 0, 1, 0, 0};
    plain_set_up(&s, "2,2", REBIAS_COST_SQUARED, 1);
    const struct rebias_samples pairs = {3, x, target, NULL};
    support_close(rebias_model_accuracy(s.model, identity, &pairs, NULL), 2.0 / 3.0, 1e-15,
                  0.0);
    rebias_model_free(s.model);
}

/* -- 3. wrong input -- */

static void test_wrong_input(void **state)
{
    (void)state;
    static struct plain_setting s;
    struct rebias_error err = {0};
    struct rebias_model *model = NULL;
    plain_set_up(&s, plain_networks[1], REBIAS_COST_CROSS_ENTROPY, 1);
    support_expect(rebias_model_new(&model, &s.a, 0, &err), REBIAS_E_RANGE, &err,
                   "a batch of 0 is not possible (1 to 65536)");
    assert_null(model);
    support_expect(rebias_model_new(&model, &s.a, 65537, &err), REBIAS_E_RANGE, &err,
                   "a batch of 65537 is not possible");
    assert_null(model);
    struct rebias_architecture large = {0};
    assert_int_equal(rebias_architecture_parse(&large, "1x4096x4096,pool31,2",
                                               REBIAS_TRANSFER_NONE, REBIAS_TRANSFER_NONE,
                                               REBIAS_COST_SQUARED, 0.0, &err),
                     REBIAS_OK);
    support_expect(rebias_model_new(&model, &large, 128, &err), REBIAS_E_RANGE, &err,
                   "a batch of 128 is too large for a layer of 16777216 neurons (at most 127)");
    assert_null(model);
    static const double wrong[] = {-0.1, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        support_expect(rebias_model_set_defects(s.model, wrong[i], 1, 0, &err), REBIAS_E_RANGE,
                       &err, "the defects of neurons must be at least 0 and finite, not ");
    }
    support_expect(rebias_model_set_adc(s.model, 25, 1.0, &err), REBIAS_E_RANGE, &err,
                   "a converter of 25 bits is not possible (1 to 24, 0 for none)");
    static const double ranges[] = {0.0, -1.0, NAN, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        support_expect(rebias_model_set_adc(s.model, 8, ranges[i], &err), REBIAS_E_RANGE, &err,
                       "the range of a converter must be above 0 and finite, not ");
    }
    rebias_model_free(s.model);
    rebias_model_free(NULL);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smoothing),  cmocka_unit_test(test_extreme_outputs),
        cmocka_unit_test(test_costs),      cmocka_unit_test(test_diverged),
        cmocka_unit_test(test_accuracy),   cmocka_unit_test(test_accuracy_of_targets),
        cmocka_unit_test(test_wrong_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
