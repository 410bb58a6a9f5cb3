/* test_pulses_summary.c - what is said of pulse data. */
#include "support.h"

#include "rebias/pulses.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "polarity,G_S,dG_S\n"

static struct rebias_pulses *load_text(const char *text,
                                       const struct rebias_pulses_options *options)
{
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    support_write(path, "pulses.csv", text, strlen(text));
    support_expect(rebias_pulses_load(&pulses, path, options, &err), REBIAS_OK, &err, NULL);
    assert_non_null(pulses);
    return pulses;
}

static struct rebias_pulses *load_default(const char *text)
{
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    return load_text(text, &options);
}

static void test_describe(void **state)
{
    (void)state;
    /* SET: dG 1, 2, -1: mean 2/3, squared deviations 1/9 + 16/9 + 25/9 = 42/9, sd =
     * sqrt(42/18). Labels lie in windows far apart; RESET has a single point. */
    struct rebias_pulses *p =
        load_default("device,cycle,polarity,G_S,dG_S\n"
                     "-2147483648,1,SET,3,1\n2147483647,1,SET,1,2\n0,1,SET,2,-1\n"
                     "524287,9,RESET,5,-4\n");
    struct rebias_pulses_summary s;
    rebias_pulses_describe(p, REBIAS_SET, &s);
    assert_int_equal(s.n, 3);
    assert_true(s.G_min == 1.0 && s.G_max == 3.0 && s.dG_min == -1.0 && s.dG_max == 2.0);
    support_close(s.dG_mean, 2.0 / 3.0, 1e-15, 0.0);
    support_close(s.dG_sd, sqrt(42.0 / 18.0), 1e-15, 0.0);
    support_close(s.wrong_sign, 1.0 / 3.0, 1e-15, 0.0);
    assert_int_equal(s.devices, 3);
    assert_int_equal(s.cycles, 1);
    rebias_pulses_describe(p, REBIAS_RESET, &s);
    assert_true(s.n == 1 && s.dG_mean == -4.0 && s.dG_sd == 0.0 && s.wrong_sign == 0.0);
    assert_true(s.devices == 1 && s.cycles == 1);
    assert_int_equal(rebias_pulses_count(p, REBIAS_SET), 3);
    assert_int_equal(rebias_pulses_count(p, REBIAS_RESET), 1);
    memset(p->polarity, REBIAS_SET, p->n);
    rebias_pulses_describe(p, REBIAS_RESET, &s);
    const struct rebias_pulses_summary nothing = {0};
    assert_memory_equal(&s, &nothing, sizeof s);
    rebias_pulses_free(p);
    p = load_default(HEADER "SET,1,0\nRESET,1,0.5\n");
    rebias_pulses_describe(p, REBIAS_RESET, &s);
    assert_true(s.wrong_sign == 1.0 && s.devices == 0 && s.cycles == 0);
    rebias_pulses_free(p);
}

/* 30000 labels, 37 apart over more than one window of the count, each twice. */
static void test_distinct_labels(void **state)
{
    (void)state;
    enum { LABELS = 30000 };
    struct rebias_pulses *p = NULL;
    assert_int_equal(rebias_pulses_new(&p, 2 * LABELS, true, NULL), REBIAS_OK);
    for (int i = 0; i < 2 * LABELS; i++) {
        p->device[i] = (i % LABELS - LABELS / 2) * 37;
        p->cycle[i] = i % 2;
    }
    struct rebias_pulses_summary s;
    rebias_pulses_describe(p, REBIAS_SET, &s);
    assert_int_equal(s.devices, LABELS);
    assert_int_equal(s.cycles, 2);
    rebias_pulses_free(p);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_distinct_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
