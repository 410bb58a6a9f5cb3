/* trend.h - polynomial trend of the mean and of the log-sd of dG in G.
 *
 * dG = mean(G) + sd(G) e; what is left, e, is what the estimators with rows of their own
 * smooth.
 */
#ifndef REBIAS_JUMPTABLE_TREND_H
#define REBIAS_JUMPTABLE_TREND_H

#include "likelihood.h"

/* Degrees 0 to 3 of the largest joint likelihood; constant beyond the points. */
struct rebias_trend {
    struct rebias_likelihood_scale scale;
    struct rebias_likelihood_model model;
    size_t mean_degree, log_sd_degree;
};

/* *trend by maximum normal likelihood; degree < 0: both degrees from 0 to 3 by BIC, else that
 * degree for both. sample->censored is not heeded. Errors: REBIAS_E_DATA (all G or all dG
 * equal, too few points). */
int rebias_trend_fit(struct rebias_trend *trend, const struct rebias_sample *sample, int degree,
                     struct rebias_error *err);

/* Mean and sd of the trend at G, S; constant beyond the points. */
void rebias_trend_at(const struct rebias_trend *trend, double G, double *mean, double *sd);

/* e[i] = (dG[i] - mean(G[i]))/sd(G[i]) for all points of the sample. */
void rebias_trend_residuals(const struct rebias_trend *trend,
                            const struct rebias_sample *sample, double *e);

/* rebias_trend_fit that heeds sample->censored: *dG = the sample's jumps, to be given to
 * free(), those that end at a rail continued beyond it over the normal tail of the trend, which
 * is fitted again in turn; sample->dG is set to it. (What lies beyond a rail is cut off again
 * in use; only its share matters.) */
int rebias_trend_start(struct rebias_trend *trend, struct rebias_sample *sample, int degree,
                       double **dG, struct rebias_error *err);

/* Number of levels outside [first, last] point. */
size_t rebias_trend_extrapolated(const struct rebias_sample *sample, size_t levels,
                                 const double *G);

#endif
