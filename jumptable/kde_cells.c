/* kde_cells.c - residuals in cells of G and rows smoothed from them (estimator `kde`).
 *
 *  1. points in cells
 *  2. rows: smoothing in G
 */
#include "kde_cells.h"
#include "base/simd.h"
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

void rebias_kde_leave_out(struct rebias_kde_histogram *part,
                          const struct rebias_kde_histogram *all)
{
    for (size_t k = 0; k < REBIAS_KDE_CELLS; k++) {
        for (size_t j = 0; j < REBIAS_KDE_ATOMS; j++) {
            part->mass[k][j] = all->mass[k][j] - part->mass[k][j];
        }
        part->count[k] = all->count[k] - part->count[k];
        part->sum[k] = all->sum[k] - part->sum[k];
        part->square[k] = all->square[k] - part->square[k];
    }
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

/* to += weight from, for the atoms of a cell. */
REBIAS_SIMD static void kde_add_cell(double weight, const double *restrict from,
                                     double *restrict to)
{
    for (size_t j = 0; j < REBIAS_KDE_ATOMS; j++) {
        to[j] += weight * from[j];
    }
}

bool rebias_kde_smooth(struct rebias_kde_row *row, const struct rebias_kde_cells *cells,
                       const struct rebias_kde_histogram *h,
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
        total += weight[k] * h->count[k];
        squares += weight[k] * weight[k] * h->count[k];
        sum += weight[k] * h->sum[k];
        square += weight[k] * h->square[k];
        kde_add_cell(weight[k], h->mass[k], row->weight);
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

/* Sum of weight_j exp(-(u + j direction step)^2/2) over j = first, first + 1, .. in the
 * direction (1 or -1) from atom `from`, as long as the distance is below 8. The exponentials
 * follow each other by products: that of j + 1 is that of j times a ratio that itself shrinks
 * by exp(-step^2). */
static double sum_kernels(const double *weight, size_t from, int direction, size_t first,
                          double u, double step)
{
    const double far = 8.0;
    const size_t most = direction > 0 ? REBIAS_KDE_ATOMS - 1 - from : from;
    const double shrink = exp(-step * step);
    const double reach = floor((far - u) / step);
    const size_t count = reach < (double)most ? (size_t)fmax(reach, 0.0) : most;
    double kernel = exp(-0.5 * u * u);
    double ratio = exp(-u * step - 0.5 * step * step);
    double sum = 0.0;
    for (size_t j = 0; j <= count; j++) {
        if (j >= first) {
            sum += weight[direction > 0 ? from + j : from - j] * kernel;
        }
        kernel *= ratio;
        ratio *= shrink;
    }
    return sum;
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
    const double place =
        fmax(0.0, fmin(round((x - cells->first_e) / cells->step_e), REBIAS_KDE_ATOMS - 1.0));
    const size_t nearest = (size_t)place;
    const double step = cells->step_e / h_e;
    const double u = (cells->first_e + place * cells->step_e - x) / h_e;
    if (fabs(u) >= 8.0) {
        return 0.0;
    }
    const double sum = sum_kernels(row->weight, nearest, 1, 0, u, step) +
                       sum_kernels(row->weight, nearest, -1, 1, -u, step);
    return sum / (root_2pi * h_e * c);
}
