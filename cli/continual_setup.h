/* continual_setup.h - what `rebias continual` trains. */
#ifndef REBIAS_CLI_CONTINUAL_SETUP_H
#define REBIAS_CLI_CONTINUAL_SETUP_H

#include "learn_options.h"

struct continual_setup {
    struct learn_source source;
    struct rebias_architecture architecture;
    struct rebias_learn_options options;
};

/* *setup, all zero before, from the options; to be cleared also on failure. */
int continual_setup_open(struct continual_setup *setup, const struct arguments *arguments,
                         struct rebias_error *err);
void continual_setup_clear(struct continual_setup *setup);

#endif
