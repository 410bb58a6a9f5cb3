/* deploy_plan.h - what a `rebias deploy` run consists of: inputs, cells, results. */
#ifndef REBIAS_CLI_DEPLOY_PLAN_H
#define REBIAS_CLI_DEPLOY_PLAN_H

#include "options.h"
#include "rebias/base.h"
#include "rebias/deploy.h"
#include "rebias/fine_tune.h"

enum { DEPLOY_LISTED = 64, DEPLOY_METHODS = 8, DEPLOY_TASKS = 2 };

/* A word of --method. */
struct deploy_method {
    const char *word;
    const char *name; /* in figures */
    enum rebias_deploy_method method;
    bool plain; /* lea without its choices: blind places, simple encoding, all copies */
    bool tuned; /* fine-tuned behind the deployment */
};

/* Fine-tuning of the cells that ask for it. */
struct deploy_tuning {
    bool used;
    struct rebias_fine_tune_options options;
    struct rebias_device *device;
    struct rebias_mgd_data data; /* training samples */
    float *x;                    /* of tasks, or NULL: images */
    uint8_t *label;
};

/* One line of the table: a method with its copies at one fraction of stuck devices. */
struct deploy_cell {
    const struct deploy_method *way;
    enum rebias_deploy_method method; /* the way's */
    size_t alpha;
    size_t beta;  /* 0: the method has none */
    double stuck; /* probability, or the chip's fraction */
};

/* One deployment. */
struct deploy_run {
    double accuracy[DEPLOY_TASKS];
    double mean_accuracy;
    double mapping_error; /* %, mean over layers */
    /* of tuned methods, else NaN: what it was before, and what tuning took */
    double accuracy_before, mapping_error_before, pulses;
    size_t devices;
    double verify_success; /* fraction of working devices inside their window, */
    double verify_pulses;  /* and pulses a device; 0 without --write-verify */
};

struct deploy_plan {
    const struct arguments *arguments;
    struct rebias_weights_set *networks;
    struct rebias_chip *chip;          /* NULL: statistical */
    struct rebias_deploy_options base; /* of all cells */
    struct rebias_block *given;
    struct rebias_device *device; /* of --write-verify, or NULL */
    double *samples[3];           /* residuals of errors read from files */
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
    struct deploy_tuning tuning;
};

extern const struct deploy_method deploy_methods[DEPLOY_METHODS];

/* Everything but x, label, runs from the options; plan is all zero before. */
int deploy_plan_read(struct deploy_plan *plan, const struct arguments *arguments,
                     struct rebias_error *err);
/* The samples: test images, or the test sets of both tasks. */
int deploy_plan_load_samples(struct deploy_plan *plan, struct rebias_error *err);
void deploy_plan_clear(struct deploy_plan *plan);

/* --write-verify and its numbers. */
int deploy_read_verify(struct deploy_plan *plan, struct rebias_error *err);
/* Success and pulses of one deployment into its run. */
void deploy_count_pulses(const struct rebias_deployment *deployment, struct deploy_run *run);

/* --wire-resistance, --row-wire, --column-wire. */
void deploy_read_wires(const struct arguments *arguments,
                       struct rebias_deploy_options *options);

/* The network's file without its folder, for figures. */
const char *deploy_network_name(const struct deploy_plan *plan);

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

/* The same with one panel a fraction of stuck devices (or one for all, when there is one alpha)
 * and one curve a method, against copies and devices (or stuck devices). */
int deploy_methods_figure(const char *path, const struct deploy_plan *plan,
                          const struct deploy_summary *summary, struct rebias_error *err);

/* Accuracy against stuck devices (or copies, when there is one fraction of them), one panel a
 * method; summary[cell_count]. */
int deploy_figure(const char *path, const struct deploy_plan *plan,
                  const struct deploy_summary *summary, struct rebias_error *err);

#endif
