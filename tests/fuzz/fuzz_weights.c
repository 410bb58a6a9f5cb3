/* fuzz_weights.c - any sound HDF5 file as a file of networks: refused with a message, or
 * networks whose layers fit and that survive saving.
 * 1. bytes as choices   2. attributes   3. datasets   4. target
 *
 * The bytes choose what is in the file (see fuzz_table_native.c for why). No bytes at all give
 * a good network of two layers.
 */
#include "fuzz_input.h"
#include "rebias/weights.h"
#include <hdf5.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* -- 1. bytes as choices -- */

struct choices {
    const uint8_t *data;
    size_t size;
};

/* The next byte below `count`, 0 at the end. */
static unsigned choose(struct choices *from, unsigned count)
{
    if (from->size == 0) {
        return 0;
    }
    const unsigned byte = *from->data;
    from->data++;
    from->size--;
    return byte % count;
}

/* Common numbers, or whatever the bytes say. */
static double choose_number(struct choices *from)
{
    static const double common[] = {1.0, 0.5, 0.0, -1.0, 3.0, 1e300, NAN, INFINITY};
    const unsigned form = choose(from, 9);
    double value = 0.0;
    if (form < 8) {
        return common[form];
    }
    for (size_t i = 0; i < sizeof value; i++) {
        ((uint8_t *)&value)[i] = (uint8_t)choose(from, 256);
    }
    return value;
}

/* -- 2. attributes -- */

static void add_number(hid_t object, const char *name, struct choices *from)
{
    const hsize_t two = 2;
    const unsigned form = choose(from, 3); /* none, a number, two of them */
    const double values[2] = {choose_number(from), 1.0};
    if (form == 0) {
        return;
    }
    const hid_t space = form == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &two, NULL);
    const hid_t attribute =
        H5Acreate2(object, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_DOUBLE, values);
    H5Aclose(attribute);
    H5Sclose(space);
}

static void add_activation(hid_t object, struct choices *from)
{
    static const char texts[4][8] = {"tanh", "relu", "sigmoid", "none"};
    const char *text = texts[choose(from, 4)];
    const unsigned form = choose(from, 3); /* none, fixed length, variable length */
    if (form == 0) {
        return;
    }
    const hid_t type = H5Tcopy(H5T_C_S1);
    const hid_t space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, form == 1 ? sizeof texts[0] : H5T_VARIABLE);
    const hid_t attribute =
        H5Acreate2(object, "activation", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, form == 1 ? (const void *)text : (const void *)&text);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static void add_attributes(hid_t object, struct choices *from)
{
    add_activation(object, from);
    add_number(object, "input_mean", from);
    add_number(object, "input_sd", from);
}

/* -- 3. datasets -- */

enum { MAX_VALUES = 36 };

static void add_dataset(hid_t group, const char *name, const hsize_t good[2],
                        struct choices *from)
{
    const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I8LE, H5T_STD_B8LE};
    hsize_t shape[3] = {good[0], good[1], 1};
    double values[MAX_VALUES];
    int rank = good[1] > 0 ? 2 : 1;
    const unsigned form = choose(from, 8);
    if (form == 5) { /* another shape */
        shape[0] = choose(from, 4);
        shape[1] = choose(from, 4);
    } else if (form == 6) { /* another rank */
        rank = (int)choose(from, 4);
        shape[1] = shape[1] > 0 ? shape[1] : 1;
    } else if (form == 7) { /* no dataset */
        return;
    }
    const bool free_choice = choose(from, 3) == 2;
    for (size_t i = 0; i < MAX_VALUES; i++) {
        values[i] = free_choice ? choose_number(from) : (double)(i % 3) - 1.0;
    }
    const hid_t space = H5Screate_simple(rank, shape, NULL);
    const hid_t dataset = H5Dcreate2(group, name, types[choose(from, 4)], space, H5P_DEFAULT,
                                     H5P_DEFAULT, H5P_DEFAULT);
    if (dataset >= 0) {
        H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        add_number(dataset, "gamma", from);
        add_number(dataset, "steps", from);
        H5Dclose(dataset);
    }
    H5Sclose(space);
}

static void add_network(hid_t group, struct choices *from)
{
    static const hsize_t shapes[4][2] = {{3, 2}, {3, 0}, {2, 3}, {2, 0}};
    static const char *const names[2][4] = {{"0.weight", "0.bias", "1.weight", "1.bias"},
                                            {"2.weight", "2.bias", "99.weight", "99.bias"}};
    const unsigned form = choose(from, 2);
    add_attributes(group, from);
    for (size_t i = 0; i < 4; i++) {
        add_dataset(group, names[form][i], shapes[i], from);
    }
}

static void build_file(const char *path, struct choices *from)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    fuzz_require(file >= 0, "cannot create the file");
    const unsigned groups = choose(from, 4);
    if (groups == 0) {
        add_network(file, from);
    } else {
        add_attributes(file, from);
    }
    for (unsigned i = 0; i < groups; i++) {
        static const char *const names[] = {"network_0", "network_1", "network_2"};
        const hid_t group = H5Gcreate2(file, names[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        add_network(group, from);
        H5Gclose(group);
    }
    fuzz_require(H5Fclose(file) >= 0, "cannot close the file");
}

/* -- 4. target -- */

static struct rebias_weights_set *load(const char *path)
{
    struct rebias_error err = {0};
    struct rebias_weights_set *set = NULL;
    const int status = rebias_weights_load(&set, path, &err);
    fuzz_require((status == REBIAS_OK) == (set != NULL), "status and data disagree");
    fuzz_require(status == REBIAS_OK || (err.status == status && err.message[0] != '\0'),
                 "failure without a message");
    return set;
}

static void check_network(const struct rebias_weights *network)
{
    fuzz_require(network->layers >= 1 && network->input_sd > 0.0, "a network without layers");
    for (size_t l = 0; l < network->layers; l++) {
        const struct rebias_weights_layer *layer = &network->layer[l];
        fuzz_require(l == 0 || layer->inputs == network->layer[l - 1].outputs,
                     "layers do not follow each other");
        for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
            const double weight = (double)layer->weight[i];
            fuzz_require(isfinite(weight), "a weight is not finite");
            fuzz_require(layer->gamma <= 0.0 || fabs(weight) <= 1.001 * layer->gamma,
                         "a weight is above gamma");
        }
    }
}

static void check_same(const struct rebias_weights *a, const struct rebias_weights *b)
{
    fuzz_require(a->layers == b->layers && a->hidden == b->hidden, "saving changes the form");
    for (size_t l = 0; l < a->layers; l++) {
        const struct rebias_weights_layer *x = &a->layer[l];
        const struct rebias_weights_layer *y = &b->layer[l];
        fuzz_require(x->inputs == y->inputs && x->outputs == y->outputs,
                     "saving changes the shape");
        fuzz_require(memcmp(x->weight, y->weight, x->inputs * x->outputs * sizeof(float)) == 0,
                     "saving changes a weight");
        fuzz_require((x->bias == NULL) == (y->bias == NULL), "saving changes the biases");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices from = {data, size};
    const char *path = fuzz_file(data, 0, ".h5");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    build_file(path, &from);
    struct rebias_weights_set *set = load(path);
    fuzz_require(set != NULL || size > 0, "the good network is refused");
    if (set != NULL) {
        struct rebias_error err = {0};
        fuzz_require(rebias_weights_save(set, path, &err) == REBIAS_OK,
                     "cannot save what was loaded");
        struct rebias_weights_set *again = load(path);
        fuzz_require(again != NULL && again->count == set->count, "networks are lost");
        for (size_t i = 0; i < set->count; i++) {
            check_network(&set->network[i]);
            check_same(&set->network[i], &again->network[i]);
        }
        rebias_weights_set_free(again);
    }
    rebias_weights_set_free(set);
    return 0;
}
