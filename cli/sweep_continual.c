/* sweep_continual.c - a cell of job continual: one network, trained task after task. */
#include "commands.h"
#include "continual_setup.h"
#include "sweep_job.h"
#include <stdio.h>

static int open_continual(void *context, const struct arguments *a, struct rebias_error *err)
{
    return continual_setup_open(context, a, err);
}

static void clear_continual(void *context)
{
    continual_setup_clear(context);
}

static const struct rebias_image_set *images_of(const void *context)
{
    const struct continual_setup *setup = context;
    return setup->source.set;
}

static double cost_of(const void *context, bool target)
{
    (void)target;
    const struct continual_setup *setup = context;
    const struct rebias_learn_tasks *tasks = setup->source.tasks;
    double samples = 0.0;
    for (size_t k = 0; k < tasks->count; k++) {
        samples += (double)rebias_learn_samples(&tasks->part[k][REBIAS_LEARN_TRAIN]).n;
    }
    return samples * (double)setup->options.epochs * (double)setup->architecture.parameters;
}

static int add_stages(const struct sweep_task *task, const struct rebias_continual *c,
                      struct rebias_error *err)
{
    const size_t k = c->tasks;
    char name[SWEEP_NAME];
    double mean = 0.0;
    double validation = 0.0;
    int status = REBIAS_OK;
    for (size_t stage = 0; stage < k; stage++) {
        for (size_t t = 0; t < k && status == REBIAS_OK; t++) {
            snprintf(name, sizeof name, "task%zu", t + 1);
            status = sweep_add(task, name, (double)stage + 1.0, c->test[stage * k + t], err);
        }
    }
    mean = learn_spread_of(c->test + k * (k - 1), k, 1).mean;
    validation = learn_spread_of(c->validation, k, 1).mean;
    status = status == REBIAS_OK ? sweep_add(task, "accuracy", 0.0, mean, err) : status;
    return status == REBIAS_OK ? sweep_add(task, "validation", 0.0, validation, err) : status;
}

static int work(void *context, const struct sweep_task *task, struct rebias_error *err)
{
    const struct continual_setup *setup = context;
    struct rebias_continual_plan plan = {.tasks = setup->source.tasks,
                                         .architecture = &setup->architecture,
                                         .options = setup->options,
                                         .seeds = 1,
                                         .threads = 1,
                                         .progress = task->progress,
                                         .progress_context = task->progress_context};
    struct rebias_continual *c = NULL;
    plan.options.replicate = task->replicate;
    int status = rebias_continual_run(&c, &plan, err);
    if (status == REBIAS_OK) {
        status = add_stages(task, c, err);
    }
    rebias_continual_free(c);
    return status;
}

static const char *const left_out[] = {"seeds", "output", NULL};

const struct sweep_job sweep_continual = {.command = continual_commands,
                                          .left_out = left_out,
                                          .size = sizeof(struct continual_setup),
                                          .open = open_continual,
                                          .clear = clear_continual,
                                          .images = images_of,
                                          .cost = cost_of,
                                          .work = work};
