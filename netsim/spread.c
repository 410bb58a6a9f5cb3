/* spread.c - additive errors of conductances, and their drift.
 * 1. by name   2. adding   3. drift
 */
#include "rebias/base.h"
#include "rebias/chip.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. by name -- */

static int refuse(const char *text, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, text};
    return rebias_fail_at(err, REBIAS_E_NAME, &place,
                          "none, gaussian:SD, uniform:WIDTH (S, from 0) or samples:FILE",
                          "unknown spread of conductances");
}

/* One number a line; empty lines and notes ("#") are left out. */
static int take_line(struct rebias_buffer *numbers, const char *line,
                     const struct rebias_place *place, struct rebias_error *err)
{
    double value = 0.0;
    line += strspn(line, " \t\r");
    if (*line == '\0' || *line == '#') {
        return REBIAS_OK;
    }
    if (!rebias_parse_double(line, &value) || !isfinite((float)value)) {
        struct rebias_place at = *place;
        at.value = line;
        return rebias_fail_at(err, REBIAS_E_FORMAT, &at, "one number a line, in S",
                              "not a conductance");
    }
    return rebias_buffer_append(numbers, sizeof value, &value, err);
}

/* The text is cut into its lines. */
static int take_lines(struct rebias_buffer *numbers, char *text, const char *path,
                      struct rebias_error *err)
{
    struct rebias_place place = {path, 0, 0, NULL};
    int status = REBIAS_OK;
    while (text != NULL && status == REBIAS_OK) {
        char *line = text;
        text = strchr(text, '\n');
        if (text != NULL) {
            *text++ = '\0';
        }
        place.line++;
        status = take_line(numbers, line, &place, err);
    }
    place.line = 0;
    if (status == REBIAS_OK && numbers->count == 0) {
        status = rebias_fail_at(err, REBIAS_E_DATA, &place, "one number a line, in S",
                                "the file holds no numbers");
    }
    return status;
}

static int load_samples(struct rebias_spread *spread, double **samples, const char *path,
                        struct rebias_error *err)
{
    static const size_t most = (size_t)1 << 28; /* bytes */
    struct rebias_buffer numbers = {0};
    char *text = NULL;
    size_t size = 0;
    int status = rebias_read_file(path, most, &text, &size, err);
    if (status == REBIAS_OK && strlen(text) != size) {
        const struct rebias_place place = {path, 0, 0, NULL};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "one number a line, in S",
                                "this is no text");
    }
    if (status == REBIAS_OK) {
        status = take_lines(&numbers, text, path, err);
    }
    if (status == REBIAS_OK) {
        *samples = numbers.data;
        *spread = (struct rebias_spread){
            .kind = REBIAS_SPREAD_SAMPLES, .count = numbers.count, .samples = numbers.data};
    } else {
        free(numbers.data);
    }
    free(text);
    return status;
}

int rebias_spread_parse(struct rebias_spread *spread, double **samples, const char *text,
                        struct rebias_error *err)
{
    static const struct {
        const char *name;
        enum rebias_spread_kind kind;
    } kinds[] = {{"gaussian:", REBIAS_SPREAD_GAUSSIAN}, {"uniform:", REBIAS_SPREAD_UNIFORM}};
    *spread = (struct rebias_spread){0};
    *samples = NULL;
    if (strcmp(text, "none") == 0) {
        return REBIAS_OK;
    }
    if (strncmp(text, "samples:", 8) == 0 && text[8] != '\0') {
        return load_samples(spread, samples, text + 8, err);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const size_t length = strlen(kinds[k].name);
        double width = 0.0;
        if (strncmp(text, kinds[k].name, length) == 0 &&
            rebias_parse_double(text + length, &width) && width >= 0.0) {
            spread->kind = kinds[k].kind;
            spread->width = width;
            return REBIAS_OK;
        }
    }
    return refuse(text, err);
}

/* -- 2. adding -- */

enum { PIECE = 1024 };

static void add_normal(double sd, const struct rebias_stream *stream, size_t first, size_t n,
                       float *G)
{
    float z[PIECE];
    rebias_random_normal(stream, first, n, z);
    for (size_t i = 0; i < n; i++) {
        G[i] += (float)sd * z[i];
    }
}

static void add_uniform(double width, const struct rebias_stream *stream, size_t first,
                        size_t n, float *G)
{
    double u[PIECE];
    rebias_random_uniform(stream, first, n, u);
    for (size_t i = 0; i < n; i++) {
        G[i] += (float)(width * (2.0 * u[i] - 1.0));
    }
}

static void add_samples(const struct rebias_spread *spread, const struct rebias_stream *stream,
                        size_t first, size_t n, float *G)
{
    uint32_t word[PIECE];
    rebias_random_words(stream, first, n, word);
    for (size_t i = 0; i < n; i++) {
        G[i] += (float)spread->samples[((uint64_t)word[i] * spread->count) >> 32];
    }
}

void rebias_spread_add(const struct rebias_spread *spread, uint64_t seed, uint32_t purpose,
                       uint32_t replicate, uint32_t entity, uint32_t step, size_t n, float *G)
{
    const struct rebias_stream stream = {seed, purpose, replicate, entity, step};
    for (size_t first = 0; first < n && spread->kind != REBIAS_SPREAD_NONE; first += PIECE) {
        const size_t m = n - first < PIECE ? n - first : PIECE;
        if (spread->kind == REBIAS_SPREAD_GAUSSIAN) {
            add_normal(spread->width, &stream, first, m, G + first);
        } else if (spread->kind == REBIAS_SPREAD_UNIFORM) {
            add_uniform(spread->width, &stream, first, m, G + first);
        } else {
            add_samples(spread, &stream, first, m, G + first);
        }
    }
}

/* -- 3. drift -- */

void rebias_drift_apply(const struct rebias_drift *drift, const struct rebias_stream *stream,
                        uint64_t first, size_t n, float *G)
{
    const double rate = log(drift->time); /* (t/t0)^-nu = exp(-nu log(t/t0)) */
    float z[PIECE] = {0.0f};
    for (size_t start = 0; start < n; start += PIECE) {
        const size_t m = n - start < PIECE ? n - start : PIECE;
        if (drift->nu_sd > 0.0) {
            rebias_random_normal(stream, first + start, m, z);
        }
        for (size_t i = 0; i < m; i++) {
            const double nu = drift->nu + drift->nu_sd * (double)z[i];
            G[start + i] = (float)((double)G[start + i] * exp(-nu * rate));
        }
    }
}
