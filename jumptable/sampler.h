/* sampler.h - jumps of one polarity drawn from a table, or from one of several for each device
 * (internal to jumptable). */
#ifndef REBIAS_JUMPTABLE_SAMPLER_H
#define REBIAS_JUMPTABLE_SAMPLER_H

#include "rebias/table.h"

struct rebias_sampler;

/* *out = a sampler of tables that share the G axis of this polarity; table[members] is
 * borrowed. Equidistant axes (dG axes may differ) take the fast path. */
int rebias_sampler_new(struct rebias_sampler **out, const struct rebias_table *const *table,
                       size_t members, int polarity, enum rebias_rule rule,
                       struct rebias_error *err);
void rebias_sampler_free(struct rebias_sampler *sampler);

/* One pulse on each lane: G[i] += jump * scale[i * stride], from table number member[i] (whole,
 * below members; NULL: the first for all; not NULL only with stride 1). */
void rebias_sampler_step(const struct rebias_sampler *sampler, const struct rebias_lanes *lanes,
                         const float *scale, const float *member, float *G);

/* *out = axes and CDFs of a table, without counts and texts. */
int rebias_table_copy_rows(struct rebias_table **out, const struct rebias_table *from,
                           struct rebias_error *err);

#endif
