/* fuzz_table_crosssim.c - any bytes as the two files of a CrossSim table: refused with a
 * message, or a table that holds its promises.
 */
#include "fuzz_input.h"
#include "fuzz_parts.h"
#include "rebias/table.h"

/* The axis spans exactly the jumps of the file, so every row ends at 1. */
static void check_ends(const struct rebias_table_side *side)
{
    for (size_t i = 0; i < side->G_count; i++) {
        double end = side->cdf[(i + 1) * side->dG_count - 1];
        fuzz_require(end == 1.0, "a row does not end at 1");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const suffixes[] = {"_dG_increasing.txt", "_dG_decreasing.txt"};
    char prefix[1024];
    fuzz_parts(data, size, suffixes, sizeof suffixes / sizeof suffixes[0], prefix);
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    int status = rebias_table_load_crosssim(&table, prefix, &err);
    fuzz_require((status == REBIAS_OK) == (table != NULL), "status and data disagree");
    fuzz_require(status == REBIAS_OK || (err.status == status && err.message[0] != '\0'),
                 "failure without a message");
    if (table != NULL) {
        fuzz_require(rebias_table_validate(table, NULL, &err) == REBIAS_OK,
                     "loaded table is not valid");
        check_ends(&table->side[0]);
        check_ends(&table->side[1]);
    }
    rebias_table_free(table);
    return 0;
}
