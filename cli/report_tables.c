/* report_tables.c - the report's sections about bias studies, in words and tables.
 * 1. numbers   2. summary   3. table with networks   4. table of device metrics   5. section
 */
#include "figure.h"
#include "report_page.h"
#include <math.h>
#include <string.h>

/* -- 1. numbers -- */

/* A cell of a table; NaN is a dash. */
static void number_cell(FILE *out, double value, int digits, bool sign)
{
    fputs("<td class=\"n\">", out);
    if (isnan(value)) {
        fputs("&ndash;", out);
    } else {
        fprintf(out, sign ? "%+.*f" : "%.*f", digits, value);
    }
    fputs("</td>", out);
}

static const char *verdict_class(enum rebias_verdict verdict)
{
    switch (verdict) {
    case REBIAS_OVER_PROMISING:
        return "over";
    case REBIAS_UNDER_PROMISING:
        return "under";
    default:
        return "none";
    }
}

/* A sign in front, for readers who do not see the colour. */
static const char *verdict_sign(enum rebias_verdict verdict)
{
    switch (verdict) {
    case REBIAS_OVER_PROMISING:
        return "&#9650; ";
    case REBIAS_UNDER_PROMISING:
        return "&#9660; ";
    default:
        return "";
    }
}

/* -- 2. summary -- */

static void write_study_name(FILE *out, const struct report_study *study)
{
    report_text(out, "%s%s%s%s", study->target, study->label[0] != '\0' ? " (" : "",
                study->label, study->label[0] != '\0' ? ")" : "");
}

static size_t count_verdicts(const struct report_study *study, size_t method,
                             enum rebias_verdict verdict)
{
    size_t count = 0;
    for (size_t c = 0; c < study->result->cell_count; c++) {
        const struct rebias_bias_cell *cell = &study->result->cells[c];
        count += cell->method == method && cell->verdict == verdict;
    }
    return count;
}

/* "3.1 percentage points [1.2, 5.0]": how far above or below the target. */
static void write_excess(FILE *out, const struct rebias_bias_cell *cell)
{
    const double sign = cell->bias < 0.0 ? -100.0 : 100.0;
    const double low = sign * cell->bias_low;
    const double high = sign * cell->bias_high;
    fprintf(out, " by <b>%.1f</b> percentage points [%.1f, %.1f]", sign * cell->bias,
            fmin(low, high), fmax(low, high));
}

/* " at 100, 300 and 1000 points", or with the excess of each; all cells of a method that have
 * this verdict, `count` in number. */
static void write_places(FILE *out, const struct report_study *study, size_t method,
                         enum rebias_verdict verdict, size_t count)
{
    const bool clear = verdict == REBIAS_OVER_PROMISING || verdict == REBIAS_UNDER_PROMISING;
    double low = INFINITY;
    double high = -INFINITY;
    size_t number = 0;
    for (size_t c = 0; c < study->result->cell_count; c++) {
        const struct rebias_bias_cell *cell = &study->result->cells[c];
        if (cell->method != method || cell->verdict != verdict) {
            continue;
        }
        fprintf(out, "%s%zu",
                number == 0           ? " at "
                : number + 1 == count ? " and "
                                      : ", ",
                cell->points);
        number++;
        if (clear) {
            fputs(" points", out);
            write_excess(out, cell);
        }
        low = fmin(low, cell->bias_low);
        high = fmax(high, cell->bias_high);
    }
    if (!clear) {
        fputs(" points", out);
    }
    if (verdict == REBIAS_NOT_DISTINGUISHABLE) {
        fprintf(out, " (intervals within [%+.1f, %+.1f] percentage points)", 100.0 * low,
                100.0 * high);
    }
}

static void summarise_method(FILE *out, const struct report_study *study, size_t method)
{
    static const struct {
        enum rebias_verdict verdict;
        const char *words;
    } verdicts[] = {
        {REBIAS_OVER_PROMISING, "<em class=\"over\">over-promise</em>"},
        {REBIAS_UNDER_PROMISING, "<em class=\"under\">under-promise</em>"},
        {REBIAS_NOT_DISTINGUISHABLE, "cannot be told from the target"},
        {REBIAS_NO_INTERVAL, "have no interval"},
    };
    const char *before = " ";
    fputs("<li>On ", out);
    write_study_name(out, study);
    fputs(", models fitted by <b>", out);
    report_text(out, "%s", study->options.method[method].name);
    fputs("</b>", out);
    for (size_t v = 0; v < sizeof verdicts / sizeof verdicts[0]; v++) {
        const size_t count = count_verdicts(study, method, verdicts[v].verdict);
        if (count > 0) {
            fprintf(out, "%s%s", before, verdicts[v].words);
            write_places(out, study, method, verdicts[v].verdict, count);
            before = "; they ";
        }
    }
    fputs(".</li>\n", out);
}

void report_bias_summary(FILE *out, const struct report_content *content)
{
    for (size_t s = 0; s < content->study_count; s++) {
        const struct report_study *study = &content->studies[s];
        if (study->result == NULL) {
            fputs("<li>On ", out);
            write_study_name(out, study);
            fprintf(out, " no replicate is complete yet (%zu runs are finished).</li>\n",
                    study->runs);
            continue;
        }
        for (size_t m = 0; m < study->options.methods && study->result->target_runs > 0; m++) {
            summarise_method(out, study, m);
        }
        if (study->result->target_runs == 0) {
            fputs("<li>On ", out);
            write_study_name(out, study);
            fputs(" no networks were trained: device metrics only.</li>\n", out);
        }
    }
}

/* -- 3. table with networks -- */

/* Heads with # in front are those of numbers. */
static void begin_table(FILE *out, const char *caption, const char *const *heads, size_t count)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
    report_text(out, "%s", caption);
    fputs("\">\n<table>\n<caption><span>", out);
    report_text(out, "%s", caption);
    fputs("</span></caption>\n<thead><tr>", out);
    for (size_t i = 0; i < count; i++) {
        const bool number = heads[i][0] == '#';
        fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
        report_text(out, "%s", heads[i] + (number ? 1 : 0));
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

static void end_table(FILE *out)
{
    fputs("</tbody>\n</table>\n</div>\n", out);
}

static void write_bias_row(FILE *out, const struct report_study *study,
                           const struct rebias_bias_cell *cell, double factor)
{
    fprintf(out, "<tr><td class=\"n\">%zu</td><th scope=\"row\">", cell->points);
    report_text(out, "%s", study->options.method[cell->method].name);
    fputs("</th>", out);
    number_cell(out, 100.0 * cell->accuracy_mean, 2, false);
    number_cell(out, 100.0 * cell->accuracy_sd, 2, false);
    number_cell(out, 100.0 * cell->bias, 2, true);
    if (isnan(cell->bias_low)) {
        fputs("<td class=\"n\">&ndash;</td>", out);
    } else {
        fprintf(out, "<td class=\"n\">[%+.2f, %+.2f]</td>", 100.0 * cell->bias_low,
                100.0 * cell->bias_high);
    }
    fprintf(out, "<td class=\"%s\">%s%s</td>", verdict_class(cell->verdict),
            verdict_sign(cell->verdict), rebias_verdict_text(cell->verdict));
    const double distance = factor * cell->metric[REBIAS_BIAS_WASSERSTEIN1].mean;
    number_cell(out, distance, distance < 10.0 ? 2 : distance < 100.0 ? 1 : 0, false);
    fprintf(out, "<td class=\"n\">%zu</td><td class=\"n\">%zu</td></tr>\n", cell->runs,
            cell->failed);
}

static double largest_distance(const struct rebias_bias_result *r)
{
    double largest = 0.0;
    for (size_t c = 0; c < r->cell_count; c++) {
        const double mean = r->cells[c].metric[REBIAS_BIAS_WASSERSTEIN1].mean;
        largest = isfinite(mean) ? fmax(largest, mean) : largest;
    }
    return largest;
}

static void write_bias_table(FILE *out, const struct report_study *study)
{
    const struct rebias_bias_result *r = study->result;
    double factor = 1.0;
    char interval[48];
    char distance[48];
    chart_text(interval, sizeof interval, "#%.3g %% interval", 100.0 * study->options.level);
    chart_text(distance, sizeof distance, "#W1 (%s)",
               figure_unit(largest_distance(r), &factor));
    const char *const heads[] = {"#points",    "method",      "#accuracy (%)", "#sd",
                                 "#bias (pp)", interval,      "verdict",       distance,
                                 "#networks",  "#fits failed"};
    begin_table(out,
                "Accuracy on the test data and modeling bias: percentage points (pp) above or "
                "below the target, paired over replicates; W1: Wasserstein-1 distance of the "
                "model's jumps from the target's",
                heads, sizeof heads / sizeof heads[0]);
    fputs("<tr class=\"target\"><td class=\"n\">all</td><th scope=\"row\">target</th>", out);
    number_cell(out, 100.0 * r->target_mean, 2, false);
    number_cell(out, 100.0 * r->target_sd, 2, false);
    fputs("<td class=\"n\">0</td>", out);
    fprintf(out,
            "<td></td><td></td><td></td><td class=\"n\">%zu</td><td class=\"n\">0</td></tr>\n",
            r->target_runs);
    for (size_t c = 0; c < r->cell_count; c++) {
        write_bias_row(out, study, &r->cells[c], factor);
    }
    end_table(out);
}

/* -- 4. table of device metrics -- */

static void write_metric_table(FILE *out, const struct report_study *study)
{
    enum { FIXED = 2 };
    const struct rebias_bias_result *r = study->result;
    const char *heads[FIXED + REBIAS_BIAS_METRICS] = {"#points", "method"};
    for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
        heads[FIXED + m] = rebias_bias_metric_name(m);
    }
    begin_table(out, "Device metrics, means over SET, RESET and replicates (S, nats, or 1)",
                heads, FIXED + REBIAS_BIAS_METRICS);
    for (size_t c = 0; c < r->cell_count; c++) {
        const struct rebias_bias_cell *cell = &r->cells[c];
        fprintf(out, "<tr><td class=\"n\">%zu</td><th scope=\"row\">", cell->points);
        report_text(out, "%s", study->options.method[cell->method].name);
        fputs("</th>", out);
        for (size_t m = 0; m < REBIAS_BIAS_METRICS; m++) {
            const double mean = cell->metric[m].mean;
            fputs("<td class=\"n\">", out);
            fprintf(out, isnan(mean) ? "&ndash;" : "%.3g", mean);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    end_table(out);
}

/* -- 5. section -- */

static void write_gaps(FILE *out, const struct report_study *study)
{
    if (study->left_out > 0) {
        fprintf(
            out,
            "<p class=\"gap\">%zu of %zu finished runs are not shown: their replicates lack "
            "other runs.</p>\n",
            study->left_out, study->runs);
    }
    if (study->missing[0] != '\0') {
        fputs("<p class=\"gap\">No figure of the target's jumps: ", out);
        report_text(out, "%s", study->missing);
        fputs(".</p>\n", out);
    }
}

void report_bias_section(FILE *out, const struct report_content *content)
{
    fputs("<section aria-labelledby=\"bias\">\n<h2 id=\"bias\">Modeling bias</h2>\n"
          "<p>Bias is the accuracy of a network that was trained on a model of the device, "
          "minus that of the same replicate's network on the device itself (same initial "
          "weights, same order of samples, same random numbers). Above 0 the simulation "
          "over-promises.</p>\n",
          out);
    for (size_t s = 0; s < content->study_count; s++) {
        const struct report_study *study = &content->studies[s];
        fputs("<h3>Target ", out);
        write_study_name(out, study);
        fputs("</h3>\n", out);
        write_gaps(out, study);
        if (study->result == NULL) {
            fputs("<p class=\"gap\">No replicate is complete yet: no table.</p>\n", out);
        } else if (study->result->target_runs > 0) {
            write_bias_table(out, study);
        } else {
            write_metric_table(out, study);
        }
        report_write_figures(out, content, "bias", s);
    }
    if (content->study_count == 0) {
        fputs("<p class=\"gap\">The store has runs of targets alone, none of a model.</p>\n",
              out);
    }
    fputs("</section>\n", out);
}
