/* cmd_deploy.c - `rebias deploy`: trained networks on defective crossbars.
 * 1. options   2. all deployments   3. the command
 */
#include "commands.h"
#include "deploy_plan.h"
#include "deploy_tune.h"
#include "figure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"chip", 0, OPTION_TEXT, "CHIP.h5", NULL, 0, 0,
     "a chip with its stuck devices (`chip`); layers that no kernel holds are cut into tiles"},
    {"stuck", 0, OPTION_TEXT, "P,P,...", NULL, 0, 0,
     "no chip: every device is stuck with this probability, anew in each replicate"},
    {"stuck-values", 0, OPTION_TEXT, "S,S", "10e-6,500e-6", 0, 0,
     "with --stuck: at which conductances, half of the devices at each"},
    {"method", 0, OPTION_TEXT, "LIST", "lea", 0, 0,
     "lea: average copies row by row; cm: average networks; mao: copies make up for each "
     "other; plain, tuned, lea+tuned ...: as above"},
    {"alpha", 0, OPTION_TEXT, "N,N,...", "1", 0, 0,
     "copies of each conductance matrix, networks of a committee"},
    {"beta", 0, OPTION_TEXT, "N,N,...", "same", 0, 0,
     "lea: how many of them are averaged, the best of each row; same: alpha"},
    {"encoding", 0, OPTION_CHOICE, "simple|rme|rme-apart", "simple", 0, 0,
     "lea: alike copies, or ones that make up for stuck devices"},
    {"placement", 0, OPTION_TEXT, "HOW", NULL, 0, 0,
     "greedy, random:N, coverage, blind, given:FILE (default greedy; blind with --stuck)"},
    {"score", 0, OPTION_CHOICE, "stuck|measured", "stuck", 0, 0,
     "devices that count when places and rows are chosen"},
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "the devices"},
    {"G-on", 0, OPTION_NUMBER, "S", "233.33e-6", 0, 1, "conductance of a weight"},
    {"G-off", 0, OPTION_NUMBER, "S", "133.33e-6", 0, 1, "conductance of no weight"},
    {"levels", 0, OPTION_INTEGER, "N", "2", 2, 65536, "conductances that can be written"},
    {"write-error", 0, OPTION_TEXT, "SPREAD", "none", 0, 0,
     "gaussian:SD, uniform:W, samples:FILE or none, in S: anew at every write"},
    {"write-fixed", 0, OPTION_TEXT, "SPREAD", "none", 0, 0,
     "the same, of each device for good"},
    {"write-verify", 0, OPTION_TEXT, "DEVICE", NULL, 0, 0,
     "program by pulses of this device (preset, model:param=value,..., table) instead of such "
     "errors; it must reach G-off and G-on"},
    {"verify-window", 0, OPTION_NUMBER, "S", "16.67e-6", 0, 1, "half width around the target"},
    {"verify-tries", 0, OPTION_INTEGER, "N", "3", 0, 100000,
     "rounds of a read and round(|target - read|/mean pulse) pulses"},
    {"read-noise", 0, OPTION_TEXT, "SPREAD", "none", 0, 0, "such an error anew at every read"},
    {"drift", 0, OPTION_TEXT, "NU,SD,TIME", NULL, 0, 0,
     "written devices fall as TIME^-nu, nu normal, TIME in units of that of writing"},
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "the read chain"},
    {"read-voltage", 0, OPTION_NUMBER, "V", "0.3", 1e-6, 100, "of an input of 1"},
    {"gain", 0, OPTION_TEXT, "MEAN,SD", "1,0", 0, 0, "of a kernel row"},
    {"offset", 0, OPTION_TEXT, "MEAN,SD", "0,0", 0, 0, "of a kernel row, A"},
    {"readout-noise", 0, OPTION_NUMBER, "A", "0", 0, 1,
     "sd of a row's current at 25 columns; grows as the root of their number"},
    {"dac-bits", 0, OPTION_INTEGER, "N", "0", 0, 24, "of inputs (0: ideal)"},
    {"adc-bits", 0, OPTION_INTEGER, "N", "0", 0, 24, "of currents (0: ideal)"},
    {"batch", 0, OPTION_INTEGER, "N", "1000", 1, 65536, "samples that share one read"},
    {"wire-resistance", 0, OPTION_NUMBER, "OHM", "0", 0, 1e9,
     "IR drop: of a segment of a block's rows and columns; 1.3 s a block of 784 x 150 (n "
     "outputs: "
     "one factor, n solutions), again each batch with read noise"},
    {"row-wire", 0, OPTION_NUMBER, "OHM", NULL, 0, 1e9, "another one for rows (currents)"},
    {"column-wire", 0, OPTION_NUMBER, "OHM", NULL, 0, 1e9,
     "another one for columns (voltages)"},
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "what is classified"},
    {"images", 0, OPTION_TEXT, "NAME", NULL, 0, 0,
     "test images of fashion-mnist, mnist, mnist-small, cifar10, or a folder"},
    {"data", 0, OPTION_TEXT, "DIR", NULL, 0, 0, "look for the data set here first"},
    {"test-images", 0, OPTION_INTEGER, "N", "0", 0, 1e9, "use the first N (0: all)"},
    {"task", 0, OPTION_CHOICE, "yinyang", "yinyang", 0, 0,
     "test sets of both yin-yang tasks (without --images)"},
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "fine-tuning of the methods that ask for it"},
    TUNE_ROWS,
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "the run"},
    {"replicates", 0, OPTION_INTEGER, "N", "10", 1, 1000000, "deployments of each case"},
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0, "write every deployment here, as CSV"},
    {"figure", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "accuracy against stuck devices or copies, .png, .svg or .pdf (needs gnuplot)"},
};

/* -- 2. all deployments -- */

static int deploy_item(void *context, size_t item, struct rebias_error *err)
{
    const struct deploy_plan *plan = context;
    return deploy_run_one(plan, item / plan->replicates, item % plan->replicates,
                          &plan->runs[item], err);
}

/* Of each cell; committees of one size are asked once. */
static int add_software(struct deploy_plan *plan, struct rebias_error *err)
{
    double known[DEPLOY_LISTED + 1];
    bool asked[DEPLOY_LISTED + 1] = {false};
    int status = REBIAS_OK;
    for (size_t c = 0; c < plan->cell_count && status == REBIAS_OK; c++) {
        const size_t count = deploy_committee(&plan->cells[c]);
        if (!asked[count]) {
            status = deploy_software(plan, count, &known[count], err);
            asked[count] = true;
        }
        plan->software[c] = known[count];
    }
    return status;
}

static int deploy_all(struct deploy_plan *plan, struct rebias_error *err)
{
    struct progress progress = {.arguments = plan->arguments, .what = "deployments"};
    int status = rebias_alloc(&plan->software, plan->cell_count, sizeof *plan->software, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&plan->runs, plan->cell_count * plan->replicates,
                              sizeof *plan->runs, err);
    }
    if (status == REBIAS_OK) {
        progress_catch_signals();
        status = rebias_parallel_for(plan->cell_count * plan->replicates,
                                     thread_count(plan->arguments), deploy_item, plan,
                                     progress_step, &progress, err);
        progress_end(&progress);
    }
    return status == REBIAS_OK ? add_software(plan, err) : status;
}

static int draw(const struct deploy_plan *plan, const char *path, struct rebias_error *err)
{
    struct deploy_summary *summary = NULL;
    int status = rebias_alloc(&summary, plan->cell_count, sizeof *summary, err);
    for (size_t c = 0; c < plan->cell_count && status == REBIAS_OK; c++) {
        status = deploy_summarise(plan, c, &summary[c], err);
    }
    if (status == REBIAS_OK) {
        status = deploy_has_ways(plan) ? deploy_methods_figure(path, plan, summary, err)
                                       : deploy_figure(path, plan, summary, err);
    }
    free(summary);
    return status;
}

/* -- 3. the command -- */

/* Before the work, not after it. */
static int check_outputs(const struct arguments *a, struct rebias_error *err)
{
    const char *figure = argument_text(a, "figure");
    const char *output = argument_text(a, "output");
    int status = figure != NULL ? figure_check("figure", figure, err) : REBIAS_OK;
    if (status == REBIAS_OK && output != NULL && strcmp(output, "-") == 0) {
        status = rebias_fail(err, REBIAS_E_NAME,
                             "-o needs a file: standard output has the table of cases");
    }
    return status == REBIAS_OK ? check_writable(output, err) : status;
}

static int run_deploy(const struct arguments *a, struct rebias_error *err)
{
    struct deploy_plan plan = {0};
    int status = check_outputs(a, err);
    if (status == REBIAS_OK) {
        status = deploy_plan_read(&plan, a, err);
    }
    if (status == REBIAS_OK) {
        status = deploy_plan_load_samples(&plan, err);
    }
    if (status == REBIAS_OK) {
        status = deploy_all(&plan, err);
    }
    if (status == REBIAS_OK && argument_given(a, "figure")) {
        status = draw(&plan, argument_text(a, "figure"), err);
    }
    if (status == REBIAS_OK) {
        status = deploy_publish(&plan, err);
    }
    deploy_plan_clear(&plan);
    return status;
}

const struct command deploy_commands[] = {
    {"deploy", "NETWORK.h5", "a trained network onto defective crossbars",
     "Every conductance matrix (two a layer, for weights above and below 0) is written alpha "
     "times as a whole block;\n"
     "outputs average the beta copies of each row that deviate least. cm deploys alpha "
     "networks "
     "of the file once each,\n"
     "the others network 0. One line a case with the mean accuracy over deployments and its 95 "
     "% "
     "bootstrap interval;\n"
     "mapping error: 100 ||W written - W||/||W|| of a read, mean over layers, %.\n"
     "Methods at equal device count: plain: lea without its choices (blind places, simple "
     "encoding, every copy averaged);\n"
     "tuned: plain, then fine-tuned on the chip; lea+tuned, cm+tuned, mao+tuned: placed and "
     "encoded first, then fine-tuned.\n"
     "Fine-tuning sees training samples alone, stuck devices get no pulses, weights become "
     "analog; mapping errors then say\n"
     "how far they went from the network that was deployed.",
     1, 1, rows, sizeof rows / sizeof rows[0], run_deploy, NULL},
};
const size_t deploy_command_count = 1;
