/* cmd_train.c - `rebias train`: a network on crossbars, or in software as the no-device
 * reference. */
#include "commands.h"
#include "figure.h"
#include "mgd_rows.h"
#include "mgd_training.h"
#include "network_options.h"
#include "train_setup.h"
#include "train_ternary.h"
#include "rebias/visits.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct option_row rows[] = {
    {"device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "preset, model:param=value,... or table file (mapped, mgd)"},
    {"trainer", 0, OPTION_CHOICE, "mapped|software|mgd", "mapped", 0, 0,
     "gradients into pulses, no devices at all, or perturb and measure"},
    NETWORK_ROWS,
    {"replicate", 0, OPTION_INTEGER, "N", "0", 0, 16777215,
     "number of the repetition: other weights, order and pulses"},
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0,
     "write the table here as CSV instead of stdout"},
    {"visits", 0, OPTION_TEXT, "FILE.csv", NULL, 0, 0,
     "write how many pulses devices got at each conductance (mapped)"},
    {"visit-levels", 0, OPTION_INTEGER, "N", "100", 1, 1e6,
     "conductance levels of that file, from Gmin to Gmax"},
    TERNARY_ROWS,
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "with --trainer mgd, what is learned"},
    MGD_DATA_ROWS,
    MGD_NETWORK_ROW,
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "with --trainer mgd, measuring"},
    MGD_METHOD_ROW,
    MGD_PERTURBATION_ROWS,
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "with --trainer mgd, updating"},
    MGD_UPDATE_ROWS,
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "with --trainer mgd, the run"},
    MGD_RUN_ROWS,
    MGD_HARDWARE_ROW,
};

static int epoch_row(struct table *table, size_t number, const struct rebias_epoch *epoch,
                     struct rebias_error *err)
{
    const double numbers[] = {epoch->train_loss, epoch->test_loss, epoch->test_accuracy};
    int status = table_integer(table, (int64_t)number, err);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    status = status == REBIAS_OK ? table_integer(table, (int64_t)epoch->pulses, err) : status;
    return status == REBIAS_OK
               ? table_number(table, (double)epoch->pulses / (double)epoch->images, err)
               : status;
}

static int print_epochs(const struct arguments *a, const struct rebias_epoch *epochs,
                        size_t count, const struct provenance *provenance,
                        struct rebias_error *err)
{
    static const char *const names[] = {"epoch",         "train_loss", "test_loss",
                                        "test_accuracy", "pulses",     "pulses_per_image"};
    struct table table;
    const char *path = argument_text(a, "output");
    int status = REBIAS_OK;
    table_start(&table, sizeof names / sizeof names[0], names);
    for (size_t e = 0; e < count && status == REBIAS_OK; e++) {
        status = epoch_row(&table, e + 1, &epochs[e], err);
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance,
                             path != NULL || argument_choice(a, "format") == 1, path, err);
    }
    table_free(&table);
    return status;
}

/* The table and the visits (NULL: none); these appear only when the table could be written. */
static int publish(const struct arguments *a, const struct rebias_epoch *epochs, size_t count,
                   const struct rebias_image_set *set, const struct rebias_visits *visits,
                   struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    struct rebias_output file = {NULL, NULL, NULL};
    const char *input = spec_input(argument_text(a, "device"));
    int status = provenance_make(&provenance, a, &input, 1, err);
    if (status == REBIAS_OK) {
        status = provenance_add_images(&provenance, set, err);
    }
    if (status == REBIAS_OK && visits != NULL) {
        status = rebias_output_open(&file, argument_text(a, "visits"), err);
        if (status == REBIAS_OK) {
            status = rebias_visits_write(visits, file.stream, provenance.text, err);
        }
    }
    if (status == REBIAS_OK) {
        status = print_epochs(a, epochs, count, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_output_close(&file, err);
    }
    rebias_output_discard(&file);
    provenance_free(&provenance);
    return status;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int train(const struct arguments *a,
                 const struct rebias_network_options *network_options,
                 const struct rebias_train_options *options, const struct rebias_image_set *set,
                 struct rebias_error *err)
{
    struct rebias_network *network = NULL;
    struct rebias_epoch *epochs = NULL;
    struct rebias_visits *visits = NULL;
    struct progress progress = {.arguments = a, .what = "images"};
    int status = rebias_alloc(&epochs, options->epochs, sizeof *epochs, err);
    if (status == REBIAS_OK && argument_given(a, "visits")) {
        const struct rebias_device *device = network_options->device;
        status = rebias_visits_new(&visits, (size_t)argument_integer(a, "visit-levels"),
                                   device->Gmin, device->Gmax, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_network_new(&network, network_options, err);
    }
    double start = seconds();
    if (status == REBIAS_OK) {
        rebias_network_count_visits(network, visits);
        progress_catch_signals();
        status = rebias_train(network, set, options, epochs, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        double elapsed = seconds() - start;
        remark(a, "%zu epochs of %" PRIu64 " images in %.2f s (tests included)",
               options->epochs, epochs[0].images, elapsed);
        status = publish(a, epochs, options->epochs, set, visits, err);
    }
    rebias_network_free(network);
    rebias_visits_free(visits);
    free(epochs);
    return status;
}

static int check_visits(const struct arguments *a, bool mapped, struct rebias_error *err)
{
    const char *path = argument_text(a, "visits");
    const char *output = argument_text(a, "output");
    if (path == NULL) {
        return argument_given(a, "visit-levels")
                   ? rebias_fail(err, REBIAS_E_NAME, "--visit-levels needs --visits FILE.csv")
                   : REBIAS_OK;
    }
    if (!mapped) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--visits has no meaning with --trainer software: no device is "
                           "pulsed");
    }
    if (strcmp(path, output != NULL ? output : "-") == 0) {
        const struct rebias_place place = {NULL, 0, 0, path};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "a file of its own",
                              "--visits would go where the table goes");
    }
    return REBIAS_OK;
}

/* Before the work, not after it. */
static int check_arguments(const struct arguments *a, bool mapped, struct rebias_error *err)
{
    int status = train_setup_check(a, err);
    if (status == REBIAS_OK) {
        status = check_visits(a, mapped, err);
    }
    if (status == REBIAS_OK) {
        status = check_writable(argument_text(a, "output"), err);
    }
    return status == REBIAS_OK ? check_writable(argument_text(a, "visits"), err) : status;
}

static int run_gradients(const struct arguments *a, struct rebias_error *err)
{
    struct train_setup setup = {.mapped = false};
    int status = check_arguments(a, argument_choice(a, "trainer") == TRAIN_MAPPED, err);
    if (status == REBIAS_OK) {
        status = train_setup_open(&setup, a, err);
    }
    if (status == REBIAS_OK) {
        status = train(a, &setup.network, &setup.options, setup.set, err);
    }
    train_setup_clear(&setup);
    return status;
}

static int run_train(const struct arguments *a, struct rebias_error *err)
{
    const int trainer = argument_choice(a, "trainer");
    const bool ternary = argument_flag(a, "ternary") || argument_given(a, "threshold");
    int status = trainer == TRAIN_MGD && !ternary
                     ? REBIAS_OK
                     : check_train_ternary(a, trainer == TRAIN_SOFTWARE, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (trainer == TRAIN_MGD) {
        return mgd_train_command(a, err);
    }
    return argument_flag(a, "ternary") ? run_train_ternary(a, err) : run_gradients(a, err);
}

const struct command train_commands[] = {
    {"train", "", "a network of devices on real images",
     "mapped: backpropagated gradients ask for weight changes of rate * gradient; each is "
     "rounded stochastically to a\n"
     "number of pulses, and the devices jump as their model says. The rate scales the request, "
     "never the jump.\n"
     "software: the same network in float32 without devices; --ternary: weights -gamma, 0, "
     "gamma for `deploy`, to -o FILE.h5.\n"
     "mgd: multiplexed gradient descent measures its gradients: patterns are added to the "
     "parameters (or nodes), the\n"
     "change of the cost times the pattern is averaged over tau-theta. With a device, updates "
     "become pulses. Its defaults:\n"
     "images: hidden relu, linear outputs, batch 100; tasks: sigmoid everywhere, batch 1, "
     "weight "
     "range 4, the patterns are the test\n"
     "data. --decay F: rate R/(1 + F passes over the data), default 0.",
     0, 0, rows, sizeof rows / sizeof rows[0], run_train, NULL},
};
const size_t train_command_count = 1;
