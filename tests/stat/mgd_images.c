/* mgd_images.c - multiplexed gradient descent on MNIST, Fashion-MNIST and CIFAR-10, against
 * published and independent numbers. Slow: run by make check-stat. MNIST and CIFAR-10 come from
 * the shared data folder, Fashion-MNIST from Debian's package; a check whose data are not there
 * is left out and says so.
 * 1. data   2. MNIST   3. the angle law of the scaling family   4. CIFAR-10
 */
#include "../support.h"

#include "netsim/mgd_run.h"
#include "rebias/images.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 10 }; /* of the angle law */

/* -- 1. data -- */

static void fill_images(const void *context, size_t n, const uint32_t *index, float *x)
{
    const struct rebias_images *images = context;
    const size_t size = rebias_images_size(images);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *pixel = images->pixels + (size_t)index[i] * size;
        for (size_t k = 0; k < size; k++) {
            x[i * size + k] = (float)pixel[k] / 255.0f;
        }
    }
}

static struct rebias_mgd_data data_of(const struct rebias_images *images)
{
    return (struct rebias_mgd_data){.n = images->n,
                                    .inputs = rebias_images_size(images),
                                    .outputs = 10,
                                    .fill = fill_images,
                                    .context = images,
                                    .label = images->labels};
}

static struct rebias_image_set *open_set(const char *name)
{
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    char folder[1024] = ".";
    const bool shared = strcmp(name, "fashion-mnist") != 0 && support_shared(folder, name);
    if (rebias_image_set_load(&set, name, shared ? folder : NULL, &err) != REBIAS_OK) {
        printf("# %s not found: the check that needs it is left out\n", name);
    }
    return set;
}

/* -- 2. MNIST -- */

/* 784-128-64-10 relu, cross-entropy, batch 128, as in the tutorial of R. O'Loughlin et al.
 * (repository recurrent-mgd). */
static struct rebias_mgd_options mnist_options(enum rebias_mgd_method method, double patterns,
                                               uint64_t updates)
{
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    o.method = method;
    o.amplitude = 0.1;
    o.batch = 128;
    o.tau_x = o.tau_theta = patterns;
    o.initial = REBIAS_INITIAL_LECUN;
    o.steps = updates * (uint64_t)patterns;
    o.every = o.steps / 4;
    return o;
}

static struct rebias_mgd_look train_mnist(const struct rebias_image_set *set,
                                          const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_mgd_result *result = NULL;
    const struct rebias_mgd_data train = data_of(&set->train);
    const struct rebias_mgd_data test = data_of(&set->test);
    support_expect(rebias_architecture_parse(&a, "784,128,64,10", REBIAS_TRANSFER_RELU,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.0, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(rebias_mgd_train(&result, &a, &train, &test, o, NULL, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    const struct rebias_mgd_look last = result->looks[result->look_count - 1];
    printf("# %llu updates: test accuracy %.4f, training cost %.4f\n",
           (unsigned long long)last.updates, last.accuracy, last.train_cost);
    rebias_mgd_result_free(result);
    return last;
}

/* One pattern a batch, rate 0.3/(1 + 0.1 epoch), 46,800 updates: 0.885 +- 0.01 and 0.47 +- 0.02
 * (an independent program; the tutorial's authors print 0.88 and 0.469). The training cost is
 * that of the last quarter, in which it falls by 0.01. */
static void test_mnist_single_pattern(void **state)
{
    (void)state;
    struct rebias_image_set *set = open_set("mnist");
    if (set == NULL) {
        return;
    }
    struct rebias_mgd_options o = mnist_options(REBIAS_MGD_WEIGHT, 1.0, 46800);
    o.eta = 0.3;
    o.eta_decay = 0.1;
    const struct rebias_mgd_look last = train_mnist(set, &o);
    support_close(last.accuracy, 0.885, 0.0, 0.01);
    support_close(last.train_cost, 0.47, 0.0, 0.03);
    rebias_image_set_free(set);
}

/* Ten patterns a batch, 5,000 updates: weights (rate 0.3) 0.889 to 0.893, nodes (rate 0.1)
 * 0.937; nodes, 20,000 updates: 0.965 +- 0.005; decay 0.05 (an independent program). */
static void test_mnist_ten_patterns(void **state)
{
    (void)state;
    struct rebias_image_set *set = open_set("mnist");
    if (set == NULL) {
        return;
    }
    struct rebias_mgd_options o = mnist_options(REBIAS_MGD_WEIGHT, 10.0, 5000);
    o.eta = 0.3;
    o.eta_decay = 0.05;
    support_close(train_mnist(set, &o).accuracy, 0.891, 0.0, 0.008);
    o = mnist_options(REBIAS_MGD_NODE, 10.0, 5000);
    o.eta = 0.1;
    o.eta_decay = 0.05;
    support_close(train_mnist(set, &o).accuracy, 0.937, 0.0, 0.008);
    o = mnist_options(REBIAS_MGD_NODE, 10.0, 20000);
    o.eta = 0.1;
    o.eta_decay = 0.05;
    support_close(train_mnist(set, &o).accuracy, 0.965, 0.0, 0.006);
    rebias_image_set_free(set);
}

/* -- 3. the angle law of the scaling family -- */

/* Layer by layer, one batch of 100 held, Glorot's initial weights, label smoothing 0.01. */
static struct rebias_mgd_options scaling_options(void)
{
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    o.scope = REBIAS_MGD_LAYERS;
    o.amplitude = 0.01;
    o.batch = 100;
    o.tau_x = o.tau_theta = 1e6;
    o.threads = rebias_processor_count();
    return o;
}

/* P_eff = sum_b |g_b|^2 (P_b - 1)/sum_b |g_b|^2 over the blocks that are perturbed one by one,
 * of the first batch's gradient at the initial parameters. */
static double effective_parameters(const struct rebias_mgd_data *data,
                                   const struct rebias_architecture *a,
                                   const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    struct mgd_parameters parameters;
    struct mgd_worker *worker = NULL;
    struct mgd_blocks blocks;
    float *gradient = NULL;
    double weighted = 0.0;
    double norm = 0.0;
    rebias_mgd_blocks(&blocks, a, o);
    assert_int_equal(rebias_alloc(&gradient, a->parameters, sizeof *gradient, &err), REBIAS_OK);
    assert_int_equal(rebias_mgd_parameters_new(&parameters, a, o, &err), REBIAS_OK);
    assert_int_equal(rebias_mgd_worker_new(&worker, a, data, o, &err), REBIAS_OK);
    rebias_mgd_worker_gradient(worker, &parameters, 0, gradient);
    for (size_t b = 0; b < blocks.count; b++) {
        const struct mgd_block *block = &blocks.block[b];
        for (size_t i = block->first; i < block->first + block->n; i++) {
            const double square = (double)gradient[i] * (double)gradient[i];
            weighted += square * (double)(block->n - 1);
            norm += square;
        }
    }
    rebias_mgd_worker_free(worker);
    rebias_mgd_parameters_clear(&parameters);
    free(gradient);
    return weighted / norm;
}

/* cos = 1/sqrt(1 + P_eff/T) reaches cos 15 degrees at P_eff/tan^2 15 degrees: the mean over the
 * seeds, from the true gradients. */
static double time_by_law(const struct rebias_mgd_data *data,
                          const struct rebias_architecture *a)
{
    struct rebias_mgd_options o = scaling_options();
    double sum = 0.0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        o.replicate = seed;
        sum += effective_parameters(data, a, &o) / pow(tan(M_PI / 12.0), 2.0);
    }
    return sum / SEEDS;
}

/* Steps until the cosine is that of 15 degrees: the law gives their mean within 12 %, and it
 * differs from the published mean of 10 seeds by at most 3 standard errors of the difference
 * (false alarm 0.3 % for normal means). */
static void check_time_to_15_degrees(const struct rebias_mgd_data *data, const char *network,
                                     uint64_t most, double published, double published_sd)
{
    const double published_seeds = 10.0;
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_mgd_angles *angles = NULL;
    const struct rebias_mgd_options o = scaling_options();
    const struct rebias_mgd_angle_options options = {most, SEEDS, 400, 0.9659};
    support_expect(rebias_architecture_parse(&a, network, REBIAS_TRANSFER_RELU,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.01, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(rebias_mgd_measure_angles(&angles, &a, data, &o, &options, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    const double mean = angles->reached_mean;
    const double law = time_by_law(data, &a);
    const double error = sqrt(pow(angles->reached_sd, 2.0) / SEEDS +
                              published_sd * published_sd / published_seeds);
    printf("# %s: %.0f steps (sd %.0f), law %.0f, published %.0f\n", network, mean,
           angles->reached_sd, law, published);
    support_close(mean, law, 0.12, 0.0);
    support_close(mean, published, 0.0, 3.0 * error);
    rebias_mgd_angles_free(angles);
}

/* Oripov et al. 2025, data of figure 3, means of 10 seeds: d = 1: 1132 (sd 327), d = 2: 4310
 * (sd 636). Ours, about 940 and 3,780, are lower by an eighth, as the gradients' P_eff are (67
 * and 264 for 78 and 305): the papers' scaling of the images is not known. */
static void test_scaling_family(void **state)
{
    (void)state;
    struct rebias_image_set *set = open_set("fashion-mnist");
    if (set == NULL) {
        return;
    }
    const struct rebias_mgd_data data = data_of(&set->train);
    check_time_to_15_degrees(&data, "scaling:1", 2500, 1132.0, 327.0);
    check_time_to_15_degrees(&data, "scaling:2", 6500, 4310.0, 636.0);
    rebias_image_set_free(set);
}

/* -- 4. CIFAR-10 -- */

static void open_cifar_network(struct rebias_architecture *a)
{
    struct rebias_error err = {0};
    support_expect(rebias_architecture_parse(a, "cifar-cnn", REBIAS_TRANSFER_RELU,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_CROSS_ENTROPY,
                                             0.0, &err),
                   REBIAS_OK, &err, NULL);
    assert_int_equal(a->parameters, 26154); /* the papers' network */
}

static double cosine_after(const struct rebias_mgd_data *data,
                           const struct rebias_architecture *a,
                           const struct rebias_mgd_options *o, uint64_t steps)
{
    struct rebias_error err = {0};
    struct rebias_mgd_angles *angles = NULL;
    const struct rebias_mgd_angle_options options = {.steps = steps, .trials = 1, .points = 2};
    support_expect(rebias_mgd_measure_angles(&angles, a, data, o, &options, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    const double cosine = angles->cosine[angles->count - 1];
    rebias_mgd_angles_free(angles);
    return cosine;
}

/* Mean cosine c of four trials against 1/sqrt(1 + P_eff/T) of their own gradients. What the
 * estimate has too much or too little along the gradient has a standard deviation of at most
 * 1/sqrt(T) of it and moves c by c (1 - c^2) times as much; 4 standard errors of the mean
 * (false alarm 6e-5) and 0.003 for the law's own approximation. */
static void check_cifar_angle(const struct rebias_mgd_data *data, enum rebias_mgd_scope scope,
                              uint64_t steps)
{
    enum { TRIALS = 4 };
    struct rebias_architecture a;
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    double cosine = 0.0;
    double law = 0.0;
    open_cifar_network(&a);
    o.scope = scope;
    o.amplitude = 0.05;
    o.batch = 10; /* one batch is held: the law knows nothing of its size */
    o.tau_x = o.tau_theta = 1e6;
    for (o.replicate = 0; o.replicate < TRIALS; o.replicate++) {
        cosine += cosine_after(data, &a, &o, steps) / TRIALS;
        law += 1.0 / sqrt(1.0 + effective_parameters(data, &a, &o) / (double)steps) / TRIALS;
    }
    const double error = law * (1.0 - law * law) / sqrt((double)steps * TRIALS);
    printf("# cifar-cnn, scope %d, T = %llu: cosine %.4f, law %.4f (standard error %.4f)\n",
           (int)scope, (unsigned long long)steps, cosine, law, error);
    assert_true(law > 0.3 && law < 0.5); /* where P_eff counts */
    support_close(cosine, law, 0.0, 4.0 * error + 0.003);
}

static void test_cifar_angle_law(void **state)
{
    (void)state;
    struct rebias_image_set *set = open_set("cifar10");
    if (set == NULL) {
        return;
    }
    const struct rebias_mgd_data data = data_of(&set->train);
    check_cifar_angle(&data, REBIAS_MGD_LAYERS, 2000);
    check_cifar_angle(&data, REBIAS_MGD_ALL, 5000);
    rebias_image_set_free(set);
}

/* 26,154 weights by 1000 updates of ten patterns on batches of 100 (about a minute of a core):
 * from quarter to quarter the cost of 2,000 test images falls, below ln 10 at the end, that of
 * knowing nothing; the accuracy ends above chance, 10 %, by more than 6 of its standard errors
 * (sqrt(0.1 0.9/2000): false alarm 1e-9 for a network that guesses). */
static void test_cifar_is_learned(void **state)
{
    (void)state;
    enum { QUARTERS = 4, TEST = 2000 };
    struct rebias_error err = {0};
    struct rebias_architecture a;
    struct rebias_mgd_result *result = NULL;
    struct rebias_mgd_options o = rebias_mgd_options_defaults();
    struct rebias_image_set *set = open_set("cifar10");
    if (set == NULL) {
        return;
    }
    const struct rebias_mgd_data train = data_of(&set->train);
    const struct rebias_mgd_data test = data_of(&set->test);
    open_cifar_network(&a);
    o.batch = 100;
    o.tau_x = o.tau_theta = 10.0;
    o.eta = 0.3;
    o.steps = 10000;
    o.every = o.steps / QUARTERS;
    o.test_samples = TEST;
    support_expect(rebias_mgd_train(&result, &a, &train, &test, &o, NULL, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    assert_int_equal(result->look_count, QUARTERS);
    for (size_t k = 0; k < QUARTERS; k++) {
        const struct rebias_mgd_look *look = &result->looks[k];
        printf("# %llu updates: cost %.4f, accuracy %.4f\n", (unsigned long long)look->updates,
               look->cost, look->accuracy);
        assert_true(k == 0 || look->cost < look[-1].cost);
        assert_true(k == 0 || look->train_cost < look[-1].train_cost);
    }
    const struct rebias_mgd_look *last = &result->looks[QUARTERS - 1];
    assert_true(last->cost < log(10.0));
    assert_true(last->accuracy > 0.1 + 6.0 * sqrt(0.1 * 0.9 / TEST));
    rebias_mgd_result_free(result);
    rebias_image_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cifar_angle_law), cmocka_unit_test(test_cifar_is_learned),
        cmocka_unit_test(test_scaling_family), cmocka_unit_test(test_mnist_ten_patterns),
        cmocka_unit_test(test_mnist_single_pattern)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
