/* kernels.c - the measured kernels of rebias-bench.
 * 1. the setting   2. random numbers   3. pulses   4. rounding   5. products and
 * activations   6. networks
 * 7. the table of kernels
 *
 * The network is 784-100-10 as in the published studies; images are random bytes of which half
 * are 0, like Fashion-MNIST, so that no data are needed.
 */
#include "bench.h"
#include "netsim/activation.h"
#include "rebias/crossbar.h"
#include "rebias/images.h"
#include "rebias/network.h"
#include "rebias/table.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUTS = 784,
    HIDDEN = 100,
    OUTPUTS = 10,
    BATCH = 64,
    WEIGHTS = INPUTS * HIDDEN,
    IMAGES = 6400,
    LEVELS = 100,
    WORDS = 1 << 20,
    SQUARE = 1024
};

/* -- 1. the setting -- */

enum { LC_LINEAR, LC_NEAREST, LC_GAUSSIAN, AG_ANALYTICAL, TIOX_TABLE, DEVICES };
enum { NET_SOFTWARE, NET_PAIR, NET_SINGLE, NETWORKS };

struct bench_setting {
    struct rebias_device *device[DEVICES];
    struct rebias_devices *array[DEVICES];
    struct rebias_network *network[NETWORKS];
    struct rebias_images images;
    uint32_t order[IMAGES];
    uint32_t step;    /* of the updates and pulses so far */
    uint64_t pulses;  /* given in training */
    uint64_t trained; /* images */
    uint32_t *word;   /* WORDS */
    float *G;         /* WEIGHTS */
    float *request;   /* WEIGHTS */
    int16_t *count;   /* WEIGHTS */
    float *a;         /* SQUARE^2, as are b and c */
    float *b;
    float *c;
    struct bench_fit *fit;
    struct bench_deployed *deployed;
};

void bench_setting_take_fit(struct bench_setting *setting, struct bench_fit *fit)
{
    bench_fit_free(setting->fit);
    setting->fit = fit;
}

void bench_setting_take_deployed(struct bench_setting *setting, struct bench_deployed *deployed)
{
    bench_deployed_free(setting->deployed);
    setting->deployed = deployed;
}

struct bench_deployed *bench_setting_deployed(const struct bench_setting *setting)
{
    return setting->deployed;
}

struct bench_fit *bench_setting_fit(const struct bench_setting *setting)
{
    return setting->fit;
}

static struct rebias_stream stream_of(const struct bench_setting *s, uint32_t entity)
{
    return (struct rebias_stream){
        .seed = 1, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = s->step};
}

/* One polarity of a device as a table of LEVELS x LEVELS, jumps within -+ reach. */
static void decode_side(const struct rebias_device *device, int polarity, double reach,
                        struct rebias_table_side *side)
{
    for (size_t i = 0; i < LEVELS; i++) {
        double part = (double)i / (LEVELS - 1);
        side->G[i] = device->Gmin + part * (device->Gmax - device->Gmin);
        side->dG[i] = reach * (2.0 * part - 1.0);
    }
    for (size_t i = 0; i < LEVELS; i++) {
        for (size_t j = 0; j < LEVELS; j++) {
            side->cdf[i * LEVELS + j] = device->model->cdf(
                device, (enum rebias_polarity)polarity, side->G[i], side->dG[j]);
        }
    }
}

static int new_table_device(struct rebias_device **out, const char *spec, double reach,
                            enum rebias_rule rule, struct rebias_error *err)
{
    static const size_t shape[2] = {LEVELS, LEVELS};
    struct rebias_device *device = NULL;
    struct rebias_table *table = NULL;
    int status = rebias_device_new(&device, spec, err);
    if (status == REBIAS_OK) {
        status = rebias_table_new(&table, shape, shape, false, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        decode_side(device, p, reach, &table->side[p]);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_device_new(out, table, spec, rule, 1.0, 0.0, err);
    }
    rebias_table_free(table);
    rebias_device_free(device);
    return status;
}

static int new_devices(struct bench_setting *s, struct rebias_error *err)
{
    const double lc_reach = 6e-9; /* 5 sd, and the reach of the published tiox tables */
    const double tiox_reach = 30e-6;
    int status = new_table_device(&s->device[LC_LINEAR], "synthetic-lc", lc_reach,
                                  REBIAS_RULE_LINEAR, err);
    if (status == REBIAS_OK) {
        status = new_table_device(&s->device[LC_NEAREST], "synthetic-lc", lc_reach,
                                  REBIAS_RULE_NEAREST, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_device_new(&s->device[LC_GAUSSIAN], "synthetic-lc", err);
    }
    if (status == REBIAS_OK) {
        status = rebias_device_new(&s->device[AG_ANALYTICAL], "ag-asi", err);
    }
    if (status == REBIAS_OK) {
        status = new_table_device(&s->device[TIOX_TABLE], "tiox-1.5V", tiox_reach,
                                  REBIAS_RULE_LINEAR, err);
    }
    const struct rebias_stream spread = {.seed = 1, .purpose = REBIAS_FOR_SPREAD};
    for (size_t d = 0; d < DEVICES && status == REBIAS_OK; d++) {
        status = rebias_devices_new(&s->array[d], s->device[d], WEIGHTS, &spread, err);
    }
    return status;
}

static int new_networks(struct bench_setting *s, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t k = 0; k < NETWORKS && status == REBIAS_OK; k++) {
        struct rebias_network_options o = rebias_network_options_defaults();
        o.device = k == NET_SOFTWARE ? NULL : s->device[TIOX_TABLE];
        o.crossbar.encoding = k == NET_SINGLE ? REBIAS_SINGLE : REBIAS_PAIR;
        o.crossbar.weight_range = 0.5;
        o.activation = REBIAS_TANH;
        status = rebias_network_new(&s->network[k], &o, err);
    }
    return status;
}

static int new_images(struct bench_setting *s, struct rebias_error *err)
{
    s->images = (struct rebias_images){
        .n = IMAGES, .rows = 28, .columns = 28, .channels = 1, .classes = OUTPUTS};
    int status = rebias_alloc(&s->images.pixels, IMAGES, INPUTS, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->images.labels, IMAGES, 1, err);
    }
    for (size_t i = 0; i < IMAGES && status == REBIAS_OK; i++) {
        const struct rebias_stream stream = stream_of(s, 1000 + (uint32_t)i);
        uint32_t word[INPUTS];
        rebias_random_words(&stream, 0, INPUTS, word);
        for (size_t p = 0; p < INPUTS; p++) {
            s->images.pixels[i * INPUTS + p] = (word[p] & 256u) != 0 ? (uint8_t)word[p] : 0;
        }
        s->images.labels[i] = (uint8_t)(word[0] % OUTPUTS);
        s->order[i] = (uint32_t)i;
    }
    return status;
}

static int new_arrays(struct bench_setting *s, struct rebias_error *err)
{
    float **const squares[] = {&s->a, &s->b, &s->c};
    int status = rebias_alloc(&s->word, WORDS, sizeof *s->word, err);
    for (size_t k = 0; k < 3 && status == REBIAS_OK; k++) {
        status = rebias_alloc(squares[k], SQUARE * SQUARE, sizeof(float), err);
        if (status == REBIAS_OK) {
            const struct rebias_stream stream = stream_of(s, (uint32_t)k);
            rebias_random_normal(&stream, 0, SQUARE * SQUARE, *squares[k]);
        }
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->G, WEIGHTS, sizeof *s->G, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->request, WEIGHTS, sizeof *s->request, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->count, WEIGHTS, sizeof *s->count, err);
    }
    for (size_t i = 0; i < WEIGHTS && status == REBIAS_OK; i++) {
        s->request[i] = 0.05f * s->a[i]; /* few of them become a pulse, as in training */
    }
    return status;
}

void bench_setting_free(struct bench_setting *setting)
{
    if (setting == NULL) {
        return;
    }
    for (size_t k = 0; k < NETWORKS; k++) {
        rebias_network_free(setting->network[k]);
    }
    for (size_t d = 0; d < DEVICES; d++) {
        rebias_devices_free(setting->array[d]);
        rebias_device_free(setting->device[d]);
    }
    rebias_images_clear(&setting->images);
    free(setting->word);
    free(setting->G);
    free(setting->request);
    free(setting->count);
    free(setting->a);
    free(setting->b);
    free(setting->c);
    bench_fit_free(setting->fit);
    bench_deployed_free(setting->deployed);
    free(setting);
}

int bench_setting_new(struct bench_setting **out, struct rebias_error *err)
{
    *out = NULL;
    struct bench_setting *s = NULL;
    int status = rebias_alloc(&s, 1, sizeof *s, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = new_devices(s, err);
    if (status == REBIAS_OK) {
        status = new_networks(s, err);
    }
    if (status == REBIAS_OK) {
        status = new_images(s, err);
    }
    if (status == REBIAS_OK) {
        status = new_arrays(s, err);
    }
    if (status == REBIAS_OK) {
        *out = s;
        s = NULL;
    }
done:
    bench_setting_free(s);
    return status;
}

static double sum_of(size_t n, const float *x)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
    }
    return sum;
}

/* -- 2. random numbers -- */

static double run_words(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        const struct rebias_stream stream = stream_of(s, (uint32_t)k);
        rebias_random_words(&stream, 0, WORDS, s->word);
    }
    return (double)s->word[WORDS - 1];
}

static double run_normal(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        const struct rebias_stream stream = stream_of(s, (uint32_t)k);
        rebias_random_normal(&stream, 0, WORDS, s->c);
    }
    return sum_of(WORDS, s->c);
}

/* -- 3. pulses -- */

static void reset_conductances(struct bench_setting *s, int which)
{
    const struct rebias_device *device = s->device[which];
    for (size_t i = 0; i < WEIGHTS; i++) {
        double part = (double)(i % 1000) / 999.0;
        s->G[i] = (float)(device->Gmin + part * (device->Gmax - device->Gmin));
    }
}

/* SET and RESET in turn, so that the conductances stay spread over the range. */
static double pulse_array(struct bench_setting *s, int which, size_t calls)
{
    reset_conductances(s, which);
    for (size_t k = 0; k < calls; k++) {
        struct rebias_stream stream = stream_of(s, 0);
        stream.step += (uint32_t)k;
        rebias_devices_pulse_all(s->array[which], k % 2 == 0 ? REBIAS_SET : REBIAS_RESET, s->G,
                                 &stream);
    }
    return sum_of(WEIGHTS, s->G);
}

static double run_pulse_linear(struct bench_setting *s, size_t calls)
{
    return pulse_array(s, LC_LINEAR, calls);
}

static double run_pulse_nearest(struct bench_setting *s, size_t calls)
{
    return pulse_array(s, LC_NEAREST, calls);
}

static double run_pulse_gaussian(struct bench_setting *s, size_t calls)
{
    return pulse_array(s, LC_GAUSSIAN, calls);
}

static double run_pulse_analytical(struct bench_setting *s, size_t calls)
{
    return pulse_array(s, AG_ANALYTICAL, calls);
}

/* What the fast sampler is compared with: one search a pulse, in double. */
static double run_pulse_plain(struct bench_setting *s, size_t calls)
{
    const struct rebias_device *device = s->device[LC_LINEAR];
    const struct rebias_table *table = rebias_device_table(device);
    reset_conductances(s, LC_LINEAR);
    for (size_t k = 0; k < calls; k++) {
        struct rebias_stream stream = stream_of(s, 0);
        stream.step += (uint32_t)k;
        rebias_random_words(&stream, 0, WEIGHTS, s->word);
        for (size_t i = 0; i < WEIGHTS; i++) {
            double u = ((double)s->word[i] + 0.5) * 0x1p-32;
            double G = (double)s->G[i];
            G += rebias_table_quantile(&table->side[k % 2], REBIAS_RULE_LINEAR, G, u, NULL,
                                       NULL);
            s->G[i] = (float)fmin(fmax(G, device->Gmin), device->Gmax);
        }
    }
    return sum_of(WEIGHTS, s->G);
}

/* Every 30th device, as an update of a batch does it. */
static double run_pulse_scattered(struct bench_setting *s, size_t calls)
{
    enum { SOME = WEIGHTS / 30 };
    uint32_t index[SOME];
    int16_t count[SOME];
    reset_conductances(s, TIOX_TABLE);
    for (size_t i = 0; i < SOME; i++) {
        index[i] = (uint32_t)(30 * i);
        count[i] = i % 2 == 0 ? 1 : -1;
    }
    for (size_t k = 0; k < calls; k++) {
        struct rebias_stream stream = stream_of(s, 0);
        stream.step += (uint32_t)k;
        rebias_devices_pulse_some(s->array[TIOX_TABLE], SOME, index, count, s->G, &stream);
    }
    return sum_of(WEIGHTS, s->G);
}

/* -- 4. rounding -- */

static double run_rounding(struct bench_setting *s, size_t calls)
{
    double sum = 0.0;
    for (size_t k = 0; k < calls; k++) {
        const struct rebias_stream stream = stream_of(s, (uint32_t)k);
        rebias_round_stochastic(&stream, 0, WEIGHTS, s->request, 1.0f, 100.0f, s->count);
        sum += s->count[k] + s->count[WEIGHTS - 1 - k];
    }
    return sum;
}

/* -- 5. products and activations -- */

static double run_sgemm_layer(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, BATCH, HIDDEN, INPUTS, 1.0f,
                    s->a, INPUTS, s->b, HIDDEN, 0.0f, s->c, HIDDEN);
    }
    return sum_of(BATCH * HIDDEN, s->c);
}

static double run_sgemm_gradient(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, INPUTS, HIDDEN, BATCH, 1.0f, s->a,
                    INPUTS, s->b, HIDDEN, 0.0f, s->c, HIDDEN);
    }
    return sum_of(WEIGHTS, s->c);
}

static double run_sgemm_square(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SQUARE, SQUARE, SQUARE, 1.0f,
                    s->a, SQUARE, s->b, SQUARE, 0.0f, s->c, SQUARE);
    }
    return sum_of(SQUARE * SQUARE, s->c);
}

static double run_tanh(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        memcpy(s->c, s->b, BATCH * HIDDEN * sizeof *s->c);
        rebias_activation_apply(REBIAS_TANH, BATCH * HIDDEN, s->c);
    }
    return sum_of(BATCH * HIDDEN, s->c);
}

static double run_softmax(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        memcpy(s->c, s->b, BATCH * OUTPUTS * sizeof *s->c);
        rebias_softmax_apply(BATCH, OUTPUTS, s->c);
    }
    return (double)s->c[0];
}

/* -- 6. networks -- */

/* Learning rates of both layers: those of `rebias train`, and the same per image in batches
 * of 1. */
static const double rates[2] = {0.05, 0.05};
static const double online_rates[2] = {0.05 / BATCH, 0.05 / BATCH};

/* One call trains on one batch; no test images are evaluated. */
static double train(struct bench_setting *s, int which, size_t batch, size_t calls)
{
    struct rebias_network *network = s->network[which];
    double loss = 0.0;
    for (size_t k = 0; k < calls; k++) {
        size_t first = k * batch % (IMAGES - batch + 1);
        rebias_network_set_images(network, &s->images, batch, s->order + first);
        rebias_network_forward(network, batch);
        loss += rebias_network_backward(network, batch, s->images.labels + first);
        s->pulses +=
            rebias_network_update(network, batch, batch == 1 ? online_rates : rates, s->step++);
        s->trained += batch;
    }
    return loss / (double)calls;
}

static double run_train_software(struct bench_setting *s, size_t calls)
{
    return train(s, NET_SOFTWARE, BATCH, calls);
}

static double run_train_pair(struct bench_setting *s, size_t calls)
{
    return train(s, NET_PAIR, BATCH, calls);
}

static double run_train_single(struct bench_setting *s, size_t calls)
{
    return train(s, NET_SINGLE, BATCH, calls);
}

static double run_online_software(struct bench_setting *s, size_t calls)
{
    return train(s, NET_SOFTWARE, 1, calls);
}

static double run_online_pair(struct bench_setting *s, size_t calls)
{
    return train(s, NET_PAIR, 1, calls);
}

static double run_online_single(struct bench_setting *s, size_t calls)
{
    return train(s, NET_SINGLE, 1, calls);
}

/* The parts of one update on devices, from the same batch again and again. */
static int prepare_batch(struct bench_setting *s, const char *name, struct rebias_error *err)
{
    (void)name;
    (void)err;
    train(s, NET_PAIR, BATCH, 1);
    return REBIAS_OK;
}

static double run_set_images(struct bench_setting *s, size_t calls)
{
    for (size_t k = 0; k < calls; k++) {
        rebias_network_set_images(s->network[NET_PAIR], &s->images, BATCH, s->order + k);
    }
    return (double)calls;
}

static double run_forward(struct bench_setting *s, size_t calls)
{
    const float *out = NULL;
    for (size_t k = 0; k < calls; k++) {
        out = rebias_network_forward(s->network[NET_PAIR], BATCH);
    }
    return (double)out[0];
}

static double run_backward(struct bench_setting *s, size_t calls)
{
    double loss = 0.0;
    for (size_t k = 0; k < calls; k++) {
        loss = rebias_network_backward(s->network[NET_PAIR], BATCH, s->images.labels);
    }
    return loss;
}

static double run_update(struct bench_setting *s, size_t calls)
{
    double pulses = 0.0;
    for (size_t k = 0; k < calls; k++) {
        pulses += (double)rebias_network_update(s->network[NET_PAIR], BATCH, rates, s->step++);
    }
    return pulses;
}

double bench_pulses_per_image(const struct bench_setting *setting)
{
    return setting->trained > 0 ? (double)setting->pulses / (double)setting->trained : 0.0;
}

double bench_flop_per_image(void)
{
    return 2.0 * 2.0 * ((INPUTS + 1) * HIDDEN + (HIDDEN + 1) * OUTPUTS);
}

/* -- 7. the table of kernels -- */

const struct bench_kernel bench_kernels[] = {
    {"words", NULL, run_words, 1, WORDS, "word"},
    {"normal", NULL, run_normal, 1, WORDS, "number"},
    {"pulse-table-linear", NULL, run_pulse_linear, 10, WEIGHTS, "pulse"},
    {"pulse-table-nearest", NULL, run_pulse_nearest, 10, WEIGHTS, "pulse"},
    {"pulse-gaussian", NULL, run_pulse_gaussian, 10, WEIGHTS, "pulse"},
    {"pulse-analytical", NULL, run_pulse_analytical, 10, WEIGHTS, "pulse"},
    {"pulse-table-plain", NULL, run_pulse_plain, 2, WEIGHTS, "pulse"},
    {"pulse-scattered", NULL, run_pulse_scattered, 50, WEIGHTS / 30, "pulse"},
    {"rounding", NULL, run_rounding, 50, WEIGHTS, "request"},
    {"sgemm-64x784x100", NULL, run_sgemm_layer, 20, 2.0 * BATCH *INPUTS *HIDDEN, "flop"},
    {"sgemm-784x64x100", NULL, run_sgemm_gradient, 20, 2.0 * BATCH *INPUTS *HIDDEN, "flop"},
    {"sgemm-1024", NULL, run_sgemm_square, 1, 2.0 * SQUARE *SQUARE *SQUARE, "flop"},
    {"tanh", NULL, run_tanh, 200, BATCH *HIDDEN, "value"},
    {"softmax", NULL, run_softmax, 200, BATCH *OUTPUTS, "value"},
    {"train-software-64", NULL, run_train_software, 50, BATCH, "image"},
    {"train-pair-64", NULL, run_train_pair, 50, BATCH, "image"},
    {"train-single-64", NULL, run_train_single, 50, BATCH, "image"},
    {"train-software-1", NULL, run_online_software, 200, 1, "image"},
    {"train-pair-1", NULL, run_online_pair, 200, 1, "image"},
    {"train-single-1", NULL, run_online_single, 200, 1, "image"},
    {"part-images-64", prepare_batch, run_set_images, 100, BATCH, "image"},
    {"part-forward-64", prepare_batch, run_forward, 50, BATCH, "image"},
    {"part-backward-64", prepare_batch, run_backward, 50, BATCH, "image"},
    {"part-update-pair-64", prepare_batch, run_update, 50, BATCH, "image"},
};
const size_t bench_kernel_count = sizeof bench_kernels / sizeof bench_kernels[0];
