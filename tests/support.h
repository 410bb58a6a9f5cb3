/* support.h - what every test program shares. */
#ifndef REBIAS_TESTS_SUPPORT_H
#define REBIAS_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rebias/base.h"
#include "rebias/devmodel.h"

/* Path of a file of the shared data folder into path[1024], or false (and a note on stdout)
 * when the folder is not there: REBIAS_SHARED_DATA, set by the makefile. */
bool support_shared(char path[1024], const char *relative);

/* Path of a file to write, in a folder of this test program's own (made on first use, removed
 * at exit). */
void support_scratch(char path[1024], const char *name);

/* Writes text to a scratch file and gives its path. */
void support_write(char path[1024], const char *name, const void *content, size_t size);

/* True when a file of this name exists. */
bool support_exists(const char *path);

/* Asserts status and, when text is not NULL, that the error's line contains it. */
void support_expect(int status, int expected, const struct rebias_error *err, const char *text);

/* |a - b| <= absolute + relative |b|, else fails naming both. */
void support_close(double a, double b, double relative, double absolute);

/* A device from its specification, which must be good; rebias_device_free it. */
struct rebias_device *support_device(const char *spec);

/* Switches GSL's handler off, OpenBLAS to one thread, output to TAP; call first in every main.
 */
void support_start(void);

#endif
