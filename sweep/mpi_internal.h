/* mpi_internal.h - waiting for MPI without burning a core; only for files compiled with MPI. */
#ifndef REBIAS_MPI_INTERNAL_H
#define REBIAS_MPI_INTERNAL_H

#include <mpi.h>
#include <stdbool.h>

/* True between rebias_mpi_start that did start MPI and rebias_mpi_stop. */
bool rebias_mpi_running(void);

/* Sleeps *nap seconds and doubles it, up to longest; start with 0, which only yields. */
void rebias_mpi_nap(double *nap, double longest);

/* MPI_Wait that sleeps between tests; *request becomes MPI_REQUEST_NULL. */
void rebias_mpi_wait(MPI_Request *request);

/* The longest naps, s: rank 0 serves all others, which wait for it alone. */
#define REBIAS_NAP_FIRST_RANK 1e-3
#define REBIAS_NAP_OTHER_RANKS 5e-3

#endif
