/* deploy_tune.c - fine-tuning in `rebias deploy`.
 * 1. options   2. training samples   3. one deployment
 */
#include "deploy_tune.h"
#include "commands.h"
#include "rebias/images.h"
#include "rebias/table.h"
#include "rebias/yinyang.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

static const char *const tuning_options[] = {
    "fine-tune",       "tune-device",    "tune-rate",   "tune-schedule", "tune-epochs",
    "tune-updates",    "tune-batch",     "tune-images", "tune-task",     "tune-write",
    "tune-pulse-size", "tune-pulse-cap", "tune-biases", "tune-patterns", "tune-amplitude"};

static int refuse_options(const struct arguments *a, struct rebias_error *err)
{
    for (size_t i = 0; i < sizeof tuning_options / sizeof tuning_options[0]; i++) {
        if (argument_given(a, tuning_options[i])) {
            return rebias_fail(err, REBIAS_E_NAME,
                               "--%s needs a method that is tuned: tuned, lea+tuned, cm+tuned "
                               "or mao+tuned",
                               tuning_options[i]);
        }
    }
    return REBIAS_OK;
}

static int check_choices(const struct arguments *a, struct rebias_error *err)
{
    const bool images = argument_given(a, "images");
    const bool mgd = argument_choice(a, "fine-tune") == REBIAS_FINE_TUNE_MGD;
    if (argument_given(a, "tune-epochs") && argument_given(a, "tune-updates")) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--tune-epochs and --tune-updates exclude each other");
    }
    if (images && argument_given(a, "tune-task")) {
        return rebias_fail(err, REBIAS_E_NAME, "--tune-task has no meaning with --images");
    }
    if (!images && argument_given(a, "tune-images")) {
        return rebias_fail(err, REBIAS_E_NAME, "--tune-images needs --images");
    }
    if (!mgd && (argument_given(a, "tune-patterns") || argument_given(a, "tune-amplitude"))) {
        return rebias_fail(err, REBIAS_E_NAME, "--%s needs --fine-tune mgd",
                           argument_given(a, "tune-patterns") ? "tune-patterns"
                                                              : "tune-amplitude");
    }
    return REBIAS_OK;
}

static void read_options(struct rebias_fine_tune_options *o, const struct arguments *a)
{
    *o = rebias_fine_tune_options_defaults();
    o->method = (enum rebias_fine_tune_method)argument_choice(a, "fine-tune");
    o->rate = argument_number(a, "tune-rate");
    o->schedule = argument_choice(a, "tune-schedule") == 0 ? REBIAS_SCHEDULE_CONSTANT
                                                           : REBIAS_SCHEDULE_COSINE;
    o->epochs = (size_t)argument_integer(a, "tune-epochs");
    o->updates =
        argument_given(a, "tune-updates") ? (uint64_t)argument_integer(a, "tune-updates") : 0;
    o->batch = (size_t)argument_integer(a, "tune-batch");
    o->write = (enum rebias_mgd_write)argument_choice(a, "tune-write");
    o->pulse_size = argument_number(a, "tune-pulse-size");
    o->pulse_cap = (uint16_t)argument_integer(a, "tune-pulse-cap");
    o->biases = argument_choice(a, "tune-biases") == 0;
    o->patterns = (size_t)argument_integer(a, "tune-patterns");
    o->amplitude = argument_number(a, "tune-amplitude");
}

/* The device named, or that of --write-verify, or the default one. */
static int open_device(struct deploy_plan *plan, struct rebias_error *err)
{
    const char *spec = argument_text(plan->arguments, "tune-device");
    struct deploy_tuning *tuning = &plan->tuning;
    int status = REBIAS_OK;
    if (spec != NULL) {
        status = rebias_device_open(&tuning->device, spec, err);
    } else if (plan->device == NULL) {
        status = rebias_fine_tune_device_new(&tuning->device, plan->base.G_off, plan->base.G_on,
                                             err);
    }
    tuning->options.device = tuning->device != NULL ? tuning->device : plan->device;
    return status;
}

int deploy_tuning_read(struct deploy_plan *plan, struct rebias_error *err)
{
    struct deploy_tuning *tuning = &plan->tuning;
    for (size_t c = 0; c < plan->cell_count; c++) {
        tuning->used = tuning->used || plan->cells[c].way->tuned;
    }
    if (!tuning->used) {
        return refuse_options(plan->arguments, err);
    }
    int status = check_choices(plan->arguments, err);
    if (status == REBIAS_OK) {
        read_options(&tuning->options, plan->arguments);
        status = open_device(plan, err);
    }
    return status == REBIAS_OK ? rebias_fine_tune_check(&tuning->options, &plan->base, err)
                               : status;
}

bool deploy_has_ways(const struct deploy_plan *plan)
{
    bool ways = false;
    for (size_t c = 0; c < plan->cell_count; c++) {
        ways = ways || plan->cells[c].way->plain || plan->cells[c].way->tuned;
    }
    return ways;
}

/* -- 2. training samples -- */

static void fill_images(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_images *images = context;
    const size_t size = rebias_images_size(images);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *pixel = images->pixels + (size_t)index[i] * size;
        for (size_t k = 0; k < size; k++) {
            x[i * size + k] = (float)pixel[k] / 255.0f;
        }
    }
}

static int use_images(struct deploy_plan *plan, struct rebias_error *err)
{
    const struct rebias_images *train = &plan->images->train;
    const size_t wanted = (size_t)argument_integer(plan->arguments, "tune-images");
    if (wanted > train->n) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu training images asked for, the data set has %zu", wanted,
                           train->n);
    }
    plan->tuning.data = (struct rebias_mgd_data){.n = wanted > 0 ? wanted : train->n,
                                                 .inputs = rebias_images_size(train),
                                                 .fill = fill_images,
                                                 .context = train,
                                                 .label = train->labels};
    return REBIAS_OK;
}

static void fill_features(const void *context, size_t n, const uint32_t *index, float *x)
{
    const float *features = context;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * REBIAS_YINYANG_FEATURES,
               features + (size_t)index[i] * REBIAS_YINYANG_FEATURES,
               REBIAS_YINYANG_FEATURES * sizeof *x);
    }
}

/* Training set of task t behind the `at` samples that are already there. */
static int append_task(struct deploy_tuning *tuning, size_t t, size_t *at, size_t capacity,
                       struct rebias_error *err)
{
    float *x = NULL;
    uint8_t *label = NULL;
    size_t n = 0;
    int status = rebias_yinyang_new(REBIAS_YINYANG_TRAIN, (double)t, &n, &x, &label, err);
    if (status == REBIAS_OK && tuning->x == NULL) {
        status =
            rebias_alloc(&tuning->x, capacity * n * REBIAS_YINYANG_FEATURES, sizeof *x, err);
        if (status == REBIAS_OK) {
            status = rebias_alloc(&tuning->label, capacity * n, 1, err);
        }
    }
    if (status == REBIAS_OK) {
        memcpy(tuning->x + *at * REBIAS_YINYANG_FEATURES, x,
               n * REBIAS_YINYANG_FEATURES * sizeof *x);
        memcpy(tuning->label + *at, label, n);
        *at += n;
    }
    free(x);
    free(label);
    return status;
}

static int use_tasks(struct deploy_plan *plan, struct rebias_error *err)
{
    struct deploy_tuning *tuning = &plan->tuning;
    const int choice = argument_choice(plan->arguments, "tune-task");
    const size_t first = choice == 1 ? 1 : 0;
    const size_t last = choice == 0 ? 0 : 1;
    size_t n = 0;
    int status = REBIAS_OK;
    for (size_t t = first; t <= last && status == REBIAS_OK; t++) {
        status = append_task(tuning, t, &n, last - first + 1, err);
    }
    tuning->data = (struct rebias_mgd_data){.n = n,
                                            .inputs = REBIAS_YINYANG_FEATURES,
                                            .fill = fill_features,
                                            .context = tuning->x,
                                            .label = tuning->label};
    return status;
}

int deploy_tuning_load(struct deploy_plan *plan, struct rebias_error *err)
{
    if (!plan->tuning.used) {
        return REBIAS_OK;
    }
    return plan->images != NULL ? use_images(plan, err) : use_tasks(plan, err);
}

void deploy_tuning_clear(struct deploy_tuning *tuning)
{
    rebias_device_free(tuning->device);
    free(tuning->x);
    free(tuning->label);
}

/* -- 3. one deployment -- */

int deploy_tune(const struct deploy_plan *plan, struct rebias_deployment *deployment,
                struct deploy_run *run, struct rebias_error *err)
{
    struct rebias_fine_tune_result result = {0};
    run->accuracy_before = run->mean_accuracy;
    run->mapping_error_before = run->mapping_error;
    int status =
        rebias_deployment_fine_tune(deployment, &plan->tuning.options, &plan->tuning.data,
                                    &result, progress_poll, NULL, err);
    run->pulses = (double)result.pulses;
    return status;
}
