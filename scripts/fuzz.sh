#!/bin/sh
# Runs every fuzz target for a bounded time, from the committed corpora on:
#
#   FUZZ_SECONDS   seconds a target (60)
#   FUZZ_RUNS      inputs a target instead, the same number on every machine; a fortieth of it for
#                  prove, each of whose inputs is a small world that is decided whole
#   FUZZ_TARGETS   only these
#
# What is new goes to fuzz/found/<target>; an input that fails stays in fuzz/artifacts. The
# nightly toolchain is not needed: no sanitizer is used (there is no unsafe code in what is
# fuzzed), and a stable compiler does the rest with RUSTC_BOOTSTRAP.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

command -v c++ >/dev/null || need_packages "libFuzzer is C++, and c++ is missing" g++
cargo_tool cargo-fuzz 0.13.2

targets=${FUZZ_TARGETS:-$(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)}
bound_of() {
    case ${FUZZ_RUNS:-}/$1 in
    /*) echo "-max_total_time=${FUZZ_SECONDS:-60}" ;;
    */prove) echo "-runs=$((FUZZ_RUNS / 40))" ;;
    *) echo "-runs=$FUZZ_RUNS" ;;
    esac
}
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$PWD/fuzz/target"
say "building the fuzz targets"
cargo fuzz build --fuzz-dir fuzz --sanitizer none
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p fuzz/artifacts
for target in $targets; do
    mkdir -p "fuzz/found/$target"
    log=fuzz/found/$target.log
    # A seed of its own makes runs by number the same everywhere.
    if ! "fuzz/target/$host/release/$target" "$(bound_of "$target")" -seed=1 -max_len=4096 -rss_limit_mb=1024 \
        -timeout=10 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target-" \
        "fuzz/found/$target" "fuzz/corpus/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "$target fails on an input in fuzz/artifacts/"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    [ "$runs" -gt 0 ] || die "$target ran no input"
    printf '| inputs of the fuzz target %s | %s | 0 | 0 | 0 | |\n' "$target" "$runs"
done
