/* registry.c - the models and presets that have a name.
 *
 * Sources of the presets:
 *
 * ag-asi: Ag:a-Si device of MLP+NeuroSim V3.0 (Chen, Peng, Yu, IEDM 2017 and manual) with 500
 * levels, as used by XBTorch (arXiv 2601.07086): 3 to 38 nS, NL +2.4/-4.88, cycle-to-cycle
 * noise 3.5 % of the range.
 *
 * synthetic-lc: the published synthetic target `target_lc_ns_sd1.2_10000` (XBTorch,
 * libdata/tabular/synthetic): every row is a Gaussian CDF; linear mean, constant sd 1.2 nS.
 * Coefficients decoded from the table.
 *
 * tiox-*: the measured TiOx tables of the modeling-bias paper's group (Yousuf et al., IEEE
 * JETCAS 13, 382 (2023); XBTorch, libdata/tabular/experimental): every row is a Gaussian CDF
 * whose mean and sd are polynomials of G. Decoded by a probit fit of each row; the tables' own
 * cut at +-30 uS per pulse is not part of the preset.
 *
 * synth:*: our own synthetic ground truths; formulas in synth.c and synth_noise.c.
 */
#include "models.h"
#include <string.h>

const struct rebias_device_model *const rebias_device_models[] = {
    &rebias_analytical_model, &rebias_gaussian_model,    &rebias_ideal_model,
    &rebias_synth_model,      &rebias_synth_noise_model,
};
const size_t rebias_device_model_count =
    sizeof rebias_device_models / sizeof rebias_device_models[0];

const struct rebias_device_model *rebias_device_model_find(const char *name)
{
    for (size_t i = 0; i < rebias_device_model_count; i++) {
        if (strcmp(rebias_device_models[i]->name, name) == 0) {
            return rebias_device_models[i];
        }
    }
    return NULL;
}

#define SYNTH(mean, mean_number, sd, sd_number)                                                \
    {                                                                                          \
        "synth:" mean "-" sd, "synth:mean=" mean_number ",sd=" sd_number,                      \
            "synthetic ground truth: " mean " mean, " sd                                       \
            " sd, 2-102 uS, unit of the jump 1 uS"                                             \
    }

#define SYNTH_ROWS(mean, mean_number)                                                          \
    SYNTH(mean, mean_number, "constant", "0"), SYNTH(mean, mean_number, "linear", "1"),        \
        SYNTH(mean, mean_number, "quadratic", "2"),                                            \
        SYNTH(mean, mean_number, "exponential", "3"),                                          \
        SYNTH(mean, mean_number, "sigmoidal", "4"),                                            \
        SYNTH(mean, mean_number, "nonmonotone", "5")

#define SYNTH_NOISE(noise, noise_number, text)                                                 \
    {                                                                                          \
        "synth:" noise, "synth-noise:noise=" noise_number,                                     \
            "synthetic ground truth: linear mean, " text ", 2-102 uS, unit of the jump 1 uS"   \
    }

const struct rebias_preset rebias_presets[] = {
    {"ag-asi",
     "analytical:Gmin=3e-9,Gmax=38e-9,levels_set=500,levels_reset=500,nl_set=2.4,nl_reset=-4."
     "88,c2c=0.035",
     "Ag:a-Si, NeuroSim's equations with 500 levels, 3-38 nS"},
    {"synthetic-lc",
     "gaussian:Gmin=3e-9,Gmax=38e-9,set_mean0=0.173202952e-9,set_mean1=-0.003979018,"
     "reset_mean0=0.027108915e-9,reset_mean1=-0.009830111,set_sd0=1.2e-9,reset_sd0=1.2e-9",
     "published synthetic target: linear mean, constant sd 1.2 nS, 3-38 nS"},
    {"tiox-1.35V",
     "gaussian:Gmin=5e-6,Gmax=30e-6,sd_floor=1e-6,set_mean0=0.0572928e-6,set_mean1=-0.0108007,"
     "set_sd0=1.617057e-6,set_sd1=-0.0232940,reset_mean0=-0.0910756e-6,reset_mean1=0.0256098,"
     "reset_mean2=-0.00172064e6,reset_sd0=-0.7480630e-6,reset_sd1=0.1905145,reset_sd2=-0."
     "00338928e6",
     "measured TiOx at 1.35 V (published table, decoded), 5-30 uS; hardly any SET"},
    {"tiox-1.5V",
     "gaussian:Gmin=5e-6,Gmax=30e-6,sd_floor=1e-6,set_mean0=3.8732531e-6,set_mean1=-0.1531055,"
     "set_sd0=5.9186995e-6,set_sd1=-0.1913547,reset_mean0=0.3700517e-6,reset_mean1=0.0242816,"
     "reset_mean2=-0.00581577e6,reset_sd0=-0.9371217e-6,reset_sd1=0.1932264,reset_sd2=-0."
     "00050483e6",
     "measured TiOx at 1.5 V (published table, decoded), 5-30 uS"},
    {"tiox-1.8V",
     "gaussian:Gmin=5e-6,Gmax=30e-6,sd_floor=1e-6,set_mean0=17.5803307e-6,set_mean1=-0.6901419,"
     "set_sd0=9.00258e-6,set_sd1=-0.242262,reset_mean0=1.0998756e-6,reset_mean1=-0.0743472,"
     "reset_mean2=-0.0140782e6,reset_sd0=-0.6422860e-6,reset_sd1=0.2847182,reset_sd2=-0."
     "00167553e6",
     "measured TiOx at 1.8 V (published table, decoded), 5-30 uS; one SET pulse moves half the "
     "range"},
    SYNTH_ROWS("constant", "0"),
    SYNTH_ROWS("linear", "1"),
    SYNTH_ROWS("quadratic", "2"),
    SYNTH_ROWS("exponential", "3"),
    SYNTH_ROWS("sigmoidal", "4"),
    SYNTH_ROWS("nonmonotone", "5"),
    SYNTH_NOISE("skewed", "0", "lognormal noise of skewness 1.75"),
    SYNTH_NOISE("bimodal", "1", "noise with two peaks"),
    SYNTH_NOISE("heavy", "2", "noise with heavy tails, kurtosis 14.8"),
    SYNTH_NOISE("stuck", "3", "normal noise, every fifth pulse without effect"),
};
const size_t rebias_preset_count = sizeof rebias_presets / sizeof rebias_presets[0];
