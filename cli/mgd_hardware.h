/* mgd_hardware.h - how long hardware would take: the published rows and the user's own. */
#ifndef REBIAS_CLI_MGD_HARDWARE_H
#define REBIAS_CLI_MGD_HARDWARE_H

#include "options.h"
#include "rebias/mgd.h"

enum { MGD_HARDWARE_ROWS = 4 };

struct mgd_hardware {
    struct rebias_hardware row[MGD_HARDWARE_ROWS];
    size_t count;
    char name[32]; /* of the user's own row, the last one */
};

/* The published rows, and that of --hardware. Keep it where it is: the rows borrow name. */
int mgd_hardware_read(struct mgd_hardware *hardware, const struct arguments *arguments,
                      struct rebias_error *err);

#endif
