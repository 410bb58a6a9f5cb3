/* bias_mgd.h - `rebias bias --trainer mgd`: what its networks learn, and how. */
#ifndef REBIAS_CLI_BIAS_MGD_H
#define REBIAS_CLI_BIAS_MGD_H

#include "mgd_options.h"
#include "mgd_rows.h"
#include "rebias/bias.h"

/* The rows of `bias` that are for --trainer mgd. */
#define BIAS_MGD_ROWS                                                                          \
    MGD_DATA_ROWS,                                                                             \
        {"mgd-method", 0, OPTION_CHOICE, "weight|node", "weight", 0, 0, "what is perturbed"},  \
        MGD_PERTURBATION_ROWS, MGD_UPDATE_ROWS, MGD_LENGTH_ROWS

struct bias_mgd {
    struct mgd_setup setup;
    struct rebias_bias_mgd parts; /* points into setup */
};

/* Reads the options of `bias` as those of `train --trainer mgd`. To be cleared also on failure.
 */
int bias_mgd_open(struct bias_mgd *mgd, const struct arguments *arguments,
                  struct rebias_error *err);
void bias_mgd_clear(struct bias_mgd *mgd);

/* Refuses the options of one trainer with the other. */
int bias_mgd_check(const struct arguments *arguments, bool mgd, struct rebias_error *err);

#endif
