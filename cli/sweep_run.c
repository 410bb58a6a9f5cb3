/* sweep_run.c - working cells out.
 * 1. open configurations   2. one cell   3. delivering   4. all cells   5. probe
 */
#include "sweep_run.h"
#include "output.h"
#include "rebias/farm.h"
#include "sweep_progress.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. open configurations -- */

/* A configuration that cells under way share; a few are kept open for the next cells. */
struct slot {
    struct sweep_setup setup;
    size_t number;
    size_t users;
    uint64_t used;    /* turn of the last use */
    char hash[2][17]; /* of its text now, and of its target's */
};

struct shelf {
    const struct sweep_plan *plan;
    pthread_mutex_t lock;
    struct slot **slot;
    size_t count, capacity;
    uint64_t turn;
};

static int shelf_open(struct shelf *shelf, const struct sweep_plan *plan, size_t workers,
                      struct rebias_error *err)
{
    *shelf = (struct shelf){.plan = plan, .capacity = workers + 1};
    pthread_mutex_init(&shelf->lock, NULL);
    return rebias_alloc(&shelf->slot, shelf->capacity, sizeof(*shelf->slot), err);
}

static void drop_slot(struct slot *slot)
{
    if (slot != NULL) {
        sweep_setup_clear(&slot->setup);
        free(slot);
    }
}

static void shelf_clear(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        drop_slot(shelf->slot[i]);
    }
    free(shelf->slot);
    pthread_mutex_destroy(&shelf->lock);
}

/* Place for one more: a free one, or that of the configuration which nobody has used for the
 * longest time. There is one, for each worker uses one at most. */
static size_t make_place(struct shelf *shelf)
{
    size_t oldest = shelf->count;
    if (shelf->count < shelf->capacity) {
        return shelf->count++;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        const struct slot *slot = shelf->slot[i];
        if (slot->users == 0 &&
            (oldest == shelf->count || slot->used < shelf->slot[oldest]->used)) {
            oldest = i;
        }
    }
    drop_slot(shelf->slot[oldest]);
    shelf->slot[oldest] = NULL;
    return oldest;
}

static int hash_slot(struct slot *slot, bool target, struct rebias_error *err)
{
    char *text = NULL;
    char *inputs = NULL;
    int status = sweep_text(&text, &inputs, &slot->setup, target, err);
    if (status == REBIAS_OK) {
        const struct rebias_store_cell key = {
            .job = slot->setup.job->command->name, .configuration = text, .replicate = 0};
        rebias_store_hash(&key, slot->hash[target]);
    }
    free(text);
    free(inputs);
    return status;
}

static int open_slot(struct shelf *shelf, size_t number, struct slot **out,
                     struct rebias_error *err)
{
    struct slot *slot = NULL;
    int status = rebias_alloc(&slot, 1, sizeof *slot, err);
    if (status == REBIAS_OK) {
        slot->number = number;
        status = sweep_setup_open(&slot->setup, shelf->plan, number, err);
    }
    if (status == REBIAS_OK) {
        status = hash_slot(slot, false, err);
    }
    if (status == REBIAS_OK && shelf->plan->job->has_target != NULL) {
        status = hash_slot(slot, true, err);
    }
    if (status != REBIAS_OK) {
        drop_slot(slot);
        return status < 0 ? status : REBIAS_E_DATA; /* it was right when it was listed */
    }
    shelf->slot[make_place(shelf)] = slot;
    *out = slot;
    return REBIAS_OK;
}

static int shelf_take(struct shelf *shelf, size_t number, struct slot **out,
                      struct rebias_error *err)
{
    int status = REBIAS_OK;
    *out = NULL;
    pthread_mutex_lock(&shelf->lock);
    for (size_t i = 0; i < shelf->count && *out == NULL; i++) {
        *out = shelf->slot[i]->number == number ? shelf->slot[i] : NULL;
    }
    if (*out == NULL) {
        status = open_slot(shelf, number, out, err);
    }
    if (status == REBIAS_OK) {
        (*out)->users++;
        (*out)->used = shelf->turn++;
    }
    pthread_mutex_unlock(&shelf->lock);
    return status;
}

static void shelf_give(struct shelf *shelf, struct slot *slot)
{
    pthread_mutex_lock(&shelf->lock);
    slot->users--;
    pthread_mutex_unlock(&shelf->lock);
}

/* -- 2. one cell -- */

struct state {
    struct sweep_run *run;
    struct shelf shelf;
    struct sweep_progress progress;
};

/* Numbers that are not finite are a finding of this cell, and no reason to leave the others. */
static int note_failure(const struct sweep_task *task, struct rebias_error *err)
{
    task->numbers->count = 0;
    return sweep_add(task, "failed", 0.0, 1.0, err);
}

/* Files may have changed since the cells were listed, or be others on this rank's machine. */
static int check_hash(const struct slot *slot, const struct sweep_cell *cell,
                      struct rebias_error *err)
{
    return strcmp(slot->hash[cell->target != 0], cell->hash) == 0
               ? REBIAS_OK
               : rebias_fail(err, REBIAS_E_DATA,
                             "its files are not those that the sweep began with: changed "
                             "meanwhile, or others on this machine");
}

static int work_out(struct shelf *shelf, const struct sweep_cell *cell, struct sweep_task *task,
                    struct rebias_error *err)
{
    struct slot *slot = NULL;
    int status = shelf_take(shelf, cell->number, &slot, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = check_hash(slot, cell, err);
    if (status == REBIAS_OK) {
        status = shelf->plan->job->work(slot->setup.opened, task, err);
    }
    shelf_give(shelf, slot);
    if (status != REBIAS_OK && status != REBIAS_E_INTERRUPTED) {
        sweep_plan_tell(shelf->plan, cell->number, err);
    }
    return status == REBIAS_E_NUMERIC ? note_failure(task, err) : status;
}

/* True when another sweep has put the cell into the store meanwhile. */
static int find_elsewhere(const struct sweep_run *run, const struct sweep_cell *cell,
                          bool *found, struct rebias_error *err)
{
    *found = false;
    if (run->store == NULL || run->force) {
        return REBIAS_OK;
    }
    const struct rebias_store_cell key = sweep_plan_cell(run->plan, cell);
    return rebias_store_has(run->store, &key, found, err);
}

static int work(void *context, size_t item, struct rebias_farm_stop *stop,
                struct rebias_buffer *bytes, struct rebias_error *err)
{
    struct state *state = context;
    const struct sweep_cell *cell = &state->run->cells[item];
    struct rebias_buffer numbers = {0};
    struct sweep_task task = {.target = cell->target != 0,
                              .replicate = cell->replicate,
                              .progress = rebias_farm_stopping,
                              .progress_context = stop,
                              .numbers = &numbers};
    bool found = false;
    int status = find_elsewhere(state->run, cell, &found, err);
    if (status == REBIAS_OK && !found) {
        status = work_out(&state->shelf, cell, &task, err);
    }
    if (status == REBIAS_OK) { /* handed over as bytes; none: found elsewhere */
        const size_t size = numbers.count * sizeof(struct sweep_number);
        bytes->data = numbers.data;
        bytes->count = bytes->capacity = size;
        return status;
    }
    free(numbers.data);
    return status;
}

/* -- 3. delivering -- */

/* The last accuracy; NaN: none. Counts failures. */
static double look_at(struct sweep_run *run, const struct sweep_number *number, size_t count)
{
    double accuracy = NAN;
    double last = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const bool failure =
            strcmp(number[i].name, "failed") == 0 || strcmp(number[i].name, "fit_failed") == 0;
        run->failed += failure && number[i].value > 0.0;
        if (strcmp(number[i].name, "accuracy") == 0 && number[i].position > last) {
            last = number[i].position;
            accuracy = number[i].value;
        }
    }
    return accuracy;
}

static int put(struct sweep_run *run, const struct sweep_cell *cell,
               const struct sweep_number *number, size_t count, double seconds,
               struct rebias_error *err)
{
    const struct sweep_configuration *c = sweep_plan_at(run->plan, cell->configuration);
    struct rebias_store_value *values = NULL;
    int status = rebias_alloc(&values, count, sizeof *values, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        values[i] = (struct rebias_store_value){
            .name = number[i].name, .position = number[i].position, .value = number[i].value};
    }
    if (status == REBIAS_OK) {
        const struct rebias_store_record record = {.cell = sweep_plan_cell(run->plan, cell),
                                                   .seed = c->seed,
                                                   .seconds = seconds,
                                                   .version = rebias_version(),
                                                   .inputs = c->inputs,
                                                   .values = values,
                                                   .value_count = count};
        status = rebias_store_put(run->store, &record, err);
    }
    free(values);
    return status;
}

static int deliver(void *context, size_t item, const void *bytes, size_t size, double seconds,
                   struct rebias_error *err)
{
    struct state *state = context;
    struct sweep_run *run = state->run;
    const struct sweep_cell *cell = &run->cells[item];
    const size_t count = size / sizeof(struct sweep_number);
    const double cost = sweep_plan_at(run->plan, cell->configuration)->cost;
    struct sweep_number *number = NULL;
    if (count == 0) {
        run->taken++;
        sweep_progress_cell(&state->progress, cost, NAN);
        return REBIAS_OK;
    }
    int status = rebias_alloc(&number, count, sizeof *number, err); /* bytes may lie anywhere */
    if (status == REBIAS_OK) {
        memcpy(number, bytes, count * sizeof *number);
        status = put(run, cell, number, count, seconds, err);
    }
    if (status == REBIAS_OK) {
        run->done++;
        sweep_progress_cell(&state->progress, cost, look_at(run, number, count));
    }
    free(number);
    return status;
}

/* -- 4. all cells -- */

static int show(void *context, size_t done, size_t total)
{
    struct state *state = context;
    sweep_progress_show(&state->progress, done, total);
    return progress_interrupted();
}

static double *costs_of(const struct sweep_run *run, double *sum, struct rebias_error *err)
{
    double *cost = NULL;
    *sum = 0.0;
    if (rebias_alloc(&cost, run->count, sizeof *cost, err) == REBIAS_OK) {
        for (size_t i = 0; i < run->count; i++) {
            cost[i] = sweep_plan_at(run->plan, run->cells[i].configuration)->cost;
            *sum += cost[i];
        }
    }
    return cost;
}

int sweep_run(struct sweep_run *run, struct rebias_error *err)
{
    const bool first = run->store != NULL;
    const int threads = run->ranks > 1 ? 1 : thread_count(run->arguments);
    struct state state = {.run = run};
    struct rebias_farm farm = {
        .count = run->count, .work = work, .deliver = deliver, .context = &state};
    double *cost = NULL;
    double sum = 0.0;
    if (first) {
        cost = costs_of(run, &sum, err);
        if (cost == NULL) {
            return REBIAS_E_MEMORY;
        }
        farm.cost = cost;
        farm.progress = show;
        farm.progress_context = &state;
    }
    int status = shelf_open(&state.shelf, run->plan, (size_t)threads, err);
    if (status == REBIAS_OK) {
        state.progress = sweep_progress_start(run->arguments, sum);
        progress_catch_signals();
        status = run->ranks > 1 ? rebias_farm_mpi(&farm, err)
                                : rebias_farm_threads(&farm, threads, err);
        sweep_progress_end(&state.progress);
    }
    shelf_clear(&state.shelf);
    free(cost);
    return status;
}

/* -- 5. probe -- */

struct probe {
    double start, most; /* s */
    double fraction;    /* of the work, when it was stopped */
};

static int watch(void *context, size_t done, size_t total)
{
    struct probe *probe = context;
    const bool late = sweep_clock() - probe->start > probe->most;
    if (late && total > 0) {
        probe->fraction = (double)done / (double)total;
    }
    return late || progress_interrupted();
}

int sweep_probe(double *seconds, const struct sweep_plan *plan, const struct sweep_cell *cell,
                double most, struct rebias_error *err)
{
    struct shelf shelf;
    struct slot *slot = NULL;
    struct probe probe = {.most = most, .fraction = 1.0};
    struct rebias_buffer numbers = {0};
    struct sweep_task task = {.target = cell->target != 0,
                              .replicate = cell->replicate,
                              .progress = watch,
                              .progress_context = &probe,
                              .numbers = &numbers};
    int status = shelf_open(&shelf, plan, 1, err);
    if (status == REBIAS_OK) {
        status = shelf_take(&shelf, cell->number, &slot, err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        probe.start = sweep_clock();
        status = plan->job->work(slot->setup.opened, &task, err);
        *seconds = probe.fraction > 0.0 ? (sweep_clock() - probe.start) / probe.fraction : 0.0;
        shelf_give(&shelf, slot);
    }
    if (status == REBIAS_E_NUMERIC ||
        (status == REBIAS_E_INTERRUPTED && !progress_interrupted())) {
        status = REBIAS_OK; /* it was long enough to tell */
    }
    shelf_clear(&shelf);
    free(numbers.data);
    return status;
}
