/* bias_setup.h - what one `rebias bias` works with: options, targets, what networks learn. */
#ifndef REBIAS_CLI_BIAS_SETUP_H
#define REBIAS_CLI_BIAS_SETUP_H

#include "bias_mgd.h"
#include "bias_studies.h"
#include "rebias/images.h"

struct bias_setup {
    struct rebias_bias_options options; /* of all studies */
    struct bias_studies studies;
    struct rebias_image_set *set; /* mapped training */
    struct bias_mgd mgd;          /* --trainer mgd */
};

/* The options, and whether they fit together; opens nothing. */
int bias_setup_read(struct bias_setup *setup, const struct arguments *arguments,
                    struct rebias_error *err);
/* Opens targets and data, so that the studies can run. */
int bias_setup_open(struct bias_setup *setup, const struct arguments *arguments,
                    struct rebias_error *err);
/* After either of them, also when it failed. */
void bias_setup_clear(struct bias_setup *setup);

/* The images that networks learn, NULL for none. */
const struct rebias_image_set *bias_setup_images(const struct bias_setup *setup);

#endif
