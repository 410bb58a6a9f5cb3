/* bias_cells.h - runs of the bias study as cells of a store, there and back.
 *
 * Values: fit_failed (1: the points did not suffice for a fit, else 0), accuracy (fraction of
 * the test images; NaN without network), and for models that were fitted the device metrics of
 * struct rebias_device_metrics by their names, those with two elements at position 0 (SET) and
 * 1 (RESET), the others at 0. A cell whose numbers grew without bound has failed = 1 alone.
 */
#ifndef REBIAS_BIAS_CELLS_H
#define REBIAS_BIAS_CELLS_H

#include "bias.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REBIAS_BIAS_VALUES = 28 }; /* the most */

/* values[returned number] = what the run found. The names are static. */
size_t rebias_bias_run_values(const struct rebias_bias_run *run,
                              struct rebias_store_value values[REBIAS_BIAS_VALUES]);

/* Fills status, accuracy, device and replicate of a run from its record, bit by bit; method and
 * points are the caller's, from the configuration (keys "method" - "target": the target's own
 * network - and "points"). The status of a cell that failed is REBIAS_E_NUMERIC, without
 * accuracy: it counts as a model that could not be made. REBIAS_E_DATA when a value is missing
 * or no bias run has it. */
int rebias_bias_run_read(struct rebias_bias_run *run, const struct rebias_store_record *record,
                         struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
