/* test_wires.c - IR drop of crossbars.
 * 1. helpers   2. against a dense solution   3. laws   4. the iteration   5. wrong input
 */
#include "support.h"

#include "rebias/random.h"
#include "rebias/wires.h"
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. helpers -- */

enum { ROWS = 9, COLUMNS = 6, DEVICES = ROWS * COLUMNS, VECTORS = 37 };

struct crossbar {
    struct rebias_wires_options options;
    double G[DEVICES];
    double V[VECTORS * ROWS];
};

/* Conductances to 200 uS (some 0), voltages of +-0.3 V. */
static struct crossbar crossbar_of(double row_resistance, double column_resistance)
{
    struct crossbar x = {.options = rebias_wires_options_defaults()};
    const struct rebias_stream stream = {11, REBIAS_FOR_TEST, 0, 0, 0};
    x.options.row_resistance = row_resistance;
    x.options.column_resistance = column_resistance;
    rebias_random_uniform(&stream, 0, DEVICES, x.G);
    rebias_random_uniform(&stream, DEVICES, (size_t)VECTORS * ROWS, x.V);
    for (size_t i = 0; i < DEVICES; i++) {
        x.G[i] = x.G[i] < 0.1 ? 0.0 : 200e-6 * x.G[i];
    }
    for (size_t i = 0; i < (size_t)VECTORS * ROWS; i++) {
        x.V[i] = 0.6 * x.V[i] - 0.3;
    }
    return x;
}

static struct rebias_wires *wires_of(const struct crossbar *x)
{
    struct rebias_error err = {0};
    struct rebias_wires *wires = NULL;
    support_expect(rebias_wires_new(&wires, ROWS, COLUMNS, x->G, &x->options, &err), REBIAS_OK,
                   &err, NULL);
    return wires;
}

/* Resistor of conductance g between nodes a and b (-1: ground). */
static void stamp(gsl_matrix *A, int a, int b, double g)
{
    const int node[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            if (node[i] >= 0 && node[j] >= 0) {
                double *entry = gsl_matrix_ptr(A, (size_t)node[i], (size_t)node[j]);
                *entry += i == j ? g : -g;
            }
        }
    }
}

static int row_node(int i, int j)
{
    return i * COLUMNS + j;
}

static int column_node(int i, int j)
{
    return DEVICES + i * COLUMNS + j;
}

/* Node by node, with inputs as current sources: an own assembly and GSL's dense LU. */
static void dense_nodes(const struct crossbar *x, const double *V, double node[2 * DEVICES])
{
    gsl_matrix *A = gsl_matrix_calloc(2 * DEVICES, 2 * DEVICES);
    gsl_vector *b = gsl_vector_calloc(2 * DEVICES);
    gsl_permutation *p = gsl_permutation_alloc(2 * DEVICES);
    gsl_vector_view solution = gsl_vector_view_array(node, 2 * DEVICES);
    const double row_g = 1.0 / x->options.row_resistance;
    const double column_g = 1.0 / x->options.column_resistance;
    int sign = 0;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
            stamp(A, row_node(i, j), column_node(i, j), x->G[i * COLUMNS + j]);
            stamp(A, row_node(i, j), j > 0 ? row_node(i, j - 1) : -1, row_g);
            stamp(A, column_node(i, j), i + 1 < ROWS ? column_node(i + 1, j) : -1, column_g);
        }
        gsl_vector_set(b, (size_t)row_node(i, 0), row_g * V[i]);
    }
    gsl_linalg_LU_decomp(A, p, &sign);
    gsl_linalg_LU_solve(A, p, b, &solution.vector);
    gsl_matrix_free(A);
    gsl_vector_free(b);
    gsl_permutation_free(p);
}

/* -- 2. against a dense solution -- */

static const double resistances[][2] = {{1.0, 1.0}, {0.1, 5.0}, {100.0, 20.0}, {1e-3, 1e4}};

enum { CASES = sizeof resistances / sizeof resistances[0] };

/* Every node to 1e-9 of the largest voltage, every current to 1e-9 of itself or 1e-12 of the
 * largest. */
static void test_dense(void **state)
{
    (void)state;
    double node[2 * DEVICES], rows[DEVICES], columns[DEVICES];
    static double I[VECTORS * COLUMNS];
    for (size_t c = 0; c < CASES; c++) {
        const struct crossbar x = crossbar_of(resistances[c][0], resistances[c][1]);
        struct rebias_wires *wires = wires_of(&x);
        assert_int_equal(rebias_wires_currents(wires, VECTORS, x.V, I, NULL), REBIAS_OK);
        for (size_t n = 0; n < VECTORS; n += 18) { /* in both batches */
            dense_nodes(&x, x.V + n * ROWS, node);
            assert_int_equal(rebias_wires_nodes(wires, x.V + n * ROWS, rows, columns, NULL),
                             REBIAS_OK);
            double largest = 0.0;
            for (size_t k = 0; k < DEVICES; k++) {
                support_close(rows[k], node[k], 0.0, 3e-10);
                support_close(columns[k], node[DEVICES + k], 0.0, 3e-10);
            }
            for (int j = 0; j < COLUMNS; j++) {
                largest = fmax(largest, fabs(node[column_node(ROWS - 1, j)]));
            }
            for (int j = 0; j < COLUMNS; j++) {
                support_close(I[n * COLUMNS + (size_t)j] * x.options.column_resistance,
                              node[column_node(ROWS - 1, j)], 1e-9, 1e-12 * largest);
            }
        }
        rebias_wires_free(wires);
    }
}

/* One device in series with two segments: I = V/(r + 1/G + r). */
static void test_one_device(void **state)
{
    (void)state;
    const double G = 1e-3;
    const double V = 0.3;
    struct rebias_wires_options options = rebias_wires_options_defaults();
    struct rebias_wires *wires = NULL;
    double I = 0.0;
    options.row_resistance = 100.0;
    options.column_resistance = 300.0;
    assert_int_equal(rebias_wires_new(&wires, 1, 1, &G, &options, NULL), REBIAS_OK);
    assert_int_equal(rebias_wires_currents(wires, 1, &V, &I, NULL), REBIAS_OK);
    support_close(I, 0.3 / 1400.0, 1e-12, 0.0);
    assert_int_equal(rebias_wires_iterate(1, 1, &G, &options, 1, &V, &I, NULL, NULL), 0);
    support_close(I, 0.3 / 1400.0, 1e-8, 0.0);
    rebias_wires_free(wires);
}

/* -- 3. laws -- */

/* Power from the sources = heat of all segments and devices. */
static void test_energy(void **state)
{
    (void)state;
    double u[DEVICES], v[DEVICES];
    for (size_t c = 0; c < CASES; c++) {
        const struct crossbar x = crossbar_of(resistances[c][0], resistances[c][1]);
        struct rebias_wires *wires = wires_of(&x);
        const double row_g = 1.0 / x.options.row_resistance;
        const double column_g = 1.0 / x.options.column_resistance;
        double power = 0.0;
        double heat = 0.0;
        assert_int_equal(rebias_wires_nodes(wires, x.V, u, v, NULL), REBIAS_OK);
        for (int i = 0; i < ROWS; i++) {
            for (int j = 0; j < COLUMNS; j++) {
                const int k = i * COLUMNS + j;
                const double before = j > 0 ? u[k - 1] : x.V[i];
                const double below = i + 1 < ROWS ? v[k + COLUMNS] : 0.0;
                heat += row_g * (before - u[k]) * (before - u[k]);
                heat += column_g * (v[k] - below) * (v[k] - below);
                heat += x.G[k] * (u[k] - v[k]) * (u[k] - v[k]);
            }
            power += x.V[i] * row_g * (x.V[i] - u[i * COLUMNS]);
        }
        /* Differences of voltages lose digits where a wire conducts much better than devices.
         */
        support_close(power, heat, 1e-9, 0.0);
        rebias_wires_free(wires);
    }
}

/* The effective matrix times V is the current, and without resistance it is G. */
static void test_effective(void **state)
{
    (void)state;
    double effective[DEVICES], I[COLUMNS];
    for (size_t c = 0; c < CASES; c++) {
        const struct crossbar x = crossbar_of(resistances[c][0], resistances[c][1]);
        struct rebias_wires *wires = wires_of(&x);
        assert_int_equal(rebias_wires_effective(wires, effective, NULL), REBIAS_OK);
        assert_int_equal(rebias_wires_currents(wires, 1, x.V, I, NULL), REBIAS_OK);
        for (size_t j = 0; j < COLUMNS; j++) {
            double sum = 0.0;
            double size = 0.0;
            for (size_t i = 0; i < ROWS; i++) {
                sum += effective[i * COLUMNS + j] * x.V[i];
                size += fabs(effective[i * COLUMNS + j] * x.V[i]);
            }
            support_close(I[j], sum, 0.0, 1e-9 * size);
        }
        rebias_wires_free(wires);
    }
    const struct crossbar x = crossbar_of(1e-4, 1e-4);
    struct rebias_wires *wires = wires_of(&x);
    assert_int_equal(rebias_wires_effective(wires, effective, NULL), REBIAS_OK);
    for (size_t k = 0; k < DEVICES; k++) { /* (rows + columns) r G of it is lost at most */
        support_close(effective[k], x.G[k], 1e-6, 1e-12);
    }
    rebias_wires_free(wires);
}

/* Another G by update = a new object. */
static void test_update(void **state)
{
    (void)state;
    struct crossbar x = crossbar_of(2.0, 3.0);
    struct rebias_wires *wires = wires_of(&x);
    double one[COLUMNS], two[COLUMNS];
    for (size_t k = 0; k < DEVICES; k++) {
        x.G[k] = 100e-6 + 0.5 * x.G[k];
    }
    assert_int_equal(rebias_wires_update(wires, x.G, NULL), REBIAS_OK);
    assert_int_equal(rebias_wires_currents(wires, 1, x.V, one, NULL), REBIAS_OK);
    rebias_wires_free(wires);
    wires = wires_of(&x);
    assert_int_equal(rebias_wires_currents(wires, 1, x.V, two, NULL), REBIAS_OK);
    assert_memory_equal(one, two, sizeof one);
    rebias_wires_free(wires);
}

/* -- 4. the iteration -- */

/* Against the factor, at the stated tolerance of 1e-10: 1e-8 of the largest current. */
static void test_iteration(void **state)
{
    (void)state;
    static double exact[VECTORS * COLUMNS], near[VECTORS * COLUMNS];
    for (size_t c = 0; c < CASES; c++) {
        struct crossbar x = crossbar_of(resistances[c][0], resistances[c][1]);
        struct rebias_wires *wires = wires_of(&x);
        struct rebias_wires_report report;
        struct rebias_error err = {0};
        x.options.tolerance = 1e-10;
        memset(x.V + 3 * ROWS, 0, ROWS * sizeof(double)); /* no voltage, no current */
        assert_int_equal(rebias_wires_currents(wires, VECTORS, x.V, exact, NULL), REBIAS_OK);
        support_expect(rebias_wires_iterate(ROWS, COLUMNS, x.G, &x.options, VECTORS, x.V, near,
                                            &report, &err),
                       REBIAS_OK, &err, NULL);
        assert_true(report.iterations > 0 && report.residual <= 1e-10);
        for (size_t n = 0; n < VECTORS; n++) {
            double largest = 0.0;
            for (size_t j = 0; j < COLUMNS; j++) {
                largest = fmax(largest, fabs(exact[n * COLUMNS + j]));
            }
            for (size_t j = 0; j < COLUMNS; j++) {
                support_close(near[n * COLUMNS + j], exact[n * COLUMNS + j], 0.0,
                              1e-8 * largest);
            }
        }
        for (size_t j = 0; j < COLUMNS; j++) {
            assert_true(near[3 * COLUMNS + j] == 0.0);
        }
        rebias_wires_free(wires);
    }
}

/* The same bytes for any number of threads and any company. */
static void test_iteration_bytes(void **state)
{
    (void)state;
    static double one[VECTORS * COLUMNS], two[VECTORS * COLUMNS];
    struct crossbar x = crossbar_of(10.0, 10.0);
    assert_int_equal(
        rebias_wires_iterate(ROWS, COLUMNS, x.G, &x.options, VECTORS, x.V, one, NULL, NULL),
        REBIAS_OK);
    x.options.threads = 3;
    assert_int_equal(
        rebias_wires_iterate(ROWS, COLUMNS, x.G, &x.options, VECTORS, x.V, two, NULL, NULL),
        REBIAS_OK);
    assert_memory_equal(one, two, sizeof one);
    assert_int_equal(rebias_wires_iterate(ROWS, COLUMNS, x.G, &x.options, 1, x.V + 4 * ROWS,
                                          two, NULL, NULL),
                     REBIAS_OK);
    assert_memory_equal(one + 4 * COLUMNS, two, COLUMNS * sizeof(double));
}

/* -- 5. wrong input -- */

static void refuse(size_t rows, const struct crossbar *x, const char *message)
{
    struct rebias_error err = {0};
    struct rebias_wires *wires = NULL;
    double I[COLUMNS];
    support_expect(rebias_wires_new(&wires, rows, COLUMNS, x->G, &x->options, &err),
                   REBIAS_E_RANGE, &err, message);
    assert_null(wires);
    support_expect(
        rebias_wires_iterate(rows, COLUMNS, x->G, &x->options, 1, x->V, I, NULL, &err),
        REBIAS_E_RANGE, &err, message);
}

static void test_wrong_input(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct crossbar x = crossbar_of(0.0, 1.0);
    double I[COLUMNS];
    refuse(ROWS, &x, "wires of 0 ohm a segment (rows) cannot be solved (1e-6 to 1e9)");
    x = crossbar_of(1.0, (double)NAN);
    refuse(ROWS, &x, "wires of nan ohm a segment (columns) cannot be solved");
    x = crossbar_of(1.0, 1.0);
    refuse(0, &x, "a crossbar of 0 x 6 is not possible");
    refuse(SIZE_MAX / 2, &x, "x 6 is not possible (1 to 1e9 devices)");
    x.options.tolerance = 0.0;
    refuse(ROWS, &x, "tolerance 0 within 10000 iterations is not possible");
    x = crossbar_of(1.0, 1.0);
    x.G[8] = -1e-6;
    refuse(ROWS, &x, "conductance -1e-06 S of row 1, column 2 is not possible");
    x.G[8] = (double)INFINITY;
    refuse(ROWS, &x, "conductance inf S of row 1, column 2");
    x = crossbar_of(1e3, 1e3);
    struct rebias_wires *wires = wires_of(&x);
    x.options.max_iterations = 1;
    support_expect(rebias_wires_iterate(ROWS, COLUMNS, x.G, &x.options, 1, x.V, I, NULL, &err),
                   REBIAS_E_NUMERIC, &err, "1 iterations left a residual of");
    x.V[ROWS + 2] = (double)NAN;
    support_expect(rebias_wires_currents(wires, 2, x.V, I, &err), REBIAS_E_RANGE, &err,
                   "voltage nan of vector 1, row 2");
    rebias_wires_free(wires);
    rebias_wires_free(NULL);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),           cmocka_unit_test(test_one_device),
        cmocka_unit_test(test_energy),          cmocka_unit_test(test_effective),
        cmocka_unit_test(test_update),          cmocka_unit_test(test_iteration),
        cmocka_unit_test(test_iteration_bytes), cmocka_unit_test(test_wrong_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
