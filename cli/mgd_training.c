/* mgd_training.c - `rebias train --trainer mgd`.
 * 1. options   2. remarks   3. tables   4. one run   5. several seeds   6. the command
 */
#include "mgd_training.h"
#include "commands.h"
#include "figure.h"
#include "mgd_hardware.h"
#include "mgd_options.h"
#include "mgd_rows.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the parts of the command share. */
struct training {
    const struct arguments *arguments;
    struct mgd_setup setup;
    struct mgd_hardware hardware;
};

/* -- 1. options -- */

static const struct option_row mgd_rows[] = {
    MGD_DATA_ROWS,   MGD_NETWORK_ROW, MGD_METHOD_ROW,  MGD_PERTURBATION_ROWS,
    MGD_UPDATE_ROWS, MGD_RUN_ROWS,    MGD_HARDWARE_ROW};

int mgd_refuse_options(const struct arguments *arguments, struct rebias_error *err)
{
    for (size_t i = 0; i < sizeof mgd_rows / sizeof mgd_rows[0]; i++) {
        const bool shared = strcmp(mgd_rows[i].name, "seeds") == 0; /* with --ternary */
        if (!shared && argument_given(arguments, mgd_rows[i].name)) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s is for --trainer mgd",
                               mgd_rows[i].name);
        }
    }
    return REBIAS_OK;
}

/* The first option of names[count] that is given. */
static const char *first_given(const struct arguments *a, const char *const *names,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (argument_given(a, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

int mgd_check_mode(const struct arguments *arguments, struct rebias_error *err)
{
    const struct arguments *a = arguments;
    static const char *const others[] = {"loss",     "epochs", "rate",
                                         "schedule", "visits", "visit-levels"};
    static const char *const single[] = {"checkpoint", "figure", "replicate"};
    const char *wrong = first_given(a, others, sizeof others / sizeof others[0]);
    if (wrong != NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with --trainer mgd", wrong);
    }
    wrong = first_given(a, single, sizeof single / sizeof single[0]);
    if (argument_given(a, "seeds") && wrong != NULL) {
        return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with --seeds", wrong);
    }
    return REBIAS_OK;
}

/* No two outputs in one file: the last would be all that is left. */
static int check_names(const struct arguments *a, struct rebias_error *err)
{
    const char *checkpoint = argument_text(a, "checkpoint");
    const char *output = argument_text(a, "output");
    if (checkpoint != NULL && output != NULL && strcmp(checkpoint, output) == 0) {
        const struct rebias_place place = {NULL, 0, 0, checkpoint};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "a file of its own",
                              "--checkpoint would go where the table goes");
    }
    return REBIAS_OK;
}

/* Before the work, not after it. */
static int check_arguments(const struct arguments *a, struct rebias_error *err)
{
    const char *figure = argument_text(a, "figure");
    int status = mgd_check_mode(a, err);
    if (status == REBIAS_OK) {
        status = check_names(a, err);
    }
    if (status == REBIAS_OK) {
        status = check_writable(argument_text(a, "output"), err);
    }
    if (status == REBIAS_OK) {
        status = check_writable(argument_text(a, "checkpoint"), err);
    }
    return status == REBIAS_OK && figure != NULL ? figure_check("figure", figure, err) : status;
}

/* -- 2. remarks -- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Time between updates in steps. */
static double update_steps(const struct rebias_mgd_options *o)
{
    return o->analog ? 1.0 : o->tau_theta / o->dt;
}

static void remark_hardware(const struct training *t, double steps, double evaluations_per_step)
{
    const struct rebias_mgd_options *o = &t->setup.options;
    for (size_t i = 0; i < t->hardware.count; i++) {
        const struct rebias_hardware *row = &t->hardware.row[i];
        remark(
            t->arguments, "%.0f steps on %s hardware: %.3g s", steps, row->name,
            rebias_hardware_time(row, steps, evaluations_per_step, o->batch, update_steps(o)));
    }
}

static bool has_target(const struct rebias_mgd_options *o)
{
    return o->target_cost > 0.0 || o->target_accuracy > 0.0;
}

static void remark_run(const struct training *t, const struct rebias_mgd_result *r,
                       double elapsed)
{
    remark(t->arguments,
           "%zu parameters, %" PRIu64 " steps, %" PRIu64 " updates, %" PRIu64
           " evaluations in %.2f s",
           t->setup.architecture.parameters, r->steps, r->updates, r->evaluations, elapsed);
    if (has_target(&t->setup.options)) {
        remark(t->arguments,
               r->reached ? "the target was reached after %" PRIu64 " steps"
                          : "the target was not reached in %" PRIu64 " steps",
               r->steps);
    }
    remark_hardware(t, (double)r->steps, (double)r->evaluations / (double)r->steps);
}

/* -- 3. tables -- */

static int put_numbers(struct table *table, const double *numbers, size_t n,
                       struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_number(table, numbers[i], err);
    }
    return status;
}

static int put_counts(struct table *table, const uint64_t *counts, size_t n,
                      struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = table_integer(table, (int64_t)counts[i], err);
    }
    return status;
}

static int fill_looks(struct table *table, const struct rebias_mgd_result *r,
                      struct rebias_error *err)
{
    static const char *const names[] = {"step",       "updates", "evaluations", "pulses",
                                        "train_cost", "cost",    "accuracy"};
    int status = REBIAS_OK;
    table_start(table, sizeof names / sizeof names[0], names);
    for (size_t i = 0; i < r->look_count && status == REBIAS_OK; i++) {
        const struct rebias_mgd_look *look = &r->looks[i];
        const uint64_t counts[] = {look->step, look->updates, look->evaluations, look->pulses};
        const double numbers[] = {look->train_cost, look->cost, look->accuracy};
        status = put_counts(table, counts, sizeof counts / sizeof counts[0], err);
        if (status == REBIAS_OK) {
            status = put_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err);
        }
    }
    return status;
}

/* What is kept of a seed's run. */
struct seed_row {
    bool reached;
    struct rebias_mgd_look last;
};

static int fill_seeds(struct table *table, const struct seed_row *rows, size_t count,
                      struct rebias_error *err)
{
    static const char *const names[] = {"seed",    "reached", "steps", "evaluations",
                                        "updates", "pulses",  "cost",  "accuracy"};
    int status = REBIAS_OK;
    table_start(table, sizeof names / sizeof names[0], names);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        const struct rebias_mgd_look *last = &rows[i].last;
        const uint64_t counts[] = {
            i,           rows[i].reached ? 1 : 0, last->step, last->evaluations, last->updates,
            last->pulses};
        const double numbers[] = {last->cost, last->accuracy};
        status = put_counts(table, counts, sizeof counts / sizeof counts[0], err);
        if (status == REBIAS_OK) {
            status = put_numbers(table, numbers, sizeof numbers / sizeof numbers[0], err);
        }
    }
    return status;
}

/* Prints the table behind the provenance, to -o or stdout. */
static int publish(const struct training *t, const struct table *table,
                   struct rebias_error *err)
{
    const struct arguments *a = t->arguments;
    const char *input = spec_input(argument_text(a, "device"));
    const char *path = argument_text(a, "output");
    struct provenance provenance = {NULL};
    int status = provenance_make(&provenance, a, &input, 1, err);
    if (status == REBIAS_OK && t->setup.source.set != NULL) {
        status = provenance_add_images(&provenance, t->setup.source.set, err);
    }
    if (status == REBIAS_OK) {
        status = table_print(table, &provenance,
                             path != NULL || argument_choice(a, "format") == 1, path, err);
    }
    provenance_free(&provenance);
    return status;
}

/* -- 4. one run -- */

/* The user's row where there is one. */
static const struct rebias_hardware *own_or_first(const struct mgd_hardware *hardware)
{
    return &hardware->row[hardware->count == MGD_HARDWARE_ROWS ? hardware->count - 1 : 0];
}

static int draw(const struct training *t, const struct rebias_mgd_result *r,
                struct rebias_error *err)
{
    const char *path = argument_text(t->arguments, "figure");
    const struct mgd_figure figure = {.result = r,
                                      .hardware = own_or_first(&t->hardware),
                                      .batch = t->setup.options.batch,
                                      .update_steps = update_steps(&t->setup.options),
                                      .logarithmic = t->setup.options.growth > 1.0,
                                      .name = t->setup.architecture.name};
    return path != NULL ? figure_mgd(path, &figure, err) : REBIAS_OK;
}

static int show(const struct training *t, const struct rebias_mgd_result *result,
                double elapsed, struct rebias_error *err)
{
    struct table table = {0};
    remark_run(t, result, elapsed);
    int status = fill_looks(&table, result, err);
    if (status == REBIAS_OK) {
        status = draw(t, result, err);
    }
    if (status == REBIAS_OK) {
        status = publish(t, &table, err);
    }
    table_free(&table);
    return status;
}

/* Updates between checkpoints. */
static uint64_t checkpoint_every(const struct training *t)
{
    const double share = 0.05;
    const struct rebias_mgd_options *o = &t->setup.options;
    return argument_given(t->arguments, "every")
               ? (uint64_t)argument_integer(t->arguments, "every")
               : (uint64_t)ceil(share * (double)o->steps / update_steps(o));
}

static int train_once(struct training *t, struct rebias_error *err)
{
    const struct mgd_setup *s = &t->setup;
    struct rebias_mgd_checkpoint checkpoint = {
        .path = argument_text(t->arguments, "checkpoint"), .every = checkpoint_every(t)};
    struct rebias_mgd_result *result = NULL;
    struct progress progress = {.arguments = t->arguments, .what = "steps"};
    char *label = NULL;
    int status = mgd_label(&label, s, t->arguments, err);
    const double start = seconds();
    if (status == REBIAS_OK) {
        checkpoint.label = label;
        t->setup.options.threads = thread_count(t->arguments);
        progress_catch_signals();
        status = rebias_mgd_train(&result, &s->architecture, &s->source.train, &s->source.test,
                                  &s->options, &checkpoint, progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = show(t, result, seconds() - start, err);
    }
    rebias_mgd_result_free(result);
    free(label);
    return status;
}

/* -- 5. several seeds -- */

struct seeds {
    const struct training *training;
    struct seed_row *rows;
};

/* Only asks whether a signal has come. */
static int ask_signal(void *context, size_t done, size_t total)
{
    (void)done;
    (void)total;
    return progress_step(context, 0, 1);
}

static int train_seed(void *context, size_t item, struct rebias_error *err)
{
    const struct seeds *seeds = context;
    const struct mgd_setup *s = &seeds->training->setup;
    /* a bar that counts as drawn at its place is left alone: threads draw nothing */
    struct progress silent = {.arguments = seeds->training->arguments, .shown = true};
    struct rebias_mgd_options options = s->options;
    struct rebias_mgd_result *result = NULL;
    options.replicate = (uint32_t)item;
    options.threads = 1;
    int status = rebias_mgd_train(&result, &s->architecture, &s->source.train, &s->source.test,
                                  &options, NULL, ask_signal, &silent, err);
    if (status == REBIAS_OK) {
        seeds->rows[item] =
            (struct seed_row){result->reached, result->looks[result->look_count - 1]};
    }
    rebias_mgd_result_free(result);
    return status;
}

static int compare_steps(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median steps of the seeds that reached the target, or of all without a target. */
static int remark_seeds(const struct training *t, const struct seed_row *rows, size_t count,
                        struct rebias_error *err)
{
    const bool target = has_target(&t->setup.options);
    double *steps = NULL;
    double evaluations = 0.0;
    double all = 0.0;
    size_t n = 0;
    int status = rebias_alloc(&steps, count, sizeof *steps, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        evaluations += (double)rows[i].last.evaluations;
        all += (double)rows[i].last.step;
        if (rows[i].reached || !target) {
            steps[n++] = (double)rows[i].last.step;
        }
    }
    if (status == REBIAS_OK && target) {
        remark(t->arguments, "%zu of %zu seeds reached the target", n, count);
    }
    if (n > 0) {
        qsort(steps, n, sizeof *steps, compare_steps);
        const double median = 0.5 * (steps[(n - 1) / 2] + steps[n / 2]);
        if (target) {
            remark(t->arguments, "median of those that did: %.15g steps", median);
        }
        remark_hardware(t, median, evaluations / all);
    }
    free(steps);
    return status;
}

static int train_seeds(struct training *t, struct rebias_error *err)
{
    const size_t count = (size_t)argument_integer(t->arguments, "seeds");
    struct seeds seeds = {.training = t};
    struct progress progress = {.arguments = t->arguments, .what = "seeds"};
    struct table table = {0};
    int status = rebias_alloc(&seeds.rows, count, sizeof *seeds.rows, err);
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_parallel_for(count, thread_count(t->arguments), train_seed, &seeds,
                                     progress_step, &progress, err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = remark_seeds(t, seeds.rows, count, err);
    }
    if (status == REBIAS_OK) {
        status = fill_seeds(&table, seeds.rows, count, err);
    }
    if (status == REBIAS_OK) {
        status = publish(t, &table, err);
    }
    table_free(&table);
    free(seeds.rows);
    return status;
}

/* -- 6. the command -- */

int mgd_train_command(const struct arguments *arguments, struct rebias_error *err)
{
    struct training t = {.arguments = arguments};
    int status = check_arguments(arguments, err);
    if (status == REBIAS_OK) {
        status = mgd_hardware_read(&t.hardware, arguments, err);
    }
    if (status == REBIAS_OK) {
        status = mgd_setup_open(&t.setup, arguments, true, err);
    }
    if (status == REBIAS_OK) {
        status = mgd_read_training(&t.setup.options, arguments, err);
    }
    if (status == REBIAS_OK) {
        status =
            argument_given(arguments, "seeds") ? train_seeds(&t, err) : train_once(&t, err);
    }
    mgd_setup_clear(&t.setup);
    return status;
}
