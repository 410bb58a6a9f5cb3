/* blocks.c - pulse data in blocks that stay together: numbering, selection, resampling.
 * 1. keys   2. numbering the blocks   3. selection   4. resampling
 */
#include "rebias/base.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. keys -- */

/* What points of one block have in common; a label that does not count is 0. */
struct key {
    int32_t device;
    int32_t cycle;
    uint8_t polarity;
    uint32_t index; /* of the point */
};

static int by_block(const struct key *p, const struct key *q)
{
    if (p->device != q->device) {
        return p->device < q->device ? -1 : 1;
    }
    if (p->cycle != q->cycle) {
        return p->cycle < q->cycle ? -1 : 1;
    }
    return (int)p->polarity - (int)q->polarity;
}

static int by_key(const void *a, const void *b)
{
    const struct key *p = a;
    const struct key *q = b;
    int order = by_block(p, q);
    return order != 0 ? order : (p->index > q->index) - (p->index < q->index);
}

static struct key key_of(const struct rebias_pulses *pulses, enum rebias_blocks kind,
                         uint32_t i)
{
    struct key key = {.device = pulses->device != NULL ? pulses->device[i] : 0, .index = i};
    if (kind == REBIAS_BLOCKS_CYCLE) {
        key.cycle = pulses->cycle[i];
        key.polarity = pulses->polarity[i];
    }
    return key;
}

/* -- 2. numbering the blocks -- */

static int check_kind(const struct rebias_pulses *pulses, enum rebias_blocks kind,
                      struct rebias_error *err)
{
    if (pulses->n > UINT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu points are too many for blocks (%u)",
                           pulses->n, UINT32_MAX);
    }
    if (kind < REBIAS_BLOCKS_AUTO || kind > REBIAS_BLOCKS_DEVICE) {
        return rebias_fail(err, REBIAS_E_RANGE, "%d is no kind of blocks (0 to 3)", (int)kind);
    }
    if (kind == REBIAS_BLOCKS_CYCLE && pulses->cycle == NULL) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "blocks by cycle: the pulse data record no cycle");
    }
    if (kind == REBIAS_BLOCKS_DEVICE && pulses->device == NULL) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "blocks by device: the pulse data record no device");
    }
    return REBIAS_OK;
}

/* block[i] = number of point i's block among the keys' groups; of_polarity[p] = groups that
 * hold (CYCLE) or begin with (DEVICE) polarity p. */
static int number_groups(const struct rebias_pulses *pulses, enum rebias_blocks kind,
                         uint32_t *block, size_t of_polarity[2], struct rebias_error *err)
{
    struct key *keys = NULL;
    int status = rebias_alloc(&keys, pulses->n, sizeof *keys, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < pulses->n; i++) {
        keys[i] = key_of(pulses, kind, (uint32_t)i);
    }
    qsort(keys, pulses->n, sizeof *keys, by_key);
    size_t first = 0; /* of the group in keys; its point is the group's first in the data */
    for (size_t k = 0; k < pulses->n; k++) {
        first = k > 0 && by_block(&keys[k], &keys[first]) == 0 ? first : k;
        block[keys[k].index] = keys[first].index;
    }
    free(keys);
    of_polarity[0] = 0;
    of_polarity[1] = 0;
    for (size_t i = 0; i < pulses->n; i++) { /* the first point has its number by then */
        if (block[i] == i) {
            block[i] = (uint32_t)(of_polarity[0] + of_polarity[1]);
            of_polarity[pulses->polarity[i]]++;
        } else {
            block[i] = block[block[i]];
        }
    }
    return REBIAS_OK;
}

static void number_points(const struct rebias_pulses *pulses, uint32_t *block)
{
    for (size_t i = 0; i < pulses->n; i++) {
        block[i] = (uint32_t)i;
    }
}

/* Devices, else cycles, else points, as far as there are at least 10. */
static int number_automatically(const struct rebias_pulses *pulses, uint32_t *block,
                                size_t *count, enum rebias_blocks *used,
                                struct rebias_error *err)
{
    enum { ENOUGH = 10 };
    size_t groups[2] = {0, 0};
    int status = REBIAS_OK;
    if (pulses->device != NULL) {
        status = number_groups(pulses, REBIAS_BLOCKS_DEVICE, block, groups, err);
        *count = groups[0] + groups[1];
        *used = REBIAS_BLOCKS_DEVICE;
        if (status != REBIAS_OK || *count >= ENOUGH) {
            return status;
        }
    }
    if (pulses->cycle != NULL) {
        status = number_groups(pulses, REBIAS_BLOCKS_CYCLE, block, groups, err);
        *count = groups[0] + groups[1];
        *used = REBIAS_BLOCKS_CYCLE;
        if (status != REBIAS_OK || (groups[0] >= ENOUGH && groups[1] >= ENOUGH)) {
            return status;
        }
    }
    number_points(pulses, block);
    *count = pulses->n;
    *used = REBIAS_BLOCKS_POINTS;
    return REBIAS_OK;
}

int rebias_pulses_blocks(const struct rebias_pulses *pulses, enum rebias_blocks kind,
                         uint32_t *block, size_t *count, enum rebias_blocks *used,
                         struct rebias_error *err)
{
    size_t groups[2] = {0, 0};
    size_t found = pulses->n;
    enum rebias_blocks resolved = kind;
    int status = check_kind(pulses, kind, err);
    if (status == REBIAS_OK && kind == REBIAS_BLOCKS_AUTO) {
        status = number_automatically(pulses, block, &found, &resolved, err);
    } else if (status == REBIAS_OK && kind == REBIAS_BLOCKS_POINTS) {
        number_points(pulses, block);
    } else if (status == REBIAS_OK) {
        status = number_groups(pulses, kind, block, groups, err);
        found = groups[0] + groups[1];
    }
    if (status == REBIAS_OK) {
        *count = found;
        if (used != NULL) {
            *used = resolved;
        }
    }
    return status;
}

/* -- 3. selection -- */

/* *out = the points index[0 .. n - 1], with the labels that there are. */
static int gather(struct rebias_pulses **out, const struct rebias_pulses *from, size_t n,
                  const uint32_t *index, struct rebias_error *err)
{
    struct rebias_pulses *to = NULL;
    int status = rebias_pulses_new(&to, n, true, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t k = 0; k < n; k++) {
        to->polarity[k] = from->polarity[index[k]];
        to->G[k] = from->G[index[k]];
        to->dG[k] = from->dG[index[k]];
    }
    const int32_t *const source[3] = {from->device, from->cycle, from->pulse};
    int32_t **const label[3] = {&to->device, &to->cycle, &to->pulse};
    for (size_t c = 0; c < 3; c++) {
        if (source[c] == NULL) {
            free(*label[c]);
            *label[c] = NULL;
            continue;
        }
        for (size_t k = 0; k < n; k++) {
            (*label[c])[k] = source[c][index[k]];
        }
    }
    to->skipped = from->skipped;
    *out = to;
    return REBIAS_OK;
}

int rebias_pulses_select(struct rebias_pulses **out, const struct rebias_pulses *pulses,
                         const uint8_t *keep, struct rebias_error *err)
{
    *out = NULL;
    uint32_t *index = NULL;
    size_t n = 0;
    int status = check_kind(pulses, REBIAS_BLOCKS_POINTS, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&index, pulses->n, sizeof *index, err);
    }
    for (size_t i = 0; i < pulses->n && status == REBIAS_OK; i++) {
        if (keep[i] != 0) {
            index[n++] = (uint32_t)i;
        }
    }
    if (status == REBIAS_OK && n == 0) {
        status =
            rebias_fail(err, REBIAS_E_DATA, "none of the %zu points is selected", pulses->n);
    }
    if (status == REBIAS_OK) {
        status = gather(out, pulses, n, index, err);
    }
    free(index);
    return status;
}

/* -- 4. resampling -- */

/* The points of block b are point[start[b]] .. point[start[b + 1] - 1], in order; draw[] lists
 * the blocks to draw from, drawn[] those that were drawn. */
struct pool {
    size_t count;
    uint32_t *block; /* [n] */
    uint32_t *point; /* [n] */
    size_t *start;   /* [count + 2] */
    uint32_t *draw;  /* [count] */
    uint32_t *drawn; /* [count] */
};

static void free_pool(struct pool *pool)
{
    free(pool->block);
    free(pool->point);
    free(pool->start);
    free(pool->draw);
    free(pool->drawn);
}

static int new_pool(struct pool *pool, const struct rebias_pulses *pulses,
                    enum rebias_blocks kind, enum rebias_blocks *used, struct rebias_error *err)
{
    int status = rebias_alloc(&pool->block, pulses->n, sizeof *pool->block, err);
    if (status == REBIAS_OK) {
        status = rebias_pulses_blocks(pulses, kind, pool->block, &pool->count, used, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pool->point, pulses->n, sizeof *pool->point, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pool->start, pool->count + 2, sizeof *pool->start, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pool->draw, pool->count, sizeof *pool->draw, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pool->drawn, pool->count, sizeof *pool->drawn, err);
    }
    return status;
}

/* Counting sort of the points by block: start[b + 1] runs from the start of block b to that of
 * b + 1. */
static void fill_pool(struct pool *pool, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pool->start[pool->block[i] + 2]++;
    }
    for (size_t b = 0; b < pool->count; b++) {
        pool->start[b + 2] += pool->start[b + 1];
    }
    for (size_t i = 0; i < n; i++) {
        pool->point[pool->start[pool->block[i] + 1]++] = (uint32_t)i;
    }
}

/* m draws with replacement among the m blocks draw[]: multiply-shift of 32 bits, so that
 * probabilities differ by less than m 2^-32 (relative). */
static void draw_blocks(const struct rebias_stream *stream, size_t m, const uint32_t *draw,
                        uint32_t *drawn)
{
    enum { PIECE = 256 };
    uint32_t word[PIECE];
    for (size_t first = 0; first < m; first += PIECE) {
        size_t piece = m - first < PIECE ? m - first : PIECE;
        rebias_random_words(stream, first, piece, word);
        for (size_t k = 0; k < piece; k++) {
            drawn[first + k] = draw[((uint64_t)word[k] * m) >> 32];
        }
    }
}

/* The drawn blocks: among all (together), or among those of each polarity. */
static void draw_pool(struct pool *pool, const struct rebias_pulses *pulses, bool together,
                      uint64_t seed, uint32_t number)
{
    size_t done = 0;
    for (uint32_t p = 0; p < (together ? 1u : 2u); p++) {
        const struct rebias_stream stream = {seed, REBIAS_FOR_RESAMPLE, 0, p, number};
        size_t m = 0;
        for (size_t b = 0; b < pool->count; b++) {
            pool->draw[m] = (uint32_t)b;
            m += together || pulses->polarity[pool->point[pool->start[b]]] == p;
        }
        draw_blocks(&stream, m, pool->draw, pool->drawn + done);
        done += m;
    }
}

static int gather_drawn(struct rebias_pulses **out, const struct rebias_pulses *pulses,
                        const struct pool *pool, struct rebias_error *err)
{
    size_t n = 0;
    for (size_t k = 0; k < pool->count; k++) {
        n += pool->start[pool->drawn[k] + 1] - pool->start[pool->drawn[k]];
    }
    uint32_t *index = NULL;
    int status = rebias_alloc(&index, n, sizeof *index, err);
    size_t at = 0;
    for (size_t k = 0; k < pool->count && status == REBIAS_OK; k++) {
        const size_t first = pool->start[pool->drawn[k]];
        const size_t size = pool->start[pool->drawn[k] + 1] - first;
        memcpy(index + at, pool->point + first, size * sizeof *index);
        at += size;
    }
    if (status == REBIAS_OK) {
        status = gather(out, pulses, n, index, err);
    }
    free(index);
    return status;
}

int rebias_pulses_resample(struct rebias_pulses **out, const struct rebias_pulses *pulses,
                           enum rebias_blocks kind, uint64_t seed, uint32_t number,
                           struct rebias_error *err)
{
    *out = NULL;
    struct pool pool = {0};
    enum rebias_blocks used = kind;
    int status = new_pool(&pool, pulses, kind, &used, err);
    if (status == REBIAS_OK) {
        fill_pool(&pool, pulses->n);
        draw_pool(&pool, pulses, used == REBIAS_BLOCKS_DEVICE, seed, number);
        status = gather_drawn(out, pulses, &pool, err);
    }
    free_pool(&pool);
    return status;
}
