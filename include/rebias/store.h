/* store.h - results of sweeps in one SQLite file: a cell is committed as soon as it is done.
 *
 * A cell is a job's configuration (canonical text: one "key = value" line an option, keys
 * ascending, without the replicate) and a replicate number; its key is (hash of job and
 * configuration, replicate). Stores may be read while a sweep writes (WAL where the file system
 * allows it). Schema: doc/store.md.
 */
#ifndef REBIAS_STORE_H
#define REBIAS_STORE_H

#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_store;

enum rebias_store_mode {
    REBIAS_STORE_READ = 0,  /* must exist; nothing is written */
    REBIAS_STORE_WRITE = 1, /* made when missing */
};

/* What is worked out once. Texts are borrowed (given) or live until the next call (got). */
struct rebias_store_cell {
    const char *job; /* "bias", "train", "deploy", "continual" */
    const char *configuration;
    uint32_t replicate;
};

/* One number of a cell: of a quantity (letters, digits, _), at a place on its own axis (epoch,
 * step, task; 0 where there is only one). NaN is stored as NULL. */
struct rebias_store_value {
    const char *name;
    double position;
    double value;
};

/* One finished cell. */
struct rebias_store_record {
    struct rebias_store_cell cell;
    uint64_t seed;
    double seconds;
    const char *version; /* of the program that made it */
    const char *inputs;  /* "name checksum" lines of the files that went in, "" for none */
    const struct rebias_store_value *values;
    size_t value_count;
};

/* *out = the store. Errors: REBIAS_E_IO for what cannot be opened, made or written (full disk,
 * read-only), REBIAS_E_FORMAT for a file that is no store or of a later schema. */
int rebias_store_open(struct rebias_store **out, const char *path, enum rebias_store_mode mode,
                      struct rebias_error *err);
void rebias_store_free(struct rebias_store *store);

/* hash[17] = 16 hexadecimal digits of job and configuration: the same on every machine. */
void rebias_store_hash(const struct rebias_store_cell *cell, char hash[17]);

/* *found = the cell is there. */
int rebias_store_has(struct rebias_store *store, const struct rebias_store_cell *cell,
                     bool *found, struct rebias_error *err);

/* Writes a record in a transaction of its own: durable when it returns REBIAS_OK, else the
 * store is as before. A cell that is there already is replaced. */
int rebias_store_put(struct rebias_store *store, const struct rebias_store_record *record,
                     struct rebias_error *err);

/* Calls visit for each record in the order of job, configuration, replicate (values by name,
 * position), until it returns other than REBIAS_OK. job NULL: all jobs. */
int rebias_store_each(struct rebias_store *store, const char *job,
                      int (*visit)(void *context, const struct rebias_store_record *record,
                                   struct rebias_error *err),
                      void *context, struct rebias_error *err);

/* Adds the cells of another store that are not there yet: *added, and *differing = cells that
 * both have with other values (the first store's are kept). */
int rebias_store_merge(struct rebias_store *store, const char *other, size_t *added,
                       size_t *differing, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
