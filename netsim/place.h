/* place.h - where the blocks of a deployment go (internal to netsim). */
#ifndef REBIAS_NETSIM_PLACE_H
#define REBIAS_NETSIM_PLACE_H

#include "rebias/deploy.h"
#include "tile.h"

/* *blocks (to be given to free()) = places of all blocks by layer, copy, sign; networks, chip
 * and options as rebias_deploy has checked them. Without a chip every block is kernel number
 * of its own. */
int rebias_place(struct rebias_block **blocks, size_t *count,
                 const struct rebias_weights_set *networks, const struct rebias_chip *chip,
                 const struct rebias_deploy_options *options, struct rebias_error *err);

/* What the files of placement share: blocks placed so far, and for the tile in hand the scores
 * of all positions of a block of m columns x n rows. */
struct rebias_placer {
    const struct rebias_chip *chip;
    const struct rebias_deploy_options *options;
    const struct rebias_weights_set *networks;
    struct rebias_block *blocks;
    size_t count, wanted;
    struct rebias_tiling tiling[REBIAS_MAX_LAYERS];
    size_t layer, tile, m, n;
    size_t across, down; /* positions in a kernel: columns x rows */
    size_t positions; /* in all kernels; (kernel, column, row) is (kernel * across + column) *
                         down + row */
    float *ideal[2];  /* a sign's targets, [n][m] */
    double *score[2]; /* of a sign's positions, [positions]; INFINITY = taken */
};

/* The block at a position, and a position's index. */
struct rebias_block rebias_placer_block(const struct rebias_placer *placer, size_t position,
                                        size_t copy, int sign);

/* Positions nearer to a block placed than `margin` rows and columns become INFINITY. */
void rebias_placer_mark(const struct rebias_placer *placer, const struct rebias_block *block,
                        size_t margin, double *score);
void rebias_placer_mark_all(const struct rebias_placer *placer, size_t margin, double *score);

/* Appends a block. */
void rebias_placer_take(struct rebias_placer *placer, const struct rebias_block *block);

/* REBIAS_E_DATA: no room for the next block. */
int rebias_placer_too_small(const struct rebias_placer *placer, struct rebias_error *err);

/* COVERAGE: the blocks of one sign of the tile in hand. */
int rebias_place_coverage(struct rebias_placer *placer, int sign, struct rebias_error *err);

/* GIVEN: refused unless every block is there once, inside a kernel, and none overlaps, and for
 * layers that no kernel holds. */
int rebias_place_given(struct rebias_placer *placer, struct rebias_error *err);

/* Columns and rows of a block. */
void rebias_placer_shape(const struct rebias_placer *placer, const struct rebias_block *block,
                         size_t *m, size_t *n);
bool rebias_placer_overlap(const struct rebias_placer *placer, const struct rebias_block *a,
                           const struct rebias_block *b);

#endif
