/* fine_tune_support.h - what the tests of fine-tuning share: a small network on devices, some
 * of them stuck, samples that it knows the answers to, and a device to tune it by.
 */
#ifndef REBIAS_TESTS_FINE_TUNE_SUPPORT_H
#define REBIAS_TESTS_FINE_TUNE_SUPPORT_H

#include "deploy_support.h"

#include "rebias/fine_tune.h"

enum { INPUTS = 7, HIDDEN = 5, CLASSES = 3, SAMPLES = 40, NETWORKS = 2 };
/* Parameters of one network, and the first one of its output layer. */
enum {
    P = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES,
    OUTPUT_LAYER = (INPUTS + 1) * HIDDEN
};

struct fixture {
    struct rebias_weights_set *networks;
    struct rebias_chip *chip; /* NULL: independent devices */
    struct rebias_deploy_options o;
    struct rebias_fine_tune_options t;
    struct rebias_device *device;
    float x[SAMPLES * INPUTS];
    uint8_t label[SAMPLES];
    struct rebias_mgd_data data;
};

static inline void fill(const void *context, size_t n, const uint32_t *index, float *x)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * INPUTS, (const float *)context + (size_t)index[i] * INPUTS,
               INPUTS * sizeof *x);
    }
}

/* The label of a sample is the software network's answer, so that network 0 is right on all. */
static inline void answer(struct fixture *f)
{
    struct rebias_deployment *d = NULL;
    float out[SAMPLES * CLASSES];
    struct rebias_deploy_options clean = f->o;
    clean.stuck.probability = 0.0;
    assert_int_equal(rebias_deploy(&d, f->networks, NULL, &clean, NULL), REBIAS_OK);
    assert_int_equal(rebias_deployment_forward(d, SAMPLES, f->x, out, NULL), REBIAS_OK);
    rebias_deployment_free(d);
    for (size_t s = 0; s < SAMPLES; s++) {
        for (size_t j = 1; j < CLASSES; j++) {
            const float *a = out + s * CLASSES;
            f->label[s] = a[j] > a[f->label[s]] ? (uint8_t)j : f->label[s];
        }
    }
}

/* Two networks with biases, gammas 0.5 and 0.8; two copies without a chip; a device of 2 uS a
 * pulse without noise that ranges far beyond the network's. */
static inline void start(struct fixture *f, double stuck)
{
    static const size_t sizes[] = {INPUTS, HIDDEN, CLASSES};
    const struct rebias_stream stream = {20250205, REBIAS_FOR_TEST, 0, 99, 0};
    *f = (struct fixture){.o = rebias_deploy_options_defaults(),
                          .t = rebias_fine_tune_options_defaults()};
    f->networks = deploy_ternary(NETWORKS, 2, sizes, 0.3);
    deploy_scale(f->networks, NETWORKS, true);
    f->o.placement = REBIAS_PLACE_BLIND;
    f->o.alpha = f->o.beta = 2;
    f->o.batch = SAMPLES;
    f->o.stuck.probability = stuck;
    rebias_random_normal(&stream, 0, SAMPLES * INPUTS, f->x);
    f->device = support_device("ideal:Gmin=0,Gmax=400e-6,levels=200");
    f->t.device = f->device;
    f->t.batch = SAMPLES;
    f->t.schedule = REBIAS_SCHEDULE_CONSTANT;
    answer(f);
    f->data = (struct rebias_mgd_data){
        .n = SAMPLES, .inputs = INPUTS, .fill = fill, .context = f->x, .label = f->label};
}

static inline void end(struct fixture *f)
{
    rebias_weights_set_free(f->networks);
    rebias_device_free(f->device);
    rebias_chip_free(f->chip);
}

static inline void use_device(struct fixture *f, const char *spec)
{
    rebias_device_free(f->device);
    f->device = support_device(spec);
    f->t.device = f->device;
}

static inline struct rebias_deployment *deploy(const struct fixture *f)
{
    struct rebias_deployment *d = NULL;
    struct rebias_error err = {0};
    support_expect(rebias_deploy(&d, f->networks, f->chip, &f->o, &err), REBIAS_OK, &err, NULL);
    return d;
}

static inline struct rebias_fine_tune_result tune(const struct fixture *f,
                                                  struct rebias_deployment *d)
{
    struct rebias_fine_tune_result result = {0};
    struct rebias_error err = {0};
    support_expect(rebias_deployment_fine_tune(d, &f->t, &f->data, &result, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    return result;
}

static inline double gradient_of(const struct fixture *f, struct rebias_deployment *d,
                                 uint32_t number, float *gradient)
{
    double cost = 0.0;
    struct rebias_error err = {0};
    support_expect(rebias_deployment_gradient(d, &f->t, SAMPLES, f->x, f->label, number,
                                              gradient, &cost, &err),
                   REBIAS_OK, &err, NULL);
    return cost;
}

/* All conductances, block behind block; to be given to free(). */
static inline float *copy_conductances(const struct rebias_deployment *d)
{
    const size_t n = rebias_deployment_devices(d);
    float *G = malloc(n * sizeof *G);
    assert_non_null(G);
    memcpy(G, rebias_deployment_conductances(d, 0), n * sizeof *G);
    return G;
}

#endif
