/* deploy.c - how fast wires are solved and networks deployed.
 * 1. wires   2. deployments   3. the table of kernels
 *
 * Crossbar of 784 x 100 random conductances of 133.33 or 233.33 uS, wires of 1 ohm a segment.
 * Deployment: 4-12-6-3, ternary, four copies on 14 kernels of 25 x 25 with 6 % of devices stuck
 * (as on the chip of Yousuf et al. 2025), tuning window +-16.67 uS.
 */
#include "bench.h"
#include "rebias/base.h"
#include "rebias/deploy.h"
#include "rebias/random.h"
#include "rebias/wires.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 784, COLUMNS = 100, DEVICES = ROWS * COLUMNS, VECTORS = 16, SAMPLES = 2000 };

struct bench_deployed {
    struct rebias_wires *wires;
    double *G, *V, *I; /* [DEVICES], [VECTORS][ROWS], [VECTORS][COLUMNS], or [DEVICES] */
    struct rebias_weights_set *networks;
    struct rebias_chip *chip;
    float *x; /* [SAMPLES][4] */
    uint8_t *label;
    uint32_t replicate;
};

void bench_deployed_free(struct bench_deployed *deployed)
{
    if (deployed == NULL) {
        return;
    }
    rebias_wires_free(deployed->wires);
    rebias_weights_set_free(deployed->networks);
    rebias_chip_free(deployed->chip);
    free(deployed->G);
    free(deployed->V);
    free(deployed->I);
    free(deployed->x);
    free(deployed->label);
    free(deployed);
}

static int new_deployed(struct bench_setting *setting, struct bench_deployed **out,
                        struct rebias_error *err)
{
    int status = rebias_alloc(out, 1, sizeof **out, err);
    if (status == REBIAS_OK) {
        bench_setting_take_deployed(setting, *out);
    }
    return status;
}

/* -- 1. wires -- */

static int prepare_wires(struct bench_setting *setting, const char *name,
                         struct rebias_error *err)
{
    const struct rebias_stream stream = {1, REBIAS_FOR_TEST, 0, 0, 0};
    const struct rebias_wires_options options = rebias_wires_options_defaults();
    struct bench_deployed *d = NULL;
    (void)name;
    int status = new_deployed(setting, &d, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->G, DEVICES, sizeof *d->G, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->V, (size_t)VECTORS * ROWS, sizeof *d->V, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->I, DEVICES, sizeof *d->I, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    rebias_random_uniform(&stream, 0, DEVICES, d->G);
    rebias_random_uniform(&stream, DEVICES, (size_t)VECTORS * ROWS, d->V);
    for (size_t i = 0; i < DEVICES; i++) {
        d->G[i] = d->G[i] < 0.5 ? 133.33e-6 : 233.33e-6;
    }
    for (size_t i = 0; i < (size_t)VECTORS * ROWS; i++) {
        d->V[i] *= 0.3;
    }
    return rebias_wires_new(&d->wires, ROWS, COLUMNS, d->G, &options, err);
}

static double total(size_t n, const double *I)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += I[i];
    }
    return sum;
}

static double run_new(struct bench_setting *s, size_t calls)
{
    const struct rebias_wires_options options = rebias_wires_options_defaults();
    struct bench_deployed *d = bench_setting_deployed(s);
    for (size_t k = 0; k < calls; k++) {
        rebias_wires_free(d->wires);
        if (rebias_wires_new(&d->wires, ROWS, COLUMNS, d->G, &options, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return 0.0;
}

static double run_factor(struct bench_setting *s, size_t calls)
{
    struct bench_deployed *d = bench_setting_deployed(s);
    for (size_t k = 0; k < calls; k++) {
        if (rebias_wires_update(d->wires, d->G, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return 0.0;
}

static double solve(struct bench_setting *s, size_t calls, size_t vectors)
{
    struct bench_deployed *d = bench_setting_deployed(s);
    for (size_t k = 0; k < calls; k++) {
        if (rebias_wires_currents(d->wires, vectors, d->V, d->I, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return total(vectors * COLUMNS, d->I);
}

static double run_vector(struct bench_setting *s, size_t calls)
{
    return solve(s, calls, 1);
}

static double run_vectors(struct bench_setting *s, size_t calls)
{
    return solve(s, calls, VECTORS);
}

static double run_effective(struct bench_setting *s, size_t calls)
{
    struct bench_deployed *d = bench_setting_deployed(s);
    for (size_t k = 0; k < calls; k++) {
        if (rebias_wires_effective(d->wires, d->I, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return total(DEVICES, d->I);
}

static double iterate(struct bench_setting *s, size_t calls, size_t vectors)
{
    const struct rebias_wires_options options = rebias_wires_options_defaults();
    struct bench_deployed *d = bench_setting_deployed(s);
    for (size_t k = 0; k < calls; k++) {
        if (rebias_wires_iterate(ROWS, COLUMNS, d->G, &options, vectors, d->V, d->I, NULL,
                                 NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return total(vectors * COLUMNS, d->I);
}

static double run_iterate(struct bench_setting *s, size_t calls)
{
    return iterate(s, calls, 1);
}

static double run_iterate_all(struct bench_setting *s, size_t calls)
{
    return iterate(s, calls, VECTORS);
}

/* -- 2. deployments -- */

static int new_network(struct bench_deployed *d, struct rebias_error *err)
{
    static const size_t sizes[] = {4, 12, 6, 3};
    int status = rebias_weights_set_new(&d->networks, 1, err);
    if (status == REBIAS_OK) {
        status = rebias_weights_init(&d->networks->network[0], 3, sizes, true, err);
    }
    for (size_t l = 0; l < 3 && status == REBIAS_OK; l++) {
        struct rebias_weights_layer *layer = &d->networks->network[0].layer[l];
        const struct rebias_stream stream = {1, REBIAS_FOR_TEST, 0, 1, (uint32_t)l};
        double u[72];
        layer->gamma = 1.0;
        rebias_random_uniform(&stream, 0, layer->inputs * layer->outputs, u);
        for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
            layer->weight[i] = (float)floor(3.0 * u[i]) - 1.0f;
        }
    }
    return status;
}

static int prepare_deployment(struct bench_setting *setting, const char *name,
                              struct rebias_error *err)
{
    const struct rebias_stream stream = {1, REBIAS_FOR_TEST, 0, 2, 0};
    struct rebias_chip_options chip = rebias_chip_options_defaults();
    struct bench_deployed *d = NULL;
    (void)name;
    chip.count = 14;
    chip.stuck_high = 0.03;
    chip.stuck_low = 0.03;
    int status = new_deployed(setting, &d, err);
    if (status == REBIAS_OK) {
        status = new_network(d, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_chip_synthesize(&d->chip, &chip, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->x, (size_t)4 * SAMPLES, sizeof *d->x, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&d->label, SAMPLES, 1, err);
    }
    if (status == REBIAS_OK) {
        rebias_random_normal(&stream, 0, (size_t)4 * SAMPLES, d->x);
    }
    return status;
}

/* Mean accuracy, of all samples being class 0; without samples devices taken. */
static double deploy(struct bench_setting *s, size_t calls, size_t samples)
{
    struct bench_deployed *b = bench_setting_deployed(s);
    struct rebias_deploy_options o = rebias_deploy_options_defaults();
    double sum = 0.0;
    o.write_error = (struct rebias_spread){REBIAS_SPREAD_UNIFORM, 16.67e-6, 0, NULL};
    for (size_t k = 0; k < calls; k++) {
        struct rebias_deployment *d = NULL;
        double accuracy = 0.0;
        o.replicate = b->replicate++;
        int status = rebias_deploy(&d, b->networks, b->chip, &o, NULL);
        if (status == REBIAS_OK && samples > 0) {
            status = rebias_deployment_accuracy(d, samples, b->x, b->label, &accuracy, NULL);
        }
        sum += status == REBIAS_OK && samples == 0 ? (double)rebias_deployment_devices(d)
                                                   : accuracy;
        rebias_deployment_free(d);
        if (status != REBIAS_OK) {
            return NAN;
        }
    }
    return sum / (double)calls;
}

static double run_deploy(struct bench_setting *s, size_t calls)
{
    return deploy(s, calls, 0);
}

static double run_classify(struct bench_setting *s, size_t calls)
{
    return deploy(s, calls, SAMPLES);
}

/* -- 3. the table of kernels -- */

const struct bench_kernel bench_deployments[] = {
    {"wires-new", prepare_wires, run_new, 1, 1, "factor"},
    {"wires-factor", prepare_wires, run_factor, 1, 1, "factor"},
    {"wires-vector", prepare_wires, run_vector, 1, 1, "vector"},
    {"wires-vector-16", prepare_wires, run_vectors, 1, VECTORS, "vector"},
    {"wires-effective", prepare_wires, run_effective, 1, COLUMNS, "vector"},
    {"wires-iterate", prepare_wires, run_iterate, 1, 1, "vector"},
    {"wires-iterate-16", prepare_wires, run_iterate_all, 1, VECTORS, "vector"},
    {"deploy-yinyang", prepare_deployment, run_deploy, 10, 1, "network"},
    {"deploy-yinyang-2000", prepare_deployment, run_classify, 10, 1, "network"},
};
const size_t bench_deployment_count = sizeof bench_deployments / sizeof bench_deployments[0];
