/* yinyang.c - the yin-yang task.
 * 1. classes   2. points   3. features   4. published sets
 */
#include "rebias/yinyang.h"
#include "mersenne.h"
#include "rebias/base.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* -- 1. classes -- */

static const double disc_radius = 0.5;
static const double dot_radius = 0.1;

enum { YIN = 0, YANG = 1, DOT = 2 };

/* Roots and squares, not hypot: the published points were judged so. */
static double distance_from(double x, double y, double centre)
{
    return sqrt((x - centre) * (x - centre) + (y - disc_radius) * (y - disc_radius));
}

uint8_t rebias_yinyang_class(double x, double y)
{
    const double right = distance_from(x, y, 1.5 * disc_radius);
    const double left = distance_from(x, y, 0.5 * disc_radius);
    if (right < dot_radius || left < dot_radius) {
        return DOT;
    }
    const bool yang = right <= dot_radius || (left > dot_radius && left <= 0.5 * disc_radius) ||
                      (y > disc_radius && right > 0.5 * disc_radius);
    return yang ? YANG : YIN;
}

/* -- 2. points -- */

static uint8_t draw_class(struct rebias_mersenne *generator)
{
    uint32_t label = 0;
    do {
        label = rebias_mersenne_word(generator) & 3u;
    } while (label == REBIAS_YINYANG_CLASSES);
    return (uint8_t)label;
}

void rebias_yinyang_draw(uint32_t seed, size_t n, double *xy, uint8_t *label)
{
    struct rebias_mersenne generator = {.used = 0};
    rebias_mersenne_seed(&generator, seed);
    for (size_t i = 0; i < n; i++) {
        double x = 0.0;
        double y = 0.0;
        label[i] = draw_class(&generator);
        do {
            x = rebias_mersenne_uniform(&generator);
            y = rebias_mersenne_uniform(&generator);
        } while (distance_from(x, y, disc_radius) > disc_radius ||
                 rebias_yinyang_class(x, y) != label[i]);
        xy[2 * i] = x;
        xy[2 * i + 1] = y;
    }
}

/* -- 3. features -- */

void rebias_yinyang_features(size_t n, const double *xy, double shift, float *x)
{
    for (size_t i = 0; i < n; i++) {
        const double moved[2] = {xy[2 * i] + shift, xy[2 * i + 1] + shift};
        float *to = x + REBIAS_YINYANG_FEATURES * i;
        to[0] = (float)moved[0];
        to[1] = (float)moved[1];
        to[2] = (float)(1.0 + shift - moved[0]);
        to[3] = (float)(1.0 + shift - moved[1]);
    }
}

/* -- 4. published sets -- */

int rebias_yinyang_new(enum rebias_yinyang_part part, double shift, size_t *n, float **x,
                       uint8_t **label, struct rebias_error *err)
{
    static const struct {
        size_t n;
        uint32_t seed;
    } sets[] = {[REBIAS_YINYANG_TRAIN] = {5000, 42},
                [REBIAS_YINYANG_VALIDATION] = {1000, 41},
                [REBIAS_YINYANG_TEST] = {1000, 40}};
    double *xy = NULL;
    *x = NULL;
    *label = NULL;
    *n = sets[part].n;
    int status = REBIAS_OK;
    if (!isfinite(shift)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the shift of a task must be finite, not %g",
                           shift);
    }
    status = rebias_alloc(&xy, 2 * *n, sizeof *xy, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(x, REBIAS_YINYANG_FEATURES * *n, sizeof **x, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(label, *n, 1, err);
    }
    if (status == REBIAS_OK) {
        rebias_yinyang_draw(sets[part].seed, *n, xy, *label);
        rebias_yinyang_features(*n, xy, shift, *x);
    } else {
        free(*x);
        *x = NULL;
    }
    free(xy);
    return status;
}
