/* test_mgd.c - multiplexed gradient descent against a plain loop in double precision.
 * 1. the plain loop   2. the discrete form   3. the analog form   4. special cases   5.
 * learning
 */
#include "mgd_support.h"

#include <stdio.h>

enum { MOST_PARAMETERS = 32, XOR_PARAMETERS = 9 };

/* -- 1. the plain loop -- */

struct plain {
    const struct mgd_setting *s;
    const struct rebias_mgd_options *o;
    struct rebias_code *code;
    double theta[MOST_PARAMETERS];
    double G[MOST_PARAMETERS];
    double evaluations;
};

static void open_plain(struct plain *plain, const struct mgd_setting *s,
                       const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    float theta[MOST_PARAMETERS];
    const struct rebias_code_options code = {.kind = o->perturbation,
                                             .n = s->a.parameters,
                                             .norm = o->amplitude,
                                             .sparsity = o->sparsity,
                                             .f_low = o->f_low,
                                             .f_high = o->f_high,
                                             .seed = o->seed,
                                             .replicate = o->replicate};
    assert_true(s->a.parameters <= MOST_PARAMETERS);
    *plain = (struct plain){.s = s, .o = o};
    support_expect(rebias_code_new(&plain->code, &code, &err), REBIAS_OK, &err, NULL);
    rebias_architecture_draw(&s->a, o->initial, o->initial_low, o->initial_high, o->seed,
                             o->replicate, theta);
    for (size_t i = 0; i < s->a.parameters; i++) {
        plain->theta[i] = (double)theta[i];
    }
}

/* Cost of theta + sign p(t) on the sample of step n. */
static double cost_at(const struct plain *plain, uint64_t n, double sign, const float *p)
{
    const struct rebias_mgd_options *o = plain->o;
    const uint64_t x = (uint64_t)(o->tau_x / o->dt);
    double theta[MOST_PARAMETERS];
    for (size_t i = 0; i < plain->s->a.parameters; i++) {
        theta[i] = plain->theta[i] + sign * (double)p[i];
    }
    return mgd_plain_cost(plain->s, theta, mgd_plain_sample(plain->s, o, n / x));
}

/* One step of the fact "perturb, measure, integrate, update" (McCaughan et al. 2023), in the
 * form eta_parameter; the per-parameter mean square of a code is amplitude^2/P. */
static void plain_step(struct plain *plain, uint64_t n)
{
    const struct rebias_mgd_options *o = plain->o;
    const size_t P = plain->s->a.parameters;
    const uint64_t window = (uint64_t)(o->tau_theta / o->dt);
    const double square = o->amplitude * o->amplitude / (double)P;
    float p[MOST_PARAMETERS];
    rebias_code_fill(plain->code, n / (uint64_t)(o->tau_p / o->dt), p);
    double Ct = cost_at(plain, n, 1.0, p) - cost_at(plain, n, o->two_sided ? -1.0 : 0.0, p);
    Ct *= o->two_sided ? 0.5 : 1.0;
    for (size_t i = 0; i < P; i++) {
        plain->G[i] += Ct * (double)p[i] / square * o->dt;
    }
    if ((n + 1) % window == 0) {
        for (size_t i = 0; i < P; i++) {
            plain->theta[i] -= o->eta * plain->G[i];
            plain->G[i] = 0.0;
        }
    }
}

static void run_plain(struct plain *plain)
{
    for (uint64_t n = 0; n < plain->o->steps; n++) {
        plain_step(plain, n);
    }
}

static void compare(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                    const struct plain *plain, double moved_at_least, double tolerance)
{
    float theta[MOST_PARAMETERS];
    struct plain start;
    double moved = 0.0;
    struct rebias_mgd_result *result = mgd_train(s, o, theta);
    open_plain(&start, s, o);
    for (size_t i = 0; i < s->a.parameters; i++) {
        moved = fmax(moved, fabs(plain->theta[i] - start.theta[i]));
        support_close((double)theta[i], plain->theta[i], 0.0, tolerance);
    }
    assert_true(moved > moved_at_least); /* else the comparison says nothing */
    rebias_code_free(start.code);
    rebias_mgd_result_free(result);
}

/* -- 2. the discrete form -- */

/* All kinds of code, one- and two-sided, several time constants. Differences: float costs
 * (1e-7) over an amplitude of 0.1, summed over the steps. */
static void test_discrete_form(void **state)
{
    (void)state;
    const double taus[][4] = {{1, 1, 1, 1}, {1, 4, 4, 1},    {2, 1, 4, 1},  {1, 8, 2, 1},
                              {4, 2, 8, 1}, {1, 1, 96, 0.5}, {1, 24, 48, 1}};
    struct mgd_setting s;
    mgd_open(&s, "xor", "2,2,1");
    for (size_t k = 0; k < 2 * 5 * 7; k++) {
        struct rebias_mgd_options o = mgd_options();
        struct plain plain;
        const double *tau = taus[k % 7];
        o.perturbation = (enum rebias_perturbation)(k / 7 % 5);
        o.two_sided = k / 35 == 1;
        o.amplitude = 0.3;
        o.tau_p = tau[0];
        o.tau_x = tau[1];
        o.tau_theta = tau[2];
        o.dt = tau[3];
        o.eta = 0.03;
        o.eta_form = REBIAS_ETA_PARAMETER;
        o.steps = 192;
        o.replicate = (uint32_t)k;
        open_plain(&plain, &s, &o);
        run_plain(&plain);
        compare(&s, &o, &plain, 0.01, 1e-5);
        rebias_code_free(plain.code);
    }
    mgd_close(&s);
}

/* The three forms are one step apart by the factors of mgd.h. */
static void test_forms_of_eta(void **state)
{
    (void)state;
    const double tau = 12.0;
    const double P = 9.0;
    const struct {
        enum rebias_eta_form form;
        double factor; /* of eta for the same step as PARAMETER */
    } rows[] = {{REBIAS_ETA_VECTOR, P}, {REBIAS_ETA_NORM, tau * sqrt(1.0 + (P - 1.0) / tau)}};
    struct mgd_setting s;
    mgd_open(&s, "xor", "2,2,1");
    for (size_t k = 0; k < 2; k++) {
        struct rebias_mgd_options o = mgd_options();
        struct plain plain;
        o.tau_theta = tau;
        o.eta_form = REBIAS_ETA_PARAMETER;
        o.eta = 0.05;
        o.steps = 120;
        open_plain(&plain, &s, &o);
        run_plain(&plain);
        o.eta_form = rows[k].form;
        o.eta *= rows[k].factor;
        compare(&s, &o, &plain, 0.01, 1e-5);
        rebias_code_free(plain.code);
    }
    mgd_close(&s);
}

/* Evaluations: one a step and one when sample or parameters changed; two-sided: two a step.
 * Updates: one a period. */
static void test_counts(void **state)
{
    (void)state;
    const struct {
        double tau_x, tau_theta;
        bool two_sided;
        uint64_t evaluations, updates;
    } rows[] = {{1, 1, false, 480, 240}, {4, 4, false, 300, 60},  {4, 12, false, 300, 20},
                {12, 4, false, 300, 60}, {12, 60, false, 260, 4}, {4, 12, true, 480, 20}};
    struct mgd_setting s;
    mgd_open(&s, "xor", "2,2,1");
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        float theta[MOST_PARAMETERS];
        struct rebias_mgd_options o = mgd_options();
        o.tau_x = rows[k].tau_x;
        o.tau_theta = rows[k].tau_theta;
        o.two_sided = rows[k].two_sided;
        o.steps = 240;
        struct rebias_mgd_result *result = mgd_train(&s, &o, theta);
        assert_int_equal(result->evaluations, rows[k].evaluations);
        assert_int_equal(result->updates, rows[k].updates);
        assert_int_equal(result->steps, 240);
        rebias_mgd_result_free(result);
    }
    mgd_close(&s);
}

/* -- 3. the analog form -- */

/* theta -= eta G; Ct = k (Ct + C - C_prev), k = tau_hp/(tau_hp + dt), C_prev = C on a new
 * sample; G += dt/(tau_theta + dt) (Ct dt p/D^2 - G) (McCaughan et al. 2023). */
static void run_plain_analog(struct plain *plain)
{
    const struct rebias_mgd_options *o = plain->o;
    const size_t P = plain->s->a.parameters;
    const uint64_t hold = (uint64_t)llround(o->tau_x / o->dt);
    const double square = o->amplitude * o->amplitude / (double)P;
    double Ct = 0.0;
    double previous = 0.0;
    for (uint64_t n = 0; n < o->steps; n++) {
        float p[MOST_PARAMETERS];
        double theta[MOST_PARAMETERS];
        rebias_code_fill(plain->code, n / (uint64_t)llround(o->tau_p / o->dt), p);
        for (size_t i = 0; i < P; i++) {
            plain->theta[i] -= o->eta * plain->G[i];
            theta[i] = plain->theta[i] + (double)p[i];
        }
        const double C =
            mgd_plain_cost(plain->s, theta, mgd_plain_sample(plain->s, o, n / hold));
        previous = n % hold == 0 ? C : previous;
        Ct = o->tau_hp / (o->tau_hp + o->dt) * (Ct + C - previous);
        previous = C;
        for (size_t i = 0; i < P; i++) {
            const double e = Ct * o->dt * (double)p[i] / square;
            plain->G[i] += o->dt / (o->tau_theta + o->dt) * (e - plain->G[i]);
        }
    }
}

static void test_analog_form(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "xor", "2,2,1");
    for (uint32_t k = 0; k < 4; k++) {
        struct rebias_mgd_options o = mgd_options();
        struct plain plain;
        o.analog = true;
        o.perturbation = k < 2 ? REBIAS_PERTURB_SINE : REBIAS_PERTURB_RANDOM;
        o.f_low = 0.1;
        o.f_high = 0.2;
        o.amplitude = 0.3;
        o.dt = o.tau_p = 0.1;
        o.tau_x = k % 2 == 0 ? 2.0 : 0.5;
        o.tau_theta = 5.0;
        o.tau_hp = 1.6;
        o.eta = 1.0;
        o.eta_form = REBIAS_ETA_PARAMETER;
        o.steps = 400;
        o.replicate = k;
        open_plain(&plain, &s, &o);
        run_plain_analog(&plain);
        compare(&s, &o, &plain, 0.002, 1e-5);
        rebias_code_free(plain.code);
    }
    mgd_close(&s);
}

/* -- 4. special cases -- */

/* Initial parameters plus what the test adds, in double. */
static void initial_of(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                       double *theta)
{
    struct plain plain;
    open_plain(&plain, s, o);
    memcpy(theta, plain.theta, sizeof plain.theta);
    rebias_code_free(plain.code);
}

/* Sequential perturbations over tau_theta = P are forward differences of one sample, times 1/P
 * because the mean runs over all P steps, times P because D^2 = amplitude^2/P. */
static void test_forward_differences(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double theta[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
    o.tau_theta = o.tau_x = XOR_PARAMETERS;
    o.amplitude = 0.1;
    initial_of(&s, &o, theta);
    mgd_estimate(&s, &o, XOR_PARAMETERS, MGD_ANY_WAY, estimate, &sums);
    const uint32_t sample = mgd_plain_sample(&s, &o, 0);
    const double base = mgd_plain_cost(&s, theta, sample);
    for (size_t i = 0; i < XOR_PARAMETERS; i++) {
        const double held = theta[i];
        theta[i] += o.amplitude;
        support_close((double)estimate[i],
                      (mgd_plain_cost(&s, theta, sample) - base) / o.amplitude, 0.0, 5e-6);
        theta[i] = held;
    }
    mgd_close(&s);
}

/* Sequential, two-sided, tau_x = P, tau_theta = 4 P: central differences over the whole data =
 * the gradient by backpropagation, up to amplitude^2/6 times third derivatives (< 1). */
static void test_differences_over_a_batch(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double gradient[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
    o.two_sided = true;
    o.amplitude = 0.02;
    o.tau_x = XOR_PARAMETERS;
    o.tau_theta = 4 * XOR_PARAMETERS;
    mgd_gradient(&s, &o, 4, gradient);
    mgd_estimate(&s, &o, 4 * XOR_PARAMETERS, MGD_ANY_WAY, estimate, &sums);
    double largest = 0.0;
    for (size_t i = 0; i < XOR_PARAMETERS; i++) {
        support_close((double)estimate[i], gradient[i], 0.0, 8e-5);
        largest = fmax(largest, fabs(gradient[i]));
    }
    assert_true(largest > 0.005);
    mgd_close(&s);
}

/* The same with the batch evaluated at once. */
static void test_differences_of_a_parallel_batch(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double gradient[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
    o.two_sided = true;
    o.amplitude = 0.02;
    o.batch = 4;
    o.tau_x = o.tau_theta = XOR_PARAMETERS;
    mgd_gradient(&s, &o, 1, gradient);
    mgd_estimate(&s, &o, XOR_PARAMETERS, MGD_ANY_WAY, estimate, &sums);
    for (size_t i = 0; i < XOR_PARAMETERS; i++) {
        support_close((double)estimate[i], gradient[i], 0.0, 8e-5);
    }
    mgd_close(&s);
}

/* Coordinate descent: sequential with tau_theta = tau_p changes one parameter an update (none
 * where an input of 0 makes the gradient 0). */
static void test_coordinate_descent(void **state)
{
    (void)state;
    struct mgd_setting s;
    float before[MOST_PARAMETERS] = {0.0f};
    size_t changed_in_all = 0;
    mgd_open(&s, "xor", "2,2,1");
    for (uint64_t steps = 1; steps <= 20; steps++) {
        float theta[MOST_PARAMETERS];
        size_t changed = 0;
        struct rebias_mgd_options o = mgd_options();
        o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
        o.steps = steps;
        rebias_mgd_result_free(mgd_train(&s, &o, theta));
        for (size_t i = 0; i < XOR_PARAMETERS && steps > 1; i++) {
            changed += fabsf(theta[i] - before[i]) > 0.0f;
        }
        assert_true(changed <= 1);
        changed_in_all += changed;
        memcpy(before, theta, sizeof before);
    }
    assert_true(changed_in_all >= 10);
    mgd_close(&s);
}

/* SPSA: one pattern of random signs, all entries of the estimate have the same size |Ct|/a. */
static void test_simultaneous_perturbation(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double theta[MOST_PARAMETERS];
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    o.two_sided = true;
    initial_of(&s, &o, theta);
    mgd_estimate(&s, &o, 1, MGD_ANY_WAY, estimate, &sums);
    struct plain plain;
    float p[MOST_PARAMETERS];
    open_plain(&plain, &s, &o);
    rebias_code_fill(plain.code, 0, p);
    const double Ct = (cost_at(&plain, 0, 1.0, p) - cost_at(&plain, 0, -1.0, p)) / 2.0;
    for (size_t i = 0; i < XOR_PARAMETERS; i++) {
        const double a = o.amplitude / 3.0;
        support_close((double)estimate[i], Ct / (p[i] > 0.0f ? a : -a), 0.0, 5e-6);
    }
    rebias_code_free(plain.code);
    mgd_close(&s);
}

/* Curvature enters one-sided differences in first order of the amplitude and leaves two-sided
 * ones: over a full Walsh period the error shrinks from a to a^2. */
static void test_two_sided_cancels_even_orders(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct mgd_sums sums;
    float estimate[MOST_PARAMETERS];
    double gradient[MOST_PARAMETERS];
    double error[2] = {0.0, 0.0};
    mgd_open(&s, "xor", "2,2,1");
    for (int sides = 0; sides < 2; sides++) {
        struct rebias_mgd_options o = mgd_options();
        o.perturbation = REBIAS_PERTURB_SEQUENTIAL;
        o.amplitude = 0.3;
        o.tau_x = o.tau_theta = XOR_PARAMETERS;
        o.two_sided = sides == 1;
        mgd_gradient(&s, &o, 1, gradient);
        mgd_estimate(&s, &o, XOR_PARAMETERS, MGD_ANY_WAY, estimate, &sums);
        for (size_t i = 0; i < XOR_PARAMETERS; i++) {
            error[sides] += fabs((double)estimate[i] - gradient[i]);
        }
    }
    assert_true(error[0] > 0.01);
    assert_true(error[1] < 0.1 * error[0]);
    mgd_close(&s);
}

/* -- 5. learning -- */

/* XOR 2-2-1 with random codes, amplitude 0.05, eta 3 in vector form: most seeds reach a mean
 * cost of 0.04 (a plain program of the same rule: 83 of 100 within 1e6 steps, median 4200). Of
 * 12 seeds at least 6 within 2e5 steps: fixed seeds; for another set P(fewer) is about 0.01. */
static void test_xor_is_learned(void **state)
{
    (void)state;
    struct mgd_setting s;
    size_t reached = 0;
    mgd_open(&s, "xor", "2,2,1");
    for (uint32_t k = 0; k < 12; k++) {
        float theta[MOST_PARAMETERS];
        struct rebias_mgd_options o = mgd_options();
        o.amplitude = 0.05;
        o.eta = 3.0;
        o.eta_form = REBIAS_ETA_VECTOR;
        o.steps = 200000;
        o.target_cost = 0.04;
        o.every = 500;
        o.replicate = k;
        struct rebias_mgd_result *result = mgd_train(&s, &o, theta);
        reached += result->reached;
        const struct rebias_mgd_look *last = &result->looks[result->look_count - 1];
        assert_int_equal(last->step, result->steps);
        assert_true(result->reached == (last->cost < 0.04));
        if (result->reached) {
            support_close(last->accuracy, 1.0, 0.0, 0.0);
        }
        rebias_mgd_result_free(result);
    }
    printf("# %zu of 12 seeds\n", reached);
    assert_true(reached >= 6);
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_discrete_form),
                                       cmocka_unit_test(test_forms_of_eta),
                                       cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_analog_form),
                                       cmocka_unit_test(test_forward_differences),
                                       cmocka_unit_test(test_differences_over_a_batch),
                                       cmocka_unit_test(test_differences_of_a_parallel_batch),
                                       cmocka_unit_test(test_coordinate_descent),
                                       cmocka_unit_test(test_simultaneous_perturbation),
                                       cmocka_unit_test(test_two_sided_cancels_even_orders),
                                       cmocka_unit_test(test_xor_is_learned)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
