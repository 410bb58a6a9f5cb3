/* mgd_data.h - what MGD learns: a generated task, or images. */
#ifndef REBIAS_CLI_MGD_DATA_H
#define REBIAS_CLI_MGD_DATA_H

#include "options.h"
#include "rebias/images.h"
#include "rebias/mgd.h"
#include "rebias/tasks.h"
#include <stdio.h>

struct mgd_source {
    struct rebias_task *task;     /* NULL: images */
    struct rebias_image_set *set; /* NULL: a task */
    float *target[2];             /* one-hot of the training and test images */
    struct rebias_mgd_data train;
    struct rebias_mgd_data test; /* a task's own patterns again */
};

/* From --task, or --images, --data, --train-images and (with `tests`) --test-images; one_hot:
 * images get targets. source is to be cleared also on failure. */
int mgd_source_open(struct mgd_source *source, const struct arguments *arguments, bool one_hot,
                    bool tests, struct rebias_error *err);
void mgd_source_clear(struct mgd_source *source);

/* Words that tell these data from all others. */
void mgd_source_label(const struct mgd_source *source, FILE *out);

#endif
