/* deploy_write.c - writing networks onto devices.
 * 1. what the devices are   2. targets   3. write errors and drift   4. choice of rows   5. all
 *
 * Streams of purpose REBIAS_FOR_WRITE: step 0 fresh errors (entity = matrix), step 1 a device's
 * own error and step 2 its drift exponent (entity = kernel and column, word = row).
 */
#include "deploy_internal.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_FRESH = 0, STEP_OWN = 1, STEP_DRIFT = 2 };

/* -- 1. what the devices are -- */

/* Stuck devices of a block and their values, from the chip. */
static void gather_block(struct rebias_deployment *d, size_t matrix, size_t b)
{
    const struct rebias_block *block = &d->blocks[b];
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const struct rebias_kernel *kernel = &d->chip->kernel[block->kernel];
    const size_t m = d->layer[block->layer].m;
    const size_t first = d->first[matrix] + tile.output * m + tile.input;
    for (size_t j = 0; j < tile.outputs; j++) {
        for (size_t i = 0; i < tile.inputs; i++) {
            const size_t device = (block->column + i) * d->chip->rows + block->row + j;
            d->stuck[first + j * m + i] = kernel->fault[device] != REBIAS_WORKING;
            d->G[first + j * m + i] = kernel->G[device];
        }
    }
}

/* Devices of tiles that have no block stay stuck at 0 S. */
static void gather_matrix(struct rebias_deployment *d, size_t matrix)
{
    memset(d->stuck + d->first[matrix], 1, d->first[matrix + 1] - d->first[matrix]);
    for (size_t b = d->first_block[matrix]; b < d->first_block[matrix + 1]; b++) {
        gather_block(d, matrix, b);
    }
}

/* The same without a chip: a device is stuck when its word, as a fraction of 2^32, is below the
 * probability, and low in the lower half of that. */
static void draw_matrix(struct rebias_deployment *d, size_t matrix, uint32_t *word)
{
    const struct rebias_stuck *s = &d->options.stuck;
    const size_t n = d->first[matrix + 1] - d->first[matrix];
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_STUCK,
                                         d->options.replicate, (uint32_t)matrix, 0};
    uint8_t *stuck = d->stuck + d->first[matrix];
    float *G = d->G + d->first[matrix];
    const uint64_t limit = (uint64_t)ldexp(s->probability, 32);
    rebias_random_words(&stream, 0, n, word);
    for (size_t i = 0; i < n; i++) {
        stuck[i] = word[i] < limit;
        G[i] = (float)(word[i] < limit / 2 ? s->low : s->high);
    }
}

/* -- 2. targets -- */

/* Encodes copies first .. first + copies - 1 of both signs of a layer; w is scratch [m n]. */
static void encode_copies(struct rebias_deployment *d, size_t l, size_t first,
                          const size_t copies[2], float *w)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    const struct rebias_weights_layer *trained = &rebias_deployment_network(d, first)->layer[l];
    struct rebias_pairs pairs = {.G_off = d->options.G_off,
                                 .G_on = d->options.G_on,
                                 .levels = d->options.levels,
                                 .n = layer->m * layer->n,
                                 .w = w};
    for (size_t i = 0; i < pairs.n; i++) {
        w[i] = (float)((double)trained->weight[i] / trained->gamma);
    }
    for (int s = 0; s < 2; s++) {
        pairs.copies[s] = copies[s];
        for (size_t k = 0; k < copies[s]; k++) {
            const size_t at = d->first[layer->matrix[s][first + k]];
            pairs.stuck[s][k] = d->stuck + at;
            pairs.G[s][k] = d->G + at;
        }
    }
    if (d->options.method == REBIAS_DEPLOY_MAO) {
        rebias_encode_mao(&pairs);
    } else if (d->options.encoding == REBIAS_ENCODE_RME) {
        rebias_encode_rme(&pairs);
    } else if (d->options.encoding == REBIAS_ENCODE_RME_APART) {
        rebias_encode_rme_apart(&pairs);
    } else {
        rebias_encode_simple(&pairs);
    }
}

static void encode_layer(struct rebias_deployment *d, size_t l, float *w)
{
    const size_t one[2] = {1, 1};
    if (d->options.method != REBIAS_DEPLOY_CM) {
        encode_copies(d, l, 0, d->layer[l].copies, w);
        return;
    }
    for (size_t k = 0; k < d->options.alpha; k++) {
        encode_copies(d, l, k, one, w);
    }
}

/* MAO and RME look at stuck devices through one noisy read; what they are stays in true_G. */
static void encode_reads(struct rebias_deployment *d, size_t l)
{
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < d->layer[l].copies[s]; k++) {
            const size_t at = d->layer[l].matrix[s][k];
            rebias_deployment_read(d, at, d->layer[l].reads, d->read);
            memcpy(d->G + d->first[at], d->read,
                   (d->first[at + 1] - d->first[at]) * sizeof *d->G);
        }
    }
    d->layer[l].reads++;
}

/* -- 3. write errors and drift -- */

/* The matrix's devices += what the block's keep as their own, drawn column by column of the
 * kernel (column[rows] is scratch): the same wherever a block lies. */
static void add_own(struct rebias_deployment *d, size_t matrix, size_t b, float *column)
{
    const struct rebias_deploy_options *o = &d->options;
    const struct rebias_block *block = &d->blocks[b];
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t m = d->layer[block->layer].m;
    const uint32_t replicate = d->chip != NULL ? 0 : o->replicate;
    for (size_t i = 0; i < tile.inputs; i++) {
        float *G = d->G + d->first[matrix] + tile.output * m + tile.input + i;
        memset(column, 0, (block->row + tile.outputs) * sizeof *column);
        rebias_spread_add(&o->write_fixed, o->seed, REBIAS_FOR_WRITE, replicate,
                          rebias_deployment_column(block, i), STEP_OWN,
                          block->row + tile.outputs, column);
        for (size_t j = 0; j < tile.outputs; j++) {
            G[j * m] += column[block->row + j];
        }
    }
}

/* Drift of the working devices, column by column of the kernel. */
static void drift_block(struct rebias_deployment *d, size_t matrix, size_t b, float *column)
{
    const struct rebias_deploy_options *o = &d->options;
    const struct rebias_drift drift = {o->drift_nu, o->drift_nu_sd, o->drift_time};
    const struct rebias_block *block = &d->blocks[b];
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t m = d->layer[block->layer].m;
    for (size_t i = 0; i < tile.inputs; i++) {
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_WRITE,
                                             d->chip != NULL ? 0 : o->replicate,
                                             rebias_deployment_column(block, i), STEP_DRIFT};
        const size_t at = d->first[matrix] + tile.output * m + tile.input + i;
        for (size_t j = 0; j < tile.outputs; j++) {
            column[j] = d->G[at + j * m];
        }
        rebias_drift_apply(&drift, &stream, block->row, tile.outputs, column);
        for (size_t j = 0; j < tile.outputs; j++) {
            d->G[at + j * m] = d->stuck[at + j * m] ? d->G[at + j * m] : column[j];
        }
    }
}

/* Targets in G become what is reached; stuck devices get their value back. */
static void write_matrix(struct rebias_deployment *d, size_t matrix, const float *stuck_G,
                         float *column)
{
    const struct rebias_deploy_options *o = &d->options;
    const size_t n = d->first[matrix + 1] - d->first[matrix];
    float *G = d->G + d->first[matrix];
    const uint8_t *stuck = d->stuck + d->first[matrix];
    const size_t from = d->first_block[matrix];
    const size_t to = d->first_block[matrix + 1];
    rebias_spread_add(&o->write_error, o->seed, REBIAS_FOR_WRITE, o->replicate,
                      (uint32_t)matrix, STEP_FRESH, n, G);
    for (size_t b = from; b < to && o->write_fixed.kind != REBIAS_SPREAD_NONE; b++) {
        add_own(d, matrix, b, column);
    }
    for (size_t i = 0; i < n; i++) {
        G[i] = stuck[i] ? stuck_G[i] : G[i];
    }
    for (size_t b = from; b < to && o->drift_time > 1.0; b++) {
        drift_block(d, matrix, b, column);
    }
}

/* -- 4. choice of rows -- */

/* SCV of row j of a block: stuck devices as they are, the others (unless stuck_only) as the
 * read of the matrix says. */
static double row_variation(const struct rebias_deployment *d, size_t matrix, size_t b,
                            size_t j, const float *read)
{
    const struct rebias_block *block = &d->blocks[b];
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t first =
        (tile.output + j) * d->layer[block->layer].m + tile.input; /* in the matrix */
    const struct rebias_weights_layer *trained =
        &rebias_deployment_network(d, block->copy)->layer[block->layer];
    double sum = 0.0;
    for (size_t at = first; at < first + tile.inputs; at++) {
        const bool is_stuck = d->stuck[d->first[matrix] + at] != 0;
        if (is_stuck || !d->options.stuck_only) {
            const float target =
                rebias_encode_target(d->options.G_off, d->options.G_on, (int)block->sign,
                                     (float)((double)trained->weight[at] / trained->gamma));
            const float G = is_stuck ? d->G[d->first[matrix] + at] : read[at];
            sum += fabs((double)target - (double)G);
        }
    }
    return sum;
}

/* The variations of all rows of a matrix into share[]. */
static void vary_rows(struct rebias_deployment *d, size_t matrix)
{
    for (size_t b = d->first_block[matrix]; b < d->first_block[matrix + 1]; b++) {
        double *share = d->share + rebias_deployment_row(d, matrix, &d->blocks[b]);
        for (size_t j = 0; j < rebias_deployment_tile(d, b).outputs; j++) {
            share[j] = row_variation(d, matrix, b, j, d->read);
        }
    }
}

/* Of a row at `offset` in each matrix the beta copies of least variation, earlier copies on
 * ties, share 1/beta; the variations are in share[] on entry. */
static void choose_copies(struct rebias_deployment *d, const size_t *matrix, size_t copies,
                          size_t offset)
{
    const size_t beta = d->options.beta < copies ? d->options.beta : copies;
    double variation[REBIAS_MAX_COPIES];
    for (size_t k = 0; k < copies; k++) {
        variation[k] = d->share[d->first_row[matrix[k]] + offset];
    }
    for (size_t k = 0; k < copies; k++) {
        size_t better = 0;
        for (size_t q = 0; q < copies; q++) {
            /* equal ones: the first */
            better += q < k ? variation[q] <= variation[k] : variation[q] < variation[k];
        }
        d->share[d->first_row[matrix[k]] + offset] = better < beta ? 1.0 / (double)beta : 0.0;
    }
}

/* Every tile chooses for itself. */
static void choose_rows(struct rebias_deployment *d, size_t l)
{
    const bool reads = !d->options.stuck_only;
    const struct rebias_deployed_layer *layer = &d->layer[l];
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < layer->copies[s]; k++) {
            if (reads) {
                rebias_deployment_read(d, layer->matrix[s][k], layer->reads, d->read);
            }
            vary_rows(d, layer->matrix[s][k]);
        }
        for (size_t t = 0; t < rebias_tiling_count(&layer->tiling); t++) {
            const struct rebias_tile tile = rebias_tiling_tile(&layer->tiling, t);
            const size_t offset = t % layer->tiling.across * layer->n + tile.output;
            for (size_t j = 0; j < tile.outputs; j++) {
                choose_copies(d, layer->matrix[s],
                              d->tile_copies[2 * (layer->first_tile + t) + (size_t)s],
                              offset + j);
            }
        }
    }
    d->layer[l].reads += reads;
}

static void share_evenly(struct rebias_deployment *d, double share)
{
    for (size_t r = 0; r < d->first_row[d->matrix_count]; r++) {
        d->share[r] = share;
    }
}

static void share_rows(struct rebias_deployment *d)
{
    const struct rebias_deploy_options *o = &d->options;
    if (o->method != REBIAS_DEPLOY_LEA) {
        share_evenly(d, 1.0);
    } else if (o->beta == o->alpha && o->placement != REBIAS_PLACE_COVERAGE) {
        share_evenly(d, 1.0 / (double)o->alpha);
    } else {
        for (size_t l = 0; l < d->layers; l++) {
            choose_rows(d, l);
        }
    }
}

/* -- 5. all -- */

static size_t most_rows(const struct rebias_deployment *d)
{
    size_t rows = d->chip != NULL ? d->chip->rows : 0;
    for (size_t l = 0; l < d->layers; l++) {
        rows = d->layer[l].n > rows ? d->layer[l].n : rows;
    }
    return rows;
}

static size_t largest_kernel(const struct rebias_deployment *d)
{
    size_t devices = d->chip != NULL ? d->chip->columns * d->chip->rows : 0;
    for (size_t l = 0; l < d->layers && d->chip == NULL; l++) {
        const size_t own = d->layer[l].m * d->layer[l].n;
        devices = own > devices ? own : devices;
    }
    return devices;
}

int rebias_deployment_write(struct rebias_deployment *deployment, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    const size_t devices = d->first[d->matrix_count];
    const bool looks =
        d->options.method == REBIAS_DEPLOY_MAO || d->options.encoding != REBIAS_ENCODE_SIMPLE;
    float *stuck_G = NULL; /* what the devices are, as gathered */
    float *column = NULL;
    uint32_t *word = NULL;
    int status = rebias_alloc(&stuck_G, devices, sizeof *stuck_G, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&column, most_rows(d), sizeof *column, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&word, devices, sizeof *word, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    for (size_t k = 0; k < d->matrix_count; k++) {
        if (d->chip != NULL) {
            gather_matrix(d, k);
        } else {
            draw_matrix(d, k, word);
        }
    }
    memcpy(stuck_G, d->G, devices * sizeof *stuck_G);
    for (size_t l = 0; l < d->layers; l++) {
        if (looks) {
            encode_reads(d, l);
        }
        encode_layer(d, l, d->effective);
    }
    if (d->options.verify.device != NULL) {
        status = rebias_deployment_program(d, stuck_G, largest_kernel(d), err);
    }
    for (size_t k = 0; k < d->matrix_count && status == REBIAS_OK; k++) {
        write_matrix(d, k, stuck_G + d->first[k], column);
    }
    share_rows(d);
done:
    free(word);
    free(column);
    free(stuck_G);
    return status;
}
