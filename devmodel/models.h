/* models.h - the built-in models' descriptors, and the noise that they share. */
#ifndef REBIAS_DEVMODEL_MODELS_H
#define REBIAS_DEVMODEL_MODELS_H

#include "rebias/devmodel.h"

extern const struct rebias_device_model rebias_analytical_model;
extern const struct rebias_device_model rebias_gaussian_model;
extern const struct rebias_device_model rebias_ideal_model;

/* P(N(mean, sd^2) <= x); a step at the mean for sd = 0. */
double rebias_devmodel_normal_cdf(double x, double mean, double sd);

#endif
