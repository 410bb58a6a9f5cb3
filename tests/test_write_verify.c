/* test_write_verify.c - programming by pulses and reads.
 * 1. helpers   2. numbers of pulses by hand   3. against a plain loop   4. limits   5. wrong
 * input
 */
#include "support.h"

#include "rebias/random.h"
#include "rebias/write_verify.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { DEVICES = 601 };

static struct rebias_devices *array_of(const struct rebias_device *device, size_t n)
{
    struct rebias_error err = {0};
    struct rebias_devices *devices = NULL;
    const struct rebias_stream stream = {1, REBIAS_FOR_SPREAD, 0, 0, 0};
    support_expect(rebias_devices_new(&devices, device, n, &stream, &err), REBIAS_OK, &err,
                   NULL);
    return devices;
}

/* Steps of 1 uS from 0 to 400 uS. */
static const char ideal[] = "ideal:Gmin=0,Gmax=400e-6,levels=400";

/* -- 2. numbers of pulses by hand -- */

/* An ideal device at G0 below its window needs ceil((target - below - G0)/dG) pulses, one above
 * it ceil((G0 - target - above)/dG); dG = 1 uS, ends of windows between two levels. */
static void test_ideal_counts(void **state)
{
    (void)state;
    struct rebias_device *device = support_device(ideal);
    struct rebias_verify_options options = rebias_verify_options_defaults();
    options.below = 4.5e-6;
    options.above = 2.5e-6;
    options.tries = 1000;
    static const struct {
        double G0, target;
        uint64_t pulses;
    } cases[] = {{0.0, 100e-6, 96},     {100e-6, 100e-6, 0}, {96e-6, 100e-6, 0},
                 {95e-6, 100e-6, 1},    {102e-6, 100e-6, 0}, {103e-6, 100e-6, 1},
                 {300e-6, 100e-6, 198}, {20e-6, 380e-6, 356}};
    uint64_t all = 0;
    float G[8], target[8], start[8];
    for (size_t i = 0; i < 8; i++) {
        struct rebias_verify_result result;
        struct rebias_devices *one = array_of(device, 1);
        start[i] = G[i] = (float)cases[i].G0;
        target[i] = (float)cases[i].target;
        assert_int_equal(
            rebias_write_verify(one, 1, NULL, &target[i], &G[i], &options, &result, NULL),
            REBIAS_OK);
        assert_true(result.pulses == cases[i].pulses && result.tries == cases[i].pulses);
        assert_true(result.wanted == 1 && result.reached == 1 && result.stuck == 0);
        support_close((double)G[i],
                      cases[i].G0 + (cases[i].G0 < cases[i].target ? 1e-6 : -1e-6) *
                                        (double)cases[i].pulses,
                      0.0, 1e-9);
        all += cases[i].pulses;
        rebias_devices_free(one);
    }
    struct rebias_verify_result result;
    struct rebias_devices *devices = array_of(device, 8);
    assert_int_equal(
        rebias_write_verify(devices, 8, NULL, target, start, &options, &result, NULL),
        REBIAS_OK);
    assert_true(result.pulses == all && result.tries == 356 && result.reached == 8);
    assert_memory_equal(start, G, sizeof G);
    rebias_devices_free(devices);
    rebias_device_free(device);
}

/* With the right pulse size one try is enough, 40 pulses a try make ceil(100/40). */
static void test_several_pulses(void **state)
{
    (void)state;
    struct rebias_device *device = support_device(ideal);
    struct rebias_devices *devices = array_of(device, 1);
    struct rebias_verify_options options = rebias_verify_options_defaults();
    struct rebias_verify_result result;
    const float target = 100e-6f;
    options.below = options.above = 0.5e-6;
    options.pulse_size = 1e-6;
    options.tries = 10;
    for (uint16_t cap = 40; cap <= 400; cap = (uint16_t)(cap + 360)) {
        float G = 0.0f;
        options.pulse_cap = cap;
        assert_int_equal(
            rebias_write_verify(devices, 1, NULL, &target, &G, &options, &result, NULL),
            REBIAS_OK);
        assert_true(result.pulses == 100 && result.tries == (cap == 40 ? 3 : 1));
        support_close((double)G, 100e-6, 1e-5, 0.0);
    }
    rebias_devices_free(devices);
    rebias_device_free(device);
}

/* -- 3. against a plain loop -- */

/* Reads all, pulses all that are off, device by device's rule, until the tries are over. */
static uint64_t program_plainly(const struct rebias_devices *devices, const uint8_t *fault,
                                const float *target, float *G,
                                const struct rebias_verify_options *o, size_t *reached)
{
    static bool good[DEVICES];
    uint64_t pulses = 0;
    memset(good, 0, sizeof good);
    for (uint32_t t = 0;; t++) {
        int16_t count[DEVICES] = {0};
        float R[DEVICES];
        memcpy(R, G, sizeof R);
        rebias_spread_add(&o->read_noise, o->seed, REBIAS_FOR_READ, o->replicate, o->entity, t,
                          DEVICES, R);
        for (size_t i = 0; i < DEVICES; i++) {
            const double error = (double)target[i] - (double)R[i];
            good[i] = good[i] || (error <= o->below && error >= -o->above);
            if (fault[i] == REBIAS_WORKING && !good[i]) {
                double k = round(fabs(error) / o->pulse_size);
                k = k < 1.0 ? 1.0 : k > o->pulse_cap ? (double)o->pulse_cap : k;
                count[i] = (int16_t)(error > 0.0 ? k : -k);
            }
        }
        if (t == o->tries) {
            break;
        }
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_PROGRAMMING, o->replicate,
                                             o->entity, t};
        rebias_devices_pulse(devices, G, count, &stream);
        for (size_t i = 0; i < DEVICES; i++) {
            pulses += (uint64_t)abs(count[i]);
        }
    }
    *reached = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        *reached += fault[i] == REBIAS_WORKING && good[i];
    }
    return pulses;
}

/* A noisy device with spread between devices, read noise, every seventh device stuck. */
static void test_plain_loop(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("ag-asi:Gmin_d2d=2e-10,Gmax_d2d=1e-9");
    struct rebias_devices *devices = array_of(device, DEVICES);
    const double range = device->Gmax - device->Gmin;
    struct rebias_verify_options options = rebias_verify_options_defaults();
    static float G[DEVICES], plain[DEVICES], target[DEVICES], start[DEVICES];
    static uint8_t fault[DEVICES];
    options.below = 0.02 * range;
    options.above = 0.03 * range;
    options.pulse_size = 0.005 * range;
    options.pulse_cap = 20;
    options.tries = 12;
    options.entity = 5;
    options.replicate = 2;
    options.read_noise = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 0.01 * range, 0, NULL};
    for (size_t i = 0; i < DEVICES; i++) {
        const double part = (double)i / DEVICES;
        start[i] = G[i] = plain[i] = (float)(device->Gmin + range * (1.0 - part) * 0.9);
        target[i] = (float)(device->Gmin + range * (0.1 + 0.8 * part));
        fault[i] = (uint8_t)(i % 7 == 0 ? 1 + i % 2 : 0);
    }
    struct rebias_verify_result result;
    size_t reached = 0;
    assert_int_equal(
        rebias_write_verify(devices, DEVICES, fault, target, G, &options, &result, NULL),
        REBIAS_OK);
    const uint64_t pulses = program_plainly(devices, fault, target, plain, &options, &reached);
    assert_memory_equal(G, plain, sizeof G);
    assert_true(result.pulses == pulses && result.reached == reached && reached > 0);
    assert_true(result.stuck == 86 && result.wanted == DEVICES - 86);
    for (size_t i = 0; i < DEVICES; i += 7) {
        assert_true(G[i] == start[i]);
    }
    rebias_devices_free(devices);
    rebias_device_free(device);
}

/* -- 4. limits -- */

/* Without tries devices are only read; a target beyond the range is never reached. */
static void test_limits(void **state)
{
    (void)state;
    struct rebias_device *device = support_device(ideal);
    struct rebias_devices *devices = array_of(device, 3);
    struct rebias_verify_options options = rebias_verify_options_defaults();
    struct rebias_verify_result result;
    static const float target[] = {100e-6f, 500e-6f, 50e-6f};
    float G[] = {110e-6f, 390e-6f, 200e-6f};
    options.tries = 0;
    assert_int_equal(rebias_write_verify(devices, 3, NULL, target, G, &options, &result, NULL),
                     REBIAS_OK);
    assert_true(result.reached == 1 && result.pulses == 0 && result.tries == 0);
    assert_true(G[0] == 110e-6f && G[1] == 390e-6f);
    options.tries = 20;
    assert_int_equal(rebias_write_verify(devices, 3, NULL, target, G, &options, &result, NULL),
                     REBIAS_OK);
    assert_true(result.reached == 1 && result.pulses == 40 && result.tries == 20);
    support_close((double)G[1], 400e-6, 1e-6, 0.0);
    support_close((double)G[2], 180e-6, 1e-4, 0.0);
    rebias_devices_free(devices);
    rebias_device_free(device);
}

/* -- 5. wrong input -- */

static void test_wrong_input(void **state)
{
    (void)state;
    struct rebias_device *device = support_device(ideal);
    struct rebias_devices *devices = array_of(device, 1);
    const struct rebias_verify_options good = rebias_verify_options_defaults();
    struct rebias_verify_options bad[5] = {good, good, good, good, good};
    static const char *const messages[] = {
        "a window from -nan to +1.667e-05 S", "a window from -1.667e-05 to +-1 S around the",
        "a pulse size of inf S is not possible",
        "3 tries of at most 0 pulses in replicate 0 are not possible",
        "100001 tries of at most 1 pulses"};
    struct rebias_verify_result result;
    float target = 1e-4f;
    float G = 0.0f;
    bad[0].below = (double)NAN;
    bad[1].above = -1.0;
    bad[2].pulse_size = (double)INFINITY;
    bad[3].pulse_cap = 0;
    bad[4].tries = 100001;
    for (size_t i = 0; i < 5; i++) {
        struct rebias_error err = {0};
        support_expect(
            rebias_write_verify(devices, 1, NULL, &target, &G, &bad[i], &result, &err),
            REBIAS_E_RANGE, &err, messages[i]);
    }
    struct rebias_error err = {0};
    target = NAN;
    support_expect(rebias_write_verify(devices, 1, NULL, &target, &G, &good, &result, &err),
                   REBIAS_E_RANGE, &err, "target nan S of device 0");
    assert_true(G == 0.0f && result.pulses == 0);
    rebias_devices_free(devices);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ideal_counts), cmocka_unit_test(test_several_pulses),
        cmocka_unit_test(test_plain_loop),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_wrong_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
