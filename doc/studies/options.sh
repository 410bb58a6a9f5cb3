# options.sh - what the studies' scripts share; sourced by them.
# Given: points, replicates, methods, targets, usage, and allowed, the letters of the options that a script takes.
# Sets seed, threads, images and folder, reads the options, and makes the folder $work, which is removed at the end.
# The scripts use what is set here:
# shellcheck shell=sh disable=SC2034,SC2154

seed=1
threads=
images=mnist-small
folder=
while getopts "$allowed" option; do
    case $option in
        n) points=$OPTARG ;;
        r) replicates=$OPTARG ;;
        m) methods=$OPTARG ;;
        t) targets=$OPTARG ;;
        i) images=$OPTARG ;;
        s) seed=$OPTARG ;;
        j) threads=$OPTARG ;;
        o) folder=$OPTARG ;;
        *)
            echo "$usage" >&2
            exit 2
            ;;
    esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
