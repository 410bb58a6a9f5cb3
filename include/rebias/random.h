/* random.h - addressed random numbers: Philox4x32-10, a pure function of (seed, address).
 *
 * Counter of a block = { block, step, entity, purpose << 24 | replicate }, key = the 64-bit
 * seed. One block gives 4 words of 32 bits; word number w of a stream is word w % 4 of block w
 * / 4. So a stream holds 2^34 words, nothing is ever "drawn in turn", and any thread may
 * compute any part of it: the same bytes for any number of threads. Philox: Salmon, Moraes,
 * Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11; the bulk loops are checked
 * against Random123 and its known-answer vectors.
 */
#ifndef REBIAS_RANDOM_H
#define REBIAS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One constant for each use of randomness, below 256. A new use needs a new constant; never
 * renumber: the numbers are part of every published result. */
enum rebias_purpose {
    REBIAS_FOR_PULSE =
        1, /* the jump of a pulse during training; entity = array, step = update */
    REBIAS_FOR_ROUNDING = 2,     /* stochastic rounding of requests to pulses */
    REBIAS_FOR_ROUNDING_TIE = 3, /* its further bits where the first 16 do not decide */
    REBIAS_FOR_PAIR = 4,         /* which device of a pair takes the odd pulse */
    REBIAS_FOR_WEIGHTS = 5,      /* initial weights; entity = layer */
    REBIAS_FOR_PROGRAMMING =
        6, /* pulses that program the initial weights; entity = array, step = round */
    REBIAS_FOR_ORDER = 7,  /* order of the samples; step = epoch */
    REBIAS_FOR_SPREAD = 8, /* device-to-device spread; entity = array, step = parameter */
    REBIAS_FOR_SYNTH_G =
        9, /* start conductances of synthetic pulse data; entity = polarity, step = trial */
    REBIAS_FOR_SYNTH_PULSE = 10, /* their pulses */
    REBIAS_FOR_BOOTSTRAP = 11,   /* resampling with replacement; step = resample */
    REBIAS_FOR_CURVE = 12,       /* pulse curves of `device curve`; step = pulse */
    REBIAS_FOR_SAMPLE = 13,      /* `table sample` */
    REBIAS_FOR_FOLDS = 14,       /* folds of cross-validation and random search of estimators */
    REBIAS_FOR_IMAGES = 15,      /* generated images; entity 0 training, 1 test; step = image */
    REBIAS_FOR_RESAMPLE = 16,    /* pulse data drawn with replacement; step = table */
    REBIAS_FOR_PERMUTATION = 17, /* permutation and Monte Carlo tests; step = permutation */
    REBIAS_FOR_SUBSET = 18,      /* random subsets and draws from a model in such tests */
    REBIAS_FOR_MEMBER = 19,      /* which table of a population a device has; entity = array */
    REBIAS_FOR_PERTURBATION = 20, /* MGD: codes; entity = layer, step = pattern */
    REBIAS_FOR_COST_NOISE = 21,   /* MGD: noise of the measured cost */
    REBIAS_FOR_UPDATE_NOISE = 22, /* MGD: noise of the parameter update */
    REBIAS_FOR_NEURONS = 23,      /* activation defects of neurons; entity = layer */
    REBIAS_FOR_READ = 24,         /* read noise of devices */
    REBIAS_FOR_WRITE = 25,        /* errors of writing devices; entity = block */
    REBIAS_FOR_STUCK = 26,        /* synthetic chips: which devices are stuck, at what value */
    REBIAS_FOR_PLACEMENT = 27,    /* random places of blocks */
    REBIAS_FOR_READOUT = 28,      /* gains, offsets and noise of the read chain */
    REBIAS_FOR_QUANTUM = 29, /* MGD: stochastic rounding of software steps; step = update */
    REBIAS_FOR_TUNING = 30, /* fine-tuning of deployed networks; entity = kind << 24 | number */
    REBIAS_FOR_TEST = 255   /* tests and benchmarks */
};

/* Address of a stream; a plain value, freely copied. replicate must be below 2^24. */
struct rebias_stream {
    uint64_t seed;
    uint32_t purpose; /* enum rebias_purpose */
    uint32_t replicate;
    uint32_t entity;
    uint32_t step;
};

/* Blocks first .. first + n - 1 into words[4 n]. */
void rebias_random_blocks(const struct rebias_stream *stream, uint32_t first, size_t n,
                          uint32_t *words);

/* Words first .. first + n - 1 (any alignment) into words[n]: uniform random bits. */
void rebias_random_words(const struct rebias_stream *stream, uint64_t first, size_t n,
                         uint32_t *words);

/* words[i] = word number index[i] of the stream, for scattered indices; index[i] < 2^34. */
void rebias_random_words_at(const struct rebias_stream *stream, uint64_t offset, size_t n,
                            const uint32_t *index, uint32_t *words);

/* x[i] = (w + 1/2) 2^-32 with w = word first + i: uniform in the open interval (0, 1), 32 bits.
 */
void rebias_random_uniform(const struct rebias_stream *stream, uint64_t first, size_t n,
                           double *x);

/* x[i] standard normal from word first + i by the inverse distribution function
 * (rebias_normal_quantiles). */
void rebias_random_normal(const struct rebias_stream *stream, uint64_t first, size_t n,
                          float *x);

/* z[i] = Phi^-1((word[i] + 1/2) 2^-32): monotone in the word up to rounding (falls of at most
 * 2^-21), |z| <= 6.34, absolute error below 2e-6 in the body and relative error below 1e-6 in
 * the tails (algorithm PPND7 of Wichura, AS 241, Appl. Statist. 37, 477 (1988), evaluated in
 * single precision). */
void rebias_normal_quantiles(size_t n, const uint32_t *word, float *z);

/* A uniformly random permutation of 0 .. n - 1 into order[n] (Fisher-Yates; 64-bit
 * multiply-shift draws, bias below n 2^-64). */
void rebias_random_permutation(const struct rebias_stream *stream, size_t n, uint32_t *order);

#ifdef __cplusplus
}
#endif
#endif
