/* bias_setup.c - what one `rebias bias` works with.
 * 1. options   2. options that exclude each other   3. reading and opening
 */
#include "bias_setup.h"
#include "images_shared.h"
#include "network_options.h"
#include "output.h"
#include <string.h>

/* -- 1. options -- */

static int read_methods(const struct arguments *a, struct rebias_bias_options *o,
                        struct rebias_error *err)
{
    const char *text = argument_text(a, "method");
    for (const char *c = text;;) {
        const char *end = strchr(c, ',');
        size_t width = end != NULL ? (size_t)(end - c) : strlen(c);
        struct rebias_bias_method *method = &o->method[o->methods];
        if (o->methods == REBIAS_BIAS_MAX_METHODS || width >= sizeof method->name) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "--method: too many methods (at most %d) or a name too long",
                               REBIAS_BIAS_MAX_METHODS);
        }
        memcpy(method->name, c, width);
        method->name[width] = '\0';
        int status = rebias_method_parse(&method->method, method->name, err);
        if (status != REBIAS_OK) {
            return status;
        }
        o->methods++;
        if (end == NULL) {
            return REBIAS_OK;
        }
        c = end + 1;
    }
}

static int read_options(const struct arguments *a, struct rebias_bias_options *o,
                        struct rebias_error *err)
{
    *o = rebias_bias_options_defaults();
    o->replicates = (size_t)argument_integer(a, "replicates");
    o->synth.filter = argument_number(a, "filter");
    o->synth.censored = argument_flag(a, "censored");
    o->level = argument_number(a, "level");
    o->resamples = (size_t)argument_integer(a, "resamples");
    o->seed = (uint64_t)argument_integer(a, "seed");
    o->threads = thread_count(a);
    o->fit.blocks = (enum rebias_blocks)argument_choice(a, "blocks");
    o->weights = (enum rebias_bias_weights)argument_choice(a, "weights");
    o->metric_intervals = argument_given(a, "metrics");
    double points[REBIAS_BIAS_MAX_POINTS];
    int status = parse_number_list("points", argument_text(a, "points"), 1, 1e8, true, points,
                                   REBIAS_BIAS_MAX_POINTS, &o->point_counts, err);
    for (size_t i = 0; i < o->point_counts && status == REBIAS_OK; i++) {
        o->points[i] = (size_t)points[i];
    }
    status = status == REBIAS_OK ? read_methods(a, o, err) : status;
    return status == REBIAS_OK ? read_network_options(a, "0.05", &o->network, &o->train, err)
                               : status;
}

/* -- 2. options that exclude each other -- */

static bool trains(const struct arguments *a)
{
    return strcmp(argument_text(a, "network"), "none") != 0;
}

static bool by_mgd(const struct arguments *a)
{
    return argument_choice(a, "trainer") == 1;
}

/* Networks other than the multi-layer perceptron are for MGD. */
static int check_trainer(const struct arguments *a, struct rebias_error *err)
{
    const char *network = argument_text(a, "network");
    if (!by_mgd(a) && trains(a) && strcmp(network, "mlp") != 0) {
        const struct rebias_place place = {NULL, 0, 0, network};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "mlp or none",
                              "bad value of --network without --trainer mgd");
    }
    return bias_mgd_check(a, by_mgd(a), err);
}

/* Fails when one of the options is given, which mean nothing beside the one in `mode`. */
static int refuse(const struct arguments *a, const char *mode, const char *const *names,
                  size_t count, struct rebias_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (argument_given(a, names[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with %s", names[i],
                               mode);
        }
    }
    return REBIAS_OK;
}

static int check_untrained(const struct arguments *a, struct rebias_error *err)
{
    static const struct option_row network[] = {NETWORK_ROWS};
    static const char *const others[] = {"correlation", "figure", "trainer"};
    static const char mode[] = "--network none";
    int status = refuse(a, mode, others, sizeof others / sizeof others[0], err);
    for (size_t i = 0; i < sizeof network / sizeof network[0] && status == REBIAS_OK; i++) {
        status = refuse(a, mode, &network[i].name, 1, err);
    }
    return status == REBIAS_OK && argument_choice(a, "weights") == REBIAS_WEIGHTS_VISITED
               ? rebias_fail(err, REBIAS_E_NAME, "--weights visited has no meaning with %s",
                             mode)
               : status;
}

static int check_combination(const struct arguments *a, struct rebias_error *err)
{
    static const char *const not_pulses[] = {"target", "bootstrap", "points", "filter"};
    static const char *const not_bootstrap[] = {"method", "points", "filter", "censored"};
    static const char *const only_pulses[] = {"blocks"};
    int status = REBIAS_OK;
    if (argument_given(a, "pulses")) {
        status = refuse(a, "--pulses", not_pulses, 4, err);
    } else if (!argument_given(a, "target")) {
        status = rebias_fail(err, REBIAS_E_NAME,
                             "no ground truth: give --target DEVICE, or --pulses FILE.csv");
    } else {
        status = refuse(a, "--target", only_pulses, 1, err);
    }
    if (status == REBIAS_OK && argument_given(a, "bootstrap")) {
        status = refuse(a, "--bootstrap", not_bootstrap, 4, err);
        if (status == REBIAS_OK && argument_choice(a, "weights") == REBIAS_WEIGHTS_DATA) {
            status = rebias_fail(err, REBIAS_E_NAME,
                                 "--weights data has no meaning with --bootstrap");
        }
    }
    if (status == REBIAS_OK) {
        status = check_trainer(a, err);
    }
    return status == REBIAS_OK && !trains(a) ? check_untrained(a, err) : status;
}

/* -- 3. reading and opening -- */

int bias_setup_read(struct bias_setup *setup, const struct arguments *arguments,
                    struct rebias_error *err)
{
    *setup = (struct bias_setup){.set = NULL};
    int status = check_combination(arguments, err);
    return status == REBIAS_OK ? read_options(arguments, &setup->options, err) : status;
}

int bias_setup_open(struct bias_setup *setup, const struct arguments *arguments,
                    struct rebias_error *err)
{
    const struct arguments *a = arguments;
    int status = bias_studies_open(&setup->studies, a, &setup->options, err);
    if (status == REBIAS_OK && trains(a) && by_mgd(a)) {
        status = bias_mgd_open(&setup->mgd, a, err);
    } else if (status == REBIAS_OK && trains(a)) {
        status =
            images_take(&setup->set, argument_text(a, "images"), argument_text(a, "data"), err);
    }
    if (status == REBIAS_OK) {
        bias_studies_learn(&setup->studies, setup->set, by_mgd(a) ? &setup->mgd.parts : NULL);
    }
    return status;
}

const struct rebias_image_set *bias_setup_images(const struct bias_setup *setup)
{
    return setup->set != NULL ? setup->set : setup->mgd.setup.source.set;
}

void bias_setup_clear(struct bias_setup *setup)
{
    bias_mgd_clear(&setup->mgd);
    bias_studies_free(&setup->studies);
    images_give(setup->set);
    setup->set = NULL;
}
