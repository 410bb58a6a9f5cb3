/* deploy_tune.h - fine-tuning in `rebias deploy`: its options, its training samples, one run.
 */
#ifndef REBIAS_CLI_DEPLOY_TUNE_H
#define REBIAS_CLI_DEPLOY_TUNE_H

#include "deploy_plan.h"

/* clang-format off */
#define TUNE_ROWS \
    {"fine-tune", 0, OPTION_CHOICE, "mapped|mgd", "mapped", 0, 0, \
     "backpropagated gradients through the chip as read, or measured ones"}, \
    {"tune-device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0, \
     "how devices jump, its range covers G-off to G-on (default: that of --write-verify, else linear, " \
     "50 pulses, noise 1 % of the range)"}, \
    {"tune-rate", 0, OPTION_NUMBER, "R", "0.1", 1e-12, 1e6, "learning rate of weights"}, \
    {"tune-schedule", 0, OPTION_CHOICE, "constant|cosine", "cosine", 0, 0, \
     "of the rate over the updates"}, \
    {"tune-epochs", 0, OPTION_INTEGER, "N", "1", 1, 100000, "passes over the training samples"}, \
    {"tune-updates", 0, OPTION_INTEGER, "N", NULL, 1, 2147483647, "so many updates instead"}, \
    {"tune-batch", 0, OPTION_INTEGER, "N", "100", 1, 65536, \
     "samples an update, at most --batch: one read"}, \
    {"tune-images", 0, OPTION_INTEGER, "N", "0", 0, 1e9, \
     "use the first N training images (0: all)"}, \
    {"tune-task", 0, OPTION_CHOICE, "1|2|all", "all", 0, 0, \
     "yin-yang: whose training set; all: both jointly, which continual learning never has, so " \
     "its accuracy is no bound"}, \
    {"tune-write", 0, OPTION_CHOICE, "stochastic|accumulate", "stochastic", 0, 0, \
     "a wanted change is rounded, or kept until it is a whole pulse"}, \
    {"tune-pulse-size", 0, OPTION_NUMBER, "S", "0", 0, 1, \
     "dG that one pulse is taken to make (0: the device's mean |dG|)"}, \
    {"tune-pulse-cap", 0, OPTION_INTEGER, "N", "100", 1, 30000, \
     "most pulses on a device in one update"}, \
    {"tune-biases", 0, OPTION_CHOICE, "yes|no", "yes", 0, 0, "the digital biases as well"}, \
    {"tune-patterns", 0, OPTION_INTEGER, "N", "1", 1, 1000000, \
     "mgd: random codes an update, two evaluations each"}, \
    {"tune-amplitude", 0, OPTION_NUMBER, "F", "0.1", 1e-12, 1, \
     "mgd: perturbation of a weight, as a fraction of the smallest gamma"}
/* clang-format on */

/* plan->tuning's options and device, with its cells known; refuses options of tuning when no
 * method asks for it. */
int deploy_tuning_read(struct deploy_plan *plan, struct rebias_error *err);

/* Its training samples, with plan->images loaded where there are any. */
int deploy_tuning_load(struct deploy_plan *plan, struct rebias_error *err);
void deploy_tuning_clear(struct deploy_tuning *tuning);

/* Fine-tunes one deployment; run, which holds what it was, gets the numbers before and the
 * pulses. */
int deploy_tune(const struct deploy_plan *plan, struct rebias_deployment *deployment,
                struct deploy_run *run, struct rebias_error *err);

/* Methods that --method had before fine-tuning are not all: figures compare methods. */
bool deploy_has_ways(const struct deploy_plan *plan);

#endif
