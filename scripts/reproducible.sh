#!/bin/sh
# Builds in two folders of different names and compares the bytes: whoever has the same sources and
# toolchain gets the files whose checksums are published. The module alone, or with RELEASE=1
# everything that `make release` makes.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
one=$work/one
another=$work/another/of-a-longer-name
# Both are copied before anything is built, so that no change comes between them.
for folder in "$one" "$another"; do
    mkdir -p "$folder"
    git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$folder"
done
unset CARGO_TARGET_DIR
# For both, once.
[ "${RELEASE:-}" != 1 ] || cargo_tool $CYCLONEDX
for folder in "$one" "$another"; do
    say "building in $folder"
    cd "$folder"
    if [ "${RELEASE:-}" = 1 ]; then
        scripts/release.sh >/dev/null
        cd dist/release
    else
        scripts/build-wasm.sh filter
        cd dist
    fi
    sha256sum -- * >"$folder.sums"
done
cat "$one.sums"
diff "$one.sums" "$another.sums" >&2 || die "the files of the two folders differ"
say "the same bytes twice"
