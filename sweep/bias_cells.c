/* bias_cells.c - runs of the bias study as cells of a store, there and back. */
#include "rebias/bias_cells.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

/* Where the numbers are: `count` doubles at an offset of the metrics. */
static const struct place {
    const char *name;
    size_t offset;
    size_t count;
} places[] = {
    {"rmse_mean", offsetof(struct rebias_device_metrics, rmse_mean), 2},
    {"rmse_sd", offsetof(struct rebias_device_metrics, rmse_sd), 2},
    {"mean_error", offsetof(struct rebias_device_metrics, mean_error), 2},
    {"sd_error", offsetof(struct rebias_device_metrics, sd_error), 2},
    {"push_pull", offsetof(struct rebias_device_metrics, push_pull), 1},
    {"wrong_sign", offsetof(struct rebias_device_metrics, wrong_sign), 2},
    {"wrong_sign_all", offsetof(struct rebias_device_metrics, wrong_sign_all), 1},
    {"wasserstein1", offsetof(struct rebias_device_metrics, wasserstein1), 2},
    {"kolmogorov_smirnov", offsetof(struct rebias_device_metrics, kolmogorov_smirnov), 2},
    {"hellinger", offsetof(struct rebias_device_metrics, hellinger), 2},
    {"wasserstein2", offsetof(struct rebias_device_metrics, wasserstein2), 2},
    {"kullback_leibler", offsetof(struct rebias_device_metrics, kullback_leibler), 2},
    {"jensen_shannon", offsetof(struct rebias_device_metrics, jensen_shannon), 2},
    {"energy", offsetof(struct rebias_device_metrics, energy), 2},
};
enum { PLACES = sizeof places / sizeof places[0] };

size_t rebias_bias_run_values(const struct rebias_bias_run *run,
                              struct rebias_store_value values[REBIAS_BIAS_VALUES])
{
    const bool good = run->status == REBIAS_OK;
    size_t n = 0;
    values[n++] = (struct rebias_store_value){.name = "fit_failed", .value = good ? 0.0 : 1.0};
    values[n++] = (struct rebias_store_value){.name = "accuracy",
                                              .value = good ? run->accuracy : (double)NAN};
    for (size_t p = 0; p < PLACES && good && run->method >= 0; p++) {
        const char *at = (const char *)&run->device + places[p].offset;
        for (size_t k = 0; k < places[p].count; k++) {
            values[n] =
                (struct rebias_store_value){.name = places[p].name, .position = (double)k};
            memcpy(&values[n++].value, at + k * sizeof(double), sizeof(double));
        }
    }
    return n;
}

static int find(const struct rebias_store_record *record, const char *name, size_t position,
                double *value, struct rebias_error *err)
{
    for (size_t i = 0; i < record->value_count; i++) {
        if (strcmp(record->values[i].name, name) == 0 &&
            record->values[i].position == (double)position) { /* exact: it was set to k */
            *value = record->values[i].value;
            return REBIAS_OK;
        }
    }
    return rebias_fail(err, REBIAS_E_DATA, "a cell of replicate %u has no %s at %zu",
                       record->cell.replicate, name, position);
}

int rebias_bias_run_read(struct rebias_bias_run *run, const struct rebias_store_record *record,
                         struct rebias_error *err)
{
    double failed = 0.0;
    run->replicate = record->cell.replicate;
    run->device = (struct rebias_device_metrics){.push_pull = 0.0};
    if (find(record, "failed", 0, &failed, NULL) == REBIAS_OK && failed > 0.0) {
        run->status = REBIAS_E_NUMERIC;
        run->accuracy = NAN;
        return REBIAS_OK;
    }
    int status = find(record, "fit_failed", 0, &failed, err);
    if (status == REBIAS_OK) {
        status = find(record, "accuracy", 0, &run->accuracy, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    run->status = failed == 0.0 ? REBIAS_OK : REBIAS_E_DATA; /* exact: 0 or 1 */
    for (size_t p = 0; p < PLACES && run->status == REBIAS_OK && run->method >= 0; p++) {
        char *at = (char *)&run->device + places[p].offset;
        for (size_t k = 0; k < places[p].count && status == REBIAS_OK; k++) {
            double value = 0.0;
            status = find(record, places[p].name, k, &value, err);
            memcpy(at + k * sizeof value, &value, sizeof value);
        }
    }
    return status;
}
