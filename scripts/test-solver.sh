#!/bin/sh
# Puts questions about path patterns to the prover and to z3 (PyPI's z3-solver, in .tools/z3).
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

Z3_VERSION=5.4.1.0
python=.tools/z3/bin/python

if ! "$python" -c 'import z3' 2>/dev/null; then
    command -v python3 >/dev/null || need_packages "python3 is missing" python3 python3-venv
    say "installing z3-solver $Z3_VERSION into .tools/z3"
    python3 -m venv .tools/z3 || need_packages "python3 makes no environments" python3-venv
    "$python" -m pip install --quiet --disable-pip-version-check "z3-solver==$Z3_VERSION" ||
        die "pip could not install z3-solver"
fi
Z3_PYTHON="$PWD/$python" cargo test --locked --test pure inclusions -- --ignored --nocapture
