/* distance.c - distances between two distributions.
 * 1. integrals over a common grid   2. sums over its cells   3. coupling of the quantiles
 * 4. closed forms for two normal distributions   5. the Jensen-Shannon divergence of two normal
 * distributions
 *
 * References: comonotone coupling: Villani, "Topics in Optimal Transportation" (2003),
 * section 2.2; energy distance: Szekely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013);
 * Jensen-Shannon divergence: Lin, IEEE Trans. Inf. Theory 37, 145 (1991). All closed forms are
 * written in ratios, so that variances of 1e-20 S^2 and point masses need no special scaling.
 */
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_log.h>
#include <math.h>

/* -- 1. integrals over a common grid -- */

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

/* Integral of the square of what runs linearly from a to b over a width h. */
static double integrate_squared(double h, double a, double b)
{
    return h * (a * a + a * b + b * b) / 3.0;
}

double rebias_energy(size_t n, const double *x, const double *F, const double *H)
{
    double sum = 0.0;
    for (size_t i = 1; i < n; i++) {
        sum += integrate_squared(x[i] - x[i - 1], F[i - 1] - H[i - 1], F[i] - H[i]);
    }
    return 2.0 * sum;
}

/* -- 2. sums over its cells -- */

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

/* p ln(p/q) - p + q of one cell, never negative; the masses of all cells sum to 1 for both, so
 * that the terms - p + q vanish in the sum. What H has no mass for adds to *missing. */
static double cell_information(double p, double q, double *missing)
{
    if (!(p > 0.0)) {
        return fmax(q, 0.0);
    }
    if (!(q > 0.0)) {
        *missing += p;
        return 0.0;
    }
    double a = (q - p) / p;
    return p * (a - log1p(a));
}

double rebias_kullback_leibler(size_t n, const double *F, const double *H)
{
    double F_before = 0.0;
    double H_before = 0.0;
    double sum = 0.0;
    double missing = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += cell_information(F[i] - F_before, H[i] - H_before, &missing);
        F_before = F[i];
        H_before = H[i];
    }
    sum += cell_information(1.0 - F_before, 1.0 - H_before, &missing);
    return missing > REBIAS_MISSING_MASS ? INFINITY : sum;
}

/* (p ln(2p/(p + q)) + q ln(2q/(p + q)))/2 of one cell. For nearly equal masses these cancel;
 * with t = (p - q)/(p + q) the same is (p + q)/4 (ln(1 - t^2) + t ln(p/q)), where both terms
 * are of the order of t^2. */
static double cell_divergence(double p, double q)
{
    if (!(p > 0.0) || !(q > 0.0)) {
        return 0.5 * M_LN2 * (fmax(p, 0.0) + fmax(q, 0.0));
    }
    double both = p + q;
    double t = (p - q) / both;
    if (fabs(t) > 0.5) {
        return 0.5 * (p * log(2.0 * p / both) + q * log(2.0 * q / both));
    }
    return 0.25 * both * (log1p(-t * t) + t * log(p / q));
}

double rebias_jensen_shannon(size_t n, const double *F, const double *H)
{
    double F_before = 0.0;
    double H_before = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += cell_divergence(F[i] - F_before, H[i] - H_before);
        F_before = F[i];
        H_before = H[i];
    }
    sum += cell_divergence(1.0 - F_before, 1.0 - H_before);
    return fmin(sum, M_LN2);
}

/* -- 3. coupling of the quantiles -- */

/* A quantile function that is walked upwards: its linear piece runs from x = from at
 * probability low to x = to at high, and is at the place `at`. Piece 0 is the point mass at
 * x_0, piece n that at x_last. */
struct quantile_walk {
    size_t n;
    const double *x, *cdf;
    size_t piece;
    double low, high, from, to, at;
};

/* x, or the end that it passes; fmin and fmax are calls. */
static double between(double x, double low, double high)
{
    double above = x > low ? x : low;
    return above < high ? above : high;
}

/* Moves to a piece, which starts where the walk is; a cdf that falls by rounding stays where it
 * was. */
static void enter_piece(struct quantile_walk *q, size_t piece)
{
    q->piece = piece;
    q->low = piece == 0 ? 0.0 : q->high;
    q->high = piece == q->n ? 1.0 : between(q->cdf[piece], q->low, 1.0);
    q->from = q->x[piece == 0 ? 0 : piece - 1];
    q->to = q->x[piece == q->n ? q->n - 1 : piece];
    q->at = q->from;
}

/* Leaves the pieces that end at the probability u. */
static void leave_ended(struct quantile_walk *q, double u)
{
    while (q->high <= u && q->piece < q->n) {
        enter_piece(q, q->piece + 1);
    }
}

/* Moves to the probability u inside the piece. */
static void move_to(struct quantile_walk *q, double u)
{
    q->at = u >= q->high ? q->to
                         : q->from + (q->to - q->from) * ((u - q->low) / (q->high - q->low));
}

double rebias_wasserstein2(size_t n, const double *x, const double *F, const double *H)
{
    struct quantile_walk a = {.n = n, .x = x, .cdf = F};
    struct quantile_walk b = {.n = n, .x = x, .cdf = H};
    enter_piece(&a, 0);
    enter_piece(&b, 0);
    double sum = 0.0;
    for (double u = 0.0; u < 1.0;) {
        leave_ended(&a, u);
        leave_ended(&b, u);
        double next = a.high < b.high ? a.high : b.high;
        double gap = a.at - b.at;
        move_to(&a, next);
        move_to(&b, next);
        sum += integrate_squared(next - u, gap, a.at - b.at);
        u = next;
    }
    return sqrt(sum);
}

/* -- 4. closed forms for two normal distributions -- */

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

double rebias_wasserstein2_normal(double m1, double s1, double m2, double s2)
{
    return hypot(m1 - m2, s1 - s2);
}

double rebias_kullback_leibler_normal(double m1, double s1, double m2, double s2)
{
    if (s1 == 0.0 || s2 == 0.0) { /* exact: only the same point mass is not singular to one */
        return s1 == s2 && m1 == m2 ? 0.0 : INFINITY;
    }
    double a = (s1 - s2) / s2;
    double d = (m1 - m2) / s2;
    return 0.5 * (a * a + d * d) - gsl_sf_log_1plusx_mx(a); /* a - ln(1 + a) keeps its digits */
}

/* With r = hypot(s1, s2) and u = |m1 - m2|/r, E|X - Y| = r sqrt(2/pi) (exp(-u^2/2) + u
 * sqrt(pi/2) erf(u/sqrt 2)) and E|X - X'| = 2 s1/sqrt(pi). What the shift adds and what the
 * spreads add are both >= 0. */
double rebias_energy_normal(double m1, double s1, double m2, double s2)
{
    double r = hypot(s1, s2);
    double gap = fabs(m1 - m2);
    if (r == 0.0) { /* exact: two point masses */
        return 2.0 * gap;
    }
    double u = gap / r;
    double shift = r * sqrt(M_2_PI) * expm1(-0.5 * u * u) + gap * erf(u * M_SQRT1_2);
    double spread = (s1 - s2) * (s1 - s2) / (M_SQRT2 * r + s1 + s2);
    return 2.0 * shift + M_2_SQRTPI * spread;
}

/* -- 5. the Jensen-Shannon divergence of two normal distributions --
 *
 * With q the density of the narrower and l = ln(q/p), JS is the integral of q (ln 2 - (e^-l
 * ln(1 + e^l) + ln(1 + e^-l))/2): the part under p ln(1 + q/p) lies where q has its mass,
 * because it is below q. So the spread of the wider one does not matter, and the trapezoidal
 * rule in units of the narrower converges geometrically.
 */

/* ln 2 - (e^-l ln(1 + e^l) + ln(1 + e^-l))/2. */
static double divergence_at(double l)
{
    double e = exp(-fabs(l));
    double grow = log1p(e);
    if (e == 0.0 && l > 0.0) { /* its limit, also for an infinite l */
        return M_LN2;
    }
    if (l >= 0.0) {
        return M_LN2 - 0.5 * (e * (l + grow) + grow);
    }
    double ratio = e > 0.0 ? grow / e : 1.0; /* its limit */
    return M_LN2 - 0.5 * (ratio + grow - l);
}

/* 0 < s1 <= s2. */
static double divergence_of_normals(double m1, double s1, double m2, double s2)
{
    const double step = 0.25; /* error below 1e-9 */
    enum { STEPS = 30 };      /* of 0.25 sd to either side: 6e-14 of the mass is outside */
    const double phi_0 = 0.39894228040143267794;
    double e = s1 / s2;
    double D = (m1 - m2) / s2;
    double log_e = log1p((s1 - s2) / s2);
    double sum = 0.0;
    for (int i = -STEPS; i <= STEPS; i++) {
        double z = step * i;
        double wide = e * z + D;
        sum += exp(-0.5 * z * z) * divergence_at(0.5 * (wide - z) * (wide + z) - log_e);
    }
    return fmin(fmax(step * phi_0 * sum, 0.0), M_LN2);
}

double rebias_jensen_shannon_normal(double m1, double s1, double m2, double s2)
{
    if (m1 == m2 && s1 == s2) { /* exact: the same distribution */
        return 0.0;
    }
    if (s1 == 0.0 || s2 == 0.0) { /* exact: singular to each other */
        return M_LN2;
    }
    return s1 <= s2 ? divergence_of_normals(m1, s1, m2, s2)
                    : divergence_of_normals(m2, s2, m1, s1);
}
