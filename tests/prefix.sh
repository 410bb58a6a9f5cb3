#!/bin/sh
# prefix.sh - every external symbol of the static library begins with rebias_. Prints TAP.
# $1 = the library (default: .libs/librebias.a).
set -u
LC_ALL=C
export LC_ALL
library=${1:-.libs/librebias.a}

echo 1..2
if ! listing=$(${NM:-nm} -g --defined-only "$library"); then
    echo "Bail out! cannot list the symbols of $library"
    exit 1
fi

# Lines of three fields are symbols (value, type, name). Not ours: a sanitizer's markers, and the "NAME.resolver"
# that clang makes external even for a static function with target clones. OpenMP's lock of a named critical
# section (".gomp_critical_user_NAME") counts by its name.
symbols=$(echo "$listing" | awk 'NF == 3 && $3 !~ /^__(odr_)?asan/ && $3 !~ /[.]resolver$/ { print $3 }' |
    sed 's/^\.gomp_critical_user_//')
ours=$(echo "$symbols" | grep -c '^rebias_')
foreign=$(echo "$symbols" | grep -v -e '^rebias_' -e '^$')

failed=0
if [ "$ours" -gt 0 ]; then
    echo "ok 1 - the library has symbols ($ours)"
else
    echo 'not ok 1 - the library has symbols'
    failed=1
fi
if [ -z "$foreign" ]; then
    echo 'ok 2 - all begin with rebias_'
else
    echo 'not ok 2 - all begin with rebias_'
    echo "$foreign" | sed 's/^/# /'
    failed=1
fi
exit $failed
