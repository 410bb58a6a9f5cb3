/* test_farm.c - the farm on threads: every item once, dearest first, delivered in one place;
 * errors and interruption. (Ranks: farm_mpi.sh.)
 * 1. items that leave traces   2. order and results   3. handing out   4. errors   5. stopping
 *
 * No test measures time: items wait for each other or for a progress call, so that a farm that
 * hands out or asks wrongly never ends.
 */
#include "rebias/farm.h"
#include "rebias/random.h"
#include "support.h"
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- 1. items that leave traces -- */

enum { ITEMS = 400, NONE = ITEMS };

/* What items, deliveries and progress calls do and see. */
struct trace {
    atomic_int started, failures;
    atomic_size_t order[ITEMS]; /* items in the order of their start */
    atomic_int asked;           /* progress calls */
    pthread_t caller;
    int delivered[ITEMS];       /* times */
    size_t offered, deliveries; /* calls, and those that took the item */
    double seconds;
    size_t failing[2]; /* their work fails */
    size_t refused;    /* its delivery fails */
    size_t slow;       /* waits as `until` says */
    enum { NOTHING, ALL_OTHERS, A_FAILURE, FIVE_QUESTIONS, STOPPED } until;
    bool gives_up; /* the slow item returns REBIAS_E_INTERRUPTED */
    int stop_at;   /* progress asks to stop in this call; 0 = never */
};

static void prepare(struct trace *trace)
{
    *trace = (struct trace){
        .caller = pthread_self(), .failing = {NONE, NONE}, .refused = NONE, .slow = NONE};
}

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
}

static void wait_as_told(struct trace *trace, struct rebias_farm_stop *stop)
{
    while ((trace->until == ALL_OTHERS && atomic_load(&trace->started) < ITEMS) ||
           (trace->until == A_FAILURE && atomic_load(&trace->failures) == 0) ||
           (trace->until == FIVE_QUESTIONS && atomic_load(&trace->asked) < 5) ||
           (trace->until == STOPPED && rebias_farm_stopping(stop, 0, 0) == 0)) {
        doze();
    }
}

/* The result of item i: i bytes of value i mod 251. */
static int work(void *context, size_t item, struct rebias_farm_stop *stop,
                struct rebias_buffer *bytes, struct rebias_error *err)
{
    struct trace *trace = context;
    if (bytes->count != 0) { /* an assertion works on the main thread alone */
        return rebias_fail(err, REBIAS_E_DATA, "bytes are there already");
    }
    atomic_store(&trace->order[atomic_fetch_add(&trace->started, 1)], item);
    if (item == trace->slow) {
        wait_as_told(trace, stop);
        if (trace->gives_up) {
            return rebias_fail(err, REBIAS_E_INTERRUPTED, "gave up");
        }
    }
    for (int k = 0; k < 2; k++) {
        if (item == trace->failing[k]) {
            atomic_fetch_add(&trace->failures, 1);
            return rebias_fail(err, k == 0 ? REBIAS_E_NUMERIC : REBIAS_E_DATA,
                               "item %zu failed", item);
        }
    }
    const unsigned char value = (unsigned char)(item % 251);
    for (size_t i = 0; i < item; i++) {
        int status = rebias_buffer_append(bytes, 1, &value, err);
        if (status != REBIAS_OK) {
            return status;
        }
    }
    return REBIAS_OK;
}

static int deliver(void *context, size_t item, const void *bytes, size_t size, double seconds,
                   struct rebias_error *err)
{
    struct trace *trace = context;
    assert_true(pthread_equal(pthread_self(), trace->caller));
    assert_int_equal(size, item);
    const unsigned char *values = bytes;
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(values[i], item % 251);
    }
    assert_true(seconds >= 0.0);
    trace->seconds += seconds;
    trace->offered++;
    if (item == trace->refused) {
        return rebias_fail(err, REBIAS_E_IO, "no room for item %zu", item);
    }
    trace->deliveries++;
    trace->delivered[item]++;
    return REBIAS_OK;
}

static int watch(void *context, size_t done, size_t total)
{
    struct trace *trace = context;
    assert_true(pthread_equal(pthread_self(), trace->caller));
    assert_int_equal(total, ITEMS);
    assert_int_equal(done, trace->deliveries);
    const int calls = atomic_fetch_add(&trace->asked, 1) + 1;
    assert_true(trace->stop_at == 0 || calls <= trace->stop_at); /* not asked again */
    return calls == trace->stop_at;
}

static struct rebias_farm farm_of(struct trace *trace)
{
    return (struct rebias_farm){.count = ITEMS,
                                .work = work,
                                .deliver = deliver,
                                .context = trace,
                                .progress = watch,
                                .progress_context = trace};
}

static const int thread_counts[] = {1, 2, 7, 500, 0}; /* below 1 counts as 1 */
enum { THREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0] };

/* -- 2. order and results -- */

static void test_all_once(void **state)
{
    (void)state;
    for (size_t t = 0; t < THREAD_COUNTS; t++) {
        static struct trace trace;
        struct rebias_error err = {0};
        prepare(&trace);
        const struct rebias_farm farm = farm_of(&trace);
        support_expect(rebias_farm_threads(&farm, thread_counts[t], &err), REBIAS_OK, &err,
                       NULL);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(trace.delivered[i], 1);
        }
        assert_true(atomic_load(&trace.asked) >= ITEMS);
        assert_true(trace.seconds > 0.0);
    }
    static struct trace trace;
    prepare(&trace);
    struct rebias_farm nothing = farm_of(&trace);
    nothing.count = 0;
    nothing.progress = NULL;
    assert_int_equal(rebias_farm_threads(&nothing, 2, NULL), REBIAS_OK);
    assert_int_equal(trace.deliveries, 0);
}

/* By hand: costs 1 5 3 5 0 are worked in the order 1 3 2 0 4; without costs 0 1 2 3 4. */
static void test_dearest_first(void **state)
{
    (void)state;
    const double cost[] = {1.0, 5.0, 3.0, 5.0, 0.0};
    const size_t expected[] = {1, 3, 2, 0, 4};
    for (int priced = 0; priced < 2; priced++) {
        static struct trace trace;
        prepare(&trace);
        struct rebias_farm farm = farm_of(&trace);
        farm.count = 5;
        farm.cost = priced ? cost : NULL;
        farm.progress = NULL;
        assert_int_equal(rebias_farm_threads(&farm, 1, NULL), REBIAS_OK);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(atomic_load(&trace.order[i]), priced ? expected[i] : i);
        }
    }
}

/* Random costs, many of them equal (seed 1): started in falling order of cost, equal ones in
 * rising order of number. */
static void test_order_of_many(void **state)
{
    (void)state;
    static struct trace trace;
    static double cost[ITEMS];
    const struct rebias_stream stream = {.seed = 1, .purpose = REBIAS_FOR_TEST};
    rebias_random_uniform(&stream, 0, ITEMS, cost);
    for (size_t i = 0; i < ITEMS; i++) {
        cost[i] = floor(20.0 * cost[i]);
    }
    prepare(&trace);
    struct rebias_farm farm = farm_of(&trace);
    farm.cost = cost;
    assert_int_equal(rebias_farm_threads(&farm, 1, NULL), REBIAS_OK);
    for (size_t k = 1; k < ITEMS; k++) {
        const size_t a = atomic_load(&trace.order[k - 1]);
        const size_t b = atomic_load(&trace.order[k]);
        assert_true(cost[a] > cost[b] || (cost[a] <= cost[b] && cost[a] >= cost[b] && a < b));
    }
}

static void test_bad_costs(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -1.0};
    const char *const texts[] = {"the cost of item 2 is nan; it must be finite and >= 0",
                                 "the cost of item 2 is inf; it must be finite and >= 0",
                                 "the cost of item 2 is -1; it must be finite and >= 0"};
    for (size_t k = 0; k < 3; k++) {
        static struct trace trace;
        struct rebias_error err = {0};
        const double cost[] = {0.0, 1.0, bad[k]};
        prepare(&trace);
        struct rebias_farm farm = farm_of(&trace);
        farm.count = 3;
        farm.cost = cost;
        support_expect(rebias_farm_threads(&farm, 2, &err), REBIAS_E_RANGE, &err, texts[k]);
        assert_int_equal(atomic_load(&trace.started), 0);
    }
}

/* -- 3. handing out -- */

/* One item lasts until all others have started: with two threads the other takes them all. */
static void test_dynamic(void **state)
{
    (void)state;
    for (size_t slow = 0; slow < ITEMS; slow += ITEMS / 4) {
        static struct trace trace;
        prepare(&trace);
        trace.slow = slow;
        trace.until = ALL_OTHERS;
        const struct rebias_farm farm = farm_of(&trace);
        assert_int_equal(rebias_farm_threads(&farm, 2, NULL), REBIAS_OK);
        assert_int_equal(trace.deliveries, ITEMS);
    }
}

/* An item that lasts until progress was asked five times: it is asked while nothing is
 * delivered. */
static void test_asked_while_waiting(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        static struct trace trace;
        prepare(&trace);
        trace.slow = ITEMS - 1;
        trace.until = FIVE_QUESTIONS;
        struct rebias_farm farm = farm_of(&trace);
        static double cost[ITEMS];
        cost[ITEMS - 1] = 1.0; /* first of all */
        farm.cost = cost;
        assert_int_equal(rebias_farm_threads(&farm, threads, NULL), REBIAS_OK);
        assert_int_equal(trace.deliveries, ITEMS);
    }
}

/* -- 4. errors -- */

/* Two items fail at the same time or in either order: the lower one's status and record. */
static void test_lowest_failure(void **state)
{
    (void)state;
    const size_t pairs[][2] = {{0, 1}, {1, 0}};
    for (int round = 0; round < 200; round++) {
        static struct trace trace;
        struct rebias_error err = {0};
        prepare(&trace);
        memcpy(trace.failing, pairs[round % 2], sizeof trace.failing);
        trace.slow = (size_t)(round / 2 % 2); /* it fails after the other */
        trace.until = A_FAILURE;
        const struct rebias_farm farm = farm_of(&trace);
        const int status = rebias_farm_threads(&farm, 2, &err);
        support_expect(status, round % 2 == 0 ? REBIAS_E_NUMERIC : REBIAS_E_DATA, &err,
                       "item 0 failed");
        assert_true(atomic_load(&trace.started) < ITEMS);
    }
}

/* Item 1 fails while item 0 is under way: item 0 is finished and delivered. With one thread
 * nothing follows a failure. */
static void test_under_way_is_delivered(void **state)
{
    (void)state;
    static struct trace trace;
    struct rebias_error err = {0};
    prepare(&trace);
    trace.failing[0] = 1;
    trace.slow = 0;
    trace.until = A_FAILURE;
    struct rebias_farm farm = farm_of(&trace);
    support_expect(rebias_farm_threads(&farm, 2, &err), REBIAS_E_NUMERIC, &err,
                   "item 1 failed");
    assert_int_equal(trace.delivered[0], 1);
    assert_int_equal(trace.delivered[1], 0);
    assert_int_equal(trace.deliveries, 1);
    assert_int_equal(atomic_load(&trace.started), 2);
    prepare(&trace);
    trace.failing[0] = 9;
    farm = farm_of(&trace);
    support_expect(rebias_farm_threads(&farm, 1, &err), REBIAS_E_NUMERIC, &err,
                   "item 9 failed");
    assert_int_equal(atomic_load(&trace.started), 10);
    assert_int_equal(trace.deliveries, 9);
}

static void test_refused_delivery(void **state)
{
    (void)state;
    for (size_t t = 0; t < THREAD_COUNTS; t++) {
        static struct trace trace;
        struct rebias_error err = {0};
        prepare(&trace);
        trace.refused = 0;
        const struct rebias_farm farm = farm_of(&trace);
        support_expect(rebias_farm_threads(&farm, thread_counts[t], &err), REBIAS_E_IO, &err,
                       "no room for item 0");
        const size_t started = (size_t)atomic_load(&trace.started);
        assert_int_equal(trace.offered, started); /* the others were offered all the same */
        assert_true(started < ITEMS || thread_counts[t] == 500);
    }
}

/* -- 5. stopping -- */

/* Items hear it, what they finish is delivered, nothing more is handed out. */
static void test_interrupt(void **state)
{
    (void)state;
    const int stops[] = {1, 5, ITEMS};
    for (size_t k = 0; k < 3; k++) {
        for (size_t t = 0; t < THREAD_COUNTS; t++) {
            static struct trace trace;
            struct rebias_error err = {0};
            prepare(&trace);
            trace.stop_at = stops[k];
            trace.slow = thread_counts[t] > 1 ? 0 : NONE; /* others must go on meanwhile */
            trace.until = STOPPED;
            const struct rebias_farm farm = farm_of(&trace);
            support_expect(rebias_farm_threads(&farm, thread_counts[t], &err),
                           REBIAS_E_INTERRUPTED, &err, "interrupted after ");
            assert_int_equal(trace.delivered[0], 1);
            assert_int_equal(trace.deliveries, (size_t)atomic_load(&trace.started));
            assert_int_equal(atomic_load(&trace.asked), stops[k]);
        }
    }
}

/* An item that gives up, told so or by itself, is not delivered and is no failure. */
static void test_giving_up(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        static struct trace trace;
        struct rebias_error err = {0};
        prepare(&trace);
        trace.slow = 3;
        trace.gives_up = true;
        trace.until = told ? STOPPED : NOTHING;
        trace.stop_at = told ? 7 : 0;
        const struct rebias_farm farm = farm_of(&trace);
        support_expect(rebias_farm_threads(&farm, 1, &err), REBIAS_E_INTERRUPTED, &err,
                       "interrupted after 3 of 400 items");
        assert_int_equal(trace.deliveries, 3);
    }
}

/* A failure outweighs an interruption. */
static void test_failure_outweighs(void **state)
{
    (void)state;
    static struct trace trace;
    struct rebias_error err = {0};
    prepare(&trace);
    trace.slow = 0;
    trace.until = STOPPED;
    trace.failing[0] = 0;
    trace.stop_at = 4;
    const struct rebias_farm farm = farm_of(&trace);
    support_expect(rebias_farm_threads(&farm, 2, &err), REBIAS_E_NUMERIC, &err,
                   "item 0 failed");
    assert_true(atomic_load(&trace.started) < ITEMS);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_once),         cmocka_unit_test(test_dearest_first),
        cmocka_unit_test(test_order_of_many),    cmocka_unit_test(test_bad_costs),
        cmocka_unit_test(test_dynamic),          cmocka_unit_test(test_asked_while_waiting),
        cmocka_unit_test(test_lowest_failure),   cmocka_unit_test(test_under_way_is_delivered),
        cmocka_unit_test(test_refused_delivery), cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_giving_up),        cmocka_unit_test(test_failure_outweighs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
