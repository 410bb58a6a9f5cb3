/* law.h - a distribution of dG on a grid, and its distances from a sample (internal to sweep).
 */
#ifndef REBIAS_SWEEP_LAW_H
#define REBIAS_SWEEP_LAW_H

#include "rebias/metrics.h"

/* F, linear between x[n] (ascending; equal neighbours are a jump), with the point masses F[0]
 * and 1 - F[n - 1] at the ends. */
struct rebias_law {
    size_t n;
    double *x;
    double *F;
    double mean, sd;
};

void rebias_law_release(struct rebias_law *law);

/* The mixture of a device's distributions at G[n], n >= 1, equally likely; range (S) is that of
 * the conductance. */
int rebias_law_of_device(struct rebias_law *law, const struct rebias_jumps *jumps, int polarity,
                         size_t n, const double *G, double range, struct rebias_error *err);

/* The law whose quantile at probability (i + 1/2)/n is x[i], ascending, n >= 2. */
int rebias_law_of_sample(struct rebias_law *law, size_t n, const double *x,
                         struct rebias_error *err);

/* Smallest x with F(x) >= u, u in (0, 1). */
double rebias_law_quantile(const struct rebias_law *law, double u);

enum { REBIAS_LAW_CELLS = 8 };

/* Work space of rebias_law_measure for samples of up to n points. */
struct rebias_law_work {
    size_t capacity;
    double *x, *F, *H;
};
int rebias_law_work_new(struct rebias_law_work *work, size_t grid, size_t n,
                        struct rebias_error *err);
void rebias_law_work_release(struct rebias_law_work *work);
enum { REBIAS_LAW_GRID = 256 }; /* points of a device's law */

/* Fills slice (but G) with the distances between law and the sample x[n], ascending, n >= 2;
 * the divergences over REBIAS_LAW_CELLS cells of equal probability under the law.
 * sample_is_model: the law is the target's. A sample's empty cells count as half a point where
 * the divergence would be infinite. */
void rebias_law_measure(const struct rebias_law *law, size_t n, const double *x,
                        bool sample_is_model, struct rebias_law_work *work,
                        struct rebias_slice_metrics *slice);

#endif
