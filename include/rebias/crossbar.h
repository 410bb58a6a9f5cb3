/* crossbar.h - rows x columns of weights held by simulated devices.
 *
 * Weight w[r][c], row r = input, column c = output, row-major. Two encodings:
 *   SINGLE  w = 2 W (G - Gref)/(Gmax - Gmin), Gref = (Gmin + Gmax)/2 (one reference column,
 * ideal) PAIR    w =   W (G+ - G-)/(Gmax - Gmin) with W = weight_range, so |w| <= W. One pulse
 * of size dG moves w by dG * (2 W or W)/(Gmax - Gmin); it is never scaled by a learning rate.
 */
#ifndef REBIAS_CROSSBAR_H
#define REBIAS_CROSSBAR_H

#include "devmodel.h"
#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_encoding { REBIAS_SINGLE = 0, REBIAS_PAIR = 1 };

struct rebias_crossbar_options {
    size_t rows; /* >= 1 */
    size_t columns;
    enum rebias_encoding encoding;
    double weight_range; /* W > 0 */
    double pulse_size;   /* S: |dG| of one pulse as the controller assumes it; 0 =
                            rebias_device_pulse_size */
    double pulse_noise;  /* S: sd of one pulse as the controller assumes it (programming); 0 =
                            rebias_device_pulse_noise */
    uint16_t pulse_cap;  /* most pulses on a weight in one update, 1 .. 30000 */
    uint16_t program_rounds; /* write-verify rounds when programming, 0 .. 1000 */
    uint64_t seed;
    uint32_t replicate;
    uint32_t entity; /* number of the crossbar: addresses its randomness */
};

/* W = 1, pair, pulse size and noise from the device, cap 100, 100 rounds, seed 1; rows and
 * columns 1. */
struct rebias_crossbar_options rebias_crossbar_options_defaults(void);

/* Opaque; one a layer. */
struct rebias_crossbar;
struct rebias_visits;

/* REBIAS_E_RANGE for bad options, also when the pulse size is left to a device whose mean jump
 * is 0. *out = a crossbar of devices, all at their Gmin. weights[rows * columns] is the
 * caller's array that mirrors the weights at all times (borrowed, like device). Owner: the
 * caller. */
int rebias_crossbar_new(struct rebias_crossbar **out, const struct rebias_device *device,
                        const struct rebias_crossbar_options *options, float *weights,
                        struct rebias_error *err);
void rebias_crossbar_free(struct rebias_crossbar *crossbar);

/* Programs target[rows * columns] by write-verify: in each round every device that is more than
 * half a pulse (and more than half a pulse's noise) off its target gets min(|error|/pulse_size,
 * (error/(2 pulse_noise))^2) pulses towards it, at least 1. |w| > W is clipped; pairs aim at
 * Gmid +- w/2. What the devices reach is what stays. Returns the number of pulses. */
uint64_t rebias_crossbar_program(struct rebias_crossbar *crossbar, const float *target);

/* One update: request[r][c] * gain is the wanted change of w in pulses; it is capped, rounded
 * stochastically (E = request), and given to the devices as SET (> 0) or RESET (< 0) pulses. A
 * pair shares k pulses: k/2 SET on G+ and k/2 RESET on G-, the odd one by a fair coin. Rows
 * with active[r] = 0 (NULL = all active) are known to be all zero and are skipped. step
 * addresses the randomness. Returns the number of pulses given. */
uint64_t rebias_crossbar_update(struct rebias_crossbar *crossbar, const float *request,
                                float gain, const uint8_t *active, uint32_t step);

/* From now on rebias_crossbar_update adds its pulses to visits (borrowed; NULL stops it). Their
 * numbers change nothing else. */
void rebias_crossbar_count_visits(struct rebias_crossbar *crossbar,
                                  struct rebias_visits *visits);

/* Change of w by one pulse of the nominal size. */
double rebias_crossbar_weight_step(const struct rebias_crossbar *crossbar);

/* Conductances [rows * columns] of G+ (which = 0) or G- (1; NULL for SINGLE). Borrowed. */
const float *rebias_crossbar_conductances(const struct rebias_crossbar *crossbar, int which);

/* Stochastic rounding in bulk: count[i] = sign(x) * (floor(y) + (U < frac y)), y = min(|x|,
 * cap), x = request[i] * gain; U of entry i takes its first 16 bits from half word first + i of
 * the stream and, where these do not decide, 32 more bits from the stream of purpose
 * REBIAS_FOR_ROUNDING_TIE: exact to 2^-48. Public for tests and benchmarks. */
void rebias_round_stochastic(const struct rebias_stream *stream, uint64_t first, size_t n,
                             const float *request, float gain, float cap, int16_t *count);

/* Number of weights, rows * columns. */
size_t rebias_crossbar_size(const struct rebias_crossbar *crossbar);

/* out[rows * columns] = the weights that would be read with sign * offset (in units of the
 * weight) put on the conductances, half on each device of a pair, cut off at the model's Gmin
 * and Gmax. Changes nothing. */
void rebias_crossbar_offset(const struct rebias_crossbar *crossbar, const float *offset,
                            float sign, float *out);

/* Sets the conductances of its one or two arrays, as rebias_crossbar_conductances gave them.
 * REBIAS_E_RANGE, and nothing changed, when one is outside its device's range. */
int rebias_crossbar_restore(struct rebias_crossbar *crossbar, const float *const G[2],
                            struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
