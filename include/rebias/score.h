/* score.h - proper scores of predicted distributions on points that the fit has not seen.
 *
 * A score is lower for better predictions and lowest on average for the true distribution.
 * Everything is double; x, mean, sd and grid share one unit (S for conductances).
 */
#ifndef REBIAS_SCORE_H
#define REBIAS_SCORE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which score. CRPS: the continuous ranked probability score, integral (F(t) - 1{t >= x})^2 dt,
 * unit of x; robust. LOG: -ln density(x), in nats relative to 1/(unit of x); unforgiving in the
 * tails. */
enum rebias_score { REBIAS_SCORE_CRPS = 0, REBIAS_SCORE_LOG = 1 };

/* -- point i against N(mean[i], sd[i]^2), sd > 0; means over n >= 1 points -- */

/* CRPS = sd (z erf(z/sqrt 2) + 2 phi(z) - 1/sqrt pi), z = (x - mean)/sd (Gneiting and Raftery,
 * J. Am. Stat. Assoc. 102, 359 (2007), equation 21). */
double rebias_crps_normal(size_t n, const double *x, const double *mean, const double *sd);

/* ln sd + z^2/2 + ln(2 pi)/2. */
double rebias_log_score_normal(size_t n, const double *x, const double *mean, const double *sd);

/* The one that `score` names. */
double rebias_score_normal(enum rebias_score score, size_t n, const double *x,
                           const double *mean, const double *sd);

/* -- point i against row i of F[n * points], a cdf at grid[points], strictly ascending, points
 * >= 2, F in [0, 1] and non-decreasing; means over n >= 1 points. F is linear between the grid
 * points, 0 below the first and 1 above the last: F[first] and 1 - F[last] are point masses. --
 */

/* CRPS, exact for that F; also for x outside the grid. */
double rebias_crps_rows(size_t n, const double *x, size_t points, const double *grid,
                        const double *F);

/* Smallest density that the log score of rows knows, in units of 1/(last - first grid point):
 * without it one point outside a table's axis would make the score infinite. It costs a point
 * at most ln 1e6 = 13.8 nats more than a uniform row would. */
#define REBIAS_DENSITY_FLOOR 1e-6

/* -ln density, the density being the slope of F in the cell of x (the upper cell at a grid
 * point), point masses spread over the outermost cells, never below the floor. */
double rebias_log_score_rows(size_t n, const double *x, size_t points, const double *grid,
                             const double *F);

/* The one that `score` names. */
double rebias_score_rows(enum rebias_score score, size_t n, const double *x, size_t points,
                         const double *grid, const double *F);

#ifdef __cplusplus
}
#endif
#endif
