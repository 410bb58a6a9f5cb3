/* test_fine_tune_gradient.c - gradients of deployed networks, backpropagated and measured, and
 * the change of weights that an update makes of them.
 * 1. references   2. backpropagated gradients   3. an update   4. measured gradients
 *
 * References: central differences of a plain loop in double over the conductances that were
 * written; the formulas of fine_tune.h.
 */
#include "fine_tune_support.h"

/* -- 1. references -- */

/* theta[P] of network q: W = gamma gain (sum share G_pos - sum share G_neg)/Gnorm of what is
 * written, and its biases; share of each copy as lea (all copies), mao and cm have it. */
static void read_theta(const struct fixture *f, const struct rebias_deployment *d, size_t q,
                       double theta[P])
{
    const struct rebias_weights *network =
        &f->networks->network[f->o.method == REBIAS_DEPLOY_CM ? q : 0];
    size_t count = 0;
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    const double share = f->o.method == REBIAS_DEPLOY_LEA ? 1.0 / (double)f->o.alpha : 1.0;
    memset(theta, 0, P * sizeof *theta);
    for (size_t b = 0; b < count; b++) {
        const size_t l = blocks[b].layer;
        const struct rebias_weights_layer *layer = &network->layer[l];
        const double scale = (blocks[b].sign == 0 ? 1.0 : -1.0) * layer->gamma * share *
                             f->o.readout.gain_mean / (f->o.G_on - f->o.G_off);
        if (f->o.method == REBIAS_DEPLOY_CM && blocks[b].copy != q) {
            continue;
        }
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        for (size_t j = 0; j < tile.outputs; j++) {
            for (size_t i = 0; i < tile.inputs; i++) {
                const size_t at = (tile.output + j) * layer->inputs + tile.input + i;
                theta[l * OUTPUT_LAYER + at] +=
                    scale * (double)rebias_deployment_conductances(d, b)[j * layer->inputs + i];
            }
        }
    }
    for (size_t j = 0; j < HIDDEN; j++) {
        theta[INPUTS * HIDDEN + j] = (double)network->layer[0].bias[j];
    }
    for (size_t j = 0; j < CLASSES; j++) {
        theta[OUTPUT_LAYER + HIDDEN * CLASSES + j] = (double)network->layer[1].bias[j];
    }
}

static void plain_outputs(const double theta[P], const float *x, double out[CLASSES])
{
    double hidden[HIDDEN];
    for (size_t j = 0; j < HIDDEN; j++) {
        hidden[j] = theta[INPUTS * HIDDEN + j];
        for (size_t i = 0; i < INPUTS; i++) {
            hidden[j] += theta[j * INPUTS + i] * (double)x[i];
        }
        hidden[j] = tanh(hidden[j]);
    }
    for (size_t j = 0; j < CLASSES; j++) {
        const double *row = theta + OUTPUT_LAYER + j * HIDDEN;
        out[j] = theta[OUTPUT_LAYER + HIDDEN * CLASSES + j];
        for (size_t i = 0; i < HIDDEN; i++) {
            out[j] += row[i] * hidden[i];
        }
    }
}

/* Mean cross-entropy of the mean outputs of `networks` parameter vectors. */
static double plain_cost(const struct fixture *f, const double *theta, size_t networks)
{
    double cost = 0.0;
    for (size_t s = 0; s < SAMPLES; s++) {
        double mean[CLASSES] = {0.0};
        double sum = 0.0;
        for (size_t q = 0; q < networks; q++) {
            double out[CLASSES];
            plain_outputs(theta + q * P, f->x + s * INPUTS, out);
            for (size_t j = 0; j < CLASSES; j++) {
                mean[j] += out[j] / (double)networks;
            }
        }
        for (size_t j = 0; j < CLASSES; j++) {
            sum += exp(mean[j]);
        }
        cost += (log(sum) - mean[f->label[s]]) / SAMPLES;
    }
    return cost;
}

/* One update moves W by -rate g, to a pulse's weight on each of the devices that share it:
 * stochastic rounding goes up or down by less than one. Pulses of 2^-29 S add to float32
 * conductances of 1e-4 S without rounding. */
static void check_updates(struct fixture *f)
{
    static const enum rebias_deploy_method methods[] = {REBIAS_DEPLOY_LEA, REBIAS_DEPLOY_MAO,
                                                        REBIAS_DEPLOY_CM};
    f->t.rate = 0.05;
    for (size_t m = 0; m < 2 * sizeof methods / sizeof methods[0]; m++) {
        f->o.method = methods[m / 2];
        f->t.write = m % 2 == 0 ? REBIAS_WRITE_STOCHASTIC : REBIAS_WRITE_ACCUMULATE;
        const size_t networks = f->o.method == REBIAS_DEPLOY_CM ? NETWORKS : 1;
        struct rebias_deployment *d = deploy(f);
        double before[P];
        double after[P];
        float g[NETWORKS * P];
        gradient_of(f, d, 0, g);
        for (size_t q = 0; q < networks; q++) {
            struct rebias_deployment *tuned = deploy(f);
            read_theta(f, tuned, q, before);
            tune(f, tuned);
            read_theta(f, tuned, q, after);
            for (size_t p = 0; p < P; p++) {
                const bool weight = p < INPUTS * HIDDEN ||
                                    (p >= OUTPUT_LAYER && p < OUTPUT_LAYER + HIDDEN * CLASSES);
                /* all copies and signs one pulse off, in the layer of the larger gamma */
                const double pulse = 4.0 * 0x1p-29 * 0.8 / 100e-6;
                if (weight) {
                    support_close(after[p] - before[p], -f->t.rate * (double)g[q * P + p], 1e-4,
                                  pulse);
                }
            }
            rebias_deployment_free(tuned);
        }
        rebias_deployment_free(d);
    }
}

/* -- 2. backpropagated gradients -- */

/* Backpropagated gradient against central differences of the plain cost, for averaged copies,
 * summed copies and a committee, with stuck devices and a gain of 0.9. Step 1e-4: the
 * difference's error is of order 1e-8; float32 layers leave 1e-6. */
static void check_gradients(struct fixture *f)
{
    static const enum rebias_deploy_method methods[] = {REBIAS_DEPLOY_LEA, REBIAS_DEPLOY_MAO,
                                                        REBIAS_DEPLOY_CM};
    f->o.readout.gain_mean = 0.9;
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        f->o.method = methods[m];
        const size_t networks = methods[m] == REBIAS_DEPLOY_CM ? NETWORKS : 1;
        struct rebias_deployment *d = deploy(f);
        double theta[NETWORKS * P];
        float g[NETWORKS * P];
        assert_int_equal(rebias_deployment_parameters(d), networks * P);
        for (size_t q = 0; q < networks; q++) {
            read_theta(f, d, q, theta + q * P);
        }
        support_close(gradient_of(f, d, 0, g), plain_cost(f, theta, networks), 1e-5, 0.0);
        for (size_t p = 0; p < networks * P; p++) {
            const double h = 1e-4;
            const double middle = theta[p];
            theta[p] = middle + h;
            const double above = plain_cost(f, theta, networks);
            theta[p] = middle - h;
            const double below = plain_cost(f, theta, networks);
            theta[p] = middle;
            support_close((double)g[p], 0.5 * (above - below) / h, 1e-5, 1e-6);
        }
        rebias_deployment_free(d);
    }
}

static void test_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.2);
    check_gradients(&f);
    end(&f);
}

/* The same for layers in tiles, on kernels of 3 columns and 4 rows with stuck devices: 7 x 5
 * and 5 x 3 weights take 3 x 2 and 2 x 1 blocks. An update moves weights that lie in several
 * tiles by -rate g as well, where nothing is stuck. */
static void test_tiles(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_chip_options chip = rebias_chip_options_defaults();
    start(&f, 0.0);
    chip.count = 40;
    chip.columns = 3;
    chip.rows = 4;
    chip.stuck_high = 0.1;
    assert_int_equal(rebias_chip_synthesize(&f.chip, &chip, NULL), REBIAS_OK);
    check_gradients(&f);
    rebias_chip_free(f.chip);
    f.chip = deploy_clean_chip(40, 3, 4, 100e-6f);
    use_device(&f, "ideal:Gmin=0,Gmax=4.8828125e-4,levels=262144");
    f.t.pulse_cap = 30000;
    f.o.readout.gain_mean = 1.0;
    check_updates(&f);
    end(&f);
}

/* Wires of 1 mohm against devices of 4 kohm and more change no current by 1e-5 of itself; of 50
 * ohm they change the gradient, and tuning still lowers the loss. */
static void test_wires(void **state)
{
    (void)state;
    static const double ohm[] = {0.0, 1e-3, 50.0};
    struct fixture f;
    float g[3][P];
    double largest = 0.0;
    start(&f, 0.1);
    f.t.rate = 0.1;
    f.t.updates = 50;
    for (int w = 0; w < 3; w++) {
        f.o.row_wire = f.o.column_wire = ohm[w];
        struct rebias_deployment *d = deploy(&f);
        gradient_of(&f, d, 0, g[w]);
        if (w == 2) {
            const double before = gradient_of(&f, d, 0, g[w]);
            assert_true(tune(&f, d).updates == 50);
            float unused[P];
            assert_true(gradient_of(&f, d, 0, unused) < 0.8 * before);
        }
        rebias_deployment_free(d);
    }
    for (size_t p = 0; p < P; p++) {
        support_close((double)g[1][p], (double)g[0][p], 1e-4, 1e-5);
        largest = fmax(largest, fabs((double)g[2][p] - (double)g[0][p]));
    }
    assert_true(largest > 1e-3);
    end(&f);
}

/* With a fine ADC, which reads copy by copy, the gradient is that without one: 24 bits round
 * currents of at most 1e-3 A to 1e-10 A. Biases that are not tuned have gradient 0. */
static void test_gradient_with_converters(void **state)
{
    (void)state;
    struct fixture f;
    float ideal[P];
    float converted[P];
    start(&f, 0.2);
    f.t.biases = false;
    f.o.readout.gain_mean = 0.9;
    for (int adc = 0; adc < 2; adc++) {
        f.o.readout.adc_bits = adc == 1 ? 24 : 0;
        struct rebias_deployment *d = deploy(&f);
        gradient_of(&f, d, 0, adc == 1 ? converted : ideal);
        rebias_deployment_free(d);
    }
    double norm = 0.0;
    for (size_t p = 0; p < P; p++) {
        support_close((double)converted[p], (double)ideal[p], 1e-4, 1e-5);
        norm += fabs((double)ideal[p]);
    }
    assert_true(norm > 0.1);
    for (size_t j = 0; j < HIDDEN; j++) {
        assert_true(converted[INPUTS * HIDDEN + j] == 0.0f);
    }
    end(&f);
}

/* -- 3. an update -- */

static void test_update_is_rate_times_gradient(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.0);
    use_device(&f, "ideal:Gmin=0,Gmax=4.8828125e-4,levels=262144");
    f.t.pulse_cap = 30000;
    check_updates(&f);
    end(&f);
}

struct followed {
    const struct fixture *f;
    struct rebias_deployment *d;
    double sum[P]; /* of the gradients that updates saw */
};

static int add_gradient(void *context, size_t done, size_t total)
{
    struct followed *followed = context;
    float g[P];
    if (done < total) {
        gradient_of(followed->f, followed->d, 0, g);
        for (size_t p = 0; p < P; p++) {
            followed->sum[p] += (double)g[p];
        }
    }
    return 0;
}

/* Accumulated over 30 updates, of which each wants less than a pulse of any device: in the end
 * every device is less than one pulse from what all gradients together wanted, and some weights
 * are far from where they were. */
static void test_accumulated_changes_are_kept(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_fine_tune_result result;
    double before[P];
    double after[P];
    double largest = 0.0;
    const double pulse = 2.0 * 0.2e-6 * 0.8 / 100e-6; /* half of four devices */
    start(&f, 0.0);
    use_device(&f, "ideal:Gmin=0,Gmax=400e-6,levels=2000");
    f.t.write = REBIAS_WRITE_ACCUMULATE;
    f.t.rate = 0.02;
    f.t.updates = 30;
    struct followed followed = {.f = &f, .d = deploy(&f)};
    add_gradient(&followed, 0, 30);
    read_theta(&f, followed.d, 0, before);
    assert_int_equal(rebias_deployment_fine_tune(followed.d, &f.t, &f.data, &result,
                                                 add_gradient, &followed, NULL),
                     REBIAS_OK);
    read_theta(&f, followed.d, 0, after);
    for (size_t p = 0; p < P; p++) {
        const bool weight =
            p < INPUTS * HIDDEN || (p >= OUTPUT_LAYER && p < OUTPUT_LAYER + HIDDEN * CLASSES);
        if (weight) {
            support_close(after[p] - before[p], -f.t.rate * followed.sum[p], 0.0, pulse);
            largest = fmax(largest, fabs(after[p] - before[p]));
        }
    }
    assert_true(largest > 5.0 * pulse);
    assert_true(result.pulses > 0);
    rebias_deployment_free(followed.d);
    end(&f);
}

/* -- 4. measured gradients -- */

/* G = (1/T) sum c c^T g for codes c = +-1: E[G.g]/|g|^2 = 1 and E[|G|^2]/|g|^2 = 1 + (P - 1)/T
 * exactly, so that the cosine is 1/sqrt of the latter. 400 estimates of T = 16 patterns each,
 * in units of their own standard error: 4.5 of them are a false alarm of 7e-6 each. The
 * conductances come back bit by bit. */
static void test_measured_gradient_follows_the_cosine_law(void **state)
{
    (void)state;
    enum { DRAWS = 400, T = 16 };
    struct fixture f;
    float g[P];
    float G[P];
    double norm = 0.0;
    double sum[2] = {0.0, 0.0};
    double squares[2] = {0.0, 0.0};
    start(&f, 0.0);
    struct rebias_deployment *d = deploy(&f);
    float *before = copy_conductances(d);
    const double cost = gradient_of(&f, d, 0, g);
    for (size_t p = 0; p < P; p++) {
        norm += (double)g[p] * (double)g[p];
    }
    f.t.method = REBIAS_FINE_TUNE_MGD;
    f.t.patterns = T;
    f.t.amplitude = 0.005; /* [C(+) + C(-)]/2 - C = A^2 tr(H)/2 stays below 1e-4 */
    for (uint32_t k = 0; k < DRAWS; k++) {
        double value[2] = {0.0, 0.0};
        support_close(gradient_of(&f, d, k * T, G), cost, 0.0, 1e-4);
        for (size_t p = 0; p < P; p++) {
            value[0] += (double)G[p] * (double)g[p] / norm;
            value[1] += (double)G[p] * (double)G[p] / norm;
        }
        for (int i = 0; i < 2; i++) {
            sum[i] += value[i] / DRAWS;
            squares[i] += value[i] * value[i] / DRAWS;
        }
    }
    const double expected[2] = {1.0, 1.0 + (P - 1.0) / T};
    for (int i = 0; i < 2; i++) {
        const double error = sqrt((squares[i] - sum[i] * sum[i]) / DRAWS);
        assert_true(error < 0.05 * expected[i]); /* or the check would say nothing */
        support_close(sum[i], expected[i], 0.0, 4.5 * error);
    }
    assert_memory_equal(before, rebias_deployment_conductances(d, 0),
                        rebias_deployment_devices(d) * sizeof *before);
    free(before);
    rebias_deployment_free(d);
    end(&f);
}

/* A weight whose devices are all stuck cannot be perturbed: T patterns measure on it only the
 * others' noise, of mean 0. With every device stuck and no biases nothing is measured at all,
 * and nothing moves. */
static void test_stuck_devices_are_not_perturbed(void **state)
{
    (void)state;
    struct fixture f;
    float G[P];
    start(&f, 1.0);
    f.t.method = REBIAS_FINE_TUNE_MGD;
    f.t.biases = false;
    struct rebias_deployment *d = deploy(&f);
    gradient_of(&f, d, 0, G);
    for (size_t p = 0; p < P; p++) {
        assert_true(G[p] == 0.0f);
    }
    assert_int_equal(tune(&f, d).pulses, 0);
    rebias_deployment_free(d);
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_is_the_difference_quotient),
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_wires),
        cmocka_unit_test(test_gradient_with_converters),
        cmocka_unit_test(test_update_is_rate_times_gradient),
        cmocka_unit_test(test_accumulated_changes_are_kept),
        cmocka_unit_test(test_measured_gradient_follows_the_cosine_law),
        cmocka_unit_test(test_stuck_devices_are_not_perturbed),
    };
    return cmocka_run_group_tests_name("fine_tune_gradient", tests, NULL, NULL);
}
