/* metrics.h - distances between distributions, device-level metrics, and the bootstrap interval
 * of a mean.
 *
 * Everything is double, in the units of what is passed in (S for conductances).
 */
#ifndef REBIAS_METRICS_H
#define REBIAS_METRICS_H

#include "error.h"
#include "random.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- two distributions on one grid: x[n] strictly ascending, F and H their cdf values there
 * ---------------- */

/* W1 = integral |F - H| dx, with F and H linear between the grid points (sign changes inside a
 * cell are found); unit of x. */
double rebias_wasserstein1(size_t n, const double *x, const double *F, const double *H);

/* KS = max |F - H| over the grid, in [0, 1]. */
double rebias_kolmogorov_smirnov(size_t n, const double *F, const double *H);

/* Hellinger distance, in [0, 1]: sqrt(1 - sum over cells sqrt(dF dH)), the cells being (-inf,
 * x_0], (x_0, x_1], ..., (x_last, inf). Converges to the distance of the densities from below
 * as the grid is refined. */
double rebias_hellinger(size_t n, const double *F, const double *H);

/* W2 = sqrt(integral over u in (0, 1) of (F^-1(u) - H^-1(u))^2), exactly for F and H that are
 * linear between the grid points and have point masses F(x_0) at x_0 and 1 - F(x_last) at
 * x_last; unit of x. n >= 1. */
double rebias_wasserstein2(size_t n, const double *x, const double *F, const double *H);

/* KL(F || H) = sum over the cells of rebias_hellinger of dF ln(dF/dH), in nats: how much an
 * observer of F is surprised who believes H. Cells that H has no mass for are left out while F
 * has at most REBIAS_MISSING_MASS there in all: jump tables end 6 sd from their means, and no
 * cdf shows an upper tail below 1e-16. Beyond that it is infinite. Converges to the divergence
 * of the densities from below as the grid is refined. */
#define REBIAS_MISSING_MASS 1e-6
double rebias_kullback_leibler(size_t n, const double *F, const double *H);

/* Jensen-Shannon divergence (KL(F || M) + KL(H || M))/2 with M = (F + H)/2 over the same cells,
 * in nats, in [0, ln 2]; always finite. */
double rebias_jensen_shannon(size_t n, const double *F, const double *H);

/* Energy distance 2 integral (F - H)^2 dx = 2 E|X - Y| - E|X - X'| - E|Y - Y'|, exactly for F
 * and H linear between the grid points; unit of x. */
double rebias_energy(size_t n, const double *x, const double *F, const double *H);

/* Closed forms for N(m1, s1^2) and N(m2, s2^2), s > 0: Hellinger^2 = 1 - sqrt(2 s1 s2/(s1^2 +
 * s2^2)) exp(-(m1 - m2)^2/(4 (s1^2 + s2^2))); W1 exactly: E|m1 - m2 + (s1 - s2) Z| (comonotone
 * coupling). KS at the points where the densities cross. s = 0 is a point mass. */
double rebias_hellinger_normal(double m1, double s1, double m2, double s2);
double rebias_wasserstein1_normal(double m1, double s1, double m2, double s2);
double rebias_kolmogorov_smirnov_normal(double m1, double s1, double m2, double s2);

/* W2^2 = (m1 - m2)^2 + (s1 - s2)^2. KL(N1 || N2) = ln(s2/s1) + (s1^2 + (m1 - m2)^2)/(2 s2^2) -
 * 1/2, infinite when one is a point mass and the other is not the same one. Energy with E|X -
 * Y| = E|m1 - m2 + hypot(s1, s2) Z| and E|X - X'| = 2 s1/sqrt(pi). Jensen-Shannon has no closed
 * form: quadrature, absolute error below 1e-9; ln 2 for different point masses or only one. */
double rebias_wasserstein2_normal(double m1, double s1, double m2, double s2);
double rebias_kullback_leibler_normal(double m1, double s1, double m2, double s2);
double rebias_energy_normal(double m1, double s1, double m2, double s2);
double rebias_jensen_shannon_normal(double m1, double s1, double m2, double s2);

/* -- device-level metrics
 * ----------------------------------------------------------------------------- */

/* A device seen from here: the distribution of dG given G (S), polarity 0 SET, 1 RESET. context
 * is handed through. gaussian: dG given G is normal, so closed forms apply. */
struct rebias_jumps {
    const void *context;
    void (*moments)(const void *context, int polarity, double G, double *mean, double *sd);
    double (*cdf)(const void *context, int polarity, double G, double dG);
    bool gaussian;
};

struct rebias_compare_options {
    double Gmin, Gmax; /* S, the range that is compared */
    size_t slices;     /* equidistant G levels from Gmin to Gmax, both included; >= 2 */
    size_t grid;       /* dG points where distances are integrated numerically, >= 16 */
    /* Weights of the slices in the averages, [slices] for SET and RESET, >= 0, not all 0, of
     * any sum; NULL = uniform. A slice of weight 0 is measured but not averaged. Borrowed. */
    const double *weights[2];
};

/* 100 slices, 2001 points; Gmin = Gmax = 0, which the caller must set. */
struct rebias_compare_options rebias_compare_options_defaults(void);

/* One G slice of one polarity. */
struct rebias_slice_metrics {
    double G;
    double model_mean, model_sd, target_mean, target_sd;
    double wasserstein1;       /* S */
    double kolmogorov_smirnov; /* 1 */
    double hellinger;          /* 1 */
    double wasserstein2;       /* S */
    double kullback_leibler;   /* nats, KL(target || model); infinite where the model excludes
                                  what the target does */
    double jensen_shannon;     /* nats, in [0, ln 2]: the divergence */
    double energy;             /* S: 2 integral (F - H)^2 dx */
};

/* Averages over the slices, with the options' weights; [0] SET, [1] RESET. Errors are model
 * minus target. One slice of infinite kullback_leibler makes its average infinite. */
struct rebias_device_metrics {
    double rmse_mean[2];  /* S: sqrt of the mean squared error of the mean profile */
    double rmse_sd[2];    /* S: the same for the sd profile */
    double mean_error[2]; /* S: signed error of the mean, averaged */
    double sd_error[2];   /* S */
    double push_pull; /* S: mean_error[SET] - mean_error[RESET]; > 0: the model pushes harder
                         both ways */
    double wrong_sign[2];  /* weighted fraction of slices where model and target means have
                              opposite signs */
    double wrong_sign_all; /* mean of the two */
    double wasserstein1[2];
    double kolmogorov_smirnov[2];
    double hellinger[2];
    double wasserstein2[2];
    double kullback_leibler[2];
    double jensen_shannon[2];
    double energy[2];
};

/* Compares model with target. Numerical distances use a grid of which nearly half the points
 * span each device's mean -+ 8 sd, and the rest reaches further out, for point masses at a
 * table's ends. The Hellinger distance between a discrete table (rule NEAREST) and a continuous
 * device tends to 1 as the grid is refined: that is its definition; likewise the Jensen-Shannon
 * divergence tends to ln 2, and Kullback-Leibler's to infinity. Errors: REBIAS_E_RANGE for
 * options, REBIAS_E_UNSUPPORTED when a needed callback is NULL, REBIAS_E_NUMERIC for a moment
 * or cdf that is not finite. slices (may be NULL): 2 x options->slices records, SET first. */
int rebias_compare_jumps(const struct rebias_jumps *model, const struct rebias_jumps *target,
                         const struct rebias_compare_options *options,
                         struct rebias_device_metrics *metrics,
                         struct rebias_slice_metrics *slices, struct rebias_error *err);

/* -- samples
 * -------------------------------------------------------------------------------------------
 */

/* Mean, and standard deviation with n - 1 (0 for n = 1); two-pass. n >= 1. */
void rebias_mean_sd(size_t n, const double *x, double *mean, double *sd);

/* Smoothed bootstrap interval of a mean at confidence `level` in (0, 1) from n >= 2 values. The
 * bootstrap distribution is that of the mean of n draws with replacement, each with normal
 * noise of variance s^2/n added, so that it has the variance s^2/n of a mean instead of (n -
 * 1)/n of that; its ends are taken at the probabilities Phi(-+ t_{n-1}) instead of Phi(-+ z).
 * Both corrections undo the narrowness of the percentile interval for small n (Hesterberg, Am.
 * Stat. 69, 371 (2015), sections 4.2 and 5.3). The noise is integrated exactly; resample b uses
 * step b of the stream. Coverage of normal data at 0.95: see tests/test_bootstrap.c. Errors:
 * REBIAS_E_DATA for n < 2, REBIAS_E_RANGE. */
int rebias_bootstrap_mean(size_t n, const double *x, double level, size_t resamples,
                          const struct rebias_stream *stream, double *low, double *high,
                          struct rebias_error *err);

/* Spearman's rank correlation of n pairs (mid-ranks for ties), and its interval at confidence
 * `level` in (0, 1): tanh(atanh rho -+ z sqrt((1 + rho^2/2)/(n - 3))) (Bonett and Wright,
 * Psychometrika 65, 23 (2000)). NaN where not available: all three for n < 3 or when all x or
 * all y are equal, the interval for n = 3. REBIAS_E_RANGE for a level or value that is not
 * valid. */
int rebias_spearman(size_t n, const double *x, const double *y, double level, double *rho,
                    double *low, double *high, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
