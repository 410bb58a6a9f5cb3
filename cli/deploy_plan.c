/* deploy_plan.c - from the options of `rebias deploy` to its cells and inputs.
 * 1. lists   2. pairs and triples of numbers   3. errors of devices   4. placement   5. cells
 * 6. samples   7. all
 */
#include "deploy_plan.h"
#include "deploy_tune.h"
#include "images_shared.h"
#include "rebias/images.h"
#include "rebias/yinyang.h"
#include <stdlib.h>
#include <string.h>

const struct deploy_method deploy_methods[DEPLOY_METHODS] = {
    {"lea", "LEA", REBIAS_DEPLOY_LEA, false, false},
    {"cm", "committee machine", REBIAS_DEPLOY_CM, false, false},
    {"mao", "MAO", REBIAS_DEPLOY_MAO, false, false},
    {"plain", "plain average", REBIAS_DEPLOY_LEA, true, false},
    {"tuned", "fine-tuning", REBIAS_DEPLOY_LEA, true, true},
    {"lea+tuned", "LEA + fine-tuning", REBIAS_DEPLOY_LEA, false, true},
    {"cm+tuned", "committee + fine-tuning", REBIAS_DEPLOY_CM, false, true},
    {"mao+tuned", "MAO + fine-tuning", REBIAS_DEPLOY_MAO, false, true},
};

/* -- 1. lists -- */

static int bad_value(const char *option, const char *value, const char *expected,
                     struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, shown_value(value)};
    return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "bad value of --%s", option);
}

static int read_methods(const struct arguments *a, int methods[DEPLOY_METHODS], size_t *count,
                        struct rebias_error *err)
{
    const char *at = argument_text(a, "method");
    *count = 0;
    for (bool more = true; more;) {
        const size_t length = strcspn(at, ",");
        int found = -1;
        for (int m = 0; m < DEPLOY_METHODS; m++) {
            const char *word = deploy_methods[m].word;
            const bool same = strlen(word) == length && strncmp(at, word, length) == 0;
            found = same ? m : found;
        }
        bool again = found < 0 || *count == DEPLOY_METHODS;
        for (size_t i = 0; i < *count && !again; i++) {
            again = methods[i] == found;
        }
        if (again) {
            return bad_value("method", argument_text(a, "method"),
                             "lea, cm, mao, plain, tuned, lea+tuned, cm+tuned, mao+tuned, "
                             "each at most once, separated by commas",
                             err);
        }
        methods[(*count)++] = found;
        more = at[length] == ',';
        at += length + more;
    }
    return REBIAS_OK;
}

static int read_counts(const struct arguments *a, const char *option,
                       size_t counts[DEPLOY_LISTED], size_t *count, struct rebias_error *err)
{
    double values[DEPLOY_LISTED];
    int status = parse_number_list(option, argument_text(a, option), 1, DEPLOY_LISTED, true,
                                   values, DEPLOY_LISTED, count, err);
    for (size_t i = 0; i < *count && status == REBIAS_OK; i++) {
        counts[i] = (size_t)values[i];
    }
    return status;
}

/* -- 2. pairs and triples of numbers -- */

/* --option with exactly `count` numbers, when given. */
static int read_numbers(const struct arguments *a, const char *option, size_t count,
                        const char *expected, double *values, struct rebias_error *err)
{
    double read[4];
    size_t found = 0;
    if (!argument_given(a, option)) {
        return REBIAS_OK;
    }
    int status = parse_number_list(option, argument_text(a, option), -1e18, 1e18, false, read,
                                   4, &found, err);
    if (status == REBIAS_OK && found != count) {
        return bad_value(option, argument_text(a, option), expected, err);
    }
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        values[i] = read[i];
    }
    return status;
}

/* -- 3. errors of devices -- */

static int read_spread(struct deploy_plan *plan, const char *option, size_t index,
                       struct rebias_spread *spread, struct rebias_error *err)
{
    const char *text = argument_text(plan->arguments, option);
    return text != NULL ? rebias_spread_parse(spread, &plan->samples[index], text, err)
                        : REBIAS_OK;
}

static int read_errors(struct deploy_plan *plan, struct rebias_error *err)
{
    const struct arguments *a = plan->arguments;
    struct rebias_deploy_options *o = &plan->base;
    double gain[2] = {1.0, 0.0};
    double offset[2] = {0.0, 0.0};
    double drift[3] = {0.0, 0.0, 1.0};
    int status = read_spread(plan, "write-error", 0, &o->write_error, err);
    if (status == REBIAS_OK) {
        status = read_spread(plan, "write-fixed", 1, &o->write_fixed, err);
    }
    if (status == REBIAS_OK) {
        status = read_spread(plan, "read-noise", 2, &o->read_noise, err);
    }
    if (status == REBIAS_OK) {
        status = deploy_read_verify(plan, err);
    }
    if (status == REBIAS_OK) {
        status = read_numbers(a, "gain", 2, "MEAN,SD", gain, err);
    }
    if (status == REBIAS_OK) {
        status = read_numbers(a, "offset", 2, "MEAN,SD", offset, err);
    }
    if (status == REBIAS_OK) {
        status = read_numbers(a, "drift", 3, "NU,SD,TIME", drift, err);
    }
    o->readout = (struct rebias_readout){.gain_mean = gain[0],
                                         .gain_sd = gain[1],
                                         .offset_mean = offset[0],
                                         .offset_sd = offset[1],
                                         .noise_sd = argument_number(a, "readout-noise"),
                                         .dac_bits = (unsigned)argument_integer(a, "dac-bits"),
                                         .adc_bits = (unsigned)argument_integer(a, "adc-bits")};
    deploy_read_wires(a, o);
    o->drift_nu = drift[0];
    o->drift_nu_sd = drift[1];
    o->drift_time = drift[2];
    return status;
}

/* -- 4. placement -- */

static int read_given(struct deploy_plan *plan, const char *path, struct rebias_error *err)
{
    if (plan->chip == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "--placement given needs a --chip");
    }
    plan->base.placement = REBIAS_PLACE_GIVEN;
    int status = rebias_blocks_load(&plan->given, &plan->base.given_count, path, plan->chip,
                                    &plan->networks->network[0], err);
    plan->base.given = plan->given;
    return status;
}

static int read_placement(struct deploy_plan *plan, struct rebias_error *err)
{
    static const char *const words[] = {"greedy", "random", "coverage", "blind"};
    const char *text = argument_text(plan->arguments, "placement");
    int64_t candidates = 0;
    if (text == NULL) {
        plan->base.placement = plan->chip != NULL ? REBIAS_PLACE_GREEDY : REBIAS_PLACE_BLIND;
        return REBIAS_OK;
    }
    if (strncmp(text, "given:", 6) == 0) {
        return read_given(plan, text + 6, err);
    }
    if (strncmp(text, "random:", 7) == 0 &&
        rebias_parse_integer(text + 7, 1, 1000000000, &candidates)) {
        plan->base.placement = REBIAS_PLACE_RANDOM;
        plan->base.candidates = (size_t)candidates;
        return REBIAS_OK;
    }
    for (int p = 0; p < 4; p++) {
        if (strcmp(text, words[p]) == 0) {
            plan->base.placement = (enum rebias_placement)p;
            return REBIAS_OK;
        }
    }
    return bad_value("placement", text, "greedy, random:N, coverage, blind or given:FILE", err);
}

static void read_levels(struct deploy_plan *plan)
{
    const struct arguments *a = plan->arguments;
    struct rebias_deploy_options *o = &plan->base;
    o->encoding = (enum rebias_encoding_kind)argument_choice(a, "encoding");
    o->G_on = argument_number(a, "G-on");
    o->G_off = argument_number(a, "G-off");
    o->levels = (size_t)argument_integer(a, "levels");
    o->read_voltage = argument_number(a, "read-voltage");
    o->stuck_only = argument_choice(a, "score") == 0;
    o->batch = (size_t)argument_integer(a, "batch");
    o->seed = (uint64_t)argument_integer(a, "seed");
    plan->replicates = (size_t)argument_integer(a, "replicates");
}

/* -- 5. cells -- */

struct lists {
    int methods[DEPLOY_METHODS];
    size_t alphas[DEPLOY_LISTED], betas[DEPLOY_LISTED];
    size_t method_count, alpha_count, beta_count; /* 0 betas: the same as alpha */
};

static int read_lists(const struct arguments *a, struct lists *lists, struct rebias_error *err)
{
    const char *beta = argument_text(a, "beta");
    lists->beta_count = 0;
    int status = read_methods(a, lists->methods, &lists->method_count, err);
    if (status == REBIAS_OK) {
        status = read_counts(a, "alpha", lists->alphas, &lists->alpha_count, err);
    }
    if (status == REBIAS_OK && strcmp(beta, "same") != 0) {
        status = read_counts(a, "beta", lists->betas, &lists->beta_count, err);
    }
    for (size_t i = 0; i < lists->alpha_count && status == REBIAS_OK; i++) {
        size_t fit = lists->beta_count == 0;
        for (size_t b = 0; b < lists->beta_count; b++) {
            fit += lists->betas[b] <= lists->alphas[i];
        }
        if (fit == 0) {
            status = rebias_fail(err, REBIAS_E_RANGE,
                                 "no --beta fits --alpha %zu: beta must be 1 to alpha",
                                 lists->alphas[i]);
        }
    }
    return status;
}

/* One cell a stuck fraction. */
static int add_cells(struct deploy_plan *plan, struct rebias_buffer *cells, int way,
                     size_t alpha, size_t beta, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t s = 0; s < plan->stuck_count && status == REBIAS_OK; s++) {
        const struct deploy_cell cell = {.way = &deploy_methods[way],
                                         .method = deploy_methods[way].method,
                                         .alpha = alpha,
                                         .beta = beta,
                                         .stuck = plan->stuck[s]};
        status = rebias_buffer_append(cells, sizeof cell, &cell, err);
    }
    return status;
}

static int add_alpha(struct deploy_plan *plan, struct rebias_buffer *cells,
                     const struct lists *lists, int way, size_t alpha, struct rebias_error *err)
{
    const bool chooses =
        deploy_methods[way].method == REBIAS_DEPLOY_LEA && !deploy_methods[way].plain;
    if (!chooses || lists->beta_count == 0) {
        return add_cells(plan, cells, way, alpha, chooses ? alpha : 0, err);
    }
    int status = REBIAS_OK;
    for (size_t b = 0; b < lists->beta_count && status == REBIAS_OK; b++) {
        if (lists->betas[b] <= alpha) {
            status = add_cells(plan, cells, way, alpha, lists->betas[b], err);
        }
    }
    return status;
}

static int list_cells(struct deploy_plan *plan, struct rebias_error *err)
{
    struct lists lists;
    struct rebias_buffer cells = {0};
    int status = read_lists(plan->arguments, &lists, err);
    for (size_t m = 0; m < lists.method_count && status == REBIAS_OK; m++) {
        for (size_t i = 0; i < lists.alpha_count && status == REBIAS_OK; i++) {
            status = add_alpha(plan, &cells, &lists, lists.methods[m], lists.alphas[i], err);
        }
    }
    plan->cells = cells.data;
    plan->cell_count = cells.count;
    return status;
}

struct rebias_deploy_options deploy_cell_options(const struct deploy_plan *plan,
                                                 const struct deploy_cell *cell,
                                                 size_t replicate)
{
    struct rebias_deploy_options o = plan->base;
    o.method = cell->method;
    o.alpha = cell->alpha;
    o.beta = cell->beta > 0 ? cell->beta : cell->alpha;
    if (cell->way->plain || cell->method != REBIAS_DEPLOY_LEA) {
        o.encoding = REBIAS_ENCODE_SIMPLE;
    }
    if (cell->way->plain) {
        o.placement = REBIAS_PLACE_BLIND;
    }
    o.stuck.probability = plan->chip == NULL ? cell->stuck : 0.0;
    o.replicate = (uint32_t)replicate;
    return o;
}

/* -- 6. samples -- */

static int check_fit(const struct deploy_plan *plan, size_t inputs, size_t classes,
                     const char *what, struct rebias_error *err)
{
    const struct rebias_weights *network = &plan->networks->network[0];
    const size_t outputs = network->layer[network->layers - 1].outputs;
    if (network->layer[0].inputs != inputs) {
        return rebias_fail(err, REBIAS_E_RANGE, "the network has %zu inputs, the %s %zu %s",
                           network->layer[0].inputs, what, inputs,
                           plan->images != NULL ? "pixels" : "features");
    }
    if (outputs < classes) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu outputs, the %s %zu classes", outputs, what,
                           classes);
    }
    return REBIAS_OK;
}

static int load_images(struct deploy_plan *plan, struct rebias_error *err)
{
    const struct arguments *a = plan->arguments;
    int status =
        images_take(&plan->images, argument_text(a, "images"), argument_text(a, "data"), err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct rebias_images *test = &plan->images->test;
    const size_t size = rebias_images_size(test);
    const size_t wanted = (size_t)argument_integer(a, "test-images");
    plan->tasks = 1;
    plan->n[0] = wanted > 0 && wanted < test->n ? wanted : test->n;
    status = check_fit(plan, size, test->classes, "images have", err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&plan->x[0], plan->n[0] * size, sizeof *plan->x[0], err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&plan->label[0], plan->n[0], 1, err);
    }
    if (status == REBIAS_OK) {
        for (size_t i = 0; i < plan->n[0] * size; i++) {
            plan->x[0][i] = (float)test->pixels[i] / 255.0f;
        }
        memcpy(plan->label[0], test->labels, plan->n[0]);
    }
    return status;
}

int deploy_plan_load_samples(struct deploy_plan *plan, struct rebias_error *err)
{
    if (argument_given(plan->arguments, "images")) {
        const int status = load_images(plan, err);
        return status == REBIAS_OK ? deploy_tuning_load(plan, err) : status;
    }
    plan->tasks = DEPLOY_TASKS;
    int status =
        check_fit(plan, REBIAS_YINYANG_FEATURES, REBIAS_YINYANG_CLASSES, "task has", err);
    for (size_t t = 0; t < DEPLOY_TASKS && status == REBIAS_OK; t++) {
        status = rebias_yinyang_new(REBIAS_YINYANG_TEST, (double)t, &plan->n[t], &plan->x[t],
                                    &plan->label[t], err);
    }
    return status == REBIAS_OK ? deploy_tuning_load(plan, err) : status;
}

/* -- 7. all -- */

static int check_choices(const struct arguments *a, struct rebias_error *err)
{
    const bool chip = argument_given(a, "chip");
    const bool images = argument_given(a, "images");
    if (chip == argument_given(a, "stuck")) {
        return rebias_fail(err, REBIAS_E_NAME,
                           chip ? "--chip and --stuck exclude each other: a chip says which "
                                  "devices are stuck"
                                : "no devices: give --chip CHIP.h5, or --stuck P,P,...");
    }
    if (chip && argument_given(a, "stuck-values")) {
        return rebias_fail(err, REBIAS_E_NAME, "--stuck-values has no meaning with --chip");
    }
    if (images && argument_given(a, "task")) {
        return rebias_fail(err, REBIAS_E_NAME, "--images and --task exclude each other");
    }
    if (!images && (argument_given(a, "test-images") || argument_given(a, "data"))) {
        return rebias_fail(err, REBIAS_E_NAME, "--%s needs --images",
                           argument_given(a, "data") ? "data" : "test-images");
    }
    return REBIAS_OK;
}

/* The chip, and the fraction of its devices that is stuck. */
static int load_chip(struct deploy_plan *plan, struct rebias_error *err)
{
    int status = rebias_chip_load(&plan->chip, argument_text(plan->arguments, "chip"), err);
    if (status != REBIAS_OK) {
        return status;
    }
    const size_t devices = plan->chip->columns * plan->chip->rows;
    size_t stuck = 0;
    for (size_t k = 0; k < plan->chip->count; k++) {
        for (size_t d = 0; d < devices; d++) {
            stuck += plan->chip->kernel[k].fault[d] != REBIAS_WORKING;
        }
    }
    plan->stuck_count = 1;
    plan->stuck[0] = (double)stuck / (double)(plan->chip->count * devices);
    return REBIAS_OK;
}

static int read_chip(struct deploy_plan *plan, struct rebias_error *err)
{
    double values[2] = {plan->base.stuck.low, plan->base.stuck.high};
    if (argument_given(plan->arguments, "chip")) {
        return load_chip(plan, err);
    }
    int status = parse_number_list("stuck", argument_text(plan->arguments, "stuck"), 0.0, 1.0,
                                   false, plan->stuck, DEPLOY_LISTED, &plan->stuck_count, err);
    if (status == REBIAS_OK) {
        status = read_numbers(plan->arguments, "stuck-values", 2, "LOW,HIGH", values, err);
    }
    plan->base.stuck.low = values[0];
    plan->base.stuck.high = values[1];
    return status;
}

int deploy_plan_read(struct deploy_plan *plan, const struct arguments *arguments,
                     struct rebias_error *err)
{
    plan->arguments = arguments;
    plan->base = rebias_deploy_options_defaults();
    read_levels(plan);
    int status = check_choices(arguments, err);
    if (status == REBIAS_OK) {
        status = read_errors(plan, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_weights_load(&plan->networks, arguments->word[0], err);
    }
    if (status == REBIAS_OK) {
        status = read_chip(plan, err);
    }
    if (status == REBIAS_OK) {
        status = read_placement(plan, err);
    }
    if (status == REBIAS_OK) {
        status = list_cells(plan, err);
    }
    return status == REBIAS_OK ? deploy_tuning_read(plan, err) : status;
}

const char *deploy_network_name(const struct deploy_plan *plan)
{
    const char *path = plan->arguments->word[0];
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

void deploy_plan_clear(struct deploy_plan *plan)
{
    rebias_weights_set_free(plan->networks);
    rebias_chip_free(plan->chip);
    images_give(plan->images);
    deploy_tuning_clear(&plan->tuning);
    rebias_device_free(plan->device);
    free(plan->given);
    free(plan->cells);
    free(plan->runs);
    free(plan->software);
    for (size_t i = 0; i < 3; i++) {
        free(plan->samples[i]);
    }
    for (size_t t = 0; t < DEPLOY_TASKS; t++) {
        free(plan->x[t]);
        free(plan->label[t]);
    }
}
