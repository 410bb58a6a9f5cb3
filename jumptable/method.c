/* method.c - the estimators that have a name, and methods from text.
 * 1. registry   2. one token   3. the whole text
 */
#include "estimators.h"
#include "rebias/base.h"
#include <stdio.h>
#include <string.h>

/* -- 1. registry -- */

const struct rebias_estimator *const rebias_estimators[] = {
    &rebias_binning_estimator, &rebias_binopt_estimator, &rebias_polynomial_estimator,
    &rebias_kriging_estimator, &rebias_kde_estimator,    &rebias_quantile_estimator,
    &rebias_auto_estimator,
};
const size_t rebias_estimator_count = sizeof rebias_estimators / sizeof rebias_estimators[0];

const struct rebias_estimator *rebias_estimator_find(const char *name)
{
    for (size_t i = 0; i < rebias_estimator_count; i++) {
        if (strcmp(rebias_estimators[i]->name, name) == 0) {
            return rebias_estimators[i];
        }
    }
    return NULL;
}

/* -- 2. one token -- */

enum { TOKEN_SIZE = 64 };

/* Index of word among "a|b|c", or -1. */
static int choice_of(const char *choices, const char *word)
{
    const size_t length = strlen(word);
    int index = 0;
    for (const char *c = choices; c != NULL && *c != '\0'; index++) {
        const char *end = strchr(c, '|');
        size_t width = end != NULL ? (size_t)(end - c) : strlen(c);
        if (width == length && strncmp(c, word, length) == 0) {
            return index;
        }
        c += width + (end != NULL ? 1 : 0);
    }
    return -1;
}

static int set_value(struct rebias_method *method, size_t p, const char *text,
                     struct rebias_error *err)
{
    const struct rebias_estimator_param *row = &method->estimator->params[p];
    const struct rebias_place place = {NULL, 0, 0, text};
    char expected[160];
    double value = row->choices != NULL ? choice_of(row->choices, text) : 0.0;
    bool good = row->choices != NULL ? value >= 0.0 : rebias_parse_double(text, &value);
    good = good && (row->choices != NULL || (value >= row->min && value <= row->max));
    good = good && (!row->whole || value == (double)(int64_t)value);
    if (!good) {
        if (row->choices != NULL) {
            snprintf(expected, sizeof expected, "%s", row->choices);
        } else {
            snprintf(expected, sizeof expected, "a %snumber from %g to %g",
                     row->whole ? "whole " : "", row->min, row->max);
        }
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, expected,
                              "bad value of option %s of %s", row->name,
                              method->estimator->name);
    }
    method->values[p] = value;
    return REBIAS_OK;
}

static int fail_option(const struct rebias_estimator *e, const char *token,
                       struct rebias_error *err)
{
    char expected[160] = "no options";
    size_t used = 0;
    for (size_t p = 0; p < e->param_count && used < sizeof expected; p++) {
        int n = snprintf(expected + used, sizeof expected - used, "%s%s=", p > 0 ? ", " : "",
                         e->params[p].name);
        used += n > 0 ? (size_t)n : 0;
    }
    const struct rebias_place place = {NULL, 0, 0, token};
    return rebias_fail_at(err, REBIAS_E_NAME, &place, expected,
                          "estimator %s has no such option", e->name);
}

int rebias_method_set(struct rebias_method *method, const char *option, const char *text,
                      struct rebias_error *err)
{
    const struct rebias_estimator *e = method->estimator;
    for (size_t p = 0; p < e->param_count; p++) {
        if (strcmp(e->params[p].name, option) == 0) {
            return set_value(method, p, text, err);
        }
    }
    return fail_option(e, option, err);
}

/* "option=value", a choice's word, or a bare number for the first option. */
static int set_token(struct rebias_method *method, char *token, struct rebias_error *err)
{
    const struct rebias_estimator *e = method->estimator;
    char *equals = strchr(token, '=');
    if (equals != NULL) {
        *equals = '\0';
        return rebias_method_set(method, token, equals + 1, err);
    }
    for (size_t p = 0; p < e->param_count; p++) {
        if (choice_of(e->params[p].choices, token) >= 0) {
            return set_value(method, p, token, err);
        }
    }
    double number = 0.0;
    if (e->param_count > 0 && rebias_parse_double(token, &number)) {
        return set_value(method, 0, token, err);
    }
    return fail_option(e, token, err);
}

/* -- 3. the whole text -- */

/* Copies the text up to the next ':' into token and returns what follows it, NULL at the end.
 */
static const char *next_token(const char *text, char token[TOKEN_SIZE])
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    snprintf(token, TOKEN_SIZE, "%.*s", (int)(length < TOKEN_SIZE ? length : TOKEN_SIZE - 1),
             text);
    return colon != NULL ? colon + 1 : NULL;
}

int rebias_method_parse(struct rebias_method *method, const char *text,
                        struct rebias_error *err)
{
    char token[TOKEN_SIZE];
    const char *rest = next_token(text, token);
    struct rebias_method parsed = {.estimator = rebias_estimator_find(token)};
    if (parsed.estimator == NULL) {
        char expected[160];
        size_t used = 0;
        for (size_t i = 0; i < rebias_estimator_count && used < sizeof expected; i++) {
            int n = snprintf(expected + used, sizeof expected - used, "%s%s", i > 0 ? ", " : "",
                             rebias_estimators[i]->name);
            used += n > 0 ? (size_t)n : 0;
        }
        const struct rebias_place place = {NULL, 0, 0, token[0] != '\0' ? token : "(nothing)"};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "unknown estimator");
    }
    for (size_t p = 0; p < parsed.estimator->param_count; p++) {
        parsed.values[p] = parsed.estimator->params[p].value;
    }
    int status = REBIAS_OK;
    while (rest != NULL && status == REBIAS_OK) {
        rest = next_token(rest, token);
        status = set_token(&parsed, token, err);
    }
    if (status == REBIAS_OK) {
        *method = parsed;
    }
    return status;
}
