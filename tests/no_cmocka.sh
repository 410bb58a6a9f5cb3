#!/bin/sh
# no_cmocka.sh - stands in for the unit tests when cmocka is not there: says so instead of vanishing.
echo '1..0 # SKIP cmocka was not found: the unit tests were not built'
