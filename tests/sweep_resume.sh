#!/bin/sh
# sweep_resume.sh - a sweep ends in the same results however it was worked out: killed and resumed, on one thread or two, in
# shards, by two programs at once, on MPI ranks; a read-only store and a full disk lose nothing. Prints TAP.
# 1. experiments   2. killed   3. engines   4. stores that cannot be written   5. all cases
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
set -u
LC_ALL=C
export LC_ALL
builddir=$(cd "${top_builddir:-build}" && pwd) || exit 1
program=$builddir/rebias
. "${srcdir:-.}/tests/tap.sh"
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# -- 1. experiments --

# Cells of about a tenth of a second and some of a hundredth: $1 = file, $2 = values of the grid.
experiment() {
    cat >"$1" <<END
job = train
replicates = 3
[options]
trainer = mgd
task = nist7x7
layers = 49,4,4
looks = 3
[grid]
steps = 200, 3000
seed = $2
END
}

# $1 = store, $2 = file.
export_store() {
    "$program" sweep export "$1" -o "$2" 2>stderr
}

# Runs the sweep $1 into the store $2 and exports it into $2.csv; the rest are options.
sweep() {
    file=$1
    store=$2
    shift 2
    "$program" sweep run "$file" --store "$store" -q "$@" >stdout 2>stderr && export_store "$store" "$store.csv"
}

cells_of() {
    "$program" sweep status "$1" --format csv -q 2>/dev/null | awk -F, 'END { print $2 + 0 }'
}

# -- 2. killed --

# A delay of 20 to 319 ms from a fixed sequence (Lehmer's, modulus 65537).
random=4242
random_delay() {
    random=$((random * 75 % 65537))
    delay=$(awk -v r=$random 'BEGIN { printf "%.3f", 0.02 + r % 300 / 1000 }')
}

# Kills the sweep 20 times; when it is through before, all its cells are worked out again.
kill_and_resume() {
    kills=0
    force=
    while [ "$kills" -lt 20 ]; do
        random_delay
        # shellcheck disable=SC2086
        "$program" sweep run grid.ini --store killed.db -q --threads 2 $force >stdout 2>stderr &
        runner=$!
        sleep "$delay"
        if kill -KILL $runner 2>/dev/null; then
            kills=$((kills + 1))
        else
            force=--force
        fi
        wait $runner 2>/dev/null
    done
    sweep grid.ini killed.db && cmp whole.db.csv killed.db.csv >&2
    report $? "killed 20 times and resumed: the export of an undisturbed sweep"
}

interrupt() {
    "$program" sweep run grid.ini --store stopped.db --threads 1 >stdout 2>stderr &
    runner=$!
    while kill -0 $runner 2>/dev/null && [ "$(cells_of stopped.db)" -lt 2 ]; do
        sleep 0.02
    done
    kill -INT $runner 2>/dev/null
    wait $runner
    code=$?
    [ $code = 1 ] && grep -q '^rebias sweep run: interrupted after [0-9]* of 48 cells; the same command goes on' stderr &&
        [ "$(cells_of stopped.db)" -ge 2 ] && [ "$(cells_of stopped.db)" -lt 48 ]
    report $? "interrupted: exit 1, says how to go on, keeps its cells (exit code $code)"
    sweep grid.ini stopped.db && cmp whole.db.csv stopped.db.csv >&2
    report $? 'interrupted and resumed: the same export'
}

# -- 3. engines --

engines() {
    sweep grid.ini one.db --threads 1 && cmp whole.db.csv one.db.csv >&2
    report $? 'one thread and two: the same export'
    for i in 1 2 3 4; do
        sweep grid.ini "part$i.db" --shard $i/4
    done
    "$program" sweep merge parts.db part1.db part2.db part3.db part4.db -q >stdout 2>stderr &&
        export_store parts.db parts.csv && cmp whole.db.csv parts.csv >&2
    report $? 'four shards merged: the same export'
    sweep grid.ini whole.db --force && cmp whole.db.csv one.db.csv >&2
    report $? '--force: the same export'
}

# Two programs at once, whose grids share half of their cells, and one after the other.
overlapping() {
    "$program" sweep run left.ini --store both.db -q --threads 1 >left.out 2>&1 &
    left=$!
    "$program" sweep run right.ini --store both.db -q --threads 1 >stdout 2>stderr
    code=$?
    wait $left && [ $code = 0 ] && export_store both.db both.csv && sweep left.ini apart.db && sweep right.ini apart.db &&
        cmp apart.db.csv both.csv >&2
    report $? 'two sweeps at once in one store share their cells'
}

have_mpi() {
    command -v mpirun >/dev/null && grep -q '^#define HAVE_MPI 1' "$builddir/config.h"
}

# Open MPI keeps memory until the end.
mpi() { # ranks, the rest = arguments
    ranks=$1
    shift
    ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
        mpirun -n "$ranks" "$program" "$@"
}

ranks() {
    if ! have_mpi; then
        report 0 'MPI ranks # left out: no mpirun, or built without MPI'
        return
    fi
    mpi 3 sweep run left.ini --store ranks.db -q >stdout 2>stderr && export_store ranks.db ranks.csv &&
        sweep left.ini plain.db && cmp plain.db.csv ranks.csv >&2
    report $? 'three MPI ranks: the same export'
    mpi 3 sweep run left.ini --store torn.db -q >stdout 2>stderr &
    job=$!
    while kill -0 $job 2>/dev/null && [ "$(cells_of torn.db)" -lt 2 ]; do
        sleep 0.05
    done
    victim=$(ps -e -o pid= -o args= | awk -v s="$program sweep run left.ini --store torn.db" \
        '{ pid = $1; $1 = ""; if (index($0, s) == 2) last = pid } END { print last }')
    [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
    wait $job
    mpi 3 sweep run left.ini --store torn.db -q >stdout 2>stderr && export_store torn.db torn.csv &&
        cmp plain.db.csv torn.csv >&2
    report $? "an MPI rank killed, the job started again: the same export"
}

# -- 4. stores that cannot be written --

as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --clear-groups "$@"
    else
        "$@"
    fi
}

read_only() {
    if [ "$(id -u)" = 0 ] && ! as_user true 2>/dev/null; then
        report 0 'read-only store # left out: root writes everywhere, and setpriv is not installed'
        return
    fi
    mkdir locked && cp whole.db locked/s.db && cp grid.ini locked && chmod 755 "$work" && chmod -R a-w locked
    as_user "$program" sweep run locked/grid.ini --store locked/s.db --force >stdout 2>stderr
    code=$?
    [ $code = 1 ] && grep -q '^rebias sweep run: locked/s.db: the store is read-only' stderr
    report $? "a read-only store: exit 1 and says so (exit code $code)"
    as_user "$program" sweep export locked/s.db 2>stderr | cmp - whole.db.csv >&2
    report $? 'a read-only store in a read-only folder can be exported'
}

# Files may grow to 64 KiB only, about as on a full disk.
full_disk() {
    sweep left.ini full.db --set replicates=1
    before=$(cells_of full.db)
    (
        trap '' XFSZ
        ulimit -f 128
        exec "$program" sweep run grid.ini --store full.db -q >stdout 2>stderr
    )
    code=$?
    [ $code = 1 ] && grep -q '^rebias sweep run: full.db: cannot write into the store' stderr &&
        [ "$(cells_of full.db)" -ge "$before" ]
    report $? "a full disk: exit 1, says so, and no cell is lost (exit code $code)"
    sweep grid.ini full.db && cmp whole.db.csv full.db.csv >&2
    report $? 'with more room the sweep goes on: the same export'
}

# -- 5. all cases --

cd "$work" || exit 1
experiment grid.ini '1, 2, 3, 4, 5, 6, 7, 8'
experiment left.ini '1, 2, 3, 4'
experiment right.ini '3, 4, 5, 6'
sweep grid.ini whole.db --threads 2 && [ "$(cells_of whole.db)" = 48 ] && [ "$(wc -l <whole.db.csv)" -gt 900 ]
report $? 'an undisturbed sweep: 48 cells'
kill_and_resume
interrupt
engines
overlapping
ranks
read_only
full_disk
tap_end
