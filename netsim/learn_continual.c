/* learn_continual.c - networks trained task after task.
 * 1. results   2. one network   3. run
 */
#include "rebias/base.h"
#include "rebias/learn.h"
#include <stdlib.h>

/* -- 1. results -- */

void rebias_continual_free(struct rebias_continual *continual)
{
    if (continual == NULL) {
        return;
    }
    free(continual->test);
    free(continual->validation);
    rebias_weights_set_free(continual->networks);
    free(continual);
}

static int new_continual(struct rebias_continual **out, size_t seeds, size_t tasks,
                         struct rebias_error *err)
{
    struct rebias_continual *c = NULL;
    *out = NULL;
    int status = rebias_alloc(&c, 1, sizeof *c, err);
    if (status != REBIAS_OK) {
        return status;
    }
    c->seeds = seeds;
    c->tasks = tasks;
    status = rebias_alloc(&c->test, seeds * tasks * tasks, sizeof *c->test, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&c->validation, seeds * tasks, sizeof *c->validation, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_weights_set_new(&c->networks, seeds, err);
    }
    if (status != REBIAS_OK) {
        rebias_continual_free(c);
        return status;
    }
    *out = c;
    return REBIAS_OK;
}

/* -- 2. one network -- */

struct run {
    const struct rebias_continual_plan *plan;
    const struct rebias_learn_tasks *tasks;
    struct rebias_continual *continual;
};

/* Accuracies on one part of every task. */
static void test_tasks(const struct run *run, struct rebias_learner *learner, size_t part,
                       double *accuracy)
{
    for (size_t k = 0; k < run->tasks->count; k++) {
        const struct rebias_samples samples = rebias_learn_samples(&run->tasks->part[k][part]);
        accuracy[k] = rebias_learner_accuracy(learner, &samples);
    }
}

/* Training on one task, tests on all; the last task needs no protection. */
static int run_stage(const struct run *run, struct rebias_learner *learner, size_t seed,
                     size_t stage, struct rebias_error *err)
{
    const size_t tasks = run->tasks->count;
    const struct rebias_samples train =
        rebias_learn_samples(&run->tasks->part[stage][REBIAS_LEARN_TRAIN]);
    int status = rebias_learner_train(learner, &train, err);
    if (status == REBIAS_OK && run->plan->options.lambda > 0.0 && stage + 1 < tasks) {
        status = rebias_learner_consolidate(learner, &train, err);
    }
    if (status == REBIAS_OK) {
        test_tasks(run, learner, REBIAS_LEARN_TEST,
                   run->continual->test + (seed * tasks + stage) * tasks);
    }
    return status;
}

static int run_seed(void *context, size_t seed, struct rebias_error *err)
{
    const struct run *run = context;
    const size_t tasks = run->tasks->count;
    struct rebias_weights *weights = &run->continual->networks->network[seed];
    struct rebias_learn_options options = run->plan->options;
    struct rebias_learner *learner = NULL;
    options.replicate += (uint32_t)seed;
    int status = rebias_learner_new(&learner, run->plan->architecture, &options, err);
    for (size_t stage = 0; stage < tasks && status == REBIAS_OK; stage++) {
        status = run_stage(run, learner, seed, stage, err);
    }
    if (status == REBIAS_OK) {
        test_tasks(run, learner, REBIAS_LEARN_VALIDATION,
                   run->continual->validation + seed * tasks);
        status = rebias_learner_weights(learner, weights, err);
    }
    if (status == REBIAS_OK) {
        weights->input_mean = run->tasks->input_mean;
        weights->input_sd = run->tasks->input_sd;
    }
    rebias_learner_free(learner);
    return status;
}

/* -- 3. run -- */

static int check_plan(const struct rebias_continual_plan *plan, struct rebias_error *err)
{
    const struct rebias_architecture *a = plan->architecture;
    if (plan->seeds < 1 || plan->seeds > 100000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu seeds are not possible (1 to 100000)",
                           plan->seeds);
    }
    if (a->inputs != plan->tasks->inputs || a->outputs < plan->tasks->classes) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu inputs and %zu outputs, the tasks need %zu and "
                           "at least %zu",
                           a->inputs, a->outputs, plan->tasks->inputs, plan->tasks->classes);
    }
    return rebias_learn_options_check(&plan->options, err);
}

int rebias_continual_run(struct rebias_continual **out,
                         const struct rebias_continual_plan *plan, struct rebias_error *err)
{
    struct run run = {plan, plan->tasks, NULL};
    *out = NULL;
    int status = check_plan(plan, err);
    if (status == REBIAS_OK) {
        status = new_continual(&run.continual, plan->seeds, plan->tasks->count, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(plan->seeds, plan->threads, run_seed, &run, plan->progress,
                                     plan->progress_context, err);
    }
    if (status != REBIAS_OK) {
        rebias_continual_free(run.continual);
        return status;
    }
    *out = run.continual;
    return REBIAS_OK;
}
