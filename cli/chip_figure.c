/* chip_figure.c - the figure of a chip. */
#include "chip_figure.h"
#include "figure.h"
#include "plots/templates.h"
#include <math.h>
#include <stdio.h>

/* Devices between kernels; the kernel's number stands above it. */
enum { GAP_ACROSS = 2, GAP_DOWN = 5 };

struct chip_figure {
    const struct rebias_chip *chip;
    const char *name;
    size_t across; /* kernels in a line */
};

/* Place of the first device of kernel k, in devices. */
static size_t left_of(const struct chip_figure *figure, size_t k)
{
    return k % figure->across * (figure->chip->columns + GAP_ACROSS);
}

static size_t top_of(const struct chip_figure *figure, size_t k)
{
    return k / figure->across * (figure->chip->rows + GAP_DOWN);
}

/* Wider than high, as figures are: the number of kernels in a line. */
static size_t kernels_across(const struct rebias_chip *chip)
{
    const double shape =
        2.2 * (double)(chip->rows + GAP_DOWN) / (double)(chip->columns + GAP_ACROSS);
    const double across = ceil(sqrt((double)chip->count * shape));
    return across < (double)chip->count ? (size_t)across : chip->count;
}

static double largest_working(const struct rebias_chip *chip)
{
    double largest = 0.0;
    for (size_t k = 0; k < chip->count; k++) {
        for (size_t i = 0; i < chip->columns * chip->rows; i++) {
            const double G = (double)chip->kernel[k].G[i];
            if (chip->kernel[k].fault[i] == REBIAS_WORKING && G > largest) {
                largest = G;
            }
        }
    }
    return largest > 0.0 ? largest : 1e-6;
}

/* What the template takes for a gap: gnuplot warns of matrices with NaN. */
static const double no_device = -1e9;

/* Conductance (uS) at a place of the figure. */
static double shown(const struct chip_figure *figure, size_t x, size_t y)
{
    const struct rebias_chip *chip = figure->chip;
    const size_t column = x % (chip->columns + GAP_ACROSS);
    const size_t row = y % (chip->rows + GAP_DOWN);
    const size_t k =
        y / (chip->rows + GAP_DOWN) * figure->across + x / (chip->columns + GAP_ACROSS);
    return column < chip->columns && row < chip->rows && k < chip->count
               ? 1e6 * (double)chip->kernel[k].G[column * chip->rows + row]
               : no_device;
}

static void write_maps(FILE *out, const struct chip_figure *figure)
{
    const struct rebias_chip *chip = figure->chip;
    const size_t lines = (chip->count + figure->across - 1) / figure->across;
    const size_t width = figure->across * (chip->columns + GAP_ACROSS);
    fprintf(out, "$maps << EOD\n");
    for (size_t y = 0; y < lines * (chip->rows + GAP_DOWN); y++) {
        for (size_t x = 0; x < width; x++) {
            fprintf(out, "%.5g ", shown(figure, x, y));
        }
        fputc('\n', out);
    }
    fprintf(out, "EOD\n");
}

/* Places of the devices in one state; a place outside the figure keeps the block from being
 * empty. */
static void write_stuck(FILE *out, const struct chip_figure *figure, enum rebias_fault fault,
                        const char *block)
{
    const struct rebias_chip *chip = figure->chip;
    fprintf(out, "%s << EOD\n-99 -99\n", block);
    for (size_t k = 0; k < chip->count; k++) {
        for (size_t i = 0; i < chip->columns * chip->rows; i++) {
            if (chip->kernel[k].fault[i] == (uint8_t)fault) {
                fprintf(out, "%zu %zu\n", left_of(figure, k) + i / chip->rows,
                        top_of(figure, k) + i % chip->rows);
            }
        }
    }
    fprintf(out, "EOD\n");
}

static void write_chip(FILE *out, const void *context)
{
    const struct chip_figure *figure = context;
    const struct rebias_chip *chip = figure->chip;
    figure_quoted(out, "name", figure->name);
    fprintf(out, "kernels = %zu\nacross = %zu\ncolumns = %zu\nrows = %zu\n", chip->count,
            figure->across, chip->columns, chip->rows);
    fprintf(out, "low = 0\nhigh = %.6g\n", 1.25e6 * largest_working(chip));
    write_maps(out, figure);
    write_stuck(out, figure, REBIAS_STUCK_HIGH, "$stuck_high");
    write_stuck(out, figure, REBIAS_STUCK_LOW, "$stuck_low");
    fprintf(out, "$labels << EOD\n");
    for (size_t k = 0; k < chip->count; k++) {
        fprintf(out, "%.6g %.6g %d\n",
                (double)left_of(figure, k) + 0.5 * (double)(chip->columns - 1),
                (double)top_of(figure, k) - 2.0, chip->kernel[k].number);
    }
    fprintf(out, "EOD\n");
}

int figure_chip(const char *path, const struct rebias_chip *chip, const char *name,
                struct rebias_error *err)
{
    const struct chip_figure figure = {chip, name, kernels_across(chip)};
    return figure_render(path, write_chip, &figure, plot_chip, err);
}
