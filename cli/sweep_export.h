/* sweep_export.h - cells as a table: keys that vary as columns, one number a row. */
#ifndef REBIAS_CLI_SWEEP_EXPORT_H
#define REBIAS_CLI_SWEEP_EXPORT_H

#include "rebias/base.h"
#include "rebias/store.h"
#include <stdio.h>

/* The keys of canonical texts, in the order of their names; starts as all zero. */
struct sweep_key {
    char *name;
    char *value; /* of the first text that has the key */
    bool varies; /* another text has another value */
};
struct sweep_keys {
    struct rebias_buffer list; /* struct sweep_key */
};

int sweep_keys_add(struct sweep_keys *keys, const char *text, struct rebias_error *err);
/* Drops the keys that do not vary, and sorts the others. */
void sweep_keys_finish(struct sweep_keys *keys);
const struct sweep_key *sweep_keys_at(const struct sweep_keys *keys, size_t i);
void sweep_keys_free(struct sweep_keys *keys);

/* *value = copy of the key's value in a text, "" when it has none; free() it. */
int sweep_text_value(char **value, const char *text, const char *key, struct rebias_error *err);

/* The whole store as CSV, whoever worked its cells out: job, configuration (hash), keys that
 * vary, replicate, name, position, value and, with timings, the cell's seconds. */
int sweep_export(struct rebias_store *store, const char *path, bool timings,
                 struct rebias_error *err);

#endif
