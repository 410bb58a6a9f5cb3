/* fine_tune_internal.h - what the files of fine-tuning share (internal to netsim). */
#ifndef REBIAS_NETSIM_FINE_TUNE_INTERNAL_H
#define REBIAS_NETSIM_FINE_TUNE_INTERNAL_H

#include "deploy_internal.h"
#include "rebias/fine_tune.h"

/* What one network of a deployment computed with in its last forward pass. */
struct rebias_deployed_trace {
    float *in[REBIAS_MAX_LAYERS];     /* [batch][m]: what went into the layer's rows */
    float *matrix[REBIAS_MAX_LAYERS]; /* [n][m]: sum sign share gain G as read, S */
};

/* The parts that a gradient and an update need; sized once. */
struct rebias_tuner {
    struct rebias_deployment *deployment;
    const struct rebias_fine_tune_options *options;
    size_t networks;
    size_t parameters;                   /* of one network */
    size_t first[REBIAS_MAX_LAYERS + 1]; /* of a layer in them */
    double *part; /* [matrices' rows]: wanted change of a device, S, for a
                     change of the weight by 1: sign share/(sum share^2)
                     Gnorm/gamma */
    struct rebias_deployed_trace *trace; /* [networks]; MAPPED */
    float *delta[3]; /* [batch][widest layer]: of the outputs, and two on the way down */
    float *outputs;  /* [batch][classes] */
    float *gradient; /* [networks][parameters] */
    float *code;     /* the same; MGD */
    float *base;     /* conductances without a pattern; MGD */
    float *base_bias;
    /* updates only */
    struct rebias_devices **devices; /* [matrices] */
    float *owed;                     /* pulses not yet given, ACCUMULATE; as the conductances */
    int16_t *count;                  /* [devices of the largest matrix] */
    int16_t *listed;
    uint32_t *index;
    float *outside; /* S: how far a listed device is beyond its model's range */
    double pulse_size;
};

/* Kinds of entities of the streams of purpose REBIAS_FOR_TUNING, above the number of a
 * matrix. */
enum rebias_tuning_kind {
    REBIAS_TUNING_ORDER = 0 << 24,
    REBIAS_TUNING_CODE = 1 << 24,
    REBIAS_TUNING_ROUNDING = 2 << 24,
    REBIAS_TUNING_PULSE = 3 << 24,
    REBIAS_TUNING_SPREAD = 4 << 24
};

/* Makes what gradients need; tuner is cleared also on failure. */
int rebias_tuner_start(struct rebias_tuner *tuner, struct rebias_deployment *deployment,
                       const struct rebias_fine_tune_options *options,
                       struct rebias_error *err);
void rebias_tuner_clear(struct rebias_tuner *tuner);

/* Makes what updates need, behind rebias_tuner_start. */
int rebias_tuner_prepare(struct rebias_tuner *tuner, struct rebias_error *err);

/* tuner->gradient of n samples; *cost = their mean cost. */
int rebias_tuner_gradient(struct rebias_tuner *tuner, size_t n, const float *x,
                          const uint8_t *label, uint32_t number, double *cost,
                          struct rebias_error *err);

/* Cosine of MGD's estimate, 1 for MAPPED. */
double rebias_tuner_cosine(const struct rebias_tuner *tuner);

/* Changes devices and biases by -rate gradient; returns the number of pulses. step addresses
 * their randomness. */
uint64_t rebias_tuner_update(struct rebias_tuner *tuner, double rate, uint32_t step);

/* Any block of a matrix: its layer, copy and sign are the matrix's. */
const struct rebias_block *rebias_tuner_block(const struct rebias_tuner *tuner, size_t matrix);

/* The network that a matrix belongs to. */
size_t rebias_tuner_network(const struct rebias_tuner *tuner, size_t matrix);

/* Biases of a layer, where they are tuned, or NULL. */
float *rebias_tuner_biases(const struct rebias_tuner *tuner, size_t network, size_t layer);

#endif
