/* experiment_values.h - lists of values (internal to sweep). */
#ifndef REBIAS_SWEEP_EXPERIMENT_VALUES_H
#define REBIAS_SWEEP_EXPERIMENT_VALUES_H

#include "rebias/experiment.h"

/* The key's values from "a, b, c"; the key owns them also on failure. */
int rebias_experiment_split(struct rebias_experiment_key *key, const char *text,
                            struct rebias_error *err);

/* What is wrong about a key's values, and why; NULL: nothing. */
const char *rebias_experiment_wrong_value(const struct rebias_experiment_key *key,
                                          const char **why);

void rebias_experiment_clear_key(struct rebias_experiment_key *key);

#endif
