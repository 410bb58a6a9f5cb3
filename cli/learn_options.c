/* learn_options.c - what the commands of software learning share.
 * 1. tasks   2. networks   3. output   4. spread
 */
#include "learn_options.h"
#include "figure.h"
#include "images_shared.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. tasks -- */

void learn_source_clear(struct learn_source *source)
{
    rebias_learn_tasks_free(source->tasks);
    images_give(source->set);
    *source = (struct learn_source){NULL, NULL};
}

/* Images behind "permuted:" or "split:", and K behind the last colon. */
static int open_image_tasks(struct learn_source *source, enum rebias_learn_images kind,
                            const char *rest, const struct arguments *a,
                            struct rebias_error *err)
{
    char name[1024];
    int64_t count = 0;
    const char *colon = strrchr(rest, ':');
    if (colon == NULL || colon == rest || !rebias_parse_integer(colon + 1, 1, 16, &count)) {
        const struct rebias_place place = {.value = argument_text(a, "task")};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place,
                              "permuted:IMAGES:K or split:IMAGES:K, K from 1 to 16",
                              "bad value of --task");
    }
    snprintf(name, sizeof name, "%.*s", (int)(colon - rest), rest);
    int status = images_take(&source->set, name, argument_text(a, "data"), err);
    if (status == REBIAS_OK) {
        status = rebias_learn_tasks_images(&source->tasks, source->set, kind, (size_t)count,
                                           (uint64_t)argument_integer(a, "seed"), err);
    }
    return status;
}

int learn_source_open(struct learn_source *source, const char *name,
                      const struct arguments *arguments, struct rebias_error *err)
{
    static const char permuted[] = "permuted:";
    static const char split[] = "split:";
    *source = (struct learn_source){NULL, NULL};
    if (strncmp(name, permuted, sizeof permuted - 1) == 0) {
        return open_image_tasks(source, REBIAS_LEARN_PERMUTED, name + sizeof permuted - 1,
                                arguments, err);
    }
    if (strncmp(name, split, sizeof split - 1) == 0) {
        return open_image_tasks(source, REBIAS_LEARN_SPLIT, name + sizeof split - 1, arguments,
                                err);
    }
    if (strncmp(name, "yinyang", 7) != 0) {
        const struct rebias_place place = {.value = name};
        return rebias_fail_at(err, REBIAS_E_NAME, &place,
                              "yinyang, yinyang:K, permuted:IMAGES:K or split:IMAGES:K",
                              "unknown task");
    }
    return rebias_learn_tasks_new(&source->tasks, name, err);
}

int learn_source_images(struct learn_source *source, const char *name,
                        const struct arguments *arguments, struct rebias_error *err)
{
    *source = (struct learn_source){NULL, NULL};
    int status = images_take(&source->set, name, argument_text(arguments, "data"), err);
    if (status == REBIAS_OK) {
        /* the first permuted task is not permuted, but has a validation part */
        status =
            rebias_learn_tasks_images(&source->tasks, source->set, REBIAS_LEARN_PERMUTED, 1,
                                      (uint64_t)argument_integer(arguments, "seed"), err);
    }
    return status;
}

/* -- 2. networks -- */

int learn_architecture(struct rebias_architecture *architecture,
                       const struct learn_source *source, const char *hidden,
                       const struct arguments *arguments, struct rebias_error *err)
{
    const char *text = argument_text(arguments, "layers");
    char standard[128];
    if (text == NULL) {
        snprintf(standard, sizeof standard, "%zu,%s,%zu", source->tasks->inputs, hidden,
                 source->tasks->classes);
        text = standard;
    }
    return rebias_architecture_parse(
        architecture, text, (enum rebias_transfer)argument_choice(arguments, "activation"),
        REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY, 0.0, err);
}

/* -- 3. output -- */

int learn_provenance(struct provenance *provenance, const struct arguments *arguments,
                     const char *input, const struct learn_source *source,
                     struct rebias_error *err)
{
    int status = provenance_make(provenance, arguments, &input, 1, err);
    if (status == REBIAS_OK && source->set != NULL) {
        status = provenance_add_images(provenance, source->set, err);
    }
    return status;
}

int learn_check_output(const struct arguments *arguments, struct rebias_error *err)
{
    const char *path = argument_text(arguments, "output");
    if (path != NULL && strcmp(path, "-") == 0) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "networks go into a file: -o - is where the table goes");
    }
    return check_writable(path, err);
}

int learn_save(struct rebias_weights_set *networks, const struct provenance *provenance,
               const struct arguments *arguments, struct rebias_error *err)
{
    const char *path = argument_text(arguments, "output");
    if (path == NULL) {
        return REBIAS_OK;
    }
    free(networks->provenance);
    int status = rebias_copy_text(&networks->provenance, provenance->text, err);
    return status == REBIAS_OK ? rebias_weights_save(networks, path, err) : status;
}

/* -- 4. spread -- */

struct learn_spread learn_spread_of(const double *x, size_t n, size_t step)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i * step];
    }
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = x[i * step] - mean;
        squares += off * off;
    }
    return (struct learn_spread){mean, n > 1 ? sqrt(squares / (double)(n - 1)) : 0.0};
}
