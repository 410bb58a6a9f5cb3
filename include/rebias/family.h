/* family.h - jump tables that belong together: bootstrap tables of one data set (how far the
 * table is known), or one table a device (a population that crossbars draw from).
 */
#ifndef REBIAS_FAMILY_H
#define REBIAS_FAMILY_H

#include "base.h"
#include "estimate.h"
#include "table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_family_kind { REBIAS_FAMILY_BOOTSTRAP = 0, REBIAS_FAMILY_DEVICES = 1 };

/* Bounds of a family: its members, and the CDF entries of all of them (2 GiB). */
enum { REBIAS_FAMILY_MAX_TABLES = 100000, REBIAS_FAMILY_MAX_ENTRIES = 1 << 28 };

/* count tables, owned; label[i]: number of the resample, or of the device in the data. All
 * members have the G axes of the pooled table they stand beside. */
struct rebias_family {
    enum rebias_family_kind kind;
    size_t count; /* >= 1 */
    struct rebias_table **table;
    int32_t *label;
    struct rebias_fit_report *report; /* [count] of the fits; NULL in a family from a file */
};

void rebias_family_free(struct rebias_family *family);

/* *out = B tables fitted to resample 0 .. B - 1 of the pulses (blocks as in options->blocks,
 * AUTO resolved on all pulses), over the range of the fit to all pulses: points of a resample
 * are all inside it. The same bytes for any number of threads. Errors: those of rebias_fit,
 * with the number of the resample; REBIAS_E_RANGE for B = 0 or a family above the bounds. */
int rebias_fit_bootstrap(struct rebias_family **out, const struct rebias_pulses *pulses,
                         const struct rebias_method *method,
                         const struct rebias_fit_options *options, size_t resamples,
                         int threads, rebias_progress *progress, void *progress_context,
                         struct rebias_error *err);

/* *out = one table for every device of the data, in order of appearance, over the range common
 * to all devices and both polarities (or the options'). The pooled table beside them must be
 * fitted over the same range: that of table[0]. REBIAS_E_DATA when no device is recorded, there
 * is only one, one has too few points (named), or there is no common range; REBIAS_E_RANGE for
 * blocks DEVICE, of which each fit would have one. */
int rebias_fit_devices(struct rebias_family **out, const struct rebias_pulses *pulses,
                       const struct rebias_method *method,
                       const struct rebias_fit_options *options, int threads,
                       rebias_progress *progress, void *progress_context,
                       struct rebias_error *err);

/* REBIAS_E_RANGE unless count members of 2 x G_levels x dG_levels entries are within the
 * bounds. */
int rebias_family_check_size(size_t count, size_t G_levels, size_t dG_levels,
                             struct rebias_error *err);

/* Saves a table with its family (NULL = without) in one native file: the group /bootstrap or
 * /devices holds the dataset `label`, and in the groups 0, 1, ... the members as the root holds
 * the table. REBIAS_E_DATA for a member whose G axes are not the table's. */
int rebias_family_save(const struct rebias_table *table, const struct rebias_family *family,
                       const char *path, struct rebias_error *err);

/* *out = the family in a native file, NULL (and REBIAS_OK) when it has none. REBIAS_E_FORMAT
 * for a member that is missing, not valid, or has other G axes than the root's table, and for a
 * family above the bounds. */
int rebias_family_load(struct rebias_family **out, const char *path, struct rebias_error *err);

/* *out = a device whose arrays draw each device's table from the population, uniformly and with
 * replacement (purpose REBIAS_FOR_MEMBER at the array's entity); moments and distribution are
 * those of the mixture over the members: of a device picked at random. scale and scale_spread
 * are as in rebias_table_device_new, besides the table. The tables are copied; REBIAS_E_DATA
 * when their G axes differ. */
int rebias_population_device_new(struct rebias_device **out, const struct rebias_family *family,
                                 const char *name, enum rebias_rule rule, double scale,
                                 double scale_spread, struct rebias_error *err);
extern const struct rebias_device_model rebias_population_model;

#ifdef __cplusplus
}
#endif
#endif
