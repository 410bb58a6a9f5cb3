# style.gp - what all figures share; every template comes behind it.
# Colours that colour-blind readers can tell apart: Okabe and Ito, jfly.uni-koeln.de/color (2008).
set encoding utf8
set termoption noenhanced
array colours[8] = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#882255', '#000000']
colour(k) = colours[(k - 1) % 8 + 1]
set border 3
set tics nomirror out
set grid ytics lt 1 lc rgb '#dddddd'
