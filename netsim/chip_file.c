/* chip_file.c - chips as HDF5 files.
 * 1. saving   2. attributes   3. datasets   4. loading
 */
#include "base/hdf5_file.h"
#include "rebias/base.h"
#include "rebias/chip.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The three arrays of a file, kernels x devices and kernels. */
struct arrays {
    int32_t *fault;
    float *G;
    int32_t *number;
};

static void free_arrays(struct arrays *arrays)
{
    free(arrays->fault);
    free(arrays->G);
    free(arrays->number);
}

static int new_arrays(struct arrays *arrays, size_t count, size_t devices,
                      struct rebias_error *err)
{
    int status = rebias_alloc(&arrays->fault, count * devices, sizeof(int32_t), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&arrays->G, count * devices, sizeof(float), err);
    }
    return status == REBIAS_OK ? rebias_alloc(&arrays->number, count, sizeof(int32_t), err)
                               : status;
}

/* -- 1. saving -- */

static int save_arrays(struct rebias_hdf5 *file, const struct rebias_chip *chip,
                       struct rebias_error *err)
{
    const size_t n = chip->columns * chip->rows;
    struct arrays arrays = {NULL, NULL, NULL};
    int status = new_arrays(&arrays, chip->count, n, err);
    for (size_t k = 0; k < chip->count && status == REBIAS_OK; k++) {
        memcpy(arrays.G + k * n, chip->kernel[k].G, n * sizeof(float));
        arrays.number[k] = chip->kernel[k].number;
        for (size_t i = 0; i < n; i++) {
            arrays.fault[k * n + i] = chip->kernel[k].fault[i];
        }
    }
    const struct rebias_hdf5_array fault = {
        REBIAS_HDF5_INT32, 2, {chip->count, n}, arrays.fault};
    const struct rebias_hdf5_array G = {REBIAS_HDF5_FLOAT, 2, {chip->count, n}, arrays.G};
    const struct rebias_hdf5_array number = {
        REBIAS_HDF5_INT32, 1, {chip->count, 1}, arrays.number};
    status = status == REBIAS_OK ? rebias_hdf5_write(file, "/fault", &fault, err) : status;
    status = status == REBIAS_OK ? rebias_hdf5_write(file, "/G", &G, err) : status;
    status = status == REBIAS_OK ? rebias_hdf5_write(file, "/number", &number, err) : status;
    free_arrays(&arrays);
    return status;
}

static int save_attributes(struct rebias_hdf5 *file, const struct rebias_chip *chip,
                           struct rebias_error *err)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"columns", (double)chip->columns},
                   {"rows", (double)chip->rows},
                   {"high", chip->high},
                   {"low", chip->low}};
    int status = REBIAS_OK;
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; k++) {
        status = rebias_hdf5_write_number(file, "/", numbers[k].name, numbers[k].value, err);
    }
    if (status == REBIAS_OK && chip->provenance != NULL) {
        status = rebias_hdf5_write_text(file, "/", "provenance", chip->provenance, err);
    }
    return status;
}

int rebias_chip_save(const struct rebias_chip *chip, const char *path, struct rebias_error *err)
{
    struct rebias_hdf5 *file = NULL;
    int status = rebias_hdf5_create(&file, path, err);
    if (status == REBIAS_OK) {
        status = save_attributes(file, chip, err);
    }
    if (status == REBIAS_OK) {
        status = save_arrays(file, chip, err);
    }
    if (status == REBIAS_OK) {
        return rebias_hdf5_close(file, err);
    }
    rebias_hdf5_discard(file);
    return status;
}

/* -- 2. attributes -- */

struct header {
    size_t count, columns, rows;
    double high, low;
};

/* A whole number from 1. */
static int read_size(const struct rebias_hdf5 *file, const char *path, const char *name,
                     size_t *size, struct rebias_error *err)
{
    double value = 0.0;
    int status = rebias_hdf5_read_number(file, "/", name, &value, err);
    if (status == REBIAS_OK && !(value >= 1.0 && value <= 1e8 && value == floor(value))) {
        const struct rebias_place place = {path, 0, 0, name};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a whole number from 1 to 1e8",
                                "bad attribute of a chip: %g", value);
    }
    *size = status == REBIAS_OK ? (size_t)value : 0;
    return status;
}

static int read_header(const struct rebias_hdf5 *file, const char *path, struct header *header,
                       struct rebias_error *err)
{
    size_t shape[2] = {0, 0};
    int status = rebias_hdf5_shape(file, "/fault", 2, shape, err);
    if (status == REBIAS_OK) {
        status = read_size(file, path, "columns", &header->columns, err);
    }
    if (status == REBIAS_OK) {
        status = read_size(file, path, "rows", &header->rows, err);
    }
    if (status == REBIAS_OK && shape[1] != header->columns * header->rows) {
        const struct rebias_place place = {path, 0, 0, "/fault"};
        char expected[80];
        snprintf(expected, sizeof expected, "%zu columns x %zu rows in each", header->columns,
                 header->rows);
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected,
                                "kernels have %zu devices", shape[1]);
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_read_number(file, "/", "high", &header->high, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_read_number(file, "/", "low", &header->low, err);
    }
    header->count = shape[0];
    return status;
}

/* -- 3. datasets -- */

static int read_arrays(const struct rebias_hdf5 *file, const struct header *header,
                       struct arrays *arrays, struct rebias_error *err)
{
    const size_t n = header->columns * header->rows;
    int status = new_arrays(arrays, header->count, n, err);
    const struct rebias_hdf5_array fault = {
        REBIAS_HDF5_INT32, 2, {header->count, n}, arrays->fault};
    const struct rebias_hdf5_array G = {REBIAS_HDF5_FLOAT, 2, {header->count, n}, arrays->G};
    const struct rebias_hdf5_array number = {
        REBIAS_HDF5_INT32, 1, {header->count, 1}, arrays->number};
    status = status == REBIAS_OK ? rebias_hdf5_read(file, "/fault", &fault, err) : status;
    status = status == REBIAS_OK ? rebias_hdf5_read(file, "/G", &G, err) : status;
    return status == REBIAS_OK ? rebias_hdf5_read(file, "/number", &number, err) : status;
}

static int compare_numbers(const void *a, const void *b)
{
    const int32_t left = *(const int32_t *)a;
    const int32_t right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static int check_numbers(const char *path, const int32_t *number, size_t count,
                         struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, "/number"};
    int32_t *sorted = NULL;
    int status = rebias_alloc(&sorted, count, sizeof *sorted, err);
    if (status != REBIAS_OK) {
        return status;
    }
    memcpy(sorted, number, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    for (size_t k = 0; k < count && status == REBIAS_OK; k++) {
        if (sorted[k] < 0 || (k > 0 && sorted[k] == sorted[k - 1])) {
            status = rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                    "numbers from 0, each of one kernel",
                                    "bad number of a kernel: %d", sorted[k]);
        }
    }
    free(sorted);
    return status;
}

static int fill_kernel(const char *path, struct rebias_chip *chip, const struct arrays *arrays,
                       size_t k, struct rebias_error *err)
{
    const size_t n = chip->columns * chip->rows;
    struct rebias_kernel *kernel = &chip->kernel[k];
    kernel->number = arrays->number[k];
    memcpy(kernel->G, arrays->G + k * n, n * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const int32_t fault = arrays->fault[k * n + i];
        if (fault < REBIAS_WORKING || fault > REBIAS_STUCK_LOW) {
            const struct rebias_place place = {path, k + 1, i + 1, "/fault"};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                  "0 (works), 1 (stuck high) or 2 (stuck low)",
                                  "bad state of a device: %d", fault);
        }
        kernel->fault[i] = (uint8_t)fault;
    }
    return REBIAS_OK;
}

/* -- 4. loading -- */

static int build(struct rebias_chip **out, const char *path, const struct header *header,
                 const struct arrays *arrays, struct rebias_error *err)
{
    struct rebias_chip *chip = NULL;
    int status = check_numbers(path, arrays->number, header->count, err);
    if (status == REBIAS_OK) {
        status = rebias_chip_new(&chip, header->count, header->columns, header->rows, err);
    }
    for (size_t k = 0; k < header->count && status == REBIAS_OK; k++) {
        status = fill_kernel(path, chip, arrays, k, err);
    }
    if (status != REBIAS_OK) {
        rebias_chip_free(chip);
        return status;
    }
    chip->high = header->high;
    chip->low = header->low;
    *out = chip;
    return REBIAS_OK;
}

int rebias_chip_load(struct rebias_chip **out, const char *path, struct rebias_error *err)
{
    struct rebias_hdf5 *file = NULL;
    struct header header = {0};
    struct arrays arrays = {NULL, NULL, NULL};
    char *provenance = NULL;
    *out = NULL;
    int status = rebias_hdf5_open(&file, path, err);
    if (status == REBIAS_OK) {
        status = read_header(file, path, &header, err);
    }
    if (status == REBIAS_OK) {
        status = read_arrays(file, &header, &arrays, err);
    }
    if (status == REBIAS_OK && rebias_hdf5_has_attribute(file, "/", "provenance")) {
        status = rebias_hdf5_read_text(file, "/", "provenance", &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = build(out, path, &header, &arrays, err);
    }
    if (status == REBIAS_OK) {
        (*out)->provenance = provenance;
        provenance = NULL;
    }
    free(provenance);
    free_arrays(&arrays);
    rebias_hdf5_discard(file);
    return status;
}
