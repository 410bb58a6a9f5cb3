/* replay.c - a plain main for a fuzz target: runs it once on every file of its corpus and
 * prints TAP.
 *
 * Arguments are files and folders (walked). Without arguments the program NAME or fuzz_NAME
 * takes the folder $srcdir/tests/fuzz/corpus/NAME. A crash is a failure of the whole program;
 * no file at all is one too.
 */
#include "fuzz_input.h"
#include "rebias/base.h"
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_CORPUS_FILE = 1 << 24 };

static int cases;
static int failures;

/* The raw bytes: rebias_read_file would decompress. */
static uint8_t *read_bytes(const char *path, size_t size)
{
    uint8_t *data = malloc(size + 1);
    FILE *file = fopen(path, "rb");
    bool good = data != NULL && file != NULL && fread(data, 1, size, file) == size;
    if (file != NULL) {
        fclose(file);
    }
    if (!good) {
        free(data);
        return NULL;
    }
    return data;
}

static int replay_file(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)walk;
    if (kind != FTW_F) {
        return 0;
    }
    size_t size = (size_t)info->st_size;
    uint8_t *data = size <= MAX_CORPUS_FILE ? read_bytes(path, size) : NULL;
    bool good = data != NULL && LLVMFuzzerTestOneInput(data, size) == 0;
    free(data);
    cases++;
    failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", cases, path);
    fflush(stdout);
    return 0;
}

static void replay_path(const char *path)
{
    if (nftw(path, replay_file, 16, FTW_PHYS) != 0) {
        cases++;
        failures++;
        printf("not ok %d - cannot read %s\n", cases, path);
    }
}

static void default_corpus(char *path, size_t size, const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    if (strncmp(name, "lt-", 3) == 0) { /* libtool's wrapper */
        name += 3;
    }
    if (strncmp(name, "fuzz_", 5) == 0) {
        name += 5;
    }
    const char *source = getenv("srcdir");
    snprintf(path, size, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", name);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        replay_path(argv[i]);
    }
    if (argc < 2) {
        char path[1024];
        default_corpus(path, sizeof path, argv[0]);
        replay_path(path);
    }
    if (cases == 0) {
        cases++;
        failures++;
        printf("not ok 1 - no corpus file found\n");
    }
    printf("1..%d\n", cases);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
