/* learn_tasks.c - tasks that are learned one behind the other.
 * 1. life cycle   2. yin-yang   3. pixels   4. images   5. tasks of images
 */
#include "rebias/base.h"
#include "rebias/images.h"
#include "rebias/learn.h"
#include "rebias/random.h"
#include "rebias/yinyang.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

enum { MOST_TASKS = 16, PARTS = 3 };

void rebias_learn_tasks_free(struct rebias_learn_tasks *tasks)
{
    if (tasks == NULL) {
        return;
    }
    for (size_t k = 0; k < tasks->count; k++) {
        for (size_t part = 0; part < PARTS; part++) {
            free(tasks->part[k][part].x);
            free(tasks->part[k][part].label);
        }
    }
    free(tasks->part);
    free(tasks);
}

static int new_tasks(struct rebias_learn_tasks **out, size_t count, struct rebias_error *err)
{
    struct rebias_learn_tasks *tasks = NULL;
    *out = NULL;
    int status = rebias_alloc(&tasks, 1, sizeof *tasks, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_alloc(&tasks->part, count, sizeof *tasks->part, err);
    if (status != REBIAS_OK) {
        free(tasks);
        return status;
    }
    tasks->count = count;
    tasks->input_sd = 1.0;
    *out = tasks;
    return REBIAS_OK;
}

struct rebias_samples rebias_learn_samples(const struct rebias_learn_part *part)
{
    return (struct rebias_samples){.n = part->n, .x = part->x, .label = part->label};
}

/* -- 2. yin-yang -- */

/* K of "yinyang:K"; 2 for "yinyang". */
static int parse_yinyang(const char *name, size_t *count, struct rebias_error *err)
{
    static const char word[] = "yinyang";
    const size_t length = sizeof word - 1;
    const struct rebias_place place = {.value = name};
    int64_t number = 2;
    if (strncmp(name, word, length) != 0 || (name[length] != '\0' && name[length] != ':')) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "yinyang or yinyang:K",
                              "unknown task");
    }
    if (name[length] == ':' &&
        !rebias_parse_integer(name + length + 1, 1, MOST_TASKS, &number)) {
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "yinyang:K with K from 1 to 16",
                              "bad number of tasks");
    }
    *count = (size_t)number;
    return REBIAS_OK;
}

int rebias_learn_tasks_new(struct rebias_learn_tasks **out, const char *name,
                           struct rebias_error *err)
{
    struct rebias_learn_tasks *tasks = NULL;
    size_t count = 0;
    *out = NULL;
    int status = parse_yinyang(name, &count, err);
    if (status == REBIAS_OK) {
        status = new_tasks(&tasks, count, err);
    }
    for (size_t i = 0; i < count * PARTS && status == REBIAS_OK; i++) {
        struct rebias_learn_part *part = &tasks->part[i / PARTS][i % PARTS];
        status = rebias_yinyang_new((enum rebias_yinyang_part)(i % PARTS), (double)(i / PARTS),
                                    &part->n, &part->x, &part->label, err);
    }
    if (status != REBIAS_OK) {
        rebias_learn_tasks_free(tasks);
        return status;
    }
    tasks->inputs = REBIAS_YINYANG_FEATURES;
    tasks->classes = REBIAS_YINYANG_CLASSES;
    *out = tasks;
    return REBIAS_OK;
}

/* -- 3. pixels -- */

/* Mean and sd of all pixels in units of 255, rounded to 4 digits. Sums of bytes are exact. */
static void find_moments(const struct rebias_images *images, double *mean, double *sd)
{
    const size_t n = images->n * rebias_images_size(images);
    uint64_t sum = 0;
    uint64_t squares = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t pixel = images->pixels[i];
        sum += pixel;
        squares += pixel * pixel;
    }
    const double first = (double)sum / (double)n;
    const double variance = (double)squares / (double)n - first * first;
    *mean = round(first / 255.0 * 1e4) / 1e4;
    *sd = round(sqrt(variance > 0.0 ? variance : 0.0) / 255.0 * 1e4) / 1e4;
}

/* What one part is made of. */
struct pick {
    const struct rebias_images *images;
    size_t first, end;        /* images first .. end - 1 */
    size_t low, high;         /* those with labels low .. high - 1, counted from low */
    const uint32_t *position; /* pixel i is taken from position[i] */
    double mean, sd;
};

static bool is_picked(const struct pick *pick, size_t i)
{
    return pick->images->labels[i] >= pick->low && pick->images->labels[i] < pick->high;
}

static int fill_part(struct rebias_learn_part *part, const struct pick *pick,
                     struct rebias_error *err)
{
    const size_t inputs = rebias_images_size(pick->images);
    size_t n = 0;
    for (size_t i = pick->first; i < pick->end; i++) {
        n += is_picked(pick, i);
    }
    int status = rebias_alloc(&part->x, n * inputs, sizeof *part->x, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&part->label, n, 1, err);
    }
    for (size_t i = pick->first; i < pick->end && status == REBIAS_OK; i++) {
        if (!is_picked(pick, i)) {
            continue;
        }
        const uint8_t *pixels = pick->images->pixels + i * inputs;
        float *x = part->x + part->n * inputs;
        for (size_t k = 0; k < inputs; k++) {
            x[k] = (float)(((double)pixels[pick->position[k]] / 255.0 - pick->mean) / pick->sd);
        }
        part->label[part->n++] = (uint8_t)(pick->images->labels[i] - pick->low);
    }
    return status;
}

/* -- 4. images -- */

/* Everything that the tasks of one image set have in common. */
struct plan {
    const struct rebias_image_set *set;
    enum rebias_learn_images kind;
    uint64_t seed;
    size_t classes; /* of the set */
    struct rebias_learn_tasks *tasks;
    uint32_t *position;
};

static void draw_positions(const struct plan *plan, size_t task)
{
    const size_t inputs = plan->tasks->inputs;
    const struct rebias_stream stream = {plan->seed, REBIAS_FOR_IMAGES, 0, 2, (uint32_t)task};
    if (plan->kind == REBIAS_LEARN_PERMUTED && task > 0) {
        rebias_random_permutation(&stream, inputs, plan->position);
        return;
    }
    for (size_t i = 0; i < inputs; i++) {
        plan->position[i] = (uint32_t)i;
    }
}

static int fill_task(const struct plan *plan, size_t task, struct rebias_error *err)
{
    const struct rebias_image_set *set = plan->set;
    const struct rebias_learn_tasks *tasks = plan->tasks;
    const bool split = plan->kind == REBIAS_LEARN_SPLIT;
    const size_t train =
        plan->kind == REBIAS_LEARN_PLAIN ? set->train.n : set->train.n - set->train.n / 6;
    const struct {
        const struct rebias_images *images;
        size_t first, end;
    } parts[PARTS] = {[REBIAS_LEARN_TRAIN] = {&set->train, 0, train},
                      [REBIAS_LEARN_VALIDATION] = {&set->train, train, set->train.n},
                      [REBIAS_LEARN_TEST] = {&set->test, 0, set->test.n}};
    int status = REBIAS_OK;
    draw_positions(plan, task);
    for (size_t i = 0; i < PARTS && status == REBIAS_OK; i++) {
        const size_t low = split ? task * tasks->classes : 0;
        const struct pick pick = {.images = parts[i].images,
                                  .first = parts[i].first,
                                  .end = parts[i].end,
                                  .low = low,
                                  .high = low + tasks->classes,
                                  .position = plan->position,
                                  .mean = tasks->input_mean,
                                  .sd = tasks->input_sd};
        status = fill_part(&tasks->part[task][i], &pick, err);
    }
    if (status == REBIAS_OK && (tasks->part[task][REBIAS_LEARN_TRAIN].n == 0 ||
                                tasks->part[task][REBIAS_LEARN_TEST].n == 0)) {
        status = rebias_fail(err, REBIAS_E_DATA,
                             "task %zu of %zu has no images to learn from or to test with",
                             task + 1, tasks->count);
    }
    return status;
}

/* -- 5. tasks of images -- */

static int check_plan(const struct plan *plan, size_t count, struct rebias_error *err)
{
    const struct rebias_image_set *set = plan->set;
    if (count < 1 || count > MOST_TASKS || (plan->kind == REBIAS_LEARN_PLAIN && count != 1)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu tasks of images are not possible (1 to %d)", count, MOST_TASKS);
    }
    if (plan->kind == REBIAS_LEARN_SPLIT &&
        (plan->classes % count != 0 || plan->classes / count < 2)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu classes cannot be split into %zu tasks of 2 classes or more "
                           "each",
                           plan->classes, count);
    }
    if (rebias_images_size(&set->train) != rebias_images_size(&set->test)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "training images have %zu pixels, test images %zu",
                           rebias_images_size(&set->train), rebias_images_size(&set->test));
    }
    return REBIAS_OK;
}

static int describe_tasks(const struct plan *plan, struct rebias_error *err)
{
    struct rebias_learn_tasks *tasks = plan->tasks;
    tasks->inputs = rebias_images_size(&plan->set->train);
    tasks->classes =
        plan->kind == REBIAS_LEARN_SPLIT ? plan->classes / tasks->count : plan->classes;
    find_moments(&plan->set->train, &tasks->input_mean, &tasks->input_sd);
    return tasks->input_sd > 0.0
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_DATA, "all pixels of the training images are alike");
}

int rebias_learn_tasks_images(struct rebias_learn_tasks **out,
                              const struct rebias_image_set *set, enum rebias_learn_images kind,
                              size_t count, uint64_t seed, struct rebias_error *err)
{
    struct plan plan = {.set = set, .kind = kind, .seed = seed};
    plan.classes =
        set->train.classes > set->test.classes ? set->train.classes : set->test.classes;
    *out = NULL;
    int status = check_plan(&plan, count, err);
    if (status == REBIAS_OK) {
        status = new_tasks(&plan.tasks, count, err);
    }
    if (status == REBIAS_OK) {
        status = describe_tasks(&plan, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&plan.position, plan.tasks->inputs, sizeof *plan.position, err);
    }
    for (size_t task = 0; task < count && status == REBIAS_OK; task++) {
        status = fill_task(&plan, task, err);
    }
    free(plan.position);
    if (status != REBIAS_OK) {
        rebias_learn_tasks_free(plan.tasks);
        return status;
    }
    *out = plan.tasks;
    return REBIAS_OK;
}
