/* version.c - the version that configure knows. */
#include "config.h"
#include "rebias/base.h"

const char *rebias_version(void)
{
    return PACKAGE_VERSION;
}
