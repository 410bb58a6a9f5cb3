/* compare_support.h - what the tests of comparisons share. */
#ifndef REBIAS_TESTS_COMPARE_SUPPORT_H
#define REBIAS_TESTS_COMPARE_SUPPORT_H

#include "support.h"

#include "rebias/compare.h"

/* Points drawn from a device, `points` of each polarity, uncensored. */
static inline struct rebias_pulses *draw(const char *spec, size_t points, uint32_t replicate)
{
    struct rebias_error err = {0};
    struct rebias_device *device = support_device(spec);
    struct rebias_synth_options synth = rebias_synth_options_defaults();
    struct rebias_pulses *pulses = NULL;
    synth.points = points;
    synth.replicate = replicate;
    support_expect(rebias_pulses_synthesize(&pulses, device, &synth, &err), REBIAS_OK, &err,
                   NULL);
    rebias_device_free(device);
    return pulses;
}

/* Small and quick; changed by the tests. */
static inline struct rebias_comparison_options few(void)
{
    struct rebias_comparison_options options = rebias_comparison_options_defaults();
    options.resamples = 50;
    options.permutations = 20;
    return options;
}

static inline struct rebias_comparison *compare(const struct rebias_operand *model,
                                                const struct rebias_operand *target,
                                                const struct rebias_comparison_options *options)
{
    struct rebias_error err = {0};
    struct rebias_comparison *found = NULL;
    support_expect(rebias_comparison_new(&found, model, target, options, NULL, NULL, &err),
                   REBIAS_OK, &err, NULL);
    return found;
}

#endif
