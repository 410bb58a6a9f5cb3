/* fuzz_input.h - bytes from the fuzzer as files, for readers that open files by name. */
#ifndef REBIAS_TESTS_FUZZ_INPUT_H
#define REBIAS_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* The entry point that libFuzzer and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Path of a file FOLDER/input<suffix> that holds the bytes; FOLDER is this process's own in
 * $TMPDIR (or /tmp). Files are written anew at each call with their suffix (at most 16
 * suffixes) and removed at exit. Valid until exit; aborts when the file cannot be written. */
const char *fuzz_file(const uint8_t *data, size_t size, const char *suffix);

/* Aborts, so that the fuzzer sees it, with the text when the condition does not hold. */
void fuzz_require(int condition, const char *text);

#endif
