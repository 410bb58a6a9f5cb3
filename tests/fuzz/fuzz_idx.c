/* fuzz_idx.c - any bytes as a pair of IDX files. The first byte is the length of the label
 * file, which is the end of the bytes; the image file is the rest.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include "rebias/images.h"

static void check_images(const struct rebias_images *images)
{
    fuzz_require(images->n > 0 && images->rows > 0 && images->columns > 0,
                 "an empty set of images");
    size_t largest = 0;
    for (size_t i = 0; i < images->n; i++) {
        largest = images->labels[i] > largest ? images->labels[i] : largest;
    }
    fuzz_require(images->classes == largest + 1, "classes is not 1 + the largest label");
    unsigned sum = 0;
    for (size_t i = 0; i < images->n * images->rows * images->columns; i++) {
        sum += images->pixels[i]; /* the sanitizer sees a read beyond the end */
    }
    fuzz_require(sum <= 255u * images->n * images->rows * images->columns, "a pixel above 255");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t rest = size > 0 ? size - 1 : 0;
    size_t label_size = size > 0 && data[0] < rest ? data[0] : rest;
    const uint8_t *bytes = size > 0 ? data + 1 : data;
    const char *image_path = fuzz_file(bytes, rest - label_size, "_images");
    const char *label_path = fuzz_file(bytes + (rest - label_size), label_size, "_labels");
    struct rebias_error err = {0};
    struct rebias_images images;
    int status = rebias_images_load(&images, image_path, label_path, &err);
    if (status == REBIAS_OK) {
        check_images(&images);
    } else {
        fuzz_require(images.pixels == NULL && images.labels == NULL, "failure with data");
        fuzz_require(err.status == status && err.message[0] != '\0',
                     "failure without a message");
    }
    rebias_images_clear(&images);
    return 0;
}
