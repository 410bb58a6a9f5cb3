/* convolution.c - columns of convolutions and pools on neuron-major activations.
 * 1. sizes   2. runs of columns   3. columns and their transpose   4. pools
 *
 * Because samples lie together, the inputs that one tap of the kernel sees along an output row
 * are one run of memory: columns are made by copying runs, also those of the first layer, which
 * is as fast as reading them back from memory. Pieces stay in a cache of second level.
 */
#include "convolution.h"
#include "base/simd.h"
#include <string.h>

/* -- 1. sizes -- */

enum { PIECE_FLOATS = 65536 }; /* 256 KiB of columns: half of a small second-level cache */

size_t rebias_convolution_taps(const struct rebias_layer *layer)
{
    return layer->in.channels * layer->kernel * layer->kernel;
}

size_t rebias_convolution_positions(const struct rebias_layer *layer)
{
    return layer->out.rows * layer->out.columns;
}

static size_t at_least_one(size_t n)
{
    return n > 0 ? n : 1;
}

size_t rebias_convolution_piece(const struct rebias_patch *patch)
{
    const size_t taps = rebias_convolution_taps(patch->layer);
    const size_t left = rebias_convolution_positions(patch->layer) - patch->first;
    const size_t fitting = at_least_one(PIECE_FLOATS / (taps * patch->n));
    return fitting < left ? fitting : left;
}

size_t rebias_convolution_space(const struct rebias_layer *layer, size_t batch)
{
    const size_t one = rebias_convolution_taps(layer) * batch;
    return one > PIECE_FLOATS ? one : PIECE_FLOATS;
}

/* -- 2. runs of columns -- */

/* One tap (channel, row and column of the kernel) along output positions of one row: `before`
 * positions left of the image, `inside` ones that see in[at ...], `after` ones right of it. */
struct run {
    size_t before;
    size_t inside;
    size_t after;
    size_t at;
};

struct tap {
    size_t channel, row, column;
};

static size_t clamp(ptrdiff_t value, size_t limit)
{
    return value < 0 ? 0 : (size_t)value < limit ? (size_t)value : limit;
}

/* Output row y, positions first .. first + count - 1 in it. */
static struct run find_run(const struct rebias_layer *layer, const struct tap *tap, size_t y,
                           size_t first, size_t count)
{
    const ptrdiff_t pad = layer->padded ? (ptrdiff_t)(layer->kernel - 1) / 2 : 0;
    const ptrdiff_t row = (ptrdiff_t)(y + tap->row) - pad;
    if (row < 0 || row >= (ptrdiff_t)layer->in.rows) {
        return (struct run){.before = count};
    }
    const ptrdiff_t start = (ptrdiff_t)(first + tap->column) - pad;
    struct run run = {.before = clamp(-start, count)};
    run.after = clamp(start + (ptrdiff_t)count - (ptrdiff_t)layer->in.columns, count);
    run.inside = count - run.before - run.after;
    if (run.inside == 0) {
        return run;
    }
    run.at = (tap->channel * layer->in.rows + (size_t)row) * layer->in.columns +
             (size_t)(start + (ptrdiff_t)run.before);
    return run;
}

/* -- 3. columns and their transpose -- */

static struct tap find_tap(const struct rebias_layer *layer, size_t index)
{
    const size_t square = layer->kernel * layer->kernel;
    return (struct tap){index / square, index % square / layer->kernel, index % layer->kernel};
}

/* Positions that the patch has in output row y; *first = the first one in that row. */
static size_t positions_in_row(const struct rebias_patch *patch, size_t done, size_t *y,
                               size_t *first)
{
    const size_t columns = patch->layer->out.columns;
    *y = (patch->first + done) / columns;
    *first = (patch->first + done) % columns;
    const size_t left = patch->count - done;
    return columns - *first < left ? columns - *first : left;
}

static void copy_run(const struct run *run, size_t n, const float *in, float *column)
{
    memset(column, 0, run->before * n * sizeof *column);
    column += run->before * n;
    memcpy(column, in + run->at * n, run->inside * n * sizeof *column);
    memset(column + run->inside * n, 0, run->after * n * sizeof *column);
}

void rebias_convolution_columns(const struct rebias_patch *patch, const float *in,
                                float *column)
{
    const size_t taps = rebias_convolution_taps(patch->layer);
    for (size_t t = 0; t < taps; t++) {
        const struct tap tap = find_tap(patch->layer, t);
        for (size_t done = 0; done < patch->count;) {
            size_t y = 0;
            size_t first = 0;
            const size_t count = positions_in_row(patch, done, &y, &first);
            const struct run run = find_run(patch->layer, &tap, y, first, count);
            copy_run(&run, patch->n, in, column);
            column += count * patch->n;
            done += count;
        }
    }
}

REBIAS_SIMD static void add_column_run(size_t n, const float *column, float *below)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        below[i] += column[i];
    }
}

void rebias_convolution_scatter(const struct rebias_patch *patch, const float *column,
                                float *below)
{
    const size_t taps = rebias_convolution_taps(patch->layer);
    for (size_t t = 0; t < taps; t++) {
        const struct tap tap = find_tap(patch->layer, t);
        for (size_t done = 0; done < patch->count;) {
            size_t y = 0;
            size_t first = 0;
            const size_t count = positions_in_row(patch, done, &y, &first);
            const struct run run = find_run(patch->layer, &tap, y, first, count);
            add_column_run(run.inside * patch->n, column + run.before * patch->n,
                           below + run.at * patch->n);
            column += count * patch->n;
            done += count;
        }
    }
}

/* -- 4. pools -- */

/* out[n] = max(out, in), NaN winning. */
REBIAS_SIMD static void raise_maxima(size_t n, const float *in, float *out)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const bool wins = (in[i] > out[i]) | (in[i] != in[i]);
        out[i] = wins ? in[i] : out[i];
    }
}

/* below[i] = rest[i] where in is the maximum, and then nothing of it is left for later inputs
 * of the window. */
REBIAS_SIMD static void hand_down(size_t n, const struct rebias_pool_values *kept, float *rest,
                                  float *below)
{
    const float *in = kept->in;
    const float *out = kept->out;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const bool wins = in[i] == out[i];
        below[i] = wins ? rest[i] : 0.0f;
        rest[i] = wins ? 0.0f : rest[i];
    }
}

/* Index of input `offset` (row by row) of the window of output neuron `to`. */
static size_t find_input(const struct rebias_layer *layer, size_t to, size_t offset)
{
    const size_t column = to % layer->out.columns * layer->kernel + offset % layer->kernel;
    const size_t line = to / layer->out.columns; /* channel x out's rows + row */
    const size_t channel = line / layer->out.rows;
    const size_t row = line % layer->out.rows * layer->kernel + offset / layer->kernel;
    return (channel * layer->in.rows + row) * layer->in.columns + column;
}

void rebias_pool_forward(const struct rebias_layer *layer, size_t n, const float *in,
                         float *out)
{
    const size_t outputs = layer->out.channels * rebias_convolution_positions(layer);
    for (size_t to = 0; to < outputs; to++) {
        memcpy(out + to * n, in + find_input(layer, to, 0) * n, n * sizeof *out);
        for (size_t offset = 1; offset < layer->kernel * layer->kernel; offset++) {
            raise_maxima(n, in + find_input(layer, to, offset) * n, out + to * n);
        }
    }
}

void rebias_pool_backward(const struct rebias_layer *layer, size_t n,
                          const struct rebias_pool_values *kept, float *delta, float *below)
{
    const size_t outputs = layer->out.channels * rebias_convolution_positions(layer);
    memset(below, 0,
           layer->in.channels * layer->in.rows * layer->in.columns * n * sizeof *below);
    for (size_t to = 0; to < outputs; to++) {
        for (size_t offset = 0; offset < layer->kernel * layer->kernel; offset++) {
            const size_t from = find_input(layer, to, offset) * n;
            const struct rebias_pool_values window = {kept->in + from, kept->out + to * n};
            hand_down(n, &window, delta + to * n, below + from);
        }
    }
}
