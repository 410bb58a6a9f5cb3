/* mgd_support.h - what the tests of multiplexed gradient descent share.
 * 1. tasks with networks   2. estimates   3. training   4. a double-precision reference
 */
#ifndef REBIAS_TESTS_MGD_SUPPORT_H
#define REBIAS_TESTS_MGD_SUPPORT_H

#include "support.h"

#include "base/hdf5_file.h"
#include "netsim/mgd_run.h"
#include "rebias/random.h"
#include "rebias/tasks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MGD_SEGMENTS = 4096 };

/* -- 1. tasks with networks -- */

struct mgd_setting {
    struct rebias_task *task;
    struct rebias_architecture a;
    struct rebias_mgd_data data;
};

static inline void mgd_fill(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_task *task = context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * task->inputs, task->input + (size_t)index[i] * task->inputs,
               task->inputs * sizeof(float));
    }
}

/* Sigmoids and squared costs, as in the papers. */
static inline void mgd_open(struct mgd_setting *s, const char *task, const char *layers)
{
    struct rebias_error err = {0};
    support_expect(rebias_task_new(&s->task, task, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_architecture_parse(&s->a, layers, REBIAS_TRANSFER_SIGMOID,
                                             REBIAS_TRANSFER_SIGMOID, REBIAS_COST_SQUARED, 0.0,
                                             &err),
                   REBIAS_OK, &err, NULL);
    s->data = (struct rebias_mgd_data){s->task->n, s->task->inputs, s->task->outputs, mgd_fill,
                                       s->task,    s->task->target, s->task->label};
}

static inline void mgd_close(struct mgd_setting *s)
{
    rebias_task_free(s->task);
}

static inline struct rebias_mgd_options mgd_options(void)
{
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    o.initial = REBIAS_INITIAL_UNIFORM; /* +-0.5 */
    return o;
}

/* -- 2. estimates -- */

enum mgd_way { MGD_ANY_WAY, MGD_GENERAL_WAY };

/* estimate[P] = mean over steps 0 .. steps - 1 with the initial parameters. */
static inline void mgd_estimate(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                                uint64_t steps, enum mgd_way way, float *estimate,
                                struct mgd_sums *sums)
{
    static struct mgd_segment segment[MGD_SEGMENTS];
    struct rebias_error err = {0};
    struct mgd_times times;
    struct mgd_parameters parameters;
    struct mgd_worker *worker = NULL;
    uint64_t next = 0;
    *sums = (struct mgd_sums){0};
    memset(estimate, 0, s->a.parameters * sizeof *estimate);
    support_expect(rebias_mgd_check(o, &s->a, &s->data, &times, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_mgd_parameters_new(&parameters, &s->a, o, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_mgd_worker_new(&worker, &s->a, &s->data, o, &err), REBIAS_OK, &err,
                   NULL);
    if (way == MGD_GENERAL_WAY) {
        rebias_mgd_worker_go_general(worker);
    }
    const size_t count = rebias_mgd_segments(&times, 0, steps, MGD_SEGMENTS, segment, &next);
    assert_int_equal(next, steps);
    support_expect(
        rebias_mgd_worker_run(worker, &parameters, count, segment, estimate, sums, &err),
        REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < s->a.parameters; i++) {
        estimate[i] /= (float)steps;
    }
    rebias_mgd_worker_free(worker);
    rebias_mgd_parameters_clear(&parameters);
}

/* gradient[P] of batches 0 .. batches - 1 at the initial parameters, by backpropagation. */
static inline void mgd_gradient(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                                uint64_t batches, double *gradient)
{
    struct rebias_error err = {0};
    struct mgd_parameters parameters;
    struct mgd_worker *worker = NULL;
    float *part = NULL;
    const size_t P = s->a.parameters;
    support_expect(rebias_mgd_parameters_new(&parameters, &s->a, o, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_mgd_worker_new(&worker, &s->a, &s->data, o, &err), REBIAS_OK, &err,
                   NULL);
    assert_int_equal(rebias_alloc(&part, P, sizeof *part, &err), REBIAS_OK);
    memset(gradient, 0, P * sizeof *gradient);
    for (uint64_t b = 0; b < batches; b++) {
        rebias_mgd_worker_gradient(worker, &parameters, b, part);
        for (size_t i = 0; i < P; i++) {
            gradient[i] += (double)part[i] / (double)batches;
        }
    }
    free(part);
    rebias_mgd_worker_free(worker);
    rebias_mgd_parameters_clear(&parameters);
}

/* -- 3. training -- */

/* Trains and gives the last parameters, which a checkpoint holds. */
static inline struct rebias_mgd_result *mgd_train(const struct mgd_setting *s,
                                                  const struct rebias_mgd_options *o,
                                                  float *theta)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    struct rebias_hdf5 *file = NULL;
    char path[1024];
    support_scratch(path, "trained.h5");
    remove(path);
    const struct rebias_mgd_checkpoint checkpoint = {path, 0, "test"};
    support_expect(
        rebias_mgd_train(&result, &s->a, &s->data, &s->data, o, &checkpoint, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
    const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT, 1, {s->a.parameters, 1}, theta};
    support_expect(rebias_hdf5_open(&file, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_hdf5_read(file, "/theta", &array, &err), REBIAS_OK, &err, NULL);
    rebias_hdf5_discard(file);
    return result;
}

/* -- 4. a double-precision reference: dense layers, sigmoids, squared cost -- */

static inline double mgd_plain_cost(const struct mgd_setting *s, const double *theta,
                                    uint32_t sample)
{
    double value[2][64];
    for (size_t i = 0; i < s->a.inputs; i++) {
        value[0][i] = (double)s->task->input[sample * s->a.inputs + i];
    }
    for (size_t l = 0; l < s->a.layers; l++) {
        const struct rebias_layer *layer = &s->a.layer[l];
        const size_t inputs = layer->weights / layer->biases;
        const double *w = theta + layer->first;
        for (size_t j = 0; j < layer->biases; j++) {
            double z = w[layer->weights + j];
            for (size_t i = 0; i < inputs; i++) {
                z += w[j * inputs + i] * value[l % 2][i];
            }
            value[(l + 1) % 2][j] = 1.0 / (1.0 + exp(-z));
        }
    }
    double sum = 0.0;
    for (size_t j = 0; j < s->a.outputs; j++) {
        const double e =
            value[s->a.layers % 2][j] - (double)s->task->target[sample * s->a.outputs + j];
        sum += e * e;
    }
    return sum / (double)s->a.outputs;
}

/* The sample of a batch of one, by the addressed order (random.h). */
static inline uint32_t mgd_plain_sample(const struct mgd_setting *s,
                                        const struct rebias_mgd_options *o, uint64_t batch)
{
    uint32_t order[16];
    assert_true(s->data.n <= 16);
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_ORDER, o->replicate, 0,
                                         (uint32_t)(batch / s->data.n)};
    rebias_random_permutation(&stream, s->data.n, order);
    return order[batch % s->data.n];
}

#endif
