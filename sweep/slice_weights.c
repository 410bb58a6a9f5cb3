/* slice_weights.c - how much each G slice counts in a run's device metrics. */
#include "slice_weights.h"

int rebias_bias_data_weights(const struct rebias_pulses *pulses, double Gmin, double Gmax,
                             size_t slices, double *weights[2], struct rebias_error *err)
{
    size_t points[2] = {0, 0};
    for (size_t s = 0; s < slices; s++) {
        weights[0][s] = weights[1][s] = 0.0;
    }
    for (size_t i = 0; i < pulses->n; i++) {
        double G = pulses->G[i];
        if (G >= Gmin && G <= Gmax) {
            double place = (G - Gmin) / (Gmax - Gmin) * (double)(slices - 1);
            weights[pulses->polarity[i]][(size_t)(place + 0.5)] += 1.0;
            points[pulses->polarity[i]]++;
        }
    }
    for (int p = 0; p < 2; p++) {
        if (points[p] == 0) {
            return rebias_fail(err, REBIAS_E_DATA, "there is no %s point in %g to %g S",
                               p == REBIAS_SET ? "SET" : "RESET", Gmin, Gmax);
        }
        for (size_t s = 0; s < slices; s++) {
            weights[p][s] /= (double)points[p];
        }
    }
    return REBIAS_OK;
}
