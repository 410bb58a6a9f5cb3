/* test_network.c - multi-layer perceptrons.
 * 1. helpers   2. a double-precision reference   3. forward   4. gradients   5. extreme outputs
 * 6. updates
 * 7. accuracy   8. wrong options
 */
#include "support.h"

#include "rebias/images.h"
#include "rebias/network.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { INPUTS = 6, OUTPUTS = 3, BATCH = 7, WIDEST = 8 };

static struct rebias_network_options options_of(size_t layers,
                                                enum rebias_activation activation,
                                                enum rebias_loss loss)
{
    static const size_t sizes[4] = {INPUTS, 5, 4, OUTPUTS};
    struct rebias_network_options o = rebias_network_options_defaults();
    o.layers = layers;
    memcpy(o.sizes, sizes, sizeof sizes);
    o.sizes[layers] = OUTPUTS;
    o.batch = BATCH;
    o.activation = activation;
    o.loss = loss;
    return o;
}

static struct rebias_network *new_network(const struct rebias_network_options *options)
{
    struct rebias_error err = {0};
    struct rebias_network *network = NULL;
    support_expect(rebias_network_new(&network, options, &err), REBIAS_OK, &err, NULL);
    return network;
}

/* x[n] uniform in (low, high). */
static void fill_uniform(uint32_t entity, double low, double high, size_t n, float *x)
{
    const struct rebias_stream stream = {
        .seed = 11, .purpose = REBIAS_FOR_TEST, .entity = entity};
    for (size_t i = 0; i < n; i++) {
        double u = 0.0;
        rebias_random_uniform(&stream, i, 1, &u);
        x[i] = (float)(low + u * (high - low));
    }
}

static size_t layer_size(const struct rebias_network *network, size_t l)
{
    const struct rebias_network_options *o = rebias_network_options_of(network);
    return (o->sizes[l] + 1) * o->sizes[l + 1];
}

/* Weights and biases away from 0, for a software network. */
static void randomise(struct rebias_network *network)
{
    for (size_t l = 0; l < rebias_network_options_of(network)->layers; l++) {
        fill_uniform(50 + (uint32_t)l, -1.0, 1.0, layer_size(network, l),
                     rebias_network_weights(network, l));
    }
}

static const uint8_t labels[BATCH] = {2, 0, 1, 1, 2, 0, 2};

/* -- 2. a double-precision reference: plain loops over the same float32 weights -- */

static double activate(enum rebias_activation f, double z)
{
    return f == REBIAS_SIGMOID ? 1.0 / (1.0 + exp(-z))
           : f == REBIAS_TANH  ? tanh(z)
                               : fmax(z, 0.0);
}

/* Without the shift by the largest: the networks here have small z. */
static void softmax(size_t n, double *z)
{
    double sum = 0.0;
    for (size_t c = 0; c < n; c++) {
        z[c] = exp(z[c]);
        sum += z[c];
    }
    for (size_t c = 0; c < n; c++) {
        z[c] /= sum;
    }
}

/* A change of one weight, kept in double. */
struct nudge {
    size_t layer;
    size_t index;
    double by;
};

/* Output a[OUTPUTS] of one input; *kink = smallest |z| that ReLU has seen. */
static void reference_forward(struct rebias_network *network, const float *x,
                              struct nudge nudge, double *a, double *kink)
{
    const struct rebias_network_options *o = rebias_network_options_of(network);
    double below[WIDEST];
    for (size_t i = 0; i < INPUTS; i++) {
        below[i] = (double)x[i];
    }
    for (size_t l = 0; l < o->layers; l++) {
        const float *w = rebias_network_weights(network, l);
        const size_t inputs = o->sizes[l];
        const size_t outputs = o->sizes[l + 1];
        below[inputs] = 1.0;
        for (size_t c = 0; c < outputs; c++) {
            a[c] = 0.0;
            for (size_t r = 0; r <= inputs; r++) {
                bool nudged = l == nudge.layer && r * outputs + c == nudge.index;
                a[c] += below[r] * ((double)w[r * outputs + c] + (nudged ? nudge.by : 0.0));
            }
        }
        bool plain = l + 1 < o->layers || o->loss == REBIAS_SQUARED_ERROR;
        for (size_t c = 0; c < outputs && plain; c++) {
            *kink = fmin(*kink, fabs(a[c]));
            a[c] = activate(o->activation, a[c]);
        }
        memcpy(below, a, outputs * sizeof *a);
    }
    if (o->loss == REBIAS_CROSS_ENTROPY) {
        softmax(OUTPUTS, a);
    }
}

static double reference_loss(struct rebias_network *network, size_t n, const float *x,
                             struct nudge nudge, double *kink)
{
    double loss = 0.0;
    for (size_t i = 0; i < n; i++) {
        double a[WIDEST];
        reference_forward(network, x + i * INPUTS, nudge, a, kink);
        for (size_t c = 0; c < OUTPUTS; c++) {
            double target = c == labels[i] ? 1.0 : 0.0;
            loss += rebias_network_options_of(network)->loss == REBIAS_CROSS_ENTROPY
                        ? -target * log(a[c])
                        : 0.5 * (a[c] - target) * (a[c] - target);
        }
    }
    return loss / (double)n;
}

static const struct nudge no_nudge = {0, 0, 0.0};

/* Runs check for every activation, loss, depth and batch. */
static void for_every_network(void (*check)(struct rebias_network *network, size_t n))
{
    static const size_t batches[] = {1, 2, BATCH};
    for (int f = REBIAS_SIGMOID; f <= REBIAS_RELU; f++) {
        for (int loss = REBIAS_CROSS_ENTROPY; loss <= REBIAS_SQUARED_ERROR; loss++) {
            for (size_t layers = 1; layers <= 3; layers++) {
                const struct rebias_network_options o =
                    options_of(layers, (enum rebias_activation)f, (enum rebias_loss)loss);
                struct rebias_network *network = new_network(&o);
                randomise(network);
                for (size_t b = 0; b < 3; b++) {
                    check(network, batches[b]);
                }
                rebias_network_free(network);
            }
        }
    }
}

/* -- 3. forward -- */

/* At most 8 products of size 1 and three layers: float32 leaves 10 roundings of 6e-8 each,
 * times factors below 3. */
static void check_forward(struct rebias_network *network, size_t n)
{
    float x[BATCH * INPUTS];
    double kink = INFINITY;
    fill_uniform(1, 0.0, 1.0, BATCH * INPUTS, x);
    rebias_network_set_inputs(network, n, x);
    const float *out = rebias_network_forward(network, n);
    for (size_t i = 0; i < n; i++) {
        double a[WIDEST];
        reference_forward(network, x + i * INPUTS, no_nudge, a, &kink);
        for (size_t c = 0; c < OUTPUTS; c++) {
            support_close((double)out[i * OUTPUTS + c], a[c], 0.0, 2e-6);
        }
    }
}

static void test_forward_equals_double_loop(void **state)
{
    (void)state;
    for_every_network(check_forward);
}

static void test_single_vectors_equal_batch_rows(void **state)
{
    (void)state;
    const struct rebias_network_options o = options_of(3, REBIAS_TANH, REBIAS_CROSS_ENTROPY);
    struct rebias_network *network = new_network(&o);
    float x[BATCH * INPUTS];
    float rows[BATCH * OUTPUTS];
    randomise(network);
    fill_uniform(2, 0.0, 1.0, BATCH * INPUTS, x);
    rebias_network_set_inputs(network, BATCH, x);
    memcpy(rows, rebias_network_forward(network, BATCH), sizeof rows);
    for (size_t i = 0; i < BATCH; i++) {
        rebias_network_set_inputs(network, 1, x + i * INPUTS);
        const float *out = rebias_network_forward(network, 1);
        for (size_t c = 0; c < OUTPUTS; c++) {
            support_close((double)out[c], (double)rows[i * OUTPUTS + c], 0.0, 1e-6);
        }
    }
    rebias_network_free(network);
}

static void test_images_are_scaled(void **state)
{
    (void)state;
    struct rebias_network_options o = options_of(1, REBIAS_TANH, REBIAS_CROSS_ENTROPY);
    o.sizes[0] = 4;
    struct rebias_network *network = new_network(&o);
    uint8_t pixels[12] = {9, 9, 9, 9, 0, 1, 128, 255, 255, 7, 0, 0};
    uint8_t label[3] = {0, 1, 2};
    const struct rebias_images images = {3, 2, 2, 1, 3, pixels, label};
    const uint32_t order[2] = {2, 1};
    float x[8];
    float from_images[2 * OUTPUTS];
    rebias_network_set_images(network, &images, 2, order);
    memcpy(from_images, rebias_network_forward(network, 2), sizeof from_images);
    for (size_t i = 0; i < 8; i++) {
        x[i] = (float)pixels[4 * order[i / 4] + i % 4] / 255.0f;
    }
    rebias_network_set_inputs(network, 2, x);
    const float *expected = rebias_network_forward(network, 2);
    for (size_t i = 0; i < 2 * OUTPUTS; i++) {
        support_close((double)from_images[i], (double)expected[i], 0.0, 1e-6);
    }
    rebias_network_free(network);
}

/* -- 4. gradients -- */

/* Central differences of the double loss: with h = 1e-5 they err by h^2 f''' < 1e-9 and 1e-16/h
 * = 1e-11. What the tolerance allows for is float32: some 20 roundings of 6e-8 relative to the
 * layer's largest gradient, and 2e-7 of the activations. A ReLU nearer to its kink than h times
 * the largest input would spoil the difference. */
static void check_layer_gradient(struct rebias_network *network, size_t l, size_t n,
                                 const float *x)
{
    const double h = 1e-5;
    const float *gradient = rebias_network_gradient(network, l);
    double expected[64];
    double largest = 0.0;
    double kink = INFINITY;
    for (size_t i = 0; i < layer_size(network, l); i++) {
        const struct nudge up = {l, i, h};
        const struct nudge down = {l, i, -h};
        expected[i] = (reference_loss(network, n, x, up, &kink) -
                       reference_loss(network, n, x, down, &kink)) /
                      (2.0 * h);
        largest = fmax(largest, fabs(expected[i]));
    }
    assert_true(kink > 2.0 * h);
    for (size_t i = 0; i < layer_size(network, l); i++) {
        support_close((double)gradient[i], expected[i], 0.0, 5e-6 * largest + 2e-7);
    }
}

static void check_gradients(struct rebias_network *network, size_t n)
{
    float x[BATCH * INPUTS];
    double kink = INFINITY;
    fill_uniform(3, 0.0, 1.0, BATCH * INPUTS, x);
    rebias_network_set_inputs(network, n, x);
    rebias_network_forward(network, n);
    double loss = rebias_network_backward(network, n, labels);
    support_close(loss, reference_loss(network, n, x, no_nudge, &kink), 2e-6, 2e-7);
    for (size_t l = 0; l < rebias_network_options_of(network)->layers; l++) {
        check_layer_gradient(network, l, n, x);
    }
}

static void test_gradients_equal_central_differences(void **state)
{
    (void)state;
    for_every_network(check_gradients);
}

/* One vector with zeros: only rows of nonzero inputs are computed. The same vector twice as a
 * batch has the same mean gradient; what an earlier batch left in the skipped rows must not
 * show. */
static void test_single_gradient_equals_dense(void **state)
{
    (void)state;
    const struct rebias_network_options o = options_of(2, REBIAS_RELU, REBIAS_CROSS_ENTROPY);
    struct rebias_network *network = new_network(&o);
    float x[2 * INPUTS] = {0.0f, 0.5f, 0.0f, 0.25f, 0.0f, 1.0f,
                           0.0f, 0.5f, 0.0f, 0.25f, 0.0f, 1.0f};
    const uint8_t label[2] = {1, 1};
    float dense[2][64];
    randomise(network);
    check_gradients(network, BATCH); /* fills every row */
    rebias_network_set_inputs(network, 2, x);
    rebias_network_forward(network, 2);
    rebias_network_backward(network, 2, label);
    for (size_t l = 0; l < 2; l++) {
        memcpy(dense[l], rebias_network_gradient(network, l),
               layer_size(network, l) * sizeof(float));
    }
    check_gradients(network, BATCH);
    rebias_network_set_inputs(network, 1, x);
    rebias_network_forward(network, 1);
    rebias_network_backward(network, 1, label);
    for (size_t l = 0; l < 2; l++) {
        const float *gradient = rebias_network_gradient(network, l);
        for (size_t i = 0; i < layer_size(network, l); i++) {
            support_close((double)gradient[i], (double)dense[l][i], 0.0, 1e-6);
            assert_true(l > 0 || x[i / 5 % INPUTS] != 0.0f || i / 5 == INPUTS ||
                        gradient[i] == 0.0f);
        }
    }
    rebias_network_free(network);
}

/* -- 5. extreme outputs -- */

/* Probability 0 of the right class: the loss stays finite, at -log 1e-30 = 69.08. */
static void test_loss_of_certain_error(void **state)
{
    (void)state;
    const struct rebias_network_options o = options_of(1, REBIAS_TANH, REBIAS_CROSS_ENTROPY);
    struct rebias_network *network = new_network(&o);
    float *w = rebias_network_weights(network, 0);
    const float x[INPUTS] = {0.0f};
    const uint8_t label = 2;
    w[INPUTS * OUTPUTS] = 1e4f;
    w[INPUTS * OUTPUTS + 2] = -1e4f;
    rebias_network_set_inputs(network, 1, x);
    rebias_network_forward(network, 1);
    support_close(rebias_network_backward(network, 1, &label), 30.0 * log(10.0), 1e-6, 0.0);
    rebias_network_free(network);
}

/* A network that diverged must show it in the loss, whatever the activation. */
static void test_nan_stays_visible(void **state)
{
    (void)state;
    for (int f = REBIAS_SIGMOID; f <= REBIAS_RELU; f++) {
        for (int loss = REBIAS_CROSS_ENTROPY; loss <= REBIAS_SQUARED_ERROR; loss++) {
            const struct rebias_network_options o =
                options_of(2, (enum rebias_activation)f, (enum rebias_loss)loss);
            struct rebias_network *network = new_network(&o);
            float x[2 * INPUTS];
            fill_uniform(4, 0.5, 1.0, 2 * INPUTS, x);
            rebias_network_weights(network, 0)[0] = NAN;
            rebias_network_set_inputs(network, 2, x);
            rebias_network_forward(network, 2);
            assert_true(isnan(rebias_network_backward(network, 2, labels)));
            rebias_network_free(network);
        }
    }
}

/* -- 6. initial weights and updates -- */

/* Uniform in +- limit: bounds, and the mean of squares limit^2/3 within 5 standard errors
 * (limit^2 sqrt(4/45/n)). */
static void test_initial_weights(void **state)
{
    (void)state;
    for (int f = REBIAS_TANH; f <= REBIAS_RELU; f++) {
        struct rebias_network_options o = rebias_network_options_defaults();
        o.activation = (enum rebias_activation)f;
        struct rebias_network *network = new_network(&o);
        const float *w = rebias_network_weights(network, 0);
        const size_t n = 784 * 100;
        double limit = sqrt(6.0 / 884.0) * (f == REBIAS_RELU ? sqrt(2.0) : 1.0);
        double squares = 0.0;
        for (size_t i = 0; i < n; i++) {
            assert_true(fabs((double)w[i]) <= limit * 1.000001);
            squares += (double)w[i] * (double)w[i];
        }
        double error = limit * limit * sqrt(4.0 / 45.0 / (double)n);
        support_close(squares / (double)n, limit * limit / 3.0, 0.0, 5.0 * error);
        for (size_t c = 0; c < 100; c++) {
            assert_true(w[n + c] == 0.0f); /* biases, exactly */
        }
        rebias_network_free(network);
    }
}

static void one_gradient(struct rebias_network *network)
{
    float x[BATCH * INPUTS];
    fill_uniform(5, 0.0, 1.0, BATCH * INPUTS, x);
    rebias_network_set_inputs(network, BATCH, x);
    rebias_network_forward(network, BATCH);
    rebias_network_backward(network, BATCH, labels);
}

static void test_software_update(void **state)
{
    (void)state;
    const struct rebias_network_options o = options_of(2, REBIAS_TANH, REBIAS_SQUARED_ERROR);
    struct rebias_network *network = new_network(&o);
    const double rate[2] = {0.5, 0.125};
    float before[2][64];
    one_gradient(network);
    assert_null(rebias_network_crossbar(network, 0));
    for (size_t l = 0; l < 2; l++) {
        memcpy(before[l], rebias_network_weights(network, l),
               layer_size(network, l) * sizeof(float));
    }
    assert_int_equal(rebias_network_update(network, BATCH, rate, 0), 0);
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < layer_size(network, l); i++) {
            float expected =
                before[l][i] - (float)rate[l] * rebias_network_gradient(network, l)[i];
            assert_true(rebias_network_weights(network, l)[i] ==
                        expected); /* the same two operations */
        }
    }
    rebias_network_free(network);
}

/* Biases held digitally move by rate * gradient; on devices by whole steps within one of it. */
static void check_biases(enum rebias_biases biases)
{
    struct rebias_device *device = support_device("ideal:levels=2000");
    struct rebias_network_options o = options_of(2, REBIAS_TANH, REBIAS_CROSS_ENTROPY);
    o.device = device;
    o.biases = biases;
    struct rebias_network *network = new_network(&o);
    const double rate[2] = {0.05, 0.05};
    float before[2][64];
    for (size_t l = 0; l < 2; l++) {
        memcpy(before[l], rebias_network_weights(network, l),
               layer_size(network, l) * sizeof(float));
    }
    one_gradient(network);
    assert_true(rebias_network_update(network, BATCH, rate, 0) > 0);
    for (size_t l = 0; l < 2; l++) {
        double step = rebias_crossbar_weight_step(rebias_network_crossbar(network, l));
        size_t first_bias = o.sizes[l] * o.sizes[l + 1];
        for (size_t i = 0; i < layer_size(network, l); i++) {
            double wanted = -rate[l] * (double)rebias_network_gradient(network, l)[i];
            double moved = (double)rebias_network_weights(network, l)[i] - (double)before[l][i];
            if (i >= first_bias && biases == REBIAS_BIASES_DIGITAL) {
                support_close(moved, wanted, 0.0, 1e-7);
            } else {
                support_close(moved, wanted, 0.0, 1.02 * step);
                support_close(moved / step, nearbyint(moved / step), 0.0, 0.02);
            }
        }
    }
    rebias_network_free(network);
    rebias_device_free(device);
}

static void test_device_and_digital_biases(void **state)
{
    (void)state;
    check_biases(REBIAS_BIASES_DIGITAL);
    check_biases(REBIAS_BIASES_DEVICES);
}

/* -- 7. accuracy -- */

/* Without weights all outputs are equal: class 0 always, loss log 3 or 1/2 (1 + ...). */
static void test_ties_go_to_the_lowest_index(void **state)
{
    (void)state;
    struct rebias_network_options o = options_of(1, REBIAS_RELU, REBIAS_CROSS_ENTROPY);
    o.sizes[0] = 4;
    o.batch = 3; /* more images than a batch: in pieces */
    uint8_t pixels[28] = {0, 50, 100, 150};
    uint8_t label[7] = {0, 1, 0, 2, 0, 0, 1};
    const struct rebias_images images = {7, 2, 2, 1, 3, pixels, label};
    for (int loss = REBIAS_CROSS_ENTROPY; loss <= REBIAS_SQUARED_ERROR; loss++) {
        o.loss = (enum rebias_loss)loss;
        struct rebias_network *network = new_network(&o);
        double mean = 0.0;
        memset(rebias_network_weights(network, 0), 0, layer_size(network, 0) * sizeof(float));
        support_close(rebias_network_accuracy(network, &images, &mean), 4.0 / 7.0, 1e-15, 0.0);
        support_close(mean, loss == REBIAS_CROSS_ENTROPY ? log(3.0) : 0.5, 1e-6, 0.0);
        support_close(rebias_network_accuracy(network, &images, NULL), 4.0 / 7.0, 1e-15, 0.0);
        rebias_network_free(network);
    }
}

/* One bright pixel names the class; the weights read it off. */
static void test_accuracy_counts(void **state)
{
    (void)state;
    struct rebias_network_options o = options_of(1, REBIAS_RELU, REBIAS_CROSS_ENTROPY);
    o.sizes[0] = 3;
    struct rebias_network *network = new_network(&o);
    float *w = rebias_network_weights(network, 0);
    memset(w, 0, layer_size(network, 0) * sizeof(float));
    w[0] = w[4] = w[8] = 10.0f;
    enum { N = 200 };
    uint8_t pixels[3 * N] = {0};
    uint8_t label[N];
    size_t right = 0;
    for (size_t i = 0; i < N; i++) {
        pixels[3 * i + i % 3] = 255;
        label[i] = (uint8_t)(i % 7 == 0 ? (i + 1) % 3 : i % 3);
        right += label[i] == i % 3;
    }
    const struct rebias_images images = {N, 1, 3, 1, 3, pixels, label};
    support_close(rebias_network_accuracy(network, &images, NULL), (double)right / N, 1e-15,
                  0.0);
    rebias_network_free(network);
}

/* -- 8. wrong options -- */

static void expect_refused(const struct rebias_network_options *o, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_network *network = NULL;
    support_expect(rebias_network_new(&network, o, &err), REBIAS_E_RANGE, &err, message);
    assert_null(network);
}

static void test_wrong_options(void **state)
{
    (void)state;
    const struct rebias_network_options good = options_of(2, REBIAS_RELU, REBIAS_CROSS_ENTROPY);
    struct rebias_network_options o = good;
    o.layers = 0;
    expect_refused(&o, "0 weight layers are not possible (1 to 16)");
    o.layers = 17;
    expect_refused(&o, "17 weight layers are not possible (1 to 16)");
    o = good;
    o.sizes[1] = 0;
    expect_refused(&o, "a layer of 0 neurons is not possible (1 to 65536)");
    o.sizes[1] = 65537;
    expect_refused(&o, "a layer of 65537 neurons is not possible (1 to 65536)");
    o = good;
    o.batch = 0;
    expect_refused(&o, "a batch of 0 is not possible (1 to 65536)");
    o.batch = 65537;
    expect_refused(&o, "a batch of 65537 is not possible (1 to 65536)");
    o = good;
    struct rebias_device *device = support_device("ideal");
    o.device = device;
    o.crossbar.weight_range = -1.0;
    expect_refused(&o, "the weight range -1 is not above 0");
    rebias_device_free(device);
    rebias_network_free(NULL);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_equals_double_loop),
        cmocka_unit_test(test_single_vectors_equal_batch_rows),
        cmocka_unit_test(test_images_are_scaled),
        cmocka_unit_test(test_gradients_equal_central_differences),
        cmocka_unit_test(test_single_gradient_equals_dense),
        cmocka_unit_test(test_loss_of_certain_error),
        cmocka_unit_test(test_nan_stays_visible),
        cmocka_unit_test(test_initial_weights),
        cmocka_unit_test(test_software_update),
        cmocka_unit_test(test_device_and_digital_biases),
        cmocka_unit_test(test_ties_go_to_the_lowest_index),
        cmocka_unit_test(test_accuracy_counts),
        cmocka_unit_test(test_wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
