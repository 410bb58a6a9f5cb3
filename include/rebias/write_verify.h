/* write_verify.h - programming conductances by pulses and reads, through any device model.
 *
 * A try reads every device that is not known to be good: R = G + read error. Where target -
 * below <= R <= target + above the device is good and left alone from then on; else it gets
 *   k = min(max(round(|target - R|/pulse_size), 1), pulse_cap)
 * pulses (k = 1 for pulse_size 0), SET when R is too low, RESET when too high. After the last
 * try's pulses comes one more read, so `tries` = 3 means three rounds of pulses at most.
 */
#ifndef REBIAS_WRITE_VERIFY_H
#define REBIAS_WRITE_VERIFY_H

#include "chip.h"
#include "devmodel.h"
#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_verify_options {
    double below, above; /* S, >= 0: the window around the target */
    uint32_t tries;      /* rounds of pulses, 0 .. 100000 */
    double pulse_size;   /* S: change by one pulse as the controller assumes it; 0 = one pulse a
                            try */
    uint16_t pulse_cap;  /* most pulses in a try, 1 .. 30000 */
    struct rebias_spread read_noise;
    uint64_t seed;
    uint32_t replicate; /* below 2^24 */
    uint32_t entity;    /* of the array */
};

/* +-16.67 uS (5 uA at 0.3 V), 3 tries, one pulse each, no read noise, seed 1. */
struct rebias_verify_options rebias_verify_options_defaults(void);

struct rebias_verify_result {
    size_t wanted;   /* devices that are not stuck */
    size_t reached;  /* of them, read inside their window */
    size_t stuck;    /* left untouched */
    uint64_t pulses; /* given in all */
    uint32_t tries;  /* rounds with pulses */
};

/* Programs the n devices of an array (all of it) from G[n] towards target[n], in place.
 * fault[n] (enum rebias_fault; NULL = all work): stuck devices keep their G. Pulses come from
 * the streams REBIAS_FOR_PROGRAMMING, reads from REBIAS_FOR_READ; step = try. REBIAS_E_RANGE
 * for options or a target out of range; then nothing is changed. Success rate: reached/wanted.
 */
int rebias_write_verify(const struct rebias_devices *devices, size_t n, const uint8_t *fault,
                        const float *target, float *G,
                        const struct rebias_verify_options *options,
                        struct rebias_verify_result *result, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
