/* mgd.h - multiplexed gradient descent: perturb, measure the cost, integrate, update.
 *
 * At step n (time n dt) the parameters theta + p(t) give the cost C, the parameters alone C0;
 * Ct = C - C0 (or [C(theta + p) - C(theta - p)]/2). Over an update period of tau_theta the
 * estimate of the gradient, in per-parameter form, is the mean G_i = <Ct p_i>/D^2 over the
 * evaluations, D^2 = the mean square of p_i (code.h); E G = gradient up to O(p^2). Then
 *   VECTOR     theta -= eta (tau_theta/P) G   (P parameters; the papers' first code)
 *   PARAMETER  theta -= eta tau_theta G
 *   NORM       theta -= eta G/sqrt(1 + (P - 1)/tau), tau = patterns in the period, P per block:
 *              the update has the norm eta |gradient| for every tau and P
 * with tau_theta in the unit of dt. McCaughan et al., APL Mach. Learn. 1, 026118 (2023); Oripov
 * et al., APL Mach. Learn. 3, 026107 (2025).
 */
#ifndef REBIAS_MGD_H
#define REBIAS_MGD_H

#include "base.h"
#include "crossbar.h"
#include "error.h"
#include "model.h"
#include "visits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_perturbation {
    REBIAS_PERTURB_SINE = 0,
    REBIAS_PERTURB_SEQUENTIAL = 1,
    REBIAS_PERTURB_RANDOM = 2,
    REBIAS_PERTURB_WALSH = 3,
    REBIAS_PERTURB_GAUSSIAN = 4
};

enum rebias_mgd_method { REBIAS_MGD_WEIGHT = 0, REBIAS_MGD_NODE = 1 };

/* What one pattern perturbs: everything, or one layer after the other (one evaluation each). */
enum rebias_mgd_scope { REBIAS_MGD_ALL = 0, REBIAS_MGD_LAYERS = 1 };

enum rebias_eta_form { REBIAS_ETA_VECTOR = 0, REBIAS_ETA_PARAMETER = 1, REBIAS_ETA_NORM = 2 };

enum rebias_optimizer {
    REBIAS_OPTIMIZER_PLAIN = 0,
    REBIAS_OPTIMIZER_MOMENTUM = 1, /* v = momentum v + step; theta -= v */
    REBIAS_OPTIMIZER_ADAM = 2      /* (0.9, 0.999, 1e-8) without bias correction */
};

/* How a wanted change becomes pulses (software: multiples of update_quantum): STOCHASTIC
 * rounding of every update, or ACCUMULATE it digitally and write whole pulses when it has grown
 * to one. */
enum rebias_mgd_write { REBIAS_WRITE_STOCHASTIC = 0, REBIAS_WRITE_ACCUMULATE = 1 };

/* Perturbation of devices: an offset of the weight, or of the conductances (the same in weight
 * units, but cut off at Gmin and Gmax). */
enum rebias_mgd_offset { REBIAS_OFFSET_WEIGHT = 0, REBIAS_OFFSET_CONDUCTANCE = 1 };

struct rebias_mgd_options {
    enum rebias_mgd_method method;
    enum rebias_mgd_scope scope;
    enum rebias_perturbation perturbation;
    double amplitude;     /* norm of a block's pattern, > 0 */
    double sparsity;      /* RANDOM, >= 1 */
    double f_low, f_high; /* SINE: cycles a pattern */
    bool two_sided;
    bool analog; /* running high-pass of the cost and low-pass of G instead of periods */
    double dt;   /* time of a step, > 0; the taus are in the same unit */
    double tau_p, tau_x, tau_theta; /* pattern, sample, update; discrete: multiples of dt */
    double tau_hp;                  /* analog: high-pass of the cost */
    size_t batch;                   /* samples evaluated at once, 1 .. 65536 */
    double eta;                     /* > 0 */
    enum rebias_eta_form eta_form;
    enum rebias_optimizer optimizer;
    double momentum;     /* MOMENTUM, [0, 1) */
    double eta_decay;    /* eta/(1 + eta_decay * whole passes over the data), >= 0 */
    double weight_decay; /* theta -= eta weight_decay theta at each update, >= 0 */
    double max_norm;     /* > 0: largest norm of a neuron's weights after an update; 0 = none */
    double clip;         /* > 0: |Ct| is cut to it; 0 = none */
    double cost_noise;   /* sd added to every measured C (absolute), >= 0 */
    bool noisy_baseline; /* also to C0 */
    double update_noise; /* sd added to every parameter at every update (software), >= 0 */
    bool shared_update_noise; /* one number for all parameters, as in the papers' code */
    double update_quantum;    /* > 0: software parameters change by whole multiples of it alone,
                                 rounded as `write` says; 0 = by anything */
    uint32_t update_delay;    /* 0 .. 1000: the step worked out at the end of period k is taken
                                 at the end of period k + update_delay (analog: of step k). The
                                 optimiser (moments, eta and weight decay) runs when the estimate
                                 is known: what waits is its step. Steps that still wait at the
                                 end of a run are not taken */
    double defects;           /* sd of the neurons' imperfections (model.h) */
    double read_noise; /* sd of a weight at every evaluation, fraction of the weight range
                          (devices) or absolute (software), >= 0 */
    unsigned adc_bits; /* 0 = ideal; else every pre-activation is rounded to 2^bits levels */
    double adc_range;  /* of +- so much, > 0 */
    /* devices; device NULL = ideal software parameters. Borrowed. */
    const struct rebias_device *device;
    struct rebias_crossbar_options crossbar; /* encoding, range, pulse size, cap, rounds */
    struct rebias_visits *visits; /* counts the updates' pulses (visits.h); NULL = not */
    enum rebias_biases biases;
    enum rebias_mgd_write write;
    enum rebias_mgd_offset offset;
    /* initial parameters */
    enum rebias_initial initial;
    double initial_low, initial_high;
    /* when to stop and what to note */
    uint64_t steps;         /* most steps, 1 .. 4294967295 */
    double target_cost;     /* stop when the mean cost of the data falls below it; 0 = never */
    double target_accuracy; /* the same for the test accuracy reaching it; 0 = never */
    uint64_t every;      /* steps between looks at cost and accuracy; 0 = steps/20, at the next
                            update */
    double growth;       /* > 1: looks also at 1, growth, growth^2 ... steps; 0 = not */
    size_t test_samples; /* samples looked at, the first so many; 0 = all */
    uint64_t seed;
    uint32_t replicate;
    int threads; /* over the patterns of a period and over the samples of a look */
};

/* Weight perturbation of everything, random code, amplitude 0.1, one-sided, all taus 1, dt 1,
 * batch 1, eta 0.1 NORM, plain, no noise, initial GLOROT, 10000 steps, seed 1, 1 thread. */
struct rebias_mgd_options rebias_mgd_options_defaults(void);

/* Data as the trainer needs them: n samples whose inputs are made when wanted. target or label
 * as in struct rebias_samples (model.h). Borrowed. */
struct rebias_mgd_data {
    size_t n;
    size_t inputs, outputs;
    void (*fill)(const void *context, size_t n, const uint32_t *index, float *x);
    const void *context;
    const float *target;
    const uint8_t *label;
};

/* One look. */
struct rebias_mgd_look {
    uint64_t step;        /* steps done */
    uint64_t evaluations; /* cost evaluations done (each of a whole batch) */
    uint64_t updates;
    uint64_t pulses;
    double train_cost; /* mean C0 (or C) of the batches since the last look */
    double cost;       /* mean cost of the test data */
    double accuracy;   /* of the test data */
};

struct rebias_mgd_result {
    struct rebias_mgd_look *looks;
    size_t look_count;
    bool reached; /* a target was met: the last look says when */
    uint64_t steps, evaluations, updates, pulses;
};

/* State saved at an update: continuing gives the same bytes as not having stopped. */
struct rebias_mgd_checkpoint {
    const char *path;  /* NULL = none; read first when it exists, written whole or not at all */
    uint64_t every;    /* updates between writes, also when interrupted and at the end */
    const char *label; /* text of all options: a checkpoint with another one is refused */
};

/* Trains. *out is NULL on failure. checkpoint may be NULL. An interruption saves the checkpoint
 * and returns REBIAS_E_INTERRUPTED. Errors: REBIAS_E_RANGE for options that contradict each
 * other (time constants that are no multiples, layers that do not fit the data), REBIAS_E_DATA
 * for a checkpoint of something else, REBIAS_E_NUMERIC when the cost stops being finite. */
int rebias_mgd_train(struct rebias_mgd_result **out,
                     const struct rebias_architecture *architecture,
                     const struct rebias_mgd_data *train, const struct rebias_mgd_data *test,
                     const struct rebias_mgd_options *options,
                     const struct rebias_mgd_checkpoint *checkpoint, rebias_progress *progress,
                     void *progress_context, struct rebias_error *err);
void rebias_mgd_result_free(struct rebias_mgd_result *result);

/* -- how good is the gradient estimate? -- */

/* cosine[k] between G after T[k] steps and the true gradient: that of the first batch when it
 * is held all the time (tau_x >= steps), else of all data. The parameters are the initial ones
 * and stay. Trial t is replicate options->replicate + t: other parameters, order and codes. */
struct rebias_mgd_angles {
    size_t count;
    uint64_t *T; /* steps, ascending */
    double *cosine;
    double *cosine_sd;   /* over trials */
    double *angle;       /* degrees, of the mean cosine */
    double reached_mean; /* first T with cosine >= threshold: mean and sd over trials; NaN */
    double reached_sd;   /* when a trial does not get there */
};

struct rebias_mgd_angle_options {
    uint64_t steps;
    size_t trials;
    size_t points;    /* at most so many T, geometrically spaced, the last = steps */
    double threshold; /* cosine; 0 = not looked for */
};

/* Progress is told of the steps of all trials, also inside of a trial. *out is NULL on failure.
 * Errors as for training. */
int rebias_mgd_measure_angles(struct rebias_mgd_angles **out,
                              const struct rebias_architecture *architecture,
                              const struct rebias_mgd_data *data,
                              const struct rebias_mgd_options *options,
                              const struct rebias_mgd_angle_options *angle_options,
                              rebias_progress *progress, void *progress_context,
                              struct rebias_error *err);
void rebias_mgd_angles_free(struct rebias_mgd_angles *angles);

/* -- how long would hardware take? -- */

/* Seconds: one cost measurement, one input sample, one parameter update. */
struct rebias_hardware {
    const char *name;
    double tau_p, tau_x, tau_update;
};

/* The three rows of McCaughan et al. 2023, table 3: chip in the loop, memory-compute,
 * superconducting. */
extern const struct rebias_hardware rebias_hardware_rows[3];

/* T = steps (evaluations per step max(tau_p, B tau_x) + tau_update/tau_theta), s. */
double rebias_hardware_time(const struct rebias_hardware *hardware, double steps,
                            double evaluations_per_step, size_t batch, double tau_theta);

#ifdef __cplusplus
}
#endif
#endif
