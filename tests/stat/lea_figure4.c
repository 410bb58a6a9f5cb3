/* lea_figure4.c - all 108 published mapping errors of Fig. 4b, and the laws behind them.
 * 1. published values   2. laws
 *
 * 10 cycles a value, as published; their means have a relative sd of at most 0.7 % (MAO), so 3
 * % is 4 sd and more: false alarms below 1 % for all 108 together. The seed is fixed.
 */
#include "../lea_figure4.h"

enum { CYCLES = 10 };

static double error[FIGURE4_METHODS][FIGURE4_ALPHA][FIGURE4_STUCK];
static const enum rebias_deploy_method methods[FIGURE4_METHODS] = {
    REBIAS_DEPLOY_LEA, REBIAS_DEPLOY_CM, REBIAS_DEPLOY_MAO};

static int simulate(void **state)
{
    static const size_t sizes[] = {784, 150, 10};
    (void)state;
    struct rebias_weights_set *networks = deploy_ternary(FIGURE4_ALPHA, 2, sizes, 0.176);
    for (size_t m = 0; m < FIGURE4_METHODS; m++) {
        for (size_t a = 0; a < FIGURE4_ALPHA; a++) {
            for (size_t p = 0; p < FIGURE4_STUCK; p++) {
                error[m][a][p] =
                    figure4_error(networks, methods[m], a + 1, figure4_stuck[p], CYCLES);
            }
        }
    }
    rebias_weights_set_free(networks);
    return 0;
}

/* -- 1. published values -- */

/* Line 2 of a file: the means for the six stuck fractions. */
static bool read_published(size_t method, size_t alpha, double mean[FIGURE4_STUCK])
{
    char name[128];
    char path[1024];
    snprintf(name, sizeof name, "daffodil/sim_mapping_error/alpha%zu_%s.txt", alpha,
             figure4_names[method]);
    if (!support_shared(path, name)) {
        return false;
    }
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (size_t line = 0; line < 2; line++) {
        for (size_t p = 0; p < FIGURE4_STUCK; p++) {
            assert_int_equal(fscanf(in, "%lf", &mean[p]), 1);
        }
    }
    fclose(in);
    return true;
}

static void test_published_values(void **state)
{
    (void)state;
    double worst = 0.0;
    for (size_t m = 0; m < FIGURE4_METHODS; m++) {
        for (size_t a = 0; a < FIGURE4_ALPHA; a++) {
            double mean[FIGURE4_STUCK];
            if (!read_published(m, a + 1, mean)) {
                return;
            }
            for (size_t p = 0; p < FIGURE4_STUCK; p++) {
                worst = fmax(worst, fabs(error[m][a][p] / mean[p] - 1.0));
                support_close(error[m][a][p], mean[p], 0.03, 0.0);
            }
        }
    }
    printf("# largest difference to the 108 published values: %.2f %%\n", 100.0 * worst);
}

/* -- 2. laws -- */

/* Within 2 %: LEA and CM obey the closed form, CM is flat in alpha, MAO at p = 0 rises as the
 * square root of alpha. */
static void test_laws(void **state)
{
    (void)state;
    for (size_t a = 0; a < FIGURE4_ALPHA; a++) {
        for (size_t p = 0; p < FIGURE4_STUCK; p++) {
            support_close(error[0][a][p],
                          figure4_closed_form(figure4_stuck[p], (double)(a + 1)), 0.02, 0.0);
            support_close(error[1][a][p], figure4_closed_form(figure4_stuck[p], 1.0), 0.02,
                          0.0);
            support_close(error[1][a][p], error[1][0][p], 0.02, 0.0);
        }
        support_close(error[2][a][0], error[2][0][0] * sqrt((double)(a + 1)), 0.02, 0.0);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_laws),
    };
    return cmocka_run_group_tests_name("lea_figure4", tests, simulate, NULL);
}
