# chip.gp - a chip: its kernels side by side, conductance in colour, stuck devices marked.
# Given: name, kernels, across, columns, rows, low, high, $maps (matrix of the whole figure, G in uS, -1e9 in gaps of 2 columns
# and 5 rows), $stuck_high and $stuck_low (x y), $labels (x y number); x, y in devices.
set title name
set size ratio -1
unset border
unset tics
unset grid
set cbtics
set palette defined (0 '#f7fbff', 0.35 '#9ecae1', 0.7 '#2171b5', 1 '#08306b')
set cbrange [low : high]
set cblabel 'G (uS)'
set key outside bottom center horizontal
lines = ceil(1.0 * kernels / across)
set xrange [-1.5 : across * (columns + 2) - 1.5]
set yrange [lines * (rows + 5) - 4.5 : -4.5]
# Marks about as large as a device, where figures are about 900 x 450 points.
size = 900.0 / (across * (columns + 2))
size = size < 450.0 / (lines * (rows + 5)) ? size : 450.0 / (lines * (rows + 5))
mark = size / 9.0 > 0.1 ? size / 9.0 : 0.1
plot '$maps' matrix using 1:2:($3 > -1e8 ? $3 : NaN) with image pixels notitle, \
     '$stuck_high' using 1:2 with points pt 5 ps mark lc rgb '#D55E00' notitle, \
     '$stuck_low' using 1:2 with points pt 5 ps mark lc rgb '#F0E442' notitle, \
     '$labels' using 1:2:3 with labels notitle, \
     NaN with points pt 5 ps 1.5 lc rgb '#D55E00' title 'stuck high', \
     NaN with points pt 5 ps 1.5 lc rgb '#F0E442' title 'stuck low'
