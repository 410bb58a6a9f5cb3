/* sweep_bias.c - a cell of job bias: one network on a model, or on the target. */
#include "bias_setup.h"
#include "commands.h"
#include "rebias/bias_cells.h"
#include "sweep_job.h"
#include <string.h>

static int check_one(size_t count, const char *what, struct rebias_error *err)
{
    return count == 1 ? REBIAS_OK
                      : rebias_fail(err, REBIAS_E_RANGE,
                                    "%zu %s in one cell: a list stands below [grid], its "
                                    "values separated by a comma and a blank",
                                    count, what);
}

/* From the target; measured pulses and bootstrap tables have the points that they have. */
static bool draws_points(const struct arguments *a)
{
    return !argument_given(a, "pulses") && !argument_flag(a, "bootstrap");
}

static const char *shown(const struct arguments *a, const char *name)
{
    if (strcmp(name, "points") == 0 && !draws_points(a)) {
        return NULL;
    }
    if (strcmp(name, "method") == 0 && argument_flag(a, "bootstrap")) {
        return "bootstrap";
    }
    return argument_text(a, name);
}

static const struct rebias_bias_options *study_of(const struct bias_setup *setup)
{
    return &setup->studies.study[0].options;
}

static int open_bias(void *context, const struct arguments *a, struct rebias_error *err)
{
    struct bias_setup *setup = context;
    int status = bias_setup_read(setup, a, err);
    if (status == REBIAS_OK) {
        status = check_one(setup->options.methods, "methods", err);
    }
    if (status == REBIAS_OK && draws_points(a)) {
        status = check_one(setup->options.point_counts, "numbers of points", err);
    }
    if (status == REBIAS_OK) {
        status = bias_setup_open(setup, a, err);
    }
    if (status == REBIAS_OK) {
        status = check_one(setup->studies.count, "targets", err);
    }
    return status == REBIAS_OK && setup->set != NULL
               ? rebias_train_check(&study_of(setup)->network, setup->set,
                                    &study_of(setup)->train, err)
               : status;
}

static void clear_bias(void *context)
{
    bias_setup_clear(context);
}

static const struct rebias_image_set *images_of(const void *context)
{
    return bias_setup_images(context);
}

static bool has_networks(const void *context)
{
    const struct rebias_bias_options *o = study_of(context);
    return o->set != NULL || o->mgd != NULL;
}

/* In weights trained by one image: a fit and its device metrics are worth as much as about so
 * many. */
static double cost_of(const void *context, bool target)
{
    const double fit = 1e8;
    const struct rebias_bias_options *o = study_of(context);
    const double model = target ? 0.0 : fit;
    double weights = 0.0;
    if (o->mgd != NULL) {
        return model + (double)o->mgd->options->steps * (double)o->mgd->options->batch *
                           (double)o->mgd->architecture->parameters;
    }
    if (o->set == NULL) {
        return model;
    }
    for (size_t l = 0; l < o->network.layers; l++) {
        weights += (double)o->network.sizes[l] * (double)o->network.sizes[l + 1];
    }
    const size_t images = o->train.train_images > 0 ? o->train.train_images : o->set->train.n;
    return model + (double)o->train.epochs * (double)images * weights;
}

static int work(void *context, const struct sweep_task *task, struct rebias_error *err)
{
    const struct rebias_bias_options *o = study_of(context);
    struct rebias_store_value values[REBIAS_BIAS_VALUES];
    struct rebias_bias_run run = {.method = task->target ? -1 : 0,
                                  .points = task->target ? 0 : o->points[0],
                                  .replicate = task->replicate};
    int status = rebias_bias_run_one(&run, o, task->progress, task->progress_context, err);
    const size_t count = status == REBIAS_OK ? rebias_bias_run_values(&run, values) : 0;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = sweep_add(task, values[i].name, values[i].position, values[i].value, err);
    }
    return status;
}

static const char *const left_out[] = {"replicates",  "level",  "resamples", "metrics",
                                       "correlation", "output", "figure",    NULL};
static const char *const not_of_target[] = {"method",  "points", "filter",    "censored",
                                            "weights", "blocks", "bootstrap", NULL};

const struct sweep_job sweep_bias = {.command = bias_commands,
                                     .left_out = left_out,
                                     .not_of_target = not_of_target,
                                     .shown = shown,
                                     .size = sizeof(struct bias_setup),
                                     .open = open_bias,
                                     .clear = clear_bias,
                                     .images = images_of,
                                     .has_target = has_networks,
                                     .cost = cost_of,
                                     .work = work};
