/* likelihood.c - maximum normal likelihood of polynomial mean and polynomial sd of dG in G.
 * 1. the points   2. likelihood   3. Fisher scoring   4. chains of degrees
 *
 * The normal likelihood of all points is maximised jointly in mean and sd by Fisher scoring:
 * iterated weighted least squares whose information matrix has no mean-sd block (A. C. Harvey,
 * Econometrica 44, 461 (1976); M. Aitkin, Appl. Statist. 36, 332 (1987)). Jumps cut off at a
 * rail enter as P(jump >= dG) or P(jump <= dG) (Tobin, Econometrica 26, 24 (1958)).
 */
#include "likelihood.h"
#include "rebias/base.h"
#include "rebias/devmodel.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_TERMS = REBIAS_LIKELIHOOD_MAX_TERMS };

/* -- 1. the points -- */

void rebias_likelihood_free(struct rebias_likelihood *points)
{
    free(points->basis);
    free(points->jump);
    free(points->cut);
}

void rebias_likelihood_basis(const struct rebias_likelihood_scale *scale, size_t width,
                             double G, double *basis)
{
    double t = (2.0 * G - scale->low - scale->high) / (scale->high - scale->low);
    t = fmin(fmax(t, -1.0), 1.0);
    basis[0] = 1.0;
    for (size_t k = 1; k < width; k++) {
        const double before = k > 1 ? basis[k - 2] : 0.0;
        basis[k] =
            ((double)(2 * k - 1) * t * basis[k - 1] - (double)(k - 1) * before) / (double)k;
    }
}

signed char rebias_rail_of(const struct rebias_sample *sample, size_t i)
{
    const double tolerance = 1e-9 * (sample->Gmax - sample->Gmin);
    const double end = sample->G[i] + sample->dG[i];
    return end >= sample->Gmax - tolerance ? 1 : end <= sample->Gmin + tolerance ? -1 : 0;
}

static void fill_points(struct rebias_likelihood *p, const struct rebias_sample *sample)
{
    for (size_t i = 0; i < p->n; i++) {
        rebias_likelihood_basis(&p->scale, p->width, sample->G[i], p->basis + i * p->width);
        p->jump[i] = sample->dG[i] / p->scale.unit;
        p->cut[i] = sample->censored ? rebias_rail_of(sample, i) : 0;
        p->distinct += i == 0 || sample->G[i] > sample->G[i - 1];
    }
}

static void set_unit(struct rebias_likelihood *p, const struct rebias_sample *sample)
{
    double largest = sample->sd_floor;
    for (size_t i = 0; i < p->n; i++) {
        largest = fmax(largest, fabs(sample->dG[i]));
    }
    double squares = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        squares += (sample->dG[i] / largest) * (sample->dG[i] / largest);
    }
    p->scale.unit = fmax(largest * sqrt(squares / (double)p->n), sample->sd_floor);
    p->scale.floor = sample->sd_floor / p->scale.unit;
}

int rebias_likelihood_new(struct rebias_likelihood *points, const struct rebias_sample *sample,
                          size_t width, bool log_link, struct rebias_error *err)
{
    const double low = sample->G[0];
    const double high = sample->G[sample->n - 1];
    *points = (struct rebias_likelihood){
        .scale = {.low = low, .high = high}, .n = sample->n, .width = width};
    points->scale.log_link = log_link;
    if (!(high > low)) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "all %zu %s points lie at G = %g S: no polynomial can be fitted",
                           sample->n, sample->polarity == REBIAS_SET ? "SET" : "RESET", low);
    }
    set_unit(points, sample);
    int status = rebias_alloc(&points->basis, points->n, width * sizeof(double), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&points->jump, points->n, sizeof(double), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&points->cut, points->n, 1, err);
    }
    if (status == REBIAS_OK) {
        fill_points(points, sample);
    }
    return status;
}

/* -- 2. likelihood -- */

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

struct spread {
    double sd, log_sd;
    double slope; /* d ln sd / d (linear predictor), 0 where the floor holds */
};

static struct spread spread_of(const struct rebias_likelihood_scale *scale, double predictor)
{
    const double most = 50.0; /* a step that far is halved again; its exp is finite */
    const double log_sd = fmin(predictor, most);
    const double sd = scale->log_link ? exp(log_sd) : predictor;
    if (!(sd > scale->floor)) {
        return (struct spread){scale->floor, log(scale->floor), 0.0};
    }
    return scale->log_link ? (struct spread){sd, log_sd, 1.0}
                           : (struct spread){sd, log(sd), 1.0 / sd};
}

void rebias_likelihood_at(const struct rebias_likelihood_scale *scale,
                          const struct rebias_likelihood_model *model, const double *basis,
                          double *mean, double *sd)
{
    *mean = dot(model->mean_terms, model->mean, basis);
    *sd = spread_of(scale, dot(model->sd_terms, model->sd, basis)).sd;
}

/* What one point says about its mean m and eta = ln s. */
struct point_score {
    double log_likelihood;
    double mean, eta;               /* gradient */
    double mean_weight, eta_weight; /* information, >= 0 */
};

static struct point_score score_point(double jump, int cut, double mean,
                                      const struct spread *spread)
{
    const double sd = spread->sd;
    const double z = (jump - mean) / sd;
    if (cut == 0) {
        return (struct point_score){-spread->log_sd - 0.5 * z * z, z / sd, z * z - 1.0,
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

/* The log-likelihood of the model's coefficients, with its gradient and information. */
static double evaluate(const struct rebias_likelihood *p,
                       const struct rebias_likelihood_model *m, struct scoring *scoring)
{
    double sum = 0.0;
    *scoring = (struct scoring){{0.0}, {0.0}, {0.0}, {0.0}};
    for (size_t i = 0; i < p->n; i++) {
        const double *basis = p->basis + i * p->width;
        const struct spread spread = spread_of(&p->scale, dot(m->sd_terms, m->sd, basis));
        const struct point_score s =
            score_point(p->jump[i], p->cut[i], dot(m->mean_terms, m->mean, basis), &spread);
        sum += s.log_likelihood;
        add_outer(m->mean_terms, basis, s.mean, s.mean_weight, scoring->mean_gradient,
                  scoring->mean_information);
        add_outer(m->sd_terms, basis, s.eta * spread.slope,
                  s.eta_weight * spread.slope * spread.slope, scoring->sd_gradient,
                  scoring->sd_information);
    }
    return sum;
}

/* -- 3. Fisher scoring -- */

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

struct step {
    double mean[MAX_TERMS], sd[MAX_TERMS];
};

/* The scoring step and the rise of the log-likelihood that it promises; destroys the
 * information. False when it is singular. */
static bool set_step(const struct rebias_likelihood_model *m, struct scoring *s,
                     struct step *step, double *rise)
{
    if (!factorise(m->mean_terms, s->mean_information) ||
        !factorise(m->sd_terms, s->sd_information) ||
        !solve(m->mean_terms, s->mean_information, s->mean_gradient, step->mean) ||
        !solve(m->sd_terms, s->sd_information, s->sd_gradient, step->sd)) {
        return false;
    }
    *rise = 0.5 * (dot(m->mean_terms, step->mean, s->mean_gradient) +
                   dot(m->sd_terms, step->sd, s->sd_gradient));
    return true;
}

/* Moves the model along the step, halved until the likelihood rises; returns the rise, 0 when
 * there is none. scoring: that of the new model. */
static double climb(const struct rebias_likelihood *p, struct rebias_likelihood_model *m,
                    const struct step *step, struct scoring *scoring)
{
    double factor = 1.0;
    for (int halving = 0; halving < 30; halving++) {
        struct rebias_likelihood_model trial = *m;
        for (size_t k = 0; k < m->mean_terms; k++) {
            trial.mean[k] += factor * step->mean[k];
        }
        for (size_t k = 0; k < m->sd_terms; k++) {
            trial.sd[k] += factor * step->sd[k];
        }
        trial.log_likelihood = evaluate(p, &trial, scoring);
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
 * to gain, no more than least_rise. */
static bool maximise(const struct rebias_likelihood *p, double least_rise,
                     struct rebias_likelihood_model *m)
{
    enum { MAX_STEPS = 200 };
    struct scoring s;
    struct step step;
    double rise = INFINITY;
    m->log_likelihood = evaluate(p, m, &s);
    for (int i = 0; i < MAX_STEPS && rise > least_rise; i++) {
        if (!set_step(m, &s, &step, &rise)) {
            return false;
        }
        if (rise > least_rise) {
            rise = climb(p, m, &step, &s);
        }
    }
    return isfinite(m->log_likelihood);
}

/* -- 4. chains of degrees -- */

double rebias_likelihood_bic(const struct rebias_likelihood *points,
                             const struct rebias_likelihood_model *model)
{
    return (double)(model->mean_terms + model->sd_terms) * log((double)points->n) -
           2.0 * model->log_likelihood;
}

/* Constant mean and sd of all points: where every chain of degrees starts. */
static struct rebias_likelihood_model start_model(const struct rebias_likelihood *p)
{
    struct rebias_likelihood_model m = {.mean_terms = 1, .sd_terms = 1};
    double sum = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        sum += p->jump[i];
    }
    m.mean[0] = sum / (double)p->n;
    double squares = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        squares += (p->jump[i] - m.mean[0]) * (p->jump[i] - m.mean[0]);
    }
    const double sd = fmax(sqrt(squares / (double)p->n), p->scale.floor);
    m.sd[0] = p->scale.log_link ? log(sd) : sd;
    return m;
}

void rebias_likelihood_fit(const struct rebias_likelihood *points,
                           const struct rebias_likelihood_degrees *degrees)
{
    struct rebias_likelihood_model row = start_model(points);
    for (size_t j = 1; j <= degrees->sd_last; j++) {
        struct rebias_likelihood_model m = row;
        for (size_t i = 1; i <= degrees->mean_last; i++) {
            m.mean_terms = i;
            m.sd_terms = j;
            if (!degrees->allowed(degrees->context, i, j) ||
                !maximise(points, degrees->least_rise, &m)) {
                break;
            }
            row = i == 1 ? m : row;
            if (i >= degrees->mean_first && j >= degrees->sd_first) {
                degrees->take(degrees->context, &m);
            }
        }
    }
}

int rebias_likelihood_variance(const struct rebias_likelihood *points,
                               const struct rebias_likelihood_model *model, size_t levels,
                               const double *G, double *variance, struct rebias_error *err)
{
    struct scoring s;
    const size_t terms = model->mean_terms;
    evaluate(points, model, &s);
    if (!factorise(terms, s.mean_information)) {
        return rebias_fail(err, REBIAS_E_NUMERIC, "the information matrix is singular");
    }
    for (size_t i = 0; i < levels; i++) {
        double basis[MAX_TERMS];
        double x[MAX_TERMS];
        rebias_likelihood_basis(&points->scale, points->width, G[i], basis);
        variance[i] = solve(terms, s.mean_information, basis, x) ? dot(terms, x, basis) : 0.0;
    }
    return REBIAS_OK;
}
