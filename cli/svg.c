/* svg.c - charts as SVG.
 * 1. text   2. axes   3. one panel   4. legend   5. a figure as a file
 */
#include "svg.h"
#include "plots/page.h"
#include "svg_internal.h"
#include <math.h>
#include <string.h>

/* -- 1. text -- */

void svg_escaped(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc((unsigned char)*c < ' ' ? ' ' : *c, out);
        }
    }
}

/* 0.30000000000000004 and -0 are what sums of steps give. */
static void write_tick(FILE *out, double x, double span)
{
    fprintf(out, "%.6g", fabs(x) < 1e-9 * span ? 0.0 : x);
}

/* -- 2. axes -- */

static void write_x_axis(FILE *out, const struct chart_panel *panel,
                         const struct svg_frame *frame)
{
    double tick[32];
    const size_t count = chart_x_ticks(panel, tick, sizeof tick / sizeof tick[0]);
    fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f", frame->left, frame->bottom,
            frame->right);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "M%.1f %.1fv4", svg_x(frame, tick[i]), frame->bottom);
    }
    fputs("\"/>\n<g class=\"number\" text-anchor=\"middle\">", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">", svg_x(frame, tick[i]),
                frame->bottom + 18.0);
        write_tick(out, tick[i], frame->x_high - frame->x_low);
        fputs("</text>", out);
    }
    fprintf(out, "</g>\n<text class=\"name\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">",
            0.5 * (frame->left + frame->right), frame->bottom + 38.0);
    svg_escaped(out, panel->x.label);
    fputs("</text>\n", out);
}

static void write_y_axis(FILE *out, const struct chart_panel *panel,
                         const struct svg_frame *frame)
{
    double tick[32];
    const size_t count = chart_y_ticks(panel, tick, sizeof tick / sizeof tick[0]);
    fputs("<path class=\"grid\" d=\"", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "M%.1f %.1fH%.1f", frame->left, svg_y(frame, tick[i]), frame->right);
    }
    fputs("\"/>\n<g class=\"number\" text-anchor=\"end\">", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">", frame->left - 6.0,
                svg_y(frame, tick[i]) + 4.0);
        write_tick(out, tick[i], frame->y_high - frame->y_low);
        fputs("</text>", out);
    }
    fprintf(out,
            "</g>\n<text class=\"name\" text-anchor=\"middle\" transform=\"translate(14 %.1f) "
            "rotate(-90)\">",
            0.5 * (frame->top + frame->bottom));
    svg_escaped(out, panel->y.label);
    fputs("</text>\n", out);
}

/* -- 3. one panel -- */

static void write_inside(FILE *out, const struct chart_panel *panel)
{
    struct svg_frame frame = {.left = 62.0,
                              .right = SVG_WIDTH - 12.0,
                              .top = 10.0,
                              .bottom = SVG_HEIGHT - 48.0,
                              .x_log = panel->x.logarithmic,
                              .y_log = panel->y.logarithmic};
    chart_x_limits(panel, &frame.x_low, &frame.x_high);
    chart_y_limits(panel, &frame.y_low, &frame.y_high);
    write_y_axis(out, panel, &frame);
    svg_content(out, panel, &frame);
    write_x_axis(out, panel, &frame);
}

void svg_panel(FILE *out, const struct chart_panel *panel, const char *id)
{
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n"
            "<title id=\"%s-t\">",
            SVG_WIDTH, SVG_HEIGHT, id, id, id);
    svg_escaped(out, panel->title);
    fprintf(out, "</title>\n<desc id=\"%s-d\">", id);
    svg_escaped(out, panel->text);
    fputs("</desc>\n", out);
    write_inside(out, panel);
    fputs("</svg>\n", out);
}

/* -- 4. legend -- */

static void write_key(FILE *out, int colour, enum chart_mark mark)
{
    fputs("<g ", out);
    svg_class(out, colour);
    fputc('>', out);
    if (mark == CHART_LINE) {
        fputs("<path class=\"line\" d=\"M1 6H17\"/>", out);
    } else if (mark == CHART_RIBBON) {
        fprintf(out, "<rect class=\"%s\" x=\"1\" y=\"1\" width=\"16\" height=\"10\"/>",
                colour == CHART_GREY ? "band" : "area");
    } else {
        svg_shape(out, colour, 9.0, 6.0, 4.0);
    }
    fputs("</g>", out);
}

void svg_key(FILE *out, int colour, enum chart_mark mark)
{
    fputs("<svg class=\"key\" viewBox=\"0 0 18 12\" width=\"18\" height=\"12\" "
          "aria-hidden=\"true\">",
          out);
    write_key(out, colour, mark);
    fputs("</svg>", out);
}

/* -- 5. a figure as a file -- */

enum { MARGIN = 16, ROW = 20 };
static const double letter = 7.2; /* width of a wide letter at this size, user units */

/* Where the next line of text goes; out NULL only counts. */
struct flow {
    FILE *out;
    double left, width;
    double x, y;
};

static size_t characters(const char *text)
{
    size_t count = 0;
    for (const char *c = text; *c != '\0'; c++) {
        count += ((unsigned char)*c & 0xC0u) != 0x80u; /* UTF-8 */
    }
    return count;
}

static void next_label(void *context, const char *label, int colour, enum chart_mark mark)
{
    struct flow *flow = context;
    const double width = 40.0 + letter * (double)characters(label);
    if (flow->x > flow->left && flow->x + width > flow->left + flow->width) {
        flow->x = flow->left;
        flow->y += ROW;
    }
    if (flow->out != NULL) {
        fprintf(flow->out, "<g transform=\"translate(%.1f %.1f)\">", flow->x, flow->y);
        write_key(flow->out, colour, mark);
        fputs("<text class=\"name\" x=\"24\" y=\"10\">", flow->out);
        svg_escaped(flow->out, label);
        fputs("</text></g>\n", flow->out);
    }
    flow->x += width;
}

/* Text in lines of the flow's width, broken at blanks where there are some. */
static void write_lines(struct flow *flow, const char *class, const char *text)
{
    const size_t room = (size_t)(flow->width / letter);
    while (*text != '\0') {
        size_t length = strlen(text);
        if (length > room) {
            length = room;
            while (length > room / 2 && text[length] != ' ') {
                length--;
            }
            length = text[length] == ' ' ? length : room;
            while (length > 1 && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
                length--;
            }
        }
        if (flow->out != NULL) {
            char line[512];
            snprintf(line, sizeof line, "%.*s", (int)length, text);
            fprintf(flow->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, flow->left,
                    flow->y + 14.0);
            svg_escaped(flow->out, line);
            fputs("</text>\n", flow->out);
        }
        flow->y += ROW;
        text += length;
        text += strspn(text, " ");
    }
}

/* Title, panels with theirs, legend; returns the height. */
static double write_figure(FILE *out, const struct chart *chart, double width)
{
    const size_t across = chart_columns(chart);
    struct flow flow = {out, MARGIN, width - 2 * MARGIN, MARGIN, MARGIN};
    write_lines(&flow, "head", chart->title);
    double y = flow.y + 4.0;
    for (size_t first = 0; first < chart->panels.count; first += across) {
        double lowest = y;
        for (size_t p = first; p < chart->panels.count && p < first + across; p++) {
            struct flow above = {out, MARGIN + (double)((p - first) * (SVG_WIDTH + MARGIN)),
                                 SVG_WIDTH, 0.0, y};
            write_lines(&above, "name", chart_panel(chart, p)->title);
            lowest = fmax(lowest, above.y);
        }
        for (size_t p = first; p < chart->panels.count && p < first + across && out != NULL;
             p++) {
            fprintf(out, "<g transform=\"translate(%zu %.1f)\">\n<desc>",
                    MARGIN + (p - first) * (SVG_WIDTH + MARGIN), lowest);
            svg_escaped(out, chart_panel(chart, p)->text);
            fputs("</desc>\n", out);
            write_inside(out, chart_panel(chart, p));
            fputs("</g>\n", out);
        }
        y = lowest + SVG_HEIGHT + 8.0;
    }
    flow.x = MARGIN;
    flow.y = y;
    if (chart_has_legend(chart)) {
        chart_each_label(chart, next_label, &flow);
        flow.y += ROW;
    }
    return flow.y + MARGIN;
}

void svg_figure(FILE *out, const struct chart *chart)
{
    const size_t across = chart_columns(chart);
    const double width = MARGIN + (double)(across * (SVG_WIDTH + MARGIN));
    const double height = write_figure(NULL, chart, width);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
            "width=\"%.0f\" height=\"%.0f\" role=\"img\">\n<title>",
            width, height, width, height);
    svg_escaped(out, chart->title);
    fprintf(out,
            "</title>\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" "
            "fill=\"#fff\"/>\n",
            page_figure);
    write_figure(out, chart, width);
    fputs("</svg>\n", out);
}
