/* place.c - where the blocks of a deployment go.
 * 1. shapes and overlap   2. scores of positions   3. greedy   4. random   5. blind   6. too
 * small   7. all tiles
 *
 * Yousuf et al., Nat. Commun. 16, 1250 (2025), Fig. 5.
 */
#include "place.h"
#include "encode.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. shapes and overlap -- */

void rebias_placer_shape(const struct rebias_placer *placer, const struct rebias_block *block,
                         size_t *m, size_t *n)
{
    const struct rebias_tile tile =
        rebias_tiling_tile(&placer->tiling[block->layer], block->tile);
    *m = tile.inputs;
    *n = tile.outputs;
}

bool rebias_placer_overlap(const struct rebias_placer *placer, const struct rebias_block *a,
                           const struct rebias_block *b)
{
    size_t am = 0;
    size_t an = 0;
    size_t bm = 0;
    size_t bn = 0;
    if (a->kernel != b->kernel) { /* first: a chip of many tiles asks very often */
        return false;
    }
    rebias_placer_shape(placer, a, &am, &an);
    rebias_placer_shape(placer, b, &bm, &bn);
    return a->column < b->column + bm && b->column < a->column + am && a->row < b->row + bn &&
           b->row < a->row + an;
}

struct rebias_block rebias_placer_block(const struct rebias_placer *placer, size_t position,
                                        size_t copy, int sign)
{
    const size_t column = position / placer->down;
    return (struct rebias_block){.layer = (uint32_t)placer->layer,
                                 .copy = (uint32_t)copy,
                                 .sign = (uint32_t)sign,
                                 .kernel = (uint32_t)(column / placer->across),
                                 .column = (uint32_t)(column % placer->across),
                                 .row = (uint32_t)(position % placer->down),
                                 .tile = (uint32_t)placer->tile};
}

void rebias_placer_take(struct rebias_placer *placer, const struct rebias_block *block)
{
    placer->blocks[placer->count] = *block;
    placer->count++;
}

/* -- 2. scores of positions -- */

void rebias_placer_mark(const struct rebias_placer *placer, const struct rebias_block *block,
                        size_t margin, double *score)
{
    size_t m = 0;
    size_t n = 0;
    rebias_placer_shape(placer, block, &m, &n);
    const size_t before = placer->m - 1 + margin;
    const size_t above = placer->n - 1 + margin;
    const size_t first = block->column > before ? block->column - before : 0;
    const size_t top = block->row > above ? block->row - above : 0;
    for (size_t x = first; x < block->column + m + margin && x < placer->across; x++) {
        for (size_t y = top; y < block->row + n + margin && y < placer->down; y++) {
            score[(block->kernel * placer->across + x) * placer->down + y] = INFINITY;
        }
    }
}

void rebias_placer_mark_all(const struct rebias_placer *placer, size_t margin, double *score)
{
    for (size_t b = 0; b < placer->count; b++) {
        rebias_placer_mark(placer, &placer->blocks[b], margin, score);
    }
}

/* Targets of a copy by the simple encoding. */
static void set_ideal(struct rebias_placer *placer, size_t copy, int sign)
{
    const struct rebias_deploy_options *o = placer->options;
    const size_t network = o->method == REBIAS_DEPLOY_CM ? copy : 0;
    const struct rebias_weights_layer *layer =
        &placer->networks->network[network].layer[placer->layer];
    const struct rebias_tile tile =
        rebias_tiling_tile(&placer->tiling[placer->layer], placer->tile);
    for (size_t i = 0; i < placer->m * placer->n; i++) {
        const size_t at =
            (tile.output + i / placer->m) * layer->inputs + tile.input + i % placer->m;
        placer->ideal[sign][i] = rebias_encode_target(
            o->G_off, o->G_on, sign, (float)((double)layer->weight[at] / layer->gamma));
    }
}

static bool counts(const struct rebias_placer *placer, const struct rebias_kernel *kernel,
                   size_t device)
{
    return !placer->options->stuck_only || kernel->fault[device] != REBIAS_WORKING;
}

/* Adds |ideal - G| of the device in column c, row r to every position that covers it. */
static void score_device(const struct rebias_placer *placer, size_t c, size_t r, double G,
                         const float *ideal, double *score)
{
    const size_t left = c + 1 > placer->m ? c + 1 - placer->m : 0;
    const size_t top = r + 1 > placer->n ? r + 1 - placer->n : 0;
    for (size_t x = left; x <= c && x < placer->across; x++) {
        for (size_t y = top; y <= r && y < placer->down; y++) {
            score[x * placer->down + y] +=
                fabs((double)ideal[(r - y) * placer->m + (c - x)] - G);
        }
    }
}

/* Scores of all positions of one sign, by going through the devices that count. */
static void score_positions(struct rebias_placer *placer, size_t copy, int sign)
{
    const struct rebias_chip *chip = placer->chip;
    double *score = placer->score[sign];
    set_ideal(placer, copy, sign);
    memset(score, 0, placer->positions * sizeof *score);
    for (size_t k = 0; k < chip->count; k++) {
        const struct rebias_kernel *kernel = &chip->kernel[k];
        for (size_t d = 0; d < chip->columns * chip->rows; d++) {
            if (counts(placer, kernel, d)) {
                score_device(placer, d / chip->rows, d % chip->rows, (double)kernel->G[d],
                             placer->ideal[sign], score + k * placer->across * placer->down);
            }
        }
    }
    rebias_placer_mark_all(placer, 0, score);
}

/* Score of one block, or something above `enough` as soon as it is that. */
static double score_block(const struct rebias_placer *placer, const struct rebias_block *block,
                          double enough)
{
    const struct rebias_chip *chip = placer->chip;
    const struct rebias_kernel *kernel = &chip->kernel[block->kernel];
    const float *ideal = placer->ideal[block->sign];
    double score = 0.0;
    for (size_t c = 0; c < placer->m && score <= enough; c++) {
        const size_t first = (block->column + c) * chip->rows + block->row;
        for (size_t r = 0; r < placer->n; r++) {
            if (counts(placer, kernel, first + r)) {
                score += fabs((double)ideal[r * placer->m + c] - (double)kernel->G[first + r]);
            }
        }
    }
    return score;
}

/* -- 3. greedy -- */

/* Beyond this many additions for a tile (minutes) a search of all positions is refused. */
static const double most_additions = 2e11;

static int check_effort(const struct rebias_placer *placer, double devices,
                        struct rebias_error *err)
{
    const double additions = devices * (double)placer->m * (double)placer->n;
    return additions <= most_additions
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_UNSUPPORTED,
                             "a search of all positions would take %.2g additions for layer "
                             "%zu: take random placement",
                             additions, placer->layer);
}

/* Devices that add to the scores of positions. */
static double counted_devices(const struct rebias_placer *placer)
{
    double devices = 0.0;
    for (size_t k = 0; k < placer->chip->count; k++) {
        for (size_t d = 0; d < placer->chip->columns * placer->chip->rows; d++) {
            devices += counts(placer, &placer->chip->kernel[k], d) ? 1.0 : 0.0;
        }
    }
    return devices;
}

static int place_best(struct rebias_placer *placer, size_t copy, int sign,
                      struct rebias_error *err)
{
    const double *score = placer->score[sign];
    size_t best = 0;
    for (size_t p = 1; p < placer->positions; p++) {
        best = score[p] < score[best] ? p : best;
    }
    if (isinf(score[best])) {
        return rebias_placer_too_small(placer, err);
    }
    const struct rebias_block block = rebias_placer_block(placer, best, copy, sign);
    rebias_placer_take(placer, &block);
    rebias_placer_mark(placer, &block, 0, placer->score[0]);
    rebias_placer_mark(placer, &block, 0, placer->score[1]);
    return REBIAS_OK;
}

static int place_greedy(struct rebias_placer *placer, struct rebias_error *err)
{
    const bool alike = placer->options->method != REBIAS_DEPLOY_CM;
    int status = check_effort(placer, counted_devices(placer), err);
    for (size_t k = 0; k < placer->options->alpha && status == REBIAS_OK; k++) {
        for (int s = 0; s < 2 && (k == 0 || !alike); s++) {
            score_positions(placer, k, s);
        }
        for (int s = 0; s < 2 && status == REBIAS_OK; s++) {
            status = place_best(placer, k, s, err);
        }
    }
    return status;
}

/* -- 4. random -- */

/* A uniform position from 64 bits (bias below positions 2^-64). */
static size_t random_position(const struct rebias_placer *placer, size_t number)
{
    const struct rebias_deploy_options *o = placer->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_PLACEMENT, o->replicate,
                                         (uint32_t)placer->count, 0};
    uint32_t word[2];
    rebias_random_words(&stream, 2 * number, 2, word);
    const uint64_t bits = (uint64_t)word[1] << 32 | word[0];
    return (size_t)(bits % placer->positions);
}

static bool is_free(const struct rebias_placer *placer, const struct rebias_block *block)
{
    for (size_t b = 0; b < placer->count; b++) {
        if (rebias_placer_overlap(placer, block, &placer->blocks[b])) {
            return false;
        }
    }
    return true;
}

/* The best of `candidates` random places that are free. */
static int place_sampled(struct rebias_placer *placer, size_t copy, int sign,
                         struct rebias_error *err)
{
    double least = INFINITY;
    size_t best = placer->positions;
    for (size_t i = 0; i < placer->options->candidates; i++) {
        const size_t position = random_position(placer, i);
        const struct rebias_block block = rebias_placer_block(placer, position, copy, sign);
        if (is_free(placer, &block)) {
            const double score = score_block(placer, &block, least);
            if (score < least || (score <= least && position < best)) {
                least = score;
                best = position;
            }
        }
    }
    if (best == placer->positions) {
        return rebias_placer_too_small(placer, err);
    }
    const struct rebias_block block = rebias_placer_block(placer, best, copy, sign);
    rebias_placer_take(placer, &block);
    return REBIAS_OK;
}

/* -- 5. blind -- */

static int place_unseen(struct rebias_placer *placer, size_t copy, int sign,
                        struct rebias_error *err)
{
    enum { ATTEMPTS = 1000 };
    for (size_t i = 0; i < ATTEMPTS; i++) {
        const struct rebias_block block =
            rebias_placer_block(placer, random_position(placer, i), copy, sign);
        if (is_free(placer, &block)) {
            rebias_placer_take(placer, &block);
            return REBIAS_OK;
        }
    }
    return rebias_placer_too_small(placer, err);
}

/* Random and blind placement take block after block. */
static int place_each(struct rebias_placer *placer, struct rebias_error *err)
{
    const bool blind = placer->options->placement == REBIAS_PLACE_BLIND;
    int status = REBIAS_OK;
    for (size_t k = 0; k < placer->options->alpha; k++) {
        for (int s = 0; s < 2 && status == REBIAS_OK; s++) {
            if (blind) {
                status = place_unseen(placer, k, s, err);
            } else {
                set_ideal(placer, k, s);
                status = place_sampled(placer, k, s, err);
            }
        }
    }
    return status;
}

/* -- 6. too small -- */

/* The first free position of an otherwise clean kernel into *block, or false. */
static bool first_fit(const struct rebias_placer *packed, struct rebias_block *block, size_t m,
                      size_t n)
{
    for (block->column = 0; block->column + m <= packed->chip->columns; block->column++) {
        for (block->row = 0; block->row + n <= packed->chip->rows; block->row++) {
            if (is_free(packed, block)) {
                return true;
            }
        }
    }
    return false;
}

/* A tile of a layer in the order of placement. */
struct item {
    size_t size, layer, tile;
};

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    if (a->size != b->size) {
        return a->size > b->size ? -1 : 1;
    }
    if (a->layer != b->layer) {
        return a->layer < b->layer ? -1 : 1;
    }
    return a->tile < b->tile ? -1 : a->tile > b->tile;
}

/* *items (to be given to free()) = all tiles from the largest to the smallest, equal ones in
 * their order. */
static int order_tiles(const struct rebias_placer *placer, struct item **items, size_t *count,
                       struct rebias_error *err)
{
    *count = placer->wanted / (2 * placer->options->alpha);
    int status = rebias_alloc(items, *count, sizeof **items, err);
    if (status != REBIAS_OK) {
        return status;
    }
    size_t at = 0;
    for (size_t l = 0; l < placer->networks->network[0].layers; l++) {
        for (size_t t = 0; t < rebias_tiling_count(&placer->tiling[l]); t++) {
            const struct rebias_tile tile = rebias_tiling_tile(&placer->tiling[l], t);
            (*items)[at++] = (struct item){tile.inputs * tile.outputs, l, t};
        }
    }
    qsort(*items, *count, sizeof **items, compare_items);
    return REBIAS_OK;
}

/* The lowest kernel where the packed blocks leave room for an m x n block goes into
 * block->kernel: none below its value on entry has any. */
static void pack_block(const struct rebias_placer *packed, struct rebias_block *block)
{
    size_t m = 0;
    size_t n = 0;
    rebias_placer_shape(packed, block, &m, &n);
    while (!first_fit(packed, block, m, n)) {
        block->kernel++;
    }
}

/* Kernels without defects that hold all blocks when each goes to the first place free; 0 when
 * memory is short. */
static size_t kernels_needed(const struct rebias_placer *placer)
{
    struct rebias_placer packed = *placer;
    struct item *items = NULL;
    size_t count = 0;
    size_t kernels = 0;
    packed.count = 0;
    if (rebias_alloc(&packed.blocks, placer->wanted, sizeof *packed.blocks, NULL) !=
            REBIAS_OK ||
        order_tiles(placer, &items, &count, NULL) != REBIAS_OK) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        struct rebias_block block = {.layer = (uint32_t)items[i].layer,
                                     .tile = (uint32_t)items[i].tile};
        for (size_t k = 0; k < 2 * placer->options->alpha; k++) {
            pack_block(&packed, &block); /* alike blocks: earlier kernels have no room */
            kernels = block.kernel + 1 > kernels ? block.kernel + 1 : kernels;
            rebias_placer_take(&packed, &block);
        }
    }
done:
    free(items);
    free(packed.blocks);
    return kernels;
}

int rebias_placer_too_small(const struct rebias_placer *placer, struct rebias_error *err)
{
    return rebias_fail(err, REBIAS_E_DATA,
                       "the chip has no place for all blocks: %zu of %zu fit in its %zu "
                       "kernels of %zu x %zu; %zu kernels without defects would suffice",
                       placer->count, placer->wanted, placer->chip->count,
                       placer->chip->columns, placer->chip->rows, kernels_needed(placer));
}

/* -- 7. all tiles -- */

/* Scratch for the tile in hand. */
static int start_tile(struct rebias_placer *placer, const struct item *item,
                      struct rebias_error *err)
{
    const struct rebias_chip *chip = placer->chip;
    const struct rebias_tile tile =
        rebias_tiling_tile(&placer->tiling[item->layer], item->tile);
    placer->layer = item->layer;
    placer->tile = item->tile;
    placer->m = tile.inputs;
    placer->n = tile.outputs;
    placer->across = chip->columns - placer->m + 1;
    placer->down = chip->rows - placer->n + 1;
    placer->positions = chip->count * placer->across * placer->down;
    const bool tables = placer->options->placement == REBIAS_PLACE_GREEDY ||
                        placer->options->placement == REBIAS_PLACE_COVERAGE;
    int status = REBIAS_OK;
    for (int s = 0; s < 2 && status == REBIAS_OK; s++) {
        status = rebias_alloc(&placer->ideal[s], placer->m * placer->n,
                              sizeof *placer->ideal[s], err);
        if (status == REBIAS_OK && tables) {
            status = rebias_alloc(&placer->score[s], placer->positions,
                                  sizeof *placer->score[s], err);
        }
    }
    return status;
}

static void end_tile(struct rebias_placer *placer)
{
    for (int s = 0; s < 2; s++) {
        free(placer->ideal[s]);
        free(placer->score[s]);
        placer->ideal[s] = NULL;
        placer->score[s] = NULL;
    }
}

static int place_tile(struct rebias_placer *placer, const struct item *item,
                      struct rebias_error *err)
{
    int status = start_tile(placer, item, err);
    if (status == REBIAS_OK && placer->options->placement == REBIAS_PLACE_GREEDY) {
        status = place_greedy(placer, err);
    } else if (status == REBIAS_OK && placer->options->placement == REBIAS_PLACE_COVERAGE) {
        status = check_effort(placer, (double)placer->positions, err);
        for (int s = 0; s < 2 && status == REBIAS_OK; s++) {
            status = rebias_place_coverage(placer, s, err);
        }
    } else if (status == REBIAS_OK) {
        status = place_each(placer, err);
    }
    end_tile(placer);
    return status;
}

/* By layer, copy, sign, tile. */
static int compare_blocks(const void *left, const void *right)
{
    const struct rebias_block *a = left;
    const struct rebias_block *b = right;
    if (a->layer != b->layer) {
        return a->layer < b->layer ? -1 : 1;
    }
    if (a->copy != b->copy) {
        return a->copy < b->copy ? -1 : 1;
    }
    if (a->sign != b->sign) {
        return a->sign < b->sign ? -1 : 1;
    }
    return a->tile < b->tile ? -1 : a->tile > b->tile;
}

static int place_on_chip(struct rebias_placer *placer, struct rebias_error *err)
{
    struct item *items = NULL;
    size_t count = 0;
    if (placer->options->placement == REBIAS_PLACE_GIVEN) {
        return rebias_place_given(placer, err);
    }
    int status = order_tiles(placer, &items, &count, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = place_tile(placer, &items[i], err);
    }
    free(items);
    return status;
}

static void place_alone(struct rebias_placer *placer)
{
    for (; placer->count < placer->wanted; placer->count++) {
        const size_t b = placer->count;
        const size_t alpha = placer->options->alpha;
        placer->blocks[b] = (struct rebias_block){.layer = (uint32_t)(b / (2 * alpha)),
                                                  .copy = (uint32_t)(b / 2 % alpha),
                                                  .sign = (uint32_t)(b % 2),
                                                  .kernel = (uint32_t)b};
    }
}

int rebias_place(struct rebias_block **blocks, size_t *count,
                 const struct rebias_weights_set *networks, const struct rebias_chip *chip,
                 const struct rebias_deploy_options *options, struct rebias_error *err)
{
    struct rebias_placer placer = {.chip = chip, .options = options, .networks = networks};
    *blocks = NULL;
    *count = 0;
    for (size_t l = 0; l < networks->network[0].layers; l++) {
        const struct rebias_weights_layer *layer = &networks->network[0].layer[l];
        placer.tiling[l] = rebias_tiling_for(layer->inputs, layer->outputs, chip);
        placer.wanted += 2 * options->alpha * rebias_tiling_count(&placer.tiling[l]);
    }
    int status = rebias_alloc(&placer.blocks, placer.wanted, sizeof *placer.blocks, err);
    if (status == REBIAS_OK && chip != NULL) {
        status = place_on_chip(&placer, err);
    } else if (status == REBIAS_OK) {
        place_alone(&placer);
    }
    if (status == REBIAS_OK) {
        qsort(placer.blocks, placer.count, sizeof *placer.blocks, compare_blocks);
        *blocks = placer.blocks;
        *count = placer.count;
    } else {
        free(placer.blocks);
    }
    return status;
}
