/* report_charts.c - the figures of a bias study.
 * 1. what they share   2. accuracy and bias   3. device metric and bias   4. jumps
 */
#include "figure.h"
#include "jump_chart.h"
#include "rebias/pulses.h"
#include "report_bias.h"
#include <math.h>
#include <string.h>

/* -- 1. what they share -- */

static double dodge_of(const struct rebias_bias_options *o, size_t m)
{
    return (double)m - 0.5 * (double)(o->methods - 1);
}

static void set_points_axis(struct chart_axis *axis)
{
    chart_text(axis->label, sizeof axis->label, "points per polarity");
    axis->logarithmic = true;
    axis->lists = true;
}

/* -- 2. accuracy and bias -- */

static void add_accuracies(struct chart *chart, struct chart_panel *panel,
                           const struct report_study *study, size_t m)
{
    const struct rebias_bias_result *r = study->result;
    const struct rebias_bias_options *o = &study->options;
    struct chart_series *runs = chart_add_series(chart, panel, CHART_DOTS, (int)m, "");
    for (size_t i = 0; i < r->run_count && runs != NULL; i++) {
        const struct rebias_bias_run *run = &r->runs[i];
        const struct chart_point point = {(double)run->points, 100.0 * run->accuracy, NAN, NAN};
        runs->dodge = dodge_of(o, m) + 0.4;
        if (run->method == (int)m && run->status == REBIAS_OK) {
            chart_add_point(chart, runs, &point);
        }
    }
    struct chart_series *cells =
        chart_add_series(chart, panel, CHART_ERROR, (int)m, o->method[m].name);
    for (size_t c = 0; c < r->cell_count && cells != NULL; c++) {
        const struct rebias_bias_cell *cell = &r->cells[c];
        const double mean = 100.0 * cell->accuracy_mean;
        const double sd = 100.0 * cell->accuracy_sd;
        const struct chart_point point = {(double)cell->points, mean,
                                          cell->runs > 1 ? mean - sd : (double)NAN,
                                          cell->runs > 1 ? mean + sd : (double)NAN};
        cells->dodge = dodge_of(o, m);
        if (cell->method == m) {
            chart_add_point(chart, cells, &point);
        }
    }
}

/* Every cell's mean, as text. */
static void describe_accuracy(struct chart_panel *panel, const struct report_study *study)
{
    const struct rebias_bias_result *r = study->result;
    chart_text(panel->text, sizeof panel->text,
               "Test accuracy against points per polarity. Target: %.2f %% (sd %.2f).",
               100.0 * r->target_mean, 100.0 * r->target_sd);
    for (size_t c = 0; c < r->cell_count; c++) {
        const size_t used = strlen(panel->text);
        const struct rebias_bias_cell *cell = &r->cells[c];
        if (isfinite(cell->accuracy_mean)) {
            chart_text(panel->text + used, sizeof panel->text - used,
                       " %zu points, %s: %.2f %%.", cell->points,
                       study->options.method[cell->method].name, 100.0 * cell->accuracy_mean);
        }
    }
}

static void add_accuracy_panel(struct chart *chart, const struct report_study *study)
{
    const struct rebias_bias_result *r = study->result;
    struct chart_panel *panel = chart_add_panel(chart);
    if (panel == NULL) {
        return;
    }
    chart_text(panel->title, sizeof panel->title, "Accuracy: runs, mean and sd");
    chart_text(panel->y.label, sizeof panel->y.label, "test accuracy (%%)");
    set_points_axis(&panel->x);
    panel->level.middle = 100.0 * r->target_mean;
    if (r->target_runs > 1) {
        panel->level.low = 100.0 * (r->target_mean - r->target_sd);
        panel->level.high = 100.0 * (r->target_mean + r->target_sd);
    }
    chart_text(panel->level.label, sizeof panel->level.label, "%s",
               r->target_runs > 1 ? "target: mean and sd" : "target");
    describe_accuracy(panel, study);
    for (size_t m = 0; m < study->options.methods; m++) {
        add_accuracies(chart, panel, study, m);
    }
}

static void add_biases(struct chart *chart, struct chart_panel *panel,
                       const struct report_study *study, size_t m)
{
    const struct rebias_bias_result *r = study->result;
    struct chart_series *series =
        chart_add_series(chart, panel, CHART_ERROR, (int)m, study->options.method[m].name);
    for (size_t c = 0; c < r->cell_count && series != NULL; c++) {
        const struct rebias_bias_cell *cell = &r->cells[c];
        const struct chart_point point = {(double)cell->points, 100.0 * cell->bias,
                                          100.0 * cell->bias_low, 100.0 * cell->bias_high};
        series->dodge = dodge_of(&study->options, m);
        if (cell->method == m) {
            chart_add_point(chart, series, &point);
        }
    }
}

static void add_bias_panel(struct chart *chart, const struct report_study *study)
{
    const struct rebias_bias_result *r = study->result;
    struct chart_panel *panel = chart_add_panel(chart);
    if (panel == NULL) {
        return;
    }
    chart_text(panel->title, sizeof panel->title, "Modeling bias: mean and %.3g %% interval",
               100.0 * study->options.level);
    chart_text(panel->y.label, sizeof panel->y.label, "bias (percentage points)");
    set_points_axis(&panel->x);
    panel->level.middle = 0.0;
    chart_text(panel->text, sizeof panel->text, "Modeling bias against points per polarity.");
    for (size_t c = 0; c < r->cell_count; c++) {
        const size_t used = strlen(panel->text);
        char bias[128];
        report_bias_text(bias, sizeof bias, &r->cells[c]);
        chart_text(panel->text + used, sizeof panel->text - used, " %zu points, %s: %s.",
                   r->cells[c].points, study->options.method[r->cells[c].method].name, bias);
    }
    for (size_t m = 0; m < study->options.methods; m++) {
        add_biases(chart, panel, study, m);
    }
}

void report_chart_accuracy(struct chart *chart, const struct report_study *study)
{
    if (study->result == NULL || study->result->target_runs == 0) {
        return;
    }
    chart_text(chart->name, sizeof chart->name, "accuracy");
    chart_text(chart->title, sizeof chart->title,
               "Accuracy and modeling bias against points, %s", study->target);
    chart_text(chart->caption, sizeof chart->caption,
               "%zu replicates. A bias above 0 over-promises: the simulation with the fitted "
               "model is better than with the device itself. Where the interval contains 0, "
               "model and target cannot be told apart.",
               study->options.replicates);
    add_accuracy_panel(chart, study);
    add_bias_panel(chart, study);
}

/* -- 3. device metric and bias -- */

/* The metric whose correlation is farthest from 0 over all numbers of points, among those whose
 * interval leaves out 0 somewhere; Wasserstein-1 when there is none. */
static size_t best_metric(const struct rebias_bias_result *r)
{
    size_t best = REBIAS_BIAS_WASSERSTEIN1;
    double largest = 0.0;
    for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
        double sum = 0.0;
        bool clear = false;
        for (size_t i = 0; i < r->correlation_count; i++) {
            const struct rebias_bias_correlation *c = &r->correlations[i];
            if (c->metric == m && isfinite(c->rho)) {
                sum += c->rho;
                clear = clear || c->low > 0.0 || c->high < 0.0;
            }
        }
        if (clear && fabs(sum) > largest) {
            largest = fabs(sum);
            best = m;
        }
    }
    return best;
}

static bool is_dimensionless(const char *metric)
{
    static const char *const names[] = {"wrong_sign", "kolmogorov_smirnov", "hellinger"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(metric, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Axis label and factor of a metric: conductances in handy units, divergences in nats. */
static double metric_axis(char *label, size_t size, const struct rebias_bias_result *r,
                          size_t metric)
{
    const char *name = rebias_bias_metric_name(metric);
    double largest = 0.0;
    double factor = 1.0;
    const char *unit = "1";
    for (size_t i = r->target_runs; i < r->run_count; i++) {
        const double value = fabs(rebias_bias_metric(&r->runs[i].device, metric));
        largest = isfinite(value) ? fmax(largest, value) : largest;
    }
    if (strcmp(name, "jensen_shannon") == 0 || strcmp(name, "kullback_leibler") == 0) {
        unit = "nats";
    } else if (!is_dimensionless(name)) {
        unit = figure_unit(largest, &factor);
    }
    chart_text(label, size, "%s (%s)", name, unit);
    return factor;
}

static void add_scatter(struct chart *chart, struct chart_panel *panel,
                        const struct report_study *study, size_t points, size_t metric,
                        double factor)
{
    const struct rebias_bias_result *r = study->result;
    for (size_t m = 0; m < study->options.methods; m++) {
        struct chart_series *series =
            chart_add_series(chart, panel, CHART_ERROR, (int)m, study->options.method[m].name);
        for (size_t i = r->target_runs; i < r->run_count; i++) {
            const struct rebias_bias_run *run = &r->runs[i];
            const struct chart_point point = {
                factor * rebias_bias_metric(&run->device, metric),
                100.0 * (run->accuracy - r->runs[run->replicate].accuracy), NAN, NAN};
            if (run->method == (int)m && run->points == points && run->status == REBIAS_OK) {
                chart_add_point(chart, series, &point);
            }
        }
    }
}

static void add_metric_panel(struct chart *chart, const struct report_study *study,
                             const struct rebias_bias_correlation *c)
{
    struct chart_panel *panel = chart_add_panel(chart);
    char rho[96] = "not available";
    if (panel == NULL) {
        return;
    }
    const double factor =
        metric_axis(panel->x.label, sizeof panel->x.label, study->result, c->metric);
    if (isfinite(c->low)) {
        chart_text(rho, sizeof rho, "%+.2f [%+.2f, %+.2f]", c->rho, c->low, c->high);
    } else if (isfinite(c->rho)) {
        chart_text(rho, sizeof rho, "%+.2f, no interval", c->rho);
    }
    chart_text(panel->title, sizeof panel->title, "%zu points: Spearman %s", c->points, rho);
    chart_text(panel->y.label, sizeof panel->y.label, "bias (percentage points)");
    chart_text(panel->text, sizeof panel->text,
               "Bias of each network against its model's %s at %zu points per polarity, %zu "
               "runs: Spearman's rank correlation %s.",
               rebias_bias_metric_name(c->metric), c->points, c->runs, rho);
    panel->level.middle = 0.0;
    add_scatter(chart, panel, study, c->points, c->metric, factor);
}

void report_chart_metric(struct chart *chart, const struct report_study *study)
{
    const struct rebias_bias_result *r = study->result;
    if (r == NULL || r->correlation_count == 0) {
        return;
    }
    const size_t metric = best_metric(r);
    chart_text(chart->name, sizeof chart->name, "metric");
    chart_text(chart->title, sizeof chart->title, "Does %s tell the bias? %s",
               rebias_bias_metric_name(metric), study->target);
    chart_text(chart->caption, sizeof chart->caption,
               "Each mark is one network. Shown is the device metric whose rank correlation "
               "with the bias is farthest from 0 where its interval excludes 0 (else "
               "wasserstein1); it was chosen from %d, so judge it on other data.",
               REBIAS_BIAS_METRICS);
    for (size_t i = 0; i < r->correlation_count; i++) {
        if (r->correlations[i].metric == metric) {
            add_metric_panel(chart, study, &r->correlations[i]);
        }
    }
}

/* -- 4. jumps -- */

int report_chart_jumps(struct chart *chart, const struct report_study *study,
                       struct rebias_error *err)
{
    const struct rebias_bias_options *o = &study->options;
    struct rebias_jumps jumps;
    struct rebias_pulses *pulses = NULL;
    if (study->device == NULL ||
        rebias_device_jumps(&jumps, study->device, NULL) != REBIAS_OK) {
        return REBIAS_OK;
    }
    struct rebias_synth_options synth = o->synth;
    synth.points = o->points[0];
    synth.seed = o->seed;
    int status = synth.points > 0
                     ? rebias_pulses_synthesize(&pulses, study->device, &synth, err)
                     : REBIAS_OK;
    if (status == REBIAS_OK) {
        chart_text(chart->name, sizeof chart->name, "jumps");
        chart_text(chart->title, sizeof chart->title, "Jumps by one pulse, %s", study->target);
        chart_text(chart->caption, sizeof chart->caption,
                   "Colour: probability of dG given G, over that of the most likely dG at this "
                   "G. Dots: the %zu points per polarity that the models of replicate %u were "
                   "fitted to.",
                   synth.points, synth.replicate);
        status = jump_chart_panels(chart, study->device, pulses, err);
    }
    rebias_pulses_free(pulses);
    return status;
}
