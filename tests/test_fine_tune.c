/* test_fine_tune.c - fine-tuning of deployed networks on their chip.
 * 1. what happens to devices   2. learning   3. runs   4. bad input
 */
#include "fine_tune_support.h"

/* -- 1. what happens to devices -- */

/* Each device moves by whole pulses of 2 uS, and the pulses reported are those that moved them:
 * in one update no device is pulsed both ways, and none comes near an end of the range. Rows
 * that take no part (beta < alpha) and stuck devices get none. */
static void test_pulses_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.3);
    f.o.beta = 1;
    f.t.rate = 0.3;
    struct rebias_deployment *d = deploy(&f);
    float *before = copy_conductances(d);
    const struct rebias_fine_tune_result result = tune(&f, d);
    const float *after = rebias_deployment_conductances(d, 0);
    double pulses = 0.0;
    size_t still = 0;
    for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
        const double moved = fabs((double)after[i] - (double)before[i]) / 2e-6;
        support_close(moved, rint(moved), 0.0, 1e-3);
        pulses += rint(moved);
        still += moved == 0.0;
    }
    assert_true(pulses == (double)result.pulses); /* whole numbers */
    assert_true(result.pulses > 50);
    assert_true(still >= rebias_deployment_devices(d) / 2); /* the copies not chosen */
    assert_int_equal(result.updates, 1);
    assert_int_equal(result.evaluations, 1);
    free(before);
    rebias_deployment_free(d);
    end(&f);
}

/* 300 noisy updates at a high rate: stuck devices (10 and 500 uS) keep their bytes, the others
 * stay between G_off and G_on and have moved. */
static void test_stuck_devices_stay(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_device *standard = NULL;
    size_t stuck = 0;
    size_t moved = 0;
    start(&f, 0.3);
    assert_int_equal(rebias_fine_tune_device_new(&standard, f.o.G_off, f.o.G_on, NULL),
                     REBIAS_OK);
    f.t.device = standard;
    f.t.rate = 1.0;
    f.t.updates = 300;
    for (int method = 0; method < 2; method++) {
        f.t.method = (enum rebias_fine_tune_method)method;
        struct rebias_deployment *d = deploy(&f);
        float *before = copy_conductances(d);
        tune(&f, d);
        const float *after = rebias_deployment_conductances(d, 0);
        for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
            const bool is_stuck = before[i] < 11e-6f || before[i] > 499e-6f;
            assert_true(!is_stuck || after[i] == before[i]);
            assert_true(is_stuck || (after[i] >= 133.329e-6f && after[i] <= 233.331e-6f));
            stuck += is_stuck;
            moved += after[i] != before[i];
        }
        free(before);
        rebias_deployment_free(d);
    }
    assert_true(stuck > 50 && moved > 200);
    rebias_device_free(standard);
    end(&f);
}

/* Write errors leave devices outside the model's range: pulses never take them further out, and
 * never throw them in by more than pulses do. */
static void test_devices_outside_the_range(void **state)
{
    (void)state;
    struct fixture f;
    size_t outside = 0;
    size_t came = 0;
    start(&f, 0.0);
    use_device(&f, "ideal:Gmin=133.33e-6,Gmax=233.33e-6,levels=50");
    f.o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 20e-6, 0, NULL};
    f.t.rate = 0.3;
    f.t.pulse_cap = 1;
    struct rebias_deployment *d = deploy(&f);
    float *before = copy_conductances(d);
    tune(&f, d);
    const float *after = rebias_deployment_conductances(d, 0);
    for (size_t i = 0; i < rebias_deployment_devices(d); i++) {
        const double step = (double)after[i] - (double)before[i];
        const double limit = 2e-6 + 1e-10;
        assert_true(fabs(step) <= limit);
        if (before[i] > 233.34e-6f || before[i] < 133.32e-6f) {
            assert_true(before[i] > 200e-6f ? step <= 1e-10 : step >= -1e-10);
            outside++;
            came += fabs(step) > 1e-6;
        }
    }
    assert_true(outside > 50 && came > 10);
    free(before);
    rebias_deployment_free(d);
    end(&f);
}

/* -- 2. learning -- */

/* All samples in a batch, fine pulses, no noise, a small rate: plain gradient descent, whose
 * cost falls at every step even though stuck devices do not follow (the change of W then is a
 * nonnegative multiple, weight by weight, of -g). */
static void test_loss_falls_monotonically(void **state)
{
    (void)state;
    struct fixture f;
    double last = INFINITY;
    start(&f, 0.3);
    use_device(&f, "ideal:Gmin=0,Gmax=600e-6,levels=300000");
    f.t.rate = 0.05;
    f.t.pulse_cap = 30000;
    struct rebias_deployment *d = deploy(&f);
    for (int u = 0; u < 40; u++) {
        const struct rebias_fine_tune_result result = tune(&f, d);
        assert_true(result.first_loss < last);
        assert_true(result.first_loss == result.last_loss); /* one update, one batch */
        last = result.first_loss;
    }
    rebias_deployment_free(d);
    end(&f);
}

/* A network damaged by stuck devices, whose labels the whole network knows, learns them again:
 * 40 samples in 3 classes on 55 tuned parameters. Chance is 1/3; the damage must cost at least
 * a tenth, and tuning must give back at least half of it, with gradients of either kind. */
static void test_damaged_network_recovers(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.3);
    f.t.rate = 0.3;
    f.t.batch = 10;
    f.t.updates = 400;
    f.t.schedule = REBIAS_SCHEDULE_COSINE;
    for (int method = 0; method < 2; method++) {
        double before = 0.0;
        double after = 0.0;
        f.t.method = (enum rebias_fine_tune_method)method;
        f.t.patterns = method == 0 ? 1 : 8;
        struct rebias_deployment *d = deploy(&f);
        rebias_deployment_accuracy(d, SAMPLES, f.x, f.label, &before, NULL);
        const struct rebias_fine_tune_result result = tune(&f, d);
        rebias_deployment_accuracy(d, SAMPLES, f.x, f.label, &after, NULL);
        assert_true(before <= 0.9);
        assert_true(after >= before + 0.5 * (1.0 - before));
        assert_true(result.last_loss < 0.5 * result.first_loss);
        assert_int_equal(result.updates, 400);
        assert_int_equal(result.evaluations, method == 0 ? 400 : 2 * 8 * 400);
        rebias_deployment_free(d);
    }
    end(&f);
}

/* -- 3. runs -- */

/* The same call gives the same bytes; another replicate does not; a second call goes on with
 * other orders and pulses. */
static void test_runs_are_reproducible(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_deployment *d[4];
    start(&f, 0.2);
    f.o.read_noise = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 5e-6, 0, NULL};
    use_device(
        &f, "analytical:Gmin=100e-6,Gmax=300e-6,nl_set=1,nl_reset=-1,c2c=0.02,Gmax_d2d=2e-6");
    f.t.batch = 8;
    for (int k = 0; k < 4; k++) {
        f.o.replicate = k == 2 ? 1 : 0;
        d[k] = deploy(&f);
        tune(&f, d[k]);
    }
    const size_t bytes = rebias_deployment_devices(d[0]) * sizeof(float);
    const float *first = rebias_deployment_conductances(d[0], 0);
    assert_memory_equal(first, rebias_deployment_conductances(d[1], 0), bytes);
    assert_true(memcmp(first, rebias_deployment_conductances(d[2], 0), bytes) != 0);
    const uint64_t again = tune(&f, d[1]).pulses;
    assert_int_equal(tune(&f, d[3]).pulses, again);
    assert_memory_equal(rebias_deployment_conductances(d[1], 0),
                        rebias_deployment_conductances(d[3], 0), bytes);
    for (int k = 0; k < 4; k++) {
        rebias_deployment_free(d[k]);
    }
    end(&f);
}

static int stop_at_third(void *context, size_t done, size_t total)
{
    *(size_t *)context = done;
    assert_int_equal(total, 5);
    return done == 3;
}

static void test_runs_can_be_interrupted(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_error err = {0};
    struct rebias_fine_tune_result result = {.updates = 77};
    size_t done = 0;
    start(&f, 0.2);
    f.t.updates = 5;
    struct rebias_deployment *d = deploy(&f);
    support_expect(
        rebias_deployment_fine_tune(d, &f.t, &f.data, &result, stop_at_third, &done, &err),
        REBIAS_E_INTERRUPTED, &err, "interrupted after 3 of 5 updates");
    assert_int_equal(done, 3);
    assert_int_equal(result.updates, 77); /* written on success only */
    rebias_deployment_free(d);
    end(&f);
}

/* -- 4. bad input -- */

static void refuse(const struct fixture *f, int code, const char *text)
{
    struct rebias_error err = {0};
    struct rebias_fine_tune_result result = {0};
    struct rebias_deployment *d = deploy(f);
    float *before = copy_conductances(d);
    support_expect(rebias_deployment_fine_tune(d, &f->t, &f->data, &result, NULL, NULL, &err),
                   code, &err, text);
    assert_memory_equal(before, rebias_deployment_conductances(d, 0),
                        rebias_deployment_devices(d) * sizeof *before);
    free(before);
    rebias_deployment_free(d);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.1);
    const struct rebias_fine_tune_options good = f.t;
    const struct {
        void *field;
        size_t size;
        const void *value;
        const char *text;
    } rows[] = {
        {&f.t.device, sizeof f.t.device, &(const struct rebias_device *){NULL},
         "fine-tuning needs a device model"},
        {&f.t.epochs, sizeof f.t.epochs, &(size_t){0}, "number of passes is 0 (expected 1 to"},
        {&f.t.updates, sizeof f.t.updates, &(uint64_t){1ull << 31},
         "number of updates is 2.14748e+09 (expected below 2^31)"},
        {&f.t.batch, sizeof f.t.batch, &(size_t){0}, "a batch of 0 samples (expected 1 to 40"},
        {&f.t.batch, sizeof f.t.batch, &(size_t){41},
         "a batch of 41 samples (expected 1 to 40"},
        {&f.t.rate, sizeof f.t.rate, &(double){0.0}, "rate is 0 (expected above 0"},
        {&f.t.rate, sizeof f.t.rate, &(double){NAN}, "rate is nan (expected above 0"},
        {&f.t.schedule, sizeof f.t.schedule,
         &(enum rebias_schedule){REBIAS_SCHEDULE_EXPONENTIAL},
         "schedule is 1 (expected constant or cosine)"},
        {&f.t.pulse_size, sizeof f.t.pulse_size, &(double){-1.0}, "pulse size is -1"},
        {&f.t.pulse_cap, sizeof f.t.pulse_cap, &(uint16_t){0}, "pulse cap is 0 (expected 1 to"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f.t = good;
        memcpy(rows[i].field, rows[i].value, rows[i].size);
        refuse(&f, REBIAS_E_RANGE, rows[i].text);
    }
    f.t = good;
    f.t.method = REBIAS_FINE_TUNE_MGD;
    f.t.patterns = 0;
    refuse(&f, REBIAS_E_RANGE, "number of patterns is 0 (expected 1 to 1000000)");
    f.t.patterns = 1;
    f.t.amplitude = 1.5;
    refuse(&f, REBIAS_E_RANGE, "amplitude is 1.5 (expected above 0, at most 1)");
    f.t.amplitude = 0.1;
    f.t.updates = INT32_MAX;
    f.t.patterns = 3;
    refuse(&f, REBIAS_E_RANGE, "expected below 2^31 updates and 2^32 patterns");
    end(&f);
}

static void test_bad_devices_and_data(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_device *device = NULL;
    struct rebias_error err = {0};
    start(&f, 0.1);
    use_device(&f, "ideal:Gmin=150e-6,Gmax=400e-6");
    refuse(&f, REBIAS_E_RANGE,
           "ranges from 0.00015 to 0.0004 S, the deployed devices from 0.00013333 to "
           "0.00023333 S");
    use_device(&f, "gaussian:Gmin=0,Gmax=400e-6");
    refuse(&f, REBIAS_E_RANGE, "pulses do not move gaussian:Gmin=0,Gmax=400e-6 on average");
    use_device(&f, "ideal:Gmin=0,Gmax=400e-6");
    f.data.inputs = 6;
    refuse(&f, REBIAS_E_RANGE, "samples of 6 numbers, the network has 7 inputs");
    f.data.inputs = INPUTS;
    f.data.n = 0;
    refuse(&f, REBIAS_E_DATA, "0 samples (expected 1 to 2^32 - 1 with labels)");
    f.data.n = SAMPLES;
    f.label[7] = 3;
    refuse(&f, REBIAS_E_DATA, "the label of sample 7 is 3, the network has 3 outputs");
    f.label[7] = 2;
    support_expect(rebias_fine_tune_device_new(&device, 2e-4, 1e-4, &err), REBIAS_E_RANGE, &err,
                   "a range of 0.0002 to 0.0001 S");
    assert_null(device);
    end(&f);
}

/* A sample that is no number is noticed before anything is pulsed for it. */
static void test_loss_that_is_no_number(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0.1);
    f.x[3] = NAN;
    refuse(&f, REBIAS_E_NUMERIC, "the loss is no longer finite in update 1: lower the rate");
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulses_are_counted),
        cmocka_unit_test(test_stuck_devices_stay),
        cmocka_unit_test(test_devices_outside_the_range),
        cmocka_unit_test(test_loss_falls_monotonically),
        cmocka_unit_test(test_damaged_network_recovers),
        cmocka_unit_test(test_runs_are_reproducible),
        cmocka_unit_test(test_runs_can_be_interrupted),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_devices_and_data),
        cmocka_unit_test(test_loss_that_is_no_number),
    };
    return cmocka_run_group_tests_name("fine_tune", tests, NULL, NULL);
}
