/* bias_run.h - one run of the main job (internal to sweep). */
#ifndef REBIAS_SWEEP_BIAS_RUN_H
#define REBIAS_SWEEP_BIAS_RUN_H

#include "rebias/bias.h"
#include "rebias/visits.h"

/* What runs are worked out with. */
struct rebias_bias_work {
    const struct rebias_bias_options *options;
    double pulse_size;     /* S, of the crossbars: as given or else the target's */
    double pulse_noise;    /* S */
    rebias_progress *stop; /* of the network that is trained; NULL: nobody wants to stop */
    void *stop_context;
};

/* Of checked options; nobody wants to stop. */
struct rebias_bias_work rebias_bias_work_start(const struct rebias_bias_options *options);

int rebias_bias_options_check(const struct rebias_bias_options *options,
                              struct rebias_error *err);
bool rebias_bias_has_networks(const struct rebias_bias_options *options);

/* The run of a method (-1: the target's network), number of points and replicate, with
 * nothing found yet. */
struct rebias_bias_run rebias_bias_run_start(int method, size_t points, uint32_t replicate);

/* Fills a started run. With WEIGHTS_VISITED a target's run makes *visits, to be given to the
 * model's run of the same replicate and freed by the caller; else NULL. */
int rebias_bias_run_fill(struct rebias_bias_run *run, const struct rebias_bias_work *work,
                         struct rebias_visits **visits, struct rebias_error *err);

#endif
