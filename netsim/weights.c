/* weights.c - trained networks in memory.
 * 1. life cycle   2. sets   3. views
 */
#include "rebias/weights.h"
#include "rebias/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

enum { LARGEST_LAYER = 65536 };

void rebias_weights_clear(struct rebias_weights *weights)
{
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        free(weights->layer[l].weight);
        free(weights->layer[l].bias);
    }
    *weights = (struct rebias_weights){0};
}

static int check_sizes(size_t layers, const size_t *sizes, struct rebias_error *err)
{
    if (layers < 1 || layers > REBIAS_MAX_LAYERS) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu layers are not possible (1 to %d)", layers,
                           REBIAS_MAX_LAYERS);
    }
    for (size_t l = 0; l <= layers; l++) {
        if (sizes[l] < 1 || sizes[l] > LARGEST_LAYER) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "a layer of %zu neurons is not possible (1 to %d)", sizes[l],
                               LARGEST_LAYER);
        }
    }
    return REBIAS_OK;
}

int rebias_weights_init(struct rebias_weights *weights, size_t layers, const size_t *sizes,
                        bool biased, struct rebias_error *err)
{
    *weights = (struct rebias_weights){0};
    int status = check_sizes(layers, sizes, err);
    if (status != REBIAS_OK) {
        return status;
    }
    weights->layers = layers;
    weights->hidden = REBIAS_TRANSFER_TANH;
    weights->input_sd = 1.0;
    for (size_t l = 0; l < layers && status == REBIAS_OK; l++) {
        struct rebias_weights_layer *layer = &weights->layer[l];
        layer->inputs = sizes[l];
        layer->outputs = sizes[l + 1];
        status = rebias_alloc(&layer->weight, layer->inputs * layer->outputs,
                              sizeof *layer->weight, err);
        if (status == REBIAS_OK && biased) {
            status = rebias_alloc(&layer->bias, layer->outputs, sizeof *layer->bias, err);
        }
    }
    if (status != REBIAS_OK) {
        rebias_weights_clear(weights);
    }
    return status;
}

static int copy_floats(float **to, const float *from, size_t n, struct rebias_error *err)
{
    *to = NULL;
    int status = from != NULL ? rebias_alloc(to, n, sizeof **to, err) : REBIAS_OK;
    if (status == REBIAS_OK && from != NULL) {
        memcpy(*to, from, n * sizeof **to);
    }
    return status;
}

int rebias_weights_copy(struct rebias_weights *to, const struct rebias_weights *from,
                        struct rebias_error *err)
{
    *to = *from;
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        to->layer[l].weight = NULL;
        to->layer[l].bias = NULL;
    }
    int status = REBIAS_OK;
    for (size_t l = 0; l < from->layers && status == REBIAS_OK; l++) {
        const struct rebias_weights_layer *layer = &from->layer[l];
        status = copy_floats(&to->layer[l].weight, layer->weight,
                             layer->inputs * layer->outputs, err);
        if (status == REBIAS_OK) {
            status = copy_floats(&to->layer[l].bias, layer->bias, layer->outputs, err);
        }
    }
    if (status != REBIAS_OK) {
        rebias_weights_clear(to);
    }
    return status;
}

/* -- 2. sets -- */

int rebias_weights_set_new(struct rebias_weights_set **out, size_t count,
                           struct rebias_error *err)
{
    struct rebias_weights_set *set = NULL;
    *out = NULL;
    int status = rebias_alloc(&set, 1, sizeof *set, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_alloc(&set->network, count, sizeof *set->network, err);
    if (status != REBIAS_OK) {
        free(set);
        return status;
    }
    set->count = count;
    *out = set;
    return REBIAS_OK;
}

void rebias_weights_set_free(struct rebias_weights_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        rebias_weights_clear(&set->network[i]);
    }
    free(set->network);
    free(set->provenance);
    free(set);
}

/* -- 3. views -- */

bool rebias_weights_ternary(const struct rebias_weights *weights)
{
    for (size_t l = 0; l < weights->layers; l++) {
        if (!(weights->layer[l].gamma > 0.0) || weights->layer[l].steps > 1) {
            return false;
        }
    }
    return true;
}

int rebias_weights_architecture(const struct rebias_weights *weights,
                                struct rebias_architecture *architecture,
                                struct rebias_error *err)
{
    char text[8 * (REBIAS_MAX_LAYERS + 1)];
    size_t used = (size_t)snprintf(text, sizeof text, "%zu", weights->layer[0].inputs);
    for (size_t l = 0; l < weights->layers; l++) {
        used += (size_t)snprintf(text + used, sizeof text - used, ",%zu",
                                 weights->layer[l].outputs);
    }
    return rebias_architecture_parse(architecture, text, weights->hidden, REBIAS_TRANSFER_NONE,
                                     REBIAS_COST_CROSS_ENTROPY, 0.0, err);
}

void rebias_weights_to_theta(const struct rebias_weights *weights, float *theta)
{
    for (size_t l = 0; l < weights->layers; l++) {
        const struct rebias_weights_layer *layer = &weights->layer[l];
        const size_t n = layer->inputs * layer->outputs;
        memcpy(theta, layer->weight, n * sizeof *theta);
        theta += n;
        if (layer->bias != NULL) {
            memcpy(theta, layer->bias, layer->outputs * sizeof *theta);
        } else {
            memset(theta, 0, layer->outputs * sizeof *theta);
        }
        theta += layer->outputs;
    }
}

void rebias_weights_from_theta(struct rebias_weights *weights, const float *theta)
{
    for (size_t l = 0; l < weights->layers; l++) {
        struct rebias_weights_layer *layer = &weights->layer[l];
        const size_t n = layer->inputs * layer->outputs;
        memcpy(layer->weight, theta, n * sizeof *theta);
        theta += n;
        if (layer->bias != NULL) {
            memcpy(layer->bias, theta, layer->outputs * sizeof *theta);
        }
        theta += layer->outputs;
    }
}
