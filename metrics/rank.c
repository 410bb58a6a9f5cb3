/* rank.c - rank correlation. */
#include "rebias/base.h"
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

static bool all_equal(size_t n, const double *x)
{
    for (size_t i = 1; i < n; i++) {
        if (x[i] != x[0]) {
            return false;
        }
    }
    return true;
}

int rebias_spearman(size_t n, const double *x, const double *y, double level, double *rho,
                    double *low, double *high, struct rebias_error *err)
{
    *rho = *low = *high = NAN;
    if (!(level > 0.0 && level < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "confidence level %g is outside (0, 1)", level);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            return rebias_fail(err, REBIAS_E_RANGE, "pair %zu of %zu is (%g, %g), not finite",
                               i + 1, n, x[i], y[i]);
        }
    }
    if (n < 3 || all_equal(n, x) || all_equal(n, y)) {
        return REBIAS_OK; /* no ranks to compare: not available */
    }
    double *work = NULL;
    int status = rebias_alloc(&work, 2 * n, sizeof *work, err);
    if (status != REBIAS_OK) {
        return status;
    }
    *rho = gsl_stats_spearman(x, 1, y, 1, n, work);
    free(work);
    if (n > 3) {
        double r = fmin(fmax(*rho, -1.0 + 1e-12), 1.0 - 1e-12); /* atanh of 1 is infinite */
        double se = sqrt((1.0 + 0.5 * r * r) / (double)(n - 3));
        double z = gsl_cdf_ugaussian_Pinv(0.5 * (1.0 + level));
        *low = tanh(atanh(r) - z * se);
        *high = tanh(atanh(r) + z * se);
    }
    return REBIAS_OK;
}
