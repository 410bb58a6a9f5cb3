/* mgd_train.c - training by multiplexed gradient descent.
 * 1. life cycle   2. looks   3. a window   4. the analog form   5. stopping and saving   6. the
 * run
 *
 * A window's segments are cut into pieces by their number alone; each piece has its own sums,
 * added in order: the same bytes for any number of threads.
 */
#include "mgd_run.h"
#include "base/simd.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 4, CHUNK = 1024, SLICE = 16384 /* parameters joined by one thread at once */ };

struct run {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_data *train;
    const struct rebias_mgd_data *test;
    const struct rebias_mgd_options *options;
    const struct rebias_mgd_checkpoint *checkpoint;
    struct mgd_times times;
    struct mgd_blocks blocks;
    struct mgd_parameters parameters;
    struct mgd_optimizer optimizer;
    struct mgd_worker *worker[PIECES];
    size_t workers;
    struct mgd_segment *segment; /* [CHUNK] */
    float *part[PIECES];         /* [P] sums of a piece */
    double *total;               /* [P] sums of a window of several chunks or pieces */
    float *change;
    struct mgd_state state;
    double work; /* since progress was told */
    rebias_progress *progress;
    void *progress_context;
};

/* -- 1. life cycle -- */

static void clear_run(struct run *run)
{
    for (size_t k = 0; k < PIECES; k++) {
        rebias_mgd_worker_free(run->worker[k]);
        free(run->part[k]);
    }
    rebias_mgd_parameters_clear(&run->parameters);
    rebias_mgd_optimizer_clear(&run->optimizer);
    free(run->segment);
    free(run->total);
    free(run->change);
    free(run->state.looks);
}

static int new_run(struct run *run, struct rebias_error *err)
{
    const struct rebias_mgd_options *o = run->options;
    const size_t P = run->architecture->parameters;
    int status = rebias_mgd_parameters_new(&run->parameters, run->architecture, o, err);
    run->workers = o->threads > PIECES ? PIECES : o->threads > 1 ? (size_t)o->threads : 1;
    rebias_mgd_blocks(&run->blocks, run->architecture, o);
    if (status == REBIAS_OK) {
        status = rebias_mgd_optimizer_new(&run->optimizer, P, &run->blocks, o, err);
    }
    for (size_t k = 0; k < run->workers && status == REBIAS_OK; k++) {
        status = rebias_mgd_worker_new(&run->worker[k], run->architecture, run->train, o, err);
    }
    for (size_t k = 0; k < PIECES && status == REBIAS_OK; k++) {
        status = rebias_alloc(&run->part[k], P, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run->segment, CHUNK, sizeof *run->segment, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run->total, P, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run->change, P, sizeof(float), err);
    }
    return status;
}

/* -- 2. looks -- */

static uint64_t after(const struct rebias_mgd_options *o, uint64_t step)
{
    if (o->growth > 1.0) {
        uint64_t next = (uint64_t)ceil((double)step * o->growth);
        return next > step ? next : step + 1;
    }
    uint64_t every = o->every > 0 ? o->every : (o->steps + 19) / 20;
    return (step / every + 1) * every;
}

static int append_look(struct mgd_state *state, const struct rebias_mgd_look *look,
                       struct rebias_error *err)
{
    struct rebias_buffer buffer = {state->looks, state->look_count, state->look_capacity};
    int status = rebias_buffer_append(&buffer, sizeof *look, look, err);
    state->looks = buffer.data;
    state->look_count = buffer.count;
    state->look_capacity = buffer.capacity;
    return status;
}

static int take_look(struct run *run, struct rebias_error *err)
{
    struct mgd_state *s = &run->state;
    const struct rebias_mgd_options *o = run->options;
    struct rebias_mgd_look look = {.step = s->step,
                                   .evaluations = s->evaluations,
                                   .updates = s->updates,
                                   .pulses = s->pulses,
                                   .train_cost = s->since.cost / s->since.weight};
    rebias_mgd_worker_look(run->worker[0], &run->parameters, run->test, o->test_samples,
                           &look.cost, &look.accuracy);
    s->met = (o->target_cost > 0.0 && look.cost < o->target_cost) ||
             (o->target_accuracy > 0.0 && look.accuracy >= o->target_accuracy);
    s->since = (struct mgd_sums){0};
    s->next_look = after(o, s->step);
    return append_look(s, &look, err);
}

/* -- 3. a window -- */

/* Piece k of `pieces` of count segments: [*first, returned). */
static size_t piece_end(size_t count, size_t pieces, size_t k)
{
    return count * (k + 1) / pieces;
}

/* What the threads of a chunk share. */
struct chunk {
    size_t count, pieces;
    struct mgd_sums *sums; /* [pieces] */
    int status[PIECES];
    struct rebias_error error[PIECES];
};

/* Worker t of `workers` evaluates its share of the pieces. */
static void run_share(struct run *run, struct chunk *chunk, size_t t, size_t workers)
{
    const size_t P = run->architecture->parameters;
    for (size_t k = chunk->pieces * t / workers; k < chunk->pieces * (t + 1) / workers; k++) {
        const size_t first = k == 0 ? 0 : piece_end(chunk->count, chunk->pieces, k - 1);
        const size_t count = piece_end(chunk->count, chunk->pieces, k) - first;
        memset(run->part[k], 0, P * sizeof(float));
        chunk->status[k] =
            rebias_mgd_worker_run(run->worker[t], &run->parameters, count, run->segment + first,
                                  run->part[k], &chunk->sums[k], &chunk->error[k]);
    }
}

/* Evaluates a chunk of segments: part[k] and sums[k] of its pieces. */
static int run_pieces(struct run *run, size_t count, size_t pieces, struct mgd_sums *sums,
                      struct rebias_error *err)
{
    struct chunk chunk;
    chunk.count = count;
    chunk.pieces = pieces;
    chunk.sums = sums;
    if (run->workers == 1 ||
        pieces == 1) { /* entering a parallel region costs more than a step */
        run_share(run, &chunk, 0, 1);
    } else {
        const size_t workers = run->workers;
#pragma omp parallel for schedule(static, 1) num_threads((int)workers)
        for (size_t t = 0; t < workers; t++) {
            run_share(run, &chunk, t, workers);
        }
    }
    for (size_t k = 0; k < pieces; k++) {
        if (chunk.status[k] != REBIAS_OK) {
            *err = chunk.error[k];
            return chunk.status[k];
        }
    }
    return REBIAS_OK;
}

static void add_sums(struct mgd_state *state, const struct mgd_sums *sums, size_t pieces)
{
    for (size_t k = 0; k < pieces; k++) {
        state->since.cost += sums[k].cost;
        state->since.weight += sums[k].weight;
        state->evaluations += sums[k].evaluations;
    }
}

/* change = mean estimate of the window of `steps` steps in one piece. */
static void take_single(struct run *run, double steps)
{
    const float scale = (float)(1.0 / steps);
#pragma omp simd
    for (size_t i = 0; i < run->parameters.n; i++) {
        run->change[i] = run->part[0][i] * scale;
    }
}

/* The pieces of a chunk, to be joined in order. */
struct join {
    size_t pieces;
    bool first, last; /* of the window's chunks */
    double steps;     /* of the window */
};

/* Entries from .. to - 1: total += the pieces (total = their sum in the first chunk); in the
 * last one change = total/steps instead. */
REBIAS_SIMD static void join_slice(const struct join *join, float *const *part, size_t from,
                                   size_t to, double *total, float *change)
{
    enum { WIDTH = 256 };
    double sum[WIDTH];
    for (size_t at = from; at < to; at += WIDTH) {
        const size_t n = to - at < WIDTH ? to - at : WIDTH;
        for (size_t i = 0; i < n; i++) {
            sum[i] = join->first ? 0.0 : total[at + i];
        }
        for (size_t k = 0; k < join->pieces; k++) {
            const float *piece = part[k] + at;
#pragma omp simd
            for (size_t i = 0; i < n; i++) {
                sum[i] += (double)piece[i];
            }
        }
        if (!join->last) {
            memcpy(total + at, sum, n * sizeof *sum);
            continue;
        }
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            change[at + i] = (float)(sum[i] / join->steps);
        }
    }
}

static void join_pieces(struct run *run, const struct join *join)
{
    const size_t P = run->parameters.n;
    const size_t slices = (P + SLICE - 1) / SLICE;
    const size_t threads = run->workers < slices ? run->workers : slices;
    if (threads == 1) {
        join_slice(join, run->part, 0, P, run->total, run->change);
        return;
    }
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (size_t s = 0; s < slices; s++) {
        const size_t to = (s + 1) * SLICE < P ? (s + 1) * SLICE : P;
        join_slice(join, run->part, s * SLICE, to, run->total, run->change);
    }
}

/* Leaves the mean estimate of steps state.step .. to - 1 in change. */
static int estimate_window(struct run *run, uint64_t to, struct rebias_error *err)
{
    const uint64_t from = run->state.step;
    uint64_t step = from;
    while (step < to) {
        struct mgd_sums sums[PIECES] = {{0}};
        uint64_t next = step;
        const size_t count =
            rebias_mgd_segments(&run->times, step, to, CHUNK, run->segment, &next);
        const size_t most = count / rebias_mgd_worker_grain(run->worker[0]);
        const size_t pieces = most < 1 ? 1 : most < PIECES ? most : PIECES;
        int status = run_pieces(run, count, pieces, sums, err);
        if (status != REBIAS_OK) {
            return status;
        }
        add_sums(&run->state, sums, pieces);
        const struct join join = {pieces, step == from, next == to, (double)(to - from)};
        if (join.first && join.last && pieces == 1) {
            take_single(run, join.steps);
        } else {
            join_pieces(run, &join);
        }
        step = next;
    }
    return REBIAS_OK;
}

static double passes(const struct run *run)
{
    const struct rebias_mgd_options *o = run->options;
    return (double)run->state.step / (double)run->times.x * (double)o->batch /
           (double)run->train->n;
}

static int run_window(struct run *run, struct rebias_error *err)
{
    struct mgd_state *s = &run->state;
    const uint64_t to = s->step + run->times.theta;
    const bool whole = to <= run->options->steps; /* a window cut short brings no update */
    int status = estimate_window(run, whole ? to : run->options->steps, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (whole) {
        rebias_mgd_optimizer_step(&run->optimizer, &run->times, run->change,
                                  run->parameters.theta, passes(run), run->change);
        s->pulses +=
            rebias_mgd_parameters_apply(&run->parameters, run->change, (uint32_t)s->updates);
        s->updates++;
    }
    s->step = whole ? to : run->options->steps;
    return REBIAS_OK;
}

/* -- 4. the analog form -- */

/* theta -= eta G, with G the low-passed estimate. */
static void analog_update(struct run *run)
{
    const struct rebias_mgd_options *o = run->options;
    struct mgd_state *s = &run->state;
    const float *G = run->optimizer.first;
    const double P = (double)run->parameters.n;
    const double form = o->eta_form == REBIAS_ETA_VECTOR ? 1.0 / P : 1.0;
    const double eta = o->eta / (1.0 + o->eta_decay * floor(passes(run)));
    for (size_t i = 0; i < run->parameters.n; i++) {
        run->change[i] = (float)(eta * form) * G[i] +
                         (float)(eta * o->weight_decay) * run->parameters.theta[i];
    }
    s->pulses +=
        rebias_mgd_parameters_apply(&run->parameters, run->change, (uint32_t)s->updates);
    s->updates++;
}

/* One step: update, cost with the pattern, its high-pass, low-pass of the estimate (McCaughan
 * et al. 2023). optimizer.first holds G. */
static int run_analog_step(struct run *run, struct rebias_error *err)
{
    const struct rebias_mgd_options *o = run->options;
    struct mgd_state *s = &run->state;
    float *G = run->optimizer.first;
    float *pattern = run->part[0];
    const struct mgd_segment segment = {s->step / run->times.x, s->step / run->times.p, s->step,
                                        s->step, 1};
    double cost = 0.0;
    analog_update(run);
    int status =
        rebias_mgd_worker_cost(run->worker[0], &run->parameters, &segment, pattern, &cost, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (s->step % run->times.x == 0) {
        s->last_cost = cost; /* the jump between samples does not enter */
    }
    s->high_passed = o->tau_hp / (o->tau_hp + o->dt) * (s->high_passed + cost - s->last_cost);
    s->last_cost = cost;
    const double mean_square = rebias_mgd_worker_mean_square(run->worker[0], 0);
    const float low = (float)(o->dt / (o->tau_theta + o->dt));
    const double most = o->clip > 0.0 ? o->clip : INFINITY;
    const double Ct =
        fabs(s->high_passed) > most ? copysign(most, s->high_passed) : s->high_passed;
    const float error = (float)(Ct * o->dt / mean_square);
    for (size_t i = 0; i < run->parameters.n; i++) {
        G[i] += low * (error * pattern[i] - G[i]);
    }
    s->since.cost += cost;
    s->since.weight += 1.0;
    s->evaluations++;
    s->step++;
    return REBIAS_OK;
}

/* -- 5. stopping and saving -- */

static int save(struct run *run, struct rebias_error *err)
{
    return run->checkpoint != NULL && run->checkpoint->path != NULL
               ? rebias_mgd_checkpoint_save(run->checkpoint, &run->state, &run->parameters,
                                            &run->optimizer, err)
               : REBIAS_OK;
}

static int save_if_due(struct run *run, struct rebias_error *err)
{
    const struct rebias_mgd_checkpoint *c = run->checkpoint;
    bool due = c != NULL && c->every > 0 && run->state.updates % c->every == 0;
    return due ? save(run, err) : REBIAS_OK;
}

/* Asks the caller whether to go on, not more often than work makes worth while. */
static int tell(struct run *run, uint64_t evaluations, struct rebias_error *err)
{
    const double enough = 1e6; /* multiplications */
    run->work += (double)evaluations * (double)run->options->batch *
                 (double)run->architecture->parameters;
    if (run->progress == NULL || run->work < enough) {
        return REBIAS_OK;
    }
    run->work = 0.0;
    if (run->progress(run->progress_context, run->state.step, run->options->steps) == 0) {
        return REBIAS_OK;
    }
    int status = save(run, err);
    return status != REBIAS_OK
               ? status
               : rebias_fail(err, REBIAS_E_INTERRUPTED, "interrupted after %llu of %llu steps",
                             (unsigned long long)run->state.step,
                             (unsigned long long)run->options->steps);
}

/* -- 6. the run -- */

static int run_all(struct run *run, struct rebias_error *err)
{
    struct mgd_state *s = &run->state;
    int status = REBIAS_OK;
    while (s->step < run->options->steps && !s->met && status == REBIAS_OK) {
        const uint64_t before = s->evaluations;
        status = run->options->analog ? run_analog_step(run, err) : run_window(run, err);
        if (status == REBIAS_OK &&
            (s->step >= s->next_look || s->step == run->options->steps)) {
            status = take_look(run, err);
        }
        if (status == REBIAS_OK) {
            status = save_if_due(run, err);
        }
        if (status == REBIAS_OK) {
            status = tell(run, s->evaluations - before, err);
        }
    }
    return status;
}

static int finish(struct rebias_mgd_result **out, struct run *run, struct rebias_error *err)
{
    struct rebias_mgd_result *result = NULL;
    int status = rebias_alloc(&result, 1, sizeof *result, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const struct mgd_state *s = &run->state;
    *result = (struct rebias_mgd_result){.looks = s->looks,
                                         .look_count = s->look_count,
                                         .reached = s->met,
                                         .steps = s->step,
                                         .evaluations = s->evaluations,
                                         .updates = s->updates,
                                         .pulses = s->pulses};
    run->state.looks = NULL;
    *out = result;
    return REBIAS_OK;
}

void rebias_mgd_result_free(struct rebias_mgd_result *result)
{
    if (result != NULL) {
        free(result->looks);
        free(result);
    }
}

int rebias_mgd_train(struct rebias_mgd_result **out,
                     const struct rebias_architecture *architecture,
                     const struct rebias_mgd_data *train, const struct rebias_mgd_data *test,
                     const struct rebias_mgd_options *options,
                     const struct rebias_mgd_checkpoint *checkpoint, rebias_progress *progress,
                     void *progress_context, struct rebias_error *err)
{
    struct run run = {.architecture = architecture,
                      .train = train,
                      .test = test,
                      .options = options,
                      .checkpoint = checkpoint,
                      .progress = progress,
                      .progress_context = progress_context};
    bool found = false;
    *out = NULL;
    int status = rebias_mgd_check(options, architecture, train, &run.times, err);
    if (status == REBIAS_OK) {
        status = rebias_mgd_check_data(architecture, test, err);
    }
    if (status == REBIAS_OK) {
        status = new_run(&run, err);
    }
    if (status == REBIAS_OK && checkpoint != NULL && checkpoint->path != NULL) {
        status = rebias_mgd_checkpoint_load(checkpoint, &run.state, &run.parameters,
                                            &run.optimizer, &found, err);
    }
    if (status == REBIAS_OK) {
        run.state.next_look = found ? run.state.next_look : after(options, 0);
        status = run_all(&run, err);
    }
    if (status == REBIAS_OK) {
        status = save(&run, err);
    }
    if (status == REBIAS_OK) {
        status = finish(out, &run, err);
    }
    clear_run(&run);
    return status;
}
