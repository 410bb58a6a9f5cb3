/* mersenne.c - the Mersenne twister MT19937.
 * 1. seeding   2. words   3. uniform numbers
 *
 * Reference: Matsumoto and Nishimura, "Mersenne twister", ACM Trans. Model. Comput. Simul. 8, 3
 * (1998), and their program mt19937ar.c (2002); the constants are theirs.
 */
#include "mersenne.h"

enum { WORDS = REBIAS_MERSENNE_WORDS, DISTANCE = 397 };

/* -- 1. seeding -- */

void rebias_mersenne_seed(struct rebias_mersenne *generator, uint32_t seed)
{
    uint32_t *word = generator->word;
    word[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        word[i] = 1812433253u * (word[i - 1] ^ word[i - 1] >> 30) + i;
    }
    generator->used = WORDS;
}

/* -- 2. words -- */

static void make_words(uint32_t *word)
{
    static const uint32_t TWIST = 0x9908B0DFu;
    for (size_t i = 0; i < WORDS; i++) {
        const uint32_t joined = (word[i] & 0x80000000u) | (word[(i + 1) % WORDS] & 0x7FFFFFFFu);
        word[i] = word[(i + DISTANCE) % WORDS] ^ joined >> 1 ^ ((joined & 1) != 0 ? TWIST : 0u);
    }
}

uint32_t rebias_mersenne_word(struct rebias_mersenne *generator)
{
    if (generator->used == WORDS) {
        make_words(generator->word);
        generator->used = 0;
    }
    uint32_t y = generator->word[generator->used++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
}

/* -- 3. uniform numbers -- */

double rebias_mersenne_uniform(struct rebias_mersenne *generator)
{
    const double high = (double)(rebias_mersenne_word(generator) >> 5);
    const double low = (double)(rebias_mersenne_word(generator) >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
}
