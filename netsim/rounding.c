/* rounding.c - stochastic rounding of requested changes to pulses.
 *
 * Most requests are far below one pulse, so nearly all the work is comparing a uniform number
 * with a small fraction. 16 bits settle that comparison except with probability 2^-16; the rest
 * is settled with 32 more bits, so the rounding stays unbiased at half the cost of a word a
 * weight.
 */
#include "base/simd.h"
#include "rebias/crossbar.h"
#include <math.h>

enum { PIECE = 2048, HALVES_PER_BLOCK = 8 };

union halves {
    uint32_t word[PIECE / 2 + HALVES_PER_BLOCK];
    uint16_t half[PIECE + 2 * HALVES_PER_BLOCK];
};

/* Returns the number of entries that 16 bits do not settle. */
REBIAS_SIMD static int round_piece(size_t n, const float *request, float gain, float cap,
                                   const uint16_t *half, int16_t *count)
{
    int ties = 0;
#pragma omp simd reduction(+ : ties)
    for (size_t i = 0; i < n; i++) {
        float x = request[i] * gain;
        float y = fabsf(x);
        y = y < cap ? y : cap; /* also for NaN: the conversion below stays defined */
        int32_t whole = (int32_t)y;
        float fraction = (y - (float)whole) * 65536.0f;
        int32_t upper = (int32_t)fraction;
        int32_t bits = half[i];
        int32_t pulses = whole + (bits < upper ? 1 : 0);
        ties += bits == upper ? 1 : 0;
        count[i] = (int16_t)(x < 0.0f ? -pulses : pulses);
    }
    return ties;
}

/* Settles the entries whose 16 bits equal the fraction's: 32 further bits against the
 * fraction's remainder. */
static void settle_ties(const struct rebias_stream *stream, uint64_t first, size_t n,
                        const float *request, float gain, float cap, const uint16_t *half,
                        int16_t *count)
{
    struct rebias_stream further = *stream;
    further.purpose = REBIAS_FOR_ROUNDING_TIE;
    for (size_t i = 0; i < n; i++) {
        float x = request[i] * gain;
        float y = fminf(fabsf(x), cap);
        float fraction = (y - floorf(y)) * 65536.0f;
        float upper = floorf(fraction);
        if ((float)half[i] != upper || fraction == upper) {
            continue;
        }
        uint32_t word = 0;
        rebias_random_words(&further, first + i, 1, &word);
        if ((double)word * 0x1p-32 < (double)(fraction - upper)) {
            count[i] = (int16_t)(count[i] + (x < 0.0f ? -1 : 1));
        }
    }
}

void rebias_round_stochastic(const struct rebias_stream *stream, uint64_t first, size_t n,
                             const float *request, float gain, float cap, int16_t *count)
{
    union halves random;
    for (size_t start = 0; start < n; start += PIECE) {
        size_t m = n - start < PIECE ? n - start : PIECE;
        uint64_t from = first + start;
        size_t skip = (size_t)(from % HALVES_PER_BLOCK);
        rebias_random_blocks(stream, (uint32_t)(from / HALVES_PER_BLOCK),
                             (skip + m + HALVES_PER_BLOCK - 1) / HALVES_PER_BLOCK, random.word);
        const uint16_t *half = random.half + skip;
        if (round_piece(m, request + start, gain, cap, half, count + start) > 0) {
            settle_ties(stream, from, m, request + start, gain, cap, half, count + start);
        }
    }
}
