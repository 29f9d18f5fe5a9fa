#!/bin/sh
# Prints the rustup toolchain to build with in place of that of rust-toolchain.toml, where that one
# is not installed and cannot be; nothing where it can, and where Rust is none of rustup's.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

command -v rustup >/dev/null && [ -z "${RUSTUP_TOOLCHAIN:-}" ] || exit 0
if error=$(cargo --version 2>&1 >/dev/null); then exit 0; fi
default=$(rustup default 2>/dev/null | cut -d ' ' -f 1)
[ -n "$default" ] || die "$error"
say "building with $default, as the Rust of rust-toolchain.toml is not to be had: ${error%%
*}"
printf '%s\n' "$default"
