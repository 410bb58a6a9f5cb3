/* cmd_device.c - `rebias device`: list models and presets, show parameters, pulse curves. */
#include "commands.h"
#include "device_curve.h"
#include "rebias/devmodel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- list -- */

static int list_row(struct table *table, const char *name, const char *kind, const char *doc,
                    struct rebias_error *err)
{
    int status = table_text(table, name, err);
    status = status == REBIAS_OK ? table_text(table, kind, err) : status;
    return status == REBIAS_OK ? table_text(table, doc, err) : status;
}

static int run_list(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"name", "kind", "description"};
    struct table table;
    table_start(&table, 3, names);
    int status = REBIAS_OK;
    for (size_t i = 0; i < rebias_device_model_count && status == REBIAS_OK; i++) {
        status = list_row(&table, rebias_device_models[i]->name, "model",
                          rebias_device_models[i]->doc, err);
    }
    if (status == REBIAS_OK) {
        status = list_row(&table, "FILE.jt.h5", "table", rebias_table_model.doc, err);
    }
    for (size_t i = 0; i < rebias_preset_count && status == REBIAS_OK; i++) {
        status = list_row(&table, rebias_presets[i].name, "preset", rebias_presets[i].doc, err);
    }
    status = status == REBIAS_OK ? table_finish(&table, a, NULL, 0, err) : status;
    table_free(&table);
    return status;
}

/* -- show -- */

static int show_row(struct table *table, const struct rebias_device *device, size_t p,
                    struct rebias_error *err)
{
    const struct rebias_param *row = &device->model->params[p];
    const double numbers[] = {device->values[p], row->spread ? device->spreads[p] : NAN,
                              row->min, row->max};
    int status = table_text(table, row->name, err);
    status = status == REBIAS_OK ? table_text(table, row->unit, err) : status;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status == REBIAS_OK ? table_text(table, row->help, err) : status;
}

static int run_show(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"parameter", "unit", "value",  "d2d_sd",
                                        "min",       "max",  "meaning"};
    struct rebias_device *device = NULL;
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = rebias_device_open(&device, a->word[0], err);
    for (size_t p = 0; status == REBIAS_OK && p < device->model->param_count; p++) {
        status = show_row(&table, device, p, err);
    }
    if (status == REBIAS_OK) {
        remark(a,
               "%s: %s. Typical pulse: %g S. Where d2d_sd is filled in, PARAMETER_d2d sets the "
               "spread.",
               device->model->name, device->model->doc, rebias_device_pulse_size(device));
        const char *input = spec_input(a->word[0]);
        status = table_finish(&table, a, &input, 1, err);
    }
    table_free(&table);
    rebias_device_free(device);
    return status;
}

/* -- curve -- */

static const struct option_row curve_rows[] = {
    {"polarity", 0, OPTION_CHOICE, "set|reset", "set", 0, 0, "polarity of the pulses"},
    {"start", 0, OPTION_NUMBER, "S", NULL, 0, 1,
     "conductance before the first pulse (default: Gmin for SET, Gmax for RESET)"},
    {"pulses", 0, OPTION_INTEGER, "N", "500", 1, 1e6, "pulses one after the other"},
    {"devices", 0, OPTION_INTEGER, "N", "1000", 1, 1e8, "devices that are pulsed in parallel"},
};

/* Mean, sd (n - 1), least and largest of G. */
static int curve_row(struct table *table, int64_t pulse, const float *G, size_t n,
                     struct rebias_error *err)
{
    double sum = 0.0;
    double least = (double)G[0];
    double largest = (double)G[0];
    for (size_t i = 0; i < n; i++) {
        double g = (double)G[i];
        sum += g;
        least = g < least ? g : least;
        largest = g > largest ? g : largest;
    }
    double mean = sum / (double)n;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        squares += ((double)G[i] - mean) * ((double)G[i] - mean);
    }
    const double numbers[] = {mean, n > 1 ? sqrt(squares / (double)(n - 1)) : 0.0, least,
                              largest};
    int status = table_integer(table, pulse, err);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int put_pulse(void *context, int64_t pulse, const float *G, size_t n,
                     struct rebias_error *err)
{
    return curve_row(context, pulse, G, n, err);
}

static int curve(const struct arguments *a, const struct rebias_device *device,
                 struct table *table, struct rebias_error *err)
{
    const enum rebias_polarity polarity = (enum rebias_polarity)argument_choice(a, "polarity");
    double start = polarity == REBIAS_SET ? device->Gmin : device->Gmax;
    if (argument_given(a, "start")) {
        start = argument_number(a, "start");
        double slack =
            1e-6 *
            device->Gmax; /* 3e-9 as text may be a hair below a Gmin of 3.0000000000000004e-9 */
        if (start < device->Gmin - slack || start > device->Gmax + slack) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "--start %g S is outside the device's range %g to %g S", start,
                               device->Gmin, device->Gmax);
        }
    }
    return device_curve(a, device, polarity, start, put_pulse, table, err);
}

static int run_curve(const struct arguments *a, struct rebias_error *err)
{
    static const char *const names[] = {"pulse", "mean_S", "sd_S", "min_S", "max_S"};
    struct rebias_device *device = NULL;
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = rebias_device_open(&device, a->word[0], err);
    if (status == REBIAS_OK) {
        status = curve(a, device, &table, err);
    }
    if (status == REBIAS_OK) {
        const char *input = spec_input(a->word[0]);
        status = table_finish(&table, a, &input, 1, err);
    }
    table_free(&table);
    rebias_device_free(device);
    return status;
}

/* -- plot -- */

static const struct option_row plot_rows[] = {
    {"output", 'o', OPTION_TEXT, "FILE.png", NULL, 0, 0,
     "the figure, .png, .svg or .pdf (required; .png and .pdf need gnuplot)"},
    {"pulses", 0, OPTION_INTEGER, "N", "500", 1, 1e6, "pulses one after the other"},
    {"devices", 0, OPTION_INTEGER, "N", "1000", 1, 1e8, "devices that are pulsed in parallel"},
};

const struct command device_commands[] = {
    {"device list", "", "models and presets", NULL, 0, 0, NULL, 0, run_list, NULL},
    {"device show", "DEVICE", "parameters of a device, their values, units and ranges",
     "DEVICE: a preset, model:param=value,... (also preset:param=value,...), or a table file.",
     1, 1, NULL, 0, run_show, NULL},
    {"device curve", "DEVICE", "conductance of many devices under identical pulses",
     "One row a pulse: mean, sd and range of G over the devices.", 1, 1, curve_rows,
     sizeof curve_rows / sizeof curve_rows[0], run_curve, NULL},
    {"device plot", "DEVICE", "figure of the pulse curve: mean and spread over devices",
     "SET pulses from Gmin and RESET pulses from Gmax. The numbers are in FILE.csv beside it.",
     1, 1, plot_rows, sizeof plot_rows / sizeof plot_rows[0], run_device_plot, NULL},
};
const size_t device_command_count = sizeof device_commands / sizeof device_commands[0];
