/* bench.h - what the kernels of rebias-bench share: a setting and a table of kernels. */
#ifndef REBIAS_BENCH_H
#define REBIAS_BENCH_H

#include "rebias/error.h"
#include <stddef.h>
#include <stdint.h>

/* Everything the kernels work on; each kernel gets a fresh one, so that checksums depend on
 * nothing else. */
struct bench_setting;

/* A kernel: run does `calls` times the work of one call and returns a checksum of its result;
 * prepare (may be NULL) comes first, with the kernel's name, and is not measured. */
struct bench_kernel {
    const char *name;
    int (*prepare)(struct bench_setting *setting, const char *name, struct rebias_error *err);
    double (*run)(struct bench_setting *setting, size_t calls);
    size_t calls;     /* a repetition; short kernels are called often */
    double work;      /* of one call, in the unit below */
    const char *unit; /* "word", "pulse", "image", "flop", ... */
};

extern const struct bench_kernel bench_kernels[];
extern const size_t bench_kernel_count;

/* Fits of pulse data (fits.c). */
extern const struct bench_kernel bench_fits[];
extern const size_t bench_fit_count;

/* Perturbed evaluations of multiplexed gradient descent (mgd.c). */
extern const struct bench_kernel bench_mgd[];
extern const size_t bench_mgd_count;

/* Wires and deployments (deploy.c). */
extern const struct bench_kernel bench_deployments[];
extern const size_t bench_deployment_count;

/* What they work on; a setting owns at most one (NULL for other kernels). */
struct bench_deployed;

void bench_setting_take_deployed(struct bench_setting *setting,
                                 struct bench_deployed *deployed);
struct bench_deployed *bench_setting_deployed(const struct bench_setting *setting);
void bench_deployed_free(struct bench_deployed *deployed);
/* Cells of a sweep on threads (farm.c). */
extern const struct bench_kernel bench_farm[];
extern const size_t bench_farm_count;

/* Floating-point operations that training one image of 784-100-10 needs for the forward and the
 * gradient product of both layers, 2 for each weight and product. */
double bench_flop_per_image(void);

/* Pulses given per trained image so far, 0 when none was trained. */
double bench_pulses_per_image(const struct bench_setting *setting);

/* The data of a fit and its table; a setting owns at most one (NULL for other kernels). */
struct bench_fit;

void bench_setting_take_fit(struct bench_setting *setting, struct bench_fit *fit);
struct bench_fit *bench_setting_fit(const struct bench_setting *setting);
void bench_fit_free(struct bench_fit *fit);

/* W1 between jumps drawn from the fitted table and as many of the device, S: mean over 10
 * slices of G, both polarities and 20 fresh sets of 1000 points; NaN when nothing was fitted.
 * floor: the same for jumps drawn from the device itself. */
double bench_fresh_distance(const struct bench_setting *setting);
double bench_fresh_floor(const struct bench_setting *setting);

int bench_setting_new(struct bench_setting **out, struct rebias_error *err);
void bench_setting_free(struct bench_setting *setting);

#endif
