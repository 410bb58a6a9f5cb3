/* device.c - devices from specifications: "preset", "model", "name:param=value,...".
 * 1. life cycle   2. parameters of a specification   3. what a device is like
 */
#include "rebias/devmodel.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

void rebias_device_free(struct rebias_device *device)
{
    if (device == NULL) {
        return;
    }
    if (device->model != NULL && device->model->free_data != NULL) {
        device->model->free_data(device->data);
    }
    free(device->values);
    free(device->spreads);
    free(device->coefs);
    free(device->name);
    free(device);
}

static int check_value(const struct rebias_param *row, double value, struct rebias_error *err)
{
    if (!(value >= row->min && value <= row->max)) {
        char text[32];
        char range[80];
        snprintf(text, sizeof text, "%g", value);
        const bool unitless = strcmp(row->unit, "1") == 0;
        snprintf(range, sizeof range, "%g to %g%s%s", row->min, row->max, unitless ? "" : " ",
                 unitless ? "" : row->unit);
        const struct rebias_place place = {NULL, 0, 0, text};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, range,
                              "parameter %s is outside its range", row->name);
    }
    return REBIAS_OK;
}

static const char spread_suffix[] = "_d2d";

static int check_spread(const struct rebias_device_model *model, size_t row, double spread,
                        struct rebias_error *err)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", model->params[row].name, spread_suffix);
    if (!model->params[row].spread) {
        const struct rebias_place place = {NULL, 0, 0, name};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, NULL,
                              "parameter %s of model %s has no device-to-device spread",
                              model->params[row].name, model->name);
    }
    if (!(spread >= 0.0 && isfinite(spread))) {
        char text[32];
        snprintf(text, sizeof text, "%g", spread);
        const struct rebias_place place = {NULL, 0, 0, text};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "a standard deviation, 0 or more",
                              "%s is outside its range", name);
    }
    return REBIAS_OK;
}

static int check_range(const struct rebias_device *device, struct rebias_error *err)
{
    if (!(device->Gmin >= 0.0 && device->Gmin < device->Gmax && isfinite(device->Gmax))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%s: the range Gmin = %g S to Gmax = %g S is empty", device->name,
                           device->Gmin, device->Gmax);
    }
    return REBIAS_OK;
}

/* Fills values and spreads and derives the coefficients. */
static int set_values(struct rebias_device *device, const double *values, const double *spreads,
                      struct rebias_error *err)
{
    const struct rebias_device_model *model = device->model;
    for (size_t p = 0; p < model->param_count; p++) {
        int status = check_value(&model->params[p], values[p], err);
        if (status == REBIAS_OK && spreads != NULL &&
            spreads[p] != 0.0) { /* 0 = no spread, for any parameter */
            status = check_spread(model, p, spreads[p], err);
        }
        if (status != REBIAS_OK) {
            return status;
        }
        device->values[p] = values[p];
        device->spreads[p] = spreads != NULL ? spreads[p] : 0.0;
    }
    return model->derive(device->values, device->coefs, err);
}

int rebias_device_build(struct rebias_device **out, const struct rebias_device_model *model,
                        const char *name, const double *values, const double *spreads,
                        void *data, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_device *device = NULL;
    int status = rebias_alloc(&device, 1, sizeof *device, err);
    if (status != REBIAS_OK) {
        return status;
    }
    device->model = model;
    status = rebias_copy_text(&device->name, name, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&device->values, model->param_count, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&device->spreads, model->param_count, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&device->coefs, model->coef_count, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = set_values(device, values, spreads, err);
    }
    if (status == REBIAS_OK) {
        device->Gmin = device->coefs[0];
        device->Gmax = device->coefs[1];
        status = check_range(device, err);
    }
    if (status != REBIAS_OK) {
        rebias_device_free(device);
        return status;
    }
    device->data = data;
    *out = device;
    return REBIAS_OK;
}

/* -- 2. parameters of a specification -- */

enum { NAME_MAX_LENGTH = 64, SPEC_MAX_LENGTH = 2048 };

static bool row_of(const struct rebias_device_model *model, const char *name, size_t length,
                   size_t *row)
{
    for (size_t p = 0; p < model->param_count; p++) {
        if (strlen(model->params[p].name) == length &&
            strncmp(model->params[p].name, name, length) == 0) {
            *row = p;
            return true;
        }
    }
    return false;
}

/* "param" or "param_d2d" = value. */
static int set_param(const struct rebias_device_model *model, const char *name,
                     const char *text, double *values, double *spreads,
                     struct rebias_error *err)
{
    const struct rebias_place name_place = {NULL, 0, 0, name};
    const struct rebias_place text_place = {NULL, 0, 0, text};
    double value = 0.0;
    if (!rebias_parse_double(text, &value)) {
        return rebias_fail_at(err, REBIAS_E_RANGE, &text_place, "a number",
                              "parameter %s has no number", name);
    }
    size_t length = strlen(name);
    size_t suffix = sizeof spread_suffix - 1;
    size_t row = 0;
    if (row_of(model, name, length, &row)) {
        values[row] = value;
        return check_value(&model->params[row], value, err);
    }
    bool is_spread = length > suffix && strcmp(name + length - suffix, spread_suffix) == 0;
    if (!is_spread || !row_of(model, name, length - suffix, &row)) {
        char expected[160];
        snprintf(expected, sizeof expected, "one of those that `rebias device show %s` lists",
                 model->name);
        return rebias_fail_at(err, REBIAS_E_NAME, &name_place, expected,
                              "model %s has no such parameter", model->name);
    }
    spreads[row] = value;
    return check_spread(model, row, value, err);
}

/* Applies "name=value,name=value". */
static int apply_list(const struct rebias_device_model *model, const char *list, double *values,
                      double *spreads, struct rebias_error *err)
{
    char text[SPEC_MAX_LENGTH];
    if (strlen(list) >= sizeof text) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "device specification is longer than %d characters",
                           SPEC_MAX_LENGTH - 1);
    }
    memcpy(text, list, strlen(list) + 1);
    char *rest = text;
    int status = REBIAS_OK;
    while (status == REBIAS_OK && rest != NULL && *rest != '\0') {
        char *item = rest;
        rest = strchr(item, ',');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        char *equals = strchr(item, '=');
        if (equals == NULL) {
            const struct rebias_place place = {NULL, 0, 0, item};
            return rebias_fail_at(err, REBIAS_E_NAME, &place, "param=value",
                                  "device parameter without a value");
        }
        *equals = '\0';
        status = set_param(model, item, equals + 1, values, spreads, err);
    }
    return status;
}

/* The preset with the longest name that spec equals, or continues with ':' and parameters; NULL
 * if none. Names of presets may contain ':'. */
static const struct rebias_preset *find_preset(const char *spec)
{
    const struct rebias_preset *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < rebias_preset_count; i++) {
        const size_t length = strlen(rebias_presets[i].name);
        if (length > longest && strncmp(rebias_presets[i].name, spec, length) == 0 &&
            (spec[length] == '\0' || spec[length] == ':')) {
            found = &rebias_presets[i];
            longest = length;
        }
    }
    return found;
}

/* Splits "name:list" into name[NAME_MAX_LENGTH] and the list (an empty string when there is
 * none). */
static const char *split_spec(const char *spec, char name[NAME_MAX_LENGTH])
{
    const char *colon = strchr(spec, ':');
    size_t length = colon != NULL ? (size_t)(colon - spec) : strlen(spec);
    if (length >= NAME_MAX_LENGTH) {
        length = NAME_MAX_LENGTH - 1;
    }
    memcpy(name, spec, length);
    name[length] = '\0';
    return colon != NULL ? colon + 1 : "";
}

/* True for "name:word" or "name:word:..." (no '=' in the word) where names of presets start
 * with "name:": a preset that does not exist. */
static bool misnames_a_preset(const char *spec, const char *name)
{
    const size_t length = strlen(name);
    if (spec[length] != ':' || spec[length + 1] == '\0' ||
        spec[length + 1 + strcspn(spec + length + 1, ":=")] == '=') {
        return false;
    }
    for (size_t i = 0; i < rebias_preset_count; i++) {
        if (strncmp(rebias_presets[i].name, spec, length + 1) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown_device(const char *value, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, value};
    return rebias_fail_at(err, REBIAS_E_NAME, &place,
                          "a name that `rebias device list` shows, or a table file",
                          "unknown device");
}

/* What a specification names: its model, the preset's parameter list, and its own. */
struct parsed_spec {
    const struct rebias_device_model *model;
    const char *preset_list;
    const char *list;
};

static int parse_spec(struct parsed_spec *parsed, const char *spec, struct rebias_error *err)
{
    char name[NAME_MAX_LENGTH];
    const struct rebias_preset *preset = find_preset(spec);
    if (preset != NULL) {
        const char *rest = spec + strlen(preset->name);
        parsed->list = *rest == ':' ? rest + 1 : rest;
        parsed->preset_list = split_spec(preset->spec, name);
    } else {
        parsed->list = split_spec(spec, name);
        parsed->preset_list = "";
    }
    parsed->model = rebias_device_model_find(name);
    if (parsed->model == NULL) {
        return unknown_device(name, err);
    }
    if (preset == NULL && misnames_a_preset(spec, name)) {
        return unknown_device(spec, err);
    }
    return REBIAS_OK;
}

int rebias_device_new(struct rebias_device **out, const char *spec, struct rebias_error *err)
{
    *out = NULL;
    struct parsed_spec parsed = {NULL, NULL, NULL};
    double *values = NULL;
    double *spreads = NULL;
    int status = parse_spec(&parsed, spec, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct rebias_device_model *model = parsed.model;
    status = rebias_alloc(&values, model->param_count, sizeof *values, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&spreads, model->param_count, sizeof *spreads, err);
    }
    for (size_t p = 0; status == REBIAS_OK && p < model->param_count; p++) {
        values[p] = model->params[p].value;
    }
    if (status == REBIAS_OK) {
        status = apply_list(model, parsed.preset_list, values, spreads, err);
    }
    if (status == REBIAS_OK) {
        status = apply_list(model, parsed.list, values, spreads, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_device_build(out, model, spec, values, spreads, NULL, err);
    }
    free(values);
    free(spreads);
    return status;
}

/* -- 3. what a device is like -- */

bool rebias_device_has_spread(const struct rebias_device *device)
{
    if (device->model->draw != NULL) {
        return true;
    }
    for (size_t p = 0; p < device->model->param_count; p++) {
        if (device->spreads[p] > 0.0) {
            return true;
        }
    }
    return false;
}

/* Means over range and polarities of |E dG| and of the sd of dG. */
static void typical_pulse(const struct rebias_device *device, double *size, double *noise)
{
    enum { LEVELS = 101 };
    *size = 0.0;
    *noise = 0.0;
    for (int polarity = 0; polarity < 2; polarity++) {
        for (int i = 0; i < LEVELS; i++) {
            double G = device->Gmin + (device->Gmax - device->Gmin) * i / (LEVELS - 1);
            double mean = 0.0;
            double sd = 0.0;
            device->model->moments(device, (enum rebias_polarity)polarity, G, &mean, &sd);
            *size += fabs(mean) / (2 * LEVELS);
            *noise += sd / (2 * LEVELS);
        }
    }
}

double rebias_device_pulse_size(const struct rebias_device *device)
{
    double size = 0.0;
    double noise = 0.0;
    typical_pulse(device, &size, &noise);
    return size;
}

double rebias_device_pulse_noise(const struct rebias_device *device)
{
    double size = 0.0;
    double noise = 0.0;
    typical_pulse(device, &size, &noise);
    return noise;
}
