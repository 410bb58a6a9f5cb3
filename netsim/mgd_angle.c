/* mgd_angle.c - the angle between the MGD estimate and the true gradient, against integration
 * time.
 * 1. options   2. one trial   3. summaries   4. the measurement
 */
#include "mgd_run.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64, GRADIENT_EVALUATIONS = 3 /* forward, and twice that back */ };

struct measurement {
    const struct rebias_architecture *architecture;
    const struct rebias_mgd_data *data;
    const struct rebias_mgd_options *options;
    const struct rebias_mgd_angle_options *angle;
    struct rebias_mgd_angles *angles;
    struct mgd_times times;
    double *cosine;    /* [trials][count] */
    uint64_t *reached; /* [trials]: first T at the threshold, 0 = not */
    rebias_progress *progress;
    void *progress_context;
    size_t done;  /* steps of all trials; this and the next in the critical section */
    bool stopped; /* the caller wants no more */
};

/* What one trial works with. */
struct trial {
    struct rebias_mgd_options options; /* with the trial's replicate */
    struct mgd_parameters parameters;
    struct mgd_worker *worker;
    float *gradient; /* [P] true */
    float *part;     /* [P] estimate of a piece */
    double *sum;     /* [P] */
    uint64_t untold; /* steps since progress was told */
    double work;     /* multiplications since then */
};

/* -- 1. options -- */

static int check_angle_options(const struct rebias_mgd_angle_options *o,
                               struct rebias_error *err)
{
    if (o->steps < 1 || o->steps > UINT32_MAX) {
        return rebias_fail(err, REBIAS_E_RANGE, "%llu steps are not possible (1 to 4294967295)",
                           (unsigned long long)o->steps);
    }
    if (o->trials < 1 || o->trials > 1000000) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu trials are not possible (1 to 1000000)",
                           o->trials);
    }
    if (o->points < 2 || o->points > 10000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu integration times are not possible (2 to 10000)", o->points);
    }
    if (!(o->threshold >= 0.0 && o->threshold < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the cosine %g to be reached is not in [0, 1)",
                           o->threshold);
    }
    return REBIAS_OK;
}

/* Geometric from 1 to steps, rounded, each once. */
static size_t space_times(const struct rebias_mgd_angle_options *o, uint64_t *T)
{
    size_t count = 0;
    for (size_t k = 0; k < o->points; k++) {
        double exponent = (double)k / (double)(o->points - 1);
        uint64_t t = (uint64_t)llround(pow((double)o->steps, exponent));
        if (count == 0 || t > T[count - 1]) {
            T[count++] = t;
        }
    }
    return count;
}

/* -- 2. one trial -- */

static void clear_trial(struct trial *trial)
{
    rebias_mgd_parameters_clear(&trial->parameters);
    rebias_mgd_worker_free(trial->worker);
    free(trial->gradient);
    free(trial->part);
    free(trial->sum);
}

static int new_trial(const struct measurement *m, uint32_t number, struct trial *trial,
                     struct rebias_error *err)
{
    const size_t P = m->architecture->parameters;
    trial->options = *m->options;
    trial->options.replicate += number;
    int status =
        rebias_mgd_parameters_new(&trial->parameters, m->architecture, &trial->options, err);
    if (status == REBIAS_OK) {
        status = rebias_mgd_worker_new(&trial->worker, m->architecture, m->data,
                                       &trial->options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&trial->gradient, P, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&trial->part, P, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&trial->sum, P, sizeof(double), err);
    }
    return status;
}

/* Tells progress of what has been done since, and asks whether to go on. */
static int tell(struct measurement *m, struct trial *trial, struct rebias_error *err)
{
    const size_t all = m->angle->trials * (size_t)m->angle->steps;
    size_t done = 0;
    bool stopped = false;
    if (m->progress == NULL) {
        return REBIAS_OK;
    }
#pragma omp critical(rebias_mgd_angle)
    {
        m->done += trial->untold;
        m->stopped = m->stopped || m->progress(m->progress_context, m->done, all) != 0;
        stopped = m->stopped;
        done = m->done;
    }
    trial->untold = 0;
    trial->work = 0.0;
    return stopped ? rebias_fail(err, REBIAS_E_INTERRUPTED,
                                 "interrupted after %zu of %zu steps", done, all)
                   : REBIAS_OK;
}

/* The same, not more often than work makes worth while. */
static int tell_if_due(struct measurement *m, struct trial *trial, uint64_t steps,
                       uint64_t evaluations, struct rebias_error *err)
{
    const double enough = 1e7; /* multiplications: some milliseconds */
    trial->untold += steps;
    trial->work +=
        (double)evaluations * (double)m->options->batch * (double)m->architecture->parameters;
    return trial->work < enough ? REBIAS_OK : tell(m, trial, err);
}

/* Gradient of the mean cost over what the trial sees: the batch that is held, or all data. */
static int true_gradient(struct measurement *m, struct trial *trial, struct rebias_error *err)
{
    const size_t P = m->architecture->parameters;
    const bool held = m->times.x >= m->angle->steps;
    const uint64_t batches = held ? 1 : m->data->n / m->options->batch;
    int status = REBIAS_OK;
    for (uint64_t b = 0; b < batches && status == REBIAS_OK; b++) {
        rebias_mgd_worker_gradient(trial->worker, &trial->parameters, b, trial->part);
        for (size_t i = 0; i < P; i++) {
            trial->sum[i] += (double)trial->part[i] / (double)batches;
        }
        status = tell_if_due(m, trial, 0, GRADIENT_EVALUATIONS, err);
    }
    for (size_t i = 0; i < P; i++) {
        trial->gradient[i] = (float)trial->sum[i];
        trial->sum[i] = 0.0;
    }
    return status;
}

static double cosine_of(size_t n, const double *estimate, const float *gradient)
{
    double product = 0.0;
    double a = 0.0;
    double b = 0.0;
    for (size_t i = 0; i < n; i++) {
        product += estimate[i] * (double)gradient[i];
        a += estimate[i] * estimate[i];
        b += (double)gradient[i] * (double)gradient[i];
    }
    return a > 0.0 && b > 0.0 ? product / sqrt(a * b) : 0.0;
}

/* Adds the estimate of steps from .. to - 1 to the trial's sum. */
static int integrate(struct measurement *m, struct trial *trial, uint64_t from, uint64_t to,
                     struct rebias_error *err)
{
    const size_t P = m->architecture->parameters;
    struct mgd_segment segment[PIECE];
    int status = REBIAS_OK;
    while (from < to && status == REBIAS_OK) {
        struct mgd_sums sums = {0};
        const uint64_t first = from;
        size_t count = rebias_mgd_segments(&m->times, from, to, PIECE, segment, &from);
        memset(trial->part, 0, P * sizeof(float));
        status = rebias_mgd_worker_run(trial->worker, &trial->parameters, count, segment,
                                       trial->part, &sums, err);
        for (size_t i = 0; i < P; i++) {
            trial->sum[i] += (double)trial->part[i];
        }
        if (status == REBIAS_OK) {
            status = tell_if_due(m, trial, from - first, sums.evaluations, err);
        }
    }
    return status;
}

static int run_trial(void *context, size_t item, struct rebias_error *err)
{
    struct measurement *m = context;
    struct trial trial = {0};
    const size_t count = m->angles->count;
    int status = new_trial(m, (uint32_t)item, &trial, err);
    if (status == REBIAS_OK) {
        status = true_gradient(m, &trial, err);
    }
    uint64_t step = 0;
    for (size_t k = 0; k < count && status == REBIAS_OK; k++) {
        status = integrate(m, &trial, step, m->angles->T[k], err);
        step = m->angles->T[k];
        double c = cosine_of(m->architecture->parameters, trial.sum, trial.gradient);
        m->cosine[item * count + k] = c;
        if (m->angle->threshold > 0.0 && c >= m->angle->threshold && m->reached[item] == 0) {
            m->reached[item] = step;
        }
    }
    if (status == REBIAS_OK) {
        status = tell(m, &trial, err);
    }
    clear_trial(&trial);
    return status;
}

/* -- 3. summaries -- */

static void summarise(struct measurement *m)
{
    struct rebias_mgd_angles *angles = m->angles;
    const size_t trials = m->angle->trials;
    double sum = 0.0;
    double square = 0.0;
    size_t reached = 0;
    for (size_t k = 0; k < angles->count; k++) {
        double mean = 0.0;
        double spread = 0.0;
        for (size_t t = 0; t < trials; t++) {
            mean += m->cosine[t * angles->count + k] / (double)trials;
        }
        for (size_t t = 0; t < trials; t++) {
            double d = m->cosine[t * angles->count + k] - mean;
            spread += d * d;
        }
        angles->cosine[k] = mean;
        angles->cosine_sd[k] = trials > 1 ? sqrt(spread / (double)(trials - 1)) : 0.0;
        angles->angle[k] = acos(fmin(fmax(mean, -1.0), 1.0)) * 180.0 / M_PI;
    }
    for (size_t t = 0; t < trials; t++) {
        sum += (double)m->reached[t];
        square += (double)m->reached[t] * (double)m->reached[t];
        reached += m->reached[t] > 0;
    }
    const double n = (double)trials;
    bool all = reached == trials && m->angle->threshold > 0.0;
    angles->reached_mean = all ? sum / n : NAN;
    angles->reached_sd =
        all && trials > 1 ? sqrt(fmax(square - sum * sum / n, 0.0) / (n - 1.0)) : NAN;
}

/* -- 4. the measurement -- */

void rebias_mgd_angles_free(struct rebias_mgd_angles *angles)
{
    if (angles != NULL) {
        free(angles->T);
        free(angles->cosine);
        free(angles->cosine_sd);
        free(angles->angle);
        free(angles);
    }
}

static int new_angles(struct rebias_mgd_angles **out,
                      const struct rebias_mgd_angle_options *options, struct rebias_error *err)
{
    struct rebias_mgd_angles *angles = NULL;
    int status = rebias_alloc(&angles, 1, sizeof *angles, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&angles->T, options->points, sizeof(uint64_t), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&angles->cosine, options->points, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&angles->cosine_sd, options->points, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&angles->angle, options->points, sizeof(double), err);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_angles_free(angles);
        return status;
    }
    angles->count = space_times(options, angles->T);
    *out = angles;
    return REBIAS_OK;
}

static int measure(struct measurement *m, struct rebias_error *err)
{
    int status =
        rebias_alloc(&m->cosine, m->angle->trials * m->angles->count, sizeof *m->cosine, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&m->reached, m->angle->trials, sizeof *m->reached, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_parallel_for(m->angle->trials, m->options->threads, run_trial, m, NULL,
                                     NULL, err); /* trials tell of their steps */
    }
    if (status == REBIAS_OK) {
        summarise(m);
    }
    free(m->cosine);
    free(m->reached);
    return status;
}

int rebias_mgd_measure_angles(struct rebias_mgd_angles **out,
                              const struct rebias_architecture *architecture,
                              const struct rebias_mgd_data *data,
                              const struct rebias_mgd_options *options,
                              const struct rebias_mgd_angle_options *angle_options,
                              rebias_progress *progress, void *progress_context,
                              struct rebias_error *err)
{
    struct measurement m = {.architecture = architecture,
                            .data = data,
                            .options = options,
                            .angle = angle_options,
                            .progress = progress,
                            .progress_context = progress_context};
    *out = NULL;
    int status = rebias_mgd_check(options, architecture, data, &m.times, err);
    if (status == REBIAS_OK) {
        status = check_angle_options(angle_options, err);
    }
    if (status == REBIAS_OK) {
        status = new_angles(&m.angles, angle_options, err);
    }
    if (status == REBIAS_OK) {
        status = measure(&m, err);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_angles_free(m.angles);
        return status;
    }
    *out = m.angles;
    return REBIAS_OK;
}
