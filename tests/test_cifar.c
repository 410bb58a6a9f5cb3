/* test_cifar.c - CIFAR-10's binary files and the data set made of them.
 * 1. helpers   2. files   3. malformed files   4. folders   5. the real images
 */
#include "support.h"

#include "rebias/images.h"
#include "rebias/train.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { RECORD = 3073, MANY = 3 };

/* -- 1. helpers -- */

/* Byte k of the pixels of image i, as these tests write it. */
static uint8_t pixel(size_t i, size_t k)
{
    return (uint8_t)(17 * i + 5 * k + k / 256);
}

/* Records of images first .. first + n - 1; image i has label (3 i + 2) % 10. */
static void fill_records(size_t first, size_t n, uint8_t *bytes)
{
    for (size_t r = 0; r < n; r++) {
        bytes[r * RECORD] = (uint8_t)((3 * (first + r) + 2) % 10);
        for (size_t k = 0; k + 1 < RECORD; k++) {
            bytes[r * RECORD + 1 + k] = pixel(first + r, k);
        }
    }
}

static void write_records(char path[1024], const char *name, size_t first, size_t n)
{
    uint8_t bytes[MANY * RECORD];
    fill_records(first, n, bytes);
    support_write(path, name, bytes, n * RECORD);
}

static void expect_images(const struct rebias_images *images, size_t first, size_t n)
{
    assert_int_equal(images->n, n);
    assert_true(images->rows == 32 && images->columns == 32 && images->channels == 3);
    assert_int_equal(rebias_images_size(images), 3072);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(images->labels[i], (3 * (first + i) + 2) % 10);
        for (size_t k = 0; k < 3072; k++) {
            assert_int_equal(images->pixels[i * 3072 + k], pixel(first + i, k));
        }
    }
}

/* -- 2. files -- */

/* Two files, the second of them gzip, are one set of images in their order; labels 2, 5, 8. */
static void test_files(void **state)
{
    (void)state;
    char first[1024];
    char second[1024];
    uint8_t bytes[2 * RECORD];
    struct rebias_error err = {0};
    struct rebias_images images;
    write_records(first, "a.bin", 0, 1);
    support_scratch(second, "b.bin.gz");
    fill_records(1, 2, bytes);
    gzFile file = gzopen(second, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(gzclose(file), Z_OK);
    const char *const paths[] = {first, second};
    support_expect(rebias_images_load_cifar(&images, paths, 2, &err), REBIAS_OK, &err, NULL);
    expect_images(&images, 0, 3);
    assert_int_equal(images.classes, 9);
    rebias_images_clear(&images);
    support_expect(rebias_images_load_cifar(&images, paths, 1, &err), REBIAS_OK, &err, NULL);
    expect_images(&images, 0, 1);
    assert_int_equal(images.classes, 3);
    rebias_images_clear(&images);
}

/* -- 3. malformed files -- */

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        size_t record; /* whose label is wrong */
        uint8_t label;
        int status;
        const char *message;
    } cases[] = {
        {0, 0, 2, REBIAS_E_DATA,
         "bad.bin: file is empty (expected at least one record of 3073 bytes)"},
        {1, 0, 2, REBIAS_E_FORMAT,
         "bad.bin: file is truncated: 1 bytes behind record 0 (expected records of 3073 "
         "bytes)"},
        {RECORD - 1, 0, 2, REBIAS_E_FORMAT,
         "bad.bin: file is truncated: 3072 bytes behind record 0"},
        {2 * RECORD + 7, 0, 2, REBIAS_E_FORMAT,
         "bad.bin: file is truncated: 7 bytes behind record 2"},
        {RECORD, 0, 10, REBIAS_E_FORMAT,
         "bad.bin: record 1 has a label out of range: '10' (expected 0 to 9)"},
        {3 * RECORD, 2, 255, REBIAS_E_FORMAT,
         "bad.bin: record 3 has a label out of range: '255' (expected 0 to 9)"},
    };
    char good[1024];
    write_records(good, "good.bin", 0, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[1024];
        uint8_t bytes[MANY * RECORD];
        uint8_t stale = 0;
        struct rebias_error err = {0};
        struct rebias_images images = {.n = 7, .pixels = &stale, .labels = &stale};
        fill_records(0, MANY, bytes);
        bytes[cases[i].record * RECORD] = cases[i].label;
        support_write(path, "bad.bin", bytes, cases[i].size);
        const char *const paths[] = {good, path};
        support_expect(rebias_images_load_cifar(&images, paths, 2, &err), cases[i].status, &err,
                       cases[i].message);
        assert_true(images.n == 0 && images.pixels == NULL && images.labels == NULL);
        assert_int_equal(rebias_images_load_cifar(&images, paths + 1, 1, NULL),
                         cases[i].status);
    }
    const char *const missing[] = {good, "/no-such-file"};
    struct rebias_error err = {0};
    struct rebias_images images;
    support_expect(rebias_images_load_cifar(&images, missing, 2, &err), REBIAS_E_IO, &err,
                   "/no-such-file: cannot open");
    assert_null(images.pixels);
}

/* -- 4. folders -- */

static void make_folder(char folder[1024], const char *name)
{
    support_scratch(folder, name);
    assert_true(mkdir(folder, 0777) == 0 || errno == EEXIST);
}

static void test_folders(void **state)
{
    (void)state;
    char parent[1024];
    char folder[1024];
    char path[1024];
    struct rebias_error err = {0};
    support_scratch(parent, "");
    make_folder(folder, "cifar10");
    write_records(path, "cifar10/data_batch_1.bin", 0, 2);
    write_records(path, "cifar10/data_batch_2.bin", 2, 1);
    write_records(path, "cifar10/test_batch.bin", 3, 2);
    const char *const places[] = {folder, parent}; /* --data itself, and --data/cifar10 */
    for (size_t i = 0; i < 2; i++) {
        struct rebias_image_set *set = NULL;
        support_expect(rebias_image_set_load(&set, "cifar10", places[i], &err), REBIAS_OK, &err,
                       NULL);
        expect_images(&set->train, 0, 3);
        expect_images(&set->test, 3, 2);
        assert_string_equal(set->source, "cifar10");
        assert_string_equal(set->file[0], "training batch 1");
        assert_string_equal(set->file[1], "training batch 2");
        assert_string_equal(set->file[2], "test batch");
        assert_string_equal(set->checksum[3], "");
        char sum[20];
        assert_int_equal(rebias_file_checksum(path, sum, NULL), REBIAS_OK);
        assert_string_equal(set->checksum[2], sum);
        rebias_image_set_free(set);
    }
}

static void test_bad_folders(void **state)
{
    (void)state;
    char folder[1024];
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    make_folder(folder, "torn");
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_E_NAME, &err,
                   "(expected data_batch_1.bin and test_batch.bin of its binary version: give "
                   "--data DIR)");
    write_records(path, "torn/data_batch_1.bin", 0, 1);
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_E_IO, &err,
                   "torn: file is missing: 'test_batch.bin' (expected the test images of "
                   "CIFAR-10)");
    write_records(path, "torn/test_batch.bin", 0, 1);
    write_records(path, "torn/data_batch_4.bin", 0, 1);
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_E_IO, &err,
                   "torn: file is missing: 'data_batch_3.bin' (expected the batches before the "
                   "last one)");
    assert_int_equal(unlink(strcat(folder, "/data_batch_4.bin")), 0);
    support_write(path, "torn/test_batch.bin", "x", 1);
    support_scratch(folder, "torn");
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_E_FORMAT, &err,
                   "test_batch.bin: file is truncated: 1 bytes behind record 0");
    assert_null(set);
}

/* A network counts the bytes of all channels: 3,072, not 1,024. */
static void test_network_inputs(void **state)
{
    (void)state;
    char folder[1024];
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    make_folder(folder, "inputs");
    write_records(path, "inputs/data_batch_1.bin", 0, 2);
    write_records(path, "inputs/test_batch.bin", 0, 1);
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_OK, &err, NULL);
    for (size_t inputs = 1024; inputs <= 3072; inputs += 2048) {
        struct rebias_network_options n = rebias_network_options_defaults();
        struct rebias_train_options o = rebias_train_options_defaults();
        struct rebias_network *network = NULL;
        struct rebias_epoch epoch;
        n.layers = 1;
        n.sizes[0] = inputs;
        n.sizes[1] = 10;
        o.epochs = 1;
        support_expect(rebias_network_new(&network, &n, &err), REBIAS_OK, &err, NULL);
        support_expect(rebias_train(network, set, &o, &epoch, NULL, NULL, &err),
                       inputs == 3072 ? REBIAS_OK : REBIAS_E_RANGE, &err,
                       inputs == 3072 ? NULL
                                      : "the network has 1024 inputs, the images have 3072 "
                                        "pixels");
        rebias_network_free(network);
    }
    rebias_image_set_free(set);
}

/* -- 5. the real images -- */

static double mean_channel(const struct rebias_images *images, size_t channel)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < images->n; i++) {
        for (size_t k = 0; k < 1024; k++) {
            sum += images->pixels[i * 3072 + channel * 1024 + k];
        }
    }
    return (double)sum / (double)(images->n * 1024) / 255.0;
}

/* The shared subset: 1,000 training and 200 test images a class. The means of red, green and
 * blue are those by which PyTorch users normalise all of CIFAR-10, within 0.006: 5 standard
 * errors of 10,000 images whose own means have an sd of 0.12. */
static void test_subset(void **state)
{
    (void)state;
    char folder[1024];
    if (!support_shared(folder, "cifar10")) {
        return;
    }
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    size_t count[10] = {0};
    support_expect(rebias_image_set_load(&set, "cifar10", folder, &err), REBIAS_OK, &err, NULL);
    assert_true(set->train.n >= 10000 && set->test.n >= 2000);
    assert_true(set->train.classes == 10 && set->test.classes == 10);
    for (size_t i = 0; i < set->train.n; i++) {
        count[set->train.labels[i]]++;
    }
    for (size_t k = 0; k < 10; k++) {
        assert_int_equal(count[k], set->train.n / 10);
    }
    support_close(mean_channel(&set->train, 0), 0.4914, 0.0, 0.006);
    support_close(mean_channel(&set->train, 1), 0.4822, 0.0, 0.006);
    support_close(mean_channel(&set->train, 2), 0.4465, 0.0, 0.006);
    rebias_image_set_free(set);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),          cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_folders),        cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_network_inputs), cmocka_unit_test(test_subset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
