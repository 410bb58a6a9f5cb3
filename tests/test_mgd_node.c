/* test_mgd_node.c - node perturbation, and perturbations layer by layer.
 * 1. networks   2. node perturbation   3. layer by layer
 */
#include "mgd_support.h"

/* -- 1. networks -- */

enum { SAMPLES = 6, MOST_INPUTS = 64, MOST_PARAMETERS = 600 };

/* A network on random inputs and labels; task is not used. */
static float inputs[SAMPLES * MOST_INPUTS];
static const uint8_t labels[SAMPLES] = {0, 2, 1, 1, 2, 0};

static void fill_inputs(const void *context, size_t n, const uint32_t *index, float *x)
{
    const size_t width = *(const size_t *)context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * width, inputs + index[i] * width, width * sizeof(float));
    }
}

static void open_network(struct mgd_setting *s, const char *text)
{
    struct rebias_error err = {0};
    const struct rebias_stream stream = {3, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, SAMPLES * MOST_INPUTS, inputs);
    *s = (struct mgd_setting){.task = NULL};
    support_expect(rebias_architecture_parse(&s->a, text, REBIAS_TRANSFER_TANH,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.1, &err),
                   REBIAS_OK, &err, NULL);
    assert_true(s->a.inputs <= MOST_INPUTS && s->a.parameters <= MOST_PARAMETERS);
    s->data = (struct rebias_mgd_data){.n = SAMPLES,
                                       .inputs = s->a.inputs,
                                       .outputs = s->a.outputs,
                                       .fill = fill_inputs,
                                       .context = &s->a.inputs,
                                       .label = labels};
}

static const char *const networks[] = {"7,5,3", "5,3", "1x6x6,conv3:3,pool2,dense:4,3",
                                       "2x5x5,conv3same:2,conv2:3:sigmoid,3"};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

static void expect_gradient(const struct mgd_setting *s, const float *estimate,
                            const double *gradient, double tolerance)
{
    double largest = 0.0;
    for (size_t i = 0; i < s->a.parameters; i++) {
        support_close((double)estimate[i], gradient[i], 0.0, tolerance);
        largest = fmax(largest, fabs(gradient[i]));
    }
    assert_true(largest > 30.0 * tolerance);
}

/* -- 2. node perturbation -- */

static struct rebias_mgd_options node_options(uint64_t steps)
{
    struct rebias_mgd_options o = mgd_options();
    o.method = REBIAS_MGD_NODE;
    o.two_sided = true;
    o.batch = 3;
    o.tau_x = o.tau_theta = (double)steps;
    return o;
}

/* One node after the other, two-sided: dC_b/dz exactly (up to the amplitude squared), and with
 * the layers' inputs the gradient of the batch by backpropagation. Dense layers and
 * convolutions. */
static void test_sequential_nodes_give_the_gradient(void **state)
{
    (void)state;
    for (size_t k = 0; k < NETWORKS; k++) {
        struct mgd_setting s;
        struct mgd_sums sums;
        float estimate[MOST_PARAMETERS];
        double gradient[MOST_PARAMETERS];
        open_network(&s, networks[k]);
        struct rebias_mgd_options o = node_options(s.a.nodes);
        o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
        o.amplitude = 0.02;
        mgd_gradient(&s, &o, 1, gradient);
        mgd_estimate(&s, &o, s.a.nodes, MGD_ANY_WAY, estimate, &sums);
        expect_gradient(&s, estimate, gradient, 1e-3);
        assert_int_equal(sums.evaluations, 2 * s.a.nodes + 1);
    }
}

/* Walsh codes over a whole period too: orthogonal patterns of all nodes at once. */
static void test_walsh_nodes_give_the_gradient(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct mgd_setting s;
        struct mgd_sums sums;
        float estimate[MOST_PARAMETERS];
        double gradient[MOST_PARAMETERS];
        open_network(&s, networks[k]);
        const uint64_t period = s.a.nodes > 4 ? 8 : 4;
        struct rebias_mgd_options o = node_options(2 * period);
        o.perturbation = REBIAS_PERTURB_WALSH;
        o.two_sided = false;
        o.amplitude = 0.02;
        mgd_gradient(&s, &o, 1, gradient);
        mgd_estimate(&s, &o, 2 * period, MGD_ANY_WAY, estimate, &sums);
        expect_gradient(&s, estimate, gradient, 1e-3);
    }
}

/* Random codes: the mean of T estimates is the gradient, with an error of relative size
 * sqrt((N - 1)/T) in norm; 3 times that is not passed (chi-square: below 1e-6). */
static void test_random_nodes_average_to_the_gradient(void **state)
{
    (void)state;
    const uint64_t T = 4000;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double gradient[MOST_PARAMETERS];
    open_network(&s, networks[0]);
    const struct rebias_mgd_options o = node_options(T);
    mgd_gradient(&s, &o, 1, gradient);
    mgd_estimate(&s, &o, T, MGD_ANY_WAY, estimate, &sums);
    double error = 0.0;
    double norm = 0.0;
    for (size_t i = 0; i < s.a.parameters; i++) {
        error += pow((double)estimate[i] - gradient[i], 2.0);
        norm += gradient[i] * gradient[i];
    }
    /* samples of a batch add their own noise: mean over b of |g_b|^2 is at most 3 |g|^2 here */
    assert_true(sqrt(error / norm) < 3.0 * sqrt(3.0 * ((double)s.a.nodes - 1.0) / (double)T));
}

/* -- 3. layer by layer -- */

/* Weights and nodes: every layer's sequential code, two-sided, gives that layer's gradient; one
 * evaluation (pair) a layer and the base once for the layers before. */
static void test_layers_give_the_gradient(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2 * NETWORKS; k++) {
        struct mgd_setting s;
        struct mgd_sums sums;
        float estimate[MOST_PARAMETERS];
        double gradient[MOST_PARAMETERS];
        open_network(&s, networks[k % NETWORKS]);
        const bool node = k >= NETWORKS;
        struct mgd_blocks blocks;
        struct rebias_mgd_options o = node_options(1);
        o.method = node ? REBIAS_MGD_NODE : REBIAS_MGD_WEIGHT;
        o.scope = REBIAS_MGD_LAYERS;
        o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
        o.amplitude = 0.02;
        rebias_mgd_blocks(&blocks, &s.a, &o);
        mgd_gradient(&s, &o, 1, gradient);
        for (size_t b = 0; b < blocks.count; b++) {
            const struct mgd_block *block = &blocks.block[b];
            o.tau_x = o.tau_theta = (double)block->n;
            mgd_estimate(&s, &o, block->n, MGD_ANY_WAY, estimate, &sums);
            for (size_t i = block->theta_first; i < block->theta_first + block->theta_n; i++) {
                support_close((double)estimate[i], gradient[i], 0.0, 1e-3);
            }
            assert_int_equal(sums.evaluations, 2 * blocks.count * block->n + 1);
        }
    }
}

/* Blocks cover every parameter once, and pools have none. */
static void test_blocks(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_blocks blocks;
    struct rebias_mgd_options o = mgd_options();
    open_network(&s, networks[2]);
    o.scope = REBIAS_MGD_LAYERS;
    rebias_mgd_blocks(&blocks, &s.a, &o);
    assert_int_equal(blocks.count, 3);
    size_t next = 0;
    for (size_t b = 0; b < 3; b++) {
        assert_int_equal(blocks.block[b].theta_first, next);
        next += blocks.block[b].theta_n;
    }
    assert_int_equal(next, s.a.parameters);
    assert_int_equal(blocks.block[0].layer_first, 0);
    assert_int_equal(blocks.block[1].layer_first, 2); /* behind the pool */
    o.method = REBIAS_MGD_NODE;
    rebias_mgd_blocks(&blocks, &s.a, &o);
    assert_int_equal(blocks.block[0].n, 3 * 4 * 4);
    assert_int_equal(blocks.block[1].first, 3 * 4 * 4);
    assert_int_equal(blocks.block[2].n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequential_nodes_give_the_gradient),
        cmocka_unit_test(test_walsh_nodes_give_the_gradient),
        cmocka_unit_test(test_random_nodes_average_to_the_gradient),
        cmocka_unit_test(test_layers_give_the_gradient), cmocka_unit_test(test_blocks)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
