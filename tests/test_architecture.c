/* test_architecture.c - networks from text, and their first parameters.
 * 1. helpers   2. counts   3. layers   4. wrong texts   5. first parameters
 */
#include "support.h"

#include "rebias/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

static int parse(struct rebias_architecture *a, const char *text, struct rebias_error *err)
{
    return rebias_architecture_parse(a, text, REBIAS_TRANSFER_RELU, REBIAS_TRANSFER_NONE,
                                     REBIAS_COST_CROSS_ENTROPY, 0.0, err);
}

static struct rebias_architecture parsed(const char *text)
{
    struct rebias_error err = {0};
    struct rebias_architecture a = {0};
    support_expect(parse(&a, text, &err), REBIAS_OK, &err, NULL);
    return a;
}

static void assert_shape(const struct rebias_shape *shape, size_t channels, size_t rows,
                         size_t columns)
{
    assert_int_equal(shape->channels, channels);
    assert_int_equal(shape->rows, rows);
    assert_int_equal(shape->columns, columns);
}

/* -- 2. counts -- */

/* Numbers of parameters and nodes of McCaughan et al. 2023 (220; 14,378; 26,154) and of the
 * family of Oripov et al. 2025 (their released settings give these for each width); the nodes
 * of the first three from their layers: 4 + 4; 16 26^2 + 32 11^2 + 32 3^2 + 10;
 * 16 30^2 + 32 13^2 + 64 4^2 + 10. */
static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t parameters, nodes, inputs, outputs;
    } known[] = {{"49,4,4", 220, 8, 49, 4},
                 {"784,128,64,10", 109386, 202, 784, 10},
                 {"fmnist-cnn", 14378, 14986, 784, 10},
                 {"cifar-cnn", 26154, 20842, 3072, 10},
                 {"scaling:1", 520, 2762, 784, 10},
                 {"scaling:2", 1908, 5514, 784, 10},
                 {"scaling:4", 7318, 11018, 784, 10},
                 {"scaling:8", 28674, 22026, 784, 10},
                 {"scaling:16", 113530, 44042, 784, 10},
                 {"scaling:24", 254578, 66058, 784, 10},
                 {"scaling:32", 451818, 88074, 784, 10},
                 {"scaling:48", 1014874, 132106, 784, 10},
                 {"scaling:64", 1802698, 176138, 784, 10}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct rebias_architecture a = parsed(known[i].text);
        assert_string_equal(a.name, known[i].text);
        assert_int_equal(a.parameters, known[i].parameters);
        assert_int_equal(a.nodes, known[i].nodes);
        assert_int_equal(a.inputs, known[i].inputs);
        assert_int_equal(a.outputs, known[i].outputs);
    }
}

/* -- 3. layers -- */

/* Sizes by hand: 2 x 9 x 8 -> 3 x 3 valid: 7 x 6 -> 5 x 5 same: 7 x 6 -> maxima of 2 x 2, odd
 * row cut off: 3 x 3 -> dense. */
static void test_layers(void **state)
{
    (void)state;
    const struct rebias_architecture a =
        parsed("2x9x8,conv3:4:tanh,conv5same:3,pool2,dense:6:sigmoid,5");
    assert_int_equal(a.layers, 5);
    assert_shape(&a.layer[0].out, 4, 7, 6);
    assert_shape(&a.layer[1].out, 3, 7, 6);
    assert_shape(&a.layer[2].out, 3, 3, 3);
    assert_shape(&a.layer[3].out, 6, 1, 1);
    assert_shape(&a.layer[4].out, 5, 1, 1);
    static const size_t weights[5] = {4 * 2 * 9, 3 * 4 * 25, 0, 6 * 27, 5 * 6};
    static const size_t biases[5] = {4, 3, 0, 6, 5};
    static const size_t nodes[5] = {4 * 42, 3 * 42, 0, 6, 5};
    static const enum rebias_transfer transfers[5] = {
        REBIAS_TRANSFER_TANH, REBIAS_TRANSFER_RELU, REBIAS_TRANSFER_NONE,
        REBIAS_TRANSFER_SIGMOID, REBIAS_TRANSFER_NONE};
    size_t first = 0;
    size_t first_node = 0;
    for (size_t l = 0; l < 5; l++) {
        assert_int_equal(a.layer[l].weights, weights[l]);
        assert_int_equal(a.layer[l].biases, biases[l]);
        assert_int_equal(a.layer[l].nodes, nodes[l]);
        assert_int_equal(a.layer[l].transfer, transfers[l]);
        assert_int_equal(a.layer[l].first, first);
        assert_int_equal(a.layer[l].first_node, first_node);
        first += weights[l] + biases[l];
        first_node += nodes[l];
    }
    assert_int_equal(a.parameters, first);
    assert_int_equal(a.nodes, first_node);
    assert_false(a.layer[0].padded);
    assert_true(a.layer[1].padded);
    assert_int_equal(a.layer[2].kernel, 2);
}

/* Plain numbers take the transfers that are given; named networks have their own. */
static void test_transfers(void **state)
{
    (void)state;
    struct rebias_architecture a = {0};
    struct rebias_error err = {0};
    assert_int_equal(rebias_architecture_parse(&a, "2,3,1", REBIAS_TRANSFER_TANH,
                                               REBIAS_TRANSFER_SIGMOID, REBIAS_COST_SQUARED,
                                               0.0, &err),
                     REBIAS_OK);
    assert_int_equal(a.layer[0].transfer, REBIAS_TRANSFER_TANH);
    assert_int_equal(a.layer[1].transfer, REBIAS_TRANSFER_SIGMOID);
    assert_int_equal(rebias_architecture_parse(&a, "scaling:1", REBIAS_TRANSFER_RELU,
                                               REBIAS_TRANSFER_SIGMOID,
                                               REBIAS_COST_CROSS_ENTROPY, 0.01, &err),
                     REBIAS_OK);
    assert_int_equal(a.layer[0].transfer, REBIAS_TRANSFER_TANH);
    assert_int_equal(a.layer[a.layers - 1].transfer, REBIAS_TRANSFER_NONE);
    assert_true(a.smoothing == 0.01); /* set here, handed through */
}

/* -- 4. wrong texts -- */

static const struct {
    const char *text;
    int status;
    const char *message;
} wrong[] = {
    {"", REBIAS_E_NAME, "layer 0 of the network is empty (expected an input, then layers"},
    {"49", REBIAS_E_RANGE, "the network '49' has no layer with weights"},
    {"1x28x28,pool2", REBIAS_E_RANGE, "has no layer with weights"},
    {"49,0", REBIAS_E_RANGE, "layer 1 of the network has no usable number of neurons: '0'"},
    {"49,4,", REBIAS_E_NAME, "layer 2 of the network is empty"},
    {"49,-4", REBIAS_E_NAME, "layer 1 of the network is unknown: '-4'"},
    {"49,65537", REBIAS_E_RANGE, "'65537' (expected 1 to 65536)"},
    {"28x28,10", REBIAS_E_RANGE, "layer 0 of the network is no input: '28x28'"},
    {"1x28x28x2,10", REBIAS_E_RANGE, "is no input: '1x28x28x2'"},
    {"1x2.5x3,10", REBIAS_E_RANGE, "is no input: '1x2.5x3'"},
    {"49:relu,4", REBIAS_E_RANGE, "is no input: '49:relu'"},
    {"65536x65536x65536,2", REBIAS_E_RANGE, "has too many inputs"},
    {"49,4:step,2", REBIAS_E_NAME,
     "layer 1 of the network has an unknown transfer: '4:step' (expected sigmoid, tanh, relu "
     "or "
     "none)"},
    {"49,4:relu:tanh,2", REBIAS_E_NAME, "layer 1 of the network cannot be read"},
    {"49,a:b:c:d,2", REBIAS_E_NAME, "cannot be read: 'a:b:c:d'"},
    {"49,dense,2", REBIAS_E_NAME, "cannot be read: 'dense'"},
    {"1x9x9,conv:3,2", REBIAS_E_RANGE,
     "has no usable kernel size: 'conv:3' (expected K from 1"},
    {"1x9x9,conv32:3,2", REBIAS_E_RANGE, "has no usable kernel size"},
    {"1x9x9,conv3sam:3,2", REBIAS_E_RANGE, "has no usable kernel size"},
    {"1x9x9,conv4same:3,2", REBIAS_E_RANGE,
     "cannot be padded evenly: 'conv4same:3' (expected an"},
    {"1x9x8,conv9:3,2", REBIAS_E_RANGE, "is larger than its input: 'conv9:3'"},
    {"1x9x8,pool9,2", REBIAS_E_RANGE, "is larger than its input: 'pool9'"},
    {"1x9x9,conv3,2", REBIAS_E_NAME, "cannot be read: 'conv3'"},
    {"1x9x9,pool2:3,2", REBIAS_E_NAME, "has more than a pool can: 'pool2:3'"},
    {"1x9x9,pool2same,2", REBIAS_E_RANGE, "has no usable kernel size"},
    {"1x4096x4096,conv1:2,2", REBIAS_E_RANGE, "layer 1 of the network is too large"},
    {"65536,65536,2", REBIAS_E_RANGE, "layer 1 of the network is too large"},
    {"resnet", REBIAS_E_RANGE, "layer 0 of the network is no input: 'resnet'"},
    {"scaling:0", REBIAS_E_RANGE, "no usable width: 'scaling:0' (expected scaling:D, D from 1"},
    {"scaling:", REBIAS_E_RANGE, "no usable width"},
    {"scaling:+1", REBIAS_E_RANGE, "no usable width"},
    {"49,1", REBIAS_E_RANGE, "cross-entropy needs 2 to 256 outputs, the network has 1"},
    {"49,257", REBIAS_E_RANGE, "cross-entropy needs 2 to 256 outputs, the network has 257"},
    {"9,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2", REBIAS_E_RANGE,
     "layer 33 of the network is one too many: '2' (expected at most 32 layers)"}};

static void test_wrong_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rebias_architecture a = {.layers = 7};
        struct rebias_error err = {0};
        support_expect(parse(&a, wrong[i].text, &err), wrong[i].status, &err, wrong[i].message);
        assert_int_equal(a.layers, 7); /* written on success only */
    }
    char text[200];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    struct rebias_architecture a = {0};
    struct rebias_error err = {0};
    support_expect(parse(&a, text, &err), REBIAS_E_RANGE, &err,
                   "the text of the network has 199 characters (at most 127)");
}

static void test_wrong_smoothing(void **state)
{
    (void)state;
    static const double values[] = {-0.1, 1.0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct rebias_architecture a = {0};
        struct rebias_error err = {0};
        support_expect(
            rebias_architecture_parse(&a, "4,2", REBIAS_TRANSFER_RELU, REBIAS_TRANSFER_NONE,
                                      REBIAS_COST_CROSS_ENTROPY, values[i], &err),
            REBIAS_E_RANGE, &err, "label smoothing must be at least 0 and below 1, not");
    }
}

/* -- 5. first parameters -- */

static float *drawn(const struct rebias_architecture *a, enum rebias_initial initial,
                    uint64_t seed)
{
    float *theta = calloc(a->parameters, sizeof *theta);
    assert_non_null(theta);
    rebias_architecture_draw(a, initial, -0.5, 0.5, seed, 3, theta);
    return theta;
}

/* Mean and variance of x[n]. */
static void moments(size_t n, const float *x, double *mean, double *variance)
{
    *mean = 0.0;
    *variance = 0.0;
    for (size_t i = 0; i < n; i++) {
        *mean += (double)x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        *variance += ((double)x[i] - *mean) * ((double)x[i] - *mean) / (double)n;
    }
}

/* mean 0 and this variance within 5 standard errors (kurtosis <= 3: sd of a variance below
 * variance sqrt(2/n)); a right draw fails with probability below 6e-7 a number. Fixed seed. */
static void assert_spread(size_t n, const float *x, double variance)
{
    double mean = 0.0;
    double found = 0.0;
    moments(n, x, &mean, &found);
    support_close(mean, 0.0, 0.0, 5.0 * sqrt(variance / (double)n));
    support_close(found, variance, 5.0 * sqrt(2.0 / (double)n), 0.0);
}

/* Uniform in +- 1/2: variance 1/12. The first words are those of the stream. */
static void test_uniform(void **state)
{
    (void)state;
    const struct rebias_architecture a = parsed("49,20,4");
    float *theta = drawn(&a, REBIAS_INITIAL_UNIFORM, 8);
    assert_spread(a.parameters, theta, 1.0 / 12.0);
    double u[1000];
    const struct rebias_stream stream = {8, REBIAS_FOR_WEIGHTS, 3, 0, 0};
    rebias_random_uniform(&stream, 0, 1000, u);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(theta[i] == (float)(u[i] - 0.5)); /* biases too: 49 x 20 + 20 */
    }
    free(theta);
}

/* Glorot: variance limit^2/3 = 2/(fan in + fan out), with the kernel's 9 taps in both fans;
 * LeCun: 1/fan in; biases 0. */
static void test_fans(void **state)
{
    (void)state;
    const struct rebias_architecture a = parsed("3x12x12,conv3:24,pool2,dense:30");
    static const double fan_in[3] = {27, 0, 600};
    static const double fan_out[3] = {216, 0, 30};
    float *glorot = drawn(&a, REBIAS_INITIAL_GLOROT, 5);
    float *lecun = drawn(&a, REBIAS_INITIAL_LECUN, 5);
    for (size_t l = 0; l < 3; l += 2) {
        const struct rebias_layer *layer = &a.layer[l];
        assert_spread(layer->weights, glorot + layer->first, 2.0 / (fan_in[l] + fan_out[l]));
        assert_spread(layer->weights, lecun + layer->first, 1.0 / fan_in[l]);
        for (size_t i = 0; i < layer->weights; i++) {
            assert_true(fabs((double)glorot[layer->first + i]) <=
                        sqrt(6.0 / (fan_in[l] + fan_out[l])));
        }
        for (size_t i = layer->weights; i < layer->weights + layer->biases; i++) {
            assert_true(glorot[layer->first + i] == 0.0f);
            assert_true(lecun[layer->first + i] == 0.0f);
        }
    }
    free(glorot);
    free(lecun);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_layers),
                                       cmocka_unit_test(test_transfers),
                                       cmocka_unit_test(test_wrong_texts),
                                       cmocka_unit_test(test_wrong_smoothing),
                                       cmocka_unit_test(test_uniform),
                                       cmocka_unit_test(test_fans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
