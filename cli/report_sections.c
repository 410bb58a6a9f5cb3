/* report_sections.c - the report's sections about other jobs than bias, and how all was made.
 * 1. titles   2. summary   3. table   4. section of a job   5. experiments   6. cells and
 * inputs
 * 7. how it was made
 */
#include "report_numbers.h"
#include "report_page.h"
#include "sweep_job.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. titles -- */

static const char *title_of(const char *job)
{
    return strcmp(job, "train") == 0    ? "Training"
           : strcmp(job, "deploy") == 0 ? "Deployment"
           : strcmp(job, "bias") == 0   ? "Modeling bias"
                                        : "Continual learning";
}

/* Percentages have two digits behind the point; no interval where all replicates agree. */
static void write_estimate(FILE *out, const char *name, const struct report_estimate *e)
{
    const bool percent = report_is_accuracy(name);
    if (e->n == 0) {
        fputs("&ndash;", out);
    } else if (isnan(e->low) || e->sd == 0.0) { /* exactly: equal numbers */
        fprintf(out, percent ? "%.2f" : "%.4g", e->mean);
    } else {
        fprintf(out, percent ? "%.2f [%.2f, %.2f]" : "%.4g [%.4g, %.4g]", e->mean, e->low,
                e->high);
    }
}

/* -- 2. summary -- */

/* The settings with the highest and the lowest final mean accuracy. */
static size_t extremes(const struct report *report, size_t first, size_t count,
                       struct report_estimate best[2], size_t which[2])
{
    size_t found = 0;
    for (size_t s = first; s < first + count; s++) {
        struct report_estimate e;
        if (report_estimate(&e, report, report_setting(report, s), "accuracy", NAN, NULL) !=
                REBIAS_OK ||
            e.n == 0) {
            continue;
        }
        if (found == 0 || e.mean > best[0].mean) {
            best[0] = e;
            which[0] = s;
        }
        if (found == 0 || e.mean < best[1].mean) {
            best[1] = e;
            which[1] = s;
        }
        found++;
    }
    return found;
}

void report_job_summary(FILE *out, const struct report_content *content, const char *job)
{
    static const char *const none[] = {NULL};
    static const char *const words[] = {"highest", "lowest"};
    const struct report *report = &content->data;
    struct report_estimate best[2];
    size_t which[2] = {0, 0};
    size_t first = 0;
    const size_t count = report_job(report, job, &first);
    if (count == 0) {
        return;
    }
    const size_t found = extremes(report, first, count, best, which);
    fprintf(out, "<li>%s: %zu configuration%s.", title_of(job), count, count == 1 ? "" : "s");
    for (size_t i = 0; i < 2 && i < found; i++) {
        char label[256];
        report_label(report, first, count, report_setting(report, which[i]), none, label,
                     sizeof label);
        fprintf(out, found > 1 ? " The %s final accuracy (mean) is <b>" : " Final accuracy <b>",
                words[i]);
        write_estimate(out, "accuracy", &best[i]);
        fputs("</b> %", out);
        report_text(out, "%s%s.", label[0] != '\0' ? ", " : "", label);
    }
    fputs("</li>\n", out);
}

/* -- 3. table -- */

/* Keys that vary, in the order of the first setting that has them. */
static size_t varying(const struct report *report, size_t first, size_t count,
                      const char *names[REPORT_MOST_NAMES])
{
    size_t found = 0;
    for (size_t s = first; s < first + count; s++) {
        const struct report_setting *setting = report_setting(report, s);
        for (size_t k = 0; k < setting->key_count && found < REPORT_MOST_NAMES; k++) {
            bool known = false;
            for (size_t i = 0; i < found; i++) {
                known = known || strcmp(names[i], setting->keys[k].name) == 0;
            }
            if (!known && !report_is_checksum(setting->keys[k].name) &&
                report_varies(report, first, count, setting->keys[k].name)) {
                names[found++] = setting->keys[k].name;
            }
        }
    }
    return found;
}

static void write_heads(FILE *out, const char *title, const char *const *keys, size_t key_count,
                        const char *const *names, size_t name_count)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
    report_text(out, "%s: final numbers", title);
    fputs("\">\n<table>\n<caption><span>", out);
    report_text(out,
                "%s: final numbers, mean over replicates and its 95 %% interval (bootstrap)",
                title);
    fputs("</span></caption>\n<thead><tr>", out);
    for (size_t k = 0; k < key_count; k++) {
        fputs("<th scope=\"col\">", out);
        report_text(out, "%s", keys[k]);
        fputs("</th>", out);
    }
    fputs("<th scope=\"col\" class=\"n\">replicates</th>", out);
    for (size_t i = 0; i < name_count; i++) {
        char text[128];
        report_quantity(text, sizeof text, names[i]);
        fputs("<th scope=\"col\" class=\"n\">", out);
        report_text(out, "%s", text);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

/* What has a number at the end: all but the accuracies of a deployment's tasks, whose positions
 * are the tasks. */
static size_t final_quantities(const struct report_cell *cell,
                               const char *names[REPORT_MOST_NAMES])
{
    const size_t count = report_quantities(cell, false, names);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], "task_accuracy") != 0) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

static void write_job_table(FILE *out, const struct report *report, const char *job,
                            size_t first, size_t count)
{
    const char *keys[REPORT_MOST_NAMES];
    const char *names[REPORT_MOST_NAMES];
    const size_t key_count = varying(report, first, count, keys);
    const size_t name_count =
        final_quantities(report_cell(report, report_setting(report, first)->first), names);
    write_heads(out, title_of(job), keys, key_count, names, name_count);
    for (size_t s = first; s < first + count; s++) {
        const struct report_setting *setting = report_setting(report, s);
        fputs("<tr>", out);
        for (size_t k = 0; k < key_count; k++) {
            fputs("<td>", out);
            report_text(out, "%s", report_key(setting, keys[k]));
            fputs("</td>", out);
        }
        fprintf(out, "<td class=\"n\">%zu</td>", setting->count);
        for (size_t i = 0; i < name_count; i++) {
            struct report_estimate e = {.n = 0};
            report_estimate(&e, report, setting, names[i], NAN, NULL);
            fputs("<td class=\"n\">", out);
            write_estimate(out, names[i], &e);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

/* -- 4. section of a job -- */

void report_job_section(FILE *out, const struct report_content *content, const char *job)
{
    size_t first = 0;
    const size_t count = report_job(&content->data, job, &first);
    fprintf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", job, job,
            title_of(job));
    report_write_figures(out, content, job, 0);
    write_job_table(out, &content->data, job, first, count);
    fputs("</section>\n", out);
}

/* -- 5. experiments -- */

/* A target's own network, for which an experiment does not ask. */
static bool is_target(const struct report_setting *setting)
{
    return strcmp(report_key(setting, "method"), "target") == 0;
}

/* A value stands in the list of an earlier setting already. */
static bool seen_before(const struct report *report, size_t first, size_t s, const char *key)
{
    const char *value = report_key(report_setting(report, s), key);
    for (size_t earlier = first; earlier < s; earlier++) {
        const struct report_setting *setting = report_setting(report, earlier);
        if (!is_target(setting) && strcmp(report_key(setting, key), value) == 0) {
            return true;
        }
    }
    return false;
}

/* "key = a, b" of all values of a key, without those of targets' own networks. Long lists go on
 * in the next line: an experiment's lines are short. */
static void write_list(FILE *out, const struct report *report, size_t first, size_t count,
                       const char *key)
{
    const size_t room = 90;
    size_t width = strlen(key);
    const char *between = "";
    report_text(out, "%s = ", key);
    for (size_t s = first; s < first + count; s++) {
        const struct report_setting *setting = report_setting(report, s);
        const char *value = report_key(setting, key);
        if (value[0] == '\0' || is_target(setting) || seen_before(report, first, s, key)) {
            continue;
        }
        fputs(between, out);
        if (width > room) {
            fputs("\n    ", out);
            width = 0;
        }
        report_text(out, "%s", value);
        width += strlen(value) + 2;
        between = ", ";
    }
    fputc('\n', out);
}

/* The option has its default, so that an experiment need not name it. */
static bool is_default(const char *job, const struct report_key *key)
{
    const struct command *command = sweep_job_find(job)->command;
    const struct option_row *row = NULL;
    double value = 0.0;
    double fallback = 0.0;
    for (size_t i = 0; (row = option_row_at(command, i)) != NULL; i++) {
        if (row->kind == OPTION_HEADING || strcmp(row->name, key->name) != 0) {
            continue;
        }
        const char *text = row->kind == OPTION_FLAG ? "no"
                           : row->fallback != NULL  ? row->fallback
                                                    : "";
        return strcmp(text, key->value) == 0 ||
               (rebias_parse_double(text, &fallback) &&
                rebias_parse_double(key->value, &value) &&
                value == fallback); /* exactly: of the same digits */
    }
    return false;
}

static void replicate_range(const struct report *report, size_t first, size_t count,
                            uint32_t *low, uint32_t *high)
{
    *low = UINT32_MAX;
    *high = 0;
    for (size_t s = first; s < first + count; s++) {
        const struct report_setting *setting = report_setting(report, s);
        for (size_t c = 0; c < setting->count; c++) {
            const uint32_t replicate = report_cell(report, setting->first + c)->replicate;
            *low = replicate < *low ? replicate : *low;
            *high = replicate > *high ? replicate : *high;
        }
    }
}

/* An experiment file whose sweep has all the cells of a job. */
static void write_experiment(FILE *out, const struct report *report, const char *job,
                             size_t first, size_t count)
{
    const char *keys[REPORT_MOST_NAMES];
    const struct report_setting *example = report_setting(report, first + count - 1);
    const size_t key_count = varying(report, first, count, keys);
    uint32_t low = 0;
    uint32_t high = 0;
    for (size_t s = first; s < first + count; s++) { /* a model's configuration has most keys */
        const struct report_setting *setting = report_setting(report, s);
        example = setting->key_count > example->key_count ? setting : example;
    }
    replicate_range(report, first, count, &low, &high);
    fprintf(out,
            "<details>\n<summary>Experiment: %s</summary>\n<pre>job = %s\nreplicates = "
            "%" PRIu32 "\nfirst-replicate = %" PRIu32 "\n\n[options]\n",
            title_of(job), job, high - low + 1, low);
    for (size_t k = 0; k < example->key_count; k++) {
        const struct report_key *key = &example->keys[k];
        bool listed = false;
        for (size_t i = 0; i < key_count; i++) {
            listed = listed || strcmp(keys[i], key->name) == 0;
        }
        if (!listed && key->value[0] != '\0' && !report_is_checksum(key->name) &&
            !is_default(job, key)) {
            report_text(out, "%s = %s", key->name, key->value);
            fputc('\n', out);
        }
    }
    fputs("\n[grid]\n", out);
    for (size_t i = 0; i < key_count; i++) {
        write_list(out, report, first, count, keys[i]);
    }
    fputs("</pre>\n</details>\n", out);
}

/* -- 6. cells and inputs -- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each text once, in a list of its own; lines of a text apart. */
static void write_distinct(FILE *out, const char *name, const char **texts, size_t count)
{
    const char *before = "";
    qsort(texts, count, sizeof *texts, compare_texts);
    fprintf(out, "<dt>%s</dt>\n", name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(texts[i], before) == 0) {
            continue;
        }
        before = texts[i];
        for (const char *line = before; *line != '\0';) {
            const size_t length = strcspn(line, "\n");
            fputs("<dd>", out);
            report_text(out, "%.*s", (int)length, line);
            fputs("</dd>\n", out);
            line += length + (line[length] == '\n' ? 1 : 0);
        }
    }
    if (before[0] == '\0') {
        fputs("<dd>none</dd>\n", out);
    }
}

static void write_seeds(FILE *out, const struct report *report)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    double seconds = 0.0;
    for (size_t c = 0; c < report->cells.count; c++) {
        const struct report_cell *cell = report_cell(report, c);
        low = cell->seed < low ? cell->seed : low;
        high = cell->seed > high ? cell->seed : high;
        seconds += cell->seconds;
    }
    fprintf(out, "<dt>seed</dt>\n<dd>%" PRIu64, low);
    if (high != low) {
        fprintf(out, " to %" PRIu64, high);
    }
    fprintf(out, "</dd>\n<dt>cells</dt>\n<dd>%zu, %.4g s each on average</dd>\n",
            report->cells.count, seconds / (double)report->cells.count);
}

static void write_facts(FILE *out, const struct report *report)
{
    const size_t n = report->cells.count;
    const char **texts = NULL;
    if (rebias_alloc(&texts, n, sizeof *texts, NULL) != REBIAS_OK) {
        return;
    }
    fputs("<dl>\n", out);
    for (size_t c = 0; c < n; c++) {
        texts[c] = report_cell(report, c)->version;
    }
    write_distinct(out, "rebias", texts, n);
    write_seeds(out, report);
    for (size_t c = 0; c < n; c++) {
        texts[c] = report_cell(report, c)->inputs;
    }
    write_distinct(out, "inputs", texts, n);
    fputs("</dl>\n", out);
    free(texts);
}

/* -- 7. how it was made -- */

void report_making_section(FILE *out, const struct report_content *content)
{
    static const char *const all[] = {"bias", "train", "deploy", "continual"};
    const struct report *report = &content->data;
    fputs("<section aria-labelledby=\"making\">\n<h2 id=\"making\">How it was made</h2>\n",
          out);
    write_facts(out, report);
    fputs("<p>These experiment files give the same cells again, byte for byte, with the "
          "inputs above: <code>rebias sweep run EXPERIMENT.ini --store NEW.db</code>, then "
          "<code>rebias report NEW.db -o report.html</code>. Where the store holds parts of "
          "several grids, the file spans them all. Options that have their defaults in ",
          out);
    report_text(out, "rebias %s are left out.", rebias_version());
    fputs("</p>\n", out);
    for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
        size_t first = 0;
        const size_t count = report_job(report, all[j], &first);
        if (count > 0) {
            write_experiment(out, report, all[j], first, count);
        }
    }
    fputs("</section>\n", out);
}
