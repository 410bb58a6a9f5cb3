/* fuzz_input.c - bytes from the fuzzer as files. */
#include "fuzz_input.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILES = 16, PATH_SIZE = 512 };

static char folder[PATH_SIZE];
static char paths[MAX_FILES][PATH_SIZE + 64];
static size_t path_count;

void fuzz_require(int condition, const char *text)
{
    if (!condition) {
        fprintf(stderr, "fuzz: %s\n", text);
        abort();
    }
}

static void remove_files(void)
{
    for (size_t i = 0; i < path_count; i++) {
        unlink(paths[i]);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    int length =
        snprintf(folder, sizeof folder, "%s/rebias-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    fuzz_require(length > 0 && (size_t)length < sizeof folder, "TMPDIR is too long");
    fuzz_require(mkdtemp(folder) != NULL, "no temporary folder");
    atexit(remove_files);
}

static const char *path_of(const char *suffix)
{
    char path[sizeof paths[0]];
    int length = snprintf(path, sizeof path, "%s/input%s", folder, suffix);
    fuzz_require(length > 0 && (size_t)length < sizeof path, "suffix is too long");
    for (size_t i = 0; i < path_count; i++) {
        if (strcmp(paths[i], path) == 0) {
            return paths[i];
        }
    }
    fuzz_require(path_count < MAX_FILES, "too many suffixes");
    memcpy(paths[path_count], path, (size_t)length + 1);
    return paths[path_count++];
}

const char *fuzz_file(const uint8_t *data, size_t size, const char *suffix)
{
    if (folder[0] == '\0') {
        make_folder();
    }
    const char *path = path_of(suffix);
    FILE *file = fopen(path, "wb");
    fuzz_require(file != NULL, "cannot open the temporary file");
    fuzz_require(size == 0 || fwrite(data, 1, size, file) == size,
                 "cannot write the temporary file");
    fuzz_require(fclose(file) == 0, "cannot close the temporary file");
    return path;
}
