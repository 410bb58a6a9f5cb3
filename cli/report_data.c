/* report_data.c - a result store in memory, for the report.
 * 1. reading   2. freeing   3. looking up   4. what varies
 */
#include "report_data.h"
#include "chart.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. reading -- */

/* *out = text[length] without blanks around it. */
static int copy_part(char **out, const char *text, size_t length, struct rebias_error *err)
{
    while (length > 0 && text[0] == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    int status = rebias_alloc(out, length + 1, 1, err);
    if (status == REBIAS_OK) {
        memcpy(*out, text, length);
    }
    return status;
}

static int read_keys(struct report_setting *setting, struct rebias_error *err)
{
    size_t lines = 0;
    for (const char *c = setting->text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    int status = rebias_alloc(&setting->keys, lines + 1, sizeof *setting->keys, err);
    for (const char *line = setting->text; *line != '\0' && status == REBIAS_OK;) {
        const size_t length = strcspn(line, "\n");
        const char *equals = memchr(line, '=', length);
        if (equals != NULL) {
            struct report_key *key = &setting->keys[setting->key_count++];
            const size_t name = (size_t)(equals - line);
            status = copy_part(&key->name, line, name, err);
            if (status == REBIAS_OK) {
                status = copy_part(&key->value, equals + 1, length - name - 1, err);
            }
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    return status;
}

static int add_setting(struct report *report, const struct rebias_store_cell *cell,
                       struct rebias_error *err)
{
    const struct report_setting empty = {.first = report->cells.count};
    int status = rebias_buffer_append(&report->settings, sizeof empty, &empty, err);
    if (status != REBIAS_OK) {
        return status;
    }
    struct report_setting *setting =
        (struct report_setting *)report->settings.data + report->settings.count - 1;
    status = rebias_copy_text(&setting->job, cell->job, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&setting->text, cell->configuration, err);
    }
    return status == REBIAS_OK ? read_keys(setting, err) : status;
}

static int fill_cell(struct report_cell *cell, const struct rebias_store_record *record,
                     struct rebias_error *err)
{
    int status = rebias_copy_text(&cell->version, record->version, err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&cell->inputs, record->inputs, err);
    }
    if (status == REBIAS_OK) {
        status =
            rebias_alloc(&cell->values, record->value_count + 1, sizeof *cell->values, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cell->names, record->value_count + 1, sizeof *cell->names, err);
    }
    for (size_t i = 0; i < record->value_count && status == REBIAS_OK; i++) {
        status = rebias_copy_text(&cell->names[i], record->values[i].name, err);
        cell->values[i] = record->values[i];
        cell->values[i].name = cell->names[i];
        cell->value_count++;
    }
    return status;
}

/* Cells come by job, configuration, replicate. */
static int visit_record(void *context, const struct rebias_store_record *record,
                        struct rebias_error *err)
{
    struct report *report = context;
    const size_t n = report->settings.count;
    const struct report_setting *last = n > 0 ? report_setting(report, n - 1) : NULL;
    int status = REBIAS_OK;
    if (last == NULL || strcmp(last->job, record->cell.job) != 0 ||
        strcmp(last->text, record->cell.configuration) != 0) {
        status = add_setting(report, &record->cell, err);
    }
    const struct report_cell empty = {
        .replicate = record->cell.replicate, .seed = record->seed, .seconds = record->seconds};
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&report->cells, sizeof empty, &empty, err);
    }
    if (status == REBIAS_OK) {
        ((struct report_setting *)report->settings.data)[report->settings.count - 1].count++;
        status = fill_cell((struct report_cell *)report->cells.data + report->cells.count - 1,
                           record, err);
    }
    return status;
}

int report_load(struct report *report, const char *path, struct rebias_error *err)
{
    struct rebias_store *store = NULL;
    *report = (struct report){.path = path};
    int status = rebias_store_open(&store, path, REBIAS_STORE_READ, err);
    if (status == REBIAS_OK) {
        status = rebias_store_each(store, NULL, visit_record, report, err);
    }
    rebias_store_free(store);
    return status;
}

/* -- 2. freeing -- */

void report_free(struct report *report)
{
    for (size_t c = 0; c < report->cells.count; c++) {
        struct report_cell *cell = (struct report_cell *)report->cells.data + c;
        for (size_t v = 0; v < cell->value_count; v++) {
            free(cell->names[v]);
        }
        free(cell->names);
        free(cell->values);
        free(cell->version);
        free(cell->inputs);
    }
    for (size_t s = 0; s < report->settings.count; s++) {
        struct report_setting *setting = (struct report_setting *)report->settings.data + s;
        for (size_t k = 0; k < setting->key_count; k++) {
            free(setting->keys[k].name);
            free(setting->keys[k].value);
        }
        free(setting->keys);
        free(setting->job);
        free(setting->text);
    }
    free(report->cells.data);
    free(report->settings.data);
    *report = (struct report){0};
}

/* -- 3. looking up -- */

const struct report_cell *report_cell(const struct report *report, size_t number)
{
    return (const struct report_cell *)report->cells.data + number;
}

const struct report_setting *report_setting(const struct report *report, size_t number)
{
    return (const struct report_setting *)report->settings.data + number;
}

const char *report_key(const struct report_setting *setting, const char *name)
{
    for (size_t k = 0; k < setting->key_count; k++) {
        if (strcmp(setting->keys[k].name, name) == 0) {
            return setting->keys[k].value;
        }
    }
    return "";
}

double report_value(const struct report_cell *cell, const char *name, double position)
{
    for (size_t v = 0; v < cell->value_count; v++) {
        if (cell->values[v].position == position && strcmp(cell->values[v].name, name) == 0) {
            return cell->values[v].value;
        }
    }
    return NAN;
}

bool report_last(const struct report_cell *cell, const char *name, double *position,
                 double *value)
{
    bool found = false;
    for (size_t v = 0; v < cell->value_count; v++) {
        const struct rebias_store_value *one = &cell->values[v];
        if (strcmp(one->name, name) == 0 && (!found || one->position > *position)) {
            *position = one->position;
            *value = one->value;
            found = true;
        }
    }
    return found;
}

size_t report_job(const struct report *report, const char *job, size_t *first)
{
    size_t count = 0;
    for (size_t s = 0; s < report->settings.count; s++) {
        if (strcmp(report_setting(report, s)->job, job) == 0) {
            *first = count == 0 ? s : *first;
            count++;
        }
    }
    return count;
}

/* -- 4. what varies -- */

bool report_varies(const struct report *report, size_t first, size_t count, const char *name)
{
    const char *before = "";
    for (size_t s = first; s < first + count; s++) {
        const char *value = report_key(report_setting(report, s), name);
        if (before[0] != '\0' && value[0] != '\0' && strcmp(before, value) != 0) {
            return true;
        }
        before = value[0] != '\0' ? value : before;
    }
    return false;
}

bool report_is_checksum(const char *name)
{
    static const char ending[] = "-checksum";
    const size_t length = strlen(name);
    return length >= sizeof ending && strcmp(name + length - (sizeof ending - 1), ending) == 0;
}

/* A checksum says something only where the file's name does not. */
static bool is_told(const struct report *report, size_t first, size_t count, const char *name)
{
    char base[64];
    if (!report_is_checksum(name)) {
        return false;
    }
    snprintf(base, sizeof base, "%.*s", (int)(strlen(name) - strlen("-checksum")), name);
    return report_varies(report, first, count, base);
}

void report_label(const struct report *report, size_t first, size_t count,
                  const struct report_setting *setting, const char *const *skip, char *label,
                  size_t size)
{
    label[0] = '\0';
    for (size_t k = 0; k < setting->key_count; k++) {
        const struct report_key *key = &setting->keys[k];
        bool skipped = is_told(report, first, count, key->name);
        for (size_t i = 0; skip[i] != NULL; i++) {
            skipped = skipped || strcmp(skip[i], key->name) == 0;
        }
        if (!skipped && report_varies(report, first, count, key->name)) {
            const size_t used = strlen(label);
            chart_text(label + used, size - used, "%s%s %s", used > 0 ? ", " : "", key->name,
                       key->value[0] != '\0' ? key->value : "(none)");
        }
    }
}
