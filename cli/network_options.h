/* network_options.h - the options that `train` and `bias` share: images, network, devices,
 * training. */
#ifndef REBIAS_CLI_NETWORK_OPTIONS_H
#define REBIAS_CLI_NETWORK_OPTIONS_H

#include "options.h"
#include "rebias/images.h"
#include "rebias/train.h"

/* clang-format off */
#define IMAGE_ROWS \
    {"images", 0, OPTION_TEXT, "NAME", "fashion-mnist", 0, 0, \
     "data set: fashion-mnist, mnist, mnist-small (14 x 14), cifar10, or a folder of IDX files"}, \
    {"data", 0, OPTION_TEXT, "DIR", NULL, 0, 0, "look for the data set here first"}, \
    {"layers", 0, OPTION_TEXT, "N,N,...", NULL, 0, 0, \
     "neurons: inputs, hidden ..., outputs (default: pixels, 100, classes)"}

#define CROSSBAR_ROWS \
    {"biases", 0, OPTION_CHOICE, "digital|devices", "digital", 0, 0, "where biases are kept"}, \
    {"encoding", 0, OPTION_CHOICE, "single|pair", "pair", 0, 0, \
     "a device and a reference, or a pair of devices, a weight"}, \
    {"weight-range", 0, OPTION_NUMBER, "W", "0.5", 1e-6, 1e6, "weights are in [-W, W]"}, \
    {"pulse-size", 0, OPTION_NUMBER, "S", "0", 0, 1, \
     "dG that one pulse is taken to make (0: the device's mean |dG|)"}, \
    {"pulse-cap", 0, OPTION_INTEGER, "N", "100", 1, 30000, \
     "most pulses on a weight in one update"}, \
    {"program-rounds", 0, OPTION_INTEGER, "N", "100", 0, 1000, \
     "write-verify rounds that program the initial weights"}

#define TRAIN_IMAGES_ROW \
    {"train-images", 0, OPTION_INTEGER, "N", "0", 0, 1e9, \
     "use the first N training images (0: all)"}

#define TEST_IMAGES_ROW \
    {"test-images", 0, OPTION_INTEGER, "N", "0", 0, 1e9, "use the first N test images (0: all)"}

#define SUBSET_ROWS TRAIN_IMAGES_ROW, TEST_IMAGES_ROW

#define NETWORK_ROWS \
    IMAGE_ROWS, \
    {"activation", 0, OPTION_CHOICE, "sigmoid|tanh|relu", "tanh", 0, 0, "of hidden layers"}, \
    {"loss", 0, OPTION_CHOICE, "cross-entropy|squared-error", "cross-entropy", 0, 0, \
     "softmax cross-entropy, or squares"}, \
    CROSSBAR_ROWS, \
    {"batch", 0, OPTION_INTEGER, "N", "64", 1, 65536, "images an update"}, \
    {"epochs", 0, OPTION_INTEGER, "N", "3", 1, 100000, "passes over the training images"}, \
    {"rate", 0, OPTION_TEXT, "R[,R...]", NULL, 0, 0, \
     "learning rate, one or one a layer (default 0.05 on devices, 0.2 in software)"}, \
    {"schedule", 0, OPTION_CHOICE, "constant|exponential|cosine", "cosine", 0, 0, \
     "of the learning rate over epochs"}, \
    {"decay", 0, OPTION_NUMBER, "F", "0.9", 1e-6, 1, "factor an epoch of schedule exponential"}, \
    SUBSET_ROWS
/* clang-format on */

/* Fills the devices' part of both from CROSSBAR_ROWS. */
void read_crossbar_options(const struct arguments *arguments,
                           struct rebias_crossbar_options *crossbar,
                           enum rebias_biases *biases);

/* --layers, whole numbers: *count of them in sizes[REBIAS_MAX_LAYERS + 1]; 0 when not given. */
int read_layer_sizes(const struct arguments *arguments, double *sizes, size_t *count,
                     struct rebias_error *err);

/* Fills both option structs from the rows above (device and replicate apart). */
int read_network_options(const struct arguments *arguments, const char *default_rate,
                         struct rebias_network_options *network,
                         struct rebias_train_options *train, struct rebias_error *err);

/* Without --layers: inputs and outputs as the images need them, 100 hidden neurons. */
void complete_layers(struct rebias_network_options *network,
                     const struct rebias_image_set *set);

#endif
