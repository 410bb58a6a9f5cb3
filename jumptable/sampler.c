/* sampler.c - jumps of one polarity drawn from jump tables: the fast sampler.
 * 1. tables in a row   2. preparing the rows   3. life cycle   4. one pulse on uniform axes
 * 5. one pulse on any axes   6. copy of a table
 *
 * A row's CDF entries are searched for u by a guide table: the top 8 bits of the random word
 * give a cell of u, the guide gives how many entries lie below the cell, one comparison in the
 * vector loop settles most lanes, and the few left (tails) are finished one by one. Guide
 * tables: Chen and Asau, AIIE Trans. 6, 163 (1974).
 *
 * Rule LINEAR is sampled as a mixture: F(dG | G) = (1 - f) F_i + f F_{i+1} is drawn by choosing
 * row i + 1 with probability f, from the word's low 8 bits (f rounded to 1/256), and inverting
 * that row linearly at u = the upper 24.
 *
 * The rows of several tables lie one behind another; a lane adds its table's first row.
 */
#include "sampler.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 256, CELL_SHIFT = 24, PAD = 3, MAX_LEVELS = 60000 };

/* -- 1. tables in a row -- */

struct rebias_sampler {
    enum rebias_rule rule;
    size_t members;
    const struct rebias_table_side **side; /* [members], borrowed */
    bool uniform;                          /* all axes equidistant: the fast path is used */
    float G0, rows_per_S;
    int32_t rows; /* of a member */
    float last_row;
    size_t stride;                     /* entries a row, with one in front and PAD behind */
    float *entry;                      /* members x rows x stride: what u is compared with */
    uint32_t *guide;                   /* members x rows x CELLS/2: two 16-bit counts a word */
    float *jump;                       /* NEAREST: dG of entry number, as entry; LINEAR: NULL */
    float *axis;                       /* the three arrays below */
    float *dG0, *dG_step, *last_level; /* [members] */
};

static bool is_uniform(const double *x, size_t n)
{
    const double tolerance =
        1e-4; /* of a step: axes written with 8 digits still count as equidistant */
    double step = (x[n - 1] - x[0]) / (double)(n - 1);
    for (size_t i = 0; i < n; i++) {
        if (fabs(x[i] - x[0] - step * (double)i) > tolerance * step) {
            return false;
        }
    }
    return true;
}

/* Whether the fast path serves all members; sets the stride. Its indices have 32 bits, its
 * guide counts 16. */
static bool can_be_fast(struct rebias_sampler *s)
{
    const size_t rows = s->side[0]->G_count;
    size_t levels = 0;
    bool uniform = is_uniform(s->side[0]->G, rows);
    for (size_t m = 0; m < s->members && uniform; m++) {
        uniform = is_uniform(s->side[m]->dG, s->side[m]->dG_count);
        levels = s->side[m]->dG_count > levels ? s->side[m]->dG_count : levels;
    }
    s->stride = levels + 1 + PAD;
    const size_t widest = s->stride > CELLS ? s->stride : CELLS;
    return uniform && levels <= MAX_LEVELS && rows <= INT32_MAX / widest / s->members;
}

/* -- 2. preparing the rows -- */

/* Entries of one row: LINEAR the CDF itself; NEAREST the midpoints between successive CDF
 * entries, and the level (first of its run of equal entries) that each gap between midpoints
 * chooses. entry[0] lies below every u. */
static void fill_row(const struct rebias_table_side *side, enum rebias_rule rule,
                     const double *cdf, float *entry, float *jump, size_t stride)
{
    const size_t n = side->dG_count;
    entry[0] = -1.0f;
    size_t used = 1;
    if (rule == REBIAS_RULE_LINEAR) {
        for (size_t j = 0; j < n; j++) {
            entry[used++] = (float)cdf[j];
        }
    } else {
        size_t start = 0;
        for (size_t j = 0; j < n; j++) {
            start = j > 0 && cdf[j] == cdf[j - 1] ? start : j;
            jump[j] = (float)side->dG[start];
            if (j + 1 < n) {
                entry[used++] = (float)(0.5 * (cdf[j] + cdf[j + 1]));
            }
        }
    }
    while (used < stride) {
        entry[used++] = 2.0f; /* above every u */
    }
}

/* guide[cell] = number of entries (behind entry[0]) below the cell's lower edge. */
static void fill_guide(const float *entry, size_t stride, uint32_t *guide)
{
    uint32_t below = 0;
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        while (below + 1 < stride && entry[below + 1] < (float)cell / CELLS) {
            below++;
        }
        guide[cell / 2] |= below << (16 * (cell % 2));
    }
}

/* Axes of the members; the G axis is common. */
static void fill_axes(struct rebias_sampler *s)
{
    const double *G = s->side[0]->G;
    const size_t last_row = s->side[0]->G_count - 1;
    s->rows = (int32_t)(last_row + 1);
    s->G0 = (float)G[0];
    s->rows_per_S = (float)((double)last_row / (G[last_row] - G[0]));
    s->last_row = (float)last_row;
    for (size_t m = 0; m < s->members; m++) {
        const double *dG = s->side[m]->dG;
        const size_t last = s->side[m]->dG_count - 1;
        s->dG0[m] = (float)dG[0];
        s->dG_step[m] = (float)((dG[last] - dG[0]) / (double)last);
        s->last_level[m] = (float)last;
    }
}

static void fill_rows(struct rebias_sampler *s)
{
    const size_t rows = s->side[0]->G_count;
    for (size_t m = 0; m < s->members; m++) {
        const struct rebias_table_side *side = s->side[m];
        for (size_t i = 0; i < rows; i++) {
            const size_t row = m * rows + i;
            fill_row(side, s->rule, side->cdf + i * side->dG_count, s->entry + row * s->stride,
                     s->jump != NULL ? s->jump + row * s->stride : NULL, s->stride);
            fill_guide(s->entry + row * s->stride, s->stride, s->guide + row * (CELLS / 2));
        }
    }
}

static int prepare(struct rebias_sampler *s, struct rebias_error *err)
{
    const size_t rows = s->members * s->side[0]->G_count;
    int status = rebias_alloc(&s->entry, rows * s->stride, sizeof(float), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->guide, rows * CELLS / 2, sizeof(uint32_t), err);
    }
    if (status == REBIAS_OK && s->rule == REBIAS_RULE_NEAREST) {
        status = rebias_alloc(&s->jump, rows * s->stride, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->axis, 3 * s->members, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        s->dG0 = s->axis;
        s->dG_step = s->axis + s->members;
        s->last_level = s->axis + 2 * s->members;
        fill_axes(s);
        fill_rows(s);
    }
    return status;
}

/* -- 3. life cycle -- */

void rebias_sampler_free(struct rebias_sampler *sampler)
{
    if (sampler != NULL) {
        free(sampler->side);
        free(sampler->entry);
        free(sampler->guide);
        free(sampler->jump);
        free(sampler->axis);
        free(sampler);
    }
}

int rebias_sampler_new(struct rebias_sampler **out, const struct rebias_table *const *table,
                       size_t members, int polarity, enum rebias_rule rule,
                       struct rebias_error *err)
{
    *out = NULL;
    struct rebias_sampler *s = NULL;
    int status = rebias_alloc(&s, 1, sizeof *s, err);
    if (status != REBIAS_OK) {
        return status;
    }
    s->rule = rule;
    s->members = members;
    status = rebias_alloc(&s->side, members, sizeof(const struct rebias_table_side *), err);
    for (size_t m = 0; m < members && status == REBIAS_OK; m++) {
        s->side[m] = &table[m]->side[polarity];
    }
    if (status == REBIAS_OK && can_be_fast(s)) {
        s->uniform = true;
        status = prepare(s, err);
    }
    if (status != REBIAS_OK) {
        rebias_sampler_free(s);
        return status;
    }
    *out = s;
    return REBIAS_OK;
}

/* -- 4. one pulse on uniform axes -- */

/* What the vector loop reads beside the lanes. */
struct pulse {
    const struct rebias_lanes *lanes;
    const float *scale;
    const float *member; /* NULL: the first table for all */
};

static inline float probability_of(uint32_t word)
{
    return ((float)(int32_t)(word >> 8) + 0.5f) * 0x1p-24f;
}

/* Row for a conductance: the nearest (lower on ties), or one of its two neighbours by the
 * word's low bits. */
static inline int32_t row_of(const struct rebias_sampler *s, enum rebias_rule rule, float G,
                             uint32_t word)
{
    float place = (G - s->G0) * s->rows_per_S;
    place = place < 0.0f ? 0.0f : place;
    place = place > s->last_row ? s->last_row : place;
    int32_t row = (int32_t)place;
    float fraction = place - (float)row;
    float threshold =
        rule == REBIAS_RULE_LINEAR ? ((float)(int32_t)(word & 255u) + 0.5f) * 0x1p-8f : 0.5f;
    return row + (threshold < fraction ? 1 : 0);
}

/* The jump in NEAREST: level number `below` of a row. */
static inline float jump_nearest(const struct rebias_sampler *s, int32_t row, int32_t below)
{
    return s->jump[row * (int32_t)s->stride + below];
}

/* The level (a fraction between two) in LINEAR for u between entries number `below` and
 * below + 1 of a row. */
static inline float level_linear(int32_t below, float lower, float upper, float u,
                                 float last_level)
{
    float level = (float)(below - 1) + (u - lower) / (upper - lower);
    level = level < 0.0f ? 0.0f : level;
    return level > last_level ? last_level : level;
}

/* Constants of a vector loop. */
struct variant {
    enum rebias_rule rule;
    bool each;     /* each lane has its own table */
    size_t stride; /* of the scale */
};

/* All lanes at once; lanes that one comparison does not settle keep their G and set undone.
 * Returns their number. Always inline: one common copy would have no constants to drop its
 * branches by, and no vectors. */
__attribute__((always_inline)) static inline int sweep(const struct rebias_sampler *sampler,
                                                       struct variant variant,
                                                       const struct pulse *pulse, float *G,
                                                       int32_t *undone)
{
    const struct rebias_sampler s = *sampler;
    const uint32_t *word = pulse->lanes->word;
    const float *member = pulse->member;
    const float *scale = pulse->scale;
    const float dG0 = s.dG0[0];
    const float dG_step = s.dG_step[0];
    const float last_level = s.last_level[0];
    const size_t n = pulse->lanes->n;
    int left = 0;
#pragma omp simd reduction(+ : left)
    for (size_t i = 0; i < n; i++) {
        uint32_t w = word[i];
        int32_t m = variant.each ? (int32_t)member[i] : 0;
        int32_t row = row_of(&s, variant.rule, G[i], w) + m * s.rows;
        float u = probability_of(w);
        int32_t cell = (int32_t)(w >> CELL_SHIFT);
        uint32_t pair = s.guide[row * (CELLS / 2) + (cell >> 1)];
        int32_t below = (int32_t)(pair >> ((cell & 1) << 4) & 0xFFFFu);
        int32_t at = row * (int32_t)s.stride + below;
        float e0 = s.entry[at];
        float e1 = s.entry[at + 1];
        float e2 = s.entry[at + 2];
        int32_t beyond = e1 < u ? 1 : 0;
        float lower = e1 < u ? e1 : e0;
        float upper = e1 < u ? e2 : e1;
        int32_t unsettled = upper < u ? 1 : 0;
        float jump = 0.0f;
        if (variant.rule == REBIAS_RULE_NEAREST) {
            jump = jump_nearest(&s, row, below + beyond);
        } else {
            float start = variant.each ? s.dG0[m] : dG0;
            float step = variant.each ? s.dG_step[m] : dG_step;
            float last = variant.each ? s.last_level[m] : last_level;
            jump = start + step * level_linear(below + beyond, lower, upper, u, last);
        }
        jump *= scale[i * variant.stride];
        left += unsettled;
        undone[i] = unsettled;
        G[i] = unsettled != 0 ? G[i] : G[i] + jump;
    }
    return left;
}

REBIAS_SIMD static int sweep_linear(const struct rebias_sampler *s, const struct pulse *pulse,
                                    float *G, int32_t *undone)
{
    const struct variant alike = {REBIAS_RULE_LINEAR, false, 0};
    const struct variant scaled = {REBIAS_RULE_LINEAR, false, 1};
    return pulse->lanes->stride == 0 ? sweep(s, alike, pulse, G, undone)
                                     : sweep(s, scaled, pulse, G, undone);
}

REBIAS_SIMD static int sweep_nearest(const struct rebias_sampler *s, const struct pulse *pulse,
                                     float *G, int32_t *undone)
{
    const struct variant alike = {REBIAS_RULE_NEAREST, false, 0};
    const struct variant scaled = {REBIAS_RULE_NEAREST, false, 1};
    return pulse->lanes->stride == 0 ? sweep(s, alike, pulse, G, undone)
                                     : sweep(s, scaled, pulse, G, undone);
}

REBIAS_SIMD static int sweep_each_linear(const struct rebias_sampler *s,
                                         const struct pulse *pulse, float *G, int32_t *undone)
{
    const struct variant each = {REBIAS_RULE_LINEAR, true, 1};
    return sweep(s, each, pulse, G, undone);
}

REBIAS_SIMD static int sweep_each_nearest(const struct rebias_sampler *s,
                                          const struct pulse *pulse, float *G, int32_t *undone)
{
    const struct variant each = {REBIAS_RULE_NEAREST, true, 1};
    return sweep(s, each, pulse, G, undone);
}

static int32_t member_of(const struct pulse *pulse, size_t i)
{
    return pulse->member != NULL ? (int32_t)pulse->member[i] : 0;
}

/* The lanes left over, by bisection. */
static void finish(const struct rebias_sampler *s, const struct pulse *pulse,
                   const int32_t *undone, float *G)
{
    const struct rebias_lanes *lanes = pulse->lanes;
    for (size_t i = 0; i < lanes->n; i++) {
        if (undone[i] == 0) {
            continue;
        }
        int32_t m = member_of(pulse, i);
        int32_t row = row_of(s, s->rule, G[i], lanes->word[i]) + m * s->rows;
        float u = probability_of(lanes->word[i]);
        const float *entry = s->entry + (size_t)row * s->stride;
        size_t low = 0; /* entry[low] < u <= entry[high] */
        size_t high = s->stride - 1;
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (entry[middle] < u) {
                low = middle;
            } else {
                high = middle;
            }
        }
        float jump =
            s->rule == REBIAS_RULE_NEAREST
                ? jump_nearest(s, row, (int32_t)low)
                : s->dG0[m] + s->dG_step[m] * level_linear((int32_t)low, entry[low],
                                                           entry[high], u, s->last_level[m]);
        G[i] += jump * pulse->scale[i * lanes->stride];
    }
}

static void step_uniform(const struct rebias_sampler *s, const struct pulse *pulse, float *G)
{
    const bool linear = s->rule == REBIAS_RULE_LINEAR;
    int32_t undone[REBIAS_LANES_MAX];
    int left = 0;
    if (pulse->member != NULL) {
        left = linear ? sweep_each_linear(s, pulse, G, undone)
                      : sweep_each_nearest(s, pulse, G, undone);
    } else {
        left = linear ? sweep_linear(s, pulse, G, undone) : sweep_nearest(s, pulse, G, undone);
    }
    if (left > 0) {
        finish(s, pulse, undone, G);
    }
}

/* -- 5. one pulse on any axes -- */

static void step_plain(const struct rebias_sampler *s, const struct pulse *pulse, float *G)
{
    const struct rebias_lanes *lanes = pulse->lanes;
    for (size_t i = 0; i < lanes->n; i++) {
        const struct rebias_table_side *side = s->side[member_of(pulse, i)];
        double u = ((double)lanes->word[i] + 0.5) * 0x1p-32;
        double jump = rebias_table_quantile(side, s->rule, (double)G[i], u, NULL, NULL);
        G[i] += (float)jump * pulse->scale[i * lanes->stride];
    }
}

void rebias_sampler_step(const struct rebias_sampler *sampler, const struct rebias_lanes *lanes,
                         const float *scale, const float *member, float *G)
{
    const struct pulse pulse = {lanes, scale, member};
    if (sampler->uniform) {
        step_uniform(sampler, &pulse, G);
    } else {
        step_plain(sampler, &pulse, G);
    }
}

/* -- 6. copy of a table -- */

int rebias_table_copy_rows(struct rebias_table **out, const struct rebias_table *from,
                           struct rebias_error *err)
{
    const size_t G_count[2] = {from->side[0].G_count, from->side[1].G_count};
    const size_t dG_count[2] = {from->side[0].dG_count, from->side[1].dG_count};
    int status = rebias_table_new(out, G_count, dG_count, false, err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const struct rebias_table_side *a = &from->side[p];
        struct rebias_table_side *b = &(*out)->side[p];
        memcpy(b->G, a->G, a->G_count * sizeof *a->G);
        memcpy(b->dG, a->dG, a->dG_count * sizeof *a->dG);
        memcpy(b->cdf, a->cdf, a->G_count * a->dG_count * sizeof *a->cdf);
    }
    return status;
}
