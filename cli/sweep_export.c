/* sweep_export.c - cells as a table.
 * 1. lines of a text   2. keys   3. what went in   4. rows   5. all
 */
#include "sweep_export.h"
#include "output.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. lines of a text -- */

/* "key = value" up to the line's end; returns what comes behind it, NULL at the end. */
struct line {
    const char *key, *value;
    size_t key_length, value_length;
};

static const char *read_line(struct line *line, const char *text)
{
    static const char between[] = " = ";
    const size_t length = strcspn(text, "\n");
    const char *at = strstr(text, between);
    if (length == 0 || at == NULL || at > text + length) {
        return NULL;
    }
    line->key = text;
    line->key_length = (size_t)(at - text);
    line->value = at + sizeof between - 1;
    line->value_length = (size_t)(text + length - line->value);
    return text + length + (text[length] == '\n' ? 1 : 0);
}

static int copy_part(char **out, const char *text, size_t length, struct rebias_error *err)
{
    int status = rebias_alloc(out, length + 1, 1, err);
    if (status == REBIAS_OK) {
        memcpy(*out, text, length);
    }
    return status;
}

static bool is_part(const char *text, const char *part, size_t length)
{
    return strlen(text) == length && strncmp(text, part, length) == 0;
}

int sweep_text_value(char **value, const char *text, const char *key, struct rebias_error *err)
{
    struct line line;
    for (const char *c = text; (c = read_line(&line, c)) != NULL;) {
        if (is_part(key, line.key, line.key_length)) {
            return copy_part(value, line.value, line.value_length, err);
        }
    }
    return copy_part(value, "", 0, err);
}

/* -- 2. keys -- */

static struct sweep_key *key_at(const struct sweep_keys *keys, size_t i)
{
    struct sweep_key *key = keys->list.data;
    return &key[i];
}

const struct sweep_key *sweep_keys_at(const struct sweep_keys *keys, size_t i)
{
    return key_at(keys, i);
}

static int add_key(struct sweep_keys *keys, const struct line *line, struct rebias_error *err)
{
    struct sweep_key key = {NULL, NULL, false};
    for (size_t i = 0; i < keys->list.count; i++) {
        struct sweep_key *known = key_at(keys, i);
        if (is_part(known->name, line->key, line->key_length)) {
            known->varies =
                known->varies || !is_part(known->value, line->value, line->value_length);
            return REBIAS_OK;
        }
    }
    int status = copy_part(&key.name, line->key, line->key_length, err);
    if (status == REBIAS_OK) {
        status = copy_part(&key.value, line->value, line->value_length, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&keys->list, sizeof key, &key, err);
    }
    if (status != REBIAS_OK) {
        free(key.name);
        free(key.value);
    }
    return status;
}

int sweep_keys_add(struct sweep_keys *keys, const char *text, struct rebias_error *err)
{
    struct line line;
    int status = REBIAS_OK;
    for (const char *c = text; status == REBIAS_OK && (c = read_line(&line, c)) != NULL;) {
        status = add_key(keys, &line, err);
    }
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    const struct sweep_key *x = a;
    const struct sweep_key *y = b;
    return strcmp(x->name, y->name);
}

void sweep_keys_finish(struct sweep_keys *keys)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->list.count; i++) {
        struct sweep_key *key = key_at(keys, i);
        if (key->varies) {
            *key_at(keys, kept++) = *key;
        } else {
            free(key->name);
            free(key->value);
        }
    }
    keys->list.count = kept;
    if (kept > 0) {
        qsort(keys->list.data, kept, sizeof(struct sweep_key), compare_keys);
    }
}

void sweep_keys_free(struct sweep_keys *keys)
{
    for (size_t i = 0; i < keys->list.count; i++) {
        free(key_at(keys, i)->name);
        free(key_at(keys, i)->value);
    }
    free(keys->list.data);
    *keys = (struct sweep_keys){.list = {NULL, 0, 0}};
}

/* -- 3. what went in -- */

/* Lines that are told once, ascending: versions and inputs of all cells. */
struct origin {
    struct sweep_keys keys;
    struct rebias_buffer lines; /* char *, owned */
    char *last;                 /* text whose keys were read last */
};

static int add_line(struct origin *o, const char *what, const char *text, size_t length,
                    struct rebias_error *err)
{
    const size_t size = strlen(what) + length + 1;
    char **known = o->lines.data;
    char *line = NULL;
    int status = rebias_alloc(&line, size, 1, err);
    if (status != REBIAS_OK) {
        return status;
    }
    snprintf(line, size, "%s%.*s", what, (int)length, text);
    for (size_t i = 0; i < o->lines.count; i++) {
        if (strcmp(known[i], line) == 0) {
            free(line);
            return REBIAS_OK;
        }
    }
    status = rebias_buffer_append(&o->lines, sizeof line, &line, err);
    if (status != REBIAS_OK) {
        free(line);
    }
    return status;
}

static int look_at(void *context, const struct rebias_store_record *record,
                   struct rebias_error *err)
{
    struct origin *o = context;
    int status = REBIAS_OK;
    if (o->last == NULL || strcmp(o->last, record->cell.configuration) != 0) {
        free(o->last);
        status = rebias_copy_text(&o->last, record->cell.configuration, err);
        status = status == REBIAS_OK ? sweep_keys_add(&o->keys, o->last, err) : status;
    }
    if (status == REBIAS_OK) {
        status = add_line(o, "cells: rebias ", record->version, strlen(record->version), err);
    }
    for (const char *c = record->inputs; status == REBIAS_OK && *c != '\0';) {
        const size_t length = strcspn(c, "\n");
        status = add_line(o, "input: ", c, length, err);
        c += length + (c[length] == '\n' ? 1 : 0);
    }
    return status;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_origin(FILE *out, struct origin *o)
{
    char **line = o->lines.data;
    if (o->lines.count > 0) {
        qsort(line, o->lines.count, sizeof *line, compare_texts);
    }
    for (size_t i = 0; i < o->lines.count; i++) {
        fprintf(out, "# %s\n", line[i]);
    }
}

static void origin_free(struct origin *o)
{
    char **line = o->lines.data;
    for (size_t i = 0; i < o->lines.count; i++) {
        free(line[i]);
    }
    free(line);
    free(o->last);
    sweep_keys_free(&o->keys);
}

/* -- 4. rows -- */

struct rows {
    FILE *out;
    const struct sweep_keys *keys;
    bool timings;
};

static void print_header(const struct rows *rows)
{
    fputs("job,configuration", rows->out);
    for (size_t k = 0; k < rows->keys->list.count; k++) {
        fputc(',', rows->out);
        print_csv_cell(rows->out, sweep_keys_at(rows->keys, k)->name);
    }
    fprintf(rows->out, ",replicate,name,position,value%s\n", rows->timings ? ",seconds" : "");
}

/* What the rows of a cell begin with; free() it. */
static int make_start(char **start, const struct rows *rows,
                      const struct rebias_store_cell *cell, struct rebias_error *err)
{
    char hash[17];
    size_t size = 0;
    int status = REBIAS_OK;
    FILE *out = open_memstream(start, &size);
    if (out == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for a row");
    }
    rebias_store_hash(cell, hash);
    fprintf(out, "%s,%s", cell->job, hash);
    for (size_t k = 0; k < rows->keys->list.count && status == REBIAS_OK; k++) {
        char *value = NULL;
        status = sweep_text_value(&value, cell->configuration,
                                  sweep_keys_at(rows->keys, k)->name, err);
        if (status == REBIAS_OK) {
            fputc(',', out);
            print_csv_cell(out, value);
        }
        free(value);
    }
    fprintf(out, ",%u", cell->replicate);
    if (fclose(out) != 0 && status == REBIAS_OK) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for a row");
    }
    return status;
}

static int print_cell(void *context, const struct rebias_store_record *record,
                      struct rebias_error *err)
{
    const struct rows *rows = context;
    char *start = NULL;
    char position[40];
    char value[40];
    char seconds[40];
    int status = make_start(&start, rows, &record->cell, err);
    number_text(record->seconds, seconds);
    for (size_t i = 0; i < record->value_count && status == REBIAS_OK; i++) {
        number_text(record->values[i].position, position);
        number_text(record->values[i].value, value);
        fprintf(rows->out, "%s,%s,%s,%s%s%s\n", start, record->values[i].name, position, value,
                rows->timings ? "," : "", rows->timings ? seconds : "");
    }
    free(start);
    return status;
}

/* -- 5. all -- */

static int print_store(struct rebias_store *store, FILE *out, bool timings,
                       struct rebias_error *err)
{
    struct origin origin = {.last = NULL};
    struct rows rows = {out, &origin.keys, timings};
    int status = rebias_store_each(store, NULL, look_at, &origin, err);
    if (status == REBIAS_OK) {
        sweep_keys_finish(&origin.keys);
        print_origin(out, &origin);
        print_header(&rows);
        status = rebias_store_each(store, NULL, print_cell, &rows, err);
    }
    origin_free(&origin);
    return status;
}

int sweep_export(struct rebias_store *store, const char *path, bool timings,
                 struct rebias_error *err)
{
    struct rebias_output out;
    int status = rebias_output_open(&out, path, err);
    if (status == REBIAS_OK) {
        status = print_store(store, out.stream, timings, err);
        status = status == REBIAS_OK ? rebias_output_close(&out, err) : status;
        rebias_output_discard(&out);
    }
    return status;
}
