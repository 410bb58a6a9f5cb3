#!/bin/sh
# sweep_mpi.sh - a sweep gives the same bytes on threads, on MPI ranks, in shards that are merged, and after MPI ranks were
# killed and the job was started again. Prints TAP; without MPI or mpirun only says so.
# 1. setting   2. the same results   3. killed ranks   4. errors   5. all cases
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
# MPI libraries leak by design: ranks run without leak detection.
set -u
LC_ALL=C
export LC_ALL
build=$(cd "${top_builddir:-build}" && pwd)
program=$build/rebias
source=$(cd "${srcdir:-.}" && pwd)
if ! grep -q '^#define HAVE_MPI 1' "$build/config.h"; then
    echo '1..0 # SKIP built without MPI'
    exit 0
fi
if ! command -v mpirun >/dev/null 2>&1; then
    echo '1..0 # SKIP no mpirun'
    exit 0
fi
. "${srcdir:-.}/tests/tap.sh"
tap_shown='out err'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# -- 1. setting --

# 36 cells of less than 0.1 s, of two costs.
cat >grid.ini <<'END'
job = train
replicates = 6
[options]
trainer = mgd
task = nist7x7
layers = 49,4,4
eta = 0.3
looks = 4
[grid]
steps = 10000, 20000
device = ideal, tiox-1.5V, ag-asi
END

# More ranks than cores, as root in containers: as variables, for launchers differ in their options.
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Ranks on one machine need no network.
export OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
# By this the ranks of this test are known among all processes.
export REBIAS_TEST_JOB="$work"

# $1 = ranks, the rest = options of sweep run. A job that never ends is killed.
ranks() {
    count=$1
    shift
    ASAN_OPTIONS=detect_leaks=0 timeout -k 5 100 mpirun -n "$count" "$program" sweep run grid.ini -q "$@" >out 2>err
}

# Stands in for Slurm's: as many ranks as tasks, or the program itself.
mkdir stub
ln -s "$program" stub/rebias
cat >stub/srun <<'END'
#!/bin/sh
start=
while [ "${1#--}" != "$1" ]; do
    [ "$1" != --mpi=pmix ] || start="mpirun -n $SLURM_NTASKS"
    shift
done
exec $start "$@"
END
chmod +x stub/srun

# examples/sweep.slurm as Slurm would run it.
batch() {
    ASAN_OPTIONS=detect_leaks=0 PATH="$work/stub:$PATH" timeout -k 5 100 sh "$source/examples/sweep.slurm" \
        grid.ini results >out 2>err
}

# -- 2. the same results --

# $1 = store, $2 = how it came about: its export is that of one thread.
same_export() {
    "$program" sweep export "$1" -o export.csv >out 2>>err && cmp export.csv expected.csv
    report $? "$2"
}

same_results() {
    "$program" sweep run grid.ini -q --store one.db --threads 1 >out 2>err &&
        "$program" sweep export one.db -o expected.csv && [ "$(grep -c ',accuracy,' expected.csv)" = 144 ]
    report $? 'one thread: 36 cells with 4 accuracies each'
    "$program" sweep run grid.ini -q --store two.db --threads 2 >out 2>err
    same_export two.db 'two threads'
    ranks 2 --store 2.db && same_export 2.db 'two ranks'
    SLURM_NTASKS=4 batch && same_export results/sweep.db 'the batch script: one job of four ranks'
    for part in 1 3 4; do
        SLURM_ARRAY_TASK_ID=$part SLURM_ARRAY_TASK_COUNT=4 SLURM_CPUS_PER_TASK=2 batch || break
    done
    report $? 'the batch script: three of four parts'
    ranks 2 --store part2.db --shard 2/4 &&
        "$program" sweep merge all.db results/part-*.db part2.db >out 2>err
    same_export all.db 'four parts, one of them on ranks, merged'
}

# -- 3. killed ranks --

# Kills rank $1 of the job under way, $2 seconds after it has begun to compute.
kill_rank() {
    found=
    while [ -z "$found" ]; do
        kill -0 $runner 2>/dev/null || return
        sleep 0.05
        # shellcheck disable=SC2046
        found=$(grep -lzsE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1\$" \
            $(grep -lzs "^REBIAS_TEST_JOB=$work\$" /proc/[0-9]*/environ) /dev/null | head -1)
    done
    sleep "$2"
    found=${found#/proc/}
    kill -KILL "${found%/environ}" 2>/dev/null
}

cells_done() {
    "$program" sweep export killed.db 2>/dev/null | awk -F, '/,accuracy,/ { n++ } END { print n / 4 }'
}

killed_ranks() {
    killed=0
    before=0
    status=0
    for moment in 0.4:1 0.8:2 0.6:3 0.5:0; do
        ranks 4 --store killed.db &
        runner=$!
        kill_rank "${moment#*:}" "${moment%:*}"
        wait $runner || killed=$((killed + 1))
        now=$(cells_done)
        echo "# rank ${moment#*:} killed after ${moment%:*} s: $now of 36 cells in the store"
        [ "$now" -ge "$before" ] || status=1
        before=$now
    done
    [ $killed -gt 0 ] && [ "$before" -gt 0 ] && [ $status = 0 ]
    report $? "$killed jobs ended when a rank was killed, none took a finished cell along"
    ranks 4 --store killed.db && same_export killed.db 'ranks killed at several moments, the job started again each time'
}

# -- 4. errors --

all_errors() {
    ranks 3 --store missing/s.db
    [ $? = 1 ] && [ "$(grep -c 'missing/s.db: cannot open the store' err)" = 1 ]
    report $? 'a store that cannot be made ends all ranks, and is told once'
}

# -- 5. all cases --

same_results
killed_ranks
all_errors
tap_end
