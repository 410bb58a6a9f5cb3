# mgd.gp - MGD training: mean cost and accuracy of the test data against steps, hardware time on top.
# Given: name, hardware, seconds_a_step, logarithmic, $looks (steps cost accuracy).
set multiplot layout 1,2 title name
set border 15
set format x logarithmic ? '%.0s%c' : '%.1s%c'
set format x2 logarithmic ? '%.0s %cs' : '%.1s %cs'
stats '$looks' using 1 nooutput
low = logarithmic ? STATS_min : 0
high = STATS_max > low ? STATS_max : 2 * STATS_max
if (logarithmic) { set logscale x; set logscale x2 }
set xrange [low : high]
set x2range [low * seconds_a_step : high * seconds_a_step]
set xlabel 'steps'
set x2tics font ',11'
set x2label sprintf('time on %s hardware', hardware)
unset key
set ylabel 'mean cost'
set yrange [0 : *]
plot '$looks' using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb '#D55E00'
set ylabel 'accuracy (%)'
set yrange [0 : 100]
plot '$looks' using 1:3 with linespoints pt 7 ps 0.6 lw 2 lc rgb '#0072B2'
unset multiplot
