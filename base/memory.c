/* memory.c - checked allocation, strings and growing arrays. */
#include "rebias/base.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, FIRST_CAPACITY = 64 };

int rebias_alloc(void *out, size_t count, size_t size, struct rebias_error *err)
{
    void **pointer = out;
    *pointer = NULL;
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) {
        return rebias_fail(err, REBIAS_E_MEMORY,
                           "%zu elements of %zu bytes do not fit into memory", count, size);
    }
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    void *memory = aligned_alloc(ALIGNMENT, rounded);
    if (memory == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory: %zu bytes", bytes);
    }
    memset(memory, 0, rounded);
    *pointer = memory;
    return REBIAS_OK;
}

int rebias_copy_text(char **out, const char *text, struct rebias_error *err)
{
    *out = NULL;
    if (text == NULL) {
        return REBIAS_OK;
    }
    size_t size = strlen(text) + 1;
    int status = rebias_alloc(out, size, 1, err);
    if (status == REBIAS_OK) {
        memcpy(*out, text, size);
    }
    return status;
}

/* Room for `wanted` elements in all, at least doubling. */
static int grow(struct rebias_buffer *buffer, size_t size, size_t wanted,
                struct rebias_error *err)
{
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : 2 * buffer->capacity;
    if (capacity < wanted) {
        capacity = wanted;
    }
    size_t bytes = 0;
    void *grown = NULL;
    if (!__builtin_mul_overflow(capacity, size, &bytes)) {
        grown = realloc(buffer->data, bytes);
    }
    if (grown == NULL) {
        return rebias_fail(err, REBIAS_E_MEMORY, "out of memory: %zu elements of %zu bytes",
                           capacity, size);
    }
    buffer->data = grown;
    buffer->capacity = capacity;
    return REBIAS_OK;
}

int rebias_buffer_append(struct rebias_buffer *buffer, size_t size, const void *element,
                         struct rebias_error *err)
{
    return rebias_buffer_append_many(buffer, size, element, 1, err);
}

int rebias_buffer_append_many(struct rebias_buffer *buffer, size_t size, const void *elements,
                              size_t count, struct rebias_error *err)
{
    size_t wanted = 0;
    if (__builtin_add_overflow(buffer->count, count, &wanted)) {
        return rebias_fail(err, REBIAS_E_MEMORY, "%zu + %zu elements do not fit into memory",
                           buffer->count, count);
    }
    if (wanted > buffer->capacity) {
        int status = grow(buffer, size, wanted, err);
        if (status != REBIAS_OK) {
            return status;
        }
    }
    if (count > 0) {
        memcpy((char *)buffer->data + buffer->count * size, elements, count * size);
        buffer->count = wanted;
    }
    return REBIAS_OK;
}
