/* learn_step.h - the loops over parameters of software learning (internal to netsim). */
#ifndef REBIAS_NETSIM_LEARN_STEP_H
#define REBIAS_NETSIM_LEARN_STEP_H

#include <stddef.h>

/* theta[n] <- Adam's step number t >= 1 along gradient; m, v its state, 0 at the start. */
struct rebias_adam {
    double rate;
    size_t t;
};
void rebias_adam_step(struct rebias_adam adam, size_t n, const float *gradient, float *m,
                      float *v, float *theta);

/* v = momentum v + gradient; theta -= rate v. */
void rebias_momentum_step(double rate, double momentum, size_t n, const float *gradient,
                          float *v, float *theta);

/* gradient[i] += lambda (stiffness[i] theta[i] - pull[i]): the penalty of all earlier tasks,
 * stiffness = sum F, pull = sum F theta*. */
void rebias_ewc_gradient(double lambda, size_t n, const double *stiffness, const double *pull,
                         const float *theta, float *gradient);

/* q[n] = gamma sign(w) [|w| > delta], delta = threshold mean|w|; returns gamma, the mean |w| of
 * the kept ones (0 when none is). */
double rebias_ternarise(double threshold, size_t n, const float *w, float *q);

#endif
