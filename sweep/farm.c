/* farm.c - independent items on the threads of one process.
 * 1. order   2. work   3. account of what was delivered   4. threads
 *
 * The calling thread delivers, so that a store has one thread to serve, and wakes often enough
 * to hear a wish to stop. A worker puts its result into a ring and goes on; it waits only where
 * delivering cannot keep up.
 */
#include "farm_internal.h"
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- 1. order -- */

struct priced {
    double cost;
    size_t item;
};

static int compare_priced(const void *a, const void *b)
{
    const struct priced *x = a;
    const struct priced *y = b;
    if (x->cost != y->cost) {
        return x->cost > y->cost ? -1 : 1;
    }
    return x->item < y->item ? -1 : x->item > y->item;
}

int rebias_farm_order(size_t **order, const struct rebias_farm *farm, struct rebias_error *err)
{
    struct priced *priced = NULL;
    size_t *numbers = NULL;
    *order = NULL;
    int status = rebias_alloc(&priced, farm->count, sizeof *priced, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&numbers, farm->count, sizeof *numbers, err);
    }
    for (size_t i = 0; i < farm->count && status == REBIAS_OK; i++) {
        priced[i].cost = farm->cost != NULL ? farm->cost[i] : 0.0;
        priced[i].item = i;
        if (!isfinite(priced[i].cost) || priced[i].cost < 0.0) {
            status = rebias_fail(err, REBIAS_E_RANGE,
                                 "the cost of item %zu is %g; it must be finite and >= 0", i,
                                 priced[i].cost);
        }
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    qsort(priced, farm->count, sizeof *priced, compare_priced);
    for (size_t i = 0; i < farm->count; i++) {
        numbers[i] = priced[i].item;
    }
    *order = numbers;
    numbers = NULL;
done:
    free(priced);
    free(numbers);
    return status;
}

/* -- 2. work -- */

double rebias_farm_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int rebias_farm_stopping(void *stop, size_t done, size_t total)
{
    (void)done;
    (void)total;
    const struct rebias_farm_stop *way = stop;
    return way->ask(way->context);
}

void rebias_farm_work(const struct rebias_farm *farm, size_t item,
                      struct rebias_farm_stop *stop, struct rebias_farm_result *result)
{
    *result = (struct rebias_farm_result){.item = item};
    const double start = rebias_farm_now();
    result->status = farm->work(farm->context, item, stop, &result->bytes, &result->error);
    result->seconds = rebias_farm_now() - start;
}

/* -- 3. account of what was delivered -- */

void rebias_farm_ask(struct rebias_farm_account *account)
{
    const struct rebias_farm *farm = account->farm;
    if (farm->progress != NULL && !account->interrupted &&
        farm->progress(farm->progress_context, account->delivered, farm->count) != 0) {
        account->interrupted = true;
    }
}

/* Of several failures the one of the lowest item is kept, whichever came first. */
static void note_failure(struct rebias_farm_account *account, size_t item, int status,
                         const struct rebias_error *error)
{
    if (!account->failed || item < account->failed_item) {
        account->failed_item = item;
        account->status = status;
        account->error = *error;
    }
    account->failed = true;
}

void rebias_farm_take(struct rebias_farm_account *account,
                      const struct rebias_farm_result *result)
{
    const struct rebias_farm *farm = account->farm;
    if (result->status == REBIAS_E_INTERRUPTED) {
        account->interrupted = true;
        return;
    }
    int status = result->status;
    struct rebias_error error = result->error;
    if (status == REBIAS_OK) {
        status = farm->deliver(farm->context, result->item, result->bytes.data,
                               result->bytes.count, result->seconds, &error);
    }
    if (status != REBIAS_OK) {
        note_failure(account, result->item, status, &error);
        return;
    }
    account->delivered++;
    rebias_farm_ask(account);
}

int rebias_farm_close(const struct rebias_farm_account *account, struct rebias_error *err)
{
    if (account->failed) {
        if (err != NULL) {
            *err = account->error;
        }
        return account->status;
    }
    if (account->interrupted) {
        return rebias_fail(err, REBIAS_E_INTERRUPTED, "interrupted after %zu of %zu items",
                           account->delivered, account->farm->count);
    }
    return REBIAS_OK;
}

/* -- 4. threads -- */

/* Results waiting for delivery; at most so many per thread. */
enum { RING_PER_THREAD = 8 };

struct team {
    const struct rebias_farm *farm;
    const size_t *order;
    atomic_bool stop; /* items under way should stop */
    pthread_mutex_t lock;
    pthread_cond_t finished; /* a result is in the ring, or a worker has left */
    pthread_cond_t room;     /* the ring is not full any more */
    size_t next;             /* place in the order; this and the rest are guarded by lock */
    bool halt;               /* nothing more is handed out */
    int active;              /* workers that have not left */
    struct rebias_farm_result *ring;
    size_t capacity, first, waiting;
};

static bool ask_team(void *context)
{
    struct team *team = context;
    return atomic_load_explicit(&team->stop, memory_order_relaxed);
}

static void put_result(struct team *team, const struct rebias_farm_result *result)
{
    while (team->waiting == team->capacity) {
        pthread_cond_wait(&team->room, &team->lock);
    }
    team->ring[(team->first + team->waiting) % team->capacity] = *result;
    team->waiting++;
    pthread_cond_signal(&team->finished);
}

static void *run_items(void *context)
{
    struct team *team = context;
    struct rebias_farm_stop stop = {.ask = ask_team, .context = team};
    pthread_mutex_lock(&team->lock);
    while (!team->halt && team->next < team->farm->count) {
        const size_t item = team->order[team->next++];
        pthread_mutex_unlock(&team->lock);
        struct rebias_farm_result result;
        rebias_farm_work(team->farm, item, &stop, &result);
        pthread_mutex_lock(&team->lock);
        team->halt = team->halt || result.status != REBIAS_OK;
        put_result(team, &result);
    }
    team->active--;
    pthread_cond_signal(&team->finished);
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

/* Waits for a result, at most 0.1 s; the lock is held. */
static void await_result(struct team *team)
{
    enum { TICK_NS = 100 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NS;
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_nsec -= SECOND_NS;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&team->finished, &team->lock, &until);
}

/* Delivers until every worker has left and the ring is empty. */
static void deliver_results(struct team *team, struct rebias_farm_account *account)
{
    pthread_mutex_lock(&team->lock);
    while (team->active > 0 || team->waiting > 0) {
        if (team->waiting == 0) {
            await_result(team);
        }
        struct rebias_farm_result result;
        const bool some = team->waiting > 0;
        if (some) {
            result = team->ring[team->first];
            team->first = (team->first + 1) % team->capacity;
            team->waiting--;
            pthread_cond_signal(&team->room);
        }
        pthread_mutex_unlock(&team->lock);
        if (some) {
            rebias_farm_take(account, &result);
            free(result.bytes.data);
        } else {
            rebias_farm_ask(account);
        }
        if (account->interrupted) {
            atomic_store(&team->stop, true);
        }
        pthread_mutex_lock(&team->lock);
        team->halt = team->halt || account->interrupted || account->failed;
    }
    pthread_mutex_unlock(&team->lock);
}

/* Starts up to `threads` workers and returns how many. They are deaf to signals that end a
 * program, so that handlers run on the calling thread. */
static int start_workers(struct team *team, pthread_t *workers, int threads)
{
    sigset_t endings;
    sigset_t before;
    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &endings, &before);
    int started = 0;
    pthread_mutex_lock(&team->lock);
    while (started < threads && pthread_create(&workers[started], NULL, run_items, team) == 0) {
        started++;
    }
    team->active = started;
    pthread_mutex_unlock(&team->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static int run_team(struct team *team, int threads, struct rebias_farm_account *account,
                    struct rebias_error *err)
{
    pthread_t *workers = NULL;
    int status = rebias_alloc(&workers, (size_t)threads, sizeof *workers, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const int started = start_workers(team, workers, threads);
    if (started == 0) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "the system starts no further thread");
    }
    deliver_results(team, account);
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i], NULL);
    }
    free(workers);
    return status != REBIAS_OK ? status : rebias_farm_close(account, err);
}

int rebias_farm_threads(const struct rebias_farm *farm, int threads, struct rebias_error *err)
{
    if (threads < 1) {
        threads = 1;
    }
    if ((size_t)threads > farm->count) {
        threads = farm->count > 0 ? (int)farm->count : 1;
    }
    struct rebias_farm_account account = {.farm = farm};
    struct team team = {.farm = farm, .capacity = (size_t)threads * RING_PER_THREAD};
    pthread_condattr_t monotonic;
    size_t *order = NULL;
    int status = rebias_farm_order(&order, farm, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&team.ring, team.capacity, sizeof *team.ring, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    team.order = order;
    atomic_init(&team.stop, false);
    pthread_mutex_init(&team.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&team.finished, &monotonic);
    pthread_cond_init(&team.room, NULL);
    pthread_condattr_destroy(&monotonic);
    status = run_team(&team, threads, &account, err);
    pthread_cond_destroy(&team.room);
    pthread_cond_destroy(&team.finished);
    pthread_mutex_destroy(&team.lock);
done:
    free(team.ring);
    free(order);
    return status;
}
