/* network_import.h - networks from text files. */
#ifndef REBIAS_CLI_NETWORK_IMPORT_H
#define REBIAS_CLI_NETWORK_IMPORT_H

#include "rebias/weights.h"

/* *rows x *columns numbers of a text file (blanks or commas between them, # begins a comment,
 * all rows of one length) into *numbers, to be given to free(). */
int import_matrix(const char *path, double **numbers, size_t *rows, size_t *columns,
                  struct rebias_error *err);

/* What a network is made from: files of its layers in order. */
struct import_files {
    size_t layers;
    const char *weight[REBIAS_MAX_LAYERS];
    const char *bias[REBIAS_MAX_LAYERS]; /* as many numbers as outputs; all NULL: no biases */
    bool rows_are_inputs;            /* of the weights' files; else outputs, as in PyTorch */
    double scale[REBIAS_MAX_LAYERS]; /* weights are multiplied by it */
};

/* *weights = the network; a layer whose weights are -g, 0 and g gets gamma = g. */
int import_network(struct rebias_weights *weights, const struct import_files *files,
                   struct rebias_error *err);

#endif
