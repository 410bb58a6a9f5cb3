/* sweep_train.c - a cell of job train: one network, mapped, in software or by MGD.
 * 1. set-up   2. gradients   3. MGD   4. the job
 */
#include "commands.h"
#include "mgd_options.h"
#include "mgd_training.h"
#include "sweep_job.h"
#include "train_setup.h"
#include <stdlib.h>

/* -- 1. set-up -- */

struct setup {
    bool by_mgd;
    struct train_setup gradients;
    struct mgd_setup mgd;
};

static int open_train(void *context, const struct arguments *a, struct rebias_error *err)
{
    struct setup *setup = context;
    setup->by_mgd = argument_choice(a, "trainer") == TRAIN_MGD;
    int status = setup->by_mgd ? mgd_check_mode(a, err) : train_setup_check(a, err);
    if (status == REBIAS_OK && !setup->by_mgd) {
        const struct train_setup *g = &setup->gradients;
        status = train_setup_open(&setup->gradients, a, err);
        return status == REBIAS_OK ? rebias_train_check(&g->network, g->set, &g->options, err)
                                   : status;
    }
    if (status == REBIAS_OK) {
        status = mgd_setup_open(&setup->mgd, a, true, err);
    }
    return status == REBIAS_OK ? mgd_read_training(&setup->mgd.options, a, err) : status;
}

static void clear_train(void *context)
{
    struct setup *setup = context;
    if (setup->by_mgd) {
        mgd_setup_clear(&setup->mgd);
    } else {
        train_setup_clear(&setup->gradients);
    }
}

static const struct rebias_image_set *images_of(const void *context)
{
    const struct setup *setup = context;
    return setup->by_mgd ? setup->mgd.source.set : setup->gradients.set;
}

static double cost_of(const void *context, bool target)
{
    (void)target;
    const struct setup *setup = context;
    const struct train_setup *g = &setup->gradients;
    double weights = 0.0;
    if (setup->by_mgd) {
        const struct rebias_mgd_options *o = &setup->mgd.options;
        return (double)o->steps * (double)o->batch * (double)setup->mgd.architecture.parameters;
    }
    for (size_t l = 0; l < g->network.layers; l++) {
        weights += (double)g->network.sizes[l] * (double)g->network.sizes[l + 1];
    }
    const size_t images =
        g->options.train_images > 0 ? g->options.train_images : g->set->train.n;
    return (double)g->options.epochs * (double)images * weights;
}

/* -- 2. gradients -- */

static int add_epoch(const struct sweep_task *task, size_t number,
                     const struct rebias_epoch *epoch, struct rebias_error *err)
{
    const double position = (double)number;
    int status = sweep_add(task, "accuracy", position, epoch->test_accuracy, err);
    if (status == REBIAS_OK) {
        status = sweep_add(task, "loss", position, epoch->test_loss, err);
    }
    if (status == REBIAS_OK) {
        status = sweep_add(task, "train_loss", position, epoch->train_loss, err);
    }
    return status == REBIAS_OK ? sweep_add(task, "pulses", position, (double)epoch->pulses, err)
                               : status;
}

static int work_gradients(const struct train_setup *setup, const struct sweep_task *task,
                          struct rebias_error *err)
{
    struct rebias_network_options network_options = setup->network;
    struct rebias_train_options options = setup->options;
    struct rebias_network *network = NULL;
    struct rebias_epoch *epochs = NULL;
    network_options.replicate = options.replicate = task->replicate;
    int status = rebias_alloc(&epochs, options.epochs, sizeof *epochs, err);
    if (status == REBIAS_OK) {
        status = rebias_network_new(&network, &network_options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_train(network, setup->set, &options, epochs, task->progress,
                              task->progress_context, err);
    }
    for (size_t e = 0; e < options.epochs && status == REBIAS_OK; e++) {
        status = add_epoch(task, e + 1, &epochs[e], err);
    }
    rebias_network_free(network);
    free(epochs);
    return status;
}

/* -- 3. MGD -- */

static int add_look(const struct sweep_task *task, const struct rebias_mgd_look *look,
                    struct rebias_error *err)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {{"accuracy", look->accuracy},       {"cost", look->cost},
                {"train_cost", look->train_cost},   {"pulses", (double)look->pulses},
                {"updates", (double)look->updates}, {"evaluations", (double)look->evaluations}};
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == REBIAS_OK; i++) {
        status = sweep_add(task, rows[i].name, (double)look->step, rows[i].value, err);
    }
    return status;
}

static int work_mgd(const struct mgd_setup *setup, const struct sweep_task *task,
                    struct rebias_error *err)
{
    struct rebias_mgd_options options = setup->options;
    struct rebias_mgd_result *result = NULL;
    options.replicate = task->replicate;
    options.threads = 1;
    int status = rebias_mgd_train(&result, &setup->architecture, &setup->source.train,
                                  &setup->source.test, &options, NULL, task->progress,
                                  task->progress_context, err);
    if (status == REBIAS_OK) {
        status = sweep_add(task, "reached", 0.0, result->reached ? 1.0 : 0.0, err);
    }
    for (size_t i = 0; status == REBIAS_OK && i < result->look_count; i++) {
        status = add_look(task, &result->looks[i], err);
    }
    rebias_mgd_result_free(result);
    return status;
}

/* -- 4. the job -- */

static int work(void *context, const struct sweep_task *task, struct rebias_error *err)
{
    const struct setup *setup = context;
    return setup->by_mgd ? work_mgd(&setup->mgd, task, err)
                         : work_gradients(&setup->gradients, task, err);
}

static const char *const left_out[] = {"replicate", "visits", "visit-levels", "ternary",
                                       "threshold", "seeds",  "checkpoint",   "every",
                                       "hardware",  "output", "figure",       NULL};

const struct sweep_job sweep_train = {.command = train_commands,
                                      .left_out = left_out,
                                      .size = sizeof(struct setup),
                                      .open = open_train,
                                      .clear = clear_train,
                                      .images = images_of,
                                      .cost = cost_of,
                                      .work = work};
