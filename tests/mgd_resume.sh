#!/bin/sh
# mgd_resume.sh - an MGD run that is interrupted twice and continued from its checkpoint prints the bytes of an undisturbed one;
# checkpoints that do not fit are refused. Prints TAP.
# 1. interrupting and continuing   2. refused checkpoints   3. all cases
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
set -u
LC_ALL=C
export LC_ALL
program=$(cd "${top_builddir:-build}" && pwd)/rebias
. "${srcdir:-.}/tests/tap.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
checkpoint=run.h5

# -- 1. interrupting and continuing --

# Something that tells one state of the checkpoint from the next; empty without one.
state() {
    [ ! -e "$checkpoint" ] || cksum <"$checkpoint"
}

# Starts the run, and interrupts it as soon as it has written a checkpoint: it must say so and exit with 1.
interrupt() {
    before=$(state)
    "$program" "$@" --threads 1 >stdout 2>stderr &
    runner=$!
    while kill -0 $runner 2>/dev/null && [ "$(state)" = "$before" ]; do
        sleep 0.02
    done
    kill -INT $runner 2>/dev/null
    wait $runner
    code=$?
    [ $code = 1 ] && grep -q '^rebias train: interrupted after' stderr && [ ! -s stdout ] && return
    echo "# exit code $code instead of an interruption"
    sed 's/^/# /' stderr
    return 1
}

# $1 = what is tested, the rest = options: the same table, whether undisturbed, interrupted twice and continued on two threads,
# or printed again from the last checkpoint.
resume() {
    name=$1
    shift
    set -- train --trainer mgd --task nist7x7 --layers 49,4,4 --seed 3 --looks 7 --checkpoint $checkpoint --format csv -q "$@"
    status=0
    rm -rf "$work/whole" "$work/broken"
    mkdir "$work/whole" "$work/broken"
    (cd "$work/whole" && "$program" "$@" --threads 1 >table 2>stderr) || status=1
    cd "$work/broken" || exit 1
    interrupt "$@" || status=1
    interrupt "$@" || status=1
    "$program" "$@" --threads 2 >table 2>stderr || status=1
    "$program" "$@" >again 2>>stderr || status=1
    sed 's/^/# /' stderr "$work/whole/stderr"
    [ -s table ] && cmp table "$work/whole/table" && cmp table again || status=1
    report $status "$name: the same bytes after two interruptions"
}

# Against a run that knows of no checkpoints.
without() {
    "$program" train --trainer mgd --task nist7x7 --layers 49,4,4 --seed 3 --looks 7 --format csv -q "$@" >plain 2>stderr
    grep -v '^# command' plain >plain.rows
    sed 's/^/# /' stderr
    grep -v '^# command' table | cmp - plain.rows && [ -s plain.rows ]
    report $? 'the same numbers as without a checkpoint'
}

# -- 2. refused checkpoints --

# $1 = what is tested, $2 = part of the message, the rest = options: exit code 1, one line, and the checkpoint stays.
refused() {
    name=$1
    message=$2
    shift 2
    cp "$checkpoint" copy.h5
    "$program" train --trainer mgd --task nist7x7 --checkpoint $checkpoint -q "$@" >stdout 2>stderr
    code=$?
    [ $code = 1 ] && [ "$(wc -l <stderr)" -eq 1 ] && grep -q "^rebias train: $checkpoint: .*$message" stderr &&
        [ ! -s stdout ] && cmp "$checkpoint" copy.h5
    status=$?
    [ $status = 0 ] || sed "s/^/# exit code $code: /" stderr
    report $status "refused: $name"
}

all_refused() {
    rm -f $checkpoint
    "$program" train --trainer mgd --task nist7x7 --layers 49,4,4 --steps 100 --checkpoint $checkpoint -q >stdout 2>stderr
    refused 'another learning rate' 'belongs to another run' --layers 49,4,4 --steps 100 --eta 0.5
    refused 'another number of steps' 'belongs to another run' --layers 49,4,4 --steps 200
    refused 'another delay' 'belongs to another run' --layers 49,4,4 --steps 100 --update-delay 1
    refused 'another network' 'belongs to another run' --layers 49,5,4 --steps 100
    refused 'weights on devices' 'belongs to another run' --layers 49,4,4 --steps 100 --device ideal
    head -c 2000 copy.h5 >$checkpoint
    refused 'a truncated file' 'HDF5' --layers 49,4,4 --steps 100
    echo 'no HDF5 at all' >$checkpoint
    refused 'a text file' 'HDF5' --layers 49,4,4 --steps 100
}

# -- 3. all cases --

resume 'software' --steps 30000 --every 250
without --steps 30000
resume 'two time constants and a batch' --tau-theta 20 --tau-x 5 --batch 3 --steps 50000 --every 20
resume 'momentum' --optimizer momentum --steps 30000 --every 250
resume 'Adam' --optimizer adam --steps 30000 --every 250
resume 'analog' --analog --eta-form parameter --eta 0.001 --tau-x 20 --tau-theta 200 --steps 20000 --every 100
resume 'late updates' --update-delay 7 --tau-theta 20 --tau-x 5 --steps 50000 --every 20
resume 'late updates in quanta' --update-delay 3 --update-quantum 0.001 --optimizer adam --steps 30000 --every 250
resume 'devices, late' --device tiox-1.5V --update-delay 100 --steps 30000 --every 250
resume 'devices, stochastic' --device tiox-1.5V --write stochastic --steps 30000 --every 250
resume 'devices, accumulated, single' --device tiox-1.5V:Gmax_d2d=1e-6 --encoding single --write accumulate --steps 30000 \
    --every 250
all_refused
tap_end
