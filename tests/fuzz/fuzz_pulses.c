/* fuzz_pulses.c - any bytes as a CSV of pulse data: refused with a message, or data that hold
 * their promises and come back bit by bit through write and load.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_points(const struct rebias_pulses *p)
{
    for (size_t i = 0; i < p->n; i++) {
        fuzz_require(p->polarity[i] <= 1, "unknown polarity");
        fuzz_require(isfinite(p->G[i]) && p->G[i] >= 0.0, "G is not finite and >= 0");
        fuzz_require(isfinite(p->dG[i]), "dG is not finite");
    }
    for (int polarity = 0; polarity < 2; polarity++) {
        struct rebias_pulses_summary s;
        rebias_pulses_describe(p, polarity, &s);
        fuzz_require(s.n == rebias_pulses_count(p, polarity) && s.n > 0, "a polarity is empty");
        fuzz_require(s.G_min <= s.G_max && s.dG_min <= s.dG_max, "the ranges are upside down");
        fuzz_require(s.devices <= s.n && s.cycles <= s.n, "more labels than points");
    }
}

static struct rebias_pulses *load(const char *path, bool skip_bad, const char *unit)
{
    struct rebias_pulses_options options = rebias_pulses_options_defaults();
    options.skip_bad = skip_bad;
    options.unit = unit;
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    int status = rebias_pulses_load(&pulses, path, &options, &err);
    if (status == REBIAS_OK) {
        fuzz_require(pulses != NULL, "success without data");
        check_points(pulses);
    } else {
        fuzz_require(pulses == NULL, "failure with data");
        fuzz_require(err.status == status && err.message[0] != '\0',
                     "failure without a message");
    }
    return pulses;
}

static bool same_labels(const int32_t *a, const int32_t *b, size_t n)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void check_round_trip(const struct rebias_pulses *p)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fuzz_require(stream != NULL, "no memory stream");
    fuzz_require(rebias_pulses_write(p, stream, "fuzz\r\n\rtwo lines", NULL) == REBIAS_OK,
                 "write failed");
    fuzz_require(fclose(stream) == 0, "close failed");
    uint8_t *bytes = malloc(size + 1);
    fuzz_require(bytes != NULL, "out of memory");
    memcpy(bytes, text, size);
    struct rebias_pulses *again = load(fuzz_file(bytes, size, "_again"), false, NULL);
    free(bytes);
    free(text);
    fuzz_require(again != NULL && again->n == p->n, "points are lost");
    fuzz_require(memcmp(again->G, p->G, p->n * sizeof *p->G) == 0, "G changed");
    fuzz_require(memcmp(again->dG, p->dG, p->n * sizeof *p->dG) == 0, "dG changed");
    fuzz_require(memcmp(again->polarity, p->polarity, p->n) == 0, "polarity changed");
    fuzz_require(same_labels(again->device, p->device, p->n), "device changed");
    fuzz_require(same_labels(again->cycle, p->cycle, p->n), "cycle changed");
    fuzz_require(same_labels(again->pulse, p->pulse, p->n), "pulse changed");
    rebias_pulses_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, "_pulses");
    struct rebias_pulses *strict = load(path, false, "uS");
    struct rebias_pulses *tolerant = load(path, true, "uS");
    if (strict != NULL) {
        fuzz_require(tolerant != NULL && tolerant->n == strict->n && tolerant->skipped == 0,
                     "skip_bad changes good data");
        check_round_trip(strict);
    } else if (tolerant != NULL) {
        fuzz_require(tolerant->skipped > 0,
                     "skip_bad reads what was refused and counts nothing");
    }
    rebias_pulses_free(strict);
    rebias_pulses_free(tolerant);
    return 0;
}
