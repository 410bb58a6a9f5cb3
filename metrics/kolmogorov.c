/* kolmogorov.c - the Kolmogorov-Smirnov tests of one and of two samples.
 * 1. the limit distribution   2. exact distribution for one sample   3. one sample   4. exact
 * distribution for two samples   5. two samples
 *
 * References: Marsaglia, Tsang and Wang, J. Stat. Softw. 8(18) (2003); Simard and L'Ecuyer, J.
 * Stat. Softw. 39(11) (2011); Schroeer and Trenkler, Comput. Stat. Data Anal. 20, 185 (1995).
 */
#include "rebias/base.h"
#include "rebias/two_sample.h"
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

/* -- 1. the limit distribution -- */

/* P(sup |B| >= x) of the Brownian bridge: 2 sum (-1)^(k-1) exp(-2 k^2 x^2), and for small x the
 * series of 1 minus it that converges there (Jacobi). */
static double limit_tail(double x)
{
    const double crossover = 1.0; /* five terms of either give full precision */
    enum { TERMS = 5 };
    double sum = 0.0;
    if (x < crossover) {
        for (int k = 1; k <= TERMS && x > 0.0; k++) {
            double odd = (2.0 * k - 1.0) * M_PI / x;
            sum += exp(-0.125 * odd * odd);
        }
        return x > 0.0 ? 1.0 - sqrt(2.0 * M_PI) / x * sum : 1.0;
    }
    for (int k = TERMS; k >= 1; k--) {
        sum = exp(-2.0 * k * k * x * x) - sum;
    }
    return 2.0 * sum;
}

/* -- 2. exact distribution for one sample -- */

/* Side of the matrix for n = 200 and n d^2 = 4: k = n d + 1 <= 29, 2 k - 1. */
enum { EXACT_POINTS = 200, SIDE = 57 };

/* H of the reference, eq. 2: H_ij = 1/(i - j + 1)! from the superdiagonal down, with
 * corrections in the first column and the last row. */
static void fill_matrix(size_t side, double h, double H[SIDE][SIDE])
{
    for (size_t i = 0; i < side; i++) {
        for (size_t j = 0; j < side; j++) {
            H[i][j] = i + 1 < j ? 0.0 : 1.0;
        }
    }
    for (size_t i = 0; i < side; i++) {
        H[i][0] -= pow(h, (double)(i + 1));
        H[side - 1][i] -= pow(h, (double)(side - i));
    }
    H[side - 1][0] += 2.0 * h > 1.0 ? pow(2.0 * h - 1.0, (double)side) : 0.0;
    for (size_t i = 0; i < side; i++) {
        for (size_t j = 0; j <= i; j++) {
            H[i][j] /= gsl_sf_fact((unsigned)(i - j + 1));
        }
    }
}

/* P(D >= d) = 1 - n!/n^n (H^n)_kk for n <= EXACT_POINTS and n d^2 < 4; the power is applied to
 * a unit vector, with its share of n!/n^n in every step, so that nothing overflows. */
static double matrix_tail(size_t n, double d)
{
    double nd = (double)n * d;
    size_t k = (size_t)nd + 1;
    size_t side = 2 * k - 1;
    double H[SIDE][SIDE];
    double v[SIDE] = {0.0};
    fill_matrix(side, (double)k - nd, H);
    v[k - 1] = 1.0;
    for (size_t step = 1; step <= n; step++) {
        double next[SIDE];
        for (size_t i = 0; i < side; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < side && j <= i + 1; j++) {
                sum += H[i][j] * v[j];
            }
            next[i] = sum * ((double)step / (double)n);
        }
        for (size_t i = 0; i < side; i++) {
            v[i] = next[i];
        }
    }
    return fmin(fmax(1.0 - v[k - 1], 0.0), 1.0);
}

/* P(D+ >= d) = sum over j from 0 to n (1 - d) of d C(n, j) (d + j/n)^(j-1) (1 - d -
 * j/n)^(n-j), all terms positive. */
static double one_sided_tail(size_t n, double d)
{
    double count = (double)n;
    double sum = 0.0;
    for (size_t j = 0; j <= n; j++) {
        double at = d + (double)j / count;
        double rest = 1.0 - at;
        if (rest < 0.0 || (rest == 0.0 && j < n)) {
            break;
        }
        double power = j < n ? (double)(n - j) * log(rest) : 0.0;
        sum += exp(gsl_sf_lnchoose((unsigned)n, (unsigned)j) + ((double)j - 1.0) * log(at) +
                   power);
    }
    return d * sum;
}

/* P(D >= d). */
static double one_sample_tail(size_t n, double d)
{
    double count = (double)n;
    if (d <= 0.5 / count) { /* the smallest D there is */
        return 1.0;
    }
    if (d >= 1.0) {
        return 0.0;
    }
    if (n > EXACT_POINTS) {
        double x = sqrt(count) * d;
        return limit_tail(x + 1.0 / (6.0 * sqrt(count)) + (x - 1.0) / (4.0 * count));
    }
    if (count * d * d < 4.0 && d < 0.5) {
        return matrix_tail(n, d);
    }
    return fmin(2.0 * one_sided_tail(n, d), 1.0); /* D+ and D- cannot both reach 1/2 */
}

/* -- 3. one sample -- */

/* *copy = x[n] in ascending order, to be given to free(). */
static int sort_copy(size_t n, const double *x, double **copy, struct rebias_error *err)
{
    int status = rebias_alloc(copy, n, sizeof **copy, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        (*copy)[i] = x[i];
    }
    gsl_sort(*copy, 1, n);
    return REBIAS_OK;
}

int rebias_ks_one_sample(size_t n, const double *u, double *statistic, double *p,
                         struct rebias_error *err)
{
    if (n == 0) {
        return rebias_fail(err, REBIAS_E_DATA, "no points to test");
    }
    for (size_t i = 0; i < n; i++) {
        if (!(u[i] >= 0.0 && u[i] <= 1.0)) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "value %zu of %zu is %g; a probability was expected", i + 1, n,
                               u[i]);
        }
    }
    double *sorted = NULL;
    int status = sort_copy(n, u, &sorted, err);
    if (status != REBIAS_OK) {
        return status;
    }
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, sorted[i] - (double)i / (double)n);
        largest = fmax(largest, (double)(i + 1) / (double)n - sorted[i]);
    }
    free(sorted);
    *statistic = largest;
    *p = one_sample_tail(n, largest);
    return REBIAS_OK;
}

/* -- 4. exact distribution for two samples -- */

/* Two sorted samples. D = distance/(n m) in whole numbers; a pooled rank t = i + j at which a
 * group of equal values ends is where the two distribution functions are compared. */
struct pooled {
    size_t n, m;
    const double *x, *y;
    uint64_t distance;
    unsigned char *ends; /* [n + m + 1] */
};

/* |i/n - j/m| n m. */
static uint64_t distance_at(const struct pooled *s, size_t i, size_t j)
{
    uint64_t a = (uint64_t)i * s->m;
    uint64_t b = (uint64_t)j * s->n;
    return a > b ? a - b : b - a;
}

/* Walks through both samples: fills distance and ends. */
static void merge(struct pooled *s)
{
    size_t i = 0;
    size_t j = 0;
    while (i < s->n || j < s->m) {
        double value = i == s->n || (j < s->m && s->y[j] < s->x[i]) ? s->y[j] : s->x[i];
        while (i < s->n && s->x[i] == value) {
            i++;
        }
        while (j < s->m && s->y[j] == value) {
            j++;
        }
        s->ends[i + j] = 1;
        uint64_t distance = distance_at(s, i, j);
        s->distance = distance > s->distance ? distance : s->distance;
    }
}

/* Share of the paths from (0, 0) to (n, m) that reach the distance at an end of a group. Of the
 * paths to (i, j) the share i/(i + j) comes from (i - 1, j). reached[m + 1] is work. */
static double path_tail(const struct pooled *s, double *reached)
{
    for (size_t i = 0; i <= s->n; i++) {
        for (size_t j = 0; j <= s->m; j++) {
            if (s->ends[i + j] != 0 && distance_at(s, i, j) >= s->distance) {
                reached[j] = 1.0;
                continue;
            }
            double from_x = i > 0 ? reached[j] * (double)i : 0.0;
            double from_y = j > 0 ? reached[j - 1] * (double)j : 0.0;
            reached[j] = i + j > 0 ? (from_x + from_y) / (double)(i + j) : 0.0;
        }
    }
    return reached[s->m];
}

/* -- 5. two samples -- */

static size_t common_divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Hodges moves x by (l + 2 s)/(6 sqrt(l s (l + s))), l the larger and s the smaller sample;
 * half the lattice's step is taken off, because p includes the value that is found; Vrbik's
 * second term matters when s is small. */
static double two_sample_limit(const struct pooled *s)
{
    double large = (double)(s->n > s->m ? s->n : s->m);
    double small = (double)(s->n > s->m ? s->m : s->n);
    double lattice = (double)common_divisor(s->n, s->m);
    double root = sqrt(large * small * (large + small));
    double x = (double)s->distance / root;
    double moved = x + (large + 2.0 * small - 3.0 * lattice) / (6.0 * root);
    return limit_tail(moved + (x - 1.0) / 4.0 * (1.0 / large + 1.0 / small));
}

/* Whether the paths are few enough to be counted; beside a small sample the limit is bad. */
static bool is_countable(const struct pooled *s)
{
    const size_t cells = 1000000;
    const size_t small = 50;
    return s->n <= small || s->m <= small || s->n <= cells / s->m;
}

static int check_sample(size_t n, const double *x, const char *name, struct rebias_error *err)
{
    if (n == 0) {
        return rebias_fail(err, REBIAS_E_DATA, "the %s sample has no points", name);
    }
    if (n > INT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "the %s sample has %zu points, 2^31 or more",
                           name, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "value %zu of %zu of the %s sample is %g, not a finite number",
                               i + 1, n, name, x[i]);
        }
    }
    return REBIAS_OK;
}

/* s holds the sorted samples. */
static int measure_pooled(struct pooled *s, double *statistic, double *p,
                          struct rebias_error *err)
{
    double *reached = NULL;
    int status = rebias_alloc(&s->ends, s->n + s->m + 1, 1, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    merge(s);
    if (is_countable(s)) {
        status = rebias_alloc(&reached, s->m + 1, sizeof *reached, err);
        if (status != REBIAS_OK) {
            goto done;
        }
        *p = path_tail(s, reached);
    } else {
        *p = two_sample_limit(s);
    }
    *statistic = (double)s->distance / ((double)s->n * (double)s->m);
done:
    free(s->ends);
    free(reached);
    return status;
}

int rebias_ks_two_sample(size_t n, const double *x, size_t m, const double *y,
                         double *statistic, double *p, struct rebias_error *err)
{
    double *sorted_x = NULL;
    double *sorted_y = NULL;
    int status = check_sample(n, x, "first", err);
    if (status == REBIAS_OK) {
        status = check_sample(m, y, "second", err);
    }
    if (status == REBIAS_OK) {
        status = sort_copy(n, x, &sorted_x, err);
    }
    if (status == REBIAS_OK) {
        status = sort_copy(m, y, &sorted_y, err);
    }
    if (status == REBIAS_OK) {
        struct pooled s = {.n = n, .m = m, .x = sorted_x, .y = sorted_y};
        status = measure_pooled(&s, statistic, p, err);
    }
    free(sorted_x);
    free(sorted_y);
    return status;
}
