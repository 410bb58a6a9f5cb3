/* experiment.h - sweeps as text: which job, its options, and the lists that span the grid.
 *
 *     job = bias
 *     replicates = 10
 *     [options]
 *     images = mnist-small
 *     [grid]
 *     points = 100, 300, 1000
 *     method = binning:20, kriging
 *
 * Before the first section: job, replicates (default 1, 1 to 1000000), first-replicate (default
 * 0) and title, free words. [options]: options of the command of the job's name, without
 * dashes; flags take yes or no. [grid]: the same, with lists; every combination is one
 * configuration. Values of a list are separated by a comma and a blank (or line end): a comma
 * without belongs to the value, as in layers = 784,100,10, 784,50,10. A list goes on behind a
 * comma on an indented line; elsewhere indentation means nothing. Lines starting with # or ;
 * are remarks, as is what follows a blank and ;. A line has at most 198 bytes.
 */
#ifndef REBIAS_EXPERIMENT_H
#define REBIAS_EXPERIMENT_H

#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One option with its values: one from [options], several from [grid]. */
struct rebias_experiment_key {
    char *name;
    char **value;
    size_t count;
    size_t line; /* where it was given; 0: by an override */
    bool grid;
};

struct rebias_experiment {
    char *path;
    char *job;
    char *title; /* "" when none */
    uint32_t replicates, first_replicate;
    struct rebias_experiment_key *keys; /* ascending by name */
    size_t key_count;
    size_t configurations; /* product of the counts */
};

/* *out = the experiment in a file; overrides "key=value" take the place of the file's keys
 * (lists allowed where the key is in [grid]) or, where it has no such key, are added to
 * [options]. Errors, with file, line and key: REBIAS_E_FORMAT for lines that are no key =
 * value, unknown sections and top keys, a missing job, repeated keys, empty values, lists
 * outside of [grid], repeated values in a list, more than 10 million configurations. Wrong
 * overrides: REBIAS_E_RANGE, without a file. Whether the job knows an option is the caller's to
 * check. Owner: the caller. */
int rebias_experiment_load(struct rebias_experiment **out, const char *path,
                           const char *const *overrides, size_t override_count,
                           struct rebias_error *err);
void rebias_experiment_free(struct rebias_experiment *experiment);

/* value[key_count] = the values of configuration number `number` (0 .. configurations - 1; the
 * last key varies fastest). Borrowed. */
void rebias_experiment_configuration(const struct rebias_experiment *experiment, size_t number,
                                     const char **value);

#ifdef __cplusplus
}
#endif
#endif
