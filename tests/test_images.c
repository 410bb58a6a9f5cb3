/* test_images.c - IDX files and data sets by name.
 * 1. helpers   2. one pair of files   3. malformed files   4. folders   5. the real data sets
 */
#include "support.h"

#include "datasets/small_set.h"
#include "rebias/images.h"
#include "rebias/train.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* -- 1. helpers -- */

/* Two images of 3 rows and 2 columns, and their labels. */
#define IMAGES_HEAD "\0\0\x08\x03\0\0\0\2\0\0\0\3\0\0\0\2"
#define IMAGES IMAGES_HEAD "\0\1\2\3\4\5\xFA\xFB\xFC\xFD\xFE\xFF"
#define LABELS "\0\0\x08\x01\0\0\0\2\7\3"

struct bytes {
    const char *data;
    size_t size;
};

#define BYTES(text)                                                                            \
    {                                                                                          \
        text, sizeof(text) - 1                                                                 \
    }

static const struct bytes images_bytes = BYTES(IMAGES);
static const struct bytes labels_bytes = BYTES(LABELS);

static void write_bytes(char path[1024], const char *name, struct bytes bytes)
{
    support_write(path, name, bytes.data, bytes.size);
}

static void write_gzip(char path[1024], const char *name, struct bytes bytes)
{
    support_scratch(path, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes.data, (unsigned)bytes.size), (int)bytes.size);
    assert_int_equal(gzclose(file), Z_OK);
}

static void expect_two_images(const struct rebias_images *images)
{
    assert_int_equal(images->n, 2);
    assert_int_equal(images->rows, 3);
    assert_int_equal(images->columns, 2);
    assert_int_equal(images->channels, 1);
    assert_int_equal(rebias_images_size(images), 6);
    assert_int_equal(images->classes, 8);
    assert_memory_equal(images->pixels, "\0\1\2\3\4\5\xFA\xFB\xFC\xFD\xFE\xFF", 12);
    assert_memory_equal(images->labels, "\7\3", 2);
}

/* -- 2. one pair of files -- */

static void test_plain_and_gzip(void **state)
{
    (void)state;
    char image_path[1024];
    char label_path[1024];
    struct rebias_error err = {0};
    struct rebias_images images = {0};
    write_bytes(image_path, "images", images_bytes);
    write_bytes(label_path, "labels", labels_bytes);
    support_expect(rebias_images_load(&images, image_path, label_path, &err), REBIAS_OK, &err,
                   NULL);
    expect_two_images(&images);
    rebias_images_clear(&images);
    write_gzip(image_path, "images.gz", images_bytes);
    write_gzip(label_path, "labels.gz", labels_bytes);
    support_expect(rebias_images_load(&images, image_path, label_path, &err), REBIAS_OK, &err,
                   NULL);
    expect_two_images(&images);
    rebias_images_clear(&images);
    assert_null(images.pixels);
    assert_null(images.labels);
    assert_int_equal(images.n, 0);
    rebias_images_clear(&images);
}

static void test_largest_label(void **state)
{
    (void)state;
    char image_path[1024];
    char label_path[1024];
    struct rebias_images images = {0};
    write_bytes(image_path, "images", images_bytes);
    write_bytes(label_path, "labels", (struct bytes)BYTES("\0\0\x08\x01\0\0\0\2\xFF\0"));
    assert_int_equal(rebias_images_load(&images, image_path, label_path, NULL), REBIAS_OK);
    assert_int_equal(images.classes, 256);
    rebias_images_clear(&images);
}

/* -- 3. malformed files -- */

static void refuse_pair(struct bytes image_file, struct bytes label_file, int expected,
                        const char *message)
{
    char image_path[1024];
    char label_path[1024];
    struct rebias_error err = {0};
    uint8_t stale = 0;
    struct rebias_images images = {.n = 7, .pixels = &stale, .labels = &stale};
    write_bytes(image_path, "bad-images", image_file);
    write_bytes(label_path, "bad-labels", label_file);
    support_expect(rebias_images_load(&images, image_path, label_path, &err), expected, &err,
                   message);
    assert_null(images.pixels);
    assert_null(images.labels);
    assert_int_equal(images.n, 0);
    assert_int_equal(rebias_images_load(&images, image_path, label_path, NULL), expected);
}

static void test_bad_images(void **state)
{
    (void)state;
    static const struct {
        struct bytes file;
        int status;
        const char *message;
    } cases[] = {
        {BYTES(""), REBIAS_E_FORMAT,
         "bad-images: file is too short for a magic number (expected an IDX file)"},
        {BYTES("\0\0\x08"), REBIAS_E_FORMAT,
         "bad-images: file is too short for a magic number"},
        {BYTES("\0\0\x08\x01\0\0\0\2\7\3"), REBIAS_E_FORMAT,
         "bad-images: wrong magic number: '0x00000801' (expected 0x00000803, IDX images)"},
        {BYTES("\0\0\x0D\x03\0\0\0\2\0\0\0\3\0\0\0\2"), REBIAS_E_FORMAT,
         "bad-images: wrong magic number: '0x00000d03'"},
        {BYTES("\0\0\x08\x03\0\0\0\2\0\0\0\3"), REBIAS_E_FORMAT,
         "bad-images: file is truncated (expected the sizes behind the magic number)"},
        {BYTES(IMAGES_HEAD "01234567890"), REBIAS_E_FORMAT,
         "bad-images: file is truncated: 11 bytes behind the header (expected 12)"},
        {BYTES(IMAGES "x"), REBIAS_E_FORMAT,
         "bad-images: trailing bytes: 13 bytes behind the header (expected 12)"},
        {BYTES("\0\0\x08\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFxx"),
         REBIAS_E_FORMAT,
         "bad-images: file is truncated: 2 bytes behind the header (expected more than memory "
         "can hold)"},
        {BYTES("\0\0\x08\x03\0\0\0\0\0\0\0\3\0\0\0\2"), REBIAS_E_DATA,
         "bad-images: file holds no images (expected at least one image)"},
        {BYTES("\0\0\x08\x03\0\0\0\2\0\0\0\0\0\0\0\2"), REBIAS_E_FORMAT,
         "bad-images: images have no pixels (expected at least one row and column)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuse_pair(cases[i].file, labels_bytes, cases[i].status, cases[i].message);
    }
}

static void test_bad_labels(void **state)
{
    (void)state;
    static const struct {
        struct bytes file;
        const char *message;
    } cases[] = {
        {BYTES(IMAGES),
         "bad-labels: wrong magic number: '0x00000803' (expected 0x00000801, IDX labels)"},
        {BYTES("\0\0\x08\x01\0\0"),
         "bad-labels: file is truncated (expected the sizes behind the magic number)"},
        {BYTES("\0\0\x08\x01\0\0\0\2\7"),
         "bad-labels: file is truncated: 1 bytes behind the header (expected 2)"},
        {BYTES(LABELS "\1"),
         "bad-labels: trailing bytes: 3 bytes behind the header (expected 2)"},
        {BYTES("\0\0\x08\x01\0\0\0\3\7\3\1"),
         "bad-labels: 3 labels for 2 images (expected as many labels as images)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuse_pair(images_bytes, cases[i].file, REBIAS_E_FORMAT, cases[i].message);
    }
}

static void test_bad_gzip_and_missing(void **state)
{
    (void)state;
    char path[1024];
    char *raw = NULL;
    size_t size = 0;
    write_gzip(path, "whole.gz", images_bytes);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    raw = malloc(1024);
    assert_non_null(raw);
    size = fread(raw, 1, 1024, file);
    fclose(file);
    refuse_pair((struct bytes){raw, size - 9}, labels_bytes, REBIAS_E_FORMAT, "bad-images: ");
    free(raw);
    struct rebias_images images;
    struct rebias_error err = {0};
    char missing[1024];
    support_scratch(missing, "missing-labels");
    write_bytes(path, "images", images_bytes);
    support_expect(rebias_images_load(&images, path, missing, &err), REBIAS_E_IO, &err,
                   "missing-labels: cannot open");
    support_expect(rebias_images_load(&images, missing, path, &err), REBIAS_E_IO, &err,
                   "missing-labels: cannot open");
    assert_null(images.pixels);
}

/* -- 4. folders -- */

/* A scratch folder with a small data set; every second file is gzip when mixed. */
static void make_set(char folder[1024], const char *name, bool mixed, struct bytes test_images)
{
    static const char *const files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    const struct bytes contents[] = {images_bytes, labels_bytes, test_images, labels_bytes};
    support_scratch(folder, name);
    assert_true(mkdir(folder, 0777) == 0 || errno == EEXIST);
    for (size_t i = 0; i < 4; i++) {
        char file[1024];
        char path[1024];
        bool gzip = mixed && i % 2 == 1;
        snprintf(file, sizeof file, "%.200s/%s%s", name, files[i], gzip ? ".gz" : "");
        (gzip ? write_gzip : write_bytes)(path, file, contents[i]);
    }
}

static void expect_set(const char *name, const char *data_dir)
{
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    support_expect(rebias_image_set_load(&set, name, data_dir, &err), REBIAS_OK, &err, NULL);
    expect_two_images(&set->train);
    expect_two_images(&set->test);
    rebias_image_set_free(set);
}

static void test_folders(void **state)
{
    (void)state;
    char folder[1024];
    char parent[1024];
    make_set(folder, "small", false, images_bytes);
    support_scratch(parent, "");
    expect_set(folder, NULL);       /* NAME is a folder */
    expect_set("anything", folder); /* data_dir itself */
    expect_set("small", parent);    /* data_dir/NAME */
    make_set(folder, "mixed", true, images_bytes);
    expect_set(folder, NULL);
    char path[1024];
    write_bytes(path, "small/train-images-idx3-ubyte.gz", (struct bytes)BYTES("junk"));
    expect_set("small", parent); /* the plain file goes before the gzip one */
    rebias_image_set_free(NULL);
}

/* CRC-32 of the ten bytes of the label file below from Python: zlib.crc32. */
static void test_checksum(void **state)
{
    (void)state;
    char folder[1024];
    char path[1024];
    make_set(folder, "summed", false, images_bytes);
    write_bytes(path, "summed/t10k-labels-idx1-ubyte",
                (struct bytes)BYTES("\0\0\x08\x01\0\0\0\2\0\1"));
    struct rebias_image_set *set = NULL;
    assert_int_equal(rebias_image_set_load(&set, folder, NULL, NULL), REBIAS_OK);
    assert_string_equal(set->checksum[3], "crc32:e29b9c8f");
    assert_string_equal(set->checksum[0], set->checksum[2]);
    assert_string_equal(set->file[3], "test labels");
    assert_string_equal(set->checksum[4], "");
    rebias_image_set_free(set);
}

static void test_bad_folders(void **state)
{
    (void)state;
    char folder[1024];
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    make_set(folder, "incomplete", false, images_bytes);
    support_scratch(path, "incomplete/t10k-labels-idx1-ubyte");
    assert_int_equal(unlink(path), 0);
    support_expect(rebias_image_set_load(&set, folder, NULL, &err), REBIAS_E_IO, &err,
                   "incomplete: file is missing: 't10k-labels-idx1-ubyte' (expected the four "
                   "files of a data set)");
    assert_null(set);
    make_set(folder, "shapes", false,
             (struct bytes)BYTES("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\1xy"));
    support_expect(rebias_image_set_load(&set, folder, NULL, &err), REBIAS_E_FORMAT, &err,
                   "t10k-images-idx3-ubyte: test images are 1 x 1, training images 3 x 2 "
                   "(expected images of one size)");
    assert_null(set);
    make_set(folder, "broken", false, (struct bytes)BYTES("junk"));
    support_expect(rebias_image_set_load(&set, folder, NULL, &err), REBIAS_E_FORMAT, &err,
                   "t10k-images-idx3-ubyte: wrong magic number: '0x6a756e6b'");
    assert_null(set);
}

static void test_not_found(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    support_expect(rebias_image_set_load(&set, "no-set", "/no-folder", &err), REBIAS_E_NAME,
                   &err,
                   "data set not found in /no-folder, /no-folder/no-set, no-set, "
                   "/usr/share/datasets/no-set, "
                   "/usr/local/share/datasets/no-set: 'no-set' (expected fashion-mnist, mnist, "
                   "mnist-small, cifar10 or a folder with "
                   "train-images-idx3-ubyte[.gz] and its three companions)");
    assert_null(set);
    support_expect(rebias_image_set_load(&set, "no-set", NULL, &err), REBIAS_E_NAME, &err,
                   "data set not found in no-set, /usr/share/datasets/no-set, "
                   "/usr/local/share/datasets/no-set");
    if (!support_exists("mnist") && !support_exists("/usr/share/datasets/mnist")) {
        support_expect(rebias_image_set_load(&set, "mnist", NULL, &err), REBIAS_E_NAME, &err,
                       "(expected its four IDX files; get them with scripts/fetch-mnist)");
    }
    if (!support_exists("/usr/share/datasets/fashion-mnist")) {
        support_expect(rebias_image_set_load(&set, "fashion-mnist", NULL, &err), REBIAS_E_NAME,
                       &err, "Debian and Ubuntu: apt install dataset-fashion-mnist)");
    }
    assert_null(set);
}

/* -- 5. the real data sets -- */

static double mean_pixel(const struct rebias_images *images)
{
    size_t n = images->n * images->rows * images->columns;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += images->pixels[i];
    }
    return (double)sum / (double)n / 255.0;
}

static void expect_full_size(const struct rebias_image_set *set)
{
    assert_int_equal(set->train.n, 60000);
    assert_int_equal(set->test.n, 10000);
    assert_true(set->train.rows == 28 && set->train.columns == 28);
    assert_true(set->test.rows == 28 && set->test.columns == 28);
    assert_true(set->train.classes == 10 && set->test.classes == 10);
}

/* The mean of the training pixels, 0.2860, is the constant by which PyTorch users normalise
 * Fashion-MNIST. */
static void test_fashion_mnist(void **state)
{
    (void)state;
    if (!support_exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
        printf("# Fashion-MNIST is not installed: the check that needs it is left out\n");
        return;
    }
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    support_expect(rebias_image_set_load(&set, "fashion-mnist", NULL, &err), REBIAS_OK, &err,
                   NULL);
    expect_full_size(set);
    size_t count[10] = {0};
    size_t test_count[10] = {0};
    for (size_t i = 0; i < set->train.n; i++) {
        count[set->train.labels[i]]++;
    }
    for (size_t i = 0; i < set->test.n; i++) {
        test_count[set->test.labels[i]]++;
    }
    for (size_t k = 0; k < 10; k++) {
        assert_int_equal(count[k], 6000);
        assert_int_equal(test_count[k], 1000);
    }
    support_close(mean_pixel(&set->train), 0.2860, 0.0, 5e-5);
    rebias_image_set_free(set);
}

/* The first labels 5 0 4 1 9 and the mean 0.1307 are the published ones. */
static void test_mnist(void **state)
{
    (void)state;
    char folder[1024];
    if (!support_shared(folder, "mnist")) {
        return;
    }
    struct rebias_error err = {0};
    struct rebias_image_set *set = NULL;
    support_expect(rebias_image_set_load(&set, "mnist", folder, &err), REBIAS_OK, &err, NULL);
    expect_full_size(set);
    assert_memory_equal(set->train.labels, "\5\0\4\1\x09", 5);
    support_close(mean_pixel(&set->train), 0.1307, 0.0, 5e-5);
    rebias_image_set_free(set);
}

/* Digits where nothing is found (a folder without files as the only place that could differ is
 * not enough: standard places are looked at too), pooled images otherwise; either way 14 x 14,
 * ten classes, and the same bytes each time. */
static void test_small_set(void **state)
{
    (void)state;
    struct rebias_image_set *a = NULL;
    struct rebias_image_set *b = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_image_set_load(&a, "mnist-small", NULL, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_image_set_load(&b, "mnist-small", NULL, &err), REBIAS_OK, &err, NULL);
    assert_true(strncmp(a->source, "mnist-small", 11) == 0);
    assert_true(a->train.n == 10000 && a->test.n == 2000);
    assert_true(a->train.rows == 14 && a->train.columns == 14 && a->test.rows == 14);
    assert_true(a->train.classes == 10 && a->test.classes == 10);
    assert_true(a->train.channels == 1 && a->test.channels == 1);
    assert_memory_equal(a->train.pixels, b->train.pixels, a->train.n * 196);
    assert_memory_equal(a->test.labels, b->test.labels, a->test.n);
    rebias_image_set_free(a);
    rebias_image_set_free(b);
}

/* The generated digits: every class about equally often (5 binomial standard deviations of
 * 10000/10: 150), and learnable: a software network of 30 hidden neurons gets 90 % of the test
 * digits right. */
static void test_generated_digits(void **state)
{
    (void)state;
    static struct rebias_image_set set;
    struct rebias_error err = {0};
    size_t count[10] = {0};
    support_expect(rebias_small_set_generate(&set, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(set.source, "mnist-small, generated digits");
    assert_true(set.checksum[0][0] == '\0');
    for (size_t i = 0; i < set.train.n; i++) {
        count[set.train.labels[i]]++;
    }
    for (size_t c = 0; c < 10; c++) {
        assert_in_range(count[c], 850, 1150);
    }
    struct rebias_network_options network_options = rebias_network_options_defaults();
    struct rebias_train_options options = rebias_train_options_defaults();
    struct rebias_network *network = NULL;
    struct rebias_epoch epochs[10];
    network_options.sizes[0] = 196;
    network_options.sizes[1] = 30;
    options.epochs = 10;
    support_expect(rebias_network_new(&network, &network_options, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_train(network, &set, &options, epochs, NULL, NULL, &err), REBIAS_OK,
                   &err, NULL);
    print_message("# generated digits: %.4f\n", epochs[9].test_accuracy);
    assert_true(epochs[9].test_accuracy > 0.9);
    rebias_network_free(network);
    rebias_images_clear(&set.train);
    rebias_images_clear(&set.test);
}

/* Pooled MNIST: each pixel is the rounded mean of four. */
static void test_small_set_is_pooled(void **state)
{
    (void)state;
    char path[1024];
    if (!support_shared(path, "mnist")) {
        return;
    }
    struct rebias_image_set *full = NULL;
    struct rebias_image_set *small = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_image_set_load(&full, "mnist", path, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_image_set_load(&small, "mnist-small", path, &err), REBIAS_OK, &err,
                   NULL);
    assert_string_equal(small->source, "mnist-small from mnist");
    assert_string_equal(small->checksum[0], full->checksum[0]);
    for (size_t k = 0; k < 10 * 196; k++) {
        const uint8_t *p = full->train.pixels + k / 196 * 784 + k % 196 / 14 * 56 + k % 14 * 2;
        double mean = (p[0] + p[1] + p[28] + p[29]) / 4.0;
        assert_true(small->train.pixels[k] - mean <= 0.5 &&
                    mean - small->train.pixels[k] < 0.5);
    }
    assert_memory_equal(small->train.labels, full->train.labels, 10000);
    rebias_image_set_free(full);
    rebias_image_set_free(small);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_gzip),
        cmocka_unit_test(test_largest_label),
        cmocka_unit_test(test_bad_images),
        cmocka_unit_test(test_bad_labels),
        cmocka_unit_test(test_bad_gzip_and_missing),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_fashion_mnist),
        cmocka_unit_test(test_mnist),
        cmocka_unit_test(test_small_set),
        cmocka_unit_test(test_generated_digits),
        cmocka_unit_test(test_small_set_is_pooled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
