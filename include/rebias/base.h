/* base.h - what every room needs: memory, number parsing, text files, atomic output,
 * fixed-chunk parallel loops, progress, provenance.
 */
#ifndef REBIAS_BASE_H
#define REBIAS_BASE_H

#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Polarity of a pulse: SET raises the conductance on average, RESET lowers it. */
enum rebias_polarity { REBIAS_SET = 0, REBIAS_RESET = 1 };

/* -- memory
 * -------------------------------------------------------------------------------------------
 */

/* *out = count * size zeroed bytes, 64-byte aligned, to be given to free(). count * size is
 * checked for overflow; 0 gives a valid pointer of 1 byte. On failure *out = NULL and
 * REBIAS_E_MEMORY. */
int rebias_alloc(void *out, size_t count, size_t size, struct rebias_error *err);

/* *out = a copy of text (NULL gives NULL), to be given to free(). */
int rebias_copy_text(char **out, const char *text, struct rebias_error *err);

/* A growing byte or element array; data is given to free(). Start as all zero. */
struct rebias_buffer {
    void *data;
    size_t count;    /* elements in use */
    size_t capacity; /* elements allocated */
};

/* Appends one element of `size` bytes (the same size in every call). */
int rebias_buffer_append(struct rebias_buffer *buffer, size_t size, const void *element,
                         struct rebias_error *err);

/* Appends `count` elements that lie one after another (NULL for none). */
int rebias_buffer_append_many(struct rebias_buffer *buffer, size_t size, const void *elements,
                              size_t count, struct rebias_error *err);

/* -- numbers
 * ------------------------------------------------------------------------------------------ */

/* Strict decimal parse of the whole string (blanks around it allowed), independent of the
 * locale: accepts "1.", ".5", "5.e-6", "1e-203", "-3"; underflow gives 0. Returns false for
 * anything else, also for NaN, infinity, hexadecimal and overflow. */
bool rebias_parse_double(const char *text, double *value);

/* Whole decimal integer in [min, max], else false. */
bool rebias_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value);

/* -- input files
 * -------------------------------------------------------------------------------------- */

/* Reads a whole file, decompressing gzip (detected by content). *data is NUL-terminated beyond
 * *size and is given to free(). Files above max_size bytes (decompressed) are refused. */
int rebias_read_file(const char *path, size_t max_size, char **data, size_t *size,
                     struct rebias_error *err);

/* crc32 of a file's raw bytes, as "crc32:xxxxxxxx" into text[20]. */
int rebias_file_checksum(const char *path, char text[20], struct rebias_error *err);

/* -- output files: whole or not at all
 * ---------------------------------------------------------------- */

/* An output that appears under its name only when closed: written to "NAME.tmp-PID" in the same
 * folder, then flushed, fsynced and renamed. NULL or "-" as path means stdout. Devices and
 * pipes (/dev/full) are written directly. */
struct rebias_output {
    FILE *stream;    /* write here; errors are found by rebias_output_close */
    char *path;      /* final name, NULL for stdout */
    char *temporary; /* name while writing, NULL when written directly */
};

int rebias_output_open(struct rebias_output *out, const char *path, struct rebias_error *err);

/* Publishes the file; any write error since opening is reported here, and then no file is left.
 */
int rebias_output_close(struct rebias_output *out, struct rebias_error *err);

/* Throws the unfinished output away; does nothing after a close. */
void rebias_output_discard(struct rebias_output *out);

/* *name = a temporary name beside path, for writers that open files by name (HDF5); free() it.
 */
int rebias_temporary_name(char **name, const char *path, struct rebias_error *err);

/* fsync(temporary) and rename it to path; on failure the temporary file is removed. */
int rebias_publish_file(const char *temporary, const char *path, struct rebias_error *err);

/* -- progress
 * ----------------------------------------------------------------------------------------- */

/* Called now and then with work done and in total; returns nonzero to interrupt
 * (REBIAS_E_INTERRUPTED). The library never calls it from two threads at once. */
typedef int rebias_progress(void *context, size_t done, size_t total);

/* -- threads
 * ------------------------------------------------------------------------------------------ */

/* Number of processors available to this process, at least 1. */
int rebias_processor_count(void);

/* Runs work(context, item, err) for item = 0 .. n - 1 on `threads` threads, items handed out in
 * order. Results must depend on the item alone. Returns the status of the lowest failing item
 * and its error record; progress (may be NULL) is told of each finished item. */
int rebias_parallel_for(size_t n, int threads,
                        int (*work)(void *context, size_t item, struct rebias_error *err),
                        void *context, rebias_progress *progress, void *progress_context,
                        struct rebias_error *err);

/* -- provenance
 * --------------------------------------------------------------------------------------- */

/* Version of the library, "MAJOR.MINOR.PATCH". */
const char *rebias_version(void);

#ifdef __cplusplus
}
#endif
#endif
