/* farm_program.c - a farm of simple items, run by tests/farm_mpi.sh under mpirun.
 * 1. options   2. items   3. what is left to do   4. main
 *
 * farm_program key=value ... (any order):
 *   items=N      how many (default 100)
 *   us=N         an item sleeps so many microseconds
 *   bytes=N      a result has up to so many bytes
 *   threads=N    on threads instead of ranks
 *   log=FILE     delivered items are appended, "item checksum"; those there already are skipped
 *   pids=FILE    every rank appends "rank pid"
 *   fail=N, refuse=N     work, delivery of item N fails
 *   signal=N     item N sends SIGTERM to its process and heeds it
 *   stop=N       progress asks to stop once N items are delivered; items that sleep listen
 *   uneven=N     rank N has one item more
 *   measure=1    rank 0 prints what an item cost it
 * Each rank prints "rank status message" with the same status and message.
 */
#include "rebias/farm.h"
#include "rebias/random.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* -- 1. options -- */

enum {
    ITEMS,
    MICROSECONDS,
    BYTES,
    THREADS,
    FAIL,
    REFUSE,
    SIGNAL,
    STOP,
    UNEVEN,
    MEASURE,
    NUMBERS
};
static const char *const number_names[NUMBERS] = {
    "items", "us", "bytes", "threads", "fail", "refuse", "signal", "stop", "uneven", "measure"};

struct program {
    int64_t number[NUMBERS]; /* -1: not given */
    const char *log, *pids;
    int rank, ranks;
    size_t *todo; /* items left to do */
    size_t todo_count;
    size_t delivered;
    int log_file;
};

static volatile sig_atomic_t terminated;

static void note_termination(int number)
{
    (void)number;
    terminated = 1;
}

static int read_option(struct program *program, const char *text, struct rebias_error *err)
{
    if (strncmp(text, "log=", 4) == 0) {
        program->log = text + 4;
        return REBIAS_OK;
    }
    if (strncmp(text, "pids=", 5) == 0) {
        program->pids = text + 5;
        return REBIAS_OK;
    }
    for (int k = 0; k < NUMBERS; k++) {
        const size_t length = strlen(number_names[k]);
        if (strncmp(text, number_names[k], length) == 0 && text[length] == '=' &&
            rebias_parse_integer(text + length + 1, 0, INT32_MAX, &program->number[k])) {
            return REBIAS_OK;
        }
    }
    return rebias_fail(err, REBIAS_E_NAME, "unknown option %s", text);
}

/* -- 2. items -- */

/* Content of item i: (1000003 i mod (bytes + 1)) bytes of its random stream. */
static int content_of(const struct program *program, size_t item, struct rebias_buffer *bytes,
                      struct rebias_error *err)
{
    const struct rebias_stream stream = {
        .seed = 1, .purpose = REBIAS_FOR_TEST, .entity = (uint32_t)item};
    const size_t size =
        program->number[BYTES] > 0 ? 1000003 * item % ((size_t)program->number[BYTES] + 1) : 0;
    uint32_t *words = NULL;
    const size_t word_count = size / sizeof *words + 1;
    int status = rebias_alloc(&words, word_count, sizeof *words, err);
    if (status == REBIAS_OK) {
        rebias_random_words(&stream, 0, word_count, words);
        status = rebias_buffer_append_many(bytes, 1, words, size, err);
    }
    free(words);
    return status;
}

/* Sleeps in short naps; true when told to stop. */
static bool sleep_and_listen(const struct program *program, struct rebias_farm_stop *stop)
{
    const long nap_us = 1000;
    for (int64_t left = program->number[MICROSECONDS]; left > 0; left -= nap_us) {
        const long now = left < nap_us ? (long)left : nap_us;
        nanosleep(&(struct timespec){.tv_nsec = 1000 * now}, NULL);
        if (rebias_farm_stopping(stop, 0, 0) != 0 || terminated) {
            return true;
        }
    }
    return false;
}

static int work(void *context, size_t number, struct rebias_farm_stop *stop,
                struct rebias_buffer *bytes, struct rebias_error *err)
{
    const struct program *program = context;
    const size_t item = program->todo[number];
    if ((int64_t)item == program->number[SIGNAL]) {
        raise(SIGTERM);
    }
    if (sleep_and_listen(program, stop) || terminated) {
        return rebias_fail(err, REBIAS_E_INTERRUPTED, "told to stop");
    }
    if ((int64_t)item == program->number[FAIL]) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "item %zu does not converge", item);
    }
    return content_of(program, item, bytes, err);
}

/* FNV-1a, 64 bits. */
static uint64_t checksum(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static int deliver(void *context, size_t number, const void *bytes, size_t size, double seconds,
                   struct rebias_error *err)
{
    struct program *program = context;
    const size_t item = program->todo[number];
    if ((int64_t)item == program->number[REFUSE] || program->rank != 0 || seconds < 0.0) {
        return rebias_fail(err, REBIAS_E_IO, "no room for item %zu", item);
    }
    char line[64];
    const int length =
        snprintf(line, sizeof line, "%zu %016" PRIx64 "\n", item, checksum(bytes, size));
    if (program->log != NULL && write(program->log_file, line, (size_t)length) != length) {
        return rebias_fail(err, REBIAS_E_IO, "cannot write %s", program->log);
    }
    program->delivered++;
    return REBIAS_OK;
}

static int watch(void *context, size_t done, size_t total)
{
    const struct program *program = context;
    const int64_t stop = program->number[STOP];
    return (stop >= 0 && (int64_t)done >= stop && done < total) || terminated;
}

/* -- 3. what is left to do -- */

/* Items that the log does not have, by rank 0, as numbers to all ranks. */
static int find_todo(struct program *program, struct rebias_error *err)
{
    const size_t count = (size_t)program->number[ITEMS];
    struct rebias_buffer list = {0};
    bool *done = NULL;
    int status = rebias_alloc(&done, count, sizeof *done, err);
    FILE *log = program->rank == 0 && program->log != NULL ? fopen(program->log, "r") : NULL;
    if (log != NULL && status == REBIAS_OK) {
        size_t item = 0;
        while (fscanf(log, "%zu %*s", &item) == 1 && item < count) {
            done[item] = true;
        }
    }
    if (log != NULL) {
        fclose(log);
    }
    for (size_t i = 0; i < count && status == REBIAS_OK && program->rank == 0; i++) {
        if (!done[i]) {
            status = rebias_buffer_append_many(&list, 1, &i, sizeof i, err);
        }
    }
    status = rebias_mpi_agree(status, err);
    if (status == REBIAS_OK) {
        status = rebias_mpi_broadcast(&list, err);
    }
    program->todo = list.data;
    program->todo_count = list.count / sizeof *program->todo;
    free(done);
    return status;
}

static int note_pid(const struct program *program, struct rebias_error *err)
{
    if (program->pids == NULL) {
        return REBIAS_OK;
    }
    FILE *file = fopen(program->pids, "a");
    if (file == NULL) {
        return rebias_fail(err, REBIAS_E_IO, "cannot write %s", program->pids);
    }
    fprintf(file, "%d %ld\n", program->rank, (long)getpid());
    return fclose(file) == 0 ? REBIAS_OK : rebias_fail(err, REBIAS_E_IO, "cannot write pids");
}

/* -- 4. main -- */

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run(struct program *program, struct rebias_error *err)
{
    int status = find_todo(program, err);
    if (status == REBIAS_OK && program->rank == 0 && program->log != NULL) {
        program->log_file = open(program->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        if (program->log_file < 0) {
            status = rebias_fail(err, REBIAS_E_IO, "cannot open the log");
        }
    }
    status = rebias_mpi_agree(status, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const bool more = program->rank == program->number[UNEVEN];
    const struct rebias_farm farm = {.count = program->todo_count + (more ? 1 : 0),
                                     .work = work,
                                     .deliver = deliver,
                                     .context = program,
                                     .progress = watch,
                                     .progress_context = program};
    const double cpu = cpu_seconds();
    const double wall = wall_seconds();
    status = program->number[THREADS] > 0
                 ? rebias_farm_threads(&farm, (int)program->number[THREADS], err)
                 : rebias_farm_mpi(&farm, err);
    if (program->number[MEASURE] > 0 && program->rank == 0) {
        const double scale = 1e6 / (double)program->todo_count;
        printf("items %zu ranks %d wall_us_per_item %.2f first_rank_cpu_us_per_item %.2f\n",
               program->todo_count, program->ranks, (wall_seconds() - wall) * scale,
               (cpu_seconds() - cpu) * scale);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct program program = {.rank = 0, .log_file = -1};
    struct rebias_error err = {0};
    for (int k = 0; k < NUMBERS; k++) {
        program.number[k] = -1;
    }
    program.number[ITEMS] = 100;
    int status =
        rebias_mpi_start(rebias_mpi_launched(getenv), &program.rank, &program.ranks, &err);
    for (int i = 1; i < argc && status == REBIAS_OK; i++) {
        status = read_option(&program, argv[i], &err);
    }
    const struct sigaction action = {.sa_handler = note_termination};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (status == REBIAS_OK) {
        status = note_pid(&program, &err);
    }
    if (status == REBIAS_OK) {
        status = run(&program, &err);
    }
    char line[1024] = "";
    if (status != REBIAS_OK) {
        rebias_error_text(&err, line, sizeof line);
    }
    printf("rank %d: %d %s\n", program.rank, status, line);
    fflush(stdout);
    if (program.log_file >= 0) {
        close(program.log_file);
    }
    free(program.todo);
    rebias_mpi_stop();
    return status == REBIAS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
