/* bias_studies.h - the studies of one `rebias bias`: one a target, or one a method with given
 * pulses. */
#ifndef REBIAS_CLI_BIAS_STUDIES_H
#define REBIAS_CLI_BIAS_STUDIES_H

#include "bias_targets.h"
#include "options.h"
#include "rebias/bias.h"

/* One target and what its study found; all but the images and pulses is owned. */
struct bias_study {
    struct rebias_bias_options options;
    struct rebias_device *target;
    struct rebias_family *family;
    struct rebias_bias_result *result;
};

struct bias_studies {
    size_t count;
    struct bias_study *study;
    struct target_list targets;
    struct rebias_pulses *pulses;
};

/* Opens the targets that the arguments name, or fits one to all pulses by each method. Each
 * study gets `options` with its own target, source and, from pulses, its one method. What is
 * there after a failure is the caller's as well: bias_studies_free. */
int bias_studies_open(struct bias_studies *studies, const struct arguments *arguments,
                      const struct rebias_bias_options *options, struct rebias_error *err);

/* What their networks learn: mapped training on the set, or MGD; both NULL: no networks. */
void bias_studies_learn(struct bias_studies *studies, const struct rebias_image_set *set,
                        const struct rebias_bias_mgd *mgd);

/* Runs them one after the other. */
int bias_studies_run(struct bias_studies *studies, const struct arguments *arguments,
                     struct rebias_error *err);

void bias_studies_free(struct bias_studies *studies);

#endif
