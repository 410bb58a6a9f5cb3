/* mgd_training.h - `rebias train --trainer mgd`. */
#ifndef REBIAS_CLI_MGD_TRAINING_H
#define REBIAS_CLI_MGD_TRAINING_H

#include "options.h"

/* Trains once, or --seeds times, and prints the table. */
int mgd_train_command(const struct arguments *arguments, struct rebias_error *err);

/* Refuses the options of MGD, for the other trainers. */
int mgd_refuse_options(const struct arguments *arguments, struct rebias_error *err);

/* Refuses the options of the other trainers, and those that exclude each other. */
int mgd_check_mode(const struct arguments *arguments, struct rebias_error *err);

#endif
