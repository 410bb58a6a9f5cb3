/* farm.h - many independent items of unequal cost on threads or on MPI ranks, results handed to
 * one place as they come.
 *
 * Items are handed out dynamically, most expensive first (equal costs in the order of their
 * numbers). Results must depend on the item alone, so they are the same for any engine and
 * number of workers. A finished item is delivered at once: a run that dies loses at most the
 * items under way (on MPI also those of the last max(0.05 s, 100 us * ranks) of a worker, since
 * results of short items travel together).
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

/* What an item under way asks whether it should stop. */
struct rebias_farm_stop;

/* A rebias_progress for the studies that an item runs: context = the item's struct
 * rebias_farm_stop; nonzero as soon as the farm was asked to stop. Costs below 0.1 us on
 * average, from any thread of the item. */
int rebias_farm_stopping(void *stop, size_t done, size_t total);

struct rebias_farm {
    size_t count;
    const double *cost; /* [count] finite, >= 0, in any unit, for the order; NULL: all alike */
    /* Works item out and appends its result as bytes (struct rebias_buffer of elements of size
     * 1, empty when called, freed by the farm) to `bytes`. Called from several threads or
     * processes at once. An item that stopped because `stop` said so returns
     * REBIAS_E_INTERRUPTED; returning it unasked (a signal heard by itself) stops the farm. */
    int (*work)(void *context, size_t item, struct rebias_farm_stop *stop,
                struct rebias_buffer *bytes, struct rebias_error *err);
    /* Takes a finished item that took `seconds`, borrowing bytes[size]; always called on the
     * thread that called the farm, and on MPI on rank 0 only. A failure counts as the item's.
     */
    int (*deliver)(void *context, size_t item, const void *bytes, size_t size, double seconds,
                   struct rebias_error *err);
    void *context;
    rebias_progress *progress; /* items delivered of count, after each delivery and at least
                                  every 0.2 s while items are under way, so that a wish to stop
                                  is heard; on the calling thread (rank 0); NULL = none */
    void *progress_context;
};

/* Runs all items on `threads` threads of this process (below 1 counts as 1), besides the
 * calling thread, which delivers and otherwise sleeps. An item that fails stops the handing
 * out; items under way are finished and delivered; the error is that of the lowest failing item
 * among those that ran. When progress asks to stop, items under way hear it through
 * rebias_farm_stopping, what they finish is delivered, and the status is REBIAS_E_INTERRUPTED
 * unless an item failed. REBIAS_E_RANGE for a cost that is negative, infinite or NaN. */
int rebias_farm_threads(const struct rebias_farm *farm, int threads, struct rebias_error *err);

/* -- MPI (configure --with-mpi)
 * -------------------------------------------------------------------------------------- */

/* True where the environment says that mpirun or srun started this process as a rank of an MPI
 * job. look = getenv: the library itself does not read the environment. */
bool rebias_mpi_launched(char *(*look)(const char *name));

/* Starts MPI when launched, else *rank = 0 and *ranks = 1 at no cost. Call once, on the main
 * thread, before other threads run. REBIAS_E_UNSUPPORTED when launched but built without MPI:
 * every rank would do all the work. */
int rebias_mpi_start(bool launched, int *rank, int *ranks, struct rebias_error *err);

/* Ends MPI where it was started; waits for all ranks. Call it last, with everything printed and
 * written: launchers end all ranks when the first one exits with failure. */
void rebias_mpi_stop(void);

/* The MPI library that this one was built with, as "Open MPI 4.1.4 (MPI 3.1)", or NULL. Static
 * storage. */
const char *rebias_mpi_version(void);

/* Called by all ranks, each with its own status (and error record when it failed): all return
 * REBIAS_OK, or all the status and record of the lowest failing rank. Call it where one rank
 * may fail and the others would wait for it. Without MPI: status. */
int rebias_mpi_agree(int status, struct rebias_error *err);

/* Called by all ranks: the bytes of rank 0 (elements of size 1) take the place of those of the
 * others. Without MPI nothing happens. */
int rebias_mpi_broadcast(struct rebias_buffer *bytes, struct rebias_error *err);

/* Runs all items on the ranks of this MPI job; every rank calls it, with the same count and
 * with items that mean the same; cost, deliver and progress of rank 0 count. Rank 0 hands out
 * and delivers, asleep otherwise; the others work, one item at a time; with one rank alone it
 * is rebias_farm_threads on one thread. Errors and interruption as there; every rank returns
 * the same status and record. A rank that dies ends the whole job, as MPI does by default:
 * what was delivered is safe, a restart does the rest. */
int rebias_farm_mpi(const struct rebias_farm *farm, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
