/* deploy_wires.c - IR drop of deployed blocks: what a block's conductances are as seen from its
 * ends.
 * 1. life cycle   2. one block   3. one matrix
 *
 * Currents are linear in the voltages, so G_effective of wires.h, one sparse factor and one
 * solution an output, stands for the block in every product with inputs.
 */
#include "deploy_internal.h"
#include "rebias/wires.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rebias_block_wires {
    struct rebias_wires *solver; /* of the last block's shape */
    size_t inputs, outputs;      /* its shape */
    float *of;                   /* [devices]: conductances that a matrix had when solved, */
    float *effective;            /* and what they amount to; both 0 at first, which is right */
    double *G, *solved;          /* [devices of the largest matrix] [input][output] of a tile */
};

/* -- 1. life cycle -- */

int rebias_block_wires_new(struct rebias_block_wires **out,
                           const struct rebias_deployment *deployment, size_t largest,
                           struct rebias_error *err)
{
    struct rebias_block_wires *w = NULL;
    const size_t devices = deployment->first[deployment->matrix_count];
    *out = NULL;
    int status = rebias_alloc(&w, 1, sizeof *w, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct {
        void *out;
        size_t count, size;
    } arrays[] = {{&w->of, devices, sizeof *w->of},
                  {&w->effective, devices, sizeof *w->effective},
                  {&w->G, largest, sizeof *w->G},
                  {&w->solved, largest, sizeof *w->solved}};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].out, arrays[i].count, arrays[i].size, err);
    }
    if (status != REBIAS_OK) {
        rebias_block_wires_free(w);
        return status;
    }
    *out = w;
    return REBIAS_OK;
}

void rebias_block_wires_free(struct rebias_block_wires *wires)
{
    if (wires == NULL) {
        return;
    }
    rebias_wires_free(wires->solver);
    free(wires->of);
    free(wires->effective);
    free(wires->G);
    free(wires->solved);
    free(wires);
}

/* -- 2. one block -- */

/* The factor of w->G; blocks of one shape share the analysis. A kernel's columns carry the
 * inputs, which are the rows of wires.h. */
static int factor_block(struct rebias_block_wires *w, const struct rebias_deploy_options *o,
                        const struct rebias_tile *tile, struct rebias_error *err)
{
    struct rebias_wires_options options = rebias_wires_options_defaults();
    options.row_resistance = o->column_wire;
    options.column_resistance = o->row_wire;
    if (w->solver != NULL && w->inputs == tile->inputs && w->outputs == tile->outputs) {
        return rebias_wires_update(w->solver, w->G, err);
    }
    rebias_wires_free(w->solver);
    w->inputs = tile->inputs;
    w->outputs = tile->outputs;
    return rebias_wires_new(&w->solver, tile->inputs, tile->outputs, w->G, &options, err);
}

/* effective = of G for one tile; rows of both are `stride` apart. */
static int solve_block(struct rebias_block_wires *w, const struct rebias_deploy_options *o,
                       const struct rebias_tile *tile, size_t stride, const float *G,
                       float *effective, struct rebias_error *err)
{
    for (size_t j = 0; j < tile->outputs; j++) {
        for (size_t i = 0; i < tile->inputs; i++) {
            w->G[i * tile->outputs + j] = fmax((double)G[j * stride + i], 0.0);
        }
    }
    int status = factor_block(w, o, tile, err);
    if (status == REBIAS_OK) {
        status = rebias_wires_effective(w->solver, w->solved, err);
    }
    for (size_t j = 0; j < tile->outputs && status == REBIAS_OK; j++) {
        for (size_t i = 0; i < tile->inputs; i++) {
            effective[j * stride + i] = (float)w->solved[i * tile->outputs + j];
        }
    }
    return status;
}

/* -- 3. one matrix -- */

int rebias_deployment_drop(struct rebias_deployment *deployment, size_t matrix, float *G,
                           struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    struct rebias_block_wires *w = d->wires;
    int status = REBIAS_OK;
    if (w == NULL) {
        return REBIAS_OK;
    }
    const size_t first = d->first[matrix];
    const size_t size = (d->first[matrix + 1] - first) * sizeof *G;
    const bool known = memcmp(w->of + first, G, size) == 0;
    for (size_t b = d->first_block[matrix];
         b < d->first_block[matrix + 1] && !known && status == REBIAS_OK; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        const size_t stride = d->layer[d->blocks[b].layer].m;
        const size_t at = tile.output * stride + tile.input;
        status =
            solve_block(w, &d->options, &tile, stride, G + at, w->effective + first + at, err);
    }
    if (status == REBIAS_OK) {
        memcpy(w->of + first, G, size);
        memcpy(G, w->effective + first, size);
    }
    return status;
}
