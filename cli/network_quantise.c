/* network_quantise.c - `rebias network quantise`.
 * 1. checks   2. samples   3. networks   4. order   5. output   6. running
 */
#include "network_quantise.h"
#include "learn_options.h"
#include "rebias/quantise.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. checks -- */

enum { NEAREST = 0, KL = 1 };

static int check_quantise(const struct arguments *a, struct rebias_error *err)
{
    const bool task = argument_given(a, "task");
    const bool images = argument_given(a, "images");
    if (task && images) {
        return rebias_fail(err, REBIAS_E_NAME, "--task and --images are both given");
    }
    if (!task && !images && argument_choice(a, "ternary") == KL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "levels are fitted to samples: give --task TASK or --images NAME, "
                           "or --ternary nearest");
    }
    if (!task && !images && argument_given(a, "keep")) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--keep needs samples to choose by: --task TASK or --images NAME");
    }
    if (argument_integer(a, "levels") % 2 == 0) {
        const struct rebias_place place = {.value = argument_text(a, "levels")};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "an odd number, 0 is a level",
                              "bad value of --levels");
    }
    return learn_check_output(a, err);
}

/* -- 2. samples -- */

/* Parts of all tasks, one behind the other. */
struct pool {
    struct rebias_learn_part fit, validation, test;
};

static void clear_pool(struct pool *pool)
{
    struct rebias_learn_part *parts[] = {&pool->fit, &pool->validation, &pool->test};
    for (size_t i = 0; i < 3; i++) {
        free(parts[i]->x);
        free(parts[i]->label);
    }
}

/* The first `most` samples of a part of each task; images as the network's inputs: (x sd_tasks
 * + mean_tasks - mean)/sd. */
static int join_parts(struct rebias_learn_part *to, const struct rebias_learn_tasks *tasks,
                      size_t part, size_t most, const struct rebias_weights *network,
                      struct rebias_error *err)
{
    size_t n = 0;
    for (size_t k = 0; k < tasks->count; k++) {
        const size_t here = tasks->part[k][part].n;
        n += here < most ? here : most;
    }
    int status = rebias_alloc(&to->x, n * tasks->inputs, sizeof *to->x, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&to->label, n, 1, err);
    }
    const double scale = tasks->input_sd / network->input_sd;
    const double shift = (tasks->input_mean - network->input_mean) / network->input_sd;
    for (size_t k = 0; k < tasks->count && status == REBIAS_OK; k++) {
        const struct rebias_learn_part *from = &tasks->part[k][part];
        const size_t here = from->n < most ? from->n : most;
        float *x = to->x + to->n * tasks->inputs;
        for (size_t i = 0; i < here * tasks->inputs; i++) {
            x[i] = (float)((double)from->x[i] * scale + shift);
        }
        memcpy(to->label + to->n, from->label, here);
        to->n += here;
    }
    return status;
}

static int check_fit(const struct rebias_weights_set *set,
                     const struct rebias_learn_tasks *tasks, struct rebias_error *err)
{
    const struct rebias_weights *first = &set->network[0];
    if (first->layer[0].inputs != tasks->inputs ||
        first->layer[first->layers - 1].outputs < tasks->classes) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "the network has %zu inputs and %zu outputs, the samples have %zu "
                           "and %zu",
                           first->layer[0].inputs, first->layer[first->layers - 1].outputs,
                           tasks->inputs, tasks->classes);
    }
    for (size_t i = 1; i < set->count; i++) {
        /* exact: both come from one file */
        if (set->network[i].input_mean != first->input_mean ||
            set->network[i].input_sd != first->input_sd) {
            return rebias_fail(err, REBIAS_E_DATA,
                               "network %zu has another input_mean or input_sd than network 0",
                               i);
        }
    }
    return REBIAS_OK;
}

static int make_pool(struct pool *pool, const struct arguments *a,
                     const struct rebias_weights_set *set,
                     const struct rebias_learn_tasks *tasks, struct rebias_error *err)
{
    const struct rebias_weights *network = &set->network[0];
    size_t each = (size_t)argument_integer(a, "samples") / tasks->count;
    each = each > 0 ? each : 1;
    int status = check_fit(set, tasks, err);
    if (status == REBIAS_OK) {
        status = join_parts(&pool->fit, tasks, REBIAS_LEARN_TRAIN, each, network, err);
    }
    if (status == REBIAS_OK) {
        status = join_parts(&pool->validation, tasks, REBIAS_LEARN_VALIDATION, SIZE_MAX,
                            network, err);
    }
    return status == REBIAS_OK
               ? join_parts(&pool->test, tasks, REBIAS_LEARN_TEST, SIZE_MAX, network, err)
               : status;
}

/* -- 3. networks -- */

struct result {
    size_t network;                   /* its number in the file read */
    double before, after, validation; /* accuracies; NaN without samples */
    double divergence;                /* NaN for the nearest levels */
};

struct work {
    struct rebias_weights_set *set;
    const struct pool *pool;
    bool nearest, sampled;
    struct rebias_quantise_options options;
    struct result *results;
};

static int find_accuracy(const struct rebias_weights *weights,
                         const struct rebias_learn_part *part, double *accuracy,
                         struct rebias_error *err)
{
    enum { BATCH = 500 };
    struct rebias_architecture architecture;
    struct rebias_model *model = NULL;
    float *theta = NULL;
    *accuracy = NAN;
    if (part->n == 0) {
        return REBIAS_OK;
    }
    int status = rebias_weights_architecture(weights, &architecture, err);
    if (status == REBIAS_OK) {
        status = rebias_model_new(&model, &architecture, BATCH, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&theta, architecture.parameters, sizeof *theta, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_samples samples = rebias_learn_samples(part);
        rebias_weights_to_theta(weights, theta);
        *accuracy = rebias_model_accuracy(model, theta, &samples, NULL);
    }
    free(theta);
    rebias_model_free(model);
    return status;
}

static int quantise_one(void *context, size_t item, struct rebias_error *err)
{
    const struct work *work = context;
    struct rebias_weights *weights = &work->set->network[item];
    struct result *result = &work->results[item];
    struct rebias_quantise_options options = work->options;
    const struct rebias_quantise_data data = {work->pool->fit.n, work->pool->fit.x,
                                              rebias_learn_samples(&work->pool->validation)};
    options.replicate = (uint32_t)item;
    *result = (struct result){item, NAN, NAN, NAN, NAN};
    int status = find_accuracy(weights, &work->pool->test, &result->before, err);
    if (status == REBIAS_OK) {
        status = work->nearest
                     ? rebias_quantise_nearest(weights, options.steps, err)
                     : rebias_quantise_kl(weights, &data, &options, &result->divergence, err);
    }
    if (status == REBIAS_OK) {
        status = find_accuracy(weights, &work->pool->test, &result->after, err);
    }
    return status == REBIAS_OK
               ? find_accuracy(weights, &work->pool->validation, &result->validation, err)
               : status;
}

/* -- 4. order -- */

/* Best on validation samples first; equal ones keep their order. */
static int by_validation(const void *a, const void *b)
{
    const struct result *x = a;
    const struct result *y = b;
    const int better = (x->validation < y->validation) - (x->validation > y->validation);
    return better != 0 ? better : (x->network > y->network) - (x->network < y->network);
}

/* Sorts results and networks alike, and throws those behind the first `keep` away. */
static int order_networks(struct work *work, size_t keep, struct rebias_error *err)
{
    struct rebias_weights *sorted = NULL;
    const size_t count = work->set->count;
    int status = rebias_alloc(&sorted, count, sizeof *sorted, err);
    if (status != REBIAS_OK) {
        return status;
    }
    qsort(work->results, count, sizeof *work->results, by_validation);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = work->set->network[work->results[i].network];
    }
    free(work->set->network);
    work->set->network = sorted;
    while (keep > 0 && work->set->count > keep) {
        rebias_weights_clear(&sorted[--work->set->count]);
    }
    return REBIAS_OK;
}

/* -- 5. output -- */

static int print_results(const struct arguments *a, const struct work *work,
                         const struct provenance *provenance, struct rebias_error *err)
{
    static const char *const names[] = {"network",       "from",       "test_before",
                                        "test_accuracy", "validation", "divergence_nat"};
    struct table table;
    int status = REBIAS_OK;
    table_start(&table, sizeof names / sizeof names[0], names);
    for (size_t i = 0; i < work->set->count && status == REBIAS_OK; i++) {
        const struct result *r = &work->results[i];
        const double numbers[] = {r->before, r->after, r->validation, r->divergence};
        status = table_integer(&table, (int64_t)i, err);
        status = status == REBIAS_OK ? table_integer(&table, (int64_t)r->network, err) : status;
        for (size_t k = 0; k < 4 && status == REBIAS_OK; k++) {
            status = table_number(&table, numbers[k], err);
        }
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance, argument_choice(a, "format") == 1, NULL, err);
    }
    table_free(&table);
    return status;
}

/* -- 6. running -- */

static int quantise_all(const struct arguments *a, struct work *work,
                        const struct learn_source *source, struct rebias_error *err)
{
    struct progress progress = {.arguments = a, .what = "networks"};
    struct provenance provenance = {NULL};
    progress_catch_signals();
    int status = rebias_parallel_for(work->set->count, thread_count(a), quantise_one, work,
                                     progress_step, &progress, err);
    progress_end(&progress);
    if (status == REBIAS_OK && work->sampled) {
        status = order_networks(work, (size_t)argument_integer(a, "keep"), err);
    }
    if (status == REBIAS_OK) {
        status = learn_provenance(&provenance, a, a->word[0], source, err);
    }
    if (status == REBIAS_OK) {
        status = print_results(a, work, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = learn_save(work->set, &provenance, a, err);
    }
    provenance_free(&provenance);
    return status;
}

static int open_samples(const struct arguments *a, struct learn_source *source,
                        struct rebias_error *err)
{
    if (argument_given(a, "images")) {
        return learn_source_images(source, argument_text(a, "images"), a, err);
    }
    return argument_given(a, "task")
               ? learn_source_open(source, argument_text(a, "task"), a, err)
               : REBIAS_OK;
}

static struct rebias_quantise_options read_quantise(const struct arguments *a)
{
    struct rebias_quantise_options o = rebias_quantise_options_defaults();
    o.steps = (size_t)argument_integer(a, "levels") / 2;
    o.epochs = (size_t)argument_integer(a, "epochs");
    o.batch = (size_t)argument_integer(a, "batch");
    o.rate = argument_number(a, "rate");
    o.restarts = (size_t)argument_integer(a, "restarts");
    o.biases = !argument_flag(a, "keep-biases");
    o.seed = (uint64_t)argument_integer(a, "seed");
    return o;
}

int run_quantise(const struct arguments *a, struct rebias_error *err)
{
    struct learn_source source = {NULL, NULL};
    struct pool pool = {{0}, {0}, {0}};
    struct work work = {.pool = &pool,
                        .nearest = argument_choice(a, "ternary") == NEAREST,
                        .options = read_quantise(a)};
    int status = check_quantise(a, err);
    if (status == REBIAS_OK) {
        status = rebias_weights_load(&work.set, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        status = open_samples(a, &source, err);
    }
    if (status == REBIAS_OK && source.tasks != NULL) {
        work.sampled = true;
        status = make_pool(&pool, a, work.set, source.tasks, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&work.results, work.set->count, sizeof *work.results, err);
    }
    if (status == REBIAS_OK) {
        status = quantise_all(a, &work, &source, err);
    }
    free(work.results);
    clear_pool(&pool);
    learn_source_clear(&source);
    rebias_weights_set_free(work.set);
    return status;
}
