/* kde_cells.h - residuals in cells of G and rows smoothed from them (internal to jumptable).
 *
 * Points become mass on a grid of G and e, so that the work does not grow with their number;
 * sums of e and e^2 are kept exactly.
 */
#ifndef REBIAS_JUMPTABLE_KDE_CELLS_H
#define REBIAS_JUMPTABLE_KDE_CELLS_H

#include "trend.h"

enum { REBIAS_KDE_CELLS = 64, REBIAS_KDE_ATOMS = 256 };

struct rebias_kde_cells {
    double first_G, width_G; /* S: start of cell 0, width of a cell */
    double first_e, step_e;  /* grid of e */
    double mean_terms;       /* coefficients of the trend's mean */
};

/* Residuals of some of the points: per cell of G, mass on the grid of e and raw sums. */
struct rebias_kde_histogram {
    double mass[REBIAS_KDE_CELLS][REBIAS_KDE_ATOMS];
    double count[REBIAS_KDE_CELLS];
    double sum[REBIAS_KDE_CELLS];
    double square[REBIAS_KDE_CELLS];
};

/* Distribution of e at one G: weights of the atoms (sum 1) and the exact moments. */
struct rebias_kde_row {
    double weight[REBIAS_KDE_ATOMS];
    double mean;
    double variance;      /* of the points, freed from the bias of fitted means */
    double grid_variance; /* of the atoms */
    double effective;     /* points behind the row, (sum w)^2/sum w^2 */
};

/* Cells over the range of G and of the residuals e[sample->n]. */
void rebias_kde_cells_set(struct rebias_kde_cells *cells, const struct rebias_sample *s,
                          const double *e, const struct rebias_trend *trend);

/* Index of the cell of G, S. */
size_t rebias_kde_cell(const struct rebias_kde_cells *cells, double G);

/* Adds one point, its mass split between two atoms so that the mean stays exact. */
void rebias_kde_add(struct rebias_kde_histogram *h, const struct rebias_kde_cells *cells,
                    double G, double e);

/* part = all points but those of part. */
void rebias_kde_leave_out(struct rebias_kde_histogram *part,
                          const struct rebias_kde_histogram *all);

/* Gaussian weights of the cells for a row at G, the largest being 1; h_G as a fraction of the
 * range of the points, may be infinite. */
void rebias_kde_weights(const struct rebias_kde_cells *cells,
                        const struct rebias_kde_histogram *h, double G, double h_G,
                        double weight[REBIAS_KDE_CELLS]);

/* The row of a histogram. False when no point is there. */
bool rebias_kde_smooth(struct rebias_kde_row *row, const struct rebias_kde_cells *cells,
                       const struct rebias_kde_histogram *h,
                       const double weight[REBIAS_KDE_CELLS]);

/* Factor that draws the row's atoms together, so that with kernels of sd h_e (before they are
 * drawn together too) its variance is the points' variance. */
double rebias_kde_shrinkage(const struct rebias_kde_row *row, double h_e);

/* Density of the row at e; h_e may be infinite (normal). NaN for a row without spread. */
double rebias_kde_density(const struct rebias_kde_row *row,
                          const struct rebias_kde_cells *cells, double h_e, double e);

#endif
