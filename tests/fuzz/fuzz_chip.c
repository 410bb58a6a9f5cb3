/* fuzz_chip.c - any bytes as a conductance map: refused with a message, or a chip whose states
 * follow from its conductances and that comes back bit by bit through a file.
 */
#include "fuzz_input.h"
#include "rebias/chip.h"
#include <math.h>
#include <string.h>

static const double high = 300e-6;
static const double low = 60e-6;

static void check_result(const struct rebias_chip *chip, int status,
                         const struct rebias_error *err)
{
    if (status == REBIAS_OK) {
        fuzz_require(chip != NULL && chip->count > 0, "success without a chip");
    } else {
        fuzz_require(chip == NULL, "failure with a chip");
        fuzz_require(err->status == status && err->message[0] != '\0',
                     "failure without a message");
    }
}

static struct rebias_chip *import(const char *path)
{
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    const char *const paths[] = {path};
    const int status = rebias_chip_import(&chip, 1, paths, 1.0, high, low, &err);
    check_result(chip, status, &err);
    return chip;
}

static struct rebias_chip *load(const char *path)
{
    struct rebias_error err = {0};
    struct rebias_chip *chip = NULL;
    const int status = rebias_chip_load(&chip, path, &err);
    check_result(chip, status, &err);
    return chip;
}

static void check_states(const struct rebias_chip *chip)
{
    struct rebias_kernel_info info;
    size_t stuck = 0;
    const size_t n = chip->columns * chip->rows;
    for (size_t i = 0; i < n; i++) {
        const double G = (double)chip->kernel[0].G[i];
        fuzz_require(isfinite(G), "a conductance is not finite");
        stuck += G > high || G < low;
    }
    rebias_chip_describe(chip, &info);
    fuzz_require(info.high + info.low == stuck, "states do not follow from conductances");
    fuzz_require(rebias_chip_clean_positions(chip, 1, 1) == n - stuck,
                 "clean positions are wrong");
}

static void check_round_trip(const struct rebias_chip *chip)
{
    const size_t n = chip->columns * chip->rows;
    const char *path = fuzz_file((const uint8_t *)"", 0, "_saved.h5");
    fuzz_require(rebias_chip_save(chip, path, NULL) == REBIAS_OK, "save failed");
    struct rebias_chip *again = load(path);
    fuzz_require(again != NULL && again->columns == chip->columns && again->rows == chip->rows,
                 "the shape changed");
    for (size_t k = 0; k < chip->count; k++) {
        fuzz_require(memcmp(again->kernel[k].G, chip->kernel[k].G, n * sizeof(float)) == 0,
                     "conductances changed");
        fuzz_require(memcmp(again->kernel[k].fault, chip->kernel[k].fault, n) == 0,
                     "states changed");
    }
    rebias_chip_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rebias_chip *chip = import(fuzz_file(data, size, "_k3.txt"));
    if (chip != NULL) {
        check_states(chip);
        check_round_trip(chip);
    }
    rebias_chip_free(chip);
    return 0;
}
