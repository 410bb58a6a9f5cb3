/* random.c - addressed random numbers.
 * 1. Philox4x32-10 in bulk   2. words at any index   3. uniform and normal numbers   4.
 * permutations
 *
 * References: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11 (Philox, its
 * constants); Wichura, "Algorithm AS 241", Appl. Statist. 37, 477 (1988) (normal quantiles).
 */
#include "rebias/random.h"
#include "simd.h"
#include <math.h>
#include <string.h>

/* -- 1. Philox4x32-10 in bulk -- */

static const uint32_t PHILOX_M0 = 0xD2511F53u;
static const uint32_t PHILOX_M1 = 0xCD9E8D57u;
static const uint32_t PHILOX_W0 = 0x9E3779B9u; /* golden ratio */
static const uint32_t PHILOX_W1 = 0xBB67AE85u; /* sqrt(3) - 1 */
enum { PHILOX_ROUNDS = 10, GROUP = 16 };

/* Key and the counter's fixed part. */
struct address {
    uint32_t key0, key1;
    uint32_t c1, c2, c3;
};

static struct address address_of(const struct rebias_stream *s)
{
    return (struct address){(uint32_t)s->seed, (uint32_t)(s->seed >> 32), s->step, s->entity,
                            s->purpose << 24 | (s->replicate & 0xFFFFFFu)};
}

/* One block; halves in 64-bit lanes so that compilers use widening multiplications. low = word0
 * | word1 << 32. */
static inline void philox(const struct address *a, uint32_t block, uint64_t *low,
                          uint64_t *high)
{
    uint64_t x0 = block;
    uint64_t x1 = a->c1;
    uint64_t x2 = a->c2;
    uint64_t x3 = a->c3;
    uint32_t k0 = a->key0;
    uint32_t k1 = a->key1;
#pragma GCC unroll 10
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * (uint32_t)x0;
        uint64_t p1 = (uint64_t)PHILOX_M1 * (uint32_t)x2;
        x0 = (p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    *low = x0 | x1 << 32;
    *high = x2 | x3 << 32;
}

static inline void store_block(uint32_t *words, uint64_t low, uint64_t high)
{
    words[0] = (uint32_t)low;
    words[1] = (uint32_t)(low >> 32);
    words[2] = (uint32_t)high;
    words[3] = (uint32_t)(high >> 32);
}

REBIAS_SIMD static void fill_groups(struct address a, uint32_t first, size_t groups,
                                    uint32_t *words)
{
    for (size_t g = 0; g < groups; g++) {
        uint64_t low[GROUP];
        uint64_t high[GROUP];
        uint32_t start = first + (uint32_t)g * GROUP;
#pragma omp simd
        for (uint32_t lane = 0; lane < GROUP; lane++) {
            philox(&a, start + lane, &low[lane], &high[lane]);
        }
        uint32_t *to = words + 4 * GROUP * g;
#pragma omp simd
        for (size_t lane = 0; lane < GROUP; lane++) {
            store_block(to + 4 * lane, low[lane], high[lane]);
        }
    }
}

void rebias_random_blocks(const struct rebias_stream *stream, uint32_t first, size_t n,
                          uint32_t *words)
{
    const struct address a = address_of(stream);
    size_t groups = n / GROUP;
    fill_groups(a, first, groups, words);
    size_t rest = n - groups * GROUP;
    if (rest > 0) {
        uint32_t tail[4 * GROUP];
        fill_groups(a, first + (uint32_t)(groups * GROUP), 1, tail);
        memcpy(words + 4 * GROUP * groups, tail, 4 * rest * sizeof *tail);
    }
}

/* -- 2. words at any index -- */

void rebias_random_words(const struct rebias_stream *stream, uint64_t first, size_t n,
                         uint32_t *words)
{
    uint32_t block = (uint32_t)(first / 4);
    size_t skip = (size_t)(first % 4);
    if (skip > 0 && n > 0) {
        uint32_t head[4];
        rebias_random_blocks(stream, block, 1, head);
        size_t take = 4 - skip < n ? 4 - skip : n;
        memcpy(words, head + skip, take * sizeof *words);
        words += take;
        n -= take;
        block++;
    }
    size_t blocks = n / 4;
    rebias_random_blocks(stream, block, blocks, words);
    size_t rest = n - 4 * blocks;
    if (rest > 0) {
        uint32_t tail[4];
        rebias_random_blocks(stream, block + (uint32_t)blocks, 1, tail);
        memcpy(words + 4 * blocks, tail, rest * sizeof *words);
    }
}

REBIAS_SIMD static void fill_scattered(struct address a, uint64_t offset, size_t n,
                                       const uint32_t *index, uint32_t *words)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint64_t w = offset + index[i];
        uint64_t low;
        uint64_t high;
        philox(&a, (uint32_t)(w >> 2), &low, &high);
        uint64_t half = (w & 2) != 0 ? high : low;
        words[i] = (uint32_t)((w & 1) != 0 ? half >> 32 : half);
    }
}

void rebias_random_words_at(const struct rebias_stream *stream, uint64_t offset, size_t n,
                            const uint32_t *index, uint32_t *words)
{
    fill_scattered(address_of(stream), offset, n, index, words);
}

/* -- 3. uniform and normal numbers -- */

enum { PIECE = 1024 };

void rebias_random_uniform(const struct rebias_stream *stream, uint64_t first, size_t n,
                           double *x)
{
    uint32_t words[PIECE];
    for (size_t start = 0; start < n; start += PIECE) {
        size_t m = n - start < PIECE ? n - start : PIECE;
        rebias_random_words(stream, first + start, m, words);
        for (size_t i = 0; i < m; i++) {
            x[start + i] = ((double)words[i] + 0.5) * 0x1p-32;
        }
    }
}

/* Natural logarithm of a normal positive float, for use inside vector loops: x = 2^e m with m
 * in [1/sqrt 2, sqrt 2), s = (m - 1)/(m + 1), log m = 2 (s + s^3/3 + s^5/5 + s^7/7 + s^9/9);
 * |s| < 0.172, so the first term left out is below 4e-10. */
static inline float log_positive(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t half_root = 0x3F3504F3u; /* bits of 1/sqrt(2) */
    uint32_t shifted = bits - half_root;
    int32_t exponent = (int32_t)shifted >> 23;
    uint32_t mantissa = bits - (uint32_t)exponent * 0x800000u;
    float m;
    memcpy(&m, &mantissa, sizeof m);
    float s = (m - 1.0f) / (m + 1.0f);
    float q = s * s;
    float series =
        (((q * (1.0f / 9.0f) + 1.0f / 7.0f) * q + 1.0f / 5.0f) * q + 1.0f / 3.0f) * q;
    const float ln2_high =
        0.693359375f; /* exact in few bits, so that exponent * ln2_high is exact */
    const float ln2_low = -2.12194440e-4f;
    float e = (float)exponent;
    return e * ln2_high + (2.0f * s + (2.0f * s * series + e * ln2_low));
}

/* Phi^-1 for the lower half: k = words below 2^31 counted from the left tail. */
static inline float lower_quantile(uint32_t k)
{
    float q =
        -((float)(int32_t)(0x7FFFFFFFu - k) + 0.5f) * 0x1p-32f; /* p - 1/2, exact near 0 */
    float p = ((float)(int32_t)k + 0.5f) * 0x1p-32f;
    float r = 0.180625f - q * q;
    float body =
        q * (((59.109374720f * r + 159.29113202f) * r + 50.434271938f) * r + 3.3871327179f) /
        (((67.187563600f * r + 78.757757664f) * r + 17.895169469f) * r + 1.0f);
    float t = sqrtf(-log_positive(p)) - 1.6f;
    float tail =
        -(((0.17023821103f * t + 1.3067284816f) * t + 2.7568153900f) * t + 1.4234372777f) /
        ((0.12021132975f * t + 0.73700164250f) * t + 1.0f);
    return q >= -0.425f ? body : tail;
}

REBIAS_SIMD static void fill_quantiles(size_t n, const uint32_t *word, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t w = word[i];
        uint32_t upper = (uint32_t) - (int32_t)(w >> 31); /* all ones in the upper half */
        float x = lower_quantile(w ^ upper);
        z[i] = upper != 0 ? -x : x;
    }
}

void rebias_normal_quantiles(size_t n, const uint32_t *word, float *z)
{
    fill_quantiles(n, word, z);
}

void rebias_random_normal(const struct rebias_stream *stream, uint64_t first, size_t n,
                          float *x)
{
    uint32_t words[PIECE];
    for (size_t start = 0; start < n; start += PIECE) {
        size_t m = n - start < PIECE ? n - start : PIECE;
        rebias_random_words(stream, first + start, m, words);
        rebias_normal_quantiles(m, words, x + start);
    }
}

/* -- 4. permutations -- */

__extension__ typedef unsigned __int128 wide;

void rebias_random_permutation(const struct rebias_stream *stream, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    uint32_t words[PIECE];
    size_t used = PIECE;
    uint64_t next = 0;
    for (size_t i = n; i > 1; i--) {
        if (used == PIECE) {
            const size_t needed = 2 * (i - 1);
            rebias_random_words(stream, next, needed < PIECE ? needed : PIECE, words);
            next += PIECE;
            used = 0;
        }
        uint64_t draw = (uint64_t)words[used] << 32 | words[used + 1];
        used += 2;
        size_t j = (size_t)(((wide)draw * i) >> 64);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}
