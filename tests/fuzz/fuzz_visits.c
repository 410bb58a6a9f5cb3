/* fuzz_visits.c - any bytes as a CSV of visits: refused with a message, or visits whose weights
 * sum to 1 and that come back bit by bit through write and load.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include "rebias/visits.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rebias_visits *load(const char *path)
{
    struct rebias_error err = {0};
    struct rebias_visits *visits = NULL;
    int status = rebias_visits_load(&visits, path, &err);
    if (status == REBIAS_OK) {
        fuzz_require(visits != NULL && visits->levels > 0, "success without data");
        fuzz_require(visits->Gmin < visits->Gmax, "the range is upside down");
    } else {
        fuzz_require(visits == NULL, "failure with data");
        fuzz_require(err.status == status && err.message[0] != '\0',
                     "failure without a message");
    }
    return visits;
}

static void check_weights(const struct rebias_visits *visits)
{
    enum { SLICES = 7 };
    double set[SLICES];
    double reset[SLICES];
    if (rebias_visits_weights(visits, visits->Gmin, visits->Gmax, SLICES,
                              (double *[]){set, reset}, NULL) != REBIAS_OK) {
        return; /* a polarity without visits */
    }
    double sum[2] = {0.0, 0.0};
    for (size_t k = 0; k < SLICES; k++) {
        fuzz_require(set[k] >= 0.0 && reset[k] >= 0.0, "a weight is negative");
        sum[0] += set[k];
        sum[1] += reset[k];
    }
    fuzz_require(fabs(sum[0] - 1.0) < 1e-6 && fabs(sum[1] - 1.0) < 1e-6,
                 "the weights do not sum to 1");
}

static void check_round_trip(const struct rebias_visits *visits)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fuzz_require(stream != NULL, "no memory stream");
    fuzz_require(rebias_visits_write(visits, stream, "fuzz\r\n\rtwo lines", NULL) == REBIAS_OK,
                 "write failed");
    fuzz_require(fclose(stream) == 0, "close failed");
    uint8_t *bytes = malloc(size + 1);
    fuzz_require(bytes != NULL, "out of memory");
    memcpy(bytes, text, size);
    struct rebias_visits *again = load(fuzz_file(bytes, size, "_again"));
    free(bytes);
    free(text);
    fuzz_require(again != NULL && again->levels == visits->levels, "cells are lost");
    for (int p = 0; p < 2; p++) {
        fuzz_require(memcmp(again->count[p], visits->count[p],
                            visits->levels * sizeof *visits->count[p]) == 0,
                     "counts changed");
    }
    rebias_visits_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rebias_visits *visits = load(fuzz_file(data, size, "_visits"));
    if (visits != NULL) {
        const double width = (visits->Gmax - visits->Gmin) / (double)visits->levels;
        const double largest = fmax(fabs(visits->Gmin), fabs(visits->Gmax));
        if (width > 1e-9 * largest &&
            width > 1e-290) { /* else its edges cannot be told apart */
            check_weights(visits);
            check_round_trip(visits);
        }
    }
    rebias_visits_free(visits);
    return 0;
}
