/* place_rules.c - placement by coverage, and the check of given places.
 * 1. coverage   2. given
 *
 * 1 after find_ensemble_offsets_sim of ADAM-Lab-GW/layer-ensemble-averaging: blocks may not
 * even touch.
 */
#include "place.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. coverage -- */

/* score = stuck devices of each position; INFINITY where one of them is stuck low. */
static void count_stuck(const struct rebias_placer *placer, double *score)
{
    const struct rebias_chip *chip = placer->chip;
    memset(score, 0, placer->positions * sizeof *score);
    for (size_t p = 0; p < placer->positions; p++) {
        const struct rebias_block block = rebias_placer_block(placer, p, 0, 0);
        const uint8_t *fault = chip->kernel[block.kernel].fault;
        for (size_t c = 0; c < placer->m; c++) {
            const uint8_t *column = fault + (block.column + c) * chip->rows + block.row;
            for (size_t r = 0; r < placer->n; r++) {
                score[p] += column[r] == REBIAS_STUCK_LOW    ? INFINITY
                            : column[r] == REBIAS_STUCK_HIGH ? 1.0
                                                             : 0.0;
            }
        }
    }
    rebias_placer_mark_all(placer, 1, score);
}

static bool row_is_clean(const struct rebias_placer *placer, const struct rebias_block *block,
                         size_t row)
{
    const struct rebias_chip *chip = placer->chip;
    for (size_t c = 0; c < placer->m; c++) {
        const size_t device = (block->column + c) * chip->rows + block->row + row;
        if (chip->kernel[block->kernel].fault[device] != REBIAS_WORKING) {
            return false;
        }
    }
    return true;
}

/* Takes 1 from need[row] of each clean row of the block that is still needed; false (and
 * nothing changed) when there is none. */
static bool serves(const struct rebias_placer *placer, const struct rebias_block *block,
                   size_t *need)
{
    bool useful = false;
    for (size_t r = 0; r < placer->n; r++) {
        if (need[r] > 0 && row_is_clean(placer, block, r)) {
            need[r]--;
            useful = true;
        }
    }
    return useful;
}

static size_t rows_needed(const struct rebias_placer *placer, const size_t *need)
{
    size_t rows = 0;
    for (size_t r = 0; r < placer->n; r++) {
        rows += need[r] > 0;
    }
    return rows;
}

/* All useful positions with `stuck` stuck devices, until every need is met or alpha copies are
 * there. */
static void cover_with(struct rebias_placer *placer, int sign, size_t stuck, size_t *need,
                       size_t *copies)
{
    double *score = placer->score[sign];
    for (size_t p = 0; p < placer->positions && rows_needed(placer, need) > 0 &&
                       *copies < placer->options->alpha;
         p++) {
        /* counts below 2^53 are exact */
        const struct rebias_block block = rebias_placer_block(placer, p, *copies, sign);
        if (score[p] == (double)stuck && serves(placer, &block, need)) {
            rebias_placer_take(placer, &block);
            rebias_placer_mark(placer, &block, 1, score);
            (*copies)++;
        }
    }
}

int rebias_place_coverage(struct rebias_placer *placer, int sign, struct rebias_error *err)
{
    size_t *need = NULL;
    size_t copies = 0;
    int status = rebias_alloc(&need, placer->n, sizeof *need, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t r = 0; r < placer->n; r++) {
        need[r] = placer->options->beta;
    }
    count_stuck(placer, placer->score[sign]);
    for (size_t stuck = 0; stuck <= placer->m * placer->n && rows_needed(placer, need) > 0;
         stuck++) {
        cover_with(placer, sign, stuck, need, &copies);
    }
    if (rows_needed(placer, need) > 0) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "coverage: %zu of %zu outputs of layer %zu lack %zu clean copies "
                             "after %zu of at most %zu blocks: raise alpha or add kernels",
                             rows_needed(placer, need), placer->n, placer->layer,
                             placer->options->beta, copies, placer->options->alpha);
    }
    free(need);
    return status;
}

/* -- 2. given -- */

static int check_place(const struct rebias_placer *placer, const struct rebias_block *block,
                       struct rebias_error *err)
{
    const struct rebias_chip *chip = placer->chip;
    size_t m = 0;
    size_t n = 0;
    if (block->layer >= placer->networks->network[0].layers ||
        block->copy >= placer->options->alpha || block->sign > 1) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "given block of layer %u, copy %u, sign %u: the deployment has %zu "
                           "layers of %zu copies",
                           block->layer, block->copy, block->sign,
                           placer->networks->network[0].layers, placer->options->alpha);
    }
    rebias_placer_shape(placer, block, &m, &n);
    if (block->kernel >= chip->count || block->column > chip->columns - m ||
        block->row > chip->rows - n) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "given block of layer %u, copy %u, sign %u: %zu x %zu devices from "
                           "kernel %u, column %u, row %u are not on the chip",
                           block->layer, block->copy, block->sign, m, n, block->kernel,
                           block->column, block->row);
    }
    return REBIAS_OK;
}

static int check_pair(const struct rebias_placer *placer, const struct rebias_block *a,
                      const struct rebias_block *b, struct rebias_error *err)
{
    if (a->layer == b->layer && a->copy == b->copy && a->sign == b->sign) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "block of layer %u, copy %u, sign %u is given twice", a->layer,
                           a->copy, a->sign);
    }
    if (rebias_placer_overlap(placer, a, b)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "given blocks overlap on kernel %u: layer %u, copy %u, sign %u and "
                           "layer %u, copy %u, sign %u",
                           a->kernel, a->layer, a->copy, a->sign, b->layer, b->copy, b->sign);
    }
    return REBIAS_OK;
}

static int check_untiled(const struct rebias_placer *placer, struct rebias_error *err)
{
    for (size_t l = 0; l < placer->networks->network[0].layers; l++) {
        const struct rebias_tiling *tiling = &placer->tiling[l];
        if (rebias_tiling_count(tiling) > 1) {
            return rebias_fail(
                err, REBIAS_E_UNSUPPORTED,
                "places cannot be given for layer %zu: kernels of %zu x %zu hold "
                "its %zu x %zu weights in %zu tiles only",
                l, placer->chip->columns, placer->chip->rows, tiling->inputs, tiling->outputs,
                rebias_tiling_count(tiling));
        }
    }
    return REBIAS_OK;
}

int rebias_place_given(struct rebias_placer *placer, struct rebias_error *err)
{
    const struct rebias_deploy_options *o = placer->options;
    int status = check_untiled(placer, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (o->given_count != placer->wanted) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "%zu blocks are given, the deployment needs %zu (2 signs x %zu "
                           "copies x %zu layers)",
                           o->given_count, placer->wanted, o->alpha,
                           placer->networks->network[0].layers);
    }
    for (size_t b = 0; b < o->given_count && status == REBIAS_OK; b++) {
        status = check_place(placer, &o->given[b], err);
        for (size_t a = 0; a < b && status == REBIAS_OK; a++) {
            status = check_pair(placer, &o->given[a], &o->given[b], err);
        }
        if (status == REBIAS_OK) {
            rebias_placer_take(placer, &o->given[b]);
        }
    }
    return status;
}
