/* test_activation.c - the nonlinear functions of layers.
 * 1. activations and their derivatives   2. softmax
 */
#include "support.h"

#include "netsim/activation.h"
#include <math.h>
#include <string.h>

/* -- 1. activations and their derivatives -- */

/* Against libm in double from -200 to 200 and near 0. Relative error of the inner exponential:
 * 2e-7 (activation.c); sigmoid keeps it down to exp(-87), tanh keeps it absolutely. */
static void test_activations_against_libm(void **state)
{
    (void)state;
    for (int k = -4000; k <= 4000; k++) {
        float z = k % 2 == 0 ? (float)k * 0.05f : (float)k * 1e-5f;
        float a[3] = {z, z, z};
        for (int f = REBIAS_SIGMOID; f <= REBIAS_RELU; f++) {
            rebias_activation_apply((enum rebias_activation)f, 1, &a[f]);
        }
        support_close((double)a[0], 1.0 / (1.0 + exp(-(double)z)), 4e-7, 2e-38);
        support_close((double)a[1], tanh((double)z), 0.0, 3e-7);
        assert_true(a[2] == (z > 0.0f ? z : 0.0f)); /* exact */
    }
}

/* f'(z) by a = f(z): sigmoid a (1 - a), tanh 1 - a^2, ReLU 1 above 0. */
static void test_derivatives(void **state)
{
    (void)state;
    const float a[3] = {0.25f, 0.5f, 2.0f};
    const float expected[3] = {0.25f * 0.75f, 0.75f, 1.0f};
    for (int f = REBIAS_SIGMOID; f <= REBIAS_RELU; f++) {
        float delta = 8.0f;
        rebias_activation_chain((enum rebias_activation)f, 1, &a[f], &delta);
        assert_true(delta == 8.0f * expected[f]); /* powers of 2: exact */
    }
    float off = 0.0f;
    float delta = 8.0f;
    rebias_activation_chain(REBIAS_RELU, 1, &off, &delta);
    assert_true(delta == 0.0f);
}

/* -- 2. softmax -- */

/* z[n] in place, in double. */
static void softmax(size_t n, double *z)
{
    double largest = z[0];
    double sum = 0.0;
    for (size_t c = 1; c < n; c++) {
        largest = fmax(largest, z[c]);
    }
    for (size_t c = 0; c < n; c++) {
        z[c] = exp(z[c] - largest);
        sum += z[c];
    }
    for (size_t c = 0; c < n; c++) {
        z[c] /= sum;
    }
}

static void test_softmax_large_logits(void **state)
{
    (void)state;
    enum { N = 5 };
    static const float rows[][N] = {{1e4f, -1e4f, 0.0f, 9999.0f, 9990.0f},
                                    {-1e30f, -1e30f, -1e30f, -1e30f, -1e30f},
                                    {3e38f, -3e38f, 0.0f, 1.0f, 2.0f},
                                    {0.1f, 0.2f, 0.3f, 0.4f, 0.5f}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        float z[N];
        double expected[N];
        double sum = 0.0;
        memcpy(z, rows[k], sizeof z);
        for (size_t c = 0; c < N; c++) {
            expected[c] = (double)rows[k][c];
        }
        rebias_softmax_apply(1, N, z);
        softmax(N, expected);
        for (size_t c = 0; c < N; c++) {
            support_close((double)z[c], expected[c], 1e-6, 1e-37);
            sum += (double)z[c];
        }
        support_close(sum, 1.0, 3e-7, 0.0);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations_against_libm),
        cmocka_unit_test(test_derivatives),
        cmocka_unit_test(test_softmax_large_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
