#!/bin/sh
# Runs all tests, or those of the modules of tests/ that are named, and builds of the programs that
# tests are in only those: `hosts` is tests/envoy/hosts.rs, and `security/faults` a part of
# tests/envoy/security/. The name of a program, such as `conformance`, stands for all that is in it.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

[ $# -gt 0 ] || exec cargo test --locked

for name in "$@"; do
    if [ -f "tests/$name/main.rs" ]; then
        cargo test --locked --test "$name"
        continue
    fi
    program=
    for file in tests/*/"$name".rs tests/*/"$name"/mod.rs; do
        folder=${file#tests/}
        folder=${folder%%/*}
        if [ -f "$file" ] && [ -f "tests/$folder/main.rs" ]; then
            program=$folder
        fi
    done
    [ -n "$program" ] || die "tests/ has no module \`$name\`"
    cargo test --locked --test "$program" -- "$(printf '%s::' "$name" | sed 's,/,::,g')"
done
