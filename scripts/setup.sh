# setup.sh - what ./quickstart and ./check share: installs missing Debian packages, configures and builds in build/.
# Sourced by both from the project's folder.

packages="gcc make autoconf automake libtool pkg-config libgsl-dev libnlopt-dev libopenblas-dev libhdf5-dev zlib1g-dev
    libcsv-dev librandom123-dev libsuitesparse-dev libsqlite3-dev libinih-dev libcmocka-dev gnuplot-nox dataset-fashion-mnist"

say() {
    printf '%s\n' "$*" >&2
}

# Installs those of $packages that are missing; asks for root only then.
install_missing() {
    command -v dpkg-query >/dev/null 2>&1 || {
        say "This is not Debian or Ubuntu; the packages needed are: $packages"
        return 0
    }
    missing=
    for package in $packages; do
        state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) || state=
        [ "$state" = 'install ok installed' ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update -qq >&2 &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

# Configures (once) and builds; everything that is up to date is skipped.
build() {
    if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
        autoreconf --install --force >&2 || return 1
    fi
    mkdir -p build
    if [ ! -f build/Makefile ] || [ configure -nt build/config.status ]; then
        (cd build && ../configure --quiet) >&2 || return 1
    fi
    make -C build --no-print-directory -j "$(nproc 2>/dev/null || echo 2)" "$@" >&2
}
