/* deploy_methods_figure.c - the figure of `rebias deploy` that compares ways to deploy at equal
 * numbers of devices. */
#include "deploy_plan.h"
#include "figure.h"
#include "plots/templates.h"
#include <math.h>
#include <stdlib.h>

struct methods_data {
    const struct deploy_plan *plan;
    const struct deploy_summary *summary;
    const size_t *series; /* [cells]: first cell of the curve that each belongs to */
    bool copies;          /* x is alpha; else stuck devices */
};

/* One curve: a way; of choices of rows, those that leave equally many copies (along x) or are
 * the same beta. */
static bool same_curve(const struct deploy_cell *a, const struct deploy_cell *b)
{
    const bool all = a->beta == 0 || a->beta == a->alpha;
    const bool all_too = b->beta == 0 || b->beta == b->alpha;
    return a->way == b->way && all == all_too && (all || a->beta == b->beta);
}

static void write_tics(FILE *out, const struct deploy_plan *plan)
{
    size_t low = plan->cells[0].alpha;
    size_t high = low;
    fprintf(out, "x_tics = '(");
    for (size_t c = 0; c < plan->cell_count; c++) {
        const struct deploy_cell *cell = &plan->cells[c];
        bool known = false;
        for (size_t before = 0; before < c; before++) {
            known = known || plan->cells[before].alpha == cell->alpha;
        }
        if (!known) {
            fprintf(out, "%s\"%zu\\n%zu\" %zu", c > 0 ? ", " : "", cell->alpha,
                    plan->runs[c * plan->replicates].devices, cell->alpha);
        }
        low = cell->alpha < low ? cell->alpha : low;
        high = cell->alpha > high ? cell->alpha : high;
    }
    fprintf(out, ")'\nx_low = %zu.0\nx_high = %zu.0\n", low, high);
}

/* Number of curves. */
static size_t name_curves(FILE *out, const struct methods_data *figure)
{
    const struct deploy_plan *plan = figure->plan;
    size_t series = 0;
    fprintf(out, "array series_names[%zu]\n", plan->cell_count);
    for (size_t c = 0; c < plan->cell_count; c++) {
        const struct deploy_cell *cell = &plan->cells[c];
        if (figure->series[c] != c) {
            continue;
        }
        fprintf(out, "series_names[%zu] = '%s", ++series, cell->way->name);
        if (cell->beta > 0 && cell->beta != cell->alpha) {
            fprintf(out, ", beta %zu", cell->beta);
        }
        fprintf(out, "'\n");
    }
    return series;
}

/* Points of the curve that begins at cell `first`, in the panel of this stuck fraction (with
 * copies) or all. */
static void write_curve(FILE *out, const struct methods_data *figure, size_t first,
                        double stuck)
{
    const struct deploy_plan *plan = figure->plan;
    for (size_t c = 0; c < plan->cell_count; c++) {
        const struct deploy_cell *cell = &plan->cells[c];
        const struct deploy_summary *s = &figure->summary[c];
        const bool here = !figure->copies || cell->stuck == stuck; /* from one list */
        const bool alone = isnan(s->low);
        if (figure->series[c] == first && here) {
            fprintf(out, "%.6g %.6g %.6g %.6g\n",
                    figure->copies ? (double)cell->alpha : 100.0 * cell->stuck, 100.0 * s->mean,
                    100.0 * (alone ? s->mean : s->low), 100.0 * (alone ? s->mean : s->high));
        }
    }
}

static void write_methods(FILE *out, const void *context)
{
    const struct methods_data *figure = context;
    const struct deploy_plan *plan = figure->plan;
    const size_t panels = figure->copies ? plan->stuck_count : 1;
    figure_quoted(out, "network", deploy_network_name(plan));
    figure_quoted(out, "xname",
                  figure->copies ? "copies (alpha), devices" : "stuck devices (%)");
    fprintf(out,
            "software = %.6g\nreplicates = %zu\ncopies = %d\npanels = %zu\n"
            "array panel_names[%zu]\n",
            100.0 * plan->software[0], plan->replicates, figure->copies, panels, panels);
    write_tics(out, plan);
    fprintf(out, "series = %zu\n", name_curves(out, figure));
    for (size_t p = 0; p < panels; p++) {
        size_t series = 0;
        if (figure->copies) {
            fprintf(out, "panel_names[%zu] = '%.3g %% stuck'\n", p + 1, 100.0 * plan->stuck[p]);
        } else {
            fprintf(out, "panel_names[1] = 'alpha %zu, %zu devices'\n", plan->cells[0].alpha,
                    plan->runs[0].devices);
        }
        for (size_t c = 0; c < plan->cell_count; c++) {
            if (figure->series[c] == c) {
                fprintf(out, "$panel%zuseries%zu << EOD\n", p + 1, ++series);
                write_curve(out, figure, c, plan->stuck[p]);
                fprintf(out, "EOD\n");
            }
        }
    }
}

int deploy_methods_figure(const char *path, const struct deploy_plan *plan,
                          const struct deploy_summary *summary, struct rebias_error *err)
{
    size_t *series = NULL;
    struct methods_data figure = {.plan = plan, .summary = summary};
    int status = rebias_alloc(&series, plan->cell_count, sizeof *series, err);
    for (size_t c = 0; c < plan->cell_count && status == REBIAS_OK; c++) {
        figure.copies = figure.copies || plan->cells[c].alpha != plan->cells[0].alpha;
        while (!same_curve(&plan->cells[series[c]], &plan->cells[c])) {
            series[c]++;
        }
    }
    figure.series = series;
    if (status == REBIAS_OK) {
        status = figure_render(path, write_methods, &figure, plot_deploy_methods, err);
    }
    free(series);
    return status;
}
