#!/bin/sh
# report_browser.sh - the report in a browser: Chromium without a window, 1280 and 390 pixels wide, light and dark.
# Prints TAP. Skipped where there is no chromium.
# 1. a store of every job   2. the page that measures   3. checks
#
# Environment: srcdir = source folder, top_builddir = folder of the program, CHROMIUM = the browser (default: chromium).
# Functions are called through check():
# shellcheck disable=SC2317
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
program=$(cd "${top_builddir:-build}" && pwd)/rebias
browser=${CHROMIUM:-chromium}
if ! command -v "$browser" >/dev/null; then
    echo '1..0 # SKIP chromium is not installed'
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/tiny_images.sh"
cd "$work" || exit 1

# -- 1. a store of every job --

# $1 = job, $2 = replicates, the rest: lines of the experiment.
sweep() {
    job=$1
    replicates=$2
    shift 2
    printf '%s\n' "job = $job" "replicates = $replicates" '[options]' "$@" >"$job.ini"
    "$program" sweep run "$job.ini" --store s.db -q
}

make_report() {
    tiny_images tiny
    "$program" continual --task yinyang:2 --seeds 2 --epochs 2 --ternary -q -o network.h5 >/dev/null &&
        sweep bias 3 'images = tiny' 'layers = 16,5,3' 'batch = 8' 'epochs = 1' 'target = tiox-1.5V' '[grid]' \
            'points = 30, 100, 300' 'method = binning:20:count:empirical, quantile, polynomial' &&
        sweep train 3 'images = tiny' 'layers = 16,5,3' 'batch = 8' 'epochs = 4' '[grid]' \
            'device = ideal, tiox-1.5V, synthetic-lc' &&
        sweep continual 2 'task = yinyang:3' 'epochs = 1' '[grid]' 'ewc = 0, 100' &&
        sweep deploy 3 'network = network.h5' '[grid]' 'method = lea, mao' 'stuck = 0, 0.1' 'alpha = 1, 2' &&
        "$program" report s.db -o report.html
}

# -- 2. the page that measures --

# Shows the report $1 pixels wide and writes what is wrong with it, a line each, between two marks.
measuring_page() {
    cat <<HTML
<!DOCTYPE html><meta charset="utf-8"><style>body { margin: 0 } iframe { border: 0; width: $1px; height: 900px }</style>
<iframe id="frame" src="report.html"></iframe><pre id="out"></pre>
<script>
const lines = [];
function say(text) { lines.push(text.replace(/[<>&]/g, '?')); }
function box(element) { return element.getBoundingClientRect(); }
function luminance(colour) {
  const part = colour.match(/[0-9.]+/g).slice(0, 3).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
}
function contrast(a, b) { const x = luminance(a), y = luminance(b); return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); }
function overlap(a, b) { return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1; }
function checkPanel(svg, doc, view) {
  const name = svg.getAttribute('aria-labelledby'), outer = box(svg), texts = [...svg.querySelectorAll('text')];
  if (!(outer.width > 200 && outer.height > 100)) say('small figure ' + name + ': ' + outer.width + ' x ' + outer.height);
  for (const id of (name || '').split(' ')) if (!doc.getElementById(id) || !doc.getElementById(id).textContent.trim()) say('no text ' + id);
  if (!svg.querySelector('title')) say('no title in ' + name);
  for (const text of texts) {
    const b = box(text);
    if (b.left < outer.left - 1 || b.right > outer.right + 1 || b.top < outer.top - 1 || b.bottom > outer.bottom + 1) say('text outside ' + name + ': ' + text.textContent);
    if (contrast(view.getComputedStyle(text).fill, view.getComputedStyle(svg.closest('figure')).backgroundColor) < 4.5) say('faint text in ' + name);
  }
  for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++)
    if (overlap(box(texts[i]), box(texts[j]))) say('texts overlap in ' + name + ': ' + texts[i].textContent + ' and ' + texts[j].textContent);
  for (const mark of svg.querySelectorAll('.mark, .heat'))
    if (contrast(view.getComputedStyle(mark).fill, view.getComputedStyle(svg.closest('figure')).backgroundColor) < 1.5) { say('faint mark in ' + name); break; }
}
frame.onload = () => {
  const doc = frame.contentDocument, view = frame.contentWindow, root = doc.scrollingElement, panels = doc.querySelectorAll('figure svg[role=img]');
  if (root.scrollWidth > view.innerWidth) say('overflow: ' + root.scrollWidth + ' > ' + view.innerWidth);
  for (const part of doc.querySelectorAll('h1, h2, h3, p, li, figure, figcaption, caption span, dd, pre, .panel'))
    if (box(part).width > 0 && !part.closest('table') && box(part).right > view.innerWidth + 1) say('cut off: ' + part.tagName + ' ' + part.textContent.slice(0, 40));
  const style = view.getComputedStyle(doc.body);
  if (contrast(style.color, style.backgroundColor) < 7) say('faint text: ' + style.color + ' on ' + style.backgroundColor);
  for (const svg of panels) checkPanel(svg, doc, view);
  out.textContent = 'BEGIN\n' + lines.join('\n') + '\nEND ' + panels.length + ' panels, ' + (luminance(style.backgroundColor) < 0.2 ? 'dark' : 'light') + '\n';
};
</script>
HTML
}

# $1 = width, $2 = light or dark: complaints of the measuring page and of the browser's console.
measure() {
    scheme=1
    [ "$2" = dark ] && scheme=0
    measuring_page "$1" >measure.html
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --user-data-dir="$work/profile" \
        --blink-settings=preferredColorScheme="$scheme" --enable-logging=stderr --window-size="$1",900 --virtual-time-budget=5000 \
        --dump-dom "file://$work/measure.html" >dom 2>console
    grep CONSOLE console
    sed -n '/BEGIN$/,/^END/p' dom | sed -e '1d' -e '/^END/d' -e '/^$/d'
    panels=$(grep -c '<svg viewBox="0 0 440' report.html)
    grep -q "^END $panels panels, $2\$" dom || echo "not measured: $panels panels, $2: $(grep '^END' dom)"
}

# -- 3. checks --

# The measure is worth something only if it sees what is wrong.
finds_faults() {
    cp report.html good.html
    sed 's|</main>|<p style="width: 2000px">wide</p></main>|; s|</body>|<script>nonsense()</script></body>|' good.html >report.html
    measure 390 light >faults
    cp good.html report.html
    grep -q '^overflow: ' faults || echo 'a wide paragraph is not found'
    grep -q 'CONSOLE.*nonsense' faults || echo 'a script error is not found'
}

make_report || {
    echo 'Bail out! no report to look at'
    exit 1
}
echo 1..5
for width in 1280 390; do
    for scheme in light dark; do
        check "$width pixels, $scheme: no overflow, no errors, figures whole and legible" measure $width $scheme
    done
done
check 'the measure finds a page that is too wide and a script that fails' finds_faults
exit $failed
