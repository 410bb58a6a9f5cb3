/* test_rounding.c - stochastic rounding of requests to pulses.
 * 1. helpers   2. expectation and exact cases   3. the plain reference
 *
 * All addresses of random numbers are fixed. A statistical check has its limit at 5 standard
 * errors, which a perfect implementation exceeds at one address in 1.7 million.
 */
#include "support.h"

#include "rebias/crossbar.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 5.0; /* standard errors */

/* -- 1. helpers -- */

static struct rebias_stream stream_of(uint32_t entity)
{
    return (struct rebias_stream){
        .seed = 7, .purpose = REBIAS_FOR_ROUNDING, .replicate = 3, .entity = entity, .step = 9};
}

static void *new_memory(size_t count, size_t size)
{
    void *memory = NULL;
    assert_int_equal(rebias_alloc(&memory, count, size, NULL), REBIAS_OK);
    return memory;
}

static void fill(float value, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = value;
    }
}

/* -- 2. expectation and exact cases -- */

/* Mean of 10^6 roundings against the request itself; standard error sqrt(f (1 - f)/n) of the
 * fraction f. */
static void test_rounding_expectation(void **state)
{
    (void)state;
    enum { N = 1000000 };
    static const float requests[] = {1e-6f, 0.3f,  0.5f,         1.0f - 1e-7f, 2.25f,
                                     -0.3f, -7.9f, 1.0f / 65536, 3e-5f,        99.75f};
    float *request = new_memory(N, sizeof *request);
    int16_t *count = new_memory(N, sizeof *count);
    for (size_t k = 0; k < sizeof requests / sizeof requests[0]; k++) {
        const struct rebias_stream stream = stream_of((uint32_t)k);
        double wanted = (double)requests[k];
        double fraction = fabs(wanted) - floor(fabs(wanted));
        double sum = 0.0;
        fill(requests[k], N, request);
        rebias_round_stochastic(&stream, 0, N, request, 1.0f, 100.0f, count);
        for (size_t i = 0; i < N; i++) {
            assert_true(fabs((double)count[i] - wanted) < 1.0);
            sum += count[i];
        }
        support_close(sum / N, wanted, 0.0, LIMIT * sqrt(fraction * (1.0 - fraction) / N));
    }
    free(request);
    free(count);
}

static void test_rounding_exact_cases(void **state)
{
    (void)state;
    enum { N = 6 };
    const float request[N] = {5000.0f, -5000.0f, 100.0f, 17.0f, -17.0f, 7.5e37f};
    const int16_t expected[N] = {100, -100, 100, 17, -17, 100};
    const struct rebias_stream stream = stream_of(0);
    for (uint64_t first = 0; first < 20000; first += N) {
        int16_t count[N];
        rebias_round_stochastic(&stream, first, N, request, 1.0f, 100.0f, count);
        assert_memory_equal(count, expected, sizeof expected);
    }
}

static void test_zero_never_pulses(void **state)
{
    (void)state;
    enum { N = 300000 };
    float *request = new_memory(N, sizeof *request);
    int16_t *count = new_memory(N, sizeof *count);
    const struct rebias_stream stream = stream_of(1);
    for (size_t i = 0; i < N; i++) {
        request[i] = i % 2 == 0 ? 0.0f : -0.0f;
        count[i] = 1;
    }
    rebias_round_stochastic(&stream, 0, N, request, 1e30f, 100.0f, count);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(count[i], 0);
    }
    free(request);
    free(count);
}

/* -- 3. the plain reference -- */

/* What crossbar.h states, one entry at a time: 16 bits first, 32 more where they equal the
 * fraction's. */
static int16_t round_plainly(const struct rebias_stream *stream, uint64_t i, float request,
                             float gain, float cap)
{
    struct rebias_stream further = *stream;
    further.purpose = REBIAS_FOR_ROUNDING_TIE;
    uint32_t word = 0;
    uint32_t tie = 0;
    rebias_random_words(stream, i / 2, 1, &word);
    rebias_random_words(&further, i, 1, &tie);
    uint32_t half = i % 2 == 0 ? word & 0xFFFFu : word >> 16;
    float x = request * gain;
    double y = fmin(fabs((double)x), (double)cap);
    double U = (double)half * 0x1p-16 + (double)tie * 0x1p-48; /* exact: 48 bits */
    int pulses = (int)floor(y) + (U < y - floor(y) ? 1 : 0);
    return (int16_t)(x < 0.0f ? -pulses : pulses);
}

/* Requests: ordinary ones, multiples of 2^-16 where nothing may be left to the further bits,
 * and tiny ones that only these can decide. */
static void fill_requests(size_t n, float *request)
{
    const struct rebias_stream stream = {.seed = 7, .purpose = REBIAS_FOR_TEST};
    rebias_random_normal(&stream, 0, n, request);
    for (size_t i = 0; i < n; i++) {
        request[i] *= 3.0f;
        if (i % 3 == 1) {
            request[i] = floorf(request[i] * 65536.0f) / 65536.0f;
        } else if (i % 3 == 2) {
            request[i] *= 1e-5f;
        }
    }
}

static void test_rounding_against_plain_reference(void **state)
{
    (void)state;
    enum { N = 200000 };
    const float gain = -0.7f;
    const float cap = 4.0f;
    const uint64_t first = 1234567;
    float *request = new_memory(N, sizeof *request);
    int16_t *count = new_memory(N, sizeof *count);
    const struct rebias_stream stream = stream_of(2);
    fill_requests(N, request);
    rebias_round_stochastic(&stream, first, N, request, gain, cap, count);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(count[i], round_plainly(&stream, first + i, request[i], gain, cap));
    }
    free(request);
    free(count);
}

/* Entries whose 16 bits do tie: the request is built from the entry's own half word. */
static void test_rounding_ties(void **state)
{
    (void)state;
    enum { N = 20000 };
    float *request = new_memory(N, sizeof *request);
    int16_t *count = new_memory(N, sizeof *count);
    uint32_t *word = new_memory(N / 2, sizeof *word);
    const struct rebias_stream stream = stream_of(4);
    rebias_random_words(&stream, 0, N / 2, word);
    for (size_t i = 0; i < N; i++) {
        uint32_t half = i % 2 == 0 ? word[i / 2] & 0xFFFFu : word[i / 2] >> 16;
        request[i] = ((float)half + 0.25f) * 0x1p-16f;
    }
    rebias_round_stochastic(&stream, 0, N, request, 1.0f, 100.0f, count);
    double up = 0.0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(count[i], round_plainly(&stream, i, request[i], 1.0f, 100.0f));
        up += count[i];
    }
    support_close(up / N, 0.25, 0.0,
                  LIMIT * sqrt(0.25 * 0.75 / N)); /* the further bits are below 1/4 */
    free(request);
    free(count);
    free(word);
}

static void test_rounding_cuts(void **state)
{
    (void)state;
    enum { N = 10000 };
    static const size_t cuts[] = {1, 2, 3, 7, 8, 9, 100, 2047, 2048, 2049, 5000};
    float *request = new_memory(N, sizeof *request);
    int16_t *whole = new_memory(N, sizeof *whole);
    int16_t *count = new_memory(N, sizeof *count);
    const struct rebias_stream stream = stream_of(3);
    fill_requests(N, request);
    rebias_round_stochastic(&stream, 5, N, request, 1.0f, 100.0f, whole);
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
        memset(count, 0x55, N * sizeof *count);
        for (size_t i = 0; i < N; i += cuts[k]) {
            size_t n = N - i < cuts[k] ? N - i : cuts[k];
            rebias_round_stochastic(&stream, 5 + i, n, request + i, 1.0f, 100.0f, count + i);
        }
        assert_memory_equal(count, whole, N * sizeof *count);
    }
    free(request);
    free(whole);
    free(count);
}

/* A request that is not a number (a network that diverged) stays within the cap. */
static void test_rounding_nan(void **state)
{
    (void)state;
    enum { N = 64 };
    float request[N];
    int16_t count[N];
    const struct rebias_stream stream = stream_of(5);
    fill(NAN, N, request);
    rebias_round_stochastic(&stream, 0, N, request, 1.0f, 9.0f, count);
    for (size_t i = 0; i < N; i++) {
        assert_in_range(abs(count[i]), 0, 9);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding_expectation),
        cmocka_unit_test(test_rounding_exact_cases),
        cmocka_unit_test(test_zero_never_pulses),
        cmocka_unit_test(test_rounding_against_plain_reference),
        cmocka_unit_test(test_rounding_ties),
        cmocka_unit_test(test_rounding_cuts),
        cmocka_unit_test(test_rounding_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
