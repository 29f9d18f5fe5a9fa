#!/bin/sh
# Changes the pure parts of the product, one small thing at a time, and runs the tests beside the
# code on each. What no test notices is a survivor: it fails, unless tests/mutants.txt has it with a
# reason. A run of everything takes many hours:
#
#   MUTANTS_BASE     only lines that changed since this commit
#   MUTANTS_COUNT    at most about so many, evenly spread over them
#   MUTANTS_SHARD    only one part of several, such as 0/16
#   MUTANTS_SECONDS  no new one after this time
#
# What was found goes to mutants.out/. Dependencies are taken as `make test` has built them.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

KNOWN=tests/mutants.txt

set --
for folder in engine jwt policy compile prove signals filter; do
    set -- "$@" --file "src/$folder/**"
done
# What talks to Envoy is built for wasm only, and tested in Envoy.
set -- "$@" --exclude 'src/filter/wasm/**' --exclude '**/tests.rs' --exclude '**/*_tests.rs'

rm -rf mutants.out
mkdir -p mutants.out
if [ -n "${MUTANTS_BASE:-}" ]; then
    git diff "$MUTANTS_BASE" -- src >mutants.out/change.diff || die "there is no commit $MUTANTS_BASE"
    set -- "$@" --in-diff mutants.out/change.diff
fi
all=$(cargo mutants --list "$@" | wc -l)
if [ "$all" -eq 0 ]; then
    say "what has changed holds nothing to change"
    exit 0
fi
shard=${MUTANTS_SHARD:-}
if [ -z "$shard" ] && [ -n "${MUTANTS_COUNT:-}" ]; then
    shard=0/$(((all + MUTANTS_COUNT - 1) / MUTANTS_COUNT))
fi
[ -z "$shard" ] || set -- "$@" --shard "$shard" --sharding round-robin

# A folder of its own to build in: what is built of a changed source must never pass for the real.
export CARGO_TARGET_DIR="$PWD/target/mutants"
if [ ! -d "$CARGO_TARGET_DIR" ] && [ -d target/debug/deps ]; then
    mkdir -p "$CARGO_TARGET_DIR/debug"
    for part in .fingerprint build deps; do
        cp -al "target/debug/$part" "$CARGO_TARGET_DIR/debug/$part"
        find "$CARGO_TARGET_DIR/debug/$part" -maxdepth 1 -name '*egress[-_]auth*' \
            -exec rm -rf {} +
    done
fi
# A mutant may loop for ever.
status=0
timeout --signal=INT "${MUTANTS_SECONDS:-0}" cargo mutants --timeout 120 --baseline skip \
    --no-times --output . --cargo-arg=--lib "$@" || status=$?
case $status in
0 | 2 | 3) ;; # all caught; some missed; some timed out
124) say "stopped after $MUTANTS_SECONDS s" ;;
*) die "cargo-mutants failed" ;;
esac

count() { wc -l <"mutants.out/$1.txt"; }
# Lines move, so survivors are known by their file and the change.
sed 's/^\([^:]*\):[0-9]*:[0-9]*: /\1: /' mutants.out/missed.txt | LC_ALL=C sort -u >mutants.out/names
sed -n 's/^\(src[^|]*[^| ]\) *|.*/\1/p' $KNOWN | LC_ALL=C sort -u >mutants.out/known
caught=$(($(count caught) + $(count timeout)))
tried=$((caught + $(count missed)))
if [ "$tried" -eq 0 ]; then
    [ "$status" -eq 124 ] || die "none of $all changes was tried"
    say "NONE of $all changes was tried: there was not enough time"
    exit 0
fi
say "$tried of $all changes tried: $caught caught, $(count missed) survived" \
    "($(LC_ALL=C comm -12 mutants.out/names mutants.out/known | wc -l) for known reasons)"
new=$(LC_ALL=C comm -23 mutants.out/names mutants.out/known)
[ -z "$new" ] || die "no test notices these changes, and $KNOWN has no reason:
$new"
