#!/bin/sh
# Packs the filter as an OCI image, dist/egress_auth.oci.tar, as a WasmPlugin's oci:// URL takes it:
# one gzipped layer with plugin.wasm at its root (Istio's "compat" variant). No Docker is needed,
# and the same module gives the same bytes. To publish it:
#
#   skopeo copy oci-archive:dist/egress_auth.oci.tar docker://REGISTRY/egress-auth:VERSION
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

module=dist/egress_auth.wasm
[ -f "$module" ] || die "$module is missing: run 'make wasm'"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# An archive without this machine's times, users and order of files.
archive() { # FOLDER FILE...
    folder=$1
    shift
    tar --create --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX --directory "$folder" "$@"
}
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
size() { wc -c <"$1" | tr -d ' '; }
# Puts a file where the image layout has it: named by its digest.
blob() { cp "$1" "$work/image/blobs/sha256/$(sum "$1")"; }

mkdir -p "$work/layer" "$work/image/blobs/sha256"
cp "$module" "$work/layer/plugin.wasm"
archive "$work/layer" plugin.wasm >"$work/layer.tar"
gzip -9 -n <"$work/layer.tar" >"$work/layer.tar.gz"

# The platform that Docker would write: engines refuse to pull images of others.
printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(sum "$work/layer.tar")" >"$work/config.json"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}],"annotations":{"module.wasm.image/variant":"compat","org.opencontainers.image.title":"egress-auth","org.opencontainers.image.version":"%s","org.opencontainers.image.licenses":"Apache-2.0"}}' \
    "$(sum "$work/config.json")" "$(size "$work/config.json")" \
    "$(sum "$work/layer.tar.gz")" "$(size "$work/layer.tar.gz")" "$version" >"$work/manifest.json"
for file in layer.tar.gz config.json manifest.json; do blob "$work/$file"; done
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
    "$(sum "$work/manifest.json")" "$(size "$work/manifest.json")" "$version" >"$work/image/index.json"

archive "$work/image" . >dist/egress_auth.oci.tar
say "dist/egress_auth.oci.tar: module sha256:$(sum "$module")"
say "the image's digest, for oci://REGISTRY/egress-auth@DIGEST:"
printf 'sha256:%s\n' "$(sum "$work/manifest.json")"
