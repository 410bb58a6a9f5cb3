/* bench.c - rebias-bench: how fast the kernels are on one core.
 * 1. timing   2. results as text   3. results as JSON   4. command line
 */
#include "bench.h"
#include "rebias/base.h"
#include <cblas.h>
#include <getopt.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_REPETITIONS = 100000 };

struct result {
    const struct bench_kernel *kernel;
    double median_ns; /* of one call */
    double min_ns;
    double checksum;
    size_t repetitions;
    double pulses_per_image; /* training kernels on devices */
    double fresh_distance;   /* S; fits, else NaN */
    double fresh_floor;      /* S; what the device itself would reach */
};

/* -- 1. timing -- */

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* One repetition to warm up, whose checksum counts: later ones may go on from a changed state.
 * No further repetition begins after 2 s. */
static void repeat(const struct bench_kernel *kernel, struct bench_setting *setting,
                   size_t repetitions, double *times, struct result *result)
{
    const double budget_ns = 2e9;
    double spent = 0.0;
    size_t n = 0;
    result->checksum = kernel->run(setting, kernel->calls);
    while (n < repetitions && (n == 0 || spent < budget_ns)) {
        const double start = now_ns();
        kernel->run(setting, kernel->calls);
        const double taken = now_ns() - start;
        spent += taken;
        times[n++] = taken / (double)kernel->calls;
    }
    gsl_sort(times, 1, n);
    result->repetitions = n;
    result->median_ns = 0.5 * (times[(n - 1) / 2] + times[n / 2]);
    result->min_ns = times[0];
}

static int measure(const struct bench_kernel *kernel, size_t repetitions, double *times,
                   struct result *result, struct rebias_error *err)
{
    struct bench_setting *setting = NULL;
    *result = (struct result){.kernel = kernel};
    int status = bench_setting_new(&setting, err);
    if (status == REBIAS_OK && kernel->prepare != NULL) {
        status = kernel->prepare(setting, kernel->name, err);
    }
    if (status == REBIAS_OK) {
        repeat(kernel, setting, repetitions, times, result);
        result->pulses_per_image = bench_pulses_per_image(setting);
        result->fresh_distance = bench_fresh_distance(setting);
        result->fresh_floor = bench_fresh_floor(setting);
    }
    bench_setting_free(setting);
    return status;
}

static double rate_of(const struct result *result)
{
    return result->kernel->work / (result->median_ns * 1e-9);
}

static const struct result *find(size_t n, const struct result *results, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(results[i].kernel->name, name) == 0) {
            return &results[i];
        }
    }
    return NULL;
}

/* Training as a fraction of the speed of its largest matrix product alone; NaN when either was
 * not measured. */
static double fraction_of_sgemm(size_t n, const struct result *results, const char *training)
{
    const struct result *train = find(n, results, training);
    const struct result *product = find(n, results, "sgemm-64x784x100");
    return train != NULL && product != NULL
               ? rate_of(train) * bench_flop_per_image() / rate_of(product)
               : NAN;
}

/* How much faster two threads finish equal cells; NaN when either was not measured. The fastest
 * repetitions are compared: those that nothing else on the machine disturbed. */
static double farm_speedup(size_t n, const struct result *results)
{
    const struct result *one = find(n, results, "farm-1-thread");
    const struct result *two = find(n, results, "farm-2-threads");
    return one != NULL && two != NULL ? one->min_ns / two->min_ns : NAN;
}

static const char *const trainings[] = {"train-software-64", "train-pair-64",
                                        "train-single-64"};

static long peak_memory_kB(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

/* -- 2. results as text -- */

static void print_result(const struct result *r)
{
    double rate = rate_of(r);
    const char *prefix = rate >= 1e9 ? "G" : rate >= 1e6 ? "M" : "k";
    double scale = rate >= 1e9 ? 1e9 : rate >= 1e6 ? 1e6 : 1e3;
    printf("%-20s %6zu %14.1f %14.1f %10.4g %s%s/s %*s %.9g\n", r->kernel->name, r->repetitions,
           r->median_ns, r->min_ns, rate / scale, prefix, r->kernel->unit,
           (int)(8 - strlen(r->kernel->unit)), "", r->checksum);
}

static void print_summary(size_t n, const struct result *results)
{
    for (size_t k = 0; k < sizeof trainings / sizeof trainings[0]; k++) {
        double fraction = fraction_of_sgemm(n, results, trainings[k]);
        if (!isnan(fraction)) {
            printf("# %s: products at %.3f of the speed of sgemm-64x784x100\n", trainings[k],
                   fraction);
        }
    }
    for (size_t k = 0; k < n; k++) {
        if (strncmp(results[k].kernel->name, "train", 5) == 0 &&
            results[k].pulses_per_image > 0.0) {
            printf("# %s: %.1f pulses an image\n", results[k].kernel->name,
                   results[k].pulses_per_image);
        }
    }
    for (size_t k = 0; k < n; k++) {
        if (!isnan(results[k].fresh_distance)) {
            printf("# %s: W1 on fresh points %.4f nS, of the device itself %.4f nS\n",
                   results[k].kernel->name, 1e9 * results[k].fresh_distance,
                   1e9 * results[k].fresh_floor);
        }
    }
    if (!isnan(farm_speedup(n, results))) {
        printf("# farm: two threads are %.3f times as fast as one\n", farm_speedup(n, results));
    }
    const struct result *put = find(n, results, "store-put");
    if (put != NULL) {
        printf("# store: putting a cell takes %.3f %% of a cell of one second\n",
               100.0 / rate_of(put));
    }
    printf("# peak resident memory %ld kB\n", peak_memory_kB());
}

/* -- 3. results as JSON -- */

static int write_json(const char *path, size_t n, const struct result *results,
                      size_t repetitions, struct rebias_error *err)
{
    struct rebias_output out;
    int status = rebias_output_open(&out, path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    fprintf(out.stream,
            "{\n  \"version\": \"%s\",\n  \"compiler\": \"%s\",\n  \"repetitions\": %zu,\n",
            rebias_version(), __VERSION__, repetitions);
    fprintf(out.stream, "  \"peak_memory_kB\": %ld,\n  \"kernels\": [", peak_memory_kB());
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &results[i];
        fprintf(out.stream,
                "%s\n    {\"name\": \"%s\", \"repetitions\": %zu, \"median_ns\": %.17g, "
                "\"min_ns\": %.17g, \"rate\": %.17g, \"unit\": \"%s/s\", \"checksum\": %.17g, "
                "\"pulses_per_image\": %.17g",
                i > 0 ? "," : "", r->kernel->name, r->repetitions, r->median_ns, r->min_ns,
                rate_of(r), r->kernel->unit, r->checksum, r->pulses_per_image);
        if (!isnan(r->fresh_distance)) {
            fprintf(out.stream, ", \"fresh_wasserstein1_S\": %.17g, \"fresh_floor_S\": %.17g",
                    r->fresh_distance, r->fresh_floor);
        }
        fputc('}', out.stream);
    }
    fprintf(out.stream, "\n  ],\n  \"fraction_of_sgemm\": {");
    const char *separator = "";
    for (size_t k = 0; k < sizeof trainings / sizeof trainings[0]; k++) {
        double fraction = fraction_of_sgemm(n, results, trainings[k]);
        if (!isnan(fraction)) {
            fprintf(out.stream, "%s\"%s\": %.17g", separator, trainings[k], fraction);
            separator = ", ";
        }
    }
    fputc('}', out.stream);
    if (!isnan(farm_speedup(n, results))) {
        fprintf(out.stream, ",\n  \"farm_speedup\": %.17g", farm_speedup(n, results));
    }
    fprintf(out.stream, "\n}\n");
    return rebias_output_close(&out, err);
}

/* -- 4. command line -- */

struct options {
    const char *json;
    const char *only;
    size_t repetitions;
};

static const char usage[] =
    "Usage: rebias-bench [--json FILE] [--repetitions N] [--only NAME]\n"
    "One line a kernel: name, repetitions, median ns of a call, min ns, rate, checksum.\n"
    "--only takes kernels whose name begins with NAME; N is 21 unless given, fewer for a "
    "kernel\n"
    "that has taken 2 s. METHOD@POINTS are fits of that many points a polarity.\n";

/* Returns 0, or 2 for wrong usage, or 1 when help was asked for. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option rows[] = {{"json", required_argument, NULL, 'j'},
                                         {"repetitions", required_argument, NULL, 'r'},
                                         {"only", required_argument, NULL, 'o'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int64_t number = 0;
    for (int c = 0; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        if (c == 'j') {
            o->json = optarg;
        } else if (c == 'o') {
            o->only = optarg;
        } else if (c == 'r' && rebias_parse_integer(optarg, 1, MAX_REPETITIONS, &number)) {
            o->repetitions = (size_t)number;
        } else if (c == 'r') {
            fprintf(stderr, "rebias-bench: --repetitions %s: a number from 1 to %d is needed\n",
                    optarg, MAX_REPETITIONS);
            return 2;
        } else {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 1 : 2;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    return 0;
}

/* The kernels of one table whose names fit --only, behind the *n results there are. */
static int run_table(const struct options *o, size_t count, const struct bench_kernel *kernels,
                     double *times, size_t *n, struct result *results, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t k = 0; k < count && status == REBIAS_OK; k++) {
        if (o->only == NULL || strncmp(kernels[k].name, o->only, strlen(o->only)) == 0) {
            status = measure(&kernels[k], o->repetitions, times, &results[*n], err);
            if (status == REBIAS_OK) {
                print_result(&results[(*n)++]);
            }
        }
    }
    return status;
}

static int run(const struct options *o, struct rebias_error *err)
{
    struct result *results = NULL;
    double *times = NULL;
    size_t n = 0;
    int status = rebias_alloc(
        &results, bench_kernel_count + bench_fit_count + bench_mgd_count + bench_farm_count,
        sizeof *results, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&times, o->repetitions, sizeof *times, err);
    }
    if (status == REBIAS_OK) {
        status = run_table(o, bench_kernel_count, bench_kernels, times, &n, results, err);
    }
    if (status == REBIAS_OK) {
        status = run_table(o, bench_fit_count, bench_fits, times, &n, results, err);
    }
    if (status == REBIAS_OK) {
        status = run_table(o, bench_mgd_count, bench_mgd, times, &n, results, err);
    }
    if (status == REBIAS_OK) {
        status = run_table(o, bench_farm_count, bench_farm, times, &n, results, err);
    }
    if (status == REBIAS_OK && n == 0) {
        status = rebias_fail(err, REBIAS_E_NAME, "no kernel's name begins with '%s'", o->only);
    }
    if (status == REBIAS_OK) {
        print_summary(n, results);
    }
    if (status == REBIAS_OK && o->json != NULL) {
        status = write_json(o->json, n, results, o->repetitions, err);
    }
    free(results);
    free(times);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {.repetitions = 21};
    int code = parse(argc, argv, &o);
    if (code != 0) {
        return code == 1 ? 0 : code;
    }
    gsl_set_error_handler_off();
    openblas_set_num_threads(1);
    struct rebias_error err = {0};
    if (run(&o, &err) != REBIAS_OK) {
        char text[1024];
        rebias_error_text(&err, text, sizeof text);
        fprintf(stderr, "rebias-bench: %s\n", text);
        return 1;
    }
    return 0;
}
