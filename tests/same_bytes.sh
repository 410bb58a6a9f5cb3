#!/bin/sh
# same_bytes.sh - every command gives the same bytes with one thread, with two, and when it is run again; an interrupted run
# leaves no file. Prints TAP.
# 1. inputs   2. three runs of a command   3. all commands   4. interrupted runs
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$srcdir/tests/tap.sh"
tap_shown='/dev/null'
. "$srcdir/tests/tiny_images.sh"

# -- 1. inputs --

make_inputs() {
    tiny_images tiny
    printf '%s\n' 'job = train' 'replicates = 3' '[options]' 'trainer = mgd' 'task = xor' 'layers = 2,2,1' 'steps = 200' '[grid]' \
        'optimizer = plain, adam' >experiment.ini
    printf '%s\n' 'up,again' '1e-7,2e-7' '2e-7,4e-7' '4e-7,' >set.csv
    printf '%s\n' 'down' '4e-7' '3e-7' '1e-7' >reset.csv
}

# -- 2. three runs of a command --

# Runs the command in the folders one, two and again, which hold the same files, and compares all that is in them.
same() {
    status=0
    for folder in one two again; do
        threads=1
        [ "$folder" = two ] && threads=2
        (cd "$work/$folder" && "$program" "$@" --threads $threads >stdout 2>"$work/stderr") || status=1
        [ "$status" = 0 ] || sed 's/^/# /' "$work/stderr"
    done
    [ -s "$work/one/stdout" ] || [ -n "$(find "$work/one" -newer "$work/start" -type f ! -name stdout)" ] || status=1
    diff -r "$work/one" "$work/two" >"$work/difference" || status=1
    diff -r "$work/one" "$work/again" >>"$work/difference" || status=1
    head -n 20 "$work/difference" | sed 's/^/# /'
    report $status "$*"
}

# The same for a sweep, whose store holds seconds: its export, which replaces it.
same_sweep() {
    status=0
    for folder in one two again; do
        threads=1
        [ "$folder" = two ] && threads=2
        (cd "$work/$folder" && "$program" sweep run "$@" --store s.db --threads $threads -q 2>"$work/stderr" &&
            "$program" sweep export s.db -o sweep.csv 2>"$work/stderr" && rm s.db) || status=1
        cmp "$work/one/sweep.csv" "$work/$folder/sweep.csv" >&2 || status=1
    done
    report $status "sweep run $*"
}

# -- 3. all commands --

network='--images tiny --layers 16,5,3'

all_data() {
    same data ramps --set set.csv --reset reset.csv --read-voltage 0.1 -o ramps.csv
    same data import ramps.csv -o imported.csv
    same data synth --device synthetic-lc --points 5000 --seed 3 -o pulses.csv
    same data synth --device ag-asi:Gmax_d2d=1e-9 --points 500 --censored --filter 0.001
    same data info pulses.csv
    same data check pulses.csv --format csv
    same fit pulses.csv --bins 20 -o fitted.jt.h5
    same fit pulses.csv --method binning:10:count --rows empirical -o crosssim:empirical
}

all_devices() {
    same table show fitted.jt.h5 --format csv
    same table check fitted.jt.h5
    same table convert fitted.jt.h5 xbtorch:triple
    same table convert xbtorch:triple back.jt.h5
    same table convert back.jt.h5 crosssim:inverse
    same table sample fitted.jt.h5 --G 2e-8 --draws 100 --polarity reset --format csv
    same device list
    same device show tiox-1.5V
    same device curve fitted.jt.h5,scale_d2d=0.1 --pulses 20 --devices 5000 --format csv
    same compare synthetic-lc fitted.jt.h5 --format csv
    same compare tiox-1.5V tiox-1.8V --per-slice --slices 5 --format csv
    same fit pulses.csv --method kriging --bootstrap 8 -o family.jt.h5
    same compare synthetic-lc family.jt.h5 --format csv
    same compare pulses.csv fitted.jt.h5 --resamples 20 --permutations 20 --format csv
    same data score pulses.csv --method binning:20,polynomial --format csv
    same bias --network none --target 'synth:linear-*' --method binning:10,polynomial --points 50 --replicates 2 --format csv
    same train --trainer mgd --task nist7x7 --layers 49,4,4 --patterns 600 --steps 6000 --format csv
    same train --trainer mgd --task nist7x7 --layers 49,4,4 --batch 4 --patterns 6 --steps 600 --update-delay 5 \
        --update-quantum 0.01 --write stochastic --format csv
    same train --trainer mgd --task xor --layers 2,2,1 --seeds 5 --device tiox-1.5V --steps 200 --format csv
    same mgd angle --task nist7x7 --layers 49,4,4 --steps 500 --trials 4 --points 4 --format csv
    same continual --task yinyang --layers 4,6,3 --seeds 3 --epochs 1 -o learned.h5 --format csv
    same network quantise learned.h5 --ternary nearest -o ternary.h5
    same_sweep experiment.ini
    same chip synth --kernels 4 --rows 25 --columns 25 --stuck-high 0.02 --stuck-low 0.02 -o chip.h5
    same deploy ternary.h5 --chip chip.h5 --task yinyang --alpha 1,2 --replicates 4 --write-error uniform:16e-6 --format csv
    same chip synth --kernels 60 --rows 4 --columns 3 --stuck-high 0.02 -o tiles.h5
    same deploy ternary.h5 --chip tiles.h5 --task yinyang --alpha 2 --beta 1 --replicates 4 --read-noise uniform:1e-5 --format csv
    same deploy ternary.h5 --chip tiles.h5 --task yinyang --replicates 4 --wire-resistance 10 --read-noise uniform:1e-5 --format csv
    same deploy ternary.h5 --chip chip.h5 --task yinyang --replicates 4 --G-on 25e-6 --G-off 10e-6 --write-verify tiox-1.5V \
        --verify-window 2e-6 --verify-tries 20 --read-noise gaussian:1e-7 -o programmed.csv
    same deploy ternary.h5 --chip chip.h5 --method tuned,lea+tuned --replicates 2 --read-noise uniform:1e-5 --format csv -o tuned.csv
    same deploy ternary.h5 --chip chip.h5 --method tuned --fine-tune mgd --tune-updates 50 --replicates 3 --format csv
}

# $network is several words:
# shellcheck disable=SC2086
all_networks() {
    same train --device fitted.jt.h5 $network --batch 8 --epochs 3 --format csv
    same train --device tiox-1.5V:Gmax_d2d=1e-6 $network --batch 1 --epochs 2 --biases devices --encoding single -o run.csv
    same train --trainer software $network --batch 8 --epochs 3 --format csv
    same bias --target tiox-1.5V --method binning:5,binning:5:count --points 30,60 --replicates 3 --epochs 2 --batch 8 \
        $network --format csv -o bias.csv
    same device plot tiox-1.5V --devices 50 --pulses 20 -o curve.svg
    same table plot fitted.jt.h5 -o table.svg
    if command -v gnuplot >/dev/null; then
        same bias --target fitted.jt.h5 --method binning:5 --points 30,60 --replicates 2 --epochs 1 $network --figure bias.svg
    else
        report 0 'bias --figure # left out: gnuplot is not installed'
    fi
}

# -- 4. interrupted runs --

# Interrupts the command after a second: it must say so, exit with 1, and leave no file.
interrupted() {
    find . -type f | sort >"$work/before"
    timeout --preserve-status -s INT -k 60 1 "$program" "$@" >"$work/stdout" 2>"$work/stderr"
    code=$?
    find . -type f | sort >"$work/after"
    [ $code = 1 ] && grep -q "^rebias $1.*: interrupted" "$work/stderr" && cmp "$work/before" "$work/after" >&2 &&
        [ ! -s "$work/stdout" ]
    report $? "interrupted: $* (exit code $code)"
}

# Ends the program while it writes a large file: its temporary file must go with it.
ended_while_writing() {
    "$program" data synth --device ideal --points 2000000 --quiet -o large.csv 2>"$work/stderr" &
    writer=$!
    while kill -0 $writer 2>/dev/null; do
        for temporary in large.csv.tmp-*; do
            [ ! -e "$temporary" ] || kill -TERM $writer
        done
        sleep 0.05
    done
    wait $writer
    code=$?
    set -- large.csv*
    [ $code -gt 128 ] && [ ! -e "$1" ]
    report $? "data synth ended while it writes (exit code $code)"
}

# shellcheck disable=SC2086
all_interrupted() {
    interrupted bias --target tiox-1.5V $network --replicates 10000 --epochs 200 --threads 2 -o bias.csv
    interrupted train --device tiox-1.5V $network --batch 1 --epochs 100000 -o run.csv
    interrupted device curve synthetic-lc --pulses 1000000 --devices 10000
    ended_while_writing
}

mkdir "$work/one" "$work/interrupted" && cd "$work/one" && make_inputs || exit 1
cp -R "$work/one" "$work/two"
cp -R "$work/one" "$work/again"
cp -R "$work/one/tiny" "$work/interrupted"
: >"$work/start"
all_data
all_devices
all_networks
cd "$work/interrupted" || exit 1
all_interrupted
tap_end
