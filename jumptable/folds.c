/* folds.c - which points are held out together.
 * 1. blocks of a sample   2. folds   3. thinning
 */
#include "holdout.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <stdlib.h>

/* -- 1. blocks of a sample -- */

/* A block that has points in the sample. */
struct block {
    uint32_t number; /* in the sample */
    uint32_t rank;   /* random order */
    size_t points;
    uint32_t fold;
};

/* *out = the blocks that have points, by number, to be given to free(). */
static int list_blocks(struct block **out, size_t *count, const struct rebias_sample *sample,
                       struct rebias_error *err)
{
    uint32_t last = 0;
    *count = 0;
    for (size_t i = 0; i < sample->n; i++) {
        last = sample->block[i] > last ? sample->block[i] : last;
    }
    int status = rebias_alloc(out, (size_t)last + 1, sizeof **out, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < sample->n; i++) {
        (*out)[sample->block[i]].points++;
    }
    for (uint32_t k = 0; k <= last; k++) {
        if ((*out)[k].points > 0) {
            (*out)[*count] = (struct block){.number = k, .points = (*out)[k].points};
            ++*count;
        }
    }
    return REBIAS_OK;
}

static int by_rank(const void *a, const void *b)
{
    const struct block *p = a;
    const struct block *q = b;
    return (p->rank > q->rank) - (p->rank < q->rank);
}

static int by_size(const void *a, const void *b)
{
    const struct block *p = a;
    const struct block *q = b;
    return p->points != q->points ? (p->points < q->points) - (p->points > q->points)
                                  : by_rank(a, b);
}

/* As list_blocks, in the random order of a round. */
static int shuffle_blocks(struct block **out, size_t *count, const struct rebias_sample *sample,
                          uint32_t round, struct rebias_error *err)
{
    const struct rebias_stream stream = {.seed = sample->seed,
                                         .purpose = REBIAS_FOR_FOLDS,
                                         .replicate = round,
                                         .entity = (uint32_t)sample->polarity};
    uint32_t *order = NULL;
    int status = list_blocks(out, count, sample, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&order, *count, sizeof *order, err);
    }
    if (status == REBIAS_OK) {
        rebias_random_permutation(&stream, *count, order);
        for (size_t k = 0; k < *count; k++) {
            (*out)[k].rank = order[k];
        }
        qsort(*out, *count, sizeof **out, by_rank);
    }
    free(order);
    return status;
}

/* point[i] = the fold of its block. */
static int spread_folds(uint32_t *point, const struct rebias_sample *sample,
                        const struct block *blocks, size_t count, struct rebias_error *err)
{
    uint32_t last = 0;
    uint32_t *fold_of = NULL;
    for (size_t k = 0; k < count; k++) {
        last = blocks[k].number > last ? blocks[k].number : last;
    }
    int status = rebias_alloc(&fold_of, (size_t)last + 1, sizeof *fold_of, err);
    if (status == REBIAS_OK) {
        for (size_t k = 0; k < count; k++) {
            fold_of[blocks[k].number] = blocks[k].fold;
        }
        for (size_t i = 0; i < sample->n; i++) {
            point[i] = fold_of[sample->block[i]];
        }
    }
    free(fold_of);
    return status;
}

/* -- 2. folds -- */

int rebias_holdout_usable(size_t *folds, const struct rebias_sample *sample, size_t wanted,
                          struct rebias_error *err)
{
    struct block *blocks = NULL;
    size_t count = 0;
    *folds = wanted;
    if (sample->block == NULL) {
        return REBIAS_OK;
    }
    int status = list_blocks(&blocks, &count, sample, err);
    if (status == REBIAS_OK && count < 2) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "all %zu %s points are of one block: nothing can be held out",
                             sample->n, sample->polarity == REBIAS_SET ? "SET" : "RESET");
    }
    if (status == REBIAS_OK) {
        *folds = wanted < count ? wanted : count;
    }
    free(blocks);
    return status;
}

static int fold_points(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                       uint32_t round, struct rebias_error *err)
{
    uint32_t *order = NULL;
    int status = rebias_alloc(&order, folds, sizeof *order, err);
    struct rebias_stream stream = {.seed = sample->seed,
                                   .purpose = REBIAS_FOR_FOLDS,
                                   .replicate = round,
                                   .entity = (uint32_t)sample->polarity};
    for (size_t i = 0; i < sample->n && status == REBIAS_OK; i++) {
        if (i % folds == 0) {
            stream.step = (uint32_t)(i / folds);
            rebias_random_permutation(&stream, folds, order);
        }
        fold[i] = order[i % folds];
    }
    free(order);
    return status;
}

/* Largest first into the emptiest fold: sizes of folds then differ by less than the smallest
 * block of the fullest. */
static int fold_blocks(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                       uint32_t round, struct rebias_error *err)
{
    struct block *blocks = NULL;
    size_t *filled = NULL;
    size_t count = 0;
    int status = shuffle_blocks(&blocks, &count, sample, round, err);
    if (status == REBIAS_OK && folds > count) {
        status = rebias_fail(err, REBIAS_E_DATA, "%zu blocks cannot be split into %zu folds",
                             count, folds);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&filled, folds, sizeof *filled, err);
    }
    if (status == REBIAS_OK) {
        qsort(blocks, count, sizeof *blocks, by_size);
        for (size_t k = 0; k < count; k++) {
            size_t emptiest = 0;
            for (size_t f = 1; f < folds; f++) {
                emptiest = filled[f] < filled[emptiest] ? f : emptiest;
            }
            blocks[k].fold = (uint32_t)emptiest;
            filled[emptiest] += blocks[k].points;
        }
        status = spread_folds(fold, sample, blocks, count, err);
    }
    free(filled);
    free(blocks);
    return status;
}

int rebias_holdout_folds(uint32_t *fold, const struct rebias_sample *sample, size_t folds,
                         uint32_t round, struct rebias_error *err)
{
    if (folds < 2 || folds > sample->n) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu points cannot be split into %zu folds",
                           sample->n, folds);
    }
    return sample->block == NULL ? fold_points(fold, sample, folds, round, err)
                                 : fold_blocks(fold, sample, folds, round, err);
}

/* -- 3. thinning -- */

static int thin_blocks(uint32_t *place, const struct rebias_sample *sample, size_t most,
                       struct rebias_error *err)
{
    struct block *blocks = NULL;
    size_t count = 0;
    size_t points = 0;
    int status = shuffle_blocks(&blocks, &count, sample, REBIAS_HOLDOUT_ROUND_THIN, err);
    if (status == REBIAS_OK) {
        for (size_t k = 0; k < count; k++) {
            points += blocks[k].points;
            blocks[k].fold = k < 2 || points <= most ? 0 : 1;
        }
        status = spread_folds(place, sample, blocks, count, err);
    }
    free(blocks);
    return status;
}

int rebias_holdout_thin(uint8_t *keep, size_t *kept, const struct rebias_sample *sample,
                        size_t most, struct rebias_error *err)
{
    const size_t run = (sample->n + most - 1) / most;
    uint32_t *place = NULL;
    int status = rebias_alloc(&place, sample->n, sizeof *place, err);
    if (status == REBIAS_OK && run > 1) {
        status = sample->block != NULL
                     ? thin_blocks(place, sample, most, err)
                     : fold_points(place, sample, run, REBIAS_HOLDOUT_ROUND_THIN, err);
    }
    *kept = 0;
    for (size_t i = 0; i < sample->n && status == REBIAS_OK; i++) {
        keep[i] = place[i] == 0;
        *kept += keep[i];
    }
    free(place);
    return status;
}
