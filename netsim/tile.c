/* tile.c - how a layer that no kernel holds is cut. */
#include "tile.h"

struct rebias_tiling rebias_tiling_for(size_t inputs, size_t outputs,
                                       const struct rebias_chip *chip)
{
    struct rebias_tiling tiling = {inputs, outputs, 1, 1};
    if (chip != NULL) {
        tiling.across = (inputs + chip->columns - 1) / chip->columns;
        tiling.down = (outputs + chip->rows - 1) / chip->rows;
    }
    return tiling;
}

size_t rebias_tiling_count(const struct rebias_tiling *tiling)
{
    return tiling->across * tiling->down;
}

struct rebias_tile rebias_tiling_tile(const struct rebias_tiling *tiling, size_t t)
{
    const size_t a = t % tiling->across;
    const size_t d = t / tiling->across;
    const size_t input = a * tiling->inputs / tiling->across;
    const size_t output = d * tiling->outputs / tiling->down;
    return (struct rebias_tile){
        .input = input,
        .inputs = (a + 1) * tiling->inputs / tiling->across - input,
        .output = output,
        .outputs = (d + 1) * tiling->outputs / tiling->down - output,
    };
}
