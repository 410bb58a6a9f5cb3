/* test_pulses.c - pulse data: CSV in and out.
 * 1. helpers   2. what is read   3. malformed files   4. skip_bad   5. writing
 */
#include "support.h"

#include "rebias/devmodel.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* -- 1. helpers -- */

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

static void refuse_bytes(const void *bytes, size_t size,
                         const struct rebias_pulses_options *options, int expected,
                         const char *message)
{
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_pulses one = {0};
    struct rebias_pulses *pulses = &one;
    support_write(path, "bad.csv", bytes, size);
    support_expect(rebias_pulses_load(&pulses, path, options, &err), expected, &err, message);
    support_expect(expected, expected, &err, path);
    assert_null(pulses);
    assert_int_equal(rebias_pulses_load(&pulses, path, options, NULL), expected);
}

static void refuse_text(const char *text, const struct rebias_pulses_options *options,
                        int expected, const char *message)
{
    refuse_bytes(text, strlen(text), options, expected, message);
}

/* The two points SET 1 S + 0.5 S and RESET 2 S - 0.25 S. */
static void expect_standard_points(struct rebias_pulses *p)
{
    assert_int_equal(p->n, 2);
    assert_int_equal(p->skipped, 0);
    assert_int_equal(p->polarity[0], REBIAS_SET);
    assert_int_equal(p->polarity[1], REBIAS_RESET);
    assert_true(p->G[0] == 1.0 && p->G[1] == 2.0);
    assert_true(p->dG[0] == 0.5 && p->dG[1] == -0.25);
    rebias_pulses_free(p);
}

/* -- 2. what is read -- */

static void test_new(void **state)
{
    (void)state;
    struct rebias_pulses *p = NULL;
    assert_int_equal(rebias_pulses_new(&p, 3, true, NULL), REBIAS_OK);
    assert_int_equal(p->n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(p->G[i] == 0.0 && p->dG[i] == 0.0);
        assert_true(p->polarity[i] == 0 && p->device[i] == 0 && p->cycle[i] == 0 &&
                    p->pulse[i] == 0);
    }
    rebias_pulses_free(p);
    assert_int_equal(rebias_pulses_new(&p, 0, false, NULL), REBIAS_OK);
    assert_int_equal(p->n, 0);
    assert_null(p->device);
    assert_null(p->cycle);
    assert_null(p->pulse);
    rebias_pulses_free(p);
    struct rebias_error err = {0};
    support_expect(rebias_pulses_new(&p, SIZE_MAX, false, &err), REBIAS_E_MEMORY, &err,
                   "memory");
    assert_null(p);
    rebias_pulses_free(NULL);
}

static void test_dialects(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "polarity,G_S,dG_S\nSET,1,0.5\nRESET,2,-0.25\n",
        "polarity,G_S,dG_S\nSET,1,0.5\nRESET,2,-0.25", /* no last line end */
        "\xEF\xBB\xBFpolarity,G_S,dG_S\r\nSET,1,0.5\r\nRESET,2,-0.25\r\n", /* byte-order mark,
                                                                              CRLF */
        "polarity,G_S,dG_S\rSET,1,0.5\rRESET,2,-0.25\r",                   /* CR */
        "polarity;G_S;dG_S\nSET;1;0.5\nRESET;2;-0.25\n",
        "polarity\tG_S\tdG_S\nSET\t1\t0.5\nRESET\t2\t-0.25\n",
        ("# version 1, command: a;b;c;d;e\n#\n\npolarity,G_S,dG_S\n\nSET,1,0.5\n "
         "\t\nRESET,2,-0.25\n\n"),
        "\"polarity\",\"G_S\" ,\"dG_S\"\n\"SET\", \"1\" ,0.5\n  RESET  ,2.,-.25\n",
        "dG_S,comment,G_S,polarity\n0.5,\"two\nlines, \"\"quoted\"\"\",1,SET\n-0.25,,2,RESET\n",
        "polarity,G_S,dG_S,\"a;b;c;d;e\"\nSET,1,0.5,\nRESET,2,-0.25,\n", /* delimiters in quotes
                                                                            do not count */
        "polarity,G_S,dG_S,device_S\nSET,1,0.5,x\nRESET,2,-0.25,y\n", /* no unit on labels: not
                                                                         `device` */
        "POLARITY,g_s,DG_S\nset,1,0.5\nReset,2,-0.25\n",
        "polarity,G_S,dG_S\nS,1,0.5\nR,2,-0.25\n",
        "polarity,G_S,dG_S\n+1,1,0.5\n-1,2,-0.25\n",
        "polarity,G_S,dG_S\n1,1,0.5\nr,2,-0.25\n",
        "polarity,G_S,after_S\nSET,1,1.5\nRESET,2,1.75\n",
        "polarity,g_s,G_S,dG_S\nSET,7,1,0.5\nRESET,7,2,-0.25\n", /* the exact name wins */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rebias_pulses *p = load_default(texts[i]);
        assert_null(p->device);
        assert_null(p->cycle);
        assert_null(p->pulse);
        expect_standard_points(p);
    }
}

static void test_labels(void **state)
{
    (void)state;
    struct rebias_pulses *p =
        load_default("device,cycle,pulse,polarity,G_S,dG_S\n1,-2,2147483647,SET,1,0.5\n"
                     "-2147483648,4,5,RESET,2,-0.25\n");
    assert_int_equal(p->device[0], 1);
    assert_int_equal(p->cycle[0], -2);
    assert_int_equal(p->pulse[0], INT32_MAX);
    assert_true(p->device[1] == INT32_MIN && p->cycle[1] == 4 && p->pulse[1] == 5);
    expect_standard_points(p);
    p = load_default("cycle,polarity,G_S,dG_S\n3,SET,1,0.5\n4,RESET,2,-0.25\n");
    assert_null(p->device);
    assert_null(p->pulse);
    assert_true(p->cycle[0] == 3 && p->cycle[1] == 4);
    expect_standard_points(p);
}

static void test_chosen_columns(void **state)
{
    (void)state;
    const struct rebias_pulses_options options = {.polarity = "kind",
                                                  .G = "before",
                                                  .dG = "step_S",
                                                  .device = "die",
                                                  .cycle = "loop",
                                                  .pulse = "no",
                                                  .unit = "S"};
    struct rebias_pulses *p = load_text("die,loop,No,Kind,before,step_S,G_S,dG_S,polarity\n"
                                        "1,2,3,SET,1,0.5,9,9,x\n4,5,6,RESET,2,-0.25,9,9,x\n",
                                        &options);
    assert_true(p->device[1] == 4 && p->cycle[1] == 5 && p->pulse[1] == 6);
    expect_standard_points(p);
    const struct rebias_pulses_options after = {.after = "then_S"};
    expect_standard_points(
        load_text("polarity,G_S,dG_S,then_S\nSET,1,9,1.5\nRESET,2,9,1.75\n", &after));
}

/* The same whole number in every unit: x / 10^k is rounded once, as the compiler rounds the
 * literal. */
static void test_units(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        double G;
        double dG;
    } cases[] = {{"S", 250.0, -3.0},    {"mS", 250e-3, -3e-3},   {"uS", 250e-6, -3e-6},
                 {"nS", 250e-9, -3e-9}, {"pS", 250e-12, -3e-12}, {"us", 250e-6, -3e-6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "polarity,G_%s,dG_%s\nSET,250,-3\nRESET,0,0\n",
                 cases[i].unit, cases[i].unit);
        struct rebias_pulses *p = load_default(text);
        assert_true(p->G[0] == cases[i].G && p->dG[0] == cases[i].dG);
        rebias_pulses_free(p);
        const struct rebias_pulses_options options = {.unit = cases[i].unit};
        p = load_text("polarity,G,dG\nSET,250,-3\nRESET,0,0\n", &options);
        assert_true(p->G[0] == cases[i].G && p->dG[0] == cases[i].dG);
        rebias_pulses_free(p);
    }
    /* A unit in the name goes before the option. */
    const struct rebias_pulses_options options = {.unit = "mS"};
    struct rebias_pulses *p = load_text("polarity,G_nS,dG\nSET,250,-3\nRESET,0,0\n", &options);
    assert_true(p->G[0] == 250e-9 && p->dG[0] == -3e-3);
    rebias_pulses_free(p);
}

static void test_resistances(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        double factor;
    } cases[] = {{"ohm", 1.0}, {"kohm", 1e3}, {"Mohm", 1e6}, {"Ohm", 1.0}, {"kOhm", 1e3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "polarity,R_%s,then_%s\nSET,8,5\nRESET,4,10\n",
                 cases[i].unit, cases[i].unit);
        char before[32];
        char after[32];
        snprintf(before, sizeof before, "R_%s", cases[i].unit);
        snprintf(after, sizeof after, "then_%s", cases[i].unit);
        const struct rebias_pulses_options options = {.G = before, .after = after};
        struct rebias_pulses *p = load_text(text, &options);
        double f = cases[i].factor;
        assert_true(p->G[0] == 1.0 / (8.0 * f) && p->G[1] == 1.0 / (4.0 * f));
        assert_true(p->dG[0] == 1.0 / (5.0 * f) - 1.0 / (8.0 * f));
        assert_true(p->dG[1] == 1.0 / (10.0 * f) - 1.0 / (4.0 * f));
        rebias_pulses_free(p);
    }
}

static void test_gzip_and_stdin(void **state)
{
    (void)state;
    const char text[] = "polarity,G_S,dG_S\nSET,1,0.5\nRESET,2,-0.25\n";
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    char path[1024];
    support_scratch(path, "pulses.csv.gz");
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(gzclose(file), Z_OK);
    struct rebias_pulses *p = NULL;
    assert_int_equal(rebias_pulses_load(&p, path, &options, NULL), REBIAS_OK);
    expect_standard_points(p);
    assert_non_null(freopen(path, "rb", stdin));
    assert_int_equal(rebias_pulses_load(&p, "-", &options, NULL), REBIAS_OK);
    expect_standard_points(p);
    support_write(path, "bad.csv", "polarity,G_S,dG_S\nSET,1,x\n", 26);
    assert_non_null(freopen(path, "rb", stdin));
    struct rebias_error err = {0};
    support_expect(rebias_pulses_load(&p, "-", &options, &err), REBIAS_E_FORMAT, &err,
                   "(standard input):2:3: not a number: 'x'");
    assert_null(p);
}

/* -- 3. malformed files -- */

struct bad_file {
    const char *text;
    int status;
    const char *message;
};

static void refuse_all(const struct bad_file *cases, size_t n,
                       const struct rebias_pulses_options *options)
{
    for (size_t i = 0; i < n; i++) {
        refuse_text(cases[i].text, options, cases[i].status, cases[i].message);
    }
}

#define REFUSE_ALL(cases, options)                                                             \
    refuse_all(cases, sizeof(cases) / sizeof((cases)[0]), options)
#define HEADER "polarity,G_S,dG_S\n"
#define A_NUMBER " (expected a decimal number such as 1.5e-6)"
#define A_UNIT                                                                                 \
    " (expected a name that ends in _ and S, mS, uS, nS, pS, ohm, kohm or Mohm, or the "       \
    "option unit)"

static void test_bad_numbers(void **state)
{
    (void)state;
    static const struct bad_file cases[] = {
        {HEADER "SET,1,1\nRESET,abc,1\n", REBIAS_E_FORMAT,
         ":3:2: not a number: 'abc'" A_NUMBER},
        {HEADER "SET,1,1e\n", REBIAS_E_FORMAT, ":2:3: not a number: '1e'" A_NUMBER},
        {HEADER "SET,0x10,1\n", REBIAS_E_FORMAT, ":2:2: not a number: '0x10'" A_NUMBER},
        {HEADER "SET,nan,1\n", REBIAS_E_RANGE, ":2:2: number is not finite: 'nan'" A_NUMBER},
        {HEADER "SET,1,-INF\n", REBIAS_E_RANGE, ":2:3: number is not finite: '-INF'" A_NUMBER},
        {HEADER "SET,1,1e999\n", REBIAS_E_RANGE,
         ":2:3: number is not finite: '1e999'" A_NUMBER},
        {HEADER "SET,,1\n", REBIAS_E_FORMAT, ":2:2: empty field" A_NUMBER},
        {HEADER "SET,-1e-9,1\n", REBIAS_E_RANGE,
         ":2:2: negative conductance: '-1e-9' (expected G >= 0)"},
        {HEADER "SET,\"1,5\",1\n", REBIAS_E_FORMAT,
         ":2:2: decimal comma: '1,5' (expected a decimal point)"},
        {"polarity;G_S;dG_S\nSET;1;-2,5e-6\n", REBIAS_E_FORMAT,
         ":2:3: decimal comma: '-2,5e-6' (expected a decimal point)"},
        {HEADER "SET,1,5,0,5\n", REBIAS_E_FORMAT,
         ":2: row has 5 fields (expected 3 as in the header; decimal commas are not accepted)"},
        {HEADER "UP,1,1\n", REBIAS_E_FORMAT,
         ":2:1: unknown polarity: 'UP' (expected SET, S, 1 or +1; RESET, R or -1)"},
        {HEADER ",1,1\n", REBIAS_E_FORMAT, ":2:1: unknown polarity (expected SET"},
        {"polarity,G_S,dG_S,cycle\nSET,1,1,2.5\n", REBIAS_E_FORMAT,
         ":2:4: not a label: '2.5' (expected a whole number below 2^31)"},
        {"polarity,G_S,dG_S,device\nSET,1,1,2147483648\n", REBIAS_E_FORMAT,
         ":2:4: not a label: '2147483648'"},
        {"polarity,G_S,dG_S,pulse\nSET,1,1,\n", REBIAS_E_FORMAT, ":2:4: not a label (expected"},
        {"polarity,G_ohm,after_ohm\nSET,0,1\n", REBIAS_E_RANGE,
         ":2:2: resistance is not positive: '0' (expected R > 0)"},
        {"polarity,G_ohm,after_ohm\nSET,1,-1\n", REBIAS_E_RANGE,
         ":2:3: resistance is not positive: '-1'"},
        {"polarity,G_Mohm,after_ohm\nSET,1e305,1\n", REBIAS_E_RANGE,
         ":2:2: resistance has no finite conductance: '1e305' (expected 1/R within double "
         "precision)"},
        {"polarity,G_S,after_ohm\nSET,1,1e-310\n", REBIAS_E_RANGE,
         ":2:3: resistance has no finite conductance"},
        {"polarity,G_S,after_S\nSET,1,-1\n", REBIAS_E_RANGE,
         ":2:3: negative conductance: '-1'"},
    };
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    REFUSE_ALL(cases, &options);
}

static void test_bad_structure(void **state)
{
    (void)state;
    static const struct bad_file cases[] = {
        {"", REBIAS_E_FORMAT, ": file is empty (expected a header row)"},
        {"\xEF\xBB\xBF", REBIAS_E_FORMAT, ": file is empty (expected a header row)"},
        {"# only\n\n# comments\n", REBIAS_E_FORMAT,
         ": file has no header row (expected a header row)"},
        {HEADER, REBIAS_E_DATA,
         ": file has no data rows (expected at least one row below the header)"},
        {HEADER "\n \n", REBIAS_E_DATA, ": file has no data rows"},
        {HEADER "SET,1\n", REBIAS_E_FORMAT,
         ":2: row has 2 fields (expected 3 as in the header)"},
        {HEADER "SET,1,1\nRESET\n", REBIAS_E_FORMAT,
         ":3: row has 1 field (expected 3 as in the header)"},
        {HEADER "SET,1,1,1\n", REBIAS_E_FORMAT,
         ":2: row has 4 fields (expected 3 as in the header"},
        {HEADER "# late,1,1\n", REBIAS_E_FORMAT, ":2:1: unknown polarity: '# late'"},
        {HEADER "SET,1,\"1\nRESET,2,1\n", REBIAS_E_FORMAT,
         ":2:3: quote is not closed (expected a closing quote)"},
        {"polarity,\"G_S,dG_S\nSET,1,1\n", REBIAS_E_FORMAT, ":1:2: quote is not closed"},
        {HEADER "SET,1,1\nS\"ET,1,1\n", REBIAS_E_FORMAT,
         ":3:1: misplaced quote (expected quotes around the whole field, doubled inside)"},
        {HEADER "\"SET\"x,1,1\n", REBIAS_E_FORMAT, ":2:1: misplaced quote"},
        /* Lines are counted through comments, blank lines, quoted line ends and all three kinds
           of line end. */
        {"# a\n\npolarity,G_S,dG_S,note\nSET,1,1,\"a\r\nb\rc\"\r\nSET,1,1,\rSET,1,x,\n",
         REBIAS_E_FORMAT, ":8:3: not a number: 'x'"},
        {HEADER "RESET,1,1\nR,2,1\n", REBIAS_E_DATA,
         ": no SET points among 2 (bad rows skipped: 0) (expected points of both polarities)"},
        {HEADER "SET,1,1\n", REBIAS_E_DATA, ": no RESET points among 1 (bad rows skipped: 0)"},
    };
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    REFUSE_ALL(cases, &options);
    refuse_bytes("polarity,G_S,dG_S\r\nSET,1,\0\n", 27, &options, REBIAS_E_FORMAT,
                 ":2: NUL byte in a text file (expected UTF-8 or ASCII text)");
    struct rebias_pulses *p = NULL;
    struct rebias_error err = {0};
    char path[1024];
    support_scratch(path, "missing.csv");
    support_expect(rebias_pulses_load(&p, path, &options, &err), REBIAS_E_IO, &err,
                   "cannot open");
}

static void test_bad_header(void **state)
{
    (void)state;
    static const struct bad_file cases[] = {
        {"G_S,dG_S\n1,1\n", REBIAS_E_NAME,
         ":1: missing column: 'polarity' (expected a column polarity)"},
        {"polarity,dG_S\nSET,1\n", REBIAS_E_NAME,
         ":1: missing column: 'G' (expected a column G_S (or another unit))"},
        {"polarity,G_S\nSET,1\n", REBIAS_E_NAME,
         ":1: missing column: 'dG' (expected a column dG_S (or another unit), or after_S)"},
        {"polarity,G_mho,dG_S\nSET,1,1\n", REBIAS_E_NAME,
         ":1:2: column name carries no known unit: 'G_mho'" A_UNIT},
        {"polarity,G,dG_S\nSET,1,1\n", REBIAS_E_NAME,
         ":1:2: column name carries no known unit: 'G'" A_UNIT},
        {"polarity,G_S,dG\nSET,1,1\n", REBIAS_E_NAME,
         ":1:3: column name carries no known unit: 'dG'" A_UNIT},
        {"polarity,G_MS,dG_S\nSET,1,1\n", REBIAS_E_NAME,
         ":1:2: column name carries no known unit: 'G_MS'"},
        {"polarity,G_S,dG_ohm\nSET,1,1\n", REBIAS_E_NAME,
         ":1:3: a change of conductance cannot be in ohm: 'dG_ohm' (expected a conductance "
         "unit; for resistances"
         " the column after the pulse (option after))"},
        {"polarity,G_S,G_uS,dG_S\nSET,1,1,1\n", REBIAS_E_FORMAT,
         ":1: 2 columns fit one name: 'G' (expected a name that fits one column)"},
        {"polarity,polarity,G_S,dG_S\nSET,SET,1,1\n", REBIAS_E_FORMAT,
         ":1: 2 columns fit one name: 'polarity'"},
    };
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    REFUSE_ALL(cases, &options);
    const struct rebias_pulses_options tolerant = {.skip_bad = true};
    REFUSE_ALL(cases, &tolerant);
}

static void test_bad_options(void **state)
{
    (void)state;
    const char *text = HEADER "SET,1,1\nRESET,1,1\n";
    const struct {
        struct rebias_pulses_options options;
        const char *message;
    } cases[] = {
        {{.device = "die"}, ":1: missing column: 'die' (expected a column die)"},
        {{.cycle = "cycle"}, ":1: missing column: 'cycle' (expected a column cycle)"},
        {{.pulse = "nr"}, ":1: missing column: 'nr'"},
        {{.polarity = "kind"}, ":1: missing column: 'kind'"},
        {{.G = "H"}, ":1: missing column: 'H' (expected a column H_S (or another unit))"},
        {{.G = "polarity"}, ":1:1: column name carries no known unit: 'polarity'"},
        {{.dG = "dH"}, ":1: missing column: 'dH'"},
        {{.after = "then"}, ":1: missing column: 'then'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refuse_text(text, &cases[i].options, REBIAS_E_NAME, cases[i].message);
    }
    struct rebias_error err = {0};
    struct rebias_pulses *p = NULL;
    const struct rebias_pulses_options unit = {.unit = "A"};
    support_expect(rebias_pulses_load(&p, "unread.csv", &unit, &err), REBIAS_E_NAME, &err,
                   "unknown unit: 'A' (expected S, mS, uS, nS, pS, ohm, kohm or Mohm)");
    const struct rebias_pulses_options both = {.dG = "dG_S", .after = "after_S"};
    support_expect(rebias_pulses_load(&p, "unread.csv", &both, &err), REBIAS_E_NAME, &err,
                   "dG and after are both given; one of them defines the change");
    const struct rebias_pulses_options ohm = {.unit = "ohm"};
    refuse_text("polarity,G,dG\nSET,1,1\n", &ohm, REBIAS_E_NAME,
                ":1:3: a change of conductance cannot be in ohm");
}

/* -- 4. skip_bad -- */

static void test_skip_bad(void **state)
{
    (void)state;
    const struct rebias_pulses_options options = {.skip_bad = true};
    /* Bad: text, one field, five fields, polarity, negative, stray quote; the quote that is
     * opened and never closed costs one row only. */
    struct rebias_pulses *p = load_text(
        HEADER "SET,x,1\nSET,1,0.5\nSET\nSET,1,1,1,1\nUP,1,1\nSET,-1,1\nS\"ET,1,1\nSET,1,\"1\n"
               "RESET,2,-0.25\n",
        &options);
    assert_int_equal(p->skipped, 7);
    p->skipped = 0;
    expect_standard_points(p);
    expect_standard_points(load_text(HEADER "SET,1,0.5\nRESET,2,-0.25\n", &options));
    refuse_text(
        HEADER "SET,x,1\nSET,1\n\"\n", &options, REBIAS_E_DATA,
        ":2:2: no data rows left, 3 skipped as bad; the first one: not a number: 'x'" A_NUMBER);
    refuse_text(HEADER "SET,1,1\nRESET,x,1\n", &options, REBIAS_E_DATA,
                ": no RESET points among 1 (bad rows skipped: 1)");
    refuse_text(HEADER, &options, REBIAS_E_DATA, ": file has no data rows");
    refuse_text("polarity,\"G_S,dG_S\nSET,1,1\n", &options, REBIAS_E_FORMAT,
                ":1:2: quote is not closed");
}

/* -- 5. writing -- */

static void write_file(char path[1024], const struct rebias_pulses *p, const char *provenance)
{
    support_scratch(path, "written.csv");
    struct rebias_output out;
    assert_int_equal(rebias_output_open(&out, path, NULL), REBIAS_OK);
    assert_int_equal(rebias_pulses_write(p, out.stream, provenance, NULL), REBIAS_OK);
    assert_int_equal(rebias_output_close(&out, NULL), REBIAS_OK);
}

static void expect_text(const struct rebias_pulses *p, const char *provenance,
                        const char *expected)
{
    char path[1024];
    char *text = NULL;
    size_t size = 0;
    write_file(path, p, provenance);
    assert_int_equal(rebias_read_file(path, 1 << 20, &text, &size, NULL), REBIAS_OK);
    assert_string_equal(text, expected);
    free(text);
}

static void test_write_text(void **state)
{
    (void)state;
    struct rebias_pulses *p = load_default(HEADER "SET,1,0.5\nRESET,0.1,-0.25\n");
    const char *rows = "polarity,G_S,dG_S\nSET,1,0.5\nRESET,0.10000000000000001,-0.25\n";
    char expected[256];
    expect_text(p, NULL, rows);
    expect_text(p, "", rows);
    snprintf(expected, sizeof expected, "# rebias 0.1.0\n# seed 1\n%s", rows);
    expect_text(p, "rebias 0.1.0\nseed 1", expected);
    expect_text(p, "rebias 0.1.0\nseed 1\n", expected);
    expect_text(p, "rebias 0.1.0\r\nseed 1\r", expected);
    rebias_pulses_free(p);
    p = load_default("cycle,polarity,device,G_S,dG_S\n3,SET,-1,1,0.5\n4,RESET,2,2,-0.25\n");
    expect_text(p, NULL, "device,cycle,polarity,G_S,dG_S\n-1,3,SET,1,0.5\n2,4,RESET,2,-0.25\n");
    rebias_pulses_free(p);
}

/* Random finite bit patterns, all exponents, subnormal numbers too: 17 digits bring every
 * double back. */
static void test_round_trip(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint32_t words[8 * N];
    const struct rebias_stream stream = {.seed = 7, .purpose = REBIAS_FOR_TEST};
    rebias_random_words(&stream, 0, 8 * N, words);
    struct rebias_pulses *p = NULL;
    assert_int_equal(rebias_pulses_new(&p, N, true, NULL), REBIAS_OK);
    for (size_t i = 0; i < N; i++) {
        memcpy(&p->G[i], &words[8 * i], 8);
        memcpy(&p->dG[i], &words[8 * i + 2], 8);
        p->G[i] = isfinite(p->G[i]) ? fabs(p->G[i]) : 0.0;
        p->dG[i] = isfinite(p->dG[i]) ? p->dG[i] : 0x1p-1074;
        memcpy(&p->device[i], &words[8 * i + 4], 4);
        memcpy(&p->cycle[i], &words[8 * i + 5], 4);
        memcpy(&p->pulse[i], &words[8 * i + 6], 4);
        p->polarity[i] = words[8 * i + 7] & 1;
    }
    char path[1024];
    write_file(path, p, "round trip");
    const struct rebias_pulses_options options = rebias_pulses_options_defaults();
    struct rebias_pulses *q = NULL;
    assert_int_equal(rebias_pulses_load(&q, path, &options, NULL), REBIAS_OK);
    assert_int_equal(q->n, N);
    assert_memory_equal(q->G, p->G, N * sizeof *p->G);
    assert_memory_equal(q->dG, p->dG, N * sizeof *p->dG);
    assert_memory_equal(q->device, p->device, N * sizeof *p->device);
    assert_memory_equal(q->cycle, p->cycle, N * sizeof *p->cycle);
    assert_memory_equal(q->pulse, p->pulse, N * sizeof *p->pulse);
    assert_memory_equal(q->polarity, p->polarity, N);
    rebias_pulses_free(p);
    rebias_pulses_free(q);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_chosen_columns),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_resistances),
        cmocka_unit_test(test_gzip_and_stdin),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_bad_structure),
        cmocka_unit_test(test_bad_header),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_skip_bad),
        cmocka_unit_test(test_write_text),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
