# deploy.gp - accuracy of deployed networks with its interval, one panel a method.
# Given: panels, first[], last[] (series of a panel), panel_names[], series_names[], xname, software, network,
#        replicates, $seriesK (x accuracy low high, %) for K = 1 .. last[panels].
if (xname eq 'copies (alpha)') { set key bottom right samplen 1 } else { set key at graph 1, graph 0.94 samplen 1 }
set yrange [0 : 100]
set autoscale xfix # from the first to the last value, not to a round number below 0 %
set offsets graph 0.03, graph 0.03, 0, 0
set xlabel xname
set multiplot layout 1,panels title sprintf('Deployed accuracy of %s (%d deployments: mean, 95 %% interval)', network, replicates)
set ylabel 'test accuracy (%)'
do for [p=1:panels] {
    set title panel_names[p]
    plot software with lines dt 2 lc rgb '#555555' title 'software', \
         for [k=first[p]:last[p]] '$series'.k using 1:2 with lines lw 2 lc rgb colour(k - first[p] + 1) notitle, \
         for [k=first[p]:last[p]] '$series'.k using 1:2:3:4 with yerrorbars pt 7 ps 0.8 lw 1.5 lc rgb colour(k - first[p] + 1) title series_names[k]
}
unset multiplot
