/* activation.h - the nonlinear functions of layers, in place on rows (internal to netsim). */
#ifndef REBIAS_NETSIM_ACTIVATION_H
#define REBIAS_NETSIM_ACTIVATION_H

#include "rebias/network.h"

/* z[n] -> f(z). */
void rebias_activation_apply(enum rebias_activation f, size_t n, float *z);

/* delta[n] *= f'(z), expressed by a = f(z). */
void rebias_activation_chain(enum rebias_activation f, size_t n, const float *a, float *delta);

/* Each of n rows z[outputs] -> softmax(z). */
void rebias_softmax_apply(size_t n, size_t outputs, float *z);

#endif
