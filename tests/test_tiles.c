/* test_tiles.c - layers that no kernel holds.
 * 1. the cut   2. exact without errors   3. the same devices in one kernel   4. rows of tiles
 * 5. read chain   6. coverage   7. mapping error   8. refused
 *
 * 17-11-5 on kernels of 6 columns x 4 rows: 3 x 3 tiles (5 or 6 x 3 or 4) and 2 x 2 (5 or 6 x 2
 * or 3), 13 in all.
 */
#include "lea_figure4.h"

enum { INPUTS = 17, HIDDEN = 11, CLASSES = 5, TILES = 13, SAMPLES = 40, COLUMNS = 6, ROWS = 4 };
static const size_t sizes[] = {INPUTS, HIDDEN, CLASSES};

struct fixture {
    struct rebias_weights_set *networks;
    struct rebias_chip *chip;
    struct rebias_deploy_options o;
    float x[SAMPLES * INPUTS];
};

/* `kernels` clean ones; three networks with gammas 0.5 and 0.8. */
static void start(struct fixture *f, size_t kernels, size_t columns, size_t rows)
{
    const struct rebias_stream stream = {20250205, REBIAS_FOR_TEST, 0, 98, 0};
    f->networks = deploy_ternary(3, 2, sizes, 0.3);
    deploy_scale(f->networks, 3, false);
    f->chip = deploy_clean_chip(kernels, columns, rows, 133.33e-6f);
    f->o = rebias_deploy_options_defaults();
    f->o.alpha = f->o.beta = 2;
    f->o.batch = 16;
    rebias_random_normal(&stream, 0, SAMPLES * INPUTS, f->x);
}

static void end(struct fixture *f)
{
    rebias_weights_set_free(f->networks);
    rebias_chip_free(f->chip);
}

static struct rebias_deployment *deploy(const struct fixture *f)
{
    return deploy_written(f->networks, f->chip, &f->o);
}

static void forward(const struct fixture *f, struct rebias_deployment *d,
                    float out[SAMPLES * CLASSES])
{
    deploy_outputs(d, SAMPLES, f->x, out);
}

/* Outputs of network k by plain loops in double. */
static void plain_forward(const struct fixture *f, size_t k, const float *x,
                          double out[CLASSES])
{
    const struct rebias_weights *network = &f->networks->network[k];
    double hidden[HIDDEN];
    for (size_t j = 0; j < HIDDEN; j++) {
        double z = 0.0;
        for (size_t i = 0; i < INPUTS; i++) {
            z += (double)network->layer[0].weight[j * INPUTS + i] * (double)x[i];
        }
        hidden[j] = tanh(z);
    }
    for (size_t j = 0; j < CLASSES; j++) {
        out[j] = 0.0;
        for (size_t i = 0; i < HIDDEN; i++) {
            out[j] += (double)network->layer[1].weight[j * HIDDEN + i] * hidden[i];
        }
    }
}

/* Those of the mean of the first `networks`; float32 sums of 17 terms: 1e-5. */
static void check_software(const struct fixture *f, size_t networks, const float *out)
{
    for (size_t s = 0; s < SAMPLES; s++) {
        double sum[CLASSES] = {0.0};
        for (size_t k = 0; k < networks; k++) {
            double one[CLASSES];
            plain_forward(f, k, f->x + s * INPUTS, one);
            for (size_t j = 0; j < CLASSES; j++) {
                sum[j] += one[j] / (double)networks;
            }
        }
        for (size_t j = 0; j < CLASSES; j++) {
            support_close((double)out[s * CLASSES + j], sum[j], 1e-5, 1e-5);
        }
    }
}

/* -- 1. the cut -- */

/* Weights of a layer that the tiles of copy 0, positive, cover: each once, by at most columns x
 * rows, no side of two tiles differing by more than 1; ceil x ceil tiles. */
static void check_cut(size_t inputs, size_t outputs, size_t columns, size_t rows)
{
    const size_t shape[] = {inputs, outputs};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, shape, 0.3);
    const size_t tiles = (inputs + columns - 1) / columns * ((outputs + rows - 1) / rows);
    struct rebias_chip *chip = deploy_clean_chip(2 * tiles, columns, rows, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    struct rebias_deployment *d = NULL;
    uint8_t covered[40 * 40] = {0};
    size_t least[2] = {SIZE_MAX, SIZE_MAX};
    size_t most[2] = {0, 0};
    size_t count = 0;
    o.alpha = o.beta = 1;
    assert_int_equal(rebias_deploy(&d, networks, chip, &o, NULL), REBIAS_OK);
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    assert_int_equal(count, 2 * tiles);
    for (size_t b = 0; b < tiles; b++) {
        const struct rebias_tile t = rebias_deployment_tile(d, b);
        const size_t side[2] = {t.inputs, t.outputs};
        assert_true(blocks[b].sign == 0 && blocks[b].tile == b);
        assert_true(t.inputs <= columns && t.outputs <= rows);
        assert_true(blocks[b].column + t.inputs <= columns &&
                    blocks[b].row + t.outputs <= rows);
        for (size_t i = 0; i < t.inputs * t.outputs; i++) {
            covered[(t.output + i / t.inputs) * inputs + t.input + i % t.inputs]++;
        }
        for (int k = 0; k < 2; k++) {
            least[k] = side[k] < least[k] ? side[k] : least[k];
            most[k] = side[k] > most[k] ? side[k] : most[k];
        }
    }
    for (size_t i = 0; i < inputs * outputs; i++) {
        assert_int_equal(covered[i], 1);
    }
    assert_true(most[0] - least[0] <= 1 && most[1] - least[1] <= 1);
    rebias_deployment_free(d);
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t inputs = 1; inputs <= 40; inputs += 3) {
        for (size_t outputs = 1; outputs <= 40; outputs += 13) {
            check_cut(inputs, outputs, 7, 5);
            check_cut(inputs, outputs, 13, 40);
        }
    }
}

/* -- 2. exact without errors -- */

/* Clean devices: every placement, method and encoding gives the software's outputs, a mapping
 * error of 0 and the software's accuracy, and takes the devices of the weights. */
static void check_exact(struct fixture *f)
{
    float out[SAMPLES * CLASSES];
    uint8_t label[SAMPLES] = {0};
    double accuracy = 0.0;
    double software = 0.0;
    size_t count = 0;
    const size_t networks = f->o.method == REBIAS_DEPLOY_CM ? 2 : 1;
    struct rebias_deployment *d = deploy(f);
    rebias_deployment_blocks(d, &count);
    assert_int_equal(count, 2 * 2 * TILES);
    assert_int_equal(rebias_deployment_devices(d), 2 * 2 * (17 * 11 + 11 * 5));
    forward(f, d, out);
    check_software(f, networks, out);
    support_close(rebias_deployment_mapping_error(d, 0), 0.0, 0.0, 1e-4);
    support_close(rebias_deployment_mapping_error(d, 1), 0.0, 0.0, 1e-4);
    assert_int_equal(rebias_deployment_accuracy(d, SAMPLES, f->x, label, &accuracy, NULL),
                     REBIAS_OK);
    assert_int_equal(rebias_deploy_software_accuracy(f->networks, networks, SAMPLES, f->x,
                                                     label, &software, NULL),
                     REBIAS_OK);
    assert_true(accuracy == software); /* counts over one number */
    assert_true(accuracy > 0.0 && accuracy < 1.0);
    rebias_deployment_free(d);
}

static void test_exact(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 80, COLUMNS, ROWS);
    for (int p = REBIAS_PLACE_GREEDY; p <= REBIAS_PLACE_BLIND; p++) {
        f.o.placement = (enum rebias_placement)p;
        check_exact(&f);
    }
    f.o.placement = REBIAS_PLACE_GREEDY;
    for (int e = REBIAS_ENCODE_RME; e <= REBIAS_ENCODE_RME_APART; e++) {
        f.o.encoding = (enum rebias_encoding_kind)e;
        check_exact(&f);
    }
    f.o.encoding = REBIAS_ENCODE_SIMPLE;
    for (int m = REBIAS_DEPLOY_CM; m <= REBIAS_DEPLOY_MAO; m++) {
        f.o.method = (enum rebias_deploy_method)m;
        check_exact(&f);
    }
    end(&f);
}

/* -- 3. the same devices in one kernel -- */

/* Errors of writing and reading are drawn by weight, so a tiled deployment on clean kernels has
 * the conductances of one whose kernels hold whole layers; its outputs add the same currents.
 */
static void test_same_as_whole(void **state)
{
    (void)state;
    struct fixture tiled;
    struct fixture whole;
    float out[2][SAMPLES * CLASSES];
    start(&tiled, 60, COLUMNS, ROWS);
    start(&whole, 60, INPUTS, HIDDEN);
    tiled.o.write_error = (struct rebias_spread){REBIAS_SPREAD_GAUSSIAN, 16e-6, 0, NULL};
    tiled.o.read_noise = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 10e-6, 0, NULL};
    whole.o = tiled.o;
    struct rebias_deployment *a = deploy(&tiled);
    struct rebias_deployment *b = deploy(&whole);
    forward(&tiled, a, out[0]);
    forward(&whole, b, out[1]);
    for (size_t i = 0; i < SAMPLES * CLASSES; i++) {
        support_close((double)out[0][i], (double)out[1][i], 1e-6, 1e-6);
    }
    for (size_t l = 0; l < 2; l++) {
        support_close(rebias_deployment_mapping_error(a, l),
                      rebias_deployment_mapping_error(b, l), 1e-12, 0.0);
    }
    rebias_deployment_free(a);
    rebias_deployment_free(b);
    end(&tiled);
    end(&whole);
}

/* -- 4. rows of tiles -- */

/* alpha 3, beta 1, clean but for one stuck device under one tile of copy 0, and another under
 * the same output but another tile of copy 1: every tile takes its row from a copy where it is
 * clean, so nothing is wrong. A choice for whole rows would have copy 2 alone left; that one
 * gets a stuck device in a third tile, so that no whole row is clean. */
static void test_rows_are_chosen_by_tile(void **state)
{
    (void)state;
    struct fixture f;
    float out[SAMPLES * CLASSES];
    size_t count = 0;
    start(&f, 80, COLUMNS, ROWS);
    f.o.placement = REBIAS_PLACE_BLIND; /* knows nothing of what sticks: the same places */
    f.o.alpha = 3;
    f.o.beta = 1;
    struct rebias_deployment *d = deploy(&f);
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    for (size_t b = 0; b < count; b++) {
        /* output 0 of the first layer lies in row 0 of tiles 0, 1 and 2 */
        if (blocks[b].layer == 0 && blocks[b].sign == 0 && blocks[b].tile == blocks[b].copy) {
            deploy_stick(f.chip, blocks[b].kernel, blocks[b].column + 1, blocks[b].row,
                         REBIAS_STUCK_HIGH, 900e-6f);
        }
    }
    rebias_deployment_free(d);
    d = deploy(&f);
    forward(&f, d, out);
    check_software(&f, 1, out);
    assert_true(rebias_deployment_mapping_error(d, 0) > 10.0); /* it knows no choice of rows */
    rebias_deployment_free(d);
    end(&f);
}

/* -- 5. read chain -- */

/* Largest |a - b| over the largest |b|. */
static double deviation(const float *a, const float *b)
{
    double far = 0.0;
    double largest = 0.0;
    for (size_t i = 0; i < SAMPLES * CLASSES; i++) {
        far = fmax(far, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return far / largest;
}

/* Every tile's row has gain and offset of its own. An ADC of 24 bits per tile (blocks apart)
 * and none (one matrix) give the same: the sum over tiles of gain I + offset. 12 bits of every
 * current, to 1e-3 of the full scale; more bits, nearer. */
static void test_read_chain(void **state)
{
    (void)state;
    struct fixture f;
    float ideal[SAMPLES * CLASSES];
    float out[SAMPLES * CLASSES];
    float plain[SAMPLES * CLASSES];
    start(&f, 80, COLUMNS, ROWS);
    struct rebias_deployment *d = deploy(&f);
    forward(&f, d, plain);
    rebias_deployment_free(d);
    f.o.readout.gain_sd = 0.05;
    f.o.readout.offset_sd = 2e-6;
    d = deploy(&f);
    forward(&f, d, ideal);
    rebias_deployment_free(d);
    assert_true(deviation(ideal, plain) > 0.01);
    static const struct {
        unsigned bits;
        double least, most;
    } cases[] = {{24, 0.0, 2e-5}, {8, 1e-4, 0.05}};
    for (size_t c = 0; c < 2; c++) {
        f.o.readout.adc_bits = cases[c].bits;
        d = deploy(&f);
        forward(&f, d, out);
        assert_true(deviation(out, ideal) >= cases[c].least);
        assert_true(deviation(out, ideal) <= cases[c].most);
        rebias_deployment_free(d);
    }
    end(&f);
}

/* Read-out noise of an output: alpha 1, a linear layer of 50 inputs in two tiles of 25 at x =
 * 0: the sum of 2 signs x 2 tiles, sd 2 noise_sd (A) -> gamma/(Gnorm V) 2 noise_sd. The
 * relative sd of a sd of 4000 numbers is 1/sqrt(8000) = 1.1 %; 4 of them: a false alarm of
 * 6e-5. With an ADC the blocks' noises are drawn apart. */
static void test_readout_noise(void **state)
{
    (void)state;
    enum { WIDE = 50, OUT = 100, READS = 40 };
    static const size_t shape[] = {WIDE, OUT};
    static float x[READS * WIDE];
    static float out[READS * OUT];
    struct rebias_weights_set *networks = deploy_ternary(1, 1, shape, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(4, 25, OUT, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.alpha = o.beta = 1;
    o.readout.noise_sd = 9.6e-6;
    for (unsigned bits = 0; bits <= 20; bits += 20) {
        struct rebias_deployment *d = NULL;
        double square = 0.0;
        o.readout.adc_bits = bits;
        assert_int_equal(rebias_deploy(&d, networks, chip, &o, NULL), REBIAS_OK);
        assert_int_equal(rebias_deployment_forward(d, READS, x, out, NULL), REBIAS_OK);
        for (size_t i = 0; i < READS * OUT; i++) {
            square += (double)out[i] * (double)out[i] / (READS * OUT);
        }
        support_close(sqrt(square), 2.0 * 9.6e-6 / (100e-6 * 0.3), 4.0 / sqrt(8000.0), 0.0);
        rebias_deployment_free(d);
    }
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* -- 6. coverage -- */

/* Mapping error by its definition from the blocks: means over the copies that a tile has. */
static double plain_mapping_error(const struct fixture *f, const struct rebias_deployment *d,
                                  uint32_t l)
{
    const struct rebias_weights_layer *layer = &f->networks->network[0].layer[l];
    double sum[2][INPUTS * HIDDEN] = {{0.0}};
    size_t copies[2][INPUTS * HIDDEN] = {{0}};
    double wrong = 0.0;
    double norm = 0.0;
    size_t count = 0;
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    for (size_t b = 0; b < count; b++) {
        const struct rebias_tile t = rebias_deployment_tile(d, b);
        const float *G = rebias_deployment_conductances(d, b);
        for (size_t k = 0; blocks[b].layer == l && k < t.inputs * t.outputs; k++) {
            const size_t j = k / t.inputs;
            const size_t i = k % t.inputs;
            const size_t at = (t.output + j) * layer->inputs + t.input + i;
            sum[blocks[b].sign][at] += (double)G[j * layer->inputs + i];
            copies[blocks[b].sign][at]++;
        }
    }
    for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
        const double D = sum[0][i] / (double)copies[0][i] - sum[1][i] / (double)copies[1][i];
        const double w = (double)layer->weight[i];
        wrong += pow(layer->gamma * D / 100e-6 - w, 2);
        norm += w * w;
    }
    return 100.0 * sqrt(wrong / norm);
}

/* Kernels with 6 % of devices stuck high: coverage gives each tile the copies that it needs,
 * fewer than alpha for some; the rows chosen are clean, so the outputs are the software's. */
static void test_coverage(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_chip_options chip = rebias_chip_options_defaults();
    float out[SAMPLES * CLASSES];
    size_t count = 0;
    size_t devices = 0;
    start(&f, 1, COLUMNS, ROWS);
    rebias_chip_free(f.chip);
    chip.count = 300;
    chip.columns = COLUMNS;
    chip.rows = ROWS;
    chip.stuck_high = 0.06;
    assert_int_equal(rebias_chip_synthesize(&f.chip, &chip, NULL), REBIAS_OK);
    f.o.placement = REBIAS_PLACE_COVERAGE;
    f.o.alpha = 6;
    f.o.beta = 2;
    for (size_t k = 0; k < 200; k++) { /* most clean places are gone: rows are needed */
        deploy_stick(f.chip, k, 2, 2, REBIAS_STUCK_HIGH, 900e-6f);
    }
    for (size_t k = 200; k < 300; k++) {
        deploy_stick(f.chip, k, 2, 1, REBIAS_STUCK_HIGH, 900e-6f);
    }
    struct rebias_deployment *d = deploy(&f);
    rebias_deployment_blocks(d, &count);
    assert_true(count > 2 * 2 * TILES && count < 2 * 6 * TILES);
    for (size_t b = 0; b < count; b++) {
        const struct rebias_tile t = rebias_deployment_tile(d, b);
        devices += t.inputs * t.outputs;
    }
    assert_int_equal(rebias_deployment_devices(d), devices);
    forward(&f, d, out);
    check_software(&f, 1, out);
    for (uint32_t l = 0; l < 2; l++) {
        support_close(rebias_deployment_mapping_error(d, l), plain_mapping_error(&f, d, l),
                      1e-4, 0.0);
    }
    rebias_deployment_free(d);
    end(&f);
}

/* -- 7. mapping error -- */

/* The closed form of lea_figure4.h with 784-150-10 on kernels of 128 x 128 with devices stuck
 * at 10 and 500 uS, blind: 2 %, as in test_mapping_error.c. */
static void test_closed_form(void **state)
{
    (void)state;
    static const size_t wide[] = {784, 150, 10};
    struct rebias_weights_set *networks = deploy_ternary(1, 2, wide, 0.176);
    for (uint32_t s = 1; s <= 2; s++) {
        const double p = 0.1 * (double)s;
        struct rebias_chip_options chip = rebias_chip_options_defaults();
        struct rebias_chip *many = NULL;
        double sum = 0.0;
        chip.count = 60;
        chip.columns = chip.rows = 128;
        chip.stuck_high = chip.stuck_low = 0.5 * p;
        chip.high = (struct rebias_stuck_values){500e-6, 0.0, 0.0, 1e-3};
        chip.low = (struct rebias_stuck_values){10e-6, 0.0, 0.0, 1e-3};
        chip.seed = s;
        assert_int_equal(rebias_chip_synthesize(&many, &chip, NULL), REBIAS_OK);
        for (uint32_t cycle = 0; cycle < 2; cycle++) {
            struct rebias_deployment *d = NULL;
            struct rebias_error err = {0};
            const struct rebias_deploy_options o =
                figure4_options(REBIAS_DEPLOY_LEA, s, 0.0, cycle);
            support_expect(rebias_deploy(&d, networks, many, &o, &err), REBIAS_OK, &err, NULL);
            sum +=
                rebias_deployment_mapping_error(d, 0) + rebias_deployment_mapping_error(d, 1);
            rebias_deployment_free(d);
        }
        support_close(0.25 * sum, figure4_closed_form(p, (double)s), 0.02, 0.0);
        rebias_chip_free(many);
    }
    rebias_weights_set_free(networks);
}

/* -- 8. refused -- */

/* One copy needs 26 blocks: the first layer's 18 take a kernel each, the second's four of 3
 * rows as well, and its four of 2 rows share two. Given places are for layers of one tile. */
static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    const struct rebias_block given = {.tile = 0};
    start(&f, 20, COLUMNS, ROWS);
    f.o.alpha = f.o.beta = 1;
    for (int p = REBIAS_PLACE_GREEDY; p <= REBIAS_PLACE_BLIND; p++) {
        f.o.placement = (enum rebias_placement)p;
        support_expect(rebias_deploy(&d, f.networks, f.chip, &f.o, &err), REBIAS_E_DATA, &err,
                       p == REBIAS_PLACE_COVERAGE
                           ? "raise alpha or add kernels"
                           : "of 26 fit in its 20 kernels of 6 x 4; 24 kernels without defects "
                             "would suffice");
        assert_null(d);
    }
    f.o.placement = REBIAS_PLACE_GIVEN;
    f.o.given = &given;
    f.o.given_count = 1;
    support_expect(rebias_deploy(&d, f.networks, f.chip, &f.o, &err), REBIAS_E_UNSUPPORTED,
                   &err,
                   "places cannot be given for layer 0: kernels of 6 x 4 hold its 17 x 11 "
                   "weights in 9 tiles only");
    assert_null(d);
    end(&f);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_exact),
        cmocka_unit_test(test_same_as_whole), cmocka_unit_test(test_rows_are_chosen_by_tile),
        cmocka_unit_test(test_read_chain),    cmocka_unit_test(test_readout_noise),
        cmocka_unit_test(test_coverage),      cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("tiles", tests, NULL, NULL);
}
