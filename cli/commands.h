/* commands.h - the commands' tables, one file each, and what several of them share. */
#ifndef REBIAS_CLI_COMMANDS_H
#define REBIAS_CLI_COMMANDS_H

#include "options.h"
#include "output.h"
#include "rebias/table.h"

/* A command's run function returns REBIAS_OK, a negative status, or one of these: the check it
 * states has failed (exit 3); what the error tells is wrong usage, though it stands in a file
 * (exit 2). */
enum { CHECK_FAILED = 3, WRONG_USAGE = 2 };

extern const struct command data_commands[];
extern const size_t data_command_count;
extern const struct command fit_commands[];
extern const size_t fit_command_count;
extern const struct command table_commands[];
extern const size_t table_command_count;
extern const struct command device_commands[];
extern const size_t device_command_count;
extern const struct command compare_commands[];
extern const size_t compare_command_count;
extern const struct command train_commands[];
extern const size_t train_command_count;
extern const struct command mgd_commands[];
extern const size_t mgd_command_count;
extern const struct command network_commands[];
extern const size_t network_command_count;
extern const struct command continual_commands[];
extern const size_t continual_command_count;
extern const struct command chip_commands[];
extern const size_t chip_command_count;
extern const struct command deploy_commands[];
extern const size_t deploy_command_count;
extern const struct command bias_commands[];
extern const size_t bias_command_count;
extern const struct command sweep_commands[];
extern const size_t sweep_command_count;
extern const struct command report_commands[];
extern const size_t report_command_count;

extern const char *const polarity_words[2]; /* "SET", "RESET" */

/* Lists the estimators with their options, for the help of commands that take a --method. */
void print_estimators(void);

/* The file whose checksum belongs to a device or table specification, or NULL (preset, several
 * files). */
const char *spec_input(const char *spec);

#endif
