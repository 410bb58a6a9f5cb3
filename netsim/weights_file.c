/* weights_file.c - trained networks in HDF5 files.
 * 1. names   2. checks   3. saving   4. loading a layer   5. loading a network   6. loading
 */
#include "base/hdf5_file.h"
#include "rebias/base.h"
#include "rebias/weights.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. names -- */

enum { NAME_LENGTH = 64, NUMBERS = 100, MOST_NETWORKS = 100000 };

/* File and group that a network is read from or written to; group is "" for the root's. */
struct source {
    struct rebias_hdf5 *file;
    const char *path;
    char group[NAME_LENGTH / 2];
};

/* "GROUP/NUMBER.weight" or "GROUP/NUMBER.bias". */
static const char *name_of(char name[NAME_LENGTH], const struct source *source, size_t number,
                           const char *part)
{
    snprintf(name, NAME_LENGTH, "%s/%zu.%s", source->group, number, part);
    return name;
}

static void set_group(struct source *source, size_t network)
{
    snprintf(source->group, sizeof source->group, "/network_%zu", network);
}

/* Object that holds the attributes of the network. */
static const char *holder(const struct source *source)
{
    return source->group[0] != '\0' ? source->group : "/";
}

static const char *const hidden_names[] = {[REBIAS_TRANSFER_SIGMOID] = "sigmoid",
                                           [REBIAS_TRANSFER_TANH] = "tanh",
                                           [REBIAS_TRANSFER_RELU] = "relu"};
static const size_t hidden_count = sizeof hidden_names / sizeof hidden_names[0];

/* A failure at an object of the file. */
static int refuse(const struct source *source, const char *name, const char *expected,
                  const char *message, struct rebias_error *err)
{
    const struct rebias_place place = {source->path, 0, 0, name};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "%s", message);
}

/* -- 2. checks -- */

/* Every weight is finite and, in a quantised layer, a level. */
static int check_levels(const struct source *source, const char *name,
                        const struct rebias_weights_layer *layer, struct rebias_error *err)
{
    static const double tolerance = 1e-6; /* of gamma: float32 keeps 6e-8 */
    const double steps = layer->steps > 1 ? (double)layer->steps : 1.0;
    for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
        const double weight = (double)layer->weight[i];
        const double level = rint(weight / layer->gamma * steps);
        const bool good =
            isfinite(weight) &&
            (!(layer->gamma > 0.0) ||
             (fabs(level) <= steps &&
              fabs(weight - level * layer->gamma / steps) <= tolerance * layer->gamma));
        if (!good) {
            const struct rebias_place place = {source->path, i / layer->inputs + 1,
                                               i % layer->inputs + 1, name};
            char expected[96];
            snprintf(expected, sizeof expected,
                     layer->gamma > 0.0 ? "%.0f steps of %.9g each at most" : "finite numbers",
                     steps, layer->gamma / steps);
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected,
                                  "the weight %.9g is not allowed", weight);
        }
    }
    return REBIAS_OK;
}

static int check_biases(const struct source *source, const char *name,
                        const struct rebias_weights_layer *layer, struct rebias_error *err)
{
    for (size_t j = 0; layer->bias != NULL && j < layer->outputs; j++) {
        if (!isfinite((double)layer->bias[j])) {
            const struct rebias_place place = {source->path, j + 1, 1, name};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "finite numbers",
                                  "the bias %g is not allowed", (double)layer->bias[j]);
        }
    }
    return REBIAS_OK;
}

/* Networks of one file have layers of the same sizes. */
static bool same_shape(const struct rebias_weights *a, const struct rebias_weights *b)
{
    bool same = a->layers == b->layers;
    for (size_t l = 0; l < a->layers && same; l++) {
        same = a->layer[l].inputs == b->layer[l].inputs &&
               a->layer[l].outputs == b->layer[l].outputs;
    }
    return same;
}

/* -- 3. saving -- */

static int save_layer(const struct source *source, size_t number,
                      const struct rebias_weights_layer *layer, struct rebias_error *err)
{
    char name[NAME_LENGTH];
    struct rebias_hdf5_array array = {
        REBIAS_HDF5_FLOAT, 2, {layer->outputs, layer->inputs}, layer->weight};
    int status = check_levels(source, name_of(name, source, number, "weight"), layer, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_write(source->file, name, &array, err);
    }
    if (status == REBIAS_OK && layer->gamma > 0.0) {
        status = rebias_hdf5_write_number(source->file, name, "gamma", layer->gamma, err);
    }
    if (status == REBIAS_OK && layer->gamma > 0.0 && layer->steps > 1) {
        status =
            rebias_hdf5_write_number(source->file, name, "steps", (double)layer->steps, err);
    }
    if (status == REBIAS_OK && layer->bias != NULL) {
        array =
            (struct rebias_hdf5_array){REBIAS_HDF5_FLOAT, 1, {layer->outputs, 1}, layer->bias};
        status = check_biases(source, name_of(name, source, number, "bias"), layer, err);
        status =
            status == REBIAS_OK ? rebias_hdf5_write(source->file, name, &array, err) : status;
    }
    return status;
}

static int save_network(const struct source *source, const struct rebias_weights *weights,
                        struct rebias_error *err)
{
    const char *object = holder(source);
    int status = rebias_hdf5_write_text(source->file, object, "activation",
                                        hidden_names[weights->hidden], err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_write_number(source->file, object, "input_mean",
                                          weights->input_mean, err);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_hdf5_write_number(source->file, object, "input_sd", weights->input_sd, err);
    }
    for (size_t l = 0; l < weights->layers && status == REBIAS_OK; l++) {
        status = save_layer(source, l, &weights->layer[l], err);
    }
    return status;
}

static int check_set(const struct rebias_weights_set *set, const char *path,
                     struct rebias_error *err)
{
    const struct source source = {.path = path, .group = ""};
    if (set->count == 0 || set->count > MOST_NETWORKS) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a file of %zu networks is not possible (1 to %d)", set->count,
                           MOST_NETWORKS);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (set->network[i].layers == 0 || set->network[i].hidden >= hidden_count) {
            return rebias_fail(err, REBIAS_E_DATA,
                               "network %zu is empty or has no activation that files know", i);
        }
        if (!same_shape(&set->network[i], &set->network[0])) {
            return refuse(&source, NULL, "layers of the same sizes in every network",
                          "networks differ in shape", err);
        }
    }
    return REBIAS_OK;
}

int rebias_weights_save(const struct rebias_weights_set *set, const char *path,
                        struct rebias_error *err)
{
    struct source source = {.path = path, .group = ""};
    int status = check_set(set, path, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_create(&source.file, path, err);
    }
    if (status == REBIAS_OK && set->provenance != NULL) {
        status = rebias_hdf5_write_text(source.file, "/", "provenance", set->provenance, err);
    }
    for (size_t i = 0; i < set->count && status == REBIAS_OK; i++) {
        if (set->count > 1) {
            set_group(&source, i);
            status = rebias_hdf5_group(source.file, source.group, err);
        }
        status = status == REBIAS_OK ? save_network(&source, &set->network[i], err) : status;
    }
    if (status == REBIAS_OK) {
        return rebias_hdf5_close(source.file, err);
    }
    rebias_hdf5_discard(source.file);
    return status;
}

/* -- 4. loading a layer -- */

/* gamma and steps of a weight dataset, where it has them. */
static int load_levels(const struct source *source, const char *name,
                       struct rebias_weights_layer *layer, struct rebias_error *err)
{
    double steps = 1.0;
    int status = REBIAS_OK;
    if (!rebias_hdf5_has_attribute(source->file, name, "gamma")) {
        return REBIAS_OK;
    }
    status = rebias_hdf5_read_number(source->file, name, "gamma", &layer->gamma, err);
    if (status == REBIAS_OK && rebias_hdf5_has_attribute(source->file, name, "steps")) {
        status = rebias_hdf5_read_number(source->file, name, "steps", &steps, err);
    }
    if (status == REBIAS_OK && !(layer->gamma > 0.0)) {
        status = refuse(source, name, "a number above 0", "bad attribute gamma", err);
    }
    if (status == REBIAS_OK && !(steps >= 1.0 && steps <= 32767.0 && steps == floor(steps))) {
        status =
            refuse(source, name, "a whole number from 1 to 32767", "bad attribute steps", err);
    }
    layer->steps = status == REBIAS_OK ? (size_t)steps : 0;
    return status;
}

static int load_bias(const struct source *source, size_t number,
                     struct rebias_weights_layer *layer, struct rebias_error *err)
{
    char name[NAME_LENGTH];
    if (!rebias_hdf5_exists(source->file, name_of(name, source, number, "bias"))) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(&layer->bias, layer->outputs, sizeof *layer->bias, err);
    if (status == REBIAS_OK) {
        const struct rebias_hdf5_array array = {
            REBIAS_HDF5_FLOAT, 1, {layer->outputs, 1}, layer->bias};
        status = rebias_hdf5_read(source->file, name, &array, err);
    }
    return status;
}

/* inputs: outputs of the layer before, 0 for the first layer. */
static int load_layer(const struct source *source, size_t number, size_t inputs,
                      struct rebias_weights_layer *layer, struct rebias_error *err)
{
    char name[NAME_LENGTH];
    size_t shape[2] = {0, 0};
    name_of(name, source, number, "weight");
    int status = rebias_hdf5_shape(source->file, name, 2, shape, err);
    if (status == REBIAS_OK && inputs > 0 && shape[1] != inputs) {
        char expected[64];
        snprintf(expected, sizeof expected, "%zu columns, the outputs of the layer before",
                 inputs);
        status = refuse(source, name, expected, "layers do not follow each other", err);
    }
    if (status == REBIAS_OK) {
        layer->outputs = shape[0];
        layer->inputs = shape[1];
        status = rebias_alloc(&layer->weight, shape[0] * shape[1], sizeof *layer->weight, err);
    }
    if (status == REBIAS_OK) {
        const struct rebias_hdf5_array array = {
            REBIAS_HDF5_FLOAT, 2, {shape[0], shape[1]}, layer->weight};
        status = rebias_hdf5_read(source->file, name, &array, err);
    }
    if (status == REBIAS_OK) {
        status = load_levels(source, name, layer, err);
    }
    if (status == REBIAS_OK) {
        status = check_levels(source, name, layer, err);
    }
    return status == REBIAS_OK ? load_bias(source, number, layer, err) : status;
}

/* -- 5. loading a network -- */

/* Where an attribute of the network stands: its group, or else the root; NULL: nowhere. */
static const char *attribute_holder(const struct source *source, const char *attribute)
{
    if (rebias_hdf5_has_attribute(source->file, holder(source), attribute)) {
        return holder(source);
    }
    return rebias_hdf5_has_attribute(source->file, "/", attribute) ? "/" : NULL;
}

static int load_activation(const struct source *source, struct rebias_weights *weights,
                           struct rebias_error *err)
{
    char *text = NULL;
    const char *object = attribute_holder(source, "activation");
    weights->hidden = REBIAS_TRANSFER_TANH;
    if (object == NULL) {
        return REBIAS_OK;
    }
    int status = rebias_hdf5_read_text(source->file, object, "activation", &text, err);
    if (status == REBIAS_OK) {
        size_t i = 0;
        while (i < hidden_count && strcmp(text, hidden_names[i]) != 0) {
            i++;
        }
        weights->hidden = (enum rebias_transfer)i;
        if (i == hidden_count) {
            status = refuse(source, text, "sigmoid, tanh or relu", "unknown activation", err);
        }
    }
    free(text);
    return status;
}

static int load_number(const struct source *source, const char *attribute, double *value,
                       struct rebias_error *err)
{
    const char *object = attribute_holder(source, attribute);
    return object != NULL ? rebias_hdf5_read_number(source->file, object, attribute, value, err)
                          : REBIAS_OK;
}

static int load_attributes(const struct source *source, struct rebias_weights *weights,
                           struct rebias_error *err)
{
    weights->input_sd = 1.0;
    int status = load_activation(source, weights, err);
    if (status == REBIAS_OK) {
        status = load_number(source, "input_mean", &weights->input_mean, err);
    }
    if (status == REBIAS_OK) {
        status = load_number(source, "input_sd", &weights->input_sd, err);
    }
    if (status == REBIAS_OK && !(weights->input_sd > 0.0)) {
        status =
            refuse(source, holder(source), "a number above 0", "bad attribute input_sd", err);
    }
    return status;
}

static int load_network(const struct source *source, struct rebias_weights *weights,
                        struct rebias_error *err)
{
    char name[NAME_LENGTH];
    size_t inputs = 0;
    int status = load_attributes(source, weights, err);
    for (size_t number = 0; number < NUMBERS && status == REBIAS_OK; number++) {
        if (!rebias_hdf5_exists(source->file, name_of(name, source, number, "weight"))) {
            if (rebias_hdf5_exists(source->file, name_of(name, source, number, "bias"))) {
                return refuse(source, name, "weights of the same number",
                              "biases without weights", err);
            }
            continue;
        }
        if (weights->layers == REBIAS_MAX_LAYERS) {
            return refuse(source, name, "at most 16 layers", "one layer too many", err);
        }
        struct rebias_weights_layer *layer = &weights->layer[weights->layers++];
        status = load_layer(source, number, inputs, layer, err);
        inputs = layer->outputs;
    }
    if (status == REBIAS_OK && weights->layers == 0) {
        status = refuse(source, holder(source),
                        "datasets 0.weight (outputs x inputs), 0.bias, 1.weight ..., or groups "
                        "network_0, network_1 ... of them",
                        "the file holds no layers", err);
    }
    return status;
}

/* -- 6. loading -- */

static size_t count_networks(struct source *source)
{
    size_t count = 0;
    for (set_group(source, 0); count < MOST_NETWORKS; set_group(source, count)) {
        if (!rebias_hdf5_exists(source->file, source->group)) {
            break;
        }
        count++;
    }
    return count;
}

static int load_set(struct source *source, struct rebias_weights_set **set,
                    struct rebias_error *err)
{
    const size_t groups = count_networks(source);
    int status = rebias_weights_set_new(set, groups > 0 ? groups : 1, err);
    source->group[0] = '\0';
    for (size_t i = 0; status == REBIAS_OK && i < (*set)->count; i++) {
        if (groups > 0) {
            set_group(source, i);
        }
        struct rebias_weights *network = &(*set)->network[i];
        status = load_network(source, network, err);
        if (status == REBIAS_OK && !same_shape(network, &(*set)->network[0])) {
            status = refuse(source, holder(source), "layers of network_0's sizes",
                            "networks differ in shape", err);
        }
    }
    if (status == REBIAS_OK && rebias_hdf5_has_attribute(source->file, "/", "provenance")) {
        status =
            rebias_hdf5_read_text(source->file, "/", "provenance", &(*set)->provenance, err);
    }
    return status;
}

int rebias_weights_load(struct rebias_weights_set **out, const char *path,
                        struct rebias_error *err)
{
    struct source source = {.path = path};
    struct rebias_weights_set *set = NULL;
    *out = NULL;
    int status = rebias_hdf5_open(&source.file, path, err);
    if (status == REBIAS_OK) {
        status = load_set(&source, &set, err);
    }
    rebias_hdf5_discard(source.file);
    if (status != REBIAS_OK) {
        rebias_weights_set_free(set);
        return status;
    }
    *out = set;
    return REBIAS_OK;
}
