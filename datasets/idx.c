/* idx.c - labelled images from one pair of IDX files.
 * 1. header   2. images   3. labels   4. the pair
 *
 * Format: big-endian 32-bit magic 0x000008DD (08 = unsigned byte, DD = dimensions), one 32-bit
 * size a dimension, then the bytes (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of
 * handwritten digits").
 */
#include "rebias/base.h"
#include "rebias/images.h"
#include <stdlib.h>
#include <string.h>

static const size_t MAX_FILE = (size_t)1 << 31;

enum { IMAGE_MAGIC = 0x00000803, LABEL_MAGIC = 0x00000801, MAX_DIMENSIONS = 3 };

/* A file read whole; bytes lie behind the header. */
struct idx {
    const char *path;
    char *data;
    size_t size[MAX_DIMENSIONS];
    const char *bytes;
    size_t count; /* product of the sizes */
};

/* -- 1. header -- */

static int fail_file(const char *path, int status, const char *expected, const char *message,
                     struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    return rebias_fail_at(err, status, &place, expected, "%s", message);
}

static uint32_t read_big_endian(const char *bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 8 | (uint8_t)bytes[i];
    }
    return value;
}

static int check_magic(const struct idx *idx, size_t size, uint32_t magic,
                       struct rebias_error *err)
{
    char value[16];
    char expected[64];
    if (size < 4) {
        return fail_file(idx->path, REBIAS_E_FORMAT, "an IDX file",
                         "file is too short for a magic number", err);
    }
    uint32_t found = read_big_endian(idx->data);
    if (found == magic) {
        return REBIAS_OK;
    }
    snprintf(value, sizeof value, "0x%08x", (unsigned)found);
    snprintf(expected, sizeof expected, "0x%08x, IDX %s", (unsigned)magic,
             magic == IMAGE_MAGIC ? "images" : "labels");
    const struct rebias_place place = {idx->path, 0, 0, value};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "wrong magic number");
}

static int check_size(struct idx *idx, size_t header, size_t size, struct rebias_error *err)
{
    size_t count = 1;
    bool overflow = false;
    for (size_t i = 0; i < MAX_DIMENSIONS; i++) {
        overflow |= __builtin_mul_overflow(count, idx->size[i], &count);
    }
    size_t found = size - header;
    if (!overflow && found == count) {
        idx->count = count;
        return REBIAS_OK;
    }
    const struct rebias_place place = {idx->path, 0, 0, NULL};
    char expected[64];
    snprintf(expected, sizeof expected, "%zu", count);
    return rebias_fail_at(
        err, REBIAS_E_FORMAT, &place, overflow ? "more than memory can hold" : expected,
        overflow || found < count ? "file is truncated: %zu bytes behind the header"
                                  : "trailing bytes: %zu bytes behind the header",
        found);
}

/* Reads a file whose magic number names `dimensions` sizes; those not named are 1. */
static int read_idx(struct idx *idx, const char *path, uint32_t magic, struct rebias_error *err)
{
    size_t size = 0;
    size_t dimensions = magic & 0xFFu;
    size_t header = 4 + 4 * dimensions;
    idx->path = path;
    int status = rebias_read_file(path, MAX_FILE, &idx->data, &size, err);
    if (status == REBIAS_OK) {
        status = check_magic(idx, size, magic, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    if (size < header) {
        return fail_file(path, REBIAS_E_FORMAT, "the sizes behind the magic number",
                         "file is truncated", err);
    }
    for (size_t i = 0; i < MAX_DIMENSIONS; i++) {
        idx->size[i] = i < dimensions ? read_big_endian(idx->data + 4 + 4 * i) : 1;
    }
    idx->bytes = idx->data + header;
    return check_size(idx, header, size, err);
}

/* -- 2. images -- */

static int take_images(struct rebias_images *images, const struct idx *idx,
                       struct rebias_error *err)
{
    images->n = idx->size[0];
    images->rows = idx->size[1];
    images->columns = idx->size[2];
    images->channels = 1;
    if (images->n == 0) {
        return fail_file(idx->path, REBIAS_E_DATA, "at least one image", "file holds no images",
                         err);
    }
    if (idx->count == 0) {
        return fail_file(idx->path, REBIAS_E_FORMAT, "at least one row and column",
                         "images have no pixels", err);
    }
    int status = rebias_alloc(&images->pixels, idx->count, sizeof *images->pixels, err);
    if (status == REBIAS_OK) {
        memcpy(images->pixels, idx->bytes, idx->count);
    }
    return status;
}

/* -- 3. labels -- */

static int take_labels(struct rebias_images *images, const struct idx *idx,
                       struct rebias_error *err)
{
    if (idx->count != images->n) {
        const struct rebias_place place = {idx->path, 0, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "as many labels as images",
                              "%zu labels for %zu images", idx->count, images->n);
    }
    int status = rebias_alloc(&images->labels, idx->count, sizeof *images->labels, err);
    if (status != REBIAS_OK) {
        return status;
    }
    memcpy(images->labels, idx->bytes, idx->count);
    for (size_t i = 0; i < images->n; i++) {
        size_t classes = (size_t)images->labels[i] + 1;
        images->classes = classes > images->classes ? classes : images->classes;
    }
    return REBIAS_OK;
}

/* -- 4. the pair -- */

int rebias_images_load(struct rebias_images *out, const char *image_path,
                       const char *label_path, struct rebias_error *err)
{
    *out = (struct rebias_images){0};
    struct rebias_images images = {0};
    struct idx image_file = {0};
    struct idx label_file = {0};
    int status = read_idx(&image_file, image_path, IMAGE_MAGIC, err);
    if (status == REBIAS_OK) {
        status = read_idx(&label_file, label_path, LABEL_MAGIC, err);
    }
    if (status == REBIAS_OK) {
        status = take_images(&images, &image_file, err);
    }
    if (status == REBIAS_OK) {
        status = take_labels(&images, &label_file, err);
    }
    if (status == REBIAS_OK) {
        *out = images;
    } else {
        rebias_images_clear(&images);
    }
    free(image_file.data);
    free(label_file.data);
    return status;
}

void rebias_images_clear(struct rebias_images *images)
{
    free(images->pixels);
    free(images->labels);
    *images = (struct rebias_images){0};
}

size_t rebias_images_size(const struct rebias_images *images)
{
    return images->channels * images->rows * images->columns;
}
