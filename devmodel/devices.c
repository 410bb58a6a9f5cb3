/* devices.c - arrays of devices that are pulsed together.
 * 1. life cycle and spread   2. one pulse on a run of devices   3. dense pulses   4. scattered
 * pulses
 *
 * The model's step only adds the jump; rounds, random words, gathering and clamping are done
 * here, once for all models. The word of device d in round r is word r N + d of the stream (N =
 * array size rounded up to 4), so dense and scattered calls, in any cut, give the same bytes.
 */
#include "lanes.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <gsl/gsl_cdf.h>
#include <stdlib.h>

struct rebias_devices {
    const struct rebias_device *device;
    size_t n;
    uint64_t round_words; /* n rounded up to a multiple of 4 */
    size_t stride;        /* 0: all alike, 1: one coefficient a device */
    float *coef[REBIAS_MAX_COEFS];
    float *storage;
};

/* -- 1. life cycle and spread -- */

void rebias_devices_free(struct rebias_devices *devices)
{
    if (devices != NULL) {
        free(devices->storage);
        free(devices);
    }
}

/* x[n] from N(value, sd^2) truncated to the parameter's valid range, by inversion. */
static void draw_parameter(const struct rebias_param *row, double value, double sd, size_t n,
                           const struct rebias_stream *stream, double *x)
{
    double low = gsl_cdf_ugaussian_P((row->min - value) / sd);
    double high = gsl_cdf_ugaussian_P((row->max - value) / sd);
    rebias_random_uniform(stream, 0, n, x);
    for (size_t i = 0; i < n; i++) {
        double y = value + sd * gsl_cdf_ugaussian_Pinv(low + x[i] * (high - low));
        x[i] = y < row->min ? row->min : y > row->max ? row->max : y;
    }
}

/* drawn[p][n] for every parameter with spread, NULL for the others. */
static int draw_parameters(const struct rebias_device *device, size_t n,
                           const struct rebias_stream *stream, double **drawn,
                           struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t p = 0; p < device->model->param_count && status == REBIAS_OK; p++) {
        if (device->spreads[p] > 0.0) {
            status = rebias_alloc(&drawn[p], n, sizeof(double), err);
            if (status == REBIAS_OK) {
                struct rebias_stream own = *stream;
                own.step = (uint32_t)p;
                draw_parameter(&device->model->params[p], device->values[p], device->spreads[p],
                               n, &own, drawn[p]);
            }
        }
    }
    return status;
}

/* Derives every device's coefficients from its own parameters. */
static int derive_each(struct rebias_devices *devices, double *const *drawn,
                       struct rebias_error *err)
{
    const struct rebias_device *device = devices->device;
    const struct rebias_device_model *model = device->model;
    double coef[REBIAS_MAX_COEFS];
    double *values = NULL;
    int status = rebias_alloc(&values, model->param_count, sizeof *values, err);
    for (size_t i = 0; i < devices->n && status == REBIAS_OK; i++) {
        for (size_t p = 0; p < model->param_count; p++) {
            values[p] = drawn[p] != NULL ? drawn[p][i] : device->values[p];
        }
        status = model->derive(values, coef, err);
        if (status == REBIAS_OK && !(coef[0] < coef[1])) {
            status = rebias_fail(err, REBIAS_E_RANGE,
                                 "device-to-device spread leaves device %zu of %s without a "
                                 "range (Gmin %g, Gmax %g S)",
                                 i, device->name, coef[0], coef[1]);
        }
        for (size_t k = 0; k < model->coef_count && status == REBIAS_OK; k++) {
            devices->coef[k][i] = (float)coef[k];
        }
    }
    free(values);
    return status;
}

static int set_spread(struct rebias_devices *devices, const struct rebias_stream *stream,
                      struct rebias_error *err)
{
    const size_t params = devices->device->model->param_count;
    double **drawn = NULL;
    int status = rebias_alloc(&drawn, params, sizeof *drawn, err);
    if (status == REBIAS_OK) {
        status = draw_parameters(devices->device, devices->n, stream, drawn, err);
    }
    if (status == REBIAS_OK) {
        status = derive_each(devices, drawn, err);
    }
    if (status == REBIAS_OK && devices->device->model->draw != NULL) {
        devices->device->model->draw(devices->device, devices->n, stream, devices->coef);
    }
    for (size_t p = 0; drawn != NULL && p < params; p++) {
        free(drawn[p]);
    }
    free(drawn);
    return status;
}

int rebias_devices_new(struct rebias_devices **out, const struct rebias_device *device,
                       size_t n, const struct rebias_stream *stream, struct rebias_error *err)
{
    *out = NULL;
    if (n == 0 || n > UINT32_MAX - 3) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "an array of %zu devices is not possible (1 to %u)", n,
                           UINT32_MAX - 3);
    }
    const size_t coefs = device->model->coef_count;
    struct rebias_devices *devices = NULL;
    int status = rebias_alloc(&devices, 1, sizeof *devices, err);
    if (status != REBIAS_OK) {
        return status;
    }
    devices->device = device;
    devices->n = n;
    devices->round_words = ((uint64_t)n + 3) / 4 * 4;
    devices->stride = rebias_device_has_spread(device) ? 1 : 0;
    const size_t each = devices->stride == 1 ? n : 1;
    status = rebias_alloc(&devices->storage, each * coefs, sizeof(float), err);
    for (size_t k = 0; k < coefs && status == REBIAS_OK; k++) {
        devices->coef[k] = devices->storage + k * each;
        devices->coef[k][0] = (float)device->coefs[k];
    }
    if (status == REBIAS_OK && devices->stride == 1) {
        status = set_spread(devices, stream, err);
    }
    if (status != REBIAS_OK) {
        rebias_devices_free(devices);
        return status;
    }
    *out = devices;
    return REBIAS_OK;
}

void rebias_devices_range(const struct rebias_devices *devices, size_t i, float *Gmin,
                          float *Gmax)
{
    *Gmin = devices->coef[0][i * devices->stride];
    *Gmax = devices->coef[1][i * devices->stride];
}

/* -- 2. one pulse on a run of devices -- */

REBIAS_SIMD static void clamp_lanes(size_t n, const float *Gmin, const float *Gmax,
                                    size_t stride, float *G)
{
    if (stride == 0) {
        const float low = Gmin[0];
        const float high = Gmax[0];
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            float g = G[i] < low ? low : G[i];
            G[i] = g > high ? high : g;
        }
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            float g = G[i] < Gmin[i] ? Gmin[i] : G[i];
            G[i] = g > Gmax[i] ? Gmax[i] : g;
        }
    }
}

void rebias_devices_clamp(const struct rebias_devices *devices, size_t first, size_t n,
                          float *G)
{
    size_t at = first * devices->stride;
    clamp_lanes(n, devices->coef[0] + at, devices->coef[1] + at, devices->stride, G);
}

void rebias_devices_step_raw(const struct rebias_devices *devices,
                             enum rebias_polarity polarity, size_t first, size_t n,
                             const uint32_t *word, float *G)
{
    const float *coef[REBIAS_MAX_COEFS];
    const struct rebias_device_model *model = devices->device->model;
    for (size_t k = 0; k < model->coef_count; k++) {
        coef[k] = devices->coef[k] + first * devices->stride;
    }
    const struct rebias_lanes lanes = {n, polarity, word, coef, devices->stride};
    model->step(devices->device, &lanes, G);
}

/* -- 3. dense pulses -- */

void rebias_devices_pulse_all(const struct rebias_devices *devices,
                              enum rebias_polarity polarity, float *G,
                              const struct rebias_stream *stream)
{
    uint32_t word[REBIAS_LANES_MAX];
    for (size_t first = 0; first < devices->n; first += REBIAS_LANES_MAX) {
        size_t n =
            devices->n - first < REBIAS_LANES_MAX ? devices->n - first : REBIAS_LANES_MAX;
        rebias_random_words(stream, first, n, word);
        rebias_devices_step_raw(devices, polarity, first, n, word, G + first);
        rebias_devices_clamp(devices, first, n, G + first);
    }
}

void rebias_devices_pulse(const struct rebias_devices *devices, float *G, const int16_t *count,
                          const struct rebias_stream *stream)
{
    uint32_t index[REBIAS_LANES_MAX];
    int16_t some[REBIAS_LANES_MAX];
    size_t m = 0;
    for (size_t i = 0; i < devices->n; i++) {
        index[m] = (uint32_t)i;
        some[m] = count[i];
        m += count[i] != 0;
        if (m == REBIAS_LANES_MAX) {
            rebias_devices_pulse_some(devices, m, index, some, G, stream);
            m = 0;
        }
    }
    rebias_devices_pulse_some(devices, m, index, some, G, stream);
}

/* -- 4. scattered pulses -- */

/* The lanes of one polarity, most pulses first, so that those still active in a round are the
 * first ones. */
struct lanes {
    size_t n;
    uint32_t index[REBIAS_LANES_MAX];
    int16_t count[REBIAS_LANES_MAX]; /* > 0 */
    float G[REBIAS_LANES_MAX];
    float coef[REBIAS_MAX_COEFS][REBIAS_LANES_MAX];
};

static int magnitude(enum rebias_polarity polarity, int16_t count)
{
    int pulses = polarity == REBIAS_SET ? count : -count;
    return pulses > 0 ? pulses : 0;
}

/* Counting sort by number of pulses, largest first; equal ones keep their order. Counts from
 * LAST on share a bucket, which insertion puts in order. */
static void sort_lanes(struct lanes *lanes, size_t m, const uint32_t *index,
                       const int16_t *count, enum rebias_polarity polarity)
{
    enum { LAST = 256 };
    size_t start[LAST + 1] = {0};
    for (size_t k = 0; k < m; k++) {
        int pulses = magnitude(polarity, count[k]);
        start[pulses < LAST ? pulses : LAST]++;
    }
    lanes->n = 0;
    for (size_t b = LAST; b >= 1; b--) {
        size_t size = start[b];
        start[b] = lanes->n;
        lanes->n += size;
    }
    for (size_t k = 0; k < m; k++) {
        int pulses = magnitude(polarity, count[k]);
        if (pulses == 0) {
            continue;
        }
        size_t place = start[pulses < LAST ? pulses : LAST]++;
        while (pulses > LAST && place > 0 && lanes->count[place - 1] < pulses) {
            lanes->count[place] = lanes->count[place - 1];
            lanes->index[place] = lanes->index[place - 1];
            place--;
        }
        lanes->count[place] = (int16_t)pulses;
        lanes->index[place] = index[k];
    }
}

static void gather_lanes(const struct rebias_devices *devices, struct lanes *lanes,
                         const float *G, const float **coef)
{
    const size_t coefs = devices->device->model->coef_count;
    for (size_t k = 0; k < coefs; k++) {
        coef[k] = devices->coef[k];
        if (devices->stride == 1) {
            for (size_t i = 0; i < lanes->n; i++) {
                lanes->coef[k][i] = devices->coef[k][lanes->index[i]];
            }
            coef[k] = lanes->coef[k];
        }
    }
    for (size_t i = 0; i < lanes->n; i++) {
        lanes->G[i] = G[lanes->index[i]];
    }
}

/* All rounds of one polarity: conductances and coefficients are gathered once. */
static void pulse_lanes(const struct rebias_devices *devices, struct lanes *lanes,
                        enum rebias_polarity polarity, float *G,
                        const struct rebias_stream *stream)
{
    const float *coef[REBIAS_MAX_COEFS];
    uint32_t word[REBIAS_LANES_MAX];
    gather_lanes(devices, lanes, G, coef);
    size_t active = lanes->n;
    for (int round = 0; active > 0; round++) {
        rebias_random_words_at(stream, (uint64_t)round * devices->round_words, active,
                               lanes->index, word);
        const struct rebias_lanes now = {active, polarity, word, coef, devices->stride};
        devices->device->model->step(devices->device, &now, lanes->G);
        clamp_lanes(active, coef[0], coef[1], devices->stride, lanes->G);
        while (active > 0 && lanes->count[active - 1] <= round + 1) {
            active--;
        }
    }
    for (size_t i = 0; i < lanes->n; i++) {
        G[lanes->index[i]] = lanes->G[i];
    }
}

void rebias_devices_pulse_some(const struct rebias_devices *devices, size_t m,
                               const uint32_t *index, const int16_t *count, float *G,
                               const struct rebias_stream *stream)
{
    struct lanes lanes;
    for (size_t start = 0; start < m; start += REBIAS_LANES_MAX) {
        size_t n = m - start < REBIAS_LANES_MAX ? m - start : REBIAS_LANES_MAX;
        for (int polarity = 0; polarity < 2; polarity++) {
            sort_lanes(&lanes, n, index + start, count + start, (enum rebias_polarity)polarity);
            pulse_lanes(devices, &lanes, (enum rebias_polarity)polarity, G, stream);
        }
    }
}
