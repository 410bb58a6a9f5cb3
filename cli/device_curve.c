/* device_curve.c - many devices under identical pulses.
 * 1. pulses   2. the figure   3. `rebias device plot`
 */
#include "device_curve.h"
#include "chart.h"
#include "figure.h"
#include "output.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. pulses -- */

int device_curve(const struct arguments *a, const struct rebias_device *device,
                 enum rebias_polarity polarity, double start, device_curve_visit *visit,
                 void *context, struct rebias_error *err)
{
    const size_t n = (size_t)argument_integer(a, "devices");
    const int64_t pulses = argument_integer(a, "pulses");
    struct rebias_stream stream = {(uint64_t)argument_integer(a, "seed"), REBIAS_FOR_SPREAD, 0,
                                   0, 0};
    struct rebias_devices *devices = NULL;
    float *G = NULL;
    int status = rebias_devices_new(&devices, device, n, &stream, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&G, n, sizeof *G, err);
    }
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        G[i] = (float)start;
    }
    struct progress progress = {.arguments = a, .what = "pulses"};
    progress_catch_signals();
    for (int64_t p = 0; p <= pulses && status == REBIAS_OK; p++) {
        status = visit(context, p, G, n, err);
        if (progress_step(&progress, (size_t)p, (size_t)pulses) != 0) {
            status = rebias_fail(err, REBIAS_E_INTERRUPTED, "interrupted");
        }
        stream.purpose = REBIAS_FOR_CURVE;
        stream.step = (uint32_t)p;
        if (p < pulses && status == REBIAS_OK) {
            rebias_devices_pulse_all(devices, polarity, G, &stream);
        }
    }
    progress_end(&progress);
    free(G);
    rebias_devices_free(devices);
    return status;
}

/* -- 2. the figure -- */

/* A panel under way. */
struct curve_panel {
    struct chart *chart;
    struct chart_series *spread, *mean; /* in one panel, the mean drawn over the spread */
    double factor;                      /* from S to the figure's unit */
    int64_t stride;                     /* pulses between points of the lines */
    float *sorted;
};

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a;
    const float y = *(const float *)b;
    return (x > y) - (x < y);
}

static int add_pulse(void *context, int64_t pulse, const float *G, size_t n,
                     struct rebias_error *err)
{
    const struct curve_panel *panel = context;
    double sum = 0.0;
    (void)err;
    if (pulse % panel->stride != 0) {
        return REBIAS_OK;
    }
    memcpy(panel->sorted, G, n * sizeof *G);
    qsort(panel->sorted, n, sizeof *panel->sorted, ascending);
    for (size_t i = 0; i < n; i++) {
        sum += (double)G[i];
    }
    const struct chart_point point = {
        .x = (double)pulse,
        .y = panel->factor * sum / (double)n,
        .low = panel->factor * (double)panel->sorted[(size_t)(0.05 * (double)(n - 1))],
        .high = panel->factor * (double)panel->sorted[(size_t)ceil(0.95 * (double)(n - 1))]};
    const struct chart_point mean = {point.x, point.y, NAN, NAN};
    chart_add_point(panel->chart, panel->spread, &point);
    chart_add_point(panel->chart, panel->mean, &mean);
    return REBIAS_OK;
}

/* SET from Gmin, or RESET from Gmax. */
static int add_panel(struct chart *chart, const struct arguments *a,
                     const struct rebias_device *device, enum rebias_polarity polarity,
                     struct rebias_error *err)
{
    const int64_t most = 250; /* points of a line */
    struct curve_panel curve = {.chart = chart,
                                .stride = 1 + argument_integer(a, "pulses") / most};
    struct chart_panel *panel = chart_add_panel(chart);
    int status = rebias_alloc(&curve.sorted, (size_t)argument_integer(a, "devices"),
                              sizeof *curve.sorted, err);
    if (panel == NULL || status != REBIAS_OK) {
        free(curve.sorted);
        return REBIAS_E_MEMORY;
    }
    const char *unit = figure_unit(device->Gmax, &curve.factor);
    chart_text(panel->title, sizeof panel->title, "%s pulses",
               polarity == REBIAS_SET ? "SET" : "RESET");
    chart_text(panel->x.label, sizeof panel->x.label, "pulses");
    chart_text(panel->y.label, sizeof panel->y.label, "G (%s)", unit);
    panel->y.low = 0.0;
    panel->y.high = 1.03 * curve.factor * device->Gmax;
    if (chart_add_series(chart, panel, CHART_RIBBON, 0, "5 to 95 % of devices") != NULL &&
        chart_add_series(chart, panel, CHART_LINE, 0, "mean") != NULL) {
        curve.spread = (struct chart_series *)panel->series.data;
        curve.mean = curve.spread + 1;
        status = device_curve(a, device, polarity,
                              polarity == REBIAS_SET ? device->Gmin : device->Gmax, add_pulse,
                              &curve, err);
    }
    free(curve.sorted);
    return status;
}

/* -- 3. `rebias device plot` -- */

int run_device_plot(const struct arguments *a, struct rebias_error *err)
{
    const char *path = argument_text(a, "output");
    struct rebias_device *device = NULL;
    struct chart chart = {.name = "pulse-curve"};
    if (path == NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "no figure: give -o FILE.png");
    }
    int status = figure_check("output", path, err);
    if (status == REBIAS_OK) {
        status = rebias_device_open(&device, a->word[0], err);
    }
    if (status == REBIAS_OK) {
        chart_text(chart.title, sizeof chart.title,
                   "%s: %s devices, SET from Gmin, RESET from Gmax", a->word[0],
                   argument_text(a, "devices"));
        status = add_panel(&chart, a, device, REBIAS_SET, err);
    }
    if (status == REBIAS_OK) {
        status = add_panel(&chart, a, device, REBIAS_RESET, err);
    }
    if (status == REBIAS_OK && chart.status != REBIAS_OK) {
        *err = chart.err;
        status = chart.status;
    }
    if (status == REBIAS_OK) {
        status = figure_chart(path, &chart, err);
    }
    chart_clear(&chart);
    rebias_device_free(device);
    return status;
}
