#!/bin/sh
# Puts everything that a release consists of into dist/release/. The same sources and the versions
# that TOOLCHAIN there names give the same bytes: no time, path or user of this machine gets into any
# file.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-target}/release-build
cargo_home=${CARGO_HOME:-$HOME/.cargo}
name=egress-auth-$version-$host

command -v wasm-opt >/dev/null ||
    need_packages "a release's modules are made smaller by wasm-opt, which is missing" binaryen
scripts/build-wasm.sh
say "building the command line for $host"
RUSTFLAGS="--remap-path-prefix=$PWD=/egress-auth --remap-path-prefix=$cargo_home=/cargo \
--remap-path-prefix=$(rustc --print sysroot)=/rust" \
    cargo build --locked --release --bin egress-auth --target-dir "$target_dir"

rm -rf dist/release "dist/$name"
mkdir -p dist/release "dist/$name"
trap 'rm -rf "dist/$name"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The modules lie beside the program, where the program looks for them.
cp "$target_dir/release/egress-auth" dist/egress_auth.wasm dist/egress_auth_page.wasm LICENSE README.md CHANGELOG.md "dist/$name/"
"dist/$name/egress-auth" man "dist/$name/man/man1"
mkdir "dist/$name/completions"
for shell in bash zsh fish; do
    "dist/$name/egress-auth" completions "$shell" >"dist/$name/completions/egress-auth.$shell"
done
tar --create --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --directory dist "$name" | gzip -9 -n >"dist/release/$name.tar.gz"

cp dist/egress_auth.wasm "dist/release/egress_auth-$version.wasm"
scripts/oci-image.sh >"dist/release/egress_auth-$version.oci.digest"
cp dist/egress_auth.oci.tar "dist/release/egress_auth-$version.oci.tar"
scripts/sbom.sh
for file in dist/*.cdx.json; do
    # A serial number and a time are all in them that differ from run to run.
    grep -vE '"(serialNumber|timestamp)":' "$file" >"dist/release/$(basename "$file")"
done
{
    echo "modules: $(scripts/build-wasm.sh toolchain | paste -s -d ',' | sed 's/,/, /g')"
    echo "command line: $(rustc --version), $(cc --version | head -n 1), $(ldd --version | head -n 1)"
    echo "archives: $(gzip --version | head -n 1)"
} >dist/release/TOOLCHAIN
(cd dist/release && sha256sum -- * >SHA256SUMS)
cat dist/release/SHA256SUMS
