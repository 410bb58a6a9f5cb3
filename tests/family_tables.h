/* family_tables.h - what the tests of families share: tables of normal rows, comparisons.
 * 1. making   2. comparing
 */
#ifndef REBIAS_TESTS_FAMILY_TABLES_H
#define REBIAS_TESTS_FAMILY_TABLES_H

#include "rebias/family.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. making -- */

enum { FAMILY_ROWS = 11 };

/* Rows from 1 to 11 uS; SET jumps N(mean, sd^2) on `levels` levels over mean -+ 6 sd, RESET the
 * same with -mean; mean grows by a tenth of itself over the rows. */
static inline struct rebias_table *family_table(double mean, double sd, size_t levels)
{
    const size_t G_count[2] = {FAMILY_ROWS, FAMILY_ROWS};
    const size_t dG_count[2] = {levels, levels};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, G_count, dG_count, true, NULL), REBIAS_OK);
    assert_int_equal(rebias_copy_text(&table->estimator, "by hand", NULL), REBIAS_OK);
    assert_int_equal(rebias_copy_text(&table->options, "kind=normal", NULL), REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        struct rebias_table_side *side = &table->side[p];
        const double centre = p == REBIAS_SET ? mean : -mean;
        for (size_t j = 0; j < levels; j++) {
            side->dG[j] = centre + 6.0 * sd * (2.0 * (double)j / (double)(levels - 1) - 1.0);
        }
        for (size_t i = 0; i < FAMILY_ROWS; i++) {
            side->G[i] = 1e-6 * (double)(i + 1);
            side->count[i] = (double)(i + 1);
            for (size_t j = 0; j < levels; j++) {
                side->cdf[i * levels + j] =
                    gsl_cdf_ugaussian_P((side->dG[j] - centre * (1.0 + 0.01 * (double)i)) / sd);
            }
        }
    }
    return table;
}

/* A family of count <= 8 such tables with labels 10, 20, ...; means and sds of their own. */
static inline struct rebias_family *family_new(enum rebias_family_kind kind, size_t count,
                                               const double *mean, const double *sd,
                                               const size_t *levels)
{
    struct rebias_family *family = NULL;
    assert_int_equal(rebias_alloc(&family, 1, sizeof *family, NULL), REBIAS_OK);
    assert_int_equal(rebias_alloc(&family->table, count, sizeof(struct rebias_table *), NULL),
                     REBIAS_OK);
    assert_int_equal(rebias_alloc(&family->label, count, sizeof(int32_t), NULL), REBIAS_OK);
    family->kind = kind;
    family->count = count;
    for (size_t i = 0; i < count; i++) {
        family->table[i] = family_table(mean[i], sd[i], levels[i]);
        family->label[i] = 10 * (int32_t)(i + 1);
    }
    return family;
}

/* -- 2. comparing -- */

static inline void family_same_table(const struct rebias_table *a, const struct rebias_table *b)
{
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *x = &a->side[p];
        const struct rebias_table_side *y = &b->side[p];
        assert_int_equal(x->G_count, y->G_count);
        assert_int_equal(x->dG_count, y->dG_count);
        assert_memory_equal(x->G, y->G, x->G_count * sizeof(double));
        assert_memory_equal(x->dG, y->dG, x->dG_count * sizeof(double));
        assert_memory_equal(x->cdf, y->cdf, x->G_count * x->dG_count * sizeof(double));
        assert_memory_equal(x->count, y->count, x->G_count * sizeof(double));
    }
    assert_string_equal(a->estimator, b->estimator);
    assert_string_equal(a->options, b->options);
}

static inline void family_same(const struct rebias_family *a, const struct rebias_family *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->label[i], b->label[i]);
        family_same_table(a->table[i], b->table[i]);
    }
}

#endif
