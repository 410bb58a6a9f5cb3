#!/bin/sh
# layers.sh - the arrows between the rooms never turn, only cli/ talks to people, and files and functions stay short.
# 1. rooms   2. includes   3. talking to people   4. sizes   5. checks
# Prints TAP. The source folder is $srcdir (default: ..).
# Functions are called through check():
# shellcheck disable=SC2317
set -u
LC_ALL=C
export LC_ALL
srcdir=${srcdir:-..}
. "$srcdir/tests/tap.sh"
rooms='base metrics datasets devmodel jumptable netsim sweep cli'

# -- 1. rooms --

# Rooms that room $1 may include from; none for a name that is no room.
allowed_rooms() {
    case $1 in
        base) echo base ;;
        metrics) echo base metrics ;;
        datasets) echo base datasets ;;
        devmodel) echo base datasets devmodel ;;
        jumptable) echo base metrics datasets devmodel jumptable ;;
        netsim) echo base metrics datasets devmodel netsim ;;
        sweep) echo base metrics datasets devmodel jumptable netsim sweep ;;
        cli) echo base metrics datasets devmodel jumptable netsim sweep cli ;;
    esac
}

# Room of the public header named $1 (without folder); empty when the table does not know it.
room_of_header() {
    case $1 in
        error.h | random.h | base.h) echo base ;;
        metrics.h | score.h | two_sample.h) echo metrics ;;
        pulses.h | images.h | tasks.h | yinyang.h) echo datasets ;;
        devmodel.h) echo devmodel ;;
        table.h | estimate.h | family.h | holdout.h) echo jumptable ;;
        crossbar.h | network.h | train.h | visits.h | model.h | mgd.h | weights.h | learn.h | quantise.h | chip.h | deploy.h | fine_tune.h | wires.h | write_verify.h) echo netsim ;;
        bias.h | bias_cells.h | compare.h | experiment.h | store.h | farm.h) echo sweep ;;
    esac
}

# -- 2. includes --

# Included names of file $1, one a line: everything in quotes, and <rebias/...>.
included_names() {
    sed -n -e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' \
        -e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\(rebias\/[^>]*\)>.*/\1/p' "$1"
}

# Room that the name $2, included by a file in folder $1, belongs to; "-" for config.h, empty when unknown.
room_of_name() {
    name=$2
    while :; do
        case $name in
            ../*) name=${name#../} ;;
            ./*) name=${name#./} ;;
            *) break ;;
        esac
    done
    case $name in
        config.h | plots/templates.h | plots/page.h) echo - ;; # generated
        include/rebias/* | rebias/*) room_of_header "${name##*/}" ;;
        */*) if [ -n "$(allowed_rooms "${name%%/*}")" ]; then echo "${name%%/*}"; fi ;;
        *)
            if [ "$1" = include/rebias ]; then
                room_of_header "$name"
            elif [ -f "$srcdir/$1/$name" ]; then
                echo "$1"
            fi
            ;;
    esac
}

# One line for each include of file $2 (in folder $1) that room $3 must not know.
wrong_includes() {
    for included in $(included_names "$2"); do
        room=$(room_of_name "$1" "$included")
        case " - $(allowed_rooms "$3") " in
            *" ${room:-unknown} "*) ;;
            *) echo "$2 includes $included of room ${room:-unknown}, which $3 must not know" ;;
        esac
    done
}

check_room() {
    for file in "$srcdir/$1"/*.c "$srcdir/$1"/*.h; do
        if [ -f "$file" ]; then
            wrong_includes "$1" "$file" "$1"
        fi
    done
}

check_public_headers() {
    for file in "$srcdir"/include/rebias/*.h; do
        room=$(room_of_header "${file##*/}")
        if [ -z "$room" ]; then
            echo "$file belongs to no room: add it to room_of_header in tests/layers.sh"
        else
            wrong_includes include/rebias "$file" "$room"
        fi
    done
}

# -- 3. talking to people --

# Lines of the .c and .h files of room $1 that match the expression $2, comments taken out.
search_code() {
    for file in "$srcdir/$1"/*.c "$srcdir/$1"/*.h; do
        if [ -f "$file" ]; then
            awk -v name="$file" -v wanted="$2" '
                {
                    line = $0; code = ""
                    while (line != "") {
                        if (inside) {
                            at = index(line, "*/")
                            if (at == 0) { line = ""; break }
                            line = substr(line, at + 2); inside = 0
                        } else {
                            at = index(line, "/*")
                            if (at == 0) { code = code line; line = ""; break }
                            code = code substr(line, 1, at - 1) " "; line = substr(line, at + 2); inside = 1
                        }
                    }
                    sub(/\/\/.*/, "", code)
                    if (code ~ wanted) print name ":" FNR ": " code
                }' "$file"
        fi
    done
}

check_calls() {
    calls='(^|[^A-Za-z0-9_])(v?printf|puts|putchar|perror|abort|_?exit|getenv|secure_getenv|setlocale)[ \t]*[(]'
    for room in $rooms; do
        if [ "$room" != cli ]; then
            search_code "$room" "$calls"
        fi
    done
}

# rebias_output_open's "-" in base/file.c is the one use of stdout.
check_streams() {
    for room in $rooms; do
        if [ "$room" != cli ]; then
            search_code "$room" '(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)' |
                awk '!(/\/base\/file\.c:/ && /stdout/ && !/stderr/)'
        fi
    done
}

# -- 4. sizes --

# Files of "$@" with $1 or more lines.
check_lines() {
    limit=$1
    shift
    for file in "$@"; do
        if [ -f "$file" ] && [ "$(wc -l <"$file")" -ge "$limit" ]; then
            echo "$file has $(($(wc -l <"$file"))) lines; fewer than $limit are allowed"
        fi
    done
}

# Functions above 60 lines: from the opening to the closing brace in column 1.
check_functions() {
    for file in "$srcdir"/*/*.c; do
        if [ -f "$file" ]; then
            awk -v name="$file" '
                /^[^ \t#{}\/*]/ { head = $0 }
                /^\{/ { start = FNR }
                /^\}/ && start > 0 {
                    if (FNR - start + 1 > 60)
                        print name ":" start ": " FNR - start + 1 " lines; at most 60 are allowed: " head
                    start = 0
                }' "$file"
        fi
    done
}

# -- 5. checks --

if [ ! -f "$srcdir/base/error.c" ] || [ ! -f "$srcdir/include/rebias/error.h" ]; then
    echo "Bail out! $srcdir is not the source folder"
    exit 1
fi
echo 1..14
for one in $rooms; do
    check "$one includes only what it may know" check_room "$one"
done
check 'public headers include only what their room may know' check_public_headers
check 'only cli prints, exits, reads the environment or sets the locale' check_calls
check 'only cli uses stdout and stderr' check_streams
check 'public headers have fewer than 250 lines' check_lines 250 "$srcdir"/include/rebias/*.h
check 'source files have fewer than 600 lines' check_lines 600 "$srcdir"/*/*.c
check 'functions have at most 60 lines' check_functions
exit $failed
