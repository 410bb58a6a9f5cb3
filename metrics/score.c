/* score.c - proper scores: CRPS and log score.
 * 1. normal distributions   2. cdf rows on a grid
 *
 * Reference: Gneiting and Raftery, J. Am. Stat. Assoc. 102, 359 (2007), sections 4.1 and 4.2.
 */
#include "rebias/score.h"
#include <math.h>

/* -- 1. normal distributions -- */

double rebias_crps_normal(size_t n, const double *x, const double *mean, const double *sd)
{
    const double root_pi_inverse = 0.5 * M_2_SQRTPI;
    const double twice_phi_0 = M_2_SQRTPI * M_SQRT1_2; /* 2/sqrt(2 pi) */
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double z = (x[i] - mean[i]) / sd[i];
        double peak = twice_phi_0 * exp(-0.5 * z * z);
        sum += sd[i] * (z * erf(z * M_SQRT1_2) + peak - root_pi_inverse);
    }
    return sum / (double)n;
}

double rebias_log_score_normal(size_t n, const double *x, const double *mean, const double *sd)
{
    const double half_log_2pi = 0.91893853320467274178;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double z = (x[i] - mean[i]) / sd[i];
        sum += log(sd[i]) + 0.5 * z * z;
    }
    return sum / (double)n + half_log_2pi;
}

double rebias_score_normal(enum rebias_score score, size_t n, const double *x,
                           const double *mean, const double *sd)
{
    return score == REBIAS_SCORE_LOG ? rebias_log_score_normal(n, x, mean, sd)
                                     : rebias_crps_normal(n, x, mean, sd);
}

/* -- 2. cdf rows on a grid -- */

/* Integral of the square of what runs linearly from a to b over a width h. */
static double integrate_square(double h, double a, double b)
{
    return h * (a * a + a * b + b * b) / 3.0;
}

/* Cell [grid[k], grid[k + 1]) of x, which lies inside the grid; the last cell keeps its end. */
static size_t cell_of(double x, size_t points, const double *grid)
{
    size_t low = 0;
    size_t high = points - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (grid[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Integral over one cell that x splits into a part below (F^2) and a part above ((1 - F)^2). */
static double crps_cell(double x, const double *grid, const double *F)
{
    double h = grid[1] - grid[0];
    if (x >= grid[1]) {
        return integrate_square(h, F[0], F[1]);
    }
    if (x <= grid[0]) {
        return integrate_square(h, 1.0 - F[0], 1.0 - F[1]);
    }
    double at = F[0] + (F[1] - F[0]) * (x - grid[0]) / h;
    return integrate_square(x - grid[0], F[0], at) +
           integrate_square(grid[1] - x, 1.0 - at, 1.0 - F[1]);
}

static double crps_row(double x, size_t points, const double *grid, const double *F)
{
    double sum = fmax(grid[0] - x, 0.0) + fmax(x - grid[points - 1], 0.0);
    for (size_t k = 0; k + 1 < points; k++) {
        sum += crps_cell(x, grid + k, F + k);
    }
    return sum;
}

double rebias_crps_rows(size_t n, const double *x, size_t points, const double *grid,
                        const double *F)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += crps_row(x[i], points, grid, F + i * points);
    }
    return sum / (double)n;
}

static double log_score_row(double x, size_t points, const double *grid, const double *F)
{
    double least = REBIAS_DENSITY_FLOOR / (grid[points - 1] - grid[0]);
    if (!(x >= grid[0] && x <= grid[points - 1])) {
        return -log(least);
    }
    size_t k = cell_of(x, points, grid);
    double below = k == 0 ? 0.0 : F[k];
    double above = k + 2 == points ? 1.0 : F[k + 1];
    return -log(fmax((above - below) / (grid[k + 1] - grid[k]), least));
}

double rebias_log_score_rows(size_t n, const double *x, size_t points, const double *grid,
                             const double *F)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += log_score_row(x[i], points, grid, F + i * points);
    }
    return sum / (double)n;
}

double rebias_score_rows(enum rebias_score score, size_t n, const double *x, size_t points,
                         const double *grid, const double *F)
{
    return score == REBIAS_SCORE_LOG ? rebias_log_score_rows(n, x, points, grid, F)
                                     : rebias_crps_rows(n, x, points, grid, F);
}
