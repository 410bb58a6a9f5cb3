/* mgd_rows.h - option rows of multiplexed gradient descent, for the commands that take them. */
#ifndef REBIAS_CLI_MGD_ROWS_H
#define REBIAS_CLI_MGD_ROWS_H

#include "options.h"

/* clang-format off */

/* By which network. */
#define MGD_NETWORK_ROW \
    {"network", 0, OPTION_TEXT, "TEXT", NULL, 0, 0, \
     "instead of --layers: fmnist-cnn, cifar-cnn, scaling:D, or layers as in " \
     "1x28x28,conv3:16,pool2,10"}

/* What is learned, and from where. */
#define MGD_DATA_ROWS \
    {"task", 0, OPTION_TEXT, "NAME", NULL, 0, 0, \
     "generated data instead of images: xor, parity:N (2 to 16 bits), nist7x7"}, \
    {"cost", 0, OPTION_CHOICE, "cross-entropy|squared", NULL, 0, 0, \
     "of softmax outputs, or of sigmoid outputs (default: images cross-entropy, tasks squared)"}, \
    {"smoothing", 0, OPTION_NUMBER, "E", "0", 0, 0.99, "of labels, cross-entropy"}, \
    {"initial", 0, OPTION_TEXT, "WORD", NULL, 0, 0, \
     "parameters: uniform:LOW,HIGH, glorot or lecun (default: images glorot, tasks " \
     "uniform:-0.5,0.5)"}

/* What one measurement of the cost is. */
#define MGD_METHOD_ROW \
    {"method", 0, OPTION_CHOICE, "weight|node", "weight", 0, 0, "what is perturbed"}

#define MGD_PERTURBATION_ROWS \
    {"scope", 0, OPTION_CHOICE, "all|layers", NULL, 0, 0, \
     "at once, or layer by layer (default: weight all; node layers, for at once it can diverge)"}, \
    {"perturbation", 0, OPTION_CHOICE, "sine|sequential|random|walsh|gaussian", "random", 0, 0, \
     "kind of patterns"}, \
    {"amplitude", 0, OPTION_NUMBER, "A", "0.1", 1e-9, 1e6, \
     "norm of a pattern over all that it perturbs"}, \
    {"sparsity", 0, OPTION_NUMBER, "S", "1", 1, 1e6, \
     "random patterns: one entry in S is not 0"}, \
    {"frequencies", 0, OPTION_TEXT, "LOW,HIGH", "0,0.5", 0, 0, \
     "sine patterns: cycles a pattern, 0 to 0.5"}, \
    {"two-sided", 0, OPTION_FLAG, NULL, NULL, 0, 0, \
     "costs of +pattern and -pattern, not of +pattern and none"}, \
    {"clip", 0, OPTION_NUMBER, "C", "0", 0, 1e12, "largest cost difference used (0: any)"}, \
    {"cost-noise", 0, OPTION_NUMBER, "SD", "0", 0, 1e9, "added to every measured cost"}, \
    {"noisy-baseline", 0, OPTION_FLAG, NULL, NULL, 0, 0, \
     "also to the cost without a pattern (--cost-noise)"}, \
    {"defects", 0, OPTION_NUMBER, "SD", "0", 0, 10, \
     "of each neuron's slope, height and shifts"}, \
    {"read-noise", 0, OPTION_NUMBER, "SD", "0", 0, 1000, \
     "of a weight at every evaluation: of the weight range on devices, else absolute"}, \
    {"adc-bits", 0, OPTION_INTEGER, "N", "0", 0, 24, \
     "pre-activations are read with so many bits (0: exactly)"}, \
    {"adc-range", 0, OPTION_NUMBER, "Z", "8", 1e-9, 1e9, "the reading is cut to [-Z, Z]"}, \
    {"offset", 0, OPTION_CHOICE, "weight|conductance", "weight", 0, 0, \
     "patterns on devices: on the weight, or on the conductances, which end at Gmin and Gmax"}, \
    {"dt", 0, OPTION_NUMBER, "T", "1", 1e-12, 1e12, \
     "time of a step, in the unit of the taus"}, \
    {"tau-p", 0, OPTION_NUMBER, "T", NULL, 1e-12, 1e15, "time of a pattern (default: a step)"}, \
    {"tau-x", 0, OPTION_NUMBER, "T", NULL, 1e-12, 1e15, \
     "time of a sample or batch (default: tau-p)"}

/* What is done with the measurements. */
#define MGD_UPDATE_ROWS \
    {"tau-theta", 0, OPTION_NUMBER, "T", NULL, 1e-12, 1e15, \
     "time between updates (default: tau-p)"}, \
    {"patterns", 0, OPTION_INTEGER, "K", NULL, 1, 1e9, \
     "short for tau-x = tau-theta = K tau-p"}, \
    {"analog", 0, OPTION_FLAG, NULL, NULL, 0, 0, \
     "continuous form: the cost high-passed (tau-hp), the gradient low-passed (tau-theta)"}, \
    {"tau-hp", 0, OPTION_NUMBER, "T", "1.6", 1e-12, 1e15, "of the high-pass (--analog)"}, \
    {"eta", 0, OPTION_NUMBER, "R", NULL, 1e-12, 1e12, \
     "learning rate (default: plain 0.1, momentum 0.1 (1 - momentum), adam 0.001)"}, \
    {"eta-form", 0, OPTION_CHOICE, "vector|parameter|norm", NULL, 0, 0, \
     "step R tau-theta/P G, R tau-theta G, or of norm R |gradient| (default norm; --analog " \
     "vector)"}, \
    {"optimizer", 0, OPTION_CHOICE, "plain|momentum|adam", "plain", 0, 0, "of the updates"}, \
    {"momentum", 0, OPTION_NUMBER, "M", "0.9", 0, 0.999999, "share of the last step that is kept (--optimizer momentum)"}, \
    {"weight-decay", 0, OPTION_NUMBER, "F", "0", 0, 1e9, \
     "each update takes R F of every parameter"}, \
    {"max-norm", 0, OPTION_NUMBER, "N", "0", 0, 1e9, \
     "largest norm of a neuron's weights, software (0: any)"}, \
    {"update-noise", 0, OPTION_NUMBER, "SD", "0", 0, 1e9, \
     "added to every parameter at every update, software"}, \
    {"shared-update-noise", 0, OPTION_FLAG, NULL, NULL, 0, 0, \
     "the same number for all of them (--update-noise)"}, \
    {"update-delay", 0, OPTION_INTEGER, "N", "0", 0, 1000, \
     "updates between working a step out and taking it (--analog: steps)"}, \
    {"update-quantum", 0, OPTION_NUMBER, "Q", "0", 0, 1e9, \
     "parameters change by whole multiples of Q alone, software (0: by anything)"}, \
    {"write", 0, OPTION_CHOICE, "stochastic|accumulate", "accumulate", 0, 0, \
     "pulses on devices, quanta in software: every update rounded at random, or changes kept until " \
     "they make one"}

/* How long, what is noted, and where. */
#define MGD_LENGTH_ROWS \
    {"steps", 0, OPTION_INTEGER, "N", NULL, 1, 4294967295, "steps of time dt (default 10000)"}, \
    {"updates", 0, OPTION_INTEGER, "N", NULL, 1, 4294967295, "the same as a number of updates"}

#define MGD_RUN_ROWS \
    MGD_LENGTH_ROWS, \
    {"max-steps", 0, OPTION_INTEGER, "N", NULL, 1, 4294967295, "the same, with a target"}, \
    {"target-cost", 0, OPTION_NUMBER, "C", "0", 0, 1e12, \
     "stop when the mean cost of the test data is below it (0: never)"}, \
    {"target-accuracy", 0, OPTION_NUMBER, "F", "0", 0, 1, \
     "stop when the accuracy on the test data reaches it (0: never)"}, \
    {"looks", 0, OPTION_INTEGER, "N", "20", 1, 1e6, \
     "rows of the table; with a target: steps that are 2 % apart"}, \
    {"seeds", 0, OPTION_INTEGER, "K", NULL, 1, 1e6, \
     "replicates 0 to K - 1, in parallel; one row each (also --ternary, all in one file)"}, \
    {"checkpoint", 0, OPTION_TEXT, "FILE", NULL, 0, 0, \
     "write the state here, also when interrupted; continue when it exists"}, \
    {"every", 0, OPTION_INTEGER, "N", NULL, 1, 4294967295, \
     "updates between checkpoints (default: a 20th of all)"}, \
    {"figure", 0, OPTION_TEXT, "FILE", NULL, 0, 0, \
     "draw cost and accuracy against steps and hardware time (.png, .svg or .pdf)"}

#define MGD_HARDWARE_ROW \
    {"hardware", 0, OPTION_TEXT, "ROW", NULL, 0, 0, \
     "NAME:TAU_P,TAU_X,TAU_UPDATE (s): your own beside the published ones"}

/* clang-format on */

#endif
