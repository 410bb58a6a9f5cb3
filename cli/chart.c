/* chart.c - figures as data.
 * 1. text   2. making   3. limits   4. ticks   5. legend   6. CSV
 */
#include "chart.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. text -- */

void chart_text(char *to, size_t size, const char *format, ...)
{
    static const char dots[] = "...";
    va_list list;
    va_start(list, format);
    int written = vsnprintf(to, size, format, list);
    va_end(list);
    if (written < 0) {
        to[0] = '\0';
    } else if ((size_t)written >= size && size > sizeof dots) {
        size_t end = size - sizeof dots;
        while (end > 0 && ((unsigned char)to[end] & 0xC0u) == 0x80u) {
            end--; /* not in the middle of a UTF-8 character */
        }
        memcpy(to + end, dots, sizeof dots);
    }
}

/* -- 2. making -- */

struct chart_panel *chart_add_panel(struct chart *chart)
{
    const struct chart_panel panel = {.x = {.low = NAN, .high = NAN},
                                      .y = {.low = NAN, .high = NAN},
                                      .level = {.middle = NAN, .low = NAN, .high = NAN}};
    if (chart->status == REBIAS_OK) {
        chart->status = rebias_buffer_append(&chart->panels, sizeof panel, &panel, &chart->err);
    }
    return chart->status == REBIAS_OK
               ? (struct chart_panel *)chart->panels.data + chart->panels.count - 1
               : NULL;
}

struct chart_series *chart_add_series(struct chart *chart, struct chart_panel *panel,
                                      enum chart_mark mark, int colour, const char *label)
{
    struct chart_series series = {.colour = colour, .mark = mark};
    chart_text(series.label, sizeof series.label, "%s", label);
    if (chart->status == REBIAS_OK) {
        chart->status =
            rebias_buffer_append(&panel->series, sizeof series, &series, &chart->err);
    }
    return chart->status == REBIAS_OK
               ? (struct chart_series *)panel->series.data + panel->series.count - 1
               : NULL;
}

void chart_add_point(struct chart *chart, struct chart_series *series,
                     const struct chart_point *point)
{
    if (chart->status == REBIAS_OK && series != NULL && isfinite(point->x) &&
        isfinite(point->y)) {
        chart->status =
            rebias_buffer_append(&series->points, sizeof *point, point, &chart->err);
    }
}

void chart_set_heat(struct chart *chart, struct chart_panel *panel, size_t columns, size_t rows)
{
    if (chart->status == REBIAS_OK) {
        chart->status = rebias_alloc(&panel->heat.value, columns * rows,
                                     sizeof *panel->heat.value, &chart->err);
        panel->heat.columns = columns;
        panel->heat.rows = rows;
    }
}

void chart_clear(struct chart *chart)
{
    for (size_t p = 0; p < chart->panels.count; p++) {
        struct chart_panel *panel = (struct chart_panel *)chart->panels.data + p;
        for (size_t s = 0; s < panel->series.count; s++) {
            free(((struct chart_series *)panel->series.data)[s].points.data);
        }
        free(panel->series.data);
        free(panel->heat.value);
    }
    free(chart->panels.data);
    *chart = (struct chart){0};
}

const struct chart_panel *chart_panel(const struct chart *chart, size_t number)
{
    return (const struct chart_panel *)chart->panels.data + number;
}

const struct chart_series *chart_series(const struct chart_panel *panel, size_t number)
{
    return (const struct chart_series *)panel->series.data + number;
}

const struct chart_point *chart_points(const struct chart_series *series)
{
    return series->points.data;
}

size_t chart_columns(const struct chart *chart)
{
    const size_t most = 3;
    return chart->panels.count < most ? chart->panels.count : most;
}

/* -- 3. limits -- */

struct range {
    double low, high;
};

static void widen(struct range *range, double x)
{
    if (isfinite(x)) {
        range->low = fmin(range->low, x);
        range->high = fmax(range->high, x);
    }
}

/* Room around the points; one value alone gets a range of its own. */
static void finish(struct range *range, const struct chart_axis *axis, double room)
{
    if (!(range->low <= range->high)) {
        *range = (struct range){axis->logarithmic ? 1.0 : 0.0, axis->logarithmic ? 10.0 : 1.0};
    }
    if (axis->logarithmic) {
        const double span = fmax(log(range->high / range->low), log(2.0));
        range->low *= exp(-room * span);
        range->high *= exp(room * span);
    } else {
        const double span = range->high - range->low;
        const double least = fmax(1e-3 * fabs(range->high), 1e-300);
        const double extra = room * span + (span < least ? least : 0.0);
        range->low -= extra;
        range->high += extra;
    }
    range->low = isnan(axis->low) ? range->low : axis->low;
    range->high = isnan(axis->high) ? range->high : axis->high;
}

void chart_x_limits(const struct chart_panel *panel, double *low, double *high)
{
    struct range range = {INFINITY, -INFINITY};
    for (size_t s = 0; s < panel->series.count; s++) {
        const struct chart_series *series = chart_series(panel, s);
        for (size_t i = 0; i < series->points.count; i++) {
            widen(&range, chart_points(series)[i].x);
        }
    }
    if (panel->heat.columns > 0) {
        range = (struct range){panel->heat.x_low, panel->heat.x_high};
        finish(&range, &panel->x, 0.0);
    } else {
        finish(&range, &panel->x, panel->x.lists ? 0.12 : 0.04);
    }
    *low = range.low;
    *high = range.high;
}

void chart_y_limits(const struct chart_panel *panel, double *low, double *high)
{
    struct range range = {INFINITY, -INFINITY};
    for (size_t s = 0; s < panel->series.count; s++) {
        const struct chart_series *series = chart_series(panel, s);
        for (size_t i = 0; i < series->points.count; i++) {
            widen(&range, chart_points(series)[i].y);
            widen(&range, chart_points(series)[i].low);
            widen(&range, chart_points(series)[i].high);
        }
    }
    widen(&range, panel->level.middle);
    widen(&range, panel->level.low);
    widen(&range, panel->level.high);
    if (panel->heat.columns > 0) {
        range = (struct range){panel->heat.y_low, panel->heat.y_high};
        finish(&range, &panel->y, 0.0);
    } else {
        finish(&range, &panel->y, 0.06);
    }
    *low = range.low;
    *high = range.high;
}

void chart_share_y(struct chart *chart)
{
    struct range range = {INFINITY, -INFINITY};
    struct chart_panel *panels = chart->panels.data;
    for (size_t p = 0; p < chart->panels.count; p++) {
        double low = 0.0;
        double high = 0.0;
        chart_y_limits(&panels[p], &low, &high);
        widen(&range, low);
        widen(&range, high);
    }
    for (size_t p = 0; p < chart->panels.count; p++) {
        panels[p].y.low = range.low;
        panels[p].y.high = range.high;
    }
}

/* -- 4. ticks -- */

static size_t linear_ticks(double low, double high, double *tick, size_t capacity)
{
    static const double steps[] = {1.0, 2.0, 5.0, 10.0};
    const double rough = (high - low) / 7.0;
    const double decade = pow(10.0, floor(log10(rough)));
    double step = 10.0 * decade;
    for (size_t i = sizeof steps / sizeof steps[0]; i-- > 0;) {
        step = steps[i] * decade >= rough ? steps[i] * decade : step;
    }
    size_t count = 0;
    for (double k = ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1.0) {
        if (count < capacity) {
            tick[count++] = k * step;
        }
    }
    return count;
}

static size_t log_ticks(double low, double high, double *tick, size_t capacity)
{
    static const double parts[] = {1.0, 2.0, 5.0};
    const size_t per_decade = high / low > 100.0 ? 1 : 3;
    size_t count = 0;
    for (double decade = floor(log10(low)); decade <= ceil(log10(high)); decade += 1.0) {
        for (size_t i = 0; i < per_decade; i++) {
            const double x = parts[i] * pow(10.0, decade);
            if (x >= low && x <= high && count < capacity) {
                tick[count++] = x;
            }
        }
    }
    return count;
}

/* Share of the axis at which x lies. */
static double place_of(double x, double low, double high, bool logarithmic)
{
    return logarithmic ? log(x / low) / log(high / low) : (x - low) / (high - low);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The points' own x, where the number has room beside the one before. */
static size_t own_ticks(const struct chart_panel *panel, double *tick, size_t capacity)
{
    enum { MOST = 64 };
    double x[MOST] = {0.0};
    double low = 0.0;
    double high = 0.0;
    size_t found = 0;
    size_t count = 0;
    for (size_t s = 0; s < panel->series.count; s++) {
        const struct chart_series *series = chart_series(panel, s);
        for (size_t i = 0; i < series->points.count && found < MOST; i++) {
            x[found] = chart_points(series)[i].x;
            bool known = false;
            for (size_t k = 0; k < found; k++) {
                known = known || x[k] == x[found]; /* copies of one number */
            }
            found += known ? 0 : 1;
        }
    }
    qsort(x, found, sizeof x[0], ascending);
    chart_x_limits(panel, &low, &high);
    for (size_t k = 0; k < found && count < capacity; k++) {
        const double room = 0.11;
        const double place = place_of(x[k], low, high, panel->x.logarithmic);
        if (count == 0 ||
            place - place_of(tick[count - 1], low, high, panel->x.logarithmic) > room) {
            tick[count++] = x[k];
        }
    }
    return count;
}

size_t chart_x_ticks(const struct chart_panel *panel, double *tick, size_t capacity)
{
    double low = 0.0;
    double high = 0.0;
    chart_x_limits(panel, &low, &high);
    if (panel->x.lists) {
        return own_ticks(panel, tick, capacity);
    }
    return panel->x.logarithmic ? log_ticks(low, high, tick, capacity)
                                : linear_ticks(low, high, tick, capacity);
}

size_t chart_y_ticks(const struct chart_panel *panel, double *tick, size_t capacity)
{
    double low = 0.0;
    double high = 0.0;
    chart_y_limits(panel, &low, &high);
    return panel->y.logarithmic ? log_ticks(low, high, tick, capacity)
                                : linear_ticks(low, high, tick, capacity);
}

/* -- 5. legend -- */

/* The label was shown by an earlier series, panel by panel. */
static bool shown_before(const struct chart *chart, size_t panel, size_t series)
{
    const char *label = chart_series(chart_panel(chart, panel), series)->label;
    for (size_t p = 0; p <= panel; p++) {
        const struct chart_panel *one = chart_panel(chart, p);
        const size_t end = p < panel ? one->series.count : series;
        for (size_t s = 0; s < end; s++) {
            if (strcmp(chart_series(one, s)->label, label) == 0) {
                return true;
            }
        }
    }
    return false;
}

void chart_each_label(const struct chart *chart,
                      void (*visit)(void *context, const char *label, int colour,
                                    enum chart_mark mark),
                      void *context)
{
    const char *level = "";
    enum chart_mark level_mark = CHART_LINE;
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *panel = chart_panel(chart, p);
        for (size_t s = 0; s < panel->series.count; s++) {
            const struct chart_series *series = chart_series(panel, s);
            if (series->label[0] != '\0' && !shown_before(chart, p, s)) {
                visit(context, series->label, series->colour, series->mark);
            }
        }
        if (level[0] == '\0' && isfinite(panel->level.middle)) {
            level = panel->level.label;
            level_mark = isfinite(panel->level.low) ? CHART_RIBBON : CHART_LINE;
        }
    }
    if (level[0] != '\0') {
        visit(context, level, CHART_GREY, level_mark);
    }
}

static void count_label(void *context, const char *label, int colour, enum chart_mark mark)
{
    size_t *count = context;
    (void)label;
    (void)mark;
    *count += colour == CHART_GREY ? 2 : 1;
}

bool chart_has_legend(const struct chart *chart)
{
    size_t count = 0;
    chart_each_label(chart, count_label, &count);
    return count > 1;
}

/* -- 6. CSV -- */

/* A text as a CSV field. */
static void write_field(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            fputc('"', out);
        }
        fputc((unsigned char)*c < ' ' ? ' ' : *c, out);
    }
    fputc('"', out);
}

static void write_number(FILE *out, double x)
{
    if (isfinite(x)) {
        fprintf(out, ",%.10g", x);
    } else {
        fputc(',', out);
    }
}

static void write_row(FILE *out, const struct chart_panel *panel, const char *series,
                      const struct chart_point *point, double share)
{
    write_field(out, panel->title);
    fputc(',', out);
    write_field(out, series);
    write_number(out, point->x);
    write_number(out, point->y);
    write_number(out, point->low);
    write_number(out, point->high);
    write_number(out, share);
    fputc('\n', out);
}

static void write_heat(FILE *out, const struct chart_panel *panel)
{
    const struct chart_heat *heat = &panel->heat;
    for (size_t r = 0; r < heat->rows; r++) {
        for (size_t c = 0; c < heat->columns; c++) {
            const struct chart_point middle = {
                heat->x_low +
                    (heat->x_high - heat->x_low) * ((double)c + 0.5) / (double)heat->columns,
                heat->y_low +
                    (heat->y_high - heat->y_low) * ((double)r + 0.5) / (double)heat->rows,
                NAN, NAN};
            write_row(out, panel, "density", &middle, heat->value[r * heat->columns + c]);
        }
    }
}

static void write_panel(FILE *out, const struct chart_panel *panel)
{
    write_heat(out, panel);
    for (size_t s = 0; s < panel->series.count; s++) {
        const struct chart_series *series = chart_series(panel, s);
        for (size_t i = 0; i < series->points.count; i++) {
            write_row(out, panel, series->label, &chart_points(series)[i], NAN);
        }
    }
    if (isfinite(panel->level.middle)) {
        const struct chart_point level = {NAN, panel->level.middle, panel->level.low,
                                          panel->level.high};
        write_row(out, panel, panel->level.label, &level, NAN);
    }
}

void chart_write_csv(FILE *out, const struct chart *chart)
{
    fprintf(out, "# %s\n", chart->title);
    for (size_t p = 0; p < chart->panels.count; p++) {
        const struct chart_panel *panel = chart_panel(chart, p);
        fprintf(out, "# panel %s: x = %s, y = %s\n", panel->title, panel->x.label,
                panel->y.label);
    }
    fprintf(out, "panel,series,x,y,low,high,share\n");
    for (size_t p = 0; p < chart->panels.count; p++) {
        write_panel(out, chart_panel(chart, p));
    }
}
