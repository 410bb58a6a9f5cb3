/* devmodel.h - what a device is: one const descriptor a model, devices built from it, arrays of
 * devices that are pulsed together.
 *
 * Conductances are in siemens. Network-side arrays (G[]) are float32; parameters, moments and
 * distributions are double. A SET pulse raises G on average, a RESET pulse lowers it.
 */
#ifndef REBIAS_DEVMODEL_H
#define REBIAS_DEVMODEL_H

#include "base.h"
#include "error.h"
#include "random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_device;

/* One parameter of a model. A parameter with spread = true has a companion NAME_d2d: the
 * standard deviation, in the same unit, of a normal distribution truncated to [min, max] from
 * which every device of an array draws its own value. */
struct rebias_param {
    const char *name;
    const char *unit; /* "S", "1", "1/S", ... */
    double value;     /* default */
    double min;       /* valid range, inclusive */
    double max;
    bool spread;
    const char *help;
};

/* The lanes of one pulse: n devices, one polarity, one random word each. coef[k][i * stride] is
 * coefficient k of lane i; stride is 0 when all devices are alike. */
struct rebias_lanes {
    size_t n;
    enum rebias_polarity polarity;
    const uint32_t *word;
    const float *const *coef;
    size_t stride;
};

enum { REBIAS_MAX_COEFS = 24, REBIAS_LANES_MAX = 1024 };

/* A model: exported as one const struct by one file. Coefficients are what the inner loop
 * needs, derived once from the parameters; coefficients 0 and 1 are always Gmin and Gmax. */
struct rebias_device_model {
    const char *name;
    const char *doc; /* one line, then the equations and the source */
    const struct rebias_param *params;
    size_t param_count;
    size_t coef_count; /* <= REBIAS_MAX_COEFS */

    /* coef[coef_count] from values[param_count] (each already inside its row's range). */
    int (*derive)(const double *values, double *coef, struct rebias_error *err);

    /* One pulse on each lane, in place: G[i] += dG. The caller clamps to [Gmin, Gmax]
     * afterwards. */
    void (*step)(const struct rebias_device *device, const struct rebias_lanes *lanes,
                 float *G);

    /* Mean and sd (S) of dG at G before clamping. NULL where not known. */
    void (*moments)(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd);

    /* P(jump <= dG | G) before clamping. NULL where not known. */
    double (*cdf)(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                  double dG);

    /* Coefficients that each of n devices of an array draws for itself, beyond the spread of
     * parameters: coef[k][n] is overwritten where it is one of them. stream is that of the
     * array's spread; other uses take a purpose of their own. NULL where there are none. */
    void (*draw)(const struct rebias_device *device, size_t n,
                 const struct rebias_stream *stream, float *const *coef);

    /* Frees device->data. NULL where there is none. */
    void (*free_data)(void *data);

    bool gaussian; /* dG given G is normal (or a point mass): closed forms of the metrics apply
                    */
};

/* A device: a model with its parameter values. Read-only once made. */
struct rebias_device {
    const struct rebias_device_model *model;
    double Gmin; /* range, S; Gmin >= 0, Gmin < Gmax */
    double Gmax;
    double *values;  /* param_count values */
    double *spreads; /* param_count standard deviations, 0 = all devices alike */
    double *coefs;   /* coef_count nominal coefficients */
    void *data;      /* the model's own (a jump table), or NULL */
    char *name;      /* the specification it was made from */
};

/* Registered models, and lookup by name (NULL if unknown). The jump table is not among them: it
 * comes from a file (table.h). */
extern const struct rebias_device_model *const rebias_device_models[];
extern const size_t rebias_device_model_count;
const struct rebias_device_model *rebias_device_model_find(const char *name);

/* A preset: a name for a model with parameter values and the source of the numbers. */
struct rebias_preset {
    const char *name;
    const char *spec; /* "model:param=value,..." */
    const char *doc;  /* what it is and where its numbers come from */
};
extern const struct rebias_preset rebias_presets[];
extern const size_t rebias_preset_count;

/* *out = a device from a preset name, "model", or "model:param=value,...", also
 * "preset:param=value,..." to change single values (names of presets may contain ':'). Owner:
 * the caller (rebias_device_free). Errors: REBIAS_E_NAME for an unknown model or parameter,
 * REBIAS_E_RANGE for a value. */
int rebias_device_new(struct rebias_device **out, const char *spec, struct rebias_error *err);

/* *out = a device of a model with given values[param_count] and spreads[param_count] (NULL =
 * none). Takes data over when it succeeds. REBIAS_E_RANGE for a value outside its row's range,
 * a spread that is negative, not finite, or of a parameter that has none, and an empty range of
 * G. */
int rebias_device_build(struct rebias_device **out, const struct rebias_device_model *model,
                        const char *name, const double *values, const double *spreads,
                        void *data, struct rebias_error *err);

void rebias_device_free(struct rebias_device *device);

/* Whether the devices of an array differ. */
bool rebias_device_has_spread(const struct rebias_device *device);

/* Mean over the range and both polarities of |E dG| (S), on 101 equidistant G: the size of a
 * typical pulse, used to turn a requested conductance change into a number of pulses. */
double rebias_device_pulse_size(const struct rebias_device *device);

/* Mean over the same G and both polarities of the sd of dG (S). */
double rebias_device_pulse_noise(const struct rebias_device *device);

/* An array of n devices: their coefficients (one set when all are alike). The conductances
 * belong to the caller. */
struct rebias_devices;

/* Draws the array's device-to-device spread from the stream (its step is set to the parameter's
 * number). device is borrowed and must outlive the array. */
int rebias_devices_new(struct rebias_devices **out, const struct rebias_device *device,
                       size_t n, const struct rebias_stream *stream, struct rebias_error *err);
void rebias_devices_free(struct rebias_devices *devices);

/* Range of device i (equal to the device's own without spread). */
void rebias_devices_range(const struct rebias_devices *devices, size_t i, float *Gmin,
                          float *Gmax);

/* count[i] pulses on device i, conductance G[i] in place, for all devices of the array: SET for
 * count > 0, RESET for count < 0. Pulses act one after the other, each clamped to the device's
 * range. The word of device d and round r (its r-th pulse) is word r * N + d of the stream, N =
 * the array's size rounded up to a multiple of 4. */
void rebias_devices_pulse(const struct rebias_devices *devices, float *G, const int16_t *count,
                          const struct rebias_stream *stream);

/* The same for m devices index[k] (strictly ascending), the others untouched: the same bytes as
 * the call above with zeros elsewhere. */
void rebias_devices_pulse_some(const struct rebias_devices *devices, size_t m,
                               const uint32_t *index, const int16_t *count, float *G,
                               const struct rebias_stream *stream);

/* One pulse of one polarity on every device of the array; the fastest form. */
void rebias_devices_pulse_all(const struct rebias_devices *devices,
                              enum rebias_polarity polarity, float *G,
                              const struct rebias_stream *stream);

/* -- synthetic pulse data
 * --------------------------------------------------------------------------- */

struct rebias_pulses;

struct rebias_synth_options {
    size_t points; /* per polarity, >= 1 */
    double filter; /* keep only |dG/G| > filter; 0 = keep all. Published generator: 1e-3 */
    bool censored; /* true: the conductance is clamped to the range and the clamped jump
                      recorded, as an instrument would see it; false: jumps that leave the range
                      are kept whole */
    uint64_t seed;
    uint32_t replicate;
};

struct rebias_synth_options rebias_synth_options_defaults(
    void); /* 1000 points, filter 0, uncensored, seed 1 */

/* *out = pulse data drawn from a device: G uniform in [Gmin, Gmax], exactly one pulse, dG =
 * jump; points that fail the filter are drawn again (Yousuf et al. 2023, Algorithm 2, with its
 * clamping made a choice). Owner: the caller (rebias_pulses_free). REBIAS_E_DATA when the
 * filter rejects nearly everything. */
int rebias_pulses_synthesize(struct rebias_pulses **out, const struct rebias_device *device,
                             const struct rebias_synth_options *options,
                             struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
