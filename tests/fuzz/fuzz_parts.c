/* fuzz_parts.c - one input of the fuzzer as several files. */
#include "fuzz_parts.h"
#include "fuzz_input.h"
#include <stdio.h>
#include <string.h>

/* Bytes before the next separator line, or all. */
static size_t part_size(const uint8_t *data, size_t size)
{
    static const char separator[] = "%%\n";
    const size_t length = sizeof separator - 1;
    for (size_t i = 0; i + length <= size; i++) {
        if ((i == 0 || data[i - 1] == '\n') && memcmp(data + i, separator, length) == 0) {
            return i;
        }
    }
    return size;
}

void fuzz_parts(const uint8_t *data, size_t size, const char *const *suffixes, size_t count,
                char prefix[1024])
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes = i + 1 < count ? part_size(data, size) : size;
        const char *path = fuzz_file(data, bytes, suffixes[i]);
        size_t length = strlen(path) - strlen(suffixes[i]);
        fuzz_require(length < 1024, "path is too long");
        snprintf(prefix, 1024, "%.*s", (int)length, path);
        bytes = bytes + 3 <= size ? bytes + 3 : size;
        data += bytes;
        size -= bytes;
    }
}
