#!/bin/sh
# Real servers behind the gateway, as judges of what the filter lets through: installs and builds
# them, and has them judge.
#
#   ZOO_SERVERS   some of: nginx httpd lighttpd haproxy ruby node python go java (all of them)
#   ZOO_PATHS     how many paths are tried (20000); below that, as much fewer hosts and headers
#   ZOO_SEED      which ones (1)
#   ZOO_TRY       "HOST PATH": this one alone
#   BLESS=1       writes what was found into docs/bypasses.md
#
# What they need of npm and PyPI, of Go modules and Maven artifacts goes into this checkout and the
# caches of those package managers, Debian's packages where they always go (INSTALL=1, as root).
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

: "${ZOO_SERVERS:=nginx httpd lighttpd haproxy ruby node python go java}"
export ZOO_SERVERS

SERVERS=tests/zoo/servers
TOOLS=$PWD/.tools/zoo
mkdir -p "$TOOLS"

# want COMMAND PACKAGE...: remembers the packages where the command is missing.
debian=
want() {
    command -v "$1" >/dev/null && return
    shift
    debian="$debian $*"
}

for server in $ZOO_SERVERS; do
    case $server in
    nginx)
        want nginx nginx-light
        want php-cgi php-cgi
        ;;
    httpd)
        want apache2 apache2
        [ -e /usr/lib/apache2/modules/mod_wsgi.so ] || debian="$debian libapache2-mod-wsgi-py3"
        ;;
    lighttpd | haproxy) want "$server" "$server" ;;
    ruby)
        want puma puma
        [ -d /usr/share/doc/ruby-sinatra ] || debian="$debian ruby-rack ruby-sinatra"
        ;;
    python) python3 -c 'import ensurepip, venv' 2>/dev/null || debian="$debian python3-venv" ;;
    go) want go golang ;;
    java)
        want mvn maven default-jdk-headless
        want nginx nginx-light
        ;;
    node) ;;
    *) die "there is no server $server" ;;
    esac
done
# shellcheck disable=SC2086 # a list of words
[ -z "$debian" ] || need_packages "servers of the zoo are missing" $debian

# outdated FILE FOLDER: whether something in the folder is newer than the file.
outdated() {
    [ ! -e "$1" ] || [ -n "$(find "$2" -type f -newer "$1" -not -path '*/node_modules/*')" ]
}

# Proxies stand before Node.
need_node
npm_packages $SERVERS/node
for server in $ZOO_SERVERS; do
    case $server in
    python)
        if ! cmp -s $SERVERS/python/requirements.txt "$TOOLS/python/requirements.txt"; then
            say "installing what $SERVERS/python/requirements.txt lists"
            python3 -m venv --clear "$TOOLS/python" >&2 &&
                "$TOOLS/python/bin/python" -m pip install --quiet --disable-pip-version-check \
                    --requirement $SERVERS/python/requirements.txt >&2 ||
                die "pip could not install the packages"
            cp $SERVERS/python/requirements.txt "$TOOLS/python/"
        fi
        ;;
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
