/* shared.c - what several commands share. */
#include "commands.h"
#include <string.h>
#include <unistd.h>

const char *const polarity_words[2] = {"SET", "RESET"};

int parse_method(const char *text, struct rebias_binning_options *options,
                 struct rebias_error *err)
{
    static const char expected[] =
        "binning, binning:BINS or binning:BINS:width|count, with 1 to 10000 bins";
    const struct rebias_place place = {NULL, 0, 0, shown_value(text)};
    const size_t length = strlen("binning");
    if (strncmp(text, "binning", length) != 0 ||
        (text[length] != '\0' && text[length] != ':')) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place, expected, "unknown estimator");
    }
    if (text[length] == '\0') {
        return REBIAS_OK;
    }
    char bins[32];
    const char *from = text + length + 1;
    const char *colon = strchr(from, ':');
    size_t width = colon != NULL ? (size_t)(colon - from) : strlen(from);
    int64_t value = 0;
    bool good = width < sizeof bins;
    if (good) {
        memcpy(bins, from, width);
        bins[width] = '\0';
        good = rebias_parse_integer(bins, 1, 10000, &value);
    }
    if (good && colon != NULL) {
        good = strcmp(colon, ":width") == 0 || strcmp(colon, ":count") == 0;
        options->kind = strcmp(colon, ":count") == 0 ? REBIAS_BINS_COUNT : REBIAS_BINS_WIDTH;
    }
    if (!good) {
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, expected, "bad estimator options");
    }
    options->bins = (size_t)value;
    return REBIAS_OK;
}

const char *spec_input(const char *spec)
{
    return spec != NULL && access(spec, R_OK) == 0 ? spec : NULL;
}
