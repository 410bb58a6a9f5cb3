/* experiment_values.c - lists of values. */
#include "experiment_values.h"
#include "rebias/base.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Length of the element that text begins with: up to a comma before a blank. A comma without
 * belongs to the value, as in "gaussian:mean=1e-9,sd=1e-10". */
static size_t element_length(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0' &&
           !(text[n] == ',' && (text[n + 1] == '\0' || isblank((unsigned char)text[n + 1])))) {
        n++;
    }
    return n;
}

static int append_value(struct rebias_buffer *values, const char *text, size_t length,
                        struct rebias_error *err)
{
    char *copy = NULL;
    while (length > 0 && isblank((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length > 0 && isblank((unsigned char)text[length - 1])) {
        length--;
    }
    int status = rebias_alloc(&copy, length + 1, 1, err);
    if (status == REBIAS_OK) {
        memcpy(copy, text, length);
        status = rebias_buffer_append(values, sizeof copy, &copy, err);
    }
    if (status != REBIAS_OK) {
        free(copy);
    }
    return status;
}

int rebias_experiment_split(struct rebias_experiment_key *key, const char *text,
                            struct rebias_error *err)
{
    struct rebias_buffer values = {0};
    int status = REBIAS_OK;
    for (bool more = true; more && status == REBIAS_OK;) {
        const size_t length = element_length(text);
        status = append_value(&values, text, length, err);
        more = text[length] == ',';
        text += length + (more ? 1 : 0);
    }
    key->value = values.data;
    key->count = values.count;
    return status;
}

const char *rebias_experiment_wrong_value(const struct rebias_experiment_key *key,
                                          const char **why)
{
    if (!key->grid && key->count > 1) {
        *why = "a list stands below [grid]";
        return key->name;
    }
    for (size_t i = 0; i < key->count; i++) {
        if (key->value[i][0] == '\0') {
            *why = key->count > 1 ? "a value of the list is empty" : "the value is empty";
            return "(nothing)";
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(key->value[k], key->value[i]) == 0) {
                *why = "a value is given twice";
                return key->value[i];
            }
        }
    }
    return NULL;
}

void rebias_experiment_clear_key(struct rebias_experiment_key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        free(key->value[i]);
    }
    free(key->value);
    free(key->name);
    *key = (struct rebias_experiment_key){.name = NULL};
}
