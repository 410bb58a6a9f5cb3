/* test_auto.c - estimator `auto`: the best of the others by held-out score.
 * 1. data and fits   2. the choice   3. the note   4. wrong input
 */
#include "support.h"
#include "jumptable/estimators.h"
#include "jumptable/holdout.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. data and fits -- */

enum { MOST = 2000, LEVELS = 41 };
enum { SCORE, FOLDS, POINTS };

struct data {
    double G[MOST], dG[MOST];
    struct rebias_sample sample;
};

/* G equidistant on [0, 1] S; dG = 0.5 - G + 0.3 z, z standard normal. */
static void draw(struct data *data, size_t n)
{
    static float z[MOST];
    const struct rebias_stream stream = {31, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, n, z);
    for (size_t i = 0; i < n; i++) {
        data->G[i] = (double)i / (double)(n - 1);
        data->dG[i] = 0.5 - data->G[i] + 0.3 * (double)z[i];
    }
    data->sample = (struct rebias_sample){
        .n = n, .G = data->G, .dG = data->dG, .Gmax = 1.0, .sd_floor = 1e-4, .seed = 3};
}

struct profile {
    double G[LEVELS], mean[LEVELS], sd[LEVELS], count[LEVELS];
    struct rebias_fitted fitted;
};

static void blank(struct profile *p)
{
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < LEVELS; i++) {
        p->G[i] = (double)i / (LEVELS - 1);
    }
    p->fitted = (struct rebias_fitted){
        .levels = LEVELS, .G = p->G, .mean = p->mean, .sd = p->sd, .count = p->count};
}

static void defaults(const struct rebias_estimator *e,
                     double values[REBIAS_MAX_ESTIMATOR_PARAMS])
{
    for (size_t k = 0; k < e->param_count; k++) {
        values[k] = e->params[k].value;
    }
}

/* Fits any estimator; what it holds is released at once, mean and sd stay. */
static int fit(struct profile *p, const struct rebias_estimator *e, const struct data *data,
               const double *values, struct rebias_error *err)
{
    blank(p);
    const int status = e->fit(&data->sample, values, &p->fitted, err);
    if (p->fitted.release != NULL) {
        p->fitted.release(p->fitted.context);
    }
    return status;
}

/* -- 2. the choice -- */

/* By another way: every estimator's held-out score with its default options, the least wins;
 * and the table is that estimator's fit to all points, to the last bit. */
static void check_choice(const struct data *data, const double *values, enum rebias_score score)
{
    struct rebias_error err;
    struct profile p, q;
    struct rebias_holdout_options options = rebias_holdout_options_defaults();
    const struct rebias_estimator *best = NULL;
    double least = INFINITY;
    double chosen[REBIAS_MAX_ESTIMATOR_PARAMS] = {0};
    options.score = score;
    options.folds = (size_t)values[FOLDS];
    for (size_t k = 0; k < rebias_estimator_count; k++) {
        const struct rebias_estimator *e = rebias_estimators[k];
        double own[REBIAS_MAX_ESTIMATOR_PARAMS] = {0};
        double held_out = 0.0;
        if (e == &rebias_auto_estimator) {
            continue;
        }
        defaults(e, own);
        assert_int_equal(rebias_holdout_score(&held_out, &data->sample, e, own, &options, &err),
                         REBIAS_OK);
        if (held_out < least) {
            least = held_out;
            best = e;
            memcpy(chosen, own, sizeof chosen);
        }
    }
    assert_non_null(best);
    assert_int_equal(fit(&p, &rebias_auto_estimator, data, values, &err), REBIAS_OK);
    assert_int_equal(fit(&q, best, data, chosen, &err), REBIAS_OK);
    assert_memory_equal(p.mean, q.mean, sizeof p.mean);
    assert_memory_equal(p.sd, q.sd, sizeof p.sd);
    assert_memory_equal(p.fitted.note, best->name, strlen(best->name));
    assert_int_equal(p.fitted.bins, q.fitted.bins);
}

static void test_best_is_refitted(void **state)
{
    (void)state;
    static struct data data;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, 150);
    defaults(&rebias_auto_estimator, values);
    for (int s = 0; s < 2; s++) {
        values[SCORE] = s;
        check_choice(&data, values, (enum rebias_score)s);
    }
}

/* The truth is linear with sd 0.3 and known to 0.3 sqrt(2/300) = 0.024 at best: within three
 * times that on average. */
static void test_near_the_truth(void **state)
{
    (void)state;
    static struct data data;
    struct rebias_error err;
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, 300);
    defaults(&rebias_auto_estimator, values);
    assert_int_equal(fit(&p, &rebias_auto_estimator, &data, values, &err), REBIAS_OK);
    double off = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        off += (fabs(p.mean[i] - (0.5 - p.G[i])) + fabs(p.sd[i] - 0.3)) / LEVELS;
    }
    assert_true(off < 3.0 * 0.024);
}

/* The ranking on 60 of 2000 points differs from that on all, the fit still uses all: counts of
 * all levels sum to far more than 60 points can give. */
static void test_ranking_on_fewer_points(void **state)
{
    (void)state;
    static struct data data;
    struct rebias_error err;
    struct profile p, q;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, MOST);
    defaults(&rebias_auto_estimator, values);
    values[POINTS] = 60.0;
    assert_int_equal(fit(&p, &rebias_auto_estimator, &data, values, &err), REBIAS_OK);
    assert_int_equal(fit(&q, &rebias_auto_estimator, &data, values, &err), REBIAS_OK);
    assert_memory_equal(p.mean, q.mean, sizeof p.mean);
    assert_string_equal(p.fitted.note, q.fitted.note);
    double most = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        most = fmax(most, p.count[i]);
    }
    assert_true(most > 60.0);
}

/* -- 3. the note -- */

/* "NAME (CRPS x S), NAME x, ...": all names that fit, best first, never `auto` itself. */
static void test_note(void **state)
{
    (void)state;
    static struct data data;
    struct rebias_error err;
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, 100);
    defaults(&rebias_auto_estimator, values);
    values[SCORE] = REBIAS_SCORE_CRPS;
    values[FOLDS] = 5.0;
    assert_int_equal(fit(&p, &rebias_auto_estimator, &data, values, &err), REBIAS_OK);
    const char *note = p.fitted.note;
    assert_true(strlen(note) < sizeof p.fitted.note);
    assert_non_null(strstr(note, " (CRPS 0.1"));
    assert_non_null(strstr(note, " S)"));
    assert_null(strstr(note, "auto"));
    double before = strtod(strstr(note, "CRPS ") + 5, NULL);
    size_t names = 1;
    for (const char *entry = strstr(note, ", "); entry != NULL;
         entry = strstr(entry + 2, ", ")) {
        const char *space = strchr(entry + 2, ' ');
        assert_non_null(space);
        if (strncmp(space, " unusable", 9) != 0) {
            const double score = strtod(space, NULL);
            assert_true(score >= before);
            before = score;
        }
        names++;
    }
    assert_true(names <= rebias_estimator_count);
}

/* -- 4. wrong input -- */

static void test_bad_options(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_method method = {.estimator = &rebias_auto_estimator};
    support_expect(rebias_method_set(&method, "score", "best", &err), REBIAS_E_RANGE, &err,
                   "crps|logscore");
    support_expect(rebias_method_set(&method, "points", "10", &err), REBIAS_E_RANGE, &err,
                   "a whole number from 50 to 1e+06");
    support_expect(rebias_method_set(&method, "bins", "10", &err), REBIAS_E_NAME, &err,
                   "estimator auto has no such option");
}

static void test_more_folds_than_points(void **state)
{
    (void)state;
    static struct data data;
    struct rebias_error err;
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, 12);
    defaults(&rebias_auto_estimator, values);
    values[FOLDS] = 20.0;
    support_expect(fit(&p, &rebias_auto_estimator, &data, values, &err), REBIAS_E_DATA, &err,
                   "12 points cannot be split into 20 folds");
    assert_null(p.fitted.context);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_is_refitted),
        cmocka_unit_test(test_near_the_truth),
        cmocka_unit_test(test_ranking_on_fewer_points),
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_more_folds_than_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
