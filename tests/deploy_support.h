/* deploy_support.h - what the tests of deployments share.
 * 1. networks   2. chips   3. published files
 */
#ifndef REBIAS_TESTS_DEPLOY_SUPPORT_H
#define REBIAS_TESTS_DEPLOY_SUPPORT_H

#include "support.h"

#include "rebias/deploy.h"
#include "rebias/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. networks -- */

/* count networks of random ternary weights, gamma 1: zeros with probability f0, else -1 or 1;
 * no biases. Word i of a stream of purpose TEST, entity = network, step = layer. */
static inline struct rebias_weights_set *deploy_ternary(size_t count, size_t layers,
                                                        const size_t *sizes, double f0)
{
    struct rebias_weights_set *set = NULL;
    assert_int_equal(rebias_weights_set_new(&set, count, NULL), REBIAS_OK);
    for (size_t k = 0; k < count; k++) {
        struct rebias_weights *network = &set->network[k];
        assert_int_equal(rebias_weights_init(network, layers, sizes, false, NULL), REBIAS_OK);
        for (size_t l = 0; l < layers; l++) {
            struct rebias_weights_layer *layer = &network->layer[l];
            const struct rebias_stream stream = {20250205, REBIAS_FOR_TEST, 0, (uint32_t)k,
                                                 (uint32_t)l};
            layer->gamma = 1.0;
            layer->steps = 1;
            for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
                double u = 0.0;
                rebias_random_uniform(&stream, i, 1, &u);
                layer->weight[i] = u < f0 ? 0.0f : u < f0 + 0.5 * (1.0 - f0) ? 1.0f : -1.0f;
            }
        }
    }
    return set;
}

/* Gammas 0.5 (first layer) and 0.8, with biases 0.1 (output + network) - 0.2 where wanted. */
static inline void deploy_scale(struct rebias_weights_set *set, size_t count, bool biases)
{
    for (size_t k = 0; k < count; k++) {
        for (size_t l = 0; l < 2; l++) {
            struct rebias_weights_layer *layer = &set->network[k].layer[l];
            layer->gamma = l == 0 ? 0.5 : 0.8;
            for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
                layer->weight[i] *= (float)layer->gamma;
            }
            if (biases) {
                assert_int_equal(
                    rebias_alloc(&layer->bias, layer->outputs, sizeof *layer->bias, NULL), 0);
            }
            for (size_t j = 0; biases && j < layer->outputs; j++) {
                layer->bias[j] = 0.1f * (float)(j + k) - 0.2f;
            }
        }
    }
}

static inline struct rebias_deployment *deploy_written(
    const struct rebias_weights_set *networks, const struct rebias_chip *chip,
    const struct rebias_deploy_options *o)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, networks, chip, o, &err), REBIAS_OK, &err, NULL);
    return d;
}

static inline void deploy_outputs(struct rebias_deployment *d, size_t n, const float *x,
                                  float *outputs)
{
    struct rebias_error err = {0};
    support_expect(rebias_deployment_forward(d, n, x, outputs, &err), REBIAS_OK, &err, NULL);
}

/* -- 2. chips -- */

/* Clean kernels whose devices read G. */
static inline struct rebias_chip *deploy_clean_chip(size_t count, size_t columns, size_t rows,
                                                    float G)
{
    struct rebias_chip *chip = NULL;
    assert_int_equal(rebias_chip_new(&chip, count, columns, rows, NULL), REBIAS_OK);
    for (size_t k = 0; k < count; k++) {
        chip->kernel[k].number = (int32_t)k;
        for (size_t d = 0; d < columns * rows; d++) {
            chip->kernel[k].G[d] = G;
        }
    }
    return chip;
}

static inline void deploy_stick(struct rebias_chip *chip, size_t kernel, size_t column,
                                size_t row, enum rebias_fault fault, float G)
{
    chip->kernel[kernel].fault[column * chip->rows + row] = (uint8_t)fault;
    chip->kernel[kernel].G[column * chip->rows + row] = G;
}

/* Stuck devices under a block. */
static inline size_t deploy_stuck_under(const struct rebias_chip *chip,
                                        const struct rebias_weights *network,
                                        const struct rebias_block *block)
{
    const struct rebias_weights_layer *layer = &network->layer[block->layer];
    size_t stuck = 0;
    for (size_t c = 0; c < layer->inputs; c++) {
        for (size_t r = 0; r < layer->outputs; r++) {
            stuck +=
                chip->kernel[block->kernel]
                    .fault[(block->column + c) * chip->rows + block->row + r] != REBIAS_WORKING;
        }
    }
    return stuck;
}

/* True when the blocks are inside the chip and no two share a device: devices are counted. */
static inline bool deploy_apart(const struct rebias_chip *chip,
                                const struct rebias_weights *network,
                                const struct rebias_block *blocks, size_t count)
{
    const size_t devices = chip->columns * chip->rows;
    uint8_t *used = calloc(chip->count * devices, 1);
    bool apart = used != NULL;
    for (size_t b = 0; b < count; b++) {
        const struct rebias_weights_layer *layer = &network->layer[blocks[b].layer];
        apart = apart && blocks[b].kernel < chip->count &&
                blocks[b].column + layer->inputs <= chip->columns &&
                blocks[b].row + layer->outputs <= chip->rows;
        for (size_t c = 0; apart && c < layer->inputs; c++) {
            for (size_t r = 0; r < layer->outputs; r++) {
                const size_t at = blocks[b].kernel * devices +
                                  (blocks[b].column + c) * chip->rows + blocks[b].row + r;
                apart = apart && used[at] == 0;
                used[at] = 1;
            }
        }
    }
    free(used);
    return apart;
}

/* -- 3. published files -- */

/* The network of the Daffodil chip (4-12-6-3, gamma 1, no biases), or NULL without the shared
 * data. The files have rows = inputs. */
static inline struct rebias_weights_set *deploy_published_network(void)
{
    static const size_t sizes[] = {4, 12, 6, 3};
    struct rebias_weights_set *set = NULL;
    char path[1024];
    if (!support_shared(path, "daffodil/derived/yinyang_ternary_layer1.txt")) {
        return NULL;
    }
    assert_int_equal(rebias_weights_set_new(&set, 1, NULL), REBIAS_OK);
    assert_int_equal(rebias_weights_init(&set->network[0], 3, sizes, false, NULL), REBIAS_OK);
    for (size_t l = 0; l < 3; l++) {
        struct rebias_weights_layer *layer = &set->network[0].layer[l];
        char name[64];
        snprintf(name, sizeof name, "daffodil/derived/yinyang_ternary_layer%zu.txt", l + 1);
        assert_true(support_shared(path, name));
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        layer->gamma = 1.0;
        layer->steps = 1;
        for (size_t i = 0; i < layer->inputs; i++) {
            for (size_t j = 0; j < layer->outputs; j++) {
                assert_int_equal(fscanf(in, "%f", &layer->weight[j * layer->inputs + i]), 1);
            }
        }
        fclose(in);
    }
    return set;
}

/* A chip of the kernels listed, all from one folder of maps_a4b4 but kernel 8 of
 * greedy_simple, which is from random_rme; NULL without the shared data. */
static inline struct rebias_chip *deploy_published_chip(const char *folder, size_t count,
                                                        const int *kernels)
{
    char paths[32][1024];
    const char *list[32];
    struct rebias_chip *chip = NULL;
    struct rebias_error err = {0};
    for (size_t k = 0; k < count; k++) {
        char name[128];
        const bool other = strcmp(folder, "greedy_simple") == 0 && kernels[k] == 8;
        snprintf(name, sizeof name, "daffodil/maps_a4b4/%s/k%02d.txt",
                 other ? "random_rme" : folder, kernels[k]);
        if (!support_shared(paths[k], name)) {
            return NULL;
        }
        list[k] = paths[k];
    }
    support_expect(rebias_chip_import(&chip, count, list, 1.0, 300e-6, 60e-6, &err), REBIAS_OK,
                   &err, NULL);
    return chip;
}

/* The 14 published kernels. */
static const int deploy_kernels[14] = {0, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 27};

#endif
