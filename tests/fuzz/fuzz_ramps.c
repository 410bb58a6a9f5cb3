/* fuzz_ramps.c - any bytes as a file of ramps, SET and RESET: refused with a message, or points
 * that hold their promises.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include "rebias/pulses.h"
#include <math.h>

static struct rebias_pulses *load(const char *set_path, const char *reset_path,
                                  double read_voltage, bool skip_bad)
{
    struct rebias_ramps_options options = rebias_ramps_options_defaults();
    options.read_voltage = read_voltage;
    options.skip_bad = skip_bad;
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    int status = rebias_pulses_load_ramps(&pulses, set_path, reset_path, &options, &err);
    fuzz_require((status == REBIAS_OK) == (pulses != NULL), "status and data disagree");
    fuzz_require(status == REBIAS_OK || (err.status == status && err.message[0] != '\0'),
                 "failure without a message");
    return pulses;
}

static void check_points(const struct rebias_pulses *p)
{
    fuzz_require(p->n > 0 && p->device == NULL, "no points, or devices that no file names");
    for (size_t i = 0; i < p->n; i++) {
        fuzz_require(isfinite(p->G[i]) && p->G[i] >= 0.0, "G is not finite and >= 0");
        fuzz_require(isfinite(p->dG[i]) && p->G[i] + p->dG[i] >= 0.0, "dG leads below 0");
        fuzz_require(p->cycle[i] >= 1 && p->pulse[i] >= 1, "numbers do not start at 1");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, "_ramps");
    struct rebias_pulses *set = load(path, NULL, 0.0, false);
    struct rebias_pulses *both = load(path, path, 0.0, false);
    struct rebias_pulses *tolerant = load(path, NULL, 0.5, true);
    fuzz_require((set != NULL) == (both != NULL), "the second file changes the first");
    if (set != NULL) {
        check_points(set);
        fuzz_require(both->n == 2 * set->n && rebias_pulses_count(both, 1) == set->n,
                     "points are lost");
    }
    if (tolerant != NULL) {
        check_points(tolerant);
    }
    rebias_pulses_free(set);
    rebias_pulses_free(both);
    rebias_pulses_free(tolerant);
    return 0;
}
