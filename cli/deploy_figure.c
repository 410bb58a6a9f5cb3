/* deploy_figure.c - the figure of `rebias deploy`: accuracy against stuck devices or copies. */
#include "deploy_plan.h"
#include "figure.h"
#include "plots/templates.h"
#include <math.h>

struct deploy_data {
    const struct deploy_plan *plan;
    const struct deploy_summary *summary;
};

/* A new series begins at this cell: the x axis goes on only within one. */
static bool begins_series(const struct deploy_plan *plan, size_t cell)
{
    const struct deploy_cell *now = &plan->cells[cell];
    const struct deploy_cell *before = cell > 0 ? now - 1 : now;
    const bool copies = plan->stuck_count == 1;
    return cell == 0 || now->way != before->way ||
           (copies ? now->alpha - now->beta != before->alpha - before->beta && now->beta > 0
                   : now->alpha != before->alpha || now->beta != before->beta);
}

static void name_series(FILE *out, size_t number, const struct deploy_plan *plan, size_t cell)
{
    const struct deploy_cell *c = &plan->cells[cell];
    char text[64];
    if (plan->stuck_count == 1) {
        snprintf(text, sizeof text, "%.3g %% stuck", 100.0 * c->stuck);
    } else if (c->beta > 0 && c->beta != c->alpha) {
        snprintf(text, sizeof text, "alpha %zu, beta %zu", c->alpha, c->beta);
    } else {
        snprintf(text, sizeof text, "alpha %zu", c->alpha);
    }
    fprintf(out, "series_names[%zu] = '%s'\n$series%zu << EOD\n", number, text, number);
}

static void begin_series(FILE *out, const struct deploy_plan *plan, size_t cell, size_t series,
                         size_t *panels)
{
    const struct deploy_method *way = plan->cells[cell].way;
    if (cell == 0 || way != plan->cells[cell - 1].way) {
        ++*panels;
        fprintf(out, "first[%zu] = %zu\npanel_names[%zu] = '%s'\n", *panels, series, *panels,
                way->word);
    }
    fprintf(out, "last[%zu] = %zu\n", *panels, series);
    name_series(out, series, plan, cell);
}

static void write_deploy(FILE *out, const void *context)
{
    const struct deploy_data *figure = context;
    const struct deploy_plan *plan = figure->plan;
    const bool copies = plan->stuck_count == 1;
    size_t series = 0;
    size_t panels = 0;
    figure_quoted(out, "network", deploy_network_name(plan));
    figure_quoted(out, "xname", copies ? "copies (alpha)" : "stuck devices (%)");
    fprintf(out,
            "software = %.6g\nreplicates = %zu\narray first[%d]\narray last[%d]\n"
            "array panel_names[%d]\narray series_names[%zu]\n",
            100.0 * plan->software[0], plan->replicates, DEPLOY_METHODS, DEPLOY_METHODS,
            DEPLOY_METHODS, plan->cell_count);
    for (size_t c = 0; c < plan->cell_count; c++) {
        const struct deploy_cell *cell = &plan->cells[c];
        const struct deploy_summary *s = &figure->summary[c];
        const bool alone = isnan(s->low);
        if (begins_series(plan, c)) {
            fprintf(out, "%s", series > 0 ? "EOD\n" : "");
            series++;
            begin_series(out, plan, c, series, &panels);
        }
        fprintf(out, "%.6g %.6g %.6g %.6g\n",
                copies ? (double)cell->alpha : 100.0 * cell->stuck, 100.0 * s->mean,
                100.0 * (alone ? s->mean : s->low), 100.0 * (alone ? s->mean : s->high));
    }
    fprintf(out, "EOD\npanels = %zu\n", panels);
}

int deploy_figure(const char *path, const struct deploy_plan *plan,
                  const struct deploy_summary *summary, struct rebias_error *err)
{
    const struct deploy_data figure = {plan, summary};
    return figure_render(path, write_deploy, &figure, plot_deploy, err);
}
