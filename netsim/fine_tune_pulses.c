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

/* The part of count[n][m] that a block of the matrix is. */
static void round_block(struct rebias_tuner *t, size_t matrix, size_t b, double rate,
                        uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const size_t l = d->blocks[b].layer;
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t row = rebias_deployment_row(d, matrix, &d->blocks[b]);
    const float cap = (float)t->options->pulse_cap;
    const float *g =
        t->gradient + rebias_tuner_network(t, matrix) * t->parameters + t->first[l];
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                         d->options.replicate,
                                         REBIAS_TUNING_ROUNDING | (uint32_t)matrix, step};
    for (size_t j = 0; j < tile.outputs; j++) {
        const size_t at = (tile.output + j) * d->layer[l].m + tile.input;
        const float gain = (float)(-rate * t->part[row + j] / t->pulse_size);
        if (t->options->write == REBIAS_WRITE_ACCUMULATE) {
            tune_collect(tile.inputs, g + at, gain, cap, t->owed + d->first[matrix] + at,
                         t->count + at);
        } else if (gain != 0.0f) { /* else a row that takes no part */
            rebias_round_stochastic(&stream, at, tile.inputs, g + at, gain, cap, t->count + at);
        }
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
    const struct rebias_deployment *d = tuner->deployment;
    for (size_t k = 0; k < d->matrix_count; k++) {
        memset(tuner->count, 0, (d->first[k + 1] - d->first[k]) * sizeof *tuner->count);
        for (size_t b = d->first_block[k]; b < d->first_block[k + 1]; b++) {
            round_block(tuner, k, b, rate, step);
        }
        pulses += pulse_matrix(tuner, k, step);
    }
    change_biases(tuner, rate);
    return pulses;
}
