/* test_mgd_delay.c - steps of multiplexed gradient descent that are taken late, or in quanta.
 * 1. a queue by hand   2. stability   3. quanta   4. wrong options
 */
#include "mgd_support.h"

enum { MOST_PARAMETERS = 400, MOST_UPDATES = 256 };

/* -- 1. a queue by hand -- */

/* A run whose steps are all kept: that of update k - delay is taken at the end of period k. The
 * parts are the library's (each has its own reference), the order is written out here. Windows
 * have one segment (general worker) or up to 511 (lanes), so that there is one sum of each. */
struct by_hand {
    const struct mgd_setting *s;
    struct rebias_mgd_options options; /* without the delay */
    struct mgd_times times;
    struct mgd_blocks blocks;
    struct mgd_parameters parameters;
    struct mgd_worker *worker;
    struct mgd_optimizer optimizer;
    float (*step)[MOST_PARAMETERS]; /* [MOST_UPDATES] */
};

static void open_by_hand(struct by_hand *h, const struct mgd_setting *s,
                         const struct rebias_mgd_options *o)
{
    struct rebias_error err = {0};
    *h = (struct by_hand){.s = s, .options = *o};
    h->options.update_delay = 0;
    support_expect(rebias_mgd_check(o, &s->a, &s->data, &h->times, &err), REBIAS_OK, &err,
                   NULL);
    rebias_mgd_blocks(&h->blocks, &s->a, o);
    support_expect(rebias_mgd_parameters_new(&h->parameters, &s->a, &h->options, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(rebias_mgd_worker_new(&h->worker, &s->a, &s->data, &h->options, &err),
                   REBIAS_OK, &err, NULL);
    support_expect(
        rebias_mgd_optimizer_new(&h->optimizer, s->a.parameters, &h->blocks, &h->options, &err),
        REBIAS_OK, &err, NULL);
    support_expect(rebias_alloc(&h->step, MOST_UPDATES, sizeof *h->step, &err), REBIAS_OK, &err,
                   NULL);
}

static void close_by_hand(struct by_hand *h)
{
    rebias_mgd_optimizer_clear(&h->optimizer);
    rebias_mgd_worker_free(h->worker);
    rebias_mgd_parameters_clear(&h->parameters);
    free(h->step);
}

/* step[update] = what the optimiser makes of the estimate of its period. */
static void work_out(struct by_hand *h, uint64_t update)
{
    static struct mgd_segment segment[MGD_SEGMENTS];
    struct rebias_error err = {0};
    struct mgd_sums sums = {0};
    float *step = h->step[update];
    const uint64_t from = update * h->times.theta;
    const double passes =
        (double)from / (double)h->times.x * (double)h->options.batch / (double)h->s->data.n;
    uint64_t next = 0;
    const size_t count = rebias_mgd_segments(&h->times, from, from + h->times.theta,
                                             MGD_SEGMENTS, segment, &next);
    assert_true(count == 1 || count < 2 * rebias_mgd_worker_grain(h->worker));
    memset(step, 0, h->s->a.parameters * sizeof *step);
    support_expect(
        rebias_mgd_worker_run(h->worker, &h->parameters, count, segment, step, &sums, &err),
        REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < h->s->a.parameters; i++) {
        step[i] *= (float)(1.0 / (double)h->times.theta);
    }
    rebias_mgd_optimizer_step(&h->optimizer, &h->times, step, h->parameters.theta, passes,
                              step);
}

/* The trainer gives the same parameters and pulses, byte by byte. */
static void compare_by_hand(const struct mgd_setting *s, const struct rebias_mgd_options *o)
{
    struct by_hand h;
    float theta[MOST_PARAMETERS];
    uint64_t pulses = 0;
    assert_true(s->a.parameters <= MOST_PARAMETERS);
    struct rebias_mgd_result *result = mgd_train(s, o, theta);
    open_by_hand(&h, s, o);
    assert_int_equal(result->updates, o->steps / h.times.theta);
    assert_true(result->updates <= MOST_UPDATES);
    for (uint64_t k = 0; k < result->updates; k++) {
        work_out(&h, k);
        if (k >= o->update_delay) {
            pulses += rebias_mgd_parameters_apply(&h.parameters, h.step[k - o->update_delay],
                                                  (uint32_t)k);
        }
    }
    assert_memory_equal(theta, h.parameters.theta, s->a.parameters * sizeof *theta);
    assert_int_equal(result->pulses, pulses);
    close_by_hand(&h);
    rebias_mgd_result_free(result);
}

/* Delays of none, one, several, and as many as there are updates less one. */
static void compare_delays(const struct mgd_setting *s, const struct rebias_mgd_options *o)
{
    static const uint32_t delays[] = {0, 1, 7, 59};
    struct rebias_mgd_options late = *o;
    for (size_t k = 0; k < sizeof delays / sizeof delays[0]; k++) {
        late.update_delay = delays[k];
        compare_by_hand(s, &late);
    }
}

static struct rebias_mgd_options delay_options(double tau, size_t batch)
{
    struct rebias_mgd_options o = mgd_options();
    o.tau_theta = tau;
    o.batch = batch;
    o.steps = 60 * (uint64_t)tau;
    o.eta = 0.3;
    o.test_samples = 4;
    return o;
}

/* Lanes (samples one by one, 20 patterns a period) and the general worker (batches). */
static void test_software_follows_the_queue(void **state)
{
    (void)state;
    struct mgd_setting s;
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = delay_options(20.0, 1);
    compare_delays(&s, &o);
    o.eta_decay = 1.0;
    o.weight_decay = 0.01;
    o.update_noise = 1e-3;
    o.max_norm = 1.0;
    compare_delays(&s, &o);
    o = delay_options(1.0, 3);
    compare_delays(&s, &o);
    o.optimizer = REBIAS_OPTIMIZER_MOMENTUM;
    o.weight_decay = 0.01;
    compare_delays(&s, &o);
    o.optimizer = REBIAS_OPTIMIZER_ADAM;
    o.update_quantum = 0.01;
    compare_delays(&s, &o);
    mgd_close(&s);
}

static void test_devices_follow_the_queue(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_device *device = support_device("ag-asi");
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int k = 0; k < 4; k++) {
        struct rebias_mgd_options o =
            delay_options(k % 2 == 0 ? 20.0 : 1.0, k % 2 == 0 ? 1 : 3);
        o.device = device;
        o.crossbar.encoding = k % 2 == 0 ? REBIAS_PAIR : REBIAS_SINGLE;
        o.write = k / 2 == 0 ? REBIAS_WRITE_STOCHASTIC : REBIAS_WRITE_ACCUMULATE;
        o.eta = 3.0;
        compare_delays(&s, &o);
    }
    rebias_device_free(device);
    mgd_close(&s);
}

/* Nothing is taken when the delay is as long as the run: the parameters are the initial ones.
 */
static void test_steps_that_wait_to_the_end(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct mgd_parameters initial;
    float theta[MOST_PARAMETERS];
    mgd_open(&s, "nist7x7", "49,4,4");
    struct rebias_mgd_options o = delay_options(20.0, 1);
    o.update_delay = 60;
    rebias_mgd_result_free(mgd_train(&s, &o, theta));
    support_expect(rebias_mgd_parameters_new(&initial, &s.a, &o, &err), REBIAS_OK, &err, NULL);
    assert_memory_equal(theta, initial.theta, s.a.parameters * sizeof *theta);
    rebias_mgd_parameters_clear(&initial);
    mgd_close(&s);
}

/* -- 2. stability -- */

static void fill_line(const void *context, size_t n, const uint32_t *index, float *x)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        x[i] = index[i] == 0 ? 1.0f : -1.0f;
    }
}

/* y = w x + b on x = 1 and -1, target 0: C = w^2 + b^2, whose second derivative is lambda = 2
 * for both; two-sided sequential patterns of both parameters give its gradient exactly. */
static void open_line(struct mgd_setting *s, struct rebias_mgd_options *o, double h)
{
    static const float target[2] = {0.0f, 0.0f};
    struct rebias_error err = {0};
    *s = (struct mgd_setting){.task = NULL};
    support_expect(rebias_architecture_parse(&s->a, "1,1", REBIAS_TRANSFER_SIGMOID,
                                             REBIAS_TRANSFER_NONE, REBIAS_COST_SQUARED, 0.0,
                                             &err),
                   REBIAS_OK, &err, NULL);
    s->data = (struct rebias_mgd_data){
        .n = 2, .inputs = 1, .outputs = 1, .fill = fill_line, .target = target};
    *o = mgd_options();
    o->perturbation = REBIAS_PERTURB_SEQUENTIAL;
    o->amplitude = 0.5;
    o->two_sided = true;
    o->batch = 2;
    o->tau_theta = 2.0;
    o->eta_form = REBIAS_ETA_PARAMETER; /* theta -= eta tau_theta gradient = eta 2 2 theta */
    o->eta = h / 4.0;
    o->steps = 400; /* 200 updates */
    o->every = 2;
}

/* The costs of 200 updates are those of e(k + 1) = e(k) - h e(k - d), e(k) = e(0) before;
 * returns the largest of the last 30 updates over the first. Float32 keeps them to 1e-3. */
static double follow_recursion(uint32_t delay, double h)
{
    struct mgd_setting s;
    struct rebias_mgd_options o;
    struct rebias_error err = {0};
    struct mgd_parameters initial;
    float theta[2];
    double e[201] = {1.0};
    double last = 0.0;
    open_line(&s, &o, h);
    o.update_delay = delay;
    support_expect(rebias_mgd_parameters_new(&initial, &s.a, &o, &err), REBIAS_OK, &err, NULL);
    const double start = (double)initial.theta[0] * (double)initial.theta[0] +
                         (double)initial.theta[1] * (double)initial.theta[1];
    struct rebias_mgd_result *result = mgd_train(&s, &o, theta);
    assert_int_equal(result->look_count, 200);
    for (size_t k = 0; k < 200; k++) {
        e[k + 1] = e[k] - (k >= delay ? h * e[k - delay] : 0.0);
        support_close(result->looks[k].cost, start * e[k + 1] * e[k + 1], 1e-3, 1e-5 * start);
        last = k >= 170 ? fmax(last, result->looks[k].cost / start) : last;
    }
    rebias_mgd_result_free(result);
    rebias_mgd_parameters_clear(&initial);
    return last;
}

/* z^(d + 1) = z^d - h leaves the unit circle at h = 2 sin(pi/(2 (2 d + 1))): 2, 1, 0.618 for
 * d = 0, 1, 2 (Levin & May, Theor. Popul. Biol. 9, 178 (1976)). 4 % below it the cost falls, 4
 * % above it rises. */
static void test_delay_limits_the_step(void **state)
{
    (void)state;
    static const uint32_t delays[] = {0, 1, 2, 5};
    for (size_t k = 0; k < sizeof delays / sizeof delays[0]; k++) {
        const double bound = 2.0 * sin(M_PI / (2.0 * (2.0 * delays[k] + 1.0)));
        assert_true(follow_recursion(delays[k], 0.96 * bound) < 0.5);
        assert_true(follow_recursion(delays[k], 1.04 * bound) > 2.0);
    }
}

/* -- 3. quanta -- */

/* Whole quanta of a power of two, which float32 holds: whatever the run did, every parameter is
 * a whole number of them from where it began. */
static void test_parameters_move_by_quanta(void **state)
{
    (void)state;
    const double quantum = 0x1p-6;
    struct mgd_setting s;
    struct rebias_error err = {0};
    struct mgd_parameters initial;
    float theta[MOST_PARAMETERS];
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int write = REBIAS_WRITE_STOCHASTIC; write <= REBIAS_WRITE_ACCUMULATE; write++) {
        struct rebias_mgd_options o = delay_options(20.0, 1);
        size_t moved = 0;
        o.update_quantum = quantum;
        o.write = (enum rebias_mgd_write)write;
        rebias_mgd_result_free(mgd_train(&s, &o, theta));
        support_expect(rebias_mgd_parameters_new(&initial, &s.a, &o, &err), REBIAS_OK, &err,
                       NULL);
        for (size_t i = 0; i < s.a.parameters; i++) {
            const double quanta = ((double)theta[i] - (double)initial.theta[i]) / quantum;
            support_close(quanta, nearbyint(quanta), 0.0, 1e-4);
            moved += fabs(quanta) > 0.5;
        }
        assert_true(moved > 20);
        rebias_mgd_parameters_clear(&initial);
    }
    mgd_close(&s);
}

/* 40 changes of 0.3 quanta: accumulated, 12 quanta (the fourth change brings the first);
 * rounded at random, 12 in the mean of 220 parameters (binomial, 4.5 standard deviations: false
 * alarm 7e-6) and not the same for all. */
static void test_small_changes_add_up(void **state)
{
    (void)state;
    const double quantum = 0.25;
    struct mgd_setting s;
    struct rebias_error err = {0};
    float change[MOST_PARAMETERS];
    mgd_open(&s, "nist7x7", "49,4,4");
    for (int write = REBIAS_WRITE_STOCHASTIC; write <= REBIAS_WRITE_ACCUMULATE; write++) {
        struct rebias_mgd_options o = mgd_options();
        struct mgd_parameters p;
        double sum = 0.0;
        double square = 0.0;
        o.update_quantum = quantum;
        o.write = (enum rebias_mgd_write)write;
        support_expect(rebias_mgd_parameters_new(&p, &s.a, &o, &err), REBIAS_OK, &err, NULL);
        const float start = p.theta[0];
        for (size_t i = 0; i < s.a.parameters; i++) {
            change[i] = (float)(0.3001 * quantum); /* 40 of them stay above 12 */
            p.theta[i] = start;
        }
        for (uint32_t update = 0; update < 40; update++) {
            assert_int_equal(rebias_mgd_parameters_apply(&p, change, update), 0);
            if (update == 2 && write == REBIAS_WRITE_ACCUMULATE) {
                support_close((double)p.theta[7], (double)start, 0.0, 0.0);
            }
        }
        for (size_t i = 0; i < s.a.parameters; i++) {
            const double quanta = ((double)start - (double)p.theta[i]) / quantum;
            sum += quanta / 220.0;
            square += quanta * quanta / 220.0;
        }
        const double sd = sqrt(0.3001 * 0.6999 * 40.0); /* of one parameter */
        if (write == REBIAS_WRITE_ACCUMULATE) {
            support_close(sum, 12.0, 0.0, 1e-4);
            support_close(square, 144.0, 0.0, 1e-2);
        } else {
            support_close(sum, 0.3001 * 40.0, 0.0, 4.5 * sd / sqrt(220.0));
            /* the variance of 220 numbers is known to sqrt(2/219) */
            support_close(square - sum * sum, sd * sd, 4.5 * sqrt(2.0 / 219.0), 0.0);
        }
        rebias_mgd_parameters_clear(&p);
    }
    mgd_close(&s);
}

/* -- 4. wrong options -- */

static void refuse(const struct mgd_setting *s, const struct rebias_mgd_options *o,
                   const char *text)
{
    struct rebias_error err = {0};
    struct rebias_mgd_result *result = NULL;
    support_expect(
        rebias_mgd_train(&result, &s->a, &s->data, &s->data, o, NULL, NULL, NULL, &err),
        REBIAS_E_RANGE, &err, text);
    assert_null(result);
}

static void test_wrong_options(void **state)
{
    (void)state;
    struct mgd_setting s;
    struct rebias_device *device = support_device("ideal");
    struct rebias_mgd_options o = mgd_options();
    mgd_open(&s, "xor", "2,2,1");
    o.update_delay = 1001;
    refuse(&s, &o, "update delay 1001 is not at least 0 and at most 1000");
    o = mgd_options();
    o.update_quantum = -1.0;
    refuse(&s, &o, "update quantum -1 is not at least 0");
    o.update_quantum = (double)NAN;
    refuse(&s, &o, "update quantum nan is not at least 0");
    o.update_quantum = 0.1;
    o.max_norm = 1.0;
    refuse(&s, &o, "a largest norm would leave the multiples of the update quantum");
    o.max_norm = 0.0;
    o.device = device;
    refuse(&s, &o, "an update quantum is for ideal parameters: a device has pulses");
    rebias_device_free(device);
    mgd_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_software_follows_the_queue),
                                       cmocka_unit_test(test_devices_follow_the_queue),
                                       cmocka_unit_test(test_steps_that_wait_to_the_end),
                                       cmocka_unit_test(test_delay_limits_the_step),
                                       cmocka_unit_test(test_parameters_move_by_quanta),
                                       cmocka_unit_test(test_small_changes_add_up),
                                       cmocka_unit_test(test_wrong_options)};
    support_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
