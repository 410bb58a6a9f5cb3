/* deploy.h - trained networks on defective crossbars: encodings, placement, layer ensemble
 * averaging (LEA), committee machines (CM), mapping with redundancy (MAO).
 *
 * Yousuf et al., Nat. Commun. 16, 1250 (2025). Every conductance matrix (G_pos and G_neg of
 * each layer) is written alpha times as whole blocks; for each output row the beta copies of
 * least summed conductance variation (SCV: sum |ideal G - actual G|) are averaged. D = masked
 * mean G_pos - masked mean G_neg; y = gamma D x/Gnorm + b with Gnorm = G_on - G_off. A block of
 * a layer with m inputs and n outputs is m columns x n rows of one kernel. Biases are digital.
 *
 * A layer that no kernel holds is cut into ceil(m/columns) x ceil(n/rows) tiles, as even as
 * possible. Every tile of every copy is a block of its own, placed, read and its rows chosen
 * like others; the currents of the tiles of an output are added digitally.
 */
#ifndef REBIAS_DEPLOY_H
#define REBIAS_DEPLOY_H

#include "base.h"
#include "chip.h"
#include "error.h"
#include "weights.h"
#include "write_verify.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* LEA averages copies in the current domain, CM the outputs of separately trained networks, MAO
 * adds the currents of copies that make up for each other's stuck devices (Huangfu et al.,
 * ASP-DAC 2017). */
enum rebias_deploy_method {
    REBIAS_DEPLOY_LEA = 0,
    REBIAS_DEPLOY_CM = 1,
    REBIAS_DEPLOY_MAO = 2
};

/* RME: reduced mapping error, copies make up for stuck devices; from the simple encoding, or
 * (RME_APART) from G_pos on, G_neg off. MAO has an encoding of its own. */
enum rebias_encoding_kind {
    REBIAS_ENCODE_SIMPLE = 0,
    REBIAS_ENCODE_RME = 1,
    REBIAS_ENCODE_RME_APART = 2
};

/* GREEDY: every position is a candidate; RANDOM: `candidates` random ones for each block; both
 * take the least SCV without overlap, ties by kernel, column, row. COVERAGE: as few blocks, at
 * most alpha, as give every output row beta copies without a stuck device (LEA, simple).
 * BLIND: anywhere without overlap, no knowledge of defects. GIVEN: offsets from the caller,
 * for layers of one tile. Tiles are placed from the largest to the smallest, equal ones by
 * layer and number. COVERAGE counts for each tile; a tile may have fewer copies than another.
 */
enum rebias_placement {
    REBIAS_PLACE_GREEDY = 0,
    REBIAS_PLACE_RANDOM = 1,
    REBIAS_PLACE_COVERAGE = 2,
    REBIAS_PLACE_BLIND = 3,
    REBIAS_PLACE_GIVEN = 4
};

/* Where copy k of sign s (0 positive, 1 negative) of layer l lies. */
struct rebias_block {
    uint32_t layer, copy, sign;
    uint32_t kernel;      /* index into the chip's kernels */
    uint32_t column, row; /* first ones */
    uint32_t tile;        /* of the layer; 0 of a layer that a kernel holds */
};

/* Part of its layer that a block holds. */
struct rebias_tile {
    size_t input, inputs;   /* first one, and how many: columns */
    size_t output, outputs; /* rows */
};

/* Errors of the read chain of a kernel row, drawn for each replicate. */
struct rebias_readout {
    double gain_mean, gain_sd;     /* of a row, 1 and 0 */
    double offset_mean, offset_sd; /* A */
    double noise_sd; /* A, at 25 columns; scales with sqrt(columns/25); every read */
    unsigned dac_bits, adc_bits; /* 0 = ideal; else 2 .. 24, full scale = the largest absolute
                                    value of the batch, signed */
};

/* Devices without a chip: each is stuck with a probability of its own draw, as on an array so
 * large that blocks lie anywhere. */
struct rebias_stuck {
    double probability; /* [0, 1] */
    double low, high;   /* S: the value of a stuck device, each with probability 1/2 */
};

/* Programming by pulses (write_verify.h) in place of the errors of writing: every working
 * device goes from what the chip's map says (without a chip: from G_off) to its target +-
 * window. A try is a read, with the read noise, and round(|target - read|/mean pulse) pulses, 1
 * at least; the mean is rebias_device_pulse_size. Devices of a kernel are one array: what is a
 * device's own stays its own in every deployment on the chip. */
struct rebias_deploy_verify {
    const struct rebias_device *device; /* NULL: none. Its range holds G_off to G_on; borrowed
                                           until the deployment is freed */
    double window;                      /* S, 0 to (G_on - G_off)/2 */
    uint32_t tries;                     /* up to 100000 */
};

struct rebias_deploy_options {
    enum rebias_deploy_method method;
    enum rebias_encoding_kind encoding;
    enum rebias_placement placement;
    size_t candidates;   /* RANDOM, >= 1 */
    size_t alpha, beta;  /* 1 <= beta <= alpha <= 64; MAO and CM use alpha alone */
    double G_on, G_off;  /* S */
    size_t levels;       /* allowed ones from G_off to G_on, >= 2 */
    double read_voltage; /* V */
    bool stuck_only;     /* SCV by stuck devices alone; else the others count as well: what
                            the chip's map says (placement), what was read back (rows) */
    const struct rebias_block *given; /* GIVEN: all blocks */
    size_t given_count;
    struct rebias_stuck stuck;          /* without a chip */
    struct rebias_spread write_fixed;   /* a device's own, the same at every write to a chip */
    struct rebias_spread write_error;   /* fresh at every write */
    struct rebias_deploy_verify verify; /* with a device: neither of the two above */
    struct rebias_spread read_noise;    /* fresh at every read, also of stuck devices */
    double row_wire, column_wire;       /* ohm a segment, see below; both 0 = none */
    struct rebias_readout readout;
    double drift_nu, drift_nu_sd; /* G (t/t0)^-nu of written devices, nu ~ N; 0 = none */
    double drift_time;            /* t/t0 >= 1 */
    size_t batch;                 /* samples that share one read of the devices, >= 1 */
    uint64_t seed;
    uint32_t replicate; /* one deployment: write errors, reads, random placement */
};

/* Wires: a kernel's rows carry currents, its columns voltages. Every block is a crossbar of its
 * own as in wires.h (its rows = columns of the kernel), with one segment of a line outside it;
 * both resistances are 1e-6 to 1e9 ohm. Outputs and accuracies come from currents with the IR
 * drop, conductances below 0 (noise) counting as 0, all rows of a block being driven at once;
 * mapping errors and the choice of rows do not know it. Each read of a block costs one sparse
 * factor and one solution an output, for any number of samples; without read noise once. */

/* LEA, simple, greedy (1000 candidates), alpha = beta = 4, 233.33 and 133.33 uS, 2 levels, 0.3
 * V, stuck only, no errors; without a chip none stuck, at 10 or 500 uS; no wires, batch 1000,
 * seed 1; verify has no device (and +-16.67 uS, 3 tries). */
struct rebias_deploy_options rebias_deploy_options_defaults(void);

struct rebias_deployment; /* networks written onto a chip */

/* *out (to be given to free()) = places from a file of nested lists, [layer][copy][negative,
 * positive] of [kernel number, first column, first row, (columns, rows)], as published with the
 * paper. REBIAS_E_FORMAT for other text, REBIAS_E_DATA for a kernel that the chip has not and
 * for shapes that are not the network's. */
int rebias_blocks_load(struct rebias_block **out, size_t *count, const char *path,
                       const struct rebias_chip *chip, const struct rebias_weights *network,
                       struct rebias_error *err);

/* *out = the networks placed and written. LEA and MAO: network 0; CM: network k is copy k
 * (alpha of them must be there). chip NULL: independent devices (options->stuck, placement
 * BLIND). Networks and chip are borrowed until the deployment is freed. Quantised weights are
 * needed (REBIAS_E_DATA): ternary, or with levels > 2 as many steps as levels - 1 divides by. A
 * chip that is too small: REBIAS_E_DATA, saying how many blocks fit and how many kernels
 * without defects would suffice. Stuck devices keep their value, nothing is clamped. */
int rebias_deploy(struct rebias_deployment **out, const struct rebias_weights_set *networks,
                  const struct rebias_chip *chip, const struct rebias_deploy_options *options,
                  struct rebias_error *err);
void rebias_deployment_free(struct rebias_deployment *deployment);

/* By layer, copy, sign, tile. Without a chip every block has a kernel of its own. Borrowed. */
const struct rebias_block *rebias_deployment_blocks(const struct rebias_deployment *deployment,
                                                    size_t *count);

/* The part of its layer that block number `block` holds; all of it unless it is tiled. */
struct rebias_tile rebias_deployment_tile(const struct rebias_deployment *deployment,
                                          size_t block);

/* Conductances of block number `block` as written, S, without read noise; stuck devices have
 * their value. Row j of the block begins j times the inputs of the layer (all of them) after
 * the first: [outputs][inputs] unless the layer is tiled. Borrowed. */
const float *rebias_deployment_conductances(const struct rebias_deployment *deployment,
                                            size_t block);

/* What programming by pulses took: reached/wanted is its success rate, pulses/wanted the mean
 * of a working device. NULL where options.verify has no device. Borrowed. */
const struct rebias_verify_result *rebias_deployment_verified(
    const struct rebias_deployment *deployment);

/* Mapping error of layer l in %: 100 ||gamma (agg G_pos - agg G_neg)/Gnorm - W||_F/||W||_F from
 * a fresh read, agg = mean over copies (LEA, CM) or sum (MAO), no masks; CM: mean over
 * networks. NaN for a layer whose weights are all 0. */
double rebias_deployment_mapping_error(struct rebias_deployment *deployment, size_t layer);

/* Outputs [n][outputs] (CM: mean over networks) for finite x[n][inputs], before the network's
 * own scaling of inputs. Every `batch` samples read the devices anew. */
int rebias_deployment_forward(struct rebias_deployment *deployment, size_t n, const float *x,
                              float *outputs, struct rebias_error *err);

/* Fraction of n samples whose largest output (lowest index on ties) is the label. */
int rebias_deployment_accuracy(struct rebias_deployment *deployment, size_t n, const float *x,
                               const uint8_t *label, double *accuracy,
                               struct rebias_error *err);

/* The same for the mean outputs of the first `count` networks in float32, without devices. */
int rebias_deploy_software_accuracy(const struct rebias_weights_set *networks, size_t count,
                                    size_t n, const float *x, const uint8_t *label,
                                    double *accuracy, struct rebias_error *err);

/* Devices that the deployment takes: 2 alpha sum inputs outputs, with COVERAGE what it took. */
size_t rebias_deployment_devices(const struct rebias_deployment *deployment);

#ifdef __cplusplus
}
#endif
#endif
