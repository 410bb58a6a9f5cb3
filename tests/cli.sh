#!/bin/sh
# cli.sh - runs the program as the rows of cli_cases.txt say and looks at exit code, stdout, stderr and files. Prints TAP.
# 1. inputs   2. what a row needs   3. comparing   4. one row   5. all rows
#
# Environment: srcdir = source folder, top_builddir = folder of the program, REBIAS_SHARED_DATA = folder of measured and
# published data (may be missing). REGEN=1 rewrites tests/golden with what the program prints (make regen-golden): read
# the diff, and check new numbers against something else before you believe them.
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
shared=$(cd "${REBIAS_SHARED_DATA:-/nonexistent}" 2>/dev/null && pwd)
regen=${REGEN:-0}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$srcdir/tests/tiny_images.sh"

# -- 1. inputs --

# $1 = name, the rest are its lines.
lines() {
    file=$1
    shift
    printf '%s\n' "$@" >"$file"
}

make_pulses() {
    lines good.csv 'device,cycle,polarity,G_S,dG_S' '1,1,SET,1e-6,2e-7' '1,1,SET,2e-6,1e-7' '1,2,SET,3e-6,-5e-8' \
        '2,1,SET,4e-6,1e-7' '1,1,RESET,4e-6,-2e-7' '1,2,RESET,3e-6,-1e-7' '2,2,RESET,2e-6,5e-8' '2,2,RESET,1e-6,-1e-7'
    lines columns.csv 'way;before_kohm;later_kohm;chip' 'S;1000;500;1' 'R;500;1000;1' '+1;250;200;2' '-1;200;250;2'
    lines plain.csv 'polarity,G,dG' 'SET,1,0.5' 'RESET,2,-0.25'
    lines text.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'SET,abc,1e-7' 'RESET,2e-6,-1e-7' 'UP,2e-6,-1e-7'
    lines nan.csv 'polarity,G_S,dG_S' 'SET,1e-6,nan' 'RESET,2e-6,-1e-7'
    lines comma.csv 'polarity;G_S;dG_S' 'SET;1,5;1e-7' 'RESET;2e-6;-1e-7'
    lines hole.csv 'polarity,G_S,dG_S' 'SET,,1e-7' 'RESET,2e-6,-1e-7'
    lines column.csv 'polarity,G_S' 'SET,1e-6' 'RESET,2e-6'
    lines twice.csv 'polarity,G_S,G_uS,dG_S' 'SET,1e-6,1,1e-7'
    lines short.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'RESET,2e-6'
    lines quote.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' '"RESET,2e-6,-1e-7'
    lines header.csv 'polarity,G_S,dG_S'
    lines oneway.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'SET,2e-6,1e-7'
    lines negative.csv 'polarity,G_S,dG_S' 'SET,-1e-6,1e-7' 'RESET,2e-6,-1e-7'
    lines ohms.csv 'polarity,G_ohm,dG_S' 'SET,0,1e-7' 'RESET,2e-6,-1e-7'
    lines label.csv 'device,polarity,G_S,dG_S' 'x,SET,1e-6,1e-7' '1,RESET,2e-6,-1e-7'
    lines allbad.csv 'polarity,G_S,dG_S' 'SET,x,1e-7' 'RESET,y,-1e-7'
    lines few.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'RESET,2e-6,-1e-7'
    lines apart.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'SET,2e-6,1e-7' 'RESET,4e-6,-1e-7' 'RESET,5e-6,-1e-7'
    lines updown.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'UP,2e-6,-1e-7'
    lines short3.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'RESET,2e-6,-1e-7' 'RESET,2e-6'
    lines text4.csv 'polarity,G_S,dG_S' 'SET,1e-6,1e-7' 'SET,abc,1e-7' 'SET,3e-6,2e-7' 'RESET,1e-6,-1e-7' 'RESET,3e-6,-2e-7'
    lines misquote.csv 'polarity,G_S,dG_S' 'SET,1"e-6",1e-7' 'RESET,2e-6,-1e-7'
    lines notes.csv '# nothing but' '# comments'
    : >empty.csv
    printf 'polarity,G_S,dG_S\nSET,1e-6,\0001e-7\n' >nul.csv
    lines set.csv 'ramp1,ramp2' '1e-7,2e-7' '2e-7,4e-7' '4e-7,'
    lines reset.csv 'ramp1' '4e-7' '3e-7' '1e-7'
    lines set_bad.csv 'ramp1,ramp2' '1e-7,2e-7' '2e-7,x' '4e-7,5e-7' '5e-7,6e-7'
    lines set_single.csv 'ramp1' '1e-7'
    lines set_numbers.csv '1e-7' '2e-7'
}

# $1 = prefix, $2 = polarity, $3 = G levels, $4 = dG levels, the rest = rows of the CDF.
table_side() {
    side=${1}_$2
    printf '%s\n' "$3" | tr ' ' '\n' >"${side}_axis_level_G.txt"
    printf '%s\n' "$4" | tr ' ' '\n' >"${side}_axis_level_dG.txt"
    shift 4
    lines "${side}_cdf.txt" "$@"
}

make_tables() {
    jumps='-1e-6 0 1e-6 2e-6'
    table_side tiny set '1e-6 2e-6 3e-6' "$jumps" '0 0.25 0.75 1' '0.125 0.375 0.875 1' '0.25 0.5 1 1'
    table_side tiny reset '1e-6 2e-6 3e-6' '-2e-6 -1e-6 0 1e-6' '0 0.125 0.75 1' '0 0.25 0.875 1' '0.125 0.5 1 1'
    for bad in fall axis text rows apart high; do
        for part in tiny_*; do
            cp "$part" "$bad${part#tiny}"
        done
    done
    lines fall_reset_cdf.txt '0 0.125 0.75 1' '0 0.25 0.125 1' '0.125 0.5 1 1'
    lines axis_set_axis_level_G.txt 1e-6 3e-6 2e-6
    lines text_set_cdf.txt '0 0.25 0.75 1' '0.125 x 0.875 1' '0.25 0.5 1 1'
    lines rows_set_cdf.txt '0 0.25 0.75 1' '0.125 0.875 1' '0.25 0.5 1 1'
    lines apart_set_axis_level_G.txt 1e-6 2e-6 3e-6
    lines apart_reset_axis_level_G.txt 4e-6 5e-6 6e-6
    lines high_set_cdf.txt '0 0.25 0.75 1' '0.125 0.375 0.875 1.5' '0.25 0.5 1 1'
    for way in increasing decreasing; do
        lines "inverse_dG_$way.txt" 'TINY,G then CDF then dG' '1e-6,2e-6,3e-6' '0,0.5,1' '-1e-6,-1e-6,-1e-6' '0,1e-7,0' \
            '1e-6,1e-6,1e-6'
        lines "disorder_dG_$way.txt" 'TINY,G then CDF then dG' '1e-6,2e-6,3e-6' '0,0.5,0.5' '-1e-6,-1e-6,-1e-6' '0,0,0' \
            '1e-6,1e-6,1e-6'
    done
    lines words.h5 'this is no HDF5 file'
    printf '\211HDF\r\n\032\n' >magic.h5
    "$program" table convert xbtorch:tiny sound.jt.h5 -q
    head -c 3000 sound.jt.h5 >cut.jt.h5
}

make_images() {
    tiny_images tiny
    for bad in cut stub magic long fewlabels size; do
        cp -R tiny "$bad"
    done
    head -c 300 tiny/train-images-idx3-ubyte >cut/train-images-idx3-ubyte
    printf 'ab' >stub/t10k-images-idx3-ubyte
    cp tiny/train-labels-idx1-ubyte magic/train-images-idx3-ubyte
    printf 'x' >>long/t10k-labels-idx1-ubyte
    cp tiny/t10k-labels-idx1-ubyte fewlabels/train-labels-idx1-ubyte
    printf '\000\000\010\003\000\000\000\001\000\000\000\001\000\000\000\002ab' >size/t10k-images-idx3-ubyte
    printf '\000\000\010\001\000\000\000\001\000' >size/t10k-labels-idx1-ubyte
    mkdir none torn packed
    cp tiny/train-images-idx3-ubyte torn
    for part in tiny/*; do
        gzip -c "$part" >"packed/${part#tiny/}.gz"
    done
    cp -R packed cutgz
    head -c 200 packed/train-images-idx3-ubyte.gz >cutgz/train-images-idx3-ubyte.gz
}

# Experiments of one line wrong, beside a good one.
make_experiments() {
    lines sweep.ini 'job = train' 'replicates = 2' '[options]' 'trainer = mgd' 'task = xor' 'layers = 2,2,1' 'steps = 50' \
        'looks = 1' '[grid]' 'optimizer = plain, adam'
    lines devices.ini 'job = bias' '[options]' 'target = synthetic-lc' 'network = none' 'method = binning:5' '[grid]' \
        'points = 3, 50'
    sed 's/optimizer/optimiser/' sweep.ini >unknown.ini
    sed 's/adam/adamant/' sweep.ini >choice.ini
    sed 's/steps = 50/steps = many/' sweep.ini >number.ini
    sed 's/steps = 50/threads = 2/' sweep.ini >left_out.ini
    sed 's/looks = 1/two-sided = maybe/' sweep.ini >flag.ini
    sed 's/looks = 1/looks = 1, 2/' sweep.ini >list.ini
    sed 's/looks = 1/steps = 60/' sweep.ini >again.ini
    sed 's/job = train/job = fit/' sweep.ini >job.ini
    sed 's/trainer = mgd/trainer = mapped/' sweep.ini >mode.ini
    lines images.ini 'job = train' '[options]' 'images = tiny' 'layers = 16,5,3' 'device = ideal' '[grid]' \
        'train-images = 20, 41'
    sed -e 's/train/bias/' -e 's/device =/points = 30\nmethod = binning:5\ntarget =/' -e 's/bias-images/train-images/' \
        images.ini >biased.ini
    lines diverge.ini 'job = train' '[options]' 'images = tiny' 'layers = 16,5,5,5,3' 'trainer = software' \
        'activation = relu' 'loss = squared-error' '[grid]' 'rate = 0.1, 1e6'
    sed 's/points = 3, 50/points = 3,50/' devices.ini >comma.ini
    sed 's/points = 3, 50/points = 50, 5e1/' devices.ini >same.ini
    sed 's/method = binning:5/method = nonsense/' devices.ini >method.ini
    lines deploy.ini 'job = deploy' '[options]' 'network = none.h5' 'stuck = 0.1'
    lines nofile.ini 'job = deploy' '[options]' 'stuck = 0.1'
}

make_tools() {
    mkdir nothing broken folder blocked_reset_cdf.txt
    lines broken/gnuplot '#!/bin/sh' 'exit 7'
    chmod +x broken/gnuplot
    [ -z "$shared" ] || ln -s "$shared" shared
}

# -- 2. what a row needs --

have_fashion() {
    [ -d /usr/share/datasets/fashion-mnist ] || [ -d /usr/local/share/datasets/fashion-mnist ]
}

# Why the row named $1 cannot run here; nothing when it can.
missing_for() {
    case $1 in
        *shared:*) [ -d shared/. ] || echo 'the shared data are not here' ;;
    esac
    case $1 in
        *fashion:*) have_fashion || echo 'Fashion-MNIST is not installed' ;;
    esac
    case $1 in
        gnuplot:* | *:gnuplot:*) command -v gnuplot >/dev/null || echo 'gnuplot is not installed' ;;
    esac
    case $1 in
        *full:*) [ -c /dev/full ] || echo 'there is no /dev/full' ;;
    esac
}

# -- 3. comparing --

complain() {
    complaints="$complaints# $1
"
}

# The name, size and checksum of every file.
listing() {
    find . -type f -exec cksum {} + | sort
}

# What the program printed, less what changes with every release of it or of the HDF5 library.
plain_output() {
    sed -e 's/^# rebias [0-9][^ ]*$/# rebias VERSION/' -e 's/^\(# input: .*\.h5\) crc32:.*/\1 CHECKSUM/' "$work/stdout"
}

# Lines of a golden file that begin with "#! " say where its numbers come from; there must be one.
compare_golden() {
    golden=$srcdir/tests/golden/$1
    plain_output >"$work/plain"
    if [ "$regen" = 1 ]; then
        grep '^#! ' "$golden" >"$work/source" 2>/dev/null
        cat "$work/source" "$work/plain" >"$golden"
    fi
    if ! grep -q '^#! ' "$golden"; then
        complain "tests/golden/$1 has no line \"#! SOURCE OF THE NUMBERS\""
    elif ! grep -v '^#! ' "$golden" | cmp -s - "$work/plain"; then
        complain "stdout is not tests/golden/$1:"
        complaints="$complaints$(grep -v '^#! ' "$golden" | diff - "$work/plain" | sed 's/^/#   /')
"
    fi
}

# $1 = "stdout" or "stderr", $2 = what is expected of it.
compare_text() {
    case $2 in
        '') [ -s "$work/$1" ] || return ;;
        '*') return ;;
        '~'*) grep -E -q -e "${2#?}" "$work/$1" && return ;;
        *) grep -F -q -e "$2" "$work/$1" && return ;;
    esac
    complain "$1 should be '$2', but is:"
    complaints="$complaints$(sed 's/^/#   /' "$work/$1")
"
}

compare_stdout() {
    case $1 in
        '' | '*' | '~'*) compare_text stdout "$1" ;;
        /dev/full) ;;
        *) compare_golden "$1" ;;
    esac
}

# A run that fails says one thing (a failed check says it on stdout), and leaves every file as it was.
check_failure() {
    if [ "$want_code" != 3 ] && [ "$(wc -l <"$work/stderr")" -ne 1 ]; then
        complain 'stderr should hold one line:'
        complaints="$complaints$(sed 's/^/#   /' "$work/stderr")
"
    fi
    listing >"$work/after"
    if ! cmp -s "$work/before" "$work/after"; then
        complain 'files have changed:'
        complaints="$complaints$(diff "$work/before" "$work/after" | sed 's/^/#   /')
"
    fi
}

# -- 4. one row --

# $1 = name, $2 = arguments (or "@shell command"), $3 = file for stdin or "-".
run_program() {
    stdin=$3
    [ "$stdin" != - ] || stdin=/dev/null
    stdout=$work/stdout
    [ "$want_stdout" != /dev/full ] || stdout=/dev/full
    path=$PATH
    case $1 in
        *nognuplot:*) path=$work/scratch/nothing ;;
        *badgnuplot:*) path=$work/scratch/broken:$PATH ;;
    esac
    : >"$work/stdout"
    case $2 in
        @*) eval "${2#@}" <"$stdin" >"$stdout" 2>"$work/stderr" ;;
        *)
            eval "set -- $2"
            PATH=$path "$program" "$@" <"$stdin" >"$stdout" 2>"$work/stderr"
            ;;
    esac
}

# The next field of $rest, into $field. A " | " separates; empty fields share its blanks.
next_field() {
    field=${rest%%" | "*}
    case $rest in
        *" | "*) rest=" ${rest#*" | "}" ;;
        *) rest= ;;
    esac
    while [ "${field# }" != "$field" ]; do field=${field# }; done
    while [ "${field% }" != "$field" ]; do field=${field% }; done
}

read_row() {
    rest="$1 "
    next_field
    name=$field
    next_field
    words=$field
    next_field
    input=$field
    next_field
    want_code=$field
    next_field
    want_stdout=$field
    next_field
    want_stderr=$field
}

run_row() {
    read_row "$1"
    number=$((number + 1))
    reason=$(missing_for "$name")
    if [ -n "$reason" ]; then
        echo "ok $number - $name # left out: $reason"
        return
    fi
    complaints=
    case $want_code in
        [1-9]) listing >"$work/before" ;;
    esac
    run_program "$name" "$words" "$input"
    code=$?
    [ "$code" = "$want_code" ] || complain "exit code should be $want_code, but is $code"
    compare_stdout "$want_stdout"
    compare_text stderr "$want_stderr"
    case $want_code in
        [1-9]) check_failure ;;
    esac
    if [ -z "$complaints" ]; then
        echo "ok $number - $name"
    else
        failed=1
        echo "not ok $number - $name"
        printf '# rebias %s\n%s' "$words" "$complaints"
    fi
}

# -- 5. all rows --

number=0
failed=0
mkdir "$work/scratch" && cd "$work/scratch" || exit 1
make_pulses
make_tables
make_images
make_experiments
make_tools
while IFS= read -r row <&3; do
    case $row in
        '' | '#'*) ;;
        *) run_row "$row" ;;
    esac
done 3<"$srcdir/tests/cli_cases.txt"
echo "1..$number"
exit $failed
