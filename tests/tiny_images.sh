# tiny_images.sh - a function for the shell tests: a data set of 4 x 4 images in IDX files that trains in milliseconds.
# shellcheck shell=sh

# Appends $2 images (and labels) of 3 classes to the pair of files $3, $4: in class c, row c is bright. $1 = seed of the noise
# (a linear congruential generator modulo 2^16: any noise will do, and every shell has the arithmetic).
tiny_pair() {
    noise=$1
    pixels=
    labels=
    image=0
    while [ "$image" -lt "$2" ]; do
        class=$((image % 3))
        labels="$labels\\00$class"
        pixel=0
        while [ "$pixel" -lt 16 ]; do
            noise=$(((noise * 75 + 74) % 65537))
            value=$((noise % 120))
            [ $((pixel / 4)) -eq "$class" ] && value=$((value + 100))
            pixels="$pixels\\$((value / 64))$((value / 8 % 8))$((value % 8))"
            pixel=$((pixel + 1))
        done
        image=$((image + 1))
    done
    size="\\000\\000\\000\\0$(($2 / 8))$(($2 % 8))"
    # The strings hold nothing but octal escapes, which only the format expands in every shell:
    # shellcheck disable=SC2059
    printf "\\000\\000\\010\\003$size\\000\\000\\000\\004\\000\\000\\000\\004$pixels" >"$3"
    # shellcheck disable=SC2059
    printf "\\000\\000\\010\\001$size$labels" >"$4"
}

# Makes the folder $1 with 40 training and 20 test images.
tiny_images() {
    mkdir -p "$1"
    tiny_pair 1 40 "$1/train-images-idx3-ubyte" "$1/train-labels-idx1-ubyte"
    tiny_pair 2 20 "$1/t10k-images-idx3-ubyte" "$1/t10k-labels-idx1-ubyte"
}
