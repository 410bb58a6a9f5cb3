/* chip_import.c - chips from measured conductance maps, one text file a kernel.
 * 1. numbers of kernels   2. lines of a map   3. maps   4. chips
 */
#include "rebias/base.h"
#include "rebias/chip.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. numbers of kernels -- */

/* The digits at the end of a file's name before its first dot; without them `place`. */
static int kernel_number(int32_t *number, const char *path, size_t place,
                         struct rebias_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t end = strcspn(name, ".");
    size_t start = end;
    char digits[16];
    int64_t value = (int64_t)place;
    while (start > 0 && name[start - 1] >= '0' && name[start - 1] <= '9') {
        start--;
    }
    const size_t length = end - start;
    const bool fits = length < sizeof digits;
    memcpy(digits, name + start, fits ? length : 0);
    digits[fits ? length : 0] = '\0';
    if (length > 0 && (!fits || !rebias_parse_integer(digits, 0, INT32_MAX, &value))) {
        const struct rebias_place at = {path, 0, 0, name};
        return rebias_fail_at(err, REBIAS_E_NAME, &at, "a number up to 2147483647",
                              "the file's name holds no number of a kernel");
    }
    *number = (int32_t)value;
    return REBIAS_OK;
}

/* -- 2. lines of a map -- */

struct map {
    const char *path;
    double scale;
    size_t columns, rows;        /* read so far; rows 0 = not known */
    struct rebias_buffer values; /* float */
};

static int take_number(struct map *map, const char *text, const struct rebias_place *place,
                       struct rebias_error *err)
{
    double value = 0.0;
    if (!rebias_parse_double(text, &value) || !isfinite((float)(value * map->scale))) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, place, "a finite number",
                              "not a conductance");
    }
    const float G = (float)(value * map->scale);
    return rebias_buffer_append(&map->values, sizeof G, &G, err);
}

/* Cuts the line into its numbers: one column of the kernel. */
static int take_line(struct map *map, char *line, size_t number, struct rebias_error *err)
{
    static const char blanks[] = " \t\r";
    struct rebias_place place = {map->path, number, 0, NULL};
    int status = REBIAS_OK;
    line += strspn(line, blanks);
    if (*line == '\0' || *line == '#') {
        return REBIAS_OK;
    }
    while (*line != '\0' && status == REBIAS_OK) {
        char *end = line + strcspn(line, blanks);
        char *next = end + strspn(end, blanks);
        *end = '\0';
        place.column++;
        place.value = line;
        status = take_number(map, line, &place, err);
        line = next;
    }
    if (status == REBIAS_OK && map->rows != 0 && place.column != map->rows) {
        char expected[64];
        snprintf(expected, sizeof expected, "%zu, as in the lines before", map->rows);
        const size_t found = place.column;
        place = (struct rebias_place){map->path, number, 0, NULL};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected,
                                "the line holds %zu numbers", found);
    }
    map->rows = map->rows == 0 ? place.column : map->rows;
    map->columns++;
    return status;
}

/* -- 3. maps -- */

static int read_map(struct map *map, struct rebias_error *err)
{
    static const size_t most = (size_t)1 << 30; /* bytes */
    const struct rebias_place place = {map->path, 0, 0, NULL};
    static const char expected[] = "lines of numbers: a line a column, a number a row";
    char *text = NULL;
    size_t size = 0;
    size_t number = 0;
    int status = rebias_read_file(map->path, most, &text, &size, err);
    if (status == REBIAS_OK && strlen(text) != size) {
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "this is no text");
    }
    for (char *line = text; line != NULL && status == REBIAS_OK;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        status = take_line(map, line, ++number, err);
        line = end;
    }
    if (status == REBIAS_OK && map->columns == 0) {
        status =
            rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "the file holds no map");
    }
    free(text);
    return status;
}

/* The map as kernel k; the first map makes the chip. */
static int take_map(struct rebias_chip **chip, const struct map *map, size_t k, size_t count,
                    struct rebias_error *err)
{
    int status = REBIAS_OK;
    if (*chip == NULL) {
        status = rebias_chip_new(chip, count, map->columns, map->rows, err);
    }
    if (status == REBIAS_OK &&
        ((*chip)->columns != map->columns || (*chip)->rows != map->rows)) {
        const struct rebias_place place = {map->path, 0, 0, NULL};
        char expected[80];
        snprintf(expected, sizeof expected, "%zu lines of %zu, as in the first map",
                 (*chip)->columns, (*chip)->rows);
        status =
            rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected,
                           "the map has %zu lines of %zu numbers", map->columns, map->rows);
    }
    if (status == REBIAS_OK) {
        memcpy((*chip)->kernel[k].G, map->values.data, map->values.count * sizeof(float));
        status = kernel_number(&(*chip)->kernel[k].number, map->path, k, err);
    }
    return status;
}

/* -- 4. chips -- */

static int by_number(const void *a, const void *b)
{
    const struct rebias_kernel *left = a;
    const struct rebias_kernel *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

static int sort_kernels(struct rebias_chip *chip, struct rebias_error *err)
{
    qsort(chip->kernel, chip->count, sizeof *chip->kernel, by_number);
    for (size_t k = 1; k < chip->count; k++) {
        if (chip->kernel[k].number == chip->kernel[k - 1].number) {
            return rebias_fail(err, REBIAS_E_DATA, "two of the maps are of kernel %d",
                               chip->kernel[k].number);
        }
    }
    return REBIAS_OK;
}

static int check_arguments(size_t count, double scale, double high, double low,
                           struct rebias_error *err)
{
    if (count == 0) {
        return rebias_fail(err, REBIAS_E_DATA, "a chip needs at least one map");
    }
    if (!(isfinite(scale) && scale > 0.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "maps cannot be scaled by %g (above 0)", scale);
    }
    if (!(isfinite(high) && isfinite(low) && low <= high)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "thresholds %g S (high) and %g S (low) contradict each other", high,
                           low);
    }
    return REBIAS_OK;
}

int rebias_chip_import(struct rebias_chip **out, size_t count, const char *const *paths,
                       double scale, double high, double low, struct rebias_error *err)
{
    struct rebias_chip *chip = NULL;
    *out = NULL;
    int status = check_arguments(count, scale, high, low, err);
    for (size_t k = 0; k < count && status == REBIAS_OK; k++) {
        struct map map = {.path = paths[k], .scale = scale};
        status = read_map(&map, err);
        if (status == REBIAS_OK) {
            status = take_map(&chip, &map, k, count, err);
        }
        free(map.values.data);
    }
    if (status == REBIAS_OK) {
        status = sort_kernels(chip, err);
    }
    if (status != REBIAS_OK) {
        rebias_chip_free(chip);
        return status;
    }
    rebias_chip_mark(chip, high, low);
    *out = chip;
    return REBIAS_OK;
}
