/* yinyang.h - the yin-yang task: points of the plane in three classes, and its shifted copies.
 *
 * A disc of radius 1/2 around (1/2, 1/2); dots of radius 0.1 at d_R = |p - (0.75, 0.5)| and d_L
 * = |p - (0.25, 0.5)|. Class 2 (dot) where d_R < 0.1 or d_L < 0.1, else 1 where d_R <= 0.1, or
 * 0.1 < d_L <= 0.25, or y > 0.5 and d_R > 0.25; else 0 (Kriener et al., arXiv:2102.08211).
 * Features of a task with shift o: x + o, y + o, 1 - x, 1 - y, as in the two-task set of Yousuf
 * et al., Nat. Commun. 16, 1250 (2025), whose points come out the same to the bit: MT19937
 * seeded the classic way.
 */
#ifndef REBIAS_YINYANG_H
#define REBIAS_YINYANG_H

#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { REBIAS_YINYANG_FEATURES = 4, REBIAS_YINYANG_CLASSES = 3 };

/* The published sets: numbers of points and seeds, the same for every task. */
enum rebias_yinyang_part {
    REBIAS_YINYANG_TRAIN = 0,      /* 5000, seed 42 */
    REBIAS_YINYANG_VALIDATION = 1, /* 1000, seed 41 */
    REBIAS_YINYANG_TEST = 2        /* 1000, seed 40 */
};

/* Class of a point of the disc. */
uint8_t rebias_yinyang_class(double x, double y);

/* n points of equally likely classes: xy[n][2] and label[n]. */
void rebias_yinyang_draw(uint32_t seed, size_t n, double *xy, uint8_t *label);

/* Features of n points for a task shifted by `shift` (task k of the sequence: shift k) into
 * x[n][4]. The last two are 1 + shift - (x + shift), rounded as written. */
void rebias_yinyang_features(size_t n, const double *xy, double shift, float *x);

/* A part of the published sets for one shift: *x = its features, *label = its classes, both to
 * be given to free(), n of them. On failure both are NULL. */
int rebias_yinyang_new(enum rebias_yinyang_part part, double shift, size_t *n, float **x,
                       uint8_t **label, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
