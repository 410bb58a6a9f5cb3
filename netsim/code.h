/* code.h - perturbation patterns of multiplexed gradient descent (internal to netsim).
 *
 * Pattern t of a block of n parameters has entries p_i(t) with mean square D^2 = norm^2/n over
 * the patterns, whatever the kind:
 *   SINE        norm sqrt(2/n) sin(2 pi f_i t + phi_i), n frequencies equally spaced in
 *               (f_low, f_high), shuffled, random phases
 *   SEQUENTIAL  norm for one i a pattern, in a fixed shuffled order, 0 for the others
 *   RANDOM      +- norm/sqrt(n), fair bits; with sparsity s: +- s norm'/sqrt(n) with
 *               probability 1/s, else 0 (norm' = norm/sqrt(s), so that D stays)
 *   WALSH       +- norm/sqrt(n) from row r_i of the H x H Hadamard matrix (H = power of two >=
 *               n, rows shuffled); the whole pattern is negated in every second period
 *   GAUSSIAN    norm/sqrt(n) times a standard normal number
 * Patterns are functions of (seed, replicate, entity, t): nothing is stored but a block of 32
 * patterns' random words. (McCaughan et al., APL Mach. Learn. 1, 026118 (2023).)
 */
#ifndef REBIAS_NETSIM_CODE_H
#define REBIAS_NETSIM_CODE_H

#include "rebias/mgd.h"

struct rebias_code_options {
    enum rebias_perturbation kind;
    size_t n;             /* parameters, >= 1 */
    double norm;          /* > 0: root mean square norm of a pattern */
    double sparsity;      /* RANDOM only, >= 1; 1 = dense */
    double f_low, f_high; /* SINE only: cycles a pattern, 0 <= f_low < f_high <= 0.5 */
    uint64_t seed;
    uint32_t replicate;
    uint32_t entity; /* number of the block */
};

enum { REBIAS_CODE_BLOCK = 32 }; /* patterns whose random words are made together */

struct rebias_code;

/* Errors: REBIAS_E_RANGE, REBIAS_E_MEMORY. */
int rebias_code_new(struct rebias_code **out, const struct rebias_code_options *options,
                    struct rebias_error *err);
void rebias_code_free(struct rebias_code *code);

/* Pattern t < 2^36 into p[n]. */
void rebias_code_fill(struct rebias_code *code, uint64_t t, float *p);

/* Kinds whose entries are +- one amplitude: signs of patterns 32 block .. 32 block + 31, bit t
 * % 32 of word[i] for parameter i, 1 = minus. Borrowed until the next call of any function
 * here; NULL for the other kinds. */
const uint32_t *rebias_code_signs(struct rebias_code *code, uint64_t block);

/* The amplitude of such kinds, norm/sqrt(n). */
double rebias_code_amplitude(const struct rebias_code *code);

/* D^2 = norm^2/n. */
double rebias_code_mean_square(const struct rebias_code *code);

/* Patterns after which a set of orthogonal ones is complete: n (SEQUENTIAL), H (WALSH), 2 n
 * (SINE over the whole band), 0 = never. */
size_t rebias_code_period(const struct rebias_code *code);

#endif
