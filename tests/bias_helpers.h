/* bias_helpers.h - what the tests of the bias study share: a small study, and its steps by
 * hand.
 */
#ifndef REBIAS_TESTS_BIAS_HELPERS_H
#define REBIAS_TESTS_BIAS_HELPERS_H

#include "support.h"

#include "blobs.h"
#include "rebias/bias.h"
#include "rebias/visits.h"
#include <string.h>

enum { REPLICATES = 4, METHODS = 2, POINTS = 2, CELLS = METHODS * POINTS };

static struct blob_memory memory;
static struct rebias_image_set images; /* set by main: blob_set(&memory) */

/* Two points always fill one bin; 300 fill six. Training stops early: accuracies between chance
 * and 1 tell runs apart. */
static inline struct rebias_bias_options options_of(const struct rebias_device *target)
{
    static const size_t sizes[3] = {BLOB_PIXELS, 8, BLOB_CLASSES};
    struct rebias_bias_options o = rebias_bias_options_defaults();
    o.target = target;
    o.set = &images;
    o.methods = METHODS;
    for (size_t m = 0; m < METHODS; m++) {
        snprintf(o.method[m].name, sizeof o.method[m].name, "binning:%d", m == 0 ? 1 : 6);
        struct rebias_error err = {0};
        support_expect(rebias_method_parse(&o.method[m].method, o.method[m].name, &err),
                       REBIAS_OK, &err, NULL);
    }
    o.fit.G_levels = 20;
    o.fit.dG_levels = 61;
    o.point_counts = POINTS;
    o.points[0] = 2;
    o.points[1] = 300;
    o.replicates = REPLICATES;
    memcpy(o.network.sizes, sizes, sizeof sizes);
    o.network.activation = REBIAS_TANH;
    o.network.batch = 16;
    o.train.batch = 16;
    o.train.epochs = 1;
    o.train.rate[0] = o.train.rate[1] = 0.03;
    o.seed = 5;
    return o;
}

static inline struct rebias_bias_result *run_study(const struct rebias_bias_options *options)
{
    struct rebias_error err = {0};
    struct rebias_bias_result *result = NULL;
    support_expect(rebias_bias_study(&result, options, NULL, NULL, &err), REBIAS_OK, &err,
                   NULL);
    return result;
}

/* Equal, or both NaN. */
static inline bool is_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Accuracy of the study's network on a device, trained by hand; visits (may be NULL) counts its
 * pulses. */
static inline double train_and_count(const struct rebias_bias_options *o,
                                     const struct rebias_device *device,
                                     const struct rebias_device *target, uint32_t replicate,
                                     struct rebias_visits *visits)
{
    struct rebias_error err = {0};
    struct rebias_epoch epoch;
    struct rebias_network_options n = o->network;
    struct rebias_train_options t = o->train;
    n.device = device;
    n.crossbar.pulse_size = rebias_device_pulse_size(target);
    n.crossbar.pulse_noise = rebias_device_pulse_noise(target);
    n.seed = t.seed = o->seed;
    n.replicate = t.replicate = replicate;
    struct rebias_network *network = NULL;
    support_expect(rebias_network_new(&network, &n, &err), REBIAS_OK, &err, NULL);
    rebias_network_count_visits(network, visits);
    support_expect(rebias_train(network, o->set, &t, &epoch, NULL, NULL, &err), REBIAS_OK, &err,
                   NULL);
    rebias_network_free(network);
    return epoch.test_accuracy;
}

static inline double train_by_hand(const struct rebias_bias_options *o,
                                   const struct rebias_device *device,
                                   const struct rebias_device *target, uint32_t replicate)
{
    return train_and_count(o, device, target, replicate, NULL);
}

#endif
