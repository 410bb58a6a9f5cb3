/* svg_internal.h - the parts of a panel (internal to svg.c, svg_marks.c). */
#ifndef REBIAS_CLI_SVG_INTERNAL_H
#define REBIAS_CLI_SVG_INTERNAL_H

#include "chart.h"

enum { SVG_WIDTH = 440, SVG_HEIGHT = 300 };

/* A panel's plot area in the user units of its <svg>, and the data range that it shows. */
struct svg_frame {
    double left, right, top, bottom;
    double x_low, x_high, y_low, y_high;
    bool x_log, y_log;
};

double svg_x(const struct svg_frame *frame, double x);
double svg_y(const struct svg_frame *frame, double y);

/* Everything between the axes: heat map, level, series. */
void svg_content(FILE *out, const struct chart_panel *panel, const struct svg_frame *frame);

/* A mark of a colour's shape around a place; size: half its width. */
void svg_shape(FILE *out, int colour, double x, double y, double size);

/* class="c0" ... "c5", or "cg" for CHART_GREY. */
void svg_class(FILE *out, int colour);

#endif
