#!/bin/sh
# nongaussian.sh - how far fitted tables are from truths that are not normal: one Markdown table on stdout.
# usage: doc/studies/nongaussian.sh [-n POINTS] [-r REPLICATES] [-m METHODS] [-s SEED] [-j THREADS]
#
# Columns: Wasserstein-1 distance to the truth, averaged over 100 conductances, SET and RESET and replicates, in units
# of the devices' `scale` (1 uS, devmodel/synth_noise.c). The program is $REBIAS (default build/rebias).
set -eu

points=300,1000,3000
replicates=20
methods=binning:10,binning:20,binning:50,binning:10:empirical,binning:20:empirical,binopt,polynomial,kriging,kde,quantile,auto
targets=synth:skewed,synth:bimodal,synth:heavy,synth:stuck
scale=1e-6
usage="usage: $0 [-n POINTS] [-r REPLICATES] [-m METHODS] [-s SEED] [-j THREADS]"
allowed=n:r:m:s:j:
# shellcheck source=doc/studies/options.sh
. "$(dirname "$0")/options.sh"

"${REBIAS:-build/rebias}" bias --network none --target "$targets" --method "$methods" --points "$points" \
    --replicates "$replicates" --seed "$seed" ${threads:+--threads "$threads"} --format csv >"$work/summary.csv"

awk -F, -v scale="$scale" '
    function list(value, values, known) {
        if (!(value in known)) {
            known[value] = 1
            values[++values[0]] = value
        }
    }
    /^#/ { next }
    !columns {
        columns = NF
        for (i = 1; i <= NF; i++) at[$i] = i
        next
    }
    $1 != "all" {
        list($1, targets, known_targets)
        list($at["points"], sizes, known_sizes)
        list($at["method"], names, known_names)
        W1[$1, $at["points"], $at["method"]] = $at["W1_S"]
    }
    END {
        printf "| points | method |"
        for (k = 1; k <= targets[0]; k++) printf " %s |", targets[k]
        printf "\n|---:|---|"
        for (k = 1; k <= targets[0]; k++) printf "---:|"
        print ""
        for (i = 1; i <= sizes[0]; i++) {
            for (j = 1; j <= names[0]; j++) {
                printf "| %s | %s |", sizes[i], names[j]
                for (k = 1; k <= targets[0]; k++) {
                    w1 = W1[targets[k], sizes[i], names[j]]
                    printf " %s |", w1 == "" ? "-" : sprintf("%.4f", w1 / scale)
                }
                print ""
            }
        }
    }' "$work/summary.csv"
