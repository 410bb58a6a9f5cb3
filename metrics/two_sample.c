/* two_sample.c - permutation tests of two sets of points: MMD and energy distance.
 * 1. kernels   2. the statistic of a labeling   3. relabelings   4. the test
 *
 * With s the vector of labels (1 for a point of x) all sums of the kernel matrix K that a
 * statistic needs follow from s'Ks, s'K1 and 1'K1. So many relabelings at once are one matrix
 * product.
 */
#include "cloud.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <cblas.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Relabelings in one product. The numbers do not depend on it but for rounding. */
enum { BATCH = 64 };

/* Everything that all relabelings share. */
struct test {
    const struct rebias_cloud *cloud;
    const struct rebias_permutation_options *options;
    double *kernel;  /* [n x n] */
    double *row;     /* [n]: K 1 */
    double total;    /* 1'K1 */
    double diagonal; /* K_ii to be left out */
    double pairs[3]; /* what the sums over x x, y y and x y are divided by */
    double *found;   /* [1 + permutations], the statistics; 0: the sets as they are */
    double bandwidth;
};

struct rebias_permutation_options rebias_permutation_options_defaults(void)
{
    return (struct rebias_permutation_options){.permutations = 999,
                                               .most = 1000,
                                               .bandwidth = 0.0,
                                               .seed = 1,
                                               .replicate = 0,
                                               .entity = 0,
                                               .threads = 1};
}

/* -- 1. kernels -- */

static double distance_between(const struct rebias_cloud *cloud, size_t i, size_t j)
{
    const double *v = cloud->values;
    return cloud->dimension == 1 ? fabs(v[i] - v[j])
                                 : hypot(v[2 * i] - v[2 * j], v[2 * i + 1] - v[2 * j + 1]);
}

/* kernel = -|a - b|, so that the energy statistic is a sum of means like MMD^2. */
static void fill_distances(struct test *test)
{
    size_t n = test->cloud->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double distance = distance_between(test->cloud, i, j);
            test->kernel[i * n + j] = -distance;
            test->kernel[j * n + i] = -distance;
        }
    }
}

/* Median of the distances of all pairs; where it is 0 their mean. */
static int find_bandwidth(struct test *test, struct rebias_error *err)
{
    size_t n = test->cloud->n;
    size_t pairs = n * (n - 1) / 2;
    double *distance = NULL;
    int status = rebias_alloc(&distance, pairs, sizeof *distance, err);
    if (status != REBIAS_OK) {
        return status;
    }
    size_t k = 0;
    for (size_t i = 1; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            distance[k++] = -test->kernel[i * n + j];
        }
    }
    double mean = gsl_stats_mean(distance, 1, pairs);
    double median = gsl_stats_median(distance, 1, pairs);
    test->bandwidth = median > 0.0 ? median : mean;
    free(distance);
    return REBIAS_OK;
}

/* kernel = exp(-|a - b|^2/(2 h^2)) from the distances. */
static int fill_gaussian(struct test *test, struct rebias_error *err)
{
    int status = REBIAS_OK;
    test->bandwidth = test->options->bandwidth;
    if (!(test->bandwidth > 0.0)) {
        status = find_bandwidth(test, err);
    }
    size_t n = test->cloud->n;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        test->kernel[i * n + i] = 1.0;
        for (size_t j = 0; j < i; j++) {
            double distance = -test->kernel[i * n + j];
            double z = distance > 0.0 ? distance / test->bandwidth : 0.0;
            test->kernel[i * n + j] = test->kernel[j * n + i] = exp(-0.5 * z * z);
        }
    }
    return status;
}

static void sum_rows(struct test *test)
{
    size_t n = test->cloud->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            test->row[i] += test->kernel[i * n + j];
        }
        test->total += test->row[i];
    }
}

/* -- 2. the statistic of a labeling -- */

/* within = s'Ks, beside = s'K1. */
static double statistic_of(const struct test *test, double within, double beside)
{
    double x_diagonal = test->diagonal * (double)test->cloud->count[0];
    double y_diagonal = test->diagonal * (double)test->cloud->count[1];
    double between = beside - within;
    double others = test->total - beside - between;
    return (within - x_diagonal) / test->pairs[0] + (others - y_diagonal) / test->pairs[1] -
           2.0 * between / test->pairs[2];
}

/* -- 3. relabelings -- */

/* Shuffles the labels within each stratum; a point's draw is word i of the stream
 * (multiply-shift, bias n 2^-32). */
static void shuffle(const struct rebias_cloud *cloud, const uint32_t *words, double *label)
{
    for (size_t s = 0; s < cloud->strata; s++) {
        size_t first = cloud->start[s];
        for (size_t i = cloud->start[s + 1] - 1; i > first; i--) {
            size_t j = first + (size_t)(((uint64_t)words[i] * (i - first + 1)) >> 32);
            double swap = label[i];
            label[i] = label[j];
            label[j] = swap;
        }
    }
}

/* label[n] of relabeling b; 0 leaves the sets as they are. */
static void relabel(const struct test *test, size_t b, uint32_t *words, double *label)
{
    const struct rebias_cloud *cloud = test->cloud;
    memcpy(label, cloud->label, cloud->n * sizeof *label);
    if (b > 0) {
        const struct rebias_stream stream = {.seed = test->options->seed,
                                             .purpose = REBIAS_FOR_PERMUTATION,
                                             .replicate = test->options->replicate,
                                             .entity = test->options->entity,
                                             .step = (uint32_t)b};
        rebias_random_words(&stream, 0, cloud->n, words);
        shuffle(cloud, words, label);
    }
}

/* Statistics of relabelings BATCH item .. BATCH item + BATCH - 1. */
static int measure_batch(void *context, size_t item, struct rebias_error *err)
{
    struct test *test = context;
    size_t n = test->cloud->n;
    size_t first = item * BATCH;
    size_t left = test->options->permutations + 1 - first;
    size_t count = left < BATCH ? left : BATCH;
    double *labels = NULL; /* one relabeling a column, column by column */
    double *product = NULL;
    uint32_t *words = NULL;
    int status = rebias_alloc(&labels, n * count, sizeof *labels, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&product, n * count, sizeof *product, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&words, n, sizeof *words, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    for (size_t b = 0; b < count; b++) {
        relabel(test, first + b, words, labels + b * n);
    }
    int side = (int)n;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, side, (int)count, side, 1.0,
                test->kernel, side, labels, side, 0.0, product, side);
    for (size_t b = 0; b < count; b++) {
        double within = cblas_ddot(side, labels + b * n, 1, product + b * n, 1);
        double beside = cblas_ddot(side, labels + b * n, 1, test->row, 1);
        test->found[first + b] = statistic_of(test, within, beside);
    }
done:
    free(labels);
    free(product);
    free(words);
    return status;
}

/* -- 4. the test -- */

static int allocate_test(struct test *test, struct rebias_error *err)
{
    size_t n = test->cloud->n;
    int status = rebias_alloc(&test->kernel, n * n, sizeof *test->kernel, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&test->row, n, sizeof *test->row, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&test->found, test->options->permutations + 1,
                              sizeof *test->found, err);
    }
    return status;
}

/* test->kernel is filled. */
static int permute(struct test *test, struct rebias_permutation_result *result,
                   struct rebias_error *err)
{
    const double rounding = 1e-10; /* relabelings that swap equal points are equal */
    size_t permutations = test->options->permutations;
    int threads =
        test->options->threads > 0 ? test->options->threads : rebias_processor_count();
    sum_rows(test);
    int status = rebias_parallel_for(permutations / BATCH + 1, threads, measure_batch, test,
                                     NULL, NULL, err);
    if (status != REBIAS_OK) {
        return status;
    }
    size_t as_large = 0;
    for (size_t b = 1; b <= permutations; b++) {
        as_large += test->found[b] >= test->found[0] - rounding ? 1 : 0;
    }
    *result = (struct rebias_permutation_result){
        .statistic = test->found[0],
        .p = (1.0 + (double)as_large) / (1.0 + (double)permutations),
        .bandwidth = test->bandwidth,
        .count = {test->cloud->count[0], test->cloud->count[1]}};
    return REBIAS_OK;
}

/* Divisors of the sums; left_out: value of the diagonal that they do not hold, 0 or 1. */
static void divide_by(struct test *test, double left_out)
{
    double n = (double)test->cloud->count[0];
    double m = (double)test->cloud->count[1];
    test->pairs[0] = n * (n - left_out);
    test->pairs[1] = m * (m - left_out);
    test->pairs[2] = n * m;
    test->diagonal = left_out;
}

static int prepare_mmd(struct test *test, struct rebias_error *err)
{
    fill_distances(test);
    divide_by(test, 1.0);
    return fill_gaussian(test, err);
}

static int prepare_energy(struct test *test, struct rebias_error *err)
{
    (void)err;
    fill_distances(test);
    divide_by(test, 0.0);
    return REBIAS_OK;
}

/* prepare fills the kernel and the divisors. */
static int run_test(struct test *test, int (*prepare)(struct test *, struct rebias_error *),
                    struct rebias_permutation_result *result, struct rebias_error *err)
{
    int status = allocate_test(test, err);
    if (status == REBIAS_OK) {
        status = prepare(test, err);
    }
    if (status == REBIAS_OK) {
        status = permute(test, result, err);
    }
    free(test->kernel);
    free(test->row);
    free(test->found);
    return status;
}

int rebias_mmd(const struct rebias_point_set *x, const struct rebias_point_set *y,
               const struct rebias_permutation_options *options,
               struct rebias_permutation_result *result, struct rebias_error *err)
{
    struct rebias_cloud *cloud = NULL;
    int status = rebias_cloud_new(&cloud, x, y, options, err);
    if (status == REBIAS_OK) {
        struct test test = {.cloud = cloud, .options = options};
        status = run_test(&test, prepare_mmd, result, err);
    }
    rebias_cloud_free(cloud);
    return status;
}

int rebias_energy_two_sample(const struct rebias_point_set *x, const struct rebias_point_set *y,
                             const struct rebias_permutation_options *options,
                             struct rebias_permutation_result *result, struct rebias_error *err)
{
    struct rebias_cloud *cloud = NULL;
    int status = rebias_cloud_new(&cloud, x, y, options, err);
    if (status == REBIAS_OK) {
        struct test test = {.cloud = cloud, .options = options};
        status = run_test(&test, prepare_energy, result, err);
    }
    rebias_cloud_free(cloud);
    return status;
}
