/* deploy_plan.h - what a `rebias deploy` run consists of: inputs, cells, results. */
#ifndef REBIAS_CLI_DEPLOY_PLAN_H
#define REBIAS_CLI_DEPLOY_PLAN_H

#include "options.h"
#include "rebias/base.h"
#include "rebias/deploy.h"

enum { DEPLOY_LISTED = 64, DEPLOY_METHODS = 3, DEPLOY_TASKS = 2 };

/* One line of the table: a method with its copies at one fraction of stuck devices. */
struct deploy_cell {
    enum rebias_deploy_method method;
    size_t alpha;
    size_t beta;  /* 0: the method has none */
    double stuck; /* probability, or the chip's fraction */
};

/* One deployment. */
struct deploy_run {
    double accuracy[DEPLOY_TASKS];
    double mean_accuracy;
    double mapping_error; /* %, mean over layers */
    size_t devices;
};

struct deploy_plan {
    const struct arguments *arguments;
    struct rebias_weights_set *networks;
    struct rebias_chip *chip;          /* NULL: statistical */
    struct rebias_deploy_options base; /* of all cells */
    struct rebias_block *given;
    double *samples[3]; /* residuals of errors read from files */
    double stuck[DEPLOY_LISTED];
    size_t stuck_count;
    size_t tasks; /* sets of samples to classify */
    size_t n[DEPLOY_TASKS];
    float *x[DEPLOY_TASKS];
    uint8_t *label[DEPLOY_TASKS];
    struct deploy_cell *cells;
    size_t cell_count;
    size_t replicates;
    struct deploy_run *runs;         /* [cell_count][replicates] */
    double *software;                /* [cell_count] */
    struct rebias_image_set *images; /* for its checksums */
};

extern const char *const deploy_method_words[DEPLOY_METHODS]; /* "lea", "cm", "mao" */

/* Everything but x, label, runs from the options; plan is all zero before. */
int deploy_plan_read(struct deploy_plan *plan, const struct arguments *arguments,
                     struct rebias_error *err);
/* The samples: test images, or the test sets of both tasks. */
int deploy_plan_load_samples(struct deploy_plan *plan, struct rebias_error *err);
void deploy_plan_clear(struct deploy_plan *plan);

/* Options of one deployment of a cell. */
struct rebias_deploy_options deploy_cell_options(const struct deploy_plan *plan,
                                                 const struct deploy_cell *cell,
                                                 size_t replicate);

/* One deployment of cell number `cell`. */
int deploy_run_one(const struct deploy_plan *plan, size_t cell, size_t replicate,
                   struct deploy_run *run, struct rebias_error *err);

/* Networks of the file that vote in a cell. */
size_t deploy_committee(const struct deploy_cell *cell);
/* *mean = mean accuracy of the first `count` networks without devices. */
int deploy_software(const struct deploy_plan *plan, size_t count, double *mean,
                    struct rebias_error *err);

/* The table of cells, and that of deployments when -o names a file. */
int deploy_publish(const struct deploy_plan *plan, struct rebias_error *err);

/* Mean, sd and interval of a cell's mean accuracies (interval NaN for one replicate). */
struct deploy_summary {
    double mean, sd, low, high;
};
int deploy_summarise(const struct deploy_plan *plan, size_t cell,
                     struct deploy_summary *summary, struct rebias_error *err);

/* Accuracy against stuck devices (or copies, when there is one fraction of them), one panel a
 * method; summary[cell_count]. */
int deploy_figure(const char *path, const struct deploy_plan *plan,
                  const struct deploy_summary *summary, struct rebias_error *err);

#endif
