/* test_model.c - feed-forward networks as functions of a parameter vector.
 * 1. forward   2. gradients   3. parts of a network   4. nodes   5. defects and converters
 */
#include "support.h"

#include "plain_model.h"

/* -- 1. forward -- */

/* All networks, one sample (matrix-vector products) and more; the kept inputs as well. */
static void test_forward(void **state)
{
    (void)state;
    static struct plain_setting s;
    static const size_t batches[] = {1, 3, PLAIN_BATCH};
    for (size_t i = 0; i < PLAIN_NETWORKS * 3; i++) {
        const size_t n = batches[i % 3];
        plain_set_up(&s, plain_networks[i / 3], plain_natural_cost(plain_networks[i / 3]), n);
        struct plain_model *r = plain_new(&s);
        plain_assert_outputs(r, &s, rebias_model_forward(s.model, s.theta));
        for (size_t l = 0; l < s.a.layers; l++) {
            const float *in = rebias_model_inputs(s.model, l);
            for (size_t b = 0; b < n; b++) {
                const double *plain = plain_forward(r, s.x + b * s.a.inputs, l);
                for (size_t j = 0; j < plain_size(&s.a.layer[l].in); j++) {
                    support_close((double)in[j * n + b], plain[j], 2e-5, 2e-6);
                }
            }
        }
        free(r);
        rebias_model_free(s.model);
    }
}

/* A batch of many pieces (100 samples of 1 x 28 x 28: 72 positions of the first layer at a
 * time) equals the same samples one by one, up to the order of sums in float. */
static void test_pieces(void **state)
{
    (void)state;
    enum { N = 100, INPUTS = 784, OUTPUTS = 10 };
    struct rebias_error err = {0};
    struct rebias_architecture a = {0};
    support_expect(rebias_architecture_parse(&a, "fmnist-cnn", REBIAS_TRANSFER_RELU,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.0, &err),
                   REBIAS_OK, &err, NULL);
    struct rebias_model *many = NULL;
    struct rebias_model *one = NULL;
    assert_int_equal(rebias_model_new(&many, &a, N, &err), REBIAS_OK);
    assert_int_equal(rebias_model_new(&one, &a, 1, &err), REBIAS_OK);
    float *theta = calloc(a.parameters, sizeof *theta);
    float *x = calloc((size_t)N * INPUTS, sizeof *x);
    assert_true(theta != NULL && x != NULL);
    rebias_architecture_draw(&a, REBIAS_INITIAL_GLOROT, 0.0, 0.0, 4, 0, theta);
    plain_fill(9, 1.0, (size_t)N * INPUTS, x);
    rebias_model_set_samples(many, &(struct rebias_samples){N, x, NULL, NULL});
    const float *outputs = rebias_model_forward(many, theta);
    for (size_t b = 0; b < N; b++) {
        rebias_model_set_samples(one, &(struct rebias_samples){1, x + b * INPUTS, NULL, NULL});
        const float *single = rebias_model_forward(one, theta);
        for (size_t c = 0; c < OUTPUTS; c++) {
            support_close((double)outputs[c * N + b], (double)single[c], 1e-4, 1e-5);
        }
    }
    free(theta);
    free(x);
    rebias_model_free(many);
    rebias_model_free(one);
}

/* The same theta gives the same bytes again, whatever was computed between. */
static void test_repeated(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float first[PLAIN_CLASSES * PLAIN_BATCH];
    static float gradient[PLAIN_PARAMETERS];
    static float again[PLAIN_PARAMETERS];
    plain_set_up(&s, plain_networks[3], REBIAS_COST_CROSS_ENTROPY, PLAIN_BATCH);
    const size_t size = s.a.outputs * PLAIN_BATCH * sizeof(float);
    memcpy(first, rebias_model_forward(s.model, s.theta), size);
    rebias_model_gradient(s.model, s.theta, gradient);
    const struct rebias_samples fewer = {2, s.x + s.a.inputs, NULL, s.label};
    rebias_model_set_samples(s.model, &fewer);
    rebias_model_forward(s.model, s.theta);
    rebias_model_set_samples(s.model, &s.samples);
    assert_memory_equal(rebias_model_forward(s.model, s.theta), first, size);
    rebias_model_gradient(s.model, s.theta, again);
    assert_memory_equal(again, gradient, s.a.parameters * sizeof(float));
    rebias_model_free(s.model);
}

/* -- 2. gradients -- */

static double mean_cost(struct plain_model *r, const struct plain_setting *s)
{
    double sum = 0.0;
    for (size_t b = 0; b < s->samples.n; b++) {
        sum += plain_cost(r, s, b) / (double)s->samples.n;
    }
    return sum;
}

/* Central differences of the reference, h = 1e-5: error about 1e-10 in double; the float
 * gradient carries about 1e-6 of its largest terms. */
static void assert_gradient(struct plain_setting *s, struct plain_model *r)
{
    static float gradient[PLAIN_PARAMETERS];
    const double cost = rebias_model_gradient(s->model, s->theta, gradient);
    support_close(cost, mean_cost(r, s), 1e-5, 0.0);
    const double h = 1e-5;
    double norm = 0.0;
    for (size_t i = 0; i < s->a.parameters; i++) {
        const double at = r->theta[i];
        r->theta[i] = at + h;
        const double up = mean_cost(r, s);
        r->theta[i] = at - h;
        const double down = mean_cost(r, s);
        r->theta[i] = at;
        support_close((double)gradient[i], (up - down) / (2.0 * h), 2e-5, 2e-6);
        norm += fabs((double)gradient[i]);
    }
    assert_true(norm > 0.01); /* not all of them silent */
}

static void test_gradient(void **state)
{
    (void)state;
    static struct plain_setting s;
    for (size_t i = 0; i < PLAIN_NETWORKS; i++) {
        plain_set_up(&s, plain_networks[i], plain_natural_cost(plain_networks[i]),
                     i % 2 == 0 ? 3 : 1);
        struct plain_model *r = plain_new(&s);
        assert_gradient(&s, r);
        free(r);
        rebias_model_free(s.model);
    }
    plain_set_up(&s, plain_networks[1], REBIAS_COST_SQUARED, PLAIN_BATCH);
    struct plain_model *r = plain_new(&s);
    assert_gradient(&s, r);
    free(r);
    rebias_model_free(s.model);
}

/* -- 3. parts of a network -- */

/* From every layer on: theta with only the layers behind changed gives the full forward's
 * bytes, and neither the kept inputs nor the kept outputs change. */
static void test_forward_from(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float changed[PLAIN_PARAMETERS];
    static float expected[PLAIN_CLASSES * PLAIN_BATCH];
    plain_set_up(&s, plain_networks[3], REBIAS_COST_CROSS_ENTROPY, PLAIN_BATCH);
    const size_t size = s.a.outputs * PLAIN_BATCH * sizeof(float);
    for (size_t l = 0; l < s.a.layers; l++) {
        memcpy(changed, s.theta, sizeof changed);
        plain_fill(20 + (uint32_t)l, 0.7, s.a.parameters - s.a.layer[l].first,
                   changed + s.a.layer[l].first);
        memcpy(expected, rebias_model_forward(s.model, changed), size);
        static float kept[PLAIN_CLASSES * PLAIN_BATCH];
        memcpy(kept, rebias_model_forward(s.model, s.theta), size);
        assert_memory_not_equal(kept, expected, size);
        for (size_t repeat = 0; repeat < 2; repeat++) {
            const float *outputs = rebias_model_forward_from(s.model, changed, l);
            assert_memory_equal(outputs, expected, size);
        }
        assert_memory_equal(rebias_model_inputs(s.model, s.a.layers), kept, size);
        assert_memory_equal(rebias_model_forward_from(s.model, s.theta, l), kept, size);
    }
    rebias_model_free(s.model);
}

/* -- 4. nodes -- */

/* All layers, one layer alone, and from that layer on, against the reference. */
static void test_forward_nodes(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float node[PLAIN_NODES];
    for (size_t i = 0; i < PLAIN_NETWORKS; i++) {
        plain_set_up(&s, plain_networks[i], plain_natural_cost(plain_networks[i]),
                     i % 2 == 0 ? 1 : 5);
        struct plain_model *r = plain_new(&s);
        plain_fill(40, 0.5, s.a.nodes, node);
        rebias_model_forward(s.model, s.theta);
        for (size_t l = 0; l <= s.a.layers; l++) {
            uint8_t use[REBIAS_MODEL_LAYERS] = {0};
            const struct rebias_layer *layer = &s.a.layer[l < s.a.layers ? l : 0];
            memset(r->node, 0, sizeof r->node);
            const size_t first = l < s.a.layers ? layer->first_node : 0;
            const size_t count = l < s.a.layers ? layer->nodes : s.a.nodes;
            for (size_t j = first; j < first + count; j++) {
                r->node[j] = (double)node[j];
            }
            if (l < s.a.layers) {
                use[l] = 1;
                plain_assert_outputs(
                    r, &s, rebias_model_forward_nodes(s.model, s.theta, node, use, l));
            }
            const uint8_t *const which = l < s.a.layers ? use : NULL;
            plain_assert_outputs(r, &s,
                                 rebias_model_forward_nodes(s.model, s.theta, node, which, 0));
        }
        free(r);
        rebias_model_free(s.model);
    }
}

/* c[b] = derivative of sample b's cost by node j, by central differences of the reference. */
static void node_costs(struct plain_model *r, const struct plain_setting *s, size_t j,
                       double *c)
{
    const double h = 1e-5;
    for (size_t b = 0; b < s->samples.n; b++) {
        r->node[j] = h;
        const double up = plain_cost(r, s, b);
        r->node[j] = -h;
        c[b] = (up - plain_cost(r, s, b)) / (2.0 * h);
        r->node[j] = 0.0;
    }
}

/* Unit perturbations of one node after the other with their costs' derivatives add up to the
 * gradient (chain rule), of dense layers and of convolutions; scale multiplies. */
static void test_node_gradient(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float gradient[PLAIN_PARAMETERS];
    static double sum[PLAIN_PARAMETERS];
    static float node[PLAIN_NODES];
    for (size_t i = 0; i < PLAIN_NETWORKS; i++) {
        plain_set_up(&s, plain_networks[i], plain_natural_cost(plain_networks[i]),
                     i % 2 == 0 ? 4 : 1);
        struct plain_model *r = plain_new(&s);
        memset(sum, 0, sizeof sum);
        rebias_model_gradient(s.model, s.theta, gradient);
        for (size_t j = 0; j < s.a.nodes; j++) {
            double c[PLAIN_BATCH];
            node_costs(r, &s, j, c);
            memset(node, 0, sizeof node);
            node[j] = 0.5f;
            rebias_model_node_gradient(s.model, node, NULL, c, 2.0, sum);
        }
        for (size_t p = 0; p < s.a.parameters; p++) {
            support_close(sum[p], (double)gradient[p], 2e-5, 2e-6);
        }
        free(r);
        rebias_model_free(s.model);
    }
}

/* Dense layer by hand: x = (1, 2), (3, 4), c = (1, 3): v = (5, 7), mean c = 2. It is added, and
 * layers out of use stay. */
static void test_node_gradient_by_hand(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_architecture a = {0};
    assert_int_equal(rebias_architecture_parse(&a, "2,1,2", REBIAS_TRANSFER_NONE,
                                               REBIAS_TRANSFER_NONE, REBIAS_COST_SQUARED, 0.0,
                                               &err),
                     REBIAS_OK);
    struct rebias_model *model = NULL;
    assert_int_equal(rebias_model_new(&model, &a, 2, &err), REBIAS_OK);
    static const float x[4] = {1, 2, 3, 4};
    static const float theta[7] = {1, 1, 0, 1, 1, 0, 0};
    static const float node[3] = {-2, 1, 1};
    static const uint8_t use[2] = {1, 0};
    static const double c[2] = {1, 3};
    rebias_model_set_samples(model, &(struct rebias_samples){2, x, NULL, NULL});
    rebias_model_forward(model, theta);
    double gradient[7] = {1, 1, 1, 1, 1, 1, 1};
    rebias_model_node_gradient(model, node, use, c, 10.0, gradient);
    static const double expected[7] = {1 - 20 * 5, 1 - 20 * 7, 1 - 20 * 2, 1, 1, 1, 1};
    for (size_t i = 0; i < 7; i++) {
        support_close(gradient[i], expected[i], 1e-6, 0.0);
    }
    rebias_model_free(model);
}

/* -- 5. defects and converters -- */

/* The four numbers of all channels, from the streams that the header names. */
static void draw_defects(const struct rebias_architecture *a, double sd, float part[4][64])
{
    size_t first = 0;
    for (size_t l = 0; l < a->layers; l++) {
        const size_t channels = a->layer[l].out.channels;
        for (uint32_t i = 0; i < 4; i++) {
            const struct rebias_stream stream = {6, REBIAS_FOR_NEURONS, 2, (uint32_t)l, i};
            rebias_random_normal(&stream, 0, channels, part[i] + first);
            for (size_t c = first; c < first + channels; c++) {
                part[i][c] = (float)((i == 1 || i == 2 ? 1.0 : 0.0) + sd * (double)part[i][c]);
            }
        }
        first += channels;
    }
}

/* Outputs and gradients with y = L f(k (z - z0)) + y0 in every layer. */
static void test_defects(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float part[4][64];
    struct rebias_error err = {0};
    for (size_t i = 0; i < PLAIN_NETWORKS; i++) {
        plain_set_up(&s, plain_networks[i], plain_natural_cost(plain_networks[i]), 3);
        struct plain_model *r = plain_new(&s);
        draw_defects(&s.a, 0.25, part);
        for (size_t k = 0; k < 4; k++) {
            r->defects[k] = part[k];
        }
        assert_int_equal(rebias_model_set_defects(s.model, 0.25, 6, 2, &err), REBIAS_OK);
        plain_assert_outputs(r, &s, rebias_model_forward(s.model, s.theta));
        assert_gradient(&s, r);
        for (size_t k = 0; k < 4; k++) {
            r->defects[k] = NULL;
        }
        assert_int_equal(rebias_model_set_defects(s.model, 0.0, 6, 2, &err), REBIAS_OK);
        plain_assert_outputs(r, &s, rebias_model_forward(s.model, s.theta));
        free(r);
        rebias_model_free(s.model);
    }
}

/* 2 bits over +- 1.5: levels -1.5, -0.5, 0.5, 1.5, by hand; z = x + 0.25 + node, then tanh. */
static void test_adc_by_hand(void **state)
{
    (void)state;
    static struct plain_setting s;
    struct rebias_error err = {0};
    static const float x[6] = {-9.0f, -1.3f, -0.3f, -0.2f, 0.9f, 9.0f};
    static const double bare[6] = {-1.5, -1.5, -0.5, 0.5, 1.5, 1.5};
    static const double moved[6] = {-1.5, -0.5, 0.5, 0.5, 1.5, 1.5};
    static const float theta[2] = {1.0f, 0.25f};
    static const float node = 0.7f;
    plain_set_up(&s, "1,1:tanh", REBIAS_COST_SQUARED, 1);
    rebias_model_set_samples(s.model, &(struct rebias_samples){6, x, NULL, NULL});
    assert_int_equal(rebias_model_set_adc(s.model, 2, 1.5, &err), REBIAS_OK);
    const float *outputs = rebias_model_forward(s.model, theta);
    for (size_t b = 0; b < 6; b++) {
        support_close((double)outputs[b], tanh(bare[b]), 0.0, 3e-7);
    }
    outputs = rebias_model_forward_nodes(s.model, theta, &node, NULL, 0);
    for (size_t b = 0; b < 6; b++) {
        support_close((double)outputs[b], tanh(moved[b]), 0.0, 3e-7);
    }
    rebias_model_free(s.model);
}

/* A convolution without transfer: within half a step of the ideal outputs, on levels; bits 0
 * gives the ideal bytes again. */
static void test_adc_levels(void **state)
{
    (void)state;
    static struct plain_setting s;
    static float ideal[PLAIN_CLASSES * PLAIN_BATCH];
    struct rebias_error err = {0};
    plain_set_up(&s, plain_networks[5], REBIAS_COST_CROSS_ENTROPY, PLAIN_BATCH);
    const size_t size = s.a.outputs * PLAIN_BATCH;
    memcpy(ideal, rebias_model_forward(s.model, s.theta), size * sizeof(float));
    const double step = 2.0 * 40.0 / 1023.0;
    assert_int_equal(rebias_model_set_adc(s.model, 10, 40.0, &err), REBIAS_OK);
    const float *outputs = rebias_model_forward(s.model, s.theta);
    for (size_t i = 0; i < size; i++) {
        const double level = ((double)outputs[i] + 40.0) / step;
        support_close(level, rint(level), 0.0, 1e-4);
        support_close((double)outputs[i], (double)ideal[i], 0.0, step / 2.0 + 1e-5);
    }
    assert_int_equal(rebias_model_set_adc(s.model, 0, 40.0, &err), REBIAS_OK);
    assert_memory_equal(rebias_model_forward(s.model, s.theta), ideal, size * sizeof(float));
    rebias_model_free(s.model);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),       cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_repeated),      cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_forward_from),  cmocka_unit_test(test_forward_nodes),
        cmocka_unit_test(test_node_gradient), cmocka_unit_test(test_node_gradient_by_hand),
        cmocka_unit_test(test_defects),       cmocka_unit_test(test_adc_by_hand),
        cmocka_unit_test(test_adc_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
