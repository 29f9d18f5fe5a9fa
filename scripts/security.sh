#!/bin/sh
# Runs what tries to get past the filter, and what may fail around it, and prints what it counted:
# one row a kind. Fails where anything got through. All of it is bounded by number. FUZZ_RUNS is
# the number of inputs for each fuzz target (20000), 0 to fuzz nothing; for the real servers, see
# scripts/zoo.sh.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

began=$(date +%s)
log=$(mktemp)
trap 'rm -f "$log" "$log.rows"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cargo test --locked --test envoy --test pure -- --nocapture security:: corpora:: >"$log" || { cat "$log" >&2; exit 1; }
grep '^| ' "$log" >"$log.rows" || die "the tests print no rows"
scripts/zoo.sh >"$log" || { cat "$log" >&2; die "the zoo found something"; }
grep '^| zoo, ' "$log" >>"$log.rows"
if [ "${FUZZ_RUNS:=20000}" -gt 0 ]; then
    export FUZZ_RUNS
    scripts/fuzz.sh >>"$log.rows"
fi
printf '| what is tried | how often | wrongly allowed | wrongly denied | lost | remark |\n'
printf '|---|---|---|---|---|---|\n'
sort "$log.rows"
awk -F ' *[|] *' '
    { rows++; tried += $3; allowed += $4; denied += $5; lost += $6 }
    END {
        printf "| all %d | %d | %d | %d | %d | |\n", rows, tried, allowed, denied, lost
        exit allowed + lost != 0
    }' "$log.rows" || die "something got through or was lost"
say "took $(($(date +%s) - began)) s"
