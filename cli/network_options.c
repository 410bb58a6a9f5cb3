/* network_options.c - the options that `train` and `bias` share. */
#include "network_options.h"

int read_layer_sizes(const struct arguments *arguments, double *sizes, size_t *count,
                     struct rebias_error *err)
{
    const char *text = argument_text(arguments, "layers");
    *count = 0;
    if (text == NULL) {
        return REBIAS_OK;
    }
    int status = parse_number_list("layers", text, 1, 65536, true, sizes, REBIAS_MAX_LAYERS + 1,
                                   count, err);
    if (status == REBIAS_OK && *count < 2) {
        const struct rebias_place place = {NULL, 0, 0, text};
        status = rebias_fail_at(err, REBIAS_E_RANGE, &place,
                                "inputs and outputs at least, e.g. 784,100,10",
                                "bad value of --layers");
    }
    return status;
}

static int read_layers(const struct arguments *a, struct rebias_network_options *network,
                       struct rebias_error *err)
{
    double sizes[REBIAS_MAX_LAYERS + 1];
    size_t count = 0;
    int status = read_layer_sizes(a, sizes, &count, err);
    if (status != REBIAS_OK) {
        return status;
    }
    network->layers = count > 0 ? count - 1 : 2;
    network->sizes[0] = 0; /* without --layers complete_layers knows the images */
    for (size_t l = 0; l < count; l++) {
        network->sizes[l] = (size_t)sizes[l];
    }
    return REBIAS_OK;
}

static int read_rates(const struct arguments *a, const char *default_rate, size_t layers,
                      struct rebias_train_options *train, struct rebias_error *err)
{
    double rates[REBIAS_MAX_LAYERS];
    size_t count = 0;
    const char *text = argument_given(a, "rate") ? argument_text(a, "rate") : default_rate;
    int status = parse_number_list("rate", text, 1e-12, 1e6, false, rates, REBIAS_MAX_LAYERS,
                                   &count, err);
    if (status == REBIAS_OK && count != 1 && count != layers) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "--rate has %zu values for %zu layers (expected 1 or %zu)", count,
                           layers, layers);
    }
    for (size_t l = 0; l < REBIAS_MAX_LAYERS && status == REBIAS_OK; l++) {
        train->rate[l] = rates[l < count ? l : count - 1];
    }
    return status;
}

void read_crossbar_options(const struct arguments *arguments,
                           struct rebias_crossbar_options *crossbar, enum rebias_biases *biases)
{
    const struct arguments *a = arguments;
    *biases = (enum rebias_biases)argument_choice(a, "biases");
    crossbar->encoding = (enum rebias_encoding)argument_choice(a, "encoding");
    crossbar->weight_range = argument_number(a, "weight-range");
    crossbar->pulse_size = argument_number(a, "pulse-size");
    crossbar->pulse_cap = (uint16_t)argument_integer(a, "pulse-cap");
    crossbar->program_rounds = (uint16_t)argument_integer(a, "program-rounds");
}

int read_network_options(const struct arguments *arguments, const char *default_rate,
                         struct rebias_network_options *network,
                         struct rebias_train_options *train, struct rebias_error *err)
{
    const struct arguments *a = arguments;
    *network = rebias_network_options_defaults();
    *train = rebias_train_options_defaults();
    network->activation = (enum rebias_activation)argument_choice(a, "activation");
    network->loss = (enum rebias_loss)argument_choice(a, "loss");
    read_crossbar_options(a, &network->crossbar, &network->biases);
    network->batch = train->batch = (size_t)argument_integer(a, "batch");
    network->seed = train->seed = (uint64_t)argument_integer(a, "seed");
    train->epochs = (size_t)argument_integer(a, "epochs");
    train->schedule = (enum rebias_schedule)argument_choice(a, "schedule");
    train->decay = argument_number(a, "decay");
    train->train_images = (size_t)argument_integer(a, "train-images");
    train->test_images = (size_t)argument_integer(a, "test-images");
    int status = read_layers(a, network, err);
    return status == REBIAS_OK ? read_rates(a, default_rate, network->layers, train, err)
                               : status;
}

void complete_layers(struct rebias_network_options *network, const struct rebias_image_set *set)
{
    enum { HIDDEN = 100 };
    if (network->sizes[0] == 0) {
        network->sizes[0] = rebias_images_size(&set->train);
        network->sizes[1] = HIDDEN;
        network->sizes[2] =
            set->train.classes > set->test.classes ? set->train.classes : set->test.classes;
    }
}
