/* two_sample.h - tests: do points come from a given distribution, do two sets of points come
 * from the same one?
 *
 * A p-value is the probability of a statistic at least as large when they do.
 */
#ifndef REBIAS_TWO_SAMPLE_H
#define REBIAS_TWO_SAMPLE_H

#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- Kolmogorov-Smirnov -- */

/* Points against a distribution with a continuous cdf F, given as u[i] = F(x_i) in [0, 1], n >=
 * 1, in any order: *statistic = D = sup |F_n - u|. *p: up to n = 200 exact (Marsaglia, Tsang
 * and Wang, J. Stat. Softw. 8(18) (2003); from n D^2 = 4 on twice the one-sided probability of
 * Birnbaum and Tingey, Ann. Math. Stat. 22, 592 (1951), which differs by less than 1e-13);
 * above, Kolmogorov's limit at Vrbik's corrected D (Pioneer J. Theor. Appl. Stat. 15, 15
 * (2018)), absolute error below 1e-4. Where F has jumps p is not valid: it is too small.
 * REBIAS_E_DATA for n = 0, REBIAS_E_RANGE for a value outside [0, 1]. */
int rebias_ks_one_sample(size_t n, const double *u, double *statistic, double *p,
                         struct rebias_error *err);

/* x[n] against y[m], n, m >= 1, any order: *statistic = D = max |F_n - H_m|. *p: exact for n m
 * <= 10^6 and for n or m <= 50, given which of the pooled values are equal, by counting lattice
 * paths (Schroeer and Trenkler, Comput. Stat. Data Anal. 20, 185 (1995)); above, Kolmogorov's
 * limit with Hodges' correction (Ark. Mat. 3, 469 (1958)) less half a lattice step, absolute
 * error below 4e-3 (n and n + 1 points; mostly below 2e-4), and too large when values are
 * equal. REBIAS_E_DATA for n or m = 0, REBIAS_E_RANGE for values that are not finite or 2^31 of
 * them and more. */
int rebias_ks_two_sample(size_t n, const double *x, size_t m, const double *y,
                         double *statistic, double *p, struct rebias_error *err);

/* -- permutation tests of points in 1 or 2 dimensions -- */

/* Borrowed points, count >= 2. values[count * dimension] point by point: with dimension 2, G_0
 * dG_0 G_1 dG_1 ... Points are only ever relabeled within a stratum: with model draws made at
 * the data's own G and a stratum for each of these pairs (or for each narrow range of G) the
 * test is on dG given G. It has the most power where the strata have the same shares of both
 * sets. */
struct rebias_point_set {
    size_t count;
    size_t dimension;        /* 1 or 2, the same for both sets */
    const double *values;    /* any unit */
    const uint32_t *stratum; /* [count] any numbers, in both sets; NULL in both: one stratum */
};

struct rebias_permutation_options {
    size_t permutations; /* relabelings, 1 to 10^6 */
    size_t most;         /* points of a set that are used, >= 2 */
    double bandwidth;    /* of the kernel (MMD only), in pooled sds; 0 = the median distance */
    uint64_t seed;
    uint32_t replicate; /* below 2^24 */
    uint32_t entity;    /* distinguishes tests of one replicate */
    int threads;        /* the result is the same for any number; 0 = all processors */
};

/* 999 permutations, 1000 points a set, median bandwidth, seed 1, 1 thread. */
struct rebias_permutation_options rebias_permutation_options_defaults(void);

struct rebias_permutation_result {
    double statistic;
    double p;         /* (1 + relabelings with at least the statistic)/(1 + permutations) */
    double bandwidth; /* used, in pooled sds; 0 for the energy test */
    size_t count[2];  /* points used of x, y */
};

/* Unbiased MMD^2 = mean over pairs in x of k + mean over pairs in y of k - 2 mean over x, y of
 * k, with k(a, b) = exp(-|a - b|^2/(2 h^2)) (Gretton et al., J. Mach. Learn. Res. 13, 723
 * (2012), eq. 3); may be negative. Each coordinate is divided by its pooled sd first. The
 * median distance h is that of all pairs of pooled points; where it is 0, the mean distance.
 *
 * A set of more than `most` points is thinned at random: one point of every stratum, the strata
 * in a random order that is the same for both sets, then a second of every stratum, and so on.
 * So the pairs of paired strata stay together, and large strata are thinned evenly. Memory: 48
 * most^2 bytes.
 *
 * Relabeling b uses step b of the stream REBIAS_FOR_PERMUTATION, thinning REBIAS_FOR_SUBSET.
 * Statistics that agree to 1e-10 of the kernel's range count as equal. Errors: REBIAS_E_RANGE
 * for options, dimensions and values that are not finite; REBIAS_E_DATA for fewer than 2
 * points, for strata in only one set, and when no stratum holds points of both sets. */
int rebias_mmd(const struct rebias_point_set *x, const struct rebias_point_set *y,
               const struct rebias_permutation_options *options,
               struct rebias_permutation_result *result, struct rebias_error *err);

/* The same test with the energy statistic: 2 mean over x, y of |a - b| - mean over x, x - mean
 * over y, y (each point with itself included; Szekely and Rizzo, InterStat 5 (2004)), >= 0, of
 * the scaled coordinates. In one dimension it is 2 integral (F_n - H_m)^2 dx in pooled sds. */
int rebias_energy_two_sample(const struct rebias_point_set *x, const struct rebias_point_set *y,
                             const struct rebias_permutation_options *options,
                             struct rebias_permutation_result *result,
                             struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
