/* family_internal.h - what the files of the family share (internal to jumptable). */
#ifndef REBIAS_JUMPTABLE_FAMILY_INTERNAL_H
#define REBIAS_JUMPTABLE_FAMILY_INTERNAL_H

#include "rebias/family.h"

/* *out = room for count members: no tables, labels 0, reports when wanted. */
int rebias_family_new(struct rebias_family **out, enum rebias_family_kind kind, size_t count,
                      bool reported, struct rebias_error *err);

/* rebias_family_load for a family of devices only: NULL also for bootstrap tables. */
int rebias_family_load_devices(struct rebias_family **out, const char *path,
                               struct rebias_error *err);

/* True when two tables have the same G axes, up to 1e-9 of their length. */
bool rebias_family_same_axes(const struct rebias_table *a, const struct rebias_table *b);

#endif
