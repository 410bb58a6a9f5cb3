/* report_numbers.h - quantities of a setting, over its replicates. */
#ifndef REBIAS_CLI_REPORT_NUMBERS_H
#define REBIAS_CLI_REPORT_NUMBERS_H

#include "report_data.h"

enum { REPORT_MOST_NAMES = 12 };

struct report_estimate {
    size_t n;
    double mean, sd;  /* percent for accuracies; NaN for n = 0 */
    double low, high; /* 95 % bootstrap interval of the mean; NaN for n < 2 */
};

/* A quantity at a position (NaN: each cell's last), over the setting's replicates. */
int report_estimate(struct report_estimate *estimate, const struct report *report,
                    const struct report_setting *setting, const char *name, double position,
                    struct rebias_error *err);

/* Fractions that are shown in percent: names that begin with accuracy, software, task (number
 * of a task) or validation. */
bool report_is_accuracy(const char *name);

/* "accuracy (%)", "loss". */
void report_quantity(char *text, size_t size, const char *name);

/* Names of a cell's quantities, only those with several positions or all; returns how many. */
size_t report_quantities(const struct report_cell *cell, bool several,
                         const char *names[REPORT_MOST_NAMES]);

#endif
