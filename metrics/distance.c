/* distance.c - distances between two distributions.
 * 1. on a common grid   2. closed forms for two normal distributions
 *
 * References: comonotone coupling: Villani, "Topics in Optimal Transportation" (2003),
 * section 2.2. All closed forms are written in ratios, so that variances of 1e-20 S^2 and point
 * masses need no special scaling.
 */
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* -- 1. on a common grid -- */

/* Integral of |d| over a cell of width h in which d runs linearly from a to b. */
static double integrate_absolute(double h, double a, double b)
{
    double area = fabs(a) + fabs(b);
    if ((a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0)) {
        return 0.5 * h * (a * a + b * b) / area; /* two triangles that meet at the zero */
    }
    return 0.5 * h * area;
}

double rebias_wasserstein1(size_t n, const double *x, const double *F, const double *H)
{
    double sum = 0.0;
    for (size_t i = 1; i < n; i++) {
        sum += integrate_absolute(x[i] - x[i - 1], F[i - 1] - H[i - 1], F[i] - H[i]);
    }
    return sum;
}

double rebias_kolmogorov_smirnov(size_t n, const double *F, const double *H)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(F[i] - H[i]));
    }
    return largest;
}

/* (sqrt p - sqrt q)^2 of one cell; a cdf that falls by rounding has no mass there. */
static double root_difference_squared(double p, double q)
{
    double d = sqrt(fmax(p, 0.0)) - sqrt(fmax(q, 0.0));
    return d * d;
}

/* The cells' masses sum to 1 for both, so 1 - sum sqrt(pq) = 1/2 sum (sqrt p - sqrt q)^2, which
 * does not cancel when the two are nearly equal. */
double rebias_hellinger(size_t n, const double *F, const double *H)
{
    double F_before = 0.0;
    double H_before = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += root_difference_squared(F[i] - F_before, H[i] - H_before);
        F_before = F[i];
        H_before = H[i];
    }
    sum += root_difference_squared(1.0 - F_before, 1.0 - H_before);
    return fmin(sqrt(0.5 * sum), 1.0);
}

/* -- 2. closed forms for two normal distributions -- */

/* With r = hypot(s1, s2): 2 s1 s2/r^2 = 1 - ((s1 - s2)/r)^2; log1p and expm1 keep small
 * distances exact. */
double rebias_hellinger_normal(double m1, double s1, double m2, double s2)
{
    if (s1 == 0.0 ||
        s2 == 0.0) { /* exact: point masses are singular to everything but themselves */
        return s1 == s2 && m1 == m2 ? 0.0 : 1.0;
    }
    double r = hypot(s1, s2);
    double a = (s1 - s2) / r;
    double d = (m1 - m2) / r;
    return sqrt(-expm1(0.5 * log1p(-a * a) - 0.25 * d * d));
}

double rebias_wasserstein1_normal(double m1, double s1, double m2, double s2)
{
    double a = fabs(m1 - m2);
    double b = fabs(s1 - s2);
    if (b == 0.0) { /* exact: equal spreads, a pure shift */
        return a;
    }
    /* 1 - 2 Phi(-z) = erf(z/sqrt 2), which keeps its digits for small z */
    double z = a / b;
    return b * sqrt(M_2_PI) * exp(-0.5 * z * z) + a * erf(z * M_SQRT1_2);
}

/* |F - H| at z, where F is N(0, 1) and H is the other one in units of the first. */
static double gap_at(double z, double ratio, double shift)
{
    return fabs(gsl_cdf_ugaussian_P(z) - gsl_cdf_ugaussian_P(z * ratio - shift));
}

/* s1 < s2. With z = (x - m1)/s1, e = s1/s2 and D = (m2 - m1)/s2 the densities cross where
 * (1 - e^2) z^2 + 2 D e z - (D^2 - 2 ln e) = 0; one root by the stable formula, the other from
 * their product. */
static double largest_gap(double m1, double s1, double m2, double s2)
{
    const double far = 80.0; /* beyond, 1 - KS < 2 Phi(-40), which is 0 to double precision */
    double e = s1 / s2;
    double D = (m2 - m1) / s2;
    if (fabs(D) > far) {
        return 1.0;
    }
    if (e == 0.0) { /* exact, or an underflow: F is a point mass, H normal */
        return fmax(gsl_cdf_ugaussian_P(-D), gsl_cdf_ugaussian_Q(-D));
    }
    double A = (1.0 - e) * (1.0 + e);
    double log_e = log1p((s1 - s2) / s2);
    double q = -(D * e + copysign(sqrt(D * D - 2.0 * A * log_e), D));
    return fmax(gap_at(q / A, e, D), gap_at((2.0 * log_e - D * D) / q, e, D));
}

double rebias_kolmogorov_smirnov_normal(double m1, double s1, double m2, double s2)
{
    if (s1 == s2) { /* exact: they cross once, halfway between the means */
        if (s1 == 0.0) {
            return m1 == m2 ? 0.0 : 1.0;
        }
        return erf(fabs(m1 - m2) / s1 * (0.5 * M_SQRT1_2));
    }
    return s1 < s2 ? largest_gap(m1, s1, m2, s2) : largest_gap(m2, s2, m1, s1);
}
