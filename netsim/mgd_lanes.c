/* mgd_lanes.c - MGD on small dense networks, the fast way: up to 32 evaluations at once.
 * 1. life cycle   2. costs   3. one pattern: base and perturbed side by side   4. groups   5.
 * layers   6. a piece of a window
 *
 * A lane is one evaluation with its own pattern (all of one block of 32) and its own sample.
 * All numbers of a neuron's lanes lie side by side, so every operation runs on full vectors;
 * signs go from the code's words straight into the vectors. The first layer is linear in the
 * pattern: z = W x + b is made once for all lanes when they share the sample, and the pattern's
 * part of it from the inputs that are not 0. Sums have a fixed shape: the same bits for every
 * instruction set.
 */
#include "activation.h"
#include "base/simd.h"
#include "lane_layers.h"
#include "mgd_run.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = REBIAS_LANE_COUNT, HALF = LANES / 2, MOST_PARAMETERS = 8192 };
static const size_t MOST_NUMBERS = (size_t)1 << 24; /* inputs of all samples, kept as floats */

/* Segments first .. first + used - 1 of a piece, one a lane. */
struct group {
    size_t first, used;
    uint32_t bit[LANES]; /* number of the lane's pattern in its block of 32 */
    uint32_t sample[LANES];
    bool shared;         /* all samples are the same */
    double plus[LANES];  /* costs */
    double other[LANES]; /* C0, or those with the pattern subtracted */
};

struct mgd_lanes {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_options *options;
    const struct rebias_mgd_data *data;
    size_t widest;
    float *x;                /* [n][inputs]: all samples */
    float *pattern;          /* [P] of a single pattern */
    float *shifted;          /* [P]: theta + pattern */
    float *opposite;         /* [P]: theta - pattern */
    float *matrix;           /* [P][LANES], codes that are no signs; else NULL */
    float *value[2];         /* [widest][LANES] */
    float *base;             /* [neurons of layer 0][LANES]: W x + b */
    float *part;             /* the same: the pattern's part of z */
    float *input;            /* [inputs][LANES]: the lanes' samples side by side */
    float *target;           /* [outputs][LANES] */
    uint32_t in_lane[LANES]; /* whose inputs and targets they are */
    uint32_t *active;        /* [inputs]: those of the shared sample that are not 0 */
    size_t active_count;
    uint32_t active_sample;
    uint32_t held_sample; /* whose base and C0 for this theta are there, UINT32_MAX = none */
    double held_cost;
};

/* -- 1. life cycle -- */

bool rebias_mgd_lanes_suit(const struct rebias_architecture *a,
                           const struct rebias_mgd_options *options)
{
    bool plain = options->method == REBIAS_MGD_WEIGHT && options->scope == REBIAS_MGD_ALL &&
                 options->offset == REBIAS_OFFSET_WEIGHT && options->batch == 1 &&
                 options->defects == 0.0 && options->read_noise == 0.0 &&
                 options->adc_bits == 0 && a->parameters <= MOST_PARAMETERS;
    for (size_t l = 0; l < a->layers && plain; l++) {
        plain = a->layer[l].kind == REBIAS_DENSE;
    }
    return plain;
}

void rebias_mgd_lanes_free(struct mgd_lanes *lanes)
{
    if (lanes != NULL) {
        free(lanes->x);
        free(lanes->pattern);
        free(lanes->shifted);
        free(lanes->opposite);
        free(lanes->matrix);
        free(lanes->value[0]);
        free(lanes->value[1]);
        free(lanes->base);
        free(lanes->part);
        free(lanes->input);
        free(lanes->target);
        free(lanes->active);
        free(lanes);
    }
}

static int allocate(struct mgd_lanes *lanes, struct rebias_error *err)
{
    const struct rebias_architecture *a = lanes->architecture;
    const struct rebias_mgd_options *o = lanes->options;
    const size_t P = a->parameters;
    const size_t first = a->layer[0].biases;
    const bool signs = o->perturbation == REBIAS_PERTURB_WALSH ||
                       (o->perturbation == REBIAS_PERTURB_RANDOM && o->sparsity <= 1.0);
    const struct {
        float **out;
        size_t rows, columns;
    } arrays[] = {{&lanes->x, lanes->data->n, a->inputs},
                  {&lanes->pattern, P, 1},
                  {&lanes->shifted, P, 1},
                  {&lanes->opposite, P, 1},
                  {&lanes->matrix, signs ? 0 : P, LANES},
                  {&lanes->value[0], lanes->widest, LANES},
                  {&lanes->value[1], lanes->widest, LANES},
                  {&lanes->base, first, LANES},
                  {&lanes->part, first, LANES},
                  {&lanes->input, a->inputs, LANES},
                  {&lanes->target, a->outputs, LANES}};
    int status = rebias_alloc(&lanes->active, a->inputs, sizeof *lanes->active, err);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        if (arrays[i].rows > 0) {
            status = rebias_alloc(arrays[i].out, arrays[i].rows * arrays[i].columns,
                                  sizeof(float), err);
        }
    }
    memset(lanes->in_lane, 0xFF, sizeof lanes->in_lane);
    lanes->active_sample = UINT32_MAX;
    return status;
}

int rebias_mgd_lanes_new(struct mgd_lanes **out, const struct rebias_architecture *a,
                         const struct rebias_mgd_data *data,
                         const struct rebias_mgd_options *options, struct rebias_error *err)
{
    *out = NULL;
    struct mgd_lanes *lanes = NULL;
    if (data->n * data->inputs > MOST_NUMBERS) {
        return REBIAS_OK; /* too large to be kept: the caller takes the general way */
    }
    int status = rebias_alloc(&lanes, 1, sizeof *lanes, err);
    if (status != REBIAS_OK) {
        return status;
    }
    lanes->architecture = a;
    lanes->options = options;
    lanes->data = data;
    lanes->widest = a->inputs;
    for (size_t l = 0; l < a->layers; l++) {
        lanes->widest = a->layer[l].nodes > lanes->widest ? a->layer[l].nodes : lanes->widest;
    }
    status = allocate(lanes, err);
    for (uint32_t i = 0; i < data->n && status == REBIAS_OK; i++) {
        data->fill(data->context, 1, &i, lanes->x + i * data->inputs);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_lanes_free(lanes);
        return status;
    }
    *out = lanes;
    return REBIAS_OK;
}

/* -- 2. costs -- */

static void apply_transfer(enum rebias_transfer f, size_t n, float *z)
{
    if (f != REBIAS_TRANSFER_NONE) {
        rebias_activation_apply((enum rebias_activation)f, n, z);
    }
}

/* Cost of one output vector, its entries `stride` apart. */
static double cost_of(const struct mgd_lanes *lanes, const float *output, size_t stride,
                      uint32_t sample)
{
    const struct rebias_architecture *a = lanes->architecture;
    const size_t n = a->outputs;
    double sum = 0.0;
    if (a->cost == REBIAS_COST_SQUARED) {
        const float *target = lanes->data->target + (size_t)sample * n;
        for (size_t j = 0; j < n; j++) {
            double error = (double)output[j * stride] - (double)target[j];
            sum += error * error;
        }
        return sum / (double)n;
    }
    double largest = -INFINITY;
    double mean = 0.0;
    for (size_t j = 0; j < n; j++) {
        largest = fmax(largest, (double)output[j * stride]);
        mean += (double)output[j * stride] / (double)n;
    }
    for (size_t j = 0; j < n; j++) {
        sum += exp((double)output[j * stride] - largest);
    }
    double label = (double)output[lanes->data->label[sample] * stride];
    return largest + log(sum) - (1.0 - a->smoothing) * label - a->smoothing * mean;
}

/* -- 3. one pattern: base and perturbed side by side -- */

/* Dot product with HALF partial sums; short ones in order. */
static inline float dot(size_t n, const float *w, const float *x)
{
    float total = 0.0f;
    size_t i = 0;
    if (n >= HALF) {
        float part[HALF] = {0.0f};
        for (; i + HALF <= n; i += HALF) {
#pragma omp simd
            for (size_t k = 0; k < HALF; k++) {
                part[k] += w[i + k] * x[i + k];
            }
        }
        for (size_t reach = HALF / 2; reach > 0; reach /= 2) {
            for (size_t k = 0; k < reach; k++) {
                part[k] += part[k + reach];
            }
        }
        total = part[0];
    }
    for (; i < n; i++) {
        total += w[i] * x[i];
    }
    return total;
}

/* z[j] = W x + b. */
REBIAS_SIMD static void dense_single(size_t inputs, size_t outputs, const float *weights,
                                     const float *x, float *z)
{
    const float *biases = weights + inputs * outputs;
    for (size_t j = 0; j < outputs; j++) {
        z[j] = dot(inputs, weights + j * inputs, x) + biases[j];
    }
}

/* Costs of one or two parameter vectors on one sample. */
static void single_costs(struct mgd_lanes *lanes, size_t count, const float *const *theta,
                         uint32_t sample, double *cost)
{
    const struct rebias_architecture *a = lanes->architecture;
    const float *x[2];
    x[0] = x[1] = lanes->x + (size_t)sample * a->inputs;
    for (size_t l = 0; l < a->layers; l++) {
        const struct rebias_layer *layer = &a->layer[l];
        const size_t inputs = layer->weights / layer->biases;
        float *z = lanes->value[l % 2];
        for (size_t k = 0; k < count; k++) {
            dense_single(inputs, layer->biases, theta[k] + layer->first, x[k],
                         z + k * layer->biases);
        }
        /* whole vectors: the numbers behind are of no use and do no harm */
        apply_transfer(layer->transfer, (count * layer->biases + HALF - 1) / HALF * HALF, z);
        x[0] = z;
        x[1] = z + layer->biases;
    }
    for (size_t k = 0; k < count; k++) {
        cost[k] = cost_of(lanes, x[k], 1, sample);
    }
}

REBIAS_SIMD static void shift(size_t n, const float *theta, float sign, const float *pattern,
                              float *out)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = theta[i] + sign * pattern[i];
    }
}

REBIAS_SIMD static void add_single(size_t n, float factor, const float *pattern, float *sum)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        sum[i] += factor * pattern[i];
    }
}

/* Ct of a segment from its two costs, with noise and clip; adds to the sums. C0 counts where it
 * is due, not where it was computed once more. */
static double difference(const struct mgd_lanes *lanes, const struct mgd_segment *segment,
                         double first, double second, struct mgd_sums *sums)
{
    const struct rebias_mgd_options *o = lanes->options;
    double Ct = rebias_mgd_difference(o, segment, 0, 0, first, second);
    sums->cost += o->two_sided ? 0.5 * (first + second) : second;
    sums->weight += 1.0;
    sums->evaluations += o->two_sided || segment->step == segment->base ? 2 : 1;
    return Ct * segment->repeats;
}

static void run_single(struct mgd_lanes *lanes, struct rebias_code *code,
                       struct mgd_order *order, const float *theta,
                       const struct mgd_segment *segment, float *estimate,
                       struct mgd_sums *sums)
{
    const size_t P = lanes->architecture->parameters;
    const uint32_t sample = *rebias_mgd_order_batch(order, segment->batch);
    const float *vectors[2] = {lanes->shifted, theta};
    double cost[2];
    rebias_code_fill(code, segment->pattern, lanes->pattern);
    shift(P, theta, 1.0f, lanes->pattern, lanes->shifted);
    if (lanes->options->two_sided) {
        shift(P, theta, -1.0f, lanes->pattern, lanes->opposite);
        vectors[1] = lanes->opposite;
    }
    single_costs(lanes, 2, vectors, sample, cost);
    double Ct = difference(lanes, segment, cost[0], cost[1], sums);
    add_single(P, (float)(Ct / rebias_code_mean_square(code)), lanes->pattern, estimate);
}

/* -- 4. groups -- */

/* Takes segments from `at` on as long as their patterns are of one block; returns the first one
 * that is not in the group. */
static size_t fill_group(struct mgd_order *order, size_t count,
                         const struct mgd_segment *segments, size_t at, struct group *group)
{
    const uint64_t block = segments[at].pattern / REBIAS_CODE_BLOCK;
    uint64_t batch = UINT64_MAX;
    uint32_t sample = 0;
    group->first = at;
    group->used = 0;
    group->shared = true;
    while (at < count && group->used < LANES &&
           segments[at].pattern / REBIAS_CODE_BLOCK == block) {
        if (segments[at].batch != batch) {
            batch = segments[at].batch;
            sample = *rebias_mgd_order_batch(order, batch);
        }
        group->bit[group->used] = (uint32_t)(segments[at].pattern % REBIAS_CODE_BLOCK);
        group->sample[group->used] = sample;
        group->shared = group->shared && sample == group->sample[0];
        group->used++;
        at++;
    }
    for (size_t k = group->used; k < LANES; k++) { /* idle lanes repeat the first */
        group->bit[k] = group->bit[0];
        group->sample[k] = group->sample[0];
    }
    return at;
}

static void set_rows(struct mgd_lanes *lanes, struct rebias_code *code,
                     const struct group *group, const struct mgd_segment *segments,
                     struct lane_rows *rows)
{
    const size_t P = lanes->architecture->parameters;
    const uint64_t block = segments[group->first].pattern / REBIAS_CODE_BLOCK;
    rows->word = rebias_code_signs(code, block);
    rows->matrix = lanes->matrix;
    rows->size = (float)rebias_code_amplitude(code);
    rows->scale = 1.0f;
    for (size_t k = 0; k < LANES; k++) {
        rows->up[k] = 31 - group->bit[k];
    }
    for (size_t k = 0; k < group->used && rows->word == NULL; k++) {
        rebias_code_fill(code, segments[group->first + k].pattern, lanes->pattern);
        for (size_t i = 0; i < P; i++) {
            lanes->matrix[i * LANES + k] = lanes->pattern[i];
        }
    }
}

/* Puts the lanes' inputs and targets side by side, where they are not there already. */
static void set_own_samples(struct mgd_lanes *lanes, const struct group *group)
{
    const size_t inputs = lanes->architecture->inputs;
    const size_t outputs = lanes->data->target != NULL ? lanes->architecture->outputs : 0;
    for (size_t k = 0; k < LANES; k++) {
        const size_t sample = group->sample[k];
        if (lanes->in_lane[k] == sample) {
            continue;
        }
        for (size_t i = 0; i < inputs; i++) {
            lanes->input[i * LANES + k] = lanes->x[sample * inputs + i];
        }
        for (size_t j = 0; j < outputs; j++) {
            lanes->target[j * LANES + k] = lanes->data->target[sample * outputs + j];
        }
        lanes->in_lane[k] = group->sample[k];
    }
}

/* The targets of one sample into all lanes; its inputs need no lanes. */
static void set_shared_sample(struct mgd_lanes *lanes, size_t sample)
{
    const size_t outputs = lanes->data->target != NULL ? lanes->architecture->outputs : 0;
    for (size_t j = 0; j < outputs; j++) {
        const float target = lanes->data->target[sample * outputs + j];
        for (size_t k = 0; k < LANES; k++) {
            lanes->target[j * LANES + k] = target;
        }
    }
    memset(lanes->in_lane, 0xFF, sizeof lanes->in_lane);
}

/* The inputs of the shared sample that are not 0. */
static void find_active(struct mgd_lanes *lanes, uint32_t sample)
{
    const float *x = lanes->x + (size_t)sample * lanes->architecture->inputs;
    if (lanes->active_sample == sample) {
        return;
    }
    lanes->active_sample = sample;
    lanes->active_count = 0;
    for (uint32_t i = 0; i < lanes->architecture->inputs; i++) {
        lanes->active[lanes->active_count] = i; /* stays when x is not 0, without a branch */
        lanes->active_count += x[i] != 0.0f;    /* exact: what is 0 adds nothing */
    }
}

/* -- 5. layers -- */

/* base and part of layer 0. */
static void first_layer(struct mgd_lanes *lanes, const float *theta, const struct group *group,
                        const struct lane_rows *rows)
{
    const struct rebias_layer *layer = &lanes->architecture->layer[0];
    const size_t inputs = layer->weights / layer->biases;
    const size_t shape[2] = {inputs, layer->biases};
    if (!group->shared) {
        set_own_samples(lanes, group);
        lanes->held_sample = UINT32_MAX;
        rebias_lanes_part_own(rows, shape, theta, lanes->input, lanes->base, lanes->part);
        return;
    }
    const float *x = lanes->x + (size_t)group->sample[0] * inputs;
    find_active(lanes, group->sample[0]);
    rebias_lanes_part_shared(rows, shape, lanes->active_count, lanes->active, x, lanes->part);
    if (lanes->held_sample == group->sample[0]) {
        return;
    }
    single_costs(lanes, 1, &theta, group->sample[0], &lanes->held_cost);
    lanes->held_sample = group->sample[0];
    set_shared_sample(lanes, group->sample[0]);
    dense_single(inputs, layer->biases, theta, x, lanes->value[1]);
    for (size_t j = 0; j < layer->biases; j++) {
        for (size_t k = 0; k < LANES; k++) {
            lanes->base[j * LANES + k] = lanes->value[1][j];
        }
    }
}

/* Costs of the lanes with scale times their patterns. */
static void group_costs(struct mgd_lanes *lanes, const float *theta, const struct group *group,
                        const struct lane_rows *rows, float scale, double *cost)
{
    const struct rebias_architecture *a = lanes->architecture;
    const size_t first = a->layer[0].biases * LANES;
    const float *x = lanes->value[0];
    rebias_lanes_add_part(first, scale, lanes->base, lanes->part, lanes->value[0]);
    apply_transfer(a->layer[0].transfer, first, lanes->value[0]);
    for (size_t l = 1; l < a->layers; l++) {
        const struct rebias_layer *layer = &a->layer[l];
        struct lane_rows own = *rows;
        own.word = rows->word != NULL ? rows->word + layer->first : NULL;
        own.matrix = rows->word != NULL ? NULL : rows->matrix + layer->first * LANES;
        own.scale = scale;
        const size_t shape[2] = {layer->weights / layer->biases, layer->biases};
        float *z = lanes->value[l % 2];
        rebias_lanes_dense(&own, shape, theta + layer->first, x, z);
        apply_transfer(layer->transfer, layer->biases * LANES, z);
        x = z;
    }
    if (a->cost == REBIAS_COST_SQUARED) {
        rebias_lanes_squared_costs(a->outputs, x, lanes->target, cost);
        return;
    }
    for (size_t k = 0; k < group->used; k++) {
        cost[k] = cost_of(lanes, x + k, LANES, group->sample[k]);
    }
}

/* Costs -> what the patterns are multiplied with in the estimate, and the estimate. */
static void add_group(const struct mgd_lanes *lanes, const struct group *group,
                      const struct lane_rows *rows, const struct mgd_segment *segments,
                      double mean_square, float *estimate, struct mgd_sums *sums)
{
    const size_t P = lanes->architecture->parameters;
    float factor[LANES] = {0.0f};
    for (size_t k = 0; k < group->used; k++) {
        const double Ct = difference(lanes, &segments[group->first + k], group->plus[k],
                                     group->other[k], sums);
        const double size = rows->word != NULL ? (double)rows->size : 1.0;
        const size_t at = rows->word != NULL ? group->bit[k] : k;
        factor[at] += (float)(Ct * size / mean_square);
    }
    if (rows->word != NULL) {
        rebias_lanes_add_signs(P, rows->word, factor, estimate);
    } else {
        rebias_lanes_add_rows(P, rows->matrix, factor, estimate);
    }
}

/* -- 6. a piece of a window -- */

static void run_group(struct mgd_lanes *lanes, struct rebias_code *code, const float *theta,
                      struct group *group, const struct mgd_segment *segments, float *estimate,
                      struct mgd_sums *sums)
{
    struct lane_rows rows;
    set_rows(lanes, code, group, segments, &rows);
    first_layer(lanes, theta, group, &rows);
    group_costs(lanes, theta, group, &rows, 1.0f, group->plus);
    if (lanes->options->two_sided) {
        group_costs(lanes, theta, group, &rows, -1.0f, group->other);
    } else if (!group->shared) {
        group_costs(lanes, theta, group, &rows, 0.0f, group->other);
    } else {
        for (size_t k = 0; k < group->used; k++) {
            group->other[k] = lanes->held_cost;
        }
    }
    add_group(lanes, group, &rows, segments, rebias_code_mean_square(code), estimate, sums);
}

void rebias_mgd_lanes_run(struct mgd_lanes *lanes, struct rebias_code *code,
                          struct mgd_order *order, const float *theta, size_t count,
                          const struct mgd_segment *segments, float *estimate,
                          struct mgd_sums *sums)
{
    struct group group;
    if (count < 3) { /* lanes would be empty */
        for (size_t s = 0; s < count; s++) {
            run_single(lanes, code, order, theta, &segments[s], estimate, sums);
        }
        return;
    }
    lanes->held_sample = UINT32_MAX; /* theta is another one */
    for (size_t at = 0; at < count;) {
        at = fill_group(order, count, segments, at, &group);
        run_group(lanes, code, theta, &group, segments, estimate, sums);
    }
}
