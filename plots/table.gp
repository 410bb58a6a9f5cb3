# table.gp - a jump table: per polarity the quantiles and the mean of the jump against G.
# Given: name, unit, dunit, low, high, $set and $reset (G q05 q25 q50 q75 q95 mean).
set multiplot layout 1,2 title name noenhanced
set xlabel sprintf('G (%s)', unit)
set border 3
set tics nomirror out
set grid ytics lc rgb '#dddddd'
set key top center outside horizontal samplen 2
set style fill solid noborder
set ylabel sprintf('dG of one SET pulse (%s)', dunit)
set xrange [low : high]
plot '$set' using 1:2:6 with filledcurves lc rgb '#c6dbef' title '5 to 95 %', \
     '$set' using 1:3:5 with filledcurves lc rgb '#6baed6' title '25 to 75 %', \
     '$set' using 1:4 with lines lw 2 dt 2 lc rgb '#08306b' title 'median', \
     '$set' using 1:7 with lines lw 2 lc rgb '#d94801' title 'mean', \
     0 with lines lc rgb '#555555' dt 3 notitle
set ylabel sprintf('dG of one RESET pulse (%s)', dunit)
plot '$reset' using 1:2:6 with filledcurves lc rgb '#c6dbef' title '5 to 95 %', \
     '$reset' using 1:3:5 with filledcurves lc rgb '#6baed6' title '25 to 75 %', \
     '$reset' using 1:4 with lines lw 2 dt 2 lc rgb '#08306b' title 'median', \
     '$reset' using 1:7 with lines lw 2 lc rgb '#d94801' title 'mean', \
     0 with lines lc rgb '#555555' dt 3 notitle
unset multiplot
