# Lists what a WebAssembly module imports and exports, one a line:
#
#   od -An -v -tu1 MODULE | awk -f wasm-interface.awk
#
# Reads the binary format (WebAssembly core specification, chapter 5): sections of a kind, a size
# and a content; in it vectors of entries that begin with names.

{
    for (i = 1; i <= NF; i++) bytes[n++] = $i
}

END {
    if (bytes[0] != 0 || bytes[1] != 97 || bytes[2] != 115 || bytes[3] != 109) {
        print "not a WebAssembly module" > "/dev/stderr"
        exit 1
    }
    for (at = 8; at < n; at = end) {
        kind = bytes[at++]
        size = number()
        end = at + size
        if (kind == 2) {
            for (left = number(); left > 0; left--) {
                module = text()
                print "import", module, text()
                description()
            }
        } else if (kind == 7) {
            for (left = number(); left > 0; left--) {
                print "export", text()
                at++
                number()
            }
        }
    }
}

# What is imported: a function's type, or the form of a table, a memory or a global.
function description(    what) {
    what = bytes[at++]
    if (what == 0) number()
    else if (what == 1) { at++; limits() }
    else if (what == 2) limits()
    else at += 2
}

function limits(    flags) {
    flags = number()
    number()
    if (flags % 2) number()
}

function number(    value, factor, byte) {
    value = 0
    factor = 1
    do {
        byte = bytes[at++]
        value += (byte % 128) * factor
        factor *= 128
    } while (byte >= 128)
    return value
}

function text(    length_, out) {
    out = ""
    for (length_ = number(); length_ > 0; length_--) out = out sprintf("%c", bytes[at++])
    return out
}
