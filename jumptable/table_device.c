/* table_device.c - the jump table as a device.
 * 1. state   2. one pulse   3. distribution   4. descriptor
 */
#include "rebias/base.h"
#include "rebias/table.h"
#include "sampler.h"
#include <stdlib.h>

enum { P_GMIN, P_GMAX, P_RULE, P_SCALE, P_COUNT };
enum { C_SCALE = 2, C_COUNT };

/* -- 1. state -- */

struct table_data {
    struct rebias_table *table;
    enum rebias_rule rule;
    struct rebias_sampler *sampler[2];
};

static void free_data(void *data)
{
    struct table_data *d = data;
    if (d == NULL) {
        return;
    }
    rebias_sampler_free(d->sampler[0]);
    rebias_sampler_free(d->sampler[1]);
    rebias_table_free(d->table);
    free(d);
}

/* -- 2. one pulse -- */

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    const struct table_data *d = device->data;
    rebias_sampler_step(d->sampler[lanes->polarity], lanes, lanes->coef[C_SCALE], NULL, G);
}

/* -- 3. distribution -- */

static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const struct table_data *d = device->data;
    rebias_table_moments(&d->table->side[polarity], d->rule, G, mean, sd);
    *mean *= device->coefs[C_SCALE];
    *sd *= device->coefs[C_SCALE];
}

static double cdf(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                  double dG)
{
    const struct table_data *d = device->data;
    double scale = device->coefs[C_SCALE];
    return rebias_table_cdf(&d->table->side[polarity], d->rule, G,
                            scale == 1.0 ? dG : dG / scale);
}

/* -- 4. descriptor -- */

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 1e-6, 0.0, 1.0, false, "lowest conductance (from the table's axes)"},
    {"Gmax", "S", 1e-4, 0.0, 1.0, false, "highest conductance (from the table's axes)"},
    {"rule", "1", 0.0, 0.0, 1.0, false, "0 linear, 1 nearest"},
    {"scale", "1", 1.0, 1e-6, 1e6, true, "factor on every jump of a device"},
};

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    (void)err;
    coef[P_GMIN] = values[P_GMIN];
    coef[P_GMAX] = values[P_GMAX];
    coef[C_SCALE] = values[P_SCALE];
    return REBIAS_OK;
}

const struct rebias_device_model rebias_table_model = {
    .name = "table",
    .doc = "jump table: for every G the distribution of dG, from a file",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = C_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = cdf,
    .free_data = free_data,
    .gaussian = false,
};

int rebias_table_device_new(struct rebias_device **out, const struct rebias_table *table,
                            const char *name, enum rebias_rule rule, double scale,
                            double scale_spread, struct rebias_error *err)
{
    *out = NULL;
    struct table_data *data = NULL;
    int status = rebias_table_validate(table, name, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&data, 1, sizeof *data, err);
    }
    if (status == REBIAS_OK) {
        data->rule = rule;
        status = rebias_table_copy_rows(&data->table, table, err);
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        const struct rebias_table *const one = data->table;
        status = rebias_sampler_new(&data->sampler[p], &one, 1, p, rule, err);
    }
    if (status == REBIAS_OK) {
        double values[P_COUNT] = {0.0, 0.0, (double)rule, scale};
        const double spreads[P_COUNT] = {0.0, 0.0, 0.0, scale_spread};
        rebias_table_range(table, &values[P_GMIN], &values[P_GMAX]);
        status =
            rebias_device_build(out, &rebias_table_model, name, values, spreads, data, err);
    }
    if (status != REBIAS_OK) {
        free_data(data);
    }
    return status;
}

const struct rebias_table *rebias_device_table(const struct rebias_device *device)
{
    if (device->model != &rebias_table_model) {
        return NULL;
    }
    const struct table_data *d = device->data;
    return d->table;
}
