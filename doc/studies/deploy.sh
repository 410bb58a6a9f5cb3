#!/bin/sh
# deploy.sh - trained networks on defective crossbars: Markdown tables on stdout.
# usage: doc/studies/deploy.sh [-j THREADS] [-s SHARED_DATA] [-o DIR] [SECTION...]
#
# Sections: continual (two yin-yang tasks with and without elastic weight consolidation), chip (the ternary yin-yang
# network on the published chip's stuck devices, else on a synthesised chip), grid (ternary MNIST networks: layer ensemble
# averaging, committee machines, mapping with redundancy), tuned (the same networks fine-tuned on their chip). Without names
# all are run. MNIST is looked for in SHARED_DATA/mnist. -o keeps networks, CSV files and figures in DIR. The program is $REBIAS (default build/rebias).
set -eu

rebias=${REBIAS:-build/rebias}
threads=2
shared=../shared/data
folder=
while getopts j:s:o: option; do
    case $option in
        j) threads=$OPTARG ;;
        s) shared=$OPTARG ;;
        o) folder=$OPTARG ;;
        *)
            echo "usage: $0 [-j THREADS] [-s SHARED_DATA] [-o DIR] [SECTION...]" >&2
            exit 2
            ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- continual chip grid tuned
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
keep=${folder:-$work}
mkdir -p "$keep"

run() { "$rebias" "$@" --quiet --seed 1 --threads "$threads" --format csv; }

continual() {
    echo '| lambda | networks | task 1 after task 1, % | task 1 at the end | task 2 at the end | mean |'
    echo '|---:|---:|---:|---:|---:|---:|'
    for lambda in 0 4; do
        run continual --task yinyang --layers 4,12,6,3 --ewc $lambda --seeds 20 -o "$keep/yinyang-$lambda.h5" >"$work/continual.csv"
        awk -F, -v l=$lambda '
            function show(k) { m = s[k] / n; return sprintf("%.1f +- %.1f", m, sqrt((q[k] - n * m * m) / (n - 1))) }
            /^#/ || /^network/ { next }
            { n++; for (k = 2; k <= 6; k++) { x = 100 * $k; s[k] += x; q[k] += x * x } }
            END { printf "| %s | %d | %s | %s | %s | %s |\n", l, n, show(2), show(4), show(5), show(6) }' "$work/continual.csv"
    done
}

chip() {
    [ -f "$keep/yinyang-4.h5" ] || continual >/dev/null
    run network quantise "$keep/yinyang-4.h5" --ternary kl --task yinyang -o "$keep/yinyang-ternary.h5" >/dev/null
    if [ -d "$shared/daffodil/maps_a4b4/greedy_simple" ]; then
        run chip import "$shared"/daffodil/maps_a4b4/greedy_simple/k*.txt -o "$keep/chip.h5" >/dev/null
    else
        echo "(no published maps in $shared: a synthesised chip)"
        run chip synth --kernels 14 --rows 25 --columns 25 --stuck-high 0.025 --stuck-low 0.05 -o "$keep/chip.h5" >/dev/null
    fi
    echo '| placement | errors | alpha = beta | devices | accuracy % [95 % interval] | mapping error % | software % |'
    echo '|---|---|---:|---:|---:|---:|---:|'
    for placement in greedy blind; do
        for errors in window chain; do
            set -- --write-error uniform:16.67e-6
            [ $errors = window ] || set -- "$@" --gain 0.973,0.043 --offset=-11.8e-6,2.7e-6 --readout-noise 9.6e-6
            run deploy "$keep/yinyang-ternary.h5" --chip "$keep/chip.h5" --task yinyang --alpha 1,2,3,4 --encoding simple \
                --placement $placement --replicates 100 "$@" >"$work/chip.csv"
            awk -F, -v placement=$placement -v errors=$errors '
                /^#/ || /^method/ { next }
                { printf "| %s | %s | %d | %d | %.1f [%.1f, %.1f] | %.1f | %.1f |\n", placement, errors, $2, $5, 100 * $6, 100 * $8,
                    100 * $9, $10, 100 * $12 }' "$work/chip.csv"
        done
    done
}

# Fails where there is no MNIST; else the ternary networks are there afterwards.
mnist_networks() {
    [ -d "$shared/mnist" ] || {
        echo "(left out: no MNIST in $shared)"
        return 1
    }
    [ -f "$keep/mnist-ternary.h5" ] || run train --trainer software --ternary --images mnist --data "$shared/mnist" \
        --layers 784,150,10 --activation relu --epochs 10 --seeds 6 -o "$keep/mnist-ternary.h5" >/dev/null
}

grid() {
    mnist_networks || return 0
    run deploy "$keep/mnist-ternary.h5" --images mnist --data "$shared/mnist" --method lea,cm,mao --alpha 1,2,3,4,5,6 \
        --stuck 0,0.05,0.1,0.2,0.4,0.5 --write-error gaussian:16.66e-6 --read-noise uniform:10e-6 --replicates 10 \
        -o "$keep/grid-deployments.csv" --figure "$keep/grid.png" >"$keep/grid.csv"
    echo '| method | alpha | 0 | 0.05 | 0.1 | 0.2 | 0.4 | 0.5 |'
    echo '|---|---:|---:|---:|---:|---:|---:|---:|'
    awk -F, '
        /^#/ || /^method/ { next }
        { key = "| " $1 " | " $2 " |"; if (!(key in row)) order[++n] = key
          row[key] = row[key] sprintf(" %.1f (%.1f) |", 100 * $6, 100 * $7) }
        END { for (i = 1; i <= n; i++) print order[i] row[order[i]] }' "$keep/grid.csv"
}

tuned() {
    mnist_networks || return 0
    run deploy "$keep/mnist-ternary.h5" --images mnist --data "$shared/mnist" --method lea,cm,mao,plain,tuned,lea+tuned \
        --encoding rme --alpha 1,2,4 --stuck 0.1,0.2 --write-error gaussian:16.66e-6 --read-noise uniform:10e-6 \
        --tune-images 20000 --replicates 5 -o "$keep/tuned-deployments.csv" --figure "$keep/tuned.png" >"$keep/tuned.csv"
    echo '| method | stuck | 238,200 devices (alpha 1) | 476,400 (2) | 952,800 (4) |'
    echo '|---|---:|---:|---:|---:|'
    awk -F, '
        /^#/ || /^method/ { next }
        { key = "| " $1 " | " 100 * $4 " % |"; if (!(key in row)) order[++n] = key
          row[key] = row[key] sprintf(" %.1f [%.1f, %.1f] |", 100 * $6, 100 * $8, 100 * $9) }
        END { for (i = 1; i <= n; i++) print order[i] row[order[i]] }' "$keep/tuned.csv"
}

for section in "$@"; do
    echo "### $section"
    echo
    "$section"
    echo
done
