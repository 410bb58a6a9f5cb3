/* test_train.c - training networks on images.
 * 1. helpers   2. software training   3. training on devices   4. schedules   5. progress   6.
 * wrong options
 * 7. Fashion-MNIST
 */
#include "support.h"

#include "blobs.h"
#include "rebias/train.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { HIDDEN = 16, WEIGHTS = (BLOB_PIXELS + 1) * HIDDEN + (HIDDEN + 1) * BLOB_CLASSES };

static struct blob_memory memory;

static struct rebias_network_options options_of(const struct rebias_device *device)
{
    static const size_t sizes[3] = {BLOB_PIXELS, HIDDEN, BLOB_CLASSES};
    struct rebias_network_options o = rebias_network_options_defaults();
    memcpy(o.sizes, sizes, sizeof sizes);
    o.device = device;
    return o;
}

static struct rebias_network *new_network(const struct rebias_network_options *options)
{
    struct rebias_error err = {0};
    struct rebias_network *network = NULL;
    support_expect(rebias_network_new(&network, options, &err), REBIAS_OK, &err, NULL);
    return network;
}

static void train(struct rebias_network *network, const struct rebias_image_set *set,
                  const struct rebias_train_options *options, struct rebias_epoch *epochs)
{
    struct rebias_error err = {0};
    support_expect(rebias_train(network, set, options, epochs, NULL, NULL, &err), REBIAS_OK,
                   &err, NULL);
}

/* All weights of the network, layer by layer. */
static void copy_weights(struct rebias_network *network, float w[WEIGHTS])
{
    const size_t first = (BLOB_PIXELS + 1) * HIDDEN;
    memcpy(w, rebias_network_weights(network, 0), first * sizeof *w);
    memcpy(w + first, rebias_network_weights(network, 1), (WEIGHTS - first) * sizeof *w);
}

static double largest_difference(const float a[WEIGHTS], const float b[WEIGHTS])
{
    double largest = 0.0;
    for (size_t i = 0; i < WEIGHTS; i++) {
        largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
    }
    return largest;
}

/* Weights after training a fresh network. */
static void train_fresh(const struct rebias_network_options *network_options,
                        const struct rebias_train_options *options, float w[WEIGHTS],
                        struct rebias_epoch *epochs)
{
    const struct rebias_image_set set = blob_set(&memory);
    struct rebias_network *network = new_network(network_options);
    train(network, &set, options, epochs);
    copy_weights(network, w);
    rebias_network_free(network);
}

/* -- 2. software training -- */

static void test_software_learns(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[10];
    o.epochs = 10;
    o.batch = 32;
    for (int f = REBIAS_SIGMOID; f <= REBIAS_RELU; f++) {
        struct rebias_network_options n = options_of(NULL);
        n.activation = (enum rebias_activation)f;
        for (size_t l = 0; l < 2; l++) {
            o.rate[l] = f == REBIAS_SIGMOID ? 1.0 : 0.2;
        }
        struct rebias_network *network = new_network(&n);
        train(network, &set, &o, epochs);
        assert_true(epochs[9].test_accuracy > 0.95);
        assert_true(epochs[9].train_loss < 0.5 * epochs[0].train_loss);
        assert_int_equal(epochs[9].images, BLOB_TRAIN);
        assert_int_equal(epochs[9].pulses, 0);
        double loss = 0.0;
        assert_true(rebias_network_accuracy(network, &set.test, &loss) ==
                    epochs[9].test_accuracy); /* same sum */
        assert_true(loss == epochs[9].test_loss);
        rebias_network_free(network);
    }
}

/* 400 images in batches of 64: the last has 16; the mean loss of a network that hardly moves is
 * that of the images. */
static void test_uneven_last_batch(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epoch;
    double loss = 0.0;
    o.epochs = 1;
    o.rate[0] = o.rate[1] = 1e-12;
    struct rebias_network *network = new_network(&n);
    rebias_network_accuracy(network, &set.train, &loss);
    train(network, &set, &o, &epoch);
    support_close(epoch.train_loss, loss, 1e-5, 0.0);
    rebias_network_free(network);
}

static void test_fewer_images(void **state)
{
    (void)state;
    struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch part[3];
    struct rebias_epoch cut[3];
    float a[WEIGHTS];
    o.train_images = 100;
    o.test_images = 50;
    train_fresh(&n, &o, a, part);
    assert_int_equal(part[0].images, 100);
    set.train.n = 100;
    set.test.n = 50;
    o.train_images = o.test_images = 0;
    struct rebias_network *network = new_network(&n);
    train(network, &set, &o, cut);
    for (size_t e = 0; e < 3; e++) {
        assert_true(part[e].train_loss == cut[e].train_loss &&
                    part[e].test_loss == cut[e].test_loss);
        assert_true(part[e].test_accuracy ==
                    cut[e].test_accuracy); /* the same computation: exact */
    }
    rebias_network_free(network);
}

/* Two epochs differ from twice the first epoch: each has its own order. */
static void test_each_epoch_has_its_own_order(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[2];
    float two[WEIGHTS];
    float twice[WEIGHTS];
    o.epochs = 2;
    train_fresh(&n, &o, two, epochs);
    o.epochs = 1;
    struct rebias_network *network = new_network(&n);
    train(network, &set, &o, epochs);
    train(network, &set, &o, epochs);
    copy_weights(network, twice);
    assert_true(largest_difference(two, twice) > 1e-4); /* far beyond rounding */
    rebias_network_free(network);
}

/* -- 3. training on devices -- */

/* A linear, noiseless device of 20,000 levels follows software training. Per weight:
 * programming leaves up to a step (two halves of a pair); each of the 7 updates adds a rounding
 * error of at most half a step sd, 6 sd of their sum are allowed: (1 + 6 sqrt(7)/2) steps = 9.
 * The gradients then differ a little too, and each pulse rounds the float32 conductances by
 * 2^-24: as much again is allowed. */
static void test_fine_device_tracks_software(void **state)
{
    (void)state;
    const double step = 1.0 / 20000;
    struct rebias_device *device = support_device("ideal:levels=20000");
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_network_options n = options_of(NULL);
    struct rebias_epoch epoch;
    float software[WEIGHTS];
    float start[WEIGHTS];
    float mapped[WEIGHTS];
    o.epochs = 1;
    struct rebias_network *network = new_network(&n);
    copy_weights(network, start);
    rebias_network_free(network);
    train_fresh(&n, &o, software, &epoch);
    n.device = device;
    n.crossbar.pulse_cap = 30000;
    train_fresh(&n, &o, mapped, &epoch);
    assert_true(largest_difference(start, software) >
                200.0 * step); /* there was something to follow */
    assert_true(largest_difference(mapped, software) < 18.0 * step);
    assert_true(epoch.pulses > 0);
    rebias_device_free(device);
}

static void test_device_training_learns(void **state)
{
    (void)state;
    static const char *const specs[] = {"ideal:levels=200", "tiox-1.5V"};
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[10];
    float w[WEIGHTS];
    o.epochs = 10;
    o.batch = 16;
    for (size_t k = 0; k < 2; k++) {
        struct rebias_device *device = support_device(specs[k]);
        struct rebias_network_options n = options_of(device);
        n.activation = REBIAS_TANH;
        train_fresh(&n, &o, w, epochs);
        assert_true(epochs[9].test_accuracy > 0.95);
        rebias_device_free(device);
    }
}

/* The same seed and replicate give the same bytes; another replicate or seed other ones. */
static void test_runs_are_reproducible(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("synthetic-lc");
    for (int biases = REBIAS_BIASES_DIGITAL; biases <= REBIAS_BIASES_DEVICES; biases++) {
        for (size_t batch = 1; batch <= 64; batch += 63) {
            struct rebias_network_options n = options_of(device);
            struct rebias_train_options o = rebias_train_options_defaults();
            struct rebias_epoch epochs[2];
            float w[4][WEIGHTS];
            n.biases = (enum rebias_biases)biases;
            o.epochs = 2;
            o.batch = batch;
            o.train_images = 150;
            for (uint32_t k = 0; k < 4; k++) {
                n.replicate = k == 2;
                o.replicate = k == 2;
                o.seed = k == 3 ? 2 : 1; /* another order of the images alone */
                train_fresh(&n, &o, w[k], epochs);
            }
            assert_memory_equal(w[0], w[1], sizeof w[0]);
            assert_memory_not_equal(w[0], w[2], sizeof w[0]);
            assert_memory_not_equal(w[0], w[3], sizeof w[0]);
        }
    }
    rebias_device_free(device);
}

/* -- 4. schedules -- */

/* Three epochs of one batch each against three runs of one epoch at the rates that train.h
 * states; the order within a batch only rounds differently. */
static void check_schedule(enum rebias_schedule schedule, double decay, const double factor[3])
{
    const struct rebias_image_set set = blob_set(&memory);
    struct rebias_network_options n = options_of(NULL);
    n.batch = BLOB_TRAIN;
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[3];
    float scheduled[WEIGHTS];
    float by_hand[WEIGHTS];
    o.batch = BLOB_TRAIN;
    o.schedule = schedule;
    o.decay = decay;
    train_fresh(&n, &o, scheduled, epochs);
    struct rebias_network *network = new_network(&n);
    o.schedule = REBIAS_SCHEDULE_CONSTANT;
    o.epochs = 1;
    for (size_t e = 0; e < 3; e++) {
        o.rate[0] = o.rate[1] = 0.1 * factor[e];
        train(network, &set, &o, epochs);
    }
    copy_weights(network, by_hand);
    assert_true(largest_difference(scheduled, by_hand) < 2e-6);
    rebias_network_free(network);
}

static void test_schedules(void **state)
{
    (void)state;
    static const double constant[3] = {1.0, 1.0, 1.0};
    static const double exponential[3] = {1.0, 0.5, 0.25};
    static const double cosine[3] = {1.0, 0.75, 0.25}; /* (1 + cos(pi e/3))/2 */
    check_schedule(REBIAS_SCHEDULE_CONSTANT, 0.5, constant);
    check_schedule(REBIAS_SCHEDULE_EXPONENTIAL, 0.5, exponential);
    check_schedule(REBIAS_SCHEDULE_COSINE, 1.0, cosine);
}

/* -- 5. progress -- */

struct watch {
    size_t calls, last, total, stop_at;
};

static int watch_progress(void *context, size_t done, size_t total)
{
    struct watch *watch = context;
    watch->calls++;
    watch->last = done;
    watch->total = total;
    return done >= watch->stop_at;
}

static void test_progress_and_interrupt(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    const struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[3];
    struct rebias_error err = {0};
    struct watch all = {.stop_at = SIZE_MAX};
    struct rebias_network *network = new_network(&n);
    support_expect(rebias_train(network, &set, &o, epochs, watch_progress, &all, &err),
                   REBIAS_OK, &err, NULL);
    assert_int_equal(all.calls, 21); /* 7 batches an epoch */
    assert_int_equal(all.last, 3 * BLOB_TRAIN);
    assert_int_equal(all.total, 3 * BLOB_TRAIN);
    struct watch some = {.stop_at = 450};
    support_expect(rebias_train(network, &set, &o, epochs, watch_progress, &some, &err),
                   REBIAS_E_INTERRUPTED, &err, "interrupted after 464 of 1200 images");
    assert_int_equal(some.last, 464);
    rebias_network_free(network);
}

/* -- 6. wrong options -- */

static void expect_refused(const struct rebias_network_options *n,
                           const struct rebias_image_set *set,
                           const struct rebias_train_options *o, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_epoch epochs[3];
    struct rebias_network *network = new_network(n);
    support_expect(rebias_train(network, set, o, epochs, NULL, NULL, &err), REBIAS_E_RANGE,
                   &err, message);
    rebias_network_free(network);
}

static void test_wrong_options(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    const struct rebias_train_options good = rebias_train_options_defaults();
    struct rebias_train_options o = good;
    o.epochs = 0;
    expect_refused(&n, &set, &o, "0 epochs are not possible (1 to 100000)");
    o = good;
    o.batch = 0;
    expect_refused(&n, &set, &o, "a batch of 0 is not possible");
    o.batch = 65;
    expect_refused(&n, &set, &o, "a batch of 65, the network was made for 64");
    o = good;
    o.rate[1] = 0.0;
    expect_refused(&n, &set, &o, "the learning rate 0 is not above 0");
    o.rate[1] = NAN;
    expect_refused(&n, &set, &o, "the learning rate nan is not above 0");
    o = good;
    o.decay = 1.5;
    expect_refused(&n, &set, &o, "the decay 1.5 is not in (0, 1]");
    o = good;
    o.train_images = 401;
    expect_refused(&n, &set, &o, "401 training images asked for, the data set has 400");
    o = good;
    o.test_images = 201;
    expect_refused(&n, &set, &o, "201 test images asked for, the data set has 200");
}

static void test_wrong_images(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_network_options n = options_of(NULL);
    n.sizes[0] = 63;
    expect_refused(&n, &set, &o, "the network has 63 inputs, the images have 64 pixels");
    n = options_of(NULL);
    n.sizes[2] = 3;
    expect_refused(&n, &set, &o, "the network has 3 outputs, the images have 4 classes");
}

static void test_diverging_loss(void **state)
{
    (void)state;
    const struct rebias_image_set set = blob_set(&memory);
    const struct rebias_network_options n = options_of(NULL);
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[3];
    struct rebias_error err = {0};
    o.rate[0] = o.rate[1] = 1e37;
    struct rebias_network *network = new_network(&n);
    support_expect(rebias_train(network, &set, &o, epochs, NULL, NULL, &err), REBIAS_E_NUMERIC,
                   &err, "the loss is no longer finite in epoch 1: lower the rate");
    rebias_network_free(network);
}

/* -- 7. Fashion-MNIST -- */

static struct rebias_image_set *load_fashion(void)
{
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    if (rebias_image_set_load(&set, "fashion-mnist", NULL, &err) != REBIAS_OK) {
        printf("# Fashion-MNIST is not installed: this check is left out\n");
    }
    return set;
}

static void expect_accuracy(const struct rebias_network_options *n, double rate, double least)
{
    struct rebias_image_set *set = load_fashion();
    struct rebias_train_options o = rebias_train_options_defaults();
    struct rebias_epoch epochs[3];
    if (set == NULL) {
        return;
    }
    o.rate[0] = o.rate[1] = rate;
    struct rebias_network *network = new_network(n);
    train(network, set, &o, epochs);
    printf("# Fashion-MNIST, 3 epochs: %.4f\n", epochs[2].test_accuracy);
    assert_true(epochs[2].test_accuracy >= least);
    rebias_network_free(network);
    rebias_image_set_free(set);
}

/* Plain software training of 784-100-10. */
static void test_fashion_software(void **state)
{
    (void)state;
    const struct rebias_network_options n = rebias_network_options_defaults();
    expect_accuracy(&n, 0.1, 0.84);
}

/* Devices as noisy as the measured ones: far below software, far above chance. */
static void test_fashion_on_devices(void **state)
{
    (void)state;
    struct rebias_device *device = support_device("tiox-1.5V");
    struct rebias_network_options n = rebias_network_options_defaults();
    n.device = device;
    n.activation = REBIAS_TANH;
    n.crossbar.weight_range = 0.5;
    expect_accuracy(&n, 0.03, 0.74);
    rebias_device_free(device);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_software_learns),
        cmocka_unit_test(test_uneven_last_batch),
        cmocka_unit_test(test_fewer_images),
        cmocka_unit_test(test_each_epoch_has_its_own_order),
        cmocka_unit_test(test_fine_device_tracks_software),
        cmocka_unit_test(test_device_training_learns),
        cmocka_unit_test(test_runs_are_reproducible),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_progress_and_interrupt),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_wrong_images),
        cmocka_unit_test(test_diverging_loss),
        cmocka_unit_test(test_fashion_software),
        cmocka_unit_test(test_fashion_on_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
