/* table.h - jump tables: per polarity a G axis, a dG axis and CDF[i][j] = P(dG <= dG_j | G_i);
 * sampling, files, and the table as a device.
 *
 * Invariants (rebias_table_validate): axes finite and strictly ascending, G >= 0, at least 2
 * levels each; CDF entries in [0, 1], non-decreasing along a row; the two G axes overlap.
 * CDF[i][0] > 0 is a point mass at dG_0, CDF[i][last] < 1 one at dG_last (a table whose tails
 * were cut).
 */
#ifndef REBIAS_TABLE_H
#define REBIAS_TABLE_H

#include "devmodel.h"
#include "error.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_table_side {
    size_t G_count;  /* nG */
    size_t dG_count; /* nD */
    double *G;       /* nG, S */
    double *dG;      /* nD, S per pulse */
    double *cdf;     /* nG x nD, row-major */
    double *count;   /* nG: data points behind each G level, or NULL where unknown */
};

struct rebias_table {
    struct rebias_table_side side[2]; /* REBIAS_SET, REBIAS_RESET */
    char *estimator;                  /* "binning", "xbtorch", ... */
    char *options;                    /* the estimator's options as "name=value,...", or "" */
    char *provenance;                 /* lines of text, or "" */
};

/* *out = a table of the given shapes, all zero, count allocated when counted. Owner: the
 * caller. */
int rebias_table_new(struct rebias_table **out, const size_t G_count[2],
                     const size_t dG_count[2], bool counted, struct rebias_error *err);
void rebias_table_free(struct rebias_table *table);

/* Checks the invariants; the error names polarity, row and column (1-based) and the value
 * found. name (may be NULL) is used as the file in the error. */
int rebias_table_validate(const struct rebias_table *table, const char *name,
                          struct rebias_error *err);

/* Common range: Gmin = larger of the first G levels, Gmax = smaller of the last ones. */
void rebias_table_range(const struct rebias_table *table, double *Gmin, double *Gmax);

/* -- distribution at any G: the plain reference versions
 * -------------------------------------------- */

/* How a table is read between its grid points.
 * NEAREST (XBTorch): row of the nearest G level, level of the nearest CDF entry, first index on
 * ties; discrete; mean unbiased, variance sigma^2 + h^2/3 for dG step h. LINEAR: F(dG | G) is
 * linear in G and in dG between the grid points; continuous; variance sigma^2 + h^2/6. */
enum rebias_rule { REBIAS_RULE_LINEAR = 0, REBIAS_RULE_NEAREST = 1 };

/* The jump at probability u in [0, 1]; *row and *level (may be NULL) receive the indices
 * NEAREST chose. */
double rebias_table_quantile(const struct rebias_table_side *side, enum rebias_rule rule,
                             double G, double u, size_t *row, size_t *level);

/* P(jump <= dG | G). */
double rebias_table_cdf(const struct rebias_table_side *side, enum rebias_rule rule, double G,
                        double dG);

/* Mean and sd of the jump at G, exact sums over the row. */
void rebias_table_moments(const struct rebias_table_side *side, enum rebias_rule rule, double G,
                          double *mean, double *sd);

/* -- the table as a device
 * -------------------------------------------------------------------------- */

/* *out = a device that jumps by the table (copied; validated). scale multiplies every jump,
 * scale_spread is its device-to-device sd (1 and 0 for the table as it is). Tables with
 * equidistant axes take the fast path. */
int rebias_table_device_new(struct rebias_device **out, const struct rebias_table *table,
                            const char *name, enum rebias_rule rule, double scale,
                            double scale_spread, struct rebias_error *err);
extern const struct rebias_device_model rebias_table_model;

/* The table behind a device of the model "table", else NULL. Borrowed. */
const struct rebias_table *rebias_device_table(const struct rebias_device *device);

/* A device by the one syntax: preset, "model:param=value,...", or a table file ("FILE.jt.h5",
 * "xbtorch:PREFIX", "crosssim:PREFIX", each with ",rule=nearest" or ",scale_d2d=0.1" behind). A
 * native file with one table a device (family.h) gives the population, with ",pooled=1" the
 * pooled table. */
int rebias_device_open(struct rebias_device **out, const char *spec, struct rebias_error *err);

/* -- files
 * ------------------------------------------------------------------------------------------ */

enum rebias_table_format { REBIAS_TABLE_NATIVE, REBIAS_TABLE_XBTORCH, REBIAS_TABLE_CROSSSIM };

/* "xbtorch:PREFIX" and "crosssim:PREFIX" name the foreign formats, anything else a native HDF5
 * file. *prefix points into spec. */
enum rebias_table_format rebias_table_format_of(const char *spec, const char **prefix);

/* *out = the table of a specification as above; validated. Owner: the caller. */
int rebias_table_load(struct rebias_table **out, const char *spec, struct rebias_error *err);

/* Saves in the format that the specification names; each file appears whole or not at all.
 * XBTorch writes six text files with 17 digits (nothing is lost); CrossSim writes two text
 * files (gzip when the prefix ends in ".gz") with dG on a grid of 501 equidistant cumulative
 * probabilities. The table is validated first. */
int rebias_table_save(const struct rebias_table *table, const char *spec,
                      struct rebias_error *err);

/* The single formats behind the two functions above. */
int rebias_table_load_native(struct rebias_table **out, const char *path,
                             struct rebias_error *err);
int rebias_table_save_native(const struct rebias_table *table, const char *path,
                             struct rebias_error *err);
int rebias_table_load_xbtorch(struct rebias_table **out, const char *prefix,
                              struct rebias_error *err);
int rebias_table_save_xbtorch(const struct rebias_table *table, const char *prefix,
                              struct rebias_error *err);
int rebias_table_load_crosssim(struct rebias_table **out, const char *prefix,
                               struct rebias_error *err);
int rebias_table_save_crosssim(const struct rebias_table *table, const char *prefix,
                               struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
