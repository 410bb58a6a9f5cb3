#!/bin/sh
# estimators.sh - how far fitted tables are from the truth on the 36 normal devices: one Markdown table on stdout.
# usage: doc/studies/estimators.sh [-n POINTS] [-r REPLICATES] [-m METHODS] [-t TARGETS] [-s SEED] [-j THREADS]
#
# W1: Wasserstein-1 distance to the truth, averaged over 100 conductances, SET and RESET, replicates and devices, in
# units of the devices' `scale` (1 uS: profiles of mean and sd are fractions of it, devmodel/synth.c).
# oracle: every device with the best of the given numbers of bins; best common: one number of bins for all devices.
# The program is $REBIAS (default build/rebias).
set -eu

points=100,300,1000,3000
replicates=20
methods=binning:5,binning:6,binning:10,binning:20,binning:50,binopt,polynomial,kriging,kde,quantile,auto
targets='synth:*-*'
scale=1e-6
usage="usage: $0 [-n POINTS] [-r REPLICATES] [-m METHODS] [-t TARGETS] [-s SEED] [-j THREADS]"
allowed=n:r:m:t:s:j:
# shellcheck source=doc/studies/options.sh
. "$(dirname "$0")/options.sh"

"${REBIAS:-build/rebias}" bias --network none --target "$targets" --method "$methods" --points "$points" \
    --replicates "$replicates" --seed "$seed" ${threads:+--threads "$threads"} --format csv >"$work/summary.csv"

awk -F, -v scale="$scale" '
    function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
    /^#/ { next }
    !columns {
        columns = NF
        for (i = 1; i <= NF; i++) at[$i] = i
        next
    }
    $1 == "all" {
        n = $at["points"]
        method = $at["method"]
        w1 = $at["W1_S"]
        if (!(n in seen)) {
            seen[n] = 1
            sizes[++size_count] = n
        }
        if (!(method in known)) {
            known[method] = 1
            names[++name_count] = method
        }
        W1[n, method] = w1
        failed[n, method] = $at["failed"]
        if (method ~ /^binning:/ && w1 != "" && (!(n in best) || w1 + 0 < best[n])) best[n] = w1 + 0
    }
    END {
        if (!size_count) {
            print "no means over targets: give at least two" >"/dev/stderr"
            exit 1
        }
        print "| points | method | W1 / scale | / oracle | / 20 bins | / best common | failed fits |"
        print "|---:|---|---:|---:|---:|---:|---:|"
        for (i = 1; i <= size_count; i++) {
            n = sizes[i]
            for (j = 1; j <= name_count; j++) {
                method = names[j]
                w1 = W1[n, method]
                printf "| %s | %s | %s | %s | %s | %s | %s |\n", n, method, w1 == "" ? "-" : sprintf("%.4f", w1 / scale),
                    ratio(w1, W1[n, "oracle(binning)"]), ratio(w1, W1[n, "binning:20"]), ratio(w1, best[n]),
                    failed[n, method]
            }
        }
    }' "$work/summary.csv"
