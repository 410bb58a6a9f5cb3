/* cmd_sweep.c - `rebias sweep`: grids of cells into a store.
 * 1. options   2. experiments   3. check   4. run   5. status   6. export and merge   7.
 * commands
 */
#include "commands.h"
#include "figure.h"
#include "images_shared.h"
#include "rebias/farm.h"
#include "sweep_export.h"
#include "sweep_progress.h"
#include "sweep_run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

#define SET_ROW                                                                                \
    {                                                                                          \
        "set", 0, OPTION_TEXTS, "KEY=VALUE", NULL, 0, 0,                                       \
            "instead of the file's value; lists (a, b) for keys below [grid]"                  \
    }
#define STORE_ROW(help)                                                                        \
    {                                                                                          \
        "store", 0, OPTION_TEXT, "STORE.db", NULL, 0, 0, help                                  \
    }

static const struct option_row check_rows[] = {
    STORE_ROW("count the cells that are there already"),
    SET_ROW,
    {"no-probe", 0, OPTION_FLAG, NULL, NULL, 0, 0, "run no cell to estimate the time"},
};

static const struct option_row run_rows[] = {
    STORE_ROW("where results go, made when missing; cells that it has are not run again"),
    SET_ROW,
    {"shard", 0, OPTION_TEXT, "I/N", NULL, 0, 0,
     "only part I (1 to N) of N of the cells, for several machines; then `sweep merge`"},
    {"force", 0, OPTION_FLAG, NULL, NULL, 0, 0, "run cells again that are there already"},
};

static const struct option_row export_rows[] = {
    {"output", 'o', OPTION_TEXT, "FILE.csv", NULL, 0, 0, "write here instead of stdout"},
    {"timings", 0, OPTION_FLAG, NULL, NULL, 0, 0, "also the seconds that each cell took"},
};

/* -- 2. experiments -- */

static int read_plan(struct sweep_plan *plan, const struct arguments *a,
                     struct rebias_error *err)
{
    const char *overrides[MAX_TEXTS];
    const size_t count = argument_texts(a, "set", overrides);
    *plan = (struct sweep_plan){.experiment = NULL};
    if (argument_given(a, "seed")) { /* it would look as if it did something */
        return rebias_fail(err, REBIAS_E_NAME,
                           "the seed is one of the experiment's options: --set seed=%s",
                           argument_text(a, "seed"));
    }
    return sweep_plan_read(plan, a->word[0], overrides, count, err);
}

/* "2/5": *part = 2, *parts = 5. */
static int read_shard(const struct arguments *a, size_t *part, size_t *parts,
                      struct rebias_error *err)
{
    const char *text = argument_text(a, "shard");
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    int64_t i = 1;
    int64_t n = 1;
    char first[32] = "";
    if (slash != NULL) {
        snprintf(first, sizeof first, "%.*s", (int)(slash - text), text);
    }
    const bool good =
        text == NULL || (slash != NULL && rebias_parse_integer(slash + 1, 1, 1000000, &n) &&
                         rebias_parse_integer(first, 1, n, &i));
    *part = (size_t)i;
    *parts = (size_t)n;
    const struct rebias_place place = {NULL, 0, 0, text};
    return good ? REBIAS_OK
                : rebias_fail_at(err, REBIAS_E_RANGE, &place, "I/N with I from 1 to N",
                                 "bad value of --shard");
}

/* Keeps every parts-th cell from cell part - 1 on. */
static void keep_shard(struct sweep_cell *cells, size_t *count, size_t part, size_t parts)
{
    size_t kept = 0;
    for (size_t i = part - 1; i < *count; i += parts) {
        cells[kept++] = cells[i];
    }
    *count = kept;
}

/* Keeps the cells that the store (NULL: none) does not have. */
static int keep_missing(struct sweep_cell *cells, size_t *count, const struct sweep_plan *plan,
                        struct rebias_store *store, struct rebias_error *err)
{
    size_t kept = 0;
    int status = REBIAS_OK;
    for (size_t i = 0; i < *count && status == REBIAS_OK && store != NULL; i++) {
        const struct rebias_store_cell key = sweep_plan_cell(plan, &cells[i]);
        bool found = false;
        status = rebias_store_has(store, &key, &found, err);
        if (!found) {
            cells[kept++] = cells[i];
        }
    }
    *count = store != NULL ? kept : *count;
    return status;
}

/* -- 3. check -- */

/* One row a configuration: hash, what varies, cells, done. */
struct overview {
    struct sweep_keys keys;
    const char **names;
    size_t *left; /* cells of each configuration that are missing */
};

static int overview_row(struct table *table, const struct overview *o,
                        const struct sweep_plan *plan, size_t i, struct rebias_error *err)
{
    const struct sweep_cell cell = {.configuration = i};
    const struct rebias_store_cell key = sweep_plan_cell(plan, &cell);
    const size_t replicates = plan->experiment->replicates;
    char hash[17];
    rebias_store_hash(&key, hash);
    int status = table_text(table, hash, err);
    for (size_t k = 0; k < o->keys.list.count && status == REBIAS_OK; k++) {
        char *value = NULL;
        status =
            sweep_text_value(&value, key.configuration, sweep_keys_at(&o->keys, k)->name, err);
        status = status == REBIAS_OK ? table_text(table, value, err) : status;
        free(value);
    }
    status = status == REBIAS_OK ? table_integer(table, (int64_t)replicates, err) : status;
    return status == REBIAS_OK ? table_integer(table, (int64_t)(replicates - o->left[i]), err)
                               : status;
}

static int fill_overview(struct table *table, struct overview *o, const struct sweep_plan *plan,
                         const struct sweep_cell *missing, size_t count,
                         struct rebias_error *err)
{
    const size_t n = plan->configurations.count;
    int status = rebias_alloc(&o->left, n, sizeof *o->left, err);
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = sweep_keys_add(&o->keys, sweep_plan_at(plan, i)->text, err);
    }
    sweep_keys_finish(&o->keys);
    const size_t columns = o->keys.list.count + 3;
    if (status == REBIAS_OK) {
        status = rebias_alloc(&o->names, columns, sizeof *o->names, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    o->names[0] = "configuration";
    for (size_t k = 0; k + 3 < columns; k++) {
        o->names[k + 1] = sweep_keys_at(&o->keys, k)->name;
    }
    o->names[columns - 2] = "cells";
    o->names[columns - 1] = "done";
    for (size_t i = 0; i < count; i++) {
        o->left[missing[i].configuration]++;
    }
    table_start(table, columns, o->names);
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        status = overview_row(table, o, plan, i, err);
    }
    return status;
}

static int print_overview(const struct arguments *a, const struct sweep_plan *plan,
                          const struct sweep_cell *missing, size_t count,
                          struct rebias_error *err)
{
    struct overview overview = {.names = NULL};
    struct table table = {0};
    int status = fill_overview(&table, &overview, plan, missing, count, err);
    if (status == REBIAS_OK) {
        status = table_finish(&table, a, a->word, 1, err);
    }
    table_free(&table);
    sweep_keys_free(&overview.keys);
    free(overview.names);
    free(overview.left);
    return status;
}

/* The cheapest missing cell, but rather no target of bias: these have no fit. */
static const struct sweep_cell *cheapest_of(const struct sweep_plan *plan,
                                            const struct sweep_cell *missing, size_t count)
{
    const struct sweep_cell *best = &missing[0];
    for (size_t i = 1; i < count; i++) {
        const double cost = sweep_plan_at(plan, missing[i].configuration)->cost;
        const bool less = cost < sweep_plan_at(plan, best->configuration)->cost;
        best = missing[i].target < best->target || (missing[i].target == best->target && less)
                   ? &missing[i]
                   : best;
    }
    return best;
}

/* Time for the missing cells, from a piece of the cheapest one. */
static int remark_cost(const struct arguments *a, const struct sweep_plan *plan,
                       const struct sweep_cell *missing, size_t count, struct rebias_error *err)
{
    const double most = 3.0; /* s */
    const struct sweep_cell *cheapest = cheapest_of(plan, missing, count);
    const int threads = thread_count(a);
    double sum = 0.0;
    double seconds = 0.0;
    char one[32];
    char all[32];
    for (size_t i = 0; i < count; i++) {
        sum += sweep_plan_at(plan, missing[i].configuration)->cost;
    }
    int status = sweep_probe(&seconds, plan, cheapest, most, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (seconds == 0.0) {
        remark(a, "a cell takes more than %.0f s: longer than the probe could tell", most);
        return REBIAS_OK;
    }
    sweep_duration(seconds, one);
    sweep_duration(seconds * sum / sweep_plan_at(plan, cheapest->configuration)->cost /
                       (double)threads,
                   all);
    remark(a, "about %s on %d threads (a probe: %s for a cell of the cheapest kind)", all,
           threads, one);
    return REBIAS_OK;
}

static int check_plan(const struct arguments *a, const struct sweep_plan *plan,
                      struct rebias_store *store, struct rebias_error *err)
{
    struct sweep_cell *cells = NULL;
    size_t count = 0;
    int status = sweep_plan_cells(plan, &cells, &count, err);
    const size_t all = count;
    if (status == REBIAS_OK) {
        status = keep_missing(cells, &count, plan, store, err);
    }
    if (status == REBIAS_OK) {
        status = print_overview(a, plan, cells, count, err);
    }
    if (status == REBIAS_OK) {
        remark(a, "%zu configurations, %zu cells, %zu of them done", plan->configurations.count,
               all, all - count);
    }
    if (status == REBIAS_OK && count > 0 && !argument_flag(a, "no-probe")) {
        status = remark_cost(a, plan, cells, count, err);
    }
    free(cells);
    return status;
}

/* A store that is not there yet has no cells. */
static int open_known(struct rebias_store **store, const char *path, struct rebias_error *err)
{
    *store = NULL;
    return path != NULL && spec_input(path) != NULL
               ? rebias_store_open(store, path, REBIAS_STORE_READ, err)
               : REBIAS_OK;
}

static int run_check(const struct arguments *a, struct rebias_error *err)
{
    struct sweep_plan plan;
    struct rebias_store *store = NULL;
    images_keep();
    int status = read_plan(&plan, a, err);
    if (status == REBIAS_OK) {
        status = sweep_plan_list(&plan, err);
    }
    if (status == REBIAS_OK) {
        status = open_known(&store, argument_text(a, "store"), err);
    }
    if (status == REBIAS_OK) {
        status = check_plan(a, &plan, store, err);
    }
    rebias_store_free(store);
    sweep_plan_clear(&plan);
    images_drop();
    return status;
}

/* -- 4. run -- */

/* What one process of a sweep holds. */
struct sweep {
    const struct arguments *arguments;
    struct sweep_plan plan;
    struct rebias_store *store;
    struct rebias_buffer cells; /* bytes of sweep_cell */
    size_t all;                 /* cells of this shard, done or not */
    int rank, ranks;
};

static int want_cells(struct sweep *s, const struct sweep_cell *cells, size_t count,
                      struct rebias_error *err)
{
    struct rebias_store_cell *wanted = NULL;
    int status = rebias_alloc(&wanted, count, sizeof *wanted, err);
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        wanted[i] = sweep_plan_cell(&s->plan, &cells[i]);
    }
    if (status == REBIAS_OK) {
        status = rebias_store_want(s->store, wanted, count, err);
    }
    free(wanted);
    return status;
}

/* What is to be done, by rank 0. */
static int list_cells(struct sweep *s, struct rebias_error *err)
{
    struct sweep_cell *cells = NULL;
    size_t count = 0;
    size_t part = 1;
    size_t parts = 1;
    int status = read_shard(s->arguments, &part, &parts, err);
    if (status == REBIAS_OK) {
        status = sweep_plan_list(&s->plan, err);
    }
    if (status == REBIAS_OK) {
        status = sweep_plan_cells(&s->plan, &cells, &count, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_store_open(&s->store, argument_text(s->arguments, "store"),
                                   REBIAS_STORE_WRITE, err);
    }
    if (status == REBIAS_OK) {
        keep_shard(cells, &count, part, parts);
        s->all = count;
        status = want_cells(s, cells, count, err);
    }
    if (status == REBIAS_OK && !argument_flag(s->arguments, "force")) {
        status = keep_missing(cells, &count, &s->plan, s->store, err);
    }
    s->cells.data = cells;
    s->cells.count = s->cells.capacity = count * sizeof *cells;
    return status;
}

static void remark_end(const struct sweep *s, const struct sweep_run *run, double seconds)
{
    char text[32];
    sweep_duration(seconds, text);
    remark(s->arguments, "%zu cells in %s: %zu done now, %zu were in the store", s->all, text,
           run->done, s->all - run->done);
    if (run->failed > 0) {
        remark(s->arguments,
               "%zu cells have no result: too few points for a fit, or numbers that grew "
               "without bound",
               run->failed);
    }
}

static int tell_interrupted(const struct sweep_run *run, struct rebias_error *err)
{
    return rebias_fail(err, REBIAS_E_INTERRUPTED,
                       "interrupted after %zu of %zu cells; the same command goes on with the "
                       "others",
                       run->done + run->taken, run->count);
}

static int run_cells(struct sweep *s, struct rebias_error *err)
{
    struct sweep_run run = {.arguments = s->arguments,
                            .plan = &s->plan,
                            .store = s->store,
                            .cells = s->cells.data,
                            .count = s->cells.count / sizeof(struct sweep_cell),
                            .force = argument_flag(s->arguments, "force"),
                            .ranks = s->ranks};
    const double start = sweep_clock();
    int status = sweep_run(&run, err);
    if (s->rank == 0 && status == REBIAS_OK) {
        remark_end(s, &run, sweep_clock() - start);
    }
    return s->rank == 0 && status == REBIAS_E_INTERRUPTED ? tell_interrupted(&run, err)
                                                          : status;
}

static int run_ranks(struct sweep *s, struct rebias_error *err)
{
    int status = read_plan(&s->plan, s->arguments, err);
    if (status == REBIAS_OK && s->rank == 0) {
        status = list_cells(s, err);
    }
    status = rebias_mpi_agree(status, err);
    if (status == REBIAS_OK) {
        status = rebias_mpi_broadcast(&s->cells, err);
    }
    return status == REBIAS_OK ? run_cells(s, err) : status;
}

static int run_run(const struct arguments *a, struct rebias_error *err)
{
    struct sweep s = {.arguments = a, .ranks = 1};
    if (!argument_given(a, "store")) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "nowhere to keep the results: give --store STORE.db");
    }
    images_keep();
    int status = rebias_mpi_start(rebias_mpi_launched(getenv), &s.rank, &s.ranks, err);
    if (status == REBIAS_OK) {
        status = run_ranks(&s, err);
    }
    if (s.ranks > 1 && status != REBIAS_OK) {
        /* all ranks return the same error; the first one tells it while the others wait in
         * rebias_mpi_stop: mpirun kills the job when a rank ends with an error */
        if (s.rank == 0) {
            tell_error(a->command, err);
        }
        err->message[0] = '\0';
    }
    rebias_mpi_stop();
    rebias_store_free(s.store);
    free(s.cells.data);
    sweep_plan_clear(&s.plan);
    images_drop();
    return status;
}

/* -- 5. status -- */

static int count_failures(void *context, const struct rebias_store_record *record,
                          struct rebias_error *err)
{
    size_t *failed = context;
    (void)err;
    for (size_t i = 0; i < record->value_count; i++) {
        const char *name = record->values[i].name;
        *failed += (strcmp(name, "failed") == 0 || strcmp(name, "fit_failed") == 0) &&
                   record->values[i].value > 0.0;
    }
    return REBIAS_OK;
}

static void remark_rate(const struct arguments *a, const struct rebias_store_status *s)
{
    char window[32];
    char left[32];
    if (s->recent == 0) {
        return;
    }
    sweep_duration(s->recent_seconds, window);
    sweep_duration((double)s->left * s->recent_seconds / (double)s->recent, left);
    remark(a, "%zu cells in the last %s%s%s%s", s->recent, window,
           s->left > 0 ? "; at this rate the others take " : "", s->left > 0 ? left : "",
           s->left > 0 ? ", while a sweep runs" : "");
}

static int print_status(const struct arguments *a, const struct rebias_store_status *s,
                        size_t failed, struct rebias_error *err)
{
    static const char *const names[] = {"configurations", "done", "left", "failed", "seconds"};
    struct table table;
    table_start(&table, sizeof names / sizeof names[0], names);
    int status = table_integer(&table, (int64_t)s->configurations, err);
    if (status == REBIAS_OK) {
        status = table_integer(&table, (int64_t)s->done, err);
    }
    if (status == REBIAS_OK) {
        status = table_integer(&table, (int64_t)s->left, err);
    }
    if (status == REBIAS_OK) {
        status = table_integer(&table, (int64_t)failed, err);
    }
    if (status == REBIAS_OK) {
        status = table_number(&table, round(1000.0 * s->seconds) / 1000.0, err);
    }
    if (status == REBIAS_OK) {
        status = table_finish(&table, a, NULL, 0, err);
    }
    table_free(&table);
    return status;
}

static int run_status(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_store *store = NULL;
    struct rebias_store_status s;
    size_t failed = 0;
    int status = rebias_store_open(&store, a->word[0], REBIAS_STORE_READ, err);
    if (status == REBIAS_OK) {
        status = rebias_store_status(store, &s, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_store_each(store, NULL, count_failures, &failed, err);
    }
    if (status == REBIAS_OK) {
        status = print_status(a, &s, failed, err);
    }
    if (status == REBIAS_OK) {
        remark_rate(a, &s);
    }
    rebias_store_free(store);
    return status;
}

/* -- 6. export and merge -- */

static int run_export(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_store *store = NULL;
    int status = check_writable(argument_text(a, "output"), err);
    if (status == REBIAS_OK) {
        status = rebias_store_open(&store, a->word[0], REBIAS_STORE_READ, err);
    }
    if (status == REBIAS_OK) {
        status =
            sweep_export(store, argument_text(a, "output"), argument_flag(a, "timings"), err);
    }
    rebias_store_free(store);
    return status;
}

static int merge_one(struct rebias_store *store, const struct arguments *a, const char *other,
                     size_t *differing, struct rebias_error *err)
{
    size_t added = 0;
    size_t different = 0;
    int status = rebias_store_merge(store, other, &added, &different, err);
    if (status == REBIAS_OK) {
        remark(a, "%s: %zu cells added", other, added);
    }
    if (status == REBIAS_OK && different > 0) {
        remark(a, "%s: %zu cells have other values here and there; those of %s are kept", other,
               different, a->word[0]);
    }
    *differing += different;
    return status;
}

static int run_merge(const struct arguments *a, struct rebias_error *err)
{
    struct rebias_store *store = NULL;
    size_t differing = 0;
    int status = rebias_store_open(&store, a->word[0], REBIAS_STORE_WRITE, err);
    for (size_t i = 1; i < a->words && status == REBIAS_OK; i++) {
        status = merge_one(store, a, a->word[i], &differing, err);
    }
    rebias_store_free(store);
    return status == REBIAS_OK && differing > 0 ? CHECK_FAILED : status;
}

/* -- 7. commands -- */

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]
#define EXPERIMENT                                                                             \
    "EXPERIMENT.ini: job (bias, train, deploy or continual), replicates; [options]: options "  \
    "of that command without\n"                                                                \
    "dashes (flags: yes or no; deploy's file: network); [grid]: the same with lists a, b, c, " \
    "separated by a comma and a\n"                                                             \
    "blank. Every combination is a configuration, every replicate of it a cell; bias adds "    \
    "the "                                                                                     \
    "target's own networks."

const struct command sweep_commands[] = {
    {"sweep check", "EXPERIMENT.ini", "lists configurations, finds errors, estimates the time",
     EXPERIMENT, 1, 1, ROWS(check_rows), run_check, NULL},
    {"sweep run", "EXPERIMENT.ini", "works out the cells that the store does not have",
     EXPERIMENT "\nEach cell is in the store as soon as it is done; the same command goes on "
                "after an interruption. Several\n"
                "sweeps may share a store. Started by mpirun or srun, rank 0 keeps the store "
                "and the others work.",
     1, 1, ROWS(run_rows), run_run, NULL},
    {"sweep status", "STORE.db", "cells done, left and without result", NULL, 1, 1, NULL, 0,
     run_status, NULL},
    {"sweep export", "STORE.db", "all cells as CSV, one number a row",
     "Columns: job, configuration (hash), the keys that vary, replicate, name, position, "
     "value. The same bytes\n"
     "whoever worked the cells out, in which order.",
     1, 1, ROWS(export_rows), run_export, NULL},
    {"sweep merge", "STORE.db OTHER.db...", "adds the cells of other stores",
     "Cells that both have are compared: exit 3 when their values differ.", 2, MAX_WORDS, NULL,
     0, run_merge, NULL},
};
const size_t sweep_command_count = sizeof sweep_commands / sizeof sweep_commands[0];
