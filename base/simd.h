/* simd.h - one definition for hot loops: compiled for several instruction sets, chosen when the
 * program starts.
 *
 * Every version gives the same bits: the library is built without floating-point contraction,
 * and the loops use only operations that IEEE 754 defines exactly. Only for static functions:
 * clang gives versions of external ones a name that other files do not find. Their names must
 * differ all over the library: clang's dispatchers are global.
 */
#ifndef REBIAS_BASE_SIMD_H
#define REBIAS_BASE_SIMD_H

#include "config.h"

#ifdef HAVE_TARGET_CLONES
#define REBIAS_SIMD __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define REBIAS_SIMD
#endif

#endif
