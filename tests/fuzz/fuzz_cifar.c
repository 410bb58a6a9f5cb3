/* fuzz_cifar.c - any bytes as a file of CIFAR-10's binary version: refused with a message, or
 * images that hold the file's records; given twice, twice.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include "rebias/images.h"
#include <string.h>

enum { RECORD = 3073 };

static int load(struct rebias_images *images, const char *path, size_t times)
{
    const char *const paths[2] = {path, path};
    struct rebias_error err = {0};
    int status = rebias_images_load_cifar(images, paths, times, &err);
    if (status != REBIAS_OK) {
        fuzz_require(images->pixels == NULL && images->labels == NULL && images->n == 0,
                     "failure with data");
        fuzz_require(err.status == status && err.message[0] != '\0',
                     "failure without a message");
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, "_cifar");
    struct rebias_images once;
    struct rebias_images twice;
    int status = load(&once, path, 1);
    fuzz_require(load(&twice, path, 2) == status, "the second copy is judged otherwise");
    if (status == REBIAS_OK) {
        fuzz_require(once.n > 0 && twice.n == 2 * once.n, "wrong number of images");
        fuzz_require(rebias_images_size(&once) == RECORD - 1, "wrong size of an image");
    }
    bool plain = size >= 2 && !(data[0] == 0x1F && data[1] == 0x8B); /* not gzip */
    for (size_t i = 0; i < once.n; i++) {
        fuzz_require(once.labels[i] <= 9, "a label above 9");
        fuzz_require(once.labels[i] == twice.labels[once.n + i], "the copy has another label");
        fuzz_require(!plain || memcmp(once.pixels + i * (RECORD - 1), data + i * RECORD + 1,
                                      RECORD - 1) == 0,
                     "pixels changed");
    }
    rebias_images_clear(&once);
    rebias_images_clear(&twice);
    return 0;
}
