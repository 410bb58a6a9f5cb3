#!/bin/sh
# bias.sh - the modeling bias of networks trained on fitted tables: one Markdown table on stdout.
# usage: doc/studies/bias.sh [-n POINTS] [-r REPLICATES] [-m METHODS] [-t TARGETS] [-i IMAGES] [-s SEED] [-j THREADS] [-o DIR]
#
# accuracy and bias in percentage points, bias with its 95 % interval over replicates; sd: of one model's bias; over,
# under: replicates more than the target's own sd above or below. -o keeps runs.csv, metrics.csv and correlation.csv in
# DIR. What predicts the bias best is said on stderr. The program is $REBIAS (default build/rebias).
set -eu

points=100,300,1000,3000
replicates=30
methods=binning:10,binning:20,binopt,polynomial,kriging,kde,quantile,auto
targets=synthetic-lc,tiox-1.5V
usage="usage: $0 [-n POINTS] [-r REPLICATES] [-m METHODS] [-t TARGETS] [-i IMAGES] [-s SEED] [-j THREADS] [-o DIR]"
allowed=n:r:m:t:i:s:j:o:
# shellcheck source=doc/studies/options.sh
. "$(dirname "$0")/options.sh"
[ -z "$folder" ] || mkdir -p "$folder"
keep=${folder:-$work}

"${REBIAS:-build/rebias}" bias --target "$targets" --method "$methods" --points "$points" --replicates "$replicates" \
    --images "$images" --seed "$seed" ${threads:+--threads "$threads"} -o "$keep/runs.csv" \
    --metrics "$keep/metrics.csv" --correlation "$keep/correlation.csv" --format csv >"$work/summary.csv"

awk -F, -v single="$targets" '
    function percent(x) { return x == "" ? "-" : sprintf("%.2f", 100 * x) }
    function signed(x) { return x == "" ? "-" : sprintf("%+.2f", 100 * x) }
    /^#/ { next }
    !columns {
        columns = NF
        for (i = 1; i <= NF; i++) at[$i] = i
        print "| target | points | method | accuracy | bias | interval | sd | over | under | failed fits |"
        print "|---|---:|---|---:|---:|---|---:|---:|---:|---:|"
        next
    }
    {
        target = "target" in at ? $at["target"] : single
        if ($at["method"] == "target") {
            printf "| %s | | target | %s | | | | | | |\n", target, percent($at["accuracy"])
        } else {
            printf "| %s | %s | %s | %s | %s | %s to %s | %s | %s | %s | %s |\n", target, $at["points"], $at["method"],
                percent($at["accuracy"]), signed($at["bias"]), signed($at["bias_low"]), signed($at["bias_high"]),
                percent($at["bias_sd"]), $at["over"], $at["under"], $at["failed"]
        }
    }' "$work/summary.csv"
