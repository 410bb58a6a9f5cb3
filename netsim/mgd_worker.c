/* mgd_worker.c - evaluating the segments of a window: costs with and without patterns.
 * 1. life cycle   2. batches   3. parameters as they are read   4. weight perturbation   5.
 * node perturbation   6. a piece of a window   7. looks
 */
#include "mgd_run.h"
#include "base/simd.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK = 256 }; /* samples a look works on at once */

struct mgd_worker {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_data *data;
    const struct rebias_mgd_options *options;
    struct mgd_blocks blocks;
    struct rebias_code *code[REBIAS_MODEL_LAYERS];
    struct mgd_order order;
    struct mgd_lanes *lanes; /* NULL: the general way */
    struct rebias_model *model;
    float *x; /* one batch */
    float *target;
    uint8_t *label;
    float *pattern;   /* [P] or [N] */
    float *shifted;   /* [P]: theta + pattern */
    float *noisy;     /* [P]: theta + read noise */
    double *node_sum; /* [P], NODE only */
    double *base;     /* [batch] */
    double *cost[2];
    double base_mean;
    uint64_t batch;     /* in the model */
    uint64_t base_step; /* whose C0 is in base; UINT64_MAX = none */
};

/* -- 1. life cycle -- */

void rebias_mgd_worker_free(struct mgd_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    for (size_t b = 0; b < REBIAS_MODEL_LAYERS; b++) {
        rebias_code_free(worker->code[b]);
    }
    rebias_mgd_order_clear(&worker->order);
    rebias_mgd_lanes_free(worker->lanes);
    rebias_model_free(worker->model);
    free(worker->x);
    free(worker->target);
    free(worker->label);
    free(worker->pattern);
    free(worker->shifted);
    free(worker->noisy);
    free(worker->node_sum);
    free(worker->base);
    free(worker->cost[0]);
    free(worker->cost[1]);
    free(worker);
}

static int new_codes(struct mgd_worker *w, struct rebias_error *err)
{
    const struct rebias_mgd_options *o = w->options;
    int status = REBIAS_OK;
    rebias_mgd_blocks(&w->blocks, w->architecture, o);
    for (size_t b = 0; b < w->blocks.count && status == REBIAS_OK; b++) {
        const struct rebias_code_options code = {.kind = o->perturbation,
                                                 .n = w->blocks.block[b].n,
                                                 .norm = o->amplitude,
                                                 .sparsity = o->sparsity,
                                                 .f_low = o->f_low,
                                                 .f_high = o->f_high,
                                                 .seed = o->seed,
                                                 .replicate = o->replicate,
                                                 .entity = (uint32_t)b};
        status = rebias_code_new(&w->code[b], &code, err);
    }
    return status;
}

static int new_arrays(struct mgd_worker *w, size_t capacity, struct rebias_error *err)
{
    const struct rebias_architecture *a = w->architecture;
    const size_t widest = a->nodes > a->parameters ? a->nodes : a->parameters;
    const struct {
        void *out;
        size_t count, size;
    } arrays[] = {{&w->x, capacity * a->inputs, sizeof(float)},
                  {&w->target, capacity * a->outputs, sizeof(float)},
                  {&w->label, capacity, 1},
                  {&w->pattern, widest, sizeof(float)},
                  {&w->shifted, a->parameters, sizeof(float)},
                  {&w->noisy, a->parameters, sizeof(float)},
                  {&w->node_sum, a->parameters, sizeof(double)},
                  {&w->base, capacity, sizeof(double)},
                  {&w->cost[0], capacity, sizeof(double)},
                  {&w->cost[1], capacity, sizeof(double)}};
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].out, arrays[i].count, arrays[i].size, err);
    }
    return status;
}

int rebias_mgd_worker_new(struct mgd_worker **out, const struct rebias_architecture *a,
                          const struct rebias_mgd_data *data,
                          const struct rebias_mgd_options *options, struct rebias_error *err)
{
    *out = NULL;
    const size_t capacity = options->batch > LOOK ? options->batch : LOOK;
    struct mgd_worker *w = NULL;
    int status = rebias_alloc(&w, 1, sizeof *w, err);
    if (status != REBIAS_OK) {
        return status;
    }
    w->architecture = a;
    w->data = data;
    w->options = options;
    w->batch = w->base_step = UINT64_MAX;
    status = new_codes(w, err);
    if (status == REBIAS_OK) {
        status = rebias_mgd_order_new(&w->order, data->n, options, err);
    }
    if (status == REBIAS_OK) {
        status = new_arrays(w, capacity, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_model_new(&w->model, a, capacity, err);
    }
    if (status == REBIAS_OK && options->defects > 0.0) {
        status = rebias_model_set_defects(w->model, options->defects, options->seed,
                                          options->replicate, err);
    }
    if (status == REBIAS_OK && options->adc_bits > 0) {
        status = rebias_model_set_adc(w->model, options->adc_bits, options->adc_range, err);
    }
    if (status == REBIAS_OK && rebias_mgd_lanes_suit(a, options)) {
        status = rebias_mgd_lanes_new(&w->lanes, a, data, options, err);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_worker_free(w);
        return status;
    }
    *out = w;
    return REBIAS_OK;
}

void rebias_mgd_worker_go_general(struct mgd_worker *worker)
{
    rebias_mgd_lanes_free(worker->lanes);
    worker->lanes = NULL;
}

size_t rebias_mgd_worker_grain(const struct mgd_worker *worker)
{
    return worker->lanes != NULL ? 256 : 1;
}

double rebias_mgd_worker_mean_square(const struct mgd_worker *worker, size_t block)
{
    return rebias_code_mean_square(worker->code[block]);
}

/* -- 2. batches -- */

/* Gives samples index[n] of the data to the model. */
static void set_samples(struct mgd_worker *w, const struct rebias_mgd_data *data, size_t n,
                        const uint32_t *index, struct rebias_samples *samples)
{
    data->fill(data->context, n, index, w->x);
    *samples = (struct rebias_samples){.n = n, .x = w->x};
    if (data->target != NULL) {
        for (size_t i = 0; i < n; i++) {
            memcpy(w->target + i * data->outputs,
                   data->target + (size_t)index[i] * data->outputs,
                   data->outputs * sizeof(float));
        }
        samples->target = w->target;
    }
    if (data->label != NULL) {
        for (size_t i = 0; i < n; i++) {
            w->label[i] = data->label[index[i]];
        }
        samples->label = w->label;
    }
}

static void load_batch(struct mgd_worker *w, uint64_t batch)
{
    if (batch != w->batch) {
        struct rebias_samples samples;
        set_samples(w, w->data, w->options->batch, rebias_mgd_order_batch(&w->order, batch),
                    &samples);
        rebias_model_set_samples(w->model, &samples);
        w->batch = batch;
        w->base_step = UINT64_MAX;
    }
}

/* -- 3. parameters as they are read -- */

/* Every evaluation reads the devices anew: theta + noise of this step. side: 0 base, 1 plus, 2
 * minus. */
static const float *read_parameters(struct mgd_worker *w, const float *theta, uint64_t step,
                                    size_t block, uint32_t side)
{
    const struct rebias_mgd_options *o = w->options;
    const size_t P = w->architecture->parameters;
    if (o->read_noise == 0.0) {
        return theta;
    }
    const double range = o->device != NULL ? o->crossbar.weight_range : 1.0;
    const float sd = (float)(o->read_noise * range);
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_READ, o->replicate,
                                         3 * (uint32_t)block + side, (uint32_t)step};
    rebias_random_normal(&stream, 0, P, w->noisy);
    for (size_t i = 0; i < P; i++) {
        w->noisy[i] = theta[i] + sd * w->noisy[i];
    }
    return w->noisy;
}

/* The base: costs without a pattern, unless they are there; keeps the layers' inputs. Another
 * worker may have measured the same: it counts where it is due, so that counts do not depend on
 * threads. */
static void measure_base(struct mgd_worker *w, const struct mgd_parameters *parameters,
                         const struct mgd_segment *segment, struct mgd_sums *sums)
{
    sums->evaluations += segment->step == segment->base;
    if (w->base_step != segment->base) {
        const float *theta = read_parameters(w, parameters->theta, segment->base, 0, 0);
        const float *outputs = rebias_model_forward(w->model, theta);
        w->base_mean = rebias_model_costs(w->model, outputs, w->base);
        w->base_step = segment->base;
    }
}

/* -- 4. weight perturbation -- */

REBIAS_SIMD static void add_pattern(size_t n, float factor, const float *pattern,
                                    float *estimate)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        estimate[i] += factor * pattern[i];
    }
}

/* Mean cost of the batch with +- the pattern of a block. */
static double shifted_cost(struct mgd_worker *w, const struct mgd_parameters *parameters,
                           const struct mgd_segment *segment, size_t b, float sign,
                           struct mgd_sums *sums)
{
    const struct mgd_block *block = &w->blocks.block[b];
    rebias_mgd_parameters_offset(parameters, block->first, block->n, w->pattern, sign,
                                 w->shifted);
    const float *theta = read_parameters(w, w->shifted, segment->step, b, sign > 0.0f ? 1 : 2);
    /* what is read anew differs in all layers, not in the perturbed ones alone */
    const size_t from = w->options->read_noise > 0.0 ? 0 : block->layer_first;
    sums->evaluations++;
    return rebias_model_costs(w->model, rebias_model_forward_from(w->model, theta, from), NULL);
}

static double perturb_weights(struct mgd_worker *w, const struct mgd_parameters *parameters,
                              const struct mgd_segment *segment, size_t b, float *estimate,
                              struct mgd_sums *sums)
{
    const struct mgd_block *block = &w->blocks.block[b];
    rebias_code_fill(w->code[b], segment->pattern, w->pattern);
    double first = shifted_cost(w, parameters, segment, b, 1.0f, sums);
    double second = w->options->two_sided ? shifted_cost(w, parameters, segment, b, -1.0f, sums)
                                          : w->base_mean;
    double Ct = rebias_mgd_difference(w->options, segment, b, 0, first, second);
    double factor = Ct * segment->repeats / rebias_code_mean_square(w->code[b]);
    add_pattern(block->n, (float)factor, w->pattern, estimate + block->first);
    if (w->options->scope == REBIAS_MGD_LAYERS) { /* the next block finds theta here */
        memcpy(w->shifted + block->first, parameters->theta + block->first,
               block->n * sizeof(float));
    }
    return 0.5 * (first + second);
}

/* -- 5. node perturbation -- */

static void node_costs(struct mgd_worker *w, const struct mgd_parameters *parameters,
                       const struct mgd_segment *segment, size_t b, uint32_t side,
                       const uint8_t *use, struct mgd_sums *sums)
{
    const float *theta = read_parameters(w, parameters->theta, segment->step, b, side);
    const size_t from = w->options->read_noise > 0.0 ? 0 : w->blocks.block[b].layer_first;
    const float *outputs = rebias_model_forward_nodes(w->model, theta, w->pattern, use, from);
    rebias_model_costs(w->model, outputs, w->cost[side - 1]);
    sums->evaluations++;
}

static void perturb_nodes(struct mgd_worker *w, const struct mgd_parameters *parameters,
                          const struct mgd_segment *segment, size_t b, struct mgd_sums *sums)
{
    const struct mgd_block *block = &w->blocks.block[b];
    const size_t n = w->options->batch;
    uint8_t use[REBIAS_MODEL_LAYERS] = {0};
    float *pattern = w->pattern + block->first;
    for (size_t l = block->layer_first; l <= block->layer_last; l++) {
        use[l] = w->architecture->layer[l].weights > 0;
    }
    rebias_code_fill(w->code[b], segment->pattern, pattern);
    if (w->options->two_sided) {
        for (size_t i = 0; i < block->n; i++) {
            pattern[i] = -pattern[i];
        }
        node_costs(w, parameters, segment, b, 2, use, sums);
        for (size_t i = 0; i < block->n; i++) {
            pattern[i] = -pattern[i];
        }
    }
    node_costs(w, parameters, segment, b, 1, use, sums);
    const double *second = w->options->two_sided ? w->cost[1] : w->base;
    for (size_t i = 0; i < n; i++) {
        w->cost[0][i] = segment->repeats * rebias_mgd_difference(w->options, segment, b, i + 1,
                                                                 w->cost[0][i], second[i]);
    }
    rebias_model_node_gradient(w->model, w->pattern, use, w->cost[0],
                               1.0 / rebias_code_mean_square(w->code[b]), w->node_sum);
}

/* -- 6. a piece of a window -- */

static void run_segment(struct mgd_worker *w, const struct mgd_parameters *parameters,
                        const struct mgd_segment *segment, bool base, float *estimate,
                        struct mgd_sums *sums)
{
    const bool node = w->options->method == REBIAS_MGD_NODE;
    double cost = 0.0;
    load_batch(w, segment->batch);
    if (base) {
        measure_base(w, parameters, segment, sums);
    }
    for (size_t b = 0; b < w->blocks.count; b++) {
        if (node) {
            perturb_nodes(w, parameters, segment, b, sums);
        } else {
            cost = perturb_weights(w, parameters, segment, b, estimate, sums);
        }
    }
    bool both = w->options->two_sided && !node;
    sums->cost += both ? cost : w->base_mean;
    sums->weight += 1.0;
}

static void run_general(struct mgd_worker *w, const struct mgd_parameters *parameters,
                        size_t count, const struct mgd_segment *segments, float *estimate,
                        struct mgd_sums *sums)
{
    const size_t P = w->architecture->parameters;
    const bool node = w->options->method == REBIAS_MGD_NODE;
    const bool needed = node || !w->options->two_sided ||
                        w->options->scope == REBIAS_MGD_LAYERS; /* the prefix of later layers */
    memcpy(w->shifted, parameters->theta, P * sizeof(float));
    if (node) {
        memset(w->node_sum, 0, P * sizeof(double));
    }
    for (size_t s = 0; s < count; s++) {
        run_segment(w, parameters, &segments[s], needed, estimate, sums);
    }
    for (size_t i = 0; i < P && node; i++) {
        estimate[i] += (float)w->node_sum[i];
    }
}

int rebias_mgd_worker_run(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                          size_t count, const struct mgd_segment *segments, float *estimate,
                          struct mgd_sums *sums, struct rebias_error *err)
{
    if (worker->lanes != NULL) {
        rebias_mgd_lanes_run(worker->lanes, worker->code[0], &worker->order, parameters->theta,
                             count, segments, estimate, sums);
    } else {
        run_general(worker, parameters, count, segments, estimate, sums);
    }
    return isfinite(sums->cost)
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_NUMERIC,
                             "the cost is no longer finite at step %llu: lower eta",
                             (unsigned long long)segments[0].step);
}

int rebias_mgd_worker_cost(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                           const struct mgd_segment *segment, float *pattern, double *cost,
                           struct rebias_error *err)
{
    struct mgd_sums sums = {0};
    load_batch(worker, segment->batch);
    rebias_code_fill(worker->code[0], segment->pattern, worker->pattern);
    memcpy(pattern, worker->pattern, parameters->n * sizeof *pattern);
    double measured = shifted_cost(worker, parameters, segment, 0, 1.0f, &sums);
    /* a difference to 0 that is neither halved nor cut: the noise alone is wanted */
    struct rebias_mgd_options noise = *worker->options;
    noise.two_sided = noise.noisy_baseline = false;
    noise.clip = 0.0;
    *cost = rebias_mgd_difference(&noise, segment, 0, 0, measured, 0.0);
    return isfinite(*cost) ? REBIAS_OK
                           : rebias_fail(err, REBIAS_E_NUMERIC,
                                         "the cost is no longer finite at step %llu: lower eta",
                                         (unsigned long long)segment->step);
}

/* -- 7. looks -- */

void rebias_mgd_worker_gradient(struct mgd_worker *worker,
                                const struct mgd_parameters *parameters, uint64_t batch,
                                float *gradient)
{
    load_batch(worker, batch);
    worker->base_step = UINT64_MAX;
    rebias_model_gradient(worker->model, parameters->theta, gradient);
}

void rebias_mgd_worker_look(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                            const struct rebias_mgd_data *data, size_t samples, double *cost,
                            double *accuracy)
{
    const size_t n = samples > 0 && samples < data->n ? samples : data->n;
    uint32_t index[LOOK];
    double costs = 0.0;
    double right = 0.0;
    for (size_t first = 0; first < n; first += LOOK) {
        const size_t piece = n - first < LOOK ? n - first : LOOK;
        struct rebias_samples part;
        double piece_cost = 0.0;
        for (size_t i = 0; i < piece; i++) {
            index[i] = (uint32_t)(first + i);
        }
        set_samples(worker, data, piece, index, &part);
        right += (double)piece *
                 rebias_model_accuracy(worker->model, parameters->theta, &part, &piece_cost);
        costs += (double)piece * piece_cost;
    }
    worker->batch = worker->base_step = UINT64_MAX;
    *cost = costs / (double)n;
    *accuracy = right / (double)n;
}
