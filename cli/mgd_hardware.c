/* mgd_hardware.c - how long hardware would take: the published rows and the user's own. */
#include "mgd_hardware.h"
#include <stdio.h>
#include <string.h>

/* "NAME:TAU_P,TAU_X,TAU_UPDATE" as the next row. */
static int read_row(struct mgd_hardware *hardware, const char *text, struct rebias_error *err)
{
    const struct rebias_place place = {NULL, 0, 0, text};
    const char *colon = strchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    double tau[3];
    size_t count = 0;
    if (length == 0 || length >= sizeof hardware->name) {
        return rebias_fail_at(err, REBIAS_E_NAME, &place, "NAME:TAU_P,TAU_X,TAU_UPDATE",
                              "bad value of --hardware");
    }
    int status = parse_number_list("hardware", colon + 1, 0, 1e12, false, tau, 3, &count, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (count != 3) {
        return rebias_fail_at(err, REBIAS_E_RANGE, &place, "three times in s behind the colon",
                              "bad value of --hardware");
    }
    snprintf(hardware->name, sizeof hardware->name, "%.*s", (int)length, text);
    hardware->row[hardware->count++] =
        (struct rebias_hardware){hardware->name, tau[0], tau[1], tau[2]};
    return REBIAS_OK;
}

int mgd_hardware_read(struct mgd_hardware *hardware, const struct arguments *arguments,
                      struct rebias_error *err)
{
    const char *text = argument_text(arguments, "hardware");
    const size_t published = sizeof rebias_hardware_rows / sizeof rebias_hardware_rows[0];
    hardware->count = published;
    memcpy(hardware->row, rebias_hardware_rows, sizeof rebias_hardware_rows);
    return text != NULL ? read_row(hardware, text, err) : REBIAS_OK;
}
