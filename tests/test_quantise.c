/* test_quantise.c - few-level weights.
 * 1. nearest   2. fitted levels   3. wrong input
 */
#include "support.h"

#include "rebias/learn.h"
#include "rebias/quantise.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. nearest -- */

enum { INPUTS = 5, OUTPUTS = 4, COUNT = INPUTS * OUTPUTS };

static void make_layer(struct rebias_weights *weights, uint32_t entity)
{
    struct rebias_error err = {0};
    static const size_t sizes[] = {INPUTS, OUTPUTS};
    const struct rebias_stream stream = {3, REBIAS_FOR_TEST, 0, entity, 0};
    support_expect(rebias_weights_init(weights, 1, sizes, true, &err), REBIAS_OK, &err, NULL);
    rebias_random_normal(&stream, 0, COUNT, weights->layer[0].weight);
}

/* Least sum of squares over gammas in steps of 1e-4, each weight at its nearest level, found by
 * trying all of them. */
static double least_change(const float *w, int steps)
{
    double best = INFINITY;
    for (size_t g = 1; g < 50000; g++) {
        const double gamma = 1e-4 * (double)g;
        double sum = 0.0;
        for (size_t i = 0; i < COUNT; i++) {
            double least = INFINITY;
            for (int k = -steps; k <= steps; k++) {
                const double off = (double)w[i] - gamma * k / steps;
                least = fmin(least, off * off);
            }
            sum += least;
        }
        best = fmin(best, sum);
    }
    return best;
}

static void test_nearest(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 5};
    for (uint32_t trial = 0; trial < 9; trial++) {
        struct rebias_error err = {0};
        struct rebias_weights weights;
        float original[COUNT];
        const size_t n = steps[trial % 3];
        make_layer(&weights, trial);
        memcpy(original, weights.layer[0].weight, sizeof original);
        support_expect(rebias_quantise_nearest(&weights, n, &err), REBIAS_OK, &err, NULL);
        const struct rebias_weights_layer *layer = &weights.layer[0];
        assert_true(layer->steps == n && rebias_weights_ternary(&weights) == (n == 1));
        double change = 0.0;
        for (size_t i = 0; i < COUNT; i++) {
            const double level = (double)layer->weight[i] / layer->gamma * (double)n;
            support_close(level, rint(level), 0.0, 1e-5);
            assert_true(fabs(level) < (double)n + 0.5);
            change += pow((double)original[i] - (double)layer->weight[i], 2);
        }
        /* the grid misses the optimum by less than COUNT 1e-8 */
        assert_true(change < least_change(original, (int)n) + 1e-6);
        rebias_weights_clear(&weights);
    }
}

/* By hand: |w| = 3, 2, 0.2: keeping k gives (sum)^2/k = 9, 12.5, 9.01..: gamma = 2.5. */
static void test_by_hand(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_weights weights;
    static const size_t sizes[] = {3, 1};
    support_expect(rebias_weights_init(&weights, 1, sizes, false, &err), REBIAS_OK, &err, NULL);
    memcpy(weights.layer[0].weight, (const float[]){-3.0f, 0.2f, 2.0f}, 3 * sizeof(float));
    support_expect(rebias_quantise_nearest(&weights, 1, &err), REBIAS_OK, &err, NULL);
    assert_true(weights.layer[0].gamma == 2.5);
    assert_true(weights.layer[0].weight[0] == -2.5f && weights.layer[0].weight[1] == 0.0f &&
                weights.layer[0].weight[2] == 2.5f);
    rebias_weights_clear(&weights);
}

/* -- 2. fitted levels -- */

/* A trained network, and samples of its task. */
struct trained {
    struct rebias_learn_tasks *tasks;
    struct rebias_continual *continual;
    struct rebias_quantise_data data;
};

static int set_up(void **state)
{
    static struct trained trained;
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_learn_options options = rebias_learn_options_defaults();
    options.epochs = 25;
    support_expect(rebias_learn_tasks_new(&trained.tasks, "yinyang:1", &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_architecture_parse(&a, "4,12,6,3", REBIAS_TRANSFER_TANH,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.0, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(rebias_continual_run(&trained.continual,
                                        &(struct rebias_continual_plan){.tasks = trained.tasks,
                                                                        .architecture = &a,
                                                                        .options = options,
                                                                        .seeds = 1,
                                                                        .threads = 1},
                                        &err),
                   REBIAS_OK, &err, NULL);
    trained.data = (struct rebias_quantise_data){
        .n = 1000,
        .x = trained.tasks->part[0][REBIAS_LEARN_TRAIN].x,
        .validation = rebias_learn_samples(&trained.tasks->part[0][REBIAS_LEARN_VALIDATION])};
    *state = &trained;
    return 0;
}

static int tear_down(void **state)
{
    struct trained *trained = *state;
    rebias_continual_free(trained->continual);
    rebias_learn_tasks_free(trained->tasks);
    return 0;
}

static void copy_network(struct rebias_weights *weights, const struct trained *trained)
{
    struct rebias_error err = {0};
    support_expect(
        rebias_weights_copy(weights, &trained->continual->networks->network[0], &err),
        REBIAS_OK, &err, NULL);
}

/* Softmax of a 4-12-6-3 network for one sample, loop by loop. */
static void plain_softmax(const struct rebias_weights *weights, const float *x, double p[3])
{
    double in[12];
    double out[12];
    for (size_t k = 0; k < 4; k++) {
        in[k] = (double)x[k];
    }
    for (size_t l = 0; l < 3; l++) {
        const struct rebias_weights_layer *layer = &weights->layer[l];
        for (size_t j = 0; j < layer->outputs; j++) {
            out[j] = (double)layer->bias[j];
            for (size_t k = 0; k < layer->inputs; k++) {
                out[j] += (double)layer->weight[j * layer->inputs + k] * in[k];
            }
            out[j] = l < 2 ? tanh(out[j]) : exp(out[j]);
        }
        memcpy(in, out, sizeof in);
    }
    const double sum = out[0] + out[1] + out[2];
    for (size_t c = 0; c < 3; c++) {
        p[c] = out[c] / sum;
    }
}

static double plain_divergence(const struct rebias_weights *teacher,
                               const struct rebias_weights *student,
                               const struct rebias_quantise_data *data)
{
    double sum = 0.0;
    for (size_t i = 0; i < data->n; i++) {
        double p[3];
        double q[3];
        plain_softmax(teacher, data->x + 4 * i, p);
        plain_softmax(student, data->x + 4 * i, q);
        for (size_t c = 0; c < 3; c++) {
            sum += p[c] * log(p[c] / q[c]);
        }
    }
    return sum / (double)data->n;
}

/* The fit ends far nearer to the network's outputs than the nearest levels do; the divergence
 * that it reports is that of the network it gives; gamma holds. Fixed seed. */
static void test_fit(void **state)
{
    const struct trained *trained = *state;
    const struct rebias_weights *teacher = &trained->continual->networks->network[0];
    for (size_t steps = 1; steps <= 3; steps += 2) {
        struct rebias_error err = {0};
        struct rebias_weights nearest;
        struct rebias_weights fitted;
        double reported = 0.0;
        struct rebias_quantise_options options = rebias_quantise_options_defaults();
        options.steps = steps;
        options.epochs = 60;
        options.restarts = 2;
        copy_network(&nearest, trained);
        copy_network(&fitted, trained);
        support_expect(rebias_quantise_nearest(&nearest, steps, &err), REBIAS_OK, &err, NULL);
        support_expect(rebias_quantise_kl(&fitted, &trained->data, &options, &reported, &err),
                       REBIAS_OK, &err, NULL);
        const double reached = plain_divergence(teacher, &fitted, &trained->data);
        support_close(reported, reached, 1e-4, 1e-6);
        assert_true(reached < 0.5 * plain_divergence(teacher, &nearest, &trained->data));
        for (size_t l = 0; l < 3; l++) {
            const struct rebias_weights_layer *layer = &fitted.layer[l];
            assert_int_equal(layer->steps, steps);
            for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
                const double level = (double)layer->weight[i] / layer->gamma * (double)steps;
                support_close(level, rint(level), 0.0, 1e-5);
            }
        }
        rebias_weights_clear(&nearest);
        rebias_weights_clear(&fitted);
    }
}

/* The same call gives the same bytes; another replicate another network; biases stay when they
 * are to stay. */
static void test_fit_repeats(void **state)
{
    const struct trained *trained = *state;
    struct rebias_error err = {0};
    struct rebias_weights weights[3];
    struct rebias_quantise_options options = rebias_quantise_options_defaults();
    options.epochs = 3;
    options.restarts = 2;
    options.biases = false;
    for (size_t i = 0; i < 3; i++) {
        options.replicate = i < 2 ? 0 : 1;
        copy_network(&weights[i], trained);
        support_expect(rebias_quantise_kl(&weights[i], &trained->data, &options, NULL, &err),
                       REBIAS_OK, &err, NULL);
        assert_memory_equal(weights[i].layer[1].bias,
                            trained->continual->networks->network[0].layer[1].bias,
                            6 * sizeof(float));
    }
    assert_memory_equal(weights[0].layer[0].weight, weights[1].layer[0].weight,
                        48 * sizeof(float));
    assert_memory_not_equal(weights[0].layer[0].weight, weights[2].layer[0].weight,
                            48 * sizeof(float));
    for (size_t i = 0; i < 3; i++) {
        rebias_weights_clear(&weights[i]);
    }
}

/* More restarts are never worse on what they are chosen by. */
static void test_restarts(void **state)
{
    const struct trained *trained = *state;
    struct rebias_error err = {0};
    struct rebias_quantise_data data = trained->data;
    struct rebias_quantise_options options = rebias_quantise_options_defaults();
    double reached[2] = {0.0, 0.0};
    options.epochs = 5;
    data.validation.n = 0;
    for (size_t i = 0; i < 2; i++) {
        struct rebias_weights weights;
        options.restarts = i == 0 ? 1 : 4;
        copy_network(&weights, trained);
        support_expect(rebias_quantise_kl(&weights, &data, &options, &reached[i], &err),
                       REBIAS_OK, &err, NULL);
        rebias_weights_clear(&weights);
    }
    assert_true(reached[1] <= reached[0]);
}

/* -- 3. wrong input -- */

static void test_wrong_input(void **state)
{
    const struct trained *trained = *state;
    struct rebias_error err = {0};
    struct rebias_weights weights;
    struct rebias_quantise_data data = trained->data;
    struct rebias_quantise_options options = rebias_quantise_options_defaults();
    copy_network(&weights, trained);
    support_expect(rebias_quantise_nearest(&weights, 0, &err), REBIAS_E_RANGE, &err,
                   "0 steps are not possible (1 to 127)");
    support_expect(rebias_quantise_nearest(&weights, 128, &err), REBIAS_E_RANGE, &err,
                   "128 steps are not possible (1 to 127)");
    options.rate = NAN;
    support_expect(rebias_quantise_kl(&weights, &data, &options, NULL, &err), REBIAS_E_RANGE,
                   &err, "1 steps, 150 epochs, batch 100, 8 restarts, rate nan (expected");
    options.rate = 5e-3;
    data.n = 0;
    support_expect(rebias_quantise_kl(&weights, &data, &options, NULL, &err), REBIAS_E_DATA,
                   &err, "0 inputs cannot be fitted");
    const float x[4] = {0.0f, 0.0f, INFINITY, 0.0f};
    data.n = 1;
    data.x = x;
    support_expect(rebias_quantise_kl(&weights, &data, &options, NULL, &err), REBIAS_E_RANGE,
                   &err, "input 2 of sample 0 is not a finite number");
    memset(weights.layer[1].weight, 0, 72 * sizeof(float));
    support_expect(rebias_quantise_nearest(&weights, 1, &err), REBIAS_E_DATA, &err,
                   "layer 1 cannot be quantised: all of its weights are 0");
    rebias_weights_clear(&weights);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),  cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_fit),      cmocka_unit_test(test_fit_repeats),
        cmocka_unit_test(test_restarts), cmocka_unit_test(test_wrong_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
