/* tasks.h - small classification tasks that are generated, not read: xor, parity, NIST7x7.
 *
 *   xor        parity of 2 bits
 *   parity:N   all 2^N patterns of N = 2 .. 16 bits; class 1 where an odd number of them is 1
 *   nist7x7    the letters N, I, S, T (classes 0 .. 3), 5 x 5 dots each, at every place of a
 *              7 x 7 plane and with every choice of 0, 1 or 2 flipped pixels: 4 x 9 x (1 + 49 +
 *              1176) = 44,136 patterns, no random noise, no test split. Between I and T two
 *              flips each can meet: 54 pictures occur twice, once as either letter. A
 *              reconstruction of the set of McCaughan et al., APL Mach. Learn. 1, 026118
 *              (2023), whose files were not published.
 */
#ifndef REBIAS_TASKS_H
#define REBIAS_TASKS_H

#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_task {
    char name[24];
    size_t n;       /* patterns */
    size_t inputs;  /* each 0 or 1 */
    size_t outputs; /* 1 for two classes (target 0 or 1), else one a class (target one-hot) */
    size_t classes;
    size_t words;   /* of a packed pattern: (inputs + 63) / 64 */
    float *input;   /* n x inputs, row-major; pictures row by row */
    uint64_t *bits; /* n x words: input i is bit i % 64 of word i / 64, the rest are 0 */
    float *target;  /* n x outputs, row-major */
    uint8_t *label; /* n, 0 .. classes - 1 */
};

/* *out = a task by name. Errors: REBIAS_E_NAME for a name that is none, REBIAS_E_RANGE for a
 * number of bits out of range. Owner: the caller. */
int rebias_task_new(struct rebias_task **out, const char *name, struct rebias_error *err);
void rebias_task_free(struct rebias_task *task);

#ifdef __cplusplus
}
#endif
#endif
