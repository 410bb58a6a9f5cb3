/* tasks.c - small classification tasks that are generated.
 * 1. life cycle   2. parity   3. NIST7x7   4. tasks by name
 */
#include "rebias/tasks.h"
#include "rebias/base.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

/* *out = n patterns of zeros. */
static int new_task(struct rebias_task **out, size_t n, size_t inputs, size_t classes,
                    struct rebias_error *err)
{
    struct rebias_task *task = NULL;
    *out = NULL;
    int status = rebias_alloc(&task, 1, sizeof *task, err);
    if (status != REBIAS_OK) {
        return status;
    }
    task->n = n;
    task->inputs = inputs;
    task->outputs = classes == 2 ? 1 : classes;
    task->classes = classes;
    task->words = (inputs + 63) / 64;
    status = rebias_alloc(&task->input, n * inputs, sizeof *task->input, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&task->bits, n * task->words, sizeof *task->bits, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&task->target, n * task->outputs, sizeof *task->target, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&task->label, n, 1, err);
    }
    if (status != REBIAS_OK) {
        rebias_task_free(task);
        return status;
    }
    *out = task;
    return REBIAS_OK;
}

void rebias_task_free(struct rebias_task *task)
{
    if (task == NULL) {
        return;
    }
    free(task->input);
    free(task->bits);
    free(task->target);
    free(task->label);
    free(task);
}

/* Pattern number i of a task with at most 64 inputs. */
static void set_pattern(struct rebias_task *task, size_t i, uint64_t bits, uint8_t label)
{
    task->bits[i] = bits;
    task->label[i] = label;
    for (size_t k = 0; k < task->inputs; k++) {
        task->input[i * task->inputs + k] = (float)(bits >> k & 1);
    }
    if (task->outputs == 1) {
        task->target[i] = (float)label;
    } else {
        task->target[i * task->outputs + label] = 1.0f;
    }
}

/* -- 2. parity -- */

enum { FEWEST_BITS = 2, MOST_BITS = 16 };

static int new_parity(struct rebias_task **out, size_t bits, struct rebias_error *err)
{
    const size_t n = (size_t)1 << bits;
    int status = new_task(out, n, bits, 2, err);
    for (size_t i = 0; i < n && status == REBIAS_OK; i++) {
        set_pattern(*out, i, i, (uint8_t)(__builtin_popcountll(i) % 2));
    }
    return status;
}

static int parse_bits(const char *text, size_t *bits, struct rebias_error *err)
{
    int64_t value = 0;
    if (!rebias_parse_integer(text, FEWEST_BITS, MOST_BITS, &value)) {
        const struct rebias_place place = {NULL, 0, 0, text[0] != '\0' ? text : "(nothing)"};
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "a whole number from 2 to 16",
                              "bad number of bits of task parity");
    }
    *bits = (size_t)value;
    return REBIAS_OK;
}

/* -- 3. NIST7x7 -- */

enum { SIDE = 7, PIXELS = SIDE * SIDE, GLYPH_SIDE = 5, PLACES = SIDE - GLYPH_SIDE + 1 };
enum { LETTERS = 4, FLIPS = 1 + PIXELS + PIXELS * (PIXELS - 1) / 2 };

/* Rows of the letters N, I, S, T, the leftmost dot in bit 4. */
static const uint8_t glyphs[LETTERS][GLYPH_SIDE] = {
    {0x11, 0x19, 0x15, 0x13, 0x11},
    {0x0E, 0x04, 0x04, 0x04, 0x0E},
    {0x0F, 0x10, 0x0E, 0x01, 0x1E},
    {0x1F, 0x04, 0x04, 0x04, 0x04},
};

/* Bit 7 row + column for every dot. */
static uint64_t place_glyph(const uint8_t *glyph, size_t top, size_t left)
{
    uint64_t bits = 0;
    for (size_t row = 0; row < GLYPH_SIDE; row++) {
        for (size_t column = 0; column < GLYPH_SIDE; column++) {
            const uint64_t dot = glyph[row] >> (GLYPH_SIDE - 1 - column) & 1;
            bits |= dot << ((top + row) * SIDE + left + column);
        }
    }
    return bits;
}

/* The picture itself, its 49 single flips, its 1,176 pairs of flips; returns the next number.
 */
static size_t add_flips(struct rebias_task *task, size_t i, uint64_t bits, uint8_t label)
{
    set_pattern(task, i++, bits, label);
    for (size_t a = 0; a < PIXELS; a++) {
        set_pattern(task, i++, bits ^ (uint64_t)1 << a, label);
    }
    for (size_t a = 0; a < PIXELS; a++) {
        for (size_t b = a + 1; b < PIXELS; b++) {
            set_pattern(task, i++, bits ^ (uint64_t)1 << a ^ (uint64_t)1 << b, label);
        }
    }
    return i;
}

static int new_nist7x7(struct rebias_task **out, struct rebias_error *err)
{
    int status = new_task(out, (size_t)LETTERS * PLACES * PLACES * FLIPS, PIXELS, LETTERS, err);
    size_t i = 0;
    for (size_t k = 0; k < (size_t)LETTERS * PLACES * PLACES && status == REBIAS_OK; k++) {
        const size_t letter = k / (PLACES * PLACES);
        const uint64_t bits = place_glyph(glyphs[letter], k / PLACES % PLACES, k % PLACES);
        i = add_flips(*out, i, bits, (uint8_t)letter);
    }
    return status;
}

/* -- 4. tasks by name -- */

int rebias_task_new(struct rebias_task **out, const char *name, struct rebias_error *err)
{
    static const char parity[] = "parity:";
    const size_t prefix = sizeof parity - 1;
    size_t bits = 2; /* of xor */
    int status = REBIAS_OK;
    *out = NULL;
    if (strcmp(name, "nist7x7") == 0) {
        status = new_nist7x7(out, err);
    } else if (strcmp(name, "xor") == 0 || strncmp(name, parity, prefix) == 0) {
        status = name[0] == 'p' ? parse_bits(name + prefix, &bits, err) : REBIAS_OK;
        status = status == REBIAS_OK ? new_parity(out, bits, err) : status;
    } else {
        const struct rebias_place place = {NULL, 0, 0, name};
        status = rebias_fail_at(err, REBIAS_E_NAME, &place, "xor, parity:N or nist7x7",
                                "unknown task");
    }
    if (status == REBIAS_OK) {
        snprintf((*out)->name, sizeof(*out)->name, "%s", name);
    }
    return status;
}
