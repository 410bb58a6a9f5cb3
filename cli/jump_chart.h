/* jump_chart.h - what pulses do to a device, as a figure. */
#ifndef REBIAS_CLI_JUMP_CHART_H
#define REBIAS_CLI_JUMP_CHART_H

#include "chart.h"
#include "rebias/devmodel.h"

struct rebias_pulses;

/* Appends two panels, SET and RESET: the probability of dG given G as a heat map (1 = the most
 * likely dG of that G), the mean, the 5 and 95 % quantiles, and the points of `pulses` (NULL:
 * none; at most 2000 a polarity are drawn). REBIAS_E_UNSUPPORTED for a model that does not give
 * the distribution of its jumps. */
int jump_chart_panels(struct chart *chart, const struct rebias_device *device,
                      const struct rebias_pulses *pulses, struct rebias_error *err);

/* The figure of `rebias table plot` in a file: `name` is its title. */
int jump_chart_file(const char *path, const char *name, const struct rebias_device *device,
                    struct rebias_error *err);

#endif
