/* chip_figure.h - the figure of a chip. */
#ifndef REBIAS_CLI_CHIP_FIGURE_H
#define REBIAS_CLI_CHIP_FIGURE_H

#include "rebias/chip.h"

/* Kernels side by side, conductance in colour, stuck devices marked. */
int figure_chip(const char *path, const struct rebias_chip *chip, const char *name,
                struct rebias_error *err);

#endif
