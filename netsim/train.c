/* train.c - mini-batch training on images.
 * 1. options   2. one epoch   3. the run
 */
#include "rebias/train.h"
#include "rebias/images.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. options -- */

struct rebias_train_options rebias_train_options_defaults(void)
{
    struct rebias_train_options o = {.epochs = 3,
                                     .batch = 64,
                                     .schedule = REBIAS_SCHEDULE_CONSTANT,
                                     .decay = 1.0,
                                     .seed = 1};
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        o.rate[l] = 0.1;
    }
    return o;
}

static int check_images(const struct rebias_images *images, size_t wanted, const char *what,
                        struct rebias_error *err)
{
    if (wanted > images->n) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu %s images asked for, the data set has %zu",
                           wanted, what, images->n);
    }
    return REBIAS_OK;
}

static int check_options(const struct rebias_train_options *o,
                         const struct rebias_image_set *set, struct rebias_error *err)
{
    if (o->epochs < 1 || o->epochs > 100000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu epochs are not possible (1 to 100000)",
                           o->epochs);
    }
    if (o->batch < 1) {
        return rebias_fail(err, REBIAS_E_RANGE, "a batch of 0 is not possible");
    }
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        if (!(o->rate[l] > 0.0 && isfinite(o->rate[l]))) {
            return rebias_fail(err, REBIAS_E_RANGE, "the learning rate %g is not above 0",
                               o->rate[l]);
        }
    }
    if (!(o->decay > 0.0 && o->decay <= 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the decay %g is not in (0, 1]", o->decay);
    }
    int status = check_images(&set->train, o->train_images, "training", err);
    return status == REBIAS_OK ? check_images(&set->test, o->test_images, "test", err) : status;
}

/* -- 2. one epoch -- */

struct run {
    struct rebias_network *network;
    const struct rebias_images *images;
    const struct rebias_train_options *options;
    size_t n; /* training images used */
    uint32_t *order;
    uint8_t *label; /* of one batch */
    rebias_progress *progress;
    void *progress_context;
};

double rebias_schedule_factor(enum rebias_schedule schedule, double decay, size_t epoch,
                              size_t epochs)
{
    if (schedule == REBIAS_SCHEDULE_EXPONENTIAL) {
        return pow(decay, (double)epoch);
    }
    if (schedule == REBIAS_SCHEDULE_COSINE) {
        return 0.5 * (1.0 + cos(M_PI * (double)epoch / (double)epochs));
    }
    return 1.0;
}

static int tell(const struct run *run, size_t done, struct rebias_error *err)
{
    if (run->progress != NULL &&
        run->progress(run->progress_context, done, run->options->epochs * run->n) != 0) {
        return rebias_fail(err, REBIAS_E_INTERRUPTED, "interrupted after %zu of %zu images",
                           done, run->options->epochs * run->n);
    }
    return REBIAS_OK;
}

static int run_epoch(const struct run *run, size_t epoch, struct rebias_epoch *result,
                     struct rebias_error *err)
{
    const struct rebias_train_options *o = run->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_ORDER, o->replicate, 0,
                                         (uint32_t)epoch};
    const size_t batches = (run->n + o->batch - 1) / o->batch;
    double rate[REBIAS_MAX_LAYERS];
    const double factor = rebias_schedule_factor(o->schedule, o->decay, epoch, o->epochs);
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        rate[l] = o->rate[l] * factor;
    }
    rebias_random_permutation(&stream, run->n, run->order);
    double loss = 0.0;
    *result = (struct rebias_epoch){.images = run->n};
    for (size_t b = 0; b < batches; b++) {
        const uint32_t *order = run->order + b * o->batch;
        size_t n = run->n - b * o->batch < o->batch ? run->n - b * o->batch : o->batch;
        for (size_t i = 0; i < n; i++) {
            run->label[i] = run->images->labels[order[i]];
        }
        rebias_network_set_images(run->network, run->images, n, order);
        rebias_network_forward(run->network, n);
        loss += rebias_network_backward(run->network, n, run->label) * (double)n;
        result->pulses +=
            rebias_network_update(run->network, n, rate, (uint32_t)(epoch * batches + b));
        int status = tell(run, epoch * run->n + b * o->batch + n, err);
        if (status != REBIAS_OK) {
            return status;
        }
        if (!isfinite(loss)) {
            return rebias_fail(err, REBIAS_E_NUMERIC,
                               "the loss is no longer finite in epoch %zu: lower the rate",
                               epoch + 1);
        }
    }
    result->train_loss = loss / (double)run->n;
    return REBIAS_OK;
}

/* -- 3. the run -- */

static int check_fit(const struct rebias_network_options *n, const struct rebias_image_set *set,
                     const struct rebias_train_options *o, struct rebias_error *err)
{
    const size_t pixels = rebias_images_size(&set->train);
    if (n->sizes[0] != pixels || n->sizes[0] != rebias_images_size(&set->test)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu inputs, the images have %zu pixels",
                           n->sizes[0], pixels);
    }
    size_t classes =
        set->train.classes > set->test.classes ? set->train.classes : set->test.classes;
    if (n->sizes[n->layers] < classes) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu outputs, the images have %zu classes",
                           n->sizes[n->layers], classes);
    }
    if (o->batch > n->batch) {
        return rebias_fail(err, REBIAS_E_RANGE, "a batch of %zu, the network was made for %zu",
                           o->batch, n->batch);
    }
    return REBIAS_OK;
}

int rebias_train_check(const struct rebias_network_options *network,
                       const struct rebias_image_set *set,
                       const struct rebias_train_options *options, struct rebias_error *err)
{
    int status = check_options(options, set, err);
    return status == REBIAS_OK ? check_fit(network, set, options, err) : status;
}

int rebias_train(struct rebias_network *network, const struct rebias_image_set *set,
                 const struct rebias_train_options *options, struct rebias_epoch *epochs,
                 rebias_progress *progress, void *progress_context, struct rebias_error *err)
{
    int status = rebias_train_check(rebias_network_options_of(network), set, options, err);
    if (status != REBIAS_OK) {
        return status;
    }
    struct run run = {.network = network,
                      .images = &set->train,
                      .options = options,
                      .n = options->train_images > 0 ? options->train_images : set->train.n,
                      .progress = progress,
                      .progress_context = progress_context};
    struct rebias_images test = set->test; /* a view of the first test images; owns nothing */
    test.n = options->test_images > 0 ? options->test_images : test.n;
    status = rebias_alloc(&run.order, run.n, sizeof *run.order, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run.label, options->batch, 1, err);
    }
    for (size_t e = 0; e < options->epochs && status == REBIAS_OK; e++) {
        status = run_epoch(&run, e, &epochs[e], err);
        if (status == REBIAS_OK) {
            epochs[e].test_accuracy =
                rebias_network_accuracy(network, &test, &epochs[e].test_loss);
        }
    }
    free(run.order);
    free(run.label);
    return status;
}
