/* small_set.h - the reduced task "mnist-small" (internal to datasets). */
#ifndef REBIAS_DATASETS_SMALL_SET_H
#define REBIAS_DATASETS_SMALL_SET_H

#include "rebias/images.h"

/* Fills an empty set; on failure the caller clears it. */
int rebias_small_set_fill(struct rebias_image_set *set, const char *data_dir,
                          struct rebias_error *err);

/* The generated digits alone. */
int rebias_small_set_generate(struct rebias_image_set *set, struct rebias_error *err);

#endif
