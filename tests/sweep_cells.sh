#!/bin/sh
# sweep_cells.sh - the numbers of a cell are those of its command alone, for every job; every example can be checked and run.
# Prints TAP.
# 1. a job beside its command   2. identity   3. examples   4. all cases
#
# Environment: srcdir = source folder, top_builddir = folder of the program. Expected numbers: the commands' own CSV files.
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/tiny_images.sh"

# The file expected.txt has lines; sweep.txt must be the same and not empty.
same() {
    [ -s expected.txt ] && diff expected.txt sweep.txt >difference
    code=$?
    sed 's/^/# /' difference
    report $code "$1"
}

# Runs $1.ini and writes its export without remarks to $1.csv.
sweep() {
    "$program" sweep run "$1.ini" --store "$1.db" -q 2>stderr &&
        "$program" sweep export "$1.db" 2>stderr | grep -v '^#' >"$1.csv"
}

# Runs a command; its CSV without remarks is on stdout.
alone() {
    "$program" "$@" --format csv -q 2>stderr | grep -v '^#'
}

# -- 1. a job beside its command --

# Accuracies of every network, and the metrics push-pull and W1 (SET) of every model: $1 = what is tested, the rest are options of
# `bias`; bias.ini holds the same. Points of a bootstrap or of measured pulses are no key, and are left out (-).
bias_beside() {
    name=$1
    shift
    rm -f bias.db
    sweep bias
    "$program" bias "$@" --replicates 3 -q -o alone.csv >stdout 2>stderr
    awk -F, -v keys="$keys" '!/^#/ && !/^target/ { p = $2 == "target" || keys !~ /points/ ? "-" : $3
        print $2, p, $4, "accuracy", $6
        if ($2 != "target" && $5 == "ok") { print $2, p, $4, "push_pull", $15; print $2, p, $4, "wasserstein1", $17 } }' \
        alone.csv | sort >expected.txt
    awk -F, '/^job/ { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { name = $at["name"]; p = at["points"] ? $at["points"] : "-"; if (p == "") p = "-" }
        name == "accuracy" || name == "push_pull" || (name == "wasserstein1" && $at["position"] == 0) {
            print $at["method"], p, $at["replicate"], name, $at["value"] }' bias.csv | sort >sweep.txt
    same "$name"
}

# The options of bias.ini behind those that all have; $1 = keys of the grid.
bias_experiment() {
    keys=$1
    shift
    printf '%s\n' 'job = bias' 'replicates = 3' '[options]' 'images = tiny' 'layers = 16,5,3' "$@" >bias.ini
}

bias_job() {
    all='--images tiny --layers 16,5,3'
    bias_experiment points 'batch = 8' 'epochs = 2' 'target = tiox-1.5V' '[grid]' 'points = 30, 60' \
        'method = binning:5, binning:40'
    # $all is several words:
    # shellcheck disable=SC2086
    bias_beside 'bias: networks and device metrics are those of `rebias bias -o`' $all --batch 8 --epochs 2 \
        --target tiox-1.5V --points 30,60 --method binning:5,binning:40
    bias_experiment points 'weights = visited' 'batch = 8' 'target = tiox-1.5V' '[grid]' 'points = 30, 60'
    # shellcheck disable=SC2086
    bias_beside 'bias, weights of visited conductances: the same' $all --batch 8 --target tiox-1.5V --weights visited \
        --points 30,60 --method binning:20
    bias_experiment points 'trainer = mgd' 'steps = 60' 'target = tiox-1.5V' '[grid]' 'points = 30, 60'
    # shellcheck disable=SC2086
    bias_beside 'bias by MGD: the same' $all --trainer mgd --steps 60 --target tiox-1.5V --points 30,60 --method binning:20
    bias_experiment none 'batch = 8' 'pulses = pulses.csv' 'method = binning:5'
    # shellcheck disable=SC2086
    bias_beside 'bias of measured pulses: the same' $all --batch 8 --pulses pulses.csv --method binning:5
    "$program" fit pulses.csv --bins 4 --bootstrap 3 -q -o family.jt.h5 >stdout 2>stderr
    bias_experiment none 'batch = 8' 'target = family.jt.h5' 'bootstrap = yes'
    # shellcheck disable=SC2086
    bias_beside 'bias from bootstrap tables: the same' $all --batch 8 --target family.jt.h5 --bootstrap
}

train_job() {
    printf '%s\n' 'job = train' 'replicates = 2' '[options]' 'images = tiny' 'layers = 16,5,3' 'batch = 8' 'epochs = 3' \
        '[grid]' 'device = tiox-1.5V, ideal:levels=200,Gmax=4e-8' >train.ini
    sweep train
    for device in tiox-1.5V ideal:levels=200,Gmax=4e-8; do
        for replicate in 0 1; do
            alone train --device $device --images tiny --layers 16,5,3 --batch 8 --epochs 3 --replicate $replicate |
                awk -F, -v c="${device%%,*}" -v r=$replicate '!/^epoch/ { print c, r, $1, $4, $3, $5 }'
        done
    done | sort >expected.txt
    sed -e 's/"ideal:levels=200,Gmax=4e-8"/ideal:levels=200/' train.csv | awk -F, '
        $5 == "accuracy" { a[$3 " " $4 " " $6] = $7 }
        $5 == "loss" { l[$3 " " $4 " " $6] = $7 }
        $5 == "pulses" { p[$3 " " $4 " " $6] = $7 }
        END { for (k in a) print k, a[k], l[k], p[k] }' | sort >sweep.txt
    same 'train, mapped: accuracy, loss and pulses of every epoch'
}

mgd_job() {
    printf '%s\n' 'job = train' 'replicates = 3' '[options]' 'trainer = mgd' 'task = xor' 'layers = 2,2,1' 'steps = 300' \
        'device = tiox-1.5V' 'two-sided = yes' >mgd.ini
    sweep mgd
    alone train --trainer mgd --task xor --layers 2,2,1 --steps 300 --device tiox-1.5V --two-sided --seeds 3 |
        awk -F, '!/^seed/ { print $1, $7, $8 }' >expected.txt
    awk -F, '$4 == "cost" && $5 == 300 { c[$3] = $6 } $4 == "accuracy" && $5 == 300 { a[$3] = $6 }
        END { for (r = 0; r < 3; r++) print r, c[r], a[r] }' mgd.csv >sweep.txt
    same 'train, MGD: cost and accuracy of `--seeds`'
}

continual_job() {
    printf '%s\n' 'job = continual' 'replicates = 3' '[options]' 'layers = 4,6,3' 'epochs = 2' 'ewc = 4' >continual.ini
    sweep continual
    alone continual --layers 4,6,3 --epochs 2 --ewc 4 --seeds 3 -o yinyang.h5 |
        awk -F, '!/^network/ { print $1, $2, $3, $4, $5, $6, $7 }' >expected.txt
    awk -F, '{ x[$3 $4 $5] = $6 } END { for (r = 0; r < 3; r++)
        print r, x[r "task11"], x[r "task21"], x[r "task12"], x[r "task22"], x[r "accuracy0"], x[r "validation0"] }' \
        continual.csv >sweep.txt
    same 'continual: every task after every stage'
}

deploy_job() {
    "$program" network quantise yinyang.h5 --ternary nearest -q -o ternary.h5 >stdout 2>stderr
    printf '%s\n' 'job = deploy' 'replicates = 3' '[options]' 'network = ternary.h5' 'write-error = uniform:1e-5' '[grid]' \
        'method = lea, cm' 'alpha = 1, 2' 'stuck = 0.1, 0.2' >deploy.ini
    sweep deploy
    "$program" deploy ternary.h5 --method lea,cm --alpha 1,2 --stuck 0.1,0.2 --replicates 3 --write-error uniform:1e-5 -q \
        -o alone.csv >stdout 2>stderr
    awk -F, '/^method/ { for (i = 1; i <= NF; i++) at[$i] = i } !/^#/ && !/^method/ {
        print $at["alpha"], $at["method"], $at["stuck"], $at["replicate"], $at["accuracy"], $at["mapping_error"] }' alone.csv |
        sort >expected.txt
    awk -F, '$7 == "accuracy" { a[$3 " " $4 " " $5 " " $6] = $9 } $7 == "mapping_error" { m[$3 " " $4 " " $5 " " $6] = $9 }
        END { for (k in a) print k, a[k], m[k] }' deploy.csv | sort >sweep.txt
    same 'deploy: accuracy and mapping error of every deployment'
}

# -- 2. identity --

# $1 = store: number of its configurations.
configurations() {
    "$program" sweep status "$1" --format csv -q 2>stderr | awk -F, 'END { print $1 }'
}

# The same number written otherwise is the same configuration; another content of a file is not.
identity() {
    printf '%s\n' 'job = bias' '[options]' 'target = table.jt.h5' 'network = none' 'points = 1e2' 'method = binning:5' >id.ini
    "$program" fit pulses.csv --bins 3 -q -o table.jt.h5 >stdout 2>stderr
    "$program" sweep run id.ini --store id.db -q 2>stderr
    "$program" sweep run id.ini --store id.db -q --set points=100 --set filter=0.0 2>stderr
    [ "$(configurations id.db)" = 1 ]
    report $? 'numbers written otherwise are the same configuration'
    "$program" fit pulses.csv --bins 4 -q -o table.jt.h5 >stdout 2>stderr
    "$program" sweep run id.ini --store id.db -q 2>stderr
    [ "$(configurations id.db)" = 2 ]
    report $? 'a changed file is another configuration'
    "$program" table convert table.jt.h5 xbtorch:triple -q 2>stderr
    "$program" sweep run id.ini --store id.db -q --set target=xbtorch:triple,rule=nearest 2>stderr
    "$program" table convert table.jt.h5 xbtorch:triple -q 2>stderr
    "$program" sweep run id.ini --store id.db -q --set target=xbtorch:triple,rule=nearest 2>stderr
    [ "$(configurations id.db)" = 3 ]
    report $? 'the same files, written again, are the same configuration'
    "$program" fit pulses.csv --bins 3 -q -o xbtorch:other >stdout 2>stderr
    cp other_reset_cdf.txt triple_reset_cdf.txt
    "$program" sweep run id.ini --store id.db -q --set target=xbtorch:triple,rule=nearest 2>stderr
    [ "$(configurations id.db)" = 4 ]
    report $? 'one changed file of a table of several is another configuration'
}

# The file of the second cell changes while the first one is worked out: its numbers would not be those of the listed file.
changed_meanwhile() {
    printf '%s\n' 'job = bias' '[options]' 'images = tiny' 'layers = 16,5,3' 'epochs = 20000' 'points = 30' 'method = binning:5' \
        '[grid]' 'target = first.jt.h5, second.jt.h5' >changing.ini
    cp table.jt.h5 first.jt.h5
    cp table.jt.h5 second.jt.h5
    "$program" sweep run changing.ini --store changing.db --threads 1 -q >stdout 2>stderr &
    runner=$!
    left=0
    while kill -0 $runner 2>/dev/null && [ "$left" != 4 ]; do
        left=$("$program" sweep status changing.db --format csv -q 2>/dev/null | awk -F, 'END { print $3 }')
    done
    "$program" fit pulses.csv --bins 5 -q -o second.jt.h5 >stdout 2>fit.err
    wait $runner
    code=$?
    [ $code = 1 ] && grep -q 'its files are not those that the sweep began with.*(target = second.jt.h5)' stderr
    report $? "a file that changes meanwhile: exit 1, and no numbers of it (exit code $code)"
}

# -- 3. examples --

# Every example with one replicate; the slowest of their options made small.
examples() {
    cp yinyang.h5 keep.h5
    "$program" continual --task yinyang --ternary --layers 4,8,3 --seeds 3 --epochs 1 -q -o yinyang.h5 >stdout 2>stderr
    for example in "$srcdir"/examples/*.ini; do
        name=$(basename "$example" .ini)
        case $name in
            bias-*) small='--set train-images=200 --set test-images=50 --set epochs=1' ;;
            mgd-* | study-mgd*) small='--set steps=200' ;;
            study-bias)
                small='--set images=tiny --set points=100 --set target=tiox-1.5V --set epochs=1'
                ;;
            study-deploy)
                "$program" train --trainer software --ternary --images tiny --epochs 1 --seeds 2 -q -o mnist3.h5 >stdout 2>stderr
                small='--set images=tiny --set data=. --set alpha=2 --set stuck=0.1'
                ;;
            continual) small='--set epochs=1' ;;
            *) small= ;;
        esac
        # shellcheck disable=SC2086
        "$program" sweep check "$example" --no-probe $small >stdout 2>stderr &&
            grep -q '^configuration ' stdout &&
            "$program" sweep run "$example" --store "$name.db" --set replicates=1 $small -q 2>stderr &&
            [ "$("$program" sweep export "$name.db" 2>stderr | grep -c ',accuracy,')" -ge "$(configurations "$name.db")" ]
        report $? "examples/$name.ini"
    done
}

# -- 4. all cases --

cd "$work" || exit 1
tiny_images tiny
"$program" data synth --device synthetic-lc --points 200 -q -o pulses.csv 2>stderr
bias_job
train_job
mgd_job
continual_job
deploy_job
identity
changed_meanwhile
examples
tap_end
