/* mgd_options.c - what the commands of multiplexed gradient descent read from their options.
 * 1. options that need others   2. network   3. initial parameters   4. perturbation   5.
 * updates
 * 6. length of a run   7. the set-up   8. label
 */
#include "mgd_options.h"
#include "commands.h"
#include "network_options.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options that need others -- */

/* An option that means nothing unless another is given, or has a value. */
struct need {
    const char *option;
    const char *other;
    const char *choice; /* NULL: given at all */
};

static int check_needs(const struct arguments *a, const struct need *needs, size_t count,
                       struct rebias_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct need *need = &needs[i];
        const bool met = need->choice == NULL
                             ? argument_given(a, need->other)
                             : strcmp(argument_text(a, need->other), need->choice) == 0;
        if (argument_given(a, need->option) && !met) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s needs --%s%s%s", need->option,
                               need->other, need->choice != NULL ? " " : "",
                               need->choice != NULL ? need->choice : "");
        }
    }
    return REBIAS_OK;
}

static int check_perturbation_needs(const struct arguments *a, struct rebias_error *err)
{
    static const struct need needs[] = {
        {"sparsity", "perturbation", "random"},
        {"frequencies", "perturbation", "sine"},
        {"noisy-baseline", "cost-noise", NULL},
        {"adc-range", "adc-bits", NULL},
        {"offset", "device", NULL},
        {"biases", "device", NULL},
        {"encoding", "device", NULL},
        {"weight-range", "device", NULL},
        {"pulse-size", "device", NULL},
        {"pulse-cap", "device", NULL},
        {"program-rounds", "device", NULL},
    };
    return check_needs(a, needs, sizeof needs / sizeof needs[0], err);
}

static int check_training_needs(const struct arguments *a, struct rebias_error *err)
{
    static const struct need needs[] = {
        {"tau-hp", "analog", NULL},
        {"momentum", "optimizer", "momentum"},
        {"shared-update-noise", "update-noise", NULL},
        {"every", "checkpoint", NULL},
    };
    if (argument_given(a, "write") && !argument_given(a, "device") &&
        !argument_given(a, "update-quantum")) {
        return rebias_fail(err, REBIAS_E_NAME, "--write needs --device or --update-quantum");
    }
    return check_needs(a, needs, sizeof needs / sizeof needs[0], err);
}

/* -- 2. network -- */

static enum rebias_cost cost_of(const struct arguments *a)
{
    if (argument_text(a, "cost") != NULL) {
        return (enum rebias_cost)argument_choice(a, "cost"); /* in its order */
    }
    return argument_given(a, "task") ? REBIAS_COST_SQUARED : REBIAS_COST_CROSS_ENTROPY;
}

/* The network as text: --network, --layers, or what images have without either. */
static int network_text(const struct arguments *a, const struct mgd_source *source, char *text,
                        size_t size, struct rebias_error *err)
{
    enum { HIDDEN = 100 };
    double sizes[REBIAS_MAX_LAYERS + 1];
    size_t count = 0;
    const char *given = argument_text(a, "network");
    int status = read_layer_sizes(a, sizes, &count, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (given != NULL && count > 0) {
        return rebias_fail(err, REBIAS_E_NAME, "--network has no meaning with --layers");
    }
    if (given == NULL && count == 0 && source->task != NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "no network: give --layers N,N,... or --network TEXT");
    }
    const char *layers = given != NULL ? given : argument_text(a, "layers");
    int length = layers != NULL ? snprintf(text, size, "%s", layers)
                                : snprintf(text, size, "%zu,%d,%zu", source->train.inputs,
                                           HIDDEN, source->train.outputs);
    return length >= 0 && (size_t)length < size
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_RANGE,
                             "the text of the network has %d characters (at most %zu)", length,
                             size - 1);
}

static int open_network(struct mgd_setup *setup, const struct arguments *a,
                        enum rebias_cost cost, struct rebias_error *err)
{
    char text[sizeof setup->architecture.name];
    const struct mgd_source *source = &setup->source;
    const bool task = source->task != NULL;
    const bool squared = cost == REBIAS_COST_SQUARED;
    if (squared && argument_given(a, "smoothing")) {
        return rebias_fail(err, REBIAS_E_NAME, "--smoothing needs --cost cross-entropy");
    }
    if (!squared && source->train.label == NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--cost cross-entropy needs one output a class: %s has one output",
                           source->task->name);
    }
    enum rebias_transfer hidden = task ? REBIAS_TRANSFER_SIGMOID : REBIAS_TRANSFER_RELU;
    if (argument_given(a, "activation")) {
        hidden = (enum rebias_transfer)argument_choice(a, "activation"); /* in its order */
    }
    int status = network_text(a, source, text, sizeof text, err);
    return status == REBIAS_OK ? rebias_architecture_parse(
                                     &setup->architecture, text, hidden,
                                     squared ? REBIAS_TRANSFER_SIGMOID : REBIAS_TRANSFER_NONE,
                                     cost, argument_number(a, "smoothing"), err)
                               : status;
}

/* -- 3. initial parameters -- */

static int read_initial(struct rebias_mgd_options *o, const struct arguments *a,
                        struct rebias_error *err)
{
    const char *text = argument_text(a, "initial");
    static const char prefix[] = "uniform:";
    double bound[2] = {-0.5, 0.5};
    size_t count = 2;
    if (text == NULL) {
        o->initial = argument_given(a, "task") ? REBIAS_INITIAL_UNIFORM : REBIAS_INITIAL_GLOROT;
    } else if (strcmp(text, "glorot") == 0) {
        o->initial = REBIAS_INITIAL_GLOROT;
    } else if (strcmp(text, "lecun") == 0) {
        o->initial = REBIAS_INITIAL_LECUN;
    } else {
        const struct rebias_place place = {NULL, 0, 0, text};
        int status = REBIAS_E_RANGE;
        o->initial = REBIAS_INITIAL_UNIFORM;
        if (strncmp(text, prefix, strlen(prefix)) == 0) {
            status = parse_number_list("initial", text + strlen(prefix), -1e6, 1e6, false,
                                       bound, 2, &count, err);
        }
        if (status != REBIAS_OK || count != 2 || !(bound[0] < bound[1])) {
            return rebias_fail_at(err, REBIAS_E_RANGE, &place,
                                  "uniform:LOW,HIGH with LOW < HIGH, glorot or lecun",
                                  "bad value of --initial");
        }
    }
    o->initial_low = bound[0];
    o->initial_high = bound[1];
    return REBIAS_OK;
}

/* -- 4. perturbation -- */

static int read_frequencies(struct rebias_mgd_options *o, const struct arguments *a,
                            struct rebias_error *err)
{
    const char *text = argument_text(a, "frequencies");
    double f[2];
    size_t count = 0;
    int status = parse_number_list("frequencies", text, 0, 0.5, false, f, 2, &count, err);
    if (status == REBIAS_OK && (count != 2 || !(f[0] < f[1]))) {
        const struct rebias_place place = {NULL, 0, 0, text};
        status = rebias_fail_at(err, REBIAS_E_RANGE, &place, "LOW,HIGH with LOW < HIGH",
                                "bad value of --frequencies");
    }
    if (status == REBIAS_OK) {
        o->f_low = f[0];
        o->f_high = f[1];
    }
    return status;
}

static double time_or(const struct arguments *a, const char *name, double fallback)
{
    return argument_given(a, name) ? argument_number(a, name) : fallback;
}

static int read_perturbation(struct rebias_mgd_options *o, const struct arguments *a,
                             struct rebias_error *err)
{
    o->method = (enum rebias_mgd_method)argument_choice(a, "method"); /* all in their order */
    /* nodes of all layers at once disturb each other's estimates: a rate that does for one
     * layer diverges */
    o->scope = o->method == REBIAS_MGD_NODE ? REBIAS_MGD_LAYERS : REBIAS_MGD_ALL;
    if (argument_given(a, "scope")) {
        o->scope = (enum rebias_mgd_scope)argument_choice(a, "scope");
    }
    o->perturbation = (enum rebias_perturbation)argument_choice(a, "perturbation");
    o->amplitude = argument_number(a, "amplitude");
    o->sparsity = argument_number(a, "sparsity");
    o->two_sided = argument_flag(a, "two-sided");
    o->clip = argument_number(a, "clip");
    o->cost_noise = argument_number(a, "cost-noise");
    o->noisy_baseline = argument_flag(a, "noisy-baseline");
    o->defects = argument_number(a, "defects");
    o->read_noise = argument_number(a, "read-noise");
    o->adc_bits = (unsigned)argument_integer(a, "adc-bits");
    o->adc_range = argument_number(a, "adc-range");
    o->offset = (enum rebias_mgd_offset)argument_choice(a, "offset");
    o->dt = argument_number(a, "dt");
    o->tau_p = time_or(a, "tau-p", o->dt);
    o->tau_x = time_or(a, "tau-x", o->tau_p);
    o->tau_theta = o->tau_p;
    o->seed = (uint64_t)argument_integer(a, "seed");
    const bool task = argument_given(a, "task");
    o->batch =
        argument_given(a, "batch") ? (size_t)argument_integer(a, "batch") : (task ? 1 : 100);
    read_crossbar_options(a, &o->crossbar, &o->biases);
    if (task && !argument_given(a, "weight-range")) {
        const double sigmoids = 4.0; /* their weights must reach this to be decided */
        o->crossbar.weight_range = sigmoids;
    }
    int status = read_frequencies(o, a, err);
    return status == REBIAS_OK ? read_initial(o, a, err) : status;
}

/* -- 5. updates -- */

/* --patterns K says tau-x = tau-theta = K tau-p; a tau that is given as well must agree. */
static int read_times(struct rebias_mgd_options *o, const struct arguments *a,
                      struct rebias_error *err)
{
    static const char *const names[2] = {"tau-x", "tau-theta"};
    double *const tau[2] = {&o->tau_x, &o->tau_theta};
    o->tau_theta = time_or(a, "tau-theta", o->tau_p);
    for (int i = 0; i < 2 && argument_given(a, "patterns"); i++) {
        const double wanted = (double)argument_integer(a, "patterns") * o->tau_p;
        if (argument_given(a, names[i]) && fabs(*tau[i] - wanted) > 1e-9 * wanted) {
            return rebias_fail(
                err, REBIAS_E_RANGE, "--patterns %" PRId64 " makes %s = %g, but --%s is %g",
                argument_integer(a, "patterns"), names[i], wanted, names[i], *tau[i]);
        }
        *tau[i] = wanted;
    }
    return REBIAS_OK;
}

static double default_eta(const struct rebias_mgd_options *o)
{
    const double plain = 0.1;
    const double adam = 0.001;
    if (o->optimizer == REBIAS_OPTIMIZER_ADAM) {
        return adam;
    }
    return o->optimizer == REBIAS_OPTIMIZER_MOMENTUM ? plain * (1.0 - o->momentum) : plain;
}

static int read_updates(struct rebias_mgd_options *o, const struct arguments *a,
                        struct rebias_error *err)
{
    o->analog = argument_flag(a, "analog");
    o->tau_hp = argument_number(a, "tau-hp");
    o->eta_form = o->analog ? REBIAS_ETA_VECTOR : REBIAS_ETA_NORM;
    if (argument_given(a, "eta-form")) {
        o->eta_form = (enum rebias_eta_form)argument_choice(a, "eta-form"); /* in its order */
    }
    o->optimizer = (enum rebias_optimizer)argument_choice(a, "optimizer");
    o->momentum = argument_number(a, "momentum");
    o->eta = time_or(a, "eta", default_eta(o));
    o->eta_decay = time_or(a, "decay", 0.0);
    o->weight_decay = argument_number(a, "weight-decay");
    o->max_norm = argument_number(a, "max-norm");
    o->update_noise = argument_number(a, "update-noise");
    o->shared_update_noise = argument_flag(a, "shared-update-noise");
    o->update_delay = (uint32_t)argument_integer(a, "update-delay");
    o->update_quantum = argument_number(a, "update-quantum");
    o->write = (enum rebias_mgd_write)argument_choice(a, "write");
    o->replicate = (uint32_t)argument_integer(a, "replicate");
    return read_times(o, a, err);
}

/* -- 6. length of a run -- */

static int check_length(const struct arguments *a, bool target, struct rebias_error *err)
{
    static const char *const names[] = {"steps", "updates", "max-steps"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (argument_given(a, names[i]) && found != NULL) {
            return rebias_fail(err, REBIAS_E_NAME,
                               "--%s and --%s both say how long: give one of them", found,
                               names[i]);
        }
        found = argument_given(a, names[i]) ? names[i] : found;
    }
    if (argument_given(a, "max-steps") && !target) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--max-steps needs --target-cost or --target-accuracy");
    }
    if (argument_given(a, "looks") && target) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--looks has no meaning with a target: looks are 2 %% apart");
    }
    return REBIAS_OK;
}

static int read_length(struct rebias_mgd_options *o, const struct arguments *a,
                       struct rebias_error *err)
{
    const uint64_t steps = 10000;
    const double most = 1e18; /* the library refuses less than this, but it fits an integer */
    o->target_cost = argument_number(a, "target-cost");
    o->target_accuracy = argument_number(a, "target-accuracy");
    const bool target = o->target_cost > 0.0 || o->target_accuracy > 0.0;
    int status = check_length(a, target, err);
    if (status != REBIAS_OK) {
        return status;
    }
    o->steps = steps;
    if (argument_given(a, "steps")) {
        o->steps = (uint64_t)argument_integer(a, "steps");
    } else if (argument_given(a, "max-steps")) {
        o->steps = (uint64_t)argument_integer(a, "max-steps");
    } else if (argument_given(a, "updates")) {
        const double each = o->analog ? 1.0 : o->tau_theta / o->dt;
        const double all = nearbyint((double)argument_integer(a, "updates") * each);
        o->steps = (uint64_t)fmin(all, most);
    }
    const uint64_t looks = (uint64_t)argument_integer(a, "looks");
    o->every = (o->steps + looks - 1) / looks;
    o->growth = target ? 1.02 : 0.0;
    return REBIAS_OK;
}

int mgd_read_training(struct rebias_mgd_options *options, const struct arguments *arguments,
                      struct rebias_error *err)
{
    int status = check_training_needs(arguments, err);
    if (status == REBIAS_OK) {
        status = read_updates(options, arguments, err);
    }
    return status == REBIAS_OK ? read_length(options, arguments, err) : status;
}

/* -- 7. the set-up -- */

int mgd_setup_read(struct mgd_setup *setup, const struct arguments *arguments, bool tests,
                   struct rebias_error *err)
{
    const enum rebias_cost cost = cost_of(arguments);
    *setup = (struct mgd_setup){.options = rebias_mgd_options_defaults()};
    int status = check_perturbation_needs(arguments, err);
    if (status == REBIAS_OK) {
        status = read_perturbation(&setup->options, arguments, err);
    }
    if (status == REBIAS_OK) {
        status =
            mgd_source_open(&setup->source, arguments, cost == REBIAS_COST_SQUARED, tests, err);
    }
    return status == REBIAS_OK ? open_network(setup, arguments, cost, err) : status;
}

int mgd_setup_open(struct mgd_setup *setup, const struct arguments *arguments, bool tests,
                   struct rebias_error *err)
{
    struct rebias_device *device = NULL;
    const char *spec = argument_text(arguments, "device");
    int status = spec != NULL ? rebias_device_open(&device, spec, err) : REBIAS_OK;
    if (status == REBIAS_OK) {
        status = mgd_setup_read(setup, arguments, tests, err);
    } else {
        *setup = (struct mgd_setup){.options = rebias_mgd_options_defaults()};
    }
    setup->device = device;
    setup->options.device = device;
    return status;
}

void mgd_setup_clear(struct mgd_setup *setup)
{
    mgd_source_clear(&setup->source);
    rebias_device_free(setup->device);
    setup->device = NULL;
}

/* -- 8. label -- */

static void label_network(const struct rebias_architecture *architecture, FILE *out)
{
    fprintf(out, "; network %s cost %d smoothing %.17g transfers", architecture->name,
            (int)architecture->cost, architecture->smoothing);
    for (size_t l = 0; l < architecture->layers; l++) {
        fprintf(out, " %d", (int)architecture->layer[l].transfer);
    }
}

static int label_device(const struct mgd_setup *setup, const char *spec, FILE *out,
                        struct rebias_error *err)
{
    const struct rebias_crossbar_options *c = &setup->options.crossbar;
    char sum[20] = "";
    if (setup->device == NULL) {
        return REBIAS_OK;
    }
    int status = spec_input(spec) != NULL ? rebias_file_checksum(spec, sum, err) : REBIAS_OK;
    fprintf(out, "; device %s %s crossbar %d %.17g %.17g %u %u biases %d write %d offset %d",
            spec, sum, (int)c->encoding, c->weight_range, c->pulse_size, c->pulse_cap,
            c->program_rounds, (int)setup->options.biases, (int)setup->options.write,
            (int)setup->options.offset);
    return status;
}

/* What checkpoints of earlier versions say nothing of: told only where it is in use, so that
 * they stay valid. */
static void label_late(const struct rebias_mgd_options *o, FILE *out)
{
    if (o->update_delay > 0) {
        fprintf(out, "; update_delay %" PRIu32, o->update_delay);
    }
    if (o->update_quantum > 0.0) {
        fprintf(out, "; update_quantum %.17g write %d", o->update_quantum, (int)o->write);
    }
}

static void label_numbers(const struct rebias_mgd_options *o, FILE *out)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"method", o->method},
        {"scope", o->scope},
        {"perturbation", o->perturbation},
        {"amplitude", o->amplitude},
        {"sparsity", o->sparsity},
        {"f_low", o->f_low},
        {"f_high", o->f_high},
        {"two_sided", o->two_sided},
        {"analog", o->analog},
        {"dt", o->dt},
        {"tau_p", o->tau_p},
        {"tau_x", o->tau_x},
        {"tau_theta", o->tau_theta},
        {"tau_hp", o->tau_hp},
        {"batch", (double)o->batch},
        {"eta", o->eta},
        {"eta_form", o->eta_form},
        {"optimizer", o->optimizer},
        {"momentum", o->momentum},
        {"eta_decay", o->eta_decay},
        {"weight_decay", o->weight_decay},
        {"max_norm", o->max_norm},
        {"clip", o->clip},
        {"cost_noise", o->cost_noise},
        {"noisy_baseline", o->noisy_baseline},
        {"update_noise", o->update_noise},
        {"shared_update_noise", o->shared_update_noise},
        {"defects", o->defects},
        {"read_noise", o->read_noise},
        {"adc_bits", o->adc_bits},
        {"adc_range", o->adc_range},
        {"initial", o->initial},
        {"initial_low", o->initial_low},
        {"initial_high", o->initial_high},
        {"steps", (double)o->steps},
        {"target_cost", o->target_cost},
        {"target_accuracy", o->target_accuracy},
        {"every", (double)o->every},
        {"seed", (double)o->seed}, /* below 2^53 by its row */
        {"replicate", o->replicate},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(out, "; %s %.17g", rows[i].name, rows[i].value);
    }
    label_late(o, out);
}

int mgd_label(char **label, const struct mgd_setup *setup, const struct arguments *arguments,
              struct rebias_error *err)
{
    size_t size = 0;
    *label = NULL;
    FILE *out = open_memstream(label, &size);
    if (out == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the label");
    }
    mgd_source_label(&setup->source, out);
    label_network(&setup->architecture, out);
    int status = label_device(setup, argument_text(arguments, "device"), out, err);
    label_numbers(&setup->options, out);
    if (fclose(out) != 0 && status == REBIAS_OK) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the label");
    }
    if (status != REBIAS_OK) {
        free(*label);
        *label = NULL;
    }
    return status;
}
