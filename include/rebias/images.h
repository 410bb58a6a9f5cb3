/* images.h - labelled images: IDX and CIFAR-10 files (plain or gzip), found by data-set name.
 */
#ifndef REBIAS_IMAGES_H
#define REBIAS_IMAGES_H

#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_images {
    size_t n;
    size_t rows; /* pixels */
    size_t columns;
    size_t channels; /* 1 (grey) or 3 (red, green, blue) */
    size_t classes;  /* 1 + the largest label */
    uint8_t *pixels; /* n x channels x rows x columns, row-major, 0..255 */
    uint8_t *labels; /* n */
};

enum { REBIAS_SET_FILES = 6 };

struct rebias_image_set {
    struct rebias_images train;
    struct rebias_images test;
    char source[64]; /* the data set's name, and for mnist-small what it was made from */
    char checksum[REBIAS_SET_FILES][20]; /* crc32 of the files read; "" behind the last one */
    const char *file[REBIAS_SET_FILES];  /* what they hold: "training images" ...; static */
};

/* Reads one pair of IDX files (magic 0x00000803 unsigned byte images, 0x00000801 labels), plain
 * or gzip. Refused with the file's name: wrong magic, truncated or over-long content, counts
 * that differ, zero images. *out is all zero on failure; free with rebias_images_clear. */
int rebias_images_load(struct rebias_images *out, const char *image_path,
                       const char *label_path, struct rebias_error *err);
void rebias_images_clear(struct rebias_images *images);

/* Bytes of one image: channels x rows x columns. */
size_t rebias_images_size(const struct rebias_images *images);

/* Reads count >= 1 files of CIFAR-10's binary version, one behind the other: records of 3,073
 * bytes, a label 0 .. 9 and three planes of 32 x 32 pixels. Refused with the file's name: an
 * empty file, one that ends within a record, a label above 9. *out is all zero on failure. */
int rebias_images_load_cifar(struct rebias_images *out, const char *const *paths, size_t count,
                             struct rebias_error *err);

/* *out = a data set by name: "fashion-mnist" or "mnist", or any folder name that holds the four
 * standard files (train-images-idx3-ubyte, ... with or without .gz), or "cifar10": a folder
 * with data_batch_1.bin, as many of data_batch_2.bin to data_batch_5.bin as there are, and
 * test_batch.bin. Looked for in: data_dir, data_dir/NAME (when data_dir is not NULL), then NAME
 * as a folder, then the standard places /usr/share/datasets/NAME and
 * /usr/local/share/datasets/NAME. When nothing is found the error says where it looked and how
 * to get the data. "mnist-small" always works: 14 x 14 pixels, at most 10,000 + 2,000 images,
 * pooled from MNIST or else Fashion-MNIST where found, else generated digits. Owner: the caller
 * (rebias_image_set_free). */
int rebias_image_set_load(struct rebias_image_set **out, const char *name, const char *data_dir,
                          struct rebias_error *err);
void rebias_image_set_free(struct rebias_image_set *set);

#ifdef __cplusplus
}
#endif
#endif
