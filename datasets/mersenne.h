/* mersenne.h - the Mersenne twister MT19937, for data sets that were published with it. All
 * other randomness is addressed (random.h). Internal to datasets.
 *
 * Matsumoto and Nishimura, ACM Trans. Model. Comput. Simul. 8, 3 (1998).
 */
#ifndef REBIAS_DATASETS_MERSENNE_H
#define REBIAS_DATASETS_MERSENNE_H

#include <stddef.h>
#include <stdint.h>

enum { REBIAS_MERSENNE_WORDS = 624 };

struct rebias_mersenne {
    uint32_t word[REBIAS_MERSENNE_WORDS];
    size_t used; /* words given since they were made */
};

/* The classic seeding (init_genrand of the authors' program). */
void rebias_mersenne_seed(struct rebias_mersenne *generator, uint32_t seed);

uint32_t rebias_mersenne_word(struct rebias_mersenne *generator);

/* Uniform in [0, 1) with 53 bits: (a 2^26 + b) 2^-53 from the top 27 and 26 bits of two words.
 */
double rebias_mersenne_uniform(struct rebias_mersenne *generator);

#endif
