# Sourced by the other scripts: messages, and the one place that may install Debian packages.

say() { printf '%s\n' "egress-auth: $*" >&2; }
die() { printf '%s\n' "egress-auth: error: $*" >&2; exit 1; }

# need_packages WHY PACKAGE...: has apt-get install the packages when INSTALL=1 and the caller is
# already root; otherwise says which command to run, and stops. It never raises its own rights.
need_packages() {
    why=$1
    shift
    command -v apt-get >/dev/null || die "$why. Install what provides: $*"
    if [ "${INSTALL:-0}" = 1 ] && [ "$(id -u)" = 0 ]; then
        say "installing $* ($why)"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$@" >&2 ||
            die "apt-get could not install $*"
    else
        die "$why. Run:
    sudo apt-get update && sudo apt-get install --no-install-recommends $*"
    fi
}

# cargo_tool NAME VERSION: puts this version of a cargo subcommand on PATH, installed into .tools/
# where it is not there already.
cargo_tool() {
    PATH=$PWD/.tools/bin:$PATH
    export PATH
    if ! command -v "$1" >/dev/null; then
        say "installing $1 $2 into .tools/ (a few minutes, once)"
        CARGO_TARGET_DIR=.tools/target cargo install --quiet --locked --root .tools \
            --version "$2" "$1" >&2 || die "cargo could not install $1"
        rm -rf .tools/target
    fi
}

# Writes bills of materials: its name and version, for cargo_tool.
CYCLONEDX="cargo-cyclonedx 0.5.9"

# need_node: Node.js and npm, for what a package of npm is the best library for.
need_node() {
    command -v node >/dev/null && command -v npm >/dev/null ||
        need_packages "Node.js and npm are missing" nodejs npm
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || die "Node.js $(node --version) is too old: version 20 or later is needed"
}

# npm_packages FOLDER: what its package-lock.json says and nothing else, and none of it runs while
# it is installed.
npm_packages() {
    if ! cmp -s "$1/package-lock.json" "$1/node_modules/.installed"; then
        say "installing what $1/package-lock.json lists"
        (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
            die "npm could not install the packages"
        cp "$1/package-lock.json" "$1/node_modules/.installed"
    fi
}
