/* main.c - the program: finds the command, parses its options, runs it, prints its error.
 * 1. commands   2. help and version   3. running
 */
#include "commands.h"
#include "rebias/farm.h"
#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_version.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

/* -- 1. commands -- */

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct group {
    const char *name;
    const char *summary;
    const struct command *commands;
    const size_t *count;
} groups[] = {
    {"data", "import, check, describe, synthesise pulse data; are there enough?", data_commands,
     &data_command_count},
    {"fit", "pulse data -> jump table", fit_commands, &fit_command_count},
    {"table", "show, check, convert, sample, plot jump tables", table_commands,
     &table_command_count},
    {"device", "list models and presets, show parameters, pulse curves", device_commands,
     &device_command_count},
    {"compare", "device-level metrics between any two of device, table and pulse data",
     compare_commands, &compare_command_count},
    {"train", "a network on crossbars, or in software", train_commands, &train_command_count},
    {"mgd", "multiplexed gradient descent: its gradient's angle, its time on hardware",
     mgd_commands, &mgd_command_count},
    {"network", "files of trained networks: show, quantise, import", network_commands,
     &network_command_count},
    {"continual", "one network learns tasks one after the other (elastic weight consolidation)",
     continual_commands, &continual_command_count},
    {"chip", "defective chips: import maps, synthesise, show", chip_commands,
     &chip_command_count},
    {"deploy", "a trained network on a defective chip: layer ensemble averaging and its rivals",
     deploy_commands, &deploy_command_count},
    {"bias", "the main job: device- and network-level modeling bias with intervals",
     bias_commands, &bias_command_count},
    {"sweep", "run, resume, export grids of bias, train, deploy and continual", sweep_commands,
     &sweep_command_count},
    {"report", "an HTML page with figures from the store of a sweep", report_commands,
     &report_command_count},
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

static const struct group *find_group(const char *name)
{
    for (size_t g = 0; g < GROUPS; g++) {
        if (strcmp(groups[g].name, name) == 0) {
            return &groups[g];
        }
    }
    return NULL;
}

static bool has_subcommands(const struct group *group)
{
    return strchr(group->commands[0].name, ' ') != NULL;
}

static const struct command *find_subcommand(const struct group *group, const char *name)
{
    for (size_t c = 0; c < *group->count; c++) {
        if (strcmp(strchr(group->commands[c].name, ' ') + 1, name) == 0) {
            return &group->commands[c];
        }
    }
    return NULL;
}

/* -- 2. help and version -- */

static void print_help(void)
{
    printf("usage: rebias COMMAND [OPTIONS]\n\n"
           "How far can a simulated network accuracy be trusted? Fits ReRAM device models to "
           "measured pulses, trains\n"
           "networks on crossbars of such devices, and reports the modeling bias with its "
           "uncertainty.\n\ncommands:\n");
    for (size_t g = 0; g < GROUPS; g++) {
        printf("  %-9s %s\n", groups[g].name, groups[g].summary);
    }
    printf("\n`rebias help COMMAND` tells more; `rebias --version` tells the version.\n"
           "exit codes: 0 done, 1 run failed, 2 wrong usage, 3 a stated check failed\n");
}

static void print_group_help(const struct group *group)
{
    if (!has_subcommands(group)) {
        print_command_help(&group->commands[0]);
        return;
    }
    printf("usage: rebias %s SUBCOMMAND [OPTIONS]\n\n%s\n\nsubcommands:\n", group->name,
           group->summary);
    for (size_t c = 0; c < *group->count; c++) {
        const struct command *command = &group->commands[c];
        char left[64];
        snprintf(left, sizeof left, "%s %s", strchr(command->name, ' ') + 1, command->usage);
        printf("  %-18s %s\n", left, command->summary);
    }
    printf("\n`rebias help %s SUBCOMMAND` tells more.\n", group->name);
}

static void print_version(void)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    printf("rebias %s\n", rebias_version());
    printf("compiler %s\ngsl %s\nhdf5 %u.%u.%u\n%s\n", __VERSION__, gsl_version, major, minor,
           release, openblas_get_config());
    printf("mpi %s\n", rebias_mpi_version() != NULL ? rebias_mpi_version() : "none");
    printf("licence: GPL-3.0-or-later\n");
}

static int usage_error(const char *text, const char *value)
{
    fprintf(stderr, "rebias: %s: '%s' (`rebias help` lists the commands)\n", text, value);
    return EXIT_USAGE;
}

static int unknown_subcommand(const struct group *group, const char *name)
{
    fprintf(stderr, "rebias %s: unknown subcommand: '%s' (`rebias help %s` lists them)\n",
            group->name, name, group->name);
    return EXIT_USAGE;
}

static int help_command(int argc, char **argv)
{
    if (argc < 3) {
        print_help();
        return EXIT_DONE;
    }
    const struct group *group = find_group(argv[2]);
    if (group == NULL) {
        return usage_error("unknown command", argv[2]);
    }
    const int most = has_subcommands(group) ? 4 : 3;
    if (argc > most) {
        return usage_error("one argument too many", argv[most]);
    }
    if (argc == 3) {
        print_group_help(group);
        return EXIT_DONE;
    }
    const struct command *command = find_subcommand(group, argv[3]);
    if (command == NULL) {
        return unknown_subcommand(group, argv[3]);
    }
    print_command_help(command);
    return EXIT_DONE;
}

/* -- 3. running -- */

static int fail(const struct command *command, const struct rebias_error *err, int code)
{
    tell_error(command, err);
    return code;
}

/* A name or a value that came from the command line is wrong usage; the rest is a failed run.
 */
static int exit_code_of(const struct rebias_error *err)
{
    bool from_user = err->status == REBIAS_E_NAME || err->status == REBIAS_E_RANGE;
    return from_user && err->file[0] == '\0' ? EXIT_USAGE : EXIT_FAILED;
}

static int run_command(const struct command *command, int argc, char **argv, int first)
{
    struct arguments arguments;
    struct rebias_error err = {0};
    bool help = false;
    if (arguments_parse(&arguments, command, argc, argv, first, &help, &err) != REBIAS_OK) {
        return fail(command, &err, EXIT_USAGE);
    }
    if (help) {
        print_command_help(command);
        return EXIT_DONE;
    }
    int status = command->run(&arguments, &err);
    if (status == CHECK_FAILED) {
        return CHECK_FAILED;
    }
    if (status == WRONG_USAGE) {
        return fail(command, &err, EXIT_USAGE);
    }
    return status == REBIAS_OK ? EXIT_DONE : fail(command, &err, exit_code_of(&err));
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "rebias: no command (`rebias help` lists the commands)\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0) {
        return help_command(argc, argv);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return EXIT_DONE;
    }
    const struct group *group = find_group(argv[1]);
    if (group == NULL) {
        return usage_error(argv[1][0] == '-' ? "unknown option" : "unknown command", argv[1]);
    }
    if (!has_subcommands(group)) {
        return run_command(&group->commands[0], argc, argv, 2);
    }
    if (argc < 3 || strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) {
        if (argc < 3) {
            fprintf(stderr, "rebias %s: no subcommand (`rebias help %s` lists them)\n", argv[1],
                    argv[1]);
            return EXIT_USAGE;
        }
        print_group_help(group);
        return EXIT_DONE;
    }
    const struct command *command = find_subcommand(group, argv[2]);
    return command == NULL ? unknown_subcommand(group, argv[2])
                           : run_command(command, argc, argv, 3);
}

int main(int argc, char **argv)
{
    gsl_set_error_handler_off(); /* GSL would abort; every status is checked instead */
    openblas_set_num_threads(1); /* parallelism is over replicates */
    int code = dispatch(argc, argv);
    bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (lost && code == EXIT_DONE) { /* help and version; a command has said it already */
        fprintf(stderr, "rebias: cannot write to standard output\n");
        return EXIT_FAILED;
    }
    return code;
}
