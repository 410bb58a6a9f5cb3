/* code.c - perturbation patterns.
 * 1. life cycle   2. random words of a block   3. patterns of each kind   4. properties
 */
#include "code.h"
#include "base/simd.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct rebias_code {
    struct rebias_code_options options;
    size_t period;   /* WALSH: H, a power of two */
    uint32_t *order; /* SEQUENTIAL: when; WALSH: row; SINE: frequency number */
    double *phase;   /* SINE: of a turn */
    uint32_t *word; /* RANDOM: [n] signs of block `block`; sparse and GAUSSIAN: one word each */
    uint32_t parity[REBIAS_CODE_BLOCK]; /* of row & column below 32 */
    uint64_t block;                     /* whose words those are */
    bool filled;
};

/* -- 1. life cycle -- */

static int check_options(const struct rebias_code_options *o, struct rebias_error *err)
{
    if (o->n < 1 || o->n > UINT32_MAX / 4) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu parameters cannot be perturbed", o->n);
    }
    if (!(o->norm > 0.0 && isfinite(o->norm))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the perturbation's amplitude %g is not above 0", o->norm);
    }
    if (!(o->sparsity >= 1.0 && o->sparsity <= 1e6)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the sparsity %g is not in 1 to 1e6",
                           o->sparsity);
    }
    if (o->kind == REBIAS_PERTURB_SINE &&
        !(o->f_low >= 0.0 && o->f_low < o->f_high && o->f_high <= 0.5)) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "frequencies %g to %g of the sines are not inside 0 to 0.5 a pattern", o->f_low,
            o->f_high);
    }
    return REBIAS_OK;
}

static struct rebias_stream stream_of(const struct rebias_code *code, uint32_t step)
{
    const struct rebias_code_options *o = &code->options;
    return (struct rebias_stream){o->seed, REBIAS_FOR_PERTURBATION, o->replicate, o->entity,
                                  step};
}

/* Steps of the stream from here on hold orders and phases; patterns take those below. */
static const uint32_t ORDER_STEP = 0x80000000u;
static const uint32_t PHASE_STEP = 0x80000001u;

static int make_order(struct rebias_code *code, struct rebias_error *err)
{
    const size_t n = code->options.n;
    const size_t all = code->options.kind == REBIAS_PERTURB_WALSH ? code->period : n;
    const struct rebias_stream order = stream_of(code, ORDER_STEP);
    const struct rebias_stream phase = stream_of(code, PHASE_STEP);
    int status = rebias_alloc(&code->order, all, sizeof *code->order, err);
    if (status == REBIAS_OK) {
        rebias_random_permutation(&order, all, code->order);
    }
    if (status == REBIAS_OK && code->options.kind == REBIAS_PERTURB_SINE) {
        status = rebias_alloc(&code->phase, n, sizeof *code->phase, err);
        if (status == REBIAS_OK) {
            rebias_random_uniform(&phase, 0, n, code->phase);
        }
    }
    return status;
}

/* Bit k of word r: whether r & k has an odd number of bits, r and k below 32. */
static void fill_parities(uint32_t parity[REBIAS_CODE_BLOCK])
{
    for (uint32_t r = 0; r < REBIAS_CODE_BLOCK; r++) {
        parity[r] = 0;
        for (uint32_t k = 0; k < REBIAS_CODE_BLOCK; k++) {
            parity[r] |= (uint32_t)__builtin_parity(r & k) << k;
        }
    }
}

int rebias_code_new(struct rebias_code **out, const struct rebias_code_options *options,
                    struct rebias_error *err)
{
    *out = NULL;
    struct rebias_code *code = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&code, 1, sizeof *code, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    code->options = *options;
    code->period = 1;
    while (code->period < options->n) {
        code->period *= 2;
    }
    fill_parities(code->parity);
    bool drawn = options->kind == REBIAS_PERTURB_RANDOM ||
                 options->kind == REBIAS_PERTURB_GAUSSIAN ||
                 options->kind == REBIAS_PERTURB_WALSH;
    if (drawn) {
        status = rebias_alloc(&code->word, options->n, sizeof *code->word, err);
    }
    if (status == REBIAS_OK && options->kind != REBIAS_PERTURB_RANDOM &&
        options->kind != REBIAS_PERTURB_GAUSSIAN) {
        status = make_order(code, err);
    }
    if (status != REBIAS_OK) {
        rebias_code_free(code);
        return status;
    }
    *out = code;
    return REBIAS_OK;
}

void rebias_code_free(struct rebias_code *code)
{
    if (code != NULL) {
        free(code->order);
        free(code->phase);
        free(code->word);
        free(code);
    }
}

/* -- 2. random words of a block -- */

/* Signs of 32 successive columns of the Hadamard matrix: entry (r, t) is minus when r & t has
 * an odd number of bits; odd periods are negated. The bits of t above the lowest 5 are those of
 * the block's first column, and rows are below the period. */
static void walsh_signs(struct rebias_code *code, uint64_t block)
{
    const uint64_t first = block * REBIAS_CODE_BLOCK;
    uint32_t negated = 0;
    for (uint32_t k = 0; k < REBIAS_CODE_BLOCK; k++) {
        negated |= (uint32_t)((first + k) / code->period & 1u) << k;
    }
    for (size_t i = 0; i < code->options.n; i++) {
        const uint32_t row = code->order[i];
        uint32_t above = row & (uint32_t)first;
        for (uint32_t reach = 16; reach > 0; reach /= 2) {
            above ^= above >> reach;
        }
        const uint32_t all = 0u - (above & 1u);
        code->word[i] = code->parity[row % REBIAS_CODE_BLOCK] ^ all ^ negated;
    }
}

const uint32_t *rebias_code_signs(struct rebias_code *code, uint64_t block)
{
    const struct rebias_code_options *o = &code->options;
    bool random = o->kind == REBIAS_PERTURB_RANDOM && o->sparsity <= 1.0;
    if (!random && o->kind != REBIAS_PERTURB_WALSH) {
        return NULL;
    }
    if (!code->filled || code->block != block) {
        if (random) {
            const struct rebias_stream stream = stream_of(code, (uint32_t)block);
            rebias_random_words(&stream, 0, o->n, code->word);
        } else {
            walsh_signs(code, block);
        }
        code->block = block;
        code->filled = true;
    }
    return code->word;
}

/* -- 3. patterns of each kind -- */

REBIAS_SIMD static void signs_to_pattern(size_t n, const uint32_t *word, uint32_t k,
                                         float amplitude, float *p)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t minus = word[i] >> k & 1u;
        p[i] = minus != 0 ? -amplitude : amplitude;
    }
}

static void fill_sines(const struct rebias_code *code, uint64_t t, float *p)
{
    const struct rebias_code_options *o = &code->options;
    const double amplitude = o->norm * sqrt(2.0 / (double)o->n);
    const double spacing = (o->f_high - o->f_low) / (double)o->n;
    for (size_t i = 0; i < o->n; i++) {
        double f = o->f_low + spacing * ((double)code->order[i] + 0.5);
        double turns = f * (double)t + code->phase[i];
        p[i] = (float)(amplitude * sin(2.0 * M_PI * (turns - floor(turns))));
    }
}

static void fill_one(const struct rebias_code *code, uint64_t t, float *p)
{
    const size_t n = code->options.n;
    memset(p, 0, n * sizeof *p);
    p[code->order[t % n]] = (float)code->options.norm;
}

/* Sparse signs and normal numbers take one word a parameter and pattern. */
static void fill_drawn(struct rebias_code *code, uint64_t t, float *p)
{
    const struct rebias_code_options *o = &code->options;
    const struct rebias_stream stream = stream_of(code, (uint32_t)t);
    rebias_random_words(&stream, 0, o->n, code->word);
    if (o->kind == REBIAS_PERTURB_GAUSSIAN) {
        const float amplitude = (float)rebias_code_amplitude(code);
        rebias_normal_quantiles(o->n, code->word, p);
        for (size_t i = 0; i < o->n; i++) {
            p[i] *= amplitude;
        }
        return;
    }
    const uint32_t limit = (uint32_t)(0x1p31 / o->sparsity);
    const float amplitude = (float)(o->norm * sqrt(o->sparsity / (double)o->n));
    for (size_t i = 0; i < o->n; i++) {
        float entry = (code->word[i] & 1u) != 0 ? -amplitude : amplitude;
        p[i] = code->word[i] >> 1 < limit ? entry : 0.0f;
    }
}

void rebias_code_fill(struct rebias_code *code, uint64_t t, float *p)
{
    const struct rebias_code_options *o = &code->options;
    const uint32_t *signs = rebias_code_signs(code, t / REBIAS_CODE_BLOCK);
    if (signs != NULL) {
        signs_to_pattern(o->n, signs, (uint32_t)(t % REBIAS_CODE_BLOCK),
                         (float)rebias_code_amplitude(code), p);
    } else if (o->kind == REBIAS_PERTURB_SINE) {
        fill_sines(code, t, p);
    } else if (o->kind == REBIAS_PERTURB_SEQUENTIAL) {
        fill_one(code, t, p);
    } else {
        fill_drawn(code, t, p);
    }
}

/* -- 4. properties -- */

double rebias_code_amplitude(const struct rebias_code *code)
{
    return code->options.norm / sqrt((double)code->options.n);
}

double rebias_code_mean_square(const struct rebias_code *code)
{
    return code->options.norm * code->options.norm / (double)code->options.n;
}

size_t rebias_code_period(const struct rebias_code *code)
{
    const struct rebias_code_options *o = &code->options;
    switch (o->kind) {
    case REBIAS_PERTURB_SEQUENTIAL:
        return o->n;
    case REBIAS_PERTURB_WALSH:
        return code->period;
    case REBIAS_PERTURB_SINE:
        return 2 * o->n;
    case REBIAS_PERTURB_RANDOM:
    case REBIAS_PERTURB_GAUSSIAN:
        break;
    }
    return 0;
}
