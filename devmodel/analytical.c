/* analytical.c - NeuroSim's analytical device: exponential SET and RESET curves plus
 * cycle-to-cycle noise.
 * 1. parameters   2. nonlinearity label to A   3. coefficients   4. step   5. distribution   6.
 * descriptor
 *
 * Conductance after P pulses (MLP+NeuroSim V3.0 manual): G(P) = B (1 - exp(-P/A)) + Gmin with
 * B = (Gmax - Gmin)/(1 - exp(-Pmax/A)). One pulse is therefore linear in G:
 *   SET   dG = (B + Gmin - G)(1 - exp(-1/A)),  A = A(nl_set)
 *   RESET dG = (B + Gmin - G)(1 - exp(+1/A)),  A = A(nl_reset), usually negative
 * and every pulse adds normal noise with sd c2c (Gmax - Gmin).
 */
#include "models.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <math.h>

/* -- 1. parameters -- */

enum { P_GMIN, P_GMAX, P_LEVELS_SET, P_LEVELS_RESET, P_NL_SET, P_NL_RESET, P_C2C, P_COUNT };
/* First jump from Gmin and its slope with G - Gmin, for both polarities. */
enum { C_SET_FIRST = 2, C_SET_SLOPE, C_RESET_FIRST, C_RESET_SLOPE, C_NOISE, C_COUNT };

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 3.0769e-9, 0.0, 1.0, true, "lowest conductance"},
    {"Gmax", "S", 38.462e-9, 0.0, 1.0, true, "highest conductance"},
    {"levels_set", "1", 97.0, 1.0, 1e9, false, "SET pulses for the full range"},
    {"levels_reset", "1", 100.0, 1.0, 1e9, false, "RESET pulses for the full range"},
    {"nl_set", "1", 2.4, -9.0, 9.0, true, "nonlinearity label of the SET curve"},
    {"nl_reset", "1", -4.88, -9.0, 9.0, true, "nonlinearity label of the RESET curve"},
    {"c2c", "1", 0.035, 0.0, 1.0, true,
     "cycle-to-cycle sd of one pulse, as a fraction of Gmax - Gmin"},
};

/* -- 2. nonlinearity label to A -- */

/* Largest distance of y(x) = (1 - exp(-x/A))/(1 - exp(-1/A)) from the diagonal, max (y - x),
 * minus wanted. */
static double bow(double log_A, void *wanted)
{
    const double A = exp(log_A);
    const double E = -expm1(-1.0 / A);
    return (1.0 - A * E) / E + A * log(A * E) - *(const double *)wanted;
}

/* The normalised A of |NL| > 0: the perpendicular distance of the curve from the diagonal is
 * 0.07 |NL|, that is max (y - x) = 0.07 sqrt(2) |NL| (NeuroSim's 900-entry table is this
 * equation's solution, rounded). */
static int normalised_A(double label, double *A, struct rebias_error *err)
{
    double wanted = 0.07 * M_SQRT2 * label;
    if (wanted < 1e-4) {
        *A = 1.0 / (8.0 * wanted); /* limit of a nearly straight line; next term is of relative
                                      order 1/A^2 */
        return REBIAS_OK;
    }
    gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    if (solver == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for a root finder");
    }
    gsl_function function = {bow, &wanted};
    const double lowest = log(1e-3); /* bow is 0.993 there: above label 9 (0.891) */
    const double highest = log(1e5);
    int code = gsl_root_fsolver_set(solver, &function, lowest, highest);
    int going = code == GSL_SUCCESS;
    for (int i = 0; i < 200 && going; i++) {
        code = gsl_root_fsolver_iterate(solver);
        going = code == GSL_SUCCESS && gsl_root_test_interval(gsl_root_fsolver_x_lower(solver),
                                                              gsl_root_fsolver_x_upper(solver),
                                                              1e-13, 0.0) == GSL_CONTINUE;
    }
    *A = exp(gsl_root_fsolver_root(solver));
    gsl_root_fsolver_free(solver);
    if (code != GSL_SUCCESS) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "no A found for nonlinearity %g: %s", label,
                           gsl_strerror(code));
    }
    return REBIAS_OK;
}

/* -- 3. coefficients -- */

/* first = dG at Gmin, slope = d(dG)/dG; direction +1 SET, -1 RESET. */
static int one_curve(double range, double levels, double label, double direction, double *first,
                     double *slope, struct rebias_error *err)
{
    if (label == 0.0) { /* exactly what a user writes for a straight line */
        *first = direction * range / levels;
        *slope = 0.0;
        return REBIAS_OK;
    }
    double A = 0.0;
    int status = normalised_A(fabs(label), &A, err);
    if (status != REBIAS_OK) {
        return status;
    }
    A *= copysign(levels, label);
    double B = range / -expm1(-levels / A);
    double factor = -expm1(-direction / A);
    *first = B * factor;
    *slope = -factor;
    return REBIAS_OK;
}

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    double range = values[P_GMAX] - values[P_GMIN];
    coef[P_GMIN] = values[P_GMIN];
    coef[P_GMAX] = values[P_GMAX];
    coef[C_NOISE] = values[P_C2C] * range;
    int status = one_curve(range, values[P_LEVELS_SET], values[P_NL_SET], 1.0,
                           &coef[C_SET_FIRST], &coef[C_SET_SLOPE], err);
    if (status == REBIAS_OK) {
        status = one_curve(range, values[P_LEVELS_RESET], values[P_NL_RESET], -1.0,
                           &coef[C_RESET_FIRST], &coef[C_RESET_SLOPE], err);
    }
    return status;
}

/* -- 4. step -- */

static inline void step_body(const struct rebias_lanes *lanes, size_t stride, const float *z,
                             float *G)
{
    const size_t curve = lanes->polarity == REBIAS_SET ? C_SET_FIRST : C_RESET_FIRST;
    const float *first = lanes->coef[curve];
    const float *slope = lanes->coef[curve + 1];
    const float *noise = lanes->coef[C_NOISE];
    const float *Gmin = lanes->coef[P_GMIN];
#pragma omp simd
    for (size_t i = 0; i < lanes->n; i++) {
        size_t at = i * stride;
        G[i] += first[at] + slope[at] * (G[i] - Gmin[at]) + noise[at] * z[i];
    }
}

REBIAS_SIMD static void analytical_alike(const struct rebias_lanes *lanes, const float *z,
                                         float *G)
{
    step_body(lanes, 0, z, G);
}

REBIAS_SIMD static void analytical_spread(const struct rebias_lanes *lanes, const float *z,
                                          float *G)
{
    step_body(lanes, 1, z, G);
}

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    (void)device;
    float z[REBIAS_LANES_MAX];
    rebias_normal_quantiles(lanes->n, lanes->word, z);
    if (lanes->stride == 0) {
        analytical_alike(lanes, z, G);
    } else {
        analytical_spread(lanes, z, G);
    }
}

/* -- 5. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const double *c = device->coefs;
    const size_t curve = polarity == REBIAS_SET ? C_SET_FIRST : C_RESET_FIRST;
    *mean = c[curve] + c[curve + 1] * (G - c[P_GMIN]);
    *sd = c[C_NOISE];
}

/* -- 6. descriptor -- */

const struct rebias_device_model rebias_analytical_model = {
    .name = "analytical",
    .doc = "NeuroSim's exponential SET and RESET curves with cycle-to-cycle noise "
           "(MLP+NeuroSim V3.0)",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = C_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = rebias_devmodel_normal_cdf,
    .gaussian = true,
};
