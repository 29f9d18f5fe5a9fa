#!/bin/sh
# The linker of scripts/build-wasm.sh: runs WASM_LD with all that it is given but for the exports
# that the list WASM_INTERFACE does not name.
#
# A crate that the module is built from may export more than the module needs, as `proxy-wasm` does
# with a function for every callback there is. Left out here, such functions are dead code, which
# goes with all that they call. Cargo names the linker, so this needs no flag of rustc's.
set -eu

named=" $(sed -n 's/^export //p' "$WASM_INTERFACE" | tr '\n' ' ')"
left=$#
while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    if [ "$argument" = --export ] && [ "$left" -gt 0 ]; then
        case $named in *" $1 "*) set -- "$@" --export "$1" ;; esac
        shift
        left=$((left - 1))
    else
        set -- "$@" "$argument"
    fi
done
exec "$WASM_LD" "$@"
