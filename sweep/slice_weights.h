/* slice_weights.h - how much each G slice counts in a run's device metrics (internal to sweep).
 */
#ifndef REBIAS_SWEEP_SLICE_WEIGHTS_H
#define REBIAS_SWEEP_SLICE_WEIGHTS_H

#include "rebias/pulses.h"
#include <stddef.h>

/* weights[polarity][slice] = fraction of the polarity's points in [Gmin, Gmax] to which this of
 * `slices` equidistant G levels (both ends included) is the nearest. REBIAS_E_DATA when a
 * polarity has no point there. */
int rebias_bias_data_weights(const struct rebias_pulses *pulses, double Gmin, double Gmax,
                             size_t slices, double *weights[2], struct rebias_error *err);

#endif
