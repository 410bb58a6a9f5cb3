/* correlate.h - which device metric predicts the network's bias? (internal to sweep) */
#ifndef REBIAS_SWEEP_CORRELATE_H
#define REBIAS_SWEEP_CORRELATE_H

#include "rebias/bias.h"

/* Fills result->correlations from its runs; result owns them also on failure. */
int rebias_bias_correlate(const struct rebias_bias_options *options,
                          struct rebias_bias_result *result, struct rebias_error *err);

#endif
