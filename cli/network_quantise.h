/* network_quantise.h - `rebias network quantise`. */
#ifndef REBIAS_CLI_NETWORK_QUANTISE_H
#define REBIAS_CLI_NETWORK_QUANTISE_H

#include "options.h"
#include "rebias/quantise.h"

/* clang-format off */
#define QUANTISE_ROWS \
    {"ternary", 0, OPTION_CHOICE, "nearest|kl", "kl", 0, 0, \
    "nearest levels, or levels fitted to the outputs of the network as it is"}, \
    {"levels", 0, OPTION_INTEGER, "N", "3", 3, 2 * REBIAS_MOST_STEPS + 1, \
    "odd number of levels of a weight, 3: ternary"}, \
    {"task", 0, OPTION_TEXT, "TASK", NULL, 0, 0, \
    "samples: yinyang, yinyang:K, permuted:IMAGES:K or split:IMAGES:K"}, \
    {"images", 0, OPTION_TEXT, "NAME", NULL, 0, 0, "samples: a data set of images"}, \
    {"data", 0, OPTION_TEXT, "DIR", NULL, 0, 0, "look for the images here first"}, \
    {"samples", 0, OPTION_INTEGER, "N", "2000", 1, 1e7, \
    "kl: unlabelled training inputs, as many of each task"}, \
    {"epochs", 0, OPTION_INTEGER, "N", "150", 1, 100000, "kl: passes over them"}, \
    {"batch", 0, OPTION_INTEGER, "N", "100", 1, 65536, "kl: samples an update"}, \
    {"rate", 0, OPTION_NUMBER, "R", "5e-3", 1e-12, 1e6, "kl: learning rate of Adam"}, \
    {"restarts", 0, OPTION_INTEGER, "N", "8", 1, 1000, \
    "kl: fits, of which the best on validation samples stays"}, \
    {"keep-biases", 0, OPTION_FLAG, NULL, NULL, 0, 0, "kl: do not refit the biases"}, \
    {"keep", 0, OPTION_INTEGER, "N", "0", 0, 100000, \
    "write only the N best networks on validation samples (0: all)"}, \
    {"output", 'o', OPTION_TEXT, "FILE.h5", NULL, 0, 0, "write the networks here, best first"}
/* clang-format on */

/* Reads QUANTISE_ROWS and the file's name. */
int run_quantise(const struct arguments *a, struct rebias_error *err);

#endif
