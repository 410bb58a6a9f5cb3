/* pulses.c - pulse data in memory.
 * 1. life cycle   2. counting   3. distinct labels   4. summary
 */
#include "rebias/pulses.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

static int allocate_columns(struct rebias_pulses *pulses, bool labelled,
                            struct rebias_error *err)
{
    int status = rebias_alloc(&pulses->polarity, pulses->n, sizeof *pulses->polarity, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pulses->G, pulses->n, sizeof *pulses->G, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&pulses->dG, pulses->n, sizeof *pulses->dG, err);
    }
    int32_t **labels[3] = {&pulses->device, &pulses->cycle, &pulses->pulse};
    for (size_t k = 0; k < 3 && labelled && status == REBIAS_OK; k++) {
        status = rebias_alloc(labels[k], pulses->n, sizeof **labels[k], err);
    }
    return status;
}

int rebias_pulses_new(struct rebias_pulses **out, size_t n, bool labelled,
                      struct rebias_error *err)
{
    *out = NULL;
    struct rebias_pulses *pulses = NULL;
    int status = rebias_alloc(&pulses, 1, sizeof *pulses, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    pulses->n = n;
    status = allocate_columns(pulses, labelled, err);
    if (status == REBIAS_OK) {
        *out = pulses;
        pulses = NULL;
    }
done:
    rebias_pulses_free(pulses);
    return status;
}

void rebias_pulses_free(struct rebias_pulses *pulses)
{
    if (pulses == NULL) {
        return;
    }
    free(pulses->polarity);
    free(pulses->G);
    free(pulses->dG);
    free(pulses->device);
    free(pulses->cycle);
    free(pulses->pulse);
    free(pulses);
}

/* -- 2. counting -- */

size_t rebias_pulses_count(const struct rebias_pulses *pulses, int polarity)
{
    size_t count = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        count += pulses->polarity[i] == polarity;
    }
    return count;
}

/* -- 3. distinct labels -- */

/* Labels are marked in a bitmap that slides over the occupied windows of the int32 range: no
 * allocation, and one pass for the small numbers that labels are. */
enum { WINDOW_BITS = 1 << 19 };

/* Marks the labels in [start, start + WINDOW_BITS); returns how many are new and the smallest
 * label beyond in *next (INT64_MAX when there is none). */
static size_t mark_window(const struct rebias_pulses *pulses, int polarity,
                          const int32_t *label, int64_t start, int64_t *next)
{
    uint64_t seen[WINDOW_BITS / 64];
    memset(seen, 0, sizeof seen);
    size_t count = 0;
    *next = INT64_MAX;
    for (size_t i = 0; i < pulses->n; i++) {
        int64_t offset = label[i] - start;
        if (pulses->polarity[i] != polarity || offset < 0) {
            continue;
        }
        if (offset < WINDOW_BITS) {
            uint64_t bit = UINT64_C(1) << (offset % 64);
            count += (seen[offset / 64] & bit) == 0;
            seen[offset / 64] |= bit;
        } else if (label[i] < *next) {
            *next = label[i];
        }
    }
    return count;
}

static size_t count_distinct(const struct rebias_pulses *pulses, int polarity,
                             const int32_t *label)
{
    if (label == NULL) {
        return 0;
    }
    int64_t start = INT64_MAX;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == polarity && label[i] < start) {
            start = label[i];
        }
    }
    size_t count = 0;
    while (start != INT64_MAX) {
        int64_t next = INT64_MAX;
        count += mark_window(pulses, polarity, label, start, &next);
        start = next;
    }
    return count;
}

/* -- 4. summary -- */

static bool is_wrong_sign(int polarity, double dG)
{
    return polarity == 0 ? dG < 0.0 : dG > 0.0;
}

/* Fills all but the labels and the sd; the running mean cannot overflow for points of one sign.
 */
static void summarise_ranges(const struct rebias_pulses *pulses, int polarity,
                             struct rebias_pulses_summary *s)
{
    size_t wrong = 0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] != polarity) {
            continue;
        }
        double G = pulses->G[i];
        double dG = pulses->dG[i];
        bool first = s->n == 0;
        s->G_min = first || G < s->G_min ? G : s->G_min;
        s->G_max = first || G > s->G_max ? G : s->G_max;
        s->dG_min = first || dG < s->dG_min ? dG : s->dG_min;
        s->dG_max = first || dG > s->dG_max ? dG : s->dG_max;
        s->n++;
        s->dG_mean += (dG - s->dG_mean) / (double)s->n;
        wrong += is_wrong_sign(polarity, dG);
    }
    s->wrong_sign = s->n > 0 ? (double)wrong / (double)s->n : 0.0;
}

static double standard_deviation(const struct rebias_pulses *pulses, int polarity, double mean,
                                 size_t n)
{
    if (n < 2) {
        return 0.0;
    }
    double sum = 0.0;
    for (size_t i = 0; i < pulses->n; i++) {
        if (pulses->polarity[i] == polarity) {
            sum += (pulses->dG[i] - mean) * (pulses->dG[i] - mean);
        }
    }
    return sqrt(sum / (double)(n - 1));
}

void rebias_pulses_describe(const struct rebias_pulses *pulses, int polarity,
                            struct rebias_pulses_summary *summary)
{
    *summary = (struct rebias_pulses_summary){0};
    summarise_ranges(pulses, polarity, summary);
    summary->dG_sd = standard_deviation(pulses, polarity, summary->dG_mean, summary->n);
    summary->devices = count_distinct(pulses, polarity, pulses->device);
    summary->cycles = count_distinct(pulses, polarity, pulses->cycle);
}
