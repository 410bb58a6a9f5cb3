/* sweep_text.c - the canonical text of a configuration: what its numbers depend on.
 * 1. values   2. which options count   3. files   4. the text
 *
 * All options are written, given or not, so that a later default does not take old results for
 * new ones. Files count by their content.
 */
#include "commands.h"
#include "sweep_plan.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Lines under way. */
struct lines {
    struct rebias_buffer list; /* char *, owned: "key = value" */
    FILE *inputs;
};

static int add_line(struct lines *lines, const char *key, const char *value,
                    struct rebias_error *err)
{
    const size_t size = strlen(key) + strlen(value) + 8;
    char *line = NULL;
    int status = rebias_alloc(&line, size, 1, err);
    if (status == REBIAS_OK) {
        snprintf(line, size, "%s = %s", key, value);
        status = rebias_buffer_append(&lines->list, sizeof line, &line, err);
    }
    if (status != REBIAS_OK) {
        free(line);
    }
    return status;
}

/* -- 1. values -- */

static bool takes_numbers(const struct option_row *row)
{
    return row->kind == OPTION_TEXT &&
           (strchr(row->metavar, ',') != NULL || strcmp(row->name, "points") == 0);
}

/* "1e2,0.50" as "100,0.5"; *out = NULL when it is no list of numbers. */
static int normalise_list(char **out, const char *text, struct rebias_error *err)
{
    const size_t size = 40 * (strlen(text) + 1);
    size_t used = 0;
    int status = rebias_alloc(out, size, 1, err);
    bool good = status == REBIAS_OK;
    for (const char *c = text; good;) {
        char item[64];
        char number[40];
        double value = 0.0;
        const size_t length = strcspn(c, ",");
        snprintf(item, sizeof item, "%.*s", (int)(length < 63 ? length : 63), c);
        good = length < 63 && rebias_parse_double(item, &value);
        if (good) {
            number_text(value, number);
            used +=
                (size_t)snprintf(*out + used, size - used, "%s%s", used > 0 ? "," : "", number);
        }
        if (c[length] == '\0') {
            break;
        }
        c += length + 1;
    }
    if (status == REBIAS_OK && !good) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static int add_value(struct lines *lines, const struct option_row *row, const char *text,
                     struct rebias_error *err)
{
    char number[40];
    double value = 0.0;
    int64_t whole = 0;
    char *list = NULL;
    if (row->kind == OPTION_INTEGER &&
        rebias_parse_integer(text, INT64_MIN, INT64_MAX, &whole)) {
        snprintf(number, sizeof number, "%" PRId64, whole);
        return add_line(lines, row->name, number, err);
    }
    if (row->kind == OPTION_NUMBER && rebias_parse_double(text, &value)) {
        number_text(value, number);
        return add_line(lines, row->name, number, err);
    }
    int status = takes_numbers(row) ? normalise_list(&list, text, err) : REBIAS_OK;
    if (status == REBIAS_OK) {
        status = add_line(lines, row->name, list != NULL ? list : text, err);
    }
    free(list);
    return status;
}

/* -- 2. which options count -- */

static bool is_among(const char *const *names, const char *name)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Options below a heading "with --KEY VALUE..." count when KEY has that value. */
static bool heading_counts(const struct arguments *a, const char *help)
{
    static const char with[] = "with --";
    char key[32];
    const size_t start = sizeof with - 1;
    if (strncmp(help, with, start) != 0) {
        return true;
    }
    const size_t length = strcspn(help + start, " ");
    snprintf(key, sizeof key, "%.*s", (int)length, help + start);
    const char *wanted = help + start + length + (help[start + length] == ' ' ? 1 : 0);
    const char *given = argument_text(a, key);
    const size_t width = strcspn(wanted, " ,");
    return given != NULL && strlen(given) == width && strncmp(given, wanted, width) == 0;
}

/* True for options that change no number, or that say where a file is whose content counts. */
static bool is_silent(const struct sweep_job *job, const char *name)
{
    static const char *const common[] = {"threads", "format", "quiet", "help", "data", NULL};
    return is_among(common, name) || is_among(job->left_out, name);
}

/* -- 3. files -- */

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Adds the checksum of a file, if it is one, to those of the option. */
static int add_checksum(FILE *sums, FILE *inputs, const char *path, struct rebias_error *err)
{
    char sum[20];
    if (!is_file(path)) {
        return REBIAS_OK;
    }
    int status = rebias_file_checksum(path, sum, err);
    if (status == REBIAS_OK) {
        fprintf(sums, "%s%s", ftell(sums) > 0 ? " " : "", sum);
        fprintf(inputs, "%s %s\n", path, sum);
    }
    return status;
}

/* The files of a table of several. */
static int add_table_files(FILE *sums, FILE *inputs, const char *prefix,
                           struct rebias_error *err)
{
    static const char *const suffixes[] = {
        "_set_axis_level_G.txt",   "_set_axis_level_dG.txt",   "_set_cdf.txt",
        "_reset_axis_level_G.txt", "_reset_axis_level_dG.txt", "_reset_cdf.txt",
        "_dG_increasing.txt",      "_dG_decreasing.txt",       "_dG_increasing.txt.gz",
        "_dG_decreasing.txt.gz"};
    char path[1024];
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0] && status == REBIAS_OK; i++) {
        snprintf(path, sizeof path, "%.*s%s", (int)strcspn(prefix, ","), prefix, suffixes[i]);
        status = add_checksum(sums, inputs, path, err);
    }
    return status;
}

/* Files that a value names: itself, without ",option=...", or behind "word:" as in
 * samples:FILE; or those of a table in XBTorch's or CrossSim's format. */
static int add_files(FILE *sums, FILE *inputs, const char *value, struct rebias_error *err)
{
    const char *prefix = NULL;
    char path[1024];
    if (rebias_table_format_of(value, &prefix) != REBIAS_TABLE_NATIVE) {
        return add_table_files(sums, inputs, prefix, err);
    }
    if (is_file(value)) {
        return add_checksum(sums, inputs, value, err);
    }
    snprintf(path, sizeof path, "%.*s", (int)strcspn(value, ","), value);
    const char *colon = strchr(value, ':');
    return is_file(path) || colon == NULL ? add_checksum(sums, inputs, path, err)
                                          : add_checksum(sums, inputs, colon + 1, err);
}

/* "KEY-checksum = ..." for a value that names files. */
static int add_file_line(struct lines *lines, const char *name, const char *value,
                         struct rebias_error *err)
{
    char key[64];
    char *text = NULL;
    size_t size = 0;
    FILE *sums = open_memstream(&text, &size);
    if (sums == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for checksums");
    }
    int status = add_files(sums, lines->inputs, value, err);
    if (fclose(sums) != 0 && status == REBIAS_OK) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for checksums");
    }
    if (status == REBIAS_OK && size > 0) {
        snprintf(key, sizeof key, "%s-checksum", name);
        status = add_line(lines, key, text, err);
    }
    free(text);
    return status;
}

static int add_images(struct lines *lines, const struct rebias_image_set *set,
                      struct rebias_error *err)
{
    char text[REBIAS_SET_FILES * 21 + 1] = "";
    size_t used = 0;
    for (int i = 0; i < REBIAS_SET_FILES && set->checksum[i][0] != '\0'; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                                 set->checksum[i]);
        fprintf(lines->inputs, "%s %s\n", set->file[i], set->checksum[i]);
    }
    return used > 0 ? add_line(lines, "images-checksum", text, err) : REBIAS_OK;
}

/* -- 4. the text -- */

static int add_option(struct lines *lines, const struct sweep_setup *setup,
                      const struct option_row *row, struct rebias_error *err)
{
    const struct arguments *a = &setup->arguments;
    if (row->kind == OPTION_FLAG) {
        return add_line(lines, row->name, argument_flag(a, row->name) ? "yes" : "no", err);
    }
    const char *value = setup->job->shown != NULL ? setup->job->shown(a, row->name)
                                                  : argument_text(a, row->name);
    int status = value != NULL ? add_value(lines, row, value, err) : REBIAS_OK;
    const bool file = value != NULL && row->kind == OPTION_TEXT && !takes_numbers(row) &&
                      strcmp(row->name, "images") != 0; /* their files are added apart */
    return status == REBIAS_OK && file ? add_file_line(lines, row->name, value, err) : status;
}

static int add_options(struct lines *lines, const struct sweep_setup *setup, bool target,
                       struct rebias_error *err)
{
    const struct sweep_job *job = setup->job;
    bool counts = true;
    int status = REBIAS_OK;
    const struct option_row *row = NULL;
    for (size_t i = 0; status == REBIAS_OK && (row = option_row_at(job->command, i)) != NULL;
         i++) {
        const bool common = i >= job->command->row_count;
        if (row->kind == OPTION_HEADING) {
            counts = heading_counts(&setup->arguments, row->help);
        } else if ((counts || common) && !is_silent(job, row->name) &&
                   !(target && is_among(job->not_of_target, row->name))) {
            status = add_option(lines, setup, row, err);
        }
    }
    return status;
}

/* What the target's own network of bias depends on besides: with measured pulses the target is
 * the table that the method fits to them. */
static int add_target(struct lines *lines, const struct sweep_setup *setup,
                      struct rebias_error *err)
{
    const struct arguments *a = &setup->arguments;
    int status = add_line(lines, "method", "target", err);
    if (status == REBIAS_OK && argument_given(a, "pulses")) {
        status = add_line(lines, "target-method", argument_text(a, "method"), err);
        if (status == REBIAS_OK) {
            status = add_line(lines, "blocks", argument_text(a, "blocks"), err);
        }
        if (status == REBIAS_OK) {
            status =
                add_line(lines, "censored", argument_flag(a, "censored") ? "yes" : "no", err);
        }
    }
    return status;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* *text = the lines, ascending. */
static int join(char **text, struct lines *lines, struct rebias_error *err)
{
    char **line = lines->list.data;
    size_t size = 1;
    size_t used = 0;
    for (size_t i = 0; i < lines->list.count; i++) {
        size += strlen(line[i]) + 1;
    }
    int status = rebias_alloc(text, size, 1, err);
    if (status == REBIAS_OK && lines->list.count > 0) {
        qsort(line, lines->list.count, sizeof *line, compare_lines);
        for (size_t i = 0; i < lines->list.count; i++) {
            used += (size_t)snprintf(*text + used, size - used, "%s\n", line[i]);
        }
    }
    return status;
}

static int fill_lines(struct lines *lines, const struct sweep_setup *setup, bool target,
                      struct rebias_error *err)
{
    const struct rebias_image_set *set =
        setup->job->images != NULL ? setup->job->images(setup->opened) : NULL;
    int status = add_options(lines, setup, target, err);
    if (status == REBIAS_OK && target) {
        status = add_target(lines, setup, err);
    }
    if (status == REBIAS_OK && setup->job->word != NULL) {
        const char *word = setup->arguments.word[0];
        status = add_line(lines, setup->job->word, word, err);
        if (status == REBIAS_OK) {
            status = add_file_line(lines, setup->job->word, word, err);
        }
    }
    return status == REBIAS_OK && set != NULL ? add_images(lines, set, err) : status;
}

int sweep_text(char **text, char **inputs, const struct sweep_setup *setup, bool target,
               struct rebias_error *err)
{
    struct lines lines = {.inputs = NULL};
    size_t size = 0;
    *text = NULL;
    *inputs = NULL;
    lines.inputs = open_memstream(inputs, &size);
    if (lines.inputs == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for a configuration");
    }
    int status = fill_lines(&lines, setup, target, err);
    if (status == REBIAS_OK) {
        status = join(text, &lines, err);
    }
    if (fclose(lines.inputs) != 0 && status == REBIAS_OK) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for a configuration");
    }
    char **line = lines.list.data;
    for (size_t i = 0; i < lines.list.count; i++) {
        free(line[i]);
    }
    free(line);
    return status;
}
