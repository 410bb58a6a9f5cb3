/* model_source.h - where a replicate's model comes from (internal to sweep). */
#ifndef REBIAS_SWEEP_MODEL_SOURCE_H
#define REBIAS_SWEEP_MODEL_SOURCE_H

#include "rebias/bias.h"

/* A replicate's model; starts as all zero, owner of what it points to. */
struct rebias_bias_model {
    struct rebias_pulses *pulses; /* that it was fitted to; NULL: not known */
    struct rebias_device *device;
};

/* Refuses options of the study that its source cannot serve. */
int rebias_bias_source_check(const struct rebias_bias_options *options,
                             struct rebias_error *err);

/* Makes the model of a run. REBIAS_E_DATA when the points do not suffice for a fit. */
int rebias_bias_model_make(struct rebias_bias_model *model,
                           const struct rebias_bias_options *options,
                           const struct rebias_bias_run *run, struct rebias_error *err);
void rebias_bias_model_clear(struct rebias_bias_model *model);

#endif
