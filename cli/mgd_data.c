/* mgd_data.c - what MGD learns: a generated task, or images.
 * 1. tasks   2. images   3. either
 */
#include "images_shared.h"
#include "mgd_data.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. tasks -- */

static void fill_patterns(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_task *task = context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * task->inputs, task->input + (size_t)index[i] * task->inputs,
               task->inputs * sizeof *x);
    }
}

static int open_task(struct mgd_source *source, const char *name, struct rebias_error *err)
{
    int status = rebias_task_new(&source->task, name, err);
    if (status == REBIAS_OK) {
        const struct rebias_task *task = source->task;
        source->train = (struct rebias_mgd_data){
            .n = task->n,
            .inputs = task->inputs,
            .outputs = task->outputs,
            .fill = fill_patterns,
            .context = task,
            .target = task->target,
            /* with one output no label is an output's number */
            .label = task->outputs == task->classes ? task->label : NULL};
        source->test = source->train;
    }
    return status;
}

/* -- 2. images -- */

REBIAS_SIMD static void scale_bytes(size_t n, const uint8_t *pixel, float scale, float *x)
{
#pragma omp simd
    for (size_t k = 0; k < n; k++) {
        x[k] = (float)pixel[k] * scale;
    }
}

static void fill_pixels(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_images *images = context;
    const size_t size = rebias_images_size(images);
    const float scale = 1.0f / 255.0f;
    for (size_t i = 0; i < n; i++) {
        scale_bytes(size, images->pixels + (size_t)index[i] * size, scale, x + i * size);
    }
}

static int make_targets(float **target, const struct rebias_images *images, size_t classes,
                        struct rebias_error *err)
{
    int status = rebias_alloc(target, images->n * classes, sizeof **target, err);
    for (size_t i = 0; i < images->n && status == REBIAS_OK; i++) {
        (*target)[i * classes + images->labels[i]] = 1.0f;
    }
    return status;
}

static int use_images(struct rebias_mgd_data *data, const struct rebias_images *images,
                      size_t classes, int64_t wanted, const char *which,
                      struct rebias_error *err)
{
    if ((size_t)wanted > images->n) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu %s images asked for, the data set has %zu",
                           (size_t)wanted, which, images->n);
    }
    *data = (struct rebias_mgd_data){.n = wanted > 0 ? (size_t)wanted : images->n,
                                     .inputs = rebias_images_size(images),
                                     .outputs = classes,
                                     .fill = fill_pixels,
                                     .context = images,
                                     .label = images->labels};
    return REBIAS_OK;
}

static int open_images(struct mgd_source *source, const struct arguments *a, bool one_hot,
                       bool tests, struct rebias_error *err)
{
    int status =
        images_take(&source->set, argument_text(a, "images"), argument_text(a, "data"), err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct rebias_images *train = &source->set->train;
    const struct rebias_images *test = &source->set->test;
    const int64_t wanted = tests ? argument_integer(a, "test-images") : 0;
    const size_t classes = train->classes > test->classes ? train->classes : test->classes;
    status = use_images(&source->train, train, classes, argument_integer(a, "train-images"),
                        "training", err);
    if (status == REBIAS_OK) {
        status = use_images(&source->test, test, classes, wanted, "test", err);
    }
    if (status == REBIAS_OK && one_hot) {
        status = make_targets(&source->target[0], train, classes, err);
    }
    if (status == REBIAS_OK && one_hot) {
        status = make_targets(&source->target[1], test, classes, err);
    }
    source->train.target = source->target[0];
    source->test.target = source->target[1];
    return status;
}

/* -- 3. either -- */

int mgd_source_open(struct mgd_source *source, const struct arguments *arguments, bool one_hot,
                    bool tests, struct rebias_error *err)
{
    static const char *const image_options[] = {"images", "data", "train-images",
                                                "test-images"};
    const char *task = argument_text(arguments, "task");
    *source = (struct mgd_source){0};
    if (task == NULL) {
        return open_images(source, arguments, one_hot, tests, err);
    }
    const size_t all = sizeof image_options / sizeof image_options[0];
    for (size_t i = 0; i < (tests ? all : all - 1); i++) {
        if (argument_given(arguments, image_options[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with --task",
                               image_options[i]);
        }
    }
    return open_task(source, task, err);
}

void mgd_source_clear(struct mgd_source *source)
{
    rebias_task_free(source->task);
    images_give(source->set);
    free(source->target[0]);
    free(source->target[1]);
    *source = (struct mgd_source){0};
}

void mgd_source_label(const struct mgd_source *source, FILE *out)
{
    if (source->task != NULL) {
        fprintf(out, "task %s", source->task->name);
        return;
    }
    fprintf(out, "images %s %zu %zu", source->set->source, source->train.n, source->test.n);
    for (int i = 0; i < REBIAS_SET_FILES && source->set->checksum[i][0] != '\0'; i++) {
        fprintf(out, " %s", source->set->checksum[i]);
    }
}
