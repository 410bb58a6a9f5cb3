/* test_mapping_error.c - mapping errors against the closed form and published values.
 * 1. closed form   2. published simulation   3. published chip
 *
 * The whole grid of 2 is in tests/stat/lea_figure4.c.
 */
#include "lea_figure4.h"

static const size_t sizes[] = {784, 150, 10};

/* -- 1. closed form -- */

/* Two deployments agree with the formula within 2 %: their own spread is at most 0.9 % (the
 * published sd of 10 cycles, / sqrt 2), so false alarms are below 3 % for the worst cell if the
 * formula were exact; the seed is fixed. */
static void test_closed_form(void **state)
{
    (void)state;
    struct rebias_weights_set *networks = deploy_ternary(2, 2, sizes, 0.176);
    for (size_t alpha = 1; alpha <= 3; alpha += 2) {
        for (size_t p = 0; p < FIGURE4_STUCK; p += 2) {
            support_close(
                figure4_error(networks, REBIAS_DEPLOY_LEA, alpha, figure4_stuck[p], 2),
                figure4_closed_form(figure4_stuck[p], (double)alpha), 0.02, 0.0);
        }
    }
    support_close(figure4_error(networks, REBIAS_DEPLOY_CM, 2, 0.2, 2),
                  figure4_closed_form(0.2, 1.0), 0.02, 0.0);
    rebias_weights_set_free(networks);
}

/* MAO without stuck devices adds the noise of alpha copies: sqrt(alpha) times that of one. */
static void test_mao_adds_noise(void **state)
{
    (void)state;
    struct rebias_weights_set *networks = deploy_ternary(1, 2, sizes, 0.176);
    const double one = figure4_error(networks, REBIAS_DEPLOY_MAO, 1, 0.0, 1);
    support_close(figure4_error(networks, REBIAS_DEPLOY_MAO, 4, 0.0, 1), 2.0 * one, 0.02, 0.0);
    rebias_weights_set_free(networks);
}

/* -- 2. published simulation -- */

/* MAO has no closed form: published means of 10 cycles, within 3 % (its sd is at most 2.2 %).
 */
static void test_mao_published(void **state)
{
    (void)state;
    static const struct {
        size_t alpha;
        double stuck, error; /* sim_mapping_error/alpha{1,3}_MAO.txt */
    } cells[] = {{1, 0.05, 82.9}, {1, 0.2, 163.1}, {3, 0.1, 113.4}, {3, 0.4, 320.8}};
    struct rebias_weights_set *networks = deploy_ternary(1, 2, sizes, 0.176);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        support_close(
            figure4_error(networks, REBIAS_DEPLOY_MAO, cells[i].alpha, cells[i].stuck, 2),
            cells[i].error, 0.03, 0.0);
    }
    rebias_weights_set_free(networks);
}

/* -- 3. published chip -- */

/* Mapping error of the chip's network, mean over layers and deployments, on clean kernels with
 * a tuning window of +- 16.67 uS. */
static double window_error(const struct rebias_weights_set *network,
                           const struct rebias_chip *chip, size_t beta)
{
    enum { DEPLOYMENTS = 40, LAYERS = 3 };
    double sum = 0.0;
    for (uint32_t r = 0; r < DEPLOYMENTS; r++) {
        struct rebias_deploy_options o = rebias_deploy_options_defaults();
        struct rebias_deployment *d = NULL;
        o.alpha = o.beta = beta;
        o.write_error = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 16.67e-6, 0, NULL};
        o.replicate = r;
        assert_int_equal(rebias_deploy(&d, network, chip, &o, NULL), REBIAS_OK);
        for (size_t l = 0; l < LAYERS; l++) {
            sum += rebias_deployment_mapping_error(d, l);
        }
        rebias_deployment_free(d);
    }
    return sum / (DEPLOYMENTS * LAYERS);
}

/* Fig. 5b, measured on the chip at beta = 1 .. 4: 15.5, 11.4, 9.6, 8.6 %; the tuning window
 * alone explains them within 2 points. */
static void test_chip_mapping_errors(void **state)
{
    (void)state;
    static const double measured[] = {15.5, 11.4, 9.6, 8.6};
    struct rebias_weights_set *network = deploy_published_network();
    struct rebias_chip *chip = deploy_published_chip("greedy_simple", 14, deploy_kernels);
    if (network != NULL && chip != NULL) {
        for (size_t beta = 1; beta <= 4; beta++) {
            support_close(window_error(network, chip, beta), measured[beta - 1], 0.0, 2.0);
        }
    }
    rebias_chip_free(chip);
    rebias_weights_set_free(network);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_mao_adds_noise),
        cmocka_unit_test(test_mao_published),
        cmocka_unit_test(test_chip_mapping_errors),
    };
    return cmocka_run_group_tests_name("mapping_error", tests, NULL, NULL);
}
