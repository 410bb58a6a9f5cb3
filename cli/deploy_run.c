/* deploy_run.c - one deployment of `rebias deploy`, and its networks without devices. */
#include "deploy_plan.h"
#include "deploy_tune.h"
#include <math.h>

static int classify(const struct deploy_plan *plan, struct rebias_deployment *deployment,
                    struct deploy_run *run, struct rebias_error *err)
{
    const size_t layers = plan->networks->network[0].layers;
    int status = REBIAS_OK;
    run->mapping_error = run->mean_accuracy = 0.0;
    run->devices = rebias_deployment_devices(deployment);
    deploy_count_pulses(deployment, run);
    for (size_t l = 0; l < layers; l++) {
        run->mapping_error += rebias_deployment_mapping_error(deployment, l) / (double)layers;
    }
    for (size_t t = 0; t < plan->tasks && status == REBIAS_OK; t++) {
        status = rebias_deployment_accuracy(deployment, plan->n[t], plan->x[t], plan->label[t],
                                            &run->accuracy[t], err);
        run->mean_accuracy += run->accuracy[t] / (double)plan->tasks;
    }
    return status;
}

int deploy_run_one(const struct deploy_plan *plan, size_t cell, size_t replicate,
                   struct deploy_run *run, struct rebias_error *err)
{
    const struct rebias_deploy_options options =
        deploy_cell_options(plan, &plan->cells[cell], replicate);
    struct rebias_deployment *deployment = NULL;
    *run =
        (struct deploy_run){.accuracy_before = NAN, .mapping_error_before = NAN, .pulses = NAN};
    int status = rebias_deploy(&deployment, plan->networks, plan->chip, &options, err);
    if (status == REBIAS_OK) {
        status = classify(plan, deployment, run, err);
    }
    if (status == REBIAS_OK && plan->cells[cell].way->tuned) {
        status = deploy_tune(plan, deployment, run, err);
        if (status == REBIAS_OK) {
            status = classify(plan, deployment, run, err);
        }
    }
    rebias_deployment_free(deployment);
    return status;
}

size_t deploy_committee(const struct deploy_cell *cell)
{
    return cell->method == REBIAS_DEPLOY_CM ? cell->alpha : 1;
}

int deploy_software(const struct deploy_plan *plan, size_t count, double *mean,
                    struct rebias_error *err)
{
    int status = REBIAS_OK;
    *mean = 0.0;
    for (size_t t = 0; t < plan->tasks && status == REBIAS_OK; t++) {
        double accuracy = 0.0;
        status = rebias_deploy_software_accuracy(plan->networks, count, plan->n[t], plan->x[t],
                                                 plan->label[t], &accuracy, err);
        *mean += accuracy / (double)plan->tasks;
    }
    return status;
}
