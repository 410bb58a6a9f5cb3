/* deploy_physics.c - options of `rebias deploy` about wires and programming by pulses.
 * 1. wires   2. programming by pulses
 */
#include "deploy_plan.h"
#include "rebias/table.h"

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

/* -- 2. programming by pulses -- */

int deploy_read_verify(struct deploy_plan *plan, struct rebias_error *err)
{
    static const char *const others[] = {"verify-window", "verify-tries"};
    static const char *const errors[] = {"write-error", "write-fixed"};
    const struct arguments *a = plan->arguments;
    const bool wanted = argument_given(a, "write-verify");
    for (size_t i = 0; i < 2; i++) {
        if (!wanted && argument_given(a, others[i])) {
            return rebias_fail(err, REBIAS_E_NAME, "--%s needs --write-verify", others[i]);
        }
        if (wanted && argument_given(a, errors[i])) {
            return rebias_fail(err, REBIAS_E_NAME,
                               "--write-verify and --%s exclude each other: pulses leave the "
                               "errors that they leave",
                               errors[i]);
        }
    }
    plan->base.verify.window = argument_number(a, "verify-window");
    plan->base.verify.tries = (uint32_t)argument_integer(a, "verify-tries");
    int status = wanted
                     ? rebias_device_open(&plan->device, argument_text(a, "write-verify"), err)
                     : REBIAS_OK;
    plan->base.verify.device = plan->device;
    return status;
}

void deploy_count_pulses(const struct rebias_deployment *deployment, struct deploy_run *run)
{
    const struct rebias_verify_result *verified = rebias_deployment_verified(deployment);
    if (verified != NULL && verified->wanted > 0) {
        run->verify_success = (double)verified->reached / (double)verified->wanted;
        run->verify_pulses = (double)verified->pulses / (double)verified->wanted;
    }
}
