/* test_holdout.c - held-out scores of estimators.
 * 1. estimators made for the test   2. blocks   3. scores with a known answer   4. failures
 * 5. ranking
 */
#include "support.h"
#include "jumptable/holdout.h"
#include "jumptable/rails.h"
#include "rebias/random.h"
#include <math.h>

enum { N = 60 };

static double G[N], dG[N];

/* G equidistant on [1, 3] S, dG standard normal. */
static struct rebias_sample make_sample(void)
{
    static float z[N];
    const struct rebias_stream stream = {7, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, N, z);
    for (size_t i = 0; i < N; i++) {
        G[i] = 1.0 + 2.0 * (double)i / (N - 1);
        dG[i] = (double)z[i];
    }
    return (struct rebias_sample){
        .n = N, .G = G, .dG = dG, .Gmin = 1.0, .Gmax = 3.0, .sd_floor = 1e-6, .seed = 11};
}

/* -- 1. estimators made for the test -- */

static size_t fits, releases, smallest, largest;

static void note_fit(const struct rebias_sample *sample)
{
    smallest = fits == 0 || sample->n < smallest ? sample->n : smallest;
    largest = sample->n > largest ? sample->n : largest;
    fits++;
}

static void fill(struct rebias_fitted *fitted, double mean, double slope, double sd)
{
    for (size_t i = 0; i < fitted->levels; i++) {
        fitted->mean[i] = mean + slope * fitted->G[i];
        fitted->sd[i] = sd * fitted->G[i];
        fitted->count[i] = 1.0;
    }
}

/* Does not look at the points: mean 0.5 - 0.25 G, sd 0.6 G. */
static int fit_fixed(const struct rebias_sample *sample, const double *values,
                     struct rebias_fitted *fitted, struct rebias_error *err)
{
    (void)values;
    (void)err;
    note_fit(sample);
    fill(fitted, 0.5, -0.25, 0.6);
    return REBIAS_OK;
}

/* Mean of its points, sd = values[0] x G. */
static int fit_mean(const struct rebias_sample *sample, const double *values,
                    struct rebias_fitted *fitted, struct rebias_error *err)
{
    (void)err;
    double sum = 0.0;
    for (size_t i = 0; i < sample->n; i++) {
        sum += sample->dG[i];
    }
    fill(fitted, sum / (double)sample->n, 0.0, values[0]);
    return REBIAS_OK;
}

/* Uniform on [-G, G]. */
static double uniform_cdf(const void *context, size_t level, double x)
{
    const double g = ((const double *)context)[level];
    return fmin(fmax(0.5 * (x / g + 1.0), 0.0), 1.0);
}

static double levels_seen[128];

static void release(void *context)
{
    assert_ptr_equal(context, levels_seen);
    releases++;
}

static int fit_uniform(const struct rebias_sample *sample, const double *values,
                       struct rebias_fitted *fitted, struct rebias_error *err)
{
    (void)values;
    (void)err;
    (void)sample;
    fill(fitted, 0.0, 0.0, 1.0 / sqrt(3.0));
    for (size_t i = 0; i < fitted->levels; i++) {
        levels_seen[i] = fitted->G[i];
    }
    fitted->cdf = uniform_cdf;
    fitted->context = levels_seen;
    fitted->release = release;
    fitted->low = -sample->Gmax;
    fitted->high = sample->Gmax;
    return REBIAS_OK;
}

/* Fails with the status in values[0] from its second fit on. */
static int fit_failing(const struct rebias_sample *sample, const double *values,
                       struct rebias_fitted *fitted, struct rebias_error *err)
{
    note_fit(sample);
    fill(fitted, 0.0, 0.0, 1.0);
    return fits > 1 ? rebias_fail(err, (int)values[0], "made to fail") : REBIAS_OK;
}

static const struct rebias_estimator_param one_param[] = {
    {"sd", 0.5, -10.0, 10.0, false, NULL, "relative sd"}};

static const struct rebias_estimator fixed = {
    .name = "fixed", .min_points = 1, .fit = fit_fixed};
static const struct rebias_estimator own_mean = {
    .name = "mean", .params = one_param, .param_count = 1, .min_points = 1, .fit = fit_mean};
static const struct rebias_estimator uniform = {
    .name = "uniform", .min_points = 1, .fit = fit_uniform};
static const struct rebias_estimator_param status_param[] = {
    {"status", REBIAS_E_DATA, -10.0, 0.0, true, NULL, "status to fail with"}};
static const struct rebias_estimator failing = {.name = "failing",
                                                .params = status_param,
                                                .param_count = 1,
                                                .min_points = 1,
                                                .fit = fit_failing};

/* -- 2. blocks -- */

static void test_few_blocks_few_folds(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    uint32_t block[N] = {0};
    size_t folds = 0;
    double score = 0.0;
    assert_int_equal(rebias_holdout_usable(&folds, &sample, 7, &err), REBIAS_OK);
    assert_int_equal(folds, 7);
    sample.block = block;
    support_expect(rebias_holdout_usable(&folds, &sample, 7, &err), REBIAS_E_DATA, &err,
                   "all 60 SET points are of one block: nothing can be held out");
    support_expect(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                   REBIAS_E_DATA, &err, "all 60 SET points are of one block");
    block[10] = 5;
    block[20] = UINT16_MAX;
    assert_int_equal(rebias_holdout_usable(&folds, &sample, 7, &err), REBIAS_OK);
    assert_int_equal(folds, 3);
    fits = 0;
    largest = 0;
    assert_int_equal(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                     REBIAS_OK);
    assert_int_equal(fits, 3);
    assert_int_equal(smallest, 2);
    assert_int_equal(largest, N - 1);
    uint32_t fold[N];
    support_expect(rebias_holdout_folds(fold, &sample, 4, 0, &err), REBIAS_E_DATA, &err,
                   "3 blocks cannot be split into 4 folds");
}

/* Mean of the points it is given; the sample's blocks must come along, none of them known from
 * the points that are scored later. */
static int fit_looking_at_blocks(const struct rebias_sample *sample, const double *values,
                                 struct rebias_fitted *fitted, struct rebias_error *err)
{
    size_t of_block[20] = {0};
    assert_non_null(sample->block);
    for (size_t i = 0; i < sample->n; i++) {
        of_block[sample->block[i]]++;
        assert_int_equal(sample->block[i], (size_t)lround((sample->G[i] - 1.0) * 29.5) % 20);
    }
    for (size_t b = 0; b < 20; b++) {
        assert_true(of_block[b] == 0 || of_block[b] == 3); /* whole or not at all */
    }
    return fit_mean(sample, values, fitted, err);
}

static void test_fits_see_blocks(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    struct rebias_estimator looking = own_mean;
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    uint32_t block[N];
    const double value = 0.5;
    double score = 0.0;
    for (size_t i = 0; i < N; i++) {
        block[i] = (uint32_t)(i % 20); /* G = 1 + i/29.5 */
    }
    sample.block = block;
    looking.fit = fit_looking_at_blocks;
    assert_int_equal(rebias_holdout_score(&score, &sample, &looking, &value, &options, &err),
                     REBIAS_OK);
    assert_true(isfinite(score));
}

/* -- 3. scores with a known answer -- */

/* A fit that ignores the points is scored as if there were no folds: by rebias_score_normal. */
static void test_fixed_prediction(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    double mean[N], sd[N];
    for (size_t i = 0; i < N; i++) {
        mean[i] = 0.5 - 0.25 * G[i];
        sd[i] = 0.6 * G[i];
    }
    for (int s = 0; s < 2; s++) {
        struct rebias_holdout_options options = rebias_holdout_options_defaults();
        double score = 0.0;
        options.score = (enum rebias_score)s;
        options.folds = 7;
        fits = 0;
        largest = 0;
        assert_int_equal(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                         REBIAS_OK);
        support_close(score, rebias_score_normal(options.score, N, dG, mean, sd), 1e-12, 0.0);
        assert_int_equal(fits, 7);
        assert_int_equal(smallest, N - 9); /* 60 = 8 runs of 7 and 4 more */
        assert_int_equal(largest, N - 8);
    }
}

/* Leave-one-out of a mean: point i is predicted by (sum - x_i)/(n - 1), so that its residual is
 * n/(n
 * - 1) times the plain one. A leak of the left-out point would show. */
static void test_leave_one_out_mean(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    options.folds = N;
    options.score = REBIAS_SCORE_LOG;
    const double value = 0.5;
    double score = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < N; i++) {
        sum += dG[i];
    }
    double expected = 0.5 * log(2.0 * M_PI);
    for (size_t i = 0; i < N; i++) {
        const double z = (dG[i] - sum / N) * N / (N - 1.0) / (0.5 * G[i]);
        expected += (log(0.5 * G[i]) + 0.5 * z * z) / N;
    }
    assert_int_equal(rebias_holdout_score(&score, &sample, &own_mean, &value, &options, &err),
                     REBIAS_OK);
    support_close(score, expected, 1e-12, 0.0);
}

/* Rows: uniform on [-G, G] has CRPS ((G + x)^3 + (G - x)^3)/(12 G^2) inside and |x| - 2G/3
 * outside; the grid of 2001 points is exact but for two cells. */
static void test_cdf_rows(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    options.grid = 2001;
    double score = 0.0;
    double expected = 0.0;
    for (size_t i = 0; i < N; i++) {
        const double x = dG[i];
        const double g = G[i];
        const double inside = (pow(g + x, 3.0) + pow(g - x, 3.0)) / (12.0 * g * g);
        expected += (fabs(x) <= g ? inside : fabs(x) - g / 3.0) / N;
    }
    releases = 0;
    assert_int_equal(rebias_holdout_score(&score, &sample, &uniform, NULL, &options, &err),
                     REBIAS_OK);
    support_close(score, expected, 1e-4, 0.0);
    assert_int_equal(releases, 5);
}

/* Censored: the fixed prediction again, by the scores of rails.h (test_rails.c); of the points
 * the highest tenth is moved onto the upper rail. */
static void test_censored_points(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    double cut[N];
    for (size_t i = 0; i < N; i++) {
        cut[i] = fmin(fmax(i % 10 == 0 ? 3.0 - G[i] : dG[i], 1.0 - G[i]), 3.0 - G[i]);
    }
    sample.dG = cut;
    sample.censored = true;
    for (int s = 0; s < 2; s++) {
        struct rebias_holdout_options options = rebias_holdout_options_defaults();
        double score = 0.0;
        double expected = 0.0;
        options.score = (enum rebias_score)s;
        for (size_t i = 0; i < N; i++) {
            const struct rebias_rails rails = {1.0 - G[i], 3.0 - G[i], 2e-9};
            expected += rebias_rails_score_normal(options.score, &rails, cut[i],
                                                  0.5 - 0.25 * G[i], 0.6 * G[i]) /
                        N;
        }
        assert_int_equal(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                         REBIAS_OK);
        support_close(score, expected, 1e-12, 0.0);
    }
}

/* Rows, censored: uniform on [-G, G] cut off at 1 - G and 3 - G. With F = (t/G + 1)/2 the
 * integrals are G ((F(x)^3 - F(low)^3) + ((1 - F(x))^3 - (1 - F(high))^3)) 2/3, for x and ends
 * inside [-G, G]; G from 1.5 on keeps them there. */
static void test_censored_rows(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    double cut[N];
    double expected = 0.0;
    double score = 0.0;
    const size_t first = 16; /* G > 1.5 */
    for (size_t i = first; i < N; i++) {
        const double g = G[i];
        const double low = 1.0 - g;
        const double high = 3.0 - g;
        cut[i] = fmin(fmax(dG[i], low), high);
        const double F = 0.5 * (cut[i] / g + 1.0);
        const double Fl = 0.5 * (low / g + 1.0);
        const double Fh = 0.5 * (high / g + 1.0);
        expected += 2.0 * g / 3.0 *
                    (pow(F, 3.0) - pow(Fl, 3.0) + pow(1.0 - F, 3.0) - pow(1.0 - Fh, 3.0)) /
                    (double)(N - first);
    }
    options.grid = 2001;
    sample.censored = true;
    sample.n = N - first;
    sample.G = G + first;
    sample.dG = cut + first;
    assert_int_equal(rebias_holdout_score(&score, &sample, &uniform, NULL, &options, &err),
                     REBIAS_OK);
    support_close(score, expected, 1e-4, 0.0);
}

/* -- 4. failures -- */

static int score_failing(double status, double *score, struct rebias_error *err)
{
    const struct rebias_sample sample = make_sample();
    const struct rebias_holdout_options options = rebias_holdout_options_defaults();
    fits = 0;
    return rebias_holdout_score(score, &sample, &failing, &status, &options, err);
}

static void test_refusals_are_infinite(void **state)
{
    (void)state;
    struct rebias_error err;
    double score = 0.0;
    assert_int_equal(score_failing(REBIAS_E_DATA, &score, &err), REBIAS_OK);
    assert_true(score > 0.0 && isinf(score));
    assert_int_equal(fits, 2); /* no further fold */
    score = 0.0;
    assert_int_equal(score_failing(REBIAS_E_NUMERIC, &score, &err), REBIAS_OK);
    assert_true(score > 0.0 && isinf(score));
    support_expect(score_failing(REBIAS_E_MEMORY, &score, &err), REBIAS_E_MEMORY, &err,
                   "made to fail");
}

static void test_min_points_and_options(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_sample sample = make_sample();
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    struct rebias_estimator greedy = fixed;
    double score = 0.0;
    greedy.min_points = N - N / 5 + 1; /* one more than any fold's training part */
    assert_int_equal(rebias_holdout_score(&score, &sample, &greedy, NULL, &options, &err),
                     REBIAS_OK);
    assert_true(isinf(score));
    greedy.min_points--;
    assert_int_equal(rebias_holdout_score(&score, &sample, &greedy, NULL, &options, &err),
                     REBIAS_OK);
    assert_true(isfinite(score));
    options.levels = 1;
    support_expect(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                   REBIAS_E_RANGE, &err, "1 levels and 201 grid points are not possible");
    options = rebias_holdout_options_defaults();
    sample.Gmax = sample.Gmin;
    support_expect(rebias_holdout_score(&score, &sample, &fixed, NULL, &options, &err),
                   REBIAS_E_RANGE, &err, "the range 1 to 1 S is empty");
}

/* -- 5. ranking -- */

static void test_ranking(void **state)
{
    (void)state;
    struct rebias_error err;
    const struct rebias_sample sample = make_sample();
    const struct rebias_holdout_options options = rebias_holdout_options_defaults();
    struct rebias_estimator twin = own_mean;
    const struct rebias_estimator *const candidates[] = {&fixed, &failing, &own_mean, &twin};
    struct rebias_ranked ranking[4];
    double alone = 0.0;
    const double value = 0.5;
    fits = 0;
    assert_int_equal(rebias_holdout_rank(ranking, &sample, candidates, 4, &options, &err),
                     REBIAS_OK);
    assert_int_equal(rebias_holdout_score(&alone, &sample, &own_mean, &value, &options, &err),
                     REBIAS_OK);
    for (size_t k = 1; k < 4; k++) {
        assert_true(ranking[k - 1].score <= ranking[k].score);
    }
    assert_ptr_equal(ranking[3].estimator, &failing);
    assert_true(isinf(ranking[3].score));
    size_t first = 0;
    while (ranking[first].estimator != &own_mean) {
        first++;
    }
    assert_ptr_equal(ranking[first + 1].estimator, &twin); /* equal scores keep their order */
    assert_true(ranking[first].score == alone);            /* exact: the same sums */
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_blocks_few_folds),
        cmocka_unit_test(test_fits_see_blocks),
        cmocka_unit_test(test_fixed_prediction),
        cmocka_unit_test(test_leave_one_out_mean),
        cmocka_unit_test(test_cdf_rows),
        cmocka_unit_test(test_censored_points),
        cmocka_unit_test(test_censored_rows),
        cmocka_unit_test(test_refusals_are_infinite),
        cmocka_unit_test(test_min_points_and_options),
        cmocka_unit_test(test_ranking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
