/* cmd_mgd.c - `rebias mgd`: what multiplexed gradient descent measures, and its time on
 * hardware.
 * 1. angle: options   2. angle: law   3. angle: table   4. angle   5. hardware   6. the
 * commands
 */
#include "commands.h"
#include "figure.h"
#include "mgd_hardware.h"
#include "mgd_options.h"
#include "mgd_rows.h"
#include "network_options.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. angle: options -- */

static const struct option_row angle_rows[] = {
    {"device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "weights on devices: preset, model:param=value,... or table file"},
    IMAGE_ROWS,
    {"activation", 0, OPTION_CHOICE, "sigmoid|tanh|relu", NULL, 0, 0,
     "of hidden layers (default: images relu, tasks sigmoid)"},
    MGD_DATA_ROWS,
    MGD_NETWORK_ROW,
    TRAIN_IMAGES_ROW,
    {"batch", 0, OPTION_INTEGER, "N", NULL, 1, 65536,
     "samples evaluated at once (default: images 100, tasks 1)"},
    MGD_METHOD_ROW,
    MGD_PERTURBATION_ROWS,
    CROSSBAR_ROWS,
    {"steps", 0, OPTION_INTEGER, "N", "10000", 1, 4294967295, "longest time of integration"},
    {"trials", 0, OPTION_INTEGER, "N", "10", 1, 1000000,
     "repetitions: other parameters, samples and patterns"},
    {"points", 0, OPTION_INTEGER, "N", "60", 2, 10000,
     "times of integration, equally spaced logarithmically"},
    {"threshold", 0, OPTION_NUMBER, "COS", "0", 0, 0.999999,
     "tell after how many steps the cosine reaches it, among these times (0: do not)"},
    {"hold", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "one batch all the time, against its own gradient (the default)"},
    {"stream", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "a new batch every tau-x, against the gradient of all data"},
    {"figure", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "draw cosine and angle against time (.png, .svg or .pdf)"},
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0,
     "write the table here as CSV instead of stdout"},
};

static int check_angle(const struct arguments *a, struct rebias_error *err)
{
    const char *figure = argument_text(a, "figure");
    if (argument_flag(a, "hold") && argument_flag(a, "stream")) {
        return rebias_fail(err, REBIAS_E_NAME, "--hold has no meaning with --stream");
    }
    if (argument_given(a, "tau-x") && !argument_flag(a, "stream")) {
        return rebias_fail(err, REBIAS_E_NAME, "--tau-x needs --stream");
    }
    int status = check_writable(argument_text(a, "output"), err);
    return status == REBIAS_OK && figure != NULL ? figure_check("figure", figure, err) : status;
}

static void read_angle(const struct arguments *a, struct rebias_mgd_options *options,
                       struct rebias_mgd_angle_options *angle)
{
    *angle = (struct rebias_mgd_angle_options){.steps = (uint64_t)argument_integer(a, "steps"),
                                               .trials = (size_t)argument_integer(a, "trials"),
                                               .points = (size_t)argument_integer(a, "points"),
                                               .threshold = argument_number(a, "threshold")};
    options->threads = thread_count(a);
    if (!argument_flag(a, "stream")) {
        options->tau_x = (double)angle->steps * options->dt;
    }
    /* there are no updates: any time that the other two divide */
    options->tau_theta = options->tau_p * options->tau_x / options->dt;
}

/* -- 2. angle: law -- */

/* Mean cosine of dense random codes on a batch that is held: 1/sqrt(1 + (P - 1)/T), T in
 * patterns. NaN where this law does not hold. */
static double law_of(const struct mgd_setup *setup, bool held, uint64_t step)
{
    const struct rebias_mgd_options *o = &setup->options;
    const double P = (double)setup->architecture.parameters;
    const double T = (double)step * o->dt / o->tau_p;
    const bool holds = held && o->method == REBIAS_MGD_WEIGHT && o->scope == REBIAS_MGD_ALL &&
                       o->perturbation == REBIAS_PERTURB_RANDOM && o->sparsity <= 1.0 &&
                       o->cost_noise <= 0.0 && o->read_noise <= 0.0 && o->adc_bits == 0 &&
                       o->clip <= 0.0 && T >= 1.0;
    return holds ? 1.0 / sqrt(1.0 + (P - 1.0) / T) : NAN;
}

/* -- 3. angle: table -- */

static int fill_angles(struct table *table, const struct rebias_mgd_angles *angles,
                       const double *law, struct rebias_error *err)
{
    static const char *const names[] = {"T", "cosine", "cosine_sd", "angle_deg", "law"};
    int status = REBIAS_OK;
    table_start(table, sizeof names / sizeof names[0], names);
    for (size_t i = 0; i < angles->count && status == REBIAS_OK; i++) {
        const double numbers[] = {angles->cosine[i], angles->cosine_sd[i], angles->angle[i],
                                  law[i]};
        status = table_integer(table, (int64_t)angles->T[i], err);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; k++) {
            status = table_number(table, numbers[k], err);
        }
    }
    return status;
}

static int publish_angles(const struct arguments *a, const struct mgd_setup *setup,
                          const struct table *table, struct rebias_error *err)
{
    const char *input = spec_input(argument_text(a, "device"));
    const char *path = argument_text(a, "output");
    struct provenance provenance = {NULL};
    int status = provenance_make(&provenance, a, &input, 1, err);
    if (status == REBIAS_OK && setup->source.set != NULL) {
        status = provenance_add_images(&provenance, setup->source.set, err);
    }
    if (status == REBIAS_OK) {
        status = table_print(table, &provenance,
                             path != NULL || argument_choice(a, "format") == 1, path, err);
    }
    provenance_free(&provenance);
    return status;
}

static void remark_threshold(const struct arguments *a, const struct rebias_mgd_angles *angles,
                             size_t parameters)
{
    const double threshold = argument_number(a, "threshold");
    remark(a, "%zu parameters", parameters);
    if (threshold > 0.0 && isnan(angles->reached_mean)) {
        remark(a, "cosine %g: not reached in every trial", threshold);
    } else if (threshold > 0.0) {
        remark(a, "cosine %g: after %.5g steps on average (sd %.3g over trials)", threshold,
               angles->reached_mean, angles->reached_sd);
    }
}

/* -- 4. angle -- */

static int show_angles(const struct arguments *a, const struct mgd_setup *setup,
                       const struct rebias_mgd_angles *angles, struct rebias_error *err)
{
    struct table table = {0};
    double *law = NULL;
    const char *figure = argument_text(a, "figure");
    int status = rebias_alloc(&law, angles->count, sizeof *law, err);
    for (size_t i = 0; i < angles->count && status == REBIAS_OK; i++) {
        law[i] = law_of(setup, !argument_flag(a, "stream"), angles->T[i]);
    }
    remark_threshold(a, angles, setup->architecture.parameters);
    if (status == REBIAS_OK) {
        status = fill_angles(&table, angles, law, err);
    }
    if (status == REBIAS_OK && figure != NULL) {
        const struct angle_figure drawing = {angles, law, setup->architecture.name};
        status = figure_angle(figure, &drawing, err);
    }
    if (status == REBIAS_OK) {
        status = publish_angles(a, setup, &table, err);
    }
    table_free(&table);
    free(law);
    return status;
}

static int run_angle(const struct arguments *a, struct rebias_error *err)
{
    struct mgd_setup setup = {.device = NULL};
    struct rebias_mgd_angle_options angle;
    struct rebias_mgd_angles *angles = NULL;
    struct progress progress = {.arguments = a, .what = "steps"};
    int status = check_angle(a, err);
    if (status == REBIAS_OK) {
        status = mgd_setup_open(&setup, a, false, err);
    }
    if (status == REBIAS_OK) {
        read_angle(a, &setup.options, &angle);
        progress_catch_signals();
        status =
            rebias_mgd_measure_angles(&angles, &setup.architecture, &setup.source.train,
                                      &setup.options, &angle, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = show_angles(a, &setup, angles, err);
    }
    rebias_mgd_angles_free(angles);
    mgd_setup_clear(&setup);
    return status;
}

/* -- 5. hardware -- */

static const struct option_row hardware_rows[] = {
    {"steps", 0, OPTION_INTEGER, "N", "1000000", 1, 1e15, "steps of training"},
    {"evaluations", 0, OPTION_NUMBER, "N", "1", 0, 1e6, "cost evaluations a step"},
    {"batch", 0, OPTION_INTEGER, "N", "1", 1, 1e9, "samples in an evaluation"},
    {"tau-theta", 0, OPTION_NUMBER, "N", "1", 1, 1e15, "steps between updates"},
    MGD_HARDWARE_ROW,
};

static int hardware_row(struct table *table, const struct rebias_hardware *row,
                        const struct arguments *a, struct rebias_error *err)
{
    const double time = rebias_hardware_time(
        row, (double)argument_integer(a, "steps"), argument_number(a, "evaluations"),
        (size_t)argument_integer(a, "batch"), argument_number(a, "tau-theta"));
    const double numbers[] = {row->tau_p, row->tau_x, row->tau_update, time};
    int status = table_text(table, row->name, err);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int run_hardware(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"hardware", "tau_p_s", "tau_x_s", "tau_update_s",
                                        "time_s"};
    struct mgd_hardware hardware;
    struct table table = {0};
    int status = mgd_hardware_read(&hardware, a, err);
    table_start(&table, sizeof names / sizeof names[0], names);
    for (size_t i = 0; status == REBIAS_OK && i < hardware.count; i++) {
        status = hardware_row(&table, &hardware.row[i], a, err);
    }
    if (status == REBIAS_OK) {
        status = table_finish(&table, a, NULL, 0, err);
    }
    table_free(&table);
    return status;
}

/* -- 6. the commands -- */

const struct command mgd_commands[] = {
    {"mgd angle", "", "angle between the estimated and the true gradient",
     "The estimate after T steps of integration is set against the gradient by "
     "backpropagation, at the initial\n"
     "parameters, which stay. cosine, cosine_sd: mean and standard deviation over trials. law: "
     "1/sqrt(1 + (P\n"
     "- 1)/T), what random patterns of P parameters give on a batch that is held; empty "
     "elsewhere. With tasks\n"
     "the weight range is 4 unless given.",
     0, 0, angle_rows, sizeof angle_rows / sizeof angle_rows[0], run_angle, NULL},
    {"mgd hardware", "", "how long hardware would take",
     "steps (evaluations max(tau_p, batch tau_x) + tau_update/tau_theta): tau_p is the time of "
     "a "
     "measurement of the\n"
     "cost, tau_x that of an input sample, tau_update that of a parameter update. Published "
     "rows: McCaughan et al.,\n"
     "APL Machine Learning 1, 026118 (2023), table 3.",
     0, 0, hardware_rows, sizeof hardware_rows / sizeof hardware_rows[0], run_hardware, NULL},
};
const size_t mgd_command_count = sizeof mgd_commands / sizeof mgd_commands[0];
