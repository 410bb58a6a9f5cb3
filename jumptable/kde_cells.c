/* kde_cells.c - residuals in cells of G and rows smoothed from them (estimator `kde`).
 *
 *  1. points in cells
 *  2. rows: smoothing in G
 */
#include "kde_cells.h"
#include <math.h>
#include <string.h>

/* -- 1. points in cells -- */

size_t rebias_kde_cell(const struct rebias_kde_cells *cells, double G)
{
    double position = (G - cells->first_G) / cells->width_G;
    return position >= REBIAS_KDE_CELLS ? REBIAS_KDE_CELLS - 1 : (size_t)fmax(position, 0.0);
}

void rebias_kde_cells_set(struct rebias_kde_cells *cells, const struct rebias_sample *s,
                          const double *e, const struct rebias_trend *trend)
{
    double low = e[0];
    double high = e[0];
    for (size_t i = 1; i < s->n; i++) {
        low = fmin(low, e[i]);
        high = fmax(high, e[i]);
    }
    cells->first_G = s->G[0];
    cells->width_G = (s->G[s->n - 1] - s->G[0]) / REBIAS_KDE_CELLS;
    cells->first_e = low;
    cells->step_e = fmax(high - low, 1e-12) / (REBIAS_KDE_ATOMS - 1);
    cells->mean_terms = (double)trend->mean_degree + 1.0;
}

void rebias_kde_add(struct rebias_kde_histogram *h, const struct rebias_kde_cells *cells,
                    double G, double e)
{
    size_t k = rebias_kde_cell(cells, G);
    double position = fmax(0.0, (e - cells->first_e) / cells->step_e);
    size_t j = position >= REBIAS_KDE_ATOMS - 2 ? REBIAS_KDE_ATOMS - 2 : (size_t)position;
    double share = fmin(1.0, position - (double)j);
    h->mass[k][j] += 1.0 - share;
    h->mass[k][j + 1] += share;
    h->count[k] += 1.0;
    h->sum[k] += e;
    h->square[k] += e * e;
}

/* -- 2. rows: smoothing in G -- */

void rebias_kde_weights(const struct rebias_kde_cells *cells,
                        const struct rebias_kde_histogram *h, double G, double h_G,
                        double weight[REBIAS_KDE_CELLS])
{
    double nearest = INFINITY;
    double range = cells->width_G * REBIAS_KDE_CELLS;
    for (size_t k = 0; k < REBIAS_KDE_CELLS; k++) {
        double centre = cells->first_G + ((double)k + 0.5) * cells->width_G;
        double u = (G - centre) / (range * h_G);
        weight[k] = 0.5 * u * u;
        if (h->count[k] > 0.0) {
            nearest = fmin(nearest, weight[k]);
        }
    }
    for (size_t k = 0; k < REBIAS_KDE_CELLS; k++) {
        /* relative to the nearest cell with points: far from all points none would be left */
        weight[k] = h->count[k] > 0.0 ? exp(nearest - weight[k]) : 0.0;
    }
}

bool rebias_kde_smooth(struct rebias_kde_row *row, const struct rebias_kde_cells *cells,
                       const struct rebias_kde_histogram *all,
                       const struct rebias_kde_histogram *without,
                       const double weight[REBIAS_KDE_CELLS])
{
    double total = 0.0;
    double squares = 0.0;
    double sum = 0.0;
    double square = 0.0;
    memset(row, 0, sizeof *row);
    for (size_t k = 0; k < REBIAS_KDE_CELLS; k++) {
        if (weight[k] < 1e-12) {
            continue;
        }
        double less = without != NULL ? 1.0 : 0.0;
        const struct rebias_kde_histogram *other = without != NULL ? without : all;
        double count = all->count[k] - less * other->count[k];
        total += weight[k] * count;
        squares += weight[k] * weight[k] * count;
        sum += weight[k] * (all->sum[k] - less * other->sum[k]);
        square += weight[k] * (all->square[k] - less * other->square[k]);
        for (size_t j = 0; j < REBIAS_KDE_ATOMS; j++) {
            row->weight[j] += weight[k] * (all->mass[k][j] - less * other->mass[k][j]);
        }
    }
    if (!(total > 1e-9)) {
        return false;
    }
    row->mean = sum / total;
    row->effective = total * total / squares;
    double freedom = fmax(1.0, row->effective - cells->mean_terms) / row->effective;
    row->variance = fmax(0.0, square / total - row->mean * row->mean) / freedom;
    for (size_t j = 0; j < REBIAS_KDE_ATOMS; j++) {
        double d = cells->first_e + (double)j * cells->step_e - row->mean;
        row->weight[j] = fmax(0.0, row->weight[j] / total); /* a difference of sums: -1e-17 */
        row->grid_variance += row->weight[j] * d * d;
    }
    return true;
}

double rebias_kde_shrinkage(const struct rebias_kde_row *row, double h_e)
{
    double spread = row->grid_variance + h_e * h_e;
    return spread > 0.0 ? sqrt(row->variance / spread) : 0.0;
}

double rebias_kde_density(const struct rebias_kde_row *row,
                          const struct rebias_kde_cells *cells, double h_e, double e)
{
    const double root_2pi = 2.5066282746310002;
    double sd = sqrt(row->variance);
    if (isinf(h_e)) {
        double u = (e - row->mean) / sd;
        return exp(-0.5 * u * u) / (root_2pi * sd);
    }
    double c = rebias_kde_shrinkage(row, h_e);
    double x = (e - row->mean) / c + row->mean; /* among the atoms before they are drawn in */
    double sum = 0.0;
    for (size_t j = 0; j < REBIAS_KDE_ATOMS; j++) {
        double u = (x - (cells->first_e + (double)j * cells->step_e)) / h_e;
        if (row->weight[j] > 0.0 && fabs(u) < 8.0) {
            sum += row->weight[j] * exp(-0.5 * u * u);
        }
    }
    return sum / (root_2pi * h_e * c);
}
