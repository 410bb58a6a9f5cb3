/* sweep_progress.h - how far a sweep is: a line that is rewritten on a terminal, a line a
 * minute in a log. */
#ifndef REBIAS_CLI_SWEEP_PROGRESS_H
#define REBIAS_CLI_SWEEP_PROGRESS_H

#include "options.h"

struct sweep_progress {
    const struct arguments *arguments; /* --quiet */
    bool terminal;
    double start, last; /* s, when the sweep began and when something was shown */
    double cost, cost_done;
    double best; /* accuracy; NaN: none yet */
    bool shown;
};

struct sweep_progress sweep_progress_start(const struct arguments *arguments, double cost);
/* A cell is there: its cost, and its accuracy (NaN: none). */
void sweep_progress_cell(struct sweep_progress *progress, double cost, double accuracy);
/* Shows `done` of `total` when it is time to. */
void sweep_progress_show(struct sweep_progress *progress, size_t done, size_t total);
void sweep_progress_end(struct sweep_progress *progress);

/* Seconds on a clock that only goes forward. */
double sweep_clock(void);
/* "45 s", "3.2 min", "5.1 h", "2.3 days". */
void sweep_duration(double seconds, char text[32]);

#endif
