/* wires.c - IR drop of a crossbar, exact: sparse Cholesky factor of the nodal equations.
 * 1. options and checks   2. life cycle   3. the matrix   4. the factor   5. solving
 * 6. currents, nodes, effective matrix
 *
 * Node of row wire (i, j): 2 (i columns + j), of column wire the same + 1. Reference: Chen,
 * Davis, Hager, Rajamanickam, "Algorithm 887: CHOLMOD", ACM Trans. Math. Softw. 35, 22 (2008).
 */
#include "wires_internal.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/cholmod.h>

/* -- 1. options and checks -- */

struct rebias_wires_options rebias_wires_options_defaults(void)
{
    return (struct rebias_wires_options){1.0, 1.0, 1e-8, 10000, 1};
}

int rebias_wires_check(size_t rows, size_t columns, const double *G,
                       const struct rebias_wires_options *options, struct rebias_error *err)
{
    static const size_t most = 1000000000; /* devices */
    const double resistance[2] = {options->row_resistance, options->column_resistance};
    size_t devices = 0;
    for (int w = 0; w < 2; w++) {
        if (!(resistance[w] >= 1e-6 && resistance[w] <= 1e9)) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "wires of %g ohm a segment (%s) cannot be solved (1e-6 to 1e9)",
                               resistance[w], w == 0 ? "rows" : "columns");
        }
    }
    if (!(options->tolerance >= 1e-14 && options->tolerance <= 0.1) ||
        options->max_iterations == 0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "tolerance %g within %zu iterations is not possible (1e-14 to 0.1, "
                           "at least 1)",
                           options->tolerance, options->max_iterations);
    }
    if (rows == 0 || columns == 0 || __builtin_mul_overflow(rows, columns, &devices) ||
        devices > most) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a crossbar of %zu x %zu is not possible (1 to 1e9 devices)", rows,
                           columns);
    }
    for (size_t i = 0; i < devices; i++) {
        if (!(G[i] >= 0.0 && isfinite(G[i]))) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "conductance %g S of row %zu, column %zu is not possible (a "
                               "number from 0)",
                               G[i], i / columns, i % columns);
        }
    }
    return REBIAS_OK;
}

int rebias_wires_check_inputs(size_t n, size_t rows, const double *V, struct rebias_error *err)
{
    for (size_t i = 0; i < n * rows; i++) {
        if (!isfinite(V[i])) {
            return rebias_fail(err, REBIAS_E_RANGE, "voltage %g of vector %zu, row %zu", V[i],
                               i / rows, i % rows);
        }
    }
    return REBIAS_OK;
}

/* -- 2. life cycle -- */

enum { BATCH = 32 };

struct rebias_wires {
    size_t rows, columns, nodes;
    struct rebias_wires_options options;
    double row_g, column_g; /* S of a segment */
    cholmod_common common;
    cholmod_sparse *matrix;
    cholmod_factor *factor;
    cholmod_dense *right;    /* nodes x BATCH */
    cholmod_dense *solution; /* these are CHOLMOD's, kept from call to call */
    cholmod_dense *work[2];
};

void rebias_wires_free(struct rebias_wires *wires)
{
    if (wires == NULL) {
        return;
    }
    cholmod_l_free_sparse(&wires->matrix, &wires->common);
    cholmod_l_free_factor(&wires->factor, &wires->common);
    cholmod_l_free_dense(&wires->right, &wires->common);
    cholmod_l_free_dense(&wires->solution, &wires->common);
    cholmod_l_free_dense(&wires->work[0], &wires->common);
    cholmod_l_free_dense(&wires->work[1], &wires->common);
    cholmod_l_finish(&wires->common);
    free(wires);
}

/* CHOLMOD's last status as ours. */
static int fail_cholmod(const struct rebias_wires *wires, const char *what,
                        struct rebias_error *err)
{
    const bool memory = wires->common.status == CHOLMOD_OUT_OF_MEMORY ||
                        wires->common.status == CHOLMOD_TOO_LARGE;
    return rebias_fail(err, memory ? REBIAS_E_MEMORY : REBIAS_E_NUMERIC,
                       "%s of %zu nodes failed (CHOLMOD status %d)", what, wires->nodes,
                       wires->common.status);
}

/* -- 3. the matrix -- */

/* One column of the lower triangle in the making. */
struct entries {
    SuiteSparse_long *row;
    double *value;
    size_t count;
};

static void put(struct entries *entries, size_t row, double value)
{
    entries->row[entries->count] = (SuiteSparse_long)row;
    entries->value[entries->count] = value;
    entries->count++;
}

/* Lower triangle by columns: row wire's node, then column wire's node of every device. */
static void fill_matrix(struct rebias_wires *w, const double *G)
{
    SuiteSparse_long *start = w->matrix->p;
    struct entries entries = {w->matrix->i, w->matrix->x, 0};
    for (size_t device = 0; device < w->rows * w->columns; device++) {
        const size_t i = device / w->columns;
        const size_t j = device % w->columns;
        const size_t node = 2 * device;
        start[node] = (SuiteSparse_long)entries.count;
        put(&entries, node, (j + 1 < w->columns ? 2.0 : 1.0) * w->row_g + G[device]);
        put(&entries, node + 1, -G[device]);
        if (j + 1 < w->columns) {
            put(&entries, node + 2, -w->row_g);
        }
        start[node + 1] = (SuiteSparse_long)entries.count;
        put(&entries, node + 1, (i > 0 ? 2.0 : 1.0) * w->column_g + G[device]);
        if (i + 1 < w->rows) {
            put(&entries, node + 1 + 2 * w->columns, -w->column_g);
        }
    }
    start[w->nodes] = (SuiteSparse_long)entries.count;
}

/* -- 4. the factor -- */

static int factorize(struct rebias_wires *wires, struct rebias_error *err)
{
    if (cholmod_l_factorize(wires->matrix, wires->factor, &wires->common) == 0 ||
        wires->common.status != CHOLMOD_OK) {
        return fail_cholmod(wires, "the factor", err);
    }
    return REBIAS_OK;
}

static int analyze(struct rebias_wires *wires, struct rebias_error *err)
{
    wires->common.print = 0;
    wires->common.supernodal = CHOLMOD_SUPERNODAL; /* dense blocks: many inputs at a time */
    wires->factor = cholmod_l_analyze(wires->matrix, &wires->common);
    return wires->factor != NULL ? REBIAS_OK : fail_cholmod(wires, "the analysis", err);
}

int rebias_wires_new(struct rebias_wires **out, size_t rows, size_t columns, const double *G,
                     const struct rebias_wires_options *options, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_wires *wires = NULL;
    int status = rebias_wires_check(rows, columns, G, options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&wires, 1, sizeof *wires, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    cholmod_l_start(&wires->common);
    wires->rows = rows;
    wires->columns = columns;
    wires->nodes = 2 * rows * columns;
    wires->options = *options;
    wires->row_g = 1.0 / options->row_resistance;
    wires->column_g = 1.0 / options->column_resistance;
    wires->matrix = cholmod_l_allocate_sparse(wires->nodes, wires->nodes, 5 * rows * columns, 1,
                                              1, -1, CHOLMOD_REAL, &wires->common);
    wires->right = cholmod_l_zeros(wires->nodes, BATCH, CHOLMOD_REAL, &wires->common);
    if (wires->matrix == NULL || wires->right == NULL) {
        status = fail_cholmod(wires, "the matrix", err);
    } else {
        fill_matrix(wires, G);
        status = analyze(wires, err);
    }
    if (status == REBIAS_OK) {
        status = factorize(wires, err);
    }
    if (status != REBIAS_OK) {
        rebias_wires_free(wires);
        return status;
    }
    *out = wires;
    return REBIAS_OK;
}

int rebias_wires_update(struct rebias_wires *wires, const double *G, struct rebias_error *err)
{
    int status = rebias_wires_check(wires->rows, wires->columns, G, &wires->options, err);
    if (status == REBIAS_OK) {
        fill_matrix(wires, G);
        status = factorize(wires, err);
    }
    return status;
}

/* -- 5. solving -- */

/* solution = matrix^-1 right for its first n columns. */
static int solve(struct rebias_wires *wires, size_t n, struct rebias_error *err)
{
    cholmod_dense right = *wires->right; /* a shorter view of it */
    right.ncol = n;
    if (cholmod_l_solve2(CHOLMOD_A, wires->factor, &right, NULL, &wires->solution, NULL,
                         &wires->work[0], &wires->work[1], &wires->common) == 0) {
        return fail_cholmod(wires, "the solution", err);
    }
    return REBIAS_OK;
}

static double *right_of(const struct rebias_wires *wires, size_t vector)
{
    return (double *)wires->right->x + vector * wires->nodes;
}

static const double *solution_of(const struct rebias_wires *wires, size_t vector)
{
    return (const double *)wires->solution->x + vector * wires->solution->d;
}

/* Right side: the current that row_g drives into the first node of every row. */
static void set_inputs(struct rebias_wires *wires, size_t n, const double *V)
{
    memset(wires->right->x, 0, n * wires->nodes * sizeof(double));
    for (size_t k = 0; k < n; k++) {
        double *right = right_of(wires, k);
        for (size_t i = 0; i < wires->rows; i++) {
            right[2 * i * wires->columns] = wires->row_g * V[k * wires->rows + i];
        }
    }
}

/* Lowest node of column j. */
static size_t output_node(const struct rebias_wires *wires, size_t j)
{
    return 2 * ((wires->rows - 1) * wires->columns + j) + 1;
}

/* -- 6. currents, nodes, effective matrix -- */

int rebias_wires_currents(struct rebias_wires *wires, size_t n, const double *V, double *I,
                          struct rebias_error *err)
{
    int status = rebias_wires_check_inputs(n, wires->rows, V, err);
    for (size_t first = 0; first < n && status == REBIAS_OK; first += BATCH) {
        const size_t m = n - first < BATCH ? n - first : BATCH;
        set_inputs(wires, m, V + first * wires->rows);
        status = solve(wires, m, err);
        for (size_t k = 0; k < m && status == REBIAS_OK; k++) {
            double *current = I + (first + k) * wires->columns;
            const double *voltage = solution_of(wires, k);
            for (size_t j = 0; j < wires->columns; j++) {
                current[j] = wires->column_g * voltage[output_node(wires, j)];
            }
        }
    }
    return status;
}

int rebias_wires_nodes(struct rebias_wires *wires, const double *V, double *row_nodes,
                       double *column_nodes, struct rebias_error *err)
{
    int status = rebias_wires_check_inputs(1, wires->rows, V, err);
    if (status == REBIAS_OK) {
        set_inputs(wires, 1, V);
        status = solve(wires, 1, err);
    }
    for (size_t device = 0; device < wires->rows * wires->columns && status == REBIAS_OK;
         device++) {
        row_nodes[device] = solution_of(wires, 0)[2 * device];
        column_nodes[device] = solution_of(wires, 0)[2 * device + 1];
    }
    return status;
}

int rebias_wires_effective(struct rebias_wires *wires, double *G_effective,
                           struct rebias_error *err)
{
    const size_t columns = wires->columns;
    int status = REBIAS_OK;
    for (size_t first = 0; first < columns && status == REBIAS_OK; first += BATCH) {
        const size_t m = columns - first < BATCH ? columns - first : BATCH;
        memset(wires->right->x, 0, m * wires->nodes * sizeof(double));
        for (size_t k = 0; k < m; k++) {
            right_of(wires, k)[output_node(wires, first + k)] = wires->column_g;
        }
        status = solve(wires, m, err);
        for (size_t i = 0; i < wires->rows && status == REBIAS_OK; i++) {
            for (size_t k = 0; k < m; k++) {
                G_effective[i * columns + first + k] =
                    wires->row_g * solution_of(wires, k)[2 * i * columns];
            }
        }
    }
    return status;
}
