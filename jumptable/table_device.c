/* table_device.c - the jump table as a device: the fast sampler.
 * 1. sampler tables   2. one pulse on uniform axes   3. one pulse on any axes   4. distribution
 * 5. descriptor
 *
 * A row's CDF entries are searched for u by a guide table: the top 8 bits of the random word
 * give a cell of u, the guide gives how many entries lie below the cell, one comparison in the
 * vector loop settles most lanes, and the few left (tails) are finished one by one. Guide
 * tables: Chen and Asau, AIIE Trans. 6, 163 (1974).
 *
 * Rule LINEAR is sampled as a mixture: F(dG | G) = (1 - f) F_i + f F_{i+1} is drawn by choosing
 * row i + 1 with probability f, from the word's low 8 bits (f rounded to 1/256), and inverting
 * that row linearly at u = the upper 24.
 */
#include "base/simd.h"
#include "rebias/base.h"
#include "rebias/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { P_GMIN, P_GMAX, P_RULE, P_SCALE, P_COUNT };
enum { C_SCALE = 2, C_COUNT };
enum { CELLS = 256, CELL_SHIFT = 24, PAD = 3, MAX_LEVELS = 60000 };

/* One polarity, prepared for the vector loop. */
struct sampler {
    bool uniform; /* both axes equidistant: the fast path is used */
    float G0, rows_per_S;
    float last_row;
    size_t stride;   /* entries a row, with one in front and PAD behind */
    float *entry;    /* rows x stride: what u is compared with */
    uint32_t *guide; /* rows x CELLS/2: two 16-bit counts a word */
    float *jump;     /* NEAREST: dG of entry number, rows x stride; LINEAR: NULL */
    float dG0, dG_step, last_level;
};

struct table_data {
    struct rebias_table *table;
    enum rebias_rule rule;
    struct sampler sampler[2];
};

/* -- 1. sampler tables -- */

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

static int sampler_fill(struct sampler *s, const struct rebias_table_side *side,
                        enum rebias_rule rule, struct rebias_error *err)
{
    const size_t rows = side->G_count;
    const size_t last = side->dG_count - 1;
    s->stride = side->dG_count + 1 + PAD;
    s->uniform =
        is_uniform(side->G, rows) && is_uniform(side->dG, side->dG_count) &&
        last < MAX_LEVELS &&
        rows <= INT32_MAX / (s->stride > CELLS ? s->stride
                                               : CELLS); /* the loop's indices have 32 bits */
    if (!s->uniform) {
        return REBIAS_OK;
    }
    s->G0 = (float)side->G[0];
    s->rows_per_S = (float)((double)(rows - 1) / (side->G[rows - 1] - side->G[0]));
    s->last_row = (float)(rows - 1);
    s->dG0 = (float)side->dG[0];
    s->dG_step = (float)((side->dG[last] - side->dG[0]) / (double)last);
    s->last_level = (float)last;
    int status = rebias_alloc(&s->entry, rows * s->stride, sizeof(float), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&s->guide, rows * CELLS / 2, sizeof(uint32_t), err);
    }
    if (status == REBIAS_OK && rule == REBIAS_RULE_NEAREST) {
        status = rebias_alloc(&s->jump, rows * s->stride, sizeof(float), err);
    }
    for (size_t i = 0; i < rows && status == REBIAS_OK; i++) {
        fill_row(side, rule, side->cdf + i * side->dG_count, s->entry + i * s->stride,
                 s->jump != NULL ? s->jump + i * s->stride : NULL, s->stride);
        fill_guide(s->entry + i * s->stride, s->stride, s->guide + i * CELLS / 2);
    }
    return status;
}

static void free_data(void *data)
{
    struct table_data *d = data;
    if (d == NULL) {
        return;
    }
    for (int p = 0; p < 2; p++) {
        free(d->sampler[p].entry);
        free(d->sampler[p].guide);
        free(d->sampler[p].jump);
    }
    rebias_table_free(d->table);
    free(d);
}

/* -- 2. one pulse on uniform axes -- */

static inline float probability_of(uint32_t word)
{
    return ((float)(int32_t)(word >> 8) + 0.5f) * 0x1p-24f;
}

/* Row for a conductance: the nearest (lower on ties), or one of its two neighbours by the
 * word's low bits. */
static inline int32_t row_of(const struct sampler *s, enum rebias_rule rule, float G,
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

/* The jump for u between entries number `below` and below + 1 of a row. */
static inline float jump_of(const struct sampler *s, enum rebias_rule rule, int32_t row,
                            int32_t below, float lower, float upper, float u)
{
    if (rule == REBIAS_RULE_NEAREST) {
        return s->jump[row * (int32_t)s->stride + below];
    }
    float level = (float)(below - 1) + (u - lower) / (upper - lower);
    level = level < 0.0f ? 0.0f : level;
    level = level > s->last_level ? s->last_level : level;
    return s->dG0 + s->dG_step * level;
}

/* All lanes at once; lanes that one comparison does not settle keep their G and set undone.
 * Returns their number. */
static inline int sweep(const struct sampler *sampler, enum rebias_rule rule,
                        const struct rebias_lanes *lanes, size_t scale_stride, float *G,
                        int32_t *undone)
{
    const struct sampler s = *sampler;
    const uint32_t *word = lanes->word;
    const float *scale = lanes->coef[C_SCALE];
    int left = 0;
#pragma omp simd reduction(+ : left)
    for (size_t i = 0; i < lanes->n; i++) {
        uint32_t w = word[i];
        int32_t row = row_of(&s, rule, G[i], w);
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
        float jump =
            jump_of(&s, rule, row, below + beyond, lower, upper, u) * scale[i * scale_stride];
        left += unsettled;
        undone[i] = unsettled;
        G[i] = unsettled != 0 ? G[i] : G[i] + jump;
    }
    return left;
}

REBIAS_SIMD static int sweep_linear(const struct sampler *s, const struct rebias_lanes *lanes,
                                    float *G, int32_t *undone)
{
    return lanes->stride == 0 ? sweep(s, REBIAS_RULE_LINEAR, lanes, 0, G, undone)
                              : sweep(s, REBIAS_RULE_LINEAR, lanes, 1, G, undone);
}

REBIAS_SIMD static int sweep_nearest(const struct sampler *s, const struct rebias_lanes *lanes,
                                     float *G, int32_t *undone)
{
    return lanes->stride == 0 ? sweep(s, REBIAS_RULE_NEAREST, lanes, 0, G, undone)
                              : sweep(s, REBIAS_RULE_NEAREST, lanes, 1, G, undone);
}

/* The lanes left over, by bisection. */
static void finish(const struct sampler *s, enum rebias_rule rule,
                   const struct rebias_lanes *lanes, const int32_t *undone, float *G)
{
    for (size_t i = 0; i < lanes->n; i++) {
        if (undone[i] == 0) {
            continue;
        }
        int32_t row = row_of(s, rule, G[i], lanes->word[i]);
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
        G[i] += jump_of(s, rule, row, (int32_t)low, entry[low], entry[high], u) *
                lanes->coef[C_SCALE][i * lanes->stride];
    }
}

/* -- 3. one pulse on any axes -- */

static void step_plain(const struct table_data *d, const struct rebias_lanes *lanes, float *G)
{
    const struct rebias_table_side *side = &d->table->side[lanes->polarity];
    for (size_t i = 0; i < lanes->n; i++) {
        double u = ((double)lanes->word[i] + 0.5) * 0x1p-32;
        double jump = rebias_table_quantile(side, d->rule, (double)G[i], u, NULL, NULL);
        G[i] += (float)jump * lanes->coef[C_SCALE][i * lanes->stride];
    }
}

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    const struct table_data *d = device->data;
    const struct sampler *s = &d->sampler[lanes->polarity];
    if (!s->uniform) {
        step_plain(d, lanes, G);
        return;
    }
    int32_t undone[REBIAS_LANES_MAX];
    int left = d->rule == REBIAS_RULE_LINEAR ? sweep_linear(s, lanes, G, undone)
                                             : sweep_nearest(s, lanes, G, undone);
    if (left > 0) {
        finish(s, d->rule, lanes, undone, G);
    }
}

/* -- 4. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const struct table_data *d = device->data;
    rebias_table_moments(&d->table->side[polarity], d->rule, G, mean, sd);
    *mean *= device->coefs[C_SCALE];
    *sd *= device->coefs[C_SCALE];
}

static double cdf(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                  double dG)
{
    const struct table_data *d = device->data;
    double scale = device->coefs[C_SCALE];
    return rebias_table_cdf(&d->table->side[polarity], d->rule, G,
                            scale == 1.0 ? dG : dG / scale);
}

/* -- 5. descriptor -- */

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 1e-6, 0.0, 1.0, false, "lowest conductance (from the table's axes)"},
    {"Gmax", "S", 1e-4, 0.0, 1.0, false, "highest conductance (from the table's axes)"},
    {"rule", "1", 0.0, 0.0, 1.0, false, "0 linear, 1 nearest"},
    {"scale", "1", 1.0, 1e-6, 1e6, true, "factor on every jump of a device"},
};

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    (void)err;
    coef[P_GMIN] = values[P_GMIN];
    coef[P_GMAX] = values[P_GMAX];
    coef[C_SCALE] = values[P_SCALE];
    return REBIAS_OK;
}

const struct rebias_device_model rebias_table_model = {
    .name = "table",
    .doc = "jump table: for every G the distribution of dG, from a file",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = C_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = cdf,
    .free_data = free_data,
    .gaussian = false,
};

static int table_copy(struct rebias_table **out, const struct rebias_table *from,
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

int rebias_table_device_new(struct rebias_device **out, const struct rebias_table *table,
                            const char *name, enum rebias_rule rule, double scale,
                            double scale_spread, struct rebias_error *err)
{
    *out = NULL;
    struct table_data *data = NULL;
    int status = rebias_table_validate(table, name, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&data, 1, sizeof *data, err);
    }
    if (status == REBIAS_OK) {
        data->rule = rule;
        status = table_copy(&data->table, table, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = sampler_fill(&data->sampler[p], &data->table->side[p], rule, err);
    }
    if (status == REBIAS_OK) {
        double values[P_COUNT] = {0.0, 0.0, (double)rule, scale};
        const double spreads[P_COUNT] = {0.0, 0.0, 0.0, scale_spread};
        rebias_table_range(table, &values[P_GMIN], &values[P_GMAX]);
        status =
            rebias_device_build(out, &rebias_table_model, name, values, spreads, data, err);
    }
    if (status != REBIAS_OK) {
        free_data(data);
    }
    return status;
}

const struct rebias_table *rebias_device_table(const struct rebias_device *device)
{
    if (device->model != &rebias_table_model) {
        return NULL;
    }
    const struct table_data *d = device->data;
    return d->table;
}
