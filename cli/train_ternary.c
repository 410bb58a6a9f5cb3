/* train_ternary.c - ternary networks on images. */
#include "images_shared.h"
#include "train_ternary.h"
#include "learn_options.h"
#include <stdlib.h>

int check_train_ternary(const struct arguments *a, bool software, struct rebias_error *err)
{
    static const char *const mine[] = {"threshold", "seeds"};
    static const char *const others[] = {"loss",          "biases",     "encoding",
                                         "weight-range",  "pulse-size", "pulse-cap",
                                         "program-rounds"};
    const bool ternary = argument_flag(a, "ternary");
    for (size_t i = 0; i < sizeof mine / sizeof mine[0] && !ternary; i++) {
        if (argument_given(a, mine[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s needs --ternary", mine[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0] && ternary; i++) {
        if (argument_given(a, others[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with --ternary",
                               others[i]);
        }
    }
    return ternary && !software
               ? rebias_fail(err, REBIAS_E_NAME, "--ternary needs --trainer software")
               : REBIAS_OK;
}

/* --rate may be a list elsewhere; here one rate serves all layers. */
static int read_ternary(const struct arguments *a, struct rebias_learn_options *o,
                        struct rebias_error *err)
{
    static const size_t standard_batch = 100;
    size_t count = 0;
    int status = REBIAS_OK;
    *o = rebias_learn_options_defaults();
    o->epochs = (size_t)argument_integer(a, "epochs");
    o->batch =
        argument_given(a, "batch") ? (size_t)argument_integer(a, "batch") : standard_batch;
    o->schedule = (enum rebias_schedule)argument_choice(a, "schedule");
    o->decay = argument_number(a, "decay");
    o->biases = false;
    o->levels = REBIAS_LEARN_TERNARY;
    o->threshold = argument_number(a, "threshold");
    o->seed = (uint64_t)argument_integer(a, "seed");
    o->replicate = (uint32_t)argument_integer(a, "replicate");
    if (argument_given(a, "rate")) {
        status = parse_number_list("rate", argument_text(a, "rate"), 1e-12, 1e6, false,
                                   &o->rate, 1, &count, err);
    }
    return status;
}

/* The first `wanted` of *n images, 0: all. */
static int cut_images(size_t *n, int64_t wanted, const char *what, struct rebias_error *err)
{
    if ((size_t)wanted > *n) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu %s images asked for, the data set has %zu",
                           (size_t)wanted, what, *n);
    }
    *n = wanted > 0 ? (size_t)wanted : *n;
    return REBIAS_OK;
}

static int open_images(const struct arguments *a, struct learn_source *source,
                       struct rebias_error *err)
{
    int status =
        images_take(&source->set, argument_text(a, "images"), argument_text(a, "data"), err);
    if (status == REBIAS_OK) {
        status = cut_images(&source->set->train.n, argument_integer(a, "train-images"),
                            "training", err);
    }
    if (status == REBIAS_OK) {
        status =
            cut_images(&source->set->test.n, argument_integer(a, "test-images"), "test", err);
    }
    return status == REBIAS_OK
               ? rebias_learn_tasks_images(&source->tasks, source->set, REBIAS_LEARN_PLAIN, 1,
                                           (uint64_t)argument_integer(a, "seed"), err)
               : status;
}

/* Fraction of the weights of a layer that are 0. */
static double zeros_of(const struct rebias_weights_layer *layer)
{
    const size_t n = layer->inputs * layer->outputs;
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++) {
        zeros += layer->weight[i] == 0.0f;
    }
    return (double)zeros / (double)n;
}

static int print_ternary(const struct arguments *a, const struct rebias_continual *c,
                         const struct provenance *provenance, struct rebias_error *err)
{
    static const char *const names[] = {"network", "layer", "gamma", "zeros", "test_accuracy"};
    struct table table;
    int status = REBIAS_OK;
    table_start(&table, sizeof names / sizeof names[0], names);
    for (size_t s = 0; s < c->seeds; s++) {
        const struct rebias_weights *network = &c->networks->network[s];
        for (size_t l = 0; l < network->layers && status == REBIAS_OK; l++) {
            const double numbers[] = {network->layer[l].gamma, zeros_of(&network->layer[l]),
                                      c->test[s]};
            status = table_integer(&table, (int64_t)s, err);
            status = status == REBIAS_OK ? table_integer(&table, (int64_t)l, err) : status;
            for (size_t i = 0; i < 3 && status == REBIAS_OK; i++) {
                status = table_number(&table, numbers[i], err);
            }
        }
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance, argument_choice(a, "format") == 1, NULL, err);
    }
    table_free(&table);
    return status;
}

static int publish_ternary(const struct arguments *a, struct rebias_continual *c,
                           const struct learn_source *source, struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    int status = learn_provenance(&provenance, a, NULL, source, err);
    if (status == REBIAS_OK) {
        status = print_ternary(a, c, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = learn_save(c->networks, &provenance, a, err);
    }
    if (status == REBIAS_OK) {
        const struct learn_spread spread = learn_spread_of(c->test, c->seeds, 1);
        remark(a, "ternary: %.2f +- %.2f %% of the test images (mean and sd over %zu networks)",
               100.0 * spread.mean, 100.0 * spread.sd, c->seeds);
    }
    provenance_free(&provenance);
    return status;
}

int run_train_ternary(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_learn_options options;
    struct learn_source source = {NULL, NULL};
    struct rebias_architecture architecture;
    struct rebias_continual *c = NULL;
    struct progress progress = {.arguments = a, .what = "networks"};
    int status = learn_check_output(a, err);
    if (status == REBIAS_OK) {
        status = read_ternary(a, &options, err);
    }
    if (status == REBIAS_OK) {
        status = open_images(a, &source, err);
    }
    if (status == REBIAS_OK) {
        status = learn_architecture(&architecture, &source, "100", a, err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_continual_run(
            &c,
            &(struct rebias_continual_plan){
                .tasks = source.tasks,
                .architecture = &architecture,
                .options = options,
                .seeds = argument_given(a, "seeds") ? (size_t)argument_integer(a, "seeds") : 1,
                .threads = thread_count(a),
                .progress = progress_step,
                .progress_context = &progress},
            err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = publish_ternary(a, c, &source, err);
    }
    rebias_continual_free(c);
    learn_source_clear(&source);
    return status;
}
