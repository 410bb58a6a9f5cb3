/* encode.h - how weights become target conductances of redundant pairs (internal to netsim). */
#ifndef REBIAS_NETSIM_ENCODE_H
#define REBIAS_NETSIM_ENCODE_H

#include <stddef.h>
#include <stdint.h>

enum { REBIAS_MAX_COPIES = 64 };

/* Copies of one layer's n pairs. Sign 0 is positive, 1 negative. */
struct rebias_pairs {
    double G_off, G_on;
    size_t levels; /* allowed conductances, evenly from G_off to G_on */
    size_t copies[2];
    size_t n;
    const float *w;                             /* [n] weight/gamma, in [-1, 1] */
    const uint8_t *stuck[2][REBIAS_MAX_COPIES]; /* [n] nonzero = stuck */
    float *G[2][REBIAS_MAX_COPIES]; /* [n] in: of stuck devices what is read; out: of
                                       the others the target */
};

/* Target of one device by the simple encoding: w > 0: positive G_off + w (G_on - G_off),
 * negative G_off; w < 0 the other way round. */
float rebias_encode_target(double G_off, double G_on, int sign, float w);

/* All copies alike. */
void rebias_encode_simple(const struct rebias_pairs *pairs);

/* Reduced mapping error: in turn each working device of each copy takes the level with the
 * least |w - (mean G_pos - mean G_neg)/(G_on - G_off)|; a tie changes nothing. Both signs have
 * the same number of copies. */
void rebias_encode_rme(const struct rebias_pairs *pairs);
void rebias_encode_rme_apart(const struct rebias_pairs *pairs); /* from all on, all off */

/* Mapping with redundancy: in turn each working device makes up for the summed currents of all
 * others of its weight. */
void rebias_encode_mao(const struct rebias_pairs *pairs);

#endif
