/* mgd_run.h - the parts of a run of multiplexed gradient descent (internal to netsim).
 *
 * A window is the time between two updates. It is cut into segments, during which sample batch
 * and pattern stay; a worker evaluates a piece of the segments and leaves sum(repeats Ct p).
 */
#ifndef REBIAS_NETSIM_MGD_RUN_H
#define REBIAS_NETSIM_MGD_RUN_H

#include "code.h"
#include "rebias/mgd.h"

/* Time constants in steps. */
struct mgd_times {
    uint64_t p, x, theta;
};

int rebias_mgd_check(const struct rebias_mgd_options *options,
                     const struct rebias_architecture *architecture,
                     const struct rebias_mgd_data *data, struct mgd_times *times,
                     struct rebias_error *err);

/* Whether the data fit the network: what looks need, whatever the batch. */
int rebias_mgd_check_data(const struct rebias_architecture *architecture,
                          const struct rebias_mgd_data *data, struct rebias_error *err);

/* -- blocks: what is perturbed together -- */

struct mgd_block {
    size_t first, n; /* entries of the pattern: parameters (WEIGHT) or nodes (NODE) */
    size_t theta_first, theta_n;    /* parameters whose gradient it estimates */
    size_t layer_first, layer_last; /* layers it perturbs, both included */
};

struct mgd_blocks {
    size_t count;
    struct mgd_block block[REBIAS_MODEL_LAYERS];
};

void rebias_mgd_blocks(struct mgd_blocks *blocks, const struct rebias_architecture *a,
                       const struct rebias_mgd_options *o);

/* -- parameters: where theta lives -- */

struct mgd_parameters {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_options *options;
    size_t n;
    float *theta; /* [n], mirrors the crossbars where there are some */
    struct rebias_crossbar *crossbar[REBIAS_MODEL_LAYERS]; /* NULL: ideal, or a pool */
    double *held;   /* [n]: accumulated change not yet written (ACCUMULATE), else NULL */
    float *waiting; /* [update_delay][n]: changes on their way, that of update k in row
                       k % update_delay; NULL without a delay */
    float *request; /* [n]: scratch */
};

int rebias_mgd_parameters_new(struct mgd_parameters *parameters,
                              const struct rebias_architecture *architecture,
                              const struct rebias_mgd_options *options,
                              struct rebias_error *err);
void rebias_mgd_parameters_clear(struct mgd_parameters *parameters);

/* theta -= change[n] ideally, in quanta or by pulses; returns the pulses. update, the number of
 * the call, addresses randomness. With a delay the change of update - update_delay is taken
 * (none before), and this one waits. */
uint64_t rebias_mgd_parameters_apply(struct mgd_parameters *parameters, const float *change,
                                     uint32_t update);

/* out = theta + sign * pattern as the chip would make it (offset of weights or conductances).
 */
void rebias_mgd_parameters_offset(const struct mgd_parameters *parameters, size_t first,
                                  size_t n, const float *pattern, float sign, float *out);

/* -- order of the samples -- */

struct mgd_order {
    const struct rebias_mgd_options *options;
    size_t n;         /* samples */
    size_t per_epoch; /* whole batches in a pass */
    uint64_t epoch;   /* whose permutation is in order */
    uint32_t *order;
};

int rebias_mgd_order_new(struct mgd_order *order, size_t n,
                         const struct rebias_mgd_options *options, struct rebias_error *err);
void rebias_mgd_order_clear(struct mgd_order *order);

/* The samples of batch number `batch`: borrowed until the next call. */
const uint32_t *rebias_mgd_order_batch(struct mgd_order *order, uint64_t batch);

/* -- segments -- */

struct mgd_segment {
    uint64_t batch;   /* number of the sample batch */
    uint64_t pattern; /* number of the pattern */
    uint64_t step;    /* its first step */
    uint64_t base;    /* step whose C0 it is compared with: the last change of batch or theta */
    uint32_t repeats; /* steps it lasts */
};

/* Segments of steps from .. to - 1, at most `capacity`; *next = first step not covered. */
size_t rebias_mgd_segments(const struct mgd_times *times, uint64_t from, uint64_t to,
                           size_t capacity, struct mgd_segment *segments, uint64_t *next);

/* Ct from the cost with +p and the other one (C0, or the cost with -p): measurement noise of
 * the segment's steps, difference (half of it when two-sided), clip. block and sample (0
 * for whole batches, else 1 + its place) address the noise. */
double rebias_mgd_difference(const struct rebias_mgd_options *options,
                             const struct mgd_segment *segment, size_t block, size_t sample,
                             double first, double second);

/* -- workers -- */

struct mgd_sums {
    double cost;   /* sum of C0 (two-sided: mean of both sides) over evaluated segments */
    double weight; /* number of them */
    uint64_t evaluations; /* of a whole batch */
};

struct mgd_worker; /* one a thread */

int rebias_mgd_worker_new(struct mgd_worker **out, const struct rebias_architecture *a,
                          const struct rebias_mgd_data *data,
                          const struct rebias_mgd_options *options, struct rebias_error *err);
void rebias_mgd_worker_free(struct mgd_worker *worker);

/* From now on small dense networks too go the general way: for tests, as the reference. */
void rebias_mgd_worker_go_general(struct mgd_worker *worker);

/* estimate[P] += sum over the segments of repeats Ct p/D^2, sums added to. A worker keeps the
 * C0 of a segment's base step: theta may differ between calls only where the base step does. */
int rebias_mgd_worker_run(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                          size_t count, const struct mgd_segment *segments, float *estimate,
                          struct mgd_sums *sums, struct rebias_error *err);

/* Segments that a piece should have at least, to be worth its fixed cost. */
size_t rebias_mgd_worker_grain(const struct mgd_worker *worker);

/* The measured cost of one evaluation with pattern and sample of a segment (analog form);
 * pattern[P] receives the pattern. Weight perturbation of everything only. */
int rebias_mgd_worker_cost(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                           const struct mgd_segment *segment, float *pattern, double *cost,
                           struct rebias_error *err);

/* gradient[P] of the mean cost of sample batch number `batch`, by backpropagation. */
void rebias_mgd_worker_gradient(struct mgd_worker *worker,
                                const struct mgd_parameters *parameters, uint64_t batch,
                                float *gradient);

/* D^2 of the block. */
double rebias_mgd_worker_mean_square(const struct mgd_worker *worker, size_t block);

/* Fraction right and mean cost of the first `samples` of the data (0 = all). */
void rebias_mgd_worker_look(struct mgd_worker *worker, const struct mgd_parameters *parameters,
                            const struct rebias_mgd_data *data, size_t samples, double *cost,
                            double *accuracy);

/* -- lanes: the fast way for small dense networks, one sample at a time -- */

struct mgd_lanes;
/* *out = NULL and REBIAS_OK when the data are too large to be kept as floats. */
bool rebias_mgd_lanes_suit(const struct rebias_architecture *a,
                           const struct rebias_mgd_options *options);
int rebias_mgd_lanes_new(struct mgd_lanes **out, const struct rebias_architecture *a,
                         const struct rebias_mgd_data *data,
                         const struct rebias_mgd_options *options, struct rebias_error *err);
void rebias_mgd_lanes_free(struct mgd_lanes *lanes);
void rebias_mgd_lanes_run(struct mgd_lanes *lanes, struct rebias_code *code,
                          struct mgd_order *order, const float *theta, size_t count,
                          const struct mgd_segment *segments, float *estimate,
                          struct mgd_sums *sums);

/* -- optimiser: estimate -> change -- */

struct mgd_optimizer {
    const struct rebias_mgd_options *options;
    const struct mgd_blocks *blocks;
    size_t n;
    float *first;  /* [n] momentum, first moment, or the analog form's G; NULL = plain */
    float *second; /* [n] second moment, NULL = not Adam */
};

int rebias_mgd_optimizer_new(struct mgd_optimizer *optimizer, size_t n,
                             const struct mgd_blocks *blocks,
                             const struct rebias_mgd_options *options,
                             struct rebias_error *err);
void rebias_mgd_optimizer_clear(struct mgd_optimizer *optimizer);

/* change[n] from estimate[n] = the mean gradient estimate of the period (the same array is
 * allowed); passes = passes over the data so far; theta for the weight decay. */
void rebias_mgd_optimizer_step(struct mgd_optimizer *optimizer, const struct mgd_times *times,
                               const float *estimate, const float *theta, double passes,
                               float *change);

/* -- checkpoint -- */

struct mgd_state {
    uint64_t step, updates, evaluations, pulses;
    uint64_t next_look;            /* step */
    bool met;                      /* a target is reached */
    struct mgd_sums since;         /* the last look */
    double last_cost, high_passed; /* analog form */
    struct rebias_mgd_look *looks;
    size_t look_count, look_capacity;
};

int rebias_mgd_checkpoint_save(const struct rebias_mgd_checkpoint *checkpoint,
                               const struct mgd_state *state,
                               const struct mgd_parameters *parameters,
                               const struct mgd_optimizer *optimizer, struct rebias_error *err);

/* *found = false when there is no file. */
int rebias_mgd_checkpoint_load(const struct rebias_mgd_checkpoint *checkpoint,
                               struct mgd_state *state, struct mgd_parameters *parameters,
                               struct mgd_optimizer *optimizer, bool *found,
                               struct rebias_error *err);

#endif
