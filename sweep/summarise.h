/* summarise.h - a study's runs in cells, with intervals (internal to sweep). */
#ifndef REBIAS_SWEEP_SUMMARISE_H
#define REBIAS_SWEEP_SUMMARISE_H

#include "rebias/bias.h"

/* Fills result->cells and the target's figures from its runs. */
int rebias_bias_summarise(const struct rebias_bias_options *options,
                          struct rebias_bias_result *result, struct rebias_error *err);

#endif
