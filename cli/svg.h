/* svg.h - charts as SVG: a panel in an HTML page, or a whole figure as a file. */
#ifndef REBIAS_CLI_SVG_H
#define REBIAS_CLI_SVG_H

#include "chart.h"

/* Text with the characters that HTML, SVG and XML reserve written as entities; control
 * characters become blanks. */
void svg_escaped(FILE *out, const char *text);

/* One panel as an <svg> of its own with title and description. Colours are those of the page:
 * variables --ink, --quiet, --grid, --heat, --p0 ... --p5 (plots/report.css). id: unique in
 * the page. */
void svg_panel(FILE *out, const struct chart_panel *panel, const char *id);

/* A series' mark as in the legend, an <svg> of 18 x 12. */
void svg_key(FILE *out, int colour, enum chart_mark mark);

/* The whole figure, light, as a file of its own: title, panels side by side, legend. */
void svg_figure(FILE *out, const struct chart *chart);

#endif
