/* deploy_internal.h - what the files of deployments share (internal to netsim). */
#ifndef REBIAS_NETSIM_DEPLOY_INTERNAL_H
#define REBIAS_NETSIM_DEPLOY_INTERNAL_H

#include "encode.h"
#include "rebias/deploy.h"
#include "rebias/write_verify.h"
#include "tile.h"

/* One layer of the deployment: where its matrices' numbers and its scales are. */
struct rebias_deployed_layer {
    size_t m, n; /* inputs, outputs */
    struct rebias_tiling tiling;
    size_t first_tile; /* of the layer in tile_copies */
    size_t copies[2];
    size_t matrix[2][REBIAS_MAX_COPIES]; /* number of the matrix of a sign and copy */
    size_t first_neuron;                 /* of its outputs among those of all layers */
    uint32_t reads;                      /* so far: addresses the noise of the next one */
};

/* A matrix is what a layer, copy and sign consists of: all its tiles, [n][m]; where placement
 * by coverage left a tile out, its devices count as stuck at 0 S and its rows have no share. */
struct rebias_deployment {
    struct rebias_deploy_options options; /* its `given` is NULL */
    const struct rebias_weights_set *networks;
    const struct rebias_chip *chip; /* NULL: independent devices */
    struct rebias_block *blocks;
    size_t block_count;
    struct rebias_deployed_layer layer[REBIAS_MAX_LAYERS];
    size_t layers;
    size_t matrix_count;
    size_t *first_block;   /* [matrices + 1] of a matrix's blocks, one a tile */
    size_t *tile_copies;   /* [tiles of all layers][2]: copies of a tile and sign */
    size_t *first;         /* [matrices + 1] of a matrix's devices in the arrays below */
    size_t *first_row;     /* [matrices + 1] of a matrix's rows, [across][n] */
    float *G;              /* S: as written, [n][m] a matrix */
    uint8_t *stuck;        /* nonzero = stuck */
    double *share;         /* of a row's current in its output: mask/beta (MAO, CM: 1) */
    double *gain, *offset; /* of a row, 1 and A */
    size_t neurons;        /* outputs of all layers */
    float *bias;           /* [networks][neurons], digital; 0 where a network has none */
    struct rebias_deployed_trace *trace; /* [networks] filled by forward; NULL: nowhere */
    uint32_t tunings; /* updates so far: addresses the pulses of the next one */
    /* scratch of one read and one batch */
    float *read;          /* [devices of the largest matrix] */
    float *effective;     /* the same */
    float *activation[2]; /* [batch][widest layer], and what goes into the next layer */
    float *current;       /* [batch][widest layer] */
    float *outputs;       /* [batch][outputs] */
    double *offsets;      /* [widest layer] of the outputs, A */
    struct rebias_block_wires *wires;     /* NULL: none */
    struct rebias_verify_result verified; /* of programming by pulses */
};

/* Fills G and stuck: gathers the chip's faults, encodes, writes, lets the conductances drift,
 * and chooses rows (share). */
int rebias_deployment_write(struct rebias_deployment *deployment, struct rebias_error *err);

/* A fresh read of a matrix into out[n][m]; number = the layer's read. */
void rebias_deployment_read(const struct rebias_deployment *deployment, size_t matrix,
                            uint32_t number, float *out);

/* outputs[count][n] of one batch, count <= options.batch: one read of every device. */
int rebias_deployment_forward_batch(struct rebias_deployment *deployment, size_t count,
                                    const float *x, float *outputs, struct rebias_error *err);

/* Notes what layer l of network q has just computed with (trace). */
int rebias_deployment_keep(struct rebias_deployment *deployment, size_t l, size_t q,
                           size_t count, const float *in, struct rebias_error *err);

/* The first row (in share, gain, offset) that a block has in its matrix. */
size_t rebias_deployment_row(const struct rebias_deployment *deployment, size_t matrix,
                             const struct rebias_block *block);

/* For options with wires; largest = devices of the largest matrix. */
int rebias_block_wires_new(struct rebias_block_wires **out,
                           const struct rebias_deployment *deployment, size_t largest,
                           struct rebias_error *err);
void rebias_block_wires_free(struct rebias_block_wires *wires);

/* A read G[n][m] of a matrix becomes what its wires leave of it: I = V G. Solved anew only when
 * the read differs from the matrix's last one. Without wires nothing happens. */
int rebias_deployment_drop(struct rebias_deployment *deployment, size_t matrix, float *G,
                           struct rebias_error *err);

/* options->verify in range, or without a device. */
int rebias_deploy_verify_check(const struct rebias_deploy_options *options,
                               struct rebias_error *err);

/* Programs all working devices from `start` (of all devices, S) to the targets in G, which
 * become what is reached; largest = devices of the largest kernel. */
int rebias_deployment_program(struct rebias_deployment *deployment, const float *start,
                              size_t largest, struct rebias_error *err);

/* The network whose weights copy k holds. */
const struct rebias_weights *rebias_deployment_network(
    const struct rebias_deployment *deployment, size_t copy);

/* Address of a block's column for what a device keeps: kernel and column on the chip. */
uint32_t rebias_deployment_column(const struct rebias_block *block, size_t column);

#endif
