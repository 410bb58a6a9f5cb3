/* cmd_train.c - `rebias train`: a network on crossbars, or in software as the no-device
 * reference. */
#include "commands.h"
#include "figure.h"
#include "network_options.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static const struct option_row rows[] = {
    {"device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "preset, model:param=value,... or table file (mapped)"},
    {"trainer", 0, OPTION_CHOICE, "mapped|software", "mapped", 0, 0,
     "gradients into pulses, or no devices at all"},
    NETWORK_ROWS,
    {"replicate", 0, OPTION_INTEGER, "N", "0", 0, 16777215,
     "number of the repetition: other weights, order and pulses"},
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0,
     "write the table here as CSV instead of stdout"},
};

enum { MAPPED = 0, SOFTWARE = 1 };

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
                        size_t count, const struct rebias_image_set *set,
                        struct rebias_error *err)
{
    static const char *const names[] = {"epoch",         "train_loss", "test_loss",
                                        "test_accuracy", "pulses",     "pulses_per_image"};
    struct table table;
    struct provenance provenance = {NULL};
    const char *input = spec_input(argument_text(a, "device"));
    const char *path = argument_text(a, "output");
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = provenance_make(&provenance, a, &input, 1, err);
    if (status == REBIAS_OK) {
        status = provenance_add_images(&provenance, set, err);
    }
    for (size_t e = 0; e < count && status == REBIAS_OK; e++) {
        status = epoch_row(&table, e + 1, &epochs[e], err);
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, &provenance,
                             path != NULL || argument_choice(a, "format") == 1, path, err);
    }
    provenance_free(&provenance);
    table_free(&table);
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
    struct progress progress = {.arguments = a, .what = "images"};
    int status = rebias_alloc(&epochs, options->epochs, sizeof *epochs, err);
    if (status == REBIAS_OK) {
        status = rebias_network_new(&network, network_options, err);
    }
    double start = seconds();
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_train(network, set, options, epochs, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        double elapsed = seconds() - start;
        remark(a, "%zu epochs of %" PRIu64 " images in %.2f s (tests included)",
               options->epochs, epochs[0].images, elapsed);
        status = print_epochs(a, epochs, options->epochs, set, err);
    }
    rebias_network_free(network);
    free(epochs);
    return status;
}

static int run_train(const struct arguments *a, struct rebias_error *err)
{
    const bool mapped = argument_choice(a, "trainer") == MAPPED;
    const char *spec = argument_text(a, "device");
    if (mapped && spec == NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "no device: give --device DEVICE, or --trainer software");
    }
    if (!mapped && spec != NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--device has no meaning with --trainer software");
    }
    struct rebias_network_options network;
    struct rebias_train_options options;
    struct rebias_device *device = NULL;
    struct rebias_image_set *set = NULL;
    int status = read_network_options(a, mapped ? "0.05" : "0.2", &network, &options, err);
    if (status == REBIAS_OK) {
        status =
            check_writable(argument_text(a, "output"), err); /* before the work, not after it */
    }
    if (status == REBIAS_OK && mapped) {
        status = rebias_device_open(&device, spec, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_image_set_load(&set, argument_text(a, "images"),
                                       argument_text(a, "data"), err);
    }
    if (status == REBIAS_OK) {
        complete_layers(&network, set);
        network.device = device;
        network.replicate = options.replicate = (uint32_t)argument_integer(a, "replicate");
        status = train(a, &network, &options, set, err);
    }
    rebias_image_set_free(set);
    rebias_device_free(device);
    return status;
}

const struct command train_commands[] = {
    {"train", "", "a network of devices on real images",
     "mapped: backpropagated gradients ask for weight changes of rate * gradient; each is "
     "rounded stochastically to a\n"
     "number of pulses, and the devices jump as their model says. The rate scales the request, "
     "never the jump.\n"
     "software: the same network in float32 without devices.",
     0, 0, rows, sizeof rows / sizeof rows[0], run_train, NULL},
};
const size_t train_command_count = 1;
