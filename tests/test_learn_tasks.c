/* test_learn_tasks.c - tasks made of images: split by labels, permuted pixels.
 * 1. tasks   2. wrong input
 */
#include "support.h"

#include "learn_support.h"
#include "rebias/images.h"
#include "rebias/learn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. tasks -- */

enum { TRAIN_IMAGES = 12, TEST_IMAGES = 4, PIXELS = 4 };

/* Images of 2 x 2 pixels: pixel k of image i is 10 i + k; labels i mod 4. */
static void make_images(struct rebias_image_set *set, uint8_t *pixels, uint8_t *labels)
{
    for (size_t i = 0; i < TRAIN_IMAGES; i++) {
        for (size_t k = 0; k < PIXELS; k++) {
            pixels[i * PIXELS + k] = (uint8_t)(10 * i + k);
        }
        labels[i] = (uint8_t)(i % 4);
    }
    set->train = (struct rebias_images){.n = TRAIN_IMAGES,
                                        .rows = 2,
                                        .columns = 2,
                                        .channels = 1,
                                        .classes = 4,
                                        .pixels = pixels,
                                        .labels = labels};
    set->test = set->train;
    set->test.n = TEST_IMAGES;
}

/* Numbers by hand: mean pixel 56.5, variance 10^2 (12^2 - 1)/12 + (4^2 - 1)/12. */
static void test_split(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_image_set set;
    struct rebias_learn_tasks *tasks = NULL;
    uint8_t pixels[TRAIN_IMAGES * PIXELS];
    uint8_t labels[TRAIN_IMAGES];
    make_images(&set, pixels, labels);
    support_expect(rebias_learn_tasks_images(&tasks, &set, REBIAS_LEARN_SPLIT, 2, 1, &err),
                   REBIAS_OK, &err, NULL);
    assert_true(tasks->count == 2 && tasks->inputs == 4 && tasks->classes == 2);
    support_close(tasks->input_mean, 56.5 / 255.0, 0.0, 5.1e-5);
    support_close(tasks->input_sd, sqrt(14300.0 / 12.0 + 15.0 / 12.0) / 255.0, 0.0, 5.1e-5);
    const struct rebias_learn_part *second = tasks->part[1];
    assert_int_equal(second[REBIAS_LEARN_TRAIN].n, 4); /* images 2, 3, 6, 7 of 0 .. 9 */
    assert_int_equal(second[REBIAS_LEARN_VALIDATION].n, 2);
    assert_int_equal(second[REBIAS_LEARN_TEST].n, 2);
    assert_int_equal(second[REBIAS_LEARN_TRAIN].label[2], 0); /* image 6, class 2 */
    support_close((double)second[REBIAS_LEARN_TRAIN].x[2 * PIXELS + 1],
                  (61.0 / 255.0 - tasks->input_mean) / tasks->input_sd, 1e-6, 0.0);
    rebias_learn_tasks_free(tasks);
    support_expect(rebias_learn_tasks_images(&tasks, &set, REBIAS_LEARN_SPLIT, 3, 1, &err),
                   REBIAS_E_RANGE, &err,
                   "4 classes cannot be split into 3 tasks of 2 classes or more each");
    assert_null(tasks);
}

/* The first task as it is; the second with the same pixels in another order, alike for all
 * images. */
static void test_permuted(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_image_set set;
    struct rebias_learn_tasks *tasks = NULL;
    uint8_t pixels[TRAIN_IMAGES * PIXELS];
    uint8_t labels[TRAIN_IMAGES];
    make_images(&set, pixels, labels);
    support_expect(rebias_learn_tasks_images(&tasks, &set, REBIAS_LEARN_PERMUTED, 3, 1, &err),
                   REBIAS_OK, &err, NULL);
    const float *plain = tasks->part[0][REBIAS_LEARN_TRAIN].x;
    const float *moved = tasks->part[1][REBIAS_LEARN_TRAIN].x;
    assert_int_equal(tasks->part[1][REBIAS_LEARN_TRAIN].n, 10);
    size_t from[PIXELS];
    unsigned found = 0;
    for (size_t k = 0; k < PIXELS; k++) {
        for (from[k] = 0; from[k] < PIXELS && moved[k] != plain[from[k]]; from[k]++) {
        }
        assert_true(from[k] < PIXELS);
        found |= 1u << from[k];
    }
    assert_int_equal(found, 0xF);
    for (size_t i = 0; i < 10 * PIXELS; i++) {
        assert_true(moved[i] == plain[i / PIXELS * PIXELS + from[i % PIXELS]]);
    }
    rebias_learn_tasks_free(tasks);
    support_expect(rebias_learn_tasks_images(&tasks, &set, REBIAS_LEARN_PLAIN, 1, 1, &err),
                   REBIAS_OK, &err, NULL);
    assert_int_equal(tasks->part[0][REBIAS_LEARN_TRAIN].n, TRAIN_IMAGES);
    assert_int_equal(tasks->part[0][REBIAS_LEARN_VALIDATION].n, 0);
    rebias_learn_tasks_free(tasks);
    memset(pixels, 3, sizeof pixels);
    support_expect(rebias_learn_tasks_images(&tasks, &set, REBIAS_LEARN_PLAIN, 1, 1, &err),
                   REBIAS_E_DATA, &err, "all pixels of the training images are alike");
}

/* -- 2. wrong input -- */

static void test_bad_tasks(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_learn_tasks *tasks = NULL;
    struct rebias_continual *continual = NULL;
    struct rebias_architecture a;
    const struct rebias_learn_options options = rebias_learn_options_defaults();
    support_expect(rebias_learn_tasks_new(&tasks, "moons", &err), REBIAS_E_NAME, &err,
                   "unknown task: 'moons' (expected yinyang or yinyang:K)");
    support_expect(rebias_learn_tasks_new(&tasks, "yinyang:17", &err), REBIAS_E_RANGE, &err,
                   "bad number of tasks: 'yinyang:17'");
    support_expect(rebias_learn_tasks_new(&tasks, "yinyangs", &err), REBIAS_E_NAME, &err, NULL);
    assert_null(tasks);
    support_expect(rebias_learn_tasks_new(&tasks, "yinyang", &err), REBIAS_OK, &err, NULL);
    learn_parse(&a, "5,3", REBIAS_TRANSFER_TANH);
    support_expect(rebias_continual_run(&continual,
                                        &(struct rebias_continual_plan){.tasks = tasks,
                                                                        .architecture = &a,
                                                                        .options = options,
                                                                        .seeds = 1,
                                                                        .threads = 1},
                                        &err),
                   REBIAS_E_RANGE, &err,
                   "the network has 5 inputs and 3 outputs, the tasks need 4 and at least 3");
    learn_parse(&a, "4,3", REBIAS_TRANSFER_TANH);
    support_expect(rebias_continual_run(&continual,
                                        &(struct rebias_continual_plan){.tasks = tasks,
                                                                        .architecture = &a,
                                                                        .options = options,
                                                                        .seeds = 0,
                                                                        .threads = 1},
                                        &err),
                   REBIAS_E_RANGE, &err, "0 seeds are not possible (1 to 100000)");
    assert_null(continual);
    rebias_learn_tasks_free(tasks);
    rebias_learn_tasks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split),
                                       cmocka_unit_test(test_permuted),
                                       cmocka_unit_test(test_bad_tasks)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
