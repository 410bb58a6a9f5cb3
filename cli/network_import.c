/* network_import.c - networks from text files.
 * 1. numbers   2. matrices   3. networks
 */
#include "network_import.h"
#include "rebias/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. numbers -- */

static const size_t largest_file = (size_t)512 << 20;
static const char blanks[] = " \t\r,;";

/* Appends the numbers of one line (changed); *count = how many. */
static int read_line(struct rebias_buffer *numbers, char *line, struct rebias_place place,
                     size_t *count, struct rebias_error *err)
{
    char *rest = NULL;
    *count = 0;
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, blanks, &rest); word != NULL;
         word = strtok_r(NULL, blanks, &rest)) {
        double value = 0.0;
        if (!rebias_parse_double(word, &value)) {
            place.column = *count + 1;
            place.value = word;
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                  "numbers, blanks or commas between them", "not a number");
        }
        int status = rebias_buffer_append(numbers, sizeof value, &value, err);
        if (status != REBIAS_OK) {
            return status;
        }
        ++*count;
    }
    return REBIAS_OK;
}

/* -- 2. matrices -- */

static int read_lines(char *text, const char *path, struct rebias_buffer *numbers, size_t *rows,
                      size_t *columns, struct rebias_error *err)
{
    struct rebias_place place = {.file = path};
    *rows = *columns = 0;
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        size_t count = 0;
        place.line++;
        if (end != NULL) {
            *end++ = '\0';
        }
        int status = read_line(numbers, line, place, &count, err);
        if (status != REBIAS_OK) {
            return status;
        }
        if (count > 0 && *rows > 0 && count != *columns) {
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "rows of one length",
                                  "row has %zu numbers, those before have %zu", count,
                                  *columns);
        }
        *columns = count > 0 ? count : *columns;
        *rows += count > 0;
        line = end;
    }
    return *rows > 0
               ? REBIAS_OK
               : rebias_fail_at(err, REBIAS_E_FORMAT, &(struct rebias_place){.file = path},
                                "a matrix", "file holds no numbers");
}

int import_matrix(const char *path, double **numbers, size_t *rows, size_t *columns,
                  struct rebias_error *err)
{
    struct rebias_buffer buffer = {0};
    char *text = NULL;
    size_t size = 0;
    *numbers = NULL;
    int status = rebias_read_file(path, largest_file, &text, &size, err);
    if (status == REBIAS_OK && strlen(text) != size) {
        const struct rebias_place place = {.file = path};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "numbers as text",
                                "NUL byte in a text file");
    }
    if (status == REBIAS_OK) {
        status = read_lines(text, path, &buffer, rows, columns, err);
    }
    free(text);
    if (status != REBIAS_OK) {
        free(buffer.data);
        return status;
    }
    *numbers = buffer.data;
    return REBIAS_OK;
}

/* -- 3. networks -- */

/* gamma of weights that are -g, 0 and g, else 0. */
static double ternary_gamma(const struct rebias_weights_layer *layer)
{
    float gamma = 0.0f;
    for (size_t i = 0; i < layer->inputs * layer->outputs; i++) {
        const float size = fabsf(layer->weight[i]);
        if (size > 0.0f && gamma > 0.0f && size != gamma) {
            return 0.0;
        }
        gamma = size > 0.0f ? size : gamma;
    }
    return (double)gamma;
}

static int import_biases(struct rebias_weights_layer *layer, const char *path,
                         struct rebias_error *err)
{
    double *numbers = NULL;
    size_t rows = 0;
    size_t columns = 0;
    int status = import_matrix(path, &numbers, &rows, &columns, err);
    if (status == REBIAS_OK && rows * columns != layer->outputs) {
        const struct rebias_place place = {.file = path};
        char expected[64];
        snprintf(expected, sizeof expected, "%zu, one for each output", layer->outputs);
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, expected, "file has %zu biases",
                                rows * columns);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&layer->bias, layer->outputs, sizeof *layer->bias, err);
    }
    for (size_t j = 0; j < layer->outputs && status == REBIAS_OK; j++) {
        layer->bias[j] = (float)numbers[j];
    }
    free(numbers);
    return status;
}

static int import_layer(struct rebias_weights_layer *layer, const struct import_files *files,
                        size_t l, struct rebias_error *err)
{
    double *numbers = NULL;
    size_t rows = 0;
    size_t columns = 0;
    int status = import_matrix(files->weight[l], &numbers, &rows, &columns, err);
    if (status == REBIAS_OK) {
        layer->inputs = files->rows_are_inputs ? rows : columns;
        layer->outputs = files->rows_are_inputs ? columns : rows;
        status = rebias_alloc(&layer->weight, rows * columns, sizeof *layer->weight, err);
    }
    for (size_t i = 0; status == REBIAS_OK && i < rows * columns; i++) {
        const size_t j = i / layer->inputs;
        const size_t k = i % layer->inputs;
        const double w = files->rows_are_inputs ? numbers[k * columns + j] : numbers[i];
        layer->weight[i] = (float)(w * files->scale[l]);
    }
    if (status == REBIAS_OK) {
        layer->gamma = ternary_gamma(layer);
    }
    free(numbers);
    return status == REBIAS_OK && files->bias[l] != NULL
               ? import_biases(layer, files->bias[l], err)
               : status;
}

int import_network(struct rebias_weights *weights, const struct import_files *files,
                   struct rebias_error *err)
{
    int status = REBIAS_OK;
    *weights = (struct rebias_weights){.layers = files->layers, .input_sd = 1.0};
    for (size_t l = 0; l < files->layers && status == REBIAS_OK; l++) {
        status = import_layer(&weights->layer[l], files, l, err);
        if (status == REBIAS_OK && l > 0 &&
            weights->layer[l].inputs != weights->layer[l - 1].outputs) {
            const struct rebias_place place = {.file = files->weight[l]};
            status = rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                    "as many as the layer before has outputs; see --rows",
                                    "layer has %zu inputs, the one before %zu outputs",
                                    weights->layer[l].inputs, weights->layer[l - 1].outputs);
        }
    }
    if (status != REBIAS_OK) {
        rebias_weights_clear(weights);
    }
    return status;
}
