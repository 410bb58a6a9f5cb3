/* fuzz_parts.h - one input of the fuzzer as several files, for formats that are spread over
 * files. */
#ifndef REBIAS_TESTS_FUZZ_PARTS_H
#define REBIAS_TESTS_FUZZ_PARTS_H

#include <stddef.h>
#include <stdint.h>

/* Cuts the bytes at the lines "%%\n" into parts and writes part i to PREFIX<suffixes[i]>; the
 * last part takes the rest, missing parts are empty files. prefix[] receives PREFIX. */
void fuzz_parts(const uint8_t *data, size_t size, const char *const *suffixes, size_t count,
                char prefix[1024]);

#endif
