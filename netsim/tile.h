/* tile.h - how a layer that no kernel holds is cut (internal to netsim). */
#ifndef REBIAS_NETSIM_TILE_H
#define REBIAS_NETSIM_TILE_H

#include "rebias/deploy.h"

/* A layer in across x down tiles: tile t is the (t % across)-th part
 * of the inputs and the (t / across)-th of the outputs. */
struct rebias_tiling {
    size_t inputs, outputs; /* of the layer */
    size_t across, down;    /* parts of the inputs, of the outputs */
};

/* As few parts as kernels of the chip need, ceil(inputs/columns) x ceil(outputs/rows); one
 * without a chip. */
struct rebias_tiling rebias_tiling_for(size_t inputs, size_t outputs,
                                       const struct rebias_chip *chip);

size_t rebias_tiling_count(const struct rebias_tiling *tiling);

/* Tile number t. Parts are as even as possible: part k of K begins at floor(k inputs/K). */
struct rebias_tile rebias_tiling_tile(const struct rebias_tiling *tiling, size_t t);

#endif
