/* mpi.c - the MPI job a process belongs to: starting, agreeing, broadcasting.
 * 1. was it launched   2. without MPI   3. waiting   4. start and stop   5. all ranks together
 *
 * Communicators keep MPI's error handler, which ends the job when MPI itself fails: calls that
 * return have succeeded. MPI libraries wait by spinning, which would take the cores from the
 * ranks that work where there are more ranks than cores; so every wait here tests and sleeps.
 */
#include "config.h"
#include "rebias/farm.h"
#include <limits.h>
#include <stdlib.h>

/* -- 1. was it launched -- */

/* Open MPI; MPICH, Intel MPI and srun --mpi=pmi2; srun --mpi=pmix; MVAPICH. */
bool rebias_mpi_launched(char *(*look)(const char *name))
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (look(names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

#ifndef HAVE_MPI

/* -- 2. without MPI -- */

int rebias_mpi_start(bool launched, int *rank, int *ranks, struct rebias_error *err)
{
    if (launched) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "started by an MPI launcher, but built without MPI "
                           "(./configure --with-mpi)");
    }
    *rank = 0;
    *ranks = 1;
    return REBIAS_OK;
}

void rebias_mpi_stop(void)
{
}

const char *rebias_mpi_version(void)
{
    return NULL;
}

int rebias_mpi_agree(int status, struct rebias_error *err)
{
    (void)err;
    return status;
}

int rebias_mpi_broadcast(struct rebias_buffer *bytes, struct rebias_error *err)
{
    (void)bytes;
    (void)err;
    return REBIAS_OK;
}

#else
#include "mpi_internal.h"
#include <sched.h>
#include <time.h>

/* -- 3. waiting -- */

void rebias_mpi_nap(double *nap, double longest)
{
    const double first = 20e-6;
    if (*nap < first) {
        sched_yield();
        *nap = first;
        return;
    }
    nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * *nap)}, NULL);
    *nap = 2.0 * *nap < longest ? 2.0 * *nap : longest;
}

void rebias_mpi_wait(MPI_Request *request)
{
    double nap = 0.0;
    int done = 0;
    for (;;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done) {
            return;
        }
        rebias_mpi_nap(&nap, REBIAS_NAP_OTHER_RANKS);
    }
}

/* -- 4. start and stop -- */

bool rebias_mpi_running(void)
{
    int started = 0;
    int ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    return started && !ended;
}

int rebias_mpi_start(bool launched, int *rank, int *ranks, struct rebias_error *err)
{
    *rank = 0;
    *ranks = 1;
    if (!launched) {
        return REBIAS_OK;
    }
    int given = MPI_THREAD_SINGLE;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, ranks);
    if (given < MPI_THREAD_FUNNELED) {
        return rebias_fail(err, REBIAS_E_UNSUPPORTED,
                           "this MPI library allows no threads (MPI_THREAD_FUNNELED)");
    }
    return REBIAS_OK;
}

void rebias_mpi_stop(void)
{
    if (rebias_mpi_running()) {
        MPI_Request all = MPI_REQUEST_NULL;
        MPI_Ibarrier(MPI_COMM_WORLD, &all); /* MPI_Finalize would spin until the last rank */
        rebias_mpi_wait(&all);
        MPI_Finalize();
    }
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define MPI_STANDARD "MPI " TEXT(MPI_VERSION) "." TEXT(MPI_SUBVERSION)

const char *rebias_mpi_version(void)
{
#if defined OMPI_MAJOR_VERSION
    return "Open MPI " TEXT(OMPI_MAJOR_VERSION) "." TEXT(OMPI_MINOR_VERSION) "." TEXT(
        OMPI_RELEASE_VERSION) " (" MPI_STANDARD ")";
#elif defined MPICH_VERSION
    return "MPICH " MPICH_VERSION " (" MPI_STANDARD ")";
#else
    return MPI_STANDARD;
#endif
}

/* -- 5. all ranks together -- */

int rebias_mpi_agree(int status, struct rebias_error *err)
{
    if (!rebias_mpi_running()) {
        return status;
    }
    int rank = 0;
    int ranks = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const int mine = status != REBIAS_OK ? rank : ranks;
    int lowest = ranks;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Iallreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
    rebias_mpi_wait(&request);
    if (lowest == ranks) {
        return REBIAS_OK;
    }
    struct rebias_error error = {0};
    if (err != NULL && status != REBIAS_OK) {
        error = *err;
    }
    error.status = status; /* travels in the record, which the caller may not have wanted */
    MPI_Ibcast(&error, sizeof error, MPI_BYTE, lowest, MPI_COMM_WORLD, &request);
    rebias_mpi_wait(&request);
    if (err != NULL) {
        *err = error;
    }
    return error.status;
}

int rebias_mpi_broadcast(struct rebias_buffer *bytes, struct rebias_error *err)
{
    if (!rebias_mpi_running()) {
        return REBIAS_OK;
    }
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    uint64_t size = bytes->count;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibcast(&size, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request);
    rebias_mpi_wait(&request);
    char *copy = NULL;
    int status = rank == 0 ? REBIAS_OK : rebias_alloc(&copy, size, 1, err);
    status = rebias_mpi_agree(status, err);
    if (status != REBIAS_OK) {
        free(copy);
        return status;
    }
    char *data = rank == 0 ? bytes->data : copy;
    for (uint64_t sent = 0; sent < size;) {
        const uint64_t part = size - sent < INT_MAX ? size - sent : INT_MAX;
        MPI_Ibcast(data + sent, (int)part, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
        rebias_mpi_wait(&request);
        sent += part;
    }
    if (rank != 0) {
        free(bytes->data);
        *bytes = (struct rebias_buffer){.data = copy, .count = size, .capacity = size};
    }
    return REBIAS_OK;
}
#endif
