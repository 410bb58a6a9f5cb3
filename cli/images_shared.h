/* images_shared.h - image sets that several parts of one process use, loaded once. */
#ifndef REBIAS_CLI_IMAGES_SHARED_H
#define REBIAS_CLI_IMAGES_SHARED_H

#include "rebias/images.h"

/* *set = the set of rebias_image_set_load, to be given back: loaded when nobody has it at the
 * moment. May be called from several threads at once. */
int images_take(struct rebias_image_set **set, const char *name, const char *data_dir,
                struct rebias_error *err);
void images_give(struct rebias_image_set *set);

/* From now on sets that nobody has are kept for the next taker, until images_drop. */
void images_keep(void);
void images_drop(void);

#endif
