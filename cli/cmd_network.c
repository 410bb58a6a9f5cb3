/* cmd_network.c - `rebias network`: look at, quantise and import files of trained networks. */
#include "commands.h"
#include "learn_options.h"
#include "network_import.h"
#include "network_quantise.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- info -- */

static int info_row(struct table *table, size_t number, size_t l,
                    const struct rebias_weights_layer *layer, struct rebias_error *err)
{
    const size_t n = layer->inputs * layer->outputs;
    const int64_t whole[] = {(int64_t)number, (int64_t)l, (int64_t)layer->inputs,
                             (int64_t)layer->outputs};
    size_t zeros = 0;
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        zeros += layer->weight[i] == 0.0f;
        largest = fmax(largest, fabs((double)layer->weight[i]));
    }
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0] && status == REBIAS_OK; i++) {
        status = table_integer(table, whole[i], err);
    }
    if (status == REBIAS_OK) {
        status = table_text(table, layer->bias != NULL ? "yes" : "no", err);
    }
    const size_t steps = layer->steps > 1 ? layer->steps : 1;
    const bool quantised = layer->gamma > 0.0;
    const double numbers[] = {quantised ? (double)(2 * steps + 1) : NAN,
                              quantised ? layer->gamma : NAN, (double)zeros / (double)n,
                              largest};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int run_info(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"network", "layer", "inputs", "outputs", "biases",
                                        "levels",  "gamma", "zeros",  "largest"};
    static const char *const hidden[] = {"sigmoid", "tanh", "relu"};
    struct rebias_weights_set *set = NULL;
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = rebias_weights_load(&set, a->word[0], err);
    for (size_t i = 0; status == REBIAS_OK && i < set->count; i++) {
        for (size_t l = 0; l < set->network[i].layers && status == REBIAS_OK; l++) {
            status = info_row(&table, i, l, &set->network[i].layer[l], err);
        }
    }
    if (status == REBIAS_OK) {
        status = table_finish(&table, a, &a->word[0], 1, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_weights *first = &set->network[0];
        remark(a, "%zu network%s, hidden layers: %s, inputs: (x - %g)/%g", set->count,
               set->count == 1 ? "" : "s", hidden[first->hidden], first->input_mean,
               first->input_sd);
    }
    table_free(&table);
    rebias_weights_set_free(set);
    return status;
}

/* -- quantise -- */

static const struct option_row quantise_rows[] = {QUANTISE_ROWS};

/* -- import -- */

static const struct option_row import_rows[] = {
    {"weights", 0, OPTION_TEXT, "FILE,FILE,...", NULL, 0, 0,
     "text files of the layers' weights, in order"},
    {"biases", 0, OPTION_TEXT, "FILE,FILE,...", NULL, 0, 0,
     "text files of their biases, one a layer (default: no biases)"},
    {"rows", 0, OPTION_CHOICE, "outputs|inputs", "outputs", 0, 0,
     "what a row of a weights' file belongs to"},
    {"scale", 0, OPTION_TEXT, "X[,X...]", "1", 0, 0,
     "weights are multiplied by it, one or one a layer"},
    {"activation", 0, OPTION_CHOICE, "sigmoid|tanh|relu", "tanh", 0, 0, "of hidden layers"},
    {"input-mean", 0, OPTION_NUMBER, "X", "0", -1e6, 1e6, "inputs are (x - mean)/sd"},
    {"input-sd", 0, OPTION_NUMBER, "X", "1", 1e-6, 1e6, "inputs are (x - mean)/sd"},
    {"output", 'o', OPTION_TEXT, "FILE.h5", NULL, 0, 0, "write the network here"},
};

/* Cuts text (changed) at commas. */
static int cut_names(const char *option, char *text, const char *names[REBIAS_MAX_LAYERS],
                     size_t *count, struct rebias_error *err)
{
    *count = 0;
    for (char *start = text; start != NULL;) {
        char *comma = strchr(start, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (*start == '\0' || *count == REBIAS_MAX_LAYERS) {
            const struct rebias_place place = {.value = shown_value(start)};
            return rebias_fail_at(err, REBIAS_E_RANGE, &place,
                                  "names of files, separated by commas, at most 16",
                                  "bad value of --%s", option);
        }
        names[(*count)++] = start;
        start = comma;
    }
    return REBIAS_OK;
}

static int read_scales(const struct arguments *a, struct import_files *files,
                       struct rebias_error *err)
{
    size_t count = 0;
    int status = parse_number_list("scale", argument_text(a, "scale"), -1e6, 1e6, false,
                                   files->scale, REBIAS_MAX_LAYERS, &count, err);
    if (status == REBIAS_OK && count != 1 && count != files->layers) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "--scale has %zu values for %zu layers (expected 1 or %zu)", count,
                           files->layers, files->layers);
    }
    for (size_t l = count; l < files->layers && status == REBIAS_OK; l++) {
        files->scale[l] = files->scale[0];
    }
    return status;
}

static int read_files(const struct arguments *a, struct import_files *files, char *weights,
                      char *biases, struct rebias_error *err)
{
    size_t count = 0;
    files->rows_are_inputs = argument_choice(a, "rows") == 1;
    int status = cut_names("weights", weights, files->weight, &files->layers, err);
    if (status == REBIAS_OK && biases != NULL) {
        status = cut_names("biases", biases, files->bias, &count, err);
        if (status == REBIAS_OK && count != files->layers) {
            status = rebias_fail(err, REBIAS_E_RANGE,
                                 "--biases has %zu files for %zu layers of --weights", count,
                                 files->layers);
        }
    }
    return status == REBIAS_OK ? read_scales(a, files, err) : status;
}

static int save_import(const struct arguments *a, struct rebias_weights *weights,
                       const struct import_files *files, struct rebias_error *err)
{
    struct rebias_weights_set *set = NULL;
    struct provenance provenance = {NULL};
    const char *inputs[2 * REBIAS_MAX_LAYERS];
    memcpy(inputs, files->weight, sizeof files->weight);
    memcpy(inputs + REBIAS_MAX_LAYERS, files->bias, sizeof files->bias);
    weights->hidden = (enum rebias_transfer)argument_choice(a, "activation");
    weights->input_mean = argument_number(a, "input-mean");
    weights->input_sd = argument_number(a, "input-sd");
    int status = provenance_make(&provenance, a, inputs, 2 * REBIAS_MAX_LAYERS, err);
    if (status == REBIAS_OK) {
        status = rebias_weights_set_new(&set, 1, err);
    }
    if (status == REBIAS_OK) {
        set->network[0] = *weights;
        *weights = (struct rebias_weights){0};
        status = learn_save(set, &provenance, a, err);
    }
    provenance_free(&provenance);
    rebias_weights_set_free(set);
    return status;
}

static int run_import(const struct arguments *a, struct rebias_error *err)
{
    struct import_files files = {0};
    struct rebias_weights weights = {0};
    char *names[2] = {NULL, NULL};
    int status = REBIAS_OK;
    if (!argument_given(a, "weights") || !argument_given(a, "output")) {
        return rebias_fail(err, REBIAS_E_NAME, "give --weights FILE,FILE,... and -o FILE.h5");
    }
    status = learn_check_output(a, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&names[0], argument_text(a, "weights"), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&names[1], argument_text(a, "biases"), err);
    }
    if (status == REBIAS_OK) {
        status = read_files(a, &files, names[0], names[1], err);
    }
    if (status == REBIAS_OK) {
        status = import_network(&weights, &files, err);
    }
    if (status == REBIAS_OK) {
        status = save_import(a, &weights, &files, err);
    }
    rebias_weights_clear(&weights);
    free(names[0]);
    free(names[1]);
    return status;
}

const struct command network_commands[] = {
    {"network info", "FILE.h5", "the layers of every network of a file", NULL, 1, 1, NULL, 0,
     run_info, NULL},
    {"network quantise", "FILE.h5", "weights of few levels, e.g. ternary ones",
     "nearest: the levels that change the weights least (squares). kl: starts there; then "
     "straight-through gradients of the\n"
     "Kullback-Leibler divergence from the softmax of the network as it is, on unlabelled "
     "inputs; the best of several fits\n"
     "on validation samples stays. Networks come best first, `from` is their number in "
     "FILE.h5.",
     1, 1, quantise_rows, sizeof quantise_rows / sizeof quantise_rows[0], run_quantise, NULL},
    {"network import", "", "a network from text files", NULL, 0, 0, import_rows,
     sizeof import_rows / sizeof import_rows[0], run_import, NULL},
};
const size_t network_command_count = 3;
