#!/bin/sh
# Makes sure that Rust and a C linker are there, before cargo fails in less obvious words, and the
# programs that are named.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

command -v cargo >/dev/null ||
    die "cargo is not on PATH: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) \
or later, see https://rustup.rs"
command -v cc >/dev/null || need_packages "rustc links with cc, which is missing" gcc libc6-dev

for program in "$@"; do
    command -v "$program" >/dev/null || need_packages "$program is missing" "$program"
done
