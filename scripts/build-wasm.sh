#!/bin/sh
# Builds two modules for wasm32-wasip1: the filter, dist/egress_auth.wasm, and the engine of the
# page that `egress-auth report` writes, dist/egress_auth_page.wasm.
#
#   scripts/build-wasm.sh [build|filter|lint|toolchain]
#
# `filter` builds the first alone, for whoever needs no report and does not want to wait; `lint`
# runs clippy over the modules' code instead, warnings denied; `toolchain` prints the versions on
# which the modules' bytes depend, besides the sources.
#
# Three kinds of machine can do it, tried in this order (WASM_TOOLCHAIN=NAME picks one):
#
#   installed   the cargo on PATH has the target
#   rustup      rustup adds the target to it
#   debian      Debian's rustc-web and cargo-web build the standard library from rust-web-src
#
# wasm-opt (Binaryen) makes the module a tenth smaller and faster, and belongs to the build. Where it
# cannot be had, the module is built without, and the script says so.
#
# INSTALL=1 lets it install Debian's packages when it runs as root. Nothing else is installed, and
# where no way is open it says what to install.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

TARGET=wasm32-wasip1
DEBIAN_PACKAGES="rustc-web cargo-web rust-web-src lld-22 wasi-libc"

has_target() {
    command -v cargo >/dev/null && command -v rustc >/dev/null &&
        ls "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib/"libstd-*.rlib >/dev/null 2>&1
}

rustup_adds_target() {
    command -v rustup >/dev/null || return 1
    say "asking rustup for the target $TARGET"
    rustup target add "$TARGET" >&2 && has_target
}

# The newest linker for wasm that Debian installed (wasm-ld-22), or nothing.
debian_linker() {
    ls /usr/bin/wasm-ld-[0-9]* 2>/dev/null | sort -t- -k3n | tail -n 1
}

debian_is_ready() {
    [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] &&
        [ -e "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std/Cargo.toml" ] &&
        [ -n "$(debian_linker)" ] && [ -e "/usr/lib/wasm32-wasi/libc.a" ]
}

choose_way() {
    case ${WASM_TOOLCHAIN:-} in
    '') ;;
    installed) has_target || die "the cargo on PATH has no target $TARGET"; way=installed; return ;;
    rustup) rustup_adds_target || die "rustup could not add $TARGET"; way=rustup; return ;;
    debian) debian_is_ready || need_packages "WASM_TOOLCHAIN=debian" $DEBIAN_PACKAGES
        way=debian; return ;;
    *) die "WASM_TOOLCHAIN is installed, rustup or debian, not '$WASM_TOOLCHAIN'" ;;
    esac
    if has_target; then
        way=installed
    elif rustup_adds_target; then
        way=rustup
    elif debian_is_ready; then
        way=debian
    else
        need_packages "no Rust toolchain here can build for $TARGET: either 'rustup target add \
$TARGET' has to work, or Debian's own toolchain has to be there" $DEBIAN_PACKAGES
        debian_is_ready || die "Debian's toolchain is still incomplete after the installation"
        way=debian
    fi
}

# want_wasm_opt: has it installed where that is allowed. A module without it works all the same.
want_wasm_opt() {
    command -v wasm-opt >/dev/null && return
    if [ "${INSTALL:-0}" = 1 ] && [ "$(id -u)" = 0 ]; then
        (need_packages "wasm-opt is missing" binaryen) || true
    fi
    command -v wasm-opt >/dev/null ||
        say "WARNING: wasm-opt is missing, so the module will be larger and slower than it should" \
            "be, and other bytes than a release's. Install Debian's package binaryen, or Binaryen."
}

choose_way
mode=${1:-build}

# A target folder for each way, so that two toolchains do not undo each other's work.
target_dir=${CARGO_TARGET_DIR:-target}/wasm
cargo_home=${CARGO_HOME:-$HOME/.cargo}

case $way in
installed | rustup)
    cargo=cargo
    sysroot=$(rustc --print sysroot)
    linker=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
    building="with $(cargo --version) ($way)"
    set --
    flags=
    ;;
debian)
    # RUSTC_BOOTSTRAP allows `-Z build-std` on this stable compiler. The standard library is
    # built here, so its start files and libc come from wasi-libc and not from rustc itself.
    cargo=/usr/bin/cargo
    sysroot=$(/usr/bin/rustc --print sysroot)
    linker=$(debian_linker)
    building="with $($cargo --version) from Debian, the standard library from source (build-std), \
linker ${linker##*/}"
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    unset RUSTC_WRAPPER RUSTUP_TOOLCHAIN
    set -- -Z build-std=std,panic_abort
    target_dir=$target_dir-debian
    flags="-C link-self-contained=no -L native=/usr/lib/wasm32-wasi"
    ;;
esac

# Both by way of a script that leaves out what the module need not export.
export WASM_LD="$linker" CARGO_TARGET_WASM32_WASIP1_LINKER="$PWD/scripts/wasm-ld.sh"

# No path of this machine gets into the module: whoever builds the same sources with the same
# toolchain gets the same bytes.
flags="$flags --remap-path-prefix=$PWD=/egress-auth --remap-path-prefix=$cargo_home=/cargo \
--remap-path-prefix=$sysroot=/rust"
# The linker writes every number in five bytes unless it is told that nobody will relocate them.
flags="$flags -C link-arg=-O2 -C link-arg=--compress-relocations"

# What every runtime of Envoy's that has the module's own features can load.
WASM_OPT_FEATURES="--enable-bulk-memory --enable-mutable-globals --enable-multivalue \
--enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext"

# A module imports and exports what its list holds and nothing else: what the filter exports Envoy
# calls, for every request, and what it imports an Envoy, or the page's script, may lack. What a
# library imports and the module never calls is marked: nobody has to allow it.
check_interface() {
    sed 's/ uncalled$//' "$2" >"$1.interface"
    interface=$(od -An -v -tu1 "$1" | awk -f scripts/wasm-interface.awk | LC_ALL=C sort) ||
        die "$1 cannot be read"
    unexpected=$(printf '%s\n' "$interface" | LC_ALL=C comm -23 - "$1.interface")
    [ -z "$unexpected" ] || die "the module has what $2 does not list:
$unexpected"
    missing=$(printf '%s\n' "$interface" | LC_ALL=C comm -13 - "$1.interface" | grep '^export ') || true
    [ -z "$missing" ] || die "the module lacks what $2 lists:
$missing"
}

# build_module NAME INTERFACE DIRECTORY [CARGO-ARGUMENT...]: builds dist/NAME in DIRECTORY, which is
# of that module alone: two libraries of one name undo each other's work.
build_module() {
    name=$1
    interface_list=$2
    directory=$3
    shift 3
    WASM_INTERFACE=$PWD/$interface_list RUSTFLAGS="$flags" \
        "$cargo" rustc --locked --profile wasm --lib --crate-type cdylib --target "$TARGET" \
        --target-dir "$directory" "$@"
    mkdir -p dist
    built=$directory/$TARGET/wasm/egress_auth.wasm
    optimized="without wasm-opt, which is not on PATH"
    if command -v wasm-opt >/dev/null; then
        # Unquoted: one word for each feature. The first kilobyte is the far end of the stack, which
        # rustc has the linker put first: no address that is computed from one there is meant.
        wasm-opt $WASM_OPT_FEATURES -Oz --low-memory-unused --converge "$built" -o "$built.opt"
        built=$built.opt
        optimized="with $(wasm-opt --version)"
    fi
    check_interface "$built" "$interface_list"
    # Left alone when nothing changed; renamed into place, so that an Envoy that is reading it
    # never sees half a module.
    if ! cmp -s "$built" "dist/$name"; then
        cp "$built" "dist/$name.new"
        chmod 644 "dist/$name.new"
        mv "dist/$name.new" "dist/$name"
    fi
    say "dist/$name, $(($(wc -c <"dist/$name") / 1024)) KiB, built with the $way toolchain," \
        "$optimized"
}

[ "$mode" = toolchain ] || say "building for $TARGET $building"

case $mode in
build | filter)
    want_wasm_opt
    build_module egress_auth.wasm scripts/wasm-interface.txt "$target_dir" "$@"
    if [ "$mode" = build ]; then
        build_module egress_auth_page.wasm scripts/wasm-page-interface.txt "$target_dir-page" \
            --features page "$@"
    fi
    ;;
lint)
    # The two differ in a feature only, so no more than the library is looked at again.
    for features in "" page; do
        if [ "$way" != debian ] || [ -x /usr/bin/cargo-clippy ]; then
            RUSTFLAGS="$flags" "$cargo" clippy --locked --lib --target "$TARGET" \
                --target-dir "$target_dir" --features "$features" "$@" -- -D warnings
        else
            say "Debian's toolchain has no clippy (package rust-web-clippy): compiling with" \
                "warnings denied instead"
            RUSTFLAGS="$flags -D warnings" "$cargo" check --locked --lib --target "$TARGET" \
                --target-dir "$target_dir" --features "$features" "$@"
        fi
    done
    ;;
toolchain)
    "${RUSTC:-rustc}" --version
    if command -v wasm-opt >/dev/null; then wasm-opt --version; else echo "no wasm-opt"; fi
    ;;
*) die "usage: scripts/build-wasm.sh [build|filter|lint|toolchain]" ;;
esac
