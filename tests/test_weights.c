/* test_weights.c - trained networks in memory and in files.
 * 1. helpers   2. memory   3. round trips   4. files of strangers   5. malformed files
 */
#include "support.h"

#include "base/hdf5_file.h"
#include "rebias/weights.h"
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

static const size_t sizes[] = {2, 3, 2};

/* Network number `number` of 2-3-2: weight k of layer l is number + l + k/8. */
static void make_network(struct rebias_weights *weights, size_t number, bool biased)
{
    struct rebias_error err = {0};
    support_expect(rebias_weights_init(weights, 2, sizes, biased, &err), REBIAS_OK, &err, NULL);
    for (size_t l = 0; l < 2; l++) {
        struct rebias_weights_layer *layer = &weights->layer[l];
        for (size_t k = 0; k < layer->inputs * layer->outputs; k++) {
            layer->weight[k] = (float)(number + l) + (float)k / 8.0f;
        }
        for (size_t j = 0; biased && j < layer->outputs; j++) {
            layer->bias[j] = -(float)j;
        }
    }
}

static struct rebias_weights_set *make_set(size_t count, bool biased)
{
    struct rebias_error err = {0};
    struct rebias_weights_set *set = NULL;
    support_expect(rebias_weights_set_new(&set, count, &err), REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < count; i++) {
        make_network(&set->network[i], i, biased);
    }
    return set;
}

static void expect_same(const struct rebias_weights *a, const struct rebias_weights *b)
{
    assert_true(a->layers == b->layers && a->hidden == b->hidden);
    assert_true(a->input_mean == b->input_mean && a->input_sd == b->input_sd);
    for (size_t l = 0; l < a->layers; l++) {
        const struct rebias_weights_layer *x = &a->layer[l];
        const struct rebias_weights_layer *y = &b->layer[l];
        assert_true(x->inputs == y->inputs && x->outputs == y->outputs);
        assert_true(x->gamma == y->gamma);
        assert_memory_equal(x->weight, y->weight, x->inputs * x->outputs * sizeof(float));
        assert_true((x->bias == NULL) == (y->bias == NULL));
        if (x->bias != NULL) {
            assert_memory_equal(x->bias, y->bias, x->outputs * sizeof(float));
        }
    }
}

static void expect_load(const char *path, int status, const char *text)
{
    struct rebias_error err = {0};
    struct rebias_weights_set *set = (struct rebias_weights_set *)&err;
    support_expect(rebias_weights_load(&set, path, &err), status, &err, text);
    if (status != REBIAS_OK) {
        assert_null(set);
    } else {
        rebias_weights_set_free(set);
    }
}

/* -- 2. memory -- */

/* Order of theta as model.h says: weights row by row, biases behind them, layer after layer. */
static void test_theta(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_weights weights;
    struct rebias_weights copy;
    struct rebias_architecture architecture;
    float theta[17];
    make_network(&weights, 0, true);
    support_expect(rebias_weights_architecture(&weights, &architecture, &err), REBIAS_OK, &err,
                   NULL);
    assert_true(architecture.parameters == 17 && architecture.layers == 2);
    assert_true(architecture.layer[0].transfer == REBIAS_TRANSFER_TANH);
    assert_true(architecture.layer[1].transfer == REBIAS_TRANSFER_NONE);
    rebias_weights_to_theta(&weights, theta);
    assert_true(theta[1] == 0.125f);  /* weight (0, 1) of layer 0 */
    assert_true(theta[8] == -2.0f);   /* its last bias */
    assert_true(theta[10] == 1.125f); /* weight (0, 1) of layer 1 */
    assert_true(theta[16] == -1.0f);
    support_expect(rebias_weights_copy(&copy, &weights, &err), REBIAS_OK, &err, NULL);
    expect_same(&copy, &weights);
    theta[8] = 7.0f;
    rebias_weights_from_theta(&copy, theta);
    assert_true(copy.layer[0].bias[2] == 7.0f && weights.layer[0].bias[2] == -2.0f);
    rebias_weights_clear(&copy);
    rebias_weights_clear(&weights);
    assert_true(weights.layers == 0);
}

/* A missing bias is 0. */
static void test_theta_without_biases(void **state)
{
    (void)state;
    struct rebias_weights weights;
    float theta[17];
    memset(theta, 0xFF, sizeof theta);
    make_network(&weights, 0, false);
    rebias_weights_to_theta(&weights, theta);
    for (size_t j = 0; j < 3; j++) {
        assert_true(theta[6 + j] == 0.0f);
    }
    assert_true(theta[15] == 0.0f && theta[16] == 0.0f);
    rebias_weights_clear(&weights);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_weights weights;
    static const size_t empty[] = {2, 0};
    support_expect(rebias_weights_init(&weights, 0, sizes, true, &err), REBIAS_E_RANGE, &err,
                   "0 layers are not possible (1 to 16)");
    support_expect(rebias_weights_init(&weights, 1, empty, true, &err), REBIAS_E_RANGE, &err,
                   "a layer of 0 neurons is not possible (1 to 65536)");
    assert_null(weights.layer[0].weight);
}

/* -- 3. round trips -- */

static void check_round_trip(size_t count, bool biased)
{
    struct rebias_error err = {0};
    struct rebias_weights_set *set = make_set(count, biased);
    struct rebias_weights_set *back = NULL;
    char path[1024];
    support_scratch(path, "round.h5");
    set->network[count - 1].hidden = REBIAS_TRANSFER_RELU;
    set->network[count - 1].input_mean = 0.1307;
    set->network[count - 1].input_sd = 0.3081;
    support_expect(rebias_copy_text(&set->provenance, "a\nb\n", &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_weights_save(set, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_weights_load(&back, path, &err), REBIAS_OK, &err, NULL);
    assert_int_equal(back->count, count);
    assert_string_equal(back->provenance, "a\nb\n");
    for (size_t i = 0; i < count; i++) {
        expect_same(&back->network[i], &set->network[i]);
        assert_false(rebias_weights_ternary(&back->network[i]));
    }
    rebias_weights_set_free(back);
    rebias_weights_set_free(set);
}

static void test_round_trip(void **state)
{
    (void)state;
    check_round_trip(1, true);
    check_round_trip(1, false);
    check_round_trip(3, true);
}

/* A layer of k gamma/steps keeps both; only one step counts as ternary. */
static void test_levels(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    support_scratch(path, "levels.h5");
    for (size_t steps = 1; steps <= 2; steps++) {
        struct rebias_weights_set *set = make_set(1, true);
        struct rebias_weights_set *back = NULL;
        for (size_t l = 0; l < 2; l++) {
            struct rebias_weights_layer *layer = &set->network[0].layer[l];
            layer->gamma = 0.3;
            layer->steps = steps;
            for (size_t k = 0; k < 6; k++) {
                layer->weight[k] = (float)(0.3 * ((double)(k % 3) - 1.0) / (double)steps);
            }
        }
        support_expect(rebias_weights_save(set, path, &err), REBIAS_OK, &err, NULL);
        support_expect(rebias_weights_load(&back, path, &err), REBIAS_OK, &err, NULL);
        assert_true(back->network[0].layer[1].gamma == 0.3);
        assert_true(back->network[0].layer[1].steps == steps);
        assert_true(rebias_weights_ternary(&back->network[0]) == (steps == 1));
        rebias_weights_set_free(back);
        rebias_weights_set_free(set);
    }
}

static void test_save_refuses(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    char path[1024];
    support_scratch(path, "refused.h5");
    struct rebias_weights_set *set = make_set(1, true);
    set->network[0].layer[1].weight[4] = NAN; /* row 2, column 2 */
    support_expect(
        rebias_weights_save(set, path, &err), REBIAS_E_FORMAT, &err,
        "refused.h5:2:2: the weight nan is not allowed: '/1.weight' (expected finite "
        "numbers)");
    rebias_weights_clear(&set->network[0]);
    make_network(&set->network[0], 0, true);
    set->network[0].layer[0].bias[2] = INFINITY;
    support_expect(rebias_weights_save(set, path, &err), REBIAS_E_FORMAT, &err,
                   "refused.h5:3:1: the bias inf is not allowed: '/0.bias'");
    assert_false(support_exists(path));
    rebias_weights_set_free(set);
}

/* -- 4. files of strangers -- */

/* A file as h5py writes it, by the HDF5 library itself: 64-bit numbers, numbers of layers with
 * gaps, an activation of variable length. */
static void write_stranger(const char *path, const char *activation)
{
    static const double first[3][2] = {{1, 2}, {3, 4}, {5, 6}};
    static const int64_t last[2][3] = {{-1, 0, 1}, {1, -1, 0}};
    static const hsize_t shape[2][2] = {{3, 2}, {2, 3}};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t scalar = H5Screate(H5S_SCALAR);
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    for (size_t i = 0; i < 2; i++) {
        const hid_t space = H5Screate_simple(2, shape[i], NULL);
        const hid_t type = i == 0 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
        const hid_t set = H5Dcreate2(file, i == 0 ? "0.weight" : "2.weight", type, space,
                                     H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                 i == 0 ? (const void *)first : (const void *)last);
        H5Dclose(set);
        H5Sclose(space);
    }
    const hid_t attribute =
        H5Acreate2(file, "activation", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, &activation);
    H5Aclose(attribute);
    H5Tclose(text);
    H5Sclose(scalar);
    H5Fclose(file);
}

static void test_stranger(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_weights_set *set = NULL;
    char path[1024];
    support_scratch(path, "stranger.h5");
    write_stranger(path, "relu");
    support_expect(rebias_weights_load(&set, path, &err), REBIAS_OK, &err, NULL);
    const struct rebias_weights *network = &set->network[0];
    assert_true(set->count == 1 && network->layers == 2);
    assert_true(network->hidden == REBIAS_TRANSFER_RELU);
    assert_true(network->layer[0].inputs == 2 && network->layer[0].outputs == 3);
    assert_true(network->layer[0].weight[5] == 6.0f);
    assert_true(network->layer[1].weight[3] == 1.0f && network->layer[1].bias == NULL);
    assert_true(network->input_mean == 0.0 && network->input_sd == 1.0);
    assert_null(set->provenance);
    rebias_weights_set_free(set);
    write_stranger(path, "swish");
    expect_load(path, REBIAS_E_FORMAT,
                "unknown activation: 'swish' (expected sigmoid, tanh or relu)");
}

/* -- 5. malformed files -- */

/* What a malformed file holds. */
struct malformed {
    const char *weight[2]; /* names of two datasets, NULL: none */
    size_t shape[2][2];    /* rank 1 where the second is 0 */
    const char *attribute; /* of the first dataset, NULL: none */
    double number;
    const char *text; /* expected in the message */
};

static void write_malformed(const char *path, const struct malformed *content)
{
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    float numbers[64] = {0.5f, -0.5f, 0.25f};
    support_expect(rebias_hdf5_create(&file, path, &err), REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < 2 && content->weight[i] != NULL; i++) {
        const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT,
                                                content->shape[i][1] > 0 ? 2 : 1,
                                                {content->shape[i][0], content->shape[i][1]},
                                                numbers};
        support_expect(rebias_hdf5_write(file, content->weight[i], &array, &err), REBIAS_OK,
                       &err, NULL);
    }
    if (content->attribute != NULL) {
        support_expect(rebias_hdf5_write_number(file, content->weight[0], content->attribute,
                                                content->number, &err),
                       REBIAS_OK, &err, NULL);
    }
    support_expect(rebias_hdf5_close(file, &err), REBIAS_OK, &err, NULL);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct malformed files[] = {
        {{NULL, NULL}, {{0}}, NULL, 0.0, "the file holds no layers: '/' (expected datasets"},
        {{"/weight", NULL}, {{2, 3}}, NULL, 0.0, "the file holds no layers"},
        {{"/0.bias", NULL},
         {{2, 0}},
         NULL,
         0.0,
         "biases without weights: '/0.bias' (expected weights of the same number)"},
        {{"/0.weight", "/1.weight"},
         {{3, 2}, {2, 2}},
         NULL,
         0.0,
         "layers do not follow each other: '/1.weight' (expected 3 columns, the outputs of the "
         "layer before)"},
        {{"/0.weight", NULL}, {{3, 0}}, NULL, 0.0, "/0.weight"},
        {{"/0.weight", "/0.bias"}, {{3, 2}, {2, 0}}, NULL, 0.0, "/0.bias"},
        {{"/0.weight", NULL},
         {{1, 3}},
         "gamma",
         0.5,
         ":1:3: the weight 0.25 is not allowed: '/0.weight' (expected 1 steps of 0.5 each at "
         "most)"},
        {{"/0.weight", NULL}, {{1, 3}}, "gamma", 0.0, "bad attribute gamma: '/0.weight'"},
        {{"/0.weight", NULL}, {{1, 3}}, "gamma", -1.0, "bad attribute gamma: '/0.weight'"},
    };
    char path[1024];
    support_scratch(path, "malformed.h5");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_malformed(path, &files[i]);
        expect_load(path, REBIAS_E_FORMAT, files[i].text);
    }
}

/* NaN in a file: named with its row and column. */
static void test_nan(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    float numbers[6] = {0, 0, 0, NAN, 0, 0};
    const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT, 2, {3, 2}, numbers};
    char path[1024];
    support_scratch(path, "nan.h5");
    support_expect(rebias_hdf5_create(&file, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_hdf5_write(file, "/0.weight", &array, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_hdf5_close(file, &err), REBIAS_OK, &err, NULL);
    expect_load(path, REBIAS_E_RANGE, "nan.h5:2:2: value of /0.weight");
}

/* Two groups whose networks differ; no HDF5 at all; no file. */
static void test_bad_files(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    float numbers[6] = {0};
    char path[1024];
    support_scratch(path, "groups.h5");
    support_expect(rebias_hdf5_create(&file, path, &err), REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT, 2, {2 + i, 2}, numbers};
        const char *const groups[] = {"/network_0", "/network_1"};
        const char *const names[] = {"/network_0/0.weight", "/network_1/0.weight"};
        support_expect(rebias_hdf5_group(file, groups[i], &err), REBIAS_OK, &err, NULL);
        support_expect(rebias_hdf5_write(file, names[i], &array, &err), REBIAS_OK, &err, NULL);
    }
    support_expect(rebias_hdf5_close(file, &err), REBIAS_OK, &err, NULL);
    expect_load(path, REBIAS_E_FORMAT, "networks differ in shape: '/network_1'");
    support_write(path, "words.h5", "no HDF5", 7);
    expect_load(path, REBIAS_E_FORMAT, "words.h5");
    expect_load("missing.h5", REBIAS_E_IO, "missing.h5");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_theta),     cmocka_unit_test(test_theta_without_biases),
        cmocka_unit_test(test_bad_sizes), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_levels),    cmocka_unit_test(test_save_refuses),
        cmocka_unit_test(test_stranger),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_nan),       cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
