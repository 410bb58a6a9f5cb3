/* test_mgd_checkpoint.c - interrupted runs go on to the same bytes.
 * 1. helpers   2. all kinds of state   3. files that are refused
 */
#include "mgd_support.h"

enum { MOST_PARAMETERS = 400 };

/* -- 1. helpers -- */

struct stopper {
    int calls_left;
};

static int stop_after(void *context, size_t done, size_t total)
{
    struct stopper *stopper = context;
    (void)done;
    (void)total;
    return stopper->calls_left-- <= 0;
}

static void fresh_path(char path[1024], const char *name)
{
    support_scratch(path, name);
    remove(path);
}

static int train(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                 const struct rebias_mgd_checkpoint *checkpoint, struct stopper *stopper,
                 struct rebias_mgd_result **result, struct rebias_error *err)
{
    return rebias_mgd_train(result, &s->a, &s->data, &s->data, o, checkpoint,
                            stopper != NULL ? stop_after : NULL, stopper, err);
}

static void read_theta(const char *path, size_t n, float *theta)
{
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT, 1, {n, 1}, theta};
    support_expect(rebias_hdf5_open(&file, path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_hdf5_read(file, "/theta", &array, &err), REBIAS_OK, &err, NULL);
    rebias_hdf5_discard(file);
}

/* -- 2. all kinds of state -- */

/* Interrupted twice (the progress function says stop) and continued = uninterrupted: the same
 * parameters, looks and counts, byte by byte. */
static void compare_runs(const struct mgd_setting *s, const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *whole = NULL;
    struct rebias_mgd_result *parts = NULL;
    float theta[2][MOST_PARAMETERS];
    char path[2][1024];
    fresh_path(path[0], "whole.h5");
    fresh_path(path[1], "parts.h5");
    const struct rebias_mgd_checkpoint a = {path[0], 0, "same"};
    const struct rebias_mgd_checkpoint b = {path[1], 777, "same"};
    support_expect(train(s, o, &a, NULL, &whole, &err), REBIAS_OK, &err, NULL);
    for (int k = 1; k <= 2; k++) {
        struct stopper stopper = {k - 1};
        support_expect(train(s, o, &b, &stopper, &parts, &err), REBIAS_E_INTERRUPTED, &err,
                       "interrupted after");
        assert_null(parts);
    }
    support_expect(train(s, o, &b, NULL, &parts, &err), REBIAS_OK, &err, NULL);
    read_theta(path[0], s->a.parameters, theta[0]);
    read_theta(path[1], s->a.parameters, theta[1]);
    assert_memory_equal(theta[0], theta[1], s->a.parameters * sizeof(float));
    assert_int_equal(parts->look_count, whole->look_count);
    assert_memory_equal(parts->looks, whole->looks, whole->look_count * sizeof whole->looks[0]);
    assert_int_equal(parts->evaluations, whole->evaluations);
    assert_int_equal(parts->updates, whole->updates);
    assert_int_equal(parts->pulses, whole->pulses);
    rebias_mgd_result_free(whole);
    rebias_mgd_result_free(parts);
}

static struct rebias_mgd_options run_options(void)
{
    struct rebias_mgd_options o = mgd_options();
    o.steps = 20000; /* progress is asked about every 2300 steps of 220 parameters */
    o.amplitude = 0.05;
    o.test_samples = 200;
    o.every = 3000;
    return o;
}

static void test_software_states(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = run_options();
    compare_runs(&s, &o);
    o.tau_theta = 60.0; /* looks and stops inside of windows wait for their end */
    o.tau_x = 20.0;
    o.optimizer = REBIAS_OPTIMIZER_MOMENTUM;
    compare_runs(&s, &o);
    o.optimizer = REBIAS_OPTIMIZER_ADAM;
    o.eta = 0.001;
    o.update_noise = 1e-4;
    o.cost_noise = 1e-5;
    compare_runs(&s, &o);
    o = run_options();
    o.tau_theta = 60.0;
    o.update_delay = 9;
    compare_runs(&s, &o);
    o.optimizer = REBIAS_OPTIMIZER_ADAM;
    o.eta = 0.001;
    o.update_quantum = 1e-3;
    o.write = REBIAS_WRITE_ACCUMULATE;
    compare_runs(&s, &o);
    o = run_options();
    o.growth = 1.7;
    o.tau_theta = 7.0; /* does not divide the steps: the last window brings no update */
    compare_runs(&s, &o);
    mgd_close(&s);
}

static void test_analog_state(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = run_options();
    o.analog = true;
    o.perturbation = REBIAS_PERTURB_SINE;
    o.eta_form = REBIAS_ETA_PARAMETER;
    o.eta = 0.01;
    o.tau_x = 10.0;
    o.tau_theta = 50.0;
    compare_runs(&s, &o);
    o.update_delay = 11;
    compare_runs(&s, &o);
    mgd_close(&s);
}

static void test_device_states(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_device *device = support_device("ag-asi");
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int k = 0; k < 4; k++) {
        struct rebias_mgd_options o = run_options();
        o.device = device;
        o.crossbar.encoding = k % 2 == 0 ? REBIAS_PAIR : REBIAS_SINGLE;
        o.write = k / 2 == 0 ? REBIAS_WRITE_STOCHASTIC : REBIAS_WRITE_ACCUMULATE;
        o.tau_theta = 20.0;
        compare_runs(&s, &o);
        o.update_delay = 30;
        compare_runs(&s, &o);
    }
    rebias_device_free(device);
    mgd_close(&s);
}

/* A finished run that is started again has nothing to do and tells the same. */
static void test_finished_run(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct rebias_mgd_result *first = NULL;
    struct rebias_mgd_result *again = NULL;
    char path[1024];
    fresh_path(path, "finished.h5");
    const struct rebias_mgd_checkpoint checkpoint = {path, 0, "same"};
    struct rebias_mgd_options o = run_options();
    mgd_open(&s, "nist7x7", "49,4,4");
    o.steps = 500;
    support_expect(train(&s, &o, &checkpoint, NULL, &first, &err), REBIAS_OK, &err, NULL);
    support_expect(train(&s, &o, &checkpoint, NULL, &again, &err), REBIAS_OK, &err, NULL);
    assert_int_equal(again->look_count, first->look_count);
    assert_int_equal(again->steps, 500);
    rebias_mgd_result_free(first);
    rebias_mgd_result_free(again);
    mgd_close(&s);
}

/* -- 3. files that are refused -- */

static void refuse(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                   const struct rebias_mgd_checkpoint *checkpoint, int expected,
                   const char *text)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    support_expect(train(s, o, checkpoint, NULL, &result, &err), expected, &err, text);
    assert_null(result);
}

/* Copies the first part of a file, and gives its path. */
static void cut_file(const char *from, double fraction, char path[1024])
{
    static char content[1 << 18];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    const size_t size = fread(content, 1, sizeof content, file);
    assert_true(size > 1000 && size < sizeof content);
    assert_int_equal(fclose(file), 0);
    support_write(path, "cut.h5", content, (size_t)(fraction * (double)size));
}

static void test_wrong_files(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_setting other;
    char path[1024];
    char cut[1024];
    fresh_path(path, "good.h5");
    struct rebias_mgd_checkpoint checkpoint = {path, 0, "mine"};
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    struct rebias_mgd_options o = run_options();
    o.steps = 500;
    mgd_open(&s, "nist7x7", "49,4,4");
    support_expect(train(&s, &o, &checkpoint, NULL, &result, &err), REBIAS_OK, &err, NULL);
    rebias_mgd_result_free(result);
    checkpoint.label = "other";
    refuse(&s, &o, &checkpoint, REBIAS_E_DATA, "the checkpoint belongs to another run");
    checkpoint.label = "mine";
    mgd_open(&other, "nist7x7", "49,5,4");
    refuse(&other, &o, &checkpoint, REBIAS_E_FORMAT, "/theta");
    mgd_close(&other);
    o.optimizer = REBIAS_OPTIMIZER_ADAM;
    refuse(&s, &o, &checkpoint, REBIAS_E_FORMAT, "/first");
    o.optimizer = REBIAS_OPTIMIZER_PLAIN;
    o.update_delay = 3;
    refuse(&s, &o, &checkpoint, REBIAS_E_FORMAT, "/waiting");
    o.update_delay = 0;
    for (int k = 1; k < 10; k++) {
        cut_file(path, 0.1 * k, cut);
        checkpoint.path = cut;
        refuse(&s, &o, &checkpoint, REBIAS_E_FORMAT, "cut.h5");
    }
    support_write(cut, "text.h5", "step,cost\n", 10);
    refuse(&s, &o, &checkpoint, REBIAS_E_FORMAT, "text.h5");
    mgd_close(&s);
}

/* A file with a header as good as any, and what one test puts into it. */
static void write_headed(char path[1024], const char *format, double version, double step)
{
    static const char *const numbers[] = {
        "updates",      "evaluations",       "pulses",    "next_look",  "met", "since_cost",
        "since_weight", "since_evaluations", "last_cost", "high_passed"};
    struct rebias_error err = {0};
    struct rebias_hdf5 *file = NULL;
    float theta[9] = {0.0f};
    const struct rebias_hdf5_array array = {REBIAS_HDF5_FLOAT, 1, {9, 1}, theta};
    fresh_path(path, "headed.h5");
    assert_int_equal(rebias_hdf5_create(&file, path, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_text(file, "/", "format", format, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_number(file, "/", "format_version", version, &err),
                     REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_text(file, "/", "label", "mine", &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_write_number(file, "/", "step", step, &err), REBIAS_OK);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(rebias_hdf5_write_number(file, "/", numbers[i], 0.0, &err), REBIAS_OK);
    }
    assert_int_equal(rebias_hdf5_write(file, "/theta", &array, &err), REBIAS_OK);
    assert_int_equal(rebias_hdf5_close(file, &err), REBIAS_OK);
}

static void test_wrong_headers(void **state)
{
    (void)state;
    const struct {
        const char *format;
        double version, step;
        const char *text;
        int expected;
    } rows[] = {
        {"rebias-table", 1.0, 0.0, "not a checkpoint of MGD training", REBIAS_E_DATA},
        {"rebias-mgd-checkpoint", 2.0, 0.0, "format_version", REBIAS_E_FORMAT},
        {"rebias-mgd-checkpoint", 1.0, -1.0, "a counter of the checkpoint", REBIAS_E_FORMAT},
        {"rebias-mgd-checkpoint", 1.0, 1.5, "a counter of the checkpoint", REBIAS_E_FORMAT}};
    struct mgd_setting s;
    const struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        char path[1024];
        write_headed(path, rows[k].format, rows[k].version, rows[k].step);
        const struct rebias_mgd_checkpoint checkpoint = {path, 0, "mine"};
        refuse(&s, &o, &checkpoint, rows[k].expected, rows[k].text);
    }
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_software_states), cmocka_unit_test(test_analog_state),
        cmocka_unit_test(test_device_states),   cmocka_unit_test(test_finished_run),
        cmocka_unit_test(test_wrong_files),     cmocka_unit_test(test_wrong_headers)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
