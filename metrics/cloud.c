/* cloud.c - the pooled points of a permutation test.
 * 1. what is refused   2. numbering the strata   3. thinning   4. pooling and scaling   5. the
 * cloud
 */
#include "cloud.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. what is refused -- */

static const char *set_name(int set)
{
    return set == 0 ? "first" : "second";
}

static int check_options(const struct rebias_permutation_options *o, struct rebias_error *err)
{
    if (o->permutations < 1 || o->permutations > 1000000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu permutations; a number from 1 to 1000000 was expected",
                           o->permutations);
    }
    if (o->most < 2 || o->most > 10000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "at most %zu points a set; a number from 2 to 10000 was expected",
                           o->most);
    }
    if (!(o->bandwidth >= 0.0) || !isfinite(o->bandwidth)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "bandwidth %g; a finite number >= 0 was expected", o->bandwidth);
    }
    if (o->replicate >= 1u << 24) {
        return rebias_fail(err, REBIAS_E_RANGE, "replicate %u is not below 2^24",
                           (unsigned)o->replicate);
    }
    return REBIAS_OK;
}

static int check_set(const struct rebias_point_set *points, int set, struct rebias_error *err)
{
    if (points->dimension < 1 || points->dimension > 2) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "points of %zu dimensions in the %s set; 1 or 2 was expected",
                           points->dimension, set_name(set));
    }
    if (points->count < 2) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "the %s set has %zu points; at least 2 are needed", set_name(set),
                           points->count);
    }
    if (points->count > INT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "the %s set has %zu points, 2^31 or more",
                           set_name(set), points->count);
    }
    for (size_t i = 0; i < points->count * points->dimension; i++) {
        if (!isfinite(points->values[i])) {
            return rebias_fail(
                err, REBIAS_E_RANGE,
                "coordinate %zu of point %zu of the %s set is %g, not a finite number",
                i % points->dimension + 1, i / points->dimension + 1, set_name(set),
                points->values[i]);
        }
    }
    return REBIAS_OK;
}

static int check_pair(const struct rebias_point_set *x, const struct rebias_point_set *y,
                      struct rebias_error *err)
{
    if (x->dimension != y->dimension) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "points of %zu and of %zu dimensions cannot be compared",
                           x->dimension, y->dimension);
    }
    if ((x->stratum == NULL) != (y->stratum == NULL)) {
        return rebias_fail(err, REBIAS_E_DATA, "only the %s set has strata",
                           set_name(x->stratum == NULL));
    }
    return REBIAS_OK;
}

/* -- 2. numbering the strata -- */

/* The distinct strata of both sets, ascending, and each one's place in a random order. */
struct strata {
    size_t count;
    uint32_t *number;
    uint32_t *place;
};

static uint32_t stratum_of(const struct rebias_point_set *points, size_t i)
{
    return points->stratum != NULL ? points->stratum[i] : 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t p = *(const uint32_t *)a;
    uint32_t q = *(const uint32_t *)b;
    return (p > q) - (p < q);
}

static int number_strata(struct strata *strata, const struct rebias_point_set *const sets[2],
                         const struct rebias_stream *stream, struct rebias_error *err)
{
    size_t n = sets[0]->count + sets[1]->count;
    int status = rebias_alloc(&strata->number, n, sizeof *strata->number, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        strata->number[i] = i < sets[0]->count ? stratum_of(sets[0], i)
                                               : stratum_of(sets[1], i - sets[0]->count);
    }
    qsort(strata->number, n, sizeof *strata->number, compare_numbers);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strata->number[i] != strata->number[strata->count - 1]) {
            strata->number[strata->count++] = strata->number[i];
        }
    }
    status = rebias_alloc(&strata->place, strata->count, sizeof *strata->place, err);
    if (status == REBIAS_OK) {
        rebias_random_permutation(stream, strata->count, strata->place);
    }
    return status;
}

static uint32_t index_of_stratum(const struct strata *strata, uint32_t number)
{
    const uint32_t *found = bsearch(&number, strata->number, strata->count,
                                    sizeof *strata->number, compare_numbers);
    return (uint32_t)(found - strata->number);
}

/* -- 3. thinning -- */

/* A point that may take part: the turn-th of its stratum in a random order of its set. */
struct member {
    uint32_t stratum; /* index */
    uint32_t place;   /* of the stratum */
    uint32_t turn;
    uint32_t set;
    uint32_t index;
};

static int order_of(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_turns(const void *a, const void *b)
{
    const struct member *p = a;
    const struct member *q = b;
    int order = order_of(p->turn, q->turn);
    return order != 0 ? order : order_of(p->place, q->place);
}

static int compare_strata(const void *a, const void *b)
{
    const struct member *p = a;
    const struct member *q = b;
    int order = order_of(p->stratum, q->stratum);
    if (order == 0) {
        order = order_of(p->set, q->set);
    }
    return order != 0 ? order : order_of(p->index, q->index);
}

/* members[count] of a set in the order in which they take part. */
static int line_up(struct member *members, const struct rebias_point_set *points, uint32_t set,
                   const struct strata *strata, const struct rebias_stream *stream,
                   struct rebias_error *err)
{
    uint32_t *order = NULL;
    uint32_t *seen = NULL;
    int status = rebias_alloc(&order, points->count, sizeof *order, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&seen, strata->count, sizeof *seen, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    rebias_random_permutation(stream, points->count, order);
    for (size_t i = 0; i < points->count; i++) {
        uint32_t stratum = index_of_stratum(strata, stratum_of(points, order[i]));
        members[i] =
            (struct member){stratum, strata->place[stratum], seen[stratum]++, set, order[i]};
    }
    qsort(members, points->count, sizeof *members, compare_turns);
done:
    free(order);
    free(seen);
    return status;
}

/* *out = the members of both sets, sorted by stratum; count[2] of them. */
static int choose_members(struct member **out, size_t count[2],
                          const struct rebias_point_set *const sets[2],
                          const struct rebias_permutation_options *options,
                          struct rebias_error *err)
{
    struct strata strata = {0};
    struct member *members = NULL;
    struct rebias_stream stream = {.seed = options->seed,
                                   .purpose = REBIAS_FOR_SUBSET,
                                   .replicate = options->replicate,
                                   .entity = options->entity,
                                   .step = 2};
    int status = number_strata(&strata, sets, &stream, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&members, sets[0]->count + sets[1]->count, sizeof *members, err);
    }
    size_t kept = 0;
    for (uint32_t set = 0; set < 2 && status == REBIAS_OK; set++) {
        stream.step = set;
        /* the second set's line starts where the first one was cut */
        status = line_up(members + kept, sets[set], set, &strata, &stream, err);
        count[set] = sets[set]->count < options->most ? sets[set]->count : options->most;
        kept += count[set];
    }
    free(strata.number);
    free(strata.place);
    if (status != REBIAS_OK) {
        free(members);
        return status;
    }
    qsort(members, kept, sizeof *members, compare_strata);
    *out = members;
    return REBIAS_OK;
}

/* -- 4. pooling and scaling -- */

static int allocate_cloud(struct rebias_cloud *cloud, struct rebias_error *err)
{
    int status =
        rebias_alloc(&cloud->values, cloud->n * cloud->dimension, sizeof *cloud->values, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cloud->label, cloud->n, sizeof *cloud->label, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cloud->start, cloud->n + 1, sizeof *cloud->start, err);
    }
    return status;
}

static void pool(struct rebias_cloud *cloud, const struct member *members,
                 const struct rebias_point_set *const sets[2])
{
    for (size_t i = 0; i < cloud->n; i++) {
        const struct member *from = &members[i];
        const double *point = sets[from->set]->values + from->index * cloud->dimension;
        for (size_t k = 0; k < cloud->dimension; k++) {
            cloud->values[i * cloud->dimension + k] = point[k];
        }
        cloud->label[i] = from->set == 0 ? 1.0 : 0.0;
        if (i == 0 || from->stratum != members[i - 1].stratum) {
            cloud->start[cloud->strata++] = i;
        }
    }
    cloud->start[cloud->strata] = cloud->n;
}

/* Makes coordinate k one of mean 0 and sd 1; where all points agree they still do. Halves and
 * the largest deviation keep the sum of squares in range. */
static void scale(struct rebias_cloud *cloud, size_t k)
{
    double *value = cloud->values + k;
    double count = (double)cloud->n;
    double mean = 0.0;
    for (size_t i = 0; i < cloud->n; i++) {
        mean += value[i * cloud->dimension] / count;
    }
    double largest = 0.0;
    for (size_t i = 0; i < cloud->n; i++) {
        double half = 0.5 * value[i * cloud->dimension] - 0.5 * mean;
        value[i * cloud->dimension] = half;
        largest = fmax(largest, fabs(half));
    }
    double squares = 0.0;
    for (size_t i = 0; i < cloud->n; i++) {
        double part = largest > 0.0 ? value[i * cloud->dimension] / largest : 0.0;
        value[i * cloud->dimension] = part;
        squares += part * part;
    }
    double sd = sqrt(squares / (count - 1.0));
    for (size_t i = 0; i < cloud->n && sd > 0.0; i++) {
        value[i * cloud->dimension] /= sd;
    }
}

/* Whether a stratum holds points of both sets. */
static bool can_permute(const struct rebias_cloud *cloud)
{
    for (size_t s = 0; s < cloud->strata; s++) {
        if (cloud->label[cloud->start[s]] != cloud->label[cloud->start[s + 1] - 1]) {
            return true; /* within a stratum the points are sorted by set */
        }
    }
    return false;
}

/* -- 5. the cloud -- */

static int fill_cloud(struct rebias_cloud *cloud, const struct rebias_point_set *const sets[2],
                      const struct rebias_permutation_options *options,
                      struct rebias_error *err)
{
    struct member *members = NULL;
    int status = choose_members(&members, cloud->count, sets, options, err);
    if (status != REBIAS_OK) {
        return status;
    }
    cloud->n = cloud->count[0] + cloud->count[1];
    cloud->dimension = sets[0]->dimension;
    status = allocate_cloud(cloud, err);
    if (status == REBIAS_OK) {
        pool(cloud, members, sets);
        for (size_t k = 0; k < cloud->dimension; k++) {
            scale(cloud, k);
        }
        if (!can_permute(cloud)) {
            status = rebias_fail(err, REBIAS_E_DATA,
                                 "no stratum of %zu holds points of both sets: nothing can be "
                                 "permuted",
                                 cloud->strata);
        }
    }
    free(members);
    return status;
}

int rebias_cloud_new(struct rebias_cloud **out, const struct rebias_point_set *x,
                     const struct rebias_point_set *y,
                     const struct rebias_permutation_options *options, struct rebias_error *err)
{
    const struct rebias_point_set *const sets[2] = {x, y};
    struct rebias_cloud *cloud = NULL;
    *out = NULL;
    int status = check_options(options, err);
    for (int set = 0; set < 2 && status == REBIAS_OK; set++) {
        status = check_set(sets[set], set, err);
    }
    if (status == REBIAS_OK) {
        status = check_pair(x, y, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&cloud, 1, sizeof *cloud, err);
    }
    if (status == REBIAS_OK) {
        status = fill_cloud(cloud, sets, options, err);
    }
    if (status != REBIAS_OK) {
        rebias_cloud_free(cloud);
        return status;
    }
    *out = cloud;
    return REBIAS_OK;
}

void rebias_cloud_free(struct rebias_cloud *cloud)
{
    if (cloud != NULL) {
        free(cloud->values);
        free(cloud->label);
        free(cloud->start);
        free(cloud);
    }
}
