/* hardware_time.c - how long MGD training would take on hardware. */
#include "rebias/mgd.h"
#include <math.h>

/* McCaughan et al., APL Mach. Learn. 1, 026118 (2023), table 3. */
const struct rebias_hardware rebias_hardware_rows[3] = {
    {"chip-in-the-loop", 1e-3, 100e-9, 1e-3},
    {"mem-compute", 10e-9, 1e-9, 1e-6},
    {"superconducting", 200e-12, 10e-12, 200e-12},
};

double rebias_hardware_time(const struct rebias_hardware *hardware, double steps,
                            double evaluations_per_step, size_t batch, double tau_theta)
{
    double evaluation = fmax(hardware->tau_p, (double)batch * hardware->tau_x);
    return steps * (evaluations_per_step * evaluation + hardware->tau_update / tau_theta);
}
