/* bias_tables.h - what `rebias bias` writes: tables over one or more studies. */
#ifndef REBIAS_CLI_BIAS_TABLES_H
#define REBIAS_CLI_BIAS_TABLES_H

#include "bias_studies.h"
#include "output.h"

/* Fills a table (all zero before; table_free it also after a failure). */
typedef int fill_table(struct table *table, const struct bias_studies *studies,
                       struct rebias_error *err);

fill_table fill_runs;         /* one row a run */
fill_table fill_correlations; /* one row a number of points and device metric */
fill_table fill_metrics;      /* one row a number of points, method and device metric */

/* The summary: one row a number of points and method. Without networks: device metrics only,
 * and for several targets their means, as target "all", beside the oracle of fixed binning: the
 * best binning of each target among those given. */
fill_table fill_summary;

#endif
