/* jump_chart.c - what pulses do to a device, as a figure.
 * 1. range   2. heat map   3. lines   4. points   5. panels and file
 */
#include "jump_chart.h"
#include "figure.h"
#include "rebias/bias.h"
#include "rebias/pulses.h"
#include <math.h>

static const char *const words[2] = {"SET", "RESET"};

/* One polarity of a device, with the units that the figure shows. */
struct side {
    const struct rebias_device *device;
    struct rebias_jumps jumps;
    int polarity;
    double G_factor, dG_factor; /* from S */
    const char *G_unit;
    const char *dG_unit;
    double low, high; /* S, range of dG that is shown */
};

/* -- 1. range -- */

enum { COLUMNS = 80, ROWS = 96, LEVELS = 121 };

static double level_G(const struct side *side, size_t i, size_t n)
{
    return side->device->Gmin +
           (side->device->Gmax - side->device->Gmin) * (double)i / (double)(n - 1);
}

/* Means and three standard deviations around them, 0 always in it. */
static void find_range(struct side *side)
{
    const double deviations = 3.0;
    side->low = side->high = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        double mean = 0.0;
        double sd = 0.0;
        side->jumps.moments(side->device, side->polarity, level_G(side, i, LEVELS), &mean, &sd);
        side->low = fmin(side->low, mean - deviations * sd);
        side->high = fmax(side->high, mean + deviations * sd);
    }
    const double least = 1e-6 * side->device->Gmax; /* a device that never moves */
    const double room = fmax(0.04 * (side->high - side->low), least);
    side->low -= room;
    side->high += room;
    side->G_unit = figure_unit(side->device->Gmax, &side->G_factor);
    side->dG_unit = figure_unit(fmax(-side->low, side->high), &side->dG_factor);
}

/* -- 2. heat map -- */

/* One column: the probability of each row, over the largest of them. */
static void fill_column(const struct side *side, struct chart_heat *heat, size_t column)
{
    const double G = side->device->Gmin + (side->device->Gmax - side->device->Gmin) *
                                              ((double)column + 0.5) / COLUMNS;
    const double step = (side->high - side->low) / ROWS;
    double below = side->jumps.cdf(side->device, side->polarity, G, side->low);
    double largest = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
        const double above = side->jumps.cdf(side->device, side->polarity, G,
                                             side->low + step * (double)(r + 1));
        heat->value[r * COLUMNS + column] = above - below;
        largest = fmax(largest, above - below);
        below = above;
    }
    for (size_t r = 0; r < ROWS && largest > 0.0; r++) {
        heat->value[r * COLUMNS + column] /= largest;
    }
}

static void add_heat(struct chart *chart, struct chart_panel *panel, const struct side *side)
{
    chart_set_heat(chart, panel, COLUMNS, ROWS);
    if (chart->status != REBIAS_OK) {
        return;
    }
    panel->heat.x_low = side->G_factor * side->device->Gmin;
    panel->heat.x_high = side->G_factor * side->device->Gmax;
    panel->heat.y_low = side->dG_factor * side->low;
    panel->heat.y_high = side->dG_factor * side->high;
    for (size_t column = 0; column < COLUMNS; column++) {
        fill_column(side, &panel->heat, column);
    }
}

/* -- 3. lines -- */

/* Least dG (S) with F(dG) >= probability, by bisection. */
static double quantile(const struct side *side, double G, double probability)
{
    enum { HALVINGS = 60 };
    const double deviations = 12.0;
    double mean = 0.0;
    double sd = 0.0;
    side->jumps.moments(side->device, side->polarity, G, &mean, &sd);
    double low = mean - deviations * sd;
    double high = mean + deviations * sd;
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = 0.5 * (low + high);
        if (side->jumps.cdf(side->device, side->polarity, G, middle) >= probability) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

/* probability < 0: the mean. */
static void add_line(struct chart *chart, struct chart_panel *panel, const struct side *side,
                     double probability, const char *label)
{
    struct chart_series *series =
        chart_add_series(chart, panel, CHART_LINE, probability < 0.0 ? 1 : CHART_GREY, label);
    for (size_t i = 0; i < LEVELS; i++) {
        const double G = level_G(side, i, LEVELS);
        double y = 0.0;
        double sd = 0.0;
        if (probability < 0.0) {
            side->jumps.moments(side->device, side->polarity, G, &y, &sd);
        } else {
            y = quantile(side, G, probability);
        }
        const struct chart_point point = {side->G_factor * G, side->dG_factor * y, NAN, NAN};
        chart_add_point(chart, series, &point);
    }
}

/* -- 4. points -- */

/* Those inside the figure's range; evenly thinned when there are many. */
static void add_data(struct chart *chart, struct chart_panel *panel, const struct side *side,
                     const struct rebias_pulses *pulses)
{
    enum { MOST = 2000 };
    const size_t count = rebias_pulses_count(pulses, side->polarity);
    const size_t stride = 1 + count / MOST;
    struct chart_series *series =
        chart_add_series(chart, panel, CHART_DOTS, 4, "points of one replicate");
    size_t number = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] != side->polarity || number++ % stride != 0) {
            continue;
        }
        const struct chart_point point = {side->G_factor * pulses->G[i],
                                          side->dG_factor * pulses->dG[i], NAN, NAN};
        if (pulses->dG[i] >= side->low && pulses->dG[i] <= side->high) {
            chart_add_point(chart, series, &point);
        }
    }
}

/* -- 5. panels and file -- */

static void describe(struct chart_panel *panel, const struct side *side)
{
    const double middle = 0.5 * (side->device->Gmin + side->device->Gmax);
    double mean = 0.0;
    double sd = 0.0;
    side->jumps.moments(side->device, side->polarity, middle, &mean, &sd);
    chart_text(panel->title, sizeof panel->title, "%s pulses", words[side->polarity]);
    chart_text(panel->x.label, sizeof panel->x.label, "G before the pulse (%s)", side->G_unit);
    chart_text(panel->y.label, sizeof panel->y.label, "dG (%s)", side->dG_unit);
    chart_text(panel->text, sizeof panel->text,
               "Heat map of the change dG by one %s pulse against the conductance G before it. "
               "At G = %.3g %s the mean is %+.3g %s, the standard deviation %.3g %s; 90 %% of "
               "the changes lie between %+.3g and %+.3g %s.",
               words[side->polarity], side->G_factor * middle, side->G_unit,
               side->dG_factor * mean, side->dG_unit, side->dG_factor * sd, side->dG_unit,
               side->dG_factor * quantile(side, middle, 0.05),
               side->dG_factor * quantile(side, middle, 0.95), side->dG_unit);
}

int jump_chart_panels(struct chart *chart, const struct rebias_device *device,
                      const struct rebias_pulses *pulses, struct rebias_error *err)
{
    struct side side = {.device = device};
    int status = rebias_device_jumps(&side.jumps, device, err);
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        struct chart_panel *panel = chart_add_panel(chart);
        if (panel != NULL) {
            side.polarity = p;
            find_range(&side);
            describe(panel, &side);
            add_heat(chart, panel, &side);
            if (pulses != NULL) {
                add_data(chart, panel, &side, pulses);
            }
            add_line(chart, panel, &side, 0.05, "5 and 95 %");
            add_line(chart, panel, &side, 0.95, "");
            add_line(chart, panel, &side, -1.0, "mean");
        }
    }
    return status;
}

int jump_chart_file(const char *path, const char *name, const struct rebias_device *device,
                    struct rebias_error *err)
{
    struct chart chart = {.name = "jumps"};
    chart_text(chart.title, sizeof chart.title,
               "%s: jumps by one pulse; colour: probability of dG given G", name);
    int status = jump_chart_panels(&chart, device, NULL, err);
    if (status == REBIAS_OK && chart.status != REBIAS_OK) {
        *err = chart.err;
        status = chart.status;
    }
    if (status == REBIAS_OK) {
        status = figure_chart(path, &chart, err);
    }
    chart_clear(&chart);
    return status;
}
