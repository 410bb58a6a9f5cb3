/* test_blocks.c - pulse data in blocks: numbering, selection, resampling.
 * 1. data   2. numbering   3. selection   4. resampling
 */
#include "rebias/pulses.h"
#include "rebias/random.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. data -- */

/* devices x cycles x {SET, RESET} x points, cycle by cycle; G tells the point, pulse counts in
 * the ramp. */
static struct rebias_pulses *ramps(int devices, int cycles, int points)
{
    struct rebias_pulses *pulses = NULL;
    const size_t n = (size_t)(devices * cycles * 2 * points);
    assert_int_equal(rebias_pulses_new(&pulses, n, true, NULL), REBIAS_OK);
    for (size_t i = 0; i < n; i++) {
        const int ramp = (int)i / points;
        pulses->G[i] = 1e-6 * (double)(i + 1);
        pulses->dG[i] = 1e-9 * (double)i;
        pulses->pulse[i] = (int)i % points + 1;
        pulses->polarity[i] = (uint8_t)(ramp % 2);
        pulses->cycle[i] = ramp / 2 % cycles + 1;
        pulses->device[i] = 100 - ramp / 2 / cycles; /* falling: order of appearance counts */
    }
    return pulses;
}

static void drop(int32_t **label)
{
    free(*label);
    *label = NULL;
}

/* -- 2. numbering -- */

/* By hand: two devices, of which the second repeats cycle 1 after cycle 2. */
static void test_numbers_by_hand(void **state)
{
    (void)state;
    enum { N = 8 };
    static const int32_t device[N] = {7, 7, -3, 7, -3, -3, 7, -3};
    static const int32_t cycle[N] = {1, 1, 1, 2, 2, 1, 1, 1};
    static const uint8_t polarity[N] = {0, 1, 0, 0, 1, 0, 1, 1};
    static const uint32_t by_cycle[N] = {0, 1, 2, 3, 4, 2, 1, 5};
    static const uint32_t by_device[N] = {0, 0, 1, 0, 1, 1, 0, 1};
    static const uint32_t by_cycle_alone[N] = {0, 1, 0, 2, 3, 0, 1, 1}; /* no device recorded */
    struct rebias_pulses *pulses = NULL;
    uint32_t block[N];
    size_t count = 0;
    enum rebias_blocks used = REBIAS_BLOCKS_AUTO;
    assert_int_equal(rebias_pulses_new(&pulses, N, true, NULL), REBIAS_OK);
    memcpy(pulses->device, device, sizeof device);
    memcpy(pulses->cycle, cycle, sizeof cycle);
    memcpy(pulses->polarity, polarity, sizeof polarity);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_CYCLE, block, &count, &used, NULL), 0);
    assert_int_equal(count, 6);
    assert_int_equal(used, REBIAS_BLOCKS_CYCLE);
    assert_memory_equal(block, by_cycle, sizeof block);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_DEVICE, block, &count, &used, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(used, REBIAS_BLOCKS_DEVICE);
    assert_memory_equal(block, by_device, sizeof block);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_POINTS, block, &count, &used, NULL), 0);
    assert_int_equal(count, N);
    assert_int_equal(used, REBIAS_BLOCKS_POINTS);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(block[i], i);
    }
    drop(&pulses->device);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_CYCLE, block, &count, NULL, NULL), 0);
    assert_int_equal(count, 4);
    assert_memory_equal(block, by_cycle_alone, sizeof block);
    rebias_pulses_free(pulses);
}

static void expect_automatic(int devices, int cycles, enum rebias_blocks kind, size_t blocks)
{
    struct rebias_pulses *pulses = ramps(devices, cycles, 2);
    uint32_t *block = malloc(pulses->n * sizeof *block);
    uint32_t *named = malloc(pulses->n * sizeof *named);
    size_t count[2] = {0, 0};
    enum rebias_blocks used = REBIAS_BLOCKS_AUTO;
    assert_true(block != NULL && named != NULL);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_AUTO, block, &count[0], &used, NULL), 0);
    assert_int_equal(used, kind);
    assert_int_equal(count[0], blocks);
    assert_int_equal(rebias_pulses_blocks(pulses, kind, named, &count[1], NULL, NULL), 0);
    assert_int_equal(count[1], blocks);
    assert_memory_equal(block, named, pulses->n * sizeof *block);
    free(block);
    free(named);
    rebias_pulses_free(pulses);
}

/* 10 devices; else 10 cycles of each polarity; else points. */
static void test_automatic(void **state)
{
    (void)state;
    expect_automatic(10, 1, REBIAS_BLOCKS_DEVICE, 10);
    expect_automatic(9, 2, REBIAS_BLOCKS_CYCLE, 36);
    expect_automatic(1, 10, REBIAS_BLOCKS_CYCLE, 20);
    expect_automatic(9, 1, REBIAS_BLOCKS_POINTS, 36);
    expect_automatic(3, 3, REBIAS_BLOCKS_POINTS, 36);
    struct rebias_pulses *pulses = ramps(12, 12, 1);
    uint32_t block[288];
    size_t count = 0;
    enum rebias_blocks used = REBIAS_BLOCKS_AUTO;
    drop(&pulses->device); /* then cycle 1 of all devices is one */
    assert_int_equal(rebias_pulses_blocks(pulses, used, block, &count, &used, NULL), 0);
    assert_int_equal(used, REBIAS_BLOCKS_CYCLE);
    assert_int_equal(count, 24);
    drop(&pulses->cycle);
    assert_int_equal(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_AUTO, block, &count, &used, NULL), 0);
    assert_int_equal(used, REBIAS_BLOCKS_POINTS);
    assert_int_equal(count, 288);
    rebias_pulses_free(pulses);
}

static void test_kinds_that_are_not_there(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = ramps(1, 1, 2);
    struct rebias_pulses *out = pulses;
    struct rebias_error err = {0};
    uint32_t block[4];
    size_t count = 0;
    drop(&pulses->device);
    drop(&pulses->cycle);
    support_expect(rebias_pulses_blocks(pulses, REBIAS_BLOCKS_CYCLE, block, &count, NULL, &err),
                   REBIAS_E_DATA, &err, "blocks by cycle: the pulse data record no cycle");
    support_expect(
        rebias_pulses_blocks(pulses, REBIAS_BLOCKS_DEVICE, block, &count, NULL, &err),
        REBIAS_E_DATA, &err, "blocks by device: the pulse data record no device");
    support_expect(
        rebias_pulses_blocks(pulses, (enum rebias_blocks)4, block, &count, NULL, &err),
        REBIAS_E_RANGE, &err, "4 is no kind of blocks (0 to 3)");
    support_expect(rebias_pulses_resample(&out, pulses, REBIAS_BLOCKS_CYCLE, 1, 0, &err),
                   REBIAS_E_DATA, &err, "record no cycle");
    assert_null(out);
    rebias_pulses_free(pulses);
}

/* -- 3. selection -- */

static void test_selection(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = ramps(2, 1, 2);
    struct rebias_pulses *out = NULL;
    struct rebias_error err = {0};
    static const uint8_t keep[8] = {0, 1, 0, 9, 0, 0, 1, 0};
    static const size_t kept[3] = {1, 3, 6};
    drop(&pulses->cycle);
    pulses->skipped = 5;
    assert_int_equal(rebias_pulses_select(&out, pulses, keep, NULL), REBIAS_OK);
    assert_int_equal(out->n, 3);
    assert_int_equal(out->skipped, 5);
    assert_null(out->cycle);
    for (size_t k = 0; k < 3; k++) { /* copies: exactly equal */
        assert_true(out->G[k] == pulses->G[kept[k]] && out->dG[k] == pulses->dG[kept[k]]);
        assert_int_equal(out->polarity[k], pulses->polarity[kept[k]]);
        assert_int_equal(out->device[k], pulses->device[kept[k]]);
        assert_int_equal(out->pulse[k], pulses->pulse[kept[k]]);
    }
    rebias_pulses_free(out);
    out = pulses;
    support_expect(rebias_pulses_select(&out, pulses, (const uint8_t[8]){0}, &err),
                   REBIAS_E_DATA, &err, "none of the 8 points is selected");
    assert_null(out);
    rebias_pulses_free(pulses);
}

/* -- 4. resampling -- */

static struct rebias_pulses *resample(const struct rebias_pulses *pulses,
                                      enum rebias_blocks kind, uint64_t seed, uint32_t number)
{
    struct rebias_pulses *out = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_pulses_resample(&out, pulses, kind, seed, number, &err), REBIAS_OK,
                   &err, NULL);
    return out;
}

/* Index of a point in the data of ramps(), from its G. */
static size_t index_of(const struct rebias_pulses *drawn, size_t k)
{
    return (size_t)(drawn->G[k] * 1e6 + 0.5) - 1;
}

/* Every point as it was, labels too. */
static void expect_true_copies(const struct rebias_pulses *drawn,
                               const struct rebias_pulses *pulses)
{
    for (size_t k = 0; k < drawn->n; k++) {
        const size_t i = index_of(drawn, k);
        assert_true(drawn->G[k] == pulses->G[i] && drawn->dG[k] == pulses->dG[i]);
        assert_int_equal(drawn->polarity[k], pulses->polarity[i]);
        assert_int_equal(drawn->device[k], pulses->device[i]);
        assert_int_equal(drawn->cycle[k], pulses->cycle[i]);
        assert_int_equal(drawn->pulse[k], pulses->pulse[i]);
    }
}

/* Points: draw k of a polarity is number floor(word k * m / 2^32) of its m points, the words
 * being those of (seed, RESAMPLE, 0, polarity, number): the same addresses for ever. */
static void test_points(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = ramps(1, 1, 50);
    pulses->polarity[0] = 1; /* 49 SET, 51 RESET */
    struct rebias_pulses *drawn = resample(pulses, REBIAS_BLOCKS_POINTS, 11, 4);
    assert_int_equal(drawn->n, 100);
    assert_int_equal(rebias_pulses_count(drawn, 0), 49);
    assert_int_equal(rebias_pulses_count(drawn, 1), 51);
    expect_true_copies(drawn, pulses);
    for (uint32_t p = 0; p < 2; p++) {
        const struct rebias_stream stream = {11, REBIAS_FOR_RESAMPLE, 0, p, 4};
        const size_t m = p == 0 ? 49 : 51;
        uint32_t word[51];
        rebias_random_words(&stream, 0, m, word);
        for (size_t k = 0; k < m; k++) {
            const size_t among = (size_t)((double)word[k] * (double)m / 4294967296.0);
            const size_t i = p == 0 ? 1 + among : among == 0 ? 0 : 49 + among;
            assert_int_equal(index_of(drawn, (p == 0 ? 0 : 49) + k), i);
        }
    }
    struct rebias_pulses *other = resample(pulses, REBIAS_BLOCKS_POINTS, 11, 5);
    struct rebias_pulses *again = resample(pulses, REBIAS_BLOCKS_POINTS, 11, 4);
    assert_memory_equal(drawn->G, again->G, 100 * sizeof(double));
    assert_memory_not_equal(drawn->G, other->G, 100 * sizeof(double));
    rebias_pulses_free(again);
    rebias_pulses_free(other);
    rebias_pulses_free(drawn);
    rebias_pulses_free(pulses);
}

/* Walks the runs of one block in a resample: each holds the block's points whole and in order.
 * Returns the number of runs. */
static size_t expect_whole(const struct rebias_pulses *drawn, const uint32_t *block,
                           const size_t *size)
{
    size_t runs = 0;
    for (size_t k = 0; k < drawn->n; runs++) {
        const uint32_t b = block[index_of(drawn, k)];
        for (size_t i = 1; i < size[b]; i++) {
            assert_true(k + i < drawn->n);
            assert_int_equal(block[index_of(drawn, k + i)], b);
            assert_true(index_of(drawn, k + i) > index_of(drawn, k + i - 1));
        }
        k += size[b];
    }
    return runs;
}

/* Ramps and devices of different lengths stay whole; as many are drawn as there are, and ramps
 * of each polarity. */
static void test_blocks_stay_whole(void **state)
{
    (void)state;
    enum { N = 12 * 4 * 2 * 5, BLOCKS = 96 };
    static uint32_t block[N];
    struct rebias_pulses *all = ramps(12, 4, 5);
    struct rebias_pulses *pulses = NULL;
    static uint8_t keep[N];
    for (size_t i = 0; i < N; i++) { /* the length of a ramp is 1 to 5 */
        keep[i] = i % 5 <= i / 5 % 5;
    }
    assert_int_equal(rebias_pulses_select(&pulses, all, keep, NULL), REBIAS_OK);
    for (size_t i = 0; i < pulses->n; i++) {
        pulses->G[i] = 1e-6 * (double)(i + 1);
    }
    for (int kind = REBIAS_BLOCKS_CYCLE; kind <= REBIAS_BLOCKS_DEVICE; kind++) {
        size_t count = 0;
        size_t size[BLOCKS] = {0};
        assert_int_equal(
            rebias_pulses_blocks(pulses, (enum rebias_blocks)kind, block, &count, NULL, NULL),
            REBIAS_OK);
        assert_int_equal(count, kind == REBIAS_BLOCKS_CYCLE ? BLOCKS : 12);
        for (size_t i = 0; i < pulses->n; i++) {
            size[block[i]]++;
        }
        for (uint32_t number = 0; number < 5; number++) {
            struct rebias_pulses *drawn = resample(pulses, (enum rebias_blocks)kind, 3, number);
            size_t ramps_of[2] = {0, 0};
            expect_true_copies(drawn, pulses);
            assert_int_equal(expect_whole(drawn, block, size), count);
            for (size_t k = 0; k < drawn->n; k++) {
                ramps_of[drawn->polarity[k]] += drawn->pulse[k] == 1;
            }
            assert_int_equal(ramps_of[0], BLOCKS / 2);
            assert_int_equal(ramps_of[1], BLOCKS / 2);
            rebias_pulses_free(drawn);
        }
    }
    rebias_pulses_free(pulses);
    rebias_pulses_free(all);
}

/* AUTO resamples as the kind that it becomes. */
static void test_automatic_resample(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = ramps(10, 2, 3);
    struct rebias_pulses *automatic = resample(pulses, REBIAS_BLOCKS_AUTO, 5, 0);
    struct rebias_pulses *device = resample(pulses, REBIAS_BLOCKS_DEVICE, 5, 0);
    assert_int_equal(automatic->n, device->n);
    assert_memory_equal(automatic->G, device->G, device->n * sizeof(double));
    rebias_pulses_free(automatic);
    rebias_pulses_free(device);
    rebias_pulses_free(pulses);
}

/* All devices are equally likely: 20 devices, 4000 resamples of 20 draws; Pearson's chi^2 with
 * 19 degrees of freedom; a right generator fails with probability 1e-6 (the seed is fixed, so
 * once for all). And with replacement: a resample holds a share (1 - 1/20)^20 = 0.358 of
 * devices not at all; its mean over the resamples is within 5 standard errors (sd of the share
 * of one resample below 0.08). */
static void test_equal_chances(void **state)
{
    (void)state;
    enum { DEVICES = 20, RESAMPLES = 4000 };
    struct rebias_pulses *pulses = ramps(DEVICES, 1, 1);
    size_t total[DEVICES] = {0};
    size_t absent = 0;
    for (uint32_t number = 0; number < RESAMPLES; number++) {
        struct rebias_pulses *drawn = resample(pulses, REBIAS_BLOCKS_DEVICE, 99, number);
        size_t times[DEVICES] = {0};
        for (size_t k = 0; k < drawn->n; k += 2) {
            times[100 - drawn->device[k]]++;
        }
        for (size_t d = 0; d < DEVICES; d++) {
            total[d] += times[d];
            absent += times[d] == 0;
        }
        rebias_pulses_free(drawn);
    }
    double chi2 = 0.0;
    for (size_t d = 0; d < DEVICES; d++) {
        chi2 += ((double)total[d] - RESAMPLES) * ((double)total[d] - RESAMPLES) / RESAMPLES;
    }
    assert_true(gsl_cdf_chisq_Q(chi2, DEVICES - 1) > 1e-6);
    support_close((double)absent / (RESAMPLES * (double)DEVICES), 0.35848592, 0.0,
                  5.0 * 0.08 / 63.2);
    rebias_pulses_free(pulses);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_by_hand),
        cmocka_unit_test(test_automatic),
        cmocka_unit_test(test_kinds_that_are_not_there),
        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_blocks_stay_whole),
        cmocka_unit_test(test_automatic_resample),
        cmocka_unit_test(test_equal_chances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
