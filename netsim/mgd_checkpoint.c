/* mgd_checkpoint.c - the state of an MGD run in one HDF5 file.
 * 1. numbers   2. arrays   3. saving   4. loading
 *
 * Attributes of the root: format, format_version, label (the options as text) and the counters;
 * datasets theta (P), first, second, held (P, where the run has them), waiting (update_delay P,
 * the changes on their way, where there is a delay), looks (looks x 7) and
 * crossbar_L_A (conductances of array A of layer L).
 */
#include "mgd_run.h"
#include "base/hdf5_file.h"
#include "rebias/base.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FORMAT[] = "rebias-mgd-checkpoint";
static const double VERSION = 1.0;
enum { LOOK_NUMBERS = 7 };

/* -- 1. numbers -- */

enum { NUMBERS = 11 };
static const char *const number_names[NUMBERS] = {
    "step",       "updates",      "evaluations",       "pulses",    "next_look",  "met",
    "since_cost", "since_weight", "since_evaluations", "last_cost", "high_passed"};

static void numbers_of(const struct mgd_state *s, double number[NUMBERS])
{
    const double all[NUMBERS] = {
        (double)s->step,   (double)s->updates,   (double)s->evaluations,
        (double)s->pulses, (double)s->next_look, s->met ? 1.0 : 0.0,
        s->since.cost,     s->since.weight,      (double)s->since.evaluations,
        s->last_cost,      s->high_passed};
    memcpy(number, all, sizeof all);
}

static void set_numbers(struct mgd_state *s, const double number[NUMBERS])
{
    s->step = (uint64_t)number[0];
    s->updates = (uint64_t)number[1];
    s->evaluations = (uint64_t)number[2];
    s->pulses = (uint64_t)number[3];
    s->next_look = (uint64_t)number[4];
    s->met = number[5] != 0.0;
    s->since.cost = number[6];
    s->since.weight = number[7];
    s->since.evaluations = (uint64_t)number[8];
    s->last_cost = number[9];
    s->high_passed = number[10];
}

/* -- 2. arrays -- */

enum { MOST_ARRAYS = 5 + 2 * REBIAS_MODEL_LAYERS };

struct named {
    char name[32];
    struct rebias_hdf5_array array;
};

static void add(struct named *arrays, size_t *count, const char *name,
                enum rebias_hdf5_type type, size_t n, void *data)
{
    if (data != NULL) {
        snprintf(arrays[*count].name, sizeof arrays[*count].name, "/%.30s", name);
        arrays[*count].array = (struct rebias_hdf5_array){type, 1, {n, 1}, data};
        (*count)++;
    }
}

/* Every array that a run of this kind has; conductances[l][a] for those of the crossbars. */
static size_t list_arrays(const struct mgd_parameters *p, const struct mgd_optimizer *optimizer,
                          float *(*conductances)[2], struct named *arrays)
{
    size_t count = 0;
    add(arrays, &count, "theta", REBIAS_HDF5_FLOAT, p->n, p->theta);
    add(arrays, &count, "first", REBIAS_HDF5_FLOAT, p->n, optimizer->first);
    add(arrays, &count, "second", REBIAS_HDF5_FLOAT, p->n, optimizer->second);
    add(arrays, &count, "held", REBIAS_HDF5_DOUBLE, p->n, p->held);
    add(arrays, &count, "waiting", REBIAS_HDF5_FLOAT, p->options->update_delay * p->n,
        p->waiting);
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS; l++) {
        for (int a = 0; a < 2; a++) {
            char name[32];
            snprintf(name, sizeof name, "crossbar_%zu_%d", l, a);
            add(arrays, &count, name, REBIAS_HDF5_FLOAT,
                p->crossbar[l] != NULL ? rebias_crossbar_size(p->crossbar[l]) : 0,
                conductances[l][a]);
        }
    }
    return count;
}

static void free_conductances(float *(*conductances)[2])
{
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS; l++) {
        free(conductances[l][0]);
        free(conductances[l][1]);
    }
}

/* Copies of the crossbars' conductances, NULL where there is no array. */
static int copy_conductances(const struct mgd_parameters *p, float *(*conductances)[2],
                             struct rebias_error *err)
{
    int status = REBIAS_OK;
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS && status == REBIAS_OK; l++) {
        for (int a = 0; a < 2 && status == REBIAS_OK && p->crossbar[l] != NULL; a++) {
            const float *G = rebias_crossbar_conductances(p->crossbar[l], a);
            const size_t n = rebias_crossbar_size(p->crossbar[l]);
            if (G != NULL) {
                status = rebias_alloc(&conductances[l][a], n, sizeof(float), err);
            }
            if (G != NULL && status == REBIAS_OK) {
                memcpy(conductances[l][a], G, n * sizeof(float));
            }
        }
    }
    return status;
}

static void looks_to_numbers(const struct mgd_state *s, double *number)
{
    for (size_t i = 0; i < s->look_count; i++) {
        const struct rebias_mgd_look *look = &s->looks[i];
        const double row[LOOK_NUMBERS] = {(double)look->step,    (double)look->evaluations,
                                          (double)look->updates, (double)look->pulses,
                                          look->train_cost,      look->cost,
                                          look->accuracy};
        memcpy(number + i * LOOK_NUMBERS, row, sizeof row);
    }
}

static void numbers_to_looks(const double *number, struct mgd_state *s)
{
    for (size_t i = 0; i < s->look_count; i++) {
        const double *row = number + i * LOOK_NUMBERS;
        s->looks[i] = (struct rebias_mgd_look){(uint64_t)row[0],
                                               (uint64_t)row[1],
                                               (uint64_t)row[2],
                                               (uint64_t)row[3],
                                               row[4],
                                               row[5],
                                               row[6]};
    }
}

/* -- 3. saving -- */

static int write_looks(struct rebias_hdf5 *file, const struct mgd_state *state,
                       struct rebias_error *err)
{
    double *number = NULL;
    if (state->look_count == 0) {
        return REBIAS_OK;
    }
    int status = rebias_alloc(&number, state->look_count * LOOK_NUMBERS, sizeof *number, err);
    if (status == REBIAS_OK) {
        const struct rebias_hdf5_array array = {
            REBIAS_HDF5_DOUBLE, 2, {state->look_count, LOOK_NUMBERS}, number};
        looks_to_numbers(state, number);
        status = rebias_hdf5_write(file, "/looks", &array, err);
    }
    free(number);
    return status;
}

static int write_all(struct rebias_hdf5 *file, const struct rebias_mgd_checkpoint *checkpoint,
                     const struct mgd_state *state, size_t count, const struct named *arrays,
                     struct rebias_error *err)
{
    double number[NUMBERS];
    numbers_of(state, number);
    int status = rebias_hdf5_write_text(file, "/", "format", FORMAT, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_write_number(file, "/", "format_version", VERSION, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_hdf5_write_text(file, "/", "label", checkpoint->label, err);
    }
    for (size_t i = 0; i < NUMBERS && status == REBIAS_OK; i++) {
        status = rebias_hdf5_write_number(file, "/", number_names[i], number[i], err);
    }
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = rebias_hdf5_write(file, arrays[i].name, &arrays[i].array, err);
    }
    return status == REBIAS_OK ? write_looks(file, state, err) : status;
}

int rebias_mgd_checkpoint_save(const struct rebias_mgd_checkpoint *checkpoint,
                               const struct mgd_state *state,
                               const struct mgd_parameters *parameters,
                               const struct mgd_optimizer *optimizer, struct rebias_error *err)
{
    struct named arrays[MOST_ARRAYS];
    float *conductances[REBIAS_MODEL_LAYERS][2] = {{NULL}};
    struct rebias_hdf5 *file = NULL;
    int status = copy_conductances(parameters, conductances, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_create(&file, checkpoint->path, err);
    }
    if (status == REBIAS_OK) {
        const size_t count = list_arrays(parameters, optimizer, conductances, arrays);
        status = write_all(file, checkpoint, state, count, arrays, err);
        if (status == REBIAS_OK) {
            status = rebias_hdf5_close(file, err);
        } else {
            rebias_hdf5_discard(file);
        }
    }
    free_conductances(conductances);
    return status;
}

/* -- 4. loading -- */

static int check_text(const struct rebias_hdf5 *file, const char *path, const char *name,
                      const char *expected, const char *complaint, struct rebias_error *err)
{
    char *text = NULL;
    int status = rebias_hdf5_read_text(file, "/", name, &text, err);
    if (status == REBIAS_OK && strcmp(text, expected) != 0) {
        const struct rebias_place place = {.file = path, .value = text};
        status = rebias_fail_at(err, REBIAS_E_DATA, &place, expected, "%s", complaint);
    }
    free(text);
    return status;
}

static int check_version(const struct rebias_hdf5 *file, const char *path,
                         struct rebias_error *err)
{
    double version = 0.0;
    int status = rebias_hdf5_read_number(file, "/", "format_version", &version, err);
    if (status == REBIAS_OK && !(version >= VERSION && version <= VERSION)) {
        const struct rebias_place place = {.file = path, .value = "format_version"};
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "1",
                                "a checkpoint of format_version %g", version);
    }
    return status;
}

static int read_looks(const struct rebias_hdf5 *file, struct mgd_state *state,
                      struct rebias_error *err)
{
    size_t shape[2] = {0, 0};
    double *number = NULL;
    if (!rebias_hdf5_exists(file, "/looks")) {
        return REBIAS_OK;
    }
    int status = rebias_hdf5_shape(file, "/looks", 2, shape, err);
    const struct rebias_hdf5_array wanted = {
        REBIAS_HDF5_DOUBLE, 2, {shape[0], LOOK_NUMBERS}, NULL};
    struct rebias_hdf5_array array = wanted;
    if (status == REBIAS_OK) {
        status = rebias_alloc(&number, shape[0] * LOOK_NUMBERS, sizeof *number, err);
    }
    if (status == REBIAS_OK) {
        array.data = number;
        status = rebias_hdf5_read(file, "/looks", &array, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&state->looks, shape[0], sizeof *state->looks, err);
    }
    if (status == REBIAS_OK) {
        state->look_count = state->look_capacity = shape[0];
        numbers_to_looks(number, state);
    }
    free(number);
    return status;
}

static int read_numbers(const struct rebias_hdf5 *file, const char *path,
                        struct mgd_state *state, struct rebias_error *err)
{
    double number[NUMBERS] = {0.0};
    int status = REBIAS_OK;
    for (size_t i = 0; i < NUMBERS && status == REBIAS_OK; i++) {
        status = rebias_hdf5_read_number(file, "/", number_names[i], &number[i], err);
        bool counter = i < 5 || i == 8;
        bool whole = number[i] >= 0.0 && number[i] < 0x1p53 && trunc(number[i]) >= number[i];
        if (status == REBIAS_OK && counter && !whole) {
            const struct rebias_place place = {.file = path, .value = number_names[i]};
            status = rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a whole number >= 0",
                                    "a counter of the checkpoint is not valid");
        }
    }
    if (status == REBIAS_OK) {
        set_numbers(state, number);
    }
    return status;
}

static int read_all(const struct rebias_hdf5 *file,
                    const struct rebias_mgd_checkpoint *checkpoint, struct mgd_state *state,
                    size_t count, const struct named *arrays, struct rebias_error *err)
{
    int status = check_text(file, checkpoint->path, "format", FORMAT,
                            "not a checkpoint of MGD training", err);
    if (status == REBIAS_OK) {
        status = check_version(file, checkpoint->path, err);
    }
    if (status == REBIAS_OK) {
        status = check_text(file, checkpoint->path, "label", checkpoint->label,
                            "the checkpoint belongs to another run", err);
    }
    if (status == REBIAS_OK) {
        status = read_numbers(file, checkpoint->path, state, err);
    }
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = rebias_hdf5_read(file, arrays[i].name, &arrays[i].array, err);
    }
    return status == REBIAS_OK ? read_looks(file, state, err) : status;
}

int rebias_mgd_checkpoint_load(const struct rebias_mgd_checkpoint *checkpoint,
                               struct mgd_state *state, struct mgd_parameters *parameters,
                               struct mgd_optimizer *optimizer, bool *found,
                               struct rebias_error *err)
{
    struct named arrays[MOST_ARRAYS];
    float *conductances[REBIAS_MODEL_LAYERS][2] = {{NULL}};
    struct rebias_hdf5 *file = NULL;
    *found = access(checkpoint->path, F_OK) == 0;
    if (!*found) {
        return REBIAS_OK;
    }
    int status = copy_conductances(parameters, conductances, err);
    if (status == REBIAS_OK) {
        status = rebias_hdf5_open(&file, checkpoint->path, err);
    }
    if (status == REBIAS_OK) {
        const size_t count = list_arrays(parameters, optimizer, conductances, arrays);
        status = read_all(file, checkpoint, state, count, arrays, err);
    }
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS && status == REBIAS_OK; l++) {
        if (parameters->crossbar[l] != NULL) {
            status = rebias_crossbar_restore(parameters->crossbar[l],
                                             (const float *const *)conductances[l], err);
        }
    }
    rebias_hdf5_discard(file);
    free_conductances(conductances);
    return status;
}
