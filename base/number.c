/* number.c - strict, locale-independent parsing of numbers.
 *
 * strtod follows the locale's decimal point, which the library must not depend on; so the shape
 * is checked here first (only "." is a decimal point) and strtod_l is called with the "C"
 * locale.
 */
#include "rebias/base.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_digits(const char *s, size_t *digits)
{
    while (*s >= '0' && *s <= '9') {
        s++;
        (*digits)++;
    }
    return s;
}

/* True when text is blanks, [+-] digits [. digits] [e [+-] digits], blanks. */
static bool has_decimal_shape(const char *text)
{
    const char *s = text;
    while (is_blank(*s)) {
        s++;
    }
    if (*s == '+' || *s == '-') {
        s++;
    }
    size_t digits = 0;
    s = skip_digits(s, &digits);
    if (*s == '.') {
        s = skip_digits(s + 1, &digits);
    }
    if (digits == 0) {
        return false;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-') {
            s++;
        }
        size_t exponent = 0;
        s = skip_digits(s, &exponent);
        if (exponent == 0) {
            return false;
        }
    }
    while (is_blank(*s)) {
        s++;
    }
    return *s == '\0';
}

bool rebias_parse_double(const char *text, double *value)
{
    if (!has_decimal_shape(text)) {
        return false;
    }
    /* A locale object per call is slow (about 1 us); the shape holds no grouping, so where the
     * current locale's point is "." plain strtod gives the same. */
    const struct lconv *now = localeconv();
    double x = 0.0;
    if (strcmp(now->decimal_point, ".") == 0) {
        x = strtod(text, NULL);
    } else {
        locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
        if (c == (locale_t)0) {
            return false;
        }
        x = strtod_l(text, NULL, c);
        freelocale(c);
    }
    if (!isfinite(x)) {
        return false;
    }
    *value = x;
    return true;
}

bool rebias_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *s = text;
    if (*s == '+' || *s == '-') {
        s++;
    }
    size_t digits = 0;
    s = skip_digits(s, &digits);
    if (digits == 0 || *s != '\0') {
        return false;
    }
    errno = 0;
    long long x = strtoll(text, NULL, 10);
    if (errno != 0 || x < min || x > max) {
        return false;
    }
    *value = x;
    return true;
}
