/* farm_mpi.c - independent items on the ranks of an MPI job.
 * 1. without MPI   2. results as messages   3. a rank that works   4. rank 0   5. the whole
 * farm
 *
 * All ranks know the order of the items, so rank 0 hands out ranges of it: 16 bytes, however
 * many items. What rank 0 spends is a matter of messages, not of items: a range is meant to
 * last `pace` seconds, and results of items shorter than that travel together, so that a rank
 * sends at most one message in that time. pace = 100 us a rank: with messages that cost rank 0
 * less than that, it has time to spare for any number of ranks and items of any length.
 *
 * Short items are handed out before the rank has run dry (it would wait for the round trip);
 * long ones are not (the last ones would queue behind each other while other ranks are idle).
 */
#include "config.h"
#include "farm_internal.h"

#ifndef HAVE_MPI

/* -- 1. without MPI -- */

int rebias_farm_mpi(const struct rebias_farm *farm, struct rebias_error *err)
{
    return rebias_farm_threads(farm, 1, err);
}

#else
#include "mpi_internal.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_RANGE = 1, TAG_END = 2, TAG_RESULTS = 3 };
enum { BLOCK = 64 }; /* bytes; messages are counted in blocks, for counts are int */

static const double shortest_pace = 0.05;   /* s */
static const double pace_per_rank = 100e-6; /* s */
static const double keep_ready_below = 1.0; /* s; longer items are handed out one by one */
static const double ask_every = 0.1;        /* s, progress on rank 0 */
static const double listen_every = 0.05;    /* s, a working rank for the wish to stop */

/* What all ranks of one farm share. */
struct job {
    const struct rebias_farm *farm;
    uint64_t *order; /* that of rank 0 */
    MPI_Comm comm;
    MPI_Datatype block;
    int rank, ranks;
    double pace;
};

/* Places in the order that a rank is to work off. */
struct range {
    uint64_t first, count;
};

/* Nothing more will come; ranges = messages sent to this rank, of which some may be unread. */
struct end {
    uint64_t ranges;
    uint64_t stop; /* items under way should stop */
};

/* -- 2. results as messages -- */

/* Before each result; then its bytes (or the error record of a failed item) and zeros up to
 * whole blocks. 32 bytes, so that the bytes are aligned for any type. */
struct header {
    uint64_t item;
    int64_t status;
    double seconds;
    uint64_t size;
};

static uint64_t padding(uint64_t size)
{
    return (BLOCK - (sizeof(struct header) + size) % BLOCK) % BLOCK;
}

static int pack(struct rebias_buffer *message, const struct rebias_farm_result *result,
                struct rebias_error *err)
{
    static const char zeros[BLOCK] = {0};
    const bool good = result->status == REBIAS_OK;
    const struct header header = {.item = result->item,
                                  .status = result->status,
                                  .seconds = result->seconds,
                                  .size = good ? result->bytes.count : sizeof result->error};
    const void *content = good ? result->bytes.data : &result->error;
    const size_t before = message->count;
    int status = rebias_buffer_append_many(message, 1, &header, sizeof header, err);
    if (status == REBIAS_OK) {
        status = rebias_buffer_append_many(message, 1, content, header.size, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_buffer_append_many(message, 1, zeros, padding(header.size), err);
    }
    if (status != REBIAS_OK) {
        message->count = before;
    }
    return status;
}

/* Takes the result at *place, which moves behind it; its bytes are borrowed. */
static void unpack(const struct rebias_buffer *message, size_t *place,
                   struct rebias_farm_result *result)
{
    struct header header;
    char *data = message->data;
    memcpy(&header, data + *place, sizeof header);
    *place += sizeof header;
    *result = (struct rebias_farm_result){
        .item = (size_t)header.item, .status = (int)header.status, .seconds = header.seconds};
    if (result->status == REBIAS_OK) {
        result->bytes.data = data + *place;
        result->bytes.count = (size_t)header.size;
    } else {
        memcpy(&result->error, data + *place, sizeof result->error);
    }
    *place += (size_t)(header.size + padding(header.size));
}

/* -- 3. a rank that works -- */

struct worker {
    const struct job *job;
    struct range range; /* what is left of it */
    uint64_t ranges;    /* messages read */
    bool ended;
    struct end end;
    atomic_bool stopped;
    double listened;              /* when */
    struct rebias_buffer results; /* packed, not yet sent */
    double sent;                  /* when */
};

static bool message_waits(const struct job *job, int tag)
{
    int some = 0;
    MPI_Iprobe(0, tag, job->comm, &some, MPI_STATUS_IGNORE);
    return some;
}

static void hear_end(struct worker *worker)
{
    const struct job *job = worker->job;
    worker->listened = rebias_farm_now();
    if (!worker->ended && message_waits(job, TAG_END)) {
        MPI_Recv(&worker->end, sizeof worker->end, MPI_BYTE, 0, TAG_END, job->comm,
                 MPI_STATUS_IGNORE);
        worker->ended = true;
        if (worker->end.stop) {
            atomic_store(&worker->stopped, true);
        }
    }
}

static void read_range(struct worker *worker)
{
    MPI_Recv(&worker->range, sizeof worker->range, MPI_BYTE, 0, TAG_RANGE, worker->job->comm,
             MPI_STATUS_IGNORE);
    worker->ranges++;
}

/* Asked by an item; only the main thread may call MPI, so an item's other threads hear of a
 * stop when that one has. */
static bool ask_worker(void *context)
{
    struct worker *worker = context;
    if (atomic_load_explicit(&worker->stopped, memory_order_relaxed)) {
        return true;
    }
    int is_main = 0;
    MPI_Is_thread_main(&is_main);
    if (is_main && rebias_farm_now() - worker->listened > listen_every) {
        hear_end(worker);
    }
    return atomic_load(&worker->stopped);
}

/* An empty message tells that this rank has nothing more to say. Waits until the message is on
 * its way: in the next item nobody would move it. */
static void send_results(struct worker *worker)
{
    const struct job *job = worker->job;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(worker->results.data, (int)(worker->results.count / BLOCK), job->block, 0,
              TAG_RESULTS, job->comm, &request);
    rebias_mpi_wait(&request);
    worker->results.count = 0;
    worker->sent = rebias_farm_now();
}

/* A result that finds no memory becomes that failure, for which there is always room. */
static void put_result(struct worker *worker, struct rebias_farm_result *result)
{
    struct rebias_error error = {0};
    int status = pack(&worker->results, result, &error);
    if (status != REBIAS_OK) {
        send_results(worker);
        result->status = status;
        result->error = error;
        pack(&worker->results, result, &error);
    }
}

static void work_one(struct worker *worker)
{
    const struct job *job = worker->job;
    struct rebias_farm_stop stop = {.ask = ask_worker, .context = worker};
    struct rebias_farm_result result;
    rebias_farm_work(job->farm, (size_t)job->order[worker->range.first], &stop, &result);
    worker->range.first++;
    worker->range.count--;
    put_result(worker, &result);
    free(result.bytes.data);
    if (result.status == REBIAS_E_INTERRUPTED) {
        atomic_store(&worker->stopped, true);
    }
    const bool late = rebias_farm_now() - worker->sent >= job->pace;
    if (late || result.status != REBIAS_OK) {
        send_results(worker);
    }
    hear_end(worker);
}

/* Sends what there is and waits for a range or the end. */
static void await_range(struct worker *worker)
{
    double nap = 0.0;
    if (worker->results.count > 0) {
        send_results(worker);
    }
    for (;;) {
        if (message_waits(worker->job, TAG_RANGE)) {
            read_range(worker);
            return;
        }
        hear_end(worker);
        if (worker->ended) {
            return;
        }
        rebias_mpi_nap(&nap, REBIAS_NAP_OTHER_RANKS);
    }
}

static void work_ranges(struct worker *worker)
{
    worker->sent = rebias_farm_now();
    while (!worker->ended) {
        if (worker->range.count > 0 && !atomic_load(&worker->stopped)) {
            work_one(worker);
        } else {
            await_range(worker);
        }
    }
    while (worker->ranges < worker->end.ranges) { /* not begun before the wish to stop */
        read_range(worker);
    }
    if (worker->results.count > 0) {
        send_results(worker);
    }
    send_results(worker);
}

/* -- 4. rank 0 -- */

/* What rank 0 knows of another rank. The messages must stay until sent. */
struct mate {
    uint64_t held; /* items handed out and not reported */
    struct range range;
    struct end end;
    MPI_Request range_sent, end_sent;
    bool ended;
};

struct head {
    const struct job *job;
    struct mate *mates; /* [ranks]; that of rank 0 is not used */
    uint64_t next;      /* place in the order */
    double typical;     /* s an item, of late; 0 before any is known */
    int left;           /* ranks that have said their last word */
    struct rebias_buffer message;
    struct rebias_farm_account account;
};

static void end_mate(struct head *head, int rank, bool stop)
{
    struct mate *mate = &head->mates[rank];
    if (!mate->ended) {
        mate->end.stop = stop;
        MPI_Isend(&mate->end, sizeof mate->end, MPI_BYTE, rank, TAG_END, head->job->comm,
                  &mate->end_sent);
        mate->ended = true;
    }
}

/* Items that last about `pace`, but never more than half of a fair share of the rest, so that
 * the ranks end together. */
static uint64_t batch_size(const struct head *head)
{
    const struct job *job = head->job;
    const uint64_t rest = job->farm->count - head->next;
    const uint64_t share = rest / (2 * (uint64_t)(job->ranks - 1));
    if (!(head->typical > 0.0) || head->typical >= job->pace || share < 2) {
        return 1;
    }
    const double wanted = job->pace / head->typical;
    return wanted < (double)share ? (uint64_t)wanted : share;
}

/* Gives the rank its next range, if it should have one by now, or lets it go. */
static void serve(struct head *head, int rank)
{
    struct mate *mate = &head->mates[rank];
    const struct job *job = head->job;
    const bool over =
        head->next == job->farm->count || head->account.failed || head->account.interrupted;
    if (over) {
        if (mate->held == 0) {
            end_mate(head, rank, head->account.interrupted);
        }
        return;
    }
    const uint64_t batch = batch_size(head);
    const bool ready = head->typical > 0.0 && head->typical < keep_ready_below;
    if (mate->held > (ready ? batch : 0)) {
        return;
    }
    int sent = 0;
    MPI_Test(&mate->range_sent, &sent, MPI_STATUS_IGNORE);
    if (!sent && mate->held > 0) {
        return; /* it has not read the last one */
    }
    rebias_mpi_wait(&mate->range_sent);
    mate->range = (struct range){.first = head->next, .count = batch};
    MPI_Isend(&mate->range, sizeof mate->range, MPI_BYTE, rank, TAG_RANGE, job->comm,
              &mate->range_sent);
    mate->end.ranges++;
    mate->held += batch;
    head->next += batch;
}

/* Takes the results in head->message. */
static void take_results(struct head *head, struct mate *mate)
{
    for (size_t place = 0; place < head->message.count;) {
        struct rebias_farm_result result;
        unpack(&head->message, &place, &result);
        rebias_farm_take(&head->account, &result);
        const double weight = head->typical > 0.0 ? 0.1 : 1.0;
        head->typical += weight * (result.seconds - head->typical);
        mate->held--;
    }
}

/* Receives one message and answers it; false when none waits. Without memory for it the job
 * cannot go on: what was delivered is safe. */
static bool receive(struct head *head)
{
    const struct job *job = head->job;
    int some = 0;
    int blocks = 0;
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status from;
    MPI_Improbe(MPI_ANY_SOURCE, TAG_RESULTS, job->comm, &some, &message, &from);
    if (!some) {
        return false;
    }
    MPI_Get_count(&from, job->block, &blocks);
    const size_t size = (size_t)blocks * BLOCK;
    if (size > head->message.capacity) {
        free(head->message.data);
        head->message = (struct rebias_buffer){.capacity = size};
        if (rebias_alloc(&head->message.data, size, 1, NULL) != REBIAS_OK) {
            MPI_Abort(job->comm, EXIT_FAILURE);
        }
    }
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Imrecv(head->message.data, blocks, job->block, &message, &request);
    rebias_mpi_wait(&request);
    head->message.count = size;
    if (blocks == 0) {
        head->left++;
        return true;
    }
    take_results(head, &head->mates[from.MPI_SOURCE]);
    serve(head, from.MPI_SOURCE);
    return true;
}

/* Serves until every rank has said its last word. */
static void serve_all(struct head *head)
{
    const int ranks = head->job->ranks;
    bool told = false;
    double nap = 0.0;
    double asked = 0.0;
    for (int rank = 1; rank < ranks; rank++) {
        serve(head, rank);
    }
    while (head->left < ranks - 1) {
        if (receive(head)) {
            nap = 0.0;
        } else {
            rebias_mpi_nap(&nap, REBIAS_NAP_FIRST_RANK);
        }
        if (rebias_farm_now() - asked > ask_every) {
            rebias_farm_ask(&head->account);
            asked = rebias_farm_now();
        }
        for (int rank = 1; head->account.interrupted && !told && rank < ranks; rank++) {
            end_mate(head, rank, true);
        }
        told = head->account.interrupted;
    }
    for (int rank = 1; rank < ranks; rank++) {
        rebias_mpi_wait(&head->mates[rank].range_sent);
        rebias_mpi_wait(&head->mates[rank].end_sent);
    }
}

/* -- 5. the whole farm -- */

static int lead(const struct job *job, struct mate *mates, struct rebias_error *err)
{
    struct head head = {.job = job, .mates = mates, .account = {.farm = job->farm}};
    for (int rank = 0; rank < job->ranks; rank++) {
        mates[rank].range_sent = MPI_REQUEST_NULL;
        mates[rank].end_sent = MPI_REQUEST_NULL;
    }
    serve_all(&head);
    free(head.message.data);
    return rebias_farm_close(&head.account, err);
}

/* Room for the error of an item, whatever happens later. */
static int reserve(struct worker *worker, struct rebias_error *err)
{
    const struct rebias_farm_result failure = {.status = REBIAS_E_MEMORY};
    int status = pack(&worker->results, &failure, err);
    worker->results.count = 0;
    return status;
}

/* REBIAS_E_DATA unless all ranks have as many items as an int can count. */
static int compare_counts(const struct job *job, struct rebias_error *err)
{
    const uint64_t count = job->farm->count;
    const uint64_t mine[2] = {count, ~count};
    uint64_t least[2] = {0};
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Iallreduce(mine, least, 2, MPI_UINT64_T, MPI_MIN, job->comm, &request);
    rebias_mpi_wait(&request);
    if (least[0] != ~least[1]) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "the ranks disagree on the number of items: from %zu to %zu",
                           (size_t)least[0], (size_t)~least[1]);
    }
    if (count > INT_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu items; MPI ranks can share %d",
                           (size_t)count, INT_MAX);
    }
    return REBIAS_OK;
}

/* job->order on every rank: that of rank 0; collective. */
static int share_order(struct job *job, struct rebias_error *err)
{
    size_t *order = NULL;
    const size_t count = job->farm->count;
    int status = compare_counts(job, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = rebias_alloc(&job->order, count, sizeof *job->order, err);
    if (status == REBIAS_OK && job->rank == 0) {
        status = rebias_farm_order(&order, job->farm, err);
    }
    status = rebias_mpi_agree(status, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    for (size_t i = 0; job->rank == 0 && i < count; i++) {
        job->order[i] = order[i];
    }
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibcast(job->order, (int)count, MPI_UINT64_T, 0, job->comm, &request);
    rebias_mpi_wait(&request);
done:
    free(order);
    return status;
}

static int run_job(struct job *job, struct rebias_error *err)
{
    struct worker worker = {.job = job};
    struct mate *mates = NULL;
    atomic_init(&worker.stopped, false);
    int status = share_order(job, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = job->rank == 0 ? rebias_alloc(&mates, (size_t)job->ranks, sizeof *mates, err)
                            : reserve(&worker, err);
    status = rebias_mpi_agree(status, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    if (job->rank == 0) {
        status = lead(job, mates, err);
    } else {
        work_ranges(&worker);
    }
    status = rebias_mpi_agree(status, err);
done:
    free(mates);
    free(worker.results.data);
    free(job->order);
    return status;
}

int rebias_farm_mpi(const struct rebias_farm *farm, struct rebias_error *err)
{
    struct job job = {.farm = farm, .rank = 0, .ranks = 1};
    if (rebias_mpi_running()) {
        MPI_Comm_size(MPI_COMM_WORLD, &job.ranks);
        MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
    }
    if (job.ranks == 1) {
        return rebias_farm_threads(farm, 1, err);
    }
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Comm_idup(MPI_COMM_WORLD, &job.comm, &request);
    rebias_mpi_wait(&request);
    MPI_Type_contiguous(BLOCK, MPI_BYTE, &job.block);
    MPI_Type_commit(&job.block);
    const double pace = pace_per_rank * job.ranks;
    job.pace = pace > shortest_pace ? pace : shortest_pace;
    int status = run_job(&job, err);
    MPI_Type_free(&job.block);
    MPI_Comm_free(&job.comm);
    return status;
}
#endif
