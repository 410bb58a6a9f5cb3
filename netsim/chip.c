/* chip.c - crossbar chips of several kernels.
 * 1. life cycle   2. which devices are stuck   3. counts   4. clean positions
 */
#include "rebias/chip.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. life cycle -- */

static int check_size(size_t count, size_t columns, size_t rows, struct rebias_error *err)
{
    static const size_t most = 100000000; /* devices; what our HDF5 files may hold */
    size_t devices = 0;
    if (count == 0 || columns == 0 || rows == 0 ||
        __builtin_mul_overflow(columns, rows, &devices) ||
        __builtin_mul_overflow(devices, count, &devices) || devices > most) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a chip of %zu kernels of %zu columns x %zu rows is not possible (1 "
                           "to %zu devices)",
                           count, columns, rows, most);
    }
    return REBIAS_OK;
}

int rebias_chip_new(struct rebias_chip **out, size_t count, size_t columns, size_t rows,
                    struct rebias_error *err)
{
    *out = NULL;
    struct rebias_chip *chip = NULL;
    int status = check_size(count, columns, rows, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&chip, 1, sizeof *chip, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    chip->columns = columns;
    chip->rows = rows;
    status = rebias_alloc(&chip->kernel, count, sizeof *chip->kernel, err);
    chip->count = status == REBIAS_OK ? count : 0;
    for (size_t k = 0; k < chip->count && status == REBIAS_OK; k++) {
        struct rebias_kernel *kernel = &chip->kernel[k];
        kernel->number = (int32_t)k;
        status = rebias_alloc(&kernel->fault, columns * rows, sizeof *kernel->fault, err);
        if (status == REBIAS_OK) {
            status = rebias_alloc(&kernel->G, columns * rows, sizeof *kernel->G, err);
        }
    }
    if (status != REBIAS_OK) {
        rebias_chip_free(chip);
        return status;
    }
    *out = chip;
    return REBIAS_OK;
}

void rebias_chip_free(struct rebias_chip *chip)
{
    if (chip == NULL) {
        return;
    }
    for (size_t k = 0; k < chip->count; k++) {
        free(chip->kernel[k].fault);
        free(chip->kernel[k].G);
    }
    free(chip->kernel);
    free(chip->provenance);
    free(chip);
}

/* -- 2. which devices are stuck -- */

void rebias_chip_mark(struct rebias_chip *chip, double high, double low)
{
    const size_t n = chip->columns * chip->rows;
    chip->high = high;
    chip->low = low;
    for (size_t k = 0; k < chip->count; k++) {
        struct rebias_kernel *kernel = &chip->kernel[k];
        for (size_t i = 0; i < n; i++) {
            const double G = (double)kernel->G[i];
            kernel->fault[i] = G > high  ? REBIAS_STUCK_HIGH
                               : G < low ? REBIAS_STUCK_LOW
                                         : REBIAS_WORKING;
        }
    }
}

/* -- 3. counts -- */

/* Number and sum of the values of one kind of stuck devices, and sum of (value - centre)^2. */
struct sums {
    size_t count;
    double sum, squares;
};

static void add_values(struct sums *sums, const struct rebias_chip *chip, size_t k,
                       enum rebias_fault fault, double centre)
{
    const struct rebias_kernel *kernel = &chip->kernel[k];
    for (size_t i = 0; i < chip->columns * chip->rows; i++) {
        if (kernel->fault[i] == (uint8_t)fault) {
            const double G = (double)kernel->G[i];
            sums->count++;
            sums->sum += G;
            sums->squares += (G - centre) * (G - centre);
        }
    }
}

bool rebias_kernel_row_dead(const struct rebias_chip *chip, size_t kernel, size_t row)
{
    const uint8_t *fault = chip->kernel[kernel].fault + row;
    size_t low = 0;
    while (low < chip->columns && fault[low * chip->rows] == REBIAS_STUCK_LOW) {
        low++;
    }
    return low == chip->columns;
}

static bool column_dead(const struct rebias_chip *chip, size_t kernel, size_t column)
{
    const uint8_t *fault = chip->kernel[kernel].fault + column * chip->rows;
    size_t low = 0;
    while (low < chip->rows && fault[low] == REBIAS_STUCK_LOW) {
        low++;
    }
    return low == chip->rows;
}

/* Kernels first .. last - 1. */
static void describe(const struct rebias_chip *chip, size_t first, size_t last,
                     struct rebias_kernel_info *info)
{
    struct sums high = {0, 0.0, 0.0};
    struct sums low = {0, 0.0, 0.0};
    struct sums around = {0, 0.0, 0.0};
    *info = (struct rebias_kernel_info){0};
    for (size_t k = first; k < last; k++) {
        add_values(&high, chip, k, REBIAS_STUCK_HIGH, 0.0);
        add_values(&low, chip, k, REBIAS_STUCK_LOW, 0.0);
        for (size_t row = 0; row < chip->rows; row++) {
            info->dead_rows += rebias_kernel_row_dead(chip, k, row);
        }
        for (size_t column = 0; column < chip->columns; column++) {
            info->dead_columns += column_dead(chip, k, column);
        }
    }
    info->high = high.count;
    info->low = low.count;
    info->high_mean = high.count > 0 ? high.sum / (double)high.count : (double)NAN;
    info->low_mean = low.count > 0 ? low.sum / (double)low.count : (double)NAN;
    for (size_t k = first; k < last; k++) {
        add_values(&around, chip, k, REBIAS_STUCK_HIGH, info->high_mean);
    }
    info->high_sd =
        high.count > 1 ? sqrt(around.squares / (double)(high.count - 1)) : (double)NAN;
}

void rebias_kernel_describe(const struct rebias_chip *chip, size_t kernel,
                            struct rebias_kernel_info *info)
{
    describe(chip, kernel, kernel + 1, info);
}

void rebias_chip_describe(const struct rebias_chip *chip, struct rebias_kernel_info *info)
{
    describe(chip, 0, chip->count, info);
}

/* -- 4. clean positions -- */

/* Whether the m devices of one row, from one column on, all work. */
static bool clean_across(const struct rebias_chip *chip, const uint8_t *first, size_t m)
{
    size_t c = 0;
    while (c < m && first[c * chip->rows] == REBIAS_WORKING) {
        c++;
    }
    return c == m;
}

static uint64_t clean_positions(const struct rebias_chip *chip, size_t k, size_t m, size_t n)
{
    uint64_t positions = 0;
    for (size_t column = 0; column + m <= chip->columns; column++) {
        const uint8_t *fault = chip->kernel[k].fault + column * chip->rows;
        size_t run = 0; /* clean rows that end here */
        for (size_t row = 0; row < chip->rows; row++) {
            run = clean_across(chip, fault + row, m) ? run + 1 : 0;
            positions += run >= n;
        }
    }
    return positions;
}

uint64_t rebias_chip_clean_positions(const struct rebias_chip *chip, size_t m, size_t n)
{
    uint64_t positions = 0;
    for (size_t k = 0; k < chip->count && m > 0 && n > 0; k++) {
        positions += clean_positions(chip, k, m, n);
    }
    return positions;
}
