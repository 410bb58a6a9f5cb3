/* format.c - which format a table specification names, and dispatch to it.
 * 1. specifications   2. dispatch
 */
#include "rebias/base.h"
#include "rebias/table.h"
#include <string.h>
#include <unistd.h>

/* -- 1. specifications -- */

enum rebias_table_format rebias_table_format_of(const char *spec, const char **prefix)
{
    static const struct {
        const char *name;
        enum rebias_table_format format;
    } formats[] = {
        {"xbtorch:", REBIAS_TABLE_XBTORCH},
        {"crosssim:", REBIAS_TABLE_CROSSSIM},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        size_t length = strlen(formats[i].name);
        if (strncmp(spec, formats[i].name, length) == 0) {
            *prefix = spec + length;
            return formats[i].format;
        }
    }
    *prefix = spec;
    return REBIAS_TABLE_NATIVE;
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* -- 2. dispatch -- */

/* A missing file that does not look like a native one is most likely a prefix whose format was
 * not named. */
static int load_native(struct rebias_table **out, const char *path, struct rebias_error *err)
{
    if (!ends_in(path, ".h5") && access(path, F_OK) != 0) {
        *out = NULL;
        const struct rebias_place place = {path, 0, 0, NULL};
        return rebias_fail_at(err, REBIAS_E_IO, &place,
                              "FILE.jt.h5, xbtorch:PREFIX or crosssim:PREFIX",
                              "no such jump table");
    }
    return rebias_table_load_native(out, path, err);
}

int rebias_table_load(struct rebias_table **out, const char *spec, struct rebias_error *err)
{
    const char *prefix = NULL;
    switch (rebias_table_format_of(spec, &prefix)) {
    case REBIAS_TABLE_XBTORCH:
        return rebias_table_load_xbtorch(out, prefix, err);
    case REBIAS_TABLE_CROSSSIM:
        return rebias_table_load_crosssim(out, prefix, err);
    case REBIAS_TABLE_NATIVE:
    default:
        return load_native(out, prefix, err);
    }
}

int rebias_table_save(const struct rebias_table *table, const char *spec,
                      struct rebias_error *err)
{
    const char *prefix = NULL;
    switch (rebias_table_format_of(spec, &prefix)) {
    case REBIAS_TABLE_XBTORCH:
        return rebias_table_save_xbtorch(table, prefix, err);
    case REBIAS_TABLE_CROSSSIM:
        return rebias_table_save_crosssim(table, prefix, err);
    case REBIAS_TABLE_NATIVE:
    default:
        return rebias_table_save_native(table, prefix, err);
    }
}
