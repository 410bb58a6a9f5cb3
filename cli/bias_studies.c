/* bias_studies.c - the studies of one `rebias bias`.
 * 1. targets   2. pulses   3. opening, running, freeing
 */
#include "bias_studies.h"
#include "network_options.h"
#include "output.h"
#include "rebias/family.h"
#include "rebias/pulses.h"
#include <stdio.h>
#include <stdlib.h>

/* -- 1. targets -- */

static int new_studies(struct bias_studies *studies, size_t count,
                       const struct rebias_bias_options *options, struct rebias_error *err)
{
    int status = rebias_alloc(&studies->study, count, sizeof *studies->study, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        studies->study[i].options = *options;
        studies->count++;
    }
    return status;
}

/* The bootstrap tables in the target's file become the models. */
static int load_family(struct bias_study *study, const char *path, struct rebias_error *err)
{
    struct rebias_bias_options *o = &study->options;
    int status = rebias_family_load(&study->family, path, err);
    if (status == REBIAS_OK &&
        (study->family == NULL || study->family->kind != REBIAS_FAMILY_BOOTSTRAP)) {
        const struct rebias_place place = {path, 0, 0, NULL};
        status = rebias_fail_at(err, REBIAS_E_DATA, &place,
                                "a table that was saved with `rebias fit --bootstrap`",
                                "no bootstrap tables in it");
    }
    o->source = REBIAS_BIAS_FAMILY;
    o->family = study->family;
    o->methods = o->point_counts = 1;
    o->points[0] = 0; /* not known */
    snprintf(o->method[0].name, sizeof o->method[0].name, "bootstrap");
    return status;
}

static int open_targets(struct bias_studies *studies, const struct arguments *a,
                        const struct rebias_bias_options *options, struct rebias_error *err)
{
    int status = target_list_parse(&studies->targets, argument_text(a, "target"), err);
    char *const *specs = studies->targets.specs.data;
    if (status == REBIAS_OK) {
        status = new_studies(studies, studies->targets.specs.count, options, err);
    }
    for (size_t i = 0; i < studies->count && status == REBIAS_OK; i++) {
        struct bias_study *study = &studies->study[i];
        status = rebias_device_open(&study->target, specs[i], err);
        if (status == REBIAS_OK && argument_flag(a, "bootstrap")) {
            status = load_family(study, specs[i], err);
        }
    }
    return status;
}

/* -- 2. pulses -- */

/* The table that a method fits to all pulses becomes the target, the method the study's one. */
static int fit_target(struct bias_study *study, const struct rebias_pulses *pulses,
                      const struct rebias_bias_method *method, const char *path,
                      struct rebias_error *err)
{
    struct rebias_bias_options *o = &study->options;
    struct rebias_fit_options fit = o->fit;
    struct rebias_table *table = NULL;
    char name[512];
    const size_t set = rebias_pulses_count(pulses, REBIAS_SET);
    const size_t reset = rebias_pulses_count(pulses, REBIAS_RESET);
    o->source = REBIAS_BIAS_RESAMPLES;
    o->pulses = pulses;
    o->method[0] = *method;
    o->methods = o->point_counts = 1;
    o->points[0] = set < reset ? set : reset;
    fit.censored = o->synth.censored;
    fit.seed = o->seed;
    snprintf(name, sizeof name, "%s:%s", path, method->name);
    int status = rebias_fit(&table, pulses, &method->method, &fit, NULL, err);
    if (status == REBIAS_OK) {
        status = rebias_table_device_new(&study->target, table, name, REBIAS_RULE_LINEAR, 1.0,
                                         0.0, err);
    }
    rebias_table_free(table);
    return status;
}

static int open_pulses(struct bias_studies *studies, const struct arguments *a,
                       const struct rebias_bias_options *options, struct rebias_error *err)
{
    const struct rebias_pulses_options pulses_options = rebias_pulses_options_defaults();
    const char *path = argument_text(a, "pulses");
    int status = rebias_pulses_load(&studies->pulses, path, &pulses_options, err);
    if (status == REBIAS_OK) {
        status = new_studies(studies, options->methods, options, err);
    }
    for (size_t i = 0; i < studies->count && status == REBIAS_OK; i++) {
        status =
            fit_target(&studies->study[i], studies->pulses, &options->method[i], path, err);
    }
    return status;
}

/* -- 3. opening, running, freeing -- */

int bias_studies_open(struct bias_studies *studies, const struct arguments *arguments,
                      const struct rebias_bias_options *options, struct rebias_error *err)
{
    int status = argument_given(arguments, "pulses")
                     ? open_pulses(studies, arguments, options, err)
                     : open_targets(studies, arguments, options, err);
    for (size_t i = 0; i < studies->count; i++) {
        studies->study[i].options.target = studies->study[i].target;
    }
    return status;
}

void bias_studies_learn(struct bias_studies *studies, const struct rebias_image_set *set,
                        const struct rebias_bias_mgd *mgd)
{
    for (size_t i = 0; i < studies->count; i++) {
        struct rebias_bias_options *o = &studies->study[i].options;
        o->set = set;
        o->mgd = mgd;
        if (set != NULL) {
            complete_layers(&o->network, set);
        }
    }
}

int bias_studies_run(struct bias_studies *studies, const struct arguments *arguments,
                     struct rebias_error *err)
{
    int status = REBIAS_OK;
    progress_catch_signals();
    for (size_t i = 0; i < studies->count && status == REBIAS_OK; i++) {
        struct bias_study *study = &studies->study[i];
        const bool networks = study->options.set != NULL || study->options.mgd != NULL;
        struct progress progress = {.arguments = arguments,
                                    .what = networks ? "networks" : "models"};
        status =
            rebias_bias_study(&study->result, &study->options, progress_step, &progress, err);
        progress_end(&progress);
    }
    return status;
}

void bias_studies_free(struct bias_studies *studies)
{
    for (size_t i = 0; i < studies->count; i++) {
        rebias_bias_result_free(studies->study[i].result);
        rebias_family_free(studies->study[i].family);
        rebias_device_free(studies->study[i].target);
    }
    free(studies->study);
    rebias_pulses_free(studies->pulses);
    target_list_free(&studies->targets);
    *studies = (struct bias_studies){0};
}
