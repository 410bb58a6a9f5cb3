/* test_fine_tune.c - fine-tuning of deployed networks on their chip.
 * 1. fixture   2. gradients   3. what an update does to devices   4. learning   5. measured
 * gradients   6. runs   7. bad input
 *
 * References: central differences of a plain loop in double over the conductances that were
 * written; the formulas of fine_tune.h.
 */
#include "deploy_support.h"

#include "rebias/fine_tune.h"

enum { INPUTS = 7, HIDDEN = 5, CLASSES = 3, SAMPLES = 40, NETWORKS = 2 };
enum {
    P = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES,
    OUTPUT_LAYER = (INPUTS + 1) * HIDDEN
};
static const size_t sizes[] = {INPUTS, HIDDEN, CLASSES};

/* -- 1. fixture -- */

struct fixture {
    struct rebias_weights_set *networks;
    struct rebias_deploy_options o;
    struct rebias_fine_tune_options t;
    struct rebias_device *device;
    float x[SAMPLES * INPUTS];
    uint8_t label[SAMPLES];
    struct rebias_mgd_data data;
};

static void fill(const void *context, size_t n, const uint32_t *index, float *x)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * INPUTS, (const float *)context + (size_t)index[i] * INPUTS,
               INPUTS * sizeof *x);
    }
}

/* The label of a sample is the software network's answer, so that network 0 is right on all. */
static void answer(struct fixture *f)
{
    struct rebias_deployment *d = NULL;
    float out[SAMPLES * CLASSES];
    struct rebias_deploy_options clean = f->o;
    clean.stuck.probability = 0.0;
    assert_int_equal(rebias_deploy(&d, f->networks, NULL, &clean, NULL), REBIAS_OK);
    assert_int_equal(rebias_deployment_forward(d, SAMPLES, f->x, out, NULL), REBIAS_OK);
    rebias_deployment_free(d);
    for (size_t s = 0; s < SAMPLES; s++) {
        for (size_t j = 1; j < CLASSES; j++) {
            const float *a = out + s * CLASSES;
            f->label[s] = a[j] > a[f->label[s]] ? (uint8_t)j : f->label[s];
        }
    }
}

/* Two networks with biases, gammas 0.5 and 0.8; two copies without a chip; a device of 2 uS a
 * pulse without noise that ranges far beyond the network's. */
static void start(struct fixture *f, double stuck)
{
    const struct rebias_stream stream = {20250205, REBIAS_FOR_TEST, 0, 99, 0};
    *f = (struct fixture){.o = rebias_deploy_options_defaults(),
                          .t = rebias_fine_tune_options_defaults()};
    f->networks = deploy_ternary(NETWORKS, 2, sizes, 0.3);
    for (size_t k = 0; k < NETWORKS; k++) {
        for (size_t l = 0; l < 2; l++) {
            struct rebias_weights_layer *layer = &f->networks->network[k].layer[l];
            layer->gamma = l == 0 ? 0.5 : 0.8;
            assert_int_equal(
                rebias_alloc(&layer->bias, layer->outputs, sizeof *layer->bias, NULL), 0);
            for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
                layer->weight[i] *= (float)layer->gamma;
            }
            for (size_t j = 0; j < layer->outputs; j++) {
                layer->bias[j] = 0.1f * (float)(j + k) - 0.2f;
            }
        }
    }
    f->o.placement = REBIAS_PLACE_BLIND;
    f->o.alpha = f->o.beta = 2;
    f->o.batch = SAMPLES;
    f->o.stuck.probability = stuck;
    rebias_random_normal(&stream, 0, SAMPLES * INPUTS, f->x);
    f->device = support_device("ideal:Gmin=0,Gmax=400e-6,levels=200");
    f->t.device = f->device;
    f->t.batch = SAMPLES;
    f->t.schedule = REBIAS_SCHEDULE_CONSTANT;
    answer(f);
    f->data = (struct rebias_mgd_data){
        .n = SAMPLES, .inputs = INPUTS, .fill = fill, .context = f->x, .label = f->label};
}

static void end(struct fixture *f)
{
    rebias_weights_set_free(f->networks);
    rebias_device_free(f->device);
}

static void use_device(struct fixture *f, const char *spec)
{
    rebias_device_free(f->device);
    f->device = support_device(spec);
    f->t.device = f->device;
}

static struct rebias_deployment *deploy(const struct fixture *f)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, f->networks, NULL, &f->o, &err), REBIAS_OK, &err, NULL);
    return d;
}

static struct rebias_fine_tune_result tune(const struct fixture *f, struct rebias_deployment *d)
{
    struct rebias_fine_tune_result result = {0};
    struct rebias_error err = {0};
    support_expect(rebias_deployment_fine_tune(d, &f->t, &f->data, &result, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    return result;
}

static double gradient_of(const struct fixture *f, struct rebias_deployment *d, uint32_t number,
                          float *gradient)
{
    double cost = 0.0;
    struct rebias_error err = {0};
    support_expect(rebias_deployment_gradient(d, &f->t, SAMPLES, f->x, f->label, number,
                                              gradient, &cost, &err),
                   REBIAS_OK, &err, NULL);
    return cost;
}

/* All conductances, block behind block; to be given to free(). */
static float *copy_conductances(const struct rebias_deployment *d)
{
    const size_t n = rebias_deployment_devices(d);
    float *G = malloc(n * sizeof *G);
    assert_non_null(G);
    memcpy(G, rebias_deployment_conductances(d, 0), n * sizeof *G);
    return G;
}

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
        for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
            theta[l * OUTPUT_LAYER + i] +=
                scale * (double)rebias_deployment_conductances(d, b)[i];
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

/* -- 2. gradients -- */

/* Backpropagated gradient against central differences of the plain cost, for averaged copies,
 * summed copies and a committee, with stuck devices and a gain of 0.9. Step 1e-4: the
 * difference's error is of order 1e-8; float32 layers leave 1e-6. */
static void test_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    static const enum rebias_deploy_method methods[] = {REBIAS_DEPLOY_LEA, REBIAS_DEPLOY_MAO,
                                                        REBIAS_DEPLOY_CM};
    struct fixture f;
    start(&f, 0.2);
    f.o.readout.gain_mean = 0.9;
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        f.o.method = methods[m];
        const size_t networks = methods[m] == REBIAS_DEPLOY_CM ? NETWORKS : 1;
        struct rebias_deployment *d = deploy(&f);
        double theta[NETWORKS * P];
        float g[NETWORKS * P];
        assert_int_equal(rebias_deployment_parameters(d), networks * P);
        for (size_t q = 0; q < networks; q++) {
            read_theta(&f, d, q, theta + q * P);
        }
        support_close(gradient_of(&f, d, 0, g), plain_cost(&f, theta, networks), 1e-5, 0.0);
        for (size_t p = 0; p < networks * P; p++) {
            const double h = 1e-4;
            const double middle = theta[p];
            theta[p] = middle + h;
            const double above = plain_cost(&f, theta, networks);
            theta[p] = middle - h;
            const double below = plain_cost(&f, theta, networks);
            theta[p] = middle;
            support_close((double)g[p], 0.5 * (above - below) / h, 1e-5, 1e-6);
        }
        rebias_deployment_free(d);
    }
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

/* -- 3. what an update does to devices -- */

/* One update moves W by -rate g, to a pulse's weight on each of the devices that share it:
 * stochastic rounding goes up or down by less than one. Pulses of 2^-29 S add to float32
 * conductances of 1e-4 S without rounding. */
static void test_update_is_rate_times_gradient(void **state)
{
    (void)state;
    static const enum rebias_deploy_method methods[] = {REBIAS_DEPLOY_LEA, REBIAS_DEPLOY_MAO,
                                                        REBIAS_DEPLOY_CM};
    struct fixture f;
    start(&f, 0.0);
    use_device(&f, "ideal:Gmin=0,Gmax=4.8828125e-4,levels=262144");
    f.t.rate = 0.05;
    f.t.pulse_cap = 30000;
    for (size_t m = 0; m < 2 * sizeof methods / sizeof methods[0]; m++) {
        f.o.method = methods[m / 2];
        f.t.write = m % 2 == 0 ? REBIAS_WRITE_STOCHASTIC : REBIAS_WRITE_ACCUMULATE;
        const size_t networks = f.o.method == REBIAS_DEPLOY_CM ? NETWORKS : 1;
        struct rebias_deployment *d = deploy(&f);
        double before[P];
        double after[P];
        float g[NETWORKS * P];
        gradient_of(&f, d, 0, g);
        for (size_t q = 0; q < networks; q++) {
            struct rebias_deployment *tuned = deploy(&f);
            read_theta(&f, tuned, q, before);
            tune(&f, tuned);
            read_theta(&f, tuned, q, after);
            for (size_t p = 0; p < P; p++) {
                const bool weight = p < INPUTS * HIDDEN ||
                                    (p >= OUTPUT_LAYER && p < OUTPUT_LAYER + HIDDEN * CLASSES);
                /* all copies and signs one pulse off, in the layer of the larger gamma */
                const double pulse = 4.0 * 0x1p-29 * 0.8 / 100e-6;
                if (weight) {
                    support_close(after[p] - before[p], -f.t.rate * (double)g[q * P + p], 1e-4,
                                  pulse);
                }
            }
            rebias_deployment_free(tuned);
        }
        rebias_deployment_free(d);
    }
    end(&f);
}

/* Each device moves by whole pulses of 2 uS, and the pulses reported are those that moved them:
 * in one update no device is pulsed both ways, and none comes near an end of the range. Rows
 * that take no part (beta < alpha) and stuck devices get none. */
static void test_pulses_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.3);
    f.o.beta = 1;
    f.t.rate = 0.3;
    struct rebias_deployment *d = deploy(&f);
    float *before = copy_conductances(d);
    const struct rebias_fine_tune_result result = tune(&f, d);
    const float *after = rebias_deployment_conductances(d, 0);
    double pulses = 0.0;
    size_t still = 0;
    for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
        const double moved = fabs((double)after[i] - (double)before[i]) / 2e-6;
        support_close(moved, rint(moved), 0.0, 1e-3);
        pulses += rint(moved);
        still += moved == 0.0;
    }
    assert_true(pulses == (double)result.pulses); /* whole numbers */
    assert_true(result.pulses > 50);
    assert_true(still >= rebias_deployment_devices(d) / 2); /* the copies not chosen */
    assert_int_equal(result.updates, 1);
    assert_int_equal(result.evaluations, 1);
    free(before);
    rebias_deployment_free(d);
    end(&f);
}

/* 300 noisy updates at a high rate: stuck devices (10 and 500 uS) keep their bytes, the others
 * stay between G_off and G_on and have moved. */
static void test_stuck_devices_stay(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_device *standard = NULL;
    size_t stuck = 0;
    size_t moved = 0;
    start(&f, 0.3);
    assert_int_equal(rebias_fine_tune_device_new(&standard, f.o.G_off, f.o.G_on, NULL),
                     REBIAS_OK);
    f.t.device = standard;
    f.t.rate = 1.0;
    f.t.updates = 300;
    for (int method = 0; method < 2; method++) {
        f.t.method = (enum rebias_fine_tune_method)method;
        struct rebias_deployment *d = deploy(&f);
        float *before = copy_conductances(d);
        tune(&f, d);
        const float *after = rebias_deployment_conductances(d, 0);
        for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
            const bool is_stuck = before[i] < 11e-6f || before[i] > 499e-6f;
            assert_true(!is_stuck || after[i] == before[i]);
            assert_true(is_stuck || (after[i] >= 133.329e-6f && after[i] <= 233.331e-6f));
            stuck += is_stuck;
            moved += after[i] != before[i];
        }
        free(before);
        rebias_deployment_free(d);
    }
    assert_true(stuck > 50 && moved > 200);
    rebias_device_free(standard);
    end(&f);
}

/* Write errors leave devices outside the model's range: pulses never take them further out, and
 * never throw them in by more than pulses do. */
static void test_devices_outside_the_range(void **state)
{
    (void)state;
    struct fixture f;
    size_t outside = 0;
    size_t came = 0;
    start(&f, 0.0);
    use_device(&f, "ideal:Gmin=133.33e-6,Gmax=233.33e-6,levels=50");
    f.o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 20e-6, 0, NULL};
    f.t.rate = 0.3;
    f.t.pulse_cap = 1;
    struct rebias_deployment *d = deploy(&f);
    float *before = copy_conductances(d);
    tune(&f, d);
    const float *after = rebias_deployment_conductances(d, 0);
    for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
        const double step = (double)after[i] - (double)before[i];
        const double limit = 2e-6 + 1e-10;
        assert_true(fabs(step) <= limit);
        if (before[i] > 233.34e-6f || before[i] < 133.32e-6f) {
            assert_true(before[i] > 200e-6f ? step <= 1e-10 : step >= -1e-10);
            outside++;
            came += fabs(step) > 1e-6;
        }
    }
    assert_true(outside > 50 && came > 10);
    free(before);
    rebias_deployment_free(d);
    end(&f);
}

/* -- 4. learning -- */

/* All samples in a batch, fine pulses, no noise, a small rate: plain gradient descent, whose
 * cost falls at every step even though stuck devices do not follow (the change of W then is a
 * nonnegative multiple, weight by weight, of -g). */
static void test_loss_falls_monotonically(void **state)
{
    (void)state;
    struct fixture f;
    double last = INFINITY;
    start(&f, 0.3);
    use_device(&f, "ideal:Gmin=0,Gmax=600e-6,levels=300000");
    f.t.rate = 0.05;
    f.t.pulse_cap = 30000;
    struct rebias_deployment *d = deploy(&f);
    for (int u = 0; u < 40; u++) {
        const struct rebias_fine_tune_result result = tune(&f, d);
        assert_true(result.first_loss < last);
        assert_true(result.first_loss == result.last_loss); /* one update, one batch */
        last = result.first_loss;
    }
    rebias_deployment_free(d);
    end(&f);
}

/* A network damaged by stuck devices, whose labels the whole network knows, learns them again:
 * 40 samples in 3 classes on 55 tuned parameters. Chance is 1/3; the damage must cost at least
 * a tenth, and tuning must give back at least half of it, with gradients of either kind. */
static void test_damaged_network_recovers(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.3);
    f.t.rate = 0.3;
    f.t.batch = 10;
    f.t.updates = 400;
    f.t.schedule = REBIAS_SCHEDULE_COSINE;
    for (int method = 0; method < 2; method++) {
        double before = 0.0;
        double after = 0.0;
        f.t.method = (enum rebias_fine_tune_method)method;
        f.t.patterns = method == 0 ? 1 : 8;
        struct rebias_deployment *d = deploy(&f);
        rebias_deployment_accuracy(d, SAMPLES, f.x, f.label, &before, NULL);
        const struct rebias_fine_tune_result result = tune(&f, d);
        rebias_deployment_accuracy(d, SAMPLES, f.x, f.label, &after, NULL);
        assert_true(before <= 0.9);
        assert_true(after >= before + 0.5 * (1.0 - before));
        assert_true(result.last_loss < 0.5 * result.first_loss);
        assert_int_equal(result.updates, 400);
        assert_int_equal(result.evaluations, method == 0 ? 400 : 2 * 8 * 400);
        rebias_deployment_free(d);
    }
    end(&f);
}

/* -- 5. measured gradients -- */

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

/* -- 6. runs -- */

/* The same call gives the same bytes; another replicate does not; a second call goes on with
 * other orders and pulses. */
static void test_runs_are_reproducible(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_deployment *d[4];
    start(&f, 0.2);
    f.o.read_noise = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 5e-6, 0, NULL};
    use_device(
        &f, "analytical:Gmin=100e-6,Gmax=300e-6,nl_set=1,nl_reset=-1,c2c=0.02,Gmax_d2d=2e-6");
    f.t.batch = 8;
    for (int k = 0; k < 4; k++) {
        f.o.replicate = k == 2 ? 1 : 0;
        d[k] = deploy(&f);
        tune(&f, d[k]);
    }
    const size_t bytes = rebias_deployment_devices(d[0]) * sizeof(float);
    const float *first = rebias_deployment_conductances(d[0], 0);
    assert_memory_equal(first, rebias_deployment_conductances(d[1], 0), bytes);
    assert_true(memcmp(first, rebias_deployment_conductances(d[2], 0), bytes) != 0);
    const uint64_t again = tune(&f, d[1]).pulses;
    assert_int_equal(tune(&f, d[3]).pulses, again);
    assert_memory_equal(rebias_deployment_conductances(d[1], 0),
                        rebias_deployment_conductances(d[3], 0), bytes);
    for (int k = 0; k < 4; k++) {
        rebias_deployment_free(d[k]);
    }
    end(&f);
}

static int stop_at_third(void *context, size_t done, size_t total)
{
    *(size_t *)context = done;
    assert_int_equal(total, 5);
    return done == 3;
}

static void test_runs_can_be_interrupted(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_error err = {0};
    struct rebias_fine_tune_result result = {.updates = 77};
    size_t done = 0;
    start(&f, 0.2);
    f.t.updates = 5;
    struct rebias_deployment *d = deploy(&f);
    support_expect(
        rebias_deployment_fine_tune(d, &f.t, &f.data, &result, stop_at_third, &done, &err),
        REBIAS_E_INTERRUPTED, &err, "interrupted after 3 of 5 updates");
    assert_int_equal(done, 3);
    assert_int_equal(result.updates, 77); /* written on success only */
    rebias_deployment_free(d);
    end(&f);
}

/* -- 7. bad input -- */

static void refuse(const struct fixture *f, int code, const char *text)
{
    struct rebias_error err = {0};
    struct rebias_fine_tune_result result = {0};
    struct rebias_deployment *d = deploy(f);
    float *before = copy_conductances(d);
    support_expect(rebias_deployment_fine_tune(d, &f->t, &f->data, &result, NULL, NULL, &err),
                   code, &err, text);
    assert_memory_equal(before, rebias_deployment_conductances(d, 0),
                        rebias_deployment_devices(d) * sizeof *before);
    free(before);
    rebias_deployment_free(d);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.1);
    const struct rebias_fine_tune_options good = f.t;
    const struct {
        void *field;
        size_t size;
        const void *value;
        const char *text;
    } rows[] = {
        {&f.t.device, sizeof f.t.device, &(const struct rebias_device *){NULL},
         "fine-tuning needs a device model"},
        {&f.t.epochs, sizeof f.t.epochs, &(size_t){0}, "number of passes is 0 (expected 1 to"},
        {&f.t.updates, sizeof f.t.updates, &(uint64_t){1ull << 31},
         "number of updates is 2.14748e+09 (expected below 2^31)"},
        {&f.t.batch, sizeof f.t.batch, &(size_t){0}, "a batch of 0 samples (expected 1 to 40"},
        {&f.t.batch, sizeof f.t.batch, &(size_t){41},
         "a batch of 41 samples (expected 1 to 40"},
        {&f.t.rate, sizeof f.t.rate, &(double){0.0}, "rate is 0 (expected above 0"},
        {&f.t.rate, sizeof f.t.rate, &(double){NAN}, "rate is nan (expected above 0"},
        {&f.t.schedule, sizeof f.t.schedule,
         &(enum rebias_schedule){REBIAS_SCHEDULE_EXPONENTIAL},
         "schedule is 1 (expected constant or cosine)"},
        {&f.t.pulse_size, sizeof f.t.pulse_size, &(double){-1.0}, "pulse size is -1"},
        {&f.t.pulse_cap, sizeof f.t.pulse_cap, &(uint16_t){0}, "pulse cap is 0 (expected 1 to"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f.t = good;
        memcpy(rows[i].field, rows[i].value, rows[i].size);
        refuse(&f, REBIAS_E_RANGE, rows[i].text);
    }
    f.t = good;
    f.t.method = REBIAS_FINE_TUNE_MGD;
    f.t.patterns = 0;
    refuse(&f, REBIAS_E_RANGE, "number of patterns is 0 (expected 1 to 1000000)");
    f.t.patterns = 1;
    f.t.amplitude = 1.5;
    refuse(&f, REBIAS_E_RANGE, "amplitude is 1.5 (expected above 0, at most 1)");
    f.t.amplitude = 0.1;
    f.t.updates = INT32_MAX;
    f.t.patterns = 3;
    refuse(&f, REBIAS_E_RANGE, "expected below 2^31 updates and 2^32 patterns");
    end(&f);
}

static void test_bad_devices_and_data(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    start(&f, 0.1);
    use_device(&f, "ideal:Gmin=150e-6,Gmax=400e-6");
    refuse(&f, REBIAS_E_RANGE,
           "ranges from 0.00015 to 0.0004 S, the deployed devices from 0.00013333 to "
           "0.00023333 S");
    use_device(&f, "gaussian:Gmin=0,Gmax=400e-6");
    refuse(&f, REBIAS_E_RANGE, "pulses do not move gaussian:Gmin=0,Gmax=400e-6 on average");
    use_device(&f, "ideal:Gmin=0,Gmax=400e-6");
    f.data.inputs = 6;
    refuse(&f, REBIAS_E_RANGE, "samples of 6 numbers, the network has 7 inputs");
    f.data.inputs = INPUTS;
    f.data.n = 0;
    refuse(&f, REBIAS_E_DATA, "0 samples (expected 1 to 2^32 - 1 with labels)");
    f.data.n = SAMPLES;
    f.label[7] = 3;
    refuse(&f, REBIAS_E_DATA, "the label of sample 7 is 3, the network has 3 outputs");
    f.label[7] = 2;
    support_expect(rebias_fine_tune_device_new(&device, 2e-4, 1e-4, &err), REBIAS_E_RANGE, &err,
                   "a range of 0.0002 to 0.0001 S");
    assert_null(device);
    end(&f);
}

/* A sample that is no number is noticed before anything is pulsed for it. */
static void test_loss_that_is_no_number(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.1);
    f.x[3] = NAN;
    refuse(&f, REBIAS_E_NUMERIC, "the loss is no longer finite in update 1: lower the rate");
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_is_the_difference_quotient),
        cmocka_unit_test(test_gradient_with_converters),
        cmocka_unit_test(test_update_is_rate_times_gradient),
        cmocka_unit_test(test_pulses_are_counted),
        cmocka_unit_test(test_stuck_devices_stay),
        cmocka_unit_test(test_devices_outside_the_range),
        cmocka_unit_test(test_loss_falls_monotonically),
        cmocka_unit_test(test_damaged_network_recovers),
        cmocka_unit_test(test_measured_gradient_follows_the_cosine_law),
        cmocka_unit_test(test_stuck_devices_are_not_perturbed),
        cmocka_unit_test(test_runs_are_reproducible),
        cmocka_unit_test(test_runs_can_be_interrupted),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_devices_and_data),
        cmocka_unit_test(test_loss_that_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
