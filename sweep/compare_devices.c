/* compare_devices.c - device-level metrics between two devices. */
#include "rebias/bias.h"
#include <math.h>

static void device_moments(const void *context, int polarity, double G, double *mean,
                           double *sd)
{
    const struct rebias_device *device = context;
    device->model->moments(device, (enum rebias_polarity)polarity, G, mean, sd);
}

static double device_cdf(const void *context, int polarity, double G, double dG)
{
    const struct rebias_device *device = context;
    return device->model->cdf(device, (enum rebias_polarity)polarity, G, dG);
}

int rebias_device_jumps(struct rebias_jumps *jumps, const struct rebias_device *device,
                        struct rebias_error *err)
{
    if (device->model->moments == NULL || device->model->cdf == NULL) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "model %s does not give the distribution of its jumps",
                           device->model->name);
    }
    *jumps = (struct rebias_jumps){device, device_moments, device_cdf, device->model->gaussian};
    return REBIAS_OK;
}

int rebias_compare_devices(const struct rebias_device *model,
                           const struct rebias_device *target,
                           const struct rebias_compare_options *options,
                           struct rebias_device_metrics *metrics,
                           struct rebias_slice_metrics *slices, struct rebias_error *err)
{
    struct rebias_compare_options o =
        options != NULL ? *options : rebias_compare_options_defaults();
    o.Gmin = fmax(model->Gmin, target->Gmin);
    o.Gmax = fmin(model->Gmax, target->Gmax);
    if (!(o.Gmin < o.Gmax)) {
        return rebias_fail(
            err, REBIAS_E_RANGE, "%s (%g to %g S) and %s (%g to %g S) have no common range",
            model->name, model->Gmin, model->Gmax, target->name, target->Gmin, target->Gmax);
    }
    struct rebias_jumps a;
    struct rebias_jumps b;
    int status = rebias_device_jumps(&a, model, err);
    if (status == REBIAS_OK) {
        status = rebias_device_jumps(&b, target, err);
    }
    return status == REBIAS_OK ? rebias_compare_jumps(&a, &b, &o, metrics, slices, err)
                               : status;
}
