/* test_gaussian_process.c - regression by a Gaussian process: by hand, limits, gradients.
 * 1. a wave   2. likelihood   3. prediction   4. optimum
 */
#include "jumptable/gaussian_process.h"
#include "rebias/random.h"
#include "support.h"
#include <gsl/gsl_fit.h>
#include <math.h>
#include <string.h>

/* -- 1. a wave -- */

/* A wave with noise at n uneven places, noise of uneven size. */
static struct rebias_gp *wave(size_t n, enum rebias_gp_kernel kernel, size_t trend)
{
    struct rebias_gp *gp = NULL;
    float z[64];
    const struct rebias_stream stream = {20220413, REBIAS_FOR_TEST, 0, 0, 0};
    assert_int_equal(rebias_gp_new(&gp, n, NULL), REBIAS_OK);
    rebias_random_normal(&stream, 0, n, z);
    gp->kernel = kernel;
    gp->trend = trend;
    for (size_t i = 0; i < n; i++) {
        const double t = (double)i / (double)(n - 1);
        gp->x[i] = t * (0.6 + 0.4 * t);
        gp->y[i] = sin(5.0 * gp->x[i]) + 0.3 * (double)z[i];
        gp->noise[i] = 0.05 + 0.1 * t;
    }
    gp->within_count = 17.0;
    gp->within_sum = 13.0;
    return gp;
}

/* -- 2. likelihood -- */

static const double thetas[3][REBIAS_GP_THETA] = {
    {-1.2, 0.3, -0.2}, {0.5, 2.0, 0.7}, {-2.5, -3.0, 1.0}};

/* Central differences with step h err by h^2 and by the rounding of the value over h: 1e-7. */
static void test_gradient(void **state)
{
    (void)state;
    const double h = 1e-5;
    for (size_t c = 0; c < 12; c++) {
        struct rebias_gp *gp = wave(24, (enum rebias_gp_kernel)(c % 2), 1 + c / 2 % 2);
        const double *theta = thetas[c / 4];
        double value = 0.0;
        double gradient[REBIAS_GP_THETA];
        double unused[REBIAS_GP_THETA];
        assert_int_equal(rebias_gp_likelihood(gp, theta, &value, gradient, NULL), REBIAS_OK);
        for (size_t t = 0; t < REBIAS_GP_THETA; t++) {
            double side[2];
            for (size_t s = 0; s < 2; s++) {
                double moved[REBIAS_GP_THETA];
                memcpy(moved, theta, sizeof moved);
                moved[t] += s == 0 ? -h : h;
                assert_int_equal(rebias_gp_likelihood(gp, moved, &side[s], unused, NULL),
                                 REBIAS_OK);
            }
            support_close(gradient[t], (side[1] - side[0]) / (2.0 * h), 1e-6, 1e-6);
        }
        rebias_gp_free(gp);
    }
}

/* Three points, constant trend, l = v = s = 1, SQUARED: computed from the formulas of
 * the header by Gauss-Jordan elimination in Python. */
static void test_likelihood_by_hand(void **state)
{
    (void)state;
    const double theta[REBIAS_GP_THETA] = {0.0, 0.0, 0.0};
    const double x[3] = {0.0, 0.5, 1.0};
    const double y[3] = {1.0, 3.0, 2.0};
    struct rebias_gp *gp = NULL;
    assert_int_equal(rebias_gp_new(&gp, 3, NULL), REBIAS_OK);
    gp->kernel = REBIAS_GP_SQUARED;
    gp->trend = 1;
    for (size_t i = 0; i < 3; i++) {
        gp->x[i] = x[i];
        gp->y[i] = y[i];
        gp->noise[i] = 0.5;
    }
    double value = 0.0;
    double gradient[REBIAS_GP_THETA];
    double mean = 0.0;
    double variance = 0.0;
    assert_int_equal(rebias_gp_likelihood(gp, theta, &value, gradient, NULL), REBIAS_OK);
    rebias_gp_predict(gp, 0.25, &mean, &variance);
    support_close(value, 1.878276977148, 1e-9, 0.0);
    support_close(mean, 1.908961227604, 1e-9, 0.0);
    support_close(variance, 0.205452092173, 1e-9, 0.0);
    rebias_gp_free(gp);
}

/* -- 3. prediction -- */

/* Without a process the prediction is the weighted straight line, and its variance that of the
 * line (GSL's gsl_fit_wlinear is the other program). */
static void test_line_is_the_limit(void **state)
{
    (void)state;
    const double theta[REBIAS_GP_THETA] = {0.0, -40.0, 0.0};
    struct rebias_gp *gp = wave(30, REBIAS_GP_MATERN52, 2);
    double w[30];
    double c0 = 0.0;
    double c1 = 0.0;
    double v00 = 0.0;
    double v01 = 0.0;
    double v11 = 0.0;
    double chi2 = 0.0;
    for (size_t i = 0; i < 30; i++) {
        w[i] = 1.0 / gp->noise[i];
    }
    gsl_fit_wlinear(gp->x, 1, w, 1, gp->y, 1, 30, &c0, &c1, &v00, &v01, &v11, &chi2);
    assert_int_equal(rebias_gp_condition(gp, theta, NULL), REBIAS_OK);
    for (double x = -0.2; x < 1.3; x += 0.1) {
        double mean = 0.0;
        double variance = 0.0;
        rebias_gp_predict(gp, x, &mean, &variance);
        support_close(mean, c0 + c1 * x, 1e-9, 1e-9);
        support_close(variance, v00 + 2.0 * v01 * x + v11 * x * x, 1e-9, 0.0);
    }
    rebias_gp_free(gp);
}

/* The fitted value is linear in y: moving y[k] by 1 moves it by the leverage. */
static void test_leverage(void **state)
{
    (void)state;
    for (size_t k = 0; k < 20; k += 3) {
        struct rebias_gp *gp = wave(20, REBIAS_GP_MATERN52, 2);
        double before = 0.0;
        double after = 0.0;
        assert_int_equal(rebias_gp_condition(gp, thetas[0], NULL), REBIAS_OK);
        rebias_gp_predict(gp, gp->x[k], &before, NULL);
        gp->y[k] += 1.0;
        assert_int_equal(rebias_gp_condition(gp, thetas[0], NULL), REBIAS_OK);
        rebias_gp_predict(gp, gp->x[k], &after, NULL);
        /* the jitter on the diagonal is not part of a prediction */
        support_close(after - before, rebias_gp_leverage(gp, k), 0.0, 1e-7);
        rebias_gp_free(gp);
    }
}

/* -- 4. optimum -- */

/* No smaller value within reach of the optimum found from any of the starts. */
static void test_optimum(void **state)
{
    (void)state;
    struct rebias_gp *gp = wave(40, REBIAS_GP_MATERN52, 1);
    const struct rebias_gp_search search = {.starts = 2,
                                            .start = {{-1.0, 0.0, 0.0}, {0.5, 1.0, -1.0}},
                                            .low = {-4.0, -10.0, -10.0},
                                            .high = {3.0, 10.0, 10.0}};
    assert_int_equal(rebias_gp_optimize(gp, &search, NULL), REBIAS_OK);
    double theta[REBIAS_GP_THETA];
    double best = 0.0;
    double value = 0.0;
    double gradient[REBIAS_GP_THETA];
    double unused[REBIAS_GP_THETA];
    memcpy(theta, gp->theta, sizeof theta);
    assert_int_equal(rebias_gp_likelihood(gp, theta, &best, gradient, NULL), REBIAS_OK);
    for (size_t t = 0; t < REBIAS_GP_THETA; t++) {
        assert_true(fabs(gradient[t]) < 1e-3);
        for (int sign = -1; sign <= 1; sign += 2) {
            double moved[REBIAS_GP_THETA];
            memcpy(moved, theta, sizeof moved);
            moved[t] += 0.5 * sign;
            assert_int_equal(rebias_gp_likelihood(gp, moved, &value, unused, NULL), REBIAS_OK);
            assert_true(value > best);
        }
    }
    rebias_gp_free(gp);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),          cmocka_unit_test(test_likelihood_by_hand),
        cmocka_unit_test(test_line_is_the_limit), cmocka_unit_test(test_leverage),
        cmocka_unit_test(test_optimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
