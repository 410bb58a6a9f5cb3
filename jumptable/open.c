/* open.c - a device by the one syntax: preset, "model:param=value,...", or a table file with
 * options behind. */
#include "family_internal.h"
#include "rebias/base.h"
#include "rebias/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct table_options {
    enum rebias_rule rule;
    double scale;
    double scale_spread;
    bool pooled; /* the pooled table, also where the file has one for each device */
};

/* One "name=value" behind a table file. */
static int set_option(struct table_options *options, const char *item, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, item};
    static const char expected[] =
        "rule=linear, rule=nearest, scale=X, scale_d2d=X or pooled=1";
    if (strcmp(item, "rule=linear") == 0) {
        options->rule = REBIAS_RULE_LINEAR;
        return REBIAS_OK;
    }
    if (strcmp(item, "rule=nearest") == 0) {
        options->rule = REBIAS_RULE_NEAREST;
        return REBIAS_OK;
    }
    if (strcmp(item, "pooled=1") == 0 || strcmp(item, "pooled=0") == 0) {
        options->pooled = item[7] == '1';
        return REBIAS_OK;
    }
    double value = 0.0;
    if (strncmp(item, "scale=", 6) == 0 && rebias_parse_double(item + 6, &value) &&
        value > 0.0) {
        options->scale = value;
        return REBIAS_OK;
    }
    if (strncmp(item, "scale_d2d=", 10) == 0 && rebias_parse_double(item + 10, &value) &&
        value >= 0.0) {
        options->scale_spread = value;
        return REBIAS_OK;
    }
    return rebias_fail_at(err, REBIAS_E_NAME, &place, expected,
                          "bad option behind a table file");
}

/* Lists of options are cut off the end of file[]: everything behind the first ','
 * that is followed by one of the known names, so that file names with commas still work. */
static int cut_options(char *file, struct table_options *options, struct rebias_error *err)
{
    static const char *const names[] = {",rule=", ",scale=", ",scale_d2d=", ",pooled="};
    char *list = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *found = strstr(file, names[i]);
        if (found != NULL && (list == NULL || found < list)) {
            list = found;
        }
    }
    int status = REBIAS_OK;
    while (list != NULL && status == REBIAS_OK) {
        char *item = list + 1;
        *list = '\0';
        list = strchr(item, ',');
        if (list != NULL) {
            *list = '\0';
        }
        status = set_option(options, item, err);
    }
    return status;
}

static bool names_a_table(const char *spec)
{
    const char *prefix = NULL;
    size_t length = strlen(spec);
    return rebias_table_format_of(spec, &prefix) != REBIAS_TABLE_NATIVE ||
           access(spec, F_OK) == 0 || strchr(spec, '/') != NULL ||
           (length > 3 && strcmp(spec + length - 3, ".h5") == 0);
}

/* *family = the devices' tables of a native file; NULL when it has none, when the pooled table
 * is wanted, and for other files. */
static int load_population(struct rebias_family **family, const char *file,
                           const struct table_options *options, struct rebias_error *err)
{
    const char *path = NULL;
    *family = NULL;
    if (options->pooled || rebias_table_format_of(file, &path) != REBIAS_TABLE_NATIVE) {
        return REBIAS_OK;
    }
    return rebias_family_load_devices(family, path, err);
}

static int open_table(struct rebias_device **out, const char *spec, const char *file,
                      const struct table_options *o, struct rebias_error *err)
{
    struct rebias_table *table = NULL;
    struct rebias_family *family = NULL;
    int status = rebias_table_load(&table, file, err);
    if (status == REBIAS_OK) {
        status = load_population(&family, file, o, err);
    }
    if (status == REBIAS_OK && family != NULL) {
        status = rebias_population_device_new(out, family, spec, o->rule, o->scale,
                                              o->scale_spread, err);
    } else if (status == REBIAS_OK) {
        status =
            rebias_table_device_new(out, table, spec, o->rule, o->scale, o->scale_spread, err);
    }
    rebias_family_free(family);
    rebias_table_free(table);
    return status;
}

int rebias_device_open(struct rebias_device **out, const char *spec, struct rebias_error *err)
{
    *out = NULL;
    char *file = NULL;
    struct table_options options = {REBIAS_RULE_LINEAR, 1.0, 0.0, false};
    int status = rebias_copy_text(&file, spec, err);
    if (status == REBIAS_OK) {
        status = cut_options(file, &options, err);
    }
    if (status == REBIAS_OK && !names_a_table(file)) {
        free(file);
        return rebias_device_new(out, spec, err);
    }
    if (status == REBIAS_OK) {
        status = open_table(out, spec, file, &options, err);
    }
    free(file);
    return status;
}
