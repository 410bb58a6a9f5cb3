/* write_verify.c - programming conductances by pulses and reads.
 * 1. options   2. one try   3. all tries
 */
#include "rebias/write_verify.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_verify_options rebias_verify_options_defaults(void)
{
    return (struct rebias_verify_options){
        .below = 16.67e-6, .above = 16.67e-6, .tries = 3, .pulse_cap = 1, .seed = 1};
}

static int check_options(const struct rebias_verify_options *o, struct rebias_error *err)
{
    if (!(o->below >= 0.0 && isfinite(o->below) && o->above >= 0.0 && isfinite(o->above))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a window from -%g to +%g S around the target is not possible",
                           o->below, o->above);
    }
    if (!(o->pulse_size >= 0.0 && isfinite(o->pulse_size))) {
        return rebias_fail(err, REBIAS_E_RANGE, "a pulse size of %g S is not possible",
                           o->pulse_size);
    }
    if (o->tries > 100000 || o->pulse_cap == 0 || o->pulse_cap > 30000 ||
        o->replicate >= 1u << 24) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%u tries of at most %u pulses in replicate %u are not possible (to "
                           "100000, 1 to 30000, below 2^24)",
                           o->tries, o->pulse_cap, o->replicate);
    }
    return REBIAS_OK;
}

static int check_targets(size_t n, const float *target, struct rebias_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(target[i])) {
            return rebias_fail(err, REBIAS_E_RANGE, "target %g S of device %zu",
                               (double)target[i], i);
        }
    }
    return REBIAS_OK;
}

/* -- 2. one try -- */

struct work {
    const struct rebias_verify_options *options;
    const float *target;
    size_t open;     /* devices that are not known to be good: */
    uint32_t *index; /* ascending */
    int16_t *count;  /* pulses of each in this try */
    float *read;     /* errors of this try's read, of all devices */
};

/* Pulses for a device that reads R; 0 inside the window. */
static int16_t pulses_for(const struct rebias_verify_options *o, double target, double R)
{
    const double error = target - R;
    if (error <= o->below && -error <= o->above) {
        return 0;
    }
    const double wanted = o->pulse_size > 0.0 ? round(fabs(error) / o->pulse_size) : 1.0;
    return (int16_t)copysign(fmin(fmax(wanted, 1.0), (double)o->pulse_cap), error);
}

/* Reads the open devices and keeps those outside their window, with their pulses. */
static void read_open(struct work *w, size_t n, const float *G, uint32_t attempt)
{
    const struct rebias_verify_options *o = w->options;
    size_t kept = 0;
    memset(w->read, 0, n * sizeof *w->read);
    rebias_spread_add(&o->read_noise, o->seed, REBIAS_FOR_READ, o->replicate, o->entity,
                      attempt, n, w->read);
    for (size_t k = 0; k < w->open; k++) {
        const uint32_t i = w->index[k];
        const int16_t pulses =
            pulses_for(o, (double)w->target[i], (double)G[i] + (double)w->read[i]);
        w->index[kept] = i;
        w->count[kept] = pulses;
        kept += pulses != 0;
    }
    w->open = kept;
}

static uint64_t give_pulses(const struct work *w, const struct rebias_devices *devices,
                            float *G, uint32_t attempt)
{
    const struct rebias_verify_options *o = w->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_PROGRAMMING, o->replicate,
                                         o->entity, attempt};
    uint64_t pulses = 0;
    rebias_devices_pulse_some(devices, w->open, w->index, w->count, G, &stream);
    for (size_t k = 0; k < w->open; k++) {
        pulses += (uint64_t)abs(w->count[k]);
    }
    return pulses;
}

/* -- 3. all tries -- */

static void run_tries(struct work *w, const struct rebias_devices *devices, size_t n, float *G,
                      struct rebias_verify_result *result)
{
    read_open(w, n, G, 0);
    while (w->open > 0 && result->tries < w->options->tries) {
        result->pulses += give_pulses(w, devices, G, result->tries);
        result->tries++;
        read_open(w, n, G, result->tries);
    }
    result->reached = result->wanted - w->open;
}

static void list_working(struct work *w, size_t n, const uint8_t *fault,
                         struct rebias_verify_result *result)
{
    for (size_t i = 0; i < n; i++) {
        if (fault == NULL || fault[i] == REBIAS_WORKING) {
            w->index[w->open++] = (uint32_t)i;
        }
    }
    result->wanted = w->open;
    result->stuck = n - w->open;
}

int rebias_write_verify(const struct rebias_devices *devices, size_t n, const uint8_t *fault,
                        const float *target, float *G,
                        const struct rebias_verify_options *options,
                        struct rebias_verify_result *result, struct rebias_error *err)
{
    struct work w = {.options = options, .target = target};
    *result = (struct rebias_verify_result){0};
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = check_targets(n, target, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&w.index, n, sizeof *w.index, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&w.count, n, sizeof *w.count, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&w.read, n, sizeof *w.read, err);
    }
    if (status == REBIAS_OK) {
        list_working(&w, n, fault, result);
        run_tries(&w, devices, n, G, result);
    }
    free(w.index);
    free(w.count);
    free(w.read);
    return status;
}
