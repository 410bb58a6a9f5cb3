#!/bin/sh
# h5py.sh - files of networks between h5py and rebias, both ways: h5py's are those that users of PyTorch write. Prints TAP.
# Left out with a message where Python's h5py is missing.
# Functions are called through check():
# shellcheck disable=SC2317
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
if ! python3 -c 'import h5py, numpy' 2>/dev/null; then
    echo '1..0 # SKIP python3-h5py was not found'
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0
failed=0

# $1 = what, the rest = a command that must succeed.
check() {
    number=$((number + 1))
    what=$1
    shift
    if "$@" >said 2>&1; then
        echo "ok $number - $what"
    else
        failed=1
        echo "not ok $number - $what"
        sed 's/^/# /' said
    fi
}

# The layers of saved.h5 are those of examples/save_network.py.
expect_layers() {
    "$program" network info saved.h5 --format csv -q | grep -v '^#' >layers
    printf '%s\n' 'network,layer,inputs,outputs,biases,levels,gamma,zeros,largest' \
        '0,0,2,3,yes,,,0.16666666666666666,2' '0,1,3,2,no,3,1,0.3333333333333333,1' | diff - layers
}

check 'h5py writes a network' python3 "$srcdir/examples/save_network.py" saved.h5
check 'rebias reads it' expect_layers
printf '1 0\n0 -1\n1 1\n' >weights.txt
printf '1 2 3\n' >biases.txt
check 'rebias writes a network' "$program" network import --weights weights.txt --biases biases.txt --scale 0.5 \
    --activation relu --input-sd 2 -o imported.h5
check 'h5py reads it' python3 "$srcdir/tests/h5py_weights.py" imported.h5
echo "1..$number"
exit $failed
