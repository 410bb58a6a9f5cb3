/* rails.h - scores of predicted jumps on points whose jumps were cut off at the rails.
 *
 * From G a device cannot jump below low = Gmin - G or above high = Gmax - G: what it would do
 * beyond is seen as a jump onto the rail. So a prediction F is judged as what the instrument
 * sees of it: F inside (low, high), with the masses F(low) and 1 - F(high) on the rails.
 */
#ifndef REBIAS_JUMPTABLE_RAILS_H
#define REBIAS_JUMPTABLE_RAILS_H

#include "rebias/score.h"
#include <stddef.h>

/* The rails as seen from one point, S; a jump within `tolerance` of an end, or beyond it, was
 * cut off there. */
struct rebias_rails {
    double low, high;
    double tolerance;
};

/* Score of the jump x (S) under N(mean, sd^2), sd > 0.
 * LOG: -ln F(low) and -ln(1 - F(high)) for a jump cut off there, else -ln of the density.
 * CRPS: integral from low to high of (F(t) - 1{t >= x})^2 dt, x moved onto the rail when it is
 * beyond; exactly sd (A(z) - A(a) + A(-z) - A(-b)) with z, a, b = (x, low, high - mean)/sd and
 * A(u) = u Phi(u)^2 + 2 phi(u) Phi(u) - Phi(u sqrt 2)/sqrt pi, the integral of Phi^2. */
double rebias_rails_score_normal(enum rebias_score score, const struct rebias_rails *rails,
                                 double x, double mean, double sd);

/* The same under the row F[points] at grid[points] (as in rebias_score_rows). Masses below
 * REBIAS_DENSITY_FLOOR count as that. */
double rebias_rails_score_row(enum rebias_score score, const struct rebias_rails *rails,
                              double x, size_t points, const double *grid, const double *F);

#endif
