# tap.sh - how the shell tests count and print (TAP). Sourced; the test ends with `tap_end`.
# What is in the files named in $tap_shown is shown where a check fails.
# shellcheck shell=sh

number=0
failed=0
tap_shown='stderr'

report() { # status, text
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        # shellcheck disable=SC2086
        sed 's/^/# /' $tap_shown 2>/dev/null | head -60
        failed=1
    fi
}

# $1 = what holds, the rest = the command that prints a line for each place where it does not.
check() {
    description=$1
    shift
    found=$("$@" 2>&1)
    [ -z "$found" ]
    holds=$?
    tap_shown=/dev/null report $holds "$description"
    [ $holds = 0 ] || echo "$found" | sed 's/^/# /'
}

tap_end() {
    echo "1..$number"
    exit $failed
}
