#!/bin/sh
# install.sh - installs into a temporary prefix, compiles the example against it through pkg-config, and includes every
# public header alone, from C and (where there is a compiler) C++. Prints TAP.
set -u
echo 1..4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0
report() { # status, text
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

make -C "$top_builddir" --no-print-directory install DESTDIR="$work" >"$work/log" 2>&1
report $? 'make install into a temporary folder'
prefix=$(sed -n 's/^prefix=//p' "$top_builddir/rebias.pc")
sed "s|^prefix=.*|prefix=$work$prefix|" "$top_builddir/rebias.pc" >"$work/rebias.pc"
flags=$(PKG_CONFIG_PATH="$work" pkg-config --cflags rebias)
libs=$(PKG_CONFIG_PATH="$work" pkg-config --static --libs rebias)
sanitize=$(sed -n 's/^SANITIZE_CFLAGS = //p' "$top_builddir/Makefile")
compiler=$(sed -n 's/^CC = //p' "$top_builddir/Makefile")

$compiler -std=c11 $sanitize $flags "$srcdir/examples/pulse_curve.c" $libs -o "$work/pulse_curve" >>"$work/log" 2>&1 &&
    "$work/pulse_curve" >"$work/out" 2>>"$work/log" && grep -q '^500 ' "$work/out"
report $? 'the example compiles against the installed library and runs'

status=0
for header in "$work$prefix"/include/rebias/*.h; do
    echo "#include <rebias/${header##*/}>" >"$work/one.c"
    $compiler -std=c11 -Wall -Wextra -Wpedantic -Werror $flags -fsyntax-only "$work/one.c" >>"$work/log" 2>&1 || status=1
done
report $status 'every public header stands alone in C'

if command -v c++ >/dev/null 2>&1; then
    status=0
    for header in "$work$prefix"/include/rebias/*.h; do
        echo "#include <rebias/${header##*/}>" >"$work/one.cc"
        c++ -std=c++17 -Wall -Wextra -Werror $flags -fsyntax-only "$work/one.cc" >>"$work/log" 2>&1 || status=1
    done
    report $status 'every public header stands alone in C++'
else
    number=$((number + 1))
    echo "ok $number - no C++ compiler: headers not tried from C++"
fi
grep -q '^not ok' "$work/out" 2>/dev/null
sed 's/^/# /' "$work/log" | tail -20
