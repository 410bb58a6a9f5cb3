/* sweep_job.h - what a cell of a sweep is: one descriptor a job. */
#ifndef REBIAS_CLI_SWEEP_JOB_H
#define REBIAS_CLI_SWEEP_JOB_H

#include "options.h"
#include "rebias/base.h"
#include "rebias/images.h"
#include "rebias/store.h"

/* A cell under way: which, and where its numbers go. */
struct sweep_task {
    bool target; /* bias: the target's own network */
    uint32_t replicate;
    rebias_progress *progress; /* of the work in the cell; asks to stop */
    void *progress_context;
    struct rebias_buffer *numbers; /* of sweep_number */
};

enum { SWEEP_NAME = 32 };
struct sweep_number {
    char name[SWEEP_NAME];
    double position;
    double value;
};

int sweep_add(const struct sweep_task *task, const char *name, double position, double value,
              struct rebias_error *err);

struct sweep_job {
    const struct command *command; /* whose options the keys are; its name is the job's */
    const char *word;              /* key that is the command's argument, or NULL */
    const char *const *left_out;   /* options without meaning in a cell; NULL behind the last */
    const char *const
        *not_of_target; /* bias: options that its target's network does not depend on */
    /* The value that the canonical text shows of an option that takes one, NULL: none; itself
     * NULL: as given, or its default. */
    const char *(*shown)(const struct arguments *arguments, const char *name);
    size_t size; /* of the set-up */
    /* Fills a zeroed set-up, refusing what is more than one case; cleared also on failure. The
     * arguments outlive it. */
    int (*open)(void *setup, const struct arguments *arguments, struct rebias_error *err);
    void (*clear)(void *setup);
    const struct rebias_image_set *(*images)(const void *setup); /* or NULL */
    bool (*has_target)(const void *setup);                       /* NULL: never */
    /* About proportional to the time of a cell, or of its target's. */
    double (*cost)(const void *setup, bool target);
    /* Works a cell out; called from several threads at once. */
    int (*work)(void *setup, const struct sweep_task *task, struct rebias_error *err);
};

extern const struct sweep_job sweep_bias, sweep_train, sweep_deploy, sweep_continual;

/* The job of a name; NULL: unknown. */
const struct sweep_job *sweep_job_find(const char *name);
extern const char sweep_job_names[]; /* "bias, train, deploy or continual" */

#endif
