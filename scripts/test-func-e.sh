#!/bin/sh
# Has func-e download, verify and unpack an Envoy, and runs tests with it. The list of versions and
# the archive are made of the Envoy at hand and served on loopback: func-e does all that it does
# with the real ones. TESTS: the modules to run (default: scenario).
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

for program in python3 xz; do
    command -v "$program" >/dev/null || need_packages "$program is missing" python3 xz-utils
done
at_hand=$(ENVOY_VERSION='' scripts/get-envoy.sh)
version=$("$at_hand" --version | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) die "func-e knows no $(uname -m)" ;; esac
name=envoy-v$version-linux-$arch
mkdir -p "$work/served" "$work/$name/bin"
cp "$at_hand" "$work/$name/bin/envoy"
say "packing $at_hand as $name.tar.xz"
tar --create --directory "$work" "$name" | xz -0 -T0 >"$work/served/$name.tar.xz"
rm -r "${work:?}/$name"

python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/served" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    url=$(grep -o 'http://127[0-9.:]*' "$work/server.log" | head -n 1)
    [ -z "$url" ] || break
    sleep 0.1
done
[ -n "${url:-}" ] || die "the server did not start: $(cat "$work/server.log")"

# publish SHA256: what func-e reads first.
publish() {
    printf '{"versions":{"%s":{"releaseDate":"2026-01-01","tarballs":{"linux/%s":"%s"}}},"sha256sums":{"%s":"%s"}}\n' \
        "$version" "$arch" "$url/$name.tar.xz" "$name.tar.xz" "$1" >"$work/served/versions.json"
}
sum=$(sha256sum <"$work/served/$name.tar.xz" | cut -d ' ' -f 1)

# Nothing of the user's own func-e is used or changed.
export FUNC_E_HOME= FUNC_E_CONFIG_HOME="$work/config" FUNC_E_DATA_HOME="$work/data" \
    FUNC_E_STATE_HOME="$work/state" FUNC_E_RUNTIME_DIR="$work/run"
export ENVOY_VERSIONS_URL="$url/versions.json"
unset ENVOY_PATH

publish "$(printf '%s' "$sum" | tr 0-9a-f 1-9a-f0)"
if ENVOY_VERSION=$version scripts/get-envoy.sh >/dev/null 2>"$work/refused"; then
    die "an archive with another checksum was taken"
fi
grep -q 'SHA-256' "$work/refused" || die "it failed for another reason: $(cat "$work/refused")"
say "refused, as it should be: $(grep -m 1 'SHA-256' "$work/refused")"
rm -rf "$work/data"

publish "$sum"
ENVOY_PATH=$(ENVOY_VERSION=$version scripts/get-envoy.sh)
case $ENVOY_PATH in "$work/data/"*) ;; *) die "$ENVOY_PATH is not func-e's" ;; esac
cmp "$ENVOY_PATH" "$at_hand"
func_e=$(command -v func-e || printf '.tools/bin/func-e')
(unset ENVOY_PATH && ENVOY_VERSION=$version "$func_e" run --version) | grep -q "/$version/" ||
    die "func-e run does not run it"
grep -c "GET /$name.tar.xz" "$work/server.log" | { read -r downloads; [ "$downloads" = 2 ]; } ||
    die "not downloaded: $(cat "$work/server.log")"
if ENVOY_PATH='' ENVOY_VERSION=0.0.1 scripts/get-envoy.sh >/dev/null 2>&1; then
    die "a version that is not there was found"
fi
export ENVOY_PATH
scripts/test.sh ${TESTS:-scenario}
say "Envoy $version by func-e: all of it works"
