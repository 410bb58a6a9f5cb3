/* test_place.c - where the blocks of deployments go.
 * 1. published chip   2. greedy   3. random and blind   4. coverage   5. given   6. bad input
 */
#include "deploy_support.h"

/* Deploys with these options; the blocks are compared by the caller. */
static struct rebias_deployment *deploy(const struct rebias_weights_set *networks,
                                        const struct rebias_chip *chip,
                                        const struct rebias_deploy_options *o)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, networks, chip, o, &err), REBIAS_OK, &err, NULL);
    return d;
}

static void refuse(const struct rebias_weights_set *networks, const struct rebias_chip *chip,
                   const struct rebias_deploy_options *o, int status, const char *text)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, networks, chip, o, &err), status, &err, text);
    assert_null(d);
}

/* Blocks are apart; returns the stuck devices under all of them. */
static size_t check_blocks(const struct rebias_deployment *d, const struct rebias_chip *chip,
                           const struct rebias_weights *network, size_t expected)
{
    size_t count = 0;
    size_t stuck = 0;
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    assert_int_equal(count, expected);
    assert_true(deploy_apart(chip, network, blocks, count));
    for (size_t b = 0; b < count; b++) {
        stuck += deploy_stuck_under(chip, network, &blocks[b]);
    }
    return stuck;
}

/* -- 1. published chip -- */

/* On the 14 published kernels greedy and random(1000) place 24 blocks of the 4-12-6-3 network
 * apart from each other and without a stuck device; blind placement meets some (6 % of 1104
 * devices). */
static void test_published_chip(void **state)
{
    (void)state;
    struct rebias_weights_set *networks = deploy_published_network();
    struct rebias_chip *chip = deploy_published_chip("greedy_simple", 14, deploy_kernels);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    if (networks != NULL && chip != NULL) {
        for (int p = REBIAS_PLACE_GREEDY; p <= REBIAS_PLACE_BLIND; p++) {
            if (p != REBIAS_PLACE_COVERAGE) {
                o.placement = (enum rebias_placement)p;
                struct rebias_deployment *d = deploy(networks, chip, &o);
                const size_t stuck = check_blocks(d, chip, &networks->network[0], 24);
                assert_true(p == REBIAS_PLACE_BLIND ? stuck > 20 : stuck == 0);
                assert_int_equal(rebias_deployment_devices(d), 1104);
                rebias_deployment_free(d);
            }
        }
    }
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* -- 2. greedy -- */

static struct rebias_chip *random_chip(size_t count, double high, double low, uint64_t seed)
{
    struct rebias_chip *chip = NULL;
    struct rebias_chip_options o = rebias_chip_options_defaults();
    o.count = count;
    o.columns = 9;
    o.rows = 11;
    o.stuck_high = high;
    o.stuck_low = low;
    o.seed = seed;
    assert_int_equal(rebias_chip_synthesize(&chip, &o, NULL), REBIAS_OK);
    return chip;
}

/* SCV of one position, device by device: |simple target - G| of stuck devices. */
static double plain_score(const struct rebias_chip *chip,
                          const struct rebias_weights_layer *layer,
                          const struct rebias_block *block)
{
    double score = 0.0;
    for (size_t c = 0; c < layer->inputs; c++) {
        for (size_t r = 0; r < layer->outputs; r++) {
            const size_t device = (block->column + c) * chip->rows + block->row + r;
            const float w = layer->weight[r * layer->inputs + c];
            const float part = block->sign == 0 ? w : -w;
            const double target = part > 0.0f ? 233.33e-6 : 133.33e-6;
            if (chip->kernel[block->kernel].fault[device] != REBIAS_WORKING) {
                score += fabs(target - (double)chip->kernel[block->kernel].G[device]);
            }
        }
    }
    return score;
}

static bool overlaps(const struct rebias_weights_layer *layer, const struct rebias_block *a,
                     const struct rebias_block *b)
{
    return a->kernel == b->kernel && a->column < b->column + layer->inputs &&
           b->column < a->column + layer->inputs && a->row < b->row + layer->outputs &&
           b->row < a->row + layer->outputs;
}

/* One layer: each block in turn (copy 0 positive, negative, copy 1 ...) has the least score of
 * all free positions, found here by trying them all. */
static void test_greedy_is_best(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    const struct rebias_weights_layer *layer = &networks->network[0].layer[0];
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    size_t count = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rebias_chip *chip = random_chip(3, 0.1, 0.1, seed);
        struct rebias_deployment *d = deploy(networks, chip, &o);
        const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
        assert_int_equal(count, 8);
        for (size_t b = 0; b < count; b++) {
            double least = INFINITY;
            for (uint32_t p = 0; p < 3 * 7 * 8; p++) {
                const struct rebias_block at = {.sign = blocks[b].sign,
                                                .kernel = p / 56,
                                                .column = p / 8 % 7,
                                                .row = p % 8};
                bool taken = false;
                for (size_t a = 0; a < b; a++) {
                    taken = taken || overlaps(layer, &at, &blocks[a]);
                }
                least = taken ? least : fmin(least, plain_score(chip, layer, &at));
            }
            support_close(plain_score(chip, layer, &blocks[b]), least, 1e-9, 1e-15);
        }
        rebias_deployment_free(d);
        rebias_chip_free(chip);
    }
    rebias_weights_set_free(networks);
}

/* Ties go to the lowest kernel, column, row; the larger layer is placed first. */
static void test_ties(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 2, sizes, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(2, 9, 11, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    static const struct rebias_block expected[4] = {{.row = 8},
                                                    {.sign = 1, .column = 2, .row = 8},
                                                    {.layer = 1},
                                                    {.layer = 1, .sign = 1, .row = 4}};
    size_t count = 0;
    o.alpha = o.beta = 1;
    struct rebias_deployment *d = deploy(networks, chip, &o);
    const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
    assert_int_equal(count, 4);
    assert_memory_equal(blocks, expected, sizeof expected);
    rebias_deployment_free(d);
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* -- 3. random and blind -- */

/* With as many candidates as make a miss of any position unlikely (2000 of 168: (1 -
 * 1/168)^2000 = 7e-6) random is greedy. */
static void test_many_candidates_are_greedy(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_chip *chip = random_chip(3, 0.1, 0.1, 7);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    size_t count = 0;
    struct rebias_deployment *greedy = deploy(networks, chip, &o);
    o.placement = REBIAS_PLACE_RANDOM;
    o.candidates = 2000;
    struct rebias_deployment *sampled = deploy(networks, chip, &o);
    const struct rebias_block *a = rebias_deployment_blocks(greedy, &count);
    const struct rebias_block *b = rebias_deployment_blocks(sampled, &count);
    for (size_t i = 0; i < count; i++) {
        const struct rebias_weights_layer *layer = &networks->network[0].layer[0];
        support_close(plain_score(chip, layer, &a[i]), plain_score(chip, layer, &b[i]), 1e-9,
                      1e-15);
    }
    rebias_deployment_free(sampled);
    rebias_deployment_free(greedy);
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* Blind places are apart, differ between replicates, and are the same for the same one. */
static void test_blind(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_chip *chip = random_chip(6, 0.1, 0.1, 7);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    struct rebias_deployment *d[3];
    size_t count = 0;
    o.placement = REBIAS_PLACE_BLIND;
    for (uint32_t r = 0; r < 3; r++) {
        o.replicate = r % 2;
        d[r] = deploy(networks, chip, &o);
        check_blocks(d[r], chip, &networks->network[0], 8);
    }
    const struct rebias_block *first = rebias_deployment_blocks(d[0], &count);
    assert_memory_equal(first, rebias_deployment_blocks(d[2], &count), 8 * sizeof *first);
    assert_memory_not_equal(first, rebias_deployment_blocks(d[1], &count), 8 * sizeof *first);
    for (size_t r = 0; r < 3; r++) {
        rebias_deployment_free(d[r]);
    }
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* -- 4. coverage -- */

static bool clean_row(const struct rebias_chip *chip, const struct rebias_block *block,
                      size_t columns, size_t row)
{
    for (size_t c = 0; c < columns; c++) {
        if (chip->kernel[block->kernel]
                .fault[(block->column + c) * chip->rows + block->row + row] != REBIAS_WORKING) {
            return false;
        }
    }
    return true;
}

/* Every output has at least beta clean copies of each sign, no block has a device stuck low,
 * and copies are fewer than alpha where that suffices. */
static void test_coverage(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.placement = REBIAS_PLACE_COVERAGE;
    o.alpha = 6;
    o.beta = 2;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct rebias_chip *chip = random_chip(12, 0.2, 0.01, seed);
        struct rebias_deployment *d = deploy(networks, chip, &o);
        size_t count = 0;
        size_t clean[2][4] = {{0}};
        const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
        check_blocks(d, chip, &networks->network[0], count);
        assert_true(count < 12);
        assert_int_equal(rebias_deployment_devices(d), 12 * count);
        for (size_t b = 0; b < count; b++) {
            for (size_t j = 0; j < 4; j++) {
                clean[blocks[b].sign][j] += clean_row(chip, &blocks[b], 3, j);
            }
        }
        for (size_t j = 0; j < 8; j++) {
            assert_true(clean[j / 4][j % 4] >= 2);
        }
        rebias_deployment_free(d);
        rebias_chip_free(chip);
    }
    struct rebias_chip *full = random_chip(1, 0.9, 0.0, 1);
    refuse(networks, full, &o, REBIAS_E_DATA,
           "coverage: 4 of 4 outputs of layer 0 lack 2 clean copies");
    rebias_chip_free(full);
    rebias_weights_set_free(networks);
}

/* -- 5. given -- */

/* Published places (Fig. 5c): the simple encoding of the chip's weights at these places says ON
 * or OFF (threshold 183.3 uS) for 1104 of 1104 devices of the published maps; of the rme maps
 * for all but 2. */
static void compare_published(const char *folder, size_t kernel_count, const int *kernels,
                              size_t mismatches)
{
    struct rebias_weights_set *networks = deploy_published_network();
    struct rebias_chip *chip = deploy_published_chip(folder, kernel_count, kernels);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    struct rebias_block *given = NULL;
    struct rebias_error err = {0};
    char name[128];
    char path[1024];
    size_t wrong = 0;
    size_t count = 0;
    snprintf(name, sizeof name, "daffodil/maps_a4b4/%s/offsets.txt", folder);
    if (networks != NULL && chip != NULL && support_shared(path, name)) {
        support_expect(
            rebias_blocks_load(&given, &o.given_count, path, chip, &networks->network[0], &err),
            REBIAS_OK, &err, NULL);
        o.placement = REBIAS_PLACE_GIVEN;
        o.given = given;
        struct rebias_deployment *d = deploy(networks, chip, &o);
        const struct rebias_block *blocks = rebias_deployment_blocks(d, &count);
        assert_int_equal(check_blocks(d, chip, &networks->network[0], 24), 0);
        for (size_t b = 0; b < count; b++) {
            const struct rebias_weights_layer *layer =
                &networks->network[0].layer[blocks[b].layer];
            const float *G = rebias_deployment_conductances(d, b);
            for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
                const size_t device = (blocks[b].column + i % layer->inputs) * chip->rows +
                                      blocks[b].row + i / layer->inputs;
                const float read = chip->kernel[blocks[b].kernel].G[device];
                wrong += (G[i] > 183.3e-6f) != (read > 183.3e-6f);
            }
        }
        assert_int_equal(rebias_deployment_devices(d), 1104);
        assert_int_equal(wrong, mismatches);
        rebias_deployment_free(d);
    }
    free(given);
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

static void test_published_places(void **state)
{
    (void)state;
    static const int simple[] = {0, 2, 3, 9, 10, 11, 16, 17, 18, 19, 24, 25, 27};
    static const int random[] = {0, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 27};
    compare_published("greedy_simple", 13, simple, 0);
    compare_published("random_simple", 13, random, 0);
    compare_published("greedy_rme", 13, simple, 2);
    compare_published("random_rme", 14, deploy_kernels, 2);
}

/* -- 6. bad input -- */

static void test_bad_places(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(2, 9, 11, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    struct rebias_block given[2] = {{.row = 0}, {.sign = 1, .column = 2, .row = 3}};
    o.alpha = o.beta = 1;
    o.placement = REBIAS_PLACE_GIVEN;
    o.given = given;
    o.given_count = 1;
    refuse(networks, chip, &o, REBIAS_E_DATA, "1 blocks are given, the deployment needs 2");
    o.given_count = 2;
    refuse(networks, chip, &o, REBIAS_E_DATA, "given blocks overlap on kernel 0");
    given[1].sign = 0;
    given[1].kernel = 1;
    refuse(networks, chip, &o, REBIAS_E_DATA,
           "block of layer 0, copy 0, sign 0 is given twice");
    given[1].sign = 1;
    given[1].column = 7;
    refuse(networks, chip, &o, REBIAS_E_DATA, "are not on the chip");
    given[1].column = 6;
    struct rebias_deployment *d = deploy(networks, chip, &o);
    check_blocks(d, chip, &networks->network[0], 2);
    rebias_deployment_free(d);
    given[1].layer = 1;
    refuse(networks, chip, &o, REBIAS_E_DATA, "the deployment has 1 layers of 1 copies");
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

/* 9 x 11 devices hold 3 x 2 blocks of 3 x 4; ten are needed: 6 fit, 2 kernels suffice. Ten
 * inputs make two tiles of 5 x 4: two a kernel, twenty needed. */
static void test_chip_too_small(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    static const size_t large[] = {10, 4};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_weights_set *wide = deploy_ternary(1, 1, large, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(1, 9, 11, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.alpha = o.beta = 5;
    refuse(networks, chip, &o, REBIAS_E_DATA,
           "6 of 10 fit in its 1 kernels of 9 x 11; 2 kernels without defects would suffice");
    refuse(wide, chip, &o, REBIAS_E_DATA,
           "2 of 20 fit in its 1 kernels of 9 x 11; 10 kernels without defects would suffice");
    o.placement = REBIAS_PLACE_BLIND;
    refuse(networks, chip, &o, REBIAS_E_DATA, "2 kernels without defects would suffice");
    o.placement = REBIAS_PLACE_RANDOM;
    refuse(networks, chip, &o, REBIAS_E_DATA, "2 kernels without defects would suffice");
    rebias_chip_free(chip);
    rebias_weights_set_free(wide);
    rebias_weights_set_free(networks);
}

/* 700 x 1000 measured devices times 700 x 800 weights are 3.9e11 additions. */
static void test_search_too_long(void **state)
{
    (void)state;
    static const size_t sizes[] = {700, 800};
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(1, 700, 1000, 133.33e-6f);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    o.alpha = o.beta = 1;
    o.stuck_only = false;
    refuse(networks, chip, &o, REBIAS_E_UNSUPPORTED,
           "would take 3.9e+11 additions for layer 0: take random placement");
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const size_t sizes[] = {3, 4};
    static const struct {
        const char *text;
        int status;
        const char *message;
    } files[] = {
        {"", REBIAS_E_FORMAT, "not a list of places of blocks"},
        {"[[[[0, 0, 0, (3, 4)], [x]]]]", REBIAS_E_FORMAT, "'x]]]]'"},
        {"[[[[0, 0, 0, (3, 4)], [1, 2]]]]", REBIAS_E_FORMAT, "not a list of places"},
        {"[[[[0, 0, 0, (3, 4)], [1, -2, 0, (3, 4)]]]]", REBIAS_E_FORMAT, "'-2, 0, (3, 4)]]'"},
        {"[[[[0, 0, 0, (3, 4)], [5, 2, 0, (3, 4)]]]]", REBIAS_E_DATA, "has no kernel 5"},
        {"[[[[0, 0, 0, (3, 4)]]]]", REBIAS_E_DATA, "1 places are not the same number"},
        {"[[[[0, 0, 0, (3, 4)], [1, 2, 0, (4, 3)]]]]", REBIAS_E_DATA,
         "place 2 is for 4 x 3 weights, layer 0 has 3 x 4"},
    };
    struct rebias_weights_set *networks = deploy_ternary(1, 1, sizes, 0.3);
    struct rebias_chip *chip = deploy_clean_chip(2, 9, 11, 133.33e-6f);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct rebias_block *blocks = NULL;
        struct rebias_error err = {0};
        char path[1024];
        size_t count = 0;
        support_write(path, "offsets.txt", files[i].text, strlen(files[i].text));
        support_expect(
            rebias_blocks_load(&blocks, &count, path, chip, &networks->network[0], &err),
            files[i].status, &err, files[i].message);
        assert_null(blocks);
    }
    rebias_chip_free(chip);
    rebias_weights_set_free(networks);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_chip),
        cmocka_unit_test(test_greedy_is_best),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_many_candidates_are_greedy),
        cmocka_unit_test(test_blind),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_published_places),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_chip_too_small),
        cmocka_unit_test(test_search_too_long),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
