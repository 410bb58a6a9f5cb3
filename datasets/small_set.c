/* small_set.c - "mnist-small": a reduced task for studies with many networks.
 * 1. pooling   2. generated digits   3. the set
 *
 * 14 x 14 pixels, 10 classes, at most 10,000 training and 2,000 test images: MNIST pooled 2 x 2
 * where MNIST is found, else Fashion-MNIST pooled, else digits drawn from a 5 x 7 dot font,
 * shifted, dimmed, and with noise. Which one it was stands in the set's source.
 */
#include "small_set.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <stdlib.h>
#include <string.h>

enum { SIDE = 14, PIXELS = SIDE * SIDE, TRAIN = 10000, TEST = 2000, CLASSES = 10 };

/* -- 1. pooling -- */

/* The first `most` images with every 2 x 2 block averaged (rounded to nearest). */
static int pool(struct rebias_images *out, const struct rebias_images *from, size_t most,
                struct rebias_error *err)
{
    if (from->rows != 2 * SIDE || from->columns != 2 * SIDE) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "mnist-small is pooled from 28 x 28 images, these are %zu x %zu",
                           from->rows, from->columns);
    }
    const size_t n = from->n < most ? from->n : most;
    int status = rebias_alloc(&out->pixels, n, PIXELS, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&out->labels, n, 1, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    out->n = n;
    out->rows = out->columns = SIDE;
    out->channels = 1;
    out->classes = from->classes;
    memcpy(out->labels, from->labels, n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *image = from->pixels + i * 4 * PIXELS;
        for (size_t k = 0; k < PIXELS; k++) {
            const uint8_t *block = image + (k / SIDE) * 4 * SIDE + (k % SIDE) * 2;
            unsigned sum =
                (unsigned)block[0] + block[1] + block[2 * SIDE] + block[2 * SIDE + 1];
            out->pixels[i * PIXELS + k] = (uint8_t)((sum + 2) / 4);
        }
    }
    return REBIAS_OK;
}

/* -- 2. generated digits -- */

enum { GLYPH_ROWS = 7, GLYPH_COLUMNS = 5 };

/* Rows of a 5 x 7 dot font, the leftmost dot in bit 4. */
static const uint8_t glyphs[CLASSES][GLYPH_ROWS] = {
    {14, 17, 19, 21, 25, 17, 14}, {4, 12, 4, 4, 4, 4, 14},  {14, 17, 1, 6, 8, 16, 31},
    {14, 17, 1, 6, 1, 17, 14},    {2, 6, 10, 18, 31, 2, 2}, {31, 16, 30, 1, 1, 17, 14},
    {6, 8, 16, 30, 17, 17, 14},   {31, 1, 2, 4, 8, 8, 8},   {14, 17, 17, 14, 17, 17, 14},
    {14, 17, 17, 15, 1, 2, 12},
};

/* One image: a glyph within a dot of the middle, its dots dimmed together, one in ten lost, and
 * noise on every pixel. */
static void draw_digit(const struct rebias_stream *stream, uint8_t *pixels, uint8_t *label)
{
    uint32_t word[PIXELS + 4];
    rebias_random_words(stream, 0, PIXELS + 4, word);
    const uint8_t digit = (uint8_t)(word[0] % CLASSES);
    const size_t top = (SIDE - GLYPH_ROWS) / 2 - 1 + word[1] % 3;
    const size_t left = (SIDE - GLYPH_COLUMNS) / 2 - 1 + word[2] % 3;
    const uint8_t brightness = (uint8_t)(128 + word[3] % 104);
    *label = digit;
    for (size_t k = 0; k < PIXELS; k++) {
        const size_t row = k / SIDE - top; /* wraps far beyond the glyph when above it */
        const size_t column = k % SIDE - left;
        const uint32_t noise = word[k + 4];
        bool dot = row < GLYPH_ROWS && column < GLYPH_COLUMNS &&
                   (glyphs[digit][row] >> (GLYPH_COLUMNS - 1 - column) & 1) != 0 &&
                   noise % 10 != 0;
        pixels[k] = (uint8_t)((dot ? brightness : 0) + (noise >> 8) % 24);
    }
}

static int generate(struct rebias_images *out, size_t n, uint32_t entity,
                    struct rebias_error *err)
{
    int status = rebias_alloc(&out->pixels, n, PIXELS, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&out->labels, n, 1, err);
    }
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        const struct rebias_stream stream = {1, REBIAS_FOR_IMAGES, 0, entity, (uint32_t)i};
        draw_digit(&stream, out->pixels + i * PIXELS, &out->labels[i]);
    }
    if (status == REBIAS_OK) {
        out->n = n;
        out->rows = out->columns = SIDE;
        out->channels = 1;
        out->classes = CLASSES;
    }
    return status;
}

/* -- 3. the set -- */

static int pool_set(struct rebias_image_set *set, const struct rebias_image_set *from,
                    struct rebias_error *err)
{
    int status = pool(&set->train, &from->train, TRAIN, err);
    if (status == REBIAS_OK) {
        status = pool(&set->test, &from->test, TEST, err);
    }
    memcpy(set->checksum, from->checksum, sizeof set->checksum);
    memcpy(set->file, from->file, sizeof set->file);
    return status;
}

int rebias_small_set_generate(struct rebias_image_set *set, struct rebias_error *err)
{
    snprintf(set->source, sizeof set->source, "mnist-small, generated digits");
    int status = generate(&set->train, TRAIN, 0, err);
    return status == REBIAS_OK ? generate(&set->test, TEST, 1, err) : status;
}

int rebias_small_set_fill(struct rebias_image_set *set, const char *data_dir,
                          struct rebias_error *err)
{
    static const char *const names[] = {"mnist", "fashion-mnist"};
    for (size_t i = 0; i < 2; i++) {
        struct rebias_image_set *full = NULL;
        int status = rebias_image_set_load(&full, names[i], data_dir, err);
        if (status == REBIAS_OK) {
            status = pool_set(set, full, err);
            snprintf(set->source, sizeof set->source, "mnist-small from %s", names[i]);
            rebias_image_set_free(full);
            return status;
        }
        if (status != REBIAS_E_NAME) {
            return status; /* found, but not readable: not to be passed over in silence */
        }
    }
    return rebias_small_set_generate(set, err);
}
