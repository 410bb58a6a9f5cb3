/* test_yinyang.c - the yin-yang task against the published points.
 * 1. classes   2. points   3. published set   4. features
 */
#include "support.h"

#include "rebias/yinyang.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. classes -- */

/* Points whose class follows from the definition by hand. */
static void test_classes(void **state)
{
    (void)state;
    static const struct {
        double x, y;
        uint8_t label;
    } points[] = {
        {0.75, 0.5, 2},  /* centre of the right dot */
        {0.25, 0.5, 2},  /* centre of the left dot */
        {0.25, 0.35, 1}, /* around the left dot, d_L = 0.15 */
        {0.75, 0.65, 0}, /* around the right dot, d_R = 0.15 */
        {0.5, 0.9, 1},   /* above */
        {0.5, 0.1, 0},   /* below */
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        assert_int_equal(rebias_yinyang_class(points[i].x, points[i].y), points[i].label);
    }
}

/* -- 2. points -- */

struct published {
    uint32_t seed;
    size_t n;
    double xy[3][2]; /* the first points */
    uint8_t label[3];
    size_t counts[REBIAS_YINYANG_CLASSES];
    bool printed; /* points are known, not only counts */
};

/* First points and class counts of the published generator (Yousuf et al. 2025,
 * network/utils.py of their repository), printed with 8 digits. */
static void test_points(void **state)
{
    (void)state;
    static const struct published sets[] = {
        {42,
         5000,
         {{0.68030754, 0.45049925}, {0.09767211, 0.68423303}, {0.75536141, 0.42515587}},
         {2, 1, 2},
         {1681, 1702, 1617},
         true},
        {40,
         1000,
         {{0.23409665, 0.40172498}, {0.75132902, 0.46824252}, {0.13832531, 0.57095397}},
         {2, 2, 1},
         {350, 316, 334},
         true},
        {41, 1000, {{0}}, {0}, {316, 336, 348}, false},
    };
    static double xy[2 * 5000];
    static uint8_t label[5000];
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        size_t counts[REBIAS_YINYANG_CLASSES] = {0};
        rebias_yinyang_draw(sets[s].seed, sets[s].n, xy, label);
        for (size_t i = 0; i < sets[s].n; i++) {
            assert_int_equal(rebias_yinyang_class(xy[2 * i], xy[2 * i + 1]), label[i]);
            assert_true(hypot(xy[2 * i] - 0.5, xy[2 * i + 1] - 0.5) <= 0.5);
            counts[label[i]]++;
        }
        assert_memory_equal(counts, sets[s].counts, sizeof counts);
        for (size_t i = 0; i < 3 && sets[s].printed; i++) {
            support_close(xy[2 * i], sets[s].xy[i][0], 0.0, 1e-8);
            support_close(xy[2 * i + 1], sets[s].xy[i][1], 0.0, 1e-8);
            assert_int_equal(label[i], sets[s].label[i]);
        }
    }
}

/* -- 3. published set -- */

enum { BOTH = 10000, HALF = BOTH / 2 };

struct point {
    double x, y;
    double label;
};

static int by_place(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct point));
}

/* The file holds x, y and label of the 10,000 training points of both tasks in three lines,
 * shuffled, with all digits: the generator must give the same set, to the bit. */
static void test_published_set(void **state)
{
    (void)state;
    char path[1024];
    static double xy[2 * HALF];
    static uint8_t label[HALF];
    static struct point ours[BOTH];
    static struct point theirs[BOTH];
    if (!support_shared(path, "daffodil/yinyang/double_yinyang.txt")) {
        return;
    }
    rebias_yinyang_draw(42, HALF, xy, label);
    for (size_t i = 0; i < BOTH; i++) {
        const double shift = i < HALF ? 0.0 : 1.0;
        const size_t k = i % HALF;
        ours[i] = (struct point){xy[2 * k] + shift, xy[2 * k + 1] + shift, (double)label[k]};
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (size_t row = 0; row < 3; row++) {
        for (size_t i = 0; i < BOTH; i++) {
            double value = 0.0;
            assert_int_equal(fscanf(file, "%lf", &value), 1);
            *(row == 0 ? &theirs[i].x : row == 1 ? &theirs[i].y : &theirs[i].label) = value;
        }
    }
    fclose(file);
    qsort(ours, BOTH, sizeof *ours, by_place);
    qsort(theirs, BOTH, sizeof *theirs, by_place);
    assert_memory_equal(ours, theirs, sizeof ours);
}

/* -- 4. features -- */

/* Task of shift 1: x + 1, y + 1, 1 - x, 1 - y; the same points as that of shift 0. */
static void test_features(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    float *x[2] = {NULL, NULL};
    uint8_t *label[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    for (size_t k = 0; k < 2; k++) {
        support_expect(
            rebias_yinyang_new(REBIAS_YINYANG_TEST, (double)k, &n[k], &x[k], &label[k], &err),
            REBIAS_OK, &err, NULL);
    }
    assert_true(n[0] == 1000 && n[1] == 1000);
    assert_memory_equal(label[0], label[1], 1000);
    for (size_t i = 0; i < 4 * n[0]; i++) {
        support_close((double)x[1][i], (double)x[0][i] + (i % 4 < 2 ? 1.0 : 0.0), 0.0, 2e-7);
    }
    for (size_t i = 0; i < n[0]; i++) {
        support_close((double)(x[0][4 * i] + x[0][4 * i + 2]), 1.0, 0.0, 2e-7);
        support_close((double)(x[0][4 * i + 1] + x[0][4 * i + 3]), 1.0, 0.0, 2e-7);
    }
    for (size_t k = 0; k < 2; k++) {
        free(x[k]);
        free(label[k]);
    }
    support_expect(rebias_yinyang_new(REBIAS_YINYANG_TEST, NAN, &n[0], &x[0], &label[0], &err),
                   REBIAS_E_RANGE, &err, "the shift of a task must be finite, not nan");
    assert_null(x[0]);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_published_set),
        cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
