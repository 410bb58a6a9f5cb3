/* mgd_options.h - what the commands of multiplexed gradient descent read from their options. */
#ifndef REBIAS_CLI_MGD_OPTIONS_H
#define REBIAS_CLI_MGD_OPTIONS_H

#include "mgd_data.h"
#include "options.h"
#include "rebias/mgd.h"

/* All that a run is made of. */
struct mgd_setup {
    struct mgd_source source;
    struct rebias_device *device; /* NULL: ideal parameters */
    struct rebias_architecture architecture;
    struct rebias_mgd_options options;
};

/* Data, device, network and the options of IMAGE_ROWS, CROSSBAR_ROWS, TRAIN_IMAGES_ROW,
 * "activation", "device", "batch" and of MGD_DATA_ROWS and MGD_PERTURBATION_ROWS (tau-p and
 * tau-x among them; tau-theta is tau-p). With `tests`, TEST_IMAGES_ROW as well. setup is to be
 * cleared also on failure. */
int mgd_setup_open(struct mgd_setup *setup, const struct arguments *arguments, bool tests,
                   struct rebias_error *err);
/* The same without opening the device, which stays NULL. */
int mgd_setup_read(struct mgd_setup *setup, const struct arguments *arguments, bool tests,
                   struct rebias_error *err);
void mgd_setup_clear(struct mgd_setup *setup);

/* The options of MGD_UPDATE_ROWS and MGD_RUN_ROWS, "decay" and "replicate" for `train`. */
int mgd_read_training(struct rebias_mgd_options *options, const struct arguments *arguments,
                      struct rebias_error *err);

/* *label = all that the numbers of a run depend on, as text; free() it. */
int mgd_label(char **label, const struct mgd_setup *setup, const struct arguments *arguments,
              struct rebias_error *err);

#endif
