/* sweep_plan.h - from an experiment to its cells: every configuration checked and written as
 * canonical text. */
#ifndef REBIAS_CLI_SWEEP_PLAN_H
#define REBIAS_CLI_SWEEP_PLAN_H

#include "rebias/experiment.h"
#include "sweep_job.h"

/* One configuration opened, ready for work. */
struct sweep_setup {
    const struct sweep_job *job;
    struct arguments arguments;
    char **words; /* its command line, owned */
    size_t word_count;
    void *opened; /* of the job */
};

/* A configuration of the experiment, or what bias adds to it: its target's own network. */
struct sweep_configuration {
    size_t number; /* of the experiment */
    bool target;
    char *text;   /* canonical: doc/store.md */
    char *inputs; /* "name checksum" lines */
    uint64_t seed;
    double cost;
};

/* Travels between processes: what a worker must know of a cell. */
struct sweep_cell {
    size_t configuration; /* of the plan: text, cost; known to rank 0 only */
    size_t number;        /* of the experiment */
    uint32_t target;      /* 1: the target's own network */
    uint32_t replicate;
    char hash[17]; /* of the configuration as it was listed */
};

struct sweep_plan {
    struct rebias_experiment *experiment;
    const struct sweep_job *job;
    struct rebias_buffer configurations; /* struct sweep_configuration, in their order */
};

/* Reads the experiment and finds its job. A mistake in what the file or the overrides say gives
 * WRONG_USAGE (commands.h) with err filled. To be cleared also on failure. */
int sweep_plan_read(struct sweep_plan *plan, const char *path, const char *const *overrides,
                    size_t override_count, struct rebias_error *err);

/* Opens every configuration once, which finds its errors, and lists them all. */
int sweep_plan_list(struct sweep_plan *plan, struct rebias_error *err);
void sweep_plan_clear(struct sweep_plan *plan);

/* Adds "(method = kriging, points = 100)" to an error: what the grid varies. */
void sweep_plan_tell(const struct sweep_plan *plan, size_t number, struct rebias_error *err);

const struct sweep_configuration *sweep_plan_at(const struct sweep_plan *plan, size_t i);
struct rebias_store_cell sweep_plan_cell(const struct sweep_plan *plan,
                                         const struct sweep_cell *cell);

/* *cells[*count] = all cells of the plan, replicate after replicate; free() them. */
int sweep_plan_cells(const struct sweep_plan *plan, struct sweep_cell **cells, size_t *count,
                     struct rebias_error *err);

/* Opens configuration `number` of the experiment; to be cleared also on failure. */
int sweep_setup_open(struct sweep_setup *setup, const struct sweep_plan *plan, size_t number,
                     struct rebias_error *err);
void sweep_setup_clear(struct sweep_setup *setup);

/* *text = the canonical text of an open configuration, *inputs = its files; free() both. */
int sweep_text(char **text, char **inputs, const struct sweep_setup *setup, bool target,
               struct rebias_error *err);

#endif
