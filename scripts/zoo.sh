#!/bin/sh
# Real servers behind the gateway, as judges of what the filter lets through: installs and builds
# them, and has them judge.
#
#   ZOO_SERVERS   programs: nginx node go java (all of them)
#   ZOO_PATHS     how many paths are tried (20000)
#   ZOO_SEED      which ones (1)
#   ZOO_TRY       "HOST PATH": this one alone
#
# What packages of npm and PyPI, Go modules and Maven artifacts they need goes into .tools/zoo/ and
# the caches of those package managers, Debian's packages where they always go (INSTALL=1, as root).
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

: "${ZOO_SERVERS:=nginx node go java}"
export ZOO_SERVERS

SERVERS=tests/zoo/servers
TOOLS=$PWD/.tools/zoo
mkdir -p "$TOOLS"

# outdated FILE FOLDER: whether something in the folder is newer than the file.
outdated() {
    [ ! -e "$1" ] || [ -n "$(find "$2" -type f -newer "$1" | head -n 1)" ]
}

debian=
for server in $ZOO_SERVERS; do
    case $server in
    nginx)
        command -v nginx >/dev/null || debian="$debian nginx-light"
        need_node
        ;;
    node) need_node ;;
    go)
        command -v go >/dev/null || debian="$debian golang"
        ;;
    java)
        command -v mvn >/dev/null || debian="$debian maven openjdk-17-jdk-headless"
        ;;
    *) die "there is no server $server" ;;
    esac
done
# shellcheck disable=SC2086 # a list of words
[ -z "$debian" ] || need_packages "servers of the zoo are missing" $debian

for server in $ZOO_SERVERS; do
    case $server in
    go)
        if outdated "$TOOLS/go" $SERVERS/go; then
            say "building the servers in Go"
            (cd $SERVERS/go && go build -mod=readonly -tags nomsgpack -o "$TOOLS/go" .) >&2 ||
                die "go could not build the servers"
        fi
        ;;
    java)
        if outdated "$TOOLS/java/classpath" $SERVERS/java; then
            say "building the servers in Java"
            mvn --quiet --batch-mode --file $SERVERS/java/pom.xml compile \
                dependency:build-classpath -Dmdep.outputFile="$TOOLS/java/classpath" >&2 ||
                die "maven could not build the servers"
        fi
        ;;
    esac
done

cargo test --locked --test zoo
