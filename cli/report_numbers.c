/* report_numbers.c - quantities of a setting, over its replicates.
 * 1. names   2. numbers over replicates
 */
#include "report_numbers.h"
#include "chart.h"
#include "rebias/metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. names -- */

/* Fractions that are shown in percent. */
bool report_is_accuracy(const char *name)
{
    static const char *const stems[] = {"accuracy", "software", "task", "validation"};
    for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++) {
        if (strncmp(name, stems[i], strlen(stems[i])) == 0) {
            return true;
        }
    }
    return false;
}

static double factor_of(const char *name)
{
    return report_is_accuracy(name) ? 100.0 : 1.0;
}

void report_quantity(char *text, size_t size, const char *name)
{
    if (strcmp(name, "accuracy") == 0) {
        chart_text(text, size, "test accuracy (%%)");
    } else {
        const bool percent = report_is_accuracy(name) || strcmp(name, "mapping_error") == 0;
        chart_text(text, size, "%s%s", name, percent ? " (%)" : "");
    }
}

/* Quantities of the first cell; those with several positions only, or all. Returns how many. */
size_t report_quantities(const struct report_cell *cell, bool several,
                         const char *names[REPORT_MOST_NAMES])
{
    size_t count = 0;
    for (size_t v = 0; v < cell->value_count && count < REPORT_MOST_NAMES; v++) {
        const char *name = cell->values[v].name;
        const bool next = v + 1 < cell->value_count &&
                          strcmp(cell->values[v + 1].name, name) == 0; /* they are sorted */
        const bool again = count > 0 && strcmp(names[count - 1], name) == 0;
        if (!again && (next || !several)) {
            names[count++] = name;
        }
    }
    return count;
}

/* -- 2. numbers over replicates -- */

/* Of a quantity at a position (NaN: each cell's last), over the setting's replicates. */
int report_estimate(struct report_estimate *e, const struct report *report,
                    const struct report_setting *setting, const char *name, double position,
                    struct rebias_error *err)
{
    enum { RESAMPLES = 2000 };
    const double level = 0.95;
    double *x = NULL;
    *e = (struct report_estimate){0, NAN, NAN, NAN, NAN};
    int status = rebias_alloc(&x, setting->count, sizeof *x, err);
    for (size_t c = 0; c < setting->count && status == REBIAS_OK; c++) {
        const struct report_cell *cell = report_cell(report, setting->first + c);
        double at = 0.0;
        double value = NAN;
        if (isnan(position)) {
            report_last(cell, name, &at, &value);
        } else {
            value = report_value(cell, name, position);
        }
        if (isfinite(value)) {
            x[e->n++] = factor_of(name) * value;
        }
    }
    if (status == REBIAS_OK && e->n > 0) {
        rebias_mean_sd(e->n, x, &e->mean, &e->sd);
    }
    if (status == REBIAS_OK && e->n > 1) {
        const struct rebias_stream stream = {report_cell(report, setting->first)->seed,
                                             REBIAS_FOR_BOOTSTRAP, 0, 0, 0};
        status =
            rebias_bootstrap_mean(e->n, x, level, RESAMPLES, &stream, &e->low, &e->high, err);
    }
    free(x);
    return status;
}
