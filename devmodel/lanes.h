/* lanes.h - one pulse on a run of an array's devices (internal to devmodel). */
#ifndef REBIAS_DEVMODEL_LANES_H
#define REBIAS_DEVMODEL_LANES_H

#include "rebias/devmodel.h"

/* One pulse without clamping on devices first .. first + n - 1, n <= REBIAS_LANES_MAX; word[n],
 * G[n]. */
void rebias_devices_step_raw(const struct rebias_devices *devices,
                             enum rebias_polarity polarity, size_t first, size_t n,
                             const uint32_t *word, float *G);

/* Clamps G[n] of the same devices to their ranges. */
void rebias_devices_clamp(const struct rebias_devices *devices, size_t first, size_t n,
                          float *G);

#endif
