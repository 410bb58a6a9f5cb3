# deploy_methods.gp - accuracy of ways to deploy with its interval, one curve a way, one panel a fraction of stuck devices
# (or one in all).
# Given: panels, series, panel_names[], series_names[], software, network, replicates, xname, copies (0 or 1: x is copies),
#        $panelPseriesK (x accuracy low high, %) for P = 1 .. panels, K = 1 .. series; x_tics, with copies also x_low, x_high.
data(p, k) = sprintf('$panel%dseries%d', p, k)
set yrange [0 : 100]
set xlabel xname
set multiplot title (replicates == 1 ? sprintf('Deployed accuracy of %s (one deployment)', network) : \
    sprintf('Deployed accuracy of %s (%d deployments: mean, 95 %% interval)', network, replicates))
# The legend has a strip of its own below the panels.
rows = ceil((series + 1) / 3.0)
strip = 0.06 * rows
if (copies) {
    set logscale x 2
    set xrange [x_low / 1.15 : x_high * 1.15]
    set xtics @x_tics
    set xlabel xname offset 0, -1 # tics have two lines
    set bmargin 5
    dodge(x, k) = x * 2**(0.035 * (k - 0.5 * (series + 1)))
} else {
    set autoscale xfix
    set offsets graph 0.04, graph 0.04, 0, 0
    dodge(x, k) = x
}
set tmargin 4
do for [p=1:panels] {
    set origin (p - 1.0) / panels, strip
    set size 1.0 / panels, 1.0 - strip - 0.03
    set title panel_names[p] offset 0, -0.5
    set ylabel (p == 1 ? 'test accuracy (%)' : '')
    unset key
    plot software with lines dt 2 lc rgb '#555555', \
         for [k=1:series] data(p, k) using (dodge($1, k)):2 with lines lw 2 lc rgb colour(k), \
         for [k=1:series] data(p, k) using (dodge($1, k)):2:3:4 with yerrorbars pt 7 ps 0.8 lw 1.5 lc rgb colour(k)
}
unset title; unset xlabel; unset ylabel; unset border; unset tics; unset grid; unset logscale
set margins 0, 0, 0, 0
set origin 0, 0
set size 1, strip
set xrange [0 : 1]
set yrange [0 : 1]
set key center center maxrows rows samplen 2
plot NaN with lines dt 2 lc rgb '#555555' title 'software', \
     for [k=1:series] NaN with linespoints pt 7 ps 0.8 lw 2 lc rgb colour(k) title series_names[k]
unset multiplot
