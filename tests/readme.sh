#!/bin/sh
# readme.sh - every command in a ```sh block of the README runs and exits 0, in order, in a scratch folder. Prints TAP.
# Lines of other blocks (```console: with output) are not run. Commands on images need Fashion-MNIST and are left out
# without it.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
ln -s "$top_builddir" "$work/build"
ln -s "$srcdir/examples" "$work/examples"
awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && /^build\/rebias / { print }' "$srcdir/README.md" \
    >"$work/commands"
total=$(wc -l <"$work/commands")
echo "1..$((total + 1))"
if [ "$total" -ge 8 ]; then echo "ok 1 - the README has $total commands"; else echo "not ok 1 - only $total commands found"; fi
images=no
[ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] && images=yes
cd "$work" || exit 1
number=1
while read -r line; do
    number=$((number + 1))
    case $line in
    *' train '* | *' bias '* | *' sweep '* | *' report '*)
        if [ $images = no ]; then
            echo "ok $number - left out, no Fashion-MNIST: $line"
            continue
        fi
        ;;
    esac
    if sh -c "$line" >out 2>err </dev/null; then
        echo "ok $number - $line"
    else
        echo "not ok $number - $line"
        sed 's/^/# /' err
    fi
done <commands
