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

/* What learning a sequence of tasks, which must be good, brought. */
static inline struct rebias_continual *learn_run(const struct rebias_learn_tasks *tasks,
                                                 const struct rebias_architecture *a,
                                                 const struct rebias_learn_options *options,
                                                 size_t seeds, int threads)
{
    struct rebias_error err = {0};
    struct rebias_continual *continual = NULL;
    const struct rebias_continual_plan plan = {.tasks = tasks,
                                               .architecture = a,
                                               .options = *options,
                                               .seeds = seeds,
                                               .threads = threads};
    support_expect(rebias_continual_run(&continual, &plan, &err), REBIAS_OK, &err, NULL);
    return continual;
}

#endif
