/* figure.h - figures through gnuplot.
 *
 * A figure NAME.png, .svg or .pdf has its script beside it, NAME.gp: data and drawing, to be
 * restyled and given to gnuplot again. Without gnuplot, or when it fails, the script alone is
 * written, and stderr says that the figure was not drawn: no work is lost for want of it.
 */
#ifndef REBIAS_CLI_FIGURE_H
#define REBIAS_CLI_FIGURE_H

#include "rebias/bias.h"
#include "rebias/mgd.h"
#include "rebias/table.h"
#include <stdio.h>

/* Fails when the figure's name, given with --option, does not end in .png, .svg or .pdf, or
 * cannot be written. */
int figure_check(const char *option, const char *path, struct rebias_error *err);

/* Fails when a file of this name cannot be made (its folder is missing or read-only). NULL is
 * fine. */
int check_writable(const char *path, struct rebias_error *err);

/* A chart: SVG by our own hand (svg.h), else by gnuplot. */
struct chart;
int figure_chart(const char *path, const struct chart *chart, struct rebias_error *err);

/* Unit and factor that bring conductances up to Gmax (S) to handy numbers. */
const char *figure_unit(double Gmax, double *factor);

/* Accuracy against points with the target's band, and the push-pull error beside it. */
int figure_bias(const char *path, const struct rebias_bias_options *options,
                const struct rebias_bias_result *result, struct rebias_error *err);

/* Cost and accuracy of a run against steps, with the time that a hardware would take on top. */
struct mgd_figure {
    const struct rebias_mgd_result *result;
    const struct rebias_hardware *hardware;
    size_t batch;
    double update_steps; /* steps between updates */
    bool logarithmic;    /* axis of the steps */
    const char *name;    /* of the network */
};
int figure_mgd(const char *path, const struct mgd_figure *figure, struct rebias_error *err);

/* Cosine to the true gradient against integration time; law[count], NaN where there is none. */
struct angle_figure {
    const struct rebias_mgd_angles *angles;
    const double *law;
    const char *name; /* of the network */
};
int figure_angle(const char *path, const struct angle_figure *figure, struct rebias_error *err);

/* -- for figures in files of their own -- */

/* Writes the data and variables of one figure in front of its template. */
typedef void figure_data(FILE *out, const void *context);

/* Draws a figure: its data, then its template (plots/templates.h). */
int figure_render(const char *path, figure_data *write, const void *context,
                  const char *template, struct rebias_error *err);

/* Writes name = 'text'. Single quotes end a gnuplot string: they are doubled, control
 * characters dropped. */
void figure_quoted(FILE *out, const char *name, const char *text);

#endif
