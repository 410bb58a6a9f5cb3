/* experiment.c - sweeps as text.
 * 1. places and errors   2. lists   3. keys   4. one pair   5. lines   6. overrides   7.
 * loading
 *
 * The lines are split by inih, whose buffer is its own: a line of 199 bytes and more would come
 * in pieces and is refused. Lists go on behind a comma on an indented line.
 */
#include "rebias/experiment.h"
#include "experiment_values.h"
#include "rebias/base.h"
#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONFIGURATIONS = 10000000, MOST_REPLICATES = 1000000, MOST_BYTES = 1 << 24 };

/* What is known while the lines are read. */
struct reading {
    struct rebias_experiment *experiment;
    struct rebias_buffer keys; /* struct rebias_experiment_key */
    char *raw;                 /* value of the pair under way, its lines joined */
    char *raw_name;
    char *raw_section;
    size_t raw_line;
    size_t top_line[4]; /* where job, replicates, first-replicate, title were given; 0: not */
    const char *text;   /* rest of the file */
    size_t line;
    bool after_comma; /* the last line that was no remark ended in one */
    bool goes_on;     /* this line is more of the pair under way */
    int status;
    struct rebias_error *err;
};

static const char *const top_keys[4] = {"job", "replicates", "first-replicate", "title"};

/* -- 1. places and errors -- */

/* Notes the first error of the file. */
static int note(struct reading *r, size_t line, const char *value, const char *expected,
                const char *message)
{
    if (r->status == REBIAS_OK) {
        const struct rebias_place place = {r->experiment->path, line, 0, value};
        r->status = rebias_fail_at(r->err, REBIAS_E_FORMAT, &place, expected, "%s", message);
    }
    return r->status;
}

/* -- 2. keys -- */

static int top_index(const char *name)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, top_keys[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static struct rebias_experiment_key *find_key(const struct rebias_buffer *keys,
                                              const char *name)
{
    struct rebias_experiment_key *key = keys->data;
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(key[i].name, name) == 0) {
            return &key[i];
        }
    }
    return NULL;
}

/* *out = the value of a top key that is a number. */
static bool read_number(const char *text, int64_t min, int64_t max, uint32_t *out)
{
    int64_t value = 0;
    bool good = rebias_parse_integer(text, min, max, &value);
    *out = good ? (uint32_t)value : *out;
    return good;
}

/* Sets a top key; *expected = what it should have been when the value is wrong. */
static int set_top(struct rebias_experiment *e, int top, const char *value,
                   const char **expected, struct rebias_error *err)
{
    *expected = NULL;
    if (top == 1 || top == 2) {
        const bool good = top == 1
                              ? read_number(value, 1, MOST_REPLICATES, &e->replicates)
                              : read_number(value, 0, MOST_REPLICATES, &e->first_replicate);
        *expected = good       ? NULL
                    : top == 1 ? "a whole number from 1 to 1000000"
                               : "a whole number from 0 to 1000000";
        return REBIAS_OK;
    }
    char **text = top == 0 ? &e->job : &e->title;
    free(*text);
    return rebias_copy_text(text, value, err);
}

/* -- 3. one pair -- */

static void take_top(struct reading *r, int top)
{
    const char *expected = NULL;
    if (r->top_line[top] > 0) {
        note(r, r->raw_line, r->raw_name, NULL, "a key is given twice");
        return;
    }
    r->top_line[top] = r->raw_line;
    if (r->raw[0] == '\0' && top != 3) {
        note(r, r->raw_line, r->raw_name, NULL, "the value is empty");
        return;
    }
    int status = set_top(r->experiment, top, r->raw, &expected, r->err);
    if (status != REBIAS_OK) {
        r->status = status;
    } else if (expected != NULL) {
        note(r, r->raw_line, r->raw, expected, "bad value of a key");
    }
}

static void take_option(struct reading *r)
{
    struct rebias_experiment_key key = {.line = r->raw_line,
                                        .grid = strcmp(r->raw_section, "grid") == 0};
    const char *why = NULL;
    if (find_key(&r->keys, r->raw_name) != NULL) {
        note(r, r->raw_line, r->raw_name, NULL, "a key is given twice");
        return;
    }
    int status = rebias_copy_text(&key.name, r->raw_name, r->err);
    if (status == REBIAS_OK) {
        status = rebias_experiment_split(&key, r->raw, r->err);
    }
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&r->keys, sizeof key, &key, r->err);
    }
    if (status != REBIAS_OK) {
        rebias_experiment_clear_key(&key);
        r->status = status;
        return;
    }
    const char *wrong = rebias_experiment_wrong_value(&key, &why);
    if (wrong != NULL) {
        note(r, r->raw_line, wrong, NULL, why);
    }
}

/* The pair under way is whole: the next one begins, or the file ends. */
static void finish_pair(struct reading *r)
{
    const int top = r->raw_name != NULL ? top_index(r->raw_name) : -1;
    if (r->raw_name == NULL || r->status != REBIAS_OK) {
        return;
    }
    if (r->raw_section[0] == '\0' && top >= 0) {
        take_top(r, top);
    } else if (r->raw_section[0] == '\0') {
        note(r, r->raw_line, r->raw_name,
             "job, replicates, first-replicate or title; options stand below [options] or "
             "[grid]",
             "unknown key before the first section");
    } else if (top >= 0) {
        note(r, r->raw_line, r->raw_name, NULL, "this key stands before the first section");
    } else {
        take_option(r);
    }
}

static void drop_pair(struct reading *r)
{
    free(r->raw);
    free(r->raw_name);
    free(r->raw_section);
    r->raw = r->raw_name = r->raw_section = NULL;
}

static int start_pair(struct reading *r, const char *section, const char *name,
                      const char *value)
{
    int status = rebias_copy_text(&r->raw, value, r->err);
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&r->raw_name, name, r->err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&r->raw_section, section, r->err);
    }
    r->raw_line = r->line;
    return status;
}

/* A further line of a list. */
static int extend_pair(struct reading *r, const char *value)
{
    char *joined = NULL;
    const size_t used = strlen(r->raw);
    const size_t size = used + strlen(value) + 2;
    int status = rebias_alloc(&joined, size, 1, r->err);
    if (status == REBIAS_OK) {
        snprintf(joined, size, "%s %s", r->raw, value);
        free(r->raw);
        r->raw = joined;
    }
    return status;
}

/* Called by inih for each pair, and again for each indented line behind it. Returns 1: go on.
 */
static int handle(void *context, const char *section, const char *name, const char *value)
{
    struct reading *r = context;
    if (r->status != REBIAS_OK) {
        return 1;
    }
    if (section[0] != '\0' && strcmp(section, "options") != 0 && strcmp(section, "grid") != 0) {
        note(r, r->line, section, "[options] or [grid]", "unknown section");
        return 1;
    }
    if (r->goes_on) {
        r->status = extend_pair(r, value);
        return 1;
    }
    finish_pair(r);
    drop_pair(r);
    if (r->status == REBIAS_OK) {
        r->status = start_pair(r, section, name, value);
    }
    return 1;
}

/* -- 4. lines -- */

static bool is_remark(const char *line, size_t length)
{
    while (length > 0 && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    return length == 0 || *line == '#' || *line == ';';
}

/* Length without a remark at the end; inih takes these away, but not on further lines of a
 * value. */
static size_t length_without_remark(const char *line, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        if (line[i] == ';' && isblank((unsigned char)line[i - 1])) {
            return i;
        }
    }
    return length;
}

static bool ends_in_comma(const char *line, size_t length)
{
    while (length > 0 && isspace((unsigned char)line[length - 1])) {
        length--;
    }
    return length > 0 && line[length - 1] == ',';
}

/* The next line for inih. Only a line behind a comma may be indented there: elsewhere inih
 * would take it for more of the value before it. */
static char *next_line(char *out, int size, void *context)
{
    struct reading *r = context;
    const char *line = r->text;
    const char *end = strchr(line, '\n');
    size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
    if (r->status != REBIAS_OK || *line == '\0') {
        return NULL;
    }
    const bool indented = isblank((unsigned char)*line);
    r->text = line + length + (end != NULL ? 1 : 0);
    r->line++;
    if (is_remark(line, length)) {
        length = 0;
    } else {
        length = length_without_remark(line, length);
        r->goes_on = r->after_comma && indented && r->raw_name != NULL;
        r->after_comma = ends_in_comma(line, length);
        while (length > 0 && !r->goes_on && isblank((unsigned char)*line)) {
            line++;
            length--;
        }
    }
    if (length + 2 > (size_t)size) {
        note(r, r->line, NULL,
             "at most 198 bytes; a list goes on behind a comma on an indented line",
             "the line is too long");
        return NULL;
    }
    snprintf(out, (size_t)size, "%.*s\n", (int)length, line);
    return out;
}

/* No byte that a text editor would not show: the canonical texts are made of these values. */
static int check_bytes(const char *path, const char *data, size_t size,
                       struct rebias_error *err)
{
    size_t line = 1;
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)data[i];
        const bool line_end = c == '\n' || (c == '\r' && data[i + 1] == '\n');
        if ((c < ' ' && c != '\t' && !line_end) || c == 0x7f) {
            const struct rebias_place place = {path, line, 0, NULL};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "text",
                                  "a control character (byte %u)", c);
        }
        line += c == '\n';
    }
    return REBIAS_OK;
}

static int read_lines(struct reading *r, const char *data)
{
    r->text = data;
    int wrong = ini_parse_stream(next_line, r, handle, r);
    if (r->status == REBIAS_OK && wrong > 0) {
        note(r, (size_t)wrong, NULL, "[section], key = value, or # remark",
             "this line is none of an experiment");
    }
    finish_pair(r);
    drop_pair(r);
    return r->status;
}

/* -- 5. overrides -- */

static int fail_override(const char *override, const char *expected, const char *message,
                         struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, override};
    return rebias_fail_at(err, REBIAS_E_RANGE, &place, expected, "--set: %s", message);
}

static int override_option(struct reading *r, const char *name, const char *value,
                           const char *override)
{
    struct rebias_experiment_key *old = find_key(&r->keys, name);
    struct rebias_experiment_key key = {.grid = old != NULL && old->grid};
    const char *why = NULL;
    int status = rebias_copy_text(&key.name, name, r->err);
    if (status == REBIAS_OK) {
        status = rebias_experiment_split(&key, value, r->err);
    }
    if (status == REBIAS_OK && rebias_experiment_wrong_value(&key, &why) != NULL) {
        status = fail_override(override, NULL, why, r->err);
    }
    if (status == REBIAS_OK && old == NULL) {
        status = rebias_buffer_append(&r->keys, sizeof key, &key, r->err);
    } else if (status == REBIAS_OK) {
        rebias_experiment_clear_key(old);
        *old = key;
    }
    if (status != REBIAS_OK) {
        rebias_experiment_clear_key(&key);
    }
    return status;
}

static int override_one(struct reading *r, const char *override)
{
    const char *equals = strchr(override, '=');
    const char *expected = NULL;
    char *name = NULL;
    if (equals == NULL || equals == override) {
        return fail_override(override, "KEY=VALUE", "no key and value", r->err);
    }
    int status = rebias_copy_text(&name, override, r->err);
    if (status != REBIAS_OK) {
        return status;
    }
    name[equals - override] = '\0';
    const int top = top_index(name);
    if (equals[1] == '\0') {
        status = fail_override(override, "KEY=VALUE", "the value is empty", r->err);
    } else if (top >= 0) {
        status = set_top(r->experiment, top, equals + 1, &expected, r->err);
        status =
            expected != NULL ? fail_override(override, expected, "bad value", r->err) : status;
    } else {
        status = override_option(r, name, equals + 1, override);
    }
    free(name);
    return status;
}

/* The same key before the first `=` of two overrides. */
static bool same_key(const char *a, const char *b)
{
    const size_t length = strcspn(a, "=");
    return strncmp(a, b, length) == 0 && b[length] == '=';
}

static int take_overrides(struct reading *r, const char *const *overrides, size_t count)
{
    int status = REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        for (size_t k = 0; k < i && status == REBIAS_OK; k++) {
            status = same_key(overrides[i], overrides[k])
                         ? fail_override(overrides[i], NULL, "the key is given twice", r->err)
                         : REBIAS_OK;
        }
        status = status == REBIAS_OK ? override_one(r, overrides[i]) : status;
    }
    return status;
}

/* -- 6. loading -- */

static int compare_keys(const void *a, const void *b)
{
    const struct rebias_experiment_key *x = a;
    const struct rebias_experiment_key *y = b;
    return strcmp(x->name, y->name);
}

/* Hands the keys over and counts the configurations. */
static int finish_experiment(struct reading *r, struct rebias_error *err)
{
    struct rebias_experiment *e = r->experiment;
    const struct rebias_place place = {e->path, 0, 0, NULL};
    e->keys = r->keys.data;
    e->key_count = r->keys.count;
    e->configurations = 1;
    if (e->job == NULL) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a line such as job = bias",
                              "the experiment has no job");
    }
    if (e->key_count > 0) {
        qsort(e->keys, e->key_count, sizeof *e->keys, compare_keys);
    }
    for (size_t k = 0; k < e->key_count; k++) {
        if (e->configurations > MOST_CONFIGURATIONS / e->keys[k].count) {
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, NULL,
                                  "the grid has more than %d configurations",
                                  MOST_CONFIGURATIONS);
        }
        e->configurations *= e->keys[k].count;
    }
    return REBIAS_OK;
}

static int new_experiment(struct rebias_experiment **out, const char *path,
                          struct rebias_error *err)
{
    int status = rebias_alloc(out, 1, sizeof **out, err);
    if (status != REBIAS_OK) {
        return status;
    }
    (*out)->replicates = 1;
    status = rebias_copy_text(&(*out)->path, path, err);
    return status == REBIAS_OK ? rebias_copy_text(&(*out)->title, "", err) : status;
}

int rebias_experiment_load(struct rebias_experiment **out, const char *path,
                           const char *const *overrides, size_t override_count,
                           struct rebias_error *err)
{
    struct reading r = {.err = err};
    char *data = NULL;
    size_t size = 0;
    *out = NULL;
    int status = rebias_read_file(path, MOST_BYTES, &data, &size, err);
    if (status == REBIAS_OK) {
        status = check_bytes(path, data, size, err);
    }
    if (status == REBIAS_OK) {
        status = new_experiment(&r.experiment, path, err);
    }
    if (status == REBIAS_OK) {
        status = read_lines(&r, data);
    }
    if (status == REBIAS_OK) {
        status = take_overrides(&r, overrides, override_count);
    }
    free(data);
    if (r.experiment != NULL) {
        int finished = finish_experiment(&r, status == REBIAS_OK ? err : NULL);
        status = status == REBIAS_OK ? finished : status;
    }
    if (status != REBIAS_OK) {
        rebias_experiment_free(r.experiment);
        return status;
    }
    *out = r.experiment;
    return REBIAS_OK;
}

void rebias_experiment_free(struct rebias_experiment *experiment)
{
    if (experiment != NULL) {
        for (size_t k = 0; k < experiment->key_count; k++) {
            rebias_experiment_clear_key(&experiment->keys[k]);
        }
        free(experiment->keys);
        free(experiment->path);
        free(experiment->job);
        free(experiment->title);
        free(experiment);
    }
}

void rebias_experiment_configuration(const struct rebias_experiment *experiment, size_t number,
                                     const char **value)
{
    for (size_t k = experiment->key_count; k > 0; k--) {
        const struct rebias_experiment_key *key = &experiment->keys[k - 1];
        value[k - 1] = key->value[number % key->count];
        number /= key->count;
    }
}
