/* visits.h - where a training run really was: how often devices were pulsed at each
 * conductance.
 *
 * Pulses are counted by the conductance before the update's first pulse on the device: k pulses
 * of one update count k times there. The pulses that program the initial weights do not count.
 */
#ifndef REBIAS_VISITS_H
#define REBIAS_VISITS_H

#include "error.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* levels equal cells from Gmin to Gmax (S); count[polarity][cell] pulses, 0 SET, 1 RESET.
 * Conductances outside count in the end cells. */
struct rebias_visits {
    size_t levels;
    double Gmin, Gmax;
    uint64_t *count[2];
};

/* *out = no visits yet. REBIAS_E_RANGE for levels = 0 or a range that is empty or not finite.
 * Owner: the caller. */
int rebias_visits_new(struct rebias_visits **out, size_t levels, double Gmin, double Gmax,
                      struct rebias_error *err);
void rebias_visits_free(struct rebias_visits *visits);

/* weights[polarity][slice] = pulses around each of `slices` >= 2 equidistant G levels from Gmin
 * to Gmax (both included), normalised to sum 1. A level reaches half-way to its neighbours, the
 * first and the last as far beyond the ends; a cell that straddles levels is shared linearly;
 * cells beyond are left out. REBIAS_E_RANGE for an empty range or fewer than 2 slices,
 * REBIAS_E_DATA when a polarity has no visit there. */
int rebias_visits_weights(const struct rebias_visits *visits, double Gmin, double Gmax,
                          size_t slices, double *weights[2], struct rebias_error *err);

/* CSV: G_low_S,G_high_S,set,reset; provenance lines (NULL = none) in front, each behind "# ";
 * write errors stay in the stream for its owner. Reading ("-" = stdin) refuses cells that do
 * not follow each other or differ in width, negative counts, and no visit at all. */
int rebias_visits_write(const struct rebias_visits *visits, FILE *stream,
                        const char *provenance, struct rebias_error *err);
int rebias_visits_load(struct rebias_visits **out, const char *path, struct rebias_error *err);

struct rebias_network;

/* From now on every update of the network's crossbars adds its pulses to visits (borrowed, and
 * to no network that another thread trains; NULL stops the counting). No effect in software
 * networks. */
void rebias_network_count_visits(struct rebias_network *network, struct rebias_visits *visits);

#ifdef __cplusplus
}
#endif
#endif
