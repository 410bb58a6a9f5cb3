/* estimate.h - estimators: pulse data -> jump table.
 *
 * An estimator sees the points of one polarity, sorted by G, and leaves the distribution of dG
 * at given G levels: a normal profile (mean and sd at each level) or rows of its own (a cdf at
 * each level). Ranges, axes, the table, the report and everything else is common (rebias_fit).
 */
#ifndef REBIAS_ESTIMATE_H
#define REBIAS_ESTIMATE_H

#include "error.h"
#include "pulses.h"
#include "table.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_jumps;

/* -- what an estimator is ------------------------------------------------------------------ */

/* One option of an estimator. choices: "width|count" makes the value an index into them; NULL a
 * number. */
struct rebias_estimator_param {
    const char *name;
    double value; /* default */
    double min;   /* valid range, inclusive */
    double max;
    bool whole; /* only whole numbers */
    const char *choices;
    const char *help;
};

enum { REBIAS_MAX_ESTIMATOR_PARAMS = 12 };

/* Points of one polarity inside [Gmin, Gmax], ascending in G, equal G ascending in dG; S,
 * finite. */
struct rebias_sample {
    size_t n;
    const double *G;
    const double *dG;
    double Gmin, Gmax; /* range of the table */
    int polarity;      /* 0 SET, 1 RESET */
    bool censored; /* G + dG at Gmin or Gmax (within 1e-9 of the range) is a jump cut off there
                    */
    double sd_floor; /* S, > 0: smallest sd of a normal row */
    uint64_t
        seed; /* for estimators that draw (folds, random search); purpose REBIAS_FOR_FOLDS */
    const uint32_t
        *block; /* [n] block of each point, blocks are held out whole; NULL: points */
    const struct rebias_jumps *truth; /* for benchmarks with a known truth, else NULL */
};

/* What an estimator leaves for `levels` G levels G[] (given, ascending, from Gmin to Gmax). */
struct rebias_fitted {
    size_t levels;
    const double *G;
    double *mean;  /* [levels], to be filled always */
    double *sd;    /* [levels], to be filled always, >= sd_floor */
    double *count; /* [levels]: (effective) number of points behind the level, to be filled */
    /* Rows that are not normal: cdf(context, level, dG), non-decreasing in dG up to rounding
     * (the caller repairs the rest), 0 below `low` and 1 above `high`; NULL = normal rows from
     * mean and sd. release(context) frees it. */
    double (*cdf)(const void *context, size_t level, double dG);
    void *context;
    void (*release)(void *context);
    double low, high;
    size_t empty_bins;   /* 0 for estimators without bins */
    size_t bins;         /* 0 for estimators without bins */
    size_t extrapolated; /* levels outside the support of the points */
    char note[160];      /* what was chosen, e.g. "degrees 1 and 0", or "" */
};

/* An estimator: one file exports one const descriptor. */
struct rebias_estimator {
    const char *name;
    const char *doc;     /* one line */
    const char *assumes; /* what must hold for the fit to be right, one or two sentences */
    const struct rebias_estimator_param *params;
    size_t param_count; /* <= REBIAS_MAX_ESTIMATOR_PARAMS */
    size_t min_points;  /* fewer points of a polarity are REBIAS_E_DATA before fit is called */

    /* Fills fitted; values[param_count] are inside their ranges. Errors: REBIAS_E_DATA when the
     * points do not suffice (all G equal, ...), REBIAS_E_NUMERIC. On failure context stays
     * NULL. */
    int (*fit)(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err);
    bool uses_truth; /* can fit to a known truth; others refuse one */
};

extern const struct rebias_estimator *const rebias_estimators[];
extern const size_t rebias_estimator_count;
const struct rebias_estimator *rebias_estimator_find(const char *name);

/* -- fitting ------------------------------------------------------------------------------- */

/* An estimator with the values of its options. */
struct rebias_method {
    const struct rebias_estimator *estimator;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
};

/* *method from "NAME" or "NAME:TOKEN:TOKEN...": a token is option=value, a choice's word
 * ("count"), or a bare number, which is the value of the first option: "binning:20:count",
 * "kriging:points=400". Errors: REBIAS_E_NAME, REBIAS_E_RANGE. */
int rebias_method_parse(struct rebias_method *method, const char *text,
                        struct rebias_error *err);

/* Sets one option by name from text, with the same errors. */
int rebias_method_set(struct rebias_method *method, const char *option, const char *text,
                      struct rebias_error *err);

struct rebias_fit_options {
    double Gmin,
        Gmax; /* range of the table, S; both 0 = range common to both polarities of the data */
    size_t G_levels; /* levels of the table's axes, >= 2 */
    size_t dG_levels;
    double sd_floor; /* S; smallest sd of a normal row; 0 = 1e-4 of the largest |dG| */
    bool censored; /* points on the rails are cut-off jumps (estimators use it or say that they
                      do not) */
    uint64_t seed;
    enum rebias_blocks blocks; /* what estimators hold out together when they judge a fit */
    const struct rebias_jumps *truth; /* for benchmarks with a known truth; NULL otherwise;
                                         borrowed */
};

struct rebias_fit_options rebias_fit_options_defaults(
    void); /* data's range, 100 x 201, uncensored, seed 1, blocks AUTO, no truth */

/* What a fit has seen, per polarity. */
struct rebias_fit_report {
    size_t points[2];
    size_t outside[2];    /* points outside the table's range, not used */
    size_t bins[2];       /* 0 for estimators without bins */
    size_t empty_bins[2]; /* bins with fewer than 2 points (interpolated), or joined at the same
                             G */
    size_t extrapolated[2]; /* G levels beyond the support of the points */
    char note[2][160];      /* what the estimator chose */
};

/* *out = table fitted to pulses; estimator, options and counts are recorded in it. report may
 * be NULL. Owner: the caller. Errors: REBIAS_E_DATA when a polarity has no or too few points,
 * points at one G only, jumps that are all the same, or fewer points than bins; REBIAS_E_RANGE
 * for options, for a point that is not finite, for an sd floor above the sd of all jumps, and
 * for a truth that the estimator does not use; the estimator's own. */
int rebias_fit(struct rebias_table **out, const struct rebias_pulses *pulses,
               const struct rebias_method *method, const struct rebias_fit_options *options,
               struct rebias_fit_report *report, struct rebias_error *err);

/* -- adequacy: are there enough points? ------------------------------------------------------
 */

struct rebias_adequacy_options {
    struct rebias_method method; /* the estimator whose error is asked for */
    double Gmin, Gmax;           /* as in rebias_fit_options */
    size_t slices;               /* G slices that are reported, 1 .. 1000 */
    size_t draws;                /* subsamples of each size, 2 .. 10000 */
    uint64_t seed;
};

/* 10 slices, 20 draws, data's range, seed 1; the method must be set. */
struct rebias_adequacy_options rebias_adequacy_options_defaults(void);

/* One G slice of one polarity. */
struct rebias_adequacy_slice {
    double G_low, G_high;
    size_t points;
    double mean, sd; /* of the points, sd with n - 1; NaN for too few */
    double se_mean;  /* sd/sqrt(n): what is known about the mean; NaN for fewer than 2 */
};

/* One polarity. Errors are mean Wasserstein-1 distances over G between tables, divided by the
 * mean sd of the jumps, so that 0.05 is 5 % of the noise. */
struct rebias_adequacy_side {
    size_t points;
    double mean_sd;     /* S: average over G of the fitted sd */
    double coefficient; /* error(n) = coefficient/sqrt(n) */
    double error;       /* expected at the points there are */
};

struct rebias_adequacy {
    struct rebias_adequacy_side side[2];
    struct rebias_adequacy_slice *slices; /* 2 x slice_count, SET first */
    size_t slice_count;
};

/* *out = what the data tell about themselves. Tables are fitted to random halves and quarters
 * of the points and compared with that of all points; for m of n points the expected distance
 * is coefficient sqrt(1/m - 1/n), which gives the coefficient. It is the estimator's variance
 * that is seen, not a bias that all fits share. Owner: the caller (rebias_adequacy_free).
 * Errors: those of rebias_fit (REBIAS_E_DATA when a quarter does not suffice for a fit). */
int rebias_adequacy_measure(struct rebias_adequacy **out, const struct rebias_pulses *pulses,
                            const struct rebias_adequacy_options *options,
                            struct rebias_error *err);
void rebias_adequacy_free(struct rebias_adequacy *adequacy);

/* Points per polarity at which the error falls to tolerance > 0:
 * ceil((coefficient/tolerance)^2). */
double rebias_adequacy_points(const struct rebias_adequacy_side *side, double tolerance);

#ifdef __cplusplus
}
#endif
#endif
