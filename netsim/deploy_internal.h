/* deploy_internal.h - what the files of deployments share (internal to netsim). */
#ifndef REBIAS_NETSIM_DEPLOY_INTERNAL_H
#define REBIAS_NETSIM_DEPLOY_INTERNAL_H

#include "encode.h"
#include "rebias/deploy.h"

/* One layer of the deployment: where its blocks' numbers and its scales are. */
struct rebias_deployed_layer {
    size_t m, n; /* inputs, outputs */
    size_t copies[2];
    size_t block[2][REBIAS_MAX_COPIES]; /* number of the block of a sign and copy */
    size_t first_neuron;                /* of its outputs among those of all layers */
    uint32_t reads;                     /* so far: addresses the noise of the next one */
};

struct rebias_deployment {
    struct rebias_deploy_options options; /* its `given` is NULL */
    const struct rebias_weights_set *networks;
    const struct rebias_chip *chip; /* NULL: independent devices */
    struct rebias_block *blocks;
    size_t block_count;
    struct rebias_deployed_layer layer[REBIAS_MAX_LAYERS];
    size_t layers;
    size_t *first;         /* [blocks + 1] of a block's devices in the arrays below */
    size_t *first_row;     /* [blocks + 1] of a block's rows */
    float *G;              /* S: as written, [n][m] a block */
    uint8_t *stuck;        /* nonzero = stuck */
    double *share;         /* of a row's current in its output: mask/beta (MAO, CM: 1) */
    double *gain, *offset; /* of a row, 1 and A */
    size_t neurons;        /* outputs of all layers */
    float *bias;           /* [networks][neurons], digital; 0 where a network has none */
    struct rebias_deployed_trace *trace; /* [networks] filled by forward; NULL: nowhere */
    uint32_t tunings; /* updates so far: addresses the pulses of the next one */
    /* scratch of one read and one batch */
    float *read;          /* [devices of the largest block] */
    float *effective;     /* the same */
    float *activation[2]; /* [batch][widest layer], and what goes into the next layer */
    float *current;       /* [batch][widest layer] */
    float *outputs;       /* [batch][outputs] */
    double *offsets;      /* [widest layer] of the outputs, A */
};

/* Fills G and stuck: gathers the chip's faults, encodes, writes, lets the conductances drift,
 * and chooses rows (share). */
int rebias_deployment_write(struct rebias_deployment *deployment, struct rebias_error *err);

/* A fresh read of block b into out[n][m]; number = the layer's read. */
void rebias_deployment_read(const struct rebias_deployment *deployment, size_t b,
                            uint32_t number, float *out);

/* outputs[count][n] of one batch, count <= options.batch: one read of every device. */
void rebias_deployment_forward_batch(struct rebias_deployment *deployment, size_t count,
                                     const float *x, float *outputs);

/* Notes what layer l of network q has just computed with (trace). */
void rebias_deployment_keep(struct rebias_deployment *deployment, size_t l, size_t q,
                            size_t count, const float *in);

/* The network whose weights copy k holds. */
const struct rebias_weights *rebias_deployment_network(
    const struct rebias_deployment *deployment, size_t copy);

/* Address of a block's column for what a device keeps: kernel and column on the chip. */
uint32_t rebias_deployment_column(const struct rebias_block *block, size_t column);

#endif
