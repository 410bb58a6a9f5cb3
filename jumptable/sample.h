/* sample.h - the points of one polarity as estimators see them, from pulse data. */
#ifndef REBIAS_JUMPTABLE_SAMPLE_H
#define REBIAS_JUMPTABLE_SAMPLE_H

#include "rebias/estimate.h"
#include "rebias/pulses.h"

/* A sample with its own memory. */
struct rebias_points {
    struct rebias_sample sample; /* borrows the arrays below and the options' truth */
    double *values;              /* G[n], then dG[n] */
    uint32_t *block; /* [n], or NULL when every point is its own block; without blocks in
                        the data, equal points are one */
    size_t outside;  /* points of the polarity outside the range */
};

/* Refuses what no fit can use, also in pulse data that were made by hand: REBIAS_E_RANGE for a
 * polarity that is neither, and for a G or dG that is negative (G), NaN or infinite;
 * REBIAS_E_DATA for a polarity without points. */
int rebias_points_check(const struct rebias_pulses *pulses, struct rebias_error *err);

/* Refuses 2 and more points at one and the same G, and 3 and more jumps that are all the same
 * number when sd_floor is 0 (REBIAS_E_DATA), and a floor above the sd of all jumps where they
 * differ by more than rounding (REBIAS_E_RANGE). sd_floor: as the options give it. */
int rebias_points_check_spread(const struct rebias_sample *sample, double sd_floor,
                               struct rebias_error *err);

/* "SET" or "RESET". */
const char *rebias_points_name(const struct rebias_sample *sample);

/* What is wrong with options of rebias_fit by themselves: REBIAS_E_RANGE. (fit.c) */
int rebias_fit_check_options(const struct rebias_fit_options *options,
                             struct rebias_error *err);
int rebias_fit_check_method(const struct rebias_method *method,
                            const struct rebias_fit_options *options, struct rebias_error *err);

/* Range common to both polarities, S; REBIAS_E_DATA when there is none. */
int rebias_points_range(const struct rebias_pulses *pulses, double *Gmin, double *Gmax,
                        struct rebias_error *err);

/* *block = the block of every pulse, to be given to free(), or NULL when `kind` comes down to
 * points. Errors: those of rebias_pulses_blocks. */
int rebias_points_blocks(uint32_t **block, const struct rebias_pulses *pulses,
                         enum rebias_blocks kind, struct rebias_error *err);

/* The points of one polarity in the options' range (which must be set), sorted. block[n] may be
 * NULL. Free with rebias_points_free, also after a failure. */
int rebias_points_collect(struct rebias_points *points, const struct rebias_pulses *pulses,
                          int polarity, const struct rebias_fit_options *options,
                          const uint32_t *block, struct rebias_error *err);
void rebias_points_free(struct rebias_points *points);

#endif
