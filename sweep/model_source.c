/* model_source.c - where a replicate's model comes from: synthetic points, resampled pulses,
 * stored tables.
 * 1. checks   2. pulses of a run   3. the model of a run
 */
#include "model_source.h"
#include "rebias/family.h"
#include "rebias/pulses.h"
#include <stdlib.h>
#include <string.h>

struct source {
    /* Refuses options. NULL: nothing to refuse. */
    int (*check)(const struct rebias_bias_options *options, struct rebias_error *err);
    /* *out = the points that the run's model is fitted to. NULL: its table is in the family. */
    int (*points)(struct rebias_pulses **out, const struct rebias_bias_options *options,
                  const struct rebias_bias_run *run, struct rebias_error *err);
};

/* -- 1. checks -- */

static int check_resamples(const struct rebias_bias_options *o, struct rebias_error *err)
{
    uint32_t *block = NULL;
    size_t count = 0;
    if (o->pulses == NULL) {
        return rebias_fail(err, REBIAS_E_RANGE, "there are no pulses to resample");
    }
    if (o->point_counts != 1) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu numbers of points are not possible with given pulses (1)",
                           o->point_counts);
    }
    int status = rebias_alloc(&block, o->pulses->n, sizeof *block, err);
    if (status == REBIAS_OK) { /* else a missing column would look like too few points */
        status = rebias_pulses_blocks(o->pulses, o->fit.blocks, block, &count, NULL, err);
    }
    free(block);
    return status;
}

static int check_family(const struct rebias_bias_options *o, struct rebias_error *err)
{
    if (o->family == NULL || o->family->count < 1 ||
        o->family->kind != REBIAS_FAMILY_BOOTSTRAP) {
        return rebias_fail(err, REBIAS_E_RANGE, "there are no bootstrap tables");
    }
    if (o->methods != 1 || o->point_counts != 1) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu methods and %zu numbers of points are not possible with given "
                           "tables (1 and 1)",
                           o->methods, o->point_counts);
    }
    if (o->weights == REBIAS_WEIGHTS_DATA) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "weights of the data are not possible: the points of the tables are not known");
    }
    return REBIAS_OK;
}

/* -- 2. pulses of a run -- */

static int draw_points(struct rebias_pulses **out, const struct rebias_bias_options *o,
                       const struct rebias_bias_run *run, struct rebias_error *err)
{
    struct rebias_synth_options synth = o->synth;
    synth.points = run->points;
    synth.seed = o->seed;
    synth.replicate = run->replicate;
    return rebias_pulses_synthesize(out, o->target, &synth, err);
}

static int resample_points(struct rebias_pulses **out, const struct rebias_bias_options *o,
                           const struct rebias_bias_run *run, struct rebias_error *err)
{
    return rebias_pulses_resample(out, o->pulses, o->fit.blocks, o->seed, run->replicate, err);
}

/* -- 3. the model of a run -- */

static const struct source sources[] = {
    [REBIAS_BIAS_SYNTHETIC] = {NULL, draw_points},
    [REBIAS_BIAS_RESAMPLES] = {check_resamples, resample_points},
    [REBIAS_BIAS_FAMILY] = {check_family, NULL},
};

int rebias_bias_source_check(const struct rebias_bias_options *options,
                             struct rebias_error *err)
{
    const struct source *source = &sources[options->source];
    return source->check != NULL ? source->check(options, err) : REBIAS_OK;
}

/* True when one of the method's choices is "truth": only then may one be given. */
static bool wants_truth(const struct rebias_method *method)
{
    static const char word[] = "truth";
    const struct rebias_estimator *e = method->estimator;
    for (size_t p = 0; p < e->param_count && e->uses_truth; p++) {
        const char *choice = e->params[p].choices;
        for (int skip = (int)method->values[p]; choice != NULL && skip > 0; skip--) {
            choice = strchr(choice, '|');
            choice = choice != NULL ? choice + 1 : NULL;
        }
        if (choice != NULL && strcspn(choice, "|") == sizeof word - 1 &&
            strncmp(choice, word, sizeof word - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Smallest sd of a normal row: as given; else, for points of a target without noise, that of a
 * fit's default, for constant jumps are refused unless a floor is stated. */
static double sd_floor_of(const struct rebias_bias_options *o)
{
    const double part = 1e-4; /* of the jump */
    bool noiseless = o->source == REBIAS_BIAS_SYNTHETIC && o->fit.sd_floor == 0.0 &&
                     rebias_device_pulse_noise(o->target) == 0.0; /* exactly: a point mass */
    return noiseless ? part * rebias_device_pulse_size(o->target) : o->fit.sd_floor;
}

/* Over the target's range; the truth is known where the points are drawn from it. */
static int fit_points(struct rebias_table **out, const struct rebias_pulses *pulses,
                      const struct rebias_bias_options *o, const struct rebias_bias_run *run,
                      struct rebias_error *err)
{
    const struct rebias_method *method = &o->method[run->method].method;
    struct rebias_jumps truth;
    struct rebias_fit_options fit = o->fit;
    int status = REBIAS_OK;
    fit.Gmin = o->target->Gmin;
    fit.Gmax = o->target->Gmax;
    fit.censored = o->synth.censored;
    fit.seed = o->seed;
    fit.sd_floor = sd_floor_of(o);
    fit.truth = NULL;
    if (o->source == REBIAS_BIAS_SYNTHETIC && wants_truth(method)) {
        status = rebias_device_jumps(&truth, o->target, err);
        fit.truth = &truth;
    }
    return status == REBIAS_OK ? rebias_fit(out, pulses, method, &fit, NULL, err) : status;
}

int rebias_bias_model_make(struct rebias_bias_model *model,
                           const struct rebias_bias_options *options,
                           const struct rebias_bias_run *run, struct rebias_error *err)
{
    const struct rebias_bias_options *o = options;
    const struct source *source = &sources[o->source];
    struct rebias_table *fitted = NULL;
    const struct rebias_table *table = NULL;
    int status = REBIAS_OK;
    if (source->points != NULL) {
        status = source->points(&model->pulses, o, run, err);
        status = status == REBIAS_OK ? fit_points(&fitted, model->pulses, o, run, err) : status;
        table = fitted;
    } else {
        table = o->family->table[run->replicate % o->family->count];
    }
    if (status == REBIAS_OK) {
        status = rebias_table_device_new(&model->device, table, o->method[run->method].name,
                                         REBIAS_RULE_LINEAR, 1.0, 0.0, err);
    }
    rebias_table_free(fitted);
    return status;
}

void rebias_bias_model_clear(struct rebias_bias_model *model)
{
    rebias_device_free(model->device);
    rebias_pulses_free(model->pulses);
    *model = (struct rebias_bias_model){NULL, NULL};
}
