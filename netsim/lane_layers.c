/* lane_layers.c - dense layers with another pattern in each of 32 lanes.
 * 1. rows of patterns   2. layers   3. the estimate   4. the functions of the header
 *
 * Signs go from the code's words straight into vectors.
 */
#include "lane_layers.h"
#include "base/simd.h"

enum { LANES = REBIAS_LANE_COUNT, HALF = LANES / 2 };

/* Half of the lanes: one or several registers, whatever the machine has. */
typedef float half __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t half_bits __attribute__((vector_size(64), aligned(4), may_alias));

/* -- 1. rows of patterns -- */

/* Two halves are all lanes. */
struct lane_values {
    half low, high;
};

static inline void load_lanes(const float *from, struct lane_values *out)
{
    out->low = *(const half *)from;
    out->high = *(const half *)(from + HALF);
}

static inline void store_lanes(const struct lane_values *from, float *out)
{
    *(half *)out = from->low;
    *(half *)(out + HALF) = from->high;
}

/* value with the lanes' signs of word w. */
static inline void sign_lanes(const struct lane_rows *rows, uint32_t w,
                              const struct lane_values *value, struct lane_values *out)
{
    const uint32_t top = 0x80000000u;
    const half_bits low = (w << *(const half_bits *)rows->up) & top;
    const half_bits high = (w << *(const half_bits *)(rows->up + HALF)) & top;
    out->low = (half)((half_bits)value->low ^ low);
    out->high = (half)((half_bits)value->high ^ high);
}

static inline void row_of(const struct lane_rows *rows, size_t i, struct lane_values *out)
{
    if (rows->word != NULL) {
        const half size = rows->scale * rows->size + (half){0.0f};
        const struct lane_values sizes = {size, size};
        sign_lanes(rows, rows->word[i], &sizes, out);
        return;
    }
    load_lanes(rows->matrix + i * LANES, out);
    out->low *= rows->scale;
    out->high *= rows->scale;
}

/* -- 2. layers -- */

/* part[j][lane] = sum_i row_ji x_i + row of the bias, over the inputs that are not 0; the same
 * sample in all lanes. */
REBIAS_SIMD static void part_shared(const struct lane_rows *rows, size_t inputs, size_t outputs,
                                    size_t count, const uint32_t *active, const float *x,
                                    float *part)
{
    for (size_t j = 0; j < outputs; j++) {
        struct lane_values sum;
        row_of(rows, inputs * outputs + j, &sum);
        for (size_t m = 0; m < count; m++) {
            struct lane_values row;
            row_of(rows, j * inputs + active[m], &row);
            sum.low += row.low * x[active[m]];
            sum.high += row.high * x[active[m]];
        }
        store_lanes(&sum, part + j * LANES);
    }
}

/* The same with the lanes' own inputs x[i][lane], and base = W x + b. */
REBIAS_SIMD static void part_own(const struct lane_rows *rows, size_t inputs, size_t outputs,
                                 const float *weights, const float *x, float *base, float *part)
{
    for (size_t j = 0; j < outputs; j++) {
        struct lane_values sum;
        const half zero = {0.0f};
        struct lane_values z = {zero + weights[inputs * outputs + j],
                                zero + weights[inputs * outputs + j]};
        row_of(rows, inputs * outputs + j, &sum);
        for (size_t i = 0; i < inputs; i++) {
            struct lane_values row;
            struct lane_values value;
            row_of(rows, j * inputs + i, &row);
            load_lanes(x + i * LANES, &value);
            sum.low += row.low * value.low;
            sum.high += row.high * value.high;
            z.low += weights[j * inputs + i] * value.low;
            z.high += weights[j * inputs + i] * value.high;
        }
        store_lanes(&z, base + j * LANES);
        store_lanes(&sum, part + j * LANES);
    }
}

/* z[j][lane] = sum_i (w_ji + row_ji) x_i[lane] + bias. rows are those of the layer. */
REBIAS_SIMD static void dense_lanes(const struct lane_rows *rows, size_t inputs, size_t outputs,
                                    const float *weights, const float *x, float *z)
{
    const size_t biases = inputs * outputs;
    for (size_t j = 0; j < outputs; j++) {
        struct lane_values sum;
        row_of(rows, biases + j, &sum);
        sum.low += weights[biases + j];
        sum.high += weights[biases + j];
        for (size_t i = 0; i < inputs; i++) {
            struct lane_values row;
            struct lane_values value;
            row_of(rows, j * inputs + i, &row);
            load_lanes(x + i * LANES, &value);
            sum.low += (weights[j * inputs + i] + row.low) * value.low;
            sum.high += (weights[j * inputs + i] + row.high) * value.high;
        }
        store_lanes(&sum, z + j * LANES);
    }
}

REBIAS_SIMD static void add_part(size_t n, float scale, const float *base, const float *part,
                                 float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = base[i] + scale * part[i];
    }
}

/* Mean squared errors of the lanes. */
REBIAS_SIMD static void squared_costs(size_t outputs, const float *output, const float *target,
                                      double *cost)
{
    double sum[LANES] = {0.0};
    for (size_t j = 0; j < outputs; j++) {
#pragma omp simd
        for (size_t k = 0; k < LANES; k++) {
            double error = (double)output[j * LANES + k] - (double)target[j * LANES + k];
            sum[k] += error * error;
        }
    }
    for (size_t k = 0; k < LANES; k++) {
        cost[k] = sum[k] / (double)outputs;
    }
}

/* -- 3. the estimate -- */

/* table[m] = sum over 8 patterns of +-factor, minus where m has a bit: from m below `reach` to
 * twice as many. */
static inline void double_table(size_t reach, float factor, float *table)
{
#pragma omp simd
    for (size_t m = 0; m < reach; m++) {
        table[reach + m] = table[m] - 2.0f * factor;
    }
}

REBIAS_SIMD static void fill_tables(const float *factor, float (*table)[256])
{
    for (size_t q = 0; q < 4; q++) {
        const float *f = factor + 8 * q;
        float *t = table[q];
        t[0] = ((f[0] + f[1]) + (f[2] + f[3])) + ((f[4] + f[5]) + (f[6] + f[7]));
        for (size_t m = 1; m < 16; m++) { /* too short for vectors */
            const size_t bit = m >= 8 ? 3 : m >= 4 ? 2 : m >= 2 ? 1 : 0;
            t[m] = t[m - ((size_t)1 << bit)] - 2.0f * f[bit];
        }
        double_table(16, f[4], t);
        double_table(32, f[5], t);
        double_table(64, f[6], t);
        double_table(128, f[7], t);
    }
}

void rebias_lanes_add_signs(size_t n, const uint32_t *word, const float *factor,
                            float *estimate)
{
    float table[4][256];
    fill_tables(factor, table);
    for (size_t i = 0; i < n; i++) { /* a byte of each word at a time */
        const uint32_t w = word[i];
        estimate[i] += (table[0][w & 255] + table[1][w >> 8 & 255]) +
                       (table[2][w >> 16 & 255] + table[3][w >> 24]);
    }
}

/* estimate += sum over the lanes of factor times row, halves added to halves. */
REBIAS_SIMD static void add_rows(size_t n, const float *matrix, const float *factor,
                                 float *estimate)
{
    for (size_t i = 0; i < n; i++) {
        float sum[LANES];
#pragma omp simd
        for (size_t k = 0; k < LANES; k++) {
            sum[k] = factor[k] * matrix[i * LANES + k];
        }
        for (size_t reach = LANES / 2; reach > 0; reach /= 2) {
            for (size_t k = 0; k < reach; k++) {
                sum[k] += sum[k + reach];
            }
        }
        estimate[i] += sum[0];
    }
}

/* -- 4. the functions of the header -- */

void rebias_lanes_part_shared(const struct lane_rows *rows, const size_t shape[2], size_t count,
                              const uint32_t *active, const float *x, float *part)
{
    part_shared(rows, shape[0], shape[1], count, active, x, part);
}

void rebias_lanes_part_own(const struct lane_rows *rows, const size_t shape[2],
                           const float *weights, const float *x, float *base, float *part)
{
    part_own(rows, shape[0], shape[1], weights, x, base, part);
}

void rebias_lanes_dense(const struct lane_rows *rows, const size_t shape[2],
                        const float *weights, const float *x, float *z)
{
    dense_lanes(rows, shape[0], shape[1], weights, x, z);
}

void rebias_lanes_add_part(size_t n, float scale, const float *base, const float *part,
                           float *z)
{
    add_part(n, scale, base, part, z);
}

void rebias_lanes_squared_costs(size_t outputs, const float *output, const float *target,
                                double *cost)
{
    squared_costs(outputs, output, target, cost);
}

void rebias_lanes_add_rows(size_t n, const float *matrix, const float *factor, float *estimate)
{
    add_rows(n, matrix, factor, estimate);
}
