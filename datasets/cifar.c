/* cifar.c - labelled images from files of CIFAR-10's binary version.
 * 1. one file   2. several files
 *
 * Format: records of 3,073 bytes, the label and then 32 x 32 bytes of red, of green and of
 * blue, row by row (A. Krizhevsky, "Learning multiple layers of features from tiny images",
 * 2009).
 */
#include "rebias/base.h"
#include "rebias/images.h"
#include <stdlib.h>
#include <string.h>

static const size_t MAX_FILE = (size_t)1 << 31;

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, RECORD = PIXELS + 1 };
enum { LARGEST_LABEL = 9 };

/* Several files that lie in memory one behind the other. */
struct records {
    uint8_t *bytes;
    size_t n; /* whole records */
};

/* -- 1. one file -- */

static int check_file(const char *path, const char *data, size_t size, struct rebias_error *err)
{
    const struct rebias_place file = {path, 0, 0, NULL};
    if (size == 0) {
        return rebias_fail_at(err, REBIAS_E_DATA, &file, "at least one record of 3073 bytes",
                              "file is empty");
    }
    if (size % RECORD != 0) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &file, "records of 3073 bytes",
                              "file is truncated: %zu bytes behind record %zu", size % RECORD,
                              size / RECORD);
    }
    for (size_t i = 0; i < size / RECORD; i++) {
        const uint8_t label = (uint8_t)data[i * RECORD];
        if (label > LARGEST_LABEL) {
            char value[8];
            snprintf(value, sizeof value, "%u", label);
            const struct rebias_place place = {path, 0, 0, value};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "0 to 9",
                                  "record %zu has a label out of range", i + 1);
        }
    }
    return REBIAS_OK;
}

static int append_file(struct records *records, const char *path, struct rebias_error *err)
{
    char *data = NULL;
    size_t size = 0;
    int status = rebias_read_file(path, MAX_FILE, &data, &size, err);
    if (status == REBIAS_OK) {
        status = check_file(path, data, size, err);
    }
    if (status == REBIAS_OK) {
        uint8_t *grown = realloc(records->bytes, records->n * RECORD + size);
        if (grown == NULL) {
            status =
                rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the images of %s", path);
            goto done;
        }
        memcpy(grown + records->n * RECORD, data, size);
        records->bytes = grown;
        records->n += size / RECORD;
    }
done:
    free(data);
    return status;
}

/* -- 2. several files -- */

static int take_records(struct rebias_images *images, const struct records *records,
                        struct rebias_error *err)
{
    int status = rebias_alloc(&images->pixels, records->n, PIXELS, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&images->labels, records->n, 1, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    images->n = records->n;
    images->rows = images->columns = SIDE;
    images->channels = CHANNELS;
    for (size_t i = 0; i < records->n; i++) {
        const uint8_t *record = records->bytes + i * RECORD;
        const size_t classes = (size_t)record[0] + 1;
        images->labels[i] = record[0];
        images->classes = classes > images->classes ? classes : images->classes;
        memcpy(images->pixels + i * PIXELS, record + 1, PIXELS);
    }
    return REBIAS_OK;
}

int rebias_images_load_cifar(struct rebias_images *out, const char *const *paths, size_t count,
                             struct rebias_error *err)
{
    *out = (struct rebias_images){0};
    struct rebias_images images = {0};
    struct records records = {NULL, 0};
    int status = REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = append_file(&records, paths[i], err);
    }
    if (status == REBIAS_OK) {
        status = take_records(&images, &records, err);
    }
    if (status == REBIAS_OK) {
        *out = images;
    } else {
        rebias_images_clear(&images);
    }
    free(records.bytes);
    return status;
}
