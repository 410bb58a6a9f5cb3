/* cmd_bias.c - `rebias bias`: the main job.
 * 1. options   2. remarks   3. output   4. the command
 */
#include "bias_mgd.h"
#include "bias_setup.h"
#include "bias_tables.h"
#include "commands.h"
#include "figure.h"
#include "network_options.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

static const struct option_row rows[] = {
    {"target", 0, OPTION_TEXT, "LIST", NULL, 0, 0,
     "ground truths: presets (* stands for any letters), model:param=value,... or table files"},
    {"pulses", 0, OPTION_TEXT, "FILE.csv", NULL, 0, 0,
     "no ground truth: how uncertain the accuracy is that these measured pulses give"},
    {"blocks", 0, OPTION_CHOICE, "auto|points|cycle|device", "auto", 0, 0,
     "what of --pulses is drawn together: every point for itself, ramps, or devices"},
    {"bootstrap", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "models are the bootstrap tables in the target's file"},
    {"method", 0, OPTION_TEXT, "LIST", "binning:20", 0, 0,
     "estimators, e.g. binning:10,binning:20:count:empirical"},
    {"points", 0, OPTION_TEXT, "LIST", "100,300,1000,3000", 0, 0,
     "points per polarity that a model is fitted to"},
    {"replicates", 0, OPTION_INTEGER, "N", "5", 1, 1e6,
     "repetitions: fresh data, fit, initial weights and order"},
    {"filter", 0, OPTION_NUMBER, "F", "0", 0, 0.999, "keep only points with |dG/G| > F"},
    {"censored", 0, OPTION_FLAG, NULL, NULL, 0, 0,
     "points are clamped at Gmin and Gmax, as an instrument would see them"},
    {"level", 0, OPTION_NUMBER, "P", "0.95", 0.01, 0.9999, "confidence of the intervals"},
    {"resamples", 0, OPTION_INTEGER, "N", "2000", 1, 1e6, "of the bootstrap"},
    {"weights", 0, OPTION_CHOICE, "uniform|visited|data", "uniform", 0, 0,
     "of G in device metrics: all alike, as the target's networks pulsed, or as the points "
     "lie"},
    {"network", 0, OPTION_TEXT, "TEXT", "mlp", 0, 0,
     "what is trained; none: device metrics only; with --trainer mgd also fmnist-cnn, "
     "cifar-cnn, scaling:D, or layers as in 1x28x28,conv3:16,pool2,10"},
    {"trainer", 0, OPTION_CHOICE, "mapped|mgd", "mapped", 0, 0,
     "gradients into pulses, or perturb and measure"},
    NETWORK_ROWS,
    {"output", 'o', OPTION_TEXT, "FILE", NULL, 0, 0, "tidy CSV, one row a trained network"},
    {"metrics", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "CSV of each device metric's mean over the replicates and its interval"},
    {"correlation", 0, OPTION_TEXT, "FILE", NULL, 0, 0,
     "CSV of Spearman's correlation between each device metric and the bias, per points"},
    {"figure", 0, OPTION_TEXT, "FILE.png", NULL, 0, 0,
     "accuracy and device metric against points, .png, .svg or .pdf (needs gnuplot)"},
    {"", 0, OPTION_HEADING, NULL, NULL, 0, 0, "with --trainer mgd"},
    BIAS_MGD_ROWS,
};

/* -- 2. remarks -- */

/* One remark a number of points: the metric with the largest correlation, if its interval
 * leaves out 0. */
static void remark_correlations(const struct arguments *a,
                                const struct rebias_bias_result *result)
{
    for (size_t first = 0; first < result->correlation_count; first += REBIAS_BIAS_METRICS) {
        const struct rebias_bias_correlation *best = NULL;
        for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
            const struct rebias_bias_correlation *c = &result->correlations[first + m];
            bool clear = c->low > 0.0 || c->high < 0.0;
            if (clear && (best == NULL || fabs(c->rho) > fabs(best->rho))) {
                best = c;
            }
        }
        if (best != NULL) {
            remark(a, "%zu points: %s predicts the bias best, Spearman %+.2f [%+.2f, %+.2f]",
                   best->points, rebias_bias_metric_name(best->metric), best->rho, best->low,
                   best->high);
        } else {
            remark(a, "%zu points: no device metric predicts the bias clearly",
                   result->correlations[first].points);
        }
    }
}

static void remark_target(const struct arguments *a, const char *name,
                          const struct rebias_bias_result *r)
{
    char interval[80] = "no interval from 1 replicate";
    if (!isnan(r->target_low)) {
        snprintf(interval, sizeof interval, "interval of the mean %.2f to %.2f %%",
                 100.0 * r->target_low, 100.0 * r->target_high);
    }
    remark(a, "target %s: accuracy %.2f %% (%s), pulse size %.3g S", name,
           100.0 * r->target_mean, interval, r->pulse_size);
}

/* Networks that learned nothing on the target tell nothing about its models. */
static void remark_chance(const struct arguments *a, const struct bias_study *study)
{
    const struct rebias_bias_options *o = &study->options;
    const size_t outputs =
        o->mgd != NULL ? o->mgd->architecture->outputs : o->network.sizes[o->network.layers];
    const double chance = outputs > 1 ? 1.0 / (double)outputs : 0.5;
    const double little = 0.1; /* of the way from chance to 1 */
    if (study->result->target_mean < chance + little * (1.0 - chance)) {
        remark(
            a,
            "on the target itself networks are hardly better than chance (%.0f %%): the bias "
            "says little, train longer or otherwise",
            100.0 * chance);
    }
}

/* What the finite data alone do to the accuracy. */
static void remark_uncertainty(const struct arguments *a, const struct bias_study *study)
{
    const struct rebias_bias_cell *cell = &study->result->cells[0];
    if (study->options.source != REBIAS_BIAS_SYNTHETIC && cell->runs > 1) {
        remark(a, "other data of this kind move the accuracy by %+.2f points, sd %.2f",
               100.0 * cell->bias, 100.0 * cell->bias_sd);
    }
}

static void remark_study(const struct arguments *a, const struct bias_study *study)
{
    if (study->result->target_runs > 0) {
        remark_target(a, study->target->name, study->result);
        remark_chance(a, study);
        remark_uncertainty(a, study);
        remark_correlations(a, study->result);
    }
}

/* -- 3. output -- */

/* *provenance = that of the command, with the checksums of the files it read. */
static int make_provenance(struct provenance *provenance, const struct arguments *a,
                           const struct bias_studies *studies,
                           const struct rebias_image_set *set, struct rebias_error *err)
{
    const struct rebias_buffer *specs = &studies->targets.specs;
    char *const *spec = specs->data;
    const char **inputs = NULL;
    int status = rebias_alloc(&inputs, specs->count + 1, sizeof *inputs, err);
    for (size_t i = 0; i < specs->count && status == REBIAS_OK; i++) {
        inputs[i] = spec_input(spec[i]);
    }
    if (status == REBIAS_OK) {
        inputs[specs->count] = spec_input(argument_text(a, "pulses"));
        status = provenance_make(provenance, a, inputs, specs->count + 1, err);
    }
    free(inputs);
    return status == REBIAS_OK && set != NULL ? provenance_add_images(provenance, set, err)
                                              : status;
}

/* A CSV in the file that an option names; nothing without it. */
static int publish_file(const struct arguments *a, const char *option, fill_table *fill,
                        const struct bias_studies *studies, const struct provenance *provenance,
                        struct rebias_error *err)
{
    struct table table = {0};
    const char *path = argument_text(a, option);
    if (path == NULL) {
        return REBIAS_OK;
    }
    int status = fill(&table, studies, err);
    status = status == REBIAS_OK ? table_print(&table, provenance, true, path, err) : status;
    table_free(&table);
    return status;
}

/* The summary, on stdout. */
static int publish_summary(const struct arguments *a, const struct bias_studies *studies,
                           const struct provenance *provenance, struct rebias_error *err)
{
    struct table table = {0};
    for (size_t s = 0; s < studies->count; s++) {
        remark_study(a, &studies->study[s]);
    }
    int status = fill_summary(&table, studies, err);
    status = status == REBIAS_OK
                 ? table_print(&table, provenance, argument_choice(a, "format") == 1, NULL, err)
                 : status;
    table_free(&table);
    return status;
}

static int publish(const struct arguments *a, const struct bias_studies *studies,
                   const struct rebias_image_set *set, struct rebias_error *err)
{
    struct provenance provenance = {NULL};
    const struct bias_study *first = &studies->study[0];
    const char *figure = argument_text(a, "figure");
    int status = make_provenance(&provenance, a, studies, set, err);
    if (status == REBIAS_OK) {
        status = publish_file(a, "output", fill_runs, studies, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = publish_file(a, "metrics", fill_metrics, studies, &provenance, err);
    }
    if (status == REBIAS_OK) {
        status = publish_file(a, "correlation", fill_correlations, studies, &provenance, err);
    }
    if (status == REBIAS_OK && figure != NULL) {
        status = figure_bias(figure, &first->options, first->result, err);
    }
    if (status == REBIAS_OK) {
        status = publish_summary(a, studies, &provenance, err);
    }
    provenance_free(&provenance);
    return status;
}

/* -- 4. the command -- */

/* What would be found only after the work. */
static int check_outputs(const struct arguments *a, struct rebias_error *err)
{
    static const char *const files[] = {"output", "metrics", "correlation"};
    const char *figure = argument_text(a, "figure");
    int status = figure != NULL ? figure_check("figure", figure, err) : REBIAS_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && status == REBIAS_OK; i++) {
        status = check_writable(argument_text(a, files[i]), err);
    }
    return status;
}

static int run_bias(const struct arguments *a, struct rebias_error *err)
{
    struct bias_setup setup;
    int status = bias_setup_read(&setup, a, err);
    if (status == REBIAS_OK) {
        status = check_outputs(a, err);
    }
    if (status == REBIAS_OK) {
        status = bias_setup_open(&setup, a, err);
    }
    if (status == REBIAS_OK && argument_given(a, "figure") && setup.studies.count > 1) {
        status = rebias_fail(err, REBIAS_E_RANGE, "--figure shows one target, there are %zu",
                             setup.studies.count);
    }
    if (status == REBIAS_OK) {
        status = bias_studies_run(&setup.studies, a, err);
    }
    if (status == REBIAS_OK) {
        status = publish(a, &setup.studies, bias_setup_images(&setup), err);
    }
    bias_setup_clear(&setup);
    return status;
}

const struct command bias_commands[] = {
    {"bias", "", "how far can a network accuracy simulated with a fitted model be trusted?",
     "For every number of points and every method, each replicate draws fresh points from the "
     "target, fits a table, trains\n"
     "a network on it, and compares with the same replicate's network on the target (same "
     "weights, order and random\n"
     "numbers). bias = accuracy(model) - accuracy(target); its interval is a bootstrap over "
     "replicates. over, under:\n"
     "replicates more than the target's own sd above or below. Device metrics are means over "
     "SET and RESET. Several\n"
     "targets are studied one after the other; with --network none also their means are shown, "
     "beside oracle(binning):\n"
     "each target with the best of the given numbers of bins.\n"
     "--pulses: the table that a method fits to all pulses is the target, tables fitted to "
     "bootstrap resamples of the\n"
     "pulses are the models: bias, bias_sd = how the finite data move the accuracy. "
     "--bootstrap: the same from a table\n"
     "that was saved with its bootstrap tables.",
     0, 0, rows, sizeof rows / sizeof rows[0], run_bias, print_estimators},
};
const size_t bias_command_count = 1;
