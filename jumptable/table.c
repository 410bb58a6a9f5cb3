/* table.c - the jump table: life cycle, invariants, and its distribution at any G.
 * 1. life cycle   2. invariants   3. finding a place on an axis   4. rule NEAREST   5. rule
 * LINEAR   6. dispatch
 *
 * Rule NEAREST is that of XBTorch's TabularDevice (arXiv 2601.07086): nearest G level, nearest
 * CDF entry, first index on ties. These are the plain versions; the fast sampler
 * (table_device.c) is tested against them.
 */
#include "rebias/table.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* -- 1. life cycle -- */

static int side_new(struct rebias_table_side *side, size_t G_count, size_t dG_count,
                    bool counted, struct rebias_error *err)
{
    size_t cells = 0;
    if (__builtin_mul_overflow(G_count, dG_count, &cells)) {
        return rebias_fail(err, REBIAS_E_MEMORY,
                           "a table of %zu x %zu does not fit into memory", G_count, dG_count);
    }
    side->G_count = G_count;
    side->dG_count = dG_count;
    int status = rebias_alloc(&side->G, G_count, sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&side->dG, dG_count, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&side->cdf, cells, sizeof(double), err);
    }
    if (status == REBIAS_OK && counted) {
        status = rebias_alloc(&side->count, G_count, sizeof(double), err);
    }
    return status;
}

int rebias_table_new(struct rebias_table **out, const size_t G_count[2],
                     const size_t dG_count[2], bool counted, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_table *table = NULL;
    int status = rebias_alloc(&table, 1, sizeof *table, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = side_new(&table->side[p], G_count[p], dG_count[p], counted, err);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    *out = table;
    return REBIAS_OK;
}

void rebias_table_free(struct rebias_table *table)
{
    if (table == NULL) {
        return;
    }
    for (int p = 0; p < 2; p++) {
        free(table->side[p].G);
        free(table->side[p].dG);
        free(table->side[p].cdf);
        free(table->side[p].count);
    }
    free(table->estimator);
    free(table->options);
    free(table->provenance);
    free(table);
}

/* -- 2. invariants -- */

static const char *const polarity_names[2] = {"SET", "RESET"};

static int fail_entry(const char *name, int polarity, const char *what, size_t row,
                      size_t column, double value, const char *expected,
                      struct rebias_error *err)
{
    char text[40];
    char spot[64];
    snprintf(text, sizeof text, "%.17g", value);
    if (row > 0) {
        snprintf(spot, sizeof spot, "row %zu, column %zu", row, column);
    } else {
        snprintf(spot, sizeof spot, "entry %zu", column);
    }
    const struct rebias_place place = {name, 0, 0, text};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "%s %s, %s",
                          polarity_names[polarity], what, spot);
}

static int validate_axis(const double *x, size_t n, int polarity, const char *what,
                         const char *name, struct rebias_error *err)
{
    if (n < 2) {
        const struct rebias_place place = {name, 0, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "at least 2",
                              "%s %s has %zu levels", polarity_names[polarity], what, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return fail_entry(name, polarity, what, 0, i + 1, x[i], "a finite number", err);
        }
        if (i > 0 && !(x[i] > x[i - 1])) {
            return fail_entry(name, polarity, what, 0, i + 1, x[i], "strictly ascending levels",
                              err);
        }
    }
    return REBIAS_OK;
}

static int validate_cdf(const struct rebias_table_side *side, int polarity, const char *name,
                        struct rebias_error *err)
{
    for (size_t i = 0; i < side->G_count; i++) {
        const double *row = side->cdf + i * side->dG_count;
        for (size_t j = 0; j < side->dG_count; j++) {
            if (!(row[j] >= 0.0 && row[j] <= 1.0)) {
                return fail_entry(name, polarity, "CDF", i + 1, j + 1, row[j],
                                  "a probability in [0, 1]", err);
            }
            if (j > 0 && row[j] < row[j - 1]) {
                return fail_entry(name, polarity, "CDF", i + 1, j + 1, row[j],
                                  "a CDF that does not fall along a row", err);
            }
        }
    }
    return REBIAS_OK;
}

static int validate_side(const struct rebias_table_side *side, int polarity, const char *name,
                         struct rebias_error *err)
{
    int status = validate_axis(side->G, side->G_count, polarity, "G axis", name, err);
    if (status == REBIAS_OK && side->G[0] < 0.0) {
        status = fail_entry(name, polarity, "G axis", 0, 1, side->G[0],
                            "a conductance, 0 or more", err);
    }
    if (status == REBIAS_OK) {
        status = validate_axis(side->dG, side->dG_count, polarity, "dG axis", name, err);
    }
    if (status == REBIAS_OK) {
        status = validate_cdf(side, polarity, name, err);
    }
    for (size_t i = 0; status == REBIAS_OK && side->count != NULL && i < side->G_count; i++) {
        if (!(side->count[i] >= 0.0 && isfinite(side->count[i]))) {
            status = fail_entry(name, polarity, "counts", 0, i + 1, side->count[i],
                                "a count, 0 or more", err);
        }
    }
    return status;
}

int rebias_table_validate(const struct rebias_table *table, const char *name,
                          struct rebias_error *err)
{
    for (int p = 0; p < 2; p++) {
        int status = validate_side(&table->side[p], p, name, err);
        if (status != REBIAS_OK) {
            return status;
        }
    }
    double Gmin = 0.0;
    double Gmax = 0.0;
    rebias_table_range(table, &Gmin, &Gmax);
    if (!(Gmin < Gmax)) {
        const struct rebias_place place = {name, 0, 0, NULL};
        return rebias_fail_at(
            err, REBIAS_E_FORMAT, &place, "overlapping G axes",
            "the SET and RESET G axes do not overlap (common range %g to %g S)", Gmin, Gmax);
    }
    return REBIAS_OK;
}

void rebias_table_range(const struct rebias_table *table, double *Gmin, double *Gmax)
{
    const struct rebias_table_side *set = &table->side[REBIAS_SET];
    const struct rebias_table_side *reset = &table->side[REBIAS_RESET];
    *Gmin = fmax(set->G[0], reset->G[0]);
    *Gmax = fmin(set->G[set->G_count - 1], reset->G[reset->G_count - 1]);
}

/* -- 3. finding a place on an axis -- */

/* Largest i <= n - 2 with x[i] <= v, or 0. */
static size_t bracket(const double *x, size_t n, double v)
{
    size_t low = 0;
    size_t high = n - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x[middle] <= v) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Index of the entry nearest to v, the lower one on ties. */
static size_t nearest(const double *x, size_t n, double v)
{
    size_t i = bracket(x, n, v);
    return fabs(x[i + 1] - v) < fabs(x[i] - v) ? i + 1 : i;
}

/* -- 4. rule NEAREST -- */

/* First index of the run of equal values that holds j. */
static size_t run_start(const double *row, size_t j)
{
    while (j > 0 && row[j - 1] == row[j]) {
        j--;
    }
    return j;
}

/* Probability of choosing a level up to and including the run of j: half way to the next
 * distinct entry. */
static double nearest_cdf_of_level(const double *row, size_t n, size_t j)
{
    size_t next = j + 1;
    while (next < n && row[next] == row[j]) {
        next++;
    }
    return next < n ? 0.5 * (row[j] + row[next]) : 1.0;
}

static double quantile_nearest(const struct rebias_table_side *side, double G, double u,
                               size_t *row, size_t *level)
{
    size_t i = nearest(side->G, side->G_count, G);
    const double *cdf = side->cdf + i * side->dG_count;
    size_t j = run_start(cdf, nearest(cdf, side->dG_count, u));
    if (row != NULL) {
        *row = i;
    }
    if (level != NULL) {
        *level = j;
    }
    return side->dG[j];
}

static double cdf_nearest(const struct rebias_table_side *side, double G, double dG)
{
    if (dG < side->dG[0]) {
        return 0.0;
    }
    const double *row = side->cdf + nearest(side->G, side->G_count, G) * side->dG_count;
    size_t last = side->dG_count - 1;
    size_t j = dG >= side->dG[last] ? last : bracket(side->dG, side->dG_count, dG);
    return nearest_cdf_of_level(row, side->dG_count, j);
}

static void moments_nearest(const struct rebias_table_side *side, double G, double *mean,
                            double *sd)
{
    const double *row = side->cdf + nearest(side->G, side->G_count, G) * side->dG_count;
    double first = 0.0;
    double second = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        double before = 0.0;
        for (size_t j = 0; j < side->dG_count; j++) {
            if (run_start(row, j) != j) {
                continue;
            }
            double upto = nearest_cdf_of_level(row, side->dG_count, j);
            double mass = upto - before;
            before = upto;
            if (pass == 0) {
                first += mass * side->dG[j];
            } else {
                second += mass * (side->dG[j] - first) * (side->dG[j] - first);
            }
        }
    }
    *mean = first;
    *sd = sqrt(second);
}

/* -- 5. rule LINEAR -- */

/* The two rows around G and the weight of the upper one. */
struct blend {
    const double *lower;
    const double *upper;
    double weight;
};

static struct blend blend_at(const struct rebias_table_side *side, double G)
{
    size_t i = bracket(side->G, side->G_count, G);
    double weight = (G - side->G[i]) / (side->G[i + 1] - side->G[i]);
    weight = weight < 0.0 ? 0.0 : weight > 1.0 ? 1.0 : weight;
    const double *row = side->cdf + i * side->dG_count;
    return (struct blend){row, row + side->dG_count, weight};
}

static double blended(const struct blend *b, size_t j)
{
    return (1.0 - b->weight) * b->lower[j] + b->weight * b->upper[j];
}

static double quantile_linear(const struct rebias_table_side *side, double G, double u)
{
    const struct blend b = blend_at(side, G);
    size_t last = side->dG_count - 1;
    if (u <= blended(&b, 0)) {
        return side->dG[0];
    }
    if (u > blended(&b, last)) {
        return side->dG[last];
    }
    size_t low = 0; /* F(low) < u <= F(high) */
    size_t high = last;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (blended(&b, middle) < u) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double below = blended(&b, low);
    double t = (u - below) / (blended(&b, high) - below);
    return side->dG[low] + t * (side->dG[high] - side->dG[low]);
}

static double cdf_linear(const struct rebias_table_side *side, double G, double dG)
{
    size_t last = side->dG_count - 1;
    if (dG < side->dG[0]) {
        return 0.0;
    }
    if (dG >= side->dG[last]) {
        return 1.0;
    }
    const struct blend b = blend_at(side, G);
    size_t j = bracket(side->dG, side->dG_count, dG);
    double t = (dG - side->dG[j]) / (side->dG[j + 1] - side->dG[j]);
    return (1.0 - t) * blended(&b, j) + t * blended(&b, j + 1);
}

/* Point masses at the ends, uniform density inside a cell: E x = (a + b)/2, E (x - m)^2 from
 * the two ends. */
static void moments_linear(const struct rebias_table_side *side, double G, double *mean,
                           double *sd)
{
    const struct blend b = blend_at(side, G);
    const double *x = side->dG;
    size_t last = side->dG_count - 1;
    double left = blended(&b, 0);
    double right = 1.0 - blended(&b, last);
    double first = left * x[0] + right * x[last];
    for (size_t j = 0; j < last; j++) {
        first += (blended(&b, j + 1) - blended(&b, j)) * 0.5 * (x[j] + x[j + 1]);
    }
    double second =
        left * (x[0] - first) * (x[0] - first) + right * (x[last] - first) * (x[last] - first);
    for (size_t j = 0; j < last; j++) {
        double p = x[j] - first;
        double q = x[j + 1] - first;
        second += (blended(&b, j + 1) - blended(&b, j)) * (p * p + p * q + q * q) / 3.0;
    }
    *mean = first;
    *sd = sqrt(second);
}

/* -- 6. dispatch -- */

double rebias_table_quantile(const struct rebias_table_side *side, enum rebias_rule rule,
                             double G, double u, size_t *row, size_t *level)
{
    return rule == REBIAS_RULE_NEAREST ? quantile_nearest(side, G, u, row, level)
                                       : quantile_linear(side, G, u);
}

double rebias_table_cdf(const struct rebias_table_side *side, enum rebias_rule rule, double G,
                        double dG)
{
    return rule == REBIAS_RULE_NEAREST ? cdf_nearest(side, G, dG) : cdf_linear(side, G, dG);
}

void rebias_table_moments(const struct rebias_table_side *side, enum rebias_rule rule, double G,
                          double *mean, double *sd)
{
    if (rule == REBIAS_RULE_NEAREST) {
        moments_nearest(side, G, mean, sd);
    } else {
        moments_linear(side, G, mean, sd);
    }
}
