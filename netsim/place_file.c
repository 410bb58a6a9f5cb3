/* place_file.c - places of blocks from the nested lists that the reference code writes. */
#include "rebias/deploy.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 5, LARGEST_FILE = 1 << 24 }; /* kernel, column, row, columns, rows */

/* The next number at *text into *value; false at the end or at a character that no such list
 * has. */
static bool next_number(const char **text, uint32_t *value)
{
    *text += strspn(*text, " \t\r\n[](),");
    const size_t digits = strspn(*text, "0123456789");
    *value = 0;
    for (size_t i = 0; i < digits && i < 9; i++) {
        *value = 10 * *value + (uint32_t)((*text)[i] - '0');
    }
    *text += digits;
    return digits > 0 && digits <= 9;
}

static int bad_text(const char *path, const char *at, struct rebias_error *err)
{
    char value[16];
    const struct rebias_place place = {path, 0, 0, value};
    const size_t n = strlen(at) < sizeof value - 1 ? strlen(at) : sizeof value - 1;
    memcpy(value, at, n);
    value[n] = '\0';
    return rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                          "nested lists of [kernel, column, row, (columns, rows)]",
                          "not a list of places of blocks");
}

/* Kernel number -> index. */
static int find_kernel(const char *path, const struct rebias_chip *chip, uint32_t number,
                       uint32_t *index, struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    for (size_t k = 0; k < chip->count; k++) {
        if (chip->kernel[k].number >= 0 && (uint32_t)chip->kernel[k].number == number) {
            *index = (uint32_t)k;
            return REBIAS_OK;
        }
    }
    return rebias_fail_at(err, REBIAS_E_DATA, &place, NULL, "the chip has no kernel %u",
                          number);
}

static int parse_block(const char *path, const char **text, const struct rebias_chip *chip,
                       struct rebias_block *block, uint32_t shape[2], struct rebias_error *err)
{
    uint32_t number[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!next_number(text, &number[i])) {
            return bad_text(path, *text, err);
        }
    }
    block->column = number[1];
    block->row = number[2];
    shape[0] = number[3];
    shape[1] = number[4];
    return find_kernel(path, chip, number[0], &block->kernel, err);
}

/* Layer, copy and sign of block number b of `count` in the order of the file. */
static int name_block(const char *path, size_t b, size_t count, const uint32_t shape[2],
                      const struct rebias_weights *network, struct rebias_block *block,
                      struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    const size_t copies = count / (2 * network->layers);
    if (copies == 0 || count != copies * 2 * network->layers) {
        return rebias_fail_at(
            err, REBIAS_E_DATA, &place, NULL,
            "%zu places are not the same number of copies of two signs of %zu "
            "layers",
            count, network->layers);
    }
    block->layer = (uint32_t)(b / (2 * copies));
    block->copy = (uint32_t)(b / 2 % copies);
    block->sign = b % 2 == 0; /* negative first */
    const struct rebias_weights_layer *layer = &network->layer[block->layer];
    if (shape[0] != layer->inputs || shape[1] != layer->outputs) {
        return rebias_fail_at(err, REBIAS_E_DATA, &place, NULL,
                              "place %zu is for %u x %u weights, layer %u has %zu x %zu", b + 1,
                              shape[0], shape[1], block->layer, layer->inputs, layer->outputs);
    }
    return REBIAS_OK;
}

static int parse_blocks(const char *path, const char *text, const struct rebias_chip *chip,
                        const struct rebias_weights *network, struct rebias_buffer *blocks,
                        struct rebias_error *err)
{
    struct rebias_buffer shapes = {0};
    int status = REBIAS_OK;
    while (text[strspn(text, " \t\r\n[](),")] != '\0' && status == REBIAS_OK) {
        struct rebias_block block = {0};
        uint32_t shape[2];
        status = parse_block(path, &text, chip, &block, shape, err);
        if (status == REBIAS_OK) {
            status = rebias_buffer_append(blocks, sizeof block, &block, err);
        }
        if (status == REBIAS_OK) {
            status = rebias_buffer_append(&shapes, sizeof shape, shape, err);
        }
    }
    if (status == REBIAS_OK && blocks->count == 0) {
        status = bad_text(path, "", err);
    }
    for (size_t b = 0; b < blocks->count && status == REBIAS_OK; b++) {
        const uint32_t(*shape)[2] = shapes.data;
        status = name_block(path, b, blocks->count, shape[b], network,
                            (struct rebias_block *)blocks->data + b, err);
    }
    free(shapes.data);
    return status;
}

int rebias_blocks_load(struct rebias_block **out, size_t *count, const char *path,
                       const struct rebias_chip *chip, const struct rebias_weights *network,
                       struct rebias_error *err)
{
    struct rebias_buffer blocks = {0};
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    *count = 0;
    int status = rebias_read_file(path, LARGEST_FILE, &text, &size, err);
    if (status == REBIAS_OK) {
        status = parse_blocks(path, text, chip, network, &blocks, err);
    }
    free(text);
    if (status == REBIAS_OK) {
        *out = blocks.data;
        *count = blocks.count;
    } else {
        free(blocks.data);
    }
    return status;
}
