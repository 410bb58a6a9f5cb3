/* bias_targets.c - the list of `rebias bias --target`.
 * 1. pieces   2. the list
 */
#include "bias_targets.h"
#include "options.h"
#include "rebias/devmodel.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- 1. pieces -- */

/* "sd=1e-10,..." goes on with the device before it; "gaussian:sd=1e-10" is a new one. */
static bool continues(const char *piece)
{
    return piece[strcspn(piece, ":=,")] == '=';
}

/* Length of the piece that text begins with. */
static size_t piece_length(const char *text)
{
    size_t length = strcspn(text, ",");
    while (text[length] == ',' && continues(text + length + 1)) {
        length += 1 + strcspn(text + length + 1, ",");
    }
    return length;
}

static int append(struct target_list *list, const char *spec, struct rebias_error *err)
{
    char *copy = NULL;
    int status = rebias_copy_text(&copy, spec, err);
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&list->specs, sizeof copy, &copy, err);
    }
    if (status != REBIAS_OK) {
        free(copy);
    }
    return status;
}

static int append_matches(struct target_list *list, const char *pattern,
                          struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, pattern};
    const size_t before = list->specs.count;
    int status = REBIAS_OK;
    for (size_t i = 0; i < rebias_preset_count && status == REBIAS_OK; i++) {
        if (fnmatch(pattern, rebias_presets[i].name, 0) == 0) {
            status = append(list, rebias_presets[i].name, err);
        }
    }
    return status == REBIAS_OK && list->specs.count == before
               ? rebias_fail_at(err, REBIAS_E_NAME, &place,
                                "a pattern of names that `rebias device list` shows",
                                "no preset matches")
               : status;
}

static int append_piece(struct target_list *list, const char *piece, struct rebias_error *err)
{
    if (piece[0] == '\0') {
        const struct rebias_place place = {NULL, 0, 0, shown_value(piece)};
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "devices, separated by commas",
                              "bad value of --target");
    }
    bool pattern = strchr(piece, '*') != NULL && access(piece, F_OK) != 0;
    return pattern ? append_matches(list, piece, err) : append(list, piece, err);
}

/* -- 2. the list -- */

int target_list_parse(struct target_list *list, const char *text, struct rebias_error *err)
{
    char *copy = NULL;
    int status = rebias_copy_text(&copy, text, err);
    if (status == REBIAS_OK && access(text, F_OK) == 0) {
        status = append(list, text, err);
        goto done;
    }
    for (char *piece = copy; piece != NULL && status == REBIAS_OK;) {
        size_t length = piece_length(piece);
        char *next = piece[length] == ',' ? piece + length + 1 : NULL;
        piece[length] = '\0';
        status = append_piece(list, piece, err);
        piece = next;
    }
done:
    free(copy);
    return status;
}

void target_list_free(struct target_list *list)
{
    char **specs = list->specs.data;
    for (size_t i = 0; i < list->specs.count; i++) {
        free(specs[i]);
    }
    free(specs);
    *list = (struct target_list){0};
}
