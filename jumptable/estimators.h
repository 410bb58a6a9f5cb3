/* estimators.h - the estimators' descriptors (internal to jumptable). */
#ifndef REBIAS_JUMPTABLE_ESTIMATORS_H
#define REBIAS_JUMPTABLE_ESTIMATORS_H

#include "rebias/estimate.h"

extern const struct rebias_estimator rebias_binning_estimator;
extern const struct rebias_estimator rebias_binopt_estimator;
extern const struct rebias_estimator rebias_polynomial_estimator;
extern const struct rebias_estimator rebias_kriging_estimator;
extern const struct rebias_estimator rebias_kde_estimator;
extern const struct rebias_estimator rebias_quantile_estimator;
extern const struct rebias_estimator rebias_auto_estimator;

#endif
