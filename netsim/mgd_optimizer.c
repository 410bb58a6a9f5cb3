/* mgd_optimizer.c - from the gradient estimate of an update period to the change of the
 * parameters.
 * 1. life cycle   2. step sizes   3. one step
 */
#include "mgd_run.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. life cycle -- */

void rebias_mgd_optimizer_clear(struct mgd_optimizer *optimizer)
{
    free(optimizer->first);
    free(optimizer->second);
    *optimizer = (struct mgd_optimizer){0};
}

int rebias_mgd_optimizer_new(struct mgd_optimizer *optimizer, size_t n,
                             const struct mgd_blocks *blocks,
                             const struct rebias_mgd_options *options, struct rebias_error *err)
{
    *optimizer = (struct mgd_optimizer){.options = options, .blocks = blocks, .n = n};
    int status = REBIAS_OK;
    if (options->optimizer != REBIAS_OPTIMIZER_PLAIN || options->analog) {
        status = rebias_alloc(&optimizer->first, n, sizeof(float), err);
    }
    if (status == REBIAS_OK && options->optimizer == REBIAS_OPTIMIZER_ADAM) {
        status = rebias_alloc(&optimizer->second, n, sizeof(float), err);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_optimizer_clear(optimizer);
    }
    return status;
}

/* -- 2. step sizes -- */

/* What the estimate of a block is multiplied with, eta apart. */
static double form_factor(const struct rebias_mgd_options *o, const struct mgd_times *times,
                          const struct mgd_block *block)
{
    const double patterns = (double)times->theta / (double)times->p;
    switch (o->eta_form) {
    case REBIAS_ETA_VECTOR:
        return o->tau_theta / (double)block->n;
    case REBIAS_ETA_PARAMETER:
        return o->tau_theta;
    case REBIAS_ETA_NORM:
        break;
    }
    return 1.0 / sqrt(1.0 + ((double)block->n - 1.0) / fmax(patterns, 1.0));
}

/* -- 3. one step -- */

static float momentum_step(float *v, float momentum, float wanted)
{
    *v = momentum * *v + wanted;
    return *v;
}

/* Oripov et al. 2025: (0.9, 0.999, 1e-8), no bias correction. */
static float adam_step(float *first, float *second, float eta, float g)
{
    *first = 0.9f * *first + 0.1f * g;
    *second = 0.999f * *second + 0.001f * g * g;
    return eta * *first / (sqrtf(*second) + 1e-8f);
}

/* change may be estimate: entry by entry. */
static void plain_steps(size_t n, float factor, float eta, float decay, const float *estimate,
                        const float *theta, float *change)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        change[i] = eta * (factor * estimate[i]) + decay * theta[i];
    }
}

static void step_block(struct mgd_optimizer *optimizer, const struct mgd_block *block,
                       float factor, float eta, const float *estimate, const float *theta,
                       float *change)
{
    const struct rebias_mgd_options *o = optimizer->options;
    const float decay = eta * (float)o->weight_decay;
    if (o->optimizer == REBIAS_OPTIMIZER_PLAIN) {
        const size_t at = block->theta_first;
        plain_steps(block->theta_n, factor, eta, decay, estimate + at, theta + at, change + at);
        return;
    }
    for (size_t i = block->theta_first; i < block->theta_first + block->theta_n; i++) {
        const float g = factor * estimate[i];
        const float wanted =
            o->optimizer == REBIAS_OPTIMIZER_ADAM
                ? adam_step(&optimizer->first[i], &optimizer->second[i], eta, g)
                : momentum_step(&optimizer->first[i], (float)o->momentum, eta * g);
        change[i] = wanted + decay * theta[i];
    }
}

void rebias_mgd_optimizer_step(struct mgd_optimizer *optimizer, const struct mgd_times *times,
                               const float *estimate, const float *theta, double passes,
                               float *change)
{
    const struct rebias_mgd_options *o = optimizer->options;
    const float eta = (float)(o->eta / (1.0 + o->eta_decay * floor(passes)));
    for (size_t b = 0; b < optimizer->blocks->count; b++) {
        const struct mgd_block *block = &optimizer->blocks->block[b];
        const float factor = (float)form_factor(o, times, block);
        step_block(optimizer, block, factor, eta, estimate, theta, change);
    }
}
