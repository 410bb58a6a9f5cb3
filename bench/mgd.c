/* mgd.c - how fast multiplexed gradient descent is: whole short runs, their setting up included
 * (a few per cent).
 * 1. data   2. runs   3. the table of kernels
 */
#include "bench.h"
#include "rebias/base.h"
#include "rebias/mgd.h"
#include "rebias/random.h"
#include "rebias/tasks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps of a run. */
enum {
    NIST_STEPS = 8000000,
    XOR_STEPS = 1000000,
    MLP_STEPS = 200,
    CNN_STEPS = 20,
    MLP_BATCH = 128,
    CNN_BATCH = 100,
    PATTERNS = 10,
    IMAGES = 256,
    PIXELS = 784
};

/* Multiplications of the Fashion-MNIST network a sample: 26^2 x 16 x 9, 11^2 x 32 x 144, 3^2 x
 * 32 x 288, 32 x 10. */
#define CNN_PRODUCTS (97344.0 + 557568.0 + 82944.0 + 320.0)

/* -- 1. data -- */

/* Bytes of an image of which about half are 0, as in Fashion-MNIST, scaled to 1. */
static void fill_images(const void *context, size_t n, const uint32_t *index, float *x)
{
    const float *images = context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * PIXELS, images + (size_t)index[i] * PIXELS, PIXELS * sizeof *x);
    }
}

static void fill_task(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_task *task = context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * task->inputs, task->input + (size_t)index[i] * task->inputs,
               task->inputs * sizeof *x);
    }
}

static int new_images(float **images, uint8_t **labels, struct rebias_error *err)
{
    const struct rebias_stream stream = {1, REBIAS_FOR_TEST, 0, 0, 0};
    int status = rebias_alloc(images, (size_t)IMAGES * PIXELS, sizeof **images, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(labels, IMAGES, 1, err);
    }
    if (status == REBIAS_OK) {
        rebias_random_normal(&stream, 0, (size_t)IMAGES * PIXELS, *images);
        for (size_t i = 0; i < (size_t)IMAGES * PIXELS; i++) {
            (*images)[i] = fminf(fmaxf((*images)[i], 0.0f), 1.0f);
        }
        for (size_t i = 0; i < IMAGES; i++) {
            (*labels)[i] = (uint8_t)(i % 10);
        }
    }
    return status;
}

/* -- 2. runs -- */

/* Mean cost at the end, the checksum; NaN when something failed. */
static double train(const struct rebias_architecture *a, const struct rebias_mgd_data *data,
                    struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    double checksum = NAN;
    o->every = o->steps; /* one look, at the end, at one sample */
    o->test_samples = 1;
    if (rebias_mgd_train(&result, a, data, data, o, NULL, NULL, NULL, &err) == REBIAS_OK) {
        checksum = result->looks[result->look_count - 1].train_cost;
    }
    rebias_mgd_result_free(result);
    return checksum;
}

static double train_task(const char *name, const char *layers, double tau, uint64_t steps)
{
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_task *task = NULL;
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    double checksum = NAN;
    int status = rebias_task_new(&task, name, &err);
    if (status == REBIAS_OK) {
        status =
            rebias_architecture_parse(&a, layers, REBIAS_TRANSFER_SIGMOID,
                                      REBIAS_TRANSFER_SIGMOID, REBIAS_COST_SQUARED, 0.0, &err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_mgd_data data = {task->n, task->inputs, task->outputs, fill_task,
                                             task,    task->target, task->label};
        o.tau_x = o.tau_theta = tau;
        o.amplitude = 0.01;
        o.steps = steps;
        checksum = train(&a, &data, &o);
    }
    rebias_task_free(task);
    return checksum;
}

static double train_images(const char *network, size_t batch, int threads, double patterns,
                           uint64_t steps)
{
    struct rebias_error err = {0};
    struct rebias_architecture a;
    float *images = NULL;
    uint8_t *labels = NULL;
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    double checksum = NAN;
    int status = new_images(&images, &labels, &err);
    if (status == REBIAS_OK) {
        status =
            rebias_architecture_parse(&a, network, REBIAS_TRANSFER_RELU, REBIAS_TRANSFER_NONE,
                                      REBIAS_COST_CROSS_ENTROPY, 0.0, &err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_mgd_data data = {.n = IMAGES,
                                             .inputs = PIXELS,
                                             .outputs = 10,
                                             .fill = fill_images,
                                             .context = images,
                                             .label = labels};
        o.tau_x = o.tau_theta = patterns;
        o.batch = batch;
        o.threads = threads;
        o.steps = steps;
        checksum = train(&a, &data, &o);
    }
    free(images);
    free(labels);
    return checksum;
}

static double run_nist_64(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_task("nist7x7", "49,4,4", 64.0, calls * NIST_STEPS);
}

static double run_nist_1024(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_task("nist7x7", "49,4,4", 1024.0, calls * NIST_STEPS);
}

static double run_xor(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_task("xor", "2,2,1", 1.0, calls * XOR_STEPS);
}

static double run_mlp_one(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_images("784,128,64,10", MLP_BATCH, 1, 1.0, calls * MLP_STEPS);
}

static double run_mlp_ten(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_images("784,128,64,10", MLP_BATCH, 1, PATTERNS, calls * MLP_STEPS);
}

static double run_mlp_ten_two(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_images("784,128,64,10", MLP_BATCH, 2, PATTERNS, calls * MLP_STEPS);
}

static double run_cnn(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_images("fmnist-cnn", CNN_BATCH, 1, PATTERNS, calls * CNN_STEPS);
}

static double run_cnn_two(struct bench_setting *s, size_t calls)
{
    (void)s;
    return train_images("fmnist-cnn", CNN_BATCH, 2, PATTERNS, calls * CNN_STEPS);
}

/* -- 3. the table of kernels -- */

/* NAME-two is NAME on two threads. A step: one perturbed evaluation. Samples: base evaluations
 * count too, as in the papers. */
const struct bench_kernel bench_mgd[] = {
    {"mgd-nist7x7-64", NULL, run_nist_64, 1, NIST_STEPS, "step"},
    {"mgd-nist7x7-1024", NULL, run_nist_1024, 1, NIST_STEPS, "step"},
    {"mgd-xor", NULL, run_xor, 1, XOR_STEPS, "step"},
    {"mgd-mlp-one", NULL, run_mlp_one, 1, 2.0 * MLP_STEPS *MLP_BATCH, "sample"},
    {"mgd-mlp-ten", NULL, run_mlp_ten, 1, 1.1 * MLP_STEPS *MLP_BATCH, "sample"},
    {"mgd-mlp-ten-two", NULL, run_mlp_ten_two, 1, 1.1 * MLP_STEPS *MLP_BATCH, "sample"},
    {"mgd-fmnist-cnn", NULL, run_cnn, 1, 2.2 * CNN_STEPS *CNN_BATCH *CNN_PRODUCTS, "flop"},
    {"mgd-fmnist-cnn-two", NULL, run_cnn_two, 1, 2.2 * CNN_STEPS *CNN_BATCH *CNN_PRODUCTS,
     "flop"},
};
const size_t bench_mgd_count = sizeof bench_mgd / sizeof bench_mgd[0];
