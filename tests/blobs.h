/* blobs.h - a small generated image set for the tests of training: one bright blob a class,
 * over noise. */
#ifndef REBIAS_TESTS_BLOBS_H
#define REBIAS_TESTS_BLOBS_H

#include "rebias/images.h"
#include "rebias/random.h"
#include <math.h>

enum {
    BLOB_SIDE = 8,
    BLOB_PIXELS = BLOB_SIDE * BLOB_SIDE,
    BLOB_CLASSES = 4,
    BLOB_TRAIN = 400,
    BLOB_TEST = 200
};

struct blob_memory {
    uint8_t pixels[(BLOB_TRAIN + BLOB_TEST) * BLOB_PIXELS];
    uint8_t labels[BLOB_TRAIN + BLOB_TEST];
};

/* Image i: class i % 4, a Gaussian of 1.5 pixels around the centre of that quarter, moved by up
 * to a pixel, plus uniform noise of a third of its height. */
static inline void blob_image(size_t i, struct blob_memory *memory)
{
    const struct rebias_stream stream = {
        .seed = 2024, .purpose = REBIAS_FOR_TEST, .entity = 77, .step = (uint32_t)i};
    double u[BLOB_PIXELS + 2];
    rebias_random_uniform(&stream, 0, BLOB_PIXELS + 2, u);
    size_t class = i % BLOB_CLASSES;
    double row = (class / 2 == 0 ? 1.5 : 5.5) + 2.0 * u[BLOB_PIXELS] - 1.0;
    double column = (class % 2 == 0 ? 1.5 : 5.5) + 2.0 * u[BLOB_PIXELS + 1] - 1.0;
    for (size_t p = 0; p < BLOB_PIXELS; p++) {
        double away =
            hypot((double)(p / BLOB_SIDE) - row, (double)(p % BLOB_SIDE) - column) / 1.5;
        double value = 180.0 * exp(-0.5 * away * away) + 60.0 * u[p];
        memory->pixels[i * BLOB_PIXELS + p] = (uint8_t)value;
    }
    memory->labels[i] = (uint8_t) class;
}

/* The set lies in memory, which must outlive it; nothing is to be freed. */
static inline struct rebias_image_set blob_set(struct blob_memory *memory)
{
    for (size_t i = 0; i < BLOB_TRAIN + BLOB_TEST; i++) {
        blob_image(i, memory);
    }
    return (struct rebias_image_set){
        .train = {BLOB_TRAIN, BLOB_SIDE, BLOB_SIDE, 1, BLOB_CLASSES, memory->pixels,
                  memory->labels},
        .test = {BLOB_TEST, BLOB_SIDE, BLOB_SIDE, 1, BLOB_CLASSES,
                 memory->pixels + BLOB_TRAIN * BLOB_PIXELS, memory->labels + BLOB_TRAIN},
    };
}

#endif
