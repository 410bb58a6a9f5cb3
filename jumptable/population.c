/* population.c - a population of jump tables as a device: every device of an array has one of
 * them.
 * 1. state   2. member numbers   3. one pulse   4. distribution   5. descriptor
 */
#include "family_internal.h"
#include "rebias/base.h"
#include "sampler.h"
#include <math.h>
#include <stdlib.h>

enum { P_GMIN, P_GMAX, P_RULE, P_SCALE, P_MEMBERS, P_COUNT };
enum { C_SCALE = 2, C_MEMBER, C_COUNT };

/* -- 1. state -- */

struct population {
    size_t count;
    enum rebias_rule rule;
    struct rebias_table **table; /* [count] */
    struct rebias_sampler *sampler[2];
};

static void free_data(void *data)
{
    struct population *d = data;
    if (d == NULL) {
        return;
    }
    rebias_sampler_free(d->sampler[0]);
    rebias_sampler_free(d->sampler[1]);
    for (size_t m = 0; d->table != NULL && m < d->count; m++) {
        rebias_table_free(d->table[m]);
    }
    free(d->table);
    free(d);
}

/* -- 2. member numbers -- */

/* Multiply-shift of 32 bits: probabilities differ by less than count 2^-32 (relative). Whole
 * numbers up to REBIAS_FAMILY_MAX_TABLES are exact in a float. */
static void draw(const struct rebias_device *device, size_t n,
                 const struct rebias_stream *stream, float *const *coef)
{
    const struct population *d = device->data;
    struct rebias_stream own = *stream;
    own.purpose = REBIAS_FOR_MEMBER;
    own.step = 0;
    uint32_t word[REBIAS_LANES_MAX];
    for (size_t first = 0; first < n; first += REBIAS_LANES_MAX) {
        const size_t piece = n - first < REBIAS_LANES_MAX ? n - first : REBIAS_LANES_MAX;
        rebias_random_words(&own, first, piece, word);
        for (size_t i = 0; i < piece; i++) {
            coef[C_MEMBER][first + i] = (float)(((uint64_t)word[i] * d->count) >> 32);
        }
    }
}

/* -- 3. one pulse -- */

static void step(const struct rebias_device *device, const struct rebias_lanes *lanes, float *G)
{
    const struct population *d = device->data;
    const float *member = lanes->stride == 1 ? lanes->coef[C_MEMBER] : NULL;
    rebias_sampler_step(d->sampler[lanes->polarity], lanes, lanes->coef[C_SCALE], member, G);
}

/* -- 4. distribution -- */

/* Mixture with equal weights: mean of the means; mean variance and variance of the means. */
static void moments(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                    double *mean, double *sd)
{
    const struct population *d = device->data;
    const double scale = device->coefs[C_SCALE];
    double centre = 0.0;
    double between = 0.0; /* sum of squares about the running mean (Welford) */
    double within = 0.0;
    for (size_t m = 0; m < d->count; m++) {
        double one = 0.0;
        double own = 0.0;
        rebias_table_moments(&d->table[m]->side[polarity], d->rule, G, &one, &own);
        const double before = one - centre;
        centre += before / (double)(m + 1);
        between += before * (one - centre);
        within += own * own;
    }
    *mean = scale * centre;
    *sd = scale * sqrt((between + within) / (double)d->count);
}

static double cdf(const struct rebias_device *device, enum rebias_polarity polarity, double G,
                  double dG)
{
    const struct population *d = device->data;
    const double scale = device->coefs[C_SCALE];
    const double jump = scale == 1.0 ? dG : dG / scale;
    double sum = 0.0;
    for (size_t m = 0; m < d->count; m++) {
        sum += rebias_table_cdf(&d->table[m]->side[polarity], d->rule, G, jump);
    }
    return sum / (double)d->count;
}

/* -- 5. descriptor -- */

static const struct rebias_param params[P_COUNT] = {
    {"Gmin", "S", 1e-6, 0.0, 1.0, false, "lowest conductance (from the tables' axes)"},
    {"Gmax", "S", 1e-4, 0.0, 1.0, false, "highest conductance (from the tables' axes)"},
    {"rule", "1", 0.0, 0.0, 1.0, false, "0 linear, 1 nearest"},
    {"scale", "1", 1.0, 1e-6, 1e6, true, "factor on every jump of a device, besides its table"},
    {"members", "1", 1.0, 1.0, REBIAS_FAMILY_MAX_TABLES, false,
     "tables that devices draw from"},
};

static int derive(const double *values, double *coef, struct rebias_error *err)
{
    (void)err;
    coef[P_GMIN] = values[P_GMIN];
    coef[P_GMAX] = values[P_GMAX];
    coef[C_SCALE] = values[P_SCALE];
    coef[C_MEMBER] = 0.0; /* until drawn */
    return REBIAS_OK;
}

const struct rebias_device_model rebias_population_model = {
    .name = "population",
    .doc = "population of jump tables: every device has one of them, drawn at random",
    .params = params,
    .param_count = P_COUNT,
    .coef_count = C_COUNT,
    .derive = derive,
    .step = step,
    .moments = moments,
    .cdf = cdf,
    .draw = draw,
    .free_data = free_data,
    .gaussian = false,
};

/* Validated copies of the members. */
static int copy_members(struct population *d, const struct rebias_family *family,
                        const char *name, struct rebias_error *err)
{
    int status = rebias_family_check_size(family->count, 0, 0, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->table, family->count, sizeof(struct rebias_table *), err);
    }
    d->count = family->count;
    for (size_t m = 0; m < family->count && status == REBIAS_OK; m++) {
        status = rebias_table_validate(family->table[m], name, err);
        if (status == REBIAS_OK &&
            !rebias_family_same_axes(family->table[0], family->table[m])) {
            status = rebias_fail(err, REBIAS_E_DATA,
                                 "table %zu of the population %s has other G axes than table 0",
                                 m, name);
        }
        if (status == REBIAS_OK) {
            status = rebias_table_copy_rows(&d->table[m], family->table[m], err);
        }
    }
    return status;
}

static int make_samplers(struct population *d, struct rebias_error *err)
{
    const struct rebias_table **table = NULL;
    int status = rebias_alloc(&table, d->count, sizeof(const struct rebias_table *), err);
    for (size_t m = 0; m < d->count && status == REBIAS_OK; m++) {
        table[m] = d->table[m];
    }
    for (int p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = rebias_sampler_new(&d->sampler[p], table, d->count, p, d->rule, err);
    }
    free(table);
    return status;
}

int rebias_population_device_new(struct rebias_device **out, const struct rebias_family *family,
                                 const char *name, enum rebias_rule rule, double scale,
                                 double scale_spread, struct rebias_error *err)
{
    *out = NULL;
    struct population *data = NULL;
    int status = rebias_alloc(&data, 1, sizeof *data, err);
    if (status == REBIAS_OK) {
        data->rule = rule;
        status = copy_members(data, family, name, err);
    }
    if (status == REBIAS_OK) {
        status = make_samplers(data, err);
    }
    if (status == REBIAS_OK) {
        double values[P_COUNT] = {0.0, 0.0, (double)rule, scale, (double)family->count};
        const double spreads[P_COUNT] = {0.0, 0.0, 0.0, scale_spread, 0.0};
        rebias_table_range(data->table[0], &values[P_GMIN], &values[P_GMAX]);
        status = rebias_device_build(out, &rebias_population_model, name, values, spreads, data,
                                     err);
    }
    if (status != REBIAS_OK) {
        free_data(data);
    }
    return status;
}
