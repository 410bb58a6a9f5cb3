/* fine_tune_pulses.c - wanted changes of weights become pulses on the deployed devices.
 * 1. rounding   2. pulses   3. an update
 */
#include "base/simd.h"
#include "fine_tune_internal.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. rounding -- */

/* owed += request * gain; whole pulses of it, at most cap, are counted and taken away. */
REBIAS_SIMD static void tune_collect(size_t n, const float *request, float gain, float cap,
                                     float *owed, int16_t *count)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float sum = owed[i] + request[i] * gain;
        const float low = sum > -cap ? sum : -cap;
        const int16_t whole = (int16_t)(low < cap ? low : cap);
        owed[i] = sum - (float)whole;
        count[i] = whole;
    }
}

/* count[inputs of the tile] of one row, which starts at `at` in its matrix. */
static void round_row(struct rebias_tuner *t, size_t matrix, size_t at, size_t n,
                      const float *g, float gain, uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const float cap = (float)t->options->pulse_cap;
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                         d->options.replicate,
                                         REBIAS_TUNING_ROUNDING | (uint32_t)matrix, step};
    if (t->options->write == REBIAS_WRITE_ACCUMULATE) {
        tune_collect(n, g, gain, cap, t->owed + d->first[matrix] + at, t->count + at);
    } else if (gain != 0.0f) {
        rebias_round_stochastic(&stream, at, n, g, gain, cap, t->count + at);
    } else { /* a row that takes no part */
        memset(t->count + at, 0, n * sizeof *t->count);
    }
}

/* count[n][m] of a matrix. */
static void round_matrix(struct rebias_tuner *t, size_t matrix, double rate, uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const size_t l = rebias_tuner_block(t, matrix)->layer;
    const size_t m = d->layer[l].m;
    const size_t first = d->first_row[matrix];
    const float *g =
        t->gradient + rebias_tuner_network(t, matrix) * t->parameters + t->first[l];
    for (size_t r = 0; r < d->first_row[matrix + 1] - first; r++) {
        size_t j = 0;
        const struct rebias_tile tile = rebias_tuner_row(t, matrix, r, &j);
        const size_t at = j * m + tile.input;
        round_row(t, matrix, at, tile.inputs, g + at,
                  (float)(-rate * t->part[first + r] / t->pulse_size), step);
    }
}

/* -- 2. pulses -- */

/* Lists working devices with pulses; returns how many. Four counts are looked at as one word.
 */
static size_t list_pulses(struct rebias_tuner *t, size_t matrix)
{
    const struct rebias_deployment *d = t->deployment;
    const uint8_t *stuck = d->stuck + d->first[matrix];
    const size_t n = d->first[matrix + 1] - d->first[matrix];
    size_t listed = 0;
    for (size_t i = 0; i < n; i += 4) {
        uint64_t four = 0;
        const size_t width = n - i < 4 ? n - i : 4;
        memcpy(&four, t->count + i, width * sizeof *t->count);
        for (size_t k = i; four != 0 && k < i + width; k++) {
            t->index[listed] = (uint32_t)k;
            t->listed[listed] = t->count[k];
            listed += t->count[k] != 0 && stuck[k] == 0;
        }
    }
    return listed;
}

static uint64_t pulse_matrix(struct rebias_tuner *t, size_t matrix, uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                         d->options.replicate,
                                         REBIAS_TUNING_PULSE | (uint32_t)matrix, step};
    const size_t listed = list_pulses(t, matrix);
    float *G = d->G + d->first[matrix];
    uint64_t pulses = 0;
    for (size_t k = 0; k < listed; k++) {
        float Gmin = 0.0f;
        float Gmax = 0.0f;
        float *at = &G[t->index[k]];
        rebias_devices_range(t->devices[matrix], t->index[k], &Gmin, &Gmax);
        const float inside = fminf(fmaxf(*at, Gmin), Gmax);
        t->outside[k] = *at - inside;
        *at = inside;
        pulses += (uint64_t)abs(t->listed[k]);
    }
    rebias_devices_pulse_some(t->devices[matrix], listed, t->index, t->listed, G, &stream);
    for (size_t k = 0; k < listed; k++) {
        G[t->index[k]] += t->outside[k];
    }
    return pulses;
}

/* -- 3. an update -- */

static void change_biases(struct rebias_tuner *t, double rate)
{
    for (size_t q = 0; q < t->networks; q++) {
        for (size_t l = 0; l < t->deployment->layers; l++) {
            const struct rebias_deployed_layer *layer = &t->deployment->layer[l];
            const float *g =
                t->gradient + q * t->parameters + t->first[l] + layer->m * layer->n;
            float *bias = rebias_tuner_biases(t, q, l);
            for (size_t j = 0; j < layer->n && bias != NULL; j++) {
                bias[j] = (float)((double)bias[j] - rate * (double)g[j]);
            }
        }
    }
}

uint64_t rebias_tuner_update(struct rebias_tuner *tuner, double rate, uint32_t step)
{
    uint64_t pulses = 0;
    for (size_t k = 0; k < tuner->deployment->matrix_count; k++) {
        round_matrix(tuner, k, rate, step);
        pulses += pulse_matrix(tuner, k, step);
    }
    change_biases(tuner, rate);
    return pulses;
}
