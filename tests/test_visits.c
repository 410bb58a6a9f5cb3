/* test_visits.c - where a training run really was.
 * 1. helpers   2. counting in crossbars   3. counting in networks   4. weights of slices
 * 5. files   6. malformed files
 */
#include "support.h"

#include "blobs.h"
#include "rebias/crossbar.h"
#include "rebias/network.h"
#include "rebias/train.h"
#include "rebias/visits.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

static struct rebias_visits *visits_new(size_t levels, double Gmin, double Gmax)
{
    struct rebias_error err = {0};
    struct rebias_visits *visits = NULL;
    support_expect(rebias_visits_new(&visits, levels, Gmin, Gmax, &err), REBIAS_OK, &err, NULL);
    return visits;
}

/* Visits from Gmin = 0 to `levels` S in cells of 1 S, the same pulses in both polarities. */
static struct rebias_visits *visits_of(size_t levels, const uint64_t *pulses)
{
    struct rebias_visits *visits = visits_new(levels, 0.0, (double)levels);
    memcpy(visits->count[0], pulses, levels * sizeof *pulses);
    memcpy(visits->count[1], pulses, levels * sizeof *pulses);
    return visits;
}

static uint64_t total(const struct rebias_visits *visits, int polarity)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < visits->levels; i++) {
        sum += visits->count[polarity][i];
    }
    return sum;
}

static void expect_same(const struct rebias_visits *a, const struct rebias_visits *b)
{
    assert_int_equal(a->levels, b->levels);
    assert_memory_equal(a->count[0], b->count[0], a->levels * sizeof *a->count[0]);
    assert_memory_equal(a->count[1], b->count[1], a->levels * sizeof *a->count[1]);
}

/* The plain count: the cell is found by walking over the edges. */
static void add_plainly(struct rebias_visits *visits, double G, int pulses)
{
    const double width = (visits->Gmax - visits->Gmin) / (double)visits->levels;
    size_t cell = 0;
    while (cell + 1 < visits->levels && G >= visits->Gmin + (double)(cell + 1) * width) {
        cell++;
    }
    visits->count[pulses < 0][cell] += (uint64_t)abs(pulses);
}

static void test_new(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_visits *visits = visits_new(5, 1e-6, 2e-6);
    assert_true(visits->levels == 5 && visits->Gmin == 1e-6 && visits->Gmax == 2e-6);
    assert_true(total(visits, 0) == 0 && total(visits, 1) == 0);
    rebias_visits_free(visits);
    support_expect(rebias_visits_new(&visits, 0, 0.0, 1.0, &err), REBIAS_E_RANGE, &err,
                   "visits need at least one level");
    support_expect(rebias_visits_new(&visits, 5, 2e-6, 2e-6, &err), REBIAS_E_RANGE, &err,
                   "the range from 2e-06 S to 2e-06 S holds no visits");
    assert_int_equal(rebias_visits_new(&visits, 5, (double)NAN, 1.0, NULL), REBIAS_E_RANGE);
    assert_int_equal(rebias_visits_new(&visits, 5, 0.0, (double)INFINITY, NULL),
                     REBIAS_E_RANGE);
    assert_int_equal(rebias_visits_new(&visits, 5, -1.5e308, 1.5e308, NULL), REBIAS_E_RANGE);
    assert_int_equal(rebias_visits_new(&visits, SIZE_MAX / 2, 0.0, 1.0, NULL), REBIAS_E_MEMORY);
    assert_null(visits);
    rebias_visits_free(NULL);
}

/* -- 2. counting in crossbars -- */

enum { ROWS = 6, COLUMNS = 7, SIZE = ROWS * COLUMNS, UPDATES = 40, LEVELS = 13 };

/* Even whole requests are given as they are (their fraction is 0, and a pair halves them), so
 * that what each device gets is known. */
static void fill_even(uint32_t step, float *request)
{
    const struct rebias_stream stream = {7, REBIAS_FOR_TEST, 0, 1, step};
    uint32_t word[SIZE];
    rebias_random_words(&stream, 0, SIZE, word);
    for (size_t i = 0; i < SIZE; i++) {
        request[i] = 2.0f * ((float)(word[i] % 7) - 3.0f);
    }
}

static void count_plainly(struct rebias_visits *plain, const struct rebias_crossbar *crossbar,
                          int arrays, const float *request)
{
    for (int a = 0; a < arrays; a++) {
        const float *G = rebias_crossbar_conductances(crossbar, a);
        for (size_t i = 0; i < SIZE; i++) {
            const int pulses = (int)request[i] / arrays;
            add_plainly(plain, (double)G[i], a == 0 ? pulses : -pulses);
        }
    }
}

/* Forty updates of a crossbar of noisy devices against the plain count; programming before
 * them, and updates after the count was stopped, leave no trace. */
static void check_counts(enum rebias_encoding encoding, double Gmin, double Gmax)
{
    struct rebias_error err = {0};
    struct rebias_device *device = support_device("tiox-1.5V");
    const double range = device->Gmax - device->Gmin;
    struct rebias_visits *visits =
        visits_new(LEVELS, device->Gmin + Gmin * range, device->Gmin + Gmax * range);
    struct rebias_visits *plain = visits_new(LEVELS, visits->Gmin, visits->Gmax);
    struct rebias_crossbar_options options = rebias_crossbar_options_defaults();
    struct rebias_crossbar *crossbar = NULL;
    float weights[SIZE];
    float request[SIZE] = {0.0f};
    uint64_t pulses = 0;
    options.rows = ROWS;
    options.columns = COLUMNS;
    options.encoding = encoding;
    support_expect(rebias_crossbar_new(&crossbar, device, &options, weights, &err), REBIAS_OK,
                   &err, NULL);
    rebias_crossbar_count_visits(crossbar, visits);
    assert_true(rebias_crossbar_program(crossbar, request) > 0);
    expect_same(visits, plain);
    for (uint32_t step = 0; step < UPDATES; step++) {
        fill_even(step, request);
        count_plainly(plain, crossbar, encoding == REBIAS_PAIR ? 2 : 1, request);
        pulses += rebias_crossbar_update(crossbar, request, 1.0f, NULL, step);
    }
    expect_same(visits, plain);
    assert_int_equal(total(visits, 0) + total(visits, 1), pulses);
    rebias_crossbar_count_visits(crossbar, NULL);
    assert_true(rebias_crossbar_update(crossbar, request, 1.0f, NULL, UPDATES) > 0);
    expect_same(visits, plain);
    rebias_crossbar_free(crossbar);
    rebias_visits_free(visits);
    rebias_visits_free(plain);
    rebias_device_free(device);
}

static void test_counts(void **state)
{
    (void)state;
    check_counts(REBIAS_SINGLE, 0.0, 1.0);
    check_counts(REBIAS_PAIR, 0.0, 1.0);
    check_counts(REBIAS_PAIR, 0.3, 0.5); /* most devices are outside: the end cells */
}

/* By hand: the jump of "ideal" is exact. 3 SET at Gmin; 2 RESET where 3 jumps have led; the 1
 * pulse that a cap of 1 leaves of 5 SET, where 1 jump has led. */
static void test_counts_by_hand(void **state)
{
    (void)state;
    static const struct {
        float before, request;
        uint16_t cap;
    } cases[] = {{0.0f, 3.0f, 100}, {3.0f, -2.0f, 100}, {1.0f, 5.0f, 1}};
    struct rebias_error err = {0};
    struct rebias_device *device = support_device("ideal");
    const double jump = rebias_device_pulse_size(device);
    struct rebias_visits *visits =
        visits_new(4, device->Gmin - 0.5 * jump, device->Gmin + 3.5 * jump);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rebias_crossbar_options options = rebias_crossbar_options_defaults();
        struct rebias_crossbar *crossbar = NULL;
        float weight = 0.0f;
        options.encoding = REBIAS_SINGLE;
        options.pulse_cap = cases[i].cap;
        support_expect(rebias_crossbar_new(&crossbar, device, &options, &weight, &err),
                       REBIAS_OK, &err, NULL);
        rebias_crossbar_update(crossbar, &cases[i].before, 1.0f, NULL, 0);
        rebias_crossbar_count_visits(crossbar, visits);
        rebias_crossbar_update(crossbar, &cases[i].request, 1.0f, NULL, 1);
        rebias_crossbar_free(crossbar);
    }
    const uint64_t set[] = {3, 1, 0, 0};
    const uint64_t reset[] = {0, 0, 0, 2};
    assert_memory_equal(visits->count[0], set, sizeof set);
    assert_memory_equal(visits->count[1], reset, sizeof reset);
    rebias_visits_free(visits);
    rebias_device_free(device);
}

/* -- 3. counting in networks -- */

static struct blob_memory memory;

/* Trains a network of 64-6-4; weights[] receives those of its first layer. */
static uint64_t train_blobs(const struct rebias_device *device, struct rebias_visits *visits,
                            float *weights)
{
    const struct rebias_image_set set = blob_set(&memory);
    struct rebias_network_options n = rebias_network_options_defaults();
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_network *network = NULL;
    struct rebias_epoch epochs[2];
    struct rebias_error err = {0};
    n.sizes[0] = BLOB_PIXELS;
    n.sizes[1] = 6;
    n.sizes[2] = BLOB_CLASSES;
    n.batch = o.batch = 16;
    n.device = device;
    o.epochs = 2;
    o.rate[0] = o.rate[1] = 1.0;
    support_expect(rebias_network_new(&network, &n, &err), REBIAS_OK, &err, NULL);
    rebias_network_count_visits(network, visits);
    support_expect(rebias_train(network, &set, &o, epochs, NULL, NULL, &err), REBIAS_OK, &err,
                   NULL);
    memcpy(weights, rebias_network_weights(network, 0), (BLOB_PIXELS + 1) * 6 * sizeof(float));
    rebias_network_free(network);
    return epochs[0].pulses + epochs[1].pulses;
}

/* Every pulse of the training is counted once, and counting changes no weight. */
static void test_networks(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("tiox-1.5V");
    struct rebias_visits *visits = visits_new(50, device->Gmin, device->Gmax);
    static float counted[(BLOB_PIXELS + 1) * 6];
    static float plain[(BLOB_PIXELS + 1) * 6];
    const uint64_t pulses = train_blobs(device, visits, counted);
    print_message("# pulses: %" PRIu64 "\n", pulses);
    assert_true(pulses > 1000);
    assert_int_equal(total(visits, 0) + total(visits, 1), pulses);
    assert_true(total(visits, 0) > pulses / 4 && total(visits, 1) > pulses / 4);
    assert_int_equal(train_blobs(device, NULL, plain), pulses);
    assert_memory_equal(counted, plain, sizeof plain);
    assert_int_equal(train_blobs(NULL, visits, plain), 0); /* software */
    assert_int_equal(total(visits, 0) + total(visits, 1), pulses);
    rebias_visits_free(visits);
    rebias_device_free(device);
}

/* -- 4. weights of slices -- */

static void expect_weights(const struct rebias_visits *visits, double Gmin, double Gmax,
                           size_t slices, const double *expected)
{
    struct rebias_error err = {0};
    double set[8];
    double reset[8];
    double sum = 0.0;
    support_expect(
        rebias_visits_weights(visits, Gmin, Gmax, slices, (double *[]){set, reset}, &err),
        REBIAS_OK, &err, NULL);
    for (size_t k = 0; k < slices; k++) {
        support_close(set[k], expected[k], 1e-12, 1e-15);
        assert_true(set[k] == reset[k]); /* the same computation: exact */
        sum += set[k];
    }
    support_close(sum, 1.0, 1e-14, 0.0);
}

/* By hand: pulses 1, 2, 3, 4 in the cells 0-1, 1-2, 2-3, 3-4 S. */
static void test_weights(void **state)
{
    (void)state;
    struct rebias_visits *v = visits_of(4, (const uint64_t[]){1, 2, 3, 4});
    /* levels 0, 2, 4 reach over -1 to 1, 1 to 3, 3 to 5 */
    expect_weights(v, 0.0, 4.0, 3, (const double[]){0.1, 0.5, 0.4});
    /* levels 0, 4 */
    expect_weights(v, 0.0, 4.0, 2, (const double[]){0.3, 0.7});
    /* levels 0, 1, 2, 3, 4: every cell is halved */
    expect_weights(v, 0.0, 4.0, 5, (const double[]){0.05, 0.15, 0.25, 0.35, 0.2});
    /* levels 1, 2 reach over 0.5 to 1.5 and 1.5 to 2.5: half of 1, 2 and 3 and 2; no 4 */
    expect_weights(v, 1.0, 2.0, 2, (const double[]){1.5 / 4.0, 2.5 / 4.0});
    /* levels -1, 0, 1, 2, beyond the visits: 0, 0.5, 1.5, 2.5 */
    expect_weights(v, -1.0, 2.0, 4, (const double[]){0.0, 0.5 / 4.5, 1.5 / 4.5, 2.5 / 4.5});
    rebias_visits_free(v);
    v = visits_of(3, (const uint64_t[]){4, 2, 0});
    expect_weights(v, 0.0, 3.0, 2, (const double[]){5.0 / 6.0, 1.0 / 6.0}); /* 2 is halved */
    rebias_visits_free(v);
    v = visits_of(1, (const uint64_t[]){8}); /* slices finer than cells */
    expect_weights(v, 0.0, 1.0, 5, (const double[]){0.125, 0.25, 0.25, 0.25, 0.125});
    rebias_visits_free(v);
}

/* When each level has a cell of its own, the weights are the visits: random ones, in siemens as
 * devices have them. */
static void test_weights_of_own_cells(void **state)
{
    (void)state;
    enum { OWN = 8 };
    const double step = 3.7e-7;
    struct rebias_visits *v = visits_new(OWN, 1e-6 - 0.5 * step, 1e-6 + (OWN - 0.5) * step);
    const struct rebias_stream stream = {7, REBIAS_FOR_TEST, 0, 2, 0};
    uint32_t word[OWN];
    double expected[OWN];
    double sum = 0.0;
    rebias_random_words(&stream, 0, OWN, word);
    for (size_t i = 0; i < OWN; i++) {
        v->count[0][i] = v->count[1][i] = word[i];
        sum += (double)word[i];
    }
    for (size_t i = 0; i < OWN; i++) {
        expected[i] = (double)word[i] / sum;
    }
    expect_weights(v, 1e-6, 1e-6 + (OWN - 1) * step, OWN, expected);
    rebias_visits_free(v);
}

static void test_weights_refused(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    double set[4] = {7.0, 7.0, 7.0, 7.0};
    double reset[4] = {7.0, 7.0, 7.0, 7.0};
    double *weights[2] = {set, reset};
    struct rebias_visits *v = visits_of(4, (const uint64_t[]){1, 2, 3, 4});
    support_expect(rebias_visits_weights(v, 0.0, 4.0, 1, weights, &err), REBIAS_E_RANGE, &err,
                   "1 slices have no distance (at least 2)");
    support_expect(rebias_visits_weights(v, 4.0, 0.0, 3, weights, &err), REBIAS_E_RANGE, &err,
                   "the range from 4 S to 0 S holds no visits");
    assert_int_equal(rebias_visits_weights(v, 0.0, (double)NAN, 3, weights, NULL),
                     REBIAS_E_RANGE);
    /* levels 5, 7 reach down to 4, where the last cell ends */
    support_expect(rebias_visits_weights(v, 5.0, 7.0, 2, weights, &err), REBIAS_E_DATA, &err,
                   "no SET pulse was given from 5 S to 7 S");
    memset(v->count[1], 0, 4 * sizeof *v->count[1]);
    support_expect(rebias_visits_weights(v, 0.0, 4.0, 3, weights, &err), REBIAS_E_DATA, &err,
                   "no RESET pulse was given from 0 S to 4 S");
    for (size_t k = 0; k < 4; k++) {
        assert_true(set[k] == 7.0 && reset[k] == 7.0); /* not written */
    }
    rebias_visits_free(v);
}

/* -- 5. files -- */

static void write_visits(char path[1024], const char *name, const struct rebias_visits *visits,
                         const char *provenance)
{
    struct rebias_error err = {0};
    support_scratch(path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    support_expect(rebias_visits_write(visits, file, provenance, &err), REBIAS_OK, &err, NULL);
    assert_int_equal(fclose(file), 0);
}

static void test_written_text(void **state)
{
    (void)state;
    char path[1024];
    char *text = NULL;
    size_t size = 0;
    struct rebias_visits *v = visits_of(2, (const uint64_t[]){5, 70});
    v->count[1][0] = 0;
    write_visits(path, "text.csv", v, "rebias 1\ncommand: x");
    assert_int_equal(rebias_read_file(path, 1000, &text, &size, NULL), REBIAS_OK);
    assert_string_equal(
        text, "# rebias 1\n# command: x\nG_low_S,G_high_S,set,reset\n0,1,5,0\n1,2,70,70\n");
    free(text);
    rebias_visits_free(v);
}

/* What is loaded is what was written, to the last bit: also counts beyond 2^53 and edges that
 * no short decimal number hits. */
static void test_load_what_was_written(void **state)
{
    (void)state;
    enum { MANY = 97 };
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_visits *back = NULL;
    struct rebias_visits *v = visits_new(MANY, 1.0 / 3e6, 1.0 / 7e3);
    for (size_t i = 0; i < MANY; i++) {
        v->count[0][i] = i * i;
        v->count[1][i] = MANY - i;
    }
    v->count[1][5] = ((uint64_t)1 << 62) + 1;
    write_visits(path, "many.csv", v, NULL);
    support_expect(rebias_visits_load(&back, path, &err), REBIAS_OK, &err, NULL);
    expect_same(back, v);
    assert_true(back->Gmin == v->Gmin && back->Gmax == v->Gmax);
    rebias_visits_free(back);
    rebias_visits_free(v);
}

/* Edges with few digits, notes and other separators are read. */
static void test_load_foreign(void **state)
{
    (void)state;
    static const char text[] = "# a note\nG_low_S;G_high_S;set;reset\n"
                               "1e-6;1.3333e-6;1;0\n1.3333e-6;1.6667e-6;0;2\n"
                               "1.6667e-6;2e-6;3;4\n";
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_visits *v = NULL;
    support_write(path, "foreign.csv", text, sizeof text - 1);
    support_expect(rebias_visits_load(&v, path, &err), REBIAS_OK, &err, NULL);
    assert_int_equal(v->levels, 3);
    assert_true(v->Gmin == 1e-6 && v->Gmax == 2e-6);
    assert_true(v->count[0][2] == 3 && v->count[1][1] == 2 && v->count[1][2] == 4);
    rebias_visits_free(v);
}

/* -- 6. malformed files -- */

static void test_malformed(void **state)
{
    (void)state;
#define HEAD "G_low_S,G_high_S,set,reset\n"
    static const struct {
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {"", REBIAS_E_FORMAT, "bad.csv: file is empty"},
        {HEAD, REBIAS_E_DATA, "bad.csv: file has no data rows"},
        {"G_low_S,G_high_S,up,reset\n0,1,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:1:3: unknown column: 'up' (expected set)"},
        {"G_low_S,G_high_S,set\n0,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:1: header has 3 columns (expected G_low_S,G_high_S,set,reset)"},
        {"G_low_S,G_high_S,set,reset,more\n0,1,1,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:1: header has 5 columns"},
        {HEAD "0,1,1\n", REBIAS_E_FORMAT, "bad.csv:2: row has 3 fields"},
        {HEAD "0,one,1,1\n", REBIAS_E_FORMAT, "bad.csv:2:2: not a number: 'one'"},
        {HEAD "nan,1,1,1\n", REBIAS_E_RANGE, "bad.csv:2:1: number is not finite: 'nan'"},
        {HEAD "0,inf,1,1\n", REBIAS_E_RANGE, "bad.csv:2:2: number is not finite: 'inf'"},
        {HEAD "-1e308,1e308,1,1\n", REBIAS_E_FORMAT, "bad.csv:2:2: cell is empty"},
        {HEAD "1,1,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:2:2: cell is empty: '1' (expected above 1)"},
        {HEAD "0,1,1,1\n1.5,2.5,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:3:1: cells do not follow each other: '1.5' (expected 1)"},
        {HEAD "0,1,1,1\n1,3,1,1\n", REBIAS_E_FORMAT,
         "bad.csv:3:2: cells differ in width: '3' (expected 2)"},
        {HEAD "0,1,-1,1\n", REBIAS_E_FORMAT,
         "bad.csv:2:3: not a number of pulses: '-1' (expected a whole number from 0)"},
        {HEAD "0,1,1,0.5\n", REBIAS_E_FORMAT, "bad.csv:2:4: not a number of pulses: '0.5'"},
        {HEAD "0,1,1,9223372036854775808\n", REBIAS_E_FORMAT,
         "bad.csv:2:4: not a number of pulses: '9223372036854775808'"},
        {HEAD "0,1,0,0\n1,2,0,0\n", REBIAS_E_DATA,
         "bad.csv: file has no visit at all (expected pulses in at least one cell)"},
    };
#undef HEAD
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[1024];
        struct rebias_error err = {0};
        struct rebias_visits *v = NULL;
        support_write(path, "bad.csv", cases[i].text, strlen(cases[i].text));
        support_expect(rebias_visits_load(&v, path, &err), cases[i].status, &err,
                       cases[i].message);
        assert_null(v);
    }
    struct rebias_visits *v = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_visits_load(&v, "/no-such-file", &err), REBIAS_E_IO, &err,
                   "/no-such-file: cannot open");
    assert_null(v);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_counts_by_hand),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_weights_of_own_cells),
        cmocka_unit_test(test_weights_refused),
        cmocka_unit_test(test_written_text),
        cmocka_unit_test(test_load_what_was_written),
        cmocka_unit_test(test_load_foreign),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
