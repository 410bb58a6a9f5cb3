/* sweep_run.h - working cells out, on threads or MPI ranks, into a store. */
#ifndef REBIAS_CLI_SWEEP_RUN_H
#define REBIAS_CLI_SWEEP_RUN_H

#include "sweep_plan.h"

struct sweep_run {
    const struct arguments *arguments; /* --threads, --quiet */
    const struct sweep_plan *plan;
    struct rebias_store *store;     /* NULL on MPI ranks but 0 */
    const struct sweep_cell *cells; /* what is to be done */
    size_t count;
    bool force;                 /* also cells that the store has meanwhile */
    int ranks;                  /* 1: threads of this process */
    size_t done, taken, failed; /* found here; by another sweep meanwhile; without result */
};

/* Works all cells out; each is in the store as soon as it is done. REBIAS_E_INTERRUPTED after a
 * signal. */
int sweep_run(struct sweep_run *run, struct rebias_error *err);

/* *seconds = how long the cell takes on one thread: it is worked out, or a part of it for about
 * `most` seconds. 0 when that was not enough to tell. Nothing is stored. */
int sweep_probe(double *seconds, const struct sweep_plan *plan, const struct sweep_cell *cell,
                double most, struct rebias_error *err);

#endif
