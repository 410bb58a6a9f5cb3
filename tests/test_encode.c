/* test_encode.c - weights as target conductances of redundant pairs.
 * 1. simple   2. reduced mapping error   3. mapping with redundancy
 *
 * Conductances are in units of 1 (off 100, on 200): the encodings only add and compare.
 */
#include "netsim/encode.h"
#include "support.h"

#include "rebias/random.h"
#include <math.h>
#include <string.h>

enum { COPIES = 4, WEIGHTS = 300 };

/* Pairs of COPIES copies whose arrays are here. */
struct fixture {
    struct rebias_pairs pairs;
    float w[WEIGHTS];
    uint8_t stuck[2][COPIES][WEIGHTS];
    float G[2][COPIES][WEIGHTS];
};

static void start(struct fixture *f, size_t copies, size_t n, size_t levels)
{
    memset(f, 0, sizeof *f);
    f->pairs = (struct rebias_pairs){
        .G_off = 100.0, .G_on = 200.0, .levels = levels, .copies = {copies, copies}, .n = n};
    f->pairs.w = f->w;
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < copies; k++) {
            f->pairs.stuck[s][k] = f->stuck[s][k];
            f->pairs.G[s][k] = f->G[s][k];
        }
    }
}

static void stick(struct fixture *f, int sign, size_t copy, size_t i, float G)
{
    f->stuck[sign][copy][i] = 1;
    f->G[sign][copy][i] = G;
}

/* Random ternary weights and devices stuck with probability 0.3 at 10 or 500. */
static void start_random(struct fixture *f, size_t copies, uint32_t step)
{
    const struct rebias_stream stream = {5, REBIAS_FOR_TEST, 0, 1, step};
    start(f, copies, WEIGHTS, 2);
    for (size_t i = 0; i < WEIGHTS; i++) {
        double u[1 + 2 * COPIES];
        rebias_random_uniform(&stream, i * (1 + 2 * COPIES), 1 + 2 * COPIES, u);
        f->w[i] = u[0] < 1.0 / 3.0 ? -1.0f : u[0] < 2.0 / 3.0 ? 0.0f : 1.0f;
        for (size_t d = 0; d < 2 * copies; d++) {
            if (u[1 + d] < 0.3) {
                stick(f, (int)(d % 2), d / 2, i, u[1 + d] < 0.15 ? 10.0f : 500.0f);
            }
        }
    }
}

static double sum_of(const struct fixture *f, int sign, size_t i)
{
    double sum = 0.0;
    for (size_t k = 0; k < f->pairs.copies[sign]; k++) {
        sum += (double)f->G[sign][k][i];
    }
    return sum;
}

static double difference(const struct fixture *f, size_t i)
{
    return sum_of(f, 0, i) - sum_of(f, 1, i);
}

/* -- 1. simple -- */

/* (on, off), (off, on), (off, off); halves in between with three levels; stuck devices stay. */
static void test_simple(void **state)
{
    (void)state;
    static const float w[5] = {1.0f, -1.0f, 0.0f, 0.5f, 1.0f};
    static const float positive[5] = {200.0f, 100.0f, 100.0f, 150.0f, 940.0f};
    static const float negative[5] = {100.0f, 200.0f, 100.0f, 100.0f, 100.0f};
    struct fixture f;
    start(&f, 2, 5, 3);
    memcpy(f.w, w, sizeof w);
    stick(&f, 0, 1, 4, 940.0f);
    rebias_encode_simple(&f.pairs);
    for (size_t i = 0; i < 5; i++) {
        assert_true(f.G[0][1][i] == positive[i]); /* sums of halves: exact */
        assert_true(f.G[1][1][i] == negative[i]);
    }
    assert_true(f.G[0][0][4] == 200.0f);
}

/* -- 2. reduced mapping error -- */

/* Without defects the start from the simple encoding changes nothing, and the one from all on,
 * all off turns a zero weight of four copies into (-1, -1, +1, +1) as the reference code does.
 */
static void test_rme_without_defects(void **state)
{
    (void)state;
    static const float apart[2][COPIES] = {{100.0f, 100.0f, 200.0f, 200.0f},
                                           {200.0f, 200.0f, 100.0f, 100.0f}};
    static const float w[3] = {0.0f, 1.0f, -1.0f};
    struct fixture f;
    struct fixture simple;
    start(&f, COPIES, 3, 2);
    memcpy(f.w, w, sizeof w);
    simple = f;
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < COPIES; k++) {
            simple.pairs.G[s][k] = simple.G[s][k];
        }
    }
    rebias_encode_simple(&simple.pairs);
    rebias_encode_rme(&f.pairs);
    assert_memory_equal(f.G, simple.G, sizeof f.G);
    rebias_encode_rme_apart(&f.pairs);
    for (size_t k = 0; k < COPIES; k++) {
        assert_true(f.G[0][k][0] == apart[0][k]);
        assert_true(f.G[1][k][0] == apart[1][k]);
    }
    assert_true(difference(&f, 1) == 400.0); /* 4 (on - off), exact */
    assert_true(difference(&f, 2) == -400.0);
}

/* Zero weight, positive device of copy 0 of two stuck at 300: by hand, the negative devices of
 * copies 0 and 1 turn on: 300 + 100 - 200 - 200 = 0. */
static void test_rme_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 2, 1, 2);
    stick(&f, 0, 0, 0, 300.0f);
    rebias_encode_rme(&f.pairs);
    assert_true(f.G[0][0][0] == 300.0f && f.G[0][1][0] == 100.0f);
    assert_true(f.G[1][0][0] == 200.0f && f.G[1][1][0] == 200.0f);
}

/* Plain implementation: every level is tried for every working device in turn, with sums made
 * anew; it gives the same conductances for 4 x 300 random weights, and never a larger error
 * than the simple encoding. */
static void plain_rme(struct fixture *f, size_t i)
{
    const double wanted = (double)f->w[i] * 100.0 * (double)f->pairs.copies[0];
    for (size_t d = 0; d < 2 * f->pairs.copies[0]; d++) {
        float *G = &f->G[d % 2][d / 2][i];
        if (f->stuck[d % 2][d / 2][i]) {
            continue;
        }
        const float before = *G;
        const float other = before > 150.0f ? 100.0f : 200.0f;
        const double error = fabs(difference(f, i) - wanted);
        *G = other;
        if (!(fabs(difference(f, i) - wanted) < error)) {
            *G = before;
        }
    }
}

static void test_rme_against_plain(void **state)
{
    (void)state;
    static struct fixture f;
    static struct fixture plain;
    for (size_t copies = 1; copies <= COPIES; copies++) {
        start_random(&f, copies, (uint32_t)copies);
        start_random(&plain, copies, (uint32_t)copies);
        rebias_encode_simple(&plain.pairs);
        rebias_encode_rme(&f.pairs);
        for (size_t i = 0; i < WEIGHTS; i++) {
            const double wanted = (double)f.w[i] * 100.0 * (double)copies;
            const double simple = fabs(difference(&plain, i) - wanted);
            plain_rme(&plain, i);
            assert_true(fabs(difference(&f, i) - wanted) <= simple);
        }
        assert_memory_equal(f.G, plain.G, sizeof f.G);
    }
}

/* -- 3. mapping with redundancy -- */

/* The formulas of the reference code as they stand: Q(x) the nearest level, for each copy first
 * G_pos <- Q(w Gnorm + S_neg - S_pos + G_pos), then G_neg <- Q(-(w Gnorm - S_pos + S_neg -
 * G_neg)), S the sums over copies at that moment; free devices start at (on, off). */
static float plain_level(double x)
{
    const double number = nearbyint((x - 100.0) / 100.0);
    return number <= 0.0 ? 100.0f : 200.0f;
}

static void plain_mao(struct fixture *f, size_t i)
{
    for (size_t k = 0; k < f->pairs.copies[0]; k++) {
        f->G[0][k][i] = f->stuck[0][k][i] ? f->G[0][k][i] : 200.0f;
        f->G[1][k][i] = f->stuck[1][k][i] ? f->G[1][k][i] : 100.0f;
    }
    for (size_t k = 0; k < f->pairs.copies[0]; k++) {
        const double wanted = 100.0 * (double)f->w[i];
        if (!f->stuck[0][k][i]) {
            f->G[0][k][i] =
                plain_level(wanted + sum_of(f, 1, i) - sum_of(f, 0, i) + (double)f->G[0][k][i]);
        }
        if (!f->stuck[1][k][i]) {
            f->G[1][k][i] = plain_level(
                -(wanted - sum_of(f, 0, i) + sum_of(f, 1, i) - (double)f->G[1][k][i]));
        }
    }
}

static void test_mao_against_formula(void **state)
{
    (void)state;
    static struct fixture f;
    static struct fixture plain;
    for (size_t copies = 1; copies <= COPIES; copies++) {
        start_random(&f, copies, 16 + (uint32_t)copies);
        start_random(&plain, copies, 16 + (uint32_t)copies);
        rebias_encode_mao(&f.pairs);
        for (size_t i = 0; i < WEIGHTS; i++) {
            plain_mao(&plain, i);
        }
        assert_memory_equal(f.G, plain.G, sizeof f.G);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_rme_without_defects),
        cmocka_unit_test(test_rme_by_hand),
        cmocka_unit_test(test_rme_against_plain),
        cmocka_unit_test(test_mao_against_formula),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
