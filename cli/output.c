/* output.c - what commands print.
 * 1. provenance   2. tables   3. remarks and progress
 */
#include "output.h"
#include "rebias/images.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- 1. provenance -- */

/* Options that do not change any number, with their value if they have one. */
static int skipped_words(const char *word)
{
    if (strcmp(word, "--threads") == 0) {
        return 2;
    }
    bool silent = strcmp(word, "--quiet") == 0 || strcmp(word, "-q") == 0 ||
                  strncmp(word, "--threads=", 10) == 0;
    return silent ? 1 : 0;
}

static void write_command(FILE *out, const struct arguments *arguments)
{
    fprintf(out, "rebias %s\ncommand: rebias", rebias_version());
    for (int i = 1; i < arguments->argc; i++) {
        int skip = skipped_words(arguments->argv[i]);
        if (skip > 0) {
            i += skip - 1;
            continue;
        }
        fputc(' ', out);
        for (const char *c = arguments->argv[i]; *c != '\0'; c++) {
            fputc((unsigned char)*c < ' ' ? '?' : *c,
                  out); /* a line break in a name must not end the line */
        }
    }
    fprintf(out, "\nseed: %" PRId64 "\n", argument_integer(arguments, "seed"));
}

int provenance_make(struct provenance *provenance, const struct arguments *arguments,
                    const char *const *inputs, size_t count, struct rebias_error *err)
{
    provenance->text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&provenance->text, &size);
    if (out == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the provenance");
    }
    write_command(out, arguments);
    int status = REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        char sum[20];
        if (inputs[i] == NULL || access(inputs[i], R_OK) != 0) {
            continue; /* presets, formats with several files, stdin */
        }
        status = rebias_file_checksum(inputs[i], sum, err);
        if (status == REBIAS_OK) {
            fprintf(out, "input: %s %s\n", inputs[i], sum);
        }
    }
    if (fclose(out) != 0 && status == REBIAS_OK) {
        status = rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the provenance");
    }
    return status;
}

int provenance_add_images(struct provenance *provenance, const struct rebias_image_set *set,
                          struct rebias_error *err)
{
    size_t used = strlen(provenance->text);
    size_t size = used + 384;
    char *grown = realloc(provenance->text, size);
    if (grown == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory for the provenance");
    }
    provenance->text = grown;
    int written = snprintf(grown + used, size - used, "images: %s\n", set->source);
    used += written > 0 ? (size_t)written : 0;
    for (int i = 0; i < REBIAS_SET_FILES && set->checksum[i][0] != '\0'; i++) {
        written = snprintf(grown + used, size - used, "input: %s %s\n", set->file[i],
                           set->checksum[i]);
        used += written > 0 ? (size_t)written : 0;
    }
    return REBIAS_OK;
}

void provenance_free(struct provenance *provenance)
{
    free(provenance->text);
    provenance->text = NULL;
}

/* -- 2. tables -- */

void table_start(struct table *table, size_t columns, const char *const *names)
{
    *table = (struct table){.columns = columns, .names = names};
}

int table_text(struct table *table, const char *text, struct rebias_error *err)
{
    char *copy = NULL;
    int status = rebias_copy_text(&copy, text, err);
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&table->cells, sizeof copy, &copy, err);
    }
    if (status != REBIAS_OK) {
        free(copy);
    }
    return status;
}

int table_integer(struct table *table, int64_t value, struct rebias_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return table_text(table, text, err);
}

void number_text(double value, char text[40])
{
    const double most = 1e6; /* %g would write 500 as 5e+02 */
    text[0] = '\0';
    if (fabs(value) < most && value == trunc(value)) {
        snprintf(text, 40, "%.0f", value);
    } else if (!isnan(value)) {
        snprintf(text, 40, "%.17g", value);
        double back = 0.0;
        char shorter[40];
        for (int digits = 1; digits < 17;
             digits++) { /* the shortest form that reads back to the same number */
            snprintf(shorter, sizeof shorter, "%.*g", digits, value);
            if (rebias_parse_double(shorter, &back) && back == value) {
                memcpy(text, shorter, sizeof shorter);
                break;
            }
        }
    }
}

int table_number(struct table *table, double value, struct rebias_error *err)
{
    char text[40];
    number_text(value, text);
    return table_text(table, text, err);
}

void table_free(struct table *table)
{
    char **cells = table->cells.data;
    for (size_t i = 0; i < table->cells.count; i++) {
        free(cells[i]);
    }
    free(cells);
    *table = (struct table){0};
}

void print_csv_cell(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            fputc('"', out);
        }
        fputc(*c, out);
    }
    fputc('"', out);
}

static void print_csv(FILE *out, const struct table *table)
{
    char *const *cells = table->cells.data;
    for (size_t c = 0; c < table->columns; c++) {
        fprintf(out, "%s%s", c > 0 ? "," : "", table->names[c]);
    }
    fputc('\n', out);
    for (size_t i = 0; i < table->cells.count; i++) {
        print_csv_cell(out, cells[i]);
        fputc((i + 1) % table->columns == 0 ? '\n' : ',', out);
    }
}

/* Numbers are shown with 5 digits in tables for people (written into shown); everything else as
 * it is. */
static const char *short_cell(const char *text, char shown[32])
{
    double value = 0.0;
    int64_t whole = 0;
    if (!rebias_parse_integer(text, INT64_MIN, INT64_MAX, &whole) &&
        rebias_parse_double(text, &value)) {
        snprintf(shown, 32, "%.5g", value);
        return shown;
    }
    return text[0] != '\0' ? text : "-";
}

static void print_padded(FILE *out, const char *text, size_t column, size_t columns,
                         const size_t *width)
{
    bool last = column + 1 == columns;
    fprintf(out, "%s%-*s%s", column > 0 ? "  " : "", last ? 0 : (int)width[column], text,
            last ? "\n" : "");
}

static void print_aligned(FILE *out, const struct table *table)
{
    enum { MAX_COLUMNS = 64 };
    char *const *cells = table->cells.data;
    size_t width[MAX_COLUMNS] = {0};
    char shown[32];
    for (size_t c = 0; c < table->columns; c++) {
        width[c] = strlen(table->names[c]);
    }
    for (size_t i = 0; i < table->cells.count; i++) {
        size_t length = strlen(short_cell(cells[i], shown));
        size_t c = i % table->columns;
        width[c] = length > width[c] ? length : width[c];
    }
    for (size_t c = 0; c < table->columns; c++) {
        print_padded(out, table->names[c], c, table->columns, width);
    }
    for (size_t i = 0; i < table->cells.count; i++) {
        print_padded(out, short_cell(cells[i], shown), i % table->columns, table->columns,
                     width);
    }
}

static void print_provenance(FILE *out, const char *text)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
        fprintf(out, "# %.*s\n", (int)length, line);
        line += length + (end != NULL ? 1 : 0);
    }
}

int table_print(const struct table *table, const struct provenance *provenance, bool csv,
                const char *path, struct rebias_error *err)
{
    struct rebias_output out;
    int status = rebias_output_open(&out, path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    print_provenance(out.stream, provenance->text);
    if (csv) {
        print_csv(out.stream, table);
    } else {
        print_aligned(out.stream, table);
    }
    return rebias_output_close(&out, err);
}

int table_finish(struct table *table, const struct arguments *arguments,
                 const char *const *inputs, size_t input_count, struct rebias_error *err)
{
    struct provenance provenance;
    int status = provenance_make(&provenance, arguments, inputs, input_count, err);
    if (status == REBIAS_OK) {
        status = table_print(table, &provenance, argument_choice(arguments, "format") == 1,
                             NULL, err);
    }
    provenance_free(&provenance);
    return status;
}

/* -- 3. remarks and progress -- */

void remark(const struct arguments *arguments, const char *format, ...)
{
    if (argument_flag(arguments, "quiet")) {
        return;
    }
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void tell_error(const struct command *command, const struct rebias_error *err)
{
    char text[1024];
    rebias_error_text(err, text, sizeof text);
    if (err->message[0] != '\0') {
        fprintf(stderr, "rebias %s: %s\n", command->name, text);
    }
}

static volatile sig_atomic_t interrupted;

bool progress_interrupted(void)
{
    return interrupted != 0;
}

/* The third signal ends the program at once; not the second, for timeout(1) sends each one
 * twice. */
static void note_signal(int number)
{
    interrupted = interrupted + 1;
    if (interrupted > 2) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void catch_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void progress_catch_signals(void)
{
    catch_signals(note_signal);
}

static char doomed[4096]; /* changed only while the handler is not installed */

/* unlink, signal and raise are safe in a handler. */
static void remove_and_die(int number)
{
    unlink(doomed);
    signal(number, SIG_DFL);
    raise(number);
}

void remove_on_signal(const char *path)
{
    catch_signals(SIG_DFL);
    if (path != NULL && strlen(path) < sizeof doomed) {
        memcpy(doomed, path, strlen(path) + 1);
        catch_signals(remove_and_die);
    }
}

int progress_step(void *context, size_t done, size_t total)
{
    struct progress *progress = context;
    enum { WIDTH = 30, STEPS = 300 };
    size_t step = total > 0 ? STEPS * done / total : STEPS;
    if (step == progress->step && progress->shown) {
        return interrupted != 0;
    }
    progress->step = step;
    if (!argument_flag(progress->arguments, "quiet") && isatty(STDERR_FILENO)) {
        char bar[WIDTH + 1];
        size_t filled = total > 0 ? WIDTH * done / total : WIDTH;
        for (size_t i = 0; i < WIDTH; i++) {
            bar[i] = i < filled ? '#' : '.';
        }
        bar[WIDTH] = '\0';
        fprintf(stderr, "\r%s [%s] %zu/%zu", progress->what, bar, done, total);
        progress->shown = true;
    }
    return interrupted != 0;
}

int progress_poll(void *context, size_t done, size_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return interrupted != 0;
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fputc('\n', stderr);
    }
}

int thread_count(const struct arguments *arguments)
{
    return argument_given(arguments, "threads") ? (int)argument_integer(arguments, "threads")
                                                : rebias_processor_count();
}
