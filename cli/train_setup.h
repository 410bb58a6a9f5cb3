/* train_setup.h - what `rebias train` trains with gradients: network, device, images. */
#ifndef REBIAS_CLI_TRAIN_SETUP_H
#define REBIAS_CLI_TRAIN_SETUP_H

#include "options.h"
#include "rebias/images.h"
#include "rebias/train.h"

/* --trainer */
enum { TRAIN_MAPPED = 0, TRAIN_SOFTWARE = 1, TRAIN_MGD = 2 };

struct train_setup {
    bool mapped;                           /* else in software */
    struct rebias_network_options network; /* borrows device */
    struct rebias_train_options options;
    struct rebias_device *device; /* NULL in software */
    struct rebias_image_set *set;
};

/* Refuses options of MGD, and the wrong number of devices. */
int train_setup_check(const struct arguments *arguments, struct rebias_error *err);

/* *setup from the options of mapped training or software; to be cleared also on failure. */
int train_setup_open(struct train_setup *setup, const struct arguments *arguments,
                     struct rebias_error *err);
void train_setup_clear(struct train_setup *setup);

#endif
