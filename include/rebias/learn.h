/* learn.h - training dense networks in software: one task or several in a row, elastic weight
 * consolidation, ternary weights.
 *
 * Minibatch descent on the mean cross-entropy. Elastic weight consolidation (Kirkpatrick et
 * al., PNAS 114, 3521 (2017)) adds lambda/2 sum_k sum_i F_ki (theta_i - theta*_ki)^2 over all
 * earlier tasks k; F_k: mean over samples of (d log p(true class)/d theta_i)^2 at theta*_k, the
 * parameters behind task k. Ternary: forward and backward with Q(w) = gamma sign(w) [|w| >
 * delta], a layer's delta = threshold mean|w|, gamma = mean|w| of the kept ones (Li et al.,
 * arXiv:1605.04711); the gradient moves the float weights straight through. Biases stay float.
 */
#ifndef REBIAS_LEARN_H
#define REBIAS_LEARN_H

#include "base.h"
#include "error.h"
#include "model.h"
#include "train.h"
#include "weights.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- learners -- */

/* SGD: v = momentum v + g, theta -= rate v. ADAM: Kingma and Ba with 0.9, 0.999, 1e-8 and bias
 * correction. Both as in PyTorch; their state is kept from task to task. */
enum rebias_learn_optimizer { REBIAS_LEARN_SGD = 0, REBIAS_LEARN_ADAM = 1 };

enum rebias_learn_levels { REBIAS_LEARN_FLOAT = 0, REBIAS_LEARN_TERNARY = 1 };

struct rebias_learn_options {
    size_t epochs;                 /* passes over the samples of each task, 1 .. 100000 */
    size_t batch;                  /* 1 .. 65536; the last one of an epoch may be smaller */
    double rate;                   /* > 0 */
    enum rebias_schedule schedule; /* of the rate over the epochs of a task */
    double decay;                  /* EXPONENTIAL only, in (0, 1] */
    enum rebias_learn_optimizer optimizer;
    double momentum; /* SGD only, [0, 1) */
    bool biases;     /* false: all 0, for crossbars without a bias row */
    enum rebias_learn_levels levels;
    double threshold;      /* TERNARY only, [0, 10] */
    double lambda;         /* of elastic weight consolidation, >= 0; 0 = none */
    size_t fisher_samples; /* of a task, >= 1; at most all are taken */
    uint64_t seed;
    uint32_t replicate; /* other initial weights and order of the samples */
};

/* The two-task recipe of Yousuf et al. (2025): 50 epochs, batch 20, Adam at 1e-3, constant,
 * biases, float, threshold 0.7, lambda 0, 100 samples, seed 1. Decay 0.9, momentum 0.9. */
struct rebias_learn_options rebias_learn_options_defaults(void);

/* Errors: REBIAS_E_RANGE. */
int rebias_learn_options_check(const struct rebias_learn_options *options,
                               struct rebias_error *err);

struct rebias_learner;

/* *out = a network of dense layers (hidden ones with one transfer, the last without) with
 * weights and biases uniform in +- 1/sqrt(inputs), PyTorch's way (purpose REBIAS_FOR_WEIGHTS,
 * entity = layer, word = index). REBIAS_E_UNSUPPORTED for other layers. */
int rebias_learner_new(struct rebias_learner **out,
                       const struct rebias_architecture *architecture,
                       const struct rebias_learn_options *options, struct rebias_error *err);
void rebias_learner_free(struct rebias_learner *learner);

/* Trains on the next task; labels below the outputs, x finite. Order of the samples: purpose
 * REBIAS_FOR_ORDER, entity = task, step = epoch. REBIAS_E_NUMERIC when the cost stops being
 * finite. */
int rebias_learner_train(struct rebias_learner *learner, const struct rebias_samples *samples,
                         struct rebias_error *err);

/* Adds the task just trained to those that the penalty protects; its Fisher samples are the
 * first of the order of step = epochs. */
int rebias_learner_consolidate(struct rebias_learner *learner,
                               const struct rebias_samples *samples, struct rebias_error *err);

/* The parameters in use, theta[P]: quantised when TERNARY. Borrowed. */
const float *rebias_learner_theta(const struct rebias_learner *learner);

/* Fraction of samples classified rightly; NaN for n = 0. */
double rebias_learner_accuracy(struct rebias_learner *learner,
                               const struct rebias_samples *samples);

/* *weights = the network, with gammas when TERNARY; rebias_weights_clear it. */
int rebias_learner_weights(const struct rebias_learner *learner, struct rebias_weights *weights,
                           struct rebias_error *err);

/* -- tasks -- */

/* Samples that own their memory; n = 0: none. */
struct rebias_learn_part {
    size_t n;
    float *x; /* n x inputs */
    uint8_t *label;
};

enum { REBIAS_LEARN_TRAIN = 0, REBIAS_LEARN_VALIDATION = 1, REBIAS_LEARN_TEST = 2 };

/* Tasks with the same inputs and classes, one behind the other. */
struct rebias_learn_tasks {
    size_t count;
    size_t inputs, classes;
    double input_mean, input_sd;         /* images: x = (byte/255 - mean)/sd; else 0 and 1 */
    struct rebias_learn_part (*part)[3]; /* [count]: training, validation, test */
};

struct rebias_image_set;

/* *out = generated tasks: "yinyang" (two, shifted by 0 and 1) or "yinyang:K" (K = 1 .. 16,
 * shifts 0 .. K - 1). Errors: REBIAS_E_NAME, REBIAS_E_RANGE. */
int rebias_learn_tasks_new(struct rebias_learn_tasks **out, const char *name,
                           struct rebias_error *err);

/* How images become tasks. PLAIN: one task, all training images, no validation. PERMUTED: task
 * k > 0 has its pixels in an order of its own (purpose REBIAS_FOR_IMAGES, entity 2, step k).
 * SPLIT: task k has the classes k C/K .. (k + 1) C/K - 1, counted from 0. The last sixth of the
 * training images of PERMUTED and SPLIT is for validation. */
enum rebias_learn_images {
    REBIAS_LEARN_PLAIN = 0,
    REBIAS_LEARN_PERMUTED = 1,
    REBIAS_LEARN_SPLIT = 2
};

/* *out = count = 1 .. 16 tasks of images. Mean and sd are those of all training pixels, rounded
 * to 4 digits (MNIST: 0.1307, 0.3081). REBIAS_E_RANGE where SPLIT does not divide the classes
 * into equal parts of 2 or more. */
int rebias_learn_tasks_images(struct rebias_learn_tasks **out,
                              const struct rebias_image_set *set, enum rebias_learn_images kind,
                              size_t count, uint64_t seed, struct rebias_error *err);
void rebias_learn_tasks_free(struct rebias_learn_tasks *tasks);

/* A part as samples of a model. Borrows. */
struct rebias_samples rebias_learn_samples(const struct rebias_learn_part *part);

/* -- continual learning -- */

/* What networks, trained task after task, reached. */
struct rebias_continual {
    size_t seeds, tasks;
    double *test;       /* [seed][stage][task]: accuracy behind training task `stage` */
    double *validation; /* [seed][task]: at the end; NaN without validation samples */
    struct rebias_weights_set *networks; /* [seed], at the end */
};

/* Networks that are to be trained. */
struct rebias_continual_plan {
    const struct rebias_learn_tasks *tasks;         /* borrowed */
    const struct rebias_architecture *architecture; /* borrowed */
    struct rebias_learn_options options;            /* lambda: of all but the last task */
    size_t seeds; /* networks, 1 .. 100000: replicates options.replicate + 0, 1 ... */
    int threads;  /* the networks are independent */
    rebias_progress *progress; /* counts networks; may be NULL */
    void *progress_context;
};

/* *out = the networks, trained on all tasks in turn. REBIAS_E_RANGE where network and tasks do
 * not fit. */
int rebias_continual_run(struct rebias_continual **out,
                         const struct rebias_continual_plan *plan, struct rebias_error *err);
void rebias_continual_free(struct rebias_continual *continual);

#ifdef __cplusplus
}
#endif
#endif
