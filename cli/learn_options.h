/* learn_options.h - what the commands of software learning share: tasks by name, networks into
 * files, mean and sd over networks. */
#ifndef REBIAS_CLI_LEARN_OPTIONS_H
#define REBIAS_CLI_LEARN_OPTIONS_H

#include "options.h"
#include "output.h"
#include "rebias/images.h"
#include "rebias/learn.h"

/* clang-format off */
#define LEARN_TASK_ROWS \
    {"task", 0, OPTION_TEXT, "TASK", "yinyang", 0, 0, \
     "yinyang, yinyang:K, permuted:IMAGES:K or split:IMAGES:K (K tasks)"}, \
    {"data", 0, OPTION_TEXT, "DIR", NULL, 0, 0, "look for the images here first"}

#define LEARN_RATE_ROWS(epochs_default, batch_default, rate_default, schedule_default) \
    {"epochs", 0, OPTION_INTEGER, "N", epochs_default, 1, 100000, \
     "passes over the samples of a task"}, \
    {"batch", 0, OPTION_INTEGER, "N", batch_default, 1, 65536, "samples an update"}, \
    {"rate", 0, OPTION_NUMBER, "R", rate_default, 1e-12, 1e6, "learning rate"}, \
    {"schedule", 0, OPTION_CHOICE, "constant|exponential|cosine", schedule_default, 0, 0, \
     "of the learning rate over the epochs of a task"}, \
    {"decay", 0, OPTION_NUMBER, "F", "0.9", 1e-6, 1, "factor an epoch of schedule exponential"}
/* clang-format on */

/* Tasks, and the images that they come from (NULL: generated). */
struct learn_source {
    struct rebias_image_set *set;
    struct rebias_learn_tasks *tasks;
};

/* *source = the tasks of --task with --data and --seed; to be cleared also on failure. */
int learn_source_open(struct learn_source *source, const char *name,
                      const struct arguments *arguments, struct rebias_error *err);
/* *source = the images NAME as one task, the last sixth of the training images for validation.
 */
int learn_source_images(struct learn_source *source, const char *name,
                        const struct arguments *arguments, struct rebias_error *err);
void learn_source_clear(struct learn_source *source);

/* *architecture from --layers and --activation (default: inputs, `hidden`, classes). */
int learn_architecture(struct rebias_architecture *architecture,
                       const struct learn_source *source, const char *hidden,
                       const struct arguments *arguments, struct rebias_error *err);

/* What all runs print before the numbers; inputs as in provenance_make. */
int learn_provenance(struct provenance *provenance, const struct arguments *arguments,
                     const char *input, const struct learn_source *source,
                     struct rebias_error *err);

/* Before the work: -o can be written, and is not stdout, where the table goes. */
int learn_check_output(const struct arguments *arguments, struct rebias_error *err);

/* Writes the networks to -o, when it is given. */
int learn_save(struct rebias_weights_set *networks, const struct provenance *provenance,
               const struct arguments *arguments, struct rebias_error *err);

/* Mean and sample standard deviation (0 for n = 1) of x[0], x[step] ... x[(n - 1) step]. */
struct learn_spread {
    double mean, sd;
};
struct learn_spread learn_spread_of(const double *x, size_t n, size_t step);

#endif
