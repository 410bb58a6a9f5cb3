/* chart.h - figures as data: drawn as SVG (svg.h), written as CSV, or handed to gnuplot. */
#ifndef REBIAS_CLI_CHART_H
#define REBIAS_CLI_CHART_H

#include "rebias/base.h"
#include <stdio.h>

enum { CHART_COLOURS = 6, CHART_GREY = -1 };

/* How the points of a series are drawn; colours and shapes go together (colour-blind readers,
 * print). */
enum chart_mark {
    CHART_DOTS,  /* small, without intervals: single runs */
    CHART_ERROR, /* large, low to high as a bar */
    CHART_LINE,  /* joined */
    CHART_RIBBON /* the area between low and high */
};

struct chart_point {
    double x, y;
    double low, high; /* NaN: none */
};

struct chart_series {
    char label[128]; /* in the legend; "" keeps it out */
    int colour;      /* 0, 1, ... or CHART_GREY */
    enum chart_mark mark;
    double dodge; /* sideways, in widths of a large mark: series at the same x side by side */
    struct rebias_buffer points; /* struct chart_point */
};

struct chart_axis {
    char label[128]; /* with its unit */
    bool logarithmic;
    bool lists; /* ticks at the points' own x, as far as there is room for their numbers */
    double low, high; /* NaN: from the points */
};

/* A reference line with the area around it: the target's mean and its spread. */
struct chart_level {
    char label[128];
    double middle, low, high; /* middle NaN: none; low and high NaN: a line alone */
};

/* Shares of probability on a regular grid, 0 to 1, row by row from the lowest y. */
struct chart_heat {
    size_t columns, rows; /* 0: none */
    double x_low, x_high, y_low, y_high;
    double *value;
};

struct chart_panel {
    char title[256];
    char text[1024]; /* what a reader who sees no picture must know: the finding, in numbers */
    struct chart_axis x, y;
    struct chart_level level;
    struct chart_heat heat;
    struct rebias_buffer series; /* struct chart_series */
};

struct chart {
    char name[64]; /* of files, without ending */
    char title[256];
    char caption[1024];
    struct rebias_buffer panels; /* struct chart_panel */
    int status;                  /* of the first failure; later additions do nothing */
    struct rebias_error err;
};

/* Text into to[size], cut at a whole character with "..." when it is too long. */
void chart_text(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Additions; the result is borrowed until the next addition of its kind, NULL after a failure
 * (chart->status). A new panel has linear axes from the points, no level, no heat map. */
struct chart_panel *chart_add_panel(struct chart *chart);
struct chart_series *chart_add_series(struct chart *chart, struct chart_panel *panel,
                                      enum chart_mark mark, int colour, const char *label);
/* Points that are not finite are left out; low and high as they are. series may be NULL. */
void chart_add_point(struct chart *chart, struct chart_series *series,
                     const struct chart_point *point);
void chart_set_heat(struct chart *chart, struct chart_panel *panel, size_t columns,
                    size_t rows);
void chart_clear(struct chart *chart);

const struct chart_panel *chart_panel(const struct chart *chart, size_t number);
const struct chart_series *chart_series(const struct chart_panel *panel, size_t number);
const struct chart_point *chart_points(const struct chart_series *series);

/* The axis' ends: as given, else those of everything drawn with some room around. */
void chart_x_limits(const struct chart_panel *panel, double *low, double *high);
void chart_y_limits(const struct chart_panel *panel, double *low, double *high);

/* Gives all panels the y axis that holds everything drawn in any of them: panels to compare. */
void chart_share_y(struct chart *chart);

/* Places of up to `capacity` numbers along an axis, ascending; returns how many. */
size_t chart_x_ticks(const struct chart_panel *panel, double *tick, size_t capacity);
size_t chart_y_ticks(const struct chart_panel *panel, double *tick, size_t capacity);

/* Panels side by side in a figure of its own: at most 3. */
size_t chart_columns(const struct chart *chart);

/* Whether the legend has anything to say: more than one label, or a grey one. */
bool chart_has_legend(const struct chart *chart);
/* Every label of the chart once, in the order of the panels; the label that a level has comes
 * last, as CHART_GREY. */
void chart_each_label(const struct chart *chart,
                      void (*visit)(void *context, const char *label, int colour,
                                    enum chart_mark mark),
                      void *context);

/* Tidy CSV: panel, series, x, y, low, high, share (of a heat map); what the axes mean in
 * remarks in front. */
void chart_write_csv(FILE *out, const struct chart *chart);

/* The chart as a gnuplot script behind plots/style.gp: data, then the panels side by side. */
void chart_write_gnuplot(FILE *out, const struct chart *chart);

#endif
