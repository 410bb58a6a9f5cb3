/* test_file.c - reading whole files, checksums, output that appears whole or not at all.
 * 1. input files   2. output files
 */
#include "support.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* -- 1. input files -- */

enum { BIG = 300000 }; /* several of the reader's chunks */

/* Text that does not compress to nothing, the same in every run. */
static void fill_text(char text[BIG])
{
    uint32_t x = 1;
    for (size_t i = 0; i < BIG; i++) {
        x = x * 1664525u + 1013904223u; /* Numerical Recipes' linear congruential generator */
        text[i] = (char)('a' + (x >> 24) % 26);
    }
}

static void expect_content(const char *path, const char *expected, size_t size)
{
    char *data = NULL;
    size_t got = 0;
    struct rebias_error err = {0};
    support_expect(rebias_read_file(path, size, &data, &got, &err), REBIAS_OK, &err, NULL);
    assert_int_equal(got, size);
    assert_memory_equal(data, expected, size);
    assert_int_equal(data[size], '\0');
    free(data);
}

static void expect_unreadable(const char *path, size_t max_size, int status, const char *text)
{
    char *data = NULL;
    size_t got = 42;
    struct rebias_error err = {0};
    support_expect(rebias_read_file(path, max_size, &data, &got, &err), status, &err, text);
    assert_string_equal(err.file, path);
    assert_null(data);
    assert_int_equal(got, 0);
}

static void write_gzip(char path[1024], const char *name, const char *content, size_t size)
{
    support_scratch(path, name);
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, content, (unsigned)size), (int)size);
    assert_int_equal(gzclose(gz), Z_OK);
}

static void test_read_plain_and_gzip(void **state)
{
    (void)state;
    static char text[BIG];
    fill_text(text);
    char path[1024];
    const size_t sizes[] = {0,     1,      65535, 65536,
                            65537, 131072, BIG}; /* around the chunk of 65536 */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        support_write(path, "plain", text, sizes[i]);
        expect_content(path, text, sizes[i]);
        write_gzip(path, "packed", text, sizes[i]);
        expect_content(path, text, sizes[i]);
    }
    support_write(path, "zeros", "a\0b", 3);
    expect_content(path, "a\0b", 3);
    support_write(path, "one", "\x1f", 1); /* half of gzip's mark */
    expect_content(path, "\x1f", 1);
}

/* Cut anywhere after its header, or with one wrong byte, a gzip file is refused. */
static void test_read_damaged_gzip(void **state)
{
    (void)state;
    static char text[BIG];
    fill_text(text);
    char path[1024];
    write_gzip(path, "whole.gz", text, 5000);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char packed[BIG];
    size_t size = fread(packed, 1, sizeof packed, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size > 100);
    const size_t kept[] = {11, 30, size / 2, size - 9, size - 8, size - 4, size - 1};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        support_write(path, "cut.gz", packed, kept[i]);
        expect_unreadable(path, BIG, REBIAS_E_FORMAT, "expected a complete gzip or plain file");
    }
    packed[size - 6] ^= 1; /* in the checksum */
    support_write(path, "wrong.gz", packed, size);
    expect_unreadable(path, BIG, REBIAS_E_FORMAT, "expected a complete gzip or plain file");
}

static void test_read_refused(void **state)
{
    (void)state;
    static char text[BIG];
    fill_text(text);
    char path[1024];
    support_scratch(path, "missing");
    expect_unreadable(path, BIG, REBIAS_E_IO, "No such file");
    support_scratch(path, "");
    expect_unreadable(path, BIG, REBIAS_E_IO, "directory");
    support_write(path, "plain", text, 1000);
    expect_unreadable(path, 999, REBIAS_E_FORMAT, "larger than 999 bytes");
    write_gzip(path, "packed", text, BIG);
    expect_unreadable(path, BIG - 1, REBIAS_E_FORMAT, "larger than 299999 bytes");
    expect_unreadable(path, 0, REBIAS_E_FORMAT, "larger than 0 bytes");
}

/* CRC-32 of "123456789" is cbf43926: the check value of its definition (ISO 3309; Williams
 * 1993). */
static void test_checksum(void **state)
{
    (void)state;
    char path[1024];
    char text[20];
    struct rebias_error err = {0};
    support_write(path, "nine", "123456789", 9);
    support_expect(rebias_file_checksum(path, text, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(text, "crc32:cbf43926");
    support_write(path, "empty", "", 0);
    support_expect(rebias_file_checksum(path, text, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(text, "crc32:00000000");
    support_scratch(path, "missing");
    support_expect(rebias_file_checksum(path, text, &err), REBIAS_E_IO, &err, "No such file");
    assert_string_equal(text, "");
    support_scratch(path, "");
    support_expect(rebias_file_checksum(path, text, &err), REBIAS_E_IO, &err, "directory");
}

/* Raw bytes, not the decompressed ones; longer than the reader's piece of 4096. */
static void test_checksum_raw(void **state)
{
    (void)state;
    static char text[BIG];
    fill_text(text);
    char path[1024];
    char sum[20];
    char expected[20];
    support_write(path, "raw", text, BIG);
    snprintf(expected, sizeof expected, "crc32:%08lx",
             crc32(0L, (const unsigned char *)text, BIG));
    assert_int_equal(rebias_file_checksum(path, sum, NULL), REBIAS_OK);
    assert_string_equal(sum, expected);
    write_gzip(path, "packed", text, BIG);
    assert_int_equal(rebias_file_checksum(path, sum, NULL), REBIAS_OK);
    assert_string_not_equal(sum, expected);
}

/* -- 2. output files -- */

static void test_output_appears_on_close(void **state)
{
    (void)state;
    char path[1024];
    support_write(path, "out.txt", "old", 3);
    struct rebias_output out;
    struct rebias_error err = {0};
    support_expect(rebias_output_open(&out, path, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(out.path, path);
    char temporary[1200];
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid());
    assert_string_equal(out.temporary, temporary);
    assert_true(fputs("new text\n", out.stream) >= 0);
    assert_int_equal(fflush(out.stream), 0);
    assert_true(support_exists(temporary));
    expect_content(path, "old", 3);
    support_expect(rebias_output_close(&out, &err), REBIAS_OK, &err, NULL);
    expect_content(path, "new text\n", 9);
    assert_false(support_exists(temporary));
    assert_int_equal(rebias_output_close(&out, &err),
                     REBIAS_OK); /* a second close does nothing, nor a discard */
    rebias_output_discard(&out);
    expect_content(path, "new text\n", 9);
}

static void test_output_discard(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "never.txt");
    struct rebias_output out;
    assert_int_equal(rebias_output_open(&out, path, NULL), REBIAS_OK);
    char temporary[1200];
    snprintf(temporary, sizeof temporary, "%s", out.temporary);
    assert_true(fputs("half a li", out.stream) >= 0);
    rebias_output_discard(&out);
    assert_false(support_exists(path));
    assert_false(support_exists(temporary));
    assert_null(out.stream);
    rebias_output_discard(&out);
}

/* A write that fails is found at close: no file is left, and an older one stays as it was. The
 * stream's descriptor is replaced by one that cannot be written. */
static void test_output_write_error(void **state)
{
    (void)state;
    char path[1024];
    support_write(path, "kept.txt", "old", 3);
    struct rebias_output out;
    struct rebias_error err = {0};
    assert_int_equal(rebias_output_open(&out, path, NULL), REBIAS_OK);
    char temporary[1200];
    snprintf(temporary, sizeof temporary, "%s", out.temporary);
    int unwritable = open("/dev/null", O_RDONLY);
    assert_true(unwritable >= 0);
    assert_true(dup2(unwritable, fileno(out.stream)) >= 0);
    close(unwritable);
    fputs("lost", out.stream);
    support_expect(rebias_output_close(&out, &err), REBIAS_E_IO, &err,
                   "kept.txt: cannot write");
    assert_false(support_exists(temporary));
    expect_content(path, "old", 3);
}

/* Devices are written directly; a full one is an error at close, wherever the buffer was
 * flushed. */
static void test_output_devices(void **state)
{
    (void)state;
    struct rebias_output out;
    struct rebias_error err = {0};
    assert_int_equal(rebias_output_open(&out, "/dev/null", NULL), REBIAS_OK);
    assert_null(out.temporary);
    assert_true(fputs("gone", out.stream) >= 0);
    assert_int_equal(rebias_output_close(&out, NULL), REBIAS_OK);
    if (!support_exists("/dev/full")) {
        print_message("# no /dev/full: the check of a full device is left out\n");
        return;
    }
    for (int size = 1; size < 1 << 20; size = size * 64) {
        assert_int_equal(rebias_output_open(&out, "/dev/full", NULL), REBIAS_OK);
        for (int i = 0; i < size; i++) {
            fputc('x', out.stream);
        }
        support_expect(rebias_output_close(&out, &err), REBIAS_E_IO, &err,
                       "/dev/full: cannot write");
    }
    assert_true(support_exists("/dev/full"));
}

static void expect_unwritable(const char *path)
{
    struct rebias_output out;
    struct rebias_error err = {0};
    support_expect(rebias_output_open(&out, path, &err), REBIAS_E_IO, &err, "cannot write");
    assert_string_equal(err.file, path);
    assert_null(out.stream);
    assert_null(out.path);
    assert_null(out.temporary);
    rebias_output_discard(&out);
}

static void test_output_unwritable(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "no/such/folder/out.txt");
    expect_unwritable(path);
    char file[1024];
    support_write(file, "file", "x", 1);
    support_scratch(path, "file/out.txt");
    expect_unwritable(path);
    if (geteuid() != 0) { /* permissions do not hold root back */
        char folder[1024];
        support_scratch(folder, "locked");
        assert_int_equal(mkdir(folder, 0500), 0);
        support_scratch(path, "locked/out.txt");
        expect_unwritable(path);
    }
    /* a folder in the way is found when the name is to be taken; the temporary file goes */
    char folder[1024];
    support_scratch(folder, "in_the_way");
    assert_int_equal(mkdir(folder, 0700), 0);
    struct rebias_output out;
    struct rebias_error err = {0};
    assert_int_equal(rebias_output_open(&out, folder, NULL), REBIAS_OK);
    char temporary[1200];
    snprintf(temporary, sizeof temporary, "%s", out.temporary);
    support_expect(rebias_output_close(&out, &err), REBIAS_E_IO, &err,
                   "in_the_way: cannot write");
    assert_false(support_exists(temporary));
}

static void test_output_stdout(void **state)
{
    (void)state;
    const char *const names[] = {NULL, "-"};
    for (size_t i = 0; i < 2; i++) {
        struct rebias_output out;
        assert_int_equal(rebias_output_open(&out, names[i], NULL), REBIAS_OK);
        assert_ptr_equal(out.stream, stdout);
        assert_int_equal(rebias_output_close(&out, NULL), REBIAS_OK);
        assert_int_equal(ferror(stdout), 0); /* still open */
    }
}

static void test_publish_file(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "published");
    char *temporary = NULL;
    struct rebias_error err = {0};
    assert_int_equal(rebias_temporary_name(&temporary, path, NULL), REBIAS_OK);
    assert_memory_equal(temporary, path,
                        strlen(path)); /* the same folder, so that rename suffices */
    support_expect(rebias_publish_file(temporary, path, &err), REBIAS_E_IO, &err,
                   "published: cannot write");
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    assert_true(fputs("x", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rebias_publish_file(temporary, path, NULL), REBIAS_OK);
    expect_content(path, "x", 1);
    assert_false(support_exists(temporary));
    free(temporary);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_plain_and_gzip),
        cmocka_unit_test(test_read_damaged_gzip),
        cmocka_unit_test(test_read_refused),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_checksum_raw),
        cmocka_unit_test(test_output_appears_on_close),
        cmocka_unit_test(test_output_discard),
        cmocka_unit_test(test_output_write_error),
        cmocka_unit_test(test_output_devices),
        cmocka_unit_test(test_output_unwritable),
        cmocka_unit_test(test_output_stdout),
        cmocka_unit_test(test_publish_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
