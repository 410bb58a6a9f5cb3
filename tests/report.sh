#!/bin/sh
# report.sh - the report says what `rebias bias` says, is well formed, needs nothing but itself, and tells what is missing.
# Prints TAP.
# 1. inputs   2. numbers   3. form   4. gaps   5. figures   6. checks
#
# Environment: srcdir = source folder, top_builddir = folder of the program.
# Functions are called through check():
# shellcheck disable=SC2317
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/tiny_images.sh"
cd "$work" || exit 1

# -- 1. inputs --

# A target whose name needs every escape of HTML.
target="a<b>&\"c'.jt.h5"
common="--images tiny --layers 16,5,3 --batch 8 --epochs 2 --resamples 2000"

# $1 = file, $2 = replicates, $3 = target, $4 = points, $5 = methods
experiment() {
    cat >"$1" <<INI
job = bias
replicates = $2
[options]
images = tiny
layers = 16,5,3
batch = 8
epochs = 2
target = $3
[grid]
points = $4
method = $5
INI
}

make_inputs() {
    tiny_images tiny
    "$program" data synth --device tiox-1.5V --points 400 -o pulses.csv -q &&
        "$program" fit pulses.csv --method binning:5 -o fitted.jt.h5 -q >/dev/null && cp fitted.jt.h5 "$target" || return 1
    experiment whole.ini 4 "$target" '30, 60' 'binning:5, quantile'
    "$program" sweep run whole.ini --store whole.db --threads 2 -q && "$program" report whole.db -o whole.html
}

# -- 2. numbers --

# Accuracy, bias, interval and verdict of each row of `rebias bias`, as the page's table has them.
expected_rows() {
    # $common is several words:
    # shellcheck disable=SC2086
    "$program" bias --target "$target" --method binning:5,quantile --points 30,60 --replicates 4 $common --format csv -q |
        awk -F, '
            /^#/ { next }
            !names { for (i = 1; i <= NF; i++) at[$i] = i; names = 1; next }
            $at["method"] == "target" { printf "target</th><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>\n",
                100 * $at["accuracy"], 100 * $at["sd"]; next }
            { verdict = $at["verdict"]
              printf "<td class=\"n\">%d</td><th scope=\"row\">%s</th><td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>", $at["points"],
                $at["method"], 100 * $at["accuracy"], 100 * $at["sd"]
              printf "<td class=\"n\">%+.2f</td><td class=\"n\">[%+.2f, %+.2f]</td>", 100 * $at["bias"], 100 * $at["bias_low"],
                100 * $at["bias_high"]
              sign = verdict == "over-promising" ? "&#9650; " : verdict == "under-promising" ? "&#9660; " : ""
              class = verdict == "over-promising" ? "over" : verdict == "under-promising" ? "under" : "none"
              printf "<td class=\"%s\">%s%s</td>\n", class, sign, verdict }'
}

same_numbers() {
    expected_rows >rows
    [ "$(wc -l <rows)" -eq 5 ] || echo "rebias bias printed $(wc -l <rows) rows instead of 5"
    while IFS= read -r row; do
        grep -F -q -e "$row" whole.html || echo "not in the page: $row"
    done <rows
}

# Without networks: device metrics, which `rebias bias --network none` prints in the same order.
device_metrics() {
    experiment devices.ini 2 tiox-1.5V '30, 60' 'binning:5, quantile'
    sed -e '/^images\|^layers\|^batch\|^epochs/d' -e 's/^\[options\]/[options]\nnetwork = none/' devices.ini >none.ini
    "$program" sweep run none.ini --store none.db -q && "$program" report none.db -o none.html || echo 'the sweep or the report failed'
    "$program" bias --target tiox-1.5V --network none --method binning:5,quantile --points 30,60 --replicates 2 --format csv -q |
        awk -F, '/^[0-9]/ { printf "<tr><td class=\"n\">%s</td><th scope=\"row\">%s</th>", $1, $2
            for (i = 3; i <= 15; i++) { if ($i ~ /^[-0-9]/) printf "<td class=\"n\">%.3g</td>", $i; else printf "<td class=\"n\">&ndash;</td>" }
            print "</tr>" }' >rows
    [ "$(wc -l <rows)" -eq 4 ] || echo "rebias bias printed $(wc -l <rows) rows instead of 4"
    while IFS= read -r row; do
        grep -F -q -e "$row" none.html || echo "not in the page: $row"
    done <rows
}

# -- 3. form --

# Tags that are not closed in the order in which they were opened, and reserved characters in text.
unbalanced() {
    awk '
        /<style>/ { style = 1 }
        !style { text = text $0 "\n" }
        /<\/style>/ { style = 0; text = text "<style></style>" }
        END {
            gsub(/<!DOCTYPE html>|<meta [^>]*>/, "", text)
            while (match(text, /<[^>]*>/)) {
                before = substr(text, 1, RSTART - 1); tag = substr(text, RSTART + 1, RLENGTH - 2); text = substr(text, RSTART + RLENGTH)
                if (before ~ />/) print "a bare > in: " before
                rest = before; while (match(rest, /&[^;]*;?/)) {
                    if (substr(rest, RSTART, RLENGTH) !~ /^&(#[0-9]+|[a-z]+);$/) print "a bare & in: " before
                    rest = substr(rest, RSTART + RLENGTH) }
                if (tag ~ /\/$/) continue
                name = tag; sub(/[ \n].*/, "", name)
                if (name ~ /^\//) { if (open[depth] != substr(name, 2)) print "<" open[depth] "> is closed by <" name ">"; depth-- }
                else if (name == "style") { depth++; open[depth] = name }
                else { depth++; open[depth] = name }
            }
            if (depth != 0) print "<" open[depth] "> is never closed"
            if (text ~ /[<&]/) print "text behind the page: " text
        }' "$1"
}

# Every figure's panels have a title and a description that ends in a number or bracket of the finding.
without_alternative() {
    awk '/<svg viewBox="0 0 440/ { panels++ } /^<title id=[^>]*>..*<\/title>$/ { titles++ } /^<desc id=[^>]*>..*[0-9].*<\/desc>$/ { texts++ }
        END { if (panels < 1 || titles != panels || texts != panels) print panels + 0 " panels, " titles + 0 " titles, " texts + 0 " texts" }' "$1"
}

escaped() {
    grep -q 'Target a&lt;b&gt;&amp;&quot;c&#39;\.jt\.h5' whole.html || echo 'the escaped name of the target is missing'
    if grep -n 'a<b' whole.html; then echo 'the bare name of the target is there'; fi
}

# Nothing is fetched and nothing is run.
alone() {
    grep -n -i -E '<script|<link|src=|@import|url\(|https?:' whole.html
}

one_heading() {
    awk 'match($0, /<h[1-6][ >]/) { level = substr($0, RSTART + 2, 1) + 0; if (level > before + 1) print "h" level " behind h" before
        if (level == 1) count++; before = level } END { if (count != 1) print count + 0 " h1" }' whole.html
}

# The experiment in the page $1.html, made from $1.db, makes the same cells.
experiment_works() {
    awk '/<pre>job = /{ on = 1 } on { line = $0; sub(/.*<pre>/, "", line); end = sub(/<\/pre>.*/, "", line); print line; if (end) exit }' "$1.html" |
        sed -e 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g' -e "s/&#39;/'/g" -e 's/&amp;/\&/g' >again.ini
    rm -f again.db
    "$program" sweep run again.ini --store again.db -q || echo 'the sweep failed'
    "$program" sweep export "$1.db" -o one.csv -q && "$program" sweep export again.db -o two.csv -q || echo 'no export'
    [ "$(grep -c accuracy one.csv)" -ge 10 ] || echo 'the export is too short'
    grep -v '^#' one.csv >one
    grep -v '^#' two.csv | cmp one - || echo 'other cells'
}

# With lists of two targets and of methods with long names, which fill more than a line.
long_experiment_works() {
    experiment long.ini 1 'tiox-1.5V' '30' \
        'binning:20:count:empirical, binning:19:count:empirical, binning:18:count:empirical, binning:17:count:empirical'
    sed -e 's/^target = .*//' -e 's/^\[grid\]/[grid]\ntarget = tiox-1.5V, tiox-1.8V/' long.ini >two.ini
    "$program" sweep run two.ini --store long.db -q && "$program" report long.db -o long.html || echo 'the sweep or the report failed'
    experiment_works long
}

# Without what depends on the clock.
timeless() {
    sed -e 's/: [0-9.e-]* [a-z]* of computing\././' -e 's/, [0-9.e-]* s each on average//' -e 's/[a-z]*\.db/S.db/g' "$1"
}

same_bytes() {
    "$program" sweep run whole.ini --store single.db --threads 1 -q && "$program" report single.db -o single.html --threads 1 ||
        echo 'the sweep or the report failed'
    timeless whole.html >one
    timeless single.html | sed 's/single\.html/whole.html/; s/ --threads 1//' >two
    diff one two
}

# -- 4. gaps --

incomplete() {
    experiment part.ini 2 tiox-1.5V 30 binning:5
    experiment rest.ini 1 tiox-1.5V '30, 60' binning:5
    "$program" sweep run part.ini --store part.db -q && "$program" sweep run rest.ini --store part.db -q &&
        "$program" report part.db -o part.html || echo 'the sweep or the report failed'
    grep -q '<p class="gap">2 of 5 finished runs are not shown: their replicates lack other runs.</p>' part.html ||
        echo 'the page does not say that 2 of 5 runs are left out'
    grep -q 'have no interval at 30 and 60 points' part.html || echo 'the page does not say that one replicate gives no interval'
    unbalanced part.html
}

target_gone() {
    rm "$target"
    "$program" report whole.db -o gone.html || echo 'the report failed'
    cp fitted.jt.h5 "$target"
    grep -q "<p class=\"gap\">No figure of the target's jumps: " gone.html ||
        echo 'the page does not say that the target is not there'
    [ "$(grep -c '<figure' gone.html)" -eq "$(($(grep -c '<figure' whole.html) - 1))" ] || echo 'not one figure less'
    grep '<td class="n">' whole.html >one
    grep '<td class="n">' gone.html >two
    cmp one two || echo 'other numbers without the target'
}

untouched() {
    cksum <whole.db >before
    "$program" report whole.db -o again.html
    cksum <whole.db | cmp - before || echo 'the store has changed'
    ls whole.db-* 2>/dev/null
}

# -- 5. figures --

svg_figures() {
    "$program" report whole.db --figures svg || echo 'the report failed'
    [ "$(find svg -name '*.svg' | wc -l)" -eq "$(grep -c '<figure' whole.html)" ] || echo 'not one SVG a figure of the page'
    for figure in svg/*.svg; do
        [ -s "${figure%.svg}.csv" ] || echo "$figure has no data beside it"
        unbalanced "$figure"
    done
    grep -q '^"Modeling bias: mean and 95 % interval","binning:5",30,' svg/bias-1-accuracy.csv || echo 'no bias in the data'
}

without_gnuplot() {
    mkdir -p nothing
    PATH=$work/nothing "$program" report whole.db --figures pdf --figure-format pdf 2>said || echo "exit code $?"
    for script in pdf/*.gp; do
        echo "rebias: ${script%.gp}.pdf was not drawn: gnuplot was not found (Debian: gnuplot-nox); its script is $script"
    done | sort >expected
    sort said | diff - expected
}

# Without gnuplot there is nothing to look at.
with_gnuplot() {
    command -v gnuplot >/dev/null || return
    "$program" report whole.db --figures png --figure-format png || echo 'the report failed'
    for script in png/*.gp; do
        [ "$(head -c 4 "${script%.gp}.png" | od -An -c | tr -d ' ')" = '211PNG' ] || echo "${script%.gp}.png is no picture"
    done
}

# -- 6. checks --

make_inputs || {
    echo 'Bail out! no store to report of'
    exit 1
}
echo 1..17
check 'accuracies, bias, intervals and verdicts are those of rebias bias' same_numbers
check 'device metrics are those of rebias bias --network none' device_metrics
check 'every tag is closed, every reserved character escaped' unbalanced whole.html
check 'every panel has a title and a text with numbers' without_alternative whole.html
check 'names are escaped' escaped
check 'the page fetches nothing and runs nothing' alone
check 'one h1, and no level is left out' one_heading
check 'the experiment that the page gives makes the same cells' experiment_works whole
check 'so does that of two targets and many methods' long_experiment_works
check 'the same bytes from stores made on one thread and on two' same_bytes
check 'runs of incomplete replicates are left out, and the page says so' incomplete
check 'without the target there is no figure of it, and the same numbers' target_gone
check 'the store is only read' untouched
check 'SVG figures with their data' svg_figures
check 'without gnuplot nothing fails, and it is said' without_gnuplot
check 'PNG figures by gnuplot' with_gnuplot
check 'the tag checker finds a broken page' eval 'printf "<p>a<b></p>" >broken; unbalanced broken | grep -q "<b> is closed by" || echo it does not'
exit $failed
