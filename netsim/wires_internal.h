/* wires_internal.h - what the exact and the iterative solver of wires share. */
#ifndef REBIAS_NETSIM_WIRES_INTERNAL_H
#define REBIAS_NETSIM_WIRES_INTERNAL_H

#include "rebias/wires.h"

/* Options, shape and conductances in range. */
int rebias_wires_check(size_t rows, size_t columns, const double *G,
                       const struct rebias_wires_options *options, struct rebias_error *err);

/* Voltages [n * rows] are finite. */
int rebias_wires_check_inputs(size_t n, size_t rows, const double *V, struct rebias_error *err);

#endif
