/* deploy_software.c - what the networks can do without devices: the mean of their outputs. */
#include "activation.h"
#include "rebias/deploy.h"
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000 };

/* z[count][outputs] = f(W x + b). */
static void forward_layer(const struct rebias_weights *network, size_t l, size_t count,
                          const float *x, float *z)
{
    const struct rebias_weights_layer *layer = &network->layer[l];
    for (size_t i = 0; i < count * layer->outputs; i++) {
        z[i] = layer->bias != NULL ? layer->bias[i % layer->outputs] : 0.0f;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)layer->outputs,
                (int)layer->inputs, 1.0f, x, (int)layer->inputs, layer->weight,
                (int)layer->inputs, 1.0f, z, (int)layer->outputs);
    if (l + 1 < network->layers && network->hidden != REBIAS_TRANSFER_NONE) {
        rebias_activation_apply((enum rebias_activation)network->hidden, count * layer->outputs,
                                z);
    }
}

/* sum[count][outputs] += outputs of one network; a and b are scratch for two layers. */
static void add_network(const struct rebias_weights *network, size_t count, const float *x,
                        float *a, float *b, float *sum)
{
    const double sd = network->input_sd > 0.0 ? network->input_sd : 1.0;
    for (size_t i = 0; i < count * network->layer[0].inputs; i++) {
        a[i] = (float)(((double)x[i] - network->input_mean) / sd);
    }
    for (size_t l = 0; l < network->layers; l++) {
        forward_layer(network, l, count, a, b);
        float *swap = a;
        a = b;
        b = swap;
    }
    for (size_t i = 0; i < count * network->layer[network->layers - 1].outputs; i++) {
        sum[i] += a[i];
    }
}

static size_t widest(const struct rebias_weights *network)
{
    size_t width = network->layer[0].inputs;
    for (size_t l = 0; l < network->layers; l++) {
        width = network->layer[l].outputs > width ? network->layer[l].outputs : width;
    }
    return width;
}

static size_t count_right(size_t n, size_t classes, const float *sum, const uint8_t *label)
{
    size_t right = 0;
    for (size_t s = 0; s < n; s++) {
        size_t best = 0;
        for (size_t j = 1; j < classes; j++) {
            best = sum[s * classes + j] > sum[s * classes + best] ? j : best;
        }
        right += best == label[s];
    }
    return right;
}

int rebias_deploy_software_accuracy(const struct rebias_weights_set *networks, size_t count,
                                    size_t n, const float *x, const uint8_t *label,
                                    double *accuracy, struct rebias_error *err)
{
    const struct rebias_weights *first = &networks->network[0];
    const size_t classes = first->layer[first->layers - 1].outputs;
    const size_t size = BATCH * widest(first);
    float *scratch = NULL; /* two layers and the sum */
    size_t right = 0;
    if (n == 0 || count < 1 || count > networks->count) {
        return rebias_fail(err, REBIAS_E_DATA, "%zu samples, %zu of %zu networks", n, count,
                           networks->count);
    }
    int status = rebias_alloc(&scratch, 3 * size, sizeof *scratch, err);
    if (status != REBIAS_OK) {
        return status;
    }
    for (size_t at = 0; at < n; at += BATCH) {
        const size_t samples = n - at < BATCH ? n - at : BATCH;
        float *sum = scratch + 2 * size;
        memset(sum, 0, samples * classes * sizeof *sum);
        for (size_t k = 0; k < count; k++) {
            add_network(&networks->network[k], samples, x + at * first->layer[0].inputs,
                        scratch, scratch + size, sum);
        }
        right += count_right(samples, classes, sum, label + at);
    }
    free(scratch);
    *accuracy = (double)right / (double)n;
    return REBIAS_OK;
}
