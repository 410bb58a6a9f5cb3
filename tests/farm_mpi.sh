#!/bin/sh
# farm_mpi.sh - the farm on MPI ranks: every item once, the same results as on threads, one status for all ranks, and a killed
# rank costs nothing that was delivered. Prints TAP; without MPI or mpirun only says so.
# 1. setting   2. the same results   3. errors   4. stopping   5. killed ranks   6. all cases
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
# MPI libraries leak by design: ranks run without leak detection; the same items on threads run with it.
set -u
LC_ALL=C
export LC_ALL
build=$(cd "${top_builddir:-build}" && pwd)
program=$build/tests/farm_program
. "${srcdir:-.}/tests/tap.sh"
tap_shown='out err'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# -- 1. setting --

if ! grep -q '^#define HAVE_MPI 1' "$build/config.h"; then
    OMPI_COMM_WORLD_SIZE=2 "$program" >out 2>err
    [ $? = 1 ] && grep -q '^rank 0: -9 started by an MPI launcher, but built without MPI (./configure --with-mpi)$' out
    report $? 'built without MPI: refuses to be one of several ranks'
    "$program" items=100 >out 2>err && grep -q '^rank 0: 0 $' out
    report $? 'built without MPI: one rank does all'
    tap_end
fi
if ! command -v mpirun >/dev/null 2>&1; then
    echo '1..0 # SKIP no mpirun'
    exit 0
fi

# More ranks than cores, as root in containers: as variables, for launchers differ in their options.
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Ranks on one machine need no network.
export OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none

# $1 = ranks, the rest = options of the program. A farm that never ends is killed.
ranks() {
    count=$1
    shift
    ASAN_OPTIONS=detect_leaks=0 timeout -k 5 120 mpirun -n "$count" "$program" "$@" >out 2>err
}

# All of $1 ranks have printed the line that matches $2.
all_say() {
    [ "$(grep -c "^rank [0-9]*: $2\$" out)" = "$1" ] && [ "$(grep -c '^rank' out)" = "$1" ]
}

# -- 2. the same results --

# $1 = what is tested, the rest = options: threads 1 and 2 and 1 to 5 ranks deliver the same items with the same content.
same_results() {
    name=$1
    shift
    rm -f ./*.log
    "$program" "$@" threads=1 log=one.log >out 2>err && sort one.log >expected
    report $? "$name: one thread"
    "$program" "$@" threads=2 log=two.log >out 2>err && sort two.log | cmp - expected
    report $? "$name: two threads"
    for count in 1 2 3 5; do
        ranks $count "$@" log="$count.log" && all_say "$count" '0 ' && { [ ! -s expected ] || sort "$count.log" | cmp - expected; }
        report $? "$name: $count ranks"
    done
}

# -- 3. errors --

# $1 = what is tested, $2 = line that all four ranks must print, the rest = options.
all_fail() {
    name=$1
    line=$2
    shift 2
    rm -f ./*.log
    ranks 4 log=fail.log "$@"
    [ $? = 1 ] && all_say 4 "$line"
    report $? "four ranks agree: $name"
}

# -- 4. stopping --

# The number of items that ranks say were delivered is that of the log.
count_is_right() {
    [ "$(sed -n 's/^rank 0: -8 interrupted after \([0-9]*\) of .*/\1/p' out)" = $(($(wc -l <fail.log))) ]
    report $? 'the number of delivered items is right'
}

# SIGTERM to rank 0 while all others are busy for minutes.
stop_first_rank() {
    rm -f pids
    ranks 3 items=10 us=300000000 pids=pids &
    runner=$!
    while [ ! -e pids ] || [ "$(wc -l <pids)" -lt 3 ]; do
        kill -0 $runner 2>/dev/null || break
        sleep 0.05
    done
    sleep 0.3
    kill -TERM "$(sed -n 's/^0 //p' pids)"
    wait $runner
    [ $? = 1 ] && all_say 3 '-8 interrupted after 0 of 10 items'
    report $? 'a signal to rank 0 is heard by items under way on all ranks'
}

# -- 5. killed ranks --

# $1 = seconds after which rank $2 of 4 is killed.
kill_rank() {
    rm -f pids
    ranks 4 items=800 us=20000 bytes=20000 log=killed.log pids=pids &
    runner=$!
    while [ ! -e pids ] || [ "$(wc -l <pids)" -lt 4 ]; do
        kill -0 $runner 2>/dev/null || break
        sleep 0.02
    done
    sleep "$1"
    kill -KILL "$(sed -n "s/^$2 //p" pids)" 2>/dev/null
    wait $runner
}

# Three workers and rank 0 are killed in turn; each time something was done before, and the union has every item once.
killed_ranks() {
    rm -f ./*.log
    "$program" items=800 bytes=20000 log=one.log >out 2>err && sort one.log >expected
    before=0
    status=0
    for moment in 0.05:1 0.1:3 0.13:2 0.3:0; do
        kill_rank "${moment%:*}" "${moment#*:}" && status=1
        now=$(($(wc -l <killed.log)))
        echo "# rank ${moment#*:} killed after ${moment%:*} s: $now of 800 items delivered"
        [ $now -ge $before ] || status=1
        before=$now
    done
    [ "$before" -gt 0 ] && [ "$before" -lt 800 ] || status=1
    report $status 'four jobs end when a rank is killed, and keep what was delivered'
    ranks 4 items=800 us=20000 bytes=20000 log=killed.log && all_say 4 '0 '
    report $? 'the fifth does the rest'
    sort killed.log | cmp - expected
    report $? 'every item was delivered once, with the bytes of an undisturbed run'
}

# -- 6. all cases --

same_results 'short items' items=3000 bytes=100
same_results 'results of up to 5 MB' items=20 bytes=5000000
same_results 'fewer items than ranks' items=2 us=2000
same_results 'no items' items=0
all_fail 'an item fails' '-7 item 50 does not converge' items=1000 fail=50
all_fail 'a delivery fails' '-2 no room for item 12' refuse=12
all_fail 'they have other numbers of items' '-6 the ranks disagree on the number of items: from 100 to 101' uneven=2
all_fail 'progress asks to stop' '-8 interrupted after [0-9]* of 1000 items' items=1000 us=3000 stop=50
count_is_right
all_fail 'a working rank gets a signal' '-8 interrupted after [0-9]* of 1000 items' items=1000 us=3000 signal=40
count_is_right
stop_first_rank
killed_ranks
tap_end
