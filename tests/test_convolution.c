/* test_convolution.c - columns of convolutions and pools.
 * 1. helpers   2. columns   3. their transpose   4. pieces   5. pools
 */
#include "support.h"

#include "netsim/convolution.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

/* Image 2 x 6 x 5 (and others) in three kinds of kernel; out as parse gives it. */
static const struct rebias_layer layers[] = {
    {.kind = REBIAS_CONVOLUTION, .in = {2, 6, 5}, .out = {4, 4, 3}, .kernel = 3},
    {.kind = REBIAS_CONVOLUTION,
     .in = {2, 6, 5},
     .out = {4, 6, 5},
     .kernel = 3,
     .padded = true},
    {.kind = REBIAS_CONVOLUTION,
     .in = {3, 5, 5},
     .out = {1, 5, 5},
     .kernel = 5,
     .padded = true},
    {.kind = REBIAS_CONVOLUTION, .in = {2, 4, 7}, .out = {1, 3, 6}, .kernel = 2},
    {.kind = REBIAS_CONVOLUTION,
     .in = {3, 1, 1},
     .out = {2, 1, 1},
     .kernel = 1,
     .padded = true}};
enum { LAYERS = sizeof layers / sizeof layers[0], LARGEST = 20000 };

static size_t size_of(const struct rebias_shape *shape)
{
    return shape->channels * shape->rows * shape->columns;
}

static void fill(uint32_t entity, size_t n, float *x)
{
    const struct rebias_stream stream = {
        .seed = 3, .purpose = REBIAS_FOR_TEST, .entity = entity};
    rebias_random_normal(&stream, 0, n, x);
}

/* What tap t sees at output position p of sample b: straight from the definition. */
static float seen(const struct rebias_layer *layer, size_t n, const float *in, size_t t,
                  size_t p, size_t b)
{
    const long k = (long)layer->kernel;
    const long pad = layer->padded ? (k - 1) / 2 : 0;
    const long channel = (long)t / (k * k);
    const long row = (long)(p / layer->out.columns) + (long)t / k % k - pad;
    const long column = (long)(p % layer->out.columns) + (long)t % k - pad;
    if (row < 0 || row >= (long)layer->in.rows || column < 0 ||
        column >= (long)layer->in.columns) {
        return 0.0f;
    }
    const size_t at =
        ((size_t)channel * layer->in.rows + (size_t)row) * layer->in.columns + (size_t)column;
    return in[at * n + b];
}

/* -- 2. columns -- */

/* Copies: equal exactly, for all pieces of all sizes. */
static void test_columns(void **state)
{
    (void)state;
    static float in[LARGEST];
    static float column[LARGEST];
    for (size_t i = 0; i < LAYERS * 2; i++) {
        const struct rebias_layer *layer = &layers[i / 2];
        const size_t n = i % 2 == 0 ? 1 : 3;
        const size_t positions = rebias_convolution_positions(layer);
        fill((uint32_t)i, size_of(&layer->in) * n, in);
        for (size_t first = 0; first < positions; first++) {
            for (size_t count = 1; first + count <= positions; count++) {
                const struct rebias_patch patch = {layer, n, first, count};
                rebias_convolution_columns(&patch, in, column);
                const size_t size = rebias_convolution_taps(layer) * count * n;
                for (size_t j = 0; j < size; j++) {
                    const size_t t = j / (count * n);
                    const size_t p = first + j / n % count;
                    assert_true(column[j] == seen(layer, n, in, t, p, j % n));
                }
            }
        }
    }
}

/* -- 3. their transpose -- */

/* <columns(x), c> = <x, scatter(c)> for random x and c: the definition of a transpose. */
static void test_transpose(void **state)
{
    (void)state;
    static float in[LARGEST];
    static float column[LARGEST];
    static float other[LARGEST];
    static float below[LARGEST];
    for (size_t i = 0; i < LAYERS; i++) {
        const struct rebias_patch patch = {&layers[i], 3, 0,
                                           rebias_convolution_positions(&layers[i])};
        const size_t inputs = size_of(&layers[i].in) * patch.n;
        const size_t size = rebias_convolution_taps(&layers[i]) * patch.count * patch.n;
        fill(100 + (uint32_t)i, inputs, in);
        fill(200 + (uint32_t)i, size, other);
        memset(below, 0, sizeof below);
        rebias_convolution_columns(&patch, in, column);
        rebias_convolution_scatter(&patch, other, below);
        double left = 0.0;
        double right = 0.0;
        for (size_t j = 0; j < size; j++) {
            left += (double)column[j] * (double)other[j];
        }
        for (size_t j = 0; j < inputs; j++) {
            right += (double)in[j] * (double)below[j];
        }
        support_close(left, right, 0.0, 1e-6 * sqrt((double)size) * 10.0);
    }
}

/* -- 4. pieces -- */

/* Pieces cover every position once and fit into the space, also where one position is more than
 * a cache. */
static void test_pieces(void **state)
{
    (void)state;
    static const struct rebias_layer wide = {
        .kind = REBIAS_CONVOLUTION, .in = {32, 11, 11}, .out = {32, 9, 9}, .kernel = 3};
    static const size_t batches[] = {1, 100, 1000};
    for (size_t i = 0; i < 3; i++) {
        struct rebias_patch patch = {&wide, batches[i], 0, 0};
        size_t pieces = 0;
        for (; patch.first < 81; patch.first += patch.count) {
            patch.count = rebias_convolution_piece(&patch);
            assert_true(patch.count >= 1 && patch.first + patch.count <= 81);
            assert_true(288 * patch.count * patch.n <=
                        rebias_convolution_space(&wide, batches[i]));
            pieces++;
        }
        assert_int_equal(patch.first, 81);
        assert_true(batches[i] == 1 ? pieces == 1 : pieces > 1);
    }
}

/* -- 5. pools -- */

/* 2 x 2 maxima of a 1 x 5 x 5 image: the fifth row and column are cut off. */
static void test_pool(void **state)
{
    (void)state;
    static const struct rebias_layer pool = {
        .kind = REBIAS_POOL, .in = {1, 5, 5}, .out = {1, 2, 2}, .kernel = 2};
    /* clang-format off */
    static const float in[25] = { 1,  2, -1, -2, 9,
                                  4,  3, -4, -3, 9,
                                  7,  7,  0,  5, 9,
                                  7,  7,  5,  5, 9,
                                  9,  9,  9,  9, 9};
    static const float back[25] = {0, 0, 20,  0, 0, /* ties go to the first in row order */
                                   10, 0, 0,  0, 0,
                                   30, 0, 0, 40, 0,
                                   0, 0,  0,  0, 0,
                                   0, 0,  0,  0, 0};
    /* clang-format on */
    float out[4];
    rebias_pool_forward(&pool, 1, in, out);
    static const float maxima[4] = {4, -1, 7, 5};
    assert_memory_equal(out, maxima, sizeof out);
    float delta[4] = {10, 20, 30, 40};
    float below[25];
    memset(below, 0x55, sizeof below);
    const struct rebias_pool_values kept = {in, out};
    rebias_pool_backward(&pool, 1, &kept, delta, below);
    assert_memory_equal(below, back, sizeof below);
}

/* 3 x 3 maxima of 2 x 7 x 3 images in 5 samples against plain loops. */
static void test_pool_batch(void **state)
{
    (void)state;
    static const struct rebias_layer pool = {
        .kind = REBIAS_POOL, .in = {2, 7, 3}, .out = {2, 2, 1}, .kernel = 3};
    enum { N = 5 };
    float in[42 * N];
    float out[4 * N];
    fill(300, 42 * N, in);
    rebias_pool_forward(&pool, N, in, out);
    for (size_t j = 0; j < 4 * (size_t)N; j++) {
        const size_t channel = j / N / 2;
        const size_t row = j / N % 2;
        float largest = -INFINITY;
        for (size_t y = 3 * row; y < 3 * row + 3; y++) {
            for (size_t x = 0; x < 3; x++) {
                largest = fmaxf(largest, in[((channel * 7 + y) * 3 + x) * N + j % N]);
            }
        }
        assert_true(out[j] == largest);
    }
}

/* A diverged network must not look like a small one: NaN at any place of the window wins. */
static void test_pool_nan(void **state)
{
    (void)state;
    static const struct rebias_layer pool = {
        .kind = REBIAS_POOL, .in = {1, 2, 2}, .out = {1, 1, 1}, .kernel = 2};
    for (size_t i = 0; i < 4; i++) {
        float in[4] = {1, 2, 3, 4};
        float out = 0.0f;
        in[i] = NAN;
        rebias_pool_forward(&pool, 1, in, &out);
        assert_true(isnan(out));
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),    cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_pieces),     cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_batch), cmocka_unit_test(test_pool_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
