/* learn_support.h - what the tests of software learning share. */
#ifndef REBIAS_TESTS_LEARN_SUPPORT_H
#define REBIAS_TESTS_LEARN_SUPPORT_H

#include "support.h"

#include "rebias/learn.h"

/* An architecture of dense layers with cross-entropy, which must be good. */
static inline void learn_parse(struct rebias_architecture *a, const char *text,
                               enum rebias_transfer hidden)
{
    struct rebias_error err = {0};
    support_expect(rebias_architecture_parse(a, text, hidden, REBIAS_TRANSFER_NONE,
                                             REBIAS_COST_CROSS_ENTROPY, 0.0, &err),
                   REBIAS_OK, &err, NULL);
}

#endif
