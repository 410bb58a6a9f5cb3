/* crossbar.c - rows x columns of weights held by simulated devices.
 * 1. life cycle   2. weights from conductances   3. programming   4. visits   5. update
 * 6. offsets, restoring
 */
#include "rebias/crossbar.h"
#include "rebias/base.h"
#include "rebias/visits.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_PIECE = 2048, COUNT_MAX = 30000, ROUNDS_MAX = 1000 };

struct rebias_crossbar {
    struct rebias_crossbar_options options;
    size_t size; /* rows * columns */
    int arrays;  /* 1 or 2 */
    struct rebias_devices *devices[2];
    float *G[2];
    float *weights; /* the caller's */
    float weight_per_S;
    float G_reference; /* SINGLE: mid conductance */
    double Gmin, Gmax;
    struct rebias_visits *visits; /* the caller's; NULL: not counted */
    /* scratch, sized once: the weights that get pulses in an update */
    uint32_t *index;
    int16_t *count[2];
    uint32_t *coin;
};

/* -- 1. life cycle -- */

struct rebias_crossbar_options rebias_crossbar_options_defaults(void)
{
    return (struct rebias_crossbar_options){.rows = 1,
                                            .columns = 1,
                                            .encoding = REBIAS_PAIR,
                                            .weight_range = 1.0,
                                            .pulse_size = 0.0,
                                            .pulse_noise = 0.0,
                                            .pulse_cap = 100,
                                            .program_rounds = 100,
                                            .seed = 1};
}

static int check_options(const struct rebias_crossbar_options *o, struct rebias_error *err)
{
    if (!(o->weight_range > 0.0 && isfinite(o->weight_range))) {
        return rebias_fail(err, REBIAS_E_RANGE, "the weight range %g is not above 0",
                           o->weight_range);
    }
    if (!(o->pulse_size >= 0.0 && isfinite(o->pulse_size))) {
        return rebias_fail(err, REBIAS_E_RANGE, "the pulse size %g S is negative or not finite",
                           o->pulse_size);
    }
    if (!(o->pulse_noise >= 0.0 && isfinite(o->pulse_noise))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the pulse noise %g S is negative or not finite", o->pulse_noise);
    }
    if (o->pulse_cap < 1 || o->pulse_cap > COUNT_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "the pulse cap %u is not in 1 to %d",
                           o->pulse_cap, COUNT_MAX);
    }
    if (o->program_rounds > ROUNDS_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%u programming rounds are not possible (0 to %d)",
                           o->program_rounds, ROUNDS_MAX);
    }
    return REBIAS_OK;
}

void rebias_crossbar_free(struct rebias_crossbar *crossbar)
{
    if (crossbar == NULL) {
        return;
    }
    for (int a = 0; a < 2; a++) {
        rebias_devices_free(crossbar->devices[a]);
        free(crossbar->G[a]);
        free(crossbar->count[a]);
    }
    free(crossbar->index);
    free(crossbar->coin);
    free(crossbar);
}

static int new_array(struct rebias_crossbar *x, const struct rebias_device *device, int a,
                     struct rebias_error *err)
{
    const struct rebias_stream spread = {x->options.seed, REBIAS_FOR_SPREAD,
                                         x->options.replicate,
                                         2 * x->options.entity + (uint32_t)a, 0};
    int status = rebias_devices_new(&x->devices[a], device, x->size, &spread, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x->G[a], x->size, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x->count[a], x->size, sizeof(int16_t), err);
    }
    for (size_t i = 0; i < x->size && status == REBIAS_OK; i++) {
        float Gmax = 0.0f;
        rebias_devices_range(x->devices[a], i, &x->G[a][i], &Gmax);
    }
    return status;
}

static int set_scale(struct rebias_crossbar *x, const struct rebias_device *device,
                     struct rebias_error *err)
{
    const double range = device->Gmax - device->Gmin;
    x->Gmin = device->Gmin;
    x->Gmax = device->Gmax;
    x->G_reference = (float)(0.5 * (device->Gmin + device->Gmax));
    x->weight_per_S = (float)((x->options.encoding == REBIAS_SINGLE ? 2.0 : 1.0) *
                              x->options.weight_range / range);
    if (x->options.pulse_size == 0.0) { /* as the defaults set it */
        x->options.pulse_size = rebias_device_pulse_size(device);
    }
    if (x->options.pulse_noise == 0.0) {
        x->options.pulse_noise = rebias_device_pulse_noise(device);
    }
    if (!(x->options.pulse_size > 0.0)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "pulses do not move %s on average: give a pulse size", device->name);
    }
    return REBIAS_OK;
}

/* -- 2. weights from conductances -- */

static inline float weight_of(const struct rebias_crossbar *x, size_t i)
{
    float low = x->arrays == 2 ? x->G[1][i] : x->G_reference;
    return (x->G[0][i] - low) * x->weight_per_S;
}

static void read_all(struct rebias_crossbar *x)
{
    for (size_t i = 0; i < x->size; i++) {
        x->weights[i] = weight_of(x, i);
    }
}

int rebias_crossbar_new(struct rebias_crossbar **out, const struct rebias_device *device,
                        const struct rebias_crossbar_options *options, float *weights,
                        struct rebias_error *err)
{
    *out = NULL;
    struct rebias_crossbar *x = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x, 1, sizeof *x, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    x->options = *options;
    x->weights = weights;
    x->arrays = options->encoding == REBIAS_PAIR ? 2 : 1;
    if (__builtin_mul_overflow(options->rows, options->columns, &x->size)) {
        status = rebias_fail(err, REBIAS_E_MEMORY,
                             "a crossbar of %zu x %zu does not fit into memory", options->rows,
                             options->columns);
    }
    if (status == REBIAS_OK) {
        status = set_scale(x, device, err);
    }
    for (int a = 0; a < x->arrays && status == REBIAS_OK; a++) {
        status = new_array(x, device, a, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x->index, x->size, sizeof(uint32_t), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&x->coin, x->size, sizeof(uint32_t), err);
    }
    if (status != REBIAS_OK) {
        rebias_crossbar_free(x);
        return status;
    }
    read_all(x);
    *out = x;
    return REBIAS_OK;
}

double rebias_crossbar_weight_step(const struct rebias_crossbar *crossbar)
{
    return crossbar->options.pulse_size * (double)crossbar->weight_per_S;
}

const float *rebias_crossbar_conductances(const struct rebias_crossbar *crossbar, int which)
{
    return crossbar->G[which];
}

static uint64_t give_pulses(struct rebias_crossbar *x, int a, size_t m,
                            enum rebias_purpose purpose, uint32_t step)
{
    const struct rebias_stream stream = {x->options.seed, (uint32_t)purpose,
                                         x->options.replicate,
                                         2 * x->options.entity + (uint32_t)a, step};
    rebias_devices_pulse_some(x->devices[a], m, x->index, x->count[a], x->G[a], &stream);
    uint64_t pulses = 0;
    for (size_t k = 0; k < m; k++) {
        pulses += (uint64_t)abs(x->count[a][k]);
    }
    return pulses;
}

/* -- 3. programming -- */

/* Conductance that array a should reach for weight w. */
static double target_conductance(const struct rebias_crossbar *x, int a, float w)
{
    double half = 0.5 * (double)w / (double)x->weight_per_S;
    double G = (double)x->G_reference + (x->arrays == 2 ? (a == 0 ? half : -half) : 2.0 * half);
    return fmin(fmax(G, x->Gmin), x->Gmax);
}

/* Pulses for a device that is `error` S off: as many as should close the gap, but so few that
 * their noise stays below half of it, and none within half a pulse or half a pulse's noise. */
static int16_t pulses_for(const struct rebias_crossbar *x, double error)
{
    const double size = x->options.pulse_size;
    const double noise = x->options.pulse_noise;
    const double distance = fabs(error);
    if (distance <= 0.5 * fmax(size, noise)) {
        return 0;
    }
    double pulses = distance / size;
    if (noise > 0.0) {
        pulses = fmin(pulses, 0.25 * distance * distance / (noise * noise));
    }
    pulses = fmin(fmax(nearbyint(pulses), 1.0), COUNT_MAX);
    return (int16_t)copysign(pulses, error);
}

/* Keeps those of the first m listed devices that still need pulses; returns their number. */
static size_t list_errors(struct rebias_crossbar *x, int a, size_t m, const float *target)
{
    size_t kept = 0;
    for (size_t k = 0; k < m; k++) {
        uint32_t i = x->index[k];
        int16_t pulses =
            pulses_for(x, target_conductance(x, a, target[i]) - (double)x->G[a][i]);
        x->index[kept] = i;
        x->count[a][kept] = pulses;
        kept += pulses != 0;
    }
    return kept;
}

uint64_t rebias_crossbar_program(struct rebias_crossbar *crossbar, const float *target)
{
    uint64_t pulses = 0;
    for (int a = 0; a < crossbar->arrays; a++) {
        size_t m = crossbar->size;
        for (size_t i = 0; i < m; i++) {
            crossbar->index[i] = (uint32_t)i;
        }
        for (uint32_t round = 0; round < crossbar->options.program_rounds && m > 0; round++) {
            m = list_errors(crossbar, a, m, target);
            pulses += give_pulses(crossbar, a, m, REBIAS_FOR_PROGRAMMING, round);
        }
    }
    read_all(crossbar);
    return pulses;
}

/* -- 4. visits -- */

void rebias_crossbar_count_visits(struct rebias_crossbar *crossbar,
                                  struct rebias_visits *visits)
{
    crossbar->visits = visits;
}

/* Adds the m listed counts where the devices are now, before their first pulse. A count of 0,
 * as the odd pulses of pairs leave it, adds nothing: cheaper than a branch on a coin. */
static void count_visits(const struct rebias_crossbar *x, int a, size_t m)
{
    const struct rebias_visits *visits = x->visits;
    const double scale = (double)visits->levels / (visits->Gmax - visits->Gmin);
    const double last = (double)(visits->levels - 1);
    for (size_t k = 0; k < m; k++) {
        const int pulses = x->count[a][k];
        double level = ((double)x->G[a][x->index[k]] - visits->Gmin) * scale;
        level = level < 0.0 ? 0.0 : level > last ? last : level;
        visits->count[pulses < 0 ? REBIAS_RESET : REBIAS_SET][(int64_t)level] +=
            (uint64_t)abs(pulses);
    }
}

/* -- 5. update -- */

/* Appends the nonzero counts to the list; four counts are looked at as one word. */
static size_t list_nonzero(struct rebias_crossbar *x, size_t m, size_t first, size_t n,
                           const int16_t *count)
{
    for (size_t i = 0; i < n; i += 4) {
        uint64_t four = 0;
        size_t width = n - i < 4 ? n - i : 4;
        memcpy(&four, count + i, width * sizeof *count);
        if (four == 0) {
            continue;
        }
        for (size_t k = i; k < i + width; k++) {
            if (count[k] != 0) {
                x->index[m] = (uint32_t)(first + k);
                x->count[0][m] = count[k];
                m++;
            }
        }
    }
    return m;
}

/* Rounds the requests of entries first .. last - 1. */
static size_t round_run(struct rebias_crossbar *x, size_t m, const float *request, float gain,
                        size_t first, size_t last, const struct rebias_stream *stream)
{
    int16_t count[ROUND_PIECE];
    const float cap = (float)x->options.pulse_cap;
    for (size_t start = first; start < last; start += ROUND_PIECE) {
        size_t n = last - start < ROUND_PIECE ? last - start : ROUND_PIECE;
        rebias_round_stochastic(stream, start, n, request + start, gain, cap, count);
        m = list_nonzero(x, m, start, n, count);
    }
    return m;
}

/* Splits every listed count k between G+ (SET for k > 0) and G- (the opposite polarity). */
static void split_pairs(struct rebias_crossbar *x, size_t m, uint32_t step)
{
    const struct rebias_stream stream = {x->options.seed, REBIAS_FOR_PAIR, x->options.replicate,
                                         x->options.entity, step};
    rebias_random_words_at(&stream, 0, m, x->index, x->coin);
    for (size_t i = 0; i < m; i++) {
        int k = x->count[0][i];
        int odd = k % 2 != 0 ? (k > 0 ? 1 : -1) : 0;
        int plus = (k - odd) / 2 + ((x->coin[i] >> 31) != 0 ? odd : 0);
        x->count[0][i] = (int16_t)plus;
        x->count[1][i] = (int16_t)(plus - k);
    }
}

uint64_t rebias_crossbar_update(struct rebias_crossbar *crossbar, const float *request,
                                float gain, const uint8_t *active, uint32_t step)
{
    struct rebias_crossbar *x = crossbar;
    const struct rebias_stream rounding = {x->options.seed, REBIAS_FOR_ROUNDING,
                                           x->options.replicate, x->options.entity, step};
    const size_t rows = x->options.rows;
    const size_t columns = x->options.columns;
    size_t m = 0;
    for (size_t row = 0; row < rows;) {
        size_t end = row + 1;
        if (active == NULL) {
            end = rows;
        } else if (active[row] == 0) {
            row++;
            continue;
        }
        while (end < rows && active[end] != 0) {
            end++;
        }
        m = round_run(x, m, request, gain, row * columns, end * columns, &rounding);
        row = end;
    }
    if (x->arrays == 2) {
        split_pairs(x, m, step);
    }
    uint64_t pulses = 0;
    for (int a = 0; a < x->arrays; a++) {
        if (x->visits != NULL) {
            count_visits(x, a, m);
        }
        pulses += give_pulses(x, a, m, REBIAS_FOR_PULSE, step);
    }
    for (size_t k = 0; k < m; k++) {
        x->weights[x->index[k]] = weight_of(x, x->index[k]);
    }
    return pulses;
}

/* -- 6. offsets, restoring -- */

size_t rebias_crossbar_size(const struct rebias_crossbar *crossbar)
{
    return crossbar->size;
}

static float cut(double G, double low, double high)
{
    return (float)fmin(fmax(G, low), high);
}

void rebias_crossbar_offset(const struct rebias_crossbar *crossbar, const float *offset,
                            float sign, float *out)
{
    const struct rebias_crossbar *x = crossbar;
    const double each = (double)sign / ((double)x->weight_per_S * (double)x->arrays);
    for (size_t i = 0; i < x->size; i++) {
        const double dG = each * (double)offset[i];
        float high = cut((double)x->G[0][i] + dG, x->Gmin, x->Gmax);
        float low =
            x->arrays == 2 ? cut((double)x->G[1][i] - dG, x->Gmin, x->Gmax) : x->G_reference;
        out[i] = (high - low) * x->weight_per_S;
    }
}

int rebias_crossbar_restore(struct rebias_crossbar *crossbar, const float *const G[2],
                            struct rebias_error *err)
{
    struct rebias_crossbar *x = crossbar;
    for (int a = 0; a < x->arrays; a++) {
        for (size_t i = 0; i < x->size; i++) {
            float Gmin = 0.0f;
            float Gmax = 0.0f;
            rebias_devices_range(x->devices[a], i, &Gmin, &Gmax);
            if (!(G[a][i] >= Gmin && G[a][i] <= Gmax)) {
                return rebias_fail(err, REBIAS_E_RANGE,
                                   "conductance %g S of device %zu is outside its range %g to "
                                   "%g S",
                                   (double)G[a][i], i, (double)Gmin, (double)Gmax);
            }
        }
    }
    for (int a = 0; a < x->arrays; a++) {
        memcpy(x->G[a], G[a], x->size * sizeof(float));
    }
    read_all(x);
    return REBIAS_OK;
}
