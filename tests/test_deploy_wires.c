/* test_deploy_wires.c - IR drop of deployed networks.
 * 1. helpers   2. against direct solutions   3. by hand   4. laws   5. reads   6. bad input
 *
 * That the matrix which stands for a block gives the currents of the direct solution to 1e-9 is
 * tested in test_wires.c; here to float32.
 */
#include "deploy_support.h"
#include "rebias/wires.h"

/* -- 1. helpers -- */

static struct rebias_deployment *deploy(const struct rebias_weights_set *networks,
                                        const struct rebias_chip *chip,
                                        const struct rebias_deploy_options *o)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, networks, chip, o, &err), REBIAS_OK, &err, NULL);
    return d;
}

static void forward(struct rebias_deployment *d, size_t n, const float *x, float *out)
{
    struct rebias_error err = {0};
    support_expect(rebias_deployment_forward(d, n, x, out, &err), REBIAS_OK, &err, NULL);
}

/* -- 2. against direct solutions -- */

enum { INPUTS = 17, OUTPUTS = 11, SAMPLES = 20 };

/* y[n][OUTPUTS] += sign/alpha I/(Gnorm V_read) of one block, every sample solved on its own. */
static void add_block(const struct rebias_deployment *d, size_t b,
                      const struct rebias_deploy_options *o, const float *x, double *y)
{
    size_t count = 0;
    const struct rebias_block *block = rebias_deployment_blocks(d, &count) + b;
    const struct rebias_tile t = rebias_deployment_tile(d, b);
    const float *written = rebias_deployment_conductances(d, b);
    double G[INPUTS * OUTPUTS], V[INPUTS], I[OUTPUTS];
    struct rebias_wires_options options = rebias_wires_options_defaults();
    struct rebias_wires *wires = NULL;
    options.row_resistance = o->column_wire; /* inputs are rows there */
    options.column_resistance = o->row_wire;
    for (size_t j = 0; j < t.outputs; j++) {
        for (size_t i = 0; i < t.inputs; i++) {
            G[i * t.outputs + j] = (double)written[j * INPUTS + i];
        }
    }
    assert_int_equal(rebias_wires_new(&wires, t.inputs, t.outputs, G, &options, NULL),
                     REBIAS_OK);
    for (size_t s = 0; s < SAMPLES; s++) {
        for (size_t i = 0; i < t.inputs; i++) {
            V[i] = o->read_voltage * (double)x[s * INPUTS + t.input + i];
        }
        assert_int_equal(rebias_wires_currents(wires, 1, V, I, NULL), REBIAS_OK);
        for (size_t j = 0; j < t.outputs; j++) {
            y[s * OUTPUTS + t.output + j] +=
                (block->sign == 0 ? I[j] : -I[j]) /
                ((double)o->alpha * (o->G_on - o->G_off) * o->read_voltage);
        }
    }
    rebias_wires_free(wires);
}

static void check_direct(const struct rebias_weights_set *networks,
                         const struct rebias_chip *chip, const struct rebias_deploy_options *o,
                         double tolerance)
{
    const struct rebias_stream stream = {7, REBIAS_FOR_TEST, 0, 1, 0};
    float x[SAMPLES * INPUTS], out[SAMPLES * OUTPUTS], plain[SAMPLES * OUTPUTS];
    double y[SAMPLES * OUTPUTS] = {0.0};
    double far = 0.0;
    size_t count = 0;
    rebias_random_normal(&stream, 0, SAMPLES * INPUTS, x);
    struct rebias_deployment *d = deploy(networks, chip, o);
    rebias_deployment_blocks(d, &count);
    for (size_t b = 0; b < count; b++) {
        add_block(d, b, o, x, y);
    }
    forward(d, SAMPLES, x, out);
    rebias_deployment_free(d);
    struct rebias_deploy_options none = *o;
    none.row_wire = none.column_wire = 0.0;
    d = deploy(networks, chip, &none);
    forward(d, SAMPLES, x, plain);
    rebias_deployment_free(d);
    for (size_t i = 0; i < SAMPLES * OUTPUTS; i++) {
        support_close((double)out[i], y[i], tolerance, tolerance);
        far = fmax(far, fabs((double)out[i] - (double)plain[i]));
    }
    assert_true(far > 0.01); /* there is a drop */
}

/* On a chip, in tiles, without a chip, and with an ADC for each block: what the direct solution
 * of every block and sample adds up to. float32: 1e-5; an ADC of 24 bits: steps of 2^-23 of the
 * largest current, which is some 30 times an output's. */
static void test_direct(void **state)
{
    (void)state;
    static const size_t sizes[] = {INPUTS, OUTPUTS};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    struct rebias_chip_options many = rebias_chip_options_defaults();
    struct rebias_chip *chip = NULL;
    many.count = 30;
    many.stuck_high = 0.05;
    o.alpha = o.beta = 2;
    o.batch = 8;
    o.row_wire = 5.0;
    o.column_wire = 2.0;
    o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 16e-6, 0, NULL};
    for (int tiled = 0; tiled < 2; tiled++) {
        many.columns = tiled ? 6 : 25;
        assert_int_equal(rebias_chip_synthesize(&chip, &many, NULL), REBIAS_OK);
        check_direct(networks, chip, &o, 1e-5);
        o.readout.adc_bits = 24;
        check_direct(networks, chip, &o, 3e-5);
        o.readout.adc_bits = 0;
        rebias_chip_free(chip);
    }
    o.placement = REBIAS_PLACE_BLIND;
    o.stuck.probability = 0.1;
    check_direct(networks, NULL, &o, 1e-5);
    rebias_weights_set_free(networks);
}

/* -- 3. by hand -- */

/* One output of two inputs, weights 1 and 1, at x = 1: the row's two segments r carry the
 * currents of both devices of a sign, the second next to the output. With columns of (nearly)
 * no resistance: v0 - v1 = r g (V - v0), v1 = r g (V - v0 + V - v1), I = v1/r. Solved: with a =
 * r g, v1 = V (2 a + a^2)/(1 + 3 a + a^2). The same r in the columns instead gives I = 2 V
 * g/(1 + a): columns of one device, no more. */
static void test_two_inputs(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 1};
    static const float x[] = {1.0f, 1.0f};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.0);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    const double r = 2000.0;
    float out = 0.0f;
    o.alpha = o.beta = 1;
    o.placement = REBIAS_PLACE_BLIND;
    networks->network[0].layer[0].weight[0] = 1.0f;
    networks->network[0].layer[0].weight[1] = 1.0f;
    for (int rows = 0; rows < 2; rows++) {
        double expected = 0.0;
        o.row_wire = rows ? r : 1e-6;
        o.column_wire = rows ? 1e-6 : r;
        for (int s = 0; s < 2; s++) {
            const double g = s == 0 ? o.G_on : o.G_off;
            const double a = r * g;
            const double I =
                rows ? (2.0 * a + a * a) / (1.0 + 3.0 * a + a * a) / r : 2.0 * g / (1.0 + a);
            expected += (s == 0 ? I : -I) / (o.G_on - o.G_off);
        }
        struct rebias_deployment *d = deploy(networks, NULL, &o);
        forward(d, 1, x, &out);
        support_close((double)out, expected, 1e-5, 0.0);
        rebias_deployment_free(d);
    }
    rebias_weights_set_free(networks);
}

/* -- 4. laws -- */

/* A random 60-30-10 and the classes that it sees itself: all right without wires and with
 * 1e-6 ohm (60 x 30 devices of 233 uS: a relative drop below 1e-5), fewer and fewer at 1, 10
 * and 100 ohm. */
static void test_accuracy_falls(void **state)
{
    (void)state;
    enum { N = 400, IN = 60, CLASSES = 10 };
    static const size_t sizes[] = {IN, 30, CLASSES};
    static const double resistance[] = {0.0, 1e-6, 1.0, 10.0, 100.0};
    static float x[N * IN], out[2][N * CLASSES];
    uint8_t label[N] = {0};
    const struct rebias_stream stream = {8, REBIAS_FOR_TEST, 0, 1, 0};
    struct rebias_weights_set *networks = deploy_ternary(1, 2, sizes, 0.3);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    double last = 1.0;
    networks->network[0].layer[0].gamma = 0.1; /* hidden sums of some 0.6 */
    for (size_t i = 0; i < IN * 30; i++) {
        networks->network[0].layer[0].weight[i] *= 0.1f;
    }
    rebias_random_normal(&stream, 0, N * IN, x);
    o.alpha = o.beta = 1;
    o.placement = REBIAS_PLACE_BLIND;
    for (size_t c = 0; c < 5; c++) {
        double accuracy = 0.0;
        o.row_wire = o.column_wire = resistance[c];
        struct rebias_deployment *d = deploy(networks, NULL, &o);
        forward(d, N, x, out[c > 0]);
        for (size_t s = 0; s < N && c == 0; s++) {
            for (size_t j = 1; j < CLASSES; j++) {
                const float *y = &out[0][s * CLASSES];
                label[s] = y[j] > y[label[s]] ? (uint8_t)j : label[s];
            }
        }
        for (size_t i = 0; i < N * CLASSES && c == 1; i++) {
            support_close((double)out[1][i], (double)out[0][i], 1e-4, 1e-4);
        }
        assert_int_equal(rebias_deployment_accuracy(d, N, x, label, &accuracy, NULL),
                         REBIAS_OK);
        assert_true(c < 2 ? accuracy >= 0.9975 : accuracy < last - 0.02);
        last = accuracy;
        rebias_deployment_free(d);
    }
    rebias_weights_set_free(networks);
}

/* -- 5. reads -- */

/* Samples of one batch share a read, those of the next have another; noise that makes
 * conductances negative (10 uS -> 0 +- 50 uS) is solved as well. The same deployment again: the
 * same bytes. */
static void test_reads(void **state)
{
    (void)state;
    enum { BATCH = 4, READ = 8 };
    static const size_t sizes[] = {INPUTS, OUTPUTS};
    float x[READ * INPUTS], out[2][READ * OUTPUTS];
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.alpha = o.beta = 1;
    o.placement = REBIAS_PLACE_BLIND;
    o.batch = BATCH;
    o.row_wire = o.column_wire = 1.0;
    o.stuck.probability = 0.3;
    o.read_noise = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 50e-6, 0, NULL};
    for (size_t i = 0; i < READ * INPUTS; i++) {
        x[i] = 1.0f;
    }
    for (int r = 0; r < 2; r++) {
        struct rebias_deployment *d = deploy(networks, NULL, &o);
        forward(d, READ, x, out[r]);
        rebias_deployment_free(d);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    for (size_t j = 0; j < OUTPUTS; j++) {
        assert_true(isfinite(out[0][j]));
        assert_true(out[0][j] == out[0][(BATCH - 1) * OUTPUTS + j]);
        assert_true(out[0][j] != out[0][BATCH * OUTPUTS + j]);
    }
    rebias_weights_set_free(networks);
}

/* -- 6. bad input -- */

static void test_bad_wires(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    static const double wires[][2] = {{1.0, 0.0},  {0.0, 1.0},   {1e-7, 1.0},
                                      {1.0, 1e10}, {-1.0, -1.0}, {NAN, 1.0}};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.placement = REBIAS_PLACE_BLIND;
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        struct rebias_deployment *d = NULL;
        struct rebias_error err = {0};
        o.row_wire = wires[i][0];
        o.column_wire = wires[i][1];
        support_expect(rebias_deploy(&d, networks, NULL, &o, &err), REBIAS_E_RANGE, &err,
                       "a segment (expected 1e-6 to 1e9 for both, or 0 for both)");
        assert_null(d);
    }
    rebias_weights_set_free(networks);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct),         cmocka_unit_test(test_two_inputs),
        cmocka_unit_test(test_accuracy_falls), cmocka_unit_test(test_reads),
        cmocka_unit_test(test_bad_wires),
    };
    return cmocka_run_group_tests_name("deploy_wires", tests, NULL, NULL);
}
