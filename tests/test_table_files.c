/* test_table_files.c - jump tables in their three formats: round trips, known numbers, same
 * bytes.
 * 1. small tables and helpers   2. round trips   3. CrossSim by hand and by measured files
 * Malformed files and failing writes: test_table_malformed.c.
 */
#include "rebias/table.h"
#include "support.h"
#include <glob.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- 1. small tables and helpers -- */

/* 2 G levels, 3 dG levels; numbers that need all 17 digits. */
static struct rebias_table *small_table(bool counted)
{
    static const double G[2] = {0.0, 1.0 / 3.0 * 1e-5};
    static const double dG[3] = {-1e-6, 0.1e-6, 7e-6 / 3.0};
    static const double cdf[2][6] = {{0.0, 0.5, 1.0, 1e-203, 0.1, 0.2 / 0.3},
                                     {0.0, 0.0, 0.0, 0.1, 0.1, 1.0}};
    const size_t G_count[2] = {2, 2};
    const size_t dG_count[2] = {3, 3};
    struct rebias_table *table = NULL;
    assert_int_equal(rebias_table_new(&table, G_count, dG_count, counted, NULL), REBIAS_OK);
    for (int p = 0; p < 2; p++) {
        memcpy(table->side[p].G, G, sizeof G);
        memcpy(table->side[p].dG, dG, sizeof dG);
        memcpy(table->side[p].cdf, cdf[p], sizeof cdf[p]);
        if (counted) {
            table->side[p].count[0] = 12.0;
            table->side[p].count[1] = 1.0 + p;
        }
    }
    assert_int_equal(rebias_copy_text(&table->estimator, "binning", NULL), REBIAS_OK);
    assert_int_equal(rebias_copy_text(&table->options, "bins=2,kind=width", NULL), REBIAS_OK);
    assert_int_equal(
        rebias_copy_text(&table->provenance, "rebias 0.1.0\nseed 1, \xc2\xb5S\n", NULL),
        REBIAS_OK);
    return table;
}

static void assert_same_bits(const double *a, const double *b, size_t count)
{
    assert_true((a == NULL) == (b == NULL));
    if (a != NULL) {
        assert_memory_equal(a, b, count * sizeof *a);
    }
}

static void assert_same_table(const struct rebias_table *a, const struct rebias_table *b)
{
    for (int p = 0; p < 2; p++) {
        const struct rebias_table_side *x = &a->side[p];
        const struct rebias_table_side *y = &b->side[p];
        assert_int_equal(x->G_count, y->G_count);
        assert_int_equal(x->dG_count, y->dG_count);
        assert_same_bits(x->G, y->G, x->G_count);
        assert_same_bits(x->dG, y->dG, x->dG_count);
        assert_same_bits(x->cdf, y->cdf, x->G_count * x->dG_count);
        assert_same_bits(x->count, y->count, x->G_count);
    }
}

static struct rebias_table *loaded(const char *spec)
{
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    support_expect(rebias_table_load(&table, spec, &err), REBIAS_OK, &err, NULL);
    return table;
}

static void save(const struct rebias_table *table, const char *spec)
{
    struct rebias_error err = {0};
    support_expect(rebias_table_save(table, spec, &err), REBIAS_OK, &err, NULL);
}

/* Files whose names begin with the scratch name. */
static size_t count_files(const char *name)
{
    char pattern[1024];
    glob_t found;
    support_scratch(pattern, name);
    strcat(pattern, "*");
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/* "FORMAT:" and the path of a scratch name. */
static void spec_of(char spec[1100], const char *format, const char *name)
{
    char path[1024];
    support_scratch(path, name);
    snprintf(spec, 1100, "%s%s", format, path);
}

/* -- 2. round trips -- */

static void native_round_trip(bool counted)
{
    char spec[1100];
    spec_of(spec, "", "round.jt.h5");
    struct rebias_table *table = small_table(counted);
    save(table, spec);
    struct rebias_table *again = loaded(spec);
    assert_same_table(table, again);
    assert_string_equal(again->estimator, table->estimator);
    assert_string_equal(again->options, table->options);
    assert_string_equal(again->provenance, table->provenance);
    rebias_table_free(table);
    rebias_table_free(again);
}

static void test_native_keeps_every_bit(void **state)
{
    (void)state;
    native_round_trip(true);
    native_round_trip(false);
}

/* The small table always, the shared ones where they are there: text -> table -> native -> text
 * -> table. */
static void text_round_trip(const char *source)
{
    char native[1100];
    char text[1100];
    spec_of(native, "", "between.jt.h5");
    spec_of(text, "xbtorch:", "between");
    struct rebias_table *first = loaded(source);
    save(first, native);
    struct rebias_table *second = loaded(native);
    save(second, text);
    struct rebias_table *third = loaded(text);
    assert_same_table(first, second);
    assert_same_table(first, third);
    assert_string_equal(third->estimator, "xbtorch");
    rebias_table_free(first);
    rebias_table_free(second);
    rebias_table_free(third);
}

static const char *const shared_tables[] = {
    "tiox_jump_tables/tiox_1.35V",
    "tiox_jump_tables/tiox_1.5V",
    "tiox_jump_tables/tiox_1.8V",
    "synthetic_jump_table/target_lc_ns_sd1.2_10000",
};

enum { SHARED_TABLES = sizeof shared_tables / sizeof shared_tables[0] };

/* Specification of shared table i, or false where the shared data are not there. */
static bool shared_spec(char spec[1100], size_t i)
{
    char name[128];
    char path[1024];
    snprintf(name, sizeof name, "%s_set_cdf.txt", shared_tables[i]);
    if (!support_shared(path, name)) {
        return false;
    }
    path[strlen(path) - strlen("_set_cdf.txt")] = '\0';
    snprintf(spec, 1100, "xbtorch:%s", path);
    return true;
}

static void test_xbtorch_loses_nothing(void **state)
{
    (void)state;
    char spec[1100];
    spec_of(spec, "xbtorch:", "small");
    struct rebias_table *table = small_table(false);
    save(table, spec);
    struct rebias_table *again = loaded(spec);
    assert_same_table(table, again);
    rebias_table_free(table);
    rebias_table_free(again);
    assert_int_equal(count_files("small"), 6);
    text_round_trip(spec);
    for (size_t i = 0; i < SHARED_TABLES; i++) {
        if (shared_spec(spec, i)) {
            text_round_trip(spec);
        }
    }
}

/* Two numbers of the fact sheet on the TiOx tables: CDF[0][99] of 1.8 V SET, shape 100 x 100.
 */
static void test_tiox_numbers(void **state)
{
    (void)state;
    char spec[1100];
    if (!shared_spec(spec, 2)) {
        return;
    }
    struct rebias_table *table = loaded(spec);
    assert_int_equal(table->side[REBIAS_SET].G_count, 100);
    assert_int_equal(table->side[REBIAS_SET].dG_count, 100);
    support_close(table->side[REBIAS_SET].G[0], 5e-6, 1e-12, 0.0);
    support_close(table->side[REBIAS_SET].cdf[99], 0.9791887953, 0.0, 1e-10);
    rebias_table_free(table);
}

static bool equal_files(const char *a, const char *b)
{
    char *x = NULL;
    char *y = NULL;
    size_t x_size = 0;
    size_t y_size = 0;
    assert_int_equal(rebias_read_file(a, 1 << 24, &x, &x_size, NULL), REBIAS_OK);
    assert_int_equal(rebias_read_file(b, 1 << 24, &y, &y_size, NULL), REBIAS_OK);
    bool equal = x_size == y_size && memcmp(x, y, x_size) == 0;
    free(x);
    free(y);
    return equal;
}

/* The gzip file's raw bytes are compared by their checksum, since rebias_read_file
 * decompresses. */
static void test_same_table_same_bytes(void **state)
{
    (void)state;
    char spec[1100];
    char first[1024];
    char second[1024];
    char sums[2][20];
    struct rebias_table *table = small_table(true);
    for (int i = 0; i < 2; i++) {
        sleep(i == 1 ? 2 : 0); /* a time stamp, in seconds, would differ */
        spec_of(spec, "", i == 0 ? "a.jt.h5" : "b.jt.h5");
        save(table, spec);
        spec_of(spec, "crosssim:", i == 0 ? "a.gz" : "b.gz");
        save(table, spec);
    }
    support_scratch(first, "a.jt.h5");
    support_scratch(second, "b.jt.h5");
    assert_true(equal_files(first, second));
    support_scratch(first, "a_dG_increasing.txt.gz");
    support_scratch(second, "b_dG_increasing.txt.gz");
    assert_int_equal(rebias_file_checksum(first, sums[0], NULL), REBIAS_OK);
    assert_int_equal(rebias_file_checksum(second, sums[1], NULL), REBIAS_OK);
    assert_string_equal(sums[0], sums[1]);
    rebias_table_free(table);
}

/* -- 3. CrossSim by hand and by measured files -- */

static void write_crosssim(const char *name, const char *increasing, const char *decreasing)
{
    char path[1024];
    char file[128];
    snprintf(file, sizeof file, "%s_dG_increasing.txt", name);
    support_write(path, file, increasing, strlen(increasing));
    snprintf(file, sizeof file, "%s_dG_decreasing.txt", name);
    support_write(path, file, decreasing, strlen(decreasing));
}

static const char good_crosssim[] =
    "header\n1e-6,\t2e-6,3e-6\n0. ,0.5,1\n\n-1e-6,1e-6,3e-6\n0,1e-6,-1e-6\n3e-6,1e-6,3e-6\n";

/* By hand. Axis -1 ... 3 uS in steps of 4 nS, so 0 is level 250, 1 uS level 500.
 * Column 1: F(0) = 0.5, F(1 uS) = 0.5 + 0.5 / 3. Column 2: a point mass at 1 uS. Column 3
 * falls: sorted it is -1, 3, 3: F(1 uS) = 0.25, F just below 3 uS is 0.5 and F(3 uS) = 1. */
static void test_crosssim_by_hand(void **state)
{
    (void)state;
    char spec[1100];
    write_crosssim("hand", good_crosssim, good_crosssim);
    spec_of(spec, "crosssim:", "hand");
    struct rebias_table *table = loaded(spec);
    const struct rebias_table_side *set = &table->side[REBIAS_SET];
    assert_string_equal(table->estimator, "crosssim");
    assert_string_equal(table->options, "repaired=2");
    assert_int_equal(set->G_count, 3);
    assert_int_equal(set->dG_count, 1001);
    support_close(set->dG[0], -1e-6, 1e-14, 0.0);
    support_close(set->dG[500], 1e-6, 1e-14, 0.0);
    support_close(set->dG[1000], 3e-6, 1e-14, 0.0);
    support_close(set->cdf[0], 0.0, 0.0, 0.0);
    support_close(set->cdf[250], 0.5, 0.0, 1e-12);
    support_close(set->cdf[500], 0.5 + 0.5 / 3.0, 0.0, 1e-12);
    support_close(set->cdf[1001 + 499], 0.0, 0.0, 0.0);
    support_close(set->cdf[1001 + 501], 1.0, 0.0, 0.0);
    support_close(set->cdf[2002 + 500], 0.25, 0.0, 1e-12);
    support_close(set->cdf[2002 + 999], 0.5, 0.0, 1e-3);
    support_close(set->cdf[2002 + 1000], 1.0, 0.0, 0.0);
    rebias_table_free(table);
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

enum { LEVELS = 501 };

/* Q[i][k] = sorted jumps at G_i of a measured file, read here by strtod alone. */
static void read_measured(const char *path, double (*Q)[LEVELS])
{
    char *text = NULL;
    size_t size = 0;
    assert_int_equal(rebias_read_file(path, 1 << 26, &text, &size, NULL), REBIAS_OK);
    char *at = strchr(text, '\n') + 1;
    for (size_t n = 0; n < 2 * LEVELS + LEVELS * LEVELS; n++) {
        char *end = NULL;
        double value = strtod(at, &end);
        assert_true(end != at);
        at = end + strspn(end, ",\t\r\n ");
        if (n >= 2 * LEVELS) {
            Q[n % LEVELS][n / LEVELS - 2] = value;
        }
    }
    assert_true(*at == '\0');
    for (size_t i = 0; i < LEVELS; i++) {
        qsort(Q[i], LEVELS, sizeof(double), compare_doubles);
    }
    free(text);
}

/* Mean and sd of a quantile function that is linear between equidistant u: E x = (a + b) / 2 on
 * each step. */
static void exact_moments(const double Q[LEVELS], double *mean, double *sd)
{
    double first = 0.0;
    double second = 0.0;
    for (size_t k = 0; k + 1 < LEVELS; k++) {
        first += 0.5 * (Q[k] + Q[k + 1]) / (LEVELS - 1);
    }
    for (size_t k = 0; k + 1 < LEVELS; k++) {
        double a = Q[k] - first;
        double b = Q[k + 1] - first;
        second += (a * a + a * b + b * b) / 3.0 / (LEVELS - 1);
    }
    *mean = first;
    *sd = sqrt(second);
}

/* Largest and mean differences of mean and sd, in units of the mean sd. */
struct deviation {
    double largest[2];
    double average[2];
};

static struct deviation deviation_from(const struct rebias_table_side *side, const double *mean,
                                       const double *sd)
{
    struct deviation d = {{0.0, 0.0}, {0.0, 0.0}};
    double scale = 0.0;
    double n = (double)side->G_count;
    for (size_t i = 0; i < side->G_count; i++) {
        scale += sd[i] / n;
    }
    for (size_t i = 0; i < side->G_count; i++) {
        double m = 0.0;
        double s = 0.0;
        rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &m, &s);
        const double off[2] = {fabs(m - mean[i]) / scale, fabs(s - sd[i]) / scale};
        for (int k = 0; k < 2; k++) {
            d.largest[k] = fmax(d.largest[k], off[k]);
            d.average[k] += off[k] / n;
        }
    }
    return d;
}

/* Columns that fall somewhere in the SET plus the RESET file, counted by a separate script. */
static const char *const repaired[4] = {"repaired=42", "repaired=310", "repaired=0",
                                        "repaired=190"};

/* Measured: largest 2.8e-3 (mean) and 3.3e-3 (sd) of the mean sd, on average 3.8e-4 and 5.5e-4.
 */
static void test_crosssim_devices(void **state)
{
    (void)state;
    static const char *const suffixes[2] = {"_dG_increasing.txt.gz", "_dG_decreasing.txt.gz"};
    double(*Q)[LEVELS] = malloc(LEVELS * sizeof *Q);
    assert_non_null(Q);
    for (int device = 1; device <= 4; device++) {
        char name[128];
        char path[1024];
        char spec[1100];
        snprintf(name, sizeof name, "taox_lookup_tables/device%d%s", device, suffixes[0]);
        if (!support_shared(path, name)) {
            continue;
        }
        snprintf(spec, sizeof spec, "crosssim:%.*s", (int)(strlen(path) - strlen(suffixes[0])),
                 path);
        struct rebias_table *table = loaded(spec);
        assert_string_equal(table->options, repaired[device - 1]);
        for (int p = 0; p < 2; p++) {
            double mean[LEVELS];
            double sd[LEVELS];
            snprintf(name, sizeof name, "taox_lookup_tables/device%d%s", device, suffixes[p]);
            assert_true(support_shared(path, name));
            read_measured(path, Q);
            for (size_t i = 0; i < LEVELS; i++) {
                exact_moments(Q[i], &mean[i], &sd[i]);
            }
            assert_int_equal(table->side[p].G_count, LEVELS);
            const struct deviation d = deviation_from(&table->side[p], mean, sd);
            assert_true(d.largest[0] < 3e-3 && d.largest[1] < 3.5e-3);
            assert_true(d.average[0] < 4e-4 && d.average[1] < 6e-4);
        }
        rebias_table_free(table);
    }
    free(Q);
}

/* Measured for a Gaussian table written with 501 probabilities and read back on 1001 dG:
 * mean 1.8e-4, sd 4.0e-4. */
static void test_crosssim_round_trip(void **state)
{
    (void)state;
    for (size_t t = 0; t < SHARED_TABLES; t++) {
        char spec[1100];
        if (!shared_spec(spec, t)) {
            continue;
        }
        struct rebias_table *table = loaded(spec);
        spec_of(spec, "crosssim:", t % 2 == 0 ? "trip" : "trip.gz");
        save(table, spec);
        struct rebias_table *again = loaded(spec);
        for (int p = 0; p < 2; p++) {
            const struct rebias_table_side *side = &table->side[p];
            double mean[128];
            double sd[128];
            assert_int_equal(side->G_count, 100);
            for (size_t i = 0; i < side->G_count; i++) {
                rebias_table_moments(side, REBIAS_RULE_LINEAR, side->G[i], &mean[i], &sd[i]);
            }
            assert_same_bits(side->G, again->side[p].G, side->G_count);
            const struct deviation d = deviation_from(&again->side[p], mean, sd);
            assert_true(d.largest[0] < 2e-4 && d.largest[1] < 5e-4);
        }
        rebias_table_free(table);
        rebias_table_free(again);
    }
}

/* Only the .gz form is there, and the plain prefix is asked for. */
static void test_crosssim_gzip_is_found(void **state)
{
    (void)state;
    char spec[1100];
    char path[1024];
    struct rebias_table *table = small_table(false);
    spec_of(spec, "crosssim:", "packed.gz");
    save(table, spec);
    rebias_table_free(table);
    assert_int_equal(count_files("packed"), 2);
    spec_of(spec, "crosssim:", "packed");
    rebias_table_free(loaded(spec));
    support_scratch(path, "packed_dG_decreasing.txt.gz");
    assert_int_equal(unlink(path), 0);
    struct rebias_error err = {0};
    support_expect(rebias_table_load(&table, spec, &err), REBIAS_E_IO, &err,
                   "packed_dG_decreasing.txt: cannot open: No such file");
    assert_null(table);
}

/* A program may run in a locale with a decimal comma; where none is installed, there is nothing
 * to see. */
static void test_decimal_comma_does_no_harm(void **state)
{
    (void)state;
    char spec[1100];
    spec_of(spec, "xbtorch:", "comma");
    struct rebias_table *table = small_table(false);
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL) {
        printf("# no locale with a decimal comma is installed\n");
    }
    save(table, spec);
    struct rebias_table *again = loaded(spec);
    setlocale(LC_NUMERIC, "C");
    assert_same_table(table, again);
    rebias_table_free(table);
    rebias_table_free(again);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_keeps_every_bit),
        cmocka_unit_test(test_xbtorch_loses_nothing),
        cmocka_unit_test(test_tiox_numbers),
        cmocka_unit_test(test_same_table_same_bytes),
        cmocka_unit_test(test_crosssim_by_hand),
        cmocka_unit_test(test_crosssim_devices),
        cmocka_unit_test(test_crosssim_round_trip),
        cmocka_unit_test(test_crosssim_gzip_is_found),
        cmocka_unit_test(test_decimal_comma_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
