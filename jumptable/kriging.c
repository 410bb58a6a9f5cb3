/* kriging.c - estimator: two-tier Kriging (Gaussian processes).
 * 1. options   2. the fit's state   3. pooling   4. first tier: the mean
 * 5. second tier: the switching noise   6. jumps cut off at the rails   7. the fit
 * 8. descriptor
 *
 * First tier: the mean m(G) is a Gaussian process with a trend, seen through noise whose size
 * is estimated. Second tier: g(G) = log sd^2 is another one, seen through the squared
 * residuals. The posterior variance of the mean says how well the mean is known; it is not the
 * switching noise and does not enter it. All is done in standard units:
 * x = 0 to 1 over the points, z = (dG - its mean) / its sd.
 */
#include "jumptable/estimators.h"
#include "jumptable/gaussian_process.h"
#include "rebias/base.h"
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { POINTS, KERNEL, TREND, PARAMS };

static const struct rebias_estimator_param params[PARAMS] = {
    [POINTS] = {"points", 100, 10, 2000, true, NULL,
                "pseudo-points: groups of equal count that the data are pooled into"},
    [KERNEL] = {"kernel", REBIAS_GP_MATERN52, 0, 1, true, "matern52|squared",
                "correlation of both processes"},
    [TREND] = {"trend", 1, 0, 1, true, "constant|linear", "trend below both processes"},
};

/* -- 2. the fit's state -- */

/* One tier: its process and the points behind each of its pseudo-points. */
struct tier {
    struct rebias_gp *gp;
    size_t *first; /* [gp->n + 1], into the sorted points */
};

struct kriging {
    const struct rebias_sample *sample;
    double centre;   /* S: mean of dG */
    double scale;    /* S: sd of dG */
    double floor;    /* smallest log sd^2, standard units */
    double *x;       /* [n] */
    double *z;       /* [n]: the jump, or what is expected of one that was cut off */
    double *extra;   /* [n]: variance of that expectation, 0 for a jump seen whole */
    double *square;  /* [n]: squared residual */
    double *freedom; /* [n]: degrees of freedom of the square, 1 - leverage */
    struct tier mean;
    struct tier noise;
};

static void release(struct kriging *k)
{
    free(k->x);
    free(k->z);
    free(k->extra);
    free(k->square);
    free(k->freedom);
    free(k->mean.first);
    free(k->noise.first);
    rebias_gp_free(k->mean.gp);
    rebias_gp_free(k->noise.gp);
}

static double place(const struct rebias_sample *s, double G)
{
    return (G - s->G[0]) / (s->G[s->n - 1] - s->G[0]);
}

/* Mean and sd of the jumps: the units of the fit. */
static int set_units(struct kriging *k, struct rebias_error *err)
{
    const struct rebias_sample *s = k->sample;
    const double n = (double)s->n;
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        sum += s->dG[i] - s->dG[0]; /* from the first on: exact where all are equal */
    }
    k->centre = s->dG[0] + sum / n;
    for (size_t i = 0; i < s->n; i++) {
        squares += (s->dG[i] - k->centre) * (s->dG[i] - k->centre);
    }
    k->scale = sqrt(squares / n);
    if (!(s->G[s->n - 1] > s->G[0])) {
        return rebias_fail(err, REBIAS_E_DATA, "all %zu %s points have the same G %g S", s->n,
                           s->polarity == REBIAS_SET ? "SET" : "RESET", s->G[0]);
    }
    if (!(k->scale > 0.0) || !isfinite(k->scale)) {
        return rebias_fail(err, REBIAS_E_DATA, "all %zu %s points have the same dG %g S", s->n,
                           s->polarity == REBIAS_SET ? "SET" : "RESET", s->dG[0]);
    }
    k->floor = 2.0 * log(s->sd_floor / k->scale);
    for (size_t i = 0; i < s->n; i++) {
        k->x[i] = place(s, s->G[i]);
        k->z[i] = (s->dG[i] - k->centre) / k->scale;
    }
    return REBIAS_OK;
}

/* -- 3. pooling -- */

/* About `wanted` groups of equal count, points of one G always together (they are sorted by dG,
 * so that a split would make two groups of too small a variance); first[] gets their starts.
 * Returns how many. */
static size_t pool(const struct rebias_sample *s, size_t wanted, size_t *first)
{
    size_t groups = 0;
    for (size_t w = 0; w < wanted; w++) {
        size_t at = w * s->n / wanted;
        while (at > 0 && s->G[at] == s->G[at - 1]) { /* the same number, read twice */
            at--;
        }
        if (groups > 0 && at <= first[groups - 1]) { /* begins a group already: the next G */
            at = w * s->n / wanted;
            while (at > 0 && at < s->n && s->G[at] == s->G[at - 1]) {
                at++;
            }
        }
        if (at < s->n && (groups == 0 || at > first[groups - 1])) {
            first[groups++] = at;
        }
    }
    first[groups] = s->n;
    return groups;
}

static double group_mean(const struct tier *tier, const double *value, size_t g)
{
    double sum = 0.0;
    for (size_t i = tier->first[g]; i < tier->first[g + 1]; i++) {
        sum += value[i];
    }
    return sum / (double)(tier->first[g + 1] - tier->first[g]);
}

static int make_tier(struct kriging *k, struct tier *tier, size_t wanted, const double *values,
                     struct rebias_error *err)
{
    int status = rebias_alloc(&tier->first, wanted + 1, sizeof *tier->first, err);
    if (status != REBIAS_OK) {
        return status;
    }
    const size_t groups = pool(k->sample, wanted, tier->first);
    status = rebias_gp_new(&tier->gp, groups, err);
    if (status != REBIAS_OK) {
        return status;
    }
    tier->gp->kernel = (enum rebias_gp_kernel)values[KERNEL];
    tier->gp->trend = values[TREND] > 0.0 && groups > 2 ? 2 : 1;
    for (size_t g = 0; g < groups; g++) {
        tier->gp->x[g] = group_mean(tier, k->x, g);
        tier->gp->noise[g] = 1.0;
    }
    return REBIAS_OK;
}

/* Lengths from the mean distance of pseudo-points to three ranges; a weak prior about one range
 * keeps the fit from following single points where the likelihood is flat. Variances in
 * standard units, where that of the data is 1. */
static struct rebias_gp_search search_for(const struct tier *tier, bool noise_known)
{
    const double nearest = log(1.0 / (double)tier->gp->n);
    return (struct rebias_gp_search){
        .starts = 3,
        .start = {{log(0.3), log(0.3), 0.0},
                  {log(1.0), log(1.0), 0.0},
                  {log(0.1), log(0.05), log(0.5)}},
        .low = {fmin(nearest, log(0.1)), log(1e-6), log(1e-9)},
        .high = {log(3.0), log(1e3), log(1e3)},
        .noise_known = noise_known,
        .length_log = log(1.0),
        .length_sd = 0.7,
    };
}

/* Hyper-parameters: from three starts, or on from where they are. */
static int choose(struct tier *tier, bool noise_known, bool anew, struct rebias_error *err)
{
    struct rebias_gp_search search = search_for(tier, noise_known);
    for (size_t i = 0; i < REBIAS_GP_THETA && !anew; i++) {
        search.starts = 1;
        search.start[0][i] = tier->gp->theta[i];
    }
    return rebias_gp_optimize(tier->gp, &search, err);
}

/* -- 4. first tier: the mean -- */

/* Group means, their noise sd^2(G) / count from the second tier (1 before there is one), and
 * the squares about the group means, which tell of the noise alone. */
static void load_mean(struct kriging *k, bool known_noise)
{
    struct rebias_gp *gp = k->mean.gp;
    gp->within_count = (double)(k->sample->n - gp->n);
    gp->within_sum = 0.0;
    for (size_t g = 0; g < gp->n; g++) {
        double log_variance = 0.0;
        double squares = 0.0;
        if (known_noise) {
            rebias_gp_predict(k->noise.gp, gp->x[g], &log_variance, NULL);
            log_variance = fmax(log_variance, k->floor);
        }
        gp->y[g] = group_mean(&k->mean, k->z, g);
        for (size_t i = k->mean.first[g]; i < k->mean.first[g + 1]; i++) {
            squares += (k->z[i] - gp->y[g]) * (k->z[i] - gp->y[g]) + k->extra[i];
        }
        gp->noise[g] = exp(log_variance) / (double)(k->mean.first[g + 1] - k->mean.first[g]);
        gp->within_sum += squares / exp(log_variance);
    }
}

/* Squared residuals and their degrees of freedom: E r^2 = sd^2 (1 - leverage). */
static void take_residuals(struct kriging *k)
{
    for (size_t g = 0; g < k->mean.gp->n; g++) {
        const size_t end = k->mean.first[g + 1];
        const double cost =
            rebias_gp_leverage(k->mean.gp, g) / (double)(end - k->mean.first[g]);
        for (size_t i = k->mean.first[g]; i < end; i++) {
            double m = 0.0;
            rebias_gp_predict(k->mean.gp, k->x[i], &m, NULL);
            k->square[i] = (k->z[i] - m) * (k->z[i] - m) + k->extra[i];
            k->freedom[i] = 1.0 - cost;
        }
    }
}

/* -- 5. second tier: the switching noise -- */

/* Variance of group g, and its degrees of freedom. */
static double group_variance(const struct kriging *k, size_t g, double *freedom)
{
    double squares = 0.0;
    *freedom = 0.0;
    for (size_t i = k->noise.first[g]; i < k->noise.first[g + 1]; i++) {
        squares += k->square[i];
        *freedom += k->freedom[i];
    }
    *freedom = fmax(*freedom, 0.1); /* a group that the mean fits nearly alone says little */
    return fmax(squares / *freedom, exp(k->floor));
}

/* Logarithms of group variances V = sd^2 chi^2_nu / nu: E log(V / sd^2) = psi(nu/2) -
 * log(nu/2), variance psi'(nu/2). One point: -1.2704 and 4.93. */
static void load_log_variances(struct kriging *k)
{
    struct rebias_gp *gp = k->noise.gp;
    for (size_t g = 0; g < gp->n; g++) {
        double nu = 0.0;
        const double V = group_variance(k, g, &nu);
        gp->y[g] = log(V) - gsl_sf_psi(0.5 * nu) + log(0.5 * nu);
        gp->noise[g] = gsl_sf_psi_1(0.5 * nu);
    }
}

/* One step from the present g towards the mode under the chi^2 likelihood itself, which loses
 * nothing where the logarithm of a few points does. With r = V/e^g the slope is nu (r - 1) / 2
 * and the curvature nu r / 2; nu max(1, r) / 2 is never below it, so that a step is at most 1
 * and none overshoots. */
static void load_scores(struct kriging *k)
{
    struct rebias_gp *gp = k->noise.gp;
    for (size_t g = 0; g < gp->n; g++) {
        double nu = 0.0;
        double level = 0.0;
        const double V = group_variance(k, g, &nu);
        rebias_gp_predict(gp, gp->x[g], &level, NULL);    /* looks at the state, not at y */
        const double r = exp(fmin(log(V) - level, 30.0)); /* finite */
        gp->y[g] = level + (r - 1.0) / fmax(1.0, r);
        gp->noise[g] = 2.0 / (nu * fmax(1.0, r));
    }
}

static int step_noise(struct kriging *k, int steps, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (int i = 0; i < steps && status == REBIAS_OK; i++) {
        double theta[REBIAS_GP_THETA];
        memcpy(theta, k->noise.gp->theta, sizeof theta);
        load_scores(k);
        status = rebias_gp_condition(k->noise.gp, theta, err);
    }
    return status;
}

/* Hyper-parameters on the log variances, then to the mode. */
static int fit_noise(struct kriging *k, bool anew, struct rebias_error *err)
{
    load_log_variances(k);
    int status = choose(&k->noise, true, anew, err);
    if (status == REBIAS_OK) {
        status = step_noise(k, 8, err);
    }
    return status;
}

/* -- 6. jumps cut off at the rails -- */

/* +1 for a jump that ends on Gmax, -1 on Gmin, 0 for one seen whole. */
static int rail_of(const struct rebias_sample *s, size_t i)
{
    const double near = 1e-9 * (s->Gmax - s->Gmin);
    const double end = s->G[i] + s->dG[i];
    return end >= s->Gmax - near ? 1 : end <= s->Gmin + near ? -1 : 0;
}

/* Puts conditional mean and variance of the whole jump in place of the cut one: mean m + s h,
 * variance s^2 (1 + a h - h^2) with a = (cut - m) / s and the normal hazard h(a). */
static void impute(struct kriging *k)
{
    const double most = 10.0; /* where nearly all are cut off nothing bounds the noise */
    const struct rebias_sample *s = k->sample;
    for (size_t i = 0; i < s->n; i++) {
        const int rail = rail_of(s, i);
        if (rail == 0) {
            continue;
        }
        double m = 0.0;
        double log_variance = 0.0;
        rebias_gp_predict(k->mean.gp, k->x[i], &m, NULL);
        rebias_gp_predict(k->noise.gp, k->x[i], &log_variance, NULL);
        const double sd = fmin(most, exp(0.5 * fmax(log_variance, k->floor)));
        const double cut = (s->dG[i] - k->centre) / k->scale;
        const double a = rail * (cut - m) / sd;
        const double h = gsl_sf_hazard(a);
        k->z[i] = m + rail * sd * h;
        k->extra[i] = sd * sd * fmax(0.0, 1.0 + a * h - h * h);
    }
}

/* Expectation and maximisation in turn, hyper-parameters held. */
static int recover(struct kriging *k, struct rebias_error *err)
{
    const int rounds = 8; /* twice: even at the rail, half of the jumps cut, little is left */
    int status = REBIAS_OK;
    for (int i = 0; i < rounds && status == REBIAS_OK; i++) {
        const double theta[REBIAS_GP_THETA] = {k->mean.gp->theta[0], k->mean.gp->theta[1], 0.0};
        impute(k);
        load_mean(k, true);
        status = rebias_gp_condition(k->mean.gp, theta, err);
        if (status == REBIAS_OK) {
            take_residuals(k);
            status = step_noise(k, 1, err);
        }
    }
    return status;
}

/* -- 7. the fit -- */

/* Both tiers; the first time with one noise everywhere, then with the second tier's. */
static int pass(struct kriging *k, bool anew, struct rebias_error *err)
{
    load_mean(k, !anew);
    k->mean.gp->theta[2] = 0.0; /* the noise is in the units of load_mean */
    int status = choose(&k->mean, false, anew, err);
    if (status != REBIAS_OK) {
        return status;
    }
    take_residuals(k);
    status = fit_noise(k, anew, err);
    if (status == REBIAS_OK && k->sample->censored) {
        status = recover(k, err);
    }
    return status;
}

static int set_up(struct kriging *k, const double *values, struct rebias_error *err)
{
    const size_t n = k->sample->n;
    double **vectors[] = {&k->x, &k->z, &k->extra, &k->square, &k->freedom};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const int status = rebias_alloc(vectors[i], n, sizeof(double), err);
        if (status != REBIAS_OK) {
            return status;
        }
    }
    int status = set_units(k, err);
    const size_t points = (size_t)values[POINTS];
    if (status == REBIAS_OK) {
        status = make_tier(k, &k->mean, points < n ? points : n, values, err);
    }
    /* 5 points a group or more: their log variance holds 82 % of what they tell of the noise */
    const size_t groups = n / 5 > 4 ? n / 5 : 4;
    if (status == REBIAS_OK) {
        status = make_tier(k, &k->noise, points < groups ? points : groups, values, err);
    }
    return status;
}

/* One level; beyond the outermost points mean and noise are held. */
static void report_level(struct kriging *k, struct rebias_fitted *fitted, size_t i)
{
    const struct rebias_sample *s = k->sample;
    const double x = place(s, fitted->G[i]);
    const double inside = fmin(fmax(x, 0.0), 1.0);
    double m = 0.0;
    double unused = 0.0;
    double variance = 0.0;
    double log_variance = 0.0;
    rebias_gp_predict(k->mean.gp, x, &unused, &variance);
    rebias_gp_predict(k->mean.gp, inside, &m, NULL);
    rebias_gp_predict(k->noise.gp, inside, &log_variance, NULL);
    log_variance = fmax(log_variance, k->floor);
    fitted->mean[i] = k->centre + k->scale * m;
    fitted->sd[i] = fmax(s->sd_floor, k->scale * exp(0.5 * log_variance));
    /* as many points as would leave a plain mean as uncertain as this one */
    fitted->count[i] = fmin((double)s->n, exp(log_variance) / variance);
    fitted->extrapolated += x < 0.0 || x > 1.0;
}

static int report(struct kriging *k, struct rebias_fitted *fitted, struct rebias_error *err)
{
    const double span = k->sample->G[k->sample->n - 1] - k->sample->G[0];
    double sum = 0.0;
    fitted->extrapolated = 0;
    for (size_t i = 0; i < fitted->levels; i++) {
        report_level(k, fitted, i);
        if (!isfinite(fitted->mean[i]) || !isfinite(fitted->sd[i]) ||
            !isfinite(fitted->count[i])) {
            return rebias_fail(err, REBIAS_E_NUMERIC, "the fit is not finite at %g S",
                               fitted->G[i]);
        }
        sum += fitted->sd[i];
    }
    snprintf(
        fitted->note, sizeof fitted->note,
        "%zu and %zu pseudo-points; length scales %.3g S (mean), %.3g S (noise); mean noise "
        "%.3g S",
        k->mean.gp->n, k->noise.gp->n, span * exp(k->mean.gp->theta[0]),
        span * exp(k->noise.gp->theta[0]), sum / (double)fitted->levels);
    return REBIAS_OK;
}

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct kriging k = {.sample = sample};
    int status = set_up(&k, values, err);
    if (status == REBIAS_OK) {
        status = pass(&k, true, err);
    }
    if (status == REBIAS_OK) {
        status = pass(&k, false, err);
    }
    if (status == REBIAS_OK) {
        status = report(&k, fitted, err);
    }
    release(&k);
    return status;
}

/* -- 8. descriptor -- */

const struct rebias_estimator rebias_kriging_estimator = {
    .name = "kriging",
    .doc =
        "two-tier Kriging: Gaussian processes for the mean and for log sd^2, hyper-parameters "
        "by marginal likelihood",
    .assumes = "jumps are normal given G; mean and log sd are smooth in G. Cut-off jumps are "
               "completed by their conditional moments when the rails are declared.",
    .params = params,
    .param_count = PARAMS,
    .min_points = 5,
    .fit = fit,
};
