/* test_hardware_time.c - how long training would take on hardware. */
#include "support.h"

#include "rebias/mgd.h"

/* McCaughan et al., APL Mach. Learn. 1, 026118 (2023), table 3: training on CIFAR-10, 1e7 steps
 * of two evaluations with seldom updates, takes 5.6 h, 200 ms and 4 ms. */
static void test_published_rows(void **state)
{
    (void)state;
    const double seconds[3] = {5.6 * 3600.0, 0.2, 4e-3};
    for (int k = 0; k < 3; k++) {
        const double T = rebias_hardware_time(&rebias_hardware_rows[k], 1e7, 2.0, 1, 1e6);
        support_close(T, seconds[k], 0.01, 0.0);
    }
}

/* By hand: 100 steps x (2 x max(3, B x 2) + 10/5). */
static void test_formula(void **state)
{
    (void)state;
    const struct rebias_hardware mine = {"mine", 3.0, 2.0, 10.0};
    support_close(rebias_hardware_time(&mine, 100.0, 2.0, 1, 5.0), 800.0, 1e-15, 0.0);
    support_close(rebias_hardware_time(&mine, 100.0, 2.0, 4, 5.0), 1800.0, 1e-15, 0.0);
    support_close(rebias_hardware_time(&mine, 100.0, 1.0, 4, 1.0), 1800.0, 1e-15, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_rows),
                                       cmocka_unit_test(test_formula)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
