/* test_deploy_verify.c - networks programmed onto chips by pulses of a device model.
 * 1. helpers   2. pulses by hand   3. windows   4. what a device keeps   5. bad input
 *
 * The rules of write-verify itself are tested in test_write_verify.c.
 */
#include "deploy_support.h"

/* -- 1. helpers -- */

enum { INPUTS = 7, OUTPUTS = 5 };
static const size_t sizes[] = {INPUTS, OUTPUTS};

struct fixture {
    struct rebias_weights_set *networks;
    struct rebias_device *device;
    struct rebias_deploy_options o;
};

static void start(struct fixture *f, const char *device)
{
    f->networks = deploy_ternary(1, 1, sizes, 0.3);
    f->device = support_device(device);
    f->o = rebias_deploy_options_defaults();
    f->o.alpha = f->o.beta = 2;
    f->o.verify.device = f->device;
}

static void end(struct fixture *f)
{
    rebias_weights_set_free(f->networks);
    rebias_device_free(f->device);
}

static struct rebias_deployment *deploy(const struct fixture *f, const struct rebias_chip *chip)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, f->networks, chip, &f->o, &err), REBIAS_OK, &err, NULL);
    return d;
}

/* Target of weight i (input) of output j of a block; weights are -1, 0 or 1. */
static double target(const struct fixture *f, const struct rebias_block *block, size_t j,
                     size_t i)
{
    const float w = f->networks->network[0].layer[0].weight[j * INPUTS + i];
    return (block->sign == 0 ? w : -w) > 0.0f ? f->o.G_on : f->o.G_off;
}

/* Counts over all devices of a deployment that are not stuck. */
struct counts {
    size_t on, off, inside;
    double farthest; /* from the target, S */
};

static struct counts count_devices(const struct fixture *f, const struct rebias_chip *chip,
                                   const struct rebias_deployment *d)
{
    struct counts c = {0};
    size_t count = 0;
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    for (size_t b = 0; b < count; b++) {
        const struct rebias_tile t = rebias_deployment_tile(d, b);
        for (size_t k = 0; k < t.inputs * t.outputs; k++) {
            const size_t j = k / t.inputs;
            const size_t i = k % t.inputs;
            const size_t device =
                (blocks[b].column + i) * (chip != NULL ? chip->rows : 0) + blocks[b].row + j;
            const double G = (double)rebias_deployment_conductances(d, b)[j * INPUTS + i];
            const double wanted = target(f, &blocks[b], t.output + j, t.input + i);
            if (chip == NULL ||
                chip->kernel[blocks[b].kernel].fault[device] == REBIAS_WORKING) {
                c.on += wanted > f->o.G_off ? 1 : 0;
                c.off += wanted > f->o.G_off ? 0 : 1;
                c.inside += fabs(G - wanted) <= f->o.verify.window ? 1 : 0;
                c.farthest = fmax(c.farthest, fabs(G - wanted));
            } else {
                assert_true(G == (double)chip->kernel[blocks[b].kernel].G[device]);
            }
        }
    }
    return c;
}

/* -- 2. pulses by hand -- */

/* Steps of 1 uS from 100 to 300 uS. From a chip that reads 120 uS, 133.33 takes round(13.33) =
 * 13 pulses and 233.33 takes 113, after which both are 0.33 uS away: one try. A chip that reads
 * 50 uS starts at the lowest, 100 uS; without a chip devices start at G_off, so that only those
 * of weights are pulsed, 100 times. Whole layers, tiles and every encoding alike (no device is
 * stuck, so that they agree but for RME_APART, which holds weights of 0 otherwise). */
static void test_pulses_by_hand(void **state)
{
    (void)state;
    static const struct {
        float G; /* of the chip; 0 = none */
        size_t columns, rows;
        uint64_t off, on; /* pulses */
        double farthest;
    } cases[] = {{120e-6f, 25, 25, 13, 113, 0.34e-6},
                 {120e-6f, 3, 4, 13, 113, 0.34e-6},
                 {50e-6f, 25, 25, 33, 133, 0.34e-6},
                 {0.0f, 0, 0, 0, 100, 0.01e-6}};
    struct fixture f;
    start(&f, "ideal:Gmin=100e-6,Gmax=300e-6,levels=200");
    f.o.verify.window = 0.5e-6;
    f.o.verify.tries = 1;
    for (size_t c = 0; c < 4; c++) {
        struct rebias_chip *chip =
            cases[c].G > 0.0f
                ? deploy_clean_chip(40, cases[c].columns, cases[c].rows, cases[c].G)
                : NULL;
        f.o.placement = chip != NULL ? REBIAS_PLACE_GREEDY : REBIAS_PLACE_BLIND;
        for (int e = REBIAS_ENCODE_SIMPLE; e <= REBIAS_ENCODE_RME; e++) {
            f.o.encoding = (enum rebias_encoding_kind)e;
            struct rebias_deployment *d = deploy(&f, chip);
            const struct rebias_verify_result *result = rebias_deployment_verified(d);
            const struct counts n = count_devices(&f, chip, d);
            assert_int_equal(n.on + n.off, rebias_deployment_devices(d));
            assert_true(n.farthest <= cases[c].farthest);
            assert_int_equal(result->wanted, n.on + n.off);
            assert_int_equal(result->reached, result->wanted);
            assert_true(result->pulses == cases[c].on * n.on + cases[c].off * n.off);
            rebias_deployment_free(d);
        }
        rebias_chip_free(chip);
    }
    end(&f);
}

/* Without tries nothing is pulsed: G_off is there from the start, G_on is not. Without a device
 * nothing is counted. */
static void test_no_tries(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, "ideal:Gmin=100e-6,Gmax=300e-6,levels=200");
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.verify.tries = 0;
    struct rebias_deployment *d = deploy(&f, NULL);
    const struct counts n = count_devices(&f, NULL, d);
    assert_int_equal(rebias_deployment_verified(d)->reached, n.off);
    assert_true(rebias_deployment_verified(d)->pulses == 0);
    assert_int_equal(n.inside, n.off);
    rebias_deployment_free(d);
    f.o.verify.device = NULL;
    d = deploy(&f, NULL);
    assert_null(rebias_deployment_verified(d));
    rebias_deployment_free(d);
    end(&f);
}

/* -- 3. windows -- */

/* Noisy pulses of 5 +- 3 uS on a chip with stuck devices: what is reported as reached is inside
 * the window (no read noise), the rest is outside; ten tries reach more than one, with more
 * pulses. With 100 tries of pulses smaller than the window every device gets there. Stuck ones
 * keep the chip's value (checked by count_devices). */
static void test_windows(void **state)
{
    (void)state;
    static const uint32_t tries[] = {1, 10, 100};
    struct fixture f;
    struct rebias_verify_result result[3];
    struct rebias_chip_options many = rebias_chip_options_defaults();
    struct rebias_chip *chip = NULL;
    start(&f, "gaussian:Gmin=50e-6,Gmax=400e-6,set_mean0=5e-6,set_sd0=3e-6,reset_mean0=-5e-6,"
              "reset_sd0=3e-6");
    many.count = 4;
    many.stuck_high = 0.1;
    assert_int_equal(rebias_chip_synthesize(&chip, &many, NULL), REBIAS_OK);
    f.o.placement = REBIAS_PLACE_BLIND;
    f.o.verify.window = 10e-6;
    for (size_t t = 0; t < 3; t++) {
        f.o.verify.tries = tries[t];
        struct rebias_deployment *d = deploy(&f, chip);
        const struct counts n = count_devices(&f, chip, d);
        result[t] = *rebias_deployment_verified(d);
        assert_int_equal(result[t].wanted, n.on + n.off);
        assert_true(result[t].wanted < rebias_deployment_devices(d));
        assert_int_equal(result[t].reached, n.inside);
        rebias_deployment_free(d);
    }
    assert_true(result[0].reached < result[0].wanted);
    assert_true(result[1].reached > result[0].reached && result[1].pulses > result[0].pulses);
    assert_int_equal(result[2].reached, result[2].wanted);
    rebias_chip_free(chip);
    end(&f);
}

/* -- 4. what a device keeps -- */

/* Conductances after one try on devices whose step is their own. */
static void program_at(struct fixture *f, const struct rebias_chip *chip, uint32_t row,
                       uint32_t replicate, float G[2 * INPUTS * OUTPUTS])
{
    const struct rebias_block given[2] = {{.row = row}, {.sign = 1, .column = 8, .row = row}};
    f->o.placement = chip != NULL ? REBIAS_PLACE_GIVEN : REBIAS_PLACE_BLIND;
    f->o.given = given;
    f->o.given_count = 2;
    f->o.replicate = replicate;
    struct rebias_deployment *d = deploy(f, chip);
    for (size_t b = 0; b < 2; b++) {
        memcpy(G + b * INPUTS * OUTPUTS, rebias_deployment_conductances(d, b),
               INPUTS * OUTPUTS * sizeof *G);
    }
    rebias_deployment_free(d);
}

/* Noiseless devices with steps of their own, all weights 1: on a chip another replicate gets
 * the same conductances; a block one row lower has its rows 0 to 3 where the first had 1 to 4,
 * and what they reached; without a chip devices are new in each replicate. */
static void test_own_steps(void **state)
{
    (void)state;
    struct fixture f;
    float G[3][2 * INPUTS * OUTPUTS];
    start(&f, "ideal:Gmin=100e-6,Gmax=300e-6,levels=40,levels_d2d=8");
    struct rebias_chip *chip = deploy_clean_chip(1, 25, 25, 133.33e-6f);
    for (size_t i = 0; i < INPUTS * OUTPUTS; i++) {
        f.networks->network[0].layer[0].weight[i] = 1.0f;
    }
    f.o.alpha = f.o.beta = 1;
    f.o.verify.tries = 1;
    f.o.verify.window = 0.0;
    program_at(&f, chip, 2, 0, G[0]);
    program_at(&f, chip, 2, 1, G[1]);
    program_at(&f, chip, 3, 0, G[2]);
    assert_memory_equal(G[0], G[1], sizeof G[0]);
    assert_memory_equal(G[0] + INPUTS, G[2], (OUTPUTS - 1) * INPUTS * sizeof **G);
    assert_memory_not_equal(G[0], G[2], (OUTPUTS - 1) * INPUTS * sizeof **G);
    program_at(&f, NULL, 0, 0, G[0]);
    program_at(&f, NULL, 0, 1, G[1]);
    assert_memory_not_equal(G[0], G[1], sizeof G[0]);
    rebias_chip_free(chip);
    end(&f);
}

/* -- 5. bad input -- */

static void refuse(const struct fixture *f, const char *text)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, f->networks, NULL, &f->o, &err), REBIAS_E_RANGE, &err,
                   text);
    assert_null(d);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_device *low = support_device("ideal:Gmin=100e-6,Gmax=200e-6");
    struct rebias_device *high = support_device("ideal:Gmin=150e-6,Gmax=300e-6");
    start(&f, "ideal:Gmin=133.33e-6,Gmax=233.33e-6");
    f.o.placement = REBIAS_PLACE_BLIND;
    struct rebias_deployment *d = deploy(&f, NULL); /* exactly the range is enough */
    rebias_deployment_free(d);
    f.o.verify.window = -1e-6;
    refuse(&f, "a window of +- -1e-06 S within 3 tries is not possible");
    f.o.verify.window = 51e-6;
    refuse(&f,
           "a window of +- 5.1e-05 S does not tell 0.00013333 from 0.00023333 S (expected at "
           "most half their distance)");
    f.o.verify.window = NAN;
    refuse(&f, "is not possible");
    f.o.verify.window = 1e-6;
    f.o.verify.tries = 100001;
    refuse(&f, "within 100001 tries is not possible");
    f.o.verify.tries = 3;
    f.o.write_fixed = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 5e-6, 0, NULL};
    refuse(&f, "there is no other error of writing");
    f.o.write_fixed.kind = REBIAS_SPREAD_NONE;
    f.o.verify.device = low;
    refuse(&f, "reaches 0.0001 to 0.0002 S, the weights need 0.00013333 to 0.00023333 S");
    f.o.verify.device = high;
    refuse(&f, "reaches 0.00015 to 0.0003 S, the weights need 0.00013333 to 0.00023333 S");
    rebias_device_free(low);
    rebias_device_free(high);
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulses_by_hand), cmocka_unit_test(test_no_tries),
        cmocka_unit_test(test_windows),        cmocka_unit_test(test_own_steps),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests_name("deploy_verify", tests, NULL, NULL);
}
