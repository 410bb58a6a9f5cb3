/* train_setup.c - what `rebias train` trains with gradients: network, device, images. */
#include "train_setup.h"
#include "images_shared.h"
#include "mgd_training.h"
#include "network_options.h"
#include "rebias/devmodel.h"
#include "rebias/table.h"

static int check_device(const struct arguments *a, bool mapped, struct rebias_error *err)
{
    const bool given = argument_given(a, "device");
    if (mapped && !given) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "no device: give --device DEVICE, or --trainer software");
    }
    if (!mapped && given) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "--device has no meaning with --trainer software");
    }
    return REBIAS_OK;
}

int train_setup_check(const struct arguments *arguments, struct rebias_error *err)
{
    int status = mgd_refuse_options(arguments, err);
    return status == REBIAS_OK
               ? check_device(arguments, argument_choice(arguments, "trainer") == TRAIN_MAPPED,
                              err)
               : status;
}

int train_setup_open(struct train_setup *setup, const struct arguments *arguments,
                     struct rebias_error *err)
{
    const struct arguments *a = arguments;
    *setup = (struct train_setup){.mapped = argument_choice(a, "trainer") == TRAIN_MAPPED};
    int status = read_network_options(a, setup->mapped ? "0.05" : "0.2", &setup->network,
                                      &setup->options, err);
    if (status == REBIAS_OK && setup->mapped) {
        status = rebias_device_open(&setup->device, argument_text(a, "device"), err);
    }
    if (status == REBIAS_OK) {
        status =
            images_take(&setup->set, argument_text(a, "images"), argument_text(a, "data"), err);
    }
    if (status == REBIAS_OK) {
        complete_layers(&setup->network, setup->set);
        setup->network.device = setup->device;
        setup->network.replicate = setup->options.replicate =
            (uint32_t)argument_integer(a, "replicate");
    }
    return status;
}

void train_setup_clear(struct train_setup *setup)
{
    images_give(setup->set);
    rebias_device_free(setup->device);
    setup->set = NULL;
    setup->device = NULL;
}
