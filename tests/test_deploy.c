/* test_deploy.c - deployed networks: what is written, read, and computed.
 * 1. exact without errors   2. writing   3. rows   4. reading   5. read chain   6. committees
 * and MAO   7. bad input
 *
 * References are plain loops in double over the conductances that were written.
 */
#include "deploy_support.h"

enum { INPUTS = 7, HIDDEN = 5, CLASSES = 3, SAMPLES = 40 };
static const size_t sizes[] = {INPUTS, HIDDEN, CLASSES};

struct fixture {
    struct rebias_weights_set *networks;
    struct rebias_chip *chip;
    struct rebias_deploy_options o;
    float x[SAMPLES * INPUTS];
};

/* Three networks with biases and gammas 0.5 and 0.8; a chip with defects; greedy, two copies.
 */
static void start(struct fixture *f, double stuck_high)
{
    const struct rebias_stream stream = {20250205, REBIAS_FOR_TEST, 0, 99, 0};
    struct rebias_chip_options chip = rebias_chip_options_defaults();
    f->networks = deploy_ternary(3, 2, sizes, 0.3);
    deploy_scale(f->networks, 3, true);
    for (size_t k = 0; k < 3; k++) {
        f->networks->network[k].input_mean = 0.25;
        f->networks->network[k].input_sd = 0.5;
    }
    chip.count = 4;
    chip.stuck_high = stuck_high;
    assert_int_equal(rebias_chip_synthesize(&f->chip, &chip, NULL), REBIAS_OK);
    f->o = rebias_deploy_options_defaults();
    f->o.alpha = f->o.beta = 2;
    f->o.batch = 16;
    rebias_random_normal(&stream, 0, SAMPLES * INPUTS, f->x);
}

static void end(struct fixture *f)
{
    rebias_weights_set_free(f->networks);
    rebias_chip_free(f->chip);
}

static struct rebias_deployment *deploy(const struct fixture *f)
{
    return deploy_written(f->networks, f->chip, &f->o);
}

static void forward(const struct fixture *f, struct rebias_deployment *d,
                    float out[SAMPLES * CLASSES])
{
    deploy_outputs(d, SAMPLES, f->x, out);
}

/* Outputs of one sample by weights of `network` replaced by W(context, l, j, i). */
typedef double weight_of(const void *context, size_t l, size_t j, size_t i);

static void plain_forward(const struct rebias_weights *network, weight_of *W,
                          const void *context, const float *x, double out[CLASSES])
{
    double a[INPUTS];
    double hidden[HIDDEN];
    for (size_t i = 0; i < INPUTS; i++) {
        a[i] = ((double)x[i] - network->input_mean) / network->input_sd;
    }
    for (size_t j = 0; j < HIDDEN; j++) {
        double z = (double)network->layer[0].bias[j];
        for (size_t i = 0; i < INPUTS; i++) {
            z += W(context, 0, j, i) * a[i];
        }
        hidden[j] = tanh(z);
    }
    for (size_t j = 0; j < CLASSES; j++) {
        out[j] = (double)network->layer[1].bias[j];
        for (size_t i = 0; i < HIDDEN; i++) {
            out[j] += W(context, 1, j, i) * hidden[i];
        }
    }
}

static double own_weight(const void *context, size_t l, size_t j, size_t i)
{
    const struct rebias_weights_layer *layer =
        &((const struct rebias_weights *)context)->layer[l];
    return (double)layer->weight[j * layer->inputs + i];
}

/* gamma (sum share G_pos - sum share G_neg)/Gnorm of what a deployment has written. */
struct written {
    const struct rebias_deployment *deployment;
    const struct rebias_weights *network;
    double share;
    size_t copies;
};

static double written_weight(const void *context, size_t l, size_t j, size_t i)
{
    const struct written *w = context;
    const size_t at = j * w->network->layer[l].inputs + i;
    double sum = 0.0;
    for (size_t k = 0; k < 2 * w->copies; k++) {
        const double G =
            (double)rebias_deployment_conductances(w->deployment, 2 * w->copies * l + k)[at];
        sum += (k % 2 == 0 ? w->share : -w->share) * G;
    }
    return w->network->layer[l].gamma * sum / 100e-6;
}

/* float32 layers of at most 7 inputs against double: 1e-5 is 80 units in the last place. */
static void check_outputs(const struct fixture *f, const struct rebias_weights *network,
                          weight_of *W, const void *context, const float *out)
{
    for (size_t s = 0; s < SAMPLES; s++) {
        double expected[CLASSES];
        plain_forward(network, W, context, f->x + s * INPUTS, expected);
        for (size_t j = 0; j < CLASSES; j++) {
            support_close((double)out[s * CLASSES + j], expected[j], 1e-5, 1e-5);
        }
    }
}

/* -- 1. exact without errors -- */

/* Clean devices, no errors: every method and encoding gives the software network, a mapping
 * error of 0 and the software's accuracy. */
static void test_ideal_devices(void **state)
{
    (void)state;
    struct fixture f;
    float out[SAMPLES * CLASSES];
    uint8_t label[SAMPLES] = {0};
    double accuracy = 0.0;
    double software = 0.0;
    start(&f, 0.0);
    for (int c = 0; c < 4; c++) {
        f.o.encoding = c < 3 ? (enum rebias_encoding_kind)c : REBIAS_ENCODE_SIMPLE;
        f.o.method = c < 3 ? REBIAS_DEPLOY_LEA : REBIAS_DEPLOY_MAO;
        struct rebias_deployment *d = deploy(&f);
        forward(&f, d, out);
        check_outputs(&f, &f.networks->network[0], own_weight, &f.networks->network[0], out);
        support_close(rebias_deployment_mapping_error(d, 0), 0.0, 0.0, 1e-4);
        support_close(rebias_deployment_mapping_error(d, 1), 0.0, 0.0, 1e-4);
        assert_int_equal(rebias_deployment_accuracy(d, SAMPLES, f.x, label, &accuracy, NULL),
                         REBIAS_OK);
        assert_int_equal(rebias_deploy_software_accuracy(f.networks, 1, SAMPLES, f.x, label,
                                                         &software, NULL),
                         REBIAS_OK);
        assert_true(accuracy == software); /* counts over one number */
        assert_true(accuracy > 0.0 && accuracy < 1.0);
        assert_int_equal(rebias_deployment_devices(d), 2 * 2 * (7 * 5 + 5 * 3));
        rebias_deployment_free(d);
    }
    end(&f);
}

/* -- 2. writing -- */

/* Stuck devices keep the chip's value, unclamped, with every error on; the written ones differ
 * from their targets by fixed + fresh error: with the fixed part alone replicates agree, with
 * the fresh part they do not. The window of a uniform error is kept. */
static void test_write_errors(void **state)
{
    (void)state;
    struct fixture f;
    size_t count = 0;
    start(&f, 0.3);
    f.o.write_fixed = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 5e-6, 0, NULL};
    struct rebias_deployment *first = deploy(&f);
    f.o.replicate = 1;
    struct rebias_deployment *again = deploy(&f);
    f.o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 5e-6, 0, NULL};
    struct rebias_deployment *fresh = deploy(&f);
    const struct rebias_block *blocks = rebias_deployment_blocks(first, &count);
    size_t stuck = 0;
    for (size_t b = 0; b < count; b++) {
        const struct rebias_weights_layer *layer =
            &f.networks->network[0].layer[blocks[b].layer];
        for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
            const size_t device = (blocks[b].column + i % layer->inputs) * f.chip->rows +
                                  blocks[b].row + i / layer->inputs;
            const struct rebias_kernel *kernel = &f.chip->kernel[blocks[b].kernel];
            const float G = rebias_deployment_conductances(first, b)[i];
            const float w = blocks[b].sign == 0 ? layer->weight[i] : -layer->weight[i];
            assert_true(G == rebias_deployment_conductances(again, b)[i]);
            if (kernel->fault[device] != REBIAS_WORKING) {
                stuck++;
                assert_true(G == kernel->G[device]);
                assert_true(G == rebias_deployment_conductances(fresh, b)[i]);
            } else {
                support_close((double)G, w > 0.0f ? 233.33e-6 : 133.33e-6, 0.0, 5.001e-6);
                assert_true(G != rebias_deployment_conductances(fresh, b)[i]);
            }
        }
    }
    assert_true(stuck > 0);
    rebias_deployment_free(fresh);
    rebias_deployment_free(again);
    rebias_deployment_free(first);
    end(&f);
}

/* Without spread of nu a written device falls to 2^-0.1 at twice the time; stuck ones stay. */
static void test_drift(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.1);
    struct rebias_deployment *before = deploy(&f);
    f.o.drift_nu = 0.1;
    f.o.drift_time = 2.0;
    struct rebias_deployment *after = deploy(&f);
    const size_t devices = rebias_deployment_devices(before);
    const float *G = rebias_deployment_conductances(before, 0);
    const float *H = rebias_deployment_conductances(after, 0);
    for (size_t i = 0; i < devices; i++) {
        const bool written = G[i] < 250e-6f;
        support_close((double)H[i], (double)G[i] * (written ? pow(2.0, -0.1) : 1.0), 1e-6, 0.0);
    }
    rebias_deployment_free(after);
    rebias_deployment_free(before);
    end(&f);
}

/* Without a chip: fraction and values of stuck devices. 2 x 20 x 50 devices: 0.2 n has sd 0.4
 * sqrt(n); 4 sd is a false alarm of 6e-5. Half of them are low. */
static void test_statistical_chip(void **state)
{
    (void)state;
    static const size_t wide[] = {50, 20};
    struct fixture f = {.networks = deploy_ternary(1, 1, wide, 0.3)};
    size_t low = 0;
    size_t high = 0;
    f.o = rebias_deploy_options_defaults();
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.alpha = f.o.beta = 1;
    f.o.stuck.probability = 0.2;
    struct rebias_deployment *d = deploy(&f);
    for (size_t i = 0; i < 2000; i++) {
        const float G = rebias_deployment_conductances(d, 0)[i];
        low += G == 10e-6f;
        high += G == 500e-6f;
    }
    support_close((double)(low + high), 400.0, 0.0, 4.0 * 0.4 * sqrt(2000.0));
    support_close((double)low, (double)high, 0.0, 4.0 * 20.0);
    rebias_deployment_free(d);
    rebias_weights_set_free(f.networks);
}

/* -- 3. rows -- */

/* alpha 3, beta 1 on a clean chip but for one device stuck high under the row that copy 0 has
 * of output 2: that row comes from another copy, so nothing is wrong; averaging all three is.
 */
static void test_bad_row_is_left_out(void **state)
{
    (void)state;
    struct fixture f;
    float out[SAMPLES * CLASSES];
    size_t count = 0;
    start(&f, 0.0);
    f.o.alpha = 3;
    f.o.beta = 1;
    struct rebias_deployment *d = deploy(&f);
    struct rebias_block given[12];
    memcpy(given, rebias_deployment_blocks(d, &count), sizeof given);
    assert_int_equal(count, 12);
    rebias_deployment_free(d);
    deploy_stick(f.chip, given[0].kernel, given[0].column + 1, given[0].row + 2,
                 REBIAS_STUCK_HIGH, 900e-6f);
    f.o.placement = REBIAS_PLACE_GIVEN;
    f.o.given = given;
    f.o.given_count = count;
    d = deploy(&f);
    forward(&f, d, out);
    check_outputs(&f, &f.networks->network[0], own_weight, &f.networks->network[0], out);
    assert_true(rebias_deployment_mapping_error(d, 0) > 10.0); /* it knows no masks */
    rebias_deployment_free(d);
    f.o.beta = 3;
    d = deploy(&f);
    const struct written context = {d, &f.networks->network[0], 1.0 / 3.0, 3};
    forward(&f, d, out);
    check_outputs(&f, &f.networks->network[0], written_weight, &context, out);
    rebias_deployment_free(d);
    end(&f);
}

/* -- 4. reading -- */

/* Every batch is a fresh read, the same deployment again gives the same bytes, and the noise is
 * that of the spread: outputs of a linear layer, one input 1, one device pair a row. */
static void test_reads(void **state)
{
    (void)state;
    enum { OUT = 2000 };
    static const size_t shape[] = {1, OUT};
    struct fixture f = {.networks = deploy_ternary(1, 1, shape, 1.0)};
    static float x[2] = {1.0f, 1.0f};
    static float out[2][2 * OUT];
    f.networks->network[0].layer[0].gamma = 1.0;
    f.o = rebias_deploy_options_defaults();
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.alpha = f.o.beta = 1;
    f.o.batch = 1;
    f.o.read_noise = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 10e-6, 0, NULL};
    for (int r = 0; r < 2; r++) {
        struct rebias_deployment *d = deploy(&f);
        assert_int_equal(rebias_deployment_forward(d, 2, x, out[r], NULL), REBIAS_OK);
        rebias_deployment_free(d);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    double square = 0.0;
    double product = 0.0;
    for (size_t j = 0; j < OUT; j++) {
        square += (double)out[0][j] * (double)out[0][j] / OUT;
        product += (double)out[0][j] * (double)out[0][OUT + j] / OUT;
        assert_true(fabsf(out[0][j]) <= 0.2001f); /* two devices of +- 10 of 100 uS */
    }
    /* variance 2 (0.1^2/3) with relative sd sqrt(1.4/2000) = 2.6 % (triangular: kurtosis 2.4);
     * covariance of two reads 0 with sd of the variance/sqrt(2000); 4 sd: 6e-5 each */
    support_close(square, 2.0 * 0.01 / 3.0, 4.0 * 0.0265, 0.0);
    support_close(product, 0.0, 0.0, 4.0 * 0.02 / 3.0 / sqrt(2000.0));
    rebias_weights_set_free(f.networks);
}

/* The mapping error by its definition from what is written (no read noise). */
static void test_mapping_error(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.2);
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 16.66e-6, 0, NULL};
    struct rebias_deployment *d = deploy(&f);
    const struct written context = {d, &f.networks->network[0], 0.5, 2};
    for (size_t l = 0; l < 2; l++) {
        const struct rebias_weights_layer *layer = &f.networks->network[0].layer[l];
        double wrong = 0.0;
        double norm = 0.0;
        for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
            const double w = (double)layer->weight[i];
            const double difference =
                written_weight(&context, l, i / layer->inputs, i % layer->inputs) - w;
            wrong += difference * difference;
            norm += w * w;
        }
        support_close(rebias_deployment_mapping_error(d, l), 100.0 * sqrt(wrong / norm), 1e-4,
                      0.0);
    }
    rebias_deployment_free(d);
    end(&f);
}

/* -- 5. read chain -- */

/* A gain of all rows scales, an offset of all rows cancels between the signs (both by hand); an
 * ADC of 16 bits per copy leaves outputs within its steps of those of the joined matrix, with
 * row gains and offsets that differ. */
static void test_read_chain(void **state)
{
    (void)state;
    struct fixture f;
    float plain[SAMPLES * CLASSES];
    float out[SAMPLES * CLASSES];
    start(&f, 0.2);
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.readout.gain_mean = 0.9;
    f.o.readout.offset_mean = -11.8e-6;
    struct rebias_deployment *d = deploy(&f);
    const struct written context = {d, &f.networks->network[0], 0.45, 2};
    forward(&f, d, out);
    check_outputs(&f, &f.networks->network[0], written_weight, &context, out);
    rebias_deployment_free(d);
    f.o.readout.gain_sd = 0.05;
    f.o.readout.offset_sd = 2.7e-6;
    d = deploy(&f);
    forward(&f, d, plain);
    rebias_deployment_free(d);
    f.o.readout.adc_bits = f.o.readout.dac_bits = 16;
    d = deploy(&f);
    forward(&f, d, out);
    rebias_deployment_free(d);
    double largest = 0.0;
    for (size_t i = 0; i < SAMPLES * CLASSES; i++) {
        largest = fmax(largest, fabs((double)out[i] - (double)plain[i]));
    }
    assert_true(largest > 0.0 && largest < 5e-3);
    end(&f);
}

/* Read-out noise of a linear layer: each output gets normal noise of sd noise sqrt(m/25)
 * sqrt(2/beta) gamma/(Gnorm V), joined or converted copy by copy. 800 samples x 2: relative sd
 * of the sd 1/sqrt(3200) = 1.8 %, 4 sd. */
static void test_readout_noise(void **state)
{
    (void)state;
    enum { M = 4, N = 2, MANY = 800 };
    static const size_t shape[] = {M, N};
    static float x[MANY * M];
    static float out[MANY * N];
    struct fixture f = {.networks = deploy_ternary(1, 1, shape, 0.3)};
    for (size_t i = 0; i < MANY * M; i++) {
        x[i] = (float)(i % M) * 0.1f;
    }
    f.o = rebias_deploy_options_defaults();
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.alpha = f.o.beta = 2;
    f.o.readout.noise_sd = 9.6e-6;
    for (unsigned bits = 0; bits <= 20; bits += 20) {
        f.o.readout.adc_bits = bits;
        struct rebias_deployment *d = deploy(&f);
        assert_int_equal(rebias_deployment_forward(d, MANY, x, out, NULL), REBIAS_OK);
        rebias_deployment_free(d);
        double square = 0.0;
        for (size_t i = 0; i < MANY * N; i++) {
            double exact = 0.0;
            for (size_t c = 0; c < M; c++) {
                exact += (double)f.networks->network[0].layer[0].weight[i % N * M + c] *
                         (double)x[i / N * M + c];
            }
            square += ((double)out[i] - exact) * ((double)out[i] - exact);
        }
        support_close(sqrt(square / (MANY * N)), 9.6e-6 * sqrt(M / 25.0) / (100e-6 * 0.3),
                      4.0 * 0.018, 0.0);
    }
    rebias_weights_set_free(f.networks);
}

/* -- 6. committees and MAO -- */

/* A committee's output is the mean of its networks' outputs, each from its own copy. */
static void test_committee(void **state)
{
    (void)state;
    struct fixture f;
    float out[SAMPLES * CLASSES];
    start(&f, 0.0);
    f.o.method = REBIAS_DEPLOY_CM;
    f.o.alpha = 3;
    struct rebias_deployment *d = deploy(&f);
    forward(&f, d, out);
    for (size_t s = 0; s < SAMPLES; s++) {
        double mean[CLASSES] = {0};
        for (size_t k = 0; k < 3; k++) {
            double one[CLASSES];
            plain_forward(&f.networks->network[k], own_weight, &f.networks->network[k],
                          f.x + s * INPUTS, one);
            for (size_t j = 0; j < CLASSES; j++) {
                mean[j] += one[j] / 3.0;
            }
        }
        for (size_t j = 0; j < CLASSES; j++) {
            support_close((double)out[s * CLASSES + j], mean[j], 1e-5, 1e-5);
        }
    }
    rebias_deployment_free(d);
    end(&f);
}

/* MAO sums its copies. */
static void test_mao_sums(void **state)
{
    (void)state;
    struct fixture f;
    float out[SAMPLES * CLASSES];
    start(&f, 0.2);
    f.o.method = REBIAS_DEPLOY_MAO;
    f.o.placement = REBIAS_PLACE_BLIND;
    struct rebias_deployment *d = deploy(&f);
    const struct written context = {d, &f.networks->network[0], 1.0, 2};
    forward(&f, d, out);
    check_outputs(&f, &f.networks->network[0], written_weight, &context, out);
    rebias_deployment_free(d);
    end(&f);
}

/* -- 7. bad input -- */

static void refuse(const struct fixture *f, const struct rebias_chip *chip,
                   const struct rebias_deploy_options *o, int status, const char *text)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, f->networks, chip, o, &err), status, &err, text);
    assert_null(d);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.0);
    struct rebias_deploy_options o = f.o;
    o.alpha = 0;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "alpha is 0 (expected 1 to 64 copies)");
    o = f.o;
    o.beta = 3;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "beta is 3 (expected 1 to alpha = 2)");
    o.beta = 1;
    o.encoding = REBIAS_ENCODE_RME;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "beta must be alpha = 2, not 1");
    o.method = REBIAS_DEPLOY_MAO;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "encoding rme is for method lea");
    o = f.o;
    o.G_on = NAN;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "G_on is nan S");
    o = f.o;
    o.stuck.probability = -0.1;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "probability of stuck devices is -0.1");
    o = f.o;
    o.readout.adc_bits = 1;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "converters of 0 and 1 bits");
    o = f.o;
    o.read_noise = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, INFINITY, 0, NULL};
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "width must be 0 to 1 S");
    o = f.o;
    o.drift_time = 0.5;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "a time of 1 to 1e18");
    o = f.o;
    o.batch = 0;
    refuse(&f, f.chip, &o, REBIAS_E_RANGE, "batch is 0");
    refuse(&f, NULL, &f.o, REBIAS_E_RANGE, "placement must be blind");
    end(&f);
}

static void test_bad_networks(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.0);
    struct rebias_deploy_options o = f.o;
    o.method = REBIAS_DEPLOY_CM;
    o.alpha = 4;
    refuse(&f, f.chip, &o, REBIAS_E_DATA,
           "a committee of 4 needs as many trained networks, there are 3");
    f.networks->network[0].layer[1].steps = 2;
    refuse(&f, f.chip, &f.o, REBIAS_E_DATA, "have 2 steps from 0 to gamma");
    f.networks->network[0].layer[1].steps = 1;
    f.networks->network[0].layer[1].weight[4] = NAN;
    refuse(&f, f.chip, &f.o, REBIAS_E_DATA, "weight 4 of layer 1 of network 0 is nan");
    f.networks->network[0].layer[1].gamma = 0.0;
    refuse(&f, f.chip, &f.o, REBIAS_E_DATA,
           "weights of layer 1 of network 0 are not quantised");
    end(&f);
}

static void test_bad_samples(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_error err = {0};
    float out[SAMPLES * CLASSES];
    start(&f, 0.0);
    struct rebias_deployment *d = deploy(&f);
    f.x[INPUTS + 3] = NAN;
    support_expect(rebias_deployment_forward(d, SAMPLES, f.x, out, &err), REBIAS_E_RANGE, &err,
                   "input 3 of sample 1 is nan");
    rebias_deployment_free(d);
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ideal_devices),
        cmocka_unit_test(test_write_errors),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_statistical_chip),
        cmocka_unit_test(test_bad_row_is_left_out),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_mapping_error),
        cmocka_unit_test(test_read_chain),
        cmocka_unit_test(test_readout_noise),
        cmocka_unit_test(test_committee),
        cmocka_unit_test(test_mao_sums),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_bad_samples),
    };
    return cmocka_run_group_tests_name("deploy", tests, NULL, NULL);
}
