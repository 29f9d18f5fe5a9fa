#!/bin/sh
# Builds the module in two folders of different names and compares the bytes: whoever has the same
# sources and toolchain gets the module whose checksum is published.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for folder in "$work/one" "$work/another/of-a-longer-name"; do
    mkdir -p "$folder"
    git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$folder"
    (cd "$folder" && unset CARGO_TARGET_DIR && scripts/build-wasm.sh filter)
    sum=$(sha256sum <"$folder/dist/egress_auth.wasm")
    sum=${sum%% *}
    printf '%s  %s\n' "$sum" "$folder/dist/egress_auth.wasm"
    [ "$sum" = "${first:=$sum}" ] || die "the two modules differ"
done
say "the same bytes twice"
