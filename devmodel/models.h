/* models.h - the built-in models' descriptors, and the noise that they share. */
#ifndef REBIAS_DEVMODEL_MODELS_H
#define REBIAS_DEVMODEL_MODELS_H

#include "rebias/devmodel.h"

extern const struct rebias_device_model rebias_analytical_model;
extern const struct rebias_device_model rebias_gaussian_model;
extern const struct rebias_device_model rebias_ideal_model;
extern const struct rebias_device_model rebias_synth_model;
extern const struct rebias_device_model rebias_synth_noise_model;

/* The cdf of models whose jumps are normal (or certain, sd = 0), from their moments. */
double rebias_devmodel_normal_cdf(const struct rebias_device *device,
                                  enum rebias_polarity polarity, double G, double dG);

#endif
