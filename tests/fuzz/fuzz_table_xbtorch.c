/* fuzz_table_xbtorch.c - any bytes as the six files of an XBTorch table: refused with a
 * message, or a table that holds its promises.
 */
#include "fuzz_input.h"
#include "fuzz_parts.h"
#include "rebias/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const suffixes[] = {
        "_set_axis_level_G.txt",   "_set_axis_level_dG.txt",   "_set_cdf.txt",
        "_reset_axis_level_G.txt", "_reset_axis_level_dG.txt", "_reset_cdf.txt",
    };
    char prefix[1024];
    fuzz_parts(data, size, suffixes, sizeof suffixes / sizeof suffixes[0], prefix);
    struct rebias_error err = {0};
    struct rebias_table *table = NULL;
    int status = rebias_table_load_xbtorch(&table, prefix, &err);
    fuzz_require((status == REBIAS_OK) == (table != NULL), "status and data disagree");
    fuzz_require(status == REBIAS_OK || (err.status == status && err.message[0] != '\0'),
                 "failure without a message");
    if (table != NULL) {
        fuzz_require(rebias_table_validate(table, NULL, &err) == REBIAS_OK,
                     "loaded table is not valid");
    }
    rebias_table_free(table);
    return 0;
}
