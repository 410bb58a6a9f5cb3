#!/bin/sh
# mgd.sh - multiplexed gradient descent: the papers' studies as far as two cores reach, and MGD on devices: Markdown
# tables on stdout. usage: doc/studies/mgd.sh [-j THREADS] [-d MNIST_FOLDER] [SECTION...]
#
# Sections: codes (kinds of perturbation), angle (angle law), width (angle against network size), sizes (accuracy against
# network size), theta (update period), optimizer, defects, mnist (weight and node perturbation), hardware, devices, bias (modeling bias of MGD).
# Without names all are run. The program is $REBIAS (default build/rebias).
set -eu

rebias=${REBIAS:-build/rebias}
threads=2
mnist=../shared/data/mnist
while getopts j:d: option; do
    case $option in
        j) threads=$OPTARG ;;
        d) mnist=$OPTARG ;;
        *)
            echo "usage: $0 [-j THREADS] [-d MNIST_FOLDER] [SECTION...]" >&2
            exit 2
            ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- codes angle width sizes theta optimizer defects mnist hardware devices bias

run() { "$rebias" "$@" --quiet --format csv --threads "$threads"; }
# Last row of a run with one seed: accuracy in %, cost.
last() { awk -F, '!/^#/ && !/^step/ { a = $7; c = $6 } END { printf "%.1f | %.4f", 100 * a, c }'; }
# Means over the seeds: accuracy in % (sd), number of seeds.
seeds() { awk -F, '!/^#/ && !/^seed/ { n++; a = $8 * 100; s += a; q += a * a } END { m = s / n
    printf "%.1f (%.1f) | %d", m, sqrt((q - n * m * m) / (n > 1 ? n - 1 : 1)), n }'; }
nist() { run train --trainer mgd --task nist7x7 --layers 49,4,4 --amplitude 0.01 --eta-form vector "$@"; }

codes() {
    echo '| perturbation | accuracy %, mean (sd) | seeds |'
    echo '|---|---:|---:|'
    for kind in random walsh sequential sine gaussian; do
        echo "| $kind | $(nist --perturbation $kind --eta 1 --steps 2000000 --seeds 4 --seed 1 | seeds) |"
    done
}

angle() {
    echo '| T | 1/sqrt(1 + (P - 1)/T) | random | sequential | walsh | sine |'
    echo '|---:|---:|---:|---:|---:|---:|'
    for steps in 110 220 256 440 2200 10000; do
        row="| $steps | $(awk -v t=$steps 'BEGIN { printf "%.4f", 1 / sqrt(1 + 219 / t) }')"
        for kind in random sequential walsh sine; do
            row="$row | $(run mgd angle --task nist7x7 --layers 49,4,4 --perturbation $kind --amplitude 0.01 \
                --steps $steps --trials 40 --points 2 --seed 1 | awk -F, 'END { printf "%.4f", $2 }')"
        done
        echo "$row |"
    done
}

# Steps to 15 degrees (cosine 0.9659): measured where all trials get there, and by the law from the cosine at the last
# step T: P_eff = T (1/cos^2 - 1), steps = P_eff/tan^2 15 degrees.
width() {
    echo '| d | parameters | method | trials | steps T | cosine at T | P_eff | 15 degrees by the law | measured, mean (sd) |'
    echo '|---:|---:|---|---:|---:|---:|---:|---:|---:|'
    for case in '1 520 weight 3000 10' '1 520 node 6000 10' '2 1908 weight 9000 5' '2 1908 node 9000 5' \
        '4 7318 weight 24000 2' '4 7318 node 24000 2' '8 28674 weight 2000 2' '8 28674 node 2000 2'; do
        # shellcheck disable=SC2086
        set -- $case
        "$rebias" mgd angle --images fashion-mnist --network "scaling:$1" --smoothing 0.01 --batch 100 --method "$3" \
            --scope layers --amplitude 0.01 --steps "$4" --trials "$5" --points 400 --threshold 0.9659 --seed 1 \
            --format csv --threads "$threads" 2>"$work/remarks" >"$work/angle.csv"
        awk -F, -v d="$1" -v parameters="$2" -v method="$3" -v trials="$5" -v measured="$(
            sed -n 's/.*cosine 0\.9659[^0-9]*\([0-9.]*\) steps on average (sd \([0-9.]*\).*/\1 (\2)/p' "$work/remarks")" '
            !/^#/ && !/^T/ { T = $1; c = $2 }
            END {
                P = T * (1 / c ^ 2 - 1)
                printf "| %d | %d | %s | %d | %d | %.3f | %.0f | %.0f | %s |\n", d, parameters, method, trials, T, c, P,
                    13.93 * P, measured == "" ? "-" : measured
            }' "$work/angle.csv"
    done
}

# Updates (of 10 patterns on a batch of 100) until so many of the first 1,000 test images are classified rightly.
sizes() {
    echo '| d | parameters | method | updates to 40 %, each seed | to 60 %, each seed | mean to 60 % |'
    echo '|---:|---:|---|---|---|---:|'
    for case in '1 520' '2 1908' '4 7318'; do
        # shellcheck disable=SC2086
        set -- $case
        for method in weight node; do
            for seed in 1 2 3; do
                run train --trainer mgd --images fashion-mnist --network "scaling:$1" --method $method --smoothing 0.01 \
                    --batch 100 --patterns 10 --eta 0.1 --max-steps 200000 --target-accuracy 0.6 --test-images 1000 \
                    --seed $seed | awk -F, '!/^#/ && !/^step/ { if (!a && $7 >= 0.4) a = $2; if (!b && $7 >= 0.6) b = $2 }
                        END { print a ? a : "-", b ? b : "-" }'
            done | awk -v d="$1" -v parameters="$2" -v method=$method '
                { first = first (NR > 1 ? ", " : "") $1; second = second (NR > 1 ? ", " : "") $2; sum += $2; n += $2 != "-" }
                END { printf "| %d | %d | %s | %s | %s | %s |\n", d, parameters, method, first, second,
                    n == NR ? sprintf("%.0f", sum / n) : "-" }'
        done
    done
}

theta() {
    echo '| tau_theta (= tau_x) | eta (vector) | accuracy %, mean (sd) | seeds |'
    echo '|---:|---:|---:|---:|'
    for case in '1 1' '10 1' '100 1' '100 0.1' '1000 0.1' '10000 0.01'; do
        # shellcheck disable=SC2086
        set -- $case
        echo "| $1 | $2 | $(nist --tau-x "$1" --tau-theta "$1" --eta "$2" --steps 3000000 --seeds 4 --seed 1 | seeds) |"
    done
}

optimizer() {
    echo '| optimizer | eta | accuracy % | cost |'
    echo '|---|---:|---:|---:|'
    for case in 'plain 0.3' 'momentum 0.03' 'adam 0.001' 'adam 0.003'; do
        # shellcheck disable=SC2086
        set -- $case
        echo "| $1 | $2 | $(run train --trainer mgd --images fashion-mnist --layers 784,100,10 --activation relu \
            --batch 100 --patterns 10 --optimizer "$1" --eta "$2" --decay 0.05 --updates 3000 --seed 1 --looks 1 | last) |"
    done
}

defects() {
    echo '| sd of the neurons | accuracy %, mean (sd) | seeds |'
    echo '|---:|---:|---:|'
    for sd in 0 0.05 0.1 0.25 0.5; do
        echo "| $sd | $(nist --eta 1 --defects $sd --steps 3000000 --seeds 4 --seed 1 | seeds) |"
    done
}

mnist() {
    [ -d "$mnist" ] || {
        echo "(left out: no MNIST in $mnist)"
        return
    }
    net="--images mnist --data $mnist --layers 784,128,64,10 --activation relu --batch 128 --seed 1 --looks 1"
    echo '| method | patterns | eta | decay | updates | accuracy % | cost |'
    echo '|---|---:|---:|---:|---:|---:|---:|'
    for case in 'weight 10 0.3 0.05 5000' 'node 10 0.1 0.05 5000' 'node 10 0.1 0.05 20000' 'weight 1 0.3 0.1 46800'; do
        # shellcheck disable=SC2086
        set -- $case
        # shellcheck disable=SC2086
        echo "| $1 | $2 | $3 | $4 | $5 | $(run train --trainer mgd --method "$1" $net --initial lecun --patterns "$2" \
            --eta "$3" --eta-form norm --decay "$4" --updates "$5" | last) |"
    done
    # shellcheck disable=SC2086
    accuracy=$(run train --trainer software --images mnist --data "$mnist" --layers 784,128,64,10 --activation relu \
        --batch 128 --rate 0.1 --schedule constant --epochs 10 --seed 1 | awk -F, 'END { printf "%.1f | %.4f", 100 * $4, $3 }')
    echo "| backpropagation | - | 0.1 | - | 4690 | $accuracy |"
}

hardware() {
    echo '| hardware | steps | evaluations a step | tau_theta | time |'
    echo '|---|---:|---:|---:|---:|'
    run mgd hardware --steps 10000000 --evaluations 2 --tau-theta 1000 |
        awk -F, '!/^#/ && !/^hardware/ { printf "| %s | 1e7 | 2 | 1000 | %.3g s |\n", $1, $5 }'
}

devices() {
    echo '| device | write | tau_theta (= tau_x) | eta (vector) | accuracy % | cost | pulses |'
    echo '|---|---|---:|---:|---:|---:|---:|'
    for device in ideal ag-asi tiox-1.5V synthetic-lc; do
        for case in 'stochastic 1 1' 'accumulate 1 1' 'accumulate 100 0.1' 'accumulate 1000 0.1'; do
            # shellcheck disable=SC2086
            set -- $case
            echo "| $device | $1 | $2 | $3 | $(nist --device $device --write "$1" --tau-x "$2" --tau-theta "$2" --eta "$3" \
                --steps 3000000 --seed 1 --looks 1 | awk -F, '!/^#/ && !/^step/ { a = $7; c = $6; p = $4 }
                END { printf "%.1f | %.4f | %d", 100 * a, c, p }') |"
        done
    done
}

bias() {
    echo '| points | method | accuracy % (sd) | bias, points [95 % interval] | sd of one bias | verdict |'
    echo '|---:|---|---:|---|---:|---|'
    run bias --trainer mgd --task nist7x7 --layers 49,4,4 --amplitude 0.01 --eta 1 --eta-form vector --steps 1000000 \
        --target tiox-1.5V --method binning:20,kriging --points 30,100,1000 --replicates 10 --seed 1 >"$work/bias.csv"
    awk -F, '
        /^#/ || /^points/ { next }
        $2 == "target" { printf "| | target | %.1f (%.1f) | | | |\n", 100 * $10, 100 * $11; next }
        { printf "| %d | %s | %.1f (%.1f) | %+.1f [%+.1f, %+.1f] | %.1f | %s |\n", $1, $2, 100 * $10, 100 * $11, 100 * $12,
            100 * $13, 100 * $14, 100 * $15, $19 }' "$work/bias.csv"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
for section in "$@"; do
    echo "### $section"
    echo
    "$section"
    echo
done
