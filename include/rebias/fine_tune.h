/* fine_tune.h - in-situ fine-tuning: a deployed network learns on the very chip that it was
 * written to, with the chip's stuck devices, row gains and offsets, converters and read noise
 * in its forward pass.
 *
 * A layer's weights are W = gamma D/Gnorm, D = sum over copies of sign share gain G (deploy.h).
 * The cost is the mean softmax cross-entropy of the outputs, g = dC/dW its gradient.
 *
 * MAPPED: g is backpropagated through D as it was read in that forward pass, IR drop of wires
 * included; converters are passed as if they were ideal. dC/dW = sum_b delta_b x_b^T.
 *
 * MGD: g is measured. Patterns of random codes c = +-1 are put onto the conductances of working
 * devices, so that w_i moves by A c_i; G_i = mean over patterns of [C(+) - C(-)]/2 c_i/A, each
 * C with its own reads. G points along g with the cosine 1/sqrt(1 + (P - 1)/T), P parameters, T
 * patterns (APL Mach. Learn. 1, 026118 (2023)), and is scaled by that cosine: at one rate the
 * updates of both methods have the same norm (mgd.h's form NORM).
 *
 * The wanted change is dW = -rate g. It is shared by the devices of all copies that take part:
 * dG = sign share/(sum share^2) Gnorm/gamma dW, the smallest one that gives dW when all move
 * and no wire has a resistance. Each device's dG over the mean pulse becomes whole pulses, and
 * the device jumps as its model says. Stuck devices are known, get no pulses, and are not
 * perturbed. A device that writing has left outside the model's range jumps as one at the
 * nearer end, and stays as far outside.
 */
#ifndef REBIAS_FINE_TUNE_H
#define REBIAS_FINE_TUNE_H

#include "base.h"
#include "deploy.h"
#include "devmodel.h"
#include "error.h"
#include "mgd.h"
#include "train.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_fine_tune_method { REBIAS_FINE_TUNE_MAPPED = 0, REBIAS_FINE_TUNE_MGD = 1 };

struct rebias_fine_tune_options {
    enum rebias_fine_tune_method method;
    const struct rebias_device *device; /* needed; its range covers G_off to G_on. Borrowed */
    size_t epochs;                      /* passes over the training samples, 1 .. 100000 */
    uint64_t updates;                   /* > 0: so many updates instead, below 2^31 */
    size_t batch; /* samples an update, which share one read: 1 .. the deployment's batch */
    double rate;  /* of weights, > 0 */
    enum rebias_schedule schedule; /* of the rate over the run's updates, CONSTANT or COSINE */
    enum rebias_mgd_write write;   /* how a wanted change becomes pulses */
    double pulse_size;  /* S: |dG| of a pulse as assumed; 0 = rebias_device_pulse_size */
    uint16_t pulse_cap; /* most pulses on a device in one update, 1 .. 30000 */
    bool biases;        /* the digital biases of layers that have them are tuned as well */
    size_t patterns;    /* MGD: T, 1 .. 1000000 */
    double amplitude;   /* MGD: A as a fraction of the smallest gamma, (0, 1] */
};

/* MAPPED, no device, 1 epoch, batch 100, rate 0.1, cosine, stochastic rounding, pulse size of
 * the device, cap 100, biases, 1 pattern of amplitude 0.1. */
struct rebias_fine_tune_options rebias_fine_tune_options_defaults(void);

/* *out = a linear device from G_off to G_on (S): 50 pulses for the whole range, each with a
 * normal error of 1 % of the range (half a pulse). Owner: the caller. */
int rebias_fine_tune_device_new(struct rebias_device **out, double G_off, double G_on,
                                struct rebias_error *err);

/* What rebias_deployment_fine_tune asks of options on a deployment of these options; its
 * errors.
 */
int rebias_fine_tune_check(const struct rebias_fine_tune_options *options,
                           const struct rebias_deploy_options *deploy,
                           struct rebias_error *err);

/* Losses are means over the batches of one pass (or of what was done of it), each before its
 * update; with MGD of the unperturbed network, estimated by [C(+) + C(-)]/2. */
struct rebias_fine_tune_result {
    uint64_t updates;
    uint64_t pulses;      /* given to devices */
    uint64_t evaluations; /* forward passes of a batch */
    double first_loss;    /* nats, first pass */
    double last_loss;     /* last pass */
};

/* Tunes the deployment in place on data (label and fill needed; its inputs and outputs are the
 * network's); samples come in a fresh random order each pass. Called again it goes on with
 * fresh orders, pulses and reads. progress (may be NULL) counts updates. The networks that were
 * deployed stay as they are. Errors: REBIAS_E_RANGE for options, a device whose range does not
 * cover that of the deployment, and a pulse size that is left to a device whose mean jump is 0;
 * REBIAS_E_DATA for labels beyond the outputs or no samples; REBIAS_E_NUMERIC when the loss is
 * no longer finite; REBIAS_E_INTERRUPTED. On these two the deployment is partly tuned. */
int rebias_deployment_fine_tune(struct rebias_deployment *deployment,
                                const struct rebias_fine_tune_options *options,
                                const struct rebias_mgd_data *data,
                                struct rebias_fine_tune_result *result,
                                rebias_progress *progress, void *progress_context,
                                struct rebias_error *err);

/* Parameters of the deployed networks: the weights [outputs][inputs] and then biases of each
 * layer in turn (missing ones count and have gradient 0), for CM of each network in turn. */
size_t rebias_deployment_parameters(const struct rebias_deployment *deployment);

/* gradient[parameters] = MAPPED's g or MGD's mean G (not scaled by the cosine) of n samples, n
 * <= the deployment's batch, x[n][inputs] finite and label[n] below outputs; *cost = their mean
 * cost. Nothing but the number of reads changes. `number` addresses MGD's codes. Of the options
 * method, biases, patterns and amplitude count. */
int rebias_deployment_gradient(struct rebias_deployment *deployment,
                               const struct rebias_fine_tune_options *options, size_t n,
                               const float *x, const uint8_t *label, uint32_t number,
                               float *gradient, double *cost, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
