/* deploy_verify.c - writing networks by pulses and reads of a device model.
 * 1. checks   2. one kernel   3. all kernels
 *
 * A kernel is one array of devices, so that a device keeps what is its own (its parameters)
 * wherever a block lies; devices under no block are left alone.
 */
#include "deploy_internal.h"
#include "rebias/devmodel.h"
#include "rebias/random.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. checks -- */

int rebias_deploy_verify_check(const struct rebias_deploy_options *o, struct rebias_error *err)
{
    const struct rebias_device *device = o->verify.device;
    const double rounding = 1e-9 * o->G_on;
    if (device == NULL) {
        return REBIAS_OK;
    }
    if (o->write_error.kind != REBIAS_SPREAD_NONE ||
        o->write_fixed.kind != REBIAS_SPREAD_NONE) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "devices are programmed by pulses: there is no other error of "
                           "writing");
    }
    if (!(o->verify.window >= 0.0 && o->verify.window <= 1.0) || o->verify.tries > 100000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a window of +- %g S within %u tries is not possible (0 to 1 S, up "
                           "to 100000)",
                           o->verify.window, o->verify.tries);
    }
    if (o->verify.window > 0.5 * (o->G_on - o->G_off)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a window of +- %g S does not tell %g from %g S (expected at most "
                           "half their distance)",
                           o->verify.window, o->G_off, o->G_on);
    }
    if (device->Gmin > o->G_off + rounding || device->Gmax < o->G_on - rounding) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "device %s reaches %g to %g S, the weights need %g to %g S: take "
                           "another G_off and G_on, or a device such as "
                           "ideal:Gmin=%g,Gmax=%g,levels=50",
                           device->name, device->Gmin, device->Gmax, o->G_off, o->G_on,
                           o->G_off, o->G_on);
    }
    return REBIAS_OK;
}

/* -- 2. one kernel -- */

/* A block of a matrix, by kernel. */
struct site {
    uint32_t kernel;
    size_t matrix, block;
};

struct programming {
    struct rebias_deployment *deployment;
    const float *start;            /* S, of all devices, as gathered from the chip */
    struct site *site;             /* [blocks] */
    size_t columns, rows, devices; /* of the kernel in hand */
    float *target, *G; /* [devices of the largest kernel], device (c, r) at c * rows + r */
    uint8_t *fault;
};

/* Number of a block's weight (input i, output j) in the kernel and in the deployment's arrays.
 */
static size_t kernel_device(const struct programming *p, const struct site *site, size_t i,
                            size_t j)
{
    const struct rebias_block *block = &p->deployment->blocks[site->block];
    const bool chip = p->deployment->chip != NULL; /* else the kernel is the block */
    return ((chip ? block->column : 0) + i) * p->rows + (chip ? block->row : 0) + j;
}

static size_t matrix_device(const struct programming *p, const struct site *site, size_t i,
                            size_t j)
{
    const struct rebias_deployment *d = p->deployment;
    const struct rebias_tile tile = rebias_deployment_tile(d, site->block);
    return d->first[site->matrix] +
           (tile.output + j) * d->layer[d->blocks[site->block].layer].m + tile.input + i;
}

/* Targets of a block's working devices, and where they start: what the chip's map says, within
 * the model's range; without a chip G_off. */
static void set_targets(struct programming *p, const struct site *site)
{
    const struct rebias_deployment *d = p->deployment;
    const struct rebias_device *device = d->options.verify.device;
    const struct rebias_tile tile = rebias_deployment_tile(d, site->block);
    const float low = (float)device->Gmin;
    const float high = (float)device->Gmax;
    for (size_t j = 0; j < tile.outputs; j++) {
        for (size_t i = 0; i < tile.inputs; i++) {
            const size_t from = matrix_device(p, site, i, j);
            const size_t to = kernel_device(p, site, i, j);
            const float G = d->chip != NULL ? p->start[from] : (float)d->options.G_off;
            p->fault[to] = d->stuck[from] ? REBIAS_STUCK_LOW : REBIAS_WORKING;
            p->target[to] = d->G[from];
            p->G[to] = G < low ? low : G > high ? high : G;
        }
    }
}

static void take_results(const struct programming *p, const struct site *site)
{
    struct rebias_deployment *d = p->deployment;
    const struct rebias_tile tile = rebias_deployment_tile(d, site->block);
    for (size_t j = 0; j < tile.outputs; j++) {
        for (size_t i = 0; i < tile.inputs; i++) {
            d->G[matrix_device(p, site, i, j)] = p->G[kernel_device(p, site, i, j)];
        }
    }
}

static void add_result(struct rebias_verify_result *sum, const struct rebias_verify_result *one)
{
    sum->wanted += one->wanted;
    sum->reached += one->reached;
    sum->pulses += one->pulses;
    sum->tries = one->tries > sum->tries ? one->tries : sum->tries;
}

/* Pulses on the devices of one kernel. */
static int program_kernel(struct programming *p, uint32_t kernel, struct rebias_error *err)
{
    /* reads of programming, apart from those of blocks */
    static const uint32_t programmed = UINT32_C(1) << 31;
    struct rebias_deployment *d = p->deployment;
    const struct rebias_deploy_options *o = &d->options;
    const struct rebias_stream spread = {o->seed, REBIAS_FOR_SPREAD,
                                         d->chip != NULL ? 0 : o->replicate, kernel, 0};
    struct rebias_verify_options options = rebias_verify_options_defaults();
    struct rebias_verify_result result;
    struct rebias_devices *devices = NULL;
    options.below = options.above = o->verify.window;
    options.tries = o->verify.tries;
    options.pulse_size = rebias_device_pulse_size(o->verify.device);
    options.pulse_cap = 30000;
    options.read_noise = o->read_noise;
    options.seed = o->seed;
    options.replicate = o->replicate;
    options.entity = programmed | kernel;
    int status = rebias_devices_new(&devices, o->verify.device, p->devices, &spread, err);
    if (status == REBIAS_OK) {
        status = rebias_write_verify(devices, p->devices, p->fault, p->target, p->G, &options,
                                     &result, err);
    }
    if (status == REBIAS_OK) {
        add_result(&d->verified, &result);
    }
    rebias_devices_free(devices);
    return status;
}

/* -- 3. all kernels -- */

static int compare_sites(const void *left, const void *right)
{
    const struct site *a = left;
    const struct site *b = right;
    if (a->kernel != b->kernel) {
        return a->kernel < b->kernel ? -1 : 1;
    }
    return a->block < b->block ? -1 : a->block > b->block;
}

static void list_sites(struct programming *p)
{
    const struct rebias_deployment *d = p->deployment;
    for (size_t k = 0; k < d->matrix_count; k++) {
        for (size_t b = d->first_block[k]; b < d->first_block[k + 1]; b++) {
            p->site[b] = (struct site){d->blocks[b].kernel, k, b};
        }
    }
    qsort(p->site, d->block_count, sizeof *p->site, compare_sites);
}

/* Sites first .. last - 1 are all of one kernel. */
static int program_sites(struct programming *p, size_t first, size_t last,
                         struct rebias_error *err)
{
    const struct rebias_deployment *d = p->deployment;
    const struct rebias_tile tile = rebias_deployment_tile(d, p->site[first].block);
    p->columns = d->chip != NULL ? d->chip->columns : tile.inputs;
    p->rows = d->chip != NULL ? d->chip->rows : tile.outputs;
    p->devices = p->columns * p->rows;
    memset(p->fault, REBIAS_STUCK_LOW, p->devices);
    memset(p->target, 0, p->devices * sizeof *p->target);
    memset(p->G, 0, p->devices * sizeof *p->G);
    for (size_t s = first; s < last; s++) {
        set_targets(p, &p->site[s]);
    }
    int status = program_kernel(p, p->site[first].kernel, err);
    for (size_t s = first; s < last && status == REBIAS_OK; s++) {
        take_results(p, &p->site[s]);
    }
    return status;
}

int rebias_deployment_program(struct rebias_deployment *deployment, const float *start,
                              size_t largest, struct rebias_error *err)
{
    struct programming p = {.deployment = deployment, .start = start};
    int status = rebias_alloc(&p.site, deployment->block_count, sizeof *p.site, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&p.target, largest, sizeof *p.target, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&p.G, largest, sizeof *p.G, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&p.fault, largest, sizeof *p.fault, err);
    }
    if (status != REBIAS_OK) {
        goto done;
    }
    list_sites(&p);
    for (size_t first = 0; first < deployment->block_count && status == REBIAS_OK;) {
        size_t last = first + 1;
        while (last < deployment->block_count && p.site[last].kernel == p.site[first].kernel) {
            last++;
        }
        status = program_sites(&p, first, last, err);
        first = last;
    }
done:
    free(p.site);
    free(p.target);
    free(p.G);
    free(p.fault);
    return status;
}

const struct rebias_verify_result *rebias_deployment_verified(
    const struct rebias_deployment *deployment)
{
    return deployment->options.verify.device != NULL ? &deployment->verified : NULL;
}
