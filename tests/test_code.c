/* test_code.c - perturbation patterns.
 * 1. helpers   2. sizes   3. orthogonality   4. where the bits come from   5. drawn kinds   6.
 * wrong options
 */
#include "support.h"

#include "netsim/code.h"
#include "rebias/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { MOST = 64, LONG = 20000 };

static struct rebias_code_options options_of(enum rebias_perturbation kind, size_t n)
{
    return (struct rebias_code_options){.kind = kind,
                                        .n = n,
                                        .norm = 0.3,
                                        .sparsity = 1.0,
                                        .f_high = 0.5,
                                        .seed = 5,
                                        .replicate = 2,
                                        .entity = 3};
}

static struct rebias_code *open_code(const struct rebias_code_options *options)
{
    struct rebias_error err = {0};
    struct rebias_code *code = NULL;
    support_expect(rebias_code_new(&code, options, &err), REBIAS_OK, &err, NULL);
    return code;
}

/* moment[i][j] = mean of p_i p_j over patterns first .. first + T - 1. */
static void moments(struct rebias_code *code, size_t n, uint64_t first, size_t T,
                    double moment[MOST][MOST])
{
    float p[MOST];
    memset(moment, 0, MOST * sizeof moment[0]);
    for (size_t t = 0; t < T; t++) {
        rebias_code_fill(code, first + t, p);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                moment[i][j] += (double)p[i] * (double)p[j] / (double)T;
            }
        }
    }
}

/* -- 2. sizes -- */

/* Every pattern of fair signs and of one entry has the norm asked for; code.h. */
static void test_norm_of_each_pattern(void **state)
{
    (void)state;
    const enum rebias_perturbation kinds[] = {REBIAS_PERTURB_RANDOM, REBIAS_PERTURB_WALSH,
                                              REBIAS_PERTURB_SEQUENTIAL};
    for (size_t k = 0; k < 3; k++) {
        const struct rebias_code_options o = options_of(kinds[k], 11);
        struct rebias_code *code = open_code(&o);
        support_close(rebias_code_mean_square(code), 0.09 / 11.0, 1e-15, 0.0);
        for (uint64_t t = 0; t < 100; t++) {
            float p[MOST];
            double square = 0.0;
            rebias_code_fill(code, 7 * t, p);
            for (size_t i = 0; i < o.n; i++) {
                square += (double)p[i] * (double)p[i];
            }
            support_close(square, 0.09, 1e-6, 0.0);
        }
        rebias_code_free(code);
    }
}

static void test_periods(void **state)
{
    (void)state;
    const struct {
        enum rebias_perturbation kind;
        size_t n, period;
    } rows[] = {{REBIAS_PERTURB_SEQUENTIAL, 9, 9}, {REBIAS_PERTURB_WALSH, 9, 16},
                {REBIAS_PERTURB_WALSH, 16, 16},    {REBIAS_PERTURB_WALSH, 1, 1},
                {REBIAS_PERTURB_SINE, 9, 18},      {REBIAS_PERTURB_RANDOM, 9, 0},
                {REBIAS_PERTURB_GAUSSIAN, 9, 0}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const struct rebias_code_options o = options_of(rows[k].kind, rows[k].n);
        struct rebias_code *code = open_code(&o);
        assert_int_equal(rebias_code_period(code), rows[k].period);
        rebias_code_free(code);
    }
}

/* -- 3. orthogonality -- */

/* Over a period <p_i p_j> = D^2 for i = j, else 0: by the orthogonality of unit vectors, of
 * Hadamard rows, and of cosines on 2 n points. In any window of that length. */
static void test_orthogonal_after_a_period(void **state)
{
    (void)state;
    static double moment[MOST][MOST];
    const enum rebias_perturbation kinds[] = {REBIAS_PERTURB_SEQUENTIAL, REBIAS_PERTURB_WALSH,
                                              REBIAS_PERTURB_SINE};
    for (size_t k = 0; k < 3; k++) {
        const struct rebias_code_options o = options_of(kinds[k], 37);
        struct rebias_code *code = open_code(&o);
        const size_t T = rebias_code_period(code);
        const double square = rebias_code_mean_square(code);
        const uint64_t first = kinds[k] == REBIAS_PERTURB_WALSH ? 3 * (uint64_t)T : 1000;
        moments(code, o.n, first, T, moment);
        for (size_t i = 0; i < o.n; i++) {
            for (size_t j = 0; j < o.n; j++) {
                support_close(moment[i][j] / square, i == j ? 1.0 : 0.0, 0.0, 1e-6);
            }
        }
        rebias_code_free(code);
    }
}

static void test_walsh_is_negated_every_second_period(void **state)
{
    (void)state;
    const struct rebias_code_options o = options_of(REBIAS_PERTURB_WALSH, 37);
    struct rebias_code *code = open_code(&o);
    for (uint64_t t = 0; t < 64; t++) {
        float p[MOST];
        float q[MOST];
        float r[MOST];
        rebias_code_fill(code, t, p);
        rebias_code_fill(code, t + 64, q);
        rebias_code_fill(code, t + 128, r);
        for (size_t i = 0; i < o.n; i++) {
            assert_true(q[i] == -p[i] && r[i] == p[i]); /* exact: the same amplitude */
        }
    }
    rebias_code_free(code);
}

/* Each parameter has its turn once in n patterns. */
static void test_sequential_visits_each_once(void **state)
{
    (void)state;
    const struct rebias_code_options o = options_of(REBIAS_PERTURB_SEQUENTIAL, 37);
    struct rebias_code *code = open_code(&o);
    size_t seen[MOST] = {0};
    size_t in_place = 0;
    for (uint64_t t = 0; t < o.n; t++) {
        float p[MOST];
        rebias_code_fill(code, t, p);
        for (size_t i = 0; i < o.n; i++) {
            assert_true(p[i] == 0.0f || p[i] == 0.3f); /* exact: set, not computed */
            seen[i] += p[i] > 0.0f;
            in_place += p[i] > 0.0f && i == t;
        }
    }
    for (size_t i = 0; i < o.n; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_true(in_place < 10); /* a shuffled order; P(>= 10 fixed points) below 1e-6 */
    rebias_code_free(code);
}

/* A sine of its frequency obeys p(t - 1) + p(t + 1) = 2 cos(2 pi f) p(t); f from the shuffled
 * grid, so that the cosines are those of the grid, each once. */
static void test_sines_have_the_grid_of_frequencies(void **state)
{
    (void)state;
    const struct rebias_code_options o = options_of(REBIAS_PERTURB_SINE, 8);
    struct rebias_code *code = open_code(&o);
    size_t seen[8] = {0};
    static float p[3][MOST];
    for (size_t i = 0; i < o.n; i++) {
        double best = 0.0;
        double cosine = 0.0;
        for (uint64_t t = 1; t < 16; t++) { /* where p(t) is largest the ratio is best known */
            for (uint64_t k = 0; k < 3; k++) {
                rebias_code_fill(code, t + k - 1, p[k]);
            }
            if (fabs((double)p[1][i]) > best) {
                best = fabs((double)p[1][i]);
                cosine = ((double)p[0][i] + (double)p[2][i]) / (2.0 * (double)p[1][i]);
            }
        }
        const double f = acos(cosine) / (2.0 * M_PI);
        const size_t grid = (size_t)floor(f * 16.0);
        support_close(f, ((double)grid + 0.5) / 16.0, 0.0, 1e-5);
        seen[grid]++;
    }
    for (size_t i = 0; i < o.n; i++) {
        assert_int_equal(seen[i], 1);
    }
    rebias_code_free(code);
}

/* -- 4. where the bits come from -- */

/* Sign of parameter i in pattern t = bit t % 32 of word i of the addressed stream of step t /
 * 32, on every machine (random.h is checked against known answers). */
static void test_random_signs_are_addressed_words(void **state)
{
    (void)state;
    const struct rebias_code_options o = options_of(REBIAS_PERTURB_RANDOM, 37);
    struct rebias_code *code = open_code(&o);
    for (uint64_t t = 0; t < 2000; t += 7) {
        uint32_t word[MOST];
        float p[MOST];
        const struct rebias_stream stream = {5, REBIAS_FOR_PERTURBATION, 2, 3,
                                             (uint32_t)(t / 32)};
        rebias_random_words(&stream, 0, o.n, word);
        rebias_code_fill(code, t, p);
        for (size_t i = 0; i < o.n; i++) {
            assert_int_equal(p[i] < 0.0f, word[i] >> (t % 32) & 1u);
        }
        assert_memory_equal(rebias_code_signs(code, t / 32), word, o.n * sizeof *word);
    }
    rebias_code_free(code);
}

/* Signs in words are those of the patterns, for Walsh too; other kinds have none. */
static void test_signs_are_the_patterns(void **state)
{
    (void)state;
    const struct rebias_code_options walsh = options_of(REBIAS_PERTURB_WALSH, 37);
    struct rebias_code *code = open_code(&walsh);
    for (uint64_t block = 0; block < 5; block++) {
        uint32_t word[MOST];
        memcpy(word, rebias_code_signs(code, block), walsh.n * sizeof *word);
        for (uint64_t k = 0; k < 32; k++) {
            float p[MOST];
            rebias_code_fill(code, 32 * block + k, p);
            for (size_t i = 0; i < walsh.n; i++) {
                support_close((double)p[i],
                              (word[i] >> k & 1u ? -1.0 : 1.0) * rebias_code_amplitude(code),
                              1e-7, 0.0);
            }
        }
    }
    rebias_code_free(code);
    const struct rebias_code_options sine = options_of(REBIAS_PERTURB_SINE, 37);
    code = open_code(&sine);
    assert_null(rebias_code_signs(code, 0));
    rebias_code_free(code);
}

/* A pattern does not depend on what was asked for before. */
static void test_any_order_of_patterns(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct rebias_code_options o = options_of((enum rebias_perturbation)kind, 37);
        o.sparsity = kind == REBIAS_PERTURB_RANDOM ? 3.0 : 1.0;
        struct rebias_code *up = open_code(&o);
        struct rebias_code *down = open_code(&o);
        static float p[100][MOST];
        for (size_t t = 0; t < 100; t++) {
            rebias_code_fill(up, t, p[t]);
        }
        for (size_t t = 100; t-- > 0;) {
            float q[MOST];
            rebias_code_fill(down, t, q);
            assert_memory_equal(p[t], q, o.n * sizeof *q);
        }
        rebias_code_free(up);
        rebias_code_free(down);
    }
}

/* -- 5. drawn kinds -- */

/* Sparse: entries 0 or +-A, A^2/s = D^2, nonzero with probability 1/s. Then <p_i p_j> = D^2
 * delta_ij within 5.2 standard errors (65 numbers, false alarm below 2e-5; the variance of
 * p_i^2 is D^4 (s - 1), that of p_i p_j D^4). Hence E G = the gradient. */
static void test_sparse_codes(void **state)
{
    (void)state;
    static double moment[MOST][MOST];
    struct rebias_code_options o = options_of(REBIAS_PERTURB_RANDOM, 10);
    o.sparsity = 4.0;
    struct rebias_code *code = open_code(&o);
    const double square = rebias_code_mean_square(code);
    size_t zeros = 0;
    for (uint64_t t = 0; t < LONG; t++) {
        float p[MOST];
        rebias_code_fill(code, t, p);
        for (size_t i = 0; i < o.n; i++) {
            double size = fabs((double)p[i]);
            zeros += size == 0.0; /* exact: set, not computed */
            if (size > 0.0) {
                support_close(size * size, 4.0 * square, 1e-6, 0.0);
            }
        }
    }
    const double draws = 10.0 * LONG;
    support_close((double)zeros, 0.75 * draws, 0.0, 5.2 * sqrt(0.75 * 0.25 * draws));
    assert_null(rebias_code_signs(code, 0));
    moments(code, o.n, 0, LONG, moment);
    for (size_t i = 0; i < o.n; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double error = i == j ? sqrt(3.0 / LONG) : sqrt(1.0 / LONG);
            support_close(moment[i][j] / square, i == j ? 1.0 : 0.0, 0.0, 5.2 * error);
        }
    }
    rebias_code_free(code);
}

/* amplitude times the normal numbers of the addressed stream. */
static void test_gaussian_codes(void **state)
{
    (void)state;
    const struct rebias_code_options o = options_of(REBIAS_PERTURB_GAUSSIAN, 37);
    struct rebias_code *code = open_code(&o);
    for (uint32_t t = 0; t < 50; t++) {
        float p[MOST];
        float z[MOST];
        const struct rebias_stream stream = {5, REBIAS_FOR_PERTURBATION, 2, 3, t};
        rebias_random_normal(&stream, 0, o.n, z);
        rebias_code_fill(code, t, p);
        for (size_t i = 0; i < o.n; i++) {
            support_close((double)p[i], 0.3 / sqrt(37.0) * (double)z[i], 1e-6, 0.0);
        }
    }
    rebias_code_free(code);
}

/* -- 6. wrong options -- */

static void test_wrong_options(void **state)
{
    (void)state;
    const struct rebias_code_options good = options_of(REBIAS_PERTURB_SINE, 9);
    const struct {
        size_t n;
        double norm, sparsity, f_low, f_high;
        const char *text;
    } rows[] = {
        {0, 0.3, 1.0, 0.0, 0.5, "0 parameters cannot be perturbed"},
        {9, 0.0, 1.0, 0.0, 0.5, "amplitude 0 is not above 0"},
        {9, (double)NAN, 1.0, 0.0, 0.5, "amplitude nan is not above 0"},
        {9, 0.3, 0.5, 0.0, 0.5, "sparsity 0.5 is not in 1 to 1e6"},
        {9, 0.3, 1.0, 0.2, 0.2, "frequencies 0.2 to 0.2 of the sines are not inside 0 to 0.5"},
        {9, 0.3, 1.0, 0.2, 0.6, "frequencies 0.2 to 0.6 of the sines are not inside 0 to 0.5"}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct rebias_error err = {0};
        struct rebias_code *code = NULL;
        struct rebias_code_options o = good;
        o.n = rows[k].n;
        o.norm = rows[k].norm;
        o.sparsity = rows[k].sparsity;
        o.f_low = rows[k].f_low;
        o.f_high = rows[k].f_high;
        support_expect(rebias_code_new(&code, &o, &err), REBIAS_E_RANGE, &err, rows[k].text);
        assert_null(code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_of_each_pattern),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_orthogonal_after_a_period),
        cmocka_unit_test(test_walsh_is_negated_every_second_period),
        cmocka_unit_test(test_sequential_visits_each_once),
        cmocka_unit_test(test_sines_have_the_grid_of_frequencies),
        cmocka_unit_test(test_random_signs_are_addressed_words),
        cmocka_unit_test(test_signs_are_the_patterns),
        cmocka_unit_test(test_any_order_of_patterns),
        cmocka_unit_test(test_sparse_codes),
        cmocka_unit_test(test_gaussian_codes),
        cmocka_unit_test(test_wrong_options)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
