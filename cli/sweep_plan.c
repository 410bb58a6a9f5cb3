/* sweep_plan.c - from an experiment to its cells.
 * 1. jobs   2. keys   3. a configuration's command line   4. opening   5. listing   6. cells
 */
#include "sweep_plan.h"
#include "commands.h"
#include <stdlib.h>
#include <string.h>

/* -- 1. jobs -- */

static const struct sweep_job *const jobs[] = {&sweep_bias, &sweep_train, &sweep_deploy,
                                               &sweep_continual};
const char sweep_job_names[] = "bias, train, deploy or continual";

const struct sweep_job *sweep_job_find(const char *name)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(jobs[i]->command->name, name) == 0) {
            return jobs[i];
        }
    }
    return NULL;
}

int sweep_add(const struct sweep_task *task, const char *name, double position, double value,
              struct rebias_error *err)
{
    struct sweep_number number = {.position = position, .value = value};
    snprintf(number.name, sizeof number.name, "%s", name);
    return rebias_buffer_append(task->numbers, sizeof number, &number, err);
}

/* -- 2. keys -- */

/* Says where in the experiment a mistake is. */
static int wrong(const struct rebias_experiment *e, size_t line, struct rebias_error *err)
{
    if (err != NULL) {
        snprintf(err->file, sizeof err->file, "%s", e->path);
        err->line = line;
    }
    return WRONG_USAGE;
}

static const struct option_row *find_row(const struct command *command, const char *name)
{
    const struct option_row *row = NULL;
    for (size_t i = 0; (row = option_row_at(command, i)) != NULL; i++) {
        if (strcmp(row->name, name) == 0 && row->kind != OPTION_HEADING) {
            return row;
        }
    }
    return NULL;
}

static bool is_left_out(const struct sweep_job *job, const char *name)
{
    static const char *const common[] = {"threads", "format", "quiet", "help"};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (strcmp(common[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; job->left_out[i] != NULL; i++) {
        if (strcmp(job->left_out[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int check_key(const struct sweep_plan *plan, const struct rebias_experiment_key *key,
                     struct rebias_error *err)
{
    const struct sweep_job *job = plan->job;
    const struct option_row *row = find_row(job->command, key->name);
    const struct rebias_place place = {NULL, 0, 0, key->name};
    if (job->word != NULL && strcmp(key->name, job->word) == 0) {
        return REBIAS_OK;
    }
    if (row != NULL && is_left_out(job, key->name)) {
        rebias_fail_at(err, REBIAS_E_NAME, &place, NULL,
                       "an option without meaning in a cell of a sweep");
        return wrong(plan->experiment, key->line, err);
    }
    for (size_t i = 0; i < key->count; i++) {
        const char *value = key->value[i];
        const bool flag = row != NULL && row->kind == OPTION_FLAG;
        const struct rebias_place at = {NULL, 0, 0, value};
        int status = option_check(job->command, key->name, flag ? NULL : value, err);
        if (flag && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            status = rebias_fail_at(err, REBIAS_E_RANGE, &at, "yes or no", "bad value of --%s",
                                    key->name);
        }
        if (status != REBIAS_OK) {
            return wrong(plan->experiment, key->line, err);
        }
    }
    return REBIAS_OK;
}

int sweep_plan_read(struct sweep_plan *plan, const char *path, const char *const *overrides,
                    size_t override_count, struct rebias_error *err)
{
    *plan = (struct sweep_plan){.experiment = NULL};
    int status =
        rebias_experiment_load(&plan->experiment, path, overrides, override_count, err);
    if (status == REBIAS_E_FORMAT || status == REBIAS_E_RANGE) {
        return WRONG_USAGE;
    }
    if (status != REBIAS_OK) {
        return status;
    }
    const struct rebias_experiment *e = plan->experiment;
    plan->job = sweep_job_find(e->job);
    if (plan->job == NULL) {
        const struct rebias_place place = {NULL, 0, 0, e->job};
        rebias_fail_at(err, REBIAS_E_NAME, &place, sweep_job_names, "unknown job");
        return wrong(e, 0, err);
    }
    if ((uint64_t)e->first_replicate + e->replicates > (1U << 24)) {
        rebias_fail(err, REBIAS_E_RANGE, "replicates must be below 2^24");
        return wrong(e, 0, err);
    }
    for (size_t k = 0; k < e->key_count && status == REBIAS_OK; k++) {
        status = check_key(plan, &e->keys[k], err);
    }
    return status;
}

/* -- 3. a configuration's command line -- */

static int add_word(struct sweep_setup *setup, const char *key, const char *value,
                    struct rebias_error *err)
{
    const struct option_row *row = find_row(setup->job->command, key);
    const size_t size = strlen(key) + strlen(value) + 8;
    char *word = NULL;
    if (row != NULL && row->kind == OPTION_FLAG && strcmp(value, "no") == 0) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(&word, size, 1, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (row == NULL) {
        snprintf(word, size, "%s", value);
    } else if (row->kind == OPTION_FLAG) {
        snprintf(word, size, "--%s", key);
    } else {
        snprintf(word, size, "--%s=%s", key, value);
    }
    setup->words[setup->word_count++] = word;
    return REBIAS_OK;
}

static int write_words(struct sweep_setup *setup, const struct rebias_experiment *e,
                       size_t number, struct rebias_error *err)
{
    const char **value = NULL;
    int status = rebias_alloc(&setup->words, e->key_count + 2, sizeof *setup->words, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&value, e->key_count + 1, sizeof *value, err);
    }
    if (status == REBIAS_OK) {
        rebias_experiment_configuration(e, number, value);
        status = rebias_copy_text(&setup->words[setup->word_count++], "rebias", err);
    }
    for (size_t k = 0; k < e->key_count && status == REBIAS_OK; k++) {
        status = add_word(setup, e->keys[k].name, value[k], err);
    }
    free(value);
    return status;
}

void sweep_plan_tell(const struct sweep_plan *plan, size_t number, struct rebias_error *err)
{
    const struct rebias_experiment *e = plan->experiment;
    char message[sizeof err->message];
    char what[128] = "";
    size_t used = 0;
    size_t later = e->configurations;
    for (size_t k = 0; k < e->key_count && used < sizeof what; k++) {
        const struct rebias_experiment_key *key = &e->keys[k];
        later /= key->count;
        if (key->count > 1) {
            used += (size_t)snprintf(what + used, sizeof what - used, "%s%s = %s",
                                     used > 0 ? ", " : "", key->name,
                                     key->value[number / later % key->count]);
        }
    }
    snprintf(message, sizeof message, "%.120s%s%s%s", err->message, used > 0 ? " (" : "", what,
             used > 0 ? ")" : "");
    memcpy(err->message, message, sizeof message);
}

/* -- 4. opening -- */

int sweep_setup_open(struct sweep_setup *setup, const struct sweep_plan *plan, size_t number,
                     struct rebias_error *err)
{
    struct rebias_error local = {0};
    struct rebias_error *why = err != NULL ? err : &local;
    bool help = false;
    *setup = (struct sweep_setup){.job = plan->job};
    int status = write_words(setup, plan->experiment, number, why);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&setup->opened, 1, plan->job->size, why);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    status = arguments_parse(&setup->arguments, plan->job->command, (int)setup->word_count,
                             setup->words, 1, &help, why);
    if (status == REBIAS_OK) {
        status = plan->job->open(setup->opened, &setup->arguments, why);
    } else {
        free(setup->opened); /* nothing is in it */
        setup->opened = NULL;
    }
    if (status != REBIAS_OK) {
        sweep_plan_tell(plan, number, why);
    }
    return (status == REBIAS_E_NAME || status == REBIAS_E_RANGE) && why->file[0] == '\0'
               ? wrong(plan->experiment, 0, why)
               : status;
}

void sweep_setup_clear(struct sweep_setup *setup)
{
    if (setup->opened != NULL) {
        setup->job->clear(setup->opened);
    }
    for (size_t i = 0; i < setup->word_count; i++) {
        free(setup->words[i]);
    }
    free(setup->words);
    free(setup->opened);
    *setup = (struct sweep_setup){.job = NULL};
}

/* -- 5. listing -- */

const struct sweep_configuration *sweep_plan_at(const struct sweep_plan *plan, size_t i)
{
    const struct sweep_configuration *configuration = plan->configurations.data;
    return &configuration[i];
}

static void clear_configuration(struct sweep_configuration *c)
{
    free(c->text);
    free(c->inputs);
}

static const struct sweep_configuration *find_text(const struct sweep_plan *plan,
                                                   const struct sweep_configuration *wanted)
{
    for (size_t i = 0; i < plan->configurations.count; i++) {
        if (strcmp(sweep_plan_at(plan, i)->text, wanted->text) == 0) {
            return sweep_plan_at(plan, i);
        }
    }
    return NULL;
}

/* Adds a configuration, or one's target: the same target serves many. */
static int add_configuration(struct sweep_plan *plan, const struct sweep_setup *setup,
                             size_t number, bool target, struct rebias_error *err)
{
    struct sweep_configuration c = {.number = number,
                                    .target = target,
                                    .seed =
                                        (uint64_t)argument_integer(&setup->arguments, "seed"),
                                    .cost = setup->job->cost(setup->opened, target)};
    int status = sweep_text(&c.text, &c.inputs, setup, target, err);
    const struct sweep_configuration *same = status == REBIAS_OK ? find_text(plan, &c) : NULL;
    if (status == REBIAS_OK && same == NULL) {
        status = rebias_buffer_append(&plan->configurations, sizeof c, &c, err);
        if (status == REBIAS_OK) {
            return status;
        }
    }
    if (status == REBIAS_OK && !target) {
        rebias_fail(err, REBIAS_E_NAME, "two values in the grid mean the same");
        sweep_plan_tell(plan, number, err);
        status = wrong(plan->experiment, 0, err);
    }
    clear_configuration(&c);
    return status;
}

int sweep_plan_list(struct sweep_plan *plan, struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t n = 0; n < plan->experiment->configurations && status == REBIAS_OK; n++) {
        struct sweep_setup setup;
        status = sweep_setup_open(&setup, plan, n, err);
        if (status == REBIAS_OK && plan->job->has_target != NULL &&
            plan->job->has_target(setup.opened)) {
            status = add_configuration(plan, &setup, n, true, err);
        }
        if (status == REBIAS_OK) {
            status = add_configuration(plan, &setup, n, false, err);
        }
        sweep_setup_clear(&setup);
    }
    return status;
}

void sweep_plan_clear(struct sweep_plan *plan)
{
    struct sweep_configuration *configuration = plan->configurations.data;
    for (size_t i = 0; i < plan->configurations.count; i++) {
        clear_configuration(&configuration[i]);
    }
    free(configuration);
    rebias_experiment_free(plan->experiment);
    *plan = (struct sweep_plan){.experiment = NULL};
}

/* -- 6. cells -- */

struct rebias_store_cell sweep_plan_cell(const struct sweep_plan *plan,
                                         const struct sweep_cell *cell)
{
    return (struct rebias_store_cell){.job = plan->job->command->name,
                                      .configuration =
                                          sweep_plan_at(plan, cell->configuration)->text,
                                      .replicate = cell->replicate};
}

int sweep_plan_cells(const struct sweep_plan *plan, struct sweep_cell **cells, size_t *count,
                     struct rebias_error *err)
{
    const struct rebias_experiment *e = plan->experiment;
    const size_t configurations = plan->configurations.count;
    *count = configurations * e->replicates;
    int status = rebias_alloc(cells, *count, sizeof **cells, err);
    for (size_t i = 0; i < *count && status == REBIAS_OK; i++) {
        const struct sweep_configuration *c = sweep_plan_at(plan, i % configurations);
        (*cells)[i] = (struct sweep_cell){.configuration = i % configurations,
                                          .number = c->number,
                                          .target = c->target,
                                          .replicate = e->first_replicate +
                                                       (uint32_t)(i / configurations)};
        const struct rebias_store_cell key = sweep_plan_cell(plan, &(*cells)[i]);
        rebias_store_hash(&key, (*cells)[i].hash);
    }
    return status;
}
