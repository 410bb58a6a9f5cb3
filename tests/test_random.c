/* test_random.c - addressed random numbers.
 * 1. Philox against Random123   2. words   3. uniform numbers   4. normal numbers   5. streams
 * 6. permutations
 *
 * All addresses are fixed, so each statistical check either holds or not; the false-alarm rate
 * stated beside it is the chance that a perfect generator had failed it at a random address.
 */
#include "support.h"
#include "rebias/random.h"
#include <Random123/philox.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_sort_float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FALSE_ALARM = 1e-6; /* of each statistical check */

static struct rebias_stream stream_of(uint32_t entity, uint32_t step)
{
    return (struct rebias_stream){
        .seed = 20240517, .purpose = REBIAS_FOR_TEST, .entity = entity, .step = step};
}

/* Asserts |z| below the two-sided limit of a standard normal statistic. */
static void expect_standard(double z, const char *what)
{
    if (!(fabs(z) < gsl_cdf_ugaussian_Qinv(0.5 * FALSE_ALARM))) {
        fail_msg("%s is off by %g standard deviations", what, z);
    }
}

/* Kolmogorov-Smirnov: F[n] = hypothetical cdf at the sorted sample. Limit of D sqrt(n) from the
 * leading term of its tail, 2 exp(-2 d^2). */
static void expect_uniform_cdf(size_t n, const double *F)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest,
                       fmax((double)(i + 1) / (double)n - F[i], F[i] - (double)i / (double)n));
    }
    double limit = sqrt(-0.5 * log(0.5 * FALSE_ALARM));
    if (!(largest * sqrt((double)n) < limit)) {
        fail_msg("Kolmogorov-Smirnov: D sqrt(n) = %g, limit %g", largest * sqrt((double)n),
                 limit);
    }
}

/* -- 1. Philox against Random123 -- */

/* The published known answers for philox4x32-10 (Random123's kat_vectors): counter and key all
 * 0, all ones, and digits of pi. */
static const struct {
    uint32_t counter[4], key[2], answer[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

/* The reference: Random123's own function on the counter that random.h lays out. */
static void reference_block(const struct rebias_stream *s, uint32_t block, uint32_t words[4])
{
    philox4x32_ctr_t counter = {{block, s->step, s->entity, s->purpose << 24 | s->replicate}};
    philox4x32_key_t key = {{(uint32_t)s->seed, (uint32_t)(s->seed >> 32)}};
    philox4x32_ctr_t out = philox4x32(counter, key);
    memcpy(words, out.v, 4 * sizeof *words);
}

static void test_known_answers(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        const uint32_t *c = known[k].counter;
        const struct rebias_stream stream = {.seed = (uint64_t)known[k].key[1] << 32 |
                                                     known[k].key[0],
                                             .purpose = c[3] >> 24,
                                             .replicate = c[3] & 0xffffff,
                                             .entity = c[2],
                                             .step = c[1]};
        uint32_t words[4];
        reference_block(&stream, c[0], words);
        assert_memory_equal(words, known[k].answer, sizeof words);
        rebias_random_blocks(&stream, c[0], 1, words);
        assert_memory_equal(words, known[k].answer, sizeof words);
    }
}

/* Numbers for addresses, from a generator of another kind (splitmix64, Steele et al. 2014). */
static uint64_t splitmix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static struct rebias_stream random_address(uint64_t *x)
{
    return (struct rebias_stream){.seed = splitmix(x),
                                  .purpose = (uint32_t)(splitmix(x) & 0xff),
                                  .replicate = (uint32_t)(splitmix(x) & 0xffffff),
                                  .entity = (uint32_t)splitmix(x),
                                  .step = (uint32_t)splitmix(x)};
}

/* 5000 random addresses, first blocks (also such that the number wraps at 2^32) and counts of 0
 * to 70 blocks, hence whole and partial groups of the vector loop; nothing is written beyond
 * the end. */
static void test_against_random123(void **state)
{
    (void)state;
    enum { MOST = 70, ADDRESSES = 5000 };
    uint64_t x = 1;
    for (int k = 0; k < ADDRESSES; k++) {
        struct rebias_stream stream = random_address(&x);
        size_t n = (size_t)(splitmix(&x) % (MOST + 1));
        uint32_t first =
            k % 10 == 0 ? UINT32_MAX - (uint32_t)(splitmix(&x) % MOST) : (uint32_t)splitmix(&x);
        uint32_t words[4 * MOST + 1];
        memset(words, 0xab, sizeof words);
        rebias_random_blocks(&stream, first, n, words);
        for (size_t b = 0; b < n; b++) {
            uint32_t expected[4];
            reference_block(&stream, first + (uint32_t)b, expected);
            assert_memory_equal(words + 4 * b, expected, sizeof expected);
        }
        assert_int_equal(words[4 * n], 0xabababab);
    }
}

/* -- 2. words -- */

static uint32_t reference_word(const struct rebias_stream *stream, uint64_t w)
{
    uint32_t block[4];
    reference_block(stream, (uint32_t)(w / 4), block);
    return block[w % 4];
}

/* Any first word and count: word w is word w % 4 of block w / 4, the same for every way of
 * asking. */
static void test_words(void **state)
{
    (void)state;
    enum { MOST = 200, ADDRESSES = 1000 };
    uint64_t x = 2;
    for (int k = 0; k < ADDRESSES; k++) {
        struct rebias_stream stream = random_address(&x);
        size_t n = (size_t)(splitmix(&x) % (MOST + 1));
        uint64_t first = splitmix(&x) % (((uint64_t)1 << 34) - MOST);
        uint32_t words[MOST + 1];
        words[n] = 0xabababab;
        rebias_random_words(&stream, first, n, words);
        assert_int_equal(words[n], 0xabababab);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(words[i], reference_word(&stream, first + i));
        }
        uint32_t index[MOST];
        uint32_t scattered[MOST + 1];
        scattered[n] = 0xabababab;
        uint64_t offset = splitmix(&x) % ((uint64_t)3 << 32);
        for (size_t i = 0; i < n; i++) {
            index[i] = (uint32_t)splitmix(&x);
        }
        rebias_random_words_at(&stream, offset, n, index, scattered);
        assert_int_equal(scattered[n], 0xabababab);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(scattered[i], reference_word(&stream, offset + index[i]));
        }
    }
}

/* -- 3. uniform numbers -- */

enum { MANY = 1000000 };

/* (w + 1/2) 2^-32, inside (0, 1), across the pieces of 1024 and unaligned. */
static void test_uniform_definition(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct rebias_stream stream = stream_of(1, 0);
    static double x[N];
    rebias_random_uniform(&stream, 7, N, x);
    for (size_t i = 0; i < N; i++) {
        assert_true(x[i] == ((double)reference_word(&stream, 7 + i) + 0.5) / 4294967296.0);
        assert_true(x[i] > 0.0 && x[i] < 1.0);
    }
    double one = 0.0;
    rebias_random_uniform(&stream, 7 + 4321, 1, &one);
    assert_true(one == x[4321]);
}

/* Moments k = 1 .. 4: mean 1/(k + 1), variance 1/(2k + 1) - 1/(k + 1)^2; lag-1 correlation; KS.
 */
static void test_uniform_distribution(void **state)
{
    (void)state;
    struct rebias_stream stream = stream_of(2, 0);
    double *x = test_malloc(MANY * sizeof *x);
    rebias_random_uniform(&stream, 0, MANY, x);
    double power[4] = {0.0, 0.0, 0.0, 0.0};
    double lag = 0.0;
    for (size_t i = 0; i < MANY; i++) {
        assert_true(x[i] > 0.0 && x[i] < 1.0);
        double p = 1.0;
        for (int k = 0; k < 4; k++) {
            p *= x[i];
            power[k] += p;
        }
        lag += i > 0 ? (x[i] - 0.5) * (x[i - 1] - 0.5) : 0.0;
    }
    for (int k = 1; k <= 4; k++) {
        double variance = 1.0 / (2 * k + 1) - 1.0 / ((k + 1) * (k + 1));
        expect_standard((power[k - 1] / MANY - 1.0 / (k + 1)) / sqrt(variance / MANY),
                        "a moment");
    }
    expect_standard(lag * 12.0 / sqrt((double)MANY), "the correlation of neighbours");
    gsl_sort(x, 1, MANY);
    expect_uniform_cdf(MANY, x);
    test_free(x);
}

/* -- 4. normal numbers -- */

/* The error bounds of the docstring: absolute 2e-6 in the body (|p - 1/2| <= 0.425), relative
 * 1e-6 in the tails, against GSL's double-precision quantile; odd symmetry is exact. */
static void check_quantile(uint32_t word, float z)
{
    double p = ((double)word + 0.5) * 0x1p-32;
    double exact = p < 0.5 ? gsl_cdf_ugaussian_Pinv(p)
                           : gsl_cdf_ugaussian_Qinv(1.0 - p); /* 1 - p is exact */
    double bound = fabs(p - 0.5) <= 0.425 ? 2e-6 : 1e-6 * fabs(exact);
    if (!(fabs((double)z - exact) <= bound)) {
        fail_msg("word %08x: %.9g instead of %.9g, bound %.2g", word, (double)z, exact, bound);
    }
    assert_true(fabsf(z) <= 6.34f);
    uint32_t mirrored = ~word;
    float other = 0.0f;
    rebias_normal_quantiles(1, &mirrored, &other);
    assert_true(other == -z);
}

static void test_quantile_bounds(void **state)
{
    (void)state;
    const uint32_t corner[] = {0,          1,          2,          0x7ffffffe, 0x7fffffff,
                               0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x13333332,
                               0x13333333, 0x13333334, 0x00ffffff, 0x01000000};
    enum { CORNERS = sizeof corner / sizeof corner[0] };
    float z[CORNERS];
    rebias_normal_quantiles(CORNERS, corner, z);
    for (size_t i = 0; i < CORNERS; i++) {
        check_quantile(corner[i], z[i]);
    }
    const uint32_t stride = 21001; /* 204,000 words over the whole range */
    for (uint64_t word = 0; word <= UINT32_MAX; word += stride) {
        uint32_t w = (uint32_t)word;
        float one = 0.0f;
        rebias_normal_quantiles(1, &w, &one);
        check_quantile(w, one);
    }
    for (unsigned bit = 0; bit < 32; bit++) { /* every binade of the tail */
        for (uint32_t k = 0; k < 64; k++) {
            uint32_t w = (1u << bit) + (uint32_t)(((uint64_t)k << bit) / 64);
            float one = 0.0f;
            rebias_normal_quantiles(1, &w, &one);
            check_quantile(w, one);
        }
    }
}

/* Asserts that z never falls by more than `allowed` from one word to the next. */
static void expect_rising(size_t n, const uint32_t *words, double allowed)
{
    static float z[1 << 16];
    rebias_normal_quantiles(n, words, z);
    for (size_t i = 1; i < n; i++) {
        if (!((double)z[i] >= (double)z[i - 1] - allowed)) {
            fail_msg("falls from %.9g at word %08x to %.9g at %08x", (double)z[i - 1],
                     words[i - 1], (double)z[i], words[i]);
        }
    }
}

/* Monotone on a grid over the whole range (words 2^16 apart, quantiles 4e-5 or more).
 * Consecutive words, around the ends, the middle and both changes of formula (p = 0.075,
 * 0.925), give quantiles closer than a float can tell apart: there rounding may let them fall,
 * by at most one unit in the last place at |z| = 4 to 6.34, 2^-21 (found in all 2^32 words; a
 * scan of them takes too long here). */
static void test_quantile_monotone(void **state)
{
    (void)state;
    enum { N = 1 << 16 };
    static uint32_t words[N];
    for (uint32_t i = 0; i < N; i++) {
        words[i] = i << 16 | 0x8000;
    }
    expect_rising(N, words, 0.0);
    const uint32_t first[] = {
        0,          0u - N,     0x80000000u - N / 2, 0x13333333u - N / 2, 0xecccccccu - N / 2,
        0x00039000, 0x40000000, 0x445a0000,          0xd0000000};
    for (size_t k = 0; k < sizeof first / sizeof first[0]; k++) {
        for (uint32_t i = 0; i < N; i++) {
            words[i] = first[k] + i;
        }
        expect_rising(N, words, 0x1p-21);
    }
}

/* The same bytes for any cut into calls and any length. */
static void test_normal_pieces(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct rebias_stream stream = stream_of(3, 0);
    static float whole[N];
    static float pieces[N];
    rebias_random_normal(&stream, 5, N, whole);
    for (size_t start = 0, length = 1; start < N; start += length, length = length * 2 + 1) {
        if (length > N - start) {
            length = N - start;
        }
        rebias_random_normal(&stream, 5 + start, length, pieces + start);
    }
    assert_memory_equal(whole, pieces, sizeof whole);
    for (size_t i = 0; i < N; i += 111) {
        uint32_t word = reference_word(&stream, 5 + i);
        float z = 0.0f;
        rebias_normal_quantiles(1, &word, &z);
        assert_true(z == whole[i]);
    }
}

/* Moments of N(0, 1): E x^k = 0, 1, 0, 3 with variances 1, 2, 15, 96; KS. */
static void test_normal_distribution(void **state)
{
    (void)state;
    struct rebias_stream stream = stream_of(4, 0);
    float *x = test_malloc(MANY * sizeof *x);
    double *F = test_malloc(MANY * sizeof *F);
    rebias_random_normal(&stream, 0, MANY, x);
    gsl_sort_float(x, 1, MANY);
    const double mean[] = {0.0, 1.0, 0.0, 3.0};
    const double variance[] = {1.0, 2.0, 15.0, 96.0};
    double power[4] = {0.0, 0.0, 0.0, 0.0};
    for (size_t i = 0; i < MANY; i++) {
        F[i] = gsl_cdf_ugaussian_P((double)x[i]);
        double p = 1.0;
        for (int k = 0; k < 4; k++) {
            p *= (double)x[i];
            power[k] += p;
        }
    }
    for (int k = 0; k < 4; k++) {
        expect_standard((power[k] / MANY - mean[k]) / sqrt(variance[k] / MANY), "a moment");
    }
    expect_uniform_cdf(MANY, F);
    test_free(x);
    test_free(F);
}

/* -- 5. streams -- */

enum { LONG = 100000 };

/* Sample correlation times sqrt(n): about standard normal for independent numbers. */
static double correlation(const double *x, const double *y)
{
    double sum = 0.0;
    for (size_t i = 0; i < LONG; i++) {
        sum += (x[i] - 0.5) * (y[i] - 0.5);
    }
    return sum * 12.0 / sqrt((double)LONG);
}

/* Addresses that differ in one part, also by one bit at either end of the seed: all pairs
 * uncorrelated, no word equal at the same place more often than chance allows (Poisson mean
 * 2e-5: two have probability 3e-10). */
static void test_streams_differ(void **state)
{
    (void)state;
    enum { STREAMS = 8 };
    struct rebias_stream stream[STREAMS];
    for (size_t k = 0; k < STREAMS; k++) {
        stream[k] = (struct rebias_stream){
            .seed = 1, .purpose = 5, .replicate = 2, .entity = 3, .step = 4};
    }
    stream[1].seed = 3;
    stream[2].seed |= (uint64_t)1 << 63;
    stream[3].purpose = 6;
    stream[4].replicate = 3;
    stream[5].entity = 4;
    stream[6].step = 5;
    stream[7].entity = 4; /* step and entity exchanged */
    stream[7].step = 3;
    static double x[STREAMS][LONG];
    for (size_t k = 0; k < STREAMS; k++) {
        rebias_random_uniform(&stream[k], 0, LONG, x[k]);
        for (size_t j = 0; j < k; j++) {
            expect_standard(correlation(x[j], x[k]), "the correlation of two streams");
            size_t equal = 0;
            for (size_t i = 0; i < LONG; i++) {
                equal += x[j][i] == x[k][i] ? 1 : 0;
            }
            assert_true(equal < 2);
        }
    }
}

/* The largest purpose and replicate do not run into each other. */
static void test_stream_limits(void **state)
{
    (void)state;
    const struct rebias_stream last = {.purpose = 1, .replicate = (1u << 24) - 1};
    const struct rebias_stream next = {.purpose = 2, .replicate = 0};
    uint32_t a[4];
    uint32_t b[4];
    rebias_random_blocks(&last, 0, 1, a);
    rebias_random_blocks(&next, 0, 1, b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* -- 6. permutations -- */

static void test_permutation_is_one(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 2, 3, 511, 512, 513, 60000};
    static uint32_t order[60001];
    static uint8_t seen[60000];
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct rebias_stream stream = stream_of(5, (uint32_t)k);
        size_t n = sizes[k];
        order[n] = 0xabababab;
        memset(seen, 0, sizeof seen);
        rebias_random_permutation(&stream, n, order);
        for (size_t i = 0; i < n; i++) {
            assert_true(order[i] < n);
            assert_int_equal(seen[order[i]], 0);
            seen[order[i]] = 1;
        }
        assert_int_equal(order[n], 0xabababab);
    }
}

static void expect_chi_square(double chi_square, double degrees)
{
    double limit = gsl_cdf_chisq_Qinv(FALSE_ALARM, degrees);
    if (!(chi_square < limit)) {
        fail_msg("chi-square %g with %g degrees of freedom, limit %g", chi_square, degrees,
                 limit);
    }
}

/* Each of the 4! = 24 orders of four equally often: chi-square with 23 degrees of freedom. */
static void test_permutation_orders(void **state)
{
    (void)state;
    const uint32_t rounds = 24000;
    double count[256] = {0.0};
    for (uint32_t k = 0; k < rounds; k++) {
        struct rebias_stream stream = stream_of(6, k);
        uint32_t order[4];
        rebias_random_permutation(&stream, 4, order);
        count[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]] += 1.0;
    }
    double chi_square = 0.0;
    size_t kinds = 0;
    for (size_t i = 0; i < 256; i++) {
        if (count[i] > 0.0) {
            kinds++;
            chi_square += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000.0;
        }
    }
    assert_int_equal(kinds, 24);
    expect_chi_square(chi_square, 23.0);
}

/* Element j at place i equally often: the counts' rows and columns have fixed sums, so (n -
 * 1)/n chi-square has (n - 1)^2 degrees of freedom. */
static void test_permutation_positions(void **state)
{
    (void)state;
    enum { N = 8, ROUNDS = 20000 };
    double count[N][N] = {{0.0}};
    for (uint32_t k = 0; k < ROUNDS; k++) {
        struct rebias_stream stream = stream_of(7, k);
        uint32_t order[N];
        rebias_random_permutation(&stream, N, order);
        for (size_t i = 0; i < N; i++) {
            count[i][order[i]] += 1.0;
        }
    }
    const double expected = (double)ROUNDS / N;
    double chi_square = 0.0;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            chi_square += (count[i][j] - expected) * (count[i][j] - expected) / expected;
        }
    }
    expect_chi_square(chi_square * (N - 1.0) / N, (N - 1.0) * (N - 1.0));
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_against_random123),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_uniform_definition),
        cmocka_unit_test(test_uniform_distribution),
        cmocka_unit_test(test_quantile_bounds),
        cmocka_unit_test(test_quantile_monotone),
        cmocka_unit_test(test_normal_pieces),
        cmocka_unit_test(test_normal_distribution),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_stream_limits),
        cmocka_unit_test(test_permutation_is_one),
        cmocka_unit_test(test_permutation_orders),
        cmocka_unit_test(test_permutation_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
