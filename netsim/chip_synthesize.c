/* chip_synthesize.c - chips whose defects are drawn from statistics.
 * 1. options   2. values of stuck devices   3. kernels
 *
 * Default numbers: the 14 published kernels of the Daffodil chip (Yousuf et al., Nat. Commun.
 * 16, 1250 (2025), archived data): 2.48 % of the devices read above 300 uS, mean 957 uS, sd 323
 * uS; dead rows read -13 to 30 uS.
 */
#include "rebias/base.h"
#include "rebias/chip.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* -- 1. options -- */

struct rebias_chip_options rebias_chip_options_defaults(void)
{
    return (struct rebias_chip_options){.count = 32,
                                        .columns = 25,
                                        .rows = 25,
                                        .stuck_high = 0.025,
                                        .stuck_low = 0.0,
                                        .high = {950e-6, 320e-6, 300e-6, 1700e-6},
                                        .low = {0.0, 8e-6, -30e-6, 60e-6},
                                        .working = 133.33e-6,
                                        .group_size = 1,
                                        .seed = 1};
}

static int check_values(const char *name, const struct rebias_stuck_values *values,
                        struct rebias_error *err)
{
    const bool known = isfinite(values->mean) && isfinite(values->sd) && values->sd >= 0.0 &&
                       isfinite(values->min) && isfinite(values->max) &&
                       values->min <= values->max;
    const bool met =
        values->sd > 0.0 || (values->mean >= values->min && values->mean <= values->max);
    if (!(known && met)) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "values of devices stuck %s, N(%g, %g) S cut at %g and %g S, are not "
            "possible",
            name, values->mean, values->sd, values->min, values->max);
    }
    return REBIAS_OK;
}

static int check_dead_rows(const struct rebias_chip_options *o, struct rebias_error *err)
{
    if (o->dead_count > 0 && o->group_size == 0) {
        return rebias_fail(err, REBIAS_E_RANGE, "dead rows need groups of at least one kernel");
    }
    for (size_t k = 0; k < o->dead_count; k++) {
        if (o->dead_row[k] >= o->rows || o->dead_group[k] >= o->group_size) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "dead row %u of group %u is outside %zu rows of %zu groups "
                               "(numbers from 0)",
                               o->dead_row[k], o->dead_group[k], o->rows, o->group_size);
        }
    }
    return REBIAS_OK;
}

static int check_options(const struct rebias_chip_options *o, struct rebias_error *err)
{
    /* Sums of decimal fractions may pass 1 by rounding. */
    if (!(o->stuck_high >= 0.0 && o->stuck_low >= 0.0 &&
          o->stuck_high + o->stuck_low <= 1.0 + 1e-12)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "stuck fractions %g (high) and %g (low) are not possible (each from "
                           "0, together at most 1)",
                           o->stuck_high, o->stuck_low);
    }
    if (!(o->working >= 0.0 && isfinite(o->working))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "working devices cannot read %g S (a number from 0)", o->working);
    }
    if (o->replicate >= 1u << 24) {
        return rebias_fail(err, REBIAS_E_RANGE, "replicate %u is not below 2^24", o->replicate);
    }
    int status = check_values("high", &o->high, err);
    if (status == REBIAS_OK) {
        status = check_values("low", &o->low, err);
    }
    return status == REBIAS_OK ? check_dead_rows(o, err) : status;
}

/* -- 2. values of stuck devices -- */

/* A normal distribution cut at its ends, drawn by inversion. */
struct cut_normal {
    const struct rebias_stuck_values *values;
    double below, share; /* probability below min, and between min and max */
};

static struct cut_normal cut_normal(const struct rebias_stuck_values *values)
{
    struct cut_normal cut = {values, 0.0, 1.0};
    if (values->sd > 0.0) {
        cut.below = gsl_cdf_ugaussian_P((values->min - values->mean) / values->sd);
        cut.share = gsl_cdf_ugaussian_P((values->max - values->mean) / values->sd) - cut.below;
    }
    return cut;
}

static float draw(const struct cut_normal *cut, double u)
{
    const struct rebias_stuck_values *v = cut->values;
    if (!(v->sd > 0.0)) {
        return (float)v->mean;
    }
    const double G = v->mean + v->sd * gsl_cdf_ugaussian_Pinv(cut->below + u * cut->share);
    return (float)fmin(fmax(G, v->min), v->max);
}

/* -- 3. kernels -- */

enum { PIECE = 1024 };

/* Devices first .. first + n - 1 of a kernel. */
static void draw_piece(struct rebias_kernel *kernel, const struct rebias_chip_options *o,
                       size_t first, size_t n)
{
    const struct cut_normal cut[2] = {cut_normal(&o->high), cut_normal(&o->low)};
    struct rebias_stream stream = {o->seed, REBIAS_FOR_STUCK, o->replicate,
                                   (uint32_t)kernel->number, 0};
    double u[PIECE];
    double level[PIECE];
    rebias_random_uniform(&stream, first, n, u);
    stream.step = 1;
    rebias_random_uniform(&stream, first, n, level);
    for (size_t i = 0; i < n; i++) {
        const size_t device = first + i;
        if (kernel->fault[device] != REBIAS_STUCK_LOW) { /* else in a dead row */
            kernel->fault[device] = u[i] < o->stuck_high                  ? REBIAS_STUCK_HIGH
                                    : u[i] < o->stuck_high + o->stuck_low ? REBIAS_STUCK_LOW
                                                                          : REBIAS_WORKING;
        }
        const uint8_t fault = kernel->fault[device];
        kernel->G[device] = fault == REBIAS_STUCK_HIGH  ? draw(&cut[0], level[i])
                            : fault == REBIAS_STUCK_LOW ? draw(&cut[1], level[i])
                                                        : (float)o->working;
    }
}

static void mark_dead_rows(struct rebias_kernel *kernel, const struct rebias_chip_options *o)
{
    for (size_t k = 0; k < o->dead_count; k++) {
        if ((size_t)kernel->number % o->group_size == o->dead_group[k]) {
            for (size_t column = 0; column < o->columns; column++) {
                kernel->fault[column * o->rows + o->dead_row[k]] = REBIAS_STUCK_LOW;
            }
        }
    }
}

int rebias_chip_synthesize(struct rebias_chip **out, const struct rebias_chip_options *options,
                           struct rebias_error *err)
{
    *out = NULL;
    struct rebias_chip *chip = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_chip_new(&chip, options->count, options->columns, options->rows, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    const size_t n = options->columns * options->rows;
    for (size_t k = 0; k < chip->count; k++) {
        mark_dead_rows(&chip->kernel[k], options);
        for (size_t first = 0; first < n; first += PIECE) {
            draw_piece(&chip->kernel[k], options, first, n - first < PIECE ? n - first : PIECE);
        }
    }
    *out = chip;
    return REBIAS_OK;
}
