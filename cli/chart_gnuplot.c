/* chart_gnuplot.c - a chart as a gnuplot script.
 * 1. data   2. axes   3. plot commands   4. all
 */
#include "chart.h"
#include "figure.h"
#include <math.h>

/* -- 1. data -- */

/* Sideways shift of a series: a factor on a logarithmic axis, else a difference, as wide as in
 * the SVG (about 2 % of the axis a mark). */
static double shifted(const struct chart_panel *panel, const struct chart_series *series,
                      double x)
{
    const double mark = 0.022;
    double low = 0.0;
    double high = 0.0;
    chart_x_limits(panel, &low, &high);
    return panel->x.logarithmic ? x * pow(high / low, mark * series->dodge)
                                : x + (high - low) * mark * series->dodge;
}

static void write_points(FILE *out, const struct chart_panel *panel, size_t p, size_t s)
{
    const struct chart_series *series = chart_series(panel, s);
    fprintf(out, "$series%zu_%zu << EOD\n# x y low high\n", p + 1, s + 1);
    for (size_t i = 0; i < series->points.count; i++) {
        const struct chart_point *point = &chart_points(series)[i];
        const bool bar = isfinite(point->low) && isfinite(point->high);
        fprintf(out, "%.10g %.10g %.10g %.10g\n", shifted(panel, series, point->x), point->y,
                bar ? point->low : point->y, bar ? point->high : point->y);
    }
    fprintf(out, "EOD\n");
}

static void write_heat(FILE *out, const struct chart_heat *heat, size_t p)
{
    const double width = (heat->x_high - heat->x_low) / (double)heat->columns;
    const double height = (heat->y_high - heat->y_low) / (double)heat->rows;
    fprintf(out, "$heat%zu << EOD\n# x y share\n", p + 1);
    for (size_t i = 0; i < heat->rows * heat->columns; i++) {
        fprintf(out, "%.10g %.10g %.4g\n",
                heat->x_low + width * ((double)(i % heat->columns) + 0.5),
                heat->y_low + height * ((double)(i / heat->columns) + 0.5), heat->value[i]);
    }
    fprintf(out, "EOD\n");
}

/* -- 2. axes -- */

static void write_x_axis(FILE *out, const struct chart_panel *panel)
{
    double tick[32];
    double low = 0.0;
    double high = 0.0;
    const size_t count = chart_x_ticks(panel, tick, sizeof tick / sizeof tick[0]);
    chart_x_limits(panel, &low, &high);
    fprintf(out, "%sset logscale x\nset xrange [%.10g : %.10g]\nset xtics (",
            panel->x.logarithmic ? "" : "un", low, high);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%.6g", i > 0 ? ", " : "",
                fabs(tick[i]) < 1e-9 * (high - low) ? 0.0 : tick[i]);
    }
    fprintf(out, ")\n");
    figure_quoted(out, "name", panel->x.label);
    fprintf(out, "set xlabel name\n");
}

static void write_y_axis(FILE *out, const struct chart_panel *panel)
{
    double low = 0.0;
    double high = 0.0;
    chart_y_limits(panel, &low, &high);
    fprintf(out, "%sset logscale y\nset yrange [%.10g : %.10g]\n",
            panel->y.logarithmic ? "" : "un", low, high);
    figure_quoted(out, "name", panel->y.label);
    fprintf(out, "set ylabel name\n");
}

static void write_level(FILE *out, const struct chart_level *level)
{
    fprintf(out, "unset object\nunset arrow\n");
    if (!isfinite(level->middle)) {
        return;
    }
    if (isfinite(level->low) && isfinite(level->high)) {
        fprintf(out,
                "set object 1 rectangle from graph 0, first %.10g to graph 1, first %.10g "
                "fillcolor rgb '#bbbbbb' fillstyle solid 0.5 noborder behind\n",
                level->low, level->high);
    }
    fprintf(out,
            "set arrow 1 from graph 0, first %.10g to graph 1, first %.10g nohead lc rgb "
            "'#555555' dt 2\n",
            level->middle, level->middle);
}

/* -- 3. plot commands -- */

static void write_colour(FILE *out, int colour)
{
    if (colour < 0) {
        fprintf(out, "lc rgb '#555555'");
    } else {
        fprintf(out, "lc rgb colour(%d)", colour + 1);
    }
}

/* Shapes as in svg_marks.c; the second round of colours is hollow. */
static int point_type(int colour)
{
    static const int full[CHART_COLOURS] = {7, 5, 9, 13, 11, 15};
    return colour < 0 ? 7 : full[colour % CHART_COLOURS] - (colour >= CHART_COLOURS ? 1 : 0);
}

static void write_series(FILE *out, const struct chart_series *series, size_t p, size_t s)
{
    fprintf(out, "'$series%zu_%zu' using ", p + 1, s + 1);
    switch (series->mark) {
    case CHART_LINE:
        fprintf(out, "1:2 with lines lw 2 ");
        break;
    case CHART_RIBBON:
        fprintf(out, "1:3:4 with filledcurves fs solid 0.25 noborder ");
        break;
    case CHART_DOTS:
        fprintf(out, "1:2 with points pt %d ps 0.5 ", point_type(series->colour));
        break;
    case CHART_ERROR:
        fprintf(out, "1:2:3:4 with yerrorbars pt %d ps 1.2 lw 1.5 ",
                point_type(series->colour));
        break;
    }
    write_colour(out, series->colour);
}

static void write_plot(FILE *out, const struct chart_panel *panel, size_t p)
{
    const char *between = "plot ";
    if (panel->heat.columns > 0) {
        fprintf(out, "%s'$heat%zu' using 1:2:3 with image notitle", between, p + 1);
        between = ", \\\n     ";
    }
    for (size_t s = 0; s < panel->series.count; s++) {
        if (chart_series(panel, s)->points.count == 0) {
            continue;
        }
        fprintf(out, "%s", between);
        write_series(out, chart_series(panel, s), p, s);
        fprintf(out,
                chart_series(panel, s)->label[0] != '\0' ? " title label%zu_%zu" : " notitle",
                p + 1, s + 1);
        between = ", \\\n     ";
    }
    if (isfinite(panel->level.middle)) {
        fprintf(out, "%sNaN with lines dt 2 lc rgb '#555555' title level%zu", between, p + 1);
        between = ", ";
    }
    fprintf(out, "%s\n", between[0] == 'p' ? "plot NaN notitle" : "");
}

/* -- 4. all -- */

/* Lines that the legend below a panel takes at most. */
static double legend_lines(const struct chart *chart)
{
    size_t most = 0;
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *panel = chart_panel(chart, p);
        size_t count = isfinite(panel->level.middle) && panel->level.label[0] != '\0' ? 1 : 0;
        for (size_t s = 0; s < panel->series.count; s++) {
            count += chart_series(panel, s)->label[0] != '\0';
        }
        most = count > most ? count : most;
    }
    return (double)most;
}

static void write_data(FILE *out, const struct chart *chart)
{
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *panel = chart_panel(chart, p);
        char name[64];
        for (size_t s = 0; s < panel->series.count; s++) {
            snprintf(name, sizeof name, "label%zu_%zu", p + 1, s + 1);
            figure_quoted(out, name, chart_series(panel, s)->label);
            write_points(out, panel, p, s);
        }
        snprintf(name, sizeof name, "level%zu", p + 1);
        figure_quoted(out, name, panel->level.label);
        if (panel->heat.columns > 0) {
            write_heat(out, &panel->heat, p);
        }
    }
}

void chart_write_gnuplot(FILE *out, const struct chart *chart)
{
    const size_t across = chart_columns(chart);
    figure_quoted(out, "title", chart->title);
    write_data(out, chart);
    fprintf(out,
            "set palette defined (0 '#ffffff', 1 '#0072B2')\nset cbrange [0 : 1]\n"
            "unset colorbox\n"
            "set key bmargin center horizontal samplen 2\nset bmargin %.1f\n"
            "set multiplot layout %zu,%zu title title\n",
            4.0 + legend_lines(chart), (chart->panels.count + across - 1) / across, across);
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *panel = chart_panel(chart, p);
        figure_quoted(out, "name", panel->title);
        fprintf(out, "set title name\n");
        write_x_axis(out, panel);
        write_y_axis(out, panel);
        write_level(out, &panel->level);
        write_plot(out, panel, p);
    }
    fprintf(out, "unset multiplot\n");
}
