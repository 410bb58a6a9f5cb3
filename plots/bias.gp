# bias.gp - accuracy against points with the target's band, and the push-pull error beside it.
# Given: target, unit, target_mean, target_sd, methods, names[], replicates, lowest, highest,
#        $cellsM (points accuracy sd push_pull) and $runsM (points accuracy push_pull) for M = 1 .. methods.
# side by side on the logarithmic axis
shift(m) = 10 ** (0.045 * (m - 0.5 * (methods + 1)))
set logscale x
set xrange [lowest / 1.6 : highest * 1.6]
set xlabel 'points per polarity'
set key top center outside horizontal samplen 1 maxrows 1
set multiplot layout 1,2 title sprintf('Modeling bias against %s (%d replicates: dots; mean and sd: bars)', target, replicates)

set ylabel 'test accuracy (%)'
set object 1 rectangle from graph 0, first target_mean - target_sd to graph 1, first target_mean + target_sd \
    fillcolor rgb '#bbbbbb' fillstyle solid 0.5 noborder behind
set arrow 1 from graph 0, first target_mean to graph 1, first target_mean nohead lc rgb '#555555' dt 2
plot for [m=1:methods] '$runs'.m using ($1*shift(m)):2 with points pt 7 ps 0.6 lc rgb colour(m) notitle, \
     for [m=1:methods] '$cells'.m using ($1*shift(m)):2:3 with yerrorbars pt 5 ps 1.2 lw 2 lc rgb colour(m) title names[m], \
     NaN with boxes fs solid 0.5 lc rgb '#bbbbbb' title 'target, mean and sd'
unset object 1
unset arrow 1

set ylabel sprintf('push-pull error (%s per pulse)', unit)
set arrow 2 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#555555' dt 2
plot for [m=1:methods] '$runs'.m using ($1*shift(m)):3 with points pt 7 ps 0.6 lc rgb colour(m) notitle, \
     for [m=1:methods] '$cells'.m using ($1*shift(m)):4 with linespoints pt 5 ps 1.2 lw 2 lc rgb colour(m) title names[m]
unset multiplot
