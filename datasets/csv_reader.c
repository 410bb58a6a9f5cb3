/* csv_reader.c - rows of a delimited text file: libcsv wrapped once.
 * 1. fields   2. lines   3. one row through the parser   4. judging rows   5. preamble   6. the
 * whole file
 *
 * libcsv is a push parser without line numbers. It is fed line by line, so at most one row ends
 * in a call and the line of every row is known, also behind quoted line ends.
 */
#include "csv_reader.h"
#include <csv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_FILE = (size_t)1 << 30;

struct cursor {
    size_t position; /* byte of the next line */
    size_t line;     /* its number, from 1 */
};

struct reader {
    struct csv_parser parser;
    bool parser_made;
    const struct rebias_csv_handler *handler;
    const char *name;
    char *text;
    size_t size;
    struct cursor next;
    char delimiter;
    size_t columns; /* fields of the header; 0 = not read yet */
    char *arena;    /* the row's fields, each terminated: never more bytes than the file has */
    size_t used;
    struct rebias_buffer fields; /* const char * into arena */
    bool ended;                  /* the parser saw the row's end */
    int status;                  /* of the callbacks, which cannot return one */
    struct rebias_error *callback_error;
    struct rebias_csv_counts counts;
    struct rebias_error first_bad;
};

const char *rebias_csv_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "(standard input)" : path;
}

/* -- 1. fields -- */

int rebias_csv_refuse(const struct rebias_csv_row *row, size_t field, int status,
                      const char *expected, const char *message, struct rebias_error *err)
{
    const struct rebias_place place = {row->file, row->line, field + 1, row->fields[field]};
    return rebias_fail_at(err, status, &place, expected, "%s", message);
}

/* True when text is a number once its one comma is read as a decimal point. */
static bool has_decimal_comma(const char *text)
{
    char copy[64];
    const char *comma = strchr(text, ',');
    size_t length = strlen(text);
    if (comma == NULL || length >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, length + 1);
    copy[comma - text] = '.';
    double value = 0.0;
    return rebias_parse_double(copy, &value);
}

/* True for "nan", "inf", "1e999" and their like. */
static bool is_not_finite(const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    return end != text && *end == '\0' && !isfinite(value);
}

int rebias_csv_number(const struct rebias_csv_row *row, size_t field, double *value,
                      struct rebias_error *err)
{
    const char *text = row->fields[field];
    const char *expected = "a decimal number such as 1.5e-6";
    if (rebias_parse_double(text, value)) {
        return REBIAS_OK;
    }
    if (text[0] == '\0') {
        return rebias_csv_refuse(row, field, REBIAS_E_FORMAT, expected, "empty field", err);
    }
    if (has_decimal_comma(text)) {
        return rebias_csv_refuse(row, field, REBIAS_E_FORMAT, "a decimal point",
                                 "decimal comma", err);
    }
    if (is_not_finite(text)) {
        return rebias_csv_refuse(row, field, REBIAS_E_RANGE, expected, "number is not finite",
                                 err);
    }
    return rebias_csv_refuse(row, field, REBIAS_E_FORMAT, expected, "not a number", err);
}

/* -- 2. lines -- */

/* One past the end of the line at `start`, its LF, CRLF or CR included. */
static size_t line_end(const struct reader *r, size_t start)
{
    size_t i = start;
    while (i < r->size && r->text[i] != '\n' && r->text[i] != '\r') {
        i++;
    }
    if (i + 1 < r->size && r->text[i] == '\r' && r->text[i + 1] == '\n') {
        i++;
    }
    return i < r->size ? i + 1 : i;
}

static bool is_blank_line(const struct reader *r, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++) {
        if (strchr(" \t\r\n", r->text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static int fail_line(const struct reader *r, size_t line, size_t column, int status,
                     const char *expected, const char *message, struct rebias_error *err)
{
    const struct rebias_place place = {r->name, line, column, NULL};
    return rebias_fail_at(err, status, &place, expected, "%s", message);
}

/* -- 3. one row through the parser -- */

static void on_field(void *text, size_t length, void *context)
{
    struct reader *r = context;
    char *copy = r->arena + r->used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    r->used += length + 1;
    if (r->status == REBIAS_OK) {
        r->status = rebias_buffer_append(&r->fields, sizeof copy, &copy, r->callback_error);
    }
}

static void on_row(int end, void *context)
{
    (void)end;
    struct reader *r = context;
    r->ended = true;
}

static int restart_parser(struct reader *r, struct rebias_error *err)
{
    if (r->parser_made) {
        csv_free(&r->parser);
    }
    if (csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the CSV parser");
    }
    r->parser_made = true;
    csv_set_delim(&r->parser, (unsigned char)r->delimiter);
    return REBIAS_OK;
}

static int feed_line(struct reader *r, struct rebias_error *err)
{
    size_t start = r->next.position;
    size_t end = line_end(r, start);
    size_t length = end - start;
    if (csv_parse(&r->parser, r->text + start, length, on_field, on_row, r) != length) {
        if (csv_error(&r->parser) != CSV_EPARSE) {
            return rebias_fail(err, REBIAS_E_MEMORY, "%s: out of memory for a row", r->name);
        }
        return fail_line(r, r->next.line, r->fields.count + 1, REBIAS_E_FORMAT,
                         "quotes around the whole field, doubled inside", "misplaced quote",
                         err);
    }
    r->next.position = end;
    r->next.line++;
    return r->status;
}

/* The last row of a file that does not end in a line end. */
static int finish_row(struct reader *r, size_t line, struct rebias_error *err)
{
    if (csv_fini(&r->parser, on_field, on_row, r) != 0) {
        return fail_line(r, line, r->fields.count + 1, REBIAS_E_FORMAT, "a closing quote",
                         "quote is not closed", err);
    }
    return r->status;
}

/* Collects the fields of the row at the cursor: one line, or more where a quoted field spans
 * lines. *second = the line behind its first one. A blank line gives no fields. */
static int parse_row(struct reader *r, struct cursor *second, struct rebias_error *err)
{
    struct cursor first = r->next;
    r->fields.count = 0;
    r->used = 0;
    r->ended = false;
    r->status = REBIAS_OK;
    r->callback_error = err;
    size_t end = line_end(r, first.position);
    bool blank = is_blank_line(r, first.position, end);
    *second = (struct cursor){end, first.line + 1};
    int status = REBIAS_OK;
    do {
        status = feed_line(r, err);
    } while (status == REBIAS_OK && !r->ended && !blank && r->next.position < r->size);
    if (status == REBIAS_OK && !r->ended && !blank) {
        status = finish_row(r, first.line, err);
    }
    return status;
}

/* -- 4. judging rows -- */

static int check_count(const struct reader *r, const struct rebias_csv_row *row,
                       struct rebias_error *err)
{
    if (row->count == r->columns) {
        return REBIAS_OK;
    }
    /* "1,5" without quotes in a comma-separated file looks like one field too many. */
    bool comma = row->count > r->columns && r->delimiter == ',';
    char expected[128];
    snprintf(expected, sizeof expected, "%zu as in the header%s", r->columns,
             comma ? "; decimal commas are not accepted" : "");
    const struct rebias_place place = {row->file, row->line, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "row has %zu field%s",
                          row->count, row->count == 1 ? "" : "s");
}

static int deliver_header(struct reader *r, const struct rebias_csv_row *row,
                          struct rebias_error *err)
{
    int status = r->handler->header(r->handler->context, row, err);
    if (status == REBIAS_OK) {
        r->columns = row->count;
    }
    return status;
}

/* Hands the collected fields to the handler. */
static int deliver_row(struct reader *r, size_t line, struct rebias_error *err)
{
    static const char *const empty_field = "";
    struct rebias_csv_row row = {r->name, line, 0, r->fields.count, r->fields.data};
    if (r->columns == 0) {
        return deliver_header(r, &row, err);
    }
    if (row.count == 0) {
        if (r->columns > 1) {
            return REBIAS_OK;
        }
        row.count = 1;
        row.fields = &empty_field;
    }
    r->counts.rows++;
    row.number = r->counts.rows;
    int status = check_count(r, &row, err);
    return status == REBIAS_OK ? r->handler->row(r->handler->context, &row, err) : status;
}

/* Counts a bad row and goes on behind it; behind its first line when the quotes are broken. */
static int skip_row(struct reader *r, bool broken, const struct cursor *second,
                    const struct rebias_error *bad, struct rebias_error *err)
{
    if (r->counts.skipped == 0) {
        r->first_bad = *bad;
    }
    r->counts.skipped++;
    if (!broken) {
        return REBIAS_OK;
    }
    r->counts.rows++;
    r->next = *second;
    return restart_parser(r, err);
}

static int read_row(struct reader *r, struct rebias_error *err)
{
    struct rebias_error bad = {0};
    size_t line = r->next.line;
    struct cursor second = {0, 0};
    int status = parse_row(r, &second, &bad);
    bool broken = status != REBIAS_OK;
    if (!broken) {
        status = deliver_row(r, line, &bad);
    }
    if (status == REBIAS_OK) {
        return REBIAS_OK;
    }
    if (r->columns > 0 && r->handler->skip_bad && status != REBIAS_E_MEMORY) {
        return skip_row(r, broken, &second, &bad, err);
    }
    if (err != NULL) {
        *err = bad;
    }
    return status;
}

/* -- 5. preamble -- */

/* The delimiter that the header line holds most of, outside quotes; comma when it holds none.
 */
static char find_delimiter(const struct reader *r)
{
    static const char candidates[] = ",;\t";
    size_t count[3] = {0, 0, 0};
    bool quoted = false;
    size_t end = line_end(r, r->next.position);
    for (size_t i = r->next.position; i < end; i++) {
        quoted ^= r->text[i] == '"';
        for (size_t k = 0; k < 3 && !quoted; k++) {
            count[k] += r->text[i] == candidates[k];
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < 3; k++) {
        best = count[k] > count[best] ? k : best;
    }
    return candidates[best];
}

/* Moves the cursor to the header line. */
static int skip_preamble(struct reader *r, struct rebias_error *err)
{
    r->next = (struct cursor){0, 1};
    if (r->size >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0) {
        r->next.position = 3;
    }
    if (r->next.position == r->size) {
        return fail_line(r, 0, 0, REBIAS_E_FORMAT, "a header row", "file is empty", err);
    }
    while (r->next.position < r->size) {
        size_t end = line_end(r, r->next.position);
        if (r->text[r->next.position] != '#' && !is_blank_line(r, r->next.position, end)) {
            return REBIAS_OK;
        }
        r->next.position = end;
        r->next.line++;
    }
    return fail_line(r, 0, 0, REBIAS_E_FORMAT, "a header row", "file has no header row", err);
}

static int refuse_binary(const struct reader *r, struct rebias_error *err)
{
    const char *nul = memchr(r->text, '\0', r->size);
    if (nul == NULL) {
        return REBIAS_OK;
    }
    size_t line = 1;
    size_t stop = (size_t)(nul - r->text);
    for (size_t i = line_end(r, 0); i <= stop; i = line_end(r, i)) {
        line++;
    }
    return fail_line(r, line, 0, REBIAS_E_FORMAT, "UTF-8 or ASCII text",
                     "NUL byte in a text file", err);
}

/* -- 6. the whole file -- */

static int read_rows(struct reader *r, struct rebias_error *err)
{
    int status = skip_preamble(r, err);
    if (status == REBIAS_OK) {
        r->delimiter = find_delimiter(r);
        status = restart_parser(r, err);
    }
    while (status == REBIAS_OK && r->next.position < r->size) {
        status = read_row(r, err);
    }
    return status;
}

static int check_rows(const struct reader *r, struct rebias_error *err)
{
    if (r->counts.rows == 0) {
        return fail_line(r, 0, 0, REBIAS_E_DATA, "at least one row below the header",
                         "file has no data rows", err);
    }
    if (r->counts.skipped < r->counts.rows) {
        return REBIAS_OK;
    }
    const struct rebias_error *bad = &r->first_bad;
    const struct rebias_place place = {r->name, bad->line, bad->column, bad->value};
    return rebias_fail_at(err, REBIAS_E_DATA, &place, bad->expected,
                          "no data rows left, %zu skipped as bad; the first one: %s",
                          r->counts.skipped, bad->message);
}

int rebias_csv_read(const char *path, const struct rebias_csv_handler *handler,
                    struct rebias_csv_counts *counts, struct rebias_error *err)
{
    struct reader r = {.handler = handler, .name = rebias_csv_name(path), .delimiter = ','};
    *counts = (struct rebias_csv_counts){0, 0};
    const char *file = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    int status = rebias_read_file(file, MAX_FILE, &r.text, &r.size, err);
    if (status == REBIAS_OK) {
        status = refuse_binary(&r, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&r.arena, r.size + 2, 1, err);
    }
    if (status == REBIAS_OK) {
        status = read_rows(&r, err);
    }
    if (status == REBIAS_OK) {
        status = check_rows(&r, err);
    }
    if (status == REBIAS_OK) {
        *counts = r.counts;
    }
    if (r.parser_made) {
        csv_free(&r.parser);
    }
    free(r.fields.data);
    free(r.arena);
    free(r.text);
    return status;
}
