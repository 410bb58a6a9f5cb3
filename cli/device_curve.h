/* device_curve.h - many devices under identical pulses: for `rebias device curve` and `plot`.
 */
#ifndef REBIAS_CLI_DEVICE_CURVE_H
#define REBIAS_CLI_DEVICE_CURVE_H

#include "options.h"
#include "rebias/base.h"
#include "rebias/devmodel.h"

/* Told of the conductances (S) of all n devices after so many pulses. */
typedef int device_curve_visit(void *context, int64_t pulse, const float *G, size_t n,
                               struct rebias_error *err);

/* Gives --devices devices --pulses pulses of one polarity from `start` (S), with --seed's
 * random numbers; visit is called before the first pulse and after each. */
int device_curve(const struct arguments *arguments, const struct rebias_device *device,
                 enum rebias_polarity polarity, double start, device_curve_visit *visit,
                 void *context, struct rebias_error *err);

/* `rebias device plot`: options output, pulses, devices, seed. */
int run_device_plot(const struct arguments *arguments, struct rebias_error *err);

#endif
