/* fuzz_experiment.c - any bytes as an experiment: refused with a message, or keys that ascend
 * and values that can be read, one or more each.
 */
#include "fuzz_input.h"
#include "rebias/experiment.h"
#include <stdlib.h>
#include <string.h>

static void check_keys(const struct rebias_experiment *e)
{
    size_t product = 1;
    for (size_t k = 0; k < e->key_count; k++) {
        const struct rebias_experiment_key *key = &e->keys[k];
        fuzz_require(key->count > 0, "a key without values");
        fuzz_require(key->grid || key->count == 1, "a list outside of the grid");
        fuzz_require(k == 0 || strcmp(e->keys[k - 1].name, key->name) < 0,
                     "keys do not ascend");
        for (size_t v = 0; v < key->count; v++) {
            fuzz_require(key->value[v][0] != '\0', "an empty value");
            fuzz_require(strchr(key->value[v], '\n') == NULL, "a value of two lines");
        }
        product *= key->count;
    }
    fuzz_require(product == e->configurations, "configurations are miscounted");
}

static void check_configuration(const struct rebias_experiment *e, size_t number)
{
    const char **value = malloc((e->key_count + 1) * sizeof *value);
    fuzz_require(value != NULL, "out of memory");
    rebias_experiment_configuration(e, number, value);
    for (size_t k = 0; k < e->key_count; k++) {
        fuzz_require(value[k] != NULL && value[k][0] != '\0', "a configuration lacks a value");
    }
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const overrides[] = {"replicates=2", "a=1"};
    struct rebias_error err = {0};
    struct rebias_experiment *e = NULL;
    int status = rebias_experiment_load(&e, fuzz_file(data, size, ".ini"), overrides, 2, &err);
    if (status == REBIAS_OK) {
        fuzz_require(e != NULL && e->job != NULL && e->replicates == 2, "success without data");
        check_keys(e);
        check_configuration(e, 0);
        check_configuration(e, e->configurations - 1);
    } else {
        fuzz_require(e == NULL, "failure with data");
        fuzz_require(err.status == status && err.message[0] != '\0',
                     "failure without a message");
    }
    rebias_experiment_free(e);
    return 0;
}
