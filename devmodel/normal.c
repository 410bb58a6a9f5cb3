/* normal.c - the distribution that models with normal jumps share. */
#include "models.h"
#include <gsl/gsl_cdf.h>

double rebias_devmodel_normal_cdf(const struct rebias_device *device,
                                  enum rebias_polarity polarity, double G, double dG)
{
    double mean = 0.0;
    double sd = 0.0;
    device->model->moments(device, polarity, G, &mean, &sd);
    if (sd > 0.0) {
        return gsl_cdf_ugaussian_P((dG - mean) / sd);
    }
    return dG < mean ? 0.0 : 1.0;
}
