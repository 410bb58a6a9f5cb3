/* wires_iterate.c - IR drop of a crossbar by iteration over its lines.
 * 1. the lines' factors   2. tridiagonal solutions   3. conjugate gradients   4. blocks of
 * vectors
 *
 * LANES vectors are solved side by side, lane by lane with the same operations, so that loops
 * over lanes are vector instructions; a lane that has converged is no longer touched.
 */
#include "wires_internal.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8 };

/* -- 1. the lines' factors -- */

/* Crossbar with the inverse pivots of its tridiagonal systems T + G. */
struct lines {
    size_t rows, columns;
    const double *G;
    double row_g, column_g;
    double *row_pivot, *column_pivot; /* 1/pivot, [rows * columns] */
};

static void factor_lines(struct lines *x)
{
    for (size_t i = 0; i < x->rows; i++) {
        for (size_t j = 0; j < x->columns; j++) {
            const size_t k = i * x->columns + j;
            double row = (j + 1 < x->columns ? 2.0 : 1.0) * x->row_g + x->G[k];
            double column = (i > 0 ? 2.0 : 1.0) * x->column_g + x->G[k];
            row -= j > 0 ? x->row_g * x->row_g * x->row_pivot[k - 1] : 0.0;
            column -= i > 0 ? x->column_g * x->column_g * x->column_pivot[k - x->columns] : 0.0;
            x->row_pivot[k] = 1.0 / row;
            x->column_pivot[k] = 1.0 / column;
        }
    }
}

/* -- 2. tridiagonal solutions -- */

/* x = (T_r + G)^-1 x, row after row. */
REBIAS_SIMD static void solve_wire_rows(const struct lines *lines, double *x)
{
    const size_t columns = lines->columns;
    const double g = lines->row_g;
    for (size_t i = 0; i < lines->rows; i++) {
        double *line = x + i * columns * LANES;
        const double *pivot = lines->row_pivot + i * columns;
        for (size_t j = 0; j < columns; j++) {
            double *here = line + j * LANES;
            const double *before = line + (j > 0 ? j - 1 : 0) * LANES;
            const double factor = j > 0 ? g : 0.0;
            for (size_t l = 0; l < LANES; l++) {
                here[l] = (here[l] + factor * before[l]) * pivot[j];
            }
        }
        for (size_t j = columns - 1; j-- > 0;) {
            double *here = line + j * LANES;
            for (size_t l = 0; l < LANES; l++) {
                here[l] += g * pivot[j] * here[LANES + l];
            }
        }
    }
}

/* x = (T_c + G)^-1 x, all columns side by side. */
REBIAS_SIMD static void solve_wire_columns(const struct lines *lines, double *x)
{
    const size_t columns = lines->columns;
    const size_t width = columns * LANES;
    const double g = lines->column_g;
    for (size_t i = 0; i < lines->rows; i++) {
        double *row = x + i * width;
        const double *above = i > 0 ? row - width : row;
        const double factor = i > 0 ? g : 0.0;
        const double *pivot = lines->column_pivot + i * columns;
        for (size_t j = 0; j < columns; j++) {
            for (size_t l = 0; l < LANES; l++) {
                row[j * LANES + l] =
                    (row[j * LANES + l] + factor * above[j * LANES + l]) * pivot[j];
            }
        }
    }
    for (size_t i = lines->rows - 1; i-- > 0;) {
        double *row = x + i * width;
        const double *pivot = lines->column_pivot + i * columns;
        for (size_t j = 0; j < columns; j++) {
            for (size_t l = 0; l < LANES; l++) {
                row[j * LANES + l] += g * pivot[j] * row[width + j * LANES + l];
            }
        }
    }
}

/* -- 3. conjugate gradients -- */

/* Arrays [rows * columns * LANES]. s = (T_c + G) p, kept by the recursion of p. */
struct iteration {
    const struct lines *lines;
    double *v, *r, *z, *p, *s;
    double rz[LANES], start[LANES]; /* r' M^-1 r, and of the first residual */
    double alpha[LANES], beta[LANES];
};

REBIAS_SIMD static void wire_dots(size_t n, const double *a, const double *b, double *sum)
{
    double total[LANES] = {0.0};
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < LANES; l++) {
            total[l] += a[k * LANES + l] * b[k * LANES + l];
        }
    }
    memcpy(sum, total, sizeof total);
}

/* y = G x */
REBIAS_SIMD static void wire_scale(size_t n, const double *G, const double *x, double *y)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < LANES; l++) {
            y[k * LANES + l] = G[k] * x[k * LANES + l];
        }
    }
}

/* z holds (T_r + G)^-1 G p: v += alpha p, r -= alpha (s - G z), then z = r. */
REBIAS_SIMD static void wire_advance(size_t n, const double *G, const double *alpha,
                                     const struct iteration *x)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < LANES; l++) {
            const size_t e = k * LANES + l;
            x->v[e] += alpha[l] * x->p[e];
            x->r[e] -= alpha[l] * (x->s[e] - G[k] * x->z[e]);
            x->z[e] = x->r[e];
        }
    }
}

/* p = z + beta p, s = r + beta s */
REBIAS_SIMD static void wire_turn(size_t n, const double *beta, const struct iteration *x)
{
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < LANES; l++) {
            const size_t e = k * LANES + l;
            x->p[e] = x->z[e] + beta[l] * x->p[e];
            x->s[e] = x->r[e] + beta[l] * x->s[e];
        }
    }
}

/* p' S p = p' s - (G p)' z with z = (T_r + G)^-1 G p. */
REBIAS_SIMD static void wire_curvature(size_t n, const double *G, const struct iteration *x,
                                       double *sum)
{
    double total[LANES] = {0.0};
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < LANES; l++) {
            const size_t e = k * LANES + l;
            total[l] += x->p[e] * (x->s[e] - G[k] * x->z[e]);
        }
    }
    memcpy(sum, total, sizeof total);
}

/* v = 0, r = G (T_r + G)^-1 g_r V, p = z = M^-1 r. */
static void begin(struct iteration *x, size_t lanes, const double *V)
{
    const struct lines *lines = x->lines;
    const size_t n = lines->rows * lines->columns;
    memset(x->v, 0, n * LANES * sizeof(double));
    memset(x->z, 0, n * LANES * sizeof(double));
    memset(x->p, 0, n * LANES * sizeof(double));
    memset(x->s, 0, n * LANES * sizeof(double));
    for (size_t l = 0; l < lanes; l++) {
        for (size_t i = 0; i < lines->rows; i++) {
            x->z[i * lines->columns * LANES + l] = lines->row_g * V[l * lines->rows + i];
        }
    }
    solve_wire_rows(lines, x->z);
    wire_scale(n, lines->G, x->z, x->r);
    memcpy(x->z, x->r, n * LANES * sizeof(double));
    solve_wire_columns(lines, x->z);
    wire_dots(n, x->r, x->z, x->rz);
    memcpy(x->start, x->rz, sizeof x->rz);
}

/* Lanes that are not yet there; *residual = the largest relative one. */
static size_t open_lanes(const struct iteration *x, double tolerance, double *residual)
{
    size_t open = 0;
    *residual = 0.0;
    for (size_t l = 0; l < LANES; l++) {
        const bool still = x->rz[l] > tolerance * tolerance * x->start[l];
        const double relative = x->start[l] > 0.0 ? sqrt(x->rz[l] / x->start[l]) : 0.0;
        open += still;
        *residual = fmax(*residual, relative);
    }
    return open;
}

static void step(struct iteration *x, double tolerance)
{
    const struct lines *lines = x->lines;
    const size_t n = lines->rows * lines->columns;
    double curvature[LANES];
    double rz[LANES];
    wire_turn(n, x->beta, x);
    wire_scale(n, lines->G, x->p, x->z);
    solve_wire_rows(lines, x->z);
    wire_curvature(n, lines->G, x, curvature);
    for (size_t l = 0; l < LANES; l++) {
        const bool still = x->rz[l] > tolerance * tolerance * x->start[l] && curvature[l] > 0.0;
        x->alpha[l] = still ? x->rz[l] / curvature[l] : 0.0;
    }
    wire_advance(n, lines->G, x->alpha, x);
    solve_wire_columns(lines, x->z);
    wire_dots(n, x->r, x->z, rz);
    for (size_t l = 0; l < LANES; l++) {
        x->beta[l] = x->alpha[l] > 0.0 ? rz[l] / x->rz[l] : 0.0;
        x->rz[l] = rz[l];
    }
}

/* -- 4. blocks of vectors -- */

struct job {
    struct lines lines;
    const struct rebias_wires_options *options;
    size_t n;
    const double *V;
    double *I;
    struct rebias_wires_report *reports; /* one a block */
};

static int new_iteration(struct iteration *x, const struct lines *lines,
                         struct rebias_error *err)
{
    const size_t size = lines->rows * lines->columns * LANES;
    double *storage = NULL;
    int status = rebias_alloc(&storage, size, 5 * sizeof(double), err);
    if (status == REBIAS_OK) {
        *x = (struct iteration){.lines = lines,
                                .v = storage,
                                .r = storage + size,
                                .z = storage + 2 * size,
                                .p = storage + 3 * size,
                                .s = storage + 4 * size};
    }
    return status;
}

static int solve_block(void *context, size_t block, struct rebias_error *err)
{
    const struct job *job = context;
    const struct rebias_wires_options *options = job->options;
    const size_t columns = job->lines.columns;
    const size_t first = block * LANES;
    const size_t lanes = job->n - first < LANES ? job->n - first : LANES;
    struct rebias_wires_report *report = &job->reports[block];
    struct iteration x;
    int status = new_iteration(&x, &job->lines, err);
    if (status != REBIAS_OK) {
        return status;
    }
    begin(&x, lanes, job->V + first * job->lines.rows);
    while (open_lanes(&x, options->tolerance, &report->residual) > 0 &&
           report->iterations < options->max_iterations) {
        step(&x, options->tolerance);
        report->iterations++;
    }
    if (open_lanes(&x, options->tolerance, &report->residual) > 0) {
        status = rebias_fail(err, REBIAS_E_NUMERIC,
                             "%zu iterations left a residual of %g (wanted %g)",
                             report->iterations, report->residual, options->tolerance);
    }
    const double *last = x.v + (job->lines.rows - 1) * columns * LANES;
    for (size_t l = 0; l < lanes; l++) {
        for (size_t j = 0; j < columns; j++) {
            job->I[(first + l) * columns + j] = job->lines.column_g * last[j * LANES + l];
        }
    }
    free(x.v);
    return status;
}

static void join_reports(const struct job *job, size_t blocks,
                         struct rebias_wires_report *report)
{
    *report = (struct rebias_wires_report){0, 0.0};
    for (size_t b = 0; b < blocks; b++) {
        report->residual = fmax(report->residual, job->reports[b].residual);
        if (job->reports[b].iterations > report->iterations) {
            report->iterations = job->reports[b].iterations;
        }
    }
}

int rebias_wires_iterate(size_t rows, size_t columns, const double *G,
                         const struct rebias_wires_options *options, size_t n, const double *V,
                         double *I, struct rebias_wires_report *report,
                         struct rebias_error *err)
{
    const size_t blocks = (n + LANES - 1) / LANES;
    struct job job = {.options = options, .n = n, .V = V, .I = I};
    int status = rebias_wires_check(rows, columns, G, options, err);
    if (status == REBIAS_OK) {
        status = rebias_wires_check_inputs(n, rows, V, err);
    }
    if (status == REBIAS_OK) {
        job.lines = (struct lines){.rows = rows,
                                   .columns = columns,
                                   .G = G,
                                   .row_g = 1.0 / options->row_resistance,
                                   .column_g = 1.0 / options->column_resistance};
        status = rebias_alloc(&job.lines.row_pivot, 2 * rows * columns, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        job.lines.column_pivot = job.lines.row_pivot + rows * columns;
        factor_lines(&job.lines);
        status = rebias_alloc(&job.reports, blocks, sizeof *job.reports, err);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_parallel_for(blocks, options->threads, solve_block, &job, NULL, NULL, err);
    }
    if (status == REBIAS_OK && report != NULL) {
        join_reports(&job, blocks, report);
    }
    free(job.lines.row_pivot);
    free(job.reports);
    return status;
}
