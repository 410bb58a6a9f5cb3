/* architecture.c - layers of feed-forward networks from text, and their first parameters.
 * 1. limits   2. pieces of the text   3. layers   4. networks by name   5. parse   6. draw
 */
#include "model_internal.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- 1. limits -- */

enum { LARGEST_SIDE = 65536, LARGEST_KERNEL = 31, LARGEST_WIDTH = 1024, SPECIFICATION = 512 };
static const size_t largest_shape = (size_t)1 << 24;      /* neurons of a layer */
static const size_t largest_parameters = (size_t)1 << 30; /* 4 GiB of theta */

/* -- 2. pieces of the text -- */

/* One layer's text, cut at its colons. */
struct piece {
    char text[64];
    char field[3][24];
    size_t fields;
    size_t number; /* which piece, 0 = the input */
};

static int refuse(const struct piece *piece, int status, const char *expected,
                  const char *problem, struct rebias_error *err)
{
    const struct rebias_place place = {.value = piece->text};
    return rebias_fail_at(err, status, &place, expected, "layer %zu of the network %s",
                          piece->number, problem);
}

static const char layer_forms[] =
    "N, dense:N, convK:N, convKsame:N or poolK, with :TRANSFER behind N";

/* Cuts text[length] at colons into the piece's fields. */
static int cut_fields(struct piece *piece, const char *text, size_t length,
                      struct rebias_error *err)
{
    snprintf(piece->text, sizeof piece->text, "%.*s", (int)length, text);
    piece->fields = 0;
    if (length == 0) {
        return refuse(piece, REBIAS_E_NAME, "an input, then layers: 49,4,4", "is empty", err);
    }
    const char *const end = text + length;
    for (const char *start = text; start <= end;) {
        const char *colon = memchr(start, ':', (size_t)(end - start));
        const size_t size = (size_t)((colon != NULL ? colon : end) - start);
        if (piece->fields == 3 || size >= sizeof piece->field[0]) {
            return refuse(piece, REBIAS_E_NAME, layer_forms, "cannot be read", err);
        }
        snprintf(piece->field[piece->fields++], sizeof piece->field[0], "%.*s", (int)size,
                 start);
        start += size + 1;
    }
    return REBIAS_OK;
}

/* Whole number 1 .. max from text. */
static bool read_count(const char *text, size_t max, size_t *count)
{
    int64_t value = 0;
    if (text[0] < '0' || text[0] > '9' ||
        !rebias_parse_integer(text, 1, (int64_t)max, &value)) {
        return false;
    }
    *count = (size_t)value;
    return true;
}

static int read_transfer(const struct piece *piece, const char *text,
                         enum rebias_transfer *transfer, struct rebias_error *err)
{
    static const char *const names[] = {"sigmoid", "tanh", "relu", "none"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *transfer = (enum rebias_transfer)i;
            return REBIAS_OK;
        }
    }
    return refuse(piece, REBIAS_E_NAME, "sigmoid, tanh, relu or none",
                  "has an unknown transfer", err);
}

/* "N" or "CxRxC". */
static int read_input(const struct piece *piece, struct rebias_shape *shape,
                      struct rebias_error *err)
{
    static const char forms[] = "N or CHANNELSxROWSxCOLUMNS, each 1 to 65536";
    size_t side[3] = {1, 1, 1};
    char text[sizeof piece->field[0]];
    memcpy(text, piece->field[0], sizeof text);
    size_t sides = 0;
    for (char *start = text; start != NULL; sides++) {
        char *cross = strchr(start, 'x');
        if (cross != NULL) {
            *cross++ = '\0';
        }
        if (sides == 3 || !read_count(start, LARGEST_SIDE, &side[sides])) {
            return refuse(piece, REBIAS_E_RANGE, forms, "is no input", err);
        }
        start = cross;
    }
    if (sides == 2 || piece->fields != 1) {
        return refuse(piece, REBIAS_E_RANGE, forms, "is no input", err);
    }
    *shape = (struct rebias_shape){side[0], side[1], side[2]};
    if (rebias_shape_size(shape) > largest_shape) {
        return refuse(piece, REBIAS_E_RANGE, "at most 16777216", "has too many inputs", err);
    }
    return REBIAS_OK;
}

/* -- 3. layers -- */

/* Kernel K of the field "convK", "convKsame" or "poolK" behind `word`; padded only where `same`
 * is allowed. */
static int read_kernel(const struct piece *piece, const char *word, struct rebias_layer *layer,
                       struct rebias_error *err)
{
    char digits[sizeof piece->field[0]];
    snprintf(digits, sizeof digits, "%s", piece->field[0] + strlen(word));
    char *same = strstr(digits, "same");
    if (layer->kind == REBIAS_CONVOLUTION && same != NULL && same[4] == '\0') {
        *same = '\0';
        layer->padded = true;
    }
    if (!read_count(digits, LARGEST_KERNEL, &layer->kernel)) {
        return refuse(piece, REBIAS_E_RANGE, "K from 1 to 31", "has no usable kernel size",
                      err);
    }
    if (layer->padded && layer->kernel % 2 == 0) {
        return refuse(piece, REBIAS_E_RANGE, "an odd K", "cannot be padded evenly", err);
    }
    if (layer->kernel > layer->in.rows || layer->kernel > layer->in.columns) {
        return refuse(piece, REBIAS_E_RANGE, "a kernel that fits", "is larger than its input",
                      err);
    }
    return REBIAS_OK;
}

static int read_pool(const struct piece *piece, struct rebias_layer *layer,
                     struct rebias_error *err)
{
    layer->kind = REBIAS_POOL;
    layer->transfer = REBIAS_TRANSFER_NONE;
    if (piece->fields != 1) {
        return refuse(piece, REBIAS_E_NAME, "poolK", "has more than a pool can", err);
    }
    int status = read_kernel(piece, "pool", layer, err);
    if (status == REBIAS_OK) {
        layer->out = (struct rebias_shape){layer->in.channels, layer->in.rows / layer->kernel,
                                           layer->in.columns / layer->kernel};
    }
    return status;
}

static int read_convolution(const struct piece *piece, struct rebias_layer *layer,
                            struct rebias_error *err)
{
    layer->kind = REBIAS_CONVOLUTION;
    int status = read_kernel(piece, "conv", layer, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const size_t lost = layer->padded ? 0 : layer->kernel - 1;
    layer->out.rows = layer->in.rows - lost;
    layer->out.columns = layer->in.columns - lost;
    layer->weights = layer->in.channels * layer->kernel * layer->kernel;
    return REBIAS_OK;
}

/* Neurons or channels of a layer from field `at`, and its transfer behind it. */
static int read_width(const struct piece *piece, size_t at, struct rebias_layer *layer,
                      struct rebias_error *err)
{
    if (at >= piece->fields || at + 2 < piece->fields) {
        return refuse(piece, REBIAS_E_NAME, layer_forms, "cannot be read", err);
    }
    if (!read_count(piece->field[at], LARGEST_SIDE, &layer->out.channels)) {
        return refuse(piece, REBIAS_E_RANGE, "1 to 65536", "has no usable number of neurons",
                      err);
    }
    layer->biases = layer->out.channels;
    layer->weights *= layer->out.channels;
    layer->nodes = rebias_shape_size(&layer->out);
    if (layer->nodes > largest_shape || layer->weights > largest_parameters) {
        return refuse(piece, REBIAS_E_RANGE, "at most 2^24 neurons and 2^30 weights",
                      "is too large", err);
    }
    return at + 1 < piece->fields
               ? read_transfer(piece, piece->field[at + 1], &layer->transfer, err)
               : REBIAS_OK;
}

/* The layer behind a.layer[layers - 1] (or the input); its transfer is set. */
static int read_layer(const struct piece *piece, struct rebias_layer *layer,
                      struct rebias_error *err)
{
    if (strncmp(piece->field[0], "pool", 4) == 0) {
        return read_pool(piece, layer, err);
    }
    if (strncmp(piece->field[0], "conv", 4) == 0) {
        int status = read_convolution(piece, layer, err);
        return status != REBIAS_OK ? status : read_width(piece, 1, layer, err);
    }
    layer->kind = REBIAS_DENSE;
    layer->out = (struct rebias_shape){1, 1, 1};
    layer->weights = rebias_shape_size(&layer->in);
    if (strcmp(piece->field[0], "dense") == 0) {
        return read_width(piece, 1, layer, err);
    }
    if (piece->field[0][0] >= '0' && piece->field[0][0] <= '9') {
        return read_width(piece, 0, layer, err);
    }
    return refuse(piece, REBIAS_E_NAME, layer_forms, "is unknown", err);
}

/* -- 4. networks by name -- */

/* text of the layers of a named network into layers[SPECIFICATION]; other text is copied. */
static int expand_name(const char *text, char layers[SPECIFICATION], struct rebias_error *err)
{
    static const char scaling[] = "scaling:";
    const char *known = text;
    if (strcmp(text, "fmnist-cnn") == 0) {
        known = "1x28x28,conv3:16:relu,pool2,conv3:32:relu,pool2,conv3:32:relu,pool2,"
                "dense:10:none";
    } else if (strcmp(text, "cifar-cnn") == 0) {
        known = "3x32x32,conv3:16:relu,pool2,conv3:32:relu,pool2,conv3:64:relu,pool2,"
                "dense:10:none";
    } else if (strncmp(text, scaling, strlen(scaling)) == 0) {
        size_t d = 0;
        if (!read_count(text + strlen(scaling), LARGEST_WIDTH, &d)) {
            const struct rebias_place place = {.value = text};
            return rebias_fail_at(err, REBIAS_E_RANGE, &place, "scaling:D, D from 1 to 1024",
                                  "the network has no usable width");
        }
        snprintf(layers, SPECIFICATION,
                 "1x28x28,conv3same:%zu:tanh,conv3same:%zu:tanh,pool2,conv3same:%zu:tanh,"
                 "conv3same:%zu:tanh,pool2,conv3same:%zu:tanh,conv3same:%zu:tanh,pool2,"
                 "dense:%zu:tanh,dense:%zu:tanh,dense:10:none",
                 d, d, 2 * d, 2 * d, 4 * d, 4 * d, 4 * d, 4 * d);
        return REBIAS_OK;
    }
    snprintf(layers, SPECIFICATION, "%s", known);
    return REBIAS_OK;
}

/* -- 5. parse -- */

static int check_cost(const struct rebias_architecture *a, struct rebias_error *err)
{
    if (a->parameters == 0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network '%s' has no layer with weights: give the input and at "
                           "least one layer, as in 49,4,4",
                           a->name);
    }
    if (a->parameters > largest_parameters) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu parameters (at most 2^30 are possible)",
                           a->parameters);
    }
    if (a->cost == REBIAS_COST_CROSS_ENTROPY && (a->outputs < 2 || a->outputs > 256)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "cross-entropy needs 2 to 256 outputs, the network has %zu",
                           a->outputs);
    }
    if (!(a->smoothing >= 0.0 && a->smoothing < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "label smoothing must be at least 0 and below 1, not %g",
                           a->smoothing);
    }
    return REBIAS_OK;
}

/* Puts a layer behind the others. */
static void append_layer(struct rebias_architecture *a, const struct rebias_layer *layer)
{
    struct rebias_layer *to = &a->layer[a->layers++];
    *to = *layer;
    to->first = a->parameters;
    to->first_node = a->nodes;
    a->parameters += to->weights + to->biases;
    a->nodes += to->nodes;
    a->outputs = rebias_shape_size(&to->out);
}

static int read_piece(struct rebias_architecture *a, const struct piece *piece,
                      struct rebias_shape *shape, enum rebias_transfer transfer,
                      struct rebias_error *err)
{
    if (piece->number == 0) {
        int status = read_input(piece, shape, err);
        a->inputs = rebias_shape_size(shape);
        return status;
    }
    if (a->layers == REBIAS_MODEL_LAYERS) {
        return refuse(piece, REBIAS_E_RANGE, "at most 32 layers", "is one too many", err);
    }
    struct rebias_layer layer = {.in = *shape, .transfer = transfer};
    int status = read_layer(piece, &layer, err);
    if (status == REBIAS_OK) {
        append_layer(a, &layer);
        *shape = layer.out;
    }
    return status;
}

int rebias_architecture_parse(struct rebias_architecture *architecture, const char *text,
                              enum rebias_transfer hidden, enum rebias_transfer last,
                              enum rebias_cost cost, double smoothing, struct rebias_error *err)
{
    struct rebias_architecture a = {.cost = cost, .smoothing = smoothing};
    char layers[SPECIFICATION];
    if (strlen(text) >= sizeof a.name) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the text of the network has %zu characters (at most %zu)",
                           strlen(text), sizeof a.name - 1);
    }
    snprintf(a.name, sizeof a.name, "%s", text);
    int status = expand_name(text, layers, err);
    struct rebias_shape shape = {0};
    struct piece piece = {.number = 0};
    for (const char *start = layers; start != NULL && status == REBIAS_OK; piece.number++) {
        const char *comma = strchr(start, ',');
        const size_t length = comma != NULL ? (size_t)(comma - start) : strlen(start);
        status = cut_fields(&piece, start, length, err);
        if (status == REBIAS_OK) {
            status = read_piece(&a, &piece, &shape, comma != NULL ? hidden : last, err);
        }
        start = comma != NULL ? comma + 1 : NULL;
    }
    if (status == REBIAS_OK) {
        status = check_cost(&a, err);
    }
    if (status == REBIAS_OK) {
        *architecture = a;
    }
    return status;
}

/* -- 6. draw -- */

enum { DRAWN = 256 };

/* x[n] uniform in (low, high) from the stream's first words. */
static void draw_uniform(const struct rebias_stream *stream, double low, double high, size_t n,
                         float *x)
{
    double u[DRAWN];
    for (size_t first = 0; first < n; first += DRAWN) {
        const size_t m = n - first < DRAWN ? n - first : DRAWN;
        rebias_random_uniform(stream, first, m, u);
        for (size_t i = 0; i < m; i++) {
            x[first + i] = (float)(low + (high - low) * u[i]);
        }
    }
}

static void draw_normal(const struct rebias_stream *stream, double sd, size_t n, float *x)
{
    rebias_random_normal(stream, 0, n, x);
    for (size_t i = 0; i < n; i++) {
        x[i] *= (float)sd;
    }
}

void rebias_architecture_draw(const struct rebias_architecture *architecture,
                              enum rebias_initial initial, double low, double high,
                              uint64_t seed, uint32_t replicate, float *theta)
{
    for (size_t l = 0; l < architecture->layers; l++) {
        const struct rebias_layer *layer = &architecture->layer[l];
        if (layer->kind == REBIAS_POOL) {
            continue;
        }
        const struct rebias_stream stream = {seed, REBIAS_FOR_WEIGHTS, replicate, (uint32_t)l,
                                             0};
        float *weights = theta + layer->first;
        if (initial == REBIAS_INITIAL_UNIFORM) {
            draw_uniform(&stream, low, high, layer->weights + layer->biases, weights);
            continue;
        }
        const double fan_in = (double)(layer->weights / layer->out.channels);
        const size_t taps =
            layer->kind == REBIAS_CONVOLUTION ? layer->kernel * layer->kernel : 1;
        const double fan_out = (double)(layer->out.channels * taps);
        if (initial == REBIAS_INITIAL_GLOROT) {
            const double limit = sqrt(6.0 / (fan_in + fan_out));
            draw_uniform(&stream, -limit, limit, layer->weights, weights);
        } else {
            draw_normal(&stream, sqrt(1.0 / fan_in), layer->weights, weights);
        }
        memset(weights + layer->weights, 0, layer->biases * sizeof *weights);
    }
}
