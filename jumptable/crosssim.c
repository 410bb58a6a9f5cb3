/* crosssim.c - jump tables in CrossSim's text files: dG as a function of cumulative probability
 * and G.
 * 1. names   2. reading quantiles   3. quantiles to CDF   4. loading   5. rendering   6. saving
 *
 * PREFIX_dG_increasing.txt (SET) and PREFIX_dG_decreasing.txt (RESET), each also as .txt.gz: a
 * header line, the G axis (S), the cumulative probabilities u_k, then one line for each u_k
 * with dG (S) for each G; commas between the numbers. Format of the TaOx look-up tables of
 * CrossSim (repository sandialabs/cross-sim-data).
 *
 * Between the u_k the quantile function is linear. Its inverse is taken on 1001 equidistant dG
 * from the least to the greatest, exactly at each of them. For the four TaOx devices the mean
 * and the sd of every row then stay within 0.3 % and 0.4 % of the mean sd of the table, and on
 * average within 0.04 % and 0.06 %. Axes at the pooled quantiles were measured too: up to 13 %
 * off, though better in the narrowest rows.
 */
#include "jumptable/number_text.h"
#include "rebias/base.h"
#include "rebias/table.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    dG_LEVELS = 1001,
    U_LEVELS = 501,
    TAIL_POINTS = 64 /* of the midpoint rule in the outermost steps of u */
};

/* -- 1. names -- */

static const char *const suffixes[2] = {"_dG_increasing.txt", "_dG_decreasing.txt"};

static bool asks_for_gzip(const char *prefix)
{
    size_t length = strlen(prefix);
    return length >= 3 && strcmp(prefix + length - 3, ".gz") == 0;
}

/* *path = PREFIX (without ".gz") SUFFIX, with ".gz" behind when gzip. */
static int make_path(char **path, const char *prefix, size_t side, bool gzip,
                     struct rebias_error *err)
{
    size_t length = strlen(prefix) - (asks_for_gzip(prefix) ? 3 : 0);
    size_t size = length + strlen(suffixes[side]) + sizeof ".gz";
    int status = rebias_alloc(path, size, 1, err);
    if (status == REBIAS_OK) {
        memcpy(*path, prefix, length);
        snprintf(*path + length, size - length, "%s%s", suffixes[side], gzip ? ".gz" : "");
    }
    return status;
}

/* The name to read: as asked, or with ".gz" when only that is there. */
static int find_path(char **path, const char *prefix, size_t side, struct rebias_error *err)
{
    bool gzip = asks_for_gzip(prefix);
    int status = make_path(path, prefix, side, gzip, err);
    if (status != REBIAS_OK || gzip || access(*path, F_OK) == 0) {
        return status;
    }
    char *zipped = NULL;
    status = make_path(&zipped, prefix, side, true, err);
    if (status == REBIAS_OK && access(zipped, F_OK) == 0) {
        free(*path);
        *path = zipped;
        return REBIAS_OK;
    }
    free(zipped);
    return status;
}

/* -- 2. reading quantiles -- */

/* One file: Q[k * G_count + i] = jump at probability u_k and G_i. */
struct quantiles {
    struct rebias_buffer G;
    struct rebias_buffer u;
    struct rebias_buffer Q;
};

static void free_quantiles(struct quantiles *q)
{
    free(q->G.data);
    free(q->u.data);
    free(q->Q.data);
}

static int check_probabilities(const struct quantiles *q, const struct rebias_number_text *text,
                               struct rebias_error *err)
{
    const double *u = q->u.data;
    for (size_t k = 0; k < q->u.count; k++) {
        if (u[k] < 0.0 || u[k] > 1.0 || (k > 0 && u[k] <= u[k - 1])) {
            char value[32];
            snprintf(value, sizeof value, "%.17g", u[k]);
            const struct rebias_place place = {text->path, text->line, k + 1, value};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                  "ascending probabilities in [0, 1]",
                                  "bad cumulative probability");
        }
    }
    return REBIAS_OK;
}

static int read_rows(struct quantiles *q, struct rebias_number_text *text,
                     struct rebias_error *err)
{
    size_t count = 0;
    size_t rows = 0;
    const struct rebias_place place = {text->path, 0, 0, NULL};
    rebias_number_text_skip_line(text);
    int status = rebias_number_text_row(text, &q->G, &count, err);
    if (status == REBIAS_OK) {
        status = rebias_number_text_row(text, &q->u, &count, err);
    }
    if (status == REBIAS_OK && (q->G.count < 2 || q->u.count < 2)) {
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                "a header line, at least 2 G levels, at least 2 probabilities",
                                "%zu G levels and %zu cumulative probabilities", q->G.count,
                                q->u.count);
    }
    if (status == REBIAS_OK) {
        status = check_probabilities(q, text, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_number_text_rows(text, q->G.count, "one for each G level", &q->Q, &rows,
                                         err);
    }
    if (status == REBIAS_OK) {
        status = rebias_number_text_expect(text->path, 0, rows, q->u.count, "rows of dG",
                                           "one for each cumulative probability", err);
    }
    return status;
}

static int read_quantiles(struct quantiles *q, const char *path, struct rebias_error *err)
{
    struct rebias_number_text text;
    int status = rebias_number_text_open(&text, path, ',', err);
    if (status == REBIAS_OK) {
        status = read_rows(q, &text, err);
        rebias_number_text_close(&text);
    }
    return status;
}

/* -- 3. quantiles to CDF -- */

/* dG[] = equidistant from the least to the greatest jump; when all are alike, a point mass at
 * dG_0 and an axis that goes on to a jump twice as large. */
static int make_axis(const struct quantiles *q, const char *path, double dG[dG_LEVELS],
                     struct rebias_error *err)
{
    const double *Q = q->Q.data;
    double low = Q[0];
    double high = Q[0];
    for (size_t i = 1; i < q->Q.count; i++) {
        low = fmin(low, Q[i]);
        high = fmax(high, Q[i]);
    }
    if (low == high) { /* exact: the same number read twice */
        high += low != 0.0 ? fabs(low) : 1.0;
    }
    if (!isfinite(high - low)) {
        const struct rebias_place place = {path, 0, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "a finite range",
                              "jumps from %g to %g S", low, high);
    }
    for (size_t j = 0; j + 1 < dG_LEVELS; j++) {
        dG[j] = low + (high - low) * ((double)j / (dG_LEVELS - 1));
    }
    dG[dG_LEVELS - 1] = high;
    return REBIAS_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

/* column[] = quantiles at G_i, ascending. Measured tables cross themselves here and there;
 * sorting (the rearrangement of Chernozhukov, Fernandez-Val and Galichon, Econometrica 78, 1093
 * (2010)) mends that. Returns whether it was needed. */
static bool take_column(const struct quantiles *q, size_t i, double *column)
{
    const double *Q = q->Q.data;
    bool falls = false;
    for (size_t k = 0; k < q->u.count; k++) {
        column[k] = Q[k * q->G.count + i];
        falls = falls || (k > 0 && column[k] < column[k - 1]);
    }
    if (falls) {
        qsort(column, q->u.count, sizeof *column, compare_doubles);
    }
    return falls;
}

/* row[j] = P(dG <= dG_j) = the largest u with Q(u) <= dG_j: where Q is flat, F jumps and has
 * its right limit. */
static void invert_column(const double *column, const struct rebias_buffer *probabilities,
                          const double *dG, double *row)
{
    const double *u = probabilities->data;
    size_t n = probabilities->count;
    size_t k = 0; /* how many entries of the column are <= dG_j */
    for (size_t j = 0; j < dG_LEVELS; j++) {
        while (k < n && column[k] <= dG[j]) {
            k++;
        }
        if (k == 0) {
            row[j] = 0.0;
        } else if (k == n) {
            row[j] = 1.0;
        } else {
            double t = (dG[j] - column[k - 1]) / (column[k] - column[k - 1]);
            row[j] = fmin(u[k - 1] + (u[k] - u[k - 1]) * t,
                          u[k]); /* t < 1, but the sum may be rounded up */
        }
    }
}

static int convert(struct rebias_table_side *side, const struct quantiles *q, const char *path,
                   size_t *repaired, struct rebias_error *err)
{
    double *column = NULL;
    memcpy(side->G, q->G.data, q->G.count * sizeof(double));
    int status = make_axis(q, path, side->dG, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&column, q->u.count, sizeof *column, err);
    }
    for (size_t i = 0; status == REBIAS_OK && i < side->G_count; i++) {
        *repaired += take_column(q, i, column) ? 1 : 0;
        invert_column(column, &q->u, side->dG, side->cdf + i * dG_LEVELS);
    }
    free(column);
    return status;
}

/* -- 4. loading -- */

static int build_table(struct rebias_table **out, const struct quantiles q[2],
                       char *const paths[2], struct rebias_error *err)
{
    struct rebias_table *table = NULL;
    size_t repaired = 0;
    char options[48];
    const size_t G_count[2] = {q[0].G.count, q[1].G.count};
    const size_t dG_count[2] = {dG_LEVELS, dG_LEVELS};
    int status = rebias_table_new(&table, G_count, dG_count, false, err);
    for (size_t p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = convert(&table->side[p], &q[p], paths[p], &repaired, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&table->estimator, "crosssim", err);
    }
    if (status == REBIAS_OK) {
        snprintf(options, sizeof options, "repaired=%zu", repaired);
        status = rebias_copy_text(&table->options, options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_copy_text(&table->provenance, "", err);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    *out = table;
    return REBIAS_OK;
}

int rebias_table_load_crosssim(struct rebias_table **out, const char *prefix,
                               struct rebias_error *err)
{
    *out = NULL;
    struct rebias_table *table = NULL;
    char *paths[2] = {NULL, NULL};
    struct quantiles q[2];
    memset(q, 0, sizeof q);
    int status = REBIAS_OK;
    for (size_t p = 0; p < 2 && status == REBIAS_OK; p++) {
        status = find_path(&paths[p], prefix, p, err);
        if (status == REBIAS_OK) {
            status = read_quantiles(&q[p], paths[p], err);
        }
    }
    if (status == REBIAS_OK) {
        status = build_table(&table, q, paths, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_validate(table, prefix, err);
    }
    for (size_t p = 0; p < 2; p++) {
        free(paths[p]);
        free_quantiles(&q[p]);
    }
    if (status != REBIAS_OK) {
        rebias_table_free(table);
        return status;
    }
    *out = table;
    return REBIAS_OK;
}

/* -- 5. rendering -- */

static const char header[] = "1st Row = Gbins, 2nd Row = CDF Points, 3rd row onward =  dG "
                             "matrix (rows= CDF, columns = Gbins) \n";

/* Jump at u_k. In the outermost steps of u the quantile function of a distribution with tails
 * is far from linear: Q(0) and Q(1) are the ends of the axis, and joining them to their
 * neighbours by a line would put 1/500 of the probability far out. So the end value is the one
 * whose line has the tail's mean. */
static double quantile_to_save(const struct rebias_table_side *side, double G, size_t k)
{
    const double step = 1.0 / (U_LEVELS - 1);
    bool first = k == 0;
    if (!first && k + 1 < U_LEVELS) {
        return rebias_table_quantile(side, REBIAS_RULE_LINEAR, G, (double)k * step, NULL, NULL);
    }
    double mean = 0.0;
    for (size_t i = 0; i < TAIL_POINTS; i++) {
        double tail = step * ((double)i + 0.5) / TAIL_POINTS;
        double u = first ? tail : 1.0 - tail;
        mean += rebias_table_quantile(side, REBIAS_RULE_LINEAR, G, u, NULL, NULL) / TAIL_POINTS;
    }
    double neighbour = rebias_table_quantile(side, REBIAS_RULE_LINEAR, G,
                                             first ? step : 1.0 - step, NULL, NULL);
    double end = 2.0 * mean - neighbour;
    return first ? fmax(end, side->dG[0]) : fmin(end, side->dG[side->dG_count - 1]);
}

/* Writes the text of one side; row[] has room for one number a G level. */
static int write_side(FILE *stream, const struct rebias_table_side *side, double *row,
                      struct rebias_error *err)
{
    double u[U_LEVELS];
    for (size_t k = 0; k < U_LEVELS; k++) {
        u[k] = (double)k / (U_LEVELS - 1);
    }
    fputs(header, stream);
    int status = rebias_number_text_write(stream, side->G, side->G_count, 1, ",", err);
    if (status == REBIAS_OK) {
        status = rebias_number_text_write(stream, u, U_LEVELS, 1, ",", err);
    }
    fputc('\n', stream); /* CrossSim's own files have a blank line here */
    for (size_t k = 0; k < U_LEVELS && status == REBIAS_OK; k++) {
        for (size_t i = 0; i < side->G_count; i++) {
            row[i] = quantile_to_save(side, side->G[i], k);
        }
        status = rebias_number_text_write(stream, row, side->G_count, 1, ",", err);
    }
    return status;
}

/* *text = the file's content, to be given to free(). */
static int render(const struct rebias_table_side *side, char **text, size_t *size,
                  struct rebias_error *err)
{
    *text = NULL;
    double *row = NULL;
    int status = rebias_alloc(&row, side->G_count, sizeof *row, err);
    if (status != REBIAS_OK) {
        return status;
    }
    FILE *stream = open_memstream(text, size);
    if (stream != NULL) {
        status = write_side(stream, side, row, err);
        bool failed = ferror(stream) != 0;
        failed = fclose(stream) != 0 || failed;
        if (failed && status == REBIAS_OK) {
            status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the text of a table");
        }
    } else {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the text of a table");
    }
    free(row);
    return status;
}

/* Replaces *text by its gzip form; without a time stamp, so that the same table gives the same
 * bytes. */
static int compress_text(char **text, size_t *size, struct rebias_error *err)
{
    enum {
        GZIP = 15 + 16,
        MEMORY_LEVEL = 8
    }; /* windowBits for a gzip wrapper, and zlib's default */
    z_stream z;
    memset(&z, 0, sizeof z);
    if (*size > UINT_MAX / 2 || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP,
                                             MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return rebias_fail(err, REBIAS_E_MEMORY, "cannot compress %zu bytes", *size);
    }
    char *packed = NULL;
    size_t room = deflateBound(&z, *size);
    int status = rebias_alloc(&packed, room, 1, err);
    if (status == REBIAS_OK) {
        z.next_in = (Bytef *)*text;
        z.avail_in = (uInt)*size;
        z.next_out = (Bytef *)packed;
        z.avail_out = (uInt)room;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
            status = rebias_fail(err, REBIAS_E_MEMORY, "cannot compress %zu bytes", *size);
        }
    }
    deflateEnd(&z);
    if (status != REBIAS_OK) {
        free(packed);
        return status;
    }
    free(*text);
    *text = packed;
    *size = room - z.avail_out;
    return REBIAS_OK;
}

/* -- 6. saving -- */

/* Writes one file under its temporary name and flushes it, so that a full disk is noticed
 * before any appears. */
static int write_file(struct rebias_output *file, const char *path,
                      const struct rebias_table_side *side, bool gzip, struct rebias_error *err)
{
    char *text = NULL;
    size_t size = 0;
    int status = render(side, &text, &size, err);
    if (status == REBIAS_OK && gzip) {
        status = compress_text(&text, &size, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_output_open(file, path, err);
    }
    if (status == REBIAS_OK) {
        errno = 0;
        fwrite(text, 1, size, file->stream);
        status = rebias_number_text_flush(file, err);
    }
    free(text);
    return status;
}

int rebias_table_save_crosssim(const struct rebias_table *table, const char *prefix,
                               struct rebias_error *err)
{
    bool gzip = asks_for_gzip(prefix);
    struct rebias_output files[2];
    memset(files, 0, sizeof files);
    int status = rebias_table_validate(table, prefix, err);
    for (size_t p = 0; p < 2 && status == REBIAS_OK; p++) {
        char *path = NULL;
        status = make_path(&path, prefix, p, gzip, err);
        if (status == REBIAS_OK) {
            status = write_file(&files[p], path, &table->side[p], gzip, err);
        }
        free(path);
    }
    if (status == REBIAS_OK) {
        status = rebias_number_text_publish(files, 2, err);
    }
    for (size_t p = 0; p < 2; p++) {
        rebias_output_discard(&files[p]);
    }
    return status;
}
