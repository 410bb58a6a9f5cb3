/* train.h - training networks on images: mapped training (backpropagation into pulses) and
 * plain software training.
 *
 * Both are mini-batch gradient descent on the same gradients. On a software network an update
 * is w -= rate * gradient; on devices the same wanted change is turned into pulses
 * (crossbar.h). The learning rate scales the request, never the device's jump.
 */
#ifndef REBIAS_TRAIN_H
#define REBIAS_TRAIN_H

#include "base.h"
#include "error.h"
#include "network.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_image_set;

/* Rate of epoch e (from 0) of E: CONSTANT rate; EXPONENTIAL rate * decay^e; COSINE rate * (1 +
 * cos(pi e/E))/2. */
enum rebias_schedule {
    REBIAS_SCHEDULE_CONSTANT = 0,
    REBIAS_SCHEDULE_EXPONENTIAL = 1,
    REBIAS_SCHEDULE_COSINE = 2
};

/* The factor of the rate in epoch `epoch` of `epochs`. */
double rebias_schedule_factor(enum rebias_schedule schedule, double decay, size_t epoch,
                              size_t epochs);

struct rebias_train_options {
    size_t epochs;                  /* passes over the training images, 1 .. 100000 */
    size_t batch;                   /* 1 .. the network's batch */
    size_t train_images;            /* use the first so many; 0 = all */
    size_t test_images;             /* the same for the test images */
    double rate[REBIAS_MAX_LAYERS]; /* learning rate of each layer, > 0 */
    enum rebias_schedule schedule;
    double decay; /* EXPONENTIAL only, in (0, 1] */
    uint64_t seed;
    uint32_t replicate;
};

/* 3 epochs, batch 64, all images, rate 0.1 in every layer, constant, seed 1. */
struct rebias_train_options rebias_train_options_defaults(void);

/* What one epoch brought. */
struct rebias_epoch {
    double train_loss;    /* mean over the epoch's batches, before each update */
    double test_accuracy; /* fraction of the test images */
    double test_loss;
    uint64_t pulses; /* given in this epoch */
    uint64_t images; /* trained on in this epoch */
};

/* What rebias_train would refuse before it begins: REBIAS_E_RANGE for options or for images
 * that do not fit the network. */
int rebias_train_check(const struct rebias_network_options *network,
                       const struct rebias_image_set *set,
                       const struct rebias_train_options *options, struct rebias_error *err);

/* Trains network on set; the order of the images is a fresh permutation each epoch; the last
 * batch may be smaller. epochs[options->epochs] receives the results. progress (may be NULL)
 * counts images. Errors: REBIAS_E_RANGE for options or for images that do not fit the network,
 * REBIAS_E_NUMERIC when the loss stops being finite, REBIAS_E_INTERRUPTED. */
int rebias_train(struct rebias_network *network, const struct rebias_image_set *set,
                 const struct rebias_train_options *options, struct rebias_epoch *epochs,
                 rebias_progress *progress, void *progress_context, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
