/* bias_targets.h - the list of `rebias bias --target`. */
#ifndef REBIAS_CLI_BIAS_TARGETS_H
#define REBIAS_CLI_BIAS_TARGETS_H

#include "rebias/base.h"

/* Specifications of devices; start as all zero. */
struct target_list {
    struct rebias_buffer specs; /* char *, owned */
};

/* Splits text at commas; a piece with '=' before any ':' belongs to the one before it, as in
 * "gaussian:mean=1e-9,sd=1e-10,tiox-1.5V" (two). A piece with '*' stands for all presets that
 * it matches, in their order. The name of an existing file is one target, commas or not.
 * REBIAS_E_NAME for an empty piece or a pattern without match. */
int target_list_parse(struct target_list *list, const char *text, struct rebias_error *err);
void target_list_free(struct target_list *list);

#endif
