/* report_data.h - a result store in memory, for the report. */
#ifndef REBIAS_CLI_REPORT_DATA_H
#define REBIAS_CLI_REPORT_DATA_H

#include "rebias/base.h"
#include "rebias/store.h"

/* One "key = value" line of a configuration. */
struct report_key {
    char *name, *value;
};

/* One finished cell. */
struct report_cell {
    uint32_t replicate;
    uint64_t seed;
    double seconds;
    char *version;
    char *inputs;                      /* "name checksum" lines */
    struct rebias_store_value *values; /* by name, position */
    char **names;                      /* that they point to */
    size_t value_count;
};

/* One configuration with its cells, ascending by replicate. */
struct report_setting {
    char *job;
    char *text; /* the configuration */
    struct report_key *keys;
    size_t key_count;
    size_t first, count; /* of report->cells */
};

struct report {
    const char *path;              /* borrowed */
    struct rebias_buffer cells;    /* struct report_cell */
    struct rebias_buffer settings; /* struct report_setting, by job, then configuration */
};

/* Reads a whole store. What is there after a failure is the caller's as well: report_free. */
int report_load(struct report *report, const char *path, struct rebias_error *err);
void report_free(struct report *report);

const struct report_cell *report_cell(const struct report *report, size_t number);
const struct report_setting *report_setting(const struct report *report, size_t number);

/* A key's value, "" when the configuration has no such key. */
const char *report_key(const struct report_setting *setting, const char *name);

/* A cell's number, NaN when it has none of this name and position. */
double report_value(const struct report_cell *cell, const char *name, double position);

/* The cell's largest position of a quantity and its number there; false when it has none. */
bool report_last(const struct report_cell *cell, const char *name, double *position,
                 double *value);

/* Settings of a job: first and number (0: none). */
size_t report_job(const struct report *report, const char *job, size_t *first);

/* The key has several values among settings first ... first + count - 1; one that lacks it (a
 * target's own network) does not count. */
bool report_varies(const struct report *report, size_t first, size_t count, const char *name);

/* KEY-checksum: the content of the files that KEY names. */
bool report_is_checksum(const char *name);

/* Which of the settings first ... first + count - 1 a setting is, in words: "epochs 3, rate
 * 0.1", the keys that vary without those of `skip` (ends with NULL); "" when none does. */
void report_label(const struct report *report, size_t first, size_t count,
                  const struct report_setting *setting, const char *const *skip, char *label,
                  size_t size);

#endif
