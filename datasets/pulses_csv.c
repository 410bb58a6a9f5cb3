/* pulses_csv.c - pulse data as CSV.
 * 1. units   2. finding columns   3. which columns   4. rows   5. loading   6. writing
 */
#include "csv_reader.h"
#include "rebias/pulses.h"
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum column_id { POLARITY, CONDUCTANCE, CHANGE, AFTER, DEVICE, CYCLE, PULSE, COLUMN_COUNT };
enum { LABELS = 3 };

static const char *const standard_names[COLUMN_COUNT] = {"polarity", "G",     "dG",   "after",
                                                         "device",   "cycle", "pulse"};

static const char known_units[] = "S, mS, uS, nS, pS, ohm, kohm or Mohm";

/* factor is exact, and one rounding is made: G = x / factor, or 1 / (x factor) for a
 * resistance. */
struct unit {
    const char *prefix; /* case matters: m is milli, M is mega */
    const char *base;   /* case does not matter */
    double factor;
    bool resistance;
};

static const struct unit units[] = {
    {"", "S", 1.0, false},   {"m", "S", 1e3, false},  {"u", "S", 1e6, false},
    {"n", "S", 1e9, false},  {"p", "S", 1e12, false}, {"", "ohm", 1.0, true},
    {"k", "ohm", 1e3, true}, {"M", "ohm", 1e6, true},
};

struct column {
    bool present;
    size_t field;
    const struct unit *unit; /* NULL for polarity and labels */
};

struct point {
    double G;
    double dG;
    int32_t label[LABELS];
    uint8_t polarity;
};

struct loader {
    const struct rebias_pulses_options *options;
    struct column column[COLUMN_COUNT];
    struct rebias_buffer points; /* struct point */
};

/* -- 1. units -- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters of the ASCII alphabet only, whatever the locale. */
static bool equal_ignoring_case(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
        if (a[i] == '\0') {
            return true;
        }
    }
    return true;
}

static bool same_text(const char *a, const char *b, bool ignore_case)
{
    return ignore_case ? equal_ignoring_case(a, b, strlen(a) + 1) : strcmp(a, b) == 0;
}

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof units / sizeof units[0]; i++) {
        size_t prefix = strlen(units[i].prefix);
        if (strncmp(name, units[i].prefix, prefix) == 0 &&
            same_text(name + prefix, units[i].base, true)) {
            return &units[i];
        }
    }
    return NULL;
}

/* The text behind the last '_' of a column name, or NULL. */
static const char *suffix_of(const char *name)
{
    const char *mark = strrchr(name, '_');
    return mark != NULL ? mark + 1 : NULL;
}

/* -- 2. finding columns -- */

/* How a header name may match, best first. */
enum match { EXACT, EXACT_STEM, ANY_CASE, ANY_CASE_STEM, MATCH_COUNT };

/* A stem match: name is wanted, '_' and something. */
static bool has_stem(const char *name, const char *wanted, bool ignore_case)
{
    const char *suffix = suffix_of(name);
    size_t length = strlen(wanted);
    if (suffix == NULL || (size_t)(suffix - name) != length + 1) {
        return false;
    }
    return ignore_case ? equal_ignoring_case(name, wanted, length)
                       : strncmp(name, wanted, length) == 0;
}

static bool is_match(const char *name, const char *wanted, enum match how)
{
    bool ignore_case = how == ANY_CASE || how == ANY_CASE_STEM;
    if (how == EXACT || how == ANY_CASE) {
        return same_text(name, wanted, ignore_case);
    }
    return has_stem(name, wanted, ignore_case) && find_unit(suffix_of(name)) != NULL;
}

/* Number of fields that match; *field = the first. */
static size_t count_matches(const struct rebias_csv_row *header, const char *wanted,
                            enum match how, size_t *field)
{
    size_t count = 0;
    for (size_t i = 0; i < header->count; i++) {
        if (is_match(header->fields[i], wanted, how)) {
            *field = count == 0 ? i : *field;
            count++;
        }
    }
    return count;
}

static bool is_quantity(enum column_id id)
{
    return id == CONDUCTANCE || id == CHANGE || id == AFTER;
}

/* Fills column->present and field; a column that is not there is no error. */
static int find_column(const struct rebias_csv_row *header, enum column_id id,
                       const char *wanted, struct column *column, struct rebias_error *err)
{
    for (int how = 0; how < MATCH_COUNT; how++) {
        bool by_stem = how == EXACT_STEM || how == ANY_CASE_STEM;
        if (by_stem && !is_quantity(id)) {
            continue;
        }
        size_t count = count_matches(header, wanted, (enum match)how, &column->field);
        if (count > 1) {
            const struct rebias_place place = {header->file, header->line, 0, wanted};
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a name that fits one column",
                                  "%zu columns fit one name", count);
        }
        if (count == 1) {
            column->present = true;
            return REBIAS_OK;
        }
    }
    return REBIAS_OK;
}

/* -- 3. which columns -- */

static const char *option_of(const struct rebias_pulses_options *o, enum column_id id)
{
    const char *const names[COLUMN_COUNT] = {o->polarity, o->G,     o->dG,   o->after,
                                             o->device,   o->cycle, o->pulse};
    return names[id];
}

static int fail_unit(const struct rebias_csv_row *header, size_t field,
                     struct rebias_error *err)
{
    char expected[128];
    snprintf(expected, sizeof expected, "a name that ends in _ and %s, or the option unit",
             known_units);
    return rebias_csv_refuse(header, field, REBIAS_E_NAME, expected,
                             "column name carries no known unit", err);
}

/* The unit of a column that is there: from its name, else from the options. */
static int find_column_unit(const struct rebias_csv_row *header, enum column_id id,
                            const struct rebias_pulses_options *options, struct column *column,
                            struct rebias_error *err)
{
    const char *name = header->fields[column->field];
    column->unit = find_unit(suffix_of(name));
    if (column->unit == NULL) {
        column->unit = find_unit(options->unit);
    }
    if (column->unit == NULL) {
        return fail_unit(header, column->field, err);
    }
    if (id == CHANGE && column->unit->resistance) {
        return rebias_csv_refuse(
            header, column->field, REBIAS_E_NAME,
            "a conductance unit; for resistances the column after the pulse (option after)",
            "a change of conductance cannot be in ohm", err);
    }
    return REBIAS_OK;
}

static int fail_missing(const struct rebias_csv_row *header, const char *wanted,
                        enum column_id id, struct rebias_error *err)
{
    for (size_t i = 0; i < header->count && is_quantity(id); i++) {
        if (has_stem(header->fields[i], wanted, true)) {
            return fail_unit(header, i, err);
        }
    }
    char expected[128];
    snprintf(expected, sizeof expected, "a column %s%s%s", wanted,
             is_quantity(id) ? "_S (or another unit)" : "", id == CHANGE ? ", or after_S" : "");
    const struct rebias_place place = {header->file, header->line, 0, wanted};
    return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "missing column");
}

/* Whether a column must be there: when it was asked for, and where no other column can stand
 * in. */
static bool is_required(const struct loader *loader, enum column_id id)
{
    if (option_of(loader->options, id) != NULL || id == POLARITY || id == CONDUCTANCE) {
        return true;
    }
    return id == CHANGE && !loader->column[AFTER].present;
}

/* `after` stands in for dG: it is looked at only when dG was not asked for and is not there. */
static int choose_change(struct loader *loader, const struct rebias_csv_row *header,
                         struct rebias_error *err)
{
    struct column *change = &loader->column[CHANGE];
    struct column *after = &loader->column[AFTER];
    const struct rebias_pulses_options *o = loader->options;
    int status = REBIAS_OK;
    if (o->after == NULL) {
        status = find_column(header, CHANGE, o->dG != NULL ? o->dG : standard_names[CHANGE],
                             change, err);
    }
    if (status == REBIAS_OK && o->dG == NULL && !change->present) {
        status = find_column(header, AFTER, o->after != NULL ? o->after : standard_names[AFTER],
                             after, err);
    }
    return status;
}

static int choose_column(struct loader *loader, const struct rebias_csv_row *header,
                         enum column_id id, struct rebias_error *err)
{
    struct column *column = &loader->column[id];
    const char *asked = option_of(loader->options, id);
    const char *wanted = asked != NULL ? asked : standard_names[id];
    int status = REBIAS_OK;
    if (id != CHANGE && id != AFTER) {
        status = find_column(header, id, wanted, column, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    if (!column->present) {
        bool stand_in = id == CHANGE && loader->options->after != NULL;
        return is_required(loader, id) && !stand_in ? fail_missing(header, wanted, id, err)
                                                    : REBIAS_OK;
    }
    return is_quantity(id) ? find_column_unit(header, id, loader->options, column, err)
                           : REBIAS_OK;
}

static int take_header(void *context, const struct rebias_csv_row *header,
                       struct rebias_error *err)
{
    struct loader *loader = context;
    int status = choose_change(loader, header, err);
    for (int id = 0; id < COLUMN_COUNT && status == REBIAS_OK; id++) {
        status = choose_column(loader, header, (enum column_id)id, err);
    }
    return status;
}

/* -- 4. rows -- */

static int read_polarity(const struct rebias_csv_row *row, size_t field, uint8_t *polarity,
                         struct rebias_error *err)
{
    static const struct {
        const char *name;
        uint8_t polarity;
    } names[] = {{"SET", REBIAS_SET}, {"S", REBIAS_SET},       {"1", REBIAS_SET},
                 {"+1", REBIAS_SET},  {"RESET", REBIAS_RESET}, {"R", REBIAS_RESET},
                 {"-1", REBIAS_RESET}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (same_text(row->fields[field], names[i].name, true)) {
            *polarity = names[i].polarity;
            return REBIAS_OK;
        }
    }
    return rebias_csv_refuse(row, field, REBIAS_E_FORMAT, "SET, S, 1 or +1; RESET, R or -1",
                             "unknown polarity", err);
}

static int read_conductance(const struct rebias_csv_row *row, const struct column *column,
                            double *G, struct rebias_error *err)
{
    double x = 0.0;
    int status = rebias_csv_number(row, column->field, &x, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (!column->unit->resistance) {
        *G = x / column->unit->factor;
        return x < 0.0 ? rebias_csv_refuse(row, column->field, REBIAS_E_RANGE, "G >= 0",
                                           "negative conductance", err)
                       : REBIAS_OK;
    }
    if (!(x > 0.0)) {
        return rebias_csv_refuse(row, column->field, REBIAS_E_RANGE, "R > 0",
                                 "resistance is not positive", err);
    }
    *G = 1.0 / (x * column->unit->factor);
    if (!(*G > 0.0 && isfinite(*G))) {
        return rebias_csv_refuse(row, column->field, REBIAS_E_RANGE,
                                 "1/R within double precision",
                                 "resistance has no finite conductance", err);
    }
    return REBIAS_OK;
}

static int read_change(const struct loader *loader, const struct rebias_csv_row *row,
                       struct point *point, struct rebias_error *err)
{
    const struct column *change = &loader->column[CHANGE];
    const struct column *after = &loader->column[AFTER];
    double x = 0.0;
    int status = change->present ? rebias_csv_number(row, change->field, &x, err)
                                 : read_conductance(row, after, &x, err);
    point->dG = change->present ? x / change->unit->factor : x - point->G;
    return status;
}

static int read_labels(const struct loader *loader, const struct rebias_csv_row *row,
                       struct point *point, struct rebias_error *err)
{
    for (int k = 0; k < LABELS; k++) {
        const struct column *column = &loader->column[DEVICE + k];
        int64_t value = 0;
        if (column->present &&
            !rebias_parse_integer(row->fields[column->field], INT32_MIN, INT32_MAX, &value)) {
            return rebias_csv_refuse(row, column->field, REBIAS_E_FORMAT,
                                     "a whole number below 2^31", "not a label", err);
        }
        point->label[k] = (int32_t)value;
    }
    return REBIAS_OK;
}

static int take_row(void *context, const struct rebias_csv_row *row, struct rebias_error *err)
{
    struct loader *loader = context;
    struct point point = {0};
    int status = read_polarity(row, loader->column[POLARITY].field, &point.polarity, err);
    if (status == REBIAS_OK) {
        status = read_conductance(row, &loader->column[CONDUCTANCE], &point.G, err);
    }
    if (status == REBIAS_OK) {
        status = read_change(loader, row, &point, err);
    }
    if (status == REBIAS_OK) {
        status = read_labels(loader, row, &point, err);
    }
    return status == REBIAS_OK
               ? rebias_buffer_append(&loader->points, sizeof point, &point, err)
               : status;
}

/* -- 5. loading -- */

struct rebias_pulses_options rebias_pulses_options_defaults(void)
{
    return (struct rebias_pulses_options){.skip_bad = false};
}

static int check_options(const struct rebias_pulses_options *options, struct rebias_error *err)
{
    if (options->dG != NULL && options->after != NULL) {
        return rebias_fail(err, REBIAS_E_NAME,
                           "dG and after are both given; one of them defines the change");
    }
    if (options->unit != NULL && find_unit(options->unit) == NULL) {
        const struct rebias_place place = {NULL, 0, 0, options->unit};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, known_units, "unknown unit");
    }
    return REBIAS_OK;
}

/* The labels that the file has, as arrays of pulses. */
static int copy_labels(const struct loader *loader, struct rebias_pulses *pulses,
                       struct rebias_error *err)
{
    int32_t **labels[LABELS] = {&pulses->device, &pulses->cycle, &pulses->pulse};
    const struct point *points = loader->points.data;
    for (size_t k = 0; k < LABELS; k++) {
        if (!loader->column[DEVICE + k].present) {
            continue;
        }
        int status = rebias_alloc(labels[k], pulses->n, sizeof **labels[k], err);
        if (status != REBIAS_OK) {
            return status;
        }
        for (size_t i = 0; i < pulses->n; i++) {
            (*labels[k])[i] = points[i].label[k];
        }
    }
    return REBIAS_OK;
}

static int build_pulses(struct rebias_pulses **out, const struct loader *loader, size_t skipped,
                        struct rebias_error *err)
{
    struct rebias_pulses *pulses = NULL;
    const struct point *points = loader->points.data;
    int status = rebias_pulses_new(&pulses, loader->points.count, false, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    pulses->skipped = skipped;
    for (size_t i = 0; i < pulses->n; i++) {
        pulses->polarity[i] = points[i].polarity;
        pulses->G[i] = points[i].G;
        pulses->dG[i] = points[i].dG;
    }
    status = copy_labels(loader, pulses, err);
    if (status == REBIAS_OK) {
        *out = pulses;
        pulses = NULL;
    }
done:
    rebias_pulses_free(pulses);
    return status;
}

static int check_polarities(const struct loader *loader, const char *path, size_t skipped,
                            struct rebias_error *err)
{
    const struct point *points = loader->points.data;
    size_t count[2] = {0, 0};
    for (size_t i = 0; i < loader->points.count; i++) {
        count[points[i].polarity]++;
    }
    for (int polarity = 0; polarity < 2; polarity++) {
        if (count[polarity] == 0) {
            const struct rebias_place place = {rebias_csv_name(path), 0, 0, NULL};
            return rebias_fail_at(err, REBIAS_E_DATA, &place, "points of both polarities",
                                  "no %s points among %zu (bad rows skipped: %zu)",
                                  polarity == REBIAS_SET ? "SET" : "RESET",
                                  loader->points.count, skipped);
        }
    }
    return REBIAS_OK;
}

int rebias_pulses_load(struct rebias_pulses **out, const char *path,
                       const struct rebias_pulses_options *options, struct rebias_error *err)
{
    *out = NULL;
    struct loader loader = {.options = options};
    const struct rebias_csv_handler handler = {take_header, take_row, &loader,
                                               options->skip_bad};
    struct rebias_csv_counts counts = {0, 0};
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_csv_read(path, &handler, &counts, err);
    }
    if (status == REBIAS_OK) {
        status = check_polarities(&loader, path, counts.skipped, err);
    }
    if (status == REBIAS_OK) {
        status = build_pulses(out, &loader, counts.skipped, err);
    }
    free(loader.points.data);
    return status;
}

/* -- 6. writing -- */

/* Each line behind "# "; a carriage return also ends a line, for the reader takes it so. */
static void write_provenance(const char *text, FILE *stream)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\r\n");
        fprintf(stream, "# %.*s\n", (int)length, text);
        text += length;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : *text != '\0';
    }
}

static void write_rows(const struct rebias_pulses *pulses, FILE *stream)
{
    const int32_t *const labels[LABELS] = {pulses->device, pulses->cycle, pulses->pulse};
    for (int k = 0; k < LABELS; k++) {
        if (labels[k] != NULL) {
            fprintf(stream, "%s,", standard_names[DEVICE + k]);
        }
    }
    fprintf(stream, "polarity,G_S,dG_S\n");
    for (size_t i = 0; i < pulses->n; i++) {
        for (int k = 0; k < LABELS; k++) {
            if (labels[k] != NULL) {
                fprintf(stream, "%" PRId32 ",", labels[k][i]);
            }
        }
        fprintf(stream, "%s,%.17g,%.17g\n", pulses->polarity[i] == REBIAS_SET ? "SET" : "RESET",
                pulses->G[i], pulses->dG[i]);
    }
}

int rebias_pulses_write(const struct rebias_pulses *pulses, FILE *stream,
                        const char *provenance, struct rebias_error *err)
{
    /* printf follows the locale's decimal point; this thread alone is switched, and back again.
     */
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the number format");
    }
    locale_t before = uselocale(c);
    if (provenance != NULL) {
        write_provenance(provenance, stream);
    }
    write_rows(pulses, stream);
    uselocale(before);
    freelocale(c);
    return REBIAS_OK;
}
