/* chip.h - crossbar chips of several kernels: which devices are stuck, and where; and the
 * errors of writing and reading.
 *
 * A kernel is columns x rows of devices. Forward: voltages on columns, currents from rows, as
 * on the Daffodil board (Yousuf et al., Nat. Commun. 16, 1250 (2025)). Conductances are in S.
 */
#ifndef REBIAS_CHIP_H
#define REBIAS_CHIP_H

#include "error.h"
#include "random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* State of a device. */
enum rebias_fault { REBIAS_WORKING = 0, REBIAS_STUCK_HIGH = 1, REBIAS_STUCK_LOW = 2 };

struct rebias_kernel {
    int32_t number; /* of the kernel on the chip */
    uint8_t *fault; /* [columns * rows], device (c, r) at c * rows + r; enum rebias_fault */
    float *G;       /* the same: measured conductance; of stuck devices the stuck value */
};

struct rebias_chip {
    size_t columns, rows; /* of every kernel */
    size_t count;
    struct rebias_kernel *kernel;
    double high, low; /* S: thresholds that made the fault maps (stuck above, below); both 0 of
                         a chip that was not measured */
    char *provenance; /* text, or NULL */
};

/* *out = a chip whose devices all work and read 0 S; kernels are numbered from 0. At most 1e8
 * devices. Owner: the caller. */
int rebias_chip_new(struct rebias_chip **out, size_t count, size_t columns, size_t rows,
                    struct rebias_error *err);
void rebias_chip_free(struct rebias_chip *chip);

/* Marks devices above `high` S as stuck high, below `low` S as stuck low, the rest as working.
 */
void rebias_chip_mark(struct rebias_chip *chip, double high, double low);

/* *out = a chip of maps, one text file a kernel (lines = columns, numbers = rows, S, scaled by
 * `scale`; "#" lines are notes), in the order of their numbers: the digits at the end of a
 * file's name before its first dot ("k17.txt": 17), else its place among the files, from 0.
 * Refused: maps of different shapes, lines of different length, NaN, what is no number, a
 * kernel that comes twice. Negative readings are noise and kept. */
int rebias_chip_import(struct rebias_chip **out, size_t count, const char *const *paths,
                       double scale, double high, double low, struct rebias_error *err);

/* Distribution of the values of stuck devices: normal, cut at [min, max]; sd 0 = constant. */
struct rebias_stuck_values {
    double mean, sd, min, max; /* S */
};

struct rebias_chip_options {
    size_t count, columns, rows;
    double stuck_high, stuck_low; /* probabilities, sum <= 1 */
    struct rebias_stuck_values high, low;
    double working; /* S: what working devices read before they are written */
    /* dead rows: every device of dead_row[k] of kernels with number % group_size ==
     * dead_group[k] is stuck low */
    size_t dead_count, group_size;
    const uint32_t *dead_row, *dead_group;
    uint64_t seed;
    uint32_t replicate; /* below 2^24 */
};

/* 32 kernels of 25 x 25, 2.5 % high, N(950, 320) uS cut at [300, 1700] uS, no low, low N(0, 8)
 * uS cut at [-30, 60] uS, working 133.33 uS, no dead rows, seed 1. */
struct rebias_chip_options rebias_chip_options_defaults(void);

/* *out = a chip whose devices are stuck independently of each other, by addressed randomness
 * (REBIAS_FOR_STUCK, entity = kernel, step 0: whether, 1: at which value; word = device). */
int rebias_chip_synthesize(struct rebias_chip **out, const struct rebias_chip_options *options,
                           struct rebias_error *err);

/* HDF5: datasets fault and G (kernels x devices), number (kernels), attributes columns, rows,
 * high, low, provenance (of the root). Loading refuses shapes that contradict each other,
 * states other than 0, 1, 2 and a kernel that comes twice. */
int rebias_chip_save(const struct rebias_chip *chip, const char *path,
                     struct rebias_error *err);
int rebias_chip_load(struct rebias_chip **out, const char *path, struct rebias_error *err);

/* Counts of one kernel, or of all. */
struct rebias_kernel_info {
    size_t high, low;
    size_t dead_rows, dead_columns;      /* all of whose devices are stuck low */
    double high_mean, high_sd, low_mean; /* S; NaN for none, sd (n - 1) also for one */
};
void rebias_kernel_describe(const struct rebias_chip *chip, size_t kernel,
                            struct rebias_kernel_info *info);
void rebias_chip_describe(const struct rebias_chip *chip, struct rebias_kernel_info *info);

/* Whether all devices of a row of a kernel are stuck low. */
bool rebias_kernel_row_dead(const struct rebias_chip *chip, size_t kernel, size_t row);

/* Positions of a block of m columns x n rows without a stuck device, all kernels. */
uint64_t rebias_chip_clean_positions(const struct rebias_chip *chip, size_t m, size_t n);

/* -- errors of writing and reading -- */

enum rebias_spread_kind {
    REBIAS_SPREAD_NONE = 0,
    REBIAS_SPREAD_GAUSSIAN = 1, /* width = sd */
    REBIAS_SPREAD_UNIFORM = 2,  /* +- width */
    REBIAS_SPREAD_SAMPLES = 3   /* drawn from a list of residuals */
};

/* One additive error of a conductance, S. */
struct rebias_spread {
    enum rebias_spread_kind kind;
    double width;
    size_t count;          /* SAMPLES */
    const double *samples; /* borrowed */
};

/* "gaussian:SD", "uniform:W", "samples:FILE" (one number a line, S), "none". *samples (owner:
 * the caller) holds a file's numbers, else NULL. */
int rebias_spread_parse(struct rebias_spread *spread, double **samples, const char *text,
                        struct rebias_error *err);

/* Adds the error of entry i of a stream (word i) to G[i]. */
void rebias_spread_add(const struct rebias_spread *spread, uint64_t seed, uint32_t purpose,
                       uint32_t replicate, uint32_t entity, uint32_t step, size_t n, float *G);

/* Drift of conductances after writing: G(t) = G0 (t/t0)^-nu, nu ~ N(nu, nu_sd) a device. */
struct rebias_drift {
    double nu, nu_sd; /* nu_sd >= 0; negative exponents let a device rise */
    double time;      /* t/t0 >= 1 */
};

/* G[i] *= time^-nu_i with the exponent of word first + i of the stream: one stream for all
 * times, so that a device keeps its exponent. */
void rebias_drift_apply(const struct rebias_drift *drift, const struct rebias_stream *stream,
                        uint64_t first, size_t n, float *G);

#ifdef __cplusplus
}
#endif
#endif
