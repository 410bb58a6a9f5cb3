/* synthesize.c - pulse data drawn from a device.
 *
 * Yousuf et al., IEEE JETCAS 13, 382 (2023), Algorithm 2: G uniform over the range, one pulse,
 * dG kept when it passes the filter |dG/G| > f. Rejected points are drawn again at the same
 * place with the next trial's streams, so point i never depends on how many others were
 * rejected.
 */
#include "lanes.h"
#include "rebias/base.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_TRIALS = 10000 };

struct rebias_synth_options rebias_synth_options_defaults(void)
{
    return (struct rebias_synth_options){
        .points = 1000, .filter = 0.0, .censored = false, .seed = 1};
}

static int check_options(const struct rebias_synth_options *options, struct rebias_error *err)
{
    if (options->points < 1 || options->points > 100000000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu synthetic points per polarity are not possible (1 to 1e8)",
                           options->points);
    }
    if (!(options->filter >= 0.0 && options->filter < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the |dG/G| filter %g is not in [0, 1)",
                           options->filter);
    }
    return REBIAS_OK;
}

/* Draws the points first .. first + n - 1 of a trial: start conductance and jump. */
static void draw_points(const struct rebias_devices *devices,
                        const struct rebias_synth_options *options,
                        enum rebias_polarity polarity, uint32_t trial, size_t first, size_t n,
                        double *G, double *dG)
{
    struct rebias_stream stream = {options->seed, REBIAS_FOR_SYNTH_G, options->replicate,
                                   (uint32_t)polarity, trial};
    double uniform[REBIAS_LANES_MAX];
    uint32_t word[REBIAS_LANES_MAX];
    float start[REBIAS_LANES_MAX];
    float end[REBIAS_LANES_MAX];
    rebias_random_uniform(&stream, first, n, uniform);
    for (size_t i = 0; i < n; i++) {
        float low = 0.0f;
        float high = 0.0f;
        rebias_devices_range(devices, first + i, &low, &high);
        start[i] = (float)(low + uniform[i] * ((double)high - low));
        end[i] = start[i];
    }
    stream.purpose = REBIAS_FOR_SYNTH_PULSE;
    rebias_random_words(&stream, first, n, word);
    rebias_devices_step_raw(devices, polarity, first, n, word, end);
    if (options->censored) {
        rebias_devices_clamp(devices, first, n, end);
    }
    for (size_t i = 0; i < n; i++) {
        G[i] = start[i];
        dG[i] = (double)end[i] - start[i];
    }
}

static int fill_polarity(struct rebias_pulses *pulses, const struct rebias_devices *devices,
                         const struct rebias_synth_options *options,
                         enum rebias_polarity polarity, struct rebias_error *err)
{
    double G[REBIAS_LANES_MAX];
    double dG[REBIAS_LANES_MAX];
    bool kept[REBIAS_LANES_MAX];
    const size_t offset = (size_t)polarity * options->points;
    for (size_t first = 0; first < options->points; first += REBIAS_LANES_MAX) {
        size_t n = options->points - first < REBIAS_LANES_MAX ? options->points - first
                                                              : REBIAS_LANES_MAX;
        size_t missing = n;
        for (size_t i = 0; i < n; i++) {
            kept[i] = false;
        }
        for (uint32_t trial = 0; missing > 0; trial++) {
            if (trial == MAX_TRIALS) {
                return rebias_fail(err, REBIAS_E_DATA,
                                   "the |dG/G| > %g filter rejects nearly every pulse",
                                   options->filter);
            }
            draw_points(devices, options, polarity, trial, first, n, G, dG);
            for (size_t i = 0; i < n; i++) {
                if (!kept[i] &&
                    (options->filter == 0.0 || fabs(dG[i]) > options->filter * G[i])) {
                    kept[i] = true;
                    missing--;
                    pulses->polarity[offset + first + i] = (uint8_t)polarity;
                    pulses->G[offset + first + i] = G[i];
                    pulses->dG[offset + first + i] = dG[i];
                }
            }
        }
    }
    return REBIAS_OK;
}

int rebias_pulses_synthesize(struct rebias_pulses **out, const struct rebias_device *device,
                             const struct rebias_synth_options *options,
                             struct rebias_error *err)
{
    *out = NULL;
    struct rebias_devices *devices = NULL;
    struct rebias_pulses *pulses = NULL;
    const struct rebias_stream spread = {options->seed, REBIAS_FOR_SPREAD, options->replicate,
                                         UINT32_MAX, 0};
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_devices_new(&devices, device, options->points, &spread, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_pulses_new(&pulses, 2 * options->points, false, err);
    }
    for (int polarity = 0; polarity < 2 && status == REBIAS_OK; polarity++) {
        status = fill_polarity(pulses, devices, options, (enum rebias_polarity)polarity, err);
    }
    rebias_devices_free(devices);
    if (status != REBIAS_OK) {
        rebias_pulses_free(pulses);
        return status;
    }
    *out = pulses;
    return REBIAS_OK;
}
