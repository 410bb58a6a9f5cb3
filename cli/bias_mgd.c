/* bias_mgd.c - `rebias bias --trainer mgd`.
 * 1. options that belong to one trainer   2. opening
 *
 * The options are read as those of `train --trainer mgd`, whose rows they are; --method names
 * the estimators here, so that what is perturbed is --mgd-method.
 */
#include "bias_mgd.h"
#include "network_options.h"

/* -- 1. options that belong to one trainer -- */

static const struct option_row mgd_rows[] = {BIAS_MGD_ROWS};

int bias_mgd_check(const struct arguments *arguments, bool mgd, struct rebias_error *err)
{
    static const char *const mapped[] = {"loss", "epochs", "rate", "schedule"};
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0] && mgd; i++) {
        if (argument_given(arguments, mapped[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s has no meaning with --trainer mgd",
                               mapped[i]);
        }
    }
    for (size_t i = 0; i < sizeof mgd_rows / sizeof mgd_rows[0] && !mgd; i++) {
        if (argument_given(arguments, mgd_rows[i].name)) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s is for --trainer mgd",
                               mgd_rows[i].name);
        }
    }
    return REBIAS_OK;
}

/* -- 2. opening -- */

static const struct option_row train_rows[] = {
    {"device", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0, NULL},
    NETWORK_ROWS,
    {"replicate", 0, OPTION_INTEGER, "N", "0", 0, 0, NULL},
    MGD_DATA_ROWS,
    MGD_NETWORK_ROW,
    MGD_METHOD_ROW,
    MGD_PERTURBATION_ROWS,
    MGD_UPDATE_ROWS,
    MGD_RUN_ROWS,
};
static const struct command train_command = {
    .name = "train",
    .rows = train_rows,
    .row_count = sizeof train_rows / sizeof train_rows[0],
};

/* The networks' device is each study's own, so none is opened here; the options of crossbars
 * are valid all the same. */
static const char *const renamed[][2] = {
    {"method", "mgd-method"},
    {"device", "target"},
    {"figure", ""},
};

int bias_mgd_open(struct bias_mgd *mgd, const struct arguments *arguments,
                  struct rebias_error *err)
{
    struct arguments train;
    *mgd = (struct bias_mgd){0};
    arguments_translate(&train, &train_command, arguments, renamed,
                        sizeof renamed / sizeof renamed[0]);
    int status = mgd_setup_read(&mgd->setup, &train, true, err);
    if (status == REBIAS_OK) {
        status = mgd_read_training(&mgd->setup.options, &train, err);
    }
    mgd->setup.options.every = mgd->setup.options.steps; /* only the end counts */
    mgd->parts = (struct rebias_bias_mgd){.architecture = &mgd->setup.architecture,
                                          .train = &mgd->setup.source.train,
                                          .test = &mgd->setup.source.test,
                                          .options = &mgd->setup.options};
    return status;
}

void bias_mgd_clear(struct bias_mgd *mgd)
{
    mgd_setup_clear(&mgd->setup);
}
