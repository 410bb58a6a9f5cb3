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

/* count[n][m] of a block. */
static void round_block(struct rebias_tuner *t, size_t b, double rate, uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const size_t l = d->blocks[b].layer;
    const size_t m = d->layer[l].m;
    const float cap = (float)t->options->pulse_cap;
    const float *g = t->gradient + rebias_tuner_network(t, b) * t->parameters + t->first[l];
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                         d->options.replicate,
                                         REBIAS_TUNING_ROUNDING | (uint32_t)b, step};
    for (size_t j = 0; j < d->layer[l].n; j++) {
        const float gain = (float)(-rate * t->part[d->first_row[b] + j] / t->pulse_size);
        if (t->options->write == REBIAS_WRITE_ACCUMULATE) {
            tune_collect(m, g + j * m, gain, cap, t->owed + d->first[b] + j * m,
                         t->count + j * m);
        } else if (gain != 0.0f) {
            rebias_round_stochastic(&stream, j * m, m, g + j * m, gain, cap, t->count + j * m);
        } else { /* a row that takes no part */
            memset(t->count + j * m, 0, m * sizeof *t->count);
        }
    }
}

/* -- 2. pulses -- */

/* Lists working devices with pulses; returns how many. Four counts are looked at as one word.
 */
static size_t list_pulses(struct rebias_tuner *t, size_t b)
{
    const struct rebias_deployment *d = t->deployment;
    const uint8_t *stuck = d->stuck + d->first[b];
    const size_t n = d->first[b + 1] - d->first[b];
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

static uint64_t pulse_block(struct rebias_tuner *t, size_t b, uint32_t step)
{
    const struct rebias_deployment *d = t->deployment;
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                         d->options.replicate,
                                         REBIAS_TUNING_PULSE | (uint32_t)b, step};
    const size_t listed = list_pulses(t, b);
    float *G = d->G + d->first[b];
    uint64_t pulses = 0;
    for (size_t k = 0; k < listed; k++) {
        float Gmin = 0.0f;
        float Gmax = 0.0f;
        float *at = &G[t->index[k]];
        rebias_devices_range(t->devices[b], t->index[k], &Gmin, &Gmax);
        const float inside = fminf(fmaxf(*at, Gmin), Gmax);
        t->outside[k] = *at - inside;
        *at = inside;
        pulses += (uint64_t)abs(t->listed[k]);
    }
    rebias_devices_pulse_some(t->devices[b], listed, t->index, t->listed, G, &stream);
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
    for (size_t b = 0; b < tuner->deployment->block_count; b++) {
        round_block(tuner, b, rate, step);
        pulses += pulse_block(tuner, b, step);
    }
    change_biases(tuner, rate);
    return pulses;
}
