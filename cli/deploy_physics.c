/* deploy_physics.c - options of `rebias deploy` about wires and programming by pulses.
 * 1. wires
 */
#include "deploy_plan.h"

/* -- 1. wires -- */

void deploy_read_wires(const struct arguments *arguments, struct rebias_deploy_options *options)
{
    const double both = argument_number(arguments, "wire-resistance");
    options->row_wire =
        argument_given(arguments, "row-wire") ? argument_number(arguments, "row-wire") : both;
    options->column_wire = argument_given(arguments, "column-wire")
                               ? argument_number(arguments, "column-wire")
                               : both;
}
