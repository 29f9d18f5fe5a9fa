#!/bin/sh
# Checks licences, duplicate versions and sources of all dependencies, as deny.toml says, and
# known vulnerabilities where the advisory database can be had.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

cargo_tool cargo-deny 0.20.2
cargo deny check licenses bans sources
if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check advisories
else
    say "NOT checked: known vulnerabilities, since the RustSec database cannot be fetched here"
fi
