/* pulses.h - pulse data: points (polarity, G, dG) of measured or synthetic pulses.
 *
 * CSV form, written and read: a header row, units in the names:
 * device,cycle,pulse,polarity,G_S,dG_S (the first three optional). polarity is SET or RESET
 * (any case; also +1/1/-1, S/R). Lines that start with '#' before the header are provenance and
 * are skipped.
 */
#ifndef REBIAS_PULSES_H
#define REBIAS_PULSES_H

#include "base.h"
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_pulses {
    size_t n;
    uint8_t *polarity; /* enum rebias_polarity: 0 SET, 1 RESET */
    double *G;         /* conductance before the pulse, S, finite, >= 0 */
    double *dG;        /* its change by the pulse, S, finite */
    int32_t *device;   /* NULL where not recorded */
    int32_t *cycle;
    int32_t *pulse;
    size_t skipped; /* bad rows left out (skip_bad) */
};

/* *out = empty pulse data with room for n points (all zero) and the optional columns when
 * wanted. */
int rebias_pulses_new(struct rebias_pulses **out, size_t n, bool labelled,
                      struct rebias_error *err);
void rebias_pulses_free(struct rebias_pulses *pulses);

/* Number of points of one polarity (0 SET, 1 RESET). */
size_t rebias_pulses_count(const struct rebias_pulses *pulses, int polarity);

/* What to read from a CSV. Column names NULL = found by the standard stems polarity, G, dG
 * (else after), device, cycle, pulse with any unit. Asking for both dG and after is
 * REBIAS_E_NAME. A column name carries its unit as a suffix: _S, _mS, _uS, _nS, _pS for
 * conductances, _ohm, _kohm, _Mohm for resistances (G = 1/R; dG is then taken from the
 * difference of conductances: use after). Without a suffix `unit` (SI multiplier name, e.g.
 * "uS") is needed. */
struct rebias_pulses_options {
    const char *polarity; /* column of the polarity */
    const char *G;        /* column of the conductance before the pulse */
    const char *dG;       /* column of the change; or */
    const char *after; /* column of the conductance (or resistance) after the pulse: dG = after
                          - before */
    const char *device;
    const char *cycle;
    const char *pulse;
    const char *unit; /* unit of columns whose name carries none; NULL = they are an error */
    bool skip_bad;    /* leave bad rows out and count them, instead of failing at the first */
};

struct rebias_pulses_options rebias_pulses_options_defaults(void);

/* *out = the points of a CSV file ("-" = stdin). Errors carry file, line and column. Refused:
 * text in numbers, NaN, infinity, negative G, unknown polarity, missing columns, rows with too
 * few or too many fields, no data rows, no point of one polarity (REBIAS_E_DATA). Owner: the
 * caller. */
int rebias_pulses_load(struct rebias_pulses **out, const char *path,
                       const struct rebias_pulses_options *options, struct rebias_error *err);

/* Ramps: one column a ramp of identical pulses, the current read after every pulse; ragged
 * columns end in empty cells. */
struct rebias_ramps_options {
    double read_voltage; /* V, != 0; G = I / V. 0 = the cells are conductances already */
    double scale;        /* the cells' unit in A or S, default 1 */
    bool skip_bad;
};

struct rebias_ramps_options rebias_ramps_options_defaults(void);

/* *out = points of a SET and a RESET file of ramps (either may be NULL): successive reads of a
 * column give (G, dG) with G before the pulse; cycle = column number, pulse = row number, both
 * from 1. An empty cell inside a ramp (a later cell is filled) breaks the chain there: no point
 * spans it; so does a bad row left out with skip_bad, which keeps its row number. A given file
 * without any point is REBIAS_E_DATA. */
int rebias_pulses_load_ramps(struct rebias_pulses **out, const char *set_path,
                             const char *reset_path, const struct rebias_ramps_options *options,
                             struct rebias_error *err);

/* Writes the CSV form with 17 digits to an open stream; provenance (may be NULL) is a text
 * whose lines are written first, each behind "# ". Write errors surface when the stream is
 * closed. */
int rebias_pulses_write(const struct rebias_pulses *pulses, FILE *stream,
                        const char *provenance, struct rebias_error *err);

/* -- blocks: points that belong together and are drawn, held out or left together -- */

/* POINTS: every point for itself. CYCLE: points of one (device, cycle, polarity): a ramp.
 * DEVICE: points of one device. AUTO: devices when at least 10 are recorded, else cycles when
 * there are at least 10 of each polarity, else points. */
enum rebias_blocks {
    REBIAS_BLOCKS_AUTO = 0,
    REBIAS_BLOCKS_POINTS = 1,
    REBIAS_BLOCKS_CYCLE = 2,
    REBIAS_BLOCKS_DEVICE = 3
};

/* block[n] = number of each point's block, 0 .. *count - 1 in order of appearance; a DEVICE
 * block holds both polarities. *used (may be NULL) = the kind, AUTO resolved. Errors:
 * REBIAS_E_DATA for CYCLE or DEVICE when that column is not recorded. */
int rebias_pulses_blocks(const struct rebias_pulses *pulses, enum rebias_blocks kind,
                         uint32_t *block, size_t *count, enum rebias_blocks *used,
                         struct rebias_error *err);

/* *out = the points with keep[i] != 0, in order, with their labels. REBIAS_E_DATA when none is
 * kept. */
int rebias_pulses_select(struct rebias_pulses **out, const struct rebias_pulses *pulses,
                         const uint8_t *keep, struct rebias_error *err);

/* *out = pulse data of as many blocks as there are, drawn with replacement (POINTS and CYCLE:
 * within each polarity, so that neither gets lost), labels kept: bootstrap resample number
 * `number` (purpose REBIAS_FOR_RESAMPLE, step = number). */
int rebias_pulses_resample(struct rebias_pulses **out, const struct rebias_pulses *pulses,
                           enum rebias_blocks kind, uint64_t seed, uint32_t number,
                           struct rebias_error *err);

/* Summary of one polarity. */
struct rebias_pulses_summary {
    size_t n;
    double G_min, G_max;   /* S */
    double dG_mean, dG_sd; /* S; sd with n - 1 */
    double dG_min, dG_max;
    double wrong_sign; /* fraction of SET points with dG < 0, or of RESET points with dG > 0 */
    size_t devices, cycles; /* distinct labels, 0 where not recorded */
};

/* polarity 0 SET, 1 RESET; n = 0 leaves the rest 0. */
void rebias_pulses_describe(const struct rebias_pulses *pulses, int polarity,
                            struct rebias_pulses_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
