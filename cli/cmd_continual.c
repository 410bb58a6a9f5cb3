/* cmd_continual.c - `rebias continual`: networks trained task after task, with or without
 * elastic weight consolidation. */
#include "commands.h"
#include "continual_setup.h"
#include "learn_options.h"
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    LEARN_TASK_ROWS,
    {"layers", 0, OPTION_TEXT, "N,N,...", NULL, 0, 0,
     "neurons: inputs, hidden ..., outputs (default: inputs, 12,6 or 100, classes)"},
    {"activation", 0, OPTION_CHOICE, "sigmoid|tanh|relu", "tanh", 0, 0, "of hidden layers"},
    {"ewc", 0, OPTION_NUMBER, "L", "0", 0, 1e12,
     "lambda of elastic weight consolidation, 0: earlier tasks are not protected"},
    {"fisher-samples", 0, OPTION_INTEGER, "N", "100", 1, 1e9,
     "samples of a task that its Fisher information is the mean over"},
    LEARN_RATE_ROWS("50", "20", "1e-3", "constant"),
    {"optimizer", 0, OPTION_CHOICE, "sgd|adam", "adam", 0, 0,
     "its state is kept from task to task"},
    {"momentum", 0, OPTION_NUMBER, "M", "0.9", 0, 0.9999, "of sgd"},
    {"no-biases", 0, OPTION_FLAG, NULL, NULL, 0, 0, "keep all biases at 0"},
    {"ternary", 0, OPTION_FLAG, NULL, NULL, 0, 0, "ternary weights, straight-through"},
    {"threshold", 0, OPTION_NUMBER, "T", "0.7", 0, 10,
     "ternary: weights below T times their layer's mean size are 0"},
    {"seeds", 0, OPTION_INTEGER, "N", "10", 1, 100000, "networks, trained independently"},
    {"output", 'o', OPTION_TEXT, "FILE.h5", NULL, 0, 0, "write the networks here"},
};

static struct rebias_learn_options read_options(const struct arguments *a)
{
    struct rebias_learn_options o = rebias_learn_options_defaults();
    o.epochs = (size_t)argument_integer(a, "epochs");
    o.batch = (size_t)argument_integer(a, "batch");
    o.rate = argument_number(a, "rate");
    o.schedule = (enum rebias_schedule)argument_choice(a, "schedule");
    o.decay = argument_number(a, "decay");
    o.optimizer = (enum rebias_learn_optimizer)argument_choice(a, "optimizer");
    o.momentum = argument_number(a, "momentum");
    o.biases = !argument_flag(a, "no-biases");
    o.levels = argument_flag(a, "ternary") ? REBIAS_LEARN_TERNARY : REBIAS_LEARN_FLOAT;
    o.threshold = argument_number(a, "threshold");
    o.lambda = argument_number(a, "ewc");
    o.fisher_samples = (size_t)argument_integer(a, "fisher-samples");
    o.seed = (uint64_t)argument_integer(a, "seed");
    return o;
}

int continual_setup_open(struct continual_setup *setup, const struct arguments *arguments,
                         struct rebias_error *err)
{
    const struct arguments *a = arguments;
    setup->options = read_options(a);
    int status = learn_source_open(&setup->source, argument_text(a, "task"), a, err);
    return status == REBIAS_OK
               ? learn_architecture(&setup->architecture, &setup->source,
                                    setup->source.set != NULL ? "100" : "12,6", a, err)
               : status;
}

void continual_setup_clear(struct continual_setup *setup)
{
    learn_source_clear(&setup->source);
}

/* -- the table -- */

enum { NAME_LENGTH = 24, MOST_COLUMNS = 2 * 16 * 16 };

/* Names of the columns: "network", "after1_task1" ..., "mean", "validation". */
struct heading {
    char text[MOST_COLUMNS][NAME_LENGTH];
    const char *name[MOST_COLUMNS];
    size_t count;
};

static void add_name(struct heading *heading, const char *name)
{
    const size_t i = heading->count++;
    snprintf(heading->text[i], NAME_LENGTH, "%s", name);
    heading->name[i] = heading->text[i];
}

static void make_heading(struct heading *heading, size_t tasks)
{
    char name[NAME_LENGTH];
    heading->count = 0;
    add_name(heading, "network");
    for (size_t i = 0; i < tasks * tasks; i++) {
        snprintf(name, sizeof name, "after%u_task%u", (unsigned)(i / tasks + 1),
                 (unsigned)(i % tasks + 1));
        add_name(heading, name);
    }
    add_name(heading, "mean");
    add_name(heading, "validation");
}

static double mean_of(const double *x, size_t n)
{
    return learn_spread_of(x, n, 1).mean;
}

static int network_row(struct table *table, const struct rebias_continual *c, size_t seed,
                       struct rebias_error *err)
{
    const size_t k = c->tasks;
    const double *test = c->test + seed * k * k;
    int status = table_integer(table, (int64_t)seed, err);
    for (size_t i = 0; i < k * k && status == REBIAS_OK; i++) {
        status = table_number(table, test[i], err);
    }
    if (status == REBIAS_OK) {
        status = table_number(table, mean_of(test + k * (k - 1), k), err);
    }
    return status == REBIAS_OK ? table_number(table, mean_of(c->validation + seed * k, k), err)
                               : status;
}

static int print_networks(const struct arguments *a, const struct rebias_continual *c,
                          const struct provenance *provenance, struct rebias_error *err)
{
    struct heading *heading = NULL;
    struct table table = {0};
    int status = rebias_alloc(&heading, 1, sizeof *heading, err);
    if (status != REBIAS_OK) {
        return status;
    }
    make_heading(heading, c->tasks);
    table_start(&table, heading->count, heading->name);
    for (size_t s = 0; s < c->seeds && status == REBIAS_OK; s++) {
        status = network_row(&table, c, s, err);
    }
    if (status == REBIAS_OK) {
        status = table_print(&table, provenance, argument_choice(a, "format") == 1, NULL, err);
    }
    table_free(&table);
    free(heading);
    return status;
}

/* Mean and sd over the networks: each task at the end, and the tasks' mean. */
static int remark_spread(const struct arguments *a, const struct rebias_continual *c,
                         struct rebias_error *err)
{
    const size_t k = c->tasks;
    double *mean = NULL;
    int status = rebias_alloc(&mean, c->seeds, sizeof *mean, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t task = 0; task < k; task++) {
        const struct learn_spread spread =
            learn_spread_of(c->test + k * (k - 1) + task, c->seeds, k * k);
        remark(a, "task %zu at the end: %.1f +- %.1f %% of the test samples", task + 1,
               100.0 * spread.mean, 100.0 * spread.sd);
    }
    for (size_t s = 0; s < c->seeds; s++) {
        mean[s] = mean_of(c->test + s * k * k + k * (k - 1), k);
    }
    const struct learn_spread spread = learn_spread_of(mean, c->seeds, 1);
    remark(a, "mean of the tasks: %.1f +- %.1f %% (mean and sd over %zu networks)",
           100.0 * spread.mean, 100.0 * spread.sd, c->seeds);
    free(mean);
    return REBIAS_OK;
}

/* -- running -- */

static int publish(const struct arguments *a, struct rebias_continual *c,
                   const struct learn_source *source, struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    int status = learn_provenance(&provenance, a, NULL, source, err);
    if (status == REBIAS_OK) {
        status = print_networks(a, c, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = learn_save(c->networks, &provenance, a, err);
    }
    if (status == REBIAS_OK) {
        status = remark_spread(a, c, err);
    }
    provenance_free(&provenance);
    return status;
}

static int run_continual(const struct arguments *a, struct rebias_error *err)
{
    struct continual_setup setup = {.source = {NULL, NULL}};
    struct rebias_continual *c = NULL;
    struct progress progress = {.arguments = a, .what = "networks"};
    int status = learn_check_output(a, err);
    if (status == REBIAS_OK) {
        status = continual_setup_open(&setup, a, err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_continual_run(
            &c,
            &(struct rebias_continual_plan){.tasks = setup.source.tasks,
                                            .architecture = &setup.architecture,
                                            .options = setup.options,
                                            .seeds = (size_t)argument_integer(a, "seeds"),
                                            .threads = thread_count(a),
                                            .progress = progress_step,
                                            .progress_context = &progress},
            err);
        progress_end(&progress);
    }
    if (status == REBIAS_OK) {
        status = publish(a, c, &setup.source, err);
    }
    rebias_continual_free(c);
    continual_setup_clear(&setup);
    return status;
}

const struct command continual_commands[] = {
    {"continual", "", "networks trained task after task, with elastic weight consolidation",
     "One network is trained on the first task, then on the second ...; all tasks share inputs "
     "and outputs. A row a network:\n"
     "after1_task2 is the fraction of task 2's test samples classified rightly behind training "
     "on task 1; mean: of the tasks at\n"
     "the end; validation: the same on samples kept apart, to choose networks by.",
     0, 0, rows, sizeof rows / sizeof rows[0], run_continual, NULL},
};
const size_t continual_command_count = 1;
