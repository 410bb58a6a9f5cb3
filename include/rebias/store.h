/* store.h - results of sweeps in one SQLite file: a cell is committed as soon as it is done.
 *
 * A cell is a job's configuration (canonical text: one "key = value" line an option, keys
 * ascending, without the replicate) and a replicate number; its key is (hash of job and
 * configuration, replicate). Stores may be read while a sweep writes (WAL where the file system
 * allows it), and several programs may write into one store. Schema: doc/store.md.
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
    REBIAS_STORE_READ = 0, /* must exist; nothing is written into it */
    REBIAS_STORE_WRITE = 1 /* made when missing */
};

/* What is worked out once. Texts are borrowed (given) or live until the next call (got). */
struct rebias_store_cell {
    const char *job; /* "bias", "train", "deploy", "continual" */
    const char *configuration;
    uint32_t replicate;
};

/* One number of a cell: of a quantity (letters, digits, _), at a place on its own axis (epoch,
 * step, task; 0 where there is only one; finite). NaN is stored as NULL. No two of a cell have
 * the same name and position. */
struct rebias_store_value {
    const char *name;
    double position;
    double value;
};

/* One finished cell. */
struct rebias_store_record {
    struct rebias_store_cell cell;
    uint64_t seed;       /* below 2^63 */
    double seconds;      /* that working it out took */
    const char *version; /* of the program that made it */
    const char *inputs;  /* "name checksum" lines of the files that went in, "" for none */
    const struct rebias_store_value *values;
    size_t value_count;
};

/* *out = the store. Errors: REBIAS_E_IO for what cannot be opened, made or written (full disk,
 * read-only), REBIAS_E_FORMAT for a file that is no store or of a later schema. Owner: the
 * caller. */
int rebias_store_open(struct rebias_store **out, const char *path, enum rebias_store_mode mode,
                      struct rebias_error *err);
void rebias_store_free(struct rebias_store *store);

/* hash[17] = 16 hexadecimal digits: FNV-1a (64 bits) of the bytes of job, line feed,
 * configuration. The same on every machine. */
void rebias_store_hash(const struct rebias_store_cell *cell, char hash[17]);

/* *found = the cell is there. May be called from several threads at once, like put. */
int rebias_store_has(struct rebias_store *store, const struct rebias_store_cell *cell,
                     bool *found, struct rebias_error *err);

/* Writes a record in a transaction of its own: durable when it returns REBIAS_OK, else the
 * store is as before. A cell that is there already is replaced. REBIAS_E_RANGE for a quantity's
 * name or position that is not as above, REBIAS_E_DATA when another configuration has the same
 * hash. */
int rebias_store_put(struct rebias_store *store, const struct rebias_store_record *record,
                     struct rebias_error *err);

/* Notes cells[count] as asked for, so that status can tell what is left. One transaction. */
int rebias_store_want(struct rebias_store *store, const struct rebias_store_cell *cells,
                      size_t count, struct rebias_error *err);

struct rebias_store_status {
    size_t configurations; /* asked for or finished */
    size_t done;           /* cells finished */
    size_t left;           /* cells asked for and not finished */
    double seconds;        /* sum over the finished cells */
    size_t recent;         /* cells finished within the last 10 minutes ... */
    double recent_seconds; /* ... in so many seconds up to now; 0 when there are none */
};

int rebias_store_status(struct rebias_store *store, struct rebias_store_status *status,
                        struct rebias_error *err);

/* Called with one finished cell; what the record points to lives until it returns. */
typedef int rebias_store_visit(void *context, const struct rebias_store_record *record,
                               struct rebias_error *err);

/* Calls visit for each record in the order of job, configuration (both as bytes), replicate
 * (values by name, position), until it returns other than REBIAS_OK, which is then returned.
 * job NULL: all jobs. What is written meanwhile is not seen. */
int rebias_store_each(struct rebias_store *store, const char *job, rebias_store_visit *visit,
                      void *context, struct rebias_error *err);

/* Adds the cells of another store that are not there yet: *added, and *differing = cells that
 * both have with other values (the first store's are kept). All in one transaction: on failure
 * the store is as before. */
int rebias_store_merge(struct rebias_store *store, const char *other, size_t *added,
                       size_t *differing, struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
