/* report_jobs.c - figures of training, deployment and continual learning.
 * 1. training curves   2. deployment   3. continual   4. all
 */
#include "report_numbers.h"
#include "report_page.h"
#include <math.h>
#include <string.h>

enum { MOST_SERIES = 12, MOST_PANELS = 6 };

/* -- 1. training curves -- */

/* A line and the spread around it, at the positions of the setting's first cell. */
static int add_curve(struct chart *chart, struct chart_panel *panel,
                     const struct report *report, const struct report_setting *setting,
                     const char *name, const char *label, int colour, struct rebias_error *err)
{
    const struct report_cell *cell = report_cell(report, setting->first);
    if (chart_add_series(chart, panel, CHART_RIBBON, colour, "") == NULL ||
        chart_add_series(chart, panel, CHART_LINE, colour, label) == NULL) {
        return REBIAS_OK; /* the chart knows */
    }
    struct chart_series *mean =
        (struct chart_series *)panel->series.data + panel->series.count - 1;
    int status = REBIAS_OK;
    for (size_t v = 0; v < cell->value_count && status == REBIAS_OK; v++) {
        const struct rebias_store_value *value = &cell->values[v];
        struct report_estimate e;
        if (strcmp(value->name, name) != 0) {
            continue;
        }
        status = report_estimate(&e, report, setting, name, value->position, err);
        const struct chart_point point = {value->position, e.mean, e.low, e.high};
        const struct chart_point middle = {value->position, e.mean, NAN, NAN};
        if (e.n > 1) {
            chart_add_point(chart, mean - 1, &point);
        }
        chart_add_point(chart, mean, &middle);
    }
    return status;
}

static void describe_last(struct chart_panel *panel, const char *label,
                          const struct report_estimate *e)
{
    const size_t used = strlen(panel->text);
    if (e->n == 0) {
        return;
    }
    if (isnan(e->low)) {
        chart_text(panel->text + used, sizeof panel->text - used, " %s: %.4g.",
                   label[0] != '\0' ? label : "one configuration", e->mean);
    } else {
        chart_text(panel->text + used, sizeof panel->text - used, " %s: %.4g [%.4g, %.4g].",
                   label[0] != '\0' ? label : "one configuration", e->mean, e->low, e->high);
    }
}

static int add_training_panel(struct chart *chart, const struct report *report, size_t first,
                              size_t count, const char *name, struct rebias_error *err)
{
    static const char *const none[] = {NULL};
    struct chart_panel *panel = chart_add_panel(chart);
    const bool mgd = strcmp(report_key(report_setting(report, first), "trainer"), "mgd") == 0;
    int status = REBIAS_OK;
    if (panel == NULL) {
        return REBIAS_OK;
    }
    report_quantity(panel->y.label, sizeof panel->y.label, name);
    chart_text(panel->title, sizeof panel->title, "%s", panel->y.label);
    chart_text(panel->x.label, sizeof panel->x.label, mgd ? "steps" : "epochs");
    chart_text(panel->text, sizeof panel->text, "%s against %s. At the end,", panel->y.label,
               panel->x.label);
    for (size_t s = 0; s < count && s < MOST_SERIES && status == REBIAS_OK; s++) {
        const struct report_setting *setting = report_setting(report, first + s);
        struct report_estimate last;
        char label[128];
        report_label(report, first, count, setting, none, label, sizeof label);
        status = add_curve(chart, panel, report, setting, name, label, (int)s, err);
        if (status == REBIAS_OK) {
            status = report_estimate(&last, report, setting, name, NAN, err);
        }
        if (status == REBIAS_OK) {
            describe_last(panel, label, &last);
        }
    }
    return status;
}

static int training_chart(struct chart *chart, const struct report *report, size_t first,
                          size_t count, struct rebias_error *err)
{
    const char *names[REPORT_MOST_NAMES];
    const struct report_cell *cell = report_cell(report, report_setting(report, first)->first);
    const size_t n = report_quantities(cell, true, names);
    int status = REBIAS_OK;
    chart_text(chart->name, sizeof chart->name, "curves");
    chart_text(chart->title, sizeof chart->title, "Training curves");
    chart_text(chart->caption, sizeof chart->caption,
               "Mean over replicates and its 95 %% interval%s.",
               count > MOST_SERIES ? "; the first 12 configurations, the table has all" : "");
    for (size_t i = 0; i < n && i < MOST_PANELS && status == REBIAS_OK; i++) {
        status = add_training_panel(chart, report, first, count, names[i], err);
    }
    return status;
}

/* -- 2. deployment -- */

/* The key along the x axis: the first that takes several numbers. */
static const char *deployment_axis(const struct report *report, size_t first, size_t count)
{
    static const char *const axes[] = {"stuck", "alpha", "beta"};
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++) {
        double value = 0.0;
        if (report_varies(report, first, count, axes[i]) &&
            rebias_parse_double(report_key(report_setting(report, first), axes[i]), &value)) {
            return axes[i];
        }
    }
    return NULL;
}

/* The panel of a method, or the series of a label in it; made when missing. */
static struct chart_panel *panel_of(struct chart *chart, const char *method, const char *axis)
{
    for (size_t p = 0; p < chart->panels.count; p++) {
        struct chart_panel *panel = (struct chart_panel *)chart->panels.data + p;
        if (strcmp(panel->title, method) == 0) {
            return panel;
        }
    }
    struct chart_panel *panel = chart_add_panel(chart);
    if (panel != NULL) {
        chart_text(panel->title, sizeof panel->title, "%s", method);
        chart_text(panel->x.label, sizeof panel->x.label, "%s",
                   strcmp(axis, "stuck") == 0   ? "stuck devices (%)"
                   : strcmp(axis, "alpha") == 0 ? "copies (alpha)"
                                                : axis);
        chart_text(panel->y.label, sizeof panel->y.label, "test accuracy (%%)");
        chart_text(panel->text, sizeof panel->text,
                   "Deployed accuracy (%%) by %s against %s:", method, panel->x.label);
    }
    return panel;
}

static struct chart_series *series_of(struct chart *chart, struct chart_panel *panel,
                                      const char *label)
{
    for (size_t s = 0; s < panel->series.count; s++) {
        struct chart_series *series = (struct chart_series *)panel->series.data + s;
        if (strcmp(series->label, label) == 0) {
            return series;
        }
    }
    int colour = 0; /* the label has the same in every panel */
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *other = chart_panel(chart, p);
        for (size_t s = 0; s < other->series.count; s++) {
            const struct chart_series *series = chart_series(other, s);
            if (strcmp(series->label, label) == 0) {
                return chart_add_series(chart, panel, CHART_ERROR, series->colour, label);
            }
            colour = series->colour >= colour ? series->colour + 1 : colour;
        }
    }
    return chart_add_series(chart, panel, CHART_ERROR, colour, label);
}

static int add_deployment(struct chart *chart, const struct report *report, size_t first,
                          size_t count, const struct report_setting *setting, const char *axis,
                          struct rebias_error *err)
{
    const char *const skip[] = {axis, "method", NULL};
    const struct report_cell *cell = report_cell(report, setting->first);
    struct chart_panel *panel = panel_of(chart, report_key(setting, "method"), axis);
    struct report_estimate e;
    char label[128];
    char where[64];
    double x = 0.0;
    report_label(report, first, count, setting, skip, label, sizeof label);
    struct chart_series *series = panel != NULL ? series_of(chart, panel, label) : NULL;
    int status = report_estimate(&e, report, setting, "accuracy", NAN, err);
    if (status != REBIAS_OK || series == NULL ||
        !rebias_parse_double(report_key(setting, axis), &x)) {
        return status;
    }
    x = strcmp(axis, "stuck") == 0 ? 100.0 * x : x;
    const struct chart_point point = {x, e.mean, e.low, e.high};
    chart_add_point(chart, series, &point);
    chart_text(where, sizeof where, "%s%s%.4g", label, label[0] != '\0' ? ", " : "at ", x);
    describe_last(panel, where, &e);
    if (isnan(panel->level.middle)) {
        panel->level.middle = 100.0 * report_value(cell, "software", 0.0);
        chart_text(panel->level.label, sizeof panel->level.label, "software");
    }
    return REBIAS_OK;
}

/* Series side by side at the same x. */
static void spread_series(struct chart *chart)
{
    int highest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t p = 0; p < chart->panels.count; p++) {
            const struct chart_panel *panel = chart_panel(chart, p);
            for (size_t s = 0; s < panel->series.count; s++) {
                struct chart_series *series = (struct chart_series *)panel->series.data + s;
                highest = series->colour > highest ? series->colour : highest;
                series->dodge = (double)series->colour - 0.5 * (double)highest;
            }
        }
    }
}

static int deployment_chart(struct chart *chart, const struct report *report, size_t first,
                            size_t count, struct rebias_error *err)
{
    const char *axis = deployment_axis(report, first, count);
    int status = REBIAS_OK;
    chart_text(chart->name, sizeof chart->name, "accuracy");
    chart_text(chart->title, sizeof chart->title, "Accuracy of deployed networks");
    chart_text(chart->caption, sizeof chart->caption,
               "Mean over deployments and its 95 %% interval, a panel a method.");
    for (size_t s = 0; s < count && axis != NULL && status == REBIAS_OK; s++) {
        status = add_deployment(chart, report, first, count, report_setting(report, first + s),
                                axis, err);
    }
    spread_series(chart);
    chart_share_y(chart);
    return status;
}

/* -- 3. continual -- */

static int add_continual_panel(struct chart *chart, const struct report *report, size_t first,
                               size_t count, const struct report_setting *setting,
                               struct rebias_error *err)
{
    static const char *const none[] = {NULL};
    const char *names[REPORT_MOST_NAMES];
    const size_t n = report_quantities(report_cell(report, setting->first), true, names);
    struct chart_panel *panel = n > 0 ? chart_add_panel(chart) : NULL;
    int status = REBIAS_OK;
    if (panel == NULL) {
        return REBIAS_OK;
    }
    report_label(report, first, count, setting, none, panel->title, sizeof panel->title);
    if (panel->title[0] == '\0') {
        chart_text(panel->title, sizeof panel->title, "one configuration");
    }
    chart_text(panel->x.label, sizeof panel->x.label, "tasks learned");
    chart_text(panel->y.label, sizeof panel->y.label, "test accuracy (%%)");
    chart_text(panel->text, sizeof panel->text, "%s, after the last task:", panel->title);
    panel->x.lists = true;
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        struct report_estimate last;
        if (!report_is_accuracy(names[i])) {
            continue;
        }
        status = add_curve(chart, panel, report, setting, names[i], names[i], (int)i, err);
        if (status == REBIAS_OK) {
            status = report_estimate(&last, report, setting, names[i], NAN, err);
        }
        if (status == REBIAS_OK) {
            describe_last(panel, names[i], &last);
        }
    }
    return status;
}

static int continual_chart(struct chart *chart, const struct report *report, size_t first,
                           size_t count, struct rebias_error *err)
{
    int status = REBIAS_OK;
    chart_text(chart->name, sizeof chart->name, "tasks");
    chart_text(chart->title, sizeof chart->title, "What is left of each task");
    chart_text(chart->caption, sizeof chart->caption,
               "Accuracy of each task after each stage: mean over replicates and its 95 %% "
               "interval%s.",
               count > MOST_PANELS ? "; the first 6 configurations, the table has all" : "");
    for (size_t s = 0; s < count && s < MOST_PANELS && status == REBIAS_OK; s++) {
        status = add_continual_panel(chart, report, first, count,
                                     report_setting(report, first + s), err);
    }
    chart_share_y(chart);
    return status;
}

/* -- 4. all -- */

int report_job_chart(struct chart *chart, const struct report *report, const char *job,
                     struct rebias_error *err)
{
    size_t first = 0;
    const size_t count = report_job(report, job, &first);
    if (count == 0) {
        return REBIAS_OK;
    }
    return strcmp(job, "train") == 0    ? training_chart(chart, report, first, count, err)
           : strcmp(job, "deploy") == 0 ? deployment_chart(chart, report, first, count, err)
                                        : continual_chart(chart, report, first, count, err);
}
