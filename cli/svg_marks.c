/* svg_marks.c - what stands between the axes of a chart.
 * 1. places and colours   2. shapes   3. series   4. heat map and level   5. all
 */
#include "svg_internal.h"
#include <math.h>

/* -- 1. places and colours -- */

static double place(double x, double low, double high, bool logarithmic)
{
    return logarithmic ? log(x / low) / log(high / low) : (x - low) / (high - low);
}

double svg_x(const struct svg_frame *frame, double x)
{
    return frame->left +
           (frame->right - frame->left) * place(x, frame->x_low, frame->x_high, frame->x_log);
}

double svg_y(const struct svg_frame *frame, double y)
{
    return frame->bottom +
           (frame->top - frame->bottom) * place(y, frame->y_low, frame->y_high, frame->y_log);
}

void svg_class(FILE *out, int colour)
{
    if (colour < 0) {
        fputs("class=\"cg\"", out);
    } else {
        fprintf(out, "class=\"c%d\"", colour % CHART_COLOURS);
    }
}

/* -- 2. shapes -- */

/* The second round of colours gets hollow shapes. */
static void begin_shape(FILE *out, int colour)
{
    fprintf(out, "<path %s d=\"",
            colour >= CHART_COLOURS ? "fill=\"none\" class=\"line\"" : "class=\"mark\"");
}

void svg_shape(FILE *out, int colour, double x, double y, double size)
{
    const double a = 0.89 * size; /* half a side of the square, as large as the circle */
    const double b = 1.25 * size;
    begin_shape(out, colour);
    switch (colour < 0 ? 0 : colour % CHART_COLOURS) {
    case 1:
        fprintf(out, "M%.1f %.1fh%.1fv%.1fh%.1fz", x - a, y - a, 2.0 * a, 2.0 * a, -2.0 * a);
        break;
    case 2:
        fprintf(out, "M%.1f %.1fl%.1f %.1fh%.1fz", x, y - b, b, 1.8 * b, -2.0 * b);
        break;
    case 3:
        fprintf(out, "M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz", x, y - b, b, b, -b, b, -b,
                -b);
        break;
    case 4:
        fprintf(out, "M%.1f %.1fl%.1f %.1fh%.1fz", x, y + b, b, -1.8 * b, -2.0 * b);
        break;
    case 5:
        fprintf(out, "M%.1f %.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fz",
                x - 0.4 * size, y - b, 0.8 * size, b - 0.4 * size, b - 0.4 * size, 0.8 * size,
                -b + 0.4 * size, b - 0.4 * size, -0.8 * size, -b + 0.4 * size, -b + 0.4 * size,
                -0.8 * size, b - 0.4 * size);
        break;
    default:
        fprintf(out, "M%.1f %.1fa%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0 %.1f 0z", x - size, y,
                size, size, 2.0 * size, size, size, -2.0 * size);
    }
    fputs("\"/>", out);
}

/* -- 3. series -- */

static const double large = 4.0; /* half the width of a mark with an interval */
static const double small = 2.2; /* of a single run */

static void write_line(FILE *out, const struct chart_series *series,
                       const struct svg_frame *frame)
{
    fputs("<path class=\"line\" d=\"", out);
    for (size_t i = 0; i < series->points.count; i++) {
        const struct chart_point *point = &chart_points(series)[i];
        fprintf(out, "%c%.1f %.1f", i == 0 ? 'M' : 'L', svg_x(frame, point->x),
                svg_y(frame, point->y));
    }
    fputs("\"/>", out);
}

static void write_ribbon(FILE *out, const struct chart_series *series,
                         const struct svg_frame *frame)
{
    const size_t n = series->points.count;
    fputs("<path class=\"area\" d=\"", out);
    for (size_t k = 0; k < 2 * n; k++) {
        const struct chart_point *point = &chart_points(series)[k < n ? k : 2 * n - 1 - k];
        const double edge = k < n ? point->low : point->high;
        fprintf(out, "%c%.1f %.1f", k == 0 ? 'M' : 'L', svg_x(frame, point->x),
                svg_y(frame, isfinite(edge) ? edge : point->y));
    }
    fputs("z\"/>", out);
}

static void write_bar(FILE *out, const struct chart_point *point, double x,
                      const struct svg_frame *frame)
{
    if (isfinite(point->low) && isfinite(point->high)) {
        const double low = svg_y(frame, point->low);
        const double high = svg_y(frame, point->high);
        fprintf(out, "<path class=\"line\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6\"/>", x,
                low, high, x - 3.0, low, x - 3.0, high);
    }
}

static void write_marks(FILE *out, const struct chart_series *series,
                        const struct svg_frame *frame)
{
    const bool single = series->mark == CHART_DOTS;
    for (size_t i = 0; i < series->points.count; i++) {
        const struct chart_point *point = &chart_points(series)[i];
        const double x = svg_x(frame, point->x) + 2.0 * large * series->dodge;
        if (!single) {
            write_bar(out, point, x, frame);
        }
        svg_shape(out, series->colour, x, svg_y(frame, point->y), single ? small : large);
    }
}

static void write_series(FILE *out, const struct chart_series *series,
                         const struct svg_frame *frame)
{
    if (series->points.count == 0) {
        return;
    }
    fputs("<g ", out);
    svg_class(out, series->colour);
    fputs(series->mark == CHART_DOTS ? " opacity=\".7\">" : ">", out);
    if (series->mark == CHART_LINE) {
        write_line(out, series, frame);
    } else if (series->mark == CHART_RIBBON) {
        write_ribbon(out, series, frame);
    } else {
        write_marks(out, series, frame);
    }
    fputs("</g>\n", out);
}

/* -- 4. heat map and level -- */

enum { SHADES = 16 };

static int shade_of(double share)
{
    const double shade = ceil((double)SHADES * share - 0.5);
    return shade < 0.0 ? 0 : shade > (double)SHADES ? SHADES : (int)shade;
}

/* Rounded as it is printed, so that neighbours meet without a gap. */
static double printed(double place)
{
    const double digits = 10.0;
    return round(digits * place) / digits;
}

/* The runs of equal shade in one row, as rectangles of one path. */
static void write_heat_row(FILE *out, const struct chart_heat *heat,
                           const struct svg_frame *frame, size_t row, int shade)
{
    const double width = (heat->x_high - heat->x_low) / (double)heat->columns;
    const double height = (heat->y_high - heat->y_low) / (double)heat->rows;
    const double *value = heat->value + row * heat->columns;
    const double y = printed(svg_y(frame, heat->y_low + height * (double)(row + 1)));
    const double deep = printed(svg_y(frame, heat->y_low + height * (double)row)) - y;
    for (size_t c = 0; c < heat->columns;) {
        size_t end = c;
        while (end < heat->columns && shade_of(value[end]) == shade) {
            end++;
        }
        if (end > c) {
            const double x = printed(svg_x(frame, heat->x_low + width * (double)c));
            const double x_end = printed(svg_x(frame, heat->x_low + width * (double)end));
            fprintf(out, "M%.1f %.1fh%.1fv%.1fh%.1fz", x, y, x_end - x, deep, x - x_end);
        }
        c = end > c ? end : c + 1;
    }
}

/* One path a shade: far smaller than a rectangle a cell. */
static void write_heat(FILE *out, const struct chart_heat *heat, const struct svg_frame *frame)
{
    for (int shade = 1; shade <= SHADES && heat->columns > 0; shade++) {
        fprintf(out, "<path class=\"heat\" fill-opacity=\"%.2f\" d=\"",
                (double)shade / (double)SHADES);
        for (size_t row = 0; row < heat->rows; row++) {
            write_heat_row(out, heat, frame, row, shade);
        }
        fputs("\"/>\n", out);
    }
}

static void write_level(FILE *out, const struct chart_level *level,
                        const struct svg_frame *frame)
{
    if (!isfinite(level->middle)) {
        return;
    }
    if (isfinite(level->low) && isfinite(level->high)) {
        const double top = svg_y(frame, level->high);
        fprintf(out,
                "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                frame->left, top, frame->right - frame->left, svg_y(frame, level->low) - top);
    }
    fprintf(out, "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/>\n", frame->left,
            svg_y(frame, level->middle), frame->right);
}

/* -- 5. all -- */

void svg_content(FILE *out, const struct chart_panel *panel, const struct svg_frame *frame)
{
    write_heat(out, &panel->heat, frame);
    write_level(out, &panel->level, frame);
    for (size_t s = 0; s < panel->series.count; s++) {
        write_series(out, chart_series(panel, s), frame);
    }
}
