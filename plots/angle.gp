# angle.gp - MGD: cosine and angle between the estimated and the true gradient against integration time.
# Given: name, $angles (steps cosine sd angle law).
set multiplot layout 1,2 title name
set logscale x
set format x '%.0s%c'
set xlabel 'steps of integration'
set key left top samplen 2
set ylabel 'cosine to the true gradient'
set yrange [* : 1]
plot '$angles' using 1:($2-$3):($2+$3) with filledcurves fs solid 0.3 noborder lc rgb '#56B4E9' title 'mean +- sd', \
     '$angles' using 1:2 with lines lw 2 lc rgb '#0072B2' title 'mean', \
     '$angles' using 1:5 with lines lw 2 dt 2 lc rgb '#D55E00' title 'law of random codes'
set key right top
set ylabel 'angle (degrees)'
set yrange [0 : *]
plot '$angles' using 1:4 with lines lw 2 lc rgb '#0072B2' title 'of the mean cosine', \
     '$angles' using 1:(acos($5)*180/pi) with lines lw 2 dt 2 lc rgb '#D55E00' title 'law of random codes'
unset multiplot
