/* test_folds.c - which points are held out together.
 * 1. folds of points   2. folds of blocks   3. thinning
 */
#include "support.h"
#include "jumptable/holdout.h"
#include "rebias/random.h"

enum { N = 60 };

/* 60 points, of which only the number, the seed and the polarity matter here. */
static struct rebias_sample make_sample(void)
{
    return (struct rebias_sample){.n = N, .seed = 11};
}

/* -- 1. folds of points -- */

static void test_folds_are_balanced(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    uint32_t fold[N];
    assert_int_equal(rebias_holdout_folds(fold, &sample, 7, 0, &err), REBIAS_OK);
    for (size_t first = 0; first < N; first += 7) {
        unsigned seen = 0;
        for (size_t i = first; i < first + 7 && i < N; i++) {
            assert_true(fold[i] < 7);
            assert_int_equal(seen & (1U << fold[i]), 0);
            seen |= 1U << fold[i];
        }
    }
}

static size_t differences(const uint32_t *a, const uint32_t *b)
{
    size_t count = 0;
    for (size_t i = 0; i < N; i++) {
        count += a[i] != b[i];
    }
    return count;
}

/* The same address gives the same folds; another seed, polarity or round gives others. */
static void test_folds_are_addressed(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    uint32_t a[N], b[N];
    assert_int_equal(rebias_holdout_folds(a, &sample, 5, 0, &err), REBIAS_OK);
    assert_int_equal(rebias_holdout_folds(b, &sample, 5, 0, &err), REBIAS_OK);
    assert_int_equal(differences(a, b), 0);
    assert_int_equal(rebias_holdout_folds(b, &sample, 5, 1, &err), REBIAS_OK);
    assert_true(differences(a, b) > N / 3);
    sample.polarity = REBIAS_RESET;
    assert_int_equal(rebias_holdout_folds(b, &sample, 5, 0, &err), REBIAS_OK);
    assert_true(differences(a, b) > N / 3);
    sample.polarity = REBIAS_SET;
    sample.seed++;
    assert_int_equal(rebias_holdout_folds(b, &sample, 5, 0, &err), REBIAS_OK);
    assert_true(differences(a, b) > N / 3);
}

static void test_too_many_folds(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    uint32_t fold[N];
    support_expect(rebias_holdout_folds(fold, &sample, N + 1, 0, &err), REBIAS_E_DATA, &err,
                   "60 points cannot be split into 61 folds");
    support_expect(rebias_holdout_folds(fold, &sample, 1, 0, &err), REBIAS_E_DATA, &err,
                   "60 points cannot be split into 1 folds");
}

/* -- 2. folds of blocks -- */

/* Blocks of 1, 2, 3, ... points (numbers 40, 37, 34, ...), mixed up over G. */
static size_t make_blocks(uint32_t *block)
{
    size_t blocks = 0;
    size_t next = 0;
    uint32_t order[N];
    const struct rebias_stream stream = {8, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_permutation(&stream, N, order);
    for (; next < N; blocks++) {
        for (size_t k = 0; k <= blocks && next < N; k++) {
            block[order[next++]] = 40 - 3 * (uint32_t)blocks;
        }
    }
    return blocks;
}

static size_t points_of(const uint32_t *fold, size_t f)
{
    size_t count = 0;
    for (size_t i = 0; i < N; i++) {
        count += fold[i] == f;
    }
    return count;
}

/* Whole blocks, every fold used, and sizes that differ by less than the largest block (10). */
static void test_folds_keep_blocks(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    uint32_t block[N], fold[N], again[N];
    assert_int_equal(make_blocks(block), 11); /* 1 + 2 + ... + 10 = 55, and 5 */
    sample.block = block;
    assert_int_equal(rebias_holdout_folds(fold, &sample, 4, 0, &err), REBIAS_OK);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(block[i] != block[k] || fold[i] == fold[k]);
        }
    }
    for (size_t f = 0; f < 4; f++) {
        assert_in_range(points_of(fold, f), N / 4 - 2, N / 4 + 2);
    }
    assert_int_equal(rebias_holdout_folds(again, &sample, 4, 0, &err), REBIAS_OK);
    assert_memory_equal(fold, again, sizeof fold);
}

/* Equal blocks are dealt in random order: another round, another deal. */
static void test_equal_blocks_are_dealt_anew(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    uint32_t block[N], a[N], b[N];
    for (size_t i = 0; i < N; i++) {
        block[i] = (uint32_t)(i % 20);
    }
    sample.block = block;
    assert_int_equal(rebias_holdout_folds(a, &sample, 5, 0, &err), REBIAS_OK);
    assert_int_equal(rebias_holdout_folds(b, &sample, 5, 1, &err), REBIAS_OK);
    for (size_t f = 0; f < 5; f++) {
        assert_int_equal(points_of(a, f), 12);
        assert_int_equal(points_of(b, f), 12);
    }
    assert_true(differences(a, b) > N / 3);
}

/* -- 3. thinning -- */

/* Without blocks one of each run of 3; with them whole blocks up to the number, at least 2. */
static void test_thinning(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    uint32_t block[N];
    uint8_t keep[N];
    size_t kept = 0;
    assert_int_equal(rebias_holdout_thin(keep, &kept, &sample, 20, &err), REBIAS_OK);
    assert_int_equal(kept, 20);
    for (size_t i = 0; i < N; i += 3) {
        assert_int_equal(keep[i] + keep[i + 1] + keep[i + 2], 1);
    }
    for (size_t i = 0; i < N; i++) {
        block[i] = (uint32_t)(i / 7); /* 8 of 7 and one of 4 */
    }
    sample.block = block;
    const size_t most[] = {N, 30, 5};
    const size_t least[] = {N, 25, 11};
    const size_t greatest[] = {N, 30, 14};
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(rebias_holdout_thin(keep, &kept, &sample, most[k], &err), REBIAS_OK);
        assert_in_range(kept, least[k], greatest[k]);
        for (size_t i = 1; i < N; i++) {
            assert_true(block[i] != block[i - 1] || keep[i] == keep[i - 1]);
        }
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_are_balanced),
        cmocka_unit_test(test_folds_are_addressed),
        cmocka_unit_test(test_too_many_folds),
        cmocka_unit_test(test_folds_keep_blocks),
        cmocka_unit_test(test_equal_blocks_are_dealt_anew),
        cmocka_unit_test(test_thinning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
