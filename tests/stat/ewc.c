/* ewc.c - does elastic weight consolidation keep the first of the two yin-yang tasks as
 * published? And how good are ternary networks made of such ones? Slow: run by make check-stat.
 *
 * Reference: 20 networks of a throw-away program in PyTorch with the published recipe (Yousuf
 * et al., Nat. Commun. 16, 1250 (2025)): lambda 4: task 1 70.2 +- 8.2, task 2 73.0 +- 5.0, mean
 * 71.6 +- 4.5; lambda 0: 52.9 +- 3.5, 84.9 +- 1.5, 68.9 +- 2.2 (percent, mean and sd over
 * networks); behind task 1 88.1 +- 3.3. Windows are those of the acceptance list: 70 +- 5, 73
 * +- 4, 71.6 +- 2.5 and 53 +- 3, 85 +- 2, 68.9 +- 2. The difference of two means of 20 has an
 * sd of sqrt(2/20) of these sds, so that a right program leaves a window in 7 % of seeds at
 * most (task 1, lambda 4: 5/2.6 = 1.9 sd); the seed is fixed.
 */
#include "../support.h"

#include "rebias/learn.h"
#include "rebias/quantise.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NETWORKS = 20 };

struct percent {
    double learned, first, second, mean;
};

static struct rebias_learn_tasks *yinyang(void)
{
    struct rebias_error err = {0};
    struct rebias_learn_tasks *tasks = NULL;
    support_expect(rebias_learn_tasks_new(&tasks, "yinyang", &err), REBIAS_OK, &err, NULL);
    return tasks;
}

static struct rebias_continual *train(const struct rebias_learn_tasks *tasks, double lambda,
                                      size_t networks)
{
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_continual *continual = NULL;
    struct rebias_learn_options options = rebias_learn_options_defaults();
    options.lambda = lambda;
    support_expect(rebias_architecture_parse(&a, "4,12,6,3", REBIAS_TRANSFER_TANH,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.0, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(rebias_continual_run(
                       &continual,
                       &(struct rebias_continual_plan){.tasks = tasks,
                                                       .architecture = &a,
                                                       .options = options,
                                                       .seeds = networks,
                                                       .threads = rebias_processor_count()},
                       &err),
                   REBIAS_OK, &err, NULL);
    return continual;
}

static struct percent means_of(const struct rebias_continual *c)
{
    struct percent p = {0.0, 0.0, 0.0, 0.0};
    for (size_t s = 0; s < c->seeds; s++) {
        const double *test = c->test + 4 * s;
        p.learned += 100.0 * test[0] / (double)c->seeds;
        p.first += 100.0 * test[2] / (double)c->seeds;
        p.second += 100.0 * test[3] / (double)c->seeds;
    }
    p.mean = 0.5 * (p.first + p.second);
    printf("# task 1 learned %.1f; at the end task 1 %.1f, task 2 %.1f, mean %.1f %%\n",
           p.learned, p.first, p.second, p.mean);
    return p;
}

static void test_published(void **state)
{
    (void)state;
    struct rebias_learn_tasks *tasks = yinyang();
    struct rebias_continual *with = train(tasks, 4.0, NETWORKS);
    struct rebias_continual *without = train(tasks, 0.0, NETWORKS);
    const struct percent kept = means_of(with);
    const struct percent lost = means_of(without);
    support_close(kept.learned, 88.1, 0.0, 3.0);
    support_close(kept.first, 70.0, 0.0, 5.0);
    support_close(kept.second, 73.0, 0.0, 4.0);
    support_close(kept.mean, 71.6, 0.0, 2.5);
    support_close(lost.first, 53.0, 0.0, 3.0);
    support_close(lost.second, 85.0, 0.0, 2.0);
    support_close(lost.mean, 68.9, 0.0, 2.0);
    rebias_continual_free(with);
    rebias_continual_free(without);
    rebias_learn_tasks_free(tasks);
}

/* The parts of both tasks, the first `most` samples of each. */
static void join(const struct rebias_learn_tasks *tasks, size_t part, size_t most,
                 struct rebias_learn_part *to)
{
    struct rebias_error err = {0};
    support_expect(rebias_alloc(&to->x, 2 * most * 4, sizeof *to->x, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_alloc(&to->label, 2 * most, 1, &err), REBIAS_OK, &err, NULL);
    for (size_t k = 0; k < 2; k++) {
        memcpy(to->x + k * most * 4, tasks->part[k][part].x, most * 4 * sizeof *to->x);
        memcpy(to->label + k * most, tasks->part[k][part].label, most);
    }
    to->n = 2 * most;
}

/* Ternary fit, 8 restarts, of the network best on validation samples among 10: 70 to 73 % were
 * reached by the throw-away program; at least 69 is asked for. Nearest levels: 36 to 62 %. */
static void test_ternary(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_learn_tasks *tasks = yinyang();
    struct rebias_continual *c = train(tasks, 4.0, 10);
    struct rebias_learn_part parts[3] = {{0}};
    size_t best = 0;
    for (size_t part = 0; part < 3; part++) {
        join(tasks, part, 1000, &parts[part]);
    }
    for (size_t s = 1; s < c->seeds; s++) {
        const double *v = c->validation;
        best = v[2 * s] + v[2 * s + 1] > v[2 * best] + v[2 * best + 1] ? s : best;
    }
    struct rebias_weights *weights = &c->networks->network[best];
    const struct rebias_quantise_data data = {
        parts[0].n, parts[0].x, rebias_learn_samples(&parts[REBIAS_LEARN_VALIDATION])};
    const struct rebias_quantise_options options = rebias_quantise_options_defaults();
    support_expect(rebias_quantise_kl(weights, &data, &options, NULL, &err), REBIAS_OK, &err,
                   NULL);
    struct rebias_architecture a;
    struct rebias_model *model = NULL;
    float theta[165];
    support_expect(rebias_weights_architecture(weights, &a, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_model_new(&model, &a, 1000, &err), REBIAS_OK, &err, NULL);
    rebias_weights_to_theta(weights, theta);
    const struct rebias_samples test = rebias_learn_samples(&parts[REBIAS_LEARN_TEST]);
    const double accuracy = 100.0 * rebias_model_accuracy(model, theta, &test, NULL);
    printf("# ternary network %zu: %.2f %% of both test sets\n", best, accuracy);
    assert_true(rebias_weights_ternary(weights));
    assert_true(accuracy >= 69.0);
    rebias_model_free(model);
    for (size_t part = 0; part < 3; part++) {
        free(parts[part].x);
        free(parts[part].label);
    }
    rebias_continual_free(c);
    rebias_learn_tasks_free(tasks);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_ternary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
