/* farm.h - many independent items of unequal cost on threads or on MPI ranks, results handed to
 * one place as they come.
 *
 * Items are handed out dynamically, most expensive first. Results must depend on the item
 * alone, so they are the same for any engine and number of workers. A finished item is
 * delivered at once: a run that dies loses at most the items under way.
 */
#ifndef REBIAS_FARM_H
#define REBIAS_FARM_H

#include "base.h"
#include "error.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_farm {
    size_t count;
    const double *cost; /* [count] estimates in any unit, for the order; NULL: all alike */
    /* Works item out and appends its result as bytes (struct rebias_buffer of elements of size
     * 1, empty when called) to `bytes`. Called from several threads or processes at once. */
    int (*work)(void *context, size_t item, struct rebias_buffer *bytes,
                struct rebias_error *err);
    /* Takes a finished item; never called from two threads at once; on MPI only on rank 0. */
    int (*deliver)(void *context, size_t item, const void *bytes, size_t size, double seconds,
                   struct rebias_error *err);
    void *context;
    rebias_progress *progress; /* items delivered of count; asked while items are under way, so
                                  that a wish to stop is heard; NULL = none */
    void *progress_context;
};

/* Runs all items on `threads` threads of this process. An item that fails stops the farm when
 * those under way are done (they are delivered); the error is that of the lowest failing item.
 * REBIAS_E_INTERRUPTED when progress asks to stop. */
int rebias_farm_threads(const struct rebias_farm *farm, int threads, struct rebias_error *err);

/* -- MPI: built with --with-mpi; else rebias_mpi_start says that there is one rank -- */

/* Starts MPI where the process was launched by mpirun or srun, else does nothing. Call once,
 * before threads. */
int rebias_mpi_start(int *rank, int *ranks, struct rebias_error *err);
void rebias_mpi_stop(void);
/* Version of the MPI library in use, or NULL when built without. Static storage. */
const char *rebias_mpi_version(void);

/* Runs all items on the ranks of this MPI job; every rank calls it with equal farms. Rank 0
 * hands out and delivers, the others work (with one rank alone, it does both). Every rank
 * returns the same status. */
int rebias_farm_mpi(const struct rebias_farm *farm, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
