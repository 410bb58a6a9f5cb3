/* quantise_kl.c - few-level weights fitted to the outputs of the full-precision network.
 * 1. options   2. the fit's state   3. levels and their gradients   4. softmax
 * 5. loss and gradient   6. one restart   7. choice
 */
#include "learn_step.h"
#include "rebias/base.h"
#include "rebias/quantise.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_quantise_options rebias_quantise_options_defaults(void)
{
    return (struct rebias_quantise_options){.steps = 1,
                                            .epochs = 150,
                                            .batch = 100,
                                            .rate = 5e-3,
                                            .biases = true,
                                            .restarts = 8,
                                            .seed = 1};
}

static int check_fit(const struct rebias_quantise_options *o,
                     const struct rebias_quantise_data *data, size_t inputs,
                     struct rebias_error *err)
{
    if (o->steps < 1 || o->steps > REBIAS_MOST_STEPS || o->epochs < 1 || o->epochs > 100000 ||
        o->batch < 1 || o->batch > 65536 || o->restarts < 1 || o->restarts > 1000 ||
        !(o->rate > 0.0 && isfinite(o->rate))) {
        return rebias_fail_at(err, REBIAS_E_RANGE, NULL,
                              "1 to 127 steps, 1 to 100000 epochs, a batch of 1 to 65536, 1 to "
                              "1000 restarts, a rate above 0",
                              "%zu steps, %zu epochs, batch %zu, %zu restarts, rate %g",
                              o->steps, o->epochs, o->batch, o->restarts, o->rate);
    }
    if (data->n < 1 || data->n > UINT32_MAX) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu inputs cannot be fitted (1 to 2^32 - 1)",
                           data->n);
    }
    for (size_t i = 0; i < data->n * inputs; i++) {
        if (!isfinite((double)data->x[i])) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "input %zu of sample %zu is not a finite number", i % inputs,
                               i / inputs);
        }
    }
    return REBIAS_OK;
}

/* -- 2. the fit's state -- */

/* Latent parameters: [P] weights in units of their layer's unit, biases as they are; behind
 * them a factor of the unit for each layer: gamma = factor unit. */
struct fit {
    struct rebias_architecture architecture; /* squared cost: section 5 */
    struct rebias_quantise_options options;
    const struct rebias_quantise_data *data;
    struct rebias_model *model;
    size_t parameters, latents; /* P, P + layers */
    double unit[REBIAS_MAX_LAYERS];
    float *original;                        /* [P], of the network as it was */
    float *theta;                           /* [P], quantised */
    float *gradient;                        /* [P] */
    float *latent, *slope, *first, *second; /* [latents]; Adam's */
    double *teacher;                        /* [n][outputs], softmax of the network as it was */
    float *x, *target;                      /* one batch */
    uint32_t *order;
    float *best; /* [latents] */
};

static void clear_fit(struct fit *fit)
{
    rebias_model_free(fit->model);
    free(fit->original);
    free(fit->theta);
    free(fit->gradient);
    free(fit->latent);
    free(fit->slope);
    free(fit->first);
    free(fit->second);
    free(fit->teacher);
    free(fit->x);
    free(fit->target);
    free(fit->order);
    free(fit->best);
}

static int new_fit_arrays(struct fit *fit, struct rebias_error *err)
{
    const struct rebias_architecture *a = &fit->architecture;
    const size_t batch = fit->options.batch;
    const size_t n = fit->data->n;
    const struct {
        void *to;
        size_t count, size;
    } arrays[] = {
        {&fit->original, fit->parameters, sizeof(float)},
        {&fit->theta, fit->parameters, sizeof(float)},
        {&fit->gradient, fit->parameters, sizeof(float)},
        {&fit->latent, fit->latents, sizeof(float)},
        {&fit->slope, fit->latents, sizeof(float)},
        {&fit->first, fit->latents, sizeof(float)},
        {&fit->second, fit->latents, sizeof(float)},
        {&fit->best, fit->latents, sizeof(float)},
        {&fit->teacher, n * a->outputs, sizeof(double)},
        {&fit->x, batch * a->inputs, sizeof(float)},
        {&fit->target, batch * a->outputs, sizeof(float)},
        {&fit->order, n, sizeof(uint32_t)},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].to, arrays[i].count, arrays[i].size, err);
    }
    return status;
}

/* -- 3. levels and their gradients -- */

static const double smallest_factor = 0.05; /* a gamma of 0 would never come back */

static double factor_of(const struct fit *fit, const float *latent, size_t l)
{
    const double factor = (double)latent[fit->parameters + l];
    return factor > smallest_factor ? factor : smallest_factor;
}

/* Level of a latent weight, as a fraction of gamma. */
static double fraction_of(double latent, double factor, double steps)
{
    const double level = rint(latent / factor * steps);
    return (level > steps ? steps : level < -steps ? -steps : level) / steps;
}

static void apply_levels(const struct fit *fit, const float *latent, float *theta)
{
    const double steps = (double)fit->options.steps;
    for (size_t l = 0; l < fit->architecture.layers; l++) {
        const struct rebias_layer *layer = &fit->architecture.layer[l];
        const double factor = factor_of(fit, latent, l);
        /* through float, as gamma is kept beside float weights */
        const double gamma = factor * fit->unit[l];
        for (size_t i = layer->first; i < layer->first + layer->weights; i++) {
            theta[i] = (float)(gamma * fraction_of((double)latent[i], factor, steps));
        }
        memcpy(theta + layer->first + layer->weights, latent + layer->first + layer->weights,
               layer->biases * sizeof *theta);
    }
}

/* slope = dC/d latent from gradient = dC/d theta: w = unit factor round(u steps/factor)/steps
 * with the derivative 1 for round, 0 beyond the last level. */
static void pass_levels(struct fit *fit)
{
    const double steps = (double)fit->options.steps;
    for (size_t l = 0; l < fit->architecture.layers; l++) {
        const struct rebias_layer *layer = &fit->architecture.layer[l];
        const double factor = factor_of(fit, fit->latent, l);
        double sum = 0.0;
        for (size_t i = layer->first; i < layer->first + layer->weights; i++) {
            const double ratio = (double)fit->latent[i] / factor;
            const double passed = fit->unit[l] * (double)fit->gradient[i];
            const bool inside = fabs(ratio) <= 1.0 + 0.5 / steps;
            fit->slope[i] = inside ? (float)passed : 0.0f;
            sum += passed * (fraction_of((double)fit->latent[i], factor, steps) -
                             (inside ? ratio : 0.0));
        }
        fit->slope[fit->parameters + l] = (float)sum;
        const size_t bias = layer->first + layer->weights;
        for (size_t j = bias; j < bias + layer->biases; j++) {
            fit->slope[j] = fit->options.biases ? fit->gradient[j] : 0.0f;
        }
    }
}

/* -- 4. softmax -- */

/* p[outputs] of sample i of n from outputs [outputs][n]. */
static void softmax_of(const float *outputs, size_t count, size_t n, size_t i, double *p)
{
    double largest = -INFINITY;
    double sum = 0.0;
    for (size_t c = 0; c < count; c++) {
        const double a = (double)outputs[c * n + i];
        largest = a > largest ? a : largest;
    }
    for (size_t c = 0; c < count; c++) {
        p[c] = exp((double)outputs[c * n + i] - largest);
        sum += p[c];
    }
    for (size_t c = 0; c < count; c++) {
        p[c] /= sum;
    }
}

/* Forward in pieces of a batch; calls visit for each sample with its softmax. */
static void visit_samples(struct fit *fit, const float *theta,
                          void (*visit)(struct fit *fit, size_t sample, const double *p,
                                        double *sum),
                          double *sum)
{
    const struct rebias_architecture *a = &fit->architecture;
    double p[256];
    for (size_t first = 0; first < fit->data->n; first += fit->options.batch) {
        const size_t rest = fit->data->n - first;
        const size_t n = rest < fit->options.batch ? rest : fit->options.batch;
        const struct rebias_samples samples = {
            .n = n, .x = fit->data->x + first * a->inputs, .target = fit->target};
        rebias_model_set_samples(fit->model, &samples);
        const float *outputs = rebias_model_forward(fit->model, theta);
        for (size_t i = 0; i < n; i++) {
            softmax_of(outputs, a->outputs, n, i, p);
            visit(fit, first + i, p, sum);
        }
    }
}

static void keep_teacher(struct fit *fit, size_t sample, const double *p, double *sum)
{
    const size_t outputs = fit->architecture.outputs;
    memcpy(fit->teacher + sample * outputs, p, outputs * sizeof *p);
    (void)sum;
}

static void add_divergence(struct fit *fit, size_t sample, const double *p, double *sum)
{
    static const double least = 1e-300; /* keeps the logarithm of an underflow finite */
    const size_t outputs = fit->architecture.outputs;
    const double *teacher = fit->teacher + sample * outputs;
    for (size_t c = 0; c < outputs; c++) {
        if (teacher[c] > 0.0) {
            *sum += teacher[c] * log(teacher[c] / (p[c] > least ? p[c] : least));
        }
    }
}

/* -- 5. loss and gradient -- */

/* Gradient of the mean divergence of a batch. Its derivative by the outputs a is (p -
 * teacher)/n, which is also that of the model's squared cost, mean (a - t)^2, at t = a -
 * outputs/2 (p - teacher): so such targets are set. */
static void differentiate(struct fit *fit, const uint32_t *order, size_t n)
{
    const struct rebias_architecture *a = &fit->architecture;
    double p[256];
    for (size_t i = 0; i < n; i++) {
        memcpy(fit->x + i * a->inputs, fit->data->x + order[i] * a->inputs,
               a->inputs * sizeof *fit->x);
    }
    const struct rebias_samples samples = {.n = n, .x = fit->x, .target = fit->target};
    rebias_model_set_samples(fit->model, &samples);
    const float *outputs = rebias_model_forward(fit->model, fit->theta);
    for (size_t i = 0; i < n; i++) {
        const double *teacher = fit->teacher + order[i] * a->outputs;
        softmax_of(outputs, a->outputs, n, i, p);
        for (size_t c = 0; c < a->outputs; c++) {
            fit->target[i * a->outputs + c] =
                (float)((double)outputs[c * n + i] -
                        0.5 * (double)a->outputs * (p[c] - teacher[c]));
        }
    }
    rebias_model_gradient(fit->model, fit->theta, fit->gradient);
}

/* -- 6. one restart -- */

static void start_latents(struct fit *fit, uint32_t restart)
{
    static const float jitter = 0.2f;
    const struct rebias_quantise_options *o = &fit->options;
    memset(fit->first, 0, fit->latents * sizeof *fit->first);
    memset(fit->second, 0, fit->latents * sizeof *fit->second);
    memcpy(fit->latent, fit->original, fit->parameters * sizeof *fit->latent);
    for (size_t l = 0; l < fit->architecture.layers; l++) {
        const struct rebias_layer *layer = &fit->architecture.layer[l];
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_WEIGHTS, o->replicate,
                                             (uint32_t)l, restart};
        float *latent = fit->latent + layer->first;
        float *noise = fit->slope; /* not in use yet */
        rebias_random_normal(&stream, 0, layer->weights, noise);
        for (size_t i = 0; i < layer->weights; i++) {
            latent[i] = (float)((double)latent[i] / fit->unit[l]);
            latent[i] += restart > 0 ? jitter * noise[i] : 0.0f;
        }
        fit->latent[fit->parameters + l] = 1.0f;
    }
    apply_levels(fit, fit->latent, fit->theta);
}

static void run_restart(struct fit *fit, uint32_t restart)
{
    const struct rebias_quantise_options *o = &fit->options;
    const size_t n = fit->data->n;
    struct rebias_adam adam = {0.0, 0};
    start_latents(fit, restart);
    for (size_t epoch = 0; epoch < o->epochs; epoch++) {
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_ORDER, o->replicate, restart,
                                             (uint32_t)epoch};
        adam.rate = o->rate * 0.5 * (1.0 + cos(M_PI * (double)epoch / (double)o->epochs));
        rebias_random_permutation(&stream, n, fit->order);
        for (size_t first = 0; first < n; first += o->batch) {
            differentiate(fit, fit->order + first, n - first < o->batch ? n - first : o->batch);
            pass_levels(fit);
            adam.t++;
            rebias_adam_step(adam, fit->latents, fit->slope, fit->first, fit->second,
                             fit->latent);
            apply_levels(fit, fit->latent, fit->theta);
        }
    }
}

/* -- 7. choice -- */

/* Squared costs compare with targets; here the labels count. */
static double accuracy_of(struct fit *fit, struct rebias_model *judge)
{
    return rebias_model_accuracy(judge, fit->theta, &fit->data->validation, NULL);
}

static int choose_restart(struct fit *fit, const struct rebias_architecture *judged,
                          double *divergence, struct rebias_error *err)
{
    struct rebias_model *judge = NULL;
    double best = -INFINITY;
    int status = rebias_model_new(&judge, judged, fit->options.batch, err);
    for (size_t r = 0; r < fit->options.restarts && status == REBIAS_OK; r++) {
        double sum = 0.0;
        run_restart(fit, (uint32_t)r);
        visit_samples(fit, fit->theta, add_divergence, &sum);
        const double score = fit->data->validation.n > 0 ? accuracy_of(fit, judge) : -sum;
        if (!isfinite(sum)) {
            status =
                rebias_fail(err, REBIAS_E_NUMERIC,
                            "the fit of levels diverged: lower the rate %g", fit->options.rate);
        } else if (score > best) {
            best = score;
            memcpy(fit->best, fit->latent, fit->latents * sizeof *fit->best);
            *divergence = sum / (double)fit->data->n;
        }
    }
    rebias_model_free(judge);
    return status;
}

/* The chosen latents as weights. */
static void store_levels(struct fit *fit, struct rebias_weights *weights)
{
    apply_levels(fit, fit->best, fit->theta);
    rebias_weights_from_theta(weights, fit->theta);
    for (size_t l = 0; l < weights->layers; l++) {
        weights->layer[l].gamma = factor_of(fit, fit->best, l) * fit->unit[l];
        weights->layer[l].steps = fit->options.steps;
    }
}

/* Units from the nearest fit of a copy; the softmax of the network as it is. */
static int prepare_fit(struct fit *fit, const struct rebias_weights *weights,
                       struct rebias_error *err)
{
    struct rebias_weights nearest;
    int status = new_fit_arrays(fit, err);
    if (status == REBIAS_OK) {
        status = rebias_model_new(&fit->model, &fit->architecture, fit->options.batch, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_weights_copy(&nearest, weights, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_quantise_nearest(&nearest, fit->options.steps, err);
    for (size_t l = 0; l < weights->layers; l++) {
        fit->unit[l] = nearest.layer[l].gamma;
        fit->options.biases = fit->options.biases && weights->layer[l].bias != NULL;
    }
    rebias_weights_clear(&nearest);
    if (status == REBIAS_OK) {
        rebias_weights_to_theta(weights, fit->original);
        visit_samples(fit, fit->original, keep_teacher, NULL);
    }
    return status;
}

int rebias_quantise_kl(struct rebias_weights *weights, const struct rebias_quantise_data *data,
                       const struct rebias_quantise_options *options, double *divergence,
                       struct rebias_error *err)
{
    struct fit fit = {.options = *options, .data = data};
    struct rebias_architecture judged;
    double reached = 0.0;
    int status = rebias_weights_architecture(weights, &judged, err);
    if (status == REBIAS_OK) {
        status = check_fit(options, data, judged.inputs, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    fit.architecture = judged;
    fit.architecture.cost = REBIAS_COST_SQUARED;
    fit.parameters = judged.parameters;
    fit.latents = judged.parameters + judged.layers;
    status = prepare_fit(&fit, weights, err);
    if (status == REBIAS_OK) {
        status = choose_restart(&fit, &judged, &reached, err);
    }
    if (status == REBIAS_OK) {
        store_levels(&fit, weights);
        if (divergence != NULL) {
            *divergence = reached;
        }
    }
    clear_fit(&fit);
    return status;
}
