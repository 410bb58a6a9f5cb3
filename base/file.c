/* file.c - reading whole files, and output that appears whole or not at all.
 * 1. input   2. output   3. publishing files written by name
 */
#include "rebias/base.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 1 << 16 };

static int fail_errno(struct rebias_error *err, const char *path, const char *what, int number)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    return rebias_fail_at(err, REBIAS_E_IO, &place, NULL, "%s: %s", what, strerror(number));
}

/* -- 1. input -- */

static int refuse_folder(const char *path, struct rebias_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return fail_errno(err, path, "cannot open", errno);
    }
    return S_ISDIR(info.st_mode) ? fail_errno(err, path, "cannot read", EISDIR) : REBIAS_OK;
}

/* Appends the decompressed content of gz to a malloc'ed, NUL-terminated text. */
static int read_all(gzFile gz, const char *path, size_t max_size, char **data, size_t *size,
                    struct rebias_error *err)
{
    const struct rebias_place place = {path, 0, 0, NULL};
    size_t used = 0;
    size_t capacity = CHUNK;
    char *text = malloc(capacity + 1);
    int got = 1;
    while (text != NULL && got > 0) {
        if (used == capacity) {
            char *grown = realloc(text, 2 * capacity + 1);
            if (grown == NULL) {
                break;
            }
            text = grown;
            capacity *= 2;
        }
        size_t room = capacity - used;
        got = gzread(gz, text + used, (unsigned)(room < CHUNK ? room : CHUNK));
        used += got > 0 ? (size_t)got : 0;
        if (used > max_size) {
            free(text);
            return rebias_fail_at(err, REBIAS_E_FORMAT, &place, NULL, "larger than %zu bytes",
                                  max_size);
        }
    }
    if (text == NULL || got > 0) {
        free(text);
        return rebias_fail_at(err, REBIAS_E_MEMORY, &place, NULL,
                              "out of memory while reading");
    }
    int code = Z_OK;
    const char *message = gzerror(gz, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        int status =
            rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a complete gzip or plain file",
                           "cannot decompress: %s", message);
        free(text);
        return status;
    }
    text[used] = '\0';
    *data = text;
    *size = used;
    return REBIAS_OK;
}

int rebias_read_file(const char *path, size_t max_size, char **data, size_t *size,
                     struct rebias_error *err)
{
    *data = NULL;
    *size = 0;
    int status = refuse_folder(path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    gzFile gz = gzopen(path, "rb");
    if (gz == NULL) {
        return fail_errno(err, path, "cannot open", errno);
    }
    gzbuffer(gz, CHUNK);
    status = read_all(gz, path, max_size, data, size, err);
    if (gzclose_r(gz) != Z_OK && status == REBIAS_OK) {
        free(*data);
        *data = NULL;
        *size = 0;
        const struct rebias_place place = {path, 0, 0, NULL};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a complete gzip or plain file",
                                "file is truncated");
    }
    return status;
}

int rebias_file_checksum(const char *path, char text[20], struct rebias_error *err)
{
    text[0] = '\0';
    int status = refuse_folder(path, err);
    if (status != REBIAS_OK) {
        return status;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail_errno(err, path, "cannot open", errno);
    }
    unsigned char chunk[4096];
    uLong sum = crc32(0L, Z_NULL, 0);
    size_t got = 0;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        sum = crc32(sum, chunk, (uInt)got);
    }
    bool failed = ferror(file) != 0;
    int number = errno;
    fclose(file);
    if (failed) {
        return fail_errno(err, path, "cannot read", number);
    }
    snprintf(text, 20, "crc32:%08lx", (unsigned long)sum);
    return REBIAS_OK;
}

/* -- 2. output -- */

int rebias_temporary_name(char **name, const char *path, struct rebias_error *err)
{
    size_t size = strlen(path) + 32;
    int status = rebias_alloc(name, size, 1, err);
    if (status == REBIAS_OK) {
        snprintf(*name, size, "%s.tmp-%ld", path, (long)getpid());
    }
    return status;
}

static bool is_special_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static void forget(struct rebias_output *out)
{
    free(out->path);
    free(out->temporary);
    *out = (struct rebias_output){NULL, NULL, NULL};
}

int rebias_output_open(struct rebias_output *out, const char *path, struct rebias_error *err)
{
    *out = (struct rebias_output){NULL, NULL, NULL};
    if (path == NULL || strcmp(path, "-") == 0) {
        out->stream = stdout;
        return REBIAS_OK;
    }
    int status = rebias_copy_text(&out->path, path, err);
    if (status == REBIAS_OK && !is_special_file(path)) {
        status = rebias_temporary_name(&out->temporary, path, err);
    }
    if (status == REBIAS_OK) {
        out->stream = fopen(out->temporary != NULL ? out->temporary : path, "w");
        if (out->stream == NULL) {
            status = fail_errno(err, path, "cannot write", errno);
        }
    }
    if (status != REBIAS_OK) {
        forget(out);
    }
    return status;
}

int rebias_output_close(struct rebias_output *out, struct rebias_error *err)
{
    if (out->stream == NULL) {
        return REBIAS_OK;
    }
    const char *name = out->path != NULL ? out->path : "(standard output)";
    int number = errno; /* of an earlier failed write, if there was one */
    int failed = ferror(out->stream) != 0;
    if (fflush(out->stream) != 0) {
        failed = 1;
        number = errno;
    }
    if (out->stream != stdout) {
        if (fclose(out->stream) != 0 && !failed) {
            failed = 1;
            number = errno;
        }
    }
    out->stream = NULL;
    int status = REBIAS_OK;
    if (failed) {
        status = fail_errno(err, name, "cannot write", number != 0 ? number : EIO);
        if (out->temporary != NULL) {
            unlink(out->temporary);
        }
    } else if (out->temporary != NULL) {
        status = rebias_publish_file(out->temporary, out->path, err);
    }
    forget(out);
    return status;
}

void rebias_output_discard(struct rebias_output *out)
{
    if (out->stream != NULL && out->stream != stdout) {
        fclose(out->stream);
        if (out->temporary != NULL) {
            unlink(out->temporary);
        }
    }
    forget(out);
}

/* -- 3. publishing files written by name -- */

int rebias_publish_file(const char *temporary, const char *path, struct rebias_error *err)
{
    int status = REBIAS_OK;
    int file = open(temporary, O_RDONLY);
    if (file < 0) {
        return fail_errno(err, path, "cannot write", errno);
    }
    if (fsync(file) != 0) {
        status = fail_errno(err, path, "cannot write", errno);
    }
    close(file);
    if (status == REBIAS_OK && rename(temporary, path) != 0) {
        status = fail_errno(err, path, "cannot write", errno);
    }
    if (status != REBIAS_OK) {
        unlink(temporary);
    }
    return status;
}
