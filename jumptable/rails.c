/* rails.c - scores of predicted jumps on points whose jumps were cut off at the rails.
 * 1. which jumps   2. normal predictions   3. rows
 */
#include "rails.h"
#include <gsl/gsl_sf_erf.h>
#include <math.h>

/* -- 1. which jumps -- */

/* Cut off at the upper (1) or the lower (-1) rail, or whole. */
static int cut_of(const struct rebias_rails *rails, double x)
{
    return x >= rails->high - rails->tolerance  ? 1
           : x <= rails->low + rails->tolerance ? -1
                                                : 0;
}

static double onto_rails(const struct rebias_rails *rails, double x)
{
    return fmin(fmax(x, rails->low), rails->high);
}

/* -- 2. normal predictions -- */

/* -ln Phi(z), also where Phi underflows. */
static double minus_log_phi(double z)
{
    return M_LN2 - gsl_sf_log_erfc(-z * M_SQRT1_2);
}

/* Integral of Phi^2 from -infinity to u. */
static double integral_of_square(double u)
{
    const double root_pi_inverse = 0.5 * M_2_SQRTPI;
    const double root_2pi_inverse = 0.5 * M_2_SQRTPI * M_SQRT1_2;
    const double Phi = 0.5 * erfc(-u * M_SQRT1_2);
    const double phi = root_2pi_inverse * exp(-0.5 * u * u);
    return Phi * (u * Phi + 2.0 * phi) - root_pi_inverse * 0.5 * erfc(-u);
}

double rebias_rails_score_normal(enum rebias_score score, const struct rebias_rails *rails,
                                 double x, double mean, double sd)
{
    const int cut = cut_of(rails, x);
    if (score == REBIAS_SCORE_LOG) {
        return cut > 0   ? minus_log_phi((mean - rails->high) / sd)
               : cut < 0 ? minus_log_phi((rails->low - mean) / sd)
                         : rebias_log_score_normal(1, &x, &mean, &sd);
    }
    const double z = (onto_rails(rails, x) - mean) / sd;
    const double a = (rails->low - mean) / sd;
    const double b = (rails->high - mean) / sd;
    return sd * (integral_of_square(z) - integral_of_square(a) + integral_of_square(-z) -
                 integral_of_square(-b));
}

/* -- 3. rows -- */

/* F at x, linear between the grid points, 0 and 1 outside. */
static double row_at(double x, size_t points, const double *grid, const double *F)
{
    size_t low = 0;
    size_t high = points - 1;
    if (x < grid[0] || x > grid[high]) {
        return x < grid[0] ? 0.0 : 1.0;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (grid[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return F[low] + (F[high] - F[low]) * (x - grid[low]) / (grid[high] - grid[low]);
}

/* Integral of (F - step)^2 from `from` to `to`, F running linearly from a to b there; 0 for an
 * empty range. */
static double integrate(double from, double to, double a, double b, double step)
{
    const double p = a - step;
    const double q = b - step;
    return to > from ? (to - from) * (p * p + p * q + q * q) / 3.0 : 0.0;
}

/* The part of the CRPS integral from `from` to `to`, where F is `level`: 0 below the grid, 1
 * above it. */
static double crps_outside(double from, double to, double x, double level)
{
    return integrate(from, fmin(to, x), level, level, 0.0) +
           integrate(fmax(from, x), to, level, level, 1.0);
}

static double crps_row(const struct rebias_rails *rails, double x, size_t points,
                       const double *grid, const double *F)
{
    const double first = grid[0];
    const double last = grid[points - 1];
    double sum = crps_outside(rails->low, fmin(rails->high, first), x, 0.0) +
                 crps_outside(fmax(rails->low, last), rails->high, x, 1.0);
    for (size_t k = 0; k + 1 < points; k++) {
        const double from = fmax(grid[k], rails->low);
        const double to = fmin(grid[k + 1], rails->high);
        const double slope = (F[k + 1] - F[k]) / (grid[k + 1] - grid[k]);
        const double a = F[k] + slope * (from - grid[k]);
        const double b = F[k] + slope * (to - grid[k]);
        const double middle = fmin(fmax(x, from), to);
        const double at = F[k] + slope * (middle - grid[k]);
        sum += integrate(from, middle, a, at, 0.0) + integrate(middle, to, at, b, 1.0);
    }
    return sum;
}

double rebias_rails_score_row(enum rebias_score score, const struct rebias_rails *rails,
                              double x, size_t points, const double *grid, const double *F)
{
    const int cut = cut_of(rails, x);
    if (score == REBIAS_SCORE_CRPS) {
        return crps_row(rails, onto_rails(rails, x), points, grid, F);
    }
    if (cut == 0) {
        return rebias_log_score_rows(1, &x, points, grid, F);
    }
    const double end = cut > 0 ? rails->high : rails->low;
    const double below = row_at(end, points, grid, F);
    return -log(fmax(cut > 0 ? 1.0 - below : below, REBIAS_DENSITY_FLOOR));
}
