/* polynomial.c - estimator: mean and sd of dG are low-order polynomials of G.
 * 1. options   2. the problem   3. likelihood   4. Fisher scoring   5. degrees   6. profiles
 * 7. descriptor
 *
 * mean(G) = sum a_k P_k(t), ln sd(G) = sum b_k P_k(t) (or sd itself), with t = G scaled to
 * [-1, 1] over the points and P_k the Legendre polynomials. The normal likelihood of all points
 * is maximised jointly in a and b by Fisher scoring: iterated weighted least squares whose
 * information matrix has no mean-sd block (Aitkin, Appl. Statist. 36, 332 (1987)). Jumps cut
 * off at a rail enter as P(jump >= dG) or P(jump <= dG) (Tobin, Econometrica 26, 24 (1958)).
 * Degrees are judged by BIC (Schwarz, Ann. Statist. 6, 461 (1978)): the polynomials of all
 * degrees are averaged with the weights exp(-BIC/2), which approximate their posterior
 * probabilities (Hoeting et al., Statist. Sci. 14, 382 (1999)), or the best are taken. The
 * published TiOx tables have this form (Yousuf et al., IEEE JETCAS 13, 382 (2023)).
 */
#include "estimators.h"
#include "rebias/base.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. options -- */

enum { O_MAX_MEAN, O_MAX_SD, O_MEAN, O_SD, O_LINK, O_DEGREES, O_COUNT };
enum { LINK_LOG, LINK_IDENTITY };
enum { DEGREES_AVERAGE, DEGREES_BEST };
enum { MAX_DEGREE = 10, MAX_TERMS = MAX_DEGREE + 1, MIN_POINTS = 4 };

static const struct rebias_estimator_param params[O_COUNT] = {
    {"max_mean", 4.0, 0.0, MAX_DEGREE, true, NULL, "highest degree of the mean to try"},
    {"max_sd", 3.0, 0.0, MAX_DEGREE, true, NULL, "highest degree of the sd to try"},
    {"mean", -1.0, -1.0, MAX_DEGREE, true, NULL, "degree of the mean; -1 = by BIC"},
    {"sd", -1.0, -1.0, MAX_DEGREE, true, NULL, "degree of the sd; -1 = by BIC"},
    {"link", LINK_LOG, LINK_LOG, LINK_IDENTITY, true, "log|identity",
     "polynomial in the log of the sd, or in the sd itself"},
    {"degrees", DEGREES_AVERAGE, DEGREES_AVERAGE, DEGREES_BEST, true, "average|best",
     "average over degrees with weights exp(-BIC/2), or those of the least BIC alone"},
};

/* -- 2. the problem -- */

/* The points, in units of the root mean square of dG. */
struct problem {
    size_t n;
    size_t width;     /* basis functions of a point */
    double *basis;    /* n x width: P_k(t) */
    double *jump;     /* n */
    signed char *cut; /* n: 0 whole, +1 the jump was at least this, -1 at most */
    double low, high; /* S: the points' support */
    double unit;      /* S */
    double floor;     /* smallest sd */
    size_t distinct;  /* different G */
    bool log_link;
};

static void free_problem(struct problem *p)
{
    free(p->basis);
    free(p->jump);
    free(p->cut);
}

/* P_0 .. P_{width-1} at G; beyond the points' support constant. */
static void legendre(const struct problem *p, double G, double *basis)
{
    double t = (2.0 * G - p->low - p->high) / (p->high - p->low);
    t = fmin(fmax(t, -1.0), 1.0);
    basis[0] = 1.0;
    for (size_t k = 1; k < p->width; k++) {
        const double before = k > 1 ? basis[k - 2] : 0.0;
        basis[k] =
            ((double)(2 * k - 1) * t * basis[k - 1] - (double)(k - 1) * before) / (double)k;
    }
}

/* Jump i of the sample: cut off at the upper (+1) or lower (-1) rail, or whole. */
static signed char cut_of(const struct rebias_sample *sample, size_t i)
{
    const double tolerance = 1e-9 * (sample->Gmax - sample->Gmin);
    const double end = sample->G[i] + sample->dG[i];
    if (!sample->censored) {
        return 0;
    }
    return end >= sample->Gmax - tolerance ? 1 : end <= sample->Gmin + tolerance ? -1 : 0;
}

static void fill_points(struct problem *p, const struct rebias_sample *sample)
{
    for (size_t i = 0; i < p->n; i++) {
        legendre(p, sample->G[i], p->basis + i * p->width);
        p->jump[i] = sample->dG[i] / p->unit;
        p->cut[i] = cut_of(sample, i);
        p->distinct += i == 0 || sample->G[i] > sample->G[i - 1];
    }
}

static int make_problem(struct problem *p, const struct rebias_sample *sample, size_t width,
                        bool log_link, struct rebias_error *err)
{
    *p = (struct problem){.n = sample->n, .width = width, .log_link = log_link};
    p->low = sample->G[0];
    p->high = sample->G[sample->n - 1];
    if (!(p->high > p->low)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu %s points lie at G = %g S: no polynomial can be fitted",
                           p->n, sample->polarity == REBIAS_SET ? "SET" : "RESET", p->low);
    }
    double largest = sample->sd_floor;
    for (size_t i = 0; i < p->n; i++) {
        largest = fmax(largest, fabs(sample->dG[i]));
    }
    double squares = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        squares += (sample->dG[i] / largest) * (sample->dG[i] / largest);
    }
    p->unit = fmax(largest * sqrt(squares / (double)p->n), sample->sd_floor);
    p->floor = sample->sd_floor / p->unit;
    int status = rebias_alloc(&p->basis, p->n, width * sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&p->jump, p->n, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&p->cut, p->n, 1, err);
    }
    if (status == REBIAS_OK) {
        fill_points(p, sample);
    }
    return status;
}

/* -- 3. likelihood -- */

/* One choice of degrees and its coefficients. */
struct model {
    size_t mean_terms, sd_terms;
    double mean[MAX_TERMS];
    double sd[MAX_TERMS]; /* of ln sd, or of sd */
    double log_likelihood;
};

/* Gradient and information of the log-likelihood, mean and sd blocks; lower triangles. */
struct scoring {
    double mean_gradient[MAX_TERMS], sd_gradient[MAX_TERMS];
    double mean_information[MAX_TERMS * MAX_TERMS], sd_information[MAX_TERMS * MAX_TERMS];
};

static double dot(size_t terms, const double *coef, const double *basis)
{
    double sum = 0.0;
    for (size_t k = 0; k < terms; k++) {
        sum += coef[k] * basis[k];
    }
    return sum;
}

/* sd and d ln sd / d (linear predictor), 0 where the floor holds. */
static double sd_of(const struct problem *p, double predictor, double *slope)
{
    const double sd = p->log_link ? exp(fmin(predictor, 50.0)) : predictor;
    if (sd > p->floor) {
        *slope = p->log_link ? 1.0 : 1.0 / sd;
        return sd;
    }
    *slope = 0.0;
    return p->floor;
}

/* What one point says about its mean m and eta = ln s. */
struct point_score {
    double log_likelihood;
    double mean, eta;               /* gradient */
    double mean_weight, eta_weight; /* information, >= 0 */
};

static struct point_score score_point(double jump, int cut, double mean, double sd)
{
    const double z = (jump - mean) / sd;
    if (cut == 0) {
        return (struct point_score){-log(sd) - 0.5 * z * z, z / sd, z * z - 1.0,
                                    1.0 / (sd * sd), 2.0};
    }
    /* P(Z >= z) for the upper rail, its mirror image for the lower one. lambda: the normal
     * hazard; beyond z = 30 its asymptote, where the tail probability underflows. */
    const double u = cut > 0 ? z : -z;
    const double sign = cut > 0 ? 1.0 : -1.0;
    const double tail = gsl_cdf_ugaussian_Q(u);
    const double lambda = u < 30.0 ? gsl_ran_ugaussian_pdf(u) / tail : u + 1.0 / u;
    const double log_tail =
        u < 30.0 ? log(tail) : -0.5 * u * u - log(u) - 0.5 * log(2.0 * M_PI);
    const double delta = fmin(fmax(lambda * (lambda - u), 0.0), 1.0);
    /* The normal density above leaves ln sqrt(2 pi) out; a probability has no such part. */
    return (struct point_score){log_tail + 0.5 * log(2.0 * M_PI), sign * lambda / sd,
                                lambda * u, delta / (sd * sd),
                                fmax(u * (delta * u + lambda), 0.0)};
}

static void add_outer(size_t terms, const double *basis, double gradient, double weight,
                      double *gradients, double *information)
{
    for (size_t k = 0; k < terms; k++) {
        gradients[k] += gradient * basis[k];
        for (size_t l = 0; l <= k; l++) {
            information[k * MAX_TERMS + l] += weight * basis[k] * basis[l];
        }
    }
}

/* The log-likelihood of the model's coefficients; scoring may be NULL. */
static double evaluate(const struct problem *p, const struct model *m, struct scoring *scoring)
{
    double sum = 0.0;
    if (scoring != NULL) {
        *scoring = (struct scoring){{0.0}, {0.0}, {0.0}, {0.0}};
    }
    for (size_t i = 0; i < p->n; i++) {
        const double *basis = p->basis + i * p->width;
        double slope = 0.0;
        const double sd = sd_of(p, dot(m->sd_terms, m->sd, basis), &slope);
        const struct point_score s =
            score_point(p->jump[i], p->cut[i], dot(m->mean_terms, m->mean, basis), sd);
        sum += s.log_likelihood;
        if (scoring != NULL) {
            add_outer(m->mean_terms, basis, s.mean, s.mean_weight, scoring->mean_gradient,
                      scoring->mean_information);
            add_outer(m->sd_terms, basis, s.eta * slope, s.eta_weight * slope * slope,
                      scoring->sd_gradient, scoring->sd_information);
        }
    }
    return sum;
}

/* -- 4. Fisher scoring -- */

/* Cholesky factor of information[terms x terms] in place; a ridge of 1e-10 of the largest
 * diagonal entry keeps blocks regular that the points say nothing about (all sd at the floor).
 * False when it fails all the same. */
static bool factorise(size_t terms, double *information)
{
    double largest = 0.0;
    for (size_t k = 0; k < terms; k++) {
        largest = fmax(largest, information[k * MAX_TERMS + k]);
    }
    for (size_t k = 0; k < terms; k++) {
        information[k * MAX_TERMS + k] += 1e-10 * largest + 1e-300;
    }
    gsl_matrix_view A = gsl_matrix_view_array_with_tda(information, terms, terms, MAX_TERMS);
    return gsl_linalg_cholesky_decomp1(&A.matrix) == 0;
}

/* x = information^-1 gradient for a factorised block. */
static bool solve(size_t terms, double *factor, const double *gradient, double *x)
{
    gsl_matrix_const_view A =
        gsl_matrix_const_view_array_with_tda(factor, terms, terms, MAX_TERMS);
    gsl_vector_const_view b = gsl_vector_const_view_array(gradient, terms);
    gsl_vector_view y = gsl_vector_view_array(x, terms);
    return gsl_linalg_cholesky_solve(&A.matrix, &b.vector, &y.vector) == 0;
}

/* Moves the model along the step, halved until the likelihood rises; returns the rise, 0 when
 * there is none. */
static double climb(const struct problem *p, struct model *m, const double *mean_step,
                    const double *sd_step)
{
    double factor = 1.0;
    for (int halving = 0; halving < 30; halving++) {
        struct model trial = *m;
        for (size_t k = 0; k < m->mean_terms; k++) {
            trial.mean[k] += factor * mean_step[k];
        }
        for (size_t k = 0; k < m->sd_terms; k++) {
            trial.sd[k] += factor * sd_step[k];
        }
        trial.log_likelihood = evaluate(p, &trial, NULL);
        if (trial.log_likelihood > m->log_likelihood) {
            const double rise = trial.log_likelihood - m->log_likelihood;
            *m = trial;
            return rise;
        }
        factor *= 0.5;
    }
    return 0.0;
}

/* Maximises the likelihood from the model's coefficients; stops when a step gains, or promises
 * to gain, less than 1e-7 (degrees are compared in steps of about 1). */
static bool maximise(const struct problem *p, struct model *m)
{
    enum { MAX_STEPS = 200 };
    struct scoring s;
    double mean_step[MAX_TERMS];
    double sd_step[MAX_TERMS];
    double rise = INFINITY;
    for (int i = 0; i < MAX_STEPS && rise > 1e-7; i++) {
        m->log_likelihood = evaluate(p, m, &s);
        if (!factorise(m->mean_terms, s.mean_information) ||
            !factorise(m->sd_terms, s.sd_information) ||
            !solve(m->mean_terms, s.mean_information, s.mean_gradient, mean_step) ||
            !solve(m->sd_terms, s.sd_information, s.sd_gradient, sd_step)) {
            return false;
        }
        rise = 0.5 * (dot(m->mean_terms, mean_step, s.mean_gradient) +
                      dot(m->sd_terms, sd_step, s.sd_gradient));
        if (rise > 1e-7) {
            rise = climb(p, m, mean_step, sd_step);
        }
    }
    return isfinite(m->log_likelihood);
}

/* Constant mean and sd of all points: where every chain of degrees starts. */
static struct model start_model(const struct problem *p)
{
    struct model m = {.mean_terms = 1, .sd_terms = 1};
    double sum = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        sum += p->jump[i];
    }
    m.mean[0] = sum / (double)p->n;
    double squares = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        squares += (p->jump[i] - m.mean[0]) * (p->jump[i] - m.mean[0]);
    }
    const double sd = fmax(sqrt(squares / (double)p->n), p->floor);
    m.sd[0] = p->log_link ? log(sd) : sd;
    return m;
}

/* -- 5. degrees -- */

struct degrees {
    size_t first, last; /* terms: degree + 1 */
};

/* Range of terms to try: the fixed degree, or 0 .. max. */
static struct degrees terms_to_try(double fixed, double max)
{
    const size_t terms = (size_t)(fixed >= 0.0 ? fixed : max) + 1;
    return (struct degrees){fixed >= 0.0 ? terms : 1, terms};
}

/* Enough points for so many terms: more different G than terms of either polynomial, 4 points
 * a term of the mean and 20 a further term of the sd (3 and 3 when the user fixed the degrees).
 * With fewer the likelihood has no useful maximum: the mean passes through the points at one
 * end, where the sd falls to its floor. A hundred points suffice for the default degrees. */
static bool enough_points(const struct problem *p, size_t mean_terms, size_t sd_terms,
                          bool fixed)
{
    const size_t needed = (fixed ? 3 : 4) * mean_terms + (fixed ? 3 : 20) * (sd_terms - 1);
    return p->distinct > mean_terms && p->distinct > sd_terms && p->n >= needed;
}

static double bic(const struct problem *p, const struct model *m)
{
    return (double)(m->mean_terms + m->sd_terms) * log((double)p->n) - 2.0 * m->log_likelihood;
}

/* What the fits of all degrees leave. */
struct choice {
    struct model best;
    double least;         /* its BIC */
    struct model average; /* sums over the fits of weight times coefficient */
    double weights;       /* their sum; the best has weight 1 */
};

/* Takes a fit in. Its sd is freed of the bias that its fitted mean gives it: n/(n - terms of
 * the mean), in the variance. */
static void take(struct choice *c, const struct problem *p, struct model m)
{
    const double value = bic(p, &m);
    const double correction = 0.5 * log((double)p->n / (double)(p->n - m.mean_terms));
    if (p->log_link) {
        m.sd[0] += correction;
    } else {
        for (size_t k = 0; k < m.sd_terms; k++) {
            m.sd[k] *= exp(correction);
        }
    }
    const double old = value < c->least ? exp(0.5 * (value - c->least)) : 1.0;
    const double weight = value < c->least ? 1.0 : exp(0.5 * (c->least - value));
    if (value < c->least) {
        c->best = m;
        c->least = value;
    }
    c->weights = old * c->weights + weight;
    for (size_t k = 0; k < p->width; k++) {
        c->average.mean[k] = old * c->average.mean[k] + weight * m.mean[k];
        c->average.sd[k] = old * c->average.sd[k] + weight * m.sd[k];
    }
}

/* Fits all degrees, each from the next lower one of the mean, the first of these from the next
 * lower one of the sd. */
static int fit_degrees(const struct problem *p, struct degrees mean, struct degrees sd,
                       struct choice *c, struct rebias_error *err)
{
    const bool fixed = mean.first == mean.last && sd.first == sd.last;
    *c = (struct choice){.least = INFINITY};
    struct model row = start_model(p);
    for (size_t j = 1; j <= sd.last; j++) {
        struct model m = row;
        for (size_t i = 1; i <= mean.last; i++) {
            m.mean_terms = i;
            m.sd_terms = j;
            if (!enough_points(p, i, j, fixed) || !maximise(p, &m)) {
                break;
            }
            row = i == 1 ? m : row;
            if (i >= mean.first && j >= sd.first) {
                take(c, p, m);
            }
        }
    }
    if (c->least == INFINITY) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "%zu points at %zu different G do not suffice for a mean of degree "
                           "%zu and an sd of degree %zu",
                           p->n, p->distinct, mean.first - 1, sd.first - 1);
    }
    for (size_t k = 0; k < p->width; k++) {
        c->average.mean[k] /= c->weights;
        c->average.sd[k] /= c->weights;
    }
    c->average.mean_terms = mean.last;
    c->average.sd_terms = sd.last;
    return REBIAS_OK;
}

/* -- 6. profiles -- */

/* basis' information^-1 basis from the factorised block: the variance of the mean. */
static double variance_of_mean(const struct model *m, double *factor, const double *basis)
{
    double x[MAX_TERMS];
    return solve(m->mean_terms, factor, basis, x) ? dot(m->mean_terms, x, basis) : 0.0;
}

/* Fills the levels from the polynomials m. The effective number of points of a level is sd^2
 * over the variance of its fitted mean, both of the best degrees. */
static int fill_levels(const struct problem *p, const struct choice *c, const struct model *m,
                       double sd_floor, struct rebias_fitted *fitted, struct rebias_error *err)
{
    struct scoring s;
    evaluate(p, &c->best, &s);
    if (!factorise(c->best.mean_terms, s.mean_information)) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "the information matrix is singular");
    }
    fitted->extrapolated = 0;
    for (size_t i = 0; i < fitted->levels; i++) {
        double basis[MAX_TERMS];
        double slope = 0.0;
        legendre(p, fitted->G[i], basis);
        const double sd = sd_of(p, dot(m->sd_terms, m->sd, basis), &slope);
        const double best_sd = sd_of(p, dot(c->best.sd_terms, c->best.sd, basis), &slope);
        const double variance = variance_of_mean(&c->best, s.mean_information, basis);
        fitted->mean[i] = p->unit * dot(m->mean_terms, m->mean, basis);
        fitted->sd[i] = fmax(p->unit * sd, sd_floor);
        fitted->count[i] =
            variance > 0.0 ? fmin(best_sd * best_sd / variance, (double)p->n) : 0.0;
        fitted->extrapolated += fitted->G[i] < p->low || fitted->G[i] > p->high;
    }
    return REBIAS_OK;
}

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    const struct degrees mean = terms_to_try(values[O_MEAN], values[O_MAX_MEAN]);
    const struct degrees sd = terms_to_try(values[O_SD], values[O_MAX_SD]);
    const size_t width = mean.last > sd.last ? mean.last : sd.last;
    const bool averaged = values[O_DEGREES] == DEGREES_AVERAGE;
    struct choice c = {.least = INFINITY};
    struct problem p = {.n = 0};
    int status = make_problem(&p, sample, width, values[O_LINK] == LINK_LOG, err);
    if (status == REBIAS_OK) {
        status = fit_degrees(&p, mean, sd, &c, err);
    }
    if (status == REBIAS_OK) {
        status =
            fill_levels(&p, &c, averaged ? &c.average : &c.best, sample->sd_floor, fitted, err);
    }
    if (status == REBIAS_OK) {
        fitted->bins = 0;
        fitted->empty_bins = 0;
        snprintf(fitted->note, sizeof fitted->note,
                 "best degrees: mean %zu, %ssd %zu (BIC %.1f, weight %.2f)%s",
                 c.best.mean_terms - 1, p.log_link ? "log " : "", c.best.sd_terms - 1, c.least,
                 1.0 / c.weights, averaged ? "; averaged" : "");
    }
    free_problem(&p);
    return status;
}

/* -- 7. descriptor -- */

const struct rebias_estimator rebias_polynomial_estimator = {
    .name = "polynomial",
    .doc =
        "mean and sd as polynomials of G, joint likelihood, degrees weighted or chosen by BIC",
    .assumes = "Jumps are normal, and mean and log sd (or sd) are smooth in G: low-order "
               "polynomials. Cut-off jumps at the rails are used as such when told to.",
    .params = params,
    .param_count = O_COUNT,
    .min_points = MIN_POINTS,
    .fit = fit,
};
