/* sweep_deploy.c - a cell of job deploy: one deployment of a case. */
#include "commands.h"
#include "deploy_plan.h"
#include "sweep_job.h"
#include <pthread.h>

struct setup {
    struct deploy_plan plan;
    pthread_mutex_t lock; /* over software */
    bool tested;
    double software; /* accuracy without devices, once tested */
};

static int open_deploy(void *context, const struct arguments *a, struct rebias_error *err)
{
    struct setup *setup = context;
    pthread_mutex_init(&setup->lock, NULL);
    int status = deploy_plan_read(&setup->plan, a, err);
    if (status == REBIAS_OK && setup->plan.cell_count != 1) {
        status = rebias_fail(err, REBIAS_E_RANGE,
                             "%zu cases in one cell: lists of method, alpha, beta and stuck "
                             "stand below [grid], their values separated by a comma and a "
                             "blank",
                             setup->plan.cell_count);
    }
    return status == REBIAS_OK ? deploy_plan_load_samples(&setup->plan, err) : status;
}

static void clear_deploy(void *context)
{
    struct setup *setup = context;
    deploy_plan_clear(&setup->plan);
    pthread_mutex_destroy(&setup->lock);
}

static const struct rebias_image_set *images_of(const void *context)
{
    const struct setup *setup = context;
    return setup->plan.images;
}

/* Weights written and read, for all samples. */
static double cost_of(const void *context, bool target)
{
    (void)target;
    const struct setup *setup = context;
    const struct deploy_plan *plan = &setup->plan;
    const struct rebias_weights *network = &plan->networks->network[0];
    double weights = 0.0;
    double samples = 1000.0; /* of writing, about */
    for (size_t l = 0; l < network->layers; l++) {
        weights += (double)network->layer[l].inputs * (double)network->layer[l].outputs;
    }
    for (size_t t = 0; t < plan->tasks; t++) {
        samples += (double)plan->n[t];
    }
    return weights * samples * (double)plan->cells[0].alpha;
}

static int test_software(struct setup *setup, struct rebias_error *err)
{
    int status = REBIAS_OK;
    pthread_mutex_lock(&setup->lock);
    if (!setup->tested) {
        status = deploy_software(&setup->plan, deploy_committee(&setup->plan.cells[0]),
                                 &setup->software, err);
        setup->tested = status == REBIAS_OK;
    }
    pthread_mutex_unlock(&setup->lock);
    return status;
}

static int add_run(const struct setup *setup, const struct sweep_task *task,
                   const struct deploy_run *run, struct rebias_error *err)
{
    const struct deploy_plan *plan = &setup->plan;
    const bool tuned = plan->cells[0].way->tuned;
    const bool programmed = plan->device != NULL;
    const struct {
        const char *name;
        double value;
        bool used;
    } numbers[] = {
        {"accuracy", run->mean_accuracy, true},
        {"software", setup->software, true},
        {"mapping_error", run->mapping_error, true},
        {"devices", (double)run->devices, true},
        {"verify_success", run->verify_success, programmed},
        {"verify_pulses", run->verify_pulses, programmed},
        {"accuracy_before", run->accuracy_before, tuned},
        {"mapping_error_before", run->mapping_error_before, tuned},
        {"tune_pulses", run->pulses, tuned},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        if (numbers[i].used) {
            status = sweep_add(task, numbers[i].name, 0.0, numbers[i].value, err);
        }
    }
    for (size_t t = 0; t < plan->tasks && status == REBIAS_OK; t++) {
        status = sweep_add(task, "task_accuracy", (double)t + 1.0, run->accuracy[t], err);
    }
    return status;
}

static int work(void *context, const struct sweep_task *task, struct rebias_error *err)
{
    struct setup *setup = context;
    struct deploy_run run;
    int status = test_software(setup, err);
    if (status == REBIAS_OK) {
        status = deploy_run_one(&setup->plan, 0, task->replicate, &run, err);
    }
    return status == REBIAS_OK ? add_run(setup, task, &run, err) : status;
}

static const char *const left_out[] = {"replicates", "output", "figure", NULL};

const struct sweep_job sweep_deploy = {.command = deploy_commands,
                                       .word = "network",
                                       .left_out = left_out,
                                       .size = sizeof(struct setup),
                                       .open = open_deploy,
                                       .clear = clear_deploy,
                                       .images = images_of,
                                       .cost = cost_of,
                                       .work = work};
