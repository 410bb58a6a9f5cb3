/* support.c - what every test program shares. */
#include "support.h"
#include <cblas.h>
#include <errno.h>
#include <ftw.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool support_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool support_shared(char path[1024], const char *relative)
{
    const char *folder = getenv("REBIAS_SHARED_DATA");
    if (folder != NULL) {
        snprintf(path, 1024, "%s/%s", folder, relative);
        if (support_exists(path)) {
            return true;
        }
    }
    printf("# shared data not found (%s): the check that needs it is left out\n", relative);
    return false;
}

static char scratch_folder[512];

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_scratch(void)
{
    nftw(scratch_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void support_scratch(char path[1024], const char *name)
{
    if (scratch_folder[0] == '\0') {
        const char *base = getenv("TMPDIR");
        snprintf(scratch_folder, sizeof scratch_folder, "%s/rebias-test-XXXXXX",
                 base != NULL ? base : "/tmp");
        if (mkdtemp(scratch_folder) == NULL) {
            fprintf(stderr, "cannot make %s: %s\n", scratch_folder, strerror(errno));
            abort();
        }
        atexit(remove_scratch);
    }
    snprintf(path, 1024, "%s/%s", scratch_folder, name);
}

void support_write(char path[1024], const char *name, const void *content, size_t size)
{
    support_scratch(path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void support_expect(int status, int expected, const struct rebias_error *err, const char *text)
{
    char line[1024];
    rebias_error_text(err, line, sizeof line);
    if (status != expected) {
        fail_msg("status %d instead of %d: %s", status, expected, line);
    }
    if (text != NULL && strstr(line, text) == NULL) {
        fail_msg("the error says\n  %s\nwithout\n  %s", line, text);
    }
}

void support_close(double a, double b, double relative, double absolute)
{
    if (!(fabs(a - b) <= absolute + relative * fabs(b))) {
        fail_msg("%.17g is not within %g (relative) + %g of %.17g", a, relative, absolute, b);
    }
}

struct rebias_device *support_device(const char *spec)
{
    struct rebias_error err = {0};
    struct rebias_device *device = NULL;
    support_expect(rebias_device_new(&device, spec, &err), REBIAS_OK, &err, NULL);
    return device;
}

void support_start(void)
{
    gsl_set_error_handler_off();
    openblas_set_num_threads(1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
}
