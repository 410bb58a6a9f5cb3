/* train_ternary.h - `train --trainer software --ternary`: ternary networks on images, many in
 * one file. */
#ifndef REBIAS_CLI_TRAIN_TERNARY_H
#define REBIAS_CLI_TRAIN_TERNARY_H

#include "options.h"

/* clang-format off */
#define TERNARY_ROWS \
    {"ternary", 0, OPTION_FLAG, NULL, NULL, 0, 0, \
     "ternary weights without biases, straight-through, by Adam (software; rate 1e-3, batch 100)"}, \
    {"threshold", 0, OPTION_NUMBER, "T", "0.7", 0, 10, \
     "ternary: weights below T times their layer's mean size are 0"}
/* clang-format on */

/* Refuses what does not go together: --ternary without the software trainer or with options of
 * devices, --seeds or --threshold without --ternary. For every run of `train`. */
int check_train_ternary(const struct arguments *a, bool software, struct rebias_error *err);

/* Reads IMAGE_ROWS, SUBSET_ROWS, TERNARY_ROWS, "seeds" (networks, all in one file) and
 * "epochs", "batch", "rate", "schedule", "decay", "replicate", "output" (networks as HDF5; the
 * table goes to stdout). "rate" and "batch" count where they are given. */
int run_train_ternary(const struct arguments *a, struct rebias_error *err);

#endif
