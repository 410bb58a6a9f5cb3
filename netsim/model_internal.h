/* model_internal.h - what the files of the model share (internal to netsim). */
#ifndef REBIAS_NETSIM_MODEL_INTERNAL_H
#define REBIAS_NETSIM_MODEL_INTERNAL_H

#include "rebias/model.h"

/* Imperfections of a layer's neurons, one number a channel; all NULL without them. */
struct rebias_model_defects {
    float *shift;  /* z0 */
    float *slope;  /* k */
    float *height; /* L */
    float *lift;   /* y0 */
    float *bare;   /* kept f(k (z - z0)), for the derivative */
};

/* Reading of pre-activations: levels -range, -range + step ... range; step 0: ideal. */
struct rebias_model_adc {
    double range;
    double step;
};

struct rebias_model {
    struct rebias_architecture architecture;
    size_t batch;
    size_t n; /* samples in use */
    const float *target;
    const uint8_t *label;
    float *value[REBIAS_MODEL_LAYERS + 1]; /* value[l]: kept inputs of layer l; last: outputs */
    float *work[2];   /* what lies behind perturbed layers; gradients on the way back */
    float *column;    /* one piece of a convolution's columns */
    float *weighting; /* batch numbers */
    struct rebias_model_defects defects[REBIAS_MODEL_LAYERS];
    struct rebias_model_adc adc;
};

static inline size_t rebias_shape_size(const struct rebias_shape *shape)
{
    return shape->channels * shape->rows * shape->columns;
}

/* delta[outputs][n] = dC/d outputs of the mean cost C, from the kept outputs; returns C. */
double rebias_model_output_delta(const struct rebias_model *model, float *delta);

#endif
