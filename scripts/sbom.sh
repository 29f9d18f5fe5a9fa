#!/bin/sh
# Writes bills of materials (CycloneDX 1.5, JSON) of the module and of the command line to dist/.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

cargo_tool $CYCLONEDX
mkdir -p dist
write() { # NAME TARGET
    cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$2" \
        --override-filename "$1.cdx"
    # No path of this machine gets into it.
    sed "s#file://$PWD#file:///egress-auth#g" "$1.cdx.json" >"dist/$1.cdx.json"
    rm "$1.cdx.json"
    say "dist/$1.cdx.json: $(grep -c '"purl"' "dist/$1.cdx.json") components"
}
write egress_auth.wasm wasm32-wasip1
write egress-auth "$(rustc -vV | sed -n 's/^host: //p')"
