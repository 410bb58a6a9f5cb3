/* deploy.c - networks on defective crossbars: options, checks, life cycle.
 * 1. options   2. checks of options   3. checks of networks   4. arrays   5. life cycle
 */
#include "deploy_internal.h"
#include "place.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

struct rebias_deploy_options rebias_deploy_options_defaults(void)
{
    return (struct rebias_deploy_options){
        .method = REBIAS_DEPLOY_LEA,
        .encoding = REBIAS_ENCODE_SIMPLE,
        .placement = REBIAS_PLACE_GREEDY,
        .candidates = 1000,
        .alpha = 4,
        .beta = 4,
        .G_on = 233.33e-6, /* 70 and 40 uA at 0.3 V on the Daffodil board */
        .G_off = 133.33e-6,
        .levels = 2,
        .read_voltage = 0.3,
        .stuck_only = true,
        .stuck = {.probability = 0.0, .low = 10e-6, .high = 500e-6},
        .readout = {.gain_mean = 1.0},
        .verify = {.window = 16.67e-6, .tries = 3},
        .drift_time = 1.0,
        .batch = 1000,
        .seed = 1,
    };
}

/* -- 2. checks of options -- */

static bool inside(double x, double low, double high)
{
    return x >= low && x <= high; /* false for NaN */
}

static int refuse(const char *what, double value, const char *expected,
                  struct rebias_error *err)
{
    return rebias_fail(err, REBIAS_E_RANGE, "%s is %g (expected %s)", what, value, expected);
}

static int check_copies(const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const bool given = o->method == REBIAS_DEPLOY_LEA;
    if (o->alpha < 1 || o->alpha > REBIAS_MAX_COPIES) {
        return refuse("alpha", (double)o->alpha, "1 to 64 copies", err);
    }
    if (given && (o->beta < 1 || o->beta > o->alpha)) {
        return rebias_fail(err, REBIAS_E_RANGE, "beta is %zu (expected 1 to alpha = %zu)",
                           o->beta, o->alpha);
    }
    if (given && o->encoding != REBIAS_ENCODE_SIMPLE && o->beta != o->alpha) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "encoding rme balances all copies: beta must be alpha = %zu, not "
                           "%zu",
                           o->alpha, o->beta);
    }
    if (!given && o->encoding != REBIAS_ENCODE_SIMPLE) {
        return rebias_fail(err, REBIAS_E_RANGE, "encoding rme is for method lea");
    }
    if (o->placement == REBIAS_PLACE_COVERAGE &&
        (!given || o->encoding != REBIAS_ENCODE_SIMPLE)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "placement coverage is for method lea with the simple encoding");
    }
    return REBIAS_OK;
}

static int check_levels(const struct rebias_deploy_options *o, struct rebias_error *err)
{
    if (!inside(o->G_off, 0.0, 1.0)) {
        return refuse("G_off", o->G_off, "0 to 1 S", err);
    }
    if (!inside(o->G_on, 0.0, 1.0) || !(o->G_on > o->G_off)) {
        return rebias_fail(err, REBIAS_E_RANGE, "G_on is %g S (expected above G_off = %g S)",
                           o->G_on, o->G_off);
    }
    if (o->levels < 2 || o->levels > 65536) {
        return refuse("levels", (double)o->levels, "2 to 65536", err);
    }
    if (!inside(o->read_voltage, 1e-6, 100.0)) {
        return refuse("read voltage", o->read_voltage, "1e-6 to 100 V", err);
    }
    if (!inside(o->stuck.probability, 0.0, 1.0)) {
        return refuse("probability of stuck devices", o->stuck.probability, "0 to 1", err);
    }
    if (!inside(o->stuck.low, 0.0, 1.0) || !inside(o->stuck.high, 0.0, 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "stuck devices at %g and %g S (expected 0 to 1 S)", o->stuck.low,
                           o->stuck.high);
    }
    return REBIAS_OK;
}

static bool valid_spread(const struct rebias_spread *spread)
{
    if (spread->kind == REBIAS_SPREAD_SAMPLES) {
        return spread->count > 0 && spread->samples != NULL;
    }
    return spread->kind == REBIAS_SPREAD_NONE || inside(spread->width, 0.0, 1.0);
}

static bool valid_bits(unsigned bits)
{
    return bits == 0 || (bits >= 2 && bits <= 24);
}

static int check_errors(const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const struct rebias_readout *r = &o->readout;
    if (!valid_spread(&o->write_fixed) || !valid_spread(&o->write_error) ||
        !valid_spread(&o->read_noise)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a write or read error's width must be 0 to 1 S, a list not empty");
    }
    if (!inside(r->gain_mean, 0.0, 100.0) || !inside(r->gain_sd, 0.0, 100.0) ||
        !inside(r->offset_mean, -1.0, 1.0) || !inside(r->offset_sd, 0.0, 1.0) ||
        !inside(r->noise_sd, 0.0, 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "gain %g +- %g, offset %g +- %g A, read-out noise %g A (expected "
                           "gain 0 to 100, currents within 1 A, spreads not negative)",
                           r->gain_mean, r->gain_sd, r->offset_mean, r->offset_sd, r->noise_sd);
    }
    if (!valid_bits(r->dac_bits) || !valid_bits(r->adc_bits)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "converters of %u and %u bits (expected 0, ideal, or 2 to 24)",
                           r->dac_bits, r->adc_bits);
    }
    if (!inside(o->drift_nu, -10.0, 10.0) || !inside(o->drift_nu_sd, 0.0, 10.0) ||
        !inside(o->drift_time, 1.0, 1e18)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "drift exponent %g +- %g after %g (expected -10 to 10, 0 to 10, and "
                           "a time of 1 to 1e18)",
                           o->drift_nu, o->drift_nu_sd, o->drift_time);
    }
    return REBIAS_OK;
}

static int check_wires(const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const bool none = inside(o->row_wire, 0.0, 0.0) && inside(o->column_wire, 0.0, 0.0);
    if (!none && (!inside(o->row_wire, 1e-6, 1e9) || !inside(o->column_wire, 1e-6, 1e9))) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "wires of %g ohm (rows) and %g ohm (columns) a segment (expected "
                           "1e-6 to 1e9 for both, or 0 for both)",
                           o->row_wire, o->column_wire);
    }
    return REBIAS_OK;
}

static int check_run(const struct rebias_deploy_options *o, const struct rebias_chip *chip,
                     struct rebias_error *err)
{
    if (o->batch < 1 || o->batch > 65536) {
        return refuse("batch", (double)o->batch, "1 to 65536 samples a read", err);
    }
    if (o->candidates < 1 || o->candidates > 1000000000) {
        return refuse("candidates", (double)o->candidates, "1 to 1e9 places", err);
    }
    if (o->replicate >= 1u << 24) {
        return refuse("replicate", (double)o->replicate, "below 2^24", err);
    }
    if (chip == NULL && o->placement != REBIAS_PLACE_BLIND) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "without a chip there is nothing to choose: placement must be "
                           "blind");
    }
    if (chip != NULL && (chip->count < 1 || chip->count > 65535 || chip->columns > 65536)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a chip of %zu kernels with %zu columns (expected 1 to 65535, at "
                           "most 65536)",
                           chip->count, chip->columns);
    }
    return REBIAS_OK;
}

/* -- 3. checks of networks -- */

static int check_layer(const struct rebias_weights_layer *layer, size_t network, size_t number,
                       const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const size_t steps = layer->steps > 1 ? layer->steps : 1;
    if (!(layer->gamma > 0.0)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "weights of layer %zu of network %zu are not quantised: two-level "
                           "devices hold ternary weights (`rebias network quantise`)",
                           number, network);
    }
    if ((o->levels - 1) % steps != 0) {
        return rebias_fail(
            err, REBIAS_E_DATA,
            "weights of layer %zu of network %zu have %zu steps from 0 to gamma: "
            "devices of %zu levels cannot hold them (%zu levels can)",
            number, network, steps, o->levels, steps + 1);
    }
    for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
        if (!(fabs((double)layer->weight[i]) <= layer->gamma * (1.0 + 1e-5))) {
            return rebias_fail(
                err, REBIAS_E_DATA,
                "weight %zu of layer %zu of network %zu is %g: beyond gamma = %g", i, number,
                network, (double)layer->weight[i], layer->gamma);
        }
    }
    return REBIAS_OK;
}

static int check_networks(const struct rebias_weights_set *networks,
                          const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const size_t used = o->method == REBIAS_DEPLOY_CM ? o->alpha : 1;
    if (networks->count < used) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "a committee of %zu needs as many trained networks, there %s %zu",
                           used, networks->count == 1 ? "is" : "are", networks->count);
    }
    int status = REBIAS_OK;
    for (size_t k = 0; k < used; k++) {
        const struct rebias_weights *network = &networks->network[k];
        for (size_t l = 0; l < network->layers && status == REBIAS_OK; l++) {
            status = check_layer(&network->layer[l], k, l, o, err);
        }
    }
    return status;
}

/* -- 4. arrays -- */

static void start_layers(struct rebias_deployment *d)
{
    const struct rebias_weights *network = &d->networks->network[0];
    size_t tiles = 0;
    d->layers = network->layers;
    for (size_t l = 0; l < d->layers; l++) {
        struct rebias_deployed_layer *layer = &d->layer[l];
        layer->m = network->layer[l].inputs;
        layer->n = network->layer[l].outputs;
        layer->tiling = rebias_tiling_for(layer->m, layer->n, d->chip);
        layer->first_tile = tiles;
        tiles += rebias_tiling_count(&layer->tiling);
        layer->first_neuron = d->neurons;
        d->neurons += layer->n;
    }
}

/* The matrices that the blocks, in their order, make up. */
static void number_matrices(struct rebias_deployment *d)
{
    for (size_t b = 0; b < d->block_count; b++) {
        const struct rebias_block *block = &d->blocks[b];
        const struct rebias_block *before = &d->blocks[b > 0 ? b - 1 : 0];
        struct rebias_deployed_layer *layer = &d->layer[block->layer];
        if (b == 0 || block->layer != before->layer || block->copy != before->copy ||
            block->sign != before->sign) {
            const size_t matrix = d->matrix_count++;
            layer->matrix[block->sign][layer->copies[block->sign]++] = matrix;
            d->first_block[matrix] = b;
            d->first[matrix + 1] = d->first[matrix] + layer->m * layer->n;
            d->first_row[matrix + 1] = d->first_row[matrix] + layer->tiling.across * layer->n;
        }
        d->first_block[d->matrix_count] = b + 1;
        d->tile_copies[2 * (layer->first_tile + block->tile) + block->sign]++;
    }
}

static size_t largest_matrix(const struct rebias_deployment *d)
{
    size_t largest = 0;
    for (size_t l = 0; l < d->layers; l++) {
        const size_t size = d->layer[l].m * d->layer[l].n;
        largest = size > largest ? size : largest;
    }
    return largest;
}

static size_t widest_layer(const struct rebias_deployment *d)
{
    size_t widest = d->layer[0].m;
    for (size_t l = 0; l < d->layers; l++) {
        widest = d->layer[l].n > widest ? d->layer[l].n : widest;
    }
    return widest;
}

/* The numbers of matrices; each has a block at least. */
static int number_all(struct rebias_deployment *d, struct rebias_error *err)
{
    start_layers(d);
    const struct rebias_deployed_layer *last = &d->layer[d->layers - 1];
    const size_t tiles = last->first_tile + rebias_tiling_count(&last->tiling);
    int status = rebias_alloc(&d->first, d->block_count + 1, sizeof *d->first, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->first_row, d->block_count + 1, sizeof *d->first_row, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->first_block, d->block_count + 1, sizeof *d->first_block, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->tile_copies, 2 * tiles, sizeof *d->tile_copies, err);
    }
    if (status == REBIAS_OK) {
        number_matrices(d);
    }
    return status;
}

static int allocate(struct rebias_deployment *d, struct rebias_error *err)
{
    int status = REBIAS_OK;
    const size_t devices = d->first[d->matrix_count];
    const size_t rows = d->first_row[d->matrix_count];
    const size_t values = d->options.batch * widest_layer(d);
    const size_t networks = d->options.method == REBIAS_DEPLOY_CM ? d->options.alpha : 1;
    const struct {
        void *out;
        size_t count, size;
    } arrays[] = {
        {&d->G, devices, sizeof *d->G},
        {&d->stuck, devices, sizeof *d->stuck},
        {&d->share, rows, sizeof *d->share},
        {&d->gain, rows, sizeof *d->gain},
        {&d->offset, rows, sizeof *d->offset},
        {&d->bias, networks * d->neurons, sizeof *d->bias},
        {&d->read, largest_matrix(d), sizeof *d->read},
        {&d->effective, largest_matrix(d), sizeof *d->effective},
        {&d->activation[0], values, sizeof *d->activation[0]},
        {&d->activation[1], values, sizeof *d->activation[1]},
        {&d->current, values, sizeof *d->current},
        {&d->outputs, values, sizeof *d->outputs},
        {&d->offsets, widest_layer(d), sizeof *d->offsets},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].out, arrays[i].count, arrays[i].size, err);
    }
    if (status == REBIAS_OK && d->options.row_wire > 0.0) {
        status = rebias_block_wires_new(&d->wires, d, largest_matrix(d), err);
    }
    return status;
}

static void copy_biases(struct rebias_deployment *d)
{
    const size_t networks = d->options.method == REBIAS_DEPLOY_CM ? d->options.alpha : 1;
    for (size_t q = 0; q < networks; q++) {
        for (size_t l = 0; l < d->layers; l++) {
            const struct rebias_weights_layer *layer = &d->networks->network[q].layer[l];
            if (layer->bias != NULL) {
                memcpy(d->bias + q * d->neurons + d->layer[l].first_neuron, layer->bias,
                       layer->outputs * sizeof *d->bias);
            }
        }
    }
}

/* Gain and offset of the kernel rows under a block: words first_row ... of the kernel's
 * streams. */
static void draw_rows(struct rebias_deployment *d, size_t matrix, size_t b)
{
    const struct rebias_block *block = &d->blocks[b];
    const struct rebias_readout *readout = &d->options.readout;
    const size_t row = rebias_deployment_row(d, matrix, block);
    for (uint32_t part = 0; part < 2; part++) {
        const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_READOUT,
                                             d->options.replicate, block->kernel, part};
        double *out = (part == 0 ? d->gain : d->offset) + row;
        const double mean = part == 0 ? readout->gain_mean : readout->offset_mean;
        const double sd = part == 0 ? readout->gain_sd : readout->offset_sd;
        for (size_t r = 0; r < rebias_deployment_tile(d, b).outputs; r++) {
            float z = 0.0f;
            rebias_random_normal(&stream, block->row + r, 1, &z);
            out[r] = mean + sd * (double)z;
        }
    }
}

/* -- 5. life cycle -- */

static int build(struct rebias_deployment *d, struct rebias_error *err)
{
    int status =
        rebias_place(&d->blocks, &d->block_count, d->networks, d->chip, &d->options, err);
    d->options.given = NULL; /* the caller's, only now in use */
    if (status == REBIAS_OK) {
        status = number_all(d, err);
    }
    if (status == REBIAS_OK) {
        status = allocate(d, err);
    }
    for (size_t k = 0; k < d->matrix_count && status == REBIAS_OK; k++) {
        for (size_t b = d->first_block[k]; b < d->first_block[k + 1]; b++) {
            draw_rows(d, k, b);
        }
    }
    if (status == REBIAS_OK) {
        copy_biases(d);
    }
    return status == REBIAS_OK ? rebias_deployment_write(d, err) : status;
}

int rebias_deploy(struct rebias_deployment **out, const struct rebias_weights_set *networks,
                  const struct rebias_chip *chip, const struct rebias_deploy_options *options,
                  struct rebias_error *err)
{
    struct rebias_deployment *d = NULL;
    *out = NULL;
    int status = check_copies(options, err);
    if (status == REBIAS_OK) {
        status = check_levels(options, err);
    }
    if (status == REBIAS_OK) {
        status = check_errors(options, err);
    }
    if (status == REBIAS_OK) {
        status = check_wires(options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_deploy_verify_check(options, err);
    }
    if (status == REBIAS_OK) {
        status = check_run(options, chip, err);
    }
    if (status == REBIAS_OK) {
        status = check_networks(networks, options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d, 1, sizeof *d, err);
    }
    if (status == REBIAS_OK) {
        d->options = *options;
        d->networks = networks;
        d->chip = chip;
        status = build(d, err);
    }
    if (status == REBIAS_OK) {
        *out = d;
    } else {
        rebias_deployment_free(d);
    }
    return status;
}

void rebias_deployment_free(struct rebias_deployment *deployment)
{
    if (deployment == NULL) {
        return;
    }
    struct rebias_deployment *d = deployment;
    void *const arrays[] = {
        d->blocks,  d->first_block, d->tile_copies,   d->first,         d->first_row,
        d->G,       d->stuck,       d->share,         d->gain,          d->offset,
        d->read,    d->effective,   d->activation[0], d->activation[1], d->current,
        d->outputs, d->offsets,     d->bias};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    rebias_block_wires_free(d->wires);
    free(d);
}

const struct rebias_block *rebias_deployment_blocks(const struct rebias_deployment *deployment,
                                                    size_t *count)
{
    *count = deployment->block_count;
    return deployment->blocks;
}

struct rebias_tile rebias_deployment_tile(const struct rebias_deployment *deployment,
                                          size_t block)
{
    const struct rebias_block *b = &deployment->blocks[block];
    return rebias_tiling_tile(&deployment->layer[b->layer].tiling, b->tile);
}

size_t rebias_deployment_row(const struct rebias_deployment *deployment, size_t matrix,
                             const struct rebias_block *block)
{
    const struct rebias_deployed_layer *layer = &deployment->layer[block->layer];
    return deployment->first_row[matrix] + block->tile % layer->tiling.across * layer->n +
           rebias_tiling_tile(&layer->tiling, block->tile).output;
}

const float *rebias_deployment_conductances(const struct rebias_deployment *deployment,
                                            size_t block)
{
    const struct rebias_block *b = &deployment->blocks[block];
    const struct rebias_tile tile = rebias_deployment_tile(deployment, block);
    const struct rebias_deployed_layer *layer = &deployment->layer[b->layer];
    const size_t matrix = layer->matrix[b->sign][b->copy];
    return deployment->G + deployment->first[matrix] + tile.output * layer->m + tile.input;
}

size_t rebias_deployment_devices(const struct rebias_deployment *deployment)
{
    size_t devices = 0;
    for (size_t b = 0; b < deployment->block_count; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(deployment, b);
        devices += tile.inputs * tile.outputs;
    }
    return devices;
}

const struct rebias_weights *rebias_deployment_network(
    const struct rebias_deployment *deployment, size_t copy)
{
    const bool own = deployment->options.method == REBIAS_DEPLOY_CM;
    return &deployment->networks->network[own ? copy : 0];
}

uint32_t rebias_deployment_column(const struct rebias_block *block, size_t column)
{
    return block->kernel << 16 | (uint32_t)(block->column + column);
}
