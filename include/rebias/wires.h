/* wires.h - IR drop: currents of a crossbar whose wires have resistance.
 *
 * rows x columns devices of conductance G[row][column]. Inputs drive the left end of every row,
 * outputs are the lower end of every column, held at 0 V; every segment of a row's wire (also
 * the one in front of the first device) has row_resistance, every segment of a column's wire
 * (also the one behind the last device) column_resistance. With u the voltages of the row's
 * nodes and v of the column's (2 rows columns unknowns), g = 1/resistance, Kirchhoff:
 *   (T_r + G) u - G v = g_r V at column 0,   (T_c + G) v - G u = 0,   I_j = g_c v[last row][j],
 * T_r, T_c = tridiagonal matrices of the wires. The left side is symmetric and positive.
 */
#ifndef REBIAS_WIRES_H
#define REBIAS_WIRES_H

#include "error.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_wires_options {
    double row_resistance, column_resistance; /* ohm a segment, 1e-6 to 1e9 */
    double tolerance;      /* of the iteration, 1e-14 to 0.1, see rebias_wires_iterate */
    size_t max_iterations; /* >= 1 */
    int threads;           /* of the iteration; results do not depend on it */
};

/* 1 ohm and 1 ohm, tolerance 1e-8, 10000 iterations, 1 thread. */
struct rebias_wires_options rebias_wires_options_defaults(void);

/* -- exact: sparse Cholesky factor (CHOLMOD), once for many inputs -- */

struct rebias_wires;

/* *out = the factor for G[rows * columns] (S, finite, >= 0; copied). Owner: the caller. One
 * thread at a time may use it. REBIAS_E_RANGE for a resistance or conductance out of range (0
 * ohm needs no solver), REBIAS_E_NUMERIC when the factor fails. */
int rebias_wires_new(struct rebias_wires **out, size_t rows, size_t columns, const double *G,
                     const struct rebias_wires_options *options, struct rebias_error *err);
void rebias_wires_free(struct rebias_wires *wires);

/* Another G of the same shape: a new factor without a new analysis. After a failure only
 * another update or rebias_wires_free may follow. */
int rebias_wires_update(struct rebias_wires *wires, const double *G, struct rebias_error *err);

/* I[n][columns] (A) of V[n][rows] (V), n vectors, 32 at a time. */
int rebias_wires_currents(struct rebias_wires *wires, size_t n, const double *V, double *I,
                          struct rebias_error *err);

/* Voltages of all nodes for one vector V[rows]: row_nodes, column_nodes[rows * columns]. */
int rebias_wires_nodes(struct rebias_wires *wires, const double *V, double *row_nodes,
                       double *column_nodes, struct rebias_error *err);

/* G_effective[rows * columns]: I_j = sum_i G_effective[i][j] V_i, exact since currents are
 * linear in V. One solution a column, by symmetry: G_effective[i][j] = g_r u_i of the unit
 * current into output j, times g_c. From then on a vector costs a product. */
int rebias_wires_effective(struct rebias_wires *wires, double *G_effective,
                           struct rebias_error *err);

/* -- fast iteration: no factor -- */

struct rebias_wires_report {
    size_t iterations; /* most of any vector */
    double residual;   /* largest reached, relative, as below */
};

/* I[n][columns] of V[n][rows] by conjugate gradients on the columns' nodes, S v = b with S =
 * T_c
 * + G - G (T_r + G)^-1 G; rows are solved exactly as tridiagonal systems, and so are the
 * columns of the preconditioner M = T_c + G. Ends when sqrt(r' M^-1 r) of every vector fell to
 * tolerance times its start. A vector's result does not depend on the others. report may be
 * NULL. REBIAS_E_NUMERIC after max_iterations. */
int rebias_wires_iterate(size_t rows, size_t columns, const double *G,
                         const struct rebias_wires_options *options, size_t n, const double *V,
                         double *I, struct rebias_wires_report *report,
                         struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
