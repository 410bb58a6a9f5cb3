/* learn.c - training dense networks in software.
 * 1. options   2. learners   3. initial parameters   4. training   5. consolidation
 * 6. results
 */
#include "rebias/learn.h"
#include "learn_step.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { MOST_EPOCHS = 100000, LARGEST_BATCH = 65536 };

struct rebias_learn_options rebias_learn_options_defaults(void)
{
    return (struct rebias_learn_options){.epochs = 50,
                                         .batch = 20,
                                         .rate = 1e-3,
                                         .schedule = REBIAS_SCHEDULE_CONSTANT,
                                         .decay = 0.9,
                                         .optimizer = REBIAS_LEARN_ADAM,
                                         .momentum = 0.9,
                                         .biases = true,
                                         .levels = REBIAS_LEARN_FLOAT,
                                         .threshold = 0.7,
                                         .fisher_samples = 100,
                                         .seed = 1};
}

int rebias_learn_options_check(const struct rebias_learn_options *options,
                               struct rebias_error *err)
{
    const struct rebias_learn_options *o = options;
    const struct {
        bool good;
        const char *name;
        double value;
        const char *expected;
    } rules[] = {
        {o->epochs >= 1 && o->epochs <= MOST_EPOCHS, "epochs", (double)o->epochs,
         "1 to 100000"},
        {o->batch >= 1 && o->batch <= LARGEST_BATCH, "batch", (double)o->batch, "1 to 65536"},
        {o->rate > 0.0 && isfinite(o->rate), "rate", o->rate, "a number above 0"},
        {o->decay > 0.0 && o->decay <= 1.0, "decay", o->decay, "above 0, at most 1"},
        {o->momentum >= 0.0 && o->momentum < 1.0, "momentum", o->momentum,
         "at least 0, below 1"},
        {o->threshold >= 0.0 && o->threshold <= 10.0, "ternary threshold", o->threshold,
         "0 to 10"},
        {o->lambda >= 0.0 && isfinite(o->lambda), "lambda", o->lambda, "a number from 0 on"},
        {o->fisher_samples >= 1, "Fisher samples", (double)o->fisher_samples, "at least 1"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!rules[i].good) {
            return rebias_fail_at(err, REBIAS_E_RANGE, NULL, rules[i].expected,
                                  "learning with %s %g is not possible", rules[i].name,
                                  rules[i].value);
        }
    }
    return REBIAS_OK;
}

/* -- 2. learners -- */

struct rebias_learner {
    struct rebias_architecture architecture;
    struct rebias_learn_options options;
    struct rebias_model *model;
    float *theta;     /* float parameters */
    float *used;      /* the same, quantised; theta itself when FLOAT */
    float *quantised; /* memory of `used` when TERNARY */
    float *gradient;
    float *first;      /* Adam's m, or the momentum */
    float *second;     /* Adam's v */
    double *stiffness; /* sum of the earlier tasks' F */
    double *pull;      /* sum of F theta* */
    double gamma[REBIAS_MODEL_LAYERS];
    float *x; /* one batch */
    uint8_t *label;
    uint64_t steps;
    uint32_t tasks; /* trained */
    bool protects;  /* consolidated at least once */
};

void rebias_learner_free(struct rebias_learner *learner)
{
    if (learner == NULL) {
        return;
    }
    rebias_model_free(learner->model);
    free(learner->theta);
    free(learner->quantised);
    free(learner->gradient);
    free(learner->first);
    free(learner->second);
    free(learner->stiffness);
    free(learner->pull);
    free(learner->x);
    free(learner->label);
    free(learner);
}

static int check_layers(const struct rebias_architecture *a, struct rebias_error *err)
{
    bool good = a->layers >= 1 && a->layers <= REBIAS_MAX_LAYERS &&
                a->cost == REBIAS_COST_CROSS_ENTROPY;
    for (size_t l = 0; l < a->layers && good; l++) {
        const enum rebias_transfer wanted =
            l + 1 < a->layers ? a->layer[0].transfer : REBIAS_TRANSFER_NONE;
        good = a->layer[l].kind == REBIAS_DENSE && a->layer[l].transfer == wanted;
    }
    if (good && a->layers > 1 && a->layer[0].transfer == REBIAS_TRANSFER_NONE) {
        good = false;
    }
    return good ? REBIAS_OK
                : rebias_fail(err, REBIAS_E_UNSUPPORTED,
                              "only dense layers can be learned here, at most %d, hidden ones "
                              "with one transfer, the last with none, and cross-entropy",
                              REBIAS_MAX_LAYERS);
}

static int new_learner_arrays(struct rebias_learner *learner, struct rebias_error *err)
{
    const size_t p = learner->architecture.parameters;
    const size_t batch = learner->options.batch;
    const struct {
        void *to;
        size_t count, size;
    } arrays[] = {
        {&learner->theta, p, sizeof(float)},
        {&learner->quantised, p, sizeof(float)},
        {&learner->gradient, p, sizeof(float)},
        {&learner->first, p, sizeof(float)},
        {&learner->second, p, sizeof(float)},
        {&learner->stiffness, p, sizeof(double)},
        {&learner->pull, p, sizeof(double)},
        {&learner->x, batch * learner->architecture.inputs, sizeof(float)},
        {&learner->label, batch, 1},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].to, arrays[i].count, arrays[i].size, err);
    }
    return status;
}

/* -- 3. initial parameters -- */

static void draw_layer(struct rebias_learner *learner, size_t l)
{
    const struct rebias_layer *layer = &learner->architecture.layer[l];
    const struct rebias_learn_options *o = &learner->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_WEIGHTS, o->replicate, (uint32_t)l,
                                         0};
    const double limit = 1.0 / sqrt((double)(layer->weights / layer->out.channels));
    const size_t n = layer->weights + (o->biases ? layer->biases : 0);
    float *theta = learner->theta + layer->first;
    double u[256];
    for (size_t first = 0; first < n; first += sizeof u / sizeof u[0]) {
        const size_t rest = n - first;
        const size_t m = rest < sizeof u / sizeof u[0] ? rest : sizeof u / sizeof u[0];
        rebias_random_uniform(&stream, first, m, u);
        for (size_t i = 0; i < m; i++) {
            theta[first + i] = (float)(limit * (2.0 * u[i] - 1.0));
        }
    }
}

/* The parameters in use follow the float ones. */
static void refresh_used(struct rebias_learner *learner)
{
    if (learner->options.levels == REBIAS_LEARN_FLOAT) {
        return;
    }
    for (size_t l = 0; l < learner->architecture.layers; l++) {
        const struct rebias_layer *layer = &learner->architecture.layer[l];
        const float *w = learner->theta + layer->first;
        float *q = learner->quantised + layer->first;
        learner->gamma[l] = rebias_ternarise(learner->options.threshold, layer->weights, w, q);
        memcpy(q + layer->weights, w + layer->weights, layer->biases * sizeof *q);
    }
}

int rebias_learner_new(struct rebias_learner **out,
                       const struct rebias_architecture *architecture,
                       const struct rebias_learn_options *options, struct rebias_error *err)
{
    struct rebias_learner *learner = NULL;
    *out = NULL;
    int status = rebias_learn_options_check(options, err);
    if (status == REBIAS_OK) {
        status = check_layers(architecture, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&learner, 1, sizeof *learner, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    learner->architecture = *architecture;
    learner->options = *options;
    status = rebias_model_new(&learner->model, architecture, options->batch, err);
    if (status == REBIAS_OK) {
        status = new_learner_arrays(learner, err);
    }
    if (status != REBIAS_OK) {
        rebias_learner_free(learner);
        return status;
    }
    learner->used = options->levels == REBIAS_LEARN_FLOAT ? learner->theta : learner->quantised;
    for (size_t l = 0; l < architecture->layers; l++) {
        draw_layer(learner, l);
    }
    refresh_used(learner);
    *out = learner;
    return REBIAS_OK;
}

/* -- 4. training -- */

static int check_samples(const struct rebias_learner *learner,
                         const struct rebias_samples *samples, struct rebias_error *err)
{
    const size_t inputs = learner->architecture.inputs;
    const size_t outputs = learner->architecture.outputs;
    if (samples->n < 1 || samples->n > UINT32_MAX) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu samples cannot be learned (1 to 2^32 - 1)",
                           samples->n);
    }
    for (size_t i = 0; i < samples->n; i++) {
        if (samples->label[i] >= outputs) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "sample %zu has label %u, the network has %zu outputs", i,
                               (unsigned)samples->label[i], outputs);
        }
        for (size_t k = 0; k < inputs; k++) {
            if (!isfinite((double)samples->x[i * inputs + k])) {
                return rebias_fail(err, REBIAS_E_RANGE,
                                   "input %zu of sample %zu is not a finite number", k, i);
            }
        }
    }
    return REBIAS_OK;
}

/* Sets the samples order[0 .. n - 1], n <= batch. */
static void set_batch(struct rebias_learner *learner, const struct rebias_samples *samples,
                      const uint32_t *order, size_t n)
{
    const size_t inputs = learner->architecture.inputs;
    for (size_t i = 0; i < n; i++) {
        memcpy(learner->x + i * inputs, samples->x + order[i] * inputs,
               inputs * sizeof *learner->x);
        learner->label[i] = samples->label[order[i]];
    }
    const struct rebias_samples batch = {.n = n, .x = learner->x, .label = learner->label};
    rebias_model_set_samples(learner->model, &batch);
}

/* Gradient of the mean cost at the parameters in use, 0 for biases that are not there; returns
 * the cost. */
static double find_gradient(struct rebias_learner *learner)
{
    const struct rebias_architecture *a = &learner->architecture;
    const double cost = rebias_model_gradient(learner->model, learner->used, learner->gradient);
    for (size_t l = 0; l < a->layers && !learner->options.biases; l++) {
        const struct rebias_layer *layer = &a->layer[l];
        memset(learner->gradient + layer->first + layer->weights, 0,
               layer->biases * sizeof *learner->gradient);
    }
    return cost;
}

static void make_step(struct rebias_learner *learner, double rate)
{
    const struct rebias_learn_options *o = &learner->options;
    const size_t p = learner->architecture.parameters;
    learner->steps++;
    if (learner->protects && o->lambda > 0.0) {
        rebias_ewc_gradient(o->lambda, p, learner->stiffness, learner->pull, learner->theta,
                            learner->gradient);
    }
    if (o->optimizer == REBIAS_LEARN_ADAM) {
        const struct rebias_adam adam = {rate, learner->steps};
        rebias_adam_step(adam, p, learner->gradient, learner->first, learner->second,
                         learner->theta);
    } else {
        rebias_momentum_step(rate, o->momentum, p, learner->gradient, learner->first,
                             learner->theta);
    }
    refresh_used(learner);
}

static struct rebias_stream order_stream(const struct rebias_learner *learner, uint32_t task,
                                         size_t step)
{
    const struct rebias_learn_options *o = &learner->options;
    return (struct rebias_stream){o->seed, REBIAS_FOR_ORDER, o->replicate, task,
                                  (uint32_t)step};
}

static int learn_epoch(struct rebias_learner *learner, const struct rebias_samples *samples,
                       size_t epoch, uint32_t *order, struct rebias_error *err)
{
    const struct rebias_learn_options *o = &learner->options;
    const struct rebias_stream stream = order_stream(learner, learner->tasks, epoch);
    const double rate =
        o->rate * rebias_schedule_factor(o->schedule, o->decay, epoch, o->epochs);
    rebias_random_permutation(&stream, samples->n, order);
    for (size_t first = 0; first < samples->n; first += o->batch) {
        const size_t rest = samples->n - first;
        set_batch(learner, samples, order + first, rest < o->batch ? rest : o->batch);
        const double cost = find_gradient(learner);
        if (!isfinite(cost)) {
            return rebias_fail(err, REBIAS_E_NUMERIC,
                               "learning diverged in epoch %zu of task %u: lower the rate %g",
                               epoch + 1, (unsigned)learner->tasks + 1, o->rate);
        }
        make_step(learner, rate);
    }
    return REBIAS_OK;
}

int rebias_learner_train(struct rebias_learner *learner, const struct rebias_samples *samples,
                         struct rebias_error *err)
{
    uint32_t *order = NULL;
    int status = check_samples(learner, samples, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&order, samples->n, sizeof *order, err);
    }
    for (size_t epoch = 0; epoch < learner->options.epochs && status == REBIAS_OK; epoch++) {
        status = learn_epoch(learner, samples, epoch, order, err);
    }
    if (status == REBIAS_OK) {
        learner->tasks++;
    }
    free(order);
    return status;
}

/* -- 5. consolidation -- */

int rebias_learner_consolidate(struct rebias_learner *learner,
                               const struct rebias_samples *samples, struct rebias_error *err)
{
    const size_t p = learner->architecture.parameters;
    const size_t wanted = learner->options.fisher_samples;
    const size_t n = wanted < samples->n ? wanted : samples->n;
    const uint32_t task = learner->tasks > 0 ? learner->tasks - 1 : 0;
    const struct rebias_stream stream = order_stream(learner, task, learner->options.epochs);
    uint32_t *order = NULL;
    int status = check_samples(learner, samples, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&order, samples->n, sizeof *order, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    rebias_random_permutation(&stream, samples->n, order);
    for (size_t i = 0; i < n; i++) {
        set_batch(learner, samples, order + i, 1);
        find_gradient(learner);
        for (size_t k = 0; k < p; k++) {
            const double g = (double)learner->gradient[k];
            learner->stiffness[k] += g * g / (double)n;
            learner->pull[k] += g * g / (double)n * (double)learner->theta[k];
        }
    }
    learner->protects = true;
    free(order);
    return REBIAS_OK;
}

/* -- 6. results -- */

const float *rebias_learner_theta(const struct rebias_learner *learner)
{
    return learner->used;
}

double rebias_learner_accuracy(struct rebias_learner *learner,
                               const struct rebias_samples *samples)
{
    return samples->n > 0 ? rebias_model_accuracy(learner->model, learner->used, samples, NULL)
                          : NAN;
}

int rebias_learner_weights(const struct rebias_learner *learner, struct rebias_weights *weights,
                           struct rebias_error *err)
{
    const struct rebias_architecture *a = &learner->architecture;
    size_t sizes[REBIAS_MAX_LAYERS + 1] = {a->inputs};
    for (size_t l = 0; l < a->layers; l++) {
        sizes[l + 1] = a->layer[l].out.channels;
    }
    int status = rebias_weights_init(weights, a->layers, sizes, learner->options.biases, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (a->layers > 1) {
        weights->hidden = a->layer[0].transfer;
    }
    rebias_weights_from_theta(weights, learner->used);
    for (size_t l = 0; l < a->layers; l++) {
        weights->layer[l].gamma = learner->gamma[l];
    }
    return REBIAS_OK;
}
